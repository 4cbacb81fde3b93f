//! Tests through the crate's public face.

#![allow(clippy::unwrap_used, reason = "tests")]

mod buildings;
mod calling;
mod file;
mod fuzz;
mod made;
mod matching;
mod parsing;
mod real;
mod searching;
mod table;
