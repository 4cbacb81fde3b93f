//! Fewer vertices where the skin is flat: those of a block of cells become one.

use glam::Vec3;

use super::Mesh;

/// Rounds, each with blocks twice as wide.
const ROUNDS: i32 = 3;
/// How far a merged vertex may lie from the plane of its block, metres.
const FLAT_M: f32 = 0.02;
/// Least cosine between the normals of a block.
const ALIKE: f32 = 0.985;

/// Merges the vertices of blocks of cells that lie in one plane. Every vertex goes to one place, so no gap opens.
/// `cells` says where each vertex lies; those without one stay.
pub(super) fn merge_flat(mesh: Mesh, mut normals: Vec<Vec3>, mut cells: Vec<Option<[i32; 3]>>) -> Mesh {
    let Mesh { mut positions, mut indices } = mesh;
    let mut blocks: Vec<(u64, u32)> = Vec::new();
    let mut moved: Vec<u32> = (0..positions.len() as u32).collect();
    for round in 1..=ROUNDS {
        blocks.clear();
        blocks.extend(cells.iter().enumerate().filter_map(|(vertex, cell)| {
            let [x, y, z] = (*cell)?.map(|c| (c >> round) as u32 as u64 & 0x1F_FFFF);
            Some(((x << 42) | (y << 21) | z, vertex as u32))
        }));
        blocks.sort_unstable();
        for block in blocks.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(_, first)) = block.first().filter(|_| block.len() > 1) else { continue };
            let list = || block.iter().map(|(_, vertex)| *vertex as usize);
            let share = 1.0 / block.len() as f32;
            let middle = list().map(|v| positions[v]).sum::<Vec3>() * share;
            let normal = list().map(|v| normals[v]).sum::<Vec3>().normalize_or(Vec3::Z);
            let is_flat = list().all(|v| {
                normals[v].dot(normal) > ALIKE && (positions[v] - middle).dot(normal).abs() < FLAT_M
            });
            if is_flat {
                positions[first as usize] = middle;
                normals[first as usize] = normal;
                for (_, vertex) in block.iter().skip(1) {
                    moved[*vertex as usize] = first;
                    cells[*vertex as usize] = None;
                }
            }
        }
    }
    for index in &mut indices {
        // Chains are as long as there are rounds.
        while moved[*index as usize] != *index {
            *index = moved[*index as usize];
        }
    }
    let indices = indices
        .chunks_exact(3)
        .filter(|t| t[0] != t[1] && t[1] != t[2] && t[2] != t[0])
        .flatten()
        .copied()
        .collect();
    Mesh { positions, indices }.compacted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_becomes_coarse_and_a_step_keeps_its_shape() {
        let side = 33;
        let height = |x: usize| if x < 17 { 0.0 } else { 1.0 };
        let positions: Vec<Vec3> = (0..side * side)
            .map(|i| Vec3::new((i % side) as f32, (i / side) as f32, height(i % side)))
            .collect();
        let normals: Vec<Vec3> = (0..side * side)
            .map(|i| if matches!(i % side, 16 | 17) { Vec3::new(-0.7, 0.0, 0.7) } else { Vec3::Z })
            .collect();
        let cells = (0..side * side)
            .map(|i| {
                let (x, y) = (i % side, i / side);
                (x > 0 && y > 0 && x + 1 < side && y + 1 < side).then_some([
                    x as i32,
                    y as i32,
                    height(x) as i32,
                ])
            })
            .collect();
        let mut indices = Vec::new();
        for y in 0..side as u32 - 1 {
            for x in 0..side as u32 - 1 {
                let a = y * side as u32 + x;
                indices.extend([a, a + 1, a + 1 + side as u32, a, a + 1 + side as u32, a + side as u32]);
            }
        }
        let before = indices.len();
        let merged = merge_flat(Mesh { positions, indices }, normals, cells);
        assert!(merged.indices.len() * 3 < before, "{} of {before}", merged.indices.len());
        let off =
            merged.positions.iter().map(|p| (p.z - (p.x - 16.0).clamp(0.0, 1.0)).abs()).fold(0.0, f32::max);
        assert!(off < FLAT_M, "the step moved by {off}");
        let area: f32 = merged
            .indices
            .chunks_exact(3)
            .map(|t| {
                let [a, b, c] = [t[0], t[1], t[2]].map(|i| merged.positions[i as usize].truncate());
                (b - a).perp_dot(c - a) / 2.0
            })
            .sum();
        assert!((area - 32.0 * 32.0).abs() < 0.5, "{area}");
    }
}
