//! Matching of footprints: whatever happens to houses between two surveys is found again.

use std::collections::BTreeMap;

use ingest::{
    buildings::matching::{GroupKind, common_area, matched},
    vector::Polygon,
};
use proptest::prelude::*;

fn house(x: f64, y: f64, width: f64, depth: f64) -> Vec<Polygon> {
    vec![vec![vec![[x, y], [x + width, y], [x + width, y + depth], [x, y + depth], [x, y]]]]
}

/// What happens to a house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Stays,
    Grows,
    Goes,
    Comes,
    Splits,
    Merges,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Stays),
        2 => Just(Fate::Grows),
        1 => Just(Fate::Goes),
        1 => Just(Fate::Comes),
        1 => Just(Fate::Splits),
        1 => Just(Fate::Merges),
    ]
}

type House = (Fate, f64, f64, f64, f64);

fn houses() -> impl Strategy<Value = Vec<House>> {
    prop::collection::vec((fate(), 6.0..14.0, 6.0..14.0, -0.3..0.3, -0.3..0.3), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_fate_is_found(houses in houses(), shift in (-2.5..2.5_f64, -2.5..2.5_f64)) {
        // A shift can be told from movements only where most houses stay.
        let steady = houses.iter().filter(|(fate, ..)| *fate == Fate::Stays).count();
        let shift = if steady >= 12 && steady * 2 > houses.len() { [shift.0, shift.1] } else { [0.0, 0.0] };
        let (mut old, mut new) = (Vec::new(), Vec::new());
        let mut wanted: BTreeMap<Fate, usize> = BTreeMap::new();
        let mut pairs = Vec::new();
        for (index, (fate, width, depth, dx, dy)) in houses.iter().enumerate() {
            let (x, y) = ((index % 8) as f64 * 40.0, (index / 8) as f64 * 40.0);
            let (nx, ny) = (x + dx + shift[0], y + dy + shift[1]);
            *wanted.entry(*fate).or_default() += 1;
            match fate {
                Fate::Stays | Fate::Grows => {
                    pairs.push((old.len(), new.len()));
                    old.push(house(x, y, *width, *depth));
                    let more = if *fate == Fate::Grows { 1.4 } else { 1.0 };
                    new.push(house(nx, ny, width * more, *depth));
                }
                Fate::Goes => old.push(house(x, y, *width, *depth)),
                Fate::Comes => new.push(house(nx, ny, *width, *depth)),
                Fate::Splits => {
                    old.push(house(x, y, *width, *depth));
                    new.push(house(nx, ny, width / 2.0, *depth));
                    new.push(house(nx + width / 2.0, ny, width / 2.0, *depth));
                }
                Fate::Merges => {
                    old.push(house(x, y, *width, *depth));
                    old.push(house(x + width, y, *width, *depth));
                    new.push(house(nx, ny, width * 2.0, *depth));
                }
            }
        }
        let found = matched(&old, &new);
        let count = |fate| wanted.get(&fate).copied().unwrap_or(0);
        let kept: Vec<(usize, usize)> = found.kept.iter().map(|(o, n, _)| (*o, *n)).collect();
        prop_assert_eq!(kept, pairs);
        prop_assert_eq!(found.gone.len(), count(Fate::Goes));
        prop_assert_eq!(found.new.len(), count(Fate::Comes));
        let asked = |kind| found.questions.iter().filter(|group| group.kind == kind).count();
        prop_assert_eq!(asked(GroupKind::Split), count(Fate::Splits));
        prop_assert_eq!(asked(GroupKind::Merge), count(Fate::Merges));
        prop_assert_eq!(asked(GroupKind::Rebuilt), 0);
        // Nothing is lost, nothing is told twice.
        let olds = found.kept.len() + found.gone.len() + found.questions.iter().map(|g| g.old.len()).sum::<usize>();
        let news = found.kept.len() + found.new.len() + found.questions.iter().map(|g| g.new.len()).sum::<usize>();
        prop_assert_eq!((olds, news), (old.len(), new.len()));
    }

    #[test]
    fn common_areas_are_those_of_rectangles(
        a in (0.0..20.0_f64, 0.0..20.0_f64, 1.0..20.0_f64, 1.0..20.0_f64),
        b in (0.0..20.0_f64, 0.0..20.0_f64, 1.0..20.0_f64, 1.0..20.0_f64),
    ) {
        let side = |x: f64, w: f64, y: f64, v: f64| ((x + w).min(y + v) - x.max(y)).max(0.0);
        let exact = side(a.0, a.2, b.0, b.2) * side(a.1, a.3, b.1, b.3);
        let found = common_area(&house(a.0, a.1, a.2, a.3), &house(b.0, b.1, b.2, b.3));
        prop_assert!((found - exact).abs() < 1e-4, "{found} {exact}");
    }
}

#[test]
fn a_yard_is_no_part_of_its_house() {
    let mut ring = house(0.0, 0.0, 30.0, 30.0);
    ring[0].push(house(10.0, 10.0, 10.0, 10.0)[0][0].clone());
    assert!((common_area(&ring, &house(0.0, 0.0, 30.0, 30.0)) - 800.0).abs() < 1e-4);
    assert_eq!(common_area(&ring, &house(12.0, 12.0, 5.0, 5.0)), 0.0);
}
