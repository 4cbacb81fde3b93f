//! Tables (CSV, Excel) whose rows have a position, or only a code.

use serde_json::Value;

use super::{Geometry, Raw, RawFeature, Shape, VectorError};
use crate::{
    addresses::datum_of,
    table::{self, Columns, Field, Row, Sheet},
};
use address_index::model::Datum;

/// Reads every sheet.
pub(super) fn read(bytes: &[u8]) -> Result<Raw, VectorError> {
    let mut raw = Raw::default();
    for sheet in table::read(bytes)? {
        let columns = Columns::guess(&sheet);
        let named = |note: &str| {
            if sheet.name.is_empty() { note.to_owned() } else { format!("{}: {note}", sheet.name) }
        };
        raw.notes.extend(sheet.notes.iter().map(|note| named(&note.text)));
        if sheet.head.is_empty() {
            raw.notes.push(named("the table has no head: its columns are named by their numbers"));
        }
        for row in &sheet.rows {
            let number = raw.features.len() as u64 + 1;
            raw.features.push(RawFeature {
                number,
                line: Some(row.line as u64),
                shape: position(&columns, row).transpose(),
                properties: properties(&sheet, row),
                id: None,
            });
        }
    }
    Ok(raw)
}

fn properties(sheet: &Sheet, row: &Row) -> Vec<(String, Value)> {
    let name = |index: usize| match sheet.head.get(index) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("{}", index + 1),
    };
    (0..row.len())
        .map(|index| {
            let text = row.cell(index);
            (name(index), if text.is_empty() { Value::Null } else { text.into() })
        })
        .collect()
}

/// The position of a row, in WGS 84 where the row says that it is in something else.
fn position(columns: &Columns, row: &Row) -> Result<Option<Shape>, String> {
    let texts = [Field::X, Field::Y].map(|field| columns.text(row, field));
    if texts.iter().all(|text| text.is_empty()) {
        return Ok(None);
    }
    let numbers = texts.map(|text| text.parse::<f64>().ok().filter(|n| n.is_finite()));
    let [Some(x), Some(y)] = numbers else {
        return Err(format!("its position is no pair of numbers: {:?}, {:?}", texts[0], texts[1]));
    };
    let at = match datum_of(columns.text(row, Field::Datum)) {
        Some(Datum::Gcj02) => geodesy::gcj02::wgs84_from_gcj02([x, y]),
        Some(Datum::Bd09) => geodesy::gcj02::wgs84_from_bd09([x, y]),
        _ => [x, y],
    };
    Ok(Some(Shape { geometry: Geometry::Points(vec![at]), z: None }))
}
