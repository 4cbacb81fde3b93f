//! Feature properties: batch tables, `EXT_structural_metadata`, tileset metadata, in one readable form.

use serde::Serialize;

/// All property tables of a content.
#[derive(Clone, Debug, Default)]
pub struct TileFeatures {
    /// Tables; [`crate::content::FeatureIds::table`] points here.
    pub tables: Vec<PropertyTable>,
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
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Absent or no-data.
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

impl TileFeatures {
    /// The properties of a feature, in file order.
    pub fn row(&self, table: usize, feature_id: u32) -> Vec<(String, Value)> {
        let Some(t) = self.tables.get(table) else { return Vec::new() };
        t.properties
            .iter()
            .map(|p| {
                let PropertyValues::Decoded(rows) = &p.values;
                (p.id.clone(), rows.get(feature_id as usize).cloned().unwrap_or(Value::Null))
            })
            .collect()
    }
}
