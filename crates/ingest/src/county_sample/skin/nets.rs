//! The skin: where a field of distances to ground, plants and buildings is zero, meshed by surface nets.

use glam::{Vec2, Vec3};

use super::Mesh;
use crate::county_sample::{
    math::to_rectangle,
    site::{Bridge, Site},
};

/// How far a building's corner with the ground is rounded out, metres.
const BLEND_M: f32 = 0.22;
/// How far a building's distance matters, metres.
const REACH_M: f32 = 0.8;

/// Columns of samples over a rectangle of the plan.
struct Columns<'s> {
    site: &'s Site,
    low: Vec2,
    cell: f32,
    /// Samples along x and y.
    size: [usize; 2],
    /// Height of ground and plants at each column.
    heights: Vec<f32>,
    /// Range of levels that are sampled, and where they begin in `values`.
    ranges: Vec<(i32, i32)>,
    starts: Vec<usize>,
    values: Vec<f32>,
}

/// The skin over a rectangle of the plan, rounded to whole cells outwards.
pub(super) fn skin(site: &Site, low: Vec2, high: Vec2, cell: f32) -> Mesh {
    let (mesh, normals, cells) = Columns::sample(site, low, high, cell).mesh();
    super::merge::merge_flat(mesh, normals, cells)
}

impl<'s> Columns<'s> {
    fn sample(site: &'s Site, low: Vec2, high: Vec2, cell: f32) -> Self {
        let size = [0, 1].map(|axis| ((high[axis] - low[axis]) / cell).ceil() as usize + 1);
        let count = size[0] * size[1];
        let mut columns = Self {
            site,
            low,
            cell,
            size,
            heights: Vec::new(),
            ranges: Vec::with_capacity(count),
            starts: Vec::with_capacity(count),
            values: Vec::new(),
        };
        columns.heights = (0..count).map(|i| site.surface_m(columns.at(i))).collect();
        let own: Vec<(i32, i32)> = (0..count).map(|i| columns.own_range(i)).collect();
        for i in 0..count {
            let (mut from, mut to) = (i32::MAX, i32::MIN);
            columns.each_around(i, |n| (from, to) = (from.min(own[n].0), to.max(own[n].1)));
            columns.ranges.push((from, to));
        }
        let mut near = Vec::new();
        for i in 0..count {
            columns.starts.push(columns.values.len());
            let at = columns.at(i);
            let ground = columns.heights[i];
            let slope = columns.slope(i);
            let lean = 1.0 / (1.0 + slope.length_squared()).sqrt();
            near.clear();
            near.extend(site.buildings_near(at).iter().filter_map(|index| {
                let building = &site.buildings[*index as usize];
                let off = to_rectangle(building.to_local(at), building.half);
                (off < REACH_M).then_some(building)
            }));
            let bridges =
                site.bridges.iter().filter(|bridge| deck(bridge, at.extend(bridge.level_m)) < REACH_M);
            let bridges: Vec<&Bridge> = bridges.collect();
            let (from, to) = columns.ranges[i];
            for level in from..=to {
                let z = level as f32 * cell;
                let mut distance = (z - ground) * lean;
                for building in &near {
                    distance = blend(distance, building.distance_m(at.extend(z)));
                }
                for bridge in &bridges {
                    distance = blend(distance, deck(bridge, at.extend(z)));
                }
                // A sample on the surface itself would make vertices coincide.
                columns.values.push(if distance.abs() < 1e-4 { 1e-4 } else { distance });
            }
        }
        columns
    }

    fn at(&self, index: usize) -> Vec2 {
        self.low + Vec2::new((index % self.size[0]) as f32, (index / self.size[0]) as f32) * self.cell
    }

    fn each_around(&self, index: usize, mut visit: impl FnMut(usize)) {
        let (x, y) = (index % self.size[0], index / self.size[0]);
        for ny in y.saturating_sub(1)..=(y + 1).min(self.size[1] - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(self.size[0] - 1) {
                visit(ny * self.size[0] + nx);
            }
        }
    }

    fn slope(&self, index: usize) -> Vec2 {
        let (x, y) = (index % self.size[0], index / self.size[0]);
        let along = |low: usize, high: usize, steps: usize| {
            (self.heights[high] - self.heights[low]) / (steps.max(1) as f32 * self.cell)
        };
        let (x0, x1) = (x.saturating_sub(1), (x + 1).min(self.size[0] - 1));
        let (y0, y1) = (y.saturating_sub(1), (y + 1).min(self.size[1] - 1));
        let row = |y: usize, x: usize| y * self.size[0] + x;
        Vec2::new(along(row(y, x0), row(y, x1), x1 - x0), along(row(y0, x), row(y1, x), y1 - y0))
    }

    /// Levels between which the surface passes a column.
    fn own_range(&self, index: usize) -> (i32, i32) {
        let at = self.at(index);
        let ground = self.heights[index];
        let mut highest = ground;
        for building in self.site.buildings_near(at) {
            let building = &self.site.buildings[*building as usize];
            let local = building.to_local(at);
            for part in &building.parts {
                if to_rectangle(local - part.center, part.half + part.overhang()) < REACH_M {
                    highest = highest.max(building.base_m + part.top_m());
                }
            }
        }
        let mut lowest = ground;
        for bridge in &self.site.bridges {
            if deck(bridge, at.extend(bridge.level_m)) < REACH_M {
                highest = highest.max(bridge.level_m + 1.2);
                lowest = lowest.min(bridge.level_m - 1.2);
            }
        }
        ((lowest / self.cell).floor() as i32 - 1, (highest / self.cell).ceil() as i32 + 1)
    }

    /// The sample at a column and level; inside below what was sampled, outside above.
    fn value(&self, column: usize, level: i32) -> f32 {
        let (from, to) = self.ranges[column];
        if level < from {
            -self.cell
        } else if level > to {
            self.cell
        } else {
            self.values[self.starts[column] + (level - from) as usize]
        }
    }

    /// The mesh, the normal of each vertex, and the cell that each lies in (border cells as `None`).
    fn mesh(&self) -> (Mesh, Vec<Vec3>, Vec<Option<[i32; 3]>>) {
        let [nx, ny] = self.size;
        let (cx, cy) = (nx - 1, ny - 1);
        // Vertices of the cells of each column of cells, from the lowest level on.
        let mut cell_ranges = Vec::with_capacity(cx * cy);
        let mut cell_starts = Vec::with_capacity(cx * cy);
        let mut total = 0;
        for y in 0..cy {
            for x in 0..cx {
                let corners = [y * nx + x, y * nx + x + 1, (y + 1) * nx + x, (y + 1) * nx + x + 1];
                let from = corners.iter().map(|c| self.ranges[*c].0).min().unwrap_or(0);
                let to = corners.iter().map(|c| self.ranges[*c].1).max().unwrap_or(0);
                cell_ranges.push((from, to));
                cell_starts.push(total);
                total += (to - from).max(0) as usize;
            }
        }
        let mut vertices = vec![u32::MAX; total];
        let mut mesh = Mesh::default();
        let (mut normals, mut cells) = (Vec::new(), Vec::new());
        for y in 0..cy {
            for x in 0..cx {
                let cell_column = y * cx + x;
                let columns = [y * nx + x, y * nx + x + 1, (y + 1) * nx + x, (y + 1) * nx + x + 1];
                let (from, to) = cell_ranges[cell_column];
                let mut lower = columns.map(|c| self.value(c, from));
                for level in from..to {
                    let upper = columns.map(|c| self.value(c, level + 1));
                    let inside = lower.iter().chain(&upper).filter(|v| **v < 0.0).count();
                    if inside != 0 && inside != 8 {
                        vertices[cell_starts[cell_column] + (level - from) as usize] =
                            mesh.positions.len() as u32;
                        let corner = self.at(columns[0]).extend(level as f32 * self.cell);
                        mesh.positions.push(corner + self.cell * crossing(&lower, &upper));
                        normals.push(steepest(&lower, &upper));
                        let is_inner = x > 0 && y > 0 && x + 1 < cx && y + 1 < cy;
                        cells.push(is_inner.then_some([x as i32, y as i32, level]));
                    }
                    lower = upper;
                }
            }
        }
        let vertex = |x: usize, y: usize, level: i32| {
            let cell_column = y * cx + x;
            let (from, to) = cell_ranges[cell_column];
            (level >= from && level < to)
                .then(|| vertices[cell_starts[cell_column] + (level - from) as usize])
        };
        for y in 0..cy {
            for x in 0..cx {
                let (from, to) = cell_ranges[y * cx + x];
                let column = y * nx + x;
                for level in from..to {
                    let here = self.value(column, level);
                    let mut edge = |there: f32, cells: [Option<u32>; 4]| {
                        if (here < 0.0) == (there < 0.0) {
                            return;
                        }
                        let [Some(a), Some(b), Some(c), Some(d)] = cells else { return };
                        if [a, b, c, d].contains(&u32::MAX) {
                            return;
                        }
                        let quad = if here < 0.0 { [a, b, c, d] } else { [a, d, c, b] };
                        let p = quad.map(|i| mesh.positions[i as usize]);
                        // The shorter diagonal follows ridges.
                        let split = if p[0].distance_squared(p[2]) <= p[1].distance_squared(p[3]) {
                            [0, 1, 2, 0, 2, 3]
                        } else {
                            [1, 2, 3, 1, 3, 0]
                        };
                        mesh.indices.extend(split.map(|i: usize| quad[i]));
                    };
                    if y > 0 {
                        edge(
                            self.value(column + 1, level),
                            [
                                vertex(x, y - 1, level - 1),
                                vertex(x, y, level - 1),
                                vertex(x, y, level),
                                vertex(x, y - 1, level),
                            ],
                        );
                    }
                    if x > 0 {
                        edge(
                            self.value(column + nx, level),
                            [
                                vertex(x - 1, y, level - 1),
                                vertex(x - 1, y, level),
                                vertex(x, y, level),
                                vertex(x, y, level - 1),
                            ],
                        );
                    }
                    if x > 0 && y > 0 {
                        edge(
                            self.value(column, level + 1),
                            [
                                vertex(x - 1, y - 1, level),
                                vertex(x, y - 1, level),
                                vertex(x, y, level),
                                vertex(x - 1, y, level),
                            ],
                        );
                    }
                }
            }
        }
        (mesh, normals, cells)
    }
}

/// The direction in which the field of a cell grows fastest.
fn steepest(lower: &[f32; 4], upper: &[f32; 4]) -> Vec3 {
    let sum =
        |values: &[f32; 4], signs: [f32; 4]| -> f32 { values.iter().zip(signs).map(|(v, s)| v * s).sum() };
    let both = |signs: [f32; 4]| sum(lower, signs) + sum(upper, signs);
    let up = [1.0; 4];
    Vec3::new(both([-1.0, 1.0, -1.0, 1.0]), both([-1.0, -1.0, 1.0, 1.0]), sum(upper, up) - sum(lower, up))
        .normalize_or(Vec3::Z)
}

/// The mean of the points where the surface crosses the edges of a cell, in units of the cell.
fn crossing(lower: &[f32; 4], upper: &[f32; 4]) -> Vec3 {
    const CORNERS: [Vec3; 8] = [
        Vec3::new(0.0, 0.0, 0.0),
        Vec3::new(1.0, 0.0, 0.0),
        Vec3::new(0.0, 1.0, 0.0),
        Vec3::new(1.0, 1.0, 0.0),
        Vec3::new(0.0, 0.0, 1.0),
        Vec3::new(1.0, 0.0, 1.0),
        Vec3::new(0.0, 1.0, 1.0),
        Vec3::new(1.0, 1.0, 1.0),
    ];
    const EDGES: [[usize; 2]; 12] =
        [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];
    let value = |i: usize| if i < 4 { lower[i] } else { upper[i - 4] };
    let (mut sum, mut count) = (Vec3::ZERO, 0.0);
    for [a, b] in EDGES {
        let (va, vb) = (value(a), value(b));
        if (va < 0.0) != (vb < 0.0) {
            sum += CORNERS[a].lerp(CORNERS[b], va / (va - vb));
            count += 1.0;
        }
    }
    sum / f32::max(count, 1.0)
}

/// Union of two solids with a rounded crease.
fn blend(a: f32, b: f32) -> f32 {
    let h = (BLEND_M - (a - b).abs()).max(0.0);
    a.min(b) - h * h / (4.0 * BLEND_M)
}

/// Distance to a bridge: a deck with walls for railings.
fn deck(bridge: &Bridge, p: Vec3) -> f32 {
    let [a, b] = bridge.ends;
    let way = (b - a).normalize_or(Vec2::X);
    let d = p.truncate() - (a + b) / 2.0;
    let q = Vec2::new(d.dot(way), way.perp_dot(d));
    let half = Vec2::new(a.distance(b) / 2.0, bridge.half_width_m);
    let plan = to_rectangle(q, half);
    let z = p.z - bridge.level_m;
    let slab = plan.max(z.max(-0.9 - z));
    let rail = to_rectangle(Vec2::new(q.x, q.y.abs() - half.y + 0.15), Vec2::new(half.x, 0.15))
        .max((z - 0.9).max(-z - 0.5));
    slab.min(rail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_through_a_cell_is_met_exactly() {
        let height = |x: f32, y: f32| 0.2 + 0.3 * x + 0.25 * y;
        let at = |z: f32| [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(x, y)| z - height(x, y));
        let p = crossing(&at(0.0), &at(1.0));
        assert!((p.z - height(p.x, p.y)).abs() < 1e-6, "{p}");
    }
}
