//! Administrative divisions: their codes, and the names of China's provinces, cities and counties.

pub mod code;
pub mod national;

pub use code::{CodeError, DivisionCode, DivisionLevel};
pub use national::{Division, Divisions};
