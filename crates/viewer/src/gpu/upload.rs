//! Getting a decoded tile onto the GPU in slices, so that no frame is handed more than a fixed number of bytes.

use std::{ops::Range, time::Instant};

use geodesy::glam::{DMat4, DVec3};
use scene::content::{
    AlphaMode, Indices, Material, Primitive, Texture, TextureFormat, TileContent, Topology,
};

use super::{
    Gpu,
    pipelines::{Path, Pipelines, VERTEX_SLOTS},
    tile::{GpuPrimitive, GpuTile, TextureGroups},
};
use crate::precise;

/// Largest single write, bytes. Mips up to this size go in one piece, which spares the driver clearing them first.
pub const SLICE_BYTES: u64 = 1 << 20;

/// Size of a point where the format gives none, pixels.
const POINT_SIZE_PX: f32 = 2.0;

/// What one frame may still hand over.
#[derive(Clone, Copy, Debug)]
pub struct UploadBudget {
    /// Bytes left.
    pub bytes: u64,
    /// Bytes of a whole frame: what fits in these is not cut.
    pub bytes_per_frame: u64,
    /// Start no further write after this.
    pub deadline: Option<Instant>,
}

impl UploadBudget {
    /// A frame's worth.
    pub fn new(bytes_per_frame: u64, deadline: Option<Instant>) -> Self {
        Self { bytes: bytes_per_frame, bytes_per_frame, deadline }
    }

    fn spent(&self) -> bool {
        self.bytes == 0 || self.deadline.is_some_and(|d| Instant::now() >= d)
    }
}

/// A tile on its way to the GPU.
#[derive(Debug)]
pub struct UploadJob {
    content: TileContent,
    pieces: Vec<Piece>,
    /// Current piece and how much of it is written: bytes for streams, rows of blocks for textures.
    at: (usize, u64),
    textures: Vec<Option<wgpu::Texture>>,
    tile: GpuTile,
    problems: Vec<String>,
}

#[derive(Clone, Debug)]
enum Piece {
    /// A stream kept in the content.
    Stream {
        primitive: usize,
        slot: Slot,
        offset: u64,
    },
    /// Bytes made for the GPU (instances, points without their indices).
    Made {
        bytes: Vec<u8>,
        offset: u64,
    },
    Mip {
        texture: usize,
        level: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Position,
    Uv,
    Color,
    Normal,
    Index,
}

fn stream_bytes(primitive: &Primitive, slot: Slot) -> &[u8] {
    match slot {
        Slot::Position => bytemuck::cast_slice(&primitive.positions),
        Slot::Uv => primitive.uvs.as_deref().map_or(&[], bytemuck::cast_slice),
        Slot::Color => primitive.colors.as_deref().map_or(&[], bytemuck::cast_slice),
        Slot::Normal => primitive.normals.as_deref().map_or(&[], bytemuck::cast_slice),
        Slot::Index => match &primitive.indices {
            Some(Indices::U16(v)) => bytemuck::cast_slice(v),
            Some(Indices::U32(v)) => bytemuck::cast_slice(v),
            None => &[],
        },
    }
}

/// Texel format, bytes per block, block side.
fn gpu_format(format: TextureFormat) -> (wgpu::TextureFormat, u32, u32) {
    use wgpu::TextureFormat as F;
    match format {
        TextureFormat::Rgba8Srgb => (F::Rgba8UnormSrgb, 4, 1),
        TextureFormat::Bc1Srgb => (F::Bc1RgbaUnormSrgb, 8, 4),
        TextureFormat::Bc3Srgb => (F::Bc3RgbaUnormSrgb, 16, 4),
        TextureFormat::Bc7Srgb => (F::Bc7RgbaUnormSrgb, 16, 4),
        TextureFormat::Etc2RgbSrgb => (F::Etc2Rgb8UnormSrgb, 8, 4),
        TextureFormat::Etc2RgbaSrgb => (F::Etc2Rgba8UnormSrgb, 16, 4),
        TextureFormat::Astc4x4Srgb => {
            (F::Astc { block: wgpu::AstcBlock::B4x4, channel: wgpu::AstcChannel::UnormSrgb }, 16, 4)
        }
    }
}

/// Width and height of a mip in texels, bytes per row of blocks, rows of blocks.
fn mip_shape(texture: &Texture, level: u32) -> (u32, u32, u32, u32) {
    let (_, block_bytes, side) = gpu_format(texture.format);
    let at = |n: u32| n.checked_shr(level).unwrap_or(0).max(1);
    let (w, h) = (at(texture.width), at(texture.height));
    (w, h, w.div_ceil(side) * block_bytes, h.div_ceil(side))
}

fn texture_problem(gpu: &Gpu, texture: &Texture) -> Option<String> {
    let limit = gpu.device.limits().max_texture_dimension_2d;
    let (_, _, side) = gpu_format(texture.format);
    if texture.width == 0 || texture.height == 0 || texture.width > limit || texture.height > limit {
        return Some(format!("{} x {} texels, the GPU takes up to {limit}", texture.width, texture.height));
    }
    if !texture.width.is_multiple_of(side) || !texture.height.is_multiple_of(side) {
        return Some(format!("{} x {} texels are no whole blocks", texture.width, texture.height));
    }
    let levels_possible = texture.width.max(texture.height).ilog2() as usize + 1;
    if texture.mips.is_empty() || texture.mips.len() > levels_possible {
        return Some(format!("{} mips", texture.mips.len()));
    }
    texture.mips.iter().enumerate().find_map(|(level, bytes)| {
        let (_, _, row, rows) = mip_shape(texture, level as u32);
        let expected = row as usize * rows as usize;
        (bytes.len() != expected)
            .then(|| format!("mip {level} has {} bytes instead of {expected}", bytes.len()))
    })
}

impl UploadJob {
    /// Takes GPU memory for the tile; nothing is written yet.
    pub fn new(gpu: &Gpu, pipelines: &Pipelines, mut content: TileContent) -> Self {
        let mut problems = Vec::new();
        let mut pieces = Vec::new();
        let mut bytes = 0u64;
        let mut textures = Vec::new();
        let mut bind_groups = Vec::new();
        for (index, texture) in content.textures.iter().enumerate() {
            if let Some(problem) = texture_problem(gpu, texture) {
                problems.push(format!("texture {index} is drawn white: {problem}"));
                textures.push(None);
                bind_groups.push(TextureGroups {
                    linear: pipelines.white.clone(),
                    encoded: Some(pipelines.white.clone()),
                });
                continue;
            }
            let (made, group) = make_texture(gpu, pipelines, texture);
            textures.push(Some(made));
            bind_groups.push(group);
            bytes += texture.mips.iter().map(|m| m.len() as u64).sum::<u64>();
            pieces.extend((0..texture.mips.len() as u32).map(|level| Piece::Mip { texture: index, level }));
        }
        let mut layout = BufferLayout::default();
        let mut primitives = Vec::new();
        for (index, primitive) in content.primitives.iter_mut().enumerate() {
            if primitive.positions.is_empty() {
                continue;
            }
            let material =
                primitive.material.and_then(|m| content.materials.get(m)).cloned().unwrap_or_default();
            lay_out(index, primitive, &material, &mut layout, &mut primitives);
        }
        bytes += layout.size;
        pieces.splice(0..0, layout.pieces);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("tile"),
            size: layout.size.max(4),
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::INDEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let tile = GpuTile { buffer, textures: bind_groups, primitives, bytes };
        Self { content, pieces, at: (0, 0), textures, tile, problems }
    }

    /// Bytes it takes on the GPU.
    pub fn gpu_bytes(&self) -> u64 {
        self.tile.bytes
    }

    /// Writes until done (true) or the budget is spent (false).
    pub fn advance(&mut self, gpu: &Gpu, budget: &mut UploadBudget) -> bool {
        while let Some(piece) = self.pieces.get(self.at.0) {
            if budget.spent() {
                return false;
            }
            let finished = match piece {
                Piece::Stream { primitive, slot, offset } => {
                    let source =
                        self.content.primitives.get(*primitive).map_or(&[][..], |p| stream_bytes(p, *slot));
                    write_buffer(gpu, &self.tile.buffer, *offset, source, &mut self.at.1, budget)
                }
                Piece::Made { bytes, offset } => {
                    write_buffer(gpu, &self.tile.buffer, *offset, bytes, &mut self.at.1, budget)
                }
                Piece::Mip { texture, level } => {
                    let (texture, level) = (*texture, *level);
                    match (self.textures.get(texture), self.content.textures.get_mut(texture)) {
                        (Some(Some(to)), Some(from)) => {
                            match write_mip(gpu, to, from, level, &mut self.at.1, budget) {
                                Some(finished) => finished,
                                None => return false,
                            }
                        }
                        _ => true,
                    }
                }
            };
            if finished {
                self.at = (self.at.0 + 1, 0);
            }
        }
        true
    }

    /// The finished tile, and what could not be drawn as it should. The decoded content is gone with it: picking has
    /// its own copy.
    pub fn finish(self) -> (GpuTile, Vec<String>) {
        (self.tile, self.problems)
    }
}

#[derive(Default)]
struct BufferLayout {
    size: u64,
    pieces: Vec<Piece>,
}

impl BufferLayout {
    fn place(&mut self, bytes: usize) -> Range<u64> {
        let start = self.size;
        let end = start + bytes as u64;
        self.size = end.next_multiple_of(4);
        start..end
    }

    fn stream(&mut self, primitive: usize, slot: Slot, bytes: usize) -> Range<u64> {
        let range = self.place(bytes);
        self.pieces.push(Piece::Stream { primitive, slot, offset: range.start });
        range
    }

    fn made(&mut self, bytes: Vec<u8>) -> Range<u64> {
        let range = self.place(bytes.len());
        self.pieces.push(Piece::Made { bytes, offset: range.start });
        range
    }
}

fn lay_out(
    index: usize,
    primitive: &mut Primitive,
    material: &Material,
    layout: &mut BufferLayout,
    out: &mut Vec<GpuPrimitive>,
) {
    let vertices = primitive.positions.len();
    let has_normals = primitive.normals.as_ref().is_some_and(|n| n.len() == vertices);
    let has_uvs = primitive.uvs.as_ref().is_some_and(|n| n.len() == vertices);
    let has_colors = primitive.colors.as_ref().is_some_and(|n| n.len() == vertices);
    let lit = !material.unlit && has_normals;
    let textured = has_uvs && material.base_color_texture.is_some();
    let one_instance = primitive.instances.len() <= 1;
    let path = match primitive.topology {
        Topology::Points => Path::Point,
        Topology::Lines => Path::Line,
        Topology::Triangles
            if textured && !lit && !has_colors && one_instance && material.alpha == AlphaMode::Opaque =>
        {
            Path::Photo
        }
        Topology::Triangles => Path::General,
    };

    let mut streams: [Option<Range<u64>>; VERTEX_SLOTS] = Default::default();
    let mut indices = None;
    let mut count = vertices as u32;
    let expanded = (path == Path::Point).then(|| expand_points(primitive)).flatten();
    if let Some([positions, colors, normals]) = expanded {
        count = (positions.len() / 12) as u32;
        streams[0] = Some(layout.made(positions));
        streams[2] = has_colors.then(|| layout.made(colors));
        streams[3] = lit.then(|| layout.made(normals));
    } else {
        streams[0] = Some(layout.stream(index, Slot::Position, vertices * 12));
        streams[1] = textured.then(|| layout.stream(index, Slot::Uv, vertices * 8));
        streams[2] = has_colors.then(|| layout.stream(index, Slot::Color, vertices * 4));
        streams[3] = lit.then(|| layout.stream(index, Slot::Normal, vertices * 4));
        let (format, indices_count, bytes) = match &primitive.indices {
            Some(Indices::U16(v)) => (wgpu::IndexFormat::Uint16, v.len(), v.len() * 2),
            Some(Indices::U32(v)) => (wgpu::IndexFormat::Uint32, v.len(), v.len() * 4),
            None => (wgpu::IndexFormat::Uint16, 0, 0),
        };
        if primitive.indices.is_some() {
            count = indices_count as u32;
            indices = Some((format, layout.stream(index, Slot::Index, bytes)));
        }
    }

    // One placement per draw: instances in one draw where the path takes them, else a draw each.
    let mut placements = Vec::new();
    if one_instance {
        let instance = primitive.instances.first().copied().unwrap_or(DMat4::IDENTITY);
        placements.push((primitive.content_from_primitive * instance, 1));
    } else if path == Path::Point {
        placements.extend(primitive.instances.iter().map(|m| (primitive.content_from_primitive * *m, 1)));
    } else {
        let (placement, rows) =
            precise::instances_f32(&primitive.content_from_primitive, &primitive.instances);
        streams[4] = Some(layout.made(bytemuck::cast_slice(&rows).to_vec()));
        placements.push((placement, rows.len() as u32));
    }
    let (center, radius) = sphere(primitive);
    for (content_from_primitive, instances) in placements {
        let scale = largest_scale(&content_from_primitive);
        let own_sphere = instances == 1;
        out.push(GpuPrimitive {
            path,
            streams: streams.clone(),
            indices: indices.clone(),
            count,
            instances,
            texture: material.base_color_texture.filter(|_| textured),
            color: material.base_color,
            alpha: material.alpha,
            double_sided: material.double_sided,
            lit,
            point_size_px: primitive.point_size_px.unwrap_or(POINT_SIZE_PX),
            center_in_content: if own_sphere {
                content_from_primitive.transform_point3(middle(primitive))
            } else {
                center
            },
            radius_m: if own_sphere { half_diagonal(primitive) * scale } else { radius },
            content_from_primitive,
        });
    }
}

fn middle(p: &Primitive) -> DVec3 {
    let [lower, upper] = [p.bounds.0, p.bounds.1].map(|c| DVec3::from_array(c.map(f64::from)));
    (lower + upper) * 0.5
}

fn half_diagonal(p: &Primitive) -> f64 {
    let [lower, upper] = [p.bounds.0, p.bounds.1].map(|c| DVec3::from_array(c.map(f64::from)));
    (upper - lower).length() * 0.5
}

fn largest_scale(m: &DMat4) -> f64 {
    m.x_axis.length().max(m.y_axis.length()).max(m.z_axis.length())
}

/// A sphere around all instances, content space.
fn sphere(p: &Primitive) -> (DVec3, f64) {
    let centers: Vec<DVec3> =
        p.instances.iter().map(|m| (p.content_from_primitive * *m).transform_point3(middle(p))).collect();
    let center = centers.iter().sum::<DVec3>() / centers.len().max(1) as f64;
    let spread = centers.iter().map(|c| c.distance(center)).fold(0.0, f64::max);
    let scale =
        p.instances.iter().map(|m| largest_scale(&(p.content_from_primitive * *m))).fold(0.0, f64::max);
    (center, spread + half_diagonal(p) * scale)
}

/// Positions, colours and normals of indexed points in the order of their indices; `None` without indices.
fn expand_points(p: &Primitive) -> Option<[Vec<u8>; 3]> {
    let indices: Vec<usize> = match p.indices.as_ref()? {
        Indices::U16(v) => v.iter().map(|i| usize::from(*i)).collect(),
        Indices::U32(v) => v.iter().map(|i| *i as usize).collect(),
    };
    let pick = |bytes: &[u8], stride: usize| {
        let mut out = Vec::with_capacity(indices.len() * stride);
        for i in &indices {
            match bytes.get(i * stride..(i + 1) * stride) {
                Some(vertex) => out.extend_from_slice(vertex),
                None => out.resize(out.len() + stride, 0),
            }
        }
        out
    };
    Some([
        pick(stream_bytes(p, Slot::Position), 12),
        pick(stream_bytes(p, Slot::Color), 4),
        pick(stream_bytes(p, Slot::Normal), 4),
    ])
}

fn make_texture(gpu: &Gpu, pipelines: &Pipelines, texture: &Texture) -> (wgpu::Texture, TextureGroups) {
    let format = gpu_format(texture.format).0;
    let encoded_format = format.remove_srgb_suffix();
    let view_formats: &[wgpu::TextureFormat] = if gpu.software { &[encoded_format] } else { &[] };
    let made = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("tile"),
        size: wgpu::Extent3d { width: texture.width, height: texture.height, depth_or_array_layers: 1 },
        mip_level_count: texture.mips.len() as u32,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats,
    });
    let sampler = pipelines.sampler(gpu, texture.sampler);
    let group = |format: wgpu::TextureFormat| {
        let view =
            made.create_view(&wgpu::TextureViewDescriptor { format: Some(format), ..Default::default() });
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("tile"),
            layout: &pipelines.texture_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        })
    };
    let groups =
        TextureGroups { linear: group(format), encoded: gpu.software.then(|| group(encoded_format)) };
    (made, groups)
}

/// Writes one slice of a stream; true when it was the last.
fn write_buffer(
    gpu: &Gpu,
    to: &wgpu::Buffer,
    offset: u64,
    source: &[u8],
    done: &mut u64,
    budget: &mut UploadBudget,
) -> bool {
    let left = (source.len() as u64).saturating_sub(*done);
    // Writes are multiples of four bytes; only the last may need padding.
    let size = left.min(SLICE_BYTES).min(budget.bytes.max(4) & !3);
    let slice = source.get(*done as usize..(*done + size) as usize).unwrap_or(&[]);
    if slice.len().is_multiple_of(4) {
        gpu.queue.write_buffer(to, offset + *done, slice);
    } else {
        let mut padded = slice.to_vec();
        padded.resize(slice.len().next_multiple_of(4), 0);
        gpu.queue.write_buffer(to, offset + *done, &padded);
    }
    *done += size;
    budget.bytes = budget.bytes.saturating_sub(size);
    *done >= source.len() as u64
}

/// Writes rows of a mip and frees its bytes after the last; `None` when this frame has no room for it any more.
fn write_mip(
    gpu: &Gpu,
    to: &wgpu::Texture,
    from: &mut Texture,
    level: u32,
    done_rows: &mut u64,
    budget: &mut UploadBudget,
) -> Option<bool> {
    let (width, height, row_bytes, rows) = mip_shape(from, level);
    let (_, _, side) = gpu_format(from.format);
    let Some(source) = from.mips.get_mut(level as usize) else { return Some(true) };
    let whole = u64::from(row_bytes) * u64::from(rows);
    if whole <= SLICE_BYTES.min(budget.bytes_per_frame) && whole > budget.bytes {
        budget.bytes = 0;
        return None;
    }
    let left = u64::from(rows) - *done_rows;
    let fitting = (SLICE_BYTES.min(budget.bytes) / u64::from(row_bytes)).max(1);
    let now = left.min(fitting) as u32;
    let first = *done_rows as u32;
    let start = first as usize * row_bytes as usize;
    let bytes = source.get(start..start + now as usize * row_bytes as usize).unwrap_or(&[]);
    // The copy covers whole blocks, except that mips smaller than a block say their true size.
    let (physical_width, physical_height) = (width.next_multiple_of(side), height.next_multiple_of(side));
    gpu.queue.write_texture(
        wgpu::TexelCopyTextureInfo {
            texture: to,
            mip_level: level,
            origin: wgpu::Origin3d { x: 0, y: first * side, z: 0 },
            aspect: wgpu::TextureAspect::All,
        },
        bytes,
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row_bytes), rows_per_image: None },
        wgpu::Extent3d {
            width: physical_width,
            height: (now * side).min(physical_height - first * side),
            depth_or_array_layers: 1,
        },
    );
    *done_rows += u64::from(now);
    budget.bytes = budget.bytes.saturating_sub(u64::from(now) * u64::from(row_bytes));
    if *done_rows >= u64::from(rows) {
        *source = Vec::new();
        return Some(true);
    }
    Some(false)
}
