//! The members of one tile.

use geodesy::BoundingVolume;
use serde_json::{Map, Value};

use crate::tileset::{
    implicit::SubdivisionScheme,
    lenient::{self, At, array, count, object, present, text},
    log::WarningLog,
    raw::{RawContent, RawImplicitTiling, RawTile},
    tree::Refine,
};

/// A `boundingVolume` that is one box and nothing else.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainVolume {
    r#box: [f64; 12],
}

impl PlainVolume {
    /// `None` if its numbers need a closer look.
    pub(crate) fn into_volume(self) -> Option<BoundingVolume> {
        let sane = self.r#box.iter().all(|n| n.abs() <= lenient::LARGEST_NUMBER);
        sane.then(|| BoundingVolume::Box(lenient::obb_of(&self.r#box)))
    }
}

/// A `content` that is a uri and nothing else.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainContent {
    pub(crate) uri: String,
}

/// Reads one member into the tile.
pub(crate) fn read(tile: &mut RawTile, name: &str, value: Value, tile_at: &At<'_>, log: &mut WarningLog) {
    let at = tile_at.name(name);
    if value.is_null() {
        return log.at(&at, "null; taken as absent");
    }
    match name {
        "boundingVolume" => tile.volume = lenient::volume(&value, &at, log),
        "viewerRequestVolume" => tile.viewer_request_volume = lenient::volume(&value, &at, log).map(Box::new),
        "geometricError" => tile.geometric_error = lenient::geometric_error(&value, &at, log),
        "refine" => tile.refine = refine(&value, &at, log),
        "transform" => tile.transform = lenient::transform(&value, &at, log).map(Box::new),
        "content" => match content(&value, &at, log) {
            // `contents` wins where both are given.
            Some(found) if tile.contents.is_empty() => tile.contents.push(found),
            Some(_) => log.at(&at, "both `content` and `contents`; `contents` is used"),
            None => {}
        },
        "contents" => {
            if !tile.contents.is_empty() {
                log.at(&at, "both `content` and `contents`; `contents` is used");
            }
            tile.contents = contents(&value, &at, log);
        }
        "metadata" => tile.metadata = Some(Box::new(value)),
        "implicitTiling" => tile.implicit_tiling = implicit_tiling(&value, &at, log),
        "extensions" => {
            if let Some(members) = object(&value, &at, log) {
                extensions(tile, members, &at, log);
                tile.extensions = Some(Box::new(value));
            }
        }
        "extras" => tile.extras = Some(Box::new(value)),
        "children" => {
            log.at(&at, format!("{} where an array is expected; ignored", lenient::kind_of(&value)))
        }
        _ => {}
    }
}

fn refine(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<Refine> {
    let name = text(value, at, log)?;
    let refine = if name.eq_ignore_ascii_case("ADD") {
        Refine::Add
    } else if name.eq_ignore_ascii_case("REPLACE") {
        Refine::Replace
    } else {
        log.at(at, format!("{name:?} is neither ADD nor REPLACE; taken as absent"));
        return None;
    };
    if !matches!(name, "ADD" | "REPLACE") {
        log.at(at, format!("{name:?} should be in upper case"));
    }
    Some(refine)
}

fn contents(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Vec<RawContent> {
    array(value, at, log).iter().enumerate().filter_map(|(i, v)| content(v, &at.index(i), log)).collect()
}

fn content(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<RawContent> {
    let members = object(value, at, log)?;
    let uri = match present(members, "uri", at, log) {
        Some(uri) => text(uri, &at.name("uri"), log)?,
        None => {
            let Some(url) = present(members, "url", at, log) else {
                log.at(at, "a content without `uri`; ignored");
                return None;
            };
            log.at(&at.name("url"), "`url` should be `uri`");
            text(url, &at.name("url"), log)?
        }
    };
    if uri.trim().is_empty() {
        log.at(&at.name("uri"), "empty; the content is ignored");
        return None;
    }
    let mut found = RawContent { uri: uri.to_owned(), ..RawContent::default() };
    if let Some(volume) = present(members, "boundingVolume", at, log) {
        found.volume = lenient::volume(volume, &at.name("boundingVolume"), log);
    }
    if let Some(group) = present(members, "group", at, log) {
        found.group = count(group, &at.name("group"), log).and_then(|g| u32::try_from(g).ok());
    }
    if let Some(metadata) = present(members, "metadata", at, log) {
        found.metadata = Some(Box::new(metadata.clone()));
    }
    if let Some(extension) = value.pointer("/extensions/3DTILES_metadata") {
        found.group_name = extension.get("group").and_then(Value::as_str).map(str::to_owned);
        if extension.get("class").is_some() {
            found.metadata = Some(Box::new(extension.clone()));
        }
    }
    Some(found)
}

/// Extensions of 1.0 that became part of 1.1.
fn extensions(tile: &mut RawTile, members: &Map<String, Value>, at: &At<'_>, log: &mut WarningLog) {
    const IMPLICIT: &str = "3DTILES_implicit_tiling";
    const MULTIPLE: &str = "3DTILES_multiple_contents";
    const METADATA: &str = "3DTILES_metadata";
    if let Some(value) = present(members, IMPLICIT, at, log) {
        tile.implicit_tiling = implicit_tiling(value, &at.name(IMPLICIT), log);
    }
    if let Some(value) = present(members, MULTIPLE, at, log) {
        let at = at.name(MULTIPLE);
        // Drafts said `content`.
        for name in ["contents", "content"] {
            if let Some(found) = value.get(name) {
                tile.contents = contents(found, &at.name(name), log);
                break;
            }
        }
    }
    if let Some(value) = present(members, METADATA, at, log) {
        tile.metadata = Some(Box::new(value.clone()));
    }
}

fn implicit_tiling(value: &Value, at: &At<'_>, log: &mut WarningLog) -> Option<Box<RawImplicitTiling>> {
    let members = object(value, at, log)?;
    let scheme = match present(members, "subdivisionScheme", at, log).and_then(Value::as_str) {
        Some(name) if name.eq_ignore_ascii_case("QUADTREE") => SubdivisionScheme::Quadtree,
        Some(name) if name.eq_ignore_ascii_case("OCTREE") => SubdivisionScheme::Octree,
        _ => {
            log.at(&at.name("subdivisionScheme"), "neither QUADTREE nor OCTREE; implicit tiling is ignored");
            return None;
        }
    };
    let levels = |name: &str, log: &mut WarningLog| {
        let value = present(members, name, at, log)?;
        count(value, &at.name(name), log).and_then(|n| u32::try_from(n).ok())
    };
    let subtree_levels = levels("subtreeLevels", log).filter(|&n| n > 0);
    let available_levels = match members.contains_key("availableLevels") {
        true => levels("availableLevels", log),
        false => levels("maximumLevel", log).map(|n| n.saturating_add(1)),
    };
    let available_levels = available_levels.filter(|&n| n > 0);
    let subtrees_uri =
        present(members, "subtrees", at, log).and_then(|v| v.get("uri")).and_then(Value::as_str);
    let (Some(subtree_levels), Some(available_levels), Some(subtrees_uri)) =
        (subtree_levels, available_levels, subtrees_uri)
    else {
        log.at(at, "`subtreeLevels`, `availableLevels` or `subtrees.uri` is missing or 0; implicit tiling is ignored");
        return None;
    };
    let subtrees_uri = subtrees_uri.to_owned();
    Some(Box::new(RawImplicitTiling { scheme, subtree_levels, available_levels, subtrees_uri }))
}
