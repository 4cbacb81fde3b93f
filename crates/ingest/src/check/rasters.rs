//! Rasters of a county, and the versions of its terrain.

use std::{fs::File, io::BufReader};

use super::Check;
use crate::{
    land::{HEIGHTS_FILE, LandReport, TERRAIN_FOLDER},
    mesh::REPORT_FILE,
    raster::{GeoTiff, RasterError, Window, geotiff::SampleKind},
};

/// Pixels that are read at once.
const BAND_PIXELS: u32 = 1 << 22;

impl Check<'_> {
    /// Reads a raster to its end; returns its size.
    pub(super) fn raster(&mut self, path: &str) -> Option<[u32; 2]> {
        let full = self.folder().join(path);
        let file = match File::open(&full) {
            Ok(file) => file,
            Err(error) => {
                self.problem(path, error.to_string());
                return None;
            }
        };
        self.report.figures.rasters += 1;
        match read(BufReader::new(file)) {
            Ok(size) => Some(size),
            Err(error) => {
                self.problem(path, error.to_string());
                None
            }
        }
    }

    /// The version of the terrain that is shown.
    pub(super) fn land(&mut self, version: &str) {
        let inside = format!("{TERRAIN_FOLDER}/{version}");
        let folder = self.county.land_folder(version);
        if !folder.is_dir() {
            self.problem("tileset.json", format!("{inside} is shown and is not there"));
            return;
        }
        let Some(report) = LandReport::read(&folder) else {
            self.problem(
                format!("{inside}/{REPORT_FILE}"),
                "it cannot be read: import an elevation model again",
            );
            return;
        };
        let heights = format!("{inside}/{HEIGHTS_FILE}");
        if let Some(size) = self.raster(&heights)
            && size != report.samples
        {
            self.problem(heights, format!("{size:?} heights; the report says {:?}", report.samples));
        }
    }
}

fn read(file: BufReader<File>) -> Result<[u32; 2], RasterError> {
    let mut tiff = GeoTiff::open(file)?;
    let info = tiff.info();
    let (width, height) = (info.width, info.height);
    let is_picture = info.samples >= 3 && info.kind == SampleKind::Unsigned(8);
    let chunk = info.chunk.1.clamp(1, 1024);
    let rows = (BAND_PIXELS / width.max(1)).clamp(1, height).div_ceil(chunk) * chunk;
    for top in (0..height).step_by(rows as usize) {
        let window = Window { x: 0, y: top, width, height: rows.min(height - top) };
        if is_picture {
            tiff.read_colors(window)?;
        } else {
            tiff.read_numbers(window, 0)?;
        }
    }
    Ok([width, height])
}
