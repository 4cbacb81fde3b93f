//! Ground cut away where something else shows it better.

use std::collections::HashMap;

use glam::{DVec2, DVec3};
use spade::{ConstrainedDelaunayTriangulation, HasPosition, Point2, Triangulation};

use crate::{PlanRect, TerrainMesh};

/// Most corners of a cut-out.
pub const MAX_CORNERS: usize = 100_000;

/// An area of the plan, by rings; what lies within an odd number of them is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct CutOut {
    /// Sides of all rings.
    sides: Vec<[DVec2; 2]>,
    bounds: PlanRect,
}

/// Why there is no such area.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CutOutError {
    /// A corner is not finite.
    #[error("corner {corner} of ring {ring} is not finite")]
    Corner {
        /// The ring.
        ring: usize,
        /// The corner of the ring.
        corner: usize,
    },
    /// No ring has three corners, or all have too many.
    #[error("{0} corners: at least 3 and at most {MAX_CORNERS} are needed")]
    Corners(usize),
}

impl CutOut {
    /// An area by its rings, in either direction, the last corner being joined to the first. Rings of fewer than three
    /// corners are left out.
    ///
    /// # Errors
    /// Corners that are not finite, none, or too many.
    pub fn new(rings: &[Vec<DVec2>]) -> Result<Self, CutOutError> {
        for (ring, corners) in rings.iter().enumerate() {
            if let Some(corner) = corners.iter().position(|corner| !corner.is_finite()) {
                return Err(CutOutError::Corner { ring, corner });
            }
        }
        let count = rings.iter().map(Vec::len).filter(|len| *len >= 3).sum();
        if count == 0 || count > MAX_CORNERS {
            return Err(CutOutError::Corners(count));
        }
        let sides: Vec<[DVec2; 2]> = rings
            .iter()
            .filter(|ring| ring.len() >= 3)
            .flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [*a, *b]))
            .filter(|[a, b]| a != b)
            .collect();
        let fold = |pick: fn(DVec2, DVec2) -> DVec2, from: DVec2| {
            sides.iter().fold(from, |found, side| pick(found, pick(side[0], side[1])))
        };
        let bounds =
            PlanRect { low: fold(DVec2::min, DVec2::INFINITY), high: fold(DVec2::max, DVec2::NEG_INFINITY) };
        Ok(Self { sides, bounds })
    }
    /// Sides of all rings.
    pub fn sides(&self) -> impl Iterator<Item = [DVec2; 2]> + '_ {
        self.sides.iter().copied()
    }
    /// What holds all corners.
    pub fn bounds(&self) -> PlanRect {
        self.bounds
    }
    /// Whether a place lies in the area.
    pub fn contains(&self, place: DVec2) -> bool {
        let crossings = self.sides.iter().filter(|[a, b]| {
            (a.y > place.y) != (b.y > place.y)
                && place.x < a.x + (b.x - a.x) * ((place.y - a.y) / (b.y - a.y))
        });
        crossings.count() % 2 == 1
    }
}

impl TerrainMesh {
    /// The ground outside of some areas, without skirt. Triangles on their borders are cut exactly along them; cuts
    /// across an edge that two triangles, or two tiles, share are at the same place in both.
    pub fn cut_away(&self, areas: &[CutOut]) -> Self {
        let mut cut = Cutter::default();
        for corners in self.indices[..self.ground_indices].chunks_exact(3) {
            let triangle = [corners[0], corners[1], corners[2]].map(|index| self.positions[index as usize]);
            let places = triangle.map(DVec3::truncate);
            let low = places[0].min(places[1]).min(places[2]);
            let high = places[0].max(places[1]).max(places[2]);
            let touches = |bounds: &PlanRect| low.cmple(bounds.high).all() && high.cmpge(bounds.low).all();
            let near: Vec<&CutOut> = areas.iter().filter(|area| touches(&area.bounds)).collect();
            if near.is_empty() {
                cut.push(triangle);
                continue;
            }
            let sides: Vec<[DVec2; 2]> = near
                .iter()
                .flat_map(|area| &area.sides)
                .filter(|[a, b]| a.min(*b).cmple(high).all() && a.max(*b).cmpge(low).all())
                .copied()
                .collect();
            let is_outside = |place: DVec2| !near.iter().any(|area| area.contains(place));
            let pieces = if sides.is_empty() { Vec::new() } else { split(triangle, &sides) };
            if pieces.is_empty() {
                if is_outside((places[0] + places[1] + places[2]) / 3.0) {
                    cut.push(triangle);
                }
                continue;
            }
            for piece in pieces {
                if is_outside(piece.map(DVec3::truncate).iter().sum::<DVec2>() / 3.0) {
                    cut.push(piece);
                }
            }
        }
        let mut mesh = cut.mesh;
        mesh.ground_vertices = mesh.positions.len();
        mesh.ground_indices = mesh.indices.len();
        mesh
    }
}

/// Collects triangles; corners at the same place are one vertex.
#[derive(Default)]
struct Cutter {
    mesh: TerrainMesh,
    vertex_at: HashMap<[u64; 3], u32>,
}

impl Cutter {
    fn push(&mut self, triangle: [DVec3; 3]) {
        for corner in triangle {
            let key = corner.to_array().map(|x| (x + 0.0).to_bits());
            let next = self.mesh.positions.len() as u32;
            let vertex = *self.vertex_at.entry(key).or_insert(next);
            if vertex == next {
                self.mesh.positions.push(corner);
            }
            self.mesh.indices.push(vertex);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Vertex {
    point: DVec3,
}

impl HasPosition for Vertex {
    type Scalar = f64;
    fn position(&self) -> Point2<f64> {
        Point2::new(self.point.x, self.point.y)
    }
}

/// Cuts a triangle along lines; nothing if none crosses it.
fn split(triangle: [DVec3; 3], sides: &[[DVec2; 2]]) -> Vec<[DVec3; 3]> {
    // Coordinates from a corner, so that small numbers stay exact. The corner is the same for both triangles at an
    // edge only by chance, so places on edges are found before.
    let mut on_edges: [Vec<(f64, DVec3)>; 3] = Default::default();
    let mut lines: Vec<[DVec3; 2]> = Vec::new();
    for &side in sides {
        let mut hits: Vec<(f64, DVec3)> = Vec::new();
        for (edge, found) in on_edges.iter_mut().enumerate() {
            let (p, q) = (triangle[edge], triangle[(edge + 1) % 3]);
            if let Some((along_edge, along_side, point)) = crossing(p, q, side) {
                found.push((along_edge, point));
                hits.push((along_side, point));
            }
        }
        hits.extend(triangle.into_iter().filter_map(|corner| Some((passes(corner, side)?, corner))));
        let ends = [(0.0, side[0]), (1.0, side[1])];
        hits.extend(ends.into_iter().filter_map(|(t, end)| Some((t, on_plane(triangle, end)?))));
        hits.sort_by(|a, b| a.0.total_cmp(&b.0));
        lines.extend(hits.windows(2).map(|pair| [pair[0].1, pair[1].1]).filter(|[a, b]| a != b));
    }
    if lines.is_empty() && on_edges.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    triangulate(triangle, on_edges, &lines).unwrap_or_default()
}

/// Where an edge crosses a line: how far along the edge, and the line, and the point on the edge. The same for both
/// directions of the edge.
fn crossing(p: DVec3, q: DVec3, [a, b]: [DVec2; 2]) -> Option<(f64, f64, DVec3)> {
    let is_turned = (p.x, p.y) > (q.x, q.y);
    let (from, to) = if is_turned { (q, p) } else { (p, q) };
    let (edge, line) = ((to - from).truncate(), b - a);
    let across = edge.perp_dot(line);
    let offset = a - from.truncate();
    let (t, s) = (offset.perp_dot(line) / across, offset.perp_dot(edge) / across);
    if !(t > 0.0 && t < 1.0 && (0.0..=1.0).contains(&s)) {
        return None;
    }
    // Not `lerp`, which may leave an edge that runs along an axis by a rounding.
    Some((if is_turned { 1.0 - t } else { t }, s, from + (to - from) * t))
}

/// How far along a line a point lies, if it lies exactly on it.
fn passes(point: DVec3, [a, b]: [DVec2; 2]) -> Option<f64> {
    let (line, offset) = (b - a, point.truncate() - a);
    let along = offset.dot(line) / line.length_squared();
    (offset.perp_dot(line) == 0.0 && (0.0..=1.0).contains(&along)).then_some(along)
}

/// The point of a triangle's plane over a place strictly inside of it.
fn on_plane([a, b, c]: [DVec3; 3], place: DVec2) -> Option<DVec3> {
    let part = |p: DVec3, q: DVec3| (p.truncate() - place).perp_dot(q.truncate() - place);
    let (u, v, w) = (part(b, c), part(c, a), part(a, b));
    let inside = u > 0.0 && v > 0.0 && w > 0.0;
    inside.then(|| place.extend((a.z * u + b.z * v + c.z * w) / (u + v + w)))
}

/// Triangles of a triangle with points on its edges and lines in it; `None` if rounding makes that impossible.
fn triangulate(
    triangle: [DVec3; 3],
    on_edges: [Vec<(f64, DVec3)>; 3],
    lines: &[[DVec3; 2]],
) -> Option<Vec<[DVec3; 3]>> {
    let origin = triangle[0];
    let local = |point: DVec3| {
        // Numbers too close to zero are refused; a picometre is zero enough.
        let clean = |x: f64| if x.abs() < 1e-12 { 0.0 } else { x };
        let from = point - origin;
        Vertex { point: DVec3::new(clean(from.x), clean(from.y), point.z) }
    };
    let mut net = ConstrainedDelaunayTriangulation::<Vertex>::new();
    // The exact points by the handles of their vertices: the triangulation has them from the origin, rounded.
    let mut exact: HashMap<usize, DVec3> = HashMap::new();
    let mut border = Vec::new();
    for (edge, mut points) in on_edges.into_iter().enumerate() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        for point in std::iter::once(triangle[edge]).chain(points.into_iter().map(|(_, point)| point)) {
            let handle = net.insert(local(point)).ok()?;
            exact.entry(handle.index()).or_insert(point);
            border.push(handle);
        }
    }
    for pair in border.iter().zip(border.iter().cycle().skip(1)) {
        if pair.0 != pair.1 && net.can_add_constraint(*pair.0, *pair.1) {
            net.add_constraint(*pair.0, *pair.1);
        }
    }
    for line in lines {
        let [from, to] = [net.insert(local(line[0])).ok()?, net.insert(local(line[1])).ok()?];
        exact.entry(from.index()).or_insert(line[0]);
        exact.entry(to.index()).or_insert(line[1]);
        if from != to {
            // Lines that cross each other are cut there.
            net.add_constraint_and_split(from, to, |place| {
                let place = DVec2::new(place.x, place.y);
                let height = plane_height(triangle, place + origin.truncate());
                Vertex { point: place.extend(height) }
            });
        }
    }
    let whole = (triangle[1] - origin).truncate().perp_dot((triangle[2] - origin).truncate());
    let pieces = net.inner_faces().filter_map(|face| {
        let corners = face.vertices().map(|vertex| {
            let rounded = vertex.data().point;
            let from_origin = DVec3::new(rounded.x + origin.x, rounded.y + origin.y, rounded.z);
            exact.get(&vertex.fix().index()).copied().unwrap_or(from_origin)
        });
        let [a, b, c] = corners;
        let area = (b - a).truncate().perp_dot((c - a).truncate());
        // Points on an edge lie a rounding beside it, which leaves slivers without area.
        (area > whole * 1e-12).then_some(corners)
    });
    Some(pieces.collect())
}

fn plane_height([a, b, c]: [DVec3; 3], place: DVec2) -> f64 {
    let part = |p: DVec3, q: DVec3| (p.truncate() - place).perp_dot(q.truncate() - place);
    let (u, v, w) = (part(b, c), part(c, a), part(a, b));
    (a.z * u + b.z * v + c.z * w) / (u + v + w)
}
