//! Point clouds in a GLB.

use geodesy::glam::DVec3;
use serde_json::{Map, Value, json};

use super::{BYTE_UNSIGNED, ElementFormat, FLOAT, GlbBuilder, Target, UNSIGNED_SHORT, WriteError};
use crate::{content::texture::srgb, write::mesh::f32_exact};

/// glTF `mode` of points.
const POINTS: u32 = 0;

/// A point cloud.
#[derive(Clone, Copy, Debug, Default)]
pub struct PointsInput<'a> {
    /// Positions in the tile's frame, z up, metres. Written in this order: neighbours in space should be neighbours in
    /// the list, which is what makes compression effective.
    pub positions: &'a [DVec3],
    /// sRGB colours. As many as positions. (glTF stores them linear, in bytes.)
    pub colors: Option<&'a [[u8; 3]]>,
    /// Strength of the echo, attribute `_INTENSITY`. As many as positions.
    pub intensities: Option<&'a [u16]>,
    /// Class, attribute `_CLASSIFICATION`. As many as positions.
    pub classes: Option<&'a [u8]>,
    /// With [`super::GlbOptions::quantize`]: step in which coordinates are stored, metres; larger where the cloud is
    /// longer than 65,535 steps. No position moves by more than half a step along an axis.
    pub step_m: f64,
    /// Index that [`GlbBuilder::add_material`] returned.
    pub material: usize,
}

impl GlbBuilder {
    /// Adds a point cloud. Intensity and class are described by a property attribute (`EXT_structural_metadata`), so a
    /// file with them cannot have a property table.
    ///
    /// # Errors
    /// Lists of different lengths, positions that are not finite, no points, or a material that is not there.
    pub fn add_points(&mut self, points: &PointsInput<'_>) -> Result<(), WriteError> {
        check(points)?;
        if points.material >= self.materials.len() {
            return Err(WriteError::invalid("material", format!("there is no material {}", points.material)));
        }
        let has_properties = points.intensities.is_some() || points.classes.is_some();
        if has_properties && self.features.is_some() {
            return Err(WriteError::invalid("points", "with intensity or class exclude a property table"));
        }
        let compress = self.options.meshopt;
        let mut attributes = Map::new();
        let mut node = Map::new();
        attributes.insert("POSITION".into(), self.push_point_positions(points, &mut node)?.into());
        let plain = |component_type, shape, normalized| ElementFormat {
            component_type,
            shape,
            normalized,
            bounds: None,
        };
        if let Some(colors) = points.colors {
            let linear: [u8; 256] = std::array::from_fn(|i| srgb::linear_u8(i as u8));
            let narrow = |c: &[u8; 3]| {
                [linear[usize::from(c[0])], linear[usize::from(c[1])], linear[usize::from(c[2])], 0]
            };
            let bytes: Vec<[u8; 4]> = colors.iter().map(narrow).collect();
            let format = plain(BYTE_UNSIGNED, "VEC3", true);
            let accessor = self.buffer.push_stream(&bytes, format, Target::Attributes, compress)?;
            attributes.insert("COLOR_0".into(), accessor.into());
        }
        let mut properties = Map::new();
        if let Some(intensities) = points.intensities {
            let bytes: Vec<[u8; 4]> = intensities.iter().map(|i| u32::from(*i).to_le_bytes()).collect();
            let format = plain(UNSIGNED_SHORT, "SCALAR", false);
            let accessor = self.buffer.push_stream(&bytes, format, Target::Attributes, compress)?;
            attributes.insert("_INTENSITY".into(), accessor.into());
            properties.insert("intensity".into(), json!({ "attribute": "_INTENSITY" }));
        }
        if let Some(classes) = points.classes {
            let bytes: Vec<[u8; 4]> = classes.iter().map(|c| [*c, 0, 0, 0]).collect();
            let format = plain(BYTE_UNSIGNED, "SCALAR", false);
            let accessor = self.buffer.push_stream(&bytes, format, Target::Attributes, compress)?;
            attributes.insert("_CLASSIFICATION".into(), accessor.into());
            properties.insert("classification".into(), json!({ "attribute": "_CLASSIFICATION" }));
        }
        let mut primitive = json!({ "attributes": attributes, "material": points.material, "mode": POINTS });
        if has_properties {
            self.point_properties.push(properties);
            let index = self.point_properties.len() - 1;
            primitive["extensions"] = json!({ "EXT_structural_metadata": { "propertyAttributes": [index] } });
        }
        node.insert("mesh".into(), self.meshes.len().into());
        self.nodes.push(Value::Object(node));
        self.meshes.push(json!({ "primitives": [primitive] }));
        Ok(())
    }

    fn push_point_positions(
        &mut self,
        points: &PointsInput<'_>,
        node: &mut Map<String, Value>,
    ) -> Result<usize, WriteError> {
        let (low, high) = points
            .positions
            .iter()
            .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(*p), high.max(*p)));
        let place = |node: &mut Map<String, Value>, translation: DVec3| {
            if translation != DVec3::ZERO {
                node.insert("translation".into(), json!(translation.to_array()));
            }
        };
        if !self.options.quantize {
            let translation = f32_exact((low + high) * 0.5);
            place(node, translation);
            let relative = |p: &DVec3| (*p - translation).as_vec3();
            let bounds = Some((json!(relative(&low).to_array()), json!(relative(&high).to_array())));
            let format = ElementFormat { component_type: FLOAT, shape: "VEC3", normalized: false, bounds };
            let bytes: Vec<[u8; 12]> =
                points.positions.iter().map(|p| bytemuck::cast(relative(p).to_array())).collect();
            return self.buffer.push_stream(&bytes, format, Target::Attributes, self.options.meshopt);
        }
        let translation = f32_exact(low);
        let needed = (high - translation).max_element() / 65_535.0;
        let step = (points.step_m.max(needed).max(f64::from(f32::MIN_POSITIVE)) as f32).next_up();
        place(node, translation);
        node.insert("scale".into(), json!(vec![f64::from(step); 3]));
        let per_step = 1.0 / f64::from(step);
        let mut bounds = ([u16::MAX; 3], [0u16; 3]);
        let narrow = |p: &DVec3| {
            // Half a step less than the first may be below zero, where the cast stops.
            let steps = ((*p - translation) * per_step + 0.5).floor();
            let steps = [steps.x as u16, steps.y as u16, steps.z as u16];
            for (axis, step) in steps.into_iter().enumerate() {
                bounds.0[axis] = bounds.0[axis].min(step);
                bounds.1[axis] = bounds.1[axis].max(step);
            }
            bytemuck::cast([steps[0], steps[1], steps[2], 0])
        };
        let bytes: Vec<[u8; 8]> = points.positions.iter().map(narrow).collect();
        let bounds = Some((json!(bounds.0), json!(bounds.1)));
        let format =
            ElementFormat { component_type: UNSIGNED_SHORT, shape: "VEC3", normalized: false, bounds };
        self.buffer.push_stream(&bytes, format, Target::Attributes, self.options.meshopt)
    }

    /// `EXT_structural_metadata` of the root, if any cloud has properties.
    pub(super) fn point_metadata(&self) -> Option<Value> {
        if self.point_properties.is_empty() {
            return None;
        }
        let mut definitions = Map::new();
        for (id, component_type) in [("intensity", "UINT16"), ("classification", "UINT8")] {
            if self.point_properties.iter().any(|properties| properties.contains_key(id)) {
                // Not every cloud of a file need have both.
                let is_required = self.point_properties.iter().all(|p| p.contains_key(id));
                definitions.insert(
                    id.into(),
                    json!({ "type": "SCALAR", "componentType": component_type, "required": is_required }),
                );
            }
        }
        let attributes: Vec<Value> = self
            .point_properties
            .iter()
            .map(|properties| json!({ "class": "point", "properties": properties }))
            .collect();
        Some(json!({
            "schema": { "id": "point_schema", "classes": { "point": { "properties": definitions } } },
            "propertyAttributes": attributes
        }))
    }
}

fn check(points: &PointsInput<'_>) -> Result<(), WriteError> {
    let count = points.positions.len();
    if count == 0 || u32::try_from(count).is_err() {
        return Err(WriteError::invalid("positions", format!("{count} of them")));
    }
    if !points.positions.iter().all(|p| p.is_finite() && p.abs().max_element() < 1e12) {
        return Err(WriteError::invalid("positions", "not finite, or absurdly far away"));
    }
    if !(points.step_m.is_finite() && points.step_m >= 0.0) {
        return Err(WriteError::invalid("step", format!("{} is no length", points.step_m)));
    }
    let lengths = [
        ("colors", points.colors.map(<[_]>::len)),
        ("intensities", points.intensities.map(<[_]>::len)),
        ("classes", points.classes.map(<[_]>::len)),
    ];
    for (what, found) in lengths {
        if let Some(found) = found.filter(|found| *found != count) {
            return Err(WriteError::invalid(what, format!("{found} of them for {count} positions")));
        }
    }
    Ok(())
}
