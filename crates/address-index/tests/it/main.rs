//! Tests through the crate's public face.

#![allow(clippy::unwrap_used, reason = "tests")]

mod buildings;
mod file;
mod made;
mod parsing;
mod searching;
mod table;
