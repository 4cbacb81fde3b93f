//! The one camera text: `lon,lat,height,heading,pitch` or `at:lon,lat,height,heading,pitch,range`.

use glam::DVec3;

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

/// Why a camera text was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CameraTextError {
    /// Wrong number of fields.
    #[error("a camera is `lon,lat,height,heading,pitch` or `at:lon,lat,height,heading,pitch,range`; got {found} fields in {text:?}")]
    FieldCount {
        /// Fields found.
        found: usize,
        /// The text.
        text: String,
    },
    /// A field that is not a number, or out of range.
    #[error("camera field {field} is {value:?}: {reason}")]
    Field {
        /// Its name.
        field: &'static str,
        /// Its text.
        value: String,
        /// What is wrong.
        reason: &'static str,
    },
}

impl CameraPose {
    /// Reads a camera text.
    pub fn parse(_text: &str, _frame: WorldFrame) -> Result<Self, CameraTextError> {
        todo!()
    }
    /// Writes `lon,lat,height,heading,pitch` (9, 9, 3, 4, 4 decimals; local: 3 decimals for x, y, z); parsing gives
    /// the pose back to within the rounding.
    pub fn to_text(&self, _frame: WorldFrame) -> String {
        todo!()
    }
    /// A pose that looks at `target_in_world` from `range_m` away; heading and pitch are those *at the target*.
    pub fn looking_at(_target_in_world: DVec3, _heading_rad: f64, _pitch_rad: f64, _range_m: f64, _frame: WorldFrame) -> Self {
        todo!()
    }
    /// Unit forward, right and up vectors in world.
    pub fn axes_in_world(&self, _frame: WorldFrame) -> (DVec3, DVec3, DVec3) {
        todo!()
    }
}
