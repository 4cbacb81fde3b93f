//! Schemas of 3D metadata: classes, properties, enumerations (3D Metadata Specification 1.0, shared by 3D Tiles 1.1
//! and `EXT_structural_metadata`).

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value as Json;

use super::{ComponentType, Value, batch_table::Report};

/// A schema. What could not be understood was reported and left out.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Classes by id.
    pub classes: BTreeMap<String, Class>,
}

/// A class: the columns that its entities have.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// Human name, if any.
    pub name: Option<String>,
    /// Properties, by id.
    pub properties: Vec<Arc<ClassProperty>>,
}

/// A property of a class.
#[derive(Clone, Debug)]
pub struct ClassProperty {
    /// Its id.
    pub id: String,
    /// Human name, if any.
    pub name: Option<String>,
    /// `semantic`, such as `TILE_BOUNDING_BOX`.
    pub semantic: Option<String>,
    /// Type of one element.
    pub kind: Kind,
    /// Whether values are arrays, and of which length.
    pub array: Option<ArrayLength>,
    /// Integers stand for 0..1 or −1..1.
    pub normalized: bool,
    /// Added after scaling.
    pub offset: Option<Value>,
    /// Multiplied after normalisation.
    pub scale: Option<Value>,
    /// The stored value that means none.
    pub no_data: Option<Value>,
    /// What stands in for none.
    pub default: Option<Value>,
}

/// Length of array values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayLength {
    /// All alike.
    Fixed(usize),
    /// Given by offsets.
    Variable,
}

/// Type of one element of a property.
#[derive(Clone, Debug)]
pub enum Kind {
    /// So many numbers: 1 for `SCALAR`, n for `VECn`, n² for `MATn` (column-major).
    Numbers {
        /// Type of each.
        component_type: ComponentType,
        /// How many.
        components: usize,
    },
    /// `STRING`, UTF-8.
    Text,
    /// `BOOLEAN`, one bit.
    Boolean,
    /// `ENUM`.
    Enumeration(Arc<Enumeration>),
}

/// An enumeration.
#[derive(Clone, Debug)]
pub struct Enumeration {
    /// Its id.
    pub id: String,
    /// Type in which values are stored.
    pub value_type: ComponentType,
    /// Names and values.
    pub values: Vec<(String, i64)>,
}

#[derive(Deserialize)]
struct RawSchema {
    #[serde(default)]
    classes: BTreeMap<String, RawClass>,
    #[serde(default)]
    enums: BTreeMap<String, RawEnumeration>,
}

#[derive(Deserialize)]
struct RawClass {
    name: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProperty {
    name: Option<String>,
    semantic: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    component_type: Option<String>,
    enum_type: Option<String>,
    #[serde(default)]
    array: bool,
    count: Option<usize>,
    #[serde(default)]
    normalized: bool,
    offset: Option<Json>,
    scale: Option<Json>,
    no_data: Option<Json>,
    default: Option<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEnumeration {
    value_type: Option<String>,
    values: Vec<RawEnumValue>,
}

#[derive(Deserialize)]
struct RawEnumValue {
    name: String,
    value: i64,
}

impl Schema {
    /// Reads a schema. Properties that break the specification are reported and left out.
    ///
    /// # Errors
    /// The JSON is no schema at all.
    pub fn parse(json: &Json, report: Report<'_>) -> Result<Self, String> {
        let raw = RawSchema::deserialize(json).map_err(|error| error.to_string())?;
        let mut enumerations = BTreeMap::new();
        for (id, raw) in raw.enums {
            let name = raw.value_type.as_deref().unwrap_or("UINT16");
            match ComponentType::from_name(name) {
                Some(value_type) => {
                    let values = raw.values.into_iter().map(|value| (value.name, value.value)).collect();
                    enumerations.insert(id.clone(), Arc::new(Enumeration { id, value_type, values }));
                }
                None => {
                    report(format!("/enums/{id}"), format!("valueType {name:?} is unknown; it is skipped"))
                }
            }
        }
        let mut classes = BTreeMap::new();
        for (class_id, raw) in raw.classes {
            let mut class = Class { name: raw.name, properties: Vec::with_capacity(raw.properties.len()) };
            for (id, json) in raw.properties {
                let property = RawProperty::deserialize(&json).map_err(|error| error.to_string());
                match property.and_then(|raw| raw.validate(&id, &enumerations)) {
                    Ok(property) => class.properties.push(Arc::new(property)),
                    Err(reason) => report(
                        format!("/classes/{class_id}/properties/{id}"),
                        format!("{reason}; the property is skipped"),
                    ),
                }
            }
            classes.insert(class_id, class);
        }
        Ok(Self { classes })
    }
}

impl Class {
    /// The property of that id.
    pub fn property(&self, id: &str) -> Option<&Arc<ClassProperty>> {
        self.properties.iter().find(|property| property.id == id)
    }
}

impl RawProperty {
    fn validate(
        self,
        id: &str,
        enumerations: &BTreeMap<String, Arc<Enumeration>>,
    ) -> Result<ClassProperty, String> {
        let components = match self.kind.as_str() {
            "SCALAR" => Some(1),
            "VEC2" => Some(2),
            "VEC3" => Some(3),
            "VEC4" | "MAT2" => Some(4),
            "MAT3" => Some(9),
            "MAT4" => Some(16),
            _ => None,
        };
        let kind = match (self.kind.as_str(), components) {
            (_, Some(components)) => {
                let name = self.component_type.ok_or("`componentType` is missing")?;
                let component_type = ComponentType::from_name(&name);
                let component_type =
                    component_type.ok_or_else(|| format!("componentType {name:?} is unknown"))?;
                Kind::Numbers { component_type, components }
            }
            ("STRING", _) => Kind::Text,
            ("BOOLEAN", _) => Kind::Boolean,
            ("ENUM", _) => {
                let name = self.enum_type.ok_or("`enumType` is missing")?;
                let found = enumerations.get(&name).cloned();
                Kind::Enumeration(found.ok_or_else(|| format!("the enumeration {name:?} is missing"))?)
            }
            (other, _) => return Err(format!("type {other:?} is unknown")),
        };
        let array = match (self.array, self.count) {
            (false, _) => None,
            (true, None) => Some(ArrayLength::Variable),
            (true, Some(count)) => Some(ArrayLength::Fixed(count)),
        };
        let value = |json: Option<Json>| json.filter(|json| !json.is_null()).map(|json| Value::from(&json));
        Ok(ClassProperty {
            id: id.to_owned(),
            name: self.name,
            semantic: self.semantic,
            kind,
            array,
            normalized: self.normalized,
            offset: value(self.offset),
            scale: value(self.scale),
            no_data: value(self.no_data),
            default: value(self.default),
        })
    }
}

impl Enumeration {
    /// The name of a value; the number itself if it has none.
    pub fn name(&self, stored: Value) -> Value {
        let named = |value: &i64| stored == Value::Int(*value);
        match self.values.iter().find(|(_, value)| named(value)) {
            Some((name, _)) => Value::Text(name.clone()),
            None => stored,
        }
    }
}

impl ClassProperty {
    /// What a stored value means: no-data and default resolved, normalised, scaled, moved. `offset` and `scale` of
    /// a property table take the place of those of the class.
    pub fn meaning(&self, stored: Value, offset: Option<&Value>, scale: Option<&Value>) -> Value {
        let absent =
            stored == Value::Null || self.no_data.as_ref().is_some_and(|none| self.is_same(none, &stored));
        if absent {
            return self.default.clone().unwrap_or_default();
        }
        let Kind::Numbers { component_type, .. } = self.kind else { return stored };
        let value = if self.normalized { normalized(stored, component_type) } else { stored };
        let (offset, scale) = (offset.or(self.offset.as_ref()), scale.or(self.scale.as_ref()));
        if offset.is_none() && scale.is_none() { value } else { moved(value, offset, scale) }
    }

    fn is_same(&self, none: &Value, stored: &Value) -> bool {
        match (none, stored) {
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.is_same(a, b))
            }
            (Value::Float(_), _) | (_, Value::Float(_)) => match (none.as_f64(), stored.as_f64()) {
                // Written in JSON, a 32-bit float is rarely equal to itself in 64 bits.
                (Some(a), Some(b)) => a == b || (self.is_f32() && a as f32 == b as f32),
                _ => false,
            },
            _ => none == stored,
        }
    }

    fn is_f32(&self) -> bool {
        matches!(self.kind, Kind::Numbers { component_type: ComponentType::F32, .. })
    }
}

fn normalized(value: Value, component_type: ComponentType) -> Value {
    let max = match component_type {
        ComponentType::I8 => f64::from(i8::MAX),
        ComponentType::U8 => f64::from(u8::MAX),
        ComponentType::I16 => f64::from(i16::MAX),
        ComponentType::U16 => f64::from(u16::MAX),
        ComponentType::I32 => f64::from(i32::MAX),
        ComponentType::U32 => f64::from(u32::MAX),
        ComponentType::I64 => i64::MAX as f64,
        ComponentType::U64 => u64::MAX as f64,
        ComponentType::F32 | ComponentType::F64 => return value,
    };
    match value {
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| normalized(value, component_type)).collect())
        }
        other => other.as_f64().map_or(other, |number| Value::Float((number / max).max(-1.0))),
    }
}

fn moved(value: Value, offset: Option<&Value>, scale: Option<&Value>) -> Value {
    let part = |of: Option<&Value>, index: usize| match of {
        Some(Value::Array(parts)) => parts.get(index).cloned(),
        other => other.cloned(),
    };
    match value {
        Value::Array(values) => {
            let element =
                |(index, value)| moved(value, part(offset, index).as_ref(), part(scale, index).as_ref());
            Value::Array(values.into_iter().enumerate().map(element).collect())
        }
        other => {
            let number = |of: Option<&Value>, otherwise: f64| of.and_then(Value::as_f64).unwrap_or(otherwise);
            match other.as_f64() {
                Some(value) => Value::Float(value * number(scale, 1.0) + number(offset, 0.0)),
                None => other,
            }
        }
    }
}
