//! `.3tz` packages: a zip file whose last entry, `@3dtilesIndex1@`, finds entries by the MD5 of their path
//! (3TZ specification 1.3, "3D Tiles Archive Format").
//!
//! Reading is tolerant: where the index is missing, unsorted or wrong, the central directory of the zip file is used
//! and a warning kept. Entries are stored, deflated or Zstandard-compressed; zip64 is read.

mod directory;
mod entry;
mod index;

use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use md5::{Digest, Md5};

pub use directory::{Method, ZipEntry};
pub(crate) use index::{INDEX_NAME, sort_key as index_sort_key};

use crate::{FetchError, ReadAt, job::Job};
use directory::{Directory, DirectoryLocation};
use index::Index;

const MAX_WARNINGS: usize = 100;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The structure is broken or uses what is not read; the text names the place.
    #[error("{0}")]
    Corrupt(String),
    /// There is no such entry.
    #[error("no such entry")]
    NotFound,
    /// The entry is longer than the caller allows.
    #[error("the entry is longer than allowed: {plain_bytes} bytes")]
    TooLarge {
        /// Its length as declared.
        plain_bytes: u64,
    },
    /// The read was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The bytes of the archive could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ArchiveError {
    fn corrupt(message: impl Into<String>) -> Self {
        Self::Corrupt(message.into())
    }

    fn of_job(self, job: &Job) -> FetchError {
        let uri = job.uri.as_ref();
        match self {
            Self::Corrupt(reason) => FetchError::corrupt(uri, reason),
            Self::NotFound => job.not_found(),
            Self::TooLarge { plain_bytes } => job.too_large(Some(plain_bytes)),
            Self::Cancelled => FetchError::Cancelled { uri: uri.to_owned() },
            Self::Io(error) if job.cancel.is_cancelled() => {
                tracing::trace!("{uri}: {error} after cancel");
                FetchError::Cancelled { uri: uri.to_owned() }
            }
            Self::Io(error) => match error.get_ref().and_then(|cause| cause.downcast_ref::<FetchError>()) {
                Some(cause) => cause.clone().about(uri),
                None if error.kind() == io::ErrorKind::UnexpectedEof => {
                    FetchError::corrupt(uri, "the archive is cut short")
                }
                None => FetchError::io(uri, &error),
            },
        }
    }
}

/// An open `.3tz` archive (any zip file will do).
pub struct Archive {
    reader: Box<dyn ReadAt>,
    location: DirectoryLocation,
    index: Option<Index>,
    /// Read only when needed: an archive of millions of entries is opened by its index alone.
    directory: OnceLock<Result<Directory, String>>,
    warnings: Mutex<Vec<String>>,
}

impl Archive {
    /// Finds the directory and reads the index.
    pub fn open(reader: Box<dyn ReadAt>) -> Result<Self, ArchiveError> {
        let location = DirectoryLocation::find(reader.as_ref())?;
        let mut archive = Self {
            reader,
            location,
            index: None,
            directory: OnceLock::new(),
            warnings: Mutex::new(Vec::new()),
        };
        archive.index = match archive.read_index() {
            Ok(Some((index, sorted))) => {
                if !sorted {
                    archive.warn("the index of the archive is not sorted".to_owned());
                }
                Some(index)
            }
            Ok(None) => {
                archive.warn(format!("the archive has no index: its last entry is not `{INDEX_NAME}`"));
                None
            }
            Err(ArchiveError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(error.into());
            }
            Err(error) => {
                archive.warn(format!("the index of the archive cannot be used: {error}"));
                None
            }
        };
        if archive.index.is_none() {
            archive.directory()?;
        }
        Ok(archive)
    }

    fn read_index(&self) -> Result<Option<(Index, bool)>, ArchiveError> {
        let Some(entry) = self.location.last_entry(self.reader.as_ref())? else { return Ok(None) };
        if entry.path != INDEX_NAME {
            return Ok(None);
        }
        let job = Job::blocking(INDEX_NAME, index::MAX_INDEX_BYTES);
        let bytes = entry::read(self.reader.as_ref(), &entry, &job)?;
        Index::parse(&bytes, self.reader.len()).map(Some)
    }

    /// What was tolerated so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MAX_WARNINGS && !warnings.contains(&warning) {
            tracing::warn!("{warning}");
            warnings.push(warning);
        }
    }

    fn directory(&self) -> Result<&Directory, ArchiveError> {
        let result = self.directory.get_or_init(|| {
            let (directory, warnings) =
                Directory::read(self.reader.as_ref(), &self.location).map_err(|error| error.to_string())?;
            for warning in warnings {
                self.warn(warning);
            }
            Ok(directory)
        });
        result.as_ref().map_err(|reason| ArchiveError::corrupt(reason.clone()))
    }

    /// All files in it by path, the index left out.
    pub fn entries(&self) -> Result<Vec<&ZipEntry>, ArchiveError> {
        Ok(self.directory()?.iter().filter(|entry| entry.path != INDEX_NAME).collect())
    }

    /// Reads the entry at the decoded `path`, decompressed; at most `max_bytes`.
    pub fn read(&self, path: &str, max_bytes: u64) -> Result<Bytes, ArchiveError> {
        self.read_entry(path, &Job::blocking(path, max_bytes))
    }

    fn read_entry(&self, path: &str, job: &Job) -> Result<Bytes, ArchiveError> {
        let reader = self.reader.as_ref();
        let Some(index) = &self.index else {
            let entry = self.directory()?.find(path).ok_or(ArchiveError::NotFound)?;
            return entry::read(reader, entry, job);
        };
        let hash: [u8; 16] = Md5::digest(path.as_bytes()).into();
        let offset = index.find(&hash);
        if let Some(offset) = offset {
            match entry::read_by_local_header(reader, offset, path, job) {
                Err(entry::ByHeaderError::NotThisEntry(reason)) => {
                    self.warn(format!("the index of the archive is wrong for {path}: {reason}"));
                }
                // Sizes of a streamed entry stand only in the directory.
                Err(entry::ByHeaderError::NoSizes) => {}
                Err(entry::ByHeaderError::Entry(error)) => return Err(error),
                Ok(bytes) => return Ok(bytes),
            }
        }
        let entry = match self.directory() {
            Ok(directory) => directory.find(path).ok_or(ArchiveError::NotFound)?,
            Err(error) => {
                self.warn(error.to_string());
                return Err(ArchiveError::NotFound);
            }
        };
        if offset.is_none() {
            self.warn(format!("the index of the archive lacks {path}"));
        }
        entry::read(reader, entry, job)
    }

    pub(crate) fn read_job(&self, path: &str, job: &Job) -> Result<Bytes, FetchError> {
        self.read_entry(path, job).map_err(|error| error.of_job(job))
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Archive").field("bytes", &self.reader.len()).finish_non_exhaustive()
    }
}

/// Opens `bytes` as an archive, lists it and reads its entries, each up to 1 MiB: for fuzz targets, which only look at
/// whether it panics, hangs or takes memory without end. Returns the number of entries read.
pub fn parse_for_fuzzing(bytes: &[u8]) -> usize {
    let Ok(archive) = Archive::open(Box::new(Bytes::copy_from_slice(bytes))) else { return 0 };
    let mut read = usize::from(archive.read("tileset.json", 1 << 20).is_ok());
    if let Ok(entries) = archive.entries() {
        read += entries.iter().take(64).filter(|entry| archive.read(&entry.path, 1 << 20).is_ok()).count();
    }
    read
}
