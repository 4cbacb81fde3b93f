//! The ground of a county: point clouds to elevation models ([`survey_ground`]), elevation models and orthophotos to a
//! terrain tileset ([`write_terrain`]).

pub mod dem;
pub mod picture;
mod plan;
mod survey;
mod write;

pub use dem::Dem;
pub use picture::{Ortho, OrthoTiff};
pub use plan::{EARTH_RADIUS_M, LocalPlan};
pub use survey::{SurveyError, SurveyGround, SurveyOptions, SurveyReport, survey_ground};
pub use write::{TerrainError, TerrainOptions, TerrainReport, write_terrain};
