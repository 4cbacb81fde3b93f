//! Behaviour of the crate on real files and made-up ones, in one binary.

mod gltf_files;
mod gltf_geometry;
mod gltf_textures;
mod made;
mod support;
