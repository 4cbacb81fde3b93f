//! Bytes of a tile to geometry and textures ready for a GPU.

pub mod model;

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

/// The resolved uris of what this content needs besides its own bytes (external buffers, images, i3dm models).
/// Reads headers and JSON only.
pub fn references(_bytes: &Bytes, _uri: &str) -> Result<Vec<String>, ContentError> {
    todo!()
}

/// What the content will take once decoded, from headers alone (accessor counts, image headers): exact or an upper
/// bound, so that memory can be reserved before decoding.
pub fn measure(_bytes: &Bytes, _context: &DecodeContext) -> Result<ContentCost, ContentError> {
    todo!()
}

/// Decodes b3dm, i3dm, pnts, cmpt, glb or gltf. Problems that do not prevent drawing come back as warnings.
pub fn decode(_bytes: &Bytes, _context: &DecodeContext) -> Result<(TileContent, Vec<Warning>), ContentError> {
    todo!()
}
