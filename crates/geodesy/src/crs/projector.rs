//! Positions in WGS 84 from positions in a system.

use std::cell::OnceCell;

use glam::{DMat4, DVec3};

use super::{Crs, CrsError, CrsKind, HeightDatum, definition::shortened};
use crate::{Geodetic, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef};

/// Converts positions of a system. Bound to its thread; make one for each.
#[derive(Debug)]
pub struct Projector {
    name: String,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Tangent(DMat4),
    Geocentric,
    Proj {
        to_wgs84: Box<proj::Proj>,
        /// Opened when it is needed: each costs some 30 ms.
        from_wgs84: OnceCell<Box<proj::Proj>>,
        definition: String,
    },
}

/// Runs what makes a PROJ object. The binding panics where PROJ fails without a reason: that is an error like any other.
pub(super) fn guarded(
    name: &str,
    make: impl FnOnce() -> Result<proj::Proj, proj::ProjCreateError>,
) -> Result<proj::Proj, CrsError> {
    let reason = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(make)) {
        Ok(Ok(made)) => return Ok(made),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "PROJ gives no reason".to_owned(),
    };
    Err(CrsError::NotUnderstood { text: shortened(name), reason })
}

/// A transformation from one system to another.
fn between(name: &str, from: &str, to: &str) -> Result<Box<proj::Proj>, CrsError> {
    guarded(name, || proj::Proj::new_known_crs(from, to, None)).map(Box::new)
}

/// Longitude and latitude, radians, of a position in a system that PROJ knows under a label.
pub(super) fn lon_lat_rad_by_label(label: &str, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
    let (lon, lat): (f64, f64) = between(label, label, WGS84).ok()?.convert((x, y)).ok()?;
    (lon.is_finite() && lat.is_finite()).then(|| [lon.to_radians(), lat.to_radians()])
}

/// Longitude and latitude in degrees.
const WGS84: &str = "EPSG:4326";

impl Projector {
    pub(super) fn open(crs: &Crs) -> Result<Self, CrsError> {
        let inner = match crs.kind() {
            CrsKind::TangentPlane(origin) => Inner::Tangent(ecef_from_enu(ecef_from_geodetic(origin))),
            CrsKind::Geocentric => Inner::Geocentric,
            CrsKind::Projected | CrsKind::Geographic => {
                let to_wgs84 = between(crs.name(), crs.definition(), WGS84)?;
                let definition = crs.definition().to_owned();
                Inner::Proj { to_wgs84, from_wgs84: OnceCell::new(), definition }
            }
        };
        Ok(Self { name: crs.name().to_owned(), inner })
    }

    /// Whether a transformation from the datum of the system to WGS 84 is known where the last position was converted.
    pub fn knows_datum(&self) -> bool {
        match &self.inner {
            // PROJ's word for "the datums were taken to be the same".
            Inner::Proj { to_wgs84, .. } => {
                !to_wgs84.proj_info().description.is_some_and(|text| text.contains("Ballpark"))
            }
            _ => true,
        }
    }

    /// Longitude and latitude, radians, of an easting and northing.
    ///
    /// # Errors
    /// A position outside what the system covers.
    pub fn lon_lat_rad(&self, [x, y]: [f64; 2]) -> Result<[f64; 2], CrsError> {
        let outside = |reason: String| CrsError::Outside { x, y, crs: self.name.clone(), reason };
        match &self.inner {
            Inner::Tangent(matrix) => {
                let place = geodetic_from_ecef(matrix.transform_point3(DVec3::new(x, y, 0.0)));
                Ok([place.lon_rad, place.lat_rad])
            }
            Inner::Geocentric => Err(outside("X and Y alone are no place".to_owned())),
            Inner::Proj { to_wgs84, .. } => {
                let (lon, lat): (f64, f64) =
                    to_wgs84.convert((x, y)).map_err(|error| outside(error.to_string()))?;
                if !(lon.is_finite() && (-90.0..=90.0).contains(&lat)) {
                    return Err(outside(format!("it comes out at {lon}, {lat}")));
                }
                Ok([lon.to_radians(), lat.to_radians()])
            }
        }
    }

    /// ECEF position of a position in the system, whose third coordinate is a height over `heights`.
    ///
    /// In a tangent plane and in geocentric systems the third coordinate is what it is: only an offset applies.
    ///
    /// # Errors
    /// A position outside what the system or the geoid grid covers.
    pub fn ecef(&self, position: DVec3, heights: &HeightDatum) -> Result<DVec3, CrsError> {
        match &self.inner {
            Inner::Tangent(matrix) => {
                let ecef = matrix.transform_point3(position);
                self.lifted(ecef, heights)
            }
            Inner::Geocentric => self.lifted(position, heights),
            Inner::Proj { .. } => {
                let [lon_rad, lat_rad] = self.lon_lat_rad([position.x, position.y])?;
                let height_m = position.z + heights.separation_m(lon_rad, lat_rad)?;
                Ok(ecef_from_geodetic(Geodetic { lon_rad, lat_rad, height_m }))
            }
        }
    }

    /// Position in the system of an ECEF one; the inverse of [`Projector::ecef`].
    ///
    /// # Errors
    /// A position outside what the system or the geoid grid covers.
    pub fn from_ecef(&self, ecef: DVec3, heights: &HeightDatum) -> Result<DVec3, CrsError> {
        let place = geodetic_from_ecef(ecef);
        let separation_m = heights.separation_m(place.lon_rad, place.lat_rad)?;
        match &self.inner {
            Inner::Tangent(matrix) => {
                let lowered = ecef - place.up_in_ecef() * separation_m;
                Ok(matrix.inverse().transform_point3(lowered))
            }
            Inner::Geocentric => Ok(ecef - place.up_in_ecef() * separation_m),
            Inner::Proj { from_wgs84, definition, .. } => {
                let from_wgs84 = match from_wgs84.get() {
                    Some(known) => known,
                    None => {
                        let made = between(&self.name, WGS84, definition)?;
                        from_wgs84.get_or_init(|| made)
                    }
                };
                let (lon, lat) = (place.lon_rad.to_degrees(), place.lat_rad.to_degrees());
                let (x, y): (f64, f64) = from_wgs84.convert((lon, lat)).map_err(|error| {
                    CrsError::Outside { x: lon, y: lat, crs: self.name.clone(), reason: error.to_string() }
                })?;
                Ok(DVec3::new(x, y, place.height_m - separation_m))
            }
        }
    }

    fn lifted(&self, ecef: DVec3, heights: &HeightDatum) -> Result<DVec3, CrsError> {
        if *heights == HeightDatum::Ellipsoidal {
            return Ok(ecef);
        }
        let place = geodetic_from_ecef(ecef);
        Ok(ecef + place.up_in_ecef() * heights.separation_m(place.lon_rad, place.lat_rad)?)
    }
}
