//! Broken files: an error or issues, never a panic, and what is given out is always fit for use.

use ingest::vector::{Geometry, ReadOptions, read, read_bytes};

use super::made;
use crate::fuzzing::fuzz;

fn run(extension: &str, bytes: &[u8]) {
    let Ok(found) = read_bytes(extension, bytes, &ReadOptions::default()) else { return };
    for feature in &found.features {
        let Some(geometry) = &feature.geometry else { continue };
        assert!(geometry.positions().all(|p| p[0].abs() <= 180.0 && p[1].abs() <= 90.0));
        for ring in geometry.polygons().iter().flatten() {
            assert!(ring.len() > 3 && ring.first() == ring.last());
        }
        if let Geometry::Lines(lines) = geometry {
            assert!(lines.iter().all(|line| line.len() > 1));
        }
    }
    assert!(found.features.len() + found.issues.iter().filter(|i| i.refused).count() >= found.read);
}

#[test]
fn shapefiles() {
    let files = made::county(1);
    let seeds = |end: &str| -> Vec<Vec<u8>> {
        files
            .iter()
            .filter(|(path, _)| path.ends_with(end))
            .map(|(_, b)| b[..b.len().min(4000)].to_vec())
            .collect()
    };
    fuzz("shapefile", seeds(".shp"), |bytes| run("shp", bytes));
}

#[test]
fn tables_of_shapefiles() {
    let seeds = vec![
        made::dbf(b"NAME", &[b"\xb4\xe5\xcd\xb7", b"a"], 0x4d),
        made::dbf(b"A", &[b"1".as_slice(); 9], 0),
    ];
    fuzz("dbf", seeds, |bytes| run("dbf", bytes));
}

#[test]
fn flat_geobufs() {
    let seeds = vec![made::flat_geobuf(3, false, true), made::flat_geobuf(2, true, false)];
    fuzz("flat-geobuf", seeds, |bytes| run("fgb", bytes));
}

#[test]
fn street_maps() {
    fuzz("osm", vec![made::osm()], |bytes| run("pbf", bytes));
}

#[test]
fn json_and_binary_geometries() {
    let json = br#"{"type":"FeatureCollection","crs":{"properties":{"name":"EPSG:4549"}},"features":[{"type":"Feature","properties":{"a":1},"geometry":{"type":"MultiPolygon","coordinates":[[[[119,27],[120,27],[120,28],[119,27]]]]}}]}"#;
    fuzz("geojson", vec![json.to_vec()], |bytes| run("geojson", bytes));
    let mut wkb = vec![1, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0];
    for value in [119.0, 27.0, 120.0, 27.0, 120.0, 28.0, 119.0, 27.0_f64] {
        wkb.extend(value.to_le_bytes());
    }
    let packed = [b"GP\0\x01\0\0\0\0".as_slice(), &wkb].concat();
    fuzz("wkb", vec![wkb, packed], |bytes| run("wkb", bytes));
}

#[test]
fn broken_databases_are_errors_or_issues() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gpkg");
    made::geo_package(&path, 40);
    let whole = std::fs::read(&path).unwrap();
    let broken = folder.path().join("b.gpkg");
    for step in 0..60 {
        let mut bytes = whole.clone();
        let at = (step * 977 + 100) % bytes.len();
        bytes[at..].iter_mut().take(40).for_each(|b| *b = b.wrapping_mul(31).wrapping_add(step as u8));
        if step % 5 == 0 {
            bytes.truncate(at.max(512));
        }
        std::fs::write(&broken, bytes).unwrap();
        // Either way; what counts is that it ends.
        let _ = read(&broken, &ReadOptions::default());
    }
}
