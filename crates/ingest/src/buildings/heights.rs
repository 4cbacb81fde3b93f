//! How high a building is: as its table says, else by its floors, else from rasters of ground and surface.

use serde::Serialize;

use crate::vector::{Geometry, Position};

/// Height of a floor where only their number is known, metres.
const FLOOR_M: f64 = 3.0;
/// Samples along each side of a footprint.
const SAMPLES: usize = 7;
/// Lower than this is no building that a raster shows, metres.
const LEAST_M: f64 = 1.5;

/// Height of the ground and of the surface above the ellipsoid at a place (longitude, latitude in degrees), metres.
pub type HeightQuery<'a> = dyn Fn(f64, f64) -> Option<(f64, f64)> + 'a;

/// Where a height comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeightFrom {
    /// The table says it.
    Attribute,
    /// The number of floors, three metres each.
    Floors,
    /// Rasters of ground and surface.
    Raster,
}

/// Height of a building above its ground with where it comes from, and height of that ground above the ellipsoid, metres.
pub(super) fn height(
    geometry: &Geometry,
    height_m: Option<f64>,
    floors: Option<f64>,
    query: Option<&HeightQuery<'_>>,
) -> (Option<(f64, HeightFrom)>, Option<f64>) {
    let sampled = query.and_then(|query| sampled(geometry, query));
    let ground_m = sampled.map(|(ground, _)| ground);
    let by_table = height_m.filter(|h| *h > 0.0).map(|h| (h, HeightFrom::Attribute));
    let by_floors = floors.filter(|n| *n > 0.0).map(|n| (n * FLOOR_M, HeightFrom::Floors));
    let by_raster = sampled
        .map(|(ground, top)| (top - ground, HeightFrom::Raster))
        .filter(|(height, _)| *height >= LEAST_M);
    (by_table.or(by_floors).or(by_raster), ground_m)
}

/// Ground (median) and top (nine of ten samples are lower) within a footprint.
fn sampled(geometry: &Geometry, query: &HeightQuery<'_>) -> Option<(f64, f64)> {
    let [low, high] = geometry.bounds()?;
    let at = |i: usize, j: usize| -> Position {
        let part = |k: usize| (k as f64 + 0.5) / SAMPLES as f64;
        [low[0] + (high[0] - low[0]) * part(i), low[1] + (high[1] - low[1]) * part(j)]
    };
    let grid = (0..SAMPLES).flat_map(|i| (0..SAMPLES).map(move |j| (i, j)));
    let inside = grid.map(|(i, j)| at(i, j)).filter(|p| geometry.contains(*p)).chain(geometry.middle());
    let (mut grounds, mut tops): (Vec<f64>, Vec<f64>) = inside.filter_map(|p| query(p[0], p[1])).unzip();
    grounds.sort_by(f64::total_cmp);
    tops.sort_by(f64::total_cmp);
    let ground = grounds.get(grounds.len() / 2)?;
    let top = tops.get(tops.len() * 9 / 10)?;
    Some((*ground, *top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_outranks_floors_and_floors_the_raster() {
        let ring =
            vec![[119.9, 27.2], [119.9001, 27.2], [119.9001, 27.2001], [119.9, 27.2001], [119.9, 27.2]];
        let geometry = Geometry::Polygons(vec![vec![ring]]);
        // A chimney in a corner.
        let query = |lon: f64, lat: f64| {
            let is_chimney = lat > 27.200_09 && lon > 119.900_09;
            Some((100.0, if is_chimney { 130.0 } else { 107.0 }))
        };
        let of = |height, floors| super::height(&geometry, height, floors, Some(&query));
        assert_eq!(of(Some(5.5), Some(2.0)), (Some((5.5, HeightFrom::Attribute)), Some(100.0)));
        assert_eq!(of(None, Some(2.0)), (Some((6.0, HeightFrom::Floors)), Some(100.0)));
        assert_eq!(of(Some(0.0), None), (Some((7.0, HeightFrom::Raster)), Some(100.0)));
        assert_eq!(super::height(&geometry, None, None, None), (None, None));
        let flat = |_: f64, _: f64| Some((100.0, 100.4));
        assert_eq!(super::height(&geometry, None, None, Some(&flat)), (None, Some(100.0)));
    }
}
