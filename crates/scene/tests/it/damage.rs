//! Every sample file, cut short and damaged at random places: nothing panics, nothing takes more than was measured.

use std::path::Path;

use bytes::Bytes;
use rayon::prelude::*;
use scene::{
    content::{self, DecodeContext},
    inspect::{self, Options},
    tileset::{
        RawTileset, Subtree,
        implicit::{SubdivisionScheme, SubtreeShape},
    },
};

use crate::support::{data, files, is_long_run};

/// A deterministic generator (SplitMix64).
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ x >> 31) % n.max(1) as u64) as usize
    }
}

/// Cut short, or a few bytes changed, mostly near the front where lengths and counts stand.
fn damaged(whole: &Bytes, rng: &mut Rng) -> Bytes {
    if rng.below(2) == 0 {
        let front = whole.len().min(2000);
        let at = if rng.below(3) == 0 { rng.below(front) } else { rng.below(whole.len()) };
        return whole.slice(..at);
    }
    let mut bytes = whole.to_vec();
    for _ in 0..=rng.below(4) {
        let front = whole.len().min(600);
        let at = if rng.below(2) == 0 { rng.below(front) } else { rng.below(whole.len()) };
        if let Some(byte) = bytes.get_mut(at) {
            *byte = [0, 1, 0x7f, 0x80, 0xff, *byte ^ 1 << rng.below(8)][rng.below(6)];
        }
    }
    Bytes::from(bytes)
}

/// Reads a file as what its name says; true if it was read.
fn take(path: &Path, bytes: &Bytes, context: &DecodeContext) -> bool {
    let name = &context.uri;
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "subtree" => {
            let _ = Subtree::references(bytes, name);
            let shape = |scheme, levels| SubtreeShape { scheme, levels, content_count: 1 };
            let shapes = [shape(SubdivisionScheme::Quadtree, 3), shape(SubdivisionScheme::Octree, 2)];
            shapes.iter().any(|shape| Subtree::parse(bytes, name, shape, &context.resources).is_ok())
        }
        "json" => {
            let mut served = |_: &str| Ok(bytes.clone());
            let options =
                Options { follow_contents: false, max_tiles: 5000, max_files: 5, ..Options::default() };
            let _ = inspect::inspect_any(name, &mut served, &options);
            RawTileset::parse(bytes, name).is_ok()
        }
        _ => {
            let _ = content::references(bytes, name);
            let measured = content::measure(bytes, context);
            let Ok((mut content, _)) = content::decode(bytes, context) else { return false };
            let (cost, measured) = (content.cost(), measured.expect("what decodes can be measured"));
            assert!(
                cost.cpu_bytes <= measured.cpu_bytes && cost.gpu_bytes <= measured.gpu_bytes,
                "{cost:?} > {measured:?}"
            );
            let _ = scene::pick::PickMesh::new(&mut content);
            true
        }
    }
}

/// `rounds` damaged forms of every file; fewer of large ones.
fn run(rounds: usize, largest: usize) {
    let Some(root) = data("tiles") else { return };
    let all = files(&root, &["b3dm", "i3dm", "pnts", "cmpt", "glb", "gltf", "subtree", "json"]);
    let counts: Vec<(usize, usize)> = all
        .par_iter()
        .enumerate()
        .filter_map(|(number, path)| {
            let bytes = Bytes::from(std::fs::read(path).unwrap());
            if bytes.is_empty() || bytes.len() > largest {
                return None;
            }
            let mut context = crate::legacy_files::context_of(path, &bytes);
            context.budget_bytes = 64 << 20;
            let mut rng = Rng(number as u64);
            let rounds = (rounds * 50_000 / bytes.len()).clamp(rounds / 20 + 1, rounds);
            let read = (0..rounds).filter(|_| take(path, &damaged(&bytes, &mut rng), &context)).count();
            Some((rounds, read))
        })
        .collect();
    let (tried, read) = counts.iter().fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    println!("{} files, {tried} damaged forms, {read} of them read all the same", counts.len());
    assert!(counts.len() > 300 && tried > read && read > 0);
}

#[test]
fn damaged_samples_never_panic() {
    run(2, 40_000);
}

#[test]
fn long_damaged_samples_never_panic() {
    if is_long_run() {
        run(400, 4_000_000);
    }
}
