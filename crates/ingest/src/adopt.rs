//! Existing 3D Tiles, taken as they are: checked, then linked or copied into a survey.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use scene::inspect::{Files, Options, Report, Severity, inspect_tileset};
use serde::Serialize;
use store::{
    OpenOptions, Source,
    write::{AtomicFolder, write_atomic},
};

use crate::mesh::{Progress, REPORT_FILE, Stage, TILES_FOLDER};

/// How a tileset is adopted.
#[derive(Clone, Debug, Default)]
pub struct AdoptOptions {
    /// Files are linked (hard links) instead of copied, where the disk can: no space is taken, and neither side may be
    /// changed in place afterwards.
    pub link: bool,
    /// Take it even if the inspection finds errors.
    pub despite_errors: bool,
    /// Replace the survey that is there.
    pub replace: bool,
}

/// What was adopted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdoptReport {
    /// Form of the report.
    pub format: u32,
    /// Name of the folder or package.
    pub delivery: String,
    /// Always `tiles3d`.
    pub kind: crate::delivery::DeliveryKind,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// How many of the files are links.
    pub linked: u64,
    /// What the inspection found.
    pub inspection: Report,
}

/// Why a tileset cannot be adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It cannot be opened.
    #[error("the tileset cannot be opened")]
    Open(#[from] store::OpenError),
    /// A file of it cannot be read.
    #[error("the tileset cannot be read")]
    Read(#[from] store::FetchError),
    /// The inspection found errors.
    #[error("the tileset has {errors} errors, one of them: {first}")]
    Invalid {
        /// How many.
        errors: u64,
        /// The first.
        first: String,
    },
    /// There is a survey already.
    #[error("{path} holds a survey already")]
    Occupied {
        /// Its folder.
        path: PathBuf,
    },
    /// The result cannot be stored.
    #[error("{path} cannot be written")]
    Store {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped as asked")]
    Cancelled,
}

/// Longer files are refused.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// Adopts the tileset at `source` (a folder, `tileset.json`, `.3tz` or `.3dtiles`) as the survey in `survey`. Its root
/// must be called `tileset.json`.
///
/// # Errors
/// What cannot be read, is invalid, or is in the way.
pub fn adopt(
    source: &Path,
    survey: &Path,
    options: &AdoptOptions,
    progress: &dyn Progress,
) -> Result<AdoptReport, AdoptError> {
    let store_error = |path: &Path| {
        let path = path.to_owned();
        move |source| AdoptError::Store { path, source }
    };
    let target = survey.join(TILES_FOLDER);
    if target.exists() && !options.replace {
        return Err(AdoptError::Occupied { path: survey.to_owned() });
    }
    let opened = Source::open_path(source, &OpenOptions::default())?;
    let mut files = SourceFiles(&opened);
    let inspection = inspect_tileset(opened.root_uri(), &mut files, &Options::default());
    // What cannot be drawn is no sin against the specification, but no tile of a village either.
    let errors = inspection.count(Severity::Error) + inspection.summary.undrawable;
    if errors > 0 && !options.despite_errors {
        let worst = inspection.problems.iter().max_by_key(|problem| match problem.severity {
            Severity::Error => 2,
            Severity::Warning => 1,
            Severity::NotChecked | Severity::Info => 0,
        });
        return Err(AdoptError::Invalid {
            errors,
            first: worst.map(ToString::to_string).unwrap_or_default(),
        });
    }
    let entries = opened.list()?;
    progress.begin(Stage::Convert, entries.iter().map(|entry| entry.bytes).sum());
    fs::create_dir_all(survey).map_err(store_error(survey))?;
    let mut folder = AtomicFolder::create(&target).map_err(store_error(&target))?;
    let root = match source.is_dir() {
        true => Some(source.to_owned()),
        false if source.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) => {
            Some(source.parent().unwrap_or(Path::new(".")).to_owned())
        }
        false => None,
    };
    let mut report = AdoptReport {
        format: 1,
        delivery: source.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        kind: crate::delivery::DeliveryKind::Tiles3d,
        files: 0,
        bytes: 0,
        linked: 0,
        inspection,
    };
    for entry in entries {
        if progress.is_cancelled() {
            return Err(AdoptError::Cancelled);
        }
        // A root of another name gets the usual one.
        let name = if entry.uri == opened.root_uri() { "tileset.json" } else { entry.path.as_str() };
        let original = root.as_ref().filter(|_| options.link).map(|root| root.join(&entry.path));
        let linked = match original {
            Some(original) => folder.link(name, &original).is_ok(),
            None => false,
        };
        if !linked {
            let bytes = opened.read(&entry.uri, MAX_FILE_BYTES)?;
            folder.write(name, &bytes).map_err(store_error(&target))?;
        }
        report.files += 1;
        report.bytes += entry.bytes;
        report.linked += u64::from(linked);
        progress.advance(entry.bytes);
    }
    folder.commit().map_err(store_error(&target))?;
    let path = survey.join(REPORT_FILE);
    let json = serde_json::to_vec_pretty(&report).map_err(io::Error::other).map_err(store_error(&path))?;
    write_atomic(&path, &json).map_err(store_error(&path))?;
    Ok(report)
}

struct SourceFiles<'s>(&'s Source);

impl Files for SourceFiles<'_> {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.0.read(uri, MAX_FILE_BYTES).map_err(|error| error.to_string())
    }
}
