//! Rectangles and cell grids of the plan: how areas are cut up so that the pieces agree.

use glam::DVec2;

/// Most cells that a grid may have (the memory of a few grids of four bytes stays below 4 GiB).
pub const MAX_CELLS: u64 = 1 << 28;

/// A rectangle of the plan, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanRect {
    /// South-west corner.
    pub low: DVec2,
    /// North-east corner.
    pub high: DVec2,
}

/// Square cells over a rectangle of the plan. Borders of cells lie on multiples of the cell size, so that grids over
/// neighbouring or overlapping areas have the same cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellGrid {
    /// South-west corner of the first cell, in cells.
    first: DVec2,
    cell_m: f64,
    columns: u32,
    rows: u32,
}

/// Why there can be no such grid.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CellGridError {
    /// The rectangle is empty or not finite, or the cell size is no length.
    #[error("no grid of {cell_m} m over {low} to {high}")]
    Shape {
        /// South-west corner asked for.
        low: DVec2,
        /// North-east corner asked for.
        high: DVec2,
        /// Cell size asked for.
        cell_m: f64,
    },
    /// More cells than the budget.
    #[error(
        "{columns} × {rows} cells of {cell_m} m are more than {max}: take a smaller area or larger cells"
    )]
    TooLarge {
        /// Cells from west to east.
        columns: u64,
        /// Cells from south to north.
        rows: u64,
        /// Cell size, metres.
        cell_m: f64,
        /// The budget.
        max: u64,
    },
}

/// A part of an area: what it answers for, and what it must look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The part that this window answers for; the cores of all windows cover the area once.
    pub core: PlanRect,
    /// The core and a margin around it.
    pub outer: PlanRect,
}

impl PlanRect {
    /// Whether a point lies in it; the south and west border belong to it, the north and east border do not, so that a
    /// point lies in one of several that touch.
    pub fn contains(&self, point: DVec2) -> bool {
        point.cmpge(self.low).all() && point.cmplt(self.high).all()
    }
    /// The rectangle with `margin_m` more on all sides.
    pub fn grown(&self, margin_m: f64) -> Self {
        Self { low: self.low - margin_m, high: self.high + margin_m }
    }
    /// East–west and north–south extent, metres.
    pub fn size(&self) -> DVec2 {
        self.high - self.low
    }
    /// Cuts the rectangle into windows whose cores are squares of `core_m` on a lattice that starts at the plan's
    /// origin, each with a margin; row by row from the south. None if the sizes are no lengths or there would be more
    /// than a million.
    pub fn windows(&self, core_m: f64, margin_m: f64) -> Vec<Window> {
        let (first, last) = ((self.low / core_m).floor(), (self.high / core_m).ceil());
        let count = last - first;
        let usable = first.is_finite() && last.is_finite() && core_m > 0.0 && margin_m >= 0.0;
        if !usable || count.min_element() <= 0.0 || count.x * count.y > 1e6 {
            return Vec::new();
        }
        let (columns, rows) = (count.x as u32, count.y as u32);
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| DVec2::new(column.into(), row.into())))
            .map(|place| {
                let core =
                    Self { low: (first + place) * core_m, high: (first + place + DVec2::ONE) * core_m };
                Window { core, outer: core.grown(margin_m) }
            })
            .collect()
    }
}

impl CellGrid {
    /// The smallest grid that holds a rectangle, its border included.
    ///
    /// # Errors
    /// The rectangle is no rectangle, or there would be more than `max_cells` (at most [`MAX_CELLS`]) cells.
    pub fn covering(area: PlanRect, cell_m: f64, max_cells: u64) -> Result<Self, CellGridError> {
        let PlanRect { low, high } = area;
        let (first, last) = ((low / cell_m).floor(), (high / cell_m).floor() + 1.0);
        let count = last - first;
        // Beyond 2⁵⁰ cells from the origin neighbouring cells could no longer be told apart.
        let usable = first.abs().max_element() < 2f64.powi(50) && last.abs().max_element() < 2f64.powi(50);
        if !usable || cell_m.is_nan() || cell_m <= 0.0 || high.cmplt(low).any() {
            return Err(CellGridError::Shape { low, high, cell_m });
        }
        let max = max_cells.min(MAX_CELLS);
        if count.x * count.y > max as f64 {
            let (columns, rows) = (count.x as u64, count.y as u64);
            return Err(CellGridError::TooLarge { columns, rows, cell_m, max });
        }
        Ok(Self { first, cell_m, columns: count.x as u32, rows: count.y as u32 })
    }
    /// Cells from west to east.
    pub fn columns(&self) -> u32 {
        self.columns
    }
    /// Cells from south to north.
    pub fn rows(&self) -> u32 {
        self.rows
    }
    /// Side of a cell, metres.
    pub fn cell_m(&self) -> f64 {
        self.cell_m
    }
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.columns as usize * self.rows as usize
    }
    /// Whether there are no cells; never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The area of all cells.
    pub fn area(&self) -> PlanRect {
        let count = DVec2::new(self.columns.into(), self.rows.into());
        PlanRect { low: self.first * self.cell_m, high: (self.first + count) * self.cell_m }
    }
    /// The cell (row by row from the south, each from the west) that holds a point; `None` outside.
    pub fn index_of(&self, point: DVec2) -> Option<usize> {
        let (column, row) = self.cell_of(point)?;
        Some(row as usize * self.columns as usize + column as usize)
    }
    /// Centre of a cell, metres.
    pub fn center(&self, column: u32, row: u32) -> DVec2 {
        (self.first + DVec2::new(f64::from(column) + 0.5, f64::from(row) + 0.5)) * self.cell_m
    }

    /// Column and row of the cell that holds a point; `None` outside.
    pub(crate) fn cell_of(&self, point: DVec2) -> Option<(u32, u32)> {
        let place = self.in_cells(point);
        // Casts saturate and make 0 of NaN, so the comparison is on the numbers themselves.
        let inside = place.cmpge(DVec2::ZERO).all()
            && place.x < f64::from(self.columns)
            && place.y < f64::from(self.rows);
        inside.then_some((place.x as u32, place.y as u32))
    }
    /// A point in cells from the south-west corner of the grid.
    pub(crate) fn in_cells(&self, point: DVec2) -> DVec2 {
        point / self.cell_m - self.first
    }
}
