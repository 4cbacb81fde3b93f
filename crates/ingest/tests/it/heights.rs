//! Words about heights, and grids of both forms.

use std::fs;

use geodesy::crs::HeightDatum;
use ingest::heights::{HeightsError, parse, read_grid};
use tiff::{
    encoder::{TiffEncoder, colortype::Gray32Float},
    tags::Tag,
};

#[test]
fn words_are_understood() {
    assert_eq!(parse("ellipsoidal", &[]).unwrap().0, HeightDatum::Ellipsoidal);
    assert_eq!(parse(" offset:-3.5 ", &[]).unwrap().0, HeightDatum::Offset(-3.5));
    for bad in ["", "geoid", "offset:", "offset:x", "offset:inf", "1985"] {
        assert!(matches!(parse(bad, &[]), Err(HeightsError::Word(_))), "{bad}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = parse("egm96", &[folder.path().to_owned()]).unwrap_err();
    assert!(error.to_string().contains("proj-data"), "{error}");
    assert!(matches!(parse("grid:/no/such/file", &[]), Err(HeightsError::Unreadable { .. })));
    fs::write(folder.path().join("egm96_15.gtx"), b"nonsense").unwrap();
    assert!(matches!(parse("egm96", &[folder.path().to_owned()]), Err(HeightsError::Grid(_))));
}

#[test]
fn a_geotiff_grid_is_read_north_row_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("某地.tif");
    // 3 × 2 values half a degree apart, the north-west one at 110, 21.
    let values: [f32; 6] = [10.0, 11.0, 12.0, 0.0, 1.0, 2.0];
    for is_area in [true, false] {
        let mut encoder = TiffEncoder::new(fs::File::create(&path).unwrap()).unwrap();
        let mut image = encoder.new_image::<Gray32Float>(3, 2).unwrap();
        let corner = if is_area { [109.75, 21.25] } else { [110.0, 21.0] };
        let tags = image.encoder();
        tags.write_tag(Tag::ModelPixelScaleTag, [0.5, 0.5, 0.0].as_slice()).unwrap();
        tags.write_tag(Tag::ModelTiepointTag, [0.0, 0.0, 0.0, corner[0], corner[1], 0.0].as_slice()).unwrap();
        let raster_type = if is_area { 1u16 } else { 2 };
        let keys = [1u16, 1, 0, 2, 1024, 0, 1, 2, 1025, 0, 1, raster_type];
        tags.write_tag(Tag::GeoKeyDirectoryTag, keys.as_slice()).unwrap();
        image.write_data(&values).unwrap();
        let grid = read_grid(&path).unwrap();
        for (lon, lat, expected) in [(110.0, 21.0, 10.0), (111.0, 20.5, 2.0), (110.25, 20.75, 5.5)] {
            let found = grid.separation_m(lon, lat).unwrap();
            assert!((found - expected).abs() < 1e-6, "{is_area} {lon} {lat}: {found}");
        }
        assert_eq!(grid.separation_m(109.9, 21.0), None);
    }
    let (datum, name) = parse(&format!("grid:{}", path.display()), &[]).unwrap();
    assert!(matches!(datum, HeightDatum::Geoid(_)) && name.contains("某地.tif"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(read_grid(&path).is_err());
}
