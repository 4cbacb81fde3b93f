//! Windows of a raster, decoded tile by tile.

use std::{
    collections::VecDeque,
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};

use tiff::decoder::DecodingResult;

use super::{Bands, GeoTiff, MAX_WINDOW_PIXELS, RasterError, jpeg_guard};

/// Bytes in which the header of a JPEG must be.
const JPEG_HEADER_BYTES: u64 = 1 << 16;

/// Bytes of decoded chunks that are kept: neighbouring windows need the same ones.
const RECENT_BYTES: usize = 32 << 20;

/// Chunks that were decoded last, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct Recent {
    chunks: VecDeque<(u32, Arc<DecodingResult>, usize)>,
    bytes: usize,
}

impl Recent {
    fn get(&mut self, index: u32) -> Option<Arc<DecodingResult>> {
        let at = self.chunks.iter().position(|chunk| chunk.0 == index)?;
        let found = self.chunks.remove(at)?;
        let chunk = found.1.clone();
        self.chunks.push_back(found);
        Some(chunk)
    }

    fn put(&mut self, index: u32, chunk: &Arc<DecodingResult>, bytes: usize) {
        self.chunks.push_back((index, chunk.clone(), bytes));
        self.bytes += bytes;
        while self.bytes > RECENT_BYTES && self.chunks.len() > 1 {
            self.bytes -= self.chunks.pop_front().map_or(0, |oldest| oldest.2);
        }
    }
}

/// Pixels of a raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl<R: Read + Seek> GeoTiff<R> {
    /// The numbers of one band in a window, row by row from the top; NaN where there is none.
    ///
    /// # Errors
    /// A window that does not fit, or a tile that cannot be decoded.
    pub fn read_numbers(&mut self, window: Window, band: u16) -> Result<Vec<f32>, RasterError> {
        let info = &self.info;
        if band >= info.samples {
            return Err(RasterError::Unsupported(format!("band {band} of {}", info.samples)));
        }
        let no_data = info.no_data;
        let mut out = vec![f32::NAN; self.checked(window)?];
        let is_none =
            |number: f64| no_data.is_some_and(|none| number == none || (number as f32) == none as f32);
        self.visit(window, &[band], |_, index, chunk, at| {
            let number = number(chunk, at);
            out[index] = if is_none(number) { f32::NAN } else { number as f32 };
        })?;
        Ok(out)
    }
    /// The colours of a window, row by row from the top: red, green, blue, alpha; alpha is 0 where there is no data. A
    /// raster of one band is grey.
    ///
    /// # Errors
    /// A window that does not fit, bands that are no colours, or a tile that cannot be decoded.
    pub fn read_colors(&mut self, window: Window) -> Result<Vec<[u8; 4]>, RasterError> {
        let info = self.info.clone();
        let colors: &[u16] = match (info.bands, info.samples) {
            (Bands::Rgb | Bands::YCbCr, 3..) => &[0, 1, 2],
            // Three or more bands without a word on what they are.
            (Bands::Gray, 3..) if info.alpha.is_none_or(|alpha| alpha >= 3) => &[0, 1, 2],
            (Bands::Gray, _) => &[0],
            (bands, samples) => {
                return Err(RasterError::Unsupported(format!(
                    "{samples} bands of kind {bands:?} as colours"
                )));
            }
        };
        let mut bands = colors.to_vec();
        bands.extend(info.alpha);
        let mut out = vec![[0, 0, 0, 255u8]; self.checked(window)?];
        let mut are_none = vec![0u8; if info.no_data.is_some() { out.len() } else { 0 }];
        // Chunks that were never written have no colours.
        let mut is_written = vec![false; out.len()];
        self.visit(window, &bands, |slot, index, chunk, at| {
            let value = byte(chunk, at);
            is_written[index] = true;
            if slot >= colors.len() {
                out[index][3] = value;
            } else {
                out[index][slot] = value;
                if let Some(count) = are_none.get_mut(index) {
                    *count += u8::from(Some(number(chunk, at)) == info.no_data);
                }
            }
        })?;
        if colors.len() == 1 {
            out.iter_mut().for_each(|pixel| (pixel[1], pixel[2]) = (pixel[0], pixel[0]));
        }
        if info.bands == Bands::YCbCr {
            out.iter_mut().for_each(|pixel| *pixel = rgb_from_ycbcr(*pixel));
        }
        for ((pixel, is_written), index) in out.iter_mut().zip(is_written).zip(0..) {
            let is_none = are_none.get(index).is_some_and(|count| usize::from(*count) == colors.len());
            if is_none || !is_written {
                *pixel = [0; 4];
            }
        }
        Ok(out)
    }

    fn checked(&self, window: Window) -> Result<usize, RasterError> {
        let Window { x, y, width, height } = window;
        let fits = |first: u32, count: u32, of: u32| {
            count > 0 && first.checked_add(count).is_some_and(|end| end <= of)
        };
        let pixels = u64::from(width) * u64::from(height);
        let info = &self.info;
        if !fits(x, width, info.width) || !fits(y, height, info.height) || pixels > MAX_WINDOW_PIXELS {
            return Err(RasterError::Window(window, info.width, info.height));
        }
        Ok(pixels as usize)
    }

    /// Hands on each number of some bands in a window: which of the bands, the pixel's index in the window, and the
    /// decoded chunk with the number's place in it. Chunks that were never written are left out.
    fn visit(
        &mut self,
        window: Window,
        bands: &[u16],
        mut take: impl FnMut(usize, usize, &DecodingResult, usize),
    ) -> Result<(), RasterError> {
        let (chunk_width, chunk_height) = self.info.chunk;
        let samples = usize::from(self.info.samples);
        let (right, bottom) = (window.x + window.width, window.y + window.height);
        for chunk_row in window.y / chunk_height..=(bottom - 1) / chunk_height {
            for chunk_column in window.x / chunk_width..=(right - 1) / chunk_width {
                let (left, top) = (chunk_column * chunk_width, chunk_row * chunk_height);
                let columns = window.x.max(left)..right.min(left.saturating_add(chunk_width));
                let rows = window.y.max(top)..bottom.min(top.saturating_add(chunk_height));
                let first = chunk_row * self.layout.across + chunk_column;
                let planes: Vec<(u32, Vec<(usize, usize)>)> = if self.layout.is_planar {
                    let plane = |(slot, band): (usize, &u16)| {
                        (first + u32::from(*band) * self.layout.per_plane, vec![(slot, 0)])
                    };
                    bands.iter().enumerate().map(plane).collect()
                } else {
                    let all = bands.iter().enumerate().map(|(slot, band)| (slot, usize::from(*band)));
                    vec![(first, all.collect())]
                };
                let per_pixel = if self.layout.is_planar { 1 } else { samples };
                for (index, slots) in planes {
                    let Some(chunk) = self.chunk(index, left, top)? else { continue };
                    // What the decoder gives is without the padding at the right border.
                    let stride = chunk_width.min(self.info.width - left) as usize * per_pixel;
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let pixel = (row - window.y) as usize * window.width as usize
                                + (column - window.x) as usize;
                            let place = (row - top) as usize * stride + (column - left) as usize * per_pixel;
                            for &(slot, band) in &slots {
                                take(slot, pixel, &chunk, place + band);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A decoded chunk, long enough for all its pixels; `None` if it was never written.
    fn chunk(
        &mut self,
        index: u32,
        column: u32,
        row: u32,
    ) -> Result<Option<Arc<DecodingResult>>, RasterError> {
        let kind = if self.layout.is_tiled { "tile" } else { "strip" };
        let fail = |reason: String| RasterError::Chunk { kind, index, column, row, reason };
        let at = index as usize;
        let (Some(&offset), Some(&length)) = (self.layout.offsets.get(at), self.layout.lengths.get(at))
        else {
            return Err(fail("it has no place in the file".into()));
        };
        if length == 0 {
            return Ok(None);
        }
        if let Some(chunk) = self.recent.get(index) {
            return Ok(Some(chunk));
        }
        if self.layout.is_jpeg {
            self.check_jpeg(offset, length).map_err(fail)?;
        }
        let chunk = self.decoder.read_chunk(index).map_err(|error| fail(error.to_string()))?;
        let (chunk_width, chunk_height) = self.info.chunk;
        let pixels = chunk_width.min(self.info.width - column) as usize
            * chunk_height.min(self.info.height - row) as usize;
        let per_pixel = if self.layout.is_planar { 1 } else { usize::from(self.info.samples) };
        if len(&chunk) < pixels * per_pixel {
            return Err(fail(format!("{} numbers for {pixels} pixels", len(&chunk))));
        }
        let bytes = len(&chunk) * number_bytes(&chunk);
        let chunk = Arc::new(chunk);
        self.recent.put(index, &chunk, bytes);
        Ok(Some(chunk))
    }

    fn check_jpeg(&mut self, offset: u64, length: u64) -> Result<(), String> {
        let file = self.decoder.inner();
        let mut head = Vec::new();
        let read = file.seek(SeekFrom::Start(offset));
        read.and_then(|_| file.take(length.min(JPEG_HEADER_BYTES)).read_to_end(&mut head))
            .map_err(|error| error.to_string())?;
        let (width, height) = jpeg_guard::size(&head).ok_or("a JPEG without a size")?;
        let (chunk_width, chunk_height) = self.info.chunk;
        if width > chunk_width || height > chunk_height {
            return Err(format!("a JPEG of {width} × {height} where {chunk_width} × {chunk_height} are due"));
        }
        Ok(())
    }
}

fn len(chunk: &DecodingResult) -> usize {
    match chunk {
        DecodingResult::U8(v) => v.len(),
        DecodingResult::U16(v) => v.len(),
        DecodingResult::U32(v) => v.len(),
        DecodingResult::U64(v) => v.len(),
        DecodingResult::F16(v) => v.len(),
        DecodingResult::F32(v) => v.len(),
        DecodingResult::F64(v) => v.len(),
        DecodingResult::I8(v) => v.len(),
        DecodingResult::I16(v) => v.len(),
        DecodingResult::I32(v) => v.len(),
        DecodingResult::I64(v) => v.len(),
    }
}

/// Bytes of a number of a chunk.
fn number_bytes(chunk: &DecodingResult) -> usize {
    match chunk {
        DecodingResult::U8(_) | DecodingResult::I8(_) => 1,
        DecodingResult::U16(_) | DecodingResult::I16(_) | DecodingResult::F16(_) => 2,
        DecodingResult::U32(_) | DecodingResult::I32(_) | DecodingResult::F32(_) => 4,
        DecodingResult::U64(_) | DecodingResult::I64(_) | DecodingResult::F64(_) => 8,
    }
}

/// A number of a chunk; NaN beyond its end.
fn number(chunk: &DecodingResult, at: usize) -> f64 {
    let found = match chunk {
        DecodingResult::U8(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::U16(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::U32(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::U64(v) => v.get(at).map(|n| *n as f64),
        DecodingResult::F16(v) => v.get(at).map(|n| n.to_f64()),
        DecodingResult::F32(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::F64(v) => v.get(at).copied(),
        DecodingResult::I8(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::I16(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::I32(v) => v.get(at).map(|n| f64::from(*n)),
        DecodingResult::I64(v) => v.get(at).map(|n| *n as f64),
    };
    found.unwrap_or(f64::NAN)
}

/// A number as 8 bits of colour: 16 bits are taken for all of their range.
fn byte(chunk: &DecodingResult, at: usize) -> u8 {
    match chunk {
        DecodingResult::U8(v) => v.get(at).copied().unwrap_or(0),
        DecodingResult::U16(v) => v.get(at).map_or(0, |n| (n >> 8) as u8),
        _ => number(chunk, at).clamp(0.0, 255.0) as u8,
    }
}

/// BT.601, as JPEG has it.
fn rgb_from_ycbcr([y, cb, cr, alpha]: [u8; 4]) -> [u8; 4] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let channel = |value: f32| (value + 0.5).clamp(0.0, 255.0) as u8;
    [channel(y + 1.402 * cr), channel(y - 0.344_136 * cb - 0.714_136 * cr), channel(y + 1.772 * cb), alpha]
}
