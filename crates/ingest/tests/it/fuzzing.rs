//! One way of fuzzing for all readers: seeds, edits, crash files.

use std::{
    panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bolero::TypeGenerator;

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
        // Structure is dense at the beginning: three of four changes go there.
        let place = |at: u32| {
            if at.is_multiple_of(4) { (at / 4) as usize % len } else { (at / 4) as usize % len.min(900) }
        };
        match *edit {
            Edit::Byte { at, value } => bytes.iter_mut().skip(place(at)).take(1).for_each(|b| *b = value),
            Edit::Word { at, value } => overwrite(&mut bytes, place(at), value),
            Edit::Extreme { at, which } => {
                overwrite(&mut bytes, place(at), EXTREMES[usize::from(which) % 6]);
            }
            Edit::Cut { at } => bytes.truncate(at as usize % len),
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

/// Replays the crash files of `target`, then runs edited seeds.
pub(crate) fn fuzz(target: &'static str, seeds: Vec<Vec<u8>>, run: impl Fn(&[u8]) + RefUnwindSafe) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crashes")).join(target);
    for path in files(&folder, &["bin"]) {
        run(&std::fs::read(path).unwrap());
    }
    static CRASHES: AtomicU64 = AtomicU64::new(0);
    bolero::check!().with_type::<(u16, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], edits);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&bytes))) {
            if let Some(folder) = std::env::var_os("HAMLET_FUZZ_CRASHES") {
                let number = CRASHES.fetch_add(1, Ordering::Relaxed);
                std::fs::write(Path::new(&folder).join(format!("{target}-{number}.bin")), &bytes).unwrap();
            }
            resume_unwind(panic);
        }
    });
}

/// A folder of real data, if it is there.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(folder);
    path.exists().then_some(path)
}

/// Small real files, where they are there.
pub(crate) fn real(folder: &str, extensions: &[&str], at_most: usize) -> Vec<Vec<u8>> {
    let Some(root) = data(folder) else { return Vec::new() };
    let all = files(&root, extensions).into_iter().map(|path| std::fs::read(path).unwrap());
    all.filter(|bytes| bytes.len() < at_most && !bytes.is_empty()).collect()
}

/// Files below a folder with one of these extensions, in order.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
