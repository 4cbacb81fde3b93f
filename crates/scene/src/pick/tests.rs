use std::sync::Arc;

use geodesy::{
    Obb, Ray, WorldFrame,
    glam::{DMat4, DQuat, DVec3},
};
use proptest::prelude::*;

use super::{cast::LocalRay, *};
use crate::{
    content::{FeatureIdSource, FeatureIds, Indices, Primitive, TileContent, Topology},
    metadata::{Property, PropertyTable, PropertyValues, Value},
};

fn primitive(topology: Topology, positions: Vec<[f32; 3]>, indices: Option<Indices>) -> Primitive {
    Primitive {
        topology,
        positions,
        normals: None,
        uvs: None,
        colors: None,
        indices,
        material: None,
        content_from_primitive: DMat4::IDENTITY,
        instances: Vec::new(),
        bounds: ([0.0; 3], [0.0; 3]),
        vertex_feature_ids: Vec::new(),
        point_size_px: None,
    }
}

fn content(primitives: Vec<Primitive>) -> TileContent {
    TileContent { primitives, ..TileContent::default() }
}

fn tile(index: u32) -> TileId {
    TileId { index, generation: 0 }
}

fn picker(contents: Vec<(TileContent, DMat4, u16)>) -> (Picker, Vec<DrawTile>) {
    let mut picker = Picker::default();
    let mut drawn = Vec::new();
    for (index, (mut content, world_from_content, depth)) in contents.into_iter().enumerate() {
        let (id, tile) = (ContentId(index as u64), tile(index as u32));
        let mesh = Arc::new(PickMesh::new(&mut content));
        picker.insert(id, Resident { tile, mesh, world_from_content, depth });
        drawn.push(DrawTile {
            content: id,
            tile,
            world_from_content,
            fade: 1.0,
            fading_out: false,
            views: 1,
            depth,
            only_inside: Vec::new(),
        });
    }
    (picker, drawn)
}

/// A unit square at height `z`, as two triangles.
fn square(z: f32) -> Primitive {
    let corners = vec![[0.0, 0.0, z], [1.0, 0.0, z], [1.0, 1.0, z], [0.0, 1.0, z]];
    primitive(Topology::Triangles, corners, Some(Indices::U16(vec![0, 1, 2, 0, 2, 3])))
}

fn down(x: f64, y: f64) -> Ray {
    Ray { origin: DVec3::new(x, y, 10.0), direction: DVec3::NEG_Z }
}

fn corner() -> impl Strategy<Value = [f32; 3]> {
    // A coarse grid makes shared corners, slivers and coplanar triangles common.
    prop_oneof![prop::array::uniform3((-8_i8..8).prop_map(f32::from)), prop::array::uniform3(-8.0_f32..8.0),]
}

fn placement() -> impl Strategy<Value = DMat4> {
    let big = prop_oneof![Just(0.0), Just(4.0e6)];
    (prop::array::uniform4(-1.0_f64..1.0), prop::array::uniform3(0.2_f64..3.0), big, any::<bool>()).prop_map(
        |(q, scale, offset, mirror)| {
            let rotation = DQuat::from_xyzw(q[0], q[1], q[2], q[3] + 2.0).normalize();
            let scale = DVec3::from(scale) * if mirror { DVec3::new(-1.0, 1.0, 1.0) } else { DVec3::ONE };
            DMat4::from_scale_rotation_translation(scale, rotation, DVec3::new(offset, -offset, offset * 0.5))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_hierarchy_agrees_with_testing_every_triangle(
        corners in prop::collection::vec(corner(), 3..240),
        world_from_content in placement(),
        from in prop::array::uniform3(-20.0_f64..20.0),
        towards in prop::array::uniform3(-8.0_f64..8.0),
    ) {
        let corners: Vec<[f32; 3]> = corners.chunks_exact(3).flatten().copied().collect();
        let origin = world_from_content.transform_point3(DVec3::from(from));
        let target = world_from_content.transform_point3(DVec3::from(towards));
        let Some(direction) = (target - origin).try_normalize() else { return Ok(()) };
        let ray = Ray { origin, direction };
        let local = LocalRay::new(&ray).transformed(&world_from_content.inverse());
        let nearest = corners
            .chunks_exact(3)
            .filter_map(|c| {
                let corners = [c[0], c[1], c[2]].map(|p| DVec3::from(p.map(f64::from)));
                local.triangle(corners).map(|(distance, _)| distance)
            })
            .fold(f64::INFINITY, f64::min);
        let (picker, drawn) = picker(vec![(content(vec![primitive(Topology::Triangles, corners, None)]), world_from_content, 0)]);
        let hit = picker.pick(&ray, &drawn, &PickOptions::default());
        prop_assert_eq!(hit.map_or(f64::INFINITY, |hit| hit.distance_m), nearest);
    }

    #[test]
    fn the_nearest_point_within_the_angle_is_found(
        points in prop::collection::vec(prop::array::uniform3(-8.0_f32..8.0), 1..300),
        world_from_content in placement(),
        from in prop::array::uniform3(-20.0_f64..20.0),
        towards in prop::array::uniform3(-8.0_f64..8.0),
        radius in 0.001_f64..0.1,
    ) {
        let origin = world_from_content.transform_point3(DVec3::from(from));
        let target = world_from_content.transform_point3(DVec3::from(towards));
        let Some(direction) = (target - origin).try_normalize() else { return Ok(()) };
        let nearest = points
            .iter()
            .filter_map(|p| {
                let to_point = world_from_content.transform_point3(DVec3::from(p.map(f64::from))) - origin;
                let along = to_point.dot(direction);
                let aside = (to_point - direction * along).length();
                (along >= 0.0 && aside <= along * radius.tan()).then_some(along)
            })
            .fold(f64::INFINITY, f64::min);
        let (picker, drawn) = picker(vec![(content(vec![primitive(Topology::Points, points, None)]), world_from_content, 0)]);
        let options = PickOptions { point_radius_rad: radius, ..PickOptions::default() };
        let hit = picker.pick(&Ray { origin, direction }, &drawn, &options);
        prop_assert_eq!(hit.map_or(f64::INFINITY, |hit| hit.distance_m), nearest);
    }

    #[test]
    fn no_ray_slips_through_a_closed_grid(x in 0.0_f64..16.0, y in 0.0_f64..16.0, snap in any::<bool>()) {
        // Rays through shared edges and corners included: every one of them must meet the grid.
        let mut corners = Vec::new();
        let mut indices = Vec::new();
        for row in 0..17_u16 {
            for column in 0..17_u16 {
                corners.push([f32::from(column), f32::from(row), f32::from((row * 7 + column * 3) % 5) * 0.3]);
                if row < 16 && column < 16 {
                    let a = row * 17 + column;
                    indices.extend([a, a + 1, a + 18, a, a + 18, a + 17]);
                }
            }
        }
        let (x, y) = if snap { (x.floor(), y.floor()) } else { (x, x.floor() + y.fract()) };
        let y = y.min(16.0);
        let world = DMat4::from_translation(DVec3::new(-2.3e6, 5.4e6, 2.4e6))
            * DMat4::from_quat(DQuat::from_rotation_x(0.9));
        let mesh = primitive(Topology::Triangles, corners, Some(Indices::U16(indices)));
        let (picker, drawn) = picker(vec![(content(vec![mesh]), world, 0)]);
        let ray = Ray {
            origin: world.transform_point3(DVec3::new(x, y, 50.0)),
            direction: world.transform_vector3(DVec3::NEG_Z),
        };
        // Rounding at Earth-sized coordinates may push a ray off the outer border.
        prop_assume!(x > 1e-6 && x < 16.0 - 1e-6 && y > 1e-6 && y < 16.0 - 1e-6);
        prop_assert!(picker.pick(&ray, &drawn, &PickOptions::default()).is_some());
    }
}

#[test]
fn every_instance_can_be_hit_and_is_named() {
    let mut lamp = square(0.0);
    lamp.instances =
        (0..5).map(|i| DMat4::from_translation(DVec3::new(f64::from(i) * 2.0, 0.0, 0.0))).collect();
    lamp.vertex_feature_ids = vec![FeatureIds {
        label: "lamp".into(),
        source: FeatureIdSource::Instance(vec![4, 3, 2, 1, 0]),
        null_id: Some(0),
        table: Some(0),
    }];
    let mut lamps = content(vec![lamp]);
    lamps.features.tables = vec![PropertyTable {
        name: "lamps".into(),
        count: 5,
        properties: vec![Property {
            id: "watt".into(),
            name: None,
            values: PropertyValues::Decoded((0..5).map(|i| Value::Int(i * 10)).collect()),
        }],
    }];
    let (picker, drawn) = picker(vec![(lamps, DMat4::IDENTITY, 0)]);
    let hit = picker.pick(&down(2.5, 0.5), &drawn, &PickOptions::default()).unwrap();
    assert_eq!((hit.instance, hit.distance_m), (Some(1), 10.0));
    assert_eq!(hit.normal_in_world, Some(DVec3::Z));
    let feature = &hit.features[0];
    assert_eq!(
        (feature.set.as_str(), feature.feature_id, feature.table.as_str()),
        ("lamp", Some(3), "lamps")
    );
    assert_eq!(feature.properties, [("watt".to_owned(), Value::Int(30))]);
    let last = picker.pick(&down(8.5, 0.5), &drawn, &PickOptions::default()).unwrap();
    assert_eq!(last.instance, Some(4));
    assert!(last.features.is_empty(), "the null id has no feature");
    assert!(picker.pick(&down(1.5, 0.5), &drawn, &PickOptions::default()).is_none());
}

#[test]
fn only_what_is_drawn_is_picked() {
    let upper = (content(vec![square(2.0)]), DMat4::IDENTITY, 1);
    let lower = (content(vec![square(1.0)]), DMat4::IDENTITY, 2);
    let (mut picker, mut drawn) = picker(vec![upper, lower]);
    let options = PickOptions::default();
    let distance = |picker: &Picker, drawn: &[DrawTile], options: &PickOptions, x: f64| {
        picker.pick(&down(x, 0.5), drawn, options).map(|hit| hit.distance_m)
    };
    assert_eq!(distance(&picker, &drawn, &options, 0.5), Some(8.0));
    assert_eq!(distance(&picker, &drawn[1..], &options, 0.5), Some(9.0));
    drawn[0].fading_out = true;
    assert_eq!(distance(&picker, &drawn, &options, 0.5), Some(9.0));
    drawn[0].fading_out = false;
    let left_half = Obb {
        center: DVec3::new(0.25, 0.5, 0.0),
        half_axes: [DVec3::X * 0.25, DVec3::Y * 0.5, DVec3::Z * 5.0],
    };
    drawn[0].only_inside = vec![left_half];
    assert_eq!(distance(&picker, &drawn, &options, 0.4), Some(8.0));
    assert_eq!(distance(&picker, &drawn, &options, 0.6), Some(9.0));
    drawn[0].views = 0b10;
    assert_eq!(distance(&picker, &drawn, &PickOptions { view: Some(0), ..options }, 0.4), Some(9.0));
    assert_eq!(distance(&picker, &drawn, &PickOptions { view: Some(1), ..options }, 0.4), Some(8.0));
    assert_eq!(distance(&picker, &drawn, &PickOptions { view: Some(40), ..options }, 0.4), None);
    picker.remove(ContentId(0));
    assert_eq!(distance(&picker, &drawn, &options, 0.4), Some(9.0));
    assert_eq!(picker.len(), 1);
}

#[test]
fn back_faces_count_unless_told() {
    let mirrored = DMat4::from_scale(DVec3::new(-1.0, 1.0, 1.0));
    let front = PickOptions { front_faces_only: true, ..PickOptions::default() };
    let (picker, drawn) = picker(vec![
        (content(vec![square(0.0)]), DMat4::IDENTITY, 0),
        (content(vec![square(0.0)]), mirrored, 0),
    ]);
    for x in [0.5, -0.5] {
        let up = Ray { origin: DVec3::new(x, 0.4, -10.0), direction: DVec3::Z };
        assert!(picker.pick(&up, &drawn, &PickOptions::default()).is_some());
        assert!(picker.pick(&up, &drawn, &front).is_none());
        assert!(picker.pick(&down(x, 0.4), &drawn, &front).is_some());
    }
}

#[test]
fn heights_come_from_the_finest_level_that_has_a_surface() {
    let coarse = (content(vec![square(3.0)]), DMat4::from_scale(DVec3::new(4.0, 4.0, 1.0)), 1);
    let fine = (content(vec![square(2.0), square(2.5), square(7.0)]), DMat4::IDENTITY, 3);
    let (picker, drawn) = picker(vec![coarse, fine]);
    let height = |place, from, among| {
        let found = picker.surface_below(WorldFrame::Local, place, from, among);
        found.map(|point| (point.height_m, point.depth))
    };
    assert_eq!(height([0.5, 0.5], 100.0, Among::Resident), Some((7.0, 3)));
    assert_eq!(height([0.5, 0.5], 6.0, Among::Resident), Some((2.5, 3)));
    assert_eq!(height([2.5, 0.5], 6.0, Among::Resident), Some((3.0, 1)));
    assert_eq!(height([0.5, 0.5], 6.0, Among::Drawn(&drawn)), Some((3.0, 1)));
    assert_eq!(height([0.5, 0.5], 6.0, Among::Drawn(&drawn[1..])), Some((2.5, 3)));
    assert_eq!(height([9.0, 0.5], 6.0, Among::Resident), None);
}

#[test]
fn feature_id_textures_are_read_at_the_point() {
    let mut ground = square(0.0);
    ground.vertex_feature_ids = vec![FeatureIds {
        label: "zone".into(),
        source: FeatureIdSource::Texture {
            uvs: vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
            width: 2,
            height: 2,
            ids: vec![10, 11, 12, 13],
            repeat: [false, false],
        },
        null_id: None,
        table: None,
    }];
    let (picker, drawn) = picker(vec![(content(vec![ground]), DMat4::IDENTITY, 0)]);
    for (x, y, id) in [(0.1, 0.2, 10), (0.9, 0.2, 11), (0.2, 0.9, 12), (0.7, 0.6, 13)] {
        let hit = picker.pick(&down(x, y), &drawn, &PickOptions::default()).unwrap();
        assert_eq!(hit.features[0].feature_id, Some(id), "at {x}, {y}");
    }
}

#[test]
fn degenerate_and_broken_geometry_is_harmless() {
    let positions = vec![[0.0; 3], [f32::NAN; 3], [f32::INFINITY, 0.0, 0.0], [1.0, 1.0, 1.0]];
    let indices = Indices::U32(vec![0, 0, 0, 0, 1, 2, 3, 3, 0, 9, 10, u32::MAX, 1]);
    let mesh = primitive(Topology::Triangles, positions, Some(indices));
    let mut flat = square(0.0);
    flat.instances = vec![DMat4::ZERO, DMat4::from_scale(DVec3::new(1.0, 0.0, 1.0))];
    let lines = primitive(Topology::Lines, vec![[0.0; 3]; 4], None);
    let (picker, drawn) = picker(vec![(content(vec![mesh, flat, lines]), DMat4::IDENTITY, 0)]);
    assert!(picker.pick(&down(0.5, 0.5), &drawn, &PickOptions::default()).is_none());
    let nowhere = Ray { origin: DVec3::NAN, direction: DVec3::NAN };
    assert!(picker.pick(&nowhere, &drawn, &PickOptions::default()).is_none());
}

#[test]
fn bytes_count_what_is_held() {
    let mut tile = content(vec![square(0.0)]);
    let mesh = PickMesh::new(&mut tile);
    assert_eq!(mesh.element_count(), 2);
    let geometry = 4 * 12 + 6 * 2;
    let hierarchy = PickMesh::hierarchy_bytes(Topology::Triangles, 6);
    assert_eq!(hierarchy, 24 + 2 * 2);
    assert!(mesh.bytes() >= geometry + hierarchy);
    assert!(mesh.bytes() < geometry + hierarchy + 600);
}
