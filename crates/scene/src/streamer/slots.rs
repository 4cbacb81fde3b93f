//! What is known about every content: its phase on the way from bytes to the GPU, and what it is charged.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{ContentId, FetchId, TileId};
use crate::content::ContentCost;

/// "No slot", "no tile".
pub(super) const NONE: u32 = u32::MAX;

/// What the bytes of a slot are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Something to draw: index into the contents of its tile.
    Model(u16),
    /// An external tileset: index into the contents of its tile.
    Tileset(u16),
    /// The subtree of an implicit tile.
    Subtree,
    /// The `tileset.json` of a stream: index into the streamer's roots.
    Root(u32),
}

/// Where a content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is here, nothing under way.
    Absent,
    /// Failed, will be tried again at `due`.
    Retry,
    /// Bytes (of the content or of what it refers to) are under way.
    Fetching,
    /// All bytes are here.
    Fetched,
    /// A worker has it.
    Decoding,
    /// A worker has it, was told to stop, and has not answered yet.
    Cancelling,
    /// Waits for the GPU.
    Decoded,
    /// Can be drawn.
    Resident,
    /// Was a tileset or subtree and hangs in the tree.
    Grafted,
    /// Failed for good.
    Failed,
}

/// A file that a content refers to.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) uri: String,
    /// Under way.
    pub(super) fetch: Option<FetchId>,
    /// What fetching it takes, where an earlier attempt told, bytes.
    pub(super) known_need: Option<u64>,
    /// `Some(None)`: it cannot be had; decoding decides what that means.
    pub(super) bytes: Option<Option<Bytes>>,
    /// Part of the slot's charge that stands for it.
    pub(super) charge: u64,
}

impl Resource {
    /// Neither here nor under way.
    pub(super) fn is_open(&self) -> bool {
        self.fetch.is_none() && self.bytes.is_none()
    }
}

/// One content.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) live: bool,
    pub(super) tile: TileId,
    pub(super) role: Role,
    pub(super) phase: Phase,
    pub(super) uri: Arc<str>,
    /// Next content of the same tile.
    pub(super) next: u32,
    pub(super) attempts: u32,
    pub(super) due: Duration,
    pub(super) fetch: Option<FetchId>,
    pub(super) payload: Option<Bytes>,
    pub(super) resources: Vec<Resource>,
    /// The bytes were looked at: what they are and what they refer to is known.
    pub(super) prepared: bool,
    /// What fetching the main file takes, where an earlier attempt told, bytes.
    pub(super) known_need: Option<u64>,
    /// Cost once measured or decoded.
    pub(super) cost: Option<ContentCost>,
    /// Bytes counted against the ceiling now.
    pub(super) charge: u64,
    /// Of these on the GPU.
    pub(super) gpu_bytes: u64,
    /// Bytes that this content is expected to add before it is resident.
    pub(super) commit: u64,
    /// Place in the order of wants of `rank_frame`.
    pub(super) rank: u32,
    pub(super) rank_frame: u32,
    /// Wanted only in advance.
    pub(super) preload: bool,
    pub(super) wanted_at: Duration,
}

impl Slot {
    fn new(tile: TileId, role: Role, uri: Arc<str>, generation: u32) -> Self {
        Self {
            generation,
            live: true,
            tile,
            role,
            phase: Phase::Absent,
            uri,
            next: NONE,
            attempts: 0,
            due: Duration::ZERO,
            fetch: None,
            payload: None,
            resources: Vec::new(),
            prepared: false,
            known_need: None,
            cost: None,
            charge: 0,
            gpu_bytes: 0,
            commit: 0,
            rank: u32::MAX,
            rank_frame: 0,
            preload: false,
            wanted_at: Duration::ZERO,
        }
    }

    /// Whether the content takes part in fetching, decoding or uploading now.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(
            self.phase,
            Phase::Fetching | Phase::Fetched | Phase::Decoding | Phase::Cancelling | Phase::Decoded
        )
    }

    /// Whether a request is under way for it.
    pub(super) fn is_fetching(&self) -> bool {
        self.fetch.is_some() || self.resources.iter().any(|r| r.fetch.is_some())
    }

    /// Whether a worker holds its memory, wanted or not.
    pub(super) fn is_with_worker(&self) -> bool {
        matches!(self.phase, Phase::Decoding | Phase::Cancelling)
    }

    /// Bytes of its files that are here.
    pub(super) fn payload_bytes(&self) -> u64 {
        self.payload.as_ref().map_or(0, |b| b.len() as u64)
            + self
                .resources
                .iter()
                .filter_map(|r| r.bytes.as_ref()?.as_ref())
                .map(|b| b.len() as u64)
                .sum::<u64>()
    }

    /// Order in the queues of `frame`: wanted ones by rank, the others behind.
    pub(super) fn order(&self, frame: u32) -> u32 {
        if self.rank_frame == frame { self.rank } else { u32::MAX }
    }
}

/// All contents, by slot; freed slots are used again under a new generation.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Bytes charged by all slots.
    pub(super) charged: u64,
    /// Of these on the GPU.
    pub(super) gpu: u64,
    /// Bytes that contents under way are expected to add.
    pub(super) committed: u64,
}

impl Slots {
    /// Makes a slot.
    pub(super) fn insert(&mut self, tile: TileId, role: Role, uri: Arc<str>) -> u32 {
        if let Some(index) = self.free.pop()
            && let Some(old) = self.slots.get_mut(index as usize)
        {
            *old = Slot::new(tile, role, uri, old.generation.wrapping_add(1));
            return index;
        }
        if self.slots.len() == self.slots.capacity() {
            // Counted against the ceiling: it may not double at once.
            self.slots.reserve_exact(64 + self.slots.len() / 8);
        }
        self.slots.push(Slot::new(tile, role, uri, 1));
        (self.slots.len() - 1) as u32
    }

    /// Frees a slot; its charge is taken back.
    pub(super) fn remove(&mut self, index: u32) {
        self.set_charge(index, 0, 0);
        self.set_commit(index, 0);
        if let Some(slot) = self.slots.get_mut(index as usize)
            && slot.live
        {
            slot.live = false;
            slot.phase = Phase::Absent;
            slot.payload = None;
            slot.resources = Vec::new();
            self.free.push(index);
        }
    }

    pub(super) fn get(&self, index: u32) -> Option<&Slot> {
        self.slots.get(index as usize).filter(|s| s.live)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index as usize).filter(|s| s.live)
    }

    /// The slot behind an id, if the id is still the current one.
    pub(super) fn by_id(&self, id: ContentId) -> Option<u32> {
        let index = (id.0 & u64::from(u32::MAX)) as u32;
        self.get(index).filter(|s| u64::from(s.generation) == id.0 >> 32).map(|_| index)
    }

    /// The id a slot goes by now.
    pub(super) fn id(&self, index: u32) -> ContentId {
        let generation = self.slots.get(index as usize).map_or(0, |s| s.generation);
        ContentId(u64::from(generation) << 32 | u64::from(index))
    }

    /// Gives a slot a new id, so that late answers to the old one are recognised.
    pub(super) fn renew(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.generation = slot.generation.wrapping_add(1);
        }
    }

    /// Sets what a slot is charged, and how much of it is on the GPU.
    pub(super) fn set_charge(&mut self, index: u32, bytes: u64, gpu_bytes: u64) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            self.charged = self.charged - slot.charge + bytes;
            self.gpu = self.gpu - slot.gpu_bytes + gpu_bytes;
            slot.charge = bytes;
            slot.gpu_bytes = gpu_bytes;
        }
    }

    /// Sets what a slot is expected to add.
    pub(super) fn set_commit(&mut self, index: u32, bytes: u64) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            self.committed = self.committed - slot.commit + bytes;
            slot.commit = bytes;
        }
    }

    /// All slots in use, by index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.slots.iter().enumerate().filter(|(_, s)| s.live).map(|(i, s)| (i as u32, s))
    }

    /// Main memory of the table itself.
    pub(super) fn bytes(&self) -> u64 {
        (self.slots.capacity() * size_of::<Slot>() + self.free.capacity() * 4) as u64
    }
}
