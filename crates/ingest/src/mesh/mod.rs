//! Meshes of surveys as 3D Tiles 1.1.
//!
//! [`plan`] recognises a delivery, decides where it stands and writes nothing. [`import`] carries the plan out:
//!
//! - Every paged level of detail becomes a tile whose geometric error is that at which its author switches,
//!   `32 R / r`; never a guess from boxes.
//! - JPEG textures go through byte for byte; `v' = 1 − v`.
//! - Vertices are placed by a polynomial per source tile that agrees with PROJ to 0.1 mm, or by PROJ itself.
//! - Each source tile is a tileset of its own in a folder that is whole or not there; see [`journal`] for how an
//!   interrupted import goes on.
//! - A coarse [`cover`] lets a village of hundreds of roots show whole after a few requests.
//!
//! A file that fails leaves a leaf and a line in the report. Only what concerns the whole import is an error.

mod bounds;
mod content;
mod cover;
mod error;
mod journal;
mod load;
mod lods;
mod picture;
mod placement;
mod plan;
mod report;
mod run;
mod source;
mod tile;
mod tree;

pub use cover::CoverOptions;
pub use error::MeshError;
pub(crate) use journal::tidy;
pub use placement::Placement;
pub use plan::{MeshPlan, MeshPlanSummary, MeshRequest, plan};
pub use report::{CoverReport, Figures, Finding, FindingKind, MeshReport, PlaceReport};
pub use run::{MeshOptions, Progress, REPORT_FILE, Silent, Stage, TILES_FOLDER, import};
