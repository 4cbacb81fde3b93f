//! The camera path that the peers are measured with: one turn around the bounding sphere, nearer and out again.

use geodesy::{
    WorldFrame,
    camera::{ORBIT_NEAR, orbit_path},
    glam::DVec3,
};

use crate::precise::CameraFrame;

/// Cameras of the path around a sphere, looking at its centre.
pub fn path(center: DVec3, radius_m: f64, size_px: [u32; 2], fov_rad: f64, poses: usize) -> Vec<CameraFrame> {
    orbit_path(center, radius_m, poses, ORBIT_NEAR)
        .into_iter()
        .map(|pose| {
            let forward = (pose.target - pose.eye).normalize_or(DVec3::NEG_Z);
            CameraFrame {
                eye_in_world: pose.eye,
                forward_in_world: forward,
                up_in_world: (pose.up - forward * pose.up.dot(forward)).normalize_or(DVec3::Y),
                size_px,
                horizontal_fov_rad: fov_rad,
                frame: WorldFrame::of_center(center),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_peers() {
        // Values printed by `path([0, 0, 0], 100, [0, 0, 1], 120)` of the peers' script.
        let cameras = path(DVec3::ZERO, 100.0, [1280, 720], 1.0, 120);
        assert_eq!(cameras.len(), 120);
        let first = cameras[0].eye_in_world;
        assert!((first - DVec3::new(128.0, 0.0, 96.0)).length() < 1e-9, "{first}");
        let middle = cameras[60].eye_in_world;
        let t: f64 = 60.0 / 119.0;
        let d = 100.0 * (1.6 - 1.25 * (std::f64::consts::PI * t).sin());
        let a = std::f64::consts::TAU * t;
        let expected = DVec3::new(a.cos() * 0.8, a.sin() * 0.8, 0.6) * d;
        assert!((middle - expected).length() < 1e-9);
        assert!((middle.length() - 35.0).abs() < 0.05, "nearest at {}", middle.length());
        for camera in &cameras {
            assert!((camera.px_of_world(DVec3::ZERO).unwrap()[0] - 640.0).abs() < 1e-6);
            assert!(camera.up_in_world.z > 0.0);
        }
    }
}
