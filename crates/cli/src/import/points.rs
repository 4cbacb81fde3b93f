//! Point clouds.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use ingest::{
    cloud::{CloudOptions, CloudRequest, plan},
    county::{County, SurveyKey},
    mesh::FindingKind,
};
use serde_json::json;

use super::{Bar, Import};
use crate::Outcome;

/// Imports files of points, all as one cloud.
pub(super) fn import(
    args: &Import,
    deliveries: &[PathBuf],
    county: Option<&County>,
    key: &SurveyKey,
) -> Result<Outcome> {
    let request =
        CloudRequest { paths: deliveries.to_vec(), place: args.place_request(county)?, cell_m: args.cell };
    let plan = plan(&request)?;
    let notes = match county {
        Some(county) => county.notes_at(Some(plan.middle()), key)?,
        None => vec!["the county would be made".to_owned()],
    };
    let summary = plan.summary();
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of the command.
    let _ = if args.json {
        let line = json!({ "plan": {
            "kind": "points", "village": key.village, "survey": key.date, "points": summary, "notes": notes,
        }});
        writeln!(out, "{}", serde_json::to_string(&line)?)
    } else {
        let names: Vec<_> = deliveries.iter().map(|path| path.display().to_string()).collect();
        let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
        let end = if args.dry_run { "Nothing was written.\n" } else { "" };
        write!(
            out,
            "{}: points\nvillage, survey    {}, {}\n{summary}{notes}{end}",
            names.join(", "),
            key.village,
            key.date
        )
    };
    drop(out);
    let Some(county) = county.filter(|_| !args.dry_run) else { return Ok(Outcome::Fine) };
    let options = CloudOptions {
        copyright: args.copyright.clone(),
        replace: args.replace,
        own_classes: args.own_classes,
    };
    let bar = Bar::new(args.json);
    let report = county.import_points(&plan, key, &options, &bar)?;
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
