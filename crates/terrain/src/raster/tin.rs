//! Delaunay triangulations of points, and rasters of them.

use glam::{DVec2, DVec3};
use spade::{DelaunayTriangulation, HasPosition, Point2, Triangulation};

use crate::CellGrid;

/// A Delaunay triangulation of points, linear in each triangle.
#[derive(Debug)]
pub struct Tin {
    /// Places are relative to it.
    origin: DVec2,
    triangulation: DelaunayTriangulation<Vertex>,
}

/// Why there is no triangulation.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TinError {
    /// Fewer than three different places, or all on one line.
    #[error("the {0} points span no area")]
    NoArea(usize),
    /// A coordinate that is no number, or too large.
    #[error("point {0} is not within 10⁹ m")]
    Coordinate(usize),
}

#[derive(Clone, Copy, Debug)]
struct Vertex {
    place: Point2<f64>,
    height_m: f64,
}

impl HasPosition for Vertex {
    type Scalar = f64;
    fn position(&self) -> Point2<f64> {
        self.place
    }
}

impl Tin {
    /// Triangulates points; of several at one place one is kept.
    ///
    /// # Errors
    /// A point that is not finite, or points that span no area.
    pub fn new(points: &[DVec3]) -> Result<Self, TinError> {
        if let Some(index) = points.iter().position(|p| !(p.is_finite() && p.abs().max_element() < 1e9)) {
            return Err(TinError::Coordinate(index));
        }
        let origin = points.first().map_or(DVec2::ZERO, |point| point.truncate().floor());
        let vertices = points.iter().map(|point| {
            // Numbers too close to zero are refused below; a picometre is zero enough.
            let place = (point.truncate() - origin).to_array().map(|x| if x.abs() < 1e-12 { 0.0 } else { x });
            Vertex { place: Point2::new(place[0], place[1]), height_m: point.z }
        });
        let triangulation = DelaunayTriangulation::bulk_load(vertices.collect())
            .map_err(|_| TinError::NoArea(points.len()))?;
        if triangulation.num_inner_faces() == 0 {
            return Err(TinError::NoArea(points.len()));
        }
        Ok(Self { origin, triangulation })
    }
    /// Number of triangles.
    pub fn triangle_count(&self) -> usize {
        self.triangulation.num_inner_faces()
    }
    /// Corners of all triangles, counter-clockwise.
    pub fn triangles(&self) -> impl Iterator<Item = [DVec3; 3]> + '_ {
        self.triangulation.inner_faces().map(|face| {
            face.vertices().map(|vertex| {
                let Vertex { place, height_m } = *vertex.data();
                (DVec2::new(place.x, place.y) + self.origin).extend(height_m)
            })
        })
    }
    /// Hands the height at the centre of each cell within a triangle to `write`, except for triangles with a side
    /// longer than `max_side_m`. Centres on a shared side may come twice, with the same height to rounding.
    pub fn rasterize(&self, grid: &CellGrid, max_side_m: f64, mut write: impl FnMut(usize, f64)) {
        for [a, b, c] in self.triangles() {
            let side = |p: DVec3, q: DVec3| p.truncate().distance_squared(q.truncate());
            if side(a, b).max(side(b, c)).max(side(c, a)) <= max_side_m * max_side_m {
                rasterize_triangle(grid, [a, b, c], &mut write);
            }
        }
    }
}

/// Cell centres within a triangle, its border included.
fn rasterize_triangle(grid: &CellGrid, corners: [DVec3; 3], write: &mut impl FnMut(usize, f64)) {
    let [a, b, c] = corners.map(|corner| (grid.in_cells(corner.truncate()) - 0.5).extend(corner.z));
    let (u, v) = (b - a, c - a);
    let area = u.truncate().perp_dot(v.truncate());
    // Rise per cell towards east and north.
    let rise = DVec2::new(u.z * v.y - v.z * u.y, v.z * u.x - u.z * v.x) / area;
    if !rise.is_finite() {
        return;
    }
    let last = f64::from(grid.rows() - 1);
    let (low, high) = (a.y.min(b.y).min(c.y).ceil().max(0.0), a.y.max(b.y).max(c.y).floor().min(last));
    let mut y = low;
    while y <= high {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for (p, q) in [(a, b), (b, c), (c, a)] {
            if (p.y - y) * (q.y - y) <= 0.0 {
                if p.y == q.y {
                    (from, to) = (from.min(p.x.min(q.x)), to.max(p.x.max(q.x)));
                } else {
                    let x = p.x + (q.x - p.x) * ((y - p.y) / (q.y - p.y));
                    (from, to) = (from.min(x), to.max(x));
                }
            }
        }
        let (from, to) = (from.ceil().max(0.0), to.floor().min(f64::from(grid.columns() - 1)));
        let mut x = from;
        while x <= to {
            let index = y as usize * grid.columns() as usize + x as usize;
            write(index, a.z + rise.dot(DVec2::new(x - a.x, y - a.y)));
            x += 1.0;
        }
        y += 1.0;
    }
}
