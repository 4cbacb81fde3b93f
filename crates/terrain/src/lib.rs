//! Ground: height fields, what a ray meets on them, and meshes of bounded error.
//!
//! Everything is in a plan of metres (x east, y north) with heights above whatever datum the caller uses.

pub mod height_field;
mod pyramid;
pub mod rtin;
pub mod synthetic;

pub use height_field::{HeightField, HeightFieldError};
pub use pyramid::GroundRays;
pub use rtin::{Rtin, RtinError, TerrainMesh};
