//! `hamlet check`: whether a county folder is whole.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use clap::Args;

use crate::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// County folder.
    county: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Check) -> Result<Outcome> {
    let report = ingest::check::check(&args.county)?;
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of the command.
    let _ = if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)
    } else {
        write!(out, "{report}")
    };
    Ok(if report.problems.is_empty() { Outcome::Fine } else { Outcome::Problems })
}
