//! Bytes by key: from a folder, a package (`.3tz`, `.3dtiles`) or an HTTP(S) server; and atomic writing.
//!
//! - [`Source`] opens a tileset wherever it lies and reads its files, one blocking call at a time.
//! - [`Fetcher`] reads from a source in the background: a bounded number at once, by priority, cancellable in flight,
//!   answers through a bounded queue. It does not retry: whoever decides what is worth loading does, helped by
//!   [`FetchError::is_transient`] and [`FetchError::retry_after`].
//! - [`DiskCache`] keeps what came over HTTP, bounded in bytes; it also serves when the network is down.
//! - [`write`] holds atomic files and `.3tz` packaging.
//!
//! A *uri* here is what a tileset refers to, resolved against the document it stands in: either a path relative to the
//! root of the source (`a/b.b3dm?x=1`, `/` separators, percent-encoded) or an absolute `http(s)` address. Everything
//! else is refused, as is a path that leaves the root.

pub mod archive;
mod cache;
mod error;
mod fetcher;
mod folder;
mod http;
mod inflate;
mod job;
mod package_db;
mod read_at;
mod runtime;
mod source;
mod uri;
pub mod write;

pub use cache::{CacheStats, DiskCache};
pub use error::{FetchError, OpenError};
pub use fetcher::{FetchEvent, FetchOrder, Fetcher, FetcherStats};
pub use http::{Header, InvalidHeader};
pub use job::{Cancel, Origin, Payload};
pub use read_at::{FileAt, ReadAt};
pub use source::{Entry, OpenOptions, Source, SourceKind};
pub use uri::{decoded_path, encoded_path};
