//! Answers of servers on disk, bounded in bytes.
//!
//! One file per address, named by the BLAKE3 hash of the address. Which files there are, how long they are and when
//! they were used is known in memory from the start (names, lengths and times only: nothing is opened); a file's
//! content is checked when it is read, and a broken one is deleted then. The bound holds at every moment, for finished
//! and half-written files together: room is made before a file is written.

mod file;
mod table;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;

pub(crate) use file::{Copy, Freshness, Stored, Validators};
use table::Table;

use crate::write;

/// Bound unless told: 2 GiB.
pub(crate) const DEFAULT_MAX_BYTES: u64 = 2 << 30;

/// A bounded folder of answers. Clones share it; several sources may use one.
#[derive(Clone, Debug)]
pub struct DiskCache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    max_bytes: u64,
    table: Mutex<Table>,
    /// Held while this process may write; None when another process does.
    lock: Option<File>,
}

/// Figures of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Files.
    pub files: usize,
    /// Bytes in them, and those about to be written.
    pub bytes: u64,
    /// The bound.
    pub max_bytes: u64,
    /// Copies found since it was opened.
    pub hits: u64,
    /// Copies not found.
    pub misses: u64,
    /// Files deleted to make room.
    pub evicted: u64,
    /// Files deleted because they were broken.
    pub broken: u64,
    /// Another process writes to this folder, so this one only reads.
    pub read_only: bool,
}

const LOCK_NAME: &str = "lock";

impl DiskCache {
    /// Opens the cache in `folder`, which is made if it is absent and should hold nothing else. Deletes what is half
    /// written and what is over `max_bytes` (2 GiB if None). While another process has the folder open, this one only
    /// reads from it.
    pub fn open(folder: &Path, max_bytes: Option<u64>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::options().create(true).append(true).open(folder.join(LOCK_NAME))?;
        let lock = match lock.try_lock() {
            Ok(()) => Some(lock),
            Err(TryLockError::WouldBlock) => {
                tracing::info!("the disk cache is in use by another process; it is only read here");
                None
            }
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let max_bytes = max_bytes.unwrap_or(DEFAULT_MAX_BYTES);
        let inner = Inner { folder: folder.to_owned(), max_bytes, table: Mutex::default(), lock };
        inner.scan()?;
        let cache = Self { inner: Arc::new(inner) };
        if cache.inner.lock.is_some() {
            cache.inner.make_room(&mut cache.inner.lock_table(), 0);
        }
        Ok(cache)
    }

    /// The copy of `address`, if there is a whole one and reading it takes no more than `max_bytes`.
    pub(crate) fn get(&self, address: &str, max_bytes: u64) -> Copy {
        let inner = &self.inner;
        let name = file::name_of(address);
        if !inner.lock_table().contains(&name) && inner.lock.is_some() {
            inner.lock_table().misses += 1;
            return Copy::None;
        }
        let path = inner.path(&name);
        match file::read(&path, address, inner.max_bytes, max_bytes) {
            Ok(Copy::Whole(stored)) => {
                let mut table = inner.lock_table();
                table.touch(&name);
                table.hits += 1;
                drop(table);
                if inner.lock.is_some() {
                    file::touch(&path);
                }
                Copy::Whole(stored)
            }
            Ok(other) => other,
            Err(error) => {
                let mut table = inner.lock_table();
                table.misses += 1;
                if inner.lock.is_some() && error.kind() == io::ErrorKind::InvalidData {
                    tracing::warn!("a broken file in the disk cache is deleted: {error}");
                    table.broken += 1;
                    inner.delete(&mut table, &name);
                }
                Copy::None
            }
        }
    }

    /// Keeps `body` as the copy of `address`, unless it alone would exceed the bound.
    pub(crate) fn put(
        &self,
        address: &str,
        validators: &Validators,
        freshness: Freshness,
        body: &Bytes,
    ) -> io::Result<()> {
        let inner = &self.inner;
        if inner.lock.is_none() {
            return Ok(());
        }
        let head = file::head(address, validators, freshness, body)?;
        let bytes = (head.len() + body.len()) as u64;
        let name = file::name_of(address);
        let path = inner.path(&name);
        {
            let mut table = inner.lock_table();
            if !inner.make_room(&mut table, bytes) {
                return Ok(());
            }
            table.reserved += bytes;
        }
        let written = inner.write(&path, &[&head, body]);
        {
            let mut table = inner.lock_table();
            table.reserved -= bytes;
            // Under the lock, so that no eviction sees the file under its old length.
            written?.rename()?;
            table.insert(name, bytes);
        }
        write::sync_folder(write::folder_of(&path))
    }

    /// Notes that the server confirmed the copy of `address`.
    pub(crate) fn refresh(&self, address: &str, freshness: Freshness) {
        let inner = &self.inner;
        let name = file::name_of(address);
        if inner.lock.is_some()
            && inner.lock_table().contains(&name)
            && let Err(error) = file::refresh(&inner.path(&name), freshness)
        {
            tracing::debug!("a file in the disk cache cannot be refreshed: {error}");
        }
    }

    /// Drops the copy of `address`.
    pub(crate) fn remove(&self, address: &str) {
        let name = file::name_of(address);
        let mut table = self.inner.lock_table();
        if self.inner.lock.is_some() && table.contains(&name) {
            self.inner.delete(&mut table, &name);
        }
    }

    /// Figures.
    pub fn stats(&self) -> CacheStats {
        let table = self.inner.lock_table();
        CacheStats {
            files: table.len(),
            bytes: table.bytes() + table.reserved,
            max_bytes: self.inner.max_bytes,
            hits: table.hits,
            misses: table.misses,
            evicted: table.evicted,
            broken: table.broken,
            read_only: self.inner.lock.is_none(),
        }
    }
}

impl Inner {
    fn lock_table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name.get(..2).unwrap_or_default()).join(name)
    }

    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<write::AtomicFile> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut temporary = write::AtomicFile::create_private(path)?;
        for part in parts {
            io::Write::write_all(&mut temporary, part)?;
        }
        temporary.sync()?;
        Ok(temporary)
    }

    /// Takes stock of what lies in the folder, least recently used first; deletes what a crash left half-written.
    fn scan(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for shard in fs::read_dir(&self.folder)? {
            let shard = shard?;
            if !shard.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shard.path())? {
                let entry = entry?;
                let Ok(metadata) = entry.metadata() else { continue };
                let name = entry.file_name();
                match name.to_str() {
                    Some(name) if file::is_name(name) && metadata.is_file() => {
                        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        found.push((used, name.to_owned(), metadata.len()));
                    }
                    Some(name) if write::is_temporary_name(name) && self.lock.is_some() => {
                        fs::remove_file(entry.path())?;
                    }
                    _ => {}
                }
            }
        }
        found.sort();
        let mut table = self.lock_table();
        for (_, name, bytes) in found {
            table.insert(name, bytes);
        }
        Ok(())
    }

    /// Deletes the least recently used files until `bytes` more fit; false if they cannot.
    fn make_room(&self, table: &mut Table, bytes: u64) -> bool {
        if bytes.saturating_add(table.reserved) > self.max_bytes {
            return false;
        }
        let wanted = self.max_bytes - bytes - table.reserved;
        for name in table.oldest_over(wanted) {
            if self.delete(table, &name) {
                table.evicted += 1;
            }
        }
        table.bytes() <= wanted
    }

    /// Deletes a file; what cannot be deleted goes on being counted.
    fn delete(&self, table: &mut Table, name: &str) -> bool {
        match fs::remove_file(self.path(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!("a file in the disk cache cannot be deleted: {error}");
                return false;
            }
        }
        table.remove(name);
        true
    }
}
