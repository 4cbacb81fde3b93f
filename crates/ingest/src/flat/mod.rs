//! Flat maps: packages of map tiles (PMTiles) of orthophotos.

mod pmtiles;
mod tiles;

pub use pmtiles::{PlacedTile, PmTilesError, PmTilesHeader, PmTilesWriter, read_tiles, tile_id, tile_of};
pub use tiles::{FlatMapReport, write_flat_map};
