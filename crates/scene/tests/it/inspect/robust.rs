//! Whatever the bytes: an answer, never a panic.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;
use scene::inspect::{self, Files, Options};

use crate::support::data;

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Reads it as everything that can be inspected.
fn inspect_in_every_way(name: &str, files: &mut dyn Files, options: &Options) {
    for report in [
        inspect::inspect_any(name, files, options),
        inspect::inspect_content(name, files, options),
        inspect::inspect_schema(name, files, options),
        inspect::inspect_subtree(name, files, None, None, options),
        inspect::inspect_buffers(name, files, options),
        inspect::inspect_gltf_extensions(name, files, options),
    ] {
        assert!(!report.to_string().is_empty());
        assert!(serde_json::to_string(&report).is_ok());
    }
}

#[test]
fn every_sample_file_gets_an_answer_whatever_its_kind() {
    let Some(root) = data("tiles") else { return };
    let files = all_files(&root);
    assert!(files.len() > 1000, "only {} files", files.len());
    let options = Options { max_tiles: 20_000, max_files: 2_000, ..Options::default() };
    files.par_iter().for_each(|path| {
        let folder = path.parent().unwrap().to_path_buf();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut read =
            |uri: &str| std::fs::read(folder.join(uri)).map(Bytes::from).map_err(|e| e.to_string());
        inspect_in_every_way(&name, &mut read, &options);
    });
}

/// A small generator with a fixed seed (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// Small sample files, cut short or with bytes changed: the interesting bytes are those of headers and JSON figures.
#[test]
fn damaged_files_get_an_answer() {
    let Some(root) = data("tiles") else { return };
    let small: Vec<PathBuf> = ["validator", "cesium-native"]
        .iter()
        .flat_map(|folder| all_files(&root.join(folder)))
        .filter(|path| std::fs::metadata(path).is_ok_and(|m| m.len() < 20_000))
        .collect();
    let options = Options { max_tiles: 2_000, max_files: 100, ..Options::default() };
    small.par_iter().enumerate().for_each(|(index, path)| {
        let folder = path.parent().unwrap().to_path_buf();
        let whole = std::fs::read(path).unwrap();
        let mut random = Random(index as u64);
        for round in 0..6 {
            let mut bytes = whole.clone();
            if round % 3 == 0 {
                bytes.truncate(random.below(whole.len()));
            }
            for _ in 0..1 + random.below(4) {
                let at = random.below(if round % 2 == 0 { bytes.len() } else { bytes.len().min(64) });
                let with = [0, 0xFF, b'9', b'-', b'0', b'{', b'e', random.below(256) as u8];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = with[random.below(with.len())];
                }
            }
            let damaged = Bytes::from(bytes);
            let mut read = |uri: &str| match uri {
                "damaged" => Ok(damaged.clone()),
                uri => std::fs::read(folder.join(uri)).map(Bytes::from).map_err(|e| e.to_string()),
            };
            inspect_in_every_way("damaged", &mut read, &options);
        }
    });
}
