//! Fixed data for the benchmarks: a made-up quadtree for selection, generated photogrammetry for decoding, and the
//! real tiles of `../shared/data` where that folder is there.

pub mod address;
pub mod decoding;
pub mod selection;
