//! What the address search must reach, on the made-up county. Speed is for the benchmarks; right and wrong is for here.

#![allow(clippy::unwrap_used, reason = "tests")]

use address_index::{
    index::AddressIndex,
    search::{ACCEPTED, SearchOptions, Searcher},
};
use benches::address::{Class, County, queries, spoken};

#[test]
fn eighteen_kinds_of_question() {
    let (table, issues) = County::invented().table();
    assert_eq!(issues, []);
    let index = AddressIndex::build(&table).unwrap();
    assert!(index.as_bytes().len() < 15_000_000, "{} bytes", index.as_bytes().len());
    let view = index.view();
    // Another seed than the one that was looked at while the search was written.
    let all = queries::questions(&view, 200, 90_210);
    let mut searcher = Searcher::new(&index);
    let options = SearchOptions { unfinished: false, ..SearchOptions::default() };
    let (mut right, mut sure, mut sure_but_wrong) = (0, 0, 0);
    let mut low = Vec::new();
    for class in Class::ALL {
        let of_class: Vec<_> = all.iter().filter(|question| question.class == class).collect();
        assert!(of_class.len() >= 150, "{class:?}: {}", of_class.len());
        let mut of = 0;
        for question in &of_class {
            let hits = searcher.search(&question.text, &options);
            let is_right = hits.first().is_some_and(|hit| question.accepts(&view, hit.target));
            of += usize::from(is_right);
            if hits.first().is_some_and(|hit| hit.confidence >= ACCEPTED) {
                sure += 1;
                sure_but_wrong += usize::from(!is_right);
            }
        }
        right += of;
        let share = of as f64 / of_class.len() as f64;
        if share < 0.97 {
            low.push((class, share));
        }
    }
    assert!(low.is_empty(), "{low:?}");
    let share = right as f64 / all.len() as f64;
    assert!(share >= 0.995, "{share}");
    assert!(
        sure * 10 > all.len() * 9 && sure_but_wrong * 500 <= all.len(),
        "{sure} sure, {sure_but_wrong} of them wrong"
    );
}

#[test]
fn questions_as_people_speak() {
    let (table, _) = County::invented().table();
    let index = AddressIndex::build(&table).unwrap();
    let view = index.view();
    let mut searcher = Searcher::new(&index);
    let options = SearchOptions { unfinished: false, ..SearchOptions::default() };
    let questions = spoken::questions();
    assert!(questions.len() >= 300);
    let mut wrong = Vec::new();
    for question in &questions {
        let hits = searcher.search(question.text, &options);
        let best = hits.first().map_or(String::new(), |hit| view.text_of(hit.target));
        if !question.accepts(&best) {
            wrong.push(format!("{}: {best} instead of {}", question.text, question.expected));
        }
    }
    assert!(wrong.len() * 20 <= questions.len(), "{} {wrong:#?}", wrong.len());
}
