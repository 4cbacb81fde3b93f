//! The one content model: whatever the format, a tile decodes to this.

use geodesy::glam::{DMat4, DVec3};

use crate::metadata::TileFeatures;

/// Legacy `asset.gltfUpAxis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpAxis {
    /// x up.
    X,
    /// y up: the default.
    #[default]
    Y,
    /// z up.
    Z,
}

/// Block-compressed texture families the GPU samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextureSupport {
    /// BC1–BC7.
    pub bc: bool,
    /// ETC2.
    pub etc2: bool,
    /// ASTC LDR.
    pub astc: bool,
}

/// A decoded tile. Content space is the tile's own space after up-axis correction (z up).
#[derive(Clone, Debug, Default)]
pub struct TileContent {
    /// Geometry.
    pub primitives: Vec<Primitive>,
    /// Materials; primitives refer by index.
    pub materials: Vec<Material>,
    /// Textures with all mips; materials refer by index.
    pub textures: Vec<Texture>,
    /// Feature tables: batch tables and structural metadata in one form.
    pub features: TileFeatures,
    /// `asset.copyright` of the glTF, in file order, without duplicates.
    pub copyrights: Vec<String>,
}

/// How vertices form shapes. Strips, fans and loops are expanded while decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Triangle list.
    Triangles,
    /// Line list.
    Lines,
    /// Points.
    Points,
}

/// Indices, as narrow as the vertex count allows.
#[derive(Clone, Debug, PartialEq)]
pub enum Indices {
    /// 16 bit.
    U16(Vec<u16>),
    /// 32 bit.
    U32(Vec<u32>),
}

/// One drawable: separate vertex streams, one entry per vertex.
#[derive(Clone, Debug)]
pub struct Primitive {
    /// Topology.
    pub topology: Topology,
    /// Positions, relative to the origin of `content_from_primitive`; small numbers (RTC centres are in the matrix).
    pub positions: Vec<[f32; 3]>,
    /// Normals as signed normalised bytes (x, y, z, 0), in primitive space.
    pub normals: Option<Vec<[i8; 4]>>,
    /// Texture coordinates of the base colour texture, `KHR_texture_transform` applied, v down.
    pub uvs: Option<Vec<[f32; 2]>>,
    /// Vertex colours, sRGB-encoded, straight alpha.
    pub colors: Option<Vec<[u8; 4]>>,
    /// Indices; `None` draws the vertices in order.
    pub indices: Option<Indices>,
    /// Index into [`TileContent::materials`].
    pub material: Option<usize>,
    /// Node transform with RTC centre: `content_from_primitive * position`.
    pub content_from_primitive: DMat4,
    /// `EXT_mesh_gpu_instancing` and i3dm: one matrix each, `content_from_primitive * instance * position`. Empty: once.
    pub instances: Vec<DMat4>,
    /// Box of `positions`, primitive space: lower and upper corner.
    pub bounds: ([f32; 3], [f32; 3]),
    /// Per-vertex feature ids, by feature set of [`TileContent::features`]; outer index = feature set.
    pub vertex_feature_ids: Vec<FeatureIds>,
    /// Point size in pixels where the format gives one.
    pub point_size_px: Option<f32>,
}

/// Where the feature id of a vertex (or instance, or texel) comes from, and the table it points into.
#[derive(Clone, Debug)]
pub struct FeatureIds {
    /// `label` of the feature id set, or `_FEATURE_ID_n` / `_BATCHID`.
    pub label: String,
    /// The ids.
    pub source: FeatureIdSource,
    /// The id that means none.
    pub null_id: Option<u32>,
    /// Index into [`TileFeatures::tables`], if the ids have properties.
    pub table: Option<usize>,
}

/// Source of feature ids.
#[derive(Clone, Debug)]
pub enum FeatureIdSource {
    /// One per vertex.
    Vertex(Vec<u32>),
    /// One per instance.
    Instance(Vec<u32>),
    /// The vertex index itself.
    Implicit,
    /// A texture sampled at the vertex's coordinates: nearest texel, given channels little-endian.
    Texture {
        /// Coordinates of this set, one per vertex.
        uvs: Vec<[f32; 2]>,
        /// Width in texels.
        width: u32,
        /// Height in texels.
        height: u32,
        /// One id per texel, row by row.
        ids: Vec<u32>,
        /// Wrapping of u and v: repeat (true) or clamp.
        repeat: [bool; 2],
    },
}

/// What is left of a material: photogrammetry carries its own light.
#[derive(Clone, Debug)]
pub struct Material {
    /// Base colour factor, linear, straight alpha.
    pub base_color: [f32; 4],
    /// Index into [`TileContent::textures`].
    pub base_color_texture: Option<usize>,
    /// Alpha mode.
    pub alpha: AlphaMode,
    /// Draw back faces too.
    pub double_sided: bool,
    /// `KHR_materials_unlit`, or no normals: draw the colour as it is. Else a simple fixed sky-and-sun shading.
    pub unlit: bool,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            base_color: [1.0; 4],
            base_color_texture: None,
            alpha: AlphaMode::Opaque,
            double_sided: false,
            unlit: false,
        }
    }
}

/// glTF alpha modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlphaMode {
    /// Alpha ignored.
    Opaque,
    /// Discard below the cutoff.
    Mask(f32),
    /// Blend.
    Blend,
}

/// Formats a texture reaches the GPU in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextureFormat {
    /// 8-bit RGBA, sRGB.
    Rgba8Srgb,
    /// BC1 RGBA, sRGB.
    Bc1Srgb,
    /// BC3, sRGB.
    Bc3Srgb,
    /// BC7, sRGB.
    Bc7Srgb,
    /// ETC2 RGB, sRGB.
    Etc2RgbSrgb,
    /// ETC2 RGBA, sRGB.
    Etc2RgbaSrgb,
    /// ASTC 4×4, sRGB.
    Astc4x4Srgb,
}

/// How a texture is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sampler {
    /// Wrapping of u and v.
    pub wrap: [Wrap; 2],
    /// Nearest magnification.
    pub nearest_mag: bool,
    /// Nearest minification.
    pub nearest_min: bool,
}

/// Texture wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrap {
    /// Repeat.
    Repeat,
    /// Mirrored repeat.
    Mirror,
    /// Clamp to edge.
    Clamp,
}

/// A texture with its mips, largest first, rows tightly packed (in blocks for compressed formats).
#[derive(Clone, Debug)]
pub struct Texture {
    /// Width of mip 0 in texels.
    pub width: u32,
    /// Height of mip 0 in texels.
    pub height: u32,
    /// Format.
    pub format: TextureFormat,
    /// Bytes per mip.
    pub mips: Vec<Vec<u8>>,
    /// Sampler.
    pub sampler: Sampler,
}

/// What a content takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentCost {
    /// What stays in main memory while resident (positions, indices, feature ids, tables: for picking).
    pub cpu_bytes: u64,
    /// Buffers and textures with mips on the GPU.
    pub gpu_bytes: u64,
    /// Main memory used only between decoding and the end of the upload (pixels, other vertex streams).
    pub transient_bytes: u64,
}

/// A problem that did not prevent drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// Uri of the file.
    pub file: String,
    /// Place in it: JSON pointer, or `byte 1234`.
    pub place: String,
    /// What is wrong and what was done about it.
    pub reason: String,
}

/// Why a content could not be decoded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{file} at {place}: {reason}")]
pub struct ContentError {
    /// What kind of failure.
    pub kind: ContentErrorKind,
    /// Uri of the file.
    pub file: String,
    /// Place in it: JSON pointer, or `byte 1234`.
    pub place: String,
    /// What is wrong, how much, what to do.
    pub reason: String,
}

/// Kinds of content failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentErrorKind {
    /// Not a format Hamlet reads.
    UnknownFormat,
    /// Bytes end early or lengths contradict each other.
    Truncated,
    /// Breaks its specification.
    Invalid,
    /// Needs an extension Hamlet does not read.
    Unsupported,
    /// Declares more than its budget.
    OverBudget,
    /// A referenced file is missing.
    MissingResource,
}

/// Placement helper: the translation part as the RTC centre of a primitive.
pub fn rtc_center(content_from_primitive: &DMat4) -> DVec3 {
    content_from_primitive.w_axis.truncate()
}
