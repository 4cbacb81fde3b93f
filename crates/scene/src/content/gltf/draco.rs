//! `KHR_draco_mesh_compression`: a primitive's triangles and attributes in one Draco stream.

use std::panic::{AssertUnwindSafe, catch_unwind};

use draco_core::{DataType, DecodeLimits, DecoderBuffer, Mesh, MeshDecoder, PointIndex};
use gltf::json::accessor::ComponentType;
use gltf::json::mesh::Primitive;
use serde::Deserialize;

use super::accessor::AccessorData;
use super::document::Document;
use crate::content::{ContentError, ContentErrorKind};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    buffer_view: usize,
    #[serde(default)]
    attributes: std::collections::BTreeMap<String, u32>,
}

/// A decoded stream.
pub(super) struct DracoMesh {
    mesh: Mesh,
    attributes: std::collections::BTreeMap<String, u32>,
    place: String,
}

fn extension(primitive: &Primitive) -> Option<&gltf::json::Value> {
    primitive.extensions.as_ref()?.others.get("KHR_draco_mesh_compression")
}

/// Whether a primitive is stored as a Draco stream.
pub(super) fn is_compressed(primitive: &Primitive) -> bool {
    extension(primitive).is_some()
}

/// Decodes the stream of a primitive, if it has one. `max_points` and `max_indices` are what its accessors allow.
pub(super) fn decode(
    document: &Document,
    primitive: &Primitive,
    place: &str,
    max_points: u64,
    max_indices: u64,
) -> Result<Option<DracoMesh>, ContentError> {
    let Some(value) = extension(primitive) else { return Ok(None) };
    let place = format!("{place}/extensions/KHR_draco_mesh_compression");
    let extension = Extension::deserialize(value).map_err(|e| document.invalid(&*place, e.to_string()))?;
    let stream = document.buffer_view(extension.buffer_view)?;
    let limits = DecodeLimits::default()
        .with_max_points(max_points)
        .with_max_faces(max_indices / 3)
        .with_max_decoded_bytes(document.budget());
    let mut mesh = Mesh::new();
    // The stream is untrusted and the decoder large: a panic in it is one more way of being corrupt.
    let result = catch_unwind(AssertUnwindSafe(|| {
        MeshDecoder::new().decode(&mut DecoderBuffer::new(&stream).with_limits(limits), &mut mesh)
    }));
    match result {
        Err(_) => return Err(document.invalid(&*place, "the Draco stream is corrupt (the decoder gave up)")),
        Ok(Err(error)) => {
            return Err(document.invalid(&*place, format!("the Draco stream does not decode: {error}")));
        }
        Ok(Ok(())) => {}
    }
    if mesh.num_points() as u64 > max_points {
        mesh.deduplicate_point_ids();
    }
    let points = mesh.num_points() as u64;
    let indices = mesh.num_faces() as u64 * 3;
    if points > max_points || indices > max_indices {
        let reason = format!(
            "the Draco stream holds {points} vertices and {indices} indices, its accessors allow {max_points} and {max_indices}"
        );
        return Err(document.error(ContentErrorKind::Invalid, &*place, reason));
    }
    Ok(Some(DracoMesh { mesh, attributes: extension.attributes, place }))
}

impl DracoMesh {
    /// Triangle list, unchecked.
    pub(super) fn indices(&self) -> Vec<u32> {
        self.mesh.faces().iter().flat_map(|face| face.map(|PointIndex(i)| i)).collect()
    }

    /// The attribute that the extension maps `semantic` to; `None` if it is not in the stream.
    pub(super) fn attribute(
        &self,
        document: &Document,
        semantic: &str,
        normalized: bool,
    ) -> Result<Option<AccessorData<'static>>, ContentError> {
        let Some(&id) = self.attributes.get(semantic) else { return Ok(None) };
        let attribute = self.mesh.attribute_by_unique_id(id).ok_or_else(|| {
            document.invalid(&*self.place, format!("the Draco stream has no attribute {id} for {semantic}"))
        })?;
        let component_type = match attribute.data_type() {
            DataType::Int8 => ComponentType::I8,
            DataType::Uint8 | DataType::Bool => ComponentType::U8,
            DataType::Int16 => ComponentType::I16,
            DataType::Uint16 => ComponentType::U16,
            DataType::Int32 | DataType::Uint32 => ComponentType::U32,
            DataType::Float32 => ComponentType::F32,
            other => return Err(document.invalid(&*self.place, format!("{semantic} is stored as {other:?}"))),
        };
        let components = usize::from(attribute.num_components());
        let size = components * super::accessor::component_size(component_type);
        let stride = usize::try_from(attribute.byte_stride()).unwrap_or(0);
        let data = attribute.buffer().data();
        let points = self.mesh.num_points();
        let outside =
            || document.invalid(&*self.place, format!("{semantic} ends before its {points} values"));
        let mut packed = Vec::new();
        if size == 0 || stride < size {
            return Err(outside());
        }
        if attribute.is_mapping_identity() && stride == size {
            packed = data.get(..points * size).ok_or_else(outside)?.to_vec();
        } else {
            packed.reserve_exact(points * size);
            for point in 0..points as u32 {
                let from = attribute.mapped_index(PointIndex(point)).0 as usize * stride;
                packed.extend_from_slice(data.get(from..from + size).ok_or_else(outside)?);
            }
        }
        Ok(Some(AccessorData::packed(packed, components, component_type, normalized)))
    }
}
