//! One read: its limits, and what comes of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use crate::{FetchError, inflate};

/// A flag that tells a running read to stop.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the read to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the read was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Folder or package on this machine.
    Local,
    /// Over the network.
    Network,
    /// Disk cache: still fresh, or the server confirmed that it is unchanged.
    Cache,
    /// Disk cache, because the server could not be reached: may be out of date.
    StaleCache,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The bytes, inflated if they were stored gzipped.
    pub bytes: Bytes,
    /// Where they came from.
    pub origin: Origin,
}

/// Told once it is certain that no more than so many bytes will be taken.
pub(crate) type OnLength = Arc<dyn Fn(u64) + Send + Sync>;

/// One read, as the backends see it.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) uri: Arc<str>,
    pub(crate) max_bytes: u64,
    pub(crate) cancel: Cancel,
    pub(crate) on_length: OnLength,
}

impl Job {
    pub(crate) fn blocking(uri: &str, max_bytes: u64) -> Self {
        Self { uri: uri.into(), max_bytes, cancel: Cancel::default(), on_length: Arc::new(|_| ()) }
    }

    pub(crate) fn check(&self) -> Result<(), FetchError> {
        if self.cancel.is_cancelled() {
            return Err(FetchError::Cancelled { uri: self.uri.as_ref().to_owned() });
        }
        Ok(())
    }

    /// `needed`: what it takes, where that is known.
    pub(crate) fn too_large(&self, needed: Option<u64>) -> FetchError {
        let needed = needed.filter(|bytes| *bytes > self.max_bytes);
        FetchError::TooLarge { uri: self.uri.as_ref().to_owned(), max_bytes: self.max_bytes, needed }
    }

    pub(crate) fn not_found(&self) -> FetchError {
        FetchError::NotFound { uri: self.uri.as_ref().to_owned() }
    }

    /// Checks a declared length against the limit.
    pub(crate) fn check_length(&self, bytes: u64) -> Result<(), FetchError> {
        if bytes > self.max_bytes {
            return Err(self.too_large(Some(bytes)));
        }
        Ok(())
    }

    /// Tells that no more than `bytes` will be taken, if that is so: what begins like gzip will be inflated.
    pub(crate) fn tell_length(&self, front: &[u8], bytes: u64) {
        if !inflate::is_gzip(front) {
            (self.on_length)(bytes);
        }
    }
}
