//! The one place where positions become `f32`.
//!
//! A world coordinate on Earth is a number of about 6.4 million metres; `f32` keeps half a metre of it. So every
//! frame and for every drawable, the whole chain *clip ← camera ← world ← content ← primitive* is multiplied in
//! `f64`, where the large numbers cancel, and only the product is rounded. [`clip_position`] repeats the vertex
//! shader's arithmetic on the CPU, so that a test can hold the result against `f64`.

use geodesy::{
    CameraPose, Frustum, Obb, WorldFrame, ecef_from_enu,
    glam::{DMat3, DMat4, DVec3, DVec4},
};

/// Distance of the near plane, metres. With reversed, infinite depth it may be small without cost to precision.
pub const NEAR_M: f64 = 0.1;

/// A camera for one frame, in `f64`.
#[derive(Clone, Copy, Debug)]
pub struct CameraFrame {
    /// Eye in world.
    pub eye_in_world: DVec3,
    /// Unit view direction in world.
    pub forward_in_world: DVec3,
    /// Unit up vector of the picture in world.
    pub up_in_world: DVec3,
    /// Size of the picture in physical pixels.
    pub size_px: [u32; 2],
    /// Full horizontal field of view, radians.
    pub horizontal_fov_rad: f64,
    /// What world is.
    pub frame: WorldFrame,
}

impl CameraFrame {
    /// The camera of a pose.
    pub fn new(pose: &CameraPose, frame: WorldFrame, size_px: [u32; 2], horizontal_fov_rad: f64) -> Self {
        let (forward_in_world, _, up_in_world) = pose.axes_in_world(frame);
        Self {
            eye_in_world: pose.eye_in_world,
            forward_in_world,
            up_in_world,
            size_px,
            horizontal_fov_rad,
            frame,
        }
    }

    /// Tangents of half the fields of view, horizontal and vertical.
    pub fn half_tangents(&self) -> [f64; 2] {
        let [w, h] = self.size_px.map(|n| f64::from(n.max(1)));
        let x = (0.5 * self.horizontal_fov_rad).tan();
        [x, x * h / w]
    }

    /// Full vertical field of view, radians.
    pub fn vertical_fov_rad(&self) -> f64 {
        2.0 * self.half_tangents()[1].atan()
    }

    /// Columns: right, up, backward of the picture in world.
    fn world_from_view_axes(&self) -> DMat3 {
        let backward = -self.forward_in_world;
        let right = self.up_in_world.cross(backward).normalize();
        DMat3::from_cols(right, backward.cross(right), backward)
    }

    /// Clip space from world axes with the eye as origin; depth is `NEAR_M / distance along the view direction`.
    pub fn clip_from_relative(&self) -> DMat4 {
        let [x, y] = self.half_tangents();
        let clip_from_view = DMat4::from_cols(
            DVec4::new(1.0 / x, 0.0, 0.0, 0.0),
            DVec4::new(0.0, 1.0 / y, 0.0, 0.0),
            DVec4::new(0.0, 0.0, 0.0, -1.0),
            DVec4::new(0.0, 0.0, NEAR_M, 0.0),
        );
        clip_from_view * DMat4::from_mat3(self.world_from_view_axes().transpose())
    }

    /// World axes with the eye as origin, from a primitive.
    pub fn relative_from_primitive(
        &self,
        world_from_content: &DMat4,
        content_from_primitive: &DMat4,
    ) -> DMat4 {
        let mut m = *world_from_content * *content_from_primitive;
        m.w_axis -= self.eye_in_world.extend(0.0);
        m
    }

    /// The frustum in world, for selection.
    pub fn frustum_in_world(&self) -> Frustum {
        Frustum::perspective(
            self.eye_in_world,
            self.forward_in_world,
            self.up_in_world,
            self.horizontal_fov_rad,
            self.vertical_fov_rad(),
            0.0,
        )
    }

    /// Unit direction in world through a pixel (physical, origin at the top left, centres at .5).
    pub fn direction_through_px(&self, [px, py]: [f64; 2]) -> DVec3 {
        let [w, h] = self.size_px.map(|n| f64::from(n.max(1)));
        let [tx, ty] = self.half_tangents();
        let in_view = DVec3::new((2.0 * px / w - 1.0) * tx, (1.0 - 2.0 * py / h) * ty, -1.0);
        (self.world_from_view_axes() * in_view).normalize()
    }

    /// Pixel (physical) of a point in world, or `None` behind the camera.
    pub fn px_of_world(&self, point_in_world: DVec3) -> Option<[f64; 2]> {
        let clip = self.clip_from_relative() * (point_in_world - self.eye_in_world).extend(1.0);
        if clip.w <= NEAR_M {
            return None;
        }
        let [w, h] = self.size_px.map(f64::from);
        Some([(clip.x / clip.w + 1.0) * 0.5 * w, (1.0 - clip.y / clip.w) * 0.5 * h])
    }
}

/// Columns of a matrix, rounded.
pub fn columns_f32(m: &DMat4) -> [[f32; 4]; 4] {
    m.to_cols_array_2d().map(|c| c.map(|v| v as f32))
}

/// The first three rows of an affine matrix, rounded.
pub fn rows_f32(m: &DMat4) -> [[f32; 4]; 3] {
    let t = m.transpose();
    [t.x_axis, t.y_axis, t.z_axis].map(|r| r.to_array().map(|v| v as f32))
}

/// A vector that is small already (relative to the camera or to a primitive), rounded.
pub fn vec_f32(v: DVec3) -> [f32; 3] {
    v.to_array().map(|c| c as f32)
}

/// Rows of the map from primitive space to the unit box `[-1, 1]³` of `box_in_world`. Degenerate half axes are
/// widened to a millimetre, so that flat boxes keep what lies in them.
pub fn unit_box_from_primitive(box_in_world: &Obb, world_from_primitive: &DMat4) -> [[f32; 4]; 3] {
    let mut rows = [[0.0f32; 4]; 3];
    for (row, axis) in rows.iter_mut().zip(box_in_world.half_axes) {
        let length = axis.length().max(1e-3);
        let direction = if axis.length() > 1e-3 { axis / axis.length() } else { DVec3::ZERO };
        let scaled = direction / length;
        let from_primitive = |c: DVec3| scaled.dot(c);
        *row = [
            from_primitive(world_from_primitive.x_axis.truncate()),
            from_primitive(world_from_primitive.y_axis.truncate()),
            from_primitive(world_from_primitive.z_axis.truncate()),
            from_primitive(world_from_primitive.w_axis.truncate() - box_in_world.center),
        ]
        .map(|v| v as f32);
    }
    rows
}

/// Columns that turn normals of a primitive into east-north-up at the primitive (inverse transpose of the placement;
/// lengths are restored in the shader).
pub fn enu_from_normal(world_from_primitive: &DMat4, frame: WorldFrame) -> [[f32; 4]; 3] {
    let linear = DMat3::from_mat4(*world_from_primitive);
    let world_from_normal =
        if linear.determinant().abs() > 1e-300 { linear.inverse().transpose() } else { DMat3::IDENTITY };
    let enu_from_world = match frame {
        WorldFrame::Earth => {
            DMat3::from_mat4(ecef_from_enu(world_from_primitive.w_axis.truncate())).transpose()
        }
        WorldFrame::Local => DMat3::IDENTITY,
    };
    let m = enu_from_world * world_from_normal;
    let scale = m.x_axis.length().max(m.y_axis.length()).max(m.z_axis.length()).max(1e-300);
    [m.x_axis, m.y_axis, m.z_axis].map(|c| (c / scale).extend(0.0).to_array().map(|v| v as f32))
}

/// Instances relative to a common centre: the placement of that centre, and one small matrix (rows) each. Instances
/// with Earth-sized translations keep their precision this way.
pub fn instances_f32(content_from_primitive: &DMat4, instances: &[DMat4]) -> (DMat4, Vec<[[f32; 4]; 3]>) {
    let center = instances.first().map_or(DVec3::ZERO, |m| m.w_axis.truncate());
    let rows = instances
        .iter()
        .map(|m| {
            let mut relative = *m;
            relative.w_axis -= center.extend(0.0);
            rows_f32(&relative)
        })
        .collect();
    (*content_from_primitive * DMat4::from_translation(center), rows)
}

/// CPU twin of `vs_photo` in `shaders/tile.wgsl`: the same `f32` arithmetic.
pub fn clip_position(clip_from_primitive: &[[f32; 4]; 4], position: [f32; 3]) -> [f32; 4] {
    let [x, y, z, w] = clip_from_primitive;
    std::array::from_fn(|i| x[i] * position[0] + y[i] * position[1] + z[i] * position[2] + w[i])
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use proptest::prelude::*;

    /// Where the clip position says the vertex is, relative to the eye, in world axes; in `f64`.
    fn relative_of_clip(camera: &CameraFrame, clip: [f32; 4]) -> DVec3 {
        let [tx, ty] = camera.half_tangents();
        let w = f64::from(clip[3]);
        camera.world_from_view_axes() * DVec3::new(f64::from(clip[0]) * tx, f64::from(clip[1]) * ty, -w)
    }

    fn unit(lon: f64, lat: f64) -> DVec3 {
        DVec3::new(lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin())
    }

    /// Largest error in metres over a primitive `distance` from a camera anywhere on Earth.
    fn error_m(lon: f64, lat: f64, distance: f64, direction: DVec3, look: DVec3, local: DVec3) -> f64 {
        let up = unit(lon, lat);
        let eye = up * 6_371_234.567_8;
        let forward = look.normalize();
        let side = forward.any_orthonormal_vector();
        let camera = CameraFrame {
            eye_in_world: eye,
            forward_in_world: forward,
            up_in_world: side,
            size_px: [1280, 720],
            horizontal_fov_rad: 60f64.to_radians(),
            frame: WorldFrame::Earth,
        };
        // The vertex is `distance` away; the primitive's origin is up to a few hundred metres from it.
        let vertex_in_world = eye + direction.normalize() * distance;
        let rotation = DMat4::from_axis_angle(direction.any_orthonormal_vector(), lon + 2.0 * lat);
        let position = vec_f32(local);
        let exact_local = DVec3::from_array(position.map(f64::from));
        let origin = vertex_in_world - rotation.transform_vector3(exact_local);
        // Split as b3dm does: tile transform in world, RTC centre and node transform in content.
        let world_from_content = DMat4::from_translation(origin.floor());
        let content_from_primitive = DMat4::from_translation(origin - origin.floor()) * rotation;
        let clip_from_primitive = camera.clip_from_relative()
            * camera.relative_from_primitive(&world_from_content, &content_from_primitive);
        let clip = clip_position(&columns_f32(&clip_from_primitive), position);
        let exact = (world_from_content * content_from_primitive).transform_point3(exact_local) - eye;
        (relative_of_clip(&camera, clip) - exact).length()
    }

    fn vector(size: f64) -> impl Strategy<Value = DVec3> {
        (-1.0..1.0, -1.0..1.0, -1.0..1.0)
            .prop_map(move |(x, y, z)| DVec3::new(x, y, z) * size)
            .prop_filter("not too short", move |v| v.length() > 1e-3 * size)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn twin_agrees_with_f64_to_a_millimetre_within_2_km(
            lon in -PI..PI, lat in -PI / 2.0..PI / 2.0, distance in 0.2..2000.0,
            direction in vector(1.0), look in vector(1.0), local in vector(500.0),
        ) {
            let e = error_m(lon, lat, distance, direction, look, local);
            prop_assert!(e <= 1e-3, "{} mm", e * 1e3);
        }

        #[test]
        fn twin_agrees_with_f64_to_two_millimetres_within_5_km(
            lon in -PI..PI, lat in -PI / 2.0..PI / 2.0, distance in 2000.0..5000.0,
            direction in vector(1.0), look in vector(1.0), local in vector(1000.0),
        ) {
            let e = error_m(lon, lat, distance, direction, look, local);
            prop_assert!(e <= 2e-3, "{} mm", e * 1e3);
        }
    }

    fn camera() -> CameraFrame {
        CameraFrame {
            eye_in_world: DVec3::new(1.0, 2.0, 3.0),
            forward_in_world: DVec3::Y,
            up_in_world: DVec3::Z,
            size_px: [1280, 720],
            horizontal_fov_rad: 60f64.to_radians(),
            frame: WorldFrame::Local,
        }
    }

    #[test]
    fn pixels_and_directions_are_inverse() {
        let c = camera();
        for px in [[0.0, 0.0], [640.0, 360.0], [1280.0, 100.0], [33.0, 719.0]] {
            let back = c.px_of_world(c.eye_in_world + c.direction_through_px(px) * 123.0).unwrap();
            assert!((back[0] - px[0]).abs() < 1e-6 && (back[1] - px[1]).abs() < 1e-6, "{px:?} {back:?}");
        }
        assert!(c.px_of_world(c.eye_in_world - DVec3::Y).is_none());
    }

    #[test]
    fn depth_is_reversed_and_edges_are_at_one() {
        let c = camera();
        let clip = c.clip_from_relative() * DVec4::new(10.0 * 30f64.to_radians().tan(), 10.0, 0.0, 1.0);
        assert!((clip.x / clip.w - 1.0).abs() < 1e-12);
        assert!((clip.z / clip.w - NEAR_M / 10.0).abs() < 1e-12);
    }

    #[test]
    fn clip_boxes_map_their_corners_to_one() {
        let b = Obb {
            center: DVec3::new(5.0, 0.0, 0.0),
            half_axes: [DVec3::X * 2.0, DVec3::Z * 3.0, DVec3::ZERO],
        };
        let world_from_primitive = DMat4::from_translation(DVec3::new(1.0, 0.0, 0.0));
        let rows = unit_box_from_primitive(&b, &world_from_primitive);
        let at = |p: [f32; 3]| rows.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3]);
        assert_eq!(at([6.0, 0.0, -3.0]), [1.0, -1.0, 0.0]);
        assert_eq!(at([2.0, 0.0, 3.0]), [-1.0, 1.0, 0.0]);
    }

    #[test]
    fn instances_far_from_their_frame_keep_millimetres() {
        let far = DVec3::new(-2_400_000.125, 5_300_000.25, 2_450_000.5);
        let (placed, rows) = instances_f32(
            &DMat4::IDENTITY,
            &[DMat4::from_translation(far), DMat4::from_translation(far + DVec3::new(0.001, 2.0, 3.0))],
        );
        assert_eq!(placed.w_axis.truncate(), far);
        assert!((rows[1][0][3] - 0.001).abs() < 1e-6);
        assert_eq!(rows[1][1][3], 2.0);
    }
}
