//! A coordinate system from what people and files write.

use serde_json::Value;

use super::{
    CrsError, CrsNote, Projector, ZoneWidth, central_meridian_deg,
    projector::{guarded, lon_lat_rad_by_label},
    wkt, zone,
};
use crate::{Geodetic, ecef_from_geodetic};

/// A coordinate reference system.
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    name: String,
    /// What PROJ is given; empty for a tangent plane.
    definition: String,
    /// The label of a WKT.
    label: Option<String>,
    kind: CrsKind,
    projection: Option<Projection>,
    /// Whether its datum is one of those that agree with WGS 84 to a metre or better: all modern ones, and no old one,
    /// are on the GRS 80 ellipsoid or that of WGS 84.
    is_modern: bool,
}

/// What kind of system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CrsKind {
    /// East, north, up in metres at a point of the ellipsoid.
    TangentPlane(Geodetic),
    /// Easting and northing.
    Projected,
    /// Longitude and latitude in degrees.
    Geographic,
    /// X, Y, Z from the Earth's centre, metres.
    Geocentric,
}

/// The parameters of a projection that decide about zones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Whether it is a (Gauss–Krüger) transverse Mercator.
    pub is_transverse_mercator: bool,
    /// Central meridian, degrees.
    pub central_meridian_deg: f64,
    /// False easting, metres.
    pub false_easting_m: f64,
    /// False northing, metres.
    pub false_northing_m: f64,
    /// Scale on the central meridian.
    pub scale: f64,
}

impl Crs {
    /// From `EPSG:4547` (or `4547`), WKT 1 or 2, a PROJ string, `ENU:lat,lon[,height]`, `GK3:zone` or `GK6:zone`
    /// (CGCS2000, without zone number in the easting), `GK:meridian[,false easting[,false northing]]`.
    ///
    /// # Errors
    /// Text that PROJ does not understand, and systems in which no model can lie.
    pub fn parse(text: &str) -> Result<Self, CrsError> {
        let text = text.trim().trim_start_matches('\u{feff}').trim();
        if let Some(rest) = strip_prefix_no_case(text, "ENU:") {
            return tangent_plane(text, rest);
        }
        if let Some(definition) = gauss_krueger(text)? {
            return Self::from_definition(definition, None);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::from_definition(format!("EPSG:{text}"), None);
        }
        if wkt::is_wkt(text) {
            return match wkt::split_label(text) {
                Some((label, rest)) => Self::from_definition(rest, Some(label)),
                None => Self::from_definition(text.to_owned(), None),
            };
        }
        if text.starts_with('+') && !text.contains("+type=crs") {
            return Self::from_definition(format!("{text} +type=crs"), None);
        }
        Self::from_definition(text.to_owned(), None)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text that PROJ is given, without the label of a WKT; `ENU:lat,lon` for a tangent plane.
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// Its kind.
    pub fn kind(&self) -> CrsKind {
        self.kind
    }

    /// Parameters, of a projected system.
    pub fn projection(&self) -> Option<&Projection> {
        self.projection.as_ref()
    }

    /// Opens PROJ for this system. Not free (milliseconds) and bound to its thread.
    ///
    /// # Errors
    /// PROJ's own.
    pub fn projector(&self) -> Result<Projector, CrsError> {
        Projector::open(self)
    }

    /// An origin (easting, northing) as the system expects it, and everything worth saying about the system there.
    ///
    /// # Errors
    /// An origin that contradicts the system, or lies where PROJ cannot follow.
    pub fn check_origin(&self, origin: [f64; 2]) -> Result<([f64; 2], Vec<CrsNote>), CrsError> {
        self.check_origin_with(&self.projector()?, origin)
    }

    /// As [`Crs::check_origin`], with a projector of this system that is open already.
    ///
    /// # Errors
    /// An origin that contradicts the system, or lies where PROJ cannot follow.
    pub fn check_origin_with(
        &self,
        projector: &Projector,
        origin: [f64; 2],
    ) -> Result<([f64; 2], Vec<CrsNote>), CrsError> {
        let mut notes = Vec::new();
        let mut origin = origin;
        if let Some(projection) = &self.projection {
            let (easting, note) = zone::reconcile_easting(projection, origin[0])?;
            origin[0] = easting;
            notes.extend(note);
        }
        if matches!(self.kind, CrsKind::TangentPlane(_) | CrsKind::Geocentric) {
            return Ok((origin, notes));
        }
        let by_parameters = projector.lon_lat_rad(origin)?;
        if let Some(label) = &self.label {
            let place = |[lon_rad, lat_rad]: [f64; 2]| {
                ecef_from_geodetic(Geodetic { lon_rad, lat_rad, height_m: 0.0 })
            };
            match lon_lat_rad_by_label(label, origin) {
                Some(by_label) => {
                    let distance_m = place(by_parameters).distance(place(by_label));
                    if distance_m > LABEL_TOLERANCE_M {
                        notes.push(CrsNote::LabelContradictsParameters { label: label.clone(), distance_m });
                    }
                }
                None => notes.push(CrsNote::LabelUnknown { label: label.clone() }),
            }
        }
        if !self.is_modern && !projector.knows_datum() {
            notes.push(CrsNote::DatumShiftUnknown { crs: self.name.clone() });
        }
        Ok((origin, notes))
    }

    fn from_definition(definition: String, label: Option<String>) -> Result<Self, CrsError> {
        let not_understood =
            |reason: String| CrsError::NotUnderstood { text: shortened(&definition), reason };
        if definition.is_empty() || definition.contains('\0') {
            return Err(not_understood("empty, or not a text".to_owned()));
        }
        let described = guarded(&definition, || proj::Proj::new(&definition))?;
        let json =
            described.to_projjson(Some(false), None, None).map_err(|e| not_understood(e.to_string()))?;
        let json: Value = serde_json::from_str(&json).map_err(|e| not_understood(e.to_string()))?;
        let name = json["name"].as_str().unwrap_or("unknown").to_owned();
        let horizontal = horizontal_part(&json);
        let unfit = |what: &str| CrsError::Unfit { name: name.clone(), what: what.to_owned() };
        let kind = match horizontal["type"].as_str().unwrap_or_default() {
            "ProjectedCRS" | "DerivedProjectedCRS" => CrsKind::Projected,
            "GeographicCRS" => CrsKind::Geographic,
            "GeodeticCRS" => CrsKind::Geocentric,
            "VerticalCRS" => return Err(unfit("a system of heights only")),
            "EngineeringCRS" => return Err(unfit("a local system that is not tied to the Earth")),
            other => return Err(unfit(if other.is_empty() { "no coordinate system" } else { other })),
        };
        let projection = (kind == CrsKind::Projected).then(|| projection(horizontal)).flatten();
        let is_modern = has_modern_ellipsoid(horizontal);
        Ok(Self { name, definition, label, kind, projection, is_modern })
    }
}

/// Positions closer than this are the same: a label may be rounded differently.
const LABEL_TOLERANCE_M: f64 = 0.01;

fn strip_prefix_no_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    if short.len() < text.len() && short.chars().count() == 120 {
        short.push('…');
    }
    short
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| part.trim().parse::<f64>().ok().filter(|n| n.is_finite())).collect()
}

fn tangent_plane(text: &str, rest: &str) -> Result<Crs, CrsError> {
    let fail = |reason: &str| CrsError::NotUnderstood { text: shortened(text), reason: reason.to_owned() };
    let (lat, lon, height) = match numbers(rest).as_deref() {
        Some([lat, lon]) => (*lat, *lon, 0.0),
        Some([lat, lon, height]) => (*lat, *lon, *height),
        _ => return Err(fail("expected ENU:latitude,longitude")),
    };
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=360.0).contains(&lon) {
        return Err(fail("latitude comes first, within ±90°, then longitude"));
    }
    Ok(Crs {
        name: format!("east-north-up at {lat}, {lon}"),
        definition: format!("ENU:{lat},{lon}"),
        label: None,
        kind: CrsKind::TangentPlane(Geodetic::from_degrees(lon, lat, height)),
        projection: None,
        is_modern: true,
    })
}

/// CGCS2000 Gauss–Krüger from a zone or a meridian.
fn gauss_krueger(text: &str) -> Result<Option<String>, CrsError> {
    let fail = |reason: &str| CrsError::NotUnderstood { text: shortened(text), reason: reason.to_owned() };
    let zoned = [("GK3:", ZoneWidth::Three), ("GK6:", ZoneWidth::Six)];
    let (meridian_deg, false_easting_m, false_northing_m) = if let Some((rest, width)) =
        zoned.iter().find_map(|(p, w)| Some((strip_prefix_no_case(text, p)?, *w)))
    {
        let zone: u32 = rest.trim().parse().map_err(|_| fail("expected a zone number"))?;
        if !(1..=120).contains(&zone) {
            return Err(fail("there is no such zone"));
        }
        (central_meridian_deg(width, zone), 500_000.0, 0.0)
    } else if let Some(rest) = strip_prefix_no_case(text, "GK:") {
        match numbers(rest).as_deref() {
            Some([meridian]) => (*meridian, 500_000.0, 0.0),
            Some([meridian, easting]) => (*meridian, *easting, 0.0),
            Some([meridian, easting, northing]) => (*meridian, *easting, *northing),
            _ => return Err(fail("expected GK:meridian[,false easting[,false northing]]")),
        }
    } else {
        return Ok(None);
    };
    // GRS80 is the ellipsoid of CGCS2000 to the last digit.
    Ok(Some(format!(
        "+proj=tmerc +lat_0=0 +lon_0={meridian_deg} +k=1 +x_0={false_easting_m} +y_0={false_northing_m} \
         +ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs +type=crs"
    )))
}

/// The horizontal system inside compound and bound ones.
fn horizontal_part(json: &Value) -> &Value {
    let mut part = json;
    for _ in 0..8 {
        part = match part["type"].as_str() {
            Some("BoundCRS") => &part["source_crs"],
            Some("CompoundCRS") => &part["components"][0],
            _ => break,
        };
    }
    part
}

fn has_modern_ellipsoid(horizontal: &Value) -> bool {
    let geographic = if horizontal["base_crs"].is_object() { &horizontal["base_crs"] } else { horizontal };
    let datum = ["datum", "datum_ensemble"].iter().map(|key| &geographic[key]).find(|d| d.is_object());
    let Some(ellipsoid) = datum.map(|datum| &datum["ellipsoid"]) else { return false };
    let near = |value: &Value, wanted: f64, tolerance: f64| {
        value.as_f64().is_some_and(|value| (value - wanted).abs() < tolerance)
    };
    near(&ellipsoid["semi_major_axis"], 6_378_137.0, 0.01)
        && near(&ellipsoid["inverse_flattening"], 298.257_222, 0.000_1)
}

fn projection(json: &Value) -> Option<Projection> {
    let conversion = &json["conversion"];
    let method = conversion["method"]["name"].as_str()?;
    let parameters = conversion["parameters"].as_array()?;
    let value = |name: &str| -> Option<f64> {
        let parameter = parameters.iter().find(|p| p["name"].as_str() == Some(name))?;
        let factor = parameter["unit"]["conversion_factor"].as_f64().unwrap_or(1.0);
        let value = parameter["value"].as_f64()?;
        // Degrees are written by name, other units with their factor (to radians).
        Some(match parameter["unit"]["type"].as_str() {
            Some("AngularUnit") => (value * factor).to_degrees(),
            _ => value * factor,
        })
    };
    Some(Projection {
        is_transverse_mercator: method.to_ascii_lowercase().contains("transverse mercator"),
        central_meridian_deg: value("Longitude of natural origin")?,
        false_easting_m: value("False easting")?,
        false_northing_m: value("False northing").unwrap_or(0.0),
        scale: value("Scale factor at natural origin").unwrap_or(1.0),
    })
}
