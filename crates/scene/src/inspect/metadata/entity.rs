//! Metadata entities (of tileset, groups, tiles, contents) and statistics.

use serde_json::Value;

use super::model::{Property, Schema};
use super::value::{self, Shape, first_outside, flatten};
use crate::inspect::extensions::check_common;
use crate::inspect::json::{At, array, integer_from, is_identifier, number, object, required, string};
use crate::inspect::sink::Out;

/// Checks `class` and the ids in `properties` against the schema, and that required properties are there.
/// Gives the properties of the class.
pub(in crate::inspect) fn check_class_reference<'s>(
    at: &At<'_>,
    schema: &'s Schema,
    out: &mut Out<'_>,
) -> Option<&'s std::collections::BTreeMap<String, Property>> {
    let mark = out.mark();
    let class_at = required(at, "class", out)?;
    let name = string(&class_at, out)?;
    let Some(class) = schema.classes.get(name) else {
        out.error(class_at, format!("the schema has no class '{name}'"));
        return None;
    };
    let given = at.get("properties");
    if let Some(properties) = &given {
        object(properties, out)?;
        if properties.len() == 0 {
            out.error(properties, "must have at least one entry, but is empty");
            return None;
        }
        for (id, property) in properties.entries() {
            if !is_identifier(id) {
                out.error(property, format!("'{id}' is not an identifier"));
            } else if !class.contains_key(id) {
                out.error(property, format!("the class '{name}' has no property '{id}'"));
            }
        }
    }
    for (id, _) in class.iter().filter(|(_, p)| p.required) {
        if given.as_ref().and_then(|g| g.get(id)).is_none() {
            out.error(at, format!("the required property '{id}' has no value"));
        }
    }
    out.clean_since(mark).then_some(class)
}

/// Checks a metadata entity.
pub(in crate::inspect) fn check_entity(at: &At<'_>, schema: &Schema, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    let Some(class) = check_class_reference(at, schema, out) else { return };
    let Some(properties) = at.get("properties") else { return };
    for (id, given) in properties.entries() {
        let Some(property) = class.get(id) else { continue };
        let mark = out.mark();
        value::check(&given, &Shape::of(property, schema), true, out);
        if out.clean_since(mark) && property.is_numeric() {
            check_bounds(&given, property, out);
        }
    }
}

fn check_bounds(given: &At<'_>, property: &Property, out: &mut Out<'_>) {
    let Some(raw) = flatten(given.value) else { return };
    if property.no_data.as_ref() == Some(&raw) {
        return;
    }
    let values = property.process(&raw, None, None);
    if let Some((value, bound)) =
        first_outside(&values, property.min.as_deref(), property.max.as_deref(), false)
    {
        out.error(given, format!("the value {value} lies beyond the bound {bound} of the class"));
    }
}

/// Checks `statistics` of a tileset.
pub(in crate::inspect) fn check_statistics(
    at: &At<'_>,
    schema: Option<&Schema>,
    has_schema: bool,
    out: &mut Out<'_>,
) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    let Some(classes) = at.get("classes") else { return };
    if object(&classes, out).is_none() {
        return;
    }
    if classes.len() == 0 {
        out.error(classes, "must have at least one entry, but is empty");
    }
    if !has_schema {
        out.error(classes, "the tileset has no schema that these classes could be of");
        return;
    }
    let Some(schema) = schema else { return };
    for (id, statistics) in classes.entries() {
        let Some(class) = schema.classes.get(id) else {
            out.error(statistics, format!("the schema has no class '{id}'"));
            continue;
        };
        if object(&statistics, out).is_none() {
            continue;
        }
        check_common(&statistics, out);
        if let Some(count) = statistics.get("count") {
            integer_from(&count, 0, out);
        }
        let Some(properties) = statistics.get("properties") else { continue };
        if object(&properties, out).is_none() {
            continue;
        }
        if properties.len() == 0 {
            out.error(properties, "must have at least one entry, but is empty");
        }
        for (id, property) in properties.entries() {
            match class.get(id) {
                Some(of) => check_statistics_property(&property, of, out),
                None => out.error(property, format!("the class has no property '{id}'")),
            }
        }
    }
}

fn check_statistics_property(at: &At<'_>, property: &Property, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    for key in ["min", "max", "mean", "median", "standardDeviation", "variance", "sum"] {
        let Some(figure) = at.get(key) else { continue };
        if !property.is_numeric() {
            out.error(figure, format!("'{key}' is for numbers only"));
        } else if matches!(figure.value, Value::Array(_)) {
            array(&figure, 1, out);
        } else {
            number(&figure, out);
        }
    }
    if let Some(occurrences) = at.get("occurrences")
        && object(&occurrences, out).is_some()
    {
        for (_, count) in occurrences.entries() {
            integer_from(&count, 0, out);
        }
    }
}
