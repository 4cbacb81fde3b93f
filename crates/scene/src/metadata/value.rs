//! One property value, and reading it from JSON without losing the order of keys.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

/// One value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Absent or no-data.
    #[default]
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer that fits.
    Int(i64),
    /// Larger unsigned integer.
    UInt(u64),
    /// Real.
    Float(f64),
    /// Text, enumeration name.
    Text(String),
    /// Vector, matrix (column-major) or array.
    Array(Vec<Value>),
    /// Nested object of a JSON batch table.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Any number as a real.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::UInt(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A number that is a non-negative integer, however it was written.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            Self::Float(value) if value.fract() == 0.0 && (0.0..=9.0e15).contains(value) => {
                Some(*value as u64)
            }
            _ => None,
        }
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Elements of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// Entries of an object, in file order.
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Bytes it takes beside its own size.
    pub fn heap_bytes(&self) -> u64 {
        let own = size_of::<Self>() as u64;
        match self {
            Self::Text(text) => text.capacity() as u64,
            Self::Array(values) => {
                let spare = (values.capacity() - values.len()) as u64 * own;
                spare + values.iter().map(|value| own + value.heap_bytes()).sum::<u64>()
            }
            Self::Object(entries) => {
                let entry = size_of::<(String, Self)>() as u64;
                let spare = (entries.capacity() - entries.len()) as u64 * entry;
                spare
                    + entries
                        .iter()
                        .map(|(key, value)| entry + key.capacity() as u64 + value.heap_bytes())
                        .sum::<u64>()
            }
            _ => 0,
        }
    }

    /// An upper bound of the memory that parsing this JSON text takes, from one look over its bytes: so that a
    /// budget can be checked before anything is parsed.
    pub fn parse_bytes_bound(json: &[u8]) -> u64 {
        // Every value but the first follows one of these bytes; vectors grow by doubling, so twice the elements,
        // and a vector that holds one element has room for four.
        let mut values = 1_u64;
        let mut containers = 0_u64;
        for byte in json {
            match byte {
                b',' | b':' => values += 1,
                b'[' | b'{' => containers += 1,
                _ => {}
            }
        }
        let entry = size_of::<(String, Self)>() as u64;
        json.len() as u64 + (values * 2 + containers * 4) * entry
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map(Self::Int)
                .or_else(|| number.as_u64().map(Self::UInt))
                .or_else(|| number.as_f64().map(Self::Float))
                .unwrap_or_default(),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            serde_json::Value::Object(entries) => {
                Self::Object(entries.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(values) => values.serialize(serializer),
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::UInt(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_of_the_file() {
        let text = r#"{"z":1,"a":{"y":null,"b":[true,18446744073709551615,-2,0.5,"x"]}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        assert_eq!(value.get("a").unwrap().get("b").unwrap().as_array().unwrap()[1], Value::UInt(u64::MAX));
    }

    #[test]
    fn the_bound_covers_what_parsing_takes() {
        for text in [
            "[]",
            "[1]",
            r#"{"a":[]}"#,
            "[[1],[2],[3]]",
            "[1,2,3,4,5,6,7,8,9]",
            r#"{"name":["a","b","c"]}"#,
            "7",
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(value.heap_bytes() <= Value::parse_bytes_bound(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = "[".repeat(100_000);
        assert!(serde_json::from_str::<Value>(&text).is_err());
    }
}
