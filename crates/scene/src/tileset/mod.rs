//! JSON and subtrees: a raw mirror of the files and a validated tree.
//!
//! - [`raw`]: what a `tileset.json` says, after tolerable sins were mended with a warning
//! - [`tree`]: the flat tree that selection walks; external tilesets and subtrees are grafted on and off
//! - [`implicit`]: coordinates, templates and volumes of implicit tiling
//! - [`subtree`]: availability of one subtree

mod graft;
mod graft_subtree;
pub mod implicit;
mod info;
mod lenient;
mod log;
mod parse;
pub mod raw;
mod semantics;
mod slots;
pub mod subtree;
mod subtree_json;
mod tile_members;
pub mod tree;

pub(crate) use graft::largest_scale;
pub use info::TilesetInfo;
pub use raw::RawTileset;
pub use subtree::Subtree;
pub use tree::{Content, ContentKind, GraftError, Refine, Tile, TileKind, Tree, TreeLimits};
