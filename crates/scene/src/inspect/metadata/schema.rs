//! Schemas: classes, properties and enumerations.

use std::collections::BTreeSet;

use serde_json::Value;

use super::class::check_class;
use super::model::{COMPONENT_TYPES, Component, INTEGER_TYPES, Schema};
use crate::inspect::extensions::check_common;
use crate::inspect::json::{
    At, array_of_objects, identifier, integer, is_identifier, non_empty_string, object, one_of,
    optional_string, required, string,
};
use crate::inspect::sink::Out;

/// Checks a schema; a model of it if nothing is wrong.
pub(in crate::inspect) fn check_schema(at: &At<'_>, out: &mut Out<'_>) -> Option<Schema> {
    let mark = out.mark();
    object(at, out)?;
    check_common(at, out);
    if let Some(id) = required(at, "id", out) {
        identifier(&id, out);
    }
    for key in ["name", "description", "version"] {
        optional_string(at, key, out);
    }
    if let Some(enums) = at.get("enums")
        && object(&enums, out).is_some()
    {
        for (id, item) in enums.entries() {
            check_id(id, &item, out);
            check_enum(&item, out);
        }
    }
    if let Some(classes) = at.get("classes")
        && object(&classes, out).is_some()
    {
        for (id, class) in classes.entries() {
            check_id(id, &class, out);
            check_class(&class, at, out);
        }
    }
    out.clean_since(mark).then(|| Schema::from_checked(at.value))
}

/// The key of an entry must be an identifier.
pub(in crate::inspect) fn check_id(id: &str, at: &At<'_>, out: &mut Out<'_>) {
    if !is_identifier(id) {
        out.error(at, format!("'{id}' is not an identifier (letters, digits, underscore, no digit first)"));
    }
}

fn check_enum(at: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    for key in ["name", "description"] {
        optional_string(at, key, out);
    }
    let mut value_type = Component::U16;
    if let Some(declared) = at.get("valueType")
        && string(&declared, out).is_some()
        && let Some(name) = one_of(&declared, &INTEGER_TYPES, out)
    {
        value_type = Component::parse(name).unwrap_or(Component::U16);
    }
    let Some(values) = required(at, "values", out) else { return };
    if !array_of_objects(&values, 1, out) {
        return;
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for value in values.elements() {
        check_common(&value, out);
        optional_string(&value, "description", out);
        if let Some(name) = required(&value, "name", out)
            && let Some(text) = non_empty_string(&name, out)
            && !names.insert(text.to_owned())
        {
            out.error(name, format!("the name '{text}' appears more than once"));
        }
        if let Some(number) = required(&value, "value", out)
            && let Some(exact) = integer(&number, out)
        {
            if !numbers.insert(exact) {
                out.error(number, format!("the value {exact} appears more than once"));
            }
            if let Some((low, high)) = value_type.integer_range()
                && !(low..=high).contains(&exact)
            {
                out.error(number, format!("must be between {low} and {high}, but is {exact}"));
            }
        }
    }
}

/// The names of an enumeration in a schema under inspection.
pub(super) fn enum_names<'b>(schema: &'b At<'_>, id: &str) -> Option<Vec<&'b str>> {
    let values = schema.value.get("enums")?.get(id)?;
    let list = values.get("values").and_then(Value::as_array);
    Some(list.into_iter().flatten().filter_map(|v| v.get("name")?.as_str()).collect())
}

/// The component type that a property declares, if it is one.
pub(super) fn component_of(at: &At<'_>, out: &mut Out<'_>) -> Option<Component> {
    let declared = at.get("componentType")?;
    string(&declared, out)?;
    one_of(&declared, &COMPONENT_TYPES, out).and_then(Component::parse)
}
