//! Points, ground, blocks in a county, and its check.

mod blocks;
mod check;
mod clouds;
mod rasters;

use std::{
    fs,
    path::{Path, PathBuf},
};

use geodesy::crs::HeightDatum;
use ingest::{
    county::{County, CountyConfig, SurveyKey},
    land::{LandOptions, LandReport, LandRequest},
    mesh::Silent,
    place::PlaceRequest,
};

use crate::raster::made::{Tiff, Value};

pub(crate) const VILLAGE: &str = "350926001001";

/// Central meridian 120° E, three-degree zone: where the made county lies.
pub(crate) const CRS: &str = "EPSG:4549";
/// Its middle in that system.
pub(crate) const MIDDLE: [f64; 2] = [489_000.0, 3_013_000.0];

pub(crate) fn key(date: &str) -> SurveyKey {
    SurveyKey::new(VILLAGE, date).unwrap()
}

pub(crate) fn county(folder: &Path) -> County {
    County::create(&folder.join("枫溪县"), &CountyConfig::new("枫溪县", "350926")).unwrap()
}

pub(crate) fn place() -> PlaceRequest {
    PlaceRequest {
        crs: Some(CRS.into()),
        heights: Some(HeightDatum::Offset(10.0)),
        ..PlaceRequest::default()
    }
}

/// A slope that rises eastward by a tenth.
pub(crate) fn slope(east: f64) -> f64 {
    600.0 + (east - MIDDLE[0]) * 0.1
}

/// An elevation model in the projected system, centred, with a constant added.
pub(crate) fn dem(path: &Path, side: u32, pixel_m: f64, more_m: f64) {
    let half = f64::from(side) * pixel_m * 0.5;
    let west = MIDDLE[0] - half;
    let tiff = Tiff::heights(side, side, |column, _| {
        (slope(west + (f64::from(column) + 0.5) * pixel_m) + more_m) as f32
    })
    .placed([west, MIDDLE[1] + half], pixel_m, &[[1024, 0, 1, 1], [3072, 0, 1, 4549]]);
    fs::write(path, tiff.write()).unwrap();
}

/// A picture of one colour.
pub(crate) fn photo(path: &Path, side: u32, pixel_m: f64, color: [u8; 3]) {
    let half = f64::from(side) * pixel_m * 0.5;
    let mut tiff = Tiff::heights(side, side, |_, _| 0.0)
        .placed([MIDDLE[0] - half, MIDDLE[1] + half], pixel_m, &[[1024, 0, 1, 1], [3072, 0, 1, 4549]])
        .with(258, Value::Short(vec![8; 3]))
        .with(262, Value::Short(vec![2]))
        .with(277, Value::Short(vec![3]))
        .with(339, Value::Short(vec![1; 3]));
    tiff.chunks.iter_mut().for_each(|chunk| *chunk = color.repeat(256));
    fs::write(path, tiff.write()).unwrap();
}

pub(crate) fn import(county: &mut County, paths: &[PathBuf]) -> Option<LandReport> {
    let request =
        LandRequest { paths: paths.iter().map(|path| (path.clone(), None)).collect(), place: place() };
    let plan = ingest::land::plan(&request).unwrap();
    county.import_land(&plan, &LandOptions::default(), &Silent).unwrap()
}

/// Longitude and latitude of a place in the projected system.
pub(crate) fn degrees(place: [f64; 2]) -> [f64; 2] {
    let projector = geodesy::crs::Crs::parse(CRS).unwrap().projector().unwrap();
    projector.lon_lat_rad(place).unwrap().map(f64::to_degrees)
}
