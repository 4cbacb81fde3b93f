//! The fly path that Hamlet is compared on.

use std::f64::consts::{PI, TAU};

use glam::DVec3;

use super::WorldFrame;

/// Nearest approach of the comparison's path, in bounding-sphere radii.
pub const ORBIT_NEAR: f64 = 0.35;

/// One pose of an orbit, in world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrbitPose {
    /// Eye.
    pub eye: DVec3,
    /// The point looked at.
    pub target: DVec3,
    /// Unit up: from the Earth's centre through the target (not the ellipsoid's normal), or z in a local frame.
    pub up: DVec3,
}

/// One turn around a bounding sphere in `n` poses, counter-clockwise from the east: from 1.6 radii away in to `near`
/// radii half-way and out again. The path `view.mjs` of the comparison with other engines takes, operation by
/// operation; see `benches/README.md`.
pub fn orbit_path(center: DVec3, radius: f64, n: usize, near: f64) -> Vec<OrbitPose> {
    let up = match WorldFrame::of_center(center) {
        WorldFrame::Earth => center / center.length(),
        WorldFrame::Local => DVec3::Z,
    };
    let east = DVec3::Z.cross(up);
    let east = if east.length() < 1e-6 { DVec3::X } else { east / east.length() };
    let north = up.cross(east);
    let pose = |index: usize| {
        let t = index as f64 / n.saturating_sub(1).max(1) as f64;
        let (sin, cos) = (TAU * t).sin_cos();
        let distance = radius * (1.6 - (1.6 - near) * (PI * t).sin());
        let direction = (east * cos + north * sin) * 0.8 + up * 0.6;
        OrbitPose { eye: center + direction * distance, target: center, up }
    };
    (0..n).map(pose).collect()
}
