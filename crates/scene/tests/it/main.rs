//! Tests of the crate as its users see it; one binary to keep linking short.

mod tileset;
mod write;
