//! Why a file could not be read.

use std::fmt;

/// What is wrong with an OSGB file, and exactly where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsgbError {
    /// The file, as the caller named it.
    pub file: String,
    /// Where: a byte offset in the file, or in its decompressed body if `in_body`.
    pub offset: u64,
    /// Whether `offset` counts in the decompressed body.
    pub in_body: bool,
    /// Class of the object that was being read (`header` outside any).
    pub class: String,
    /// Field of that class.
    pub field: String,
    /// What is wrong.
    pub kind: OsgbErrorKind,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OsgbErrorKind {
    /// Not a binary OSGB file at all.
    #[error("not a binary OSGB file: {0}")]
    NotOsgb(String),
    /// The data end too early.
    #[error("{needed} bytes are needed, {left} are left")]
    Truncated {
        /// Bytes that the field takes.
        needed: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// A value that cannot be.
    #[error("{0}")]
    Corrupt(String),
    /// A class whose fields are not known, in a file that does not say where they end.
    #[error("class {0:?} is not known, and this file does not say how long it is")]
    UnknownClass(String),
    /// A feature that is not read.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// More than the limits allow.
    #[error("{0}")]
    OverBudget(String),
}

impl fmt::Display for OsgbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.in_body { " of the decompressed body" } else { "" };
        write!(f, "{}: byte {}{place}, {}, {}: {}", self.file, self.offset, self.class, self.field, self.kind)
    }
}

impl std::error::Error for OsgbError {}
