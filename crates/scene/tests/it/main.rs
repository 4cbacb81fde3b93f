//! Behaviour of the crate on real files and made-up ones, in one binary.

mod gltf_files;
mod support;
mod tileset;
mod write;
