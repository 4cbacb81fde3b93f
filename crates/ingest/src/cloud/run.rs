//! Carrying a plan for points out.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use glam::DVec3;
use store::write::AtomicFolder;
use terrain::{
    HeightField,
    raster::{Coverage, SurfaceRaster},
};

use super::{
    files::{self, Tolerant},
    plan::{CloudError, CloudPlan, MAX_CELLS, chain, finding},
    report::{CloudReport, GroundFigures, Shares},
};
use crate::{
    ground::{LocalPlan, SurveyError, SurveyGround, SurveyOptions, survey_ground},
    mesh::{Finding, FindingKind, Progress, REPORT_FILE, Stage, tidy},
    place::PlaceError,
    points::{FileSpill, PointSource, PointTilesOptions, write_point_tiles},
    raster::{GeoTiffWriter, RasterHeader, write::Sample},
};

/// Name of the folder of point tiles in a survey.
pub const POINTS_FOLDER: &str = "points";
/// Name of the folder of rasters in a survey.
pub const GROUND_FOLDER: &str = "ground";
/// Terrain.
pub const TERRAIN_FILE: &str = "dtm.tif";
/// Surface.
pub const SURFACE_FILE: &str = "dsm.tif";
/// Where the terrain comes from.
pub const COVERAGE_FILE: &str = "coverage.tif";
/// Where there are points of buildings.
pub const BUILDINGS_FILE: &str = "buildings.tif";
/// Where points wait while tiles are made; a temporary name, so that it is tidied away.
const SPILL_FILE: &str = ".hamlet-tmp-points";
const REPORT_FORMAT: u32 = 1;
/// Longitude, latitude and height above the ellipsoid of WGS 84.
const EPSG_WGS84_3D: u16 = 4979;

/// How an import of points is carried out.
#[derive(Clone, Debug, Default)]
pub struct CloudOptions {
    /// `asset.copyright` of the tiles.
    pub copyright: Option<String>,
    /// Replace points made from something else.
    pub replace: bool,
    /// Do not believe the classes that come with the points.
    pub own_classes: bool,
}

/// Imports what `plan` says into the folder `survey`: `points/` and `ground/`. Runs on the caller's rayon pool; the
/// result does not depend on its size. Where it is finished already, nothing changes; where it was interrupted, it
/// begins anew.
///
/// # Errors
/// What cannot be stored, other points that are there already, and being cancelled.
pub fn import(
    plan: &CloudPlan,
    survey: &Path,
    options: &CloudOptions,
    progress: &dyn Progress,
) -> Result<CloudReport, CloudError> {
    let fingerprint = fingerprint(plan, options);
    let target = survey.join(POINTS_FOLDER);
    if target.exists() {
        let report = fs::read(target.join(REPORT_FILE)).ok();
        let report: Option<CloudReport> = report.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match report.filter(|report| report.fingerprint == fingerprint) {
            Some(report) => return Ok(report),
            None if !options.replace => return Err(CloudError::Occupied { path: target }),
            None => {}
        }
    }
    fs::create_dir_all(survey).map_err(store_error(survey))?;
    tidy(survey).map_err(store_error(survey))?;
    let mut findings = plan.findings.clone();
    let ground = ground(plan, survey, options, progress, &mut findings)?;
    let mut folder = AtomicFolder::create(&target).map_err(store_error(&target))?;
    let tiles = tiles(plan, survey, options, &mut folder, progress, &mut findings)?;
    if progress.is_cancelled() {
        return Err(CloudError::Cancelled);
    }
    let report = CloudReport {
        format: REPORT_FORMAT,
        kind: "points".to_owned(),
        files: plan.files.iter().map(|file| file.name.clone()).collect(),
        fingerprint,
        place: plan.reference.placed.clone(),
        region_deg_m: plan.region_deg_m,
        points: tiles.points,
        left_out: tiles.left_out,
        tiles: tiles.tiles,
        levels: tiles.levels,
        bytes: tiles.bytes,
        ground,
        findings,
    };
    let json = serde_json::to_vec_pretty(&report).map_err(io::Error::other).map_err(store_error(&target))?;
    folder.write(REPORT_FILE, &json).map_err(store_error(&target))?;
    folder.commit().map_err(store_error(&target))?;
    Ok(report)
}

fn store_error(path: &Path) -> impl FnOnce(io::Error) -> CloudError + use<> {
    let path = path.to_owned();
    move |source| CloudError::Store { path, source }
}

fn fingerprint(plan: &CloudPlan, options: &CloudOptions) -> String {
    let placed = &plan.reference.placed;
    let mut text = format!(
        "{REPORT_FORMAT} {} {:?} {} {} {:?} {:?} {}\n",
        env!("CARGO_PKG_VERSION"),
        placed.definition,
        placed.heights,
        placed.height_unit_m,
        plan.cell_m.to_bits(),
        options.copyright,
        options.own_classes,
    );
    for file in &plan.files {
        text.push_str(&file.fingerprint);
        text.push('\n');
    }
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// All files again, from their beginnings. One that cannot be opened any more is left out.
fn sources<'p>(plan: &CloudPlan, progress: &'p dyn Progress) -> Vec<(usize, Tolerant<'p>)> {
    let opened = plan.files.iter().enumerate().filter_map(|(index, file)| {
        files::open(&file.path).ok().map(|source| (index, Tolerant::new(source, progress)))
    });
    opened.collect()
}

/// A file that is gone when it is closed, wherever that can be had.
fn spill(survey: &Path) -> Result<FileSpill, CloudError> {
    let path = survey.join(SPILL_FILE);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
    let file = file.map_err(store_error(&path))?;
    // Where open files cannot be deleted, it stays until the next import tidies it away.
    let _ = fs::remove_file(&path);
    FileSpill::new(file).map_err(store_error(&path))
}

fn tiles(
    plan: &CloudPlan,
    survey: &Path,
    options: &CloudOptions,
    folder: &mut AtomicFolder,
    progress: &dyn Progress,
    findings: &mut Vec<Finding>,
) -> Result<crate::points::PointTilesReport, CloudError> {
    let projector = plan.reference.crs().projector().map_err(PlaceError::from)?;
    let mut to_ecef = |points: &mut [[f64; 3]]| {
        points.iter_mut().for_each(|point| *point = plan.reference.ecef(&projector, *point).to_array());
    };
    let tile_options =
        PointTilesOptions { copyright: options.copyright.clone(), ..PointTilesOptions::default() };
    let total = plan.points.unwrap_or(0);
    progress.begin(Stage::Points, total);
    let mut sources = sources(plan, progress);
    let mut spill = spill(survey)?;
    // About as many bytes as points take in tiles.
    let expected = total * 6;
    let mut told = None::<u64>;
    let made = {
        let mut list: Vec<&mut dyn PointSource> =
            sources.iter_mut().map(|(_, source)| source as &mut dyn PointSource).collect();
        write_point_tiles(&mut list, Some(&mut to_ecef), &mut spill, &tile_options, &mut |path, bytes| {
            if progress.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let so_far = told.get_or_insert_with(|| {
                progress.begin(Stage::Tiles, expected);
                0
            });
            let step = (bytes.len() as u64).min(expected.saturating_sub(*so_far));
            *so_far += step;
            progress.advance(step);
            folder.write(path, bytes)
        })
    };
    if progress.is_cancelled() {
        return Err(CloudError::Cancelled);
    }
    for (index, source) in &sources {
        let Some(file) = plan.files.get(*index) else { continue };
        if let Some(error) = &source.failed {
            let reason = format!("{}; {} points before that are kept", chain(error), source.read);
            findings.push(finding(FindingKind::FailedFile, file.name.clone(), reason));
        }
    }
    Ok(made?)
}

/// Terrain and surface. That no ground can be found is a finding: the points are imported all the same.
fn ground(
    plan: &CloudPlan,
    survey: &Path,
    options: &CloudOptions,
    progress: &dyn Progress,
    findings: &mut Vec<Finding>,
) -> Result<Option<GroundFigures>, CloudError> {
    let target = survey.join(GROUND_FOLDER);
    let middle = plan.middle();
    let Some(local) = LocalPlan::at(middle.lon_rad.to_degrees(), middle.lat_rad.to_degrees()) else {
        findings.push(finding(FindingKind::LeftOut, GROUND_FOLDER.into(), "too near to a pole".into()));
        return Ok(None);
    };
    let projector = plan.reference.crs().projector().map_err(PlaceError::from)?;
    let mut to_plan = |points: &mut [[f64; 3]]| {
        for point in points {
            let [lon, lat, height] = plan.reference.geodetic_deg_m(&projector, *point);
            let place = local.plan_from_degrees(lon, lat);
            *point = DVec3::new(place.x, place.y, height).to_array();
        }
    };
    let survey_options = SurveyOptions {
        cell_m: plan.cell_m,
        believe_classes: !options.own_classes,
        max_cells: MAX_CELLS,
        ..SurveyOptions::default()
    };
    progress.begin(Stage::Ground, plan.points.unwrap_or(0));
    let mut sources = sources(plan, progress);
    let mut spill = spill(survey)?;
    let found = {
        let mut list: Vec<&mut dyn PointSource> =
            sources.iter_mut().map(|(_, source)| source as &mut dyn PointSource).collect();
        survey_ground(&mut list, Some(&mut to_plan), &mut spill, &survey_options)
    };
    if progress.is_cancelled() {
        return Err(CloudError::Cancelled);
    }
    let found = match found {
        Ok(found) => found,
        // The disk, not the data.
        Err(error @ SurveyError::Spill(_)) => return Err(CloudError::Ground(error)),
        Err(error) => {
            let reason = format!("no ground can be found: {}", chain(&error));
            findings.push(finding(FindingKind::LeftOut, GROUND_FOLDER.into(), reason));
            store::write::remove_whole_folder(&target).map_err(store_error(&target))?;
            return Ok(None);
        }
    };
    write_rasters(&found, &local, &target).map_err(store_error(&target))?;
    Ok(Some(figures(&found)))
}

fn figures(found: &SurveyGround) -> GroundFigures {
    let shares = |raster: &SurfaceRaster| Shares {
        measured: raster.share(Coverage::Measured),
        filled: raster.share(Coverage::Filled),
        void: raster.share(Coverage::Void),
    };
    let cell_m = found.grid.cell_m();
    let buildings = found.buildings.iter().flatten().filter(|cell| **cell).count() as f64;
    GroundFigures {
        cell_m,
        cells: [found.grid.columns(), found.grid.rows()],
        ground_points: found.report.ground,
        below: found.report.below,
        noise: found.report.noise,
        classes_used: found.report.classes_used,
        terrain: shares(&found.terrain),
        surface: shares(&found.surface),
        building_m2: buildings * cell_m * cell_m,
        range_m: found.terrain.heights().height_range().map(|(low, high)| [low, high]),
    }
}

fn write_rasters(found: &SurveyGround, local: &LocalPlan, target: &Path) -> io::Result<()> {
    let mut folder = AtomicFolder::create(target)?;
    let (columns, rows) = (found.grid.columns(), found.grid.rows());
    let header = RasterHeader {
        width: columns,
        height: rows,
        transform: local.raster_transform(found.grid.area(), found.grid.cell_m()),
        epsg: Some((EPSG_WGS84_3D, true)),
    };
    for (name, raster) in [(TERRAIN_FILE, &found.terrain), (SURFACE_FILE, &found.surface)] {
        let heights: &HeightField = raster.heights();
        let row = |row: u32| -> Vec<f32> {
            (0..columns).map(|column| heights.sample(column, row).unwrap_or(f32::NAN)).collect()
        };
        folder.write(name, &encoded(&header, row)?)?;
    }
    let at = |row: u32| row as usize * columns as usize..(row as usize + 1) * columns as usize;
    let coverage = found.terrain.coverage();
    let row = |row: u32| coverage.get(at(row)).into_iter().flatten().map(|c| *c as u8).collect();
    folder.write(COVERAGE_FILE, &encoded(&header, row)?)?;
    if let Some(buildings) = &found.buildings {
        let row = |row: u32| buildings.get(at(row)).into_iter().flatten().map(|b| u8::from(*b)).collect();
        folder.write(BUILDINGS_FILE, &encoded(&header, row)?)?;
    }
    folder.commit()
}

/// A raster from rows that count from the south.
fn encoded<T: Sample>(header: &RasterHeader, row: impl Fn(u32) -> Vec<T>) -> io::Result<Vec<u8>> {
    let mut writer = GeoTiffWriter::new(io::Cursor::new(Vec::new()), header.clone())?;
    for from_south in (0..header.height).rev() {
        writer.write_rows(&row(from_south))?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_set_aside_is_tidied_away() {
        assert!(store::write::is_temporary_name(super::SPILL_FILE));
    }
}
