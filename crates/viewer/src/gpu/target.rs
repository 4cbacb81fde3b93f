//! Where frames go when there is no window: one colour and one depth texture, and reading them back.

use super::{Gpu, pipelines::DEPTH_FORMAT};

/// The colour texture of a frame, as passes see it. Blending needs linear light; opaque passes may write encoded values
/// to a second view of the same texture, which spares a software driver the conversions.
#[derive(Clone, Copy, Debug)]
pub struct ColorTarget<'a> {
    /// View for opaque passes.
    pub opaque: &'a wgpu::TextureView,
    /// Its format.
    pub opaque_format: wgpu::TextureFormat,
    /// sRGB view for blended passes.
    pub blended: &'a wgpu::TextureView,
    /// Its format.
    pub blended_format: wgpu::TextureFormat,
}

/// Format in which a picture is blended.
const BLENDED_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

/// Format in which the opaque part of a picture is drawn.
pub fn opaque_format(gpu: &Gpu) -> wgpu::TextureFormat {
    if gpu.software { BLENDED_FORMAT.remove_srgb_suffix() } else { BLENDED_FORMAT }
}

/// An off-screen target.
#[derive(Clone, Debug)]
pub struct OffscreenTarget {
    /// Width and height in pixels.
    pub size_px: [u32; 2],
    /// Colour.
    pub color: wgpu::Texture,
    opaque_view: wgpu::TextureView,
    opaque_format: wgpu::TextureFormat,
    blended_view: wgpu::TextureView,
    /// Depth.
    pub depth: DepthTexture,
}

/// A depth texture of a given size.
#[derive(Clone, Debug)]
pub struct DepthTexture {
    /// Width and height in pixels.
    pub size_px: [u32; 2],
    /// View of it.
    pub view: wgpu::TextureView,
}

impl DepthTexture {
    /// Makes one.
    pub fn new(gpu: &Gpu, size_px: [u32; 2]) -> Self {
        let texture =
            texture(gpu, "depth", size_px, DEPTH_FORMAT, wgpu::TextureUsages::RENDER_ATTACHMENT, &[]);
        Self { size_px, view: texture.create_view(&wgpu::TextureViewDescriptor::default()) }
    }
}

fn texture(
    gpu: &Gpu,
    label: &str,
    size_px: [u32; 2],
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
    view_formats: &[wgpu::TextureFormat],
) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d {
            width: size_px[0].max(1),
            height: size_px[1].max(1),
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats,
    })
}

/// Why pixels could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The device did not finish.
    #[error("the device did not finish its work: {0}")]
    Poll(#[from] wgpu::PollError),
    /// The buffer could not be mapped.
    #[error("the picture could not be mapped: {0}")]
    Map(#[from] wgpu::BufferAsyncError),
}

impl OffscreenTarget {
    /// Makes one.
    pub fn new(gpu: &Gpu, size_px: [u32; 2]) -> Self {
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let opaque_format = opaque_format(gpu);
        let color = texture(gpu, "picture", size_px, opaque_format, usage, &[BLENDED_FORMAT]);
        let view = |format| {
            color.create_view(&wgpu::TextureViewDescriptor { format: Some(format), ..Default::default() })
        };
        Self {
            size_px,
            opaque_view: view(opaque_format),
            opaque_format,
            blended_view: view(BLENDED_FORMAT),
            color,
            depth: DepthTexture::new(gpu, size_px),
        }
    }

    /// Its colour, as passes see it.
    pub fn color_target(&self) -> ColorTarget<'_> {
        ColorTarget {
            opaque: &self.opaque_view,
            opaque_format: self.opaque_format,
            blended: &self.blended_view,
            blended_format: BLENDED_FORMAT,
        }
    }

    /// Waits for everything drawn so far and returns the pixels of a rectangle: rows from the top, RGBA.
    pub fn read_px(
        &self,
        gpu: &Gpu,
        origin_px: [u32; 2],
        size_px: [u32; 2],
    ) -> Result<Vec<u8>, ReadBackError> {
        let [width, height] = size_px;
        let row_bytes = width * 4;
        let padded = row_bytes.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: u64::from(padded) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            wgpu::TexelCopyTextureInfo {
                origin: wgpu::Origin3d { x: origin_px[0], y: origin_px[1], z: 0 },
                ..self.color.as_image_copy()
            },
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(padded),
                    rows_per_image: None,
                },
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
        gpu.queue.submit([encoder.finish()]);
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = sender.try_send(result);
        });
        gpu.device.poll(wgpu::PollType::Wait { submission_index: None, timeout: None })?;
        receiver.recv().unwrap_or(Err(wgpu::BufferAsyncError))?;
        let mapped = buffer.get_mapped_range(..);
        let mut pixels = Vec::with_capacity(row_bytes as usize * height as usize);
        for row in mapped.chunks(padded as usize) {
            pixels.extend_from_slice(row.get(..row_bytes as usize).unwrap_or(row));
        }
        Ok(pixels)
    }
}
