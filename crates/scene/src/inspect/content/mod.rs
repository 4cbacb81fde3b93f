//! Contents: what format they are, and the checks of each.

mod legacy;
mod tables;

use bytes::Bytes;
use serde_json::Value;

use super::extensions::{CONTENT_3TZ, CONTENT_GEOJSON, CONTENT_GLTF};
use super::gltf;
use super::json::{At, parse};
use super::report::Contents;
use super::session::Session;
use super::tileset;

/// What bytes are, by their beginning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    /// `b3dm`, `i3dm`, `pnts` or `cmpt`.
    Legacy(&'static str),
    /// Binary glTF.
    Glb,
    /// JSON, parsed: what it is shows in its keys.
    Json(JsonFormat, Value),
    /// A ZIP archive.
    Zip,
    /// `vctr` or `geom`, which Hamlet does not read.
    Unread(&'static str),
    Unknown,
}

/// What a JSON document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonFormat {
    Tileset,
    Gltf,
    GeoJson,
    Subtree,
    Schema,
    Unknown,
}

/// What a JSON document is, by its keys.
pub(super) fn json_format(value: &Value) -> JsonFormat {
    let has = |key: &str| value.get(key).is_some();
    let version = value.get("asset").and_then(|a| a.get("version")?.as_str());
    if has("root") || has("geometricError") {
        JsonFormat::Tileset
    } else if has("tileAvailability") || has("childSubtreeAvailability") {
        JsonFormat::Subtree
    } else if has("asset") {
        if version.is_some_and(|v| v.starts_with("0.") || v.starts_with("1."))
            && !has("meshes")
            && !has("scenes")
        {
            JsonFormat::Tileset
        } else {
            JsonFormat::Gltf
        }
    } else if has("classes") || has("enums") {
        JsonFormat::Schema
    } else if has("type") && (has("features") || has("coordinates") || has("geometry") || has("geometries")) {
        JsonFormat::GeoJson
    } else {
        JsonFormat::Unknown
    }
}

/// Finds the format; problems of JSON go to `out`.
fn format_of(session: &mut Session<'_>, uri: &str, bytes: &Bytes) -> Option<Format> {
    for magic in ["b3dm", "i3dm", "pnts", "cmpt"] {
        if bytes.starts_with(magic.as_bytes()) {
            return Some(Format::Legacy(magic));
        }
    }
    for magic in ["vctr", "geom"] {
        if bytes.starts_with(magic.as_bytes()) {
            return Some(Format::Unread(magic));
        }
    }
    if bytes.starts_with(b"glTF") {
        return Some(Format::Glb);
    }
    if bytes.starts_with(b"PK") || extension(uri) == "3tz" {
        return Some(Format::Zip);
    }
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'{') || bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        let document = parse(bytes, "", &mut session.out(uri))?;
        return Some(Format::Json(json_format(&document), document));
    }
    Some(Format::Unknown)
}

fn extension(uri: &str) -> &str {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Inspects a content file, whatever it is. An external tileset begins at `depth`.
pub(super) fn inspect(session: &mut Session<'_>, uri: &str, bytes: &Bytes, depth: usize) {
    let outer = std::mem::take(&mut session.sink.found_extensions);
    inspect_as(session, uri, bytes, depth);
    let found = std::mem::replace(&mut session.sink.found_extensions, outer);
    session.sink.found_extensions.extend(found.iter().cloned());
    session.done.insert(uri.to_owned(), found);
}

fn inspect_as(session: &mut Session<'_>, uri: &str, bytes: &Bytes, depth: usize) {
    let Some(format) = format_of(session, uri, bytes) else { return };
    let size = bytes.len() as u64;
    let mut count = |name: &str| {
        let contents = session.contents(name);
        *contents = contents.plus(Contents { files: 1, bytes: size, ..Contents::default() });
    };
    match format {
        Format::Legacy(name) => {
            count(name);
            legacy::inspect(session, uri, bytes, "", name);
        }
        Format::Glb => {
            count("glb");
            session.sink.found_extensions.insert(CONTENT_GLTF.to_owned());
            gltf::inspect_glb(session, uri, bytes, "", "glb");
        }
        Format::Json(JsonFormat::Gltf, document) => {
            count("gltf");
            session.sink.found_extensions.insert(CONTENT_GLTF.to_owned());
            gltf::inspect_json(session, uri, &document);
        }
        Format::Json(JsonFormat::Tileset, document) => {
            session.summary.external_tilesets += u64::from(!session.active_tilesets.is_empty());
            tileset::inspect_document(session, uri, &document, depth);
        }
        Format::Json(JsonFormat::GeoJson, _) => {
            count("geojson");
            session.sink.found_extensions.insert(CONTENT_GEOJSON.to_owned());
            session.out(uri).not_checked("/", "GeoJSON contents (MAXAR_content_geojson) are not read");
        }
        Format::Unread(name) => {
            count(name);
            session.out(uri).not_checked("byte 0", format!("contents of the format '{name}' are not read"));
        }
        Format::Zip => {
            count("3tz");
            session.sink.found_extensions.insert(CONTENT_3TZ.to_owned());
            inspect_package(session, uri, depth);
        }
        Format::Json(_, document) => {
            count("unknown");
            session.summary.undrawable += 1;
            let at = At::document(&document, "");
            session.out(uri).warning(at, "is JSON, but of no known content format");
        }
        Format::Unknown => {
            count("unknown");
            session.summary.undrawable += 1;
            session.out(uri).warning("byte 0", "is of no known content format");
        }
    }
}

/// A package as content (`MAXAR_content_3tz`): the tileset in it.
fn inspect_package(session: &mut Session<'_>, uri: &str, depth: usize) {
    match session.open_package(uri) {
        None => session
            .out(uri)
            .not_checked("byte 0", "packages inside a tileset (MAXAR_content_3tz) are not opened here"),
        Some(Err(reason)) => {
            session.out(uri).error("byte 0", format!("the package could not be opened: {reason}"))
        }
        Some(Ok(())) => {
            let root = format!("{uri}/tileset.json");
            match session.read(&root) {
                Ok(bytes) => tileset::inspect(session, &root, &bytes, depth),
                Err(unread) => {
                    unread.report("the tileset in the package", "/tileset.json", &mut session.out(uri))
                }
            }
        }
    }
}
