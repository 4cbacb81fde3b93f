//! Vector data as they are delivered: Shapefile, GeoJSON, FlatGeobuf, GeoPackage and other SQLite databases, OpenStreetMap
//! PBF, and tables with positions.
//!
//! [`read`] gives features in WGS 84 degrees (longitude, latitude), with properties, where each came from, and a reason for
//! each that was refused. Coordinates of projected systems go through `geodesy::crs`; GCJ-02 and BD-09 are converted where
//! they are named (`gcj02`, `bd09` as the coordinate system), never guessed.
//!
//! Every reader here is our own and works within a budget: a count is believed only as far as the bytes that are there.

mod cursor;
mod database;
mod dbf;
mod flat_buffer;
mod flat_geobuf;
mod geo_json;
mod geometry;
mod osm;
mod place;
mod shp;
mod tabular;
mod validity;
mod wkb;

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

pub use geometry::{Geometry, Plane, Polygon, Position, area_deg2, ring_area};
pub use osm::OsmWanted;

/// Longer files are refused.
pub const MAX_FILE_BYTES: u64 = 4 << 30;

/// How a file is to be read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Coordinate system that overrules the file's own: see `geodesy::crs::Crs::parse`; also `gcj02` and `bd09`.
    pub crs: Option<String>,
    /// Coordinate system of files that name none.
    pub fallback_crs: Option<String>,
    /// Table of a database with several.
    pub layer: Option<String>,
    /// What is taken of OpenStreetMap data.
    pub osm: OsmWanted,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorData {
    /// Name of the file.
    pub file: String,
    /// The coordinate system that was used.
    pub crs: String,
    /// Features that can be used.
    pub features: Vec<Feature>,
    /// What was refused or mended.
    pub issues: Vec<Issue>,
    /// What should be known of the file as a whole.
    pub notes: Vec<String>,
    /// Features read, those that were refused among them.
    pub read: usize,
}

/// One feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feature {
    /// Number in its file (of its table), from 1.
    pub number: u64,
    /// Line in its file, of text files.
    pub line: Option<u64>,
    /// Id that its source gives it beside its properties.
    pub id: Option<String>,
    /// Where it lies; tables of codes need no place.
    pub geometry: Option<Geometry>,
    /// Lowest and highest third coordinate, where it has some.
    pub z: Option<[f64; 2]>,
    /// Properties, in the order of the file: null, boolean, number or text.
    pub properties: Vec<(String, Value)>,
}

/// Something wrong with a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Number of the feature, from 1; 0 for the file.
    pub number: u64,
    /// Line in its file, of text files.
    pub line: Option<u64>,
    /// What is wrong, and what was done.
    pub reason: String,
    /// Whether the feature was refused; else it was mended.
    pub refused: bool,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The disk's answer.
    #[error("{path} cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than is taken.
    #[error("{what}: {found} bytes; {max} are allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large.
        found: u64,
        /// Limit.
        max: u64,
    },
    /// It breaks its format where nothing can be read any more.
    #[error("{format}: {reason}")]
    Corrupt {
        /// Name of the format.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No reader for it.
    #[error(
        "{path} is of no kind of vector data that is read: shp, geojson, fgb, gpkg, sqlite, pbf, csv, xlsx"
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// A database with several tables.
    #[error("{path} holds several layers; choose one with --layer: {layers}")]
    SeveralLayers {
        /// The file.
        path: PathBuf,
        /// Their names.
        layers: String,
    },
    /// It names no coordinate system and does not look like degrees.
    #[error("{file} names no coordinate system, and {x}, {y} are no degrees: give it with --crs")]
    NoCrs {
        /// The file.
        file: String,
        /// First coordinate.
        x: f64,
        /// Second coordinate.
        y: f64,
    },
    /// Its coordinate system cannot be used.
    #[error(transparent)]
    Crs(#[from] geodesy::crs::CrsError),
    /// It cannot be read as a table.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
}

/// What a reader makes of a file, in the file's own coordinates.
#[derive(Debug, Default)]
struct Raw {
    features: Vec<RawFeature>,
    /// Coordinate system that the file names.
    crs: Option<String>,
    /// Whether the format says that coordinates are WGS 84 degrees unless something else is named.
    is_degrees: bool,
    issues: Vec<Issue>,
    notes: Vec<String>,
}

/// A feature before it is placed; `geometry` may be why there is none.
#[derive(Debug, Default)]
struct RawFeature {
    number: u64,
    line: Option<u64>,
    id: Option<String>,
    shape: Option<Result<Shape, String>>,
    properties: Vec<(String, Value)>,
}

/// A geometry with the range of its third coordinates.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    geometry: Geometry,
    z: Option<[f64; 2]>,
}

/// Reads a file, or the only file of a folder.
///
/// # Errors
/// What cannot be opened, is of no known kind, too large or broken from its beginning. What is wrong with single features
/// is in [`VectorData::issues`].
pub fn read(path: &Path, options: &ReadOptions) -> Result<VectorData, VectorError> {
    let path = &the_file(path)?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let raw = match extension(path).as_str() {
        "shp" => shp::read(path)?,
        "geojson" | "json" => geo_json::read(&bytes_of(path)?)?,
        "fgb" => flat_geobuf::read(&bytes_of(path)?)?,
        "gpkg" | "sqlite" | "db" => database::read(path, options.layer.as_deref())?,
        "pbf" => osm::read(path, options.osm)?,
        "csv" | "tsv" | "txt" | "xls" | "xlsx" => tabular::read(&bytes_of(path)?)?,
        _ => return Err(VectorError::UnknownKind { path: path.clone() }),
    };
    place::place(raw, file, options)
}

/// Reads bytes of a format, as [`read`] does with files of that extension. For tests and for what is not a file.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(extension: &str, bytes: &[u8], options: &ReadOptions) -> Result<VectorData, VectorError> {
    let raw = match extension {
        "shp" => shp::read_parts(bytes, None, None, None)?,
        "dbf" => shp::read_parts(&[], Some(bytes), None, None)?,
        "geojson" | "json" => geo_json::read(bytes)?,
        "fgb" => flat_geobuf::read(bytes)?,
        "pbf" => osm::read_from(&mut io::Cursor::new(bytes), options.osm)?,
        "csv" | "xlsx" => tabular::read(bytes)?,
        "wkb" => wkb::read_alone(bytes),
        _ => return Err(VectorError::UnknownKind { path: PathBuf::from(extension) }),
    };
    place::place(raw, extension.to_owned(), options)
}

/// The vector file in a folder, or the file itself.
fn the_file(path: &Path) -> Result<PathBuf, VectorError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path).map_err(io)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| ["shp", "geojson", "fgb", "gpkg"].contains(&extension(file).as_str()));
    files.sort();
    match files.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(VectorError::UnknownKind { path: path.to_owned() }),
        several => Err(VectorError::SeveralLayers {
            path: path.to_owned(),
            layers: several
                .iter()
                .filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned()))
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let found = std::fs::metadata(path).map_err(io)?.len();
    if found > MAX_FILE_BYTES {
        return Err(VectorError::TooLarge { what: "the file", found, max: MAX_FILE_BYTES });
    }
    std::fs::read(path).map_err(io)
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Text in UTF-8, or else in GB 18030; whether it was the latter.
fn text_of(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, bool) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.into(), false),
        Err(_) => (encoding_rs::GB18030.decode_without_bom_handling(bytes).0, true),
    }
}
