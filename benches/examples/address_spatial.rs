//! Containment, nearest and clicks against the best crate, in one run, interleaved:
//! `python3 ../shared/bench/spatial_instance.py out/instance && cargo run --release -p benches --example
//! address_spatial -- out/instance`.

use std::{hint::black_box, path::PathBuf};

use address_index::{BuildingIndex, Footprint, spatial::PackedBuildings};
use benches::address::instance::Instance;
use cpu_time::{ProcessTime, ThreadTime};
use packed_spatial_index::{Box2D, Index2DBuilder, SimdIndex2D};

const ROUNDS: usize = 7;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder of the instance"));
    let Instance { footprints, points } = Instance::read(&folder).expect("the instance can be read");
    let (mut build, mut ours, mut theirs, mut near, mut near_theirs) =
        (vec![], vec![], vec![], vec![], vec![]);
    let peer = peer(&footprints);
    for _ in 0..ROUNDS {
        let start = ThreadTime::now();
        let packed = PackedBuildings::new(&footprints);
        build.push(start.elapsed().as_secs_f64());
        ours.push(timed(|| {
            let mut pairs = 0u32;
            packed.join_containing(&points, |_, _| pairs += 1);
            assert_eq!(pairs, 258_814);
        }));
        theirs.push(timed(|| assert_eq!(peer_contains(&peer, &footprints, &points), 258_814)));
    }
    let packed = PackedBuildings::new(&footprints);
    for _ in 0..3 {
        near.push(timed(|| {
            let (mut count, mut sum) = (0, 0.0);
            packed.join_nearest(&points, 30.0, |_, found| {
                count += 1;
                sum += found.distance_squared.sqrt();
            });
            check(count, sum);
        }));
        near_theirs.push(timed(|| {
            let (count, sum) = peer_nearest(&peer, &footprints, &points);
            check(count, sum);
        }));
    }
    println!("buildings {}, points {}; median CPU seconds (least, most)", footprints.len(), points.len());
    show("build, outlines included", &mut build);
    show("contain join", &mut ours);
    show("  packed_spatial_index SIMD", &mut theirs);
    show("nearest within 30 m", &mut near);
    show("  packed_spatial_index SIMD", &mut near_theirs);
    println!(
        "ratio contain {:.2}, nearest {:.2}",
        median(&mut ours) / median(&mut theirs),
        median(&mut near) / median(&mut near_theirs)
    );
    println!("index {:.2} MB without outlines", packed.index_bytes() as f64 / 1e6);

    let mut index = BuildingIndex::new(footprints.clone()).expect("ids are unique");
    let mut clicks: Vec<f64> = Vec::new();
    // One click takes less than reading the clock: sixteen at a time, near each other in the list only.
    for chunk in points.chunks_exact(16).take(20_000) {
        let start = ThreadTime::now();
        for &point in chunk {
            black_box(index.building_at(point));
        }
        clicks.push(start.elapsed().as_secs_f64() / 16.0 * 1e6);
    }
    println!("click, mean of 16: p50 {:.2} µs, p99 {:.2} µs", at(&mut clicks, 0.5), at(&mut clicks, 0.99));
    let mut edits: Vec<f64> = Vec::new();
    for footprint in footprints.iter().step_by(200) {
        let start = ThreadTime::now();
        let taken = index.remove(footprint.building_id()).expect("is there");
        index.insert(taken).expect("was taken away");
        edits.push(start.elapsed().as_secs_f64() / 2.0 * 1e6);
    }
    println!("edit: p50 {:.2} µs, p99 {:.2} µs", at(&mut edits, 0.5), at(&mut edits, 0.99));
    black_box(ProcessTime::now());
}

fn check(count: usize, sum: f64) {
    assert_eq!(count, 686_525);
    assert!((sum - 1_554_541.608).abs() < 0.01, "{sum}");
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

fn peer(footprints: &[Footprint]) -> SimdIndex2D {
    let mut builder = Index2DBuilder::new(footprints.len());
    for footprint in footprints {
        let (low, high) = footprint.extent();
        builder.add(Box2D::new(low[0], low[1], high[0], high[1]));
    }
    builder.finish_simd().expect("boxes are finite")
}

fn peer_contains(peer: &SimdIndex2D, footprints: &[Footprint], points: &[[f64; 2]]) -> usize {
    let mut pairs = 0;
    let mut found = Vec::new();
    let mut workspace = packed_spatial_index::SearchWorkspace::new();
    for &point in points {
        found.clear();
        found.extend_from_slice(
            peer.search_with(Box2D::new(point[0], point[1], point[0], point[1]), &mut workspace),
        );
        pairs += found.iter().filter(|&&at| footprints[at].contains(point)).count();
    }
    pairs
}

fn peer_nearest(peer: &SimdIndex2D, footprints: &[Footprint], points: &[[f64; 2]]) -> (usize, f64) {
    let (mut count, mut sum) = (0, 0.0);
    let mut workspace = packed_spatial_index::SearchWorkspace::new();
    for &[x, y] in points {
        let mut best = 900.0;
        let mut any = false;
        for &at in peer.search_with(Box2D::new(x - 30.0, y - 30.0, x + 30.0, y + 30.0), &mut workspace) {
            let footprint = &footprints[at];
            let (low, high) = footprint.extent();
            let gap = |v: f64, low: f64, high: f64| (low - v).max(v - high).max(0.0);
            let (dx, dy) = (gap(x, low[0], high[0]), gap(y, low[1], high[1]));
            if dx * dx + dy * dy <= best {
                let distance = footprint.distance_squared([x, y]);
                if distance <= best {
                    best = distance;
                    any = true;
                }
            }
        }
        if any {
            count += 1;
            sum += best.sqrt();
        }
    }
    (count, sum)
}

fn show(name: &str, times: &mut [f64]) {
    println!("{name}: {:.4} ({:.4}, {:.4})", at(times, 0.5), at(times, 0.0), at(times, 1.0));
}

fn median(times: &mut [f64]) -> f64 {
    at(times, 0.5)
}

fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0.0)
}
