//! Fuzz targets of packages. A short run with every `make test`; ten minutes each with
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p store --test it fuzz`.
//! A crash leaves its bytes in the folder that `HAMLET_FUZZ_CRASHES` names; kept in `tests/crashes/TARGET/`, they are
//! replayed for ever.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bolero::TypeGenerator;
use bytes::Bytes;
use store::{
    OpenOptions, Source,
    archive::{self, Archive},
    write::Compression,
};

use crate::{
    gzipped, noise,
    packages::{database, package},
    shared_data,
};

/// A change to a seed: random bytes alone would never get past a magic number.
#[derive(Clone, Debug, TypeGenerator)]
enum Edit {
    Byte { at: u32, value: u8 },
    Word { at: u32, value: u32 },
    Extreme { at: u32, which: u8 },
    Cut { at: u32 },
    Repeat { at: u32, count: u8 },
    Swap { at: u32, with: u32 },
}

fn edited(seed: &[u8], edits: &[Edit]) -> Vec<u8> {
    const EXTREMES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe];
    let mut bytes = seed.to_vec();
    for edit in edits.iter().take(24) {
        let len = bytes.len().max(1);
        // The directory stands at the end of an archive, the schema at the front of a database; most changes go there.
        let place = |at: u32| match at % 4 {
            0 => (at / 4) as usize % len,
            1 => (at / 4) as usize % len.min(600),
            _ => len - 1 - (at / 4) as usize % len.min(800),
        };
        match *edit {
            Edit::Byte { at, value } => bytes.iter_mut().skip(place(at)).take(1).for_each(|b| *b = value),
            Edit::Word { at, value } => overwrite(&mut bytes, place(at), value),
            Edit::Extreme { at, which } => overwrite(&mut bytes, place(at), EXTREMES[usize::from(which) % 6]),
            Edit::Cut { at } if at % 8 == 0 => bytes.truncate(at as usize / 8 % len),
            Edit::Cut { at } => {
                bytes.drain(..at as usize % len.min(40));
            }
            Edit::Repeat { at, count } => {
                let from = place(at).min(bytes.len());
                let tail = bytes[from..(from + usize::from(count)).min(bytes.len())].to_vec();
                bytes.splice(from..from, tail);
            }
            Edit::Swap { at, with } => {
                let (a, b) = (place(at), place(with));
                if a < bytes.len() && b < bytes.len() {
                    bytes.swap(a, b);
                }
            }
        }
    }
    bytes
}

fn overwrite(bytes: &mut [u8], at: usize, value: u32) {
    for (slot, byte) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
        *slot = byte;
    }
}

fn fuzz(target: &'static str, seeds: Vec<Vec<u8>>, run: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let replayed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crashes")).join(target);
    if replayed.is_dir() {
        for entry in fs::read_dir(replayed).unwrap() {
            run(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
    static CRASHES: AtomicU64 = AtomicU64::new(0);
    let runs = AtomicU64::new(0);
    bolero::check!().with_type::<(u16, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], edits);
        runs.fetch_add(1, Ordering::Relaxed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&bytes))) {
            if let Some(folder) = std::env::var_os("HAMLET_FUZZ_CRASHES") {
                let number = CRASHES.fetch_add(1, Ordering::Relaxed);
                fs::write(Path::new(&folder).join(format!("{target}-{number}.bin")), &bytes).unwrap();
            }
            resume_unwind(panic);
        }
    });
    println!("{target}: {} inputs from {} seeds", runs.load(Ordering::Relaxed), seeds.len());
}

/// Small packages of the shared data, where they are there.
fn real(extension: &str) -> Vec<Vec<u8>> {
    let Some(data) = shared_data() else { return Vec::new() };
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![data.join("tiles/validator/data/tilesets")];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension)
                && path.metadata().unwrap().len() < 60_000
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().map(|path| fs::read(path).unwrap()).filter(|bytes| !bytes.is_empty()).collect()
}

#[test]
fn archives() {
    let mut seeds = [Compression::Stored, Compression::Deflate, Compression::Zstd].map(package).to_vec();
    seeds.extend(real("3tz"));
    fuzz("archives", seeds, |bytes| {
        archive::parse_for_fuzzing(bytes);
        let Ok(archive) = Archive::open(Box::new(Bytes::copy_from_slice(bytes))) else { return };
        for path in ["tileset.json", "村/a/1.glb", "村/a/2 2.glb", "@3dtilesIndex1@"] {
            if let Ok(read) = archive.read(path, 4000) {
                assert!(read.len() <= 4000);
            }
        }
    });
}

#[test]
fn databases() {
    let (_made, path) = database(
        "PRAGMA page_size = 512; CREATE TABLE media (key TEXT PRIMARY KEY, content BLOB);
        INSERT INTO media VALUES ('tileset.json', x'7b7d'), ('a', zeroblob(2000)), ('b', x'1f8b08'), ('c', NULL)",
    );
    let mut seeds = vec![fs::read(path).unwrap()];
    seeds.extend(real("3dtiles"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed.3dtiles");
    fuzz("databases", seeds, |bytes| {
        fs::write(&path, bytes).unwrap();
        let Ok(source) = Source::open_path(&path, &OpenOptions::default()) else { return };
        let listed = source.list().unwrap_or_default();
        let uris = listed.iter().take(8).map(|entry| entry.uri.as_str());
        for uri in ["tileset.json", "a", "b", "missing"].into_iter().chain(uris) {
            if let Ok(read) = source.read(uri, 4000) {
                assert!(read.len() <= 4000);
            }
        }
    });
}

#[test]
fn gzip() {
    let members = [gzipped(b"{}"), gzipped(&noise(300, 1)), gzipped(&[7; 100_000])];
    let mut seeds = members.to_vec();
    seeds.push(members.concat());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tileset.json"), "{}").unwrap();
    let path = folder.path().join("a.b3dm");
    fuzz("gzip", seeds, |bytes| {
        fs::write(&path, bytes).unwrap();
        let source = Source::open_path(folder.path(), &OpenOptions::default()).unwrap();
        for max_bytes in [100, 200_000] {
            if let Ok(read) = source.read("a.b3dm", max_bytes) {
                assert!(read.len() as u64 <= max_bytes);
            }
        }
    });
}
