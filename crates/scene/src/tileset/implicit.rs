//! Coordinates, templates and volumes of implicit tiling (3D Tiles 1.1 §"Implicit Tiling").

use geodesy::{BoundingVolume, glam::DMat4};
use serde_json::Value;

use crate::tileset::tree::Refine;

/// How a tile is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubdivisionScheme {
    /// Into four, along x and y.
    Quadtree,
    /// Into eight.
    Octree,
}

impl SubdivisionScheme {
    /// Children of a tile: 4 or 8.
    pub fn branching(self) -> u64 {
        1 << self.dimensions()
    }

    /// Split axes: 2 or 3.
    pub fn dimensions(self) -> u32 {
        match self {
            Self::Quadtree => 2,
            Self::Octree => 3,
        }
    }

    /// Deeper subtrees are refused: an index into their availability would not fit 32 bits.
    pub fn max_subtree_levels(self) -> u32 {
        30 / self.dimensions()
    }

    /// Tiles above level `level` of a subtree: where the bits of that level begin. `level` ≤
    /// [`Self::max_subtree_levels`].
    pub fn tiles_above(self, level: u32) -> u64 {
        (self.tiles_at(level) - 1) / (self.branching() - 1)
    }

    /// Tiles at a level, all of them: 4ⁿ or 8ⁿ.
    pub fn tiles_at(self, level: u32) -> u64 {
        1 << (self.dimensions() * level).min(62)
    }
}

/// What one must know of the tiling to read one of its subtrees.
#[derive(Clone, Debug, PartialEq)]
pub struct SubtreeShape {
    /// Scheme.
    pub scheme: SubdivisionScheme,
    /// Levels in a subtree; at most [`SubdivisionScheme::max_subtree_levels`].
    pub levels: u32,
    /// Contents per tile.
    pub content_count: usize,
}

impl SubtreeShape {
    /// Bits of tile and content availability.
    pub fn tile_count(&self) -> u64 {
        self.scheme.tiles_above(self.levels)
    }

    /// Bits of child subtree availability.
    pub fn child_subtree_count(&self) -> u64 {
        self.scheme.tiles_at(self.levels)
    }
}

/// A tile of an implicit tree; `z` is 0 in quadtrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// Level below the implicit root.
    pub level: u32,
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Layer.
    pub z: u32,
}

impl Coordinates {
    /// The implicit root.
    pub const ROOT: Self = Self { level: 0, x: 0, y: 0, z: 0 };
    /// More would not fit the coordinates.
    pub const MAX_LEVELS: u32 = 32;

    /// The tile `levels` below with the given Morton index (x in the lowest bit); `None` beyond
    /// [`Self::MAX_LEVELS`].
    pub fn descendant(&self, scheme: SubdivisionScheme, levels: u32, morton_index: u64) -> Option<Self> {
        let level = self.level.checked_add(levels).filter(|&l| l < Self::MAX_LEVELS)?;
        let dimensions = scheme.dimensions();
        let mut local = [0u32; 3];
        for bit in 0..levels {
            for (axis, value) in local.iter_mut().enumerate().take(dimensions as usize) {
                *value |= ((morton_index >> (bit * dimensions + axis as u32) & 1) as u32) << bit;
            }
        }
        let [x, y, z] = local;
        Some(Self { level, x: self.x << levels | x, y: self.y << levels | y, z: self.z << levels | z })
    }

    /// `template` with `{level}`, `{x}`, `{y}`, `{z}` replaced.
    pub fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len() + 8);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let (head, tail) = rest.split_at(open);
            filled.push_str(head);
            let variable = [("{level}", self.level), ("{x}", self.x), ("{y}", self.y), ("{z}", self.z)]
                .into_iter()
                .find(|(name, _)| tail.starts_with(name));
            match variable {
                Some((name, value)) => {
                    filled.push_str(&value.to_string());
                    rest = &tail[name.len()..];
                }
                None => {
                    filled.push('{');
                    rest = &tail[1..];
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// `implicitTiling` of a tile, with what its tiles inherit.
#[derive(Clone, Debug)]
pub(crate) struct ImplicitTiling {
    pub(crate) scheme: SubdivisionScheme,
    pub(crate) subtree_levels: u32,
    pub(crate) available_levels: u32,
    /// Resolved template.
    pub(crate) subtrees_uri: String,
    pub(crate) contents: Vec<ContentTemplate>,
    /// Of the implicit root, in its tile space.
    pub(crate) volume: BoundingVolume,
    pub(crate) world_from_root: DMat4,
    /// Of the implicit root, metres in world.
    pub(crate) geometric_error: f64,
    pub(crate) refine: Refine,
}

#[derive(Clone, Debug)]
pub(crate) struct ContentTemplate {
    /// Resolved template.
    pub(crate) uri: String,
    pub(crate) group: Option<u32>,
    pub(crate) metadata: Option<Box<Value>>,
}

impl ImplicitTiling {
    pub(crate) fn shape(&self) -> SubtreeShape {
        SubtreeShape { scheme: self.scheme, levels: self.subtree_levels, content_count: self.contents.len() }
    }

    /// Volume of a tile in the space of the implicit root; `None` where its kind cannot be divided so far.
    pub(crate) fn volume_of(&self, at: &Coordinates) -> Option<BoundingVolume> {
        let z = (self.scheme == SubdivisionScheme::Octree).then_some(at.z);
        self.volume.subdivided(at.level, at.x, at.y, z)
    }

    /// Halves with every level.
    pub(crate) fn geometric_error_of(&self, at: &Coordinates) -> f64 {
        self.geometric_error * 0.5f64.powi(at.level as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_tiles_of_subtrees() {
        let quad = SubtreeShape { scheme: SubdivisionScheme::Quadtree, levels: 3, content_count: 1 };
        assert_eq!((quad.tile_count(), quad.child_subtree_count()), (21, 64));
        let oct = SubtreeShape { scheme: SubdivisionScheme::Octree, levels: 3, content_count: 1 };
        assert_eq!((oct.tile_count(), oct.child_subtree_count()), (73, 512));
        for scheme in [SubdivisionScheme::Quadtree, SubdivisionScheme::Octree] {
            assert!(scheme.tiles_above(scheme.max_subtree_levels()) < u64::from(u32::MAX));
        }
    }

    /// The table of Morton indices in the specification, §"Morton Order".
    #[test]
    fn decodes_morton_indices() {
        let at = |scheme, levels, index| Coordinates::ROOT.descendant(scheme, levels, index).unwrap();
        let tile = at(SubdivisionScheme::Quadtree, 2, 19 & 15);
        assert_eq!((tile.x, tile.y), (1, 1));
        let tile = at(SubdivisionScheme::Quadtree, 3, 0b01_11_10);
        assert_eq!((tile.level, tile.x, tile.y, tile.z), (3, 0b110, 0b011, 0));
        let tile = at(SubdivisionScheme::Octree, 2, 0b101_011);
        assert_eq!((tile.x, tile.y, tile.z), (0b11, 0b01, 0b10));
        let below = tile.descendant(SubdivisionScheme::Octree, 1, 0b110).unwrap();
        assert_eq!((below.level, below.x, below.y, below.z), (3, 0b110, 0b011, 0b101));
        assert_eq!(below.descendant(SubdivisionScheme::Octree, 29, 0), None);
    }

    #[test]
    fn fills_templates() {
        let tile = Coordinates { level: 5, x: 12, y: 3, z: 7 };
        assert_eq!(tile.fill("c/{level}/{x}_{y}_{z}.glb?{x}{"), "c/5/12_3_7.glb?12{");
        assert_eq!(tile.fill("{other}{level"), "{other}{level");
    }
}
