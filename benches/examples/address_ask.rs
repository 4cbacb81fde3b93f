//! What the made-up county answers: `cargo run --release -p benches --example address_ask -- 溪坪街12号 …`.

use address_index::{
    index::AddressIndex,
    search::{SearchOptions, Searcher},
};
use benches::address::County;

fn main() {
    let (table, _) = County::of_benchmarks().table();
    let index = AddressIndex::build(&table).expect("the county has an index");
    let view = index.view();
    let mut searcher = Searcher::new(&index);
    for query in std::env::args().skip(1) {
        println!("{query}");
        for hit in searcher.search(&query, &SearchOptions { unfinished: false, ..SearchOptions::default() }) {
            let spans: Vec<String> = hit
                .spans
                .iter()
                .map(|s| {
                    format!(
                        "{}={}:{:?}",
                        query.get(s.span.clone()).unwrap_or_default(),
                        view.text_of(s.target),
                        s.how
                    )
                })
                .collect();
            println!(
                "  {:.2} {:.2} {:?} {} {spans:?}",
                hit.score,
                hit.confidence,
                hit.number,
                view.text_of(hit.target)
            );
        }
    }
}
