//! Coordinate reference systems: from what a delivery says about its coordinates to positions in ECEF.
//!
//! - [`Crs`] is a system from an EPSG code, WKT, a PROJ string, `ENU:lat,lon` or a central meridian of one's own.
//! - [`Projector`] turns its coordinates into WGS 84 through PROJ; the EPSG tables are inside the program, so it works
//!   wherever the program is copied. Axis order is always easting, northing (longitude, latitude).
//! - [`HeightDatum`] says what heights are measured from; there is no default.
//! - [`LocalMap`] is a polynomial that stands in for PROJ over a tile, with a proven residual.
//!
//! CGCS2000 and WGS 84 count as one: their ellipsoids differ by 0.1 mm and their frames by centimetres.

mod definition;
mod height;
mod local_map;
mod projector;
mod wkt;
mod zone;

pub use definition::{Crs, CrsKind, Projection};
pub use height::{GeoidGrid, GeoidGridError, HeightDatum};
pub use local_map::LocalMap;
pub use projector::Projector;
pub use zone::{ZoneWidth, central_meridian_deg, zone_of_central_meridian};

/// Why a coordinate reference system cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CrsError {
    /// The text is not understood.
    #[error("the coordinate system {text:?} is not understood: {reason}")]
    NotUnderstood {
        /// The text, shortened.
        text: String,
        /// What PROJ says.
        reason: String,
    },
    /// A system that has no place for a model.
    #[error("{name} is {what}, in which no model can lie")]
    Unfit {
        /// Name of the system.
        name: String,
        /// What it is.
        what: String,
    },
    /// The coordinates cannot belong to the system.
    #[error("{0}")]
    Inconsistent(String),
    /// A position outside what the system covers.
    #[error("({x}, {y}) cannot be converted from {crs}: {reason}")]
    Outside {
        /// First coordinate.
        x: f64,
        /// Second coordinate.
        y: f64,
        /// Name of the system.
        crs: String,
        /// What PROJ says.
        reason: String,
    },
    /// The geoid grid has no value here.
    #[error("the geoid grid has no value at {lon_deg}, {lat_deg}")]
    OutsideGrid {
        /// Longitude, degrees.
        lon_deg: f64,
        /// Latitude, degrees.
        lat_deg: f64,
    },
}

/// What was noticed and decided about a coordinate system, for the report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CrsNote {
    /// The label of a WKT names another system than its parameters describe; the parameters are used.
    LabelContradictsParameters {
        /// The label, such as `EPSG:4547`.
        label: String,
        /// How far the label would have moved the model, metres.
        distance_m: f64,
    },
    /// The label of a WKT names no known system.
    LabelUnknown {
        /// The label.
        label: String,
    },
    /// The easting carries a zone number that the system does not expect; it was taken off.
    ZonePrefixRemoved {
        /// The zone number.
        zone: u32,
    },
    /// The system expects a zone number before the easting; it was added.
    ZonePrefixAdded {
        /// The zone number.
        zone: u32,
    },
    /// No transformation from this datum to WGS 84 is known: positions may be off by tens to hundreds of metres.
    DatumShiftUnknown {
        /// Name of the system.
        crs: String,
    },
}

impl std::fmt::Display for CrsNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LabelContradictsParameters { label, distance_m } => write!(
                f,
                "the WKT is labelled {label}, but its parameters describe another system; the parameters are used \
                 (the label would move the model by {distance_m:.0} m)"
            ),
            Self::LabelUnknown { label } => {
                write!(f, "the WKT is labelled {label}, which is not known; its parameters are used")
            }
            Self::ZonePrefixRemoved { zone } => {
                write!(
                    f,
                    "the easting begins with zone number {zone}, which the system does not expect: taken off"
                )
            }
            Self::ZonePrefixAdded { zone } => {
                write!(f, "the system expects zone number {zone} before the easting: added")
            }
            Self::DatumShiftUnknown { crs } => write!(
                f,
                "no transformation from the datum of {crs} to WGS 84 is known: the model may be off by tens to \
                 hundreds of metres"
            ),
        }
    }
}
