//! dBASE tables, as they lie beside Shapefiles.

use encoding_rs::Encoding;
use serde_json::Value;

use super::{VectorError, cursor::Budget};

const HEADER_BYTES: usize = 32;
const FIELD_BYTES: usize = 32;
const MAX_FIELDS: usize = 4_096;

/// The rows of a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<String>,
}

/// A row; `is_deleted` where it is marked so.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) is_deleted: bool,
    pub(super) properties: Vec<(String, Value)>,
}

struct Field {
    name: String,
    kind: u8,
    start: usize,
    length: usize,
}

/// Reads a table whose encoding may be said by the text of a `.cpg` file.
pub(super) fn read(bytes: &[u8], cpg: Option<&str>, budget: &mut Budget) -> Result<Table, VectorError> {
    let corrupt = |reason: &str| VectorError::Corrupt { format: "dBASE table", reason: reason.to_owned() };
    let word = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let count = bytes.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let (Some(count), Some(header), Some(width)) = (count, word(8), word(10)) else {
        return Err(corrupt("the header is cut short"));
    };
    let (count, header, width) = (count as usize, usize::from(header), usize::from(width));
    if width == 0 || header < HEADER_BYTES {
        return Err(corrupt("its rows or its header have no length"));
    }
    let mut notes = Vec::new();
    let body = bytes.get(header..).unwrap_or_default();
    let here = body.len() / width;
    if here < count {
        notes.push(format!("the table announces {count} rows and holds {here}"));
    }
    let rows = body.chunks_exact(width).take(count);
    let (encoding, note) = encoding(bytes, cpg, rows.clone());
    notes.extend(note);
    let fields = fields(bytes.get(..header.min(bytes.len())).unwrap_or_default(), width, encoding);
    let mut table = Vec::new();
    for row in rows {
        budget.take(width * 2 + fields.len() * 64)?;
        let properties = fields.iter().map(|field| {
            let cell = row.get(field.start..field.start + field.length).unwrap_or_default();
            (field.name.clone(), value(field.kind, cell, encoding))
        });
        table.push(Row { is_deleted: row.first() == Some(&b'*'), properties: properties.collect() });
    }
    Ok(Table { rows: table, notes })
}

fn fields(header: &[u8], width: usize, encoding: &'static Encoding) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut start = 1;
    for entry in header.get(HEADER_BYTES..).unwrap_or_default().chunks_exact(FIELD_BYTES).take(MAX_FIELDS) {
        let (Some(name), Some(&kind), Some(&length), Some(&more)) =
            (entry.get(..11), entry.get(11), entry.get(16), entry.get(17))
        else {
            break;
        };
        if name.first() == Some(&0x0d) {
            break;
        }
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        // Texts may be longer than a byte can say.
        let length = usize::from(length) + if kind == b'C' { usize::from(more) << 8 } else { 0 };
        if start + length > width {
            break;
        }
        let name = encoding.decode_without_bom_handling(name).0.trim().to_owned();
        fields.push(Field { name, kind, start, length });
        start += length;
    }
    fields
}

fn value(kind: u8, cell: &[u8], encoding: &'static Encoding) -> Value {
    let little = |bytes: &[u8]| -> Option<[u8; 8]> { bytes.try_into().ok() };
    match kind {
        b'I' => cell.try_into().map_or(Value::Null, |b| i32::from_le_bytes(b).into()),
        b'B' | b'O' if cell.len() == 8 => little(cell)
            .map(f64::from_le_bytes)
            .and_then(serde_json::Number::from_f64)
            .map_or(Value::Null, Value::Number),
        _ => {
            let text = encoding.decode_without_bom_handling(cell).0;
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            match kind {
                _ if text.is_empty() || text.bytes().all(|b| b == b'*') => Value::Null,
                b'N' | b'F' => number(text).unwrap_or_else(|| text.into()),
                b'L' => match text {
                    "T" | "t" | "Y" | "y" => true.into(),
                    "F" | "f" | "N" | "n" => false.into(),
                    _ => Value::Null,
                },
                b'D' if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) => {
                    format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]).into()
                }
                _ => text.into(),
            }
        }
    }
}

/// A whole or real number.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
}

/// The encoding: as said beside the table, else in its header, else what its texts are valid in.
fn encoding<'a>(
    bytes: &[u8],
    cpg: Option<&str>,
    mut rows: impl Iterator<Item = &'a [u8]>,
) -> (&'static Encoding, Option<String>) {
    let by_label = cpg.and_then(|text| label(text.trim().trim_start_matches('\u{feff}')));
    let by_header = match bytes.get(29) {
        Some(0x4d) => Some(encoding_rs::GB18030),
        Some(0x4f | 0x78) => Some(encoding_rs::BIG5),
        Some(0x4e | 0x79) => Some(encoding_rs::EUC_KR),
        Some(0x13 | 0x7b) => Some(encoding_rs::SHIFT_JIS),
        _ => None,
    };
    let is_utf8 = rows.all(|row| std::str::from_utf8(row).is_ok());
    match by_label.or(by_header) {
        Some(said) if said == encoding_rs::UTF_8 && !is_utf8 => (
            encoding_rs::GB18030,
            Some("the .cpg file says UTF-8, but the table is not valid in it: read as GB 18030".to_owned()),
        ),
        Some(said) => (said, None),
        None if is_utf8 => (encoding_rs::UTF_8, None),
        None => (encoding_rs::GB18030, Some("no encoding is said: read as GB 18030".to_owned())),
    }
}

fn label(text: &str) -> Option<&'static Encoding> {
    let known = text.to_ascii_lowercase();
    let digits = known.trim_start_matches(|c: char| !c.is_ascii_digit());
    match digits {
        "936" | "54936" | "18030" | "2312" => Some(encoding_rs::GB18030),
        "65001" => Some(encoding_rs::UTF_8),
        "950" => Some(encoding_rs::BIG5),
        _ => Encoding::for_label(known.as_bytes())
            .map(|found| if found == encoding_rs::GBK { encoding_rs::GB18030 } else { found }),
    }
}
