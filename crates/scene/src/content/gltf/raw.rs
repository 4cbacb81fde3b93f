//! Reading the JSON into [`gltf::json::Root`], forgiving what does not concern drawing.

use std::borrow::Cow;

use gltf::json::{Root, Value};

use crate::content::{ContentError, ContentErrorKind, Warning};

/// Parses the JSON text. Sections that are never drawn (animations, skins, cameras) and `null` members do not make
/// a model unreadable: they are dropped with a warning when they are what is wrong.
pub(super) fn parse(json: &[u8], uri: &str, warnings: &mut Vec<Warning>) -> Result<Root, ContentError> {
    let json = with_batch_id_semantic(json);
    let error = match serde_json::from_slice::<Root>(trim_padding(&json)) {
        Ok(root) => return check_version(root, uri),
        Err(error) => error,
    };
    let fail = |kind, reason: String| ContentError { kind, file: uri.into(), place: "/".into(), reason };
    let mut value: Value = serde_json::from_slice(trim_padding(&json))
        .map_err(|e| fail(ContentErrorKind::Invalid, format!("the JSON does not parse: {e}")))?;
    let Some(object) = value.as_object_mut() else {
        return Err(fail(ContentErrorKind::Invalid, "the JSON is not an object".into()));
    };
    let version = object.get("asset").and_then(|a| a.get("version"));
    let version_1 =
        version.is_some_and(|v| v.as_str().is_some_and(|s| s.starts_with("1.")) || v.as_f64() == Some(1.0));
    if version_1 || object.get("meshes").is_some_and(Value::is_object) {
        return Err(fail(ContentErrorKind::Unsupported, GLTF_1.into()));
    }
    for section in ["animations", "skins", "cameras"] {
        object.remove(section);
    }
    if object.get("asset").is_none_or(|a| !a.is_object()) {
        object.insert("asset".into(), serde_json::json!({ "version": "2.0" }));
    }
    remove_nulls(&mut value);
    let root = serde_json::from_value::<Root>(value)
        .map_err(|_| fail(ContentErrorKind::Invalid, format!("not glTF 2.0: {error}")))?;
    warnings.push(Warning {
        file: uri.into(),
        place: "/".into(),
        reason: format!(
            "not valid glTF 2.0 ({error}); read without animations, skins, cameras and null members"
        ),
    });
    check_version(root, uri)
}

const GLTF_1: &str =
    "glTF 1.0; only glTF 2.0 is read: upgrade the model (for example with gltf-pipeline or 3d-tiles-tools)";

fn check_version(root: Root, uri: &str) -> Result<Root, ContentError> {
    let version = &root.asset.version;
    if version == "2" || version.starts_with("2.") {
        return Ok(root);
    }
    let reason = if version.starts_with('1') {
        GLTF_1.into()
    } else {
        format!("glTF version {version}; only 2.x is read")
    };
    Err(ContentError {
        kind: ContentErrorKind::Unsupported,
        file: uri.into(),
        place: "/asset/version".into(),
        reason,
    })
}

/// Old tilers wrote the attribute as `BATCHID`, which is no glTF 2.0 semantic and would be lost in the typed mirror.
fn with_batch_id_semantic(json: &[u8]) -> Cow<'_, [u8]> {
    const OLD: &[u8] = b"\"BATCHID\"";
    let Some(_) = find(json, OLD, 0) else { return Cow::Borrowed(json) };
    let mut out = Vec::with_capacity(json.len() + 64);
    let mut from = 0;
    while let Some(at) = find(json, OLD, from) {
        out.extend_from_slice(json.get(from..at).unwrap_or_default());
        out.extend_from_slice(b"\"_BATCHID\"");
        from = at + OLD.len();
    }
    out.extend_from_slice(json.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack.get(from..)?.windows(needle.len()).position(|w| w == needle).map(|p| p + from)
}

/// The JSON chunk is padded with spaces; some writers pad with zeros.
pub(super) fn trim_padding(json: &[u8]) -> &[u8] {
    let end = json.iter().rposition(|&b| b != 0).map_or(0, |p| p + 1);
    json.get(..end).unwrap_or_default()
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}
