//! Parsing `tileset.json`: the tree of tiles is walked here with an explicit stack, everything inside a tile is read
//! by `serde_json`, whose recursion is limited to 128 levels.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use crate::{
    content::{ContentError, ContentErrorKind, UpAxis, Warning},
    tileset::{
        lenient::{self, At, array, object, present, text},
        log::WarningLog,
        raw::{RawAsset, RawContent, RawGroup, RawTile, RawTileset},
        tile_members,
        tree::TreeLimits,
    },
};

/// A parsed JSON value takes at most this many times the bytes of its text (`[0,0,...]`: 32 bytes per two letters,
/// doubled while a vector grows).
const MEMORY_PER_TEXT_BYTE: u64 = 32;

pub(crate) fn tileset(
    bytes: &[u8],
    file: &str,
    limits: &TreeLimits,
) -> Result<(RawTileset, Vec<Warning>), ContentError> {
    let mut log = WarningLog::new(file);
    let mut cursor = Cursor { bytes, at: 0, file };
    if bytes.starts_with(b"\xef\xbb\xbf") {
        log.push(|| "byte 0".into(), "byte order mark; skipped");
        cursor.at = 3;
    }
    let mut memory = Memory { left: limits.max_bytes, file };
    let mut raw = RawTileset::default();
    cursor.open(b'{', "a JSON object")?;
    let mut first = true;
    while let Some(name) = cursor.next_member(&mut first)? {
        if name == "root" && cursor.peek() == Some(b'{') {
            if raw.tiles.is_empty() {
                raw.tiles = tiles(&mut cursor, limits, &mut memory, &mut log)?;
                continue;
            }
            log.push(|| "/root".into(), "a second `root`; ignored");
            cursor.value::<IgnoredAny>()?;
            continue;
        }
        let value = cursor.json(&mut memory, &|| format!("/{name}"), &mut log)?;
        memory.take(lenient::heap_bytes_of(&value), &cursor)?;
        tileset_member(&mut raw, &name, value, &mut log);
    }
    cursor.end()?;
    if raw.tiles.is_empty() {
        return Err(error(file, "/root", ContentErrorKind::Invalid, "there is no root tile"));
    }
    resolve_group_names(&mut raw, &mut log);
    Ok((raw, log.finish()))
}

fn error(
    file: &str,
    place: impl Into<String>,
    kind: ContentErrorKind,
    reason: impl Into<String>,
) -> ContentError {
    ContentError { kind, file: file.to_owned(), place: place.into(), reason: reason.into() }
}

fn tileset_member(raw: &mut RawTileset, name: &str, value: Value, log: &mut WarningLog) {
    let root = String::new;
    let root = At::pointer(&root);
    let at = root.name(name);
    if value.is_null() {
        return log.at(&at, "null; taken as absent");
    }
    match name {
        "asset" => raw.asset = asset(value, &at, log),
        "geometricError" => raw.geometric_error = lenient::geometric_error(&value, &at, log),
        "properties" => raw.properties = Some(value),
        "schema" => raw.schema = Some(value),
        "schemaUri" => raw.schema_uri = text(&value, &at, log).map(str::to_owned),
        "statistics" => raw.statistics = Some(value),
        "groups" => raw.groups = groups(&value, &at, log),
        "metadata" => raw.metadata = Some(value),
        "extensionsUsed" => raw.extensions_used = names(&value, &at, log),
        "extensionsRequired" => raw.extensions_required = names(&value, &at, log),
        "extensions" => {
            if let Some(members) = object(&value, &at, log) {
                metadata_extension(raw, members, &at, log);
                raw.extensions = Some(value);
            }
        }
        "extras" => raw.extras = Some(value),
        "root" => log.at(&at, format!("{} where an object is expected", lenient::kind_of(&value))),
        _ => {}
    }
}

fn asset(value: Value, at: &At<'_>, log: &mut WarningLog) -> RawAsset {
    let mut asset = RawAsset::default();
    if let Some(members) = object(&value, at, log) {
        let string = |name, log: &mut WarningLog| {
            present(members, name, at, log).and_then(|v| text(v, &at.name(name), log)).map(str::to_owned)
        };
        asset.version = string("version", log).unwrap_or_default();
        asset.tileset_version = string("tilesetVersion", log);
        asset.gltf_up_axis = match string("gltfUpAxis", log).as_deref() {
            Some("X" | "x") => Some(UpAxis::X),
            Some("Z" | "z") => Some(UpAxis::Z),
            Some("Y" | "y") => Some(UpAxis::Y),
            None => None,
            Some(other) => {
                log.at(&at.name("gltfUpAxis"), format!("{other:?} is no axis; taken as \"Y\""));
                Some(UpAxis::Y)
            }
        };
        if !matches!(asset.version.as_str(), "1.0" | "1.1") {
            log.at(&at.name("version"), format!("{:?} is not 1.0 or 1.1; read as 1.1", asset.version));
        }
    }
    asset.members = Some(value);
    asset
}

fn names(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Vec<String> {
    let items = array(value, at, log);
    items.iter().enumerate().filter_map(|(i, v)| text(v, &at.index(i), log)).map(str::to_owned).collect()
}

fn groups(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Vec<RawGroup> {
    if let Value::Object(members) = value {
        return members
            .iter()
            .map(|(name, v)| RawGroup { name: Some(name.clone()), metadata: v.clone() })
            .collect();
    }
    array(value, at, log).iter().map(|v| RawGroup { name: None, metadata: v.clone() }).collect()
}

/// `3DTILES_metadata` of 1.0.
fn metadata_extension(
    raw: &mut RawTileset,
    extensions: &Map<String, Value>,
    at: &At<'_>,
    log: &mut WarningLog,
) {
    const NAME: &str = "3DTILES_metadata";
    let Some(value) = present(extensions, NAME, at, log) else { return };
    let at = at.name(NAME);
    let Some(members) = object(value, &at, log) else { return };
    if let Some(schema) = present(members, "schema", &at, log) {
        raw.schema = Some(schema.clone());
    }
    if let Some(uri) = present(members, "schemaUri", &at, log) {
        raw.schema_uri = text(uri, &at.name("schemaUri"), log).map(str::to_owned);
    }
    if let Some(statistics) = present(members, "statistics", &at, log) {
        raw.statistics = Some(statistics.clone());
    }
    if let Some(found) = present(members, "groups", &at, log) {
        raw.groups = groups(found, &at.name("groups"), log);
    }
    if let Some(metadata) = present(members, "tileset", &at, log) {
        raw.metadata = Some(metadata.clone());
    }
}

/// Members come in any order, so names can be looked up only at the end.
fn resolve_group_names(raw: &mut RawTileset, log: &mut WarningLog) {
    for tile in 0..raw.tiles.len() {
        for number in 0..raw.tiles[tile].contents.len() {
            let content = &raw.tiles[tile].contents[number];
            let group = match &content.group_name {
                Some(name) => raw.groups.iter().position(|g| g.name.as_ref() == Some(name)).map(|i| i as u32),
                None => content.group.filter(|&g| (g as usize) < raw.groups.len()),
            };
            if group.is_none() && (content.group_name.is_some() || content.group.is_some()) {
                log.push(
                    || format!("{}/contents/{number}", raw.pointer(tile as u32)),
                    "its group does not exist",
                );
            }
            raw.tiles[tile].contents[number].group = group;
        }
    }
}

enum Frame {
    /// Between members of a tile.
    Members { tile: usize, first: bool },
    /// Between tiles of `children`.
    Children { tile: usize, first: bool, next: u32 },
}

/// Reads the tile that starts at the cursor and everything below it.
fn tiles(
    cursor: &mut Cursor<'_>,
    limits: &TreeLimits,
    memory: &mut Memory<'_>,
    log: &mut WarningLog,
) -> Result<Vec<RawTile>, ContentError> {
    let mut tiles: Vec<RawTile> = Vec::new();
    let mut stack: Vec<Frame> = Vec::new();
    cursor.open(b'{', "a tile")?;
    memory.take(size_of::<RawTile>() as u64, cursor)?;
    tiles.push(RawTile::default());
    stack.push(Frame::Members { tile: 0, first: true });

    while let Some(top) = stack.last_mut() {
        match top {
            Frame::Members { tile, first } => {
                let tile = *tile;
                let Some(name) = cursor.next_member(first)? else {
                    stack.pop();
                    continue;
                };
                if name == "children" && cursor.peek() == Some(b'[') {
                    cursor.open(b'[', "children")?;
                    stack.push(Frame::Children { tile, first: true, next: 0 });
                    continue;
                }
                if let Some(tile) = tiles.get_mut(tile)
                    && cursor.plain_member(&name, tile, memory)?
                {
                    continue;
                }
                let pointer = || pointer_of(&stack);
                let value = cursor.json(memory, &|| format!("{}/{name}", pointer()), log)?;
                memory.take(retained_bytes(&name, &value), cursor)?;
                if let Some(tile) = tiles.get_mut(tile) {
                    tile_members::read(tile, &name, value, &At::pointer(&pointer), log);
                }
            }
            Frame::Children { tile, first, next } => {
                if !cursor.next_item(first)? {
                    stack.pop();
                    continue;
                }
                let (parent, child_number) = (*tile, *next);
                *next += 1;
                if cursor.peek() != Some(b'{') {
                    log.push(|| pointer_of(&stack), "not a tile; skipped");
                    cursor.value::<IgnoredAny>()?;
                    continue;
                }
                let depth = tiles.get(parent).map_or(0, |t| t.depth).saturating_add(1);
                if depth >= limits.max_depth || tiles.len() >= limits.max_tiles as usize {
                    let reason =
                        format!("more than {} levels or {} tiles", limits.max_depth, limits.max_tiles);
                    return Err(error(cursor.file, cursor.place(), ContentErrorKind::OverBudget, reason));
                }
                // Sorting by levels needs the tiles twice.
                memory.take(2 * size_of::<RawTile>() as u64, cursor)?;
                cursor.open(b'{', "a tile")?;
                stack.push(Frame::Members { tile: tiles.len(), first: true });
                tiles.push(RawTile {
                    parent: Some(parent as u32),
                    child_number,
                    depth,
                    ..RawTile::default()
                });
            }
        }
    }
    Ok(by_level(tiles))
}

/// What a tile keeps of a member beside its own size.
fn retained_bytes(name: &str, value: &Value) -> u64 {
    let contents = match name {
        "content" => 1,
        "contents" => value.as_array().map_or(0, Vec::len),
        "metadata" | "extensions" | "extras" | "implicitTiling" => 0,
        _ => return 0,
    };
    (contents * size_of::<RawContent>() + size_of::<Value>()) as u64 + lenient::heap_bytes_of(value)
}

fn pointer_of(stack: &[Frame]) -> String {
    stack.iter().fold("/root".to_owned(), |pointer, frame| match frame {
        Frame::Members { .. } => pointer,
        Frame::Children { next, .. } => format!("{pointer}/children/{}", next.saturating_sub(1)),
    })
}

/// Document order to breadth-first order.
fn by_level(tiles: Vec<RawTile>) -> Vec<RawTile> {
    let mut order: Vec<u32> = (0..tiles.len() as u32).collect();
    // Within a level, document order already puts siblings together and families in the order of their parents.
    order.sort_by_key(|&i| tiles[i as usize].depth);
    let mut new_index = vec![0u32; tiles.len()];
    for (new, &old) in order.iter().enumerate() {
        new_index[old as usize] = new as u32;
    }
    let mut sorted: Vec<RawTile> = Vec::with_capacity(tiles.len());
    let mut tiles: Vec<Option<RawTile>> = tiles.into_iter().map(Some).collect();
    for old in order {
        let Some(mut tile) = tiles[old as usize].take() else { continue };
        let new = sorted.len() as u32;
        tile.children = 0..0;
        tile.parent = tile.parent.map(|p| new_index[p as usize]);
        if let Some(parent) = tile.parent.and_then(|p| sorted.get_mut(p as usize)) {
            let start = if parent.children.is_empty() { new } else { parent.children.start };
            parent.children = start..new + 1;
        }
        sorted.push(tile);
    }
    sorted
}

/// Counts what parsing may still take.
struct Memory<'a> {
    left: u64,
    file: &'a str,
}

impl Memory<'_> {
    fn take(&mut self, bytes: u64, cursor: &Cursor<'_>) -> Result<(), ContentError> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                let reason = format!("needs {bytes} bytes here; {} are left of its budget", self.left);
                return Err(error(self.file, cursor.place(), ContentErrorKind::OverBudget, reason));
            }
        }
        Ok(())
    }
}

/// A position in JSON text; values and names are read by `serde_json`.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    file: &'a str,
}

impl<'a> Cursor<'a> {
    fn place(&self) -> String {
        format!("byte {}", self.at)
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn unexpected(&mut self, wanted: &str) -> ContentError {
        match self.peek() {
            None => error(
                self.file,
                self.place(),
                ContentErrorKind::Truncated,
                format!("ends where {wanted} is expected"),
            ),
            Some(found) => {
                let reason = format!("{:?} where {wanted} is expected", char::from(found));
                error(self.file, self.place(), ContentErrorKind::Invalid, reason)
            }
        }
    }

    fn open(&mut self, bracket: u8, wanted: &str) -> Result<(), ContentError> {
        if self.peek() != Some(bracket) {
            return Err(self.unexpected(wanted));
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over `,` to the next thing before `close`; false when `close` was passed.
    fn advance(&mut self, first: &mut bool, close: u8) -> Result<bool, ContentError> {
        match self.peek() {
            Some(found) if found == close => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !*first => self.at += 1,
            _ if *first => {}
            _ => return Err(self.unexpected("`,` or the end of the list")),
        }
        if !*first && self.peek() == Some(close) {
            return Err(self.unexpected("a value after `,`"));
        }
        *first = false;
        Ok(true)
    }

    fn next_item(&mut self, first: &mut bool) -> Result<bool, ContentError> {
        self.advance(first, b']')
    }

    fn next_member(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, ContentError> {
        if !self.advance(first, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a name"));
        }
        let name = self.name()?;
        self.open(b':', "`:`")?;
        self.peek();
        Ok(Some(name))
    }

    /// Borrowed, unless it has escapes.
    fn name(&mut self) -> Result<Cow<'a, str>, ContentError> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let end = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20);
        if let Some(end) = end.filter(|&e| rest.get(e) == Some(&b'"'))
            && let Some(Ok(name)) = rest.get(..end).map(str::from_utf8)
        {
            self.at += end + 2;
            return Ok(name.into());
        }
        self.value::<String>().map(Cow::from)
    }

    fn value<T: DeserializeOwned>(&mut self) -> Result<T, ContentError> {
        self.try_value().map_err(|e| self.syntax_error(&e))
    }

    fn try_value<T: DeserializeOwned>(&mut self) -> Result<T, serde_json::Error> {
        self.peek();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        let value = match stream.next() {
            Some(value) => value?,
            // Only whitespace is left: let serde_json word the error.
            None => return serde_json::from_slice(rest),
        };
        self.at += stream.byte_offset();
        Ok(value)
    }

    /// Reads the members that nearly all tiles have, in the form that nearly all files use, without a detour over
    /// [`Value`]. False: nothing was read.
    fn plain_member(
        &mut self,
        name: &str,
        tile: &mut RawTile,
        memory: &mut Memory<'_>,
    ) -> Result<bool, ContentError> {
        match name {
            "boundingVolume" => {
                let start = self.at;
                tile.volume =
                    self.try_value::<tile_members::PlainVolume>().ok().and_then(|v| v.into_volume());
                if tile.volume.is_none() {
                    self.at = start;
                }
                Ok(tile.volume.is_some())
            }
            "content" if tile.contents.is_empty() => {
                let start = self.at;
                match self.try_value::<tile_members::PlainContent>() {
                    Ok(content) if !content.uri.trim().is_empty() => {
                        memory.take((size_of::<RawContent>() + content.uri.len()) as u64, self)?;
                        tile.contents.push(RawContent { uri: content.uri, ..RawContent::default() });
                        Ok(true)
                    }
                    _ => {
                        self.at = start;
                        Ok(false)
                    }
                }
            }
            _ => Ok(false),
        }
    }

    fn syntax_error(&self, e: &serde_json::Error) -> ContentError {
        // serde_json counts lines and columns from where the value starts.
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let line_start: usize =
            rest.split_inclusive(|&b| b == b'\n').take(e.line().saturating_sub(1)).map(<[u8]>::len).sum();
        let kind = if e.is_eof() { ContentErrorKind::Truncated } else { ContentErrorKind::Invalid };
        let place = format!("byte {}", (self.at + line_start + e.column()).min(self.bytes.len()));
        error(self.file, place, kind, e.to_string())
    }

    /// Reads a value; one nested deeper than serde_json allows is skipped with a warning.
    fn json_or_skip(
        &mut self,
        pointer: &dyn Fn() -> String,
        log: &mut WarningLog,
    ) -> Result<Value, ContentError> {
        let start = self.at;
        match self.try_value::<Value>() {
            Ok(value) => Ok(value),
            Err(e) => {
                // Skipping does not recurse, so it tells bad syntax from mere depth.
                self.value::<IgnoredAny>().map_err(|_| {
                    self.at = start;
                    self.syntax_error(&e)
                })?;
                log.push(pointer, format!("{e}; skipped"));
                Ok(Value::Null)
            }
        }
    }

    /// As [`Self::json_or_skip`]; where memory is short, only after looking how long the value is.
    fn json(
        &mut self,
        memory: &mut Memory<'_>,
        pointer: &dyn Fn() -> String,
        log: &mut WarningLog,
    ) -> Result<Value, ContentError> {
        if (self.bytes.len() as u64).saturating_mul(MEMORY_PER_TEXT_BYTE) > memory.left {
            let start = self.at;
            self.value::<IgnoredAny>()?;
            let needed = (self.at - start) as u64 * MEMORY_PER_TEXT_BYTE;
            memory.take(needed, self)?;
            memory.left += needed;
            self.at = start;
        }
        self.json_or_skip(pointer, log)
    }

    fn end(&mut self) -> Result<(), ContentError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the file")),
        }
    }
}
