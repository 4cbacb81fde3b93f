//! Composite (specification 1.0, §"Composite"): tiles one after the other.

use bytes::Bytes;

use super::{
    error,
    header::{own_bytes, u32_at},
    warning,
};
use crate::content::{
    ContentCost, ContentError, ContentErrorKind, DecodeContext, TileContent, Warning, decode_at_depth,
    measure_at_depth, references_at_depth,
};

/// Composites inside composites deeper than this are refused.
const MAX_DEPTH: usize = 8;

/// Cuts a composite into its tiles.
fn tiles(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Bytes>, ContentError> {
    if depth >= MAX_DEPTH {
        let reason = format!("composites are nested deeper than {MAX_DEPTH}");
        return Err(error(ContentErrorKind::Invalid, context, "byte 0", reason));
    }
    let composite = own_bytes(bytes, context, warnings)?;
    let truncated = |place: usize, reason: String| {
        error(ContentErrorKind::Truncated, context, format!("byte {place}"), reason)
    };
    let count = u32_at(&composite, 12).ok_or_else(|| {
        truncated(12, format!("the header needs 16 bytes, the tile has {}", composite.len()))
    })?;
    let mut offset = 16;
    let mut tiles = Vec::new();
    for number in 0..count {
        let left = composite.len() - offset;
        let length = u32_at(&composite, offset + 8).map(|length| length as usize);
        let length = length.filter(|length| (12..=left).contains(length)).ok_or_else(|| {
            let wanted = length.map_or_else(|| "a header of 12".to_owned(), |length| length.to_string());
            truncated(offset, format!("tile {number} of {count} needs {wanted} bytes, {left} are left"))
        })?;
        tiles.push(composite.slice(offset..offset + length));
        offset += length;
    }
    Ok(tiles)
}

/// References of all tiles inside.
pub(crate) fn references(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
) -> Result<Vec<String>, ContentError> {
    let mut found = Vec::new();
    for tile in tiles(bytes, context, depth, &mut Vec::new())? {
        match references_at_depth(&tile, context, depth + 1) {
            Ok(references) => found.extend(references),
            Err(problem) if is_unread_format(&problem) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(found)
}

/// Sum of the costs of all tiles inside.
pub(crate) fn measure(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
) -> Result<ContentCost, ContentError> {
    let mut total = ContentCost::default();
    for tile in tiles(bytes, context, depth, &mut Vec::new())? {
        match measure_at_depth(&tile, context, depth + 1) {
            Ok(cost) => {
                total.cpu_bytes = total.cpu_bytes.saturating_add(cost.cpu_bytes);
                total.gpu_bytes = total.gpu_bytes.saturating_add(cost.gpu_bytes);
                total.transient_bytes = total.transient_bytes.saturating_add(cost.transient_bytes);
            }
            Err(problem) if is_unread_format(&problem) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(total)
}

/// Decodes all tiles inside into one content. Formats that are not read are left out with a warning; a tile that is
/// broken fails the whole, so that a coarser tile stays drawn instead.
pub(crate) fn decode(
    bytes: &Bytes,
    context: &DecodeContext,
    depth: usize,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    let mut whole = TileContent::default();
    let mut left = context.clone();
    let mut first_unread = None;
    let mut decoded = 0;
    for tile in tiles(bytes, context, depth, warnings)? {
        match decode_at_depth(&tile, &left, warnings, depth + 1) {
            Ok(part) => {
                let cost = part.cost();
                let taken = cost.cpu_bytes.saturating_add(cost.gpu_bytes);
                left.budget_bytes = left.budget_bytes.saturating_sub(taken);
                append(&mut whole, part);
                decoded += 1;
            }
            Err(problem) if is_unread_format(&problem) => {
                let reason = format!("{}; this part of the composite is left out", problem.reason);
                warnings.push(warning(context, problem.place.clone(), reason));
                first_unread.get_or_insert(problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    match first_unread {
        Some(problem) if decoded == 0 => Err(problem),
        _ => Ok(whole),
    }
}

fn is_unread_format(problem: &ContentError) -> bool {
    problem.place == "byte 0"
        && matches!(problem.kind, ContentErrorKind::Unsupported | ContentErrorKind::UnknownFormat)
}

/// Moves a part into the whole; indices follow.
fn append(whole: &mut TileContent, mut part: TileContent) {
    let textures = whole.textures.len();
    let materials = whole.materials.len();
    let tables = whole.features.tables.len();
    for material in &mut part.materials {
        material.base_color_texture = material.base_color_texture.map(|index| index + textures);
    }
    for primitive in &mut part.primitives {
        primitive.material = primitive.material.map(|index| index + materials);
        for ids in &mut primitive.vertex_feature_ids {
            ids.table = ids.table.map(|index| index + tables);
        }
    }
    part.features.shift_primitives(whole.primitives.len());
    whole.textures.append(&mut part.textures);
    whole.materials.append(&mut part.materials);
    whole.primitives.append(&mut part.primitives);
    whole.features.append(part.features);
    for copyright in part.copyrights {
        if !whole.copyrights.contains(&copyright) {
            whole.copyrights.push(copyright);
        }
    }
}
