//! The formats of 3D Tiles 1.0: b3dm, i3dm, pnts, cmpt.
//!
//! [`header`] mirrors the bytes, [`feature_table`] gives typed access to the table that follows, one module per
//! format turns both into [`crate::content::TileContent`]. The glTF inside is decoded by [`crate::content::gltf`].

pub(crate) mod b3dm;
pub(crate) mod feature_table;
pub(crate) mod header;

use bytes::Bytes;

use super::{ContentError, ContentErrorKind, DecodeContext, FeatureIdSource, TileContent, Warning};
use crate::metadata::{PropertyTable, batch_table::BatchTable};

/// An error of this content.
pub(crate) fn error(
    kind: ContentErrorKind,
    context: &DecodeContext,
    place: impl Into<String>,
    reason: impl Into<String>,
) -> ContentError {
    ContentError { kind, file: context.uri.clone(), place: place.into(), reason: reason.into() }
}

/// A warning about this content.
pub(crate) fn warning(
    context: &DecodeContext,
    place: impl Into<String>,
    reason: impl Into<String>,
) -> Warning {
    Warning { file: context.uri.clone(), place: place.into(), reason: reason.into() }
}

/// Reads a batch table within what is left of the budget; problems become warnings.
pub(crate) fn read_batch_table(
    json: &Bytes,
    binary: &Bytes,
    count: usize,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Option<PropertyTable> {
    let table = BatchTable { json, binary, count, budget_bytes: context.budget_bytes };
    table.read(&mut |place, reason| warnings.push(warning(context, place, reason)))
}

/// Points the batch ids of a glTF at the batch table of its tile.
pub(crate) fn attach_batch_table(content: &mut TileContent, table: PropertyTable) {
    let index = content.features.tables.len();
    content.features.tables.push(table);
    for ids in content.primitives.iter_mut().flat_map(|primitive| &mut primitive.vertex_feature_ids) {
        let is_batch_id = matches!(ids.label.as_str(), "_BATCHID" | "BATCHID" | "_FEATURE_ID_0");
        if is_batch_id && ids.table.is_none() && matches!(ids.source, FeatureIdSource::Vertex(_)) {
            ids.table = Some(index);
        }
    }
}
