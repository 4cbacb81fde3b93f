//! The mesh of a cover tile: welded, simplified, with skirts.

use std::collections::HashMap;

use glam::DVec3;
use meshopt::SimplifyOptions;

/// A mesh without texture.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) positions: Vec<DVec3>,
    pub(super) corners: Vec<u32>,
}

/// Vertices closer than this are one, metres.
const WELD_M: f64 = 0.005;

impl Shape {
    /// Appends another.
    pub(super) fn append(&mut self, other: &Self) {
        let first = self.positions.len() as u32;
        self.positions.extend_from_slice(&other.positions);
        self.corners.extend(other.corners.iter().map(|c| first + c));
    }

    /// Vertices at one place become one; triangles that lose a side go.
    pub(super) fn welded(&self) -> Self {
        let mut by_place: HashMap<[i64; 3], u32> = HashMap::with_capacity(self.positions.len());
        let mut positions = Vec::new();
        let remap: Vec<u32> = self
            .positions
            .iter()
            .map(|position| {
                let key = (*position / WELD_M).round().to_array().map(|c| c as i64);
                *by_place.entry(key).or_insert_with(|| {
                    positions.push(*position);
                    positions.len() as u32 - 1
                })
            })
            .collect();
        let corners = self.corners.as_chunks::<3>().0.iter().filter_map(|triangle| {
            let mapped = triangle.map(|c| remap.get(c as usize).copied().unwrap_or(0));
            let [a, b, c] = mapped;
            (a != b && b != c && a != c).then_some(mapped)
        });
        let corners = corners.flatten().collect();
        Self { positions, corners }
    }

    /// At most about `triangles`; returns the shape and how far it strayed, metres.
    pub(super) fn simplified(&self, triangles: usize) -> (Self, f64) {
        if self.corners.len() / 3 <= triangles {
            return (self.clone(), 0.0);
        }
        let center = self.positions.iter().sum::<DVec3>() / self.positions.len().max(1) as f64;
        let relative: Vec<[f32; 3]> =
            self.positions.iter().map(|p| (*p - center).as_vec3().to_array()).collect();
        let mut error = 0.0;
        let options = SimplifyOptions::ErrorAbsolute | SimplifyOptions::Prune;
        let mut corners = meshopt::simplify_decoder(
            &self.corners,
            &relative,
            triangles * 3,
            f32::MAX,
            options,
            Some(&mut error),
        );
        if corners.len() / 3 > triangles * 2 {
            // Debris of many small parts: what cannot be simplified part by part is taken together.
            corners = meshopt::simplify_sloppy_decoder(
                &self.corners,
                &relative,
                triangles * 3,
                1.0,
                Some(&mut error),
            );
            let scale = f64::from(meshopt::simplify_scale_decoder(&relative));
            return (self.kept(&corners), f64::from(error) * scale);
        }
        (self.kept(&corners), f64::from(error))
    }

    /// Only the vertices that these corners use.
    fn kept(&self, corners: &[u32]) -> Self {
        let mut remap = vec![u32::MAX; self.positions.len()];
        let mut positions = Vec::new();
        let mut kept = Vec::with_capacity(corners.len());
        for corner in corners {
            let Some(slot) = remap.get_mut(*corner as usize) else { continue };
            if *slot == u32::MAX {
                *slot = positions.len() as u32;
                positions.extend(self.positions.get(*corner as usize));
            }
            kept.push(*slot);
        }
        Self { positions, corners: kept }
    }

    /// With walls of this depth below every open edge, so that no crack between tiles shows what is behind.
    pub(super) fn with_skirts(&self, depth_m: f64, up: DVec3) -> Self {
        let mut shape = self.clone();
        let mut edges: HashMap<(u32, u32), i32> = HashMap::with_capacity(self.corners.len());
        let directed = |triangle: &[u32; 3]| {
            let [a, b, c] = *triangle;
            [(a, b), (b, c), (c, a)]
        };
        let triangles = self.corners.as_chunks::<3>().0;
        for edge in triangles.iter().flat_map(directed) {
            *edges.entry(edge).or_default() += 1;
        }
        for (a, b) in triangles.iter().flat_map(directed) {
            if edges.contains_key(&(b, a)) {
                continue;
            }
            let (Some(pa), Some(pb)) = (self.positions.get(a as usize), self.positions.get(b as usize))
            else {
                continue;
            };
            let below = shape.positions.len() as u32;
            shape.positions.extend([*pa - up * depth_m, *pb - up * depth_m]);
            shape.corners.extend([below, below + 1, b, below, b, a]);
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(n: u32, dx: f64) -> Shape {
        let side = n + 1;
        let positions = (0..side * side)
            .map(|i| {
                DVec3::new(dx + f64::from(i % side), f64::from(i / side), (f64::from(i) * 0.7).sin() * 0.01)
            })
            .collect();
        let corners = (0..n * n)
            .flat_map(|cell| {
                let a = cell / n * side + cell % n;
                [a, a + 1, a + side, a + 1, a + side + 1, a + side]
            })
            .collect();
        Shape { positions, corners }
    }

    #[test]
    fn neighbours_are_welded_and_simplified_as_one() {
        let mut both = grid(10, 0.0);
        let mut other = grid(10, 10.0);
        other.positions.iter_mut().for_each(|p| p.z = 0.0);
        both.positions.iter_mut().for_each(|p| p.z = 0.0);
        both.append(&other);
        let welded = both.welded();
        assert_eq!((welded.positions.len(), welded.corners.len() / 3), (11 * 21, 400));
        let (simple, error_m) = welded.simplified(40);
        assert!(simple.corners.len() / 3 <= 40 && error_m < 0.01, "{} {error_m}", simple.corners.len() / 3);
        let area: f64 = simple
            .corners
            .chunks(3)
            .map(|t| {
                let [a, b, c] = [0, 1, 2].map(|i| simple.positions[t[i] as usize]);
                (b - a).cross(c - a).length() / 2.0
            })
            .sum();
        assert!((area - 200.0).abs() < 1.0, "{area}");
    }

    #[test]
    fn open_edges_get_walls_that_face_outwards() {
        let skirted = grid(2, 0.0).with_skirts(5.0, DVec3::Z);
        assert_eq!(skirted.corners.len() / 3, 8 + 2 * 8);
        let middle = DVec3::new(1.0, 1.0, -2.0);
        for t in skirted.corners[24..].chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|i| skirted.positions[t[i] as usize]);
            let normal = (b - a).cross(c - a);
            assert!(normal.dot((a + b + c) / 3.0 - middle) > 0.0);
        }
    }
}
