//! Files of points, whatever their format; one that fails in the middle ends there and is named.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use crate::{
    mesh::Progress,
    points::{CloudInfo, PlyFile, PointBatch, PointSource, PointsError, XyzFile, las::LasFile},
};

/// Extensions of files of points.
pub const CLOUD_EXTENSIONS: [&str; 6] = ["las", "laz", "ply", "xyz", "asc", "txt"];
/// Folders in folders are looked into this deep.
const MAX_DEPTH: u32 = 4;
/// Files of one cloud, at most.
const MAX_FILES: usize = 100_000;
/// Bytes at the beginning of a file that tell it from others.
const HEAD_BYTES: u64 = 1 << 16;

/// A file of points and what its header says.
#[derive(Clone, Debug)]
pub struct CloudFile {
    /// The file.
    pub path: PathBuf,
    /// Its name in reports.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// What it says about itself.
    pub info: CloudInfo,
    /// Tells its contents from others.
    pub(super) fingerprint: String,
}

/// The files of points in a path, by name: a file itself, or those of a folder.
pub(super) fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if fs::metadata(path)?.is_file() {
        found.push(path.to_owned());
    } else {
        walk(path, 0, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, found)?;
        } else if !kind.is_dir() && CLOUD_EXTENSIONS.contains(&extension(&path).as_str()) {
            if found.len() >= MAX_FILES {
                return Err(io::Error::other(format!("more than {MAX_FILES} files of points")));
            }
            found.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Opens a file by its contents, then by its extension.
pub(super) fn open(path: &Path) -> Result<Box<dyn PointSource>, PointsError> {
    let mut head = [0u8; 4];
    let read = File::open(path)?.read(&mut head)?;
    let file = File::open(path)?;
    Ok(match head.get(..read) {
        Some(b"LASF") => Box::new(LasFile::open(file)?),
        Some([b'p', b'l', b'y', ..]) => Box::new(PlyFile::open(BufReader::with_capacity(1 << 20, file))?),
        _ if matches!(extension(path).as_str(), "las" | "laz") => Box::new(LasFile::open(file)?),
        _ => Box::new(XyzFile::open(BufReader::with_capacity(1 << 20, file))?),
    })
}

/// Looks at a file's header.
pub(super) fn look(path: &Path, name: String) -> Result<CloudFile, PointsError> {
    let bytes = fs::metadata(path)?.len();
    let info = open(path)?.info().clone();
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let fingerprint = format!("{name} {bytes} {}", blake3::hash(&head).to_hex());
    Ok(CloudFile { path: path.to_owned(), name, bytes, info, fingerprint })
}

/// A source whose errors end it instead of the import.
pub(super) struct Tolerant<'p> {
    inner: Box<dyn PointSource>,
    progress: &'p dyn Progress,
    pub(super) read: u64,
    pub(super) failed: Option<PointsError>,
}

impl<'p> Tolerant<'p> {
    pub(super) fn new(inner: Box<dyn PointSource>, progress: &'p dyn Progress) -> Self {
        Self { inner, progress, read: 0, failed: None }
    }
}

impl PointSource for Tolerant<'_> {
    fn info(&self) -> &CloudInfo {
        self.inner.info()
    }

    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError> {
        batch.clear();
        if self.failed.is_some() || self.progress.is_cancelled() {
            return Ok(());
        }
        match self.inner.read(batch) {
            Ok(()) => {
                self.read += batch.len() as u64;
                self.progress.advance(batch.len() as u64);
            }
            Err(error) => {
                batch.clear();
                self.failed = Some(error);
            }
        }
        Ok(())
    }
}
