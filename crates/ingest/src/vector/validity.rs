//! What makes a geometry fit for use: rings that are closed, do not cross themselves, and run the usual way.

use i_overlay::{core::fill_rule::FillRule, float::simplify::SimplifyShape};

use super::geometry::{Geometry, Plane, Polygon, Position, area_deg2, ring_area};

/// Positions closer than this are one, degrees (0.1 mm).
const SAME_DEG: f64 = 1e-9;
/// Mended areas smaller than this are dropped with the cut that made them, square metres.
const LEAST_AREA_M2: f64 = 0.01;

/// The geometry fit for use, and what was mended; or why it cannot be used.
pub(super) fn checked(geometry: Geometry) -> Result<(Geometry, Vec<String>), String> {
    let mut mended = Vec::new();
    let geometry = match geometry {
        Geometry::Points(points) => Geometry::Points(points),
        Geometry::Lines(lines) => {
            let count = lines.len();
            let kept: Vec<_> = lines.into_iter().map(without_repeats).filter(|line| line.len() > 1).collect();
            if kept.is_empty() {
                return Err("its line has no length".to_owned());
            }
            if kept.len() < count {
                mended.push(format!("{} parts without a length were left out", count - kept.len()));
            }
            Geometry::Lines(kept)
        }
        Geometry::Polygons(polygons) => {
            let mut kept = Vec::new();
            for polygon in polygons {
                kept.extend(checked_polygon(polygon, &mut mended)?);
            }
            if kept.is_empty() {
                return Err("it has no area".to_owned());
            }
            Geometry::Polygons(kept)
        }
    };
    Ok((geometry, mended))
}

fn is_same(a: Position, b: Position) -> bool {
    (a[0] - b[0]).abs() < SAME_DEG && (a[1] - b[1]).abs() < SAME_DEG
}

fn without_repeats(mut line: Vec<Position>) -> Vec<Position> {
    line.dedup_by(|b, a| is_same(*a, *b));
    line
}

fn checked_polygon(polygon: Polygon, mended: &mut Vec<String>) -> Result<Vec<Polygon>, String> {
    let mut rings: Polygon = Vec::new();
    let mut dropped_holes = 0;
    for (index, ring) in polygon.into_iter().enumerate() {
        let mut ring = without_repeats(ring);
        match (ring.first().copied(), ring.last_mut()) {
            (Some(first), Some(last)) if is_same(first, *last) => *last = first,
            (Some(first), Some(_)) => {
                ring.push(first);
                mended.push("a ring was open: closed".to_owned());
            }
            _ => {}
        }
        let is_flat = ring.len() < 4 || ring_area(&ring).abs() < SAME_DEG * SAME_DEG;
        match (is_flat, index) {
            // A figure of eight may have no area in sum; what becomes of it is decided below.
            (true, 0) if ring.len() < 5 => {
                return Err("its ring has fewer than three corners, or no area".to_owned());
            }
            (true, 1..) => dropped_holes += 1,
            _ => rings.push(ring),
        }
    }
    if dropped_holes > 0 {
        mended.push(format!("{dropped_holes} holes without an area were left out"));
    }
    let polygons = match crossing(&rings) {
        None if rings.first().is_none_or(|ring| ring_area(ring).abs() < SAME_DEG * SAME_DEG) => {
            return Err("its ring has no area".to_owned());
        }
        None => vec![rings],
        Some(at) => untangled(rings, at, mended)?,
    };
    Ok(polygons.into_iter().map(oriented).collect())
}

/// Outer rings against the clock, holes with it, as GeoJSON has them.
fn oriented(mut polygon: Polygon) -> Polygon {
    for (index, ring) in polygon.iter_mut().enumerate() {
        if (ring_area(ring) > 0.0) != (index == 0) {
            ring.reverse();
        }
    }
    polygon
}

fn untangled(rings: Polygon, at: Position, mended: &mut Vec<String>) -> Result<Vec<Polygon>, String> {
    let plane = Plane::around(at);
    let in_metres: Vec<Vec<Position>> = plane
        .polygons(&[rings])
        .remove(0)
        .into_iter()
        .map(|mut ring| {
            ring.pop();
            ring
        })
        .collect();
    let before = in_metres.iter().map(|ring| ring_area(ring)).sum::<f64>().abs();
    let shapes = in_metres.simplify_shape(FillRule::EvenOdd);
    let closed = |mut ring: Vec<Position>| {
        ring.extend(ring.first().copied());
        ring
    };
    let polygons: Vec<Polygon> = shapes
        .into_iter()
        .map(|shape| shape.into_iter().map(closed).collect::<Polygon>())
        .filter(|polygon| area_deg2(std::slice::from_ref(polygon)) >= LEAST_AREA_M2)
        .collect();
    let [lon, lat] = at;
    if polygons.is_empty() {
        return Err(format!("its ring crosses itself at {lon:.7}, {lat:.7} and leaves no area"));
    }
    let after = area_deg2(&polygons);
    mended.push(format!(
        "its ring crosses itself at {lon:.7}, {lat:.7}: taken apart into {} areas ({before:.1} m² before, {after:.1} m² after)",
        polygons.len()
    ));
    let degrees = |ring: Vec<Position>| ring.into_iter().map(|p| plane.degrees(p)).collect();
    Ok(polygons.into_iter().map(|polygon| polygon.into_iter().map(degrees).collect()).collect())
}

/// Where two edges of a polygon cross, or one runs back over another.
pub(super) fn crossing(rings: &[Vec<Position>]) -> Option<Position> {
    let origin = *rings.first()?.first()?;
    let local = |p: &Position| [p[0] - origin[0], p[1] - origin[1]];
    let mut edges: Vec<[Position; 2]> = rings
        .iter()
        .flat_map(|ring| ring.windows(2).map(|pair| [local(&pair[0]), local(&pair[1])]))
        .map(|[a, b]| if a[0] <= b[0] { [a, b] } else { [b, a] })
        .collect();
    // An edge that goes back on the one before it.
    for ring in rings {
        if let Some(triple) = ring.windows(3).find(|t| is_same(t[0], t[2])) {
            return Some(triple[1]);
        }
    }
    edges.sort_by(|a, b| a[0][0].total_cmp(&b[0][0]));
    for (index, [a, b]) in edges.iter().enumerate() {
        for [c, d] in edges.iter().skip(index + 1).take_while(|other| other[0][0] <= b[0]) {
            let apart = a[1].max(b[1]) < c[1].min(d[1]) || c[1].max(d[1]) < a[1].min(b[1]);
            if apart {
                continue;
            }
            let (s, t) = (side(*a, *b, *c), side(*a, *b, *d));
            let (u, v) = (side(*c, *d, *a), side(*c, *d, *b));
            if s * t < 0.0 && u * v < 0.0 {
                let at = s / (s - t);
                return Some([0, 1].map(|i| c[i] + (d[i] - c[i]) * at + origin[i]));
            }
        }
    }
    None
}

fn side(a: Position, b: Position, p: Position) -> f64 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metres around a place in Fujian.
    fn ring(points: &[Position]) -> Vec<Position> {
        let plane = Plane::around([119.9, 27.2]);
        points.iter().map(|p| plane.degrees(*p)).collect()
    }

    fn area_m2(geometry: &Geometry) -> f64 {
        area_deg2(&Plane::around([119.9, 27.2]).polygons(geometry.polygons()))
    }

    #[test]
    fn open_rings_are_closed_and_run_the_usual_way() {
        let clockwise = ring(&[[0.0, 0.0], [0.0, 10.0], [10.0, 10.0], [10.0, 0.0]]);
        let (geometry, mended) = checked(Geometry::Polygons(vec![vec![clockwise]])).unwrap();
        assert_eq!(mended, ["a ring was open: closed"]);
        let outer = &geometry.polygons()[0][0];
        assert!(outer.first() == outer.last() && ring_area(outer) > 0.0 && outer.len() == 5);
        assert!((area_m2(&geometry) - 100.0).abs() < 1e-6);
    }

    #[test]
    fn a_figure_of_eight_becomes_two_areas() {
        let eight = ring(&[[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0], [0.0, 0.0]]);
        let (geometry, mended) = checked(Geometry::Polygons(vec![vec![eight]])).unwrap();
        assert_eq!(geometry.polygons().len(), 2);
        assert!(mended[0].contains("crosses itself"), "{mended:?}");
        assert!((area_m2(&geometry) - 50.0).abs() < 1e-3, "{}", area_m2(&geometry));
    }

    #[test]
    fn spikes_are_taken_off_and_flat_rings_refused() {
        let spike =
            ring(&[[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [0.0, 0.0]]);
        let (geometry, mended) = checked(Geometry::Polygons(vec![vec![spike]])).unwrap();
        assert!(!mended.is_empty() && (area_m2(&geometry) - 100.0).abs() < 1e-3);
        let flat = ring(&[[0.0, 0.0], [10.0, 0.0], [0.0, 0.0]]);
        assert!(checked(Geometry::Polygons(vec![vec![flat]])).is_err());
        assert!(checked(Geometry::Lines(vec![ring(&[[1.0, 1.0], [1.0, 1.0]])])).is_err());
    }
}
