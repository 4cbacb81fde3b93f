//! Reads in the background.

mod state;

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::Semaphore, task};

use crate::{Cancel, FetchError, Payload, Source, job::Job, runtime::Runtime, source::Plan};
use state::State;

/// One request for bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchOrder {
    /// The caller's id; answers carry it. An id that is still under way is cancelled and ordered anew.
    pub id: u64,
    /// What to read.
    pub uri: Arc<str>,
    /// What reading it may take at most, bytes: the length of the file, and for a gzipped one that of the inflated form
    /// besides. Whatever would take more is cut off with [`FetchError::TooLarge`].
    pub max_bytes: u64,
    /// Lower first; equals in order of arrival.
    pub priority: f64,
}

/// What happened to an order.
#[derive(Clone, Debug, PartialEq)]
pub enum FetchEvent {
    /// It will take no more than so many bytes. At most one per order, none where that is not known before the end.
    Length(u64, u64),
    /// It ended. Exactly one per order, none for a cancelled one.
    Done(u64, Result<Payload, FetchError>),
}

/// Figures of a fetcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetcherStats {
    /// Orders waiting for a slot.
    pub pending: usize,
    /// Orders under way.
    pub running: usize,
    /// Events waiting to be taken.
    pub events: usize,
    /// Orders answered with bytes so far.
    pub fetched: u64,
    /// Bytes of these.
    pub fetched_bytes: u64,
    /// Of the answered orders, those served from a copy because the server could not be reached.
    pub stale: u64,
    /// Orders that failed so far.
    pub failed: u64,
}

/// Reads from a source in the background, a bounded number of orders at once, the most urgent first.
///
/// Answers wait in a bounded queue: when nobody takes them, no further order is started. Dropping the fetcher aborts
/// everything under way.
pub struct Fetcher {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

struct Shared {
    source: Source,
    runtime: Arc<Runtime>,
    state: Mutex<State>,
    arrived: Condvar,
    /// Room for answers.
    room: Semaphore,
    waker: Box<dyn Fn() + Send + Sync>,
}

/// Answers that may wait to be taken, besides one per slot.
const MIN_ROOM: usize = 64;

impl Fetcher {
    /// Starts a fetcher that runs up to `slots` orders at once. `waker` is called from its threads whenever an event
    /// became available; it must return quickly.
    pub fn start(source: Source, slots: usize, waker: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = match source.runtime() {
            Some(runtime) => runtime,
            None => Arc::new(Runtime::start()?),
        };
        let slots = slots.max(1);
        Ok(Self {
            shared: Arc::new(Shared {
                source,
                runtime,
                state: Mutex::new(State::new(slots)),
                arrived: Condvar::new(),
                room: Semaphore::new(MIN_ROOM.max(2 * slots)),
                waker: Box::new(waker),
            }),
        })
    }

    /// Takes on orders.
    pub fn submit(&self, orders: impl IntoIterator<Item = FetchOrder>) {
        let mut state = self.shared.lock();
        for order in orders {
            self.shared.cancel(&mut state, order.id);
            state.push(order);
        }
        self.shared.start_next(&mut state);
    }

    /// Aborts an order: no event of it is seen after this returns, and what it took is freed within a moment, by the time
    /// its thread or task has looked at the order again. Unknown ids are ignored.
    pub fn cancel(&self, id: u64) {
        let mut state = self.shared.lock();
        self.shared.cancel(&mut state, id);
        self.shared.start_next(&mut state);
    }

    /// Changes the priority of an order that still waits for a slot. False if it does not wait.
    pub fn set_priority(&self, id: u64, priority: f64) -> bool {
        self.shared.lock().set_priority(id, priority)
    }

    /// Changes how many orders run at once; those under way are not aborted.
    pub fn set_slots(&self, slots: usize) {
        let mut state = self.shared.lock();
        state.slots = slots.max(1);
        self.shared.start_next(&mut state);
    }

    /// The next event, if there is one.
    pub fn try_next(&self) -> Option<FetchEvent> {
        self.shared.take(&mut self.shared.lock())
    }

    /// The next event; waits for it at most this long.
    pub fn next_timeout(&self, timeout: Duration) -> Option<FetchEvent> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.lock();
        loop {
            if let Some(event) = self.shared.take(&mut state) {
                return Some(event);
            }
            let left = match deadline {
                Some(deadline) => deadline.checked_duration_since(Instant::now())?,
                None => Duration::from_secs(3600),
            };
            state = self.shared.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Figures.
    pub fn stats(&self) -> FetcherStats {
        self.shared.lock().stats()
    }

    /// The source it reads from.
    pub fn source(&self) -> &Source {
        &self.shared.source
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.shared.lock().close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self, state: &mut State, id: u64) {
        let freed = state.cancel(id);
        self.room.add_permits(freed);
    }

    fn take(&self, state: &mut State) -> Option<FetchEvent> {
        let (event, held_room) = state.events.pop_front()?;
        if held_room {
            self.room.add_permits(1);
        }
        Some(event)
    }

    fn start_next(self: &Arc<Self>, state: &mut State) {
        while let Some((order, ticket)) = state.pop() {
            let cancel = Cancel::default();
            let id = order.id;
            let task = self.runtime.handle().spawn(Arc::clone(self).run(order, ticket, cancel.clone()));
            state.started(id, ticket, cancel, task.abort_handle());
        }
    }

    async fn run(self: Arc<Self>, order: FetchOrder, ticket: u64, cancel: Cancel) {
        let slot = Slot { shared: Arc::clone(&self), id: order.id, ticket, uri: Arc::clone(&order.uri) };
        let on_length = {
            let shared = Arc::clone(&self);
            let told = std::sync::atomic::AtomicBool::new(false);
            move |bytes| {
                if !told.swap(true, std::sync::atomic::Ordering::Relaxed) {
                    shared.length(order.id, ticket, bytes);
                }
            }
        };
        let job = Job { uri: order.uri, max_bytes: order.max_bytes, cancel, on_length: Arc::new(on_length) };
        let result = fetch(&self.source, self.runtime.handle(), job).await;
        match self.room.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_closed) => return,
        }
        slot.done(result, true);
    }

    fn length(&self, id: u64, ticket: u64, bytes: u64) {
        let mut state = self.lock();
        if state.is_running(id, ticket) {
            // Takes no room: there is at most one per order, and orders in the queue are bounded.
            state.events.push_back((FetchEvent::Length(id, bytes), false));
            drop(state);
            self.wake();
        }
    }

    fn wake(&self) {
        self.arrived.notify_all();
        (self.waker)();
    }
}

async fn fetch(source: &Source, handle: &Handle, job: Job) -> Result<Payload, FetchError> {
    match source.plan(&job.uri)? {
        Plan::Web(http, address) => http.fetch(address, &job).await,
        Plan::Local(inside) => {
            let source = source.clone();
            let uri = Arc::clone(&job.uri);
            let read = handle.spawn_blocking(move || source.read_local(&inside, &job)).await;
            read.unwrap_or_else(|error: task::JoinError| Err(FetchError::corrupt(&uri, error.to_string())))
        }
    }
}

/// A slot under way. Whatever ends the task, the slot is freed and, unless cancelled, answered.
struct Slot {
    shared: Arc<Shared>,
    id: u64,
    ticket: u64,
    uri: Arc<str>,
}

impl Slot {
    fn done(&self, result: Result<Payload, FetchError>, held_room: bool) {
        let mut state = self.shared.lock();
        if state.finish(self.id, self.ticket, result, held_room) {
            self.shared.start_next(&mut state);
            drop(state);
            self.shared.wake();
        } else if held_room {
            self.shared.room.add_permits(1);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.done(Err(FetchError::corrupt(&self.uri, "reading it failed unexpectedly")), false);
    }
}
