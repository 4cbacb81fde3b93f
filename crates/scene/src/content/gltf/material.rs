//! Materials: base colour, alpha mode and culling; everything else of the material is skipped unread.

use std::collections::BTreeMap;

use gltf::json::material::AlphaMode as JsonAlpha;
use gltf::json::texture::{Info, MagFilter, MinFilter, WrappingMode};
use gltf::json::validation::Checked;
use gltf::json::{Index, Value};

use super::document::Document;
use crate::content::{AlphaMode, Material, Sampler, Wrap};

/// Where and how a texture is read: set of coordinates and `KHR_texture_transform`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TextureUse {
    pub(super) texture: usize,
    pub(super) tex_coord: u32,
    /// Columns of the affine map of the coordinates, if it is not the identity.
    pub(super) transform: Option<[[f32; 2]; 3]>,
}

/// The base colour texture of a material, from metallic-roughness or, failing that, specular-glossiness.
pub(super) fn base_color_texture(document: &Document, material: usize) -> Option<TextureUse> {
    let material = document.json.materials.get(material)?;
    if let Some(info) = &material.pbr_metallic_roughness.base_color_texture {
        return Some(texture_use_of_info(info));
    }
    specular_glossiness(material)?.get("diffuseTexture").and_then(texture_use)
}

fn specular_glossiness(material: &gltf::json::Material) -> Option<&Value> {
    material.extensions.as_ref()?.others.get("KHR_materials_pbrSpecularGlossiness")
}

fn texture_use_of_info(info: &Info) -> TextureUse {
    let transform = info.extensions.as_ref().and_then(|e| e.others.get("KHR_texture_transform"));
    with_transform(info.index.value(), info.tex_coord, transform)
}

/// A texture reference in an extension: `{index, texCoord, extensions}`.
pub(super) fn texture_use(info: &Value) -> Option<TextureUse> {
    let index = usize::try_from(info.get("index")?.as_u64()?).ok()?;
    let tex_coord = info.get("texCoord").and_then(Value::as_u64).unwrap_or(0) as u32;
    let transform = info.get("extensions").and_then(|e| e.get("KHR_texture_transform"));
    Some(with_transform(index, tex_coord, transform))
}

fn with_transform(texture: usize, tex_coord: u32, transform: Option<&Value>) -> TextureUse {
    let Some(value) = transform else { return TextureUse { texture, tex_coord, transform: None } };
    let pair = |name: &str, default: f32| -> [f32; 2] {
        let at = |i: usize| value.get(name)?.get(i)?.as_f64().map(|v| v as f32);
        [at(0).unwrap_or(default), at(1).unwrap_or(default)]
    };
    let ([ou, ov], [su, sv]) = (pair("offset", 0.0), pair("scale", 1.0));
    let rotation = value.get("rotation").and_then(Value::as_f64).unwrap_or(0.0) as f32;
    let (sin, cos) = rotation.sin_cos();
    // KHR_texture_transform: translation * rotation * scale, counter-clockwise about the upper left corner, v down.
    let columns = [[cos * su, -sin * su], [sin * sv, cos * sv], [ou, ov]];
    let identity = columns == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
    let finite = columns.iter().flatten().all(|c| c.is_finite());
    let tex_coord = value.get("texCoord").and_then(Value::as_u64).map_or(tex_coord, |t| t as u32);
    TextureUse { texture, tex_coord, transform: (!identity && finite).then_some(columns) }
}

/// Applies the transform of a texture use to coordinates.
pub(super) fn transform_uvs(uvs: &mut [[f32; 2]], transform: Option<[[f32; 2]; 3]>) {
    let Some([[a, b], [c, d], [e, f]]) = transform else { return };
    for uv in uvs {
        let [u, v] = *uv;
        *uv = [a * u + c * v + e, b * u + d * v + f];
    }
}

/// The images that texture `index` may come from, best first.
pub(super) fn image_candidates(document: &Document, index: usize) -> Vec<usize> {
    let Some(texture) = document.json.textures.get(index) else { return Vec::new() };
    let source = |name: &str| {
        let extension = texture.extensions.as_ref()?.others.get(name)?;
        usize::try_from(extension.get("source")?.as_u64()?).ok()
    };
    let plain = texture.source.value();
    let images = document.json.images.len();
    [source("KHR_texture_basisu"), source("EXT_texture_webp"), Some(plain)]
        .into_iter()
        .flatten()
        .filter(|&image| image < images)
        .collect()
}

/// The sampler of texture `index`.
pub(super) fn sampler(document: &Document, index: usize) -> Sampler {
    let json = &document.json;
    let sampler =
        json.textures.get(index).and_then(|t| t.sampler).and_then(|s: Index<_>| json.samplers.get(s.value()));
    let Some(sampler) = sampler else {
        return Sampler { wrap: [Wrap::Repeat; 2], nearest_mag: false, nearest_min: false };
    };
    let wrap = |mode: &Checked<WrappingMode>| match mode {
        Checked::Valid(WrappingMode::ClampToEdge) => Wrap::Clamp,
        Checked::Valid(WrappingMode::MirroredRepeat) => Wrap::Mirror,
        _ => Wrap::Repeat,
    };
    Sampler {
        wrap: [wrap(&sampler.wrap_s), wrap(&sampler.wrap_t)],
        nearest_mag: matches!(sampler.mag_filter, Some(Checked::Valid(MagFilter::Nearest))),
        nearest_min: matches!(
            sampler.min_filter,
            Some(Checked::Valid(
                MinFilter::Nearest | MinFilter::NearestMipmapNearest | MinFilter::NearestMipmapLinear
            ))
        ),
    }
}

/// Whether `KHR_materials_unlit` applies to the material.
pub(super) fn is_unlit(document: &Document, material: Option<usize>) -> bool {
    material
        .and_then(|m| document.json.materials.get(m)?.extensions.as_ref())
        .is_some_and(|e| e.others.contains_key("KHR_materials_unlit"))
}

/// The materials that primitives use, made as they are asked for: one per glTF material and shading.
#[derive(Default)]
pub(super) struct Materials {
    pub(super) list: Vec<Material>,
    by_key: BTreeMap<(Option<usize>, bool), usize>,
}

impl Materials {
    /// Index of the content material for a glTF material drawn unlit or not. `texture` is its base colour texture
    /// among the content's textures.
    pub(super) fn get(
        &mut self,
        document: &Document,
        material: Option<usize>,
        unlit: bool,
        texture: Option<usize>,
    ) -> usize {
        let list = &mut self.list;
        *self.by_key.entry((material, unlit)).or_insert_with(|| {
            list.push(convert(document, material, unlit, texture));
            list.len() - 1
        })
    }
}

fn convert(document: &Document, material: Option<usize>, unlit: bool, texture: Option<usize>) -> Material {
    let Some(json) = material.and_then(|m| document.json.materials.get(m)) else {
        return Material { unlit, ..Material::default() };
    };
    let mut base_color = json.pbr_metallic_roughness.base_color_factor.0;
    if let Some(diffuse) = specular_glossiness(json).and_then(|s| s.get("diffuseFactor")?.as_array())
        && base_color == [1.0; 4]
    {
        for (slot, value) in base_color.iter_mut().zip(diffuse) {
            *slot = value.as_f64().map_or(*slot, |v| v as f32);
        }
    }
    let base_color = base_color.map(|c| if c.is_finite() { c.clamp(0.0, 1.0) } else { 1.0 });
    let alpha = match json.alpha_mode {
        Checked::Valid(JsonAlpha::Mask) => AlphaMode::Mask(json.alpha_cutoff.map_or(0.5, |c| c.0)),
        Checked::Valid(JsonAlpha::Blend) => AlphaMode::Blend,
        _ => AlphaMode::Opaque,
    };
    Material { base_color, base_color_texture: texture, alpha, double_sided: json.double_sided, unlit }
}
