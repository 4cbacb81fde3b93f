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
    /// What came out, or why nothing did.
    pub result: Result<Box<Decoded>, String>,
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

    /// Abandons a decode; if it is under way, its result is thrown away.
    pub fn cancel(&self, id: ContentId) {
        let mut queue = self.shared.lock();
        queue.orders.retain(|order| order.id != id);
        if queue.running.contains(&id) {
            queue.abandoned.insert(id);
        }
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
        if !abandoned && results.send(DecodeResult { id, tile, result }).is_err() {
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
