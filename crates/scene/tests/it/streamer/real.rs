//! Real and sample tilesets from `../shared/data`; skipped where that folder is absent.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use geodesy::{BoundingVolume, CameraPose, Frustum, WorldFrame, glam::DVec3};
use scene::streamer::{StreamerSettings, View};

use super::{
    caller::{Caller, Manners},
    selection::expected,
    world::{Rng, World},
};

/// All files below a folder of the shared data, by path relative to it.
pub(super) fn world_of(folder: &str) -> Option<World> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/tiles")).join(folder);
    if !root.is_dir() {
        println!("skipped: ../shared/data is absent");
        return None;
    }
    let mut world = World::default();
    read_all(&root, &root, &mut world);
    Some(world)
}

fn read_all(root: &Path, folder: &Path, world: &mut World) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(root, &path, world);
        } else {
            let uri = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            world.files.insert(uri, Bytes::from(std::fs::read(&path).expect("a readable file")));
        }
    }
}

/// A camera that looks at the middle of a volume from somewhere around it.
fn around(volume: &BoundingVolume, rng: &mut Rng) -> View {
    let sphere = volume.bounding_sphere();
    let frame = WorldFrame::of_center(sphere.center);
    let target = sphere.center
        + DVec3::new(rng.range(-0.4, 0.4), rng.range(-0.4, 0.4), rng.range(-0.4, 0.4)) * sphere.radius;
    let range = sphere.radius * 0.05 * 60f64.powf(rng.unit());
    let pose = CameraPose::looking_at(
        target,
        rng.range(0.0, std::f64::consts::TAU),
        rng.range(-1.5, -0.1),
        range,
        frame,
    );
    let (forward, _, up) = pose.axes_in_world(frame);
    View {
        eye_in_world: pose.eye_in_world,
        forward_in_world: forward,
        frustum_in_world: Frustum::perspective(pose.eye_in_world, forward, up, 60f64.to_radians(), 0.63, 0.1),
        viewport_height_px: 720.0,
        vertical_fov_rad: 0.63,
        max_screen_space_error_px: 16.0,
        weight: 1.0,
    }
}

/// Settled pictures of random cameras show exactly what a naive selection shows.
fn compare(folder: &str, uri: &str, cameras: usize) {
    let Some(world) = world_of(folder) else { return };
    let counts = compare_world(world, folder, uri, cameras);
    assert!(counts.len() > 2, "the cameras of {folder}/{uri} see different numbers of contents: {counts:?}");
}

/// Returns the numbers of contents that the cameras saw.
fn compare_world(world: World, folder: &str, uri: &str, cameras: usize) -> BTreeSet<usize> {
    let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 3);
    let id = caller.streamer.add_tileset(uri);
    caller.settle(&[], 100);
    let mut rng = Rng(uri.len() as u64);
    let volume = caller.streamer.bounding_volume(id).expect("the root is here").clone();
    let mut counts = BTreeSet::new();
    for _ in 0..cameras {
        let view = around(&volume, &mut rng);
        let plan = caller.settle(std::slice::from_ref(&view), 8000);
        let shown: BTreeSet<String> = plan
            .draw
            .iter()
            .map(|d| caller.streamer.content(d.content).expect("a content").1.to_string())
            .collect();
        let mut wanted = BTreeSet::new();
        let root = caller.streamer.root_tile(id).expect("the root is here");
        expected(caller.streamer.tree(), root.index, &view, &mut wanted);
        assert_eq!(shown, wanted, "{folder}/{uri}");
        assert_eq!(plan.draw.len(), wanted.len());
        counts.insert(wanted.len());
    }
    counts
}

#[test]
fn samples_settle_on_the_naive_selection() {
    let Some(mut world) = world_of("3d-tiles-samples") else { return };
    // The one file of the samples that the shared data lack.
    world.files.insert("1.0/TilesetWithDiscreteLOD/dragon_high.b3dm".into(), Bytes::from_static(b"b3dm"));
    let tilesets: Vec<String> =
        world.files.keys().filter(|u| u.ends_with("/tileset.json")).cloned().collect();
    assert!(tilesets.len() > 20);
    let mut drawing = 0;
    for uri in tilesets {
        let counts = compare_world(world.clone(), "3d-tiles-samples", &uri, 4);
        println!("{uri}: {counts:?}");
        drawing += usize::from(counts.iter().any(|&n| n > 0));
    }
    assert!(drawing > 20, "{drawing} samples show something");
}

#[test]
fn guangdong_settles_on_the_naive_selection() {
    compare("guangdong/Tile_+000_+000", "tileset.json", 12);
}

#[test]
fn dingo_gap_settles_on_the_naive_selection() {
    for uri in
        ["tileset.json", "tileset-add.json", "tileset-external.json", "tileset-no-midtile-content.json"]
    {
        compare("dingo-gap/example/public/data", uri, 8);
    }
}

#[test]
fn broken_dingo_gap_settles_without_a_panic() {
    let Some(world) = world_of("dingo-gap/example/public/data") else { return };
    for uri in
        ["tileset-broken-root-content.json", "tileset-external-broken.json", "tileset-no-root-content.json"]
    {
        let mut caller = Caller::new(world.clone(), StreamerSettings::default(), Manners::default(), 3);
        let id = caller.streamer.add_tileset(uri);
        caller.settle(&[], 100);
        let volume = caller.streamer.bounding_volume(id).expect("the root is here").clone();
        let mut rng = Rng(4);
        let mut drawn = 0;
        for _ in 0..4 {
            drawn += caller.settle(&[around(&volume, &mut rng)], 8000).draw.len();
        }
        assert!(drawn > 0 || uri.contains("external"), "{uri}: {:?}", caller.streamer.warnings());
    }
}

/// Streams a tileset with the real formats: what is measured must be enough to decode, and the picture complete.
fn decode_all(folder: &str, uri: &str, ceiling: u64) {
    use scene::{
        content::{DecodeContext, TextureSupport, decode},
        streamer::{Input, Streamer},
    };
    let Some(world) = world_of(folder) else { return };
    let mut streamer =
        Streamer::new(StreamerSettings { memory_ceiling_bytes: ceiling, ..StreamerSettings::default() });
    let id = streamer.add_tileset(uri);
    let mut rng = Rng(8);
    let mut view: Option<View> = None;
    for frame in 0..1500u64 {
        let now = std::time::Duration::from_millis(16 * frame);
        let plan = streamer.update(view.as_slice(), now).clone();
        for order in &plan.fetch {
            let bytes = world.files.get(&*order.uri).cloned().expect("a file of the tileset");
            streamer.accept(Input::FetchLength(order.id, bytes.len() as u64));
            streamer.accept(Input::Fetched(order.id, Ok(bytes)));
        }
        for order in &plan.decode {
            let context = DecodeContext {
                uri: order.uri.to_string(),
                resources: order.resources.clone(),
                gltf_up_axis: order.gltf_up_axis,
                texture_support: TextureSupport::default(),
                budget_bytes: order.budget_bytes,
            };
            let result = decode(&order.bytes, &context).map(|(c, _)| c.cost()).map_err(|e| e.to_string());
            streamer.accept(Input::Decoded(order.id, result));
        }
        for &content in &plan.upload {
            streamer.accept(Input::Uploaded(content));
        }
        assert!(streamer.used_bytes() <= ceiling);
        if view.is_none()
            && let Some(volume) = streamer.bounding_volume(id)
        {
            view = Some(around(&volume.clone(), &mut rng));
        } else if view.is_some() && plan.stats.settled {
            assert!(!plan.draw.is_empty());
            assert_eq!((plan.stats.failed, plan.stats.missing, plan.stats.over_budget), (0, 0, 0));
            assert!(
                streamer.warnings().iter().all(|w| !w.reason.contains("allowed")),
                "{:?}",
                streamer.warnings()
            );
            println!("{uri}: {:?}", plan.stats);
            return;
        }
    }
    panic!("never settled: {:?}", streamer.plan().stats);
}

#[test]
fn real_contents_stay_within_what_was_measured() {
    decode_all("guangdong/Tile_+000_+000", "tileset.json", 1 << 30);
    decode_all("dingo-gap/example/public/data", "tileset.json", 1 << 30);
    decode_all("dingo-gap/example/public/data", "tileset.json", 12 << 20);
}
