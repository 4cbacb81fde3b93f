//! Batch tables of 3D Tiles 1.0 (specification 1.0, §"Batch Table").

use super::{ComponentType, NumberColumn, Property, PropertyTable, PropertyValues, Value, hierarchy};

/// A batch table as it lies in a tile.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchTable<'a> {
    /// JSON part; may be empty or white space.
    pub json: &'a [u8],
    /// Binary body.
    pub binary: &'a [u8],
    /// Number of features.
    pub count: usize,
    /// Columns that were stored elsewhere (in the Draco stream of a point cloud), by property.
    pub decoded: &'a [(String, NumberColumn)],
}

/// Receives `(place, reason)` of what was skipped.
pub type Report<'a> = &'a mut dyn FnMut(String, String);

impl BatchTable<'_> {
    /// An upper bound of the bytes that [`Self::read`] takes.
    pub fn bytes_bound(&self) -> u64 {
        const LARGEST_ROW: usize = 4 * 8;
        let has_hierarchy = count_of(self.json, b"\"classIds\"") > 0;
        // Columns may overlap in the body. Those of a hierarchy have lengths of their own.
        let column = if has_hierarchy { usize::MAX } else { self.count.saturating_mul(LARGEST_ROW) };
        let columns = count_of(self.json, b"\"byteOffset\"");
        let binary = columns.saturating_mul(column.min(self.binary.len()) as u64);
        let inherited = if has_hierarchy {
            let names = self.json.iter().filter(|byte| **byte == b':').count() as u64;
            names.saturating_mul(size_of::<u32>() as u64).saturating_mul(self.count as u64)
        } else {
            0
        };
        Value::parse_bytes_bound(self.json).saturating_add(binary).saturating_add(inherited)
    }

    /// An upper bound of the bytes of columns that are in a Draco stream: those the JSON names.
    pub fn compressed_bytes_bound(&self) -> u64 {
        const LARGEST_ROW: u64 = 4 * 8;
        if count_of(self.json, b"draco_point_compression") == 0 {
            return 0;
        }
        let columns = count_of(self.json, b"\"byteOffset\"");
        columns.saturating_mul(LARGEST_ROW).saturating_mul(self.count as u64)
    }

    /// The columns of the table; `None` if there are none or nothing is readable. A column that is wrong is left out
    /// and reported; it never costs the geometry. A table that may take more than `budget_bytes` is skipped.
    pub fn read(&self, budget_bytes: u64, report: Report<'_>) -> Option<PropertyTable> {
        if self.json.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return None;
        }
        let json = trim_padding(self.json);
        if self.bytes_bound() > budget_bytes {
            let reason = format!(
                "the batch table may take {} bytes, {} are left of the budget; it is skipped",
                self.bytes_bound(),
                budget_bytes
            );
            report("batch table".into(), reason);
            return None;
        }
        let columns = match serde_json::from_slice::<Value>(json) {
            Ok(Value::Object(columns)) => columns,
            Ok(_) => {
                report("batch table".into(), "the JSON is not an object; it is skipped".into());
                return None;
            }
            Err(error) => {
                report("batch table".into(), format!("the JSON cannot be read ({error}); it is skipped"));
                return None;
            }
        };
        let mut properties: Vec<Property> = Vec::new();
        let mut hierarchy = None;
        for (id, column) in columns {
            match id.as_str() {
                "extras" => continue,
                "HIERARCHY" => {
                    hierarchy = Some(column);
                    continue;
                }
                "extensions" => {
                    if let Value::Object(extensions) = column {
                        let found = extensions.into_iter().find(|(name, _)| name == hierarchy::EXTENSION);
                        hierarchy = found.map(|(_, object)| object).or(hierarchy);
                    }
                    continue;
                }
                _ => {}
            }
            if let Some((_, column)) = self.decoded.iter().find(|(name, _)| *name == id) {
                properties.push(Property { id, name: None, values: PropertyValues::Numbers(column.clone()) });
                continue;
            }
            match self.column(column) {
                Ok((values, problem)) => {
                    if let Some(problem) = problem {
                        report(format!("batch table /{id}"), problem);
                    }
                    properties.push(Property { id, name: None, values });
                }
                Err(reason) => {
                    report(format!("batch table /{id}"), format!("{reason}; the property is skipped"))
                }
            }
        }
        if let Some(hierarchy) = hierarchy {
            match hierarchy::columns(hierarchy, self.binary, self.count) {
                Ok(inherited) => {
                    for property in inherited {
                        if properties.iter().all(|own| own.id != property.id) {
                            properties.push(property);
                        }
                    }
                }
                Err(reason) => {
                    report("batch table hierarchy".into(), format!("{reason}; the hierarchy is skipped"));
                }
            }
        }
        if properties.is_empty() {
            return None;
        }
        Some(PropertyTable { name: "batch table".into(), count: self.count, properties })
    }

    fn column(&self, column: Value) -> Result<(PropertyValues, Option<String>), String> {
        class_column(column, self.binary, self.count)
    }
}

/// A column of `count` rows, in JSON or binary, with what is odd about it.
pub(super) fn class_column(
    column: Value,
    binary: &[u8],
    count: usize,
) -> Result<(PropertyValues, Option<String>), String> {
    match column {
        Value::Array(mut values) => {
            let problem =
                (values.len() != count).then(|| format!("{} values for {count} features", values.len()));
            values.truncate(count);
            values.shrink_to_fit();
            Ok((PropertyValues::Decoded(values), problem))
        }
        Value::Object(_) => Ok((PropertyValues::Numbers(number_column(&column, binary, count, None)?), None)),
        _ => Err("neither an array nor a reference into the binary body".into()),
    }
}

/// Indices of a hierarchy: unsigned shorts unless they say otherwise.
pub(super) fn id_column(column: &Value, binary: &[u8], count: usize) -> Result<Vec<usize>, String> {
    let id = |value: &Value| value.as_u64().and_then(|id| usize::try_from(id).ok()).ok_or("not an index");
    match column {
        Value::Array(values) if values.len() >= count => {
            values.iter().take(count).map(|value| id(value).map_err(str::to_owned)).collect()
        }
        Value::Array(values) => Err(format!("{} values where {count} belong", values.len())),
        _ => {
            let numbers = number_column(column, binary, count, Some(ComponentType::U16))?;
            (0..count).map(|row| id(&numbers.value(row)).map_err(str::to_owned)).collect()
        }
    }
}

/// A column given as `{"byteOffset": …, "componentType": …, "type": …}`.
fn number_column(
    reference: &Value,
    binary: &[u8],
    count: usize,
    preferred: Option<ComponentType>,
) -> Result<NumberColumn, String> {
    let offset = reference.get("byteOffset").and_then(Value::as_u64).ok_or("`byteOffset` is missing")?;
    let component_type = match reference.get("componentType").and_then(Value::as_str) {
        None => preferred.ok_or("`componentType` is missing")?,
        Some(name) => {
            ComponentType::from_name(name).ok_or_else(|| format!("componentType {name:?} is unknown"))?
        }
    };
    let kind = reference.get("type").and_then(Value::as_str).unwrap_or("SCALAR");
    let components = match kind {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        _ => return Err(format!("type {kind:?} is unknown")),
    };
    let length = count.checked_mul(components * component_type.size()).ok_or("too many features")?;
    let bytes = usize::try_from(offset)
        .ok()
        .and_then(|start| binary.get(start..start.checked_add(length)?))
        .ok_or_else(|| format!("{length} bytes at {offset} of a binary body of {}", binary.len()))?;
    Ok(NumberColumn { component_type, components, bytes: bytes.into() })
}

fn count_of(json: &[u8], pattern: &[u8]) -> u64 {
    json.windows(pattern.len()).filter(|window| *window == pattern).count() as u64
}

fn trim_padding(json: &[u8]) -> &[u8] {
    let end =
        json.iter().rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    &json[..end]
}
