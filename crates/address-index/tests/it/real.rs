//! Real data, where it lies beside the checkout.

use std::{fs, path::PathBuf};

use address_index::{
    division::{DivisionCode, Divisions},
    index::{AddressIndex, Target},
    model::{AddressTable, ElementKind, RawPlace, TableOptions},
    parse::Parser,
    search::{SearchOptions, Searcher},
    text::pinyin,
};

fn read(path: &str) -> Option<String> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/address").join(path);
    let text = fs::read_to_string(&full).ok();
    if text.is_none() {
        println!("skipped: no {path} beside the checkout");
    }
    text
}

#[test]
fn the_villages_of_the_county_come_first() {
    let Some(csv) = read("zherong_350926_villages.csv") else { return };
    let rows: Vec<(&str, &str)> = csv
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
            Some((fields.next()?, fields.next()?))
        })
        .collect();
    let towns = [
        ("350926100", "双城镇"),
        ("350926101", "富溪镇"),
        ("350926200", "城郊乡"),
        ("350926201", "乍洋乡"),
        ("350926202", "东源乡"),
        ("350926203", "黄柏乡"),
        ("350926204", "宅中乡"),
        ("350926205", "楮坪乡"),
        ("350926206", "英山乡"),
    ];
    let all = towns.iter().copied().chain(rows.iter().copied());
    let places: Vec<RawPlace<'_>> = all
        .zip(1..)
        .map(|((code, name), line)| RawPlace { line, code, name, ..RawPlace::default() })
        .collect();
    let divisions = Divisions::national();
    let home = DivisionCode::parse("350926").ok();
    let options = TableOptions { home, divisions: &divisions, extent: None };
    let (table, issues) = AddressTable::build(&options, &places, &[], []);
    assert_eq!((issues.len(), rows.len()), (0, 119));
    let index = AddressIndex::build(&table).unwrap();
    let view = index.view();
    let mut searcher = Searcher::new(&index);
    let options = SearchOptions { unfinished: false, ..SearchOptions::default() };
    let mut wrong = Vec::new();
    for place in table.places().iter().filter(|place| place.kind.rank() == 4) {
        let town = place.parent.and_then(|parent| table.place(parent)).unwrap();
        let names = place.other_names.iter().map(|name| name.text.clone());
        let spoken = pinyin::romanized(&place.name);
        for query in names.chain([place.name.clone(), spoken, format!("{}{}", town.name, place.name)]) {
            let hits = searcher.search(&query, &options);
            let best = hits.first().map_or(0.0, |hit| hit.score);
            let code_of = |target| match target {
                Target::Place(place) => view.place_code(place),
                Target::Address(_) => None,
            };
            // Villages of one name in two towns are tied.
            let tied = hits.iter().take_while(|hit| hit.score > best - 0.02);
            if !tied.map(|hit| code_of(hit.target)).any(|code| code == place.code) {
                wrong.push(format!("{query}: {:?}", hits.first().map(|hit| view.text_of(hit.target))));
            }
        }
        let initials = pinyin::initials(&place.name);
        let hits = searcher.search(&initials, &SearchOptions { limit: 60, ..options });
        let same = hits.iter().take_while(|hit| {
            let name = match hit.target {
                Target::Place(place) => view.place_name(place),
                Target::Address(_) => "",
            };
            pinyin::initials(name) == initials || hit.score > hits[0].score - 0.12
        });
        let found = same
            .filter(|hit| matches!(hit.target, Target::Place(p) if view.place_code(p) == place.code))
            .count();
        if found == 0 {
            wrong.push(format!(
                "{initials} for {}: {:?}",
                place.name,
                hits.first().map(|hit| view.text_of(hit.target))
            ));
        }
    }
    assert!(wrong.is_empty(), "{} {wrong:#?}", wrong.len());
}

#[test]
fn company_addresses_are_parsed() {
    let Some(csv) = read("companies/addr.csv") else { return };
    let parser = Parser::national();
    let (mut lines, mut with_county, mut with_street, mut with_number) = (0, 0, 0, 0);
    for line in csv.lines().skip(1) {
        let source = line.rsplit_once(',').map_or(line, |(address, _)| address).trim_matches('"');
        let parsed = parser.parse(source);
        lines += 1;
        for element in &parsed.elements {
            assert!(source.get(element.span.clone()).is_some(), "{source}");
        }
        let has = |kinds: &[ElementKind]| parsed.elements.iter().any(|element| kinds.contains(&element.kind));
        with_county += usize::from(parsed.division.is_some());
        with_street += usize::from(has(&[ElementKind::Street]));
        with_number += usize::from(has(&[ElementKind::Door, ElementKind::Building, ElementKind::Room]));
    }
    let share = |count: usize| count as f64 / f64::from(lines);
    println!(
        "{lines} lines: division {:.3}, street {:.3}, number {:.3}",
        share(with_county),
        share(with_street),
        share(with_number)
    );
    assert!(
        lines > 18_000 && share(with_county) > 0.75 && share(with_street) > 0.7 && share(with_number) > 0.75
    );
}
