//! Why an import stops.

use std::{io, path::PathBuf};

use geodesy::crs::CrsError;
use scene::write::WriteError;

use crate::delivery::DeliveryError;

/// Why a mesh cannot be imported, or why its import stopped. What is wrong with single files never stops it: that is in
/// the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// Not a delivery.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The coordinate system cannot be used.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// Nobody says where the model lies.
    #[error(
        "nothing says in which coordinate system {path} lies: give one (an EPSG code, WKT, a .prj file, or \
         ENU:latitude,longitude), and an origin if the model has one"
    )]
    NoCrs {
        /// The delivery.
        path: PathBuf,
    },
    /// Nobody says what heights are measured from.
    #[error(
        "what the heights of {crs} are measured from must be said: the ellipsoid, EGM96, a geoid grid, or a constant \
         offset; a wrong guess sinks the model or lets it float by tens of metres"
    )]
    NoHeightDatum {
        /// The coordinate system.
        crs: String,
    },
    /// It would lie off the coast of Africa.
    #[error("the model would lie at {lon_deg:.4}°, {lat_deg:.4}°: coordinate system or origin is wrong")]
    NullIsland {
        /// Longitude.
        lon_deg: f64,
        /// Latitude.
        lat_deg: f64,
    },
    /// No file holds anything that can be drawn.
    #[error("{path}: no tile holds anything that can be drawn")]
    Empty {
        /// The delivery.
        path: PathBuf,
    },
    /// The result cannot be stored.
    #[error("{path} cannot be written")]
    Store {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was made is not valid.
    #[error("the tileset cannot be written")]
    Write(#[from] WriteError),
    /// Another survey is there.
    #[error("{path} holds another survey already, made from something else")]
    Occupied {
        /// Its folder.
        path: PathBuf,
    },
    /// Somebody asked to stop.
    #[error("stopped as asked; what is done is kept, and the same import goes on from there")]
    Cancelled,
    /// Existing 3D Tiles are adopted, not converted.
    #[error("{path} holds 3D Tiles already: they are adopted, not converted")]
    AlreadyTiles {
        /// The delivery.
        path: PathBuf,
    },
}

impl MeshError {
    pub(crate) fn store(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Store { path, source }
    }
}
