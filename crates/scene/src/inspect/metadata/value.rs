//! A JSON value against the property it is for: shape, component range, enumeration names.

use serde_json::Value;

use super::model::{Component, Property, Schema, component_count, is_numeric};
use crate::inspect::json::{At, array, exact_integer, number, string};
use crate::inspect::sink::Out;

/// All numbers of a nested list, in order; `None` if something else is in it.
pub(in crate::inspect) fn flatten(value: &Value) -> Option<Vec<f64>> {
    fn collect(value: &Value, into: &mut Vec<f64>) -> bool {
        match value {
            Value::Number(n) => {
                into.extend(n.as_f64());
                true
            }
            Value::Array(items) => items.iter().all(|item| collect(item, into)),
            _ => false,
        }
    }
    let mut numbers = Vec::new();
    collect(value, &mut numbers).then_some(numbers)
}

/// What a value must look like, read from the JSON of a class property that may still be under inspection.
pub(in crate::inspect) struct Shape<'a> {
    pub(in crate::inspect) type_name: &'a str,
    pub(in crate::inspect) component: Option<Component>,
    pub(in crate::inspect) array: bool,
    pub(in crate::inspect) count: Option<u64>,
    /// Names of the enumeration, if it is one.
    pub(in crate::inspect) names: Vec<&'a str>,
}

impl<'a> Shape<'a> {
    /// The shape of a checked property.
    pub(in crate::inspect) fn of(property: &'a Property, schema: &'a Schema) -> Self {
        Self {
            type_name: &property.type_name,
            component: property.component,
            array: property.array,
            count: property.count,
            names: schema
                .enum_of(property)
                .map(|e| e.values.keys().map(String::as_str).collect())
                .unwrap_or_default(),
        }
    }
}

/// Checks the shape of a value; with `in_range` also that numbers fit the component type.
pub(in crate::inspect) fn check(at: &At<'_>, shape: &Shape<'_>, in_range: bool, out: &mut Out<'_>) {
    if !shape.array {
        check_element(at, shape, in_range, out);
        return;
    }
    let Some(length) = array(at, 0, out) else { return };
    if let Some(count) = shape.count
        && count != length as u64
    {
        out.error(at, format!("must have {count} elements, but has {length}"));
        return;
    }
    for element in at.elements() {
        check_element(&element, shape, in_range, out);
    }
}

fn check_element(at: &At<'_>, shape: &Shape<'_>, in_range: bool, out: &mut Out<'_>) {
    match shape.type_name {
        "STRING" => {
            string(at, out);
        }
        "BOOLEAN" if !at.value.is_boolean() => {
            out.error(at, format!("must be a boolean, but is {}", at.value));
        }
        "ENUM" => {
            if let Some(name) = string(at, out)
                && !shape.names.contains(&name)
            {
                out.error(
                    at,
                    format!("'{name}' is not a value of the enumeration ({})", shape.names.join(", ")),
                );
            }
        }
        "SCALAR" => check_number(at, shape.component, in_range, out),
        vector if is_numeric(vector) => {
            let Some(length) = array(at, 0, out) else { return };
            if length != component_count(vector) {
                out.error(
                    at,
                    format!("a {vector} has {} components, but there are {length}", component_count(vector)),
                );
                return;
            }
            at.elements().for_each(|c| check_number(&c, shape.component, in_range, out));
        }
        _ => {}
    }
}

fn check_number(at: &At<'_>, component: Option<Component>, in_range: bool, out: &mut Out<'_>) {
    let (Some(value), true) = (number(at, out), in_range) else { return };
    match component.and_then(Component::integer_range) {
        Some((low, high)) => {
            let exact = at.value.as_number().and_then(exact_integer);
            let fits = exact.map_or(value >= low as f64 && value <= high as f64, |v| v >= low && v <= high);
            if !fits {
                out.error(at, format!("must be between {low} and {high}, but is {}", at.value));
            }
        }
        None if component == Some(Component::F32) && value.abs() > f64::from(f32::MAX) => {
            out.error(at, format!("does not fit a 32-bit real number: {value}"));
        }
        None => {}
    }
}

/// The first component of `values` below the least or above the greatest allowed, with the bound.
pub(in crate::inspect) fn first_outside(
    values: &[f64],
    least: Option<&[f64]>,
    greatest: Option<&[f64]>,
    single_precision: bool,
) -> Option<(f64, f64)> {
    // A bound written in decimal need not be a 32-bit number itself.
    let as_stored = |bound: f64| if single_precision { f64::from(bound as f32) } else { bound };
    let outside = |bounds: Option<&[f64]>, beyond: fn(f64, f64) -> bool| {
        values
            .iter()
            .zip(bounds?)
            .map(|(v, bound)| (*v, *bound))
            .find(|(v, bound)| beyond(*v, *bound) && beyond(*v, as_stored(*bound)))
    };
    outside(least, |v, bound| v < bound).or_else(|| outside(greatest, |v, bound| v > bound))
}
