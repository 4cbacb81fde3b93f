//! Typed access to a feature table (specification 1.0, §"Feature Table").

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::error;
use crate::{
    content::{ContentError, ContentErrorKind, DecodeContext},
    metadata::{ComponentType, Value},
};

/// JSON object plus binary body. Every accessor checks lengths before memory is taken, so that what it returns is
/// never larger than a small multiple of the file.
#[derive(Debug)]
pub(crate) struct FeatureTable<'a> {
    json: Map<String, Json>,
    binary: Bytes,
    context: &'a DecodeContext,
}

impl<'a> FeatureTable<'a> {
    /// Reads the JSON; an empty text is an empty table.
    pub(crate) fn parse(
        json: &Bytes,
        binary: Bytes,
        context: &'a DecodeContext,
    ) -> Result<Self, ContentError> {
        let end = json
            .iter()
            .rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace())
            .map_or(0, |last| last + 1);
        let bound = Value::parse_bytes_bound(json).saturating_mul(2);
        if bound > context.budget_bytes && json.len() > 64 * 1024 {
            let reason =
                format!("reading the JSON may take {bound} bytes, the budget is {}", context.budget_bytes);
            return Err(error(ContentErrorKind::OverBudget, context, "feature table", reason));
        }
        let json = if end == 0 {
            Map::new()
        } else {
            serde_json::from_slice(&json[..end]).map_err(|problem| {
                error(
                    ContentErrorKind::Invalid,
                    context,
                    "feature table",
                    format!("the JSON cannot be read: {problem}"),
                )
            })?
        };
        Ok(Self { json, binary, context })
    }

    /// Whether the semantic is there.
    pub(crate) fn has(&self, semantic: &str) -> bool {
        self.json.get(semantic).is_some_and(|value| !value.is_null())
    }

    /// The `extensions` entry of that name.
    pub(crate) fn extension(&self, name: &str) -> Option<&Json> {
        self.json.get("extensions")?.get(name)
    }

    /// A global count such as `BATCH_LENGTH`.
    pub(crate) fn count(&self, semantic: &str) -> Result<Option<u32>, ContentError> {
        match self.json.get(semantic) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Object(_)) => Ok(self
                .column(semantic, ComponentType::U32, 1, 1)?
                .and_then(|column| column.bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)))),
            Some(value) => {
                let number =
                    value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n));
                let number = number.ok_or_else(|| self.invalid(semantic, "not a count"))?;
                Ok(Some(number as u32))
            }
        }
    }

    /// A global boolean such as `EAST_NORTH_UP`.
    pub(crate) fn flag(&self, semantic: &str) -> bool {
        self.json.get(semantic).and_then(Json::as_bool).unwrap_or(false)
    }

    /// A global vector such as `RTC_CENTER`: f64 when written in the JSON, f32 in the binary body.
    pub(crate) fn vector<const N: usize>(&self, semantic: &str) -> Result<Option<[f64; N]>, ContentError> {
        let Some(column) = self.column(semantic, ComponentType::F32, N, 1)? else { return Ok(None) };
        let mut vector = [0.0; N];
        for (k, component) in vector.iter_mut().enumerate() {
            *component = column.real(k);
        }
        if vector.iter().any(|component| !component.is_finite()) {
            return Err(self.invalid(semantic, "not finite"));
        }
        Ok(Some(vector))
    }

    /// A column of `count` rows of `components` values: little-endian bytes of the type it has in the file
    /// (`preferred` unless it says otherwise). JSON arrays become f64.
    pub(crate) fn column(
        &self,
        semantic: &str,
        preferred: ComponentType,
        components: usize,
        count: usize,
    ) -> Result<Option<Column>, ContentError> {
        let length =
            count.checked_mul(components).ok_or_else(|| self.invalid(semantic, "too many values"))?;
        match self.json.get(semantic) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Array(values)) => {
                if values.len() != length {
                    return Err(
                        self.invalid(semantic, format!("{} numbers where {length} belong", values.len()))
                    );
                }
                let mut bytes = Vec::with_capacity(length * 8);
                for value in values {
                    let number = value.as_f64().ok_or_else(|| self.invalid(semantic, "not a number"))?;
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
                Ok(Some(Column { bytes: bytes.into(), component_type: ComponentType::F64, components }))
            }
            Some(Json::Object(reference)) => {
                let offset = reference.get("byteOffset").and_then(Json::as_u64);
                let offset = offset.ok_or_else(|| self.invalid(semantic, "`byteOffset` is missing"))?;
                let component_type = match reference.get("componentType").and_then(Json::as_str) {
                    None => preferred,
                    Some(name) => ComponentType::from_name(name).ok_or_else(|| {
                        self.invalid(semantic, format!("componentType {name:?} is unknown"))
                    })?,
                };
                let bytes = self.binary_slice(semantic, offset, length.checked_mul(component_type.size()))?;
                Ok(Some(Column { bytes, component_type, components }))
            }
            Some(_) => Err(self.invalid(semantic, "neither numbers nor a reference into the binary body")),
        }
    }

    /// Part of the binary body.
    pub(crate) fn binary_slice(
        &self,
        semantic: &str,
        offset: u64,
        length: Option<usize>,
    ) -> Result<Bytes, ContentError> {
        let range = usize::try_from(offset).ok().zip(length).and_then(|(start, length)| {
            let end = start.checked_add(length)?;
            (end <= self.binary.len()).then_some(start..end)
        });
        range.map(|range| self.binary.slice(range)).ok_or_else(|| {
            let wanted = length.map_or_else(|| "too many".to_owned(), |length| length.to_string());
            let reason =
                format!("{wanted} bytes at {offset} of a binary body of {} bytes", self.binary.len());
            let place = format!("feature table /{semantic}");
            error(ContentErrorKind::Truncated, self.context, place, reason)
        })
    }

    /// The error of a semantic.
    pub(crate) fn invalid(&self, semantic: &str, reason: impl Into<String>) -> ContentError {
        error(ContentErrorKind::Invalid, self.context, format!("feature table /{semantic}"), reason)
    }
}

/// Checked values of a semantic.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) bytes: Bytes,
    pub(crate) component_type: ComponentType,
    pub(crate) components: usize,
}

impl Column {
    /// The `index`-th component as a real.
    pub(crate) fn real(&self, index: usize) -> f64 {
        self.component_type.read(&self.bytes, index).and_then(|value| value.as_f64()).unwrap_or(0.0)
    }

    /// The `index`-th component as an id; what does not fit becomes `u32::MAX`.
    pub(crate) fn id(&self, index: usize) -> u32 {
        let value = self.component_type.read(&self.bytes, index).and_then(|value| value.as_u64());
        value.and_then(|value| u32::try_from(value).ok()).unwrap_or(u32::MAX)
    }

    /// Row `row` as reals.
    pub(crate) fn row<const N: usize>(&self, row: usize) -> [f64; N] {
        std::array::from_fn(|k| self.real(row * self.components + k))
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.bytes.len() / (self.component_type.size() * self.components).max(1)
    }
}
