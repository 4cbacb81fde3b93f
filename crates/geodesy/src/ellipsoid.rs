//! The WGS 84 ellipsoid: geodetic coordinates, ECEF and local east-north-up frames.

use glam::{DMat4, DVec2, DVec3};

/// Semi-major axis of WGS 84, metres.
pub const SEMI_MAJOR_AXIS_M: f64 = 6_378_137.0;
/// Flattening of WGS 84.
pub const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Semi-minor axis of WGS 84, metres.
pub const SEMI_MINOR_AXIS_M: f64 = SEMI_MAJOR_AXIS_M * (1.0 - FLATTENING);
/// Square of the first eccentricity of WGS 84.
pub const ECCENTRICITY_SQUARED: f64 = FLATTENING * (2.0 - FLATTENING);

/// Closer to the axis than this, longitude is taken to be zero, metres.
const AXIS_RADIUS_M: f64 = 1e-6;
/// Below this distance from the Earth's centre the fast iteration may not converge, metres.
const DEEP_RADIUS_M: f64 = 1_000_000.0;

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

impl Geodetic {
    /// A position from degrees and metres.
    pub fn from_degrees(lon_deg: f64, lat_deg: f64, height_m: f64) -> Self {
        Self { lon_rad: lon_deg.to_radians(), lat_rad: lat_deg.to_radians(), height_m }
    }
    /// The outward unit normal of the ellipsoid here, in ECEF.
    pub fn up_in_ecef(self) -> DVec3 {
        let (sin_lat, cos_lat) = self.lat_rad.sin_cos();
        let (sin_lon, cos_lon) = self.lon_rad.sin_cos();
        DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat)
    }
}

/// ECEF position (metres) of a geodetic one.
pub fn ecef_from_geodetic(position: Geodetic) -> DVec3 {
    ecef_from_normal(position.up_in_ecef(), position.height_m)
}

/// Geodetic position of an ECEF one (metres); exact to well under a millimetre from −10 km to orbit.
///
/// Defined everywhere: on the axis the longitude is 0, at the Earth's centre the latitude is +90°. Inside the
/// evolute (within 43 km of the centre) the answer is the nearest point of the ellipsoid.
pub fn geodetic_from_ecef(position_in_ecef: DVec3) -> Geodetic {
    let (lon_rad, in_meridian) = longitude_and_meridian(position_in_ecef);
    let (lat_rad, height_m) = geodetic_in_meridian(in_meridian);
    Geodetic { lon_rad, lat_rad, height_m }
}

/// The east-north-up frame whose origin is `origin_in_ecef`: `ecef_from_enu * point_in_enu`.
///
/// Up is the normal of the ellipsoid. On the axis east is +y, as at longitude 0.
pub fn ecef_from_enu(origin_in_ecef: DVec3) -> DMat4 {
    let [east, north, up] = enu_axes_in_ecef(geodetic_from_ecef(origin_in_ecef));
    DMat4::from_cols(east.extend(0.0), north.extend(0.0), up.extend(0.0), origin_in_ecef.extend(1.0))
}

/// Unit east, north and up at a geodetic position, in ECEF.
pub fn enu_axes_in_ecef(position: Geodetic) -> [DVec3; 3] {
    let (sin_lat, cos_lat) = position.lat_rad.sin_cos();
    let (sin_lon, cos_lon) = position.lon_rad.sin_cos();
    [
        DVec3::new(-sin_lon, cos_lon, 0.0),
        DVec3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
        DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
    ]
}

/// ECEF position of the point with unit normal `normal` at a height above the ellipsoid.
pub(crate) fn ecef_from_normal(normal: DVec3, height_m: f64) -> DVec3 {
    let n = prime_vertical_radius(normal.z);
    DVec3::new(
        (n + height_m) * normal.x,
        (n + height_m) * normal.y,
        (n * (1.0 - ECCENTRICITY_SQUARED) + height_m) * normal.z,
    )
}

/// Radius of curvature in the prime vertical where the normal's z is `sin_lat`, metres.
pub(crate) fn prime_vertical_radius(sin_lat: f64) -> f64 {
    SEMI_MAJOR_AXIS_M / (1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat).sqrt()
}

/// Longitude of a point and its (distance from the axis, z), metres.
pub(crate) fn longitude_and_meridian(point: DVec3) -> (f64, DVec2) {
    let rho = point.x.hypot(point.y);
    let lon = if rho < AXIS_RADIUS_M { 0.0 } else { point.y.atan2(point.x) };
    (lon, DVec2::new(rho, point.z))
}

/// Geodetic latitude and height of a point (distance from the axis ≥ 0, z) of a meridian half-plane.
pub(crate) fn geodetic_in_meridian(point: DVec2) -> (f64, f64) {
    let (rho, z) = (point.x, point.y);
    let normal = if point.length_squared() < DEEP_RADIUS_M * DEEP_RADIUS_M {
        deep_normal(rho, z)
    } else {
        bowring_normal(rho, z)
    };
    let lat = normal.y.atan2(normal.x);
    let root = (1.0 - ECCENTRICITY_SQUARED * normal.y * normal.y).sqrt();
    (lat, rho * normal.x + z * normal.y - SEMI_MAJOR_AXIS_M * root)
}

/// Bowring's iteration on the reduced latitude (Survey Review 23, 1976), repeated until it stands still; beyond
/// 1,000 km from the centre three rounds suffice.
fn bowring_normal(rho: f64, z: f64) -> DVec2 {
    let second_eccentricity_squared = ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED);
    let mut reduced = DVec2::new(rho * (1.0 - FLATTENING), z).normalize_or(DVec2::Y);
    let mut normal = reduced;
    for _ in 0..8 {
        let next = DVec2::new(
            rho - ECCENTRICITY_SQUARED * SEMI_MAJOR_AXIS_M * reduced.x.powi(3),
            z + second_eccentricity_squared * SEMI_MINOR_AXIS_M * reduced.y.powi(3),
        )
        .normalize_or(normal);
        let change = (next - normal).length_squared();
        normal = next;
        reduced = DVec2::new(normal.x, normal.y * (1.0 - FLATTENING)).normalize_or(reduced);
        // Each round shrinks the error at least 100-fold, so the next would change nothing.
        if change < 1e-28 {
            break;
        }
    }
    normal
}

/// Normal at the nearest point of the ellipse, for points near the centre, where Bowring's iteration may wander.
///
/// The nearest point is (a²ρ/(t+a²), b²z/(t+b²)) for the largest root t of (aρ/(t+a²))² + (bz/(t+b²))² = 1, which
/// Newton's method reaches from below because the left side falls and is convex there. Works in units of b.
fn deep_normal(rho: f64, z: f64) -> DVec2 {
    let a = SEMI_MAJOR_AXIS_M / SEMI_MINOR_AXIS_M;
    let a2 = a * a;
    let (x, y) = (rho / SEMI_MINOR_AXIS_M, z.abs() / SEMI_MINOR_AXIS_M);
    let side = if z < 0.0 { -1.0 } else { 1.0 };
    // t = −1 + s. On the equatorial plane inside the evolute s is 0 and the nearest point lies off the plane.
    let foot_on_focal_line = a2 * x / (a2 - 1.0);
    if y < 1e-15 && foot_on_focal_line < a {
        let foot_y = (1.0 - (foot_on_focal_line / a).powi(2)).max(0.0).sqrt();
        return DVec2::new(foot_on_focal_line / a2, foot_y * side).normalize_or(DVec2::Y);
    }
    let mut s = y.max(a * x - (a2 - 1.0));
    for _ in 0..128 {
        let (p, q) = (a * x / (s + a2 - 1.0), y / s);
        let slope = -2.0 * (p * p / (s + a2 - 1.0) + q * q / s);
        let step = (p * p + q * q - 1.0) / slope;
        if !step.is_finite() || step >= 0.0 {
            break;
        }
        s -= step;
        if -step < 1e-16 * s {
            break;
        }
    }
    DVec2::new(x / (s + a2 - 1.0), y / s * side).normalize_or(DVec2::Y)
}
