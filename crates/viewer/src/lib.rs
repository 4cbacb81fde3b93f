//! Windows, camera, drawing, picking, panels and capture: the only crate that names bevy.
pub mod gpu;
pub mod precise;
