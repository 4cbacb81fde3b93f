//! From the made-up county to the files of its deliveries.

mod addresses;
mod county;
mod footprints;
mod frame;
mod guide;
mod layers;
mod mesh;
mod points;
mod rasters;
mod truth;

pub(super) use county::write;

/// A file on its way out.
#[derive(Debug)]
struct File {
    path: String,
    bytes: Vec<u8>,
}
