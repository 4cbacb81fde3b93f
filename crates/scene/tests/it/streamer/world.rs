//! Files of a simulated server, and the one content format it serves.

use std::collections::BTreeMap;

use bytes::Bytes;
use scene::{
    content::{ContentCost, DecodeContext},
    streamer::ContentReader,
};

/// A deterministic generator (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ x >> 31
    }
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub(super) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
}

/// How a file misbehaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// Never there.
    Gone,
    /// Fails so many times, then comes.
    Flaky(u32),
    /// Comes, but cannot be decoded.
    Corrupt,
}

/// What a server has.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) faults: BTreeMap<String, Fault>,
    /// Makes files that are too many to be kept.
    pub(super) makes: Option<fn(&str) -> Option<Bytes>>,
}

impl World {
    /// A file, if there is one.
    pub(super) fn get(&self, uri: &str) -> Option<Bytes> {
        self.files.get(uri).cloned().or_else(|| self.makes?(uri))
    }

    pub(super) fn add_text(&mut self, uri: &str, text: String) {
        self.files.insert(uri.to_owned(), Bytes::from(text));
    }

    /// A content of a size that depends on its name alone.
    pub(super) fn add_content(&mut self, uri: &str) {
        self.files.insert(uri.to_owned(), content_of(uri));
    }

    /// Makes a share of the contents misbehave.
    pub(super) fn spoil(&mut self, rng: &mut Rng, share: f64) {
        let uris: Vec<String> = self.files.keys().filter(|u| u.ends_with(".fake")).cloned().collect();
        for uri in uris {
            if rng.chance(share) {
                let fault = match rng.below(4) {
                    0 => Fault::Gone,
                    1 => Fault::Corrupt,
                    n => Fault::Flaky(n as u32 - 1),
                };
                self.faults.insert(uri, fault);
            }
        }
    }
}

/// A content whose size depends on its name alone.
pub(super) fn content_of(uri: &str) -> Bytes {
    let seed = uri.bytes().fold(7u64, |h, b| h.wrapping_mul(131).wrapping_add(u64::from(b)));
    let mut rng = Rng(seed);
    let text = format!(
        "FAKE {} {} {}\n",
        5_000 + rng.below(15_000),
        20_000 + rng.below(60_000),
        10_000 + rng.below(30_000)
    );
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len() + 2_000 + rng.below(15_000) as usize, b'.');
    Bytes::from(bytes)
}

/// Reads the line `FAKE cpu gpu transient file...`; real contents count by their length.
pub(super) fn cost_of(bytes: &[u8]) -> Result<ContentCost, String> {
    let length = bytes.len() as u64;
    if !bytes.starts_with(b"FAKE") {
        return Ok(ContentCost { cpu_bytes: length, gpu_bytes: 4 * length, transient_bytes: length });
    }
    let words = words_of(bytes)?;
    let numbers: Vec<u64> = words.iter().take(3).filter_map(|n| n.parse().ok()).collect();
    match numbers[..] {
        [cpu_bytes, gpu_bytes, transient_bytes] => Ok(ContentCost { cpu_bytes, gpu_bytes, transient_bytes }),
        _ => Err("three numbers expected".into()),
    }
}

fn words_of(bytes: &[u8]) -> Result<Vec<&str>, String> {
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let text = std::str::from_utf8(line).map_err(|e| e.to_string())?;
    Ok(text.strip_prefix("FAKE ").ok_or("not a content")?.split(' ').collect())
}

/// The simulated format.
#[derive(Debug)]
pub(super) struct FakeFormat;

impl ContentReader for FakeFormat {
    fn references(&self, bytes: &Bytes, _uri: &str) -> Result<Vec<String>, String> {
        if bytes.starts_with(b"FAKE") {
            Ok(words_of(bytes)?.iter().skip(3).map(|w| (*w).to_owned()).collect())
        } else {
            Ok(Vec::new())
        }
    }
    fn measure(&self, bytes: &Bytes, context: &DecodeContext) -> Result<ContentCost, String> {
        for uri in self.references(bytes, &context.uri)? {
            if !context.resources.contains_key(&uri) {
                return Err(format!("{uri} is missing"));
            }
        }
        cost_of(bytes)
    }
}
