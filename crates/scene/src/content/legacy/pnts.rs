//! Point Cloud (specification 1.0, §"Point Cloud"), and `3DTILES_draco_point_compression`.

use bytes::Bytes;
use geodesy::glam::{DMat4, DVec3};

use super::{
    draco::DracoPoints,
    error,
    feature_table::{Column, FeatureTable},
    header::{Sections, own_bytes},
    oct, read_batch_table,
};
use crate::{
    content::{
        AlphaMode, ContentCost, ContentError, ContentErrorKind, DecodeContext, FeatureIdSource, FeatureIds,
        Material, Primitive, TileContent, Topology, Warning,
    },
    metadata::{ComponentType, batch_table::BatchTable},
    pick::PickMesh,
};

/// Positions farther from the origin than this are moved to a centre of their own, metres.
const FAR_FROM_ORIGIN_M: f64 = 1_000.0;

/// A pnts whose header was checked.
#[derive(Debug)]
struct Pnts<'a> {
    sections: Sections,
    table: FeatureTable<'a>,
    points: usize,
    context: &'a DecodeContext,
}

/// Colours and the colour of the material.
struct Colors {
    per_point: Option<Vec<[u8; 4]>>,
    constant: [f32; 4],
    translucent: bool,
}

impl<'a> Pnts<'a> {
    fn parse(
        bytes: &Bytes,
        context: &'a DecodeContext,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ContentError> {
        let tile = own_bytes(bytes, context, warnings)?;
        let sections = Sections::cut(&tile, 4, false, context)?;
        let table = FeatureTable::parse(
            &sections.feature_table_json,
            sections.feature_table_binary.clone(),
            context,
        )?;
        let points = table
            .count("POINTS_LENGTH")?
            .ok_or_else(|| table.invalid("POINTS_LENGTH", "it is missing"))? as usize;
        let pnts = Self { sections, table, points, context };
        if !pnts.is_compressed("POSITION") {
            // A count that the file cannot hold is found before memory is reserved for it.
            let plain = pnts.table.column("POSITION", ComponentType::F32, 3, points)?;
            let quantized = pnts.table.column("POSITION_QUANTIZED", ComponentType::U16, 3, points)?;
            if plain.is_none() && quantized.is_none() {
                return Err(pnts
                    .table
                    .invalid("POSITION", "neither POSITION nor POSITION_QUANTIZED is there"));
            }
        }
        Ok(pnts)
    }

    fn is_compressed(&self, semantic: &str) -> bool {
        let extension = self.table.extension(super::draco::EXTENSION);
        extension.is_some_and(|e| e.get("properties").is_some_and(|p| p.get(semantic).is_some()))
    }

    fn batch_table<'b>(&'b self, count: usize, decoded: &'b [super::draco::NamedColumn]) -> BatchTable<'b> {
        BatchTable {
            json: &self.sections.batch_table_json,
            binary: &self.sections.batch_table_binary,
            count,
            decoded,
        }
    }

    fn cost(&self) -> ContentCost {
        let points = self.points as u64;
        let is_there = |semantic: &str| self.table.has(semantic) || self.is_compressed(semantic);
        let has = |semantic: &str, bytes: u64| if is_there(semantic) { bytes } else { 0 };
        let color = has("RGBA", 4).max(has("RGB", 4)).max(has("RGB565", 4));
        let normal = has("NORMAL", 4).max(has("NORMAL_OCT16P", 4));
        let resident = 12 + has("BATCH_ID", 4);
        let hierarchy = PickMesh::hierarchy_bytes(Topology::Points, self.points);
        // Columns inside a Draco stream are as large as the type they declare; eight components of eight bytes
        // each would be the largest, but the table names them one by one, so its JSON bounds their number.
        let table = self.batch_table(self.points, &[]);
        ContentCost {
            cpu_bytes: points
                .saturating_mul(resident)
                .saturating_add(hierarchy)
                .saturating_add(table.bytes_bound())
                .saturating_add(table.compressed_bytes_bound()),
            gpu_bytes: points.saturating_mul(12 + color + normal),
            transient_bytes: points.saturating_mul(12 + color + normal),
        }
    }

    /// A column from the Draco stream if it is there, else from the binary body.
    fn column(
        &self,
        draco: Option<&DracoPoints>,
        semantic: &str,
        preferred: ComponentType,
        components: usize,
    ) -> Result<Option<Column>, ContentError> {
        if let Some(column) = draco.and_then(|draco| draco.feature_column(semantic)) {
            if column.components != components {
                let reason = format!("{} components where {components} belong", column.components);
                return Err(self.table.invalid(semantic, reason));
            }
            return Ok(Some(column));
        }
        if self.is_compressed(semantic) {
            return Err(self.table.invalid(semantic, "it is not in the Draco stream that should hold it"));
        }
        self.table.column(semantic, preferred, components, self.points)
    }

    /// Positions relative to an origin, and the origin.
    fn positions(&self, draco: Option<&DracoPoints>) -> Result<(Vec<[f32; 3]>, DVec3), ContentError> {
        let rtc_center = self.table.vector::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
        let (column, scale, offset) = match self.column(draco, "POSITION", ComponentType::F32, 3)? {
            Some(column) => (column, DVec3::ONE, DVec3::ZERO),
            None => {
                let column = self.table.column("POSITION_QUANTIZED", ComponentType::U16, 3, self.points)?;
                let column = column.ok_or_else(|| self.table.invalid("POSITION", "no positions"))?;
                let (offset, scale) = super::quantized_volume(&self.table)?;
                (column, scale / f64::from(u16::MAX), offset)
            }
        };
        let at = |point: usize| DVec3::from(column.row::<3>(point)) * scale;
        let center = super::center_of((0..self.points).map(at));
        // Quantised positions are small beside their offset already; floats are so only if the writer took care.
        let center = if center.abs().max_element() > FAR_FROM_ORIGIN_M { center } else { DVec3::ZERO };
        let mut positions = Vec::with_capacity(self.points);
        for point in 0..self.points {
            let position = at(point) - center;
            if !position.is_finite() {
                return Err(self.table.invalid("POSITION", format!("point {point} is not finite")));
            }
            positions.push(position.as_vec3().to_array());
        }
        Ok((positions, rtc_center + offset + center))
    }

    fn colors(&self, draco: Option<&DracoPoints>) -> Result<Colors, ContentError> {
        let white = [1.0; 4];
        let byte = |column: &Column, index: usize| column.real(index).clamp(0.0, 255.0) as u8;
        if let Some(column) = self.column(draco, "RGBA", ComponentType::U8, 4)? {
            let colors: Vec<[u8; 4]> =
                (0..self.points).map(|p| std::array::from_fn(|k| byte(&column, p * 4 + k))).collect();
            let translucent = colors.iter().any(|color| color[3] < 255);
            return Ok(Colors { per_point: Some(colors), constant: white, translucent });
        }
        if let Some(column) = self.column(draco, "RGB", ComponentType::U8, 3)? {
            let colors = (0..self.points)
                .map(|p| [byte(&column, p * 3), byte(&column, p * 3 + 1), byte(&column, p * 3 + 2), 255])
                .collect();
            return Ok(Colors { per_point: Some(colors), constant: white, translucent: false });
        }
        if let Some(column) = self.column(draco, "RGB565", ComponentType::U16, 1)? {
            let colors = (0..self.points).map(|p| rgb565(column.id(p) as u16)).collect();
            return Ok(Colors { per_point: Some(colors), constant: white, translucent: false });
        }
        let Some(column) = self.table.column("CONSTANT_RGBA", ComponentType::U8, 4, 1)? else {
            return Ok(Colors { per_point: None, constant: white, translucent: false });
        };
        let [r, g, b, a] = column.row::<4>(0).map(|c| (c / 255.0).clamp(0.0, 1.0));
        let constant = [linear(r), linear(g), linear(b), a].map(|c| c as f32);
        Ok(Colors { per_point: None, constant, translucent: a < 1.0 })
    }

    fn normals(&self, draco: Option<&DracoPoints>) -> Result<Option<Vec<[i8; 4]>>, ContentError> {
        let pack = |n: DVec3| {
            let n = (n.normalize_or(DVec3::Z) * 127.0).round();
            [n.x as i8, n.y as i8, n.z as i8, 0]
        };
        if let Some(column) = self.column(draco, "NORMAL", ComponentType::F32, 3)? {
            return Ok(Some((0..self.points).map(|p| pack(DVec3::from(column.row::<3>(p)))).collect()));
        }
        let column = self.column(draco, "NORMAL_OCT16P", ComponentType::U8, 2)?;
        Ok(column.map(|column| {
            let unit = |value: f64| oct::from_unsigned(value, 255.0);
            let normal = |p| {
                let [x, y] = column.row::<2>(p);
                pack(oct::decode(unit(x), unit(y)))
            };
            (0..self.points).map(normal).collect()
        }))
    }
}

/// 8-bit channels of 5, 6 and 5 bits.
fn rgb565(color: u16) -> [u8; 4] {
    let channel = |shift: u32, bits: u32| {
        let max = (1_u32 << bits) - 1;
        (((u32::from(color) >> shift & max) * 255 + max / 2) / max) as u8
    };
    [channel(11, 5), channel(5, 6), channel(0, 5), 255]
}

fn linear(srgb: f64) -> f64 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

/// Cost from the header.
pub(crate) fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    Ok(Pnts::parse(bytes, context, &mut Vec::new())?.cost())
}

/// Decodes the points.
pub(crate) fn decode(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    let pnts = Pnts::parse(bytes, context, warnings)?;
    let cost = pnts.cost();
    let wanted = cost.cpu_bytes.saturating_add(cost.gpu_bytes);
    if wanted > context.budget_bytes {
        let reason =
            format!("{} points take {wanted} bytes, the budget is {}", pnts.points, context.budget_bytes);
        return Err(error(ContentErrorKind::OverBudget, context, "feature table", reason));
    }
    let draco = DracoPoints::decode(&pnts.table, &pnts.sections.batch_table_json, pnts.points, pnts.context)?;
    let draco = draco.as_ref();
    let (positions, origin) = pnts.positions(draco)?;
    let colors = pnts.colors(draco)?;
    let normals = pnts.normals(draco)?;
    let batch_ids = pnts.column(draco, "BATCH_ID", ComponentType::U16, 1)?;
    let count = match (&batch_ids, pnts.table.count("BATCH_LENGTH")?) {
        (Some(_), Some(length)) => length as usize,
        (Some(_), None) => {
            return Err(pnts.table.invalid("BATCH_LENGTH", "BATCH_ID is there, this is missing"));
        }
        (None, _) => pnts.points,
    };
    let decoded = draco.map_or(&[][..], |draco| &draco.batch_columns);
    let table = read_batch_table(&pnts.batch_table(count, decoded), context, warnings);
    let mut content = TileContent::default();
    let ids = match batch_ids {
        Some(column) => {
            let ids = (0..pnts.points).map(|point| column.id(point)).collect();
            Some(("_BATCHID", FeatureIdSource::Vertex(ids)))
        }
        None => table.is_some().then_some(("point", FeatureIdSource::Implicit)),
    };
    let table_index = table.map(|table| {
        content.features.tables.push(table);
        0
    });
    let vertex_feature_ids = ids
        .map(|(label, source)| FeatureIds {
            label: label.to_owned(),
            source,
            null_id: None,
            table: table_index,
        })
        .into_iter()
        .collect();
    content.materials.push(Material {
        base_color: colors.constant,
        alpha: if colors.translucent { AlphaMode::Blend } else { AlphaMode::Opaque },
        unlit: normals.is_none(),
        ..Material::default()
    });
    if positions.is_empty() {
        return Ok(content);
    }
    content.primitives.push(Primitive {
        topology: Topology::Points,
        bounds: bounds(&positions),
        positions,
        normals,
        uvs: None,
        colors: colors.per_point,
        indices: None,
        material: Some(0),
        content_from_primitive: DMat4::from_translation(origin),
        instances: Vec::new(),
        vertex_feature_ids,
        point_size_px: None,
    });
    Ok(content)
}

fn bounds(positions: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    let first = positions.first().copied().unwrap_or_default();
    positions.iter().fold((first, first), |(low, high), p| {
        (std::array::from_fn(|k| low[k].min(p[k])), std::array::from_fn(|k| high[k].max(p[k])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_565_bits_reach_both_ends() {
        assert_eq!(rgb565(0xffff), [255, 255, 255, 255]);
        assert_eq!(rgb565(0), [0, 0, 0, 255]);
        assert_eq!(rgb565(0xf800), [255, 0, 0, 255]);
        assert_eq!(rgb565(0x07e0), [0, 255, 0, 255]);
        assert_eq!(rgb565(0x001f), [0, 0, 255, 255]);
    }
}
