//! What is done of an import, kept beside it until it is finished.
//!
//! `<survey>/.import/plan.json` names the delivery and the options; `<survey>/.import/tiles/N.json` says that source tile
//! N is whole under its name. A record is written only after its tile is durable; whoever finds a tile without a record
//! makes it again. Numbers are kept as bits, so that a continued import ends with the same bytes as an uninterrupted one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use geodesy::Obb;
use glam::DVec3;
use serde::{Deserialize, Serialize};
use store::write::{remove_temporary_files, remove_temporary_folders, remove_whole_folder, write_atomic};

use super::{
    MeshError,
    report::{Figures, Finding},
    tile::{TileDone, TileRoot},
};

/// Name of the folder.
const FOLDER: &str = ".import";
const PLAN: &str = "plan.json";
const TILES: &str = "tiles";

/// The journal of one import.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    name: String,
    /// Bits of centre, half axes and geometric error.
    root: Option<Vec<u64>>,
    tiles: u64,
    figures: Figures,
    findings: Vec<Finding>,
}

impl Journal {
    /// Opens the journal of a survey for the import with this fingerprint. Whatever another one left behind is removed,
    /// as are the temporary files of killed writers.
    pub(super) fn open(survey: &Path, fingerprint: &str) -> Result<Self, MeshError> {
        let folder = survey.join(FOLDER);
        let in_folder = || MeshError::store(&folder);
        let plan = folder.join(PLAN);
        let continued = fs::read(&plan).is_ok_and(|bytes| bytes == fingerprint.as_bytes());
        if !continued {
            remove_whole_folder(&folder).map_err(in_folder())?;
            remove_whole_folder(&survey.join(TILES)).map_err(in_folder())?;
            fs::create_dir_all(folder.join(TILES)).map_err(in_folder())?;
            write_atomic(&plan, fingerprint.as_bytes()).map_err(in_folder())?;
        }
        let tiles = survey.join(TILES);
        fs::create_dir_all(&tiles).map_err(in_folder())?;
        for place in [survey, &tiles, &folder, &folder.join(TILES)] {
            tidy(place).map_err(MeshError::store(place))?;
        }
        Ok(Self { folder })
    }

    fn record_path(&self, number: usize) -> PathBuf {
        self.folder.join(TILES).join(format!("{number}.json"))
    }

    /// What was made of a source tile, if it was finished.
    pub(super) fn done(&self, number: usize, name: &str) -> Option<TileDone> {
        let record: Record = serde_json::from_slice(&fs::read(self.record_path(number)).ok()?).ok()?;
        if record.name != name {
            return None;
        }
        let root = match record.root {
            None => None,
            Some(bits) => Some(root_of(&bits)?),
        };
        Some(TileDone { root, tiles: record.tiles, figures: record.figures, findings: record.findings })
    }

    /// Notes that a source tile is whole and durable.
    pub(super) fn record(&self, number: usize, name: &str, done: &TileDone) -> Result<(), MeshError> {
        let record = Record {
            name: name.to_owned(),
            root: done.root.map(|root| bits_of(&root)),
            tiles: done.tiles,
            figures: done.figures,
            findings: done.findings.clone(),
        };
        let path = self.record_path(number);
        let bytes = serde_json::to_vec(&record).map_err(io::Error::other).map_err(MeshError::store(&path))?;
        write_atomic(&path, &bytes).map_err(MeshError::store(&path))
    }

    /// The import is finished: nothing of the journal is left.
    pub(super) fn close(self) -> Result<(), MeshError> {
        remove_whole_folder(&self.folder).map_err(MeshError::store(&self.folder))
    }
}

/// Removes what killed writers left behind in a folder itself.
pub(crate) fn tidy(folder: &Path) -> io::Result<()> {
    remove_temporary_folders(folder)?;
    remove_temporary_files(folder)?;
    Ok(())
}

/// Whether an import was begun here and not finished.
pub(super) fn is_open(survey: &Path) -> bool {
    survey.join(FOLDER).join(PLAN).is_file()
}

fn bits_of(root: &TileRoot) -> Vec<u64> {
    let [a, b, c] = root.bounds.half_axes;
    let vectors = [root.bounds.center, a, b, c];
    let numbers = vectors.iter().flat_map(|v| v.to_array()).chain([root.geometric_error]);
    numbers.map(f64::to_bits).collect()
}

fn root_of(bits: &[u64]) -> Option<TileRoot> {
    let numbers: Vec<f64> = bits.iter().copied().map(f64::from_bits).collect();
    let vector = |at: usize| Some(DVec3::from_slice(numbers.get(at..at + 3)?));
    Some(TileRoot {
        bounds: Obb { center: vector(0)?, half_axes: [vector(3)?, vector(6)?, vector(9)?] },
        geometric_error: *numbers.get(12)?,
    })
}
