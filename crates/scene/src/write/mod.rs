//! A valid tileset from meshes and point clouds: GLB contents ([`GlbBuilder`]) and `tileset.json`, explicit
//! ([`write_tileset`]) or implicit ([`write_implicit_tileset`]).
//!
//! Nothing is opened here: files are handed to a callback under their paths. What is written passes the validators of
//! Khronos and Cesium without errors or warnings, as long as the values passed in are sound; those that can be checked
//! are, and refused with [`WriteError`].

mod glb;
mod glb_buffer;
mod implicit;
mod mesh;
mod property_table;
mod tileset;

pub use glb::{GlbBuilder, GlbOptions, MaterialInput, PointsInput};
pub use implicit::{ImplicitTile, ImplicitTilesetInput, implicit_uri, write_implicit_tileset};
pub use mesh::MeshInput;
pub use property_table::{Column, ColumnValues, PropertyTableInput};
pub use tileset::{ContentInput, TileInput, TilesetInput, write_tileset};

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A value that makes no sense in the format.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which value.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than the format can hold.
    #[error("{what} takes {size}; the format holds {max}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How much.
        size: u64,
        /// Limit.
        max: u64,
    },
    /// The receiver of the files refused one.
    #[error("{path} could not be stored")]
    Sink {
        /// Path of the file.
        path: String,
        /// Its error.
        source: std::io::Error,
    },
}

impl WriteError {
    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }
}
