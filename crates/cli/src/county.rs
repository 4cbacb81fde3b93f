//! `hamlet county` and `hamlet survey`: the county folder and the surveys in it.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use ingest::{
    buildings,
    county::{County, CountyConfig, SurveyKey},
};
use serde_json::json;

use crate::{
    Outcome,
    import::{Bar, WrongUse, vector},
};

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
        /// Border of the county: Shapefile, GeoJSON, FlatGeobuf or GeoPackage. What lies outside is refused from then on.
        #[arg(long, value_name = "FILE")]
        borders: Option<PathBuf>,
        /// Coordinate system of the border, where its file names none or a wrong one.
        #[arg(long, value_name = "EPSG|WKT", requires = "borders")]
        crs: Option<String>,
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
    /// Lists buildings that were split, merged or rebuilt between surveys and wait for a decision; takes decisions.
    Lineage(Lineage),
}

#[derive(Debug, Args)]
pub(crate) struct Lineage {
    /// County folder.
    county: PathBuf,
    /// Division code of the village; without it, all villages.
    village: Option<String>,
    /// Number of the question that is answered.
    #[arg(long, value_name = "NUMBER", requires = "village")]
    answer: Option<u64>,
    /// The building that goes on under an old id: OLD=NEW. Without it, none does: all keep the ids that they got.
    #[arg(long, value_name = "OLD=NEW", requires = "answer")]
    keep: Vec<String>,
    /// Print the questions as JSON.
    #[arg(long)]
    json: bool,
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

pub(crate) fn county(command: &CountyCommand) -> Result<Outcome> {
    let CountyCommand::New { folder, name, code, borders, crs } = command;
    let mut county = County::create(folder, &CountyConfig::new(name, code))?;
    if let Some(file) = borders {
        vector::borders(&mut county, file, crs.as_deref()).with_context(|| {
            format!("the county was made without borders; delete {} to try again", folder.display())
        })?;
    }
    println!("{}", folder.display());
    Ok(Outcome::Fine)
}

pub(crate) fn survey(command: &SurveyCommand) -> Result<Outcome> {
    match command {
        SurveyCommand::List { county, json } => list(&County::open(county)?, *json)?,
        SurveyCommand::Use(survey) => {
            let bar = Bar::new(false);
            County::open(&survey.county)?
                .use_survey(&SurveyKey::new(&survey.village, &survey.date)?, &bar)?;
            bar.end();
        }
        SurveyCommand::Lineage(args) => lineage(args)?,
        SurveyCommand::Remove(survey) => {
            County::open(&survey.county)?.remove_survey(&SurveyKey::new(&survey.village, &survey.date)?)?;
        }
    }
    Ok(Outcome::Fine)
}

fn lineage(args: &Lineage) -> Result<()> {
    let county = County::open(&args.county)?;
    if let (Some(village), Some(number)) = (&args.village, args.answer) {
        let pairs: Option<Vec<(String, String)>> = args
            .keep
            .iter()
            .map(|text| text.split_once('=').map(|(old, new)| (old.to_owned(), new.to_owned())))
            .collect();
        let pairs = pairs.ok_or_else(|| WrongUse("--keep takes OLD=NEW".to_owned()))?;
        buildings::answer(&county, village, number, &pairs)?;
    }
    let villages = match &args.village {
        Some(village) => vec![village.clone()],
        None => {
            let mut villages: Vec<String> = county.surveys()?.into_iter().map(|s| s.key.village).collect();
            villages.dedup();
            villages
        }
    };
    let mut open = Vec::new();
    for village in villages {
        let lineage = buildings::lineage_of(&county, &village)?;
        open.extend(lineage.open().into_iter().map(|question| (village.clone(), question.clone())));
    }
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        writeln!(out, "{:#}", vector::questions_json(&open))
    } else if open.is_empty() {
        writeln!(out, "nothing is to be decided")
    } else {
        open.iter().try_for_each(|(_, question)| writeln!(out, "{}", vector::question_text(question)))
    };
    Ok(())
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
            let state = match (s.is_finished, buildings::has_buildings(county, &s.key)) {
                (true, _) => "",
                (false, true) => "  (footprints only)",
                (false, false) => "  (import not finished: run it again)",
            };
            writeln!(out, "{mark} {} {}{state}", s.key.village, s.key.date)
        })
    };
    Ok(())
}
