//! What comes in: lengths, bytes, failures, decoded and uploaded contents.

use bytes::Bytes;

use super::{
    Streamer,
    api::{ContentId, FailureKind, FetchFailure, FetchId, Input},
    retry,
    slots::{Phase, Resource},
};
use crate::content::ContentCost;

impl Streamer {
    /// Takes finished work in. Answers to fetches that were cancelled are ignored.
    pub fn accept(&mut self, input: Input) {
        match input {
            Input::FetchLength(id, length) => self.accept_length(id, length),
            Input::Fetched(id, Ok(bytes)) => self.accept_bytes(id, bytes),
            Input::Fetched(id, Err(failure)) => self.accept_failure(id, &failure),
            Input::Decoded(id, result) => {
                let with_worker = self
                    .slot_of(id)
                    .filter(|&i| self.slots.get(i).is_some_and(super::slots::Slot::is_with_worker));
                match with_worker {
                    Some(slot) => self.accept_decoded(slot, result),
                    None if result.is_ok() => self.abandoned.delivered(id),
                    None => self.abandoned.ended(id),
                }
            }
            Input::DecodeCancelled(id) => self.accept_cancelled(id),
            Input::Uploaded(id) => {
                let Some(index) = self.slot_of(id) else { return };
                let Some(cost) =
                    self.slots.get(index).filter(|s| s.phase == Phase::Decoded).and_then(|s| s.cost)
                else {
                    return;
                };
                self.slots.set_charge(index, cost.cpu_bytes + cost.gpu_bytes, cost.gpu_bytes);
                self.set_phase(index, Phase::Resident);
            }
        }
    }

    /// Whether a charge may rise by so much right now.
    fn fits(&self, more: u64) -> bool {
        self.used_bytes().saturating_add(more) <= self.settings.memory_ceiling_bytes
    }

    /// A promise: what is reserved beyond it is free again.
    fn accept_length(&mut self, id: FetchId, length: u64) {
        let Some(&(index, resource)) = self.fetches.get(&id) else { return };
        self.note_need(index, resource, length);
        if length < self.reserved(index, resource) {
            self.set_reserved(index, resource, length);
        }
    }

    /// What is charged for a file.
    fn reserved(&self, index: u32, resource: Option<usize>) -> u64 {
        let Some(slot) = self.slots.get(index) else { return 0 };
        match resource {
            None => main_part(slot.charge, &slot.resources),
            Some(n) => slot.resources.get(n).map_or(0, |r| r.charge),
        }
    }

    fn set_reserved(&mut self, index: u32, resource: Option<usize>, bytes: u64) {
        let part = self.reserved(index, resource);
        let Some(slot) = self.slots.get_mut(index) else { return };
        if let Some(r) = resource.and_then(|n| slot.resources.get_mut(n)) {
            r.charge = bytes;
        }
        let (charge, gpu) = (slot.charge, slot.gpu_bytes);
        self.slots.set_charge(index, charge - part + bytes, gpu);
    }

    /// Remembers what fetching a file takes. What it was told to take once it may take again.
    fn note_need(&mut self, index: u32, resource: Option<usize>, bytes: u64) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let known = match resource {
            None => Some(&mut slot.known_need),
            Some(n) => slot.resources.get_mut(n).map(|r| &mut r.known_need),
        };
        if let Some(known) = known {
            *known = Some(known.unwrap_or(0).max(bytes));
        }
    }

    /// Charges a file with its real length. A caller that kept to its orders brings no more than was reserved; if more
    /// came and does not fit, the content goes back to the start and false is returned.
    fn charge_length(&mut self, index: u32, resource: Option<usize>, length: u64) -> bool {
        self.note_need(index, resource, length);
        let part = self.reserved(index, resource);
        if length > part && !self.fits(length - part) {
            self.put_back(index, resource);
            return false;
        }
        self.set_reserved(index, resource, length);
        true
    }

    /// Takes back what is reserved for a file, to be ordered again.
    fn put_back(&mut self, index: u32, resource: Option<usize>) {
        if resource.is_some() {
            self.set_reserved(index, resource, 0);
        } else {
            self.release(index, Phase::Absent);
        }
    }

    /// A file that takes more than was reserved. Where nobody knows how much, half the ceiling is the end of it: an
    /// answer without end may not push everything else out.
    fn accept_too_long(&mut self, index: u32, resource: Option<usize>, told: Option<u64>) {
        let reserved = self.reserved(index, resource);
        let most = self.settings.memory_ceiling_bytes / 2;
        let need = match told {
            Some(need) if need > reserved => need,
            _ if reserved >= most => {
                self.fail(index, format!("takes more than {reserved} bytes, and its length is not known"));
                return;
            }
            _ => reserved.saturating_mul(2).min(most),
        };
        self.note_need(index, resource, need);
        self.put_back(index, resource);
    }

    fn accept_bytes(&mut self, id: FetchId, bytes: Bytes) {
        let length = bytes.len() as u64;
        let Some((index, resource)) = self.fetches.remove(&id) else { return };
        self.plan.stats.fetched_total += 1;
        self.plan.stats.fetched_bytes_total += length;
        self.end_fetch(index, resource);
        if !self.charge_length(index, resource, length) {
            return;
        }
        let Some(slot) = self.slots.get_mut(index) else { return };
        match resource {
            None => {
                slot.payload = Some(bytes);
                slot.prepared = false;
                self.estimates.payload(length);
            }
            Some(n) => {
                if let Some(r) = slot.resources.get_mut(n) {
                    r.bytes = Some(Some(bytes));
                }
            }
        }
        self.complete_fetch(index);
    }

    fn end_fetch(&mut self, index: u32, resource: Option<usize>) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        match resource {
            None => slot.fetch = None,
            Some(n) => {
                if let Some(r) = slot.resources.get_mut(n) {
                    r.fetch = None;
                }
            }
        }
    }

    /// Moves on when everything a content needs is here.
    fn complete_fetch(&mut self, index: u32) {
        let done = self
            .slots
            .get(index)
            .is_some_and(|s| s.payload.is_some() && s.resources.iter().all(|r| r.bytes.is_some()));
        if done {
            self.set_phase(index, Phase::Fetched);
        }
    }

    fn accept_failure(&mut self, id: FetchId, failure: &FetchFailure) {
        let Some((index, resource)) = self.fetches.remove(&id) else { return };
        self.end_fetch(index, resource);
        if let FailureKind::TooLong(told) = failure.kind {
            self.accept_too_long(index, resource, told);
            return;
        }
        if self.fail_for_now(index, failure) {
            return;
        }
        self.unreachable_count += u64::from(failure.kind == FailureKind::Transient);
        let missing = resource.and_then(|n| {
            let r = self.slots.get_mut(index)?.resources.get_mut(n)?;
            r.bytes = Some(None);
            Some(r.uri.clone())
        });
        match missing {
            Some(uri) => {
                self.warn(uri, String::new(), failure.message.clone());
                self.complete_fetch(index);
            }
            None => self.fail(index, failure.message.clone()),
        }
    }

    /// Puts a content off until it may be tried again; false: it may not.
    fn fail_for_now(&mut self, index: u32, failure: &FetchFailure) -> bool {
        let max_attempts = self.settings.max_attempts;
        let Some(slot) = self.slots.get_mut(index) else { return false };
        slot.attempts += 1;
        if failure.kind != FailureKind::Transient || slot.attempts >= max_attempts {
            return false;
        }
        let uri_hash = slot.uri.bytes().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        slot.due = self.now + retry::wait(&self.settings, uri_hash, slot.attempts, failure.retry_after);
        self.park(index);
        self.set_phase(index, Phase::Retry);
        true
    }

    /// Ends the fetches of a content but keeps the bytes that are here.
    pub(super) fn park(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let mut fetches: Vec<FetchId> = slot.fetch.take().into_iter().collect();
        for r in &mut slot.resources {
            if let Some(id) = r.fetch.take() {
                fetches.push(id);
            }
            r.charge = r.bytes.as_ref().and_then(Option::as_ref).map_or(0, |b| b.len() as u64);
        }
        let kept = slot.payload.as_ref().map_or(0, |b| b.len() as u64)
            + slot.resources.iter().map(|r| r.charge).sum::<u64>();
        for id in fetches {
            self.fetches.remove(&id);
            self.outbox.cancel_fetch.push(id);
        }
        self.slots.set_charge(index, kept, 0);
        self.slots.set_commit(index, 0);
    }

    fn accept_decoded(&mut self, index: u32, result: Result<ContentCost, String>) {
        match result {
            Ok(cost) => {
                let total = cost.cpu_bytes + cost.gpu_bytes + cost.transient_bytes;
                let Some(slot) = self.slots.get_mut(index) else { return };
                let reserved = slot.cost.map_or(0, |c| c.cpu_bytes + c.gpu_bytes + c.transient_bytes);
                slot.cost = Some(cost);
                slot.payload = None;
                slot.resources = Vec::new();
                self.estimates.cost(cost.cpu_bytes + cost.gpu_bytes);
                self.set_phase(index, Phase::Decoded);
                if total > reserved {
                    self.fail(index, format!("decoding took {total} bytes where {reserved} were allowed"));
                } else {
                    self.slots.set_charge(index, total, cost.gpu_bytes);
                }
            }
            Err(message) => {
                self.release_after_decode(index);
                self.fail(index, message);
            }
        }
    }

    fn accept_cancelled(&mut self, id: ContentId) {
        let slot = self.slot_of(id).and_then(|index| Some((index, self.slots.get(index)?)));
        match slot {
            Some((index, slot)) if slot.is_with_worker() => {
                let payload = slot.payload_bytes();
                self.slots.set_charge(index, payload, 0);
                self.release_after_decode(index);
            }
            _ => self.abandoned.ended(id),
        }
    }

    /// The worker is done: nothing to cancel any more.
    fn release_after_decode(&mut self, index: u32) {
        self.slots.renew(index);
        self.set_phase(index, Phase::Fetched);
    }
}

fn main_part(charge: u64, resources: &[Resource]) -> u64 {
    charge.saturating_sub(resources.iter().map(|r| r.charge).sum())
}
