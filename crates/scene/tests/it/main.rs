//! Behaviour of the crate on real files and made-up ones, in one binary to keep linking short.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod damage;
mod fuzz;
mod gltf_files;
mod gltf_geometry;
mod gltf_textures;
mod inspect;
mod legacy_files;
mod legacy_made;
mod made;
mod metadata_files;
mod metadata_levels;
mod streamer;
mod support;
mod tileset;
mod write;
mod write_implicit;
