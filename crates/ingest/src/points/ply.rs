//! Points of PLY files (the Stanford polygon format): the vertices of ASCII and binary ones.

use std::io::{BufRead, Read};

use super::{BATCH_POINTS, CloudInfo, PointBatch, PointSource, PointsError};

/// Longest line of the header or of an ASCII vertex, bytes.
const MAX_LINE: u64 = 4096;
/// Most lines of a header.
const MAX_HEADER_LINES: usize = 1000;
/// Most bytes of a vertex.
const MAX_VERTEX_BYTES: usize = 4096;
/// Bytes read at once, about.
const BUFFER_BYTES: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Ascii,
    Little,
    Big,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

/// A vertex file, read from its beginning to its end; faces and what else there is after the vertices are left unread.
#[derive(Debug)]
pub struct PlyFile<R> {
    file: R,
    info: CloudInfo,
    encoding: Encoding,
    properties: Vec<Number>,
    vertex_bytes: usize,
    /// Which property is x, y, z; red, green, blue; intensity.
    position: [usize; 3],
    color: Option<[usize; 3]>,
    intensity: Option<usize>,
    count: u64,
    read: u64,
    buffer: Vec<u8>,
}

impl Number {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }
    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
    fn read(self, bytes: &[u8], is_big: bool) -> f64 {
        let mut eight = [0; 8];
        let count = bytes.len().min(8);
        eight[..count].copy_from_slice(&bytes[..count]);
        if is_big {
            eight[..count].reverse();
        }
        let four = [eight[0], eight[1], eight[2], eight[3]];
        match self {
            Self::I8 => f64::from(eight[0] as i8),
            Self::U8 => f64::from(eight[0]),
            Self::I16 => f64::from(i16::from_le_bytes([eight[0], eight[1]])),
            Self::U16 => f64::from(u16::from_le_bytes([eight[0], eight[1]])),
            Self::I32 => f64::from(i32::from_le_bytes(four)),
            Self::U32 => f64::from(u32::from_le_bytes(four)),
            Self::F32 => f64::from(f32::from_le_bytes(four)),
            Self::F64 => f64::from_le_bytes(eight),
        }
    }
}

fn refuse(reason: impl Into<String>) -> PointsError {
    PointsError::Format { format: "PLY", reason: reason.into() }
}

fn line(file: &mut impl BufRead) -> Result<String, PointsError> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if read == 0 || bytes.last() != Some(&b'\n') {
        return Err(refuse("it ends within a line"));
    }
    String::from_utf8(bytes).map_err(|_| refuse("a line that is no text"))
}

impl<R: BufRead + Send> PlyFile<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// No such file, or one without points.
    pub fn open(mut file: R) -> Result<Self, PointsError> {
        if line(&mut file)?.trim_end() != "ply" {
            return Err(refuse("it does not begin with ply"));
        }
        let mut encoding = None;
        let mut elements = 0;
        let mut count = None;
        let mut properties: Vec<(String, Number)> = Vec::new();
        for _ in 0..MAX_HEADER_LINES {
            let text = line(&mut file)?;
            let words: Vec<&str> = text.split_whitespace().collect();
            match words.as_slice() {
                ["format", "ascii", _] => encoding = Some(Encoding::Ascii),
                ["format", "binary_little_endian", _] => encoding = Some(Encoding::Little),
                ["format", "binary_big_endian", _] => encoding = Some(Encoding::Big),
                ["element", name, number] => {
                    elements += 1;
                    if *name == "vertex" {
                        if elements > 1 {
                            return Err(PointsError::Unsupported {
                                what: "PLY with vertices after others".into(),
                            });
                        }
                        count = number.parse().ok();
                    }
                }
                ["property", kind, name] if elements == 1 => {
                    let number =
                        Number::of(kind).ok_or_else(|| refuse(format!("a property of type {kind}")))?;
                    properties.push(((*name).to_owned(), number));
                }
                ["property", "list", ..] if elements == 1 => {
                    return Err(PointsError::Unsupported { what: "PLY with lists in vertices".into() });
                }
                ["end_header"] => {
                    let (Some(encoding), Some(count)) = (encoding, count) else {
                        return Err(refuse("no format or no vertices"));
                    };
                    return Self::with(file, encoding, count, &properties);
                }
                _ => {}
            }
        }
        Err(refuse("its header does not end"))
    }

    fn with(
        file: R,
        encoding: Encoding,
        count: u64,
        properties: &[(String, Number)],
    ) -> Result<Self, PointsError> {
        let find = |name: &str| properties.iter().position(|(found, _)| found == name);
        let all = |names: [&str; 3]| {
            let [a, b, c] = names.map(find);
            Some([a?, b?, c?])
        };
        let position = all(["x", "y", "z"]).ok_or_else(|| refuse("vertices without x, y and z"))?;
        let color = all(["red", "green", "blue"]).or_else(|| all(["r", "g", "b"]));
        let numbers: Vec<Number> = properties.iter().map(|(_, number)| *number).collect();
        let vertex_bytes = numbers.iter().map(|number| number.bytes()).sum();
        if vertex_bytes > MAX_VERTEX_BYTES {
            return Err(refuse(format!("vertices of {vertex_bytes} bytes")));
        }
        let info = CloudInfo { count: Some(count), has_colors: color.is_some(), ..CloudInfo::default() };
        let intensity = find("intensity").or_else(|| find("scalar_Intensity"));
        Ok(Self {
            file,
            info,
            encoding,
            properties: numbers,
            vertex_bytes,
            position,
            color,
            intensity,
            count,
            read: 0,
            buffer: Vec::new(),
        })
    }
    fn push(&self, vertex: &[f64], batch: &mut PointBatch) {
        let at = |index: usize| vertex.get(index).copied().unwrap_or(f64::NAN);
        let short = |index: usize| at(index).clamp(0.0, 65_535.0) as u16;
        batch.positions.push(self.position.map(at));
        batch.colors.extend(self.color.map(|color| color.map(short)));
        batch.intensities.extend(self.intensity.map(short));
    }
    fn truncated(&self) -> PointsError {
        PointsError::Truncated { found: self.read, announced: self.count }
    }
}

impl<R: BufRead + Send> PointSource for PlyFile<R> {
    fn info(&self) -> &CloudInfo {
        &self.info
    }

    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError> {
        batch.clear();
        let room = (BUFFER_BYTES / self.vertex_bytes.max(1)).min(BATCH_POINTS);
        let count = (self.count - self.read).min(room as u64) as usize;
        let mut vertex = vec![0.0; self.properties.len()];
        if self.encoding == Encoding::Ascii {
            for _ in 0..count {
                let Ok(text) = line(&mut self.file) else { return Err(self.truncated()) };
                let mut words = text.split_whitespace();
                for slot in &mut vertex {
                    let number = words.next().and_then(|word| word.parse().ok());
                    *slot =
                        number.ok_or_else(|| refuse(format!("vertex {} is not all numbers", self.read)))?;
                }
                self.push(&vertex, batch);
                self.read += 1;
            }
            return Ok(());
        }
        let is_big = self.encoding == Encoding::Big;
        self.buffer.resize(count * self.vertex_bytes, 0);
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.file.read_exact(&mut buffer).is_err() {
            return Err(self.truncated());
        }
        for bytes in buffer.chunks_exact(self.vertex_bytes.max(1)) {
            let mut start = 0;
            for (slot, number) in vertex.iter_mut().zip(&self.properties) {
                *slot = number.read(&bytes[start..start + number.bytes()], is_big);
                start += number.bytes();
            }
            self.push(&vertex, batch);
        }
        self.read += count as u64;
        self.buffer = buffer;
        Ok(())
    }
}
