//! Materials, textures and samplers (glTF 2.0 §"Materials", §"Textures").

use super::asset::Asset;
use crate::inspect::json::{
    At, index_below, integer, integer_from, number, numbers, object, one_of, required,
};
use crate::inspect::sink::Out;

/// Checks references and ranges.
pub(super) fn check_all(asset: &Asset<'_>, out: &mut Out<'_>) {
    for texture in asset.at.get("textures").iter().flat_map(|t| t.elements()) {
        check_reference(asset, &texture, "source", "images", out);
        check_reference(asset, &texture, "sampler", "samplers", out);
        for name in ["KHR_texture_basisu", "EXT_texture_webp"] {
            if let Some(extension) = texture.get("extensions").as_ref().and_then(|e| e.get(name)) {
                check_reference(asset, &extension, "source", "images", out);
            }
        }
    }
    for sampler in asset.at.get("samplers").iter().flat_map(|s| s.elements()) {
        let filters: [(&str, &[i128]); 4] = [
            ("magFilter", &[9728, 9729]),
            ("minFilter", &[9728, 9729, 9984, 9985, 9986, 9987]),
            ("wrapS", &[33071, 33648, 10497]),
            ("wrapT", &[33071, 33648, 10497]),
        ];
        for (key, allowed) in filters {
            if let Some(given) = sampler.get(key)
                && let Some(value) = integer(&given, out)
                && !allowed.contains(&value)
            {
                out.warning(given, format!("must be one of {allowed:?}, but is {value}"));
            }
        }
    }
    for material in asset.at.get("materials").iter().flat_map(|m| m.elements()) {
        check_material(asset, &material, out);
    }
}

fn check_reference(asset: &Asset<'_>, at: &At<'_>, key: &str, list: &str, out: &mut Out<'_>) {
    if let Some(index) = at.get(key) {
        index_below(&index, asset.count(list), list, out);
    }
}

fn check_material(asset: &Asset<'_>, at: &At<'_>, out: &mut Out<'_>) {
    if let Some(pbr) = at.get("pbrMetallicRoughness")
        && object(&pbr, out).is_some()
    {
        if let Some(factor) = pbr.get("baseColorFactor")
            && let Some(values) = numbers::<4>(&factor, out)
        {
            check_unit_range(&factor, &values, out);
        }
        for key in ["metallicFactor", "roughnessFactor"] {
            if let Some(factor) = pbr.get(key)
                && let Some(value) = number(&factor, out)
            {
                check_unit_range(&factor, &[value], out);
            }
        }
        for key in ["baseColorTexture", "metallicRoughnessTexture"] {
            check_texture_info(asset, &pbr, key, out);
        }
    }
    for key in ["normalTexture", "occlusionTexture", "emissiveTexture"] {
        check_texture_info(asset, at, key, out);
    }
    if let Some(factor) = at.get("emissiveFactor")
        && let Some(values) = numbers::<3>(&factor, out)
    {
        check_unit_range(&factor, &values, out);
    }
    if let Some(mode) = at.get("alphaMode") {
        one_of(&mode, &["OPAQUE", "MASK", "BLEND"], out);
    }
    if let Some(cutoff) = at.get("alphaCutoff")
        && let Some(value) = number(&cutoff, out)
        && value < 0.0
    {
        out.error(cutoff, format!("must not be negative, but is {value}"));
    }
}

fn check_unit_range(at: &At<'_>, values: &[f64], out: &mut Out<'_>) {
    if let Some(outside) = values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
        out.error(at, format!("must be between 0 and 1, but is {outside}"));
    }
}

fn check_texture_info(asset: &Asset<'_>, at: &At<'_>, key: &str, out: &mut Out<'_>) {
    let Some(info) = at.get(key) else { return };
    if object(&info, out).is_none() {
        return;
    }
    if let Some(index) = required(&info, "index", out) {
        index_below(&index, asset.count("textures"), "textures", out);
    }
    if let Some(set) = info.get("texCoord") {
        integer_from(&set, 0, out);
    }
}
