use std::f64::consts::{FRAC_PI_2, PI};

use geodesy::glam::DVec3;
use geodesy::{BoundingVolume, Geodetic, Obb, Region, ecef_from_geodetic, geodetic_from_ecef};
use proptest::prelude::*;

fn region(west: f64, south: f64, east: f64, north: f64, min_height_m: f64, max_height_m: f64) -> Region {
    Region {
        west: west.to_radians(),
        south: south.to_radians(),
        east: east.to_radians(),
        north: north.to_radians(),
        min_height_m,
        max_height_m,
    }
}

/// Regions from a garden to the whole Earth, across the antimeridian and up to the poles.
fn regions() -> impl Strategy<Value = Region> {
    let size = || prop_oneof![1e-5..1e-3, 0.01..1.0, 1.0..360.0, Just(360.0)];
    (-180.0..180.0, -90.0..90.0, size(), size(), -5e3..5e3, prop_oneof![Just(0.0), 1.0..1e4, 1e4..2e6])
        .prop_map(|(west, south, width, height, low, thickness): (f64, f64, f64, f64, f64, f64)| {
            let (west, east) = if width == 360.0 { (-180.0, 180.0) } else { (west, west + width) };
            let east = if east > 180.0 { east - 360.0 } else { east };
            let south = if height == 360.0 { -90.0 } else { south };
            region(west, south, east, (south + height).min(90.0), low, low + thickness)
        })
}

/// The point of a region at fractions of its extents.
fn point_at(region: &Region, [x, y, z]: [f64; 3]) -> DVec3 {
    ecef_from_geodetic(Geodetic {
        lon_rad: region.west + region.width_rad() * x,
        lat_rad: region.south + (region.north - region.south) * y,
        height_m: region.min_height_m + (region.max_height_m - region.min_height_m) * z,
    })
}

/// Distance by search: the best point of each of many meridians, then a golden section around the best of those.
fn distance_by_search(region: &Region, point: DVec3) -> f64 {
    let at = |x: f64| distance_in_meridian(region, point, x);
    let best = (0..=32).map(|k| f64::from(k) / 32.0).min_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap();
    let (mut low, mut high): (f64, f64) = (best - 1.0 / 32.0, best + 1.0 / 32.0);
    if region.width_rad() < std::f64::consts::TAU {
        (low, high) = (low.max(0.0), high.min(1.0));
    }
    let mut nearest = at(best);
    for _ in 0..50 {
        let step = (high - low) * 0.618_033_988_749_895;
        let (left, right) = (high - step, low + step);
        let (at_left, at_right) = (at(left), at(right));
        nearest = nearest.min(at_left).min(at_right);
        if at_left < at_right {
            high = right;
        } else {
            low = left;
        }
    }
    nearest
}

/// Distance to the section of a region at fraction `x` of its longitudes, by pattern search from several starts.
fn distance_in_meridian(region: &Region, point: DVec3, x: f64) -> f64 {
    let at = |[y, z]: [f64; 2]| point_at(region, [x, y, z]).distance(point);
    let refine = |mut middle: [f64; 2]| {
        let (mut nearest, mut reach) = (at(middle), 0.25);
        while reach > 1e-10 {
            let offsets = [[reach, 0.0], [-reach, 0.0], [0.0, reach], [0.0, -reach]];
            let tries = offsets.map(|offset| [0, 1].map(|k| f64::clamp(middle[k] + offset[k], 0.0, 1.0)));
            match tries.into_iter().find(|&t| at(t) < nearest) {
                Some(better) => (nearest, middle) = (at(better), better),
                None => reach *= 0.5,
            }
        }
        nearest
    };
    [0.1, 0.9].map(|y| refine([y, 0.5])).into_iter().fold(f64::INFINITY, f64::min)
}

fn points() -> impl Strategy<Value = DVec3> {
    let near_surface = (-180.0..180.0, -90.0..=90.0, prop_oneof![-1e4..1e4, -6.3e6..2e7])
        .prop_map(|(lon, lat, height)| ecef_from_geodetic(Geodetic::from_degrees(lon, lat, height)));
    let deep = [-1e5..1e5, -1e5..1e5, -1e5..1e5].prop_map(DVec3::from_array);
    prop_oneof![8 => near_surface, 1 => deep]
}

#[test]
fn antimeridian_and_poles() {
    let fiji = region(179.0, -18.0, -179.0, -16.0, 0.0, 100.0);
    assert!((fiji.width_rad().to_degrees() - 2.0).abs() < 1e-9);
    assert!((fiji.center().lon_rad.abs() - PI).abs() < 1e-9);
    let volume = BoundingVolume::from_region(fiji);
    for lon in [179.5, -179.5, 180.0, -180.0] {
        assert!(volume.contains(ecef_from_geodetic(Geodetic::from_degrees(lon, -17.0, 50.0))), "{lon}");
    }
    let east = ecef_from_geodetic(Geodetic::from_degrees(-178.0, -17.0, 50.0));
    let nearest = ecef_from_geodetic(Geodetic::from_degrees(-179.0, -17.0, 50.0));
    let got = volume.distance_squared(east).sqrt();
    assert!((got - nearest.distance(east)).abs() < 0.01 * got, "{got}");

    let cap = region(-180.0, 80.0, 180.0, 90.0, 0.0, 0.0);
    let pole = ecef_from_geodetic(Geodetic::from_degrees(0.0, 90.0, 250.0));
    assert!((cap.distance_squared(pole).sqrt() - 250.0).abs() < 1e-6);
    assert!(
        cap.bounding_box().distance_squared(ecef_from_geodetic(Geodetic::from_degrees(77.0, 90.0, 0.0)))
            < 1e-12
    );
    // A wedge that ends in the pole holds the pole whatever longitude the pole is given.
    let wedge = region(10.0, 80.0, 20.0, 90.0, 0.0, 10.0);
    assert!(wedge.contains_geodetic(Geodetic::from_degrees(-70.0, 90.0, 5.0)));
    assert!(wedge.distance_squared(ecef_from_geodetic(Geodetic::from_degrees(-70.0, 90.0, 5.0))) < 1e-12);
}

#[test]
fn whole_earth_has_a_tight_box_and_sphere() {
    let volume = BoundingVolume::from_region(region(-180.0, -90.0, 180.0, 90.0, 0.0, 1000.0));
    let lengths = volume.bounding_box().half_axes.map(|axis| axis.length());
    let (a, b) = (6_378_137.0 + 1000.0, 6_356_752.314_245 + 1000.0);
    let mut sorted = lengths;
    sorted.sort_by(f64::total_cmp);
    assert!(
        (sorted[0] - b).abs() < 1e-2 && (sorted[1] - a).abs() < 1e-2 && (sorted[2] - a).abs() < 1e-2,
        "{lengths:?}"
    );
    assert!((volume.bounding_sphere().radius - a).abs() < 1e-6);
    assert_eq!(volume.distance_squared(DVec3::new(100.0, 0.0, 0.0)).sqrt().round(), (b - 1000.0).round());
}

#[test]
fn subdivision_tiles_the_parent_across_the_antimeridian() {
    let root = region(170.0, -10.0, -170.0, 30.0, -100.0, 300.0);
    let child = root.subdivided(2, 3, 1, Some(2)).unwrap();
    for (got, expected) in
        [(child.west, -175.0), (child.east, -170.0), (child.south, 0.0), (child.north, 10.0)]
    {
        assert!((got.to_degrees() - expected).abs() < 1e-9, "{child:?}");
    }
    assert_eq!((child.min_height_m, child.max_height_m), (100.0, 200.0));
    assert_eq!(root.subdivided(2, 0, 0, None).unwrap().max_height_m, 300.0);
    assert_eq!(root.subdivided(0, 0, 0, None), Some(root));
    assert_eq!(root.subdivided(2, 4, 0, None), None);
    let world = region(-180.0, -90.0, 180.0, 90.0, 0.0, 0.0);
    let quarters: Vec<_> = (0..4).map(|x| world.subdivided(2, x, 0, None).unwrap()).collect();
    assert_eq!(quarters.iter().map(|r| r.width_rad()).sum::<f64>(), world.width_rad());
    for pair in quarters.windows(2) {
        assert_eq!(pair[0].east, pair[1].west);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn distance_agrees_with_a_search(region in regions(), point in points()) {
        let got = region.distance_squared(point).sqrt();
        let found = distance_by_search(&region, point);
        // A search can only err upwards; it may stop short of the pole of a wide region.
        prop_assert!(got <= found + 1e-6, "{} {}", got, found);
        prop_assert!(got >= found - 1e-3 * (1.0 + found * 1e-3), "{} {}", got, found);
    }
}

proptest! {
    #[test]
    fn box_is_around_and_tight(region in regions(), fractions in prop::collection::vec([0.0..=1.0, 0.0..=1.0, 0.0..=1.0], 32)) {
        let volume = BoundingVolume::from_region(region);
        let (obb, sphere) = (volume.bounding_box(), volume.bounding_sphere());
        for t in fractions {
            let point = point_at(&region, t);
            prop_assert!(obb.distance_squared(point) < 1e-12, "{:?} {}", t, obb.distance_squared(point));
            prop_assert!(point.distance(sphere.center) <= sphere.radius + 1e-6);
            prop_assert!(volume.contains(point));
            let place = geodetic_from_ecef(point);
            prop_assert!((place.lat_rad.abs() - FRAC_PI_2).abs() < 1e-9 || region.distance_squared(ecef_from_geodetic(place)) < 1e-12);
        }
        // Tight: a dense lattice reaches each face to within what its spacing may miss.
        let axes = obb.half_axes.map(|axis| axis.normalize_or_zero());
        if axes.iter().all(|axis| *axis != DVec3::ZERO) {
            let lattice = (0..41 * 41 * 2).map(|k| {
                let at = |index: i32| f64::from(index) / 40.0;
                point_at(&region, [at(k % 41), at(k / 41 % 41), f64::from(k / (41 * 41))])
            });
            let around = Obb::around(axes, lattice).unwrap();
            let span = region.width_rad().max(region.north - region.south);
            let missed = 7e6 * (span / 40.0).powi(2) + 1e-6;
            for (ours, sampled) in obb.half_axes.iter().zip(around.half_axes) {
                prop_assert!(ours.length() <= sampled.length() + missed, "{} {}", ours.length(), sampled.length());
            }
        }
    }

    #[test]
    fn a_subdivision_lies_in_its_parent(region in regions(), level in 0u32..8, x in 0u32..128, y in 0u32..128, t in [0.0..=1.0, 0.0..=1.0, 0.0..=1.0]) {
        let child = region.subdivided(level, x >> (7 - level), y >> (7 - level), Some(0)).unwrap();
        prop_assert!(region.distance_squared(point_at(&child, t)) < 1e-12);
    }
}
