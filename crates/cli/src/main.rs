//! The `hamlet` binary.

fn main() {}
