//! Drawing tiles with `wgpu` alone: no entity and no asset per tile.
//!
//! - [`pipelines`]: bind group layouts, samplers, render pipelines by key
//! - [`tile`]: a tile on the GPU
//! - [`upload`]: getting it there in bounded slices
//! - [`device`]: opening one without a window
//! - [`frame`]: what one frame draws, and the pass that draws it
//! - [`target`]: where it is drawn when there is no window
//! - [`lines`]: coloured lines of debug views

pub mod device;
pub mod frame;
pub mod lines;
pub mod pipelines;
pub mod target;
pub mod tile;
pub mod upload;

use scene::content::TextureSupport;

/// The device with what is worth knowing about it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// Compressed formats it samples.
    pub texture_support: TextureSupport,
    /// A software driver: every texel fetched is work of the CPU.
    pub software: bool,
    /// Name of the adapter, for reports.
    pub adapter_name: String,
}

impl Gpu {
    /// Gathers what is worth knowing.
    pub fn new(device: wgpu::Device, queue: wgpu::Queue, adapter: &wgpu::AdapterInfo) -> Self {
        let features = device.features();
        Self {
            texture_support: TextureSupport {
                bc: features.contains(wgpu::Features::TEXTURE_COMPRESSION_BC),
                etc2: features.contains(wgpu::Features::TEXTURE_COMPRESSION_ETC2),
                astc: features.contains(wgpu::Features::TEXTURE_COMPRESSION_ASTC),
            },
            software: adapter.device_type == wgpu::DeviceType::Cpu,
            adapter_name: adapter.name.clone(),
            device,
            queue,
        }
    }
}
