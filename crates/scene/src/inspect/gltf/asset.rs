//! A glTF document with its buffers.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::inspect::json::{At, integer_from};
use crate::inspect::session::{Session, read_uri};
use crate::inspect::sink::{Out, Sink};

/// A glTF document with its buffers.
pub(super) struct Asset<'a> {
    /// The document.
    pub(super) at: &'a At<'a>,
    /// By index; `None` where a buffer could not be read or is shorter than declared.
    buffers: Vec<Option<Bytes>>,
    /// How many accessors use each buffer view.
    accessors_of_view: BTreeMap<u64, usize>,
}

impl<'a> Asset<'a> {
    /// Reads the buffers. Their problems go to `aside` if given.
    pub(super) fn load(
        session: &mut Session<'_>,
        uri: &str,
        at: &'a At<'a>,
        mut binary: Option<Bytes>,
        mut aside: Option<&mut Sink>,
    ) -> Self {
        let mut buffers = Vec::new();
        let list = at.get("buffers");
        for (index, buffer) in list.iter().flat_map(|l| l.elements()).enumerate() {
            let declared = buffer.value.get("byteLength").and_then(Value::as_u64).unwrap_or(0);
            let is_fallback =
                buffer.value.get("extensions").is_some_and(|e| e.get("EXT_meshopt_compression").is_some());
            let read = match (buffer.value.get("uri").and_then(Value::as_str), binary.take_if(|_| index == 0))
            {
                (Some(reference), kept) => {
                    binary = kept;
                    read_uri(session, uri, reference)
                }
                (None, Some(chunk)) => Ok(chunk),
                (None, None) if is_fallback => {
                    buffers.push(None);
                    continue;
                }
                (None, None) => Err("there is neither a 'uri' nor a binary chunk for it".into()),
            };
            let mut out = match &mut aside {
                Some(sink) => Out::new(uri, sink),
                None => session.out(uri),
            };
            buffers.push(match read {
                Ok(bytes) if (bytes.len() as u64) < declared => {
                    out.error(buffer, format!("declares {declared} bytes, but there are {}", bytes.len()));
                    None
                }
                Ok(bytes) => {
                    if buffer.value.get("uri").is_none() && bytes.len() as u64 > declared.saturating_add(3) {
                        out.warning(
                            buffer,
                            format!(
                                "the binary chunk has {} bytes more than declared",
                                bytes.len() as u64 - declared
                            ),
                        );
                    }
                    Some(bytes)
                }
                Err(unread) => {
                    unread.report("the buffer", buffer, &mut out);
                    None
                }
            });
        }
        let mut accessors_of_view = BTreeMap::new();
        let accessors = at.value.get("accessors").and_then(Value::as_array).into_iter().flatten();
        for view in accessors.filter_map(|a| a.get("bufferView")?.as_u64()) {
            *accessors_of_view.entry(view).or_default() += 1;
        }
        Self { at, buffers, accessors_of_view }
    }

    /// Whether several accessors use the buffer view.
    pub(super) fn is_shared(&self, view: u64) -> bool {
        self.accessors_of_view.get(&view).is_some_and(|users| *users > 1)
    }

    /// The number of entries of a top-level list.
    pub(super) fn count(&self, list: &str) -> usize {
        self.at.value.get(list).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// An entry of a top-level list.
    pub(super) fn item(&self, list: &str, index: usize) -> Option<&'a Value> {
        self.at.value.get(list)?.as_array()?.get(index)
    }

    /// An entry that `from` refers to as `key`.
    pub(super) fn referred(&self, from: &Value, key: &str, list: &str) -> Option<&'a Value> {
        self.item(list, usize::try_from(from.get(key)?.as_u64()?).ok()?)
    }

    /// The bytes of a buffer view, if they are plain and could be read.
    pub(super) fn view(&self, index: usize) -> Option<Bytes> {
        let view = self.item("bufferViews", index)?;
        if view.get("extensions").is_some_and(|e| e.get("EXT_meshopt_compression").is_some()) {
            return None;
        }
        let figure = |key: &str| view.get(key).and_then(Value::as_u64).and_then(|v| usize::try_from(v).ok());
        let buffer = self.buffers.get(figure("buffer")?)?.as_ref()?;
        let from = figure("byteOffset").unwrap_or(0);
        let to = from.checked_add(figure("byteLength")?)?;
        (to <= buffer.len()).then(|| buffer.slice(from..to))
    }

    /// An extension object.
    pub(super) fn extension<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
        value.get("extensions")?.get(name).filter(|v| !v.is_null())
    }
}

/// Checks one buffer view.
pub(super) fn check_view(at: &At<'_>, buffers: &At<'_>, out: &mut Out<'_>) {
    use crate::inspect::json::{index_below, integer, required};
    let buffer = required(at, "buffer", out).and_then(|b| index_below(&b, buffers.len(), "buffers", out));
    let offset = at.get("byteOffset").map_or(Some(0), |o| integer_from(&o, 0, out));
    let length = required(at, "byteLength", out).and_then(|l| integer_from(&l, 1, out));
    if let Some(stride) = at.get("byteStride")
        && let Some(bytes) = integer_from(&stride, 4, out)
        && (bytes > 252 || bytes % 4 != 0)
    {
        out.error(stride, format!("must be a multiple of 4 up to 252, but is {bytes}"));
    }
    if let Some(target) = at.get("target")
        && !matches!(integer(&target, out), Some(34962 | 34963) | None)
    {
        out.warning(target, format!("must be 34962 or 34963, but is {}", target.value));
    }
    let available = buffer.and_then(|b| buffers.index(b)?.value.get("byteLength")?.as_u64());
    if let (Some(offset), Some(length), Some(available)) = (offset, length, available)
        && offset.checked_add(length).is_none_or(|end| end > available)
    {
        out.error(
            at,
            format!("bytes {offset} to {offset} + {length} do not fit the buffer of {available} bytes"),
        );
    }
}

/// A buffer view serves one purpose: vertices, indices or an image (glTF 2.0 §"Buffer views", `target`).
pub(super) fn check_view_usage(asset: &Asset<'_>, out: &mut Out<'_>) {
    let mut usage: BTreeMap<u64, &str> = BTreeMap::new();
    for (index, view) in asset.at.get("bufferViews").iter().flat_map(|v| v.elements()).enumerate() {
        match view.value.get("target").and_then(Value::as_u64) {
            Some(34962) => usage.insert(index as u64, "vertices"),
            Some(34963) => usage.insert(index as u64, "indices"),
            _ => None,
        };
    }
    let mut claim = |view: Option<u64>, purpose: &'static str, at: &At<'_>| {
        let Some(view) = view else { return };
        match usage.get(&view) {
            Some(other) if *other != purpose => {
                out.error(at, format!("uses buffer view {view} for {purpose}, but it is for {other}"));
            }
            _ => {
                usage.insert(view, purpose);
            }
        }
    };
    let view_of = |accessor: &At<'_>| -> Option<u64> {
        let index = usize::try_from(accessor.value.as_u64()?).ok()?;
        asset.item("accessors", index)?.get("bufferView")?.as_u64()
    };
    for mesh in asset.at.get("meshes").iter().flat_map(|m| m.elements()) {
        let primitives = mesh.get("primitives");
        for primitive in primitives.iter().flat_map(|p| p.elements()) {
            if let Some(indices) = primitive.get("indices") {
                claim(view_of(&indices), "indices", &indices);
            }
            if let Some(attributes) = primitive.get("attributes") {
                for (_, accessor) in attributes.entries() {
                    claim(view_of(&accessor), "vertices", &accessor);
                }
            }
        }
    }
    for image in asset.at.get("images").iter().flat_map(|i| i.elements()) {
        if let Some(view) = image.get("bufferView") {
            claim(view.value.as_u64(), "an image", &view);
        }
    }
}
