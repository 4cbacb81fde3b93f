//! Simple blocks (LoD1) of footprints, as 3D Tiles, for villages that have no mesh yet; and footprints of the buildings
//! that a cloud's classes name.

mod derive;
mod write;

pub use derive::{DeriveOptions, footprints_geojson, footprints_of_ground};
pub use write::{BlocksOptions, BlocksReport, write_blocks};

/// Name of the folder in a village.
pub const BLOCKS_FOLDER: &str = "blocks";

/// A building to be drawn as a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// Id of the building.
    pub id: String,
    /// Outer ring and holes, longitude and latitude in degrees, the last corner being joined to the first.
    pub rings: Vec<Vec<[f64; 2]>>,
    /// The ground at its lowest corner, metres above the ellipsoid.
    pub base_m: f64,
    /// Height of the roof above that, metres.
    pub height_m: f64,
}

/// Why there are no blocks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlocksError {
    /// Not one footprint can be drawn.
    #[error("of {0} footprints none can be drawn")]
    Empty(usize),
    /// They cannot be written.
    #[error(transparent)]
    Write(#[from] scene::write::WriteError),
    /// The rasters of the survey cannot be read.
    #[error(transparent)]
    Land(#[from] crate::land::LandError),
    /// They cannot be stored.
    #[error("{path} cannot be written")]
    Store {
        /// The path.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
