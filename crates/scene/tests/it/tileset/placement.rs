//! Which tilesets count as y up, and that they are turned.

use geodesy::glam::DVec3;
use scene::tileset::RawTileset;

use super::data;

fn raw(up_axis: &str, half: [f64; 3], center_x: f64) -> RawTileset {
    let [x, y, z] = half;
    let asset = if up_axis.is_empty() { String::new() } else { format!(r#","gltfUpAxis":"{up_axis}""#) };
    let text = format!(
        r#"{{"asset":{{"version":"1.0"{asset}}},"geometricError":9,"root":{{"geometricError":1,"refine":"ADD",
        "boundingVolume":{{"box":[{center_x},0,0,{x},0,0,0,{y},0,0,0,{z}]}}}}}}"#
    );
    RawTileset::parse(text.as_bytes(), "t.json").unwrap().0
}

#[test]
fn only_flat_ground_that_says_z_is_y_up() {
    let ground = [160.0, 30.0, 120.0];
    assert!(raw("Z", ground, 200.0).is_y_up());
    assert!(!raw("Y", ground, 200.0).is_y_up(), "its models are turned");
    assert!(!raw("", ground, 200.0).is_y_up(), "its models are turned");
    assert!(!raw("Z", ground, 6_378_137.0).is_y_up(), "on Earth up is up");
    assert!(!raw("Z", [160.0, 120.0, 30.0], 0.0).is_y_up(), "flat along z");
    assert!(!raw("Z", [10.0, 8.0, 9.0], 0.0).is_y_up(), "not flat");
    assert!(!raw("Z", [40.0, 1.0, 8.0], 0.0).is_y_up(), "a wall");
}

#[test]
fn dingo_gap_is_y_up_and_the_samples_are_not() {
    let Some(data) = data() else { return };
    let mut y_up = Vec::new();
    for path in crate::support::files(&data, &["json"]) {
        let bytes = std::fs::read(&path).unwrap();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tileset"))
            && RawTileset::parse(&bytes, "t.json").is_ok_and(|(raw, _)| raw.is_y_up())
        {
            y_up.push(path.strip_prefix(&data).unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(y_up.iter().any(|path| path == "dingo-gap/example/public/data/tileset.json"));
    assert!(y_up.iter().all(|path| path.starts_with("dingo-gap")), "{y_up:?}");
}

#[test]
fn upright_turns_it_so_that_the_ground_lies_flat() {
    use scene::streamer::{Input, Placement, Streamer, StreamerSettings};
    let Some(data) = data() else { return };
    let bytes = std::fs::read(data.join("dingo-gap/example/public/data/tileset.json")).unwrap();
    let bounds = |placement: Placement| {
        let mut streamer = Streamer::new(StreamerSettings::default());
        let id = streamer.add_tileset_placed("tileset.json", placement);
        let order = streamer.update(&[], std::time::Duration::ZERO).fetch[0].clone();
        streamer.accept(Input::Fetched(order.id, Ok(bytes.clone().into())));
        streamer.update(&[], std::time::Duration::ZERO);
        streamer.bounding_volume(id).unwrap().bounding_box()
    };
    let extent = |placement, axis| {
        let (low, high) = bounds(placement).extent_along(axis);
        high - low
    };
    assert!((extent(Placement::AsIs, DVec3::Y) - 64.34).abs() < 0.01);
    assert!((extent(Placement::Upright, DVec3::Z) - 64.34).abs() < 0.01);
    assert!((extent(Placement::Upright, DVec3::Y) - 241.89).abs() < 0.01);
    // What was up is up: the highest point along y is the highest along z.
    let (_, highest) = bounds(Placement::AsIs).extent_along(DVec3::Y);
    assert!((bounds(Placement::Upright).extent_along(DVec3::Z).1 - highest).abs() < 1e-9);
    let moved = Placement::Matrix(geodesy::glam::DMat4::from_translation(DVec3::new(0.0, 0.0, 5000.0)));
    assert!((bounds(moved).center.z - bounds(Placement::AsIs).center.z - 5000.0).abs() < 1e-9);
}
