//! A polynomial that stands in for PROJ over a tile.
//!
//! A position in a system is a point of a smooth surface plus a height along its normal, so position in a local frame is
//! `f(x, y) + z · g(x, y)`. Over some hundred metres `f` is quadratic and `g` linear to a few micrometres: the cubic
//! terms of the ellipsoid's curvature are `d³ / 6R²`, 4 µm at one kilometre. An affine map is not enough, its error is
//! `d² / 2R`, 0.8 mm at 100 m. The fit is judged at points that it was not made from.

use glam::{DMat4, DVec3};

use super::{CrsError, HeightDatum, Projector};

/// Terms of the polynomials: 1, x, y, x², xy, y².
const SURFACE_TERMS: usize = 6;
/// 1, x, y.
const NORMAL_TERMS: usize = 3;

/// Positions in a local frame from positions in a system, over a box.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalMap {
    center: DVec3,
    /// 1 / half extent.
    scale: [f64; 2],
    half: DVec3,
    surface: [DVec3; SURFACE_TERMS],
    normal: [DVec3; NORMAL_TERMS],
    residual_m: f64,
}

impl LocalMap {
    /// Fits a map over the box `low..high` of the system. `local_from_ecef` leads to the frame of the results.
    ///
    /// # Errors
    /// What the projector answers; it must cover the whole box.
    pub fn fit(
        projector: &Projector,
        heights: &HeightDatum,
        (low, high): (DVec3, DVec3),
        local_from_ecef: &DMat4,
    ) -> Result<Self, CrsError> {
        let center = (low + high) * 0.5;
        let half = ((high - low) * 0.5).max(DVec3::splat(MIN_HALF));
        let exact = |u: f64, v: f64, z: f64| -> Result<DVec3, CrsError> {
            let position = DVec3::new(center.x + u * half.x, center.y + v * half.y, z);
            Ok(local_from_ecef.transform_point3(projector.ecef(position, heights)?))
        };
        // Least squares over a 5 × 5 grid of Chebyshev-like nodes; the rise to z + 1 km gives the normal.
        const NODES: [f64; 5] = [-0.951_056_5, -0.587_785_3, 0.0, 0.587_785_3, 0.951_056_5];
        const RISE_M: f64 = 1000.0;
        let mut samples = Vec::with_capacity(NODES.len() * NODES.len());
        for v in NODES {
            for u in NODES {
                let low = exact(u, v, center.z)?;
                let up = (exact(u, v, center.z + RISE_M)? - low) / RISE_M;
                samples.push((u, v, low, up));
            }
        }
        let surface = least_squares::<SURFACE_TERMS>(
            &samples
                .iter()
                .map(|&(u, v, low, _)| ([1.0, u, v, u * u, u * v, v * v], low))
                .collect::<Vec<_>>(),
        );
        let normal = least_squares::<NORMAL_TERMS>(
            &samples.iter().map(|&(u, v, _, up)| ([1.0, u, v], up)).collect::<Vec<_>>(),
        );
        let scale = [1.0 / half.x, 1.0 / half.y];
        let mut map = Self { center, scale, half, surface, normal, residual_m: 0.0 };
        // Judged at the corners, the edges and between the nodes, at the bottom and at the top.
        const CHECKS: [f64; 9] = [-1.0, -0.77, -0.5, -0.25, 0.0, 0.25, 0.5, 0.77, 1.0];
        for v in CHECKS {
            for u in CHECKS {
                for z in [low.z, high.z] {
                    let position = DVec3::new(center.x + u * half.x, center.y + v * half.y, z);
                    let off = map.apply(position).distance(exact(u, v, z)?);
                    map.residual_m = map.residual_m.max(off);
                }
            }
        }
        Ok(map)
    }

    /// Largest distance from PROJ at 162 points of the box that the fit was not made from, metres.
    pub fn residual_m(&self) -> f64 {
        self.residual_m
    }

    /// Whether the map was judged here.
    pub fn covers(&self, position: DVec3) -> bool {
        let offset = (position - self.center).abs();
        offset.x <= self.half.x && offset.y <= self.half.y && offset.z <= self.half.z
    }

    /// Position in the local frame.
    pub fn apply(&self, position: DVec3) -> DVec3 {
        let offset = position - self.center;
        let (u, v) = (offset.x * self.scale[0], offset.y * self.scale[1]);
        let [s0, s1, s2, s3, s4, s5] = self.surface;
        let [n0, n1, n2] = self.normal;
        let surface = s0 + (s1 + s3 * u + s4 * v) * u + (s2 + s5 * v) * v;
        let normal = n0 + n1 * u + n2 * v;
        surface + normal * offset.z
    }

    /// The directions of x, y and z of the system at the middle of the box, in the local frame; unit length.
    pub fn axes(&self) -> [DVec3; 3] {
        [self.surface[1], self.surface[2], self.normal[0]].map(|axis| axis.normalize_or_zero())
    }
}

/// Boxes are at least this large (in units of the system: metres, or degrees).
const MIN_HALF: f64 = 1e-6;

/// Coefficients that fit best, by the normal equations; the nodes are fixed and well spread, so they are well
/// conditioned.
fn least_squares<const N: usize>(samples: &[([f64; N], DVec3)]) -> [DVec3; N] {
    let mut matrix = [[0.0; N]; N];
    let mut right = [DVec3::ZERO; N];
    for (terms, value) in samples {
        for row in 0..N {
            for column in 0..N {
                matrix[row][column] += terms[row] * terms[column];
            }
            right[row] += *value * terms[row];
        }
    }
    // Gauss with pivots.
    for step in 0..N {
        let pivot = (step..N).max_by(|a, b| matrix[*a][step].abs().total_cmp(&matrix[*b][step].abs()));
        let pivot = pivot.unwrap_or(step);
        matrix.swap(step, pivot);
        right.swap(step, pivot);
        let (pivot_row, pivot_right) = (matrix[step], right[step]);
        for (row, value) in matrix.iter_mut().zip(&mut right).skip(step + 1) {
            let factor = row[step] / pivot_row[step];
            row.iter_mut().zip(&pivot_row).for_each(|(entry, above)| *entry -= factor * above);
            *value -= pivot_right * factor;
        }
    }
    let mut solution = [DVec3::ZERO; N];
    for row in (0..N).rev() {
        let mut sum = right[row];
        for column in row + 1..N {
            sum -= solution[column] * matrix[row][column];
        }
        solution[row] = sum / matrix[row][row];
    }
    solution
}
