//! Behaviour of the crate on real files and made-up ones, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking; helpers outside `#[test]` too")]

mod gltf_files;
mod support;
mod tileset;
mod write;
