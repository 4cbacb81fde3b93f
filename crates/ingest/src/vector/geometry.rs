//! Geometries in degrees or in a plan, and a plane around a place to measure them in.

/// Longitude and latitude in degrees, or east and north in metres.
pub type Position = [f64; 2];

/// Rings, the first of which is the outer one. Closed: the last position is the first again.
pub type Polygon = Vec<Vec<Position>>;

/// Where something lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Geometry {
    /// One or more points.
    Points(Vec<Position>),
    /// One or more lines.
    Lines(Vec<Vec<Position>>),
    /// One or more areas.
    Polygons(Vec<Polygon>),
}

impl Geometry {
    /// All positions.
    pub fn positions(&self) -> Box<dyn Iterator<Item = &Position> + '_> {
        match self {
            Self::Points(points) => Box::new(points.iter()),
            Self::Lines(lines) => Box::new(lines.iter().flatten()),
            Self::Polygons(polygons) => Box::new(polygons.iter().flatten().flatten()),
        }
    }

    /// Whether it has no position.
    pub fn is_empty(&self) -> bool {
        self.positions().next().is_none()
    }

    /// All positions, to be changed.
    pub fn positions_mut(&mut self) -> Box<dyn Iterator<Item = &mut Position> + '_> {
        match self {
            Self::Points(points) => Box::new(points.iter_mut()),
            Self::Lines(lines) => Box::new(lines.iter_mut().flatten()),
            Self::Polygons(polygons) => Box::new(polygons.iter_mut().flatten().flatten()),
        }
    }

    /// Least and greatest coordinates; `None` without a position.
    pub fn bounds(&self) -> Option<[Position; 2]> {
        bounds_of(self.positions())
    }

    /// Polygons, if it is some.
    pub fn polygons(&self) -> &[Polygon] {
        match self {
            Self::Polygons(polygons) => polygons,
            _ => &[],
        }
    }

    /// What it is called in GeoJSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Points(list) if list.len() == 1 => "Point",
            Self::Points(_) => "MultiPoint",
            Self::Lines(list) if list.len() == 1 => "LineString",
            Self::Lines(_) => "MultiLineString",
            Self::Polygons(list) if list.len() == 1 => "Polygon",
            Self::Polygons(_) => "MultiPolygon",
        }
    }

    /// A place in or on it that stands for it: the first point, the middle of the longest line, the centroid of the largest
    /// area.
    pub fn middle(&self) -> Option<Position> {
        match self {
            Self::Points(points) => points.first().copied(),
            Self::Lines(lines) => {
                let longest = lines.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?;
                along(longest, length(longest) / 2.0)
            }
            Self::Polygons(polygons) => {
                let rings = polygons.iter().filter_map(|polygon| polygon.first());
                let largest = rings.max_by(|a, b| ring_area(a).abs().total_cmp(&ring_area(b).abs()))?;
                centroid(largest)
            }
        }
    }

    /// Whether a position lies in one of its areas.
    pub fn contains(&self, at: Position) -> bool {
        self.polygons().iter().any(|polygon| is_in_polygon(polygon, at))
    }
}

/// Signed area of a ring, positive when it runs against the clock; square units of its coordinates.
pub fn ring_area(ring: &[Position]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    let from = |p: Position| [p[0] - origin[0], p[1] - origin[1]];
    let doubled: f64 = ring
        .iter()
        .zip(ring.iter().cycle().skip(1))
        .map(|(a, b)| (from(*a), from(*b)))
        .map(|(a, b)| a[0] * b[1] - a[1] * b[0])
        .sum();
    doubled / 2.0
}

/// Area of polygons less their holes, in square units of their coordinates.
pub fn area_deg2(polygons: &[Polygon]) -> f64 {
    polygons
        .iter()
        .map(|polygon| {
            let mut rings = polygon.iter().map(|ring| ring_area(ring).abs());
            let outer = rings.next().unwrap_or(0.0);
            outer - rings.sum::<f64>()
        })
        .sum()
}

pub(super) fn bounds_of<'a>(positions: impl Iterator<Item = &'a Position>) -> Option<[Position; 2]> {
    positions.map(|p| [*p, *p]).reduce(|[low, high], [p, _]| {
        [[low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])]]
    })
}

/// Whether a ring goes around a position.
pub(super) fn is_in_ring(ring: &[Position], at: Position) -> bool {
    ring.iter().zip(ring.iter().cycle().skip(1)).fold(false, |inside, (a, b)| {
        let crosses = (a[1] > at[1]) != (b[1] > at[1])
            && at[0] < (b[0] - a[0]) * ((at[1] - a[1]) / (b[1] - a[1])) + a[0];
        inside != crosses
    })
}

fn is_in_polygon(polygon: &Polygon, at: Position) -> bool {
    polygon.iter().fold(false, |inside, ring| inside != is_in_ring(ring, at))
}

fn centroid(ring: &[Position]) -> Option<Position> {
    let &origin = ring.first()?;
    let mut sum = [0.0; 3];
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (ax, ay) = (a[0] - origin[0], a[1] - origin[1]);
        let (bx, by) = (b[0] - origin[0], b[1] - origin[1]);
        let cross = ax * by - ay * bx;
        sum = [sum[0] + (ax + bx) * cross, sum[1] + (ay + by) * cross, sum[2] + cross];
    }
    if sum[2] == 0.0 {
        return Some(origin);
    }
    Some([origin[0] + sum[0] / (3.0 * sum[2]), origin[1] + sum[1] / (3.0 * sum[2])])
}

pub(super) fn length(line: &[Position]) -> f64 {
    line.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
}

fn distance(a: Position, b: Position) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The place at a distance from the beginning of a line.
fn along(line: &[Position], mut left: f64) -> Option<Position> {
    for pair in line.windows(2) {
        let step = distance(pair[0], pair[1]);
        if step >= left && step > 0.0 {
            let t = left / step;
            return Some([0, 1].map(|i| pair[0][i] + (pair[1][i] - pair[0][i]) * t));
        }
        left -= step;
    }
    line.last().copied()
}

/// Groups rings into polygons by what lies in what, whichever way they run.
pub(super) fn polygons_of_rings(rings: Vec<Vec<Position>>) -> Vec<Polygon> {
    /// With more rings the way they run is believed: outer ones clockwise, as Shapefiles have it.
    const MAX_COMPARED: usize = 3_000;
    if rings.len() == 1 {
        return vec![rings];
    }
    let mut sorted: Vec<(f64, Vec<Position>)> =
        rings.into_iter().map(|ring| (ring_area(&ring), ring)).collect();
    let by_direction = sorted.len() > MAX_COMPARED;
    if !by_direction {
        sorted.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    }
    let mut polygons: Vec<Polygon> = Vec::new();
    // For each ring so far: its polygon, its bounds, and whether it is a hole.
    let mut placed: Vec<(usize, [Position; 2], bool)> = Vec::new();
    let mut all: Vec<Vec<Position>> = Vec::new();
    for (area, ring) in sorted {
        let Some(bounds) = bounds_of(ring.iter()) else { continue };
        let inside = if by_direction {
            None
        } else {
            // The smallest ring so far that goes around most of this one.
            placed.iter().zip(&all).rev().find(|((_, outer, _), other)| {
                (0..2).all(|i| outer[0][i] <= bounds[0][i] && outer[1][i] >= bounds[1][i])
                    && ring.iter().filter(|p| is_in_ring(other, **p)).count() * 2 > ring.len()
            })
        };
        let (polygon, is_hole) = match inside {
            Some(((polygon, _, false), _)) => (*polygon, true),
            _ if by_direction && area > 0.0 && !polygons.is_empty() => (polygons.len() - 1, true),
            _ => {
                polygons.push(Vec::new());
                (polygons.len() - 1, false)
            }
        };
        if let Some(polygon) = polygons.get_mut(polygon) {
            polygon.push(ring.clone());
        }
        placed.push((polygon, bounds, is_hole));
        all.push(ring);
    }
    polygons
}

/// A plane touching the ellipsoid at a place: near it, degrees become metres. Right to a thousandth within 30 km.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    origin: Position,
    metres_per_degree: [f64; 2],
}

impl Plane {
    /// Around a place, degrees.
    pub fn around(origin: Position) -> Self {
        // Radii of curvature of the WGS 84 ellipsoid.
        const AXIS_M: f64 = 6_378_137.0;
        const E2: f64 = 0.006_694_379_990_14;
        let lat = origin[1].to_radians();
        let w = 1.0 - E2 * lat.sin().powi(2);
        let east = (AXIS_M / w.sqrt() * lat.cos()).to_radians();
        let north = (AXIS_M * (1.0 - E2) / (w * w.sqrt())).to_radians();
        Self { origin, metres_per_degree: [east.max(1e-3), north] }
    }

    /// East and north of its origin, metres.
    pub fn metres(&self, at: Position) -> Position {
        [0, 1].map(|i| (at[i] - self.origin[i]) * self.metres_per_degree[i])
    }

    /// Longitude and latitude, degrees.
    pub fn degrees(&self, at: Position) -> Position {
        [0, 1].map(|i| at[i] / self.metres_per_degree[i] + self.origin[i])
    }

    /// Polygons in metres.
    pub fn polygons(&self, polygons: &[Polygon]) -> Vec<Polygon> {
        let ring = |ring: &Vec<Position>| ring.iter().map(|p| self.metres(*p)).collect();
        polygons.iter().map(|polygon| polygon.iter().map(ring).collect()).collect()
    }

    /// Distance from a place to the edge of polygons, metres.
    pub fn distance_to_edge_m(&self, polygons: &[Polygon], at: Position) -> f64 {
        let at = self.metres(at);
        let rings = polygons.iter().flatten();
        let edges = rings.flat_map(|ring| ring.iter().zip(ring.iter().skip(1)));
        edges
            .map(|(a, b)| {
                let (a, b) = (self.metres(*a), self.metres(*b));
                let way = [b[0] - a[0], b[1] - a[1]];
                let square = way[0] * way[0] + way[1] * way[1];
                let t = ((at[0] - a[0]) * way[0] + (at[1] - a[1]) * way[1]) / square.max(1e-18);
                let t = t.clamp(0.0, 1.0);
                distance(at, [a[0] + way[0] * t, a[1] + way[1] * t])
            })
            .fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, side: f64) -> Vec<Position> {
        vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    }

    #[test]
    fn rings_are_grouped_by_what_lies_in_what() {
        // An island with a lake with an island, and a neighbour; whichever way they run.
        let mut lake = square(2.0, 2.0, 6.0);
        lake.reverse();
        let rings = vec![square(4.0, 4.0, 2.0), square(20.0, 0.0, 3.0), lake, square(0.0, 0.0, 10.0)];
        let polygons = polygons_of_rings(rings);
        let counts: Vec<usize> = polygons.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 1]);
        assert!((area_deg2(&polygons) - (100.0 - 36.0 + 4.0 + 9.0)).abs() < 1e-9);
        let geometry = Geometry::Polygons(polygons);
        assert!(geometry.contains([1.0, 1.0]) && !geometry.contains([3.0, 3.0]));
        assert!(geometry.contains([5.0, 5.0]) && !geometry.contains([15.0, 1.0]));
    }

    #[test]
    fn middles_stand_for_their_geometries() {
        let near = |a: Option<Position>, b: Position| {
            let a = a.unwrap();
            assert!((a[0] - b[0]).abs() < 1e-12 && (a[1] - b[1]).abs() < 1e-12, "{a:?} {b:?}");
        };
        near(Geometry::Lines(vec![vec![[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]]]).middle(), [3.0, 0.0]);
        near(Geometry::Polygons(vec![vec![square(1.0, 2.0, 4.0)]]).middle(), [3.0, 4.0]);
    }

    #[test]
    fn a_plane_measures_as_the_ellipsoid_does() {
        let plane = Plane::around([120.0, 27.0]);
        let ecef =
            |p: Position| geodesy::ecef_from_geodetic(geodesy::Geodetic::from_degrees(p[0], p[1], 0.0));
        for to in [[120.1, 27.0], [120.0, 27.1], [119.9, 26.95]] {
            let [x, y] = plane.metres(to);
            let exact = ecef([120.0, 27.0]).distance(ecef(to));
            assert!((x.hypot(y) / exact - 1.0).abs() < 1e-3, "{to:?}");
            let back = plane.degrees([x, y]);
            assert!((back[0] - to[0]).abs() < 1e-12 && (back[1] - to[1]).abs() < 1e-12);
        }
        let ring = vec![vec![square(120.0, 27.0, 0.01)]];
        let metres = plane.distance_to_edge_m(&ring, [119.99, 27.005]);
        assert!((metres - 992.6).abs() < 1.0, "{metres}");
    }
}
