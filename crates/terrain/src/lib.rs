//! Ground: which points of a survey lie on it, rasters and meshes of it, and what a ray meets there.
//!
//! Everything is in a plan of metres (x east, y north) with heights above whatever datum the caller uses. Nothing here
//! reads a file or starts a thread: work comes in pieces that the caller may run on a pool of its own, and results do
//! not depend on how they were divided.

pub mod classes;
pub mod ground;
pub mod height_field;
pub mod outliers;
pub mod plan;
pub mod polygon;
mod profile;
mod pyramid;
pub mod raster;
pub mod rtin;
pub mod synthetic;
pub mod tiles;

pub use height_field::{HeightField, HeightFieldError};
pub use plan::{CellGrid, CellGridError, PlanRect, Window};
pub use profile::{Profile, ProfileSpan};
pub use pyramid::{HeightPyramid, Sight};
pub use rtin::{Rtin, RtinError, TerrainMesh};
pub use tiles::{CutOut, TerrainTile, TerrainTiles, TileGrid, TileId};
