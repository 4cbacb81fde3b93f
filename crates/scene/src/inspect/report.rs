//! What an inspection found: problems with file, place and reason, and the figures of the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing, breaks nothing.
    Info,
    /// Discouraged by the specification, or tolerated by every reader although it is wrong.
    Warning,
    /// Something Hamlet does not read, so nothing can be said about it.
    NotChecked,
    /// Breaks the specification.
    Error,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Problem {
    /// How grave.
    pub severity: Severity,
    /// Uri of the file, relative to the root of the source.
    pub file: String,
    /// Place in the file: a JSON pointer (RFC 6901), `line L column C`, `byte N`, or `/` for the whole file.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

/// The short answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No error, everything checked.
    Valid,
    /// No error, but a part could not be checked.
    NotChecked,
    /// At least one error.
    Invalid,
}

/// Everything an inspection found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Problems in the order they were met; at most [`super::Options::max_problems`].
    pub problems: Vec<Problem>,
    /// How many there were by severity, those not listed included.
    pub counts: BTreeMap<Severity, u64>,
    /// Figures of the tree.
    pub summary: Summary,
}

/// Figures of the tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Tiles, implicit ones included.
    pub tiles: u64,
    /// Tiles by level below the root tileset's root; external tilesets go on counting.
    pub levels: Vec<Level>,
    /// Content files by format (`b3dm`, `glb`, …), each file once.
    pub contents: BTreeMap<String, Contents>,
    /// Content files and images of no format that can be drawn: no sin against the specification, but a tile that stays
    /// away.
    pub undrawable: u64,
    /// External tilesets, each file once.
    pub external_tilesets: u64,
    /// Subtree files, each once.
    pub subtrees: u64,
    /// `extensionsUsed` of all tilesets and glTF assets.
    pub extensions_used: BTreeSet<String>,
    /// `asset.copyright` of all tilesets and glTF assets.
    pub attributions: BTreeSet<String>,
    /// Extent of the root tile.
    pub extent: Option<Extent>,
}

/// One level of the tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Level {
    /// Tiles.
    pub tiles: u64,
    /// Tiles with content.
    pub with_content: u64,
    /// Smallest and largest geometric error, metres.
    pub geometric_error_m: Option<[f64; 2]>,
}

/// The contents of one format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Files.
    pub files: u64,
    /// Bytes as read.
    pub bytes: u64,
    /// Triangles, as the accessors declare them (instances counted once).
    pub triangles: u64,
    /// Points.
    pub points: u64,
    /// Texels of the largest mip of every image.
    pub texels: u64,
}

/// Where the root tile lies, in the frame of the tileset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extent {
    /// Lower corner, metres (ECEF if the tileset has a place on Earth).
    pub min_m: [f64; 3],
    /// Upper corner, metres.
    pub max_m: [f64; 3],
    /// West, south, east, north in degrees and lowest and highest height above the ellipsoid in metres, if the tileset
    /// has a place on Earth.
    pub region_deg_m: Option<[f64; 6]>,
}

impl Report {
    /// A report of one error, for what could not even be opened (a broken package, say).
    pub fn of_error(file: impl Into<String>, place: impl Into<String>, reason: impl Into<String>) -> Self {
        let problem = Problem {
            severity: Severity::Error,
            file: file.into(),
            place: place.into(),
            reason: reason.into(),
        };
        Self { problems: vec![problem], counts: [(Severity::Error, 1)].into(), summary: Summary::default() }
    }

    /// How many problems of this severity there were.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts.get(&severity).copied().unwrap_or(0)
    }

    /// The short answer.
    pub fn verdict(&self) -> Verdict {
        if self.count(Severity::Error) > 0 {
            Verdict::Invalid
        } else if self.count(Severity::NotChecked) > 0 {
            Verdict::NotChecked
        } else {
            Verdict::Valid
        }
    }
}

impl Summary {
    /// All contents together.
    pub fn total(&self) -> Contents {
        self.contents.values().fold(Contents::default(), |sum, contents| sum.plus(*contents))
    }
}

impl Contents {
    /// The sum; figures are what files claim, so they stop at the largest number.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            triangles: self.triangles.saturating_add(other.triangles),
            points: self.points.saturating_add(other.points),
            texels: self.texels.saturating_add(other.texels),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::NotChecked => "not checked",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at {}: {}", self.severity, self.file, self.place, self.reason)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        writeln!(f, "tiles            {} in {} levels", self.tiles, self.levels.len())?;
        for (depth, level) in self.levels.iter().enumerate() {
            write!(f, "  level {depth:<3}      {} tiles, {} with content", level.tiles, level.with_content)?;
            match level.geometric_error_m {
                Some([low, high]) if low == high => writeln!(f, ", geometric error {low} m")?,
                Some([low, high]) => writeln!(f, ", geometric error {low} to {high} m")?,
                None => writeln!(f)?,
            }
        }
        writeln!(
            f,
            "contents         {} files, {} bytes, {} triangles, {} points, {} texels",
            total.files, total.bytes, total.triangles, total.points, total.texels
        )?;
        for (format, c) in &self.contents {
            writeln!(f, "  {format:<14} {} files, {} bytes", c.files, c.bytes)?;
        }
        if self.external_tilesets > 0 {
            writeln!(f, "external         {} tilesets", self.external_tilesets)?;
        }
        if self.subtrees > 0 {
            writeln!(f, "subtrees         {}", self.subtrees)?;
        }
        if let Some(extent) = &self.extent {
            match extent.region_deg_m {
                Some([w, s, e, n, low, high]) => {
                    writeln!(
                        f,
                        "extent           {w:.6},{s:.6} to {e:.6},{n:.6} degrees, {low:.1} to {high:.1} m"
                    )?;
                }
                None => writeln!(f, "extent           {:?} to {:?} m", extent.min_m, extent.max_m)?,
            }
        }
        if !self.extensions_used.is_empty() {
            writeln!(f, "extensions       {}", join(&self.extensions_used))?;
        }
        if !self.attributions.is_empty() {
            writeln!(f, "attribution      {}", join(&self.attributions))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    /// Summary, then every problem on a line of its own, then the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary)?;
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        let verdict = match self.verdict() {
            Verdict::Valid => "valid",
            Verdict::NotChecked => "valid as far as it was checked",
            Verdict::Invalid => "invalid",
        };
        write!(
            f,
            "{verdict}: {} errors, {} warnings, {} not checked",
            self.count(Severity::Error),
            self.count(Severity::Warning),
            self.count(Severity::NotChecked)
        )?;
        let unlisted = self.counts.values().sum::<u64>().saturating_sub(self.problems.len() as u64);
        if unlisted > 0 { write!(f, " ({unlisted} problems not listed)") } else { Ok(()) }
    }
}

fn join(items: &BTreeSet<String>) -> String {
    items.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
