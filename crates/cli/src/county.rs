//! `hamlet county`, `hamlet import` and `hamlet survey`: the county folder and the surveys in it.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use ingest::{
    adopt::AdoptOptions,
    county::{County, CountyConfig, SurveyKey},
    delivery::{self, DeliveryKind},
    mesh::{FindingKind, MeshOptions, MeshPlan, MeshRequest, Progress, Stage, plan},
};
use scene::inspect::Severity;
use serde_json::json;

use crate::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum CountyCommand {
    /// Makes an empty county folder.
    New {
        /// Folder; empty, or made if it does not exist.
        folder: PathBuf,
        /// Name, such as 柘荣县.
        #[arg(long)]
        name: String,
        /// Division code of six digits.
        #[arg(long)]
        code: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SurveyCommand {
    /// Lists the surveys of all villages; `*` marks the ones that are shown.
    List {
        /// County folder.
        county: PathBuf,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows another survey of a village, from now on and for everybody.
    Use(Survey),
    /// Deletes a survey that is not shown.
    Remove(Survey),
}

#[derive(Debug, Args)]
pub(crate) struct Survey {
    /// County folder.
    county: PathBuf,
    /// Division code of the village, twelve digits.
    village: String,
    /// Date of the survey.
    date: String,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Delivery: a ContextCapture, DJI Terra or Metashape folder of OSGB, an .osgb or .obj file, or a 3D Tiles tileset.
    delivery: PathBuf,
    /// County folder; see `county new`.
    #[arg(long, value_name = "FOLDER")]
    county: PathBuf,
    /// Division code of the village, twelve digits.
    #[arg(long, value_name = "CODE")]
    village: String,
    /// Date of the survey, such as 2026-05-01.
    #[arg(long, value_name = "DATE")]
    survey: String,
    /// Coordinate system where the delivery names none or a wrong one: EPSG code, WKT, PROJ string, ENU:lat,lon, a file with
    /// one of these, or `local`.
    #[arg(long, value_name = "EPSG|WKT|FILE")]
    crs: Option<String>,
    /// Origin of the model in that system: x,y or x,y,z.
    #[arg(long, value_name = "X,Y[,Z]", value_parser = origin, allow_hyphen_values = true)]
    origin: Option<[f64; 3]>,
    /// What heights are measured from: `ellipsoidal`, `egm96` (needs Debian's proj-data), `grid:FILE` (GTX or GeoTIFF), `offset:METRES`.
    #[arg(long, value_name = "DATUM")]
    height: Option<String>,
    /// Say what would be done; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Pack meshes (EXT_meshopt_compression, KHR_mesh_quantization): smaller, read by Hamlet and CesiumJS.
    #[arg(long)]
    compress: bool,
    /// Make no coarse cover over the tiles.
    #[arg(long)]
    no_cover: bool,
    /// Copyright to be shown with the picture.
    #[arg(long, value_name = "TEXT")]
    copyright: Option<String>,
    /// Replace a finished survey of the same date.
    #[arg(long)]
    replace: bool,
    /// 3D Tiles are linked into the county instead of copied, where the disk can.
    #[arg(long)]
    link: bool,
    /// 3D Tiles are taken even if the inspection finds errors.
    #[arg(long)]
    despite_errors: bool,
    /// Print the report, and the progress, as JSON lines.
    #[arg(long)]
    json: bool,
}

fn origin(text: &str) -> Result<[f64; 3], String> {
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|n| n.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
    match numbers.as_deref() {
        Some([x, y]) => Ok([*x, *y, 0.0]),
        Some([x, y, z]) => Ok([*x, *y, *z]),
        _ => Err("an origin is x,y or x,y,z".into()),
    }
}

pub(crate) fn county(command: &CountyCommand) -> Result<Outcome> {
    let CountyCommand::New { folder, name, code } = command;
    County::create(folder, &CountyConfig::new(name, code))?;
    println!("{}", folder.display());
    Ok(Outcome::Fine)
}

pub(crate) fn survey(command: &SurveyCommand) -> Result<Outcome> {
    match command {
        SurveyCommand::List { county, json } => list(&County::open(county)?, *json)?,
        SurveyCommand::Use(survey) => {
            County::open(&survey.county)?.use_survey(&SurveyKey::new(&survey.village, &survey.date)?)?;
        }
        SurveyCommand::Remove(survey) => {
            County::open(&survey.county)?.remove_survey(&SurveyKey::new(&survey.village, &survey.date)?)?;
        }
    }
    Ok(Outcome::Fine)
}

fn list(county: &County, as_json: bool) -> Result<()> {
    let surveys = county.surveys()?;
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of the command.
    let _ = if as_json {
        let rows: Vec<_> = surveys
            .iter()
            .map(|s| {
                json!({ "village": s.key.village, "survey": s.key.date, "current": s.is_current, "finished": s.is_finished })
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)
    } else {
        surveys.iter().try_for_each(|s| {
            let mark = if s.is_current { '*' } else { ' ' };
            let state = if s.is_finished { "" } else { "  (import not finished: run it again)" };
            writeln!(out, "{mark} {} {}{state}", s.key.village, s.key.date)
        })
    };
    Ok(())
}

pub(crate) fn import(args: &Import) -> Result<Outcome> {
    let key = SurveyKey::new(&args.village, &args.survey)?;
    let county = County::open(&args.county).with_context(|| {
        format!("{} is no county folder; `hamlet county new` makes one", args.county.display())
    })?;
    let recognised = delivery::recognise(&args.delivery)?;
    if recognised.kind == DeliveryKind::Tiles3d {
        return adopt(args, &county, &key);
    }
    let (heights, heights_name) =
        args.height.as_deref().map(|text| ingest::heights::parse(text, &grid_folders())).transpose()?.unzip();
    let request = MeshRequest {
        path: args.delivery.clone(),
        crs: args.crs.as_deref().map(crs_text).transpose()?,
        origin: args.origin,
        heights,
        heights_name,
    };
    let plan = plan(&request)?;
    let notes = county.place_notes(&plan, &key)?;
    print_plan(args, &plan, &notes)?;
    if args.dry_run {
        return Ok(Outcome::Fine);
    }
    let mut options = MeshOptions {
        compress: args.compress,
        copyright: args.copyright.clone(),
        replace: args.replace,
        ..MeshOptions::default()
    };
    if args.no_cover {
        options.cover = None;
    }
    let bar = Bar::new(args.json);
    let report = county.import_mesh(&plan, &key, &options, &bar)?;
    bar.end();
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string(&json!({ "report": report }))?)
    } else {
        writeln!(out, "{report}")
    };
    let failed = report.count(FindingKind::FailedFile) + report.count(FindingKind::LeftOut);
    Ok(if failed > 0 { Outcome::Problems } else { Outcome::Fine })
}

fn adopt(args: &Import, county: &County, key: &SurveyKey) -> Result<Outcome> {
    if args.dry_run {
        println!("{}: a 3D Tiles tileset; it would be taken as it is", args.delivery.display());
        return Ok(Outcome::Fine);
    }
    let options =
        AdoptOptions { link: args.link, despite_errors: args.despite_errors, replace: args.replace };
    let bar = Bar::new(args.json);
    let report = county.adopt_tileset(&args.delivery, key, &options, &bar)?;
    bar.end();
    let errors = report.inspection.count(Severity::Error);
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string(&json!({ "report": report }))?)
    } else {
        let warnings = report.inspection.count(Severity::Warning);
        writeln!(
            out,
            "{}: {} files, {:.1} MiB, {} linked; {errors} errors, {warnings} warnings in the tileset",
            report.delivery,
            report.files,
            report.bytes as f64 / 1_048_576.0,
            report.linked
        )
    };
    Ok(if errors > 0 { Outcome::Problems } else { Outcome::Fine })
}

/// The text of a coordinate system, out of a file if there is one of that name.
fn crs_text(text: &str) -> Result<String> {
    let file = Path::new(text);
    if file.is_file() {
        let bytes = std::fs::read(file).with_context(|| text.to_owned())?;
        return String::from_utf8(bytes).with_context(|| format!("{text} is no text"));
    }
    Ok(text.to_owned())
}

/// Folders in which Debian, Ubuntu and self-built PROJ keep grids.
fn grid_folders() -> Vec<PathBuf> {
    ["/usr/share/proj", "/usr/local/share/proj"].map(PathBuf::from).to_vec()
}

fn print_plan(args: &Import, plan: &MeshPlan, county_notes: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let plan = json!({ "plan": {
            "delivery": plan.delivery.path,
            "kind": plan.delivery.kind,
            "tiles": plan.delivery.tiles.len(),
            "bytes": plan.source_bytes,
            "place": plan.place,
            "notes": plan.delivery.notes.iter().chain(county_notes).collect::<Vec<_>>(),
        }});
        let _ = writeln!(out, "{}", serde_json::to_string(&plan)?);
        return Ok(());
    }
    let place = &plan.place;
    let mut lines = vec![
        format!(
            "{}: {:?}, {} source tiles, {:.1} MiB in their roots' folders",
            plan.delivery.path.display(),
            plan.delivery.kind,
            plan.delivery.tiles.len(),
            plan.source_bytes as f64 / 1_048_576.0
        ),
        format!("  coordinate system  {}", place.crs.as_deref().unwrap_or("none: no place on Earth")),
        format!("  origin             {:?}", place.origin),
        format!("  heights            {}", place.heights),
    ];
    if let Some([west, south, east, north, low, high]) = place.region_deg_m {
        lines.push(format!(
            "  extent             {west:.6}, {south:.6} to {east:.6}, {north:.6} degrees, {low:.1} to {high:.1} m above the ellipsoid"
        ));
    }
    let notes = place.notes.iter().chain(&plan.delivery.notes).chain(county_notes);
    lines.extend(notes.map(|note| format!("  note: {note}")));
    if args.dry_run {
        lines.push("Nothing was written.".to_owned());
    }
    // A closed pipe is no failure of the command.
    let _ = writeln!(out, "{}", lines.join("\n"));
    Ok(())
}

/// Tells how far an import is: a line that is written over on a terminal, lines of JSON where asked for, else nothing.
struct Bar {
    as_json: bool,
    on_terminal: bool,
    state: Mutex<BarState>,
}

struct BarState {
    stage: Stage,
    total: u64,
    done: u64,
    since: Instant,
    told: Option<Instant>,
}

impl Bar {
    fn new(as_json: bool) -> Self {
        let state = BarState { stage: Stage::Convert, total: 0, done: 0, since: Instant::now(), told: None };
        Self { as_json, on_terminal: std::io::stderr().is_terminal(), state: Mutex::new(state) }
    }

    fn tell(&self, state: &BarState) {
        let share = if state.total == 0 { 0.0 } else { state.done as f64 / state.total as f64 };
        let secs = state.since.elapsed().as_secs_f64();
        let left_secs = if share > 0.0 { secs / share - secs } else { 0.0 };
        if self.as_json {
            let line = json!({ "progress": {
                "stage": format!("{:?}", state.stage).to_lowercase(),
                "done": state.done,
                "total": state.total,
                "secondsLeft": left_secs.round(),
            }});
            println!("{line}");
        } else if self.on_terminal {
            let rate = match state.stage {
                Stage::Convert if secs > 0.0 => format!(", {:.0} MB/s", state.done as f64 / 1e6 / secs),
                _ => String::new(),
            };
            let stage = format!("{:?}", state.stage).to_lowercase();
            eprint!("\r{stage}: {:3.0} %{rate}, {left_secs:.0} s left        ", share * 100.0);
        }
    }

    fn end(&self) {
        if self.on_terminal && !self.as_json {
            eprintln!();
        }
    }
}

impl Progress for Bar {
    fn begin(&self, stage: Stage, total: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = BarState { stage, total, done: 0, since: Instant::now(), told: None };
        self.tell(&state);
    }

    fn advance(&self, amount: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += amount;
        if state.told.is_none_or(|told| told.elapsed() > Duration::from_millis(200))
            || state.done >= state.total
        {
            state.told = Some(Instant::now());
            self.tell(&state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_two_or_three_numbers() {
        assert_eq!(origin("1,2"), Ok([1.0, 2.0, 0.0]));
        assert_eq!(origin("-1, 2.5,3"), Ok([-1.0, 2.5, 3.0]));
        assert!(["", "1", "1,2,3,4", "a,b", "nan,1", "1,inf"].iter().all(|text| origin(text).is_err()));
    }
}
