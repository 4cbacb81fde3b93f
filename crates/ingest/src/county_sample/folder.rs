//! The county in a folder, which is never anybody else's.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use store::write::{remove_whole_folder, write_atomic};

use super::{CountyOptions, CountySampleError, CountySummary, Detail, GENERATION, deliver};

/// The file that makes a folder a sample; it says of which options, and whether all of it is there.
const MARKER: &str = "sample.json";

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderOutcome {
    /// The folder held exactly this already.
    WasThere,
    /// It was written.
    Written {
        /// What was made.
        summary: Box<CountySummary>,
        /// How many files.
        files: u64,
        /// Their size.
        bytes: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    generation: u32,
    villages: u32,
    seed: u64,
    detail: String,
    complete: bool,
}

/// Makes a county in a folder that is empty, new, or holds what an earlier run began; `tell` hears how many root tiles
/// of how many are done. A finished sample of the same options is left as it is; another one only goes with `replace`.
///
/// # Errors
/// A folder that holds something else; what the disk answers; those of the formats' writers.
pub fn write_folder(
    folder: &Path,
    options: &CountyOptions,
    replace: bool,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<FolderOutcome, CountySampleError> {
    let at =
        |path: PathBuf| move |source| CountySampleError::Sink { path: path.display().to_string(), source };
    let mut marker = Marker {
        generation: GENERATION,
        villages: options.villages.max(1),
        seed: options.seed,
        detail: options.detail.word().to_owned(),
        complete: false,
    };
    match there(folder)? {
        There::Nothing => {}
        There::Foreign => return Err(CountySampleError::Foreign(folder.to_owned())),
        There::Sample(found) => {
            let is_same = Marker { complete: false, ..found.clone() } == marker;
            if is_same && found.complete {
                return Ok(FolderOutcome::WasThere);
            }
            if !is_same && !replace {
                return Err(CountySampleError::Other { folder: folder.to_owned(), what: found.text() });
            }
            if !is_same {
                remove_whole_folder(folder).map_err(at(folder.to_owned()))?;
            }
        }
    }
    fs::create_dir_all(folder).map_err(at(folder.to_owned()))?;
    marker.write(folder)?;
    let (mut files, mut bytes) = (0, 0);
    let mut folders = BTreeSet::new();
    // Plain writes: what is half written is known by the marker, and written again.
    let mut store = |path: &str, content: &[u8]| {
        let path = folder.join(path);
        if let Some(parent) = path.parent()
            && folders.insert(parent.to_owned())
        {
            fs::create_dir_all(parent)?;
        }
        files += 1;
        bytes += content.len() as u64;
        fs::write(path, content)
    };
    let summary = deliver::write(options, &mut store, tell)?;
    marker.complete = true;
    marker.write(folder)?;
    Ok(FolderOutcome::Written { summary: Box::new(summary), files, bytes })
}

enum There {
    Nothing,
    Foreign,
    Sample(Marker),
}

fn there(folder: &Path) -> Result<There, CountySampleError> {
    let sink = |source| CountySampleError::Sink { path: folder.display().to_string(), source };
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) => return Err(sink(error)),
    };
    if entries.next().is_none() {
        return Ok(There::Nothing);
    }
    let marker = fs::read(folder.join(MARKER)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(marker.map_or(There::Foreign, There::Sample))
}

impl Marker {
    fn write(&self, folder: &Path) -> Result<(), CountySampleError> {
        let path = folder.join(MARKER);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_atomic(&path, &text)
            .map_err(|source| CountySampleError::Sink { path: path.display().to_string(), source })
    }

    fn text(&self) -> String {
        let state = if self.complete { "" } else { ", unfinished" };
        let age = if self.generation == GENERATION { "" } else { ", made by another version" };
        format!("{} villages, seed {}, detail {}{state}{age}", self.villages, self.seed, self.detail)
    }
}

impl std::str::FromStr for Detail {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|detail| detail.word() == text)
            .ok_or_else(|| format!("{text:?} is none of full, scale, tiny"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: CountyOptions = CountyOptions { villages: 1, seed: 3, detail: Detail::Tiny };

    #[test]
    fn folders_of_others_and_other_samples_are_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("sample");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("letter.txt"), "mine").unwrap();
        let refused = write_folder(&folder, &OPTIONS, true, &mut |_, _| {});
        assert!(matches!(refused, Err(CountySampleError::Foreign(_))), "{refused:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_file(folder.join("letter.txt")).unwrap();

        let unfinished =
            Marker { generation: GENERATION, villages: 2, seed: 3, detail: "tiny".into(), complete: false };
        unfinished.write(&folder).unwrap();
        let refused = write_folder(&folder, &OPTIONS, false, &mut |_, _| {}).unwrap_err().to_string();
        assert!(refused.contains("2 villages") && refused.contains("unfinished"), "{refused}");

        fs::write(folder.join("old.txt"), "of the other sample").unwrap();
        let mut heard = Vec::new();
        let written = write_folder(&folder, &OPTIONS, true, &mut |done, total| heard.push((done, total)));
        assert!(matches!(&written, Ok(FolderOutcome::Written { files, .. }) if *files > 50), "{written:?}");
        assert_eq!(heard, [(16, 16)]);
        assert!(!folder.join("old.txt").exists() && folder.join("import.sh").exists());
        let again = write_folder(&folder, &OPTIONS, false, &mut |_, _| {}).unwrap();
        assert_eq!(again, FolderOutcome::WasThere);
    }
}
