//! Batched 3D Model (specification 1.0, §"Batched 3D Model").

use bytes::Bytes;
use geodesy::glam::{DMat4, DVec3};

use super::{
    attach_batch_table, error,
    feature_table::FeatureTable,
    header::{HeaderForm, Sections, own_bytes},
    read_batch_table, warning,
};
use crate::{
    content::{ContentCost, ContentError, ContentErrorKind, DecodeContext, TileContent, Warning, gltf},
    metadata::batch_table::BatchTable,
};

/// A b3dm whose header and feature table were checked.
#[derive(Debug)]
struct B3dm {
    sections: Sections,
    batch_length: usize,
    rtc_center: DVec3,
}

impl B3dm {
    fn parse(
        bytes: &Bytes,
        context: &DecodeContext,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ContentError> {
        let tile = own_bytes(bytes, context, warnings)?;
        let sections = Sections::cut(&tile, 4, true, context)?;
        if sections.form != HeaderForm::Current {
            warnings.push(warning(context, "byte 12", "an obsolete b3dm header was accepted"));
        }
        let table = FeatureTable::parse(
            &sections.feature_table_json,
            sections.feature_table_binary.clone(),
            context,
        )?;
        let batch_length = match sections.batch_length {
            Some(length) => length,
            None => table.count("BATCH_LENGTH")?.unwrap_or_else(|| {
                warnings.push(warning(context, "feature table", "BATCH_LENGTH is missing; 0 is assumed"));
                0
            }),
        };
        let rtc_center = table.vector::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
        if sections.body.is_empty() {
            let place = format!("byte {}", sections.body_offset);
            return Err(error(ContentErrorKind::Truncated, context, place, "no glTF follows the tables"));
        }
        Ok(Self { sections, batch_length: batch_length as usize, rtc_center })
    }

    fn batch_table(&self) -> BatchTable<'_> {
        BatchTable {
            json: &self.sections.batch_table_json,
            binary: &self.sections.batch_table_binary,
            count: self.batch_length,
            ..BatchTable::default()
        }
    }
}

/// The glTF inside.
pub(crate) fn model(bytes: &Bytes, context: &DecodeContext) -> Result<Bytes, ContentError> {
    Ok(B3dm::parse(bytes, context, &mut Vec::new())?.sections.body)
}

/// Cost of the glTF and the batch table.
pub(crate) fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    let b3dm = B3dm::parse(bytes, context, &mut Vec::new())?;
    let mut cost = gltf::measure(&b3dm.sections.body, context)?;
    cost.cpu_bytes = cost.cpu_bytes.saturating_add(b3dm.batch_table().bytes_bound());
    Ok(cost)
}

/// Decodes the glTF, moves it to its `RTC_CENTER` and attaches the batch table.
pub(crate) fn decode(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    let b3dm = B3dm::parse(bytes, context, warnings)?;
    let mut content = gltf::decode_model(&b3dm.sections.body, context, warnings)?;
    let content_from_model = DMat4::from_translation(b3dm.rtc_center);
    for primitive in &mut content.primitives {
        primitive.content_from_primitive = content_from_model * primitive.content_from_primitive;
    }
    let table = read_batch_table(&b3dm.batch_table(), context, warnings);
    if let Some(table) = table {
        attach_batch_table(&mut content, table);
    }
    Ok(content)
}
