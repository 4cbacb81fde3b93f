//! The plan in which terrain is meshed: metres east and north of a place on Earth.

use geodesy::{
    Geodetic, ecef_from_enu, ecef_from_geodetic,
    ellipsoid::{ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M},
};
use glam::{DMat4, DVec2, DVec3};
use terrain::PlanRect;

use crate::raster::GeoTransform;

/// An equirectangular map with its true scale at a place: longitude and latitude times constant lengths. It is
/// continuous over a county, needs no other system, and its distortion (0.2 % of lengths 25 km north of the place) is of
/// no consequence to meshes whose corners are placed one by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalPlan {
    lon_rad: f64,
    lat_rad: f64,
    /// Metres per radian of longitude and latitude.
    scale: DVec2,
}

/// Mean radius of the Earth, for how far it curves away, metres.
pub const EARTH_RADIUS_M: f64 = 6_371_000.0;

impl LocalPlan {
    /// The plan around a place, degrees; `None` within a degree of a pole, or where there is no such place.
    pub fn at(lon_deg: f64, lat_deg: f64) -> Option<Self> {
        if !lon_deg.is_finite() || lon_deg.abs() > 360.0 || lat_deg.is_nan() || lat_deg.abs() > 89.0 {
            return None;
        }
        let (lon_rad, lat_rad) = (lon_deg.to_radians(), lat_deg.to_radians());
        let root = (1.0 - ECCENTRICITY_SQUARED * lat_rad.sin().powi(2)).sqrt();
        let prime_vertical = SEMI_MAJOR_AXIS_M / root;
        let meridian = SEMI_MAJOR_AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / root.powi(3);
        Some(Self { lon_rad, lat_rad, scale: DVec2::new(prime_vertical * lat_rad.cos(), meridian) })
    }
    /// Plan position of a longitude and latitude, degrees.
    pub fn plan_from_degrees(&self, lon_deg: f64, lat_deg: f64) -> DVec2 {
        DVec2::new(lon_deg.to_radians() - self.lon_rad, lat_deg.to_radians() - self.lat_rad) * self.scale
    }
    /// Longitude and latitude of a plan position, degrees.
    pub fn degrees_from_plan(&self, place: DVec2) -> [f64; 2] {
        let place = place / self.scale;
        [(place.x + self.lon_rad).to_degrees(), (place.y + self.lat_rad).to_degrees()]
    }
    /// What holds an area of longitudes and latitudes: west, south, east, north, degrees.
    pub fn area_of_degrees(&self, [west, south, east, north]: [f64; 4]) -> PlanRect {
        PlanRect { low: self.plan_from_degrees(west, south), high: self.plan_from_degrees(east, north) }
    }
    /// Where the pixels of a raster over longitude and latitude lie whose cells are squares of the plan, over an area
    /// that begins at its north-west corner.
    pub fn raster_transform(&self, area: PlanRect, cell_m: f64) -> GeoTransform {
        let [west, north] = self.degrees_from_plan(DVec2::new(area.low.x, area.high.y));
        let step = (DVec2::splat(cell_m) / self.scale).map(f64::to_degrees);
        GeoTransform { origin: [west, north], column: [step.x, 0.0], row: [0.0, -step.y] }
    }
    /// `ecef_from_enu` of the plan's origin at height 0: the frame of the tileset.
    pub fn frame(&self) -> DMat4 {
        let origin = Geodetic { lon_rad: self.lon_rad, lat_rad: self.lat_rad, height_m: 0.0 };
        ecef_from_enu(ecef_from_geodetic(origin))
    }
    /// Position in ECEF of a plan position at a height above the ellipsoid.
    pub fn ecef_from_plan(&self, position: DVec3) -> DVec3 {
        let place = position.truncate() / self.scale;
        ecef_from_geodetic(Geodetic {
            lon_rad: place.x + self.lon_rad,
            lat_rad: place.y + self.lat_rad,
            height_m: position.z,
        })
    }
}
