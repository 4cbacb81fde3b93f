//! Bytes of a tile to geometry and textures ready for a GPU.

mod cost;
mod format;
pub mod gltf;
mod legacy;
pub mod model;
pub(crate) mod texture;

pub use format::{Format, format};
pub use model::*;
pub(crate) use texture::check_sides;

use std::collections::HashMap;

use bytes::Bytes;

/// What decoding needs besides the bytes of the tile itself.
#[derive(Clone, Debug)]
pub struct DecodeContext {
    /// Uri of the content (for messages, and to resolve references).
    pub uri: String,
    /// External buffers, images and models by resolved uri, as [`references`] named them.
    pub resources: HashMap<String, Bytes>,
    /// Legacy `asset.gltfUpAxis` of the tileset.
    pub gltf_up_axis: UpAxis,
    /// Compressed formats the GPU can sample.
    pub texture_support: TextureSupport,
    /// Bytes (CPU + GPU) this content may take; a file that declares more is refused before memory is taken.
    pub budget_bytes: u64,
}

/// The resolved uris of what this content needs besides its own bytes (external buffers, images, i3dm models), sorted,
/// each once. Reads headers and JSON only. A model that an i3dm names may need files of its own: ask again with its
/// bytes and uri.
pub fn references(bytes: &Bytes, uri: &str) -> Result<Vec<String>, ContentError> {
    let context = DecodeContext {
        uri: uri.to_owned(),
        resources: HashMap::new(),
        gltf_up_axis: UpAxis::default(),
        texture_support: TextureSupport::default(),
        budget_bytes: u64::MAX,
    };
    let mut found = references_at_depth(bytes, &context, 0)?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// What the content will take once decoded, from headers alone (accessor counts, image headers): exact or an upper
/// bound, so that memory can be reserved before decoding.
pub fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    measure_at_depth(bytes, context, 0)
}

/// Decodes b3dm, i3dm, pnts, cmpt, glb or gltf. Problems that do not prevent drawing come back as warnings.
pub fn decode(bytes: &Bytes, context: &DecodeContext) -> Result<(TileContent, Vec<Warning>), ContentError> {
    let mut warnings = Vec::new();
    let content = decode_at_depth(bytes, context, &mut warnings, 0)?;
    Ok((content, warnings))
}

pub(crate) fn references_at_depth(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
) -> Result<Vec<String>, ContentError> {
    match format(bytes) {
        Format::B3dm => gltf::references(&legacy::b3dm::model(bytes, context)?, &context.uri),
        Format::I3dm => legacy::i3dm::references(bytes, context),
        Format::Pnts => Ok(Vec::new()),
        Format::Cmpt => legacy::cmpt::references(bytes, context, depth),
        Format::Glb | Format::GltfJson => gltf::references(bytes, &context.uri),
        other => Err(refuse(&other, context)),
    }
}

pub(crate) fn measure_at_depth(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
) -> Result<ContentCost, ContentError> {
    match format(bytes) {
        Format::B3dm => legacy::b3dm::measure(bytes, context),
        Format::I3dm => legacy::i3dm::measure(bytes, context),
        Format::Pnts => legacy::pnts::measure(bytes, context),
        Format::Cmpt => legacy::cmpt::measure(bytes, context, depth),
        Format::Glb | Format::GltfJson => gltf::measure(bytes, context),
        other => Err(refuse(&other, context)),
    }
}

pub(crate) fn decode_at_depth(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
    depth: usize,
) -> Result<TileContent, ContentError> {
    match format(bytes) {
        Format::B3dm => legacy::b3dm::decode(bytes, context, warnings),
        Format::I3dm => legacy::i3dm::decode(bytes, context, warnings),
        Format::Pnts => legacy::pnts::decode(bytes, context, warnings),
        Format::Cmpt => legacy::cmpt::decode(bytes, context, depth, warnings),
        Format::Glb | Format::GltfJson => gltf::decode_model(bytes, context, warnings),
        other => Err(refuse(&other, context)),
    }
}

fn refuse(format: &Format, context: &DecodeContext) -> ContentError {
    let (kind, reason) = match format {
        Format::Unsupported(name) => (ContentErrorKind::Unsupported, format!("{name} is not read")),
        Format::TilesetJson => (
            ContentErrorKind::Unsupported,
            "an external tileset is a tree, not a content to decode".to_owned(),
        ),
        Format::Unknown(head) if head.is_empty() => {
            (ContentErrorKind::Truncated, "the file is empty".to_owned())
        }
        Format::Unknown(head) => {
            (ContentErrorKind::UnknownFormat, format!("a file that starts with {head:?} is unknown"))
        }
        other => (ContentErrorKind::Unsupported, format!("{other:?} is not read here")),
    };
    ContentError { kind, file: context.uri.clone(), place: "byte 0".to_owned(), reason }
}
