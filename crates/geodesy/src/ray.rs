//! Rays and what they hit.

use glam::DVec3;

/// A ray; `direction` is a unit vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Start.
    pub origin: DVec3,
    /// Unit direction.
    pub direction: DVec3,
}

impl Ray {
    /// The point at `distance` along the ray.
    pub fn at(&self, distance: f64) -> DVec3 {
        self.origin + self.direction * distance
    }
    /// Distance to a triangle (either side), or `None`. Möller and Trumbore 1997.
    ///
    /// Edges belong to the triangle. A degenerate triangle, or one seen exactly edge-on, is never hit.
    pub fn intersect_triangle(&self, a: DVec3, b: DVec3, c: DVec3) -> Option<f64> {
        let (ab, ac) = (b - a, c - a);
        let p = self.direction.cross(ac);
        let determinant = ab.dot(p);
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let from_a = self.origin - a;
        let u = from_a.dot(p) / determinant;
        if !(0.0..=1.0).contains(&u) {
            return None;
        }
        let q = from_a.cross(ab);
        let v = self.direction.dot(q) / determinant;
        if v < 0.0 || u + v > 1.0 {
            return None;
        }
        let distance = ac.dot(q) / determinant;
        (distance >= 0.0).then_some(distance)
    }
    /// Narrows `(enter, leave)` to the part of the ray with `normal · p` in `[low, high]`; `None` if nothing is left.
    pub(crate) fn clip_to_slab(
        &self,
        normal: DVec3,
        low: f64,
        high: f64,
        (enter, leave): (f64, f64),
    ) -> Option<(f64, f64)> {
        let (start, speed) = (normal.dot(self.origin), normal.dot(self.direction));
        if speed == 0.0 {
            return (start >= low && start <= high).then_some((enter, leave));
        }
        let (t0, t1) = ((low - start) / speed, (high - start) / speed);
        let (enter, leave) = (enter.max(t0.min(t1)), leave.min(t0.max(t1)));
        (enter <= leave).then_some((enter, leave))
    }
}
