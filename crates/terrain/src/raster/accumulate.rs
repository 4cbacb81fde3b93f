//! Points gathered into cells, whatever their order and however they were divided.

use glam::{DVec2, DVec3};

use super::RasterError;
use crate::{CellGrid, CellGridError, HeightFieldError, PlanRect};

/// Steps per cell side in which places are summed: half a millimetre in a cell of half a metre.
const PLACE_STEPS: f64 = 1024.0;
/// Steps per metre in which heights are summed.
const HEIGHT_STEPS: f64 = 4096.0;
/// Heights beyond this are no heights, metres.
const MAX_HEIGHT_M: f64 = 1e6;

/// The mean of the points of each cell. Sums are of whole steps, so they do not depend on the order of the points.
#[derive(Clone, Debug)]
pub struct CellMeans {
    grid: CellGrid,
    cells: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    height: i64,
    east: u32,
    north: u32,
    count: u32,
}

/// The highest point of each cell.
#[derive(Clone, Debug)]
pub struct HighestPoints {
    grid: CellGrid,
    /// −∞ where there is no point.
    heights: Vec<f32>,
}

impl CellMeans {
    /// No points yet; 24 bytes per cell.
    ///
    /// # Errors
    /// No grid over the area, or more than `max_cells` cells.
    pub fn new(area: PlanRect, cell_m: f64, max_cells: u64) -> Result<Self, CellGridError> {
        let grid = CellGrid::covering(area, cell_m, max_cells)?;
        Ok(Self { cells: vec![Sums::default(); grid.len()], grid })
    }
    /// The cells.
    pub fn grid(&self) -> &CellGrid {
        &self.grid
    }
    /// Takes a point into account, unless it lies outside, is not finite, or its cell has four million already.
    pub fn add(&mut self, point: DVec3) {
        if point.z.is_nan() || point.z.abs() > MAX_HEIGHT_M {
            return;
        }
        let Some((column, row)) = self.grid.cell_of(point.truncate()) else { return };
        let index = row as usize * self.grid.columns() as usize + column as usize;
        let Some(sums) = self.cells.get_mut(index).filter(|sums| sums.count < 1 << 22) else { return };
        let within = self.grid.in_cells(point.truncate()) - DVec2::new(column.into(), row.into());
        let steps = (within * PLACE_STEPS).floor().clamp(DVec2::ZERO, DVec2::splat(PLACE_STEPS - 1.0));
        sums.count += 1;
        sums.east += steps.x as u32;
        sums.north += steps.y as u32;
        sums.height += (point.z * HEIGHT_STEPS).round() as i64;
    }
    /// Takes the points of another over the same cells into account; `false`, and nothing changed, if the cells differ
    /// or one would hold more than four million points.
    pub fn merge(&mut self, other: &Self) -> bool {
        let fits = |(mine, theirs): (&Sums, &Sums)| mine.count + theirs.count <= 1 << 22;
        if self.grid != other.grid || !self.cells.iter().zip(&other.cells).all(fits) {
            return false;
        }
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine.height += theirs.height;
            mine.east += theirs.east;
            mine.north += theirs.north;
            mine.count += theirs.count;
        }
        true
    }
    /// The mean point of each cell that has points, in the plan; row by row from the south.
    pub fn vertices(&self) -> Vec<DVec3> {
        let columns = self.grid.columns();
        let side = self.grid.cell_m();
        let cells = self.cells.iter().enumerate().filter(|(_, sums)| sums.count > 0);
        cells
            .map(|(index, sums)| {
                let count = f64::from(sums.count);
                let mean = DVec2::new(sums.east.into(), sums.north.into()) / count + 0.5;
                let center = self.grid.center(index as u32 % columns, index as u32 / columns);
                let place = center + (mean / PLACE_STEPS - 0.5) * side;
                place.extend(sums.height as f64 / count / HEIGHT_STEPS)
            })
            .collect()
    }
}

impl HighestPoints {
    /// No points yet; 4 bytes per cell.
    ///
    /// # Errors
    /// No grid over the area, or more than `max_cells` cells.
    pub fn new(area: PlanRect, cell_m: f64, max_cells: u64) -> Result<Self, CellGridError> {
        let grid = CellGrid::covering(area, cell_m, max_cells)?;
        Ok(Self { heights: vec![f32::NEG_INFINITY; grid.len()], grid })
    }
    /// The cells.
    pub fn grid(&self) -> &CellGrid {
        &self.grid
    }
    /// Takes a point into account, unless it lies outside or is not finite.
    pub fn add(&mut self, point: DVec3) {
        if let Some(highest) = self.grid.index_of(point.truncate()).and_then(|i| self.heights.get_mut(i))
            && point.z > f64::from(*highest)
            && point.z < MAX_HEIGHT_M
        {
            *highest = point.z as f32;
        }
    }
    /// Height of a cell's highest point, metres.
    pub fn height(&self, index: usize) -> Option<f32> {
        self.heights.get(index).copied().filter(|height| height.is_finite())
    }
    /// Takes the points of another over the same cells into account.
    ///
    /// # Errors
    /// The cells differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), RasterError> {
        if self.grid != other.grid {
            let (columns, rows) = (self.grid.columns(), self.grid.rows());
            return Err(HeightFieldError::Count { columns, rows, found: other.heights.len() }.into());
        }
        for (mine, theirs) in self.heights.iter_mut().zip(&other.heights) {
            *mine = mine.max(*theirs);
        }
        Ok(())
    }

    /// NaN where there is no point.
    pub(super) fn into_heights(mut self) -> (CellGrid, Vec<f32>) {
        self.heights.iter_mut().filter(|h| h.is_infinite()).for_each(|height| *height = f32::NAN);
        (self.grid, self.heights)
    }
}
