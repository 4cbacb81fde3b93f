//! What went wrong while streaming, for people: what is wrong with the data, and what could not be reached.

use std::collections::{BTreeMap, VecDeque};

/// How many of the latest are remembered.
const RECENT: usize = 8;
/// How many files that cannot be reached are remembered by name.
const MAX_UNREACHABLE: usize = 1000;

/// What went wrong.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    recent: VecDeque<String>,
    unreachable: BTreeMap<String, String>,
}

impl Failures {
    /// Writes down a problem of the data, and logs it.
    pub fn note(&mut self, file: &str, place: &str, reason: &str) {
        tracing::warn!(file, place, "{reason}");
        self.remember(match (file, place) {
            ("", _) => reason.to_owned(),
            (file, "") => format!("{file}: {reason}"),
            (file, place) => format!("{file}, {place}: {reason}"),
        });
    }

    /// Writes down that a file cannot be reached for now.
    pub fn unreachable(&mut self, name: &str, reason: &str) {
        if self.unreachable.get(name).is_some_and(|known| known == reason) {
            return;
        }
        tracing::info!(file = name, "{reason}");
        if self.unreachable.len() < MAX_UNREACHABLE || self.unreachable.contains_key(name) {
            self.unreachable.insert(name.to_owned(), reason.to_owned());
        }
        self.remember(format!("{name}: {reason}"));
    }

    /// A file that could be reached.
    pub fn reached(&mut self, name: &str) {
        self.unreachable.remove(name);
    }

    /// Whether some file cannot be reached.
    pub fn has_outage(&self) -> bool {
        !self.unreachable.is_empty()
    }

    /// What cannot be reached: how many files, and one of them with the reason.
    pub fn outage(&self) -> Option<(usize, String)> {
        let (name, reason) = self.unreachable.first_key_value()?;
        Some((self.unreachable.len(), format!("{name}: {reason}")))
    }

    /// The latest, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }

    fn remember(&mut self, text: String) {
        if self.recent.back() == Some(&text) {
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_until_the_file_is_reached() {
        let mut failures = Failures::default();
        failures.unreachable("b.glb", "connection refused");
        failures.unreachable("a.glb", "timed out");
        assert_eq!(failures.outage(), Some((2, "a.glb: timed out".to_owned())));
        failures.reached("a.glb");
        failures.reached("b.glb");
        assert_eq!(failures.outage(), None);
    }

    #[test]
    fn the_latest_are_kept() {
        let mut failures = Failures::default();
        for n in 0..20 {
            failures.note("x.glb", "", &n.to_string());
            failures.note("x.glb", "", &n.to_string());
        }
        let recent: Vec<&str> = failures.recent().collect();
        assert_eq!(recent.len(), RECENT);
        assert_eq!((recent.first(), recent.last()), (Some(&"x.glb: 12"), Some(&"x.glb: 19")));
    }
}
