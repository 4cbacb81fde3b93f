//! The formats of 3D Tiles 1.0: b3dm, i3dm, pnts, cmpt.
//!
//! [`header`] mirrors the bytes, [`feature_table`] gives typed access to the table that follows, one module per
//! format turns both into [`crate::content::TileContent`]. The glTF inside is decoded by [`crate::content::gltf`].

pub(crate) mod b3dm;
pub(crate) mod cmpt;
pub(crate) mod draco;
pub(crate) mod feature_table;
pub(crate) mod header;
pub(crate) mod i3dm;
pub(crate) mod oct;
pub(crate) mod pnts;

use feature_table::FeatureTable;
use geodesy::glam::DVec3;

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

/// Reads a batch table within the budget; problems become warnings.
pub(crate) fn read_batch_table(
    table: &BatchTable<'_>,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Option<PropertyTable> {
    table.read(context.budget_bytes, &mut |place, reason| warnings.push(warning(context, place, reason)))
}

/// `QUANTIZED_VOLUME_OFFSET` and `QUANTIZED_VOLUME_SCALE`.
pub(crate) fn quantized_volume(table: &FeatureTable<'_>) -> Result<(DVec3, DVec3), ContentError> {
    let vector = |semantic: &str| {
        let vector = table.vector::<3>(semantic)?.map(DVec3::from);
        vector.ok_or_else(|| table.invalid(semantic, "POSITION_QUANTIZED is there, this is missing"))
    };
    Ok((vector("QUANTIZED_VOLUME_OFFSET")?, vector("QUANTIZED_VOLUME_SCALE")?))
}

/// The centre of the box around some points; the origin if there are none.
pub(crate) fn center_of(points: impl Iterator<Item = DVec3>) -> DVec3 {
    let corners = points.fold(None, |corners: Option<(DVec3, DVec3)>, point| {
        Some(corners.map_or((point, point), |(low, high)| (low.min(point), high.max(point))))
    });
    corners.map_or(DVec3::ZERO, |(low, high)| (low + high) * 0.5)
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
