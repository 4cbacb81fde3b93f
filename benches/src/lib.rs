//! Fixed-seed data for the benchmarks.
