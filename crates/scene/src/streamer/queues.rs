//! The three queues: fetch, decode, upload. Their order is made anew every frame.

use std::{collections::HashMap, time::Duration};

use super::{
    Streamer,
    api::DecodeOrder,
    selection::{Class, Want},
    slots::{Phase, Resource},
};
use crate::content::{ContentCost, DecodeContext, UpAxis};

/// Work that no view wants any more is cancelled after this long.
const GRACE: Duration = Duration::from_millis(250);
/// Share of the ceiling up to which is loaded in advance.
pub(super) const PRELOAD_SHARE: f64 = 0.8;

/// What contents of unknown size are taken for.
#[derive(Clone, Debug, Default)]
pub(super) struct Estimates {
    payload_sum: u64,
    payload_count: u64,
    payload_max: u64,
    cost_sum: u64,
    cost_count: u64,
}

impl Estimates {
    pub(super) fn payload(&mut self, bytes: u64) {
        self.payload_sum = self.payload_sum.saturating_add(bytes);
        self.payload_count += 1;
        self.payload_max = self.payload_max.max(bytes);
    }

    /// The longest file so far, bytes.
    pub(super) fn longest_payload_bytes(&self) -> u64 {
        self.payload_max
    }

    pub(super) fn cost(&mut self, bytes: u64) {
        self.cost_sum = self.cost_sum.saturating_add(bytes);
        self.cost_count += 1;
    }

    /// Expected length of a file, bytes.
    pub(super) fn payload_bytes(&self, ceiling: u64) -> u64 {
        let mean = self.payload_sum.checked_div(self.payload_count).unwrap_or(256 << 10);
        mean.clamp(1, (ceiling / 16).max(1))
    }

    /// Expected cost of a resident content, bytes.
    pub(super) fn cost_bytes(&self, ceiling: u64) -> u64 {
        let mean =
            self.cost_sum.checked_div(self.cost_count).unwrap_or_else(|| 6 * self.payload_bytes(ceiling));
        mean.clamp(1, (ceiling / 16).max(1))
    }
}

/// Why the queues stand still, if they do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocked {
    /// Something wanted for the settled view waits for memory.
    pub(super) by_memory: bool,
    /// Place in the order of the first one that does; what ranks behind it waits too.
    pub(super) rank: u32,
    /// Contents that wait for a request slot or for memory.
    pub(super) fetch_queue: usize,
    pub(super) decode_queue: usize,
}

impl Default for Blocked {
    fn default() -> Self {
        Self { by_memory: false, rank: u32::MAX, fetch_queue: 0, decode_queue: 0 }
    }
}

impl Streamer {
    /// Orders everything wanted over all views: by class, then in turns according to weight.
    pub(super) fn rank(&mut self) {
        let mut order = std::mem::take(&mut self.ranked);
        order.clear();
        for place in &self.places {
            for arrival in place.current.iter().chain(place.pending.iter()) {
                let open = self.slots.get(arrival.slot).is_some_and(|s| s.phase != Phase::Failed);
                if place.live && arrival.tile.is_none() && open {
                    order.push((Class::Urgent, u32::MAX, arrival.slot));
                }
            }
        }
        let mut lists: Vec<(Vec<Want>, usize, f64, f64)> = self
            .views
            .iter_mut()
            .map(|v| {
                let mut wants = std::mem::take(&mut v.wants);
                wants.sort_unstable();
                (wants, 0, v.served, 1.0 / v.weight.max(1e-3))
            })
            .collect();
        loop {
            // The most urgent class of any view first; within it the view that was served least.
            let next = lists
                .iter()
                .enumerate()
                .filter_map(|(n, (wants, at, served, _))| Some((Class::of(wants.get(*at)?.key), *served, n)))
                .min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            let Some((class, _, view)) = next else { break };
            let Some((wants, at, served, stride)) = lists.get_mut(view) else { break };
            let tile = wants.get(*at).map_or(0, |w| w.tile);
            *at += 1;
            let first = self.ensure_slots(tile);
            let mut slot_index = first;
            let mut counted = false;
            while let Some(slot) = self.slots.get(slot_index) {
                let next = slot.next;
                if slot.rank_frame != self.frame || slot.rank == u32::MAX {
                    let open = !matches!(slot.phase, Phase::Resident | Phase::Grafted | Phase::Failed);
                    if open {
                        order.push((class, view as u32, slot_index));
                        counted = true;
                        if let Some(s) = self.slots.get_mut(slot_index) {
                            s.rank_frame = self.frame;
                            s.rank = 0;
                        }
                    }
                }
                slot_index = next;
            }
            if counted {
                *served += *stride;
            }
        }
        for (view, (wants, ..)) in self.views.iter_mut().zip(lists) {
            view.wants = wants;
        }
        for (rank, &(class, _, index)) in order.iter().enumerate() {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.rank = rank as u32;
                slot.rank_frame = self.frame;
                slot.preload = class >= Class::Ancestor;
                slot.wanted_at = self.now;
            }
        }
        self.ranked = order;
    }

    /// Cancels what nobody wanted for a while.
    pub(super) fn cancel_stale(&mut self) {
        let mut active = std::mem::take(&mut self.active);
        active.sort_unstable();
        active.dedup();
        active.retain(|&i| self.slots.get(i).is_some_and(super::slots::Slot::is_under_way));
        self.active = active;
        for at in 0..self.active.len() {
            let Some(&index) = self.active.get(at) else { break };
            let Some(slot) = self.slots.get(index) else { continue };
            if slot.rank_frame == self.frame || self.now.saturating_sub(slot.wanted_at) < GRACE {
                continue;
            }
            match slot.phase {
                Phase::Fetching if slot.is_fetching() => self.cancel_fetch(index),
                Phase::Decoding => self.cancel_decode(index),
                _ => {}
            }
        }
    }

    pub(super) fn cancel_fetch(&mut self, index: u32) {
        let keep = self.slots.get(index).is_some_and(|s| s.payload.is_some());
        if keep {
            self.park(index);
        } else {
            self.release(index, Phase::Absent);
        }
    }

    /// Abandons a decode. The payload stays, and so does the charge: the worker may hold all of it until it answers.
    fn cancel_decode(&mut self, index: u32) {
        self.outbox.cancel_decode.push(self.slots.id(index));
        self.set_phase(index, Phase::Cancelling);
    }

    /// Hands payloads to workers, most important first.
    pub(super) fn start_decodes(&mut self, blocked: &mut Blocked) {
        let mut waiting: Vec<(u32, u32)> = self
            .active
            .iter()
            .filter_map(|&i| self.slots.get(i).map(|s| (s, i)))
            .filter(|(s, _)| s.phase == Phase::Fetched && s.prepared)
            .map(|(s, i)| (s.order(self.frame), i))
            .collect();
        waiting.sort_unstable();
        for (order, index) in waiting {
            if order == u32::MAX {
                break;
            }
            if blocked.by_memory || self.busy_workers() >= self.settings.max_decodes {
                blocked.decode_queue += 1;
                continue;
            }
            // An earlier one may have taken this payload's memory.
            if self.slots.get(index).is_none_or(|s| s.phase != Phase::Fetched) {
                continue;
            }
            let Some(cost) = self.measured(index) else { continue };
            let need = cost.cpu_bytes + cost.gpu_bytes + cost.transient_bytes;
            let ceiling = self.settings.memory_ceiling_bytes;
            let payload = self.slots.get(index).map_or(0, |s| s.payload_bytes());
            if self.base_bytes() + payload + need > ceiling {
                self.fail_beyond_ceiling(
                    index,
                    format!(
                        "takes {need} bytes decoded beside {payload} of its file; the ceiling is {ceiling}"
                    ),
                );
                continue;
            }
            let preload = self.slots.get(index).is_some_and(|s| s.preload);
            let limit = if preload { share(ceiling, PRELOAD_SHARE) } else { ceiling };
            let mut fits = !preload && self.make_room(need, false, limit)
                || preload && self.used_bytes() + need <= limit;
            while !fits && !preload && self.drop_payload_behind(order) {
                fits = self.used_bytes() + need <= limit;
            }
            if !fits {
                if !preload && !blocked.by_memory {
                    blocked.by_memory = true;
                    blocked.rank = order;
                }
                blocked.decode_queue += 1;
                continue;
            }
            self.order_decode(index, payload, need);
        }
    }

    fn order_decode(&mut self, index: u32, payload: u64, need: u64) {
        let Some(slot) = self.slots.get(index) else { return };
        let Some(bytes) = slot.payload.clone() else { return };
        let tile = slot.tile;
        let order = DecodeOrder {
            id: self.slots.id(index),
            tile,
            bytes,
            uri: slot.uri.clone(),
            resources: resources_of(&slot.resources),
            gltf_up_axis: self.tree.get(tile).map_or(UpAxis::Y, |t| t.gltf_up_axis()),
            budget_bytes: need,
        };
        self.plan.decode.push(order);
        self.slots.set_commit(index, 0);
        self.slots.set_charge(index, payload + need, 0);
        self.set_phase(index, Phase::Decoding);
    }

    /// What a content will take, from its headers; asked for once. `None`: it cannot be read and has failed.
    fn measured(&mut self, index: u32) -> Option<ContentCost> {
        let slot = self.slots.get(index)?;
        if let Some(cost) = slot.cost {
            return Some(cost);
        }
        let bytes = slot.payload.clone()?;
        let context = DecodeContext {
            uri: slot.uri.to_string(),
            resources: resources_of(&slot.resources),
            gltf_up_axis: self.tree.get(slot.tile).map_or(UpAxis::Y, |t| t.gltf_up_axis()),
            texture_support: self.settings.texture_support,
            budget_bytes: self.settings.memory_ceiling_bytes,
        };
        match self.reader.measure(&bytes, &context) {
            Ok(cost) => {
                let tile = slot.tile.index;
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.cost = Some(cost);
                }
                self.refresh(tile);
                Some(cost)
            }
            Err(message) => {
                self.fail(index, message);
                None
            }
        }
    }

    /// The order of uploads: wanted first, what nobody wants now behind.
    pub(super) fn order_uploads(&mut self) {
        let mut waiting: Vec<(u32, u32)> = self
            .active
            .iter()
            .filter_map(|&i| self.slots.get(i).map(|s| (s, i)))
            .filter(|(s, _)| s.phase == Phase::Decoded)
            .map(|(s, i)| (s.order(self.frame), i))
            .collect();
        waiting.sort_unstable();
        self.plan.upload.extend(waiting.iter().map(|&(_, i)| self.slots.id(i)));
    }
}

pub(super) fn resources_of(resources: &[Resource]) -> HashMap<String, bytes::Bytes> {
    resources.iter().filter_map(|r| Some((r.uri.clone(), r.bytes.clone()??))).collect()
}

pub(super) fn share(ceiling: u64, share: f64) -> u64 {
    (ceiling as f64 * share) as u64
}
