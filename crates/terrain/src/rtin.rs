//! Right-triangulated irregular networks (Evans, Kirkpatrick and Townsend 1997): meshes of a height field that are
//! nowhere farther from its samples than a given error.

use glam::DVec3;

use crate::HeightField;

/// Largest k of a grid of 2ᵏ + 1 samples.
pub const MAX_LEVEL: u32 = 12;

/// The errors of all right triangles of a square field, ready to extract meshes at any error.
#[derive(Debug)]
pub struct Rtin<'a> {
    field: &'a HeightField,
    /// Cells along a side, a power of two.
    cells: u32,
    /// Per sample: the error, metres, that remains if the triangles whose longest side it halves are not split.
    errors: Vec<f32>,
}

/// A triangle mesh of the ground in the plan's metres, counter-clockwise seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct TerrainMesh {
    /// Vertices; those of the ground first, then the lower ends of the skirt.
    pub positions: Vec<DVec3>,
    /// Three per triangle; those of the ground first, then the skirt.
    pub indices: Vec<u32>,
    /// How many of the vertices are on the ground.
    pub ground_vertices: usize,
    /// How many of the indices are the ground's.
    pub ground_indices: usize,
}

/// Why no network can be made of a field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RtinError {
    /// Not square, or a side is not 2ᵏ + 1.
    #[error(
        "a right-triangulated network needs 2^k + 1 samples on both sides, k from 1 to {MAX_LEVEL}; got {columns} × {rows}"
    )]
    Shape {
        /// Samples from west to east.
        columns: u32,
        /// Samples from south to north.
        rows: u32,
    },
}

/// A sample as (column, row).
type Sample = (u32, u32);

/// A right triangle by the ends of its longest side and its apex; clockwise seen from above.
#[derive(Clone, Copy)]
struct Triangle {
    begin: Sample,
    end: Sample,
    apex: Sample,
}

impl<'a> Rtin<'a> {
    /// Measures all triangles of a field. Takes time in proportion to samples × log samples.
    pub fn new(field: &'a HeightField) -> Result<Self, RtinError> {
        let (columns, rows) = (field.columns(), field.rows());
        let cells = columns - 1;
        if columns != rows || !cells.is_power_of_two() || !(2..=1 << MAX_LEVEL).contains(&cells) {
            return Err(RtinError::Shape { columns, rows });
        }
        let mut rtin = Self { field, cells, errors: vec![0.0; columns as usize * rows as usize] };
        // From the smallest triangles up, so that a triangle's error covers those of the triangles it would be split
        // into, and of their neighbours across a shared side: whatever is split, no vertex hangs on an edge.
        for level in (0..2 * cells.ilog2()).rev() {
            for path in 0..2u64 << level {
                let triangle = rtin.triangle(level, path);
                let error = rtin.measure(triangle);
                let middle = rtin.index(triangle.middle());
                let children = triangle.split().map(|child| rtin.error_at_middle(child));
                let error = error.max(children[0]).max(children[1]);
                if let Some(slot) = rtin.errors.get_mut(middle) {
                    *slot = slot.max(error);
                }
            }
        }
        Ok(rtin)
    }
    /// The coarsest mesh of the network whose surface is within `max_error_m` of every sample, in height. A skirt of
    /// depth `skirt_m` hangs from the border if it is positive.
    ///
    /// Around absent samples the mesh is as fine as the grid, and triangles with an absent corner are left out.
    pub fn mesh(&self, max_error_m: f64, skirt_m: f64) -> TerrainMesh {
        let mut builder = Builder {
            mesh: TerrainMesh {
                positions: Vec::new(),
                indices: Vec::new(),
                ground_vertices: 0,
                ground_indices: 0,
            },
            vertex_of_sample: vec![u32::MAX; self.errors.len()],
        };
        // At most one triangle waits at each level of each half.
        let mut waiting: Vec<Triangle> = (0..2).rev().map(|path| self.triangle(0, path)).collect();
        let mut border = Vec::new();
        while let Some(triangle) = waiting.pop() {
            if f64::from(self.error_at_middle(triangle)) > max_error_m {
                let [left, right] = triangle.split();
                waiting.extend([right, left]);
                continue;
            }
            let samples = [triangle.begin, triangle.apex, triangle.end];
            if samples.iter().any(|&(column, row)| self.field.sample(column, row).is_none()) {
                continue;
            }
            let vertices = samples.map(|sample| builder.vertex(self, sample));
            builder.mesh.indices.extend(vertices);
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                if self.on_border(samples[from], samples[to]) {
                    border.push([vertices[from], vertices[to]]);
                }
            }
        }
        let mut mesh = builder.mesh;
        mesh.ground_vertices = mesh.positions.len();
        mesh.ground_indices = mesh.indices.len();
        if skirt_m > 0.0 {
            mesh.hang_skirt(&border, skirt_m);
        }
        mesh
    }

    /// The triangle that `level` splits lead to; the bits of `path` say which half each time, the highest which of the
    /// two triangles that make up the square.
    fn triangle(&self, level: u32, path: u64) -> Triangle {
        let n = self.cells;
        let root = if path >> level & 1 == 0 {
            Triangle { begin: (0, 0), end: (n, n), apex: (n, 0) }
        } else {
            Triangle { begin: (n, n), end: (0, 0), apex: (0, n) }
        };
        (0..level).rev().fold(root, |triangle, bit| {
            let [left, right] = triangle.split();
            if path >> bit & 1 == 0 { left } else { right }
        })
    }
    fn index(&self, (column, row): Sample) -> usize {
        row as usize * (self.cells as usize + 1) + column as usize
    }
    fn error_at_middle(&self, triangle: Triangle) -> f32 {
        if !triangle.can_split() {
            return 0.0;
        }
        self.errors.get(self.index(triangle.middle())).copied().unwrap_or(0.0)
    }
    fn on_border(&self, a: Sample, b: Sample) -> bool {
        let along = |a: u32, b: u32| a == b && (a == 0 || a == self.cells);
        along(a.0, b.0) || along(a.1, b.1)
    }
    /// Greatest difference in height between the triangle's plane and the samples in it; infinite where one is absent.
    fn measure(&self, triangle: Triangle) -> f32 {
        let Triangle { begin, end, apex } = triangle;
        let wide = |(column, row): Sample| (i64::from(column), i64::from(row));
        let [a, b, c] = [begin, end, apex].map(wide);
        let [ha, hb, hc] = [begin, end, apex].map(|(column, row)| f64::from(self.field.raw(column, row)));
        let twice_area = |p: (i64, i64), q: (i64, i64), r: (i64, i64)| {
            (q.1 - p.1) * (r.0 - p.0) - (q.0 - p.0) * (r.1 - p.1)
        };
        let whole = twice_area(a, b, c) as f64;
        let range = |p: u32, q: u32, r: u32| p.min(q).min(r)..=p.max(q).max(r);
        let mut worst = 0.0;
        for row in range(begin.1, end.1, apex.1) {
            for column in range(begin.0, end.0, apex.0) {
                let p = wide((column, row));
                let (at_a, at_b, at_c) = (twice_area(p, b, c), twice_area(a, p, c), twice_area(a, b, p));
                if at_a < 0 || at_b < 0 || at_c < 0 {
                    continue;
                }
                let plane = (ha * at_a as f64 + hb * at_b as f64 + hc * at_c as f64) / whole;
                let difference = (plane - f64::from(self.field.raw(column, row))).abs();
                if difference.is_nan() {
                    return f32::INFINITY;
                }
                worst = f64::max(worst, difference);
            }
        }
        let rounded = worst as f32;
        if f64::from(rounded) < worst { rounded.next_up() } else { rounded }
    }
}

impl Triangle {
    fn middle(self) -> Sample {
        ((self.begin.0 + self.end.0) / 2, (self.begin.1 + self.end.1) / 2)
    }
    /// Whether the longest side has a sample in its middle.
    fn can_split(self) -> bool {
        self.begin.0.abs_diff(self.end.0).max(self.begin.1.abs_diff(self.end.1)) > 1
    }
    fn split(self) -> [Self; 2] {
        let middle = self.middle();
        [
            Self { begin: self.apex, end: self.begin, apex: middle },
            Self { begin: self.end, end: self.apex, apex: middle },
        ]
    }
}

struct Builder {
    mesh: TerrainMesh,
    vertex_of_sample: Vec<u32>,
}

impl Builder {
    fn vertex(&mut self, rtin: &Rtin<'_>, sample: Sample) -> u32 {
        let next = self.mesh.positions.len() as u32;
        let Some(vertex) = self.vertex_of_sample.get_mut(rtin.index(sample)) else {
            return next;
        };
        if *vertex == u32::MAX {
            *vertex = next;
            let height_m = rtin.field.raw(sample.0, sample.1);
            self.mesh.positions.push(rtin.field.position(sample.0, sample.1).extend(height_m.into()));
        }
        *vertex
    }
}

impl TerrainMesh {
    /// Triangles of the mesh, skirt included.
    pub fn triangle_count(&self) -> usize {
        self.indices.len() / 3
    }

    /// Hangs two triangles from each border edge, whose ends run counter-clockwise around the ground.
    fn hang_skirt(&mut self, border: &[[u32; 2]], skirt_m: f64) {
        let mut lower_of = vec![u32::MAX; self.ground_vertices];
        let mut lower = |positions: &mut Vec<DVec3>, vertex: u32| {
            let slot = &mut lower_of[vertex as usize];
            if *slot == u32::MAX {
                *slot = positions.len() as u32;
                let top = positions[vertex as usize];
                positions.push(top - DVec3::Z * skirt_m);
            }
            *slot
        };
        for &[from, to] in border {
            let (below_from, below_to) = (lower(&mut self.positions, from), lower(&mut self.positions, to));
            self.indices.extend([from, below_from, to, to, below_from, below_to]);
        }
    }
}
