//! Feature tables and batch tables (3D Tiles 1.0 §"Feature table", §"Batch table").

use serde_json::Value;

use crate::inspect::json::{At, integer_from, kind, number, required};
use crate::inspect::sink::Out;

/// What a feature table may hold.
pub(super) struct Semantic {
    name: &'static str,
    components: usize,
    component_type: &'static str,
    /// Other component types that the table may declare.
    alternatives: &'static [&'static str],
    /// One for all features, not one each.
    global: bool,
}

const fn each(name: &'static str, components: usize, component_type: &'static str) -> Semantic {
    Semantic { name, components, component_type, alternatives: &[], global: false }
}

const fn global(name: &'static str, components: usize, component_type: &'static str) -> Semantic {
    Semantic { name, components, component_type, alternatives: &[], global: true }
}

const BATCH_ID: Semantic = Semantic {
    name: "BATCH_ID",
    components: 1,
    component_type: "UNSIGNED_SHORT",
    alternatives: &["UNSIGNED_BYTE", "UNSIGNED_SHORT", "UNSIGNED_INT"],
    global: false,
};

/// `b3dm`.
pub(super) const BATCHED: &[Semantic] =
    &[global("BATCH_LENGTH", 1, "UNSIGNED_INT"), global("RTC_CENTER", 3, "FLOAT")];

/// `i3dm`.
pub(super) const INSTANCED: &[Semantic] = &[
    each("POSITION", 3, "FLOAT"),
    each("POSITION_QUANTIZED", 3, "UNSIGNED_SHORT"),
    each("NORMAL_UP", 3, "FLOAT"),
    each("NORMAL_RIGHT", 3, "FLOAT"),
    each("NORMAL_UP_OCT32P", 2, "UNSIGNED_SHORT"),
    each("NORMAL_RIGHT_OCT32P", 2, "UNSIGNED_SHORT"),
    each("SCALE", 1, "FLOAT"),
    each("SCALE_NON_UNIFORM", 3, "FLOAT"),
    BATCH_ID,
    global("INSTANCES_LENGTH", 1, "UNSIGNED_INT"),
    global("RTC_CENTER", 3, "FLOAT"),
    global("QUANTIZED_VOLUME_OFFSET", 3, "FLOAT"),
    global("QUANTIZED_VOLUME_SCALE", 3, "FLOAT"),
    // A boolean: `components` 0.
    global("EAST_NORTH_UP", 0, ""),
];

/// `pnts`.
pub(super) const POINTS: &[Semantic] = &[
    each("POSITION", 3, "FLOAT"),
    each("POSITION_QUANTIZED", 3, "UNSIGNED_SHORT"),
    each("RGBA", 4, "UNSIGNED_BYTE"),
    each("RGB", 3, "UNSIGNED_BYTE"),
    each("RGB565", 1, "UNSIGNED_SHORT"),
    each("NORMAL", 3, "FLOAT"),
    each("NORMAL_OCT16P", 2, "UNSIGNED_BYTE"),
    BATCH_ID,
    global("POINTS_LENGTH", 1, "UNSIGNED_INT"),
    global("RTC_CENTER", 3, "FLOAT"),
    global("QUANTIZED_VOLUME_OFFSET", 3, "FLOAT"),
    global("QUANTIZED_VOLUME_SCALE", 3, "FLOAT"),
    global("CONSTANT_RGBA", 4, "UNSIGNED_BYTE"),
    global("BATCH_LENGTH", 1, "UNSIGNED_INT"),
];

/// A length that a feature table must give, inline or in its binary part.
pub(super) fn length(features: &At<'_>, key: &str, binary: &[u8], out: &mut Out<'_>) -> Option<u64> {
    let given = required(features, key, out)?;
    optional_length(&given, binary, out)
}

fn optional_length(given: &At<'_>, binary: &[u8], out: &mut Out<'_>) -> Option<u64> {
    let offset = given.value.get("byteOffset").and_then(Value::as_u64);
    match offset.and_then(|o| binary.get(usize::try_from(o).ok()?..)?.first_chunk::<4>()) {
        Some(bytes) => Some(u64::from(u32::from_le_bytes(*bytes))),
        None => integer_from(given, 0, out),
    }
}

/// Which positions and normals must come together.
pub(super) fn check_positions(features: &At<'_>, out: &mut Out<'_>) {
    let has = |key: &str| features.get(key).is_some();
    if !has("POSITION") && !has("POSITION_QUANTIZED") {
        out.error(features, "has neither POSITION nor POSITION_QUANTIZED");
    }
    if has("POSITION_QUANTIZED") && !(has("QUANTIZED_VOLUME_OFFSET") && has("QUANTIZED_VOLUME_SCALE")) {
        out.error(features, "POSITION_QUANTIZED needs QUANTIZED_VOLUME_OFFSET and QUANTIZED_VOLUME_SCALE");
    }
    for (up, right) in [("NORMAL_UP", "NORMAL_RIGHT"), ("NORMAL_UP_OCT32P", "NORMAL_RIGHT_OCT32P")] {
        if has(up) != has(right) {
            out.error(features, format!("{up} and {right} must come together"));
        }
    }
}

/// `BATCH_ID` and `BATCH_LENGTH` of points; gives the rows of the batch table.
pub(super) fn check_point_batches(features: &At<'_>, points: u64, binary: &[u8], out: &mut Out<'_>) -> u64 {
    let (ids, length) = (features.get("BATCH_ID"), features.get("BATCH_LENGTH"));
    if ids.is_some() != length.is_some() {
        out.error(features, "BATCH_ID and BATCH_LENGTH must come together");
    }
    let Some(length) = length.and_then(|l| optional_length(&l, binary, out)) else { return points };
    if length > points {
        out.error(features, format!("BATCH_LENGTH {length} is larger than POINTS_LENGTH {points}"));
    }
    length
}

/// Whether `3DTILES_draco_point_compression` holds the property.
fn is_compressed(table: &At<'_>, name: &str) -> bool {
    table
        .value
        .get("extensions")
        .and_then(|e| e.get("3DTILES_draco_point_compression")?.get("properties")?.get(name))
        .is_some()
}

/// Checks every property of a feature table.
pub(super) fn check_features(
    table: &At<'_>,
    binary: &[u8],
    length: u64,
    semantics: &[Semantic],
    out: &mut Out<'_>,
) {
    for (name, property) in table.entries() {
        if name == "extensions" || name == "extras" {
            continue;
        }
        let Some(semantic) = semantics.iter().find(|s| s.name == name) else {
            out.error(property, format!("a feature table of this format has no property '{name}'"));
            continue;
        };
        if is_compressed(table, name) {
            continue;
        }
        if semantic.components == 0 {
            if !property.value.is_boolean() {
                out.error(property, format!("must be a boolean, but is {}", kind(property.value)));
            }
            continue;
        }
        let items = if semantic.global { 1 } else { length };
        if property.value.get("byteOffset").is_some() {
            let declared = property.get("componentType");
            let component = declared.as_ref().map_or(Some(semantic.component_type), |d| d.value.as_str());
            let allowed = semantic.alternatives.is_empty()
                || component.is_some_and(|c| semantic.alternatives.contains(&c));
            match component.filter(|_| allowed) {
                Some(component) => {
                    check_reference(&property, component, semantic.components, items, binary, out)
                }
                None => out.error(property, "the component type is none of those allowed here"),
            }
            continue;
        }
        if semantic.global && semantic.components == 1 {
            number(&property, out);
            continue;
        }
        let Some(values) = property.value.as_array() else {
            out.error(
                property,
                format!("must be an array or refer to the binary part, but is {}", kind(property.value)),
            );
            continue;
        };
        if items.checked_mul(semantic.components as u64) != Some(values.len() as u64) {
            out.error(
                property,
                format!(
                    "must have {} numbers for each of {items}, but has {}",
                    semantic.components,
                    values.len()
                ),
            );
        }
        property.elements().for_each(|v| {
            number(&v, out);
        });
    }
}

/// A reference to the binary part of a table.
fn check_reference(
    property: &At<'_>,
    component: &str,
    components: usize,
    items: u64,
    binary: &[u8],
    out: &mut Out<'_>,
) {
    let Some(offset) = property.get("byteOffset").and_then(|o| integer_from(&o, 0, out)) else { return };
    let Some(size) = component_bytes(component) else {
        out.error(property, format!("'{component}' is no component type"));
        return;
    };
    if offset % size != 0 {
        out.error(
            property,
            format!("begins at byte {offset} of the binary part, which is no multiple of {size}"),
        );
    }
    let bytes = items.checked_mul(size * components as u64);
    if bytes.and_then(|b| b.checked_add(offset)).is_none_or(|end| end > binary.len() as u64) {
        out.error(
            property,
            format!(
                "{items} values from byte {offset} on do not fit the binary part of {} bytes",
                binary.len()
            ),
        );
    }
}

fn component_bytes(name: &str) -> Option<u64> {
    Some(match name {
        "BYTE" | "UNSIGNED_BYTE" => 1,
        "SHORT" | "UNSIGNED_SHORT" => 2,
        "INT" | "UNSIGNED_INT" | "FLOAT" => 4,
        "DOUBLE" => 8,
        _ => return None,
    })
}

/// Checks a batch table of `length` rows.
pub(super) fn check_batch(table: &At<'_>, binary: &[u8], length: u64, out: &mut Out<'_>) {
    for (name, property) in table.entries() {
        if name == "extensions" {
            property.entries().for_each(|(extension, _)| out.found_extension(extension));
            continue;
        }
        if name == "extras" || is_compressed(table, name) {
            continue;
        }
        if property.value.get("byteOffset").is_none() {
            match property.value.as_array() {
                Some(rows) if rows.len() as u64 == length => {}
                Some(rows) => out.error(property, format!("must have {length} rows, but has {}", rows.len())),
                // Before `3DTILES_batch_table_hierarchy` was an extension it lay here.
                None if name == "HIERARCHY" && property.value.is_object() => {}
                None => out.error(
                    property,
                    format!("must be an array or refer to the binary part, but is {}", kind(property.value)),
                ),
            }
            continue;
        }
        let text = |key: &str| property.value.get(key).and_then(Value::as_str);
        let components = match text("type") {
            Some("SCALAR") => 1,
            Some("VEC2") => 2,
            Some("VEC3") => 3,
            Some("VEC4") => 4,
            _ => {
                out.error(property, "needs a 'type': SCALAR, VEC2, VEC3 or VEC4");
                continue;
            }
        };
        match text("componentType") {
            Some(component) => check_reference(&property, component, components, length, binary, out),
            None => out.error(property, "needs a 'componentType'"),
        }
    }
}
