//! Decodes every glb, gltf and b3dm below a folder on one thread and prints the speed, in time that the
//! processor worked for it (Linux), so that other programs do not count.
//!
//! `cargo run --release -p scene --example decode_speed -- FOLDER [ROUNDS] [geometry]`
//!
//! `geometry` leaves the textures out: the materials are made to name none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use scene::content::{self, DecodeContext, TextureSupport, Topology, UpAxis};

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next() else {
        eprintln!("usage: decode_speed FOLDER [ROUNDS] [geometry]");
        std::process::exit(2);
    };
    let rounds: u32 = args.next().and_then(|r| r.parse().ok()).unwrap_or(3);
    let geometry_only = args.next().is_some_and(|a| a == "geometry");
    let mut files = Vec::new();
    find(Path::new(&folder), &mut files);
    files.sort();
    let contents: Vec<(PathBuf, Bytes)> = files
        .into_iter()
        .filter_map(|path| {
            let bytes = Bytes::from(std::fs::read(&path).ok()?);
            let model = without_b3dm_header(&bytes)?;
            Some((path, if geometry_only { without_textures(&model) } else { model }))
        })
        .collect();

    let mut best = Duration::MAX;
    let mut totals = Totals::default();
    for _ in 0..rounds {
        totals = Totals::default();
        let start = processor_time();
        for (path, bytes) in &contents {
            totals.add(path, bytes);
        }
        best = best.min(processor_time().saturating_sub(start));
    }
    let seconds = best.as_secs_f64();
    let mb = totals.input as f64 / 1e6;
    println!("{} files decoded, {} failed, {} warnings", totals.decoded, totals.failed, totals.warnings);
    println!("{mb:.1} MB in {:.1} ms: {:.1} MB/s of input", seconds * 1e3, mb / seconds);
    println!("{} triangles: {:.2} M triangles/s", totals.triangles, totals.triangles as f64 / 1e6 / seconds);
    println!(
        "{:.1} M texels in mip 0: {:.1} M texels/s",
        totals.texels as f64 / 1e6,
        totals.texels as f64 / 1e6 / seconds
    );
}

fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

#[derive(Default)]
struct Totals {
    input: usize,
    decoded: usize,
    failed: usize,
    warnings: usize,
    triangles: usize,
    texels: u64,
}

impl Totals {
    fn add(&mut self, path: &Path, bytes: &Bytes) {
        let context = DecodeContext {
            uri: path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            resources: HashMap::new(),
            gltf_up_axis: UpAxis::Y,
            texture_support: TextureSupport { bc: true, ..TextureSupport::default() },
            budget_bytes: 1 << 30,
        };
        self.input += bytes.len();
        match content::decode(bytes, &context) {
            Ok((content, warnings)) => {
                self.decoded += 1;
                self.warnings += warnings.len();
                for primitive in content.primitives.iter().filter(|p| p.topology == Topology::Triangles) {
                    let corners = match &primitive.indices {
                        Some(content::Indices::U16(list)) => list.len(),
                        Some(content::Indices::U32(list)) => list.len(),
                        None => primitive.positions.len(),
                    };
                    self.triangles += corners / 3;
                }
                self.texels +=
                    content.textures.iter().map(|t| u64::from(t.width) * u64::from(t.height)).sum::<u64>();
            }
            Err(error) => {
                self.failed += 1;
                eprintln!("{error}");
            }
        }
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| ["glb", "gltf", "b3dm"].iter().any(|x| e == *x)) {
            files.push(path);
        }
    }
}

/// The glTF inside a b3dm, so that this measures the glTF decoder alone.
fn without_b3dm_header(bytes: &Bytes) -> Option<Bytes> {
    if !bytes.starts_with(b"b3dm") {
        return Some(bytes.clone());
    }
    let mut start = 28usize;
    for at in [12, 16, 20, 24] {
        start += u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    }
    (start < bytes.len()).then(|| bytes.slice(start..))
}

fn without_textures(model: &Bytes) -> Bytes {
    let (name, unknown) = (b"baseColorTexture", b"baseColorTexturX");
    let mut bytes = model.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i..].starts_with(name)).collect();
    places.into_iter().for_each(|at| bytes[at..at + name.len()].copy_from_slice(unknown));
    Bytes::from(bytes)
}
