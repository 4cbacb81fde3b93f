//! Mouse and keys move the camera.

use std::path::PathBuf;

use bevy::{
    input::{
        ButtonState,
        mouse::{AccumulatedMouseScroll, MouseButtonInput, MouseScrollUnit},
    },
    prelude::*,
    window::PrimaryWindow,
};
use geodesy::{CameraPose, Ray, WorldFrame, glam::DVec3};
use scene::{
    pick::{Among, PickOptions},
    streamer::DrawTile,
};

use super::{
    bookmarks::{self, Bookmarks},
    controller::{self, Flight},
    home,
};
use crate::{
    precise::CameraFrame,
    tiles::{
        plugin::{Tiles, TilesSystems, ViewCamera},
        runtime::TileRuntime,
    },
};

/// Dragging over the whole width of the window turns by this.
const TURN_PER_WIDTH_RAD: f64 = std::f64::consts::PI;
/// A step of the wheel brings the eye so much nearer.
const ZOOM_STEP: f64 = 0.85;
/// A press that moved less is a click, logical pixels.
const CLICK_PX: f32 = 4.0;
/// A second click within this is a double click, seconds.
const DOUBLE_CLICK_SECS: f64 = 0.35;
/// Keys turn by this per second.
const KEY_TURN_RAD: f64 = 1.0;
/// Keys move by this share of the distance to the ground per second.
const KEY_MOVE: f64 = 0.5;

/// The camera of the window.
#[derive(Resource, Clone, Debug)]
pub struct CameraRig {
    /// Where it is. `None` until the tileset is known.
    pub pose: Option<CameraPose>,
    /// What world is.
    pub frame: WorldFrame,
    /// Full horizontal field of view, radians.
    pub fov_rad: f64,
    /// Camera text to start from; without: the whole tileset.
    pub start: Option<String>,
    /// Under way, and since when (seconds of the app's clock).
    pub flight: Option<(Flight, f64)>,
}

impl CameraRig {
    /// A rig without a pose.
    pub fn new(fov_rad: f64, start: Option<String>) -> Self {
        Self { pose: None, frame: WorldFrame::Local, fov_rad, start, flight: None }
    }

    /// Flies to a pose.
    pub fn fly_to(&mut self, to: CameraPose, now_secs: f64) {
        if let Some(from) = self.pose {
            self.flight = Some((Flight::new(from, to, self.frame), now_secs));
        }
    }

    /// Its camera text.
    pub fn text(&self) -> Option<String> {
        Some(self.pose?.to_text(self.frame))
    }
}

/// The user's bookmarks and where they are kept.
#[derive(Resource, Clone, Debug, Default)]
pub struct BookmarkFile {
    /// File; `None`: not kept.
    pub path: Option<PathBuf>,
    /// Contents.
    pub bookmarks: Bookmarks,
}

/// What keyboard and mouse may do now: panels set it.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct InputFocus {
    /// A panel uses the pointer.
    pub pointer_taken: bool,
    /// A panel uses the keyboard.
    pub keyboard_taken: bool,
}

/// The user clicked at a pixel (physical).
#[derive(Message, Clone, Copy, Debug)]
pub struct Clicked {
    /// Pixel.
    pub px: [f64; 2],
}

/// Something worth telling in a line.
#[derive(Message, Clone, Debug)]
pub enum Notice {
    /// The camera text went to the clipboard.
    Copied,
    /// A bookmark was set.
    Bookmarked(usize),
    /// A bookmark could not be written, and why.
    NotKept(String),
}

/// Systems that move the camera.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CameraSystems;

/// Moves [`ViewCamera`] by mouse and keys.
#[derive(Debug, Default)]
pub struct CameraPlugin;

impl Plugin for CameraPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Drag>()
            .init_resource::<InputFocus>()
            .init_resource::<BookmarkFile>()
            .add_message::<Clicked>()
            .add_message::<Notice>()
            .configure_sets(PostUpdate, CameraSystems.before(TilesSystems::Stream))
            .add_systems(Startup, load_bookmarks)
            .add_systems(Update, (start_pose, drag, keys, shortcuts, fly).chain())
            .add_systems(PostUpdate, settle_camera.in_set(CameraSystems));
    }
}

#[derive(Clone, Copy, Debug)]
enum Gesture {
    /// Keep what was grabbed under the cursor.
    Pan,
    /// Turn about what was grabbed.
    Orbit,
    /// Up and down: nearer to what was grabbed.
    Zoom,
}

#[derive(Resource, Clone, Copy, Debug, Default)]
struct Drag {
    gesture: Option<Gesture>,
    grabbed_in_world: Option<DVec3>,
    start_px: Vec2,
    last_px: Vec2,
    moved: bool,
    last_click: Option<(f64, Vec2)>,
}

fn load_bookmarks(mut file: ResMut<BookmarkFile>) {
    if file.path.is_none() {
        file.path = bookmarks::default_path();
    }
    let Some(path) = file.path.clone() else { return };
    match Bookmarks::load(&path) {
        Ok(bookmarks) => file.bookmarks = bookmarks,
        Err(error) => warn!("{}: {error}", path.display()),
    }
}

fn camera_of(rig: &CameraRig, window: &Window) -> Option<CameraFrame> {
    let size_px = [window.physical_width().max(1), window.physical_height().max(1)];
    Some(CameraFrame::new(&rig.pose?, rig.frame, size_px, rig.fov_rad))
}

fn start_pose(
    mut rig: ResMut<CameraRig>,
    tiles: Option<Res<Tiles>>,
    window: Single<&Window, With<PrimaryWindow>>,
) {
    if rig.pose.is_some() {
        return;
    }
    let Some(volume) = tiles.as_ref().and_then(|t| t.0.bounding_volume()) else { return };
    rig.frame = WorldFrame::of_center(volume.center());
    let size_px = [window.physical_width().max(1), window.physical_height().max(1)];
    let asked = rig.start.as_ref().map(|text| CameraPose::parse(text, rig.frame));
    rig.pose = Some(match asked {
        Some(Ok(pose)) => pose,
        other => {
            if let Some(Err(error)) = other {
                warn!("{error}");
            }
            home::overview(volume, rig.frame, size_px, rig.fov_rad)
        }
    });
}

/// The point of the mesh under a pixel.
fn mesh_under(tiles: &TileRuntime, camera: &CameraFrame, px: [f64; 2]) -> Option<DVec3> {
    let ray = Ray { origin: camera.eye_in_world, direction: camera.direction_through_px(px) };
    let options = PickOptions { view: Some(0), ..PickOptions::default() };
    Some(tiles.picker().pick(&ray, tiles.drawn(), &options)?.position_in_world)
}

/// What is under a pixel: the mesh, or else the level of the tileset's centre.
pub fn point_under(tiles: &TileRuntime, camera: &CameraFrame, px: [f64; 2]) -> Option<DVec3> {
    if let Some(point) = mesh_under(tiles, camera, px) {
        return Some(point);
    }
    let ray = Ray { origin: camera.eye_in_world, direction: camera.direction_through_px(px) };
    controller::meet_level(&ray, camera.frame, tiles.bounding_volume()?.center())
}

#[allow(clippy::too_many_arguments, reason = "a system's parameters are what it reads")]
fn drag(
    mut rig: ResMut<CameraRig>,
    mut drag: ResMut<Drag>,
    tiles: Option<Res<Tiles>>,
    focus: Res<InputFocus>,
    buttons: Res<ButtonInput<MouseButton>>,
    keyboard: Res<ButtonInput<KeyCode>>,
    scroll: Res<AccumulatedMouseScroll>,
    window: Single<&Window, With<PrimaryWindow>>,
    time: Res<Time<Real>>,
    mut presses: MessageReader<MouseButtonInput>,
    mut clicked: MessageWriter<Clicked>,
) {
    // On a slow machine both clicks of a double click may fall into one frame.
    let left = |p: &&MouseButtonInput| p.button == MouseButton::Left && p.state == ButtonState::Pressed;
    let presses_now = presses.read().filter(left).count();
    let Some(tiles) = tiles else { return };
    let (Some(camera), Some(cursor)) = (camera_of(&rig, &window), window.cursor_position()) else {
        drag.gesture = None;
        return;
    };
    let scale = f64::from(window.scale_factor());
    let px_of = |at: Vec2| [f64::from(at.x) * scale, f64::from(at.y) * scale];
    let now = time.elapsed_secs_f64();

    if drag.gesture.is_none() && !focus.pointer_taken {
        let control = control_held(&keyboard);
        let gesture = if buttons.just_pressed(MouseButton::Left) {
            Some(if control { Gesture::Orbit } else { Gesture::Pan })
        } else if buttons.just_pressed(MouseButton::Middle) {
            Some(Gesture::Orbit)
        } else if buttons.just_pressed(MouseButton::Right) {
            Some(Gesture::Zoom)
        } else {
            None
        };
        if gesture.is_some() {
            *drag = Drag {
                gesture,
                grabbed_in_world: point_under(&tiles.0, &camera, px_of(cursor)),
                start_px: cursor,
                last_px: cursor,
                moved: false,
                last_click: drag.last_click,
            };
            rig.flight = None;
        }
    }
    if let Some(gesture) = drag.gesture {
        drag.moved |= cursor.distance(drag.start_px) > CLICK_PX;
        let step = cursor - drag.last_px;
        if let (true, Some(pose), Some(grabbed)) =
            (drag.moved && step != Vec2::ZERO, rig.pose, drag.grabbed_in_world)
        {
            let width = f64::from(window.width().max(1.0));
            let [turn, tilt] = [f64::from(step.x), f64::from(step.y)].map(|s| s / width * TURN_PER_WIDTH_RAD);
            let moved = match gesture {
                Gesture::Pan => {
                    controller::pan(&pose, rig.frame, grabbed, camera.direction_through_px(px_of(cursor)))
                }
                Gesture::Orbit => Some(controller::orbit(&pose, rig.frame, grabbed, turn, tilt)),
                Gesture::Zoom => Some(controller::zoom(&pose, grabbed, (f64::from(step.y) / 150.0).exp())),
            };
            rig.pose = moved.or(rig.pose);
        }
        drag.last_px = cursor;
        if !buttons.any_pressed([MouseButton::Left, MouseButton::Middle, MouseButton::Right]) {
            let click = !drag.moved && buttons.just_released(MouseButton::Left);
            drag.gesture = None;
            if click {
                let twice = drag.last_click.take().is_some_and(|(at, where_px)| {
                    now - at < DOUBLE_CLICK_SECS && where_px.distance(cursor) < CLICK_PX
                }) || presses_now > 1;
                // Beside the mesh there is nothing to fly to.
                let target = mesh_under(&tiles.0, &camera, px_of(cursor)).filter(|_| twice);
                if let (Some(target), Some(pose)) = (target, rig.pose) {
                    let range = pose.eye_in_world.distance(target) * 0.4;
                    let to = controller::approach(&pose, rig.frame, target, range.max(10.0));
                    rig.fly_to(to, now);
                } else {
                    drag.last_click = Some((now, cursor));
                    clicked.write(Clicked { px: px_of(cursor) });
                }
            }
        }
    }
    if scroll.delta.y != 0.0 && !focus.pointer_taken {
        let steps = match scroll.unit {
            MouseScrollUnit::Line => f64::from(scroll.delta.y),
            MouseScrollUnit::Pixel => f64::from(scroll.delta.y) / 40.0,
        };
        if let (Some(pose), Some(target)) = (rig.pose, point_under(&tiles.0, &camera, px_of(cursor))) {
            rig.pose = Some(controller::zoom(&pose, target, ZOOM_STEP.powf(steps)));
            rig.flight = None;
        }
    }
}

fn keys(
    mut rig: ResMut<CameraRig>,
    tiles: Option<Res<Tiles>>,
    focus: Res<InputFocus>,
    keyboard: Res<ButtonInput<KeyCode>>,
    window: Single<&Window, With<PrimaryWindow>>,
    time: Res<Time<Real>>,
) {
    let (Some(tiles), Some(pose), Some(camera)) = (tiles, rig.pose, camera_of(&rig, &window)) else { return };
    if focus.keyboard_taken || control_held(&keyboard) {
        return;
    }
    let axis = |more: &[KeyCode], less: &[KeyCode]| {
        let held = |keys: &[KeyCode]| if keyboard.any_pressed(keys.iter().copied()) { 1.0 } else { 0.0 };
        held(more) - held(less)
    };
    use KeyCode as K;
    let ahead = axis(&[K::KeyW, K::ArrowUp], &[K::KeyS, K::ArrowDown]);
    let right = axis(&[K::KeyD, K::ArrowRight], &[K::KeyA, K::ArrowLeft]);
    let turn = axis(&[K::KeyE], &[K::KeyQ]);
    let tilt = axis(&[K::PageUp], &[K::PageDown]);
    let nearer = axis(&[K::Equal, K::NumpadAdd], &[K::Minus, K::NumpadSubtract]);
    if [ahead, right, turn, tilt, nearer].iter().all(|v| *v == 0.0) {
        return;
    }
    let fast = if keyboard.any_pressed([K::ShiftLeft, K::ShiftRight]) { 4.0 } else { 1.0 };
    let secs = f64::from(time.delta_secs().min(0.1));
    let middle = camera.size_px.map(|n| 0.5 * f64::from(n));
    let pivot = point_under(&tiles.0, &camera, middle);
    let range = pivot.map_or(100.0, |p| p.distance(pose.eye_in_world)).clamp(2.0, 1e6);
    let frame = rig.frame;
    let mut next = pose;
    if ahead != 0.0 || right != 0.0 {
        let step = range * KEY_MOVE * fast * secs;
        next = controller::walk(&next, frame, ahead * step, right * step, 0.0);
    }
    if turn != 0.0 || tilt != 0.0 {
        let angle = KEY_TURN_RAD * secs;
        next = match pivot {
            Some(pivot) => controller::orbit(&next, frame, pivot, turn * angle, tilt * angle),
            None => controller::look(&next, turn * angle, -tilt * angle),
        };
    }
    if let (true, Some(pivot)) = (nearer != 0.0, pivot) {
        next = controller::zoom(&next, pivot, (-nearer * fast * secs).exp());
    }
    rig.pose = Some(next);
    rig.flight = None;
}

#[allow(clippy::too_many_arguments, reason = "a system's parameters are what it reads")]
fn shortcuts(
    mut rig: ResMut<CameraRig>,
    tiles: Option<ResMut<Tiles>>,
    focus: Res<InputFocus>,
    mut file: ResMut<BookmarkFile>,
    keyboard: Res<ButtonInput<KeyCode>>,
    window: Single<&Window, With<PrimaryWindow>>,
    time: Res<Time<Real>>,
    mut notices: MessageWriter<Notice>,
    mut clipboard: Local<Option<arboard::Clipboard>>,
) {
    const DIGITS: [KeyCode; 9] = [
        KeyCode::Digit1,
        KeyCode::Digit2,
        KeyCode::Digit3,
        KeyCode::Digit4,
        KeyCode::Digit5,
        KeyCode::Digit6,
        KeyCode::Digit7,
        KeyCode::Digit8,
        KeyCode::Digit9,
    ];
    let (Some(mut tiles), Some(pose)) = (tiles, rig.pose) else { return };
    if focus.keyboard_taken {
        return;
    }
    let now = time.elapsed_secs_f64();
    let control = control_held(&keyboard);
    if control && keyboard.just_pressed(KeyCode::KeyC) {
        // Under X11 what was copied is gone with the clipboard that copied it, so it stays open.
        let copied = match clipboard.take().map_or_else(arboard::Clipboard::new, Ok) {
            Ok(open) => clipboard.insert(open).set_text(pose.to_text(rig.frame)),
            Err(error) => Err(error),
        };
        match copied {
            Ok(()) => {
                notices.write(Notice::Copied);
            }
            Err(error) => warn!("clipboard: {error}"),
        }
    }
    for (slot, key) in (1..).zip(DIGITS) {
        if !keyboard.just_pressed(key) {
            continue;
        }
        if control {
            file.bookmarks.set(slot, &pose.to_text(rig.frame));
            match file.path.as_ref().map(|path| file.bookmarks.save(path)) {
                Some(Err(error)) => {
                    warn!("bookmarks: {error}");
                    notices.write(Notice::NotKept(error.to_string()));
                }
                _ => {
                    notices.write(Notice::Bookmarked(slot));
                }
            }
        } else if let Some(text) = file.bookmarks.get(slot) {
            match CameraPose::parse(text, rig.frame) {
                Ok(to) => rig.fly_to(to, now),
                Err(error) => warn!("bookmark {slot}: {error}"),
            }
        }
    }
    if control {
        return;
    }
    if keyboard.just_pressed(KeyCode::KeyN) {
        let camera = camera_of(&rig, &window);
        let middle = camera.and_then(|c| point_under(&tiles.0, &c, c.size_px.map(|n| 0.5 * f64::from(n))));
        let to = match middle {
            Some(pivot) => controller::orbit(&pose, rig.frame, pivot, -signed(pose.heading_rad), 0.0),
            None => CameraPose { heading_rad: 0.0, ..pose },
        };
        rig.fly_to(CameraPose { heading_rad: 0.0, ..to }, now);
    }
    if keyboard.any_just_pressed([KeyCode::Home, KeyCode::KeyF])
        && let Some(volume) = tiles.0.bounding_volume()
    {
        let size_px = [window.physical_width().max(1), window.physical_height().max(1)];
        let to = home::overview(volume, rig.frame, size_px, rig.fov_rad);
        rig.fly_to(to, now);
    }
    if keyboard.just_pressed(KeyCode::F5) {
        tiles.0.streamer_mut().retry_failed();
    }
}

/// Control is or was held in this frame: a quick chord may begin and end between two frames.
fn control_held(keyboard: &ButtonInput<KeyCode>) -> bool {
    let keys = [KeyCode::ControlLeft, KeyCode::ControlRight];
    keyboard.any_pressed(keys) || keyboard.any_just_released(keys)
}

/// An angle in (−π, π].
fn signed(angle_rad: f64) -> f64 {
    let half = std::f64::consts::PI;
    half - (half - angle_rad).rem_euclid(2.0 * half)
}

fn fly(mut rig: ResMut<CameraRig>, time: Res<Time<Real>>) {
    let Some((flight, since)) = rig.flight else { return };
    let secs = time.elapsed_secs_f64() - since;
    rig.pose = Some(flight.pose_at(secs));
    if secs >= flight.duration_secs {
        rig.flight = None;
    }
}

/// Height of the highest drawn surface at the eye's place.
pub fn ground_below(
    tiles: &TileRuntime,
    drawn: &[DrawTile],
    pose: &CameraPose,
    frame: WorldFrame,
) -> Option<f64> {
    let (place, height) = match frame {
        WorldFrame::Earth => {
            let g = geodesy::geodetic_from_ecef(pose.eye_in_world);
            ([g.lon_rad, g.lat_rad], g.height_m)
        }
        WorldFrame::Local => ([pose.eye_in_world.x, pose.eye_in_world.y], pose.eye_in_world.z),
    };
    let from_height_m = height + 10_000.0;
    Some(tiles.picker().surface_below(frame, place, from_height_m, Among::Drawn(drawn))?.height_m)
}

/// Keeps the eye above ground and hands the camera over.
fn settle_camera(
    mut rig: ResMut<CameraRig>,
    tiles: Option<Res<Tiles>>,
    window: Single<&Window, With<PrimaryWindow>>,
    mut commands: Commands,
    view: Option<ResMut<ViewCamera>>,
) {
    if let (Some(tiles), Some(pose)) = (&tiles, rig.pose) {
        let ground = ground_below(&tiles.0, tiles.0.drawn(), &pose, rig.frame);
        let kept = controller::keep_above(&pose, rig.frame, ground);
        if kept != pose {
            rig.pose = Some(kept);
        }
    }
    // Before the tileset is known the streamer must run all the same: any camera does.
    let size_px = [window.physical_width().max(1), window.physical_height().max(1)];
    let anywhere = CameraPose { eye_in_world: DVec3::ZERO, heading_rad: 0.0, pitch_rad: 0.0 };
    let pose = rig.pose.unwrap_or(anywhere);
    let frame = if rig.pose.is_some() { rig.frame } else { WorldFrame::Local };
    let camera = CameraFrame::new(&pose, frame, size_px, rig.fov_rad);
    match view {
        Some(mut view) => view.0 = camera,
        None => commands.insert_resource(ViewCamera(camera)),
    }
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn angles_are_signed_the_short_way() {
        for (angle, expected) in [(0.1, 0.1), (6.2, 6.2 - std::f64::consts::TAU), (3.0, 3.0)] {
            assert!((signed(angle) - expected).abs() < 1e-12);
        }
    }
}
