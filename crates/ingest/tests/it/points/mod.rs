//! Point clouds: readers against another reader, tilesets against the points they were made of.

pub(crate) mod fuzz;
mod readers;
pub(crate) mod tiles;

use std::{io::Cursor, path::PathBuf};

pub(crate) use crate::fuzzing::files;
use ingest::points::{PointBatch, PointSource, PointsError, las::LasFile};

/// The shared data, or `None` (said once per test) where the folder is absent.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let path = crate::fuzzing::data(folder);
    if path.is_none() {
        println!("skipped: ../shared/data is absent");
    }
    path
}

pub(crate) fn las(bytes: Vec<u8>) -> Result<LasFile<Cursor<Vec<u8>>>, PointsError> {
    LasFile::open(Cursor::new(bytes))
}

/// All points of a source.
pub(crate) fn all(source: &mut dyn PointSource) -> Result<PointBatch, PointsError> {
    let (mut whole, mut batch) = (PointBatch::default(), PointBatch::default());
    loop {
        source.read(&mut batch)?;
        if batch.is_empty() {
            return Ok(whole);
        }
        whole.positions.extend(&batch.positions);
        whole.colors.extend(&batch.colors);
        whole.intensities.extend(&batch.intensities);
        whole.classes.extend(&batch.classes);
        whole.is_last.extend(&batch.is_last);
    }
}

/// A file of points, written by another library.
pub(crate) fn made(version: (u8, u8), format: u8, is_compressed: bool, count: u32) -> Vec<u8> {
    let mut builder = ::las::Builder::from(version);
    builder.point_format = ::las::point::Format::new(format).unwrap();
    builder.point_format.is_compressed = is_compressed;
    let transform = |offset| ::las::Transform { scale: 0.001, offset };
    builder.transforms =
        ::las::Vector { x: transform(400_000.0), y: transform(3_000_000.0), z: transform(0.0) };
    let mut writer = ::las::Writer::new(Cursor::new(Vec::new()), builder.into_header().unwrap()).unwrap();
    for k in 0..count {
        let angle = f64::from(k) * 0.01;
        let returns = (k % 3 + 1) as u8;
        writer
            .write_point(::las::Point {
                x: 400_000.0 + angle.cos() * 50.0,
                y: 3_000_000.0 + angle.sin() * 50.0,
                z: 100.0 + angle,
                intensity: (k * 31) as u16,
                return_number: (k % 3 + 1).min(u32::from(returns)) as u8,
                number_of_returns: 3,
                classification: ::las::point::Classification::new((k % 7) as u8).unwrap(),
                gps_time: builder_has_time(format).then_some(f64::from(k)),
                color: has_color(format).then(|| ::las::Color::new((k * 256) as u16, 1000, 65_535)),
                nir: matches!(format, 8 | 10).then_some(7),
                ..::las::Point::default()
            })
            .unwrap();
    }
    writer.close().unwrap();
    writer.into_inner().unwrap().into_inner()
}

fn builder_has_time(format: u8) -> bool {
    format != 0 && format != 2
}

fn has_color(format: u8) -> bool {
    matches!(format, 2 | 3 | 5 | 7 | 8 | 10)
}
