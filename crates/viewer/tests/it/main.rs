//! Pictures drawn on the software driver, and the commands end to end.

mod commands;
mod pictures;
mod stage;
