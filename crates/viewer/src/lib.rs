//! Windows, camera, drawing, picking, panels and capture: the only crate that names bevy.
//!
//! - [`precise`]: the one place where positions become `f32`
//! - [`gpu`]: drawing tiles with `wgpu` alone
//! - [`render`]: the bridge from bevy to it
//! - [`tiles`], which streams
//! - [`camera`]: poses, controls, bookmarks
//! - [`panel`]: what is written over the picture
//! - [`window`]: the window
//! - [`capture`]: pictures and flights without a display

pub mod camera;
pub mod capture;
mod error;
pub mod gpu;
pub mod panel;
pub mod precise;
pub mod render;
pub mod tiles;
pub mod window;

pub use capture::fly::{FlightPath, FlyOptions, FlyReport, fly};
pub use capture::shot::{ShotOptions, ShotOutcome, shot};
pub use error::Error;
pub use panel::text::Language;
pub use window::{ViewOptions, view};
