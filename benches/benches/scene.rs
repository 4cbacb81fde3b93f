//! Selection of a settled view, and decoding.

use std::{hint::black_box, time::Duration};

use benches::{decoding, selection};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn select(c: &mut Criterion) {
    let (mut streamer, root, one, five) = selection::scene();
    let mut now = Duration::ZERO;
    for (name, views) in [("one view", &one), ("five views", &five)] {
        selection::settle(&mut streamer, &root, views, &mut now);
        let stats = streamer.plan().stats;
        assert!(stats.settled, "{name}: {stats:?}");
        eprintln!("{name}: {} tiles visited, {} contents drawn", stats.visited, stats.drawn);
        c.bench_function(&format!("selection/{name}"), |b| {
            b.iter(|| {
                now += Duration::from_millis(16);
                black_box(streamer.update(views, now).draw.len())
            });
        });
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.sample_size(10);
    for survey in decoding::surveys() {
        group.throughput(Throughput::BytesDecimal(survey.bytes()));
        group.bench_function(survey.name, |b| {
            b.iter(|| {
                for (name, bytes) in &survey.tiles {
                    let decoded = scene::content::decode(bytes, &decoding::context(name));
                    black_box(decoded.map(|(content, _)| content.primitives.len()).unwrap_or(0));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, select, decode);
criterion_main!(benches);
