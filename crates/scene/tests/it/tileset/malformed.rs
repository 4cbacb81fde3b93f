//! Files that are nearly or not at all right.

use geodesy::glam::DMat4;
use proptest::prelude::*;
use scene::{
    content::ContentErrorKind,
    tileset::{
        RawTileset, Refine, Subtree, Tree, TreeLimits,
        implicit::{SubdivisionScheme, SubtreeShape},
    },
};

/// Several hundred files with one defect each, and whole other formats.
#[test]
fn every_json_and_subtree_at_hand_is_survived() {
    let Some(data) = super::data() else { return };
    let mut verdicts = [0; 4];
    for path in crate::support::files(&data, &["json", "subtree", "b3dm", "glb", "3tz"]) {
        let bytes = bytes::Bytes::from(std::fs::read(&path).unwrap());
        let name = path.to_str().unwrap();
        match RawTileset::parse(&bytes, name) {
            Err(_) => verdicts[0] += 1,
            Ok((raw, _)) => {
                let mut tree = Tree::new(TreeLimits::default());
                match tree.add_root(&raw, name, &DMat4::IDENTITY) {
                    Err(_) => verdicts[1] += 1,
                    Ok((root, _)) => {
                        verdicts[2] += 1;
                        assert_eq!(tree.len(), tree.remove_root(root).len(), "{name}");
                    }
                }
            }
        }
        let shape = SubtreeShape { scheme: SubdivisionScheme::Octree, levels: 3, content_count: 2 };
        let resources = std::collections::HashMap::new();
        verdicts[3] += u32::from(Subtree::parse(&bytes, name, &shape, &resources).is_ok());
    }
    println!("{verdicts:?}: no tileset, unusable, built; subtrees");
    assert!(verdicts.iter().all(|&n| n > 5), "{verdicts:?}");
}

/// Warnings of parsing and building as `place: reason`.
fn build(json: &str) -> (Tree, Vec<String>) {
    let (raw, mut warnings) = RawTileset::parse(json.as_bytes(), "t.json").unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    warnings.extend(tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap().1);
    (tree, warnings.into_iter().map(|w| format!("{}: {}", w.place, w.reason)).collect())
}

#[test]
fn tolerable_sins_are_mended_with_a_warning() {
    let json = "\u{feff}".to_owned()
        + r#"{ "asset": {"version": "1.0", "gltfUpAxis": "z"}, "extras": null, "geometricError": "70",
        "extensionsRequired": ["VENDOR_secret", "3DTILES_content_gltf"],
        "root": {
            "transform": null, "refine": "add", "geometricError": -1,
            "boundingVolume": {"box": [0,0,0, 10,0,0, 0,10,0, 0,0,10], "sphere": [0,0,0,1]},
            "content": {"url": "a.b3dm"},
            "children": [
                null,
                {"boundingVolume": {"region": [0.1, 0.4, 0.2, 0.3, 10, 0]}, "geometricError": 5, "children": null},
                {"boundingVolume": {"sphere": [0, 0, 0, -2]}, "geometricError": 0, "refine": "both", "content": {}},
                {"boundingVolume": {"box": [1, 2, 3]}, "children": [{"content": {"uri": "x.b3dm"}, "transform": [1]}]}
            ]
        }}"#;
    let (tree, warnings) = build(&json);
    for expected in [
        "byte 0: byte order mark",
        "/extras: null",
        "/geometricError: a number written as a string",
        "/extensionsRequired: VENDOR_secret",
        "/root/transform: null",
        "/root/refine: \"add\" should be in upper case",
        "/root/geometricError: geometric error -1 is negative",
        "/root/boundingVolume: more than one bounding volume",
        "/root/content/url: `url` should be `uri`",
        "/root/children/0: not a tile",
        "/root/children/1/boundingVolume/region: angles out of range or limits in the wrong order",
        "/root/children/1/children: null",
        "/root/children/1: geometric error 5 m is greater than its parent's 0 m",
        "/root/children/2/boundingVolume/sphere: negative radius",
        "/root/children/2/refine: \"both\" is neither",
        "/root/children/2/content: a content without `uri`",
        "/root/children/3/boundingVolume/box: 3 numbers where 12 are expected",
        "/root/children/3: no usable bounding volume; its parent's is used",
        "/root/children/3: no geometric error; half its parent's",
        "/root/children/3/children/0/transform: 1 numbers where 16 are expected",
    ] {
        assert!(warnings.iter().any(|w| w.starts_with(expected)), "{expected} is missing in {warnings:#?}");
    }
    assert_eq!(tree.len(), 5);
    assert_eq!(tree.get(tree.roots()[0]).unwrap().refine(), Refine::Add);
    assert_eq!(&*tree.get(tree.roots()[0]).unwrap().contents()[0].uri, "a.b3dm");
}

#[test]
fn extensions_of_1_0_are_read() {
    let (raw, warnings) = RawTileset::parse(
        br#"{"asset":{"version":"1.0"},"extensions":{"3DTILES_metadata":{"schema":{"id":"s"},"groups":{"a":{"class":"g"},"b":{"class":"g"}}}},
        "root":{"boundingVolume":{"extensions":{"3DTILES_bounding_volume_S2":{"token":"3","minimumHeight":0,"maximumHeight":1000}}},
        "geometricError":1,"refine":"ADD","extensions":{
            "3DTILES_implicit_tiling":{"subdivisionScheme":"QUADTREE","subtreeLevels":2,"maximumLevel":3,"subtrees":{"uri":"s/{level}.{x}.{y}.json"}},
            "3DTILES_multiple_contents":{"content":[{"uri":"a"},{"uri":"b","extensions":{"3DTILES_metadata":{"group":"b"}}}]}}}}"#,
        "t.json",
    )
    .unwrap();
    assert_eq!(warnings, vec![]);
    let tile = &raw.tiles[0];
    assert_eq!(tile.implicit_tiling.as_ref().unwrap().available_levels, 4);
    assert_eq!(tile.contents.iter().map(|c| c.group).collect::<Vec<_>>(), [None, Some(1)]);
    assert_eq!(raw.schema.unwrap()["id"], "s");
}

#[test]
fn hopeless_files_are_refused_with_a_place() {
    for (json, kind, place) in [
        ("", ContentErrorKind::Truncated, "byte 0"),
        ("[]", ContentErrorKind::Invalid, "byte 0"),
        ("{}", ContentErrorKind::Invalid, "/root"),
        (r#"{"root":null}"#, ContentErrorKind::Invalid, "/root"),
        (r#"{"root":{"refine":"ADD",}}"#, ContentErrorKind::Invalid, "byte 24"),
        (r#"{"root":{"children":[{},]}}"#, ContentErrorKind::Invalid, "byte 24"),
        (r#"{"root":{"geometricError":NaN}}"#, ContentErrorKind::Invalid, "byte 27"),
        (r#"{"root":{"children":[{"#, ContentErrorKind::Truncated, "byte 22"),
        (r#"{"root":{}} x"#, ContentErrorKind::Invalid, "byte 12"),
        (r#"{"root":{} "x":1}"#, ContentErrorKind::Invalid, "byte 11"),
    ] {
        let error = RawTileset::parse(json.as_bytes(), "t.json").unwrap_err();
        assert_eq!((error.kind, error.place.as_str()), (kind, place), "{json}: {error}");
    }
    let (raw, _) = RawTileset::parse(br#"{"root":{}}"#, "t.json").unwrap();
    assert!(Tree::new(TreeLimits::default()).add_root(&raw, "t.json", &DMat4::IDENTITY).is_err());
}

#[test]
fn depth_is_limited_by_choice_not_by_the_stack() {
    let nested = |levels: usize| {
        let open = r#"{"boundingVolume":{"sphere":[0,0,0,1]},"children":["#.repeat(levels - 1);
        let close = "]}".repeat(levels - 1);
        format!(r#"{{"asset":{{"version":"1.1"}},"root":{open}{{}}{close}}}"#)
    };
    let (tree, _) = build(&nested(4096));
    assert_eq!(tree.len(), 4096);
    let error = RawTileset::parse(nested(4097).as_bytes(), "t.json").unwrap_err();
    assert_eq!(error.kind, ContentErrorKind::OverBudget);
    // Values inside a tile may be deep too: they are skipped.
    let json = format!(
        r#"{{"root":{{"boundingVolume":{{"sphere":[0,0,0,1]}},"extras":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let (tree, warnings) = build(&json);
    assert!(tree.get(tree.roots()[0]).unwrap().extras().is_none());
    assert!(warnings.iter().any(|w| w.starts_with("/root/extras: recursion limit exceeded")), "{warnings:?}");
}

#[test]
fn warnings_do_not_flood() {
    let children = vec![r#"{"transform":null}"#; 5000].join(",");
    let (_, warnings) =
        build(&format!(r#"{{"root":{{"boundingVolume":{{"sphere":[0,0,0,1]}},"children":[{children}]}}}}"#));
    assert!(warnings.len() < 2100, "{}", warnings.len());
    assert!(warnings.iter().any(|w| w.contains("more problems are not listed")));
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z{}/.]{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["ADD", "replace", "QUADTREE", "OCTREE", "a.json", "1.5", "3"])
            .prop_map(Value::from),
        prop::collection::vec(-100.0..100.0f64, 12).prop_map(Value::from),
        prop::collection::vec(any::<f64>(), 16).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = prop::sample::select(vec![
            "root",
            "children",
            "content",
            "contents",
            "uri",
            "url",
            "boundingVolume",
            "box",
            "sphere",
            "region",
            "transform",
            "geometricError",
            "refine",
            "implicitTiling",
            "subdivisionScheme",
            "subtreeLevels",
            "availableLevels",
            "subtrees",
            "extensions",
            "3DTILES_bounding_volume_S2",
            "token",
            "minimumHeight",
            "maximumHeight",
            "3DTILES_metadata",
            "groups",
            "group",
            "viewerRequestVolume",
            "asset",
            "version",
            "metadata",
            "extras",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(value in json_value(), root in json_value()) {
        let mut whole = value;
        if let Some(members) = whole.as_object_mut() {
            members.insert("root".into(), root);
        }
        if let Ok((raw, _)) = RawTileset::parse(whole.to_string().as_bytes(), "t.json") {
            let mut tree = Tree::new(TreeLimits::default());
            if let Ok((root, _)) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY) {
                prop_assert_eq!(tree.slot_count(), tree.len());
                for index in 0..tree.slot_count() as u32 {
                    let tile = tree.tile(index).unwrap();
                    prop_assert!(tile.volume().center().is_finite());
                    prop_assert!(tile.geometric_error() >= 0.0);
                    prop_assert!(tile.world_from_tile().is_finite());
                }
                let count = tree.len();
                prop_assert_eq!(tree.remove_root(root).len(), count);
                prop_assert!(tree.is_empty());
            }
        }
    }

    #[test]
    fn cut_and_garbled_json_never_panics(cut in 0usize..400, at in 0usize..400, byte in any::<u8>()) {
        let mut json = br#"{"asset":{"version":"1.1"},"geometricError":9,"root":{"boundingVolume":{"box":[0,0,0,1,0,0,0,1,0,0,0,1]},
            "geometricError":4,"refine":"ADD","children":[{"boundingVolume":{"region":[0,0,1,1,0,9]},"geometricError":1,
            "content":{"uri":"a.glb"}},{"boundingVolume":{"sphere":[0,0,0,1]},"geometricError":0}]}}"#.to_vec();
        if let Some(target) = json.get_mut(at) {
            *target = byte;
        }
        json.truncate(cut);
        if let Ok((raw, _)) = RawTileset::parse(&json, "t.json") {
            let _ = Tree::new(TreeLimits::default()).add_root(&raw, "t.json", &DMat4::IDENTITY);
        }
    }
}
