//! `hamlet inspect`: the summary and the problems of a tileset, for people or as JSON.

use std::io::Write;

use anyhow::Result;
use bytes::Bytes;
use scene::inspect::{Files, Options, Report, Severity, Verdict, inspect_any, inspect_tileset};
use store::{OpenError, Source};

use crate::{Outcome, args, web};

struct Sourced(Source, u64);

impl Files for Sourced {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.0.read(uri, self.1).map_err(|error| error.to_string())
    }

    fn open_package(&mut self, uri: &str) -> Option<Result<Box<dyn Files>, String>> {
        let max_bytes = self.1;
        let opened = self
            .0
            .read(uri, max_bytes)
            .map_err(|e| e.to_string())
            .and_then(|bytes| Source::open_archive_bytes(bytes).map_err(|e| e.to_string()));
        Some(opened.map(|source| Box::new(Sourced(source, max_bytes)) as Box<dyn Files>))
    }
}

/// Inspects what the command line names.
pub(crate) fn run(args: &args::Inspect) -> Result<Outcome> {
    let (notes, report) = match Source::open(&args.what, &web::options(&args.web, &args.what, None)?) {
        Ok(source) => {
            let report = report(source.clone())?;
            (source.warnings(), report)
        }
        // A package that breaks its format is a finding; that nothing lies there is not.
        Err(OpenError::Corrupt { what, reason }) => (Vec::new(), Report::of_error(what, "/", reason)),
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    // A closed pipe (`hamlet inspect X | head`) is no failure of the inspection.
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)
    } else {
        print(&mut out, &args.what, &notes, &report)
    };
    let undrawable = report.summary.undrawable > 0;
    Ok(if undrawable || report.verdict() == Verdict::Invalid { Outcome::Problems } else { Outcome::Fine })
}

fn report(source: Source) -> Result<Report> {
    let options = Options::default();
    let root = source.root_uri().to_owned();
    let bytes = source.read(&root, options.max_file_bytes)?;
    let path = root.split(['?', '#']).next().unwrap_or_default();
    // Broken JSON tells nothing of itself: a .json is taken for the tileset that was asked for.
    let is_broken = || serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err();
    let mut files = Sourced(source, options.max_file_bytes);
    Ok(if path.ends_with("tileset.json") || (path.ends_with(".json") && is_broken()) {
        inspect_tileset(&root, &mut files, &options)
    } else {
        inspect_any(&root, &mut files, &options)
    })
}

fn print(out: &mut dyn Write, what: &str, notes: &[String], report: &Report) -> std::io::Result<()> {
    let summary = &report.summary;
    let total = summary.total();
    writeln!(out, "{what}")?;
    writeln!(
        out,
        "  {} tiles, {} external tilesets, {} subtrees, {} content files, {:.1} MiB",
        summary.tiles,
        summary.external_tilesets,
        summary.subtrees,
        total.files,
        total.bytes as f64 / 1_048_576.0
    )?;
    for (format, contents) in &summary.contents {
        writeln!(
            out,
            "  {format}: {} files, {} triangles, {} points, {:.1} M texels",
            contents.files,
            contents.triangles,
            contents.points,
            contents.texels as f64 / 1e6
        )?;
    }
    for (depth, level) in summary.levels.iter().enumerate() {
        let error = level.geometric_error_m.map_or(String::new(), |[low, high]| {
            if low == high {
                format!(", geometric error {low:.3} m")
            } else {
                format!(", geometric error {low:.3} to {high:.3} m")
            }
        });
        writeln!(out, "  level {depth}: {} tiles, {} with content{error}", level.tiles, level.with_content)?;
    }
    if let Some(extent) = &summary.extent {
        match extent.region_deg_m {
            Some([west, south, east, north, low, high]) => writeln!(
                out,
                "  from {west:.6}, {south:.6} to {east:.6}, {north:.6} degrees, {low:.1} to {high:.1} m above the ellipsoid"
            )?,
            None => {
                writeln!(out, "  from {:.2?} to {:.2?} m, no place on Earth", extent.min_m, extent.max_m)?
            }
        }
    }
    if !summary.extensions_used.is_empty() {
        writeln!(
            out,
            "  extensions: {}",
            summary.extensions_used.iter().cloned().collect::<Vec<_>>().join(", ")
        )?;
    }
    if !summary.attributions.is_empty() {
        writeln!(
            out,
            "  attribution: {}",
            summary.attributions.iter().cloned().collect::<Vec<_>>().join("; ")
        )?;
    }
    for note in notes {
        writeln!(out, "{note}")?;
    }
    for problem in &report.problems {
        writeln!(out, "{problem}")?;
    }
    if summary.undrawable > 0 {
        writeln!(out, "{} contents or images are of no format that can be drawn", summary.undrawable)?;
    }
    let all: u64 = report.counts.values().sum();
    let listed = report.problems.len() as u64;
    if all > listed {
        writeln!(out, "… and {} more", all - listed)?;
    }
    writeln!(
        out,
        "{} errors, {} warnings, {} not checked",
        report.count(Severity::Error),
        report.count(Severity::Warning),
        report.count(Severity::NotChecked)
    )
}
