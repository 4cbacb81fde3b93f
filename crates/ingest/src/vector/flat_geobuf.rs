//! FlatGeobuf, version 3: header, index (stepped over), features.

use serde_json::{Number, Value};

use super::{
    Geometry, Issue, Raw, RawFeature, Shape, VectorError,
    cursor::{Budget, Cursor},
    flat_buffer::Table,
    geometry::Position,
    wkb::merged,
};

const MAGIC: [u8; 7] = *b"fgb\x03fgb";
/// Longer headers are refused.
const MAX_HEADER_BYTES: usize = 64 << 20;
/// A node of the index: a box and an offset.
const NODE_BYTES: u64 = 40;
const MAX_DEPTH: usize = 4;

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Raw, VectorError> {
    let corrupt = |reason: &str| VectorError::Corrupt { format: "FlatGeobuf", reason: reason.to_owned() };
    let mut cursor = Cursor::little(bytes);
    if cursor.take(8).and_then(|magic| magic.get(..7)) != Some(&MAGIC) {
        return Err(corrupt("it does not begin like version 3"));
    }
    let header = cursor.count(1).filter(|length| *length <= MAX_HEADER_BYTES);
    let header = header.and_then(|length| cursor.take(length)).and_then(Table::root);
    let header = header.ok_or_else(|| corrupt("the header is cut short or too long"))?;
    let columns = columns(&header, 7);
    let kind = header.unsigned(2, 1).unwrap_or(0);
    let has_z = header.unsigned(3, 1).unwrap_or(0) != 0;
    let count = header.unsigned(8, 8).unwrap_or(0);
    let node_size = header.unsigned(9, 2).unwrap_or(16);
    let index = index_bytes(count, node_size).and_then(|bytes| usize::try_from(bytes).ok());
    index
        .and_then(|length| cursor.take(length))
        .ok_or_else(|| corrupt("the index is longer than the file"))?;
    let mut raw = Raw { crs: header.table(10).and_then(|crs| crs_of(&crs)), ..Raw::default() };
    raw.is_degrees = raw.crs.is_none() && header.table(10).is_some_and(|crs| is_degrees(&crs));
    let mut budget = Budget::new();
    while cursor.left() > 0 {
        let at = cursor.at();
        let number = raw.features.len() as u64 + 1;
        let feature = cursor.count(1).and_then(|length| cursor.take(length));
        let Some(feature) = feature else {
            raw.issues.push(Issue {
                number,
                line: None,
                reason: format!("the file is cut or broken at byte {at}: nothing from there on was read"),
                refused: true,
            });
            break;
        };
        budget.take(256 + feature.len() * 2 + columns.len() * 48)?;
        raw.features.push(read_feature(number, feature, &columns, (kind, has_z)));
    }
    if count > 0 && count != raw.features.len() as u64 {
        raw.notes.push(format!("the file announces {count} features and holds {}", raw.features.len()));
    }
    Ok(raw)
}

/// Length of the index: a packed tree over so many features.
fn index_bytes(count: u64, node_size: u64) -> Option<u64> {
    if node_size < 2 || count == 0 {
        return Some(0);
    }
    let (mut level, mut nodes) = (count, count);
    // A single feature has a node above it too.
    loop {
        level = level.div_ceil(node_size);
        nodes = nodes.checked_add(level)?;
        if level == 1 {
            return nodes.checked_mul(NODE_BYTES);
        }
    }
}

type Column = (String, u64);

fn columns(table: &Table<'_>, field: usize) -> Vec<Column> {
    let columns = table.tables(field).into_iter().map(|column| {
        let column = column?;
        Some((column.text(0)?, column.unsigned(1, 1).unwrap_or(0)))
    });
    columns.map(Option::unwrap_or_default).collect()
}

fn code_of(crs: &Table<'_>) -> Option<i32> {
    crs.unsigned(1, 4).map(|code| code as u32 as i32).filter(|code| *code > 0)
}

fn is_degrees(crs: &Table<'_>) -> bool {
    matches!(code_of(crs), Some(4326 | 4490))
}

fn crs_of(crs: &Table<'_>) -> Option<String> {
    if is_degrees(crs) {
        return None;
    }
    let org = crs.text(0).unwrap_or_else(|| "EPSG".to_owned());
    let by_code = code_of(crs).map(|code| format!("{org}:{code}"));
    by_code.or_else(|| crs.text(4)).filter(|text| !text.is_empty())
}

fn read_feature(number: u64, bytes: &[u8], columns: &[Column], (kind, has_z): (u64, bool)) -> RawFeature {
    let mut feature = RawFeature { number, ..RawFeature::default() };
    let Some(table) = Table::root(bytes) else {
        feature.shape = Some(Err("the feature is broken".to_owned()));
        return feature;
    };
    let own = self::columns(&table, 2);
    let columns = if own.is_empty() { columns } else { &own };
    if let Some(geometry) = table.table(0) {
        let mut z = None;
        let shape = geometry_of(&geometry, kind, has_z, &mut z, 0);
        feature.shape = shape.map(|geometry| geometry.map(|geometry| Shape { geometry, z })).transpose();
    }
    match properties(table.vector(1, 1).unwrap_or_default(), columns) {
        Some(found) => feature.properties = found,
        None => feature.shape = Some(Err("its properties are broken".to_owned())),
    }
    feature
}

fn properties(bytes: &[u8], columns: &[Column]) -> Option<Vec<(String, Value)>> {
    let mut cursor = Cursor::little(bytes);
    let mut found = Vec::new();
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b));
    let real = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    while cursor.left() > 0 {
        let (name, kind) = columns.get(number(cursor.take(2)?) as usize)?;
        let value = match kind {
            0 => (number(cursor.take(1)?) as u8 as i8).into(),
            1 => number(cursor.take(1)?).into(),
            2 => (number(cursor.take(1)?) != 0).into(),
            3 => (number(cursor.take(2)?) as u16 as i16).into(),
            4 => number(cursor.take(2)?).into(),
            5 => (number(cursor.take(4)?) as u32 as i32).into(),
            6 => number(cursor.take(4)?).into(),
            7 => (number(cursor.take(8)?) as i64).into(),
            8 => number(cursor.take(8)?).into(),
            9 => real(f64::from(f32::from_bits(number(cursor.take(4)?) as u32))),
            10 => real(f64::from_bits(number(cursor.take(8)?))),
            11..=13 => {
                let length = cursor.count(1)?;
                String::from_utf8_lossy(cursor.take(length)?).into_owned().into()
            }
            14 => {
                let length = cursor.count(1)?;
                cursor.take(length)?;
                Value::Null
            }
            _ => return None,
        };
        found.push((name.clone(), value));
    }
    Some(found)
}

/// A geometry; `None` if it is empty.
fn geometry_of(
    table: &Table<'_>,
    kind: u64,
    has_z: bool,
    z: &mut Option<[f64; 2]>,
    depth: usize,
) -> Result<Option<Geometry>, String> {
    let kind = match table.unsigned(6, 1) {
        Some(0) | None => kind,
        Some(own) => own,
    };
    let doubles = |bytes: &[u8]| -> Vec<f64> {
        bytes.chunks_exact(8).filter_map(|b| b.try_into().ok()).map(f64::from_le_bytes).collect()
    };
    let xy = doubles(table.vector(1, 8).unwrap_or_default());
    let points: Vec<Position> = xy.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).collect();
    if has_z {
        for height in doubles(table.vector(2, 8).unwrap_or_default()).into_iter().filter(|z| z.is_finite()) {
            *z = merged(*z, Some([height, height]));
        }
    }
    let ends: Vec<usize> = table
        .vector(0, 4)
        .unwrap_or_default()
        .chunks_exact(4)
        .filter_map(|b| b.try_into().ok())
        .map(|b| u32::from_le_bytes(b) as usize)
        .collect();
    let lists = || -> Result<Vec<Vec<Position>>, String> {
        if ends.is_empty() {
            return Ok(vec![points.clone()]);
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(&ends)
            .map(|(start, end)| points.get(start..*end).map(<[_]>::to_vec))
            .collect::<Option<_>>()
            .ok_or_else(|| "its parts do not follow one another".to_owned())
    };
    let geometry = match kind {
        1 | 4 => Geometry::Points(points),
        2 | 5 => Geometry::Lines(lists()?),
        3 => Geometry::Polygons(vec![lists()?]),
        6 => {
            if depth >= MAX_DEPTH {
                return Err("geometries are nested too deep".to_owned());
            }
            let mut polygons = Vec::new();
            for part in table.tables(7) {
                let part = part.ok_or("a part of the geometry is broken")?;
                match geometry_of(&part, 3, has_z, z, depth + 1)? {
                    Some(Geometry::Polygons(some)) => polygons.extend(some),
                    Some(_) => return Err("a part of an area is none".to_owned()),
                    None => {}
                }
            }
            Geometry::Polygons(polygons)
        }
        other => return Err(format!("geometries of kind {other} are not read")),
    };
    Ok((!geometry.is_empty()).then_some(geometry))
}
