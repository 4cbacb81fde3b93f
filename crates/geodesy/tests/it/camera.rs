use geodesy::glam::DVec3;
use geodesy::{
    BoundingVolume, CameraPose, CameraTextError, Frustum, Geodetic, PlaneMask, Sphere, Visibility,
    WorldFrame, camera::ORBIT_NEAR, ecef_from_geodetic, orbit_path, vertical_fov_rad,
};
use proptest::prelude::*;

use crate::close;

const FOV: f64 = std::f64::consts::FRAC_PI_3;

#[test]
fn text_reads_as_its_fields_say() {
    let pose = CameraPose::parse(" 113.0599 , 22.6433,120.5, -90 ,\t-35 ", WorldFrame::Earth).unwrap();
    let expected = ecef_from_geodetic(Geodetic::from_degrees(113.0599, 22.6433, 120.5));
    assert!(close(pose.eye_in_world, expected, 1e-9));
    assert!((pose.heading_rad.to_degrees() - 270.0).abs() < 1e-9);
    assert_eq!(pose.to_text(WorldFrame::Earth), "113.059900000,22.643300000,120.500,270.0000,-35.0000");

    let local = CameraPose::parse("1,2,3,0,0", WorldFrame::Local).unwrap();
    assert_eq!(local.eye_in_world, DVec3::new(1.0, 2.0, 3.0));
    let (forward, right, up) = local.axes_in_world(WorldFrame::Local);
    assert!(close(forward, DVec3::Y, 1e-15) && close(right, DVec3::X, 1e-15) && close(up, DVec3::Z, 1e-15));

    let east =
        CameraPose::parse("0,0,0,90,30", WorldFrame::Local).unwrap().axes_in_world(WorldFrame::Local).0;
    assert!(close(east, DVec3::new(0.75f64.sqrt(), 0.0, 0.5), 1e-12));

    let at = CameraPose::parse("at:10,20,30,0,-90,50", WorldFrame::Local).unwrap();
    assert!(close(at.eye_in_world, DVec3::new(10.0, 20.0, 80.0), 1e-12));
    assert_eq!(at.to_text(WorldFrame::Local), "10.000,20.000,80.000,0.0000,-90.0000");
}

#[test]
fn bad_text_is_refused_with_the_field_named() {
    let field = |text: &str, frame| match CameraPose::parse(text, frame) {
        Err(CameraTextError::Field { field, .. }) => field,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(field("200,0,0,0,0", WorldFrame::Earth), "longitude");
    assert_eq!(field("0,90.1,0,0,0", WorldFrame::Earth), "latitude");
    assert_eq!(field("0,0,nan,0,0", WorldFrame::Earth), "height");
    assert_eq!(field("0,0,0,inf,0", WorldFrame::Earth), "heading");
    assert_eq!(field("0,0,0,0,-91", WorldFrame::Earth), "pitch");
    assert_eq!(field("0,0,0,0,", WorldFrame::Earth), "pitch");
    assert_eq!(field("at:0,0,0,0,0,0", WorldFrame::Earth), "range");
    assert_eq!(field("1e10,0,0,0,0", WorldFrame::Local), "x");
    assert_eq!(field("0,1e999,0,0,0", WorldFrame::Local), "y");
    for (text, found) in
        [("", 0), ("at:", 0), ("1,2", 2), ("at:1,2,3,4,5", 5), ("1,2,3,4,5,6", 6), ("在村口", 1)]
    {
        let refused = CameraPose::parse(text, WorldFrame::Earth);
        assert_eq!(refused, Err(CameraTextError::FieldCount { found, text: text.to_owned() }));
    }
}

#[test]
fn heading_writes_as_zero_not_360() {
    let pose =
        CameraPose { eye_in_world: DVec3::ZERO, heading_rad: 359.99999f64.to_radians(), pitch_rad: -1e-12 };
    assert_eq!(pose.to_text(WorldFrame::Local), "0.000,0.000,0.000,0.0000,0.0000");
    let negative_zero = CameraPose::parse("-0,0,0,-1e-30,0", WorldFrame::Local).unwrap();
    assert_eq!(negative_zero.heading_rad, 0.0);
}

#[test]
fn orbit_is_the_path_of_the_comparison() {
    // Printed by node from `view.mjs`: path(center, radius, up, 120) at these indices.
    let earth = DVec3::new(-2_308_000.5, 5_419_000.25, 2_439_000.75);
    let in_ecef = [
        (0, DVec3::new(-2308184.2858015713, 5419038.143138943, 2439045.0075322613)),
        (1, DVec3::new(-2308179.1068300456, 5419034.638037984, 2439051.460503848)),
        (37, DVec3::new(-2307989.015614228, 5419025.122226118, 2439062.960693475)),
        (60, DVec3::new(-2307978.757118631, 5419035.300870774, 2439009.6112201395)),
        (119, DVec3::new(-2308184.2858015713, 5419038.143138943, 2439045.0075322613)),
    ];
    let path = orbit_path(earth, 120.5, 120, ORBIT_NEAR);
    assert_eq!(path.len(), 120);
    for (index, eye) in in_ecef {
        // Two units in the last place of such coordinates.
        assert!(close(path[index].eye, eye, 2e-9), "{index}: {:?}", path[index]);
        assert_eq!(path[index].target, earth);
        assert!(close(
            path[index].up,
            DVec3::new(-0.36203693488164834, 0.850033715604865, 0.3825858597968421),
            1e-15
        ));
    }
    let local = DVec3::new(10.0, 20.0, 30.0);
    let in_local = [
        (0, DVec3::new(74.0, 20.0, 78.0)),
        (1, DVec3::new(72.59280599248845, 23.307967012809023, 77.01011730863114)),
        (37, DVec3::new(1.5717313511740567, 40.93137280518094, 46.92339859361931)),
        (60, DVec3::new(-3.9994759846888766, 19.630328812656185, 40.50326693728461)),
        (119, DVec3::new(74.0, 19.999999999999986, 78.0)),
    ];
    let path = orbit_path(local, 50.0, 120, ORBIT_NEAR);
    for (index, eye) in in_local {
        assert!(close(path[index].eye, eye, 1e-13), "{index}: {:?}", path[index]);
        assert_eq!(path[index].up, DVec3::Z);
    }
    assert_eq!(orbit_path(local, 50.0, 1, ORBIT_NEAR)[0].eye, DVec3::new(74.0, 20.0, 78.0));
    assert!(orbit_path(local, 50.0, 0, ORBIT_NEAR).is_empty());
}

#[test]
fn default_view_holds_the_whole_sphere_and_no_more() {
    let place = ecef_from_geodetic(Geodetic::from_degrees(113.0, 22.0, 40.0));
    for (center, frame) in [(place, WorldFrame::Earth), (DVec3::new(5.0, -3.0, 2.0), WorldFrame::Local)] {
        for aspect in [16.0 / 9.0, 0.5] {
            let sphere = Sphere { center, radius: 300.0 };
            let pose = CameraPose::default_for(sphere, frame, FOV, aspect);
            let frustum = |fov| Frustum::from_pose(&pose, frame, fov, aspect, 0.0);
            let classify = |fov, radius| {
                BoundingVolume::Sphere(Sphere { center, radius }).classify(&frustum(fov), PlaneMask::ALL).0
            };
            assert_eq!(classify(FOV, 299.999), Visibility::Inside);
            assert_eq!(classify(FOV, 300.1), Visibility::Partial);
            let north = frame.enu_axes_in_world(center)[1];
            assert!((pose.eye_in_world - center).dot(north) < 0.0, "from the south");
        }
    }
    assert!((vertical_fov_rad(FOV, 1.0) - FOV).abs() < 1e-15);
}

proptest! {
    #[test]
    fn text_round_trips(lon in -180.0..180.0, lat in -90.0..90.0, height in -500.0..50_000.0, heading in 0.0..360.0, pitch in -90.0..90.0) {
        for frame in [WorldFrame::Earth, WorldFrame::Local] {
            let pose = CameraPose::parse(&format!("{lon},{lat},{height},{heading},{pitch}"), frame).unwrap();
            let back = CameraPose::parse(&pose.to_text(frame), frame).unwrap();
            // 9 decimals of a degree are 0.11 mm, 3 of a metre 0.5 mm.
            prop_assert!(close(back.eye_in_world, pose.eye_in_world, 1e-3));
            let (a, b) = (pose.axes_in_world(frame), back.axes_in_world(frame));
            prop_assert!(close(a.0, b.0, 3e-6) && close(a.2, b.2, 3e-6));
            prop_assert_eq!(back.to_text(frame), pose.to_text(frame));
        }
    }

    #[test]
    fn looking_at_looks_at(lon in -180.0..180.0, lat in -89.0..89.0, heading in 0.0..360.0, pitch in -90.0..=90.0, range in 1.0..1e5) {
        let target = ecef_from_geodetic(Geodetic::from_degrees(lon, lat, 10.0));
        for (frame, target) in [(WorldFrame::Earth, target), (WorldFrame::Local, DVec3::new(lon, lat, 1.0))] {
            let pose = CameraPose::looking_at(target, f64::to_radians(heading), f64::to_radians(pitch), range, frame);
            let (forward, right, up) = pose.axes_in_world(frame);
            prop_assert!(close(pose.eye_in_world + forward * range, target, range * 1e-8 + 1e-6));
            prop_assert!(close(right.cross(forward), up, 1e-12));
            let again = CameraPose::from_axes(pose.eye_in_world, forward, up, frame);
            prop_assert!(close(again.axes_in_world(frame).2, up, 1e-6), "{:?} {:?}", pose, again);
        }
    }

    #[test]
    fn parse_never_panics(text in "\\PC{0,40}", numbers in "(at:)?[-0-9.,einfa ]{0,60}") {
        for text in [text, numbers] {
            for frame in [WorldFrame::Earth, WorldFrame::Local] {
                if let Ok(pose) = CameraPose::parse(&text, frame) {
                    prop_assert!(pose.eye_in_world.is_finite() && pose.heading_rad < std::f64::consts::TAU);
                }
            }
        }
    }
}
