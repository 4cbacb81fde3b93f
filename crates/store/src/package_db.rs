//! `.3dtiles` packages: an SQLite database with the table `media (key TEXT PRIMARY KEY, content BLOB)`.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, limits::Limit};

use crate::{Entry, FetchError, encoded_path, job::Job, uri::InsidePath};

/// More files are not listed (a broken database may seem to hold any number).
const MAX_LISTED: usize = 2_000_000;
const MAX_KEY_BYTES: usize = 4096;
/// Connections kept for the next read.
const MAX_IDLE: usize = 8;
/// What SQLite itself may need beside a blob in one row.
const ROW_BYTES: u64 = 1 << 20;
/// Characters that mean something in SQLite's file addresses.
const FILE_ADDRESS: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

#[derive(Debug)]
pub(crate) struct PackageDb {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl PackageDb {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let package = Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) };
        let connection = package.connect().map_err(|error| error.to_string())?;
        let sql: Option<Option<String>> = connection
            .query_row("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'media'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| error.to_string())?;
        // A view or a virtual table could run whatever the file says, for as long as it likes.
        let is_plain = |sql: &str| sql.trim_start().to_ascii_uppercase().starts_with("CREATE TABLE");
        if !sql.flatten().is_some_and(|sql| is_plain(&sql)) {
            return Err("the package has no table `media`".to_owned());
        }
        let columns: Vec<(String, i64)> = connection
            .prepare("SELECT name, hidden FROM pragma_table_xinfo('media')")
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(|error| error.to_string())?;
        for wanted in ["key", "content"] {
            if !columns.iter().any(|(name, hidden)| name.eq_ignore_ascii_case(wanted) && *hidden == 0) {
                return Err(format!("the table `media` of the package has no column `{wanted}`"));
            }
        }
        package.give_back(connection);
        Ok(package)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Without locks a package is readable from a read-only disk; with a journal beside it, it is being written.
        let is_written = ["-wal", "-journal"].iter().any(|suffix| {
            let mut beside = self.path.clone().into_os_string();
            beside.push(suffix);
            PathBuf::from(beside).metadata().is_ok_and(|metadata| metadata.len() > 0)
        });
        let connection = match self.path.to_str() {
            Some(path) if !is_written => {
                let path = utf8_percent_encode(path, FILE_ADDRESS);
                let slash = if cfg!(windows) { "/" } else { "" };
                let address = format!("file:{slash}{path}?immutable=1");
                Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)?
            }
            _ => Connection::open_with_flags(&self.path, flags)?,
        };
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    pub(crate) fn read(&self, inside: &InsidePath, job: &Job) -> Result<Bytes, FetchError> {
        job.check()?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(|error| fetch_error(&error, job))?,
        };
        let mut content = read_blob(&connection, &inside.path, job);
        if matches!(content, Err(FetchError::NotFound { .. })) && inside.raw_path != inside.path {
            content = read_blob(&connection, &inside.raw_path, job);
        }
        self.give_back(connection);
        let content = content?;
        job.check_length(content.len() as u64)?;
        job.tell_length(&content, content.len() as u64);
        Ok(content.into())
    }

    pub(crate) fn list(&self) -> Result<Vec<Entry>, String> {
        let connection = self.connect().map_err(|error| error.to_string())?;
        let read = || -> rusqlite::Result<Option<Vec<Entry>>> {
            let mut entries = Vec::new();
            let mut statement = connection.prepare("SELECT key, length(content) FROM media")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let path = row.get_ref(0)?.as_str()?;
                if entries.len() >= MAX_LISTED || path.len() > MAX_KEY_BYTES {
                    return Ok(None);
                }
                let bytes: Option<i64> = row.get(1)?;
                let bytes = u64::try_from(bytes.unwrap_or(0)).unwrap_or(0);
                entries.push(Entry { uri: encoded_path(path), path: path.to_owned(), bytes });
            }
            Ok(Some(entries))
        };
        let mut entries = read()
            .map_err(|error| error.to_string())?
            .ok_or("the package has too many files, or a path that is too long")?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

fn read_blob(connection: &Connection, path: &str, job: &Job) -> Result<Vec<u8>, FetchError> {
    let limit = i32::try_from(job.max_bytes.saturating_add(ROW_BYTES)).unwrap_or(i32::MAX);
    connection
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)
        .and_then(|_| connection.prepare_cached("SELECT content FROM media WHERE key = ?1"))
        .and_then(|mut statement| {
            statement
                .query_row([path], |row| {
                    let content = row.get_ref(0)?;
                    match content.as_bytes_or_null()? {
                        Some(bytes) if bytes.len() as u64 > job.max_bytes => {
                            Ok(Err(job.too_large(Some(bytes.len() as u64))))
                        }
                        bytes => Ok(Ok(bytes.unwrap_or_default().to_vec())),
                    }
                })
                .optional()
        })
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::TooBig) => job.too_large(length_of(connection, path)),
            _ => fetch_error(&error, job),
        })?
        .ok_or_else(|| job.not_found())?
}

/// How long a content is, without reading it.
fn length_of(connection: &Connection, path: &str) -> Option<u64> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::MAX).ok()?;
    let mut statement = connection.prepare_cached("SELECT length(content) FROM media WHERE key = ?1").ok()?;
    let length: Option<i64> = statement.query_row([path], |row| row.get(0)).ok()?;
    u64::try_from(length?).ok()
}

fn fetch_error(error: &rusqlite::Error, job: &Job) -> FetchError {
    match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => job.too_large(None),
        Some(
            code @ (ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure),
        ) => FetchError::Io {
            uri: job.uri.as_ref().to_owned(),
            reason: error.to_string(),
            transient: code != ErrorCode::SystemIoFailure,
        },
        _ => FetchError::corrupt(&job.uri, error.to_string()),
    }
}
