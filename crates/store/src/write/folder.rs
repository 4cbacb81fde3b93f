//! Folders that are either whole or not there.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{TEMPORARY_PREFIX, folder_of, sync_folder};

/// A folder of files that appears under its name, whole and durable, when it is committed. Until then it has a
/// temporary name beside it; dropped uncommitted, it is deleted.
#[derive(Debug)]
pub struct AtomicFolder {
    temporary: tempfile::TempDir,
    path: PathBuf,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl AtomicFolder {
    /// Starts a folder that will replace whatever is at `path`; the folder above must exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(folder_of(path))?;
        Ok(Self { temporary, path: path.to_owned(), files: Vec::new(), folders: Vec::new() })
    }

    /// Writes a file; `name` is a path inside the folder with `/` separators.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.place(name)?;
        let mut file = File::create_new(&path)?;
        file.write_all(bytes)?;
        self.files.push(path);
        Ok(())
    }

    /// Puts a hard link to `original` there, where both lie on one disk that has them.
    pub fn link(&mut self, name: &str, original: &Path) -> io::Result<()> {
        let path = self.place(name)?;
        fs::hard_link(original, path)
    }

    fn place(&mut self, name: &str) -> io::Result<PathBuf> {
        let leaves = name.split('/').any(|part| matches!(part, "" | "." | ".."));
        if leaves {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no path inside")));
        }
        let path = self.temporary.path().join(name);
        if let Some(parent) = path.parent().filter(|parent| *parent != self.temporary.path())
            && !self.folders.iter().any(|known| known == parent)
        {
            fs::create_dir_all(parent)?;
            self.folders.push(parent.to_owned());
        }
        Ok(path)
    }

    /// Makes all files durable, gives the folder its name, and makes the name durable.
    pub fn commit(self) -> io::Result<()> {
        for file in &self.files {
            File::open(file)?.sync_all()?;
        }
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        sync_folder(self.temporary.path())?;
        remove_whole_folder(&self.path)?;
        let temporary = self.temporary.keep();
        if let Err(error) = fs::rename(&temporary, &self.path) {
            // Best effort: the name says that it is rubbish.
            drop(fs::remove_dir_all(&temporary));
            return Err(error);
        }
        sync_folder(folder_of(&self.path))
    }
}

/// Deletes a folder so that no part of it is ever met under its name: it is renamed first. Nothing there is fine.
pub fn remove_whole_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => return fs::remove_file(path),
        Ok(_) => {}
    }
    let grave = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(folder_of(path))?;
    fs::rename(path, grave.path().join("removed"))?;
    grave.close()
}

/// Deletes the folders that killed writers left behind in `folder` itself. Not for use while one writes there.
pub fn remove_temporary_folders(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(super::is_temporary_name) && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}
