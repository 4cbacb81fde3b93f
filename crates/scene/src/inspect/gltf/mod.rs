//! glTF 2.0 assets: container, structure, data, and the metadata extensions of 3D Tiles.
//!
//! What is checked is what a reader of tiles relies on: references, ranges, types, alignment, lengths, declared bounds.

mod accessor;
mod asset;
mod features;
mod image;
mod material;
mod mesh;
mod node;
mod property_texture;
mod structural;
mod structure;

use bytes::Bytes;
use serde_json::Value;

use super::json::{At, note_nulls, parse};
use super::report::Contents;
use super::session::Session;
use super::sink::Out;
use asset::Asset;

/// Inspects a binary glTF at the beginning of `bytes` (what follows it is padding). `base` stands before places;
/// `format` is what its figures are counted under.
pub(super) fn inspect_glb(session: &mut Session<'_>, uri: &str, bytes: &Bytes, base: &str, format: &str) {
    let Some((json, binary)) = split_glb(bytes, base, &mut session.out(uri)) else { return };
    let Some(document) = parse(&json, base, &mut session.out(uri)) else { return };
    inspect_asset(session, uri, &document, binary, base, format);
}

/// Inspects a parsed `.gltf` document.
pub(super) fn inspect_json(session: &mut Session<'_>, uri: &str, document: &Value) {
    inspect_asset(session, uri, document, None, "", "gltf");
}

/// As [`inspect_json`], counted under another format.
pub(super) fn inspect_json_as(session: &mut Session<'_>, uri: &str, document: &Value, format: &str) {
    inspect_asset(session, uri, document, None, "", format);
}

/// Only the metadata extensions, as if the rest were known to be fine.
pub(super) fn inspect_extensions_only(session: &mut Session<'_>, uri: &str, bytes: &Bytes) {
    let (json, binary) = if bytes.starts_with(b"glTF") {
        let Some(parts) = split_glb(bytes, "", &mut session.out(uri)) else { return };
        parts
    } else {
        (bytes.clone(), None)
    };
    let Some(document) = parse(&json, "", &mut session.out(uri)) else { return };
    let at = At::document(&document, "");
    let mut quiet = super::sink::Sink::new(0);
    let asset = Asset::load(session, uri, &at, binary, Some(&mut quiet));
    structure::note_vendors(&asset, &mut session.out(uri));
    inspect_extensions(session, uri, &asset);
}

fn place(base: &str, byte: usize) -> String {
    if base.is_empty() { format!("byte {byte}") } else { format!("{base}/byte {byte}") }
}

/// The JSON and the binary chunk (glTF 2.0 §"GLB file format").
fn split_glb(bytes: &Bytes, base: &str, out: &mut Out<'_>) -> Option<(Bytes, Option<Bytes>)> {
    let u32_at = |at: usize| bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
    let (Some(version), Some(length)) = (u32_at(4), u32_at(8)) else {
        out.error(place(base, 0), format!("ends within its header: {} bytes of 12", bytes.len()));
        return None;
    };
    if version != 2 {
        out.error(place(base, 4), format!("the version must be 2, but is {version}"));
        return None;
    }
    let length = length as usize;
    if length > bytes.len() {
        out.error(
            place(base, 8),
            format!("the header declares {length} bytes, but there are {}", bytes.len()),
        );
        return None;
    }
    let mark = out.mark();
    let (mut json, mut binary) = (None, None);
    let mut offset = 12;
    let mut index = 0;
    while offset < length {
        let (Some(size), Some(kind)) = (u32_at(offset), u32_at(offset + 4)) else {
            out.error(place(base, offset), "ends within the header of a chunk");
            return None;
        };
        let (from, size) = (offset + 8, size as usize);
        let Some(to) = from.checked_add(size).filter(|to| *to <= length) else {
            out.error(
                place(base, offset),
                format!("a chunk declares {size} bytes, which do not fit the {length} of the file"),
            );
            return None;
        };
        if size % 4 != 0 {
            out.error(
                place(base, offset),
                format!("the length of a chunk must be a multiple of 4, but is {size}"),
            );
        }
        match (kind, index) {
            (0x4E4F_534A, 0) => json = Some(bytes.slice(from..to)),
            (_, 0) => out.error(place(base, offset + 4), "the first chunk must be JSON"),
            (0x004E_4942, 1) => binary = Some(bytes.slice(from..to)),
            (0x4E4F_534A | 0x004E_4942, _) => {
                out.error(place(base, offset + 4), "a JSON or binary chunk in the wrong place")
            }
            _ => out.info(place(base, offset + 4), format!("a chunk of unknown type {kind:#010x}")),
        }
        offset = to;
        index += 1;
    }
    if json.is_none() && out.clean_since(mark) {
        out.error(place(base, 12), "there is no JSON chunk");
    }
    json.filter(|_| out.clean_since(mark)).map(|json| (json, binary))
}

fn inspect_asset(
    session: &mut Session<'_>,
    uri: &str,
    document: &Value,
    binary: Option<Bytes>,
    base: &str,
    format: &str,
) {
    let at = At::document(document, base);
    let out = &mut session.out(uri);
    if super::json::object(&at, out).is_none() {
        return;
    }
    note_nulls(&at, out);
    structure::check(&at, out);
    let asset = Asset::load(session, uri, &at, binary, None);
    let out = &mut session.out(uri);
    structure::note_vendors(&asset, out);
    accessor::check_all(&asset, out);
    let figures = mesh::check_all(&asset, out);
    node::check_all(&asset, out);
    material::check_all(&asset, out);
    let texels = image::check_all(session, uri, &asset);
    let out = &mut session.out(uri);
    asset::check_view_usage(&asset, out);
    inspect_extensions(session, uri, &asset);
    let contents = session.contents(format);
    *contents = contents.plus(Contents {
        triangles: figures.triangles,
        points: figures.points,
        texels,
        ..Contents::default()
    });
    let strings = |key: &str| -> Vec<String> {
        let list = document.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    session.summary.extensions_used.extend(strings("extensionsUsed"));
    if let Some(copyright) = document.get("asset").and_then(|a| a.get("copyright")?.as_str()) {
        session.summary.attributions.insert(copyright.to_owned());
    }
}

fn inspect_extensions(session: &mut Session<'_>, uri: &str, asset: &Asset<'_>) {
    features::check_mesh_features(session, uri, asset);
    features::check_instance_features(session, uri, asset);
    structural::check(session, uri, asset);
}
