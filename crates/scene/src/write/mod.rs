//! A valid tileset from meshes.
