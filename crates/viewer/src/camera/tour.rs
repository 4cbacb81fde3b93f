//! A turn around the tileset, or around the point that the camera was told to look at, that ends as soon as somebody takes the camera.

use bevy::prelude::*;
use geodesy::{CameraPose, WorldFrame, camera::orbit_path};

use super::plugin::CameraRig;
use crate::tiles::plugin::Tiles;

/// One turn takes this long.
const TURN_SECS: f64 = 48.0;
/// Poses of the path; between them the camera moves evenly.
const POSES: usize = 480;

/// Flies one turn around the tileset, nearer and out again.
#[derive(Debug, Default)]
pub struct TourPlugin;

impl Plugin for TourPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Tour>().add_systems(Update, fly_tour);
    }
}

/// Where the tour is.
#[derive(Resource, Clone, Debug, Default)]
pub enum Tour {
    /// The tileset is not known yet.
    #[default]
    Waiting,
    /// Under way.
    Flying {
        /// Evenly spaced poses.
        path: Vec<CameraPose>,
        /// Start by the app's clock, seconds.
        since_secs: f64,
    },
    /// Ended, or somebody took the camera.
    Over,
}

fn fly_tour(
    mut tour: ResMut<Tour>,
    mut rig: ResMut<CameraRig>,
    tiles: Option<Res<Tiles>>,
    keyboard: Res<ButtonInput<KeyCode>>,
    buttons: Res<ButtonInput<MouseButton>>,
    time: Res<Time<Real>>,
) {
    let taken = keyboard.get_just_pressed().next().is_some() || buttons.get_just_pressed().next().is_some();
    let now_secs = time.elapsed_secs_f64();
    if taken {
        *tour = Tour::Over;
    }
    match &*tour {
        Tour::Waiting => {
            // The rig knows the frame once it has a pose.
            let (Some(volume), Some(_)) = (tiles.and_then(|t| t.0.bounding_volume().cloned()), rig.pose)
            else {
                return;
            };
            let path =
                rig.start.as_deref().and_then(|text| turn_about(text, rig.frame)).unwrap_or_else(|| {
                    let sphere = volume.bounding_sphere();
                    orbit_path(sphere.center, sphere.radius, POSES, geodesy::camera::ORBIT_NEAR)
                        .into_iter()
                        .map(|pose| {
                            CameraPose::from_axes(pose.eye, pose.target - pose.eye, pose.up, rig.frame)
                        })
                        .collect()
                });
            *tour = Tour::Flying { path, since_secs: now_secs };
        }
        Tour::Flying { path, since_secs } => {
            let at = (now_secs - since_secs) / TURN_SECS * (path.len() - 1) as f64;
            rig.pose = path.get(at as usize).copied().or(rig.pose);
            if at as usize + 1 >= path.len() {
                *tour = Tour::Over;
            }
        }
        Tour::Over => {}
    }
}

/// One turn around the point that a camera text looks at (`at:lon,lat,height,heading,pitch,range`), from its heading on.
fn turn_about(text: &str, frame: WorldFrame) -> Option<Vec<CameraPose>> {
    let numbers: Vec<f64> =
        text.strip_prefix("at:")?.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().ok()?;
    let [lon, lat, height, heading, pitch, range] = numbers[..] else { return None };
    (0..POSES)
        .map(|i| {
            let heading = (heading + 360.0 * i as f64 / (POSES - 1) as f64) % 360.0;
            CameraPose::parse(&format!("at:{lon},{lat},{height},{heading},{pitch},{range}"), frame).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_begins_and_ends_where_the_camera_was_told_to_be() {
        let frame = WorldFrame::Earth;
        let path = turn_about("at:119.2,27.1,300,20,-30,500", frame).unwrap();
        let start = CameraPose::parse("at:119.2,27.1,300,20,-30,500", frame).unwrap();
        let text = |pose: &CameraPose| pose.to_text(frame);
        assert_eq!((text(&path[0]), text(&path[POSES - 1])), (text(&start), text(&start)));
        assert_ne!(text(&path[POSES / 2]), text(&start));
        assert!(
            turn_about("119.2,27.1,300,20,-30", frame).is_none() && turn_about("at:1,2", frame).is_none()
        );
    }
}
