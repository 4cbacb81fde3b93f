//! Reading and writing the camera text.

use glam::DVec3;

use super::{CameraPose, WorldFrame, normalized_heading};
use crate::ellipsoid::{Geodetic, ecef_from_geodetic, geodetic_from_ecef};

/// Farther from the ellipsoid or from the origin than this is a slip of the pen, metres.
const FARTHEST_M: f64 = 1e9;
/// Heights below this are inside the Earth, metres.
const LOWEST_M: f64 = -100_000.0;

/// Why a camera text was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CameraTextError {
    /// Wrong number of fields.
    #[error(
        "a camera is `lon,lat,height,heading,pitch` or `at:lon,lat,height,heading,pitch,range`; got {found} fields in {text:?}"
    )]
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
    /// Reads a camera text: degrees and metres, with x, y, z in place of longitude, latitude and height in a local
    /// frame. White space around fields is ignored; the heading may be any angle.
    pub fn parse(text: &str, frame: WorldFrame) -> Result<Self, CameraTextError> {
        let trimmed = text.trim();
        let at_target = trimmed.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("at:"));
        let list = if at_target.is_some() { &trimmed[3..] } else { trimmed };
        let fields: Vec<&str> =
            if list.trim().is_empty() { Vec::new() } else { list.split(',').map(str::trim).collect() };
        let (place, heading, pitch, range) = match (at_target.is_some(), fields.as_slice()) {
            (false, &[x, y, z, heading, pitch]) => ([x, y, z], heading, pitch, None),
            (true, &[x, y, z, heading, pitch, range]) => ([x, y, z], heading, pitch, Some(range)),
            _ => {
                return Err(CameraTextError::FieldCount { found: fields.len(), text: text.to_owned() });
            }
        };
        let place_in_world = parse_place(place, frame)?;
        let heading_rad = normalized_heading(number("heading", heading)?.to_radians());
        let pitch_rad =
            within("pitch", pitch, -90.0, 90.0, "must be between -90 and 90 degrees")?.to_radians();
        let Some(range) = range else {
            return Ok(Self { eye_in_world: place_in_world, heading_rad, pitch_rad });
        };
        let range_m = within("range", range, 1e-3, FARTHEST_M, "must be between 0.001 and 1e9 metres")?;
        Ok(Self::looking_at(place_in_world, heading_rad, pitch_rad, range_m, frame))
    }
    /// Writes `lon,lat,height,heading,pitch` (9, 9, 3, 4, 4 decimals; local: 3 decimals for x, y, z); parsing gives
    /// the pose back to within the rounding.
    pub fn to_text(&self, frame: WorldFrame) -> String {
        let heading = fixed(self.heading_rad.to_degrees(), 4);
        let heading = if heading == "360.0000" { "0.0000".to_owned() } else { heading };
        let pitch = fixed(self.pitch_rad.to_degrees(), 4);
        let place = match frame {
            WorldFrame::Earth => {
                let eye = geodetic_from_ecef(self.eye_in_world);
                [
                    fixed(eye.lon_rad.to_degrees(), 9),
                    fixed(eye.lat_rad.to_degrees(), 9),
                    fixed(eye.height_m, 3),
                ]
            }
            WorldFrame::Local => self.eye_in_world.to_array().map(|value| fixed(value, 3)),
        };
        format!("{},{heading},{pitch}", place.join(","))
    }
}

fn parse_place([x, y, z]: [&str; 3], frame: WorldFrame) -> Result<DVec3, CameraTextError> {
    match frame {
        WorldFrame::Earth => {
            let lon = within("longitude", x, -180.0, 180.0, "must be between -180 and 180 degrees")?;
            let lat = within("latitude", y, -90.0, 90.0, "must be between -90 and 90 degrees")?;
            let height_m =
                within("height", z, LOWEST_M, FARTHEST_M, "must be between -100000 and 1e9 metres")?;
            Ok(ecef_from_geodetic(Geodetic::from_degrees(lon, lat, height_m)))
        }
        WorldFrame::Local => {
            let metres = |field, value| {
                within(field, value, -FARTHEST_M, FARTHEST_M, "must be between -1e9 and 1e9 metres")
            };
            Ok(DVec3::new(metres("x", x)?, metres("y", y)?, metres("z", z)?))
        }
    }
}

fn number(field: &'static str, value: &str) -> Result<f64, CameraTextError> {
    let refuse = |reason| CameraTextError::Field { field, value: value.to_owned(), reason };
    let number: f64 = value.parse().map_err(|_| refuse("is not a number"))?;
    if number.is_finite() { Ok(number) } else { Err(refuse("must be a finite number")) }
}

fn within(
    field: &'static str,
    value: &str,
    lowest: f64,
    highest: f64,
    reason: &'static str,
) -> Result<f64, CameraTextError> {
    let number = number(field, value)?;
    if (lowest..=highest).contains(&number) {
        Ok(number)
    } else {
        Err(CameraTextError::Field { field, value: value.to_owned(), reason })
    }
}

/// A number with that many decimals, zero without a sign.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}
