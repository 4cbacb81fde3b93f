//! glTF 2.0: GLB and JSON files to the content model.
//!
//! Layers: [`Document`] is the raw mirror with its bytes; `plan` says what of it is drawn and where; `measure` and
//! [`decode_model`] follow that plan, so that what is measured bounds what is decoded.
//!
//! Source: Khronos glTF 2.0 specification and its extension registry; `CESIUM_RTC` from the Cesium vendor extensions.

mod accessor;
mod container;
mod data_uri;
mod document;
mod draco;
mod features;
mod images;
mod instancing;
mod material;
mod measure;
mod meshopt;
mod plan;
mod primitive;
mod raw;
mod shape;
mod structural;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use accessor::AccessorData;
pub use document::Document;

use super::{
    ContentCost, ContentError, ContentErrorKind, DecodeContext, Texture, TextureSupport, TileContent,
    Warning, texture,
};
use material::{Materials, TextureUse};
use primitive::Style;
use structural::Structural;

use crate::metadata::at_point::PrimitiveProperties;

/// Parses a GLB (version 2) or glTF JSON file without decoding anything.
///
/// # Errors
/// Not glTF 2.0, truncated, or JSON that does not follow the schema.
pub fn parse(bytes: &Bytes, uri: &str) -> Result<Document, ContentError> {
    Document::parse(bytes, uri)
}

/// Resolved uris of the external buffers that are read, and of the images that base colours and feature ids use;
/// in file order, without duplicates.
///
/// # Errors
/// As [`parse`].
pub fn references(bytes: &Bytes, uri: &str) -> Result<Vec<String>, ContentError> {
    let document = Document::parse(bytes, uri)?;
    let json = &document.json;
    let mut uris: Vec<&str> = json.buffers.iter().filter_map(|b| b.uri.as_deref()).collect();
    let mut used = vec![false; json.images.len()];
    let primitives = json.meshes.iter().flat_map(|m| &m.primitives);
    for primitive in primitives {
        let base = primitive.material.and_then(|m| material::base_color_texture(&document, m.value()));
        let sets = features::extension(primitive)
            .map(|e| features::parse_list(&document, e, "", &mut Vec::new()))
            .unwrap_or_default();
        let ids = sets.iter().filter_map(|set| material::texture_use(set.texture.as_ref()?));
        for texture in base.into_iter().chain(ids) {
            // The best readable image; the others are only there for readers that lack its extension.
            if let Some(slot) = material::image_candidates(&document, texture.texture).first()
                && let Some(slot) = used.get_mut(*slot)
            {
                *slot = true;
            }
        }
    }
    for texture in structural::used_textures(&document) {
        if let Some(slot) = material::image_candidates(&document, texture).first()
            && let Some(slot) = used.get_mut(*slot)
        {
            *slot = true;
        }
    }
    uris.extend(structural::schema_uri(&document));
    uris.extend(json.images.iter().zip(used).filter(|(_, used)| *used).filter_map(|(i, _)| i.uri.as_deref()));
    let mut resolved: Vec<String> = Vec::new();
    for reference in uris.into_iter().filter(|uri| !data_uri::is_data(uri)) {
        let reference = crate::uri::resolve(uri, reference);
        if !resolved.contains(&reference) {
            resolved.push(reference);
        }
    }
    Ok(resolved)
}

/// Upper bound of what the decoded file takes, from accessor counts and image headers.
///
/// # Errors
/// As [`parse`]; required extensions that are not read; indices out of range.
pub fn measure(bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, ContentError> {
    let mut document = Document::parse(bytes, &context.uri)?;
    document.set_resources(context);
    plan::check_required_extensions(&document)?;
    let draws = plan::draws(&document, context.gltf_up_axis, &mut Vec::new())?;
    measure::measure(&document, &draws, context.texture_support)
}

/// How many drawables, instances counted one by one, the document holds: what an i3dm multiplies by its own count.
///
/// # Errors
/// As [`measure`].
pub(crate) fn placement_count(bytes: &Bytes, context: &DecodeContext) -> Result<u64, ContentError> {
    let mut document = Document::parse(bytes, &context.uri)?;
    document.set_resources(context);
    let draws = plan::draws(&document, context.gltf_up_axis, &mut Vec::new())?;
    measure::placement_count(&document, &draws)
}

/// Decodes a GLB or glTF file, z up.
///
/// # Errors
/// As [`measure`]; more than `context.budget_bytes`; missing buffers; streams that do not decode. Images that are
/// missing or corrupt are warnings.
pub fn decode_model(
    bytes: &Bytes,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    let mut document = Document::parse(bytes, &context.uri)?;
    document.set_resources(context);
    warnings.append(&mut document.warnings);
    decode_document(&document, context, warnings)
}

/// Decodes a parsed document whose resources are set.
///
/// # Errors
/// As [`decode_model`].
pub fn decode_document(
    document: &Document,
    context: &DecodeContext,
    warnings: &mut Vec<Warning>,
) -> Result<TileContent, ContentError> {
    plan::check_required_extensions(document)?;
    let draws = plan::draws(document, context.gltf_up_axis, warnings)?;
    let cost = measure::measure(document, &draws, context.texture_support)?;
    let needed = cost.cpu_bytes.saturating_add(cost.gpu_bytes);
    if needed > context.budget_bytes {
        let reason = format!("takes {needed} bytes once decoded, {} are allowed", context.budget_bytes);
        return Err(document.error(ContentErrorKind::OverBudget, "/", reason));
    }
    let mut textures = Textures { document, context, list: Vec::new(), by_key: BTreeMap::new() };
    let mut materials = Materials::default();
    let mut content = TileContent::default();
    let structural = Structural::read(document, warnings);
    for draw in &draws {
        let Some(mesh) = document.json.meshes.get(draw.mesh) else { continue };
        let mut instances = draw.places.clone();
        let mut instance_ids = Vec::new();
        if let Some(node) = draw.instancing {
            instances = instancing::transforms(document, node)?;
            instance_ids = instancing::feature_ids(document, node, instances.len(), warnings)?;
            if instances.is_empty() {
                let place = format!("/nodes/{node}/extensions/EXT_mesh_gpu_instancing");
                warnings.push(document.warning(place, "no instances; left out"));
                continue;
            }
        }
        for (i, json) in mesh.primitives.iter().enumerate() {
            let place = format!("/meshes/{}/primitives/{i}", draw.mesh);
            let source = json.material.map(|m| m.value());
            if let Some(material) = source.filter(|&m| m >= document.json.materials.len()) {
                let reason = format!("material {material} of {}", document.json.materials.len());
                return Err(document.invalid(format!("{place}/material"), reason));
            }
            let base = source.and_then(|m| material::base_color_texture(document, m));
            let texture = base.and_then(|t| textures.get(t, warnings).map(|index| (t, index)));
            let unlit = material::is_unlit(document, source);
            let style = Style { texture: texture.map(|(t, _)| t), unlit };
            let Some((mut primitive, properties)) =
                primitive::build(document, json, &place, &style, structural.as_ref(), warnings)?
            else {
                continue;
            };
            let unlit = unlit || primitive.normals.is_none();
            primitive.material =
                Some(materials.get(document, source, unlit, texture.map(|(_, index)| index)));
            primitive.content_from_primitive = draw.content_from_mesh;
            primitive.instances.clone_from(&instances);
            primitive.vertex_feature_ids.extend(instance_ids.iter().cloned());
            for set in properties {
                let primitive = content.primitives.len();
                content.features.primitive_properties.push(PrimitiveProperties { primitive, ..set });
            }
            content.primitives.push(primitive);
        }
    }
    content.textures = textures.list;
    content.materials = materials.list;
    content.features.tables = structural.map(|s| s.tables(document, warnings)).unwrap_or_default();
    content.copyrights.extend(document.json.asset.copyright.clone().filter(|c| !c.trim().is_empty()));
    Ok(content)
}

/// The textures of a content, each decoded on first use.
struct Textures<'a> {
    document: &'a Document,
    context: &'a DecodeContext,
    list: Vec<Texture>,
    by_key: BTreeMap<(usize, [u8; 4]), Option<usize>>,
}

impl Textures<'_> {
    fn get(&mut self, texture: TextureUse, warnings: &mut Vec<Warning>) -> Option<usize> {
        let sampler = material::sampler(self.document, texture.texture);
        let candidates = material::image_candidates(self.document, texture.texture);
        if candidates.is_empty() {
            let place = format!("/textures/{}", texture.texture);
            let key = (usize::MAX - texture.texture, measure::sampler_key(sampler));
            if self.by_key.insert(key, None).is_none() {
                warnings.push(self.document.warning(place, "names no image that is there; drawn without"));
            }
            return None;
        }
        for image in candidates {
            let key = (image, measure::sampler_key(sampler));
            let index = match self.by_key.get(&key) {
                Some(index) => *index,
                None => {
                    let index = self.decode(image, sampler, warnings);
                    self.by_key.insert(key, index);
                    index
                }
            };
            if index.is_some() {
                return index;
            }
        }
        None
    }

    fn decode(
        &mut self,
        image: usize,
        sampler: super::Sampler,
        warnings: &mut Vec<Warning>,
    ) -> Option<usize> {
        let place = format!("/images/{image}");
        let bytes = match self.document.image(image) {
            Ok(bytes) => bytes,
            Err(error) => {
                warnings.push(self.document.warning(error.place, format!("{}; drawn without", error.reason)));
                return None;
            }
        };
        let support: TextureSupport = self.context.texture_support;
        match texture::decode(&bytes, support, sampler, self.context.budget_bytes) {
            Ok((texture, note)) => {
                warnings.extend(note.map(|note| self.document.warning(place, note)));
                self.list.push(texture);
                Some(self.list.len() - 1)
            }
            Err(error) => {
                warnings.push(self.document.warning(place, format!("{}; drawn without", error.reason)));
                None
            }
        }
    }
}
