//! Standard addresses and the buildings they belong to.
//!
//! So far the part that everything else leans on: which building stands at a place, and which is nearest. All
//! positions are `[east, north]` in metres of one projected plan.

pub mod buildings;
pub mod division;
pub mod footprint;
pub mod index;
pub mod matching;
pub mod model;
pub mod parse;
pub mod search;
pub mod spatial;
pub mod text;

pub use buildings::{BuildingIndex, DuplicateBuilding, NearBuilding};
pub use footprint::{Footprint, FootprintError};
