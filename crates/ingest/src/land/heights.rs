//! Heights to be asked for: those of a county's terrain, and those of a survey.

use std::path::Path;

use glam::DVec2;
use terrain::{HeightField, HeightPyramid};

use super::{HEIGHTS_FILE, LandError, LandReport, build::open_path};
use crate::{
    ground::{EARTH_RADIUS_M, LocalPlan},
    raster::{GeoTransform, Window, geotiff::MAX_WINDOW_PIXELS},
};

/// The terrain of a county, for heights, slopes, profiles, rays and lines of sight.
#[derive(Debug)]
pub struct CountyHeights {
    /// The plan in which the pyramid lies.
    pub plan: LocalPlan,
    /// Heights above the ellipsoid, with lowest and highest of blocks.
    pub pyramid: HeightPyramid,
}

/// A raster of heights over longitude and latitude, such as terrain and surface of a survey.
#[derive(Clone, Debug)]
pub struct HeightRaster {
    transform: GeoTransform,
    width: u32,
    height: u32,
    /// Row by row from the north; NaN where there is none.
    heights: Vec<f32>,
}

fn read(path: &Path) -> Result<HeightRaster, LandError> {
    let corrupt = |reason: String| LandError::Corrupt { path: path.to_owned(), reason };
    let mut tiff = open_path(path)?;
    let info = tiff.info();
    let (width, height) = (info.width, info.height);
    if u64::from(width) * u64::from(height) > MAX_WINDOW_PIXELS {
        return Err(corrupt(format!("{width} × {height} heights; {MAX_WINDOW_PIXELS} are allowed")));
    }
    let transform = info.transform.ok_or_else(|| corrupt("it has no place".into()))?;
    let window = Window { x: 0, y: 0, width, height };
    let heights = tiff.read_numbers(window, 0).map_err(LandError::raster(path))?;
    Ok(HeightRaster { transform, width, height, heights })
}

impl HeightRaster {
    /// Reads a raster whole.
    ///
    /// # Errors
    /// A file that cannot be read, or is too large.
    pub fn open(path: &Path) -> Result<Self, LandError> {
        read(path)
    }

    /// Pixels from west to east.
    pub fn columns(&self) -> u32 {
        self.width
    }

    /// Pixels from north to south.
    pub fn rows(&self) -> u32 {
        self.height
    }

    /// Length of a pixel from north to south, metres.
    pub fn cell_m(&self) -> f64 {
        self.transform.row[1].abs().to_radians() * EARTH_RADIUS_M
    }

    /// Longitude and latitude in degrees of a place in pixels from the north-west corner.
    pub fn degrees(&self, column: f64, row: f64) -> [f64; 2] {
        self.transform.at(column, row)
    }

    /// A pixel; `None` outside and where it is not known.
    pub fn pixel(&self, column: u32, row: u32) -> Option<f32> {
        let index = row as usize * self.width as usize + column as usize;
        self.heights.get(index).copied().filter(|height| column < self.width && height.is_finite())
    }

    /// Height at a longitude and latitude in degrees, bilinear between the centres of pixels; `None` outside, and where
    /// one of the four around is not known.
    pub fn height_m(&self, lon_deg: f64, lat_deg: f64) -> Option<f64> {
        let at = DVec2::from_array(self.transform.pixel_at([lon_deg, lat_deg])) - 0.5;
        let last = DVec2::new(f64::from(self.width) - 1.0, f64::from(self.height) - 1.0);
        if !(at.cmpge(DVec2::splat(-0.5)).all() && at.cmple(last + 0.5).all()) {
            return None;
        }
        let at = at.clamp(DVec2::ZERO, last);
        let low = at.floor().min((last - 1.0).max(DVec2::ZERO));
        let part = at - low;
        let pixel = |x: f64, y: f64| {
            let (x, y) = ((low.x + x).min(last.x) as usize, (low.y + y).min(last.y) as usize);
            self.heights.get(y * self.width as usize + x).map(|h| f64::from(*h)).filter(|h| h.is_finite())
        };
        let north = pixel(0.0, 0.0)? * (1.0 - part.x) + pixel(1.0, 0.0)? * part.x;
        let south = pixel(0.0, 1.0)? * (1.0 - part.x) + pixel(1.0, 1.0)? * part.x;
        Some(north * (1.0 - part.y) + south * part.y)
    }
}

impl CountyHeights {
    /// Reads a version of the terrain.
    ///
    /// # Errors
    /// A version that is not there or makes no sense.
    pub fn open(version: &Path) -> Result<Self, LandError> {
        let path = version.join(HEIGHTS_FILE);
        let corrupt = |reason: String| LandError::Corrupt { path: path.clone(), reason };
        let report = LandReport::read(version).ok_or_else(|| corrupt("its report cannot be read".into()))?;
        let raster = read(&path)?;
        let [columns, rows] = report.samples;
        if (raster.width, raster.height) != (columns, rows) {
            return Err(corrupt("it is not of the size that its report says".into()));
        }
        let plan = LocalPlan::at(report.plan_deg[0], report.plan_deg[1])
            .ok_or_else(|| corrupt("its plan lies nowhere".into()))?;
        let from_south: Vec<f32> =
            raster.heights.chunks_exact(columns.max(1) as usize).rev().flatten().copied().collect();
        let origin = DVec2::from_array(report.origin_m);
        let field = HeightField::new(columns, rows, origin, report.cell_m, from_south, None)
            .map_err(|error| corrupt(error.to_string()))?;
        Ok(Self { plan, pyramid: HeightPyramid::new(field) })
    }

    /// Height of the ground above the ellipsoid at a longitude and latitude in degrees.
    pub fn height_m(&self, lon_deg: f64, lat_deg: f64) -> Option<f64> {
        self.pyramid.field().height_at(self.plan.plan_from_degrees(lon_deg, lat_deg))
    }
}
