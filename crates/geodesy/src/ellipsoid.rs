//! The WGS 84 ellipsoid: geodetic coordinates, ECEF and local east-north-up frames.

use glam::{DMat4, DVec3};

/// Semi-major axis of WGS 84, metres.
pub const SEMI_MAJOR_AXIS_M: f64 = 6_378_137.0;
/// Flattening of WGS 84.
pub const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// A position on or above the WGS 84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geodetic {
    /// Longitude, radians, east positive.
    pub lon_rad: f64,
    /// Geodetic latitude, radians, north positive.
    pub lat_rad: f64,
    /// Height above the ellipsoid, metres.
    pub height_m: f64,
}

/// ECEF position (metres) of a geodetic one.
pub fn ecef_from_geodetic(_position: Geodetic) -> DVec3 {
    todo!()
}

/// Geodetic position of an ECEF one (metres); exact to well under a millimetre from −10 km to orbit.
pub fn geodetic_from_ecef(_position_in_ecef: DVec3) -> Geodetic {
    todo!()
}

/// The east-north-up frame whose origin is `origin_in_ecef`: `ecef_from_enu * point_in_enu`.
pub fn ecef_from_enu(_origin_in_ecef: DVec3) -> DMat4 {
    todo!()
}
