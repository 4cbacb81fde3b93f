use geodesy::glam::DVec3;
use geodesy::s2::{Cell, cell_id_from_token, token_from_cell_id};
use geodesy::{BoundingVolume, Geodetic, Ray, S2Volume, ecef_from_geodetic};
use proptest::prelude::*;

use crate::close;

/// Token, level, face, i, j and corners as Google's library (its Python port `s2sphere` 0.2) gives them.
type Known = (&'static str, u32, u32, u32, u32, [[f64; 3]; 4]);
#[rustfmt::skip]
const KNOWN: [Known; 10] = [
    ("1", 0, 0, 0, 0, [[0.5773502691896258, -0.5773502691896258, -0.5773502691896258], [0.5773502691896258, 0.5773502691896258, -0.5773502691896258], [0.5773502691896258, 0.5773502691896258, 0.5773502691896258], [0.5773502691896258, -0.5773502691896258, 0.5773502691896258]]),
    ("4d", 2, 2, 1, 3, [[0.3589790793088691, -0.3589790793088691, 0.8615497903412859], [-0.0, -0.3846153846153846, 0.9230769230769231], [-0.0, -0.7071067811865476, 0.7071067811865476], [0.28261670947211076, -0.6782801027330658, 0.6782801027330658]]),
    ("a4", 1, 5, 0, 0, [[-0.5773502691896258, -0.5773502691896258, -0.5773502691896258], [-0.7071067811865476, 0.0, -0.7071067811865476], [0.0, 0.0, -1.0], [0.0, -0.7071067811865476, -0.7071067811865476]]),
    ("8c", 1, 4, 0, 1, [[0.0, -0.7071067811865476, 0.7071067811865476], [0.0, -1.0, -0.0], [0.7071067811865476, -0.7071067811865476, -0.0], [0.5773502691896258, -0.5773502691896258, 0.5773502691896258]]),
    ("7c", 1, 3, 0, 1, [[-0.7071067811865476, -0.0, 0.7071067811865476], [-1.0, -0.0, -0.0], [-0.7071067811865476, -0.7071067811865476, -0.0], [-0.5773502691896258, -0.5773502691896258, 0.5773502691896258]]),
    ("03", 2, 0, 1, 0, [[0.6782801027330658, -0.28261670947211076, -0.6782801027330658], [0.7071067811865476, 0.0, -0.7071067811865476], [0.9230769230769231, 0.0, -0.3846153846153846], [0.8615497903412858, -0.358979079308869, -0.358979079308869]]),
    ("0d61c", 7, 0, 63, 118, [[0.7809169641878703, -0.008198102895526959, 0.6245810485057283], [0.7809432077923268, 0.0, 0.6246020382635895], [0.773612169037661, 0.0, 0.633659381621424], [0.7735866575717393, -0.008121148993062693, 0.6336384853889613]]),
    ("81e44", 7, 4, 26, 2, [[-0.6489061044945896, -0.6768894916833207, 0.3474787527293609], [-0.6514012570003461, -0.6794922449932304, 0.3375895308987363], [-0.6433018737947485, -0.6856529989756153, 0.34065035471566824], [-0.6407931221079954, -0.6829790861707908, 0.35060482385785713]]),
    ("12bcc15f", 14, 0, 8755, 15536, [[0.7556214760001201, 0.03581000446068636, 0.654028920299344], [0.7556196960018421, 0.03587564245274325, 0.6540273796200636], [0.7555620626946468, 0.035872906113374056, 0.6540941094548948], [0.7555638422856579, 0.03580727311485047, 0.6540956500563292]]),
    ("32a7413eed6b", 22, 1, 4010844, 2110651, [[-0.6631139851514395, 0.7485114956206959, 0.003222362525471081], [-0.6631142401208172, 0.7485112697448266, 0.003222361553069266], [-0.6631142396090852, 0.7485112691671929, 0.003222601027575947], [-0.6631139846397074, 0.7485114950430616, 0.0032226020000500253]]),
];

#[test]
fn cells_are_where_the_reference_library_has_them() {
    for (token, level, face, i, j, corners) in KNOWN {
        let id = cell_id_from_token(token).unwrap();
        let cell = Cell::from_id(id).unwrap();
        assert_eq!(cell, Cell { face, level, i, j }, "{token}");
        assert_eq!(cell.id(), Some(id));
        assert_eq!(token_from_cell_id(id), token);
        for (ours, expected) in cell.corners().into_iter().zip(corners) {
            assert!(close(ours, DVec3::from_array(expected), 1e-15), "{token}: {ours:?} {expected:?}");
        }
    }
    let centers = [DVec3::X, DVec3::Y, DVec3::Z, -DVec3::X, -DVec3::Y, -DVec3::Z];
    for (token, center) in ["1", "3", "5", "7", "9", "b"].into_iter().zip(centers) {
        let cell = Cell::from_id(cell_id_from_token(token).unwrap()).unwrap();
        assert!(close(cell.center(), center, 1e-15), "{token}");
    }
    // `s2sphere`: CellId.from_token(t).to_point().
    let leaf = Cell::from_id(cell_id_from_token("2ef59bd352b93ac3").unwrap()).unwrap();
    assert_eq!(leaf.level, 30);
    let expected = DVec3::new(-0.2651080982508661, 0.9468737292716113, -0.1820654746432746);
    assert!(close(leaf.center(), expected, 1e-15));
}

#[test]
fn tokens_of_the_specification_and_bad_ones() {
    for (token, id) in [
        ("3", 3458764513820540928),
        ("2c", 3170534137668829184),
        ("2f", 3386706919782612992),
        ("2e4", 3332663724254167040),
    ] {
        assert_eq!(cell_id_from_token(token), Some(id));
    }
    assert_eq!(cell_id_from_token("10"), cell_id_from_token("1"));
    for bad in [
        "",
        "0",
        "X",
        "NOT_A_VALID_TOKEN",
        "d",
        "f",
        "2",
        "12345678901234567",
        "+1",
        " 1",
        "1 ",
        "0000000000000000",
        "c1",
    ] {
        assert_eq!(cell_id_from_token(bad), None, "{bad:?}");
    }
}

#[test]
fn validator_sample_parses() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/tiles/validator/data/extensions/boundingVolumeS2"
    );
    if !std::path::Path::new(folder).exists() {
        println!("skipped: ../shared/data is absent");
        return;
    }
    let token = |name: &str| {
        let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let value = text.split("\"token\":").nth(1).unwrap().split('"').nth(1).unwrap();
        value.to_owned()
    };
    assert!(S2Volume::from_token(&token("validTilesetWithS2.json"), 0.0, 10000.0).is_some());
    assert_eq!(S2Volume::from_token(&token("s2TokenInvalidValue.json"), 0.0, 10000.0), None);
    assert_eq!(S2Volume::from_token("1", 10000.0, 0.0), None);
    assert_eq!(S2Volume::from_token("1", f64::NAN, 0.0), None);
    assert_eq!(S2Volume::from_token("1", 0.0, f64::INFINITY), None);
}

#[test]
fn octrees_split_heights_and_quadtrees_do_not() {
    let root = S2Volume::from_token("04", 0.0, 1000.0).unwrap();
    let upper = root.child(true, 1, 0, 1).unwrap();
    assert_eq!((upper.min_height_m, upper.max_height_m), (500.0, 1000.0));
    let whole = root.child(false, 1, 0, 9).unwrap();
    assert_eq!((whole.min_height_m, whole.max_height_m), (0.0, 1000.0));
    // The children of "04" by `s2sphere`; the one at i = 1, j = 0 is "03".
    let mut tokens: Vec<_> = [(0, 0), (1, 0), (0, 1), (1, 1)]
        .map(|(x, y)| token_from_cell_id(root.child(false, x, y, 0).unwrap().cell_id))
        .to_vec();
    assert_eq!(tokens[1], "03");
    tokens.sort();
    assert_eq!(tokens, ["01", "03", "05", "07"]);
    assert_eq!(root.child(false, 2, 0, 0), None);
    let leaf = S2Volume::from_token("2ef59bd352b93ac3", 0.0, 10.0).unwrap();
    assert_eq!(leaf.child(false, 0, 0, 0), None);
}

fn cells() -> impl Strategy<Value = S2Volume> {
    (
        0u32..6,
        prop_oneof![0u32..4, 4u32..=30],
        any::<u32>(),
        any::<u32>(),
        -1e4..1e4,
        prop_oneof![1 => Just(0.0), 4 => 1.0..1e5],
    )
        .prop_map(|(face, level, i, j, low, thickness)| {
            let mask = ((1u64 << level) - 1) as u32;
            let cell = Cell { face, level, i: i & mask, j: j & mask };
            S2Volume::new(cell.id().unwrap(), low, low + thickness).unwrap()
        })
}

/// A point of the cell: the corners' great-circle blend, at a height.
fn point_in(volume: &S2Volume, [s, t, h]: [f64; 3]) -> DVec3 {
    let [a, b, c, d] = Cell::from_id(volume.cell_id).unwrap().corners();
    let direction = (a.lerp(b, s)).lerp(d.lerp(c, s), t).normalize();
    let height_m = volume.min_height_m + (volume.max_height_m - volume.min_height_m) * h;
    ecef_from_geodetic(Geodetic {
        lon_rad: direction.y.atan2(direction.x),
        lat_rad: direction.z.clamp(-1.0, 1.0).asin(),
        height_m,
    })
}

proptest! {
    #[test]
    fn ids_and_tokens_round_trip(volume in cells()) {
        let cell = Cell::from_id(volume.cell_id).unwrap();
        prop_assert_eq!(cell.id(), Some(volume.cell_id));
        prop_assert_eq!(cell_id_from_token(&token_from_cell_id(volume.cell_id)), Some(volume.cell_id));
        prop_assert!(Cell::from_id(volume.cell_id | 1 << 63 | 1 << 62).is_none());
    }

    #[test]
    fn hull_holds_the_curved_cell_closely(volume in cells(), fractions in prop::collection::vec([0.0..=1.0, 0.0..=1.0, 0.0..=1.0], 24)) {
        let bounds = BoundingVolume::S2(Box::new(volume.clone()));
        let (sphere, obb) = (bounds.bounding_sphere(), bounds.bounding_box());
        for t in fractions {
            let point = point_in(&volume, t);
            prop_assert!(bounds.contains(point), "{:?} {}", t, bounds.distance_squared(point));
            prop_assert!(obb.distance_squared(point) < 1e-10);
            prop_assert!(point.distance(sphere.center) <= sphere.radius + 1e-5);
        }
        let cell = Cell::from_id(volume.cell_id).unwrap();
        if cell.level >= 6 {
            // Excess: sagitta at top and bottom, 0.7 % of the side at the sides.
            let side = 2e7 * 0.5f64.powi(cell.level as i32);
            let sagitta = side * side / 6e6;
            for (index, corner) in volume.corners.into_iter().enumerate() {
                let exact = point_in(&volume, [f64::from(u8::from(index % 4 == 1 || index % 4 == 2)), f64::from(u8::from(index % 4 >= 2)), if index < 4 { 0.0 } else { 1.0 }]);
                prop_assert!(close(corner, exact, 0.03 * side + 2.0 * sagitta + 1e-3), "{} {}", index, corner.distance(exact));
            }
        }
    }

    #[test]
    fn planes_face_outwards_and_hold_their_corners(volume in cells()) {
        let center = volume.center();
        for (index, plane) in volume.planes.iter().enumerate() {
            prop_assert!((plane.truncate().length() - 1.0).abs() < 1e-12);
            prop_assert!(plane.dot(center.extend(1.0)) < 1e-8, "{}", index);
            for corner in volume.corners {
                prop_assert!(plane.dot(corner.extend(1.0)) < 1e-6, "{}", index);
            }
        }
    }

    #[test]
    fn distance_is_the_least_over_the_hull(volume in cells(), place in [-1.0..1.0, -1.0..1.0, -1.0..1.0], blends in prop::collection::vec(prop::array::uniform8(1e-3..1.0), 64)) {
        // Near enough for all faces to come into play.
        let size = volume.bounding_sphere().radius;
        let point = volume.center() + DVec3::from_array(place) * size * 3.0;
        let got = volume.distance_squared(point).sqrt();
        let blend = |weights: [f64; 8]| {
            let total: f64 = weights.iter().sum::<f64>();
            volume.corners.iter().zip(weights).map(|(&corner, weight)| corner * (weight / total)).sum::<DVec3>()
        };
        for weights in blends {
            let inside = blend(weights);
            prop_assert!(got <= inside.distance(point) + 1e-6);
            prop_assert!(volume.distance_squared(inside) < 1e-12);
        }
        // Frank and Wolfe's method over the corners finds the nearest point of a convex hull.
        let mut nearest = volume.center();
        for _ in 0..3000 {
            let toward = point - nearest;
            let best = volume.corners.into_iter().max_by(|a, b| a.dot(toward).total_cmp(&b.dot(toward))).unwrap();
            let step = best - nearest;
            let length_squared = step.length_squared();
            if length_squared == 0.0 { break; }
            nearest += step * (toward.dot(step) / length_squared).clamp(0.0, 1.0);
        }
        prop_assert!((nearest.distance(point) - got).abs() < 0.02 * size, "{} {}", nearest.distance(point), got);
    }

    #[test]
    fn rays_meet_the_hull(volume in cells(), origin in [-3.0..3.0, -3.0..3.0, -3.0..3.0]) {
        let (center, size) = (volume.center(), volume.bounding_sphere().radius);
        let origin = center + DVec3::from_array(origin) * size;
        let thick = volume.max_height_m > volume.min_height_m;
        prop_assume!(size > 1.0 && (thick || Cell::from_id(volume.cell_id).unwrap().level < 8));
        let ray = Ray { origin, direction: (center - origin).normalize() };
        let (enter, leave) = volume.intersect(&ray).unwrap();
        let middle = (enter + leave) * 0.5;
        prop_assert!(volume.distance_squared(ray.at(middle)) < 1e-10);
        prop_assert!(volume.distance_squared(ray.at(leave + 0.01 * size)) > 0.0);
        let away = Ray { origin, direction: -ray.direction };
        prop_assert!(volume.intersect(&away).is_none_or(|(enter, _)| enter == 0.0));
    }
}
