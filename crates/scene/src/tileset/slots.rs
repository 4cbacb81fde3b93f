//! Runs of slots: taking, giving back, taking parts off.

use geodesy::{BoundingVolume, Sphere, glam::DVec3};

use crate::{
    streamer::TileId,
    tileset::{
        lenient::heap_bytes_of,
        tree::{Content, Detail, NONE, Node, Part, PartKind, Refine, TileKind, Tree},
    },
};

/// Tiles of one file in breadth-first order. Links count from the first of them; `NONE` as a parent is the host.
#[derive(Debug, Default)]
pub(crate) struct Sprout {
    pub(crate) nodes: Vec<Node>,
    pub(crate) details: Vec<Detail>,
}

impl Sprout {
    pub(crate) fn push(&mut self, node: Node, detail: Detail) {
        let index = self.nodes.len() as u32;
        if let Some(parent) = self.nodes.get_mut(node.parent as usize) {
            if parent.child_count == 0 {
                parent.first_child = index;
            }
            parent.child_count += 1;
        }
        self.nodes.push(node);
        self.details.push(detail);
    }
}

impl Tree {
    /// Moves a sprout into the tree as a new part. Returns the index of the part.
    pub(crate) fn plant(&mut self, sprout: Sprout, mut part: Part) -> u32 {
        let count = sprout.nodes.len() as u32;
        let start = self.take_run(count);
        let part_index = match self.parts.iter().position(Option::is_none) {
            Some(free) => free as u32,
            None => {
                self.parts.push(None);
                self.parts.len() as u32 - 1
            }
        };
        self.next_generation += 1;
        let generation = self.next_generation;
        for (offset, (mut node, detail)) in sprout.nodes.into_iter().zip(sprout.details).enumerate() {
            node.generation = generation;
            node.part = part_index;
            node.parent = if node.parent == NONE { part.host } else { start + node.parent };
            node.first_child = if node.child_count == 0 { 0 } else { start + node.first_child };
            part.heap_bytes += heap_bytes(&node, &detail);
            let slot = start as usize + offset;
            self.nodes[slot] = node;
            self.details[slot] = detail;
        }
        part.start = start;
        part.len = count;
        self.live += count;
        self.heap_bytes += part.heap_bytes;
        self.parts[part_index as usize] = Some(part);
        part_index
    }

    /// Takes parts and everything grafted onto their tiles off, and cuts the links of their hosts.
    pub(crate) fn uproot(&mut self, parts: Vec<u32>) -> Vec<TileId> {
        let mut gone = Vec::new();
        let mut pending = parts;
        while let Some(index) = pending.pop() {
            let Some(part) = self.parts.get_mut(index as usize).and_then(Option::take) else { continue };
            self.unlink(&part, index);
            self.heap_bytes = self.heap_bytes.saturating_sub(part.heap_bytes);
            self.live -= part.len;
            for slot in part.start..part.start + part.len {
                pending.extend(self.parts_on(slot));
                let node = std::mem::replace(&mut self.nodes[slot as usize], vacant());
                self.details[slot as usize] = Detail::default();
                gone.push(TileId { index: slot, generation: node.generation });
            }
            self.give_run_back(part.start, part.len);
        }
        self.shrink();
        gone
    }

    /// Parts grafted directly onto a tile.
    pub(crate) fn parts_on(&self, slot: u32) -> Vec<u32> {
        let Some(detail) = self.details.get(slot as usize) else { return Vec::new() };
        let externals = detail.contents.iter().map(|c| c.part);
        let subtree = detail.subtree.iter().map(|s| s.part);
        externals.chain(subtree).filter(|&p| p != NONE).collect()
    }

    fn unlink(&mut self, part: &Part, index: u32) {
        let host = part.host as usize;
        let (Some(node), Some(detail)) = (self.nodes.get_mut(host), self.details.get_mut(host)) else {
            return;
        };
        if node.generation == 0 {
            return;
        }
        match part.kind {
            PartKind::Root => {}
            PartKind::Subtree => {
                if let Some(link) = detail.subtree.as_mut() {
                    link.part = NONE;
                    node.kind = if link.coordinates.level == 0 {
                        TileKind::ImplicitRoot
                    } else {
                        TileKind::ImplicitPlaceholder
                    };
                }
                detail.contents = Vec::new();
                detail.row = NONE;
                (node.first_child, node.child_count) = (0, 0);
            }
            PartKind::External => {
                for content in detail.contents.iter_mut().filter(|c| c.part == index) {
                    content.part = NONE;
                }
                self.cut_graft(part.host, part.start);
            }
        }
    }

    /// Removes `root` from the list of grafted roots of `host`.
    fn cut_graft(&mut self, host: u32, root: u32) {
        let after = self.nodes[root as usize].next_graft;
        if self.nodes[host as usize].first_graft == root {
            self.nodes[host as usize].first_graft = after;
            return;
        }
        let mut at = self.nodes[host as usize].first_graft;
        while let Some(node) = self.nodes.get_mut(at as usize) {
            if node.next_graft == root {
                node.next_graft = after;
                return;
            }
            at = node.next_graft;
        }
    }

    /// First fit, else at the end.
    fn take_run(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        if let Some(at) = self.free.iter().position(|&(_, len)| len >= count) {
            let (start, len) = self.free[at];
            if len == count {
                self.free.remove(at);
            } else {
                self.free[at] = (start + count, len - count);
            }
            return start;
        }
        let start = self.nodes.len();
        let end = start + count as usize;
        if end > self.nodes.capacity() {
            // An eighth more: appends stay cheap without doubling what is counted against the ceiling.
            let additional = (count as usize).max(start / 8);
            self.nodes.reserve_exact(additional);
            self.details.reserve_exact(additional);
        }
        self.nodes.resize_with(end, vacant);
        self.details.resize_with(end, Detail::default);
        start as u32
    }

    fn give_run_back(&mut self, start: u32, len: u32) {
        if len == 0 {
            return;
        }
        let at = self.free.partition_point(|&(s, _)| s < start);
        self.free.insert(at, (start, len));
        if let Some(&(next_start, next_len)) = self.free.get(at + 1)
            && start + len == next_start
        {
            self.free[at].1 += next_len;
            self.free.remove(at + 1);
        }
        if at > 0 && self.free[at - 1].0 + self.free[at - 1].1 == start {
            self.free[at - 1].1 += self.free[at].1;
            self.free.remove(at);
        }
    }

    fn shrink(&mut self) {
        if let Some(&(start, len)) = self.free.last()
            && start as usize + len as usize == self.nodes.len()
        {
            self.free.pop();
            self.nodes.truncate(start as usize);
            self.details.truncate(start as usize);
        }
        if self.nodes.capacity() > 2 * self.nodes.len() + 1024 {
            let keep = self.nodes.len() + self.nodes.len() / 8;
            self.nodes.shrink_to(keep);
            self.details.shrink_to(keep);
        }
    }
}

pub(crate) fn vacant() -> Node {
    Node {
        volume: BoundingVolume::Sphere(Sphere { center: DVec3::ZERO, radius: 0.0 }),
        geometric_error: 0.0,
        parent: NONE,
        first_child: 0,
        child_count: 0,
        first_graft: NONE,
        next_graft: NONE,
        part: NONE,
        generation: 0,
        depth: 0,
        kind: TileKind::Empty,
        refine: Refine::Replace,
        has_request_volume: false,
    }
}

fn heap_bytes(node: &Node, detail: &Detail) -> u64 {
    let json = |v: &Option<Box<serde_json::Value>>| {
        v.as_ref().map_or(0, |v| size_of::<serde_json::Value>() as u64 + heap_bytes_of(v))
    };
    volume_bytes(&node.volume)
        + detail.request_volume.as_ref().map_or(0, |v| size_of::<BoundingVolume>() as u64 + volume_bytes(v))
        + contents_bytes(&detail.contents)
        + json(&detail.metadata)
        + json(&detail.extras)
        + detail.subtree.as_ref().map_or(0, |s| size_of_val(&**s) as u64 + s.uri.len() as u64 + 16)
}

pub(crate) fn contents_bytes(contents: &[Content]) -> u64 {
    let each = |c: &Content| {
        (size_of::<Content>() + c.uri.len() + 16) as u64
            + c.volume.as_ref().map_or(0, |v| size_of::<BoundingVolume>() as u64 + volume_bytes(v))
            + c.metadata.as_ref().map_or(0, |v| size_of::<serde_json::Value>() as u64 + heap_bytes_of(v))
    };
    contents.iter().map(each).sum()
}

fn volume_bytes(volume: &BoundingVolume) -> u64 {
    match volume {
        BoundingVolume::Box(_) | BoundingVolume::Sphere(_) => 0,
        BoundingVolume::Region(region) => size_of_val(&**region) as u64,
        BoundingVolume::S2(volume) => size_of_val(&**volume) as u64,
        BoundingVolume::Cylinder(region) => size_of_val(&**region) as u64,
    }
}
