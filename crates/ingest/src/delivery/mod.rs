//! What a delivery is: its layout, its source tiles, its metadata.

mod metadata;
mod xml;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use metadata::{Metadata, MetadataForm, parse as parse_metadata};

/// A recognised delivery of a mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The folder (or file) that was given.
    pub path: PathBuf,
    /// What it is.
    pub kind: DeliveryKind,
    /// Source tiles by name; for existing 3D Tiles there are none.
    pub tiles: Vec<SourceTile>,
    /// Coordinate system and origin, if some file states them.
    pub metadata: Option<Metadata>,
    /// What was noticed on the way.
    pub notes: Vec<String>,
}

/// The kinds of mesh deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryKind {
    /// `Data/Tile_x/…osgb`: ContextCapture, Smart3D, DJI Terra and all that follow them.
    OsgbTiles,
    /// A folder of OSGB files, or of such folders, of no known layout.
    OsgbFolder,
    /// One OSGB file, with those that it names.
    OsgbFile,
    /// Wavefront OBJ.
    Obj,
    /// A tileset that exists already.
    Tiles3d,
}

impl Delivery {
    /// The folder that its files may not leave.
    pub fn folder(&self) -> PathBuf {
        if self.path.is_dir() {
            return self.path.clone();
        }
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    }
}

/// A tree of files with one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTile {
    /// Its name, unique within the delivery; also that of its folder in the result.
    pub name: String,
    /// The root file.
    pub root: PathBuf,
    /// Bytes of all files in its folder (an estimate of its work).
    pub bytes: u64,
    /// When these bytes were last changed, and how many files: what tells a changed delivery from the same one.
    pub fingerprint: String,
}

/// Why something is no delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// It cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing in it is known.
    #[error("{path} holds no OSGB, OBJ or 3D Tiles")]
    Nothing {
        /// The path.
        path: PathBuf,
    },
    /// More than one delivery, with places of their own.
    #[error("{path} holds several deliveries; name one of them: {}", names.join(", "))]
    Several {
        /// The path.
        path: PathBuf,
        /// Their folders.
        names: Vec<String>,
    },
}

/// How deep folders are searched.
const MAX_DEPTH: usize = 5;
/// More files than this are no delivery.
const MAX_FILES: usize = 5_000_000;
/// How far up the metadata of a part is looked for.
const ANCESTORS: usize = 3;

/// Looks at a folder or file and says what it is. Folders are listed; of files only metadata is read.
///
/// # Errors
/// What cannot be read, is not known, or is more than one.
pub fn recognise(path: &Path) -> Result<Delivery, DeliveryError> {
    // A bare name gets a folder, so that files beside it lie below that folder.
    let bare = path.parent().is_some_and(|parent| parent.as_os_str().is_empty());
    let path = &if bare { Path::new(".").join(path) } else { path.to_owned() };
    let unreadable = |source: io::Error| DeliveryError::Unreadable { path: path.to_owned(), source };
    let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
    let mut notes = Vec::new();
    let (kind, tiles) = if is_folder { folder(path, &mut notes)? } else { file(path)? };
    let mut metadata = None;
    if kind != DeliveryKind::Tiles3d {
        metadata = metadata_near(path, is_folder, &mut notes);
        let places = if metadata.is_none() && is_folder { deliveries_inside(path) } else { Vec::new() };
        if places.len() > 1 {
            return Err(DeliveryError::Several { path: path.to_owned(), names: places });
        }
        if let (None, [only]) = (&metadata, places.as_slice()) {
            metadata = metadata::find(&path.join(only), &mut notes);
        }
        if metadata.is_none() {
            notes.push(
                "no metadata says where this lies: a coordinate system and an origin must be given".into(),
            );
        }
    }
    Ok(Delivery { path: path.to_owned(), kind, tiles, metadata, notes })
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

fn file(path: &Path) -> Result<(DeliveryKind, Vec<SourceTile>), DeliveryError> {
    let nothing = || DeliveryError::Nothing { path: path.to_owned() };
    let kind = match extension(path).as_str() {
        "osgb" => DeliveryKind::OsgbFile,
        "obj" => DeliveryKind::Obj,
        "json" | "3tz" | "3dtiles" => return Ok((DeliveryKind::Tiles3d, Vec::new())),
        _ => return Err(nothing()),
    };
    let name = stem(path).ok_or_else(nothing)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // What a file names lies beside it: the bytes of those that begin like it.
    let family: Vec<FileInfo> = list(folder, &extension(path), 1)?
        .into_iter()
        .filter(|file| stem(&file.path).is_some_and(|other| other.starts_with(&name)))
        .collect();
    Ok((kind, vec![source_tile(name, path.to_owned(), &family)]))
}

fn folder(path: &Path, notes: &mut Vec<String>) -> Result<(DeliveryKind, Vec<SourceTile>), DeliveryError> {
    if path.join("tileset.json").is_file() {
        return Ok((DeliveryKind::Tiles3d, Vec::new()));
    }
    let osgb = list(path, "osgb", MAX_DEPTH)?;
    if !osgb.is_empty() {
        let tiles = source_tiles(&osgb, notes);
        let in_data = osgb.iter().any(|file| {
            let folders = file.path.strip_prefix(path).ok().and_then(|inside| inside.parent());
            folders.is_some_and(|f| f.components().count() >= 2)
                || path.file_name().is_some_and(|n| n.eq_ignore_ascii_case("Data"))
        });
        return Ok((if in_data { DeliveryKind::OsgbTiles } else { DeliveryKind::OsgbFolder }, tiles));
    }
    let obj = list(path, "obj", MAX_DEPTH)?;
    if obj.is_empty() {
        return Err(DeliveryError::Nothing { path: path.to_owned() });
    }
    let mut tiles: Vec<SourceTile> = obj
        .iter()
        .filter_map(|file| {
            Some(source_tile(stem(&file.path)?, file.path.clone(), std::slice::from_ref(file)))
        })
        .collect();
    make_unique(&mut tiles);
    Ok((DeliveryKind::Obj, tiles))
}

/// A file that was listed.
#[derive(Clone, Debug)]
struct FileInfo {
    path: PathBuf,
    bytes: u64,
    modified: u128,
}

/// All files of an extension below a folder, by path.
fn list(folder: &Path, wanted: &str, max_depth: usize) -> Result<Vec<FileInfo>, DeliveryError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = folders.pop() {
        let unreadable = |source: io::Error| DeliveryError::Unreadable { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && depth < max_depth && !hidden {
                folders.push((path, depth + 1));
            } else if !kind.is_dir() && !hidden && extension(&path) == wanted && files.len() < MAX_FILES {
                // Links are followed; what they lead to is judged when it is read.
                let Ok(metadata) = fs::metadata(&path) else { continue };
                let modified =
                    metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
                files.push(FileInfo {
                    path,
                    bytes: metadata.len(),
                    modified: modified.map_or(0, |d| d.as_nanos()),
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn stem(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// The level in a name such as `Tile_+000_+012_L19_0uuuu0`.
pub(crate) fn level_in_name(stem: &str) -> Option<u32> {
    stem.match_indices("_L").find_map(|(at, _)| {
        let digits: String = stem[at + 2..].chars().take_while(char::is_ascii_digit).collect();
        let next = stem[at + 2 + digits.len()..].chars().next();
        (!digits.is_empty() && digits.len() <= 2 && matches!(next, None | Some('_')))
            .then(|| digits.parse().ok())
            .flatten()
    })
}

/// One tile for each folder that has OSGB files; where several files of a folder look like roots, one for each.
fn source_tiles(files: &[FileInfo], notes: &mut Vec<String>) -> Vec<SourceTile> {
    let mut tiles = Vec::new();
    for family in files.chunk_by(|a, b| a.path.parent() == b.path.parent()) {
        let folder = family[0].path.parent().unwrap_or(Path::new("."));
        let folder_name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(root) = family.iter().find(|file| stem(&file.path).as_deref() == Some(&folder_name)) {
            tiles.push(source_tile(folder_name, root.path.clone(), family));
            continue;
        }
        let level = |file: &FileInfo| stem(&file.path).and_then(|s| level_in_name(&s));
        let mut roots: Vec<&FileInfo> = family.iter().filter(|file| level(file).is_none()).collect();
        if roots.is_empty() {
            let top = family.iter().filter_map(level).min();
            roots = family.iter().filter(|file| level(file) == top).collect();
            notes.push(format!(
                "{}: no file without a level in its name; the coarsest ones are taken for roots",
                folder.display()
            ));
        }
        for root in &roots {
            let Some(name) = stem(&root.path) else { continue };
            if roots.len() == 1 {
                notes.push(format!("{}: the root is not named like its folder", root.path.display()));
                tiles.push(source_tile(name, root.path.clone(), family));
            } else {
                let own: Vec<FileInfo> = family
                    .iter()
                    .filter(|f| {
                        f.path == root.path
                            || stem(&f.path).is_some_and(|s| s.starts_with(&format!("{name}_L")))
                    })
                    .cloned()
                    .collect();
                tiles.push(source_tile(name, root.path.clone(), &own));
            }
        }
    }
    make_unique(&mut tiles);
    tiles
}

fn source_tile(name: String, root: PathBuf, family: &[FileInfo]) -> SourceTile {
    let bytes = family.iter().map(|file| file.bytes).sum();
    let newest = family.iter().map(|file| file.modified).max().unwrap_or(0);
    SourceTile { name, root, bytes, fingerprint: format!("{} files, {bytes} bytes, {newest}", family.len()) }
}

/// Names become folders: without what folders cannot be named, and each only once.
fn make_unique(tiles: &mut [SourceTile]) {
    let mut taken = std::collections::BTreeSet::new();
    for tile in tiles {
        let mut plain: String = tile
            .name
            .chars()
            .map(|c| if c.is_control() || "<>:\"/\\|?*#%".contains(c) { '_' } else { c })
            .collect();
        plain = plain.trim_end_matches([' ', '.']).to_owned();
        if plain.is_empty() || plain.eq_ignore_ascii_case("cover") || plain.starts_with('.') {
            plain = format!("tile_{plain}");
        }
        let mut name = plain.clone();
        let mut number = 1;
        // Case does not count: the result may be copied to Windows.
        while !taken.insert(name.to_lowercase()) {
            number += 1;
            name = format!("{plain}~{number}");
        }
        tile.name = name;
    }
}

fn metadata_near(path: &Path, is_folder: bool, notes: &mut Vec<String>) -> Option<Metadata> {
    let start = if is_folder { path } else { path.parent().unwrap_or(Path::new(".")) };
    if let Some(found) = metadata::find(start, notes) {
        return Some(found);
    }
    if is_folder && let Some(found) = metadata::find(&start.join("Data"), notes) {
        return Some(found);
    }
    // A tile or the Data folder was named: its delivery is above.
    let absolute = start.canonicalize().ok()?;
    let looks_like_a_part = !is_folder
        || absolute.file_name().is_some_and(|n| {
            let name = n.to_string_lossy();
            name.eq_ignore_ascii_case("Data") || name.starts_with("Tile_") || name.starts_with("Block")
        });
    if !looks_like_a_part {
        return None;
    }
    absolute.ancestors().skip(1).take(ANCESTORS).find_map(|folder| metadata::find(folder, notes))
}

/// Folders directly below that have metadata of their own.
fn deliveries_inside(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter(|entry| metadata::find(&entry.path(), &mut Vec::new()).is_some())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_from_names() {
        assert_eq!(level_in_name("Tile_+000_+012_L19_0uuuu0"), Some(19));
        assert_eq!(level_in_name("Tile_+000_+012"), None);
        assert_eq!(level_in_name("村_L5"), Some(5));
        assert_eq!(level_in_name("House_Lx_L123_L7_0"), Some(7));
    }
}
