//! Files of a delivery: found, read, named in reports.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// Reads a whole file of at most `max_bytes`.
///
/// # Errors
/// A reason in words.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    let length = metadata.len();
    if length > max_bytes {
        return Err(format!("{length} bytes; {max_bytes} are allowed"));
    }
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("more than {max_bytes} bytes"));
    }
    Ok(bytes)
}

/// The path of a file that another names, if it stays within `root`.
///
/// # Errors
/// A reason in words for names that lead elsewhere.
pub(super) fn resolve(root: &Path, folder: &Path, name: &str) -> Result<PathBuf, String> {
    let name = name.replace('\\', "/");
    let leads_away = name.starts_with('/')
        || name.split('/').any(|part| part == ".." || part.contains(':'))
        || name.contains('\0');
    if leads_away {
        return Err("a name that leads out of the delivery".to_owned());
    }
    let path = folder.join(&name);
    if !path.starts_with(root) {
        return Err("a name that leads out of the delivery".to_owned());
    }
    Ok(path)
}

/// The file itself, or one beside it whose name differs in case only: names come from Windows.
pub(super) fn existing(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let wanted = path.file_name()?.to_string_lossy().to_lowercase();
    let mut found: Vec<PathBuf> = fs::read_dir(path.parent()?)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().to_lowercase() == wanted))
        .collect();
    found.sort();
    found.into_iter().find(|p| p.is_file())
}

/// The name of a file in reports: relative to the delivery, `/` separators.
pub(super) fn label(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    if parts.is_empty() { path.display().to_string() } else { parts.join("/") }
}
