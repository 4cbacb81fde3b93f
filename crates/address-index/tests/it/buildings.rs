//! Buildings by place against brute force.

use address_index::{BuildingIndex, DuplicateBuilding, Footprint, FootprintError};
use proptest::prelude::*;

/// Rings on whole metres, for which the oracle below is exact.
type Rings = Vec<Vec<[i64; 2]>>;

fn square(id: &str, west: f64, south: f64, side: f64) -> Footprint {
    let (east, north) = (west + side, south + side);
    Footprint::new(id, vec![[west, south], [east, south], [east, north], [west, north]], vec![]).unwrap()
}

#[test]
fn a_yard_is_not_the_house_around_it() {
    let ring = |low: f64, high: f64| vec![[low, low], [low, high], [high, high], [high, low], [low, low]];
    let house = Footprint::new("A", ring(0.0, 10.0), vec![ring(4.0, 6.0)]).unwrap();
    assert_eq!(house.area_m2(), 96.0);
    assert!(house.contains([1.0, 1.0]) && house.contains([0.0, 3.0]) && house.contains([10.0, 10.0]));
    assert!(!house.contains([5.0, 5.0]) && house.contains([4.0, 5.0]), "the border of the yard is wall");
    assert_eq!(house.distance_squared([5.0, 4.5]), 0.25);
    assert_eq!(house.distance_squared([13.0, 14.0]), 25.0);

    let index =
        BuildingIndex::new(vec![house, square("B", 4.5, 4.5, 1.0), square("C", 8.0, 8.0, 1.0)]).unwrap();
    let at = |point| index.building_at(point).map(Footprint::building_id);
    assert_eq!(at([5.0, 5.0]), Some("B"));
    assert_eq!(at([8.5, 8.5]), Some("C"), "the smaller of two");
    assert_eq!(at([1.0, 1.0]), Some("A"));
    assert_eq!(at([4.2, 4.2]), None);
    assert_eq!(at([f64::NAN, 0.0]), None);
    let near = index.nearest_within([4.3, 5.0], 0.25).unwrap();
    assert_eq!(near.footprint.building_id(), "B");
    assert_eq!(index.nearest_within([4.3, 5.0], 0.1), None);
    assert_eq!(index.nearest_within([-3.0, 5.0], 3.0).map(|near| near.distance_m), Some(3.0));
    assert_eq!(index.nearest_within([-3.0, 5.0], -1.0), None);
}

#[test]
fn points_at_a_slanted_wall_are_decided_exactly() {
    // Steps of the last digit around a point of the wall east = north, where a plain cross product loses its sign
    // (Kettner, Mehlhorn, Pion, Schirra and Yap 2008).
    let house = Footprint::new("A", vec![[-24.1, -24.1], [12.1, 12.1], [-24.1, 12.1]], vec![]).unwrap();
    for (i, j) in (0..64).flat_map(|i| (0..64).map(move |j| (i, j))) {
        let at = |steps: i32| 0.5 + f64::from(steps) * f64::EPSILON / 2.0;
        assert_eq!(house.contains([at(i), at(j)]), j >= i, "{i} {j}");
    }
}

#[test]
fn bad_outlines_are_refused() {
    let refuse = |outer, holes| Footprint::new("A", outer, holes).unwrap_err();
    let good = vec![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let degenerate = |ring| FootprintError::Degenerate { building_id: "A".to_owned(), ring };
    assert_eq!(refuse(vec![], vec![]), degenerate(0));
    assert_eq!(refuse(vec![[1.0, 1.0]; 5], vec![]), degenerate(0));
    assert_eq!(refuse(vec![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], vec![]), degenerate(0));
    assert_eq!(refuse(good.clone(), vec![vec![[0.1, 0.1], [0.2, 0.2]]]), degenerate(1));
    for bad in [f64::NAN, f64::INFINITY, 1e9] {
        let mut ring = good.clone();
        ring[2][1] = bad;
        assert!(matches!(refuse(ring, vec![]), FootprintError::Vertex { ring: 0, vertex: 2, .. }));
    }
    let twice = BuildingIndex::new(vec![square("A", 0.0, 0.0, 1.0), square("A", 5.0, 0.0, 1.0)]).unwrap_err();
    assert_eq!(twice, DuplicateBuilding { building_id: "A".to_owned() });
    let empty = BuildingIndex::new(vec![]).unwrap();
    assert!(empty.is_empty() && empty.building_at([0.0, 0.0]).is_none());
    assert!(empty.nearest_within([0.0, 0.0], 1e9).is_none());
}

/// A star-shaped ring around a centre, its vertices on whole metres.
fn ring(center: [i64; 2], radii: &[i64]) -> Vec<[i64; 2]> {
    let vertex = |(k, &radius): (usize, &i64)| {
        let angle = std::f64::consts::TAU * k as f64 / radii.len() as f64;
        let along = |part: f64| (part * radius as f64).round() as i64;
        [center[0] + along(angle.cos()), center[1] + along(angle.sin())]
    };
    radii.iter().enumerate().map(vertex).collect()
}

/// A building of 100 to 200 m with up to one yard well inside it.
fn rings() -> impl Strategy<Value = Rings> {
    let outer = prop::collection::vec(50i64..100, 6..14);
    let hole = prop::option::of(prop::collection::vec(8i64..30, 4..9));
    ([-400i64..400, -400i64..400], outer, hole, any::<bool>()).prop_map(|(center, outer, hole, reversed)| {
        let mut rings: Rings = std::iter::once(outer).chain(hole).map(|radii| ring(center, &radii)).collect();
        if reversed {
            rings.iter_mut().for_each(|ring| ring.reverse());
        }
        rings
    })
}

/// Winding number in whole numbers; `None` on the border.
fn winding(ring: &[[i64; 2]], [x, y]: [i64; 2]) -> Option<i32> {
    let mut winding = 0;
    for (k, &[ax, ay]) in ring.iter().enumerate() {
        let [bx, by] = ring[(k + 1) % ring.len()];
        let cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
        let between = (ax.min(bx)..=ax.max(bx)).contains(&x) && (ay.min(by)..=ay.max(by)).contains(&y);
        if cross == 0 && between {
            return None;
        }
        winding += i32::from(ay <= y && by > y && cross > 0) - i32::from(ay > y && by <= y && cross < 0);
    }
    Some(winding)
}

fn contains(rings: &Rings, point: [i64; 2]) -> bool {
    let windings: Vec<_> = rings.iter().map(|ring| winding(ring, point)).collect();
    windings.contains(&None) || (windings[0] != Some(0) && windings[1..].iter().all(|&w| w == Some(0)))
}

/// Distance to the walls by ternary search along each.
fn wall_distance(rings: &Rings, [x, y]: [i64; 2]) -> f64 {
    let walls = rings.iter().flat_map(|ring| (0..ring.len()).map(|k| (ring[k], ring[(k + 1) % ring.len()])));
    let distance = |([ax, ay], [bx, by]): ([i64; 2], [i64; 2])| {
        let at =
            |t: f64| ((ax - x) as f64 + (bx - ax) as f64 * t).hypot((ay - y) as f64 + (by - ay) as f64 * t);
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..100 {
            let third = (high - low) / 3.0;
            if at(low + third) < at(high - third) { high -= third } else { low += third }
        }
        at(low).min(at(high))
    };
    walls.map(distance).fold(f64::INFINITY, f64::min)
}

proptest! {
    #[test]
    fn agrees_with_looking_at_every_building(all in prop::collection::vec(rings(), 0..24), points in prop::collection::vec([-550i64..550, -550i64..550], 12), pick in any::<prop::sample::Index>(), radius in 0.0..300.0) {
        let wide = |ring: &Vec<[i64; 2]>| ring.iter().map(|vertex| vertex.map(|c| c as f64)).collect::<Vec<_>>();
        let footprint = |(k, rings): (usize, &Rings)| Footprint::new(k.to_string(), wide(&rings[0]), rings[1..].iter().map(wide).collect()).unwrap();
        let footprints: Vec<_> = all.iter().enumerate().map(footprint).collect();
        let index = BuildingIndex::new(footprints.clone()).unwrap();
        prop_assert_eq!(index.len(), all.len());
        let vertex = all.get(pick.index(all.len().max(1))).map(|rings| rings[0][0]);
        for point in points.into_iter().chain(vertex) {
            let query = point.map(|c| c as f64);
            let holding = (0..all.len()).filter(|&k| contains(&all[k], point));
            let expected = holding.min_by(|&a, &b| footprints[a].area_m2().total_cmp(&footprints[b].area_m2()).then(a.cmp(&b)));
            let expected_id = expected.map(|k| k.to_string());
            prop_assert_eq!(index.building_at(query).map(Footprint::building_id), expected_id.as_deref());

            let near = index.nearest_within(query, radius);
            let best = (0..all.len()).map(|k| if contains(&all[k], point) { 0.0 } else { wall_distance(&all[k], point) }).fold(f64::INFINITY, f64::min);
            match near {
                Some(near) => {
                    prop_assert!((near.distance_m - best).abs() < 1e-6 && near.distance_m <= radius);
                    let k: usize = near.footprint.building_id().parse().unwrap();
                    let own = if contains(&all[k], point) { 0.0 } else { wall_distance(&all[k], point) };
                    prop_assert!((own - best).abs() < 1e-6);
                    if best == 0.0 { prop_assert_eq!(Some(k), expected); }
                }
                None => prop_assert!(best > radius - 1e-6),
            }
        }
    }
}

proptest! {
    #[test]
    fn edits_give_what_building_anew_would(all in prop::collection::vec(rings(), 1..16), kept in prop::collection::vec(any::<bool>(), 16), split in 0usize..16, points in prop::collection::vec([-550i64..550, -550i64..550], 8), outlier in any::<bool>()) {
        let wide = |ring: &Vec<[i64; 2]>| ring.iter().map(|vertex| vertex.map(|c| c as f64)).collect::<Vec<_>>();
        let footprint = |(k, rings): (usize, &Rings)| Footprint::new(format!("{k:02}"), wide(&rings[0]), rings[1..].iter().map(wide).collect()).unwrap();
        let mut footprints: Vec<_> = all.iter().enumerate().map(footprint).collect();
        if outlier {
            footprints.push(square("99", 9e7, -9e7, 10.0));
        }
        let (first, later) = footprints.split_at(split.min(footprints.len()));
        let mut edited = BuildingIndex::new(first.to_vec()).unwrap();
        for footprint in later {
            edited.insert(footprint.clone()).unwrap();
            prop_assert!(edited.insert(footprint.clone()).is_err());
        }
        let mut left = Vec::new();
        for (footprint, keep) in footprints.iter().zip(kept.iter().chain(std::iter::repeat(&true))) {
            if *keep {
                left.push(footprint.clone());
            } else {
                let taken = edited.remove(footprint.building_id());
                prop_assert_eq!(taken.as_ref(), Some(footprint));
                prop_assert_eq!(edited.remove(footprint.building_id()), None);
            }
        }
        let anew = BuildingIndex::new(left.clone()).unwrap();
        prop_assert_eq!(edited.len(), anew.len());
        for point in points.into_iter().map(|point| point.map(|c| c as f64)).chain([[9e7 + 5.0, -9e7 + 5.0], [8e7, -9e7]]) {
            let at = |index: &BuildingIndex| index.building_at(point).map(|f| f.building_id().to_owned());
            prop_assert_eq!(at(&edited), at(&anew));
            for radius in [0.0, 30.0, 1e9] {
                let near = |index: &BuildingIndex| index.nearest_within(point, radius).map(|near| near.distance_m);
                let (a, b) = (near(&edited), near(&anew));
                prop_assert_eq!(a.is_some(), b.is_some());
                prop_assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-6);
            }
        }
    }
}
