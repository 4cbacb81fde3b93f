//! Where clouds and rasters stand: coordinate system, what heights are measured from, and what was decided about both.

mod map;

use std::path::{Path, PathBuf};

use geodesy::{
    Geodetic,
    crs::{Crs, CrsError, CrsKind, HeightDatum, Projector},
    ecef_from_geodetic, geodetic_from_ecef,
};
use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::raster::geo_keys::{GeoKeys, ModelType};
pub use map::PlaceMap;

/// What is said about a place, by people.
#[derive(Clone, Debug, Default)]
pub struct PlaceRequest {
    /// Coordinate system, instead of what the files say: see [`Crs::parse`].
    pub crs: Option<String>,
    /// Coordinate system of files that name none: the county's.
    pub fallback_crs: Option<String>,
    /// What heights are measured from.
    pub heights: Option<HeightDatum>,
    /// How to name `heights` in reports.
    pub heights_name: Option<String>,
}

/// What a file says about its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatedPlace {
    /// Coordinate system: WKT or a code.
    pub crs: Option<String>,
    /// What the file calls a system that it does not describe in a way that is read.
    pub citation: Option<String>,
    /// Length of the unit of heights, metres, where it is said.
    pub height_unit_m: Option<f64>,
}

/// How something was placed, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// Name of the coordinate system.
    pub crs: String,
    /// What PROJ was given.
    pub definition: String,
    /// What heights are measured from, in words.
    pub heights: String,
    /// Length of the unit of heights, metres.
    pub height_unit_m: f64,
    /// Added to eastings: a zone number that was missing or too many.
    pub easting_shift: f64,
    /// What was noticed and decided.
    pub notes: Vec<String>,
}

/// A coordinate system with its heights, ready to be used.
#[derive(Clone, Debug)]
pub struct Reference {
    crs: Crs,
    heights: HeightDatum,
    /// How it was decided.
    pub placed: Placed,
}

/// Why something has no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The coordinate system cannot be used.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// Nobody says where it lies.
    #[error("nothing says in which coordinate system {path} lies{}: give one with --crs (an EPSG code, WKT, a .prj file)",
        citation.as_ref().map(|c| format!(" (it calls it {c:?})")).unwrap_or_default())]
    NoCrs {
        /// The file.
        path: PathBuf,
        /// What it calls its system.
        citation: Option<String>,
    },
    /// Nobody says what heights are measured from.
    #[error(
        "what the heights of {path} ({crs}) are measured from must be said with --height: ellipsoidal, egm96, grid:FILE \
         or offset:METRES; a wrong guess sinks the ground or lets it float by tens of metres"
    )]
    NoHeightDatum {
        /// The file.
        path: PathBuf,
        /// Its system.
        crs: String,
    },
    /// It would lie off the coast of Africa.
    #[error("{path} would lie at {lon_deg:.4}°, {lat_deg:.4}°: the coordinate system is wrong")]
    NullIsland {
        /// The file.
        path: PathBuf,
        /// Longitude.
        lon_deg: f64,
        /// Latitude.
        lat_deg: f64,
    },
}

/// Nothing is surveyed this close to 0°, 0°.
const NULL_ISLAND_DEG: f64 = 0.05;

impl StatedPlace {
    /// What GeoKeys say.
    pub fn of_keys(keys: &GeoKeys) -> Self {
        let crs = match keys.model_type() {
            Some(ModelType::Geocentric) => None,
            _ => keys.horizontal_epsg().map(|code| format!("EPSG:{code}")),
        };
        Self { crs, citation: keys.citation().map(str::to_owned), height_unit_m: keys.vertical_unit_m() }
    }

    /// What a WKT says.
    pub fn of_wkt(wkt: &str) -> Self {
        let wkt = wkt.trim_matches(['\0', ' ', '\n', '\r']);
        Self {
            crs: (!wkt.is_empty()).then(|| wkt.to_owned()),
            citation: None,
            height_unit_m: vertical_unit_m(wkt),
        }
    }
}

impl Reference {
    /// Decides where something stands that lies around `middle`, in the coordinates of its file. `needs_heights`: it
    /// has heights, so what they are measured from must be known.
    ///
    /// # Errors
    /// What has no coordinate system or no height datum, and what contradicts its system.
    pub fn decide(
        path: &Path,
        stated: &StatedPlace,
        request: &PlaceRequest,
        middle: [f64; 2],
        needs_heights: bool,
    ) -> Result<Self, PlaceError> {
        let mut notes = Vec::new();
        if let (Some(given), Some(stated)) = (&request.crs, &stated.crs)
            && given.trim() != stated.trim()
        {
            notes.push("the coordinate system that was given is used, not that of the file".to_owned());
        }
        let chosen = request.crs.as_ref().or(stated.crs.as_ref());
        if chosen.is_none() && request.fallback_crs.is_some() {
            notes.push("the file names no coordinate system: the county's is used".to_owned());
        }
        let Some(text) = chosen.or(request.fallback_crs.as_ref()) else {
            return Err(PlaceError::NoCrs { path: path.to_owned(), citation: stated.citation.clone() });
        };
        let crs = Crs::parse(text)?;
        let projector = crs.projector()?;
        let (checked, crs_notes) = crs.check_origin_with(&projector, middle)?;
        notes.extend(crs_notes.iter().map(ToString::to_string));
        let heights = match (&request.heights, crs.kind()) {
            (Some(heights), _) => heights.clone(),
            (None, CrsKind::TangentPlane(_) | CrsKind::Geocentric) => HeightDatum::Ellipsoidal,
            (None, _) if !needs_heights => HeightDatum::Ellipsoidal,
            (None, _) => {
                return Err(PlaceError::NoHeightDatum { path: path.to_owned(), crs: crs.name().to_owned() });
            }
        };
        let heights_name = request.heights_name.clone().unwrap_or_else(|| match &heights {
            HeightDatum::Ellipsoidal => "the WGS 84 ellipsoid".to_owned(),
            HeightDatum::Offset(metres) => format!("a surface {metres} m above the ellipsoid"),
            HeightDatum::Geoid(grid) => format!("the geoid of {}", grid.name()),
        });
        let height_unit_m = stated.height_unit_m.unwrap_or(1.0);
        if needs_heights && height_unit_m != 1.0 {
            notes.push(format!("heights are in units of {height_unit_m:.6} m: converted"));
        }
        let placed = Placed {
            crs: crs.name().to_owned(),
            definition: crs.definition().to_owned(),
            heights: heights_name,
            height_unit_m,
            easting_shift: checked[0] - middle[0],
            notes,
        };
        let reference = Self { crs, heights, placed };
        if !matches!(reference.crs.kind(), CrsKind::Geocentric) {
            let [lon_deg, lat_deg] = reference.degrees(&projector, middle)?;
            if lon_deg.abs() < NULL_ISLAND_DEG && lat_deg.abs() < NULL_ISLAND_DEG {
                return Err(PlaceError::NullIsland { path: path.to_owned(), lon_deg, lat_deg });
            }
        }
        Ok(reference)
    }

    /// A reference that was decided before; heights are ellipsoidal metres.
    ///
    /// # Errors
    /// A definition that PROJ does not understand.
    pub fn of_placed(placed: &Placed) -> Result<Self, CrsError> {
        Ok(Self {
            crs: Crs::parse(&placed.definition)?,
            heights: HeightDatum::Ellipsoidal,
            placed: placed.clone(),
        })
    }

    /// The coordinate system.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// What heights are measured from.
    pub fn heights(&self) -> &HeightDatum {
        &self.heights
    }

    /// Whether coordinates are degrees.
    pub fn is_geographic(&self) -> bool {
        self.crs.kind() == CrsKind::Geographic
    }

    /// Longitude and latitude in degrees of coordinates of the file.
    ///
    /// # Errors
    /// Coordinates outside what the system covers.
    pub fn degrees(&self, projector: &Projector, [x, y]: [f64; 2]) -> Result<[f64; 2], CrsError> {
        projector.lon_lat_rad([x + self.placed.easting_shift, y]).map(|place| place.map(f64::to_degrees))
    }

    /// Earth-centred position of a point of the file; NaN where it has none.
    pub fn ecef(&self, projector: &Projector, [x, y, z]: [f64; 3]) -> DVec3 {
        let position = DVec3::new(x + self.placed.easting_shift, y, z * self.placed.height_unit_m);
        projector.ecef(position, &self.heights).unwrap_or(DVec3::NAN)
    }

    /// Longitude and latitude in degrees, height in metres above the ellipsoid, of a point of the file; NaN where it
    /// has none.
    pub fn geodetic_deg_m(&self, projector: &Projector, point: [f64; 3]) -> [f64; 3] {
        let ecef = self.ecef(projector, point);
        if !ecef.is_finite() {
            return [f64::NAN; 3];
        }
        let place = geodetic_from_ecef(ecef);
        [place.lon_rad.to_degrees(), place.lat_rad.to_degrees(), place.height_m]
    }

    /// Coordinates of the file of a longitude and latitude in degrees; NaN where there are none.
    pub fn coordinates(&self, projector: &Projector, [lon_deg, lat_deg]: [f64; 2]) -> [f64; 2] {
        let ecef = ecef_from_geodetic(Geodetic::from_degrees(lon_deg, lat_deg, 0.0));
        projector
            .from_ecef(ecef, &HeightDatum::Ellipsoidal)
            .map_or([f64::NAN; 2], |found| [found.x - self.placed.easting_shift, found.y])
    }

    /// Height above the ellipsoid, metres, of a height of the file at a longitude and latitude in degrees; NaN where
    /// the geoid is not known.
    pub fn ellipsoidal_m(&self, [lon_deg, lat_deg]: [f64; 2], height: f64) -> f64 {
        self.heights
            .separation_m(lon_deg.to_radians(), lat_deg.to_radians())
            .map_or(f64::NAN, |separation| height * self.placed.height_unit_m + separation)
    }
}

/// West, south, east, north in degrees of an area of the file, by the places along its border.
///
/// # Errors
/// An area of which no place has a longitude and latitude.
pub fn region_deg(
    reference: &Reference,
    projector: &Projector,
    [low, high]: [[f64; 2]; 2],
) -> Result<[f64; 4], CrsError> {
    const STEPS: u32 = 16;
    let mut region: Option<[f64; 4]> = None;
    let mut failed = None;
    for k in 0..=STEPS {
        let part = f64::from(k) / f64::from(STEPS);
        let (x, y) = (low[0] + (high[0] - low[0]) * part, low[1] + (high[1] - low[1]) * part);
        for place in [[x, low[1]], [x, high[1]], [low[0], y], [high[0], y]] {
            match reference.degrees(projector, place) {
                Ok([lon, lat]) => {
                    let [w, s, e, n] = region.unwrap_or([lon, lat, lon, lat]);
                    region = Some([w.min(lon), s.min(lat), e.max(lon), n.max(lat)]);
                }
                Err(error) => failed = Some(error),
            }
        }
    }
    match (region, failed) {
        (Some(region), _) => Ok(region),
        (None, Some(error)) => Err(error),
        (None, None) => Err(CrsError::Inconsistent("an area without a border".to_owned())),
    }
}

/// Length of the unit of the vertical part of a WKT, metres.
fn vertical_unit_m(wkt: &str) -> Option<f64> {
    let upper = wkt.to_ascii_uppercase();
    let at = ["VERT_CS", "VERTCRS", "VERTICALCRS"].iter().find_map(|word| upper.find(word))?;
    let rest = upper.get(at..)?;
    let unit = rest.rfind("UNIT")?;
    let mut parts = rest.get(unit..)?.split(',');
    let number: String =
        parts.nth(1)?.trim().chars().take_while(|c| c.is_ascii_digit() || ".E+-".contains(*c)).collect();
    number.parse().ok().filter(|metres: &f64| *metres > 1e-6 && *metres < 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_heights_is_that_of_the_vertical_part() {
        let wkt = "COMPD_CS[\"a\",PROJCS[\"b\",UNIT[\"foot\",0.3048]],VERT_CS[\"NAVD88\",VERT_DATUM[\"x\",2005],UNIT[\"US survey foot\",0.304800609601219],AXIS[\"Up\",UP]]]";
        assert!((vertical_unit_m(wkt).unwrap() - 1200.0 / 3937.0).abs() < 1e-9);
        assert_eq!(vertical_unit_m("PROJCS[\"b\",UNIT[\"foot\",0.3048]]"), None);
        assert_eq!(vertical_unit_m("VERT_CS[\"x\",UNIT[\"m\",nonsense]]"), None);
    }

    #[test]
    fn what_is_not_said_is_asked_for() {
        let path = Path::new("a.las");
        let none = StatedPlace::default();
        let ask = |stated: &StatedPlace, request: &PlaceRequest, middle| {
            Reference::decide(path, stated, request, middle, true)
        };
        assert!(matches!(ask(&none, &PlaceRequest::default(), [0.0, 0.0]), Err(PlaceError::NoCrs { .. })));
        let county = PlaceRequest { fallback_crs: Some("EPSG:4549".into()), ..PlaceRequest::default() };
        let middle = [490_000.0, 3_010_000.0];
        assert!(matches!(ask(&none, &county, middle), Err(PlaceError::NoHeightDatum { .. })));
        let full = PlaceRequest { heights: Some(HeightDatum::Offset(10.0)), ..county };
        let reference = ask(&none, &full, middle).unwrap();
        assert_eq!(reference.placed.notes.len(), 1, "{:?}", reference.placed.notes);
        let projector = reference.crs().projector().unwrap();
        let [lon, lat, height] = reference.geodetic_deg_m(&projector, [middle[0], middle[1], 5.0]);
        assert!((119.8..120.0).contains(&lon) && (27.1..27.3).contains(&lat) && (height - 15.0).abs() < 1e-6);
        let back = reference.coordinates(&projector, [lon, lat]);
        assert!((back[0] - middle[0]).abs() < 1e-4 && (back[1] - middle[1]).abs() < 1e-4, "{back:?}");
        // A zone number in the easting that the system does not know.
        let zoned = ask(&none, &full, [40_490_000.0, 3_010_000.0]).unwrap();
        assert_eq!(zoned.placed.easting_shift, -40_000_000.0);
        let zoned = zoned.geodetic_deg_m(&projector, [40_490_000.0, middle[1], 5.0]);
        assert!((zoned[0] - lon).abs() < 1e-9);
    }
}
