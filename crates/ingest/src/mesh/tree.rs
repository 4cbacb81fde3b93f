//! Tilesets that stay small: deep trees are cut into nested files.

use std::io;

use scene::write::{ContentInput, TileInput, TilesetInput, WriteError, write_tileset};

/// Tiles in one `tileset.json`.
const MAX_TILES: usize = 400;
/// A cut-off part has at least so many.
const MIN_PART: usize = 24;

/// Writes `tileset.json` for a tree whose contents are there already; parts of large trees go to `part-N.json`.
/// Returns the number of tiles.
pub(super) fn write_nested(
    root: TileInput,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<u64, WriteError> {
    let mut parts = 0;
    let mut total = 0;
    let (root, _) = cut(root, &mut parts, &mut total, store)?;
    write_tileset(&TilesetInput { root, ..TilesetInput::default() }, "tileset.json", store)?;
    Ok(total)
}

/// Returns the tile with large parts below it cut off, and how many tiles are left in it.
fn cut(
    mut tile: TileInput,
    parts: &mut u32,
    total: &mut u64,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<(TileInput, usize), WriteError> {
    *total += 1;
    let mut kept = Vec::with_capacity(tile.children.len());
    for child in std::mem::take(&mut tile.children) {
        kept.push(cut(child, parts, total, store)?);
    }
    let mut count = 1 + kept.iter().map(|(_, count)| count).sum::<usize>();
    if count > MAX_TILES {
        for (child, size) in &mut kept {
            if *size >= MIN_PART {
                let uri = format!("part-{parts}.json");
                *parts += 1;
                let place_holder = TileInput {
                    bounds: child.bounds,
                    geometric_error: child.geometric_error,
                    content: Some(ContentInput { uri: uri.clone(), bytes: None }),
                    ..TileInput::default()
                };
                let root = std::mem::replace(child, place_holder);
                write_tileset(&TilesetInput { root, ..TilesetInput::default() }, &uri, store)?;
                count -= *size - 1;
                *size = 1;
            }
        }
    }
    tile.children = kept.into_iter().map(|(child, _)| child).collect();
    Ok((tile, count))
}
