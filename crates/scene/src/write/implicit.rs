//! Implicit tilings: `tileset.json` and subtree files (3D Tiles 1.1 §"Implicit Tiling").

use std::{collections::BTreeMap, io};

use geodesy::{
    Obb,
    glam::{DMat4, DVec3},
};
use serde_json::{Value, json};

use super::{WriteError, tileset::checked_transform};
use crate::tileset::{Refine, implicit::SubdivisionScheme, largest_scale};

/// Enough for 64-bit numbers.
const ALIGNMENT: usize = 8;

/// A tileset whose tiles follow from halving the root.
#[derive(Clone, Debug)]
pub struct ImplicitTilesetInput {
    /// Into four or eight.
    pub scheme: SubdivisionScheme,
    /// Levels in a subtree file, at least 1.
    pub subtree_levels: u32,
    /// Volume of the root in the tileset's frame.
    pub bounds: Obb,
    /// Geometric error of the root, metres; half of it at every level below.
    pub geometric_error: f64,
    /// How children relate to their parent.
    pub refine: Refine,
    /// `world_from_tileset`.
    pub transform: Option<DMat4>,
    /// Path of contents, with `{level}`, `{x}`, `{y}` and, in an octree, `{z}`.
    pub content_uri: String,
    /// Path of subtrees, with the same.
    pub subtree_uri: String,
    /// All tiles there are, in any order; the parent of each among them.
    pub tiles: Vec<ImplicitTile>,
    /// `asset.tilesetVersion`.
    pub tileset_version: Option<String>,
    /// `extras` of the tileset.
    pub extras: Option<Value>,
}

/// A tile of an implicit tiling.
#[derive(Clone, Debug, PartialEq)]
pub struct ImplicitTile {
    /// Level; 0 is the root.
    pub level: u32,
    /// Position in the level; z is 0 in a quadtree.
    pub at: [u32; 3],
    /// Whether it has a content, which the caller stores.
    pub has_content: bool,
    /// Its real volume, in the tileset's frame, where that is smaller than what halving gives; of all tiles or of none.
    pub bounds: Option<Obb>,
}

/// A subtree by the level and position of its root.
type SubtreeId = (u32, [u32; 3]);

/// Path of a content or subtree from its template.
pub fn implicit_uri(template: &str, level: u32, at: [u32; 3]) -> String {
    let [x, y, z] = at.map(|v| v.to_string());
    template.replace("{level}", &level.to_string()).replace("{x}", &x).replace("{y}", &y).replace("{z}", &z)
}

/// Hands the subtrees and then `tileset.json`, under `path`, to `store`; paths of the templates are relative to it.
///
/// # Errors
/// A tile that is there twice, outside of its level or without its parent; volumes of some tiles only; numbers that are
/// not finite; templates that leave the folder or lack a variable; and whatever `store` answers.
pub fn write_implicit_tileset(
    tileset: &ImplicitTilesetInput,
    path: &str,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let subtrees = subtrees(tileset)?;
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let has_bounds = tileset.tiles.iter().any(|tile| tile.bounds.is_some());
    for ((level, at), members) in &subtrees {
        let path = format!("{folder}{}", implicit_uri(&tileset.subtree_uri, *level, *at));
        let bytes = Subtree::of(tileset, *level, *at, members, &subtrees).write(has_bounds);
        store(&path, &bytes).map_err(|source| WriteError::Sink { path, source })?;
    }
    let levels = tileset.tiles.iter().map(|tile| tile.level + 1).max().unwrap_or(1);
    let mut root = json!({
        "boundingVolume": { "box": numbers(&tileset.bounds) },
        "geometricError": tileset.geometric_error,
        "refine": match tileset.refine { Refine::Add => "ADD", Refine::Replace => "REPLACE" },
        "content": { "uri": tileset.content_uri },
        "implicitTiling": {
            "subdivisionScheme": match tileset.scheme {
                SubdivisionScheme::Quadtree => "QUADTREE",
                SubdivisionScheme::Octree => "OCTREE",
            },
            "subtreeLevels": tileset.subtree_levels,
            "availableLevels": levels,
            "subtrees": { "uri": tileset.subtree_uri }
        }
    });
    if let Some(transform) = checked_transform(tileset.transform.as_ref())? {
        root["transform"] = json!(transform.to_cols_array());
    }
    let scale = tileset.transform.map_or(1.0, |t| largest_scale(&t));
    let extent = 2.0 * tileset.bounds.half_axes.iter().map(|axis| axis.length()).sum::<f64>() * scale;
    let mut json = json!({
        "asset": { "version": "1.1" },
        "geometricError": tileset.geometric_error.max(extent),
        "root": root
    });
    if let Some(version) = &tileset.tileset_version {
        json["asset"]["tilesetVersion"] = version.as_str().into();
    }
    if has_bounds {
        json["schema"] = json!({ "id": "tiles", "classes": { "tile": { "properties": { "bounding_box": {
            "type": "SCALAR", "componentType": "FLOAT64", "array": true, "count": 12, "required": true,
            "semantic": "TILE_BOUNDING_BOX"
        } } } } });
    }
    if let Some(extras) = &tileset.extras {
        json["extras"] = extras.clone();
    }
    let text = format!("{json}\n");
    store(path, text.as_bytes()).map_err(|source| WriteError::Sink { path: path.to_owned(), source })
}

/// Tiles by the subtree they belong to.
fn subtrees(tileset: &ImplicitTilesetInput) -> Result<BTreeMap<SubtreeId, Vec<&ImplicitTile>>, WriteError> {
    let levels = tileset.subtree_levels;
    if levels == 0 || levels > tileset.scheme.max_subtree_levels().min(10) {
        return Err(WriteError::invalid("subtree levels", format!("{levels} of them")));
    }
    check_template(&tileset.content_uri, tileset.scheme)?;
    check_template(&tileset.subtree_uri, tileset.scheme)?;
    if !(tileset.geometric_error.is_finite() && tileset.geometric_error >= 0.0) {
        return Err(WriteError::invalid(
            "geometric error",
            format!("{} is no length", tileset.geometric_error),
        ));
    }
    check_volume(&tileset.bounds)?;
    let is_octree = tileset.scheme == SubdivisionScheme::Octree;
    let with_bounds = tileset.tiles.iter().filter(|tile| tile.bounds.is_some()).count();
    if with_bounds != 0 && with_bounds != tileset.tiles.len() {
        return Err(WriteError::invalid(
            "bounds",
            format!("{with_bounds} of {} tiles have them", tileset.tiles.len()),
        ));
    }
    let mut there = std::collections::BTreeSet::new();
    for tile in &tileset.tiles {
        let side = if tile.level < 31 { 1u32 << tile.level } else { 0 };
        let inside = tile.at.iter().all(|c| *c < side) && (is_octree || tile.at[2] == 0);
        if !inside || !there.insert((tile.level, tile.at)) {
            return Err(WriteError::invalid(
                "tile",
                format!("{} {:?} is outside or twice", tile.level, tile.at),
            ));
        }
        tile.bounds.as_ref().map_or(Ok(()), check_volume)?;
    }
    let mut found: BTreeMap<SubtreeId, Vec<&ImplicitTile>> = BTreeMap::new();
    for tile in &tileset.tiles {
        if tile.level > 0 && !there.contains(&(tile.level - 1, tile.at.map(|c| c / 2))) {
            return Err(WriteError::invalid("tile", format!("{} {:?} has no parent", tile.level, tile.at)));
        }
        let below = tile.level % levels;
        found.entry((tile.level - below, tile.at.map(|c| c >> below))).or_default().push(tile);
    }
    if found.is_empty() {
        return Err(WriteError::invalid("tiles", "there are none"));
    }
    Ok(found)
}

fn check_template(template: &str, scheme: SubdivisionScheme) -> Result<(), WriteError> {
    let variables: &[&str] = match scheme {
        SubdivisionScheme::Quadtree => &["{level}", "{x}", "{y}"],
        SubdivisionScheme::Octree => &["{level}", "{x}", "{y}", "{z}"],
    };
    let leaves = template.starts_with('/')
        || template.split('/').any(|part| part == "..")
        || template.contains([':', '\\', '?', '#']);
    if leaves || !variables.iter().all(|variable| template.contains(variable)) {
        return Err(WriteError::invalid(
            format!("template {template:?}"),
            "leaves the folder or lacks a variable",
        ));
    }
    Ok(())
}

fn check_volume(volume: &Obb) -> Result<(), WriteError> {
    if numbers(volume).iter().all(|n| n.is_finite()) {
        return Ok(());
    }
    Err(WriteError::invalid("bounding volume", format!("{volume:?} is not finite")))
}

fn numbers(volume: &Obb) -> [f64; 12] {
    let all: [DVec3; 4] = [volume.center, volume.half_axes[0], volume.half_axes[1], volume.half_axes[2]];
    std::array::from_fn(|i| all[i / 3][i % 3])
}

/// What a subtree file holds.
struct Subtree {
    /// One bit per tile, level by level, each in Morton order.
    tiles: Bits,
    contents: Bits,
    children: Bits,
    /// Of the available tiles, in the order of their bits.
    bounds: Vec<[f64; 12]>,
}

struct Bits {
    bytes: Vec<u8>,
    len: u64,
    set: u64,
}

impl Bits {
    fn new(len: u64) -> Self {
        Self { bytes: vec![0; len.div_ceil(8) as usize], len, set: 0 }
    }
    fn set(&mut self, index: u64) {
        if let Some(byte) = self.bytes.get_mut((index / 8) as usize) {
            *byte |= 1 << (index % 8);
            self.set += 1;
        }
    }
}

impl Subtree {
    fn of(
        tileset: &ImplicitTilesetInput,
        level: u32,
        at: [u32; 3],
        members: &[&ImplicitTile],
        all: &BTreeMap<SubtreeId, Vec<&ImplicitTile>>,
    ) -> Self {
        let (scheme, levels) = (tileset.scheme, tileset.subtree_levels);
        let index = |tile: &ImplicitTile| {
            let below = tile.level - level;
            let within: [u32; 3] = std::array::from_fn(|axis| tile.at[axis] - (at[axis] << below));
            scheme.tiles_above(below) + morton(within, scheme.dimensions())
        };
        let mut ordered: Vec<(u64, &ImplicitTile)> =
            members.iter().map(|tile| (index(tile), *tile)).collect();
        ordered.sort_by_key(|(index, _)| *index);
        let count = scheme.tiles_above(levels);
        let mut subtree = Self {
            tiles: Bits::new(count),
            contents: Bits::new(count),
            children: Bits::new(scheme.tiles_at(levels)),
            bounds: ordered.iter().filter_map(|(_, tile)| tile.bounds.as_ref().map(numbers)).collect(),
        };
        for (index, tile) in ordered {
            subtree.tiles.set(index);
            if tile.has_content {
                subtree.contents.set(index);
            }
        }
        let last = (level + levels, [u32::MAX; 3]);
        for (_, child) in all.range((level + levels, [0; 3])..=last).map(|(id, _)| *id) {
            if child.map(|c| c >> levels) == at {
                let within: [u32; 3] = std::array::from_fn(|axis| child[axis] - (at[axis] << levels));
                subtree.children.set(morton(within, scheme.dimensions()));
            }
        }
        subtree
    }

    /// The binary form.
    fn write(&self, has_bounds: bool) -> Vec<u8> {
        let mut binary = Vec::new();
        let mut views = Vec::new();
        let mut push = |bytes: &[u8]| {
            binary.resize(binary.len().next_multiple_of(ALIGNMENT), 0);
            views.push(json!({ "buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len() }));
            binary.extend_from_slice(bytes);
            views.len() - 1
        };
        let mut availability = |bits: &Bits| match bits.set {
            0 => json!({ "constant": 0 }),
            all if all == bits.len => json!({ "constant": 1 }),
            set => json!({ "bitstream": push(&bits.bytes), "availableCount": set }),
        };
        let mut json = json!({
            "tileAvailability": availability(&self.tiles),
            "contentAvailability": [availability(&self.contents)],
            "childSubtreeAvailability": availability(&self.children)
        });
        if has_bounds {
            let bytes: Vec<u8> = self.bounds.iter().flatten().flat_map(|n| n.to_le_bytes()).collect();
            let values = push(&bytes);
            json["propertyTables"] = json!([
                { "class": "tile", "count": self.bounds.len(), "properties": { "bounding_box": { "values": values } } }
            ]);
            json["tileMetadata"] = 0.into();
        }
        if !views.is_empty() {
            binary.resize(binary.len().next_multiple_of(ALIGNMENT), 0);
            json["bufferViews"] = Value::Array(views);
            json["buffers"] = json!([{ "byteLength": binary.len() }]);
        }
        let mut text = json.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
        let mut bytes = b"subt".to_vec();
        bytes.extend(1u32.to_le_bytes());
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend((binary.len() as u64).to_le_bytes());
        bytes.extend(text);
        bytes.extend(binary);
        bytes
    }
}

/// Position in Morton order: the bits of x, y and z in turn, from the lowest.
fn morton(at: [u32; 3], dimensions: u32) -> u64 {
    let mut index = 0;
    for bit in 0..21 {
        for (axis, value) in at.iter().take(dimensions as usize).enumerate() {
            index |= u64::from(value >> bit & 1) << (bit * dimensions + axis as u32);
        }
    }
    index
}
