//! What bytes turn out to be: contents with the files they refer to, or tilesets and subtrees, which are hung into the
//! tree and taken off again when nobody uses them.

use std::collections::HashMap;

use bytes::Bytes;

use super::{
    Streamer,
    api::TileId,
    side::SEEN,
    slots::{NONE, Phase, Resource, Role},
};
use crate::{
    content::Warning,
    tileset::{ContentKind, RawTileset, Subtree, TileKind},
};

/// Bytes of JSON and subtrees that are turned into tiles per frame (at least one file).
const GRAFT_BYTES_PER_FRAME: usize = 2 << 20;
/// Files that one content may refer to.
const MAX_REFERENCES: usize = 4096;
/// What parsing takes for a moment, per byte of JSON.
const PARSE_FACTOR: u64 = 4;

impl Streamer {
    /// Looks at bytes that arrived: hangs tilesets and subtrees into the tree, finds out what contents refer to.
    pub(super) fn prepare_arrived(&mut self) {
        let mut fetched: Vec<(u32, u32)> = self
            .active
            .iter()
            .filter_map(|&i| self.slots.get(i).map(|s| (s, i)))
            .filter(|(s, _)| s.phase == Phase::Fetched && !s.prepared)
            .map(|(s, i)| (s.order(self.frame), i))
            .collect();
        fetched.sort_unstable();
        fetched.dedup();
        self.graft_waits = false;
        let mut grafted_bytes = 0usize;
        for (_, index) in fetched {
            let Some(slot) = self.slots.get(index) else { continue };
            let Some(bytes) = slot.payload.clone() else { continue };
            let (role, tile, uri) = (slot.role, slot.tile, slot.uri.clone());
            let role = match role {
                Role::Model(n) if is_tileset(&bytes, &uri) => {
                    if let Some(slot) = self.slots.get_mut(index) {
                        slot.role = Role::Tileset(n);
                    }
                    Role::Tileset(n)
                }
                other => other,
            };
            if let Role::Model(_) = role {
                self.prepare_model(index, &bytes, &uri);
                continue;
            }
            if grafted_bytes > 0 && grafted_bytes + bytes.len() > GRAFT_BYTES_PER_FRAME {
                continue;
            }
            grafted_bytes += bytes.len();
            if self.find_references(index, &bytes, &uri) {
                continue;
            }
            let parse_bytes = self.slots.get(index).map_or(0, |s| s.payload_bytes()) * PARSE_FACTOR;
            if !self.make_room(parse_bytes, false, self.settings.memory_ceiling_bytes) {
                let ceiling = self.settings.memory_ceiling_bytes;
                if self.base_bytes() + parse_bytes + bytes.len() as u64 > ceiling {
                    self.fail(
                        index,
                        format!("{} bytes cannot be parsed under a ceiling of {ceiling}", bytes.len()),
                    );
                } else {
                    self.graft_waits = true;
                }
                continue;
            }
            match self.graft(index, role, tile, &bytes, &uri) {
                Ok(warnings) => {
                    for w in warnings {
                        self.warn(w.file, w.place, w.reason);
                    }
                }
                Err(message) => self.fail(index, message),
            }
        }
    }

    fn prepare_model(&mut self, index: u32, bytes: &Bytes, uri: &str) {
        if self.find_references(index, bytes, uri) {
            return;
        }
        if let Some(slot) = self.slots.get_mut(index) {
            slot.prepared = true;
        }
    }

    /// Puts what the bytes refer to on the list of fetches; true if there is something to wait for, or it failed.
    fn find_references(&mut self, index: u32, bytes: &Bytes, uri: &str) -> bool {
        let Some(slot) = self.slots.get(index) else { return true };
        if !slot.resources.is_empty() {
            return slot.resources.iter().any(|r| r.bytes.is_none());
        }
        let found = match slot.role {
            Role::Subtree => Subtree::references(bytes, uri).map_err(|e| e.to_string()),
            // Metadata may say where tiles are, so what they mean is fetched before any of them is looked at.
            Role::Tileset(_) | Role::Root(_) => {
                Ok(RawTileset::schema_reference(bytes, uri).into_iter().collect())
            }
            Role::Model(_) => self.reader.references(bytes, uri),
        };
        match found {
            Ok(uris) if uris.is_empty() => false,
            Ok(uris) if uris.len() > MAX_REFERENCES => {
                self.fail(index, format!("refers to {} files; {MAX_REFERENCES} are allowed", uris.len()));
                true
            }
            Ok(uris) => {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.resources = uris
                        .into_iter()
                        .map(|uri| Resource { uri, fetch: None, known_need: None, bytes: None, charge: 0 })
                        .collect();
                }
                self.set_phase(index, Phase::Fetching);
                true
            }
            Err(message) => {
                self.fail(index, message);
                true
            }
        }
    }

    fn graft(
        &mut self,
        index: u32,
        role: Role,
        tile: TileId,
        bytes: &Bytes,
        uri: &str,
    ) -> Result<Vec<Warning>, String> {
        let before = self.tree.bytes();
        let mut warnings = Vec::new();
        match role {
            Role::Tileset(n) => {
                let (raw, found) = RawTileset::parse(bytes, uri).map_err(|e| e.to_string())?;
                warnings.extend(found);
                let (root, found) =
                    self.tree.graft_external(tile, usize::from(n), &raw, uri).map_err(|e| e.to_string())?;
                warnings.extend(found);
                warnings.extend(self.set_schema(index, root));
            }
            Role::Subtree => {
                let shape = self.tree.subtree_shape(tile).ok_or("the tile is not implicit")?;
                let resources: HashMap<String, Bytes> = self
                    .slots
                    .get(index)
                    .into_iter()
                    .flat_map(|s| &s.resources)
                    .filter_map(|r| Some((r.uri.clone(), r.bytes.clone()??)))
                    .collect();
                let (subtree, found) =
                    Subtree::parse(bytes, uri, &shape, &resources).map_err(|e| e.to_string())?;
                warnings.extend(found);
                warnings.extend(self.tree.graft_subtree(tile, &subtree).map_err(|e| e.to_string())?);
            }
            Role::Root(place) => {
                let (raw, found) = RawTileset::parse(bytes, uri).map_err(|e| e.to_string())?;
                warnings.extend(found);
                let world_from_root = self
                    .places
                    .get(place as usize)
                    .map(|p| p.placement.world_from_root(&raw))
                    .ok_or("the stream was removed")?;
                let (root, found) =
                    self.tree.add_root(&raw, uri, &world_from_root).map_err(|e| e.to_string())?;
                warnings.extend(found);
                warnings.extend(self.set_schema(index, root));
                if let Some(p) = self.places.get_mut(place as usize) {
                    for arrival in p.current.iter_mut().chain(p.pending.iter_mut()) {
                        if arrival.slot == index {
                            arrival.tile = Some(root);
                        }
                    }
                }
            }
            Role::Model(_) => return Ok(warnings),
        }
        self.grow();
        self.release(index, Phase::Grafted);
        if role == Role::Subtree {
            self.add_content_slots(tile);
        }
        let ceiling = self.settings.memory_ceiling_bytes;
        if !self.make_room(0, false, ceiling) {
            let took = self.tree.bytes().saturating_sub(before);
            match role {
                Role::Root(place) => self.undo_root(place, index),
                _ => self.undo_graft(tile),
            }
            return Err(format!(
                "its tiles take {took} bytes; the ceiling of {ceiling} leaves no room for them"
            ));
        }
        Ok(warnings)
    }

    /// Gives a tileset the schema that came with it in a file of its own. One that cannot be read is told of; the
    /// tileset is shown without it.
    fn set_schema(&mut self, slot: u32, root: TileId) -> Option<Warning> {
        let resource = self.slots.get(slot)?.resources.first()?;
        let bytes = resource.bytes.clone()??;
        let file = resource.uri.clone();
        match serde_json::from_slice(&bytes) {
            Ok(schema) => {
                self.tree.set_schema(root, schema);
                None
            }
            Err(error) => Some(Warning { file, place: String::new(), reason: format!("no schema: {error}") }),
        }
    }

    /// The contents that a subtree told of.
    fn add_content_slots(&mut self, id: TileId) {
        let Some(tile) = self.tree.get(id) else { return };
        let roles = tile
            .contents()
            .iter()
            .enumerate()
            .take(usize::from(u16::MAX))
            .map(|(n, c)| match c.kind {
                ContentKind::Model => (Role::Model(n as u16), c.uri.clone()),
                ContentKind::Tileset => (Role::Tileset(n as u16), c.uri.clone()),
            })
            .collect();
        if let Some(side) = self.sides.get_mut(id.index as usize) {
            side.see(&self.tree, id.index);
            side.flags |= SEEN;
        }
        self.append_slots(id, roles);
    }

    fn undo_root(&mut self, place: u32, slot: u32) {
        let Some(p) = self.places.get_mut(place as usize) else { return };
        let mut taken = None;
        for arrival in p.current.iter_mut().chain(p.pending.iter_mut()) {
            if arrival.slot == slot {
                taken = arrival.tile.take();
            }
        }
        if let Some(root) = taken {
            self.clear_below(root.index, true);
            for id in self.tree.remove_root(root) {
                self.forget(id);
            }
        }
    }

    /// Takes what was grafted onto a tile off again; its slots go back to the start.
    fn undo_graft(&mut self, id: TileId) {
        self.clear_below(id.index, false);
        for gone in self.tree.ungraft(id) {
            self.forget(gone);
        }
        let implicit = self
            .tree
            .get(id)
            .is_some_and(|t| matches!(t.kind(), TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder));
        let first = self.sides.get(id.index as usize).map_or(NONE, |s| s.first_slot);
        let mut at = first;
        while let Some(next) = self.slots.get(at).map(|s| s.next) {
            let role = self.slots.get(at).map(|s| s.role);
            if implicit && role != Some(Role::Subtree) {
                // The contents of the tile itself were told by the subtree.
                self.release(at, Phase::Absent);
                self.slots.remove(at);
            } else if self.slots.get(at).is_some_and(|s| s.phase == Phase::Grafted) {
                self.release(at, Phase::Absent);
            }
            at = next;
        }
        if implicit && let Some(slot) = self.slots.get_mut(first) {
            slot.next = NONE;
        }
        if let Some(side) = self.sides.get_mut(id.index as usize) {
            side.see(&self.tree, id.index);
        }
        self.refresh(id.index);
    }

    /// Takes an external tileset or subtree off that nobody uses; false if something in it is.
    pub(super) fn ungraft_unused(&mut self, slot: u32) -> bool {
        let Some(host) = self.slots.get(slot).map(|s| s.tile) else { return false };
        if self.sides.get(host.index as usize).is_none_or(|s| s.used == self.frame || s.ready_below > 0) {
            return false;
        }
        let implicit_content = self.tree.get(host).is_some_and(|t| t.kind() == TileKind::Contents)
            && self.slots.get(slot).is_some_and(|s| s.role == Role::Subtree);
        if implicit_content && self.sides.get(host.index as usize).is_some_and(|s| s.has(super::side::READY))
        {
            return false;
        }
        let mut todo: Vec<u32> = self.tree.children(host.index).collect();
        while let Some(tile) = todo.pop() {
            let Some(side) = self.sides.get(tile as usize) else { return false };
            if side.used == self.frame || side.has(super::side::REPLACED) {
                return false;
            }
            let mut at = side.first_slot;
            while let Some(s) = self.slots.get(at) {
                if s.is_under_way() || s.phase == Phase::Resident {
                    return false;
                }
                at = s.next;
            }
            todo.extend(self.tree.children(tile));
        }
        let before = self.base_bytes();
        self.undo_graft(host);
        self.base_bytes() < before
    }
}

/// Whether bytes behind a content uri that did not tell are a `tileset.json`: a JSON object with a `root`.
fn is_tileset(bytes: &[u8], uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    if path.ends_with(".gltf") || bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return false;
    }
    #[derive(serde::Deserialize)]
    struct Probe {
        root: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Probe>(bytes).is_ok_and(|p| p.root.is_some())
}
