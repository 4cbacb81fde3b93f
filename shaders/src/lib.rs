//! WGSL sources as constants. A file here is plain WGSL (no preprocessor): variants are entry points and `override`
//! constants, so that what naga validates in this crate's test is what the driver gets.

/// Tiles: lean photogrammetry path, general path, points. Bindings are described in the file.
pub const TILE: &str = include_str!("../tile.wgsl");

/// Coloured lines in camera-relative coordinates, for debug views.
pub const LINE: &str = include_str!("../line.wgsl");
