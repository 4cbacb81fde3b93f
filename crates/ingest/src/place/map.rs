//! A map from longitude and latitude to the coordinates of a file that needs no PROJ: a lattice of exact places, bilinear
//! in between, as fine as was asked for. It can be used by many threads.

use geodesy::crs::{CrsError, Projector};
use glam::DVec2;

use super::Reference;

/// Nodes along a side at first, and at most.
const FIRST_CELLS: usize = 8;
const MOST_CELLS: usize = 1024;

/// Coordinates of a file over an area of longitudes and latitudes.
#[derive(Clone, Debug)]
pub struct PlaceMap {
    low: DVec2,
    step: DVec2,
    cells: usize,
    nodes: Vec<DVec2>,
    residual: f64,
}

impl PlaceMap {
    /// A map over `region_deg` (west, south, east, north), made finer until it is within `tolerance` (units of the
    /// file) of PROJ in the middle of its cells, or has a million cells.
    ///
    /// # Errors
    /// An area that is none.
    pub fn fit(
        reference: &Reference,
        projector: &Projector,
        [west, south, east, north]: [f64; 4],
        tolerance: f64,
    ) -> Result<Self, CrsError> {
        let (low, high) = (DVec2::new(west, south), DVec2::new(east, north));
        if !(low.is_finite() && high.is_finite() && low.cmplt(high).all()) {
            return Err(CrsError::Inconsistent(format!("no area: {west}, {south} to {east}, {north}")));
        }
        let at = |place: DVec2| DVec2::from_array(reference.coordinates(projector, place.to_array()));
        let mut cells = FIRST_CELLS;
        loop {
            let step = (high - low) / cells as f64;
            let side = cells + 1;
            let nodes = (0..side * side)
                .map(|k| at(low + step * DVec2::new((k % side) as f64, (k / side) as f64)))
                .collect();
            let mut map = Self { low, step, cells, nodes, residual: 0.0 };
            // Some cells are enough: the map's curvature changes slowly.
            let every = (cells / FIRST_CELLS).max(1);
            for row in (0..cells).step_by(every) {
                for column in (0..cells).step_by(every) {
                    let middle = low + step * (DVec2::new(column as f64, row as f64) + 0.5);
                    let off = map.at(middle).distance(at(middle));
                    // Ignores NaN: there is no place to be off.
                    map.residual = map.residual.max(off);
                }
            }
            if map.residual <= tolerance || cells >= MOST_CELLS {
                return Ok(map);
            }
            cells *= 2;
        }
    }

    /// Greatest distance from PROJ that was found, in units of the file.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Takes longitudes and latitudes in degrees to coordinates of the file; what lies outside becomes NaN.
    pub fn apply(&self, places: &mut [[f64; 3]]) {
        for place in places {
            let found = self.at(DVec2::new(place[0], place[1]));
            (place[0], place[1]) = (found.x, found.y);
        }
    }

    fn at(&self, place: DVec2) -> DVec2 {
        let within = (place - self.low) / self.step;
        let last = (self.cells - 1) as f64;
        // Half a cell beyond the border is still as good.
        let usable = within.cmpge(DVec2::splat(-0.5)).all() && within.cmple(DVec2::splat(last + 1.5)).all();
        if !usable {
            return DVec2::NAN;
        }
        let cell = within.floor().clamp(DVec2::ZERO, DVec2::splat(last));
        let part = within - cell;
        let first = cell.y as usize * (self.cells + 1) + cell.x as usize;
        let node = |k: usize| self.nodes.get(first + k).copied().unwrap_or(DVec2::NAN);
        let above = self.cells + 1;
        node(0).lerp(node(1), part.x).lerp(node(above).lerp(node(above + 1), part.x), part.y)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::place::{PlaceRequest, StatedPlace};

    #[test]
    fn the_map_is_as_good_as_was_asked_for() {
        let request = PlaceRequest { crs: Some("EPSG:4549".into()), ..PlaceRequest::default() };
        let middle = [490_000.0, 3_010_000.0];
        let reference =
            Reference::decide(Path::new("x"), &StatedPlace::default(), &request, middle, false).unwrap();
        let projector = reference.crs().projector().unwrap();
        let [lon, lat] = reference.degrees(&projector, middle).unwrap();
        let map = PlaceMap::fit(&reference, &projector, [lon - 0.2, lat - 0.2, lon + 0.2, lat + 0.2], 0.01)
            .unwrap();
        assert!(map.residual() <= 0.01, "{}", map.residual());
        for k in 0..50 {
            let place = [lon - 0.19 + f64::from(k) * 0.0077, lat + 0.19 - f64::from(k) * 0.0071, 0.0];
            let mut found = [place];
            map.apply(&mut found);
            let exact = reference.coordinates(&projector, [place[0], place[1]]);
            let off = (found[0][0] - exact[0]).hypot(found[0][1] - exact[1]);
            assert!(off <= 0.012, "{k}: {off}");
        }
        let mut outside = [[lon + 3.0, lat, 0.0]];
        map.apply(&mut outside);
        assert!(outside[0][0].is_nan());
    }
}
