//! Point clouds and implicit tilings, written, inspected and read back. With `HAMLET_KEEP_WRITTEN=folder` the files stay
//! there, for other validators.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use geodesy::{
    BoundingVolume, Geodetic, Obb, ecef_from_enu, ecef_from_geodetic,
    glam::{DMat4, DVec3, Vec3},
};
use proptest::prelude::*;
use scene::{
    content::{self, Topology},
    inspect::{self, Options, Severity},
    tileset::{RawTileset, Refine, Subtree, TileKind, Tree, TreeLimits, implicit::SubdivisionScheme},
    write::{
        GlbBuilder, GlbOptions, ImplicitTile, ImplicitTilesetInput, MaterialInput, PointsInput, WriteError,
        implicit_uri, write_implicit_tileset,
    },
};

use crate::support::context;

type Files = BTreeMap<String, Vec<u8>>;

/// A spiral of points with all attributes.
struct Cloud {
    positions: Vec<DVec3>,
    colors: Vec<[u8; 3]>,
    intensities: Vec<u16>,
    classes: Vec<u8>,
}

fn cloud(count: u32, origin: DVec3) -> Cloud {
    let angle = |k: u32| f64::from(k) * 0.05;
    Cloud {
        positions: (0..count)
            .map(|k| origin + DVec3::new(angle(k).cos(), angle(k).sin(), 0.1 * angle(k)) * 3.0)
            .collect(),
        colors: (0..count).map(|k| [k as u8, 255 - k as u8, (k * 7) as u8]).collect(),
        intensities: (0..count).map(|k| (k * 97) as u16).collect(),
        classes: (0..count).map(|k| (k % 7) as u8).collect(),
    }
}

impl Cloud {
    fn glb(&self, options: &GlbOptions, with_all: bool) -> Vec<u8> {
        let mut glb = GlbBuilder::new(options.clone());
        let material = glb.add_material(&MaterialInput::default()).unwrap();
        let points = PointsInput {
            positions: &self.positions,
            colors: with_all.then_some(&self.colors),
            intensities: with_all.then_some(&self.intensities),
            classes: with_all.then_some(&self.classes),
            step_m: 0.002,
            material,
        };
        glb.add_points(&points).unwrap();
        glb.finish().unwrap()
    }
}

fn variants() -> Vec<GlbOptions> {
    let option = |quantize, meshopt| GlbOptions { quantize, meshopt, ..GlbOptions::default() };
    vec![option(false, false), option(true, false), option(false, true), option(true, true)]
}

/// Errors and warnings.
fn problems(report: &inspect::Report) -> Vec<String> {
    let bad = report.problems.iter().filter(|p| matches!(p.severity, Severity::Error | Severity::Warning));
    bad.map(|p| format!("{} {}: {}", p.file, p.place, p.reason)).collect()
}

fn inspected(files: &Files, path: &str) -> inspect::Report {
    let mut source = |uri: &str| {
        files.get(uri).map(|bytes| Bytes::from(bytes.clone())).ok_or_else(|| format!("there is no {uri}"))
    };
    inspect::inspect_tileset(path, &mut source, &Options::default())
}

#[test]
fn points_come_back_where_they_were() {
    let far = DVec3::new(1_234_567.25, -765_432.5, 800.125);
    for (options, with_all) in variants().into_iter().flat_map(|o| [(o.clone(), false), (o, true)]) {
        let cloud = cloud(500, far);
        let file = Bytes::from(cloud.glb(&options, with_all));
        let (decoded, warnings) = content::decode(&file, &context("p.glb")).unwrap();
        assert_eq!(warnings, vec![]);
        let primitive = &decoded.primitives[0];
        assert_eq!((primitive.topology, primitive.positions.len()), (Topology::Points, 500));
        let tolerance = if options.quantize { 0.001 + 1e-9 } else { 1e-6 };
        for (found, wanted) in primitive.positions.iter().zip(&cloud.positions) {
            let at = primitive.content_from_primitive.transform_point3(Vec3::from(*found).as_dvec3());
            assert!((at - *wanted).abs().max_element() <= tolerance, "{at} {wanted}");
        }
        assert_eq!(primitive.colors.is_some(), with_all);
        for (found, wanted) in primitive.colors.iter().flatten().zip(&cloud.colors) {
            for (found, wanted) in found.iter().zip(wanted) {
                // Linear bytes are coarse where it is dark.
                assert!(found.abs_diff(*wanted) <= if *wanted < 60 { 13 } else { 3 }, "{found} {wanted}");
            }
        }
        let mut source = |_: &str| Ok(file.clone());
        let report = inspect::inspect_content("p.glb", &mut source, &Options::default());
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(report.summary.total().points, 500);
        if let Some(folder) = std::env::var_os("HAMLET_KEEP_WRITTEN") {
            let name = format!("points-{}-{}-{with_all}.glb", options.quantize, options.meshopt);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(std::path::Path::new(&folder).join(name), &file).unwrap();
        }
    }
}

#[test]
fn long_clouds_take_longer_steps() {
    let options = GlbOptions { quantize: true, ..GlbOptions::default() };
    let mut long = cloud(2, DVec3::ZERO);
    long.positions = vec![DVec3::ZERO, DVec3::new(9000.0, 1.0, 2.0)];
    let (decoded, _) = content::decode(&Bytes::from(long.glb(&options, true)), &context("p.glb")).unwrap();
    let primitive = &decoded.primitives[0];
    let end = Vec3::from(primitive.positions[1]).as_dvec3();
    let end = primitive.content_from_primitive.transform_point3(end);
    assert!((end - long.positions[1]).abs().max_element() < 9000.0 / 65_535.0 * 0.51);
}

#[test]
fn points_that_make_no_sense_are_refused() {
    let cloud = cloud(3, DVec3::ZERO);
    let all = PointsInput { positions: &cloud.positions, step_m: 0.01, ..PointsInput::default() };
    let refused = |points: PointsInput<'_>| {
        let mut glb = GlbBuilder::new(GlbOptions::default());
        glb.add_material(&MaterialInput::default()).unwrap();
        matches!(glb.add_points(&points), Err(WriteError::Invalid { .. }))
    };
    assert!(!refused(all));
    assert!(refused(PointsInput { positions: &[], ..all }));
    assert!(refused(PointsInput { positions: &[DVec3::NAN], ..all }));
    assert!(refused(PointsInput { colors: Some(&cloud.colors[1..]), ..all }));
    assert!(refused(PointsInput { classes: Some(&[]), ..all }));
    assert!(refused(PointsInput { step_m: f64::NAN, ..all }));
    assert!(refused(PointsInput { material: 1, ..all }));
}

fn unit_tile(bounds: bool, level: u32, at: [u32; 3]) -> ImplicitTile {
    let side = 64.0 / f64::from(1u32 << level);
    let low = DVec3::new(at[0].into(), at[1].into(), at[2].into()) * side;
    let half = side * 0.5;
    let tight = Obb {
        center: low + half,
        half_axes: [DVec3::X * half * 0.5, DVec3::Y * half * 0.5, DVec3::Z * half * 0.25],
    };
    ImplicitTile { level, at, has_content: true, bounds: bounds.then_some(tight) }
}

fn tileset(scheme: SubdivisionScheme, subtree_levels: u32, tiles: Vec<ImplicitTile>) -> ImplicitTilesetInput {
    let (content_uri, subtree_uri) = match scheme {
        SubdivisionScheme::Quadtree => ("tiles/{level}/{x}/{y}.glb", "subtrees/{level}-{x}-{y}.subtree"),
        SubdivisionScheme::Octree => ("tiles/{level}/{x}-{y}-{z}.glb", "{level}.{x}.{y}.{z}.subtree"),
    };
    ImplicitTilesetInput {
        scheme,
        subtree_levels,
        bounds: Obb {
            center: DVec3::splat(32.0),
            half_axes: [DVec3::X * 32.0, DVec3::Y * 32.0, DVec3::Z * 32.0],
        },
        geometric_error: 16.0,
        refine: Refine::Add,
        transform: Some(ecef_from_enu(ecef_from_geodetic(Geodetic::from_degrees(119.9, 27.2, 600.0)))),
        content_uri: content_uri.into(),
        subtree_uri: subtree_uri.into(),
        tiles,
        tileset_version: Some("1".into()),
        extras: Some(serde_json::json!({ "village": "村" })),
    }
}

fn written(input: &ImplicitTilesetInput) -> Result<Files, WriteError> {
    let mut files = Files::new();
    let content = cloud(40, DVec3::splat(5.0)).glb(&GlbOptions::default(), false);
    for tile in input.tiles.iter().filter(|tile| tile.has_content) {
        files.insert(
            format!("set/{}", implicit_uri(&input.content_uri, tile.level, tile.at)),
            content.clone(),
        );
    }
    let mut last = String::new();
    write_implicit_tileset(input, "set/tileset.json", &mut |path, bytes| {
        last = path.to_owned();
        assert!(files.insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} twice");
        Ok(())
    })?;
    assert_eq!(last, "set/tileset.json", "tileset.json comes last");
    Ok(files)
}

/// Everything that the reader finds: volume, error and content uri of each tile.
fn read_back(files: &Files) -> Vec<(BoundingVolume, f64, Option<String>)> {
    let (raw, warnings) = RawTileset::parse(&files["set/tileset.json"], "set/tileset.json").unwrap();
    assert_eq!(warnings, vec![]);
    let mut tree = Tree::new(TreeLimits::default());
    let (_, warnings) = tree.add_root(&raw, "set/tileset.json", &DMat4::IDENTITY).unwrap();
    assert_eq!(warnings, vec![]);
    let all =
        |tree: &Tree| (0..tree.slot_count() as u32).filter(|i| tree.tile(*i).is_some()).collect::<Vec<_>>();
    loop {
        let waiting = all(&tree)
            .into_iter()
            .filter_map(|i| tree.tile(i))
            .find(|tile| matches!(tile.kind(), TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder));
        let Some(tile) = waiting else { break };
        let (id, uri) = (tile.id(), tile.subtree_uri().unwrap().to_string());
        let shape = tree.subtree_shape(id).unwrap();
        let bytes = Bytes::from(files[&uri].clone());
        let (subtree, warnings) = Subtree::parse(&bytes, &uri, &shape, &HashMap::new()).unwrap();
        assert_eq!(warnings, vec![]);
        assert_eq!(tree.graft_subtree(id, &subtree).unwrap(), vec![]);
    }
    let found = all(&tree).into_iter().filter_map(|i| tree.tile(i));
    found
        .map(|t| (t.volume().clone(), t.geometric_error(), t.contents().first().map(|c| c.uri.to_string())))
        .collect()
}

#[test]
fn sparse_octrees_and_quadtrees_read_back_as_they_were() {
    // The path to one corner, with siblings here and there, over three subtrees.
    for scheme in [SubdivisionScheme::Quadtree, SubdivisionScheme::Octree] {
        let z = |v: u32| if scheme == SubdivisionScheme::Octree { v } else { 0 };
        let mut tiles = vec![unit_tile(true, 0, [0; 3])];
        for level in 1..6 {
            let last = (1 << level) - 1;
            tiles.push(unit_tile(true, level, [last, last, z(last)]));
            tiles.push(ImplicitTile {
                has_content: level % 2 == 0,
                ..unit_tile(true, level, [last - 1, last, z(last)])
            });
        }
        let input = tileset(scheme, 2, tiles);
        let files = written(&input).unwrap();
        assert_eq!(problems(&inspected(&files, "set/tileset.json")), Vec::<String>::new());
        let subtrees = files.keys().filter(|path| path.ends_with(".subtree")).count();
        assert_eq!(subtrees, 1 + 2 + 2);
        let found = read_back(&files);
        assert_eq!(found.len(), input.tiles.len());
        let uris: BTreeSet<String> = found.iter().filter_map(|(.., uri)| uri.clone()).collect();
        let wanted: BTreeSet<String> = files.keys().filter(|path| path.ends_with(".glb")).cloned().collect();
        assert_eq!(uris, wanted);
        for (volume, error, uri) in &found {
            let Some(uri) = uri else { continue };
            let tile = input
                .tiles
                .iter()
                .find(|tile| *uri == format!("set/{}", implicit_uri(&input.content_uri, tile.level, tile.at)))
                .unwrap();
            assert_eq!(*error, 16.0 / f64::from(1u32 << tile.level));
            let BoundingVolume::Box(found) = volume else { panic!("{volume:?}") };
            let tight = tile.bounds.unwrap();
            let center = input.transform.unwrap().transform_point3(tight.center);
            assert!(found.center.distance(center) < 1e-6, "{uri}");
            assert!((found.half_axes[2].length() - tight.half_axes[2].length()).abs() < 1e-6, "{uri}");
        }
        if let Some(folder) = std::env::var_os("HAMLET_KEEP_WRITTEN") {
            let folder = std::path::Path::new(&folder).join(format!("implicit-{scheme:?}"));
            for (path, bytes) in &files {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}

#[test]
fn tilings_that_make_no_sense_are_refused() {
    let root = || unit_tile(false, 0, [0; 3]);
    let refused = |change: &dyn Fn(&mut ImplicitTilesetInput)| {
        let mut input = tileset(SubdivisionScheme::Quadtree, 3, vec![root()]);
        change(&mut input);
        written(&input).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|input| input.tiles.clear()));
    assert!(refused(&|input| input.tiles.push(root())));
    assert!(refused(&|input| input.tiles.push(unit_tile(false, 2, [0; 3]))));
    assert!(refused(&|input| input.tiles.push(unit_tile(false, 1, [2, 0, 0]))));
    assert!(refused(&|input| input.tiles.push(unit_tile(false, 1, [0, 0, 1]))));
    assert!(refused(&|input| input.tiles.push(unit_tile(true, 1, [0; 3]))));
    assert!(refused(&|input| input.subtree_levels = 0));
    assert!(refused(&|input| input.geometric_error = f64::NAN));
    assert!(refused(&|input| input.content_uri = "{level}/{x}.glb".into()));
    assert!(refused(&|input| input.subtree_uri = "../{level}/{x}/{y}".into()));
    assert!(refused(&|input| input.bounds.center = DVec3::NAN));
    assert!(refused(&|input| input.transform = Some(DMat4::ZERO)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_valid(
        splits in prop::collection::vec(any::<u8>(), 1..40), octree in any::<bool>(), subtree_levels in 1u32..5, bounds in any::<bool>(),
    ) {
        let scheme = if octree { SubdivisionScheme::Octree } else { SubdivisionScheme::Quadtree };
        let mut tiles = vec![unit_tile(bounds, 0, [0; 3])];
        // Each byte says which children the next tile has.
        for (next, split) in splits.into_iter().enumerate() {
            let Some(parent) = tiles.get(next).cloned() else { break };
            for child in (0..if octree { 8 } else { 4 }).filter(|bit| split >> bit & 1 == 1 && parent.level < 7) {
                let at = std::array::from_fn(|axis| parent.at[axis] * 2 + (child >> axis & 1));
                tiles.push(ImplicitTile { has_content: split % 5 != 0, ..unit_tile(bounds, parent.level + 1, at) });
            }
        }
        let input = tileset(scheme, subtree_levels, tiles);
        let files = written(&input).unwrap();
        let report = inspected(&files, "set/tileset.json");
        prop_assert_eq!(problems(&report), Vec::<String>::new());
        prop_assert_eq!(report.summary.tiles as usize, input.tiles.len());
        let with_content = input.tiles.iter().filter(|tile| tile.has_content).count();
        let found = read_back(&files);
        prop_assert_eq!(found.len(), input.tiles.len());
        prop_assert_eq!(found.iter().filter(|(.., uri)| uri.is_some()).count(), with_content);
    }
}
