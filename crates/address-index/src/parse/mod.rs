//! From text to the elements of an address.

pub mod caller;
pub mod endings;
pub mod lexicon;
pub mod parser;

pub use lexicon::Lexicon;
pub use parser::{Parsed, ParsedElement, Parser};
