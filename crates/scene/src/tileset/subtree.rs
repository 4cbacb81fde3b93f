//! Availability of one subtree (3D Tiles 1.1 §"Implicit tiling").

use std::collections::HashMap;

use bytes::Bytes;

use crate::{
    content::{ContentError, Warning},
    tileset::implicit::SubtreeShape,
};

/// A parsed subtree, binary or JSON.
#[derive(Clone, Debug)]
pub struct Subtree {}

impl Subtree {
    /// Resolved uris of the external buffers that [`Self::parse`] will need (only those that availability or metadata
    /// use). Reads the JSON only.
    pub fn references(_bytes: &Bytes, _uri: &str) -> Result<Vec<String>, ContentError> {
        todo!()
    }

    /// Parses a subtree. `shape` is [`crate::tileset::Tree::subtree_shape`] of the tile it belongs to; `resources` holds
    /// the external buffers by resolved uri.
    pub fn parse(
        _bytes: &Bytes,
        _uri: &str,
        _shape: &SubtreeShape,
        _resources: &HashMap<String, Bytes>,
    ) -> Result<(Self, Vec<Warning>), ContentError> {
        todo!()
    }
}
