//! The county folder: made, opened, and the surveys in it.
//!
//! ```text
//! county.toml                       name, codes, time zone, coordinate system, heights
//! tileset.json                      one root over the current survey of every village (and the ground)
//! villages/<code>/surveys/<date>/   tiles/  report.json  …
//! ```
//!
//! A survey is imported beside the others and switched in by one rename of the root `tileset.json`.

mod config;
mod land;
mod places;
mod points;
mod root;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use geodesy::Geodetic;
use serde_json::json;
use store::write::{remove_whole_folder, write_atomic};

use crate::{
    adopt::{AdoptError, AdoptOptions, AdoptReport, adopt},
    blocks::BlocksError,
    cloud::{CloudError, POINTS_FOLDER},
    land::LandError,
    layers::Elsewhere,
    mesh::{MeshError, MeshOptions, MeshPlan, MeshReport, Progress, TILES_FOLDER, import},
    vector::VectorError,
};

pub use config::{CountyConfig, FORMAT};
pub use root::ChildKey;

use config::{is_code, is_date};
use root::RootDocument;

/// Name of the file that makes a folder a county.
pub const CONFIG_FILE: &str = "county.toml";
/// Digits of a county's code.
const COUNTY_DIGITS: usize = 6;
/// Digits of a village's code.
const VILLAGE_DIGITS: usize = 12;
/// No county is this wide, metres.
const ABSURD_DISTANCE_M: f64 = 500_000.0;
/// Beyond this it is worth a word, metres.
const FAR_DISTANCE_M: f64 = 100_000.0;

/// An opened county.
#[derive(Clone, Debug)]
pub struct County {
    folder: PathBuf,
    config: CountyConfig,
    /// Whether the ground waits when what is shown changes.
    is_ground_later: bool,
}

/// A village and a survey of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyKey {
    /// Twelve-digit division code.
    pub village: String,
    /// Date, `2026-05-01`.
    pub date: String,
}

/// A survey in a county.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Which.
    pub key: SurveyKey,
    /// Whether it is the one that is shown.
    pub is_current: bool,
    /// Whether it was imported to the end.
    pub is_finished: bool,
}

/// Why something cannot be done with a county.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountyError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be read or written")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file makes no sense.
    #[error("{path}: {reason}")]
    Corrupt {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder was made by a newer program.
    #[error("{path} has form {found}; this program reads up to {FORMAT}: use a newer one")]
    TooNew {
        /// `county.toml`.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
    /// There is a county, or something else, already.
    #[error("{path} is not empty: a county is made in an empty or a new folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Not a code or date.
    #[error("{what} {text:?}: {expected}")]
    BadKey {
        /// What it should be.
        what: &'static str,
        /// What was given.
        text: String,
        /// What is expected.
        expected: &'static str,
    },
    /// The survey lies elsewhere.
    #[error(
        "the survey would lie {distance_km:.0} km from everything this county has: coordinate system, zone or origin is \
         likely wrong"
    )]
    Elsewhere {
        /// Distance.
        distance_km: f64,
    },
    /// There is no such survey.
    #[error("village {village} has no finished survey {date}")]
    NoSurvey {
        /// Village.
        village: String,
        /// Date.
        date: String,
    },
    /// It is shown at the moment.
    #[error("survey {date} of village {village} is the one that is shown: switch to another first")]
    InUse {
        /// Village.
        village: String,
        /// Date.
        date: String,
    },
    /// A village that the county does not have.
    #[error("village {village} is not in the county's list of villages (layers/villages.geojson)")]
    UnknownVillage {
        /// Its code.
        village: String,
    },
    /// It lies outside the border of its village or of the county.
    #[error("it is not imported: {0}")]
    OutsideBorder(Elsewhere),
    /// A layer of the county cannot be read.
    #[error("a layer of the county cannot be read")]
    Layer(#[source] VectorError),
    /// The mesh cannot be imported.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// The tileset cannot be adopted.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// The points cannot be imported.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The blocks cannot be made.
    #[error(transparent)]
    Blocks(#[from] BlocksError),
    /// The ground cannot be made.
    #[error(transparent)]
    Land(#[from] LandError),
}

impl SurveyKey {
    /// Checks code and date.
    ///
    /// # Errors
    /// [`CountyError::BadKey`].
    pub fn new(village: &str, date: &str) -> Result<Self, CountyError> {
        let bad = |what, text: &str, expected| CountyError::BadKey { what, text: text.to_owned(), expected };
        if !is_code(village, VILLAGE_DIGITS) {
            return Err(bad("village code", village, "twelve digits are expected"));
        }
        if !is_date(date) {
            return Err(bad("survey", date, "a date such as 2026-05-01 is expected"));
        }
        Ok(Self { village: village.to_owned(), date: date.to_owned() })
    }
}

impl County {
    /// Makes a county in a folder that is empty or does not exist.
    ///
    /// # Errors
    /// A code that is none, a folder that holds something, and what the disk answers.
    pub fn create(folder: &Path, config: &CountyConfig) -> Result<Self, CountyError> {
        let io = |source| CountyError::Io { path: folder.to_owned(), source };
        if !is_code(&config.code, COUNTY_DIGITS) {
            return Err(CountyError::BadKey {
                what: "county code",
                text: config.code.clone(),
                expected: "six digits are expected",
            });
        }
        fs::create_dir_all(folder).map_err(io)?;
        if fs::read_dir(folder).map_err(io)?.next().is_some() {
            return Err(CountyError::NotEmpty { path: folder.to_owned() });
        }
        let county = Self { folder: folder.to_owned(), config: config.clone(), is_ground_later: false };
        for name in ["villages", "terrain", "layers"] {
            fs::create_dir_all(folder.join(name)).map_err(io)?;
        }
        RootDocument::empty(&config.code).write(folder)?;
        // Last: a folder with this file is a county.
        county.write_config()?;
        Ok(county)
    }

    /// Opens a county.
    ///
    /// # Errors
    /// A folder that is none, or one of a newer form.
    pub fn open(folder: &Path) -> Result<Self, CountyError> {
        let path = folder.join(CONFIG_FILE);
        let text =
            fs::read_to_string(&path).map_err(|source| CountyError::Io { path: path.clone(), source })?;
        let corrupt =
            |error: toml::de::Error| CountyError::Corrupt { path: path.clone(), reason: error.to_string() };
        let any: toml::Table = toml::from_str(&text).map_err(corrupt)?;
        let found = any.get("format").and_then(toml::Value::as_integer).unwrap_or(0);
        if found > i64::from(FORMAT) {
            return Err(CountyError::TooNew { path, found: u32::try_from(found).unwrap_or(u32::MAX) });
        }
        let config = toml::from_str(&text).map_err(corrupt)?;
        Ok(Self { folder: folder.to_owned(), config, is_ground_later: false })
    }

    /// The same county, in which the ground stays as it is when a survey is shown or points are imported. Whoever imports
    /// many surveys makes it once at the end, by [`County::remake_land`] or an import without this.
    pub fn with_ground_later(mut self) -> Self {
        self.is_ground_later = true;
        self
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says about itself.
    pub fn config(&self) -> &CountyConfig {
        &self.config
    }

    /// Changes what it says about itself.
    ///
    /// # Errors
    /// What the disk answers.
    pub fn set_config(&mut self, config: CountyConfig) -> Result<(), CountyError> {
        self.config = config;
        self.write_config()
    }

    fn write_config(&self) -> Result<(), CountyError> {
        let path = self.folder.join(CONFIG_FILE);
        let text = toml::to_string(&self.config)
            .map_err(|error| CountyError::Corrupt { path: path.clone(), reason: error.to_string() })?;
        write_atomic(&path, text.as_bytes()).map_err(|source| CountyError::Io { path, source })
    }

    /// The folder of a survey.
    pub fn survey_folder(&self, key: &SurveyKey) -> PathBuf {
        self.folder.join("villages").join(&key.village).join("surveys").join(&key.date)
    }

    /// Imports a mesh as a survey of a village, and shows it. `plan` says what will be done; everything worth a word
    /// about its place in this county is in [`County::place_notes`].
    ///
    /// # Errors
    /// A survey that would lie absurdly far from the county, and those of [`import`].
    pub fn import_mesh(
        &self,
        plan: &MeshPlan,
        key: &SurveyKey,
        options: &MeshOptions,
        progress: &dyn Progress,
    ) -> Result<MeshReport, CountyError> {
        self.place_notes(plan, key)?;
        let report = import(plan, &self.survey_folder(key), options, progress)?;
        self.use_survey(key, progress)?;
        Ok(report)
    }

    /// Adopts an existing tileset as a survey of a village, and shows it.
    ///
    /// # Errors
    /// Those of [`adopt`], and a place outside the village.
    pub fn adopt_tileset(
        &self,
        source: &Path,
        key: &SurveyKey,
        options: &AdoptOptions,
        progress: &dyn Progress,
    ) -> Result<AdoptReport, CountyError> {
        self.check_place(&key.village, places::middle_of_tileset(source))?;
        let report = adopt(source, &self.survey_folder(key), options, progress)?;
        self.use_survey(key, progress)?;
        Ok(report)
    }

    /// What is worth a word about where a survey would lie.
    ///
    /// # Errors
    /// [`CountyError::Elsewhere`].
    pub fn place_notes(&self, plan: &MeshPlan, key: &SurveyKey) -> Result<Vec<String>, CountyError> {
        self.notes_at(plan.middle(), key)
    }

    /// What is worth a word about where a survey around `middle` would lie; `None`: no place on Earth.
    ///
    /// # Errors
    /// [`CountyError::Elsewhere`].
    pub fn notes_at(&self, middle: Option<Geodetic>, key: &SurveyKey) -> Result<Vec<String>, CountyError> {
        let mut notes = Vec::new();
        if !key.village.starts_with(&self.config.code)
            && !self.config.former_codes.iter().any(|code| key.village.starts_with(code))
        {
            notes.push(format!(
                "village {} does not begin with the county's code {}",
                key.village, self.config.code
            ));
        }
        let at = middle.map(|m| [m.lon_rad.to_degrees(), m.lat_rad.to_degrees()]);
        notes.extend(self.check_place(&key.village, at)?);
        let Some(middle) = middle else {
            notes.push("the survey has no place on Earth".to_owned());
            return Ok(notes);
        };
        // Borders say it better than neighbours.
        if !self.borders()?.is_empty() {
            return Ok(notes);
        }
        notes.extend(
            self.distance_notes(middle, |child| child["extras"]["village"].as_str() != Some(&key.village))?,
        );
        Ok(notes)
    }

    /// What is worth a word about where ground around `middle` would lie.
    ///
    /// # Errors
    /// [`CountyError::Elsewhere`].
    pub fn land_notes(&self, middle: Geodetic) -> Result<Vec<String>, CountyError> {
        self.distance_notes(middle, |child| child["extras"]["terrain"].is_null())
    }

    fn distance_notes(
        &self,
        middle: Geodetic,
        is_other: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<Vec<String>, CountyError> {
        let mut notes = Vec::new();
        let position = geodesy::ecef_from_geodetic(middle);
        let root = RootDocument::read(&self.folder)?;
        let others = root.children.iter().filter(|child| is_other(child));
        let nearest = others.filter_map(root::center).map(|c| c.distance(position)).reduce(f64::min);
        match nearest {
            None => notes.push(
                "the county has no borders and no other village: nothing to compare the place with".into(),
            ),
            Some(metres) if metres > ABSURD_DISTANCE_M => {
                return Err(CountyError::Elsewhere { distance_km: metres / 1000.0 });
            }
            Some(metres) if metres > FAR_DISTANCE_M => {
                notes.push(format!(
                    "the nearest other village of the county is {:.0} km away",
                    metres / 1000.0
                ));
            }
            Some(_) => {}
        }
        Ok(notes)
    }

    /// Shows a survey, its mesh if it has one, else its points; where there is ground, it is cut to the mesh: one atomic
    /// rename of the root switches both.
    ///
    /// # Errors
    /// A survey that is not there or not finished, and ground that cannot be made.
    pub fn use_survey(&self, key: &SurveyKey, progress: &dyn Progress) -> Result<(), CountyError> {
        self.show(key, progress)
    }

    /// What is shown of a survey: the file, its address in the county, and the `extras` of the child.
    fn shown_of(&self, key: &SurveyKey) -> Result<(PathBuf, String, serde_json::Value), CountyError> {
        let folder = self.survey_folder(key);
        let mut extras = json!({ "village": key.village, "survey": key.date });
        let found = [TILES_FOLDER, POINTS_FOLDER]
            .into_iter()
            .find(|name| folder.join(name).join(root::FILE).is_file())
            .ok_or_else(|| CountyError::NoSurvey { village: key.village.clone(), date: key.date.clone() })?;
        if found == POINTS_FOLDER {
            extras["points"] = true.into();
        }
        let uri = format!("villages/{}/surveys/{}/{found}/{}", key.village, key.date, root::FILE);
        Ok((folder.join(found).join(root::FILE), uri, extras))
    }

    /// Puts a tileset of the county (its file, its address relative to the county, its `extras`, which must carry the
    /// key) under the root, or takes the one with this key away.
    ///
    /// # Errors
    /// A tileset whose root makes no sense, and what the disk answers.
    pub fn set_child(
        &self,
        key: &ChildKey,
        child: Option<(&Path, &str, serde_json::Value)>,
    ) -> Result<(), CountyError> {
        let mut document = RootDocument::read(&self.folder)?;
        let child = match child {
            Some((file, uri, extras)) => Some(root::child_of(file, uri, extras)?),
            None => None,
        };
        document.set(key, child);
        document.write(&self.folder)
    }

    /// The date of the survey of a village that is shown.
    ///
    /// # Errors
    /// A root that cannot be read.
    pub fn current_survey(&self, village: &str) -> Result<Option<String>, CountyError> {
        let document = RootDocument::read(&self.folder)?;
        let child = document.child(&ChildKey::Village(village.to_owned()));
        Ok(child.and_then(|child| child["extras"]["survey"].as_str()).map(str::to_owned))
    }

    /// All surveys, by village and date.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn surveys(&self) -> Result<Vec<Survey>, CountyError> {
        let document = RootDocument::read(&self.folder)?;
        let mut surveys = Vec::new();
        for village in names(&self.folder.join("villages"))? {
            let current = document
                .child(&ChildKey::Village(village.clone()))
                .and_then(|child| child["extras"]["survey"].as_str());
            for date in names(&self.folder.join("villages").join(&village).join("surveys"))? {
                let Ok(key) = SurveyKey::new(&village, &date) else { continue };
                let is_finished = self.shown_of(&key).is_ok();
                surveys.push(Survey { is_current: current == Some(date.as_str()), is_finished, key });
            }
        }
        Ok(surveys)
    }

    /// Removes a survey that is not shown.
    ///
    /// # Errors
    /// The one that is shown, and what the disk answers.
    pub fn remove_survey(&self, key: &SurveyKey) -> Result<(), CountyError> {
        if self.current_survey(&key.village)?.as_deref() == Some(&key.date) {
            return Err(CountyError::InUse { village: key.village.clone(), date: key.date.clone() });
        }
        let path = self.survey_folder(key);
        if !path.is_dir() {
            return Err(CountyError::NoSurvey { village: key.village.clone(), date: key.date.clone() });
        }
        remove_whole_folder(&path).map_err(|source| CountyError::Io { path, source })
    }
}

/// Names of the folders in a folder, sorted; none if it does not exist.
fn names(folder: &Path) -> Result<Vec<String>, CountyError> {
    let io = |source| CountyError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io)?;
        if entry.file_type().map_err(io)?.is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort();
    Ok(names)
}
