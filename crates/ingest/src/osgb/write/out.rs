//! Primitive encodings.

use std::io;

use super::Format;

#[derive(Debug)]
pub(super) struct Out {
    bytes: Vec<u8>,
    format: Format,
}

impl Out {
    pub(super) fn new(format: &Format) -> Self {
        Self { bytes: Vec::new(), format: *format }
    }

    pub(super) fn version(&self) -> u32 {
        self.format.version
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn put<const N: usize>(&mut self, mut little_endian: [u8; N]) {
        if self.format.big_endian {
            little_endian.reverse();
        }
        self.bytes.extend_from_slice(&little_endian);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn count(&mut self, count: usize) -> io::Result<()> {
        let count = i32::try_from(count).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{count} elements in one list"))
        })?;
        self.i32(count);
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.count(text.len())?;
        self.raw(text.as_bytes());
        Ok(())
    }

    /// `{`; returns where the size goes.
    pub(super) fn open(&mut self) -> usize {
        let at = self.bytes.len();
        let width = self.width();
        self.bytes.resize(at + width, 0);
        at
    }

    /// `}` of the block that [`Out::open`] began.
    pub(super) fn close(&mut self, at: usize) {
        let size = (self.bytes.len() - at) as u64;
        let width = self.width();
        let bytes = if self.format.big_endian { size.to_be_bytes() } else { size.to_le_bytes() };
        let bytes = if self.format.big_endian { &bytes[8 - width..] } else { &bytes[..width] };
        self.bytes[at..at + width].copy_from_slice(bytes);
    }

    fn width(&self) -> usize {
        match (self.format.blocks, self.format.version >= super::super::WIDE_BLOCKS_FROM) {
            (false, _) => 0,
            (true, false) => 4,
            (true, true) => 8,
        }
    }
}
