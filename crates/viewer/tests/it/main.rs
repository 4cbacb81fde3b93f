//! Pictures drawn on the software driver, and the commands end to end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod commands;
mod pictures;
mod stage;
