//! Primitive encodings, and where in the file they are read.

use super::{OsgbError, OsgbErrorKind};

/// What is read, how, and where it stands.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
    /// Offset of `data` in the file, for messages.
    base: u64,
    in_body: bool,
    big_endian: bool,
    file: &'a str,
    /// Class of the object being read.
    pub(super) class: &'static str,
    /// File version.
    pub(super) version: u32,
    /// Width of the size of a block: 0 (blocks are not marked), 4 or 8.
    pub(super) block_size_bytes: usize,
}

/// The end of a block, where the file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    end: Option<usize>,
}

impl Block {
    /// Whether the file tells the end, and it is here.
    pub(super) fn ends_at(self, at: usize) -> bool {
        self.end == Some(at)
    }
}

type Result<T> = std::result::Result<T, OsgbError>;

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a str, data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            base: 0,
            in_body: false,
            big_endian: false,
            file,
            class: "header",
            version: 0,
            block_size_bytes: 0,
        }
    }

    /// A cursor over the body of the file whose header this one has read.
    pub(super) fn over_body<'b>(&self, file: &'b str, body: &'b [u8], in_body: bool) -> Cursor<'b> {
        Cursor {
            data: body,
            at: 0,
            base: if in_body { 0 } else { self.at as u64 },
            in_body,
            big_endian: self.big_endian,
            file,
            class: "header",
            version: self.version,
            block_size_bytes: self.block_size_bytes,
        }
    }

    pub(super) fn set_big_endian(&mut self, big_endian: bool) {
        self.big_endian = big_endian;
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    pub(super) fn is_in_body(&self) -> bool {
        self.in_body
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.data.len() - self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    pub(super) fn fail(&self, field: &str, kind: OsgbErrorKind) -> OsgbError {
        self.fail_at(self.at, field, kind)
    }

    pub(super) fn fail_at(&self, at: usize, field: &str, kind: OsgbErrorKind) -> OsgbError {
        OsgbError {
            file: self.file.to_owned(),
            offset: self.base + at as u64,
            in_body: self.in_body,
            class: self.class.to_owned(),
            field: field.to_owned(),
            kind,
        }
    }

    pub(super) fn corrupt(&self, field: &str, reason: impl Into<String>) -> OsgbError {
        self.fail(field, OsgbErrorKind::Corrupt(reason.into()))
    }

    pub(super) fn bytes(&mut self, count: usize, field: &str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.data.len());
        let slice = end.and_then(|end| self.data.get(self.at..end));
        match slice {
            Some(slice) => {
                self.at += count;
                Ok(slice)
            }
            None => {
                let (needed, left) = (count as u64, self.left() as u64);
                Err(self.fail(field, OsgbErrorKind::Truncated { needed, left }))
            }
        }
    }

    fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N]> {
        let slice = self.bytes(N, field)?;
        let mut bytes: [u8; N] =
            slice.try_into().map_err(|_| self.corrupt(field, "a field of another length"))?;
        if self.big_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }

    pub(super) fn u8(&mut self, field: &str) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    pub(super) fn bool(&mut self, field: &str) -> Result<bool> {
        Ok(self.u8(field)? != 0)
    }

    pub(super) fn i32(&mut self, field: &str) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    pub(super) fn f32(&mut self, field: &str) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn f64(&mut self, field: &str) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array(field)?))
    }

    pub(super) fn f64s<const N: usize>(&mut self, field: &str) -> Result<[f64; N]> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.f64(field)?;
        }
        Ok(values)
    }

    pub(super) fn f32s<const N: usize>(&mut self, field: &str) -> Result<[f32; N]> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.f32(field)?;
        }
        Ok(values)
    }

    /// Raw bytes of a string.
    pub(super) fn text(&mut self, field: &str) -> Result<&'a [u8]> {
        let start = self.at;
        let count = self.i32(field)?;
        match usize::try_from(count) {
            Ok(count) => self.bytes(count, field),
            Err(_) => {
                Err(self.fail_at(start, field, OsgbErrorKind::Corrupt(format!("a string of {count} bytes"))))
            }
        }
    }

    /// A count of elements that take at least `min_bytes` each: never more than the rest of the file can hold.
    pub(super) fn count(&mut self, min_bytes: usize, field: &str) -> Result<usize> {
        let start = self.at;
        let count = self.u32(field)? as usize;
        let needed = count.saturating_mul(min_bytes);
        if needed > self.left() {
            let (needed, left) = (needed as u64, self.left() as u64);
            return Err(self.fail_at(start, field, OsgbErrorKind::Truncated { needed, left }));
        }
        Ok(count)
    }

    /// `{`: remembers where the block ends, if the file tells.
    pub(super) fn open(&mut self, field: &str) -> Result<Block> {
        let start = self.at;
        let size = match self.block_size_bytes {
            0 => return Ok(Block { end: None }),
            4 => u64::from(self.u32(field)?),
            _ => self.u64(field)?,
        };
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        match end.filter(|&end| end >= self.at && end <= self.data.len()) {
            Some(end) => Ok(Block { end: Some(end) }),
            None => Err(self.fail_at(
                start,
                field,
                OsgbErrorKind::Corrupt(format!("a block of {size} bytes does not fit in the file")),
            )),
        }
    }

    /// `}`: the block must end here.
    pub(super) fn close(&mut self, block: Block, field: &str) -> Result<()> {
        match block.end {
            Some(end) if end != self.at => {
                let reason = format!("the block ends at byte {end}, its fields at {}", self.at);
                Err(self.corrupt(field, reason))
            }
            _ => Ok(()),
        }
    }

    /// Goes to the end of the block; `false` if the file does not tell where that is.
    pub(super) fn skip(&mut self, block: Block) -> bool {
        match block.end {
            Some(end) => {
                self.at = end;
                true
            }
            None => false,
        }
    }
}
