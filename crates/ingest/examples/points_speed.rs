//! Speed, memory and size of point tilesets: `cargo run --release -p ingest --example points_speed FOLDER [las|laz] [plain]`.
//!
//! Makes a mosaic of 10 × 10 copies of `../shared/data/points/mixed/laspy/data/autzen_trim.laz` (11.0 M points) in FOLDER
//! if it is not there, then a tileset of it, reprojected to ECEF unless `plain` is given. CPU time is that of the process
//! from opening the file to the last byte; memory the kernel's peak (`VmHWM`).

#![allow(clippy::unwrap_used, reason = "an example")]

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use cpu_time::ProcessTime;
use geodesy::{Geodetic, ecef_from_geodetic};
use ingest::points::{FileSpill, PointSource, PointTilesOptions, Reproject, las::LasFile, write_point_tiles};

fn mosaic(folder: &Path, extension: &str) -> PathBuf {
    let path = folder.join(format!("mosaic.{extension}"));
    if path.is_file() {
        return path;
    }
    let source =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/points/mixed/laspy/data/autzen_trim.laz");
    let mut reader = las::Reader::from_path(source).unwrap();
    let mut builder = las::Builder::new(reader.header().clone().into_raw().unwrap()).unwrap();
    builder.point_format.is_compressed = extension == "laz";
    builder.vlrs.clear();
    let points: Vec<las::Point> = reader.read_all().unwrap().points().map(|p| p.unwrap()).collect();
    let bounds = reader.header().bounds();
    let (width, height) = (bounds.max.x - bounds.min.x, bounds.max.y - bounds.min.y);
    let mut writer = las::Writer::from_path(&path, builder.into_header().unwrap()).unwrap();
    for k in 0..100 {
        for point in &points {
            let (x, y) = (point.x + f64::from(k % 10) * width, point.y + f64::from(k / 10) * height);
            writer.write_point(las::Point { x, y, ..point.clone() }).unwrap();
        }
    }
    writer.close().unwrap();
    path
}

/// A map in feet, near enough to Oregon's.
fn ecef_from_feet(points: &mut [[f64; 3]]) {
    for point in points {
        let [x, y, z] = point.map(|c| c * 0.3048);
        let lat = 43.9 + (y - 260_000.0) / 111_100.0;
        let lon = -123.1 + (x - 194_000.0) / (111_300.0 * lat.to_radians().cos());
        *point = ecef_from_geodetic(Geodetic::from_degrees(lon, lat, z)).to_array();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("a folder"));
    let extension = arguments.get(1).map_or("las", String::as_str);
    let is_plain = arguments.get(2).is_some_and(|a| a == "plain");
    std::fs::create_dir_all(&folder).unwrap();
    let path = mosaic(&folder, extension);
    let out = folder.join("tiles");
    let _ = std::fs::remove_dir_all(&out);
    for (name, options) in [
        ("xyz + rgb", PointTilesOptions { intensity: false, classes: false, ..PointTilesOptions::default() }),
        ("xyz + rgb + intensity + class", PointTilesOptions::default()),
    ] {
        let start = ProcessTime::now();
        let mut source = LasFile::open(BufReader::new(File::open(&path).unwrap())).unwrap();
        let count = source.info().count.unwrap();
        let spill_path = folder.join("spill");
        let spill =
            File::options().read(true).write(true).create(true).truncate(true).open(&spill_path).unwrap();
        let mut spill = FileSpill::new(spill).unwrap();
        let mut reproject = ecef_from_feet;
        let reproject: Option<&mut Reproject<'_>> = if is_plain { None } else { Some(&mut reproject) };
        let report =
            write_point_tiles(&mut [&mut source], reproject, &mut spill, &options, &mut |path, bytes| {
                let path = out.join(path);
                std::fs::create_dir_all(path.parent().unwrap())?;
                std::fs::write(path, bytes)
            })
            .unwrap();
        let cpu = start.elapsed().as_secs_f64();
        std::fs::remove_file(spill_path).unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!(
            "{extension}, {name}: {:.2} M points per CPU-second ({cpu:.2} s), {:.2} bytes per point, {} tiles, {} levels, {peak}",
            count as f64 / cpu / 1e6,
            report.bytes as f64 / report.points as f64,
            report.tiles,
            report.levels
        );
    }
}
