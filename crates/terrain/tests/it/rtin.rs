use std::collections::BTreeMap;

use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{HeightField, Rtin, RtinError, TerrainMesh};

use crate::heights;

fn triangles(mesh: &TerrainMesh, range: std::ops::Range<usize>) -> Vec<[DVec3; 3]> {
    let corner = |&index: &u32| mesh.positions[index as usize];
    mesh.indices[range].chunks_exact(3).map(|t| [corner(&t[0]), corner(&t[1]), corner(&t[2])]).collect()
}

fn ground(mesh: &TerrainMesh) -> Vec<[DVec3; 3]> {
    triangles(mesh, 0..mesh.ground_indices)
}

/// Height of the mesh at a place, by looking at every triangle.
fn mesh_height(triangles: &[[DVec3; 3]], place: DVec2) -> Option<f64> {
    triangles.iter().find_map(|&[a, b, c]| {
        let whole = (b - a).truncate().perp_dot((c - a).truncate());
        let part = |p: DVec3, q: DVec3| (p.truncate() - place).perp_dot(q.truncate() - place) / whole;
        let (u, v, w) = (part(b, c), part(c, a), part(a, b));
        (u >= -1e-12 && v >= -1e-12 && w >= -1e-12).then_some(a.z * u + b.z * v + c.z * w)
    })
}

#[test]
fn flat_ground_is_two_triangles_and_shapes_are_checked() {
    let flat = HeightField::from_fn(17, 17, DVec2::ZERO, 1.0, |_| 5.0).unwrap();
    let mesh = Rtin::new(&flat).unwrap().mesh(0.0, 0.0);
    assert_eq!((mesh.triangle_count(), mesh.positions.len()), (2, 4));
    for (columns, rows) in [(16, 16), (17, 9), (2, 2), (18, 18)] {
        let field = HeightField::from_fn(columns, rows, DVec2::ZERO, 1.0, |_| 0.0).unwrap();
        assert_eq!(Rtin::new(&field).unwrap_err(), RtinError::Shape { columns, rows });
    }
}

#[test]
fn skirt_hangs_from_the_whole_border_and_faces_out() {
    let field = HeightField::from_fn(9, 9, DVec2::new(-4.0, -4.0), 1.0, |p| p.x * p.y * 0.3).unwrap();
    let mesh = Rtin::new(&field).unwrap().mesh(0.05, 2.5);
    let skirt = triangles(&mesh, mesh.ground_indices..mesh.indices.len());
    let mut around = 0.0;
    for [a, b, c] in skirt {
        let normal = (b - a).cross(c - a);
        assert!(normal.z.abs() < 1e-9, "upright");
        assert!(normal.truncate().dot(((a + b + c) / 3.0).truncate()) > 0.0, "outwards");
        around += normal.length() * 0.5 / 2.5;
    }
    // The walls follow slopes, so their area is that of the plan's border times the depth.
    assert!((around - 32.0).abs() < 1e-9, "{around}");
    for low in &mesh.positions[mesh.ground_vertices..] {
        assert!(
            mesh.positions[..mesh.ground_vertices]
                .iter()
                .any(|top| top.distance(*low + DVec3::Z * 2.5) < 1e-12)
        );
    }
}

#[test]
fn a_hole_stays_open_and_the_rest_is_covered() {
    let mut heights: Vec<f32> = (0..81).map(|k| (k % 7) as f32 * 0.01).collect();
    heights[4 * 9 + 4] = f32::NAN;
    let field = HeightField::new(9, 9, DVec2::ZERO, 1.0, heights, None).unwrap();
    let mesh = Rtin::new(&field).unwrap().mesh(1.0, 1.0);
    assert!(mesh.positions.iter().all(|position| position.is_finite()));
    let ground = ground(&mesh);
    assert_eq!(mesh_height(&ground, DVec2::new(4.1, 4.05)), None);
    for (x, y) in [(2.9, 4.0), (5.1, 4.3), (0.0, 0.0), (8.0, 8.0), (4.0, 5.2)] {
        assert!(mesh_height(&ground, DVec2::new(x, y)).is_some(), "{x} {y}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn mesh_is_watertight_upward_and_within_its_error(heights in heights(), power in 1u32..5, max_error_m in prop_oneof![Just(0.0), 0.01..12.0]) {
        let samples = (1 << power) + 1;
        let field = crate::field(samples, samples, &heights, f32::INFINITY).unwrap();
        let mesh = Rtin::new(&field).unwrap().mesh(max_error_m, 0.0);
        let ground = ground(&mesh);

        let mut area = 0.0;
        for [a, b, c] in &ground {
            let twice = (b - a).truncate().perp_dot((c - a).truncate());
            prop_assert!(twice > 0.0);
            area += twice * 0.5;
        }
        let side = f64::from(samples - 1) * field.cell_m();
        prop_assert!((area - side * side).abs() < 1e-9);

        let (low, high) = field.extent();
        let mut edges = BTreeMap::new();
        for t in mesh.indices.chunks_exact(3) {
            for (from, to) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
                prop_assert!(edges.insert((from, to), ()).is_none());
            }
        }
        for &(from, to) in edges.keys() {
            let (a, b) = (mesh.positions[from as usize], mesh.positions[to as usize]);
            let border = (a.x == b.x && (a.x == low.x || a.x == high.x)) || (a.y == b.y && (a.y == low.y || a.y == high.y));
            prop_assert_eq!(edges.contains_key(&(to, from)), !border, "a vertex hangs on an edge");
        }

        for row in 0..samples {
            for column in 0..samples {
                let height = mesh_height(&ground, field.position(column, row)).unwrap();
                let off = (height - f64::from(field.sample(column, row).unwrap())).abs();
                prop_assert!(off <= max_error_m + 1e-9, "{} {}: {}", column, row, off);
            }
        }
    }

    #[test]
    fn coarser_error_never_needs_more(heights in heights(), fine in 0.0..5.0, coarser in 0.0..5.0) {
        let field = crate::field(9, 9, &heights, f32::INFINITY).unwrap();
        let rtin = Rtin::new(&field).unwrap();
        prop_assert!(rtin.mesh(fine + coarser, 0.0).triangle_count() <= rtin.mesh(fine, 0.0).triangle_count());
    }
}
