//! What `store` does with real folders, packages and a server on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod cache;
mod fetcher;
mod folder;
mod fuzz;
mod http;
mod packages;
mod remote_package;
mod server;
mod tls;
mod tls_server;
mod write;

use std::path::{Path, PathBuf};

/// The test data beside the project, if they are there.
fn shared_data() -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if path.is_dir() {
        return Some(path.to_owned());
    }
    println!("skipped: ../shared/data is absent");
    None
}

/// Gzipped `bytes`.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that do not compress, the same for the same seed.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}
