//! Elevation models sampled on the lattice of terrain tiles.

use std::io::{Read, Seek};

use glam::DVec2;
use terrain::TileGrid;

use super::LocalPlan;
use crate::raster::{GeoTiff, RasterError, Window, geotiff::MAX_WINDOW_PIXELS};

/// Samples along the side of what is read at once.
const BLOCK: u32 = 256;
/// Share of the weight that must be known for a height between pixels.
const LEAST_WEIGHT: f64 = 0.5;

/// Takes longitudes and latitudes (degrees; the third number is ignored) to the coordinates of a raster; what has none
/// becomes NaN.
pub type ToRaster<'a> = dyn FnMut(&mut [[f64; 3]]) + Send + 'a;

/// Takes heights as a raster has them (longitude and latitude in degrees, height) to heights above the ellipsoid.
pub type ToEllipsoid<'a> = dyn FnMut(&mut [[f64; 3]]) + Send + 'a;

/// An elevation model and how it is placed.
pub struct Dem<'a, R: Read + Seek> {
    /// The file; it must be placed.
    pub raster: &'a mut GeoTiff<R>,
    /// Band with heights.
    pub band: u16,
    /// To its coordinates.
    pub to_raster: &'a mut ToRaster<'a>,
    /// To heights above the ellipsoid; `None`: they are.
    pub to_ellipsoid: Option<&'a mut ToEllipsoid<'a>>,
}

impl<R: Read + Seek> Dem<'_, R> {
    /// Fills heights of the lattice that are NaN, bilinear between the centres of pixels, and leaves the others: call it
    /// for the best model first. Heights are of all samples, row by row from the south.
    ///
    /// # Errors
    /// A raster without placement, or one that cannot be read.
    pub fn sample(
        &mut self,
        plan: &LocalPlan,
        grid: &TileGrid,
        heights: &mut [f32],
    ) -> Result<(), RasterError> {
        if self.raster.info().transform.is_none() {
            return Err(RasterError::Unsupported("a raster without a place (give a world file)".into()));
        }
        let side = grid.samples();
        for row in (0..side).step_by(BLOCK as usize) {
            for column in (0..side).step_by(BLOCK as usize) {
                self.sample_block(plan, grid, (column, row), heights)?;
            }
        }
        Ok(())
    }

    fn sample_block(
        &mut self,
        plan: &LocalPlan,
        grid: &TileGrid,
        (first_column, first_row): (u32, u32),
        heights: &mut [f32],
    ) -> Result<(), RasterError> {
        let side = grid.samples();
        let columns = first_column..(first_column + BLOCK).min(side);
        let rows = first_row..(first_row + BLOCK).min(side);
        let samples: Vec<(u32, u32)> = rows
            .flat_map(|row| columns.clone().map(move |column| (column, row)))
            .filter(|&(column, row)| heights.get(index(side, column, row)).is_some_and(|h| h.is_nan()))
            .collect();
        let mut places: Vec<[f64; 3]> = samples
            .iter()
            .map(|&(column, row)| {
                let [lon, lat] = plan.degrees_from_plan(grid.position(column, row));
                [lon, lat, 0.0]
            })
            .collect();
        let degrees = places.clone();
        (self.to_raster)(&mut places);
        let Some(found) = self.heights_at(&places)? else { return Ok(()) };
        let mut known: Vec<(usize, [f64; 3])> = found
            .into_iter()
            .enumerate()
            .filter(|(_, height)| height.is_finite())
            .filter_map(|(k, height)| degrees.get(k).map(|[lon, lat, _]| (k, [*lon, *lat, height])))
            .collect();
        if let Some(to_ellipsoid) = &mut self.to_ellipsoid {
            let mut values: Vec<[f64; 3]> = known.iter().map(|(_, value)| *value).collect();
            to_ellipsoid(&mut values);
            known.iter_mut().zip(values).for_each(|(known, value)| known.1 = value);
        }
        for (k, [.., height]) in known {
            if let Some(&(column, row)) = samples.get(k)
                && let Some(slot) = heights.get_mut(index(side, column, row))
            {
                *slot = height as f32;
            }
        }
        Ok(())
    }

    /// Heights at places of the raster, NaN where there is none; `None` if none lies on it.
    fn heights_at(&mut self, places: &[[f64; 3]]) -> Result<Option<Vec<f64>>, RasterError> {
        let info = self.raster.info();
        let (width, height) = (info.width, info.height);
        let Some(transform) = info.transform else { return Ok(None) };
        // In pixels, counted from the centre of the first.
        let pixels: Vec<DVec2> =
            places.iter().map(|[x, y, _]| DVec2::from_array(transform.pixel_at([*x, *y])) - 0.5).collect();
        let extent = DVec2::new(f64::from(width), f64::from(height)) - 0.5;
        let on_raster = |p: &&DVec2| p.cmpge(DVec2::splat(-0.5)).all() && p.cmple(extent).all();
        let inside = pixels.iter().filter(on_raster);
        let Some((low, high)) = inside.fold(None, |range: Option<(DVec2, DVec2)>, p| {
            Some(range.map_or((*p, *p), |(low, high)| (low.min(*p), high.max(*p))))
        }) else {
            return Ok(None);
        };
        let last = DVec2::new(f64::from(width - 1), f64::from(height - 1));
        let low = low.floor().clamp(DVec2::ZERO, last);
        let high = (high.floor() + 1.0).clamp(DVec2::ZERO, last);
        let window = Window {
            x: low.x as u32,
            y: low.y as u32,
            width: (high.x - low.x) as u32 + 1,
            height: (high.y - low.y) as u32 + 1,
        };
        if u64::from(window.width) * u64::from(window.height) > MAX_WINDOW_PIXELS {
            let reason =
                "it is so much finer than the lattice that a block of it does not fit memory".to_owned();
            return Err(RasterError::Invalid { what: "elevation model", reason });
        }
        let numbers = self.raster.read_numbers(window, self.band)?;
        let at =
            |pixel: &DVec2| if on_raster(&pixel) { bilinear(&numbers, window, *pixel) } else { f64::NAN };
        Ok(Some(pixels.iter().map(at).collect()))
    }
}

fn index(side: u32, column: u32, row: u32) -> usize {
    row as usize * side as usize + column as usize
}

/// Bilinear over what is known of the four pixels around, if that is at least half of the weight.
fn bilinear(numbers: &[f32], window: Window, pixel: DVec2) -> f64 {
    let within = (pixel - DVec2::new(window.x.into(), window.y.into())).max(DVec2::ZERO);
    let low = within.floor();
    let part = within - low;
    let (mut sum, mut weight) = (0.0, 0.0);
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let column = (low.x as u32 + dx).min(window.width - 1);
        let row = (low.y as u32 + dy).min(window.height - 1);
        let share = |far: u32, part: f64| if far == 1 { part } else { 1.0 - part };
        let found = numbers.get(row as usize * window.width as usize + column as usize);
        if let Some(number) = found.filter(|number| number.is_finite()) {
            let share = share(dx, part.x) * share(dy, part.y);
            sum += f64::from(*number) * share;
            weight += share;
        }
    }
    if weight >= LEAST_WEIGHT { sum / weight } else { f64::NAN }
}
