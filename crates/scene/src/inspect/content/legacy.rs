//! Batched, instanced, point cloud and composite tiles: headers, tables and what they embed
//! (3D Tiles 1.0 §"Tile formats").

use bytes::Bytes;
use serde_json::Value;

use super::tables::{self, BATCHED, INSTANCED, POINTS};
use crate::inspect::gltf;
use crate::inspect::json::{At, parse};
use crate::inspect::session::{Session, read_referred};
use crate::inspect::sink::Out;

/// Inspects a tile that begins with `magic`; `base` stands before places (where a tile inside another lies).
pub(super) fn inspect(session: &mut Session<'_>, uri: &str, bytes: &Bytes, base: &str, magic: &str) {
    let Some(bytes) = check_header(bytes, base, magic, &mut session.out(uri)) else { return };
    match magic {
        "cmpt" => inspect_composite(session, uri, &bytes, base),
        _ => inspect_tables(session, uri, &bytes, base, magic),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b))
}

fn place(base: &str, byte: usize) -> String {
    if base.is_empty() { format!("byte {byte}") } else { format!("{base}/byte {byte}") }
}

fn check_header(bytes: &Bytes, base: &str, magic: &str, out: &mut Out<'_>) -> Option<Bytes> {
    let header = header_bytes(magic);
    if bytes.len() < header {
        out.error(place(base, 0), format!("ends within its header: {} bytes of {header}", bytes.len()));
        return None;
    }
    let (version, declared) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
    if version != 1 {
        out.error(place(base, 4), format!("the version must be 1, but is {version}"));
        return None;
    }
    if declared as usize != bytes.len() {
        out.error(
            place(base, 8),
            format!("the header declares {declared} bytes, but there are {}", bytes.len()),
        );
        return None;
    }
    Some(bytes.clone())
}

fn header_bytes(magic: &str) -> usize {
    match magic {
        "cmpt" => 16,
        "i3dm" => 32,
        _ => 28,
    }
}

fn inspect_composite(session: &mut Session<'_>, uri: &str, bytes: &Bytes, base: &str) {
    // Composites may hold composites; this deep they are no longer sensible.
    if base.matches("tile ").count() >= session.options.max_nesting {
        session.out(uri).error(place(base, 0), "composite tiles are nested too deep");
        return;
    }
    let count = u32_at(bytes, 12).unwrap_or(0);
    let mut offset = 16;
    for index in 0..count {
        let at = place(base, offset);
        let Some(length) = u32_at(bytes, offset + 8) else {
            session.out(uri).error(at, format!("ends before inner tile {index} of {count}"));
            return;
        };
        if offset % 8 != 0 {
            session.out(uri).error(at, format!("inner tile {index} does not begin at a multiple of 8 bytes"));
            return;
        }
        let end = offset.saturating_add(length as usize);
        if length < 12 || end > bytes.len() {
            session
                .out(uri)
                .error(at, format!("inner tile {index} declares {length} bytes, which do not fit"));
            return;
        }
        let inner = bytes.slice(offset..end);
        let inner_base =
            if base.is_empty() { format!("tile {index}") } else { format!("{base}/tile {index}") };
        match ["b3dm", "i3dm", "pnts", "cmpt"].into_iter().find(|magic| inner.starts_with(magic.as_bytes())) {
            Some(magic) => inspect(session, uri, &inner, &inner_base, magic),
            None => session.out(uri).error(at, format!("inner tile {index} is of no known format")),
        }
        offset = end;
    }
}

/// The parts of a tile behind its header.
struct Parts {
    feature_json: Bytes,
    feature_binary: Bytes,
    batch_json: Bytes,
    batch_binary: Bytes,
    /// glTF, or the address of one.
    body: Bytes,
    body_offset: usize,
}

fn split(bytes: &Bytes, base: &str, magic: &str, body_is_glb: bool, out: &mut Out<'_>) -> Option<Parts> {
    let header = header_bytes(magic);
    let lengths = [12, 16, 20, 24].map(|at| u32_at(bytes, at).unwrap_or(0) as usize);
    if magic == "b3dm" && (lengths[2] >= 570_425_344 || lengths[3] >= 570_425_344) {
        out.error(place(base, 12), "the header is one of those used before version 1.0 of the specification");
        return None;
    }
    let mut ends = [header; 5];
    let mut end = header;
    for (slot, length) in ends.iter_mut().skip(1).zip(lengths) {
        end = end.checked_add(length)?;
        *slot = end;
    }
    let aligned = [
        (ends[1], "the binary part of the feature table begins", true),
        (ends[2], "the batch table begins", true),
        (ends[3], "the binary part of the batch table begins", true),
        (ends[4], "the glTF begins", body_is_glb),
        (bytes.len(), "the tile ends", true),
    ];
    for (offset, what, applies) in aligned {
        if applies && offset % 8 != 0 {
            out.error(place(base, offset), format!("{what} at byte {offset}, which is no multiple of 8"));
        }
    }
    if end > bytes.len() {
        out.error(
            place(base, 12),
            format!("header and tables take {end} bytes, but the tile has {}", bytes.len()),
        );
        return None;
    }
    Some(Parts {
        feature_json: bytes.slice(ends[0]..ends[1]),
        feature_binary: bytes.slice(ends[1]..ends[2]),
        batch_json: bytes.slice(ends[2]..ends[3]),
        batch_binary: bytes.slice(ends[3]..ends[4]),
        body: bytes.slice(ends[4]..),
        body_offset: ends[4],
    })
}

/// An empty table is an empty object.
fn table_json(bytes: &Bytes, base: &str, out: &mut Out<'_>) -> Option<Value> {
    let end = bytes.iter().rposition(|b| *b != 0 && !b.is_ascii_whitespace()).map_or(0, |i| i + 1);
    if end == 0 {
        return Some(Value::Object(serde_json::Map::new()));
    }
    parse(bytes.get(..end)?, base, out)
}

fn inspect_tables(session: &mut Session<'_>, uri: &str, bytes: &Bytes, base: &str, magic: &str) {
    let gltf_format = (magic == "i3dm").then(|| u32_at(bytes, 28).unwrap_or(0));
    let out = &mut session.out(uri);
    if let Some(format) = gltf_format
        && format > 1
    {
        out.error(place(base, 28), format!("gltfFormat must be 0 or 1, but is {format}"));
        return;
    }
    let body_is_glb = magic == "b3dm" || gltf_format == Some(1);
    let Some(parts) = split(bytes, base, magic, body_is_glb, out) else { return };
    let (feature_base, batch_base) = (format!("{base}/featureTable"), format!("{base}/batchTable"));
    let Some(features) = table_json(&parts.feature_json, &feature_base, out) else { return };
    let Some(batch) = table_json(&parts.batch_json, &batch_base, out) else { return };
    let features = At::document(&features, &feature_base);
    let batch = At::document(&batch, &batch_base);
    let (semantics, length_key) = match magic {
        "b3dm" => (BATCHED, "BATCH_LENGTH"),
        "i3dm" => (INSTANCED, "INSTANCES_LENGTH"),
        _ => (POINTS, "POINTS_LENGTH"),
    };
    let Some(length) = tables::length(&features, length_key, &parts.feature_binary, out) else { return };
    if magic != "b3dm" {
        tables::check_positions(&features, out);
    }
    let mut batch_length = length;
    if magic == "pnts" {
        batch_length = tables::check_point_batches(&features, length, &parts.feature_binary, out);
    }
    tables::check_features(&features, &parts.feature_binary, length, semantics, out);
    tables::check_batch(&batch, &parts.batch_binary, batch_length, out);
    match gltf_format {
        _ if magic == "pnts" => {
            let contents = session.contents("pnts");
            contents.points = contents.points.saturating_add(length);
        }
        None | Some(1) => {
            let glb_base = format!("{base}/glb");
            if parts.body.starts_with(b"glTF") {
                gltf::inspect_glb(session, uri, &parts.body, &glb_base, magic);
            } else {
                session
                    .out(uri)
                    .error(place(base, parts.body_offset), "there is no binary glTF (magic 'glTF') here");
            }
        }
        Some(_) => follow_gltf_uri(session, uri, base, &parts),
    }
}

/// The glTF of an instanced tile may be a file of its own.
fn follow_gltf_uri(session: &mut Session<'_>, uri: &str, base: &str, parts: &Parts) {
    let at = place(base, parts.body_offset);
    if parts.body.contains(&0) {
        session.out(uri).warning(&at, "the address of the glTF is padded with zero bytes instead of spaces");
    }
    let text = String::from_utf8_lossy(&parts.body).replace('\0', "");
    match read_referred(session, uri, text.trim()) {
        Ok((target, bytes)) if bytes.starts_with(b"glTF") => {
            gltf::inspect_glb(session, &target, &bytes, "", "i3dm")
        }
        Ok((target, bytes)) => {
            if let Some(document) = parse(&bytes, "", &mut session.out(&target)) {
                gltf::inspect_json_as(session, &target, &document, "i3dm");
            }
        }
        Err(unread) => unread.report(&format!("the glTF '{}'", text.trim()), at, &mut session.out(uri)),
    }
}
