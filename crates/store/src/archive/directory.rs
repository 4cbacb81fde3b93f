//! End records and central directory of a zip file (PKWARE APPNOTE 6.3.10, §4.3.12–4.3.16, §4.5.3).

use std::collections::{BTreeMap, btree_map};

use super::{ArchiveError, INDEX_NAME, MAX_WARNINGS};
use crate::{Cancel, ReadAt};

/// A longer directory is not read; larger packages need their index.
const MAX_DIRECTORY_BYTES: u64 = 256 << 20;
/// Nor one of more entries, each of which takes some 200 bytes of memory.
const MAX_ENTRIES: usize = 2_000_000;
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const END64_BYTES: usize = 56;
const HEADER_BYTES: usize = 46;

/// How an entry is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflate.
    Deflate,
    /// Zstandard.
    Zstd,
    /// Anything else, by its number: not read.
    Other(u16),
}

impl Method {
    pub(crate) fn of(number: u16) -> Self {
        match number {
            0 => Self::Stored,
            8 => Self::Deflate,
            // 20 is the number that Zstandard had first (APPNOTE 6.3.7).
            93 | 20 => Self::Zstd,
            other => Self::Other(other),
        }
    }
}

/// One file in a zip archive. Sizes and offset are as declared, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipEntry {
    /// Path with `/` separators.
    pub path: String,
    /// Compression.
    pub method: Method,
    /// CRC-32 of the plain bytes.
    pub crc32: u32,
    /// Length as stored, bytes.
    pub compressed_bytes: u64,
    /// Length of the plain bytes.
    pub plain_bytes: u64,
    /// Offset of the local header in the archive.
    pub header_offset: u64,
    /// Encrypted entries are not read.
    pub encrypted: bool,
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// Where the central directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryLocation {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

impl DirectoryLocation {
    /// Reads the end of the archive, where the end record stands before a comment of at most 65,535 bytes.
    pub(crate) fn find(reader: &dyn ReadAt) -> Result<Self, ArchiveError> {
        let tail_bytes = reader.len().min((END64_BYTES + LOCATOR_BYTES + END_BYTES + 0xffff) as u64);
        let tail_offset = reader.len() - tail_bytes;
        let mut tail = vec![0; usize::try_from(tail_bytes).unwrap_or(0)];
        reader.read_exact_at(tail_offset, &mut tail, &Cancel::default())?;
        let end_at = find_end(&tail)
            .ok_or_else(|| ArchiveError::corrupt("not a zip archive, or cut short: no end record"))?;
        Self::parse(&tail, tail_offset, end_at, reader)?
            .check(tail_offset + end_at as u64)
            .ok_or_else(|| ArchiveError::corrupt("the zip directory does not lie before its end record"))
    }

    fn parse(
        tail: &[u8],
        tail_offset: u64,
        end_at: usize,
        reader: &dyn ReadAt,
    ) -> Result<Self, ArchiveError> {
        let short = || ArchiveError::corrupt("the zip end record is cut short");
        let end = tail.get(end_at..).ok_or_else(short)?;
        let entries = u16_at(end, 10).ok_or_else(short)?;
        let bytes = u32_at(end, 12).ok_or_else(short)?;
        let offset = u32_at(end, 16).ok_or_else(short)?;
        let plain = Self { offset: offset.into(), bytes: bytes.into(), entries: entries.into() };
        if entries != u16::MAX && bytes != u32::MAX && offset != u32::MAX {
            return Ok(plain);
        }
        let locator = end_at.checked_sub(LOCATOR_BYTES).and_then(|at| tail.get(at..end_at));
        let Some(locator) = locator.filter(|locator| locator.starts_with(b"PK\x06\x07")) else {
            return Ok(plain);
        };
        let end64_offset = u64_at(locator, 8).ok_or_else(short)?;
        let mut end64 = [0; END64_BYTES];
        if end64_offset.checked_add(END64_BYTES as u64).is_none_or(|end| end > tail_offset + end_at as u64) {
            return Err(ArchiveError::corrupt("the zip64 end record lies outside the archive"));
        }
        reader.read_exact_at(end64_offset, &mut end64, &Cancel::default())?;
        if !end64.starts_with(b"PK\x06\x06") {
            return Err(ArchiveError::corrupt("there is no zip64 end record where one is announced"));
        }
        Ok(Self {
            entries: u64_at(&end64, 32).ok_or_else(short)?,
            bytes: u64_at(&end64, 40).ok_or_else(short)?,
            offset: u64_at(&end64, 48).ok_or_else(short)?,
        })
    }

    fn check(self, end_offset: u64) -> Option<Self> {
        let end = self.offset.checked_add(self.bytes)?;
        (end <= end_offset && self.entries <= self.bytes / HEADER_BYTES as u64).then_some(self)
    }

    /// The last entry of the directory, found without reading the others, if it looks like the index.
    pub(crate) fn last_entry(&self, reader: &dyn ReadAt) -> Result<Option<ZipEntry>, ArchiveError> {
        // Name, 64 bytes of extra fields and a comment are more than any writer of an index adds.
        let tail_bytes = self.bytes.min((HEADER_BYTES + INDEX_NAME.len() + 64 + 256) as u64);
        let mut tail = vec![0; usize::try_from(tail_bytes).unwrap_or(0)];
        reader.read_exact_at(self.offset + self.bytes - tail_bytes, &mut tail, &Cancel::default())?;
        let name_at = tail
            .windows(INDEX_NAME.len())
            .enumerate()
            .rev()
            .find(|(at, window)| *at >= HEADER_BYTES && *window == INDEX_NAME.as_bytes())
            .map(|(at, _)| at);
        let Some(header) = name_at.and_then(|at| tail.get(at - HEADER_BYTES..)) else { return Ok(None) };
        Ok(parse_header(header).and_then(|(entry, used)| (used == header.len()).then_some(entry)))
    }
}

/// The last position where an end record stands whose comment ends within the archive.
fn find_end(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    (0..=last).rev().find(|&at| {
        tail.get(at..).is_some_and(|end| {
            end.starts_with(b"PK\x05\x06")
                && u16_at(end, 20).is_some_and(|comment| END_BYTES + usize::from(comment) <= end.len())
        })
    })
}

/// One central directory header at the start of `bytes`, and its length.
fn parse_header(bytes: &[u8]) -> Option<(ZipEntry, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let flags = u16_at(bytes, 8)?;
    let name_bytes = usize::from(u16_at(bytes, 28)?);
    let extra_bytes = usize::from(u16_at(bytes, 30)?);
    let comment_bytes = usize::from(u16_at(bytes, 32)?);
    let extra_at = HEADER_BYTES + name_bytes;
    let end = extra_at + extra_bytes + comment_bytes;
    let name = bytes.get(HEADER_BYTES..extra_at)?;
    let extra = bytes.get(extra_at..extra_at + extra_bytes)?;
    bytes.get(..end)?;
    let mut sizes = Zip64 {
        plain_bytes: u32_at(bytes, 24)?.into(),
        compressed_bytes: u32_at(bytes, 20)?.into(),
        header_offset: Some(u32_at(bytes, 42)?.into()),
    };
    sizes.apply(extra);
    let entry = ZipEntry {
        path: String::from_utf8_lossy(name).into_owned(),
        method: Method::of(u16_at(bytes, 10)?),
        crc32: u32_at(bytes, 16)?,
        compressed_bytes: sizes.compressed_bytes,
        plain_bytes: sizes.plain_bytes,
        header_offset: sizes.header_offset?,
        encrypted: flags & 1 != 0,
    };
    Some((entry, end))
}

/// Values that a zip64 extra field replaces where the 32-bit ones are all ones (§4.5.3).
pub(crate) struct Zip64 {
    pub(crate) plain_bytes: u64,
    pub(crate) compressed_bytes: u64,
    /// Absent in local headers.
    pub(crate) header_offset: Option<u64>,
}

impl Zip64 {
    pub(crate) fn apply(&mut self, mut extra: &[u8]) {
        while let (Some(id), Some(bytes)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let end = 4 + usize::from(bytes);
            let Some(field) = extra.get(4..end) else { return };
            if id == 1 {
                let mut values = field.chunks_exact(8).map(|chunk| u64_at(chunk, 0).unwrap_or(u64::MAX));
                let saturated = [
                    Some(&mut self.plain_bytes),
                    Some(&mut self.compressed_bytes),
                    self.header_offset.as_mut(),
                ];
                for value in saturated.into_iter().flatten().filter(|value| **value == u64::from(u32::MAX)) {
                    if let Some(wide) = values.next() {
                        *value = wide;
                    }
                }
                return;
            }
            extra = extra.get(end..).unwrap_or_default();
        }
    }
}

/// The central directory by path.
pub(crate) struct Directory {
    entries: BTreeMap<String, ZipEntry>,
}

impl Directory {
    /// Reads all entries; also tells what was tolerated.
    pub(crate) fn read(
        reader: &dyn ReadAt,
        location: &DirectoryLocation,
    ) -> Result<(Self, Vec<String>), ArchiveError> {
        if location.bytes > MAX_DIRECTORY_BYTES {
            return Err(ArchiveError::corrupt(format!(
                "the zip directory is longer than {MAX_DIRECTORY_BYTES} bytes"
            )));
        }
        let mut bytes = vec![0; usize::try_from(location.bytes).unwrap_or(0)];
        reader.read_exact_at(location.offset, &mut bytes, &Cancel::default())?;
        Self::parse(&bytes, location)
    }

    pub(crate) fn parse(
        bytes: &[u8],
        location: &DirectoryLocation,
    ) -> Result<(Self, Vec<String>), ArchiveError> {
        let mut warnings = Vec::new();
        let mut warn = |warning| {
            if warnings.len() < MAX_WARNINGS {
                warnings.push(warning);
            }
        };
        let mut entries = BTreeMap::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((mut entry, used)) = parse_header(rest) else {
                return Err(ArchiveError::corrupt(format!(
                    "broken zip directory entry at offset {}",
                    location.offset + at as u64
                )));
            };
            at += used;
            if entry.path.contains('\\') {
                warn(format!("the archive has paths with backslashes, such as {}", entry.path));
                entry.path = entry.path.replace('\\', "/");
            }
            if entry.path.ends_with('/') {
                continue;
            }
            if entries.len() >= MAX_ENTRIES {
                return Err(ArchiveError::corrupt(format!(
                    "the zip directory has more than {MAX_ENTRIES} entries"
                )));
            }
            match entries.entry(entry.path.clone()) {
                btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(entry);
                }
                btree_map::Entry::Occupied(first) => {
                    warn(format!("the archive has {} twice; the first is read", first.key()));
                }
            }
        }
        Ok((Self { entries }, warnings))
    }

    pub(crate) fn find(&self, path: &str) -> Option<&ZipEntry> {
        self.entries.get(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ZipEntry> {
        self.entries.values()
    }
}
