use geodesy::glam::{DMat3, DVec3};
use geodesy::{BoundingVolume, Frustum, Obb, PlaneMask, Ray, S2Volume, Sphere, Visibility};
use proptest::prelude::*;

use crate::close;

fn vector(reach: f64) -> impl Strategy<Value = DVec3> {
    [-reach..reach, -reach..reach, -reach..reach].prop_map(DVec3::from_array)
}

#[test]
fn planes_bound_the_field_of_view() {
    let frustum =
        Frustum::perspective(DVec3::ZERO, DVec3::Y, DVec3::Z, 90f64.to_radians(), 60f64.to_radians(), 1.0);
    let vertical = 30f64.to_radians().tan();
    for (point, inside) in [
        (DVec3::new(0.0, 2.0, 0.0), true),
        (DVec3::new(0.0, 0.9, 0.0), false),
        (DVec3::new(1.99, 2.0, 0.0), true),
        (DVec3::new(2.01, 2.0, 0.0), false),
        (DVec3::new(-2.01, 2.0, 0.0), false),
        (DVec3::new(0.0, 2.0, 2.0 * vertical - 0.01), true),
        (DVec3::new(0.0, 2.0, 2.0 * vertical + 0.01), false),
        (DVec3::new(0.0, 2.0, -2.0 * vertical - 0.01), false),
        (DVec3::new(0.0, 1e9, 0.0), true),
    ] {
        assert_eq!(frustum.contains(point), inside, "{point}");
    }
    // The order that the type promises: left, right, bottom, top, near.
    let [left, right, bottom, top, near] = frustum.planes.map(|plane| plane.truncate());
    assert!(left.x > 0.0 && right.x < 0.0 && bottom.z > 0.0 && top.z < 0.0 && close(near, DVec3::Y, 1e-15));
}

#[test]
fn an_up_along_forward_still_gives_a_frustum() {
    let frustum = Frustum::perspective(DVec3::ONE, DVec3::Z, DVec3::Z, 1.0, 1.0, 0.0);
    assert!(frustum.planes.iter().all(|plane| (plane.truncate().length() - 1.0).abs() < 1e-12));
    assert!(frustum.contains(DVec3::new(1.0, 1.0, 5.0)) && !frustum.contains(DVec3::new(1.0, 1.0, 0.0)));
}

/// Points all over a box, corners and faces included.
fn lattice(obb: &Obb) -> impl Iterator<Item = DVec3> + '_ {
    (0..125).map(move |k| {
        let at = |digit: i32| f64::from(digit) / 2.0 - 1.0;
        let [a, b, c] = obb.half_axes;
        obb.center + a * at(k % 5) + b * at(k / 5 % 5) + c * at(k / 25)
    })
}

fn check(volume: &BoundingVolume, points: &[DVec3], frustum: &Frustum) -> Result<(), TestCaseError> {
    let (visibility, mask) = volume.classify(frustum, PlaneMask::ALL);
    let inside = points.iter().filter(|&&point| frustum.contains(point)).count();
    match visibility {
        Visibility::Outside => prop_assert_eq!(inside, 0),
        Visibility::Inside => {
            // Points on the border may round outwards.
            let grown = Frustum { planes: frustum.planes.map(|p| p.truncate().extend(p.w + 1e-9)) };
            prop_assert!(points.iter().all(|&point| grown.contains(point)));
            prop_assert_eq!(mask, PlaneMask::NONE);
        }
        Visibility::Partial => prop_assert_ne!(mask, PlaneMask::NONE),
    }
    for (index, plane) in frustum.planes.iter().enumerate() {
        if visibility != Visibility::Outside && mask.0 >> index & 1 == 0 {
            prop_assert!(points.iter().all(|point| plane.dot(point.extend(1.0)) >= -1e-9));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn boxes_and_spheres_classify_as_their_points(
        eye in vector(10.0), forward in vector(1.0), center in vector(20.0), axes in [vector(8.0), vector(8.0), vector(8.0)],
        fovs in [0.2..2.8, 0.2..2.8], near in 0.0..2.0,
    ) {
        let frustum = Frustum::perspective(eye, forward, DVec3::Z, fovs[0], fovs[1], near);
        let obb = Obb { center, half_axes: axes };
        let points: Vec<_> = lattice(&obb).collect();
        check(&BoundingVolume::Box(obb), &points, &frustum)?;
        let radius = axes[0].length();
        let on_sphere: Vec<_> = points.iter().map(|&p| center + (p - center).normalize_or(DVec3::X) * radius).chain([center]).collect();
        check(&BoundingVolume::Sphere(Sphere { center, radius }), &on_sphere, &frustum)?;
    }

    #[test]
    fn a_mask_skips_what_the_ancestor_has_passed(eye in vector(10.0), forward in vector(1.0), center in vector(20.0), axes in [vector(8.0), vector(8.0), vector(8.0)], x in 0u32..4, y in 0u32..4, z in 0u32..4) {
        let frustum = Frustum::perspective(eye, forward, DVec3::Z, 1.0, 0.7, 0.1);
        let root = BoundingVolume::Box(Obb { center, half_axes: axes });
        let (visibility, mask) = root.classify(&frustum, PlaneMask::ALL);
        let child = root.subdivided(2, x, y, Some(z)).unwrap();
        if visibility != Visibility::Outside {
            let (inherited, all) = (child.classify(&frustum, mask), child.classify(&frustum, PlaneMask::ALL));
            prop_assert_eq!(inherited.0, all.0);
            prop_assert!(inherited.0 == Visibility::Outside || inherited.1 == all.1);
        }
        prop_assert_eq!(child.classify(&frustum, PlaneMask::NONE), (Visibility::Inside, PlaneMask::NONE));
    }

    #[test]
    fn s2_hulls_classify_as_their_corners(eye in vector(2e7), forward in vector(1.0), level in 0u32..6, x in 0u32..64, y in 0u32..64) {
        let frustum = Frustum::perspective(eye, forward, DVec3::Z, 1.0, 0.7, 0.1);
        let face = S2Volume::from_token("5", -1e3, 9e3).unwrap();
        let volume = face.subdivided(level, x >> (6 - level), y >> (6 - level), None).unwrap();
        let corners = volume.corners;
        check(&BoundingVolume::S2(Box::new(volume)), &corners, &frustum)?;
    }

    #[test]
    fn triangles_are_hit_where_they_are(corners in [vector(10.0), vector(10.0), vector(10.0)], origin in vector(10.0), weights in [0.0..1.0, 0.0..1.0]) {
        let [a, b, c] = corners;
        prop_assume!((b - a).cross(c - a).length() > 0.1);
        let [s, t]: [f64; 2] = weights;
        let target = a + (b - a) * s + (c - a) * t;
        prop_assume!(target.distance(origin) > 0.01);
        let direction = (target - origin).normalize();
        prop_assume!(DMat3::from_cols(b - a, c - a, direction).determinant().abs() > 1e-3);
        let hit = Ray { origin, direction }.intersect_triangle(a, b, c);
        if s + t < 1.0 - 1e-6 && s > 1e-6 && t > 1e-6 {
            prop_assert!(hit.is_some_and(|distance| close(origin + direction * distance, target, 1e-6)), "{:?}", hit);
        } else if s + t > 1.0 + 1e-6 {
            prop_assert_eq!(hit, None);
        }
        let away = Ray { origin, direction: -direction };
        prop_assert_eq!(away.intersect_triangle(a, b, c), None);
    }
}
