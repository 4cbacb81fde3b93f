//! What gestures do to a pose: pure functions over `f64`, on Earth and in local frames.

use std::f64::consts::{FRAC_PI_2, TAU};

use geodesy::{
    CameraPose, Geodetic, Ray, WorldFrame, ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef,
    glam::{DMat3, DQuat, DVec3},
};

/// Least height above the ground, metres.
pub const MIN_CLEARANCE_M: f64 = 1.5;
/// Steepest look down and up, radians: straight up or down leaves no heading.
pub const MAX_PITCH_RAD: f64 = FRAC_PI_2 - 1e-3;
/// No farther from a zoom target than this, metres.
const MAX_RANGE_M: f64 = 3e7;
/// No nearer than this, metres.
const MIN_RANGE_M: f64 = 0.5;

/// Columns: east, north, up at a place in world.
pub fn enu_axes(place_in_world: DVec3, frame: WorldFrame) -> DMat3 {
    match frame {
        WorldFrame::Earth => DMat3::from_mat4(ecef_from_enu(place_in_world)),
        WorldFrame::Local => DMat3::IDENTITY,
    }
}

/// Height above the ellipsoid, or z in a local frame, metres.
pub fn height_m(place_in_world: DVec3, frame: WorldFrame) -> f64 {
    match frame {
        WorldFrame::Earth => geodetic_from_ecef(place_in_world).height_m,
        WorldFrame::Local => place_in_world.z,
    }
}

/// The same place at another height.
pub fn at_height(place_in_world: DVec3, frame: WorldFrame, height_m: f64) -> DVec3 {
    match frame {
        WorldFrame::Earth => ecef_from_geodetic(Geodetic { height_m, ..geodetic_from_ecef(place_in_world) }),
        WorldFrame::Local => place_in_world.with_z(height_m),
    }
}

/// The pose at `eye` that looks along `forward` (unit).
pub fn pose_along(eye_in_world: DVec3, forward_in_world: DVec3, frame: WorldFrame) -> CameraPose {
    let in_enu = enu_axes(eye_in_world, frame).transpose() * forward_in_world;
    CameraPose {
        eye_in_world,
        heading_rad: in_enu.x.atan2(in_enu.y).rem_euclid(TAU),
        pitch_rad: in_enu.z.clamp(-1.0, 1.0).asin().clamp(-MAX_PITCH_RAD, MAX_PITCH_RAD),
    }
}

/// Turns eye and view about a pivot: `turn_rad` about its vertical (positive: the camera moves clockwise seen from
/// above, so that its heading grows), `tilt_rad` towards looking down from higher (positive).
pub fn orbit(
    pose: &CameraPose,
    frame: WorldFrame,
    pivot_in_world: DVec3,
    turn_rad: f64,
    tilt_rad: f64,
) -> CameraPose {
    let (forward, right, _) = pose.axes_in_world(frame);
    // Pitch after tilting stays within what has a heading.
    let tilt = (pose.pitch_rad - tilt_rad).clamp(-MAX_PITCH_RAD, MAX_PITCH_RAD) - pose.pitch_rad;
    let up = enu_axes(pivot_in_world, frame).z_axis;
    let rotation = DQuat::from_axis_angle(up, -turn_rad) * DQuat::from_axis_angle(right, tilt);
    let eye = pivot_in_world + rotation * (pose.eye_in_world - pivot_in_world);
    pose_along(eye, rotation * forward, frame)
}

/// Turns the view where it stands.
pub fn look(pose: &CameraPose, turn_rad: f64, tilt_rad: f64) -> CameraPose {
    CameraPose {
        heading_rad: (pose.heading_rad + turn_rad).rem_euclid(TAU),
        pitch_rad: (pose.pitch_rad + tilt_rad).clamp(-MAX_PITCH_RAD, MAX_PITCH_RAD),
        ..*pose
    }
}

/// Moves so that what was grabbed is seen along `direction` again: on Earth by turning about its centre, in a local
/// frame by sliding, at the height of the eye. `None` when the direction does not meet the level of what was grabbed.
pub fn pan(
    pose: &CameraPose,
    frame: WorldFrame,
    grabbed_in_world: DVec3,
    direction_in_world: DVec3,
) -> Option<CameraPose> {
    let hit = meet_level(
        &Ray { origin: pose.eye_in_world, direction: direction_in_world },
        frame,
        grabbed_in_world,
    )?;
    match frame {
        WorldFrame::Earth => {
            let rotation = DQuat::from_rotation_arc(hit.normalize(), grabbed_in_world.normalize());
            let moved = at_height(rotation * pose.eye_in_world, frame, height_m(pose.eye_in_world, frame));
            Some(CameraPose { eye_in_world: moved, ..*pose })
        }
        WorldFrame::Local => {
            let slide = (grabbed_in_world - hit).with_z(0.0);
            Some(CameraPose { eye_in_world: pose.eye_in_world + slide, ..*pose })
        }
    }
}

/// Where a ray meets the level (sphere about Earth's centre, or plane) through a place.
pub fn meet_level(ray: &Ray, frame: WorldFrame, place_in_world: DVec3) -> Option<DVec3> {
    match frame {
        WorldFrame::Earth => {
            let radius_squared = place_in_world.length_squared();
            let along = -ray.origin.dot(ray.direction);
            // |o|² − r², without the cancellation of the squares.
            let r = radius_squared.sqrt();
            let beyond = (ray.origin.length() - r) * (ray.origin.length() + r);
            let discriminant = along * along - beyond;
            if discriminant < 0.0 || beyond < 0.0 {
                return None;
            }
            let distance = beyond / (along + discriminant.sqrt());
            (distance > 0.0 && distance.is_finite()).then(|| ray.at(distance))
        }
        WorldFrame::Local => {
            let distance = (place_in_world.z - ray.origin.z) / ray.direction.z;
            (distance > 0.0 && distance < 1e7).then(|| ray.at(distance))
        }
    }
}

/// Moves the eye towards a target (factor below 1) or away from it (above 1); the view keeps its attitude.
pub fn zoom(pose: &CameraPose, target_in_world: DVec3, factor: f64) -> CameraPose {
    let offset = pose.eye_in_world - target_in_world;
    let range = offset.length();
    if range < 1e-9 {
        return *pose;
    }
    let wanted = (range * factor).clamp(MIN_RANGE_M.min(range), MAX_RANGE_M.max(range));
    CameraPose { eye_in_world: target_in_world + offset * (wanted / range), ..*pose }
}

/// Moves level with the ground along the heading, to the right of it, and up; metres.
pub fn walk(pose: &CameraPose, frame: WorldFrame, ahead_m: f64, right_m: f64, up_m: f64) -> CameraPose {
    let axes = enu_axes(pose.eye_in_world, frame);
    let (sin, cos) = pose.heading_rad.sin_cos();
    let ahead = axes.x_axis * sin + axes.y_axis * cos;
    let right = axes.x_axis * cos - axes.y_axis * sin;
    let moved = pose.eye_in_world + ahead * ahead_m + right * right_m;
    let height = height_m(pose.eye_in_world, frame) + up_m;
    CameraPose { eye_in_world: at_height(moved, frame, height), ..*pose }
}

/// Lifts the eye to [`MIN_CLEARANCE_M`] above the ground below it.
pub fn keep_above(pose: &CameraPose, frame: WorldFrame, ground_height_m: Option<f64>) -> CameraPose {
    let Some(ground) = ground_height_m else { return *pose };
    let least = ground + MIN_CLEARANCE_M;
    if height_m(pose.eye_in_world, frame) >= least {
        return *pose;
    }
    CameraPose { eye_in_world: at_height(pose.eye_in_world, frame, least), ..*pose }
}

/// The pose from which a target is seen with the present attitude from a range, metres.
pub fn approach(pose: &CameraPose, frame: WorldFrame, target_in_world: DVec3, range_m: f64) -> CameraPose {
    CameraPose::looking_at(target_in_world, pose.heading_rad, pose.pitch_rad, range_m, frame)
}

/// A flight from one pose to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    from: CameraPose,
    to: CameraPose,
    frame: WorldFrame,
    /// Seconds it takes.
    pub duration_secs: f64,
}

impl Flight {
    /// Plans a flight; far ones take longer, none longer than three seconds.
    pub fn new(from: CameraPose, to: CameraPose, frame: WorldFrame) -> Self {
        let distance = from.eye_in_world.distance(to.eye_in_world);
        let duration_secs = (0.6 + 0.35 * (1.0 + distance / 20.0).ln()).min(3.0);
        Self { from, to, frame, duration_secs }
    }

    /// The pose after so many seconds; the target from the end on.
    pub fn pose_at(&self, secs: f64) -> CameraPose {
        let t = (secs / self.duration_secs).clamp(0.0, 1.0);
        if t >= 1.0 {
            return self.to;
        }
        let eased = t * t * (3.0 - 2.0 * t);
        let (a, b) = (self.from.eye_in_world, self.to.eye_in_world);
        let distance = a.distance(b);
        let heights = [height_m(a, self.frame), height_m(b, self.frame)];
        let straight = heights[0] + (heights[1] - heights[0]) * eased;
        // A gentle arc: long flights rise over what lies between.
        let arc = 0.15 * distance * 4.0 * eased * (1.0 - eased);
        let middle = match self.frame {
            WorldFrame::Earth => DQuat::IDENTITY
                .slerp(DQuat::from_rotation_arc(a.normalize(), b.normalize()), eased)
                .mul_vec3(a),
            WorldFrame::Local => a.lerp(b, eased),
        };
        let half_turn = TAU / 2.0;
        let turn = (self.to.heading_rad - self.from.heading_rad + half_turn).rem_euclid(TAU) - half_turn;
        CameraPose {
            eye_in_world: at_height(middle, self.frame, straight + arc),
            heading_rad: (self.from.heading_rad + turn * eased).rem_euclid(TAU),
            pitch_rad: self.from.pitch_rad + (self.to.pitch_rad - self.from.pitch_rad) * eased,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAMES: [WorldFrame; 2] = [WorldFrame::Earth, WorldFrame::Local];

    fn origin(frame: WorldFrame) -> DVec3 {
        match frame {
            WorldFrame::Earth => {
                ecef_from_geodetic(Geodetic { lon_rad: 1.97, lat_rad: 0.395, height_m: 40.0 })
            }
            WorldFrame::Local => DVec3::new(10.0, -20.0, 5.0),
        }
    }

    /// A pose above and around the origin, looking at it.
    fn pose(frame: WorldFrame, heading: f64, pitch: f64, range: f64) -> CameraPose {
        CameraPose::looking_at(origin(frame), heading, pitch, range, frame)
    }

    /// Angle between where the camera looks and where a place is, radians.
    fn off_axis(pose: &CameraPose, frame: WorldFrame, place: DVec3) -> f64 {
        let (forward, ..) = pose.axes_in_world(frame);
        forward.cross((place - pose.eye_in_world).normalize()).length()
    }

    proptest! {
        #[test]
        fn orbiting_keeps_range_and_aim(
            local in any::<bool>(), heading in 0.0..6.2, pitch in -1.4..-0.1, range in 5.0..3000.0,
            turn in -1.0..1.0, tilt in -0.5..0.5,
        ) {
            let frame = FRAMES[usize::from(local)];
            let before = pose(frame, heading, pitch, range);
            let after = orbit(&before, frame, origin(frame), turn, tilt);
            prop_assert!((after.eye_in_world.distance(origin(frame)) - range).abs() < 1e-6 * range);
            prop_assert!(off_axis(&after, frame, origin(frame)) < 2e-3, "{}", off_axis(&after, frame, origin(frame)));
            let turned = (after.heading_rad - before.heading_rad - turn + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
            prop_assert!(turned.abs() < 1e-2, "{turned}");
        }

        #[test]
        fn panning_brings_the_grabbed_point_under_the_cursor(
            local in any::<bool>(), heading in 0.0..6.2, pitch in -1.4..-0.4, range in 50.0..3000.0,
            x in -0.2..0.2f64, y in -0.2..0.1f64,
        ) {
            let frame = FRAMES[usize::from(local)];
            let before = pose(frame, heading, pitch, range);
            let grabbed = origin(frame);
            let (forward, right, up) = before.axes_in_world(frame);
            let direction = (forward + right * x + up * y).normalize();
            let after = pan(&before, frame, grabbed, direction).expect("the ground is in view");
            let seen = (grabbed - after.eye_in_world).normalize();
            let (forward, right, up) = after.axes_in_world(frame);
            let wanted = (forward + right * x + up * y).normalize();
            prop_assert!(seen.cross(wanted).length() < 1e-3, "off by {}", seen.cross(wanted).length());
            let lift = height_m(after.eye_in_world, frame) - height_m(before.eye_in_world, frame);
            prop_assert!(lift.abs() < 1e-6, "rose by {lift}");
        }

        #[test]
        fn zooming_keeps_the_target_where_it_is_seen(
            local in any::<bool>(), heading in 0.0..6.2, pitch in -1.4..-0.1, range in 5.0..3000.0, factor in 0.3..3.0,
        ) {
            let frame = FRAMES[usize::from(local)];
            let before = pose(frame, heading, pitch, range);
            let after = zoom(&before, origin(frame), factor);
            prop_assert!((after.eye_in_world.distance(origin(frame)) - range * factor).abs() < 1e-6 * range);
            prop_assert!(off_axis(&after, frame, origin(frame)) < 2e-3);
        }
    }

    #[test]
    fn walking_follows_the_heading_and_keeps_the_height() {
        for frame in FRAMES {
            let start = CameraPose { eye_in_world: origin(frame), heading_rad: FRAC_PI_2, pitch_rad: -1.0 };
            let east = walk(&start, frame, 100.0, 0.0, 0.0);
            let moved =
                enu_axes(start.eye_in_world, frame).transpose() * (east.eye_in_world - start.eye_in_world);
            assert!((moved - DVec3::X * 100.0).length() < 1e-2, "{frame:?} {moved}");
            assert!((height_m(east.eye_in_world, frame) - height_m(start.eye_in_world, frame)).abs() < 1e-6);
            let up = walk(&start, frame, 0.0, 0.0, 7.0);
            assert!(
                (height_m(up.eye_in_world, frame) - height_m(start.eye_in_world, frame) - 7.0).abs() < 1e-6
            );
        }
    }

    #[test]
    fn the_camera_never_goes_below_ground() {
        for frame in FRAMES {
            let start = CameraPose { eye_in_world: origin(frame), heading_rad: 0.0, pitch_rad: 0.0 };
            let own = height_m(start.eye_in_world, frame);
            assert_eq!(keep_above(&start, frame, None), start);
            assert_eq!(keep_above(&start, frame, Some(own - 2.0)), start);
            let lifted = keep_above(&start, frame, Some(own + 30.0));
            assert!((height_m(lifted.eye_in_world, frame) - own - 31.5).abs() < 1e-6);
        }
    }

    #[test]
    fn tilting_stops_before_straight_up_and_down() {
        for frame in FRAMES {
            let mut p = pose(frame, 1.0, -0.5, 100.0);
            for _ in 0..50 {
                p = orbit(&p, frame, origin(frame), 0.0, 0.2);
            }
            assert!((p.pitch_rad + MAX_PITCH_RAD).abs() < 2e-3, "{}", p.pitch_rad);
            assert!((p.heading_rad - 1.0).abs() < 0.05, "{frame:?}: heading {}", p.heading_rad);
            assert_eq!(look(&p, 0.0, 9.0).pitch_rad, MAX_PITCH_RAD);
        }
    }

    #[test]
    fn flights_start_and_end_where_they_should_and_turn_the_short_way() {
        for frame in FRAMES {
            let (from, to) = (pose(frame, 0.1, -0.3, 50.0), pose(frame, TAU - 0.1, -1.0, 900.0));
            let flight = Flight::new(from, to, frame);
            assert!(flight.pose_at(0.0).eye_in_world.distance(from.eye_in_world) < 1e-3);
            assert_eq!(flight.pose_at(flight.duration_secs), to);
            for i in 0..=20 {
                let p = flight.pose_at(flight.duration_secs * f64::from(i) / 20.0);
                let off_north = p.heading_rad.min(TAU - p.heading_rad);
                assert!(off_north <= 0.1 + 1e-9, "turned the long way: {}", p.heading_rad);
            }
        }
    }

    #[test]
    fn the_sky_cannot_be_grabbed() {
        for frame in FRAMES {
            let p = pose(frame, 0.0, -0.5, 100.0);
            let (_, _, up) = p.axes_in_world(frame);
            assert_eq!(pan(&p, frame, origin(frame), up), None);
        }
    }
}
