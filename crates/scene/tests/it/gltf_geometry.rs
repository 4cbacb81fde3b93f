//! Geometry, nodes, instances and feature ids of made-up glTF files.

use bytes::Bytes;
use scene::content::{self, ContentErrorKind, FeatureIdSource, Indices, TileContent, Topology, UpAxis, gltf};
use serde_json::json;

use crate::made::{F32, I8, I16, Model, U8, U16, U32, glb};
use crate::support::context;

/// All positions in content space.
fn placed(content: &TileContent) -> Vec<[f64; 3]> {
    let point = |p: &[f32; 3]| geodesy::glam::DVec3::from_array(p.map(f64::from));
    let mut out = Vec::new();
    for primitive in &content.primitives {
        let m = primitive.content_from_primitive;
        if primitive.instances.is_empty() {
            out.extend(primitive.positions.iter().map(|p| m.transform_point3(point(p)).to_array()));
        }
        for instance in &primitive.instances {
            out.extend(
                primitive.positions.iter().map(|p| (m * *instance).transform_point3(point(p)).to_array()),
            );
        }
    }
    out
}

#[test]
fn y_up_becomes_z_up_through_the_matrix_alone() {
    let model = Model::triangle();
    let content = model.content();
    assert_eq!(content.primitives[0].positions[2], [0., 2., 0.]);
    assert_eq!(placed(&content)[2], [0., 0., 2.]);
    let mut context = context("a.glb");
    context.gltf_up_axis = UpAxis::Z;
    assert_eq!(placed(&model.decode_with(&context).unwrap().0)[2], [0., 2., 0.]);
    context.gltf_up_axis = UpAxis::X;
    assert_eq!(placed(&model.decode_with(&context).unwrap().0)[1], [0., 0., 1.]);
}

#[test]
fn earth_centred_nodes_keep_their_millimetres() {
    let mut model = Model::triangle();
    model.json["nodes"] = json!([{ "children": [1], "translation": [-2_331_234.123_456, 4_801_234.654_321, 0.0] },
        { "mesh": 0, "translation": [0.001, 0.0, 0.0] }]);
    let content = model.content();
    let [x, _, z] = placed(&content)[0];
    assert!((x + 2_331_234.122_456).abs() < 1e-6 && (z - 4_801_234.654_321).abs() < 1e-6, "{x} {z}");
    model.json["nodes"] = json!([{ "mesh": 0 }]);
    model.json["extensions"] = json!({ "CESIUM_RTC": { "center": [1e6, 2e6, 3e6] } });
    assert_eq!(placed(&model.content())[2], [1e6, 2e6, 3e6 + 2.0]);
}

#[test]
fn a_mesh_of_several_nodes_is_stored_once() {
    let mut model = Model::triangle();
    model.json["nodes"] =
        json!([{ "mesh": 0, "translation": [5., 0., 0.] }, { "mesh": 0, "scale": [2., 2., 2.] }]);
    model.json["scenes"] = json!([{ "nodes": [0, 1] }]);
    let content = model.content();
    assert_eq!(content.primitives.len(), 1);
    assert_eq!(content.primitives[0].instances.len(), 2);
    assert_eq!(placed(&content)[1], [6., 0., 0.]);
    assert_eq!(placed(&content)[4], [2., 0., 0.]);
}

#[test]
fn instances_take_translation_rotation_and_scale() {
    let mut model = Model::triangle();
    let translations = model.floats("VEC3", &[10., 0., 0., 20., 0., 0.]);
    // A quarter turn about y, as normalised shorts, and none.
    let turn: Vec<u8> =
        [0i16, 23170, 0, 23170, 0, 0, 0, 32767].iter().flat_map(|v| v.to_le_bytes()).collect();
    let rotations = model.accessor("VEC4", I16, true, 2, &turn);
    let ids = model.accessor("SCALAR", U16, false, 2, &[7, 0, 9, 0]);
    model.json["nodes"][0]["extensions"] = json!({
        "EXT_mesh_gpu_instancing": { "attributes": { "TRANSLATION": translations, "ROTATION": rotations, "_FEATURE_ID_0": ids } },
        "EXT_instance_features": { "featureIds": [
            { "featureCount": 2, "attribute": 0, "propertyTable": 0 }, { "featureCount": 2, "label": "tree" } ] },
    });
    let content = model.content();
    let points = placed(&content);
    let turned = points[1];
    assert!((turned[0] - 10.0).abs() < 1e-4 && (turned[1] - 1.0).abs() < 1e-4, "{turned:?}");
    assert_eq!(points[4], [21., 0., 0.]);
    let sets = &content.primitives[0].vertex_feature_ids;
    assert!(matches!(&sets[0].source, FeatureIdSource::Instance(ids) if ids == &[7, 9]));
    assert_eq!((sets[0].label.as_str(), sets[0].table), ("_FEATURE_ID_0", Some(0)));
    assert!(matches!(&sets[1].source, FeatureIdSource::Instance(ids) if ids == &[0, 1]));
    assert_eq!(sets[1].label, "tree");
}

#[test]
fn quantised_attributes_expand() {
    let mut model = Model::new();
    let shorts: Vec<u8> =
        [32767i16, -32768, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let positions = model.push(
        "accessors",
        json!({ "bufferView": 0, "componentType": I16, "count": 3, "type": "VEC3", "normalized": true }),
    );
    let view = model.view(&shorts);
    model.json["bufferViews"][view]["byteStride"] = json!(8);
    let normals = model.accessor("VEC3", I8, true, 3, &[0, 127, 0, 129, 0, 0, 0, 0, 127]);
    let colors = model.accessor("VEC3", U8, true, 3, &[255, 0, 55, 0, 0, 0, 1, 2, 3]);
    model.primitive(json!({ "attributes": { "POSITION": positions, "NORMAL": normals, "COLOR_0": colors } }));
    model.json["extensionsRequired"] = json!(["KHR_mesh_quantization"]);
    let content = model.content();
    let primitive = &content.primitives[0];
    assert_eq!(primitive.positions[0], [1.0, -1.0, 0.0]);
    assert_eq!(primitive.positions[1], [100.0 / 32767.0, 0.0, 0.0]);
    assert_eq!(primitive.normals.as_ref().unwrap()[..2], [[0, 127, 0, 0], [-127, 0, 0, 0]]);
    // Linear 55/255 is 128 in sRGB.
    assert_eq!(primitive.colors.as_ref().unwrap()[0], [255, 0, 128, 255]);
    assert!(!content.materials[primitive.material.unwrap()].unlit);
}

#[test]
fn sparse_values_replace_what_is_below() {
    let mut model = Model::triangle();
    let indices = model.view(&[1]);
    let values = model.view(&[9f32, 8., 7.].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
    model.json["accessors"][0]["sparse"] = json!({ "count": 1,
        "indices": { "bufferView": indices, "componentType": U8 }, "values": { "bufferView": values } });
    assert_eq!(model.content().primitives[0].positions, [[0., 0., 0.], [9., 8., 7.], [0., 2., 0.]]);
    model.json["accessors"][0].as_object_mut().unwrap().remove("bufferView");
    assert_eq!(model.content().primitives[0].positions[2], [0., 0., 0.]);
    model.bin[36] = 3;
    let error = model.decode().unwrap_err();
    assert_eq!(
        (error.place.as_str(), error.reason.as_str()),
        ("/accessors/0/sparse", "sparse index 3 of 3 elements")
    );
}

#[test]
fn an_index_out_of_range_is_refused_by_name_and_amount() {
    let mut model = Model::triangle();
    let indices = model.accessor("SCALAR", U16, false, 3, &[0, 0, 1, 0, 9, 0]);
    model.json["meshes"][0]["primitives"][0]["indices"] = json!(indices);
    let error = model.decode().unwrap_err();
    assert_eq!(error.to_string(), "a.glb at /meshes/0/primitives/0/indices: index 9 of 3 vertices");
}

#[test]
fn shared_vertices_that_are_not_used_are_left_out() {
    let mut model = Model::new();
    let positions: Vec<f32> = (0..300).map(|i| i as f32).collect();
    let positions = model.floats("VEC3", &positions);
    let ids = model.accessor("SCALAR", U8, false, 100, &(0..100).collect::<Vec<u8>>());
    let indices = model.accessor("SCALAR", U32, false, 3, &[50, 0, 0, 0, 99, 0, 0, 0, 50, 0, 0, 0]);
    model.primitive(json!({ "attributes": { "POSITION": positions, "_BATCHID": ids }, "indices": indices }));
    let content = model.content();
    let primitive = &content.primitives[0];
    assert_eq!(primitive.positions, [[150., 151., 152.], [297., 298., 299.]]);
    assert_eq!(primitive.indices, Some(Indices::U16(vec![0, 1, 0])));
    assert_eq!(primitive.vertex_feature_ids[0].label, "_BATCHID");
    assert!(
        matches!(&primitive.vertex_feature_ids[0].source, FeatureIdSource::Vertex(ids) if ids == &[50, 99])
    );
    assert_eq!(primitive.bounds, ([150., 151., 152.], [297., 298., 299.]));
}

#[test]
fn strips_and_points_become_lists() {
    let mut model = Model::new();
    let positions = model.floats("VEC3", &[0., 0., 0., 1., 0., 0., 0., 1., 0., 1., 1., 0.]);
    model.primitive(json!({ "attributes": { "POSITION": positions }, "mode": 5 }));
    model.primitive(json!({ "attributes": { "POSITION": positions }, "mode": 3 }));
    model.primitive(json!({ "attributes": { "POSITION": positions }, "mode": 0 }));
    model.primitive(json!({ "attributes": { "POSITION": positions }, "mode": 9 }));
    model.primitive(json!({ "attributes": { "TEXCOORD_0": positions } }));
    let (content, warnings) = model.decode().unwrap();
    assert_eq!(warnings.len(), 2);
    assert_eq!(warnings[0].place, "/meshes/0/primitives/3");
    let shapes: Vec<_> = content.primitives.iter().map(|p| (p.topology, p.indices.clone())).collect();
    assert_eq!(shapes[0], (Topology::Triangles, Some(Indices::U16(vec![0, 1, 2, 2, 1, 3]))));
    assert_eq!(shapes[1], (Topology::Lines, Some(Indices::U16(vec![0, 1, 1, 2, 2, 3]))));
    assert_eq!(shapes[2], (Topology::Points, None));
}

#[test]
fn positions_that_are_not_finite_cost_their_triangle_only() {
    let mut model = Model::new();
    let positions = model.floats("VEC3", &[f32::NAN, 0., 0., 1., 0., 0., 0., 1., 0., 1., 1., 0.]);
    let indices = model.accessor("SCALAR", U8, false, 6, &[0, 1, 2, 1, 2, 3]);
    model.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices }));
    let (content, warnings) = model.decode().unwrap();
    assert_eq!(warnings.len(), 1);
    let primitive = &content.primitives[0];
    assert_eq!(primitive.indices, Some(Indices::U16(vec![0, 1, 2])));
    assert!(primitive.positions.iter().flatten().all(|c| c.is_finite()));
}

#[test]
fn mesh_features_come_from_attribute_implicit_and_texture() {
    let mut model = Model::triangle();
    let ids = model.floats("SCALAR", &[4., 5., 6.]);
    let uvs = model.floats("VEC2", &[0., 0., 1., 0., 0., 1.]);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 2, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[1, 2, 3, 4, 5, 6]).unwrap();
    let view = model.view(&png);
    model.push("images", json!({ "bufferView": view }));
    model.push("textures", json!({ "source": 0 }));
    let primitive = &mut model.json["meshes"][0]["primitives"][0];
    primitive["attributes"]["_FEATURE_ID_0"] = json!(ids);
    primitive["attributes"]["TEXCOORD_0"] = json!(uvs);
    primitive["extensions"] = json!({ "EXT_mesh_features": { "featureIds": [
        { "featureCount": 3, "attribute": 0, "nullFeatureId": 5, "propertyTable": 1 },
        { "featureCount": 3 },
        { "featureCount": 9, "label": "roof", "texture": { "index": 0, "texCoord": 0, "channels": [0, 2] } },
        { "featureCount": 3, "attribute": 7 },
    ] } });
    let (content, warnings) = model.decode().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let sets = &content.primitives[0].vertex_feature_ids;
    assert_eq!(sets.len(), 3);
    assert!(matches!(&sets[0].source, FeatureIdSource::Vertex(ids) if ids == &[4, 5, 6]));
    assert_eq!((sets[0].null_id, sets[0].table), (Some(5), Some(1)));
    assert!(matches!(&sets[1].source, FeatureIdSource::Implicit));
    let FeatureIdSource::Texture { width: 2, height: 1, ids, repeat: [true, true], .. } = &sets[2].source
    else {
        panic!("{:?}", sets[2]);
    };
    assert_eq!(ids, &[1 | 3 << 8, 4 | 6 << 8]);
    assert_eq!(content.textures.len(), 0);
}

#[test]
fn meshopt_views_decompress() {
    let mut model = Model::new();
    let vertices: Vec<[f32; 3]> = (0..40).map(|i| [i as f32, (i * i) as f32, -1.0]).collect();
    let rows: Vec<[u32; 3]> = vertices.iter().map(|v| v.map(f32::to_bits)).collect();
    let encoded = meshopt::encode_vertex_buffer(&rows).unwrap();
    let indices: Vec<u32> = (0..38).flat_map(|i| [i, i + 1, i + 2]).collect();
    let encoded_indices = meshopt::encode_index_buffer(&indices, 40).unwrap();
    for (bytes, stride, count, mode) in
        [(&encoded, 12, 40, "ATTRIBUTES"), (&encoded_indices, 2, 114, "TRIANGLES")]
    {
        let offset = model.json["bufferViews"].as_array().unwrap().len();
        let view = model.view(bytes);
        assert_eq!(view, offset);
        let extension = json!({ "buffer": 0, "byteOffset": model.json["bufferViews"][view]["byteOffset"],
            "byteLength": bytes.len(), "byteStride": stride, "count": count, "mode": mode });
        model.json["bufferViews"][view] = json!({ "buffer": 0, "byteLength": stride * count, "extensions": { "EXT_meshopt_compression": extension } });
    }
    model.push("accessors", json!({ "bufferView": 0, "componentType": F32, "count": 40, "type": "VEC3" }));
    model.push("accessors", json!({ "bufferView": 1, "componentType": U16, "count": 114, "type": "SCALAR" }));
    model.primitive(json!({ "attributes": { "POSITION": 0 }, "indices": 1 }));
    let content = model.content();
    assert_eq!(content.primitives[0].positions, vertices);
    let Some(Indices::U16(list)) = &content.primitives[0].indices else { panic!() };
    // The codec may rotate the corners of a triangle, nothing else.
    let sorted = |list: &mut dyn Iterator<Item = u32>| {
        let list: Vec<u32> = list.collect();
        list.chunks(3)
            .map(|t| {
                let mut t = t.to_vec();
                t.sort();
                t
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(sorted(&mut list.iter().map(|&i| u32::from(i))), sorted(&mut indices.iter().copied()));
    // A count beyond the budget is refused before memory is taken.
    model.json["bufferViews"][0]["extensions"]["EXT_meshopt_compression"]["count"] = json!(1u64 << 40);
    assert_eq!(model.decode().unwrap_err().kind, ContentErrorKind::OverBudget);
}

#[test]
fn sizes_that_lie_are_refused_before_memory_is_taken() {
    let mut model = Model::triangle();
    model.json["accessors"][0]["count"] = json!(4_000_000_000u64);
    assert_eq!(model.decode().unwrap_err().kind, ContentErrorKind::OverBudget);
    model.json["accessors"][0]["count"] = json!(4);
    let error = model.decode().unwrap_err();
    assert_eq!((error.kind, error.place.as_str()), (ContentErrorKind::Truncated, "/accessors/0"));
    model.json["accessors"][0]["count"] = json!(3);
    model.json["bufferViews"][0]["byteLength"] = json!(4096);
    let error = model.decode().unwrap_err();
    assert_eq!(error.reason, "bytes 0+4096 of buffer 0, which has 36 bytes");
}

#[test]
fn node_graphs_that_are_no_trees_end() {
    let mut model = Model::triangle();
    model.json["nodes"] = json!([{ "mesh": 0, "children": [1, 1] }, { "children": [0] }]);
    let (content, warnings) = model.decode().unwrap();
    assert_eq!((content.primitives.len(), warnings.len()), (1, 2));
    model.json["nodes"] = json!([{ "mesh": 3 }]);
    assert_eq!(model.decode().unwrap_err().to_string(), "a.glb at /nodes/0/mesh: mesh 3 of 1");
}

#[test]
fn what_cannot_be_read_says_so() {
    let error = |bytes: Bytes| gltf::parse(&bytes, "m").unwrap_err();
    let mut old = glb(b"{}", b"").to_vec();
    old[4] = 1;
    assert_eq!(error(Bytes::from(old)).kind, ContentErrorKind::Unsupported);
    let gltf1 = error(Bytes::from_static(br#"{"asset":{"version":"1.0"},"meshes":{"m":{}}}"#));
    assert!(gltf1.reason.contains("glTF 1.0"), "{gltf1}");
    assert_eq!(error(Bytes::from_static(b"b3dm")).kind, ContentErrorKind::UnknownFormat);
    assert_eq!(error(Bytes::from_static(b"{\"asset\":")).kind, ContentErrorKind::Invalid);
    let mut model = Model::triangle();
    model.json["extensionsRequired"] = json!(["KHR_materials_clearcoat", "ACME_shape"]);
    let unknown = model.decode().unwrap_err();
    assert_eq!(
        (unknown.kind, unknown.place.as_str()),
        (ContentErrorKind::Unsupported, "/extensionsRequired/1")
    );
}

#[test]
fn slips_beside_the_geometry_are_forgiven() {
    let mut model = Model::triangle();
    model.json["animations"] = json!([{ "nonsense": true }]);
    model.json["extras"] = json!(null);
    let (content, warnings) = model.decode().unwrap();
    assert_eq!((content.primitives.len(), warnings.len()), (1, 1));
    let mut model = Model::triangle();
    let ids = model.accessor("SCALAR", U8, false, 3, &[1, 1, 2]);
    model.json["meshes"][0]["primitives"][0]["attributes"]["BATCHID"] = json!(ids);
    assert_eq!(model.content().primitives[0].vertex_feature_ids[0].label, "_BATCHID");
}

#[test]
fn json_and_glb_give_the_same() {
    let model = Model::triangle();
    let (content, _) = content::decode(&model.gltf(), &context("a.gltf")).unwrap();
    assert_eq!(placed(&content), placed(&model.content()));
    assert_eq!(gltf::references(&model.gltf(), "a.gltf").unwrap(), Vec::<String>::new());
}
