//! Streaming: joins `scene::Streamer`, `store::Fetcher`, decode workers, uploads and picking.
//!
//! - [`decode`]: a bounded pool of workers
//! - [`runtime`]: one frame of streaming, without bevy
//! - [`plugin`]: the same as bevy systems

pub mod decode;
pub mod plugin;
pub mod runtime;
