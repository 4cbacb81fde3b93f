//! Tiles to decode: the sample village always, real surveys where `../shared/data` is beside the checkout.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use scene::content::{DecodeContext, TextureSupport, UpAxis};

/// Contents of one survey.
#[derive(Debug)]
pub struct Survey {
    /// Its name.
    pub name: &'static str,
    /// Tiles with their names, sorted.
    pub tiles: Vec<(String, Bytes)>,
}

impl Survey {
    /// Bytes of all tiles.
    pub fn bytes(&self) -> u64 {
        self.tiles.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}

/// The surveys that are there.
pub fn surveys() -> Vec<Survey> {
    let shared = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/tiles"));
    let mut found = vec![sample()];
    for (name, folder) in [("guangdong", "guangdong"), ("dingo-gap", "dingo-gap")] {
        let mut files = Vec::new();
        find(&shared.join(folder), &mut files);
        files.sort();
        let tiles: Vec<_> = files
            .into_iter()
            .filter_map(|path| {
                let name = path.file_name()?.to_string_lossy().into_owned();
                Some((name, Bytes::from(std::fs::read(&path).ok()?)))
            })
            .collect();
        if tiles.is_empty() {
            eprintln!("skipped: {name} is not in ../shared/data");
        } else {
            found.push(Survey { name, tiles });
        }
    }
    found
}

/// How a viewer on a desktop GPU decodes.
pub fn context(uri: &str) -> DecodeContext {
    DecodeContext {
        uri: uri.to_owned(),
        resources: HashMap::new(),
        gltf_up_axis: UpAxis::Y,
        texture_support: TextureSupport { bc: true, ..TextureSupport::default() },
        budget_bytes: 1 << 30,
    }
}

fn sample() -> Survey {
    let mut tiles = Vec::new();
    let made = ingest::sample::write(7, &mut |path, bytes| {
        if path.ends_with(".glb") {
            tiles.push((path.to_owned(), Bytes::copy_from_slice(bytes)));
        }
        Ok(())
    });
    if let Err(error) = made {
        eprintln!("skipped: the sample village: {error}");
    }
    tiles.sort();
    Survey { name: "sample", tiles }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "b3dm") {
            files.push(path);
        }
    }
}
