//! The address index: one immutable, versioned, checksummed buffer, built from a table and borrowed where it lies.

pub mod build;
pub mod format;
pub mod live;
pub mod view;

mod names;
mod pool;

pub use build::BuildError;
pub use format::{AlignedBytes, FormatError};
pub use live::LiveIndex;
pub(crate) use names::{Family, NUMBER, pair, symbol_of_unit};
pub(crate) use view::LEAF;
pub use view::{Target, View};

use crate::model::AddressTable;
use format::Sections;

/// An index in a buffer of its own.
#[derive(Clone, Debug)]
pub struct AddressIndex {
    bytes: AlignedBytes,
    sections: Sections,
}

impl AddressIndex {
    /// Builds the index of a table. The same table gives the same bytes.
    pub fn build(table: &AddressTable) -> Result<Self, BuildError> {
        let bytes = build::build(table)?;
        Ok(Self::open(bytes)?)
    }
    /// Opens an index: checks version, checksums and everything that later reads lean on; copies nothing.
    pub fn open(bytes: AlignedBytes) -> Result<Self, FormatError> {
        let sections = Sections::check(bytes.as_slice())?;
        View::new(bytes.as_slice(), &sections)?.check()?;
        Ok(Self { bytes, sections })
    }
    /// The buffer, as written to a file.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }
    /// What is in the buffer.
    pub fn view(&self) -> View<'_> {
        // Checked when opened; an empty view is never seen.
        View::new(self.bytes.as_slice(), &self.sections).unwrap_or_default()
    }
}
