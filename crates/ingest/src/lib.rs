//! Makes tilesets: today the [`sample`] village; survey deliveries and tables come next.

pub mod ground;
pub mod points;
pub mod raster;
pub mod sample;
