//! Right buildings when points lie off: `cargo run --release -p benches --example address_match -- out/instance` on the
//! instance of `../shared/bench/spatial_instance.py`.

use std::{collections::BTreeMap, path::PathBuf};

use address_index::{
    matching::{MatchOptions, Method, match_packed},
    spatial::PackedBuildings,
};
use benches::address::{instance::Instance, lanes};
use cpu_time::ThreadTime;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder of the instance"));
    let Instance { footprints, .. } = Instance::read(&folder).expect("the instance can be read");
    let packed = PackedBuildings::new(&footprints);
    let addresses = lanes::lay(&footprints, 5);
    let all: std::collections::BTreeSet<u32> = addresses.iter().map(|a| a.lane).collect();
    println!("{} addresses in {} lanes on {} buildings", addresses.len(), all.len(), footprints.len());
    for sigma in [3.0, 6.0, 10.0] {
        let points = lanes::points(&footprints, &addresses, sigma, 17);
        let naive = points.iter().zip(&addresses).filter(|(point, address)| {
            packed.nearest_within(**point, 1e3).is_some_and(|near| near.building as usize == address.building)
        });
        let naive = naive.count() as f64 / addresses.len() as f64;
        let start = ThreadTime::now();
        let options = MatchOptions::default();
        let report =
            match_packed(&lanes::to_match(&addresses, &points), &footprints, &packed, &[], &[], &options);
        let took = start.elapsed().as_secs_f64();
        let is_right =
            |m: &&address_index::matching::Match| m.buildings.first() == Some(&addresses[m.address].building);
        let right = report.matches.iter().filter(is_right).count() as f64 / addresses.len() as f64;
        let accepted: Vec<_> =
            report.matches.iter().filter(|m| m.confidence >= report.accepted_from).collect();
        let precise = accepted.iter().copied().filter(is_right).count() as f64 / accepted.len().max(1) as f64;
        println!(
            "σ {sigma} m: nearest polygon {naive:.3}; right {right:.4}; accepted {:.3}, of those right {precise:.4}; unmatched {}; spread {:.2} m; {took:.2} s CPU",
            accepted.len() as f64 / addresses.len() as f64,
            report.unmatched.len(),
            report.spread_m,
        );
        let mut methods: BTreeMap<Method, (usize, usize)> = BTreeMap::new();
        for m in &report.matches {
            let entry = methods.entry(m.method).or_default();
            entry.0 += 1;
            entry.1 += usize::from(is_right(&m));
        }
        println!("  by method (all, right): {methods:?}");
        let numbered = |wanted: bool| {
            let of: Vec<_> =
                report.matches.iter().filter(|m| (addresses[m.address].number > 0) == wanted).collect();
            of.iter().copied().filter(is_right).count() as f64 / of.len().max(1) as f64
        };
        println!("  numbered {:.3}, without number {:.3}", numbered(true), numbered(false));
        let mut shares = Vec::new();
        for threshold in [0.9, 0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995] {
            let of: Vec<_> = report.matches.iter().filter(|m| m.confidence >= threshold).collect();
            let right = of.iter().copied().filter(is_right).count() as f64 / of.len().max(1) as f64;
            shares.push(format!("{threshold}: {:.3} {right:.4}", of.len() as f64 / addresses.len() as f64));
        }
        println!("  accepted and right by threshold: {shares:?}");
    }
}
