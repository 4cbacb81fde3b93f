//! Parsing to the room and matching free text against a million addresses, per second of one thread's CPU:
//! `cargo run --release -p benches --example address_throughput`.

use address_index::{
    division::Divisions,
    index::{AddressIndex, Target},
    parse::{Lexicon, Parsed, Parser},
    search::Searcher,
    text::Normalized,
};
use benches::address::{County, queries};
use cpu_time::ThreadTime;

fn main() {
    parse();
    free_text(132_901);
    free_text(1_000_000);
}

fn parse() {
    let (table, _) = County::of_benchmarks().table();
    let parser = Parser::new(Lexicon::new(&Divisions::national(), table.places()), table.home());
    let texts: Vec<String> = table.addresses().iter().step_by(7).map(|address| table.text(address)).collect();
    run("standard addresses of the county", &parser, &texts);
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/address/companies/addr.csv");
    match std::fs::read_to_string(path) {
        Ok(csv) => {
            let texts: Vec<String> = csv
                .lines()
                .skip(1)
                .map(|line| line.rsplit_once(',').map_or(line, |l| l.0).to_owned())
                .collect();
            run("company addresses", &Parser::national(), &texts);
        }
        Err(_) => println!("skipped: no company addresses beside the checkout"),
    }
}

fn run(name: &str, parser: &Parser, texts: &[String]) {
    let (mut normalized, mut parsed) = (Normalized::default(), Parsed::default());
    let mut rates: Vec<f64> = (0..7)
        .map(|_| {
            let start = ThreadTime::now();
            let mut elements = 0;
            for text in texts {
                normalized.fill(text);
                parser.parse_into(&normalized, &mut parsed);
                elements += parsed.elements.len();
            }
            assert!(elements > texts.len());
            texts.len() as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!("{name}: {:.0} parsed a second (median of 7, {:.0} to {:.0})", rates[3], rates[0], rates[6]);
}

fn free_text(size: usize) {
    let county = County::make("", size);
    let (table, _) = county.table();
    let start = ThreadTime::now();
    let index = AddressIndex::build(&table).expect("the county has an index");
    let build = start.elapsed().as_secs_f64();
    let view = index.view();
    let questions = queries::questions(&view, 400, 23);
    let mut searcher = Searcher::new(&index);
    let start = ThreadTime::now();
    let (mut found, mut wrong) = (0, 0);
    for question in &questions {
        if let Some(hit) = searcher.find(&question.text) {
            found += 1;
            let is_right = question.accepts(&view, hit.target);
            wrong += usize::from(!is_right && matches!(hit.target, Target::Address(_)));
        }
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "{size} addresses, index {:.1} MB built in {build:.2} s: {:.0} free texts a second, {:.3} answered, of all {:.4} confidently wrong",
        index.as_bytes().len() as f64 / 1e6,
        questions.len() as f64 / took,
        found as f64 / questions.len() as f64,
        wrong as f64 / questions.len() as f64,
    );
}
