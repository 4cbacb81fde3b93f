//! Oriented boxes.

use glam::{DMat3, DMat4, DVec3};

use crate::{Ray, Sphere};

use super::child_span;

/// Axes whose angle differs from 90° by less than this (as a cosine) count as orthogonal: what remains of axes that
/// were stored in single precision.
const ORTHOGONAL_COSINE: f64 = 1e-6;

/// An oriented box: centre and three orthogonal (not necessarily unit) half axes, metres.
///
/// A transform may leave the half axes skewed; every method treats the volume as the parallelepiped it then is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obb {
    /// Centre.
    pub center: DVec3,
    /// Half axes; any may be zero.
    pub half_axes: [DVec3; 3],
}

impl Obb {
    /// The smallest box along the given unit axes around some points; `None` without points.
    pub fn around(axes: [DVec3; 3], points: impl IntoIterator<Item = DVec3>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let mut extents = axes.map(|axis| (axis.dot(first), axis.dot(first)));
        for point in points {
            for (axis, (low, high)) in axes.iter().zip(&mut extents) {
                let along = axis.dot(point);
                *low = low.min(along);
                *high = high.max(along);
            }
        }
        Some(Self::from_extents(axes, extents))
    }
    /// The box that spans `(low, high)` of `axis · p` along each of three orthonormal axes.
    pub fn from_extents(axes: [DVec3; 3], extents: [(f64, f64); 3]) -> Self {
        let [(low_0, high_0), (low_1, high_1), (low_2, high_2)] = extents;
        let [axis_0, axis_1, axis_2] = axes;
        Self {
            center: axis_0 * ((low_0 + high_0) * 0.5)
                + axis_1 * ((low_1 + high_1) * 0.5)
                + axis_2 * ((low_2 + high_2) * 0.5),
            half_axes: [
                axis_0 * ((high_0 - low_0) * 0.5),
                axis_1 * ((high_1 - low_1) * 0.5),
                axis_2 * ((high_2 - low_2) * 0.5),
            ],
        }
    }
    /// The eight corners; bit k of the index says whether axis k is added.
    pub fn corners(&self) -> [DVec3; 8] {
        let [a, b, c] = self.half_axes;
        std::array::from_fn(|index| {
            let sign = |bit: usize| if index >> bit & 1 == 1 { 1.0 } else { -1.0 };
            self.center + a * sign(0) + b * sign(1) + c * sign(2)
        })
    }
    /// The same box seen from another frame.
    pub fn transformed(&self, to_from_here: &DMat4) -> Self {
        Self {
            center: to_from_here.transform_point3(self.center),
            half_axes: self.half_axes.map(|axis| to_from_here.transform_vector3(axis)),
        }
    }
    /// Lowest and highest `normal · p` over the box.
    pub fn extent_along(&self, normal: DVec3) -> (f64, f64) {
        let [a, b, c] = self.half_axes;
        let middle = normal.dot(self.center);
        let reach = normal.dot(a).abs() + normal.dot(b).abs() + normal.dot(c).abs();
        (middle - reach, middle + reach)
    }
    /// Squared distance from a point to the box, 0 inside; also for flat and skewed boxes. Exact, but that the
    /// distance of a box whose axes are off orthogonal by up to 1e-6 may be off by 1e-6 of its size.
    pub fn distance_squared(&self, point: DVec3) -> f64 {
        let offset = point - self.center;
        if !self.is_orthogonal() {
            return skewed_distance_squared(self.half_axes, offset);
        }
        let mut rest = offset;
        for axis in self.half_axes {
            let length_squared = axis.length_squared();
            if length_squared > 0.0 {
                rest -= axis * (offset.dot(axis) / length_squared).clamp(-1.0, 1.0);
            }
        }
        rest.length_squared()
    }
    /// The smallest sphere around the centre that holds the box.
    pub fn bounding_sphere(&self) -> Sphere {
        let [a, b, c] = self.half_axes;
        let radius_squared = [a + b + c, a + b - c, a - b + c, a - b - c]
            .map(DVec3::length_squared)
            .into_iter()
            .fold(0.0, f64::max);
        Sphere { center: self.center, radius: radius_squared.sqrt() }
    }
    /// Parameters `(enter, leave)` along the ray (≥ 0), if it meets the box. A box whose non-zero axes are linearly
    /// dependent is met where the orthogonal box around it is.
    pub fn intersect(&self, ray: &Ray) -> Option<(f64, f64)> {
        // Relative to the centre, so that flat boxes are not missed by the rounding of large coordinates.
        let ray = Ray { origin: ray.origin - self.center, direction: ray.direction };
        let (axes, lengths) = self.slab_axes();
        let [d0, d1, d2] = axes;
        let mut interval = (0.0, f64::INFINITY);
        for (normal, axis, length) in
            [(d1.cross(d2), d0, lengths[0]), (d2.cross(d0), d1, lengths[1]), (d0.cross(d1), d2, lengths[2])]
        {
            let reach = normal.dot(axis).abs() * length;
            interval = ray.clip_to_slab(normal, -reach, reach, interval)?;
        }
        Some(interval)
    }
    /// The box of a tile at `(level, x, y, z)` of an implicit quadtree (`z` = `None`; the third axis stays whole) or
    /// octree whose root has this box. x, y and z count along the half axes. `None` outside the level.
    pub fn subdivided(&self, level: u32, x: u32, y: u32, z: Option<u32>) -> Option<Self> {
        let spans = [
            child_span(level, x)?,
            child_span(level, y)?,
            match z {
                Some(z) => child_span(level, z)?,
                None => (0.0, 1.0),
            },
        ];
        let mut child = *self;
        for (axis, (begin, end)) in child.half_axes.iter_mut().zip(spans) {
            child.center += *axis * (begin + end - 1.0);
            *axis *= end - begin;
        }
        Some(child)
    }
    /// One of the four (eight with `split_z`) children; x, y and z are 0 or 1, `z` is ignored without `split_z`.
    /// `None` for other coordinates.
    pub fn child(&self, split_z: bool, x: u32, y: u32, z: u32) -> Option<Self> {
        self.subdivided(1, x, y, split_z.then_some(z))
    }

    fn is_orthogonal(&self) -> bool {
        let [a, b, c] = self.half_axes;
        let near_zero = |u: DVec3, v: DVec3| {
            u.dot(v).powi(2)
                <= ORTHOGONAL_COSINE * ORTHOGONAL_COSINE * u.length_squared() * v.length_squared()
        };
        near_zero(a, b) && near_zero(a, c) && near_zero(b, c)
    }
    /// Three independent unit directions and the half lengths along them; zero axes get a direction of their own.
    fn slab_axes(&self) -> ([DVec3; 3], [f64; 3]) {
        let lengths = self.half_axes.map(DVec3::length);
        let mut axes = self.half_axes.map(|axis| axis.normalize_or_zero());
        for index in 0..3 {
            if axes[index] != DVec3::ZERO {
                continue;
            }
            let (u, v) = (axes[(index + 1) % 3], axes[(index + 2) % 3]);
            axes[index] = match (u == DVec3::ZERO, v == DVec3::ZERO) {
                (false, false) => u.cross(v).normalize_or(u.any_orthonormal_vector()),
                (false, true) => u.any_orthonormal_vector(),
                (true, false) => v.any_orthonormal_vector(),
                (true, true) => DVec3::X,
            };
        }
        let [d0, d1, d2] = axes;
        if d0.cross(d1).dot(d2).abs() > 1e-9 {
            return (axes, lengths);
        }
        let longest = if lengths[0] >= lengths[1] && lengths[0] >= lengths[2] {
            d0
        } else if lengths[1] >= lengths[2] {
            d1
        } else {
            d2
        };
        // The second direction keeps the enclosing box flat where the dependent axes span a plane.
        let second = [d0, d1, d2]
            .map(|axis| axis - longest * axis.dot(longest))
            .into_iter()
            .max_by(|u, v| u.length_squared().total_cmp(&v.length_squared()))
            .and_then(DVec3::try_normalize)
            .unwrap_or(longest.any_orthonormal_vector());
        let axes = [longest, second, longest.cross(second)];
        (axes, axes.map(|axis| self.half_axes.iter().map(|half| half.dot(axis).abs()).sum()))
    }
}

/// Squared distance from `offset` to { A t : t ∈ [−1, 1]³ }, A having the half axes as columns.
///
/// The nearest point has each coordinate at −1, at 1 or free; over all 27 choices the free ones solve a linear system,
/// and of the solutions that lie inside the box the nearest is the answer. Singular systems are skipped: their
/// solutions reach the border, where a choice with fewer free coordinates finds them.
fn skewed_distance_squared(half_axes: [DVec3; 3], offset: DVec3) -> f64 {
    let matrix = DMat3::from_cols(half_axes[0], half_axes[1], half_axes[2]);
    let determinant = matrix.determinant();
    if determinant != 0.0 {
        let t = matrix.inverse() * offset;
        if t.is_finite() && t.abs().max_element() <= 1.0 {
            return 0.0;
        }
    }
    let mut nearest = f64::INFINITY;
    for choice in 0..27 {
        let states = [choice % 3, choice / 3 % 3, choice / 9];
        let mut rest = offset;
        let mut free = [DVec3::ZERO; 3];
        let mut free_count = 0;
        for (axis, state) in half_axes.into_iter().zip(states) {
            match state {
                0 => rest += axis,
                1 => rest -= axis,
                _ => {
                    free[free_count] = axis;
                    free_count += 1;
                }
            }
        }
        let [u, v, _] = free;
        let candidate = match free_count {
            0 => Some(rest),
            1 => {
                let t = rest.dot(u) / u.length_squared();
                (t.abs() <= 1.0).then(|| rest - u * t)
            }
            2 => {
                let (uu, uv, vv) = (u.length_squared(), u.dot(v), v.length_squared());
                let (ru, rv) = (rest.dot(u), rest.dot(v));
                let determinant = uu * vv - uv * uv;
                let (s, t) = ((ru * vv - rv * uv) / determinant, (rv * uu - ru * uv) / determinant);
                (s.abs() <= 1.0 && t.abs() <= 1.0).then(|| rest - u * s - v * t)
            }
            _ => None,
        };
        if let Some(candidate) = candidate {
            nearest = nearest.min(candidate.length_squared());
        }
    }
    nearest
}
