//! Who is resident, what is charged, and who has to go when memory is needed.

use std::collections::BTreeMap;

use super::{
    Streamer,
    api::{ContentId, FetchId, TileId},
    side::{BLOCKED, FAILED, MODEL, READY, RETRYING, SEEN, Side},
    slots::{NONE, Phase, Role},
};
use crate::tileset::{ContentKind, TileKind};

/// Something that may go: sorted by what hurts least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Evictable {
    /// 0 payloads nobody wants, 1 decoded ones, 2 those loaded in advance, 3 what is resident or hangs in the tree.
    kind: u8,
    /// Frame of last use.
    used: u32,
    /// An external tileset or subtree: after what is resident in it.
    graft: bool,
    slot: u32,
}

/// Fetches under way: which slot each is for, and which of its resources (`None`: the content itself).
pub(super) type Fetches = BTreeMap<FetchId, (u32, Option<usize>)>;

impl Streamer {
    /// Bytes counted against the ceiling now.
    pub fn used_bytes(&self) -> u64 {
        self.base_bytes() + self.slots.charged + self.abandoned.bytes()
    }

    /// Workers that have something, wanted or not.
    pub(super) fn busy_workers(&self) -> usize {
        self.decoding + self.cancelling + self.abandoned.workers()
    }

    /// What the tree and the streamer's own tables take.
    pub(super) fn base_bytes(&self) -> u64 {
        self.tree.bytes()
            + self.slots.bytes()
            + (self.sides.capacity() * size_of::<Side>()) as u64
            + self.views.iter().map(super::views::ViewState::bytes).sum::<u64>()
    }

    /// The tile above: in the tree, or the tile that a replacement stands for.
    pub(super) fn parent_of(&self, tile: u32) -> Option<u32> {
        parent_of(&self.tree, &self.places, tile)
    }

    /// Makes the slots of a tile, if it has none yet.
    pub(super) fn ensure_slots(&mut self, index: u32) -> u32 {
        if let Some(side) = self.sides.get(index as usize)
            && side.first_slot != NONE
        {
            return side.first_slot;
        }
        let Some(tile) = self.tree.tile(index) else { return NONE };
        let id = tile.id();
        let mut roles = Vec::new();
        if matches!(tile.kind(), TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder)
            && let Some(uri) = tile.subtree_uri()
        {
            roles.push((Role::Subtree, uri.clone()));
        }
        for (n, content) in tile.contents().iter().enumerate().take(usize::from(u16::MAX)) {
            let role = match content.kind {
                ContentKind::Model => Role::Model(n as u16),
                ContentKind::Tileset => Role::Tileset(n as u16),
            };
            roles.push((role, content.uri.clone()));
        }
        self.append_slots(id, roles);
        self.sides.get(index as usize).map_or(NONE, |s| s.first_slot)
    }

    /// Adds slots to a tile.
    pub(super) fn append_slots(&mut self, id: TileId, roles: Vec<(Role, std::sync::Arc<str>)>) {
        let mut last = self.sides.get(id.index as usize).map_or(NONE, |s| s.first_slot);
        while let Some(next) = self.slots.get(last).map(|s| s.next).filter(|&n| n != NONE) {
            last = next;
        }
        for (role, uri) in roles {
            let slot = self.slots.insert(id, role, uri);
            if let Some(before) = self.slots.get_mut(last) {
                before.next = slot;
            } else if let Some(side) = self.sides.get_mut(id.index as usize) {
                side.first_slot = slot;
            }
            last = slot;
        }
        self.refresh(id.index);
    }

    /// Recomputes what selection reads of a tile from its contents.
    pub(super) fn refresh(&mut self, index: u32) {
        let Some(mut side) = self.sides.get(index as usize).copied() else { return };
        if side.first_slot == NONE {
            return;
        }
        if !side.has(SEEN) {
            side.see(&self.tree, index);
        }
        let (mut models, mut resident, mut failed, mut retrying) = (0u32, 0u32, 0u32, false);
        let (mut blockers, mut grafted, mut blockers_failed) = (0u32, 0u32, 0u32);
        let (mut cost, mut cost_known) = (0u64, true);
        let mut at = side.first_slot;
        while let Some(slot) = self.slots.get(at) {
            retrying |= slot.phase == Phase::Retry;
            if let Role::Model(_) = slot.role {
                models += 1;
                resident += u32::from(slot.phase == Phase::Resident);
                failed += u32::from(slot.phase == Phase::Failed);
                match slot.cost {
                    Some(c) => cost += c.cpu_bytes + c.gpu_bytes,
                    None => cost_known &= slot.phase == Phase::Failed,
                }
            } else {
                blockers += 1;
                grafted += u32::from(slot.phase == Phase::Grafted);
                blockers_failed += u32::from(slot.phase == Phase::Failed);
            }
            at = slot.next;
        }
        let was_ready = side.has(READY);
        let set = |side: &mut Side, flag: u8, on: bool| {
            if on {
                side.flags |= flag;
            } else {
                side.flags &= !flag;
            }
        };
        let all_blockers_failed = blockers > 0 && blockers_failed == blockers;
        set(&mut side, MODEL, models > 0);
        set(&mut side, READY, resident > 0 && resident + failed == models);
        set(&mut side, BLOCKED, grafted + blockers_failed < blockers || models == 0 && all_blockers_failed);
        let nothing_left = if models > 0 { failed == models } else { all_blockers_failed };
        set(&mut side, FAILED, nothing_left);
        set(&mut side, RETRYING, retrying);
        side.cost_kib = if models > 0 && cost_known {
            cost.div_ceil(1024).clamp(1, u64::from(u32::MAX)) as u32
        } else {
            0
        };
        let ready = side.has(READY);
        if let Some(s) = self.sides.get_mut(index as usize) {
            *s = side;
        }
        if ready != was_ready {
            let mut above = self.parent_of(index);
            while let Some(parent) = above {
                if let Some(s) = self.sides.get_mut(parent as usize) {
                    s.ready_below = if ready { s.ready_below + 1 } else { s.ready_below.saturating_sub(1) };
                }
                above = self.parent_of(parent);
            }
        }
    }

    /// Moves a slot to another phase and keeps the counts and the tile's record in step.
    pub(super) fn set_phase(&mut self, index: u32, phase: Phase) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        if slot.phase == phase {
            return;
        }
        let was_under_way = slot.is_under_way();
        match slot.phase {
            Phase::Decoding => self.decoding -= 1,
            Phase::Cancelling => self.cancelling -= 1,
            Phase::Decoded => self.decoded -= 1,
            _ => {}
        }
        slot.phase = phase;
        match phase {
            Phase::Decoding => self.decoding += 1,
            Phase::Cancelling => self.cancelling += 1,
            Phase::Decoded => self.decoded += 1,
            _ => {}
        }
        if slot.is_under_way() && !was_under_way {
            self.active.push(index);
        }
        let (tile, role) = (slot.tile, slot.role);
        let counts = slot.rank_frame == self.frame && !slot.preload;
        if matches!(role, Role::Root(_)) {
            self.dirty |= phase == Phase::Failed;
        } else {
            let flags = |s: &Self| s.sides.get(tile.index as usize).map(|s| s.flags);
            let before = flags(self);
            self.refresh(tile.index);
            self.dirty |= counts && before != flags(self);
        }
    }

    /// Takes everything of a content back, wherever it stands, and leaves it in `phase`. What a worker holds stays
    /// charged until it answers.
    pub(super) fn release(&mut self, index: u32, phase: Phase) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let (now_at, charge) = (slot.phase, slot.charge);
        let mut fetches: Vec<FetchId> = slot.fetch.take().into_iter().collect();
        fetches.extend(slot.resources.iter_mut().filter_map(|r| r.fetch.take()));
        slot.payload = None;
        slot.resources = Vec::new();
        slot.prepared = false;
        for id in fetches {
            self.fetches.remove(&id);
            self.outbox.cancel_fetch.push(id);
        }
        let id = self.slots.id(index);
        match now_at {
            Phase::Decoding | Phase::Cancelling => {
                if now_at == Phase::Decoding {
                    self.outbox.cancel_decode.push(id);
                }
                self.slots.renew(index);
                self.abandoned.add(id, charge);
            }
            Phase::Decoded | Phase::Resident => {
                self.outbox.drop.push(id);
                self.slots.renew(index);
            }
            _ => {}
        }
        self.slots.set_charge(index, 0, 0);
        self.slots.set_commit(index, 0);
        self.set_phase(index, phase);
    }

    /// Gives a content up for good.
    pub(super) fn fail(&mut self, index: u32, message: String) {
        self.release(index, Phase::Failed);
        if let Some(slot) = self.slots.get(index) {
            let uri = slot.uri.to_string();
            self.warn(uri, String::new(), message);
        }
    }

    /// Gives a content up because it alone takes more than all contents may together.
    pub(super) fn fail_beyond_ceiling(&mut self, index: u32, message: String) {
        self.beyond_ceiling_count += 1;
        self.fail(index, message);
    }

    /// Frees memory until `used + committed? + need ≤ limit`; false if that cannot be had.
    pub(super) fn make_room(&mut self, need: u64, with_commitments: bool, limit: u64) -> bool {
        loop {
            let committed = if with_commitments { self.slots.committed } else { 0 };
            if self.used_bytes().saturating_add(committed).saturating_add(need) <= limit {
                return true;
            }
            if !self.evict_one() {
                return false;
            }
        }
    }

    /// Takes the least useful thing away; false if there is none.
    fn evict_one(&mut self) -> bool {
        if self.evictable_frame != self.frame {
            self.collect_evictable();
        }
        while let Some(candidate) = self.evictable.pop() {
            let Some(slot) = self.slots.get(candidate.slot) else { continue };
            let pinned = self.sides.get(slot.tile.index as usize).is_some_and(|s| s.pinned == self.frame);
            let phase = slot.phase;
            match phase {
                Phase::Resident if !pinned => {
                    self.release(candidate.slot, Phase::Absent);
                    return true;
                }
                Phase::Fetching | Phase::Fetched | Phase::Decoded if candidate.kind < 3 => {
                    self.release(candidate.slot, Phase::Absent);
                    return true;
                }
                Phase::Grafted if self.ungraft_unused(candidate.slot) => return true,
                _ => {}
            }
        }
        false
    }

    fn collect_evictable(&mut self) {
        self.evictable_frame = self.frame;
        self.evictable.clear();
        for (index, slot) in self.slots.iter() {
            let side = self.sides.get(slot.tile.index as usize).copied().unwrap_or_default();
            let wanted = slot.rank_frame == self.frame;
            let kind = match slot.phase {
                Phase::Fetching if slot.fetch.is_none() && slot.payload.is_some() && !wanted => {
                    if slot.resources.iter().any(|r| r.fetch.is_some()) {
                        continue;
                    }
                    0
                }
                Phase::Fetched if !wanted => 0,
                Phase::Decoded if !wanted => 1,
                Phase::Fetched | Phase::Decoded if slot.preload => 2,
                Phase::Resident if side.pinned != self.frame => 3,
                Phase::Grafted if !matches!(slot.role, Role::Root(_)) && side.used != self.frame => 3,
                _ => continue,
            };
            let graft = slot.phase == Phase::Grafted;
            self.evictable.push(Evictable { kind, used: side.used, graft, slot: index });
        }
        // Popped from the end.
        self.evictable.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Drops the payload of the least wanted content behind `rank` that waits for a worker; false if there is none.
    pub(super) fn drop_payload_behind(&mut self, rank: u32) -> bool {
        let last = self
            .active
            .iter()
            .filter_map(|&i| self.slots.get(i).map(|s| (s, i)))
            .filter(|(s, _)| s.phase == Phase::Fetched && s.order(self.frame) > rank)
            .max_by_key(|(s, i)| (s.order(self.frame), *i))
            .map(|(_, i)| i);
        last.is_some_and(|i| {
            self.release(i, Phase::Absent);
            true
        })
    }

    /// Writes down something people should know.
    pub(super) fn warn(&mut self, file: String, place: String, reason: String) {
        self.warning_count += 1;
        if self.warnings.len() < super::MAX_WARNINGS {
            self.warnings.push(crate::content::Warning { file, place, reason });
        }
    }

    /// The content behind an id: its slot.
    pub(super) fn slot_of(&self, id: ContentId) -> Option<u32> {
        self.slots.by_id(id)
    }
}

/// See [`Streamer::parent_of`].
pub(super) fn parent_of(
    tree: &crate::tileset::Tree,
    places: &[super::replace::Place],
    tile: u32,
) -> Option<u32> {
    let above = tree.tile(tile)?.parent();
    if above.is_some() {
        return above;
    }
    places.iter().find(|p| p.has_root(tile)).and_then(|p| p.host).map(|h| h.index)
}
