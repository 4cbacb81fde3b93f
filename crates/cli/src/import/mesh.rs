//! Photogrammetry.

use std::{io::Write, path::Path};

use anyhow::Result;
use ingest::{
    adopt::AdoptOptions,
    county::{County, SurveyKey},
    delivery::{self, DeliveryKind},
    mesh::{FindingKind, MeshOptions, MeshPlan, MeshRequest, plan},
};
use scene::inspect::Severity;
use serde_json::json;

use super::{Bar, Import};
use crate::Outcome;

/// Imports OSGB or OBJ, or takes 3D Tiles that exist.
pub(super) fn import(
    args: &Import,
    delivery: &Path,
    county: Option<&County>,
    key: &SurveyKey,
) -> Result<Outcome> {
    let recognised = delivery::recognise(delivery)?;
    if recognised.kind == DeliveryKind::Tiles3d {
        return adopt(args, delivery, county, key);
    }
    let (heights, heights_name) = args.heights(county)?.unzip();
    let request = MeshRequest {
        path: delivery.to_owned(),
        crs: args.crs_text()?,
        origin: args.origin,
        heights,
        heights_name,
    };
    let plan = plan(&request)?;
    let notes = match county {
        Some(county) => county.place_notes(&plan, key)?,
        None => vec!["the county would be made".to_owned()],
    };
    print_plan(args, &plan, key, &notes)?;
    let Some(county) = county.filter(|_| !args.dry_run) else { return Ok(Outcome::Fine) };
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
    let report = county.import_mesh(&plan, key, &options, &bar)?;
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

fn adopt(args: &Import, delivery: &Path, county: Option<&County>, key: &SurveyKey) -> Result<Outcome> {
    let Some(county) = county.filter(|_| !args.dry_run) else {
        println!("{}: a 3D Tiles tileset; it would be taken as it is", delivery.display());
        return Ok(Outcome::Fine);
    };
    let options =
        AdoptOptions { link: args.link, despite_errors: args.despite_errors, replace: args.replace };
    let bar = Bar::new(args.json);
    let report = county.adopt_tileset(delivery, key, &options, &bar)?;
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

fn print_plan(args: &Import, plan: &MeshPlan, key: &SurveyKey, county_notes: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let plan = json!({ "plan": {
            "delivery": plan.delivery.path,
            "kind": plan.delivery.kind,
            "tiles": plan.delivery.tiles.len(),
            "bytes": plan.source_bytes,
            "village": key.village,
            "survey": key.date,
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
        format!("  village, survey    {}, {}", key.village, key.date),
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
