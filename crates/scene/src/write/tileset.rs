//! `tileset.json` (3D Tiles 1.1) from a tree of tiles.

use std::io;

use bytes::Bytes;
use geodesy::{Obb, glam::DMat4};
use serde_json::{Value, json};

use crate::tileset::Refine;

use super::WriteError;

/// A tileset to be written.
#[derive(Clone, Debug, Default)]
pub struct TilesetInput {
    /// The root tile.
    pub root: TileInput,
    /// `asset.tilesetVersion`.
    pub tileset_version: Option<String>,
    /// `extras` of the tileset.
    pub extras: Option<Value>,
}

/// A tile to be written.
#[derive(Clone, Debug, Default)]
pub struct TileInput {
    /// Bounding volume in the tile's frame; contains those of the children.
    pub bounds: Option<Obb>,
    /// Metres; not greater than the parent's.
    pub geometric_error: f64,
    /// `None` inherits; the root's is REPLACE then.
    pub refine: Option<Refine>,
    /// `parent_from_tile`.
    pub transform: Option<DMat4>,
    /// Content.
    pub content: Option<ContentInput>,
    /// `extras` of the tile.
    pub extras: Option<Value>,
    /// Children.
    pub children: Vec<TileInput>,
}

/// A content to be written.
#[derive(Clone, Debug)]
pub struct ContentInput {
    /// Path relative to the tileset, `/` separators, percent-encoded where needed.
    pub uri: String,
    /// The file, if it is to be stored along; `None` if it is there already (or is an external tileset).
    pub bytes: Option<Bytes>,
}

/// Hands `tileset.json` under `path` and all contents under their paths beside it to `store`; `tileset.json` comes
/// last, so that it never names what is not there.
///
/// # Errors
/// A volume that is missing or not finite, a geometric error that grows downwards, a path that is taken twice or leaves
/// the folder, and whatever `store` answers.
pub fn write_tileset(
    tileset: &TilesetInput,
    path: &str,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let root = &tileset.root;
    let mut json = String::from(r#"{"asset":{"version":"1.1""#);
    if let Some(version) = &tileset.tileset_version {
        json.push_str(&format!(r#","tilesetVersion":{}"#, Value::from(version.as_str())));
    }
    // Without the tileset everything is missing: an error as large as the thing itself.
    let extent = root.bounds.map_or(0.0, |b| 2.0 * b.half_axes.iter().map(|a| a.length()).sum::<f64>());
    let scale = root.transform.map_or(1.0, |t| crate::tileset::largest_scale(&t));
    json.push_str(&format!(r#"}},"geometricError":{}"#, number(root.geometric_error.max(extent * scale))));
    if let Some(extras) = &tileset.extras {
        json.push_str(&format!(r#","extras":{extras}"#));
    }
    json.push_str(r#","root":"#);

    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let mut stored = std::collections::BTreeSet::new();
    enum Step<'a> {
        Open { tile: &'a TileInput, parent: Option<&'a TileInput>, is_first: bool },
        Close { has_children: bool },
    }
    // Depth costs no stack.
    let mut steps = vec![Step::Open { tile: root, parent: None, is_first: true }];
    while let Some(step) = steps.pop() {
        match step {
            Step::Close { has_children } => json.push_str(if has_children { "]}" } else { "}" }),
            Step::Open { tile, parent, is_first } => {
                if !is_first {
                    json.push(',');
                }
                push_tile(&mut json, tile, parent)?;
                if let Some(ContentInput { uri, bytes: Some(bytes) }) = &tile.content {
                    if !stored.insert(uri.as_str()) {
                        return Err(WriteError::invalid(uri, "is written twice"));
                    }
                    let path = format!("{folder}{uri}");
                    store(&path, bytes).map_err(|source| WriteError::Sink { path, source })?;
                }
                let has_children = !tile.children.is_empty();
                if has_children {
                    json.push_str(r#","children":["#);
                }
                steps.push(Step::Close { has_children });
                for (index, child) in tile.children.iter().enumerate().rev() {
                    steps.push(Step::Open { tile: child, parent: Some(tile), is_first: index == 0 });
                }
            }
        }
    }
    json.push_str("}\n");
    store(path, json.as_bytes()).map_err(|source| WriteError::Sink { path: path.to_owned(), source })
}

/// Everything of a tile but its children and the closing brace.
fn push_tile(json: &mut String, tile: &TileInput, parent: Option<&TileInput>) -> Result<(), WriteError> {
    let bounds = tile.bounds.as_ref().ok_or_else(|| WriteError::invalid("tile", "no bounding volume"))?;
    let volume: Vec<f64> =
        std::iter::once(bounds.center).chain(bounds.half_axes).flat_map(|v| v.to_array()).collect();
    if !volume.iter().all(|n| n.is_finite()) {
        return Err(WriteError::invalid("bounding volume", format!("{bounds:?} is not finite")));
    }
    let error = tile.geometric_error;
    if !(error.is_finite() && error >= 0.0) {
        return Err(WriteError::invalid("geometric error", format!("{error} is no length")));
    }
    if let Some(parent) = parent
        && error * tile.transform.map_or(1.0, |t| crate::tileset::largest_scale(&t))
            > parent.geometric_error * (1.0 + 1e-9)
    {
        let reason = format!("{error} is greater than its parent's {}", parent.geometric_error);
        return Err(WriteError::invalid("geometric error", reason));
    }
    json.push_str(&format!(
        r#"{{"boundingVolume":{},"geometricError":{}"#,
        json!({ "box": volume }),
        number(error)
    ));
    let refine = tile.refine.or(if parent.is_none() { Some(Refine::Replace) } else { None });
    match refine {
        Some(Refine::Add) => json.push_str(r#","refine":"ADD""#),
        Some(Refine::Replace) => json.push_str(r#","refine":"REPLACE""#),
        None => {}
    }
    if let Some(transform) = checked_transform(tile.transform.as_ref())? {
        json.push_str(&format!(r#","transform":{}"#, json!(transform.to_cols_array())));
    }
    if let Some(content) = &tile.content {
        let uri = content.uri.as_str();
        let leaves =
            uri.starts_with('/') || uri.split('/').any(|s| s == "..") || uri.contains([':', '\\', '?', '#']);
        if uri.is_empty() || (content.bytes.is_some() && leaves) {
            return Err(WriteError::invalid(format!("content {uri:?}"), "not a path within the folder"));
        }
        json.push_str(&format!(r#","content":{}"#, json!({ "uri": uri })));
    }
    if let Some(extras) = &tile.extras {
        json.push_str(&format!(r#","extras":{extras}"#));
    }
    Ok(())
}

/// A transform as it is to be written; `None` if it changes nothing.
pub(super) fn checked_transform(transform: Option<&DMat4>) -> Result<Option<DMat4>, WriteError> {
    let Some(transform) = transform.filter(|t| **t != DMat4::IDENTITY) else { return Ok(None) };
    let is_affine = transform.row(3) == DMat4::IDENTITY.row(3);
    if !transform.is_finite() || transform.determinant() == 0.0 || !is_affine {
        return Err(WriteError::invalid("transform", "not finite, affine and invertible"));
    }
    Ok(Some(*transform))
}

fn number(value: f64) -> Value {
    Value::from(value)
}
