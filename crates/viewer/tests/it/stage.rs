//! The one helper of picture tests: a device, a target, and every tolerance.

use std::sync::{Arc, OnceLock};

use geodesy::{CameraPose, WorldFrame, glam::DVec3};
use scene::content::{
    Indices, Material, Primitive, Sampler, Texture, TextureFormat, TileContent, Topology, Wrap,
};
use viewer::{
    gpu::{
        Gpu, device,
        frame::{FrameDraws, FrameRenderer, TileDraw},
        pipelines::Pipelines,
        target::OffscreenTarget,
        tile::GpuTile,
        upload::{UploadBudget, UploadJob},
    },
    precise::CameraFrame,
};

/// Share of pixels that an edge may differ by.
pub(crate) const EDGE_SHARE: f64 = 0.01;
/// Steps of 255 that a colour may differ by.
pub(crate) const COLOR_STEPS: i32 = 2;

/// Picture size of the tests.
pub(crate) const SIZE_PX: [u32; 2] = [320, 180];

pub(crate) struct Stage {
    pub(crate) gpu: Gpu,
    pub(crate) pipelines: Pipelines,
}

/// The device shared by all tests, or `None`, said loudly, where there is no driver.
pub(crate) fn stage() -> Option<&'static Stage> {
    static STAGE: OnceLock<Option<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| match device::open_headless() {
        Ok(open) => {
            let pipelines = Pipelines::new(&open.gpu);
            Some(Stage { gpu: open.gpu, pipelines })
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    });
    stage.as_ref()
}

impl Stage {
    pub(crate) fn upload(&self, content: TileContent) -> Arc<GpuTile> {
        let mut job = UploadJob::new(&self.gpu, &self.pipelines, content);
        assert!(job.advance(&self.gpu, &mut UploadBudget::new(u64::MAX, None)));
        let (tile, problems) = job.finish();
        assert!(problems.is_empty(), "{problems:?}");
        Arc::new(tile)
    }

    pub(crate) fn draw(&self, frame: &FrameDraws) -> Picture {
        let target = OffscreenTarget::new(&self.gpu, frame.camera.size_px);
        let color = target.color_target();
        let mut renderer = FrameRenderer::new(&self.gpu, &self.pipelines, color.opaque_format);
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        renderer.draw(&self.gpu, &self.pipelines, &mut encoder, frame, &color, &target.depth.view);
        self.gpu.queue.submit([encoder.finish()]);
        let rgba = target.read_px(&self.gpu, [0, 0], target.size_px).expect("a picture");
        Picture { size_px: target.size_px, rgba }
    }
}

pub(crate) struct Picture {
    pub(crate) size_px: [u32; 2],
    pub(crate) rgba: Vec<u8>,
}

impl Picture {
    pub(crate) fn px(&self, x: u32, y: u32) -> [u8; 4] {
        let at = 4 * (y * self.size_px[0] + x) as usize;
        self.rgba[at..at + 4].try_into().unwrap()
    }

    /// Share of pixels on which anything was drawn.
    pub(crate) fn covered(&self) -> f64 {
        let drawn = self.rgba.chunks(4).filter(|p| p[3] != 0).count();
        drawn as f64 / (self.rgba.len() / 4) as f64
    }

    pub(crate) fn share_of(&self, color: [u8; 3]) -> f64 {
        let same = self.rgba.chunks(4).filter(|p| p[3] != 0 && close(p, color)).count();
        same as f64 / (self.rgba.len() / 4) as f64
    }

    /// Writes the picture into the folder named by `HAMLET_PICTURES`, if set, for people to look at.
    pub(crate) fn keep(&self, name: &str) {
        let Some(folder) = std::env::var_os("HAMLET_PICTURES") else { return };
        let file = std::fs::File::create(std::path::Path::new(&folder).join(name)).unwrap();
        let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), self.size_px[0], self.size_px[1]);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(&self.rgba).unwrap();
    }
}

pub(crate) fn close(pixel: &[u8], color: [u8; 3]) -> bool {
    pixel.iter().zip(color).all(|(a, b)| (i32::from(*a) - i32::from(b)).abs() <= COLOR_STEPS)
}

/// A camera at `eye` looking north and level, in a local frame.
pub(crate) fn looking_north(eye: DVec3) -> CameraFrame {
    let pose = CameraPose { eye_in_world: eye, heading_rad: 0.0, pitch_rad: 0.0 };
    CameraFrame::new(&pose, WorldFrame::Local, SIZE_PX, 60f64.to_radians())
}

pub(crate) fn frame(camera: CameraFrame, tiles: Vec<TileDraw>) -> FrameDraws {
    FrameDraws { camera, background: [0.0; 3], tiles, lines: Vec::new() }
}

pub(crate) fn draw_of(tile: &Arc<GpuTile>) -> TileDraw {
    TileDraw {
        tile: tile.clone(),
        world_from_content: geodesy::glam::DMat4::IDENTITY,
        fade: 1.0,
        fading_out: false,
        only_inside: Vec::new(),
        tint: [1.0; 3],
    }
}

/// A rectangle in the plane y = 0, facing south, from (-w/2, -h/2) to (w/2, h/2) in x and z; u to the east, v down.
pub(crate) fn wall(width: f32, height: f32) -> Primitive {
    let (x, z) = (width / 2.0, height / 2.0);
    Primitive {
        topology: Topology::Triangles,
        positions: vec![[-x, 0.0, -z], [x, 0.0, -z], [x, 0.0, z], [-x, 0.0, z]],
        normals: None,
        uvs: Some(vec![[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]),
        colors: None,
        indices: Some(Indices::U16(vec![0, 1, 2, 0, 2, 3])),
        material: Some(0),
        content_from_primitive: geodesy::glam::DMat4::IDENTITY,
        instances: Vec::new(),
        bounds: ([-x, 0.0, -z], [x, 0.0, z]),
        vertex_feature_ids: Vec::new(),
        point_size_px: None,
    }
}

/// A texture of `side` × `side` texels with all mips, filled by a function of column and row.
pub(crate) fn texture(side: u32, texel: impl Fn(u32, u32) -> [u8; 4]) -> Texture {
    let mut mips = Vec::new();
    let mut step = 1;
    while step <= side {
        let n = side / step;
        mips.push((0..n * n).flat_map(|i| texel(i % n * step, i / n * step)).collect());
        step *= 2;
    }
    let sampler = Sampler { wrap: [Wrap::Clamp; 2], nearest_mag: true, nearest_min: true };
    Texture { width: side, height: side, format: TextureFormat::Rgba8Srgb, mips, sampler }
}

pub(crate) fn content(primitive: Primitive, material: Material, textures: Vec<Texture>) -> TileContent {
    TileContent { primitives: vec![primitive], materials: vec![material], textures, ..Default::default() }
}

pub(crate) fn textured_wall(color: [u8; 3]) -> TileContent {
    let [r, g, b] = color;
    let material = Material { base_color_texture: Some(0), unlit: true, ..Default::default() };
    content(wall(2.0, 2.0), material, vec![texture(8, |_, _| [r, g, b, 255])])
}
