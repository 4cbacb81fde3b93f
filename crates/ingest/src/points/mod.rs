//! Point clouds: reading them, tilesets of them, and the ground beneath them.

pub mod las;
mod octree;
mod ply;
mod shade;
mod spill;
mod tiles;
mod warp;
mod xyz;

pub use ply::PlyFile;
pub(crate) use spill::{Column, ColumnId, Columns, Record};
pub use spill::{FileSpill, MemorySpill, Spill};
pub use tiles::{PointTilesError, PointTilesOptions, PointTilesReport, write_point_tiles};
pub use warp::Reproject;
pub(crate) use warp::Warp;
pub use xyz::XyzFile;

use crate::raster::geo_keys::GeoKeys;

/// Points that a source hands over at once, at most.
pub const BATCH_POINTS: usize = 1 << 16;

/// Points of a cloud, by column. All columns are as long as `positions`, or empty where the source has none.
#[derive(Clone, Debug, Default)]
pub struct PointBatch {
    /// Coordinates in the source's system and axis order as stored (east, north, up for nearly all).
    pub positions: Vec<[f64; 3]>,
    /// Red, green, blue, as stored: of 8 or of 16 bits.
    pub colors: Vec<[u16; 3]>,
    /// Strength of the echo.
    pub intensities: Vec<u16>,
    /// ASPRS classes.
    pub classes: Vec<u8>,
    /// Whether it is the last or only return of its pulse.
    pub is_last: Vec<bool>,
}

/// What a source says about itself before its points are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudInfo {
    /// Points, if it says.
    pub count: Option<u64>,
    /// Lowest and highest coordinates, if it says. Not to be relied on.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// Whether points have colours.
    pub has_colors: bool,
    /// Whether points have classes.
    pub has_classes: bool,
    /// Reference system as WKT.
    pub wkt: Option<String>,
    /// Reference system as GeoKeys.
    pub geo_keys: Option<GeoKeys>,
}

/// A cloud that is read from its beginning to its end.
pub trait PointSource: Send {
    /// What it says about itself.
    fn info(&self) -> &CloudInfo;

    /// Replaces the contents of a batch by the next points, at most [`BATCH_POINTS`]; none at the end.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError>;
}

/// What is wrong with a file of points.
#[derive(Debug, thiserror::Error)]
pub enum PointsError {
    /// It could not be read.
    #[error("the points could not be read")]
    Io(#[from] std::io::Error),
    /// It is no such file.
    #[error("this is no {format} file: {reason}")]
    Format {
        /// Which format.
        format: &'static str,
        /// What is not right.
        reason: String,
    },
    /// A version or a compression that is not read.
    #[error("{what} is not supported")]
    Unsupported {
        /// What.
        what: String,
    },
    /// The file contradicts itself.
    #[error("byte {offset}: {reason}")]
    Corrupt {
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The file ends too early.
    #[error("the file ends after {found} of {announced} points")]
    Truncated {
        /// Points that are there.
        found: u64,
        /// Points that the header announces.
        announced: u64,
    },
}

impl PointBatch {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.positions.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
    /// Takes all points out.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.colors.clear();
        self.intensities.clear();
        self.classes.clear();
        self.is_last.clear();
    }
}
