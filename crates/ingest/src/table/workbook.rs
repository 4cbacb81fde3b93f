//! Excel workbooks: `.xlsx` cell by cell, the old `.xls` as a whole.

use std::io::{self, Cursor, Read};

use calamine::{Data, DataRef, Reader, Xls, Xlsx};

use super::{MAX_COLUMNS, MAX_UNPACKED_BYTES, Row, Sheet, TableError, TableNote};

/// Most bytes of an old workbook: it is held in memory several times over.
const MAX_OLD_BYTES: u64 = 128 << 20;
/// Text of one cell is cut here: an address is not longer.
const MAX_CELL_BYTES: usize = 16 << 10;

fn broken(error: impl std::fmt::Display) -> TableError {
    TableError::Workbook(error.to_string())
}

pub(super) fn read_zipped(bytes: &[u8]) -> Result<Vec<Sheet>, TableError> {
    check_unpacked(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let mut left = MAX_UNPACKED_BYTES;
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        let mut reader = match book.worksheet_cells_reader(&name) {
            Ok(reader) => reader,
            // Charts and macro sheets hold no cells.
            Err(calamine::XlsxError::WorksheetNotFound(_)) => continue,
            Err(error) => return Err(broken(error)),
        };
        let mut rows = Rows::new(name);
        while let Some(cell) = reader.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            let text = match cell.get_value() {
                DataRef::Empty => continue,
                DataRef::SharedString(text) => (*text).to_owned(),
                other => text_of(&Data::from(other.clone())),
            };
            rows.put(row, column, text, &mut left)?;
        }
        sheets.push(rows.finish());
    }
    Ok(sheets)
}

pub(super) fn read_old(bytes: &[u8]) -> Result<Vec<Sheet>, TableError> {
    if bytes.len() as u64 > MAX_OLD_BYTES {
        return Err(TableError::TooLarge {
            what: "the old workbook".into(),
            found: bytes.len() as u64,
            unit: "bytes",
            max: MAX_OLD_BYTES,
        });
    }
    let mut book: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(broken)?;
    let mut left = MAX_UNPACKED_BYTES;
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).map_err(broken)?;
        let (top, first) = range.start().unwrap_or_default();
        let mut rows = Rows::new(name);
        for (row, column, value) in range.used_cells() {
            rows.put(top + row as u32, first + column as u32, text_of(value), &mut left)?;
        }
        sheets.push(rows.finish());
    }
    Ok(sheets)
}

/// Unpacks every part into nothing and counts: a part may claim any size, or none.
fn check_unpacked(bytes: &[u8]) -> Result<(), TableError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut total = 0;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(broken)?;
        total += io::copy(&mut part.take(MAX_UNPACKED_BYTES + 1 - total), &mut io::sink()).map_err(broken)?;
        if total > MAX_UNPACKED_BYTES {
            return Err(TableError::TooLarge {
                what: "the unpacked workbook".into(),
                found: total,
                unit: "bytes or more",
                max: MAX_UNPACKED_BYTES,
            });
        }
    }
    Ok(())
}

/// Numbers as people wrote them: no exponent, no trailing zeros, codes of 12 and 15 digits whole.
fn text_of(value: &Data) -> String {
    match value {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{}", *number as i64),
        Data::Float(number) => number.to_string(),
        Data::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::Error(_) | Data::Empty => String::new(),
        other => other.to_string(),
    }
}

/// Cells come in the order of rows; what a wild index skips takes no memory.
struct Rows {
    sheet: Sheet,
    current: Option<u32>,
    cells: Vec<String>,
    cut: bool,
}

impl Rows {
    fn new(name: String) -> Self {
        let sheet = Sheet { name, head: Vec::new(), head_line: 0, rows: Vec::new(), notes: Vec::new() };
        Self { sheet, current: None, cells: Vec::new(), cut: false }
    }

    fn put(&mut self, row: u32, column: u32, mut text: String, left: &mut u64) -> Result<(), TableError> {
        if self.current != Some(row) {
            self.end_row();
            self.current = Some(row);
        }
        let column = column as usize;
        if column >= MAX_COLUMNS {
            if !std::mem::replace(&mut self.cut, true) {
                let text = format!("more than {MAX_COLUMNS} columns: the rest is left out");
                self.sheet.notes.push(TableNote { line: row as usize + 1, text });
            }
            return Ok(());
        }
        let mut end = text.len().min(MAX_CELL_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        let bytes = text.len() as u64 + 64;
        *left = left.checked_sub(bytes).ok_or_else(|| TableError::TooLarge {
            what: format!("sheet {:?}", self.sheet.name),
            found: MAX_UNPACKED_BYTES,
            unit: "bytes of cells or more",
            max: MAX_UNPACKED_BYTES,
        })?;
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = text;
        }
        Ok(())
    }

    fn end_row(&mut self) {
        if let Some(row) = self.current.take() {
            let cells = self.cells.drain(..).collect::<Vec<_>>();
            self.sheet.rows.push(Row::new(row as usize + 1, cells.iter().map(String::as_str)));
        }
    }

    fn finish(mut self) -> Sheet {
        self.end_row();
        self.sheet
    }
}
