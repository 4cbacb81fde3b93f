//! Metadata entities written in JSON: of a tileset, a tile, a group, a content (3D Tiles 1.1, §"Metadata").

use serde_json::Value as Json;

use super::{
    Value,
    schema::{ArrayLength, Class, ClassProperty, Schema},
};

/// The metadata of one entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entity {
    /// Name of the class, or its id.
    pub class: String,
    /// Properties with their semantics resolved, in the order of the class.
    pub properties: Vec<(String, Value)>,
}

impl Entity {
    /// Reads `{"class": …, "properties": {…}}` against a schema. Absent properties get their default.
    ///
    /// # Errors
    /// No object with a class, or a class that the schema lacks.
    pub fn parse(json: &Json, schema: &Schema) -> Result<Self, String> {
        let id = json.get("class").and_then(Json::as_str).ok_or("`class` is missing")?;
        let class = schema.classes.get(id).ok_or_else(|| format!("the class {id:?} is missing"))?;
        let given = json.get("properties");
        let value = |property: &ClassProperty| {
            let stored = given.and_then(|given| given.get(&property.id)).map(Value::from).unwrap_or_default();
            let value = property.meaning(cut(stored, property.array), None, None);
            (value != Value::Null).then(|| (property.id.clone(), value))
        };
        Ok(Self {
            class: class_name(id, class),
            properties: class.properties.iter().filter_map(|p| value(p)).collect(),
        })
    }
}

pub(super) fn class_name(id: &str, class: &Class) -> String {
    class.name.clone().unwrap_or_else(|| id.to_owned())
}

fn cut(mut value: Value, array: Option<ArrayLength>) -> Value {
    if let (Value::Array(values), Some(ArrayLength::Fixed(length))) = (&mut value, array) {
        values.truncate(length);
    }
    value
}
