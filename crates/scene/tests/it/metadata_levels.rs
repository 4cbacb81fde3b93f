//! What is known of tilesets, tiles, groups and contents, in one list.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use geodesy::{CameraPose, Frustum, WorldFrame, glam::DMat4};
use scene::{
    metadata::{MetadataLevel, MetadataOf, Value},
    streamer::{ContentId, FailureKind, FetchFailure, Input, Streamer, StreamerSettings, View},
    tileset::{RawTileset, Tree, TreeLimits},
};

use crate::support::data;

fn open(path: &Path) -> Tree {
    let bytes = std::fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let (raw, _) = RawTileset::parse(&bytes, name).unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    tree.add_root(&raw, name, &DMat4::IDENTITY).unwrap();
    tree
}

/// The levels as lines, to be compared.
fn lines(levels: &[MetadataLevel]) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Array(items) => format!("{:?}", items.iter().filter_map(Value::as_f64).collect::<Vec<_>>()),
        other => other.as_f64().map_or_else(|| format!("{other:?}"), |number| number.to_string()),
    };
    levels
        .iter()
        .map(|level| {
            let properties: Vec<String> =
                level.properties.iter().map(|(name, v)| format!("{name}={}", value(v))).collect();
            format!("{:?} {}: {}", level.of, level.class, properties.join(", "))
        })
        .collect()
}

#[test]
fn all_granularities_of_the_sample_are_there() {
    let Some(data) = data("tiles/3d-tiles-samples/1.1/MetadataGranularities") else { return };
    let tree = open(&data.join("tileset.json"));
    let root = tree.roots()[0];
    let child = tree.children(root.index).next().unwrap();
    let tile = tree.tile(child).unwrap();
    let house = tile.contents().iter().position(|c| &*c.uri == "house-3-0.glb").unwrap();
    let tree_levels = tree.metadata_of(tile.id(), Some(house));
    let tileset = "Tileset Example tileset metadata class: author=Cesium, date=2022-03-21, tileCount=4";
    let found = lines(&tree_levels);
    assert_eq!(found[0], tileset);
    assert!(found[1].starts_with("Tile Example tile metadata class: district="), "{found:?}");
    assert_eq!(found[2], "Group Example group metadata class: color=[64.0, 64.0, 255.0], priority=1");
    assert_eq!(found[3], "Content Example content metadata class: materials=5, vertices=1032");
    assert_eq!(found.len(), 4);
    assert!(tree_levels.iter().all(|level| &*level.tileset_uri == "tileset.json"));

    let spruce = tile.contents().iter().position(|c| &*c.uri == "tree-spruce-0-0.glb").unwrap();
    let found = lines(&tree.metadata_of(tile.id(), Some(spruce)));
    assert_eq!(found[2], "Group Example group metadata class: color=[64.0, 255.0, 64.0], priority=2");
    assert_eq!(found[3], "Content Example content metadata class: materials=1, vertices=675");
    assert_eq!(lines(&tree.metadata_of(root, None)), [tileset], "the root itself says nothing");
    let gone = scene::streamer::TileId { index: child, generation: 999 };
    assert_eq!(tree.metadata_of(gone, Some(0)), []);
    assert_eq!(tree.metadata_of(tile.id(), Some(99)).len(), 2, "no such content: what is above it");
}

#[test]
fn every_type_of_the_full_sample_is_read() {
    let Some(data) = data("tiles/3d-tiles-samples/1.1/TilesetWithFullMetadata") else { return };
    let tree = open(&data.join("tileset.json"));
    let levels = tree.metadata_of(tree.roots()[0], None);
    assert!(levels.iter().any(|l| l.of == MetadataOf::Tileset && l.properties.len() > 5), "{levels:?}");
    assert!(levels.iter().all(|l| l.properties.iter().all(|(_, value)| *value != Value::Null)));
}

#[test]
fn without_a_schema_values_are_as_they_are_written() {
    let text = r#"{"asset":{"version":"1.1"},"geometricError":9,"metadata":{"class":"a","properties":{"b":[1,2]}},
        "root":{"geometricError":0,"refine":"ADD","boundingVolume":{"sphere":[0,0,0,1]},
        "metadata":{"class":"missing"},"content":{"uri":"a.glb","group":7,"metadata":{"properties":{"c":"d"}}}}}"#;
    let (raw, _) = RawTileset::parse(text.as_bytes(), "t.json").unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    let (root, _) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
    let found = lines(&tree.metadata_of(root, Some(0)));
    assert_eq!(found, ["Tileset a: b=[1.0, 2.0]", "Tile missing: ", "Content : c=d"]);
}

#[test]
fn external_tilesets_add_their_own_levels() {
    let outer = r#"{"asset":{"version":"1.1"},"geometricError":9,"metadata":{"class":"county"},"groups":[{"class":"group"}],
        "root":{"geometricError":9,"refine":"ADD","boundingVolume":{"sphere":[0,0,0,9]},"metadata":{"class":"village"},
        "content":{"uri":"s/t.json","group":0,"metadata":{"class":"survey"}}}}"#;
    let inner = r#"{"asset":{"version":"1.1"},"geometricError":9,"metadata":{"class":"flight"},
        "root":{"geometricError":9,"refine":"ADD","boundingVolume":{"sphere":[0,0,0,9]},"children":[{"geometricError":0,
        "boundingVolume":{"sphere":[0,0,0,9]},"metadata":{"class":"tile"},"content":{"uri":"a.glb"}}]}}"#;
    let mut tree = Tree::new(TreeLimits::default());
    let (raw, _) = RawTileset::parse(outer.as_bytes(), "t.json").unwrap();
    let (root, _) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
    let (raw, _) = RawTileset::parse(inner.as_bytes(), "s/t.json").unwrap();
    let (inner_root, _) = tree.graft_external(root, 0, &raw, "s/t.json").unwrap();
    let leaf = tree.children(inner_root.index).next().unwrap();
    let levels = tree.metadata_of(tree.id_at(leaf).unwrap(), Some(0));
    assert_eq!(
        lines(&levels),
        [
            "Tileset county: ",
            "Tile village: ",
            "Group group: ",
            "Content survey: ",
            "Tileset flight: ",
            "Tile tile: "
        ]
    );
    let uris: Vec<&str> = levels.iter().map(|level| &*level.tileset_uri).collect();
    assert_eq!(uris, ["t.json", "t.json", "t.json", "t.json", "s/t.json", "s/t.json"]);
}

/// Streams a tileset until something is drawn. `None` for a file: it cannot be had.
fn stream(root: &str, file: impl Fn(&str) -> Option<Bytes>) -> (Streamer, Vec<ContentId>) {
    let mut streamer = Streamer::new(StreamerSettings::default());
    let id = streamer.add_tileset(root);
    for frame in 0..200u64 {
        let view = streamer.bounding_volume(id).map(|volume| {
            let sphere = volume.bounding_sphere();
            let frame = WorldFrame::of_center(sphere.center);
            let pose = CameraPose::looking_at(sphere.center, 0.0, -0.8, 3.0 * sphere.radius, frame);
            let (forward, _, up) = pose.axes_in_world(frame);
            View {
                eye_in_world: pose.eye_in_world,
                forward_in_world: forward,
                frustum_in_world: Frustum::perspective(pose.eye_in_world, forward, up, 1.0, 0.6, 0.1),
                viewport_height_px: 720.0,
                vertical_fov_rad: 0.6,
                max_screen_space_error_px: 16.0,
                weight: 1.0,
            }
        });
        let plan = streamer.update(view.as_slice(), Duration::from_millis(16 * frame)).clone();
        if view.is_some() && plan.stats.settled && !plan.draw.is_empty() {
            return (streamer, plan.draw.iter().map(|d| d.content).collect());
        }
        for order in plan.fetch {
            let message = format!("{} is missing", order.uri);
            let kind = FailureKind::Final;
            let missing = FetchFailure { kind, retry_after: None, message };
            streamer.accept(Input::Fetched(order.id, file(&order.uri).ok_or(missing)));
        }
        for order in plan.decode {
            let context = scene::content::DecodeContext {
                resources: order.resources,
                budget_bytes: order.budget_bytes,
                gltf_up_axis: order.gltf_up_axis,
                ..crate::support::context(&order.uri)
            };
            let cost = scene::content::decode(&order.bytes, &context).map(|(content, _)| content.cost());
            streamer.accept(Input::Decoded(order.id, cost.map_err(|error| error.to_string())));
        }
        for id in plan.upload {
            streamer.accept(Input::Uploaded(id));
        }
    }
    panic!("nothing is drawn: {:?} {:?}", streamer.plan().stats, streamer.warnings());
}

#[test]
fn a_schema_of_its_own_file_is_fetched_before_tiles_are_shown() {
    let Some(data) = data("tiles/cesium-native/Cesium3DTilesSelection/test/data/MaterialVariants") else {
        return;
    };
    let file = |uri: &str| std::fs::read(data.join(uri)).ok().map(Bytes::from);
    let (streamer, drawn) = stream("tileset-external-schema.json", file);
    let levels = streamer.metadata_of(drawn[0]);
    let variants = |level: &MetadataLevel| {
        let (name, value) = &level.properties[0];
        assert_eq!(name, "material_variants");
        let items = value.as_array().unwrap();
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(levels[0].of, MetadataOf::Tileset);
    assert_eq!(variants(&levels[0]), "RGB RRR GGG BBB");
    let has_schema = |streamer: &Streamer| {
        let (tile, _) = streamer.content(streamer.plan().draw[0].content).unwrap();
        streamer.tree().get(tile).unwrap().tileset().unwrap().schema.is_some()
    };
    assert!(has_schema(&streamer));
    assert_eq!(streamer.warnings(), []);

    // Without the schema the tiles are shown all the same, and the values are as they are written.
    let without = |uri: &str| if uri == "schema.json" { None } else { file(uri) };
    let (streamer, drawn) = stream("tileset-external-schema.json", without);
    let levels = streamer.metadata_of(drawn[0]);
    assert_eq!(
        (levels[0].class.as_str(), variants(&levels[0]).as_str()),
        ("MaterialVariants", "RGB RRR GGG BBB")
    );
    assert!(!has_schema(&streamer));
    assert_eq!(streamer.warnings().len(), 1);
    // One that is no JSON is told of.
    let broken = |uri: &str| if uri == "schema.json" { Some(Bytes::from_static(b"{")) } else { file(uri) };
    let (streamer, _) = stream("tileset-external-schema.json", broken);
    assert!(streamer.warnings()[0].reason.contains("no schema"));
}

#[test]
fn schema_references_are_found_without_reading_the_rest() {
    let reference = |text: &str| RawTileset::schema_reference(text.as_bytes(), "a/t.json");
    assert_eq!(reference(r#"{"schemaUri":"s.json?v=1","root":{}}"#).as_deref(), Some("a/s.json?v=1"));
    assert_eq!(
        reference(r#"{"extensions":{"3DTILES_metadata":{"schemaUri":"../s.json"}}}"#).as_deref(),
        Some("s.json")
    );
    for none in [
        r#"{"root":{"extras":{"schemaUri":"s.json"}}}"#,
        r#"{"schema":{},"schemaUri":"s.json"}"#,
        r#"{"schemaUri":7}"#,
        r#"{"schemaUri":"#,
        "{}",
    ] {
        assert_eq!(reference(none), None, "{none}");
    }
}
