//! Tight oriented boxes: the smallest of eight orientations around the vertical.

use geodesy::Obb;
use glam::{DMat3, DVec3};

/// Orientations that are tried, over a quarter turn.
const TURNS: usize = 8;
/// Directions in the plane that are measured: each orientation has two.
const DIRECTIONS: usize = 2 * TURNS;

/// The axes that orientations are counted from: grid east, grid north and up of a survey, orthonormal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    local_from_axes: DMat3,
    directions: [(f64, f64); DIRECTIONS],
}

/// Extent of points along all directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    low: [f64; DIRECTIONS],
    high: [f64; DIRECTIONS],
    z: (f64, f64),
}

impl Axes {
    /// From directions that are nearly orthonormal; z is kept.
    pub(super) fn new([x, _, z]: [DVec3; 3]) -> Self {
        let up = z.normalize_or(DVec3::Z);
        let east = (x - up * up.dot(x)).normalize_or(up.any_orthonormal_vector());
        let local_from_axes = DMat3::from_cols(east, up.cross(east), up);
        let directions = std::array::from_fn(|i| {
            let angle = std::f64::consts::FRAC_PI_2 * i as f64 / TURNS as f64;
            (angle.cos(), angle.sin())
        });
        Self { local_from_axes, directions }
    }

    /// The rotation from these axes to the local frame.
    pub(super) fn local_from_axes(&self) -> DMat3 {
        self.local_from_axes
    }

    /// Extends by points of the local frame.
    pub(super) fn extend(&self, extent: &mut Extent, points: impl IntoIterator<Item = DVec3>) {
        let axes_from_local = self.local_from_axes.transpose();
        for point in points {
            let p = axes_from_local * point;
            for ((low, high), (cos, sin)) in extent.low.iter_mut().zip(&mut extent.high).zip(&self.directions)
            {
                let along = p.x * cos + p.y * sin;
                *low = low.min(along);
                *high = high.max(along);
            }
            extent.z = (extent.z.0.min(p.z), extent.z.1.max(p.z));
        }
    }

    /// The smallest box; `None` for no points.
    pub(super) fn smallest_box(&self, extent: &Extent) -> Option<Obb> {
        if extent.z.0 > extent.z.1 {
            return None;
        }
        let area = |turn: usize| {
            (extent.high[turn] - extent.low[turn]) * (extent.high[turn + TURNS] - extent.low[turn + TURNS])
        };
        let turn = (0..TURNS).min_by(|a, b| area(*a).total_cmp(&area(*b)))?;
        let (cos, sin) = self.directions[turn];
        let axes = [DVec3::new(cos, sin, 0.0), DVec3::new(-sin, cos, 0.0), DVec3::Z]
            .map(|axis| self.local_from_axes * axis);
        let spans = [
            (extent.low[turn], extent.high[turn]),
            (extent.low[turn + TURNS], extent.high[turn + TURNS]),
            extent.z,
        ];
        // A hair larger: readers compute in their own way, and flat meshes must not have flat boxes.
        let spans = spans.map(|(low, high)| (low - MARGIN_M, high + MARGIN_M));
        Some(Obb::from_extents(axes, spans))
    }
}

/// What boxes are larger by than their vertices, metres.
const MARGIN_M: f64 = 0.001;

impl Extent {
    /// Of no points.
    pub(super) const EMPTY: Self = Self {
        low: [f64::INFINITY; DIRECTIONS],
        high: [f64::NEG_INFINITY; DIRECTIONS],
        z: (f64::INFINITY, f64::NEG_INFINITY),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_rectangle_gets_a_turned_box() {
        let axes = Axes::new([DVec3::new(1.0, 0.01, 0.0), DVec3::Y, DVec3::Z]);
        // 45° is the fourth of eight turns.
        let turned = |u: f64, v: f64| DVec3::new(1000.0 + u - v, 2000.0 + u + v, 0.1 * u);
        let points: Vec<DVec3> =
            (0..100).map(|i| turned(f64::from(i % 10), f64::from(i / 10) * 0.1)).collect();
        let mut extent = Extent::EMPTY;
        axes.extend(&mut extent, points.iter().copied());
        let found = axes.smallest_box(&extent).unwrap();
        assert!(points.iter().all(|p| found.distance_squared(*p) < 1e-12));
        let [a, b, _] = found.half_axes.map(DVec3::length);
        let area = 4.0 * a * b;
        assert!(area < 1.35 * (2f64.sqrt() * 9.0) * (2f64.sqrt() * 0.9), "{area}");
        assert!(axes.smallest_box(&Extent::EMPTY).is_none());
    }
}
