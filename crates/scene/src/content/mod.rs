//! Bytes of a tile to geometry and textures ready for a GPU.

mod cost;
pub mod gltf;
pub mod model;
mod texture;

pub use model::*;

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

/// File formats of contents, told apart by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gltf,
}

fn format(bytes: &Bytes, uri: &str) -> Result<Format, ContentError> {
    let first = bytes.iter().copied().find(|b| !b.is_ascii_whitespace());
    if bytes.starts_with(b"glTF") || bytes.starts_with(&[0xEF, 0xBB, 0xBF]) || first == Some(b'{') {
        return Ok(Format::Gltf);
    }
    let start = bytes.get(..bytes.len().min(4)).unwrap_or_default().escape_ascii();
    Err(ContentError {
        kind: ContentErrorKind::UnknownFormat,
        file: uri.into(),
        place: "byte 0".into(),
        reason: format!("not a tile format that is read: starts with \"{start}\""),
    })
}

/// The resolved uris of what this content needs besides its own bytes (external buffers, images, i3dm models).
/// Reads headers and JSON only.
pub fn references(bytes: &Bytes, uri: &str) -> Result<Vec<String>, ContentError> {
    match format(bytes, uri)? {
        Format::Gltf => gltf::references(bytes, uri),
    }
}

/// What the content will take once decoded, from headers alone (accessor counts, image headers): exact or an upper
/// bound, so that memory can be reserved before decoding.
pub fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    match format(bytes, &context.uri)? {
        Format::Gltf => gltf::measure(bytes, context),
    }
}

/// Decodes b3dm, i3dm, pnts, cmpt, glb or gltf. Problems that do not prevent drawing come back as warnings.
pub fn decode(bytes: &Bytes, context: &DecodeContext) -> Result<(TileContent, Vec<Warning>), ContentError> {
    let mut warnings = Vec::new();
    let content = match format(bytes, &context.uri)? {
        Format::Gltf => gltf::decode_model(bytes, context, &mut warnings)?,
    };
    Ok((content, warnings))
}
