//! Panels over the picture, drawn with egui.
//!
//! - [`text`]: words from translation files
//! - [`plugin`]: status line, picked point, streaming figures, keys
//! - [`bounds`]: lines around tiles

pub mod bounds;
pub mod plugin;
pub mod text;
