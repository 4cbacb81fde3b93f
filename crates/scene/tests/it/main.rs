//! Behaviour of the crate on real files and made-up ones, in one binary.

mod gltf_files;
mod legacy_files;
mod support;
//! Tests of the crate as its users see it; one binary to keep linking short.
mod tileset;
mod streamer;
