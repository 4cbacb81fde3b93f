//! Polygons as triangles.

use glam::DVec2;
use spade::{ConstrainedDelaunayTriangulation, Point2, Triangulation};

use crate::CutOut;

/// Triangles, counter-clockwise, of what lies within an odd number of rings. Corners are those of the rings, and where
/// rings cross each other. Nothing for rings that hold nothing, or have more corners than a [`CutOut`] may have.
pub fn triangulated(rings: &[Vec<DVec2>]) -> Vec<[DVec2; 3]> {
    let Ok(area) = CutOut::new(rings) else { return Vec::new() };
    let origin = area.bounds().low;
    // Numbers too close to zero are refused; a picometre is zero enough.
    let local = |point: DVec2| {
        let clean = |x: f64| if x.abs() < 1e-12 { 0.0 } else { x };
        Point2::new(clean(point.x - origin.x), clean(point.y - origin.y))
    };
    let mut net = ConstrainedDelaunayTriangulation::<Point2<f64>>::new();
    for [from, to] in area.sides() {
        let (Ok(from), Ok(to)) = (net.insert(local(from)), net.insert(local(to))) else { return Vec::new() };
        if from != to {
            net.add_constraint_and_split(from, to, |place| place);
        }
    }
    net.inner_faces()
        .filter_map(|face| {
            let corners = face.vertices().map(|vertex| {
                let place = vertex.position();
                DVec2::new(place.x, place.y) + origin
            });
            let [a, b, c] = corners;
            let is_flat = (b - a).perp_dot(c - a) < 1e-9;
            (!is_flat && area.contains((a + b + c) / 3.0)).then_some(corners)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(triangles: &[[DVec2; 3]]) -> f64 {
        triangles.iter().map(|[a, b, c]| (*b - *a).perp_dot(*c - *a) * 0.5).sum()
    }

    fn square(x: f64, y: f64, side: f64) -> Vec<DVec2> {
        [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)]
            .map(|(dx, dy)| DVec2::new(500_000.0 + x + dx, 3_000_000.0 + y + dy))
            .to_vec()
    }

    #[test]
    fn holes_and_corners_are_kept() {
        let mut clockwise = square(0.0, 0.0, 10.0);
        clockwise.reverse();
        for outer in [square(0.0, 0.0, 10.0), clockwise] {
            assert!((area(&triangulated(&[outer.clone(), square(2.0, 3.0, 4.0)])) - 84.0).abs() < 1e-6);
            assert_eq!(triangulated(&[outer]).len(), 2);
        }
        // An L, and one that crosses itself.
        let corners = [(0.0, 0.0), (9.0, 0.0), (9.0, 3.0), (3.0, 3.0), (3.0, 9.0), (0.0, 9.0)];
        let shape: Vec<DVec2> = corners.iter().map(|(x, y)| DVec2::new(*x, *y)).collect();
        assert!((area(&triangulated(&[shape])) - 45.0).abs() < 1e-9);
        let bow = vec![DVec2::ZERO, DVec2::new(2.0, 2.0), DVec2::new(2.0, 0.0), DVec2::new(0.0, 2.0)];
        assert!((area(&triangulated(&[bow])) - 2.0).abs() < 1e-9);
        assert!(triangulated(&[]).is_empty() && triangulated(&[vec![DVec2::NAN; 3]]).is_empty());
        assert!(triangulated(&[vec![DVec2::ZERO, DVec2::X, DVec2::X * 2.0]]).is_empty());
    }
}
