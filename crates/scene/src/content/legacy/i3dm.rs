//! Instanced 3D Model (specification 1.0, §"Instanced 3D Model").

use bytes::Bytes;
use geodesy::{
    ecef_from_enu,
    glam::{DMat3, DMat4, DQuat, DVec3},
};

use super::{
    error,
    feature_table::{Column, FeatureTable},
    header::{Sections, own_bytes},
    oct, read_batch_table, warning,
};
use crate::{
    content::{
        ContentCost, ContentError, ContentErrorKind, DecodeContext, FeatureIdSource, FeatureIds, TileContent,
        Warning, gltf,
    },
    metadata::{ComponentType, batch_table::BatchTable},
};

/// Bytes of an instance matrix in main memory and on the GPU.
const MATRIX_BYTES: u64 = size_of::<DMat4>() as u64;
const GPU_MATRIX_BYTES: u64 = MATRIX_BYTES / 2;

/// Where the model is.
#[derive(Debug)]
enum Model {
    Embedded(Bytes),
    External(String),
}

/// An i3dm whose header was checked.
#[derive(Debug)]
struct I3dm<'a> {
    sections: Sections,
    table: FeatureTable<'a>,
    instances: usize,
    model: Model,
}

impl<'a> I3dm<'a> {
    fn parse(
        bytes: &Bytes,
        context: &'a DecodeContext,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ContentError> {
        let tile = own_bytes(bytes, context, warnings)?;
        let sections = Sections::cut(&tile, 5, false, context)?;
        let table = FeatureTable::parse(
            &sections.feature_table_json,
            sections.feature_table_binary.clone(),
            context,
        )?;
        let instances = table
            .count("INSTANCES_LENGTH")?
            .ok_or_else(|| table.invalid("INSTANCES_LENGTH", "it is missing"))?
            as usize;
        let place = format!("byte {}", sections.body_offset);
        let model = match sections.gltf_format {
            0 => {
                let text = std::str::from_utf8(&sections.body)
                    .map_err(|_| error(ContentErrorKind::Invalid, context, &place, "the uri is not UTF-8"))?;
                let uri = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
                if uri.is_empty() {
                    return Err(error(ContentErrorKind::Invalid, context, place, "the uri is empty"));
                }
                Model::External(crate::uri::resolve(&context.uri, uri))
            }
            1 => Model::Embedded(sections.body.clone()),
            other => {
                let reason = format!("gltfFormat is {other}; 0 (uri) and 1 (embedded) are defined");
                return Err(error(ContentErrorKind::Invalid, context, "byte 28", reason));
            }
        };
        Ok(Self { sections, table, instances, model })
    }

    /// The glTF and the context to decode it in.
    fn model(&self, context: &DecodeContext) -> Result<(Bytes, DecodeContext), ContentError> {
        match &self.model {
            Model::Embedded(bytes) => Ok((bytes.clone(), context.clone())),
            Model::External(uri) => {
                let place = format!("byte {}", self.sections.body_offset);
                let bytes = context.resources.get(uri).cloned().ok_or_else(|| {
                    error(
                        ContentErrorKind::MissingResource,
                        context,
                        place,
                        format!("the model is missing: {uri}"),
                    )
                })?;
                Ok((bytes, DecodeContext { uri: uri.clone(), ..context.clone() }))
            }
        }
    }

    /// Positions in content space, f64.
    fn positions(&self) -> Result<Vec<DVec3>, ContentError> {
        let rtc_center = self.table.vector::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
        let positions: Vec<DVec3> = if let Some(column) =
            self.table.column("POSITION", ComponentType::F32, 3, self.instances)?
        {
            rows(&column).map(|row| DVec3::from(row) + rtc_center).collect()
        } else if let Some(column) =
            self.table.column("POSITION_QUANTIZED", ComponentType::U16, 3, self.instances)?
        {
            let (offset, scale) = super::quantized_volume(&self.table)?;
            let from_unit = scale / f64::from(u16::MAX);
            rows(&column).map(|row| DVec3::from(row) * from_unit + offset + rtc_center).collect()
        } else {
            return Err(self.table.invalid("POSITION", "neither POSITION nor POSITION_QUANTIZED is there"));
        };
        if positions.iter().any(|position| !position.is_finite()) {
            return Err(self.table.invalid("POSITION", "a position is not finite"));
        }
        Ok(positions)
    }

    fn rotations(&self, positions: &[DVec3]) -> Result<Option<Vec<DQuat>>, ContentError> {
        let vectors = self.directions("NORMAL_UP", "NORMAL_UP_OCT32P")?;
        let rights = self.directions("NORMAL_RIGHT", "NORMAL_RIGHT_OCT32P")?;
        match (vectors, rights) {
            (Some(ups), Some(rights)) => {
                Ok(Some(ups.into_iter().zip(rights).map(|(up, right)| rotation(up, right)).collect()))
            }
            (None, None) if self.table.flag("EAST_NORTH_UP") => {
                let enu = positions.iter().map(|position| {
                    // The centre of the Earth has no east; such an instance stays as it is.
                    if position.length_squared() < 1.0 {
                        return DQuat::IDENTITY;
                    }
                    DQuat::from_mat3(&DMat3::from_mat4(ecef_from_enu(*position)))
                });
                Ok(Some(enu.collect()))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.table.invalid("NORMAL_RIGHT", "NORMAL_UP is there, this is missing")),
            (None, Some(_)) => Err(self.table.invalid("NORMAL_UP", "NORMAL_RIGHT is there, this is missing")),
        }
    }

    fn directions(&self, plain: &str, encoded: &str) -> Result<Option<Vec<DVec3>>, ContentError> {
        if let Some(column) = self.table.column(plain, ComponentType::F32, 3, self.instances)? {
            return Ok(Some(rows(&column).map(DVec3::from).collect()));
        }
        let column = self.table.column(encoded, ComponentType::U16, 2, self.instances)?;
        let unit = |value: f64| oct::from_unsigned(value, f64::from(u16::MAX));
        Ok(column.map(|column| rows::<2>(&column).map(|[x, y]| oct::decode(unit(x), unit(y))).collect()))
    }

    fn scales(&self) -> Result<Option<Vec<DVec3>>, ContentError> {
        let uniform = self.table.column("SCALE", ComponentType::F32, 1, self.instances)?;
        let other = self.table.column("SCALE_NON_UNIFORM", ComponentType::F32, 3, self.instances)?;
        if uniform.is_none() && other.is_none() {
            return Ok(None);
        }
        let mut scales = vec![DVec3::ONE; self.instances];
        if let Some(column) = uniform {
            scales.iter_mut().zip(rows::<1>(&column)).for_each(|(scale, [s])| *scale *= s);
        }
        if let Some(column) = other {
            scales.iter_mut().zip(rows::<3>(&column)).for_each(|(scale, row)| *scale *= DVec3::from(row));
        }
        Ok(Some(scales))
    }

    fn batch_ids(&self) -> Result<Vec<u32>, ContentError> {
        match self.table.column("BATCH_ID", ComponentType::U16, 1, self.instances)? {
            Some(column) => Ok((0..self.instances).map(|row| column.id(row)).collect()),
            None => Ok((0..self.instances as u32).collect()),
        }
    }

    fn batch_table(&self, count: usize) -> BatchTable<'_> {
        BatchTable {
            json: &self.sections.batch_table_json,
            binary: &self.sections.batch_table_binary,
            count,
            ..BatchTable::default()
        }
    }
}

/// The rows of a column of `N` components.
fn rows<const N: usize>(column: &Column) -> impl Iterator<Item = [f64; N]> + '_ {
    (0..column.rows()).map(|row| column.row::<N>(row))
}

/// x to right, y to up, z to their cross product; what is not orthonormal is made so, what cannot be stays unturned.
fn rotation(up: DVec3, right: DVec3) -> DQuat {
    let turned = right.try_normalize().and_then(|right| {
        let forward = right.cross(up).try_normalize()?;
        Some(DMat3::from_cols(right, forward.cross(right), forward))
    });
    turned.map_or(DQuat::IDENTITY, |matrix| DQuat::from_mat3(&matrix))
}

/// Resolved uri of an external model, or what an embedded one refers to.
pub(crate) fn references(bytes: &Bytes, context: &DecodeContext) -> Result<Vec<String>, ContentError> {
    match I3dm::parse(bytes, context, &mut Vec::new())?.model {
        Model::Embedded(model) => gltf::references(&model, &context.uri),
        Model::External(uri) => Ok(vec![uri]),
    }
}

/// Cost of model, instances and batch table. The model must be among the resources if it is external.
pub(crate) fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    let i3dm = I3dm::parse(bytes, context, &mut Vec::new())?;
    // Checks the columns against the size of the file, so that a wrong count reserves nothing.
    i3dm.table.column("POSITION", ComponentType::F32, 3, i3dm.instances)?;
    i3dm.table.column("POSITION_QUANTIZED", ComponentType::U16, 3, i3dm.instances)?;
    let (model, model_context) = i3dm.model(context)?;
    let mut cost = gltf::measure(&model, &model_context)?;
    let placements = (i3dm.instances as u64).saturating_mul(gltf::placement_count(&model, &model_context)?);
    let matrices = placements.saturating_mul(MATRIX_BYTES + size_of::<u32>() as u64);
    let table = i3dm.batch_table(i3dm.instances).bytes_bound();
    cost.cpu_bytes = cost.cpu_bytes.saturating_add(matrices).saturating_add(table);
    cost.gpu_bytes = cost.gpu_bytes.saturating_add(placements.saturating_mul(GPU_MATRIX_BYTES));
    Ok(cost)
}

/// Decodes the model and places its instances.
pub(crate) fn decode(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    let i3dm = I3dm::parse(bytes, context, warnings)?;
    let positions = i3dm.positions()?;
    let rotations = i3dm.rotations(&positions)?;
    let scales = i3dm.scales()?;
    let batch_ids = i3dm.batch_ids()?;

    let (model, model_context) = i3dm.model(context)?;
    let mut content = gltf::decode_model(&model, &model_context, warnings)?;
    let placements: u64 = content
        .primitives
        .iter()
        .map(|primitive| (i3dm.instances as u64).saturating_mul(primitive.instances.len().max(1) as u64))
        .fold(0, u64::saturating_add);
    let wanted = placements.saturating_mul(MATRIX_BYTES + GPU_MATRIX_BYTES + size_of::<u32>() as u64);
    if wanted > context.budget_bytes {
        let reason =
            format!("{placements} placements take {wanted} bytes, the budget is {}", context.budget_bytes);
        return Err(error(ContentErrorKind::OverBudget, context, "feature table", reason));
    }

    let center = super::center_of(positions.iter().copied());
    let center_from_instance: Vec<DMat4> = positions
        .iter()
        .enumerate()
        .map(|(row, position)| {
            let pick = |list: &Option<Vec<DVec3>>| list.as_ref().and_then(|list| list.get(row)).copied();
            let rotation = rotations.as_ref().and_then(|list| list.get(row)).copied();
            DMat4::from_scale_rotation_translation(
                pick(&scales).unwrap_or(DVec3::ONE),
                rotation.unwrap_or(DQuat::IDENTITY),
                *position - center,
            )
        })
        .collect();

    let count = if i3dm.table.has("BATCH_ID") {
        batch_ids.iter().max().map_or(0, |largest| *largest as usize + 1)
    } else {
        i3dm.instances
    };
    let table = read_batch_table(&i3dm.batch_table(count), context, warnings);
    let table_index = table.map(|table| {
        content.features.tables.push(table);
        content.features.tables.len() - 1
    });
    for primitive in &mut content.primitives {
        let inner = std::mem::take(&mut primitive.instances);
        let model = primitive.content_from_primitive;
        let copies = inner.len().max(1);
        let mut instances = Vec::with_capacity(center_from_instance.len() * copies);
        for outer in &center_from_instance {
            if inner.is_empty() {
                instances.push(*outer * model);
            } else {
                instances.extend(inner.iter().map(|inner| *outer * model * *inner));
            }
        }
        for ids in &mut primitive.vertex_feature_ids {
            // Ids of the model's own instances repeat for every instance of the tile.
            if let FeatureIdSource::Instance(own) = &mut ids.source {
                *own = own.repeat(center_from_instance.len());
            }
        }
        let ids = batch_ids.iter().flat_map(|id| std::iter::repeat_n(*id, copies)).collect();
        primitive.vertex_feature_ids.push(FeatureIds {
            label: "_BATCHID".to_owned(),
            source: FeatureIdSource::Instance(ids),
            null_id: None,
            table: table_index,
        });
        primitive.instances = instances;
        primitive.content_from_primitive = DMat4::from_translation(center);
    }
    if i3dm.instances == 0 {
        // No instance must not turn into one: an empty list means "draw once".
        warnings.push(warning(context, "feature table", "INSTANCES_LENGTH is 0; nothing is drawn"));
        content.primitives.clear();
    }
    Ok(content)
}
