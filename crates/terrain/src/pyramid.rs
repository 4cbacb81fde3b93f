//! Rays against a height field through a pyramid of lowest and highest heights.

use geodesy::Ray;
use glam::{DVec2, DVec3};

use crate::HeightField;

/// What rounding may move a crossing beyond the border of its cell, as a fraction of the ray's way through it.
const BORDER_SLACK: f64 = 1e-9;

/// Lowest and highest height of blocks of 2ᵏ × 2ᵏ cells, for finding where a ray meets the ground in logarithmic
/// time. Holds 8/3 bytes per sample.
#[derive(Debug)]
pub struct GroundRays<'a> {
    field: &'a HeightField,
    /// From blocks of 2 × 2 cells up to one block over everything.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    columns: u32,
    /// (lowest, highest); (∞, −∞) where no cell has data.
    ranges: Vec<(f32, f32)>,
}

const EMPTY: (f32, f32) = (f32::INFINITY, f32::NEG_INFINITY);

impl<'a> GroundRays<'a> {
    /// Builds the pyramid over a field.
    pub fn new(field: &'a HeightField) -> Self {
        let cell = |column: u32, row: u32| cell_range(field, column, row);
        let mut columns = (field.columns() - 1).div_ceil(2);
        let mut rows = (field.rows() - 1).div_ceil(2);
        let mut levels = vec![Level::of(columns, rows, cell)];
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
    /// Distance along the ray to where it first meets the ground (from above or below), metres. Exact to rounding
    /// against the bilinear surface of [`HeightField::height_at`]; cells with an absent corner are holes.
    pub fn intersect(&self, ray: &Ray) -> Option<f64> {
        if !ray.origin.is_finite() || !ray.direction.is_finite() {
            return None;
        }
        self.descend(ray, self.levels.len(), 0, 0, (0.0, f64::INFINITY))
    }

    /// The first crossing in a block of `2^level` cells, looking at the four blocks in it from near to far.
    fn descend(&self, ray: &Ray, level: usize, column: u32, row: u32, interval: (f64, f64)) -> Option<f64> {
        let (low, high) = match level.checked_sub(1) {
            None => cell_range(self.field, column, row),
            Some(above) => self.levels.get(above)?.range(column, row),
        };
        if low > high {
            return None;
        }
        let interval = self.clip(ray, level, column, row, (low, high), interval)?;
        let Some(below) = level.checked_sub(1) else {
            return self.meet_cell(ray, column, row, interval);
        };
        let near = |speed: f64| u32::from(speed < 0.0);
        let (x, y) = (near(ray.direction.x), near(ray.direction.y));
        // A ray cannot pass through both middle ones, so their order does not matter.
        [(x, y), (1 - x, y), (x, 1 - y), (1 - x, 1 - y)]
            .into_iter()
            .find_map(|(x, y)| self.descend(ray, below, column * 2 + x, row * 2 + y, interval))
    }
    /// The part of the ray over a block and between its heights, with a little slack.
    fn clip(
        &self,
        ray: &Ray,
        level: usize,
        column: u32,
        row: u32,
        heights: (f32, f32),
        interval: (f64, f64),
    ) -> Option<(f64, f64)> {
        let cells = 1u32 << level;
        let last = |index: u32, count: u32| ((index + 1) * cells).min(count - 1);
        let low = self.field.position(column * cells, row * cells);
        let high = self.field.position(last(column, self.field.columns()), last(row, self.field.rows()));
        let slack = DVec3::splat(self.field.cell_m() * BORDER_SLACK)
            + (ray.origin.abs() + low.abs().max(high.abs()).extend(0.0)) * 1e-15;
        let low = low.extend(heights.0.into()) - slack;
        let high = high.extend(heights.1.into()) + slack;
        let (mut enter, mut leave) = interval;
        for axis in 0..3 {
            let (start, speed) = (ray.origin[axis], ray.direction[axis]);
            if speed == 0.0 {
                if start < low[axis] || start > high[axis] {
                    return None;
                }
                continue;
            }
            let (t0, t1) = ((low[axis] - start) / speed, (high[axis] - start) / speed);
            enter = enter.max(t0.min(t1));
            leave = leave.min(t0.max(t1));
        }
        (enter <= leave).then_some((enter, leave))
    }
    /// The first crossing in a cell. Along the ray the height above a bilinear patch is a quadratic.
    fn meet_cell(&self, ray: &Ray, column: u32, row: u32, (enter, leave): (f64, f64)) -> Option<f64> {
        let [sw, se, nw, ne] = self.field.cell_corners(column, row).map(f64::from);
        let start = ray.at(enter);
        let cell_m = self.field.cell_m();
        let DVec2 { x: u, y: v } = (start.truncate() - self.field.position(column, row)) / cell_m;
        let DVec2 { x: du, y: dv } = ray.direction.truncate() / cell_m;
        let (east, north, twist) = (se - sw, nw - sw, ne - se - nw + sw);
        let constant = start.z - (sw + east * u + north * v + twist * u * v);
        let linear = ray.direction.z - (east * du + north * dv + twist * (u * dv + v * du));
        let quadratic = -twist * du * dv;
        let length = leave - enter;
        let slack = length * BORDER_SLACK + cell_m * BORDER_SLACK;
        let inside = |t: f64| t >= -slack && t <= length + slack;
        let [first, second] = roots(quadratic, linear, constant);
        let t = [first, second].into_iter().find(|&t| inside(t))?;
        Some((enter + t).max(0.0))
    }
}

impl Level {
    fn of(columns: u32, rows: u32, below: impl Fn(u32, u32) -> (f32, f32)) -> Self {
        let ranges = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .map(|(column, row)| {
                [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(x, y)| below(column * 2 + x, row * 2 + y))
                    .into_iter()
                    .fold(EMPTY, |(low, high), (l, h)| (low.min(l), high.max(h)))
            })
            .collect();
        Self { columns, ranges }
    }
    fn range(&self, column: u32, row: u32) -> (f32, f32) {
        if column >= self.columns {
            return EMPTY;
        }
        let index = row as usize * self.columns as usize + column as usize;
        self.ranges.get(index).copied().unwrap_or(EMPTY)
    }
}

/// Lowest and highest corner of a cell; empty if one is absent or the cell lies outside.
fn cell_range(field: &HeightField, column: u32, row: u32) -> (f32, f32) {
    let corners = field.cell_corners(column, row);
    if corners.iter().any(|corner| corner.is_nan()) {
        return EMPTY;
    }
    corners.into_iter().fold(EMPTY, |(low, high), corner| (low.min(corner), high.max(corner)))
}

/// Real roots of a x² + b x + c in rising order, NaN where there are fewer; x = 0 if all are zero.
fn roots(a: f64, b: f64, c: f64) -> [f64; 2] {
    if c == 0.0 && a == 0.0 && b == 0.0 {
        return [0.0, f64::NAN];
    }
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return [f64::NAN; 2];
    }
    // The form that does not cancel; it degrades to the linear solution as `a` vanishes.
    let q = -0.5 * (b + discriminant.sqrt().copysign(b));
    let (x, y) = (c / q, q / a);
    let keep = |root: f64| if root.is_finite() { root } else { f64::NAN };
    match (keep(x), keep(y)) {
        (x, y) if x.is_nan() => [y, f64::NAN],
        (x, y) if y.is_nan() || x <= y => [x, y],
        (x, y) => [y, x],
    }
}
