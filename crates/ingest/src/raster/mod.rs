//! Rasters: elevation models and orthophotos.

pub mod geo_keys;
pub mod geo_transform;
pub mod geotiff;
pub mod write;

pub use geo_transform::{GeoTransform, GeoTransformError};
pub use geotiff::{GeoTiff, RasterError, RasterInfo, Window};
pub use write::{GeoTiffWriter, RasterHeader};
