mod explicit;
mod implicit;
mod malformed;
mod placement;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use geodesy::glam::DMat4;
use scene::{
    content::Warning,
    tileset::{RawTileset, Tree, TreeLimits},
};

/// The folder of real tilesets, if it is there.
pub(crate) fn data() -> Option<PathBuf> {
    crate::support::data("tiles")
}

pub(crate) fn open(file: &Path) -> (Tree, Vec<Warning>) {
    let bytes = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let (raw, mut warnings) = RawTileset::parse(&bytes, name).unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    let (_, more) = tree.add_root(&raw, name, &DMat4::IDENTITY).unwrap();
    warnings.extend(more);
    (tree, warnings)
}

/// Tiles and contents per level.
pub(crate) fn levels(tree: &Tree) -> (usize, Vec<usize>) {
    let mut contents = BTreeMap::new();
    let mut tiles = 0;
    let mut stack: Vec<u32> = tree.roots().iter().map(|r| r.index).collect();
    while let Some(index) = stack.pop() {
        let tile = tree.tile(index).unwrap();
        tiles += 1;
        *contents.entry(tile.depth()).or_insert(0) += tile.contents().len();
        for child in tile.children() {
            assert_eq!(tree.tile(child).unwrap().parent(), Some(index));
            assert_eq!(tree.tile(child).unwrap().depth(), tile.depth() + 1);
            stack.push(child);
        }
    }
    assert_eq!(tiles, tree.len());
    (tiles, contents.into_values().collect())
}
