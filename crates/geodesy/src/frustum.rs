//! View frusta as inward-facing planes.

use glam::{DVec3, DVec4};

use crate::{CameraPose, WorldFrame};

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
    /// angles in radians, below π; `near_m` may be 0.
    ///
    /// If `up` is parallel to `forward` the roll is arbitrary but defined.
    pub fn perspective(
        eye: DVec3,
        forward: DVec3,
        up: DVec3,
        horizontal_fov_rad: f64,
        vertical_fov_rad: f64,
        near_m: f64,
    ) -> Self {
        let forward = forward.normalize_or(DVec3::Y);
        let right = forward.cross(up);
        let right = if right.length_squared() > 1e-24 * up.length_squared() {
            right.normalize()
        } else {
            forward.any_orthonormal_vector()
        };
        let up = right.cross(forward);
        let (sin_h, cos_h) = (horizontal_fov_rad * 0.5).sin_cos();
        let (sin_v, cos_v) = (vertical_fov_rad * 0.5).sin_cos();
        let through_eye = |normal: DVec3| normal.extend(-normal.dot(eye));
        let mut near = through_eye(forward);
        near.w -= near_m;
        Self {
            planes: [
                through_eye(right * cos_h + forward * sin_h),
                through_eye(forward * sin_h - right * cos_h),
                through_eye(up * cos_v + forward * sin_v),
                through_eye(forward * sin_v - up * cos_v),
                near,
            ],
        }
    }
    /// The frustum seen from a pose; `aspect` is width over height.
    pub fn from_pose(
        pose: &CameraPose,
        frame: WorldFrame,
        horizontal_fov_rad: f64,
        aspect: f64,
        near_m: f64,
    ) -> Self {
        let (forward, _, up) = pose.axes_in_world(frame);
        let vertical_fov_rad = vertical_fov_rad(horizontal_fov_rad, aspect);
        Self::perspective(pose.eye_in_world, forward, up, horizontal_fov_rad, vertical_fov_rad, near_m)
    }
    /// Whether a point lies inside all planes.
    pub fn contains(&self, point: DVec3) -> bool {
        self.planes.iter().all(|plane| plane.dot(point.extend(1.0)) >= 0.0)
    }
    /// Classifies anything of which, along a plane's unit normal, the lowest and highest `normal · p` are known.
    pub(crate) fn classify(
        &self,
        mask: PlaneMask,
        extent_along: impl Fn(DVec3) -> (f64, f64),
    ) -> (Visibility, PlaneMask) {
        let mut remaining = mask.0 & PlaneMask::ALL.0;
        for (index, plane) in self.planes.iter().enumerate() {
            let bit = 1 << index;
            if mask.0 & bit == 0 {
                continue;
            }
            let (low, high) = extent_along(plane.truncate());
            if high + plane.w < 0.0 {
                return (Visibility::Outside, mask);
            }
            if low + plane.w >= 0.0 {
                remaining &= !bit;
            }
        }
        let visibility = if remaining == 0 { Visibility::Inside } else { Visibility::Partial };
        (visibility, PlaneMask(remaining))
    }
}

/// The full vertical field of view that goes with a horizontal one (radians) at `aspect` = width over height.
pub fn vertical_fov_rad(horizontal_fov_rad: f64, aspect: f64) -> f64 {
    2.0 * ((horizontal_fov_rad * 0.5).tan() / aspect).atan()
}
