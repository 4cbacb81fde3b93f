//! LAS 1.0 to 1.4, LAZ and COPC.
//!
//! The header is read by [`header`], which trusts nothing; points are decompressed by the crate `laz` and decoded by
//! column by the crate `las`.

pub mod header;
mod laszip;

use std::{
    io::{BufReader, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use las::{PointData, PointDataBuilder, Transform, Vector, point::Format};
use laz::LasZipDecompressor;

use super::{BATCH_POINTS, CloudInfo, PointBatch, PointSource, PointsError};
use header::LasHeader;

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// A file of points, read from its beginning to its end.
pub struct LasFile<R: Read + Seek + Send + Sync + 'static> {
    header: LasHeader,
    info: CloudInfo,
    points: Points<R>,
    data: PointData,
    read: u64,
}

enum Points<R: Read + Seek + Send + Sync + 'static> {
    Plain(BufReader<R>),
    Compressed(Box<LasZipDecompressor<'static, BufReader<R>>>),
    /// After an error nothing more is read.
    Ended,
}

impl<R: Read + Seek + Send + Sync + 'static> std::fmt::Debug for LasFile<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LasFile")
            .field("header", &self.header)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl<R: Read + Seek + Send + Sync + 'static> LasFile<R> {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(file: R) -> Result<Self, PointsError> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let file_bytes = file.seek(SeekFrom::End(0))?;
        let header = LasHeader::read(&mut file, file_bytes)?;
        let mut format = Format::new(header.point_format)
            .map_err(|error| PointsError::Unsupported { what: error.to_string() })?;
        format.extra_bytes = header.point_bytes - format.len();
        let vlr = header.laszip.as_deref();
        let vlr =
            vlr.map(|record| laszip::checked_vlr(&header, record, &mut file, file_bytes)).transpose()?;
        file.seek(SeekFrom::Start(header.points_offset))?;
        let points = match vlr {
            None => Points::Plain(file),
            Some(vlr) => {
                let made = guarded(header.points_offset, || LasZipDecompressor::new(file, vlr))?;
                let made = made.map_err(|error| header::corrupt(header.points_offset, error.to_string()))?;
                Points::Compressed(Box::new(made))
            }
        };
        let transform = |axis: usize| Transform { scale: header.scale[axis], offset: header.offset[axis] };
        let transforms = Vector { x: transform(0), y: transform(1), z: transform(2) };
        let data = PointDataBuilder::new().with_format(format).with_transforms(transforms).build();
        let info = CloudInfo {
            count: Some(header.count),
            bounds: header.bounds,
            has_colors: format.has_color,
            has_classes: true,
            wkt: header.wkt.clone(),
            geo_keys: header.geo_keys.clone(),
        };
        Ok(Self { header, info, points, data, read: 0 })
    }
    /// The header.
    pub fn header(&self) -> &LasHeader {
        &self.header
    }

    fn fill(&mut self, count: usize) -> Result<(), PointsError> {
        let bytes = self.data.resize_for(count);
        match &mut self.points {
            Points::Plain(file) => file.read_exact(bytes)?,
            Points::Compressed(points) => {
                let offset = self.header.points_offset;
                guarded(offset, || points.decompress_many(bytes))?.map_err(|error| {
                    header::corrupt(offset, format!("point {} and after: {error}", self.read))
                })?;
            }
            Points::Ended => {
                return Err(PointsError::Truncated { found: self.read, announced: self.header.count });
            }
        }
        Ok(())
    }
}

/// The decompressor is not ours, and there may be ways to bring it to a panic that the checks before it do not know: a
/// corrupt file must not end the program.
fn guarded<T>(offset: u64, work: impl FnOnce() -> T) -> Result<T, PointsError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| header::corrupt(offset, "the compressed points cannot be decompressed"))
}

impl<R: Read + Seek + Send + Sync + 'static> PointSource for LasFile<R> {
    fn info(&self) -> &CloudInfo {
        &self.info
    }

    fn read(&mut self, batch: &mut PointBatch) -> Result<(), PointsError> {
        batch.clear();
        let count = (self.header.count - self.read).min(BATCH_POINTS as u64) as usize;
        if count == 0 {
            return Ok(());
        }
        if let Err(error) = self.fill(count) {
            self.points = Points::Ended;
            return Err(error);
        }
        self.read += count as u64;
        let data = &self.data;
        batch.positions.extend(data.x().zip(data.y()).zip(data.z()).map(|((x, y), z)| [x, y, z]));
        batch.intensities.extend(data.intensity());
        batch.classes.extend(data.classification());
        batch.is_last.extend(data.return_number().zip(data.number_of_returns()).map(|(n, of)| n >= of));
        if let Some(colors) = data.rgb() {
            batch.colors.extend(colors.map(|(r, g, b)| [r, g, b]));
        }
        Ok(())
    }
}
