//! Top level of a glTF document: asset, lists, extensions.

use serde_json::Value;

use super::asset::{self, Asset};
use crate::inspect::extensions::is_vendors;
use crate::inspect::json::{At, array_of_objects, integer_from, object, required, string, unique_strings};
use crate::inspect::sink::Out;

const LISTS: [&str; 13] = [
    "accessors",
    "animations",
    "bufferViews",
    "buffers",
    "cameras",
    "images",
    "materials",
    "meshes",
    "nodes",
    "samplers",
    "scenes",
    "skins",
    "textures",
];

/// Extensions that Hamlet reads, or may leave unread without harm to geometry and texture.
const KNOWN: [&str; 16] = [
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    "EXT_feature_metadata",
    "EXT_instance_features",
    "EXT_mesh_features",
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "EXT_structural_metadata",
    "EXT_texture_webp",
    "KHR_draco_mesh_compression",
    "KHR_lights_punctual",
    "KHR_materials_unlit",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_mesh_quantization",
    "KHR_texture_basisu",
    "KHR_texture_transform",
];

/// Checks asset, lists, buffers, buffer views and declarations of extensions.
pub(super) fn check(at: &At<'_>, out: &mut Out<'_>) {
    check_version(at, out);
    for name in LISTS {
        if let Some(list) = at.get(name) {
            array_of_objects(&list, 1, out);
        }
    }
    let buffers = at.get("buffers");
    for buffer in buffers.iter().flat_map(|b| b.elements()) {
        if let Some(length) = required(&buffer, "byteLength", out) {
            integer_from(&length, 1, out);
        }
        if let Some(uri) = buffer.get("uri") {
            string(&uri, out);
        }
    }
    if let Some(views) = at.get("bufferViews") {
        match &buffers {
            Some(buffers) => views.elements().for_each(|view| asset::check_view(&view, buffers, out)),
            None => out.error(views, "there are bufferViews, but no buffers"),
        }
    }
    check_extensions(at, out);
}

fn check_version(at: &At<'_>, out: &mut Out<'_>) {
    let Some(asset) = required(at, "asset", out) else { return };
    if object(&asset, out).is_none() {
        return;
    }
    let Some(version) = required(&asset, "version", out) else { return };
    let Some(text) = string(&version, out) else { return };
    let parts = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    match parts {
        Some((2, 0)) => {}
        Some((2, minor)) => out.warning(version, format!("the version 2.{minor} is not known (2.0 is)")),
        Some(_) => out.error(version, format!("the version {text} is not read (2.0 is)")),
        None => out.error(version, format!("'{text}' is no version")),
    }
}

fn check_extensions(at: &At<'_>, out: &mut Out<'_>) {
    let used_at = at.get("extensionsUsed");
    let used = used_at.as_ref().map(|u| unique_strings(u, out)).unwrap_or_default();
    for name in &used {
        if let Some(used_at) = &used_at
            && !KNOWN.contains(name)
            && !is_vendors(name)
        {
            out.info(used_at, format!("the extension {name} is not read"));
        }
    }
    if let Some(required) = at.get("extensionsRequired") {
        for name in unique_strings(&required, out) {
            if !used.contains(&name) {
                out.error(required, format!("'{name}' is in extensionsRequired but not in extensionsUsed"));
            }
            if !KNOWN.contains(&name) && !is_vendors(name) {
                out.warning(required, format!("the extension {name} is required, but not supported"));
            }
        }
    }
    check_declared(at, &used, out);
}

/// Every extension in use must be declared.
fn check_declared(at: &At<'_>, used: &[&str], out: &mut Out<'_>) {
    match at.value {
        Value::Object(_) => {
            for (key, below) in at.entries() {
                if key == "extras" {
                    continue;
                }
                if key == "extensions" && below.value.is_object() {
                    for (name, extension) in below.entries() {
                        if !used.contains(&name) {
                            out.error(
                                extension,
                                format!("the extension {name} is not declared in extensionsUsed"),
                            );
                        }
                        if object(&extension, out).is_some() {
                            check_declared(&extension, used, out);
                        }
                    }
                } else {
                    check_declared(&below, used, out);
                }
            }
        }
        Value::Array(_) => {
            at.elements().filter(|e| !e.value.is_number()).for_each(|e| check_declared(&e, used, out))
        }
        _ => {}
    }
}

/// Notes extensions of vendors that are not read.
pub(super) fn note_vendors(asset: &Asset<'_>, out: &mut Out<'_>) {
    for key in ["extensionsUsed", "extensionsRequired"] {
        let Some(list) = asset.at.get(key) else { continue };
        for name in list.elements() {
            if let Some(text) = name.value.as_str()
                && is_vendors(text)
            {
                out.not_checked(name, format!("{text} is not read"));
            }
        }
    }
    note_vendor_objects(asset.at, out);
}

fn note_vendor_objects(at: &At<'_>, out: &mut Out<'_>) {
    for (key, below) in at.entries() {
        if key == "extensions" {
            for (name, extension) in below.entries() {
                if is_vendors(name) {
                    out.not_checked(extension, format!("{name} is not read"));
                } else {
                    note_vendor_objects(&extension, out);
                }
            }
        } else if key != "extras" {
            note_vendor_objects(&below, out);
        }
    }
    at.elements().filter(|e| !e.value.is_number()).for_each(|e| note_vendor_objects(&e, out));
}
