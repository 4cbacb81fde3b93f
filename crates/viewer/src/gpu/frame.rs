//! What one frame draws, and the pass that draws it.

use std::sync::Arc;

use geodesy::{
    Obb,
    glam::{DMat4, DVec3},
};
use scene::content::AlphaMode;

use super::{
    Gpu,
    lines::{LineRenderer, LineVertex},
    pipelines::{DRAW_UNIFORM_BYTES, Path, PipelineKey, Pipelines},
    target::ColorTarget,
    tile::{GpuPrimitive, GpuTile},
};
use crate::precise::{self, CameraFrame};

/// One tile to draw.
#[derive(Clone, Debug)]
pub struct TileDraw {
    /// Its GPU copy.
    pub tile: Arc<GpuTile>,
    /// Placement.
    pub world_from_content: DMat4,
    /// Clock of a fade: kept where the dither pattern is below it; 1 = whole.
    pub fade: f32,
    /// Going: kept where the pattern is not below `fade`.
    pub fading_out: bool,
    /// Not empty: draw only inside these (world).
    pub only_inside: Vec<Obb>,
    /// Factor on the colour, linear (white: none).
    pub tint: [f32; 3],
}

/// Everything one frame draws.
#[derive(Clone, Debug)]
pub struct FrameDraws {
    /// Camera.
    pub camera: CameraFrame,
    /// Colour where nothing is drawn, linear.
    pub background: [f64; 3],
    /// Tiles.
    pub tiles: Vec<TileDraw>,
    /// Debug lines.
    pub lines: Vec<LineVertex>,
}

/// Figures of one drawn frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Draw calls.
    pub draws: u32,
    /// Triangles (points and lines count as well).
    pub primitives: u64,
}

/// Per-draw uniform: `Draw` of `tile.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct DrawUniform {
    clip_from_primitive: [[f32; 4]; 4],
    enu_from_normal: [[f32; 4]; 3],
    color: [f32; 4],
    fade: f32,
    fading_out: u32,
    alpha_cutoff: f32,
    box_count: u32,
    first_box: u32,
    lit: u32,
    point_half_size: [f32; 2],
}

const _: () = assert!(size_of::<DrawUniform>() as u64 == DRAW_UNIFORM_BYTES);

struct Drawable<'a> {
    key: PipelineKey,
    tile: &'a GpuTile,
    primitive: &'a GpuPrimitive,
    uniform: DrawUniform,
    /// Texels come as stored.
    encoded: bool,
    distance_m: f64,
}

/// Draws frames; its buffers grow as needed and stay.
#[derive(Debug)]
pub struct FrameRenderer {
    stride: u64,
    uniforms: wgpu::Buffer,
    boxes: wgpu::Buffer,
    group: wgpu::BindGroup,
    lines: LineRenderer,
    bytes: Vec<u8>,
}

impl FrameRenderer {
    /// Makes one for opaque passes of a colour format.
    pub fn new(gpu: &Gpu, pipelines: &Pipelines, opaque_format: wgpu::TextureFormat) -> Self {
        let alignment = u64::from(gpu.device.limits().min_uniform_buffer_offset_alignment);
        let stride = DRAW_UNIFORM_BYTES.next_multiple_of(alignment.max(1));
        let uniforms = uniform_buffer(gpu, 64 * stride);
        let boxes = box_buffer(gpu, 48);
        let group = draw_group(gpu, pipelines, &uniforms, &boxes);
        Self {
            stride,
            uniforms,
            boxes,
            group,
            lines: LineRenderer::new(gpu, opaque_format),
            bytes: Vec::new(),
        }
    }

    /// Encodes one frame into the two attachments, which it clears. Alpha stays 0 where nothing is drawn: coverage is
    /// counted by it.
    pub fn draw(
        &mut self,
        gpu: &Gpu,
        pipelines: &Pipelines,
        encoder: &mut wgpu::CommandEncoder,
        frame: &FrameDraws,
        color: &ColorTarget<'_>,
        depth: &wgpu::TextureView,
    ) -> FrameStats {
        let (mut drawables, boxes) = gather(frame, color);
        sort(&mut drawables);
        self.hand_over(gpu, pipelines, &drawables, &boxes);
        let clip_from_relative = precise::columns_f32(&frame.camera.clip_from_relative());
        self.lines.prepare(gpu, &clip_from_relative, &frame.lines);

        let opaque = drawables.iter().take_while(|d| !d.key.blend).count();
        let blends = opaque < drawables.len();
        let [r, g, b] = if color.opaque_format.is_srgb() {
            frame.background
        } else {
            frame.background.map(srgb_from_linear)
        };
        let clear = wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 0.0 });
        let keep_depth = if blends { wgpu::StoreOp::Store } else { wgpu::StoreOp::Discard };
        let mut stats = FrameStats::default();
        let depth_ops = wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: keep_depth };
        let mut pass = begin_pass(encoder, color.opaque, clear, depth, depth_ops);
        self.draw_all(gpu, pipelines, &mut pass, drawables.iter().enumerate().take(opaque), &mut stats);
        self.lines.draw(&mut pass);
        drop(pass);
        if blends {
            let depth_ops = wgpu::Operations { load: wgpu::LoadOp::Load, store: wgpu::StoreOp::Discard };
            let mut pass = begin_pass(encoder, color.blended, wgpu::LoadOp::Load, depth, depth_ops);
            self.draw_all(gpu, pipelines, &mut pass, drawables.iter().enumerate().skip(opaque), &mut stats);
        }
        stats
    }

    fn draw_all<'a>(
        &self,
        gpu: &Gpu,
        pipelines: &Pipelines,
        pass: &mut wgpu::RenderPass<'_>,
        drawables: impl Iterator<Item = (usize, &'a Drawable<'a>)>,
        stats: &mut FrameStats,
    ) {
        let mut last_key = None;
        let mut last_texture: Option<Option<&wgpu::BindGroup>> = None;
        for (number, drawable) in drawables {
            if last_key != Some(drawable.key) {
                pass.set_pipeline(&pipelines.get(gpu, drawable.key));
                last_key = Some(drawable.key);
            }
            let groups = drawable.primitive.texture.and_then(|t| drawable.tile.textures.get(t));
            let texture = groups.map(|g| match &g.encoded {
                Some(encoded) if drawable.encoded => encoded,
                _ => &g.linear,
            });
            if last_texture != Some(texture) {
                pass.set_bind_group(1, texture.unwrap_or(&pipelines.white), &[]);
                last_texture = Some(texture);
            }
            pass.set_bind_group(0, &self.group, &[(number as u64 * self.stride) as u32]);
            draw_one(pass, pipelines, drawable);
            stats.draws += 1;
            stats.primitives += u64::from(drawable.primitive.count) * u64::from(drawable.primitive.instances)
                / match drawable.key.path {
                    Path::Photo | Path::General => 3,
                    Path::Line => 2,
                    Path::Point => 1,
                };
        }
    }

    fn hand_over(
        &mut self,
        gpu: &Gpu,
        pipelines: &Pipelines,
        drawables: &[Drawable<'_>],
        boxes: &[[[f32; 4]; 3]],
    ) {
        let needed = drawables.len() as u64 * self.stride;
        let box_bytes: &[u8] = bytemuck::cast_slice(boxes);
        let grow_uniforms = needed > self.uniforms.size();
        let grow_boxes = box_bytes.len() as u64 > self.boxes.size();
        if grow_uniforms {
            self.uniforms = uniform_buffer(gpu, needed.next_power_of_two());
        }
        if grow_boxes {
            self.boxes = box_buffer(gpu, (box_bytes.len() as u64).next_power_of_two());
        }
        if grow_uniforms || grow_boxes {
            self.group = draw_group(gpu, pipelines, &self.uniforms, &self.boxes);
        }
        self.bytes.clear();
        for drawable in drawables {
            self.bytes.extend_from_slice(bytemuck::bytes_of(&drawable.uniform));
            self.bytes.resize(self.bytes.len().next_multiple_of(self.stride as usize), 0);
        }
        if !self.bytes.is_empty() {
            gpu.queue.write_buffer(&self.uniforms, 0, &self.bytes);
        }
        if !box_bytes.is_empty() {
            gpu.queue.write_buffer(&self.boxes, 0, box_bytes);
        }
    }
}

fn gather<'a>(frame: &'a FrameDraws, color: &ColorTarget<'_>) -> (Vec<Drawable<'a>>, Vec<[[f32; 4]; 3]>) {
    let clip_from_relative = frame.camera.clip_from_relative();
    let [width, height] = frame.camera.size_px.map(|n| n.max(1) as f32);
    let mut drawables = Vec::new();
    let mut boxes = Vec::new();
    for tile_draw in &frame.tiles {
        for primitive in &tile_draw.tile.primitives {
            let relative_from_primitive = frame
                .camera
                .relative_from_primitive(&tile_draw.world_from_content, &primitive.content_from_primitive);
            let world_from_primitive = tile_draw.world_from_content * primitive.content_from_primitive;
            let first_box = boxes.len() as u32;
            boxes.extend(
                tile_draw
                    .only_inside
                    .iter()
                    .map(|b| precise::unit_box_from_primitive(b, &world_from_primitive)),
            );
            let fading = tile_draw.fade < 1.0 || tile_draw.fading_out;
            let boxed = !tile_draw.only_inside.is_empty();
            let (alpha_cutoff, masked) = match primitive.alpha {
                AlphaMode::Mask(cutoff) => (cutoff, true),
                AlphaMode::Opaque | AlphaMode::Blend => (-1.0, false),
            };
            let tint = tile_draw.tint;
            let [r, g, b, a] = primitive.color;
            let factor = [r * tint[0], g * tint[1], b * tint[2], a];
            let blend = primitive.alpha == AlphaMode::Blend;
            let format = if blend { color.blended_format } else { color.opaque_format };
            let encoded = !format.is_srgb();
            let mut path = primitive.path;
            if path == Path::Photo && (boxed || encoded && factor[..3] != [1.0; 3]) {
                path = Path::General;
            }
            let half = primitive.point_size_px;
            let center: DVec3 = tile_draw.world_from_content.transform_point3(primitive.center_in_content);
            drawables.push(Drawable {
                key: PipelineKey {
                    path,
                    cut: fading || boxed || masked,
                    blend,
                    double_sided: primitive.double_sided,
                    streams: [1, 2, 3].map(|slot| primitive.streams[slot].is_some()),
                    format,
                },
                tile: &tile_draw.tile,
                primitive,
                uniform: DrawUniform {
                    clip_from_primitive: precise::columns_f32(
                        &(clip_from_relative * relative_from_primitive),
                    ),
                    enu_from_normal: if primitive.lit {
                        precise::enu_from_normal(&world_from_primitive, frame.camera.frame)
                    } else {
                        [[0.0; 4]; 3]
                    },
                    color: factor,
                    fade: tile_draw.fade,
                    fading_out: u32::from(tile_draw.fading_out),
                    alpha_cutoff,
                    box_count: tile_draw.only_inside.len() as u32,
                    first_box,
                    lit: u32::from(primitive.lit),
                    point_half_size: [half / width, half / height],
                },
                encoded: encoded && path == Path::Photo,
                distance_m: center.distance(frame.camera.eye_in_world) - primitive.radius_m,
            });
        }
    }
    (drawables, boxes)
}

fn begin_pass<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    color: &wgpu::TextureView,
    load: wgpu::LoadOp<wgpu::Color>,
    depth: &wgpu::TextureView,
    depth_ops: wgpu::Operations<f32>,
) -> wgpu::RenderPass<'e> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("tiles"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: color,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
        })],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: depth,
            depth_ops: Some(depth_ops),
            stencil_ops: None,
        }),
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    })
}

fn srgb_from_linear(c: f64) -> f64 {
    if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
}

/// Opaque from near to far, so that hidden pixels are not shaded; then blended from far to near.
fn sort(drawables: &mut [Drawable<'_>]) {
    drawables.sort_by(|a, b| {
        a.key.blend.cmp(&b.key.blend).then_with(|| {
            let by_distance = a.distance_m.total_cmp(&b.distance_m);
            if a.key.blend { by_distance.reverse() } else { by_distance }
        })
    });
}

fn draw_one(pass: &mut wgpu::RenderPass<'_>, pipelines: &Pipelines, drawable: &Drawable<'_>) {
    let primitive = drawable.primitive;
    let slots = if drawable.key.path == Path::Photo { 2 } else { primitive.streams.len() };
    for (slot, range) in primitive.streams.iter().enumerate().take(slots) {
        match range {
            Some(range) => pass.set_vertex_buffer(slot as u32, drawable.tile.buffer.slice(range.clone())),
            None => {
                pass.set_vertex_buffer(slot as u32, pipelines.absent.slice(Pipelines::absent_offset(slot)..))
            }
        }
    }
    if drawable.key.path == Path::Point {
        pass.draw(0..4, 0..primitive.count);
    } else if let Some((format, range)) = &primitive.indices {
        pass.set_index_buffer(drawable.tile.buffer.slice(range.clone()), *format);
        pass.draw_indexed(0..primitive.count, 0, 0..primitive.instances);
    } else {
        pass.draw(0..primitive.count, 0..primitive.instances);
    }
}

fn uniform_buffer(gpu: &Gpu, size: u64) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("tile draws"),
        size,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn box_buffer(gpu: &Gpu, size: u64) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("clip boxes"),
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn draw_group(
    gpu: &Gpu,
    pipelines: &Pipelines,
    uniforms: &wgpu::Buffer,
    boxes: &wgpu::Buffer,
) -> wgpu::BindGroup {
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("tile draws"),
        layout: &pipelines.draw_layout,
        entries: &[
            wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: uniforms,
                    offset: 0,
                    size: std::num::NonZeroU64::new(DRAW_UNIFORM_BYTES),
                }),
            },
            wgpu::BindGroupEntry { binding: 1, resource: boxes.as_entire_binding() },
        ],
    })
}
