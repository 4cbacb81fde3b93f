//! The JSON of `EXT_structural_metadata`: property tables, property textures, property attributes.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    PropertyTable, Value,
    batch_table::Report,
    binary_table::PropertyTableReader,
    entity::class_name,
    schema::{ArrayLength, ClassProperty, Kind, Schema},
};

/// A property texture or property attribute: a class and where each of its properties is.
#[derive(Clone, Debug, Default)]
pub struct PropertySet {
    /// Its name, or that of the class.
    pub name: String,
    /// Name of the class.
    pub class: String,
    /// Properties with the JSON that says where they are.
    pub properties: Vec<PlacedProperty>,
}

/// A property of a [`PropertySet`].
#[derive(Clone, Debug)]
pub struct PlacedProperty {
    /// Type and meaning.
    pub property: Arc<ClassProperty>,
    /// `{"attribute": …}` or a texture reference with `channels`.
    pub place: Json,
    /// `offset` given there.
    pub offset: Option<Value>,
    /// `scale` given there.
    pub scale: Option<Value>,
}

#[derive(Deserialize)]
struct RawSet {
    name: Option<String>,
    class: String,
    #[serde(default)]
    properties: BTreeMap<String, Json>,
}

/// Reads `propertyTables`. A table that is wrong stays as an empty one, so that indices keep their meaning.
pub fn property_tables(
    extension: &Json,
    schema: &Schema,
    buffer_view: &dyn Fn(usize) -> Result<Bytes, String>,
    budget_bytes: u64,
    report: Report<'_>,
) -> Vec<PropertyTable> {
    let mut reader = PropertyTableReader { schema, buffer_view, budget_bytes };
    let tables = list(extension, "propertyTables").iter().enumerate();
    tables
        .map(|(index, table)| {
            reader.read(table, &mut |place, reason| report(format!("/propertyTables/{index}{place}"), reason))
        })
        .collect()
}

/// Upper bound of [`property_tables`], from the lengths of buffer views.
pub fn property_tables_bound(extension: &Json, view_length: &dyn Fn(usize) -> u64) -> u64 {
    let schema = Value::from(extension.get("schema").unwrap_or(&Json::Null)).heap_bytes();
    let mut bound = 0_u64;
    for table in list(extension, "propertyTables") {
        // Columns that the table lacks take their default from the schema.
        bound = bound.saturating_add(schema.saturating_mul(2)).saturating_add(1024);
        let columns = table.get("properties").and_then(Json::as_object);
        for column in columns.into_iter().flat_map(serde_json::Map::values) {
            let own = Value::from(column).heap_bytes().saturating_add(1024);
            let view =
                |name: &str| column.get(name).and_then(Json::as_u64).and_then(|v| usize::try_from(v).ok());
            let views = ["values", "arrayOffsets", "stringOffsets"].into_iter().filter_map(view);
            bound = views.map(view_length).fold(bound.saturating_add(own), u64::saturating_add);
        }
    }
    bound
}

/// Reads `propertyTextures` or `propertyAttributes`. A set that is wrong stays as an empty one.
pub fn property_sets(
    extension: &Json,
    member: &str,
    schema: &Schema,
    report: Report<'_>,
) -> Vec<PropertySet> {
    let sets = list(extension, member).iter().enumerate();
    sets.map(|(index, json)| {
        property_set(json, schema, &mut |place, reason| report(format!("/{member}/{index}{place}"), reason))
    })
    .collect()
}

fn property_set(json: &Json, schema: &Schema, report: Report<'_>) -> PropertySet {
    let raw = match RawSet::deserialize(json) {
        Ok(raw) => raw,
        Err(error) => {
            report(String::new(), format!("{error}; it is skipped"));
            return PropertySet::default();
        }
    };
    let Some(class) = schema.classes.get(&raw.class) else {
        report("/class".into(), format!("the class {:?} is missing; it is skipped", raw.class));
        return PropertySet::default();
    };
    let mut properties = Vec::new();
    for (id, place) in raw.properties {
        let Some(property) = class.property(&id) else {
            report(format!("/properties/{id}"), "the class has no such property; it is skipped".into());
            continue;
        };
        let value = |name: &str| place.get(name).map(Value::from);
        let (offset, scale) = (value("offset"), value("scale"));
        properties.push(PlacedProperty { property: property.clone(), offset, scale, place });
    }
    let class = class_name(&raw.class, class);
    PropertySet { name: raw.name.unwrap_or_else(|| class.clone()), class, properties }
}

fn list<'a>(extension: &'a Json, member: &str) -> &'a [Json] {
    extension.get(member).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

impl ClassProperty {
    /// Bytes of a value in fixed-size form; `None` if values differ in size or are not whole bytes.
    pub fn packed_size(&self) -> Option<usize> {
        let element = match &self.kind {
            Kind::Numbers { .. } | Kind::Enumeration(_) => self.kind.element_size(),
            Kind::Boolean if self.array.is_none() => 1,
            Kind::Boolean | Kind::Text => return None,
        };
        match self.array {
            None => Some(element),
            Some(ArrayLength::Fixed(length)) => element.checked_mul(length),
            Some(ArrayLength::Variable) => None,
        }
    }
}
