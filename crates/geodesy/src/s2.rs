//! `3DTILES_bounding_volume_S2`: cells of the S2 hierarchy with a height range, as convex hulls.
//!
//! Cell numbering and the quadratic projection follow the public description of S2 (s2geometry.io, "S2 Cells").

use glam::{DMat3, DVec3, DVec4};

use crate::ellipsoid::{ECCENTRICITY_SQUARED, ecef_from_normal, prime_vertical_radius};
use crate::{Obb, Ray, Sphere};

/// Deepest level of the hierarchy.
pub const MAX_LEVEL: u32 = 30;

/// Steps (i, j) of the Hilbert curve by orientation (bit 0: i and j swapped, bit 1: curve reversed) and position.
const IJ_OF_POSITION: [[(u32, u32); 4]; 4] = [
    [(0, 0), (0, 1), (1, 1), (1, 0)],
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(1, 1), (1, 0), (0, 0), (0, 1)],
    [(1, 1), (0, 1), (0, 0), (1, 0)],
];
/// What each position flips in the orientation of the next level.
const ORIENTATION_FLIP: [usize; 4] = [1, 0, 0, 3];

/// A cell as face and grid position: i and j count along the face's u and v axes, in `0..2^level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Face of the cube, 0..6.
    pub face: u32,
    /// Level, 0..=30.
    pub level: u32,
    /// Position along u.
    pub i: u32,
    /// Position along v.
    pub j: u32,
}

/// The hull of an S2 cell between two heights: eight corners (bottom then top, counter-clockwise seen from above)
/// and six outward planes.
///
/// The exact volume has curved sides; the hull is the least one with planes tangent to them (sides along the cell's
/// great circles, top and bottom square to the normal at the centre), and contains it.
#[derive(Clone, Debug, PartialEq)]
pub struct S2Volume {
    /// The cell's id.
    pub cell_id: u64,
    /// Lower height, metres above the ellipsoid.
    pub min_height_m: f64,
    /// Upper height, metres above the ellipsoid.
    pub max_height_m: f64,
    /// Corners in ECEF.
    pub corners: [DVec3; 8],
    /// Outward planes in ECEF, `normal · p + d ≤ 0` inside: bottom, top, then the sides; side k holds the bottom
    /// corners k and k + 1.
    pub planes: [DVec4; 6],
}

/// Corners of each face, counter-clockwise seen from outside, in the order of the planes.
const FACES: [[usize; 4]; 6] =
    [[3, 2, 1, 0], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]];

/// The cell id of a token (hexadecimal, trailing zeros dropped); `None` if it names no valid cell.
pub fn cell_id_from_token(token: &str) -> Option<u64> {
    if token.is_empty() || token.len() > 16 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = u64::from_str_radix(token, 16).ok()?;
    let id = digits << (64 - 4 * token.len());
    Cell::from_id(id).map(|_| id)
}

/// The token of a cell id.
pub fn token_from_cell_id(cell_id: u64) -> String {
    let digits = format!("{cell_id:016x}");
    let token = digits.trim_end_matches('0');
    // The reference library writes "X" for the id 0, which is no cell.
    if token.is_empty() { "X".to_owned() } else { token.to_owned() }
}

impl Cell {
    /// The cell with an id; `None` if there is none.
    pub fn from_id(id: u64) -> Option<Self> {
        let face = (id >> 61) as u32;
        let trailing = id.trailing_zeros();
        if face > 5 || trailing > 60 || trailing % 2 == 1 {
            return None;
        }
        let level = MAX_LEVEL - trailing / 2;
        let mut orientation = (face & 1) as usize;
        let (mut i, mut j) = (0, 0);
        for step in 1..=level {
            let position = (id >> (61 - 2 * step) & 3) as usize;
            let (di, dj) = IJ_OF_POSITION[orientation][position];
            i = i << 1 | di;
            j = j << 1 | dj;
            orientation ^= ORIENTATION_FLIP[position];
        }
        Some(Self { face, level, i, j })
    }
    /// The id of the cell; `None` if face, level or position are out of range.
    pub fn id(&self) -> Option<u64> {
        let Self { face, level, i, j } = *self;
        if face > 5 || level > MAX_LEVEL || i >> level != 0 || j >> level != 0 {
            return None;
        }
        let mut orientation = (face & 1) as usize;
        let mut id = u64::from(face) << 61 | 1 << (60 - 2 * level);
        for step in 1..=level {
            let wanted = (i >> (level - step) & 1, j >> (level - step) & 1);
            let position = IJ_OF_POSITION[orientation].iter().position(|&ij| ij == wanted)?;
            id |= (position as u64) << (61 - 2 * step);
            orientation ^= ORIENTATION_FLIP[position];
        }
        Some(id)
    }
    /// The cell `levels` below at `(x, y)`, x along i and y along j; `None` below level 30 or outside.
    pub fn descendant(&self, levels: u32, x: u32, y: u32) -> Option<Self> {
        let level = self.level.checked_add(levels).filter(|&level| level <= MAX_LEVEL)?;
        if x >> levels != 0 || y >> levels != 0 {
            return None;
        }
        Some(Self { face: self.face, level, i: self.i << levels | x, j: self.j << levels | y })
    }
    /// Unit vector at the centre of the cell.
    pub fn center(&self) -> DVec3 {
        let count = 2f64.powi(self.level as i32);
        let at = |index: u32| u_from_s((f64::from(index) + 0.5) / count);
        face_point(self.face, at(self.i), at(self.j)).normalize()
    }
    /// Unit vectors at the corners, counter-clockwise seen from above, from the lower left in (u, v).
    pub fn corners(&self) -> [DVec3; 4] {
        let [u0, u1, v0, v1] = self.uv_bounds();
        [(u0, v0), (u1, v0), (u1, v1), (u0, v1)].map(|(u, v)| face_point(self.face, u, v).normalize())
    }

    fn uv_bounds(&self) -> [f64; 4] {
        let count = 2f64.powi(self.level as i32);
        [self.i, self.i + 1, self.j, self.j + 1].map(|index| u_from_s(f64::from(index) / count))
    }
    /// Outward unit normals of the great circles through the sides, in the order of the corners they start at.
    fn side_normals(&self) -> [DVec3; 4] {
        let [u0, u1, v0, v1] = self.uv_bounds();
        let axes = DMat3::from_cols(
            face_point(self.face, 0.0, 0.0),
            face_point(self.face, 1.0, 0.0) - face_point(self.face, 0.0, 0.0),
            face_point(self.face, 0.0, 1.0) - face_point(self.face, 0.0, 0.0),
        );
        [
            DVec3::new(v0, 0.0, -1.0),
            DVec3::new(-u1, 1.0, 0.0),
            DVec3::new(-v1, 0.0, 1.0),
            DVec3::new(u0, -1.0, 0.0),
        ]
        .map(|normal| (axes * normal).normalize())
    }
}

impl S2Volume {
    /// The hull of a cell between two heights (metres above the ellipsoid). `None` if the id names no cell or the
    /// heights are not finite, in the wrong order, or beyond ±10⁹ m or below −6,000 km, where sides would cross.
    ///
    /// The direction of a point of the cell is taken as the normal of the ellipsoid, i.e. S2's spherical latitude is
    /// read as geodetic latitude, as CesiumJS does.
    pub fn new(cell_id: u64, min_height_m: f64, max_height_m: f64) -> Option<Self> {
        let cell = Cell::from_id(cell_id)?;
        if !(min_height_m >= -6.0e6 && min_height_m <= max_height_m && max_height_m <= 1.0e9) {
            return None;
        }
        let center = cell.center();
        let directions = cell.corners();
        let bottom = directions
            .map(|direction| ecef_from_normal(direction, min_height_m).dot(center))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let top = ecef_from_normal(center, max_height_m).dot(center);
        let normals = cell.side_normals();
        let sides: [DVec4; 4] =
            std::array::from_fn(|k| side_plane(normals[k], directions[k], directions[(k + 1) % 4]));
        let corner = |k: usize, cap: f64| meet(sides[(k + 3) % 4], sides[k], center.extend(-cap));
        let mut corners = [DVec3::ZERO; 8];
        for k in 0..4 {
            corners[k] = corner(k, bottom);
            corners[k + 4] = corner(k, top);
        }
        let planes = [(-center).extend(bottom), center.extend(-top), sides[0], sides[1], sides[2], sides[3]];
        Some(Self { cell_id, min_height_m, max_height_m, corners, planes })
    }
    /// The hull of the cell a token names; see [`S2Volume::new`].
    pub fn from_token(token: &str, min_height_m: f64, max_height_m: f64) -> Option<Self> {
        Self::new(cell_id_from_token(token)?, min_height_m, max_height_m)
    }
    /// The volume of a tile at `(level, x, y, z)` of an implicit quadtree (`z` = `None`) or octree whose root has
    /// this cell: x counts along the face's u axis, y along v, as CesiumJS reads it. `None` below level 30 or outside.
    pub fn subdivided(&self, level: u32, x: u32, y: u32, z: Option<u32>) -> Option<Self> {
        let id = Cell::from_id(self.cell_id)?.descendant(level, x, y)?.id()?;
        let (begin, end) = match z {
            Some(z) => crate::bounds::child_span(level, z)?,
            None => (0.0, 1.0),
        };
        let height = |at: f64| match at {
            1.0 => self.max_height_m,
            _ => self.min_height_m + (self.max_height_m - self.min_height_m) * at,
        };
        Self::new(id, height(begin), height(end))
    }
    /// One of the four (eight with `split_z`) children; x, y and z are 0 or 1, `z` is ignored without `split_z`.
    pub fn child(&self, split_z: bool, x: u32, y: u32, z: u32) -> Option<Self> {
        self.subdivided(1, x, y, split_z.then_some(z))
    }
    /// Mean of the corners.
    pub fn center(&self) -> DVec3 {
        self.corners.iter().sum::<DVec3>() * 0.125
    }
    /// Lowest and highest `normal · p` over the hull.
    pub fn extent_along(&self, normal: DVec3) -> (f64, f64) {
        self.corners
            .iter()
            .map(|&corner| normal.dot(corner))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), along| (low.min(along), high.max(along)))
    }
    /// Squared distance from a point to the hull, 0 inside. Exact.
    pub fn distance_squared(&self, point: DVec3) -> f64 {
        // The nearest point of a convex body lies on a face that the point is outside of.
        let mut nearest = f64::INFINITY;
        for (plane, face) in self.planes.iter().zip(FACES) {
            let outside = plane.dot(point.extend(1.0));
            if outside > 0.0 && outside * outside < nearest {
                let quad = face.map(|index| self.corners[index]);
                nearest = nearest.min(quad_distance_squared(quad, plane.truncate(), outside, point));
            }
        }
        if nearest.is_finite() { nearest } else { 0.0 }
    }
    /// A sphere around the hull.
    pub fn bounding_sphere(&self) -> Sphere {
        let center = self.center();
        let radius_squared = self.corners.map(|corner| corner.distance_squared(center)).into_iter();
        Sphere { center, radius: radius_squared.fold(0.0, f64::max).sqrt() }
    }
    /// The smallest box around the hull that is square to its top and to its first side.
    pub fn bounding_box(&self) -> Obb {
        let up = self.planes[1].truncate();
        let [first, second, ..] = self.corners;
        let along = (second - first).reject_from_normalized(up).normalize_or(up.any_orthonormal_vector());
        let axes = [along, up.cross(along), up];
        Obb::from_extents(axes, axes.map(|axis| self.extent_along(axis)))
    }
    /// Parameters `(enter, leave)` along the ray (≥ 0), if it meets the hull.
    pub fn intersect(&self, ray: &Ray) -> Option<(f64, f64)> {
        let mut interval = (0.0, f64::INFINITY);
        for plane in &self.planes {
            interval = ray.clip_to_slab(plane.truncate(), f64::NEG_INFINITY, -plane.w, interval)?;
        }
        Some(interval)
    }
}

/// Quadratic projection from cell space s ∈ [0, 1] to face space u ∈ [−1, 1].
fn u_from_s(s: f64) -> f64 {
    if s >= 0.5 { (4.0 * s * s - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0 }
}

/// The point (u, v) of a face of the cube.
fn face_point(face: u32, u: f64, v: f64) -> DVec3 {
    match face {
        0 => DVec3::new(1.0, u, v),
        1 => DVec3::new(-u, 1.0, v),
        2 => DVec3::new(-u, -v, 1.0),
        3 => DVec3::new(-1.0, -v, -u),
        4 => DVec3::new(v, -1.0, -u),
        _ => DVec3::new(v, u, -1.0),
    }
}

/// The outermost plane with the outward normal of a side's great circle that touches the side.
///
/// On the side the normal `n` of the great circle is square to the ellipsoid's normal `w`, so `n · p` is
/// −e² N(w) n.z w.z at any height: a monotone function of w.z, largest at an end or at the top of the arc.
fn side_plane(normal: DVec3, begin: DVec3, end: DVec3) -> DVec4 {
    let along = |sin_lat: f64| -ECCENTRICITY_SQUARED * prime_vertical_radius(sin_lat) * normal.z * sin_lat;
    let mut reach = along(begin.z).max(along(end.z));
    let summit = DVec3::Z.reject_from_normalized(normal).normalize_or_zero();
    for extreme in [summit, -summit] {
        let middle = (begin + end).normalize_or_zero();
        if extreme.dot(middle) >= begin.dot(middle) {
            reach = reach.max(along(extreme.z));
        }
    }
    normal.extend(-reach)
}

/// The point on three planes.
fn meet(a: DVec4, b: DVec4, c: DVec4) -> DVec3 {
    let (na, nb, nc) = (a.truncate(), b.truncate(), c.truncate());
    let determinant = na.cross(nb).dot(nc);
    (nb.cross(nc) * -a.w + nc.cross(na) * -b.w + na.cross(nb) * -c.w) / determinant
}

/// Squared distance to a convex quadrilateral with unit `normal`, from a point `above` its plane.
fn quad_distance_squared(quad: [DVec3; 4], normal: DVec3, above: f64, point: DVec3) -> f64 {
    let mut nearest = f64::INFINITY;
    for k in 0..4 {
        let (begin, end) = (quad[k], quad[(k + 1) % 4]);
        let (edge, offset) = (end - begin, point - begin);
        if edge.cross(offset).dot(normal) < 0.0 {
            let along = (offset.dot(edge) / edge.length_squared()).clamp(0.0, 1.0);
            nearest = nearest.min((offset - edge * along).length_squared());
        }
    }
    if nearest.is_finite() { nearest } else { above * above }
}
