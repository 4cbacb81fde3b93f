//! Point clouds of surveys: a point tileset, and the ground found in it.
//!
//! [`plan`] looks at the headers and decides where the cloud stands; [`import`] writes into the folder of a survey
//!
//! ```text
//! points/   tileset.json and its tiles, report.json
//! ground/   dtm.tif, dsm.tif (metres above the ellipsoid), coverage.tif, buildings.tif
//! ```
//!
//! Rasters are GeoTIFF over longitude and latitude (EPSG:4979) with square cells in metres at the middle of the survey.
//! `coverage.tif` says where the terrain comes from (0 nowhere, 1 measured, 2 filled); `buildings.tif`, where there are
//! points of the building class, has 1 where they are. `ground/` is written before `points/`, and `points/` appears
//! whole: where it is, the import was finished.

mod files;
mod plan;
mod report;
mod run;

pub use files::{CLOUD_EXTENSIONS, CloudFile};
pub use plan::{CloudError, CloudPlan, CloudRequest, plan};
pub use report::{CloudReport, GroundFigures, Shares};
pub use run::{
    BUILDINGS_FILE, COVERAGE_FILE, CloudOptions, GROUND_FOLDER, POINTS_FOLDER, SURFACE_FILE, TERRAIN_FILE,
    import,
};
