//! Writing GeoTIFF (BigTIFF, tiles, deflate): height rasters and masks that any program opens.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::{Compression, write::ZlibEncoder};

use super::GeoTransform;

/// Side of the tiles.
const TILE: u32 = 256;

/// What a raster is about.
#[derive(Clone, Debug, PartialEq)]
pub struct RasterHeader {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Where it lies; must be north up, without rotation.
    pub transform: GeoTransform,
    /// EPSG code of the system, if it has one, and whether it is one of longitude and latitude.
    pub epsg: Option<(u16, bool)>,
}

/// A number that a raster holds.
pub trait Sample: Copy {
    /// `SampleFormat` and bits.
    const FORMAT: (u16, u16);
    /// What stands beyond the raster, in tiles at its border, and means "none"; as GDAL's text.
    const NONE: (Self, Option<&'static str>);
    /// A row as it is packed.
    fn pack(row: &[Self], out: &mut Vec<u8>);
}

impl Sample for f32 {
    const FORMAT: (u16, u16) = (3, 32);
    const NONE: (Self, Option<&'static str>) = (f32::NAN, Some("nan"));

    /// Floating-point predictor: the bytes of a row by significance, each as the difference to the one before.
    fn pack(row: &[Self], out: &mut Vec<u8>) {
        let start = out.len();
        for byte in 0..4 {
            out.extend(row.iter().map(|number| number.to_be_bytes()[byte]));
        }
        let mut before = 0u8;
        for byte in out.iter_mut().skip(start) {
            let this = *byte;
            *byte = this.wrapping_sub(before);
            before = this;
        }
    }
}

impl Sample for u8 {
    const FORMAT: (u16, u16) = (1, 8);
    const NONE: (Self, Option<&'static str>) = (0, None);

    fn pack(row: &[Self], out: &mut Vec<u8>) {
        let mut before = 0u8;
        out.extend(row.iter().map(|this| {
            let difference = this.wrapping_sub(before);
            before = *this;
            difference
        }));
    }
}

/// A field of a directory: its kind, how many values it has, and their bytes.
type Field = (u16, usize, Vec<u8>);

/// A raster that is written row by row from the north, with memory for a row of tiles.
#[derive(Debug)]
pub struct GeoTiffWriter<W: Write + Seek, T: Sample> {
    file: W,
    header: RasterHeader,
    /// Rows of the tiles that are not full yet.
    waiting: Vec<T>,
    offset: u64,
    tiles: Vec<(u64, u64)>,
    rows: u32,
}

impl<W: Write + Seek, T: Sample> GeoTiffWriter<W, T> {
    /// Begins a file.
    ///
    /// # Errors
    /// A raster without pixels or one that is rotated, and what the disk answers.
    pub fn new(mut file: W, header: RasterHeader) -> io::Result<Self> {
        let GeoTransform { column, row, .. } = header.transform;
        let is_north_up = column[1] == 0.0 && row[0] == 0.0 && column[0] > 0.0 && row[1] < 0.0;
        if header.width == 0 || header.height == 0 || !is_north_up {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a raster must have pixels and lie north up",
            ));
        }
        // The place of the directory is filled in at the end.
        let mut head = b"II".to_vec();
        head.extend([43, 0, 8, 0, 0, 0]);
        head.extend([0; 8]);
        file.write_all(&head)?;
        Ok(Self { file, header, waiting: Vec::new(), offset: 16, tiles: Vec::new(), rows: 0 })
    }

    /// Writes some whole rows.
    ///
    /// # Errors
    /// Numbers that are no whole rows or too many, and what the disk answers.
    pub fn write_rows(&mut self, numbers: &[T]) -> io::Result<()> {
        let width = self.header.width as usize;
        let rows = numbers.len() / width;
        if !numbers.len().is_multiple_of(width)
            || u64::from(self.rows) + rows as u64 > u64::from(self.header.height)
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the rows of this raster"));
        }
        for row in numbers.chunks_exact(width) {
            self.waiting.extend_from_slice(row);
            self.rows += 1;
            if self.rows.is_multiple_of(TILE) || self.rows == self.header.height {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes the directory.
    ///
    /// # Errors
    /// Rows that are missing, and what the disk answers.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows != self.header.height {
            let reason = format!("{} of {} rows", self.rows, self.header.height);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let directory = self.directory();
        self.file.write_all(&directory)?;
        self.file.seek(SeekFrom::Start(8))?;
        self.file.write_all(&self.offset.to_le_bytes())?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()?;
        Ok(self.file)
    }

    fn flush(&mut self) -> io::Result<()> {
        let width = self.header.width as usize;
        let rows: Vec<&[T]> = self.waiting.chunks_exact(width).collect();
        let across = self.header.width.div_ceil(TILE) as usize;
        let mut row = vec![T::NONE.0; TILE as usize];
        let mut packed = Vec::new();
        for tile in 0..across {
            let (from, to) = (tile * TILE as usize, ((tile + 1) * TILE as usize).min(width));
            packed.clear();
            for k in 0..TILE as usize {
                row.fill(T::NONE.0);
                if let Some(source) = rows.get(k).and_then(|row| row.get(from..to)) {
                    row.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
                }
                T::pack(&row, &mut packed);
            }
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(4));
            encoder.write_all(&packed)?;
            let bytes = encoder.finish()?;
            self.file.write_all(&bytes)?;
            self.tiles.push((self.offset, bytes.len() as u64));
            self.offset += bytes.len() as u64;
        }
        self.waiting.clear();
        Ok(())
    }

    /// The directory, as it lies at the end of what is written so far.
    fn directory(&self) -> Vec<u8> {
        let shorts =
            |values: &[u16]| (3u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
        let longs =
            |values: &[u32]| (4u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
        let doubles =
            |values: &[f64]| (12u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
        let long8s = |values: Vec<u64>| -> Field {
            (16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect())
        };
        let (format, bits) = T::FORMAT;
        let GeoTransform { origin, column, row } = self.header.transform;
        let mut entries: Vec<(u16, Field)> = vec![
            (256, longs(&[self.header.width])),
            (257, longs(&[self.header.height])),
            (258, shorts(&[bits])),
            (259, shorts(&[8])),
            (262, shorts(&[1])),
            (277, shorts(&[1])),
            (317, shorts(&[if format == 3 { 3 } else { 2 }])),
            (322, longs(&[TILE])),
            (323, longs(&[TILE])),
            (324, long8s(self.tiles.iter().map(|tile| tile.0).collect())),
            (325, long8s(self.tiles.iter().map(|tile| tile.1).collect())),
            (339, shorts(&[format])),
            (33_550, doubles(&[column[0], -row[1], 0.0])),
            (33_922, doubles(&[0.0, 0.0, 0.0, origin[0], origin[1], 0.0])),
        ];
        if let Some((code, is_geographic)) = self.header.epsg {
            let (model, key) = if is_geographic { (2, 2048) } else { (1, 3072) };
            entries.push((34_735, shorts(&[1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code])));
        }
        if let Some(none) = T::NONE.1 {
            let text = [none.as_bytes(), &[0]].concat();
            entries.push((42_113, (2, text.len(), text)));
        }
        let length = 8 + entries.len() * 20 + 8;
        let mut out = (entries.len() as u64).to_le_bytes().to_vec();
        let mut beyond: Vec<u8> = Vec::new();
        for (tag, (kind, count, mut bytes)) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend((count as u64).to_le_bytes());
            if bytes.len() <= 8 {
                bytes.resize(8, 0);
                out.extend(bytes);
            } else {
                out.extend((self.offset + (length + beyond.len()) as u64).to_le_bytes());
                beyond.extend(bytes);
                beyond.resize(beyond.len().next_multiple_of(8), 0);
            }
        }
        out.extend([0; 8]);
        out.extend(beyond);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::raster::{GeoTiff, Window};

    #[test]
    fn what_is_written_is_read() {
        let transform = GeoTransform { origin: [119.0, 27.5], column: [0.001, 0.0], row: [0.0, -0.0005] };
        for (width, height) in [(1u32, 1u32), (256, 256), (300, 700), (513, 257)] {
            let header = RasterHeader { width, height, transform, epsg: Some((4979, true)) };
            let at = |k: usize| if k % 7 == 3 { f32::NAN } else { k as f32 * 0.37 - 100.0 };
            let all: Vec<f32> = (0..(width * height) as usize).map(at).collect();
            let mut writer = GeoTiffWriter::new(Cursor::new(Vec::new()), header.clone()).unwrap();
            for part in all.chunks(width as usize * 100) {
                writer.write_rows(part).unwrap();
            }
            assert!(writer.write_rows(&all[..width as usize]).is_err());
            let bytes = writer.finish().unwrap().into_inner();
            let mut read = GeoTiff::open(Cursor::new(bytes)).unwrap();
            let info = read.info().clone();
            assert_eq!((info.width, info.height, info.transform), (width, height, Some(transform)));
            assert_eq!(info.keys.unwrap().horizontal_epsg(), Some(4979));
            let found = read.read_numbers(Window { x: 0, y: 0, width, height }, 0).unwrap();
            assert!(
                found.iter().zip(&all).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
            );

            let mask: Vec<u8> = (0..(width * height) as usize).map(|k| (k * 31 % 251) as u8).collect();
            let mut writer = GeoTiffWriter::new(Cursor::new(Vec::new()), header).unwrap();
            writer.write_rows(&mask).unwrap();
            let bytes = writer.finish().unwrap().into_inner();
            let mut read = GeoTiff::open(Cursor::new(bytes)).unwrap();
            let found = read.read_numbers(Window { x: 0, y: 0, width, height }, 0).unwrap();
            assert!(found.iter().zip(&mask).all(|(a, b)| *a == f32::from(*b)));
        }
    }

    #[test]
    fn what_is_no_raster_is_refused() {
        let transform = GeoTransform { origin: [0.0; 2], column: [1.0, 0.0], row: [0.0, 1.0] };
        let header = RasterHeader { width: 4, height: 4, transform, epsg: None };
        assert!(GeoTiffWriter::<_, f32>::new(Cursor::new(Vec::new()), header.clone()).is_err());
        let transform = GeoTransform { row: [0.0, -1.0], ..transform };
        let mut writer =
            GeoTiffWriter::new(Cursor::new(Vec::new()), RasterHeader { transform, ..header }).unwrap();
        assert!(writer.write_rows(&[0.0f32; 5]).is_err());
        writer.write_rows(&[0.0f32; 8]).unwrap();
        assert!(writer.finish().is_err());
    }
}
