//! `hamlet county` and `hamlet survey`: the county folder and the surveys in it.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use ingest::county::{County, CountyConfig, SurveyKey};
use serde_json::json;

use crate::{Outcome, import::Bar};

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
            let bar = Bar::new(false);
            County::open(&survey.county)?
                .use_survey(&SurveyKey::new(&survey.village, &survey.date)?, &bar)?;
            bar.end();
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
