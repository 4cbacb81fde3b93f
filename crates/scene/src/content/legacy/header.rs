//! The bytes in front of every legacy tile (specification 1.0, §"Tile format specifications").

use bytes::Bytes;

use super::error;
use crate::content::{ContentError, ContentErrorKind, DecodeContext, Warning};

/// A length field at least this large is the start of a JSON text or a glTF instead: the mark of obsolete headers.
const TEXT_NOT_LENGTH: u32 = 0x2200_0000;

/// Which obsolete form a b3dm header has, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderForm {
    /// The form of the specification: four table lengths.
    Current,
    /// 20 bytes: batch length, batch table length.
    BatchLengthFirst,
    /// 24 bytes: batch table JSON and binary length, batch length.
    BatchLengthLast,
}

/// A b3dm, i3dm or pnts cut into its parts; every part lies inside the tile.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    pub(crate) form: HeaderForm,
    pub(crate) feature_table_json: Bytes,
    pub(crate) feature_table_binary: Bytes,
    pub(crate) batch_table_json: Bytes,
    pub(crate) batch_table_binary: Bytes,
    /// `BATCH_LENGTH` of obsolete headers.
    pub(crate) batch_length: Option<u32>,
    /// `gltfFormat` of i3dm.
    pub(crate) gltf_format: u32,
    /// What follows the tables.
    pub(crate) body: Bytes,
    /// Where the body starts, bytes from the start of the tile.
    pub(crate) body_offset: usize,
}

/// The little-endian number at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

/// The tile without what follows its `byteLength`; refuses other versions than 1 and tiles that end early.
pub(crate) fn own_bytes(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<Bytes, ContentError> {
    let truncated = |place: &str, reason: String| error(ContentErrorKind::Truncated, context, place, reason);
    let (Some(version), Some(length)) = (u32_at(bytes, 4), u32_at(bytes, 8)) else {
        return Err(truncated("byte 0", format!("the header needs 12 bytes, the file has {}", bytes.len())));
    };
    if version != 1 {
        let reason = format!("version {version} is unknown, only 1 is");
        return Err(error(ContentErrorKind::Unsupported, context, "byte 4", reason));
    }
    let length = length as usize;
    if length > bytes.len() {
        return Err(truncated(
            "byte 8",
            format!("byteLength is {length}, the file has {} bytes", bytes.len()),
        ));
    }
    if length < bytes.len() {
        let reason = format!("{} bytes after the end of the tile were ignored", bytes.len() - length);
        warnings.push(super::warning(context, format!("byte {length}"), reason));
    }
    Ok(bytes.slice(..length))
}

impl Sections {
    /// Cuts a tile (from [`own_bytes`]) whose header has `fields` length fields from byte 12 on: 4 for b3dm and pnts,
    /// 5 for i3dm (the last is `gltfFormat`). Only b3dm has obsolete forms.
    pub(crate) fn cut(
        tile: &Bytes,
        fields: usize,
        obsolete_forms: bool,
        context: &DecodeContext,
    ) -> Result<Self, ContentError> {
        let field = |index: usize| u32_at(tile, 12 + 4 * index);
        // The obsolete headers are shorter, so a missing field is only an error once the form is known.
        let form = match (field(2), field(3)) {
            (Some(third), _) if obsolete_forms && third >= TEXT_NOT_LENGTH => HeaderForm::BatchLengthFirst,
            (_, Some(fourth)) if obsolete_forms && fourth >= TEXT_NOT_LENGTH => HeaderForm::BatchLengthLast,
            _ => HeaderForm::Current,
        };
        let header = match form {
            HeaderForm::Current => 12 + 4 * fields,
            HeaderForm::BatchLengthFirst => 20,
            HeaderForm::BatchLengthLast => 24,
        };
        if tile.len() < header {
            let reason = format!("the header needs {header} bytes, the tile has {}", tile.len());
            return Err(error(ContentErrorKind::Truncated, context, "byte 12", reason));
        }
        let value = |index: usize| field(index).unwrap_or(0);
        let (lengths, batch_length) = match form {
            HeaderForm::Current => ([value(0), value(1), value(2), value(3)], None),
            HeaderForm::BatchLengthFirst => ([0, 0, value(1), 0], Some(value(0))),
            HeaderForm::BatchLengthLast => ([0, 0, value(0), value(1)], Some(value(2))),
        };
        let mut offset = header;
        let mut parts: [Bytes; 4] = Default::default();
        let names = ["feature table JSON", "feature table binary", "batch table JSON", "batch table binary"];
        for ((part, length), name) in parts.iter_mut().zip(lengths).zip(names) {
            let end = offset.saturating_add(length as usize);
            if end > tile.len() {
                let reason = format!("the {name} takes {length} bytes, {} are left", tile.len() - offset);
                return Err(error(ContentErrorKind::Truncated, context, format!("byte {offset}"), reason));
            }
            *part = tile.slice(offset..end);
            offset = end;
        }
        let [feature_table_json, feature_table_binary, batch_table_json, batch_table_binary] = parts;
        Ok(Self {
            form,
            feature_table_json,
            feature_table_binary,
            batch_table_json,
            batch_table_binary,
            batch_length,
            gltf_format: if fields > 4 { value(4) } else { 1 },
            body: tile.slice(offset..),
            body_offset: offset,
        })
    }
}
