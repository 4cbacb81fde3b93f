//! A tileset document: everything but its tiles (specification §"Tileset JSON").

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

use super::extensions::{check_common, check_declarations};
use super::json::{
    At, array_of_objects, note_nulls, number, number_from, object, one_of, optional_string, parse, required,
    string,
};
use super::metadata::entity::{check_entity, check_statistics};
use super::metadata::model::Schema;
use super::metadata::schema::check_schema;
use super::session::{Session, read_referred};
use super::sink::Out;
use super::tile;

/// The schema of a tileset or glTF asset.
#[derive(Default)]
pub(super) struct SchemaState {
    /// One is declared.
    pub(super) present: bool,
    /// It could be read and has no error.
    pub(super) schema: Option<Schema>,
}

/// What tiles need to know of their tileset.
pub(super) struct TilesetContext<'t> {
    /// Uri of the document.
    pub(super) file: &'t str,
    pub(super) schema: SchemaState,
    /// Number of groups; `None` if there are none.
    pub(super) groups: Option<usize>,
}

/// Inspects the tileset at `uri` and all below; `depth` is the level of its root tile.
/// The extensions found stay in the sink for the tileset above.
pub(super) fn inspect(session: &mut Session<'_>, uri: &str, bytes: &Bytes, depth: usize) {
    let Some(document) = parse(bytes, "", &mut session.out(uri)) else { return };
    inspect_document(session, uri, &document, depth);
}

/// As [`inspect`], of a parsed document.
pub(super) fn inspect_document(session: &mut Session<'_>, uri: &str, document: &Value, depth: usize) {
    session.active_tilesets.push(uri.to_owned());
    let outer = std::mem::take(&mut session.sink.found_extensions);
    check_document(session, uri, &At::document(document, ""), depth);
    let found = std::mem::replace(&mut session.sink.found_extensions, outer);
    session.sink.found_extensions.extend(found.iter().cloned());
    session.done.insert(uri.to_owned(), found);
    session.active_tilesets.pop();
}

fn check_document(session: &mut Session<'_>, uri: &str, at: &At<'_>, depth: usize) {
    let out = &mut session.out(uri);
    if object(at, out).is_none() {
        return;
    }
    note_nulls(at, out);
    check_common(at, out);
    check_asset(at, out);
    if let Some(properties) = at.get("properties") {
        check_properties(&properties, out);
    }
    if let Some(error) = required(at, "geometricError", out) {
        number_from(&error, 0.0, out);
    }
    if let Some(copyright) =
        at.get("asset").and_then(|a| a.value.get("copyright")?.as_str().map(str::to_owned))
    {
        session.summary.attributions.insert(copyright);
    }
    let schema = read_schema(session, uri, at);
    let out = &mut session.out(uri);
    let mut groups = None;
    if let Some(list) = at.get("groups") {
        groups = check_groups(&list, &schema, out);
    }
    if let Some(statistics) = at.get("statistics") {
        check_statistics(&statistics, schema.schema.as_ref(), schema.present, out);
    }
    check_metadata(at, &schema, out);
    let context = TilesetContext { file: uri, schema, groups };
    match required(at, "root", &mut session.out(uri)) {
        Some(root) => tile::inspect_root(session, &context, &root, depth),
        None => session.count_tile(depth, None, false),
    }
    let found: BTreeSet<String> = session.sink.found_extensions.clone();
    let used = check_declarations(at, &found, &mut session.out(uri));
    session.summary.extensions_used.extend(used);
}

fn check_asset(tileset: &At<'_>, out: &mut Out<'_>) {
    let Some(asset) = required(tileset, "asset", out) else { return };
    if object(&asset, out).is_none() {
        return;
    }
    check_common(&asset, out);
    optional_string(&asset, "tilesetVersion", out);
    if let Some(axis) = asset.get("gltfUpAxis")
        && let Some(name) = string(&axis, out)
        && !["X", "Y", "Z", "x", "y", "z"].contains(&name)
    {
        out.warning(axis, format!("'{name}' is no axis; Y is taken"));
    }
    if let Some(version) = required(&asset, "version", out)
        && let Some(text) = string(&version, out)
        && !["0.0", "1.0", "1.1"].contains(&text)
    {
        out.warning(version, format!("the version '{text}' is not known (0.0, 1.0 and 1.1 are)"));
    }
}

/// `properties` of version 1.0.
fn check_properties(at: &At<'_>, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    for (_, property) in at.entries() {
        if object(&property, out).is_none() {
            continue;
        }
        check_common(&property, out);
        let low = required(&property, "minimum", out).and_then(|v| number(&v, out));
        let high = required(&property, "maximum", out).and_then(|v| number(&v, out));
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            out.error(property, format!("the minimum {low} is larger than the maximum {high}"));
        }
    }
}

/// `schema` or `schemaUri` of a tileset or of `EXT_structural_metadata`.
pub(super) fn read_schema(session: &mut Session<'_>, file: &str, at: &At<'_>) -> SchemaState {
    let (inline, external) = (at.get("schema"), at.get("schemaUri"));
    if inline.is_some() && external.is_some() {
        session.out(file).error(at, "has both 'schema' and 'schemaUri'");
        return SchemaState { present: true, schema: None };
    }
    if let Some(inline) = inline {
        return SchemaState { present: true, schema: check_schema(&inline, &mut session.out(file)) };
    }
    let Some(external) = external else { return SchemaState::default() };
    let schema = string(&external, &mut session.out(file)).and_then(|reference| {
        match read_referred(session, file, reference) {
            Ok((uri, bytes)) => {
                let out = &mut session.out(&uri);
                let document = parse(&bytes, "", out)?;
                check_schema(&At::document(&document, ""), out)
            }
            Err(unread) => {
                unread.report("the schema", external, &mut session.out(file));
                None
            }
        }
    });
    SchemaState { present: true, schema }
}

fn check_groups(at: &At<'_>, schema: &SchemaState, out: &mut Out<'_>) -> Option<usize> {
    if !schema.present {
        out.error(at, "there are groups, but no schema");
        return Some(at.len());
    }
    if array_of_objects(at, 0, out)
        && let Some(schema) = &schema.schema
    {
        at.elements().for_each(|group| check_entity(&group, schema, out));
    }
    Some(at.len())
}

/// `metadata` of a tileset, tile or content.
pub(super) fn check_metadata(at: &At<'_>, schema: &SchemaState, out: &mut Out<'_>) {
    let Some(metadata) = at.get("metadata") else { return };
    if !schema.present {
        out.error(metadata, "there is metadata, but the tileset has no schema");
    } else if let Some(schema) = &schema.schema {
        check_entity(&metadata, schema, out);
    }
}

/// `refine`: `ADD` or `REPLACE`; other case is tolerated with a warning.
pub(super) fn check_refine(at: &At<'_>, out: &mut Out<'_>) {
    let Some(refine) = at.get("refine") else { return };
    let Some(text) = string(&refine, out) else { return };
    let upper = text.to_uppercase();
    if upper != text && ["ADD", "REPLACE"].contains(&upper.as_str()) {
        out.warning(refine, format!("must be written {upper}, but is '{text}'"));
    } else {
        one_of(&refine, &["ADD", "REPLACE"], out);
    }
}
