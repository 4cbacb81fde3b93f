//! `buffers` and `bufferViews` of subtrees.

use bytes::Bytes;

use super::json::{At, array_of_objects, index_below, integer_from, non_empty_string, required, string};
use super::metadata::table_data::View;
use super::sink::Out;

/// Checks what the JSON says. `first_is_internal`: the first buffer may be the binary part of the file itself.
pub(super) fn check_structure(at: &At<'_>, first_is_internal: bool, out: &mut Out<'_>) {
    let buffers = at.get("buffers");
    if let Some(buffers) = &buffers {
        if !array_of_objects(buffers, 1, out) {
            return;
        }
        for (i, buffer) in buffers.elements().enumerate() {
            match buffer.get("uri") {
                Some(uri) => {
                    string(&uri, out);
                }
                None if i > 0 || !first_is_internal => {
                    out.error(buffer.missing("uri"), "the buffer needs a 'uri'")
                }
                None => {}
            }
            if let Some(length) = required(&buffer, "byteLength", out) {
                integer_from(&length, 1, out);
            }
            check_name(&buffer, out);
        }
    }
    let Some(views) = at.get("bufferViews") else {
        if buffers.is_some() {
            out.warning(at, "there are buffers, but no bufferViews");
        }
        return;
    };
    let Some(buffers) = buffers else {
        out.error(views, "there are bufferViews, but no buffers");
        return;
    };
    if !array_of_objects(&views, 1, out) {
        return;
    }
    for view in views.elements() {
        let buffer =
            required(&view, "buffer", out).and_then(|b| index_below(&b, buffers.len(), "buffers", out));
        let offset = required(&view, "byteOffset", out).and_then(|o| integer_from(&o, 0, out));
        let length = required(&view, "byteLength", out).and_then(|l| integer_from(&l, 1, out));
        check_name(&view, out);
        let available = buffer.and_then(|b| buffers.index(b)?.value.get("byteLength")?.as_u64());
        if let (Some(offset), Some(length), Some(available)) = (offset, length, available)
            && offset.checked_add(length).is_none_or(|end| end > available)
        {
            out.error(
                view,
                format!("bytes {offset} to {offset} + {length} do not fit the buffer of {available} bytes"),
            );
        }
    }
}

fn check_name(at: &At<'_>, out: &mut Out<'_>) {
    if let Some(name) = at.get("name") {
        non_empty_string(&name, out);
    }
}

/// The buffer views with their bytes; `buffers` has one entry per buffer, `None` where it could not be read.
pub(super) fn views<'d>(at: &At<'_>, buffers: &'d [Option<Bytes>]) -> Vec<View<'d>> {
    let Some(declared) = at.get("bufferViews") else { return Vec::new() };
    declared
        .elements()
        .map(|view| {
            let figure = |key: &str| view.value.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0);
            let (byte_offset, byte_length) = (figure("byteOffset"), figure("byteLength"));
            let buffer = usize::try_from(figure("buffer")).ok().and_then(|b| buffers.get(b)?.as_ref());
            let data = buffer.and_then(|bytes| {
                let from = usize::try_from(byte_offset).ok()?;
                bytes.get(from..from.checked_add(usize::try_from(byte_length).ok()?)?)
            });
            View { byte_offset, byte_length, data }
        })
        .collect()
}
