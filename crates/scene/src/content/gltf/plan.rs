//! What of a document is drawn, and where: the walk over scene and nodes that measuring and decoding share.

use geodesy::glam::{DMat4, DQuat, DVec3};
use gltf::json::Value;

use super::document::Document;
use crate::content::{ContentError, ContentErrorKind, UpAxis, Warning};

/// Deepest node chain that is followed.
const MAX_DEPTH: usize = 256;

/// Extensions that may be required: read, or without influence on the shape and base colour.
const KNOWN: &[&str] = &[
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    "EXT_instance_features",
    "EXT_mesh_features",
    "EXT_mesh_gpu_instancing",
    "EXT_mesh_primitive_restart",
    "EXT_meshopt_compression",
    "EXT_structural_metadata",
    "EXT_texture_webp",
    "KHR_draco_mesh_compression",
    "KHR_lights_punctual",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_techniques_webgl",
    "KHR_texture_basisu",
    "KHR_texture_transform",
    "KHR_xmp_json_ld",
];

/// A mesh and its places.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) mesh: usize,
    /// `content_from_primitive` of its primitives.
    pub(super) content_from_mesh: DMat4,
    /// More than one place without instancing attributes: one matrix each.
    pub(super) places: Vec<DMat4>,
    /// The node, if it carries `EXT_mesh_gpu_instancing`.
    pub(super) instancing: Option<usize>,
}

/// Refuses documents that require what is not read.
pub(super) fn check_required_extensions(document: &Document) -> Result<(), ContentError> {
    for (i, name) in document.json.extensions_required.iter().enumerate() {
        if !KNOWN.contains(&name.as_str()) && !name.starts_with("KHR_materials_") {
            let reason = format!("requires the extension {name}, which is not read");
            return Err(document.error(
                ContentErrorKind::Unsupported,
                format!("/extensionsRequired/{i}"),
                reason,
            ));
        }
    }
    Ok(())
}

/// `content_from_scene`: up-axis correction, then the `CESIUM_RTC` centre (given in z-up content space).
fn content_from_scene(document: &Document, up_axis: UpAxis) -> DMat4 {
    let axis = match up_axis {
        UpAxis::Y => {
            DMat4::from_cols_array(&[1., 0., 0., 0., 0., 0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1.])
        }
        UpAxis::X => {
            DMat4::from_cols_array(&[0., 0., 1., 0., 0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 0., 1.])
        }
        UpAxis::Z => DMat4::IDENTITY,
    };
    let rtc = document.json.extensions.as_ref().and_then(|e| e.others.get("CESIUM_RTC"));
    match rtc.and_then(|rtc| vec3(rtc.get("center")?)) {
        Some(center) => DMat4::from_translation(center) * axis,
        None => axis,
    }
}

fn vec3(value: &Value) -> Option<DVec3> {
    let v = value.as_array()?;
    let vector = DVec3::new(v.first()?.as_f64()?, v.get(1)?.as_f64()?, v.get(2)?.as_f64()?);
    vector.is_finite().then_some(vector)
}

fn local_transform(document: &Document, node: usize) -> DMat4 {
    let t = document.node_transform(node);
    if let Some(matrix) = t.matrix {
        return DMat4::from_cols_array(&matrix);
    }
    let rotation = DQuat::from_array(t.rotation.unwrap_or([0., 0., 0., 1.]));
    let length = rotation.length();
    let rotation = if length.is_finite() && length > 1e-9 { rotation / length } else { DQuat::IDENTITY };
    DMat4::from_scale_rotation_translation(
        t.scale.map_or(DVec3::ONE, DVec3::from_array),
        rotation,
        t.translation.map_or(DVec3::ZERO, DVec3::from_array),
    )
}

/// Every mesh that the default scene shows, in node order.
///
/// # Errors
/// A node or mesh index out of range, or nodes nested too deeply.
pub(super) fn draws(
    document: &Document,
    up_axis: UpAxis,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Draw>, ContentError> {
    let json = &document.json;
    let base = content_from_scene(document, up_axis);
    let mut draws: Vec<Draw> = Vec::new();
    let mut plain_draw_of_mesh: Vec<Option<usize>> = vec![None; json.meshes.len()];
    let mut visited = vec![false; json.nodes.len()];
    let mut stack: Vec<(usize, DMat4, usize)> =
        roots(document)?.into_iter().rev().map(|n| (n, DMat4::IDENTITY, 0)).collect();
    while let Some((node_index, scene_from_parent, depth)) = stack.pop() {
        let place = format!("/nodes/{node_index}");
        let (Some(node), Some(seen)) = (json.nodes.get(node_index), visited.get_mut(node_index)) else {
            return Err(document.invalid(place, format!("node {node_index} of {}", json.nodes.len())));
        };
        if std::mem::replace(seen, true) {
            warnings.push(document.warning(place, "reached twice: nodes must form a tree; drawn once"));
            continue;
        }
        if depth > MAX_DEPTH {
            return Err(document.invalid(place, format!("nested more than {MAX_DEPTH} deep")));
        }
        let scene_from_node = scene_from_parent * local_transform(document, node_index);
        if !scene_from_node.is_finite() {
            warnings.push(document.warning(place, "its transform is not finite; left out"));
            continue;
        }
        if let Some(mesh) = node.mesh.map(|m| m.value()) {
            let Some(slot) = plain_draw_of_mesh.get_mut(mesh) else {
                return Err(document
                    .invalid(format!("{place}/mesh"), format!("mesh {mesh} of {}", json.meshes.len())));
            };
            let instanced =
                node.extensions.as_ref().is_some_and(|e| e.others.contains_key("EXT_mesh_gpu_instancing"));
            match slot.and_then(|i| draws.get_mut(i)) {
                Some(draw) if !instanced => draw.places.push(scene_from_node),
                _ => {
                    if !instanced {
                        *slot = Some(draws.len());
                    }
                    draws.push(Draw {
                        mesh,
                        content_from_mesh: base * scene_from_node,
                        places: if instanced { Vec::new() } else { vec![scene_from_node] },
                        instancing: instanced.then_some(node_index),
                    });
                }
            }
        }
        for child in node.children.iter().flatten().rev() {
            stack.push((child.value(), scene_from_node, depth + 1));
        }
    }
    for draw in &mut draws {
        match draw.places.len() {
            0 => {}
            1 => draw.places.clear(),
            _ => draw.content_from_mesh = base,
        }
    }
    Ok(draws)
}

fn roots(document: &Document) -> Result<Vec<usize>, ContentError> {
    let json = &document.json;
    let scene = json.scene.map_or(0, |s| s.value());
    if let Some(scene) = json.scenes.get(scene) {
        return Ok(scene.nodes.iter().map(|n| n.value()).collect());
    }
    if json.scene.is_some() {
        return Err(document.invalid("/scene", format!("scene {scene} of {}", json.scenes.len())));
    }
    // Without scenes nothing need be drawn; what was meant is every node that is nobody's child.
    let mut is_child = vec![false; json.nodes.len()];
    for child in json.nodes.iter().flat_map(|n| n.children.iter().flatten()) {
        if let Some(slot) = is_child.get_mut(child.value()) {
            *slot = true;
        }
    }
    Ok(is_child.iter().enumerate().filter(|(_, child)| !**child).map(|(i, _)| i).collect())
}
