//! A folder on this machine.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use crate::{
    Entry, FetchError, encoded_path,
    inflate::{LimitedError, read_limited},
    job::Job,
    uri::InsidePath,
};

/// So much tells whether a file is gzipped.
const FRONT_BYTES: usize = 4;
/// More files than this are not listed.
const MAX_LISTED: usize = 2_000_000;

#[derive(Debug)]
pub(crate) struct Folder {
    /// Free of symbolic links, so that a path inside can be told from one outside.
    root: PathBuf,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize()? })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn read(&self, inside: &InsidePath, job: &Job) -> Result<Bytes, FetchError> {
        match self.read_path(&inside.path, job) {
            Err(FetchError::NotFound { .. }) if inside.raw_path != inside.path => {
                self.read_path(&inside.raw_path, job)
            }
            result => result,
        }
    }

    fn read_path(&self, path: &str, job: &Job) -> Result<Bytes, FetchError> {
        let io = |error: io::Error| FetchError::io(&job.uri, &error);
        job.check()?;
        let path = self.root.join(path).canonicalize().map_err(io)?;
        if !path.starts_with(&self.root) {
            return Err(FetchError::refused(&job.uri, "a symbolic link that leaves the tileset"));
        }
        // Asked before opening: opening a named pipe would wait for a writer.
        if !path.metadata().map_err(io)?.is_file() {
            return Err(job.not_found());
        }
        let mut file = File::open(&path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        job.check_length(length)?;
        let mut front = Vec::with_capacity(FRONT_BYTES);
        (&mut file).take(FRONT_BYTES as u64).read_to_end(&mut front).map_err(io)?;
        job.tell_length(&front, length);
        // A file that grows is read as long as it was; one byte more saves a second read of a file that does not.
        match read_limited(front.chain(file.take(length)), length + 1, job) {
            Ok(bytes) => Ok(bytes.into()),
            Err(LimitedError::TooLarge) => Err(job.too_large(None)),
            Err(LimitedError::Cancelled) => Err(FetchError::Cancelled { uri: job.uri.as_ref().to_owned() }),
            Err(LimitedError::Io(error)) => Err(io(error)),
        }
    }

    /// Regular files below the root, by path. Symbolic links are left out.
    pub(crate) fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                let path = entry.path();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file()
                    && let Some(path) = relative_path(&self.root, &path)
                {
                    if entries.len() >= MAX_LISTED {
                        return Err(io::Error::other(format!("more than {MAX_LISTED} files")));
                    }
                    entries.push(Entry { uri: encoded_path(&path), path, bytes: entry.metadata()?.len() });
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

/// The path of `path` below `root` with `/` separators, if it is UTF-8.
pub(crate) fn relative_path(root: &Path, path: &Path) -> Option<String> {
    let mut relative = String::new();
    for component in path.strip_prefix(root).ok()?.components() {
        if !relative.is_empty() {
            relative.push('/');
        }
        relative.push_str(component.as_os_str().to_str()?);
    }
    Some(relative)
}
