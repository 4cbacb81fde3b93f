//! As much of FlatBuffers as FlatGeobuf needs: tables, vectors and texts, every offset checked.

/// A table in a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
    /// Where the list of its fields begins, and how long that is in bytes.
    fields: (usize, usize),
}

impl<'a> Table<'a> {
    /// The root of a buffer.
    pub(super) fn root(buffer: &'a [u8]) -> Option<Self> {
        Self::at(buffer, unsigned(buffer, 0, 4)? as usize)
    }

    fn at(buffer: &'a [u8], at: usize) -> Option<Self> {
        let back = unsigned(buffer, at, 4)? as u32 as i32;
        let fields = usize::try_from(i64::try_from(at).ok()? - i64::from(back)).ok()?;
        let length = unsigned(buffer, fields, 2)? as usize;
        buffer.get(fields..fields.checked_add(length)?)?;
        Some(Self { buffer, at, fields: (fields, length) })
    }

    /// Where a field stands, if it is there.
    fn field(&self, number: usize) -> Option<usize> {
        let slot = 4 + 2 * number;
        if slot + 2 > self.fields.1 {
            return None;
        }
        match unsigned(self.buffer, self.fields.0 + slot, 2)? {
            0 => None,
            offset => self.at.checked_add(offset as usize),
        }
    }

    /// A number of a field, of so many bytes.
    pub(super) fn unsigned(&self, number: usize, bytes: usize) -> Option<u64> {
        unsigned(self.buffer, self.field(number)?, bytes)
    }

    /// Where what a field refers to begins.
    fn reference(&self, number: usize) -> Option<usize> {
        let at = self.field(number)?;
        at.checked_add(unsigned(self.buffer, at, 4)? as usize)
    }

    /// A table of a field.
    pub(super) fn table(&self, number: usize) -> Option<Self> {
        Self::at(self.buffer, self.reference(number)?)
    }

    /// The bytes of a vector of things of `bytes_each`.
    pub(super) fn vector(&self, number: usize, bytes_each: usize) -> Option<&'a [u8]> {
        let at = self.reference(number)?;
        let length = (unsigned(self.buffer, at, 4)? as usize).checked_mul(bytes_each)?;
        self.buffer.get(at + 4..)?.get(..length)
    }

    /// A text.
    pub(super) fn text(&self, number: usize) -> Option<String> {
        self.vector(number, 1).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The tables of a vector.
    pub(super) fn tables(&self, number: usize) -> Vec<Option<Self>> {
        let Some(start) = self.reference(number).map(|at| at + 4) else { return Vec::new() };
        let count = self.vector(number, 4).map_or(0, |bytes| bytes.len() / 4);
        (0..count)
            .map(|index| {
                let at = start + 4 * index;
                Self::at(self.buffer, at.checked_add(unsigned(self.buffer, at, 4)? as usize)?)
            })
            .collect()
    }
}

/// A number of up to eight bytes.
fn unsigned(buffer: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let found = buffer.get(at..at.checked_add(bytes)?)?;
    Some(found.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
