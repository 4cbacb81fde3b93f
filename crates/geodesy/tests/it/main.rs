//! Geodesy against outside values and brute force.

#![allow(
    clippy::unwrap_used,
    clippy::approx_constant,
    reason = "tests; values as other programs printed them"
)]

mod bounds;
mod camera;
mod crs;
mod ellipsoid;
mod frustum;
mod region;
mod s2;

use geodesy::glam::DVec3;

/// Whether two vectors agree to within a distance.
fn close(a: DVec3, b: DVec3, tolerance: f64) -> bool {
    a.distance(b) <= tolerance
}
