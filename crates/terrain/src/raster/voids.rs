//! Filling gaps by triangulation.

use glam::{DVec2, DVec3};

use super::{Coverage, OpenGaps, Tin, TinError};
use crate::{CellGrid, PlanRect};

/// Fills gaps (NaN) of a raster from a triangulation of the samples around them, and says where each sample comes from.
///
/// Only the borders of gaps are triangulated, so a large raster with few gaps costs little.
pub(super) fn fill(
    heights: &mut [f32],
    columns: usize,
    open_gaps: OpenGaps,
) -> Result<Vec<Coverage>, TinError> {
    let rows = heights.len() / columns;
    let mut coverage: Vec<Coverage> = heights
        .iter()
        .map(|height| if height.is_nan() { Coverage::Void } else { Coverage::Measured })
        .collect();
    let mut to_fill: Vec<bool> = coverage.iter().map(|&coverage| coverage == Coverage::Void).collect();
    if open_gaps == OpenGaps::Leave {
        leave_open(&mut to_fill, columns, rows);
    }
    if !to_fill.contains(&true) {
        return Ok(coverage);
    }
    let around = |index: usize| {
        let (column, row) = (index % columns, index / columns);
        let near = |place: usize, count: usize| place.saturating_sub(1)..(place + 2).min(count);
        near(row, rows).flat_map(move |y| near(column, columns).map(move |x| y * columns + x))
    };
    let border: Vec<DVec3> = (0..heights.len())
        .filter(|&index| coverage[index] == Coverage::Measured && around(index).any(|near| to_fill[near]))
        .map(|index| {
            let place = DVec2::new((index % columns) as f64, (index / columns) as f64) + 0.5;
            place.extend(heights[index].into())
        })
        .collect();
    let tin = match Tin::new(&border) {
        Ok(tin) => tin,
        // Nothing spans the gaps: all samples lie on a line, or there are none.
        Err(TinError::NoArea(_)) => return Ok(coverage),
        Err(error) => return Err(error),
    };
    let area = PlanRect { low: DVec2::splat(0.5), high: DVec2::new(columns as f64, rows as f64) - 0.5 };
    let Ok(grid) = CellGrid::covering(area, 1.0, heights.len() as u64) else {
        return Ok(coverage);
    };
    tin.rasterize(&grid, f64::INFINITY, |index, height| {
        if to_fill[index] {
            heights[index] = height as f32;
            coverage[index] = Coverage::Filled;
        }
    });
    Ok(coverage)
}

/// Takes the gaps that reach the border of the raster off the list.
fn leave_open(to_fill: &mut [bool], columns: usize, rows: usize) {
    let is_border = |i: usize| {
        let (column, row) = (i % columns, i / columns);
        column == 0 || row == 0 || column + 1 == columns || row + 1 == rows
    };
    let mut open: Vec<usize> = (0..to_fill.len()).filter(|&i| to_fill[i] && is_border(i)).collect();
    open.iter().for_each(|&index| to_fill[index] = false);
    while let Some(index) = open.pop() {
        let column = index % columns;
        let near = [
            (column > 0).then(|| index - 1),
            (column + 1 < columns).then_some(index + 1),
            index.checked_sub(columns),
            Some(index + columns).filter(|&index| index < to_fill.len()),
        ];
        for near in near.into_iter().flatten() {
            if std::mem::take(&mut to_fill[near]) {
                open.push(near);
            }
        }
    }
}
