//! Resolving references between the files of a tileset (RFC 3986, the part that tilesets use).
//!
//! A uri here is either a path relative to the root of the source (`a/b.b3dm?x=1`, `/` separators, still
//! percent-encoded) or an absolute one with a scheme. `..` that would leave the root is kept, so that `store` refuses it.

/// Resolves `reference`, found in the document at `base`.
pub fn resolve(_base: &str, _reference: &str) -> String {
    todo!()
}
