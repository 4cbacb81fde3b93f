//! View frusta as inward-facing planes.

use glam::{DVec3, DVec4};

/// Result of a frustum test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Wholly outside at least one plane.
    Outside,
    /// Cut by a plane, or not decidable.
    Partial,
    /// Wholly inside all planes tested.
    Inside,
}

/// One bit per plane of a [`Frustum`] that still has to be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneMask(pub u8);

impl PlaneMask {
    /// Test all planes.
    pub const ALL: Self = Self(0b1_1111);
    /// Nothing left to test: an ancestor was wholly inside.
    pub const NONE: Self = Self(0);
}

/// Five inward-facing planes (left, right, bottom, top, near; no far plane): `normal · p + d ≥ 0` inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frustum {
    /// Unit normal in xyz, offset in w.
    pub planes: [DVec4; 5],
}

impl Frustum {
    /// A symmetric perspective frustum. `forward` and `up` need not be exactly orthogonal; fields of view are full
    /// angles in radians; `near_m` may be 0.
    pub fn perspective(
        _eye: DVec3,
        _forward: DVec3,
        _up: DVec3,
        _horizontal_fov_rad: f64,
        _vertical_fov_rad: f64,
        _near_m: f64,
    ) -> Self {
        todo!()
    }
}
