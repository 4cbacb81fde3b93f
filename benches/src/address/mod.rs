//! A made-up county of some 133,000 addresses and what people ask for in it. Fixed seeds: the same on every machine.

pub mod county;
pub mod queries;
pub mod rng;
pub mod spoken;

pub use county::County;
pub use queries::{Class, Question};
pub use rng::Rng;
