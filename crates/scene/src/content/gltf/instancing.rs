//! `EXT_mesh_gpu_instancing` and the feature ids of instances (`EXT_instance_features`).

use geodesy::glam::{DMat4, DQuat, DVec3};
use gltf::json::Value;

use super::document::Document;
use super::features;
use crate::content::{ContentError, FeatureIdSource, FeatureIds, Warning};

fn extension<'a>(document: &'a Document, node: usize, name: &str) -> Option<&'a Value> {
    document.json.nodes.get(node)?.extensions.as_ref()?.others.get(name)
}

fn accessor_index(document: &Document, node: usize, attribute: &str) -> Option<usize> {
    let attributes = extension(document, node, "EXT_mesh_gpu_instancing")?.get("attributes")?;
    usize::try_from(attributes.get(attribute)?.as_u64()?).ok()
}

/// Number of instances of a node, from accessor counts.
pub(super) fn count(document: &Document, node: usize) -> Result<u64, ContentError> {
    let attributes = extension(document, node, "EXT_mesh_gpu_instancing").and_then(|e| e.get("attributes"));
    let Some(attributes) = attributes.and_then(Value::as_object) else { return Ok(0) };
    let mut count: Option<u64> = None;
    for index in attributes.values().filter_map(Value::as_u64) {
        let n = document.accessor_count(usize::try_from(index).unwrap_or(usize::MAX))?;
        count = Some(count.map_or(n, |c| c.min(n)));
    }
    Ok(count.unwrap_or(0))
}

/// Number of feature id sets of the instances of a node.
pub(super) fn feature_sets(document: &Document, node: usize) -> u64 {
    let list =
        extension(document, node, "EXT_instance_features").and_then(|e| e.get("featureIds")?.as_array());
    list.map_or(0, |list| list.len() as u64)
}

/// `primitive_from_instance` of each instance.
pub(super) fn transforms(document: &Document, node: usize) -> Result<Vec<DMat4>, ContentError> {
    let count = count(document, node)? as usize;
    let read =
        |name: &str| accessor_index(document, node, name).map(|index| document.accessor(index)).transpose();
    let translations = read("TRANSLATION")?.map(|a| a.to_f32::<3>(0.0));
    let rotations = read("ROTATION")?.map(|a| a.to_f32::<4>(0.0));
    let scales = read("SCALE")?.map(|a| a.to_f32::<3>(1.0));
    let vector = |stream: &Option<Vec<[f32; 3]>>, i: usize, default: DVec3| {
        stream.as_ref().and_then(|s| s.get(i)).map_or(default, |v| DVec3::from_array(v.map(f64::from)))
    };
    let matrix = |i: usize| {
        let rotation = rotations.as_ref().and_then(|s| s.get(i)).map(|q| DQuat::from_array(q.map(f64::from)));
        let rotation =
            rotation.filter(|q| q.is_finite() && q.length() > 1e-6).map_or(DQuat::IDENTITY, DQuat::normalize);
        let scale = vector(&scales, i, DVec3::ONE);
        DMat4::from_scale_rotation_translation(scale, rotation, vector(&translations, i, DVec3::ZERO))
    };
    Ok((0..count).map(matrix).collect())
}

/// Feature id sets of the instances of a node.
pub(super) fn feature_ids(
    document: &Document,
    node: usize,
    instances: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<FeatureIds>, ContentError> {
    let Some(extension) = extension(document, node, "EXT_instance_features") else { return Ok(Vec::new()) };
    let place = format!("/nodes/{node}/extensions/EXT_instance_features");
    let mut sets = Vec::new();
    for (i, json) in features::parse_list(document, extension, &place, warnings).into_iter().enumerate() {
        let ids = match json.attribute {
            None => (0..instances as u32).collect(),
            Some(n) => match accessor_index(document, node, &format!("_FEATURE_ID_{n}")) {
                Some(accessor) => document.accessor(accessor)?.to_u32(),
                None => {
                    let place = format!("{place}/featureIds/{i}/attribute");
                    warnings.push(document.warning(place, format!("no instance attribute _FEATURE_ID_{n}")));
                    continue;
                }
            },
        };
        let mut ids = ids;
        ids.truncate(instances);
        sets.push(json.with(i, FeatureIdSource::Instance(ids)));
    }
    Ok(sets)
}
