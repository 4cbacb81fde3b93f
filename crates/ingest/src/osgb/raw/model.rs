//! What an OSGB file holds, field by field. Vertices, indices and images are slices of the file.

use std::borrow::Cow;

/// Index of an object in [`RawScene::objects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub(in crate::osgb) u32);

/// Index of an image in [`RawScene::images`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageHandle(pub(in crate::osgb) u32);

impl Handle {
    /// Position in [`RawScene::objects`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ImageHandle {
    /// Position in [`RawScene::images`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A whole file. Objects that are shared in the file are shared here.
#[derive(Debug)]
pub struct RawScene<'a> {
    /// File version.
    pub version: u32,
    /// Whether numbers in borrowed slices are big-endian.
    pub big_endian: bool,
    /// Whether offsets count in a decompressed body.
    pub in_body: bool,
    /// Every object in the order in which they begin.
    pub objects: Vec<Object<'a>>,
    /// Every image.
    pub images: Vec<Image<'a>>,
    /// The root object; `None` if the file says `NULL`.
    pub root: Option<Handle>,
    /// Bytes after the root object: 0 in a sound file.
    pub trailing_bytes: u64,
}

/// An object.
#[derive(Debug)]
pub enum Object<'a> {
    /// Being read; met only from inside a cycle.
    Reading,
    /// A node of the scene graph.
    Node(Box<Node<'a>>),
    /// State of drawables.
    StateSet(StateSet),
    /// A texture of two dimensions; `None`: without an image.
    Texture2D(Option<ImageHandle>),
    /// A material; its diffuse colour (front).
    Material([f32; 4]),
    /// An array of vertex data.
    Array(Array<'a>),
    /// A set of primitives.
    Primitives(PrimitiveSet<'a>),
    /// Read, but nothing that is drawn.
    Other,
    /// Skipped: its class is not known, or it is only defined inside such an object.
    Skipped {
        /// Class name.
        class: String,
        /// Where its class name begins.
        offset: u64,
    },
}

/// A node.
#[derive(Debug)]
pub struct Node<'a> {
    /// Class name.
    pub class: &'static str,
    /// Where its fields begin.
    pub offset: u64,
    /// Name, in whatever encoding.
    pub name: &'a [u8],
    /// Node mask; 0 hides the node.
    pub mask: u32,
    /// State set.
    pub state_set: Option<Handle>,
    /// The rest.
    pub kind: NodeKind<'a>,
}

/// What makes nodes differ.
#[derive(Debug)]
pub enum NodeKind<'a> {
    /// `osg::Node`: nothing.
    Empty,
    /// `osg::Group` and what adds nothing that is drawn.
    Group(Vec<Option<Handle>>),
    /// `osg::Switch`: children with whether each is shown.
    Switch {
        /// Children.
        children: Vec<Option<Handle>>,
        /// Shown?
        values: Vec<bool>,
    },
    /// A transform.
    Transform {
        /// Children.
        children: Vec<Option<Handle>>,
        /// 16 numbers row by row, for row vectors: translation in 12, 13, 14.
        matrix: [f64; 16],
    },
    /// `osg::LOD` and `osg::PagedLOD`.
    Lod(Box<Lod<'a>>),
    /// `osg::ProxyNode`: files to be loaded in any case.
    Proxy {
        /// File names.
        files: Vec<&'a [u8]>,
        /// Inline children.
        children: Vec<Option<Handle>>,
    },
    /// `osg::Geode`: drawables.
    Geode(Vec<Option<Handle>>),
    /// `osg::Geometry`.
    Geometry(Box<Geometry>),
}

/// Level of detail.
#[derive(Debug, Default)]
pub struct Lod<'a> {
    /// 0 bounding sphere, 1 user defined, 2 union.
    pub center_mode: i32,
    /// Centre and radius, if the user defined them.
    pub user_sphere: Option<[f64; 4]>,
    /// 0 distance from the eye, 1 pixel size on screen.
    pub range_mode: i32,
    /// Least and largest value at which each child is shown.
    pub ranges: Vec<[f32; 2]>,
    /// File names by child, empty for inline ones; `PagedLOD` only.
    pub files: Vec<&'a [u8]>,
    /// Inline children.
    pub children: Vec<Option<Handle>>,
    /// Whether children are matched by empty file names (`PagedLOD`) rather than by position (`LOD`).
    pub is_paged: bool,
}

/// Triangles and the like.
#[derive(Debug, Default)]
pub struct Geometry {
    /// Primitive sets.
    pub primitives: Vec<Option<Handle>>,
    /// Vertices.
    pub vertices: Attribute,
    /// Colours.
    pub colors: Attribute,
    /// Texture coordinates by unit.
    pub tex_coords: Vec<Attribute>,
}

/// A vertex attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// Its values.
    pub array: Option<Handle>,
    /// Indices into them (before version 112, and obsolete then).
    pub indices: Option<Handle>,
    /// 0 off, 1 overall, 2 per primitive set, 3 per primitive, 4 per vertex, −1 undefined.
    pub binding: i32,
}

/// State.
#[derive(Debug, Default)]
pub struct StateSet {
    /// State attributes.
    pub attributes: Vec<Option<Handle>>,
    /// Attributes by texture unit.
    pub texture_attributes: Vec<Vec<Option<Handle>>>,
}

/// Kind of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// 8 bits, signed.
    I8,
    /// 8 bits.
    U8,
    /// 16 bits, signed.
    I16,
    /// 16 bits.
    U16,
    /// 32 bits, signed.
    I32,
    /// 32 bits.
    U32,
    /// 64 bits, signed.
    I64,
    /// 64 bits.
    U64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Component {
    /// Width.
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// An array, as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    /// Kind of its components.
    pub component: Component,
    /// Components per element, 1 to 4.
    pub width: usize,
    /// Elements.
    pub count: usize,
    /// `count * width` components in the byte order of the file.
    pub bytes: &'a [u8],
    /// Binding, where the array itself has one (from version 112 on).
    pub binding: Option<i32>,
}

/// Primitives, as they lie in the file.
#[derive(Clone, Debug)]
pub struct PrimitiveSet<'a> {
    /// OpenGL mode: 4 triangles, 5 strip, 6 fan, 7 quads, 8 quad strip, 9 polygon; 0 to 3 points and lines.
    pub mode: i32,
    /// Corners.
    pub corners: Corners<'a>,
}

/// Corners of primitives.
#[derive(Clone, Debug)]
pub enum Corners<'a> {
    /// Vertices in order.
    Range {
        /// First vertex.
        first: i32,
        /// How many.
        count: i32,
    },
    /// Several primitives, each of vertices in order.
    Lengths {
        /// First vertex.
        first: i32,
        /// Length of each, `i32` in the byte order of the file.
        bytes: &'a [u8],
    },
    /// Indices of 1, 2 or 4 bytes.
    Indices {
        /// Bytes per index.
        width: usize,
        /// Indices in the byte order of the file.
        bytes: &'a [u8],
    },
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// File name or label, in whatever encoding.
    pub file_name: &'a [u8],
    /// Its content.
    pub data: ImageData<'a>,
}

/// The content of an image.
#[derive(Clone, Debug)]
pub enum ImageData<'a> {
    /// A complete file (JPEG, PNG, DDS …), byte for byte.
    File(&'a [u8]),
    /// Pixels.
    Pixels(Pixels<'a>),
    /// In a file of its own, named relative to this one.
    External,
}

/// Pixels.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// 0 bottom row first, 1 top row first.
    pub origin: i32,
    /// Columns, rows, slices.
    pub size: [i32; 3],
    /// Internal format.
    pub internal_format: i32,
    /// Pixel format.
    pub pixel_format: i32,
    /// Type of a channel.
    pub data_type: i32,
    /// Rows begin at multiples of this.
    pub packing: i32,
    /// The first level, then all mips.
    pub bytes: &'a [u8],
}

/// Text of a file as Unicode: UTF-8, else GB18030, which tools on Chinese Windows write.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
    }
}
