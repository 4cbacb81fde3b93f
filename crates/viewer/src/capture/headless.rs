//! The app without a window: the fewest plugins that render, driven frame by frame.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bevy::{
    app::{PluginsState, TaskPoolOptions, TaskPoolPlugin, TaskPoolThreadAssignmentPolicy},
    diagnostic::FrameCountPlugin,
    ecs::schedule::{Schedules, SingleThreadedExecutor},
    mesh::MeshPlugin,
    prelude::*,
    render::{
        RenderApp, RenderPlugin,
        renderer::{
            RenderAdapter, RenderAdapterInfo, RenderDevice, RenderInstance, RenderQueue, WgpuWrapper,
        },
        settings::RenderCreation,
    },
    time::TimePlugin,
    window::{ExitCondition, WindowPlugin},
};
use geodesy::{CameraPose, WorldFrame};
use scene::streamer::{Placement, StreamerSettings};
use store::{OpenOptions, Source};

use crate::{
    Error,
    gpu::{
        device,
        frame::{FrameDraws, FrameRenderer, FrameStats},
        target::OffscreenTarget,
    },
    precise::CameraFrame,
    render::{DrawTilesPlugin, DrawnFrame, GpuContext, Offscreen},
    tiles::{
        plugin::{TileView, Tiles, TilesPlugin, ViewCamera},
        runtime::TileRuntime,
    },
};

/// An app without a window, driven by hand.
pub struct Headless {
    app: App,
    target: OffscreenTarget,
}

impl std::fmt::Debug for Headless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Headless").field("size_px", &self.target.size_px).finish_non_exhaustive()
    }
}

/// Few threads: the frame is short, the work is in decoding and in the driver.
pub(crate) fn task_pools() -> TaskPoolPlugin {
    let one = TaskPoolThreadAssignmentPolicy {
        min_threads: 1,
        max_threads: 1,
        percent: 0.0,
        on_thread_spawn: None,
        on_thread_destroy: None,
    };
    TaskPoolPlugin {
        task_pool_options: TaskPoolOptions {
            min_total_threads: 1,
            max_total_threads: 3,
            io: one.clone(),
            async_compute: one.clone(),
            compute: one,
        },
    }
}

/// Runs every schedule of a world on the calling thread: there is too little in them to share out.
pub(crate) fn single_threaded(world: &mut World) {
    for (_, schedule) in world.resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}

impl Headless {
    /// Opens a device and builds the app.
    ///
    /// # Errors
    /// No driver, or it refuses.
    pub fn new(size_px: [u32; 2]) -> Result<Self, Error> {
        let open = device::open_headless()?;
        let target = OffscreenTarget::new(&open.gpu, size_px);
        let creation = RenderCreation::manual(
            RenderDevice::from(open.gpu.device.clone()),
            RenderQueue(Arc::new(WgpuWrapper::new(open.gpu.queue.clone()))),
            RenderAdapterInfo(WgpuWrapper::new(open.info)),
            RenderAdapter(Arc::new(WgpuWrapper::new(open.adapter))),
            RenderInstance(Arc::new(WgpuWrapper::new(open.instance))),
        );
        let mut app = App::new();
        app.add_plugins((
            task_pools(),
            FrameCountPlugin,
            TimePlugin,
            TransformPlugin,
            WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() },
            AssetPlugin::default(),
            RenderPlugin { render_creation: creation, synchronous_pipeline_compilation: true, ..default() },
            ImagePlugin::default(),
            MeshPlugin,
            bevy::camera::CameraPlugin,
        ))
        .add_plugins((DrawTilesPlugin, TilesPlugin))
        .insert_resource(Offscreen(target.clone()));
        while app.plugins_state() == PluginsState::Adding {
            bevy::tasks::tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        single_threaded(app.world_mut());
        if let Some(render_app) = app.get_sub_app_mut(RenderApp) {
            single_threaded(render_app.world_mut());
        }
        Ok(Self { app, target })
    }

    /// Draws one frame and waits until it is finished, by reading one pixel back.
    ///
    /// # Errors
    /// The device is lost.
    pub fn frame(&mut self) -> Result<(), Error> {
        self.app.update();
        if let Some(AppExit::Error(_)) = self.app.should_exit() {
            return Err(Error::EngineStopped);
        }
        self.target.read_px(&self.context().gpu, [0, 0], [1, 1])?;
        Ok(())
    }

    /// The picture as drawn: rows from the top, RGBA; alpha is 0 where nothing was drawn.
    ///
    /// # Errors
    /// The device is lost.
    pub fn picture(&self) -> Result<Vec<u8>, Error> {
        Ok(self.target.read_px(&self.context().gpu, [0, 0], self.target.size_px)?)
    }

    /// Draws a given frame, outside the order of frames, and returns its pixels.
    ///
    /// # Errors
    /// The device is lost.
    pub fn redraw(&self, frame: &FrameDraws) -> Result<Vec<u8>, Error> {
        let GpuContext { gpu, pipelines } = self.context();
        let color = self.target.color_target();
        let mut renderer = FrameRenderer::new(gpu, pipelines, color.opaque_format);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        renderer.draw(gpu, pipelines, &mut encoder, frame, &color, &self.target.depth.view);
        gpu.queue.submit([encoder.finish()]);
        self.picture()
    }

    /// Size of the picture.
    pub fn size_px(&self) -> [u32; 2] {
        self.target.size_px
    }

    /// Device and pipelines.
    pub fn context(&self) -> &GpuContext {
        self.app.world().resource::<GpuContext>()
    }

    /// Sets the camera of the next frame.
    pub fn look(&mut self, camera: CameraFrame) {
        self.app.insert_resource(ViewCamera(camera));
    }

    /// How tiles are shown.
    pub fn view_mut(&mut self) -> Mut<'_, TileView> {
        self.app.world_mut().resource_mut::<TileView>()
    }

    /// Starts to stream a source, in place of what was streamed before.
    ///
    /// # Errors
    /// The source cannot be opened.
    pub fn open(
        &mut self,
        what: &str,
        options: &OpenOptions,
        placement: Placement,
        settings: StreamerSettings,
    ) -> Result<(), Error> {
        let source = Source::open(what, options)?;
        let GpuContext { gpu, pipelines } = self.context().clone();
        let runtime = TileRuntime::open(gpu, pipelines, source, placement, settings, Arc::new(|| ()))
            .map_err(Error::Thread)?;
        self.app.insert_resource(Tiles(runtime));
        Ok(())
    }

    /// What is streamed.
    pub fn tiles(&self) -> Option<&TileRuntime> {
        self.app.world().get_resource::<Tiles>().map(|tiles| &tiles.0)
    }

    /// What is streamed, to change settings.
    pub fn tiles_mut(&mut self) -> Option<Mut<'_, Tiles>> {
        self.app.world_mut().get_resource_mut::<Tiles>()
    }

    /// Figures of the last frame.
    pub fn drawn(&self) -> FrameStats {
        self.app
            .get_sub_app(RenderApp)
            .and_then(|a| a.world().get_resource::<DrawnFrame>())
            .map_or_else(FrameStats::default, |drawn| drawn.0)
    }

    /// Steps without drawing until the root of the tileset is known, or fails.
    ///
    /// # Errors
    /// It failed, or took longer than `timeout`.
    pub fn wait_for_root(&mut self, what: &str, timeout: Duration) -> Result<WorldFrame, Error> {
        let start = Instant::now();
        loop {
            let Some(mut tiles) = self.tiles_mut() else { return Err(Error::NothingOpen) };
            tiles.0.step(&[], start.elapsed());
            if let Some(frame) = tiles.0.frame() {
                return Ok(frame);
            }
            if tiles.0.is_dead() || start.elapsed() > timeout {
                let outage = || tiles.0.failures().outage().map(|(_, reason)| reason);
                let reason = tiles
                    .0
                    .root_failure()
                    .or_else(outage)
                    .unwrap_or_else(|| format!("nothing arrived within {} s", timeout.as_secs()));
                return Err(Error::Unreadable { what: what.to_owned(), reason });
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// A pose of a camera text, or the one that shows the whole tileset.
    ///
    /// # Errors
    /// The text is refused.
    pub fn pose(&self, camera: Option<&str>, fov_rad: f64) -> Result<(CameraPose, WorldFrame), Error> {
        let tiles = self.tiles().ok_or(Error::NothingOpen)?;
        let volume = tiles.bounding_volume().ok_or(Error::NothingOpen)?;
        let frame = WorldFrame::of_center(volume.center());
        let pose = match camera {
            Some(text) => CameraPose::parse(text, frame)?,
            None => crate::camera::home::overview(volume, frame, self.size_px(), fov_rad),
        };
        Ok((pose, frame))
    }
}
