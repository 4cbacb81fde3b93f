//! Reading ranges by position: what archives are read through.

use std::{fs::File, io, path::Path};

use bytes::Bytes;

use crate::Cancel;

/// Something of known length that can be read at any position, from several threads at once.
pub trait ReadAt: Send + Sync {
    /// Length, bytes.
    fn len(&self) -> u64;

    /// Fills `buffer` from `offset`; an error if the end comes first or `cancel` was set.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> io::Result<()>;

    /// How much is best read at once: small where a read is cheap, large where it is a request over the network.
    fn chunk_bytes(&self) -> usize {
        256
    }

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for Bytes {
    fn len(&self) -> u64 {
        Self::len(self) as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8], _cancel: &Cancel) -> io::Result<()> {
        let range =
            usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(buffer.len())?));
        let bytes = range.and_then(|range| self.get(range)).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

/// A file, read by position.
#[derive(Debug)]
pub struct FileAt {
    file: File,
    len: u64,
}

impl FileAt {
    /// Opens a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Asked before opening: opening a named pipe would wait for a writer.
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file: File::open(path)?, len: metadata.len() })
    }
}

impl ReadAt for FileAt {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8], _cancel: &Cancel) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut buffer: &mut [u8], _cancel: &Cancel) -> io::Result<()> {
        while !buffer.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = &mut buffer[read..];
            offset += read as u64;
        }
        Ok(())
    }
}
