//! Every problem of a tileset, with file, place and reason.
//!
//! This is the strict counterpart of [`crate::tileset`]: that one reads whatever can be drawn, this one says what breaks
//! the specification. Both walk the same files but share no parsing, on purpose. What Hamlet does not read (extensions
//! of vendors, the formats `vctr` and `geom`) is reported as [`Severity::NotChecked`].
//!
//! Nothing is opened here: bytes come from a [`Files`].

mod buffers;
mod content;
mod extensions;
mod gltf;
mod implicit;
mod json;
mod metadata;
mod report;
mod session;
mod sink;
mod subtree;
mod tile;
mod tileset;
mod volume;

use bytes::Bytes;
use serde_json::Value;

pub use report::{Contents, Extent, Level, Problem, Report, Severity, Summary, Verdict};

use content::JsonFormat;
use json::At;
use session::Session;
use tileset::SchemaState;

/// Where the bytes of files come from.
pub trait Files {
    /// Reads a whole file; `uri` is relative to the root of the source (see [`crate::uri`]). The error is a reason.
    fn read(&mut self, uri: &str) -> Result<Bytes, String>;

    /// Opens a package that is the content of a tile; its files are then asked of the returned source. `None`: this
    /// source opens no packages, and they are reported as not checked.
    fn open_package(&mut self, _uri: &str) -> Option<Result<Box<dyn Files>, String>> {
        None
    }
}

impl<F: FnMut(&str) -> Result<Bytes, String>> Files for F {
    fn read(&mut self, uri: &str) -> Result<Bytes, String> {
        self(uri)
    }
}

/// Limits of an inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Read contents, subtrees and external tilesets.
    pub follow_contents: bool,
    /// Problems that are listed; the rest are only counted.
    pub max_problems: usize,
    /// Tiles that are visited.
    pub max_tiles: u64,
    /// Files that are read.
    pub max_files: u64,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// How deep external tilesets, packages and composites may be nested.
    pub max_nesting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            follow_contents: true,
            max_problems: 10_000,
            max_tiles: 20_000_000,
            max_files: 5_000_000,
            max_file_bytes: 512 << 20,
            max_nesting: 32,
        }
    }
}

/// Inspects the tileset at `uri` and everything it refers to.
pub fn inspect_tileset(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| tileset::inspect(session, uri, bytes, 0))
}

/// Inspects one content file, whatever its format.
pub fn inspect_content(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| content::inspect(session, uri, bytes, 0))
}

/// Inspects a metadata schema.
pub fn inspect_schema(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| {
        let out = &mut session.out(uri);
        if let Some(document) = json::parse(bytes, "", out) {
            metadata::schema::check_schema(&At::document(&document, ""), out);
        }
    })
}

/// Inspects a subtree. Lengths and counts are only judged with the `implicitTiling` object it is for, metadata only with
/// the schema.
pub fn inspect_subtree(
    uri: &str,
    files: &mut dyn Files,
    implicit_tiling: Option<&Value>,
    schema: Option<&Value>,
    options: &Options,
) -> Report {
    run(uri, files, options, |session, bytes| {
        let out = &mut session.out(uri);
        let tiling =
            implicit_tiling.and_then(|t| implicit::check_tiling(&At::document(t, "/implicitTiling"), out));
        let state = SchemaState {
            present: schema.is_some(),
            schema: schema.and_then(|s| metadata::schema::check_schema(&At::document(s, "/schema"), out)),
        };
        subtree::inspect(session, uri, bytes, tiling.as_ref(), &state);
    })
}

/// Inspects the `buffers` and `bufferViews` of a JSON file, without their bytes.
pub fn inspect_buffers(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| {
        let out = &mut session.out(uri);
        if let Some(document) = json::parse(bytes, "", out) {
            buffers::check_structure(&At::document(&document, ""), false, out);
        }
    })
}

/// Inspects the `propertyTables` of a JSON file against a schema, without their bytes.
pub fn inspect_property_tables(
    uri: &str,
    files: &mut dyn Files,
    schema: &Value,
    buffer_views: usize,
    options: &Options,
) -> Report {
    run(uri, files, options, |session, bytes| {
        let out = &mut session.out(uri);
        let Some(schema) = metadata::schema::check_schema(&At::document(schema, "/schema"), out) else {
            return;
        };
        let Some(document) = json::parse(bytes, "", out) else { return };
        let at = At::document(&document, "");
        if let Some(tables) = json::required(&at, "propertyTables", out)
            && json::array_of_objects(&tables, 1, out)
        {
            tables
                .elements()
                .for_each(|table| metadata::table::check_table(&table, buffer_views, &schema, out));
        }
    })
}

/// Inspects only the metadata extensions of a glTF asset, not the base format.
pub fn inspect_gltf_extensions(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| gltf::inspect_extensions_only(session, uri, bytes))
}

/// Inspects a file by what it holds: a tileset, subtree, schema or content.
pub fn inspect_any(uri: &str, files: &mut dyn Files, options: &Options) -> Report {
    run(uri, files, options, |session, bytes| {
        if bytes.starts_with(b"subt") {
            subtree::inspect(session, uri, bytes, None, &SchemaState::default());
            return;
        }
        let value = serde_json::from_slice::<Value>(bytes).ok();
        match value.as_ref().map(content::json_format) {
            Some(JsonFormat::Tileset) => tileset::inspect(session, uri, bytes, 0),
            Some(JsonFormat::Subtree) => {
                subtree::inspect(session, uri, bytes, None, &SchemaState::default());
            }
            Some(JsonFormat::Schema) => {
                if let Some(document) = &value {
                    metadata::schema::check_schema(&At::document(document, ""), &mut session.out(uri));
                }
            }
            _ => content::inspect(session, uri, bytes, 0),
        }
    })
}

fn run(
    uri: &str,
    files: &mut dyn Files,
    options: &Options,
    check: impl FnOnce(&mut Session<'_>, &Bytes),
) -> Report {
    let mut session = Session::new(files, options);
    match session.read(uri) {
        Ok(bytes) => check(&mut session, &bytes),
        Err(unread) => unread.report("the file", "/", &mut session.out(uri)),
    }
    session.finish()
}
