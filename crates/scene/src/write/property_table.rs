//! Properties of features, as `EXT_structural_metadata` stores them.

use serde_json::{Map, Value, json};

use super::{WriteError, glb_buffer::GlbBuffer};

/// A table with one row per feature.
#[derive(Clone, Debug, Default)]
pub struct PropertyTableInput {
    /// Class of the features: a letter or `_`, then letters, digits and `_`.
    pub class: String,
    /// Columns, all of the same length.
    pub columns: Vec<Column>,
}

/// One property of all features.
#[derive(Clone, Debug)]
pub struct Column {
    /// Id: a letter or `_`, then letters, digits and `_`.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// One value per feature.
    pub values: ColumnValues,
}

/// Values of a column.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    /// Text.
    Text(Vec<String>),
    /// 64-bit real.
    Float64(Vec<f64>),
    /// 32-bit real.
    Float32(Vec<f32>),
    /// 32-bit integer.
    Int32(Vec<i32>),
    /// 32-bit integer without sign.
    UInt32(Vec<u32>),
}

impl ColumnValues {
    fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::Float64(v) => v.len(),
            Self::Float32(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::UInt32(v) => v.len(),
        }
    }

    fn component_type(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::Float64(_) => Some("FLOAT64"),
            Self::Float32(_) => Some("FLOAT32"),
            Self::Int32(_) => Some("INT32"),
            Self::UInt32(_) => Some("UINT32"),
        }
    }

    /// Little-endian bytes of a column that is not text.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Float64(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
            Self::Float32(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
            Self::Int32(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
            Self::UInt32(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
        }
    }
}

impl PropertyTableInput {
    /// Number of features.
    pub fn count(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }

    pub(super) fn check(&self) -> Result<(), WriteError> {
        check_id("class", &self.class)?;
        let count = self.count();
        if count == 0 {
            return Err(WriteError::invalid("property table", "no rows"));
        }
        for (index, column) in self.columns.iter().enumerate() {
            check_id("column", &column.id)?;
            if column.values.len() != count {
                let reason = format!("{} rows where the first has {count}", column.values.len());
                return Err(WriteError::invalid(format!("column {}", column.id), reason));
            }
            if self.columns.iter().take(index).any(|c| c.id == column.id) {
                return Err(WriteError::invalid(format!("column {}", column.id), "is there twice"));
            }
        }
        Ok(())
    }

    /// The root extension; columns go into the buffer.
    pub(super) fn write(&self, buffer: &mut GlbBuffer) -> Result<Value, WriteError> {
        let mut definitions = Map::new();
        let mut properties = Map::new();
        for column in &self.columns {
            let mut definition = Map::new();
            if let Some(name) = &column.name {
                definition.insert("name".into(), name.as_str().into());
            }
            definition.insert("required".into(), true.into());
            let stored = match (&column.values, column.values.component_type()) {
                (ColumnValues::Text(rows), _) => {
                    definition.insert("type".into(), "STRING".into());
                    text_column(rows, buffer)?
                }
                (values, component_type) => {
                    definition.insert("type".into(), "SCALAR".into());
                    definition.insert("componentType".into(), component_type.into());
                    json!({ "values": buffer.push_bytes(&values.bytes()) })
                }
            };
            definitions.insert(column.id.clone(), Value::Object(definition));
            properties.insert(column.id.clone(), stored);
        }
        let class = self.class.as_str();
        Ok(json!({
            "schema": { "id": format!("{class}_schema"), "classes": { class: { "properties": definitions } } },
            "propertyTables": [{ "class": class, "count": self.count(), "properties": properties }]
        }))
    }
}

fn text_column(rows: &[String], buffer: &mut GlbBuffer) -> Result<Value, WriteError> {
    let mut text = Vec::new();
    let mut offsets = vec![0u32];
    for row in rows {
        text.extend_from_slice(row.as_bytes());
        let end = u32::try_from(text.len()).map_err(|_| WriteError::TooLarge {
            what: "a text column",
            size: text.len() as u64,
            max: u64::from(u32::MAX),
        })?;
        offsets.push(end);
    }
    if text.is_empty() {
        // A buffer view holds at least one byte.
        text.push(0);
    }
    let offsets: Vec<u8> = offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
    let values = buffer.push_bytes(&text);
    Ok(
        json!({ "values": values, "stringOffsets": buffer.push_bytes(&offsets), "stringOffsetType": "UINT32" }),
    )
}

fn check_id(what: &str, id: &str) -> Result<(), WriteError> {
    let mut letters = id.bytes();
    let fine = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fine { Ok(()) } else { Err(WriteError::invalid(what, format!("{id:?} is no identifier"))) }
}
