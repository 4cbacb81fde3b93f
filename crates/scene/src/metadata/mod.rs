//! Feature properties: batch tables, `EXT_structural_metadata`, tileset metadata, in one readable form.

pub mod at_point;
pub mod batch_table;
pub mod binary_table;
pub mod entity;
mod hierarchy;
mod levels;
pub mod schema;
pub mod structural;
mod value;

pub use levels::{MetadataLevel, MetadataOf};
pub use value::Value;

use at_point::PrimitiveProperties;
use binary_table::BinaryColumn;

/// All property tables of a content.
#[derive(Clone, Debug, Default)]
pub struct TileFeatures {
    /// Tables; [`crate::content::FeatureIds::table`] points here.
    pub tables: Vec<PropertyTable>,
    /// What is known at vertices and texels without a table.
    pub primitive_properties: Vec<PrimitiveProperties>,
}

/// One table: as many rows as features.
#[derive(Clone, Debug, Default)]
pub struct PropertyTable {
    /// Name of the table or of its class.
    pub name: String,
    /// Number of features.
    pub count: usize,
    /// Columns.
    pub properties: Vec<Property>,
}

/// A column, kept as its decoded rows are asked for.
#[derive(Clone, Debug)]
pub struct Property {
    /// Property id.
    pub id: String,
    /// Human name, if any.
    pub name: Option<String>,
    /// How rows are stored.
    pub values: PropertyValues,
}

/// Storage of a column.
#[derive(Clone, Debug)]
pub enum PropertyValues {
    /// One value per row, already decoded.
    Decoded(Vec<Value>),
    /// Numbers as they lay in the file, decoded when a row is asked for.
    Numbers(NumberColumn),
    /// Values of a metadata schema as they lay in the file, decoded when a row is asked for.
    Binary(Box<BinaryColumn>),
    /// The same in every row.
    Constant(Value),
    /// So many rows, of which the column may lack the last ones.
    Resized {
        /// The column.
        values: Box<PropertyValues>,
        /// Number of rows.
        rows: usize,
    },
    /// Rows chosen from several columns that follow one another.
    Chosen {
        /// The columns, each [`PropertyValues::Resized`].
        parts: Vec<PropertyValues>,
        /// For every row its place in the columns together; `u32::MAX` for none.
        places: Box<[u32]>,
    },
}

/// Numeric component types of batch tables, feature tables and structural metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentType {
    /// `BYTE`, `INT8`.
    I8,
    /// `UNSIGNED_BYTE`, `UINT8`.
    U8,
    /// `SHORT`, `INT16`.
    I16,
    /// `UNSIGNED_SHORT`, `UINT16`.
    U16,
    /// `INT`, `INT32`.
    I32,
    /// `UNSIGNED_INT`, `UINT32`.
    U32,
    /// `INT64`.
    I64,
    /// `UINT64`.
    U64,
    /// `FLOAT`, `FLOAT32`.
    F32,
    /// `DOUBLE`, `FLOAT64`.
    F64,
}

impl ComponentType {
    /// Bytes of one component.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// From the names of batch tables (`UNSIGNED_BYTE`) or of metadata schemas (`UINT8`).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "BYTE" | "INT8" => Self::I8,
            "UNSIGNED_BYTE" | "UINT8" => Self::U8,
            "SHORT" | "INT16" => Self::I16,
            "UNSIGNED_SHORT" | "UINT16" => Self::U16,
            "INT" | "INT32" => Self::I32,
            "UNSIGNED_INT" | "UINT32" => Self::U32,
            "INT64" => Self::I64,
            "UINT64" => Self::U64,
            "FLOAT" | "FLOAT32" => Self::F32,
            "DOUBLE" | "FLOAT64" => Self::F64,
            _ => return None,
        })
    }

    /// The component that starts at byte `index * size` of little-endian data.
    pub fn read(self, bytes: &[u8], index: usize) -> Option<Value> {
        let size = self.size();
        let start = index.checked_mul(size)?;
        let field = bytes.get(start..start.checked_add(size)?)?;
        Some(match self {
            Self::I8 => Value::Int(i8::from_le_bytes(field.try_into().ok()?).into()),
            Self::U8 => Value::Int(u8::from_le_bytes(field.try_into().ok()?).into()),
            Self::I16 => Value::Int(i16::from_le_bytes(field.try_into().ok()?).into()),
            Self::U16 => Value::Int(u16::from_le_bytes(field.try_into().ok()?).into()),
            Self::I32 => Value::Int(i32::from_le_bytes(field.try_into().ok()?).into()),
            Self::U32 => Value::Int(u32::from_le_bytes(field.try_into().ok()?).into()),
            Self::I64 => Value::Int(i64::from_le_bytes(field.try_into().ok()?)),
            Self::U64 => {
                let value = u64::from_le_bytes(field.try_into().ok()?);
                i64::try_from(value).map_or(Value::UInt(value), Value::Int)
            }
            Self::F32 => Value::Float(f32::from_le_bytes(field.try_into().ok()?).into()),
            Self::F64 => Value::Float(f64::from_le_bytes(field.try_into().ok()?)),
        })
    }
}

/// Numbers, vectors or matrices: `components` values of `component_type` per row, tightly packed, little-endian.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberColumn {
    /// Type of a component.
    pub component_type: ComponentType,
    /// Components per row; 1 gives plain values, more give arrays.
    pub components: usize,
    /// The data.
    pub bytes: Box<[u8]>,
}

impl NumberColumn {
    /// The value of a row.
    pub fn value(&self, row: usize) -> Value {
        let first = row.saturating_mul(self.components);
        let mut values = (0..self.components)
            .map_while(|k| self.component_type.read(&self.bytes, first.saturating_add(k)));
        if self.components == 1 { values.next().unwrap_or_default() } else { Value::Array(values.collect()) }
    }
}

impl PropertyValues {
    /// The value of a row; [`Value::Null`] beyond the last.
    pub fn value(&self, row: usize) -> Value {
        match self {
            Self::Decoded(rows) => rows.get(row).cloned().unwrap_or_default(),
            Self::Numbers(column) => column.value(row),
            Self::Binary(column) => column.value(row),
            Self::Constant(value) => value.clone(),
            Self::Resized { values, .. } => values.value(row),
            Self::Chosen { parts, places } => {
                let Some(place) = places.get(row).filter(|place| **place != u32::MAX) else {
                    return Value::Null;
                };
                let mut place = *place as usize;
                for part in parts {
                    let Self::Resized { values, rows } = part else { return Value::Null };
                    if place < *rows {
                        return values.value(place);
                    }
                    place -= rows;
                }
                Value::Null
            }
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Decoded(rows) => {
                rows.capacity() as u64 * size_of::<Value>() as u64
                    + rows.iter().map(Value::heap_bytes).sum::<u64>()
            }
            Self::Numbers(column) => column.bytes.len() as u64,
            Self::Binary(column) => column.bytes(),
            Self::Constant(value) => value.heap_bytes(),
            Self::Resized { values, .. } => size_of::<Self>() as u64 + values.bytes(),
            Self::Chosen { parts, places } => {
                let parts: u64 = parts.iter().map(|part| size_of::<Self>() as u64 + part.bytes()).sum();
                size_of_val(&**places) as u64 + parts
            }
        }
    }
}

impl PropertyTable {
    /// The properties of a row, in file order; nothing beyond the last row.
    pub fn row(&self, row: usize) -> Vec<(String, Value)> {
        if row >= self.count {
            return Vec::new();
        }
        self.properties.iter().map(|property| (property.id.clone(), property.values.value(row))).collect()
    }

    /// The column of that id.
    pub fn property(&self, id: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.id == id)
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        let texts =
            |property: &Property| property.id.capacity() + property.name.as_ref().map_or(0, String::capacity);
        self.properties
            .iter()
            .map(|p| (size_of::<Property>() + texts(p)) as u64 + p.values.bytes())
            .sum::<u64>()
            + (size_of::<Self>() + self.name.capacity()) as u64
    }
}

impl TileFeatures {
    /// The properties of a feature, in file order.
    pub fn row(&self, table: usize, feature_id: u32) -> Vec<(String, Value)> {
        self.tables.get(table).map(|table| table.row(feature_id as usize)).unwrap_or_default()
    }

    /// Adds what another content has; its tables come after the own ones.
    pub fn append(&mut self, mut other: Self) {
        self.tables.append(&mut other.tables);
        self.primitive_properties.append(&mut other.primitive_properties);
    }

    /// Adjusts what refers to primitives by index, when their content becomes part of a larger one.
    pub fn shift_primitives(&mut self, by: usize) {
        for set in &mut self.primitive_properties {
            set.primitive += by;
        }
    }

    /// Bytes that everything takes.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(PropertyTable::bytes).sum::<u64>()
            + at_point::bytes_of(&self.primitive_properties)
    }
}

#[cfg(test)]
mod tests;
