//! Elevation models and orthophotos.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use ingest::{
    county::County,
    land::{LandOptions, LandRequest, PlannedRaster, RasterKind, plan},
    mesh::FindingKind,
    subject::Subject,
};
use serde_json::json;

use super::{Bar, Import};
use crate::Outcome;

/// Imports rasters: all are taken in, then the terrain of the county is made once.
pub(super) fn import(
    args: &Import,
    deliveries: &[(PathBuf, Subject)],
    mut county: Option<County>,
) -> Result<Outcome> {
    // What a folder holds is told file by file unless it was said.
    let said = |subject: &Subject| match (args.subject, subject) {
        (None, _) => None,
        (Some(_), Subject::Ortho) => Some(RasterKind::Ortho),
        (Some(_), _) => Some(RasterKind::Dem),
    };
    let request = LandRequest {
        paths: deliveries.iter().map(|(path, subject)| (path.clone(), said(subject))).collect(),
        place: args.place_request(county.as_ref())?,
    };
    let plan = plan(&request)?;
    let mut notes = Vec::new();
    match (&county, plan.middle()) {
        (Some(county), Some(middle)) => notes.extend(county.land_notes(middle)?),
        _ => notes.push("the county would be made".to_owned()),
    }
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of the command.
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string(&json!({ "plan": { "land": plan, "notes": notes } }))?)
    } else {
        let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
        let end = if args.dry_run { "Nothing was written.\n" } else { "" };
        write!(out, "{plan}{notes}{end}")
    };
    drop(out);
    let failed_files = !plan.findings.is_empty();
    let Some(county) = county.as_mut().filter(|_| !args.dry_run) else {
        return Ok(if failed_files { Outcome::Problems } else { Outcome::Fine });
    };
    let options = LandOptions { cell_m: args.cell, copyright: args.copyright.clone() };
    let bar = Bar::new(args.json);
    let report = county.import_land(&plan, &options, &bar)?;
    // Photos of a village are also its flat map.
    let is_photo = |raster: &PlannedRaster| raster.kind == RasterKind::Ortho;
    if let (Some(_), Some((first, _)), true) =
        (&args.village, deliveries.first(), plan.rasters.iter().any(is_photo))
    {
        county.make_survey_map(&plan, &args.key(first, Subject::Ortho)?, &bar)?;
    }
    bar.end();
    let mut out = std::io::stdout().lock();
    let failed = report
        .as_ref()
        .is_some_and(|report| report.findings.iter().any(|finding| finding.kind == FindingKind::FailedFile));
    let _ = match (args.json, &report) {
        (true, report) => writeln!(out, "{}", serde_json::to_string(&json!({ "report": report }))?),
        (false, Some(report)) => writeln!(out, "{report}"),
        (false, None) => {
            writeln!(
                out,
                "The pictures are kept; terrain is made when an elevation model or points are imported."
            )
        }
    };
    Ok(if failed || failed_files { Outcome::Problems } else { Outcome::Fine })
}
