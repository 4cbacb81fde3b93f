//! Vector data: layers of the county, footprints of a village, and standard addresses.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use address_index::model::RawPlace;
use anyhow::{Context, Result, bail};
use ingest::{
    buildings::{self, BuildingsOptions, BuildingsReport},
    county::{County, SurveyKey},
    layers::{self, FileReport, LayerDocument, LayerKind, LayerOptions, LayerReport, Rejected},
    subject::Subject,
    vector::{OsmWanted, ReadOptions, VectorData, read},
};
use serde_json::{Value, json};

use super::Import;
use crate::{Outcome, address};

/// Lines of one kind that are shown; all are in the files.
const SHOWN: usize = 10;

/// Whether several deliveries of this subject are one import.
pub(super) fn takes_several(subject: Subject) -> bool {
    LayerKind::of(subject).is_some() || matches!(subject, Subject::Buildings | Subject::Addresses)
}

/// What a vector file is about.
pub(super) fn guess(args: &Import, delivery: &Path) -> Result<Subject> {
    if delivery.extension().is_some_and(|e| e.eq_ignore_ascii_case("pbf")) {
        bail!(super::WrongUse(format!(
            "{} holds many kinds of things: say with --as which to take: roads, buildings or places",
            delivery.display()
        )));
    }
    let data = read(delivery, &options(args, None, None)?).with_context(|| delivery.display().to_string())?;
    match layers::guess(&data) {
        Some((subject, why)) => {
            eprintln!("hamlet: {}: taken as {subject} ({why})", delivery.display());
            Ok(subject)
        }
        None => bail!(super::WrongUse(format!("{}: say with --as what these are", delivery.display()))),
    }
}

fn options(args: &Import, county: Option<&County>, subject: Option<Subject>) -> Result<ReadOptions> {
    let osm = match subject {
        Some(Subject::Roads) => OsmWanted::Roads,
        Some(Subject::Buildings) => OsmWanted::Buildings,
        Some(Subject::Places) => OsmWanted::Places,
        _ => OsmWanted::Everything,
    };
    Ok(ReadOptions {
        crs: args.crs_text()?,
        fallback_crs: county.and_then(|county| county.config().crs.clone()),
        layer: args.layer.clone(),
        osm,
    })
}

fn read_all(
    args: &Import,
    county: Option<&County>,
    subject: Subject,
    deliveries: &[&Path],
) -> Result<Vec<VectorData>> {
    let options = options(args, county, Some(subject))?;
    deliveries.iter().map(|path| read(path, &options).with_context(|| path.display().to_string())).collect()
}

/// Imports a layer of the county.
pub(super) fn layer(
    args: &Import,
    kind: LayerKind,
    subject: Subject,
    deliveries: &[&Path],
    county: Option<&mut County>,
) -> Result<Outcome> {
    let inputs = read_all(args, county.as_deref(), subject, deliveries)?;
    let options = LayerOptions {
        columns: args.columns.clone(),
        add: args.add,
        county_codes: county.as_ref().map(|county| county.codes()).unwrap_or_default(),
    };
    let (before, borders) = match &county {
        Some(county) => (county.layer(kind)?, county.borders()?),
        None => (LayerDocument::default(), layers::Borders::default()),
    };
    let plan = layers::plan(kind, &inputs, &before, &borders, &options)?;
    if let Some(county) = county.filter(|_| !args.dry_run) {
        plan.write(county)?;
    }
    let outcome = if plan.rejected.is_empty() { Outcome::Fine } else { Outcome::Problems };
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of the import.
    let _ = if args.json {
        writeln!(
            out,
            "{}",
            json!({ "dryRun": args.dry_run, "layer": plan.report, "rejected": plan.rejected })
        )
    } else {
        print_layer(&mut out, &plan.report, &plan.rejected, args.dry_run)
    };
    Ok(outcome)
}

/// Imports footprints of a village.
pub(super) fn footprints(
    args: &Import,
    deliveries: &[&Path],
    county: Option<&County>,
    key: &SurveyKey,
) -> Result<Outcome> {
    let inputs = read_all(args, county, Subject::Buildings, deliveries)?;
    let Some(county) = county else {
        let count: usize = inputs.iter().map(|input| input.features.len()).sum();
        println!("{count} footprints; the county would be made");
        return Ok(Outcome::Fine);
    };
    let options = BuildingsOptions { columns: args.columns.clone(), heights: None };
    let plan = buildings::plan(county, key, &inputs, &options)?;
    if !args.dry_run {
        plan.write(county)?;
    }
    let is_fine = plan.rejected.is_empty() && plan.report.questions.is_empty();
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        writeln!(
            out,
            "{}",
            json!({ "dryRun": args.dry_run, "buildings": plan.report, "rejected": plan.rejected })
        )
    } else {
        print_footprints(&mut out, &plan.report, &plan.rejected, args.dry_run)
    };
    Ok(if is_fine { Outcome::Fine } else { Outcome::Problems })
}

/// Imports standard addresses, with the county's villages as divisions.
pub(super) fn addresses(args: &Import, deliveries: &[&Path], county: Option<&County>) -> Result<Outcome> {
    let villages = county.map(|county| county.layer(LayerKind::Villages)).transpose()?.unwrap_or_default();
    let towns: std::collections::BTreeMap<&str, &str> = villages
        .features
        .iter()
        .map(|village| (village.text("town_code"), village.text("town")))
        .filter(|(code, name)| !code.is_empty() && !name.is_empty())
        .collect();
    let place =
        |line: usize, code, name, aliases| RawPlace { line, code, name, aliases, ..RawPlace::default() };
    let named = villages.features.iter().enumerate().map(|(index, village)| {
        place(index + 1, village.text("code"), village.text("name"), village.text("legal_name"))
    });
    let places: Vec<RawPlace<'_>> =
        towns.into_iter().map(|(code, name)| place(0, code, name, "")).chain(named).collect();
    let import = address::Import {
        tables: deliveries.iter().map(|path| PathBuf::from(*path)).collect(),
        out: args.county.clone(),
        code: county.and_then(|county| county.codes().into_iter().next()),
        villages: None,
        columns: args.columns.clone(),
        datum: args.crs.clone(),
        dry_run: args.dry_run,
        json: args.json,
    };
    address::import(&import, &places)
}

fn print_files(out: &mut dyn Write, files: &[FileReport]) -> std::io::Result<()> {
    for file in files {
        writeln!(out, "{}: {} features, {}", file.file, file.read, file.crs)?;
        for note in &file.notes {
            writeln!(out, "  {note}")?;
        }
        let columns: Vec<String> =
            file.columns.iter().map(|(column, field)| format!("{column} is {field}")).collect();
        if !columns.is_empty() {
            writeln!(out, "  {}", columns.join(", "))?;
        }
    }
    Ok(())
}

fn print_rejected(out: &mut dyn Write, rejected: &[Rejected], file: &str) -> std::io::Result<()> {
    for row in rejected.iter().take(SHOWN) {
        let place =
            row.line.map_or_else(|| format!("feature {}", row.feature), |line| format!("line {line}"));
        let outcome = if row.refused { "refused" } else { "taken" };
        writeln!(out, "{} {place} {outcome}: {}", row.file, row.reason)?;
    }
    if rejected.len() > SHOWN {
        writeln!(out, "… and {} more, all in {file}", rejected.len() - SHOWN)?;
    }
    Ok(())
}

fn print_ids(out: &mut dyn Write, what: &str, ids: &[String]) -> std::io::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let shown = ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    writeln!(out, "{what:<9} {}: {shown}{more}", ids.len())
}

fn print_end(out: &mut dyn Write, dry_run: bool) -> std::io::Result<()> {
    if dry_run { writeln!(out, "Nothing was written.") } else { Ok(()) }
}

fn print_layer(
    out: &mut dyn Write,
    report: &LayerReport,
    rejected: &[Rejected],
    dry_run: bool,
) -> std::io::Result<()> {
    print_files(out, &report.files)?;
    writeln!(
        out,
        "{}: {} features; {} unchanged, {} new, {} changed, {} gone; {} refused, {} mended",
        report.layer,
        report.features,
        report.unchanged,
        report.new.len(),
        report.changed.len(),
        report.gone.len(),
        report.refused,
        report.mended
    )?;
    if let Some([w, s, e, n]) = report.extent_deg {
        writeln!(out, "extent    {w:.6},{s:.6} to {e:.6},{n:.6} degrees")?;
    }
    print_ids(out, "changed", &report.changed)?;
    print_ids(out, "gone", &report.gone)?;
    report.notes.iter().try_for_each(|note| writeln!(out, "note      {note}"))?;
    print_rejected(out, rejected, &format!("layers/{}-rejected.csv", report.layer))?;
    print_end(out, dry_run)
}

fn print_footprints(
    out: &mut dyn Write,
    report: &BuildingsReport,
    rejected: &[Rejected],
    dry_run: bool,
) -> std::io::Result<()> {
    print_files(out, &report.files)?;
    let [table, floors, raster, unknown] = report.heights;
    writeln!(
        out,
        "{} {}: {} buildings; {} unchanged, {} moved, {} new, {} gone, {} to be decided; {} refused, {} mended",
        report.village,
        report.survey,
        report.buildings,
        report.unchanged,
        report.moved.len(),
        report.new.len(),
        report.gone.len(),
        report.questions.len(),
        report.refused,
        report.mended
    )?;
    writeln!(
        out,
        "heights   {table} as delivered, {floors} by floors, {raster} by rasters, {unknown} unknown"
    )?;
    if report.against.is_some() {
        print_ids(out, "new", &report.new)?;
    }
    let moved: Vec<String> =
        report.moved.iter().map(|m| format!("{} ({:.1} m)", m.building_id, m.metres)).collect();
    print_ids(out, "moved", &moved)?;
    print_ids(out, "gone", &report.gone)?;
    for question in report.questions.iter().take(SHOWN) {
        writeln!(out, "{}", question_text(question))?;
    }
    if !report.questions.is_empty() {
        writeln!(out, "`hamlet survey lineage` lists what is to be decided, and takes the answers")?;
    }
    report.notes.iter().try_for_each(|note| writeln!(out, "note      {note}"))?;
    print_rejected(out, rejected, "buildings-rejected.csv")?;
    print_end(out, dry_run)
}

/// A question as a line.
pub(crate) fn question_text(question: &buildings::lineage::Question) -> String {
    let kind = json!(question.kind);
    format!(
        "question {} ({}, {}): {} became {}",
        question.number,
        kind.as_str().unwrap_or_default(),
        question.survey,
        question.old.join(", "),
        question.new.join(", ")
    )
}

/// Imports the border of a county that was just made.
pub(crate) fn borders(county: &mut County, file: &Path, crs: Option<&str>) -> Result<()> {
    let read_options = ReadOptions { crs: crs.map(str::to_owned), ..ReadOptions::default() };
    let data = read(file, &read_options).with_context(|| file.display().to_string())?;
    let options = LayerOptions { county_codes: county.codes(), ..LayerOptions::default() };
    let plan = layers::plan(
        LayerKind::Borders,
        &[data],
        &LayerDocument::default(),
        &layers::Borders::default(),
        &options,
    )?;
    if plan.document.features.is_empty() {
        let first = plan.rejected.first().map_or("it holds none", |row| row.reason.as_str());
        bail!("{}: no border can be used: {first}", file.display());
    }
    plan.write(county)?;
    for row in &plan.rejected {
        eprintln!("hamlet: {}: feature {}: {}", row.file, row.feature, row.reason);
    }
    Ok(())
}

/// The open questions of villages, for programs.
pub(crate) fn questions_json(list: &[(String, buildings::lineage::Question)]) -> Value {
    list.iter().map(|(village, question)| json!({ "village": village, "question": question })).collect()
}
