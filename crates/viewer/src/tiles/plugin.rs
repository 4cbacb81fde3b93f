//! Streaming as bevy systems.

use std::time::Instant;

use bevy::prelude::*;
use scene::streamer::View;

use super::runtime::TileRuntime;
use crate::{
    gpu::{frame::FrameDraws, lines::LineVertex},
    precise::CameraFrame,
    render::NextFrame,
};

/// What is streamed; absent: nothing.
#[derive(Resource, Debug)]
pub struct Tiles(pub TileRuntime);

/// The camera of the next frame.
#[derive(Resource, Clone, Copy, Debug)]
pub struct ViewCamera(pub CameraFrame);

/// How tiles are shown.
#[derive(Resource, Clone, Debug)]
pub struct TileView {
    /// Screen-space error, pixels.
    pub max_screen_space_error_px: f64,
    /// Each level in its own colour.
    pub tint_levels: bool,
    /// Colour where nothing is drawn, linear.
    pub background: [f64; 3],
}

impl Default for TileView {
    fn default() -> Self {
        Self { max_screen_space_error_px: 16.0, tint_levels: false, background: [0.012, 0.02, 0.035] }
    }
}

/// Lines to draw in the next frame; emptied by it.
#[derive(Resource, Debug, Default)]
pub struct DebugLines(pub Vec<LineVertex>);

/// The order within a frame.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub enum TilesSystems {
    /// The camera is final before this.
    Stream,
    /// The frame is composed.
    Compose,
}

/// Streams [`Tiles`] for [`ViewCamera`] and composes the frame.
#[derive(Debug, Default)]
pub struct TilesPlugin;

impl Plugin for TilesPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<TileView>()
            .init_resource::<DebugLines>()
            .insert_resource(Clock(Instant::now()))
            .configure_sets(PostUpdate, (TilesSystems::Stream, TilesSystems::Compose).chain())
            .add_systems(
                PostUpdate,
                (
                    stream.in_set(TilesSystems::Stream).run_if(resource_exists::<Tiles>),
                    compose.in_set(TilesSystems::Compose),
                )
                    .run_if(resource_exists::<ViewCamera>),
            );
    }
}

#[derive(Resource, Debug)]
struct Clock(Instant);

/// The camera as the streamer sees it.
pub fn streamer_view(camera: &CameraFrame, max_screen_space_error_px: f64) -> View {
    View {
        eye_in_world: camera.eye_in_world,
        forward_in_world: camera.forward_in_world,
        frustum_in_world: camera.frustum_in_world(),
        viewport_height_px: f64::from(camera.size_px[1]),
        vertical_fov_rad: camera.vertical_fov_rad(),
        max_screen_space_error_px,
        weight: 1.0,
    }
}

fn stream(mut tiles: ResMut<Tiles>, camera: Res<ViewCamera>, settings: Res<TileView>, clock: Res<Clock>) {
    let view = streamer_view(&camera.0, settings.max_screen_space_error_px);
    tiles.0.step(&[view], clock.0.elapsed());
}

fn compose(
    tiles: Option<Res<Tiles>>,
    camera: Res<ViewCamera>,
    settings: Res<TileView>,
    mut lines: ResMut<DebugLines>,
    mut next: ResMut<NextFrame>,
) {
    next.0 = Some(FrameDraws {
        camera: camera.0,
        background: settings.background,
        tiles: tiles.map_or_else(Vec::new, |tiles| tiles.0.draws(0, settings.tint_levels)),
        lines: std::mem::take(&mut lines.0),
    });
}
