//! Which tiles to fetch, decode, upload, draw and drop: a deterministic machine without IO.
//!
//! Every frame the caller hands finished work in with [`Streamer::accept`], then calls [`Streamer::update`] with its
//! views and the time, and carries out the [`Plan`]. The same inputs give the same plans.

pub mod api;

pub use api::*;
