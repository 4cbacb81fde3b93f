use geodesy::glam::{DMat4, DVec3, DVec4};
use geodesy::{BoundingVolume, Geodetic, Obb, Ray, Region, S2Volume, Sphere, ecef_from_geodetic};
use proptest::prelude::*;

use crate::close;

fn vector(reach: f64) -> impl Strategy<Value = DVec3> {
    [-reach..reach, -reach..reach, -reach..reach].prop_map(DVec3::from_array)
}

/// Half axes of every kind: skewed, orthogonal, flat, a line, a point, linearly dependent.
fn half_axes() -> impl Strategy<Value = [DVec3; 3]> {
    (vector(5.0), vector(5.0), vector(5.0), 0..8).prop_map(|(a, b, c, kind)| {
        let across = a.cross(b).normalize_or(DVec3::Z);
        match kind {
            0 => [a, b, c],
            1 => [a, across * 2.0, a.cross(across) * 0.3],
            2 => [a, DVec3::ZERO, across],
            3 => [DVec3::ZERO, a, b],
            4 => [DVec3::ZERO, DVec3::ZERO, a],
            5 => [DVec3::ZERO; 3],
            6 => [a, a * -0.5, b],
            _ => [a, b, a + b],
        }
    })
}

/// Nearest point of { A t : t ∈ [−1, 1]³ } by projected gradient descent with many steps.
fn distance_by_descent(obb: &Obb, point: DVec3) -> f64 {
    let offset = point - obb.center;
    let mut t = [0.0f64; 3];
    for _ in 0..4000 {
        for k in 0..3 {
            let axis = obb.half_axes[k];
            if axis.length_squared() > 0.0 {
                let rest =
                    offset - (0..3).filter(|&i| i != k).map(|i| obb.half_axes[i] * t[i]).sum::<DVec3>();
                t[k] = (rest.dot(axis) / axis.length_squared()).clamp(-1.0, 1.0);
            }
        }
    }
    (offset - (0..3).map(|k| obb.half_axes[k] * t[k]).sum::<DVec3>()).length()
}

#[test]
fn known_distances() {
    let cube = Obb { center: DVec3::ONE, half_axes: [DVec3::X, DVec3::Y * 2.0, DVec3::Z * 3.0] };
    let volume = BoundingVolume::Box(cube);
    assert_eq!(volume.distance_squared(DVec3::new(5.0, 1.0, 1.0)), 9.0);
    assert_eq!(volume.distance_squared(DVec3::new(4.0, 5.0, 1.0)), 8.0);
    assert_eq!(volume.distance_squared(DVec3::ONE), 0.0);
    assert!(volume.contains(DVec3::new(2.0, 3.0, 4.0)) && !volume.contains(DVec3::new(2.001, 3.0, 4.0)));
    assert_eq!(volume.bounding_sphere().radius, 14f64.sqrt());
    let sphere = BoundingVolume::Sphere(Sphere { center: DVec3::ZERO, radius: 2.0 });
    assert_eq!(sphere.distance_squared(DVec3::X * 5.0), 9.0);
    assert_eq!(sphere.bounding_box().corners().len(), 8);
}

#[test]
fn transforms_scale_spheres_by_the_longest_axis_and_leave_geographic_volumes() {
    let matrix = DMat4::from_translation(DVec3::X * 10.0) * DMat4::from_scale(DVec3::new(1.0, 3.0, 2.0));
    let sphere = BoundingVolume::Sphere(Sphere { center: DVec3::Y, radius: 2.0 });
    let expected = Sphere { center: DVec3::new(10.0, 3.0, 0.0), radius: 6.0 };
    assert_eq!(sphere.transformed(&matrix), BoundingVolume::Sphere(expected));
    let region = BoundingVolume::from_region(Region {
        west: 0.1,
        south: 0.1,
        east: 0.2,
        north: 0.2,
        min_height_m: 0.0,
        max_height_m: 10.0,
    });
    assert_eq!(region.transformed(&matrix), region);
    let cell = BoundingVolume::S2(Box::new(S2Volume::from_token("1", 0.0, 10.0).unwrap()));
    assert_eq!(cell.transformed(&matrix), cell);
    let shear = DMat4::from_cols(DVec4::X, DVec4::new(1.0, 1.0, 0.0, 0.0), DVec4::Z, DVec4::W);
    let cube = BoundingVolume::Box(Obb { center: DVec3::ZERO, half_axes: [DVec3::X, DVec3::Y, DVec3::Z] });
    let skewed = cube.transformed(&shear);
    assert!(skewed.contains(DVec3::new(2.0, 1.0, 0.0)) && !skewed.contains(DVec3::new(1.5, -0.5, 0.0)));
}

#[test]
fn rays_meet_spheres_and_flat_boxes() {
    let sphere = BoundingVolume::Sphere(Sphere { center: DVec3::X * 10.0, radius: 2.0 });
    let ray = Ray { origin: DVec3::ZERO, direction: DVec3::X };
    assert_eq!(sphere.intersect(&ray), Some((8.0, 12.0)));
    assert_eq!(sphere.intersect(&Ray { origin: DVec3::X * 11.0, ..ray }), Some((0.0, 1.0)));
    assert_eq!(sphere.intersect(&Ray { origin: DVec3::X * 13.0, ..ray }), None);
    let flat =
        BoundingVolume::Box(Obb { center: DVec3::Z * 5.0, half_axes: [DVec3::X, DVec3::Y, DVec3::ZERO] });
    let up = Ray { origin: DVec3::new(0.9, -0.9, 0.0), direction: DVec3::Z };
    assert_eq!(flat.intersect(&up), Some((5.0, 5.0)));
    assert_eq!(flat.intersect(&Ray { origin: DVec3::new(1.1, 0.0, 0.0), direction: DVec3::Z }), None);
}

#[test]
fn subdivision_of_boxes_tiles_the_parent() {
    let root = Obb {
        center: DVec3::new(5.0, 6.0, 7.0),
        half_axes: [DVec3::X * 4.0, DVec3::Y * 2.0, DVec3::Z * 8.0],
    };
    let quad = root.subdivided(1, 1, 0, None).unwrap();
    assert_eq!(
        quad,
        Obb { center: DVec3::new(7.0, 5.0, 7.0), half_axes: [DVec3::X * 2.0, DVec3::Y, DVec3::Z * 8.0] }
    );
    assert_eq!(root.child(true, 0, 1, 1).unwrap().center, DVec3::new(3.0, 7.0, 11.0));
    assert_eq!(root.child(true, 1, 1, 0), root.subdivided(1, 1, 1, Some(0)));
    assert_eq!(root.subdivided(1, 2, 0, None), None);
    assert_eq!(root.subdivided(200, 0, 0, None), None);
    assert_eq!(root.subdivided(0, 0, 0, Some(0)), Some(root));
    let twice = root.child(true, 1, 0, 1).unwrap().child(true, 0, 1, 1).unwrap();
    assert_eq!(root.subdivided(2, 2, 1, Some(3)), Some(twice));
}

proptest! {
    #[test]
    fn box_distance_is_exact(center in vector(10.0), axes in half_axes(), point in vector(30.0)) {
        let obb = Obb { center, half_axes: axes };
        let got = obb.distance_squared(point).sqrt();
        let expected = distance_by_descent(&obb, point);
        prop_assert!((got - expected).abs() < 1e-4, "{} {}", got, expected);
        prop_assert!(got <= expected + 1e-9, "descent can only err upwards: {} {}", got, expected);
    }

    #[test]
    fn rays_meet_boxes_where_their_points_are(center in vector(10.0), axes in half_axes(), origin in vector(30.0), t in [-1.0..1.0, -1.0..1.0, -1.0..1.0], direction in vector(1.0)) {
        let obb = Obb { center, half_axes: axes };
        let target: DVec3 = center + axes[0] * t[0] + axes[1] * t[1] + axes[2] * t[2];
        prop_assume!(target.distance(origin) > 1e-3);
        let volume = [axes[0].normalize_or_zero().cross(axes[1].normalize_or_zero()).dot(axes[2].normalize_or_zero()).abs()];
        // Through a flat box rounding may slip by; grow those boxes a little.
        let flat = volume[0] < 1e-9;
        if !flat {
            let ray = Ray { origin, direction: (target - origin).normalize() };
            let (enter, leave) = obb.intersect(&ray).unwrap();
            let distance = target.distance(origin);
            prop_assert!(enter <= distance + 1e-6 && distance <= leave + 1e-6);
            for at in [enter, leave] {
                prop_assert!(obb.distance_squared(ray.at(at)).sqrt() < 1e-5);
            }
        }
        let ray = Ray { origin, direction: direction.normalize_or(DVec3::X) };
        if obb.intersect(&ray).is_none() {
            for k in 0..400 {
                prop_assert!(obb.distance_squared(ray.at(f64::from(k) * 0.2)) > 0.0);
            }
        }
    }

    #[test]
    fn spheres_and_boxes_enclose(center in vector(10.0), axes in half_axes()) {
        let volume = BoundingVolume::Box(Obb { center, half_axes: axes });
        let sphere = volume.bounding_sphere();
        let reach = volume.bounding_box().corners().map(|corner| corner.distance(sphere.center)).into_iter().fold(0.0, f64::max);
        prop_assert!((reach - sphere.radius).abs() < 1e-9);
        let around = Obb::around([DVec3::X, DVec3::Y, DVec3::Z], volume.bounding_box().corners()).unwrap();
        prop_assert!(volume.bounding_box().corners().iter().all(|&corner| around.distance_squared(corner) < 1e-18));
    }

    #[test]
    fn far_boxes_keep_their_digits(lon in -180.0..180.0, lat in -90.0..90.0, offset in vector(100.0)) {
        let place = ecef_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0));
        let frame = geodesy::ecef_from_enu(place);
        let half = DVec3::new(30.0, 47.0, 7.0);
        let local = Obb { center: DVec3::ZERO, half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z] };
        let world = BoundingVolume::Box(local).transformed(&frame);
        let expected = local.distance_squared(offset);
        let got = world.distance_squared(frame.transform_point3(offset));
        prop_assert!((got.sqrt() - expected.sqrt()).abs() < 1e-8);
        prop_assert!(close(world.center(), place, 1e-9));
    }
}

/// Points of a region of a cylinder, by its definition.
fn points_of(region: &geodesy::CylinderRegion) -> Vec<DVec3> {
    let mut points = Vec::new();
    for n in 0..=40 {
        let angle = region.min_angle_rad + region.width_rad() * f64::from(n) / 40.0;
        for radius in [region.min_radius_m, region.max_radius_m] {
            for z in [region.min_height_m, region.max_height_m] {
                let at = DVec3::new(radius * angle.cos(), radius * angle.sin(), z);
                points.push(region.here_from_cylinder.transform_point3(at));
            }
        }
    }
    points
}

#[test]
fn boxes_of_cylinder_regions_are_tight() {
    use std::f64::consts::PI;
    let here_from_cylinder = DMat4::from_rotation_translation(
        glam::DQuat::from_euler(glam::EulerRot::XYZ, 0.3, -1.1, 2.0),
        DVec3::new(5.0, -7.0, 11.0),
    );
    for (min_angle_rad, max_angle_rad) in
        [(-PI, PI), (0.2, 1.3), (-0.4, 0.4), (1.0, 2.5), (2.5, -2.5), (-3.0, 3.0), (0.0, PI), (1.0, 1.0)]
    {
        for min_radius_m in [0.0, 2.0, 3.0] {
            let region = geodesy::CylinderRegion {
                here_from_cylinder,
                min_radius_m,
                max_radius_m: 3.0,
                min_angle_rad,
                max_angle_rad,
                min_height_m: -1.0,
                max_height_m: 4.0,
            };
            let bounds = region.bounding_box();
            let volume = BoundingVolume::from_cylinder(region);
            let points = points_of(&region);
            assert!(points.iter().all(|p| volume.contains(*p)), "{region:?}");
            // Every face is touched, up to what forty steps miss of an arc.
            for (half_axis, sign) in bounds.half_axes.iter().flat_map(|a| [(*a, 1.0), (*a, -1.0)]) {
                let Some(normal) = half_axis.try_normalize() else { continue };
                let reach = half_axis.length();
                let farthest =
                    points.iter().map(|p| sign * normal.dot(*p - bounds.center)).fold(f64::MIN, f64::max);
                assert!(farthest > reach - 0.02, "{region:?}: {farthest} of {reach}");
            }
            let moved = volume.transformed(&DMat4::from_translation(DVec3::X));
            assert!(points.iter().all(|p| moved.contains(*p + DVec3::X)));
            let Some(BoundingVolume::Cylinder(child)) = volume.subdivided(1, 1, 1, Some(0)) else {
                panic!("a cylinder can be divided")
            };
            assert!(points_of(&child.0).iter().all(|p| volume.contains(*p)), "{region:?}");
            assert_eq!(child.0.max_height_m, 1.5);
        }
    }
}
