//! The mesh of a site as photogrammetry makes it: one skin over ground, plants and buildings, at several levels, with a
//! texture for each piece.

mod atlas;
mod charts;
mod merge;
mod nets;
mod picture;

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};

use super::{
    paint::Painter,
    site::{Site, TILE_M},
};

pub(super) use picture::Picture;

/// Triangles in the site's frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mesh {
    pub(super) positions: Vec<Vec3>,
    /// Three for each triangle, counter-clockwise from outside.
    pub(super) indices: Vec<u32>,
}

/// A piece of the skin at one level, textured.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Positions in the site's frame.
    pub(super) positions: Vec<Vec3>,
    /// Texture coordinates, v down.
    pub(super) uvs: Vec<Vec2>,
    pub(super) indices: Vec<u32>,
    pub(super) texture: Picture,
}

/// A level of a tile: one piece, or four from the third level on (south-west, south-east, north-west, north-east).
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Metres: as ContextCapture chooses, about 19 texels.
    pub(super) geometric_error_m: f32,
    pub(super) pieces: Vec<Piece>,
}

/// A tile of the mesh.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) column: usize,
    pub(super) row: usize,
    /// Coarsest first.
    pub(super) levels: Vec<Level>,
    /// The tile from above at the finest texel, with its border.
    pub(super) top: Picture,
}

/// Texel of a level, metres; the coarsest is level 0.
pub(super) fn texel_m(level: usize) -> f32 {
    0.8 / (1 << level) as f32
}

/// Geometric error of a level, metres.
fn geometric_error_m(level: usize) -> f32 {
    16.0 / (1 << level) as f32
}

/// How far a level may lie from the surface, metres.
fn deviation_m(level: usize) -> f32 {
    [0.75, 0.34, 0.15, 0.055][level.min(3)]
}

/// At most this many triangles in a tile of a level.
fn most_triangles(level: usize) -> usize {
    [1_000, 3_600, 11_000, 34_000][level.min(3)]
}

/// How far pictures reach beyond what they are of, metres: whole texels at every level.
pub(super) const BORDER_M: f32 = 1.6;
/// How far meshes reach beyond their tile, so that no gap shows beside a neighbour of the same or the next level, metres.
fn overlap_m(level: usize) -> f32 {
    [1.4, 0.8, 0.4, 0.3][level.min(3)]
}

/// Makes a tile.
pub(super) fn tile(painter: &Painter<'_>, column: usize, row: usize) -> Tile {
    let site = painter.site;
    let low = Vec2::new(column as f32, row as f32) * TILE_M;
    let high = low + TILE_M;
    // The finest level is for buildings.
    let is_built = has_buildings(site, low, high);
    let finest = site.spec.levels - if is_built { 1 } else { 2 };
    let cell = site.spec.skin_cell_m[usize::from(!is_built)];
    let mut mesh = nets::skin(site, low - 2.0, high + 2.0, cell);
    let top = Picture::from_above(painter, low - BORDER_M, TILE_M + 2.0 * BORDER_M, texel_m(finest));
    let mut meshes = Vec::new();
    for level in (0..=finest).rev() {
        mesh = mesh.simplified(deviation_m(level), most_triangles(level));
        meshes.push(mesh.clone());
    }
    meshes.reverse();
    let mut tops = vec![top];
    for _ in 0..finest {
        let half = tops.last().map(Picture::halved);
        tops.extend(half);
    }
    let levels = meshes
        .into_iter()
        .enumerate()
        .map(|(level, mesh)| {
            let top = &tops[finest - level];
            let parts: &[(f32, f32)] = match level {
                0 | 1 => &[(0.0, 0.0)],
                _ => &[(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)],
            };
            let side = if parts.len() == 1 { TILE_M } else { TILE_M / 2.0 };
            let pieces = parts
                .iter()
                .map(|(x, y)| {
                    let from = low + Vec2::new(*x, *y) * TILE_M;
                    let cut = mesh.clipped(from - overlap_m(level), from + side + overlap_m(level));
                    let texels = |m: f32| (m / texel_m(level)).round() as usize;
                    let picture =
                        top.window(texels(x * TILE_M), texels(y * TILE_M), texels(side + 2.0 * BORDER_M));
                    atlas::piece(painter, &cut, from - BORDER_M, picture, texel_m(level))
                })
                .collect();
            Level { geometric_error_m: geometric_error_m(level), pieces }
        })
        .collect();
    let top = tops.swap_remove(0);
    Tile { column, row, levels, top }
}

fn has_buildings(site: &Site, low: Vec2, high: Vec2) -> bool {
    site.buildings.iter().any(|b| {
        let nearest = b.center.clamp(low, high);
        nearest.distance(b.center) < b.reach_m() + 1.0
    })
}

impl Mesh {
    /// With fewer triangles, none of them further than `error_m` off, unless there would be more than `most`.
    fn simplified(&self, error_m: f32, most: usize) -> Self {
        let positions: Vec<[f32; 3]> = self.positions.iter().map(|p| p.to_array()).collect();
        let options = meshopt::SimplifyOptions::ErrorAbsolute;
        let mut indices = meshopt::simplify_decoder(&self.indices, &positions, 0, error_m, options, None);
        if indices.len() > most * 3 {
            indices = meshopt::simplify_decoder(&indices, &positions, most * 3, error_m * 6.0, options, None);
        }
        Self { positions: self.positions.clone(), indices }.compacted()
    }

    /// Without vertices that no triangle uses.
    fn compacted(self) -> Self {
        let mut moved = vec![u32::MAX; self.positions.len()];
        let mut positions = Vec::new();
        let indices = self
            .indices
            .iter()
            .map(|old| {
                let slot = &mut moved[*old as usize];
                if *slot == u32::MAX {
                    *slot = positions.len() as u32;
                    positions.push(self.positions[*old as usize]);
                }
                *slot
            })
            .collect();
        Self { positions, indices }
    }

    /// What lies within a rectangle of the plan; triangles across its border are cut.
    fn clipped(&self, low: Vec2, high: Vec2) -> Self {
        let planes: [(usize, f32, f32); 4] =
            [(0, 1.0, low.x), (0, -1.0, -high.x), (1, 1.0, low.y), (1, -1.0, -high.y)];
        let mut mesh = self.clone();
        for (axis, sign, least) in planes {
            let inside = |p: Vec3| p[axis] * sign - least;
            if mesh.positions.iter().all(|p| inside(*p) >= 0.0) {
                continue;
            }
            let mut cuts: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            let mut indices = Vec::with_capacity(mesh.indices.len());
            let positions = &mut mesh.positions;
            for triangle in mesh.indices.chunks_exact(3) {
                let mut outline: [u32; 4] = [0; 4];
                let mut count = 0;
                for i in 0..3 {
                    let (a, b) = (triangle[i], triangle[(i + 1) % 3]);
                    let (da, db) = (inside(positions[a as usize]), inside(positions[b as usize]));
                    if da >= 0.0 {
                        outline[count.min(3)] = a;
                        count += 1;
                    }
                    if (da >= 0.0) != (db >= 0.0) {
                        let cut = *cuts.entry((a.min(b), a.max(b))).or_insert_with(|| {
                            let p = positions[a as usize].lerp(positions[b as usize], da / (da - db));
                            positions.push(p);
                            (positions.len() - 1) as u32
                        });
                        outline[count.min(3)] = cut;
                        count += 1;
                    }
                }
                for i in 1..count.min(4).saturating_sub(1) {
                    indices.extend([outline[0], outline[i], outline[i + 1]]);
                }
            }
            mesh.indices = indices;
        }
        mesh.compacted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county_sample::{Detail, building::Building, land::Land, site::Spec};

    fn site(seed: u64) -> Site {
        let (land, spots) = Land::new(1, seed);
        Site::new(&land, &spots[0], Spec::of(Detail::Full), seed)
    }

    #[test]
    fn the_skin_lies_close_to_the_exact_solids() {
        let site = site(3);
        let corner = |b: &Building| (b.center / TILE_M).floor();
        let in_tile = |low: Vec2| site.buildings.iter().filter(|b| corner(b) * TILE_M == low).count();
        let low = (0..64)
            .map(|i| Vec2::new((i % 8) as f32, (i / 8) as f32) * TILE_M)
            .max_by_key(|low| in_tile(*low))
            .unwrap();
        assert!(in_tile(low) > 5);
        let mesh = nets::skin(&site, low, low + TILE_M, 0.25).simplified(deviation_m(3), most_triangles(3));
        let (mut checked, mut far, mut farther) = (0, 0, 0);
        for triangle in mesh.indices.chunks_exact(3) {
            let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|i| mesh.positions[i as usize]);
            for p in [a, (a + b) / 2.0, (a + b + c) / 3.0] {
                let at = p.truncate();
                let near = site.buildings_near(at).iter().map(|i| site.buildings[*i as usize].distance_m(p));
                let solid = near.fold(f32::INFINITY, f32::min);
                let ground = p.z - site.surface_m(at);
                // Where the building is what is seen.
                if solid.abs() < 0.6 && ground > 0.8 {
                    checked += 1;
                    far += usize::from(solid.abs() > 0.15);
                    farther += usize::from(solid.abs() > 0.3);
                }
            }
        }
        assert!(checked > 3000, "{checked}");
        assert!(far * 200 < checked, "{far} of {checked} further than 15 cm");
        assert!(farther * 2000 < checked, "{farther} of {checked} further than 30 cm");
    }

    #[test]
    fn clipping_keeps_the_area_within() {
        let positions =
            (0..25).map(|i| Vec3::new((i % 5) as f32, (i / 5) as f32, (i % 3) as f32 * 0.1)).collect();
        let mut indices = Vec::new();
        for y in 0..4_u32 {
            for x in 0..4 {
                let a = y * 5 + x;
                indices.extend([a, a + 1, a + 6, a, a + 6, a + 5]);
            }
        }
        let mesh = Mesh { positions, indices };
        let cut = mesh.clipped(Vec2::new(0.3, 1.2), Vec2::new(3.1, 2.9));
        let area: f32 = cut
            .indices
            .chunks_exact(3)
            .map(|t| {
                let [a, b, c] = [t[0], t[1], t[2]].map(|i| cut.positions[i as usize].truncate());
                (b - a).perp_dot(c - a) / 2.0
            })
            .sum();
        assert!((area - 2.8 * 1.7).abs() < 1e-4, "{area}");
    }
}
