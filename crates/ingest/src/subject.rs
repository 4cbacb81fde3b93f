//! What a delivery is about: which of the kinds of data that a county takes in.

use std::{fmt, fs::File, io::BufReader, path::Path, str::FromStr};

use crate::{
    delivery::{self, DeliveryError},
    raster::{
        GeoTiff,
        geotiff::{Bands, SampleKind},
    },
};

/// The kinds of data that a county takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Photogrammetry: OSGB, OBJ, or 3D Tiles that exist.
    Mesh,
    /// Point clouds.
    Points,
    /// Elevation models.
    Dem,
    /// Orthophotos and base maps.
    Ortho,
    /// Footprints of buildings.
    Buildings,
    /// Roads.
    Roads,
    /// Villages with their codes and borders.
    Villages,
    /// Grids of one of the three kinds.
    Grids(GridKind),
    /// Cameras.
    Cameras,
    /// Key places.
    Places,
    /// Standard addresses.
    Addresses,
}

/// The three grids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GridKind {
    /// Of the police.
    Police,
    /// Of the local government.
    Governance,
    /// Of epidemic control.
    Epidemic,
}

/// What a path is likely to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guess {
    /// This, because.
    Subject(Subject, String),
    /// Vector data; what they are about is in their columns.
    Vector,
}

impl GridKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Police, Self::Governance, Self::Epidemic];

    /// The word for it in commands and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Police => "police",
            Self::Governance => "governance",
            Self::Epidemic => "epidemic",
        }
    }
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Mesh,
        Self::Points,
        Self::Dem,
        Self::Ortho,
        Self::Buildings,
        Self::Roads,
        Self::Villages,
        Self::Grids(GridKind::Police),
        Self::Grids(GridKind::Governance),
        Self::Grids(GridKind::Epidemic),
        Self::Cameras,
        Self::Places,
        Self::Addresses,
    ];

    /// Whether it belongs to one village, so that the village must be known.
    pub fn needs_village(self) -> bool {
        matches!(self, Self::Mesh | Self::Points | Self::Buildings)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Mesh => "mesh",
            Self::Points => "points",
            Self::Dem => "dem",
            Self::Ortho => "ortho",
            Self::Buildings => "buildings",
            Self::Roads => "roads",
            Self::Villages => "villages",
            Self::Grids(kind) => return write!(f, "grids:{}", kind.name()),
            Self::Cameras => "cameras",
            Self::Places => "places",
            Self::Addresses => "addresses",
        };
        f.write_str(name)
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|subject| subject.to_string() == text).ok_or_else(|| {
            let all: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
            format!("{text:?} is none of {}", all.join(", "))
        })
    }
}

/// Looks at a file or folder and says what it is likely to hold. Of files only headers are read.
///
/// # Errors
/// What cannot be read, and what is of no kind that is known.
pub fn guess(path: &Path) -> Result<Guess, DeliveryError> {
    let unreadable = |source| DeliveryError::Unreadable { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    let subject = |subject, why: &str| Ok(Guess::Subject(subject, why.to_owned()));
    if metadata.is_dir() {
        return folder(path);
    }
    match extension(path).as_str() {
        "las" | "laz" | "ply" | "xyz" => subject(Subject::Points, "a point cloud"),
        "tif" | "tiff" => raster(path),
        "mbtiles" | "pmtiles" => subject(Subject::Ortho, "a package of map tiles"),
        "csv" | "tsv" | "txt" | "xls" | "xlsx" => subject(Subject::Addresses, "a table"),
        "shp" | "geojson" | "fgb" | "gpkg" | "pbf" => Ok(Guess::Vector),
        "json" if !looks_like_a_tileset(path).map_err(unreadable)? => Ok(Guess::Vector),
        _ => delivery::recognise(path).map(|_| Guess::Subject(Subject::Mesh, "a mesh".into())),
    }
}

fn folder(path: &Path) -> Result<Guess, DeliveryError> {
    let found = match delivery::recognise(path) {
        Err(DeliveryError::Nothing { .. }) => None,
        Err(DeliveryError::Several { .. }) | Ok(_) => Some(Guess::Subject(Subject::Mesh, "a mesh".into())),
        Err(other) => return Err(other),
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let unreadable = |source| DeliveryError::Unreadable { path: path.to_owned(), source };
    let mut files: Vec<_> = std::fs::read_dir(path)
        .map_err(unreadable)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    // A folder of map tiles: z/x/y.png.
    let is_zoom =
        |name: &std::ffi::OsStr| name.to_str().is_some_and(|n| n.parse::<u8>().is_ok_and(|z| z < 30));
    let has_zooms = std::fs::read_dir(path)
        .map_err(unreadable)?
        .flatten()
        .any(|entry| entry.path().is_dir() && is_zoom(&entry.file_name()));
    if has_zooms {
        return Ok(Guess::Subject(Subject::Ortho, "a folder of map tiles".into()));
    }
    let wanted = ["las", "laz", "tif", "tiff", "shp", "geojson", "fgb", "gpkg"];
    files
        .iter()
        .find(|file| wanted.contains(&extension(file).as_str()))
        .map_or_else(|| Err(DeliveryError::Nothing { path: path.to_owned() }), |file| guess(file))
}

/// One band of numbers is a model of elevations, three or four bands of bytes are a picture.
fn raster(path: &Path) -> Result<Guess, DeliveryError> {
    let file =
        File::open(path).map_err(|source| DeliveryError::Unreadable { path: path.to_owned(), source })?;
    let tiff = GeoTiff::open(BufReader::new(file)).map_err(|error| DeliveryError::Unreadable {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    let info = tiff.info();
    let bands = info.samples - u16::from(info.alpha.is_some());
    Ok(if bands == 1 && !matches!(info.kind, SampleKind::Unsigned(8)) && info.bands != Bands::Palette {
        Guess::Subject(Subject::Dem, format!("a raster with one band of {:?}", info.kind))
    } else {
        Guess::Subject(Subject::Ortho, format!("a raster with {bands} bands of {:?}", info.kind))
    })
}

/// Whether JSON begins like a tileset and not like GeoJSON.
fn looks_like_a_tileset(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut head = String::new();
    File::open(path)?.take(1 << 16).read_to_string(&mut head).or_else(|error| {
        // Cut in the middle of a letter.
        if error.kind() == std::io::ErrorKind::InvalidData { Ok(0) } else { Err(error) }
    })?;
    Ok(!head.contains("\"FeatureCollection\""))
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_read_as_it_is_written() {
        for subject in Subject::ALL {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert!("grids:other".parse::<Subject>().unwrap_err().contains("grids:police"));
    }
}
