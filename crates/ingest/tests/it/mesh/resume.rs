//! Interrupted imports.

use std::sync::atomic::{AtomicU64, Ordering};

use ingest::{
    mesh::{MeshError, MeshOptions, Progress, Stage, import, plan},
    osgb::write::Format,
};

use super::{contents, made, request, run};

/// Stops after some bytes.
struct StopAfter {
    left: AtomicU64,
}

impl Progress for StopAfter {
    fn begin(&self, _stage: Stage, _total: u64) {}
    fn advance(&self, _amount: u64) {
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    }
    fn is_cancelled(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn an_import_that_was_stopped_goes_on_and_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 3, 2, &Format::V80);
    let options = MeshOptions::default();
    let whole = folder.path().join("whole");
    let report = run(&delivery, &whole, &options).unwrap();

    let survey = folder.path().join("stopped");
    let planned = plan(&request(&delivery)).unwrap();
    for tiles in 1..4 {
        let progress = StopAfter { left: AtomicU64::new(tiles) };
        let stopped = import(&planned, &survey, &options, &progress);
        assert!(matches!(stopped, Err(MeshError::Cancelled)), "{stopped:?}");
        assert!(!survey.join("tiles/tileset.json").exists());
    }
    // What a killed writer leaves, and a tile whose record was not written yet.
    std::fs::create_dir(survey.join("tiles/.hamlet-tmp-left")).unwrap();
    std::fs::write(survey.join(".import/tiles/.hamlet-tmp-x"), b"half").unwrap();
    std::fs::create_dir_all(survey.join("tiles/Tile_+002_+001")).unwrap();
    std::fs::write(survey.join("tiles/Tile_+002_+001/half.glb"), b"half").unwrap();
    assert_eq!(run(&delivery, &survey, &options).unwrap(), report);
    assert_eq!(contents(&survey), contents(&whole));
    // Once more: nothing is touched.
    let changed =
        || std::fs::metadata(survey.join("tiles/Tile_+000_+000/tileset.json")).unwrap().modified().unwrap();
    let before = changed();
    assert_eq!(run(&delivery, &survey, &options).unwrap().figures, report.figures);
    assert_eq!(contents(&survey), contents(&whole));
    assert_eq!(changed(), before);
}

#[test]
fn another_delivery_does_not_overwrite_a_finished_survey_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, survey) =
        (folder.path().join("a"), folder.path().join("b"), folder.path().join("survey"));
    made::delivery(&first, 1, 1, &Format::V80);
    made::delivery(&second, 2, 1, &Format::V80);
    run(&first, &survey, &MeshOptions::default()).unwrap();
    let before = contents(&survey);
    assert!(matches!(run(&second, &survey, &MeshOptions::default()), Err(MeshError::Occupied { .. })));
    assert_eq!(contents(&survey), before);
    let replace = MeshOptions { replace: true, ..MeshOptions::default() };
    let report = run(&second, &survey, &replace).unwrap();
    assert_eq!(report.source_tiles, 2);
    let fresh = folder.path().join("fresh");
    run(&second, &fresh, &MeshOptions::default()).unwrap();
    assert_eq!(contents(&survey), contents(&fresh));
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 3, 3, &Format::V91);
    let on = |threads: usize| {
        let survey = folder.path().join(format!("with-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&delivery, &survey, &MeshOptions::default())).unwrap();
        contents(&survey)
    };
    assert_eq!(on(1), on(4));
}

/// What a killed process runs: see `kill`.
#[test]
fn child_import() {
    let (Some(delivery), Some(survey)) =
        (std::env::var_os("HAMLET_TEST_DELIVERY"), std::env::var_os("HAMLET_TEST_SURVEY"))
    else {
        return;
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| run(delivery.as_ref(), survey.as_ref(), &MeshOptions::default())).unwrap();
}

/// Kills an import `times` times at moments spread over its duration, then lets it end, and compares every byte.
fn kill(times: u32) {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 4, 3, &Format::V80);
    let whole = folder.path().join("whole");
    let start = std::time::Instant::now();
    let start_child = |survey: &std::path::Path| {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "mesh::resume::child_import"])
            .env("HAMLET_TEST_DELIVERY", &delivery)
            .env("HAMLET_TEST_SURVEY", survey)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    assert!(start_child(&whole).wait().unwrap().success());
    let took = start.elapsed();
    let expected = contents(&whole);
    for round in 0..times {
        let survey = folder.path().join(format!("killed-{round}"));
        // Two kills each: also of an import that goes on.
        for part in [0.2, 0.55] {
            let mut child = start_child(&survey);
            let share = part + 0.35 * f64::from(round) / f64::from(times);
            std::thread::sleep(took.mul_f64(share));
            child.kill().unwrap();
            child.wait().unwrap();
            let tileset = survey.join("tiles/tileset.json");
            // A finished survey may still have the grave of its journal beside it.
            let unfinished = survey.join(".import").exists();
            let finished =
                || expected.iter().all(|(name, bytes)| std::fs::read(survey.join(name)).unwrap() == *bytes);
            assert!(!tileset.exists() || unfinished || finished());
        }
        assert!(start_child(&survey).wait().unwrap().success());
        assert_eq!(contents(&survey), expected, "round {round}");
    }
}

#[test]
fn an_import_that_was_killed_goes_on_and_ends_with_the_same_bytes() {
    kill(2);
}

#[test]
fn long_an_import_survives_twenty_kills() {
    // Only with `make test-long`, whose runner names its tests one by one.
    if !std::env::args().any(|argument| argument.contains("long_")) {
        return;
    }
    kill(10);
}
