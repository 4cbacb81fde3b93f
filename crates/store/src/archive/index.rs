//! The index entry `@3dtilesIndex1@`: 24-byte records, MD5 of the path and offset of the local header, sorted by hash.

use super::ArchiveError;

/// Path of the index entry.
pub(crate) const INDEX_NAME: &str = "@3dtilesIndex1@";
/// A longer index (11 million entries) is not used.
pub(crate) const MAX_INDEX_BYTES: u64 = 256 << 20;
pub(crate) const RECORD_BYTES: usize = 24;

/// The order of the specification: the hash as two little-endian 64-bit numbers, the first one first.
pub(crate) fn sort_key(hash: &[u8; 16]) -> (u64, u64) {
    let (low, high) = hash.split_at(8);
    (u64_of(low), u64_of(high))
}

fn u64_of(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

pub(crate) struct Index {
    records: Vec<((u64, u64), u64)>,
}

impl Index {
    /// Parses the records; also says whether they were sorted (they are sorted afterwards in any case).
    pub(crate) fn parse(bytes: &[u8], archive_bytes: u64) -> Result<(Self, bool), ArchiveError> {
        if !bytes.len().is_multiple_of(RECORD_BYTES) {
            return Err(ArchiveError::corrupt(format!(
                "its length {} is no multiple of {RECORD_BYTES}",
                bytes.len()
            )));
        }
        let mut records = Vec::with_capacity(bytes.len() / RECORD_BYTES);
        for (at, record) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
            let (hash, offset) = record.split_at(16);
            let (low, high) = hash.split_at(8);
            let offset = u64_of(offset);
            if offset >= archive_bytes {
                return Err(ArchiveError::corrupt(format!(
                    "record {at} points behind the end of the archive"
                )));
            }
            records.push(((u64_of(low), u64_of(high)), offset));
        }
        let sorted = records.is_sorted_by_key(|record| record.0);
        if !sorted {
            records.sort_unstable();
        }
        Ok((Self { records }, sorted))
    }

    pub(crate) fn find(&self, hash: &[u8; 16]) -> Option<u64> {
        let key = sort_key(hash);
        let at = self.records.binary_search_by_key(&key, |record| record.0).ok()?;
        self.records.get(at).map(|record| record.1)
    }
}
