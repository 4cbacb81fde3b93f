use std::io::Cursor;

use ingest::raster::{
    GeoTiff, GeoTransform, RasterError, Window,
    geo_keys::ModelType,
    geotiff::{Bands, SampleKind},
};

use super::made::{Tiff, Value};
use crate::points::data;

type Opened = GeoTiff<Cursor<Vec<u8>>>;

fn open(tiff: &Tiff) -> Result<Opened, RasterError> {
    GeoTiff::open(Cursor::new(tiff.write()))
}

fn height(column: u32, row: u32) -> f32 {
    column as f32 * 100.0 + row as f32 + 0.25
}

fn whole(raster: &Opened) -> Window {
    Window { x: 0, y: 0, width: raster.info().width, height: raster.info().height }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// PackBits of literal runs only.
fn packed(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(128).flat_map(|run| [&[run.len() as u8 - 1], run].concat()).collect()
}

#[test]
fn tiles_strips_compressions_and_big_files_read_alike() {
    let tiled = Tiff::heights(37, 21, height);
    let compressed = |code, compress: fn(&[u8]) -> Vec<u8>, tiff: &Tiff| Tiff {
        chunks: tiff.chunks.iter().map(|chunk| compress(chunk)).collect(),
        ..tiff.clone().with(259, Value::Short(vec![code]))
    };
    // Strips of 5 rows, the last one shorter.
    let mut striped = Tiff { is_tiled: false, chunks: Vec::new(), ..tiled.clone() };
    striped.tags.retain(|(tag, _)| !matches!(tag, 322 | 323));
    striped.tags.push((278, Value::Long(vec![5])));
    for top in (0..21).step_by(5) {
        let rows = (top..(top + 5).min(21)).flat_map(|row| (0..37).map(move |column| (column, row)));
        striped.chunks.push(rows.flat_map(|(column, row)| height(column, row).to_le_bytes()).collect());
    }
    for plain in [tiled, striped] {
        for variant in [plain.clone(), compressed(8, deflated, &plain), compressed(32_773, packed, &plain)] {
            for is_big in [false, true] {
                let mut raster = open(&Tiff { is_big, ..variant.clone() }).unwrap();
                let info = raster.info().clone();
                assert_eq!((info.width, info.height, info.samples), (37, 21, 1));
                assert_eq!(
                    (info.kind, info.bands, info.transform, info.keys),
                    (SampleKind::Float(32), Bands::Gray, None, None)
                );
                let all = raster.read_numbers(whole(&raster), 0).unwrap();
                let wanted = (0..21).flat_map(|row| (0..37).map(move |column| height(column, row)));
                assert!(all.iter().copied().eq(wanted));
                for window in [
                    Window { x: 15, y: 3, width: 3, height: 15 },
                    Window { x: 36, y: 20, width: 1, height: 1 },
                ] {
                    let found = raster.read_numbers(window, 0).unwrap();
                    let rows = window.y..window.y + window.height;
                    let wanted = rows.flat_map(|row| {
                        (window.x..window.x + window.width).map(move |column| height(column, row))
                    });
                    assert!(found.iter().copied().eq(wanted));
                }
            }
        }
    }
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let mut raster = open(&Tiff::heights(37, 21, height)).unwrap();
    for (x, y, width, height) in
        [(0, 0, 38, 1), (37, 0, 1, 1), (0, 0, 0, 1), (u32::MAX, 0, 2, 1), (0, 20, 1, 2)]
    {
        let window = Window { x, y, width, height };
        assert!(matches!(raster.read_numbers(window, 0), Err(RasterError::Window(..))), "{window:?}");
    }
    assert!(raster.read_numbers(whole(&raster), 1).is_err());
}

#[test]
fn no_data_is_nan_and_tiles_never_written_are_no_data() {
    let mut tiff =
        Tiff::heights(40, 20, |column, row| if column == 3 { -9999.0 } else { height(column, row) })
            .with(42_113, Value::Text("-9999 "));
    tiff.chunks[1].clear();
    let mut raster = open(&tiff).unwrap();
    assert_eq!(raster.info().no_data, Some(-9999.0));
    let all = raster.read_numbers(whole(&raster), 0).unwrap();
    for (index, found) in all.iter().enumerate() {
        let (column, row) = (index % 40, index / 40);
        let is_absent = column == 3 || ((16..32).contains(&column) && row < 16);
        assert_eq!(found.is_nan(), is_absent, "{column} {row}");
    }
}

#[test]
fn whole_numbers_of_all_sizes_are_heights_too() {
    for (bits, format, bytes, wanted) in [
        (8u16, 1u16, vec![200u8], 200.0f32),
        (8, 2, vec![0x85], -123.0),
        (16, 1, 60_000u16.to_le_bytes().to_vec(), 60_000.0),
        (16, 2, (-1500i16).to_le_bytes().to_vec(), -1500.0),
        (32, 2, (-70_000i32).to_le_bytes().to_vec(), -70_000.0),
        (64, 3, 1234.5f64.to_le_bytes().to_vec(), 1234.5),
    ] {
        let mut tiff = Tiff::heights(5, 5, height)
            .with(258, Value::Short(vec![bits]))
            .with(339, Value::Short(vec![format]));
        tiff.chunks = vec![bytes.repeat(256)];
        let mut raster = open(&tiff).unwrap();
        assert_eq!(raster.read_numbers(whole(&raster), 0).unwrap(), vec![wanted; 25], "{bits} {format}");
    }
}

/// Three or four bands of 8 bits, chunky or planar, in tiles of 16 × 16.
fn rgb(is_planar: bool, with_alpha: bool) -> Tiff {
    let samples = if with_alpha { 4u16 } else { 3 };
    let color = |column: u32, row: u32, band: u16| match band {
        0 => column as u8 * 5,
        1 => row as u8 * 7,
        2 => 200,
        _ => {
            if column < 10 {
                0
            } else {
                255
            }
        }
    };
    let mut tiff = Tiff::heights(20, 18, height)
        .with(258, Value::Short(vec![8; samples.into()]))
        .with(262, Value::Short(vec![2]))
        .with(277, Value::Short(vec![samples]))
        .with(284, Value::Short(vec![if is_planar { 2 } else { 1 }]))
        .with(339, Value::Short(vec![1; samples.into()]));
    if with_alpha {
        tiff = tiff.with(338, Value::Short(vec![2]));
    }
    tiff.chunks.clear();
    let tiles = [(0, 0), (16, 0), (0, 16), (16, 16)];
    let pixels = |(left, top): (u32, u32)| {
        (top..top + 16).flat_map(move |row| (left..left + 16).map(move |column| (column, row)))
    };
    if is_planar {
        for band in 0..samples {
            tiff.chunks.extend(
                tiles.map(|tile| pixels(tile).map(|(column, row)| color(column, row, band)).collect()),
            );
        }
    } else {
        tiff.chunks.extend(tiles.map(|tile| {
            pixels(tile)
                .flat_map(|(column, row)| (0..samples).map(move |band| color(column, row, band)))
                .collect()
        }));
    }
    tiff
}

#[test]
fn colours_are_read_from_chunky_and_planar_files() {
    for (is_planar, with_alpha) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut raster = open(&rgb(is_planar, with_alpha)).unwrap();
        assert_eq!((raster.info().bands, raster.info().alpha), (Bands::Rgb, with_alpha.then_some(3)));
        let found = raster.read_colors(whole(&raster)).unwrap();
        for (index, pixel) in found.iter().enumerate() {
            let (column, row) = (index % 20, index / 20);
            let alpha = if with_alpha && column < 10 { 0 } else { 255 };
            assert_eq!(*pixel, [column as u8 * 5, row as u8 * 7, 200, alpha], "{is_planar} {with_alpha}");
        }
        // A band of it as numbers.
        let window = Window { x: 15, y: 2, width: 3, height: 1 };
        assert_eq!(raster.read_numbers(window, 0).unwrap(), [75.0, 80.0, 85.0]);
    }
    let mut gray = open(&Tiff::heights(4, 4, |_, _| 77.7)).unwrap();
    assert_eq!(gray.read_colors(whole(&gray)).unwrap()[0], [77, 77, 77, 255]);
}

#[test]
fn jpeg_tiles_are_read_and_those_that_lie_about_their_size_are_not() {
    let picture = |side: u16, quality| {
        let mut bytes = Vec::new();
        let pixels: Vec<u8> = (0..u32::from(side) * u32::from(side)).flat_map(|_| [220u8, 60, 30]).collect();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
        encoder.encode(&pixels, side, side, jpeg_encoder::ColorType::Rgb).unwrap();
        bytes
    };
    let mut tiff = rgb(false, false)
        .with(259, Value::Short(vec![7]))
        .with(262, Value::Short(vec![6]))
        .with(530, Value::Short(vec![1, 1]));
    tiff.chunks = vec![picture(16, 95); 4];
    let mut raster = open(&tiff).unwrap();
    assert_eq!(raster.info().bands, Bands::YCbCr);
    for [r, g, b, a] in raster.read_colors(whole(&raster)).unwrap() {
        assert!(r.abs_diff(220) < 4 && g.abs_diff(60) < 4 && b.abs_diff(30) < 4 && a == 255, "{r} {g} {b}");
    }
    tiff.chunks[2] = picture(500, 50);
    let mut raster = open(&tiff).unwrap();
    assert!(raster.read_colors(Window { x: 0, y: 0, width: 20, height: 10 }).is_ok());
    let error = raster.read_colors(whole(&raster)).unwrap_err().to_string();
    assert_eq!(error, "tile 2 (column 0, row 16): a JPEG of 500 × 500 where 16 × 16 are due");
}

#[test]
fn placement_and_system_are_read_and_may_be_given() {
    let keys = [[1024, 0, 1, 1], [1025, 0, 1, 1], [3072, 0, 1, 4547]];
    let raster = open(&Tiff::heights(20, 20, height).placed([500_000.0, 3_000_000.0], 0.5, &keys)).unwrap();
    let transform = raster.info().transform.unwrap();
    assert_eq!(transform.at(0.0, 0.0), [500_000.0, 3_000_000.0]);
    assert_eq!(transform.at(20.0, 20.0), [500_010.0, 2_999_990.0]);
    let found = raster.info().keys.as_ref().unwrap();
    assert_eq!((found.model_type(), found.horizontal_epsg()), (Some(ModelType::Projected), Some(4547)));
    let mut bare = open(&Tiff::heights(20, 20, height)).unwrap();
    assert!(bare.info().transform.is_none() && bare.info().keys.is_none());
    bare.place(GeoTransform::from_world_file("1 0 0 -1 0.5 -0.5").unwrap());
    assert_eq!(bare.info().transform.unwrap().origin, [0.0, 0.0]);
    let bad = Tiff::heights(20, 20, height).with(34_735, Value::Short(vec![1, 1, 0, 500]));
    assert!(open(&bad).unwrap_err().to_string().contains("500 keys"));
}

#[test]
fn files_that_lie_are_refused_or_fail_where_they_do() {
    let good = Tiff::heights(37, 21, height);
    let refused = |tiff: Tiff| open(&tiff).unwrap_err().to_string();
    assert!(!refused(good.clone().with(256, Value::Long(vec![0]))).is_empty(), "no width");
    assert!(refused(good.clone().with(256, Value::Long(vec![u32::MAX]))).contains("size"));
    // Tiles of a terabyte, and more tiles than there are offsets.
    assert!(
        !refused(good.clone().with(322, Value::Long(vec![1 << 20])).with(323, Value::Long(vec![1 << 20])))
            .is_empty()
    );
    assert!(!refused(good.clone().with(256, Value::Long(vec![5000]))).is_empty());
    assert!(refused(good.clone().with(258, Value::Short(vec![13]))).contains("13 bits"));
    assert!(GeoTiff::open(Cursor::new(b"II*\0nothing".to_vec())).is_err());
    assert!(GeoTiff::open(Cursor::new(Vec::new())).is_err());
    let mut cut = good.write();
    // In the middle of what can be seen of the last tile.
    cut.truncate(cut.len() - 900);
    let mut raster = GeoTiff::open(Cursor::new(cut)).unwrap();
    assert!(raster.read_numbers(Window { x: 0, y: 0, width: 37, height: 16 }, 0).is_ok());
    let error = raster.read_numbers(whole(&raster), 0).unwrap_err().to_string();
    assert!(error.starts_with("tile 5 (column 32, row 16)"), "{error}");
    let mut broken = Tiff {
        chunks: good.chunks.iter().map(|chunk| deflated(chunk)).collect(),
        ..good.with(259, Value::Short(vec![8]))
    };
    broken.chunks[3] = vec![0x78, 0x9c, 1, 2, 3, 4];
    let error = open(&broken).and_then(|mut raster| raster.read_numbers(whole(&raster), 0)).unwrap_err();
    assert!(error.to_string().starts_with("tile 3"), "{error}");
}

#[test]
fn the_mountain_dem_of_colorado() {
    let Some(folder) = data("raster/colorado") else { return };
    let file = std::fs::File::open(folder.join("co_elevation_roi.tif")).unwrap();
    let mut raster = GeoTiff::open(std::io::BufReader::new(file)).unwrap();
    let info = raster.info().clone();
    println!("{info:?}");
    assert_eq!((info.width, info.height, info.samples), (1007, 633, 1));
    let keys = info.keys.unwrap();
    assert_eq!((keys.model_type(), keys.horizontal_epsg()), (Some(ModelType::Geographic), Some(4269)));
    let [low, high] = info.transform.unwrap().bounds(info.width, info.height);
    assert!(low[0] > -109.0 && high[0] < -102.0 && low[1] > 37.0 && high[1] < 41.0, "{low:?} {high:?}");
    let heights = raster.read_numbers(Window { x: 0, y: 0, width: 1007, height: 633 }, 0).unwrap();
    let known = heights.iter().copied().filter(|h| !h.is_nan());
    let (low, high) = known.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), z| (l.min(z), h.max(z)));
    assert!((2543.0..2544.0).contains(&low) && (3945.0..3947.0).contains(&high), "{low} {high}");

    let file = std::fs::File::open(folder.join("bahamas_rgb.tif")).unwrap();
    let mut picture = GeoTiff::open(std::io::BufReader::new(file)).unwrap();
    println!("{:?}", picture.info());
    let window = Window { x: 0, y: 0, width: picture.info().width, height: 50 };
    let pixels = picture.read_colors(window).unwrap();
    assert!(pixels.iter().any(|p| p[0] != p[2]));
}

#[test]
fn the_derived_rasters_of_delft() {
    let Some(folder) = data("points/delft/derived") else { return };
    for (name, has_gaps) in
        [("dtm_0.5m_gaps.tif", true), ("dtm_0.5m_filled.tif", false), ("dsm_0.5m.tif", true)]
    {
        let file = std::fs::File::open(folder.join(name)).unwrap();
        let mut raster = GeoTiff::open(std::io::BufReader::new(file)).unwrap();
        assert_eq!(raster.info().keys.as_ref().unwrap().horizontal_epsg(), Some(28_992));
        assert_eq!(raster.info().transform.unwrap().origin, [84_808.0, 447_642.0]);
        let all = raster.read_numbers(Window { x: 0, y: 0, width: 530, height: 460 }, 0).unwrap();
        let gaps = all.iter().filter(|h| h.is_nan()).count();
        assert_eq!(gaps > 1000, has_gaps, "{name}: {gaps}");
    }
}
