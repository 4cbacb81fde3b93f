//! Feature ids: `EXT_mesh_features` and `EXT_instance_features`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::accessor;
use super::asset::Asset;
use super::{image, node};
use crate::inspect::json::{
    At, array, array_of_objects, identifier, index_below, integer_from, object, required,
};
use crate::inspect::session::Session;
use crate::inspect::sink::Out;

/// Where feature ids come from.
struct Source<'a> {
    /// The object that maps attribute names to accessors.
    attributes: Option<&'a Value>,
    what: &'static str,
}

/// Checks the feature ids of all primitives.
pub(super) fn check_mesh_features(session: &mut Session<'_>, uri: &str, asset: &Asset<'_>) {
    let Some(meshes) = asset.at.get("meshes") else { return };
    for mesh in meshes.elements() {
        let primitives = mesh.get("primitives");
        for primitive in primitives.iter().flat_map(|p| p.elements()) {
            if let Some(extensions) = primitive.get("extensions")
                && let Some(extension) = extensions.get("EXT_mesh_features")
            {
                let source = Source { attributes: primitive.value.get("attributes"), what: "primitive" };
                check_feature_ids(session, uri, asset, &extension, &source);
            }
        }
    }
}

/// Checks the feature ids of all instanced nodes.
pub(super) fn check_instance_features(session: &mut Session<'_>, uri: &str, asset: &Asset<'_>) {
    node::nodes_with(asset, "EXT_instance_features", |node_at, extension| {
        let Some(instancing) = node::instancing_attributes(node_at.value) else {
            session
                .out(uri)
                .error(extension, "the node has feature ids of instances, but no EXT_mesh_gpu_instancing");
            return;
        };
        let source = Source { attributes: instancing.get("attributes"), what: "instances" };
        check_feature_ids(session, uri, asset, extension, &source);
    });
}

fn check_feature_ids(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    at: &At<'_>,
    source: &Source<'_>,
) {
    let out = &mut session.out(uri);
    if object(at, out).is_none() {
        return;
    }
    let Some(list) = required(at, "featureIds", out) else { return };
    if !array_of_objects(&list, 1, out) {
        return;
    }
    for set in list.elements() {
        let out = &mut session.out(uri);
        let limits = check_common(asset, &set, out);
        if let Some(attribute) = set.get("attribute") {
            check_attribute(asset, &attribute, source, &limits, out);
        }
        if let Some(texture) = set.get("texture").filter(|_| source.what == "primitive") {
            check_texture(session, uri, asset, &texture, source, &limits);
        }
    }
}

/// What the ids of a set must keep to.
#[derive(Default)]
struct Limits {
    feature_count: Option<u64>,
    null_id: Option<u64>,
    /// Rows of the property table.
    rows: Option<u64>,
}

fn check_common(asset: &Asset<'_>, at: &At<'_>, out: &mut Out<'_>) -> Limits {
    let mut limits = Limits::default();
    if let Some(count) = required(at, "featureCount", out) {
        limits.feature_count = integer_from(&count, 1, out);
    }
    if let Some(null) = at.get("nullFeatureId") {
        limits.null_id = integer_from(&null, 0, out);
    }
    if let Some(label) = at.get("label") {
        identifier(&label, out);
    }
    let Some(table_at) = at.get("propertyTable") else { return limits };
    let Some(metadata) = Asset::extension(asset.at.value, "EXT_structural_metadata") else {
        out.error(table_at, "refers to a property table, but there is no EXT_structural_metadata");
        return limits;
    };
    let tables =
        metadata.get("propertyTables").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(index) = index_below(&table_at, tables.len(), "property tables", out) {
        limits.rows = tables.get(index).and_then(|t| t.get("count")?.as_u64());
    }
    limits
}

fn check_attribute(asset: &Asset<'_>, at: &At<'_>, source: &Source<'_>, limits: &Limits, out: &mut Out<'_>) {
    let Some(set) = integer_from(at, 0, out) else { return };
    let name = format!("_FEATURE_ID_{set}");
    let index = source.attributes.and_then(|a| a.get(&name)?.as_u64()).and_then(|i| usize::try_from(i).ok());
    let Some(index) = index else {
        out.error(at, format!("there is no attribute {name} of the {}", source.what));
        return;
    };
    let Some(declared) = asset.item("accessors", index) else { return };
    let mark = out.mark();
    if declared.get("type").and_then(Value::as_str) != Some("SCALAR") {
        out.error(at, "feature ids must be scalars");
    }
    if declared.get("normalized").and_then(Value::as_bool) == Some(true) {
        out.error(at, "feature ids must not be normalised");
    }
    if !out.clean_since(mark) {
        return;
    }
    let Some(values) = accessor::values(asset, index) else { return };
    let ids: BTreeSet<i64> = (0..values.count).filter_map(|i| values.get(i, 0)).map(|v| v as i64).collect();
    check_ids(at, ids, limits, out);
}

fn check_ids(at: &At<'_>, mut ids: BTreeSet<i64>, limits: &Limits, out: &mut Out<'_>) {
    if let Some(null) = limits.null_id.and_then(|n| i64::try_from(n).ok()) {
        ids.remove(&null);
    }
    if let Some(count) = limits.feature_count
        && ids.len() as u64 > count
    {
        out.error(at, format!("there are {} different feature ids, but featureCount is {count}", ids.len()));
    }
    if let (Some(rows), Some(low), Some(high)) = (limits.rows, ids.first(), ids.last())
        && (*low < 0 || *high >= i64::try_from(rows).unwrap_or(i64::MAX))
    {
        out.error(
            at,
            format!("feature ids run from {low} to {high}, but the property table has {rows} rows"),
        );
    }
}

fn check_texture(
    session: &mut Session<'_>,
    uri: &str,
    asset: &Asset<'_>,
    at: &At<'_>,
    source: &Source<'_>,
    limits: &Limits,
) {
    let out = &mut session.out(uri);
    if object(at, out).is_none() {
        return;
    }
    let mark = out.mark();
    let Some(texture) =
        required(at, "index", out).and_then(|i| index_below(&i, asset.count("textures"), "textures", out))
    else {
        return;
    };
    if let Some(set) = at.get("texCoord")
        && let Some(number) = integer_from(&set, 0, out)
        && source.attributes.and_then(|a| a.get(format!("TEXCOORD_{number}"))).is_none()
    {
        out.error(set, format!("the primitive has no attribute TEXCOORD_{number}"));
    }
    let channels = check_channels(at, out);
    check_sampler(asset, at, texture, &[9728], out);
    let (Some(channels), true) = (channels, out.clean_since(mark)) else { return };
    let Some(read) = image::texels_of(session, uri, asset, texture) else { return };
    let out = &mut session.out(uri);
    match read {
        Ok(texels) => {
            if check_channels_exist(at, &channels, texels.channels, out) {
                let ids = texels.bytes.chunks_exact(texels.channels).map(|texel| {
                    let bytes = channels.iter().filter_map(|c| texel.get(*c));
                    bytes.enumerate().take(4).fold(0, |id, (i, byte)| id | i64::from(*byte) << (8 * i))
                });
                check_ids(at, ids.collect(), limits, out);
            }
        }
        Err(unread) => unread.report("the image", at, out),
    }
}

/// `channels`: indices, `[0]` unless given.
pub(super) fn check_channels(at: &At<'_>, out: &mut Out<'_>) -> Option<Vec<usize>> {
    let Some(list) = at.get("channels") else { return Some(vec![0]) };
    array(&list, 1, out)?;
    list.elements().map(|c| integer_from(&c, 0, out).and_then(|v| usize::try_from(v).ok())).collect()
}

/// Whether an image has all channels.
pub(super) fn check_channels_exist(
    at: &At<'_>,
    channels: &[usize],
    available: usize,
    out: &mut Out<'_>,
) -> bool {
    if channels.len() > available {
        out.error(at, format!("{} channels are named, but the image has {available}", channels.len()));
        return false;
    }
    if let Some(missing) = channels.iter().find(|c| **c >= available) {
        out.error(at, format!("channel {missing} is named, but the image has {available}"));
        return false;
    }
    true
}

/// Data must not be blended: filters are limited.
pub(super) fn check_sampler(
    asset: &Asset<'_>,
    at: &At<'_>,
    texture: usize,
    allowed: &[u64],
    out: &mut Out<'_>,
) {
    let sampler = asset.item("textures", texture).and_then(|t| asset.referred(t, "sampler", "samplers"));
    for key in ["minFilter", "magFilter"] {
        if let Some(filter) = sampler.and_then(|s| s.get(key)?.as_u64())
            && !allowed.contains(&filter)
        {
            out.error(
                at,
                format!("the {key} of the sampler is {filter}, but for data only {allowed:?} will do"),
            );
        }
    }
}
