//! From a subtree to tiles of the tree.
use crate::{
    content::Warning,
    streamer::TileId,
    tileset::{
        subtree::Subtree,
        tree::{GraftError, Tree},
    },
};
impl Tree {
    pub(crate) fn plant_subtree(
        &mut self,
        _tile: TileId,
        _subtree: &Subtree,
    ) -> Result<Vec<Warning>, GraftError> {
        Err(GraftError::NoSuchTile { content: 0 })
    }
}
