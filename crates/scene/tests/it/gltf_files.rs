//! Real glTF, glb and b3dm files.

use std::path::Path;

use bytes::Bytes;
use scene::content::{
    self, ContentCost, ContentError, ContentErrorKind, Indices, TextureFormat, TextureSupport, TileContent,
    Warning, gltf,
};

use crate::support::{context_of, data, files, model_of};

fn decode_file(path: &Path) -> Result<(TileContent, Vec<Warning>), ContentError> {
    let model = model_of(&Bytes::from(std::fs::read(path).unwrap())).unwrap();
    content::decode(&model, &context_of(path, &model))
}

fn within(actual: ContentCost, bound: ContentCost) -> bool {
    actual.cpu_bytes <= bound.cpu_bytes
        && actual.gpu_bytes <= bound.gpu_bytes
        && actual.transient_bytes <= bound.transient_bytes
}

fn check_consistent(content: &TileContent, name: &str) {
    for primitive in &content.primitives {
        let vertices = primitive.positions.len();
        assert!(vertices > 0, "{name}");
        let largest = match &primitive.indices {
            Some(Indices::U16(list)) => list.iter().copied().max().map(u32::from),
            Some(Indices::U32(list)) => list.iter().copied().max(),
            None => None,
        };
        assert!(largest.is_none_or(|i| (i as usize) < vertices), "{name}: index {largest:?} of {vertices}");
        assert!(primitive.normals.as_ref().is_none_or(|s| s.len() == vertices), "{name}");
        assert!(primitive.uvs.as_ref().is_none_or(|s| s.len() == vertices), "{name}");
        assert!(primitive.colors.as_ref().is_none_or(|s| s.len() == vertices), "{name}");
        assert!(primitive.positions.iter().flatten().all(|c| c.is_finite()), "{name}");
        assert!(primitive.material.is_some_and(|m| m < content.materials.len()), "{name}");
    }
    for material in &content.materials {
        assert!(material.base_color_texture.is_none_or(|t| t < content.textures.len()), "{name}");
    }
}

#[test]
fn no_file_panics_and_none_takes_more_than_was_measured() {
    let Some(root) = data("tiles") else { return };
    let mut decoded = 0;
    for path in files(&root, &["glb", "gltf", "b3dm"]) {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let Some(model) = model_of(&Bytes::from(std::fs::read(&path).unwrap())) else { continue };
        let has_ktx2 = model.windows(6).any(|w| w == b"KTX 20");
        for bc in [false, true] {
            if bc && !has_ktx2 {
                continue;
            }
            let mut context = context_of(&path, &model);
            context.texture_support = TextureSupport { bc, ..TextureSupport::default() };
            let measured = content::measure(&model, &context);
            match content::decode(&model, &context) {
                Ok((content, _)) => {
                    decoded += 1;
                    check_consistent(&content, &name);
                    let measured = measured.unwrap();
                    assert!(within(content.cost(), measured), "{name}: {:?} of {measured:?}", content.cost());
                }
                Err(error) => assert_ne!(error.reason, "", "{name}"),
            }
        }
    }
    assert!(decoded > 600, "{decoded}");
}

#[test]
fn a_budget_below_the_measure_refuses_before_decoding() {
    let Some(root) = data("tiles/guangdong") else { return };
    let path = &files(&root, &["b3dm"])[0];
    let model = model_of(&Bytes::from(std::fs::read(path).unwrap())).unwrap();
    let mut context = context_of(path, &model);
    let measured = content::measure(&model, &context).unwrap();
    context.budget_bytes = measured.cpu_bytes + measured.gpu_bytes - 1;
    let error = content::decode(&model, &context).unwrap_err();
    assert_eq!(error.kind, ContentErrorKind::OverBudget, "{error}");
    context.budget_bytes += 1;
    assert!(content::decode(&model, &context).is_ok());
}

#[test]
fn the_photogrammetry_of_guangdong_decodes_whole() {
    let Some(root) = data("tiles/guangdong") else { return };
    let mut triangles = 0;
    for path in files(&root, &["b3dm"]) {
        let (content, warnings) = decode_file(&path).unwrap();
        assert_eq!(warnings, []);
        for primitive in &content.primitives {
            triangles += match primitive.indices.as_ref().unwrap() {
                Indices::U16(list) => list.len() / 3,
                Indices::U32(list) => list.len() / 3,
            };
            let uvs = primitive.uvs.as_ref().unwrap();
            assert!(uvs.iter().flatten().all(|c| (-0.01..=1.01).contains(c)), "{}", path.display());
            let material = &content.materials[primitive.material.unwrap()];
            assert!(material.unlit);
            let texture = &content.textures[material.base_color_texture.unwrap()];
            assert_eq!(texture.format, TextureFormat::Rgba8Srgb);
            let sizes: Vec<usize> = texture.mips.iter().map(Vec::len).collect();
            assert_eq!(sizes[0], (texture.width * texture.height * 4) as usize);
            assert_eq!(sizes.last(), Some(&4));
        }
    }
    assert_eq!(triangles, 117_387);
}

#[test]
fn dingo_gap_has_the_triangles_that_its_readme_counts() {
    let Some(root) = data("tiles/dingo-gap") else { return };
    let mut triangles = 0;
    for path in files(&root, &["b3dm"]) {
        let (content, _) = decode_file(&path).unwrap();
        for primitive in &content.primitives {
            triangles += match &primitive.indices {
                Some(Indices::U16(list)) => list.len() / 3,
                Some(Indices::U32(list)) => list.len() / 3,
                None => primitive.positions.len() / 3,
            };
        }
    }
    assert_eq!(triangles, 298_357);
}

/// Box of a primitive's positions as its accessor declares it.
fn declared_bounds(document: &gltf::Document) -> ([f64; 3], [f64; 3]) {
    let primitive = &document.json.meshes[0].primitives[0];
    let position =
        primitive.attributes.iter().find(|(s, _)| format!("{s:?}").contains("Positions")).unwrap().1;
    let accessor = &document.json.accessors[position.value()];
    let corner =
        |v: &Option<serde_json::Value>| -> [f64; 3] { serde_json::from_value(v.clone().unwrap()).unwrap() };
    (corner(&accessor.min), corner(&accessor.max))
}

#[test]
fn draco_positions_fill_the_box_that_their_accessor_declares() {
    let Some(root) = data("tiles/guangdong") else { return };
    for path in files(&root, &["b3dm"]) {
        let model = model_of(&Bytes::from(std::fs::read(&path).unwrap())).unwrap();
        let (lower, upper) = declared_bounds(&gltf::parse(&model, "t").unwrap());
        let (content, _) = content::decode(&model, &context_of(&path, &model)).unwrap();
        let bounds = content.primitives[0].bounds;
        for axis in 0..3 {
            let tolerance = (upper[axis] - lower[axis]) * 0.01;
            assert!((f64::from(bounds.0[axis]) - lower[axis]).abs() <= tolerance, "{}", path.display());
            assert!((f64::from(bounds.1[axis]) - upper[axis]).abs() <= tolerance, "{}", path.display());
        }
    }
}

#[test]
fn a_duck_is_the_same_duck_however_it_is_compressed() {
    let Some(root) = data("tiles/cesium-native/CesiumGltfReader/test/data/DucksMeshopt") else { return };
    let ducks = files(&root, &["glb"]);
    assert!(ducks.len() >= 5);
    let mut first: Option<[f64; 6]> = None;
    for path in &ducks {
        let (content, warnings) = decode_file(path).unwrap();
        assert_eq!(warnings, [], "{}", path.display());
        assert_eq!(content.textures.len(), 1);
        let primitive = &content.primitives[0];
        let matrix = primitive.content_from_primitive;
        let corner = |p: [f32; 3]| {
            matrix.transform_point3(geodesy::glam::DVec3::from_array(p.map(f64::from))).to_array()
        };
        let (a, b) = (corner(primitive.bounds.0), corner(primitive.bounds.1));
        let duck = [0, 1, 2, 3, 4, 5].map(|i| if i < 3 { a[i].min(b[i]) } else { a[i - 3].max(b[i - 3]) });
        // Positions are integers scaled by the node, so its scale is the step of quantisation (0.01 unquantised).
        let step = matrix.x_axis.length() + 0.001;
        let first = first.get_or_insert(duck);
        assert!(
            duck.iter().zip(first.iter()).all(|(a, b)| (a - b).abs() <= step),
            "{}: {duck:?}",
            path.display()
        );
    }
}

#[test]
fn the_balloon_keeps_its_basis_textures_compressed() {
    let Some(root) = data("tiles/cesium-native/CesiumGltfReader/test/data/CesiumBalloon") else { return };
    let model = Bytes::from(std::fs::read(root.join("CesiumBalloonKTX2.glb")).unwrap());
    let mut context = context_of(&root.join("CesiumBalloonKTX2.glb"), &model);
    let (plain, _) = content::decode(&model, &context).unwrap();
    context.texture_support = TextureSupport { bc: true, ..TextureSupport::default() };
    let (compressed, warnings) = content::decode(&model, &context).unwrap();
    assert_eq!(warnings, []);
    assert!(!compressed.textures.is_empty());
    for (a, b) in plain.textures.iter().zip(&compressed.textures) {
        assert_eq!((a.format, a.mips.len() as u32), (TextureFormat::Rgba8Srgb, a.width.ilog2() + 1));
        assert!(matches!(b.format, TextureFormat::Bc1Srgb | TextureFormat::Bc3Srgb), "{:?}", b.format);
        assert!(b.mips[0].len() * 4 <= a.mips[0].len());
    }
}

#[test]
fn damaged_files_are_refused_or_drawn_but_never_panic() {
    let Some(root) = data("tiles") else { return };
    let names = [
        "cesium-native/CesiumGltfReader/test/data/DucksMeshopt",
        "cesium-native/CesiumGltfReader/test/data/CesiumBalloon",
        "3d-tiles-samples/glTF",
        "guangdong",
    ];
    let mut random = 0x2545_F491_4F6C_DD1Du64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    let (mut refused, mut drawn) = (0, 0);
    for path in
        names.iter().flat_map(|name| files(&root.join(name), &["glb", "gltf", "b3dm"]).into_iter().take(4))
    {
        let model = model_of(&Bytes::from(std::fs::read(&path).unwrap())).unwrap();
        if model.len() > 400_000 {
            continue;
        }
        let mut context = context_of(&path, &model);
        context.budget_bytes = 64 << 20;
        for round in 0..12 {
            let mut damaged = model.to_vec();
            for _ in 0..=round {
                // Often in the JSON, where a byte changes the most.
                let reach = if round % 2 == 0 { damaged.len().min(4000) } else { damaged.len() };
                let at = next() % reach;
                damaged[at] = next() as u8;
            }
            if round % 4 == 3 {
                damaged.truncate(next() % model.len());
            }
            let damaged = Bytes::from(damaged);
            let measured = content::measure(&damaged, &context);
            match content::decode(&damaged, &context) {
                Ok((content, _)) => {
                    drawn += 1;
                    check_consistent(&content, &path.display().to_string());
                    assert!(within(content.cost(), measured.unwrap()), "{}", path.display());
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 20 && drawn > 10, "{refused} {drawn}");
}
