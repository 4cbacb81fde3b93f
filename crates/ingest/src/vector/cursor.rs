//! Bytes with a place, and a budget for what is made of them.

use super::VectorError;

/// Reads numbers from bytes; `None` beyond the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    is_little: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn little(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, is_little: true }
    }

    pub(super) fn set_little(&mut self, is_little: bool) {
        self.is_little = is_little;
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let found = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(found)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes: [u8; N] = self.take(N)?.try_into().ok()?;
        if !self.is_little {
            bytes.reverse();
        }
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A number of things of `bytes_each`, all of which must still lie ahead.
    pub(super) fn count(&mut self, bytes_each: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count.checked_mul(bytes_each)? <= self.left()).then_some(count)
    }

    /// `count` pairs.
    pub(super) fn positions(&mut self, count: usize) -> Option<Vec<[f64; 2]>> {
        if count.checked_mul(16)? > self.left() {
            return None;
        }
        (0..count).map(|_| Some([self.f64()?, self.f64()?])).collect()
    }
}

/// How much memory a file's features may still take.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

/// What all features of one file may take in memory.
const MAX_MEMORY_BYTES: u64 = 3 << 30;

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: MAX_MEMORY_BYTES }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), VectorError> {
        self.left = self.left.checked_sub(bytes as u64).ok_or(VectorError::TooLarge {
            what: "what its features take in memory",
            found: MAX_MEMORY_BYTES,
            max: MAX_MEMORY_BYTES,
        })?;
        Ok(())
    }
}
