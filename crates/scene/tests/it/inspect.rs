//! Strict inspection against the verdicts of npm 3d-tiles-validator over all sample data, and on whatever else there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;
use scene::inspect::{self, Files, Options, Report, Severity, Verdict};
use serde_json::Value;
use store::{OpenOptions, Source};

use crate::support::data;

const MAX_BYTES: u64 = 512 << 20;

/// A source of `store` as inspection wants it.
struct Sourced(Source);

impl Files for Sourced {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.0.read(uri, MAX_BYTES).map_err(|error| error.to_string())
    }
    fn open_package(&mut self, uri: &str) -> Option<Result<Box<dyn Files>, String>> {
        let bytes = match self.read(uri) {
            Ok(bytes) => bytes,
            Err(reason) => return Some(Err(reason)),
        };
        let opened = Source::open_archive_bytes(bytes);
        Some(opened.map(|s| Box::new(Self(s)) as Box<dyn Files>).map_err(|error| error.to_string()))
    }
}

/// Opens a file of the sample data; uris are relative to `root`.
fn open(root: &Path, file: &str) -> Result<(Sourced, String), String> {
    let options = OpenOptions { tileset_root: Some(root.to_path_buf()), ..OpenOptions::default() };
    let source = Source::open_path(&root.join(file), &options).map_err(|error| error.to_string())?;
    let uri = source.root_uri().to_owned();
    Ok((Sourced(source), uri))
}

/// A row of the table.
struct Row<'t> {
    path: &'t str,
    read_as: &'t str,
    verdict: &'t str,
    issues: &'t str,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let rows: Vec<Row<'_>> = table
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split('\t');
            let mut next = || cells.next().unwrap_or_default();
            Row { path: next(), read_as: next(), verdict: next(), issues: next() }
        })
        .collect();
    assert!(rows.len() > 1000, "the table is cut off");
    rows
}

/// What loose subtrees and property tables are read with, as in the specifications of the validator.
struct Companions {
    tiling: Value,
    subtree_schema: Value,
    table_schema: Value,
}

impl Companions {
    fn load(root: &Path) -> Self {
        let json = |file: &str| serde_json::from_slice(&std::fs::read(root.join(file)).unwrap()).unwrap();
        Self {
            tiling: json("validator/data/subtrees/validSubtreeImplicitTiling.json.input"),
            subtree_schema: json("validator/data/schemas/validSchema.json"),
            table_schema: json("validator/data/schemas/FullMetadataSchema.json"),
        }
    }
}

fn inspect_row(root: &Path, row: &Row<'_>, with: &Companions) -> Report {
    let (mut files, uri) = match open(root, row.path) {
        Ok(opened) => opened,
        Err(reason) => return Report::of_error(row.path, "/", reason),
    };
    let options = Options::default();
    match row.read_as {
        "tileset" | "package" => inspect::inspect_tileset(&uri, &mut files, &options),
        "schema" => inspect::inspect_schema(&uri, &mut files, &options),
        "subtree" => {
            let (tiling, schema) = (Some(&with.tiling), Some(&with.subtree_schema));
            inspect::inspect_subtree(&uri, &mut files, tiling, schema, &options)
        }
        "buffers" => inspect::inspect_buffers(&uri, &mut files, &options),
        "property-table" => {
            inspect::inspect_property_tables(&uri, &mut files, &with.table_schema, 2, &options)
        }
        "gltf-extensions" => inspect::inspect_gltf_extensions(&uri, &mut files, &options),
        "content" => inspect::inspect_content(&uri, &mut files, &options),
        other => panic!("the table has a kind '{other}'"),
    }
}

/// Rows whose verdict differs from the validator's on purpose, with the reason.
const DIFFERENCES: &[(&str, &str)] = &[];

#[test]
fn verdicts_are_those_of_the_validator() {
    let Some(root) = data("tiles") else { return };
    let with = Companions::load(&root);
    let table = include_str!("../verdicts/tiles.tsv");
    let rows = rows(table);
    let reports: Vec<Report> = rows.par_iter().map(|row| inspect_row(&root, row, &with)).collect();
    let mut wrong = Vec::new();
    let mut differences: BTreeMap<&str, bool> = DIFFERENCES.iter().map(|(path, _)| (*path, false)).collect();
    for (row, report) in rows.iter().zip(&reports) {
        let same = match report.verdict() {
            Verdict::Valid => row.verdict != "invalid",
            Verdict::Invalid => row.verdict == "invalid",
            Verdict::NotChecked => is_of_vendors(&root, row),
        };
        for problem in &report.problems {
            assert!(
                !problem.file.is_empty() && !problem.place.is_empty() && !problem.reason.is_empty(),
                "{problem:?}"
            );
        }
        if let Some(seen) = differences.get_mut(row.path) {
            *seen |= !same;
        } else if !same {
            let found: Vec<String> = report
                .problems
                .iter()
                .filter(|p| p.severity >= Severity::NotChecked)
                .take(3)
                .map(|p| format!("\n      {p}"))
                .collect();
            wrong.push(format!(
                "{} as {}: {} ({}), but here {:?}{}",
                row.path,
                row.read_as,
                row.verdict,
                row.issues,
                report.verdict(),
                found.concat()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    let stale: Vec<_> = differences.iter().filter(|(_, seen)| !**seen).collect();
    assert!(stale.is_empty(), "these no longer differ: {stale:?}");
}

/// Whether the row really is about something Hamlet does not read.
fn is_of_vendors(root: &Path, row: &Row<'_>) -> bool {
    if [".vctr", ".geom", ".geojson"].iter().any(|extension| row.path.ends_with(extension)) {
        return true;
    }
    let bytes = std::fs::read(root.join(row.path)).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    ["\"NGA_", "\"MAXAR_", "\"VRICON_", ".vctr\"", ".geom\"", ".geojson\""]
        .iter()
        .any(|name| text.contains(name))
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Every file, of whatever kind, read as everything that can be inspected.
#[test]
fn no_file_makes_it_panic() {
    let Some(root) = data("tiles") else { return };
    let files = all_files(&root);
    assert!(files.len() > 1000, "only {} files", files.len());
    let options = Options { max_tiles: 20_000, max_files: 2_000, ..Options::default() };
    files.par_iter().for_each(|path| {
        let folder = path.parent().unwrap().to_path_buf();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut read =
            |uri: &str| std::fs::read(folder.join(uri)).map(Bytes::from).map_err(|e| e.to_string());
        for report in [
            inspect::inspect_any(&name, &mut read, &options),
            inspect::inspect_schema(&name, &mut read, &options),
            inspect::inspect_subtree(&name, &mut read, None, None, &options),
            inspect::inspect_buffers(&name, &mut read, &options),
            inspect::inspect_gltf_extensions(&name, &mut read, &options),
        ] {
            assert!(!report.to_string().is_empty());
            assert!(serde_json::to_string(&report).is_ok());
        }
    });
}
