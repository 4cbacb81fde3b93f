//! Meshes and their primitives (glTF 2.0 §"Meshes").

use std::collections::BTreeSet;

use serde_json::Value;

use super::accessor::{self, Values};
use super::asset::Asset;
use crate::inspect::json::{At, array_of_objects, index_below, integer, object, required};
use crate::inspect::sink::Out;

/// How far the length of a unit vector may be off, as stored with few bits.
const UNIT_TOLERANCE: f64 = 0.00674;

/// What the meshes draw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) triangles: u64,
    pub(super) points: u64,
}

/// Checks all meshes.
pub(super) fn check_all(asset: &Asset<'_>, out: &mut Out<'_>) -> Figures {
    let mut figures = Figures::default();
    let mut unit_checked = BTreeSet::new();
    for mesh in asset.at.get("meshes").iter().flat_map(|m| m.elements()) {
        let Some(primitives) = required(&mesh, "primitives", out) else { continue };
        if !array_of_objects(&primitives, 1, out) {
            continue;
        }
        for primitive in primitives.elements() {
            check_primitive(asset, &primitive, &mut figures, &mut unit_checked, out);
        }
    }
    figures
}

fn check_primitive(
    asset: &Asset<'_>,
    at: &At<'_>,
    figures: &mut Figures,
    unit_checked: &mut BTreeSet<usize>,
    out: &mut Out<'_>,
) {
    if let Some(material) = at.get("material") {
        index_below(&material, asset.count("materials"), "materials", out);
    }
    let mode = match at.get("mode") {
        Some(given) => match integer(&given, out) {
            Some(mode @ 0..=6) => mode,
            Some(other) => {
                out.error(given, format!("must be between 0 and 6, but is {other}"));
                return;
            }
            None => return,
        },
        None => 4,
    };
    let Some(attributes) = required(at, "attributes", out) else { return };
    if object(&attributes, out).is_none() {
        return;
    }
    if attributes.len() == 0 {
        out.error(attributes, "must have at least one entry, but is empty");
    }
    let compressed = Asset::extension(at.value, "KHR_draco_mesh_compression").is_some();
    let mut vertices = None;
    for (name, accessor) in attributes.entries() {
        let Some(index) = index_below(&accessor, asset.count("accessors"), "accessors", out) else {
            continue;
        };
        let Some(declared) = asset.item("accessors", index) else { continue };
        let count = declared.get("count").and_then(Value::as_u64);
        match (vertices, count) {
            (None, _) => vertices = count,
            (Some(other), Some(count)) if other != count => {
                out.error(accessor, format!("has {count} elements, but another attribute has {other}"));
            }
            _ => {}
        }
        check_attribute(asset, name, &accessor, declared, out);
        if matches!(name, "NORMAL" | "TANGENT") && !compressed && unit_checked.insert(index) {
            check_unit(asset, index, &accessor, out);
        }
    }
    if attributes.get("POSITION").is_none() {
        out.info(attributes, "there is no POSITION: nothing is drawn");
    }
    let drawn = match at.get("indices") {
        Some(indices) => check_indices(asset, &indices, vertices, compressed, out),
        None => vertices,
    };
    for target in at.get("targets").iter().flat_map(|t| t.elements()) {
        for (_, accessor) in target.entries() {
            index_below(&accessor, asset.count("accessors"), "accessors", out);
        }
    }
    let Some(drawn) = drawn else { return };
    let suits = match mode {
        1 => drawn >= 2 && drawn % 2 == 0,
        2 | 3 => drawn >= 2,
        4 => drawn >= 3 && drawn % 3 == 0,
        5 | 6 => drawn >= 3,
        _ => true,
    };
    if !suits {
        out.warning(at, format!("{drawn} vertices do not suit the drawing mode {mode}"));
    }
    match mode {
        0 => figures.points = figures.points.saturating_add(drawn),
        4 => figures.triangles = figures.triangles.saturating_add(drawn / 3),
        5 | 6 => figures.triangles = figures.triangles.saturating_add(drawn.saturating_sub(2)),
        _ => {}
    }
}

/// Types that attributes may have (glTF 2.0 §"Meshes", `KHR_mesh_quantization`).
fn check_attribute(asset: &Asset<'_>, name: &str, at: &At<'_>, accessor: &Value, out: &mut Out<'_>) {
    let type_name = accessor.get("type").and_then(Value::as_str).unwrap_or_default();
    let code = accessor.get("componentType").and_then(Value::as_u64).unwrap_or(0);
    let normalized = accessor.get("normalized").and_then(Value::as_bool).unwrap_or(false);
    let used = asset.at.value.get("extensionsUsed").and_then(Value::as_array);
    let quantized = used.is_some_and(|u| u.iter().any(|n| n == "KHR_mesh_quantization"));
    let real = code == 5126;
    let small = matches!(code, 5120..=5123) && quantized;
    let unsigned_normalized = matches!(code, 5121 | 5123) && normalized;
    let (base, set) = name.rsplit_once('_').filter(|(b, _)| !b.is_empty()).unwrap_or((name, ""));
    let fine = match base {
        "POSITION" => type_name == "VEC3" && (real || small),
        "NORMAL" => type_name == "VEC3" && (real || (small && normalized)),
        "TANGENT" => type_name == "VEC4" && (real || (small && normalized)),
        "TEXCOORD" => type_name == "VEC2" && (real || unsigned_normalized || small),
        "COLOR" => matches!(type_name, "VEC3" | "VEC4") && (real || unsigned_normalized),
        "JOINTS" => type_name == "VEC4" && matches!(code, 5121 | 5123),
        "WEIGHTS" => type_name == "VEC4" && (real || unsigned_normalized),
        _ if name.starts_with('_') => code != 5125,
        _ => {
            out.error(at, format!("'{name}' is no attribute; own ones begin with an underscore"));
            return;
        }
    };
    if !fine {
        out.error(at, format!("a {type_name} of component type {code} does not suit the attribute {name}"));
    }
    if ["TEXCOORD", "COLOR", "JOINTS", "WEIGHTS"].contains(&base) && set.parse::<u32>().is_err() {
        out.error(at, format!("'{name}' does not end in a number"));
    }
    if name == "POSITION" {
        for key in ["min", "max"] {
            if accessor.get(key).is_none() {
                out.error(at, format!("the accessor of POSITION must declare '{key}'"));
            }
        }
    }
    check_vertex_layout(asset, at, accessor, out);
}

/// Vertex attributes lie at multiples of 4 bytes; several in one buffer view need its stride.
fn check_vertex_layout(asset: &Asset<'_>, at: &At<'_>, accessor: &Value, out: &mut Out<'_>) {
    let Some(view_index) = accessor.get("bufferView").and_then(Value::as_u64) else { return };
    let Some(view) = asset.referred(accessor, "bufferView", "bufferViews") else { return };
    let figure = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
    let begin = figure(view, "byteOffset").wrapping_add(figure(accessor, "byteOffset"));
    if begin % 4 != 0 {
        out.error(at, format!("vertex data begin at byte {begin}, which is no multiple of 4"));
    }
    let stride = view.get("byteStride").and_then(Value::as_u64);
    let code = figure(accessor, "componentType");
    let size: u64 = match code {
        5120 | 5121 => 1,
        5122 | 5123 => 2,
        _ => 4,
    };
    let type_name = accessor.get("type").and_then(Value::as_str).unwrap_or_default();
    let packed = size * crate::inspect::metadata::model::component_count(type_name) as u64;
    if stride.is_none() && !packed.is_multiple_of(4) {
        out.error(at, format!("an element of {packed} bytes needs a byteStride that is a multiple of 4"));
    }
    if asset.is_shared(view_index) && stride.is_none() && asset.view(view_index as usize).is_some() {
        out.error(
            at,
            format!("the buffer view {view_index} is shared by several accessors, so it needs a byteStride"),
        );
    }
}

fn check_unit(asset: &Asset<'_>, index: usize, at: &At<'_>, out: &mut Out<'_>) {
    let Some(values) = accessor::values(asset, index).filter(|v| v.components >= 3) else { return };
    let mut wrong = 0;
    let mut first = None;
    for i in 0..values.count {
        let squares: f64 = (0..3).filter_map(|c| values.real(i, c)).map(|v| v * v).sum();
        if (squares.sqrt() - 1.0).abs() > UNIT_TOLERANCE {
            wrong += 1;
            first = first.or(Some((i, squares.sqrt())));
        }
    }
    if let Some((i, length)) = first {
        out.error(
            at,
            format!(
                "{wrong} of {} vectors are not of length 1; the first is number {i} of length {length}",
                values.count
            ),
        );
    }
}

fn check_indices(
    asset: &Asset<'_>,
    at: &At<'_>,
    vertices: Option<u64>,
    compressed: bool,
    out: &mut Out<'_>,
) -> Option<u64> {
    let index = index_below(at, asset.count("accessors"), "accessors", out)?;
    let declared = asset.item("accessors", index)?;
    let count = declared.get("count").and_then(Value::as_u64);
    let code = declared.get("componentType").and_then(Value::as_u64).unwrap_or(0);
    if declared.get("type").and_then(Value::as_str) != Some("SCALAR") || !matches!(code, 5121 | 5123 | 5125) {
        out.error(at, "indices must be unsigned scalars");
        return count;
    }
    if asset.referred(declared, "bufferView", "bufferViews").is_some_and(|v| v.get("byteStride").is_some()) {
        out.error(at, "the buffer view of indices has no byteStride");
    }
    let values: Option<Values> = if compressed { None } else { accessor::values(asset, index) };
    if let (Some(values), Some(vertices)) = (values, vertices) {
        let high = (0..values.count).filter_map(|i| values.get(i, 0)).fold(-1.0, f64::max);
        if high >= vertices as f64 {
            out.error(at, format!("holds the index {high}, but there are {vertices} vertices"));
        }
    }
    count
}
