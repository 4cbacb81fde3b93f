//! Writing, and reading back what was written. With `HAMLET_KEEP_WRITTEN=folder` the files stay there, for other
//! validators.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use geodesy::{
    BoundingVolume, Geodetic, Obb, ecef_from_enu, ecef_from_geodetic,
    glam::{DMat4, DVec3, Vec3},
};
use proptest::prelude::*;
use scene::{
    content::{self, FeatureIdSource},
    tileset::{RawTileset, Refine, Tree, TreeLimits},
    write::{
        Column, ColumnValues, ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput,
        PropertyTableInput, TileInput, TilesetInput, WriteError, write_tileset,
    },
};
use serde_json::Value;

fn png() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 4, 4);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..48).map(|i| i * 5).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// A hillside of `n` × `n` quads far from the origin.
struct Hill {
    positions: Vec<DVec3>,
    uvs: Vec<[f32; 2]>,
    normals: Vec<Vec3>,
    indices: Vec<u32>,
    feature_ids: Vec<u32>,
}

fn hill(n: u32, origin: DVec3) -> Hill {
    let mut hill = Hill {
        positions: Vec::new(),
        uvs: Vec::new(),
        normals: Vec::new(),
        indices: Vec::new(),
        feature_ids: Vec::new(),
    };
    for row in 0..=n {
        for column in 0..=n {
            let (u, v) = (f64::from(column) / f64::from(n), f64::from(row) / f64::from(n));
            hill.positions
                .push(origin + DVec3::new(u * 40.0, v * 30.0, (u * 7.0).sin() * (v * 5.0).cos() * 4.0));
            hill.uvs.push([u as f32, 1.0 - v as f32]);
            hill.normals.push(Vec3::new(0.1, -0.2, 1.0).normalize());
            hill.feature_ids.push(column % 3);
        }
    }
    for row in 0..n {
        for column in 0..n {
            let a = row * (n + 1) + column;
            hill.indices.extend([a, a + 1, a + n + 2, a, a + n + 2, a + n + 1]);
        }
    }
    hill
}

impl Hill {
    fn mesh(&self, with_features: bool) -> MeshInput<'_> {
        MeshInput {
            positions: &self.positions,
            uvs: Some(&self.uvs),
            normals: Some(&self.normals),
            indices: Some(&self.indices),
            feature_ids: with_features.then_some(&self.feature_ids),
            material: 0,
        }
    }

    fn bounds(&self) -> Obb {
        let low = self.positions.iter().copied().reduce(DVec3::min).unwrap();
        let high = self.positions.iter().copied().reduce(DVec3::max).unwrap();
        let half = (high - low) * 0.5 + 0.01;
        Obb {
            center: (low + high) * 0.5,
            half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z],
        }
    }
}

fn table() -> PropertyTableInput {
    PropertyTableInput {
        class: "building".into(),
        columns: vec![
            Column {
                id: "building_id".into(),
                name: Some("编号".into()),
                values: ColumnValues::Text(vec!["350926001001-B1".into(), String::new(), "村景".into()]),
            },
            Column { id: "height_m".into(), name: None, values: ColumnValues::Float64(vec![3.5, 9.25, 0.0]) },
            Column { id: "floors".into(), name: None, values: ColumnValues::UInt32(vec![1, 3, 0]) },
            Column { id: "below".into(), name: None, values: ColumnValues::Int32(vec![-1, 0, 1]) },
            Column { id: "area".into(), name: None, values: ColumnValues::Float32(vec![10.5, 20.0, 30.0]) },
        ],
    }
}

fn variants() -> Vec<(&'static str, GlbOptions, bool)> {
    let base = GlbOptions::default();
    vec![
        ("plain", base.clone(), false),
        ("lit", GlbOptions { unlit: false, copyright: Some("© Maple County".into()), ..base.clone() }, true),
        ("quantized", GlbOptions { quantize: true, ..base.clone() }, true),
        ("meshopt", GlbOptions { meshopt: true, ..base.clone() }, false),
        (
            "packed",
            GlbOptions { quantize: true, meshopt: true, generator: Some("test".into()), ..base },
            true,
        ),
    ]
}

fn glb(hill: &Hill, options: &GlbOptions, image: &[u8], with_features: bool) -> Vec<u8> {
    let mut builder = GlbBuilder::new(options.clone());
    builder.add_material(&MaterialInput { image: Some(image), ..MaterialInput::default() }).unwrap();
    if with_features {
        builder.set_features(table()).unwrap();
    }
    builder.add_mesh(&hill.mesh(with_features)).unwrap();
    builder.finish().unwrap()
}

/// JSON and binary chunk.
fn chunks(glb: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&glb[..4], word(4), word(8), glb.len() % 8), (b"glTF".as_slice(), 2, glb.len(), 0));
    let json_len = word(12);
    assert_eq!((&glb[16..20], json_len % 4), (b"JSON".as_slice(), 0));
    assert_eq!(&glb[24 + json_len..28 + json_len], b"BIN\0");
    assert_eq!(28 + json_len + word(20 + json_len), glb.len());
    (serde_json::from_slice(&glb[20..20 + json_len]).unwrap(), &glb[28 + json_len..])
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap_or(0) as usize
}

/// Bytes of an accessor, element after element, decompressed, and its stride.
fn elements(root: &Value, binary: &[u8], accessor: &Value) -> (Vec<u8>, usize) {
    let accessor = &root["accessors"][size(accessor)];
    let view = &root["bufferViews"][size(&accessor["bufferView"])];
    let count = size(&accessor["count"]);
    let packed = &view["extensions"]["EXT_meshopt_compression"];
    let width = if accessor["componentType"] == 5123 { 2 } else { 4 };
    let stride = view.get("byteStride").map_or(width, size);
    if packed.is_null() {
        let start = size(&view["byteOffset"]);
        return (binary[start..start + size(&view["byteLength"])].to_vec(), stride);
    }
    assert_eq!((size(&packed["count"]), size(&packed["byteStride"])), (count, stride));
    let start = size(&packed["byteOffset"]);
    let bytes = &binary[start..start + size(&packed["byteLength"])];
    if packed["mode"] == "TRIANGLES" {
        let indices: Vec<u32> = meshopt::decode_index_buffer(bytes, count).unwrap();
        return (indices.iter().flat_map(|i| i.to_le_bytes()[..width].to_vec()).collect(), width);
    }
    let plain = match stride {
        4 => meshopt::decode_vertex_buffer::<[u8; 4]>(bytes, count).unwrap().concat(),
        8 => meshopt::decode_vertex_buffer::<[u8; 8]>(bytes, count).unwrap().concat(),
        12 => meshopt::decode_vertex_buffer::<[u8; 12]>(bytes, count).unwrap().concat(),
        _ => panic!("stride {stride}"),
    };
    (plain, stride)
}

/// Corners of all triangles in the frame of the tile, as a 3D Tiles reader places them.
fn corners(glb: &[u8]) -> Vec<(DVec3, u32)> {
    let (root, binary) = chunks(glb);
    let tile_from_gltf = DMat4::from_rotation_x(std::f64::consts::FRAC_PI_2);
    let numbers =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect() };
    let top = DMat4::from_cols_slice(&numbers(&root["nodes"][0]["matrix"]));
    let mut found = Vec::new();
    for child in root["nodes"][0]["children"].as_array().unwrap() {
        let node = &root["nodes"][size(child)];
        let translation = node.get("translation").map_or(DVec3::ZERO, |t| DVec3::from_slice(&numbers(t)));
        let scale = node.get("scale").map_or(1.0, |s| numbers(s)[0]);
        let world = tile_from_gltf
            * top
            * DMat4::from_translation(translation)
            * DMat4::from_scale(DVec3::splat(scale));
        let primitive = &root["meshes"][size(&node["mesh"])]["primitives"][0];
        let (bytes, stride) = elements(&root, binary, &primitive["attributes"]["POSITION"]);
        let accessor = &root["accessors"][size(&primitive["attributes"]["POSITION"])];
        let quantized = accessor["componentType"] == 5123;
        let positions: Vec<DVec3> = bytes
            .chunks(stride)
            .map(|e| {
                let axis = |i: usize| match quantized {
                    true => f64::from(u16::from_le_bytes([e[2 * i], e[2 * i + 1]])),
                    false => f64::from(f32::from_le_bytes(e[4 * i..4 * i + 4].try_into().unwrap())),
                };
                DVec3::new(axis(0), axis(1), axis(2))
            })
            .collect();
        let low = positions.iter().copied().reduce(DVec3::min).unwrap();
        let high = positions.iter().copied().reduce(DVec3::max).unwrap();
        let close = |bound: &Value, value: DVec3| DVec3::from_slice(&numbers(bound)).abs_diff_eq(value, 1e-5);
        assert!(close(&accessor["min"], low) && close(&accessor["max"], high));
        let features = primitive["attributes"].get("_FEATURE_ID_0").map(|a| elements(&root, binary, a).0);
        let (indices, width) = elements(&root, binary, &primitive["indices"]);
        for corner in indices.chunks(width) {
            let index = corner.iter().rev().fold(0usize, |sum, b| sum << 8 | usize::from(*b));
            let feature = features
                .as_ref()
                .map_or(0, |f| f32::from_le_bytes(f[4 * index..4 * index + 4].try_into().unwrap()) as u32);
            found.push((world.transform_point3(positions[index]), feature));
        }
    }
    found
}

#[test]
fn meshes_come_back_where_they_were() {
    let far = DVec3::new(5_123_456.25, -3_000_000.5, 1_000.125);
    let image = png();
    for (n, origin) in [(8, DVec3::ZERO), (8, far), (300, DVec3::ZERO)] {
        let hill = hill(n, origin);
        let mut wanted: Vec<_> = hill
            .indices
            .iter()
            .map(|&i| (hill.positions[i as usize], hill.feature_ids[i as usize]))
            .collect();
        for (name, options, with_features) in variants() {
            let file = glb(&hill, &options, &image, with_features);
            let mut found = corners(&file);
            assert_eq!(found.len(), wanted.len(), "{name}");
            // Reordering changes the order of triangles, and which corner comes first.
            let key = |c: &(DVec3, u32)| {
                let steps = ((c.0 - origin) * 50.0).round();
                (steps.x as i64, steps.y as i64, c.1)
            };
            found.sort_by_key(key);
            wanted.sort_by_key(key);
            // 40 m in 65,535 steps, or 24 bits of 20 m.
            let tolerance = if options.quantize { 6e-4 } else { 2e-6 };
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!(found.0.abs_diff_eq(wanted.0, tolerance), "{name} {n}: {} {}", found.0, wanted.0);
                assert!(!with_features || found.1 == wanted.1, "{name}");
            }
            let (root, binary) = chunks(&file);
            let view = &root["bufferViews"][size(&root["images"][0]["bufferView"])];
            let start = size(&view["byteOffset"]);
            assert_eq!(
                &binary[start..start + size(&view["byteLength"])],
                image,
                "{name}: the image is untouched"
            );
            assert_eq!(root["images"][0]["mimeType"], "image/png");
        }
    }
}

/// Our own decoder reads it without complaint.
#[test]
fn contents_decode_to_what_was_written() {
    let far = DVec3::new(5_123_456.25, -3_000_000.5, 1_000.125);
    let hill = hill(8, far);
    for (name, options, with_features) in variants() {
        let file = Bytes::from(glb(&hill, &options, &png(), with_features));
        let (content, warnings) = content::decode(&file, &crate::support::context("t.glb")).unwrap();
        assert_eq!(warnings, vec![], "{name}");
        let primitive = &content.primitives[0];
        assert_eq!(primitive.positions.len(), hill.positions.len(), "{name}");
        let mut found = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for position in &primitive.positions {
            let at = primitive.content_from_primitive.transform_point3(Vec3::from(*position).as_dvec3());
            found = (found.0.min(at), found.1.max(at));
        }
        let wanted = hill.bounds();
        let half: DVec3 = wanted.half_axes.iter().sum();
        // The bounds of the test are 1 cm larger.
        assert!(found.0.abs_diff_eq(wanted.center - half, 0.0115), "{name}: {found:?}");
        assert!(found.1.abs_diff_eq(wanted.center + half, 0.0115), "{name}: {found:?}");
        assert_eq!(content.materials[0].unlit, options.unlit, "{name}");
        assert_eq!((content.textures[0].width, content.textures[0].height), (4, 4), "{name}");
        assert_eq!(content.copyrights.len(), usize::from(options.copyright.is_some()), "{name}");
        if with_features {
            let FeatureIdSource::Vertex(ids) = &primitive.vertex_feature_ids[0].source else {
                panic!("{name}")
            };
            let mut counts = [0; 3];
            ids.iter().for_each(|&id| counts[id as usize] += 1);
            assert_eq!(counts, [27, 27, 27], "{name}");
        }
    }
}

#[test]
fn columns_lie_where_the_table_says() {
    let file = glb(&hill(4, DVec3::ZERO), &GlbOptions::default(), &png(), true);
    let (root, binary) = chunks(&file);
    let metadata = &root["extensions"]["EXT_structural_metadata"];
    let table = &metadata["propertyTables"][0];
    assert_eq!((size(&table["count"]), &table["class"]), (3, &Value::from("building")));
    let view = |index: &Value| {
        let view = &root["bufferViews"][size(index)];
        let start = size(&view["byteOffset"]);
        assert_eq!(start % 8, 0);
        &binary[start..start + size(&view["byteLength"])]
    };
    let column = &table["properties"]["building_id"];
    let offsets: Vec<usize> = view(&column["stringOffsets"])
        .chunks(4)
        .map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize)
        .collect();
    let text = view(&column["values"]);
    let rows: Vec<&str> =
        offsets.windows(2).map(|w| std::str::from_utf8(&text[w[0]..w[1]]).unwrap()).collect();
    assert_eq!(rows, ["350926001001-B1", "", "村景"]);
    assert_eq!(view(&table["properties"]["below"]["values"]), [-1i32, 0, 1].map(i32::to_le_bytes).concat());
    assert_eq!(
        view(&table["properties"]["height_m"]["values"]),
        [3.5f64, 9.25, 0.0].map(f64::to_le_bytes).concat()
    );
    let definition = &metadata["schema"]["classes"]["building"]["properties"];
    assert_eq!(
        (&definition["floors"]["componentType"], &definition["building_id"]["name"]),
        (&Value::from("UINT32"), &Value::from("编号"))
    );
}

#[test]
fn triangles_keep_facing_up() {
    let hill = hill(8, DVec3::ZERO);
    for (name, options, with_features) in variants() {
        let file = glb(&hill, &options, &png(), with_features);
        for triangle in corners(&file).chunks(3) {
            let normal = (triangle[1].0 - triangle[0].0).cross(triangle[2].0 - triangle[0].0);
            assert!(normal.z > 0.0, "{name}");
        }
    }
}

#[test]
fn nonsense_is_refused() {
    let hill = hill(2, DVec3::ZERO);
    let refused = |mesh: MeshInput<'_>| {
        let mut builder = GlbBuilder::new(GlbOptions::default());
        builder.set_features(table()).unwrap();
        builder.add_material(&MaterialInput::default()).unwrap();
        matches!(builder.add_mesh(&mesh), Err(WriteError::Invalid { .. }))
    };
    assert!(!refused(hill.mesh(true)));
    assert!(refused(MeshInput { positions: &[], ..hill.mesh(false) }));
    assert!(refused(MeshInput { uvs: Some(&hill.uvs[1..]), ..hill.mesh(false) }));
    assert!(refused(MeshInput { indices: Some(&[0, 1]), ..hill.mesh(false) }));
    assert!(refused(MeshInput { indices: Some(&[0, 1, 9]), ..hill.mesh(false) }));
    assert!(refused(MeshInput { material: 1, ..hill.mesh(false) }));
    assert!(refused(MeshInput { feature_ids: Some(&[3; 9]), ..hill.mesh(false) }));
    assert!(refused(MeshInput { positions: &[DVec3::NAN; 9], ..hill.mesh(false) }));
    let mut builder = GlbBuilder::new(GlbOptions::default());
    assert!(
        builder.add_material(&MaterialInput { image: Some(b"GIF89a"), ..MaterialInput::default() }).is_err()
    );
    assert!(builder.finish().is_err());

    let tile = |error: f64, children| TileInput {
        bounds: Some(hill.bounds()),
        geometric_error: error,
        children,
        ..TileInput::default()
    };
    let write = |root| {
        let tileset = TilesetInput { root, ..TilesetInput::default() };
        write_tileset(&tileset, "tileset.json", &mut |_, _| Ok(()))
    };
    assert!(write(tile(1.0, vec![tile(1.0, vec![])])).is_ok());
    assert!(write(tile(1.0, vec![tile(1.1, vec![])])).is_err());
    assert!(write(tile(f64::NAN, vec![])).is_err());
    assert!(write(TileInput { bounds: None, ..tile(1.0, vec![]) }).is_err());
    for uri in ["", "../a.glb", "/a.glb", "http://h/a.glb"] {
        let content = Some(ContentInput { uri: uri.into(), bytes: Some(Bytes::from_static(b"x")) });
        assert!(write(TileInput { content, ..tile(1.0, vec![]) }).is_err(), "{uri}");
    }
}

fn folder() -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("HAMLET_KEEP_WRITTEN") {
        Some(kept) => (None, kept.into()),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_owned();
            (Some(folder), path)
        }
    }
}

/// One tileset per variant of contents, at a place on Earth.
#[test]
fn a_tileset_with_every_kind_of_content() {
    let (_keep, folder) = folder();
    let place = Geodetic { lon_rad: 2.093, lat_rad: 0.471, height_m: 250.0 };
    let world_from_enu = ecef_from_enu(ecef_from_geodetic(place));
    let image = jpeg().unwrap_or_else(png);
    for (name, options, with_features) in variants() {
        let tile = |n: u32, error: f64, children: Vec<TileInput>| {
            let hill = hill(n, DVec3::new(-20.0, -15.0, 0.0));
            let bytes = glb(&hill, &options, &image, with_features).into();
            TileInput {
                bounds: Some(hill.bounds()),
                geometric_error: error,
                content: Some(ContentInput { uri: format!("tiles/{n}.glb"), bytes: Some(bytes) }),
                children,
                ..TileInput::default()
            }
        };
        let leaf = tile(32, 0.0, vec![]);
        let root = TileInput {
            refine: Some(Refine::Replace),
            transform: Some(world_from_enu),
            // Finer levels swing further out.
            bounds: leaf.bounds,
            ..tile(8, 4.0, vec![TileInput { bounds: leaf.bounds, ..tile(16, 1.0, vec![leaf.clone()]) }])
        };
        let tileset = TilesetInput {
            root,
            tileset_version: Some("2026-08-01".into()),
            extras: Some(serde_json::json!({ "village": "350926001001" })),
        };
        let mut last = String::new();
        let mut store = |path: &str, bytes: &[u8]| {
            last = path.to_owned();
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap())?;
            std::fs::write(path, bytes)
        };
        let path = format!("{name}/tileset.json");
        write_tileset(&tileset, &path, &mut store).unwrap();
        assert_eq!(last, path, "tileset.json comes last");

        let bytes = std::fs::read(folder.join(&path)).unwrap();
        let (raw, warnings) = RawTileset::parse(&bytes, &path).unwrap();
        assert_eq!(warnings, vec![]);
        assert_eq!(raw.extras.as_ref().unwrap()["village"], "350926001001");
        let mut tree = Tree::new(TreeLimits::default());
        let (root, warnings) = tree.add_root(&raw, &path, &DMat4::IDENTITY).unwrap();
        assert_eq!((warnings, tree.len()), (vec![], 3));
        let root = tree.get(root).unwrap();
        let at = geodesy::geodetic_from_ecef(root.world_from_tile().transform_point3(DVec3::ZERO));
        assert!((at.lon_rad - place.lon_rad).abs() < 1e-12 && (at.height_m - 250.0).abs() < 1e-6);
        for index in 0..3 {
            let uri = &tree.tile(index).unwrap().contents()[0].uri;
            assert!(folder.join(&**uri).is_file(), "{uri}");
        }
    }
}

/// The JPEG of a real tile.
fn jpeg() -> Option<Vec<u8>> {
    let file = super::tileset::data()?.join("guangdong/Tile_+000_+000/Tile_+000_+000_L22_00001000.b3dm");
    let bytes = std::fs::read(file).ok()?;
    let start = bytes.windows(3).position(|w| w == [0xff, 0xd8, 0xff])?;
    let end = bytes.windows(2).rposition(|w| w == [0xff, 0xd9])? + 2;
    Some(bytes[start..end].to_vec())
}

/// Numbers that `serde_json` reads back to the last bit; it is one off in the last place for some others.
fn eighths(limit: i32) -> impl Strategy<Value = f64> {
    (-limit..=limit).prop_map(|n| f64::from(n) / 8.0)
}

fn tile_input() -> impl Strategy<Value = TileInput> {
    let leaf = (
        prop::array::uniform12(eighths(8_000_000)),
        eighths(8).prop_map(f64::abs),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::array::uniform3(eighths(80_000))),
        any::<bool>(),
        prop::option::of("[a-z\"\\\\村]{0,4}"),
    )
        .prop_map(|(numbers, error, refine, shift, has_content, extra)| TileInput {
            bounds: Some(Obb {
                center: DVec3::from_slice(&numbers[..3]),
                half_axes: [3, 6, 9].map(|at| DVec3::from_slice(&numbers[at..])),
            }),
            geometric_error: error,
            refine: refine.map(|add| if add { Refine::Add } else { Refine::Replace }),
            transform: shift.map(|s| DMat4::from_translation(DVec3::from(s))),
            content: has_content.then(|| ContentInput { uri: "x.glb".into(), bytes: None }),
            extras: extra.map(Value::from),
            children: vec![],
        });
    leaf.prop_recursive(4, 24, 4, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..4))
            .prop_map(|(tile, children)| TileInput { children, ..tile })
    })
}

/// Halves every error on the way down, so that they never grow.
fn settle(tile: &mut TileInput, ceiling: f64) {
    tile.geometric_error = (ceiling * (0.25 + 0.5 * tile.geometric_error) * 1024.0).floor() / 1024.0;
    let ceiling = tile.geometric_error;
    tile.children.iter_mut().for_each(|child| settle(child, ceiling));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(mut root in tile_input()) {
        settle(&mut root, 1000.0);
        let tileset = TilesetInput { root, ..TilesetInput::default() };
        let mut files = BTreeMap::new();
        write_tileset(&tileset, "t.json", &mut |path, bytes| {
            files.insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
        .unwrap();
        let (raw, warnings) = RawTileset::parse(&files["t.json"], "t.json").unwrap();
        prop_assert_eq!(warnings, vec![]);
        let mut wanted = vec![(&tileset.root, 0u32)];
        let mut count = 0;
        while let Some((tile, index)) = wanted.pop() {
            count += 1;
            let read = &raw.tiles[index as usize];
            prop_assert_eq!(&read.volume, &tile.bounds.map(BoundingVolume::Box));
            prop_assert_eq!(read.geometric_error, Some(tile.geometric_error));
            let default = (index == 0).then_some(Refine::Replace);
            prop_assert_eq!(read.refine, tile.refine.or(default));
            prop_assert_eq!(read.transform.as_deref().copied().unwrap_or(DMat4::IDENTITY), tile.transform.unwrap_or(DMat4::IDENTITY));
            prop_assert_eq!(read.contents.first().map(|c| c.uri.as_str()), tile.content.as_ref().map(|c| c.uri.as_str()));
            prop_assert_eq!(read.extras.as_deref(), tile.extras.as_ref());
            prop_assert_eq!(read.children.len(), tile.children.len());
            wanted.extend(tile.children.iter().zip(read.children.clone()));
        }
        prop_assert_eq!(count, raw.tiles.len());
        let mut tree = Tree::new(TreeLimits::default());
        let (_, warnings) = tree.add_root(&raw, "t.json", &DMat4::IDENTITY).unwrap();
        prop_assert_eq!(warnings, vec![]);
    }
}
