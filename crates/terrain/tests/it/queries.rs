//! Profiles, lines of sight and ranges against brute force.

use std::sync::Arc;

use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{HeightField, HeightPyramid, PlanRect, Sight};

use crate::heights;

fn hole() -> impl Strategy<Value = f32> {
    prop_oneof![Just(f32::INFINITY), Just(8.0f32)]
}

/// Whether the ground rises above a line: at the ends, and in small steps between.
fn lowest_clearance(field: &HeightField, from: DVec3, to: DVec3) -> (f64, bool) {
    let steps = 20_000;
    let (mut least, mut known) = (f64::INFINITY, true);
    for k in 0..=steps {
        let point = from.lerp(to, f64::from(k) / f64::from(steps));
        match field.height_at(point.truncate()) {
            Some(ground) => least = least.min(point.z - ground),
            None => known = false,
        }
    }
    (least, known)
}

#[test]
fn a_hill_stands_in_the_way_until_one_climbs() {
    let field =
        HeightField::from_fn(65, 9, DVec2::ZERO, 10.0, |p| (60.0 - (p.x - 300.0).abs()).max(0.0)).unwrap();
    let pyramid = HeightPyramid::new(Arc::new(field));
    let eye = |x: f64, up: f64| {
        let place = DVec2::new(x, 35.0);
        place.extend(pyramid.field().height_at(place).unwrap() + up)
    };
    let Some(Sight::Blocked(at)) = pyramid.line_of_sight(eye(100.0, 1.7), eye(500.0, 1.7)) else {
        panic!("the hill is in the way");
    };
    assert!((at - DVec3::new(241.7, 35.0, 1.7)).length() < 1e-3, "{at}");
    assert_eq!(pyramid.line_of_sight(eye(100.0, 60.1), eye(500.0, 60.1)), Some(Sight::Clear));
    // Both on the ground, and on the ridge itself.
    assert_eq!(pyramid.line_of_sight(eye(100.0, 0.0), eye(200.0, 0.0)), Some(Sight::Clear));
    assert_eq!(pyramid.line_of_sight(eye(250.0, 0.0), eye(300.0, 0.0)), Some(Sight::Clear));
    assert_eq!(pyramid.line_of_sight(eye(100.0, 0.0), eye(100.0, 5.0)), Some(Sight::Clear));
    assert!(matches!(pyramid.line_of_sight(eye(300.0, -1.0), eye(300.0, 9.0)), Some(Sight::Blocked(_))));
    assert!(matches!(pyramid.line_of_sight(eye(100.0, 9.0), eye(300.0, -1.0)), Some(Sight::Blocked(_))));
    let outside = DVec3::new(100.0, -500.0, 80.0);
    assert_eq!(pyramid.line_of_sight(eye(100.0, 2.0), outside), Some(Sight::Unknown));
    assert_eq!(pyramid.line_of_sight(DVec3::NAN, outside), None);
}

#[test]
fn profiles_of_nothing_are_empty_and_those_outside_say_so() {
    let field = HeightField::from_fn(5, 5, DVec2::ZERO, 1.0, |p| p.x).unwrap();
    assert!(field.profile(DVec2::ONE, DVec2::ONE).spans().is_empty());
    assert!(field.profile(DVec2::ONE, DVec2::NAN).spans().is_empty());
    let across = field.profile(DVec2::new(-2.0, 1.5), DVec2::new(6.0, 1.5));
    assert_eq!(across.length_m(), 8.0);
    assert_eq!(across.known_share(), 0.5);
    assert_eq!(across.range(), Some((0.0, 4.0)));
    assert_eq!(
        (across.height_at(1.0), across.height_at(2.0), across.height_at(9.0)),
        (None, Some(0.0), None)
    );
    // Along a line of samples, and along the border.
    assert_eq!(field.profile(DVec2::new(0.0, 4.0), DVec2::new(4.0, 4.0)).known_share(), 1.0);
}

#[test]
fn ground_blocks_a_line_that_comes_out_of_one_gap_and_goes_into_another() {
    // Flat ground with a gap at either end: the line is under it all the way and never crosses it.
    let heights = |p: DVec2| if p.x < 15.0 || p.x > 85.0 { f64::NAN } else { 0.0 };
    let field = HeightField::from_fn(11, 3, DVec2::ZERO, 10.0, heights).unwrap();
    let pyramid = HeightPyramid::new(Arc::new(field));
    let sight = |z: f64| pyramid.line_of_sight(DVec3::new(5.0, 5.0, z), DVec3::new(95.0, 5.0, z)).unwrap();
    let Sight::Blocked(at) = sight(-3.0) else { panic!("{:?}", sight(-3.0)) };
    assert!((at - DVec3::new(20.0, 5.0, -3.0)).length() < 1e-9, "{at}");
    assert_eq!(sight(3.0), Sight::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn profiles_have_the_heights_of_the_field(
        heights in heights(), hole in hole(), columns in 2u32..14, rows in 2u32..14,
        from in [-4.0..28.0, -4.0..28.0], to in [-4.0..28.0, -4.0..28.0], snap in any::<bool>(),
    ) {
        let field = crate::field(columns, rows, &heights, hole).unwrap();
        let place = |p: [f64; 2]| field.extent().0 + if snap { DVec2::from_array(p).round() } else { DVec2::from_array(p) };
        let (from, to) = (place(from), place(to));
        let profile = field.profile(from, to);
        prop_assert!((profile.length_m() - from.distance(to)).abs() < 1e-9);
        let mut low_high: Option<(f64, f64)> = None;
        for pair in profile.spans().windows(2) {
            prop_assert!(pair[0].end_m == pair[1].start_m && pair[0].end_m > pair[0].start_m);
        }
        for k in 0..500 {
            let distance = profile.length_m() * (f64::from(k) + 0.5) / 500.0;
            let at = from + (to - from).normalize_or_zero() * distance;
            let expected = field.height_at(at);
            match (profile.height_at(distance), expected) {
                (Some(got), Some(expected)) => {
                    prop_assert!((got - expected).abs() < 1e-6, "{} {}", got, expected);
                    low_high = Some(low_high.map_or((got, got), |(l, h)| (l.min(got), h.max(got))));
                }
                (None, None) => {}
                // Beside a border rounding decides.
                (got, expected) => {
                    let in_cells = (at - field.extent().0) / field.cell_m();
                    let near = (in_cells - in_cells.round()).abs().min_element() < 1e-9;
                    prop_assert!(near, "{:?} {:?} at {}", got, expected, at);
                }
            }
        }
        if let (Some((low, high)), Some((l, h))) = (profile.range(), low_high) {
            prop_assert!(low <= l + 1e-9 && high >= h - 1e-9);
            let step = profile.length_m() / 500.0 * 20.0;
            prop_assert!(l - low < step && high - h < step);
        }
    }

    #[test]
    fn sight_agrees_with_walking_the_line(
        heights in heights(), hole in hole(), columns in 2u32..14, rows in 2u32..14,
        from in [0.0..1.0, 0.0..1.0, -12.0..20.0], to in [0.0..1.0, 0.0..1.0, -12.0..20.0],
    ) {
        let field = crate::field(columns, rows, &heights, hole).unwrap();
        let (low, high) = field.extent();
        let place = |p: [f64; 3]| (low + (high - low) * DVec2::new(p[0], p[1])).extend(p[2]);
        let (from, to) = (place(from), place(to));
        let pyramid = HeightPyramid::new(&field);
        let (clearance, known) = lowest_clearance(&field, from, to);
        match pyramid.line_of_sight(from, to).unwrap() {
            Sight::Blocked(at) => {
                // Walking may step over what blocks by little.
                prop_assert!(clearance < 0.02, "{} at {}", clearance, at);
                let on_line = from.distance(at) + at.distance(to) - from.distance(to);
                prop_assert!(on_line.abs() < 1e-6);
                let ground = field.height_at(at.truncate());
                prop_assert!(ground.is_none_or(|ground| ground >= at.z - 1e-4));
            }
            Sight::Clear => prop_assert!(clearance >= -2e-6 && known, "{}", clearance),
            Sight::Unknown => prop_assert!(clearance >= -2e-6, "unknown but {} from {} to {}", clearance, from, to),
        }
        // What is blocked one way is blocked the other way.
        let back = pyramid.line_of_sight(to, from).unwrap();
        let is_blocked = |sight| matches!(sight, Sight::Blocked(_));
        prop_assert!(is_blocked(back) == is_blocked(pyramid.line_of_sight(from, to).unwrap()) || clearance.abs() < 1e-4);
    }

    #[test]
    fn ranges_agree_with_looking_at_every_cell(
        heights in heights(), hole in hole(), columns in 2u32..14, rows in 2u32..14, a in [-4.0..28.0, -4.0..28.0], b in [-4.0..28.0, -4.0..28.0],
    ) {
        let field = crate::field(columns, rows, &heights, hole).unwrap();
        let (a, b) = (field.extent().0 + DVec2::from_array(a), field.extent().0 + DVec2::from_array(b));
        let area = PlanRect { low: a.min(b), high: a.max(b) };
        let mut expected: Option<(f32, f32)> = None;
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| field.sample(column + x, row + y));
                let touches = field.position(column, row).cmple(area.high).all() && field.position(column + 1, row + 1).cmpge(area.low).all();
                if let ([Some(a), Some(b), Some(c), Some(d)], true) = (corners, touches) {
                    let (low, high) = (a.min(b).min(c).min(d), a.max(b).max(c).max(d));
                    expected = Some(expected.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
                }
            }
        }
        prop_assert_eq!(HeightPyramid::new(&field).range_in(area), expected);
    }
}
