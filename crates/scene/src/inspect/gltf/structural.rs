//! `EXT_structural_metadata`: schema, property tables, and what primitives refer to.

use serde_json::Value;

use super::asset::Asset;
use super::{accessor, property_texture};
use crate::inspect::json::{At, array, array_of_objects, index_below, object, required, string};
use crate::inspect::metadata::entity::check_class_reference;
use crate::inspect::metadata::model::{Component, Property, Schema};
use crate::inspect::metadata::table::{check_overrides, check_table};
use crate::inspect::metadata::table_data::{View, check_bounds, check_table_data};
use crate::inspect::session::Session;
use crate::inspect::sink::Out;
use crate::inspect::tileset::read_schema;

const NAME: &str = "EXT_structural_metadata";

/// Checks the extension at the top and in all primitives.
pub(super) fn check(session: &mut Session<'_>, uri: &str, asset: &Asset<'_>) {
    let extensions = asset.at.get("extensions");
    let top = extensions.as_ref().and_then(|e| e.get(NAME));
    let mark = session.out(uri).mark();
    let mut schema = None;
    if let Some(top) = &top {
        if object(top, &mut session.out(uri)).is_none() {
            return;
        }
        let state = read_schema(session, uri, top);
        if !state.present {
            session.out(uri).error(top, "has neither 'schema' nor 'schemaUri'");
            return;
        }
        let Some(read) = state.schema else { return };
        check_top(asset, top, &read, &mut session.out(uri));
        schema = Some(read);
    }
    if !session.out(uri).clean_since(mark) {
        return;
    }
    let Some(meshes) = asset.at.get("meshes") else { return };
    for mesh in meshes.elements() {
        let primitives = mesh.get("primitives");
        for primitive in primitives.iter().flat_map(|p| p.elements()) {
            let extensions = primitive.get("extensions");
            let Some(extension) = extensions.as_ref().and_then(|e| e.get(NAME)) else { continue };
            match (&top, &schema) {
                (Some(top), Some(schema)) => {
                    check_primitive(session, uri, asset, &primitive, &extension, top, schema)
                }
                _ => session.out(uri).error(extension, format!("there is no {NAME} at the top")),
            }
        }
    }
}

fn check_top(asset: &Asset<'_>, top: &At<'_>, schema: &Schema, out: &mut Out<'_>) {
    if let Some(tables) = top.get("propertyTables")
        && array_of_objects(&tables, 1, out)
    {
        let bytes: Vec<_> = (0..asset.count("bufferViews")).map(|i| asset.view(i)).collect();
        let views: Vec<View<'_>> = bytes
            .iter()
            .enumerate()
            .map(|(i, bytes)| {
                let declared = asset.item("bufferViews", i);
                let figure = |key: &str| declared.and_then(|v| v.get(key)?.as_u64()).unwrap_or(0);
                View {
                    byte_offset: figure("byteOffset"),
                    byte_length: figure("byteLength"),
                    data: bytes.as_deref(),
                }
            })
            .collect();
        for table in tables.elements() {
            let mark = out.mark();
            check_table(&table, views.len(), schema, out);
            if out.clean_since(mark) {
                check_table_data(&table, &views, schema, out);
            }
        }
    }
    for (key, check) in [
        (
            "propertyTextures",
            property_texture::check_property as fn(&Asset<'_>, &At<'_>, &Property, &Schema, &mut Out<'_>),
        ),
        ("propertyAttributes", check_attribute_property),
    ] {
        let Some(list) = top.get(key) else { continue };
        if !array_of_objects(&list, 1, out) {
            continue;
        }
        for item in list.elements() {
            let Some(class) = check_class_reference(&item, schema, out) else { continue };
            let Some(properties) = item.get("properties") else { continue };
            for (id, property_at) in properties.entries() {
                if let Some(property) = class.get(id)
                    && object(&property_at, out).is_some()
                {
                    check(asset, &property_at, property, schema, out);
                }
            }
        }
    }
}

/// A property of a property attribute.
fn check_attribute_property(
    _asset: &Asset<'_>,
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    out: &mut Out<'_>,
) {
    if let Some(attribute) = required(at, "attribute", out) {
        string(&attribute, out);
    }
    let stored = schema.stored_as(property);
    let small = [Component::I8, Component::U8, Component::I16, Component::U16];
    if property.array {
        out.error(at, "an array cannot be a property attribute");
    } else if matches!(property.type_name.as_str(), "STRING" | "BOOLEAN") {
        out.error(at, format!("a {} cannot be a property attribute", property.type_name));
    } else if !stored.is_some_and(|s| small.contains(&s) || s == Component::F32) {
        out.error(at, "the component type cannot be stored in a vertex attribute (8 and 16 bit integers and FLOAT32 can)");
    } else {
        check_overrides(at, property, schema, out);
    }
}

fn check_primitive(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    primitive: &At<'_>,
    extension: &At<'_>,
    top: &At<'_>,
    schema: &Schema,
) {
    if object(extension, &mut session.out(uri)).is_none() {
        return;
    }
    let attributes = primitive.value.get("attributes");
    for key in ["propertyTextures", "propertyAttributes"] {
        let out = &mut session.out(uri);
        let Some(list) = extension.get(key) else { continue };
        if array(&list, 1, out).is_none() {
            continue;
        }
        let of = top.get(key);
        let count = of.as_ref().map_or(0, |o| o.len());
        for index in list.elements() {
            let Some(index) = index_below(&index, count, key, &mut session.out(uri)) else { continue };
            let Some(item) = of.as_ref().and_then(|o| o.index(index)) else { continue };
            let class = item.value.get("class").and_then(|c| schema.classes.get(c.as_str()?));
            let (Some(class), Some(properties)) = (class, item.get("properties")) else { continue };
            for (id, property_at) in properties.entries() {
                let Some(property) = class.get(id) else { continue };
                if key == "propertyTextures" {
                    property_texture::check_values(
                        session,
                        uri,
                        asset,
                        &property_at,
                        property,
                        schema,
                        attributes,
                    );
                } else {
                    check_attribute_values(
                        asset,
                        &property_at,
                        property,
                        schema,
                        attributes,
                        &mut session.out(uri),
                    );
                }
            }
        }
    }
}

fn check_attribute_values(
    asset: &Asset<'_>,
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    attributes: Option<&Value>,
    out: &mut Out<'_>,
) {
    let Some(name) = at.value.get("attribute").and_then(Value::as_str) else { return };
    let index = attributes.and_then(|a| a.get(name)?.as_u64()).and_then(|i| usize::try_from(i).ok());
    let Some(index) = index else {
        out.error(at, format!("a primitive has no attribute {name}"));
        return;
    };
    let Some(values) = accessor::values(asset, index) else { return };
    if values.components != property.components() || Some(values.component) != schema.stored_as(property) {
        out.error(at, format!("the attribute {name} is not stored as the class says"));
        return;
    }
    let rows = (0..values.count).map(|i| values.element(i));
    if property.type_name == "ENUM" {
        check_enum_rows(at, property, schema, rows, out);
    } else {
        check_bounds(at, property, rows, "vertex", out);
    }
}

/// Raw values of an enumeration against its values; `noData` counts as one.
pub(super) fn check_enum_rows(
    at: &At<'_>,
    property: &Property,
    schema: &Schema,
    rows: impl Iterator<Item = Vec<f64>>,
    out: &mut Out<'_>,
) {
    let Some(of) = schema.enum_of(property) else { return };
    let allowed: Vec<f64> = of.values.values().map(|v| *v as f64).collect();
    for (index, row) in rows.enumerate() {
        if let Some(wrong) = row.iter().find(|v| !allowed.contains(v)) {
            out.error(at, format!("the value {wrong} with index {index} is not one of the enumeration"));
            return;
        }
    }
}
