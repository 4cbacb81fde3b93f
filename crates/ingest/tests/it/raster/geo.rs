use ingest::raster::{
    GeoTransform, GeoTransformError,
    geo_keys::{GeoKeyError, GeoKeys, ModelType, PixelIs, RawGeoKeys},
};
use proptest::prelude::*;

#[test]
fn keys_are_found_in_all_three_tags() {
    let directory = [
        1, 1, 0, 7, 1024, 0, 1, 1, 1025, 0, 1, 2, 1026, 34_737, 20, 0, 3072, 0, 1, 4547, 3076, 0, 1, 9001,
        2054, 0, 1, 9102, 3077, 34_736, 1, 1,
    ];
    let ascii = b"CGCS2000 / 3-degree|rest|";
    let keys = GeoKeys::parse(RawGeoKeys { directory: &directory, doubles: &[7.0, 0.3048], ascii }).unwrap();
    assert_eq!(keys.model_type(), Some(ModelType::Projected));
    assert_eq!(keys.pixel_is(), PixelIs::Point);
    assert_eq!((keys.horizontal_epsg(), keys.vertical_epsg()), (Some(4547), None));
    assert_eq!(keys.citation(), Some("CGCS2000 / 3-degree"));
    assert_eq!((keys.linear_unit_m(), keys.number(3077)), (Some(1.0), Some(0.3048)));
    assert_eq!((keys.code(2054), keys.iter().count(), keys.is_empty()), (Some(9102), 7, false));
    let user_defined = [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32_767];
    let keys = GeoKeys::parse(RawGeoKeys { directory: &user_defined, ..RawGeoKeys::default() }).unwrap();
    assert_eq!(keys.horizontal_epsg(), None);
}

#[test]
fn directories_that_lie_are_refused() {
    let parse = |directory: &[u16]| {
        GeoKeys::parse(RawGeoKeys { directory, doubles: &[1.0], ascii: b"abc|" }).unwrap_err()
    };
    assert_eq!(parse(&[]), GeoKeyError::Header(0));
    assert_eq!(parse(&[2, 1, 0, 0]), GeoKeyError::Header(4));
    assert_eq!(parse(&[1, 1, 0, 9, 1024, 0, 1, 1]), GeoKeyError::Count { announced: 9, room: 1 });
    let beyond = |tag, count, offset| parse(&[1, 1, 0, 1, 1024, tag, count, offset]);
    assert_eq!(
        beyond(34_736, 2, 0),
        GeoKeyError::Value { key: 1024, tag: 34_736, count: 2, offset: 0, len: 1 }
    );
    assert!(matches!(beyond(34_735, 1, 8), GeoKeyError::Value { len: 8, .. }));
    assert!(matches!(beyond(34_737, 1, 5), GeoKeyError::Value { len: 4, .. }));
}

#[test]
fn placements_come_from_tags_and_world_files() {
    let from = |scale: Option<&[f64]>, ties: Option<&[f64]>, matrix: Option<&[f64]>, is| {
        GeoTransform::from_tags(scale, ties, matrix, is)
    };
    let (scale, ties) = ([0.5, 0.25, 0.0], [2.0, 4.0, 0.0, 100.0, 200.0, 0.0]);
    let area = from(Some(&scale), Some(&ties), None, PixelIs::Area).unwrap().unwrap();
    assert_eq!(area.at(2.0, 4.0), [100.0, 200.0]);
    assert_eq!((area.at(0.0, 0.0), area.pixel_size()), ([99.0, 201.0], [0.5, 0.25]));
    let point = from(Some(&scale), Some(&ties), None, PixelIs::Point).unwrap().unwrap();
    assert_eq!(point.at(2.5, 4.5), [100.0, 200.0], "the tie point is the centre of pixel (2, 4)");
    let turned = [0.0, 2.0, 0.0, 10.0, 3.0, 0.0, 0.0, 20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let turned = from(None, None, Some(&turned), PixelIs::Area).unwrap().unwrap();
    assert_eq!((turned.at(1.0, 0.0), turned.at(0.0, 1.0)), ([10.0, 23.0], [12.0, 20.0]));
    assert_eq!(turned.bounds(4, 5), [[10.0, 20.0], [20.0, 32.0]]);
    let world = GeoTransform::from_world_file("0,5\n0\n0\n-0.5\n 100.25\r\n199.75\n").unwrap();
    assert_eq!(world.at(0.0, 0.0), [100.0, 200.0]);

    assert_eq!(from(None, None, None, PixelIs::Area), Ok(None));
    assert_eq!(from(Some(&scale), None, None, PixelIs::Area), Ok(None));
    let many = [0.0; 24];
    assert_eq!(from(None, Some(&many), None, PixelIs::Area), Err(GeoTransformError::ControlPoints(4)));
    assert!(from(Some(&[0.0, 1.0]), Some(&ties), None, PixelIs::Area).is_err());
    assert!(from(Some(&[f64::NAN, 1.0]), Some(&ties), None, PixelIs::Area).is_err());
    assert!(from(Some(&scale), Some(&ties[..3]), None, PixelIs::Area).is_err());
    assert_eq!(GeoTransform::from_world_file("1 2 3"), Err(GeoTransformError::WorldFile));
}

proptest! {
    #[test]
    fn pixels_and_coordinates_are_inverse(
        origin in [-1e6..1e6, -1e6..1e6], column in [-3.0..3.0, -3.0..3.0], row in [-3.0..3.0, -3.0..3.0], at in [-1e4..1e4, -1e4..1e4],
    ) {
        let area: f64 = column[0] * row[1] - column[1] * row[0];
        prop_assume!(area.abs() > 0.1);
        let transform = GeoTransform { origin, column, row };
        let found = transform.pixel_at(transform.at(at[0], at[1]));
        prop_assert!((found[0] - at[0]).abs() < 1e-4 && (found[1] - at[1]).abs() < 1e-4, "{:?}", found);
    }
}
