//! The window: `hamlet view`.

use std::{sync::Arc, time::Duration};

use bevy::{
    app::TerminalCtrlCHandlerPlugin,
    camera::ClearColorConfig,
    core_pipeline::{CorePipelinePlugin, upscaling::upscaling},
    diagnostic::FrameCountPlugin,
    ecs::schedule::{ScheduleBuildSettings, ScheduleLabel},
    input::InputPlugin,
    mesh::MeshPlugin,
    prelude::*,
    render::{
        RenderApp, RenderPlugin,
        camera::CameraRenderGraph,
        settings::{RenderCreation, WgpuFeatures, WgpuLimits, WgpuSettings, WgpuSettingsPriority},
    },
    time::TimePlugin,
    window::{ExitCondition, PresentMode, WindowPlugin, WindowResolution},
    winit::{EventLoopProxyWrapper, UpdateMode, WinitPlugin, WinitSettings, WinitUserEvent},
};
use bevy_egui::{
    EguiPlugin, PrimaryEguiContext,
    render::{egui_pass, prepare_egui_pass},
};
use geodesy::{CameraPose, WorldFrame};
use scene::streamer::{Placement, StreamerSettings};
use store::{OpenOptions, Source};

use crate::{
    Error,
    camera::{
        plugin::{CameraPlugin, CameraRig, CameraSystems},
        tour::{Tour, TourPlugin},
    },
    capture::headless::{single_threaded, task_pools},
    panel::{plugin::PanelPlugin, text::Language},
    render::{DrawTilesPlugin, GpuContext, TileCamera},
    tiles::{
        plugin::{TileView, Tiles, TilesPlugin},
        runtime::TileRuntime,
    },
};

/// What to view.
#[derive(Clone, Debug)]
pub struct ViewOptions {
    /// Tileset, folder, package or address.
    pub what: String,
    /// How it is opened: disk cache, other servers.
    pub open: OpenOptions,
    /// Size of the window, logical pixels.
    pub size_px: [u32; 2],
    /// Camera text; without: the whole tileset from the south.
    pub camera: Option<String>,
    /// Full horizontal field of view, degrees.
    pub fov_deg: f64,
    /// Memory ceiling, bytes.
    pub memory_bytes: u64,
    /// Screen-space error, pixels.
    pub max_screen_space_error_px: f64,
    /// Language of the panels; without: the system's.
    pub lang: Option<Language>,
    /// Fly one turn around the tileset first; any key or button ends it.
    pub tour: bool,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            what: String::new(),
            open: OpenOptions::default(),
            size_px: [1280, 720],
            camera: None,
            fov_deg: 60.0,
            memory_bytes: 1 << 30,
            max_screen_space_error_px: 16.0,
            lang: None,
            tour: false,
        }
    }
}

/// Waits this long for something to happen while nothing moves.
const IDLE: Duration = Duration::from_millis(500);

#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct PanelGraph;

#[derive(Resource, Clone, Debug)]
struct Request {
    options: ViewOptions,
    source: Source,
}

/// Opens a window and runs until it is closed.
///
/// # Errors
/// Nothing to be opened at `what`, no display, or the engine stopped with an error.
pub fn view(options: &ViewOptions) -> Result<(), Error> {
    if let Some(text) = &options.camera {
        // What world is shows only once the tileset is here; a text that is no camera anywhere is refused at once.
        CameraPose::parse(text, WorldFrame::Earth).or_else(|_| CameraPose::parse(text, WorldFrame::Local))?;
    }
    let source = Source::open(&options.what, &options.open)?;
    check_display()?;
    let mut app = App::new();
    let window = Window {
        title: format!("Hamlet 村景 – {}", options.what),
        name: Some("hamlet".to_owned()),
        resolution: WindowResolution::new(options.size_px[0], options.size_px[1]),
        present_mode: PresentMode::AutoVsync,
        ..default()
    };
    let settings = WgpuSettings {
        priority: WgpuSettingsPriority::Functionality,
        features: WgpuFeatures::empty(),
        constrained_limits: Some(WgpuLimits { max_texture_dimension_2d: 16_384, ..WgpuLimits::default() }),
        memory_hints: bevy::render::settings::MemoryHints::MemoryUsage,
        instance_flags: wgpu::InstanceFlags::empty().with_env(),
        ..default()
    };
    app.add_plugins((
        task_pools(),
        FrameCountPlugin,
        TimePlugin,
        TransformPlugin,
        InputPlugin,
        WindowPlugin {
            primary_window: Some(window),
            exit_condition: ExitCondition::OnPrimaryClosed,
            ..default()
        },
        bevy::a11y::AccessibilityPlugin,
        TerminalCtrlCHandlerPlugin,
        AssetPlugin::default(),
        WinitPlugin::default(),
        RenderPlugin { render_creation: RenderCreation::Automatic(Box::new(settings)), ..default() },
    ))
    .add_plugins((
        ImagePlugin::default(),
        MeshPlugin,
        bevy::camera::CameraPlugin,
        CorePipelinePlugin,
        EguiPlugin::default(),
        DrawTilesPlugin,
        TilesPlugin,
        CameraPlugin,
        PanelPlugin { language: options.lang },
    ))
    .insert_resource(CameraRig::new(options.fov_deg.to_radians(), options.camera.clone()))
    .insert_resource(TileView {
        max_screen_space_error_px: options.max_screen_space_error_px,
        ..TileView::default()
    })
    .insert_resource(Request { options: options.clone(), source })
    .insert_resource(WinitSettings {
        focused_mode: UpdateMode::Continuous,
        unfocused_mode: UpdateMode::Continuous,
    })
    .add_systems(Startup, (spawn_camera, open))
    .add_systems(PostUpdate, pace.after(CameraSystems));
    if options.tour {
        app.add_plugins(TourPlugin);
    }
    if let Some(render_app) = app.get_sub_app_mut(RenderApp) {
        let mut graph = Schedule::new(PanelGraph);
        graph.set_build_settings(ScheduleBuildSettings { auto_insert_apply_deferred: false, ..default() });
        graph.add_systems((prepare_egui_pass, egui_pass, upscaling).chain());
        render_app.add_schedule(graph);
    }
    single_threaded(app.world_mut());
    match app.run() {
        AppExit::Success => Ok(()),
        AppExit::Error(_) => Err(Error::EngineStopped),
    }
}

/// The engine ends the program where there is no display that answers: so it is asked first. (Its windows are X11.)
fn check_display() -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    match std::env::var("DISPLAY").ok().filter(|name| !name.is_empty()) {
        None => Err(Error::Window("there is no display; `hamlet shot` draws without one".to_owned())),
        Some(name) => match arboard::Clipboard::new() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Window(format!(
                "the display {name} does not answer ({error}); `hamlet shot` draws without one"
            ))),
        },
    }
}

fn spawn_camera(mut commands: Commands) {
    commands.spawn((
        // The tiles' pass clears; the panels must keep what it drew.
        Camera { clear_color: ClearColorConfig::None, ..default() },
        CameraRenderGraph::new(PanelGraph),
        Projection::default(),
        Msaa::Off,
        TileCamera,
        PrimaryEguiContext,
    ));
}

fn open(
    request: Res<Request>,
    context: Res<GpuContext>,
    proxy: Res<EventLoopProxyWrapper>,
    mut commands: Commands,
) -> Result {
    let settings = StreamerSettings {
        memory_ceiling_bytes: request.options.memory_bytes,
        ..StreamerSettings::default()
    };
    let proxy = (**proxy).clone();
    let waker = move || {
        // The loop is gone only when the window is: nobody is left to wake.
        let _ = proxy.send_event(WinitUserEvent::WakeUp);
    };
    let runtime = TileRuntime::open(
        context.gpu.clone(),
        context.pipelines.clone(),
        request.source.clone(),
        Placement::Upright,
        settings,
        Arc::new(waker),
    )?;
    commands.insert_resource(Tiles(runtime));
    Ok(())
}

/// Draws continuously while something moves or loads, else only when something happens.
fn pace(
    tiles: Option<Res<Tiles>>,
    rig: Res<CameraRig>,
    tour: Option<Res<Tour>>,
    keyboard: Res<ButtonInput<KeyCode>>,
    buttons: Res<ButtonInput<MouseButton>>,
    mut settings: ResMut<WinitSettings>,
    mut calm: Local<u32>,
) {
    let busy = rig.flight.is_some()
        || tour.is_some_and(|tour| matches!(*tour, Tour::Flying { .. }))
        || keyboard.get_pressed().next().is_some()
        || buttons.get_pressed().next().is_some()
        || tiles.is_none_or(|tiles| !tiles.0.stats().settled);
    // Panels need a few frames after the last change.
    *calm = if busy { 0 } else { calm.saturating_add(1) };
    let mode = if *calm < 10 { UpdateMode::Continuous } else { UpdateMode::reactive(IDLE) };
    if settings.focused_mode != mode {
        settings.focused_mode = mode;
        settings.unfocused_mode = mode;
    }
}
