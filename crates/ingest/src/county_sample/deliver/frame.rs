//! Where the made-up county lies on the map, and text of positions.

use geodesy::{
    crs::{Crs, Projector},
    gcj02::gcj02_from_wgs84,
};
use glam::{DVec2, Vec2};

use crate::county_sample::CountySampleError;

/// CGCS2000, three-degree Gauss–Krüger around 120° E, without zone number in the easting.
pub(super) const EPSG: u16 = 4549;
/// What the zone number (40) adds to an easting, metres.
const ZONE_M: f64 = 40_000_000.0;
/// The county's south-western corner in [`EPSG`].
const SOUTH_WEST: DVec2 = DVec2::new(421_000.0, 3_006_000.0);

/// From the county's frame to others.
#[derive(Debug)]
pub(in crate::county_sample) struct Frame {
    projector: Projector,
}

impl Frame {
    pub(in crate::county_sample) fn open() -> Result<Self, CountySampleError> {
        Ok(Self { projector: Crs::parse(&format!("EPSG:{EPSG}"))?.projector()? })
    }

    /// Longitude and latitude, degrees.
    ///
    /// # Errors
    /// None for a county of any size that makes sense; PROJ's own.
    pub(super) fn lon_lat(&self, p: DVec2) -> Result<DVec2, CountySampleError> {
        let map = map(p);
        let [lon, lat] = self.projector.lon_lat_rad([map.x, map.y])?;
        Ok(DVec2::new(lon.to_degrees(), lat.to_degrees()))
    }

    /// Longitude and latitude in the shifted datum of consumer maps, degrees.
    pub(super) fn gcj02(&self, p: DVec2) -> Result<DVec2, CountySampleError> {
        Ok(DVec2::from(gcj02_from_wgs84(self.lon_lat(p)?.to_array())))
    }

    /// `[lon,lat]` as GeoJSON writes it: 1e-8 degrees are a millimetre.
    pub(super) fn json_point(&self, p: DVec2) -> Result<String, CountySampleError> {
        let at = self.lon_lat(p)?;
        Ok(format!("[{:.8},{:.8}]", at.x, at.y))
    }

    /// A list of positions as GeoJSON writes it; rings are closed.
    pub(super) fn json_line(&self, line: &[DVec2], is_ring: bool) -> Result<String, CountySampleError> {
        let points: Vec<String> = line
            .iter()
            .chain(line.first().filter(|_| is_ring))
            .map(|p| self.json_point(*p))
            .collect::<Result<_, _>>()?;
        Ok(format!("[{}]", points.join(",")))
    }
}

/// Easting and northing in [`EPSG`] of a position in the county's frame.
pub(super) fn map(p: DVec2) -> DVec2 {
    SOUTH_WEST + p
}

/// Easting with the zone number and northing (EPSG:4528), as many footprints are delivered.
pub(super) fn zoned(p: DVec2) -> DVec2 {
    map(p) + DVec2::X * ZONE_M
}

/// From a site's frame to the county's.
pub(in crate::county_sample) fn to_county(south_west: DVec2, at: Vec2) -> DVec2 {
    south_west + at.as_dvec2()
}
