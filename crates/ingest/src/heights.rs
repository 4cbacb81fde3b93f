//! What heights are measured from, as people say it: `ellipsoidal`, `egm96`, `grid:FILE`, `offset:METRES`.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

use geodesy::crs::{GeoidGrid, GeoidGridError, HeightDatum};
use tiff::{
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

/// File names of the EGM96 grid, as `proj-data` packages have it.
const EGM96_FILES: &[&str] = &["egm96_15.gtx", "us_nga_egm96_15.tif"];
/// Longer grids are refused.
const MAX_BYTES: u64 = 1 << 30;

/// Why a word about heights cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeightsError {
    /// Not one of the words.
    #[error("{0:?}: expected ellipsoidal, egm96, grid:FILE or offset:METRES")]
    Word(String),
    /// The EGM96 grid is not there.
    #[error(
        "the EGM96 grid ({}) is in none of {}: install proj-data (Debian, Ubuntu), or name a grid with grid:FILE",
        EGM96_FILES.join(" or "), folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoEgm96 {
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no grid.
    #[error(transparent)]
    Grid(#[from] GeoidGridError),
}

/// Understands a word about heights. Grids of the name `egm96` are looked for in `folders`. Returns the datum and its
/// name for reports.
///
/// # Errors
/// A word that is none, and grids that are not there or make no sense.
pub fn parse(text: &str, folders: &[PathBuf]) -> Result<(HeightDatum, String), HeightsError> {
    let text = text.trim();
    let word = || HeightsError::Word(text.to_owned());
    if text.eq_ignore_ascii_case("ellipsoidal") {
        return Ok((HeightDatum::Ellipsoidal, "the WGS 84 ellipsoid".to_owned()));
    }
    if text.eq_ignore_ascii_case("egm96") {
        let found = folders.iter().flat_map(|folder| EGM96_FILES.iter().map(move |name| folder.join(name)));
        let Some(path) = found.into_iter().find(|path| path.is_file()) else {
            return Err(HeightsError::NoEgm96 { folders: folders.to_vec() });
        };
        let grid = read_grid(&path)?;
        return Ok((HeightDatum::Geoid(Arc::new(grid)), format!("EGM96 ({})", file_name(&path))));
    }
    match text.split_once(':') {
        Some(("offset", metres)) => {
            let metres: f64 = metres.trim().parse().ok().filter(|m: &f64| m.is_finite()).ok_or_else(word)?;
            Ok((HeightDatum::Offset(metres), format!("a surface {metres} m above the ellipsoid")))
        }
        Some(("grid", file)) => {
            let path = Path::new(file.trim());
            let grid = read_grid(path)?;
            Ok((HeightDatum::Geoid(Arc::new(grid)), format!("the geoid of {}", file_name(path))))
        }
        _ => Err(word()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads a geoid grid: GTX, or a GeoTIFF of one band over longitude and latitude.
///
/// # Errors
/// A file that cannot be read or is no grid.
pub fn read_grid(path: &Path) -> Result<GeoidGrid, HeightsError> {
    let unreadable = |source| HeightsError::Unreadable { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    let name = file_name(path);
    if length > MAX_BYTES {
        return Err(
            GeoidGridError { name, reason: format!("{length} bytes; {MAX_BYTES} are allowed") }.into()
        );
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let is_tiff = matches!(bytes.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"));
    if is_tiff { Ok(geotiff(&name, &bytes)?) } else { Ok(GeoidGrid::from_gtx(&name, &bytes)?) }
}

/// GeoTIFF: `ModelPixelScale` and `ModelTiepoint`, pixel is area or point.
fn geotiff(name: &str, bytes: &[u8]) -> Result<GeoidGrid, GeoidGridError> {
    let fail = |reason: String| GeoidGridError { name: name.to_owned(), reason };
    let tiff = |error: tiff::TiffError| fail(error.to_string());
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(tiff)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(tiff)?;
    let (columns, rows) = (width as usize, height as usize);
    let scale = decoder.get_tag_f64_vec(Tag::ModelPixelScaleTag).map_err(tiff)?;
    let tie = decoder.get_tag_f64_vec(Tag::ModelTiepointTag).map_err(tiff)?;
    let keys = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
    let key = |wanted: u16| {
        keys.chunks_exact(4).skip(1).find(|entry| entry[0] == wanted && entry[1] == 0).map(|entry| entry[3])
    };
    // GTModelType: 2 is longitude and latitude.
    if key(1024).is_some_and(|model| model != 2) {
        return Err(fail("not over longitude and latitude".to_owned()));
    }
    let (Some([step_x, step_y]), Some([column, row, _, lon, lat])) = (
        scale.get(..2).and_then(|s| <[f64; 2]>::try_from(s).ok()),
        tie.get(..5).and_then(|t| <[f64; 5]>::try_from(t).ok()),
    ) else {
        return Err(fail("it does not say where it lies".to_owned()));
    };
    // GTRasterType: 2 is point; else values stand for areas, half a step from the corner.
    let half = if key(1025) == Some(2) { 0.0 } else { 0.5 };
    let west = lon + (half - column) * step_x;
    let north = lat - (half - row) * step_y;
    let south = north - step_y * (rows as f64 - 1.0);
    let no_value =
        decoder.get_tag_ascii_string(Tag::GdalNodata).ok().and_then(|t| t.trim().parse::<f64>().ok());
    let values: Vec<f32> = match decoder.read_image().map_err(tiff)? {
        DecodingResult::F32(values) => values,
        DecodingResult::F64(values) => values.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I16(values) => values.into_iter().map(f32::from).collect(),
        _ => return Err(fail("not of real numbers".to_owned())),
    };
    if values.len() != columns * rows {
        return Err(fail(format!("{} values for {columns} x {rows}: one band is expected", values.len())));
    }
    let values = values
        .chunks_exact(columns.max(1))
        .rev()
        .flatten()
        .map(|v| if no_value.is_some_and(|n| (f64::from(*v) - n).abs() < 1e-6) { f32::NAN } else { *v });
    GeoidGrid::new(name, [west, south], [step_x, step_y], [columns, rows], values.collect())
}
