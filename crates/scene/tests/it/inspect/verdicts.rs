//! Against the verdicts of npm 3d-tiles-validator over all sample data (see `tests/verdicts/README.md`).

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use scene::inspect::{self, Options, Report, Severity, Verdict};
use serde_json::Value;

use super::open;
use crate::support::data;

/// A row of the table.
struct Row<'t> {
    path: &'t str,
    read_as: &'t str,
    verdict: &'t str,
    issues: &'t str,
    /// Ends of the paths of its errors.
    places: &'t str,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let rows: Vec<Row<'_>> = table
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split('\t');
            let mut next = || cells.next().unwrap_or_default();
            Row { path: next(), read_as: next(), verdict: next(), issues: next(), places: next() }
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

/// Rows that differ on purpose, in their verdict or in the place of their errors, with the reason.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "3d-tiles-samples/1.1/TilesetWithFullMetadata/tileset.json",
        "the largest 64 bit integers are fine; the validator reads them as 64 bit reals and finds them too large",
    ),
    (
        "validator/data/Samples/TilesetWithFullMetadata/tileset.json",
        "the same, but 'refine' is also missing: invalid for both",
    ),
    (
        "dingo-gap/example/public/data/tileset-external-with-url-params.json",
        "files are found without the query of their addresses, which the validator takes for part of their names; \
         both find it invalid, here for what is in the files",
    ),
];

/// Whether one of our errors lies where one of the validator's does. It speaks of whole files where it has no path.
fn is_at_same_place(row: &Row<'_>, report: &Report) -> bool {
    // A package that cannot be opened has no place inside: the validator then names the package itself.
    if row.places.is_empty() || row.issues == "IO_ERROR" {
        return true;
    }
    let theirs: Vec<&str> =
        row.places.split([',', '/']).filter(|step| step.parse::<u32>().is_err()).collect();
    let errors = report.problems.iter().filter(|p| p.severity == Severity::Error);
    theirs.is_empty() || errors.flat_map(|p| p.place.split('/')).any(|step| theirs.contains(&step))
}

#[test]
fn verdicts_are_those_of_the_validator() {
    let Some(root) = data("tiles") else { return };
    let with = Companions::load(&root);
    let table = include_str!("../../verdicts/tiles.tsv");
    let rows = rows(table);
    let reports: Vec<Report> = rows.par_iter().map(|row| inspect_row(&root, row, &with)).collect();
    let mut wrong = Vec::new();
    let mut differences: BTreeMap<&str, bool> = DIFFERENCES.iter().map(|(path, _)| (*path, false)).collect();
    for (row, report) in rows.iter().zip(&reports) {
        let same = match report.verdict() {
            Verdict::Valid => row.verdict != "invalid",
            Verdict::Invalid => row.verdict == "invalid" && is_at_same_place(row, report),
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
