//! Values on a grid over a site, with a margin around it.

use glam::Vec2;
use rayon::prelude::*;

/// How far rasters reach beyond the site, metres: tiles overlap, and shadows fall in from outside.
pub(in crate::county_sample) const MARGIN_M: f32 = 16.0;

/// Values at the corners of a grid, row by row from the south.
#[derive(Clone, Debug)]
pub(in crate::county_sample) struct Raster<T> {
    /// Corners along a side.
    pub(in crate::county_sample) side: usize,
    pub(in crate::county_sample) cell_m: f32,
    pub(in crate::county_sample) values: Vec<T>,
}

impl<T: Copy + Send + Sync> Raster<T> {
    /// A raster over a site of `side_m` and its margin; corners are computed on the caller's pool.
    pub(in crate::county_sample) fn over(
        side_m: f32,
        cell_m: f32,
        value: impl Fn(Vec2) -> T + Send + Sync,
    ) -> Self {
        let side = ((side_m + 2.0 * MARGIN_M) / cell_m) as usize + 1;
        let values = (0..side * side).into_par_iter().map(|i| value(raster_point(side, cell_m, i))).collect();
        Self { side, cell_m, values }
    }

    /// Changes every corner on the caller's pool.
    pub(in crate::county_sample) fn change_all(
        &mut self,
        change: impl Fn(usize, Vec2, &mut T) + Send + Sync,
    ) {
        let (side, cell_m) = (self.side, self.cell_m);
        self.values
            .par_iter_mut()
            .enumerate()
            .for_each(|(i, value)| change(i, raster_point(side, cell_m, i), value));
    }

    /// Column and row of the cell that holds a position, clamped, and where in it the position lies.
    fn cell(&self, at: Vec2) -> (usize, Vec2) {
        let p = ((at + MARGIN_M) / self.cell_m).clamp(Vec2::ZERO, Vec2::splat(self.side as f32 - 1.001));
        let (x, y) = (p.x as usize, p.y as usize);
        (y * self.side + x, p - Vec2::new(x as f32, y as f32))
    }

    /// The value at the nearest corner.
    pub(in crate::county_sample) fn nearest(&self, at: Vec2) -> T {
        let (index, t) = self.cell(at);
        self.values[index + usize::from(t.x >= 0.5) + if t.y >= 0.5 { self.side } else { 0 }]
    }

    /// Corners within a box, as ranges of columns and rows.
    fn span(&self, low: Vec2, high: Vec2) -> [std::ops::Range<usize>; 2] {
        let last = self.side as f32;
        let range = |low: f32, high: f32| {
            let from = ((low + MARGIN_M) / self.cell_m).ceil().clamp(0.0, last);
            let to = ((high + MARGIN_M) / self.cell_m).floor() + 1.0;
            from as usize..to.clamp(from, last) as usize
        };
        [range(low.x, high.x), range(low.y, high.y)]
    }

    /// Calls `change` with every corner within a box.
    pub(in crate::county_sample) fn each_within(
        &mut self,
        low: Vec2,
        high: Vec2,
        mut change: impl FnMut(Vec2, &mut T),
    ) {
        let [columns, rows] = self.span(low, high);
        for row in rows {
            for column in columns.clone() {
                let index = row * self.side + column;
                change(raster_point(self.side, self.cell_m, index), &mut self.values[index]);
            }
        }
    }
}

impl Raster<f32> {
    /// By bilinear interpolation, clamped at the border.
    pub(in crate::county_sample) fn at(&self, at: Vec2) -> f32 {
        let (i, t) = self.cell(at);
        let (v, side) = (&self.values, self.side);
        let south = v[i] + (v[i + 1] - v[i]) * t.x;
        let north = v[i + side] + (v[i + side + 1] - v[i + side]) * t.x;
        south + (north - south) * t.y
    }

    /// Rise per metre eastwards and northwards, by differences over `reach_m`.
    pub(in crate::county_sample) fn slope(&self, at: Vec2, reach_m: f32) -> Vec2 {
        let along = |d: Vec2| (self.at(at + d) - self.at(at - d)) / (2.0 * reach_m);
        Vec2::new(along(Vec2::X * reach_m), along(Vec2::Y * reach_m))
    }

    /// The mean over squares of `2·radius + 1` corners.
    pub(in crate::county_sample) fn blurred(&self, radius: usize) -> Self {
        let across = |values: &[f32], stride: usize, other: usize| {
            let side = self.side;
            let mut out = vec![0.0; values.len()];
            for line in 0..side {
                let at = |i: usize| line * other + i.min(side - 1) * stride;
                let mut sum: f64 = (0..=radius).map(|i| f64::from(values[at(i)])).sum::<f64>()
                    + radius as f64 * f64::from(values[at(0)]);
                for i in 0..side {
                    out[at(i)] = (sum / (2 * radius + 1) as f64) as f32;
                    sum += f64::from(values[at(i + radius + 1)])
                        - f64::from(values[at(i.saturating_sub(radius))]);
                }
            }
            out
        };
        let rows = across(&self.values, 1, self.side);
        Self { values: across(&rows, self.side, 1), ..*self }
    }
}

impl<const N: usize> Raster<[f32; N]> {
    /// All lanes by bilinear interpolation, clamped at the border.
    pub(in crate::county_sample) fn lanes(&self, at: Vec2) -> [f32; N] {
        let (i, t) = self.cell(at);
        let weights = [(1.0 - t.x) * (1.0 - t.y), t.x * (1.0 - t.y), (1.0 - t.x) * t.y, t.x * t.y];
        let corners = [i, i + 1, i + self.side, i + self.side + 1].map(|i| &self.values[i]);
        std::array::from_fn(|lane| (0..4).map(|corner| corners[corner][lane] * weights[corner]).sum())
    }
}

fn raster_point(side: usize, cell_m: f32, index: usize) -> Vec2 {
    Vec2::new((index % side) as f32, (index / side) as f32) * cell_m - MARGIN_M
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_stays_a_plane() {
        let raster = Raster::over(32.0, 0.5, |p| 2.0 * p.x - p.y);
        for p in [Vec2::new(3.3, 4.9), Vec2::new(-7.0, 31.2)] {
            assert!((raster.at(p) - (2.0 * p.x - p.y)).abs() < 1e-4);
            assert!((raster.slope(p, 1.0) - Vec2::new(2.0, -1.0)).length() < 1e-3);
        }
        let inside = Vec2::new(10.0, 12.0);
        assert!((raster.blurred(3).at(inside) - (2.0 * inside.x - inside.y)).abs() < 1e-3);
        let lanes = Raster {
            side: raster.side,
            cell_m: 0.5,
            values: raster.values.iter().map(|v| [*v, 1.0]).collect(),
        };
        assert!((lanes.lanes(inside)[0] - raster.at(inside)).abs() < 1e-4);
        assert_eq!(raster.nearest(Vec2::new(3.1, 4.9)), 2.0 * 3.0 - 5.0);
    }
}
