//! Everything that metadata say of what a content belongs to: its tilesets, its tile, its group, itself
//! (3D Tiles 1.1, §"Metadata"; `3DTILES_metadata` for 1.0).

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Value, entity::Entity, schema::Schema};
use crate::{
    streamer::TileId,
    tileset::{Tile, TilesetInfo, Tree},
};

/// What a set of properties belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetadataOf {
    /// A `tileset.json`, the outermost or an external one.
    Tileset,
    /// A tile.
    Tile,
    /// A group of contents.
    Group,
    /// A content.
    Content,
}

/// The metadata of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataLevel {
    /// What it belongs to.
    pub of: MetadataOf,
    /// Uri of the tileset it stands in.
    pub tileset_uri: Arc<str>,
    /// Name of the class, or its id; empty where none is known.
    pub class: String,
    /// Names and values, by name: enumerations by their names, numbers scaled, defaults filled in. Where the schema is
    /// missing or broken, as they are written.
    pub properties: Vec<(String, Value)>,
}

impl Tree {
    /// The metadata of everything that a content belongs to, from the outermost tileset to the content itself; without
    /// `content` (index into [`Tile::contents`]), of what the tile belongs to. Entities without metadata are left out;
    /// a tile that is not in the tree has none.
    pub fn metadata_of(&self, tile: TileId, content: Option<usize>) -> Vec<MetadataLevel> {
        let mut chain: Vec<(Tile<'_>, Option<usize>)> = Vec::new();
        let mut at = self.get(tile).map(|tile| (tile, content));
        while let Some((tile, content)) = at {
            chain.push((tile, content));
            at = self.host_of(&tile);
        }
        let mut levels = Vec::new();
        for (tile, content) in chain.into_iter().rev() {
            let Some(info) = tile.tileset() else { continue };
            let reader = Reader::new(info);
            levels.extend(info.metadata.as_ref().and_then(|json| reader.entity(MetadataOf::Tileset, json)));
            levels.extend(reader.entity_or_row(MetadataOf::Tile, tile.metadata(), tile.properties()));
            let Some((number, content)) = content.and_then(|n| Some((n, tile.contents().get(n)?))) else {
                continue;
            };
            let group = content.group.and_then(|group| info.groups.get(group as usize));
            levels.extend(group.and_then(|group| reader.entity(MetadataOf::Group, &group.metadata)));
            let row = tile.content_properties(number);
            levels.extend(reader.entity_or_row(MetadataOf::Content, content.metadata.as_deref(), row));
        }
        levels
    }

    /// The tile that the tileset of `tile` hangs below, and which of its contents that tileset is.
    fn host_of<'a>(&'a self, tile: &Tile<'a>) -> Option<(Tile<'a>, Option<usize>)> {
        let mut root = *tile;
        while let Some(above) = root.parent().and_then(|parent| self.tile(parent)) {
            let is_same = match (root.tileset(), above.tileset()) {
                (Some(own), Some(other)) => std::ptr::eq(own, other),
                _ => true,
            };
            if !is_same {
                let content = above.contents().iter().position(|content| *content.uri == *root.tileset_uri());
                return Some((above, content));
            }
            root = above;
        }
        None
    }
}

/// Reads entities by the schema of their tileset.
struct Reader<'a> {
    info: &'a TilesetInfo,
    schema: Option<Schema>,
}

impl<'a> Reader<'a> {
    fn new(info: &'a TilesetInfo) -> Self {
        // What is wrong with a schema was told when the tileset was read.
        let schema = info.schema.as_deref().and_then(|json| Schema::parse(json, &mut |_, _| ()).ok());
        Self { info, schema }
    }

    fn entity(&self, of: MetadataOf, json: &Json) -> Option<MetadataLevel> {
        let read = self.schema.as_ref().and_then(|schema| Entity::parse(json, schema).ok());
        let entity = read.unwrap_or_else(|| as_written(json));
        self.level(of, entity.class, entity.properties)
    }

    /// Of an entity written out, else of its row in the property table of a subtree.
    fn entity_or_row(
        &self,
        of: MetadataOf,
        json: Option<&Json>,
        row: Vec<(String, Value)>,
    ) -> Option<MetadataLevel> {
        if row.is_empty() {
            return self.entity(of, json?);
        }
        self.level(of, String::new(), row)
    }

    fn level(
        &self,
        of: MetadataOf,
        class: String,
        properties: Vec<(String, Value)>,
    ) -> Option<MetadataLevel> {
        let is_empty = class.is_empty() && properties.is_empty();
        let tileset_uri = self.info.uri.clone();
        (!is_empty).then_some(MetadataLevel { of, tileset_uri, class, properties })
    }
}

/// An entity whose class is not known.
fn as_written(json: &Json) -> Entity {
    let properties = json.get("properties").and_then(Json::as_object);
    let properties = properties.into_iter().flatten().map(|(name, value)| (name.clone(), Value::from(value)));
    Entity {
        class: json.get("class").and_then(Json::as_str).unwrap_or_default().to_owned(),
        properties: properties.collect(),
    }
}
