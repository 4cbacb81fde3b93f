//! OSGB, the binary scene files of photogrammetry: a reader of our own, and a writer.
//!
//! Two layers. [`raw`] mirrors the bytes: every field of the known classes, in the order of the file, vertices, indices
//! and images as slices of it. [`scene`] is what can be drawn: triangle meshes with validated indices, hung on a tree of
//! levels of detail. [`write`] makes files of any version, for samples and tests.
//!
//! File versions 60 to 202, with or without block sizes, raw, `zlib` (zlib or gzip wrapping) or `null` compression,
//! either byte order. Classes that are not known are skipped where the file says how long they are, and are an error
//! where it does not.

mod cursor;
mod error;
pub mod raw;
pub mod scene;
pub mod write;

use std::{borrow::Cow, io::Read};

pub use error::{OsgbError, OsgbErrorKind};

use cursor::Cursor;

const MAGIC: [u32; 2] = [0x6C91_0EA1, 0x1AFB_4545];
/// Attribute bits of the header.
const HAS_DOMAINS: u32 = 1;
const HAS_SCHEMA: u32 = 2;
const HAS_BLOCKS: u32 = 4;
/// From this version on block sizes take 8 bytes.
const WIDE_BLOCKS_FROM: u32 = 149;
/// What was published in 2022 is 202; far beyond it fields may differ.
const NEWEST_VERSION: u32 = 299;
const OLDEST_VERSION: u32 = 50;

/// What a file may take before it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a decompressed body.
    pub max_body_bytes: u64,
    /// How deep objects may be nested.
    pub max_depth: u32,
    /// Nodes that are visited when levels of detail are gathered (shared nodes count each time).
    pub max_visits: u64,
    /// Corners of triangles in one file, after strips and fans are resolved.
    pub max_corners: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_body_bytes: 1 << 30, max_depth: 96, max_visits: 1 << 20, max_corners: 1 << 28 }
    }
}

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 a scene, 2 an image, 3 any object.
    pub content_type: u32,
    /// File version.
    pub version: u32,
    /// Bit 0 domains, bit 1 schema, bit 2 block sizes.
    pub attributes: u32,
    /// Name of the compressor; `0` for none.
    pub compressor: String,
    /// Whether the file is big-endian.
    pub big_endian: bool,
}

/// An opened file: its header, and its body, decompressed if need be.
#[derive(Debug)]
pub struct Container<'a> {
    file: &'a str,
    header: Header,
    body: Cow<'a, [u8]>,
    cursor: Cursor<'a>,
}

impl<'a> Container<'a> {
    /// Opens the bytes of a file; `file` names it in errors.
    pub fn open(file: &'a str, bytes: &'a [u8], limits: &Limits) -> Result<Self, OsgbError> {
        let mut cursor = Cursor::new(file, bytes);
        let header = header(&mut cursor)?;
        let body = match header.compressor.as_str() {
            "0" | "" => Cow::Borrowed(cursor.rest()),
            "null" => {
                let count = cursor.count(1, "null-compressed size")?;
                Cow::Borrowed(cursor.rest().get(..count).unwrap_or_default())
            }
            "zlib" => Cow::Owned(inflate(&cursor, limits)?),
            other => {
                let kind = OsgbErrorKind::Unsupported(format!("compressor {other:?}"));
                return Err(cursor.fail("compressor", kind));
            }
        };
        Ok(Self { file, header, body, cursor })
    }

    /// What the file says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads all objects. What comes back borrows from this container.
    pub fn read(&self, limits: &Limits) -> Result<raw::RawScene<'_>, OsgbError> {
        let in_body = matches!(self.body, Cow::Owned(_));
        let mut cursor = self.cursor.over_body(self.file, &self.body, in_body);
        if self.header.attributes & HAS_SCHEMA != 0 {
            cursor.text("schema")?;
        }
        raw::read(cursor, limits)
    }

    /// Name of the file in errors.
    pub fn file(&self) -> &str {
        self.file
    }
}

/// Whether bytes begin like a binary OSGB file of either byte order.
pub fn is_osgb(bytes: &[u8]) -> bool {
    let Some(Ok(first)) = bytes.get(..8).map(<[u8; 8]>::try_from) else { return false };
    let little: Vec<u8> = MAGIC.iter().flat_map(|m| m.to_le_bytes()).collect();
    let big: Vec<u8> = MAGIC.iter().flat_map(|m| m.to_be_bytes()).collect();
    first[..] == little[..] || first[..] == big[..]
}

fn header(cursor: &mut Cursor<'_>) -> Result<Header, OsgbError> {
    let magic = [cursor.u32("magic")?, cursor.u32("magic")?];
    let big_endian = magic == MAGIC.map(u32::swap_bytes);
    if !big_endian && magic != MAGIC {
        let start = magic[0].to_le_bytes();
        let what = match &start {
            b"#Asc" => "it is the text form (convert it with osgconv)".to_owned(),
            b"<?xm" => "it is XML".to_owned(),
            _ => format!("it begins with {start:02x?}"),
        };
        return Err(cursor.fail_at(0, "magic", OsgbErrorKind::NotOsgb(what)));
    }
    cursor.set_big_endian(big_endian);
    let content_type = cursor.u32("content type")?;
    let version = cursor.u32("version")?;
    if !(OLDEST_VERSION..=NEWEST_VERSION).contains(&version) {
        return Err(cursor.fail("version", OsgbErrorKind::Unsupported(format!("file version {version}"))));
    }
    let attributes = cursor.u32("attribute bits")?;
    if attributes & HAS_DOMAINS != 0 {
        for _ in 0..cursor.count(8, "domains")? {
            cursor.text("domain name")?;
            cursor.i32("domain version")?;
        }
    }
    let compressor = raw::text(cursor.text("compressor")?).into_owned();
    if content_type == 2 {
        return Err(cursor.fail("content type", OsgbErrorKind::Unsupported("a file that is an image".into())));
    }
    cursor.version = version;
    cursor.block_size_bytes = match attributes & HAS_BLOCKS != 0 {
        false => 0,
        true if version < WIDE_BLOCKS_FROM => 4,
        true => 8,
    };
    Ok(Header { content_type, version, attributes, compressor, big_endian })
}

/// One deflate stream with gzip or zlib wrapping; memory is taken as bytes come.
fn inflate(cursor: &Cursor<'_>, limits: &Limits) -> Result<Vec<u8>, OsgbError> {
    let packed = cursor.rest();
    let mut body = Vec::new();
    let room = limits.max_body_bytes.saturating_add(1);
    let result = if packed.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(packed).take(room).read_to_end(&mut body)
    } else {
        flate2::read::ZlibDecoder::new(packed).take(room).read_to_end(&mut body)
    };
    if let Err(error) = result {
        return Err(cursor.corrupt("compressed body", format!("it cannot be decompressed: {error}")));
    }
    if body.len() as u64 > limits.max_body_bytes {
        let reason = format!("the body decompresses to more than {} bytes", limits.max_body_bytes);
        return Err(cursor.fail("compressed body", OsgbErrorKind::OverBudget(reason)));
    }
    Ok(body)
}
