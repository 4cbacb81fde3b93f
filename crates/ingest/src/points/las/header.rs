//! The header of a LAS file and its variable-length records (ASPRS LAS 1.0 to 1.4): a mirror of the bytes, and a checked
//! reading of it.

use std::io::{self, Read, Seek, SeekFrom};

use crate::points::PointsError;
use crate::raster::geo_keys::{GeoKeys, RawGeoKeys};

/// Shortest header: LAS 1.0.
const SHORTEST: usize = 227;
/// With all fields of LAS 1.4.
const LONGEST: usize = 375;
const VLR_BYTES: u64 = 54;
const EVLR_BYTES: u64 = 60;
/// Records that matter (reference systems, the description of the compression) are small.
const MAX_RECORD_BYTES: u64 = 1 << 20;
/// Extended records looked at.
const MAX_EXTENDED: u64 = 1000;

/// Bytes of a point of each format, without extra bytes.
const FORMAT_BYTES: [u16; 11] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];

/// The header's fields as they lie in the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawHeader {
    /// Version, major and minor.
    pub version: (u8, u8),
    /// Bits: 4 says that the reference system is WKT.
    pub global_encoding: u16,
    /// Length of the header, bytes.
    pub header_bytes: u16,
    /// Where the points begin.
    pub points_offset: u32,
    /// Variable-length records between header and points.
    pub record_count: u32,
    /// Format of the points; bits 6 and 7 say that they are compressed.
    pub point_format: u8,
    /// Length of a point, bytes.
    pub point_bytes: u16,
    /// Points, as counted before LAS 1.4.
    pub legacy_count: u32,
    /// Step of the stored coordinates.
    pub scale: [f64; 3],
    /// Where the stored coordinates begin.
    pub offset: [f64; 3],
    /// Lowest coordinates.
    pub low: [f64; 3],
    /// Highest coordinates.
    pub high: [f64; 3],
    /// Where the extended records begin (LAS 1.4).
    pub extended_offset: u64,
    /// Extended records (LAS 1.4).
    pub extended_count: u32,
    /// Points (LAS 1.4).
    pub count: u64,
}

/// A header that can be relied on: what it points to lies within the file.
#[derive(Clone, Debug, PartialEq)]
pub struct LasHeader {
    /// Version, major and minor.
    pub version: (u8, u8),
    /// Format of the points, 0 to 10.
    pub point_format: u8,
    /// Length of a point, bytes; at least that of the format.
    pub point_bytes: u16,
    /// Where the points begin.
    pub points_offset: u64,
    /// Points announced.
    pub count: u64,
    /// Step of the stored coordinates; finite, not zero.
    pub scale: [f64; 3],
    /// Where the stored coordinates begin.
    pub offset: [f64; 3],
    /// Lowest and highest coordinates; `None` where they are not numbers in order.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// Description of the compression (record 22204 of "laszip encoded"), if the points are compressed.
    pub laszip: Option<Vec<u8>>,
    /// Whether the file is a cloud-optimised one (COPC).
    pub is_copc: bool,
    /// Reference system as WKT.
    pub wkt: Option<String>,
    /// Reference system as GeoKeys.
    pub geo_keys: Option<GeoKeys>,
}

impl RawHeader {
    /// Reads the fields of a header; those that its version does not have are 0.
    ///
    /// # Errors
    /// No such file, or one that ends within its header.
    pub fn read(bytes: &[u8]) -> Result<Self, PointsError> {
        let refuse = |reason: String| PointsError::Format { format: "LAS", reason };
        if bytes.get(..4) != Some(b"LASF") {
            return Err(refuse("it does not begin with LASF".into()));
        }
        if bytes.len() < SHORTEST {
            return Err(refuse(format!("{} bytes are no header", bytes.len())));
        }
        let mut fields = Fields { bytes };
        let mut raw = Self {
            version: (fields.u8(24), fields.u8(25)),
            global_encoding: fields.u16(6),
            header_bytes: fields.u16(94),
            points_offset: fields.u32(96),
            record_count: fields.u32(100),
            point_format: fields.u8(104),
            point_bytes: fields.u16(105),
            legacy_count: fields.u32(107),
            scale: [131, 139, 147].map(|at| fields.f64(at)),
            offset: [155, 163, 171].map(|at| fields.f64(at)),
            high: [179, 195, 211].map(|at| fields.f64(at)),
            low: [187, 203, 219].map(|at| fields.f64(at)),
            ..Self::default()
        };
        if raw.version.1 >= 4 && usize::from(raw.header_bytes) >= LONGEST && bytes.len() >= LONGEST {
            raw.extended_offset = fields.u64(235);
            raw.extended_count = fields.u32(243);
            raw.count = fields.u64(247);
        }
        Ok(raw)
    }
}

impl LasHeader {
    /// Reads and checks the header of a file of `file_bytes`, and the records that matter.
    ///
    /// # Errors
    /// No such file, a version or format that is not known, or a header that contradicts itself or the file's length.
    pub fn read(file: &mut (impl Read + Seek), file_bytes: u64) -> Result<Self, PointsError> {
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::with_capacity(LONGEST);
        file.by_ref().take(LONGEST as u64).read_to_end(&mut bytes)?;
        let raw = RawHeader::read(&bytes)?;
        let mut header = Self::check(&raw, file_bytes)?;
        header.read_records(&raw, file, file_bytes)?;
        if raw.point_format & 0xc0 != 0 && header.laszip.is_none() {
            return Err(corrupt(104, "the points are compressed, but no record says how"));
        }
        if raw.point_format & 0xc0 == 0 {
            header.laszip = None;
            let room = (file_bytes - header.points_offset) / u64::from(header.point_bytes);
            if room < header.count {
                return Err(PointsError::Truncated { found: room, announced: header.count });
            }
        }
        Ok(header)
    }

    fn check(raw: &RawHeader, file_bytes: u64) -> Result<Self, PointsError> {
        if raw.version.0 != 1 || raw.version.1 > 4 {
            return Err(PointsError::Unsupported {
                what: format!("LAS version {}.{}", raw.version.0, raw.version.1),
            });
        }
        let shortest = match raw.version.1 {
            0..3 => SHORTEST,
            3 => 235,
            _ => LONGEST,
        };
        if usize::from(raw.header_bytes) < shortest {
            return Err(corrupt(94, format!("a header of {} bytes is too short", raw.header_bytes)));
        }
        let points_offset = u64::from(raw.points_offset);
        if points_offset < u64::from(raw.header_bytes) || points_offset > file_bytes {
            return Err(corrupt(96, format!("the points begin at {points_offset} of {file_bytes} bytes")));
        }
        let point_format = raw.point_format & 0x3f;
        let Some(&format_bytes) = FORMAT_BYTES.get(usize::from(point_format)) else {
            return Err(PointsError::Unsupported { what: format!("point format {point_format}") });
        };
        if raw.point_bytes < format_bytes {
            return Err(corrupt(
                105,
                format!(
                    "points of {} bytes where format {point_format} takes {format_bytes}",
                    raw.point_bytes
                ),
            ));
        }
        let usable = raw.scale.iter().all(|s| s.is_finite() && *s != 0.0)
            && raw.offset.iter().all(|o| o.is_finite() && o.abs() < 1e15);
        if !usable {
            return Err(corrupt(131, format!("scale {:?} and offset {:?}", raw.scale, raw.offset)));
        }
        let room = (points_offset - u64::from(raw.header_bytes)) / VLR_BYTES;
        if u64::from(raw.record_count) > room {
            return Err(corrupt(100, format!("{} records where {room} have room", raw.record_count)));
        }
        let ordered = (0..3).all(|axis| raw.low[axis] <= raw.high[axis]);
        let finite = raw.low.iter().chain(&raw.high).all(|c| c.is_finite());
        Ok(Self {
            version: raw.version,
            point_format,
            point_bytes: raw.point_bytes,
            points_offset,
            // Writers of 1.4 may leave either out.
            count: if raw.count > 0 { raw.count } else { raw.legacy_count.into() },
            scale: raw.scale,
            offset: raw.offset,
            bounds: (ordered && finite).then_some([raw.low, raw.high]),
            laszip: None,
            is_copc: false,
            wkt: None,
            geo_keys: None,
        })
    }

    fn read_records(
        &mut self,
        raw: &RawHeader,
        file: &mut (impl Read + Seek),
        file_bytes: u64,
    ) -> Result<(), PointsError> {
        let mut parts = GeoParts::default();
        let mut at = u64::from(raw.header_bytes);
        for _ in 0..raw.record_count {
            let head = read_at(file, at, VLR_BYTES)?;
            let mut fields = Fields { bytes: &head };
            let length = u64::from(fields.u16(20));
            let end = at + VLR_BYTES + length;
            if end > self.points_offset {
                return Err(corrupt(at, format!("a record of {length} bytes reaches into the points")));
            }
            self.take_record(&head, at + VLR_BYTES, length, file, &mut parts)?;
            at = end;
        }
        let mut at = raw.extended_offset;
        for _ in 0..u64::from(raw.extended_count).min(MAX_EXTENDED) {
            if at < self.points_offset || at.saturating_add(EVLR_BYTES) > file_bytes {
                // What stands behind the points is not needed for reading them.
                break;
            }
            let head = read_at(file, at, EVLR_BYTES)?;
            let length = Fields { bytes: &head }.u64(20);
            let end = at.saturating_add(EVLR_BYTES).saturating_add(length);
            if end > file_bytes {
                break;
            }
            self.take_record(&head, at + EVLR_BYTES, length, file, &mut parts)?;
            at = end;
        }
        // A directory that cannot be read is as good as none: the system must then be given.
        self.geo_keys = parts.keys();
        Ok(())
    }

    fn take_record(
        &mut self,
        head: &[u8],
        at: u64,
        length: u64,
        file: &mut (impl Read + Seek),
        parts: &mut GeoParts,
    ) -> Result<(), PointsError> {
        let user = head.get(2..18).unwrap_or_default();
        let user = user.split(|byte| *byte == 0).next().unwrap_or_default();
        let id = Fields { bytes: head }.u16(18);
        if length > MAX_RECORD_BYTES {
            return Ok(());
        }
        match (user, id) {
            (b"laszip encoded", 22_204) => self.laszip = Some(read_at(file, at, length)?),
            (b"copc", 1) => self.is_copc = true,
            (b"LASF_Projection", 2112) => {
                let text = read_at(file, at, length)?;
                let text = String::from_utf8_lossy(&text).trim_end_matches('\0').trim().to_owned();
                self.wkt = (!text.is_empty()).then_some(text);
            }
            (b"LASF_Projection", 34_735) => parts.directory = shorts(&read_at(file, at, length)?),
            (b"LASF_Projection", 34_736) => parts.doubles = doubles(&read_at(file, at, length)?),
            (b"LASF_Projection", 34_737) => parts.ascii = read_at(file, at, length)?,
            _ => {}
        }
        Ok(())
    }
}

#[derive(Default)]
struct GeoParts {
    directory: Vec<u16>,
    doubles: Vec<f64>,
    ascii: Vec<u8>,
}

impl GeoParts {
    fn keys(&self) -> Option<GeoKeys> {
        let raw = RawGeoKeys { directory: &self.directory, doubles: &self.doubles, ascii: &self.ascii };
        GeoKeys::parse(raw).ok().filter(|keys| !keys.is_empty())
    }
}

fn shorts(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).filter_map(|eight| Some(f64::from_le_bytes(eight.try_into().ok()?))).collect()
}

/// `length` bytes; the caller has checked that the file is long enough.
fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

pub(super) fn corrupt(offset: u64, reason: impl Into<String>) -> PointsError {
    PointsError::Corrupt { offset, reason: reason.into() }
}

/// Little-endian numbers at offsets; 0 beyond the end.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self, at: usize) -> [u8; N] {
        let found = self.bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
        found.unwrap_or([0; N])
    }
    fn u8(&mut self, at: usize) -> u8 {
        self.take::<1>(at)[0]
    }
    fn u16(&mut self, at: usize) -> u16 {
        u16::from_le_bytes(self.take(at))
    }
    fn u32(&mut self, at: usize) -> u32 {
        u32::from_le_bytes(self.take(at))
    }
    fn u64(&mut self, at: usize) -> u64 {
        u64::from_le_bytes(self.take(at))
    }
    fn f64(&mut self, at: usize) -> f64 {
        f64::from_le_bytes(self.take(at))
    }
}
