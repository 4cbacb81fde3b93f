//! What a `tileset.json` says (3D Tiles 1.0 and 1.1), tiles flat.
//!
//! Sins that leave no doubt about what was meant are mended here with a warning: `null` members, numbers written as
//! strings, lower-case `refine`, `content.url`, several bounding volumes, a byte order mark. What needs the
//! surroundings of a tile (a missing geometric error or `refine`) is left as it is for [`crate::tileset::Tree`].

use std::ops::Range;

use geodesy::{
    BoundingVolume, WorldFrame,
    glam::{DMat4, DVec3},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{
    content::{ContentError, UpAxis, Warning},
    tileset::{
        implicit::SubdivisionScheme,
        parse,
        tree::{Refine, TreeLimits},
    },
    uri,
};

/// A parsed `tileset.json`.
#[derive(Clone, Debug, Default)]
pub struct RawTileset {
    /// `asset`.
    pub asset: RawAsset,
    /// `geometricError`: metres, of the tileset when it is not drawn at all.
    pub geometric_error: Option<f64>,
    /// `properties` of 1.0.
    pub properties: Option<Value>,
    /// `schema` of 1.1, or of `3DTILES_metadata`.
    pub schema: Option<Value>,
    /// `schemaUri`, not resolved.
    pub schema_uri: Option<String>,
    /// `statistics`.
    pub statistics: Option<Value>,
    /// `groups` in order (of `3DTILES_metadata`: by name).
    pub groups: Vec<RawGroup>,
    /// `metadata` of the tileset.
    pub metadata: Option<Value>,
    /// `extensionsUsed`.
    pub extensions_used: Vec<String>,
    /// `extensionsRequired`.
    pub extensions_required: Vec<String>,
    /// `extensions`.
    pub extensions: Option<Value>,
    /// `extras`.
    pub extras: Option<Value>,
    /// Tiles in breadth-first order, the root first: the children of a tile lie side by side.
    pub tiles: Vec<RawTile>,
}

/// `asset`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawAsset {
    /// `version`: `"1.0"` or `"1.1"`.
    pub version: String,
    /// `tilesetVersion`.
    pub tileset_version: Option<String>,
    /// `gltfUpAxis` of old tilesets.
    pub gltf_up_axis: Option<UpAxis>,
    /// Everything, as in the file.
    pub members: Option<Value>,
}

/// A group of contents.
#[derive(Clone, Debug, PartialEq)]
pub struct RawGroup {
    /// Its name, in `3DTILES_metadata` only.
    pub name: Option<String>,
    /// `{"class": ..., "properties": {...}}`.
    pub metadata: Value,
}

/// A tile.
#[derive(Clone, Debug, Default)]
pub struct RawTile {
    /// Index of the parent; `None` for the root.
    pub parent: Option<u32>,
    /// Position among the `children` of the parent in the file.
    pub child_number: u32,
    /// Indices of the children.
    pub children: Range<u32>,
    /// Level, 0 for the root.
    pub depth: u16,
    /// `boundingVolume`, in tile space; `None` if it cannot be read.
    pub volume: Option<BoundingVolume>,
    /// `viewerRequestVolume`, in tile space.
    pub viewer_request_volume: Option<Box<BoundingVolume>>,
    /// `geometricError`, metres in tile space.
    pub geometric_error: Option<f64>,
    /// `refine`.
    pub refine: Option<Refine>,
    /// `transform`: `parent_from_tile`.
    pub transform: Option<Box<DMat4>>,
    /// `content` and `contents`.
    pub contents: Vec<RawContent>,
    /// `metadata`.
    pub metadata: Option<Box<Value>>,
    /// `implicitTiling`, or the extension `3DTILES_implicit_tiling`.
    pub implicit_tiling: Option<Box<RawImplicitTiling>>,
    /// `extensions`.
    pub extensions: Option<Box<Value>>,
    /// `extras`.
    pub extras: Option<Box<Value>>,
}

/// A content.
#[derive(Clone, Debug, Default)]
pub struct RawContent {
    /// `uri` (or `url`), not resolved; a template under implicit tiling.
    pub uri: String,
    /// `boundingVolume`, in tile space.
    pub volume: Option<BoundingVolume>,
    /// Index into [`RawTileset::groups`].
    pub group: Option<u32>,
    /// Name of the group, in `3DTILES_metadata` only.
    pub group_name: Option<String>,
    /// `metadata`.
    pub metadata: Option<Box<Value>>,
}

/// `implicitTiling`.
#[derive(Clone, Debug, PartialEq)]
pub struct RawImplicitTiling {
    /// `subdivisionScheme`.
    pub scheme: SubdivisionScheme,
    /// `subtreeLevels`, at least 1.
    pub subtree_levels: u32,
    /// `availableLevels`, at least 1 (`maximumLevel` + 1 in drafts).
    pub available_levels: u32,
    /// `subtrees.uri`, a template, not resolved.
    pub subtrees_uri: String,
}

impl RawTileset {
    /// Parses a `tileset.json` within the default [`TreeLimits`]. `file` is only named in messages.
    pub fn parse(bytes: &[u8], file: &str) -> Result<(Self, Vec<Warning>), ContentError> {
        Self::parse_within(bytes, file, &TreeLimits::default())
    }

    /// Parses a `tileset.json`. Neither time nor stack depend on how deeply tiles nest; more tiles, levels or bytes
    /// than `limits` are refused before memory is taken for them.
    pub fn parse_within(
        bytes: &[u8],
        file: &str,
        limits: &TreeLimits,
    ) -> Result<(Self, Vec<Warning>), ContentError> {
        parse::tileset(bytes, file, limits)
    }

    /// The schema file that a `tileset.json` leaves its metadata to, resolved; `None` where it brings its own schema or
    /// has none. Reads nothing else.
    pub fn schema_reference(bytes: &[u8], file: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Schema {
            schema: Option<IgnoredAny>,
            #[serde(rename = "schemaUri")]
            uri: Option<Value>,
        }
        #[derive(Deserialize)]
        struct Extensions {
            #[serde(rename = "3DTILES_metadata")]
            metadata: Option<Schema>,
        }
        #[derive(Deserialize)]
        struct Probe {
            schema: Option<IgnoredAny>,
            #[serde(rename = "schemaUri")]
            uri: Option<Value>,
            extensions: Option<Extensions>,
        }
        const NAME: &[u8] = b"\"schemaUri\"";
        if !bytes.windows(NAME.len()).any(|window| window == NAME) {
            return None;
        }
        let probe: Probe = serde_json::from_slice(bytes).ok()?;
        let own = Schema { schema: probe.schema, uri: probe.uri };
        let schemas = [Some(own), probe.extensions.and_then(|extensions| extensions.metadata)];
        let schemas: Vec<Schema> = schemas.into_iter().flatten().collect();
        if schemas.iter().any(|schema| schema.schema.is_some()) {
            return None;
        }
        let uri = schemas.iter().find_map(|schema| schema.uri.as_ref()?.as_str())?;
        Some(uri::resolve(file, uri))
    }

    /// Whether a tileset without a place on Earth is y up, although 3D Tiles are z up.
    ///
    /// Exporters that wrote glTF models as they were, y up, declared `asset.gltfUpAxis` to be Z, so that readers would
    /// not turn them. Models that really are z up declare the same; what tells them apart is that ground is flat. So a
    /// tileset counts as y up if it says Z, lies within 100 km of the origin, is less than half as high along y as along
    /// x and along z, and these two differ by less than a factor of 4 (a wall is no ground). Nothing else is turned: a
    /// tileset that says Y, or nothing, has its models turned by every reader.
    pub fn is_y_up(&self) -> bool {
        let Some(root) = self.tiles.first() else { return false };
        let Some(volume) = &root.volume else { return false };
        let volume = root.transform.as_ref().map_or_else(|| volume.clone(), |t| volume.transformed(t));
        if self.asset.gltf_up_axis != Some(UpAxis::Z)
            || WorldFrame::of_center(volume.center()) != WorldFrame::Local
        {
            return false;
        }
        let bounds = volume.bounding_box();
        let [x, y, z] = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| {
            let (low, high) = bounds.extent_along(axis);
            high - low
        });
        2.0 * y < x.min(z) && x.max(z) < 4.0 * x.min(z)
    }

    /// JSON pointer of a tile.
    pub fn pointer(&self, tile: u32) -> String {
        let mut numbers = Vec::new();
        let mut next = self.tiles.get(tile as usize);
        while let Some((tile, parent)) = next.and_then(|t| Some((t, t.parent?))) {
            numbers.push(tile.child_number);
            // Parents come before their children, so this ends.
            next = self.tiles.get(parent as usize);
        }
        numbers.iter().rev().fold("/root".to_owned(), |pointer, n| format!("{pointer}/children/{n}"))
    }
}
