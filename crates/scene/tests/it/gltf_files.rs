//! Real glTF, glb and b3dm files.

use std::path::Path;

use bytes::Bytes;
use scene::content::{
    self, ContentCost, ContentError, ContentErrorKind, Indices, TextureFormat, TextureSupport, TileContent,
    Warning,
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
        for bc in [false, true] {
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
    assert!(decoded > 1000, "{decoded}");
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
