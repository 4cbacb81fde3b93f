//! Reprojection of many points: exact at the nodes of a lattice, trilinear in between, and only where that was checked
//! to be as good.

use std::collections::HashMap;

use glam::DVec3;

/// Takes coordinates of the source's system to the target's; what cannot be transformed becomes NaN.
pub type Reproject<'a> = dyn FnMut(&mut [[f64; 3]]) + 'a;

/// Side of a lattice cell on the ground, metres: interpolation over it is a fraction of a millimetre off.
const CELL_M: f64 = 128.0;
/// What interpolation may be off, metres.
const TOLERANCE_M: f64 = 0.000_5;
/// Cells kept; beyond, all are forgotten and made anew.
const MAX_CELLS: usize = 1 << 16;

/// A reprojection with the lattice it has made so far.
pub(crate) struct Warp<'a> {
    reproject: &'a mut Reproject<'a>,
    /// Applied after the reprojection.
    place: Box<dyn Fn(DVec3) -> DVec3 + 'a>,
    /// Size of a cell in units of the source; `None` until the first point.
    cell: Option<DVec3>,
    cells: HashMap<[i32; 3], Option<[DVec3; 8]>>,
    latest: ([i32; 3], Option<[DVec3; 8]>),
    exact: Vec<usize>,
}

impl<'a> Warp<'a> {
    pub(crate) fn new(reproject: &'a mut Reproject<'a>, place: impl Fn(DVec3) -> DVec3 + 'a) -> Self {
        let nowhere = ([i32::MIN; 3], None);
        Self {
            reproject,
            place: Box::new(place),
            cell: None,
            cells: HashMap::new(),
            latest: nowhere,
            exact: Vec::new(),
        }
    }

    /// Positions of points in the target's system; NaN where they have none.
    pub(crate) fn apply(&mut self, points: &[[f64; 3]], out: &mut Vec<DVec3>) {
        out.clear();
        self.exact.clear();
        for (index, point) in points.iter().enumerate() {
            let point = DVec3::from_array(*point);
            let found = self.interpolate(point);
            if found.is_none() {
                self.exact.push(index);
            }
            out.push(found.unwrap_or(DVec3::NAN));
        }
        if self.exact.is_empty() {
            return;
        }
        let mut all: Vec<[f64; 3]> = self.exact.iter().map(|&index| points[index]).collect();
        (self.reproject)(&mut all);
        for (&index, point) in self.exact.iter().zip(all) {
            out[index] = (self.place)(DVec3::from_array(point));
        }
    }

    /// `None` where only the reprojection itself will do.
    fn interpolate(&mut self, point: DVec3) -> Option<DVec3> {
        let size = match self.cell {
            Some(size) => size,
            None => {
                let size = self.cell_size(point);
                *self.cell.insert(size)
            }
        };
        let in_cells = point / size;
        let low = in_cells.floor();
        // Also keeps NaN out.
        // What is no number lies nowhere.
        if low.abs().max_element().partial_cmp(&1e9) != Some(std::cmp::Ordering::Less) {
            return None;
        }
        let key = low.as_ivec3().to_array();
        if self.latest.0 != key {
            let corners = match self.cells.get(&key) {
                Some(corners) => *corners,
                None => {
                    let corners = self.measure(low, size);
                    if self.cells.len() >= MAX_CELLS {
                        self.cells.clear();
                    }
                    self.cells.insert(key, corners);
                    corners
                }
            };
            self.latest = (key, corners);
        }
        Some(trilinear(self.latest.1.as_ref()?, in_cells - low))
    }

    /// The corners of a cell, if interpolation between them is good enough.
    fn measure(&mut self, low: DVec3, size: DVec3) -> Option<[DVec3; 8]> {
        // Corners, then the centre and the middles of the faces, where interpolation is worst.
        let corner = |k: usize| DVec3::new((k & 1) as f64, (k >> 1 & 1) as f64, (k >> 2 & 1) as f64);
        let inner = [
            DVec3::splat(0.5),
            DVec3::new(0.0, 0.5, 0.5),
            DVec3::new(1.0, 0.5, 0.5),
            DVec3::new(0.5, 0.0, 0.5),
            DVec3::new(0.5, 1.0, 0.5),
            DVec3::new(0.5, 0.5, 0.0),
            DVec3::new(0.5, 0.5, 1.0),
        ];
        let places = (0..8).map(corner).chain(inner);
        let mut points: Vec<[f64; 3]> = places.map(|place| ((low + place) * size).to_array()).collect();
        (self.reproject)(&mut points);
        let points: Vec<DVec3> = points.into_iter().map(|p| (self.place)(DVec3::from_array(p))).collect();
        let corners: [DVec3; 8] = points.get(..8)?.try_into().ok()?;
        let is_good = inner.iter().zip(points.get(8..)?).all(|(place, exact)| {
            // False for NaN.
            trilinear(&corners, *place).distance(*exact) <= TOLERANCE_M
        });
        is_good.then_some(corners)
    }

    /// How many units of the source make [`CELL_M`] along each axis.
    fn cell_size(&mut self, point: DVec3) -> DVec3 {
        // A step that is small in degrees and large enough in metres.
        let step = 1e-4;
        let mut points = [DVec3::ZERO, DVec3::X * step, DVec3::Y * step, DVec3::Z * step]
            .map(|offset| (point + offset).to_array());
        (self.reproject)(&mut points);
        let placed = points.map(|p| (self.place)(DVec3::from_array(p)));
        let size = |axis: usize| {
            let units = CELL_M / (placed[axis].distance(placed[0]) / step);
            if units.is_finite() && units > 1e-9 { units } else { CELL_M }
        };
        DVec3::new(size(1), size(2), size(3))
    }
}

fn trilinear(corners: &[DVec3; 8], at: DVec3) -> DVec3 {
    let along_x = |k: usize| corners[k] + (corners[k + 1] - corners[k]) * at.x;
    let (south_low, north_low, south_high, north_high) = (along_x(0), along_x(2), along_x(4), along_x(6));
    let low = south_low + (north_low - south_low) * at.y;
    let high = south_high + (north_high - south_high) * at.y;
    low + (high - low) * at.z
}
