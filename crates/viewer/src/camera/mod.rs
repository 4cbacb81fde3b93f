//! Poses, controls and bookmarks.
//!
//! - [`controller`]: what gestures do to a pose
//! - [`bookmarks`]: nine remembered poses
//! - [`plugin`]: mouse and keys
//! - [`tour`]: a turn around the tileset
//! - [`home`]: the pose that shows a whole tileset

pub mod bookmarks;
pub mod controller;
pub mod home;
pub mod plugin;
pub mod tour;
