use geodesy::Ray;
use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{HeightField, HeightPyramid};

use crate::heights;

/// First crossing by walking along the ray in small steps and halving where the side changes.
fn march(field: &HeightField, ray: &Ray, length: f64) -> Option<f64> {
    let above = |t: f64| {
        let point = ray.at(t);
        field.height_at(point.truncate()).map(|ground| point.z - ground)
    };
    let steps = 40_000;
    let at = |k: i32| length * f64::from(k) / f64::from(steps);
    let mut before = above(0.0);
    if before == Some(0.0) {
        return Some(0.0);
    }
    for k in 1..=steps {
        let now = above(at(k));
        if let (Some(a), Some(b)) = (before, now)
            && a.signum() != b.signum()
        {
            let (mut low, mut high) = (at(k - 1), at(k));
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                match above(middle) {
                    Some(m) if m.signum() == a.signum() => low = middle,
                    _ => high = middle,
                }
            }
            return Some(low);
        }
        before = now;
    }
    None
}

#[test]
fn straight_down_meets_the_height() {
    let field =
        HeightField::from_fn(33, 17, DVec2::ZERO, 1.5, |p| (p.x * 0.3).sin() * 4.0 + p.y * 0.2).unwrap();
    let rays = HeightPyramid::new(&field);
    // Samples, edges and the outer border included.
    for k in 0..=96 {
        for j in 0..=48 {
            let place = DVec2::new(f64::from(k) * 0.5, f64::from(j) * 0.5);
            let down = Ray { origin: place.extend(50.0), direction: -DVec3::Z };
            let got = rays.intersect(&down).unwrap();
            assert!((50.0 - got - field.height_at(place).unwrap()).abs() < 1e-9, "{place}");
            let up = Ray { origin: place.extend(-50.0), direction: DVec3::Z };
            assert!(rays.intersect(&up).is_some());
            assert_eq!(rays.intersect(&Ray { direction: DVec3::Z, ..down }), None);
        }
    }
    let nan = Ray { origin: DVec3::NAN, direction: DVec3::Z };
    assert_eq!(rays.intersect(&nan), None);
}

#[test]
fn holes_let_rays_through() {
    let mut heights = vec![0.0; 25];
    heights[12] = -9999.0;
    let field = HeightField::new(5, 5, DVec2::ZERO, 1.0, heights, Some(-9999.0)).unwrap();
    let rays = HeightPyramid::new(&field);
    let down = |x, y| rays.intersect(&Ray { origin: DVec3::new(x, y, 3.0), direction: -DVec3::Z });
    assert_eq!(down(0.5, 0.5), Some(3.0));
    assert_eq!(down(1.5, 1.5), None);
    assert_eq!(down(2.5, 2.5), None);
    assert_eq!(down(3.5, 0.5), Some(3.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn first_crossing_agrees_with_marching(
        heights in heights(), hole in prop_oneof![Just(f32::INFINITY), Just(8.0f32)], columns in 2u32..14, rows in 2u32..14,
        start in [-5.0..30.0, -5.0..30.0, -12.0..20.0], toward in [0.0..26.0, 0.0..26.0, -10.0..10.0],
    ) {
        let field = crate::field(columns, rows, &heights, hole).unwrap();
        let low = field.extent().0.extend(0.0);
        let (origin, target) = (low + DVec3::from_array(start), low + DVec3::from_array(toward));
        prop_assume!(origin.distance(target) > 0.1);
        let ray = Ray { origin, direction: (target - origin).normalize() };
        let got = HeightPyramid::new(&field).intersect(&ray);
        let length = 80.0;
        let expected = march(&field, &ray, length);
        match (got, expected) {
            (Some(got), Some(expected)) if (got - expected).abs() < 1e-6 => {}
            // Marching may step over a crest, or over a corner of a cell beside a hole, but never finds too early.
            (Some(got), expected) if expected.is_none_or(|expected| got < expected) => {
                let point = ray.at(got);
                let ground = field.height_at(point.truncate());
                let near = [DVec2::ZERO, DVec2::X, -DVec2::X, DVec2::Y, -DVec2::Y].into_iter().find_map(|offset| field.height_at(point.truncate() + offset * 1e-6));
                prop_assert!(ground.or(near).is_some_and(|ground| (ground - point.z).abs() < 1e-4), "{} {:?}", got, expected);
                let step = length / 40_000.0 * 3.0;
                let grazes = field.height_at(ray.at(got + step).truncate()).is_none_or(|ground| (ground - ray.at(got + step).z).abs() < 0.1)
                    || got > length;
                prop_assert!(grazes, "{} {:?}", got, expected);
            }
            (None, None) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
