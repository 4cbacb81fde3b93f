//! Outlines of buildings.

use robust::{Coord, orient2d};

/// Farthest from the plan's origin that a vertex may lie, metres; beyond it coordinates are degrees of something else
/// gone wrong, and squares lose their digits.
pub const FARTHEST_M: f64 = 1e8;

/// The outline of a building: one outer ring and any number of holes, in metres. Borders belong to the building.
///
/// A point is inside if it lies inside an odd number of rings, so the direction of rings does not matter and
/// self-crossing outlines have a defined inside.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    building_id: String,
    /// Outer ring first; no ring repeats its first vertex.
    rings: Vec<Vec<[f64; 2]>>,
    low: [f64; 2],
    high: [f64; 2],
    area_m2: f64,
}

/// Why an outline was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FootprintError {
    /// A coordinate is not finite or absurdly far away.
    #[error("building {building_id}: vertex {vertex} of ring {ring} is at {east}, {north}")]
    Vertex {
        /// The building.
        building_id: String,
        /// Ring, 0 is the outer one.
        ring: usize,
        /// Vertex in the ring as given.
        vertex: usize,
        /// Its first coordinate.
        east: f64,
        /// Its second coordinate.
        north: f64,
    },
    /// A ring encloses nothing.
    #[error("building {building_id}: ring {ring} has no area")]
    Degenerate {
        /// The building.
        building_id: String,
        /// Ring, 0 is the outer one.
        ring: usize,
    },
}

impl Footprint {
    /// An outline from its rings; a repeated last vertex and vertices that repeat their predecessor are dropped.
    pub fn new(
        building_id: impl Into<String>,
        outer: Vec<[f64; 2]>,
        holes: Vec<Vec<[f64; 2]>>,
    ) -> Result<Self, FootprintError> {
        let building_id = building_id.into();
        let mut rings = Vec::with_capacity(1 + holes.len());
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for (ring, mut vertices) in std::iter::once(outer).chain(holes).enumerate() {
            for (vertex, &[east, north]) in vertices.iter().enumerate() {
                // Written so that NaN fails too.
                if !(east.abs() <= FARTHEST_M && north.abs() <= FARTHEST_M) {
                    return Err(FootprintError::Vertex { building_id, ring, vertex, east, north });
                }
                low = [low[0].min(east), low[1].min(north)];
                high = [high[0].max(east), high[1].max(north)];
            }
            vertices.dedup();
            while vertices.len() > 1 && vertices.first() == vertices.last() {
                vertices.pop();
            }
            if encloses_nothing(&vertices) {
                return Err(FootprintError::Degenerate { building_id, ring });
            }
            rings.push(vertices);
        }
        let area_of = |ring: &Vec<[f64; 2]>| signed_area(ring).abs();
        let area_m2 = rings.first().map_or(0.0, area_of) - rings.iter().skip(1).map(area_of).sum::<f64>();
        Ok(Self { building_id, rings, low, high, area_m2 })
    }
    /// The building's id.
    pub fn building_id(&self) -> &str {
        &self.building_id
    }
    /// Area inside the outer ring less that of the holes, m².
    pub fn area_m2(&self) -> f64 {
        self.area_m2
    }
    /// The rings, the outer one first; none repeats its first vertex.
    pub fn rings(&self) -> impl Iterator<Item = &[[f64; 2]]> {
        self.rings.iter().map(Vec::as_slice)
    }
    /// South-west and north-east corner of the box around the outline.
    pub fn extent(&self) -> ([f64; 2], [f64; 2]) {
        (self.low, self.high)
    }
    /// Whether a point is inside or on the border. Exact for the coordinates as given (adaptive-precision predicates,
    /// Shewchuk 1997).
    pub fn contains(&self, point: [f64; 2]) -> bool {
        let mut inside = false;
        for [a, b] in self.edges() {
            let side = side_of(a, b, point);
            let between = |k: usize| a[k].min(b[k]) <= point[k] && point[k] <= a[k].max(b[k]);
            if side == 0.0 && between(0) && between(1) {
                return true;
            }
            // Half-open in north, so that a vertex counts for one of its edges only.
            let crosses = (a[1] > point[1]) != (b[1] > point[1]);
            if crosses && (b[1] > a[1]) == (side > 0.0) {
                inside = !inside;
            }
        }
        inside
    }
    /// Squared distance from a point, m²; 0 inside.
    pub fn distance_squared(&self, point: [f64; 2]) -> f64 {
        if self.contains(point) {
            return 0.0;
        }
        self.edges().map(|[a, b]| segment_distance_squared(a, b, point)).fold(f64::INFINITY, f64::min)
    }

    fn edges(&self) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
        self.rings.iter().flat_map(|ring| {
            let next = ring.iter().cycle().skip(1);
            ring.iter().zip(next).map(|(&a, &b)| [a, b])
        })
    }
}

/// Positive if `point` lies left of the line from `a` to `b`; the sign is exact.
fn side_of(a: [f64; 2], b: [f64; 2], point: [f64; 2]) -> f64 {
    let coord = |[x, y]: [f64; 2]| Coord { x, y };
    orient2d(coord(a), coord(b), coord(point))
}

/// Whether all vertices lie on one line.
fn encloses_nothing(ring: &[[f64; 2]]) -> bool {
    let (Some(&first), Some(&second)) = (ring.first(), ring.get(1)) else {
        return true;
    };
    ring.iter().all(|&vertex| side_of(first, second, vertex) == 0.0)
}

/// Area of a ring, positive if counter-clockwise, measured from its first vertex to keep the digits.
fn signed_area(ring: &[[f64; 2]]) -> f64 {
    let Some(&[x0, y0]) = ring.first() else {
        return 0.0;
    };
    let twice: f64 = ring
        .windows(2)
        .map(|pair| (pair[0][0] - x0) * (pair[1][1] - y0) - (pair[1][0] - x0) * (pair[0][1] - y0))
        .sum();
    twice * 0.5
}

fn segment_distance_squared(a: [f64; 2], b: [f64; 2], point: [f64; 2]) -> f64 {
    let (edge, offset) = ([b[0] - a[0], b[1] - a[1]], [point[0] - a[0], point[1] - a[1]]);
    let length_squared = edge[0] * edge[0] + edge[1] * edge[1];
    let along = ((offset[0] * edge[0] + offset[1] * edge[1]) / length_squared).clamp(0.0, 1.0);
    let (east, north) = (offset[0] - edge[0] * along, offset[1] - edge[1] * along);
    east * east + north * north
}
