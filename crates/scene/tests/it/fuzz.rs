//! Fuzz targets of the binary decoders. A short run with every `make test`; ten minutes each with
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p scene --test it fuzz`.
//! A crash leaves its bytes in the folder that `HAMLET_FUZZ_CRASHES` names; kept in `tests/crashes/TARGET/`, they are
//! replayed for ever.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use bolero::TypeGenerator;
use bytes::Bytes;
use geodesy::glam::DMat4;
use scene::{
    content,
    inspect::{self, Options},
    tileset::{
        RawTileset, Tree, TreeLimits,
        implicit::{SubdivisionScheme, SubtreeShape},
        subtree::Subtree,
    },
};

use crate::{
    legacy_made,
    made::Model,
    support::{context, data, files},
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

fn edited(seed: &[u8], edits: &[Edit]) -> Bytes {
    const EXTREMES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe];
    let mut bytes = seed.to_vec();
    for edit in edits.iter().take(24) {
        let len = bytes.len().max(1);
        // Headers and JSON are where lengths are: three of four changes go there.
        let place = |at: u32| {
            if at.is_multiple_of(4) { (at / 4) as usize % len } else { (at / 4) as usize % len.min(600) }
        };
        match *edit {
            Edit::Byte { at, value } => bytes.iter_mut().skip(place(at)).take(1).for_each(|b| *b = value),
            Edit::Word { at, value } => overwrite(&mut bytes, place(at) & !3, value),
            Edit::Extreme { at, which } => {
                overwrite(&mut bytes, place(at) & !3, EXTREMES[usize::from(which) % 6])
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
    Bytes::from(bytes)
}

fn overwrite(bytes: &mut [u8], at: usize, value: u32) {
    for (slot, byte) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
        *slot = byte;
    }
}

fn fuzz(target: &'static str, seeds: Vec<Bytes>, run: impl Fn(&Bytes) + std::panic::RefUnwindSafe) {
    replay(target, &run);
    static CRASHES: AtomicU64 = AtomicU64::new(0);
    let runs = AtomicU64::new(0);
    bolero::check!().with_type::<(u16, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], edits);
        runs.fetch_add(1, Ordering::Relaxed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&bytes))) {
            if let Some(folder) = std::env::var_os("HAMLET_FUZZ_CRASHES") {
                let number = CRASHES.fetch_add(1, Ordering::Relaxed);
                let path = Path::new(&folder).join(format!("{target}-{number}.bin"));
                std::fs::write(&path, &bytes).unwrap();
            }
            resume_unwind(panic);
        }
    });
    println!("{target}: {} inputs from {} seeds", runs.load(Ordering::Relaxed), seeds.len());
}

fn replay(target: &str, run: &impl Fn(&Bytes)) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crashes")).join(target);
    if folder.is_dir() {
        for path in files(&folder, &["bin"]) {
            run(&Bytes::from(std::fs::read(path).unwrap()));
        }
    }
}

/// Small real files, where they are there.
fn real(folder: &str, extensions: &[&str], at_most: usize) -> Vec<Bytes> {
    let Some(root) = data(folder) else { return Vec::new() };
    let all = files(&root, extensions).into_iter().map(|path| Bytes::from(std::fs::read(path).unwrap()));
    all.filter(|bytes| bytes.len() < at_most && !bytes.is_empty()).collect()
}

fn take(bytes: &Bytes) {
    let mut context = context("fuzzed");
    context.budget_bytes = 32 << 20;
    let _ = content::references(bytes, "fuzzed");
    let measured = content::measure(bytes, &context);
    if let Ok((content, _)) = content::decode(bytes, &context) {
        let cost = content.cost();
        let measured = measured.expect("what decodes can be measured");
        assert!(
            cost.cpu_bytes <= measured.cpu_bytes && cost.gpu_bytes <= measured.gpu_bytes,
            "{cost:?} > {measured:?}"
        );
    }
}

#[test]
fn tile_headers() {
    fuzz("tile_headers", legacy_made::seeds(), take);
}

#[test]
fn glb() {
    let mut seeds = vec![Model::triangle().glb()];
    seeds.extend(real("tiles/validator/data", &["glb"], 20_000));
    seeds.extend(real("tiles/cesium-native/CesiumGltfReader", &["glb", "gltf"], 60_000));
    fuzz("glb", seeds, take);
}

#[test]
fn subtrees() {
    let mut seeds = vec![made_subtree()];
    seeds.extend(real("tiles", &["subtree"], 20_000));
    let shapes = [(SubdivisionScheme::Quadtree, 3), (SubdivisionScheme::Octree, 2)]
        .map(|(scheme, levels)| SubtreeShape { scheme, levels, content_count: 1 });
    fuzz("subtrees", seeds, move |bytes| {
        let _ = Subtree::references(bytes, "fuzzed.subtree");
        for shape in &shapes {
            let _ = Subtree::parse(bytes, "fuzzed.subtree", shape, &HashMap::new());
        }
    });
}

#[test]
fn subtree_json() {
    let mut seeds = vec![Bytes::from_static(
        br#"{"buffers":[{"uri":"a.bin","byteLength":16}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":3}],"tileAvailability":{"bitstream":0},"contentAvailability":[{"bitstream":0},{"constant":1}],"childSubtreeAvailability":{"constant":0},"propertyTables":[{"class":"a","count":9,"properties":{"b":{"values":0}}}],"tileMetadata":0,"subtreeMetadata":{"class":"a","properties":{"b":1}}}"#,
    )];
    let real = real("tiles", &["json"], 20_000).into_iter();
    seeds.extend(real.filter(|bytes| bytes.windows(16).any(|w| w == b"tileAvailability")));
    let resources: HashMap<String, Bytes> =
        ["a.bin", "0.0.0.bin"].map(|uri| (uri.to_owned(), Bytes::from_static(&[0x5a; 64]))).into();
    fuzz("subtree_json", seeds, move |bytes| {
        for uri in Subtree::references(bytes, "fuzzed.json").unwrap_or_default() {
            assert!(!uri.is_empty());
        }
        for content_count in [1, 2] {
            let shape = SubtreeShape { scheme: SubdivisionScheme::Quadtree, levels: 2, content_count };
            let _ = Subtree::parse(bytes, "fuzzed.json", &shape, &resources);
        }
    });
}

#[test]
fn tileset_json() {
    let mut seeds = vec![Bytes::from_static(IMPLICIT_QUADTREE.as_bytes())];
    let real = real("tiles", &["json"], 20_000).into_iter();
    seeds.extend(real.filter(|bytes| bytes.windows(7).any(|w| w == b"\"root\":")));
    let subtree = made_subtree();
    fuzz("tileset_json", seeds, move |bytes| {
        let Ok((raw, _)) = RawTileset::parse(bytes, "fuzzed.json") else { return };
        let limits = TreeLimits { max_tiles: 50_000, ..TreeLimits::default() };
        let mut tree = Tree::new(limits);
        let Ok((root, _)) = tree.add_root(&raw, "fuzzed.json", &DMat4::IDENTITY) else { return };
        // What may hang there: a subtree where it is implicit, the same tileset where it is external.
        for index in 0..tree.slot_count().min(40) as u32 {
            let Some(id) = tree.id_at(index) else { continue };
            if let Some(shape) = tree.subtree_shape(id)
                && let Ok((subtree, _)) = Subtree::parse(&subtree, "s", &shape, &HashMap::new())
            {
                let _ = tree.graft_subtree(id, &subtree);
            }
            let _ = tree.graft_external(id, 0, &raw, "fuzzed.json");
        }
        assert!(tree.len() <= 50_000);
        tree.remove_root(root);
        assert!(tree.is_empty());
    });
}

#[test]
fn inspection() {
    let mut seeds = legacy_made::seeds();
    seeds.push(made_subtree());
    seeds.push(Bytes::from_static(IMPLICIT_QUADTREE.as_bytes()));
    seeds.extend(real("tiles/validator/data/tilesets", &["json"], 8_000));
    fuzz("inspection", seeds, |bytes| {
        let bytes = bytes.clone();
        let mut files = move |_: &str| Ok(bytes.clone());
        let options =
            Options { follow_contents: false, max_tiles: 10_000, max_files: 10, ..Options::default() };
        let report = inspect::inspect_any("fuzzed", &mut files, &options);
        assert!(report.problems.iter().all(|p| !p.place.is_empty() && !p.reason.is_empty()));
    });
}

const IMPLICIT_QUADTREE: &str = r#"{"asset":{"version":"1.1"},"geometricError":10,"root":{"boundingVolume":{"box":[0,0,0,8,0,0,0,8,0,0,0,8]},"geometricError":8,"refine":"ADD","content":{"uri":"{level}/{x}/{y}.glb"},"implicitTiling":{"subdivisionScheme":"QUADTREE","subtreeLevels":3,"availableLevels":9,"subtrees":{"uri":"{level}.{x}.{y}.subtree"}}}}"#;
fn made_subtree() -> Bytes {
    let mut json = br#"{"buffers":[{"byteLength":16}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":3},{"buffer":0,"byteOffset":8,"byteLength":8}],"tileAvailability":{"bitstream":0,"availableCount":9},"contentAvailability":[{"bitstream":0}],"childSubtreeAvailability":{"bitstream":1}}"#.to_vec();
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = b"subt".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((json.len() as u64).to_le_bytes());
    bytes.extend(16_u64.to_le_bytes());
    bytes.extend(json);
    bytes.extend([0xff, 0xff, 0x1f, 0, 0, 0, 0, 0, 0xaa, 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa, 0x55]);
    Bytes::from(bytes)
}
