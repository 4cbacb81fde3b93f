//! Subtree files, binary and JSON (specification §"Subtrees").

use bytes::Bytes;
use serde_json::Value;

use super::buffers;
use super::extensions::check_common;
use super::implicit::Tiling;
use super::json::{
    At, array, array_of_objects, index_below, integer, integer_from, note_nulls, object, parse, required,
};
use super::metadata::entity::check_entity;
use super::metadata::table::check_table;
use super::metadata::table_data::check_table_data;
use super::session::{Session, read_uri};
use super::sink::Out;
use super::tileset::SchemaState;

const HEADER_BYTES: usize = 24;

/// A subtree without errors.
#[derive(Debug)]
pub(super) struct Subtree {
    pub(super) tiles: Availability,
    pub(super) contents: Vec<Availability>,
    pub(super) children: Availability,
}

/// Which nodes are there.
#[derive(Clone, Debug)]
pub(super) enum Availability {
    Constant(bool),
    /// Least significant bit first.
    Bits(Bytes),
}

impl Availability {
    /// Whether the node with this index is there.
    pub(super) fn is_available(&self, index: u64) -> bool {
        match self {
            Self::Constant(all) => *all,
            Self::Bits(bytes) => usize::try_from(index / 8)
                .ok()
                .and_then(|i| bytes.get(i))
                .is_some_and(|b| b >> (index % 8) & 1 == 1),
        }
    }
    /// The first available node at or after `from`, before `end`.
    pub(super) fn next_available(&self, from: u64, end: u64) -> Option<u64> {
        match self {
            Self::Constant(all) => (*all && from < end).then_some(from),
            Self::Bits(_) => (from..end).find(|i| self.is_available(*i)),
        }
    }
    /// The first available of the first `end` nodes.
    pub(super) fn first_available(&self, end: u64) -> Option<u64> {
        self.next_available(0, end)
    }
    fn count(&self, end: u64) -> u64 {
        match self {
            Self::Constant(all) => {
                if *all {
                    end
                } else {
                    0
                }
            }
            Self::Bits(_) => (0..end).filter(|i| self.is_available(*i)).count() as u64,
        }
    }
}

/// Inspects a subtree; gives it if nothing is wrong. Without a tiling, lengths and counts cannot be judged.
pub(super) fn inspect(
    session: &mut Session<'_>,
    uri: &str,
    bytes: &Bytes,
    tiling: Option<&Tiling>,
    schema: &SchemaState,
) -> Option<Subtree> {
    let mark = session.out(uri).mark();
    let (document, internal) = read_document(bytes, &mut session.out(uri))?;
    let at = At::document(&document, "");
    let out = &mut session.out(uri);
    object(&at, out)?;
    note_nulls(&at, out);
    check_common(&at, out);
    buffers::check_structure(&at, internal.is_some(), out);
    if !out.clean_since(mark) {
        return None;
    }
    let tables = check_structure(&at, schema, out);
    if !out.clean_since(mark) {
        return None;
    }
    let data = read_buffers(session, uri, &at, internal);
    let views = buffers::views(&at, &data);
    let out = &mut session.out(uri);
    if let (Some(tables), Some(schema)) = (&tables, &schema.schema) {
        tables.elements().for_each(|table| check_table_data(&table, &views, schema, out));
    }
    let bits = |at: &At<'_>| -> Option<Availability> {
        if let Some(constant) = at.value.get("constant").and_then(Value::as_u64) {
            return Some(Availability::Constant(constant == 1));
        }
        let index = usize::try_from(at.value.get("bitstream")?.as_u64()?).ok()?;
        views.get(index)?.data.map(|d| Availability::Bits(Bytes::copy_from_slice(d)))
    };
    let tiles = at.get("tileAvailability").and_then(|a| bits(&a));
    let children = at.get("childSubtreeAvailability").and_then(|a| bits(&a));
    let contents: Option<Vec<_>> = match at.get("contentAvailability") {
        Some(list) => list.elements().map(|a| bits(&a)).collect(),
        None => Some(Vec::new()),
    };
    let subtree = Subtree { tiles: tiles?, children: children?, contents: contents? };
    if let Some(tiling) = tiling {
        check_availability(
            &at,
            &subtree,
            tiling,
            &views.iter().map(|v| v.byte_length).collect::<Vec<_>>(),
            out,
        );
    }
    out.clean_since(mark).then_some(subtree)
}

/// The JSON and, in a binary subtree with a binary part, that part.
fn read_document(bytes: &Bytes, out: &mut Out<'_>) -> Option<(Value, Option<Bytes>)> {
    if !bytes.starts_with(b"subt") {
        let looks_like_json =
            bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') || bytes.starts_with(&[0xEF]);
        if !looks_like_json {
            out.error("byte 0", "is neither a binary subtree (magic 'subt') nor JSON");
            return None;
        }
        return Some((parse(bytes, "", out)?, None));
    }
    let u64_at = |at: usize| bytes.get(at..)?.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    let version = bytes.get(4..).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_le_bytes(*b));
    let (Some(version), Some(json_bytes), Some(binary_bytes)) = (version, u64_at(8), u64_at(16)) else {
        out.error("byte 0", format!("ends within its header: {} bytes of {HEADER_BYTES}", bytes.len()));
        return None;
    };
    if version != 1 {
        out.error("byte 4", format!("the version must be 1, but is {version}"));
        return None;
    }
    for (place, name, length) in [("byte 8", "JSON", json_bytes), ("byte 16", "binary", binary_bytes)] {
        if !length.is_multiple_of(8) {
            out.error(
                place,
                format!("the length of the {name} part must be a multiple of 8, but is {length}"),
            );
            return None;
        }
    }
    let declared = json_bytes.saturating_add(binary_bytes).saturating_add(HEADER_BYTES as u64);
    if declared != bytes.len() as u64 {
        out.error(
            "byte 8",
            format!("header and parts take {declared} bytes, but the file has {}", bytes.len()),
        );
        return None;
    }
    let end = HEADER_BYTES + json_bytes as usize;
    let document = parse(bytes.get(HEADER_BYTES..end)?, "", out)?;
    Some((document, (binary_bytes > 0).then(|| bytes.slice(end..))))
}

fn read_buffers(
    session: &mut Session<'_>,
    uri: &str,
    at: &At<'_>,
    internal: Option<Bytes>,
) -> Vec<Option<Bytes>> {
    let Some(list) = at.get("buffers") else { return Vec::new() };
    let mut read = Vec::new();
    for buffer in list.elements() {
        let declared = buffer.value.get("byteLength").and_then(Value::as_u64).unwrap_or(0);
        let bytes = match buffer.value.get("uri").and_then(Value::as_str) {
            None => Ok(internal.clone().unwrap_or_default()),
            Some(reference) => read_uri(session, uri, reference),
        };
        read.push(match bytes {
            Ok(bytes) if (bytes.len() as u64) < declared => {
                session
                    .out(uri)
                    .error(buffer, format!("declares {declared} bytes, but there are {}", bytes.len()));
                None
            }
            Ok(bytes) => Some(bytes),
            Err(unread) => {
                unread.report("the buffer", buffer, &mut session.out(uri));
                None
            }
        });
    }
    read
}

/// Availability and metadata, without the bytes. Gives the property tables if they are fine.
fn check_structure<'b>(at: &'b At<'b>, schema: &SchemaState, out: &mut Out<'_>) -> Option<At<'b>> {
    let views = at.get("bufferViews").map_or(0, |v| v.len());
    for key in ["tileAvailability", "childSubtreeAvailability"] {
        if let Some(availability) = required(at, key, out) {
            check_availability_object(&availability, views, out);
        }
    }
    if let Some(contents) = at.get("contentAvailability")
        && array_of_objects(&contents, 1, out)
    {
        contents.elements().for_each(|a| check_availability_object(&a, views, out));
    }
    if let Some(metadata) = at.get("subtreeMetadata") {
        match (&schema.schema, schema.present) {
            (Some(schema), _) => check_entity(&metadata, schema, out),
            (None, false) => out.error(metadata, "there is metadata, but the tileset has no schema"),
            (None, true) => {}
        }
    }
    let tables = at.get("propertyTables");
    let mark = out.mark();
    if let Some(tables) = &tables
        && array_of_objects(tables, 1, out)
    {
        match (&schema.schema, schema.present) {
            (Some(schema), _) => tables.elements().for_each(|t| check_table(&t, views, schema, out)),
            (None, false) => out.error(tables, "there are property tables, but the tileset has no schema"),
            (None, true) => {}
        }
    }
    let tables_are_fine = out.clean_since(mark);
    let count = tables.as_ref().map_or(0, |t| t.len());
    if let Some(index) = at.get("tileMetadata") {
        index_below(&index, count, "property tables", out);
    }
    if let Some(list) = at.get("contentMetadata")
        && array(&list, 1, out).is_some()
    {
        list.elements().for_each(|index| {
            index_below(&index, count, "property tables", out);
        });
    }
    tables.filter(|_| tables_are_fine)
}

fn check_availability_object(at: &At<'_>, views: usize, out: &mut Out<'_>) {
    if object(at, out).is_none() {
        return;
    }
    check_common(at, out);
    let (bitstream, constant) = (at.get("bitstream"), at.get("constant"));
    match (&bitstream, &constant) {
        (None, None) => out.error(at, "has neither 'bitstream' nor 'constant'"),
        (Some(_), Some(_)) => out.error(at, "has both 'bitstream' and 'constant'"),
        _ => {}
    }
    if let Some(bitstream) = &bitstream {
        index_below(bitstream, views, "buffer views", out);
    }
    if let Some(constant) = &constant
        && !matches!(integer(constant, out), Some(0 | 1) | None)
    {
        out.error(constant, format!("must be 0 or 1, but is {}", constant.value));
    }
    if let Some(count) = at.get("availableCount") {
        integer_from(&count, 0, out);
    }
}

/// Lengths, counts, and that nothing is available whose parent is not.
fn check_availability(
    at: &At<'_>,
    subtree: &Subtree,
    tiling: &Tiling,
    view_bytes: &[u64],
    out: &mut Out<'_>,
) {
    let nodes = tiling.nodes_in_subtree().filter(|n| *n < 1 << 40);
    let (Some(nodes), Some(children)) = (nodes, tiling.nodes_in_level(tiling.subtree_levels)) else {
        out.not_checked(
            at,
            format!("{} levels per subtree are more than are inspected", tiling.subtree_levels),
        );
        return;
    };
    let mark = out.mark();
    let mut check = |at: &At<'_>, availability: &Availability, bits: u64| {
        let index = at.value.get("bitstream").and_then(Value::as_u64);
        if let Some(length) = index.and_then(|i| view_bytes.get(usize::try_from(i).ok()?))
            && *length != bits.div_ceil(8)
        {
            out.error(
                at,
                format!("{bits} nodes take {} bytes, but the bitstream has {length}", bits.div_ceil(8)),
            );
            return;
        }
        let declared = at.value.get("availableCount").and_then(Value::as_u64);
        let actual = declared.map(|_| availability.count(bits));
        if declared != actual {
            out.error(
                at,
                format!(
                    "'availableCount' is {}, but {} are available",
                    declared.unwrap_or(0),
                    actual.unwrap_or(0)
                ),
            );
        }
    };
    if let Some(tiles) = at.get("tileAvailability") {
        check(&tiles, &subtree.tiles, nodes);
    }
    if let Some(below) = at.get("childSubtreeAvailability") {
        check(&below, &subtree.children, children);
    }
    let contents = at.get("contentAvailability");
    let content_places: Vec<At<'_>> = contents.iter().flat_map(|c| c.elements()).collect();
    for (place, availability) in content_places.iter().zip(&subtree.contents) {
        check(place, availability, nodes);
    }
    if !out.clean_since(mark) {
        return;
    }
    if let Availability::Bits(_) = subtree.tiles {
        check_parents(at, subtree, tiling, out);
    }
    if let Availability::Constant(true) = subtree.tiles {
        return;
    }
    for (place, availability) in content_places.iter().zip(&subtree.contents) {
        let mut next = availability.first_available(nodes);
        while let Some(index) = next {
            if !subtree.tiles.is_available(index) {
                out.error(place, format!("the content with index {index} is available, but its tile is not"));
                break;
            }
            next = availability.next_available(index + 1, nodes);
        }
    }
}

fn check_parents(at: &At<'_>, subtree: &Subtree, tiling: &Tiling, out: &mut Out<'_>) {
    let Some(place) = at.get("tileAvailability") else { return };
    for level in 1..tiling.subtree_levels {
        let (first, above) = (tiling.first_of_level(level), tiling.first_of_level(level - 1));
        let count = tiling.nodes_in_level(level).unwrap_or(0);
        let orphan = (0..count).find(|i| {
            subtree.tiles.is_available(first + i) && !subtree.tiles.is_available(above + tiling.parent(*i))
        });
        if let Some(orphan) = orphan {
            out.error(
                place,
                format!("the tile with index {} is available, but its parent is not", first + orphan),
            );
            return;
        }
    }
}
