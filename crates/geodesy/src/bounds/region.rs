//! Geographic regions.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use glam::{DVec2, DVec3};

use crate::ellipsoid::{
    ECCENTRICITY_SQUARED, Geodetic, SEMI_MAJOR_AXIS_M, ecef_from_geodetic, enu_axes_in_ecef,
    geodetic_in_meridian, longitude_and_meridian, prime_vertical_radius,
};
use crate::{Obb, Sphere};

use super::child_span;

/// Inside this distance from the Earth's centre a point may have several nearest points on the ellipsoid, metres.
const EVOLUTE_RADIUS_M: f64 = 50_000.0;

/// A geographic region on WGS 84: radians and metres above the ellipsoid; `west > east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Western longitude, radians.
    pub west: f64,
    /// Southern latitude, radians.
    pub south: f64,
    /// Eastern longitude, radians.
    pub east: f64,
    /// Northern latitude, radians.
    pub north: f64,
    /// Lower height, metres above the ellipsoid.
    pub min_height_m: f64,
    /// Upper height, metres above the ellipsoid.
    pub max_height_m: f64,
}

impl Region {
    /// Extent in longitude, radians, in [0, 2π].
    pub fn width_rad(&self) -> f64 {
        let width = self.east - self.west;
        if width < 0.0 { width + TAU } else { width.min(TAU) }
    }
    /// The middle of longitudes, latitudes and heights.
    pub fn center(&self) -> Geodetic {
        Geodetic {
            lon_rad: wrap_longitude(self.west + self.width_rad() * 0.5),
            lat_rad: (self.south + self.north) * 0.5,
            height_m: (self.min_height_m + self.max_height_m) * 0.5,
        }
    }
    /// Whether a geodetic position lies inside (boundary included).
    pub fn contains_geodetic(&self, position: Geodetic) -> bool {
        let at_pole = FRAC_PI_2 - position.lat_rad.abs() < 1e-15;
        (at_pole || self.angle_to_longitudes(position.lon_rad) == 0.0)
            && (self.south..=self.north).contains(&position.lat_rad)
            && (self.min_height_m..=self.max_height_m).contains(&position.height_m)
    }
    /// Squared distance in metres² from a point in ECEF, 0 inside. Exact to rounding.
    pub fn distance_squared(&self, point_in_ecef: DVec3) -> f64 {
        // The region is swept about the axis, so the nearest point lies in the meridian of the point itself or, if
        // the region does not reach that, in the nearer of its two end meridians.
        let (lon, in_own_meridian) = longitude_and_meridian(point_in_ecef);
        let away = self.angle_to_longitudes(lon);
        if away == 0.0 {
            return self.profile_distance_squared(in_own_meridian);
        }
        let (sin_away, cos_away) = away.sin_cos();
        let beside = in_own_meridian.x * sin_away;
        let in_meridian = DVec2::new(in_own_meridian.x * cos_away, in_own_meridian.y);
        beside * beside + self.profile_distance_squared(in_meridian)
    }
    /// The smallest box around the region along east, north and up at its centre; for regions wider than 180° along
    /// the Earth's axis instead where that is smaller. Tight for any size.
    pub fn bounding_box(&self) -> Obb {
        let center = self.center();
        let along = |axes: [DVec3; 3]| {
            Obb::from_extents(axes, axes.map(|axis| (-self.support(-axis), self.support(axis))))
        };
        let local = along(enu_axes_in_ecef(center));
        if self.width_rad() <= PI {
            return local;
        }
        let axial =
            along(enu_axes_in_ecef(Geodetic { lon_rad: center.lon_rad, lat_rad: 0.0, height_m: 0.0 }));
        let volume = |obb: &Obb| obb.half_axes.iter().map(|half_axis| half_axis.length()).product::<f64>();
        if volume(&axial) < volume(&local) { axial } else { local }
    }
    /// The region of a tile at `(level, x, y, z)` of an implicit quadtree (`z` = `None`) or octree whose root has
    /// this region: x counts eastwards, y northwards, z upwards (specification §"Implicit tiling"). `None` outside
    /// the level. Neighbours share their border exactly.
    pub fn subdivided(&self, level: u32, x: u32, y: u32, z: Option<u32>) -> Option<Self> {
        let lons = child_span(level, x)?;
        let lats = child_span(level, y)?;
        let heights = match z {
            Some(z) => child_span(level, z)?,
            None => (0.0, 1.0),
        };
        let width = self.width_rad();
        let lon = |at: f64| match at {
            0.0 => self.west,
            1.0 => self.east,
            _ => wrap_longitude(self.west + width * at),
        };
        let between = |low: f64, high: f64, at: f64| if at == 1.0 { high } else { low + (high - low) * at };
        Some(Self {
            west: lon(lons.0),
            south: between(self.south, self.north, lats.0),
            east: lon(lons.1),
            north: between(self.south, self.north, lats.1),
            min_height_m: between(self.min_height_m, self.max_height_m, heights.0),
            max_height_m: between(self.min_height_m, self.max_height_m, heights.1),
        })
    }
    /// A sphere around the region, whose tight box is `obb`: around the box, or around the whole Earth if smaller.
    pub(crate) fn bounding_sphere(&self, obb: &Obb) -> Sphere {
        let local = obb.bounding_sphere();
        let earth = Sphere { center: DVec3::ZERO, radius: (SEMI_MAJOR_AXIS_M + self.max_height_m).max(0.0) };
        if local.radius <= earth.radius { local } else { earth }
    }

    /// Angle from a longitude to the nearest one of the region, radians, in [0, π].
    fn angle_to_longitudes(&self, lon: f64) -> f64 {
        let width = self.width_rad();
        let past_west = (lon - self.west).rem_euclid(TAU);
        if past_west <= width || TAU - past_west < 1e-15 {
            return 0.0;
        }
        (past_west - width).min(TAU - past_west)
    }
    /// Squared distance in a meridian plane (x away from the axis, negative beyond it; y north) to the section.
    fn profile_distance_squared(&self, point: DVec2) -> f64 {
        if point.length_squared() < EVOLUTE_RADIUS_M * EVOLUTE_RADIUS_M {
            return self.deep_profile_distance_squared(point);
        }
        // Beyond an end latitude the nearest point lies on the straight side there.
        if point.x < 0.0 {
            let south = self.side_distance_squared(self.south, point);
            return south.min(self.side_distance_squared(self.north, point));
        }
        let (lat, height) = geodetic_in_meridian(point);
        if lat < self.south {
            self.side_distance_squared(self.south, point)
        } else if lat > self.north {
            self.side_distance_squared(self.north, point)
        } else {
            let outside = (self.min_height_m - height).max(height - self.max_height_m).max(0.0);
            outside * outside
        }
    }
    /// Near the centre the distance may have two minima along the meridian: scans, then refines by golden section.
    fn deep_profile_distance_squared(&self, point: DVec2) -> f64 {
        const STEPS: u32 = 32;
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let step = (self.north - self.south) / f64::from(STEPS);
        let at = |lat: f64| self.side_distance_squared(lat, point);
        let (best_lat, mut nearest) = (0..=STEPS)
            .map(|index| self.south + step * f64::from(index))
            .map(|lat| (lat, at(lat)))
            .fold((self.south, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best });
        let (mut low, mut high) = ((best_lat - step).max(self.south), (best_lat + step).min(self.north));
        for _ in 0..40 {
            let (left, right) = (high - (high - low) * GOLDEN, low + (high - low) * GOLDEN);
            let (at_left, at_right) = (at(left), at(right));
            nearest = nearest.min(at_left).min(at_right);
            if at_left < at_right { high = right } else { low = left }
        }
        nearest
    }
    fn side_distance_squared(&self, lat: f64, point: DVec2) -> f64 {
        let (sin, cos) = lat.sin_cos();
        let normal = DVec2::new(cos, sin);
        let radius = prime_vertical_radius(sin);
        let foot = DVec2::new(radius * cos, radius * (1.0 - ECCENTRICITY_SQUARED) * sin);
        // Not `clamp`, which panics on heights in the wrong order.
        let height = (point - foot).dot(normal).min(self.max_height_m).max(self.min_height_m);
        (point - foot - normal * height).length_squared()
    }
    /// Largest `direction · p` over the region.
    ///
    /// Along a parallel the extreme is where the longitude is nearest to the direction's. Along a meridian
    /// `direction · p` rises up to the latitude whose normal points that way and falls beyond it, whichever height
    /// is best, so that latitude and the two ends are the only candidates.
    fn support(&self, direction: DVec3) -> f64 {
        let across = direction.x.hypot(direction.y);
        let away = if across > 0.0 { self.angle_to_longitudes(direction.y.atan2(direction.x)) } else { 0.0 };
        let in_meridian = DVec2::new(across * away.cos(), direction.z);
        let at = |lat: f64, height_m: f64| {
            let point = ecef_from_geodetic(Geodetic { lon_rad: 0.0, lat_rad: lat, height_m });
            DVec2::new(point.x, point.z).dot(in_meridian)
        };
        let best = in_meridian.y.atan2(in_meridian.x);
        let best = if (self.south..=self.north).contains(&best) { best } else { self.south };
        [self.south, self.north, best]
            .into_iter()
            .flat_map(|lat| [at(lat, self.min_height_m), at(lat, self.max_height_m)])
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A longitude in (−π, π].
fn wrap_longitude(lon: f64) -> f64 {
    if lon > PI {
        lon - TAU
    } else if lon <= -PI {
        lon + TAU
    } else {
        lon
    }
}
