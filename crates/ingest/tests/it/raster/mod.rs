//! Rasters: made in every layout that is read, and real ones.

mod fuzz;
mod geo;
mod geotiff;
pub(crate) mod made;
