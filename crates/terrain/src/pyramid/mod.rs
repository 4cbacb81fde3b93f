//! A pyramid of lowest and highest heights over a field: rays, lines of sight and ranges in logarithmic time.

mod rays;
mod sight;

use std::borrow::Borrow;

use glam::DVec2;

use crate::{HeightField, PlanRect};
pub use sight::Sight;

/// Lowest and highest height of blocks of 2ᵏ × 2ᵏ cells. Holds 3 bytes per sample beside the field, which may be owned,
/// shared or borrowed.
#[derive(Debug)]
pub struct HeightPyramid<F = HeightField> {
    field: F,
    /// From blocks of 2 × 2 cells up to one block over everything.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    columns: u32,
    ranges: Vec<Range>,
}

/// Heights of a block of cells.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    /// (∞, −∞) where no cell has data.
    low: f32,
    high: f32,
    /// Whether all cells have data.
    is_complete: bool,
}

impl Range {
    /// Outside: neither data nor the lack of it.
    const OUTSIDE: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY, is_complete: true };

    fn joined(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            is_complete: self.is_complete && other.is_complete,
        }
    }
    fn is_empty(self) -> bool {
        self.low > self.high
    }
}

impl<F: Borrow<HeightField>> HeightPyramid<F> {
    /// Builds the pyramid over a field.
    pub fn new(field: F) -> Self {
        let grid: &HeightField = field.borrow();
        let mut columns = (grid.columns() - 1).div_ceil(2);
        let mut rows = (grid.rows() - 1).div_ceil(2);
        let mut levels = vec![Level::of(columns, rows, |column, row| cell_range(grid, column, row))];
        while columns > 1 || rows > 1 {
            columns = columns.div_ceil(2);
            rows = rows.div_ceil(2);
            let next = {
                let below = &levels[levels.len() - 1];
                Level::of(columns, rows, |column, row| below.range(column, row))
            };
            levels.push(next);
        }
        Self { field, levels }
    }
    /// The field.
    pub fn field(&self) -> &HeightField {
        self.field.borrow()
    }
    /// Lowest and highest height of the ground over the cells that touch a rectangle, metres; `None` if none of them
    /// has data. Reads some hundred blocks at most, whatever the size.
    pub fn range_in(&self, area: PlanRect) -> Option<(f32, f32)> {
        let ordered = area.low.cmple(area.high).all();
        let mut range = Range::OUTSIDE;
        if ordered {
            self.gather(self.levels.len(), 0, 0, area, &mut range);
        }
        (!range.is_empty()).then_some((range.low, range.high))
    }

    fn gather(&self, level: usize, column: u32, row: u32, area: PlanRect, sum: &mut Range) {
        let range = self.range(level, column, row);
        // What lies between heights already found can add nothing.
        if range.is_empty() || (range.low >= sum.low && range.high <= sum.high) {
            return;
        }
        let (low, high) = self.block(level, column, row);
        if low.cmpgt(area.high).any() || high.cmplt(area.low).any() {
            return;
        }
        let is_inside = low.cmpge(area.low).all() && high.cmple(area.high).all();
        let Some(below) = level.checked_sub(1).filter(|_| !is_inside) else {
            *sum = sum.joined(range);
            return;
        };
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            self.gather(below, column * 2 + x, row * 2 + y, area, sum);
        }
    }
    /// Heights of a block of `2^level` cells.
    fn range(&self, level: usize, column: u32, row: u32) -> Range {
        match level.checked_sub(1) {
            None => cell_range(self.field(), column, row),
            Some(above) => self.levels.get(above).map_or(Range::OUTSIDE, |level| level.range(column, row)),
        }
    }
    /// South-west and north-east corner of a block of `2^level` cells.
    fn block(&self, level: usize, column: u32, row: u32) -> (DVec2, DVec2) {
        let field = self.field();
        let cells = 1u32 << level;
        let last = |index: u32, count: u32| ((index + 1) * cells).min(count - 1);
        let low = field.position(column * cells, row * cells);
        (low, field.position(last(column, field.columns()), last(row, field.rows())))
    }
}

impl Level {
    fn of(columns: u32, rows: u32, below: impl Fn(u32, u32) -> Range) -> Self {
        let ranges = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .map(|(column, row)| {
                [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(x, y)| below(column * 2 + x, row * 2 + y))
                    .into_iter()
                    .fold(Range::OUTSIDE, Range::joined)
            })
            .collect();
        Self { columns, ranges }
    }
    fn range(&self, column: u32, row: u32) -> Range {
        if column >= self.columns {
            return Range::OUTSIDE;
        }
        let index = row as usize * self.columns as usize + column as usize;
        self.ranges.get(index).copied().unwrap_or(Range::OUTSIDE)
    }
}

/// Lowest and highest corner of a cell; empty if one is absent or the cell lies outside.
fn cell_range(field: &HeightField, column: u32, row: u32) -> Range {
    if column + 1 >= field.columns() || row + 1 >= field.rows() {
        return Range::OUTSIDE;
    }
    let corners = field.cell_corners(column, row);
    if corners.iter().any(|corner| corner.is_nan()) {
        return Range { is_complete: false, ..Range::OUTSIDE };
    }
    corners.into_iter().fold(Range::OUTSIDE, |range, corner| Range {
        low: range.low.min(corner),
        high: range.high.max(corner),
        ..range
    })
}
