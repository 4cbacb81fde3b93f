//! Matching on rows that can be checked by eye.

use address_index::{
    Footprint,
    matching::{
        AddressToMatch, BuildingFacts, Correction, Evidence, MatchOptions, Method, NoMatch, match_buildings,
    },
    text::NumberValue,
};

/// A row of houses 10 m wide every 20 m.
fn houses(count: usize) -> Vec<Footprint> {
    let house = |k: usize| {
        let west = 20.0 * k as f64;
        let ring = vec![[west, 0.0], [west + 10.0, 0.0], [west + 10.0, 10.0], [west, 10.0]];
        Footprint::new(format!("350926100003-B{k}"), ring, vec![]).unwrap()
    };
    (0..count).map(house).collect()
}

fn at(east: f64, north: f64, number: u32) -> AddressToMatch<'static> {
    let door = NumberValue::new(number).unwrap();
    AddressToMatch { position_m: Some([east, north]), lane: Some(7), door, name: None }
}

fn buildings(addresses: &[AddressToMatch<'_>], houses: &[Footprint]) -> Vec<Option<usize>> {
    let report = match_buildings(addresses, houses, &[], &[], &MatchOptions::default());
    let mut found = vec![None; addresses.len()];
    report.matches.iter().for_each(|m| found[m.address] = m.buildings.first().copied());
    found
}

#[test]
fn order_decides_between_two_houses() {
    let houses = houses(12);
    // Number 11 (the sixth house) lies between two, a little nearer to the seventh.
    let mut addresses: Vec<_> = (0..12).map(|k| at(20.0 * k as f64 + 5.0, 4.0, 2 * k + 1)).collect();
    addresses[5].position_m = Some([116.0, 4.0]);
    let expected: Vec<_> = (0..12).map(Some).collect();
    assert_eq!(buildings(&addresses, &houses), expected);
}

#[test]
fn a_shifted_row_is_found_and_shifted_back() {
    let houses = houses(20);
    let addresses: Vec<_> = (0..20).map(|k| at(20.0 * k as f64 + 5.0 + 3.0, 4.0 + 14.0, 2 * k + 1)).collect();
    let report = match_buildings(&addresses, &houses, &[], &[], &MatchOptions::default());
    assert!(report.matches.iter().all(|m| m.buildings == [m.address]));
    assert!(
        report.matches[3].evidence.iter().any(|e| matches!(e, Evidence::Shifted([_, north]) if *north > 8.0))
    );
}

#[test]
fn people_and_plates_outrank_points() {
    let houses = houses(4);
    let far = AddressToMatch { position_m: Some([5.0, 400.0]), ..AddressToMatch::default() };
    let addresses = [
        at(5.0, 5.0, 1),
        AddressToMatch { name: Some("前宅小學"), ..at(25.0, 5.0, 0) },
        far,
        AddressToMatch::default(),
        AddressToMatch { lane: None, door: NumberValue::NONE, ..at(45.0, 5.0, 0) },
    ];
    let facts = [
        BuildingFacts::default(),
        BuildingFacts::default(),
        BuildingFacts::default(),
        BuildingFacts { name: Some("前宅小学"), door: NumberValue::NONE },
    ];
    let corrections =
        [Correction { address: 0, buildings: vec![2, 1] }, Correction { address: 4, buildings: vec![] }];
    let report = match_buildings(&addresses, &houses, &facts, &corrections, &MatchOptions::default());
    let found: Vec<_> = report.matches.iter().map(|m| (m.address, m.buildings.clone(), m.method)).collect();
    assert_eq!(found, [(0, vec![2, 1], Method::Correction), (1, vec![3], Method::Name)]);
    let missing: Vec<_> = report.unmatched.iter().map(|u| (u.address, u.reason)).collect();
    assert_eq!(missing, [(2, NoMatch::NothingNear), (3, NoMatch::NoPosition), (4, NoMatch::Corrected)]);
    assert_eq!(report.matches[0].confidence, 1.0);
}

#[test]
fn rooms_share_a_house_and_houses_have_one_plate() {
    let houses = houses(3);
    let same = [at(5.0, 5.0, 1), at(6.0, 5.0, 1), at(7.0, 5.0, 1)];
    assert_eq!(buildings(&same, &houses), [Some(0), Some(0), Some(0)]);
    // Two plates at one house: the one that fits less goes next door.
    let two = [at(5.0, 5.0, 1), at(11.0, 5.0, 3)];
    assert_eq!(buildings(&two, &houses), [Some(0), Some(1)]);
}

#[test]
fn strange_input_is_survived() {
    let houses = houses(2);
    let nan =
        AddressToMatch { position_m: Some([f64::NAN, 1.0]), lane: Some(1), ..AddressToMatch::default() };
    let wrong =
        [Correction { address: 99, buildings: vec![0] }, Correction { address: 0, buildings: vec![77] }];
    let report = match_buildings(&[nan, nan], &houses, &[], &wrong, &MatchOptions::default());
    assert_eq!(report.matches.len() + report.unmatched.len(), 2);
    assert!(match_buildings(&[], &[], &[], &[], &MatchOptions::default()).matches.is_empty());
    assert_eq!(
        match_buildings(&[at(1.0, 1.0, 1)], &[], &[], &[], &MatchOptions::default()).unmatched.len(),
        1
    );
}
