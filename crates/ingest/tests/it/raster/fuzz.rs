//! Fuzz targets of the raster readers, as those of the readers of points.

use std::io::Cursor;

use ingest::raster::{
    GeoTiff, GeoTransform, Window,
    geo_keys::{GeoKeys, PixelIs, RawGeoKeys},
};

use super::made::{Tiff, Value};
use crate::points::fuzz::{Edit, edited};

#[test]
fn geo_keys() {
    bolero::check!().with_type::<(Vec<u16>, Vec<f64>, Vec<u8>, bool)>().for_each(
        |(directory, doubles, ascii, with_header)| {
            let mut directory = directory.clone();
            if *with_header {
                let count = directory.len() as u16 / 4;
                directory.splice(0..0, [1, 1, 0, count]);
                for entry in directory[4..].chunks_exact_mut(4) {
                    entry[1] = [0, 34_735, 34_736, 34_737][usize::from(entry[1] % 4)];
                    entry[2] %= 6;
                    entry[3] %= 8;
                }
            }
            if let Ok(keys) = GeoKeys::parse(RawGeoKeys { directory: &directory, doubles, ascii }) {
                let _ = (keys.model_type(), keys.horizontal_epsg(), keys.citation(), keys.linear_unit_m());
                assert!(keys.iter().count() <= directory.len() / 4);
            }
            if let Ok(Some(transform)) =
                GeoTransform::from_tags(Some(doubles), Some(doubles), None, PixelIs::Point)
            {
                assert!(transform.pixel_size().iter().all(|size| *size > 0.0));
            }
        },
    );
}

#[test]
fn headers_and_windows() {
    let heights = |k: u32, row: u32| (k * row) as f32;
    let seeds: Vec<Vec<u8>> = [
        Tiff::heights(40, 20, heights)
            .placed([1.0, 2.0], 3.0, &[[1024, 0, 1, 1]])
            .with(42_113, Value::Text("7")),
        Tiff { is_big: true, ..Tiff::heights(20, 20, heights) },
        Tiff::heights(18, 5, heights).with(258, Value::Short(vec![8])).with(339, Value::Short(vec![1])),
    ]
    .iter()
    .map(Tiff::write)
    .collect();
    bolero::check!().with_type::<(u8, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], 400, edits);
        let Ok(mut raster) = GeoTiff::open(Cursor::new(bytes)) else { return };
        let (width, height) = (raster.info().width, raster.info().height);
        let window = Window {
            x: width / 2,
            y: height / 2,
            width: (width - width / 2).min(64),
            height: (height - height / 2).min(64),
        };
        if let Ok(numbers) = raster.read_numbers(window, 0) {
            assert_eq!(numbers.len() as u32, window.width * window.height);
        }
        if let Ok(colors) = raster.read_colors(window) {
            assert_eq!(colors.len() as u32, window.width * window.height);
        }
    });
}
