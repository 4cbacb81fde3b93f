//! Coordinates, templates and volumes of implicit tiling.

/// How a tile is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubdivisionScheme {
    /// Into four.
    Quadtree,
    /// Into eight.
    Octree,
}

/// What one must know of the tiling to read one of its subtrees.
#[derive(Clone, Debug, PartialEq)]
pub struct SubtreeShape {
    /// Scheme.
    pub scheme: SubdivisionScheme,
    /// Levels in a subtree.
    pub levels: u32,
    /// Contents per tile.
    pub content_count: usize,
}
