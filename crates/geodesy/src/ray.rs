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
    pub fn intersect_triangle(&self, _a: DVec3, _b: DVec3, _c: DVec3) -> Option<f64> {
        todo!()
    }
}
