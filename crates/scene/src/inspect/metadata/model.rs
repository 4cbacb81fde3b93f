//! A schema that passed its checks, as types.

use std::collections::BTreeMap;

use serde_json::Value;

use super::value::flatten;

/// Component types, 3D Metadata specification §"Component type".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Component {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Names of all component types.
pub(in crate::inspect) const COMPONENT_TYPES: [&str; 10] =
    ["INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "FLOAT32", "FLOAT64"];
/// Names of the integer ones.
pub(in crate::inspect) const INTEGER_TYPES: [&str; 8] =
    ["INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64"];
/// Names of all types.
pub(in crate::inspect) const TYPES: [&str; 10] =
    ["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4", "STRING", "BOOLEAN", "ENUM"];

impl Component {
    /// By name.
    pub(in crate::inspect) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "INT8" => Self::I8,
            "UINT8" => Self::U8,
            "INT16" => Self::I16,
            "UINT16" => Self::U16,
            "INT32" => Self::I32,
            "UINT32" => Self::U32,
            "INT64" => Self::I64,
            "UINT64" => Self::U64,
            "FLOAT32" => Self::F32,
            "FLOAT64" => Self::F64,
            _ => return None,
        })
    }
    /// Bytes.
    pub(in crate::inspect) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
    /// Smallest and largest integer; `None` for the real types.
    pub(in crate::inspect) fn integer_range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::I8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::I16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::I32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::I64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
            Self::F32 | Self::F64 => return None,
        })
    }
    /// The little-endian number at the beginning of `bytes`.
    pub(in crate::inspect) fn read(self, bytes: &[u8]) -> Option<f64> {
        fn first<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.first_chunk::<N>().copied()
        }
        Some(match self {
            Self::I8 => f64::from(i8::from_le_bytes(first(bytes)?)),
            Self::U8 => f64::from(u8::from_le_bytes(first(bytes)?)),
            Self::I16 => f64::from(i16::from_le_bytes(first(bytes)?)),
            Self::U16 => f64::from(u16::from_le_bytes(first(bytes)?)),
            Self::I32 => f64::from(i32::from_le_bytes(first(bytes)?)),
            Self::U32 => f64::from(u32::from_le_bytes(first(bytes)?)),
            Self::I64 => i64::from_le_bytes(first(bytes)?) as f64,
            Self::U64 => u64::from_le_bytes(first(bytes)?) as f64,
            Self::F32 => f64::from(f32::from_le_bytes(first(bytes)?)),
            Self::F64 => f64::from_le_bytes(first(bytes)?),
        })
    }
}

/// Components of a numeric type; 1 for the others.
pub(in crate::inspect) fn component_count(type_name: &str) -> usize {
    match type_name {
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" | "MAT2" => 4,
        "MAT3" => 9,
        "MAT4" => 16,
        _ => 1,
    }
}

/// Whether the type consists of numbers.
pub(in crate::inspect) fn is_numeric(type_name: &str) -> bool {
    !matches!(type_name, "STRING" | "BOOLEAN" | "ENUM")
}

/// A schema without errors.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct Schema {
    pub(in crate::inspect) classes: BTreeMap<String, BTreeMap<String, Property>>,
    pub(in crate::inspect) enums: BTreeMap<String, Enum>,
}

/// An enumeration.
#[derive(Clone, Debug)]
pub(in crate::inspect) struct Enum {
    pub(in crate::inspect) value_type: Component,
    pub(in crate::inspect) values: BTreeMap<String, i128>,
}

/// A property of a class.
#[derive(Clone, Debug)]
pub(in crate::inspect) struct Property {
    pub(in crate::inspect) type_name: String,
    /// For numeric types.
    pub(in crate::inspect) component: Option<Component>,
    /// For enumerations.
    pub(in crate::inspect) enum_type: Option<String>,
    pub(in crate::inspect) array: bool,
    /// Elements of a fixed-length array.
    pub(in crate::inspect) count: Option<u64>,
    pub(in crate::inspect) normalized: bool,
    pub(in crate::inspect) required: bool,
    pub(in crate::inspect) offset: Option<Vec<f64>>,
    pub(in crate::inspect) scale: Option<Vec<f64>>,
    pub(in crate::inspect) min: Option<Vec<f64>>,
    pub(in crate::inspect) max: Option<Vec<f64>>,
    /// The raw value that means none, if numeric.
    pub(in crate::inspect) no_data: Option<Vec<f64>>,
}

impl Schema {
    /// The model of a schema whose checks found no error.
    pub(in crate::inspect) fn from_checked(value: &Value) -> Self {
        let entries = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
        let enums: BTreeMap<_, _> =
            entries("enums").map(|(id, v)| (id.clone(), Enum::from_checked(v))).collect();
        let classes = entries("classes")
            .map(|(id, class)| {
                let properties = class.get("properties").and_then(Value::as_object).into_iter().flatten();
                (id.clone(), properties.map(|(id, v)| (id.clone(), Property::from_checked(v))).collect())
            })
            .collect();
        Self { classes, enums }
    }
    /// The enumeration of a property.
    pub(in crate::inspect) fn enum_of(&self, property: &Property) -> Option<&Enum> {
        self.enums.get(property.enum_type.as_ref()?)
    }
    /// How one component of the property is stored in binary form; `None` for strings and booleans.
    pub(in crate::inspect) fn stored_as(&self, property: &Property) -> Option<Component> {
        property.component.or_else(|| self.enum_of(property).map(|e| e.value_type))
    }
}

impl Enum {
    fn from_checked(value: &Value) -> Self {
        let value_type = value.get("valueType").and_then(Value::as_str).and_then(Component::parse);
        let values = value.get("values").and_then(Value::as_array).into_iter().flatten();
        Self {
            value_type: value_type.unwrap_or(Component::U16),
            values: values
                .filter_map(|v| {
                    let number = v.get("value")?.as_number()?;
                    Some((v.get("name")?.as_str()?.to_owned(), crate::inspect::json::exact_integer(number)?))
                })
                .collect(),
        }
    }
}

impl Property {
    fn from_checked(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let list = |key: &str| value.get(key).and_then(flatten);
        Self {
            type_name: text("type").unwrap_or("SCALAR").to_owned(),
            component: text("componentType").and_then(Component::parse),
            enum_type: text("enumType").map(str::to_owned),
            array: flag("array"),
            count: value.get("count").and_then(Value::as_u64),
            normalized: flag("normalized"),
            required: flag("required"),
            offset: list("offset"),
            scale: list("scale"),
            min: list("min"),
            max: list("max"),
            no_data: list("noData"),
        }
    }
    /// Whether the number of elements differs from row to row.
    pub(in crate::inspect) fn is_variable_length(&self) -> bool {
        self.array && self.count.is_none()
    }
    /// Components of one element.
    pub(in crate::inspect) fn components(&self) -> usize {
        component_count(&self.type_name)
    }
    /// Components of a row, unless rows differ; `None` if they are more than can be.
    pub(in crate::inspect) fn components_per_row(&self) -> Option<usize> {
        let elements = usize::try_from(self.count.filter(|_| self.array).unwrap_or(1)).ok()?;
        elements.checked_mul(self.components())
    }
    /// Whether it consists of numbers.
    pub(in crate::inspect) fn is_numeric(&self) -> bool {
        is_numeric(&self.type_name)
    }
    /// Turns raw numbers into the values that min and max speak of: normalised, scaled, offset.
    /// `offset` and `scale` override the class's.
    pub(in crate::inspect) fn process(
        &self,
        raw: &[f64],
        offset: Option<&[f64]>,
        scale: Option<&[f64]>,
    ) -> Vec<f64> {
        let offset = offset.or(self.offset.as_deref());
        let scale = scale.or(self.scale.as_deref());
        let largest =
            self.component.filter(|_| self.normalized).and_then(Component::integer_range).map(|r| r.1 as f64);
        raw.iter()
            .enumerate()
            .map(|(i, v)| {
                let unit = largest.map_or(*v, |m| (v / m).max(-1.0));
                let by = |list: Option<&[f64]>, otherwise: f64| {
                    list.and_then(|l| l.get(i)).copied().unwrap_or(otherwise)
                };
                unit * by(scale, 1.0) + by(offset, 0.0)
            })
            .collect()
    }
}
