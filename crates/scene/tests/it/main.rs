//! Behaviour of the crate on real files and made-up ones, in one binary.

mod gltf_files;
mod legacy_files;
mod legacy_made;
mod metadata_files;
mod support;
