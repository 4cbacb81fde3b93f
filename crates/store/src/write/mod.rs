//! Writing: files that are either whole or not there, and `.3tz` packages.

mod folder;
mod package;

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

pub use folder::{AtomicFolder, remove_temporary_folders, remove_whole_folder};
pub use package::{Compression, PackageReport, package_3tz};

const TEMPORARY_PREFIX: &str = ".hamlet-tmp-";

/// A file that appears under its name, whole and durable, when it is committed. Until then it has a temporary name in
/// the same folder; dropped uncommitted, it is deleted.
#[derive(Debug)]
pub struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will replace whatever is at `path`; its folder must exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::create_with(path, 0o666)
    }

    /// As [`AtomicFile::create`], readable by nobody else.
    pub(crate) fn create_private(path: &Path) -> io::Result<Self> {
        Self::create_with(path, 0o600)
    }

    #[cfg_attr(not(unix), allow(unused_variables, reason = "only Unix has modes"))]
    fn create_with(path: &Path, mode: u32) -> io::Result<Self> {
        let mut builder = Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        let temporary = builder.tempfile_in(folder_of(path))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Makes what was written so far durable.
    pub fn sync(&self) -> io::Result<()> {
        self.temporary.as_file().sync_all()
    }

    /// Makes it durable, gives it its name, and makes the name durable.
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        let path = self.path.clone();
        self.rename()?;
        sync_folder(folder_of(&path))
    }

    /// Gives it its name, without waiting for the disk.
    pub(crate) fn rename(self) -> io::Result<()> {
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.temporary.as_file_mut().seek(position)
    }
}

/// Writes a whole file: temporary name in the same folder, fsync, rename, fsync of the folder.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// Whether a file of this name was left behind by a writer that was killed.
pub fn is_temporary_name(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

/// Deletes what killed writers left behind in `folder` itself. Not for use while one writes there.
pub fn remove_temporary_files(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_temporary_name) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a rename durable. Windows cannot open folders; there a rename is as durable as the file system makes it.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}
