//! What was delivered, kept in the county: each raster with a description beside it.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use store::write::{AtomicFile, write_atomic};

use super::{
    LandError, TERRAIN_FOLDER,
    plan::{PlannedRaster, RasterKind},
    raster_file,
};
use crate::{
    cloud::{GROUND_FOLDER, TERRAIN_FILE},
    mesh::{Progress, tidy},
    place::{PlaceError, Placed},
    raster::{GeoTiffWriter, GeoTransform, RasterHeader, Window},
};

/// Name of the folder of sources in `terrain`.
pub const SOURCES_FOLDER: &str = "sources";
const RECORD_FORMAT: u32 = 1;
/// Longer descriptions are none.
const MAX_RECORD_BYTES: u64 = 1 << 20;
/// Pixels that are worked on at once.
const BAND_PIXELS: u32 = 1 << 22;
/// The geoid is looked up at every so many pixels, linear in between.
const GEOID_STEP: u32 = 32;
/// Heights outside of this are none: what files write for "nothing" without saying so.
const SANE_HEIGHTS_M: std::ops::RangeInclusive<f64> = -600.0..=9500.0;

/// The description of a raster that was taken in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptSource {
    /// Form of the description.
    pub format: u32,
    /// Number: later ones are larger.
    pub number: u32,
    /// What it is.
    pub kind: RasterKind,
    /// Name of the file that was delivered.
    pub delivered: String,
    /// BLAKE3 of the file that was delivered.
    pub hash: String,
    /// Pixels across and down.
    pub size: [u32; 2],
    /// Coordinates of the outer corner of the first pixel, and the steps of a column and of a row.
    pub transform: [[f64; 2]; 3],
    /// Side of a pixel in its middle, metres.
    pub pixel_m: f64,
    /// West, south, east, north, degrees.
    pub region_deg: [f64; 4],
    /// How it was placed. Heights of the kept file are metres above the ellipsoid whatever they were.
    pub place: Placed,
    /// Heights that were taken for none although the file did not say so.
    pub implausible: u64,
}

/// A kept source and its raster.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its description.
    pub source: KeptSource,
    /// Its raster.
    pub file: PathBuf,
}

impl KeptSource {
    fn stem(&self) -> String {
        format!("{}-{:04}", self.kind.name(), self.number)
    }

    pub(super) fn transform(&self) -> GeoTransform {
        let [origin, column, row] = self.transform;
        GeoTransform { origin, column, row }
    }
}

/// What was taken in, by number. Files that make no sense are named.
///
/// # Errors
/// A folder that cannot be read.
pub fn kept_sources(county: &Path) -> Result<(Vec<Kept>, Vec<String>), LandError> {
    let folder = county.join(TERRAIN_FOLDER).join(SOURCES_FOLDER);
    let unreadable = |source| LandError::Unreadable { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(unreadable(error)),
    };
    let (mut kept, mut wrong) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = path.with_extension("tif");
        let found = read_record(&path).and_then(|source| {
            if file.is_file() { Ok(source) } else { Err(format!("{} is missing", file.display())) }
        });
        match found {
            Ok(source) => kept.push(Kept { source, file }),
            Err(reason) => wrong.push(format!("{}: {reason}", path.display())),
        }
    }
    kept.sort_by_key(|kept| kept.source.number);
    wrong.sort();
    Ok((kept, wrong))
}

fn read_record(path: &Path) -> Result<KeptSource, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_RECORD_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let source: KeptSource = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if source.format > RECORD_FORMAT {
        return Err(format!("form {}: this program reads up to {RECORD_FORMAT}", source.format));
    }
    let numbers = source.region_deg.iter().chain(source.transform.iter().flatten());
    let is_sane = numbers.clone().all(|n| n.is_finite())
        && source.region_deg[0] < source.region_deg[2]
        && source.region_deg[1] < source.region_deg[3]
        && source.pixel_m.is_finite()
        && source.pixel_m > 0.0;
    if is_sane { Ok(source) } else { Err("its numbers place nothing".into()) }
}

/// Takes a raster in, unless it is there already.
pub(crate) fn keep(
    county: &Path,
    raster: &PlannedRaster,
    progress: &dyn Progress,
) -> Result<KeptSource, LandError> {
    let folder = county.join(TERRAIN_FOLDER).join(SOURCES_FOLDER);
    fs::create_dir_all(&folder).map_err(LandError::store(&folder))?;
    tidy(&folder).map_err(LandError::store(&folder))?;
    let hash = hash(&raster.path)?;
    let (kept, _) = kept_sources(county)?;
    let same = |kept: &&Kept| {
        let source = &kept.source;
        source.hash == hash && source.kind == raster.kind && source.place == raster.place
    };
    if let Some(kept) = kept.iter().find(same) {
        progress.advance(raster.bytes);
        return Ok(kept.source.clone());
    }
    let tiff = raster_file::open(&raster.path)?;
    let transform = tiff
        .info()
        .transform
        .ok_or_else(|| LandError::Corrupt { path: raster.path.clone(), reason: "it has no place".into() })?;
    drop(tiff);
    let mut source = KeptSource {
        format: RECORD_FORMAT,
        number: kept.iter().map(|kept| kept.source.number).max().unwrap_or(0) + 1,
        kind: raster.kind,
        delivered: raster.name.clone(),
        hash,
        size: raster.size,
        transform: [transform.origin, transform.column, transform.row],
        pixel_m: raster.pixel_m,
        region_deg: raster.region_deg,
        place: raster.place.clone(),
        implausible: 0,
    };
    let file = folder.join(format!("{}.tif", source.stem()));
    match raster.kind {
        RasterKind::Dem => source.implausible = keep_heights(raster, &source, &file, progress)?,
        RasterKind::Ortho => copy(&raster.path, &file, progress)?,
    }
    let record = folder.join(format!("{}.json", source.stem()));
    let json =
        serde_json::to_vec_pretty(&source).map_err(io::Error::other).map_err(LandError::store(&record))?;
    write_atomic(&record, &json).map_err(LandError::store(&record))?;
    Ok(source)
}

fn hash(path: &Path) -> Result<String, LandError> {
    let unreadable = |source| LandError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher).map_err(unreadable)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn copy(from: &Path, to: &Path, progress: &dyn Progress) -> Result<(), LandError> {
    let unreadable = |source| LandError::Unreadable { path: from.to_owned(), source };
    let mut source = File::open(from).map_err(unreadable)?;
    let mut target = AtomicFile::create(to).map_err(LandError::store(to))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        if progress.is_cancelled() {
            return Err(LandError::Cancelled);
        }
        let read = source.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        target.write_all(buffer.get(..read).unwrap_or_default()).map_err(LandError::store(to))?;
        progress.advance(read as u64);
    }
    target.commit().map_err(LandError::store(to))
}

/// Writes the heights of the first band above the ellipsoid; returns how many were implausible.
fn keep_heights(
    raster: &PlannedRaster,
    source: &KeptSource,
    to: &Path,
    progress: &dyn Progress,
) -> Result<u64, LandError> {
    let mut tiff = raster_file::open(&raster.path)?;
    let [width, height] = raster.size;
    let epsg = raster.place.definition.strip_prefix("EPSG:").and_then(|code| code.parse().ok());
    let transform = source.transform();
    let is_north_up = transform.column[1] == 0.0
        && transform.row[0] == 0.0
        && transform.column[0] > 0.0
        && transform.row[1] < 0.0;
    let header = RasterHeader {
        width,
        height,
        // The description says where a raster lies that is turned.
        transform: if is_north_up {
            transform
        } else {
            GeoTransform { origin: [0.0, f64::from(height)], column: [1.0, 0.0], row: [0.0, -1.0] }
        },
        epsg: epsg.filter(|_| is_north_up).map(|code| (code, raster.reference.is_geographic())),
    };
    let store = || LandError::store(to);
    let file = AtomicFile::create(to).map_err(store())?;
    let mut writer = GeoTiffWriter::<_, f32>::new(BufWriter::new(file), header).map_err(store())?;
    let chunk = tiff.info().chunk.1.clamp(1, 1024);
    let rows = (BAND_PIXELS / width.max(1)).clamp(1, height).div_ceil(chunk) * chunk;
    let projector = raster.reference.crs().projector().map_err(PlaceError::from)?;
    let mut implausible = 0;
    let mut told = 0;
    for top in (0..height).step_by(rows as usize) {
        if progress.is_cancelled() {
            return Err(LandError::Cancelled);
        }
        let window = Window { x: 0, y: top, width, height: rows.min(height - top) };
        let mut numbers = tiff.read_numbers(window, 0).map_err(LandError::raster(&raster.path))?;
        let offsets = |column: u32, row: u32| {
            let place = transform.at(f64::from(column) + 0.5, f64::from(row) + 0.5);
            let degrees = raster.reference.degrees(&projector, place).unwrap_or([f64::NAN; 2]);
            raster.reference.ellipsoidal_m(degrees, 0.0)
        };
        lift(&mut numbers, window, source.place.height_unit_m, &offsets);
        for number in &mut numbers {
            if number.is_finite() && !SANE_HEIGHTS_M.contains(&f64::from(*number)) {
                implausible += 1;
                *number = f32::NAN;
            }
        }
        writer.write_rows(&numbers).map_err(store())?;
        let done = raster.bytes * u64::from(top + window.height) / u64::from(height.max(1));
        progress.advance(done - told);
        told = done;
    }
    let file = writer.finish().map_err(store())?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).map_err(store())?;
    file.commit().map_err(store())?;
    Ok(implausible)
}

/// Makes heights metres above the ellipsoid: what is to be added is asked for at a lattice.
fn lift(numbers: &mut [f32], window: Window, unit_m: f64, offset: &dyn Fn(u32, u32) -> f64) {
    let (across, down) = (window.width.div_ceil(GEOID_STEP) + 1, window.height.div_ceil(GEOID_STEP) + 1);
    let nodes: Vec<f64> = (0..across * down)
        .map(|k| offset(window.x + k % across * GEOID_STEP, window.y + k / across * GEOID_STEP))
        .collect();
    for (k, number) in numbers.iter_mut().enumerate() {
        let (column, row) = (k as u32 % window.width, k as u32 / window.width);
        let (i, j) = (column / GEOID_STEP, row / GEOID_STEP);
        let (u, v) = (
            f64::from(column % GEOID_STEP) / f64::from(GEOID_STEP),
            f64::from(row % GEOID_STEP) / f64::from(GEOID_STEP),
        );
        let node = |i: u32, j: u32| nodes.get((j * across + i) as usize).copied().unwrap_or(f64::NAN);
        let south = node(i, j) * (1.0 - u) + node(i + 1, j) * u;
        let north = node(i, j + 1) * (1.0 - u) + node(i + 1, j + 1) * u;
        *number = (f64::from(*number) * unit_m + south * (1.0 - v) + north * v) as f32;
    }
}

/// The terrain that a survey found in its points, as a source; `None` if there is none.
pub(crate) fn survey_terrain(county: &Path, survey: &Path, name: String) -> Option<Kept> {
    let file = survey.join(GROUND_FOLDER).join(TERRAIN_FILE);
    let tiff = raster_file::open(&file).ok()?;
    let info = tiff.info();
    let transform = info.transform?;
    let [low, high] = transform.bounds(info.width, info.height);
    let inside = file.strip_prefix(county).unwrap_or(&file).display().to_string();
    let step_m = transform.row[1].abs().to_radians() * crate::ground::EARTH_RADIUS_M;
    Some(Kept {
        source: KeptSource {
            format: RECORD_FORMAT,
            number: 0,
            kind: RasterKind::Dem,
            delivered: name,
            hash: inside,
            size: [info.width, info.height],
            transform: [transform.origin, transform.column, transform.row],
            pixel_m: step_m,
            region_deg: [low[0], low[1], high[0], high[1]],
            place: Placed {
                crs: "WGS 84".into(),
                definition: "EPSG:4326".into(),
                heights: "the WGS 84 ellipsoid".into(),
                height_unit_m: 1.0,
                easting_shift: 0.0,
                notes: Vec::new(),
            },
            implausible: 0,
        },
        file,
    })
}
