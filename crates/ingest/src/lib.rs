//! Makes tilesets: today the [`sample`] village; survey deliveries and tables come next.

pub mod county_sample;
pub mod osgb;
pub mod sample;
