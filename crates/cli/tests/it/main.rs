//! The binary as people use it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod commands;
mod desk;
mod window;
