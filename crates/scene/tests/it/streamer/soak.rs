//! A long flight over an implicit tree of millions of tiles: what is loaded is given back, and the tree with it.

use bytes::Bytes;
use geodesy::glam::DVec3;
use scene::streamer::{StreamerSettings, View};

use super::{
    caller::{Caller, Manners},
    oracle::{Oracle, camera},
    trees::HALF_M,
    world::{Rng, World, content_of},
};
use crate::support::is_long_run;

/// Levels of the tree, and of each subtree.
const LEVELS: u32 = 12;
const SUBTREE_LEVELS: u32 = 3;
const CEILING: u64 = 6_000_000;

/// Every tile and every content is there; files are made when they are asked for.
fn file(uri: &str) -> Option<Bytes> {
    if uri.ends_with(".fake") {
        return Some(content_of(uri));
    }
    let level: u32 = uri.strip_prefix("i/s/")?.split('/').next()?.parse().ok()?;
    let below = u8::from(level + SUBTREE_LEVELS < LEVELS);
    Some(Bytes::from(format!(
        r#"{{"tileAvailability":{{"constant":1}},"contentAvailability":[{{"constant":1}}],
        "childSubtreeAvailability":{{"constant":{below}}}}}"#
    )))
}

fn world() -> World {
    let mut world = World { makes: Some(file), ..World::default() };
    world.add_text(
        "i/tileset.json",
        format!(
            r#"{{"asset":{{"version":"1.1"}},"geometricError":400,"root":{{
            "boundingVolume":{{"box":[0,0,10,{HALF_M},0,0,0,{HALF_M},0,0,0,10]}},"geometricError":64,
            "refine":"REPLACE","content":{{"uri":"c/{{level}}/{{x}}/{{y}}.fake"}},
            "implicitTiling":{{"subdivisionScheme":"QUADTREE","subtreeLevels":{SUBTREE_LEVELS},
            "availableLevels":{LEVELS},"subtrees":{{"uri":"s/{{level}}/{{x}}/{{y}}.subtree"}}}}}}}}"#
        ),
    );
    world
}

/// A tour: now low over some place, now high over everything.
fn tour(rng: &mut Rng, view: &View) -> View {
    match rng.below(60) {
        0 => {
            let height = 22.0 + 1000f64.powf(rng.unit());
            let eye = DVec3::new(rng.range(-HALF_M, HALF_M), rng.range(-HALF_M, HALF_M), height);
            camera(eye, rng.range(0.0, std::f64::consts::TAU), rng.range(-1.5, -0.2))
        }
        _ => {
            let forward = view.forward_in_world;
            let eye = view.eye_in_world + forward.with_z(0.0) * rng.range(0.0, 6.0);
            let eye = eye.clamp(DVec3::new(-HALF_M, -HALF_M, 21.0), DVec3::new(HALF_M, HALF_M, 2000.0));
            camera(eye, forward.x.atan2(forward.y) + rng.range(-0.1, 0.1), forward.z.asin())
        }
    }
}

/// Flies; returns the most bytes the tree took in each tenth of the flight.
fn fly(frames: usize, seed: u64) -> Vec<u64> {
    let settings =
        StreamerSettings { memory_ceiling_bytes: CEILING, fade_secs: 0.1, ..StreamerSettings::default() };
    let mut caller = Caller::new(world(), settings, Manners::default(), seed);
    caller.streamer.add_tileset("i/tileset.json");
    let mut rng = Rng(seed);
    let mut oracle = Oracle::default();
    let mut view = camera(DVec3::new(0.0, 0.0, 800.0), 0.0, -1.2);
    let mut most = vec![0; 10];
    for frame in 0..frames {
        view = tour(&mut rng, &view);
        let plan = caller.step(std::slice::from_ref(&view));
        oracle.check(&caller, &plan, std::slice::from_ref(&view), false);
        let tenth = &mut most[frame * 10 / frames];
        *tenth = (*tenth).max(caller.streamer.tree().bytes());
    }
    let plan = caller.settle(&[view], 20_000);
    assert!(plan.stats.failed == 0 && plan.stats.missing == 0, "{:?}", plan.stats);
    let subtrees =
        |n: u32| caller.fetches_of.iter().filter(|(uri, c)| uri.ends_with(".subtree") && **c >= n).count();
    let warnings = caller.streamer.warnings();
    assert!(warnings.is_empty(), "{:?}", warnings.first());
    println!(
        "{} subtrees, {} of them more than once; {} tiles at the end; the tree took {most:?} bytes at most",
        subtrees(1),
        subtrees(2),
        caller.streamer.tree().len(),
    );
    if frames > 1000 {
        assert!(subtrees(1) > 200, "the flight sees much");
        assert!(subtrees(2) > 20, "subtrees are unloaded and come back");
    }
    most
}

#[test]
fn a_big_implicit_tree_stays_within_its_memory() {
    let most = fly(300, 3);
    assert!(most.iter().all(|bytes| *bytes < CEILING / 2));
}

#[test]
fn long_soak_over_a_big_implicit_tree() {
    if !is_long_run() {
        return;
    }
    for seed in 1..4 {
        let most = fly(30_000, seed);
        let (early, late) = (most[..4].iter().max(), most[6..].iter().max());
        let (Some(early), Some(late)) = (early, late) else { panic!("ten tenths") };
        assert!(*late <= early + early / 4, "the tree grows: {most:?}");
        assert!(*late < CEILING / 4 * 3, "room is left for contents: {most:?}");
    }
}
