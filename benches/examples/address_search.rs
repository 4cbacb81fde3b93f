//! Right answers first, by kind of question, and how long they take: `cargo run --release -p benches --example
//! address_search [--wrong]`.

use address_index::{
    index::{AddressIndex, AlignedBytes, Target},
    search::{SearchOptions, Searcher},
};
use benches::address::{Class, County, queries, spoken};
use cpu_time::{ProcessTime, ThreadTime};

fn main() {
    let show_wrong = std::env::args().any(|arg| arg == "--wrong");
    let county = County::of_benchmarks();
    let (table, issues) = county.table();
    let builds: Vec<f64> = (0..5)
        .map(|_| {
            let start = ProcessTime::now();
            let index = AddressIndex::build(&table).expect("the county has an index");
            let took = start.elapsed().as_secs_f64();
            drop(index);
            took
        })
        .collect();
    let index = AddressIndex::build(&table).expect("the county has an index");
    let copy = AlignedBytes::copy_of(index.as_bytes());
    let start = ProcessTime::now();
    let opened = AddressIndex::open(copy).expect("opens");
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    println!(
        "{} addresses, {} places, {} issues, real villages {}: index {:.2} MB, build {:.3} s (median of 5, CPU), open {open_ms:.2} ms",
        opened.view().address_count(),
        opened.view().place_count(),
        issues.len(),
        county.real_villages,
        index.as_bytes().len() as f64 / 1e6,
        median(builds),
    );
    quality(&index, show_wrong);
    keystrokes(&index);
    speech(show_wrong);
}

fn quality(index: &AddressIndex, show_wrong: bool) {
    let view = index.view();
    let all = queries::questions(&view, 200, 7);
    let options = SearchOptions { unfinished: false, ..SearchOptions::default() };
    let mut searcher = Searcher::new(index);
    let (mut times, mut right_all, mut sure_wrong, mut found) = (Vec::new(), 0, 0, 0);
    for class in Class::ALL {
        let of_class: Vec<_> = all.iter().filter(|q| q.class == class).collect();
        let mut right = 0;
        for question in &of_class {
            let start = ThreadTime::now();
            let hits = searcher.search(&question.text, &options);
            times.push(start.elapsed().as_secs_f64() * 1e3);
            let best = hits.first();
            let is_right = best.is_some_and(|hit| question.accepts(&view, hit.target));
            right += usize::from(is_right);
            if let Some(hit) = best.filter(|hit| hit.confidence >= address_index::search::ACCEPTED) {
                found += 1;
                sure_wrong += usize::from(!is_right);
                let _ = hit;
            }
            if !is_right && show_wrong {
                let text = |target| view.text_of(target);
                println!(
                    "  {class:?} {} -> {} ({:.2} {:?}) instead of {}",
                    question.text,
                    best.map_or(String::new(), |hit| text(hit.target)),
                    best.map_or(0.0, |hit| hit.confidence),
                    best.map(|hit| hit.number),
                    text(Target::Address(question.address))
                );
            }
        }
        right_all += right;
        println!(
            "{:02} {:?}: {right}/{} {:.3}",
            class as u8,
            class,
            of_class.len(),
            right as f64 / of_class.len().max(1) as f64
        );
    }
    println!(
        "all: {:.4}; accepted {:.3}, of those wrong {:.4}; p50 {:.4} ms, p99 {:.3} ms, max {:.3} ms",
        right_all as f64 / all.len() as f64,
        found as f64 / all.len() as f64,
        sure_wrong as f64 / found.max(1) as f64,
        at(&mut times, 0.5),
        at(&mut times, 0.99),
        at(&mut times, 1.0)
    );
}

/// Every beginning of questions typed letter by letter.
fn keystrokes(index: &AddressIndex) {
    let view = index.view();
    let all = queries::questions(&view, 12, 11);
    let mut searcher = Searcher::new(index);
    let options = SearchOptions::default();
    let mut times = Vec::new();
    let (mut keys, mut asked) = (0, 0);
    for question in &all {
        let mut reached = false;
        for (n, (end, c)) in question.text.char_indices().enumerate() {
            let typed = &question.text[..end + c.len_utf8()];
            let start = ThreadTime::now();
            let hits = searcher.search(typed, &options);
            times.push(start.elapsed().as_secs_f64() * 1e3);
            if !reached
                && question.class == Class::Initials
                && hits.iter().take(5).any(|hit| question.accepts(&view, hit.target))
            {
                reached = true;
                keys += n + 1;
                asked += 1;
            }
        }
    }
    println!(
        "per keystroke ({}): p50 {:.4} ms, p99 {:.3} ms, max {:.3} ms; initials until among the first five: {:.1} keys",
        times.len(),
        at(&mut times, 0.5),
        at(&mut times, 0.99),
        at(&mut times, 1.0),
        f64::from(keys as u32) / f64::from(asked.max(1)),
    );
}

fn speech(show_wrong: bool) {
    let (table, _) = County::invented().table();
    let index = AddressIndex::build(&table).expect("the county has an index");
    let view = index.view();
    let mut searcher = Searcher::new(&index);
    let options = SearchOptions { unfinished: false, ..SearchOptions::default() };
    let questions = spoken::questions();
    let mut right = 0;
    for question in &questions {
        let hits = searcher.search(question.text, &options);
        let best = hits.first().map_or(String::new(), |hit| view.text_of(hit.target));
        if question.accepts(&best) {
            right += 1;
        } else if show_wrong {
            println!("  spoken {} -> {best} instead of {}", question.text, question.expected);
        }
    }
    println!("spoken: {right}/{} {:.3}", questions.len(), right as f64 / questions.len().max(1) as f64);
}

fn median(mut values: Vec<f64>) -> f64 {
    at(&mut values, 0.5)
}

fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0.0)
}
