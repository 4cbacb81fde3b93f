//! Property tables: what their JSON must say (3D Metadata specification §"Binary table format").

use super::entity::check_class_reference;
use super::model::{Property, Schema};
use super::value::{self, Shape};
use crate::inspect::extensions::check_common;
use crate::inspect::json::{At, index_below, integer_from, object, one_of, optional_string, required};
use crate::inspect::sink::Out;

const OFFSET_TYPES: [&str; 4] = ["UINT8", "UINT16", "UINT32", "UINT64"];

/// Checks a property table that may refer to `buffer_views` buffer views.
pub(in crate::inspect) fn check_table(at: &At<'_>, buffer_views: usize, schema: &Schema, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    optional_string(at, "name", out);
    if let Some(count) = required(at, "count", out) {
        integer_from(&count, 0, out);
    }
    let Some(class) = check_class_reference(at, schema, out) else { return };
    let Some(properties) = at.get("properties") else { return };
    for (id, given) in properties.entries() {
        if let Some(property) = class.get(id) {
            check_table_property(&given, property, buffer_views, schema, out);
        }
    }
}

fn check_table_property(
    at: &At<'_>,
    property: &Property,
    buffer_views: usize,
    schema: &Schema,
    out: &mut Out<'_>,
) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    if let Some(values) = required(at, "values", out) {
        index_below(&values, buffer_views, "buffer views", out);
    }
    let offsets = [
        ("arrayOffsets", "arrayOffsetType", property.is_variable_length(), "an array of variable length"),
        ("stringOffsets", "stringOffsetType", property.type_name == "STRING", "a STRING"),
    ];
    for (key, type_key, needed, of) in offsets {
        match at.get(key) {
            Some(index) if needed => {
                index_below(&index, buffer_views, "buffer views", out);
            }
            Some(index) => out.error(index, format!("'{key}' is for {of} only")),
            None if needed => out.error(at, format!("{of} needs '{key}'")),
            None => {}
        }
        if let Some(declared) = at.get(type_key) {
            one_of(&declared, &OFFSET_TYPES, out);
        }
    }
    check_overrides(at, property, schema, out);
}

/// `offset`, `scale`, `max` and `min` that a table, texture or attribute gives for one of its properties.
pub(in crate::inspect) fn check_overrides(
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    out: &mut Out<'_>,
) {
    let real = property.normalized
        || matches!(property.component, Some(super::model::Component::F32 | super::model::Component::F64));
    for key in ["offset", "scale", "max", "min"] {
        let Some(given) = at.get(key) else { continue };
        if !property.is_numeric() || (!real && matches!(key, "offset" | "scale")) {
            out.error(given, format!("'{key}' does not suit the type {}", property.type_name));
        } else if property.is_variable_length() {
            out.error(given, format!("'{key}' cannot be given for an array of variable length"));
        } else {
            value::check(&given, &Shape::of(property, schema), false, out);
        }
    }
}
