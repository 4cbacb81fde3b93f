//! Footprints: the outline of the parts that stand on the ground.

use glam::Vec2;

use super::Building;

/// A polygon: outer ring first (counter-clockwise), then holes (clockwise), none closed; site's frame, metres.
pub(in crate::county_sample) type Rings = Vec<Vec<Vec2>>;

/// The outline of a building at the ground, one polygon for each detached piece, the largest first.
pub(in crate::county_sample) fn footprint(building: &Building) -> Vec<Rings> {
    let parts: Vec<(Vec2, Vec2)> = building
        .parts
        .iter()
        .filter(|part| part.low_m <= 0.0)
        .map(|part| (part.center - part.half, part.center + part.half))
        .collect();
    let cuts = |pick: fn(Vec2) -> f32| {
        let mut cuts: Vec<f32> = parts.iter().flat_map(|(low, high)| [pick(*low), pick(*high)]).collect();
        cuts.sort_by(f32::total_cmp);
        // Walls that miss each other by a hair are one wall.
        cuts.dedup_by(|b, a| *b - *a < 0.01);
        cuts
    };
    let (xs, ys) = (cuts(|p| p.x), cuts(|p| p.y));
    let (columns, rows) = (xs.len().saturating_sub(1), ys.len().saturating_sub(1));
    let is_solid = |column: usize, row: usize| {
        let middle = Vec2::new((xs[column] + xs[column + 1]) / 2.0, (ys[row] + ys[row + 1]) / 2.0);
        parts.iter().any(|(low, high)| middle.cmpgt(*low).all() && middle.cmplt(*high).all())
    };
    let mask: Vec<bool> = (0..rows * columns).map(|i| is_solid(i % columns, i / columns)).collect();
    outlines(&mask, columns, rows)
        .into_iter()
        .map(|polygon| {
            polygon
                .into_iter()
                .map(|ring| {
                    ring.into_iter().map(|[x, y]| building.to_site(Vec2::new(xs[x], ys[y]))).collect()
                })
                .collect()
        })
        .collect()
}

/// Polygons around the cells that are set, in corners of the grid: outer ring first, then its holes; corners on straight
/// edges left out. Cells that touch at a corner only are apart. Polygons come in order of their lowest, leftmost cell.
pub(in crate::county_sample) fn outlines(
    mask: &[bool],
    columns: usize,
    rows: usize,
) -> Vec<Vec<Vec<[usize; 2]>>> {
    let set = |x: i64, y: i64| {
        x >= 0
            && y >= 0
            && (x as usize) < columns
            && (y as usize) < rows
            && mask[y as usize * columns + x as usize]
    };
    // Which connected piece each cell belongs to.
    let mut piece = vec![usize::MAX; mask.len()];
    let mut pieces = 0;
    let mut stack = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || piece[start] != usize::MAX {
            continue;
        }
        stack.push(start);
        piece[start] = pieces;
        while let Some(i) = stack.pop() {
            let (x, y) = ((i % columns) as i64, (i / columns) as i64);
            for (nx, ny) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)] {
                if set(nx, ny) {
                    let n = ny as usize * columns + nx as usize;
                    if piece[n] == usize::MAX {
                        piece[n] = pieces;
                        stack.push(n);
                    }
                }
            }
        }
        pieces += 1;
    }
    let mut polygons: Vec<Vec<Vec<[usize; 2]>>> = vec![Vec::new(); pieces];
    // Directed edges with the inside on their left; heading 0 east, 1 north, 2 west, 3 south.
    let side = columns + 1;
    let mut open = vec![[false; 4]; side * (rows + 1)];
    for (i, _) in mask.iter().enumerate().filter(|(_, set)| **set) {
        let (x, y) = (i % columns, i / columns);
        let (xi, yi) = (x as i64, y as i64);
        let mut edge = |cx: usize, cy: usize, heading: usize| open[cy * side + cx][heading] = true;
        if !set(xi, yi - 1) {
            edge(x, y, 0);
        }
        if !set(xi + 1, yi) {
            edge(x + 1, y, 1);
        }
        if !set(xi, yi + 1) {
            edge(x + 1, y + 1, 2);
        }
        if !set(xi - 1, yi) {
            edge(x, y + 1, 3);
        }
    }
    for start in 0..open.len() {
        for first in 0..4 {
            if !open[start][first] {
                continue;
            }
            let mut ring: Vec<[usize; 2]> = Vec::new();
            let (mut at, mut heading) = (start, first);
            // The cell to the left of the first edge says whose ring it is.
            let (x, y) = (start % side, start / side);
            let inside = match first {
                0 => [x, y],
                1 => [x.wrapping_sub(1), y],
                2 => [x.wrapping_sub(1), y.wrapping_sub(1)],
                _ => [x, y.wrapping_sub(1)],
            };
            let mut last = usize::MAX;
            while open[at][heading] {
                open[at][heading] = false;
                if heading != last {
                    ring.push([at % side, at / side]);
                }
                last = heading;
                at = match heading {
                    0 => at + 1,
                    1 => at + side,
                    2 => at - 1,
                    _ => at - side,
                };
                // Left first, so that cells that touch at a corner stay apart.
                for turn in [1, 0, 3] {
                    let next = (heading + turn) % 4;
                    if open[at][next] {
                        heading = next;
                        break;
                    }
                }
            }
            // The start lies on a straight edge if the walk came in the way it left.
            if last == first && ring.len() > 1 {
                ring.remove(0);
            }
            let owner = piece.get(inside[1].wrapping_mul(columns).wrapping_add(inside[0])).copied();
            if let Some(polygon) = owner.and_then(|owner| polygons.get_mut(owner)) {
                polygon.push(ring);
            }
        }
    }
    for polygon in &mut polygons {
        let area = |ring: &Vec<[usize; 2]>| -> i64 {
            let next = ring.iter().cycle().skip(1);
            ring.iter().zip(next).map(|(a, b)| a[0] as i64 * b[1] as i64 - b[0] as i64 * a[1] as i64).sum()
        };
        polygon.sort_by_key(|ring| std::cmp::Reverse(area(ring)));
    }
    polygons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_follow_cells_with_holes_and_corners() {
        let picture = ["#####.", "#...#.", "#.#.#.", "#...#.", "#####.", ".....#"];
        let mask: Vec<bool> = picture.iter().rev().flat_map(|row| row.bytes().map(|b| b == b'#')).collect();
        let polygons = outlines(&mask, 6, 6);
        assert_eq!(polygons.len(), 3);
        assert_eq!(polygons[0], vec![vec![[5, 0], [6, 0], [6, 1], [5, 1]]]);
        assert_eq!(polygons[1][0], vec![[0, 1], [5, 1], [5, 6], [0, 6]]);
        assert_eq!(polygons[1][1].len(), 4, "the hole");
        assert_eq!(polygons[2], vec![vec![[2, 3], [3, 3], [3, 4], [2, 4]]]);
    }
}
