//! `extensions` and `extras` of any object, and the declarations of a tileset (specification §"Extensions and extras").

use std::collections::BTreeSet;

use super::json::{At, kind, object, unique_strings};
use super::sink::Out;

/// `3DTILES_bounding_volume_S2`.
pub(super) const S2: &str = "3DTILES_bounding_volume_S2";
/// `3DTILES_content_gltf`.
pub(super) const CONTENT_GLTF: &str = "3DTILES_content_gltf";
/// `MAXAR_content_3tz`.
pub(super) const CONTENT_3TZ: &str = "MAXAR_content_3tz";
/// `MAXAR_content_geojson`.
pub(super) const CONTENT_GEOJSON: &str = "MAXAR_content_geojson";

/// Whether it is an extension of a vendor that Hamlet does not read.
pub(super) fn is_vendors(name: &str) -> bool {
    ["NGA_", "MAXAR_", "VRICON_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Checks `extensions` and `extras` of an object of a tileset, subtree or schema.
pub(super) fn check_common(at: &At<'_>, out: &mut Out<'_>) {
    if let Some(extensions) = at.get("extensions")
        && object(&extensions, out).is_some()
    {
        for (name, extension) in extensions.entries() {
            if object(&extension, out).is_some() {
                out.found_extension(name);
            }
            if is_vendors(name) {
                out.not_checked(extension, format!("{name} is not read"));
            } else if name == CONTENT_GLTF {
                check_content_gltf(&extension, out);
            } else if name != S2 {
                out.warning(extension, format!("the extension {name} is not supported"));
            }
        }
    }
    if let Some(extras) = at.get("extras")
        && !extras.value.is_object()
    {
        out.warning(extras, format!("should be an object, but is {}", kind(extras.value)));
    }
}

/// `3DTILES_content_gltf`: the glTF extensions that contents use and require.
fn check_content_gltf(at: &At<'_>, out: &mut Out<'_>) {
    let used = at.get("extensionsUsed").map(|a| owned(unique_strings(&a, out))).unwrap_or_default();
    if let Some(required) = at.get("extensionsRequired") {
        check_required_are_used(at, &required, &used, out);
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// `required` is `extensionsRequired` of `at`.
fn check_required_are_used(
    at: &At<'_>,
    required: &At<'_>,
    used: &[String],
    out: &mut Out<'_>,
) -> Vec<String> {
    let names = owned(unique_strings(required, out));
    for name in &names {
        if !used.contains(name) {
            out.error(
                at.missing("extensionsUsed"),
                format!("'{name}' is in extensionsRequired, but not here"),
            );
        }
    }
    names
}

/// Checks what a tileset declares against what was found in it, its contents and its external tilesets.
/// Gives `extensionsUsed`.
pub(super) fn check_declarations(
    tileset: &At<'_>,
    found: &BTreeSet<String>,
    out: &mut Out<'_>,
) -> Vec<String> {
    let mark = out.mark();
    let used_at = tileset.get("extensionsUsed");
    let used = used_at.as_ref().map(|a| owned(unique_strings(a, out))).unwrap_or_default();
    let required_at = tileset.get("extensionsRequired");
    let required =
        required_at.as_ref().map(|a| check_required_are_used(tileset, a, &used, out)).unwrap_or_default();
    if !out.clean_since(mark) {
        return used;
    }
    let version = tileset.get("asset").and_then(|a| Some(a.get("version")?.value.as_str()?.to_owned()));
    let declares_gltf = tileset.get("extensions").is_some_and(|e| e.get(CONTENT_GLTF).is_some());
    // From version 1.1 on glTF is a content format of its own.
    let is_found = |name: &str| {
        found.contains(name) && (name != CONTENT_GLTF || version.as_deref() != Some("1.1") || declares_gltf)
    };
    if version.as_deref() == Some("1.0")
        && used.iter().any(|n| n == CONTENT_GLTF)
        && !required.iter().any(|n| n == CONTENT_GLTF)
    {
        out.error(tileset.missing("extensionsRequired"), format!("{CONTENT_GLTF} must be declared here too"));
    }
    for name in found.iter().filter(|n| is_found(n)) {
        if !used.contains(name) {
            out.error(
                tileset.missing("extensionsUsed"),
                format!("the extension {name} is used in this tileset or below, but not declared here"),
            );
        }
        if [CONTENT_3TZ, CONTENT_GEOJSON].contains(&name.as_str()) && !required.contains(name) {
            out.error(
                tileset.missing("extensionsRequired"),
                format!("the extension {name} must be declared here"),
            );
        }
    }
    if let Some(at) = &used_at {
        for name in used.iter().filter(|n| !is_found(n)) {
            out.warning(at, format!("the extension {name} is declared, but not used anywhere"));
        }
    }
    for name in required.iter().filter(|n| !is_readable(n)) {
        if let Some(at) = &required_at
            && !is_vendors(name)
        {
            out.warning(at, format!("the extension {name} is required, but not supported"));
        }
    }
    used
}

fn is_readable(name: &str) -> bool {
    [S2, CONTENT_GLTF].contains(&name)
}
