//! Workers that decode contents: bounded, by order of arrival, cancellable.

use std::{
    collections::{BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use scene::{
    content::{self, ContentCost, DecodeContext, TextureSupport, TileContent, Warning},
    pick::PickMesh,
    streamer::{ContentId, DecodeOrder, TileId},
};

/// A decoded content.
#[derive(Debug)]
pub struct Decoded {
    /// What is drawn.
    pub content: TileContent,
    /// What rays ask.
    pub mesh: Arc<PickMesh>,
    /// What it takes.
    pub cost: ContentCost,
    /// Problems that did not prevent drawing.
    pub warnings: Vec<Warning>,
}

/// The end of a decode.
#[derive(Debug)]
pub struct DecodeResult {
    /// Its id.
    pub id: ContentId,
    /// Its tile.
    pub tile: TileId,
    /// What came out, or why nothing did; `None`: it was cancelled and holds nothing any more.
    pub result: Option<Result<Box<Decoded>, String>>,
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<DecodeOrder>,
    /// Under way and no longer wanted.
    abandoned: BTreeSet<ContentId>,
    running: BTreeSet<ContentId>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads that decode.
pub struct DecodePool {
    shared: Arc<Shared>,
    results: Mutex<Receiver<DecodeResult>>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for DecodePool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodePool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl DecodePool {
    /// Starts `workers` threads for a GPU that samples `texture_support`; `waker` is called when a result is there.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(
        workers: usize,
        texture_support: TextureSupport,
        waker: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), arrived: Condvar::new() });
        let workers = workers.max(1);
        let (sender, results) = sync_channel(2 * workers);
        let threads = (0..workers)
            .map(|number| {
                let (shared, sender, waker) = (shared.clone(), sender.clone(), waker.clone());
                std::thread::Builder::new()
                    .name(format!("decode {number}"))
                    .spawn(move || work(&shared, &sender, texture_support, &*waker))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { shared, results: Mutex::new(results), threads })
    }

    /// Takes on orders; the streamer bounds their number.
    pub fn submit(&self, orders: impl IntoIterator<Item = DecodeOrder>) {
        let mut queue = self.shared.lock();
        queue.orders.extend(orders);
        drop(queue);
        self.shared.arrived.notify_all();
    }

    /// Abandons a decode. True: it was not begun, and nothing more is heard of it. False: it is under way and ends with
    /// a result of `None`, or it has ended and its result waits to be taken.
    pub fn cancel(&self, id: ContentId) -> bool {
        let mut queue = self.shared.lock();
        let waiting = queue.orders.len();
        queue.orders.retain(|order| order.id != id);
        if queue.running.contains(&id) {
            queue.abandoned.insert(id);
        }
        queue.orders.len() < waiting
    }

    /// The next result, if there is one.
    pub fn try_next(&self) -> Option<DecodeResult> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }
}

impl Drop for DecodePool {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.orders.clear();
        drop(queue);
        self.shared.arrived.notify_all();
        // Workers that wait for room in the channel go on when it is gone.
        let (_, nothing) = sync_channel(1);
        drop(std::mem::replace(&mut *self.results.lock().unwrap_or_else(PoisonError::into_inner), nothing));
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(
    shared: &Shared,
    results: &SyncSender<DecodeResult>,
    texture_support: TextureSupport,
    waker: &(dyn Fn() + Send + Sync),
) {
    loop {
        let mut queue = shared.lock();
        let order = loop {
            if queue.closed {
                return;
            }
            match queue.orders.pop_front() {
                Some(order) => break order,
                None => queue = shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        };
        queue.running.insert(order.id);
        drop(queue);
        let (id, tile) = (order.id, order.tile);
        // A defect in a decoder must not end the session: it counts as a broken tile.
        let result = catch_unwind(AssertUnwindSafe(|| decode(order, texture_support)))
            .unwrap_or_else(|_| Err("the decoder panicked".to_owned()));
        let mut queue = shared.lock();
        queue.running.remove(&id);
        let abandoned = queue.abandoned.remove(&id);
        drop(queue);
        // What it took is freed before that is told.
        let result = (!abandoned).then_some(result);
        if results.send(DecodeResult { id, tile, result }).is_err() {
            return;
        }
        waker();
    }
}

fn decode(order: DecodeOrder, texture_support: TextureSupport) -> Result<Box<Decoded>, String> {
    let context = DecodeContext {
        uri: order.uri.to_string(),
        resources: order.resources,
        gltf_up_axis: order.gltf_up_axis,
        texture_support,
        budget_bytes: order.budget_bytes,
    };
    let (mut content, warnings) = content::decode(&order.bytes, &context).map_err(|e| e.to_string())?;
    let cost = content.cost();
    let mesh = Arc::new(PickMesh::new(&mut content));
    Ok(Box::new(Decoded { content, mesh, cost, warnings }))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::atomic::{AtomicUsize, Ordering},
        time::{Duration, Instant},
    };

    use super::*;

    fn order(id: u64, bytes: &[u8]) -> DecodeOrder {
        DecodeOrder {
            id: ContentId(id),
            tile: TileId { index: 0, generation: 0 },
            bytes: bytes.to_vec().into(),
            uri: "a.b3dm".into(),
            resources: HashMap::new(),
            gltf_up_axis: content::UpAxis::Y,
            budget_bytes: 1 << 20,
        }
    }

    fn wait_for(pool: &DecodePool, results: usize) -> Vec<DecodeResult> {
        let start = Instant::now();
        let mut got = Vec::new();
        while got.len() < results && start.elapsed() < Duration::from_secs(20) {
            match pool.try_next() {
                Some(result) => got.push(result),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        got
    }

    #[test]
    fn every_order_ends_and_wakes_its_owner() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        let waker = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let pool = DecodePool::start(2, TextureSupport::default(), waker).unwrap();
        // More than the channel holds: workers wait for room and go on.
        pool.submit((0..40).map(|id| order(id, b"no tile")));
        let results = wait_for(&pool, 40);
        assert_eq!(results.len(), 40);
        assert!(results.iter().all(|r| matches!(r.result, Some(Err(_)))));
        drop(pool);
        assert_eq!(woken.load(Ordering::SeqCst), 40);
    }

    #[test]
    fn a_pool_ends_although_nobody_takes_its_results() {
        let pool = DecodePool::start(1, TextureSupport::default(), Arc::new(|| ())).unwrap();
        pool.submit((0..40).map(|id| order(id, b"no tile")));
        drop(pool);
    }

    #[test]
    fn cancelled_orders_bring_no_result() {
        let pool = DecodePool::start(1, TextureSupport::default(), Arc::new(|| ())).unwrap();
        pool.submit((0..3).map(|id| order(id, b"no tile")));
        // The channel holds two results; the rest waits or was not begun.
        pool.submit((100..200).map(|id| order(id, b"no tile")));
        for id in 110..200 {
            assert!(pool.cancel(ContentId(id)), "{id} was not begun");
        }
        pool.submit([order(500, b"no tile")]);
        let mut ids = Vec::new();
        while ids.last() != Some(&500) {
            let results = wait_for(&pool, 1);
            assert_eq!(results.len(), 1, "after {ids:?}");
            ids.extend(results.iter().map(|r| r.id.0));
        }
        let done: Vec<u64> = ids.iter().copied().filter(|id| (110..200).contains(id)).collect();
        assert!(done.is_empty(), "cancelled, yet delivered: {done:?}");
    }
}
