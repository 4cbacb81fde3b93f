//! 3D Tiles 1.0 and 1.1: the tree, selection, content decoding, residency, picking and writing.
//!
//! Nothing here opens a file, a socket or a thread, or reads a clock. Bytes, views and time come in as values;
//! [`streamer::Streamer`] answers with a plan (fetch, decode, upload, draw, drop) that the caller carries out.
//!
//! - [`tileset`]: JSON and subtrees, a raw mirror and a validated tree
//! - [`content`]: bytes of a tile to geometry and textures ready for a GPU
//! - [`streamer`]: which tiles, in what order, within which memory
//! - [`pick`]: rays against what is resident, and what the point is
//! - [`write`]: a valid tileset from meshes
//! - [`inspect`]: every problem of a tileset, with file, place and reason

pub mod content;
pub mod inspect;
pub mod metadata;
pub mod pick;
pub mod streamer;
pub mod tileset;
pub mod uri;
pub mod write;
