//! Where on a building a point is expected, and how far it spreads there.

use crate::Footprint;

/// Middle and spread of points that lie anywhere on an outline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// Centre of area.
    pub(super) centre_m: [f64; 2],
    /// Variances east and north, and covariance, m².
    pub(super) spread_m2: [f64; 3],
}

impl Shape {
    pub(super) fn of(footprint: &Footprint) -> Self {
        let (low, high) = footprint.extent();
        let middle = [(low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5];
        // Moments about the middle of the box, by triangles from there: area, first and second ones.
        let mut sums = [0.0f64; 6];
        for (ring, vertices) in footprint.rings().enumerate() {
            let mut of_ring = [0.0f64; 6];
            let next = vertices.iter().cycle().skip(1);
            for (a, b) in vertices.iter().zip(next) {
                let [ax, ay] = [a[0] - middle[0], a[1] - middle[1]];
                let [bx, by] = [b[0] - middle[0], b[1] - middle[1]];
                let cross = ax * by - bx * ay;
                let terms = [
                    cross / 2.0,
                    cross * (ax + bx) / 6.0,
                    cross * (ay + by) / 6.0,
                    cross * (ax * ax + ax * bx + bx * bx) / 12.0,
                    cross * (ay * ay + ay * by + by * by) / 12.0,
                    cross * (2.0 * ax * ay + ax * by + bx * ay + 2.0 * bx * by) / 24.0,
                ];
                of_ring.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            // Rings run either way; all but the first are holes.
            let sign = of_ring[0].signum() * if ring == 0 { 1.0 } else { -1.0 };
            sums.iter_mut().zip(of_ring).for_each(|(sum, of)| *sum += sign * of);
        }
        let [area, x, y, xx, yy, xy] = sums;
        let [x, y] = [x / area, y / area];
        let spread_m2 = [xx / area - x * x, yy / area - y * y, xy / area - x * y];
        // Crossing or crooked outlines may have no moments to speak of: a square of their area then.
        let sound = area > 0.0 && spread_m2[0] >= 0.0 && spread_m2[1] >= 0.0;
        let definite = spread_m2[0] * spread_m2[1] >= spread_m2[2] * spread_m2[2];
        let inside = x.abs() <= high[0] - low[0] && y.abs() <= high[1] - low[1];
        if sound && definite && inside {
            Self { centre_m: [middle[0] + x, middle[1] + y], spread_m2 }
        } else {
            let variance = (footprint.area_m2() / 12.0).max(0.0);
            Self { centre_m: middle, spread_m2: [variance, variance, 0.0] }
        }
    }
    /// Likelihood of a point that was taken somewhere on the building and lies off by a variance per axis, m².
    pub(super) fn density(&self, point: [f64; 2], variance_m2: f64) -> f64 {
        let [dx, dy] = [point[0] - self.centre_m[0], point[1] - self.centre_m[1]];
        let (xx, yy, xy) =
            (self.spread_m2[0] + variance_m2, self.spread_m2[1] + variance_m2, self.spread_m2[2]);
        let determinant = xx * yy - xy * xy;
        let squared = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / determinant;
        (-0.5 * squared).exp() / determinant.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_rectangle_with_a_hole() {
        let ring = |low: [f64; 2], high: [f64; 2]| vec![low, [high[0], low[1]], high, [low[0], high[1]]];
        let plain = Footprint::new("a", ring([100.0, 50.0], [112.0, 56.0]), vec![]).unwrap();
        let shape = Shape::of(&plain);
        assert!((shape.centre_m[0] - 106.0).abs() < 1e-9 && (shape.centre_m[1] - 53.0).abs() < 1e-9);
        assert!((shape.spread_m2[0] - 12.0).abs() < 1e-9 && (shape.spread_m2[1] - 3.0).abs() < 1e-9);
        // The eastern half taken out, whichever way the hole runs.
        let mut hole = ring([106.0, 50.0], [112.0, 56.0]);
        for _ in 0..2 {
            hole.reverse();
            let half = Footprint::new("b", ring([100.0, 50.0], [112.0, 56.0]), vec![hole.clone()]).unwrap();
            let shape = Shape::of(&half);
            assert!((shape.centre_m[0] - 103.0).abs() < 1e-9 && (shape.spread_m2[0] - 3.0).abs() < 1e-9);
        }
    }

    proptest! {
        #[test]
        fn any_outline_has_a_likelihood(ring in prop::collection::vec([-1e3..1e3f64, -1e3..1e3f64], 3..9), point in [-1e3..1e3f64, -1e3..1e3f64]) {
            if let Ok(footprint) = Footprint::new("a", ring, vec![]) {
                let density = Shape::of(&footprint).density(point, 0.25);
                prop_assert!(density >= 0.0 && density.is_finite());
            }
        }
    }
}
