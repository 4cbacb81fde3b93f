//! The flat tree of tiles that selection walks.
//!
//! A [`Tree`] is a forest: every `tileset.json` added with [`Tree::add_root`] is one root, and external tilesets and
//! implicit subtrees are grafted below tiles as they arrive and taken off again when memory is needed. Every graft (a
//! *part*) occupies one contiguous run of slots in breadth-first order, so the children of a tile that come from the
//! same file lie side by side. What selection reads per tile (volume, error, links) is one array; contents,
//! transforms and metadata are another.
//!
//! Selection walks by slot index: [`Tree::tile`] and [`Tree::children`] take no generation and are O(1).
//! [`Tree::get`] validates a [`TileId`] that was kept from an earlier frame.

use std::sync::Arc;

use geodesy::{
    BoundingVolume, Frustum, PlaneMask, Visibility,
    glam::{DMat4, DVec3},
};
use serde_json::Value;

use crate::{
    content::{UpAxis, Warning},
    metadata::{self, PropertyTable},
    streamer::TileId,
    tileset::{
        implicit::{Coordinates, ImplicitTiling, SubtreeShape},
        info::TilesetInfo,
        raw::RawTileset,
        subtree::Subtree,
    },
};

/// How the contents of a tile and of its children go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Children are drawn beside the tile.
    Add,
    /// Children are drawn instead of the tile.
    Replace,
}

/// What a tile is to selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileKind {
    /// Nothing to draw: always refined.
    Empty,
    /// At least one content to draw and none that is known to be a tileset.
    Contents,
    /// At least one content is an external tileset. Stays so when the tileset is grafted; see [`Content::is_grafted`].
    External,
    /// Root of implicit tiling whose first subtree is not loaded: nothing is known of its contents and children
    /// until [`Tile::subtree_uri`] was fetched and grafted. Then it becomes `Empty` or `Contents`.
    ImplicitRoot,
    /// Root tile of a child subtree that is not loaded; as `ImplicitRoot`.
    ImplicitPlaceholder,
}

/// What the bytes behind a content uri are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// Something to draw, as far as its uri tells.
    Model,
    /// A `tileset.json`: its uri ends in `.json`, or [`Tree::graft_external`] was called for it.
    Tileset,
}

/// One content of a tile.
#[derive(Clone, Debug)]
pub struct Content {
    /// Resolved uri (see [`crate::uri`]).
    pub uri: Arc<str>,
    /// What it is.
    pub kind: ContentKind,
    /// Its own bounding volume in world, tighter than the tile's.
    pub volume: Option<Box<BoundingVolume>>,
    /// Index into `groups` of its tileset.
    pub group: Option<u32>,
    /// Its metadata as in the file: `{"class": ..., "properties": {...}}`.
    pub metadata: Option<Box<Value>>,
    pub(crate) part: u32,
    /// Implicit tiling: which template, and which row of its property table.
    pub(crate) template: u32,
    pub(crate) row: u32,
}

impl Content {
    /// Whether the external tileset behind this content hangs in the tree now.
    pub fn is_grafted(&self) -> bool {
        self.part != NONE
    }
}

/// Limits of a tree; a file that exceeds them is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeLimits {
    /// Tiles in the whole tree.
    pub max_tiles: u32,
    /// Bytes of the whole tree, as [`Tree::bytes`] counts.
    pub max_bytes: u64,
    /// Levels from root to leaf over all grafts; at most 65,535.
    pub max_depth: u16,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { max_tiles: 4_000_000, max_bytes: 1 << 30, max_depth: 4096 }
    }
}

/// Why a graft was refused; the tree is as it was before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraftError {
    /// The tile is not in the tree any more, or has no such content.
    #[error("the tile or its content {content} is not in the tree")]
    NoSuchTile {
        /// Index of the content asked for.
        content: usize,
    },
    /// Something is grafted there already.
    #[error("{uri} is grafted already")]
    AlreadyGrafted {
        /// Its uri.
        uri: String,
    },
    /// The tileset contains itself.
    #[error("{uri} refers to itself through {chain} tilesets")]
    Cycle {
        /// Uri of the tileset.
        uri: String,
        /// Files between the two occurrences, the tileset included.
        chain: usize,
    },
    /// Deeper than [`TreeLimits::max_depth`].
    #[error("{uri} reaches {depth} levels; {max} are allowed")]
    TooDeep {
        /// Uri of the tileset.
        uri: String,
        /// Level it would reach.
        depth: usize,
        /// Allowed.
        max: u16,
    },
    /// More tiles or bytes than [`TreeLimits`] allow.
    #[error("{uri} needs {wanted} {what}; {left} are left")]
    OverBudget {
        /// Uri of the tileset.
        uri: String,
        /// `tiles` or `bytes`.
        what: &'static str,
        /// Needed.
        wanted: u64,
        /// Left under the limit.
        left: u64,
    },
    /// The file contradicts itself or the tile it hangs under.
    #[error("{file} at {place}: {reason}")]
    Invalid {
        /// File.
        file: String,
        /// JSON pointer or byte offset.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// A forest of tiles. See the module documentation.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) details: Vec<Detail>,
    pub(crate) parts: Vec<Option<Part>>,
    pub(crate) roots: Vec<TileId>,
    /// Runs of free slots `(start, length)`, sorted, never touching.
    pub(crate) free: Vec<(u32, u32)>,
    pub(crate) next_generation: u32,
    pub(crate) live: u32,
    pub(crate) heap_bytes: u64,
    pub(crate) limits: TreeLimits,
}

/// A tile of a tree, to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    tree: &'a Tree,
    node: &'a Node,
    index: u32,
}

impl Tree {
    /// An empty forest.
    pub fn new(limits: TreeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds a tileset as a new root. `world_from_root` is the identity except for tests and placed previews.
    /// Returns the root tile and what was mended while building.
    pub fn add_root(
        &mut self,
        raw: &RawTileset,
        uri: &str,
        world_from_root: &DMat4,
    ) -> Result<(TileId, Vec<Warning>), GraftError> {
        self.plant_root(raw, uri, world_from_root)
    }

    /// Takes a root and everything below it off. Returns the ids that are no longer valid; empty if `root` is none.
    pub fn remove_root(&mut self, root: TileId) -> Vec<TileId> {
        let Some(at) = self.roots.iter().position(|&r| r == root) else { return Vec::new() };
        self.roots.remove(at);
        let part = self.get(root).map(|t| t.node.part);
        self.uproot(part.into_iter().collect())
    }

    /// Hangs an external tileset below `tile` as one more child. `content` is the index of the content whose bytes it
    /// was (the content becomes [`ContentKind::Tileset`] if its uri did not tell), `uri` where the bytes came from.
    /// Transforms multiply; a missing `refine` is inherited from `tile`. Returns the root of the external tileset.
    pub fn graft_external(
        &mut self,
        tile: TileId,
        content: usize,
        raw: &RawTileset,
        uri: &str,
    ) -> Result<(TileId, Vec<Warning>), GraftError> {
        self.plant_external(tile, content, raw, uri)
    }

    /// Fills in an [`TileKind::ImplicitRoot`] or [`TileKind::ImplicitPlaceholder`] from its subtree: the tile becomes
    /// `Empty` or `Contents` and gets its children; available child subtrees become placeholders.
    pub fn graft_subtree(&mut self, tile: TileId, subtree: &Subtree) -> Result<Vec<Warning>, GraftError> {
        self.plant_subtree(tile, subtree)
    }

    /// What is needed to parse the subtree of an implicit tile; `None` for other tiles.
    pub fn subtree_shape(&self, tile: TileId) -> Option<SubtreeShape> {
        self.get(tile)?.detail().subtree.as_ref().map(|link| link.tiling.shape())
    }

    /// Takes off what was grafted onto `tile` (external tilesets, or its subtree) and everything below that; the
    /// tile itself stays and can be grafted again. Returns the ids that are no longer valid.
    pub fn ungraft(&mut self, tile: TileId) -> Vec<TileId> {
        let parts = if self.get(tile).is_some() { self.parts_on(tile.index) } else { Vec::new() };
        self.uproot(parts)
    }

    /// As [`Self::ungraft`], but only the external tileset behind one content.
    pub fn ungraft_content(&mut self, tile: TileId, content: usize) -> Vec<TileId> {
        let part = self.get(tile).and_then(|t| t.contents().get(content)).map(|c| c.part);
        self.uproot(part.into_iter().collect())
    }

    /// Gives the tileset that `tile` comes from the schema behind its [`TilesetInfo::schema_uri`]. Subtrees grafted
    /// from then on read their metadata by it.
    pub fn set_schema(&mut self, tile: TileId, schema: Value) {
        let Some(part) = self.get(tile).map(|t| t.node.part) else { return };
        let Some(old) = self.parts.get(part as usize).and_then(Option::as_ref).map(|p| p.info.clone()) else {
            return;
        };
        let info = Arc::new(TilesetInfo { schema: Some(Arc::new(schema)), ..(*old).clone() });
        for part in self.parts.iter_mut().flatten().filter(|p| Arc::ptr_eq(&p.info, &old)) {
            part.info = info.clone();
            // The file itself pays for it, its subtrees share it.
            if part.kind != PartKind::Subtree {
                part.heap_bytes = part.heap_bytes - old.heap_bytes() + info.heap_bytes();
                self.heap_bytes = self.heap_bytes - old.heap_bytes() + info.heap_bytes();
            }
        }
    }

    /// Roots, in the order they were added.
    pub fn roots(&self) -> &[TileId] {
        &self.roots
    }

    /// The tile behind an id; `None` if it was taken off.
    pub fn get(&self, id: TileId) -> Option<Tile<'_>> {
        self.tile(id.index).filter(|t| t.node.generation == id.generation)
    }

    /// The tile in a slot; `None` if the slot is free.
    #[inline]
    pub fn tile(&self, index: u32) -> Option<Tile<'_>> {
        let node = self.nodes.get(index as usize)?;
        (node.generation != 0).then_some(Tile { tree: self, node, index })
    }

    /// The id of the tile in a slot.
    pub fn id_at(&self, index: u32) -> Option<TileId> {
        self.tile(index).map(|t| t.id())
    }

    /// Slot indices of the children, in file order, grafted roots last.
    #[inline]
    pub fn children(&self, index: u32) -> Children<'_> {
        match self.nodes.get(index as usize) {
            Some(n) => Children {
                tree: self,
                next: n.first_child,
                end: n.first_child + n.child_count,
                graft: n.first_graft,
            },
            None => Children { tree: self, next: 0, end: 0, graft: NONE },
        }
    }

    /// Number of slots, free ones included: what a side array indexed by [`TileId::index`] must hold.
    pub fn slot_count(&self) -> usize {
        self.nodes.len()
    }

    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether there is no tile.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Main memory the tree takes, bytes: counts against the ceiling.
    pub fn bytes(&self) -> u64 {
        (self.nodes.capacity() * size_of::<Node>()
            + self.details.capacity() * size_of::<Detail>()
            + self.parts.capacity() * size_of::<Option<Part>>()) as u64
            + self.heap_bytes
    }
}

impl<'a> Tile<'a> {
    /// Its id.
    pub fn id(&self) -> TileId {
        TileId { index: self.index, generation: self.node.generation }
    }
    /// Its slot.
    pub fn index(&self) -> u32 {
        self.index
    }
    /// What it is to selection.
    pub fn kind(&self) -> TileKind {
        self.node.kind
    }
    /// Bounding volume in world.
    pub fn volume(&self) -> &'a BoundingVolume {
        &self.node.volume
    }
    /// Where the volume lies relative to a frustum; see [`BoundingVolume::classify`].
    #[inline]
    pub fn classify(&self, frustum: &Frustum, mask: PlaneMask) -> (Visibility, PlaneMask) {
        self.node.volume.classify(frustum, mask)
    }
    /// Squared distance from a point in world to the volume, m²; 0 inside.
    #[inline]
    pub fn distance_squared(&self, point_in_world: DVec3) -> f64 {
        self.node.volume.distance_squared(point_in_world)
    }
    /// Whether an eye there may see the tile (`viewerRequestVolume`); true where there is none.
    #[inline]
    pub fn may_be_viewed_from(&self, eye_in_world: DVec3) -> bool {
        !self.node.has_request_volume || self.viewer_request_volume().is_none_or(|v| v.contains(eye_in_world))
    }
    /// `viewerRequestVolume` in world.
    pub fn viewer_request_volume(&self) -> Option<&'a BoundingVolume> {
        self.detail().request_volume.as_deref()
    }
    /// Geometric error in metres of the world: scaled by the largest axis scale of the tile's transform.
    pub fn geometric_error(&self) -> f64 {
        self.node.geometric_error
    }
    /// Refinement.
    pub fn refine(&self) -> Refine {
        self.node.refine
    }
    /// Level below its root of the forest, 0 for the root; the root of an external tileset is one below its host.
    pub fn depth(&self) -> u16 {
        self.node.depth
    }
    /// Slot of the parent (for the root of an external tileset: the tile it is grafted to).
    pub fn parent(&self) -> Option<u32> {
        (self.node.parent != NONE).then_some(self.node.parent)
    }
    /// Slots of the children, in file order, grafted roots last.
    pub fn children(&self) -> Children<'a> {
        self.tree.children(self.index)
    }
    /// Whether there is no child now.
    pub fn is_leaf(&self) -> bool {
        self.node.child_count == 0 && self.node.first_graft == NONE
    }
    /// Contents in file order; empty for implicit tiles whose subtree is not loaded.
    pub fn contents(&self) -> &'a [Content] {
        &self.detail().contents
    }
    /// Accumulated transform from tile space to world.
    pub fn world_from_tile(&self) -> &'a DMat4 {
        &self.detail().world_from_tile
    }
    /// Legacy `asset.gltfUpAxis` of the tileset the tile comes from.
    pub fn gltf_up_axis(&self) -> UpAxis {
        self.tileset().map_or(UpAxis::Y, |t| t.gltf_up_axis)
    }
    /// Uri of the tileset the tile comes from.
    pub fn tileset_uri(&self) -> &'a str {
        self.tileset().map_or("", |t| &t.uri)
    }
    /// What the tiles of its tileset share: schema, groups, metadata. There always is one.
    pub fn tileset(&self) -> Option<&'a TilesetInfo> {
        self.tree.parts.get(self.node.part as usize)?.as_ref().map(|p| &*p.info)
    }
    /// The subtree to fetch, for a tile whose subtree is not loaded (and also once it is).
    pub fn subtree_uri(&self) -> Option<&'a Arc<str>> {
        self.detail().subtree.as_ref().map(|s| &s.uri)
    }
    /// Tile metadata as in the file: `{"class": ..., "properties": {...}}`.
    pub fn metadata(&self) -> Option<&'a Value> {
        self.detail().metadata.as_deref()
    }
    /// Properties of the tile in the property table of its subtree; empty without one.
    pub fn properties(&self) -> Vec<(String, metadata::Value)> {
        let rows = self.subtree_rows().and_then(|r| r.tiles.as_ref());
        rows.map_or(Vec::new(), |table| table.row(self.detail().row as usize))
    }
    /// Properties of a content in the property table of the subtree; empty without one.
    pub fn content_properties(&self, content: usize) -> Vec<(String, metadata::Value)> {
        let Some(content) = self.contents().get(content) else { return Vec::new() };
        let table = self.subtree_rows().and_then(|r| r.contents.get(content.template as usize));
        table.map_or(Vec::new(), |table| table.row(content.row as usize))
    }
    /// Level and position below the implicit root, for the root tile of a subtree.
    pub fn implicit_coordinates(&self) -> Option<Coordinates> {
        self.detail().subtree.as_ref().map(|s| s.coordinates)
    }
    /// `extras` as in the file.
    pub fn extras(&self) -> Option<&'a Value> {
        self.detail().extras.as_deref()
    }

    /// The root of a subtree lies in the part above, its row in the subtree's.
    fn subtree_rows(&self) -> Option<&'a SubtreeRows> {
        let own = self.detail().subtree.as_ref().map(|s| s.part);
        self.tree.parts.get(own.unwrap_or(self.node.part) as usize)?.as_ref()?.rows.as_deref()
    }

    fn detail(&self) -> &'a Detail {
        // `nodes` and `details` grow and shrink together.
        &self.tree.details[self.index as usize]
    }
}

/// Slots of the children of a tile.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    tree: &'a Tree,
    next: u32,
    end: u32,
    graft: u32,
}

impl Iterator for Children<'_> {
    type Item = u32;
    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.next < self.end {
            self.next += 1;
            return Some(self.next - 1);
        }
        let graft = self.graft;
        self.graft = self.tree.nodes.get(graft as usize)?.next_graft;
        Some(graft)
    }
}

/// "No slot", "no part".
pub(crate) const NONE: u32 = u32::MAX;

/// What selection reads.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) volume: BoundingVolume,
    pub(crate) geometric_error: f64,
    pub(crate) parent: u32,
    pub(crate) first_child: u32,
    pub(crate) child_count: u32,
    pub(crate) first_graft: u32,
    pub(crate) next_graft: u32,
    pub(crate) part: u32,
    /// 0: the slot is free.
    pub(crate) generation: u32,
    pub(crate) depth: u16,
    pub(crate) kind: TileKind,
    pub(crate) refine: Refine,
    pub(crate) has_request_volume: bool,
}

/// What only loading and picking read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detail {
    pub(crate) world_from_tile: DMat4,
    pub(crate) request_volume: Option<Box<BoundingVolume>>,
    pub(crate) contents: Vec<Content>,
    pub(crate) metadata: Option<Box<Value>>,
    pub(crate) extras: Option<Box<Value>>,
    pub(crate) subtree: Option<Box<SubtreeLink>>,
    /// Row in the property table of its subtree; meaningless without one.
    pub(crate) row: u32,
}

/// The subtree a tile is the root of.
#[derive(Clone, Debug)]
pub(crate) struct SubtreeLink {
    pub(crate) uri: Arc<str>,
    pub(crate) tiling: Arc<ImplicitTiling>,
    pub(crate) coordinates: Coordinates,
    pub(crate) part: u32,
}

impl SubtreeLink {
    pub(crate) fn new(tiling: &Arc<ImplicitTiling>, coordinates: Coordinates) -> Self {
        let uri = coordinates.fill(&tiling.subtrees_uri).into();
        Self { uri, tiling: tiling.clone(), coordinates, part: NONE }
    }
}

/// Where a part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    Root,
    External,
    Subtree,
}

/// One file's worth of tiles.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// The tile it is grafted to.
    pub(crate) host: u32,
    pub(crate) kind: PartKind,
    /// For a subtree: of the tileset with the implicit root.
    pub(crate) info: Arc<TilesetInfo>,
    /// What its tiles take beside their slots.
    pub(crate) heap_bytes: u64,
    /// Of a subtree with metadata.
    pub(crate) rows: Option<Box<SubtreeRows>>,
}

/// Property tables of a subtree.
#[derive(Clone, Debug, Default)]
pub(crate) struct SubtreeRows {
    pub(crate) tiles: Option<Arc<PropertyTable>>,
    /// One per content template.
    pub(crate) contents: Vec<Arc<PropertyTable>>,
}
