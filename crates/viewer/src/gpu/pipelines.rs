//! Bind group layouts, samplers and render pipelines of tiles, made once per device and key.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::{Mutex, PoisonError},
};

use scene::content::{Sampler, Wrap};

use super::Gpu;

/// Depth format of every pass of the viewer.
pub const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Bytes of `Draw` in `tile.wgsl`.
pub const DRAW_UNIFORM_BYTES: u64 = 160;

/// Which vertex and fragment shaders draw a primitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// Position and texture coordinates, unlit, opaque, one instance.
    Photo,
    /// Everything else made of triangles.
    General,
    /// Lines.
    Line,
    /// One quad per point.
    Point,
}

/// What a pipeline is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PipelineKey {
    /// Shaders.
    pub path: Path,
    /// Discards: fade, clip boxes or alpha mask.
    pub cut: bool,
    /// Alpha blending without depth writes.
    pub blend: bool,
    /// No back-face culling.
    pub double_sided: bool,
    /// Which optional streams are there (else bound with stride 0): uv, colour, normal.
    pub streams: [bool; 3],
    /// Colour format of the target; unless it is an sRGB format, shaders encode (see `ENCODED` in `tile.wgsl`).
    pub format: wgpu::TextureFormat,
}

/// Slots of vertex buffers, in order.
pub const VERTEX_SLOTS: usize = 5;

/// Pipelines and what they share.
#[derive(Debug)]
pub struct Pipelines {
    /// Group 0: draw uniform (dynamic offset) and clip boxes.
    pub draw_layout: wgpu::BindGroupLayout,
    /// Group 1: base colour texture and sampler.
    pub texture_layout: wgpu::BindGroupLayout,
    /// Group 1 of a primitive without texture.
    pub white: wgpu::BindGroup,
    /// Streams that a primitive lacks: uv 0, white, normal 0, and the identity instance, at [`Pipelines::absent_offset`].
    pub absent: wgpu::Buffer,
    layout: wgpu::PipelineLayout,
    module: wgpu::ShaderModule,
    made: Mutex<HashMap<PipelineKey, wgpu::RenderPipeline>>,
    samplers: Mutex<HashMap<Sampler, wgpu::Sampler>>,
    software: bool,
}

impl Pipelines {
    /// Makes what all pipelines share.
    pub fn new(gpu: &Gpu) -> Self {
        let device = &gpu.device;
        let draw_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("tile draw"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: true,
                        min_binding_size: NonZeroU64::new(DRAW_UNIFORM_BYTES),
                    },
                    count: None,
                },
                wgpu::BindGroupLayoutEntry {
                    binding: 1,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Storage { read_only: true },
                        has_dynamic_offset: false,
                        min_binding_size: NonZeroU64::new(48),
                    },
                    count: None,
                },
            ],
        });
        let texture_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("tile texture"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: true },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                    count: None,
                },
                wgpu::BindGroupLayoutEntry {
                    binding: 1,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                    count: None,
                },
            ],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("tile"),
            bind_group_layouts: &[Some(&draw_layout), Some(&texture_layout)],
            immediate_size: 0,
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("tile.wgsl"),
            source: wgpu::ShaderSource::Wgsl(shaders::TILE.into()),
        });
        Self {
            white: white_texture(gpu, &texture_layout),
            absent: absent_streams(gpu),
            draw_layout,
            texture_layout,
            layout,
            module,
            made: Mutex::default(),
            samplers: Mutex::default(),
            software: gpu.software,
        }
    }

    /// Compiles what photogrammetry needs, so that no frame waits for it.
    pub fn warm_up(&self, gpu: &Gpu, format: wgpu::TextureFormat) {
        for cut in [false, true] {
            for double_sided in [false, true] {
                let key = PipelineKey {
                    path: Path::Photo,
                    cut,
                    blend: false,
                    double_sided,
                    streams: [true, false, false],
                    format,
                };
                self.get(gpu, key);
            }
        }
    }

    /// The pipeline of a key, compiled on first use.
    pub fn get(&self, gpu: &Gpu, key: PipelineKey) -> wgpu::RenderPipeline {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key).or_insert_with(|| self.make(gpu, key)).clone()
    }

    /// Where in [`Pipelines::absent`] the stand-in of a slot (1 to 4) starts, bytes.
    pub fn absent_offset(slot: usize) -> u64 {
        [0, 0, 8, 12, 16].get(slot).copied().unwrap_or(0)
    }

    /// The GPU sampler of a content sampler.
    pub fn sampler(&self, gpu: &Gpu, sampler: Sampler) -> wgpu::Sampler {
        let mut made = self.samplers.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(sampler)
            .or_insert_with(|| {
                let wrap = |w: Wrap| match w {
                    Wrap::Repeat => wgpu::AddressMode::Repeat,
                    Wrap::Mirror => wgpu::AddressMode::MirrorRepeat,
                    Wrap::Clamp => wgpu::AddressMode::ClampToEdge,
                };
                let filter = |nearest: bool| {
                    if nearest { wgpu::FilterMode::Nearest } else { wgpu::FilterMode::Linear }
                };
                let all_linear = !sampler.nearest_mag && !sampler.nearest_min;
                // A software driver pays for every texel: the nearest mip there, trilinear and anisotropic elsewhere.
                let hardware = all_linear && !self.software;
                gpu.device.create_sampler(&wgpu::SamplerDescriptor {
                    label: Some("tile"),
                    address_mode_u: wrap(sampler.wrap[0]),
                    address_mode_v: wrap(sampler.wrap[1]),
                    mag_filter: filter(sampler.nearest_mag),
                    min_filter: filter(sampler.nearest_min),
                    mipmap_filter: if hardware {
                        wgpu::MipmapFilterMode::Linear
                    } else {
                        wgpu::MipmapFilterMode::Nearest
                    },
                    anisotropy_clamp: if hardware { 8 } else { 1 },
                    ..Default::default()
                })
            })
            .clone()
    }

    fn make(&self, gpu: &Gpu, key: PipelineKey) -> wgpu::RenderPipeline {
        let photo = key.path == Path::Photo;
        let per_point = key.path == Path::Point;
        let vertex_step =
            if per_point { wgpu::VertexStepMode::Instance } else { wgpu::VertexStepMode::Vertex };
        let [uv, color, normal] = key.streams;
        let stride = |there: bool, bytes: u64| if there { bytes } else { 0 };
        let position_at = wgpu::vertex_attr_array![0 => Float32x3];
        let uv_at = wgpu::vertex_attr_array![1 => Float32x2];
        let color_at = wgpu::vertex_attr_array![2 => Unorm8x4];
        let normal_at = wgpu::vertex_attr_array![3 => Snorm8x4];
        let instance_at = wgpu::vertex_attr_array![4 => Float32x4, 5 => Float32x4, 6 => Float32x4];
        let buffers = [
            wgpu::VertexBufferLayout { array_stride: 12, step_mode: vertex_step, attributes: &position_at },
            wgpu::VertexBufferLayout {
                array_stride: stride(uv, 8),
                step_mode: vertex_step,
                attributes: &uv_at,
            },
            wgpu::VertexBufferLayout {
                array_stride: stride(color, 4),
                step_mode: vertex_step,
                attributes: &color_at,
            },
            wgpu::VertexBufferLayout {
                array_stride: stride(normal, 4),
                step_mode: vertex_step,
                attributes: &normal_at,
            },
            wgpu::VertexBufferLayout {
                // A point has one instance matrix for all points of its draw.
                array_stride: stride(!per_point, 48),
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &instance_at,
            },
        ];
        let flag = |on: bool| if on { 1.0 } else { 0.0 };
        let encoded = flag(!key.format.is_srgb());
        let photo_constants = [("FADE", flag(key.cut)), ("ENCODED", encoded)];
        let general_constants = [("CUT", flag(key.cut)), ("BLEND", flag(key.blend)), ("ENCODED", encoded)];
        let (vertex_entry, fragment_entry) = match key.path {
            Path::Photo => ("vs_photo", "fs_photo"),
            Path::General | Path::Line => ("vs_general", "fs_general"),
            Path::Point => ("vs_point", "fs_general"),
        };
        gpu.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("tile"),
            layout: Some(&self.layout),
            vertex: wgpu::VertexState {
                module: &self.module,
                entry_point: Some(vertex_entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: if photo { &buffers[..2] } else { &buffers },
            },
            primitive: wgpu::PrimitiveState {
                topology: match key.path {
                    Path::Photo | Path::General => wgpu::PrimitiveTopology::TriangleList,
                    Path::Line => wgpu::PrimitiveTopology::LineList,
                    Path::Point => wgpu::PrimitiveTopology::TriangleStrip,
                },
                front_face: wgpu::FrontFace::Ccw,
                cull_mode: match key.path {
                    Path::Photo | Path::General if !key.double_sided => Some(wgpu::Face::Back),
                    _ => None,
                },
                ..Default::default()
            },
            depth_stencil: Some(wgpu::DepthStencilState {
                format: DEPTH_FORMAT,
                depth_write_enabled: Some(!key.blend),
                depth_compare: Some(wgpu::CompareFunction::GreaterEqual),
                stencil: wgpu::StencilState::default(),
                bias: wgpu::DepthBiasState::default(),
            }),
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &self.module,
                entry_point: Some(fragment_entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: if photo { &photo_constants } else { &general_constants },
                    ..Default::default()
                },
                targets: &[Some(wgpu::ColorTargetState {
                    format: key.format,
                    blend: key.blend.then_some(wgpu::BlendState::ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

fn white_texture(gpu: &Gpu, layout: &wgpu::BindGroupLayout) -> wgpu::BindGroup {
    let size = wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 };
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("white"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let to = texture.as_image_copy();
    let rows = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4), rows_per_image: None };
    gpu.queue.write_texture(to, &[255; 4], rows, size);
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("white"),
        layout,
        entries: &[
            wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(
                    &texture.create_view(&wgpu::TextureViewDescriptor::default()),
                ),
            },
            wgpu::BindGroupEntry {
                binding: 1,
                resource: wgpu::BindingResource::Sampler(
                    &gpu.device.create_sampler(&wgpu::SamplerDescriptor::default()),
                ),
            },
        ],
    })
}

fn absent_streams(gpu: &Gpu) -> wgpu::Buffer {
    let mut bytes = vec![0u8; 16 + 48];
    bytes[8..12].fill(255);
    let identity: [[f32; 4]; 3] = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    bytes[16..].copy_from_slice(bytemuck::bytes_of(&identity));
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("absent vertex streams"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes);
    buffer
}
