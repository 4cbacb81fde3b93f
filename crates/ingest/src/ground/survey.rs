//! Terrain and surface of a point cloud: ground found (or believed, where the cloud says), rasters made, gaps filled and
//! marked, with bounded memory whatever the number of points.

use std::{collections::BTreeMap, io};

use glam::{DVec2, DVec3};
use rayon::prelude::*;
use terrain::{
    CellGrid, CellGridError, PlanRect, Window,
    classes::{self, ClassCounts},
    ground::{GroundError, GroundRelation, LowestPoints, SmrfOptions},
    outliers::{Isolation, IsolationError, IsolationOptions, VoxelCounts},
    raster::{
        CellMeans, HighestPoints, RasterError, RasterOptions, SurfaceRaster, TinError, measured_terrain,
    },
};

use crate::points::{Column, ColumnId, Columns, Record, Warp};
use crate::points::{PointBatch, PointSource, PointsError, Reproject, Spill};

/// Columns of the plan that points are set aside in: squares of 131 m.
const COLUMN_LEVEL: u32 = 17;
/// Bytes of points that wait to be set aside.
const WAITING_BYTES: usize = 64 << 20;
/// Windows that are worked on at the same time, at most.
const WINDOWS_AT_ONCE: usize = 8;
/// Points are set aside in millimetres from the first; beyond this they have no place.
const FARTHEST_M: f64 = 1_000_000.0;
/// How far beyond a window's core its triangulation reaches, in sides of the longest triangles.
const RASTER_MARGIN_SIDES: f64 = 4.0;

/// How the ground of a survey is found.
#[derive(Clone, Debug)]
pub struct SurveyOptions {
    /// Side of the cells of the rasters, metres.
    pub cell_m: f64,
    /// Filter for clouds that do not say what is ground. `None`: the one for photographs if all pulses have one return,
    /// else the one for lidar.
    pub smrf: Option<SmrfOptions>,
    /// Whether classes that come with the points are used where they tell ground from the rest.
    pub believe_classes: bool,
    /// Isolated points are left out; `None`: they are not looked for.
    pub isolation: Option<IsolationOptions>,
    /// Gaps.
    pub raster: RasterOptions,
    /// Side of the windows that are worked on one by one, metres.
    pub window_m: f64,
    /// Budget: cells of a raster.
    pub max_cells: u64,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        Self {
            cell_m: 0.5,
            smrf: None,
            believe_classes: true,
            isolation: Some(IsolationOptions::default()),
            raster: RasterOptions::default(),
            window_m: 512.0,
            max_cells: 1 << 26,
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct SurveyGround {
    /// Terrain.
    pub terrain: SurfaceRaster,
    /// Surface, over the same cells.
    pub surface: SurfaceRaster,
    /// Cells with points of the building class, in the order of the rasters' samples; `None` if there are none.
    pub buildings: Option<Vec<bool>>,
    /// The cells.
    pub grid: CellGrid,
    /// Figures.
    pub report: SurveyReport,
}

/// Figures of a survey.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurveyReport {
    /// Points with a place.
    pub points: u64,
    /// Points without.
    pub left_out: u64,
    /// Points left out because they are isolated, or noise by their class.
    pub noise: u64,
    /// Points on the ground.
    pub ground: u64,
    /// Points below the ground.
    pub below: u64,
    /// Whether the delivered classes were used.
    pub classes_used: bool,
    /// The filter that was used if not.
    pub smrf: Option<SmrfOptions>,
}

/// Why there is no ground.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A source cannot be read.
    #[error("source {source_index}")]
    Source {
        /// Which of the sources.
        source_index: usize,
        /// What is wrong with it.
        source: PointsError,
    },
    /// Points cannot be set aside.
    #[error("points could not be set aside")]
    Spill(#[source] io::Error),
    /// The cells do not fit the budget, or make no sense.
    #[error(transparent)]
    Grid(#[from] CellGridError),
    /// The filter cannot run.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// Outliers cannot be looked for.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// The rasters cannot be made.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// Not one point has a place.
    #[error("of {0} points none has a place")]
    Empty(u64),
}

/// Finds the ground of a cloud and makes rasters of it. `to_plan` takes source coordinates to metres east and north and
/// a height; without it they are.
///
/// # Errors
/// A source that cannot be read to its end, no points, rasters beyond the budget, and whatever the spill answers.
pub fn survey_ground(
    sources: &mut [&mut dyn PointSource],
    to_plan: Option<&mut Reproject<'_>>,
    spill: &mut dyn Spill,
    options: &SurveyOptions,
) -> Result<SurveyGround, SurveyError> {
    let placed = set_aside(sources, to_plan, spill, options)?;
    let grid = CellGrid::covering(placed.area, options.cell_m, options.max_cells)?;
    let classes_used = options.believe_classes && placed.classes.have_ground();
    let one_return = if placed.is_multiple { SmrfOptions::LIDAR } else { SmrfOptions::PHOTOGRAMMETRY };
    let smrf = options.smrf.unwrap_or(one_return);
    let job = Job { placed: &placed, grid: &grid, options, classes_used, smrf, spill: &*spill };
    // The filter looks twice its window around, the triangulation a few sides of its triangles.
    let margin_m = (2.0 * smrf.window_m + 4.0 * smrf.cell_m)
        .max(options.raster.max_side_m * RASTER_MARGIN_SIDES)
        .max(10.0 * options.cell_m);
    // Cores on whole cells, so that each cell is answered for once.
    let core_m = (options.window_m / options.cell_m).ceil().max(1.0) * options.cell_m;
    let windows = placed.area.windows(core_m, margin_m);

    let mut report = SurveyReport {
        points: placed.points,
        left_out: placed.left_out,
        classes_used,
        smrf: (!classes_used).then_some(smrf),
        ..SurveyReport::default()
    };
    let mut terrain = vec![f32::NAN; grid.len()];
    let mut surface = terrain.clone();
    let mut buildings = vec![false; grid.len()];
    for wave in windows.chunks(rayon::current_num_threads().clamp(1, WINDOWS_AT_ONCE)) {
        let results: Vec<_> = wave.par_iter().map(|window| job.window(window)).collect();
        for result in results {
            let found = result?;
            report.noise += found.noise;
            report.ground += found.ground;
            report.below += found.below;
            for (index, height) in found.terrain {
                terrain.iter_mut().skip(index).take(1).for_each(|slot| *slot = height);
            }
            for (index, height) in found.surface {
                surface.iter_mut().skip(index).take(1).for_each(|slot| *slot = height);
            }
            for index in found.buildings {
                buildings.iter_mut().skip(index).take(1).for_each(|slot| *slot = true);
            }
        }
    }
    Ok(SurveyGround {
        terrain: SurfaceRaster::filled(&grid, terrain, options.raster)?,
        surface: SurfaceRaster::filled(&grid, surface, options.raster)?,
        buildings: buildings.contains(&true).then_some(buildings),
        grid,
        report,
    })
}

/// All points, set aside.
struct Placed {
    origin: DVec3,
    area: PlanRect,
    columns: BTreeMap<ColumnId, Column>,
    classes: ClassCounts,
    isolation: Option<Isolation>,
    /// Whether some pulses have several returns.
    is_multiple: bool,
    points: u64,
    left_out: u64,
}

fn set_aside(
    sources: &mut [&mut dyn PointSource],
    to_plan: Option<&mut Reproject<'_>>,
    spill: &mut dyn Spill,
    options: &SurveyOptions,
) -> Result<Placed, SurveyError> {
    let mut identity = |_: &mut [[f64; 3]]| {};
    let mut warp = match to_plan {
        Some(to_plan) => Warp::new(to_plan, |p| p),
        None => Warp::new(&mut identity, |p| p),
    };
    let mut voxels = options.isolation.map(VoxelCounts::new).transpose()?;
    let mut columns = Columns::new(COLUMN_LEVEL, WAITING_BYTES);
    let mut origin: Option<DVec3> = None;
    let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    let (mut points, mut left_out, mut is_multiple) = (0u64, 0u64, false);
    let mut counts = ClassCounts::default();
    let (mut batch, mut positions) = (PointBatch::default(), Vec::new());
    for (source_index, source) in sources.iter_mut().enumerate() {
        loop {
            source.read(&mut batch).map_err(|source| SurveyError::Source { source_index, source })?;
            if batch.is_empty() {
                break;
            }
            warp.apply(&batch.positions, &mut positions);
            for (index, position) in positions.iter().enumerate() {
                let origin = *origin.get_or_insert_with(|| position.floor());
                // What is no number lies nowhere.
                if (*position - origin).abs().max_element().partial_cmp(&FARTHEST_M)
                    != Some(std::cmp::Ordering::Less)
                {
                    left_out += 1;
                    continue;
                }
                let at_mm = ((*position - origin) * 1000.0).round();
                let class = batch.classes.get(index).copied().unwrap_or(0);
                let is_last = batch.is_last.get(index).copied().unwrap_or(true);
                is_multiple |= !is_last;
                counts.add(class);
                points += 1;
                (low, high) = (low.min(position.truncate()), high.max(position.truncate()));
                if let Some(voxels) = &mut voxels {
                    voxels.add(*position)?;
                }
                let record = Record {
                    at_mm: [at_mm.x as i32, at_mm.y as i32, at_mm.z as i32],
                    color: [u8::from(is_last), 0, 0],
                    class,
                    intensity: 0,
                };
                columns.push(record, spill).map_err(SurveyError::Spill)?;
            }
            if !origin.is_some_and(|origin| origin.is_finite()) {
                origin = None;
            }
        }
    }
    let Some(origin) = origin.filter(|_| points > 0) else { return Err(SurveyError::Empty(left_out)) };
    Ok(Placed {
        origin,
        area: PlanRect { low, high },
        columns: columns.finish(spill).map_err(SurveyError::Spill)?,
        classes: counts,
        isolation: voxels.map(VoxelCounts::finish),
        is_multiple,
        points,
        left_out,
    })
}

struct Job<'a> {
    placed: &'a Placed,
    grid: &'a CellGrid,
    options: &'a SurveyOptions,
    classes_used: bool,
    smrf: SmrfOptions,
    spill: &'a dyn Spill,
}

/// What a window answers for: cells of the whole raster.
#[derive(Default)]
struct Found {
    terrain: Vec<(usize, f32)>,
    surface: Vec<(usize, f32)>,
    buildings: Vec<usize>,
    noise: u64,
    ground: u64,
    below: u64,
}

impl Job<'_> {
    fn window(&self, window: &Window) -> Result<Found, SurveyError> {
        let mut found = Found::default();
        let records = self.read(&window.outer)?;
        if records.is_empty() {
            return Ok(found);
        }
        let at = |record: &Record| {
            let [x, y, z] = record.at_mm.map(f64::from);
            self.placed.origin + DVec3::new(x, y, z) / 1000.0
        };
        let is_noise = |record: &Record, position: DVec3| {
            classes::is_noise(record.class)
                || self.placed.isolation.as_ref().is_some_and(|isolation| isolation.is_isolated(position))
        };
        let surface = if self.classes_used {
            None
        } else {
            let mut lowest = LowestPoints::new(window.outer, self.smrf, self.options.max_cells)?;
            for record in records.iter().filter(|record| record.color[0] == 1) {
                let position = at(record);
                if !is_noise(record, position) {
                    lowest.add(position);
                }
            }
            match lowest.into_surface() {
                Ok(surface) => Some(surface),
                // Nothing but noise here.
                Err(GroundError::Empty) => return Ok(found),
                Err(error) => return Err(error.into()),
            }
        };
        let margin_m = self.options.raster.max_side_m * RASTER_MARGIN_SIDES;
        let near = window.core.grown(margin_m);
        let mut means = CellMeans::new(near, self.options.cell_m, self.options.max_cells)?;
        let mut highest = HighestPoints::new(window.core, self.options.cell_m, self.options.max_cells)?;
        for record in &records {
            let position = at(record);
            let is_core = window.core.contains(position.truncate());
            if is_noise(record, position) {
                found.noise += u64::from(is_core);
                continue;
            }
            let relation = match &surface {
                Some(surface) => surface.relation(position),
                None if classes::is_ground(record.class) => Some(GroundRelation::On),
                None => Some(GroundRelation::Above),
            };
            match relation {
                Some(GroundRelation::On) => {
                    means.add(position);
                    found.ground += u64::from(is_core);
                }
                Some(GroundRelation::Below) => {
                    found.below += u64::from(is_core);
                    continue;
                }
                Some(GroundRelation::Above) | None => {}
            }
            if is_core {
                highest.add(position);
                if record.class == classes::BUILDING {
                    found.buildings.extend(self.grid.index_of(position.truncate()));
                }
            }
        }
        found.buildings.sort_unstable();
        found.buildings.dedup();
        let terrain = match measured_terrain(&means, self.options.raster.max_side_m) {
            Ok(heights) => heights,
            Err(TinError::NoArea(_)) => vec![f32::NAN; means.grid().len()],
            Err(error) => return Err(RasterError::from(error).into()),
        };
        self.take(window, means.grid(), |index| terrain.get(index).copied(), &mut found.terrain);
        self.take(window, highest.grid(), |index| highest.height(index), &mut found.surface);
        Ok(found)
    }

    /// Cells of a window's core, by their index in the whole raster.
    fn take(
        &self,
        window: &Window,
        grid: &CellGrid,
        height: impl Fn(usize) -> Option<f32>,
        out: &mut Vec<(usize, f32)>,
    ) {
        for row in 0..grid.rows() {
            for column in 0..grid.columns() {
                let center = grid.center(column, row);
                let index = row as usize * grid.columns() as usize + column as usize;
                if window.core.contains(center)
                    && let Some(height) = height(index).filter(|height| height.is_finite())
                {
                    out.extend(self.grid.index_of(center).map(|index| (index, height)));
                }
            }
        }
    }
    /// The points of an area, and some around it.
    fn read(&self, area: &PlanRect) -> Result<Vec<Record>, SurveyError> {
        let mut records = Vec::new();
        let side_m = f64::from(1u32 << COLUMN_LEVEL) / 1000.0;
        for ((_, at), column) in &self.placed.columns {
            let low = self.placed.origin.truncate() + DVec2::new(at[0].into(), at[1].into()) * side_m;
            let high = low + side_m;
            if low.cmple(area.high).all() && high.cmpge(area.low).all() {
                let first = records.len();
                column.read(self.spill, &mut records).map_err(SurveyError::Spill)?;
                let mut kept = first;
                for index in first..records.len() {
                    let record: Record = records[index];
                    let place = DVec2::new(record.at_mm[0].into(), record.at_mm[1].into()) / 1000.0;
                    let place = place + self.placed.origin.truncate();
                    if place.cmpge(area.low).all() && place.cmple(area.high).all() {
                        records[kept] = record;
                        kept += 1;
                    }
                }
                records.truncate(kept);
            }
        }
        Ok(records)
    }
}
