//! Lines around the bounding volumes of drawn tiles.

use geodesy::{BoundingVolume, Obb, glam::DVec3};

use crate::{
    gpu::lines::LineVertex,
    precise::{self, CameraFrame},
    tiles::runtime::{TileRuntime, level_tint},
};

/// Pairs of corners (bit n: which end of half axis n) that make the edges of a box.
const EDGES: [(u8, u8); 12] =
    [(0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7)];

/// Lines around every drawn tile, in the colour of its level.
pub fn tile_bounds(tiles: &TileRuntime, camera: &CameraFrame) -> Vec<LineVertex> {
    let mut lines = Vec::new();
    for draw in tiles.drawn() {
        let Some(tile) = tiles.streamer().tree().get(draw.tile) else { continue };
        let [r, g, b] = level_tint(draw.depth);
        let corners = corners_of(tile.volume());
        for (from, to) in EDGES {
            for corner in [from, to] {
                let Some(at) = corners.get(usize::from(corner)) else { continue };
                lines.push(LineVertex {
                    relative: precise::vec_f32(*at - camera.eye_in_world),
                    color: [r, g, b, 1.0],
                });
            }
        }
    }
    lines
}

fn corners_of(volume: &BoundingVolume) -> [DVec3; 8] {
    let of_box = |b: Obb| {
        let [x, y, z] = b.half_axes;
        std::array::from_fn(|n| {
            let sign = |bit: usize| if n >> bit & 1 == 0 { -1.0 } else { 1.0 };
            b.center + x * sign(0) + y * sign(1) + z * sign(2)
        })
    };
    match volume {
        BoundingVolume::S2(s2) => {
            // Bottom and top counter-clockwise: swap the last two of each so that bits count along edges.
            let [a, b, c, d, e, f, g, h] = s2.corners;
            [a, b, d, c, e, f, h, g]
        }
        other => of_box(other.bounding_box()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_a_box_are_as_long_as_its_axes() {
        let b = Obb { center: DVec3::ONE, half_axes: [DVec3::X, DVec3::Y * 2.0, DVec3::Z * 3.0] };
        let corners = corners_of(&BoundingVolume::Box(b));
        let mut lengths: Vec<f64> =
            EDGES.iter().map(|(a, b)| corners[usize::from(*a)].distance(corners[usize::from(*b)])).collect();
        lengths.sort_by(f64::total_cmp);
        assert_eq!(lengths, [2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 6.0, 6.0, 6.0, 6.0]);
    }
}
