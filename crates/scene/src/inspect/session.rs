//! One inspection at work: what it may read, what it has seen, where problems go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use base64::Engine as _;
use bytes::Bytes;

use super::report::{Contents, Level, Report, Summary};
use super::sink::{Out, Sink};
use super::{Files, Options};

/// Why a file was not read.
pub(super) struct Unread {
    reason: String,
    /// By a limit of the inspection, or in a format that it does not read.
    by_choice: bool,
}

impl Unread {
    /// Left unread by choice: that is no defect of the data.
    pub(super) fn by_choice(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_choice: true }
    }
    /// Says that `what` was not read.
    pub(super) fn report(&self, what: &str, place: impl Display, out: &mut Out<'_>) {
        let reason = format!("{what} could not be read: {}", self.reason);
        if self.by_choice { out.not_checked(place, reason) } else { out.error(place, reason) }
    }
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self { reason, by_choice: false }
    }
}

impl From<&str> for Unread {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// State of an inspection.
pub(super) struct Session<'f> {
    files: &'f mut dyn Files,
    /// Packages that were opened as content, by their uri with a `/` at the end.
    packages: Vec<(String, Box<dyn Files>)>,
    pub(super) sink: Sink,
    pub(super) options: Options,
    pub(super) summary: Summary,
    /// Tilesets on the way from the root to here.
    pub(super) active_tilesets: Vec<String>,
    /// Files that were inspected, with the extensions found in them and below.
    pub(super) done: BTreeMap<String, BTreeSet<String>>,
    files_read: u64,
}

impl<'f> Session<'f> {
    pub(super) fn new(files: &'f mut dyn Files, options: &Options) -> Self {
        Self {
            files,
            packages: Vec::new(),
            sink: Sink::new(options.max_problems),
            options: options.clone(),
            summary: Summary::default(),
            active_tilesets: Vec::new(),
            done: BTreeMap::new(),
            files_read: 0,
        }
    }

    /// Speaks of `file`.
    pub(super) fn out<'s>(&'s mut self, file: &'s str) -> Out<'s> {
        Out::new(file, &mut self.sink)
    }

    /// Reads a file.
    pub(super) fn read(&mut self, uri: &str) -> Result<Bytes, Unread> {
        self.files_read += 1;
        if self.files_read > self.options.max_files {
            return Err(Unread::by_choice(format!("more than {} files", self.options.max_files)));
        }
        let inside = self.packages.iter_mut().rev().find(|(prefix, _)| uri.starts_with(prefix.as_str()));
        let bytes = match inside {
            Some((prefix, package)) => package.read(uri.get(prefix.len()..).unwrap_or_default())?,
            None => self.files.read(uri)?,
        };
        if bytes.len() as u64 > self.options.max_file_bytes {
            let limit = self.options.max_file_bytes;
            return Err(Unread::by_choice(format!(
                "{} bytes are more than the limit of {limit}",
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    /// Opens a package that is the content of a tile; its files are then read as `uri/…`. `None`: packages are not
    /// opened by this caller.
    pub(super) fn open_package(&mut self, uri: &str) -> Option<Result<(), String>> {
        if self.packages.len() >= self.options.max_nesting {
            return Some(Err("not opened: too many packages".to_owned()));
        }
        Some(self.files.open_package(uri)?.map(|package| self.packages.push((format!("{uri}/"), package))))
    }

    /// Counts a tile of a level.
    pub(super) fn count_tile(&mut self, depth: usize, geometric_error_m: Option<f64>, has_content: bool) {
        self.summary.tiles += 1;
        if self.summary.levels.len() <= depth {
            self.summary.levels.resize_with(depth + 1, Level::default);
        }
        let Some(level) = self.summary.levels.get_mut(depth) else { return };
        level.tiles += 1;
        level.with_content += u64::from(has_content);
        if let Some(error) = geometric_error_m {
            let [low, high] = level.geometric_error_m.unwrap_or([error; 2]);
            level.geometric_error_m = Some([low.min(error), high.max(error)]);
        }
    }

    /// Whether no more tiles may be visited.
    pub(super) fn is_out_of_tiles(&self) -> bool {
        self.summary.tiles >= self.options.max_tiles
    }

    /// The figures of a content format.
    pub(super) fn contents(&mut self, format: &str) -> &mut Contents {
        self.summary.contents.entry(format.to_owned()).or_default()
    }

    /// Ends the inspection.
    pub(super) fn finish(self) -> Report {
        Report { problems: self.sink.problems, counts: self.sink.counts, summary: self.summary }
    }
}

/// Reads what the file `base` refers to; gives its uri too.
pub(super) fn read_referred(
    session: &mut Session<'_>,
    base: &str,
    reference: &str,
) -> Result<(String, Bytes), Unread> {
    let uri = resolve(base, reference)?;
    let bytes = session.read(&uri)?;
    Ok((uri, bytes))
}

/// Reads a file that the file `base` refers to, or what a `data:` uri holds.
pub(super) fn read_uri(session: &mut Session<'_>, base: &str, reference: &str) -> Result<Bytes, Unread> {
    let Some(rest) = reference.strip_prefix("data:") else {
        return read_referred(session, base, reference).map(|(_, bytes)| bytes);
    };
    let (kind, data) = rest.split_once(',').ok_or("the data uri has no comma")?;
    if !kind.ends_with(";base64") {
        return Err("the data uri is not base64".into());
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(data.trim_end());
    Ok(decoded.map(Bytes::from).map_err(|error| format!("the data uri is not base64: {error}"))?)
}

/// Resolves a reference found in the file `base`, or says why it is not followed.
pub(super) fn resolve(base: &str, reference: &str) -> Result<String, String> {
    if has_scheme(reference) || reference.starts_with("//") {
        return Err(format!("'{reference}' is an absolute address, which is not followed"));
    }
    Ok(crate::uri::resolve(base, reference))
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}
