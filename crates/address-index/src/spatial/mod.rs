//! Buildings by place: a packed static index for the many, measured against the best crates.

pub mod packed;

mod outlines;

pub use packed::PackedBuildings;
