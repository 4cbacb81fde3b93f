//! Tests through the crate's public face.

#![allow(clippy::unwrap_used, reason = "tests")]

mod buildings;
mod made;
mod parsing;
mod table;
