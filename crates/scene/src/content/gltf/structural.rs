//! `EXT_structural_metadata`: its schema, tables, textures and attributes, joined to primitives.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use gltf::json::{Value as Json, accessor::ComponentType as AccessorType, mesh::Primitive};

use super::document::Document;
use super::material::{self, TextureUse, texture_use};
use super::plan::Draw;
use super::primitive::{self, Attributes};
use super::shape;
use crate::content::{ContentError, TextureSupport, Warning, Wrap, cost, texture};
use crate::metadata::at_point::{PointProperty, PointSource, PrimitiveProperties, PropertyTexels, Texels};
use crate::metadata::binary_table::BinaryColumn;
use crate::metadata::schema::{Kind, Schema};
use crate::metadata::structural::{self, PlacedProperty, PropertySet};
use crate::metadata::{ComponentType, PropertyTable};

const EXTENSION: &str = "EXT_structural_metadata";

/// The metadata of a document, and the property textures that were decoded for it.
pub(super) struct Structural {
    schema: Schema,
    textures: Vec<PropertySet>,
    attributes: Vec<PropertySet>,
    texels: RefCell<BTreeMap<usize, Result<Arc<Texels>, String>>>,
}

fn extension(document: &Document) -> Option<&Json> {
    document.json.extensions.as_ref()?.others.get(EXTENSION)
}

/// The file that holds the schema, if it is not in the document.
pub(super) fn schema_uri(document: &Document) -> Option<&str> {
    extension(document)?.get("schemaUri")?.as_str()
}

/// The textures that property textures of primitives read.
pub(super) fn used_textures(document: &Document) -> Vec<usize> {
    let sets = extension(document).and_then(|e| e.get("propertyTextures")).and_then(Json::as_array);
    let properties = sets.into_iter().flatten().filter_map(|set| set.get("properties")?.as_object());
    properties.flat_map(|p| p.values()).filter_map(texture_use).map(|texture| texture.texture).collect()
}

impl Structural {
    /// Reads schema and definitions; `None` without the extension or a schema that can be read.
    pub(super) fn read(document: &Document, warnings: &mut Vec<Warning>) -> Option<Self> {
        let extension = extension(document)?;
        let place = format!("/extensions/{EXTENSION}");
        let mut report = |at: String, reason: String| {
            warnings.push(document.warning(format!("{place}{at}"), reason));
        };
        let external;
        let json = match (extension.get("schema"), schema_uri(document)) {
            (Some(schema), _) => schema,
            (None, Some(uri)) => {
                let Some(bytes) = document.resource(uri) else {
                    report("/schemaUri".into(), format!("the file is missing: {uri}; metadata is skipped"));
                    return None;
                };
                match serde_json::from_slice::<Json>(bytes) {
                    Ok(schema) => {
                        external = schema;
                        &external
                    }
                    Err(error) => {
                        report(
                            "/schemaUri".into(),
                            format!("the schema cannot be read: {error}; metadata is skipped"),
                        );
                        return None;
                    }
                }
            }
            (None, None) => {
                report(String::new(), "neither `schema` nor `schemaUri`; metadata is skipped".into());
                return None;
            }
        };
        let schema = Schema::parse(json, &mut |at, reason| report(format!("/schema{at}"), reason));
        let schema = match schema {
            Ok(schema) => schema,
            Err(reason) => {
                report("/schema".into(), format!("{reason}; metadata is skipped"));
                return None;
            }
        };
        let textures = structural::property_sets(extension, "propertyTextures", &schema, &mut report);
        let attributes = structural::property_sets(extension, "propertyAttributes", &schema, &mut report);
        Some(Self { schema, textures, attributes, texels: RefCell::default() })
    }

    /// The property tables, at their indices.
    pub(super) fn tables(&self, document: &Document, warnings: &mut Vec<Warning>) -> Vec<PropertyTable> {
        let Some(extension) = extension(document) else { return Vec::new() };
        let view = |index: usize| document.buffer_view_bytes(index).map_err(|error| error.reason);
        structural::property_tables(extension, &self.schema, &view, document.budget(), &mut |at, reason| {
            warnings.push(document.warning(format!("/extensions/{EXTENSION}{at}"), reason));
        })
    }

    /// What a primitive says about its vertices and texels; the index of the primitive is left 0.
    pub(super) fn of_primitive(
        &self,
        attributes: &Attributes<'_>,
        vertices: usize,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<PrimitiveProperties>, ContentError> {
        let Some(own) = primitive_extension(attributes.primitive) else { return Ok(Vec::new()) };
        let place = format!("{}/extensions/{EXTENSION}", attributes.place);
        let mut found = Vec::new();
        for (member, sets) in [("propertyAttributes", &self.attributes), ("propertyTextures", &self.textures)]
        {
            let used = own.get(member).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            for index in used {
                let set = index.as_u64().and_then(|index| sets.get(usize::try_from(index).ok()?));
                let Some(set) = set else {
                    let reason = format!("{index} of {}; left out", sets.len());
                    warnings.push(attributes.document.warning(format!("{place}/{member}"), reason));
                    continue;
                };
                let mut uvs = Vec::new();
                let mut properties = Vec::with_capacity(set.properties.len());
                for placed in &set.properties {
                    let source = if member == "propertyAttributes" {
                        vertex_source(attributes, placed, vertices, warnings)?
                    } else {
                        self.texture_source(attributes, placed, vertices, &mut uvs, warnings)?
                    };
                    match source {
                        Ok(source) => {
                            properties.push(PointProperty { id: placed.property.id.clone(), source })
                        }
                        Err(reason) => {
                            let place = format!("{place}/{member}/{}", placed.property.id);
                            warnings.push(attributes.document.warning(place, format!("{reason}; left out")));
                        }
                    }
                }
                let (name, class) = (set.name.clone(), set.class.clone());
                found.push(PrimitiveProperties { primitive: 0, name, class, properties });
            }
        }
        Ok(found)
    }

    fn texture_source(
        &self,
        attributes: &Attributes<'_>,
        placed: &PlacedProperty,
        vertices: usize,
        known_uvs: &mut Vec<(TextureUse, Arc<Vec<[f32; 2]>>)>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Result<PointSource, String>, ContentError> {
        let Some(texture) = texture_use(&placed.place) else { return Ok(Err("no texture index".into())) };
        let channels: Vec<u8> = match placed.place.get("channels").and_then(Json::as_array) {
            Some(list) => list.iter().filter_map(|c| u8::try_from(c.as_u64()?).ok()).collect(),
            None => vec![0],
        };
        let size = placed.property.packed_size();
        if channels.iter().any(|c| *c > 3) || size != Some(channels.len()) {
            return Ok(Err(format!("channels {channels:?} for a value of {size:?} bytes")));
        }
        let known = known_uvs
            .iter()
            .find(|(other, _)| other.tex_coord == texture.tex_coord && other.transform == texture.transform);
        let uvs = match known {
            Some((_, uvs)) => uvs.clone(),
            None => {
                let Some(uvs) = primitive::uvs(attributes, texture, vertices, warnings)? else {
                    return Ok(Err(format!("no usable TEXCOORD_{}", texture.tex_coord)));
                };
                let uvs = Arc::new(uvs);
                known_uvs.push((texture, uvs.clone()));
                uvs
            }
        };
        let document = attributes.document;
        let texels = self
            .texels
            .borrow_mut()
            .entry(texture.texture)
            .or_insert_with(|| texels(document, texture.texture))
            .clone();
        let wrap = material::sampler(document, texture.texture).wrap;
        Ok(texels.map(|texels| {
            PointSource::Texture(PropertyTexels {
                property: placed.property.clone(),
                channels,
                uvs,
                texels,
                repeat: wrap.map(|w| w != Wrap::Clamp),
                offset: placed.offset.clone(),
                scale: placed.scale.clone(),
            })
        }))
    }
}

fn primitive_extension(primitive: &Primitive) -> Option<&Json> {
    primitive.extensions.as_ref()?.others.get(EXTENSION)
}

fn texels(document: &Document, texture: usize) -> Result<Arc<Texels>, String> {
    let bytes = document.image_of_texture(texture).map_err(|error| error.reason)?;
    let bytes = bytes.ok_or_else(|| format!("texture {texture} has no image"))?;
    let image = texture::decode_rgba(&bytes, document.budget()).map_err(|error| error.reason)?;
    Ok(Arc::new(Texels { width: image.width, height: image.height, rgba: image.pixels }))
}

fn vertex_source(
    attributes: &Attributes<'_>,
    placed: &PlacedProperty,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Result<PointSource, String>, ContentError> {
    let Some(semantic) = placed.place.get("attribute").and_then(Json::as_str) else {
        return Ok(Err("`attribute` is missing".into()));
    };
    let Some(data) = attributes.matching(semantic, vertices, warnings)? else {
        return Ok(Err(format!("no usable attribute {semantic}")));
    };
    let stored = match data.component_type {
        AccessorType::I8 => ComponentType::I8,
        AccessorType::U8 => ComponentType::U8,
        AccessorType::I16 => ComponentType::I16,
        AccessorType::U16 => ComponentType::U16,
        AccessorType::U32 => ComponentType::U32,
        AccessorType::F32 => ComponentType::F32,
    };
    let wanted = match &placed.property.kind {
        Kind::Numbers { component_type, components } if placed.property.array.is_none() => {
            Some((*component_type, *components))
        }
        Kind::Enumeration(enumeration) if placed.property.array.is_none() => {
            Some((enumeration.value_type, 1))
        }
        _ => None,
    };
    if wanted != Some((stored, data.components)) {
        return Ok(Err(format!(
            "{semantic} holds {} × {stored:?}, the class says {wanted:?}",
            data.components
        )));
    }
    let bytes = data.packed_bytes().into_boxed_slice();
    let column =
        BinaryColumn::packed(placed.property.clone(), bytes, placed.offset.clone(), placed.scale.clone());
    Ok(Ok(PointSource::Vertex(column)))
}

/// Upper bound of what tables, textures and attributes take.
pub(super) fn bytes_bound(document: &Document, draws: &[Draw]) -> u64 {
    let Some(extension) = extension(document) else { return 0 };
    let view_length =
        |index: usize| document.json.buffer_views.get(index).map_or(0, |view| view.byte_length.0);
    let mut bound = structural::property_tables_bound(extension, &view_length);
    let texels = |texture: usize| {
        let image = document.image_of_texture(texture).ok().flatten()?;
        let info = texture::probe(&image, TextureSupport::default()).ok()?;
        Some(u64::from(info.width) * u64::from(info.height) * 4)
    };
    let mut textures = used_textures(document);
    textures.sort_unstable();
    textures.dedup();
    bound = textures.into_iter().filter_map(texels).fold(bound, u64::saturating_add);
    for draw in draws {
        let primitives = document.json.meshes.get(draw.mesh).map_or(&[][..], |mesh| &mesh.primitives[..]);
        for primitive in primitives {
            let Some(own) = primitive_extension(primitive) else { continue };
            let vertices = shape::of(document, primitive).ok().flatten().map_or(0, |shape| shape.vertices);
            for (member, per_vertex) in [("propertyAttributes", 4 * 8), ("propertyTextures", cost::UV)] {
                let sets = extension.get(member).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                let used = own.get(member).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                for index in used.iter().filter_map(Json::as_u64) {
                    let set = usize::try_from(index).ok().and_then(|index| sets.get(index));
                    let properties =
                        set.and_then(|set| set.get("properties")?.as_object()).map_or(0, |p| p.len());
                    let each = vertices.saturating_mul(per_vertex).saturating_add(2048);
                    bound = bound.saturating_add(each.saturating_mul(properties as u64)).saturating_add(1024);
                }
            }
        }
    }
    bound
}
