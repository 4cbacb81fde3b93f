//! From what a county receives to a county folder: survey deliveries ([`delivery`], [`osgb`], [`mesh`], [`adopt`]), address
//! tables ([`table`], [`addresses`]), the folder itself ([`county`]) and a sample to try things on ([`sample`]).

pub mod addresses;
pub mod adopt;
pub mod county;
pub mod delivery;
pub mod mesh;
pub mod osgb;
pub mod sample;
pub mod table;
