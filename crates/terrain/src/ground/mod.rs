//! Which points of a survey lie on the ground: the simple morphological filter (SMRF) of Pingel, Clarke and McBride,
//! "An improved simple morphological filter for the terrain classification of airborne LIDAR data", ISPRS Journal of
//! Photogrammetry and Remote Sensing 77 (2013).
//!
//! It runs in two passes over the points, in any order and in any number of pieces: [`LowestPoints`] keeps the lowest
//! height of each cell, [`LowestPoints::into_surface`] cuts off what stands on the ground, and [`GroundSurface`] then
//! says of each point whether it lies on what is left. What is kept is a few grids, never the points. Areas too large
//! for one grid are cut into overlapping windows ([`PlanRect::windows`]), each a run of its own.

pub(crate) mod inpaint;
mod morphology;

use glam::{DVec2, DVec3};

use crate::{CellGrid, CellGridError, HeightField, HeightFieldError, PlanRect};
pub(crate) use morphology::Shape;

/// Most cells along the radius of the largest window.
const MAX_RADIUS_CELLS: f64 = 256.0;

/// The parameters of the filter, named as in the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmrfOptions {
    /// Cell size c, metres: at least the spacing of the points on the ground.
    pub cell_m: f64,
    /// Largest window radius w, metres: half the width of the widest building. Wider ones stay ground.
    pub window_m: f64,
    /// Slope parameter s, rise per metre: what stands out of the opened surface by more than s × radius is no ground.
    /// It must exceed the steepest bend of bare ground (ridges and convex slopes, not slopes as such).
    pub slope: f64,
    /// Elevation threshold τ, metres: how far from the surface a point of flat ground may lie.
    pub threshold_m: f64,
    /// Elevation scaling factor e, metres: how much the threshold grows per unit of slope of the surface.
    pub scaling_m: f64,
    /// Rise per metre by which a cell must lie below its neighbours to be a low outlier (500 % in the paper).
    pub low_slope: f64,
}

impl SmrfOptions {
    /// Airborne lidar over villages and gentle hills.
    pub const LIDAR: Self =
        Self { cell_m: 1.0, window_m: 18.0, slope: 0.15, threshold_m: 0.2, scaling_m: 1.25, low_slope: 5.0 };
    /// Airborne lidar in mountains: ridges and terrace edges bend the ground more than a low roof does.
    pub const LIDAR_MOUNTAIN: Self = Self { slope: 0.3, threshold_m: 0.35, ..Self::LIDAR };
    /// Points from photographs: one return, so nothing is seen beneath trees, walls lean, and the ground is rough.
    /// Larger windows, because crowns grown together are as wide as buildings.
    pub const PHOTOGRAMMETRY: Self = Self { window_m: 25.0, threshold_m: 0.3, low_slope: 2.0, ..Self::LIDAR };

    fn check(&self) -> Result<(), GroundError> {
        let Self { cell_m, window_m, slope, threshold_m, scaling_m, low_slope } = *self;
        let positive = [cell_m, window_m, slope, low_slope].iter().all(|&value| value > 0.0);
        let finite =
            [cell_m, window_m, slope, threshold_m, scaling_m, low_slope].iter().all(|v| v.is_finite());
        if !positive
            || !finite
            || threshold_m < 0.0
            || scaling_m < 0.0
            || window_m / cell_m > MAX_RADIUS_CELLS
        {
            return Err(GroundError::Options(*self));
        }
        Ok(())
    }
}

/// Why the ground could not be found.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GroundError {
    /// The options make no sense.
    #[error(
        "{0:?}: sizes must be positive, thresholds not negative, and the window at most {MAX_RADIUS_CELLS} cells"
    )]
    Options(SmrfOptions),
    /// No grid over the area.
    #[error(transparent)]
    Grid(#[from] CellGridError),
    /// Pieces that do not belong together.
    #[error("the two pieces have different grids")]
    Different,
    /// Not one point came in.
    #[error("no point lies in the area")]
    Empty,
}

/// Where a point lies with respect to the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroundRelation {
    /// On it, within the threshold.
    On,
    /// Above it: vegetation, buildings, vehicles.
    Above,
    /// Below it: noise.
    Below,
}

/// First pass: the lowest height of each cell. The result does not depend on the order of the points, nor on how they
/// were divided among several that were [merged](LowestPoints::merge).
#[derive(Clone, Debug)]
pub struct LowestPoints {
    grid: CellGrid,
    options: SmrfOptions,
    /// Infinite where there is no point.
    lowest: Vec<f32>,
}

/// The ground as the filter sees it, and how far from it a point may lie.
#[derive(Clone, Debug)]
pub struct GroundSurface {
    grid: CellGrid,
    /// Per cell, at its centre: height and tolerance, metres.
    cells: Vec<[f32; 2]>,
    /// Cells whose height was seen: not empty, not cut off, no low outlier.
    seen: Vec<bool>,
}

impl LowestPoints {
    /// An empty grid over an area.
    ///
    /// # Errors
    /// Options that make no sense, an area that is none, or more than `max_cells` cells; the run takes about 24 bytes
    /// a cell.
    pub fn new(area: PlanRect, options: SmrfOptions, max_cells: u64) -> Result<Self, GroundError> {
        options.check()?;
        let grid = CellGrid::covering(area, options.cell_m, max_cells)?;
        Ok(Self { lowest: vec![f32::INFINITY; grid.len()], grid, options })
    }
    /// Takes a point into account; those outside the area and those not finite are left out. Of lidar pass last and
    /// only returns: others never reach the ground.
    pub fn add(&mut self, point: DVec3) {
        if let Some(lowest) = self.grid.index_of(point.truncate()).and_then(|i| self.lowest.get_mut(i))
            && point.z < f64::from(*lowest)
            && point.z.is_finite()
        {
            *lowest = point.z as f32;
        }
    }
    /// Takes the points of another grid over the same area into account.
    ///
    /// # Errors
    /// The two differ in area or options.
    pub fn merge(&mut self, other: &Self) -> Result<(), GroundError> {
        if self.grid != other.grid || self.options != other.options {
            return Err(GroundError::Different);
        }
        for (mine, theirs) in self.lowest.iter_mut().zip(&other.lowest) {
            *mine = mine.min(*theirs);
        }
        Ok(())
    }
    /// Cuts off what stands on the ground and closes the gaps.
    ///
    /// # Errors
    /// There is no point at all.
    pub fn into_surface(self) -> Result<GroundSurface, GroundError> {
        let Self { grid, options, mut lowest } = self;
        let shape = Shape { columns: grid.columns() as usize, rows: grid.rows() as usize };
        lowest.iter_mut().filter(|height| height.is_infinite()).for_each(|height| *height = f32::NAN);
        if lowest.iter().all(|height| height.is_nan()) {
            return Err(GroundError::Empty);
        }
        let mut surface = lowest.clone();
        inpaint::inpaint(&mut surface, shape);
        remove_low_outliers(&mut lowest, &mut surface, shape, &options);

        let objects = objects(&surface, shape, &options);
        for (height, is_object) in lowest.iter_mut().zip(&objects) {
            if *is_object {
                *height = f32::NAN;
            }
        }
        let seen = lowest.iter().map(|height| !height.is_nan()).collect();
        let mut ground = lowest;
        inpaint::inpaint(&mut ground, shape);
        let cells = (0..ground.len())
            .map(|index| [ground[index], tolerance(&ground, shape, index, &options)])
            .collect();
        Ok(GroundSurface { grid, cells, seen })
    }
}

impl GroundSurface {
    /// Where a point lies with respect to the ground; `None` outside the area and for points that are not finite.
    pub fn relation(&self, point: DVec3) -> Option<GroundRelation> {
        let [height, tolerance] = self.at(point.truncate())?;
        let above = point.z - height;
        if above.is_nan() {
            return None;
        }
        Some(if above > tolerance {
            GroundRelation::Above
        } else if above < -tolerance {
            GroundRelation::Below
        } else {
            GroundRelation::On
        })
    }
    /// Height of a point above the ground, metres; `None` as for [`GroundSurface::relation`].
    pub fn height_above_m(&self, point: DVec3) -> Option<f64> {
        let above = point.z - self.at(point.truncate())?[0];
        (!above.is_nan()).then_some(above)
    }
    /// Share of the cells in which ground was seen, the others being empty, beneath objects, or outliers.
    pub fn seen_share(&self) -> f64 {
        self.seen.iter().filter(|seen| **seen).count() as f64 / self.seen.len().max(1) as f64
    }
    /// The surface itself, a sample per cell centre: a rough terrain model without a second pass.
    ///
    /// # Errors
    /// Fewer than two cells along a side.
    pub fn to_height_field(&self) -> Result<HeightField, HeightFieldError> {
        let heights = self.cells.iter().map(|cell| cell[0]).collect();
        let (columns, rows) = (self.grid.columns(), self.grid.rows());
        HeightField::new(columns, rows, self.grid.center(0, 0), self.grid.cell_m(), heights, None)
    }

    /// Height and tolerance, bilinear between cell centres, level beyond the outermost.
    fn at(&self, place: DVec2) -> Option<[f64; 2]> {
        let (columns, rows) = (self.grid.columns() as usize, self.grid.rows() as usize);
        self.grid.cell_of(place)?;
        let in_cells = self.grid.in_cells(place) - 0.5;
        let low = in_cells.floor().max(DVec2::ZERO);
        let fraction = (in_cells - low).clamp(DVec2::ZERO, DVec2::ONE);
        let (x0, y0) = (low.x as usize, low.y as usize);
        let (x1, y1) = ((x0 + 1).min(columns - 1), (y0 + 1).min(rows - 1));
        let cell = |x: usize, y: usize| self.cells.get(y * columns + x);
        let (sw, se, nw, ne) = (cell(x0, y0)?, cell(x1, y0)?, cell(x0, y1)?, cell(x1, y1)?);
        Some(std::array::from_fn(|k| {
            let [sw, se, nw, ne] = [sw[k], se[k], nw[k], ne[k]].map(f64::from);
            let south = sw + (se - sw) * fraction.x;
            let north = nw + (ne - nw) * fraction.x;
            south + (north - south) * fraction.y
        }))
    }
}

/// Takes cells out that lie far below the cells around them (§2.2 of the paper: an opening of the inverted surface).
fn remove_low_outliers(lowest: &mut [f32], surface: &mut Vec<f32>, shape: Shape, options: &SmrfOptions) {
    let depth_m = (options.low_slope * options.cell_m) as f32;
    let closed = morphology::close(surface, shape, 1);
    let mut any = false;
    for ((height, closed), surface) in lowest.iter_mut().zip(closed).zip(surface.iter()) {
        if closed - surface > depth_m {
            *height = f32::NAN;
            any = true;
        }
    }
    if any {
        surface.clear();
        surface.extend_from_slice(lowest);
        inpaint::inpaint(surface, shape);
    }
}

/// The cells that an opening with a growing window cuts off by more than the slope allows.
fn objects(surface: &[f32], shape: Shape, options: &SmrfOptions) -> Vec<bool> {
    let mut objects = vec![false; surface.len()];
    let mut last = surface.to_vec();
    let largest = (options.window_m / options.cell_m).ceil() as usize;
    for radius in 1..=largest {
        let opened = morphology::open(&last, shape, radius);
        let allowed_m = (options.slope * options.cell_m * radius as f64) as f32;
        for ((is_object, last), opened) in objects.iter_mut().zip(&last).zip(&opened) {
            *is_object |= last - opened > allowed_m;
        }
        last = opened;
    }
    objects
}

/// The threshold at a cell: it grows with the slope of the ground there.
fn tolerance(ground: &[f32], shape: Shape, index: usize, options: &SmrfOptions) -> f32 {
    let (column, row) = (index % shape.columns, index / shape.columns);
    let rise = |low: usize, high: usize, steps: usize| {
        if steps == 0 { 0.0 } else { f64::from(ground[high] - ground[low]) / (steps as f64 * options.cell_m) }
    };
    let (west, east) = (column.saturating_sub(1), (column + 1).min(shape.columns - 1));
    let (south, north) = (row.saturating_sub(1), (row + 1).min(shape.rows - 1));
    let at = |column: usize, row: usize| row * shape.columns + column;
    let slope = rise(at(west, row), at(east, row), east - west).hypot(rise(
        at(column, south),
        at(column, north),
        north - south,
    ));
    (options.threshold_m + options.scaling_m * slope) as f32
}
