//! Whether one point is seen from another.

use std::borrow::Borrow;

use geodesy::Ray;
use glam::{DVec2, DVec3};

use super::HeightPyramid;
use crate::HeightField;

/// A line must pass this far beneath the ground to be blocked, metres: eyes and targets may stand on it.
const TOLERANCE_M: f64 = 1e-6;

/// What lies between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    /// No ground.
    Clear,
    /// Ground, first at this point, seen from the first.
    Blocked(DVec3),
    /// No ground that is known, but not all of the way is known.
    Unknown,
}

impl<F: Borrow<HeightField>> HeightPyramid<F> {
    /// Whether a straight line between two points stays out of the ground (the bilinear surface of
    /// [`HeightField::height_at`]). Touching is no obstacle. `None` for points that are not finite.
    ///
    /// The line is straight in the plan's space; over more than a few kilometres the caller lowers the far end by the
    /// Earth's curvature, less refraction.
    pub fn line_of_sight(&self, from: DVec3, to: DVec3) -> Option<Sight> {
        if !from.is_finite() || !to.is_finite() {
            return None;
        }
        let is_under = |point: DVec3| {
            self.field().height_at(point.truncate()).is_some_and(|ground| point.z < ground - TOLERANCE_M)
        };
        if is_under(from) {
            return Some(Sight::Blocked(from));
        }
        let length = from.distance(to);
        let lifted = from + DVec3::Z * TOLERANCE_M;
        if length > 0.0 {
            let ray = Ray { origin: lifted, direction: (to - from) / length };
            if let Some(distance) = self.intersect_within(&ray, length) {
                return Some(Sight::Blocked(from + ray.direction * distance));
            }
        }
        // Rounding at the very end, or from below without a crossing.
        if is_under(to) {
            return Some(Sight::Blocked(to));
        }
        let (low, high) = self.field().extent();
        let is_outside = |p: DVec2| !(p.cmpge(low).all() && p.cmple(high).all());
        let (start, end) = (from.truncate(), to.truncate());
        let is_unknown = is_outside(start)
            || is_outside(end)
            || self.crosses_gap(self.levels.len(), 0, 0, start, end - start);
        if !is_unknown {
            return Some(Sight::Clear);
        }
        // Out of a gap a line may come in under the ground, and leave into another, without crossing it.
        let under = self.first_under(self.levels.len(), 0, 0, from, to - from);
        Some(under.map_or(Sight::Unknown, |t| Sight::Blocked(from + (to - from) * t)))
    }

    /// Where a line enters the first cell of a block that it passes under, as a share of its length.
    fn first_under(&self, level: usize, column: u32, row: u32, start: DVec3, way: DVec3) -> Option<f64> {
        let range = self.range(level, column, row);
        if range.is_empty() {
            return None;
        }
        let (enter, leave) = self.over(level, column, row, start.truncate(), way.truncate())?;
        let lowest_z = start.z + (way.z * enter).min(way.z * leave);
        if lowest_z > f64::from(range.high) {
            return None;
        }
        let Some(below) = level.checked_sub(1) else {
            let middle = start + way * f64::midpoint(enter, leave);
            let ground = self.field().height_at(middle.truncate())?;
            return (middle.z < ground - TOLERANCE_M).then_some(enter);
        };
        [(0, 0), (1, 0), (0, 1), (1, 1)]
            .into_iter()
            .filter_map(|(x, y)| self.first_under(below, column * 2 + x, row * 2 + y, start, way))
            .reduce(f64::min)
    }

    /// The part of a line, as shares of its length, that is over a block in the plan; borders belong to it.
    fn over(&self, level: usize, column: u32, row: u32, start: DVec2, way: DVec2) -> Option<(f64, f64)> {
        let (low, high) = self.block(level, column, row);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for axis in 0..2 {
            if way[axis] == 0.0 {
                if start[axis] < low[axis] || start[axis] > high[axis] {
                    return None;
                }
                continue;
            }
            let (t0, t1) = ((low[axis] - start[axis]) / way[axis], (high[axis] - start[axis]) / way[axis]);
            (enter, leave) = (enter.max(t0.min(t1)), leave.min(t0.max(t1)));
        }
        (enter <= leave).then_some((enter, leave))
    }

    /// Whether a line of the plan passes over a cell of a block that has no data; along a border both sides count.
    fn crosses_gap(&self, level: usize, column: u32, row: u32, start: DVec2, way: DVec2) -> bool {
        if self.range(level, column, row).is_complete {
            return false;
        }
        if self.over(level, column, row, start, way).is_none() {
            return false;
        }
        level.checked_sub(1).is_none_or(|below| {
            [(0, 0), (1, 0), (0, 1), (1, 1)]
                .into_iter()
                .any(|(x, y)| self.crosses_gap(below, column * 2 + x, row * 2 + y, start, way))
        })
    }
}
