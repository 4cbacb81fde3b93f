//! The ceiling on memory: kept at every moment, made use of, and what gives way to it.

use geodesy::glam::DVec3;
use scene::streamer::StreamerSettings;

use super::{
    behaviour::{GROUND, above, corner, no_preload, small, world},
    caller::{Caller, Manners},
    oracle::{Oracle, camera},
    trees::Shape,
    world::World,
};

#[test]
fn a_lowered_ceiling_holds_in_the_update_that_sees_it() {
    let (world, uri) = world(Shape::Replace, 6);
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [camera(DVec3::new(0.0, -300.0, 80.0), 0.0, -0.6)];
    let full = caller.settle(&view, 8000).stats.used_bytes;
    caller.streamer.settings_mut().memory_ceiling_bytes = full / 2;
    let mut oracle = Oracle::default();
    let plan = caller.step(&view);
    assert!(plan.stats.used_bytes <= full / 2 && plan.stats.over_ceiling_bytes == 0);
    assert!(!plan.draw.is_empty(), "what fits is still drawn");
    assert_eq!(plan.stats.over_budget, 0, "coarser tiles stand in for what went");
    for _ in 0..1000 {
        let plan = caller.step(&view);
        oracle.check(&caller, &plan, &view, false);
    }
    let plan = caller.settle(&view, 1);
    assert!(plan.stats.used_bytes <= full / 2 && !plan.draw.is_empty());
}

#[test]
fn a_cancelled_decode_keeps_its_memory_until_the_worker_answers() {
    let (world, uri) = world(Shape::Replace, 6);
    let settings = StreamerSettings { max_decodes: 4, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    caller.settle(&[above(5000.0)], 2000);
    let before = caller.streamer.used_bytes();
    // Workers that take long, and go on for long when they are told to stop.
    let slow = Manners { decode_frames: 400, cancel_frames: 400, late_results: 0.5, ..Manners::default() };
    caller.set_manners(slow);
    for _ in 0..20 {
        caller.step(&[corner(-1.0, -1.0)]);
    }
    assert_eq!(caller.streamer.plan().stats.decoding, 4);
    let mut used = Vec::new();
    for _ in 0..60 {
        caller.step(&[above(5000.0)]);
        used.push(caller.streamer.plan().stats);
    }
    assert!(caller.cancelled >= 3, "{} decodes were cancelled", caller.cancelled);
    let last = used[59];
    assert!(last.decoding > 0, "some still run");
    // The caller of these tests checks in every step that what workers hold is counted; here that it is not forgotten.
    assert!(last.used_bytes > before + 60_000 * last.decoding as u64, "{last:?}, before {before}");
    caller.streamer.remove_tileset(scene::streamer::TilesetId(1));
    let plan = caller.step(&[above(5000.0)]);
    assert!(
        plan.stats.decoding > 0 && plan.stats.used_bytes > 60_000,
        "the stream is gone, its workers are not"
    );
    for _ in 0..500 {
        caller.step(&[above(5000.0)]);
    }
    let end = caller.streamer.plan().stats;
    assert_eq!((end.decoding, caller.resident.len()), (0, 0), "late results were dropped");
    assert!(end.used_bytes < before, "{end:?}");
}

#[test]
fn a_file_longer_than_its_reservation_is_cut_off_and_ordered_again_with_more() {
    for tell_length in [0.0, 1.0] {
        let mut world = World::default();
        let mut long = b"FAKE 1000 1000 1000\n".to_vec();
        long.resize(9_000_000, b'.');
        world.files.insert("s/long.fake".into(), long.into());
        let uri = small(
            &mut world,
            &format!(r#"{{{GROUND},"geometricError":0,"refine":"REPLACE","content":{{"uri":"long.fake"}}}}"#),
        );
        let settings = StreamerSettings { memory_ceiling_bytes: 40_000_000, ..no_preload() };
        let manners = Manners { tell_length, ..Manners::default() };
        let mut caller = Caller::new(world, settings, manners, 1);
        caller.streamer.add_tileset(&uri);
        let plan = caller.settle(&[above(900.0)], 2000);
        assert_eq!((plan.draw.len(), plan.stats.failed), (1, 0));
        let (asked, attempts) = (caller.fetches_of["s/long.fake"], caller.cut_off);
        assert_eq!(asked, attempts + 1);
        if tell_length == 1.0 {
            assert_eq!(asked, 2, "told how long it is, it is asked for once more");
        } else {
            assert!((3..8).contains(&asked), "asked {asked} times");
        }
    }
}

#[test]
fn a_file_without_end_fails_and_does_not_push_everything_out() {
    let (mut world, uri) = world(Shape::Replace, 4);
    let mut long = b"FAKE 1000 1000 1000\n".to_vec();
    long.resize(11_000_000, b'.');
    world.files.insert("a/r2.fake".into(), long.into());
    let settings = StreamerSettings { memory_ceiling_bytes: 20_000_000, ..no_preload() };
    let manners = Manners { tell_length: 0.0, ..Manners::default() };
    let mut caller = Caller::new(world, settings, manners, 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&[above(2000.0)], 4000);
    assert_eq!((plan.stats.failed, plan.stats.missing), (1, 0), "{:?}", plan.stats);
    assert_eq!(plan.draw.iter().filter(|d| !d.only_inside.is_empty()).count(), 1);
    assert!(caller.streamer.warnings()[0].reason.contains("length is not known"));
}

#[test]
fn a_ceiling_below_everything_leaves_only_what_cannot_be_taken_back() {
    let (world, uri) = world(Shape::Replace, 6);
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [camera(DVec3::new(0.0, -300.0, 80.0), 0.0, -0.6)];
    caller.settle(&view, 8000);
    caller.streamer.settings_mut().memory_ceiling_bytes = 1000;
    let plan = caller.step(&view);
    assert!(plan.draw.is_empty() && plan.stats.over_budget > 0, "{:?}", plan.stats);
    let base = plan.stats.used_bytes;
    assert_eq!(plan.stats.over_ceiling_bytes, base - 1000);
    assert!(base < 2 * caller.streamer.tree().bytes(), "only the tree and tables are left: {base}");
    for _ in 0..50 {
        caller.step(&view);
    }
    caller.streamer.settings_mut().memory_ceiling_bytes = 1 << 30;
    let plan = caller.settle(&view, 8000);
    assert!(plan.stats.over_budget == 0 && plan.draw.len() > 10);
}

#[test]
fn memory_coarsens_the_picture_smoothly_and_room_refines_it_again() {
    let (world, uri) = world(Shape::Replace, 6);
    let settings = StreamerSettings { memory_ceiling_bytes: 3_000_000, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [camera(DVec3::new(0.0, -300.0, 80.0), 0.0, -0.6)];
    let plan = caller.settle(&view, 8000);
    let coarse = plan.draw.len();
    assert!(plan.stats.memory_error_factor > 1.0 && plan.stats.over_budget == 0);
    assert!(plan.stats.used_bytes > 1_200_000, "the ceiling is made use of: {:?}", plan.stats);
    caller.streamer.settings_mut().memory_ceiling_bytes = 500_000_000;
    let plan = caller.settle(&view, 8000);
    assert_eq!(plan.stats.memory_error_factor, 1.0);
    assert!(plan.draw.len() > coarse);
}

#[test]
fn a_cover_beyond_the_ceiling_shows_its_nearest_part() {
    let (world, uri) = world(Shape::Rootless, 4);
    let mut caller = Caller::new(world, no_preload(), Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let view = [camera(DVec3::new(0.0, -500.0, 120.0), 0.0, -0.4)];
    caller.settle(&view, 8000);
    let (tree_bytes, used) = (caller.streamer.tree().bytes(), caller.streamer.used_bytes());
    assert!(used > tree_bytes);
    let (world, uri) = super::behaviour::world(Shape::Rootless, 4);
    let settings = StreamerSettings { memory_ceiling_bytes: 3_200_000, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&view, 8000);
    assert!(plan.stats.over_budget > 0 && !plan.draw.is_empty(), "{:?}", plan.stats);
    let tree = caller.streamer.tree();
    let farthest = plan
        .draw
        .iter()
        .map(|d| tree.get(d.tile).expect("a tile").distance_squared(view[0].eye_in_world).sqrt())
        .fold(0.0, f64::max);
    assert!(farthest < 700.0, "drawn as far as {farthest} m");
}

#[test]
fn a_content_larger_than_the_ceiling_leaves_its_parent() {
    let (mut world, uri) = world(Shape::Replace, 3);
    world.files.insert("a/r2.fake".into(), bytes::Bytes::from_static(b"FAKE 1 900000000 1\n"));
    let settings = StreamerSettings { memory_ceiling_bytes: 20_000_000, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let plan = caller.settle(&[above(2000.0)], 2000);
    assert_eq!(plan.stats.failed, 1);
    assert_eq!(plan.stats.memory_error_factor, 1.0);
    assert_eq!(plan.draw.iter().filter(|d| !d.only_inside.is_empty()).count(), 1);
}

#[test]
fn external_tilesets_are_unloaded_when_memory_is_needed() {
    let (world, uri) = world(Shape::External, 6);
    let settings = StreamerSettings { memory_ceiling_bytes: 2_200_000, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    let mut most = 0;
    let mut unloaded = false;
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        caller.settle(&[corner(x, y)], 8000);
        let tiles = caller.streamer.tree().len();
        unloaded |= tiles < most;
        most = most.max(tiles);
    }
    let again = caller.fetches_of.iter().any(|(uri, &n)| uri.ends_with(".json") && n > 1);
    assert!(unloaded || again, "{most} tiles at most, none was ever unloaded");
}

#[test]
fn what_was_seen_last_outlives_what_was_seen_before() {
    let (world, uri) = world(Shape::Replace, 6);
    let settings = StreamerSettings { memory_ceiling_bytes: 2_600_000, ..no_preload() };
    let mut caller = Caller::new(world, settings, Manners::default(), 1);
    caller.streamer.add_tileset(&uri);
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)] {
        caller.settle(&[corner(x, y)], 4000);
    }
    assert_eq!(caller.streamer.plan().stats.memory_error_factor, 1.0, "each view alone fits");
    let before = caller.streamer.plan().stats.fetched_total;
    caller.settle(&[corner(1.0, -1.0)], 100);
    let for_last = caller.streamer.plan().stats.fetched_total - before;
    caller.settle(&[corner(-1.0, -1.0)], 4000);
    let for_first = caller.streamer.plan().stats.fetched_total - before - for_last;
    assert!(for_last < for_first, "{for_last} contents for the view before, {for_first} for the oldest");
}
