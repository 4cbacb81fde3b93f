//! A tile on the GPU: one buffer for all vertex, index and instance data, its textures, and what to draw.

use std::ops::Range;

use geodesy::glam::{DMat4, DVec3};
use scene::content::AlphaMode;

use super::pipelines::Path;

/// One drawable.
#[derive(Clone, Debug)]
pub struct GpuPrimitive {
    /// Shaders.
    pub path: Path,
    /// Byte range of each vertex slot (position, uv, colour, normal, instances) in the tile's buffer.
    pub streams: [Option<Range<u64>>; super::pipelines::VERTEX_SLOTS],
    /// Indices: format and byte range.
    pub indices: Option<(wgpu::IndexFormat, Range<u64>)>,
    /// Indices or, without, vertices (points: number of points).
    pub count: u32,
    /// Instances (points: always 1).
    pub instances: u32,
    /// Index into [`GpuTile::textures`]; `None` is white.
    pub texture: Option<usize>,
    /// Linear factor.
    pub color: [f32; 4],
    /// Alpha mode.
    pub alpha: AlphaMode,
    /// Draw back faces.
    pub double_sided: bool,
    /// Shade by normals.
    pub lit: bool,
    /// Size of a point, pixels.
    pub point_size_px: f32,
    /// Placement, with the centre of the instances folded in.
    pub content_from_primitive: DMat4,
    /// Centre of a sphere around all instances, content space.
    pub center_in_content: DVec3,
    /// Its radius.
    pub radius_m: f64,
}

/// One texture, seen in two ways.
#[derive(Clone, Debug)]
pub struct TextureGroups {
    /// Texels are converted to linear light.
    pub linear: wgpu::BindGroup,
    /// Texels come as stored; made on software drivers only.
    pub encoded: Option<wgpu::BindGroup>,
}

/// A tile whose bytes are all on the GPU.
#[derive(Debug)]
pub struct GpuTile {
    /// Vertices, indices, instances.
    pub buffer: wgpu::Buffer,
    /// Bind groups (texture and sampler).
    pub textures: Vec<TextureGroups>,
    /// Drawables.
    pub primitives: Vec<GpuPrimitive>,
    /// Bytes of buffer and textures with mips.
    pub bytes: u64,
}
