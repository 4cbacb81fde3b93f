//! Gzip with a limit on what comes out.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use crate::{FetchError, job::Job};

/// Whether `bytes` begin a gzip member (RFC 1952 §2.3): magic, method deflate, no reserved flag.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0)
}

/// Inflates gzipped `bytes`; anything else is handed back as it is. Both forms together take at most `job.max_bytes`.
pub(crate) fn plain(bytes: Bytes, job: &Job) -> Result<Bytes, FetchError> {
    if !is_gzip(&bytes) {
        return Ok(bytes);
    }
    let stored = bytes.len() as u64;
    // What the last member declares (RFC 1952 §2.3.1): a hint, as it may lie or tell of a part only.
    let declared = bytes.last_chunk().map_or(0, |last: &[u8; 4]| u64::from(u32::from_le_bytes(*last)));
    let rest = Job { max_bytes: job.max_bytes.saturating_sub(stored), ..job.clone() };
    match read_limited(MultiGzDecoder::new(&bytes[..]), declared.saturating_add(1), &rest) {
        Ok(inflated) => Ok(inflated.into()),
        Err(LimitedError::TooLarge) => Err(job.too_large(Some(stored + declared))),
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

/// Reads to the end, never taking more memory than the limit and a byte; `expected_bytes` is only a hint.
pub(crate) fn read_limited(
    mut reader: impl Read,
    expected_bytes: u64,
    job: &Job,
) -> Result<Vec<u8>, LimitedError> {
    // One byte more shows what is too long.
    let most = job.max_bytes.saturating_add(1);
    let mut bytes = Vec::with_capacity(usize_within(expected_bytes.min(most)));
    loop {
        if job.cancel.is_cancelled() {
            return Err(LimitedError::Cancelled);
        }
        grow(&mut bytes, most);
        let part = (bytes.capacity() - bytes.len()).min(CHUNK_BYTES);
        let read = (&mut reader).take(part as u64).read_to_end(&mut bytes).map_err(LimitedError::Io)?;
        if bytes.len() as u64 > job.max_bytes {
            return Err(LimitedError::TooLarge);
        }
        if read < part {
            trim(&mut bytes);
            return Ok(bytes);
        }
    }
}

/// Makes a full buffer larger: twice as large, as a vector would, but not beyond `most`, which must not be reached yet.
pub(crate) fn grow(bytes: &mut Vec<u8>, most: u64) {
    if bytes.len() == bytes.capacity() {
        let left = usize::try_from(most.saturating_sub(bytes.len() as u64)).unwrap_or(usize::MAX);
        bytes.reserve_exact(bytes.len().max(CHUNK_BYTES).min(left));
    }
}

/// Gives back what was taken in advance, where it is worth a copy.
pub(crate) fn trim(bytes: &mut Vec<u8>) {
    if bytes.capacity() - bytes.len() > bytes.len() / 16 + 64 {
        bytes.shrink_to_fit();
    }
}

/// A first capacity that a wrong hint cannot make dangerous.
fn usize_within(bytes: u64) -> usize {
    usize::try_from(bytes.min(64 << 20)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_stay_within_the_limit_whatever_was_expected() {
        for length in [0usize, 1, 1000, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7, 2_000_000] {
            for expected in [0, 1, length as u64, length as u64 + 1, 5_000_000] {
                for max_bytes in [length as u64, length as u64 + 100, 4_000_000] {
                    let job = Job::blocking("a", max_bytes);
                    let bytes = read_limited(io::repeat(7).take(length as u64), expected, &job)
                        .unwrap_or_else(|_| panic!("{length} of {max_bytes}"));
                    assert_eq!(bytes.len(), length);
                    assert!(bytes.capacity() as u64 <= max_bytes + 1);
                    assert!(
                        bytes.capacity() <= length + length / 16 + 64,
                        "{} for {length}",
                        bytes.capacity()
                    );
                }
            }
            if length > 0 {
                let job = Job::blocking("a", length as u64 - 1);
                let result = read_limited(io::repeat(7).take(length as u64), 1 << 30, &job);
                assert!(matches!(result, Err(LimitedError::TooLarge)));
            }
        }
        // An endless answer ends at the limit.
        let job = Job::blocking("a", 1_000_000);
        assert!(matches!(read_limited(io::repeat(7), 0, &job), Err(LimitedError::TooLarge)));
    }
}
