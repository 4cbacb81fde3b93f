//! Text with separators: encodings and separators are found, not asked for.

use std::borrow::Cow;

use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};

use super::{MAX_COLUMNS, Row, Sheet, TableError, TableNote};

/// Separators that occur, in the order in which they are believed.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Rows looked at to find the separator.
const SAMPLE_LINES: usize = 50;
/// Notes kept of one kind.
const MAX_NOTES: usize = 20;

pub(super) fn read(bytes: &[u8]) -> Result<Sheet, TableError> {
    let (text, mut notes) = decode(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(&text))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut cut = 0;
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let line = record.position().map_or(0, |p| first_line(&text, p));
                if record.len() > MAX_COLUMNS {
                    record.truncate(MAX_COLUMNS);
                    cut += 1;
                    if cut <= MAX_NOTES {
                        let text = format!("more than {MAX_COLUMNS} columns: the rest is left out");
                        notes.push(TableNote { line, text });
                    }
                }
                rows.push(Row { line, cells: record.clone() });
            }
            // The text is valid UTF-8 and rows may differ in length: nothing else can go wrong in memory.
            Err(error) => return Err(TableError::Workbook(error.to_string())),
        }
    }
    Ok(Sheet { name: String::new(), head: Vec::new(), head_line: 0, rows, notes })
}

/// The line on which a record begins: the reader's position may lie before empty lines that it skips.
fn first_line(text: &str, position: &csv::Position) -> usize {
    let rest = text.as_bytes().get(position.byte() as usize..).unwrap_or_default();
    let skipped = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|&&b| b == b'\n').count();
    position.line() as usize + skipped
}

/// Text from UTF-8, UTF-16 (with its mark) or GB 18030; files glued together from both are decoded line by line.
fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<TableNote>), TableError> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => return Ok((UTF_16LE.decode_without_bom_handling(rest).0, Vec::new())),
        [0xfe, 0xff, rest @ ..] => return Ok((UTF_16BE.decode_without_bom_handling(rest).0, Vec::new())),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().take(4096).any(|&b| b == 0) {
        return Err(TableError::Unknown("it holds zero bytes"));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((Cow::Borrowed(text), Vec::new()));
    }
    // A line feed is never part of a character in either encoding.
    let (mut text, mut notes) = (String::with_capacity(bytes.len() + bytes.len() / 2), Vec::new());
    let (mut utf8_lines, mut gb_lines, mut broken) = (0_usize, 0_usize, 0_usize);
    for (index, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => {
                utf8_lines += usize::from(!line.is_ascii());
                text.push_str(line);
            }
            Err(_) => {
                let (line, had_errors) = GB18030.decode_without_bom_handling(line);
                gb_lines += 1;
                if had_errors {
                    broken += 1;
                    if broken <= MAX_NOTES {
                        let text =
                            "neither UTF-8 nor GB 18030: what cannot be read is shown as \u{fffd}".into();
                        notes.push(TableNote { line: index + 1, text });
                    }
                }
                text.push_str(&line);
            }
        }
    }
    let encoding = if utf8_lines == 0 {
        "the text is GB 18030".to_owned()
    } else {
        format!("{gb_lines} lines are GB 18030, {utf8_lines} are UTF-8")
    };
    notes.insert(0, TableNote { line: 0, text: encoding });
    Ok((Cow::Owned(text), notes))
}

/// The separator that gives most of the first lines the same number of cells, more than one.
fn separator(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(SAMPLE_LINES).collect();
    let score = |separator: u8| {
        let mut counts: Vec<usize> = lines.iter().map(|line| cells(line, separator)).collect();
        counts.sort_unstable();
        let common = counts.chunk_by(|a, b| a == b).filter(|c| c.first().is_some_and(|&n| n > 1));
        common.map(<[usize]>::len).max().unwrap_or(0)
    };
    let best = SEPARATORS.into_iter().map(|s| (score(s), s)).rev().max_by_key(|(score, _)| *score);
    best.filter(|(score, _)| *score > 0).map_or(b',', |(_, separator)| separator)
}

fn cells(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    let outside = |b: &u8| {
        quoted ^= *b == b'"';
        !quoted && *b == separator
    };
    line.as_bytes().iter().copied().filter(outside).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells_of(bytes: &[u8]) -> Vec<Vec<String>> {
        let sheet = read(bytes).unwrap();
        sheet.rows.iter().map(|row| row.cells().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn encodings_are_found() {
        let text = "编号,地址\n1,溪坪街12号\n2,上城路3號\n";
        let expected = cells_of(text.as_bytes());
        assert_eq!(expected[1], ["1", "溪坪街12号"]);
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(text.as_bytes());
        let wide = |big: bool| {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            let bytes = units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() });
            bytes.collect::<Vec<u8>>()
        };
        for bytes in [marked, GB18030.encode(text).0.into_owned(), wide(true), wide(false)] {
            assert_eq!(cells_of(&bytes), expected);
        }
    }

    #[test]
    fn files_glued_together_from_two_encodings_are_read() {
        let mut bytes = "1,溪坪街12号\n".as_bytes().to_vec();
        bytes.extend(GB18030.encode("2,上城路3号\n").0.iter());
        assert_eq!(cells_of(&bytes), [["1", "溪坪街12号"], ["2", "上城路3号"]]);
        let notes = read(&bytes).unwrap().notes;
        assert_eq!(notes[0].text, "1 lines are GB 18030, 1 are UTF-8");
    }

    #[test]
    fn separators_are_found_and_quotes_kept() {
        assert_eq!(cells_of("a;b,c;d\ne;f;g\n".as_bytes()), [["a", "b,c", "d"], ["e", "f", "g"]]);
        assert_eq!(cells_of("a\tb\nc\td\n".as_bytes()), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells_of("\"a,\n\"\"x\"\"\",b\nc,d\n".as_bytes()), [["a,\n\"x\"", "b"], ["c", "d"]]);
        let lines: Vec<usize> =
            read("\"a\nb\",c\nd,e\n".as_bytes()).unwrap().rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn broken_bytes_are_noted_by_line() {
        let notes = read(b"a,b\n1,\xff\xff\xff\n").unwrap().notes;
        assert!(notes.iter().any(|note| note.line == 2 && note.text.contains("neither")), "{notes:?}");
    }
}
