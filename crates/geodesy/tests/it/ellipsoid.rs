use geodesy::ellipsoid::{SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M};
use geodesy::glam::{DMat4, DVec3};
use geodesy::{Geodetic, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef};
use proptest::prelude::*;

use crate::close;

#[test]
fn cardinal_points_are_where_the_axes_say() {
    let at = |lon, lat| ecef_from_geodetic(Geodetic::from_degrees(lon, lat, 100.0));
    assert!(close(at(0.0, 0.0), DVec3::X * (SEMI_MAJOR_AXIS_M + 100.0), 1e-9));
    assert!(close(at(90.0, 0.0), DVec3::Y * (SEMI_MAJOR_AXIS_M + 100.0), 1e-8));
    assert!(close(at(0.0, 90.0), DVec3::Z * (SEMI_MINOR_AXIS_M + 100.0), 1e-8));
}

#[test]
fn guangdong_root_transform_is_the_enu_frame_at_its_place() {
    // `root.transform` of the Guangdong tile as its file states it.
    let stated = DMat4::from_cols_array(&[
        -0.920_077_437_859_381,
        -0.391_736_529_241_424,
        0.0,
        0.0,
        0.150_838_475_625_846,
        -0.354_276_580_871_07,
        0.922_895_367_044_753,
        0.0,
        -0.361_531_827_939_101,
        0.849_135_204_722_829,
        0.385_050_829_745_024,
        0.0,
        -2_307_081.927_265_94,
        5_418_677.784_992_38,
        2_440_717.057_706_84,
        1.0,
    ]);
    let origin = stated.w_axis.truncate();
    // The centre of its root box, which lies 500 m south-west of the frame's origin.
    let center = DVec3::new(-280.758_126_079_459, -396.866_130_915_711, -29.257_676_242_954_9);
    let place = geodetic_from_ecef(stated.transform_point3(center));
    assert!((place.lon_rad.to_degrees() - 113.0599).abs() < 1e-4, "{place:?}");
    assert!((place.lat_rad.to_degrees() - 22.6433).abs() < 1e-4, "{place:?}");
    let ours = ecef_from_enu(origin);
    // Its third column is not the ellipsoid's normal to more than five digits, so neither is the comparison.
    for (a, b) in ours.to_cols_array().into_iter().zip(stated.to_cols_array()) {
        assert!((a - b).abs() < 1e-4, "{ours:?}");
    }
}

#[test]
fn poles_centre_and_deep_points_are_defined() {
    let north = geodetic_from_ecef(DVec3::Z * (SEMI_MINOR_AXIS_M + 5.0));
    assert!((north.lat_rad.to_degrees() - 90.0).abs() < 1e-12 && (north.height_m - 5.0).abs() < 1e-8);
    assert_eq!(north.lon_rad, 0.0);
    let south = geodetic_from_ecef(DVec3::new(-0.0, -0.0, -SEMI_MINOR_AXIS_M));
    assert!((south.lat_rad.to_degrees() + 90.0).abs() < 1e-12 && south.height_m.abs() < 1e-8);
    let center = geodetic_from_ecef(DVec3::ZERO);
    assert!((center.height_m + SEMI_MINOR_AXIS_M).abs() < 1e-6 && center.lat_rad > 1.5);
    let east = ecef_from_enu(DVec3::Z * SEMI_MINOR_AXIS_M).x_axis.truncate();
    assert!(close(east, DVec3::Y, 1e-12));
}

/// Distance to the ellipsoid by brute force over its meridian.
fn nearest_on_ellipsoid(rho: f64, z: f64) -> f64 {
    (0..=200_000)
        .map(|k| -std::f64::consts::FRAC_PI_2 + std::f64::consts::PI * f64::from(k) / 200_000.0)
        .map(|t| (rho - SEMI_MAJOR_AXIS_M * t.cos()).hypot(z - SEMI_MINOR_AXIS_M * t.sin()))
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn deep_points_get_their_nearest_point_of_the_ellipsoid() {
    for (rho, z) in [
        (0.0, 1.0),
        (1.0, 0.0),
        (1.0, 1.0),
        (40_000.0, 0.0),
        (42_000.0, -1e-9),
        (20_000.0, -9e3),
        (43e3, 10.0),
        (9e5, 1e5),
        (0.0, -9e5),
        (1e-7, 3e4),
        (1e6, 0.0),
        (2e5, -6e5),
        (1.1e6, 3.0),
    ] {
        let got = geodetic_from_ecef(DVec3::new(rho, 0.0, z));
        let expected = nearest_on_ellipsoid(rho, z);
        assert!((got.height_m + expected).abs() < 1e-2, "{rho} {z}: {got:?}, expected depth {expected}");
        let back = ecef_from_geodetic(got);
        assert!(close(back, DVec3::new(rho, 0.0, z), 1e-5), "{rho} {z}: {back:?}");
    }
}

proptest! {
    #[test]
    fn geodetic_round_trips(lon in -180.0..180.0, lat in -90.0..=90.0, height in prop_oneof![-10e3..1e4, -6e6..1e9]) {
        let position = Geodetic::from_degrees(lon, lat, height);
        let point = ecef_from_geodetic(position);
        let back = geodetic_from_ecef(point);
        // Far out the coordinates themselves have fewer digits.
        let tolerance = 1e-8 + point.length() * 1e-15;
        prop_assert!((back.height_m - height).abs() < tolerance, "{:?}", back);
        prop_assert!(close(ecef_from_geodetic(back), point, 2.0 * tolerance));
        prop_assert!(back.lat_rad.abs() <= std::f64::consts::FRAC_PI_2);
    }

    #[test]
    fn enu_is_orthonormal_and_its_up_is_the_way_height_grows(lon in -180.0..180.0, lat in -90.0..=90.0, height in -1e4..1e6) {
        let origin = ecef_from_geodetic(Geodetic::from_degrees(lon, lat, height));
        let frame = ecef_from_enu(origin);
        let (e, n, u) = (frame.x_axis.truncate(), frame.y_axis.truncate(), frame.z_axis.truncate());
        prop_assert!(close(e.cross(n), u, 1e-12) && close(n.cross(u), e, 1e-12));
        let above = geodetic_from_ecef(frame.transform_point3(DVec3::Z * 1000.0));
        prop_assert!((above.height_m - height - 1000.0).abs() < 1e-6);
        prop_assert!((above.lat_rad.to_degrees() - lat).abs() < 1e-9);
        if lat < 89.9 {
            let northern = geodetic_from_ecef(frame.transform_point3(DVec3::Y));
            prop_assert!(northern.lat_rad.to_degrees() > lat);
        }
    }
}
