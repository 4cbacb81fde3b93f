//! A made-up county as survey companies and offices deliver one: raw deliveries, not finished tiles.
//!
//! Mountain valleys with a river each and villages along them: OSGB meshes, classified LAS clouds, GeoTIFF rasters,
//! Shapefile footprints, GeoJSON layers, address tables with the flaws that real ones have; and beside them `truth/`,
//! which no import reads. Everything is invented. The same options give the same bytes, on any number of threads.

mod building;
mod deliver;
mod divisions;
mod folder;
mod land;
mod math;
mod names;
mod paint;
mod site;
mod skin;

use std::{collections::BTreeMap, io, path::PathBuf};

pub use folder::{FolderOutcome, write_folder};

/// Raised whenever the same options give other files than before.
pub const GENERATION: u32 = 4;

/// How much of everything is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// All of it: texels of 10 cm at buildings, a million points a village.
    #[default]
    Full,
    /// Lean, for many villages: texels of 20 cm, few points; the same villages otherwise.
    Scale,
    /// As little as tests need: a quarter of the site.
    Tiny,
}

impl Detail {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Scale, Self::Tiny];

    /// The word for it in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Scale => "scale",
            Self::Tiny => "tiny",
        }
    }
}

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountyOptions {
    /// How many villages; at least one is made.
    pub villages: u32,
    /// The same seed gives the same county.
    pub seed: u64,
    /// How much of everything.
    pub detail: Detail,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountySummary {
    /// Villages.
    pub villages: usize,
    /// Buildings, sheds and all.
    pub buildings: usize,
    /// Buildings of each kind.
    pub kinds: BTreeMap<&'static str, usize>,
    /// Standard addresses.
    pub addresses: usize,
    /// Root tiles of the meshes.
    pub root_tiles: usize,
    /// Pieces of the meshes over all levels: tiles after import.
    pub mesh_pieces: usize,
    /// Triangles of the finest levels.
    pub triangles: usize,
}

/// Why the county could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountySampleError {
    /// The coordinate system is not to be had.
    #[error("the sample's coordinate system: {0}")]
    Crs(#[from] geodesy::crs::CrsError),
    /// A texture could not be written.
    #[error("a texture of the sample: {0}")]
    Texture(#[from] jpeg_encoder::EncodingError),
    /// The cloud could not be written.
    #[error("the sample's point cloud: {0}")]
    Points(#[from] las::Error),
    /// A raster could not be written.
    #[error("a raster of the sample: {0}")]
    Raster(#[from] tiff::TiffError),
    /// The footprints could not be written.
    #[error("the sample's footprints: {0}")]
    Footprints(#[from] shapefile::Error),
    /// A table could not be written.
    #[error("a table of the sample: {0}")]
    Table(String),
    /// The workbook could not be written.
    #[error("the sample's workbook: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// A raster larger than its format.
    #[error("a raster of the sample has {0} pixels along a side")]
    TooLarge(usize),
    /// The receiver of the files refused one.
    #[error("{path} could not be stored")]
    Sink {
        /// Path of the file.
        path: String,
        /// Its error.
        source: io::Error,
    },
    /// The folder holds something that is no sample.
    #[error("{0} is not empty and holds no sample: choose an empty or a new folder")]
    Foreign(PathBuf),
    /// The folder holds another sample.
    #[error("{folder} holds another sample ({what}): choose another folder, or replace it with --replace")]
    Other {
        /// The folder.
        folder: PathBuf,
        /// Which sample.
        what: String,
    },
}

/// Makes a county; hands every file with its path (`/` separators) to `store`, village by village.
///
/// Tiles of a village are made on the caller's `rayon` pool.
///
/// # Errors
/// Whatever `store` answers, and those of the formats' writers.
pub fn write(
    options: &CountyOptions,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<CountySummary, CountySampleError> {
    deliver::write(options, store, &mut |_, _| {})
}
