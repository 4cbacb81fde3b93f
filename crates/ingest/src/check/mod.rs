//! Whether a county folder is whole: what it says about itself, what is shown, every survey, the ground, the layers, the
//! addresses.
//!
//! Nothing is changed. What is broken is a problem; what is merely worth knowing (a survey that is not shown, an import
//! that was not finished) is a note.

mod layers;
mod rasters;
mod tiles;

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    cloud::{GROUND_FOLDER, POINTS_FOLDER},
    county::{County, CountyConfig, CountyError, SurveyKey},
    land::TERRAIN_FOLDER,
    mesh::{REPORT_FILE, TILES_FOLDER},
};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckProblem {
    /// The file or folder, relative to the county.
    pub path: String,
    /// What is wrong, and what to do where that is known.
    pub reason: String,
}

/// What a county holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckFigures {
    /// Villages with a survey or blocks.
    pub villages: u64,
    /// Finished surveys.
    pub surveys: u64,
    /// Imports that were begun and not finished.
    pub unfinished: u64,
    /// Tilesets that were inspected; the root with all it leads to is one.
    pub tilesets: u64,
    /// Tiles in them.
    pub tiles: u64,
    /// Content files in them.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rasters that were read.
    pub rasters: u64,
    /// Layers.
    pub layers: u64,
    /// Features in them, of GeoJSON.
    pub features: u64,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Of the report itself.
    pub format: u32,
    /// Name of the county.
    pub name: String,
    /// Its code.
    pub code: String,
    /// What it holds.
    pub figures: CheckFigures,
    /// What is wrong.
    pub problems: Vec<CheckProblem>,
    /// What is worth knowing.
    pub notes: Vec<CheckProblem>,
}

/// Problems of one tileset that are listed; the rest are counted.
const LISTED: usize = 50;
const REPORT_FORMAT: u32 = 1;
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Checks a county.
///
/// # Errors
/// What is no county: there is no `county.toml`, it is of a newer form, or it makes no sense.
pub fn check(folder: &Path) -> Result<CheckReport, CountyError> {
    let county = County::open(folder)?;
    let mut check = Check {
        county: &county,
        report: CheckReport {
            format: REPORT_FORMAT,
            name: county.config().name.clone(),
            code: county.config().code.clone(),
            ..CheckReport::default()
        },
    };
    check.config(county.config());
    let reached = check.root();
    check.villages(&reached);
    check.terrain();
    check.layers();
    check.addresses();
    check.report.problems.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
    check.report.notes.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
    Ok(check.report)
}

struct Check<'c> {
    county: &'c County,
    report: CheckReport,
}

impl Check<'_> {
    fn folder(&self) -> &Path {
        self.county.folder()
    }

    fn problem(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.report.problems.push(CheckProblem { path: path.into(), reason: reason.into() });
    }

    fn note(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.report.notes.push(CheckProblem { path: path.into(), reason: reason.into() });
    }

    fn config(&mut self, config: &CountyConfig) {
        const FILE: &str = "county.toml";
        let is_code = |code: &str| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        for code in std::iter::once(&config.code).chain(&config.former_codes) {
            if !is_code(code) {
                self.problem(FILE, format!("code {code:?} is not six digits"));
            }
        }
        if config.name.trim().is_empty() {
            self.problem(FILE, "the county has no name");
        }
        if let Some(crs) = &config.crs
            && let Err(error) = geodesy::crs::Crs::parse(crs)
        {
            self.problem(FILE, format!("crs: {error}"));
        }
        if let Some(heights) = &config.heights
            && let Err(error @ crate::heights::HeightsError::Word(_)) = crate::heights::parse(heights, &[])
        {
            self.problem(FILE, format!("heights: {error}"));
        }
    }

    /// The root and all it leads to. Returns the tilesets that are its children, as folders of the county.
    fn root(&mut self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        self.inspect("tileset.json");
        let Some(root) = self.json("tileset.json") else { return reached };
        let mut keys = BTreeSet::new();
        for child in root["root"]["children"].as_array().into_iter().flatten() {
            let uri = child["content"]["uri"].as_str().unwrap_or_default();
            let extras = &child["extras"];
            let Some(path) = store::decoded_path(uri) else { continue };
            if let Some((folder, _)) = path.rsplit_once('/') {
                reached.insert(folder.to_owned());
            }
            let expected = expected_folder(extras);
            match expected {
                None => self.note("tileset.json", format!("{uri}: nothing says what this child is")),
                Some((key, expected)) => {
                    if !keys.insert(key.clone()) {
                        self.problem("tileset.json", format!("{key} is there twice"));
                    }
                    if path != format!("{expected}/tileset.json") {
                        let reason = format!("{key} should be {expected}/tileset.json, and is {uri}");
                        self.problem("tileset.json", reason);
                    }
                }
            }
        }
        reached
    }

    fn villages(&mut self, reached: &BTreeSet<String>) {
        for village in self.folders("villages") {
            let inside = format!("villages/{village}");
            let mut holds = false;
            let blocks = format!("{inside}/blocks");
            if self.folder().join(&blocks).is_dir() {
                holds = true;
                if !reached.contains(&blocks) {
                    self.inspect(&format!("{blocks}/tileset.json"));
                }
            }
            for date in self.folders(&format!("{inside}/surveys")) {
                holds = true;
                let survey = format!("{inside}/surveys/{date}");
                if SurveyKey::new(&village, &date).is_err() {
                    self.problem(survey, "neither a village code of twelve digits nor a date");
                    continue;
                }
                self.survey(&survey, reached);
            }
            self.report.figures.villages += u64::from(holds);
        }
    }

    fn survey(&mut self, survey: &str, reached: &BTreeSet<String>) {
        let path = self.folder().join(survey);
        let is_open = path.join(".import").is_dir();
        let mut finished = false;
        for (name, report) in [
            (TILES_FOLDER, REPORT_FILE.to_owned()),
            (POINTS_FOLDER, format!("{POINTS_FOLDER}/{REPORT_FILE}")),
        ] {
            let folder = format!("{survey}/{name}");
            if !path.join(name).join("tileset.json").is_file() {
                if path.join(name).is_dir() && !(is_open && name == TILES_FOLDER) {
                    self.problem(folder, "it has no tileset.json: import it again");
                }
                continue;
            }
            finished = true;
            if !reached.contains(&folder) {
                self.inspect(&format!("{folder}/tileset.json"));
            }
            self.json(&format!("{survey}/{report}"));
        }
        if is_open {
            self.report.figures.unfinished += 1;
            self.note(survey, "an import was not finished: run it again");
        }
        if finished {
            self.report.figures.surveys += 1;
        } else if !is_open {
            self.note(survey, "no survey: neither a mesh nor points were finished");
        }
        for file in self.files(&format!("{survey}/{GROUND_FOLDER}"), "tif") {
            self.raster(&file);
        }
        for file in self.files(survey, "pmtiles") {
            self.layer(&file);
        }
        self.leftovers(survey);
    }

    /// What killed writers left behind: harmless, and tidied away by the next import.
    fn leftovers(&mut self, folder: &str) {
        let entries = fs::read_dir(self.folder().join(folder)).into_iter().flatten().flatten();
        let count = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(store::write::is_temporary_name))
            .count();
        if count > 0 {
            self.note(
                folder,
                format!("{count} temporary files of an interrupted import; the next one removes them"),
            );
        }
    }

    fn terrain(&mut self) {
        self.leftovers(TERRAIN_FOLDER);
        let current = match self.county.current_land() {
            Ok(current) => current,
            // Said already: the root cannot be read.
            Err(_) => return,
        };
        if let Some(version) = &current {
            self.land(version);
        }
        let sources = crate::land::kept_sources(self.county.folder());
        match sources {
            Err(error) => self.problem(TERRAIN_FOLDER, error.to_string()),
            Ok((kept, wrong)) => {
                for reason in wrong {
                    self.problem(TERRAIN_FOLDER, reason);
                }
                for kept in kept {
                    let path = self.inside(&kept.file);
                    if let Some(size) = self.raster(&path)
                        && size != kept.source.size
                    {
                        self.problem(
                            path,
                            format!("{size:?} pixels; its description says {:?}", kept.source.size),
                        );
                    }
                }
            }
        }
    }

    fn inside(&self, path: &Path) -> String {
        let inside = path.strip_prefix(self.folder()).unwrap_or(path);
        let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    /// A JSON file of the county; one that cannot be read is a problem.
    fn json(&mut self, path: &str) -> Option<Value> {
        let full = self.folder().join(path);
        let read = || -> io::Result<Value> {
            let length = fs::metadata(&full)?.len();
            if length > MAX_JSON_BYTES {
                return Err(io::Error::other(format!("{length} bytes; {MAX_JSON_BYTES} are allowed")));
            }
            serde_json::from_slice(&fs::read(&full)?).map_err(io::Error::from)
        };
        match read() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(path, error.to_string());
                None
            }
        }
    }

    fn folders(&mut self, folder: &str) -> Vec<String> {
        self.entries(folder, |path| path.is_dir())
            .into_iter()
            .filter(|name| !store::write::is_temporary_name(name))
            .collect()
    }

    /// Files of a folder with an extension, as paths in the county.
    fn files(&mut self, folder: &str, extension: &str) -> Vec<String> {
        let is_wanted = |path: &PathBuf| path.is_file() && path.extension().is_some_and(|e| e == extension);
        self.entries(folder, is_wanted).into_iter().map(|name| format!("{folder}/{name}")).collect()
    }

    fn entries(&mut self, folder: &str, is_wanted: impl Fn(&PathBuf) -> bool) -> Vec<String> {
        let path = self.folder().join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problem(folder, error.to_string());
                return Vec::new();
            }
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| is_wanted(&entry.path()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

/// What a child of the root is, and the folder that it must lead to.
fn expected_folder(extras: &Value) -> Option<(String, String)> {
    if let Some(version) = extras["terrain"].as_str() {
        return Some(("the ground".into(), format!("{TERRAIN_FOLDER}/{version}/{TILES_FOLDER}")));
    }
    let village = extras["village"].as_str()?;
    if !extras["blocks"].is_null() {
        return Some((format!("blocks of village {village}"), format!("villages/{village}/blocks")));
    }
    let date = extras["survey"].as_str()?;
    let name = if extras["points"].as_bool() == Some(true) { POINTS_FOLDER } else { TILES_FOLDER };
    Some((format!("village {village}"), format!("villages/{village}/surveys/{date}/{name}")))
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        writeln!(f, "{} ({})", self.name, self.code)?;
        writeln!(
            f,
            "  {} villages, {} surveys, {} tilesets with {} tiles and {} contents, {:.1} MiB",
            figures.villages,
            figures.surveys,
            figures.tilesets,
            figures.tiles,
            figures.contents,
            figures.bytes as f64 / 1_048_576.0
        )?;
        writeln!(
            f,
            "  {} rasters, {} layers with {} features",
            figures.rasters, figures.layers, figures.features
        )?;
        for note in &self.notes {
            writeln!(f, "note: {}: {}", note.path, note.reason)?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {}: {}", problem.path, problem.reason)?;
        }
        writeln!(f, "{} problems, {} notes", self.problems.len(), self.notes.len())
    }
}
