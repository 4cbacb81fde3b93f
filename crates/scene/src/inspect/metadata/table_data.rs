//! Property tables: what their bytes must hold.

use super::model::{Component, Property, Schema};
use super::value::{first_outside, flatten};
use crate::inspect::json::At;
use crate::inspect::sink::Out;

/// A buffer view as declared, with its bytes where they could be read.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::inspect) struct View<'d> {
    /// Offset in its buffer.
    pub(in crate::inspect) byte_offset: u64,
    /// Declared length.
    pub(in crate::inspect) byte_length: u64,
    /// The bytes, exactly as many as declared; `None` if the buffer is missing or too short (reported elsewhere).
    pub(in crate::inspect) data: Option<&'d [u8]>,
}

/// Checks the bytes of a property table whose JSON is fine.
pub(in crate::inspect) fn check_table_data(
    at: &At<'_>,
    views: &[View<'_>],
    schema: &Schema,
    out: &mut Out<'_>,
) {
    let class = at.value.get("class").and_then(|c| schema.classes.get(c.as_str()?));
    let count = at.value.get("count").and_then(serde_json::Value::as_u64);
    let (Some(class), Some(count), Some(properties)) = (class, count, at.get("properties")) else { return };
    for (id, given) in properties.entries() {
        if let Some(property) = class.get(id) {
            let column = Column { at: &given, property, views, schema, rows: count };
            let mark = out.mark();
            let layout = column.check_layout(out);
            if let (Some(layout), true) = (layout, out.clean_since(mark)) {
                column.check_values(&layout, out);
            }
        }
    }
}

struct Column<'c> {
    at: &'c At<'c>,
    property: &'c Property,
    views: &'c [View<'c>],
    schema: &'c Schema,
    rows: u64,
}

/// Where the rows of a column lie.
struct Layout<'d> {
    values: &'d [u8],
    /// First element of every row and the end of the last, for arrays of variable length.
    array_offsets: Option<Vec<u64>>,
    /// First byte of every string and the end of the last.
    string_offsets: Option<Vec<u64>>,
}

impl<'c> Column<'c> {
    fn view(&self, key: &str) -> Option<View<'c>> {
        let index = self.at.value.get(key)?.as_u64()?;
        self.views.get(usize::try_from(index).ok()?).copied()
    }

    /// Alignment, length and order of offsets.
    fn offsets(&self, key: &str, type_key: &str, entries: u64, out: &mut Out<'_>) -> Option<Vec<u64>> {
        let view = self.view(key)?;
        let place = format!("{}/{key}", self.at);
        let declared = self.at.value.get(type_key).and_then(|t| Component::parse(t.as_str()?));
        let size = declared.unwrap_or(Component::U32).size() as u64;
        if !view.byte_offset.is_multiple_of(size) {
            out.error(
                &place,
                format!("the buffer view begins at byte {}, but must be aligned to {size}", view.byte_offset),
            );
        }
        let needed = entries.checked_add(1)?.checked_mul(size)?;
        if view.byte_length != needed {
            out.error(
                &place,
                format!(
                    "{entries} offsets and the end take {needed} bytes, but the buffer view has {}",
                    view.byte_length
                ),
            );
            return None;
        }
        let data = view.data?;
        let offsets: Vec<u64> = data
            .chunks_exact(size as usize)
            .map(|bytes| bytes.iter().rev().fold(0, |sum, b| (sum << 8) | u64::from(*b)))
            .collect();
        if let Some(i) = offsets.windows(2).position(|pair| pair.first() > pair.last()) {
            out.error(&place, format!("offsets must not decrease, but the one after index {i} does"));
            return None;
        }
        Some(offsets)
    }

    fn check_layout(&self, out: &mut Out<'_>) -> Option<Layout<'c>> {
        let property = self.property;
        let array_offsets = match property.is_variable_length() {
            true => Some(self.offsets("arrayOffsets", "arrayOffsetType", self.rows, out)?),
            false => None,
        };
        let elements = match &array_offsets {
            Some(offsets) => *offsets.last()?,
            None => self.rows.checked_mul(property.count.filter(|_| property.array).unwrap_or(1))?,
        };
        let string_offsets = match property.type_name == "STRING" {
            true => Some(self.offsets("stringOffsets", "stringOffsetType", elements, out)?),
            false => None,
        };
        let view = self.view("values")?;
        let place = format!("{}/values", self.at);
        let size = self.schema.stored_as(property).map_or(1, Component::size) as u64;
        if !view.byte_offset.is_multiple_of(size) {
            out.error(
                &place,
                format!("the buffer view begins at byte {}, but must be aligned to {size}", view.byte_offset),
            );
        }
        let needed = match (&string_offsets, property.type_name.as_str()) {
            (Some(offsets), _) => *offsets.last()?,
            (None, "BOOLEAN") => elements.div_ceil(8),
            (None, _) => elements.checked_mul(property.components() as u64)?.checked_mul(size)?,
        };
        if view.byte_length != needed {
            out.error(
                &place,
                format!(
                    "{elements} elements take {needed} bytes, but the buffer view has {}",
                    view.byte_length
                ),
            );
            return None;
        }
        Some(Layout { values: view.data?, array_offsets, string_offsets })
    }

    fn check_values(&self, layout: &Layout<'_>, out: &mut Out<'_>) {
        if let Some(offsets) = &layout.string_offsets {
            let broken = offsets.windows(2).position(|pair| {
                let bytes = match pair {
                    [from, to] => layout.values.get(*from as usize..*to as usize),
                    _ => None,
                };
                bytes.is_none_or(|b| std::str::from_utf8(b).is_err())
            });
            if let Some(index) = broken {
                out.error(
                    format!("{}/values", self.at),
                    format!("the string with index {index} is not UTF-8"),
                );
            }
        } else if self.property.type_name == "ENUM" {
            self.check_enum_values(layout, out);
        } else if self.property.is_numeric() && layout.array_offsets.is_none() {
            self.check_numbers(layout, out);
        }
    }

    fn check_enum_values(&self, layout: &Layout<'_>, out: &mut Out<'_>) {
        let Some(of) = self.schema.enum_of(self.property) else { return };
        let allowed: Vec<f64> = of.values.values().map(|v| *v as f64).collect();
        for (index, bytes) in layout.values.chunks_exact(of.value_type.size()).enumerate() {
            if let Some(value) = of.value_type.read(bytes)
                && !allowed.contains(&value)
            {
                out.error(
                    format!("{}/values", self.at),
                    format!("the value {value} with index {index} is not one of the enumeration"),
                );
                return;
            }
        }
    }

    fn check_numbers(&self, layout: &Layout<'_>, out: &mut Out<'_>) {
        let Some(component) = self.property.component else { return };
        let Some(per_row) = self.property.components_per_row() else { return };
        let Some(row_bytes) = per_row.checked_mul(component.size()).filter(|b| *b > 0) else { return };
        let rows = layout.values.chunks_exact(row_bytes).map(|row| {
            row.chunks_exact(component.size()).filter_map(|bytes| component.read(bytes)).collect::<Vec<_>>()
        });
        check_bounds(self.at, self.property, rows, "row", out);
    }
}

/// Checks rows of raw numbers against `min` and `max` of the class and those that `at` declares; the latter must also
/// be the true ones. Rows that are `noData` do not count.
pub(in crate::inspect) fn check_bounds(
    at: &At<'_>,
    property: &Property,
    rows: impl Iterator<Item = Vec<f64>>,
    row_name: &str,
    out: &mut Out<'_>,
) {
    let own = |key: &str| at.value.get(key).and_then(flatten);
    let (offset, scale, own_min, own_max) = (own("offset"), own("scale"), own("min"), own("max"));
    if property.min.is_none() && property.max.is_none() && own_min.is_none() && own_max.is_none() {
        return;
    }
    let as_is = !property.normalized
        && offset.is_none()
        && scale.is_none()
        && property.offset.is_none()
        && property.scale.is_none();
    let single = as_is && property.component == Some(Component::F32);
    let (mut least, mut greatest): (Option<Vec<f64>>, Option<Vec<f64>>) = (None, None);
    let mut listed = 0;
    for (index, raw) in rows.enumerate() {
        if property.no_data.as_ref() == Some(&raw) {
            continue;
        }
        let values = property.process(&raw, offset.as_deref(), scale.as_deref());
        let merge = |bounds: &mut Option<Vec<f64>>, pick: fn(f64, f64) -> f64| match bounds {
            Some(bounds) => bounds.iter_mut().zip(&values).for_each(|(b, v)| *b = pick(*b, *v)),
            None => *bounds = Some(values.clone()),
        };
        merge(&mut least, f64::min);
        merge(&mut greatest, f64::max);
        let of_class = first_outside(&values, property.min.as_deref(), property.max.as_deref(), single);
        let of_this = first_outside(&values, own_min.as_deref(), own_max.as_deref(), single);
        if let Some((value, bound)) = of_class.or(of_this)
            && listed < 3
        {
            listed += 1;
            out.error(
                at,
                format!("the value {value} of {row_name} {index} lies beyond the declared bound {bound}"),
            );
        }
    }
    for (key, declared, actual) in [("min", own_min, least), ("max", own_max, greatest)] {
        if let (Some(declared), Some(actual)) = (declared, actual)
            && listed == 0
            && declared
                .iter()
                .zip(&actual)
                .any(|(d, a)| (d - a).abs() > 1e-6 * d.abs().max(a.abs()).max(1e-3))
        {
            out.error(at, format!("'{key}' is declared as {declared:?}, but is {actual:?}"));
        }
    }
}
