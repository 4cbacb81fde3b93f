//! Right-triangulated irregular networks (Evans, Kirkpatrick and Townsend 1997): meshes of a height field that are
//! nowhere farther from its samples than a given error.

pub(crate) mod errors;
mod mesh;
pub(crate) mod triangle;

use crate::HeightField;
use errors::Lattice;
pub use mesh::TerrainMesh;
use triangle::{Sample, Triangle};

/// Largest k of a grid of 2ᵏ + 1 samples.
pub const MAX_LEVEL: u32 = 12;

/// The errors of all right triangles of a square field, ready to extract meshes at any error.
#[derive(Debug)]
pub struct Rtin<'a> {
    field: &'a HeightField,
    /// Cells along a side, a power of two.
    cells: u32,
    errors: Vec<f32>,
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

impl<'a> Rtin<'a> {
    /// Measures all triangles of a field. Takes time in proportion to samples × log samples.
    pub fn new(field: &'a HeightField) -> Result<Self, RtinError> {
        let (columns, rows) = (field.columns(), field.rows());
        let cells = columns - 1;
        if columns != rows || !cells.is_power_of_two() || !(2..=1 << MAX_LEVEL).contains(&cells) {
            return Err(RtinError::Shape { columns, rows });
        }
        let mut heights = field.raw_heights().to_vec();
        let known: Vec<bool> = heights.iter().map(|height| !height.is_nan()).collect();
        heights.iter_mut().filter(|height| height.is_nan()).for_each(|height| *height = 0.0);
        let known = known.contains(&false).then_some(known.as_slice());
        let lattice =
            Lattice { heights: &heights, known, samples: columns as usize, tile_cells: cells as usize };
        Ok(Self { field, cells, errors: errors::measure(lattice) })
    }
    /// The coarsest mesh of the network whose surface is within `max_error_m` of every sample, in height. A skirt of
    /// depth `skirt_m` hangs from the border if it is positive.
    ///
    /// Around absent samples the mesh is as fine as the grid, and triangles with an absent corner are left out.
    pub fn mesh(&self, max_error_m: f64, skirt_m: f64) -> TerrainMesh {
        let mut mesh = TerrainMesh::default();
        let mut vertex_of_sample = vec![u32::MAX; self.errors.len()];
        let mut border = Vec::new();
        let error_m = |sample| self.errors.get(self.index(sample)).copied().unwrap_or(0.0);
        triangle::refine(Triangle::pair((0, 0), self.cells, true), max_error_m, error_m, |triangle| {
            let samples = triangle.corners();
            if samples.iter().any(|&(column, row)| self.field.sample(column, row).is_none()) {
                return;
            }
            let vertices = samples.map(|sample| {
                let next = mesh.positions.len() as u32;
                let slot = &mut vertex_of_sample[self.index(sample)];
                if *slot == u32::MAX {
                    *slot = next;
                    let height_m = self.field.raw(sample.0, sample.1);
                    mesh.positions.push(self.field.position(sample.0, sample.1).extend(height_m.into()));
                }
                *slot
            });
            mesh.indices.extend(vertices);
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                if self.on_border(samples[from], samples[to]) {
                    border.push([vertices[from], vertices[to]]);
                }
            }
        });
        mesh.ground_vertices = mesh.positions.len();
        mesh.ground_indices = mesh.indices.len();
        if skirt_m > 0.0 {
            mesh.hang_skirt(&border, skirt_m);
        }
        mesh
    }

    fn index(&self, (column, row): Sample) -> usize {
        row as usize * (self.cells as usize + 1) + column as usize
    }
    fn on_border(&self, a: Sample, b: Sample) -> bool {
        let along = |a: u32, b: u32| a == b && (a == 0 || a == self.cells);
        along(a.0, b.0) || along(a.1, b.1)
    }
}
