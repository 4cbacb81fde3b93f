//! One behaviour each.

use std::time::Duration;

use geodesy::glam::DVec3;
use scene::streamer::{ReplaceTarget, StreamerSettings, View};

use super::{
    caller::{Caller, Manners},
    oracle::{Oracle, camera},
    trees::{HALF_M, Shape, build, build_at},
    world::{Fault, World},
};

/// Four views of the ground that do not meet.
pub(super) fn corner(x: f64, y: f64) -> View {
    camera(DVec3::new(x * HALF_M * 0.6, y * HALF_M * 0.6, 60.0), 0.0, -1.5)
}

pub(super) fn above(height: f64) -> View {
    camera(DVec3::new(0.0, -20.0, height), 0.0, -1.5)
}

pub(super) fn world(shape: Shape, levels: u32) -> (World, String) {
    let mut world = World::default();
    let uri = build(&mut world, "a", shape, levels, 3);
    (world, uri)
}

pub(super) fn no_preload() -> StreamerSettings {
    StreamerSettings { preload_ancestors: false, preload_siblings: false, ..StreamerSettings::default() }
}

fn drawn(caller: &Caller) -> Vec<String> {
    let plan = caller.streamer.plan();
    let mut uris: Vec<String> = plan
        .draw
        .iter()
        .map(|d| caller.streamer.content(d.content).expect("a content").1.to_string())
        .collect();
    uris.sort();
    uris
}

#[test]
fn looking_away_and_back_loads_nothing_again() {
    let (world, uri) = world(Shape::Replace, 5);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    caller.settle(&[corner(-1.0, -1.0)], 2000);
    let first = drawn(&caller);
    caller.settle(&[corner(1.0, 1.0)], 2000);
    let loaded = caller.streamer.plan().stats.fetched_total;
    let back = caller.step(&[corner(-1.0, -1.0)]);
    assert_eq!(drawn(&caller), first, "the first frame back is complete");
    assert_eq!(back.stats.wanted, 0);
    caller.settle(&[corner(-1.0, -1.0)], 100);
    assert_eq!(caller.streamer.plan().stats.fetched_total, loaded);
    assert!(caller.fetches_of.values().all(|&n| n == 1));
}

#[test]
fn the_whole_ground_is_there_before_detail_is() {
    let (world, uri) = world(Shape::Replace, 6);
    let settings = StreamerSettings { max_fetches: 2, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [camera(DVec3::new(0.0, -300.0, 80.0), 0.0, -0.6)];
    let mut first = None;
    for frame in 0..2000 {
        let plan = caller.step(&view);
        if first.is_none() && !plan.draw.is_empty() {
            first = Some((frame, plan.stats.fetched_total));
            assert_eq!(plan.draw[0].depth, 0, "the root comes first");
        }
        if plan.stats.settled && frame > 2 {
            let all = plan.stats.fetched_total;
            let (_, fetched) = first.expect("something was drawn");
            assert!(fetched * 4 < all, "{fetched} of {all} files before the first picture");
            return;
        }
    }
    panic!("never settled");
}

#[test]
fn a_failed_tile_is_filled_by_its_parent_and_holds_nobody_back() {
    let (mut world, uri) = world(Shape::Replace, 4);
    let view = [above(500.0)];
    let mut clean = Caller::new(world.clone(), no_preload(), Manners::default(), 1);
    clean.streamer.add_tileset(&uri);
    clean.settle(&view, 2000);
    let victim = drawn(&clean).iter().find(|u| u.len() > "a/r00.fake".len()).cloned().expect("a fine tile");
    world.faults.insert(victim.clone(), Fault::Corrupt);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&view, 2000);
    let mut wanted: Vec<String> = drawn(&clean).into_iter().filter(|u| *u != victim).collect();
    let parent = format!("{}.fake", &victim[..victim.len() - ".fake".len() - 1]);
    wanted.push(parent.clone());
    wanted.sort();
    assert_eq!(drawn(&caller), wanted);
    let clipped: Vec<_> = plan.draw.iter().filter(|d| !d.only_inside.is_empty()).collect();
    assert_eq!(clipped.len(), 1);
    assert_eq!(caller.streamer.content(clipped[0].content).expect("a content").1.to_string(), parent);
    assert_eq!((plan.stats.failed, plan.stats.missing), (1, 0));
    assert_eq!(caller.streamer.warnings().len(), 1);
    assert_eq!(caller.streamer.warnings()[0].file, victim);

    caller.world.faults.clear();
    caller.streamer.retry_failed();
    caller.settle(&view, 2000);
    assert_eq!(drawn(&caller), drawn(&clean));
}

#[test]
fn a_root_that_fails_is_skipped_and_a_lost_tileset_is_missing() {
    let (mut world, uri) = world(Shape::Replace, 3);
    world.faults.insert("a/r.fake".into(), Fault::Gone);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&[above(5000.0)], 2000);
    assert_eq!(plan.draw.len(), 4, "the children stand in for the root");
    caller.streamer.add_tileset("nowhere/tileset.json");
    let plan = caller.settle(&[above(5000.0)], 2000);
    assert_eq!((plan.draw.len(), plan.stats.missing), (4, 1));
}

#[test]
fn transient_failures_are_tried_again_until_they_are_not() {
    let (mut world, uri) = world(Shape::Replace, 3);
    world.faults.insert("a/r0.fake".into(), Fault::Flaky(2));
    world.faults.insert("a/r1.fake".into(), Fault::Flaky(100));
    let settings =
        StreamerSettings { max_attempts: 4, retry_first: Duration::from_millis(50), ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [above(2000.0)];
    let plan = caller.settle(&view, 2000);
    assert_eq!(caller.fetches_of["a/r0.fake"], 3);
    assert_eq!(caller.fetches_of["a/r1.fake"], 4);
    assert_eq!(plan.stats.failed, 1);
}

#[test]
fn a_new_survey_replaces_the_old_one_without_a_hole() {
    let (mut world, uri) = world(Shape::Replace, 5);
    let new = build(&mut world, "b", Shape::Replace, 5, 9);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    let id = caller.streamer.add_tileset(&uri);
    let views = [above(200.0), corner(1.0, 1.0)];
    caller.settle(&views, 4000);
    let mut oracle = Oracle::default();
    assert!(caller.streamer.replace_subtree(ReplaceTarget::Tileset(id), &new));
    let mut frames_of_old = 0;
    for _ in 0..2000 {
        let plan = caller.step(&views);
        oracle.check(&caller, &plan, &views, false);
        let old = drawn(&caller).iter().filter(|u| u.starts_with("a/")).count();
        frames_of_old += usize::from(old > 0);
        if caller.streamer.replacing() == 0 && plan.stats.settled {
            break;
        }
    }
    assert!(frames_of_old > 3, "the old one stays while the new one loads");
    assert!(drawn(&caller).iter().all(|u| u.starts_with("b/")));
    assert!(caller.resident.len() < 400, "the old one is gone from memory");
    assert!(caller.streamer.replace_subtree(ReplaceTarget::Tileset(id), "nowhere.json"));
    caller.settle(&views, 2000);
    assert_eq!(caller.streamer.replacing(), 0);
    assert!(
        drawn(&caller).iter().all(|u| u.starts_with("b/")),
        "a survey that cannot be had changes nothing"
    );
}

#[test]
fn a_new_survey_fades_in_while_the_old_one_fades_out() {
    for one_tile in [false, true] {
        let (mut world, uri) = world(Shape::Replace, 5);
        let new = if one_tile {
            build_at(&mut world, "b", Shape::Replace, 3, 9, [-HALF_M / 2.0, -HALF_M / 2.0], HALF_M / 2.0)
        } else {
            build(&mut world, "b", Shape::Replace, 5, 9)
        };
        let settings = StreamerSettings { fade_secs: 0.3, ..no_preload() };
        let mut caller = Caller::new(world, settings, Manners::default(), 1);
        let id = caller.streamer.add_tileset(&uri);
        let views = [above(200.0), corner(-1.0, -1.0)];
        caller.settle(&views, 4000);
        let root = caller.streamer.root_tile(id).expect("a root");
        let target = if one_tile {
            let child = caller.streamer.tree().children(root.index).next().expect("a child");
            ReplaceTarget::Tile(caller.streamer.tree().id_at(child).expect("a tile"))
        } else {
            ReplaceTarget::Tileset(id)
        };
        assert!(caller.streamer.replace_subtree(target, &new));
        let mut oracle = Oracle::default();
        let mut fades = Vec::new();
        let mut turned = views.clone();
        for frame in 0..2000 {
            // The camera turns while the new survey fades in.
            if !fades.is_empty() {
                let forward = turned[1].forward_in_world;
                turned[1] = camera(turned[1].eye_in_world, forward.x.atan2(forward.y) + 0.02, -1.4);
            }
            let plan = caller.step(&turned);
            oracle.check(&caller, &plan, &turned, false);
            let of = |prefix: &str, out: bool| -> Vec<f32> {
                let is_of = |d: &scene::streamer::DrawTile| {
                    caller.streamer.content(d.content).expect("a content").1.starts_with(prefix)
                };
                plan.draw.iter().filter(|d| is_of(d) && d.fading_out == out).map(|d| d.fade).collect()
            };
            let (old, new) = (of("a/", true), of("b/", false));
            if !old.is_empty() && new.iter().any(|f| *f < 1.0) {
                let fade = old[0];
                assert!(old.iter().all(|f| *f == fade) || views.len() > 1);
                assert!(plan.stats.fading > 0 && !plan.stats.settled);
                assert!(new.contains(&fade), "frame {frame}: {old:?} leave, {new:?} come");
                fades.push(fade);
            }
            if caller.streamer.replacing() == 0 && plan.stats.settled {
                break;
            }
        }
        assert!(fades.len() >= 10, "{} frames of fading", fades.len());
        assert!(fades.iter().any(|f| *f < 0.2) && fades.iter().any(|f| *f > 0.8), "{fades:?}");
        assert_eq!(caller.streamer.replacing(), 0);
        let left = drawn(&caller)
            .iter()
            .filter(|u| u.starts_with("a/r0") || !one_tile && u.starts_with("a/"))
            .count();
        assert_eq!(left, 0, "the old one is gone");
    }
}

#[test]
fn one_tile_is_replaced_and_then_again() {
    let (mut world, uri) = world(Shape::Replace, 4);
    let new = build(&mut world, "b", Shape::Replace, 3, 9);
    let newer = build(&mut world, "c", Shape::Replace, 3, 9);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    let id = caller.streamer.add_tileset(&uri);
    let views = [above(400.0)];
    caller.settle(&views, 4000);
    let root = caller.streamer.root_tile(id).expect("a root");
    let child = caller.streamer.tree().children(root.index).next().expect("a child");
    let child = caller.streamer.tree().id_at(child).expect("a tile");
    for (name, uri) in [("b/", &new), ("c/", &newer)] {
        assert!(caller.streamer.replace_subtree(ReplaceTarget::Tile(child), uri));
        let mut oracle = Oracle::default();
        for _ in 0..600 {
            let plan = caller.step(&views);
            oracle.check(&caller, &plan, &views, false);
        }
        assert_eq!(caller.streamer.replacing(), 0);
        let shown = drawn(&caller);
        assert!(
            shown.iter().any(|u| u.starts_with(name)) && shown.iter().any(|u| u.starts_with("a/")),
            "{shown:?}"
        );
        assert!(shown.iter().all(|u| u.starts_with(name) || u.starts_with("a/") && !u.starts_with("a/r0")));
    }
    caller.streamer.remove_tileset(id);
    let plan = caller.settle(&views, 10);
    assert!(plan.draw.is_empty() && caller.resident.is_empty() && caller.streamer.tree().is_empty());
}

#[test]
fn views_share_one_cache_and_load_by_weight() {
    let (world, uri) = world(Shape::Replace, 6);
    let settings = StreamerSettings { max_fetches: 4, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let mut views = [corner(-1.0, -1.0), corner(1.0, 1.0)];
    views[1].weight = 4.0;
    let mut first_done = None;
    for frame in 0..4000 {
        caller.step(&views);
        let open = |v: &View| {
            let mut alone = 0;
            for d in &caller.streamer.plan().draw {
                let bit = if std::ptr::eq(v, &views[0]) { 1 } else { 2 };
                alone += usize::from(d.views & bit != 0 && d.depth >= 4);
            }
            alone
        };
        if first_done.is_none() && open(&views[1]) > open(&views[0]) {
            first_done = Some(frame);
        }
        if caller.streamer.plan().stats.settled && frame > 3 {
            break;
        }
    }
    assert!(first_done.is_some(), "the heavier view is ahead at some time");
    let both = [views[0].clone(), views[0].clone()];
    let plan = caller.settle(&both, 2000);
    assert!(plan.draw.iter().all(|d| d.views == 0b11), "one entry serves equal views");
}

#[test]
fn fades_complement_each_other_and_end() {
    let (world, uri) = world(Shape::Replace, 4);
    let settings = StreamerSettings { fade_secs: 0.2, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let first = caller.settle(&[above(5000.0)], 2000);
    assert_eq!(first.draw.len(), 1);
    let view = [above(900.0)];
    let (mut seen_in, mut seen_out) = (0, 0);
    for _ in 0..400 {
        let plan = caller.step(&view);
        let fading_in: Vec<_> = plan.draw.iter().filter(|d| d.fade < 1.0 && !d.fading_out).collect();
        let fading_out: Vec<_> = plan.draw.iter().filter(|d| d.fading_out).collect();
        seen_in += fading_in.len();
        seen_out += fading_out.len();
        if let (Some(a), Some(b)) = (fading_in.first(), fading_out.first()) {
            assert_eq!(a.fade, b.fade);
        }
    }
    assert!(seen_in > 0 && seen_out > 0);
    assert!(caller.streamer.plan().stats.settled);
    assert!(caller.streamer.plan().draw.iter().all(|d| d.fade == 1.0 && !d.fading_out));
}

#[test]
fn unwanted_requests_are_cancelled_but_not_at_once() {
    let (world, uri) = world(Shape::Replace, 6);
    let manners = Manners { fetch_frames: 4000, ..Manners::default() };
    let settings = StreamerSettings { max_fetches: 64, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    caller.settle(&[above(5000.0)], 2000);
    caller.set_manners(manners);
    for _ in 0..3 {
        caller.step(&[corner(-1.0, -1.0)]);
    }
    assert!(caller.streamer.plan().stats.fetching > 4);
    let mut cancelled_after = None;
    for frame in 0..60 {
        let plan = caller.step(&[above(5000.0)]);
        if !plan.cancel_fetch.is_empty() {
            cancelled_after.get_or_insert(frame);
        }
    }
    assert!(cancelled_after.is_some_and(|f| f > 3), "{cancelled_after:?}");
    assert_eq!(caller.streamer.plan().stats.fetching, 0);
}

/// A tileset of one tile, or a root with children, from the members of its tiles.
pub(super) fn small(world: &mut World, root: &str) -> String {
    world.add_text(
        "s/tileset.json",
        format!(r#"{{"asset":{{"version":"1.1"}},"geometricError":100,"root":{root}}}"#),
    );
    "s/tileset.json".to_owned()
}

pub(super) const GROUND: &str = r#""boundingVolume":{"box":[0,0,10,512,0,0,0,512,0,0,0,10]}"#;

#[test]
fn request_volumes_keep_contents_back_until_the_eye_is_inside() {
    let mut world = World::default();
    world.add_content("s/near.fake");
    let uri = small(
        &mut world,
        &format!(
            r#"{{{GROUND},"geometricError":100,"refine":"ADD","children":[{{{GROUND},"geometricError":0,
            "viewerRequestVolume":{{"sphere":[0,0,0,300]}},"content":{{"uri":"near.fake"}}}}]}}"#
        ),
    );
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    assert!(caller.settle(&[above(900.0)], 100).draw.is_empty());
    assert!(!caller.fetches_of.contains_key("s/near.fake"), "it is not even asked for");
    assert_eq!(caller.settle(&[above(200.0)], 100).draw.len(), 1);
    assert!(caller.settle(&[above(900.0)], 100).draw.is_empty());
}

#[test]
fn contents_outside_the_view_are_not_loaded_though_their_tile_is_in_it() {
    let mut world = World::default();
    world.add_content("s/west.fake");
    let uri = small(
        &mut world,
        &format!(
            r#"{{{GROUND},"geometricError":0,"refine":"REPLACE","content":{{"uri":"west.fake",
            "boundingVolume":{{"box":[-500,0,10,10,0,0,0,10,0,0,0,10]}}}}}}"#
        ),
    );
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    assert!(caller.settle(&[corner(1.0, 1.0)], 100).draw.is_empty());
    assert!(!caller.fetches_of.contains_key("s/west.fake"));
    assert_eq!(caller.settle(&[above(2000.0)], 100).draw.len(), 1);
}

#[test]
fn all_contents_of_a_tile_come_together_and_one_may_fail() {
    let mut world = World::default();
    for name in ["s/one.fake", "s/two.fake", "s/three.fake"] {
        world.add_content(name);
    }
    world.faults.insert("s/two.fake".into(), Fault::Corrupt);
    let uri = small(
        &mut world,
        &format!(
            r#"{{{GROUND},"geometricError":0,"refine":"REPLACE","contents":[{{"uri":"one.fake"}},{{"uri":"two.fake"}},
            {{"uri":"three.fake"}}]}}"#
        ),
    );
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    for _ in 0..60 {
        let plan = caller.step(&[above(900.0)]);
        assert!(plan.draw.is_empty() || plan.draw.len() == 2);
    }
    assert_eq!(drawn(&caller), ["s/one.fake", "s/three.fake"]);
}

#[test]
fn referenced_files_are_fetched_before_decoding() {
    let mut world = World::default();
    world.add_text("s/model.fake", "FAKE 100 200 300 s/buffer.bin s/image.jpg\n".into());
    world.add_text("s/buffer.bin", "b".repeat(5000));
    world.add_text("s/image.jpg", "i".repeat(7000));
    let uri = small(
        &mut world,
        &format!(r#"{{{GROUND},"geometricError":0,"refine":"REPLACE","content":{{"uri":"model.fake"}}}}"#),
    );
    world.faults.insert("s/image.jpg".into(), Fault::Flaky(1));
    let mut caller = Caller::new(world.clone(), StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    assert_eq!(caller.settle(&[above(900.0)], 500).draw.len(), 1);
    assert_eq!((caller.fetches_of["s/model.fake"], caller.fetches_of["s/image.jpg"]), (1, 2));

    world.faults.insert("s/image.jpg".into(), Fault::Gone);
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&[above(900.0)], 500);
    assert_eq!((plan.draw.len(), plan.stats.failed, plan.stats.missing), (0, 1, 1));
}

#[test]
fn a_content_that_turns_out_to_be_a_tileset_is_one() {
    let (mut world, inner) = world(Shape::Replace, 3);
    let bytes = world.files[&inner].clone();
    world.files.insert("a/inner?kind=tiles".into(), bytes);
    world.add_text(
        "a/outer.json",
        format!(
            r#"{{"asset":{{"version":"1.1"}},"geometricError":100,"root":{{{GROUND},"geometricError":100,
            "refine":"REPLACE","content":{{"uri":"inner?kind=tiles"}}}}}}"#
        ),
    );
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    caller.streamer.add_tileset("a/outer.json");
    caller.settle(&[above(6000.0)], 500);
    assert_eq!(drawn(&caller), ["a/r.fake"]);
}
