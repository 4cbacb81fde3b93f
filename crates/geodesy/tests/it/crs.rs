//! Coordinate systems: what deliveries write, against published values and PROJ itself.

use geodesy::{
    Geodetic,
    crs::{Crs, CrsError, CrsKind, CrsNote, GeoidGrid, HeightDatum, LocalMap},
    ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef,
    glam::DVec3,
};
use proptest::prelude::*;
use std::sync::Arc;

/// A real delivery's system: parameters of a local grid under the label of another.
const TOWN_WKT: &str = r#"PROJCS["LOCAL0 / 3-degree Gauss-Kruger CM 113.36E",
    GEOGCS["China Geodetic Coordinate System 2000",
        DATUM["China_2000",
            SPHEROID["CGCS2000",6378137,298.257222101, AUTHORITY["EPSG","1024"]],
            AUTHORITY["EPSG","1043"]],
        PRIMEM["Greenwich",0, AUTHORITY["EPSG","8901"]],
        UNIT["degree",0.0174532925199433, AUTHORITY["EPSG","9122"]],
        AUTHORITY["EPSG","4490"]],
    PROJECTION["Transverse_Mercator"],
    PARAMETER["latitude_of_origin",0],
    PARAMETER["central_meridian",113.37],
    PARAMETER["scale_factor",1],
    PARAMETER["false_easting",500000],
    PARAMETER["false_northing",90],
    UNIT["metre",1, AUTHORITY["EPSG","9001"]],
    AUTHORITY["EPSG","4547"]]"#;

fn degrees(text: &str, origin: [f64; 2]) -> [f64; 2] {
    let crs = Crs::parse(text).unwrap();
    let (origin, _) = crs.check_origin(origin).unwrap();
    crs.projector().unwrap().lon_lat_rad(origin).unwrap().map(f64::to_degrees)
}

#[test]
fn a_label_that_contradicts_the_parameters_loses_and_is_named_with_the_distance() {
    let crs = Crs::parse(TOWN_WKT).unwrap();
    assert_eq!(crs.kind(), CrsKind::Projected);
    assert_eq!(crs.projection().unwrap().central_meridian_deg, 113.37);
    let (origin, notes) = crs.check_origin([501_027.524, 2_488_718.808]).unwrap();
    let [CrsNote::LabelContradictsParameters { label, distance_m }] = notes.as_slice() else {
        panic!("{notes:?}");
    };
    assert_eq!(label, "EPSG:4547");
    // 0.63° of longitude at 22.5° north.
    assert!((64_000.0..66_000.0).contains(distance_m), "{distance_m}");
    assert!(notes[0].to_string().contains("would move the model by 64"), "{}", notes[0]);
    let [lon, lat] = crs.projector().unwrap().lon_lat_rad(origin).unwrap().map(f64::to_degrees);
    assert!((lon - 113.38).abs() < 0.001 && (lat - 22.495).abs() < 0.01, "{lon} {lat}");

    let honest = TOWN_WKT.replace("113.37", "114").replace("\"false_northing\",90", "\"false_northing\",0");
    let (_, notes) = Crs::parse(&honest).unwrap().check_origin([501_027.524, 2_488_718.808]).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    let strange = honest.replace("4547", "999999");
    let (_, notes) = Crs::parse(&strange).unwrap().check_origin([501_027.524, 2_488_718.808]).unwrap();
    assert_eq!(notes, [CrsNote::LabelUnknown { label: "EPSG:999999".into() }]);
}

#[test]
fn eastings_come_first_whatever_the_system_says() {
    // EPSG defines this system with northing first.
    let [lon, lat] = degrees("EPSG:4547", [500_000.0, 3_320_113.398]);
    assert!((lon - 114.0).abs() < 1e-12 && (lat - 30.0).abs() < 1e-8, "{lon} {lat}");
    assert_eq!(degrees("4547", [500_000.0, 3_320_113.398]), [lon, lat]);
    let [lon, lat] = degrees("EPSG:32650", [500_000.0, 0.0]);
    assert!((lon - 117.0).abs() < 1e-12 && lat.abs() < 1e-12);
    let [lon, lat] = degrees("EPSG:4326", [119.5, 27.25]);
    assert!((lon - 119.5).abs() < 1e-12 && (lat - 27.25).abs() < 1e-12);
}

#[test]
fn zone_numbers_do_not_move_the_model() {
    // fanvanzh/3dtiles issue 336 landed at longitude −0.6: axis order and zone number.
    let [lon, lat] = degrees("EPSG:4498", [20_483_810.0, 4_074_503.0]);
    assert!((lon - 116.818).abs() < 0.01 && (lat - 36.8).abs() < 0.05, "{lon} {lat}");
    // The same place in the system without zone number, with and without one.
    for easting in [483_810.0, 20_483_810.0] {
        let other = degrees("EPSG:4509", [easting, 4_074_503.0]);
        assert!((other[0] - lon).abs() < 1e-12 && (other[1] - lat).abs() < 1e-12, "{other:?}");
    }
    let without = degrees("EPSG:4498", [483_810.0, 4_074_503.0]);
    assert!((without[0] - lon).abs() < 1e-12);
    let crs = Crs::parse("EPSG:4547").unwrap();
    let error = crs.check_origin([39_501_027.0, 2_488_718.0]).unwrap_err();
    assert!(matches!(error, CrsError::Inconsistent(_)), "{error}");
}

#[test]
fn zones_and_meridians_of_ones_own() {
    for (own, epsg, origin) in [
        ("GK3:38", "EPSG:4547", [512_345.6, 2_987_654.3]),
        ("GK6:20", "EPSG:4509", [612_345.6, 2_987_654.3]),
        ("gk:117", "EPSG:4548", [412_345.6, 3_987_654.3]),
    ] {
        let (a, b) = (degrees(own, origin), degrees(epsg, origin));
        assert!((a[0] - b[0]).abs() < 1e-11 && (a[1] - b[1]).abs() < 1e-11, "{own}: {a:?} {b:?}");
    }
    let town = degrees("GK:113.37,500000,90", [501_027.524, 2_488_718.808]);
    let wkt = degrees(TOWN_WKT, [501_027.524, 2_488_718.808]);
    assert!((town[0] - wkt[0]).abs() < 1e-11 && (town[1] - wkt[1]).abs() < 1e-11);
}

#[test]
fn tangent_planes_take_latitude_first() {
    let crs = Crs::parse("ENU:27.23,119.90").unwrap();
    let origin = Geodetic::from_degrees(119.90, 27.23, 0.0);
    assert_eq!(crs.kind(), CrsKind::TangentPlane(origin));
    let projector = crs.projector().unwrap();
    let position = DVec3::new(120.0, -340.0, 56.0);
    let ecef = projector.ecef(position, &HeightDatum::Ellipsoidal).unwrap();
    assert!(ecef.distance(ecef_from_enu(ecef_from_geodetic(origin)).transform_point3(position)) < 1e-9);
    assert!(projector.from_ecef(ecef, &HeightDatum::Ellipsoidal).unwrap().distance(position) < 1e-6);
    for bad in ["ENU:119.9,27.2", "ENU:1", "ENU:a,b", "ENU:"] {
        assert!(Crs::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_no_model_can_lie_in_is_refused() {
    for text in
        ["EPSG:5737", "EPSG:0", "", "+proj=nonsense", "PROJCS[\"x\"]", "村", "a\0b", "+proj=merc +lat_ts=x"]
    {
        let answer = Crs::parse(text);
        assert!(answer.is_err(), "{text:?}: {answer:?}");
    }
}

#[test]
fn unknown_datum_shifts_are_admitted() {
    // A Gauss–Krüger system on an unnamed datum of the Krasovsky ellipsoid.
    let crs = Crs::parse(
        r#"PROJCS["x",GEOGCS["x",DATUM["unknown local",SPHEROID["Krassowsky",6378245,298.3]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",117],PARAMETER["scale_factor",1],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1]]"#,
    )
    .unwrap();
    let (_, notes) = crs.check_origin([512_345.0, 3_000_000.0]).unwrap();
    assert!(matches!(notes.as_slice(), [CrsNote::DatumShiftUnknown { .. }]), "{notes:?}");
    let (_, notes) = Crs::parse("EPSG:4548").unwrap().check_origin([512_345.0, 3_000_000.0]).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn heights_are_added_to_the_surface_they_are_measured_from() {
    let crs = Crs::parse("EPSG:4548").unwrap();
    let projector = crs.projector().unwrap();
    let position = DVec3::new(512_345.0, 3_000_000.0, 100.0);
    let grid = GeoidGrid::new("flat", [100.0, 20.0], [10.0, 10.0], [4, 3], vec![20.0; 12]).unwrap();
    for (datum, expected) in [
        (HeightDatum::Ellipsoidal, 100.0),
        (HeightDatum::Offset(-3.25), 96.75),
        (HeightDatum::Geoid(Arc::new(grid)), 120.0),
    ] {
        let ecef = projector.ecef(position, &datum).unwrap();
        assert!((geodetic_from_ecef(ecef).height_m - expected).abs() < 1e-8);
        assert!(projector.from_ecef(ecef, &datum).unwrap().distance(position) < 1e-6);
    }
    let small = GeoidGrid::new("small", [100.0, 20.0], [1.0, 1.0], [2, 2], vec![0.0; 4]).unwrap();
    let error = projector.ecef(position, &HeightDatum::Geoid(Arc::new(small))).unwrap_err();
    assert!(matches!(error, CrsError::OutsideGrid { .. }), "{error}");
}

fn gtx(south_west: [f64; 2], step: f64, rows: i32, columns: i32, value: impl Fn(i32, i32) -> f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [south_west[1], south_west[0], step, step] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(rows.to_be_bytes());
    bytes.extend(columns.to_be_bytes());
    for row in 0..rows {
        for column in 0..columns {
            bytes.extend(value(row, column).to_be_bytes());
        }
    }
    bytes
}

#[test]
fn gtx_grids_are_read_between_their_values() {
    let bytes = gtx([110.0, 20.0], 0.5, 3, 4, |row, column| (row * 10 + column) as f32);
    let grid = GeoidGrid::from_gtx("made", &bytes).unwrap();
    for (lon, lat, expected) in [
        (110.0, 20.0, Some(0.0)),
        (111.5, 21.0, Some(23.0)),
        (110.25, 20.25, Some(5.5)),
        (109.9, 20.0, None),
        (110.0, 21.1, None),
        (111.6, 20.0, None),
    ] {
        let found = grid.separation_m(lon, lat);
        assert!(found.is_some() == expected.is_some(), "{lon} {lat}: {found:?}");
        assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-9, "{lon} {lat}: {found:?}");
    }
    // A grid around the world has no edge in the east.
    let world = gtx([-180.0, -90.0], 90.0, 3, 4, |_, column| column as f32);
    let world = GeoidGrid::from_gtx("world", &world).unwrap();
    assert!((world.separation_m(135.0, 0.0).unwrap() - 1.5).abs() < 1e-9);
    assert_eq!(world.separation_m(-180.0, 90.0), Some(0.0));
    let holes = gtx([110.0, 20.0], 0.5, 2, 2, |row, _| if row == 0 { 1.0 } else { -88.8888 });
    assert_eq!(GeoidGrid::from_gtx("holes", &holes).unwrap().separation_m(110.1, 20.1), None);
    for cut in [0, 39, 40, 60] {
        assert!(GeoidGrid::from_gtx("cut", &bytes[..cut]).is_err());
    }
    let mut claims_much = bytes.clone();
    claims_much[32..40].fill(0x7f);
    assert!(GeoidGrid::from_gtx("much", &claims_much).is_err());
}

#[test]
fn the_real_egm96_grid_agrees_with_published_values() {
    let path = std::path::Path::new("/usr/share/proj/egm96_15.gtx");
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: the package proj-data is not installed");
        return;
    };
    let grid = GeoidGrid::from_gtx("egm96_15", &bytes).unwrap();
    // Test points that NGA ships with its interpolation program.
    for (lat, lon, expected) in [
        (38.628_155, 269.779_155, -31.628),
        (-14.621_217, 305.021_114, -2.969),
        (46.874_319, 102.448_729, -43.575),
        (-23.617_446, 133.874_712, 15.871),
        (38.625_473, 359.999_500, 50.066),
        (-0.466_744, 0.002_300, 17.329),
    ] {
        let found = grid.separation_m(lon, lat).unwrap();
        assert!((found - expected).abs() < 0.1, "{lat} {lon}: {found} for {expected}");
    }
}

#[test]
fn a_tile_is_placed_to_a_tenth_of_a_millimetre() {
    // 1.5° off the meridian, where the convergence is 0.75° and a scale of 1.0003 applies.
    let crs = Crs::parse("EPSG:4548").unwrap();
    let projector = crs.projector().unwrap();
    let heights = HeightDatum::Offset(12.0);
    let origin = DVec3::new(645_000.0, 3_320_000.0, 150.0);
    let center = projector.ecef(origin, &heights).unwrap();
    let local_from_ecef = ecef_from_enu(center).inverse();
    for (half_m, limit_m) in [(50.0, 1e-6), (150.0, 1e-5), (500.0, 1e-5), (2500.0, 1e-3)] {
        let half = DVec3::new(half_m, half_m, 200.0);
        let map =
            LocalMap::fit(&projector, &heights, (origin - half, origin + half), &local_from_ecef).unwrap();
        assert!(map.residual_m() < limit_m, "{half_m} m: {} m", map.residual_m());
        for i in 0..200 {
            let random = |seed: f64| (f64::from(i) * seed % 1.0) * 2.0 - 1.0;
            let position = origin + half * DVec3::new(random(0.618_034), random(0.754_878), random(0.569_84));
            let exact = local_from_ecef.transform_point3(projector.ecef(position, &heights).unwrap());
            assert!(map.apply(position).distance(exact) <= map.residual_m() * 1.5 + 1e-8);
            assert!(map.covers(position) && !map.covers(position + half * 3.0));
        }
    }
    // What it is for: grid north is not north.
    let half = DVec3::splat(100.0);
    let map = LocalMap::fit(&projector, &heights, (origin - half, origin + half), &local_from_ecef).unwrap();
    let [east, north, up] = map.axes();
    let convergence_deg = north.x.atan2(north.y).to_degrees();
    assert!((convergence_deg.abs() - 0.75).abs() < 0.02, "{convergence_deg}");
    assert!(east.dot(north).abs() < 1e-6 && up.dot(DVec3::Z) > 0.999_999_9);
}

#[test]
fn proj_finds_its_tables_in_a_program_that_was_copied_elsewhere() {
    if std::env::var_os("HAMLET_TEST_COPIED").is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copied-program");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    // PROJ looks for its tables in this folder only; there are none.
    let output = std::process::Command::new(&copy)
        .args(["--exact", "crs::eastings_come_first_whatever_the_system_says"])
        .current_dir(folder.path())
        .env("PROJ_DATA", folder.path())
        .env("PROJ_LIB", folder.path())
        .env("HAMLET_TEST_COPIED", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn positions_come_back() {
    let projector = Crs::parse("EPSG:4547").unwrap().projector().unwrap();
    let place = (350_000.0f64..650_000.0, 2_000_000.0f64..5_000_000.0, -100.0f64..3000.0);
    proptest!(|((easting, northing, z) in place)| {
        let position = DVec3::new(easting, northing, z);
        let ecef = projector.ecef(position, &HeightDatum::Offset(5.0)).unwrap();
        prop_assert!(projector.from_ecef(ecef, &HeightDatum::Offset(5.0)).unwrap().distance(position) < 1e-6);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = Crs::parse(&text);
        let _ = Crs::parse(&format!("PROJCS[{text}]"));
        let _ = Crs::parse(&format!("+proj={text}"));
    }
}
