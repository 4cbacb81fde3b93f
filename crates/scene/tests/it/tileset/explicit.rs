//! Explicit and external tilesets. The figures were counted with a few lines of Python over the JSON files.

use geodesy::{
    BoundingVolume,
    glam::{DMat4, DVec3},
};
use scene::{
    content::UpAxis,
    tileset::{ContentKind, GraftError, RawTileset, Refine, TileKind, Tree, TreeLimits},
};

use super::{data, levels, open};

#[test]
fn counts_tiles_and_contents_of_real_tilesets() {
    let Some(data) = data() else { return };
    let dingo = "dingo-gap/example/public/data";
    let native = "cesium-native/Cesium3DTilesSelection/test/data";
    let samples = "3d-tiles-samples";
    for (folder, file, tiles, contents) in [
        (dingo, "tileset.json", 293, vec![1, 4, 16, 64, 208]),
        (dingo, "tileset-add.json", 293, vec![1, 4, 16, 64, 208]),
        (dingo, "tileset-broken-root-content.json", 293, vec![1, 4, 16, 64, 208]),
        (dingo, "tileset-external.json", 273, vec![1, 4, 16, 60, 192]),
        (dingo, "tileset-external-broken.json", 273, vec![1, 4, 16, 60, 192]),
        (dingo, "tileset-external-with-url-params.json", 273, vec![1, 4, 16, 60, 192]),
        (dingo, "tileset-no-midtile-content.json", 293, vec![1, 4, 15, 64, 208]),
        (dingo, "tileset-no-root-content.json", 293, vec![0, 4, 16, 64, 208]),
        ("guangdong/Tile_+000_+000", "tileset.json", 36, vec![1, 2, 8, 13, 12]),
        (samples, "1.0/TilesetWithDiscreteLOD/tileset.json", 3, vec![1, 1, 1]),
        (samples, "1.0/TilesetWithRequestVolume/tileset.json", 4, vec![0, 3]),
        (samples, "1.0/TilesetWithRequestVolume/city/tileset.json", 5, vec![0, 4]),
        (samples, "1.0/TilesetWithTreeBillboards/tileset.json", 2, vec![1, 1]),
        (samples, "1.1/BoundingBoxTests/0_0_0-1_1_2/tileset.json", 1, vec![1]),
        (samples, "1.1/BoundingBoxTests/0_0_2-1_1_4/tileset.json", 1, vec![1]),
        (samples, "1.1/BoundingBoxTests/2_0_0-4_1_1/tileset.json", 1, vec![1]),
        (samples, "1.1/MetadataGranularities/tileset.json", 5, vec![0, 20]),
        (samples, "1.1/MultipleContents/tileset.json", 1, vec![2]),
        (samples, "1.1/TilesetWithFullMetadata/tileset.json", 1, vec![0]),
        (samples, "glTF/EXT_structural_metadata/PropertyAttributesPointCloud/tileset.json", 3, vec![0, 2]),
        (samples, "glTF/GpuInstancesMetadata/tileset.json", 1, vec![1]),
        (native, "AddTileset/tileset.json", 1, vec![1]),
        (native, "AddTileset/tileset2.json", 5, vec![1, 4]),
        (native, "ErrorChildrenAddTileset/tileset.json", 4, vec![1, 3]),
        (native, "ReplaceTileset/tileset.json", 6, vec![1, 4, 1]),
        (native, "SharedImages/tileset.json", 101, vec![0, 100]),
        (native, "WithMetadata/tileset.json", 6, vec![1, 5]),
        (native, "stacked-cubes/tileset.json", 7, vec![0, 0, 0, 2]),
    ] {
        let (tree, _) = open(&data.join(folder).join(file));
        assert_eq!(levels(&tree), (tiles, contents), "{folder}/{file}");
    }
}

#[test]
fn real_photogrammetry_needs_no_mending() {
    let Some(data) = data() else { return };
    let (tree, warnings) = open(&data.join("dingo-gap/example/public/data/tileset.json"));
    let root = tree.get(tree.roots()[0]).unwrap();
    assert_eq!(root.gltf_up_axis(), UpAxis::Z);
    assert_eq!(root.refine(), Refine::Replace);
    assert!((root.geometric_error() - 30.3).abs() < 0.1);
    assert_eq!(warnings, vec![]);

    let (tree, warnings) = open(&data.join("guangdong/Tile_+000_+000/tileset.json"));
    let center = geodesy::geodetic_from_ecef(tree.get(tree.roots()[0]).unwrap().volume().center());
    assert!((center.lon_rad.to_degrees() - 113.06).abs() < 0.01, "{center:?}");
    assert!((center.lat_rad.to_degrees() - 22.643).abs() < 0.01, "{center:?}");
    for warning in &warnings {
        println!("{} {} {}", warning.file, warning.place, warning.reason);
    }
}

#[test]
fn external_tilesets_come_and_go() {
    let Some(data) = data() else { return };
    let folder = data.join("dingo-gap/example/public/data");
    let (mut tree, _) = open(&folder.join("tileset-external.json"));
    let host = (0..tree.slot_count() as u32)
        .filter_map(|i| tree.tile(i))
        .find(|t| t.kind() == TileKind::External)
        .unwrap()
        .id();
    let before = (levels(&tree), tree.bytes());
    let bytes = std::fs::read(folder.join("tileset-external-child.json")).unwrap();
    let uri = tree.get(host).unwrap().contents()[0].uri.clone();
    assert_eq!(&*uri, "tileset-external-child.json");
    let (raw, _) = RawTileset::parse(&bytes, &uri).unwrap();

    let mut stale = None;
    for _ in 0..3 {
        let (root, _) = tree.graft_external(host, 0, &raw, &uri).unwrap();
        assert_eq!(levels(&tree), (294, vec![1, 4, 16, 61, 196, 16]));
        let tile = tree.get(root).unwrap();
        assert_eq!(tile.parent(), Some(host.index));
        assert_eq!(tile.gltf_up_axis(), UpAxis::Z, "that of the tileset which names it");
        assert_eq!(tile.tileset_uri(), &*uri);
        assert_eq!(tree.get(host).unwrap().children().collect::<Vec<_>>(), vec![root.index]);
        assert!(tree.get(host).unwrap().contents()[0].is_grafted());
        assert!(matches!(tree.graft_external(host, 0, &raw, &uri), Err(GraftError::AlreadyGrafted { .. })));
        assert!(tree.bytes() > before.1);

        let gone = tree.ungraft(host);
        assert_eq!(gone.len(), 21);
        assert!(gone.contains(&root) && gone.iter().all(|&id| tree.get(id).is_none()));
        assert_eq!((levels(&tree), tree.get(host).unwrap().is_leaf()), (before.0.clone(), true));
        assert_ne!(stale.replace(root), Some(root), "ids are not used again");
    }
    assert!(tree.bytes() <= before.1 + 64 * 1024, "memory comes back");
    assert_eq!(tree.remove_root(tree.roots()[0]).len(), 273);
    assert!(tree.is_empty() && tree.roots().is_empty());
}

fn parse(json: &str) -> RawTileset {
    RawTileset::parse(json.as_bytes(), "t.json").unwrap().0
}

const BOX: &str = r#""boundingVolume":{"box":[0,0,0,1,0,0,0,1,0,0,0,1]}"#;

#[test]
fn cycles_are_refused() {
    let raw = parse(&format!(
        r#"{{"asset":{{"version":"1.1"}},"root":{{{BOX},"geometricError":1,"refine":"ADD","content":{{"uri":"b.json"}}}}}}"#
    ));
    let mut tree = Tree::new(TreeLimits::default());
    let (a, _) = tree.add_root(&raw, "a.json", &DMat4::IDENTITY).unwrap();
    let (b, _) = tree.graft_external(a, 0, &raw, "b.json").unwrap();
    let before = tree.len();
    assert_eq!(
        tree.graft_external(b, 0, &raw, "b.json#x"),
        Err(GraftError::Cycle { uri: "b.json#x".into(), chain: 1 })
    );
    assert_eq!(
        tree.graft_external(b, 0, &raw, "a.json"),
        Err(GraftError::Cycle { uri: "a.json".into(), chain: 2 })
    );
    assert_eq!(tree.len(), before);
    assert!(tree.graft_external(b, 0, &raw, "c.json").is_ok());
}

#[test]
fn transforms_multiply_and_scale_errors() {
    let outer = parse(&format!(
        r#"{{"asset":{{"version":"1.0","gltfUpAxis":"Z"}},"geometricError":100,"root":{{{BOX},"geometricError":10,"refine":"ADD",
        "transform":[2,0,0,0, 0,2,0,0, 0,0,2,0, 10,0,0,1],
        "viewerRequestVolume":{{"sphere":[0,0,0,5]}},
        "content":{{"uri":"x/inner.json?v=1"}},
        "children":[{{{BOX},"content":{{"uri":"m.b3dm","boundingVolume":{{"sphere":[1,0,0,1]}}}}}}]}}}}"#
    ));
    let inner = parse(&format!(
        r#"{{"asset":{{"version":"1.1"}},"root":{{{BOX},"geometricError":1,
        "transform":[0,3,0,0, -3,0,0,0, 0,0,3,0, 0,0,1,1],"contents":[{{"uri":"../m.glb"}},{{"uri":"n.glb"}}]}}}}"#
    ));
    let mut tree = Tree::new(TreeLimits::default());
    let (host, warnings) = tree.add_root(&outer, "d/t.json", &DMat4::IDENTITY).unwrap();
    assert_eq!(warnings.len(), 1, "the child has no geometric error: {warnings:?}");
    let (root, warnings) = tree.graft_external(host, 0, &inner, "d/x/inner.json?v=1").unwrap();
    assert_eq!(warnings.len(), 1, "the root has no refine: {warnings:?}");

    let tile = tree.get(host).unwrap();
    assert_eq!(tile.kind(), TileKind::External);
    assert_eq!((tile.geometric_error(), tile.depth()), (20.0, 0));
    assert_eq!(tile.volume().center(), DVec3::new(10.0, 0.0, 0.0));
    assert_eq!(&*tile.contents()[0].uri, "d/x/inner.json?v=1");
    assert_eq!(tile.contents()[0].kind, ContentKind::Tileset);
    assert!(tile.may_be_viewed_from(DVec3::new(19.9, 0.0, 0.0)));
    assert!(!tile.may_be_viewed_from(DVec3::new(20.1, 0.0, 0.0)));

    let children: Vec<_> = tile.children().map(|i| tree.tile(i).unwrap()).collect();
    assert_eq!(children.len(), 2, "its own child first, the grafted root last");
    assert_eq!(children[0].geometric_error(), 10.0, "half of its parent's");
    let Some(BoundingVolume::Sphere(sphere)) = children[0].contents()[0].volume.as_deref() else { panic!() };
    assert_eq!((sphere.center, sphere.radius), (DVec3::new(12.0, 0.0, 0.0), 2.0));
    assert_eq!(children[0].gltf_up_axis(), UpAxis::Z);

    let tile = children[1];
    assert_eq!(tile.id(), root);
    assert_eq!((tile.refine(), tile.depth(), tile.geometric_error()), (Refine::Add, 1, 6.0));
    let at = tile.world_from_tile().transform_point3(DVec3::new(1.0, 0.0, 0.0));
    assert!(at.abs_diff_eq(DVec3::new(10.0, 6.0, 2.0), 1e-12), "{at}");
    let uris: Vec<_> = tile.contents().iter().map(|c| &*c.uri).collect();
    assert_eq!(uris, ["d/m.glb", "d/x/n.glb"]);

    // A content whose uri does not tell that it is a tileset.
    let (late, _) = tree.graft_external(root, 1, &inner, "d/x/n.glb").unwrap();
    assert_eq!(tree.get(root).unwrap().kind(), TileKind::External);
    let gone = tree.ungraft_content(root, 1);
    assert_eq!(gone, vec![late]);
    assert_eq!(tree.get(root).unwrap().children().count(), 0);
    let mut gone = tree.remove_root(host);
    gone.sort();
    assert_eq!(gone.len(), 3);
    assert!(tree.get(root).is_none());
}

#[test]
fn limits_hold() {
    let children = vec![format!("{{{BOX}}}"); 100].join(",");
    let json = format!(
        r#"{{"asset":{{"version":"1.1"}},"root":{{{BOX},"geometricError":1,"refine":"ADD","children":[{children}]}}}}"#
    );
    let small =
        |limits: TreeLimits| RawTileset::parse_within(json.as_bytes(), "t.json", &limits).unwrap_err().reason;
    let limits = TreeLimits::default();
    assert!(small(TreeLimits { max_tiles: 100, ..limits.clone() }).contains("100 tiles"));
    assert!(small(TreeLimits { max_depth: 1, ..limits.clone() }).contains("1 levels"));
    assert!(small(TreeLimits { max_bytes: 10_000, ..limits.clone() }).contains("budget"));

    let raw = parse(&json);
    let refused = |limits: TreeLimits| {
        let mut tree = Tree::new(limits);
        let error = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap_err();
        assert!(tree.is_empty());
        error
    };
    let over = |what: &'static str, error: &GraftError| matches!(error, GraftError::OverBudget { what: w, .. } if *w == what);
    assert!(over("tiles", &refused(TreeLimits { max_tiles: 100, ..limits.clone() })));
    assert!(over("bytes", &refused(TreeLimits { max_bytes: 10_000, ..limits.clone() })));
    assert!(matches!(refused(TreeLimits { max_depth: 1, ..limits }), GraftError::TooDeep { depth: 1, .. }));
}

#[test]
fn several_roots_live_side_by_side() {
    let raw = parse(&format!(
        r#"{{"asset":{{"version":"1.1"}},"root":{{{BOX},"geometricError":1,"refine":"ADD","extras":{{"village":"310116"}}}}}}"#
    ));
    let mut tree = Tree::new(TreeLimits::default());
    let shift = DMat4::from_translation(DVec3::new(0.0, 5.0, 0.0));
    let (old, _) = tree.add_root(&raw, "old/t.json", &DMat4::IDENTITY).unwrap();
    let (new, _) = tree.add_root(&raw, "new/t.json", &shift).unwrap();
    assert_eq!(tree.roots(), [old, new]);
    assert_eq!(tree.get(new).unwrap().volume().center(), DVec3::new(0.0, 5.0, 0.0));
    assert_eq!(tree.get(new).unwrap().extras().unwrap()["village"], "310116");
    assert_eq!(tree.remove_root(old), [old]);
    assert!(tree.remove_root(old).is_empty());
    let (newer, _) = tree.add_root(&raw, "newer/t.json", &DMat4::IDENTITY).unwrap();
    assert_eq!(newer.index, old.index, "free slots are used again");
    assert_eq!((tree.get(old).is_none(), tree.roots()), (true, [new, newer].as_slice()));
}

#[test]
fn tiles_know_the_metadata_of_their_tileset() {
    let Some(data) = data() else { return };
    let (tree, _) = open(&data.join("3d-tiles-samples/1.1/MetadataGranularities/tileset.json"));
    let child = tree.get(tree.roots()[0]).unwrap().children().next().and_then(|i| tree.tile(i)).unwrap();
    let info = child.tileset().unwrap();
    assert_eq!(info.metadata.as_ref().unwrap()["properties"]["tileCount"], 4);
    let house = &child.contents()[0];
    assert_eq!(house.metadata.as_ref().unwrap()["properties"]["vertices"], 1032);
    assert_eq!(info.groups[house.group.unwrap() as usize].metadata["properties"]["priority"], 1);

    let folder = data.join("3d-tiles-samples/glTF/EXT_structural_metadata/PropertyAttributesPointCloud");
    let (mut tree, _) = open(&folder.join("tileset.json"));
    let root = tree.roots()[0];
    let info = tree.get(root).unwrap().tileset().unwrap();
    assert_eq!((info.schema_uri.as_deref(), info.schema.is_none()), (Some("MetadataSchema.json"), true));
    let schema = serde_json::from_slice(&std::fs::read(folder.join("MetadataSchema.json")).unwrap()).unwrap();
    tree.set_schema(root, schema);
    assert!(tree.get(root).unwrap().tileset().unwrap().schema.as_ref().unwrap()["classes"].is_object());
}
