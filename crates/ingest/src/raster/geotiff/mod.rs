//! GeoTIFF: tiled or striped, classic or BigTIFF, uncompressed, deflate, LZW, PackBits or JPEG; read a window at a time.

mod header;
mod jpeg_guard;
mod window;

use std::io::{Read, Seek};

use tiff::decoder::{Decoder, Limits};

use super::{geo_keys::GeoKeys, geo_transform::GeoTransform};
pub use window::Window;

/// Most bytes of a decoded tile or strip.
pub const MAX_CHUNK_BYTES: usize = 256 << 20;
/// Most bytes of one tag: the offsets of some million tiles.
const MAX_TAG_BYTES: usize = 64 << 20;
/// Most pixels of a window.
pub const MAX_WINDOW_PIXELS: u64 = 1 << 28;

/// What the numbers of a raster are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// Integer without sign, of so many bits.
    Unsigned(u8),
    /// Integer, of so many bits.
    Signed(u8),
    /// Floating point, of so many bits.
    Float(u8),
}

/// What the bands of a raster mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bands {
    /// Numbers: heights, or grey.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// JPEG's own colours, stored unconverted.
    YCbCr,
    /// Indices into a table of colours.
    Palette,
    /// Something else.
    Other,
}

/// What a raster says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RasterInfo {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Numbers per pixel.
    pub samples: u16,
    /// What they mean.
    pub bands: Bands,
    /// Index of the band that says how opaque a pixel is, if there is one.
    pub alpha: Option<u16>,
    /// What the numbers are.
    pub kind: SampleKind,
    /// The number that means none.
    pub no_data: Option<f64>,
    /// Where it lies, if the file says.
    pub transform: Option<GeoTransform>,
    /// The system it lies in, if the file says.
    pub keys: Option<GeoKeys>,
    /// Width and height of tiles; strips are as wide as the raster.
    pub chunk: (u32, u32),
}

/// A raster file.
pub struct GeoTiff<R: Read + Seek> {
    decoder: Decoder<R>,
    info: RasterInfo,
    layout: header::Layout,
    recent: window::Recent,
}

/// What is wrong with a raster.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// The file cannot be read as TIFF.
    #[error("not a TIFF that can be read: {0}")]
    Tiff(#[from] tiff::TiffError),
    /// A kind of TIFF that is not read.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The file contradicts itself.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A tile or strip that cannot be decoded.
    #[error("{kind} {index} (column {column}, row {row}): {reason}")]
    Chunk {
        /// "tile" or "strip".
        kind: &'static str,
        /// Which.
        index: u32,
        /// First column of it.
        column: u32,
        /// First row of it.
        row: u32,
        /// What is wrong.
        reason: String,
    },
    /// A window that is none, or too large.
    #[error("no window of {0:?} in a raster of {1} × {2}, {MAX_WINDOW_PIXELS} pixels at most")]
    Window(Window, u32, u32),
}

impl<R: Read + Seek> std::fmt::Debug for GeoTiff<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeoTiff").field("info", &self.info).finish_non_exhaustive()
    }
}

impl<R: Read + Seek> GeoTiff<R> {
    /// Reads the header of the first image of a file. Placement and system may be missing: a world file or the user may
    /// know them.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn open(file: R) -> Result<Self, RasterError> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_CHUNK_BYTES;
        limits.intermediate_buffer_size = MAX_CHUNK_BYTES;
        limits.ifd_value_size = MAX_TAG_BYTES;
        let mut decoder = Decoder::new(file)?.with_limits(limits);
        let (info, layout) = header::read(&mut decoder)?;
        Ok(Self { decoder, info, layout, recent: window::Recent::default() })
    }
    /// What it says about itself.
    pub fn info(&self) -> &RasterInfo {
        &self.info
    }
    /// Gives a placement to a raster that has none, or another.
    pub fn place(&mut self, transform: GeoTransform) {
        self.info.transform = Some(transform);
    }
}
