//! The streamer against a simulated world: every plan is carried out, every frame is checked.

mod behaviour;
mod caller;
mod cesium;
mod flights;
mod memory;
mod oracle;
mod real;
mod selection;
mod soak;
mod trees;
mod world;
