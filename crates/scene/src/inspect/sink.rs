//! Where problems go: bounded, without repetition, counted in full.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Display;

use super::report::{Problem, Severity};

/// Collects problems.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) problems: Vec<Problem>,
    pub(super) counts: BTreeMap<Severity, u64>,
    /// Extensions met in the tileset under inspection and what it refers to.
    pub(super) found_extensions: BTreeSet<String>,
    seen: HashSet<Problem>,
    limit: usize,
    errors_met: u64,
}

impl Sink {
    /// Lists at most `limit` problems; the rest are only counted.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            problems: Vec::new(),
            counts: BTreeMap::new(),
            found_extensions: BTreeSet::new(),
            seen: HashSet::new(),
            limit,
            errors_met: 0,
        }
    }

    fn push(&mut self, problem: Problem) {
        if problem.severity == Severity::Error {
            self.errors_met += 1;
        }
        if self.problems.len() < self.limit {
            if !self.seen.insert(problem.clone()) {
                return;
            }
            *self.counts.entry(problem.severity).or_default() += 1;
            self.problems.push(problem);
        } else if !self.seen.contains(&problem) {
            *self.counts.entry(problem.severity).or_default() += 1;
        }
    }
}

/// The sink, speaking of one file.
pub(super) struct Out<'s> {
    file: &'s str,
    sink: &'s mut Sink,
}

impl<'s> Out<'s> {
    pub(super) fn new(file: &'s str, sink: &'s mut Sink) -> Self {
        Self { file, sink }
    }
    /// Errors met so far, repeated ones included: compare with [`Out::clean_since`].
    pub(super) fn mark(&self) -> u64 {
        self.sink.errors_met
    }
    /// Whether no error was met since the mark.
    pub(super) fn clean_since(&self, mark: u64) -> bool {
        self.sink.errors_met == mark
    }
    /// Notes that an extension is in use.
    pub(super) fn found_extension(&mut self, name: &str) {
        self.sink.found_extensions.insert(name.to_owned());
    }
    pub(super) fn error(&mut self, place: impl Display, reason: impl Into<String>) {
        self.add(Severity::Error, place, reason);
    }
    pub(super) fn warning(&mut self, place: impl Display, reason: impl Into<String>) {
        self.add(Severity::Warning, place, reason);
    }
    pub(super) fn info(&mut self, place: impl Display, reason: impl Into<String>) {
        self.add(Severity::Info, place, reason);
    }
    pub(super) fn not_checked(&mut self, place: impl Display, reason: impl Into<String>) {
        self.add(Severity::NotChecked, place, reason);
    }
    fn add(&mut self, severity: Severity, place: impl Display, reason: impl Into<String>) {
        let (place, reason) = (cut(place.to_string()), cut(reason.into()));
        self.sink.push(Problem { severity, file: cut(self.file.to_owned()), place, reason });
    }
}

/// Names and values of a file may be of any length; what is said about them is not.
fn cut(mut text: String) -> String {
    const LONGEST: usize = 600;
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
