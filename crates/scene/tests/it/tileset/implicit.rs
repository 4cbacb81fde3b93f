//! Implicit tiling. The figures were counted with a few lines of Python over the subtree files.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use bytes::Bytes;
use geodesy::{BoundingVolume, glam::DMat4};
use proptest::prelude::*;
use scene::metadata::Value;
use scene::tileset::{
    GraftError, RawTileset, Refine, Subtree, TileKind, Tree, TreeLimits,
    implicit::{SubdivisionScheme, SubtreeShape},
};

use super::{data, levels, open};

/// Fetches and grafts every subtree there is.
fn load_all(tree: &mut Tree, folder: &Path) -> (usize, Vec<String>) {
    let (mut loaded, mut warnings) = (0, Vec::new());
    loop {
        let next = (0..tree.slot_count() as u32)
            .filter_map(|i| tree.tile(i))
            .find(|t| matches!(t.kind(), TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder));
        let Some(tile) = next else { return (loaded, warnings) };
        let (id, uri) = (tile.id(), tile.subtree_uri().unwrap().to_string());
        let bytes = Bytes::from(std::fs::read(folder.join(&uri)).unwrap());
        let resources: HashMap<String, Bytes> = Subtree::references(&bytes, &uri)
            .unwrap()
            .into_iter()
            .map(|r| (r.clone(), Bytes::from(std::fs::read(folder.join(&r)).unwrap())))
            .collect();
        let shape = tree.subtree_shape(id).unwrap();
        let (subtree, found) = Subtree::parse(&bytes, &uri, &shape, &resources).unwrap();
        warnings.extend(found.into_iter().map(|w| format!("{} {}: {}", w.file, w.place, w.reason)));
        let found = tree.graft_subtree(id, &subtree).unwrap();
        warnings.extend(found.into_iter().map(|w| format!("{} {}: {}", w.file, w.place, w.reason)));
        loaded += 1;
    }
}

fn content_uris(tree: &Tree) -> BTreeSet<String> {
    let tiles = (0..tree.slot_count() as u32).filter_map(|i| tree.tile(i));
    tiles.flat_map(|t| t.contents()).map(|c| c.uri.to_string()).collect()
}

fn content_files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder.join("content")).unwrap();
    entries.map(|e| format!("content/{}", e.unwrap().file_name().to_str().unwrap())).collect()
}

#[test]
fn sparse_trees_have_exactly_the_contents_on_disk() {
    let Some(data) = data() else { return };
    for (name, subtrees, tiles, contents) in [
        ("SparseImplicitQuadtree", 9, [1, 2, 4, 8, 16, 32], vec![0, 0, 0, 0, 0, 32]),
        ("SparseImplicitOctree", 13, [1, 5, 8, 12, 16, 16], vec![0, 1, 2, 4, 8, 16]),
    ] {
        let folder = data.join("3d-tiles-samples/1.1").join(name);
        let (mut tree, warnings) = open(&folder.join("tileset.json"));
        assert_eq!(warnings, vec![]);
        let before = (tree.len(), tree.bytes());
        let root = tree.roots()[0];
        for _ in 0..2 {
            assert_eq!(tree.get(root).unwrap().kind(), TileKind::ImplicitRoot);
            let (loaded, warnings) = load_all(&mut tree, &folder);
            assert_eq!((loaded, warnings), (subtrees, vec![]), "{name}");
            assert_eq!(levels(&tree), (tiles.iter().sum(), contents.clone()), "{name}");
            assert_eq!(content_uris(&tree), content_files(&folder), "{name}");
            for index in 0..tree.slot_count() as u32 {
                let tile = tree.tile(index).unwrap();
                assert_eq!(tile.geometric_error(), 32.0 / f64::from(1 << tile.depth()));
                assert_eq!(tile.refine(), Refine::Add);
                if let Some(parent) = tile.parent().and_then(|p| tree.tile(p)) {
                    assert!(parent.volume().contains(tile.volume().center()), "{name} {index}");
                }
            }
            let gone = tree.ungraft(root);
            assert_eq!((gone.len() + 1, tree.len()), (tiles.iter().sum(), before.0));
            assert!(tree.get(root).unwrap().is_leaf());
        }
        assert!(tree.bytes() < before.1 + 64 * 1024);
    }
}

#[test]
fn a_placeholder_can_be_taken_off_and_grafted_again() {
    let Some(data) = data() else { return };
    let folder = data.join("3d-tiles-samples/1.1/SparseImplicitQuadtree");
    let (mut tree, _) = open(&folder.join("tileset.json"));
    load_all(&mut tree, &folder);
    let all = content_uris(&tree);
    let placeholder = (0..tree.slot_count() as u32)
        .filter_map(|i| tree.tile(i))
        .find(|t| t.implicit_coordinates().is_some_and(|c| c.level == 3))
        .unwrap();
    assert_eq!(placeholder.kind(), TileKind::Empty);
    let id = placeholder.id();
    assert_eq!(tree.ungraft(id).len(), 6, "2 and 4 tiles below");
    assert_eq!(tree.get(id).unwrap().kind(), TileKind::ImplicitPlaceholder);
    assert_eq!(content_uris(&tree).len(), all.len() - 4);
    assert_eq!(load_all(&mut tree, &folder).0, 1);
    assert_eq!(content_uris(&tree), all);
}

#[test]
fn json_subtrees_and_the_extension_of_1_0() {
    let Some(data) = data() else { return };
    let folder = data.join("cesium-native/Cesium3DTilesSelection/test/data/ImplicitTileset");
    for file in ["tileset_1.0.json", "tileset_1.1.json"] {
        let (mut tree, warnings) = open(&folder.join(file));
        assert_eq!(warnings, vec![], "{file}");
        assert_eq!(load_all(&mut tree, &folder), (1, vec![]), "{file}");
        assert_eq!(levels(&tree), (5, vec![1, 4]), "{file}");
        assert!(content_uris(&tree).contains("content/1/1/0.b3dm"), "{file}");
        let root = tree.get(tree.roots()[0]).unwrap();
        let BoundingVolume::Region(whole) = root.volume() else { panic!() };
        let children: Vec<_> = root.children().map(|i| tree.tile(i).unwrap()).collect();
        let BoundingVolume::Region(quarter) = children[1].volume() else { panic!() };
        assert_eq!(quarter.0.east, whole.0.east);
        assert_eq!(quarter.0.south, whole.0.south);
        assert!((quarter.0.west - (whole.0.west + whole.0.east) / 2.0).abs() < 1e-12);
    }
}

/// Verdicts as the names of the files say; what is only a warning there is one here.
#[test]
fn sample_subtrees_are_told_apart() {
    let Some(data) = data() else { return };
    let folder = data.join("validator/data/subtrees");
    let shape = SubtreeShape { scheme: SubdivisionScheme::Quadtree, levels: 3, content_count: 1 };
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with("json") && !name.ends_with("subtree") {
            continue;
        }
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let resources = Subtree::references(&bytes, &name)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|r| Some((r.clone(), Bytes::from(std::fs::read(folder.join(&r)).ok()?))))
            .collect();
        let result = Subtree::parse(&bytes, &name, &shape, &resources);
        seen += 1;
        if name.starts_with("valid") {
            let (subtree, warnings) = result.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(warnings, vec![], "{name}");
            assert!(subtree.available_tiles() > 0, "{name}");
        } else if name.contains("Missing.") || name.contains("TooSmall") || name.contains("Neither") {
            assert!(result.is_err() || name.contains("buffer"), "{name}: {result:?}");
        } else if name.contains("AvailableCount") || name.contains("TooLarge") || name.contains("AndConstant")
        {
            assert!(!result.unwrap_or_else(|e| panic!("{name}: {e}")).1.is_empty(), "{name}");
        }
    }
    assert!(seen > 30, "{seen}");
}

const TILESET: &str = r#"{"asset":{"version":"1.1"},
    "schema":{"id":"s","classes":{"t":{"properties":{
        "e":{"type":"SCALAR","componentType":"FLOAT32","semantic":"TILE_GEOMETRIC_ERROR"},
        "low":{"type":"SCALAR","componentType":"FLOAT64","semantic":"TILE_MINIMUM_HEIGHT"}}},
      "c":{"properties":{"b":{"type":"SCALAR","componentType":"FLOAT64","array":true,"count":6,"semantic":"CONTENT_BOUNDING_REGION"}}}}},
    "root":{"boundingVolume":{"region":[0,0,0.01,0.01,-100,900]},"geometricError":16,"refine":"REPLACE",
    "content":{"uri":"{level}-{x}-{y}.glb"},
    "implicitTiling":{"subdivisionScheme":"QUADTREE","subtreeLevels":2,"availableLevels":2,"subtrees":{"uri":"{level}.{x}.{y}.subtree"}}}}"#;

fn implicit_tree(limits: TreeLimits) -> (Tree, scene::streamer::TileId) {
    let (raw, _) = RawTileset::parse(TILESET.as_bytes(), "t.json").unwrap();
    let mut tree = Tree::new(limits);
    let (root, _) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
    (tree, root)
}

fn binary(json: &str, body: &[u8]) -> Bytes {
    let mut bytes = b"subt\x01\0\0\0".to_vec();
    bytes.extend((json.len() as u64).to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(json.as_bytes());
    bytes.extend(body);
    bytes.into()
}

#[test]
fn metadata_overrides_what_the_tiling_implies() {
    // Root, children 0 and 2; contents at child 2 only.
    let mut body = vec![0b01011, 0, 0, 0, 0b01000, 0, 0, 0];
    body.extend([7.0f32, 6.0, 5.0, 0.0].iter().flat_map(|v| v.to_le_bytes()));
    body.extend([-50.0f64, -40.0, 30.0].iter().flat_map(|v| v.to_le_bytes()));
    body.extend([0.001f64, 0.006, 0.002, 0.007, 1.0, 2.0].iter().flat_map(|v| v.to_le_bytes()));
    let json = r#"{"buffers":[{"byteLength":96}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":1},
        {"buffer":0,"byteOffset":4,"byteLength":1},{"buffer":0,"byteOffset":8,"byteLength":12},
        {"buffer":0,"byteOffset":24,"byteLength":24},{"buffer":0,"byteOffset":48,"byteLength":48}],
        "tileAvailability":{"bitstream":0,"availableCount":3},"contentAvailability":[{"bitstream":1}],
        "childSubtreeAvailability":{"constant":0},
        "propertyTables":[{"class":"t","count":3,"properties":{"e":{"values":2},"low":{"values":3}}},
            {"class":"c","count":1,"properties":{"b":{"values":4}}}],
        "tileMetadata":0,"contentMetadata":[1]}"#;
    let (mut tree, root) = implicit_tree(TreeLimits::default());
    let shape = tree.subtree_shape(root).unwrap();
    let (subtree, warnings) =
        Subtree::parse(&binary(json, &body), "0.0.0.subtree", &shape, &HashMap::new()).unwrap();
    assert_eq!(warnings, vec![]);
    assert_eq!(tree.graft_subtree(root, &subtree), Ok(vec![]));
    assert!(matches!(tree.graft_subtree(root, &subtree), Err(GraftError::AlreadyGrafted { .. })));

    let tile = tree.get(root).unwrap();
    assert_eq!((tile.kind(), tile.geometric_error()), (TileKind::Empty, 7.0));
    assert_eq!(tile.properties()[0], ("e".to_owned(), Value::Float(7.0)));
    let children: Vec<_> = tile.children().map(|i| tree.tile(i).unwrap()).collect();
    assert_eq!(children[1].properties()[1], ("low".to_owned(), Value::Float(30.0)));
    let Value::Array(numbers) = &children[1].content_properties(0)[0].1 else { panic!() };
    assert_eq!((numbers.len(), &numbers[4]), (6, &Value::Float(1.0)));
    let errors: Vec<_> = children.iter().map(|c| c.geometric_error()).collect();
    assert_eq!(errors, [6.0, 5.0]);
    let region = |volume: &BoundingVolume| match volume {
        BoundingVolume::Region(region) => region.0,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (region(children[0].volume()).min_height_m, region(children[0].volume()).max_height_m),
        (-40.0, 900.0)
    );
    assert_eq!(region(children[1].volume()).min_height_m, 30.0);
    assert_eq!(children[1].kind(), TileKind::Contents);
    assert_eq!(&*children[1].contents()[0].uri, "1-0-1.glb");
    assert_eq!(region(children[1].contents()[0].volume.as_deref().unwrap()).south, 0.006);
}

#[test]
fn metadata_moves_tiles_and_names_contents() {
    let tileset = r#"{"asset":{"version":"1.1"},"groups":[{"class":"g"},{"class":"h"}],
        "schema":{"id":"s","classes":{"g":{},"h":{},
          "t":{"properties":{"m":{"type":"MAT4","componentType":"FLOAT64","semantic":"TILE_TRANSFORM"}}},
          "c":{"properties":{"u":{"type":"STRING","semantic":"CONTENT_URI"},
            "g":{"type":"SCALAR","componentType":"UINT8","semantic":"CONTENT_GROUP_ID"}}}}},
        "root":{"boundingVolume":{"box":[0,0,0,8,0,0,0,8,0,0,0,8]},"geometricError":16,"refine":"REPLACE",
        "transform":[1,0,0,0, 0,1,0,0, 0,0,1,0, 1000,0,0,1],"content":{"uri":"c/{level}-{x}-{y}.glb","group":0},
        "implicitTiling":{"subdivisionScheme":"QUADTREE","subtreeLevels":2,"availableLevels":4,"subtrees":{"uri":"{level}.{x}.{y}.subtree"}}}}"#;
    let (raw, warnings) = RawTileset::parse(tileset.as_bytes(), "d/t.json").unwrap();
    assert_eq!(warnings, vec![]);
    let mut tree = Tree::new(TreeLimits::default());
    let (root, _) = tree.add_root(&raw, "d/t.json", &DMat4::IDENTITY).unwrap();
    // The root moves up by 100 m and doubles; child 0 moves another 10 m, child 1 stays. Contents at both children.
    let mut body = vec![0b00111, 0, 0, 0, 0b00110, 0, 0, 0];
    let matrix = |scale: f64, z: f64| {
        let m = DMat4::from_scale_rotation_translation(
            geodesy::glam::DVec3::splat(scale),
            geodesy::glam::DQuat::IDENTITY,
            geodesy::glam::DVec3::new(0.0, 0.0, z),
        );
        m.to_cols_array().into_iter().flat_map(f64::to_le_bytes).collect::<Vec<u8>>()
    };
    for m in [matrix(2.0, 100.0), matrix(1.0, 10.0), matrix(1.0, 0.0)] {
        body.extend(m);
    }
    let texts = b"../own.b3dm";
    let (text_at, offset_at) = (body.len(), body.len() + 16);
    body.extend(texts);
    body.resize(offset_at, 0);
    body.extend([0u32, 11, 11].into_iter().flat_map(u32::to_le_bytes));
    body.extend([1, 0, 0, 0]);
    let json = format!(
        r#"{{"buffers":[{{"byteLength":{0}}}],"bufferViews":[{{"buffer":0,"byteOffset":0,"byteLength":1}},
        {{"buffer":0,"byteOffset":4,"byteLength":1}},{{"buffer":0,"byteOffset":8,"byteLength":384}},
        {{"buffer":0,"byteOffset":{text_at},"byteLength":11}},{{"buffer":0,"byteOffset":{offset_at},"byteLength":12}},
        {{"buffer":0,"byteOffset":{1},"byteLength":2}}],
        "tileAvailability":{{"bitstream":0}},"contentAvailability":[{{"bitstream":1}}],
        "childSubtreeAvailability":{{"constant":1}},
        "propertyTables":[{{"class":"t","count":3,"properties":{{"m":{{"values":2}}}}}},
            {{"class":"c","count":2,"properties":{{"u":{{"values":3,"stringOffsets":4}},"g":{{"values":5}}}}}}],
        "tileMetadata":0,"contentMetadata":[1]}}"#,
        body.len(),
        offset_at + 12,
    );
    let shape = tree.subtree_shape(root).unwrap();
    let (subtree, warnings) =
        Subtree::parse(&binary(&json, &body), "0.0.0.subtree", &shape, &HashMap::new()).unwrap();
    assert_eq!(warnings, vec![]);
    // Twice: what a subtree says of its root tile must not add up.
    for _ in 0..2 {
        assert_eq!(tree.graft_subtree(root, &subtree), Ok(vec![]));
        let tile = tree.get(root).unwrap();
        let center = tile.volume().center();
        assert!((center - geodesy::glam::DVec3::new(1000.0, 0.0, 100.0)).length() < 1e-9, "{center}");
        assert_eq!(tile.volume().bounding_box().half_axes[0].length(), 16.0);
        assert_eq!(tile.geometric_error(), 32.0);
        let children: Vec<_> = tile.children().map(|i| tree.tile(i).unwrap()).collect();
        let centers: Vec<_> = children.iter().map(|c| c.volume().center().to_array()).collect();
        assert_eq!(centers, [[992.0, -8.0, 120.0], [1008.0, -8.0, 100.0]]);
        assert_eq!(children[0].world_from_tile().w_axis.to_array(), [1000.0, 0.0, 120.0, 1.0]);
        assert_eq!(children[0].geometric_error(), 16.0);
        let contents: Vec<_> = children.iter().map(|c| &c.contents()[0]).collect();
        assert_eq!((&*contents[0].uri, contents[0].group), ("own.b3dm", Some(1)), "relative to the tileset");
        assert_eq!((&*contents[1].uri, contents[1].group), ("d/c/1-1-0.glb", Some(0)));
        // Roots of child subtrees hang below what moved.
        let below: Vec<_> = children[0].children().map(|i| tree.tile(i).unwrap()).collect();
        assert_eq!(below.len(), 4);
        assert_eq!(below[0].volume().center().to_array(), [988.0, -12.0, 120.0]);
        tree.ungraft(root);
    }
}

#[test]
fn cylinders_bound_tiles_and_are_divided() {
    let tileset = r#"{"asset":{"version":"1.1"},"extensionsUsed":["3DTILES_bounding_volume_cylinder"],
        "extensionsRequired":["3DTILES_bounding_volume_cylinder"],
        "root":{"boundingVolume":{"extensions":{"3DTILES_bounding_volume_cylinder":{"minRadius":1,"maxRadius":3,"height":8,
          "minAngle":0,"maxAngle":3.1415926535897932,"translation":[10,0,0]}}},"geometricError":16,"refine":"ADD",
        "content":{"uri":"{level}-{x}-{y}-{z}.glb"},
        "implicitTiling":{"subdivisionScheme":"OCTREE","subtreeLevels":2,"availableLevels":2,"subtrees":{"uri":"s"}}}}"#;
    let (raw, warnings) = RawTileset::parse(tileset.as_bytes(), "t.json").unwrap();
    assert_eq!(warnings, vec![]);
    let mut tree = Tree::new(TreeLimits::default());
    let (root, warnings) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
    assert_eq!(warnings, vec![]);
    let shape = tree.subtree_shape(root).unwrap();
    let everything = r#"{"tileAvailability":{"constant":1},"contentAvailability":[{"constant":1}],
        "childSubtreeAvailability":{"constant":0}}"#;
    let (subtree, _) = Subtree::parse(&Bytes::from(everything), "s", &shape, &HashMap::new()).unwrap();
    assert_eq!(tree.graft_subtree(root, &subtree), Ok(vec![]));
    let root = tree.get(root).unwrap();
    let bounds = root.volume().bounding_box();
    assert!((bounds.center - geodesy::glam::DVec3::new(10.0, 1.5, 0.0)).length() < 1e-9, "{bounds:?}");
    let volumes: Vec<_> = root.children().map(|i| tree.tile(i).unwrap().volume().clone()).collect();
    assert_eq!(volumes.len(), 8);
    // x counts outwards, y counter-clockwise, z upwards: child 5 is the outer, first and upper one.
    let BoundingVolume::Cylinder(region) = &volumes[5] else { panic!("{:?}", volumes[5]) };
    assert_eq!((region.0.min_radius_m, region.0.max_radius_m), (2.0, 3.0));
    assert_eq!((region.0.min_angle_rad, region.0.max_angle_rad), (0.0, std::f64::consts::FRAC_PI_2));
    assert_eq!((region.0.min_height_m, region.0.max_height_m), (0.0, 4.0));
    for volume in &volumes {
        let sphere = volume.bounding_box();
        assert!(root.volume().contains(sphere.center));
    }
}

#[test]
fn claims_are_checked_before_memory_is_taken() {
    let everything = r#"{"tileAvailability":{"constant":1},"contentAvailability":[{"constant":1}],
        "childSubtreeAvailability":{"constant":1}}"#;
    let json = TILESET
        .replace("\"subtreeLevels\":2,\"availableLevels\":2", "\"subtreeLevels\":15,\"availableLevels\":30");
    let (raw, _) = RawTileset::parse(json.as_bytes(), "t.json").unwrap();
    let mut tree = Tree::new(TreeLimits::default());
    let (root, _) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
    let before = tree.bytes();
    let shape = tree.subtree_shape(root).unwrap();
    let (subtree, _) = Subtree::parse(&Bytes::from(everything), "s", &shape, &HashMap::new()).unwrap();
    assert_eq!(subtree.available_tiles(), 357_913_941);
    assert!(matches!(tree.graft_subtree(root, &subtree), Err(GraftError::OverBudget { what: "tiles", .. })));
    assert_eq!(tree.bytes(), before);

    let too_deep = json.replace("\"subtreeLevels\":15", "\"subtreeLevels\":16");
    let (raw, _) = RawTileset::parse(too_deep.as_bytes(), "t.json").unwrap();
    let (id, warnings) = tree.add_root(&raw, "u.json", &DMat4::IDENTITY).unwrap();
    assert_eq!(tree.get(id).unwrap().kind(), TileKind::Empty);
    assert!(warnings[0].reason.contains("16 levels"), "{warnings:?}");

    let huge = binary(
        r#"{"buffers":[{"byteLength":9007199254740991}],"bufferViews":[{"buffer":0,"byteOffset":9007199254740991,"byteLength":9007199254740991}],
        "tileAvailability":{"bitstream":0},"contentAvailability":[{"constant":0}],"childSubtreeAvailability":{"constant":0}}"#,
        &[],
    );
    assert!(Subtree::parse(&huge, "s", &shape, &HashMap::new()).is_err());
    let mut lying = b"subt\x01\0\0\0".to_vec();
    lying.extend([0xff; 16]);
    assert!(Subtree::parse(&lying.into(), "s", &shape, &HashMap::new()).is_err());
}

#[test]
fn orphans_are_counted_not_placed() {
    let json = r#"{"buffers":[{"byteLength":8}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":8}],
        "tileAvailability":{"bitstream":0},"contentAvailability":[{"constant":0}],"childSubtreeAvailability":{"constant":0}}"#;
    let shape = SubtreeShape { scheme: SubdivisionScheme::Quadtree, levels: 2, content_count: 1 };
    let (mut tree, root) = implicit_tree(TreeLimits::default());
    let file = binary(json, &[0b11110, 0, 0, 0, 0, 0, 0, 0]);
    let (subtree, warnings) = Subtree::parse(&file, "s", &shape, &HashMap::new()).unwrap();
    assert_eq!(warnings.len(), 1, "8 bytes for 5 bits: {warnings:?}");
    let warnings = tree.graft_subtree(root, &subtree).unwrap();
    assert!(
        warnings.iter().any(|w| w.reason.contains("4 available tiles have no available parent")),
        "{warnings:?}"
    );
    assert_eq!((tree.len(), tree.get(root).unwrap().kind()), (1, TileKind::Empty));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        header in any::<bool>(),
        json_len in 0u64..300,
        levels in 1u32..16,
        octree in any::<bool>(),
    ) {
        let mut file = Vec::new();
        if header {
            file.extend(b"subt\x01\0\0\0");
            file.extend(json_len.to_le_bytes());
            file.extend(u64::from(bytes.first().copied().unwrap_or(0)).to_le_bytes());
        }
        file.extend(bytes);
        let scheme = if octree { SubdivisionScheme::Octree } else { SubdivisionScheme::Quadtree };
        let shape = SubtreeShape { scheme, levels: levels.min(scheme.max_subtree_levels()), content_count: 2 };
        let file = Bytes::from(file);
        let _ = Subtree::references(&file, "s");
        let _ = Subtree::parse(&file, "s", &shape, &HashMap::new());
    }

    #[test]
    fn random_availability_gives_a_sound_tree(
        tiles in prop::collection::vec(any::<u8>(), 1),
        contents in prop::collection::vec(any::<u8>(), 1),
        children in prop::collection::vec(any::<u8>(), 2),
        garbled in prop::option::of((0usize..500, any::<u8>())),
    ) {
        let json = r#"{"buffers":[{"byteLength":8}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":1},
            {"buffer":0,"byteOffset":2,"byteLength":1},{"buffer":0,"byteOffset":4,"byteLength":2}],
            "tileAvailability":{"bitstream":0},"contentAvailability":[{"bitstream":1}],"childSubtreeAvailability":{"bitstream":2}}"#;
        let body = [tiles[0], 0, contents[0], 0, children[0], children[1], 0, 0];
        let mut file = binary(json, &body).to_vec();
        if let Some((at, byte)) = garbled && let Some(target) = file.get_mut(at) {
            *target = byte;
        }
        let json = TILESET.replace("\"availableLevels\":2", "\"availableLevels\":4");
        let (raw, _) = RawTileset::parse(json.as_bytes(), "t.json").unwrap();
        let mut tree = Tree::new(TreeLimits::default());
        let (root, _) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
        let shape = tree.subtree_shape(root).unwrap();
        if let Ok((subtree, _)) = Subtree::parse(&file.into(), "s", &shape, &HashMap::new()) {
            tree.graft_subtree(root, &subtree).unwrap();
            levels(&tree);
            let gone = tree.ungraft(root).len();
            prop_assert_eq!(tree.len(), 1);
            prop_assert!(garbled.is_some() || gone <= (tiles[0] & 0x1e).count_ones() as usize + 16);
        }
    }
}
