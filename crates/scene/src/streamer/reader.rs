//! What the streamer must know of a content's bytes before they are decoded.

use bytes::Bytes;

use crate::content::{self, ContentCost, DecodeContext};

/// Reads headers. The streamer asks nothing else of content formats; tests put a simple one in its place.
pub trait ContentReader: Send + Sync {
    /// Resolved uris of the files a content needs besides its own bytes.
    fn references(&self, bytes: &Bytes, uri: &str) -> Result<Vec<String>, String>;
    /// What the content will take once decoded: exact, or an upper bound.
    fn measure(&self, bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, String>;
}

/// The formats of [`crate::content`].
#[derive(Clone, Copy, Debug, Default)]
pub struct TileFormats;

impl ContentReader for TileFormats {
    fn references(&self, bytes: &Bytes, uri: &str) -> Result<Vec<String>, String> {
        content::references(bytes, uri).map_err(|e| e.to_string())
    }
    fn measure(&self, bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, String> {
        content::measure(bytes, context).map_err(|e| e.to_string())
    }
}
