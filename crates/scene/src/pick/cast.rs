//! Rays against one primitive, in its own space.

use geodesy::{
    Ray,
    glam::{DMat4, DVec3},
};

use super::{
    bvh::Aabb,
    mesh::{PickPrimitive, world_sphere},
};
use crate::content::Topology;

/// How far outside a triangle, in barycentric units, still counts: so that no ray slips through a shared edge.
const EDGE_TOLERANCE: f64 = 1e-9;

/// A ray in some space. `direction` keeps the length that the transform gave it, so that the parameter stays the
/// distance in world.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalRay {
    pub(super) origin: DVec3,
    pub(super) direction: DVec3,
}

/// The element that was hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Element {
    /// A triangle: its number in the primitive, its vertices, and the weight of each at the point.
    Triangle {
        /// Number in the primitive.
        number: u32,
        /// Its vertices.
        vertices: [u32; 3],
        /// Barycentric weights of the vertices, sum 1.
        weights: [f64; 3],
    },
    /// A point.
    Point {
        /// Number in the primitive.
        number: u32,
        /// Its vertex.
        vertex: u32,
    },
}

/// The nearest hit of one primitive at one placement.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalHit {
    pub(super) distance: f64,
    pub(super) element: Element,
}

impl LocalRay {
    pub(super) fn new(ray: &Ray) -> Self {
        Self { origin: ray.origin, direction: ray.direction }
    }

    pub(super) fn transformed(&self, to_from_here: &DMat4) -> Self {
        Self {
            origin: to_from_here.transform_point3(self.origin),
            direction: to_from_here.transform_vector3(self.direction),
        }
    }

    /// Where a cone around the ray (unit direction) may enter a sphere.
    pub(super) fn cone_entry(&self, center: DVec3, radius: f64, spread: f64) -> Option<f64> {
        let to_center = center - self.origin;
        let along = to_center.dot(self.direction);
        let far = along + radius;
        let aside = (to_center - self.direction * along).length() - radius;
        // The slack covers rounding at Earth-sized coordinates.
        let slack = 1e-9 * (1.0 + to_center.length());
        (far >= -slack && aside <= far.max(0.0) * spread + slack).then_some((along - radius).max(0.0))
    }

    fn box_entry(&self, bounds: &Aabb) -> Option<f64> {
        let (mut enter, mut leave) = (0.0_f64, f64::INFINITY);
        for (axis, (low, high)) in bounds[0].iter().zip(bounds[1]).enumerate() {
            let (low, high) = (f64::from(*low), f64::from(high));
            let (origin, direction) = (self.origin[axis], self.direction[axis]);
            let pad = 1e-9 * (high - low).abs() + 1e-12 * origin.abs().max(low.abs()).max(high.abs());
            let (low, high) = (low - pad, high + pad);
            if direction == 0.0 {
                if !(low <= origin && origin <= high) {
                    return None;
                }
                continue;
            }
            let (a, b) = ((low - origin) / direction, (high - origin) / direction);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        (enter <= leave).then_some(enter)
    }

    /// Distance and weights of a triangle, either side. Möller and Trumbore 1997.
    pub(super) fn triangle(&self, corners: [DVec3; 3]) -> Option<(f64, [f64; 3])> {
        let [a, b, c] = corners;
        let (ab, ac) = (b - a, c - a);
        let p = self.direction.cross(ac);
        let determinant = ab.dot(p);
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let to_origin = self.origin - a;
        let u = to_origin.dot(p) / determinant;
        let q = to_origin.cross(ab);
        let v = self.direction.dot(q) / determinant;
        let distance = ac.dot(q) / determinant;
        let inside = u >= -EDGE_TOLERANCE && v >= -EDGE_TOLERANCE && u + v <= 1.0 + EDGE_TOLERANCE;
        (inside && distance >= 0.0 && distance.is_finite()).then_some((distance, [1.0 - u - v, u, v]))
    }
}

/// What counts as a hit.
pub(super) struct Acceptance<'a> {
    /// Nothing beyond this distance.
    pub(super) limit: f64,
    /// Tangent of the angle within which points are hit.
    pub(super) point_spread: f64,
    /// Whether points are asked for at all.
    pub(super) points: bool,
    /// Ignore triangles seen from behind.
    pub(super) front_faces_only: bool,
    /// Ignore hits at places where this says no.
    pub(super) place_in_world: &'a dyn Fn(DVec3) -> bool,
}

impl PickPrimitive {
    /// The nearest accepted hit of one placement.
    pub(super) fn cast(
        &self,
        world_from_primitive: &DMat4,
        ray_in_world: &LocalRay,
        acceptance: &Acceptance<'_>,
    ) -> Option<LocalHit> {
        match self.topology {
            Topology::Triangles => self.cast_triangles(world_from_primitive, ray_in_world, acceptance),
            Topology::Points if acceptance.points => {
                self.cast_points(world_from_primitive, ray_in_world, acceptance)
            }
            _ => None,
        }
    }

    fn cast_triangles(
        &self,
        world_from_primitive: &DMat4,
        ray_in_world: &LocalRay,
        acceptance: &Acceptance<'_>,
    ) -> Option<LocalHit> {
        if !self.is_near(world_from_primitive, ray_in_world, 0.0) {
            return None;
        }
        let ray = ray_in_world.transformed(&world_from_primitive.inverse());
        let mut best: Option<LocalHit> = None;
        let mut limit = acceptance.limit;
        self.bvh.search(
            |bounds| ray.box_entry(bounds),
            |number| {
                let found =
                    self.triangle(number).zip(self.corners(number)).and_then(|(vertices, corners)| {
                        let corners = corners.map(|corner| DVec3::from(corner.map(f64::from)));
                        let (distance, weights) = ray.triangle(corners)?;
                        if acceptance.front_faces_only {
                            let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]);
                            // Seen in its own space a mirrored face keeps its winding, as glTF 2.0 (section 3.7.4) asks.
                            if normal.dot(ray.direction) > 0.0 {
                                return None;
                            }
                        }
                        let place = ray_in_world.origin + ray_in_world.direction * distance;
                        (distance < limit && (acceptance.place_in_world)(place)).then_some(LocalHit {
                            distance,
                            element: Element::Triangle { number, vertices, weights },
                        })
                    });
                if let Some(hit) = found {
                    limit = hit.distance;
                    best = Some(hit);
                }
                limit
            },
        );
        best
    }

    fn cast_points(
        &self,
        world_from_primitive: &DMat4,
        ray_in_world: &LocalRay,
        acceptance: &Acceptance<'_>,
    ) -> Option<LocalHit> {
        let spread = acceptance.point_spread;
        if !self.is_near(world_from_primitive, ray_in_world, spread) {
            return None;
        }
        let mut best: Option<LocalHit> = None;
        let mut limit = acceptance.limit;
        self.bvh.search(
            |bounds| {
                let (center, radius) = world_sphere(bounds, world_from_primitive);
                ray_in_world.cone_entry(center, radius, spread)
            },
            |number| {
                let found =
                    self.point_vertex(number).zip(self.point(number)).and_then(|(vertex, position)| {
                        let place =
                            world_from_primitive.transform_point3(DVec3::from(position.map(f64::from)));
                        let to_point = place - ray_in_world.origin;
                        let distance = to_point.dot(ray_in_world.direction);
                        let aside = (to_point - ray_in_world.direction * distance).length();
                        let hit = distance >= 0.0 && distance < limit && aside <= distance * spread;
                        (hit && (acceptance.place_in_world)(place))
                            .then_some(LocalHit { distance, element: Element::Point { number, vertex } })
                    });
                if let Some(hit) = found {
                    limit = hit.distance;
                    best = Some(hit);
                }
                limit
            },
        );
        best
    }
}
