//! Strict inspection.

mod cases;
mod robust;
mod verdicts;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use scene::inspect::{Files, Report, Severity};
use store::{OpenOptions, Source};

const MAX_BYTES: u64 = 512 << 20;

/// A source of `store` as inspection wants it.
struct Sourced(Source);

impl Files for Sourced {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.0.read(uri, MAX_BYTES).map_err(|error| error.to_string())
    }
    fn open_package(&mut self, uri: &str) -> Option<Result<Box<dyn Files>, String>> {
        let opened =
            self.read(uri).and_then(|bytes| Source::open_archive_bytes(bytes).map_err(|e| e.to_string()));
        Some(opened.map(|source| Box::new(Self(source)) as Box<dyn Files>))
    }
}

/// Opens a file of the sample data; uris are relative to `root`.
fn open(root: &Path, file: &str) -> Result<(Sourced, String), String> {
    let options = OpenOptions { tileset_root: Some(root.to_path_buf()), ..OpenOptions::default() };
    let source = Source::open_path(&root.join(file), &options).map_err(|error| error.to_string())?;
    let uri = source.root_uri().to_owned();
    Ok((Sourced(source), uri))
}

/// Files made up for a test.
#[derive(Default)]
struct Made(BTreeMap<String, Bytes>);

impl Made {
    fn with(mut self, uri: &str, bytes: impl Into<Bytes>) -> Self {
        self.0.insert(uri.to_owned(), bytes.into());
        self
    }
}

impl Files for Made {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.0.get(uri).cloned().ok_or_else(|| "not found".to_owned())
    }
}

/// Places of the errors.
fn error_places(report: &Report) -> Vec<String> {
    report
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Error)
        .map(|p| format!("{} {}", p.file, p.place))
        .collect()
}
