//! Opening a device without a window.

use bevy::tasks::block_on;

use super::Gpu;

/// Why no device could be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No driver.
    #[error(
        "no graphics driver was found ({0}); on a machine without a GPU install a software Vulkan driver \
         (Debian, Ubuntu: mesa-vulkan-drivers libvulkan1)"
    )]
    NoAdapter(#[from] wgpu::RequestAdapterError),
    /// The driver refused.
    #[error("the graphics driver refused a device: {0}")]
    Refused(#[from] wgpu::RequestDeviceError),
}

/// An opened device with all that an engine wants to be handed.
#[derive(Debug)]
pub struct OpenDevice {
    /// Instance.
    pub instance: wgpu::Instance,
    /// Adapter.
    pub adapter: wgpu::Adapter,
    /// Its description.
    pub info: wgpu::AdapterInfo,
    /// Device and queue.
    pub gpu: Gpu,
}

/// Texture compression is all that is asked for beyond the WebGPU baseline.
pub const WANTED_FEATURES: wgpu::Features = wgpu::Features::TEXTURE_COMPRESSION_BC
    .union(wgpu::Features::TEXTURE_COMPRESSION_ETC2)
    .union(wgpu::Features::TEXTURE_COMPRESSION_ASTC);

/// Opens the best adapter (or the one that the driver's environment variables select).
pub fn open_headless() -> Result<OpenDevice, DeviceError> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    let instance = wgpu::Instance::new(descriptor);
    let adapter = block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    }))?;
    let info = adapter.get_info();
    let (device, queue) = block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("hamlet"),
        required_features: adapter.features() & WANTED_FEATURES,
        required_limits: wgpu::Limits::default().using_resolution(adapter.limits()),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    }))?;
    let gpu = Gpu::new(device, queue, &info);
    Ok(OpenDevice { instance, adapter, info, gpu })
}
