//! Makes tilesets: today the [`sample`] village; survey deliveries and tables come next.

pub mod addresses;
pub mod sample;
pub mod table;
