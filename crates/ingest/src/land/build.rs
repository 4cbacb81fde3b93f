//! A version of the terrain: heights on one lattice, tiles with pictures, ground cut away.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Cursor},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use glam::DVec2;
use serde::{Deserialize, Serialize};
use store::write::{AtomicFile, AtomicFolder};
use terrain::{CutOut, PlanRect, TerrainTiles, TileGrid};

use super::{
    HEIGHTS_FILE, LandError,
    cut::Rings,
    keep::Kept,
    plan::{RasterKind, chain, union},
    raster_file,
};
use crate::{
    flat::{FlatMapReport, write_flat_map},
    ground::{
        Dem, EARTH_RADIUS_M, LocalPlan, Ortho, OrthoTiff, TerrainOptions, TerrainReport, write_terrain,
    },
    mesh::{Finding, FindingKind, Progress, REPORT_FILE, Stage, TILES_FOLDER},
    outline::ring_area,
    place::{PlaceError, PlaceMap, Reference},
    raster::{GeoTiff, GeoTiffWriter, RasterError, RasterHeader},
};

/// Cells along the side of a terrain tile.
pub const TILE_CELLS: u32 = 64;
/// Cells along the longer side of a county, at most.
const MAX_CELLS: f64 = 8000.0;
/// Photos make the lattice finer than the elevation models by this factor at most: their texels hang on it.
const PHOTO_FACTOR: f64 = 4.0;
/// Tiles of the finest level that are made without being asked for: with photos each takes some 40 ms.
const PHOTO_TILES: f64 = 1000.0;
const PLAIN_TILES: f64 = 4000.0;
const PICTURE_SIDE: u32 = 256;
const PHOTO_SIDE: u32 = 512;
/// How far meshes may be from their samples, in cells, and metres at least.
const ERROR_CELLS: f64 = 0.05;
const LEAST_ERROR_M: f64 = 0.05;
/// Elevation models whose pixels differ by less than this factor are as fine as each other: the later one wins.
const AS_FINE: f64 = 1.5;
const REPORT_FORMAT: u32 = 1;

/// How terrain is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LandOptions {
    /// Side of the cells, metres; chosen if not given.
    pub cell_m: Option<f64>,
    /// `asset.copyright` of the tiles.
    pub copyright: Option<String>,
}

/// An area in which no ground is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct CutAway {
    /// The village whose mesh lies there.
    pub village: String,
    /// Its survey.
    pub survey: String,
    /// The area.
    pub rings: Rings,
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceUse {
    /// Its number; 0: found in the points of a survey.
    pub number: u32,
    /// Name of what was delivered.
    pub delivered: String,
    /// Side of a pixel, metres.
    pub pixel_m: f64,
    /// Share of the known samples that it gave, of an elevation model.
    pub share: Option<f64>,
}

/// A version of the terrain, and what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandReport {
    /// Of the report itself.
    pub format: u32,
    /// Longitude and latitude in degrees at which the plan lies that the cells are squares of.
    pub plan_deg: [f64; 2],
    /// Plan position of the south-west sample of `heights.tif`, metres.
    pub origin_m: [f64; 2],
    /// Samples of `heights.tif` from west to east and from south to north.
    pub samples: [u32; 2],
    /// Side of the cells, metres.
    pub cell_m: f64,
    /// Side of the finest texels, metres.
    pub texel_m: f64,
    /// West, south, east, north, degrees.
    pub region_deg: [f64; 4],
    /// Lowest and highest, metres above the ellipsoid.
    pub range_m: [f32; 2],
    /// Elevation models, the best first.
    pub dems: Vec<SourceUse>,
    /// Orthophotos, the best first.
    pub orthos: Vec<SourceUse>,
    /// Villages and surveys whose meshes the ground makes room for, and how much, square metres.
    pub cut_m2: Vec<(String, String, f64)>,
    /// Tiles with ground; none: all was cut away.
    pub tiles: u64,
    /// Their triangles.
    pub triangles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Levels.
    pub levels: u32,
    /// What was asked for.
    pub options: LandOptions,
    /// What was decided.
    pub notes: Vec<String>,
    /// What went wrong.
    pub findings: Vec<Finding>,
}

/// Makes the terrain of `sources` in the folder `target`, which appears whole. Without an elevation model there is none,
/// and nothing is written. Runs on the caller's rayon pool; the result does not depend on its size.
///
/// # Errors
/// What cannot be stored, cells that do not fit memory, and being cancelled. A source that cannot be read is a finding.
pub fn build(
    sources: &[Kept],
    cuts: &[CutAway],
    target: &Path,
    options: &LandOptions,
    progress: &dyn Progress,
) -> Result<Option<LandReport>, LandError> {
    let (dems, photos) = (of_kind(sources, RasterKind::Dem), of_kind(sources, RasterKind::Ortho));
    let Some([west, south, east, north]) = union(dems.iter().map(|kept| kept.source.region_deg)) else {
        return Ok(None);
    };
    let plan_deg = [(west + east) * 0.5, (south + north) * 0.5];
    let plan = LocalPlan::at(plan_deg[0], plan_deg[1])
        .ok_or_else(|| LandError::Terrain("it would lie at a pole".into()))?;
    let area = plan.area_of_degrees([west, south, east, north]);
    let mut notes = Vec::new();
    let cell_m = cell_size(options, &dems, &photos, area, &mut notes)?;
    let grid = TileGrid::covering(area, cell_m, TILE_CELLS)
        .map_err(|error| LandError::Terrain(error.to_string()))?;
    let mut findings = Vec::new();
    let side = grid.samples() as usize;
    let mut heights = vec![f32::NAN; side * side];
    let mut used = Vec::new();
    for kept in dems {
        if progress.is_cancelled() {
            return Err(LandError::Cancelled);
        }
        let before = unknown(&heights);
        if let Err(error) = sample(kept, &plan, &grid, &mut heights) {
            findings.push(failed(kept, &error));
        }
        used.push((kept, before - unknown(&heights)));
    }
    let known = heights.len() - unknown(&heights);
    if known == 0 {
        return Err(LandError::Terrain("no height of the elevation models is known".into()));
    }
    let dems =
        used.into_iter().map(|(kept, given)| source_use(kept, Some(given as f64 / known as f64))).collect();
    let mut folder = AtomicFolder::create(target).map_err(LandError::store(target))?;
    let (origin_m, samples) =
        write_heights(&heights, &grid, &plan, &mut folder).map_err(LandError::store(target))?;
    let tiles = TerrainTiles::new(grid, heights, Some(EARTH_RADIUS_M))
        .map_err(|error| LandError::Terrain(error.to_string()))?;
    let (cut_outs, cut_m2) = cut_outs(cuts, &plan, &mut notes);
    let picture_side = if photos.is_empty() { PICTURE_SIDE } else { PHOTO_SIDE };
    let terrain_options = TerrainOptions {
        max_error_m: (cell_m * ERROR_CELLS).max(LEAST_ERROR_M),
        picture_side,
        copyright: options.copyright.clone(),
        ..TerrainOptions::default()
    };
    let made = {
        let mut write = |path: &str, bytes: &[u8]| {
            if progress.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            progress.advance(u64::from(path.ends_with(".glb")));
            folder.write(&format!("{TILES_FOLDER}/{path}"), bytes)
        };
        let total: usize =
            (0..grid.levels()).map(|l| grid.tiles(l).filter(|id| tiles.has_ground(*id)).count()).sum();
        progress.begin(Stage::Terrain, total as u64);
        with_photos(&photos, &plan, &mut findings, |photos| {
            write_terrain(&tiles, &plan, photos, &cut_outs, &terrain_options, &mut write)
        })
    };
    let made: TerrainReport = match made {
        Err(_) if progress.is_cancelled() => return Err(LandError::Cancelled),
        made => made?,
    };
    let (low, high) = tiles.height_range();
    let report = LandReport {
        format: REPORT_FORMAT,
        plan_deg,
        origin_m,
        samples,
        cell_m,
        texel_m: grid.tile_m(grid.levels() - 1) / f64::from(picture_side),
        region_deg: [west, south, east, north],
        range_m: [low, high],
        dems,
        orthos: photos.iter().map(|kept| source_use(kept, None)).collect(),
        cut_m2,
        tiles: made.tiles,
        triangles: made.triangles,
        bytes: made.bytes,
        levels: grid.levels(),
        options: options.clone(),
        notes,
        findings,
    };
    let json = serde_json::to_vec_pretty(&report).map_err(io::Error::other);
    let json = json.map_err(LandError::store(target))?;
    folder.write(REPORT_FILE, &json).map_err(LandError::store(target))?;
    folder.commit().map_err(LandError::store(target))?;
    Ok(Some(report))
}

fn unknown(heights: &[f32]) -> usize {
    heights.iter().filter(|height| height.is_nan()).count()
}

fn source_use(kept: &Kept, share: Option<f64>) -> SourceUse {
    let source = &kept.source;
    SourceUse { number: source.number, delivered: source.delivered.clone(), pixel_m: source.pixel_m, share }
}

fn failed(kept: &Kept, error: &dyn std::error::Error) -> Finding {
    Finding {
        kind: FindingKind::FailedFile,
        file: kept.source.delivered.clone(),
        offset: None,
        class: None,
        field: None,
        reason: chain(error),
    }
}

/// The side of the cells, metres, a number of two digits: as fine as the finest elevation model, or a little finer where
/// photos ask for it, as long as there are few enough tiles; beyond, as fine as what covers most of the county.
fn cell_size(
    options: &LandOptions,
    dems: &[&Kept],
    photos: &[&Kept],
    area: PlanRect,
    notes: &mut Vec<String>,
) -> Result<f64, LandError> {
    // What surveys found is much finer than a county: it counts only where there is nothing else.
    let delivered: Vec<&Kept> = dems.iter().copied().filter(|kept| kept.source.number > 0).collect();
    let counted = if delivered.is_empty() { dems } else { &delivered };
    let finest = counted.iter().map(|kept| kept.source.pixel_m).fold(f64::INFINITY, f64::min);
    let photo = photos.iter().map(|kept| kept.source.pixel_m).fold(f64::INFINITY, f64::min);
    let for_photo = photo * f64::from(PHOTO_SIDE / TILE_CELLS);
    let wanted = match options.cell_m {
        Some(cell_m) if cell_m.is_finite() && cell_m > 0.0 => return within_memory(cell_m, area, notes),
        Some(cell_m) => return Err(LandError::Terrain(format!("{cell_m} m is no size of a cell"))),
        None => rounded(finest.min(for_photo.max(finest / PHOTO_FACTOR))),
    };
    let most = if photos.is_empty() { PLAIN_TILES } else { PHOTO_TILES };
    let tile_m = f64::from(TILE_CELLS);
    let for_tiles = (area.size().x * area.size().y / most).sqrt() / tile_m;
    let cell_m =
        if wanted >= for_tiles { wanted } else { rounded_up(for_tiles.min(common(counted)).max(wanted)) };
    if cell_m > wanted {
        notes.push(format!(
            "cells of {cell_m} m instead of {wanted} m, or the terrain would have too many tiles; --cell says otherwise"
        ));
    }
    within_memory(cell_m, area, notes)
}

/// The pixels of the finest elevation models that cover half of all there is to cover, together with finer ones.
fn common(dems: &[&Kept]) -> f64 {
    let area = |kept: &Kept| {
        let [w, s, e, n] = kept.source.region_deg;
        (e - w) * (n - s)
    };
    let [w, s, e, n] = union(dems.iter().map(|kept| kept.source.region_deg)).unwrap_or_default();
    let mut by_pixel: Vec<&&Kept> = dems.iter().collect();
    by_pixel.sort_by(|a, b| a.source.pixel_m.total_cmp(&b.source.pixel_m));
    let mut covered = 0.0;
    for kept in &by_pixel {
        covered += area(kept);
        if covered >= (e - w) * (n - s) * 0.5 {
            return kept.source.pixel_m;
        }
    }
    by_pixel.last().map_or(1.0, |kept| kept.source.pixel_m)
}

fn within_memory(wanted: f64, area: PlanRect, notes: &mut Vec<String>) -> Result<f64, LandError> {
    let least = area.size().max_element() / MAX_CELLS;
    if wanted >= least {
        return Ok(wanted);
    }
    let cell_m = rounded_up(least);
    notes.push(format!(
        "the county is {:.0} km wide: its terrain has cells of {cell_m} m instead of {wanted} m, so that it fits memory",
        area.size().max_element() / 1000.0
    ));
    Ok(cell_m)
}

fn rounded(number: f64) -> f64 {
    let unit = 10f64.powf(number.log10().floor() - 1.0);
    (number / unit).round() * unit
}

fn rounded_up(number: f64) -> f64 {
    let unit = 10f64.powf(number.log10().floor() - 1.0);
    (number / unit).ceil() * unit
}

/// A map to the raster of a source, good to a fiftieth of a pixel.
fn map_of(kept: &Kept) -> Result<PlaceMap, LandError> {
    let source = &kept.source;
    let reference = Reference::of_placed(&source.place).map_err(PlaceError::from)?;
    let projector = reference.crs().projector().map_err(PlaceError::from)?;
    let [w, s, e, n] = source.region_deg;
    // Tiles reach beyond the raster: so does the map, a little.
    let (dx, dy) = ((e - w) * 0.01, (n - s) * 0.01);
    let [column, row] = source.transform().pixel_size();
    let tolerance = column.min(row) * 0.02;
    PlaceMap::fit(&reference, &projector, [w - dx, s - dy, e + dx, n + dy], tolerance)
        .map_err(|error| PlaceError::from(error).into())
}

fn open(kept: &Kept) -> Result<GeoTiff<BufReader<File>>, RasterError> {
    let file = File::open(&kept.file).map_err(tiff_error)?;
    let mut tiff = GeoTiff::open(BufReader::new(file))?;
    tiff.place(kept.source.transform());
    Ok(tiff)
}

fn tiff_error(error: io::Error) -> RasterError {
    RasterError::Invalid { what: "file", reason: error.to_string() }
}

fn sample(kept: &Kept, plan: &LocalPlan, grid: &TileGrid, heights: &mut [f32]) -> Result<(), LandError> {
    let map = map_of(kept)?;
    let mut raster = open(kept).map_err(LandError::raster(&kept.file))?;
    let mut to_raster = |places: &mut [[f64; 3]]| map.apply(places);
    let mut dem = Dem { raster: &mut raster, band: 0, to_raster: &mut to_raster, to_ellipsoid: None };
    dem.sample(plan, grid, heights).map_err(LandError::raster(&kept.file))
}

/// Keeps the heights that are known in a GeoTIFF; returns where its first sample lies, and how many there are.
fn write_heights(
    heights: &[f32],
    grid: &TileGrid,
    plan: &LocalPlan,
    folder: &mut AtomicFolder,
) -> io::Result<([f64; 2], [u32; 2])> {
    let side = grid.samples() as usize;
    let (mut low, mut high) = ([side, side], [0, 0]);
    for (index, _) in heights.iter().enumerate().filter(|(_, height)| height.is_finite()) {
        let at = [index % side, index / side];
        for axis in 0..2 {
            low[axis] = low[axis].min(at[axis]);
            high[axis] = high[axis].max(at[axis]);
        }
    }
    let size = [0, 1].map(|axis| (high[axis] + 1).saturating_sub(low[axis]) as u32);
    let first = grid.position(low[0] as u32, low[1] as u32);
    let cell_m = grid.cell_m();
    let area = PlanRect {
        low: first - cell_m * 0.5,
        high: first + (DVec2::new(size[0].into(), size[1].into()) - 0.5) * cell_m,
    };
    let header = RasterHeader {
        width: size[0],
        height: size[1],
        transform: plan.raster_transform(area, cell_m),
        epsg: Some((4979, true)),
    };
    let mut writer = GeoTiffWriter::new(Cursor::new(Vec::new()), header)?;
    for row in (low[1]..=high[1]).rev() {
        writer.write_rows(heights.get(row * side + low[0]..=row * side + high[0]).unwrap_or_default())?;
    }
    folder.write(HEIGHTS_FILE, &writer.finish()?.into_inner())?;
    Ok((first.to_array(), size))
}

fn cut_outs(
    cuts: &[CutAway],
    plan: &LocalPlan,
    notes: &mut Vec<String>,
) -> (Vec<CutOut>, Vec<(String, String, f64)>) {
    let (mut areas, mut figures) = (Vec::new(), Vec::new());
    for cut in cuts {
        let rings: Vec<Vec<DVec2>> = cut
            .rings
            .iter()
            .map(|ring| ring.iter().map(|[lon, lat]| plan.plan_from_degrees(*lon, *lat)).collect())
            .collect();
        match CutOut::new(&rings) {
            Ok(area) => {
                let area_m2: f64 = rings.iter().map(|ring| ring_area(ring)).sum();
                areas.push(area);
                figures.push((cut.village.clone(), cut.survey.clone(), area_m2.round()));
            }
            Err(error) => notes.push(format!(
                "village {}, survey {}: the ground is not cut away under its mesh ({error})",
                cut.village, cut.survey
            )),
        }
    }
    (areas, figures)
}

/// Orthophotos, the best first. One that cannot be read is left out from there on, and named.
struct Photos<'a> {
    photos: Vec<(&'a Kept, PlanRect, OrthoTiff<'a, BufReader<File>>)>,
    failed: Mutex<Vec<(u32, Finding)>>,
}

impl Ortho for Photos<'_> {
    fn colors(&self, area: PlanRect, side: u32) -> Result<Vec<[u8; 4]>, RasterError> {
        let mut picture = vec![[0; 4]; side as usize * side as usize];
        for (kept, covers, photo) in &self.photos {
            let touches = area.low.cmplt(covers.high).all() && area.high.cmpgt(covers.low).all();
            if !touches || picture.iter().all(|texel| texel[3] > 0) {
                continue;
            }
            match photo.colors(area, side) {
                Ok(own) => {
                    for (texel, own) in picture.iter_mut().zip(own).filter(|(texel, _)| texel[3] == 0) {
                        *texel = own;
                    }
                }
                Err(error) => {
                    let number = kept.source.number;
                    let mut list = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    if !list.iter().any(|(known, _)| *known == number) {
                        list.push((number, failed(kept, &error)));
                    }
                }
            }
        }
        Ok(picture)
    }
}

type Opener<'a> = Box<dyn Fn() -> Result<GeoTiff<BufReader<File>>, RasterError> + Sync + 'a>;
type Mapper = Box<dyn FnMut(&mut [[f64; 3]]) + Send>;

fn with_photos<T>(
    kept: &[&Kept],
    plan: &LocalPlan,
    findings: &mut Vec<Finding>,
    work: impl FnOnce(Option<&dyn Ortho>) -> T,
) -> T {
    let mut ready: Vec<(&Kept, Opener<'_>, Mapper)> = Vec::new();
    for photo in kept {
        match map_of(photo) {
            Ok(map) => {
                let opener: Opener<'_> = Box::new(|| open(photo));
                ready.push((photo, opener, Box::new(move |places: &mut [[f64; 3]]| map.apply(places))));
            }
            Err(error) => findings.push(failed(photo, &error)),
        }
    }
    let photos: Vec<_> = ready
        .iter_mut()
        .map(|(kept, open, map)| {
            let covers = plan.area_of_degrees(kept.source.region_deg);
            (*kept, covers, OrthoTiff::new(&**open, *plan, &mut **map))
        })
        .collect();
    let photos = Photos { photos, failed: Mutex::new(Vec::new()) };
    let is_empty = photos.photos.is_empty();
    let done = work((!is_empty).then_some(&photos as &dyn Ortho));
    let mut failed = std::mem::take(&mut *photos.failed.lock().unwrap_or_else(PoisonError::into_inner));
    failed.sort_by_key(|(number, _)| *number);
    findings.extend(failed.into_iter().map(|(_, finding)| finding));
    done
}

/// Makes a flat map (PMTiles) of the orthophotos among some sources; `None` if there are none.
///
/// # Errors
/// Photos that cannot be read, and what the disk answers.
pub fn flat_map(
    sources: &[Kept],
    name: &str,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Option<FlatMapReport>, LandError> {
    let photos = of_kind(sources, RasterKind::Ortho);
    let Some(region) = union(photos.iter().map(|kept| kept.source.region_deg)) else { return Ok(None) };
    let plan = LocalPlan::at((region[0] + region[2]) * 0.5, (region[1] + region[3]) * 0.5)
        .ok_or_else(|| LandError::Terrain("the photos would lie at a pole".into()))?;
    let pixel_m = photos.iter().map(|kept| kept.source.pixel_m).fold(f64::INFINITY, f64::min);
    progress.begin(Stage::FlatMap, 1);
    let mut findings = Vec::new();
    let made = with_photos(&photos, &plan, &mut findings, |photos| -> Result<_, LandError> {
        let Some(photos) = photos else { return Ok(None) };
        let file = AtomicFile::create(path).map_err(LandError::store(path))?;
        let (file, report) = write_flat_map(photos, &plan, region, pixel_m, name, BufWriter::new(file))?;
        let file =
            file.into_inner().map_err(io::IntoInnerError::into_error).map_err(LandError::store(path))?;
        file.commit().map_err(LandError::store(path))?;
        Ok(Some(report))
    })?;
    progress.advance(1);
    Ok(made)
}

/// Sources of a kind, the best first.
fn of_kind(sources: &[Kept], kind: RasterKind) -> Vec<&Kept> {
    let mut found: Vec<&Kept> = sources.iter().filter(|kept| kept.source.kind == kind).collect();
    let fineness = |kept: &Kept| (kept.source.pixel_m.ln() / AS_FINE.ln()).round() as i64;
    found.sort_by_key(|kept| {
        // What surveys found in their points comes last.
        (kept.source.number == 0, fineness(kept), std::cmp::Reverse(kept.source.number))
    });
    found
}

impl LandReport {
    /// The report of a version, if it is finished.
    pub fn read(version: &Path) -> Option<Self> {
        let bytes = std::fs::read(version.join(REPORT_FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

impl std::fmt::Display for LandReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "terrain          {} tiles, {} levels, {} triangles, {} bytes; cells of {:.3} m, texels of {:.3} m",
            self.tiles, self.levels, self.triangles, self.bytes, self.cell_m, self.texel_m
        )?;
        let [w, s, e, n] = self.region_deg;
        let [low, high] = self.range_m;
        writeln!(f, "extent           {w:.6},{s:.6} to {e:.6},{n:.6} degrees, {low:.1} to {high:.1} m")?;
        if self.dems.len() > 1 {
            writeln!(
                f,
                "                 where elevation models overlap the finer one counts, of equals the later one"
            )?;
        }
        for source in &self.dems {
            writeln!(
                f,
                "heights          {}: pixels of {:.2} m, {:.1} % of what is known",
                source.delivered,
                source.pixel_m,
                source.share.unwrap_or(0.0) * 100.0
            )?;
        }
        for source in &self.orthos {
            writeln!(f, "photo            {}: pixels of {:.2} m", source.delivered, source.pixel_m)?;
        }
        for (village, survey, area_m2) in &self.cut_m2 {
            writeln!(
                f,
                "cut away         {area_m2:.0} m² under the mesh of village {village}, survey {survey}"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note             {note}")?;
        }
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        Ok(())
    }
}

/// Opens a raster that a survey or a version of the terrain holds.
pub(super) fn open_path(path: &Path) -> Result<GeoTiff<BufReader<File>>, LandError> {
    raster_file::open(&PathBuf::from(path))
}
