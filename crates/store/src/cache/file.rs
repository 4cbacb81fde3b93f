//! One file of the cache.
//!
//! Little-endian: magic `hamletc1`; `u32` length of the description; `u64` length of the body; BLAKE3 over description
//! and body (32 bytes); then the only part that changes in place, `u64` time of the last check and `u64` lifetime in
//! seconds with an own check `u64` (a torn write makes the copy stale, not wrong); description (JSON); body.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::SystemTime,
};

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"hamletc1";
const FRESHNESS_AT: usize = 8 + 4 + 8 + 32;
const FRESHNESS_BYTES: usize = 24;
const HEAD_BYTES: usize = FRESHNESS_AT + FRESHNESS_BYTES;
const NAME_BYTES: usize = 64;

/// Until when a copy may be served without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// When the server last sent or confirmed it, Unix seconds.
    pub(crate) checked_at_s: u64,
    /// Lifetime from then on, seconds.
    pub(crate) fresh_for_s: u64,
}

impl Freshness {
    fn to_bytes(self) -> [u8; FRESHNESS_BYTES] {
        let mut bytes = [0; FRESHNESS_BYTES];
        let check = self.checked_at_s.rotate_left(32) ^ self.fresh_for_s ^ CHECK;
        for (chunk, value) in bytes.chunks_exact_mut(8).zip([self.checked_at_s, self.fresh_for_s, check]) {
            chunk.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Self {
        let read = Self { checked_at_s: bytes.get_u64_le(), fresh_for_s: bytes.get_u64_le() };
        if read.to_bytes().ends_with(bytes) { read } else { Self::default() }
    }
}

const CHECK: u64 = 0x6d61_6c68_7465_6c73;

/// What the server wants to hear when it is asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    /// Its own name: the address itself may carry an access token.
    name: String,
    validators: Validators,
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) validators: Validators,
    pub(crate) freshness: Freshness,
    pub(crate) body: Bytes,
}

/// What there is of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// A whole copy.
    Whole(Stored),
    /// Reading it takes so many bytes, which is more than allowed. It was not looked at.
    TooLarge(u64),
    /// Nothing.
    None,
}

pub(crate) fn name_of(address: &str) -> String {
    blake3::hash(address.as_bytes()).to_hex().to_string()
}

pub(crate) fn is_name(name: &str) -> bool {
    name.len() == NAME_BYTES && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Everything before the body.
pub(crate) fn head(
    address: &str,
    validators: &Validators,
    freshness: Freshness,
    body: &[u8],
) -> io::Result<Vec<u8>> {
    let description = Description { name: name_of(address), validators: validators.clone() };
    let description = serde_json::to_vec(&description)?;
    let description_bytes = u32::try_from(description.len()).map_err(io::Error::other)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&description).update(body);
    let mut head = Vec::with_capacity(HEAD_BYTES + description.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&description_bytes.to_le_bytes());
    head.extend_from_slice(&(body.len() as u64).to_le_bytes());
    head.extend_from_slice(hasher.finalize().as_bytes());
    head.extend_from_slice(&freshness.to_bytes());
    head.extend_from_slice(&description);
    Ok(head)
}

/// Reads and checks a file, unless it takes more than `allowed_bytes`. `InvalidData` says that it is broken (longer than
/// the whole cache may be, or not of this address) and should be deleted.
pub(crate) fn read(path: &Path, address: &str, max_bytes: u64, allowed_bytes: u64) -> io::Result<Copy> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let broken = || io::Error::new(io::ErrorKind::InvalidData, path.display().to_string());
    if length < HEAD_BYTES as u64 || length > max_bytes {
        return Err(broken());
    }
    if length > allowed_bytes {
        return Ok(Copy::TooLarge(length));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| broken())?);
    (&mut file).take(length).read_to_end(&mut bytes)?;
    parse(bytes.into(), address).map(Copy::Whole).ok_or_else(broken)
}

fn parse(mut bytes: Bytes, address: &str) -> Option<Stored> {
    if bytes.len() < HEAD_BYTES {
        return None;
    }
    let mut head = bytes.split_to(HEAD_BYTES);
    if head.split_to(MAGIC.len()) != MAGIC[..] {
        return None;
    }
    let description_bytes = usize::try_from(head.get_u32_le()).ok()?;
    let body_bytes = usize::try_from(head.get_u64_le()).ok()?;
    let hash = head.split_to(32);
    let freshness = Freshness::from_bytes(&head);
    if description_bytes.checked_add(body_bytes)? != bytes.len()
        || blake3::hash(&bytes).as_bytes()[..] != hash
    {
        return None;
    }
    let description: Description = serde_json::from_slice(&bytes.split_to(description_bytes)).ok()?;
    (description.name == name_of(address)).then_some(Stored {
        validators: description.validators,
        freshness,
        body: bytes,
    })
}

/// Overwrites the freshness in place.
pub(crate) fn refresh(path: &Path, freshness: Freshness) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(FRESHNESS_AT as u64))?;
    file.write_all(&freshness.to_bytes())
}

/// Sets the time of last use; where that fails, the order of use is only known until the end of the process.
pub(crate) fn touch(path: &Path) {
    let touched =
        File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        tracing::debug!("the time of use of {} cannot be set: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        let freshness = Freshness { checked_at_s: 1_700_000_000, fresh_for_s: 60 };
        let body = Bytes::from_static(b"some tile");
        let mut whole = head("http://h/a", &validators, freshness, &body).unwrap();
        whole.extend_from_slice(&body);
        let stored = Stored { validators, freshness, body };
        assert_eq!(parse(whole.clone().into(), "http://h/a"), Some(stored.clone()));
        assert_eq!(parse(whole.clone().into(), "http://h/b"), None);
        for at in 0..whole.len() {
            assert_eq!(parse(whole[..at].to_vec().into(), "http://h/a"), None, "cut at {at}");
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[at] ^= 1 << bit;
                let parsed = parse(broken.into(), "http://h/a");
                if (FRESHNESS_AT..HEAD_BYTES).contains(&at) {
                    let stale = Stored { freshness: Freshness::default(), ..stored.clone() };
                    assert_eq!(parsed, Some(stale), "byte {at}");
                } else {
                    assert_eq!(parsed, None, "byte {at}");
                }
            }
        }
    }
}
