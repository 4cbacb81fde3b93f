//! Which files a cache holds, in order of use.

use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Default)]
pub(crate) struct Table {
    files: HashMap<String, Used>,
    by_use: BTreeMap<u64, String>,
    next_use: u64,
    bytes: u64,
    /// Bytes being written.
    pub(crate) reserved: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evicted: u64,
    pub(crate) broken: u64,
}

#[derive(Debug)]
struct Used {
    bytes: u64,
    at: u64,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Adds or replaces a file; it is now the one most recently used.
    pub(crate) fn insert(&mut self, name: String, bytes: u64) {
        self.remove(&name);
        let at = self.next_use;
        self.next_use += 1;
        self.bytes += bytes;
        self.by_use.insert(at, name.clone());
        self.files.insert(name, Used { bytes, at });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(used) = self.files.remove(name) {
            self.by_use.remove(&used.at);
            self.bytes -= used.bytes;
        }
    }

    pub(crate) fn touch(&mut self, name: &str) {
        if let Some(bytes) = self.files.get(name).map(|used| used.bytes) {
            self.insert(name.to_owned(), bytes);
        }
    }

    /// The files to delete, least recently used first, so that at most `wanted` bytes are left.
    pub(crate) fn oldest_over(&self, wanted: u64) -> Vec<String> {
        let mut left = self.bytes;
        let mut oldest = Vec::new();
        for name in self.by_use.values() {
            if left <= wanted {
                break;
            }
            left -= self.files.get(name).map_or(0, |used| used.bytes);
            oldest.push(name.clone());
        }
        oldest
    }
}
