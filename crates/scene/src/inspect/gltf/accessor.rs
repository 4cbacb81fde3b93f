//! Accessors: what they declare and what they hold (glTF 2.0 §"Accessors").

use bytes::Bytes;
use serde_json::Value;

use super::asset::Asset;
use crate::inspect::json::{
    At, array, index_below, integer, integer_from, number, object, one_of, optional_bool, required,
};
use crate::inspect::metadata::model::{Component, component_count};
use crate::inspect::sink::Out;

/// Bytes that a sparse accessor without a base may take once spelled out.
const MAX_SPARSE_BYTES: usize = 32 << 20;

/// Component type by its OpenGL number.
fn component(code: i128) -> Option<Component> {
    Some(match code {
        5120 => Component::I8,
        5121 => Component::U8,
        5122 => Component::I16,
        5123 => Component::U16,
        5125 => Component::U32,
        5126 => Component::F32,
        _ => return None,
    })
}

/// Values of an accessor.
pub(super) struct Values {
    bytes: Bytes,
    offset: usize,
    stride: usize,
    pub(super) count: usize,
    pub(super) components: usize,
    pub(super) component: Component,
    pub(super) normalized: bool,
}

impl Values {
    /// One raw component.
    pub(super) fn get(&self, index: usize, component: usize) -> Option<f64> {
        let at = index
            .checked_mul(self.stride)?
            .checked_add(self.offset)?
            .checked_add(component * self.component.size())?;
        self.component.read(self.bytes.get(at..)?)
    }
    /// One element, raw.
    pub(super) fn element(&self, index: usize) -> Vec<f64> {
        (0..self.components).filter_map(|c| self.get(index, c)).collect()
    }
    /// One component as the number it stands for when normalised.
    pub(super) fn real(&self, index: usize, component: usize) -> Option<f64> {
        let raw = self.get(index, component)?;
        match self.component.integer_range() {
            Some((_, high)) if self.normalized => Some((raw / high as f64).max(-1.0)),
            _ => Some(raw),
        }
    }
}

/// Bytes of an element; columns of small matrices are padded to 4 bytes.
fn element_bytes(type_name: &str, component: Component) -> usize {
    let column = |rows: usize| (rows * component.size()).next_multiple_of(4);
    match type_name {
        "MAT2" => 2 * column(2),
        "MAT3" => 3 * column(3),
        "MAT4" => 4 * column(4),
        _ => component_count(type_name) * component.size(),
    }
}

struct Declared<'a> {
    type_name: &'a str,
    component: Component,
    count: usize,
    offset: usize,
    view: Option<usize>,
    stride: usize,
}

fn declared<'a>(asset: &Asset<'a>, accessor: &'a Value) -> Option<Declared<'a>> {
    let figure = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_u64).and_then(|v| usize::try_from(v).ok())
    };
    let component = component(accessor.get("componentType")?.as_u64()?.into())?;
    let type_name = accessor.get("type")?.as_str()?;
    let view = figure(accessor, "bufferView");
    let packed = element_bytes(type_name, component);
    let stride = view.and_then(|v| figure(asset.item("bufferViews", v)?, "byteStride")).unwrap_or(packed);
    Some(Declared {
        type_name,
        component,
        count: figure(accessor, "count")?,
        offset: figure(accessor, "byteOffset").unwrap_or(0),
        view,
        stride,
    })
}

/// The values of an accessor; `None` if it is compressed, has no data, or is broken (reported elsewhere).
pub(super) fn values(asset: &Asset<'_>, index: usize) -> Option<Values> {
    let accessor = asset.item("accessors", index)?;
    let d = declared(asset, accessor)?;
    let packed = element_bytes(d.type_name, d.component);
    let normalized = accessor.get("normalized").and_then(Value::as_bool).unwrap_or(false);
    let components = component_count(d.type_name);
    let make = |bytes, offset, stride| Values {
        bytes,
        offset,
        stride,
        count: d.count,
        components,
        component: d.component,
        normalized,
    };
    let base = d.view.and_then(|v| asset.view(v));
    let fits =
        |bytes: &Bytes| end_of(d.offset, d.stride, d.count, packed).is_some_and(|end| end <= bytes.len());
    let Some(sparse) = accessor.get("sparse") else {
        return base.filter(fits).map(|bytes| make(bytes, d.offset, d.stride));
    };
    if d.view.is_some() && !base.as_ref().is_some_and(fits) {
        return None;
    }
    let total = d.count.checked_mul(packed).filter(|t| *t <= MAX_SPARSE_BYTES)?;
    let mut spelled = vec![0u8; total];
    if let Some(base) = &base {
        for (i, slot) in spelled.chunks_exact_mut(packed).enumerate() {
            slot.copy_from_slice(base.get(d.offset + i * d.stride..)?.get(..packed)?);
        }
    }
    let figure = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_u64).and_then(|v| usize::try_from(v).ok())
    };
    let part = |key: &str| {
        let part = sparse.get(key)?;
        let bytes = asset.view(figure(part, "bufferView")?)?;
        let offset = figure(part, "byteOffset").unwrap_or(0);
        (offset <= bytes.len()).then(|| (bytes.slice(offset..), part))
    };
    let ((indices, index_part), (replacements, _)) = (part("indices")?, part("values")?);
    let index_type = component(index_part.get("componentType")?.as_u64()?.into())?;
    for i in 0..figure(sparse, "count")? {
        let target = index_type.read(indices.get(i.checked_mul(index_type.size())?..)?)? as usize;
        let from = replacements.get(i.checked_mul(packed)?..)?.get(..packed)?;
        spelled.get_mut(target.checked_mul(packed)?..)?.get_mut(..packed)?.copy_from_slice(from);
    }
    Some(make(spelled.into(), 0, packed))
}

/// Nothing for a stride that holds no element: then the bytes would not bound the number of elements.
fn end_of(offset: usize, stride: usize, count: usize, packed: usize) -> Option<usize> {
    if stride < packed {
        return None;
    }
    stride.checked_mul(count.checked_sub(1)?)?.checked_add(packed)?.checked_add(offset)
}

/// Checks all accessors.
pub(super) fn check_all(asset: &Asset<'_>, out: &mut Out<'_>) {
    for (index, accessor) in asset.at.get("accessors").iter().flat_map(|a| a.elements()).enumerate() {
        let mark = out.mark();
        check_declaration(asset, &accessor, out);
        if out.clean_since(mark) {
            check_data(asset, index, &accessor, out);
        }
    }
}

fn check_declaration(asset: &Asset<'_>, at: &At<'_>, out: &mut Out<'_>) {
    let code =
        required(at, "componentType", out).and_then(|c| integer(&c, out).map(|code| (c.to_string(), code)));
    let component = code.and_then(|(place, code)| {
        let known = component(code);
        if known.is_none() {
            out.error(place, format!("{code} is no component type"));
        }
        known
    });
    let type_name = required(at, "type", out).and_then(|t| {
        one_of(&t, &["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"], out).map(str::to_owned)
    });
    let count = required(at, "count", out).and_then(|c| integer_from(&c, 1, out));
    let offset = at.get("byteOffset").map_or(Some(0), |o| integer_from(&o, 0, out));
    if optional_bool(at, "normalized", out) == Some(true)
        && matches!(component, Some(Component::F32 | Component::U32))
    {
        out.error(at, "only 8 and 16 bit integers can be normalised");
    }
    let (Some(component), Some(type_name), Some(count), Some(offset)) = (component, type_name, count, offset)
    else {
        return;
    };
    for key in ["min", "max"] {
        if let Some(bounds) = at.get(key)
            && let Some(length) = array(&bounds, 1, out)
        {
            if length != component_count(&type_name) {
                out.error(
                    bounds,
                    format!(
                        "a {type_name} has {} components, but there are {length}",
                        component_count(&type_name)
                    ),
                );
            }
            bounds.elements().for_each(|b| {
                number(&b, out);
            });
        }
    }
    if let Some(sparse) = at.get("sparse") {
        check_sparse(asset, &sparse, count, out);
    }
    let Some(view_at) = at.get("bufferView") else { return };
    let Some(view) = index_below(&view_at, asset.count("bufferViews"), "buffer views", out) else { return };
    let Some(view) = asset.item("bufferViews", view) else { return };
    let figure = |key: &str| view.get(key).and_then(Value::as_u64);
    let size = component.size() as u64;
    if !offset.is_multiple_of(size)
        || !figure("byteOffset").unwrap_or(0).wrapping_add(offset).is_multiple_of(size)
    {
        out.error(at, format!("does not begin at a multiple of {size} bytes"));
    }
    let packed = element_bytes(&type_name, component) as u64;
    let stride = figure("byteStride").unwrap_or(packed);
    if stride < packed {
        out.error(
            at,
            format!("an element takes {packed} bytes, but the stride of the buffer view is {stride}"),
        );
    }
    let end = stride.checked_mul(count - 1).and_then(|e| e.checked_add(packed)?.checked_add(offset));
    if let Some(available) = figure("byteLength")
        && end.is_none_or(|end| end > available)
    {
        out.error(
            at,
            format!("{count} elements from byte {offset} on do not fit the buffer view of {available} bytes"),
        );
    }
}

fn check_sparse(asset: &Asset<'_>, at: &At<'_>, count: u64, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    if let Some(replaced) = required(at, "count", out)
        && let Some(number) = integer_from(&replaced, 1, out)
        && number > count
    {
        out.error(replaced, format!("replaces {number} of {count} elements"));
    }
    for key in ["indices", "values"] {
        let Some(part) = required(at, key, out) else { continue };
        if object(&part, out).is_none() {
            continue;
        }
        if let Some(view) = required(&part, "bufferView", out) {
            index_below(&view, asset.count("bufferViews"), "buffer views", out);
        }
        if key == "indices" {
            required(&part, "componentType", out);
        }
    }
}

/// Real numbers are finite and declared bounds are true.
fn check_data(asset: &Asset<'_>, index: usize, at: &At<'_>, out: &mut Out<'_>) {
    let Some(values) = values(asset, index) else { return };
    // Columns of small matrices are padded, and nothing here reads those.
    if at.value.get("type").and_then(Value::as_str).is_some_and(|t| t.starts_with("MAT"))
        && values.component.size() < 4
    {
        return;
    }
    let mut least = vec![f64::INFINITY; values.components];
    let mut greatest = vec![f64::NEG_INFINITY; values.components];
    for i in 0..values.count {
        for (c, (low, high)) in least.iter_mut().zip(&mut greatest).enumerate() {
            let Some(value) = values.get(i, c) else { return };
            if !value.is_finite() {
                out.error(at, format!("element {i} holds {value}"));
                return;
            }
            *low = low.min(value);
            *high = high.max(value);
        }
    }
    for (key, actual) in [("min", &least), ("max", &greatest)] {
        let Some(bounds) = at.get(key) else { continue };
        for (bound, actual) in bounds.elements().zip(actual) {
            let Some(declared) = bound.value.as_f64() else { continue };
            let same = if values.component == Component::F32 {
                declared as f32 == *actual as f32
            } else {
                declared == *actual
            };
            if !same {
                out.error(bound, format!("declares {declared}, but the data have {actual}"));
            }
        }
    }
}
