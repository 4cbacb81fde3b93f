//! Shapefiles: geometry (`.shp`), table (`.dbf`), coordinate system (`.prj`), encoding (`.cpg`).

use std::path::{Path, PathBuf};

use super::{
    Geometry, Issue, Raw, RawFeature, Shape, VectorError, bytes_of,
    cursor::{Budget, Cursor},
    dbf,
    geometry::polygons_of_rings,
    text_of,
    wkb::merged,
};

const HEADER_BYTES: usize = 100;
const MAGIC: [u8; 4] = 9994_u32.to_be_bytes();

/// Reads a Shapefile and what lies beside it, in upper or lower case.
pub(super) fn read(path: &Path) -> Result<Raw, VectorError> {
    let beside = |extension: &str| -> Result<Option<Vec<u8>>, VectorError> {
        let names = [extension.to_owned(), extension.to_uppercase()];
        let found = names.iter().map(|e| path.with_extension(e)).find(|file: &PathBuf| file.is_file());
        found.map(|file| bytes_of(&file)).transpose()
    };
    let [dbf, prj, cpg] = ["dbf", "prj", "cpg"].map(beside);
    let (dbf, prj, cpg) = (dbf?, prj?, cpg?);
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| text_of(bytes).0.into_owned());
    let bytes = bytes_of(path)?;
    let mut raw = read_parts(&bytes, dbf.as_deref(), text(&prj).as_deref(), text(&cpg).as_deref())?;
    if dbf.is_none() {
        raw.notes.push("there is no .dbf file beside it: its features have no properties".to_owned());
    }
    if prj.is_none() {
        raw.notes.push("there is no .prj file beside it".to_owned());
    }
    Ok(raw)
}

/// Reads the parts of a Shapefile; an empty geometry with a table gives rows without a place.
pub(super) fn read_parts(
    bytes: &[u8],
    table: Option<&[u8]>,
    prj: Option<&str>,
    cpg: Option<&str>,
) -> Result<Raw, VectorError> {
    let mut budget = Budget::new();
    let mut raw = Raw { crs: prj.map(str::to_owned), ..Raw::default() };
    let shapes = if bytes.is_empty() && table.is_some() {
        Vec::new()
    } else {
        shapes(bytes, &mut budget, &mut raw.issues)?
    };
    let table = match table.map(|bytes| dbf::read(bytes, cpg, &mut budget)).transpose() {
        Ok(table) => table,
        Err(VectorError::Corrupt { reason, .. }) => {
            raw.notes.push(format!("the .dbf file cannot be read ({reason}): features have no properties"));
            None
        }
        Err(other) => return Err(other),
    };
    let mut rows = Vec::new();
    if let Some(table) = table {
        raw.notes.extend(table.notes);
        if !shapes.is_empty() && table.rows.len() != shapes.len() {
            raw.notes.push(format!("{} shapes, but {} rows in the table", shapes.len(), table.rows.len()));
        }
        rows = table.rows;
    }
    let count = shapes.len().max(rows.len());
    let (mut shapes, mut rows) = (shapes.into_iter(), rows.into_iter());
    let mut deleted = 0_usize;
    for number in 1..=count as u64 {
        let (shape, row) = (shapes.next().flatten(), rows.next());
        if row.as_ref().is_some_and(|row| row.is_deleted) {
            deleted += 1;
            continue;
        }
        let properties = row.map(|row| row.properties).unwrap_or_default();
        raw.features.push(RawFeature { number, shape, properties, ..RawFeature::default() });
    }
    if deleted > 0 {
        raw.notes.push(format!("{deleted} rows are marked as deleted and were left out"));
    }
    Ok(raw)
}

type Found = Option<Result<Shape, String>>;

fn shapes(bytes: &[u8], budget: &mut Budget, issues: &mut Vec<Issue>) -> Result<Vec<Found>, VectorError> {
    let corrupt = |reason: &str| VectorError::Corrupt { format: "Shapefile", reason: reason.to_owned() };
    if bytes.get(..4) != Some(&MAGIC) {
        return Err(corrupt("it does not begin like one"));
    }
    let mut cursor = Cursor::little(bytes);
    cursor.take(HEADER_BYTES).ok_or_else(|| corrupt("the header is cut short"))?;
    let mut found = Vec::new();
    while cursor.left() > 0 {
        let at = cursor.at();
        cursor.set_little(false);
        let length = cursor.u32().and(cursor.u32()).and_then(|words| (words as usize).checked_mul(2));
        cursor.set_little(true);
        let Some(record) = length.and_then(|length| cursor.take(length)) else {
            issues.push(Issue {
                number: found.len() as u64 + 1,
                line: None,
                reason: format!("the file is cut or broken at byte {at}: nothing from there on was read"),
                refused: true,
            });
            break;
        };
        budget.take(record.len() + 128)?;
        found.push(shape(record).transpose());
    }
    Ok(found)
}

fn shape(record: &[u8]) -> Result<Option<Shape>, String> {
    const CUT: &str = "its record is shorter than what it announces";
    let mut cursor = Cursor::little(record);
    let kind = cursor.u32().ok_or(CUT)?;
    let has_z = matches!(kind, 11 | 13 | 15 | 18);
    let (geometry, count) = match kind {
        0 => return Ok(None),
        1 | 11 | 21 => (Geometry::Points(cursor.positions(1).ok_or(CUT)?), 1),
        8 | 18 | 28 => {
            cursor.take(32).ok_or(CUT)?;
            let count = cursor.count(16).ok_or(CUT)?;
            (Geometry::Points(cursor.positions(count).ok_or(CUT)?), count)
        }
        3 | 13 | 23 | 5 | 15 | 25 => {
            cursor.take(32).ok_or(CUT)?;
            let parts = cursor.count(0).ok_or(CUT)?;
            let count = cursor.u32().ok_or(CUT)? as usize;
            if parts.saturating_mul(4).saturating_add(count.saturating_mul(16)) > cursor.left() {
                return Err(CUT.to_owned());
            }
            let starts: Option<Vec<usize>> = (0..parts).map(|_| Some(cursor.u32()? as usize)).collect();
            let starts = starts.ok_or(CUT)?;
            let points = cursor.positions(count).ok_or(CUT)?;
            let ends = starts.iter().skip(1).copied().chain([count]);
            let lists: Option<Vec<Vec<_>>> = starts
                .iter()
                .zip(ends)
                .map(|(start, end)| points.get(*start..end).map(<[_]>::to_vec))
                .collect();
            let lists = lists.ok_or("its parts do not follow one another")?;
            let geometry = if matches!(kind, 3 | 13 | 23) {
                Geometry::Lines(lists)
            } else {
                Geometry::Polygons(polygons_of_rings(lists))
            };
            (geometry, count)
        }
        other => return Err(format!("shapes of kind {other} are not read")),
    };
    let mut z = None;
    if has_z {
        if kind != 11 {
            cursor.take(16);
        }
        for _ in 0..count {
            let Some(value) = cursor.f64() else { break };
            // Below this a number means "none".
            if value.is_finite() && value > -1e38 {
                z = merged(z, Some([value, value]));
            }
        }
    }
    Ok((!geometry.is_empty()).then_some(Shape { geometry, z }))
}
