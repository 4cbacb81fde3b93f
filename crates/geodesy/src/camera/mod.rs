//! The one camera text: `lon,lat,height,heading,pitch` or `at:lon,lat,height,heading,pitch,range`.

mod orbit;
mod text;

use std::f64::consts::{FRAC_PI_2, TAU};

use glam::{DMat3, DVec3};

use crate::Sphere;
use crate::ellipsoid::{enu_axes_in_ecef, geodetic_from_ecef};
use crate::frustum::vertical_fov_rad;

pub use orbit::{ORBIT_NEAR, OrbitPose, orbit_path};
pub use text::CameraTextError;

/// Pitch of the default view, radians.
const DEFAULT_PITCH_RAD: f64 = -35.0 / 180.0 * std::f64::consts::PI;
/// Less horizontal than this, a unit forward vector leaves the heading to the up vector.
const VERTICAL_FORWARD: f64 = 1e-9;

/// What "world" is for a tileset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldFrame {
    /// ECEF.
    Earth,
    /// x east, y north, z up, metres; no place on Earth.
    Local,
}

impl WorldFrame {
    /// A tileset whose centre lies within 100 km of the origin has no place on Earth.
    pub fn of_center(center_in_world: DVec3) -> Self {
        if center_in_world.length() < 100_000.0 { Self::Local } else { Self::Earth }
    }
    /// Unit east, north and up in world, at a point of world.
    pub fn enu_axes_in_world(self, point_in_world: DVec3) -> [DVec3; 3] {
        match self {
            Self::Earth => enu_axes_in_ecef(geodetic_from_ecef(point_in_world)),
            Self::Local => [DVec3::X, DVec3::Y, DVec3::Z],
        }
    }
}

/// Eye and attitude. Heading clockwise from north, pitch negative downwards, radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraPose {
    /// Eye in world.
    pub eye_in_world: DVec3,
    /// Heading at the eye, radians, clockwise from north, in [0, 2π).
    pub heading_rad: f64,
    /// Pitch at the eye, radians, negative downwards, in [−π/2, π/2].
    pub pitch_rad: f64,
}

impl CameraPose {
    /// A pose that looks at `target_in_world` from `range_m` away; heading and pitch are those *at the target*.
    pub fn looking_at(
        target_in_world: DVec3,
        heading_rad: f64,
        pitch_rad: f64,
        range_m: f64,
        frame: WorldFrame,
    ) -> Self {
        let axes = frame.enu_axes_in_world(target_in_world);
        let (forward, _, up) = attitude(axes, heading_rad, pitch_rad);
        Self::from_axes(target_in_world - forward * range_m, forward, up, frame)
    }
    /// The pose with an eye and a viewing direction (need not be unit vectors). Roll is dropped; `up` decides the
    /// heading only when `forward` is vertical.
    pub fn from_axes(eye_in_world: DVec3, forward: DVec3, up: DVec3, frame: WorldFrame) -> Self {
        let [east, north, zenith] = frame.enu_axes_in_world(eye_in_world);
        let in_enu = DMat3::from_cols(east, north, zenith).transpose();
        let forward = in_enu * forward.normalize_or(north);
        let horizontal = forward.x.hypot(forward.y);
        let ahead = if horizontal > VERTICAL_FORWARD {
            forward
        } else {
            // Looking down, the top of the picture lies ahead; looking up, behind.
            in_enu * up * -forward.z.signum()
        };
        Self {
            eye_in_world,
            heading_rad: normalized_heading(ahead.x.atan2(ahead.y)),
            pitch_rad: forward.z.atan2(horizontal).clamp(-FRAC_PI_2, FRAC_PI_2),
        }
    }
    /// The whole of a tileset: from the south, 35° down, from where its bounding sphere fits the narrower field of
    /// view. `aspect` is width over height.
    pub fn default_for(sphere: Sphere, frame: WorldFrame, horizontal_fov_rad: f64, aspect: f64) -> Self {
        let narrower = horizontal_fov_rad.min(vertical_fov_rad(horizontal_fov_rad, aspect));
        let range_m = (sphere.radius / (narrower * 0.5).sin()).max(1.0);
        Self::looking_at(sphere.center, 0.0, DEFAULT_PITCH_RAD, range_m, frame)
    }
    /// Unit forward, right and up vectors in world.
    pub fn axes_in_world(&self, frame: WorldFrame) -> (DVec3, DVec3, DVec3) {
        attitude(frame.enu_axes_in_world(self.eye_in_world), self.heading_rad, self.pitch_rad)
    }
}

/// Unit forward, right and up of an attitude in the frame of the given east, north and up.
fn attitude([east, north, zenith]: [DVec3; 3], heading_rad: f64, pitch_rad: f64) -> (DVec3, DVec3, DVec3) {
    let (sin_heading, cos_heading) = heading_rad.sin_cos();
    let (sin_pitch, cos_pitch) = pitch_rad.sin_cos();
    let ahead = east * sin_heading + north * cos_heading;
    let forward = ahead * cos_pitch + zenith * sin_pitch;
    let right = east * cos_heading - north * sin_heading;
    (forward, right, zenith * cos_pitch - ahead * sin_pitch)
}

/// A heading in [0, 2π).
fn normalized_heading(heading_rad: f64) -> f64 {
    let heading = heading_rad.rem_euclid(TAU);
    // `rem_euclid` rounds a tiny negative angle up to 2π.
    if heading < TAU { heading } else { 0.0 }
}
