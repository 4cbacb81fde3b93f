//! The bridge from bevy to [`crate::gpu`]: the main world composes a [`FrameDraws`], the render world draws it.
//!
//! Tiles need neither bevy's mesh and material machinery nor its main passes. A frame is drawn by one system of the
//! root render graph, either into the off-screen target of a headless app or into the main texture of the window's
//! camera, whose own schedule then adds the panels.

use std::sync::Arc;

use bevy::{
    prelude::*,
    render::{
        ExtractSchedule, MainWorld, RenderApp,
        renderer::{RenderAdapterInfo, RenderDevice, RenderGraph, RenderGraphSystems, RenderQueue},
        view::{ExtractedView, ViewTarget},
    },
};

use crate::gpu::{
    Gpu,
    frame::{FrameDraws, FrameRenderer, FrameStats},
    pipelines::Pipelines,
    target::{self, ColorTarget, DepthTexture, OffscreenTarget},
};

/// Device and pipelines, in both worlds.
#[derive(Resource, Clone, Debug)]
pub struct GpuContext {
    /// Device.
    pub gpu: Gpu,
    /// Pipelines.
    pub pipelines: Arc<Pipelines>,
}

/// What the next frame draws; taken by the render world. `None` draws nothing.
#[derive(Resource, Debug, Default)]
pub struct NextFrame(pub Option<FrameDraws>);

/// Where frames go when there is no window.
#[derive(Resource, Clone, Debug)]
pub struct Offscreen(pub OffscreenTarget);

/// Marks the camera into whose main texture tiles are drawn.
#[derive(Component, Clone, Copy, Debug, Default, bevy::render::extract_component::ExtractComponent)]
pub struct TileCamera;

/// Figures of the last drawn frame, in the render world.
#[derive(Resource, Debug, Default)]
pub struct DrawnFrame(pub FrameStats);

/// Figures of the frame before, in the main world.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct LastDrawn(pub FrameStats);

/// Systems of this module in the root render graph.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub struct DrawTilesSystems;

/// Draws [`NextFrame`].
#[derive(Debug, Default)]
pub struct DrawTilesPlugin;

impl Plugin for DrawTilesPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<NextFrame>()
            .init_resource::<LastDrawn>()
            .add_plugins(bevy::render::extract_component::ExtractComponentPlugin::<TileCamera>::default());
        let Some(render_app) = app.get_sub_app_mut(RenderApp) else { return };
        render_app
            .init_resource::<ThisFrame>()
            .init_resource::<DrawnFrame>()
            .init_resource::<Renderers>()
            .add_systems(ExtractSchedule, extract)
            .add_systems(
                RenderGraph,
                draw.in_set(DrawTilesSystems)
                    .in_set(RenderGraphSystems::Begin)
                    .run_if(resource_exists::<GpuContext>),
            );
    }

    fn finish(&self, app: &mut App) {
        let world = app.world();
        let (Some(device), Some(queue), Some(info)) = (
            world.get_resource::<RenderDevice>(),
            world.get_resource::<RenderQueue>(),
            world.get_resource::<RenderAdapterInfo>(),
        ) else {
            return;
        };
        let gpu = Gpu::new(device.wgpu_device().clone(), (**queue.0).clone(), info);
        let pipelines = Arc::new(Pipelines::new(&gpu));
        pipelines.warm_up(&gpu, target::opaque_format(&gpu));
        let context = GpuContext { gpu, pipelines };
        app.insert_resource(context.clone());
        let offscreen = app.world().get_resource::<Offscreen>().cloned();
        if let Some(render_app) = app.get_sub_app_mut(RenderApp) {
            render_app.insert_resource(context);
            if let Some(offscreen) = offscreen {
                render_app.insert_resource(offscreen);
            }
        }
    }
}

#[derive(Resource, Debug, Default)]
struct ThisFrame(Option<FrameDraws>);

/// One renderer per colour format, and the depth texture of the window.
#[derive(Resource, Debug, Default)]
struct Renderers {
    by_format: Vec<(wgpu::TextureFormat, FrameRenderer)>,
    window_depth: Option<DepthTexture>,
}

impl Renderers {
    fn of(&mut self, context: &GpuContext, format: wgpu::TextureFormat) -> Option<&mut FrameRenderer> {
        if !self.by_format.iter().any(|(f, _)| *f == format) {
            self.by_format.push((format, FrameRenderer::new(&context.gpu, &context.pipelines, format)));
        }
        self.by_format.iter_mut().find(|(f, _)| *f == format).map(|(_, renderer)| renderer)
    }
}

fn extract(mut this: ResMut<ThisFrame>, drawn: Res<DrawnFrame>, mut main_world: ResMut<MainWorld>) {
    main_world.resource_mut::<LastDrawn>().0 = drawn.0;
    this.0 = main_world.resource_mut::<NextFrame>().0.take();
}

fn draw(
    context: Res<GpuContext>,
    offscreen: Option<Res<Offscreen>>,
    mut this: ResMut<ThisFrame>,
    mut renderers: ResMut<Renderers>,
    mut drawn: ResMut<DrawnFrame>,
    cameras: Query<(&ViewTarget, &ExtractedView), With<TileCamera>>,
) {
    let Some(mut frame) = this.0.take() else { return };
    let GpuContext { gpu, pipelines } = &*context;
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    if let Some(offscreen) = offscreen {
        let target = &offscreen.0;
        let color = target.color_target();
        let Some(renderer) = renderers.of(&context, color.opaque_format) else { return };
        drawn.0 = renderer.draw(gpu, pipelines, &mut encoder, &frame, &color, &target.depth.view);
    } else if let Some((target, view)) = cameras.iter().next() {
        let size_px = [view.viewport.z, view.viewport.w];
        let depth = match renderers.window_depth.take() {
            Some(depth) if depth.size_px == size_px => depth,
            _ => DepthTexture::new(gpu, size_px),
        };
        renderers.window_depth = Some(depth.clone());
        // The window may have been resized since the frame was composed.
        frame.camera.size_px = size_px;
        let format = target.main_texture_format();
        let view = target.main_texture_view();
        let color =
            ColorTarget { opaque: view, opaque_format: format, blended: view, blended_format: format };
        let Some(renderer) = renderers.of(&context, format) else { return };
        drawn.0 = renderer.draw(gpu, pipelines, &mut encoder, &frame, &color, &depth.view);
    }
    gpu.queue.submit([encoder.finish()]);
}
