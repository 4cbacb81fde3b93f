//! Classes and their properties.

use super::model::{Component, TYPES, is_numeric};
use super::schema::{check_id, component_of, enum_names};
use super::semantics;
use super::value::{self, Shape};
use crate::inspect::extensions::check_common;
use crate::inspect::json::{
    At, integer_from, non_empty_string, object, one_of, optional_bool, optional_string, required, string,
};
use crate::inspect::sink::Out;

/// Checks a class of `schema`.
pub(super) fn check_class(at: &At<'_>, schema: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    for key in ["name", "description"] {
        optional_string(at, key, out);
    }
    if let Some(parent) = at.get("parent") {
        string(&parent, out);
    }
    let Some(properties) = at.get("properties") else { return };
    if object(&properties, out).is_none() {
        return;
    }
    if properties.len() == 0 {
        out.error(properties, "must have at least one entry, but is empty");
        return;
    }
    let mark = out.mark();
    for (id, property) in properties.entries() {
        check_id(id, &property, out);
        check_property(&property, schema, out);
    }
    if out.clean_since(mark) {
        semantics::check(&properties, out);
    }
}

fn check_property(at: &At<'_>, schema: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    for key in ["name", "description"] {
        optional_string(at, key, out);
    }
    if let Some(semantic) = at.get("semantic") {
        non_empty_string(&semantic, out);
    }
    let mark = out.mark();
    let Some(type_at) = required(at, "type", out) else { return };
    let Some(type_name) = string(&type_at, out).and_then(|_| one_of(&type_at, &TYPES, out)) else { return };
    let component = check_component(at, type_name, out);
    let enum_names = check_enum_type(at, type_name, schema, out);
    let (array, count) = check_array(at, out);
    let normalized = check_normalized(at, type_name, component, out);
    let is_required = optional_bool(at, "required", out).unwrap_or(false);
    // The rest depends on the parts above.
    if !out.clean_since(mark) {
        return;
    }
    let shape = Shape { type_name, component, array, count, names: enum_names };
    let real =
        is_numeric(type_name) && (normalized || matches!(component, Some(Component::F32 | Component::F64)));
    for key in ["offset", "scale", "max", "min"] {
        let Some(bound) = at.get(key) else { continue };
        let for_reals_only = key == "offset" || key == "scale";
        if for_reals_only && !real {
            out.error(
                bound,
                format!("'{key}' is for real or normalised numbers only, but the type is {type_name}"),
            );
        } else if !is_numeric(type_name) {
            out.error(bound, format!("'{key}' is for numbers only, but the type is {type_name}"));
        } else if array && count.is_none() {
            out.error(bound, format!("'{key}' cannot be given for an array of variable length"));
        } else {
            value::check(&bound, &shape, false, out);
        }
    }
    for key in ["noData", "default"] {
        let Some(given) = at.get(key) else { continue };
        if is_required {
            out.error(given, format!("'{key}' has no meaning for a required property"));
        } else if key == "noData" && type_name == "BOOLEAN" {
            out.error(given, "a boolean has no 'noData' value");
        } else {
            value::check(&given, &shape, true, out);
        }
    }
}

fn check_component(at: &At<'_>, type_name: &str, out: &mut Out<'_>) -> Option<Component> {
    let component = component_of(at, out);
    match at.get("componentType") {
        None if is_numeric(type_name) => out.error(at, format!("a {type_name} needs a 'componentType'")),
        Some(declared) if component.is_some() && !is_numeric(type_name) => {
            out.error(declared, format!("a {type_name} has no 'componentType'"));
        }
        _ => {}
    }
    component
}

fn check_enum_type<'b>(at: &At<'_>, type_name: &str, schema: &'b At<'_>, out: &mut Out<'_>) -> Vec<&'b str> {
    match (at.get("enumType"), type_name == "ENUM") {
        (None, true) => out.error(at, "an ENUM needs an 'enumType'"),
        (None, false) => {}
        (Some(declared), is_enum) => {
            let Some(id) = string(&declared, out) else { return Vec::new() };
            if !is_enum {
                out.error(declared, format!("a {type_name} has no 'enumType'"));
            } else {
                match enum_names(schema, id) {
                    Some(names) => return names,
                    None => out.error(declared, format!("the schema has no enumeration '{id}'")),
                }
            }
        }
    }
    Vec::new()
}

fn check_array(at: &At<'_>, out: &mut Out<'_>) -> (bool, Option<u64>) {
    let array = optional_bool(at, "array", out).unwrap_or(false);
    let mut count = None;
    if let Some(declared) = at.get("count") {
        count = integer_from(&declared, 2, out);
        if !array {
            out.error(declared, "'count' is for arrays only");
        }
    }
    (array, count)
}

fn check_normalized(at: &At<'_>, type_name: &str, component: Option<Component>, out: &mut Out<'_>) -> bool {
    let normalized = optional_bool(at, "normalized", out).unwrap_or(false);
    if normalized && !component.is_some_and(|c| c.integer_range().is_some() && is_numeric(type_name)) {
        out.error(at, "'normalized' is for integer component types only");
    }
    normalized
}
