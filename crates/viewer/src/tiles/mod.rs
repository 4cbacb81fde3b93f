//! Streaming: joins `scene::Streamer`, `store::Fetcher`, decode workers, uploads and picking.
//!
//! - [`decode`]: a bounded pool of workers
//! - [`failures`]: what went wrong, for people
//! - [`runtime`]: one frame of streaming, without bevy
//! - [`plugin`]: the same as bevy systems

pub mod decode;
pub mod failures;
pub mod plugin;
pub mod runtime;
