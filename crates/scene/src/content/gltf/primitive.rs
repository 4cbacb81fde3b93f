//! One glTF primitive to one drawable: streams converted, topology expanded, indices checked.

use geodesy::glam::DMat4;
use gltf::json::accessor::ComponentType;
use gltf::json::mesh::{Mode, Primitive as JsonPrimitive};

use super::accessor::AccessorData;
use super::document::Document;
use super::draco::{self, DracoMesh};
use super::features;
use super::material::{self, TextureUse};
use super::shape::{self, Shape};
use super::structural::Structural;
use crate::content::texture::srgb;
use crate::content::{ContentError, FeatureIdSource, FeatureIds, Indices, Primitive, Topology, Warning};
use crate::metadata::at_point::PrimitiveProperties;

/// Vertex attributes of a primitive, from its Draco stream or its accessors.
pub(super) struct Attributes<'a> {
    pub(super) document: &'a Document,
    pub(super) primitive: &'a JsonPrimitive,
    pub(super) place: &'a str,
    draco: Option<DracoMesh>,
}

impl<'a> Attributes<'a> {
    pub(super) fn get(&self, semantic: &str) -> Result<Option<AccessorData<'a>>, ContentError> {
        let Some(accessor) = shape::attribute(self.primitive, semantic) else { return Ok(None) };
        if let Some(draco) = &self.draco {
            let (_, _, normalized) = self.document.accessor_layout(accessor)?;
            if let Some(data) = draco.attribute(self.document, semantic, normalized)? {
                return Ok(Some(data));
            }
        }
        self.document.accessor(accessor).map(Some)
    }

    /// An attribute with as many elements as there are vertices; a different number is reported and left out.
    pub(super) fn matching(
        &self,
        semantic: &str,
        vertices: usize,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<AccessorData<'a>>, ContentError> {
        let data = self.get(semantic)?;
        Ok(data.filter(|data| {
            if data.count != vertices {
                let reason = format!("{} elements for {vertices} vertices; left out", data.count);
                let place = format!("{}/attributes/{semantic}", self.place);
                warnings.push(self.document.warning(place, reason));
            }
            data.count == vertices
        }))
    }
}

/// How a primitive is to be made.
pub(super) struct Style {
    pub(super) texture: Option<TextureUse>,
    pub(super) unlit: bool,
}

/// Converts a primitive; its material is left open. `None` if nothing of it can be drawn.
pub(super) fn build(
    document: &Document,
    json: &JsonPrimitive,
    place: &str,
    style: &Style,
    structural: Option<&Structural>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<(Primitive, Vec<PrimitiveProperties>)>, ContentError> {
    let Some(shape) = shape::of(document, json)? else {
        warnings.push(document.warning(place, "no POSITION, or an unknown mode; left out"));
        return Ok(None);
    };
    let draco = draco::decode(document, json, place, shape.vertices, shape.indices.unwrap_or(u64::MAX))?;
    let indices = read_indices(document, json, place, &shape, draco.as_ref())?;
    let attributes = Attributes { document, primitive: json, place, draco };

    let Some(positions) = attributes.get("POSITION")? else { return Ok(None) };
    if positions.components != 3 {
        let reason = format!("positions of {} components", positions.components);
        return Err(document.invalid(format!("{place}/attributes/POSITION"), reason));
    }
    let mut positions = positions.to_f32::<3>(0.0);
    let vertices = positions.len();
    let mut indices = match indices {
        Some(list) => {
            let largest = list.iter().copied().max();
            if let Some(largest) = largest.filter(|&i| i as usize >= vertices) {
                let reason = format!("index {largest} of {vertices} vertices");
                return Err(document.invalid(format!("{place}/indices"), reason));
            }
            Some(list)
        }
        None => None,
    };
    let topology = shape.topology();
    if repair_positions(&mut positions, indices.as_mut(), topology) {
        warnings.push(
            document.warning(place, "positions that are not finite; what they are part of is left out"),
        );
    }
    if positions.is_empty() || indices.as_ref().is_some_and(Vec::is_empty) {
        warnings.push(document.warning(place, "nothing to draw; left out"));
        return Ok(None);
    }
    let mut primitive = Primitive {
        topology,
        normals: if style.unlit { None } else { normals(&attributes, vertices, warnings)? },
        uvs: match style.texture {
            Some(texture) => uvs(&attributes, texture, vertices, warnings)?,
            None => None,
        },
        colors: colors(&attributes, vertices, warnings)?,
        vertex_feature_ids: features::of_primitive(&attributes, vertices, warnings)?,
        positions,
        indices: None,
        material: None,
        content_from_primitive: DMat4::IDENTITY,
        instances: Vec::new(),
        bounds: ([0.0; 3], [0.0; 3]),
        point_size_px: None,
    };
    let mut properties = match structural {
        Some(structural) => structural.of_primitive(&attributes, vertices, warnings)?,
        None => Vec::new(),
    };
    if let Some(list) = &mut indices
        && list.len() < vertices
    {
        let kept = keep_used_vertices(&mut primitive, list);
        properties.iter_mut().flat_map(|set| &mut set.properties).for_each(|p| p.keep_vertices(&kept));
    }
    primitive.bounds = bounds(&primitive.positions);
    primitive.indices = indices.map(|list| narrow(list, primitive.positions.len()));
    Ok(Some((primitive, properties)))
}

fn read_indices(
    document: &Document,
    json: &JsonPrimitive,
    place: &str,
    shape: &Shape,
    draco: Option<&DracoMesh>,
) -> Result<Option<Vec<u32>>, ContentError> {
    if let Some(draco) = draco
        && shape.topology() != Topology::Points
    {
        return Ok(Some(draco.indices()));
    }
    if let Some(accessor) = json.indices {
        let accessor = document.accessor(accessor.value())?;
        let restart = match accessor.component_type {
            ComponentType::U8 => u32::from(u8::MAX),
            ComponentType::U16 => u32::from(u16::MAX),
            ComponentType::U32 => u32::MAX,
            other => {
                let reason = format!("indices of type {other:?}");
                return Err(document.invalid(format!("{place}/indices"), reason));
            }
        };
        return Ok(Some(shape::expand_with_restarts(shape.mode, accessor.to_u32(), restart)));
    }
    Ok(match shape.mode {
        Mode::Points | Mode::Lines | Mode::Triangles => None,
        mode => {
            let vertices = u32::try_from(shape.vertices).unwrap_or(0);
            Some(shape::expand(mode, (0..vertices).collect()))
        }
    })
}

/// Leaves out shapes with a corner that is not finite; whether there were any.
fn repair_positions(positions: &mut [[f32; 3]], indices: Option<&mut Vec<u32>>, topology: Topology) -> bool {
    let finite = |p: &[f32; 3]| p.iter().all(|c| c.is_finite());
    if positions.iter().all(finite) {
        return false;
    }
    let corners = match topology {
        Topology::Triangles => 3,
        Topology::Lines => 2,
        Topology::Points => 1,
    };
    let anywhere = positions.iter().copied().find(finite).unwrap_or([0.0; 3]);
    match indices {
        Some(list) => {
            let whole = |shape: &&[u32]| shape.iter().all(|&i| positions.get(i as usize).is_some_and(finite));
            *list = list.chunks_exact(corners).filter(whole).flatten().copied().collect();
            for position in positions.iter_mut().filter(|p| !finite(p)) {
                *position = anywhere;
            }
        }
        None => {
            // Without indices a shape can only be made to vanish.
            for shape in positions.chunks_mut(corners) {
                if !shape.iter().all(finite) {
                    shape.fill(anywhere);
                }
            }
        }
    }
    true
}

fn normals(
    attributes: &Attributes<'_>,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<[i8; 4]>>, ContentError> {
    let Some(data) = attributes.matching("NORMAL", vertices, warnings)?.filter(|d| d.components == 3) else {
        return Ok(None);
    };
    if let Some(mut bytes) = data.to_i8::<4>(0) {
        bytes.iter_mut().for_each(|n| n[3] = 0);
        return Ok(Some(bytes));
    }
    let to_byte = |c: f32| (c * 127.0 + 0.5f32.copysign(c)) as i8;
    Ok(Some(
        data.to_f32::<3>(0.0).into_iter().map(|[x, y, z]| [to_byte(x), to_byte(y), to_byte(z), 0]).collect(),
    ))
}

pub(super) fn uvs(
    attributes: &Attributes<'_>,
    texture: TextureUse,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<[f32; 2]>>, ContentError> {
    let semantic = format!("TEXCOORD_{}", texture.tex_coord);
    let Some(data) = attributes.matching(&semantic, vertices, warnings)? else { return Ok(None) };
    let mut uvs = data.to_f32::<2>(0.0);
    material::transform_uvs(&mut uvs, texture.transform);
    for uv in uvs.iter_mut().filter(|uv| !uv.iter().all(|c| c.is_finite())) {
        *uv = [0.0; 2];
    }
    Ok(Some(uvs))
}

fn colors(
    attributes: &Attributes<'_>,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<[u8; 4]>>, ContentError> {
    let data = attributes.matching("COLOR_0", vertices, warnings)?;
    let Some(mut data) = data.filter(|d| matches!(d.components, 3 | 4)) else { return Ok(None) };
    if let Some(mut colors) = data.to_u8::<4>(255) {
        let encode: [u8; 256] = std::array::from_fn(|i| srgb::encode_f32(i as f32 / 255.0));
        for [r, g, b, _] in &mut colors {
            [*r, *g, *b] = [*r, *g, *b].map(|c| encode.get(usize::from(c)).copied().unwrap_or(c));
        }
        return Ok(Some(colors));
    }
    // Integer colours are normalised by definition, also where the flag was forgotten.
    data.normalized = true;
    let to_bytes = |[r, g, b, a]: [f32; 4]| {
        let [r, g, b] = [r, g, b].map(srgb::encode_f32);
        [r, g, b, (a * 255.0 + 0.5) as u8]
    };
    Ok(Some(data.to_f32::<4>(1.0).into_iter().map(to_bytes).collect()))
}

/// Drops vertices that no index uses: models often share one vertex buffer among many primitives.
fn keep_used_vertices(primitive: &mut Primitive, indices: &mut [u32]) -> Vec<u32> {
    const UNUSED: u32 = u32::MAX;
    let mut new_of_old = vec![UNUSED; primitive.positions.len()];
    let mut kept: Vec<u32> = Vec::with_capacity(indices.len());
    for index in indices {
        let Some(slot) = new_of_old.get_mut(*index as usize) else { continue };
        if *slot == UNUSED {
            *slot = kept.len() as u32;
            kept.push(*index);
        }
        *index = *slot;
    }
    primitive.positions = gather(&primitive.positions, &kept);
    primitive.normals = primitive.normals.as_ref().map(|s| gather(s, &kept));
    primitive.uvs = primitive.uvs.as_ref().map(|s| gather(s, &kept));
    primitive.colors = primitive.colors.as_ref().map(|s| gather(s, &kept));
    for FeatureIds { source, .. } in &mut primitive.vertex_feature_ids {
        match source {
            FeatureIdSource::Vertex(ids) => *ids = gather(ids, &kept),
            FeatureIdSource::Implicit => *source = FeatureIdSource::Vertex(kept.clone()),
            FeatureIdSource::Texture { uvs, .. } => *uvs = gather(uvs, &kept),
            FeatureIdSource::Instance(_) => {}
        }
    }
    kept
}

fn gather<T: Copy>(stream: &[T], kept: &[u32]) -> Vec<T> {
    kept.iter().filter_map(|&i| stream.get(i as usize).copied()).collect()
}

fn bounds(positions: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    let (mut lower, mut upper) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for position in positions {
        for axis in 0..3 {
            lower[axis] = lower[axis].min(position[axis]);
            upper[axis] = upper[axis].max(position[axis]);
        }
    }
    (lower, upper)
}

fn narrow(indices: Vec<u32>, vertices: usize) -> Indices {
    if vertices <= usize::from(u16::MAX) {
        Indices::U16(indices.into_iter().map(|i| i as u16).collect())
    } else {
        Indices::U32(indices)
    }
}
