//! Feature ids of vertices and texels: `EXT_mesh_features`, and the `_BATCHID` attribute of b3dm.

use gltf::json::Value;
use serde::Deserialize;

use super::document::Document;
use super::material::{self, texture_use};
use super::primitive::{self, Attributes};
use crate::content::{ContentError, FeatureIdSource, FeatureIds, Warning, Wrap, texture};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeatureIdJson {
    #[serde(default)]
    null_feature_id: Option<u32>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    pub(super) attribute: Option<u32>,
    #[serde(default)]
    pub(super) texture: Option<Value>,
    #[serde(default)]
    property_table: Option<usize>,
}

impl FeatureIdJson {
    pub(super) fn with(&self, position: usize, source: FeatureIdSource) -> FeatureIds {
        let label = match (&self.label, self.attribute) {
            (Some(label), _) => label.clone(),
            (None, Some(n)) => format!("_FEATURE_ID_{n}"),
            (None, None) => format!("featureIds[{position}]"),
        };
        FeatureIds { label, source, null_id: self.null_feature_id, table: self.property_table }
    }
}

/// The `featureIds` of an extension object; entries that do not parse are reported and left out.
pub(super) fn parse_list(
    document: &Document,
    extension: &Value,
    place: &str,
    warnings: &mut Vec<Warning>,
) -> Vec<FeatureIdJson> {
    let list = extension.get("featureIds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut parsed = Vec::with_capacity(list.len());
    for (i, entry) in list.iter().enumerate() {
        match FeatureIdJson::deserialize(entry) {
            Ok(entry) => parsed.push(entry),
            Err(error) => {
                warnings.push(document.warning(format!("{place}/featureIds/{i}"), error.to_string()))
            }
        }
    }
    parsed
}

pub(super) fn extension(primitive: &gltf::json::mesh::Primitive) -> Option<&Value> {
    primitive.extensions.as_ref()?.others.get("EXT_mesh_features")
}

/// All feature id sets of a primitive's vertices and texels. What is wrong with one costs that one only.
pub(super) fn of_primitive(
    attributes: &Attributes<'_>,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<FeatureIds>, ContentError> {
    let document = attributes.document;
    let Some(extension) = extension(attributes.primitive) else {
        let ids = attributes.matching("_BATCHID", vertices, warnings)?;
        return Ok(ids
            .map(|ids| FeatureIds {
                label: "_BATCHID".into(),
                source: FeatureIdSource::Vertex(ids.to_u32()),
                null_id: None,
                table: None,
            })
            .into_iter()
            .collect());
    };
    let place = format!("{}/extensions/EXT_mesh_features", attributes.place);
    let mut sets = Vec::new();
    for (i, json) in parse_list(document, extension, &place, warnings).into_iter().enumerate() {
        let source = match (&json.texture, json.attribute) {
            (Some(texture), _) => match texture_source(attributes, texture, vertices, warnings)? {
                Ok(source) => Some(source),
                Err(reason) => {
                    let place = format!("{place}/featureIds/{i}/texture");
                    warnings.push(document.warning(place, format!("{reason}; feature ids left out")));
                    None
                }
            },
            (None, Some(n)) => {
                let ids = attributes.matching(&format!("_FEATURE_ID_{n}"), vertices, warnings)?;
                if ids.is_none() {
                    let place = format!("{place}/featureIds/{i}/attribute");
                    warnings.push(document.warning(place, format!("no usable attribute _FEATURE_ID_{n}")));
                }
                ids.map(|ids| FeatureIdSource::Vertex(ids.to_u32()))
            }
            (None, None) => Some(FeatureIdSource::Implicit),
        };
        sets.extend(source.map(|source| json.with(i, source)));
    }
    Ok(sets)
}

fn texture_source(
    attributes: &Attributes<'_>,
    info: &Value,
    vertices: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Result<FeatureIdSource, String>, ContentError> {
    let document = attributes.document;
    let Some(texture) = texture_use(info) else { return Ok(Err("no texture index".into())) };
    let Some(uvs) = primitive::uvs(attributes, texture, vertices, warnings)? else {
        return Ok(Err(format!("no usable TEXCOORD_{}", texture.tex_coord)));
    };
    let channels: Vec<usize> = match info.get("channels").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(|c| usize::try_from(c.as_u64()?).ok()).collect(),
        None => vec![0],
    };
    if channels.is_empty() || channels.len() > 4 || channels.iter().any(|&c| c > 3) {
        return Ok(Err(format!("channels {channels:?}")));
    }
    let bytes = match document.image_of_texture(texture.texture) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Err(format!("texture {} has no image", texture.texture))),
        Err(error) => return Ok(Err(error.reason)),
    };
    let image = match texture::decode_rgba(&bytes, document.budget()) {
        Ok(image) => image,
        Err(error) => return Ok(Err(error.reason)),
    };
    let id = |texel: &[u8; 4]| {
        channels
            .iter()
            .enumerate()
            .fold(0u32, |id, (i, &c)| id | u32::from(texel.get(c).copied().unwrap_or(0)) << (8 * i))
    };
    let ids = image.pixels.as_chunks::<4>().0.iter().map(id).collect();
    let wrap = material::sampler(document, texture.texture).wrap;
    Ok(Ok(FeatureIdSource::Texture {
        uvs,
        width: image.width,
        height: image.height,
        ids,
        repeat: wrap.map(|w| w != Wrap::Clamp),
    }))
}
