//! Text as people write and type it, made comparable: width, traditional forms, numerals, readings, door numbers.

pub mod chars;
pub mod normalize;
pub mod number;
pub mod numerals;
pub mod pinyin;
pub mod trie;

pub use normalize::{Atom, Glyph, Normalized};
pub use number::{NumberToken, NumberUnit, NumberValue};
pub use trie::WordTrie;
