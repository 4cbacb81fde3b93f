//! Where the property tables of `EXT_structural_metadata` join: one call to read them, one to measure them.

use super::document::Document;
use crate::content::Warning;
use crate::metadata::TileFeatures;

/// The property tables of a document.
pub(super) fn property_tables(_document: &Document, _warnings: &mut Vec<Warning>) -> TileFeatures {
    TileFeatures::default()
}

/// Upper bound of the memory that [`property_tables`] takes.
pub(super) fn property_table_bytes(_document: &Document) -> u64 {
    0
}
