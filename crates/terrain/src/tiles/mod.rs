//! Terrain tiles: a quadtree of meshes that fit together.
//!
//! At every level the errors of a right-triangulated network are measured over all tiles at once ([`crate::rtin`]), so
//! two tiles of a level have the same vertices along the edge they share. Between levels the edges differ by no more
//! than both deviate from the samples, which is measured, and which a [skirt](skirt_depths) covers.

mod cut;
mod grid;

pub use cut::{CutOut, CutOutError, MAX_CORNERS};
pub use grid::{MAX_SIDE_SAMPLES, TileGrid, TileGridError, TileId};

use glam::DVec2;

use crate::{
    TerrainMesh,
    ground::{Shape, inpaint},
    rtin::{
        errors::{self, Lattice, rises_eastward},
        triangle::{self, Sample, Triangle},
    },
};

/// The terrain of a lattice, ready to be cut into tiles; tiles can be made in any order and at the same time. Holds
/// about 10 bytes per sample.
#[derive(Debug)]
pub struct TerrainTiles {
    grid: TileGrid,
    /// Row by row from the south; absent ones filled in smoothly.
    heights: Vec<f32>,
    levels: Vec<Level>,
    /// 1 / (2 R), or 0 for a flat Earth.
    curvature: f64,
}

#[derive(Debug)]
struct Level {
    samples: usize,
    /// See [`errors::measure`].
    errors: Vec<f32>,
    /// Samples with a known height near them; `None`: all.
    known: Option<Vec<bool>>,
}

/// A tile without skirt.
#[derive(Clone, Debug, PartialEq)]
pub struct TerrainTile {
    /// The ground.
    pub mesh: TerrainMesh,
    /// Greatest distance of the mesh from any known sample of the lattice beneath it, in height, metres.
    pub deviation_m: f64,
    /// The same along the tile's edges.
    pub edge_deviation_m: f64,
}

/// Why there is no terrain.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TerrainTilesError {
    /// The heights are not those of the lattice.
    #[error("a lattice of {side} × {side} samples and {found} heights")]
    Count {
        /// Samples along a side.
        side: u32,
        /// Heights given.
        found: usize,
    },
    /// Not one height is known.
    #[error("no height is known")]
    Empty,
    /// The radius is no radius.
    #[error("{0} m is no radius of curvature")]
    Curvature(f64),
}

impl TerrainTiles {
    /// Measures the terrain at all levels. Heights are those of the lattice's samples, row by row from the south, NaN
    /// where absent: tiles cover what is known, and by up to a cell of their level what is not.
    ///
    /// `curvature_radius_m` is the Earth's radius if the plan is a map of it: flat triangles cut the curve short, by 2 m
    /// along 10 km, and errors then take that into account.
    ///
    /// # Errors
    /// Too few or many heights, none that is known, or a radius that is none.
    pub fn new(
        grid: TileGrid,
        mut heights: Vec<f32>,
        curvature_radius_m: Option<f64>,
    ) -> Result<Self, TerrainTilesError> {
        let samples = grid.samples() as usize;
        if heights.len() != samples * samples {
            return Err(TerrainTilesError::Count { side: grid.samples(), found: heights.len() });
        }
        let curvature = match curvature_radius_m {
            None => 0.0,
            Some(radius) if radius.is_finite() && radius > 0.0 => 0.5 / radius,
            Some(radius) => return Err(TerrainTilesError::Curvature(radius)),
        };
        heights.iter_mut().filter(|height| height.is_infinite()).for_each(|height| *height = f32::NAN);
        let known: Vec<bool> = heights.iter().map(|height| !height.is_nan()).collect();
        if !known.contains(&true) {
            return Err(TerrainTilesError::Empty);
        }
        let mut known = known.contains(&false).then_some(known);
        inpaint::inpaint(&mut heights, Shape { columns: samples, rows: samples });
        let mut tiles = Self { grid, heights, levels: Vec::new(), curvature };
        for level in (0..grid.levels()).rev() {
            let samples = (grid.tile_cells() as usize) * (1 << level) + 1;
            if level + 1 < grid.levels() {
                known = known.map(|finer| coarser(&finer, samples));
            }
            let bent = tiles.bent_heights(level, samples);
            let lattice = Lattice {
                heights: &bent,
                known: known.as_deref(),
                samples,
                tile_cells: grid.tile_cells() as usize,
            };
            let errors = errors::measure(lattice);
            tiles.levels.push(Level { samples, errors, known: known.clone() });
        }
        tiles.levels.reverse();
        Ok(tiles)
    }
    /// The lattice and the quadtree.
    pub fn grid(&self) -> &TileGrid {
        &self.grid
    }
    /// Lowest and highest of the heights, those filled in included, metres.
    pub fn height_range(&self) -> (f32, f32) {
        self.heights
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), h| (low.min(*h), high.max(*h)))
    }
    /// Height at a plan position, bilinear between samples, level beyond the outermost; where it is not known, what was
    /// filled in.
    pub fn height_at(&self, place: DVec2) -> f64 {
        let last = f64::from(self.grid.samples() - 1);
        let at = (place - self.grid.position(0, 0)) / self.grid.cell_m();
        // `max` before `min` also makes a place of NaN.
        let at = at.max(DVec2::ZERO).min(DVec2::splat(last));
        let low = at.floor().min(DVec2::splat(last - 1.0));
        let part = at - low;
        let first = self.index(low.x as u32, low.y as u32);
        let height = |k: usize| self.heights.get(first + k).map_or(0.0, |h| f64::from(*h));
        let row = self.grid.samples() as usize;
        let south = height(0) + (height(1) - height(0)) * part.x;
        let north = height(row) + (height(row + 1) - height(row)) * part.x;
        south + (north - south) * part.y
    }
    /// Whether any height of a tile is known.
    pub fn has_ground(&self, id: TileId) -> bool {
        let Some(level) = self.levels.get(id.level as usize).filter(|_| self.grid.holds(id)) else {
            return false;
        };
        let Some(known) = &level.known else { return true };
        let cells = self.grid.tile_cells() as usize;
        let (x, y) = (id.x as usize * cells, id.y as usize * cells);
        (y..=y + cells)
            .any(|row| known[row * level.samples + x..=row * level.samples + x + cells].contains(&true))
    }
    /// The coarsest mesh of a tile that is within `max_error_m` of the samples of its level; `None` if nothing of it is
    /// known. Levels above the finest have fewer samples, so the deviation from all may be greater.
    pub fn tile(&self, id: TileId, max_error_m: f64) -> Option<TerrainTile> {
        if !self.has_ground(id) {
            return None;
        }
        let level = self.levels.get(id.level as usize)?;
        let cells = self.grid.tile_cells();
        let corner = (id.x * cells, id.y * cells);
        let side = cells as usize + 1;
        let step = self.grid.step(id.level);
        let mut tile = TerrainTile { mesh: TerrainMesh::default(), deviation_m: 0.0, edge_deviation_m: 0.0 };
        let mut vertex_of_sample = vec![u32::MAX; side * side];
        let pair = Triangle::pair(corner, cells, rises_eastward(id.x as usize, id.y as usize));
        triangle::refine(
            pair,
            max_error_m,
            |sample| level.errors[level.index(sample)],
            |triangle| {
                let corners = triangle.corners();
                if !corners.iter().any(|&sample| level.is_known(sample)) {
                    return;
                }
                self.deviate(&mut tile, corners.map(|(column, row)| (column * step, row * step)), id);
                let vertices = corners.map(|(column, row)| {
                    let within = (row - corner.1) as usize * side + (column - corner.0) as usize;
                    let slot = &mut vertex_of_sample[within];
                    if *slot == u32::MAX {
                        *slot = tile.mesh.positions.len() as u32;
                        let (column, row) = (column * step, row * step);
                        let height = self.heights[self.index(column, row)];
                        tile.mesh.positions.push(self.grid.position(column, row).extend(height.into()));
                    }
                    *slot
                });
                tile.mesh.indices.extend(vertices);
            },
        );
        tile.mesh.ground_vertices = tile.mesh.positions.len();
        tile.mesh.ground_indices = tile.mesh.indices.len();
        Some(tile)
    }

    /// Heights of the samples of a level, plus the Earth's curve.
    fn bent_heights(&self, level: u32, samples: usize) -> Vec<f32> {
        let step = self.grid.step(level);
        (0..samples as u32)
            .flat_map(|row| (0..samples as u32).map(move |column| (column * step, row * step)))
            .map(|(column, row)| self.bent_height(column, row) as f32)
            .collect()
    }
    /// Height of a sample of the lattice, minus how far the Earth has curved away since the lattice's centre. Triangles
    /// are flat, so what a curve adds to their deviations does not depend on where the centre is.
    fn bent_height(&self, column: u32, row: u32) -> f64 {
        let center = f64::from(self.grid.samples() - 1) * 0.5;
        let (x, y) = (f64::from(column) - center, f64::from(row) - center);
        let drop = (x * x + y * y) * self.grid.cell_m() * self.grid.cell_m() * self.curvature;
        f64::from(self.heights[self.index(column, row)]) - drop
    }
    fn index(&self, column: u32, row: u32) -> usize {
        row as usize * self.grid.samples() as usize + column as usize
    }
    /// Takes the deviation of a triangle, its corners given as samples of the lattice, into account.
    fn deviate(&self, tile: &mut TerrainTile, corners: [Sample; 3], id: TileId) {
        let known = self.levels.last().and_then(|finest| finest.known.as_deref());
        let [a, b, c] = corners;
        let [ha, hb, hc] = corners.map(|(column, row)| self.bent_height(column, row));
        let offset = |p: Sample| (f64::from(p.0) - f64::from(a.0), f64::from(p.1) - f64::from(a.1));
        let ((bx, by), (cx, cy)) = (offset(b), offset(c));
        let area = bx * cy - by * cx;
        let east = ((hb - ha) * cy - (hc - ha) * by) / area;
        let north = ((hc - ha) * bx - (hb - ha) * cx) / area;
        let side = self.grid.tile_cells() * self.grid.step(id.level);
        let on_edge = |at: u32, tile: u32| at == tile * side || at == (tile + 1) * side;
        for row in a.1.min(b.1).min(c.1)..=a.1.max(b.1).max(c.1) {
            let (from, to) = stretch(corners, row);
            for column in from..=to {
                let index = self.index(column, row);
                if known.is_some_and(|known| !known[index]) {
                    continue;
                }
                let (x, y) = offset((column, row));
                let deviation = (ha + east * x + north * y - self.bent_height(column, row)).abs();
                tile.deviation_m = tile.deviation_m.max(deviation);
                if on_edge(column, id.x) || on_edge(row, id.y) {
                    tile.edge_deviation_m = tile.edge_deviation_m.max(deviation);
                }
            }
        }
    }
}

impl Level {
    fn index(&self, (column, row): Sample) -> usize {
        row as usize * self.samples + column as usize
    }
    fn is_known(&self, sample: Sample) -> bool {
        self.known.as_ref().is_none_or(|known| known[self.index(sample)])
    }
}

/// How deep the skirts of each level must hang to cover the gaps to tiles of the same level and of the levels next to
/// it, metres, from the greatest deviation along the edges of the tiles of each.
pub fn skirt_depths(edge_deviations_m: &[f64]) -> Vec<f64> {
    let at = |level: usize| edge_deviations_m.get(level).copied().unwrap_or(0.0);
    (0..edge_deviations_m.len())
        .map(|level| at(level) + at(level + 1).max(level.checked_sub(1).map_or(0.0, at)))
        .collect()
}

/// Which samples of a level twice as coarse have a known one within a step of the finer level.
fn coarser(finer: &[bool], samples: usize) -> Vec<bool> {
    let finer_samples = samples * 2 - 1;
    let near = |k: usize| (2 * k).saturating_sub(1)..(2 * k + 2).min(finer_samples);
    (0..samples * samples)
        .map(|index| {
            let (column, row) = (index % samples, index / samples);
            near(row).any(|y| {
                let columns = near(column);
                finer[y * finer_samples + columns.start..y * finer_samples + columns.end].contains(&true)
            })
        })
        .collect()
}

/// First and last column of a triangle in a row; its sides run along rows, columns or diagonals.
fn stretch(corners: [Sample; 3], row: u32) -> (u32, u32) {
    let [a, b, c] = corners;
    let (mut from, mut to) = (u32::MAX, 0);
    for (p, q) in [(a, b), (b, c), (c, a)] {
        let (low, high) = if p.1 <= q.1 { (p, q) } else { (q, p) };
        if !(low.1..=high.1).contains(&row) {
            continue;
        }
        if low.1 == high.1 {
            (from, to) = (from.min(low.0.min(high.0)), to.max(low.0.max(high.0)));
        } else {
            let along = (row - low.1) * low.0.abs_diff(high.0) / (high.1 - low.1);
            let column = if high.0 >= low.0 { low.0 + along } else { low.0 - along };
            (from, to) = (from.min(column), to.max(column));
        }
    }
    (from, to)
}
