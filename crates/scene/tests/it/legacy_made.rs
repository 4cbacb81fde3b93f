//! b3dm, i3dm, pnts and cmpt made in the test: what real files do not show, and what must never happen.

use bytes::Bytes;
use geodesy::glam::DVec3;
use proptest::prelude::*;
use scene::{
    content::{self, ContentError, ContentErrorKind, FeatureIdSource, TileContent, Warning},
    metadata::Value,
};

use crate::support::{context, data, files};

fn decode(bytes: &Bytes) -> Result<(TileContent, Vec<Warning>), ContentError> {
    content::decode(bytes, &context("made"))
}

fn pad(mut bytes: Vec<u8>, to: usize, with: u8) -> Vec<u8> {
    while !bytes.len().is_multiple_of(to) {
        bytes.push(with);
    }
    bytes
}

fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn u16s(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn u32s(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// A triangle with the batch ids 0, 1, 1.
fn glb() -> Vec<u8> {
    let mut bin = f32s(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    bin.extend(f32s(&[0.0, 1.0, 1.0]));
    let json = r#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":48}],
        "bufferViews":[{"buffer":0,"byteLength":36},{"buffer":0,"byteOffset":36,"byteLength":12}],
        "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[1,1,0]},
        {"bufferView":1,"componentType":5126,"count":3,"type":"SCALAR"}],
        "meshes":[{"primitives":[{"attributes":{"POSITION":0,"_BATCHID":1}}]}],
        "nodes":[{"mesh":0}],"scenes":[{"nodes":[0]}],"scene":0}"#;
    let json = pad(json.into(), 4, b' ');
    let length = 12 + 8 + json.len() + 8 + bin.len();
    let mut glb = b"glTF".to_vec();
    glb.extend(u32s(&[2, length as u32, json.len() as u32]));
    glb.extend(b"JSON");
    glb.extend(json);
    glb.extend(u32s(&[bin.len() as u32]));
    glb.extend(b"BIN\0");
    glb.extend(bin);
    glb
}

/// A tile of the usual form; `extra` follows the four lengths.
fn tile(magic: &[u8; 4], tables: [&[u8]; 4], extra: &[u32], body: &[u8]) -> Bytes {
    let tables = tables.map(|table| pad(table.to_vec(), 8, b' '));
    let length = 28 + extra.len() * 4 + tables.iter().map(Vec::len).sum::<usize>() + body.len();
    let mut bytes = magic.to_vec();
    bytes.extend(u32s(&[1, length as u32]));
    bytes.extend(u32s(&tables.each_ref().map(|table| table.len() as u32)));
    bytes.extend(u32s(extra));
    bytes.extend(tables.concat());
    bytes.extend(body);
    bytes.into()
}

fn b3dm(batch_json: &str, batch_binary: &[u8]) -> Bytes {
    let features = br#"{"BATCH_LENGTH":2,"RTC_CENTER":[1000000,2000000,3000000]}"#;
    tile(b"b3dm", [features, b"", batch_json.as_bytes(), batch_binary], &[], &glb())
}

fn i3dm(features: &str, binary: &[u8]) -> Bytes {
    tile(b"i3dm", [features.as_bytes(), binary, b"", b""], &[1], &glb())
}

fn pnts(features: &str, binary: &[u8]) -> Bytes {
    tile(b"pnts", [features.as_bytes(), binary, b"", b""], &[], b"")
}

fn cmpt(tiles: &[Bytes]) -> Bytes {
    let length = 16 + tiles.iter().map(Bytes::len).sum::<usize>();
    let mut bytes = b"cmpt".to_vec();
    bytes.extend(u32s(&[1, length as u32, tiles.len() as u32]));
    tiles.iter().for_each(|tile| bytes.extend_from_slice(tile));
    bytes.into()
}

/// Where the origin of every instance of the first primitive is.
fn places(content: &TileContent) -> Vec<DVec3> {
    let primitive = &content.primitives[0];
    let place =
        |instance: &geodesy::glam::DMat4| (primitive.content_from_primitive * *instance).w_axis.truncate();
    primitive.instances.iter().map(place).collect()
}

#[test]
fn obsolete_b3dm_headers_are_read() {
    let table = pad(br#"{"id":[7,8]}"#.to_vec(), 4, b' ');
    for (numbers, what) in
        [(vec![2, table.len() as u32], "20 bytes"), (vec![table.len() as u32, 0, 2], "24 bytes")]
    {
        let length = 12 + numbers.len() * 4 + table.len() + glb().len();
        let mut bytes = b"b3dm".to_vec();
        bytes.extend(u32s(&[1, length as u32]));
        bytes.extend(u32s(&numbers));
        bytes.extend(&table);
        bytes.extend(glb());
        let (content, warnings) = decode(&bytes.into()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(warnings.iter().any(|warning| warning.reason.contains("obsolete")), "{what}: {warnings:?}");
        assert_eq!(content.features.row(0, 1), [("id".to_owned(), Value::Int(8))], "{what}");
    }
}

#[test]
fn rtc_centers_stay_in_the_matrix() {
    let (content, warnings) = decode(&b3dm("", b"")).unwrap();
    assert_eq!(warnings, []);
    let primitive = &content.primitives[0];
    assert_eq!(primitive.content_from_primitive.w_axis.truncate(), DVec3::new(1e6, 2e6, 3e6));
    assert!(primitive.positions.iter().flatten().all(|c| c.abs() <= 1.0));
}

#[test]
fn a_malformed_batch_table_costs_no_geometry() {
    let broken = [
        "{",
        "[1,2]",
        "7",
        r#"{"a":5}"#,
        r#"{"a":{"byteOffset":0}}"#,
        r#"{"a":{"byteOffset":8,"componentType":"DOUBLE","type":"SCALAR"}}"#,
        r#"{"a":{"byteOffset":18446744073709551615,"componentType":"DOUBLE","type":"VEC4"}}"#,
        r#"{"a":{"byteOffset":0,"componentType":"HALF","type":"SCALAR"}}"#,
        r#"{"a":{"byteOffset":0,"componentType":"BYTE","type":"MAT4"}}"#,
        r#"{"extensions":{"3DTILES_batch_table_hierarchy":{}}}"#,
        r#"{"extensions":{"3DTILES_batch_table_hierarchy":{"classes":[],"instancesLength":9000000000,"classIds":[]}}}"#,
    ];
    for json in broken {
        let (content, warnings) =
            decode(&b3dm(json, b"12345678")).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(content.primitives.len(), 1, "{json}");
        assert_eq!(warnings.len(), 1, "{json}: {warnings:?}");
        assert!(content.features.tables.is_empty(), "{json}");
    }
    let (content, warnings) = decode(&b3dm(r#"{"good":["x","y"],"bad":3,"short":[1]}"#, b"")).unwrap();
    assert_eq!(warnings.len(), 2);
    let row = content.features.row(0, 1);
    assert_eq!(row, [("good".to_owned(), Value::Text("y".into())), ("short".to_owned(), Value::Null)]);
}

#[test]
fn hierarchies_are_flattened() {
    // Two lamps (own class) on two poles, both poles in one street; the street of the second is overridden.
    let json = r#"{"name":["east","west"],"extensions":{"3DTILES_batch_table_hierarchy":{
        "classes":[
            {"name":"lamp","length":2,"instances":{"watt":[60,100]}},
            {"name":"pole","length":2,"instances":{"height":{"byteOffset":0,"componentType":"FLOAT","type":"SCALAR"},"name":["p","q"]}},
            {"name":"street","length":2,"instances":{"street":["Main","Side"],"lit":[true,false]}}],
        "instancesLength":6,
        "classIds":[0,0,1,1,2,2],
        "parentCounts":[1,2,1,1,0,0],
        "parentIds":[2,5,3,4,4]}}}"#;
    let (content, warnings) = decode(&b3dm(json, &f32s(&[4.5, 6.5]))).unwrap();
    assert_eq!(warnings, []);
    let value =
        |row: u32, id: &str| content.features.row(0, row).into_iter().find(|(name, _)| name == id).unwrap().1;
    assert_eq!(
        (value(0, "name"), value(1, "name")),
        (Value::Text("east".into()), Value::Text("west".into()))
    );
    assert_eq!((value(0, "watt"), value(1, "watt")), (Value::Int(60), Value::Int(100)));
    assert_eq!((value(0, "height"), value(1, "height")), (Value::Float(4.5), Value::Float(6.5)));
    assert_eq!(
        (value(0, "street"), value(1, "street")),
        (Value::Text("Main".into()), Value::Text("Side".into()))
    );
    assert_eq!(value(1, "lit"), Value::Bool(false));
    // A circle of parents ends.
    let json = r#"{"HIERARCHY":{"classes":[{"name":"a","length":2,"instances":{"x":[1,2]}}],
        "instancesLength":2,"classIds":[0,0],"parentIds":[1,0]}}"#;
    let (content, _) = decode(&b3dm(json, b"")).unwrap();
    assert_eq!(content.features.row(0, 1), [("x".to_owned(), Value::Int(2))]);
}

#[test]
fn quantised_scaled_and_turned_instances() {
    let features = r#"{"INSTANCES_LENGTH":2,"RTC_CENTER":[4000000,0,0],"POSITION_QUANTIZED":{"byteOffset":0},
        "QUANTIZED_VOLUME_OFFSET":[100,200,300],"QUANTIZED_VOLUME_SCALE":[10,20,30],
        "NORMAL_UP_OCT32P":{"byteOffset":12},"NORMAL_RIGHT_OCT32P":{"byteOffset":20},
        "SCALE":{"byteOffset":28},"SCALE_NON_UNIFORM":{"byteOffset":36},"BATCH_ID":{"byteOffset":60,"componentType":"UNSIGNED_INT"}}"#;
    let mut binary = u16s(&[0, 0, 0, 65535, 65535, 65535]);
    // Up: +z then +y; right: +x both (65535, 32768 is +x to within the encoding).
    binary.extend(u16s(&[32768, 32768, 32768, 65535]));
    binary.extend(u16s(&[65535, 32768, 65535, 32768]));
    binary.extend(f32s(&[2.0, 3.0]));
    binary.extend(f32s(&[1.0, 1.0, 1.0, 1.0, 2.0, 4.0]));
    binary.extend(u32s(&[70000, 1]));
    let (content, warnings) = decode(&i3dm(features, &binary)).unwrap();
    assert_eq!(warnings, []);
    let places = places(&content);
    assert!((places[0] - DVec3::new(4_000_100.0, 200.0, 300.0)).length() < 1e-6, "{places:?}");
    assert!((places[1] - DVec3::new(4_000_110.0, 220.0, 330.0)).length() < 1e-6, "{places:?}");
    let primitive = &content.primitives[0];
    let axes = |row: usize| {
        let m = primitive.content_from_primitive * primitive.instances[row];
        // The model is y up, so its own y is the tile's z before the instance turns it, and its z is −y.
        [m.x_axis.truncate(), -m.z_axis.truncate(), m.y_axis.truncate()]
    };
    let near = |a: DVec3, b: DVec3| (a - b).length() < 1e-3;
    let [right, up, forward] = axes(0);
    assert!(
        near(right, DVec3::X * 2.0) && near(up, DVec3::Z * 2.0) && near(forward, DVec3::NEG_Y * 2.0),
        "{right} {up} {forward}"
    );
    let [right, up, forward] = axes(1);
    assert!(
        near(right, DVec3::X * 3.0) && near(up, DVec3::Y * 6.0) && near(forward, DVec3::Z * 12.0),
        "{right} {up} {forward}"
    );
    let ids = primitive.vertex_feature_ids.last().unwrap();
    assert!(matches!(&ids.source, FeatureIdSource::Instance(ids) if *ids == [70000, 1]));
}

#[test]
fn i3dm_tables_that_contradict_themselves_are_refused() {
    for (features, kind) in [
        (r#"{}"#, ContentErrorKind::Invalid),
        (r#"{"INSTANCES_LENGTH":1}"#, ContentErrorKind::Invalid),
        (r#"{"INSTANCES_LENGTH":4000000000,"POSITION":{"byteOffset":0}}"#, ContentErrorKind::Truncated),
        (
            r#"{"INSTANCES_LENGTH":1,"POSITION":{"byteOffset":18446744073709551615}}"#,
            ContentErrorKind::Truncated,
        ),
        (r#"{"INSTANCES_LENGTH":-1,"POSITION":{"byteOffset":0}}"#, ContentErrorKind::Invalid),
        (r#"{"INSTANCES_LENGTH":1,"POSITION_QUANTIZED":{"byteOffset":0}}"#, ContentErrorKind::Invalid),
        (
            r#"{"INSTANCES_LENGTH":1,"POSITION":{"byteOffset":0},"NORMAL_UP":{"byteOffset":0}}"#,
            ContentErrorKind::Invalid,
        ),
    ] {
        let error = decode(&i3dm(features, &f32s(&[1.0, 2.0, 3.0]))).unwrap_err();
        assert_eq!(error.kind, kind, "{features}: {error}");
    }
    let (content, warnings) =
        decode(&i3dm(r#"{"INSTANCES_LENGTH":0,"POSITION":{"byteOffset":0}}"#, b"")).unwrap();
    assert!(content.primitives.is_empty() && warnings.len() == 1);
}

#[test]
fn too_many_instances_are_refused_before_they_take_memory() {
    let features = r#"{"INSTANCES_LENGTH":20000,"POSITION":{"byteOffset":0}}"#;
    let tile = i3dm(features, &vec![0; 20_000 * 12]);
    let mut context = context("made");
    let cost = content::measure(&tile, &context).unwrap();
    assert!(cost.cpu_bytes >= 20_000 * 128);
    context.budget_bytes = 1 << 20;
    assert_eq!(content::decode(&tile, &context).unwrap_err().kind, ContentErrorKind::OverBudget);
}

#[test]
fn far_float_positions_are_moved_to_their_centre() {
    let ecef = [-2_400_000.0_f32, 5_400_000.0, 2_400_000.0];
    let positions: Vec<f32> = (0..3).flat_map(|i| ecef.map(|c| c + i as f32)).collect();
    let (content, warnings) =
        decode(&pnts(r#"{"POINTS_LENGTH":3,"POSITION":{"byteOffset":0}}"#, &f32s(&positions))).unwrap();
    assert_eq!(warnings, []);
    let primitive = &content.primitives[0];
    assert!(primitive.positions.iter().flatten().all(|c| c.abs() < 10.0), "{:?}", primitive.positions);
    for (i, position) in primitive.positions.iter().enumerate() {
        let place = primitive.content_from_primitive.transform_point3(DVec3::from(position.map(f64::from)));
        let stored: [f64; 3] = std::array::from_fn(|k| f64::from(positions[i * 3 + k]));
        assert_eq!(place, DVec3::from(stored));
    }
}

#[test]
fn pnts_that_lie_about_their_length_are_refused() {
    for (features, kind) in [
        (r#"{"POINTS_LENGTH":4000000000,"POSITION":{"byteOffset":0}}"#, ContentErrorKind::Truncated),
        (r#"{"POINTS_LENGTH":1}"#, ContentErrorKind::Invalid),
        (
            r#"{"POINTS_LENGTH":1,"POSITION":{"byteOffset":0},"RGB":{"byteOffset":14}}"#,
            ContentErrorKind::Truncated,
        ),
        (
            r#"{"POINTS_LENGTH":1,"POSITION":{"byteOffset":0},"BATCH_ID":{"byteOffset":0}}"#,
            ContentErrorKind::Invalid,
        ),
        (
            r#"{"POINTS_LENGTH":4000000000,"POSITION":{"byteOffset":0},"extensions":{"3DTILES_draco_point_compression":{"properties":{"POSITION":0},"byteOffset":0,"byteLength":12}}}"#,
            ContentErrorKind::OverBudget,
        ),
        (
            r#"{"POINTS_LENGTH":4,"POSITION":{"byteOffset":0},"extensions":{"3DTILES_draco_point_compression":{"properties":{"POSITION":0},"byteOffset":0,"byteLength":12}}}"#,
            ContentErrorKind::Invalid,
        ),
    ] {
        let error = decode(&pnts(features, &f32s(&[1.0, 2.0, 3.0]))).unwrap_err();
        assert_eq!(error.kind, kind, "{features}: {error}");
    }
}

#[test]
fn composites_nest_but_not_without_end() {
    let point = pnts(r#"{"POINTS_LENGTH":1,"POSITION":{"byteOffset":0}}"#, &f32s(&[1.0, 2.0, 3.0]));
    let inner = cmpt(&[b3dm(r#"{"id":[1,2]}"#, b""), point.clone()]);
    let (content, warnings) = decode(&cmpt(&[b3dm(r#"{"id":[3,4]}"#, b""), inner, glb().into()])).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(content.primitives.len(), 4);
    let table_of = |primitive: usize| content.primitives[primitive].vertex_feature_ids[0].table;
    assert_eq!((table_of(0), table_of(1), table_of(3)), (Some(0), Some(1), None));
    assert_eq!(content.features.row(1, 1), [("id".to_owned(), Value::Int(2))]);
    assert!(content.primitives.iter().all(|p| p.material.is_some_and(|m| m < content.materials.len())));

    let deep = (0..100).fold(point, |tile, _| cmpt(&[tile]));
    let error = decode(&deep).unwrap_err();
    assert_eq!(error.kind, ContentErrorKind::Invalid, "{error}");
    assert!(error.reason.contains("nested"), "{error}");
}

#[test]
fn composites_leave_out_what_is_not_read_but_not_what_is_broken() {
    let vector_tile = tile(b"vctr", [b"", b"", b"", b""], &[], b"");
    let (content, warnings) = decode(&cmpt(&[vector_tile.clone(), b3dm("", b"")])).unwrap();
    assert_eq!((content.primitives.len(), warnings.len()), (1, 1));
    assert!(warnings[0].reason.contains("vctr"), "{warnings:?}");
    assert_eq!(decode(&cmpt(&[vector_tile])).unwrap_err().kind, ContentErrorKind::Unsupported);
    let broken = pnts("{", b"");
    assert_eq!(decode(&cmpt(&[b3dm("", b""), broken])).unwrap_err().kind, ContentErrorKind::Invalid);
    let mut short = cmpt(&[b3dm("", b"")]).to_vec();
    short[12] = 9;
    assert_eq!(decode(&short.into()).unwrap_err().kind, ContentErrorKind::Truncated);
}

#[test]
fn formats_that_are_not_read_are_named() {
    for (bytes, kind, word) in [
        (&b"vctr\x01\0\0\0"[..], ContentErrorKind::Unsupported, "vctr"),
        (b"geom\x01\0\0\0", ContentErrorKind::Unsupported, "geom"),
        (br#"{"type":"FeatureCollection","features":[]}"#, ContentErrorKind::Unsupported, "GeoJSON"),
        (b"\x1f\x8b\x08", ContentErrorKind::Unsupported, "gzip"),
        (b"abcdefgh", ContentErrorKind::UnknownFormat, "abcd"),
        (b"", ContentErrorKind::Truncated, "empty"),
        (
            br#"{"asset":{"version":"1.1"},"geometricError":1,"root":{}}"#,
            ContentErrorKind::Unsupported,
            "tileset",
        ),
    ] {
        let bytes = Bytes::from_static(bytes);
        for error in [
            decode(&bytes).unwrap_err(),
            content::measure(&bytes, &context("made")).unwrap_err(),
            content::references(&bytes, "made").unwrap_err(),
        ] {
            assert_eq!((error.kind, error.file.as_str()), (kind, "made"), "{error}");
            assert!(error.reason.contains(word), "{error}");
        }
    }
}

/// One of every kind of tile.
pub(crate) fn seeds() -> Vec<Bytes> {
    let hierarchy = r#"{"id":[1,2],"v":{"byteOffset":0,"componentType":"FLOAT","type":"SCALAR"},"HIERARCHY":{
        "classes":[{"name":"a","length":2,"instances":{"x":[1,2]}}],"instancesLength":2,"classIds":[0,0],"parentIds":[1,0]}}"#;
    let mut seeds = vec![
        b3dm(hierarchy, &f32s(&[1.0, 2.0])),
        i3dm(
            r#"{"INSTANCES_LENGTH":1,"EAST_NORTH_UP":true,"POSITION":{"byteOffset":0}}"#,
            &f32s(&[6.4e6, 0.0, 0.0]),
        ),
        pnts(r#"{"POINTS_LENGTH":1,"POSITION":{"byteOffset":0},"RGB":{"byteOffset":12}}"#, &[9; 16]),
    ];
    seeds.push(cmpt(&seeds.clone()));
    if let Some(root) = data("tiles/cesium-native/Cesium3DTilesSelection/test/data") {
        for folder in ["PointCloud", "BatchTables", "i3dm"] {
            let small = files(&root.join(folder), &["pnts", "b3dm", "i3dm"]).into_iter();
            seeds.extend(
                small.map(|path| Bytes::from(std::fs::read(path).unwrap())).filter(|b| b.len() < 12_000),
            );
        }
    }
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_tiles_never_panic_nor_exceed_their_budget(
        seed in 0_usize..1000,
        cut in prop::option::weighted(0.3, 0.0_f64..1.0),
        changes in prop::collection::vec((0.0_f64..1.0, any::<u8>()), 0..12),
        head in any::<bool>(),
        budget in prop_oneof![Just(1_u64 << 30), 0_u64..100_000],
    ) {
        use std::sync::OnceLock;
        static SEEDS: OnceLock<Vec<Bytes>> = OnceLock::new();
        let seeds = SEEDS.get_or_init(seeds);
        let mut bytes = seeds[seed % seeds.len()].to_vec();
        for (place, value) in changes {
            // Headers and JSON are where lengths are; half of the time only these are hit.
            let span = if head { bytes.len().min(700) } else { bytes.len() };
            let index = ((span as f64 * place) as usize).min(bytes.len() - 1);
            bytes[index] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((bytes.len() as f64 * cut) as usize);
        }
        let bytes = Bytes::from(bytes);
        let mut context = context("mutated");
        context.budget_bytes = budget;
        let _ = content::references(&bytes, "mutated");
        let measured = content::measure(&bytes, &context);
        if let Ok((content, _)) = content::decode(&bytes, &context) {
            let cost = content.cost();
            if let Ok(measured) = measured {
                prop_assert!(cost.cpu_bytes <= measured.cpu_bytes, "{cost:?} of {measured:?}");
                prop_assert!(cost.gpu_bytes <= measured.gpu_bytes, "{cost:?} of {measured:?}");
            } else {
                prop_assert!(false, "decoded but not measured");
            }
        }
    }
}
