//! `hamlet sample`: a made-up county as raw deliveries, or a small village as a tileset.

use std::{
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use ingest::county_sample::{CountyOptions, Detail, FolderOutcome, write_folder};

use crate::Outcome;

/// Seeds that were looked at, and are pleasant.
const COUNTY_SEED: u64 = 1;
const HILLSIDE_SEED: u64 = 7;
/// More villages than any county has.
const MOST_VILLAGES: i64 = 2000;

#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// Folder to write: new, empty, or one in which an earlier run was interrupted.
    out: PathBuf,
    /// How many villages.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_VILLAGES))]
    villages: u32,
    /// Another seed gives another county; the same one the same bytes. Without it 1, with --hillside 7.
    #[arg(long)]
    seed: Option<u64>,
    /// `full`: texels of 10 cm at houses, a million points a village; `scale`: lean, for a hundred villages; `tiny`: for tests.
    #[arg(long, default_value = "full", value_name = "full|scale|tiny")]
    detail: Detail,
    /// Replace a sample of other options that lies there.
    #[arg(long)]
    replace: bool,
    /// Instead of a county make a small village on a hillside, as a finished tileset.
    #[arg(long, conflicts_with_all = ["villages", "detail", "replace"])]
    hillside: bool,
}

pub(crate) fn run(args: &Sample) -> Result<Outcome> {
    if args.hillside { hillside(args) } else { county(args) }
}

fn county(args: &Sample) -> Result<Outcome> {
    let options = CountyOptions {
        villages: args.villages,
        seed: args.seed.unwrap_or(COUNTY_SEED),
        detail: args.detail,
    };
    let on_terminal = std::io::stderr().is_terminal();
    let since = Instant::now();
    let mut told = None::<Instant>;
    let mut tell = |done: usize, total: usize| {
        let is_due = told.is_none_or(|told| told.elapsed() > Duration::from_millis(200));
        if on_terminal && (is_due || done == total) {
            told = Some(Instant::now());
            let share = done as f64 / total.max(1) as f64;
            let left = since.elapsed().as_secs_f64() * (1.0 / share.max(1e-6) - 1.0);
            eprint!("\r{done} of {total} tiles, {left:.0} s left        ");
        }
    };
    let outcome = write_folder(&args.out, &options, args.replace, &mut tell)?;
    if on_terminal && told.is_some() {
        eprintln!();
    }
    let folder = args.out.display();
    match outcome {
        FolderOutcome::WasThere => println!("{folder}: this sample lies there already"),
        FolderOutcome::Written { summary, files, bytes } => println!(
            "{folder}: {} villages, {} buildings, {} addresses, {} root tiles; {files} files, {:.1} MiB\n\
             {folder}/README.txt says what they are; `sh {folder}/import.sh COUNTY` makes a county of them",
            summary.villages,
            summary.buildings,
            summary.addresses,
            summary.root_tiles,
            bytes as f64 / 1_048_576.0
        ),
    }
    Ok(Outcome::Fine)
}

fn hillside(args: &Sample) -> Result<Outcome> {
    let there = args.out.join("tileset.json");
    if let Ok(text) = std::fs::read_to_string(&there) {
        anyhow::ensure!(
            text.contains("\"tilesetVersion\":\"seed "),
            "{}: another tileset lies there; choose an empty folder",
            there.display()
        );
    }
    let mut files = 0;
    let mut bytes = 0;
    ingest::sample::write(args.seed.unwrap_or(HILLSIDE_SEED), &mut |path, content| {
        let target = args.out.join(path);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        files += 1;
        bytes += content.len();
        store::write::write_atomic(&target, content).map_err(std::io::Error::other)
    })
    .with_context(|| args.out.display().to_string())?;
    println!("{}: {files} files, {:.1} MiB", there.display(), bytes as f64 / 1_048_576.0);
    Ok(Outcome::Fine)
}
