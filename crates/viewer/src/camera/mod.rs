//! Poses, controls and bookmarks.
//!
//! - [`controller`]: what gestures do to a pose
//! - [`bookmarks`]: nine remembered poses
//! - [`home`]: the pose that shows a whole tileset

pub mod bookmarks;
pub mod controller;
pub mod home;
