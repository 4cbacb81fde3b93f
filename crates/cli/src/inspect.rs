//! `hamlet inspect`: the summary and the problems of a tileset, for people or as JSON.

use std::{
    io::Write,
    sync::{Arc, OnceLock},
};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use scene::inspect::{Files, Options, Report, Severity, Verdict, inspect_any, inspect_tileset};
use store::{OpenError, Source};

use crate::{Outcome, args, web};

/// Files of a source, up to so many bytes each; the first that could not be reached is remembered.
struct Sourced {
    source: Source,
    max_bytes: u64,
    outage: Arc<OnceLock<String>>,
}

impl Files for Sourced {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self.source.read(uri, self.max_bytes).map_err(|error| {
            if error.is_transient() {
                self.outage.get_or_init(|| format!("{}: {}", self.source.name_of(uri), error.reason()));
            }
            error.to_string()
        })
    }

    fn open_package(&mut self, uri: &str) -> Option<Result<Box<dyn Files>, String>> {
        let (max_bytes, outage) = (self.max_bytes, self.outage.clone());
        let opened =
            self.read(uri).and_then(|bytes| Source::open_archive_bytes(bytes).map_err(|e| e.to_string()));
        Some(opened.map(|source| Box::new(Self { source, max_bytes, outage }) as Box<dyn Files>))
    }
}

/// Inspects what the command line names.
pub(crate) fn run(args: &args::Inspect) -> Result<Outcome> {
    let outage = Arc::new(OnceLock::new());
    let (notes, report) = match Source::open(&args.what, &web::options(&args.web, &args.what, None)?) {
        Ok(source) => {
            let report = report(source.clone(), &outage)?;
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
    if let Some(reason) = outage.get() {
        bail!("not everything could be read, so this report is not whole; {reason}");
    }
    let undrawable = report.summary.undrawable > 0;
    Ok(if undrawable || report.verdict() == Verdict::Invalid { Outcome::Problems } else { Outcome::Fine })
}

fn report(source: Source, outage: &Arc<OnceLock<String>>) -> Result<Report> {
    let options = Options::default();
    let root = source.root_uri().to_owned();
    let bytes = source
        .read(&root, options.max_file_bytes)
        .map_err(|error| anyhow!("{}: {}", source.name_of(&root), error.reason()))?;
    let path = root.split(['?', '#']).next().unwrap_or_default();
    // Broken JSON tells nothing of itself: a .json is taken for the tileset that was asked for.
    let is_broken = || serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err();
    let mut files = Sourced { source, max_bytes: options.max_file_bytes, outage: outage.clone() };
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
