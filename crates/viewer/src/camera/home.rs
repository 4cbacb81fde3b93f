//! The pose that shows a whole tileset.

use geodesy::{BoundingVolume, CameraPose, WorldFrame};

use crate::precise::CameraFrame;

/// From how steep the whole is looked at, degrees below the horizon.
const PITCH_DEG: f64 = -35.0;
/// Free space around it.
const MARGIN: f64 = 1.05;

/// Looks north and 35° down at the centre of `volume`, from just far enough that all of it is in the picture.
pub fn overview(
    volume: &BoundingVolume,
    frame: WorldFrame,
    size_px: [u32; 2],
    horizontal_fov_rad: f64,
) -> CameraPose {
    let center = volume.center();
    let pitch_rad = PITCH_DEG.to_radians();
    let at_center = CameraPose { eye_in_world: center, heading_rad: 0.0, pitch_rad };
    let camera = CameraFrame::new(&at_center, frame, size_px, horizontal_fov_rad);
    let (forward, right, up) = at_center.axes_in_world(frame);
    let [tangent_x, tangent_y] = camera.half_tangents();
    let bounds = volume.bounding_box();
    let [a, b, c] = bounds.half_axes;
    let range_m = (0..8)
        .map(|corner| {
            let sign = |bit: u32| if corner >> bit & 1 == 0 { 1.0 } else { -1.0 };
            let offset = bounds.center + a * sign(0) + b * sign(1) + c * sign(2) - center;
            let beside = (offset.dot(right).abs() / tangent_x).max(offset.dot(up).abs() / tangent_y);
            beside - offset.dot(forward)
        })
        .fold(1.0, f64::max);
    CameraPose::looking_at(center, 0.0, pitch_rad, range_m * MARGIN, frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geodesy::{Geodetic, Obb, ecef_from_enu, ecef_from_geodetic, glam::DVec3};

    #[test]
    fn all_corners_are_in_the_picture_on_earth_and_in_a_local_frame() {
        let place = Geodetic { lon_rad: 2.0, lat_rad: 0.4, height_m: 50.0 };
        let in_ecef = ecef_from_enu(ecef_from_geodetic(place));
        for (frame, placement) in [
            (WorldFrame::Earth, in_ecef),
            (WorldFrame::Local, geodesy::glam::DMat4::from_translation(DVec3::splat(7.0))),
        ] {
            let axes = [DVec3::X * 300.0, DVec3::Y * 80.0, DVec3::Z * 25.0];
            let obb = Obb {
                center: placement.transform_point3(DVec3::ZERO),
                half_axes: axes.map(|a| placement.transform_vector3(a)),
            };
            let volume = BoundingVolume::Box(obb);
            let size = [1280, 720];
            let pose = overview(&volume, frame, size, 1.0);
            let camera = CameraFrame::new(&pose, frame, size, 1.0);
            let mut widest: f64 = 0.0;
            for n in 0..8 {
                let sign = |bit: u32| if n >> bit & 1 == 0 { 1.0 } else { -1.0 };
                let corner = obb.center
                    + obb.half_axes[0] * sign(0)
                    + obb.half_axes[1] * sign(1)
                    + obb.half_axes[2] * sign(2);
                let [x, y] = camera.px_of_world(corner).expect("in front of the camera");
                assert!(
                    (0.0..=1280.0).contains(&x) && (0.0..=720.0).contains(&y),
                    "{frame:?}: corner at {x}, {y}"
                );
                widest = widest.max((x - 640.0).abs() / 640.0).max((y - 360.0).abs() / 360.0);
            }
            assert!(widest > 0.8, "{frame:?}: uses only {widest} of the picture");
        }
    }
}
