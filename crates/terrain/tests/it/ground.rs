use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{
    PlanRect,
    classes::ClassCounts,
    ground::{GroundError, GroundRelation, LowestPoints, SmrfOptions},
    outliers::{IsolationError, IsolationOptions, VoxelCounts, statistical_outliers},
    synthetic::value_noise,
};

const AREA: PlanRect = PlanRect { low: DVec2::ZERO, high: DVec2::splat(120.0) };

/// Hills of up to 30° with houses, a wall and trees; the points of the ground first.
fn village(steepness: f64) -> (Vec<DVec3>, Vec<DVec3>) {
    let ground = |p: DVec2| 100.0 + p.x * steepness + 6.0 * value_noise(3, p * 0.03);
    let on_grid = |k: u32| {
        let place = DVec2::new(f64::from(k % 240), f64::from(k / 240)) * 0.5;
        place + 0.2 * DVec2::new(value_noise(1, place * 7.0), value_noise(2, place * 7.0))
    };
    let inside = |p: &DVec2| p.cmpge(DVec2::ZERO).all() && p.cmple(AREA.high).all();
    let house = |p: DVec2| {
        let cell = (p / 24.0).floor();
        let within = p - cell * 24.0;
        let size = DVec2::new(8.0, 10.0 + 3.0 * (cell.x % 2.0));
        (within.cmpge(DVec2::splat(5.0)).all() && within.cmple(size + 5.0).all())
            .then(|| ground(cell * 24.0 + 9.0) + 6.0 + steepness * 8.0 - (within.x - 9.0).abs() * 0.4)
    };
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for place in (0..57_600).map(on_grid).filter(inside) {
        match house(place) {
            Some(roof) => high.push(place.extend(roof)),
            None => low.push(place.extend(ground(place) + 0.03 * value_noise(9, place * 11.0))),
        }
        // Crowns, seen through.
        if value_noise(5, place * 0.1) > 0.45 && house(place).is_none() {
            high.push(place.extend(ground(place) + 3.0 + 2.0 * value_noise(6, place * 3.0)));
        }
    }
    (low, high)
}

fn surface(points: impl IntoIterator<Item = DVec3>, options: SmrfOptions) -> terrain::ground::GroundSurface {
    let mut lowest = LowestPoints::new(AREA, options, 1 << 20).unwrap();
    points.into_iter().for_each(|point| lowest.add(point));
    lowest.into_surface().unwrap()
}

#[test]
fn houses_and_trees_stand_on_the_ground_of_hills() {
    for (steepness, options) in [(0.0, SmrfOptions::LIDAR), (0.5, SmrfOptions::LIDAR_MOUNTAIN)] {
        let (low, high) = village(steepness);
        let surface = surface(low.iter().chain(&high).copied(), options);
        let share = |points: &[DVec3], relation| {
            let found = points.iter().filter(|point| surface.relation(**point) == Some(relation)).count();
            found as f64 / points.len() as f64
        };
        let (kept, mistaken) = (share(&low, GroundRelation::On), share(&high, GroundRelation::On));
        assert!(kept > 0.98 && mistaken < 0.01, "{steepness}: {kept} {mistaken}");
        assert!(share(&high, GroundRelation::Above) > 0.99);
        let roof = high.iter().find(|point| point.z - 100.0 > 4.0).unwrap();
        assert!(surface.height_above_m(*roof).unwrap() > 2.0);
        assert!((0.4..1.0).contains(&surface.seen_share()));
        let field = surface.to_height_field().unwrap();
        assert!((field.height_at(low[900].truncate()).unwrap() - low[900].z).abs() < 0.5);
    }
}

#[test]
fn low_points_do_not_pull_the_ground_down() {
    let (low, high) = village(0.1);
    let deep: Vec<DVec3> =
        (0..12).map(|k| DVec3::new(f64::from(k) * 9.0 + 3.0, f64::from(k % 5) * 20.0 + 2.0, 70.0)).collect();
    let surface = surface(low.iter().chain(&high).chain(&deep).copied(), SmrfOptions::LIDAR);
    assert!(deep.iter().all(|point| surface.relation(*point) == Some(GroundRelation::Below)));
    let kept = low.iter().filter(|point| surface.relation(**point) == Some(GroundRelation::On)).count();
    assert!(kept as f64 / low.len() as f64 > 0.98, "{kept}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let bad = [
        SmrfOptions { cell_m: 0.0, ..SmrfOptions::LIDAR },
        SmrfOptions { slope: f64::NAN, ..SmrfOptions::LIDAR },
        SmrfOptions { cell_m: 0.01, ..SmrfOptions::LIDAR },
        SmrfOptions { threshold_m: -1.0, ..SmrfOptions::LIDAR },
    ];
    for options in bad {
        assert!(matches!(LowestPoints::new(AREA, options, 1 << 20), Err(GroundError::Options(_))));
    }
    assert!(matches!(LowestPoints::new(AREA, SmrfOptions::LIDAR, 1000), Err(GroundError::Grid(_))));
    let empty = LowestPoints::new(AREA, SmrfOptions::LIDAR, 1 << 20).unwrap();
    assert_eq!(empty.clone().into_surface().unwrap_err(), GroundError::Empty);
    let mut other = LowestPoints::new(AREA, SmrfOptions::PHOTOGRAMMETRY, 1 << 20).unwrap();
    assert_eq!(other.merge(&empty), Err(GroundError::Different));
    let mut odd = empty;
    for point in [DVec3::NAN, DVec3::new(5.0, 5.0, f64::NEG_INFINITY), DVec3::new(-5.0, 5.0, 0.0)] {
        odd.add(point);
    }
    odd.add(DVec3::new(5.0, 5.0, 12.0));
    let surface = odd.into_surface().unwrap();
    assert_eq!(surface.relation(DVec3::new(100.0, 100.0, 12.1)), Some(GroundRelation::On));
    assert_eq!(surface.relation(DVec3::new(100.0, 100.0, f64::NAN)), None);
    assert_eq!(surface.relation(DVec3::new(200.0, 100.0, 12.0)), None);
}

#[test]
fn delivered_classes_are_believed_if_there_is_ground_among_them() {
    let counts = |list: &[(u8, u64)]| {
        let mut counts = ClassCounts::default();
        list.iter().for_each(|&(class, count)| (0..count).for_each(|_| counts.add(class)));
        counts
    };
    assert!(counts(&[(1, 60), (2, 40)]).have_ground());
    assert!(counts(&[(0, 90), (8, 10)]).have_ground());
    assert!(counts(&[(2, 10)]).have_ground());
    assert!(!counts(&[(0, 500)]).have_ground());
    assert!(!counts(&[(1, 999), (2, 1)]).have_ground());
    assert!(!counts(&[]).have_ground());
    let mut sum = counts(&[(2, 3), (6, 1)]);
    sum.merge(&counts(&[(2, 4)]));
    assert_eq!((sum.of(2), sum.total(), sum.iter().count()), (7, 8, 2));
}

#[test]
fn isolation_counts_neighbours_across_blocks_and_keeps_to_its_budget() {
    let options = IsolationOptions { voxel_m: 1.0, min_points: 3, max_bytes: 64 << 10 };
    // Three points in a row across the corner of a block, and a pair far from anything.
    let together = [15.5, 16.5, 17.4].map(|x| DVec3::new(x, -0.1, 16.2));
    let alone = [DVec3::new(40.0, 40.0, 3.0), DVec3::new(40.5, 40.0, 3.0)];
    let mut counts = VoxelCounts::new(options).unwrap();
    let mut others = VoxelCounts::new(options).unwrap();
    together.iter().for_each(|point| counts.add(*point).unwrap());
    alone.iter().for_each(|point| others.add(*point).unwrap());
    counts.add(DVec3::NAN).unwrap();
    counts.merge(&others).unwrap();
    let isolation = counts.finish();
    // The outer two do not see each other.
    assert_eq!(together.map(|point| isolation.is_isolated(point)), [true, false, true]);
    assert!(alone.iter().all(|point| isolation.is_isolated(*point)));
    assert!(isolation.is_isolated(DVec3::new(1e30, 0.0, 0.0)) && isolation.is_isolated(DVec3::splat(500.0)));

    let mut counts = VoxelCounts::new(options).unwrap();
    let spent = (0..100).find_map(|k| counts.add(DVec3::splat(f64::from(k) * 100.0)).err());
    assert_eq!(spent, Some(IsolationError::Budget { voxel_m: 1.0, max_bytes: 64 << 10 }));
    assert!(VoxelCounts::new(IsolationOptions { voxel_m: -1.0, ..options }).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn neither_order_nor_division_matters(seed in 0u64..1000, parts in 1usize..5) {
        let points: Vec<DVec3> = (0..3000)
            .map(|k| DVec2::new(f64::from(k % 61) * 1.9, f64::from(k / 61) * 2.3))
            .map(|p| p.extend(20.0 * value_noise(seed, p * 0.2)))
            .collect();
        let whole = surface(points.iter().copied(), SmrfOptions::LIDAR);
        let mut pieces: Vec<LowestPoints> = (0..parts).map(|_| LowestPoints::new(AREA, SmrfOptions::LIDAR, 1 << 20).unwrap()).collect();
        for (k, point) in points.iter().rev().enumerate() {
            pieces[k * 7 % parts].add(*point);
        }
        let mut merged = pieces.pop().unwrap();
        pieces.iter().for_each(|piece| merged.merge(piece).unwrap());
        let merged = merged.into_surface().unwrap();
        for point in &points {
            prop_assert_eq!(whole.height_above_m(*point), merged.height_above_m(*point));
            prop_assert_eq!(whole.relation(*point), merged.relation(*point));
        }
    }

    #[test]
    fn statistical_outliers_agree_with_looking_at_all_pairs(
        points in prop::collection::vec([-20.0..20.0, -20.0..20.0, -1.0..1.0], 1..80), neighbours in 0usize..9, far in 0usize..3,
    ) {
        let mut points: Vec<DVec3> = points.into_iter().map(DVec3::from_array).collect();
        points.extend((0..far).map(|k| DVec3::new(500.0 * (k as f64 + 1.0), 0.0, -900.0)));
        points.push(DVec3::NAN);
        let found = statistical_outliers(&points, neighbours, 1.0);
        let finite: Vec<DVec3> = points.iter().copied().filter(|p| p.is_finite()).collect();
        if neighbours == 0 || finite.len() <= neighbours {
            prop_assert_eq!(found.iter().filter(|flag| **flag).count(), 1);
            return Ok(());
        }
        let means: Vec<f64> = finite.iter().map(|p| {
            let mut all: Vec<f64> = finite.iter().map(|q| p.distance(*q)).collect();
            all.sort_by(f64::total_cmp);
            all[1..=neighbours].iter().sum::<f64>() / neighbours as f64
        }).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        let deviation = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / means.len() as f64).sqrt();
        for ((point, flag), own) in points.iter().zip(&found).zip(means.iter().chain([&f64::INFINITY])) {
            let near_limit = (own - mean - deviation).abs() < 1e-9;
            prop_assert!(*flag == (own - mean > deviation) || near_limit, "{} {}", point, own);
        }
    }
}

#[test]
fn one_point_far_away_costs_no_more() {
    let mut points: Vec<DVec3> =
        (0..40_000).map(|k| DVec3::new(f64::from(k % 200), f64::from(k / 200), 0.0)).collect();
    points.push(DVec3::new(1e8, 1e8, 1e8));
    let flags = statistical_outliers(&points, 8, 3.0);
    assert_eq!(flags.iter().filter(|flag| **flag).count(), 1);
    assert!(flags[40_000]);
}
