//! Points as lines of text: `x y z`, optionally with intensity, colours, or both.

use std::io::BufRead;

use super::{BATCH_POINTS, CloudInfo, PointBatch, PointSource, PointsError};

/// Longest line, bytes: files of something else have none of the line ends.
const MAX_LINE: u64 = 4096;
/// Lines before the first point that may be anything (names of columns, a count).
const HEADER_LINES: u64 = 8;

/// What stands after the coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Bare,
    Intensity,
    Colors,
    IntensityAndColors,
}

/// A text file of points, one per line, numbers divided by spaces, tabs, commas or semicolons.
#[derive(Debug)]
pub struct XyzFile<R> {
    file: R,
    info: CloudInfo,
    columns: Columns,
    line: Vec<u8>,
    offset: u64,
    /// The first point, which was read to see what there is.
    first: Option<Vec<f64>>,
}

impl<R: BufRead + Send> XyzFile<R> {
    /// Reads up to the first point. Its number of columns says what they are: 3 (x y z), 4 (and intensity), 6 (and red,
    /// green, blue) or 7 (intensity before the colours).
    ///
    /// # Errors
    /// No line with such a number of numbers among the first ones.
    pub fn open(file: R) -> Result<Self, PointsError> {
        let mut this = Self {
            file,
            info: CloudInfo::default(),
            columns: Columns::Bare,
            line: Vec::new(),
            offset: 0,
            first: None,
        };
        for _ in 0..=HEADER_LINES {
            if !this.next_line()? {
                break;
            }
            let Some(numbers) = numbers(&this.line) else { continue };
            this.columns = match numbers.len() {
                3 => Columns::Bare,
                4 => Columns::Intensity,
                6 => Columns::Colors,
                7 => Columns::IntensityAndColors,
                _ => continue,
            };
            this.info.has_colors = matches!(this.columns, Columns::Colors | Columns::IntensityAndColors);
            this.first = Some(numbers);
            return Ok(this);
        }
        Err(PointsError::Format { format: "XYZ", reason: "no line of 3, 4, 6 or 7 numbers".into() })
    }

    /// The next line without its end; `false` at the end of the file.
    fn next_line(&mut self) -> Result<bool, PointsError> {
        self.line.clear();
        let read = std::io::Read::take(&mut self.file, MAX_LINE).read_until(b'\n', &mut self.line)?;
        if read as u64 == MAX_LINE && self.line.last() != Some(&b'\n') {
            return Err(PointsError::Corrupt { offset: self.offset, reason: "a line without an end".into() });
        }
        self.offset += read as u64;
        Ok(read > 0)
    }
    fn push(&self, numbers: &[f64], batch: &mut PointBatch) {
        let &[x, y, z, ..] = numbers else { return };
        batch.positions.push([x, y, z]);
        let short = |index: usize| numbers.get(index).copied().unwrap_or(0.0).clamp(0.0, 65_535.0) as u16;
        match self.columns {
            Columns::Bare => {}
            Columns::Intensity => batch.intensities.push(short(3)),
            Columns::Colors => batch.colors.push([short(3), short(4), short(5)]),
            Columns::IntensityAndColors => {
                batch.intensities.push(short(3));
                batch.colors.push([short(4), short(5), short(6)]);
            }
        }
    }
}

impl<R: BufRead + Send> PointSource for XyzFile<R> {
    fn info(&self) -> &CloudInfo {
        &self.info
    }

    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError> {
        batch.clear();
        if let Some(first) = self.first.take() {
            self.push(&first, batch);
        }
        let expected = match self.columns {
            Columns::Bare => 3,
            Columns::Intensity => 4,
            Columns::Colors => 6,
            Columns::IntensityAndColors => 7,
        };
        while batch.len() < BATCH_POINTS {
            let start = self.offset;
            if !self.next_line()? {
                break;
            }
            if self.line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match numbers(&self.line) {
                Some(numbers) if numbers.len() == expected => self.push(&numbers, batch),
                _ => {
                    let reason = format!("a line that is not {expected} numbers");
                    return Err(PointsError::Corrupt { offset: start, reason });
                }
            }
        }
        Ok(())
    }
}

/// The numbers of a line; `None` if something else is in it.
fn numbers(line: &[u8]) -> Option<Vec<f64>> {
    let text = std::str::from_utf8(line).ok()?;
    let words = text.split([' ', '\t', ',', ';', '\r', '\n']).filter(|word| !word.is_empty());
    let numbers: Option<Vec<f64>> =
        words.map(|word| word.parse().ok().filter(|n: &f64| n.is_finite())).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}
