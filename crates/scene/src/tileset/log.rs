//! Problems found while reading, bounded in number.

use crate::content::Warning;

/// A damaged file may have a problem per tile; beyond this many they are counted only.
const MAX_LISTED: usize = 1000;

/// Collects warnings of one file.
#[derive(Debug)]
pub(crate) struct WarningLog {
    file: String,
    listed: Vec<Warning>,
    unlisted: usize,
}

impl WarningLog {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), listed: Vec::new(), unlisted: 0 }
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// `place` and `reason` are only made if there is room for them.
    pub(crate) fn push(&mut self, place: impl FnOnce() -> String, reason: impl Into<String>) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Warning { file: self.file.clone(), place: place(), reason: reason.into() });
        } else {
            self.unlisted += 1;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Warning> {
        if self.unlisted > 0 {
            let reason = format!("{} more problems are not listed", self.unlisted);
            self.listed.push(Warning { file: self.file, place: String::new(), reason });
        }
        self.listed
    }
}
