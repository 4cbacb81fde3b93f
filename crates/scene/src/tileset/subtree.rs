//! Availability of one subtree (3D Tiles 1.1 §"Implicit Tiling", "Subtrees"), from binary `.subtree` or JSON.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    content::{ContentError, ContentErrorKind, Warning},
    tileset::{
        implicit::SubtreeShape,
        log::WarningLog,
        subtree_json::{self, RawAvailability, RawSubtree},
    },
    uri,
};

const MAGIC: &[u8; 4] = b"subt";
const HEADER_BYTES: usize = 24;

/// A parsed subtree: which tiles, contents and child subtrees there are. Bits stay where they lay in the file.
#[derive(Clone, Debug)]
pub struct Subtree {
    pub(crate) shape: SubtreeShape,
    pub(crate) uri: String,
    pub(crate) tiles: Availability,
    /// One per content template.
    pub(crate) contents: Vec<Availability>,
    pub(crate) child_subtrees: Availability,
    pub(crate) tables: Option<SubtreeTables>,
}

/// Property tables of a subtree, for readers of metadata.
#[derive(Clone, Debug)]
pub struct SubtreeTables {
    /// `propertyTables`.
    pub tables: Vec<Value>,
    /// `bufferViews`, resolved; `None` where the buffer is absent or too short.
    pub buffer_views: Vec<Option<Bytes>>,
    /// Index of the table with one row per available tile.
    pub tile_table: Option<usize>,
    /// Per content: index of the table with one row per available content.
    pub content_tables: Vec<Option<usize>>,
}

/// One bit per tile in Morton order, level by level.
#[derive(Clone, Debug)]
pub(crate) enum Availability {
    Constant { value: bool, len: u64 },
    Bits { bytes: Bytes, len: u64 },
}

impl Availability {
    pub(crate) fn get(&self, index: u64) -> bool {
        match self {
            Self::Constant { value, len } => *value && index < *len,
            Self::Bits { bytes, len } => {
                index < *len
                    && bytes.get((index / 8) as usize).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
            }
        }
    }

    /// Set bits in `start..end`; `start` is a multiple of 8.
    pub(crate) fn count_in(&self, start: u64, end: u64) -> u64 {
        match self {
            Self::Constant { value, len } => {
                if *value {
                    end.min(*len).saturating_sub(start)
                } else {
                    0
                }
            }
            Self::Bits { bytes, len } => {
                let end = end.min(*len);
                let whole = bytes.get((start / 8) as usize..(end / 8) as usize).unwrap_or_default();
                let full: u64 = whole.iter().map(|b| u64::from(b.count_ones())).sum();
                let mask = (1u8 << (end % 8)) - 1;
                let rest = bytes.get((end / 8) as usize).map_or(0, |b| u64::from((b & mask).count_ones()));
                full + rest
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Constant { len, .. } | Self::Bits { len, .. } => *len,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count_in(0, u64::MAX)
    }
}

impl Subtree {
    /// Resolved uris of the external buffers that [`Self::parse`] needs. Reads the JSON only.
    pub fn references(bytes: &Bytes, uri: &str) -> Result<Vec<String>, ContentError> {
        let mut log = WarningLog::new(uri);
        let file = File::of(bytes, uri)?;
        let raw = subtree_json::read(&file.json, &mut log)?;
        let mut found: Vec<String> = Vec::new();
        for view in &raw.buffer_views {
            let reference = raw.buffers.get(view.buffer).and_then(|b| b.uri.as_ref());
            let resolved = reference.filter(|r| !uri::is_data(r)).map(|r| uri::resolve(uri, r));
            if let Some(resolved) = resolved.filter(|r| !found.contains(r)) {
                found.push(resolved);
            }
        }
        Ok(found)
    }

    /// Parses a subtree. `shape` is [`crate::tileset::Tree::subtree_shape`] of the tile it belongs to; `resources` holds
    /// the external buffers by resolved uri. Takes no memory that grows with what the file claims.
    pub fn parse(
        bytes: &Bytes,
        uri: &str,
        shape: &SubtreeShape,
        resources: &HashMap<String, Bytes>,
    ) -> Result<(Self, Vec<Warning>), ContentError> {
        let mut log = WarningLog::new(uri);
        let file = File::of(bytes, uri)?;
        let mut raw = subtree_json::read(&file.json, &mut log)?;
        let buffer_views = buffer_views(&raw, &file, resources, &mut log);
        let mut availability = |raw: &RawAvailability, len: u64, what: &str| {
            available(raw, len, what, &buffer_views, uri, &mut log)
        };
        let missing = |what: &str| error(uri, format!("/{what}"), ContentErrorKind::Invalid, "is missing");
        let tiles = raw.tile_availability.as_ref().ok_or_else(|| missing("tileAvailability"))?;
        let tiles = availability(tiles, shape.tile_count(), "tileAvailability")?;
        let child_subtrees =
            raw.child_subtree_availability.as_ref().ok_or_else(|| missing("childSubtreeAvailability"))?;
        let child_subtrees =
            availability(child_subtrees, shape.child_subtree_count(), "childSubtreeAvailability")?;
        let mut contents = Vec::new();
        for (index, raw) in raw.content_availability.iter().take(shape.content_count).enumerate() {
            contents.push(availability(raw, shape.tile_count(), &format!("contentAvailability/{index}"))?);
        }
        if raw.content_availability.len() != shape.content_count {
            let found = raw.content_availability.len();
            let reason = format!("{found} contents where the tileset has {}", shape.content_count);
            log.push(|| "/contentAvailability".into(), reason);
        }
        contents.resize(shape.content_count, Availability::Constant { value: false, len: 0 });

        let tables = (!raw.property_tables.is_empty()).then(|| SubtreeTables {
            tables: std::mem::take(&mut raw.property_tables),
            buffer_views,
            tile_table: raw.tile_metadata,
            content_tables: std::mem::take(&mut raw.content_metadata),
        });
        let subtree =
            Self { shape: shape.clone(), uri: uri.to_owned(), tiles, contents, child_subtrees, tables };
        Ok((subtree, log.finish()))
    }

    /// Number of available tiles, orphans included.
    pub fn available_tiles(&self) -> u64 {
        self.tiles.count()
    }

    /// Number of available contents, over all templates.
    pub fn available_contents(&self) -> u64 {
        self.contents.iter().map(Availability::count).sum()
    }

    /// Number of available child subtrees.
    pub fn available_child_subtrees(&self) -> u64 {
        self.child_subtrees.count()
    }

    /// Property tables, if the subtree has any.
    pub fn tables(&self) -> Option<&SubtreeTables> {
        self.tables.as_ref()
    }
}

/// The chunks of a subtree file.
struct File {
    json: Bytes,
    /// `None` in JSON form.
    binary: Option<Bytes>,
    uri: String,
}

impl File {
    fn of(bytes: &Bytes, uri: &str) -> Result<Self, ContentError> {
        let uri = uri.to_owned();
        if !bytes.starts_with(MAGIC) {
            let is_json = bytes.iter().find(|b| !b.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(b))
                == Some(&b'{');
            return match is_json {
                true => Ok(Self { json: bytes.clone(), binary: None, uri }),
                false => {
                    Err(error(&uri, "byte 0", ContentErrorKind::UnknownFormat, "neither a subtree nor JSON"))
                }
            };
        }
        let header = bytes.get(..HEADER_BYTES).ok_or_else(|| {
            error(
                &uri,
                "byte 0",
                ContentErrorKind::Truncated,
                format!("{} bytes; the header has {HEADER_BYTES}", bytes.len()),
            )
        })?;
        let version = header.get(4..8).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        if version != 1 {
            return Err(error(
                &uri,
                "byte 4",
                ContentErrorKind::Invalid,
                format!("version {version}; 1 is read"),
            ));
        }
        let length =
            |at: usize| header.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
        let (json_bytes, binary_bytes) = (length(8), length(16));
        let left = (bytes.len() - HEADER_BYTES) as u64;
        let end = json_bytes.checked_add(binary_bytes).filter(|&sum| sum <= left).ok_or_else(|| {
            let reason =
                format!("chunks of {json_bytes} and {binary_bytes} bytes, but {left} bytes are left");
            error(&uri, "byte 8", ContentErrorKind::Truncated, reason)
        })?;
        let json_end = HEADER_BYTES + json_bytes as usize;
        Ok(Self {
            json: bytes.slice(HEADER_BYTES..json_end),
            binary: Some(bytes.slice(json_end..HEADER_BYTES + end as usize)),
            uri,
        })
    }
}

fn buffer_views(
    raw: &RawSubtree,
    file: &File,
    resources: &HashMap<String, Bytes>,
    log: &mut WarningLog,
) -> Vec<Option<Bytes>> {
    let mut buffers: Vec<Option<Bytes>> = Vec::with_capacity(raw.buffers.len());
    for (index, buffer) in raw.buffers.iter().enumerate() {
        let bytes = match &buffer.uri {
            None => file.binary.clone().filter(|_| index == 0),
            Some(reference) if uri::is_data(reference) => data_of(reference),
            Some(reference) => resources.get(&uri::resolve(&file.uri, reference)).cloned(),
        };
        let is_used = raw.buffer_views.iter().any(|v| v.buffer == index);
        if bytes.is_none() && is_used {
            log.push(|| format!("/buffers/{index}"), "its bytes are not there");
        }
        let long_enough = bytes.filter(|b| b.len() as u64 >= buffer.byte_length);
        buffers.push(long_enough.map(|b| b.slice(..buffer.byte_length as usize)));
    }
    let view = |view: &subtree_json::RawBufferView| {
        let buffer = buffers.get(view.buffer)?.as_ref()?;
        let end = view.byte_offset.checked_add(view.byte_length).filter(|&e| e <= buffer.len() as u64)?;
        Some(buffer.slice(view.byte_offset as usize..end as usize))
    };
    raw.buffer_views.iter().map(view).collect()
}

fn data_of(reference: &str) -> Option<Bytes> {
    use base64::Engine as _;
    let (head, payload) = reference.split_once(',')?;
    if !head.to_ascii_lowercase().ends_with(";base64") {
        return None;
    }
    base64::engine::general_purpose::STANDARD.decode(payload).ok().map(Bytes::from)
}

fn available(
    raw: &RawAvailability,
    len: u64,
    what: &str,
    buffer_views: &[Option<Bytes>],
    file: &str,
    log: &mut WarningLog,
) -> Result<Availability, ContentError> {
    let place = || format!("/{what}");
    let invalid = |reason: String| error(file, place(), ContentErrorKind::Invalid, reason);
    let found = match (raw.constant, raw.bitstream) {
        (Some(value), bitstream) => {
            if bitstream.is_some() {
                log.push(place, "both `constant` and `bitstream`; `constant` is used");
            }
            Availability::Constant { value, len }
        }
        (None, Some(view)) => {
            let bytes = buffer_views.get(view).and_then(Option::as_ref).ok_or_else(|| {
                invalid(format!("buffer view {view} is not there or not within its buffer"))
            })?;
            let wanted = len.div_ceil(8);
            if (bytes.len() as u64) < wanted {
                return Err(invalid(format!(
                    "{} bytes where {wanted} are needed for {len} bits",
                    bytes.len()
                )));
            }
            if bytes.len() as u64 > wanted {
                log.push(place, format!("{} bytes where {wanted} are needed for {len} bits", bytes.len()));
            }
            Availability::Bits { bytes: bytes.slice(..wanted as usize), len }
        }
        (None, None) => return Err(invalid("neither `constant` nor `bitstream`".into())),
    };
    if let Some(stated) = raw.available_count {
        let counted = found.count();
        if stated != counted {
            log.push(place, format!("`availableCount` is {stated}, but {counted} bits are set"));
        }
    }
    Ok(found)
}

fn error(
    file: &str,
    place: impl Into<String>,
    kind: ContentErrorKind,
    reason: impl Into<String>,
) -> ContentError {
    ContentError { kind, file: file.to_owned(), place: place.into(), reason: reason.into() }
}
