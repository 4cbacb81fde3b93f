//! The `hamlet` binary: reads the command line, calls the library, and turns the outcome into an exit code.

mod address;
mod args;
mod check;
mod county;
mod import;
mod inspect;
mod sample;
mod web;

use std::{io::IsTerminal, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use args::{Cli, Command};
use clap::Parser;
use ingest::{
    buildings::BuildingsError, cloud::CloudError, county::CountyError, land::LandError, layers::ColumnError,
    mesh::MeshError, place::PlaceError,
};
use tracing_subscriber::EnvFilter;
use viewer::{FlightPath, FlyOptions, ShotOptions, ViewOptions};

/// What a command found, as an exit code; a failure to read or run is 3, wrong use 2 (clap's own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    Problems,
}

fn main() -> ExitCode {
    log();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli.command) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(1),
        Err(error) => {
            eprintln!("hamlet: {error:#}");
            ExitCode::from(if is_wrong_use(&error) { 2 } else { 3 })
        }
    }
}

/// Warnings go to the terminal unless `RUST_LOG` says otherwise; the driver's own only as errors.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("warn,wgpu=error,wgpu_core=error,wgpu_hal=error,naga=error,bevy_render=error")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// A camera text can only be judged once the tileset is known, but it is the user's word all the same.
fn is_wrong_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<viewer::Error>(), Some(viewer::Error::Camera(_)))
        || matches!(
            error.downcast_ref::<MeshError>(),
            Some(MeshError::NoCrs { .. } | MeshError::NoHeightDatum { .. })
        )
        || error.is::<import::WrongUse>()
        || error.chain().any(|cause| {
            let said = cause.downcast_ref::<PlaceError>();
            matches!(said, Some(PlaceError::NoCrs { .. } | PlaceError::NoHeightDatum { .. }))
        })
        || matches!(
            error.downcast_ref(),
            Some(CloudError::Place(PlaceError::NoCrs { .. } | PlaceError::NoHeightDatum { .. }))
        )
        || matches!(
            error.downcast_ref(),
            Some(LandError::Place(PlaceError::NoCrs { .. } | PlaceError::NoHeightDatum { .. }))
        )
        || error.is::<ColumnError>()
        || matches!(error.downcast_ref::<BuildingsError>(), Some(BuildingsError::Column(_)))
        || matches!(error.downcast_ref::<CountyError>(), Some(CountyError::BadKey { .. }))
}

fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::View(args) => view(args),
        Command::Shot(args) => shot(args),
        Command::Fly(args) => fly(args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Check(args) => check::run(&args),
        Command::County { command } => county::county(&command),
        Command::Import(args) => import::import(&args),
        Command::Survey { command } => county::survey(&command),
        Command::Address { command } => address::run(&command),
        Command::Sample(args) => sample::run(&args),
    }
}

fn view(args: args::View) -> Result<Outcome> {
    let scene = args.scene;
    viewer::view(&ViewOptions {
        open: web::options(&scene.web, &scene.what, web::default_folder().as_deref())?,
        what: scene.what,
        size_px: [args.size.0, args.size.1],
        camera: scene.camera,
        fov_deg: scene.fov,
        memory_bytes: scene.memory,
        max_screen_space_error_px: scene.error,
        lang: args.lang,
        tour: args.tour,
    })?;
    Ok(Outcome::Fine)
}

/// Refuses a file that could not be written because its folder is absent.
fn check_folder_of(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    anyhow::ensure!(folder.is_dir(), "{}: there is no folder {}", file.display(), folder.display());
    Ok(())
}

/// What is no fault of the data: files that cannot be reached, and a ceiling that is too low.
fn can_be_had(outage: Option<&(usize, String)>, beyond_memory: u64) -> Result<()> {
    if let Some((count, example)) = outage {
        anyhow::bail!(
            "{count} files could not be reached, so coarser ones or none stand for them; {example}"
        );
    }
    anyhow::ensure!(
        beyond_memory == 0,
        "the memory ceiling (--memory) is too low: {beyond_memory} areas or contents are left out, the farthest first"
    );
    Ok(())
}

fn shot(args: args::Shot) -> Result<Outcome> {
    let extension = args.out.extension().and_then(|e| e.to_str()).unwrap_or("png");
    if !extension.eq_ignore_ascii_case("png") {
        return Err(import::WrongUse(format!("--out {}: pictures are PNG", args.out.display())).into());
    }
    check_folder_of(&args.out)?;
    let scene = args.scene;
    let outcome = viewer::shot(&ShotOptions {
        open: web::options(&scene.web, &scene.what, None)?,
        what: scene.what,
        out: args.out.clone(),
        size_px: [args.size.0, args.size.1],
        camera: scene.camera,
        fov_deg: scene.fov,
        memory_bytes: scene.memory,
        max_screen_space_error_px: scene.error,
        timeout: Duration::from_secs_f64(args.timeout),
    })?;
    println!("{}  camera {}", args.out.display(), outcome.camera);
    println!(
        "{} contents, {} triangles, {:.1} % of the picture, {:.1} MiB",
        outcome.stats.drawn,
        outcome.drawn.primitives,
        outcome.covered * 100.0,
        outcome.stats.used_bytes as f64 / 1_048_576.0
    );
    can_be_had(outcome.outage.as_ref(), outcome.beyond_memory)?;
    if !outcome.settled {
        anyhow::bail!("the view did not settle within {} s: {}", args.timeout, outcome.unsettled.join(", "));
    }
    let stats = outcome.stats;
    for (count, what) in [
        (stats.failed, "contents failed: their parents are drawn instead"),
        (stats.missing, "areas are missing: nothing that covers them could be loaded"),
    ] {
        if count > 0 {
            eprintln!("hamlet: {count} {what}");
        }
    }
    if outcome.problems > 0 {
        eprintln!("hamlet: {} problems in the data; `hamlet inspect` names them", outcome.problems);
    }
    let flawed = outcome.problems > 0 || stats.failed + stats.missing > 0;
    Ok(if flawed { Outcome::Problems } else { Outcome::Fine })
}

fn fly(args: args::Fly) -> Result<Outcome> {
    let scene = args.scene;
    // Known before the flight, not after it.
    for file in [&args.json, &args.pictures].into_iter().flatten() {
        check_folder_of(file)?;
    }
    let options = FlyOptions {
        open: web::options(&scene.web, &scene.what, None)?,
        what: scene.what,
        path: if args.path == "orbit" { FlightPath::Orbit } else { FlightPath::File(args.path.into()) },
        poses: args.poses,
        size_px: [args.size.0, args.size.1],
        fov_deg: scene.fov,
        memory_bytes: scene.memory,
        max_screen_space_error_px: scene.error,
        pictures: args.pictures,
        ..FlyOptions::default()
    };
    let report = viewer::fly(&options)?;
    let json = serde_json::to_string_pretty(&report)?;
    match &args.json {
        Some(file) => {
            store::write::write_atomic(file, json.as_bytes()).with_context(|| file.display().to_string())?;
            println!(
                "far settled {:.0} ms, near settled {:.0} ms, frames p50 {:.1} ms p95 {:.1} ms; {}",
                report.far.ms,
                report.near.ms,
                report.second_path.p50,
                report.second_path.p95,
                file.display()
            );
        }
        None => println!("{json}"),
    }
    if report.problems > 0 {
        eprintln!("hamlet: {} problems in the data; `hamlet inspect` names them", report.problems);
    }
    can_be_had(report.outage.as_ref(), report.beyond_memory)?;
    let unsettled = !report.far.unsettled.is_empty() || !report.near.unsettled.is_empty();
    if unsettled {
        anyhow::bail!("a view did not settle: {:?} {:?}", report.far.unsettled, report.near.unsettled);
    }
    Ok(if report.problems > 0 { Outcome::Problems } else { Outcome::Fine })
}
