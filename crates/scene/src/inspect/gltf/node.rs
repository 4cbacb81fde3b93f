//! Scenes, nodes, skins, animations, cameras (glTF 2.0 §"Scenes", §"Skins", §"Animations").

use std::collections::BTreeSet;

use serde_json::Value;

use super::asset::Asset;
use crate::inspect::json::{At, array, array_of_objects, index_below, numbers, object, required};
use crate::inspect::sink::Out;

/// Checks references and transforms.
pub(super) fn check_all(asset: &Asset<'_>, out: &mut Out<'_>) {
    if let Some(scene) = asset.at.get("scene") {
        index_below(&scene, asset.count("scenes"), "scenes", out);
    }
    for scene in asset.at.get("scenes").iter().flat_map(|s| s.elements()) {
        check_indices(&scene, "nodes", asset.count("nodes"), "nodes", out);
    }
    for node in asset.at.get("nodes").iter().flat_map(|n| n.elements()) {
        check_node(asset, &node, out);
    }
    check_hierarchy(asset, out);
    for skin in asset.at.get("skins").iter().flat_map(|s| s.elements()) {
        required(&skin, "joints", out);
        check_indices(&skin, "joints", asset.count("nodes"), "nodes", out);
        for (key, list) in [("skeleton", "nodes"), ("inverseBindMatrices", "accessors")] {
            if let Some(index) = skin.get(key) {
                index_below(&index, asset.count(list), list, out);
            }
        }
    }
    for animation in asset.at.get("animations").iter().flat_map(|a| a.elements()) {
        check_animation(asset, &animation, out);
    }
    for camera in asset.at.get("cameras").iter().flat_map(|c| c.elements()) {
        required(&camera, "type", out);
    }
}

/// A list of indices without repetition.
fn check_indices(at: &At<'_>, key: &str, count: usize, of: &str, out: &mut Out<'_>) {
    let Some(list) = at.get(key) else { return };
    if array(&list, 1, out).is_none() {
        return;
    }
    let mut seen = BTreeSet::new();
    for index in list.elements() {
        if let Some(index_value) = index_below(&index, count, of, out)
            && !seen.insert(index_value)
        {
            out.error(index, format!("{index_value} appears more than once"));
        }
    }
}

fn check_node(asset: &Asset<'_>, at: &At<'_>, out: &mut Out<'_>) {
    for (key, list) in [("mesh", "meshes"), ("skin", "skins"), ("camera", "cameras")] {
        if let Some(index) = at.get(key) {
            index_below(&index, asset.count(list), list, out);
        }
    }
    check_indices(at, "children", asset.count("nodes"), "nodes", out);
    let parts = [("translation", 3), ("scale", 3), ("rotation", 4)];
    if let Some(matrix) = at.get("matrix") {
        numbers::<16>(&matrix, out);
        for (key, _) in parts {
            if let Some(part) = at.get(key) {
                out.error(part, format!("a node with a matrix has no '{key}'"));
            }
        }
    }
    for (key, length) in parts {
        let Some(part) = at.get(key) else { continue };
        if length == 3 {
            numbers::<3>(&part, out);
        } else if let Some(q) = numbers::<4>(&part, out)
            && (q.iter().map(|v| v * v).sum::<f64>().sqrt() - 1.0).abs() > 0.00769
        {
            out.error(part, "a rotation must be a quaternion of length 1");
        }
    }
    if let Some(instancing) = at.get("extensions").as_ref().and_then(|e| e.get("EXT_mesh_gpu_instancing"))
        && let Some(attributes) = instancing.get("attributes")
        && object(&attributes, out).is_some()
    {
        for (_, accessor) in attributes.entries() {
            index_below(&accessor, asset.count("accessors"), "accessors", out);
        }
    }
}

/// Every node has at most one parent and none is its own ancestor.
fn check_hierarchy(asset: &Asset<'_>, out: &mut Out<'_>) {
    let Some(nodes) = asset.at.get("nodes") else { return };
    let mut parents: Vec<Option<usize>> = vec![None; nodes.len()];
    for (index, node) in nodes.elements().enumerate() {
        for child in node.get("children").iter().flat_map(|c| c.elements()) {
            let Some(slot) = child.value.as_u64().and_then(|c| parents.get_mut(usize::try_from(c).ok()?))
            else {
                continue;
            };
            match slot {
                Some(other) if *other != index => {
                    out.error(child, format!("node {} is already a child of node {other}", child.value))
                }
                _ => *slot = Some(index),
            }
        }
    }
    // Every way up ends at a root, at a node whose way up is known, or where it began: a circle.
    let mut known = vec![false; parents.len()];
    for (index, node) in nodes.elements().enumerate() {
        let mut way = BTreeSet::new();
        let mut next = Some(index);
        while let Some(at) = next.filter(|at| known.get(*at) == Some(&false)) {
            if !way.insert(at) {
                out.error(node, format!("node {at} is its own ancestor"));
                return;
            }
            next = parents.get(at).copied().flatten();
        }
        for at in way {
            if let Some(known) = known.get_mut(at) {
                *known = true;
            }
        }
    }
}

fn check_animation(asset: &Asset<'_>, at: &At<'_>, out: &mut Out<'_>) {
    let samplers = required(at, "samplers", out);
    let Some(channels) = required(at, "channels", out) else { return };
    let count = samplers.as_ref().map_or(0, |s| s.len());
    if array_of_objects(&channels, 1, out) {
        for channel in channels.elements() {
            if let Some(sampler) = required(&channel, "sampler", out) {
                index_below(&sampler, count, "samplers", out);
            }
            if let Some(node) = channel.get("target").as_ref().and_then(|t| t.get("node")) {
                index_below(&node, asset.count("nodes"), "nodes", out);
            }
        }
    }
    if let Some(samplers) = samplers.filter(|s| array_of_objects(s, 1, out)) {
        for sampler in samplers.elements() {
            for key in ["input", "output"] {
                if let Some(accessor) = required(&sampler, key, out) {
                    index_below(&accessor, asset.count("accessors"), "accessors", out);
                }
            }
        }
    }
}

/// The nodes that have the extension, with it.
pub(super) fn nodes_with(asset: &Asset<'_>, extension: &str, mut visit: impl FnMut(&At<'_>, &At<'_>)) {
    let Some(nodes) = asset.at.get("nodes") else { return };
    for node in nodes.elements() {
        if let Some(extensions) = node.get("extensions")
            && let Some(found) = extensions.get(extension)
        {
            visit(&node, &found);
        }
    }
}

/// The attributes of the instances of a node.
pub(super) fn instancing_attributes(node: &Value) -> Option<&Value> {
    Asset::extension(node, "EXT_mesh_gpu_instancing")
}
