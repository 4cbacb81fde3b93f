//! Stand-in until the glTF room lands.

use bytes::Bytes;

use super::{ContentCost, ContentError, ContentErrorKind, DecodeContext, TileContent, Warning};

fn absent(context: &DecodeContext) -> ContentError {
    ContentError {
        kind: ContentErrorKind::Unsupported,
        file: context.uri.clone(),
        place: "byte 0".into(),
        reason: "glTF is not read yet".into(),
    }
}

/// Resolved uris of external buffers and images.
pub fn references(_bytes: &Bytes, _uri: &str) -> Result<Vec<String>, ContentError> {
    Ok(Vec::new())
}

/// Cost from headers alone.
pub fn measure(_bytes: &Bytes, _context: &DecodeContext) -> Result<ContentCost, ContentError> {
    Ok(ContentCost::default())
}

/// Decodes a model.
pub fn decode_model(
    _bytes: &Bytes,
    context: &DecodeContext,
    _warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    Err(absent(context))
}

/// Number of primitives times their placements.
pub fn placement_count(_bytes: &Bytes, _context: &DecodeContext) -> Result<u64, ContentError> {
    Ok(1)
}
