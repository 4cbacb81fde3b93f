//! Runs every test in a process of its own, so that tests of the renderer cannot disturb each other, times each, and
//! counts as skipped those that say so (`skipped: …` at the start of a line): a missing driver or data folder is
//! seen, not hidden.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

struct Binary {
    label: String,
    path: String,
    folder: String,
}

struct Outcome {
    name: String,
    passed: bool,
    skipped: Option<String>,
    took: Duration,
    output: String,
}

/// Builds and runs; `Ok(false)` when a test failed.
pub(crate) fn run(filter: &str, long: bool) -> Result<bool> {
    let tests: Vec<(Binary, Vec<String>)> =
        build()?.into_iter().map(|b| list(&b).map(|names| (b, names))).collect::<Result<_>>()?;
    let mut jobs: Vec<(&Binary, &str)> = tests
        .iter()
        .flat_map(|(binary, names)| names.iter().map(move |name| (binary, name.as_str())))
        .filter(|(binary, name)| {
            let is_long = name.rsplit("::").next().is_some_and(|last| last.starts_with("long_"));
            (long || !is_long) && format!("{}::{name}", binary.label).contains(filter)
        })
        .collect();
    // The renderer's tests are the slow ones: begin with them, so that no core idles at the end.
    jobs.sort_by_key(|(binary, _)| !binary.label.starts_with("viewer"));
    let mut outcomes: Vec<Outcome> = jobs
        .par_iter()
        .with_max_len(1)
        .map(|(binary, name)| run_one(binary, name, long))
        .collect::<Result<_>>()?;
    Ok(report(&mut outcomes))
}

fn build() -> Result<Vec<Binary>> {
    let mut child = Command::new(env!("CARGO"))
        .args([
            "test",
            "--workspace",
            "--all-targets",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo cannot be started")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut binaries = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(&line?)?;
        let is_test = message["profile"]["test"].as_bool() == Some(true);
        let (Some(path), Some(manifest)) =
            (message["executable"].as_str(), message["manifest_path"].as_str())
        else {
            continue;
        };
        // A bench target is built as a test too, but it is no libtest binary: `make bench` runs it.
        if !is_test || message["target"]["kind"][0] == "bench" {
            continue;
        }
        let folder = manifest.trim_end_matches("Cargo.toml").to_owned();
        let package = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let target = message["target"]["name"].as_str().unwrap_or_default();
        binaries.push(Binary { label: format!("{package}::{target}"), path: path.to_owned(), folder });
    }
    if !child.wait()?.success() {
        bail!("the tests do not build");
    }
    Ok(binaries)
}

fn list(binary: &Binary) -> Result<Vec<String>> {
    let output = Command::new(&binary.path)
        .args(["--list", "--format=terse"])
        .current_dir(&binary.folder)
        .output()
        .with_context(|| format!("{} cannot list its tests", binary.label))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect())
}

fn run_one(binary: &Binary, name: &str, long: bool) -> Result<Outcome> {
    let start = Instant::now();
    let output = Command::new(&binary.path)
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .current_dir(&binary.folder)
        .env("CARGO_MANIFEST_DIR", &binary.folder)
        // Plain `cargo test` knows no long tests: they ask for this and return early without it.
        .env("HAMLET_LONG_TESTS", if long { "1" } else { "0" })
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{}::{name} cannot be started", binary.label))?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let skipped = text.lines().find_map(|line| {
        let at = line.find("skipped: ")?;
        Some(line[at + 9..].to_owned())
    });
    Ok(Outcome {
        name: format!("{}::{name}", binary.label),
        passed: output.status.success(),
        skipped,
        took: start.elapsed(),
        output: text,
    })
}

fn report(outcomes: &mut [Outcome]) -> bool {
    for failed in outcomes.iter().filter(|o| !o.passed) {
        println!("---- {} failed\n{}", failed.name, failed.output);
    }
    for skipped in outcomes.iter().filter(|o| o.passed && o.skipped.is_some()) {
        println!("skipped {}: {}", skipped.name, skipped.skipped.as_deref().unwrap_or_default());
    }
    outcomes.sort_by_key(|o| std::cmp::Reverse(o.took));
    println!("\nThe ten slowest tests:");
    for slow in outcomes.iter().take(10) {
        println!("{:8.2} s  {}", slow.took.as_secs_f64(), slow.name);
    }
    let failed = outcomes.iter().filter(|o| !o.passed).count();
    let skipped = outcomes.iter().filter(|o| o.passed && o.skipped.is_some()).count();
    for failure in outcomes.iter().filter(|o| !o.passed) {
        println!("FAILED {}", failure.name);
    }
    println!("\n{} passed, {failed} failed, {skipped} skipped", outcomes.len() - failed - skipped);
    failed == 0
}
