//! Points set aside on disk, sorted roughly by place, so that any part of a cloud can be had without the rest.

use std::{collections::BTreeMap, fs::File, io};

/// Where points are set aside: a file without a name that the caller opened, or memory.
pub trait Spill: Send + Sync {
    /// Appends bytes; returns where they begin.
    ///
    /// # Errors
    /// Whatever the disk answers; it may be full.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64>;
    /// Fills a buffer from a place.
    ///
    /// # Errors
    /// Whatever the disk answers, or the place is beyond the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A spill in memory: for small clouds and tests.
#[derive(Debug, Default)]
pub struct MemorySpill(Vec<u8>);

/// A spill in a file that is open for reading and writing, from its present end on.
#[derive(Debug)]
pub struct FileSpill {
    file: File,
    end: u64,
}

impl FileSpill {
    /// Uses a file, usually a temporary one without a name.
    ///
    /// # Errors
    /// The length of the file cannot be had.
    pub fn new(file: File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        Ok(Self { file, end })
    }
}

impl Spill for MemorySpill {
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.0.len() as u64;
        self.0.extend_from_slice(bytes);
        Ok(at)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Spill for FileSpill {
    #[cfg(unix)]
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(self.end - bytes.len() as u64)
    }
    #[cfg(windows)]
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<u64> {
        let start = self.end;
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(&self.file, bytes, self.end)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.end += written as u64;
            bytes = &bytes[written..];
        }
        Ok(start)
    }
    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }
    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            offset += read as u64;
            buffer = &mut buffer[read..];
        }
        Ok(())
    }
}

/// A point as it is set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Millimetres from the origin of the cloud.
    pub(crate) at_mm: [i32; 3],
    pub(crate) color: [u8; 3],
    pub(crate) class: u8,
    pub(crate) intensity: u16,
}

impl Record {
    pub(crate) const BYTES: usize = 18;

    fn put(self, out: &mut Vec<u8>) {
        let mut bytes = [0; Self::BYTES];
        for (axis, value) in self.at_mm.into_iter().enumerate() {
            bytes[axis * 4..axis * 4 + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[12..15].copy_from_slice(&self.color);
        bytes[15] = self.class;
        bytes[16..].copy_from_slice(&self.intensity.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    fn get(bytes: &[u8; Self::BYTES]) -> Self {
        let int = |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            at_mm: [int(0), int(4), int(8)],
            color: [bytes[12], bytes[13], bytes[14]],
            class: bytes[15],
            intensity: u16::from_le_bytes([bytes[16], bytes[17]]),
        }
    }
}

/// A column of the plan: all points over a square of `2^level` mm.
pub(crate) type ColumnId = (u32, [i32; 2]);

/// Columns of points, each in blocks of the spill.
#[derive(Debug)]
pub(crate) struct Columns {
    level: u32,
    columns: BTreeMap<[i32; 2], Column>,
    /// Bytes waiting in memory.
    waiting: usize,
    max_waiting: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Column {
    pub(crate) count: u64,
    blocks: Vec<(u64, u32)>,
    waiting: Vec<u8>,
}

/// A block is written when it has so many bytes.
const BLOCK_BYTES: usize = 64 << 10;

impl Columns {
    /// No columns yet, of squares of `2^level` mm, with at most about `max_waiting` bytes in memory.
    pub(crate) fn new(level: u32, max_waiting: usize) -> Self {
        Self { level, columns: BTreeMap::new(), waiting: 0, max_waiting }
    }
    pub(crate) fn push(&mut self, record: Record, spill: &mut dyn Spill) -> io::Result<()> {
        let id = [record.at_mm[0] >> self.level, record.at_mm[1] >> self.level];
        let column = self.columns.entry(id).or_default();
        column.count += 1;
        record.put(&mut column.waiting);
        self.waiting += Record::BYTES;
        if column.waiting.len() + Record::BYTES > BLOCK_BYTES {
            self.waiting -= column.waiting.len();
            column.flush(spill)?;
        } else if self.waiting > self.max_waiting {
            self.flush(spill)?;
        }
        Ok(())
    }
    /// Writes what waits. Columns then hold no memory but their list of blocks.
    pub(crate) fn flush(&mut self, spill: &mut dyn Spill) -> io::Result<()> {
        for column in self.columns.values_mut() {
            column.flush(spill)?;
            column.waiting = Vec::new();
        }
        self.waiting = 0;
        Ok(())
    }
    pub(crate) fn finish(mut self, spill: &mut dyn Spill) -> io::Result<BTreeMap<ColumnId, Column>> {
        self.flush(spill)?;
        let level = self.level;
        Ok(self.columns.into_iter().map(|(id, column)| ((level, id), column)).collect())
    }
}

impl Column {
    fn flush(&mut self, spill: &mut dyn Spill) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let at = spill.append(&self.waiting)?;
            self.blocks.push((at, self.waiting.len() as u32));
            self.waiting.clear();
        }
        Ok(())
    }
    /// Appends the points to a list.
    pub(crate) fn read(&self, spill: &dyn Spill, out: &mut Vec<Record>) -> io::Result<()> {
        let mut buffer = Vec::new();
        for &(at, bytes) in &self.blocks {
            buffer.resize(bytes as usize, 0);
            spill.read_at(at, &mut buffer)?;
            out.extend(buffer.as_chunks::<{ Record::BYTES }>().0.iter().map(Record::get));
        }
        Ok(())
    }
    /// Divides a column into those of squares half as wide, a block at a time.
    pub(crate) fn split(
        &self,
        level: u32,
        spill: &mut dyn Spill,
        max_waiting: usize,
    ) -> io::Result<BTreeMap<ColumnId, Column>> {
        let mut halves = Columns::new(level.saturating_sub(1), max_waiting);
        let mut buffer = Vec::new();
        for &(at, bytes) in &self.blocks {
            buffer.resize(bytes as usize, 0);
            spill.read_at(at, &mut buffer)?;
            for record in buffer.as_chunks::<{ Record::BYTES }>().0 {
                halves.push(Record::get(record), spill)?;
            }
        }
        halves.finish(spill)
    }
}
