//! A mesh on its way into a GLB: placed, narrowed, ordered.

use geodesy::glam::{DVec3, Vec3};

use super::WriteError;

/// A triangle mesh.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeshInput<'a> {
    /// Positions in the tile's frame, z up, metres. They may be large: the mesh gets an origin of its own.
    pub positions: &'a [DVec3],
    /// Texture coordinates, v down. As many as positions.
    pub uvs: Option<&'a [[f32; 2]]>,
    /// Unit normals in the tile's frame. As many as positions.
    pub normals: Option<&'a [Vec3]>,
    /// Corners of triangles, counter-clockwise seen from outside; `None`: positions in order.
    pub indices: Option<&'a [u32]>,
    /// Rows of the property table, one per position.
    pub feature_ids: Option<&'a [u32]>,
    /// Index that [`super::GlbBuilder::add_material`] returned.
    pub material: usize,
}

/// Vertex streams as they are written, with the placement of the mesh.
#[derive(Debug)]
pub(super) struct PackedMesh {
    pub(super) positions: Positions,
    /// `tile_from_mesh`: `translation + scale * position`.
    pub(super) translation: DVec3,
    pub(super) scale: f64,
    pub(super) uvs: Option<Uvs>,
    pub(super) normals: Option<Vec<[f32; 3]>>,
    pub(super) feature_ids: Option<Vec<f32>>,
    pub(super) indices: Vec<u32>,
}

#[derive(Debug)]
pub(super) enum Positions {
    F32(Vec<[f32; 3]>),
    U16(Vec<[u16; 4]>),
}

#[derive(Debug)]
pub(super) enum Uvs {
    F32(Vec<[f32; 2]>),
    /// Normalised.
    U16(Vec<[u16; 2]>),
}

/// Exact in `f32`.
const MAX_FEATURE_ID: u32 = 1 << 24;

pub(super) fn pack(mesh: &MeshInput<'_>, quantize: bool, reorder: bool) -> Result<PackedMesh, WriteError> {
    check(mesh)?;
    let count = mesh.positions.len();
    let mut indices: Vec<u32> = match mesh.indices {
        Some(indices) => indices.to_vec(),
        None => (0..count as u32).collect(),
    };
    // Where each old vertex goes; those that no triangle uses are dropped.
    let mut order: Vec<u32> = (0..count as u32).collect();
    if reorder {
        meshopt::optimize_vertex_cache_in_place(&mut indices, count);
        let remap = meshopt::optimize_vertex_fetch_remap(&indices, count);
        order = vec![u32::MAX; count];
        let mut used = 0;
        for (old, &new) in remap.iter().enumerate() {
            if let Some(slot) = order.get_mut(new as usize) {
                *slot = old as u32;
                used += 1;
            }
        }
        order.truncate(used);
        for index in &mut indices {
            *index = remap[*index as usize];
        }
    }
    let (low, high) = mesh
        .positions
        .iter()
        .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(*p), high.max(*p)));
    let pick = |old: &u32| mesh.positions[*old as usize];

    let (positions, translation, scale) = if quantize {
        // The same step along all axes: normals need no correction.
        let translation = f32_exact(low);
        let step = ((high - translation).max_element() / 65_535.0).max(f64::from(f32::MIN_POSITIVE));
        // Rounded up, so that the largest coordinate still fits.
        let step = f64::from((step as f32).next_up());
        let narrow = |p: DVec3| {
            let steps = ((p - translation) / step).round();
            [steps.x as u16, steps.y as u16, steps.z as u16, 0]
        };
        (Positions::U16(order.iter().map(|o| narrow(pick(o))).collect()), translation, step)
    } else {
        let translation = f32_exact((low + high) * 0.5);
        let relative = |p: DVec3| (p - translation).as_vec3().to_array();
        (Positions::F32(order.iter().map(|o| relative(pick(o))).collect()), translation, 1.0)
    };
    let uvs = mesh.uvs.map(|uvs| {
        let in_unit = uvs.iter().flatten().all(|c| (0.0..=1.0).contains(c));
        let uvs = order.iter().map(|o| uvs[*o as usize]);
        if quantize && in_unit {
            Uvs::U16(uvs.map(|uv| uv.map(|c| (c * 65_535.0).round() as u16)).collect())
        } else {
            Uvs::F32(uvs.collect())
        }
    });
    Ok(PackedMesh {
        positions,
        translation,
        scale,
        uvs,
        normals: mesh.normals.map(|n| order.iter().map(|o| n[*o as usize].to_array()).collect()),
        feature_ids: mesh.feature_ids.map(|ids| order.iter().map(|o| ids[*o as usize] as f32).collect()),
        indices,
    })
}

fn check(mesh: &MeshInput<'_>) -> Result<(), WriteError> {
    let count = mesh.positions.len();
    if count == 0 || u32::try_from(count).is_err() {
        return Err(WriteError::invalid("positions", format!("{count} of them")));
    }
    if !mesh.positions.iter().all(|p| p.is_finite() && p.abs().max_element() < 1e12) {
        return Err(WriteError::invalid("positions", "not finite, or absurdly far away"));
    }
    let same = |what: &str, found: Option<usize>| match found {
        Some(found) if found != count => {
            Err(WriteError::invalid(what, format!("{found} of them for {count} positions")))
        }
        _ => Ok(()),
    };
    same("uvs", mesh.uvs.map(<[_]>::len))?;
    same("normals", mesh.normals.map(<[_]>::len))?;
    same("feature ids", mesh.feature_ids.map(<[_]>::len))?;
    if mesh.uvs.is_some_and(|uvs| uvs.iter().flatten().any(|c| !c.is_finite())) {
        return Err(WriteError::invalid("uvs", "not finite"));
    }
    if mesh.normals.is_some_and(|n| n.iter().any(|n| !(n.is_finite() && (n.length() - 1.0).abs() < 5e-4))) {
        return Err(WriteError::invalid("normals", "not of unit length"));
    }
    if mesh.feature_ids.is_some_and(|ids| ids.iter().any(|&id| id >= MAX_FEATURE_ID)) {
        return Err(WriteError::invalid("feature ids", format!("not below {MAX_FEATURE_ID}")));
    }
    let corners = mesh.indices.map_or(count, <[_]>::len);
    if corners == 0 || !corners.is_multiple_of(3) {
        return Err(WriteError::invalid("indices", format!("{corners} corners make no triangles")));
    }
    if mesh.indices.is_some_and(|indices| indices.iter().any(|&i| i as usize >= count)) {
        return Err(WriteError::invalid("indices", format!("beyond the {count} positions")));
    }
    Ok(())
}

/// Rounded so that readers in `f32` and `f64` place the mesh alike.
pub(super) fn f32_exact(point: DVec3) -> DVec3 {
    point.as_vec3().as_dvec3()
}
