//! Point clouds.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result, bail};
use ingest::{
    blocks::{BlocksOptions, BlocksReport, DeriveOptions, footprints_geojson, footprints_of_ground},
    cloud::{CloudOptions, CloudRequest, GROUND_FOLDER, plan},
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
    let blocks = if args.blocks { Some(blocks(county, key, args)?) } else { None };
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string(&json!({ "report": report, "blocks": blocks }))?)
    } else {
        let blocks = blocks.map_or(String::new(), |blocks| {
            format!(
                "blocks           {} buildings by the delivered classes, {} tiles\n",
                blocks.blocks, blocks.tiles
            )
        });
        writeln!(out, "{report}{blocks}")
    };
    let failed = report.count(FindingKind::FailedFile) + report.count(FindingKind::LeftOut);
    Ok(if failed > 0 { Outcome::Problems } else { Outcome::Fine })
}

/// Simple blocks of the buildings that the classes of the points name, with their footprints beside the ground.
fn blocks(county: &County, key: &SurveyKey, args: &Import) -> Result<BlocksReport> {
    let ground = county.survey_folder(key).join(GROUND_FOLDER);
    let footprints = footprints_of_ground(&ground, &key.village, &DeriveOptions::default())?;
    if footprints.is_empty() {
        bail!("no points are classed as buildings: blocks need footprints");
    }
    let path = ground.join("footprints.geojson");
    store::write::write_atomic(&path, footprints_geojson(&footprints).as_bytes())
        .with_context(|| path.display().to_string())?;
    let options = BlocksOptions { copyright: args.copyright.clone() };
    Ok(county.make_blocks(&key.village, &footprints, &options)?)
}
