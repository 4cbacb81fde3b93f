//! From survey deliveries to a county folder.
//!
//! - [`subject`] says what something is about; [`delivery`] recognises what was delivered; [`osgb`] and [`obj`] read it.
//! - [`mesh`] places a mesh and makes 3D Tiles of it; [`adopt`] takes 3D Tiles that exist.
//! - [`place`] decides where clouds and rasters stand; [`cloud`] imports point clouds of surveys.
//! - [`points`] reads clouds and makes point tilesets; [`raster`] reads GeoTIFF; [`ground`] makes terrain of both.
//! - [`land`] keeps elevation models and orthophotos and makes the county's terrain, [`flat`] its flat maps; [`blocks`] makes simple blocks.
//! - [`check`] says whether a county is whole.
//! - [`county`] is the folder that surveys are imported into, and the switch between them.
//! - [`vector`] reads Shapefile, GeoJSON, FlatGeobuf, GeoPackage and OpenStreetMap PBF; [`layers`] makes the layers of a
//!   county of them, [`buildings`] the footprints of a survey with ids that last.
//! - [`table`] reads CSV and Excel; [`addresses`] makes address tables of it.
//! - [`heights`] understands what people say about heights.
//! - [`sample`] is a made-up village, [`county_sample`] a made-up county as raw deliveries, to try things with.

pub mod addresses;
pub mod adopt;
pub mod blocks;
pub mod buildings;
pub mod check;
pub mod cloud;
pub mod county;
pub mod county_sample;
pub mod delivery;
pub mod flat;
pub mod ground;
pub mod heights;
pub mod land;
pub mod layers;
pub mod mesh;
pub mod obj;
pub mod osgb;
pub mod outline;
pub mod place;
pub mod points;
pub mod raster;
pub mod sample;
pub mod subject;
pub mod table;
pub mod vector;
