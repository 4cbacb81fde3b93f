//! Triangle meshes of the ground.

use glam::DVec3;

/// A triangle mesh of the ground in the plan's metres, counter-clockwise seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
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

impl TerrainMesh {
    /// Triangles of the mesh, skirt included.
    pub fn triangle_count(&self) -> usize {
        self.indices.len() / 3
    }
    /// Hangs a skirt of a depth in metres from every edge that has a triangle on one side only.
    pub fn hang_skirt_from_border(&mut self, skirt_m: f64) {
        if skirt_m > 0.0 && self.ground_indices == self.indices.len() {
            let border = self.border();
            self.hang_skirt(&border, skirt_m);
        }
    }
    /// Edges of the ground with a triangle on one side only, in the direction of that triangle.
    pub fn border(&self) -> Vec<[u32; 2]> {
        let edges = |triangle: &[u32]| {
            [[triangle[0], triangle[1]], [triangle[1], triangle[2]], [triangle[2], triangle[0]]]
        };
        let mut all: Vec<[u32; 2]> =
            self.indices[..self.ground_indices].chunks_exact(3).flat_map(edges).collect();
        let in_order = all.clone();
        all.sort_unstable();
        in_order.into_iter().filter(|&[from, to]| all.binary_search(&[to, from]).is_err()).collect()
    }

    /// Hangs two triangles from each border edge, whose ends run counter-clockwise around the ground.
    pub(crate) fn hang_skirt(&mut self, border: &[[u32; 2]], skirt_m: f64) {
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
