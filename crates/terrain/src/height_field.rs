//! Regular grids of heights.

use glam::{DVec2, DVec3};

/// Most samples that a field may hold (1 GiB of heights).
pub const MAX_SAMPLES: u64 = 1 << 28;

/// Heights on a regular grid, bilinear in between: the ground is one continuous surface over all cells whose four
/// corners have a height.
#[derive(Clone, Debug)]
pub struct HeightField {
    columns: u32,
    rows: u32,
    origin: DVec2,
    cell_m: f64,
    /// Row by row from the south, each from the west; NaN where there is no data.
    heights: Vec<f32>,
}

/// Why a height field was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum HeightFieldError {
    /// No cell, or more samples than the budget.
    #[error("a height field needs 2 × 2 to {MAX_SAMPLES} samples; got {columns} × {rows}")]
    Size {
        /// Samples from west to east.
        columns: u32,
        /// Samples from south to north.
        rows: u32,
    },
    /// The grid and the heights disagree.
    #[error("{columns} × {rows} samples announced, {found} heights given")]
    Count {
        /// Samples from west to east.
        columns: u32,
        /// Samples from south to north.
        rows: u32,
        /// Heights given.
        found: usize,
    },
    /// Origin or cell size are not usable numbers.
    #[error(
        "origin {origin} with cells of {cell_m} m: the origin must be finite, the cell size positive and finite"
    )]
    Placement {
        /// Plan position of the first sample.
        origin: DVec2,
        /// Cell size.
        cell_m: f64,
    },
}

/// A cell of a field: its south-west sample, the position in it, and its corner heights.
pub(crate) struct CellAt {
    /// Fractions from the south-west corner, in [0, 1].
    pub(crate) fraction: DVec2,
    /// South-west, south-east, north-west, north-east.
    pub(crate) corners: [f64; 4],
}

impl HeightField {
    /// A field of `columns × rows` heights (row by row from the south, each from the west). `origin` is the plan
    /// position of the first sample in metres, `cell_m` the spacing. Heights equal to `no_data` and those that are
    /// not finite are absent.
    pub fn new(
        columns: u32,
        rows: u32,
        origin: DVec2,
        cell_m: f64,
        mut heights: Vec<f32>,
        no_data: Option<f32>,
    ) -> Result<Self, HeightFieldError> {
        check_size(columns, rows)?;
        if heights.len() as u64 != u64::from(columns) * u64::from(rows) {
            return Err(HeightFieldError::Count { columns, rows, found: heights.len() });
        }
        if !origin.is_finite() || !cell_m.is_finite() || cell_m <= 0.0 {
            return Err(HeightFieldError::Placement { origin, cell_m });
        }
        for height in &mut heights {
            if !height.is_finite() || Some(*height) == no_data {
                *height = f32::NAN;
            }
        }
        Ok(Self { columns, rows, origin, cell_m, heights })
    }
    /// A field whose heights a function of the plan position gives (metres).
    pub fn from_fn(
        columns: u32,
        rows: u32,
        origin: DVec2,
        cell_m: f64,
        height_m: impl Fn(DVec2) -> f64,
    ) -> Result<Self, HeightFieldError> {
        check_size(columns, rows)?;
        let position = |column: u32, row: u32| origin + DVec2::new(column.into(), row.into()) * cell_m;
        let heights = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .map(|(column, row)| height_m(position(column, row)) as f32)
            .collect();
        Self::new(columns, rows, origin, cell_m, heights, None)
    }
    /// Samples from west to east.
    pub fn columns(&self) -> u32 {
        self.columns
    }
    /// Samples from south to north.
    pub fn rows(&self) -> u32 {
        self.rows
    }
    /// Spacing of the samples, metres.
    pub fn cell_m(&self) -> f64 {
        self.cell_m
    }
    /// South-west and north-east corner in the plan, metres.
    pub fn extent(&self) -> (DVec2, DVec2) {
        let cells = DVec2::new(f64::from(self.columns - 1), f64::from(self.rows - 1));
        (self.origin, self.origin + cells * self.cell_m)
    }
    /// Plan position of a sample, metres.
    pub fn position(&self, column: u32, row: u32) -> DVec2 {
        self.origin + DVec2::new(column.into(), row.into()) * self.cell_m
    }
    /// Height of a sample, metres; `None` outside or without data.
    pub fn sample(&self, column: u32, row: u32) -> Option<f32> {
        let height = self.raw(column, row);
        (!height.is_nan()).then_some(height)
    }
    /// Lowest and highest height, metres; `None` if there is no data at all.
    pub fn height_range(&self) -> Option<(f32, f32)> {
        self.heights.iter().filter(|height| !height.is_nan()).fold(None, |range, &height| match range {
            None => Some((height, height)),
            Some((low, high)) => Some((height.min(low), height.max(high))),
        })
    }
    /// Height of the ground at a plan position, metres; `None` outside (the border belongs to the field) or in a cell
    /// with an absent corner.
    pub fn height_at(&self, position: DVec2) -> Option<f64> {
        let CellAt { fraction: DVec2 { x: u, y: v }, corners: [sw, se, nw, ne] } = self.cell_at(position)?;
        let south = sw + (se - sw) * u;
        let north = nw + (ne - nw) * u;
        Some(south + (north - south) * v)
    }
    /// Rise per metre towards east and north; jumps where cells meet. `None` as for [`HeightField::height_at`].
    pub fn gradient_at(&self, position: DVec2) -> Option<DVec2> {
        let CellAt { fraction: DVec2 { x: u, y: v }, corners: [sw, se, nw, ne] } = self.cell_at(position)?;
        let east = (se - sw) * (1.0 - v) + (ne - nw) * v;
        let north = (nw - sw) * (1.0 - u) + (ne - se) * u;
        Some(DVec2::new(east, north) / self.cell_m)
    }
    /// Unit normal of the ground, upwards.
    pub fn normal_at(&self, position: DVec2) -> Option<DVec3> {
        self.gradient_at(position).map(|rise| DVec3::new(-rise.x, -rise.y, 1.0).normalize())
    }
    /// Angle of the steepest descent below the horizontal, radians, in [0, π/2).
    pub fn slope_rad_at(&self, position: DVec2) -> Option<f64> {
        self.gradient_at(position).map(|rise| rise.length().atan())
    }
    /// Every `step`-th sample of a part of the field: `columns × rows` samples from `(column, row)` on. `None` if it
    /// does not fit, or has no cell.
    pub fn window(&self, column: u32, row: u32, columns: u32, rows: u32, step: u32) -> Option<Self> {
        let last = |first: u32, count: u32| {
            let span = count.checked_sub(1).filter(|&span| span > 0)?.checked_mul(step.max(1))?;
            first.checked_add(span)
        };
        if step == 0 || last(column, columns)? >= self.columns || last(row, rows)? >= self.rows {
            return None;
        }
        let heights = (0..rows)
            .flat_map(|y| (0..columns).map(move |x| (x, y)))
            .map(|(x, y)| self.raw(column + x * step, row + y * step))
            .collect();
        let cell_m = self.cell_m * f64::from(step);
        Some(Self { columns, rows, origin: self.position(column, row), cell_m, heights })
    }

    /// All heights row by row from the south, NaN where absent.
    pub(crate) fn raw_heights(&self) -> &[f32] {
        &self.heights
    }
    /// The sample's height, NaN where absent or outside.
    pub(crate) fn raw(&self, column: u32, row: u32) -> f32 {
        if column >= self.columns || row >= self.rows {
            return f32::NAN;
        }
        let index = row as usize * self.columns as usize + column as usize;
        self.heights.get(index).copied().unwrap_or(f32::NAN)
    }
    /// Corner heights of a cell: south-west, south-east, north-west, north-east; NaN where absent.
    pub(crate) fn cell_corners(&self, column: u32, row: u32) -> [f32; 4] {
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| self.raw(column + x, row + y))
    }
    fn cell_at(&self, position: DVec2) -> Option<CellAt> {
        let (low, high) = self.extent();
        if !(position.cmpge(low).all() && position.cmple(high).all()) {
            return None;
        }
        let in_cells = (position - self.origin) / self.cell_m;
        let column = (in_cells.x as u32).min(self.columns - 2);
        let row = (in_cells.y as u32).min(self.rows - 2);
        let corners = self.cell_corners(column, row).map(f64::from);
        if corners.iter().any(|corner| corner.is_nan()) {
            return None;
        }
        let fraction = (in_cells - DVec2::new(column.into(), row.into())).clamp(DVec2::ZERO, DVec2::ONE);
        Some(CellAt { fraction, corners })
    }
}

fn check_size(columns: u32, rows: u32) -> Result<(), HeightFieldError> {
    if columns < 2 || rows < 2 || u64::from(columns) * u64::from(rows) > MAX_SAMPLES {
        return Err(HeightFieldError::Size { columns, rows });
    }
    Ok(())
}
