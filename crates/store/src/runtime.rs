//! One thread that drives all network transfers of a source; blocking reads run on a few threads beside it.

use std::{future::Future, io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// Enough for every slot of a fetcher and its cache writes.
const MAX_BLOCKING_THREADS: usize = 64;

/// Ends its thread when dropped.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    /// Dropping it is the sign to stop.
    _stop: oneshot::Sender<()>,
}

impl Runtime {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("store-read")
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("store-net".to_owned()).spawn(move || {
            // An error means that the sender is gone, which is the only sign there is.
            let _gone = runtime.block_on(stopped);
            // A read that hangs in the file system must not hold up whoever closes the source.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `future` on the runtime and waits for it. None when the runtime stopped or the future panicked.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, answer) = std::sync::mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Nobody waits any more when this fails.
            let _unheard = done.try_send(future.await);
        });
        answer.recv().ok()
    }
}
