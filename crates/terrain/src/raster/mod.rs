//! Rasters of a survey: the terrain (DTM) from points on the ground, the surface (DSM) from the highest, each sample
//! marked as measured, filled or void.

mod accumulate;
mod tin;
mod voids;

pub use accumulate::{CellMeans, HighestPoints};
pub use tin::{Tin, TinError};

use crate::{CellGrid, HeightField, HeightFieldError};

/// Where the height of a sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Coverage {
    /// Nowhere: outside of everything measured.
    Void = 0,
    /// From points close by.
    Measured = 1,
    /// From a triangulation across a gap.
    Filled = 2,
}

/// What to do about gaps that reach the border of the raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenGaps {
    /// Leave them void: the survey ends there.
    Leave,
    /// Fill what lies between measured samples, like any gap.
    Fill,
}

/// How a raster is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RasterOptions {
    /// Triangles with a side longer than this, metres, span a gap.
    pub max_side_m: f64,
    /// Gaps that reach the border.
    pub open_gaps: OpenGaps,
}

impl Default for RasterOptions {
    fn default() -> Self {
        Self { max_side_m: 3.0, open_gaps: OpenGaps::Fill }
    }
}

/// A raster with the origin of each sample.
#[derive(Clone, Debug)]
pub struct SurfaceRaster {
    heights: HeightField,
    coverage: Vec<Coverage>,
}

/// Why there is no raster.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RasterError {
    /// The points span no area.
    #[error(transparent)]
    Tin(#[from] TinError),
    /// Fewer than 2 × 2 cells.
    #[error(transparent)]
    Field(#[from] HeightFieldError),
}

/// The terrain where points are close by: a triangulation of the means of the ground points of each cell, linear in
/// between, at the centres of the cells, row by row from the south; NaN where a triangle has a side longer than
/// `max_side_m`. Overlapping windows of a survey can be put together before their gaps are
/// [filled](SurfaceRaster::filled).
///
/// # Errors
/// The points span no area.
pub fn measured_terrain(means: &CellMeans, max_side_m: f64) -> Result<Vec<f32>, TinError> {
    let grid = *means.grid();
    let vertices = means.vertices();
    let mut heights = vec![f32::NAN; grid.len()];
    Tin::new(&vertices)?.rasterize(&grid, max_side_m, |index, height| heights[index] = height as f32);
    Ok(heights)
}

impl SurfaceRaster {
    /// The terrain: a triangulation of the means of the ground points of each cell, linear in between, sampled at the
    /// centres of the cells.
    ///
    /// # Errors
    /// The points span no area.
    pub fn terrain(means: &CellMeans, options: RasterOptions) -> Result<Self, RasterError> {
        let grid = *means.grid();
        let vertices = means.vertices();
        let mut heights = vec![f32::NAN; grid.len()];
        Tin::new(&vertices)?
            .rasterize(&grid, options.max_side_m, |index, height| heights[index] = height as f32);
        Self::filled(&grid, heights, options)
    }
    /// The surface: the highest point of each cell; gaps are filled by triangulating their borders.
    ///
    /// # Errors
    /// There are no points in three cells that span an area.
    pub fn surface(highest: HighestPoints, options: RasterOptions) -> Result<Self, RasterError> {
        let (grid, heights) = highest.into_heights();
        Self::filled(&grid, heights, options)
    }
    /// Fills the gaps (NaN) of heights at the centres of cells, row by row from the south.
    ///
    /// # Errors
    /// As many heights as cells are needed, 2 × 2 at least.
    pub fn filled(
        grid: &CellGrid,
        mut heights: Vec<f32>,
        options: RasterOptions,
    ) -> Result<Self, RasterError> {
        let (columns, rows) = (grid.columns(), grid.rows());
        if heights.len() != grid.len() {
            return Err(HeightFieldError::Count { columns, rows, found: heights.len() }.into());
        }
        let coverage = voids::fill(&mut heights, columns as usize, options.open_gaps)?;
        let heights = HeightField::new(columns, rows, grid.center(0, 0), grid.cell_m(), heights, None)?;
        Ok(Self { heights, coverage })
    }
    /// The heights; NaN where void.
    pub fn heights(&self) -> &HeightField {
        &self.heights
    }
    /// Where each sample comes from, in the order of the heights.
    pub fn coverage(&self) -> &[Coverage] {
        &self.coverage
    }
    /// Where a sample comes from; void outside.
    pub fn coverage_of(&self, column: u32, row: u32) -> Coverage {
        let inside = column < self.heights.columns() && row < self.heights.rows();
        let index = row as usize * self.heights.columns() as usize + column as usize;
        self.coverage.get(index).copied().filter(|_| inside).unwrap_or(Coverage::Void)
    }
    /// Share of the samples of some origin.
    pub fn share(&self, of: Coverage) -> f64 {
        self.coverage.iter().filter(|&&coverage| coverage == of).count() as f64
            / self.coverage.len().max(1) as f64
    }
    /// The heights alone.
    pub fn into_heights(self) -> HeightField {
        self.heights
    }
}
