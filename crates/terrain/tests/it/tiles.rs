//! Tiles against their neighbours, their samples and their cut-outs.

use std::collections::BTreeSet;

use glam::{DVec2, DVec3};
use proptest::prelude::*;
use terrain::{
    CutOut, PlanRect, TerrainMesh, TerrainTile, TerrainTiles, TileGrid, TileId,
    synthetic::fractal_noise,
    tiles::{CutOutError, TerrainTilesError, TileGridError, skirt_depths},
};

fn grid(extent_m: f64, tile_cells: u32) -> TileGrid {
    let low = DVec2::new(1000.0, -2000.0);
    TileGrid::covering(PlanRect { low, high: low + extent_m }, 2.0, tile_cells).unwrap()
}

/// Rough ground; absent where `is_known` says so.
fn made(grid: TileGrid, seed: u64, is_known: impl Fn(DVec2) -> bool) -> TerrainTiles {
    let side = grid.samples();
    let heights = (0..side * side)
        .map(|index| grid.position(index % side, index / side))
        .map(|p| if is_known(p) { (40.0 * fractal_noise(seed, p * 0.011, 5)) as f32 } else { f32::NAN })
        .collect();
    TerrainTiles::new(grid, heights, None).unwrap()
}

/// Vertices of a mesh on a line x = at or y = at, rising along it.
fn along(mesh: &TerrainMesh, axis: usize, at: f64) -> Vec<DVec3> {
    let mut on: Vec<DVec3> =
        mesh.positions[..mesh.ground_vertices].iter().copied().filter(|p| p[axis] == at).collect();
    on.sort_by(|a, b| a[1 - axis].total_cmp(&b[1 - axis]));
    on
}

/// Height of a chain of vertices at a place along it.
fn height_along(chain: &[DVec3], axis: usize, at: f64) -> Option<f64> {
    chain
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .find(|(a, b)| a[axis] <= at && at <= b[axis])
        .map(|(a, b)| a.z + (b.z - a.z) * (at - a[axis]) / (b[axis] - a[axis]))
}

fn mesh_height(mesh: &TerrainMesh, place: DVec2) -> Option<f64> {
    mesh.indices[..mesh.ground_indices].chunks_exact(3).find_map(|t| {
        let [a, b, c] = [t[0], t[1], t[2]].map(|index| mesh.positions[index as usize]);
        let whole = (b - a).truncate().perp_dot((c - a).truncate());
        let part = |p: DVec3, q: DVec3| (p.truncate() - place).perp_dot(q.truncate() - place) / whole;
        let (u, v, w) = (part(b, c), part(c, a), part(a, b));
        (u.min(v).min(w) >= -1e-9).then_some(a.z * u + b.z * v + c.z * w)
    })
}

fn area(mesh: &TerrainMesh) -> f64 {
    let corner = |index: u32| mesh.positions[index as usize].truncate();
    let triangles = mesh.indices[..mesh.ground_indices].chunks_exact(3);
    triangles.map(|t| (corner(t[1]) - corner(t[0])).perp_dot(corner(t[2]) - corner(t[0])) * 0.5).sum()
}

fn level(tiles: &TerrainTiles, level: u32, max_error_m: f64) -> Vec<(TileId, TerrainTile)> {
    tiles.grid().tiles(level).filter_map(|id| Some((id, tiles.tile(id, max_error_m)?))).collect()
}

#[test]
fn the_lattice_covers_the_area_and_the_tiles_cover_the_lattice() {
    let asked = PlanRect { low: DVec2::new(503.3, 100.1), high: DVec2::new(1391.0, 590.0) };
    let grid = TileGrid::covering(asked, 2.5, 32).unwrap();
    assert_eq!((grid.levels(), grid.samples()), (5, 513));
    let whole = grid.area(TileId::ROOT);
    assert!(whole.low.cmple(asked.low).all() && whole.high.cmpge(asked.high).all());
    assert_eq!((whole.low / 2.5).fract(), DVec2::ZERO);
    for id in grid.tiles(2) {
        let tile = grid.area(id);
        let children = id.children().map(|child| grid.area(child));
        assert_eq!((children[0].low, children[3].high), (tile.low, tile.high));
        assert!(id.children().iter().all(|child| grid.holds(*child)));
    }
    assert_eq!(grid.tiles(9).count(), 0);
    let tiny = TileGrid::covering(PlanRect { low: DVec2::ZERO, high: DVec2::ZERO }, 1.0, 2).unwrap();
    assert_eq!((tiny.levels(), tiny.samples()), (1, 3));
    let refuse = |high: f64, cell_m, cells| {
        TileGrid::covering(PlanRect { low: DVec2::ZERO, high: DVec2::splat(high) }, cell_m, cells)
            .unwrap_err()
    };
    assert_eq!(refuse(1.0, 1.0, 12), TileGridError::TileCells(12));
    assert!(matches!(refuse(f64::NAN, 1.0, 8), TileGridError::Area { .. }));
    assert!(matches!(refuse(1.0, -1.0, 8), TileGridError::Area { .. }));
    assert!(matches!(refuse(1e9, 0.01, 8), TileGridError::TooLarge { .. }));
}

#[test]
fn heights_that_do_not_fit_are_refused() {
    let grid = grid(10.0, 4);
    let count = (grid.samples() * grid.samples()) as usize;
    let refuse = |heights, radius| TerrainTiles::new(grid, heights, radius).unwrap_err();
    assert_eq!(refuse(vec![0.0; 7], None), TerrainTilesError::Count { side: grid.samples(), found: 7 });
    assert_eq!(refuse(vec![f32::INFINITY; count], None), TerrainTilesError::Empty);
    assert_eq!(refuse(vec![0.0; count], Some(-1.0)), TerrainTilesError::Curvature(-1.0));
    assert_eq!(skirt_depths(&[8.0, 4.0, 1.0]), [12.0, 12.0, 5.0]);
}

#[test]
fn the_earth_is_not_flat() {
    let low = DVec2::ZERO;
    let grid = TileGrid::covering(PlanRect { low, high: low + 40_000.0 }, 625.0, 16).unwrap();
    let count = (grid.samples() * grid.samples()) as usize;
    let flat = TerrainTiles::new(grid, vec![0.0; count], None).unwrap();
    assert_eq!(flat.tile(TileId::ROOT, 1.0).unwrap().mesh.triangle_count(), 2);
    let round = TerrainTiles::new(grid, vec![0.0; count], Some(6.371e6)).unwrap();
    let root = round.tile(TileId::ROOT, 1.0).unwrap();
    // 80 km wide: over d metres a flat triangle is d² / 8R off, so sides stay below some 7 km.
    assert!(root.mesh.triangle_count() > 250 && root.deviation_m <= 1.0, "{}", root.deviation_m);
    assert!(root.mesh.positions.iter().all(|position| position.z == 0.0), "positions stay in the plan");
}

#[test]
fn a_cut_along_samples_leaves_whole_triangles() {
    let tiles = made(grid(60.0, 8), 1, |_| true);
    let area_of = |id| tiles.grid().area(id);
    let (id, tile) = level(&tiles, 2, 0.0).swap_remove(5);
    // The next tile, its own border, and everything.
    let ring = |rect: PlanRect| {
        vec![vec![
            rect.low,
            DVec2::new(rect.high.x, rect.low.y),
            rect.high,
            DVec2::new(rect.low.x, rect.high.y),
        ]]
    };
    let next = CutOut::new(&ring(area_of(TileId { x: id.x + 1, ..id }))).unwrap();
    assert_eq!(area(&tile.mesh.cut_away(&[next])), area(&tile.mesh));
    let all = CutOut::new(&ring(area_of(id))).unwrap();
    assert!(tile.mesh.cut_away(std::slice::from_ref(&all)).indices.is_empty());
    let around = CutOut::new(&ring(area_of(id).grown(5.0))).unwrap();
    assert!(tile.mesh.cut_away(&[around]).positions.is_empty());
    let half = PlanRect { low: area_of(id).low, high: area_of(id).low + DVec2::new(8.0, 16.0) };
    let left = tile.mesh.cut_away(&[CutOut::new(&ring(half)).unwrap()]);
    assert!((area(&left) - area(&tile.mesh) * 0.5).abs() < 1e-9);

    assert_eq!(CutOut::new(&[vec![DVec2::ZERO; 2]]).unwrap_err(), CutOutError::Corners(0));
    let odd = vec![DVec2::ZERO, DVec2::NAN, DVec2::ONE];
    assert_eq!(CutOut::new(&[odd]).unwrap_err(), CutOutError::Corner { ring: 0, corner: 1 });
}

#[test]
fn what_is_known_is_covered_at_every_level_and_little_else() {
    let center = DVec2::new(1120.0, -1900.0);
    let is_known = |p: DVec2| p.distance(center) < 70.0 && p.distance(center + 20.0) > 15.0;
    let tiles = made(grid(240.0, 8), 4, is_known);
    for depth in 0..tiles.grid().levels() {
        let all = level(&tiles, depth, 3.0);
        let cell_m = tiles.grid().tile_m(depth) / 8.0;
        assert!(depth < 3 || all.len() < 1 << (2 * depth), "tiles of nothing are left out");
        for row in 0..tiles.grid().samples() {
            for column in 0..tiles.grid().samples() {
                let place = tiles.grid().position(column, row);
                let covered = all.iter().any(|(_, tile)| mesh_height(&tile.mesh, place).is_some());
                assert!(covered || !is_known(place), "level {depth}: {place} is not covered");
                let far = place.distance(center) > 70.0 + 4.0 * cell_m;
                assert!(!(far && covered), "level {depth}: {place} is covered");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_of_a_level_share_every_vertex_of_their_edge(seed in 0u64..500, error in 0.0..6.0, holes in any::<bool>()) {
        let tiles = made(grid(250.0, 16), seed, |p| !holes || (p * 0.05).floor().element_sum().rem_euclid(7.0) != 0.0);
        for depth in 1..tiles.grid().levels() {
            let all = level(&tiles, depth, error);
            for (id, tile) in &all {
                for axis in 0..2 {
                    let next = if axis == 0 { TileId { x: id.x + 1, ..*id } } else { TileId { y: id.y + 1, ..*id } };
                    let Some((_, other)) = all.iter().find(|(id, _)| *id == next) else { continue };
                    let at = tiles.grid().area(*id).high[axis];
                    let (mine, theirs) = (along(&tile.mesh, axis, at), along(&other.mesh, axis, at));
                    // Where one side is absent the other has nothing to match.
                    prop_assert!(mine == theirs || holes, "{:?} {:?}", id, next);
                }
            }
        }
    }

    #[test]
    fn skirts_reach_the_neighbours_of_adjacent_levels(seed in 0u64..500, error in 0.2..3.0) {
        let tiles = made(grid(250.0, 16), seed, |_| true);
        let levels: Vec<_> = (0..tiles.grid().levels()).map(|depth| level(&tiles, depth, error * 2f64.powi(3 - depth as i32))).collect();
        let deviations: Vec<f64> = levels.iter().map(|all| all.iter().fold(0.0, |worst, (_, tile)| f64::max(worst, tile.edge_deviation_m))).collect();
        let skirts = skirt_depths(&deviations);
        let mut widest: f64 = 0.0;
        for (depth, pair) in levels.windows(2).enumerate() {
            for (id, coarse) in &pair[0] {
                for axis in 0..2 {
                    let at = tiles.grid().area(*id).high[axis];
                    let mine = along(&coarse.mesh, axis, at);
                    for (_, fine) in pair[1].iter().filter(|(child, _)| tiles.grid().area(*child).low[axis] == at) {
                        let theirs = along(&fine.mesh, axis, at);
                        for k in 0..=64 {
                            let (a, b) = (theirs[0][1 - axis], theirs[theirs.len() - 1][1 - axis]);
                            let place = a + (b - a) * f64::from(k) / 64.0;
                            let Some((high, low)) = height_along(&mine, 1 - axis, place).zip(height_along(&theirs, 1 - axis, place)) else { continue };
                            prop_assert!(high - low <= skirts[depth] + 1e-9 && low - high <= skirts[depth + 1] + 1e-9);
                            widest = widest.max((high - low).abs());
                        }
                    }
                }
            }
        }
        prop_assert!(widest > 0.0, "there was something to cover");
    }

    #[test]
    fn deviations_are_those_of_the_samples(seed in 0u64..500, error in 0.0..6.0, holes in any::<bool>()) {
        let is_known = |p: DVec2| !holes || (p * 0.03).floor().element_sum().rem_euclid(3.0) != 0.0;
        let tiles = made(grid(60.0, 8), seed, is_known);
        let side = tiles.grid().samples();
        for depth in 0..tiles.grid().levels() {
            for (id, tile) in level(&tiles, depth, error) {
                let (mut worst, mut edge): (f64, f64) = (0.0, 0.0);
                let rect = tiles.grid().area(id);
                for (column, row) in (0..side * side).map(|k| (k % side, k / side)) {
                    let place = tiles.grid().position(column, row);
                    let within = place.cmpge(rect.low).all() && place.cmple(rect.high).all();
                    if !within || !is_known(place) {
                        continue;
                    }
                    let off = (mesh_height(&tile.mesh, place).unwrap() - f64::from((40.0 * fractal_noise(seed, place * 0.011, 5)) as f32)).abs();
                    worst = worst.max(off);
                    if place.cmpeq(rect.low).any() || place.cmpeq(rect.high).any() {
                        edge = edge.max(off);
                    }
                }
                prop_assert!((worst - tile.deviation_m).abs() < 1e-9 && (edge - tile.edge_deviation_m).abs() < 1e-9);
                if depth + 1 == tiles.grid().levels() {
                    prop_assert!(worst <= error + 1e-9);
                }
            }
        }
    }

    /// Cutting takes exactly the area of the cut-out, opens no cracks, and goes through the same points in both of two tiles.
    #[test]
    fn cuts_are_exact_and_leave_no_cracks(
        seed in 0u64..500, error in 0.5..4.0, corners in 3usize..9, radius in 8.0..43.0, at in [0.37..20.0, -20.0..-0.37], snap in any::<bool>(),
    ) {
        let tiles = made(grid(120.0, 16), seed, |_| true);
        let middle = tiles.grid().area(TileId { level: 1, x: 1, y: 1 }).low;
        // A star: concave.
        let ring: Vec<DVec2> = (0..corners * 2)
            .map(|k| DVec2::from_angle(k as f64 * std::f64::consts::PI / corners as f64) * if k % 2 == 0 { radius } else { radius * 0.45 })
            .map(|p| p + middle + DVec2::from_array(at))
            // On samples, edges and corners of tiles.
            .map(|p: DVec2| if snap { (p / 2.0).round() * 2.0 } else { p })
            .collect();
        let twice: f64 = ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| (*a - middle).perp_dot(*b - middle)).sum();
        let cut_out = CutOut::new(&[ring]).unwrap();
        let cut: Vec<(TileId, TerrainMesh, f64)> = level(&tiles, 1, error).into_iter()
            .map(|(id, tile)| (id, tile.mesh.cut_away(std::slice::from_ref(&cut_out)), area(&tile.mesh)))
            .collect();
        let lost: f64 = cut.iter().map(|(_, mesh, before)| before - area(mesh)).sum();
        if !snap {
            prop_assert!((lost - twice.abs() * 0.5).abs() < 1e-6, "{} {}", lost, twice * 0.5);
        }
        for (id, mesh, _) in &cut {
            let rect = tiles.grid().area(*id);
            for t in mesh.indices.chunks_exact(3) {
                let [a, b, c] = [t[0], t[1], t[2]].map(|index| mesh.positions[index as usize].truncate());
                prop_assert!((b - a).perp_dot(c - a) > 0.0);
                prop_assert!(!cut_out.contains((a + b + c) / 3.0));
            }
            // Open edges lie on the tile's border or the cut's.
            let distance = |p: DVec2, a: DVec2, b: DVec2| {
                let t = ((p - a).dot(b - a) / (b - a).length_squared()).clamp(0.0, 1.0);
                p.distance(a.lerp(b, t))
            };
            for [from, to] in mesh.border() {
                let [a, b] = [from, to].map(|index| mesh.positions[index as usize].truncate());
                let on_border = (0..2).any(|axis| a[axis] == b[axis] && (a[axis] == rect.low[axis] || a[axis] == rect.high[axis]));
                // An edge may run along several sides in a row.
                let near_cut = [a, a.lerp(b, 0.3), b].iter().all(|at| cut_out.sides().any(|[p, q]| distance(*at, p, q) < 1e-6));
                // Slivers without area are left out, and leave a hole of some micrometres.
                prop_assert!(on_border || near_cut || a.distance(b) < 1e-4, "{} {} is open", a, b);
            }
            let mut with_skirt = mesh.clone();
            with_skirt.hang_skirt_from_border(3.0);
            prop_assert_eq!(with_skirt.indices.len(), mesh.indices.len() + 6 * mesh.border().len());
            for axis in 0..2 {
                let next = if axis == 0 { TileId { x: id.x + 1, ..*id } } else { TileId { y: id.y + 1, ..*id } };
                let Some((_, other, _)) = cut.iter().find(|(id, ..)| *id == next) else { continue };
                let bits = |mesh: &TerrainMesh| -> BTreeSet<[u64; 3]> {
                    along(mesh, axis, rect.high[axis]).iter().map(|p| p.to_array().map(f64::to_bits)).collect()
                };
                // A point of the edge that only touches the cut may be a corner on one side only.
                let (mine, theirs) = (bits(mesh), bits(other));
                prop_assert!(mine == theirs || snap, "{:?}", mine.symmetric_difference(&theirs).map(|p| p.map(f64::from_bits)).collect::<Vec<_>>());
            }
        }
    }
}
