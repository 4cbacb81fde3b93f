//! Gzip with a limit on what comes out.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use crate::{FetchError, job::Job};

/// Whether `bytes` begin a gzip member (RFC 1952 §2.3): magic, method deflate, no reserved flag.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0)
}

/// Inflates gzipped `bytes`, at most `job.max_bytes`; anything else is handed back as it is.
pub(crate) fn plain(bytes: Bytes, job: &Job) -> Result<Bytes, FetchError> {
    if !is_gzip(&bytes) {
        return Ok(bytes);
    }
    match read_limited(MultiGzDecoder::new(&bytes[..]), bytes.len() as u64 * 3, job) {
        Ok(inflated) => Ok(inflated.into()),
        Err(LimitedError::TooLarge) => Err(job.too_large()),
        Err(LimitedError::Cancelled) => Err(FetchError::Cancelled { uri: job.uri.as_ref().to_owned() }),
        Err(LimitedError::Io(error)) => {
            Err(FetchError::corrupt(&job.uri, format!("broken gzip data: {error}")))
        }
    }
}

pub(crate) enum LimitedError {
    TooLarge,
    Cancelled,
    Io(io::Error),
}

const CHUNK_BYTES: usize = 256 << 10;

/// Reads to the end, never taking more memory than the limit; `expected_bytes` is only a hint.
pub(crate) fn read_limited(
    mut reader: impl Read,
    expected_bytes: u64,
    job: &Job,
) -> Result<Vec<u8>, LimitedError> {
    let mut bytes = Vec::with_capacity(usize_within(expected_bytes.min(job.max_bytes)));
    loop {
        if job.cancel.is_cancelled() {
            return Err(LimitedError::Cancelled);
        }
        let read =
            (&mut reader).take(CHUNK_BYTES as u64).read_to_end(&mut bytes).map_err(LimitedError::Io)?;
        if bytes.len() as u64 > job.max_bytes {
            return Err(LimitedError::TooLarge);
        }
        if read == 0 {
            return Ok(bytes);
        }
    }
}

/// A first capacity that a wrong hint cannot make dangerous.
fn usize_within(bytes: u64) -> usize {
    usize::try_from(bytes.min(64 << 20)).unwrap_or(0)
}
