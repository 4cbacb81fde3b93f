//! What the tiles of one tileset share.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    content::UpAxis,
    tileset::{
        lenient::heap_bytes_of,
        raw::{RawGroup, RawTileset},
    },
    uri,
};

/// What the tiles of one `tileset.json` share.
#[derive(Clone, Debug, Default)]
pub struct TilesetInfo {
    /// Where it came from.
    pub uri: Arc<str>,
    /// Legacy `asset.gltfUpAxis`.
    pub gltf_up_axis: UpAxis,
    /// `schema`, or what [`crate::tileset::Tree::set_schema`] brought.
    pub schema: Option<Arc<Value>>,
    /// `schemaUri`, resolved: to be fetched by whoever wants to read metadata.
    pub schema_uri: Option<String>,
    /// `groups`; [`crate::tileset::Content::group`] points here.
    pub groups: Vec<RawGroup>,
    /// `metadata`: `{"class": ..., "properties": {...}}`.
    pub metadata: Option<Value>,
    /// `properties` of 1.0: minimum and maximum of feature properties.
    pub properties: Option<Value>,
    /// `extras`.
    pub extras: Option<Value>,
}

impl TilesetInfo {
    /// `inherited_up_axis` is that of the tileset which names this one: an external tileset that says nothing of its own
    /// is part of it, as it is to the engines that read the axis at the root only.
    pub(crate) fn of(raw: &RawTileset, file: &str, inherited_up_axis: UpAxis) -> Self {
        Self {
            uri: file.into(),
            gltf_up_axis: raw.asset.gltf_up_axis.unwrap_or(inherited_up_axis),
            schema: raw.schema.clone().map(Arc::new),
            schema_uri: raw.schema_uri.as_ref().map(|u| uri::resolve(file, u)),
            groups: raw.groups.clone(),
            metadata: raw.metadata.clone(),
            properties: raw.properties.clone(),
            extras: raw.extras.clone(),
        }
    }

    pub(crate) fn heap_bytes(&self) -> u64 {
        let values = [&self.metadata, &self.properties, &self.extras].into_iter().flatten();
        let groups: u64 =
            self.groups.iter().map(|g| size_of::<RawGroup>() as u64 + heap_bytes_of(&g.metadata)).sum();
        size_of::<Self>() as u64
            + self.uri.len() as u64
            + values.map(heap_bytes_of).sum::<u64>()
            + self.schema.as_ref().map_or(0, |s| heap_bytes_of(s))
            + groups
    }
}
