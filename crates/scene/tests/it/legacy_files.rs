//! Real b3dm, i3dm, pnts and cmpt files.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use geodesy::glam::DVec3;
use scene::{
    content::{
        self, AlphaMode, ContentErrorKind, DecodeContext, FeatureIdSource, TileContent, Topology, Warning,
    },
    metadata::Value,
    pick::PickMesh,
};

use crate::support::{context, data, files};

pub(crate) fn read(path: &Path) -> Bytes {
    Bytes::from(std::fs::read(path).unwrap())
}

/// A context with every file that the content refers to, the references of referenced models included.
pub(crate) fn context_of(path: &Path, bytes: &Bytes) -> DecodeContext {
    let folder = path.parent().unwrap();
    let mut context = context(&path.file_name().unwrap().to_string_lossy());
    let mut open = content::references(bytes, &context.uri).unwrap_or_default();
    while let Some(uri) = open.pop() {
        if let Ok(found) = std::fs::read(folder.join(uri.replace("%20", " "))) {
            let found = Bytes::from(found);
            open.extend(content::references(&found, &uri).unwrap_or_default());
            context.resources.insert(uri, found);
        }
    }
    context
}

fn decode(path: &Path) -> (TileContent, Vec<Warning>) {
    let bytes = read(path);
    content::decode(&bytes, &context_of(path, &bytes)).unwrap_or_else(|error| panic!("{error}"))
}

fn native(path: &str) -> Option<PathBuf> {
    Some(data("tiles/cesium-native/Cesium3DTilesSelection/test/data")?.join(path))
}

#[test]
fn every_legacy_tile_decodes_within_its_measure_or_says_why_not() {
    let Some(root) = data("tiles") else { return };
    let mut decoded = 0;
    let mut refused = Vec::new();
    for path in files(&root, &["b3dm", "i3dm", "pnts", "cmpt"]) {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let bytes = read(&path);
        let context = context_of(&path, &bytes);
        let measured = content::measure(&bytes, &context);
        match content::decode(&bytes, &context) {
            Ok((mut content, _)) => {
                decoded += 1;
                let (cost, measured) = (content.cost(), measured.unwrap_or_else(|error| panic!("{error}")));
                assert!(cost.cpu_bytes <= measured.cpu_bytes, "{name}: {cost:?} of {measured:?}");
                assert!(cost.gpu_bytes <= measured.gpu_bytes, "{name}: {cost:?} of {measured:?}");
                assert!(cost.transient_bytes <= measured.transient_bytes, "{name}: {cost:?} of {measured:?}");
                for primitive in &content.primitives {
                    let largest = primitive.positions.iter().flatten().fold(0.0_f32, |a, c| a.max(c.abs()));
                    assert!(largest < 20_000.0, "{name}: positions up to {largest} m from their origin");
                    for ids in &primitive.vertex_feature_ids {
                        assert!(
                            ids.table.is_none_or(|table| table < content.features.tables.len()),
                            "{name}"
                        );
                    }
                }
                let before = content.cost();
                let mesh = PickMesh::new(&mut content);
                // Beside the streams the mesh counts its own structures.
                let structures = 512 * (1 + content.primitives.len() as u64);
                assert!(
                    mesh.bytes() <= before.cpu_bytes + structures,
                    "{name}: {} of {before:?}",
                    mesh.bytes()
                );
            }
            Err(error) => refused.push(format!("{name}: {:?} at {}", error.kind, error.place)),
        }
    }
    assert!(decoded > 350, "{decoded}");
    println!("{decoded} decoded");
    let native = "cesium-native/Cesium3DTilesSelection/test/data";
    let validator = "validator/data";
    let expected = [
        // Starts with `error`.
        format!("{native}/ErrorChildrenAddTileset/error_lr.b3dm: UnknownFormat at byte 0"),
        format!(
            "{native}/i3dm/InvalidFeatureTable/cesiumNativeIssue1127.i3dm: Invalid at feature table /POSITION"
        ),
        // glTF 1.0 inside.
        format!("{native}/i3dm/ObsoleteGltf/instancedWithBatchTable.i3dm: Unsupported at byte 4"),
        // Compressed as they lie; unpacking is the business of whoever serves them.
        format!("{validator}/Samples/TilesetGzipped/ll.b3dm: Unsupported at byte 0"),
        format!("{validator}/Samples/TilesetGzipped/lr.b3dm: Unsupported at byte 0"),
        format!("{validator}/Samples/TilesetGzipped/parent.b3dm: Unsupported at byte 0"),
        format!("{validator}/Samples/TilesetGzipped/ul.b3dm: Unsupported at byte 0"),
        format!("{validator}/Samples/TilesetGzipped/ur.b3dm: Unsupported at byte 0"),
        format!("{validator}/Samples/TilesetOfTilesetsWithError/tileset3/ll.b3dm: Truncated at byte 8"),
        format!("{validator}/tilesets/tiles/b3dm/invalid.b3dm: Unsupported at byte 4"),
        format!("{validator}/tilesets/tiles/b3dm/validWithInvalidGlb.b3dm: Truncated at byte 8"),
    ];
    assert_eq!(refused, expected, "{refused:#?}");
}

#[test]
fn b3dm_sits_at_its_rtc_center_with_its_batch_table() {
    let Some(path) = native("BatchTables/batchedWithStringAndNestedJson.b3dm") else { return };
    let (content, warnings) = decode(&path);
    assert_eq!(warnings, []);
    let [primitive] = &content.primitives[..] else { panic!("{} primitives", content.primitives.len()) };
    assert_eq!(primitive.positions.len(), 240);
    let center = DVec3::new(1215012.8988049095, -4736313.0423059845, 4081604.3368623317);
    let from_center = primitive.content_from_primitive.transform_point3(DVec3::ZERO) - center;
    assert!(from_center.length() < 200.0, "{from_center}");
    let ids = &primitive.vertex_feature_ids[0];
    assert_eq!((ids.label.as_str(), ids.table), ("_BATCHID", Some(0)));
    let FeatureIdSource::Vertex(ids) = &ids.source else { panic!("{ids:?}") };
    assert_eq!(ids.iter().max(), Some(&9));
    let row = content.features.row(0, 3);
    let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..5], ["id", "Longitude", "Latitude", "Height", "info"]);
    assert_eq!(row[0].1, Value::Int(3));
    assert_eq!(row[1].1, Value::Float(-1.3196656317210846));
    assert_eq!(serde_json::to_string(&row[4].1).unwrap(), r#"{"name":"building3","year":3}"#);
}

#[test]
fn binary_batch_tables_keep_their_numbers() {
    let Some(path) = native("BatchTables/batchedWithBatchTableBinary.b3dm") else { return };
    let (content, warnings) = decode(&path);
    assert_eq!(warnings, []);
    let table = &content.features.tables[0];
    assert_eq!(table.count, 10);
    for row in 0..10 {
        // The generator of the samples writes longitude, latitude and height once as JSON and once in binary.
        let number = |id: &str| table.property(id).unwrap().values.value(row);
        let Value::Array(binary) = number("cartographic") else { panic!() };
        for (json, binary) in ["Longitude", "Latitude", "Height"].map(number).iter().zip(&binary) {
            // The JSON reader may be off by the last bit.
            let (json, binary) = (json.as_f64().unwrap(), binary.as_f64().unwrap());
            assert!((json - binary).abs() <= 1e-15 * binary.abs() * 2.0, "{json} {binary}");
        }
        assert_eq!(number("code"), Value::Int(255));
    }
}

#[test]
fn draco_b3dm_keeps_its_batch_ids() {
    let Some(path) = native("BatchTables/batchedWithBatchTable-draco.b3dm") else { return };
    let (content, _) = decode(&path);
    let FeatureIdSource::Vertex(ids) = &content.primitives[0].vertex_feature_ids[0].source else { panic!() };
    let mut ids = ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, (0..10).collect::<Vec<u32>>());
    assert_eq!(content.features.tables[0].count, 10);
}

#[test]
fn instances_stand_upright_on_the_earth() {
    for name in
        ["InstancedWithBatchTable/instancedWithBatchTable", "InstancedWithBatchIds/instancedWithBatchIds"]
    {
        let Some(path) = native(&format!("i3dm/{name}.i3dm")) else { return };
        let (content, warnings) = decode(&path);
        assert_eq!(warnings, [], "{name}");
        assert!(!content.primitives.is_empty());
        for primitive in &content.primitives {
            assert_eq!(primitive.instances.len(), 25);
            for instance in &primitive.instances {
                let content_from_instance = primitive.content_from_primitive * *instance;
                let place = content_from_instance.w_axis.truncate();
                // The model's up is y before the axes of the tile are its own.
                let up = content_from_instance.y_axis.truncate().normalize();
                assert!((place.length() - 6.37e6).abs() < 3e4, "{place}");
                assert!(up.dot(place.normalize()) > 0.9999, "{up} at {place}");
                let small = instance.w_axis.truncate().length();
                assert!(small < 2_000.0, "{small} m from the centre of the instances");
            }
            let ids = primitive.vertex_feature_ids.last().unwrap();
            assert_eq!((ids.label.as_str(), ids.table), ("_BATCHID", Some(0)));
            let FeatureIdSource::Instance(ids) = &ids.source else { panic!() };
            assert_eq!(ids.len(), 25);
        }
        assert_eq!(content.features.row(0, 24), [("Height".to_owned(), Value::Int(20))]);
    }
}

#[test]
fn normals_turn_instances() {
    let Some(path) = native("i3dm/InstancedOrientation/instancedOrientation.i3dm") else { return };
    let bytes = read(&path);
    let (content, _) = decode(&path);
    let table_start = 32 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let vector = |offset: usize, row: usize| {
        let at = table_start + offset + row * 12;
        let number = |k: usize| f32::from_le_bytes(bytes[at + 4 * k..at + 4 * k + 4].try_into().unwrap());
        DVec3::new(number(0).into(), number(1).into(), number(2).into())
    };
    let primitive = &content.primitives[0];
    let model = &decode_inner_model(&bytes).primitives[0].content_from_primitive.clone();
    for (row, instance) in primitive.instances.iter().enumerate() {
        let content_from_model = primitive.content_from_primitive * *instance * model.inverse();
        let place = content_from_model.w_axis.truncate();
        assert!((place - vector(0, row)).length() < 1e-6, "{place}");
        let (right, up) = (content_from_model.x_axis.truncate(), content_from_model.y_axis.truncate());
        assert!((up - vector(300, row)).length() < 1e-5, "row {row}: {up} is not {}", vector(300, row));
        assert!((right - vector(600, row)).length() < 1e-5, "row {row}: {right}");
    }
}

fn decode_inner_model(i3dm: &Bytes) -> TileContent {
    let length = |at: usize| u32::from_le_bytes(i3dm[at..at + 4].try_into().unwrap()) as usize;
    let start = 32 + [12, 16, 20, 24].map(length).iter().sum::<usize>();
    content::decode(&i3dm.slice(start..), &context("model.glb")).unwrap().0
}

#[test]
fn an_external_model_is_referred_to_and_used() {
    let Some(root) = data("tiles/validator/data/tilesets/tiles/i3dm/i3dmWithUri") else { return };
    let path = root.join("i3dmWithUri.i3dm");
    let bytes = read(&path);
    let references = content::references(&bytes, "a/b/i3dmWithUri.i3dm").unwrap();
    assert_eq!(references.len(), 1);
    assert!(references[0].starts_with("a/b/"), "{references:?}");
    let error = content::decode(&bytes, &context("i3dmWithUri.i3dm")).unwrap_err();
    assert_eq!(error.kind, ContentErrorKind::MissingResource);
    let (content, _) = decode(&path);
    assert!(!content.primitives[0].instances.is_empty());
}

/// The eight points of the point clouds of cesium-native, as their uncompressed file stores them, in content space.
fn points_of(content: &TileContent) -> Vec<DVec3> {
    let [primitive] = &content.primitives[..] else { panic!() };
    assert_eq!(primitive.topology, Topology::Points);
    let place =
        |p: &[f32; 3]| primitive.content_from_primitive.transform_point3(DVec3::from(p.map(f64::from)));
    primitive.positions.iter().map(place).collect()
}

#[test]
fn point_clouds_of_every_encoding_agree() {
    let Some(folder) = native("PointCloud") else { return };
    let (plain, warnings) = decode(&folder.join("pointCloudPositionsOnly.pnts"));
    assert_eq!(warnings, []);
    let expected = points_of(&plain);
    assert_eq!(expected.len(), 8);
    let center = DVec3::new(1215012.8828876738, -4736313.051199594, 4081605.22126042);
    assert!(expected.iter().all(|point| (*point - center).length() < 20.0), "{expected:?}");
    assert!(plain.materials[0].unlit);
    for name in [
        "RGB",
        "RGBA",
        "RGB565",
        "Normals",
        "NormalsOctEncoded",
        "Quantized",
        "Draco",
        "DracoPartial",
        "DracoBatched",
        "Batched",
        "ConstantRGBA",
    ] {
        let (content, warnings) = decode(&folder.join(format!("pointCloud{name}.pnts")));
        assert_eq!(warnings, [], "{name}");
        let points = points_of(&content);
        assert_eq!(points.len(), 8, "{name}");
        assert!(points.iter().all(|point| (*point - center).length() < 20.0), "{name}: {points:?}");
    }
}

#[test]
fn colours_and_normals_agree_between_encodings() {
    let Some(folder) = native("PointCloud") else { return };
    let load = |name: &str| decode(&folder.join(format!("pointCloud{name}.pnts"))).0;
    let rgb = load("RGB").primitives[0].colors.clone().unwrap();
    let rgb565 = load("RGB565").primitives[0].colors.clone().unwrap();
    for (full, coarse) in rgb.iter().zip(&rgb565) {
        for (a, b) in full.iter().zip(coarse) {
            assert!(a.abs_diff(*b) <= 8, "{rgb:?} {rgb565:?}");
        }
    }
    let rgba = load("RGBA");
    assert_eq!(rgba.materials[0].alpha, AlphaMode::Blend);
    assert!(rgba.primitives[0].colors.as_ref().unwrap().iter().all(|color| color[3] < 255));
    let constant = load("ConstantRGBA");
    assert_eq!(constant.materials[0].base_color, [1.0, 1.0, 0.0, 0.2]);
    assert_eq!(constant.primitives[0].colors, None);
    let plain = load("Normals");
    let folded = load("NormalsOctEncoded");
    assert!(!plain.materials[0].unlit);
    let (plain, folded) = (&plain.primitives[0].normals, &folded.primitives[0].normals);
    for (a, b) in plain.as_ref().unwrap().iter().zip(folded.as_ref().unwrap()) {
        assert!(a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 3), "{a:?} {b:?}");
    }
}

#[test]
fn point_properties_are_rows_of_points_or_of_batches() {
    let Some(folder) = native("PointCloud") else { return };
    let load = |name: &str| decode(&folder.join(format!("pointCloud{name}.pnts"))).0;
    let plain = load("WithPerPointProperties");
    assert!(matches!(plain.primitives[0].vertex_feature_ids[0].source, FeatureIdSource::Implicit));
    for (name, content) in
        [("plain", &plain), ("Draco", &load("Draco")), ("DracoPartial", &load("DracoPartial"))]
    {
        let table = &content.features.tables[0];
        assert_eq!(table.count, 8, "{name}");
        for row in 0..8 {
            assert_eq!(table.property("id").unwrap().values.value(row), Value::Int(row as i64), "{name}");
            let Value::Float(temperature) = table.property("temperature").unwrap().values.value(row) else {
                panic!()
            };
            assert!((0.0..=1.0).contains(&temperature), "{name}: {temperature}");
        }
    }
    for name in ["Batched", "DracoBatched"] {
        let batched = load(name);
        let table = &batched.features.tables[0];
        assert_eq!(table.property("name").unwrap().values.value(7), Value::Text("section7".into()));
        let FeatureIdSource::Vertex(ids) = &batched.primitives[0].vertex_feature_ids[0].source else {
            panic!()
        };
        let mut ids = ids.clone();
        ids.sort_unstable();
        // Bytes 192 to 199 of the binary body of pointCloudBatched.pnts: 5 5 6 6 7 0 3 1.
        assert_eq!(ids, [0, 1, 3, 5, 5, 6, 6, 7], "{name}");
    }
}

#[test]
fn a_composite_holds_what_its_tiles_hold() {
    let Some(root) = data("tiles/validator/data/tilesets/tiles/cmpt") else { return };
    let (content, _) = decode(&root.join("validWithGlbInfo.cmpt"));
    assert!(!content.primitives.is_empty());
}
