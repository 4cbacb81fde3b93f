//! Properties read at points of the samples of `EXT_structural_metadata`, as their descriptions state them.

use std::sync::Arc;

use geodesy::{
    Ray,
    glam::{DMat4, DVec3},
};
use scene::{
    content,
    metadata::Value,
    pick::{FeatureAtPoint, Hit, PickMesh, PickOptions, Picker, Resident},
    streamer::{ContentId, DrawTile, TileId},
};

use crate::{
    legacy_files::{context_of, read},
    support::data,
};

/// A content, ready to be picked.
pub(crate) struct Scene {
    picker: Picker,
    drawn: Vec<DrawTile>,
}

impl Scene {
    pub(crate) fn load(path: &str) -> Option<Self> {
        let path = data("tiles")?.join(path);
        let bytes = read(&path);
        let (mut content, warnings) = content::decode(&bytes, &context_of(&path, &bytes)).unwrap();
        assert_eq!(warnings, []);
        let mut picker = Picker::default();
        let (id, tile) = (ContentId(7), TileId { index: 3, generation: 1 });
        let mesh = Arc::new(PickMesh::new(&mut content));
        let world_from_content = DMat4::IDENTITY;
        picker.insert(id, Resident { tile, mesh, world_from_content, depth: 0 });
        let drawn = DrawTile {
            content: id,
            tile,
            world_from_content,
            fade: 1.0,
            fading_out: false,
            views: 1,
            depth: 0,
            only_inside: Vec::new(),
        };
        Some(Self { picker, drawn: vec![drawn] })
    }

    pub(crate) fn pick(&self, origin: DVec3, direction: DVec3) -> Option<Hit> {
        self.picker.pick(&Ray { origin, direction }, &self.drawn, &PickOptions::default())
    }

    /// What is at (x, y) of a sample that lies in the x-y plane of its glTF, y up there, z up here.
    fn at(&self, x: f64, y: f64) -> Vec<FeatureAtPoint> {
        let hit =
            self.pick(DVec3::new(x, -10.0, y), DVec3::Y).unwrap_or_else(|| panic!("nothing at {x}, {y}"));
        assert!((hit.position_in_world - DVec3::new(x, 0.0, y)).length() < 1e-9);
        hit.features
    }
}

fn sample(name: &str) -> Option<Scene> {
    Scene::load(&format!("3d-tiles-samples/glTF/EXT_structural_metadata/{name}/{name}.gltf"))
}

fn text(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|text| Value::Text((*text).to_owned())).collect())
}

fn property<'a>(feature: &'a FeatureAtPoint, id: &str) -> &'a Value {
    let found = feature.properties.iter().find(|(name, _)| name == id);
    &found.unwrap_or_else(|| panic!("{id} is not among {feature:?}")).1
}

/// Middles of the four quads that have the feature ids 0 to 3.
const QUADS: [(f64, f64); 4] = [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)];

#[test]
fn arrays_strings_bits_and_enumerations() {
    let Some(scene) = sample("ComplexTypes") else { return };
    let bytes: [&[u8]; 4] = [&[0, 255], &[0, 128, 255], &[0, 85, 170, 255], &[0, 64, 128, 192, 255]];
    let bits = ["1010101010", "1100110011", "0011001100", "0101010101"];
    let texts: [&[&str]; 4] =
        [&["One"], &["One", "Two"], &["One", "Two", "Three"], &["One", "Two", "Theee", "Four"]];
    let enums = [["A", "B"], ["B", "C"], ["C", "A"], ["B", "C"]];
    for (id, (x, y)) in QUADS.into_iter().enumerate() {
        let [feature] = &scene.at(x, y)[..] else { panic!() };
        assert_eq!(feature.feature_id, Some(id as u32));
        assert_eq!(feature.table, "Example property table");
        let expected = bytes[id].iter().map(|b| Value::Float(f64::from(*b) / 255.0)).collect();
        assert_eq!(
            *property(feature, "example_variable_length_ARRAY_normalized_UINT8"),
            Value::Array(expected)
        );
        let expected = bits[id].chars().map(|bit| Value::Bool(bit == '1')).collect();
        assert_eq!(*property(feature, "example_fixed_length_ARRAY_BOOLEAN"), Value::Array(expected));
        assert_eq!(*property(feature, "example_variable_length_ARRAY_STRING"), text(texts[id]));
        let expected = enums[id].map(|letter| Value::Text(format!("ExampleEnumValue{letter}")));
        assert_eq!(*property(feature, "example_fixed_length_ARRAY_ENUM"), Value::Array(expected.to_vec()));
    }
}

#[test]
fn vectors_and_shared_tables() {
    let vector = |id: usize| {
        let component = |part: f32| Value::Float(f64::from(id as f32 + part));
        Value::Array(vec![Value::Float(id as f64), component(0.1), component(0.2)])
    };
    let close = |a: &Value, b: &Value| {
        let (a, b) = (a.as_array().unwrap(), b.as_array().unwrap());
        a.iter().zip(b).all(|(a, b)| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-6)
    };
    let Some(scene) = sample("FeatureIdAttributeAndPropertyTable") else { return };
    for (id, (x, y)) in QUADS.into_iter().enumerate() {
        let [feature] = &scene.at(x, y)[..] else { panic!() };
        assert!(close(property(feature, "example_VEC3_FLOAT32"), &vector(id)), "{feature:?}");
    }
    let shared = sample("SharedPropertyTable").unwrap();
    for shift in [-0.75, 0.75] {
        for (id, (x, y)) in QUADS.into_iter().enumerate() {
            let [feature] = &shared.at(x + shift, y)[..] else { panic!() };
            assert!(close(property(feature, "example_VEC3_FLOAT32"), &vector(id)), "{feature:?}");
        }
    }
}

#[test]
fn several_sets_lead_to_their_own_tables() {
    let Some(scene) = sample("MultipleClasses") else { return };
    for (id, (x, y)) in QUADS.into_iter().enumerate() {
        let [a, b] = &scene.at(x, y)[..] else { panic!() };
        // Both attributes of the file count down, whatever its description says.
        let (id, other) = (3 - id, 3 - id);
        assert_eq!((a.feature_id, b.feature_id), (Some(id as u32), Some(other as u32)));
        let Value::Float(float) = property(a, "example_FLOAT32") else { panic!() };
        assert!((float - [1.1, 2.2, 3.3, 4.4][id]).abs() < 1e-6);
        assert_eq!(*property(a, "example_INT64"), Value::Int([1234567, 2345678, 3456789, 4567890][id]));
        assert_eq!(*property(b, "example_UINT16"), Value::Int([12345, 23456, 34567, 45678][other]));
        assert_eq!(
            *property(b, "example_FLOAT64"),
            Value::Float([1.234567, 2.345678, 3.456789, 4.567890][other])
        );
    }
    let scene = sample("MultipleFeatureIdsAndProperties").unwrap();
    let weather = ["Rain 🌧", "Thunder ⛈", "Sun ☀", "Snow 🌨"];
    for (id, (x, y)) in QUADS.into_iter().enumerate() {
        let [a, b] = &scene.at(x, y)[..] else { panic!() };
        assert_eq!(*property(a, "example_STRING"), Value::Text(weather[id].into()));
        assert_eq!(*property(b, "example_STRING"), Value::Text(weather[3 - id].into()));
    }
}

#[test]
fn feature_id_textures_tell_doors_from_windows() {
    let Some(scene) = sample("FeatureIdTextureAndPropertyTable") else { return };
    // The texture of 16 × 16 texels shows a roof (top three rows), a window and a door in a wall.
    let places = [
        ((0.5, 0.95), "Roof", 1985),
        ((4.5 / 16.0, 1.0 - 6.5 / 16.0), "Window", 2002),
        ((10.5 / 16.0, 0.1), "Door", 1996),
        ((8.5 / 16.0, 0.1), "Wall", 1960),
        ((12.5 / 16.0, 0.1), "Wall", 1960),
        ((1.9 / 16.0, 1.0 - 6.5 / 16.0), "Wall", 1960),
        ((2.1 / 16.0, 1.0 - 6.5 / 16.0), "Window", 2002),
    ];
    for ((x, y), component, year) in places {
        let [feature] = &scene.at(x, y)[..] else { panic!() };
        assert_eq!(*property(feature, "component"), Value::Text(component.into()), "at {x}, {y}");
        assert_eq!(*property(feature, "yearBuilt"), Value::Int(year));
    }
}

#[test]
fn property_textures_are_read_at_the_texel() {
    let Some(scene) = sample("SimplePropertyTexture") else { return };
    // (column, row) of the texture, and red, green, blue there, read from the PNG with another decoder.
    for ((column, row), [inside, outside, insulation]) in
        [((0, 0), [13, 9, 40]), ((15, 0), [15, 10, 40]), ((2, 5), [15, 19, 10]), ((9, 15), [24, 15, 20])]
    {
        let (x, y) = ((f64::from(column) + 0.5) / 16.0, 1.0 - (f64::from(row) + 0.5) / 16.0);
        let [set] = &scene.at(x, y)[..] else { panic!() };
        assert_eq!((set.feature_id, set.table.as_str()), (None, "Building properties"));
        assert_eq!(*property(set, "insideTemperature"), Value::Int(inside));
        assert_eq!(*property(set, "outsideTemperature"), Value::Int(outside));
        assert_eq!(*property(set, "insulation"), Value::Float(insulation as f64 / 255.0));
    }
}

#[test]
fn property_attributes_of_points() {
    let Some(scene) = Scene::load(
        "3d-tiles-samples/glTF/EXT_structural_metadata/PropertyAttributesPointCloud/PropertyAttributesPointCloudHouse.gltf",
    ) else {
        return;
    };
    // The first point of the file: (0, 5.559, 0) with y up, intensity 0, classification 1.
    let hit = scene.pick(DVec3::new(0.0, -1.0, 5.559), DVec3::Y).unwrap();
    let [set] = &hit.features[..] else { panic!("{:?}", hit.features) };
    assert_eq!(*property(set, "classification"), Value::Text("Buildings".into()));
    let Value::Float(intensity) = property(set, "intensity") else { panic!() };
    assert!((0.0..=0.6333334).contains(intensity));
}

#[test]
fn instances_have_rows_of_their_own() {
    let Some(scene) = Scene::load("3d-tiles-samples/glTF/GpuInstancesMetadata/GpuInstancesMetadata.gltf")
    else {
        return;
    };
    // Instance n has the feature id 9 − n; the rows spell their numbers.
    let words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..10_000 {
        let (x, y) = (f64::from(step % 100) * 0.4 - 20.0, f64::from(step / 100) * 0.4 - 20.0);
        if let Some(hit) = scene.pick(DVec3::new(x, y, 1000.0), DVec3::NEG_Z) {
            let [feature] = &hit.features[..] else { panic!("{:?}", hit.features) };
            let id = 9 - hit.instance.unwrap();
            assert_eq!(feature.feature_id, Some(id));
            assert_eq!(*property(feature, "example_STRING"), Value::Text(words[id as usize].into()));
            seen.insert(id);
        }
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn batch_tables_are_read_at_a_building() {
    let Some(scene) =
        Scene::load("cesium-native/Cesium3DTilesSelection/test/data/BatchTables/batchedWithJson.b3dm")
    else {
        return;
    };
    // Straight down onto each building's own longitude and latitude, as its row states them.
    let positions = [
        (-1.3196595204101946, 0.6988582109, 11.762595914304256),
        (-1.3196739888070643, 0.6988498770649103, 13.992324123159051),
        (-1.3196641114334025, 0.6988533339856887, 7.490081690251827),
        (-1.3196579305297966, 0.6988691467754378, 13.484312580898404),
    ];
    for (id, (lon, lat, height)) in positions.into_iter().enumerate() {
        let ray = scene::pick::ray_down(geodesy::WorldFrame::Earth, [lon, lat], 1000.0);
        let hit = scene.pick(ray.origin, ray.direction).unwrap_or_else(|| panic!("building {id}"));
        let [feature] = &hit.features[..] else { panic!() };
        assert_eq!(feature.feature_id, Some(id as u32));
        // The JSON reader may be off by the last bit.
        assert!((property(feature, "Height").as_f64().unwrap() - height).abs() < 1e-12);
        // A box as high as its row says stands on the ellipsoid.
        assert!((1000.0 - hit.distance_m - height).abs() < 0.6, "{} for {height}", 1000.0 - hit.distance_m);
    }
}
