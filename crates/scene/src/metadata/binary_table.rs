//! Property tables in binary form (3D Metadata Specification 1.0, §"Binary Table Format"): of
//! `EXT_structural_metadata` and of subtrees.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    ComponentType, Property, PropertyTable, PropertyValues, Value,
    batch_table::Report,
    schema::{ArrayLength, ClassProperty, Kind, Schema},
};

/// Reads property tables against a schema.
pub struct PropertyTableReader<'a> {
    /// The schema of the file.
    pub schema: &'a Schema,
    /// Bytes of a buffer view, or why there are none.
    pub buffer_view: &'a dyn Fn(usize) -> Result<Bytes, String>,
    /// Memory that all tables read through this reader may still take, bytes.
    pub budget_bytes: u64,
}

#[derive(Deserialize)]
struct RawTable {
    name: Option<String>,
    class: String,
    count: usize,
    #[serde(default)]
    properties: std::collections::BTreeMap<String, Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawColumn {
    values: usize,
    array_offsets: Option<usize>,
    string_offsets: Option<usize>,
    array_offset_type: Option<String>,
    string_offset_type: Option<String>,
    offset: Option<Json>,
    scale: Option<Json>,
}

/// A column as it lies in the file, decoded row by row.
#[derive(Clone, Debug)]
pub struct BinaryColumn {
    property: Arc<ClassProperty>,
    values: Box<[u8]>,
    array_offsets: Option<Offsets>,
    string_offsets: Option<Offsets>,
    offset: Option<Value>,
    scale: Option<Value>,
}

#[derive(Clone, Debug)]
struct Offsets {
    component_type: ComponentType,
    bytes: Box<[u8]>,
}

impl PropertyTableReader<'_> {
    /// Reads a table. Whatever is wrong with a column costs that column, whatever is wrong with the table leaves an
    /// empty one in its place, so that the numbers of the others stay; both are reported.
    pub fn read(&mut self, table: &Json, report: Report<'_>) -> PropertyTable {
        let raw = match RawTable::deserialize(table) {
            Ok(raw) => raw,
            Err(error) => {
                report(String::new(), format!("{error}; the table is skipped"));
                return PropertyTable::default();
            }
        };
        let name = raw.name.unwrap_or_else(|| raw.class.clone());
        let Some(class) = self.schema.classes.get(&raw.class) else {
            report("/class".into(), format!("the class {:?} is missing; the table is skipped", raw.class));
            return PropertyTable { name, count: raw.count, properties: Vec::new() };
        };
        for id in raw.properties.keys().filter(|id| class.property(id).is_none()) {
            let reason = format!("the class {:?} has no such property; it is skipped", raw.class);
            report(format!("/properties/{id}"), reason);
        }
        let mut properties = Vec::with_capacity(class.properties.len());
        for property in &class.properties {
            let values = match raw.properties.get(&property.id) {
                None => match &property.default {
                    Some(default) => PropertyValues::Constant(default.clone()),
                    None => continue,
                },
                Some(json) => match self.column(property, json, raw.count) {
                    Ok(column) => PropertyValues::Binary(Box::new(column)),
                    Err(reason) => {
                        let place = format!("/properties/{}", property.id);
                        report(place, format!("{reason}; the property is skipped"));
                        continue;
                    }
                },
            };
            properties.push(Property { id: property.id.clone(), name: property.name.clone(), values });
        }
        PropertyTable { name, count: raw.count, properties }
    }

    fn column(
        &mut self,
        property: &Arc<ClassProperty>,
        json: &Json,
        count: usize,
    ) -> Result<BinaryColumn, String> {
        let raw = RawColumn::deserialize(json).map_err(|error| error.to_string())?;
        let overflow = "too many values";
        let array_offsets = match property.array {
            Some(ArrayLength::Variable) => {
                let view = raw.array_offsets.ok_or("`arrayOffsets` is missing")?;
                Some(self.offsets(view, raw.array_offset_type.as_deref(), count)?)
            }
            _ => None,
        };
        let elements = match (property.array, &array_offsets) {
            (Some(ArrayLength::Fixed(length)), _) => count.checked_mul(length).ok_or(overflow)?,
            (_, Some(offsets)) => offsets.at(count).ok_or("`arrayOffsets` ends early")?,
            _ => count,
        };
        let string_offsets = match property.kind {
            Kind::Text => {
                let view = raw.string_offsets.ok_or("`stringOffsets` is missing")?;
                Some(self.offsets(view, raw.string_offset_type.as_deref(), elements)?)
            }
            _ => None,
        };
        let length = match (&property.kind, &string_offsets) {
            (_, Some(offsets)) => offsets.at(elements).ok_or("`stringOffsets` ends early")?,
            (Kind::Boolean, _) => elements.div_ceil(8),
            (kind, _) => elements.checked_mul(kind.element_size()).ok_or(overflow)?,
        };
        let value = |json: Option<Json>| json.map(|json| Value::from(&json));
        Ok(BinaryColumn {
            property: property.clone(),
            values: self.copy(raw.values, length, "values")?,
            array_offsets,
            string_offsets,
            offset: value(raw.offset),
            scale: value(raw.scale),
        })
    }

    fn offsets(&mut self, view: usize, name: Option<&str>, count: usize) -> Result<Offsets, String> {
        let name = name.unwrap_or("UINT32");
        let component_type =
            ComponentType::from_name(name).ok_or_else(|| format!("offset type {name:?} is unknown"))?;
        let entries = count.checked_add(1).ok_or("too many offsets")?;
        let length = entries.checked_mul(component_type.size()).ok_or("too many offsets")?;
        Ok(Offsets { component_type, bytes: self.copy(view, length, "offsets")? })
    }

    /// Copies: a slice would keep the whole file in memory.
    fn copy(&mut self, view: usize, length: usize, what: &str) -> Result<Box<[u8]>, String> {
        let bytes = (self.buffer_view)(view)?;
        let part = bytes
            .get(..length)
            .ok_or_else(|| format!("{what} need {length} bytes, buffer view {view} has {}", bytes.len()))?;
        self.budget_bytes = self.budget_bytes.checked_sub(length as u64).ok_or_else(|| {
            format!("{what} take {length} bytes, {} are left of the budget", self.budget_bytes)
        })?;
        Ok(part.into())
    }
}

impl Kind {
    /// Bytes of an element; 0 for text and bits.
    pub(super) fn element_size(&self) -> usize {
        match self {
            Self::Numbers { component_type, components } => component_type.size() * components,
            Self::Enumeration(enumeration) => enumeration.value_type.size(),
            Self::Text | Self::Boolean => 0,
        }
    }

    /// The element at `index` of tightly packed little-endian elements; text needs offsets and is not among them.
    fn element(&self, bytes: &[u8], index: usize) -> Option<Value> {
        match self {
            Self::Numbers { component_type, components: 1 } => component_type.read(bytes, index),
            Self::Numbers { component_type, components } => {
                let first = index.checked_mul(*components)?;
                let numbers = (first..first.checked_add(*components)?).map(|k| component_type.read(bytes, k));
                numbers.collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Self::Enumeration(enumeration) => {
                Some(enumeration.name(enumeration.value_type.read(bytes, index)?))
            }
            Self::Boolean => Some(Value::Bool(bytes.get(index / 8)? >> (index % 8) & 1 == 1)),
            Self::Text => None,
        }
    }
}

impl Offsets {
    fn at(&self, index: usize) -> Option<usize> {
        let offset = self.component_type.read(&self.bytes, index)?.as_u64()?;
        usize::try_from(offset).ok()
    }
}

impl BinaryColumn {
    /// A column of fixed-size elements, one after the other.
    pub fn packed(
        property: Arc<ClassProperty>,
        values: Box<[u8]>,
        offset: Option<Value>,
        scale: Option<Value>,
    ) -> Self {
        Self { property, values, array_offsets: None, string_offsets: None, offset, scale }
    }

    /// The value of a row; [`Value::Null`] (or the default) beyond the last and where the table contradicts itself.
    pub fn value(&self, row: usize) -> Value {
        let stored = self.stored(row).unwrap_or_default();
        self.property.meaning(stored, self.offset.as_ref(), self.scale.as_ref())
    }

    /// Leaves only the rows of `kept`, in that order. For columns made by [`Self::packed`].
    pub(crate) fn keep_rows(&mut self, kept: &[u32]) {
        let size = self.property.packed_size().unwrap_or(0);
        let row = |row: &u32| {
            let start = (*row as usize).checked_mul(size)?;
            self.values.get(start..start.checked_add(size)?)
        };
        self.values = kept.iter().filter_map(row).flatten().copied().collect();
    }

    fn stored(&self, row: usize) -> Option<Value> {
        let (first, last) = match (self.property.array, &self.array_offsets) {
            (None, _) => return self.element(row),
            (Some(ArrayLength::Fixed(length)), _) => {
                let first = row.checked_mul(length)?;
                (first, first.checked_add(length)?)
            }
            (Some(ArrayLength::Variable), Some(offsets)) => {
                (offsets.at(row)?, offsets.at(row.checked_add(1)?)?)
            }
            (Some(ArrayLength::Variable), None) => return None,
        };
        // Stops at the first element that is not there, so that a wrong length takes no memory.
        let elements = (first..last).map(|index| self.element(index));
        elements.collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn element(&self, index: usize) -> Option<Value> {
        match &self.string_offsets {
            None => self.property.kind.element(&self.values, index),
            Some(offsets) => {
                let text = self.values.get(offsets.at(index)?..offsets.at(index.checked_add(1)?)?)?;
                Some(Value::Text(String::from_utf8_lossy(text).into_owned()))
            }
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        let offsets = |offsets: &Option<Offsets>| offsets.as_ref().map_or(0, |offsets| offsets.bytes.len());
        let texts = |value: &Option<Value>| value.as_ref().map_or(0, Value::heap_bytes);
        (size_of::<Self>() + self.values.len() + offsets(&self.array_offsets) + offsets(&self.string_offsets))
            as u64
            + texts(&self.offset)
            + texts(&self.scale)
    }
}
