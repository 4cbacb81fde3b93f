//! Defects that the sample data does not have, limits, and the figures of the summary.

use scene::inspect::{self, Options, Report, Severity, Verdict};
use serde_json::json;

use super::{Made, error_places, open};
use crate::support::data;

fn tileset(root: serde_json::Value) -> Vec<u8> {
    json!({ "asset": { "version": "1.1" }, "geometricError": 10, "root": root }).to_string().into_bytes()
}

fn tile(extra: serde_json::Value) -> serde_json::Value {
    let mut tile = json!({
        "boundingVolume": { "box": [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1] }, "geometricError": 5, "refine": "REPLACE"
    });
    tile.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    tile
}

fn inspect_made(mut files: Made) -> Report {
    inspect::inspect_tileset("tileset.json", &mut files, &Options::default())
}

fn warnings(report: &Report) -> Vec<String> {
    report.problems.iter().filter(|p| p.severity == Severity::Warning).map(|p| p.place.clone()).collect()
}

#[test]
fn repeated_keys_are_errors_with_their_place() {
    let text = r#"{ "asset": { "version": "1.1" }, "geometricError": 1,
        "root": { "boundingVolume": { "sphere": [0, 0, 0, 1], "sphere": [0, 0, 0, 2] }, "geometricError": 0, "refine": "ADD" } }"#;
    let report = inspect_made(Made::default().with("tileset.json", text));
    assert_eq!(error_places(&report), ["tileset.json /root/boundingVolume/sphere"]);
}

#[test]
fn nulls_read_as_absent_with_a_warning() {
    let report =
        inspect_made(Made::default().with("tileset.json", tileset(tile(json!({ "transform": null })))));
    assert_eq!(report.verdict(), Verdict::Valid);
    assert_eq!(warnings(&report), ["/root/transform"]);
    let report =
        inspect_made(Made::default().with("tileset.json", tileset(tile(json!({ "boundingVolume": null })))));
    assert_eq!(error_places(&report), ["tileset.json /root/boundingVolume"]);
}

#[test]
fn a_broken_file_deep_below_is_named_with_its_own_place() {
    let outer = tileset(tile(json!({ "content": { "uri": "below/inner.json" } })));
    let inner = tileset(tile(json!({ "content": { "uri": "../tile.b3dm" } })));
    let files = Made::default()
        .with("tileset.json", outer)
        .with("below/inner.json", inner)
        .with("tile.b3dm", "b3dm\x01\0\0\0");
    let report = inspect_made(files);
    assert_eq!(error_places(&report), ["tile.b3dm byte 0"]);
    assert_eq!((report.summary.tiles, report.summary.external_tilesets), (2, 1));
}

#[test]
fn what_is_shared_is_inspected_once() {
    let leaf = tileset(tile(json!({ "geometricError": -1 })));
    let child = tile(json!({ "content": { "uri": "leaf.json" } }));
    let root = tileset(tile(json!({ "children": [child, child, child] })));
    let report = inspect_made(Made::default().with("tileset.json", root).with("leaf.json", leaf));
    assert_eq!(error_places(&report), ["leaf.json /root/geometricError"]);
    assert_eq!(report.summary.external_tilesets, 1);
}

#[test]
fn composites_that_hold_themselves_come_to_an_end() {
    let mut bytes = b"pnts".to_vec();
    for _ in 0..200 {
        let mut outer = b"cmpt\x01\0\0\0".to_vec();
        outer.extend((bytes.len() as u32 + 16).to_le_bytes());
        outer.extend(1u32.to_le_bytes());
        outer.extend(&bytes);
        bytes = outer;
    }
    let mut files = Made::default().with("a.cmpt", bytes);
    let report = inspect::inspect_content("a.cmpt", &mut files, &Options::default());
    assert_eq!(report.verdict(), Verdict::Invalid);
}

#[test]
fn limits_are_kept_and_said() {
    let children: Vec<_> = (0..50).map(|_| tile(json!({ "geometricError": -1 }))).collect();
    let mut files = Made::default().with("tileset.json", tileset(tile(json!({ "children": children }))));
    let few_problems = Options { max_problems: 10, ..Options::default() };
    let report = inspect::inspect_tileset("tileset.json", &mut files, &few_problems);
    assert_eq!((report.problems.len(), report.count(Severity::Error)), (10, 50));
    assert!(report.to_string().contains("40 problems not listed"));
    let few_tiles = Options { max_tiles: 5, ..Options::default() };
    let report = inspect::inspect_tileset("tileset.json", &mut files, &few_tiles);
    assert_eq!(report.summary.tiles, 5);
    assert!(report.count(Severity::NotChecked) > 0);
    let small_files = Options { max_file_bytes: 10, ..Options::default() };
    let report = inspect::inspect_tileset("tileset.json", &mut files, &small_files);
    assert_eq!((report.verdict(), report.problems.len()), (Verdict::NotChecked, 1));
}

/// Accessors that claim more than there is, or steps of no length, must not be walked.
#[test]
fn claims_of_a_gltf_are_not_believed() {
    let huge = 1u64 << 60;
    for (stride, offset) in [(0, 0), (4, 0), (16, huge), (252, 8)] {
        let accessor = json!({ "bufferView": 0, "byteOffset": offset, "componentType": 5126, "type": "VEC3", "count": huge });
        let asset = json!({
            "asset": { "version": "2.0" },
            "buffers": [{ "byteLength": 16, "uri": "data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAAAAAA==" }],
            "bufferViews": [{ "buffer": 0, "byteLength": 16, "byteStride": stride }],
            "accessors": [accessor],
            "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "NORMAL": 0 }, "indices": 0 }] }],
        });
        let mut files = Made::default().with("a.gltf", asset.to_string());
        let report = inspect::inspect_content("a.gltf", &mut files, &Options::default());
        assert!(error_places(&report).iter().any(|p| p.starts_with("a.gltf /accessors/0")), "{report}");
    }
}

/// The figures of many claims together stay numbers.
#[test]
fn claims_are_summed_without_overflow() {
    let huge = u64::MAX - 1;
    let primitive = |mode: u32| json!({ "attributes": { "POSITION": 0 }, "mode": mode });
    let primitives: Vec<_> = [0, 0, 4, 4, 4, 4, 5, 5].into_iter().map(primitive).collect();
    let asset = json!({
        "asset": { "version": "2.0" },
        "accessors": [{ "componentType": 5126, "type": "VEC3", "count": huge, "min": [0, 0, 0], "max": [0, 0, 0] }],
        "meshes": [{ "primitives": primitives }],
    });
    let mut files = Made::default().with("a.gltf", asset.to_string());
    let report = inspect::inspect_content("a.gltf", &mut files, &Options::default());
    assert_eq!((report.summary.total().points, report.summary.total().triangles), (u64::MAX, u64::MAX));
}

#[test]
fn a_node_that_is_its_own_ancestor_is_found() {
    let asset = json!({
        "asset": { "version": "2.0" }, "nodes": [{ "children": [1] }, { "children": [2] }, { "children": [0] }, {}]
    });
    let mut files = Made::default().with("a.gltf", asset.to_string());
    let report = inspect::inspect_content("a.gltf", &mut files, &Options::default());
    assert!(report.problems.iter().any(|p| p.reason.contains("its own ancestor")), "{report}");
    let fine = json!({ "asset": { "version": "2.0" }, "nodes": [{ "children": [1, 2] }, {}, { "children": [3] }, {}] });
    let mut files = Made::default().with("a.gltf", fine.to_string());
    assert_eq!(inspect::inspect_content("a.gltf", &mut files, &Options::default()).verdict(), Verdict::Valid);
}

#[test]
fn what_is_said_of_long_names_is_short() {
    let name = "n".repeat(100_000);
    let root = tile(json!({ "refine": name, "content": { "uri": name } }));
    let report = inspect_made(Made::default().with("tileset.json", tileset(root)));
    assert!(
        report.problems.len() >= 2
            && report.problems.iter().all(|p| p.reason.len() < 1_000 && p.file.len() < 1_000)
    );
}

/// A subtree in which everything is available, of as many levels as a u32 can say.
#[test]
fn endless_subtrees_come_to_an_end() {
    let tiling = json!({
        "subdivisionScheme": "OCTREE", "subtreeLevels": 60, "availableLevels": 4_000_000_000u32,
        "subtrees": { "uri": "{level}.{x}.{y}.{z}.json" }
    });
    let all = json!({ "constant": 1 });
    let subtree =
        json!({ "tileAvailability": all, "contentAvailability": [all], "childSubtreeAvailability": all });
    let root = tile(json!({ "implicitTiling": tiling, "content": { "uri": "{level}.{x}.{y}.{z}.glb" } }));
    let options = Options { max_tiles: 1_000, max_files: 1_000, ..Options::default() };
    for levels in [1, 3, 60] {
        let mut root = root.clone();
        root["implicitTiling"]["subtreeLevels"] = levels.into();
        let document = tileset(root);
        let mut read = |uri: &str| {
            let text =
                if uri == "tileset.json" { document.clone() } else { subtree.to_string().into_bytes() };
            Ok(bytes::Bytes::from(text))
        };
        let report = inspect::inspect_tileset("tileset.json", &mut read, &options);
        assert!(
            report.count(Severity::NotChecked) + report.count(Severity::Error) > 0,
            "{levels} levels: {report}"
        );
        assert!(report.summary.tiles <= 1_000);
    }
}

#[test]
fn absolute_addresses_are_not_followed() {
    for address in ["https://example.com/a.b3dm", "file:///etc/passwd", "//example.com/a"] {
        let root = tile(json!({ "content": { "uri": address } }));
        let mut read = |uri: &str| match uri {
            "tileset.json" => Ok(bytes::Bytes::from(tileset(root.clone()))),
            other => panic!("asked for {other}"),
        };
        let report = inspect::inspect_tileset("tileset.json", &mut read, &Options::default());
        assert_eq!(warnings(&report), ["/root/content/uri"], "{address}");
    }
}

/// Triangles and levels as `../shared/data/README.md` states them.
#[test]
fn the_summary_of_real_tilesets_is_right() {
    let Some(root) = data("tiles") else { return };
    let summary = |file: &str| {
        let (mut files, uri) = open(&root, file).unwrap();
        inspect::inspect_tileset(&uri, &mut files, &Options::default()).summary
    };
    let dingo = summary("dingo-gap/example/public/data/tileset.json");
    assert_eq!(dingo.levels.iter().map(|l| l.tiles).collect::<Vec<_>>(), [1, 4, 16, 64, 208]);
    assert_eq!(dingo.contents["b3dm"].files, 293);
    assert_eq!(dingo.total().triangles, 298_357);
    let [_, coarsest] = dingo.levels[0].geometric_error_m.unwrap();
    assert!((coarsest - 30.3).abs() < 0.1, "{coarsest}");
    assert_eq!(dingo.extent.unwrap().region_deg_m, None);
    let town = summary("guangdong/Tile_+000_+000/tileset.json");
    assert_eq!((town.tiles, town.levels.len(), town.total().triangles), (36, 5, 117_387));
    let [west, south, east, north, low, high] = town.extent.unwrap().region_deg_m.unwrap();
    assert!(west < 113.0599 && 113.0599 < east && south < 22.6433 && 22.6433 < north && low < high);
    let implicit = summary("3d-tiles-samples/1.1/SparseImplicitQuadtree/tileset.json");
    assert_eq!((implicit.tiles, implicit.levels.len(), implicit.subtrees), (63, 6, 9));
    assert_eq!(implicit.contents["glb"].files, 32);
}

#[test]
fn the_report_reads_as_text_and_as_json() {
    let report =
        inspect_made(Made::default().with("tileset.json", tileset(tile(json!({ "geometricError": -1 })))));
    let text = report.to_string();
    assert!(
        text.contains("error: tileset.json at /root/geometricError: must be at least 0, but is -1"),
        "{text}"
    );
    assert!(text.ends_with("invalid: 1 errors, 0 warnings, 0 not checked"), "{text}");
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["problems"][0]["severity"], "error");
    assert_eq!(value["counts"]["error"], 1);
    assert_eq!(value["summary"]["tiles"], 1);
}
