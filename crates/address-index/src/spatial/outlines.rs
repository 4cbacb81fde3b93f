//! The rings of many buildings in one array, and the exact questions about them.

use robust::{Coord, orient2d};

/// Rings of buildings, each closed by its first vertex.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlines {
    /// First ring of each building, and the number of rings.
    rings_at: Vec<u32>,
    /// First vertex of each ring, and the number of vertices.
    vertices_at: Vec<u32>,
    vertices: Vec<[f64; 2]>,
}

impl Outlines {
    pub(crate) fn with_capacity(buildings: usize, vertices: usize) -> Self {
        let (mut rings_at, mut vertices_at) =
            (Vec::with_capacity(buildings + 1), Vec::with_capacity(buildings + 1));
        rings_at.push(0);
        vertices_at.push(0);
        Self { rings_at, vertices_at, vertices: Vec::with_capacity(vertices + buildings) }
    }
    /// Adds a building; rings are not closed.
    pub(crate) fn push<'a>(&mut self, rings: impl Iterator<Item = &'a [[f64; 2]]>) {
        for ring in rings {
            self.vertices.extend_from_slice(ring);
            self.vertices.extend(ring.first());
            self.vertices_at.push(self.vertices.len() as u32);
        }
        self.rings_at.push(self.vertices_at.len() as u32 - 1);
    }
    fn rings(&self, building: u32) -> impl Iterator<Item = &[[f64; 2]]> {
        let at = |k: u32| self.rings_at.get(k as usize).copied().unwrap_or(0) as usize;
        let bounds = self.vertices_at.get(at(building)..at(building + 1) + 1).unwrap_or_default();
        bounds
            .windows(2)
            .map(|pair| self.vertices.get(pair[0] as usize..pair[1] as usize).unwrap_or_default())
    }
    /// Whether a point is inside or on the border: the same answer as [`crate::Footprint::contains`].
    #[inline]
    pub(crate) fn contains(&self, building: u32, [x, y]: [f64; 2]) -> bool {
        let mut inside = false;
        for ring in self.rings(building) {
            for edge in ring.windows(2) {
                let ([ax, ay], [bx, by]) = (edge[0], edge[1]);
                if (ay > y) != (by > y) {
                    let side = side_of([ax, ay], [bx, by], [x, y]);
                    if side == 0.0 {
                        return true;
                    }
                    if (by > ay) == (side > 0.0) {
                        inside = !inside;
                    }
                } else if ay == y || by == y {
                    // Only an edge that ends at this height can hold the point without crossing it.
                    let between = ax.min(bx) <= x && x <= ax.max(bx) && ay.min(by) <= y && y <= ay.max(by);
                    if between && side_of([ax, ay], [bx, by], [x, y]) == 0.0 {
                        return true;
                    }
                }
            }
        }
        inside
    }
    /// Squared distance of a point from the walls, m².
    #[inline]
    pub(crate) fn wall_distance_squared(&self, building: u32, [x, y]: [f64; 2]) -> f64 {
        let mut best = f64::INFINITY;
        for ring in self.rings(building) {
            for edge in ring.windows(2) {
                let (ex, ey) = (edge[1][0] - edge[0][0], edge[1][1] - edge[0][1]);
                let (ox, oy) = (x - edge[0][0], y - edge[0][1]);
                let along = ((ox * ex + oy * ey) / (ex * ex + ey * ey)).clamp(0.0, 1.0);
                let (dx, dy) = (ox - ex * along, oy - ey * along);
                best = best.min(dx * dx + dy * dy);
            }
        }
        best
    }
}

/// Positive if the point is left of the line: a filter first, exact where it does not decide (Shewchuk 1997).
#[inline]
fn side_of(a: [f64; 2], b: [f64; 2], point: [f64; 2]) -> f64 {
    let left = (a[0] - point[0]) * (b[1] - point[1]);
    let right = (a[1] - point[1]) * (b[0] - point[0]);
    let side = left - right;
    if side.abs() > 3.4e-16 * (left.abs() + right.abs()) {
        return side;
    }
    let coord = |[x, y]: [f64; 2]| Coord { x, y };
    orient2d(coord(a), coord(b), coord(point))
}
