//! What a document takes in memory, from accessor counts and image headers.

use std::collections::BTreeMap;

use gltf::json::mesh::Primitive;

use super::document::Document;
use super::material::{self, texture_use};
use super::plan::Draw;
use super::{features, instancing, shape, structural};
use crate::content::{ContentCost, ContentError, Sampler, TextureSupport, cost, texture};
use crate::pick::PickMesh;

/// Upper bound of [`crate::content::TileContent::cost`] of the decoded document.
///
/// # Errors
/// Indices out of range in what is to be drawn.
pub(super) fn measure(
    document: &Document,
    draws: &[Draw],
    support: TextureSupport,
) -> Result<ContentCost, ContentError> {
    let mut total = ContentCost::default();
    let mut textures: BTreeMap<(usize, [u8; 4]), (u64, u64)> = BTreeMap::new();
    for draw in draws {
        let instances = match draw.instancing {
            Some(node) => {
                let n = instancing::count(document, node)?;
                let ids = n.saturating_mul(instancing::feature_sets(document, node));
                total.cpu_bytes = total.cpu_bytes.saturating_add(ids.saturating_mul(cost::FEATURE_ID));
                n
            }
            None => draw.places.len() as u64,
        };
        let Some(mesh) = document.json.meshes.get(draw.mesh) else { continue };
        for primitive in &mesh.primitives {
            add_primitive(document, primitive, instances, &mut total)?;
            let Some(texture) =
                primitive.material.and_then(|m| material::base_color_texture(document, m.value()))
            else {
                continue;
            };
            let sampler = material::sampler(document, texture.texture);
            textures
                .entry((texture.texture, sampler_key(sampler)))
                .or_insert_with(|| texture_bytes(document, texture.texture, support));
        }
    }
    for (gpu, transient) in textures.into_values() {
        total.gpu_bytes = total.gpu_bytes.saturating_add(gpu);
        total.transient_bytes = total.transient_bytes.saturating_add(transient);
    }
    total.cpu_bytes = total.cpu_bytes.saturating_add(structural::bytes_bound(document, draws));
    Ok(total)
}

/// Drawables of the document, instances counted one by one.
///
/// # Errors
/// Indices out of range in the instancing of a node.
pub(super) fn placement_count(document: &Document, draws: &[Draw]) -> Result<u64, ContentError> {
    draws.iter().try_fold(0_u64, |sum, draw| {
        let instances = match draw.instancing {
            Some(node) => instancing::count(document, node)?,
            None => draw.places.len() as u64,
        };
        let primitives = document.json.meshes.get(draw.mesh).map_or(0, |mesh| mesh.primitives.len() as u64);
        // A mesh without places of its own is drawn once.
        Ok(sum.saturating_add(instances.max(1).saturating_mul(primitives)))
    })
}

pub(super) fn sampler_key(sampler: Sampler) -> [u8; 4] {
    let [u, v] = sampler.wrap.map(|w| w as u8);
    [u, v, sampler.nearest_mag.into(), sampler.nearest_min.into()]
}

/// The largest of the images that a texture may fall back to; nothing for those that cannot be decoded.
fn texture_bytes(document: &Document, texture: usize, support: TextureSupport) -> (u64, u64) {
    let mut largest = (0, 0);
    for image in material::image_candidates(document, texture) {
        let Ok(bytes) = document.image(image) else { continue };
        let Ok(info) = texture::probe(&bytes, support) else { continue };
        largest = (largest.0.max(info.gpu_bytes()), largest.1.max(info.decoded_bytes()));
    }
    largest
}

fn add_primitive(
    document: &Document,
    primitive: &Primitive,
    instances: u64,
    total: &mut ContentCost,
) -> Result<(), ContentError> {
    let Some(shape) = shape::of(document, primitive)? else { return Ok(()) };
    let vertices = shape.kept_vertices();
    let material = primitive.material.map(|m| m.value());
    let has = |semantic: &str| shape::attribute(primitive, semantic).is_some();
    let mut other_streams = 0;
    if has("NORMAL") && !material::is_unlit(document, material) {
        other_streams += cost::NORMAL;
    }
    if let Some(texture) = material.and_then(|m| material::base_color_texture(document, m))
        && has(&format!("TEXCOORD_{}", texture.tex_coord))
    {
        other_streams += cost::UV;
    }
    if has("COLOR_0") {
        other_streams += cost::COLOR;
    }
    let other_bytes = vertices.saturating_mul(other_streams);
    let index_size = if vertices <= u64::from(u16::MAX) { 2 } else { 4 };
    let corners = usize::try_from(shape.list_indices().unwrap_or(vertices)).unwrap_or(usize::MAX);
    let hierarchy = PickMesh::hierarchy_bytes(shape.topology(), corners);
    let shared = vertices
        .saturating_mul(cost::POSITION)
        .saturating_add(shape.list_indices().unwrap_or(0).saturating_mul(index_size));
    total.cpu_bytes = total
        .cpu_bytes
        .saturating_add(shared)
        .saturating_add(hierarchy)
        .saturating_add(feature_bytes(document, primitive, vertices)?)
        .saturating_add(instances.saturating_mul(cost::INSTANCE_CPU));
    total.gpu_bytes = total
        .gpu_bytes
        .saturating_add(shared)
        .saturating_add(other_bytes)
        .saturating_add(instances.saturating_mul(cost::INSTANCE_GPU));
    total.transient_bytes = total.transient_bytes.saturating_add(shared).saturating_add(other_bytes);
    Ok(())
}

fn feature_bytes(document: &Document, primitive: &Primitive, vertices: u64) -> Result<u64, ContentError> {
    let Some(extension) = features::extension(primitive) else {
        let batched = shape::attribute(primitive, "_BATCHID").is_some();
        return Ok(if batched { vertices.saturating_mul(cost::FEATURE_ID) } else { 0 });
    };
    let mut bytes = 0u64;
    for set in features::parse_list(document, extension, "", &mut Vec::new()) {
        let Some(texture) = set.texture.as_ref().and_then(texture_use) else {
            bytes = bytes.saturating_add(vertices.saturating_mul(cost::FEATURE_ID));
            continue;
        };
        let texels = document.image_of_texture(texture.texture).ok().flatten().and_then(|image| {
            let info = texture::probe(&image, TextureSupport::default()).ok()?;
            Some(u64::from(info.width) * u64::from(info.height))
        });
        bytes = bytes
            .saturating_add(vertices.saturating_mul(cost::UV))
            .saturating_add(texels.unwrap_or(0).saturating_mul(cost::FEATURE_ID));
    }
    Ok(bytes)
}
