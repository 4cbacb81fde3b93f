//! Where rays meet the ground.

use std::borrow::Borrow;

use geodesy::Ray;
use glam::{DVec2, DVec3};

use super::HeightPyramid;
use crate::HeightField;

/// What rounding may move a crossing beyond the border of its cell, as a fraction of the ray's way through it.
const BORDER_SLACK: f64 = 1e-9;

impl<F: Borrow<HeightField>> HeightPyramid<F> {
    /// Distance along the ray to where it first meets the ground (from above or below), metres. Exact to rounding
    /// against the bilinear surface of [`HeightField::height_at`]; cells with an absent corner are holes.
    pub fn intersect(&self, ray: &Ray) -> Option<f64> {
        self.intersect_within(ray, f64::INFINITY)
    }
    /// As [`HeightPyramid::intersect`], up to a distance along the ray, metres.
    pub fn intersect_within(&self, ray: &Ray, distance_m: f64) -> Option<f64> {
        if !ray.origin.is_finite() || !ray.direction.is_finite() || distance_m.is_nan() {
            return None;
        }
        self.descend(ray, self.levels.len(), 0, 0, (0.0, distance_m))
    }

    /// The first crossing in a block of `2^level` cells, looking at the four blocks in it from near to far.
    fn descend(&self, ray: &Ray, level: usize, column: u32, row: u32, interval: (f64, f64)) -> Option<f64> {
        let range = self.range(level, column, row);
        if range.is_empty() {
            return None;
        }
        let interval = self.clip(ray, level, column, row, (range.low, range.high), interval)?;
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
        let (low, high) = self.block(level, column, row);
        let slack = DVec3::splat(self.field().cell_m() * BORDER_SLACK)
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
        let [sw, se, nw, ne] = self.field().cell_corners(column, row).map(f64::from);
        let start = ray.at(enter);
        let cell_m = self.field().cell_m();
        let DVec2 { x: u, y: v } = (start.truncate() - self.field().position(column, row)) / cell_m;
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
