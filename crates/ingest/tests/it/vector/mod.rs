//! Vector data: every reader on files of other writers, on real ones, and on broken ones.

mod fuzz;
pub(crate) mod made;
mod readers;
