//! What stays of a decoded tile in main memory so that rays can ask about it.

use geodesy::glam::{DMat4, DVec3};

use super::{
    bvh::{Aabb, Bvh, bounds_of},
    cast::LocalRay,
};
use crate::{
    content::{FeatureIds, Indices, Primitive, TileContent, Topology},
    metadata::TileFeatures,
};

const TRIANGLES_PER_LEAF: usize = 8;
const POINTS_PER_LEAF: usize = 32;

/// Geometry, feature ids and properties of one content, with a hierarchy over its triangles and points. Built once,
/// on the worker that decodes; share it in an `Arc`.
#[derive(Clone, Debug, Default)]
pub struct PickMesh {
    pub(super) primitives: Vec<PickPrimitive>,
    pub(super) features: TileFeatures,
}

/// One primitive of [`TileContent::primitives`], at the same index.
#[derive(Clone, Debug)]
pub(super) struct PickPrimitive {
    pub(super) topology: Topology,
    pub(super) positions: Box<[[f32; 3]]>,
    pub(super) indices: Option<Indices>,
    pub(super) bvh: Bvh,
    pub(super) content_from_primitive: DMat4,
    pub(super) instances: Box<[DMat4]>,
    pub(super) feature_ids: Vec<FeatureIds>,
}

impl PickMesh {
    /// Copies positions and indices, and takes feature ids and property tables out of `content` (drawing does not
    /// need them).
    pub fn new(content: &mut TileContent) -> Self {
        let features = std::mem::take(&mut content.features);
        let primitives = content.primitives.iter_mut().map(PickPrimitive::new).collect();
        Self { primitives, features }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        let primitives: u64 = self.primitives.iter().map(PickPrimitive::bytes).sum();
        size_of::<Self>() as u64 + primitives + self.features.bytes()
    }

    /// Bytes that the hierarchy of a primitive takes, for measuring before anything is decoded. `corners` counts
    /// indices, or vertices where there are none.
    pub fn hierarchy_bytes(topology: Topology, corners: usize) -> u64 {
        match topology {
            Topology::Triangles => Bvh::bytes_for(corners / 3, TRIANGLES_PER_LEAF),
            Topology::Points => Bvh::bytes_for(corners, POINTS_PER_LEAF),
            Topology::Lines => 0,
        }
    }

    /// The property tables.
    pub fn features(&self) -> &TileFeatures {
        &self.features
    }

    /// Triangles and points that rays can hit, instances counted once.
    pub fn element_count(&self) -> usize {
        self.primitives.iter().map(PickPrimitive::element_count).sum()
    }
}

impl PickPrimitive {
    fn new(primitive: &mut Primitive) -> Self {
        let positions = primitive.positions.clone().into_boxed_slice();
        let indices = primitive.indices.clone();
        let mut pick = Self {
            topology: primitive.topology,
            positions,
            indices,
            bvh: Bvh::default(),
            content_from_primitive: primitive.content_from_primitive,
            instances: primitive.instances.clone().into_boxed_slice(),
            feature_ids: std::mem::take(&mut primitive.vertex_feature_ids),
        };
        pick.bvh = pick.hierarchy();
        pick
    }

    fn hierarchy(&self) -> Bvh {
        match self.topology {
            Topology::Triangles => {
                let boxes: Vec<Aabb> = (0..self.element_count())
                    .map(|triangle| self.corners(triangle as u32).map_or(bounds_of(&[]), |p| bounds_of(&p)))
                    .collect();
                Bvh::build(&boxes, TRIANGLES_PER_LEAF)
            }
            Topology::Points => {
                let boxes: Vec<Aabb> = (0..self.element_count())
                    .map(|point| self.point(point as u32).map_or(bounds_of(&[]), |p| bounds_of(&[p])))
                    .collect();
                Bvh::build(&boxes, POINTS_PER_LEAF)
            }
            Topology::Lines => Bvh::default(),
        }
    }

    /// Triangles, or points, or nothing for lines.
    pub(super) fn element_count(&self) -> usize {
        let vertices = match &self.indices {
            None => self.positions.len(),
            Some(Indices::U16(indices)) => indices.len(),
            Some(Indices::U32(indices)) => indices.len(),
        };
        match self.topology {
            Topology::Triangles => vertices / 3,
            Topology::Points => vertices,
            Topology::Lines => 0,
        }
    }

    fn vertex(&self, place: usize) -> Option<u32> {
        match &self.indices {
            None => u32::try_from(place).ok(),
            Some(Indices::U16(indices)) => indices.get(place).map(|index| u32::from(*index)),
            Some(Indices::U32(indices)) => indices.get(place).copied(),
        }
    }

    /// Vertices of a triangle.
    pub(super) fn triangle(&self, triangle: u32) -> Option<[u32; 3]> {
        let first = triangle as usize * 3;
        Some([self.vertex(first)?, self.vertex(first + 1)?, self.vertex(first + 2)?])
    }

    /// Vertex of a point.
    pub(super) fn point_vertex(&self, point: u32) -> Option<u32> {
        self.vertex(point as usize)
    }

    pub(super) fn corners(&self, triangle: u32) -> Option<[[f32; 3]; 3]> {
        let [a, b, c] = self.triangle(triangle)?;
        let at = |vertex: u32| self.positions.get(vertex as usize).copied();
        Some([at(a)?, at(b)?, at(c)?])
    }

    pub(super) fn point(&self, point: u32) -> Option<[f32; 3]> {
        self.positions.get(self.point_vertex(point)? as usize).copied()
    }

    /// The matrices `content_from_instance`, one if there are no instances.
    pub(super) fn placements(&self) -> impl Iterator<Item = (Option<u32>, DMat4)> + '_ {
        let once = self.instances.is_empty().then_some((None, self.content_from_primitive));
        let each = self.instances.iter().enumerate();
        let each =
            each.map(|(index, instance)| (Some(index as u32), self.content_from_primitive * *instance));
        once.into_iter().chain(each)
    }

    /// Whether the ray comes near the primitive at this placement: a cheap test before a matrix is inverted.
    /// `spread` is the tangent of the cone's half angle around the ray, 0 for a mere ray.
    pub(super) fn is_near(&self, world_from_primitive: &DMat4, ray: &LocalRay, spread: f64) -> bool {
        let Some(bounds) = self.bvh.bounds() else { return false };
        let (center, radius) = world_sphere(bounds, world_from_primitive);
        ray.cone_entry(center, radius, spread).is_some()
    }

    fn bytes(&self) -> u64 {
        let indices = match &self.indices {
            None => 0,
            Some(Indices::U16(indices)) => indices.capacity() * 2,
            Some(Indices::U32(indices)) => indices.capacity() * 4,
        };
        let ids: u64 = self.feature_ids.iter().map(FeatureIds::bytes).sum();
        (size_of::<Self>() + size_of_val(&*self.positions) + indices + size_of_val(&*self.instances)) as u64
            + self.bvh.bytes()
            + ids
    }
}

/// A sphere in world around a box of a primitive.
pub(super) fn world_sphere(bounds: &Aabb, world_from_primitive: &DMat4) -> (DVec3, f64) {
    let [low, high] = bounds.map(|corner| DVec3::from(corner.map(f64::from)));
    let center = world_from_primitive.transform_point3((low + high) * 0.5);
    // The Frobenius norm is never below the largest stretch of the matrix.
    let m = world_from_primitive;
    let stretch = (m.x_axis.truncate().length_squared()
        + m.y_axis.truncate().length_squared()
        + m.z_axis.truncate().length_squared())
    .sqrt();
    (center, (high - low).length() * 0.5 * stretch)
}
