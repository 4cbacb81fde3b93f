//! Local headers and the bytes of entries (APPNOTE §4.3.7).

use std::{
    cell::Cell,
    io::{self, BufReader, Read},
};

use bytes::Bytes;
use flate2::{Crc, bufread::DeflateDecoder};
use ruzstd::decoding::StreamingDecoder;

use super::{
    ArchiveError,
    directory::{Method, Zip64, ZipEntry, u16_at, u32_at},
};
use crate::{
    Cancel, ReadAt,
    inflate::{LimitedError, read_limited},
    job::Job,
};

const HEADER_BYTES: usize = 30;
/// Least read at once of compressed data.
const CHUNK_BYTES: usize = 128 << 10;
/// A Zstandard frame may ask for a window of this size, whatever the length of the entry.
const MIN_WINDOW_BYTES: u64 = 8 << 20;

struct LocalHeader {
    flags: u16,
    name: Vec<u8>,
    entry: ZipEntry,
    data_offset: u64,
}

/// Reads a local header, whose name is expected to be about `name_bytes` long.
fn local_header(
    reader: &dyn ReadAt,
    offset: u64,
    name_bytes: usize,
    cancel: &Cancel,
) -> Result<LocalHeader, ArchiveError> {
    let cut_short = || ArchiveError::corrupt(format!("no whole local header at offset {offset}"));
    let left = reader.len().checked_sub(offset).ok_or_else(cut_short)?;
    let read = |bytes: usize| -> Result<Vec<u8>, ArchiveError> {
        let mut front = vec![0; bytes.min(usize::try_from(left).unwrap_or(usize::MAX))];
        reader.read_exact_at(offset, &mut front, cancel)?;
        Ok(front)
    };
    let mut front = read(HEADER_BYTES + name_bytes + 64)?;
    if !front.starts_with(b"PK\x03\x04") {
        return Err(ArchiveError::corrupt(format!("no local header at offset {offset}")));
    }
    let name_end = HEADER_BYTES + usize::from(u16_at(&front, 26).ok_or_else(cut_short)?);
    let extra_end = name_end + usize::from(u16_at(&front, 28).ok_or_else(cut_short)?);
    if extra_end > front.len() {
        front = read(extra_end)?;
    }
    let name = front.get(HEADER_BYTES..name_end).ok_or_else(cut_short)?.to_vec();
    let extra = front.get(name_end..extra_end).ok_or_else(cut_short)?;
    let word = |at| u32_at(&front, at).ok_or_else(cut_short);
    let mut sizes =
        Zip64 { plain_bytes: word(22)?.into(), compressed_bytes: word(18)?.into(), header_offset: None };
    sizes.apply(extra);
    let flags = u16_at(&front, 6).ok_or_else(cut_short)?;
    let entry = ZipEntry {
        path: String::from_utf8_lossy(&name).into_owned(),
        method: Method::of(u16_at(&front, 8).ok_or_else(cut_short)?),
        crc32: word(14)?,
        compressed_bytes: sizes.compressed_bytes,
        plain_bytes: sizes.plain_bytes,
        header_offset: offset,
        encrypted: flags & 1 != 0,
    };
    Ok(LocalHeader { flags, name, entry, data_offset: offset + extra_end as u64 })
}

/// Why an entry could not be read by its local header alone.
pub(crate) enum ByHeaderError {
    /// Another entry, or none, stands there.
    NotThisEntry(String),
    /// It leaves its sizes to a data descriptor.
    NoSizes,
    /// It is the right one, but cannot be read.
    Entry(ArchiveError),
}

/// Reads the entry `path`, whose local header should stand at `offset`.
pub(crate) fn read_by_local_header(
    reader: &dyn ReadAt,
    offset: u64,
    path: &str,
    job: &Job,
) -> Result<Bytes, ByHeaderError> {
    let header = match local_header(reader, offset, path.len(), &job.cancel) {
        Ok(header) => header,
        Err(ArchiveError::Corrupt(reason)) => return Err(ByHeaderError::NotThisEntry(reason)),
        Err(error) => return Err(ByHeaderError::Entry(error)),
    };
    if header.name != path.as_bytes() {
        return Err(ByHeaderError::NotThisEntry(format!("the entry there is {}", header.entry.path)));
    }
    if header.flags & 8 != 0 {
        return Err(ByHeaderError::NoSizes);
    }
    read_data(reader, &header.entry, header.data_offset, job).map_err(ByHeaderError::Entry)
}

/// Reads an entry of the directory.
pub(crate) fn read(reader: &dyn ReadAt, entry: &ZipEntry, job: &Job) -> Result<Bytes, ArchiveError> {
    if entry.plain_bytes > job.max_bytes {
        return Err(ArchiveError::TooLarge { plain_bytes: entry.plain_bytes });
    }
    let header = local_header(reader, entry.header_offset, entry.path.len(), &job.cancel)?;
    read_data(reader, entry, header.data_offset, job)
}

/// Reads and decompresses, checking lengths and CRC-32.
fn read_data(
    reader: &dyn ReadAt,
    entry: &ZipEntry,
    data_offset: u64,
    job: &Job,
) -> Result<Bytes, ArchiveError> {
    if entry.encrypted {
        return Err(ArchiveError::corrupt("the archive entry is encrypted"));
    }
    if entry.plain_bytes > job.max_bytes {
        return Err(ArchiveError::TooLarge { plain_bytes: entry.plain_bytes });
    }
    let data_end = data_offset.checked_add(entry.compressed_bytes);
    if data_end.is_none_or(|end| end > reader.len()) {
        return Err(ArchiveError::corrupt("the archive entry ends behind the end of the archive"));
    }
    let failed = Cell::new(None);
    let section = Section {
        reader,
        offset: data_offset,
        left: entry.compressed_bytes,
        cancel: &job.cancel,
        failed: &failed,
    };
    // The declared length is the limit: more means a broken entry.
    let limited = Job { max_bytes: entry.plain_bytes, ..job.clone() };
    let chunk = CHUNK_BYTES.max(reader.chunk_bytes());
    let plain = match entry.method {
        Method::Stored => read_stored(section, entry, &limited).map_err(|error| match failed.take() {
            Some(error) => ArchiveError::Io(error),
            None => error,
        })?,
        Method::Deflate => {
            let compressed = BufReader::with_capacity(chunk, section);
            decompress(DeflateDecoder::new(compressed), &failed, &limited)?
        }
        Method::Zstd => {
            let mut compressed = BufReader::with_capacity(chunk, section);
            check_window(&mut compressed, entry.plain_bytes)?;
            let decoder = StreamingDecoder::new(compressed)
                .map_err(|error| ArchiveError::corrupt(format!("broken Zstandard data: {error}")))?;
            decompress(decoder, &failed, &limited)?
        }
        Method::Other(number) => {
            return Err(ArchiveError::corrupt(format!("archive compression method {number} is not read")));
        }
    };
    if plain.len() as u64 != entry.plain_bytes {
        return Err(ArchiveError::corrupt(format!(
            "the archive entry has {} bytes where {} are declared",
            plain.len(),
            entry.plain_bytes
        )));
    }
    let mut crc = Crc::new();
    crc.update(&plain);
    if crc.sum() != entry.crc32 {
        return Err(ArchiveError::corrupt("the archive entry does not match its checksum"));
    }
    job.tell_length(&plain, entry.plain_bytes);
    Ok(plain.into())
}

fn read_stored(mut section: Section<'_>, entry: &ZipEntry, job: &Job) -> Result<Vec<u8>, ArchiveError> {
    if entry.compressed_bytes != entry.plain_bytes {
        return Err(ArchiveError::corrupt("a stored archive entry declares two different lengths"));
    }
    // Bounded by the length of the archive, which was checked, and by the caller's limit.
    let too_large = |_| ArchiveError::TooLarge { plain_bytes: entry.plain_bytes };
    let mut bytes = vec![0; usize::try_from(entry.plain_bytes).map_err(too_large)?];
    for chunk in bytes.chunks_mut(4 << 20) {
        job.check().map_err(|_| ArchiveError::Cancelled)?;
        section.read_exact(chunk)?;
    }
    Ok(bytes)
}

fn decompress(
    reader: impl Read,
    failed: &Cell<Option<io::Error>>,
    job: &Job,
) -> Result<Vec<u8>, ArchiveError> {
    read_limited(reader, job.max_bytes.saturating_add(1), job).map_err(|error| match (error, failed.take()) {
        (LimitedError::Cancelled, _) => ArchiveError::Cancelled,
        (_, Some(error)) => ArchiveError::Io(error),
        (LimitedError::TooLarge, None) => {
            ArchiveError::corrupt("the archive entry is longer than it declares")
        }
        (LimitedError::Io(error), None) => ArchiveError::corrupt(format!("broken compressed data: {error}")),
    })
}

/// Refuses a Zstandard frame (RFC 8878 §3.1.1.1) whose window would take more memory than its content could need.
fn check_window(compressed: &mut BufReader<Section<'_>>, plain_bytes: u64) -> Result<(), ArchiveError> {
    use io::BufRead;
    let front = compressed.fill_buf()?;
    let &[0x28, 0xb5, 0x2f, 0xfd, descriptor, window, ..] = front else {
        return Err(ArchiveError::corrupt("not a Zstandard frame"));
    };
    let single_segment = descriptor & 0x20 != 0;
    let window_bytes = if single_segment {
        let at = 5 + [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
        let mut content = 0;
        for back in (0..[1, 2, 4, 8].get(usize::from(descriptor >> 6)).copied().unwrap_or(8)).rev() {
            content = content << 8 | u64::from(front.get(at + back).copied().unwrap_or(0xff));
        }
        // The two-byte form counts from 256.
        content
    } else {
        let base = 1_u64 << (10 + (window >> 3));
        base + base / 8 * u64::from(window & 7)
    };
    if window_bytes > plain_bytes.max(MIN_WINDOW_BYTES) {
        return Err(ArchiveError::corrupt(format!(
            "the Zstandard window of {window_bytes} bytes is too large"
        )));
    }
    Ok(())
}

/// A range of an archive as a stream.
struct Section<'a> {
    reader: &'a dyn ReadAt,
    offset: u64,
    left: u64,
    cancel: &'a Cancel,
    /// Decoders hide what their input failed with; it is kept here.
    failed: &'a Cell<Option<io::Error>>,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..bytes) else { return Ok(0) };
        if let Err(error) = self.reader.read_exact_at(self.offset, part, self.cancel) {
            let kind = error.kind();
            self.failed.set(Some(error));
            return Err(kind.into());
        }
        self.offset += bytes as u64;
        self.left -= bytes as u64;
        Ok(bytes)
    }
}
