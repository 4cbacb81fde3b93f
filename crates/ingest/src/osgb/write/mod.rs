//! Writing OSGB files of any version, as photogrammetry tools lay them out: for samples and for tests of the reader.

mod geometry;
mod node;
mod out;

use std::io::{self, Write};

pub use geometry::{Corners, Geometry, Primitive};
pub use node::{Level, Node, PagedLod};

use out::Out;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// File version, 60 to 202.
    pub version: u32,
    /// Whether blocks carry their size (possible from version 98 on).
    pub blocks: bool,
    /// Compression of the body.
    pub compression: Compression,
    /// Whether numbers are big-endian.
    pub big_endian: bool,
    /// Whether an inline schema stands before the root (its text is a placeholder: readers skip it).
    pub schema: bool,
}

/// Compression of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// `zlib` with a gzip wrapper, as OpenSceneGraph writes it.
    Gzip,
    /// `zlib` with a zlib wrapper.
    Zlib,
    /// `null`: a length before the raw bytes.
    Null,
}

impl Format {
    /// As older ContextCapture writes: raw, without block sizes.
    pub const V80: Self =
        Self { version: 80, blocks: false, compression: Compression::None, big_endian: false, schema: false };
    /// As ContextCapture writes.
    pub const V91: Self = Self { version: 91, ..Self::V80 };
    /// As OpenSceneGraph 3.6.5 writes: block sizes, compressed.
    pub const V161: Self = Self { version: 161, blocks: true, compression: Compression::Gzip, ..Self::V80 };
}

/// A file to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Textures that geometries name by index; those that several name are shared.
    pub textures: Vec<Texture>,
    /// The root; `None` writes `NULL`.
    pub root: Option<Node>,
}

/// A texture.
#[derive(Clone, Debug, PartialEq)]
pub struct Texture {
    /// Its label, such as `Tile_+000_+000_0.jpg`.
    pub name: String,
    /// Its image.
    pub image: TextureImage,
}

/// The image of a texture.
#[derive(Clone, Debug, PartialEq)]
pub enum TextureImage {
    /// A whole JPEG or PNG file.
    File(Vec<u8>),
    /// Pixels, bottom row first unless `top_first`.
    Pixels {
        /// Columns and rows.
        size: [u32; 2],
        /// OpenGL pixel format: 0x1907 RGB, 0x1908 RGBA, 0x83F0 DXT1, 0x83F3 DXT5.
        format: u32,
        /// Whether the top row comes first.
        top_first: bool,
        /// All levels.
        bytes: Vec<u8>,
    },
    /// A file beside this one, of the texture's name.
    External,
}

/// Writes a file.
///
/// # Errors
/// A list too long for the format; none else, as memory takes everything.
pub fn write(file: &File, format: &Format) -> io::Result<Vec<u8>> {
    let mut body = Out::new(format);
    if format.schema {
        body.text("osg::Node=Name,DataVariance")?;
    }
    let mut writer = Writer {
        out: body,
        textures: &file.textures,
        state_sets: vec![None; file.textures.len()],
        next_id: 1,
    };
    match &file.root {
        Some(root) => writer.node(root)?,
        None => writer.out.text("NULL")?,
    }
    let body = writer.out.finish();

    let mut header = Out::new(&Format { blocks: false, ..*format });
    for word in super::MAGIC {
        header.u32(word);
    }
    header.u32(1);
    header.u32(format.version);
    header.u32(
        if format.schema { super::HAS_SCHEMA } else { 0 } | if format.blocks { super::HAS_BLOCKS } else { 0 },
    );
    match format.compression {
        Compression::None => header.text("0")?,
        Compression::Gzip | Compression::Zlib => header.text("zlib")?,
        Compression::Null => {
            header.text("null")?;
            header.count(body.len())?;
        }
    }
    let mut bytes = header.finish();
    match format.compression {
        Compression::None | Compression::Null => bytes.extend_from_slice(&body),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(bytes, flate2::Compression::default());
            encoder.write_all(&body)?;
            bytes = encoder.finish()?;
        }
        Compression::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(bytes, flate2::Compression::default());
            encoder.write_all(&body)?;
            bytes = encoder.finish()?;
        }
    }
    Ok(bytes)
}

struct Writer<'f> {
    out: Out,
    textures: &'f [Texture],
    /// Id of the state set of each texture, once written.
    state_sets: Vec<Option<u32>>,
    next_id: u32,
}

impl Writer<'_> {
    fn version(&self) -> u32 {
        self.out.version()
    }

    /// Class name, block, id, `osg::Object`; the caller writes the rest and closes the block.
    fn open_object(&mut self, class: &str, name: &str) -> io::Result<(usize, u32)> {
        self.out.text(class)?;
        let block = self.out.open();
        let id = self.next_id;
        self.next_id += 1;
        self.out.u32(id);
        self.object_fields(name)?;
        Ok((block, id))
    }

    fn object_fields(&mut self, name: &str) -> io::Result<()> {
        self.out.text(name)?;
        self.out.i32(2);
        // No user data, no container.
        self.out.bool(false);
        Ok(())
    }

    fn no_objects(&mut self, count: usize) {
        (0..count).for_each(|_| self.out.bool(false));
    }
}
