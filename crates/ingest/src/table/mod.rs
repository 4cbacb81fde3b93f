//! Tables as they are delivered: CSV in any of the usual encodings, and Excel workbooks.
//!
//! [`read`] gives rows of text with the line they came from; nothing is interpreted. What the columns mean is guessed by
//! [`columns`] and can be overruled.

pub mod columns;
mod delimited;
mod workbook;

use csv::StringRecord;

pub use columns::{ColumnGuess, Columns, Field};

/// Most bytes of a file that is read as a table.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// Most bytes that a workbook may unpack to, and most bytes of cells in a table.
pub const MAX_UNPACKED_BYTES: u64 = 2 << 30;
/// Most columns.
pub const MAX_COLUMNS: usize = 1_024;
/// The head of a table is looked for in so many rows: titles and remarks may stand above it.
const HEAD_ROWS: usize = 12;

/// One sheet of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Name of the sheet; empty in a text file.
    pub name: String,
    /// What the columns are called; empty where the table has no head.
    pub head: Vec<String>,
    /// Line (text files) or row (workbooks) of the head, from 1; 0 without one.
    pub head_line: usize,
    /// Rows below the head, none of them empty.
    pub rows: Vec<Row>,
    /// What was noticed while reading: encodings, rows cut short.
    pub notes: Vec<TableNote>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line (text files: the first line of the row) or row (workbooks), from 1.
    pub line: usize,
    cells: StringRecord,
}

impl Row {
    /// A row of cells.
    pub fn new<'a>(line: usize, cells: impl IntoIterator<Item = &'a str>) -> Self {
        Self { line, cells: cells.into_iter().collect() }
    }

    /// A cell without the space around it; empty beyond the end of the row.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).unwrap_or_default().trim()
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing is written in any cell.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    /// All cells as they stand.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }
}

/// Something worth telling about a table that was read nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNote {
    /// Line or row, from 1; 0 for the whole table.
    pub line: usize,
    /// What.
    pub text: String,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Nothing in it.
    #[error("the table is empty")]
    Empty,
    /// Neither text nor a workbook.
    #[error("neither text nor an Excel workbook: {0}")]
    Unknown(&'static str),
    /// More than is read.
    #[error("{what} has {found} {unit}; up to {max} are read")]
    TooLarge {
        /// What.
        what: String,
        /// How many.
        found: u64,
        /// Of what.
        unit: &'static str,
        /// Limit.
        max: u64,
    },
    /// A workbook that breaks its format.
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
}

/// Reads every sheet that has rows.
///
/// # Errors
/// Nothing in it, no table, too large, or a broken workbook. Single rows that are broken are notes, never errors.
pub fn read(bytes: &[u8]) -> Result<Vec<Sheet>, TableError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(TableError::TooLarge {
            what: "the file".into(),
            found: bytes.len() as u64,
            unit: "bytes",
            max: MAX_FILE_BYTES,
        });
    }
    let sheets = match bytes {
        [] => return Err(TableError::Empty),
        [b'P', b'K', 3 | 5, ..] => workbook::read_zipped(bytes)?,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => workbook::read_old(bytes)?,
        _ => vec![delimited::read(bytes)?],
    };
    let sheets: Vec<Sheet> = sheets.into_iter().map(with_head).filter(|s| !s.rows.is_empty()).collect();
    if sheets.is_empty() { Err(TableError::Empty) } else { Ok(sheets) }
}

/// Takes the head off the rows: the row among the first in which most cells are known names of columns.
fn with_head(mut sheet: Sheet) -> Sheet {
    sheet.rows.retain(|row| !row.is_empty());
    let known = |row: &Row| row.cells().filter(|cell| columns::field_of_name(cell).is_some()).count();
    let best =
        sheet.rows.iter().take(HEAD_ROWS).map(known).enumerate().max_by_key(|(i, n)| (*n, usize::MAX - i));
    // One known word may be a value by chance: two, or one that fills the row, make a head.
    if let Some((index, count)) = best
        && (count >= 2 || count == 1 && sheet.rows.get(index).is_some_and(|row| row.len() == 1))
    {
        let head = sheet.rows.remove(index);
        let above = sheet.rows.drain(..index).count();
        if above > 0 {
            let text = format!("{above} rows above the head are taken for a title");
            sheet.notes.push(TableNote { line: head.line, text });
        }
        sheet.head_line = head.line;
        sheet.head = head.cells().map(|cell| cell.trim().to_owned()).collect();
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_above_the_head_is_no_row() {
        let text = "柘荣县标准地址表,,\n\n编号,标准地址,备注\n1,溪坪街12号,x\n\n2,溪坪街14号,\n";
        let sheets = read(text.as_bytes()).unwrap();
        let [sheet] = sheets.as_slice() else { panic!("{sheets:?}") };
        assert_eq!((sheet.head_line, sheet.head.len()), (3, 3));
        let rows: Vec<(usize, &str)> = sheet.rows.iter().map(|row| (row.line, row.cell(1))).collect();
        assert_eq!(rows, [(4, "溪坪街12号"), (6, "溪坪街14号")]);
        assert_eq!(sheet.notes.len(), 1);
    }

    #[test]
    fn a_table_without_a_head_keeps_its_first_row() {
        let sheets = read("350926100003,溪坪社区\n350926100004,上城社区\n".as_bytes()).unwrap();
        assert_eq!((sheets[0].head_line, sheets[0].rows.len()), (0, 2));
    }

    #[test]
    fn what_is_no_table_is_said_to_be_none() {
        assert!(matches!(read(b""), Err(TableError::Empty)));
        assert!(matches!(read(b"\n \n,,\n"), Err(TableError::Empty)));
        assert!(matches!(read(&[0, 1, 2, 3, 0, 0]), Err(TableError::Unknown(_))));
        assert!(matches!(read(b"PK\x03\x04 no zip"), Err(TableError::Workbook(_))));
        assert!(matches!(read(b"\xd0\xcf\x11\xe0 no workbook"), Err(TableError::Workbook(_))));
    }
}
