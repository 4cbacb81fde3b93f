//! Requests: which to start, and what is reserved for each.
//!
//! How long a file is turns out when it arrives, if not before. So every request gets a reservation and is cut off at it;
//! one that was cut off is ordered again with more. What it is expected to take is reserved at any price; beyond that it
//! gets a share of memory that nothing else would use now, so that being cut off is rare while there is room.

use super::{
    Streamer,
    api::{FetchId, FetchOrder},
    queues::{Blocked, PRELOAD_SHARE, share},
    selection::Class,
    slots::{Phase, Resource, Role, Slot},
};

/// Share of the ceiling up to which refinement loads.
const REFINE_SHARE: f64 = 0.95;
/// A request is given so much if there is plenty of room, bytes ...
const AMPLE_BYTES: u64 = 1 << 20;
/// ... and one for a tileset or subtree, which may be much larger than the tiles it tells of, so much.
const AMPLE_JSON_BYTES: u64 = 8 << 20;

impl Streamer {
    /// Starts requests, most important first, as far as slots and memory allow.
    pub(super) fn start_fetches(&mut self, blocked: &mut Blocked) {
        let ceiling = self.settings.memory_ceiling_bytes;
        let ranked = std::mem::take(&mut self.ranked);
        let mut refused = false;
        for (rank, &(class, view, index)) in ranked.iter().enumerate() {
            let rank = rank as u32;
            refused |= rank > blocked.rank;
            let Some(slot) = self.slots.get(index) else { continue };
            let startable = match slot.phase {
                Phase::Absent => true,
                Phase::Retry => slot.due <= self.now,
                Phase::Fetching => slot.payload.is_some() && slot.resources.iter().any(Resource::is_open),
                _ => false,
            };
            if !startable {
                continue;
            }
            let preload = class >= Class::Ancestor;
            if refused {
                blocked.fetch_queue += usize::from(!preload);
                continue;
            }
            let full = self.fetches.len() >= self.settings.max_fetches;
            if full && (preload || !self.preempt()) {
                blocked.fetch_queue += usize::from(!preload);
                continue;
            }
            if let Some(message) = self.never_fits(index) {
                self.fail_beyond_ceiling(index, message);
                continue;
            }
            let files = self.settings.max_fetches.saturating_sub(self.fetches.len()).max(1);
            let limit = match class {
                Class::Urgent | Class::Cover => ceiling,
                Class::Refine => share(ceiling, REFINE_SHARE),
                _ => share(ceiling, PRELOAD_SHARE),
            };
            let (payload, growth) = self.expected(index, files, limit);
            let need = payload + growth;
            let mut fits = !preload && self.make_room(need, true, limit)
                || preload && self.used_bytes() + self.slots.committed + need <= limit;
            while !fits && class <= Class::Cover && self.drop_payload_behind(rank) {
                fits = self.used_bytes() + self.slots.committed + need <= limit;
            }
            if !fits {
                refused = true;
                blocked.by_memory |= !preload;
                blocked.fetch_queue += usize::from(!preload);
                continue;
            }
            self.order_fetches(index, growth, files);
            if let Some(v) = self.views.get_mut(view as usize) {
                v.served += 1.0 / v.weight.max(1e-3);
            }
        }
        self.ranked = ranked;
        // A view that wanted nothing for a while has no claim on the past.
        let least =
            self.views.iter().filter(|v| !v.wants.is_empty()).map(|v| v.served).fold(f64::INFINITY, f64::min);
        if least.is_finite() {
            for v in &mut self.views {
                v.served = (v.served - least).max(0.0);
            }
        }
    }

    /// Why a content cannot be had under this ceiling, if it cannot.
    fn never_fits(&self, index: u32) -> Option<String> {
        let ceiling = self.settings.memory_ceiling_bytes;
        let slot = self.slots.get(index)?;
        let (needs, here) = if slot.payload.is_some() {
            (
                slot.resources.iter().filter(|r| r.is_open()).filter_map(|r| r.known_need).max(),
                slot.payload_bytes(),
            )
        } else {
            (slot.known_need, 0)
        };
        let needs = needs?;
        let too_large = self.base_bytes().saturating_add(here).saturating_add(needs) > ceiling;
        too_large.then(|| format!("takes {needs} bytes to fetch; the ceiling is {ceiling}"))
    }

    /// What is to be fetched is expected to take so much, and to grow by so much after that.
    fn expected(&self, index: u32, files: usize, limit: u64) -> (u64, u64) {
        let ceiling = self.settings.memory_ceiling_bytes;
        let Some(slot) = self.slots.get(index) else { return (0, 0) };
        let estimate = self.estimates.payload_bytes(ceiling);
        let payload = if slot.payload.is_some() {
            let open = slot.resources.iter().filter(|r| r.is_open()).take(files);
            open.map(|r| r.known_need.unwrap_or(estimate)).sum()
        } else {
            slot.known_need.unwrap_or(estimate)
        };
        let growth = match (slot.role, slot.cost) {
            (Role::Model(_), Some(c)) => c.cpu_bytes + c.gpu_bytes + c.transient_bytes,
            (Role::Model(_), None) => self.estimates.cost_bytes(ceiling),
            _ => payload,
        };
        // A guess must not keep out what may well fit.
        let room = limit.saturating_sub(self.base_bytes()).saturating_sub(slot.payload_bytes() + payload);
        (payload, if slot.cost.is_some() { growth } else { growth.min(room) })
    }

    /// What one request may be given beyond what it is expected to take.
    fn slack(&self, slot: &Slot, expected: u64) -> u64 {
        let ceiling = self.settings.memory_ceiling_bytes;
        let ample = if matches!(slot.role, Role::Model(_)) { AMPLE_BYTES } else { AMPLE_JSON_BYTES };
        let wish = ample.max(2 * self.estimates.longest_payload_bytes());
        let free = share(ceiling, PRELOAD_SHARE)
            .saturating_sub(self.used_bytes())
            .saturating_sub(self.slots.committed)
            .saturating_sub(expected);
        // All requests together leave half of it.
        wish.saturating_sub(expected).min(free / (2 * self.settings.max_fetches.max(1) as u64))
    }

    fn order_fetches(&mut self, index: u32, growth: u64, files: usize) {
        let estimate = self.estimates.payload_bytes(self.settings.memory_ceiling_bytes);
        self.slots.set_commit(index, growth);
        let Some(slot) = self.slots.get(index) else { return };
        if slot.payload.is_none() {
            let expected = slot.known_need.unwrap_or(estimate).max(1);
            let max_bytes = expected + self.slack(slot, expected);
            let (charge, uri) = (slot.charge, slot.uri.clone());
            let id = self.new_fetch(index, None);
            if let Some(slot) = self.slots.get_mut(index) {
                slot.fetch = Some(id);
            }
            self.slots.set_charge(index, charge + max_bytes, 0);
            self.plan.fetch.push(FetchOrder { id, uri, max_bytes });
        } else {
            let open: Vec<usize> = (0..slot.resources.len())
                .filter(|&n| slot.resources.get(n).is_some_and(Resource::is_open))
                .collect();
            for n in open.into_iter().take(files) {
                self.order_resource(index, n, estimate);
            }
        }
        self.set_phase(index, Phase::Fetching);
    }

    fn order_resource(&mut self, index: u32, n: usize, estimate: u64) {
        let Some(slot) = self.slots.get(index) else { return };
        let Some(resource) = slot.resources.get(n) else { return };
        let expected = resource.known_need.unwrap_or(estimate).max(1);
        let max_bytes = expected + self.slack(slot, expected);
        let (charge, uri) = (slot.charge, resource.uri.as_str().into());
        let id = self.new_fetch(index, Some(n));
        if let Some(resource) = self.slots.get_mut(index).and_then(|s| s.resources.get_mut(n)) {
            resource.fetch = Some(id);
            resource.charge = max_bytes;
        }
        self.slots.set_charge(index, charge + max_bytes, 0);
        self.plan.fetch.push(FetchOrder { id, uri, max_bytes });
    }

    fn new_fetch(&mut self, index: u32, resource: Option<usize>) -> FetchId {
        let id = FetchId(self.next_fetch);
        self.next_fetch += 1;
        self.fetches.insert(id, (index, resource));
        id
    }

    /// Makes a request slot free by ending one that nobody wants now, or that is only for later.
    fn preempt(&mut self) -> bool {
        let victim = self
            .active
            .iter()
            .filter_map(|&i| self.slots.get(i).map(|s| (s, i)))
            .filter(|(s, _)| s.phase == Phase::Fetching && s.is_fetching())
            .filter(|(s, _)| s.rank_frame != self.frame || s.preload)
            .max_by_key(|(s, i)| (s.order(self.frame), *i))
            .map(|(_, i)| i);
        victim.is_some_and(|i| {
            self.cancel_fetch(i);
            true
        })
    }
}
