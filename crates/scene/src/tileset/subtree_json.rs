//! The JSON of a subtree.

use serde_json::{Map, Value};

use crate::{
    content::{ContentError, ContentErrorKind},
    tileset::{
        lenient::{At, array, count, object, present, text},
        log::WarningLog,
    },
};

/// Larger JSON is refused: parsed, it takes many times its length.
const MAX_JSON_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub(crate) struct RawSubtree {
    pub(crate) buffers: Vec<RawBuffer>,
    pub(crate) buffer_views: Vec<RawBufferView>,
    pub(crate) property_tables: Vec<Value>,
    pub(crate) tile_availability: Option<RawAvailability>,
    pub(crate) content_availability: Vec<RawAvailability>,
    pub(crate) child_subtree_availability: Option<RawAvailability>,
    pub(crate) tile_metadata: Option<usize>,
    pub(crate) content_metadata: Vec<Option<usize>>,
}

#[derive(Debug, Default)]
pub(crate) struct RawBuffer {
    pub(crate) uri: Option<String>,
    pub(crate) byte_length: u64,
}

#[derive(Debug, Default)]
pub(crate) struct RawBufferView {
    /// `usize::MAX`: unreadable.
    pub(crate) buffer: usize,
    pub(crate) byte_offset: u64,
    pub(crate) byte_length: u64,
}

#[derive(Debug, Default)]
pub(crate) struct RawAvailability {
    pub(crate) bitstream: Option<usize>,
    pub(crate) constant: Option<bool>,
    pub(crate) available_count: Option<u64>,
}

pub(crate) fn read(json: &[u8], log: &mut WarningLog) -> Result<RawSubtree, ContentError> {
    let error = |kind, place: String, reason: String| ContentError {
        kind,
        file: log.file().to_owned(),
        place,
        reason,
    };
    if json.len() > MAX_JSON_BYTES {
        let reason = format!("{} bytes of JSON; {MAX_JSON_BYTES} are read", json.len());
        return Err(error(ContentErrorKind::OverBudget, "byte 0".into(), reason));
    }
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    // Padding with spaces is the rule, but zeros occur.
    let end = json.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let value: Value = serde_json::from_slice(json.get(..end).unwrap_or_default()).map_err(|e| {
        let kind = if e.is_eof() { ContentErrorKind::Truncated } else { ContentErrorKind::Invalid };
        error(kind, format!("line {} column {} of its JSON", e.line(), e.column()), e.to_string())
    })?;
    let root = String::new;
    let root = At::pointer(&root);
    let Some(members) = value.as_object() else {
        return Err(error(ContentErrorKind::Invalid, String::new(), "not a JSON object".into()));
    };

    let mut raw = RawSubtree::default();
    if let Some(items) = list(members, "buffers", &root, log) {
        raw.buffers =
            items.iter().enumerate().map(|(i, v)| buffer(v, &root.name("buffers").index(i), log)).collect();
    }
    if let Some(items) = list(members, "bufferViews", &root, log) {
        let at = root.name("bufferViews");
        raw.buffer_views = items.iter().enumerate().map(|(i, v)| buffer_view(v, &at.index(i), log)).collect();
    }
    if let Some(items) = list(members, "propertyTables", &root, log) {
        raw.property_tables = items.to_vec();
    }
    let one = |name: &str, log: &mut WarningLog| {
        present(members, name, &root, log).and_then(|v| availability(v, &root.name(name), log))
    };
    raw.tile_availability = one("tileAvailability", log);
    raw.child_subtree_availability = one("childSubtreeAvailability", log);
    raw.tile_metadata = index(members, "tileMetadata", &root, log);

    // In 1.0 one content stands alone and several are in an extension.
    let multiple = value.pointer("/extensions/3DTILES_multiple_contents").and_then(Value::as_object);
    let holder = multiple.unwrap_or(members);
    if let Some(found) = present(holder, "contentAvailability", &root, log) {
        let at = root.name("contentAvailability");
        raw.content_availability = match found {
            Value::Object(_) => availability(found, &at, log).into_iter().collect(),
            _ => {
                let items = array(found, &at, log).iter().enumerate();
                items.map(|(i, v)| availability(v, &at.index(i), log).unwrap_or_default()).collect()
            }
        };
    }
    if let Some(items) = list(holder, "contentMetadata", &root, log) {
        raw.content_metadata =
            items.iter().map(|v| v.as_u64().and_then(|n| usize::try_from(n).ok())).collect();
    }
    Ok(raw)
}

fn list<'v>(
    members: &'v Map<String, Value>,
    name: &str,
    at: &At<'_>,
    log: &mut WarningLog,
) -> Option<&'v [Value]> {
    present(members, name, at, log).map(|v| array(v, &at.name(name), log))
}

fn index(members: &Map<String, Value>, name: &str, at: &At<'_>, log: &mut WarningLog) -> Option<usize> {
    size(members, name, at, log).and_then(|n| usize::try_from(n).ok())
}

fn size(members: &Map<String, Value>, name: &str, at: &At<'_>, log: &mut WarningLog) -> Option<u64> {
    present(members, name, at, log).and_then(|v| count(v, &at.name(name), log))
}

fn buffer(value: &Value, at: &At<'_>, log: &mut WarningLog) -> RawBuffer {
    let Some(members) = object(value, at, log) else { return RawBuffer::default() };
    RawBuffer {
        uri: present(members, "uri", at, log).and_then(|v| text(v, &at.name("uri"), log)).map(str::to_owned),
        byte_length: size(members, "byteLength", at, log).unwrap_or(0),
    }
}

fn buffer_view(value: &Value, at: &At<'_>, log: &mut WarningLog) -> RawBufferView {
    let Some(members) = object(value, at, log) else {
        return RawBufferView { buffer: usize::MAX, ..RawBufferView::default() };
    };
    RawBufferView {
        buffer: index(members, "buffer", at, log).unwrap_or(usize::MAX),
        byte_offset: size(members, "byteOffset", at, log).unwrap_or(0),
        byte_length: size(members, "byteLength", at, log).unwrap_or(0),
    }
}

fn availability(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<RawAvailability> {
    let members = object(value, at, log)?;
    let constant = match members.get("constant") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(value)) => Some(*value),
        Some(value) => match value.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => {
                log.at(&at.name("constant"), "neither 0 nor 1; ignored");
                None
            }
        },
    };
    // Drafts said `bufferView`.
    let bitstream = index(members, "bitstream", at, log).or_else(|| index(members, "bufferView", at, log));
    Some(RawAvailability { bitstream, constant, available_count: size(members, "availableCount", at, log) })
}
