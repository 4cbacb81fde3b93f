//! `3DTILES_draco_point_compression`: some columns of a point cloud in one Draco stream.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use draco_core::{DataType, DecodeLimits, DecoderBuffer, PointCloud, PointCloudDecoder, PointIndex};
use serde_json::Value as Json;

use super::feature_table::{Column, FeatureTable};
use crate::{
    content::{ContentError, DecodeContext},
    metadata::{ComponentType, NumberColumn, Value},
};

/// Name of the extension, in the feature table and in the batch table.
pub(crate) const EXTENSION: &str = "3DTILES_draco_point_compression";

/// The semantics that a stream may hold.
const SEMANTICS: [&str; 5] = ["POSITION", "RGBA", "RGB", "NORMAL", "BATCH_ID"];

/// A column and the property it belongs to.
pub(crate) type NamedColumn = (String, NumberColumn);

/// The decoded stream, column by column.
#[derive(Debug)]
pub(crate) struct DracoPoints {
    feature_columns: Vec<NamedColumn>,
    /// Per-point properties of the batch table.
    pub(crate) batch_columns: Vec<NamedColumn>,
}

impl DracoPoints {
    /// Decodes the stream of a feature table, if it has one.
    pub(crate) fn decode(
        table: &FeatureTable<'_>,
        batch_table_json: &Bytes,
        points: usize,
        context: &DecodeContext,
    ) -> Result<Option<Self>, ContentError> {
        let Some(extension) = table.extension(EXTENSION) else { return Ok(None) };
        let number = |name: &str| {
            let value = extension.get(name).and_then(Json::as_u64);
            value.ok_or_else(|| table.invalid(EXTENSION, format!("`{name}` is missing")))
        };
        let length = usize::try_from(number("byteLength")?).ok();
        let stream = table.binary_slice(EXTENSION, number("byteOffset")?, length)?;
        let limits = DecodeLimits::default()
            .with_max_points(points as u64)
            .with_max_faces(0)
            .with_max_decoded_bytes(context.budget_bytes);
        let mut cloud = PointCloud::new();
        // The stream is untrusted and the decoder large: a panic in it is one more way of being corrupt.
        let result = catch_unwind(AssertUnwindSafe(|| {
            PointCloudDecoder::new().decode(&mut DecoderBuffer::new(&stream).with_limits(limits), &mut cloud)
        }));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => {
                return Err(table.invalid(EXTENSION, format!("the Draco stream does not decode: {problem}")));
            }
            Err(_) => {
                return Err(table.invalid(EXTENSION, "the Draco stream is corrupt (the decoder gave up)"));
            }
        }
        if cloud.num_points() != points {
            let reason =
                format!("the Draco stream holds {} points, POINTS_LENGTH is {points}", cloud.num_points());
            return Err(table.invalid(EXTENSION, reason));
        }
        // Only what is asked for later: every name could lead to another copy of the same attribute.
        let columns = |properties: Option<&Json>, wanted: &dyn Fn(&str) -> bool| {
            let Some(properties) = properties.and_then(Json::as_object) else { return Ok(Vec::new()) };
            let column = |(name, id): (&String, &Json)| {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                let id =
                    id.ok_or_else(|| table.invalid(EXTENSION, format!("the id of {name:?} is no number")))?;
                let column = column(&cloud, id, points).map_err(|reason| table.invalid(name, reason))?;
                Ok((name.clone(), column))
            };
            properties.iter().filter(|(name, _)| wanted(name)).map(column).collect()
        };
        let is_affordable = Value::parse_bytes_bound(batch_table_json) <= context.budget_bytes;
        let batch_table: Option<Json> =
            is_affordable.then(|| serde_json::from_slice(batch_table_json).ok()).flatten();
        let batch_table = batch_table.as_ref();
        let batch_extension = batch_table.and_then(|table| table.get("extensions")?.get(EXTENSION));
        let is_property = |name: &str| {
            batch_table
                .is_some_and(|table| table.get(name).is_some_and(|column| column.get("byteOffset").is_some()))
        };
        Ok(Some(Self {
            feature_columns: columns(extension.get("properties"), &|name| SEMANTICS.contains(&name))?,
            batch_columns: columns(batch_extension.and_then(|e| e.get("properties")), &is_property)?,
        }))
    }

    /// The column of a semantic, if the stream holds it.
    pub(crate) fn feature_column(&self, semantic: &str) -> Option<Column> {
        let (_, column) = self.feature_columns.iter().find(|(name, _)| name == semantic)?;
        Some(Column {
            bytes: Bytes::copy_from_slice(&column.bytes),
            component_type: column.component_type,
            components: column.components,
        })
    }
}

/// The values of one attribute, one row per point.
fn column(cloud: &PointCloud, unique_id: u32, points: usize) -> Result<NumberColumn, String> {
    let attribute = cloud
        .attribute_by_unique_id(unique_id)
        .ok_or_else(|| format!("the Draco stream has no attribute {unique_id}"))?;
    let component_type = match attribute.data_type() {
        DataType::Int8 => ComponentType::I8,
        DataType::Uint8 | DataType::Bool => ComponentType::U8,
        DataType::Int16 => ComponentType::I16,
        DataType::Uint16 => ComponentType::U16,
        DataType::Int32 => ComponentType::I32,
        DataType::Uint32 => ComponentType::U32,
        DataType::Int64 => ComponentType::I64,
        DataType::Uint64 => ComponentType::U64,
        DataType::Float32 => ComponentType::F32,
        DataType::Float64 => ComponentType::F64,
        other => return Err(format!("stored as {other:?}")),
    };
    let components = usize::from(attribute.num_components());
    if !(1..=4).contains(&components) {
        return Err(format!("{components} components"));
    }
    let size = components * component_type.size();
    let stride = usize::try_from(attribute.byte_stride()).ok().filter(|stride| size > 0 && *stride >= size);
    let stride = stride.ok_or("rows without length")?;
    let data = attribute.buffer().data();
    let mut bytes =
        Vec::with_capacity(points.saturating_mul(size).min(data.len().saturating_mul(points.max(1))));
    for point in 0..points as u32 {
        let from = attribute.mapped_index(PointIndex(point)).0 as usize * stride;
        bytes.extend_from_slice(data.get(from..from + size).ok_or("the values end early")?);
    }
    Ok(NumberColumn { component_type, components, bytes: bytes.into_boxed_slice() })
}
