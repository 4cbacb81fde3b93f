//! Filling gaps of a grid as a sheet of rubber would: the harmonic surface through what is there.

use super::morphology::Shape;

/// Rounds of relaxation per level of the pyramid.
const ROUNDS: usize = 12;

/// Replaces NaN by the solution of Laplace's equation with what is there as its border (the paper's springs), found
/// coarse to fine; the grid's own border is free. A grid of nothing but NaN becomes 0.
pub(crate) fn inpaint(heights: &mut [f32], shape: Shape) {
    if !heights.iter().any(|height| height.is_nan()) {
        return;
    }
    let coarse_shape = Shape { columns: shape.columns.div_ceil(2), rows: shape.rows.div_ceil(2) };
    if shape.columns <= 1 && shape.rows <= 1 {
        heights.iter_mut().for_each(|height| *height = 0.0);
        return;
    }
    let mut coarse = reduced(heights, shape, coarse_shape);
    inpaint(&mut coarse, coarse_shape);
    let gaps: Vec<u32> =
        (0..heights.len() as u32).filter(|&index| heights[index as usize].is_nan()).collect();
    for &gap in &gaps {
        let (column, row) = (gap as usize % shape.columns, gap as usize / shape.columns);
        heights[gap as usize] = magnified(&coarse, coarse_shape, column, row);
    }
    for _ in 0..ROUNDS {
        // In place (Gauss–Seidel), alternately from both ends: changes travel both ways.
        gaps.iter().for_each(|&gap| relax(heights, shape, gap as usize));
        gaps.iter().rev().for_each(|&gap| relax(heights, shape, gap as usize));
    }
}

/// Means of blocks of 2 × 2 cells over what is there; NaN where nothing is.
fn reduced(heights: &[f32], shape: Shape, coarse_shape: Shape) -> Vec<f32> {
    let mut coarse = Vec::with_capacity(coarse_shape.columns * coarse_shape.rows);
    for row in 0..coarse_shape.rows {
        for column in 0..coarse_shape.columns {
            let (mut sum, mut count) = (0.0f32, 0.0f32);
            for y in row * 2..(row * 2 + 2).min(shape.rows) {
                for x in column * 2..(column * 2 + 2).min(shape.columns) {
                    let height = heights[y * shape.columns + x];
                    if !height.is_nan() {
                        sum += height;
                        count += 1.0;
                    }
                }
            }
            coarse.push(sum / count);
        }
    }
    coarse
}

/// The coarse grid at a cell of the grid twice as fine, bilinear between centres.
fn magnified(coarse: &[f32], shape: Shape, column: usize, row: usize) -> f32 {
    // A fine centre lies a quarter of a coarse cell from the coarse centre.
    let pair = |fine: usize, count: usize| {
        let near = fine / 2;
        let far = if fine.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(count - 1) };
        (near, far)
    };
    let ((x0, x1), (y0, y1)) = (pair(column, shape.columns), pair(row, shape.rows));
    let at = |x: usize, y: usize| coarse[y * shape.columns + x];
    let along = |y: usize| at(x0, y) * 0.75 + at(x1, y) * 0.25;
    along(y0) * 0.75 + along(y1) * 0.25
}

fn relax(heights: &mut [f32], shape: Shape, index: usize) {
    let column = index % shape.columns;
    let neighbours = [
        (column > 0).then(|| index - 1),
        (column + 1 < shape.columns).then_some(index + 1),
        index.checked_sub(shape.columns),
        Some(index + shape.columns).filter(|&index| index < heights.len()),
    ];
    let (mut sum, mut count) = (0.0, 0.0);
    for neighbour in neighbours.into_iter().flatten() {
        sum += heights[neighbour];
        count += 1.0;
    }
    if count > 0.0 {
        heights[index] = sum / count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_comes_back_across_a_hole_and_nothing_else_changes() {
        let shape = Shape { columns: 61, rows: 47 };
        let plane = |i: usize| (i % 61) as f32 * 0.7 - (i / 61) as f32 * 0.3 + 100.0;
        let hole = |i: usize| (15..45).contains(&(i % 61)) && (12..35).contains(&(i / 61));
        let mut heights: Vec<f32> = (0..61 * 47).map(|i| if hole(i) { f32::NAN } else { plane(i) }).collect();
        inpaint(&mut heights, shape);
        for (i, &height) in heights.iter().enumerate() {
            let off = (height - plane(i)).abs();
            assert!(off <= if hole(i) { 0.35 } else { 0.0 }, "{i}: {off}");
        }
    }

    #[test]
    fn nothing_at_all_becomes_level_ground() {
        let mut heights = vec![f32::NAN; 12];
        inpaint(&mut heights, Shape { columns: 4, rows: 3 });
        assert_eq!(heights, [0.0; 12]);
    }
}
