//! What waits, what runs, what came: the bookkeeping of a fetcher.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::task::AbortHandle;

use super::{FetchEvent, FetchOrder, FetcherStats};
use crate::{Cancel, FetchError, Origin, Payload};

pub(crate) struct State {
    pub(crate) slots: usize,
    next_ticket: u64,
    closed: bool,
    /// By rank, then by arrival.
    pending: BTreeMap<(Rank, u64), FetchOrder>,
    pending_by_id: HashMap<u64, (Rank, u64)>,
    running: HashMap<u64, Running>,
    /// With each: whether it holds room in the queue.
    pub(crate) events: VecDeque<(FetchEvent, bool)>,
    totals: FetcherStats,
}

struct Running {
    ticket: u64,
    cancel: Cancel,
    abort: AbortHandle,
}

/// A priority with a total order (IEEE 754 `totalOrder`).
#[derive(Clone, Copy, Debug)]
struct Rank(f64);

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

impl State {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            next_ticket: 0,
            closed: false,
            pending: BTreeMap::new(),
            pending_by_id: HashMap::new(),
            running: HashMap::new(),
            events: VecDeque::new(),
            totals: FetcherStats::default(),
        }
    }

    pub(crate) fn push(&mut self, order: FetchOrder) {
        let key = (Rank(order.priority), self.next_ticket);
        self.next_ticket += 1;
        self.pending_by_id.insert(order.id, key);
        self.pending.insert(key, order);
    }

    pub(crate) fn set_priority(&mut self, id: u64, priority: f64) -> bool {
        let Some(key) = self.pending_by_id.get_mut(&id) else { return false };
        let Some(mut order) = self.pending.remove(key) else { return false };
        key.0 = Rank(priority);
        order.priority = priority;
        self.pending.insert(*key, order);
        true
    }

    /// The next order to start, with its ticket, if a slot is free.
    pub(crate) fn pop(&mut self) -> Option<(FetchOrder, u64)> {
        if self.closed || self.running.len() >= self.slots {
            return None;
        }
        let ((_, ticket), order) = self.pending.pop_first()?;
        self.pending_by_id.remove(&order.id);
        Some((order, ticket))
    }

    pub(crate) fn started(&mut self, id: u64, ticket: u64, cancel: Cancel, abort: AbortHandle) {
        self.running.insert(id, Running { ticket, cancel, abort });
    }

    pub(crate) fn is_running(&self, id: u64, ticket: u64) -> bool {
        self.running.get(&id).is_some_and(|running| running.ticket == ticket)
    }

    /// Forgets everything about `id`; returns how much room its events held.
    pub(crate) fn cancel(&mut self, id: u64) -> usize {
        if let Some(key) = self.pending_by_id.remove(&id) {
            self.pending.remove(&key);
        }
        if let Some(running) = self.running.remove(&id) {
            running.cancel.cancel();
            running.abort.abort();
        }
        let mut freed = 0;
        self.events.retain(|(event, held_room)| {
            let (FetchEvent::Length(event_id, _) | FetchEvent::Done(event_id, _)) = event;
            let keep = *event_id != id;
            freed += usize::from(!keep && *held_room);
            keep
        });
        freed
    }

    /// Queues the answer of a running order. False if it was cancelled.
    pub(crate) fn finish(
        &mut self,
        id: u64,
        ticket: u64,
        result: Result<Payload, FetchError>,
        held_room: bool,
    ) -> bool {
        if !self.is_running(id, ticket) {
            return false;
        }
        self.running.remove(&id);
        match &result {
            Ok(payload) => {
                self.totals.fetched += 1;
                self.totals.fetched_bytes += payload.bytes.len() as u64;
                self.totals.stale += u64::from(payload.origin == Origin::StaleCache);
            }
            Err(_) => self.totals.failed += 1,
        }
        self.events.push_back((FetchEvent::Done(id, result), held_room));
        true
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.pending.clear();
        self.pending_by_id.clear();
        self.events.clear();
        for (_, running) in self.running.drain() {
            running.cancel.cancel();
            running.abort.abort();
        }
    }

    pub(crate) fn stats(&self) -> FetcherStats {
        FetcherStats {
            pending: self.pending.len(),
            running: self.running.len(),
            events: self.events.len(),
            ..self.totals
        }
    }
}
