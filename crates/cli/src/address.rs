//! `hamlet address`: import tables, search, parse, figures.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use address_index::{
    division::{DivisionCode, Divisions},
    index::{AddressIndex, AlignedBytes, Target, View},
    model::{Datum, ElementKind, RawPlace},
    parse::{Lexicon, Parser},
    search::{Hit, NumberFound, SearchOptions, Searcher},
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use ingest::{
    addresses::{self, ImportOptions, Imported, Plan, SheetInput},
    table::{self, Columns},
};
use serde_json::{Value, json};

use crate::Outcome;

/// Files of an address folder.
const TABLE: &str = "addresses.csv";
const INDEX: &str = "addresses.hai";
const REJECTED: &str = "addresses-rejected.csv";
const REPORT: &str = "addresses-report.json";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reads address tables (CSV or Excel) into a folder: the table, the search index, and what was rejected and why.
    Import(Import),
    /// Finds an address or a place as it is typed: Chinese, pinyin, initials, with mistakes.
    Search(Search),
    /// Takes an address apart.
    Parse(Parse),
    /// Counts what is in an index.
    Stats(Stats),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Tables: CSV (UTF-8, UTF-16, GB 18030) or Excel workbooks.
    #[arg(required = true)]
    pub(crate) tables: Vec<PathBuf>,
    /// Folder to write; made if it does not exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Division code of the county; rows with a code elsewhere are refused.
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Table of the county's villages: codes of 12 digits and names.
    #[arg(long, value_name = "FILE")]
    pub(crate) villages: Option<PathBuf>,
    /// Say what a column is: FIELD=COLUMN, a name in the head or a number from 1. May be given several times.
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    pub(crate) columns: Vec<String>,
    /// What the positions are in where the table does not say: cgcs2000, wgs84, gcj02, bd09.
    #[arg(long, value_name = "DATUM")]
    pub(crate) datum: Option<String>,
    /// Say what would be read and how; write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// A folder that `address import` wrote, or its addresses.hai.
    index: PathBuf,
    /// What to find.
    query: String,
    /// Most hits.
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Print the hits as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Parse {
    /// An address.
    text: String,
    /// Division code of the county at home: its names are believed first.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Print the elements as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// A folder that `address import` wrote, or its addresses.hai.
    index: PathBuf,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs one of them.
pub(crate) fn run(command: &Command) -> Result<Outcome> {
    match command {
        Command::Import(args) => import(args, &[]),
        Command::Search(args) => search(args),
        Command::Parse(args) => parse(args),
        Command::Stats(args) => stats(args),
    }
}

fn sheets(file: &Path, told: &[String]) -> Result<Vec<SheetInput>> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let sheets = table::read(&bytes).with_context(|| file.display().to_string())?;
    sheets
        .into_iter()
        .map(|sheet| {
            let mut columns = Columns::guess(&sheet);
            for word in told {
                let (field, column) = word.split_once('=').context("--column takes FIELD=COLUMN")?;
                columns.set(&sheet, field, column).with_context(|| file.display().to_string())?;
            }
            let file = match sheet.name.as_str() {
                "" => file.display().to_string(),
                name => format!("{} [{name}]", file.display()),
            };
            Ok(SheetInput { file, sheet, columns })
        })
        .collect()
}

/// Imports tables; `known` are divisions that are known already.
pub(crate) fn import(args: &Import, known: &[RawPlace<'_>]) -> Result<Outcome> {
    let home = args.code.as_deref().map(DivisionCode::parse).transpose().context("--code")?;
    let datum = match args.datum.as_deref() {
        None => Datum::Unknown,
        Some(text) => addresses::datum_of(text).context("--datum is cgcs2000, wgs84, gcj02 or bd09")?,
    };
    let mut inputs = Vec::new();
    for file in &args.tables {
        inputs.extend(sheets(file, &args.columns)?);
    }
    let villages = args.villages.as_deref().map(|file| sheets(file, &[])).transpose()?.unwrap_or_default();
    let mut places: Vec<_> = villages.iter().flat_map(addresses::places).collect();
    if args.villages.is_some() && places.is_empty() {
        bail!("the table of villages has no column of division codes");
    }
    places.extend_from_slice(known);
    let divisions = Divisions::national();
    let imported = addresses::import(&inputs, &places, &ImportOptions { home, divisions: &divisions, datum });
    let report = report(&imported, &inputs);
    if !args.dry_run {
        let index = AddressIndex::build(&imported.table).context("the index cannot be built")?;
        std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
        let files = [
            (REJECTED, addresses::rejected_csv(&imported, &inputs)?),
            (TABLE, addresses::normalised_csv(&imported)?),
            (REPORT, serde_json::to_vec_pretty(&report)?),
            // Last: who finds an index finds what it was made from.
            (INDEX, index.as_bytes().to_vec()),
        ];
        for (name, bytes) in files {
            let file = args.out.join(name);
            store::write::write_atomic(&file, &bytes).with_context(|| file.display().to_string())?;
        }
    }
    let mut out = std::io::stdout().lock();
    // A closed pipe (`hamlet address import X | head`) is no failure of the import.
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)
    } else {
        print_import(&mut out, args, &imported, &inputs)
    };
    Ok(if imported.issues.is_empty() { Outcome::Fine } else { Outcome::Problems })
}

fn report(imported: &Imported, inputs: &[SheetInput]) -> Value {
    let counts = imported.counts;
    let mut reasons: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for issue in &imported.issues {
        *reasons.entry((issue.column.as_str(), issue.refused)).or_default() += 1;
    }
    json!({
        "files": inputs.iter().map(|i| json!({ "file": i.file, "rows": i.sheet.rows.len() })).collect::<Vec<_>>(),
        "rows": counts.rows,
        "imported": counts.imported,
        "refused": counts.refused,
        "withPosition": counts.with_position,
        "positionsMended": counts.positions_mended,
        "positionsUnread": counts.positions_unread,
        "places": imported.table.places().len(),
        "plan": imported.plan.map(|plan| json!({ "originLonLat": plan.origin_lon_lat_deg })),
        "issues": reasons
            .iter()
            .map(|((field, refused), count)| json!({ "field": field, "refused": refused, "count": count }))
            .collect::<Vec<_>>(),
        "notes": imported
            .notes
            .iter()
            .map(|(file, note)| json!({ "file": file, "line": note.line, "text": note.text }))
            .collect::<Vec<_>>(),
    })
}

fn print_import(
    out: &mut dyn Write,
    args: &Import,
    imported: &Imported,
    inputs: &[SheetInput],
) -> std::io::Result<()> {
    const SHOWN: usize = 10;
    for input in inputs {
        writeln!(out, "{}: {} rows", input.file, input.sheet.rows.len())?;
        for (_, note) in imported.notes.iter().filter(|(file, _)| *file == input.file) {
            match note.line {
                0 => writeln!(out, "  {}", note.text)?,
                line => writeln!(out, "  line {line}: {}", note.text)?,
            }
        }
    }
    let counts = imported.counts;
    writeln!(
        out,
        "{} of {} rows imported, {} refused; {} with a position ({} mended, {} unreadable); {} places",
        counts.imported,
        counts.rows,
        counts.refused,
        counts.with_position,
        counts.positions_mended,
        counts.positions_unread,
        imported.table.places().len()
    )?;
    for issue in imported.issues.iter().take(SHOWN) {
        let file = inputs.get(issue.input).map_or("", |input| input.file.as_str());
        let outcome = if issue.refused { "refused" } else { "left out" };
        writeln!(out, "{file}:{}: {} {outcome}: {}", issue.line, issue.column, issue.reason)?;
    }
    if imported.issues.len() > SHOWN {
        writeln!(out, "… and {} more, all in {REJECTED}", imported.issues.len() - SHOWN)?;
    }
    if args.dry_run {
        writeln!(out, "Nothing was written.")
    } else {
        writeln!(out, "{}", args.out.join(INDEX).display())
    }
}

/// An index from a folder or a file, and the plan of its positions where the report beside it names one.
fn open(path: &Path) -> Result<(AddressIndex, Option<Plan>)> {
    let file = if path.is_dir() { path.join(INDEX) } else { path.to_owned() };
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let index =
        AddressIndex::open(AlignedBytes::copy_of(&bytes)).with_context(|| file.display().to_string())?;
    let report = file.with_file_name(REPORT);
    let plan = std::fs::read(report).ok().and_then(|bytes| {
        let report: Value = serde_json::from_slice(&bytes).ok()?;
        let origin = &report["plan"]["originLonLat"];
        Some(Plan::around([origin[0].as_f64()?, origin[1].as_f64()?]))
    });
    Ok((index, plan))
}

fn search(args: &Search) -> Result<Outcome> {
    let (index, plan) = open(&args.index)?;
    let mut searcher = Searcher::new(&index);
    let hits = searcher.search(&args.query, &SearchOptions { limit: args.limit, ..SearchOptions::default() });
    let view = index.view();
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        let hits: Vec<Value> = hits.iter().map(|hit| hit_json(&view, hit, plan, &args.query)).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&hits)?)
    } else {
        print_hits(&mut out, &view, &hits, plan)
    };
    if hits.is_empty() && !args.json {
        eprintln!("hamlet: nothing like {:?} is in this index", args.query);
    }
    Ok(if hits.is_empty() { Outcome::Problems } else { Outcome::Fine })
}

fn number_word(number: NumberFound) -> &'static str {
    match number {
        NumberFound::Exact => "exact",
        NumberFound::NotAsked => "not asked",
        NumberFound::Near => "near: the suffix or room is not there",
        NumberFound::Neighbour => "neighbour: that number is not there",
        NumberFound::Missing => "missing: no such numbers there",
    }
}

fn lon_lat(view: &View<'_>, target: Target, plan: Option<Plan>) -> Option<[f64; 2]> {
    Some(plan?.lon_lat_from_plan(view.position_m(target)?))
}

fn hit_json(view: &View<'_>, hit: &Hit, plan: Option<Plan>, query: &str) -> Value {
    let (kind, id) = match hit.target {
        Target::Address(address) => ("address", Some(view.address_id(address))),
        Target::Place(_) => ("place", None),
    };
    json!({
        "kind": kind,
        "id": id,
        "text": view.text_of(hit.target),
        "confidence": hit.confidence,
        "number": number_word(hit.number),
        "ties": hit.ties,
        "positionM": view.position_m(hit.target),
        "lonLat": lon_lat(view, hit.target, plan),
        "matched": hit
            .spans
            .iter()
            .map(|span| json!({ "text": query.get(span.span.clone()), "how": format!("{:?}", span.how) }))
            .collect::<Vec<_>>(),
    })
}

fn print_hits(out: &mut dyn Write, view: &View<'_>, hits: &[Hit], plan: Option<Plan>) -> std::io::Result<()> {
    for hit in hits {
        let place = lon_lat(view, hit.target, plan)
            .map_or(String::new(), |[lon, lat]| format!("  {lon:.6},{lat:.6}"));
        let number = match hit.number {
            NumberFound::Exact | NumberFound::NotAsked => String::new(),
            other => format!("  ({})", number_word(other)),
        };
        let sure = hit.confidence * 100.0;
        writeln!(out, "{sure:3.0} %  {}{number}{place}", view.text_of(hit.target))?;
    }
    Ok(())
}

fn parse(args: &Parse) -> Result<Outcome> {
    let home = args.code.as_deref().map(DivisionCode::parse).transpose().context("--code")?;
    let parser = Parser::new(Lexicon::new(&Divisions::national(), &[]), home);
    let parsed = parser.parse(&args.text);
    let mut out = std::io::stdout().lock();
    let text = |span: &std::ops::Range<usize>| args.text.get(span.clone()).unwrap_or_default();
    let _ = if args.json {
        let elements: Vec<Value> = parsed
            .elements
            .iter()
            .map(|e| {
                let number = e.number.map(|n| n.plain());
                json!({ "kind": format!("{:?}", e.kind), "code": e.kind.code(), "text": text(&e.span), "number": number })
            })
            .collect();
        let division = parsed.division.map(|code| code.to_string());
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&json!({ "division": division, "elements": elements }))?
        )
    } else {
        parsed.elements.iter().try_for_each(|e| {
            let code = e.kind.code().map_or("  ".to_owned(), |code| code.to_string());
            writeln!(out, "{code}  {:<18} {}", format!("{:?}", e.kind), text(&e.span))
        })
    };
    Ok(if parsed.elements.is_empty() { Outcome::Problems } else { Outcome::Fine })
}

fn stats(args: &Stats) -> Result<Outcome> {
    let (index, _) = open(&args.index)?;
    let view = index.view();
    let mut kinds: BTreeMap<ElementKind, usize> = BTreeMap::new();
    for place in 0..view.place_count() as u32 {
        if let Some(kind) = view.place_kind(place) {
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let addresses = view.address_count();
    let placed = (0..addresses as u32).filter(|a| view.position_m(Target::Address(*a)).is_some()).count();
    let home = view.home().map(|code| code.to_string());
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        let places: BTreeMap<String, usize> = kinds.iter().map(|(k, n)| (format!("{k:?}"), *n)).collect();
        let figures = json!({
            "county": home,
            "addresses": addresses,
            "withPosition": placed,
            "places": places,
            "bytes": index.as_bytes().len(),
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&figures)?)
    } else {
        let county = home.unwrap_or_else(|| "no county".into());
        let mib = index.as_bytes().len() as f64 / 1_048_576.0;
        writeln!(out, "{county}: {addresses} addresses, {placed} with a position, {mib:.1} MiB").and_then(
            |()| {
                kinds
                    .iter()
                    .try_for_each(|(kind, count)| writeln!(out, "  {:<18} {count}", format!("{kind:?}")))
            },
        )
    };
    Ok(Outcome::Fine)
}
