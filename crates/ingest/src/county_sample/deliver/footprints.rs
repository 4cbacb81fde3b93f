//! Footprints as a Shapefile in a zone whose eastings carry its number.

use std::io::Cursor;

use shapefile::{
    Point, Polygon, PolygonRing, ShapeWriter,
    dbase::{FieldName, FieldValue, Record, TableWriterBuilder},
};

use super::{
    File,
    frame::{to_county, zoned},
};
use crate::county_sample::{
    CountySampleError,
    building::{Building, WallLook, footprint},
    site::Site,
};

/// Byte of the table's header where year, month and day of its last change stand.
const DATE_AT: usize = 1;

/// The files of a layer of footprints, named `stem` with their extensions; one record for each building, in order.
pub(super) fn files(site: &Site, stem: &str, wkt: &str) -> Result<Vec<File>, CountySampleError> {
    let (mut shapes, mut index) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    {
        let mut writer = ShapeWriter::with_shx(&mut shapes, &mut index);
        for building in &site.buildings {
            writer.write_shape(&polygon(site, building))?;
        }
        writer.finalize()?;
    }
    let mut table = Cursor::new(Vec::new());
    {
        let name = |name: &str| {
            FieldName::try_from(name).map_err(|_| CountySampleError::Table(format!("field name {name:?}")))
        };
        let mut writer = TableWriterBuilder::new()
            .add_numeric_field(name("BH")?, 6, 0)
            .add_character_field(name("LX")?, 24)
            .add_character_field(name("JG")?, 12)
            .add_numeric_field(name("CS")?, 3, 0)
            .add_numeric_field(name("GD")?, 7, 2)
            .add_numeric_field(name("JDGC")?, 9, 2)
            .build_with_dest(&mut table);
        for (number, building) in site.buildings.iter().enumerate() {
            let mut record = Record::default();
            let mut set = |name: &str, value: FieldValue| record.insert(name.to_owned(), value);
            set("BH", FieldValue::Numeric(Some(number as f64 + 1.0)));
            set("LX", FieldValue::Character(Some(use_of(building).to_owned())));
            set("JG", FieldValue::Character(Some(structure_of(building).to_owned())));
            set("CS", FieldValue::Numeric(Some(f64::from(building.storeys))));
            set("GD", FieldValue::Numeric(Some(hundredths(building.height_m))));
            set("JDGC", FieldValue::Numeric(Some(hundredths(building.base_m))));
            writer.write_record(&record).map_err(|error| CountySampleError::Table(error.to_string()))?;
        }
        writer.finalize().map_err(|error| CountySampleError::Table(error.to_string()))?;
    }
    let mut table = table.into_inner();
    // The day is the sample's, not that of the clock.
    if let Some(date) = table.get_mut(DATE_AT..DATE_AT + 3) {
        date.copy_from_slice(&[126, 4, 10]);
    }
    let file = |extension: &str, bytes: Vec<u8>| File { path: format!("{stem}.{extension}"), bytes };
    Ok(vec![
        file("shp", shapes.into_inner()),
        file("shx", index.into_inner()),
        file("dbf", table),
        file("prj", wkt.as_bytes().to_vec()),
        file("cpg", b"UTF-8".to_vec()),
    ])
}

fn hundredths(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

fn polygon(site: &Site, building: &Building) -> Polygon {
    let rings = footprint(building)
        .into_iter()
        .flatten()
        .map(|ring| {
            let points: Vec<Point> = ring
                .iter()
                .map(|p| {
                    let at = zoned(to_county(site.south_west, *p));
                    // Millimetres, as surveyors write.
                    Point::new((at.x * 1000.0).round() / 1000.0, (at.y * 1000.0).round() / 1000.0)
                })
                .collect();
            let area: f64 = (0..points.len())
                .map(|i| {
                    let (a, b) = (&points[i], &points[(i + 1) % points.len()]);
                    (a.x - points[0].x) * (b.y - points[0].y) - (b.x - points[0].x) * (a.y - points[0].y)
                })
                .sum();
            if area > 0.0 { PolygonRing::Outer(points) } else { PolygonRing::Inner(points) }
        })
        .collect();
    Polygon::with_rings(rings)
}

/// What a building is used for, as surveyors write it.
fn use_of(building: &Building) -> &'static str {
    use crate::county_sample::building::Kind;
    match building.kind {
        Kind::Shed => "附属用房",
        Kind::Hall => "宗祠",
        Kind::Committee => "村委会",
        Kind::School => "学校",
        Kind::Temple => "庙宇",
        _ => "住宅",
    }
}

/// What a building is built of, likewise.
fn structure_of(building: &Building) -> &'static str {
    match building.parts.first().map(|part| part.walls) {
        Some(WallLook::Earth) => "土木",
        Some(WallLook::Timber) => "木",
        Some(WallLook::Steel) => "钢",
        Some(WallLook::Brick) => "砖混",
        _ => "砼",
    }
}
