//! The memory that a decoded content takes.

use super::{ContentCost, FeatureIdSource, Indices, Primitive, TileContent};
use crate::pick::PickMesh;

/// Bytes per vertex of a stream.
pub(crate) const POSITION: u64 = 12;
pub(crate) const NORMAL: u64 = 4;
pub(crate) const UV: u64 = 8;
pub(crate) const COLOR: u64 = 4;
/// Bytes of a feature id.
pub(crate) const FEATURE_ID: u64 = 4;
/// Bytes of an instance: an f64 matrix here, an f32 matrix there.
pub(crate) const INSTANCE_CPU: u64 = 128;
pub(crate) const INSTANCE_GPU: u64 = 64;

impl TileContent {
    /// What this content takes. CPU: what stays for picking (positions, indices, instances, feature ids, tables and
    /// the hierarchy of [`PickMesh`]). GPU: vertex streams, indices, instances, textures with mips. Transient: the
    /// copy in main memory of what the GPU gets.
    pub fn cost(&self) -> ContentCost {
        let mut total = ContentCost { cpu_bytes: self.features.bytes(), ..ContentCost::default() };
        for primitive in &self.primitives {
            let shared = primitive.positions.len() as u64 * POSITION + index_bytes(primitive);
            let instances = primitive.instances.len() as u64;
            let others =
                len(&primitive.normals) * NORMAL + len(&primitive.uvs) * UV + len(&primitive.colors) * COLOR;
            total.cpu_bytes += shared + instances * INSTANCE_CPU + hierarchy_bytes(primitive);
            total.cpu_bytes +=
                primitive.vertex_feature_ids.iter().map(|f| source_bytes(&f.source)).sum::<u64>();
            total.gpu_bytes += shared + instances * INSTANCE_GPU + others;
            total.transient_bytes += shared + others;
        }
        let texels: u64 = self.textures.iter().flat_map(|t| &t.mips).map(|mip| mip.len() as u64).sum();
        total.gpu_bytes += texels;
        total.transient_bytes += texels;
        total
    }
}

fn len<T>(stream: &Option<Vec<T>>) -> u64 {
    stream.as_ref().map_or(0, |s| s.len() as u64)
}

fn index_bytes(primitive: &Primitive) -> u64 {
    match &primitive.indices {
        None => 0,
        Some(Indices::U16(list)) => list.len() as u64 * 2,
        Some(Indices::U32(list)) => list.len() as u64 * 4,
    }
}

fn hierarchy_bytes(primitive: &Primitive) -> u64 {
    let corners = match &primitive.indices {
        None => primitive.positions.len(),
        Some(Indices::U16(list)) => list.len(),
        Some(Indices::U32(list)) => list.len(),
    };
    PickMesh::hierarchy_bytes(primitive.topology, corners)
}

fn source_bytes(source: &FeatureIdSource) -> u64 {
    match source {
        FeatureIdSource::Vertex(ids) | FeatureIdSource::Instance(ids) => ids.len() as u64 * FEATURE_ID,
        FeatureIdSource::Implicit => 0,
        FeatureIdSource::Texture { uvs, ids, .. } => uvs.len() as u64 * UV + ids.len() as u64 * FEATURE_ID,
    }
}
