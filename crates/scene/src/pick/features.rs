//! What is known about a hit: feature ids at the point, and the properties they lead to.

use super::{
    Element,
    mesh::{PickMesh, PickPrimitive},
};
use crate::{
    content::{FeatureIdSource, FeatureIds},
    metadata::{
        Value,
        at_point::{PointProperty, texel},
    },
};

/// One feature id set (or one property texture or attribute set) at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureAtPoint {
    /// Label of the feature id set, or name of the property texture or attribute.
    pub set: String,
    /// The feature id; `None` for property textures and attributes, which need none.
    pub feature_id: Option<u32>,
    /// Name of the table or class the properties come from; empty if the ids have none.
    pub table: String,
    /// Properties in file order.
    pub properties: Vec<(String, Value)>,
}

impl FeatureIds {
    /// Bytes the ids take in main memory.
    pub fn bytes(&self) -> u64 {
        let source = match &self.source {
            FeatureIdSource::Vertex(ids) | FeatureIdSource::Instance(ids) => ids.capacity() * 4,
            FeatureIdSource::Implicit => 0,
            FeatureIdSource::Texture { uvs, ids, .. } => uvs.capacity() * 8 + ids.capacity() * 4,
        };
        (size_of::<Self>() + self.label.capacity() + source) as u64
    }

    /// The id at a point; `None` where there is none.
    fn at(&self, element: &Element, instance: Option<u32>) -> Option<u32> {
        let vertex = element.nearest_vertex();
        let id = match &self.source {
            FeatureIdSource::Vertex(ids) => ids.get(vertex as usize).copied(),
            FeatureIdSource::Instance(ids) => ids.get(instance? as usize).copied(),
            FeatureIdSource::Implicit => Some(vertex),
            FeatureIdSource::Texture { uvs, width, height, ids, repeat } => {
                let uv = element.interpolate(uvs)?;
                let x = texel(uv[0], *width, repeat[0])?;
                let y = texel(uv[1], *height, repeat[1])?;
                ids.get(y as usize * *width as usize + x as usize).copied()
            }
        }?;
        (self.null_id != Some(id)).then_some(id)
    }
}

impl Element {
    /// The vertex that weighs most.
    pub fn nearest_vertex(&self) -> u32 {
        match self {
            Self::Point { vertex, .. } => *vertex,
            Self::Triangle { vertices: [a, b, c], weights: [wa, wb, wc], .. } => {
                if wa >= wb && wa >= wc {
                    *a
                } else if wb >= wc {
                    *b
                } else {
                    *c
                }
            }
        }
    }

    /// Coordinates at the point, from those of the vertices.
    pub fn interpolate(&self, uvs: &[[f32; 2]]) -> Option<[f64; 2]> {
        let at = |vertex: u32| uvs.get(vertex as usize).map(|uv| uv.map(f64::from));
        match self {
            Self::Point { vertex, .. } => at(*vertex),
            Self::Triangle { vertices, weights, .. } => {
                let mut sum = [0.0; 2];
                for (vertex, weight) in vertices.iter().zip(weights) {
                    let uv = at(*vertex)?;
                    sum = [sum[0] + weight * uv[0], sum[1] + weight * uv[1]];
                }
                Some(sum)
            }
        }
    }
}

impl PickMesh {
    /// Everything known at a point of a primitive.
    pub(super) fn features_at(
        &self,
        index: usize,
        primitive: &PickPrimitive,
        element: &Element,
        instance: Option<u32>,
    ) -> Vec<FeatureAtPoint> {
        let mut found = Vec::new();
        for ids in &primitive.feature_ids {
            let Some(id) = ids.at(element, instance) else { continue };
            let table = ids.table.and_then(|table| self.features.tables.get(table));
            found.push(FeatureAtPoint {
                set: ids.label.clone(),
                feature_id: Some(id),
                table: table.map(|table| table.name.clone()).unwrap_or_default(),
                properties: table.map(|table| table.row(id as usize)).unwrap_or_default(),
            });
        }
        let interpolate = |uvs: &[[f32; 2]]| element.interpolate(uvs);
        for set in self.features.primitive_properties.iter().filter(|set| set.primitive == index) {
            let value = |p: &PointProperty| (p.id.clone(), p.value(element.nearest_vertex(), interpolate));
            found.push(FeatureAtPoint {
                set: set.name.clone(),
                feature_id: None,
                table: set.class.clone(),
                properties: set.properties.iter().map(value).collect(),
            });
        }
        found
    }
}
