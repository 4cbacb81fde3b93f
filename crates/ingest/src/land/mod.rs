//! The ground of a county: delivered elevation models and orthophotos are kept, and terrain is made of them.
//!
//! ```text
//! terrain/sources/dem-0001.tif, dem-0001.json     an elevation model, heights made ellipsoidal; pixels where they were
//! terrain/sources/ortho-0002.tif, ortho-0002.json an orthophoto, byte for byte
//! terrain/<version>/tiles/                        the terrain as 3D Tiles, with the photos, cut away under meshes
//! terrain/<version>/heights.tif                   the heights it was made of (EPSG:4979), before anything was cut
//! terrain/<version>/report.json                   what it was made of, and the plan that its cells lie in
//! ```
//!
//! A source is there when its JSON is; a version appears whole. Which version is shown says the root of the county. Where
//! no elevation model was delivered, the terrain that surveys found in their points stands in.

mod build;
mod cut;
mod heights;
mod keep;
mod plan;
mod raster_file;

use std::{io, path::PathBuf};

use crate::{ground::TerrainError, place::PlaceError, raster::RasterError};

pub use build::{CutAway, LandOptions, LandReport, SourceUse, TILE_CELLS, build, flat_map};
pub use cut::{OUTLINE_FILE, OutlineError, Rings, outline_of};
pub use heights::{CountyHeights, HeightRaster};
pub use keep::{Kept, KeptSource, SOURCES_FOLDER, kept_sources};
pub use plan::{LandPlan, LandRequest, PlannedRaster, RasterKind, plan};

pub(crate) use keep::{keep, survey_terrain};

/// Name of the folder in a county.
pub const TERRAIN_FOLDER: &str = "terrain";
/// Name of the file of heights in a version.
pub const HEIGHTS_FILE: &str = "heights.tif";

/// Why the ground of a county cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LandError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A raster cannot be read.
    #[error("{path}")]
    Raster {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RasterError,
    },
    /// No raster.
    #[error("{path}: no raster that can be read{}", first.as_ref().map(|f| format!(" ({f})")).unwrap_or_default())]
    Nothing {
        /// The delivery.
        path: PathBuf,
        /// The first finding.
        first: Option<String>,
    },
    /// A raster has no place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// What was kept makes no sense.
    #[error("{path}: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The result cannot be stored.
    #[error("{path} cannot be written")]
    Store {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The terrain cannot be made.
    #[error("the terrain: {0}")]
    Terrain(String),
    /// The terrain's tiles cannot be made.
    #[error("the terrain's tiles")]
    Tiles(#[from] TerrainError),
    /// The flat map cannot be made.
    #[error("the flat map")]
    Flat(#[from] crate::flat::PmTilesError),
    /// Somebody asked to stop.
    #[error("stopped as asked; rasters that were taken in are kept")]
    Cancelled,
}

impl LandError {
    pub(crate) fn store(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Store { path, source }
    }

    pub(crate) fn raster(path: impl Into<PathBuf>) -> impl FnOnce(RasterError) -> Self {
        let path = path.into();
        move |source| Self::Raster { path, source }
    }
}
