//! Decodes that nobody wants any more and that still run: what is reserved for them stays reserved.

use std::collections::BTreeMap;

use super::api::ContentId;

/// Decodes whose content is gone from the streamer's tables, until their workers answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Abandoned {
    running: BTreeMap<ContentId, u64>,
    /// Ended with a result all the same; dropped with the next plan.
    delivered: BTreeMap<ContentId, u64>,
    bytes: u64,
}

impl Abandoned {
    /// A running decode was given up.
    pub(super) fn add(&mut self, id: ContentId, bytes: u64) {
        if self.running.insert(id, bytes).is_none() {
            self.bytes += bytes;
        }
    }

    /// It ended and holds nothing.
    pub(super) fn ended(&mut self, id: ContentId) {
        self.bytes -= self.running.remove(&id).unwrap_or(0);
    }

    /// It ended, and the caller holds what came of it.
    pub(super) fn delivered(&mut self, id: ContentId) {
        if let Some(bytes) = self.running.remove(&id) {
            self.delivered.insert(id, bytes);
        }
    }

    /// What the caller shall drop now.
    pub(super) fn take_delivered(&mut self) -> impl Iterator<Item = ContentId> {
        let delivered = std::mem::take(&mut self.delivered);
        self.bytes -= delivered.values().sum::<u64>();
        delivered.into_keys()
    }

    /// Workers that are busy with them.
    pub(super) fn workers(&self) -> usize {
        self.running.len()
    }

    /// Bytes reserved.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
