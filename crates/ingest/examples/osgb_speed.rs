//! Converts OSGB deliveries and prints the speed of each stage in megabytes of source per second that the processor
//! worked for it (all threads, Linux), so that other programs do not count.
//!
//! `cargo run --release -p ingest --example osgb_speed -- DELIVERY|made:MEGABYTES [ROUNDS] [THREADS]`
//!
//! `made:1000` first writes about so many megabytes with Hamlet's own writer into a temporary folder: tiles of 100 m with
//! five levels, textures and triangles in the proportions of a real delivery (57 % JPEG).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use geodesy::crs::HeightDatum;
use ingest::{
    mesh::{MeshOptions, MeshRequest, Progress, Stage, import, plan},
    osgb::write::{File, Format, Geometry, Node, PagedLod, Primitive, Texture, TextureImage, write},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let Some(source) = args.next() else {
        eprintln!("usage: osgb_speed DELIVERY|made:MEGABYTES [ROUNDS] [THREADS]");
        std::process::exit(2);
    };
    let rounds: u32 = args.next().and_then(|r| r.parse().ok()).unwrap_or(3);
    let threads: usize = args.next().and_then(|r| r.parse().ok()).unwrap_or(2);
    let folder = tempfile::tempdir()?;
    let delivery = match source.strip_prefix("made:") {
        Some(megabytes) => {
            let delivery = folder.path().join("made");
            make(&delivery, megabytes.parse()?)?;
            delivery
        }
        None => PathBuf::from(source),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    for (name, compress) in [("pass-through", false), ("meshopt", true)] {
        let mut best: Option<Vec<(String, Duration)>> = None;
        let mut all = Vec::new();
        let mut megabytes = 0.0;
        let mut texts = String::new();
        for round in 0..rounds {
            let survey = folder.path().join(format!("{name}-{round}"));
            let clock = StageClock::default();
            let start = processor_time();
            let report = pool.install(|| {
                let request = MeshRequest {
                    path: delivery.clone(),
                    heights: Some(HeightDatum::Ellipsoidal),
                    ..MeshRequest::default()
                };
                let planned = plan(&request)?;
                clock.mark("plan (PROJ and roots)");
                import(&planned, &survey, &MeshOptions { compress, ..MeshOptions::default() }, &clock)
            })?;
            clock.mark("finish");
            let total = processor_time().saturating_sub(start);
            megabytes = report.figures.source_bytes as f64 / 1e6;
            texts = format!(
                "{} tiles, {} triangles, written {:.1} MB ({:.2} of the source), cover {:?}",
                report.tiles,
                report.figures.triangles,
                report.figures.written_bytes as f64 / 1e6,
                report.figures.written_bytes as f64 / report.figures.source_bytes as f64,
                report.cover
            );
            all.push(total);
            let stages = clock.stages(start);
            if best.is_none() || total <= all.iter().min().copied().unwrap_or(total) {
                best = Some(stages);
            }
            fs::remove_dir_all(&survey)?;
        }
        all.sort();
        let rate = |d: Duration| megabytes / d.as_secs_f64();
        println!("{name}: {megabytes:.1} MB; {texts}");
        println!(
            "  whole import: best {:.3} CPU-s = {:.0} MB/CPU-s, median {:.3} CPU-s = {:.0} MB/CPU-s",
            all[0].as_secs_f64(),
            rate(all[0]),
            all[all.len() / 2].as_secs_f64(),
            rate(all[all.len() / 2])
        );
        for (stage, took) in best.unwrap_or_default() {
            println!("  {stage:<24} {:.3} CPU-s = {:.0} MB/CPU-s", took.as_secs_f64(), rate(took));
        }
    }
    println!("peak memory {} MB", peak_memory_mb());
    Ok(())
}

/// Processor time at which stages ended.
#[derive(Default)]
struct StageClock {
    ends: Mutex<Vec<(String, Duration)>>,
}

impl StageClock {
    fn mark(&self, name: &str) {
        if let Ok(mut ends) = self.ends.lock() {
            ends.push((name.to_owned(), processor_time()));
        }
    }

    fn stages(&self, start: Duration) -> Vec<(String, Duration)> {
        let ends = self.ends.lock().map(|e| e.clone()).unwrap_or_default();
        let mut before = start;
        ends.into_iter()
            .map(|(name, end)| {
                let took = end.saturating_sub(before);
                before = end;
                (name, took)
            })
            .collect()
    }
}

impl Progress for StageClock {
    fn begin(&self, stage: Stage, _total: u64) {
        match stage {
            Stage::Cover => self.mark("convert"),
            Stage::Finish => {
                let converted = self.ends.lock().is_ok_and(|e| e.iter().any(|(name, _)| name == "convert"));
                self.mark(if converted { "cover" } else { "convert" });
            }
            _ => {}
        }
    }

    fn advance(&self, _amount: u64) {}
}

/// User and system time of this process, all threads, those that ended included.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    // Fields 14 and 15 of proc(5), counted after the name; a hundred ticks to the second.
    let coarse = Duration::from_millis((ticks(11) + ticks(12)) * 10);
    // Where the scheduler counts nanoseconds, the sum over living threads is finer.
    let fine: u64 = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        })
        .sum();
    if fine > 0 { Duration::from_nanos(fine) } else { coarse }
}

fn peak_memory_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn make(folder: &Path, megabytes: u64) -> Result<(), Box<dyn std::error::Error>> {
    let sizes = [(12, 256), (18, 256), (26, 384), (40, 512), (56, 1024)];
    let textures: Vec<Vec<u8>> = sizes.iter().map(|(_, px)| jpeg(*px)).collect::<Result<_, _>>()?;
    let formats = [Format::V80, Format::V91];
    let mut written = 0;
    let mut number = 0;
    while written < megabytes * 1_000_000 {
        let (x, y) = (number % 15, number / 15);
        let name = format!("Tile_+{x:03}_+{y:03}");
        let data = folder.join("Data").join(&name);
        fs::create_dir_all(&data)?;
        let corner = [x as f32 * 100.0, y as f32 * 100.0];
        written +=
            branch(&data, &name, &name, 0, corner, 100.0, &sizes, &textures, &formats[number as usize % 2])?;
        number += 1;
    }
    let metadata = "<ModelMetadata version=\"1\"><SRS>EPSG:4547</SRS><SRSOrigin>540000,3010000,0</SRSOrigin></ModelMetadata>";
    fs::write(folder.join("metadata.xml"), metadata)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "a recursion of an example")]
fn branch(
    folder: &Path,
    tile: &str,
    stem: &str,
    level: usize,
    corner: [f32; 2],
    side_m: f32,
    sizes: &[(u32, u32)],
    textures: &[Vec<u8>],
    format: &Format,
) -> Result<u64, Box<dyn std::error::Error>> {
    // One mesh down to the third level, then four quarters in a file.
    let quarters: &[[f32; 2]] =
        if level < 3 { &[[0.0, 0.0]] } else { &[[0.0, 0.0], [0.5, 0.0], [0.0, 0.5], [0.5, 0.5]] };
    let part = if level < 3 { side_m } else { side_m / 2.0 };
    let mut nodes = Vec::new();
    let mut total = 0;
    let is_last = level + 1 == sizes.len();
    for (i, [dx, dy]) in quarters.iter().enumerate() {
        let at = [corner[0] + dx * side_m, corner[1] + dy * side_m];
        let child = format!("{tile}_L{}_{}{i}", 15 + level, stem.rsplit('_').next().unwrap_or_default());
        if !is_last {
            total += branch(folder, tile, &child, level + 1, at, part, sizes, textures, format)?;
        }
        let radius = f64::from(part) * 0.72;
        nodes.push(Node::PagedLod(PagedLod {
            sphere: [f64::from(at[0] + part / 2.0), f64::from(at[1] + part / 2.0), 20.0, radius],
            switch_px: (radius * 32.0 / 2f64.powi(6 - level as i32)) as f32,
            coarse: vec![ground(at, part, sizes[level].0, i)],
            finer: Some(format!("{child}.osgb")),
        }));
    }
    let file = File {
        textures: (0..quarters.len())
            .map(|i| Texture {
                name: format!("{stem}_{i}.jpg"),
                image: TextureImage::File(textures[level].clone()),
            })
            .collect(),
        root: Some(Node::Group(nodes)),
    };
    let bytes = write(&file, format)?;
    fs::write(folder.join(format!("{stem}.osgb")), &bytes)?;
    Ok(total + bytes.len() as u64)
}

fn ground([x, y]: [f32; 2], side_m: f32, cells: u32, texture: usize) -> Geometry {
    let columns = cells + 1;
    let place = |i: u32| {
        let (u, v) = ((i % columns) as f32 / cells as f32, (i / columns) as f32 / cells as f32);
        let (px, py) = (x + u * side_m, y + v * side_m);
        ([px, py, 20.0 + (px * 0.3).sin() * 4.0 + (py * 0.21).cos() * 3.0], [u, v])
    };
    let (positions, uvs) = (0..columns * columns).map(place).unzip();
    let indices = (0..cells * cells).flat_map(|cell| {
        let a = cell / cells * columns + cell % cells;
        [a, a + 1, a + columns, a + 1, a + columns + 1, a + columns]
    });
    Geometry {
        positions,
        uvs,
        color: None,
        primitives: vec![Primitive::triangles(indices.collect())],
        texture: Some(texture),
    }
}

fn jpeg(side: u32) -> Result<Vec<u8>, jpeg_encoder::EncodingError> {
    let mut state = 1u32;
    let pixels: Vec<u8> = (0..side * side)
        .flat_map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 26) as u8;
            [(i % side / 2) as u8 ^ noise, (i / side) as u8, 90 + noise]
        })
        .collect();
    let mut file = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut file, 75);
    encoder.encode(&pixels, side as u16, side as u16, jpeg_encoder::ColorType::Rgb)?;
    Ok(file)
}
