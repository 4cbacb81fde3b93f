//! Implicit tiling: what the root of such a tree must say, and the walk over its subtrees
//! (specification §"Implicit tiling").

use std::collections::VecDeque;

use super::json::{At, array_of_objects, integer_from, object, one_of, required, string};
use super::session::{Session, read_referred};
use super::sink::Out;
use super::subtree::{self, Subtree};
use super::tile::{check_group, follow};
use super::tileset::TilesetContext;

/// Positions of nodes further down would not fit 64 bits.
const DEEPEST_LEVEL: u32 = 62;

/// A checked `implicitTiling`.
#[derive(Clone, Debug)]
pub(super) struct Tiling {
    /// Octree, else quadtree.
    pub(super) octree: bool,
    pub(super) subtree_levels: u32,
    pub(super) available_levels: u32,
    pub(super) template: String,
}

/// Level and position of a node.
#[derive(Clone, Copy, Debug)]
struct Node {
    level: u32,
    at: [u64; 3],
}

impl Tiling {
    /// Children per node as a power of two.
    fn shift(&self) -> u32 {
        if self.octree { 3 } else { 2 }
    }
    /// Nodes of one level of a subtree.
    pub(super) fn nodes_in_level(&self, level: u32) -> Option<u64> {
        1u64.checked_shl(self.shift().checked_mul(level)?)
    }
    /// Nodes of all levels of a subtree.
    pub(super) fn nodes_in_subtree(&self) -> Option<u64> {
        let next = self.nodes_in_level(self.subtree_levels)?;
        Some((next - 1) / ((1 << self.shift()) - 1))
    }
    /// Index of the first node of a level in the availability of a subtree.
    pub(super) fn first_of_level(&self, level: u32) -> u64 {
        self.nodes_in_level(level).map_or(u64::MAX, |n| (n - 1) / ((1 << self.shift()) - 1))
    }
    /// Index of the parent of the node with this index within its level.
    pub(super) fn parent(&self, morton: u64) -> u64 {
        morton >> self.shift()
    }
    /// Position of a node below `root` by its Morton index within the level.
    fn node(&self, root: Node, level: u32, morton: u64) -> Node {
        let dimensions = self.shift();
        let mut offset = [0u64; 3];
        for bit in 0..level {
            for (axis, value) in offset.iter_mut().enumerate().take(dimensions as usize) {
                *value |= (morton >> (bit * dimensions + axis as u32) & 1) << bit;
            }
        }
        let at = std::array::from_fn(|axis| (root.at[axis] << level) + offset[axis]);
        Node { level: root.level + level, at }
    }
}

/// Checks `implicitTiling` of the tile `tile` and walks the tree.
pub(super) fn inspect(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    tile: &At<'_>,
    at: &At<'_>,
    depth: usize,
) {
    let out = &mut session.out(context.file);
    let mark = out.mark();
    for key in ["children", "metadata"] {
        if let Some(found) = tile.get(key) {
            out.error(found, format!("a tile with implicit tiling has no '{key}' of its own"));
        }
    }
    if let Some(sphere) = tile.get("boundingVolume").as_ref().and_then(|v| v.get("sphere")) {
        out.error(sphere, "a sphere cannot be subdivided: implicit tiling needs a box, region or S2 cell");
    }
    let tiling = check_tiling(at, out);
    let templates = check_contents(context, tile, tiling.as_ref(), out);
    let error = tile.value.get("geometricError").and_then(serde_json::Value::as_f64);
    match tiling {
        Some(tiling) if out.clean_since(mark) && session.options.follow_contents => {
            walk(session, context, &tile.to_string(), &tiling, &templates, error, depth);
        }
        _ => session.count_tile(depth, error, !templates.is_empty()),
    }
}

/// Checks the object itself.
pub(super) fn check_tiling(at: &At<'_>, out: &mut Out<'_>) -> Option<Tiling> {
    object(at, out)?;
    super::extensions::check_common(at, out);
    let scheme = required(at, "subdivisionScheme", out)
        .and_then(|s| one_of(&s, &["QUADTREE", "OCTREE"], out).map(str::to_owned));
    let level = |key, out: &mut Out<'_>| required(at, key, out).and_then(|v| integer_from(&v, 1, out));
    let subtree_levels = level("subtreeLevels", out);
    let available_levels = level("availableLevels", out);
    let octree = scheme.as_deref().map(|s| s == "OCTREE");
    let template = required(at, "subtrees", out).and_then(|subtrees| {
        object(&subtrees, out)?;
        let uri = required(&subtrees, "uri", out)?;
        check_template(&uri, octree, out)
    });
    Some(Tiling {
        octree: octree?,
        subtree_levels: u32::try_from(subtree_levels?).ok()?,
        available_levels: u32::try_from(available_levels?).ok()?,
        template: template?,
    })
}

fn check_contents(
    context: &TilesetContext<'_>,
    tile: &At<'_>,
    tiling: Option<&Tiling>,
    out: &mut Out<'_>,
) -> Vec<(String, String)> {
    let (content, contents) = (tile.get("content"), tile.get("contents"));
    let mut list: Vec<At<'_>> = content.into_iter().filter(|c| object(c, out).is_some()).collect();
    if let Some(contents) = contents.as_ref().filter(|c| array_of_objects(c, 0, out)) {
        list.extend(contents.elements());
    }
    let mut templates = Vec::new();
    for content in &list {
        super::extensions::check_common(content, out);
        check_group(content, context, out);
        if let Some(volume) = content.get("boundingVolume") {
            out.error(volume, "a content below implicit tiling has no bounding volume here");
        }
        if let Some(uri) = required(content, "uri", out)
            && let Some(template) = check_template(&uri, tiling.map(|t| t.octree), out)
        {
            templates.push((uri.to_string(), template));
        }
    }
    templates
}

/// A template uri: variables `level`, `x`, `y` and, in an octree, `z` (RFC 6570 level 1, as far as tilesets use it).
fn check_template(at: &At<'_>, octree: Option<bool>, out: &mut Out<'_>) -> Option<String> {
    let text = string(at, out)?;
    let allowed: &[&str] =
        if octree == Some(false) { &["level", "x", "y"] } else { &["level", "x", "y", "z"] };
    let mut used = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        if !allowed.contains(&name) {
            out.error(
                at,
                format!("the template has the variable '{name}', but only {} exist", allowed.join(", ")),
            );
            return None;
        }
        used.push(name);
        rest = after;
    }
    for name in allowed.iter().filter(|n| octree.is_some() && !used.contains(n)) {
        out.warning(at, format!("the template does not use the variable '{name}'"));
    }
    Some(text.to_owned())
}

fn substitute(template: &str, node: Node) -> String {
    let [x, y, z] = node.at.map(|v| v.to_string());
    template
        .replace("{level}", &node.level.to_string())
        .replace("{x}", &x)
        .replace("{y}", &y)
        .replace("{z}", &z)
}

fn walk(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    tile_place: &str,
    tiling: &Tiling,
    templates: &[(String, String)],
    root_error: Option<f64>,
    depth: usize,
) {
    let place = format!("{tile_place}/implicitTiling/subtrees/uri");
    let mut queue = VecDeque::from([Node { level: 0, at: [0; 3] }]);
    while let Some(root) = queue.pop_front() {
        let reference = substitute(&tiling.template, root);
        let (uri, bytes) = match read_referred(session, context.file, &reference) {
            Ok(read) => read,
            Err(unread) => {
                unread.report(&format!("the subtree '{reference}'"), &place, &mut session.out(context.file));
                continue;
            }
        };
        session.summary.subtrees += 1;
        let Some(subtree) = subtree::inspect(session, &uri, &bytes, Some(tiling), &context.schema) else {
            continue;
        };
        if !visit_nodes(session, context, tiling, &subtree, templates, root, root_error, depth) {
            let limit = session.options.max_tiles;
            session
                .out(context.file)
                .not_checked(&place, format!("more than {limit} tiles: the rest was not inspected"));
            return;
        }
        let Some(children) = tiling.nodes_in_level(tiling.subtree_levels) else { continue };
        if root.level + tiling.subtree_levels > DEEPEST_LEVEL {
            session.out(&uri).not_checked(
                "/childSubtreeAvailability",
                format!("levels below {DEEPEST_LEVEL} are not inspected"),
            );
            continue;
        }
        if root.level + tiling.subtree_levels >= tiling.available_levels {
            if subtree.children.first_available(children).is_some() {
                session
                    .out(&uri)
                    .warning("/childSubtreeAvailability", "names subtrees below the available levels");
            }
            continue;
        }
        let mut next = subtree.children.first_available(children);
        while let Some(index) = next {
            queue.push_back(tiling.node(root, tiling.subtree_levels, index));
            if queue.len() as u64 > session.options.max_files {
                session
                    .out(&uri)
                    .not_checked("/childSubtreeAvailability", "names more subtrees than are inspected");
                return;
            }
            next = subtree.children.next_available(index + 1, children);
        }
    }
}

/// False when the limit of tiles is reached.
#[expect(clippy::too_many_arguments, reason = "one step of `walk`, split off for reading")]
fn visit_nodes(
    session: &mut Session<'_>,
    context: &TilesetContext<'_>,
    tiling: &Tiling,
    subtree: &Subtree,
    templates: &[(String, String)],
    root: Node,
    root_error: Option<f64>,
    depth: usize,
) -> bool {
    for level in 0..tiling.subtree_levels {
        let (Some(count), first) = (tiling.nodes_in_level(level), tiling.first_of_level(level)) else {
            return false;
        };
        let mut next = subtree.tiles.next_available(first, first + count);
        while let Some(index) = next {
            if session.is_out_of_tiles() {
                return false;
            }
            let node = tiling.node(root, level, index - first);
            if node.level >= tiling.available_levels {
                session
                    .out(context.file)
                    .warning("/", format!("a tile lies on level {}, below the available levels", node.level));
            }
            let error = root_error.map(|e| e / 2f64.powi(node.level as i32));
            let filled = subtree.contents.iter().any(|c| c.is_available(index));
            let tile_depth = depth + node.level as usize;
            session.count_tile(tile_depth, error, filled);
            for ((place, template), availability) in templates.iter().zip(&subtree.contents) {
                if availability.is_available(index) {
                    follow(session, context.file, place, &substitute(template, node), tile_depth);
                }
            }
            next = subtree.tiles.next_available(index + 1, first + count);
        }
    }
    true
}
