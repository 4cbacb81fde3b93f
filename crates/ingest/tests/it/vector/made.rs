//! Vector files made by other people's writers, or by hand where nobody writes them.

use std::{collections::BTreeMap, io::Write, path::Path};

use flatgeobuf::{
    ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType,
    geozero::{ColumnValue, GeomProcessor, GeozeroGeometry, PropertyProcessor, error::Result},
};
use ingest::county_sample::{CountyOptions, Detail, write};

/// A square house of 10 m by about 11 m, degrees.
pub(crate) fn house(lon: f64, lat: f64) -> Vec<[f64; 2]> {
    let d = 0.0001;
    vec![[lon, lat], [lon + d, lat], [lon + d, lat + d], [lon, lat + d], [lon, lat]]
}

/// Files of the made-up county.
pub(crate) fn county(villages: u32) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let options = CountyOptions { villages, seed: 7, detail: Detail::Tiny };
    write(&options, &mut |path, bytes| {
        files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    })
    .unwrap();
    files
}

/// Writes files below a folder.
pub(crate) fn put(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

struct Rings(Vec<Vec<[f64; 2]>>);

impl GeozeroGeometry for Rings {
    fn process_geom<P: GeomProcessor>(&self, out: &mut P) -> Result<()> {
        out.polygon_begin(true, self.0.len(), 0)?;
        for (number, ring) in self.0.iter().enumerate() {
            out.linestring_begin(false, ring.len(), number)?;
            for (index, p) in ring.iter().enumerate() {
                out.xy(p[0], p[1], index)?;
            }
            out.linestring_end(false, number)?;
        }
        out.polygon_end(true, 0)
    }
}

/// FlatGeobuf by its own library: `count` houses in a row, with a name and a number of floors.
pub(crate) fn flat_geobuf(count: usize, promote_to_multi: bool, write_index: bool) -> Vec<u8> {
    let options = FgbWriterOptions {
        promote_to_multi,
        write_index,
        crs: FgbCrs { code: 4326, ..FgbCrs::default() },
        ..FgbWriterOptions::default()
    };
    let kind = if promote_to_multi { GeometryType::MultiPolygon } else { GeometryType::Polygon };
    let mut out = FgbWriter::create_with_options("houses", kind, options).unwrap();
    out.add_column("name", ColumnType::String, |_, _| {});
    out.add_column("floors", ColumnType::Int, |_, _| {});
    out.add_column("height", ColumnType::Double, |_, _| {});
    for index in 0..count {
        let rings = Rings(vec![house(119.9 + index as f64 * 0.001, 27.2)]);
        out.add_feature_geom(rings, |feature| {
            feature.property(0, "name", &ColumnValue::String(&format!("房{index}"))).unwrap();
            feature.property(1, "floors", &ColumnValue::Int(index as i32)).unwrap();
            feature.property(2, "height", &ColumnValue::Double(3.5)).unwrap();
        })
        .unwrap();
    }
    let mut bytes = Vec::new();
    out.write(&mut bytes).unwrap();
    bytes
}

/// A GeoPackage with one table of houses.
pub(crate) fn geo_package(path: &Path, count: usize) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
             organization_coordsys_id INTEGER, definition TEXT, description TEXT);
         INSERT INTO gpkg_spatial_ref_sys VALUES ('CGCS2000 / 3-degree Gauss-Kruger CM 120E', 4549, 'EPSG', 4549, '', '');
         CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER,
             z INTEGER, m INTEGER);
         INSERT INTO gpkg_geometry_columns VALUES ('房屋', 'geom', 'POLYGON', 4549, 0, 0);
         CREATE TABLE \"房屋\" (fid INTEGER PRIMARY KEY, geom BLOB, 名称 TEXT, 高度 REAL);",
    )
    .unwrap();
    for index in 0..count {
        let east = 490_000.0 + index as f64 * 20.0;
        let mut blob = b"GP\0\x01".to_vec();
        blob.extend(4549_i32.to_le_bytes());
        blob.push(1);
        for word in [3_u32, 1, 5] {
            blob.extend(word.to_le_bytes());
        }
        for (x, y) in [(0.0_f64, 0.0_f64), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0), (0.0, 0.0)] {
            blob.extend((east + x).to_le_bytes());
            blob.extend((3_010_000.0 + y).to_le_bytes());
        }
        db.execute(
            "INSERT INTO \"房屋\" (geom, 名称, 高度) VALUES (?1, ?2, ?3)",
            (blob, format!("房{index}"), 6.5),
        )
        .unwrap();
    }
}

/// A dBASE table with one text column, in any encoding.
pub(crate) fn dbf(column: &[u8], rows: &[&[u8]], language: u8) -> Vec<u8> {
    let width = 40;
    let mut bytes = vec![3, 126, 1, 1];
    bytes.extend((rows.len() as u32).to_le_bytes());
    bytes.extend((32_u16 + 32 + 1).to_le_bytes());
    bytes.extend((width as u16 + 1).to_le_bytes());
    bytes.resize(32, 0);
    bytes[29] = language;
    let mut field = column.to_vec();
    field.resize(11, 0);
    field.push(b'C');
    field.resize(16, 0);
    field.push(width as u8);
    field.resize(32, 0);
    bytes.extend(field);
    bytes.push(0x0d);
    for row in rows {
        bytes.push(b' ');
        let mut cell = row.to_vec();
        cell.resize(width, b' ');
        bytes.extend(cell);
    }
    bytes
}

/// An OpenStreetMap file: one block packed with zlib, one raw; a road, a house, a house with a yard as a relation, a shop.
pub(crate) fn osm() -> Vec<u8> {
    let mut strings: Vec<&str> = vec![""];
    let mut index = |text: &'static str| {
        strings.iter().position(|s| *s == text).unwrap_or_else(|| {
            strings.push(text);
            strings.len() - 1
        }) as u64
    };
    let [highway, residential, name, street, building, yes, kind, multipolygon, shop, bakery, baker] = [
        "highway",
        "residential",
        "name",
        "溪坪街",
        "building",
        "yes",
        "type",
        "multipolygon",
        "shop",
        "bakery",
        "饼店",
    ]
    .map(&mut index);
    let places: [(i64, f64, f64); 12] = [
        (1, 119.9, 27.2),
        (2, 119.901, 27.2),
        (3, 119.901, 27.201),
        (4, 119.9, 27.201),
        (5, 119.91, 27.2),
        (6, 119.912, 27.2),
        (7, 119.912, 27.202),
        (8, 119.91, 27.202),
        (9, 119.9105, 27.2005),
        (10, 119.9115, 27.2005),
        (11, 119.911, 27.2015),
        (12, 119.92, 27.2),
    ];
    let delta = |values: Vec<i64>| {
        let mut last = 0;
        packed(values.into_iter().map(|value| {
            let step = value - last;
            last = value;
            zigzag(step)
        }))
    };
    let scaled = |at: f64| (at * 1e7).round() as i64;
    let dense = [
        field(1, &delta(places.iter().map(|p| p.0).collect())),
        field(8, &delta(places.iter().map(|p| scaled(p.2)).collect())),
        field(9, &delta(places.iter().map(|p| scaled(p.1)).collect())),
        field(10, &packed((0..11).map(|_| 0).chain([shop, bakery, name, baker, 0]))),
    ]
    .concat();
    let way = |id: u64, tags: &[(u64, u64)], refs: &[i64]| {
        let message = [
            number(1, id),
            field(2, &packed(tags.iter().map(|t| t.0))),
            field(3, &packed(tags.iter().map(|t| t.1))),
            field(8, &delta(refs.to_vec())),
        ];
        field(3, &message.concat())
    };
    let relation = [
        number(1, 300),
        field(2, &packed([kind, building].into_iter())),
        field(3, &packed([multipolygon, yes].into_iter())),
        field(8, &packed([0, 0, 0].into_iter())),
        field(9, &delta(vec![102, 103, 104])),
        field(10, &packed([1, 1, 1].into_iter())),
    ]
    .concat();
    let group = |body: Vec<u8>| field(2, &body);
    let table: Vec<u8> = strings.iter().flat_map(|text| field(1, text.as_bytes())).collect();
    let first = [field(1, &table), group(field(2, &dense))].concat();
    let ways = [
        way(100, &[(highway, residential), (name, street)], &[1, 2, 5]),
        way(101, &[(building, yes)], &[1, 2, 3, 4, 1]),
        way(102, &[], &[5, 6, 7]),
        way(103, &[], &[5, 8, 7]),
        way(104, &[], &[9, 10, 11, 9]),
        // One whose nodes were cut off.
        way(105, &[(highway, residential)], &[1, 999]),
    ]
    .concat();
    let second = [field(1, &table), group(ways), group(field(4, &relation))].concat();
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&first).unwrap();
    let header = field(4, b"OsmSchema-V0.6");
    let packed_blob = [number(2, first.len() as u64), field(3, &packer.finish().unwrap())].concat();
    [
        block("OSMHeader", &field(1, &header)),
        block("OSMData", &packed_blob),
        block("OSMData", &field(1, &second)),
    ]
    .concat()
}

fn block(kind: &str, blob: &[u8]) -> Vec<u8> {
    let header = [field(1, kind.as_bytes()), number(3, blob.len() as u64)].concat();
    [(header.len() as u32).to_be_bytes().as_slice(), &header, blob].concat()
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn packed(values: impl Iterator<Item = u64>) -> Vec<u8> {
    values.flat_map(varint).collect()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}
