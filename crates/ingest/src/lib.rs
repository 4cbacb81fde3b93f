//! Makes tilesets: today the [`sample`] village; survey deliveries and tables come next.

pub mod adopt;
pub mod county;
pub mod delivery;
pub mod mesh;
pub mod osgb;
pub mod sample;
