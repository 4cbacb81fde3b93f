//! Footprints of the buildings that the classes of a cloud name.

use std::path::Path;

use glam::DVec2;
use serde_json::json;

use super::{BlocksError, Footprint};
use crate::{
    cloud::{BUILDINGS_FILE, SURFACE_FILE, TERRAIN_FILE},
    land::HeightRaster,
    outline::{Mask, polygons, simplified},
};

/// How footprints are derived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeriveOptions {
    /// Smaller areas are no buildings, square metres.
    pub least_m2: f64,
    /// Gaps in roofs that are bridged, metres.
    pub bridge_m: f64,
    /// How far outlines may be from the cells, metres.
    pub simplify_m: f64,
    /// Lower areas are no buildings, metres.
    pub least_height_m: f64,
}

impl Default for DeriveOptions {
    fn default() -> Self {
        Self { least_m2: 10.0, bridge_m: 0.5, simplify_m: 0.6, least_height_m: 1.5 }
    }
}

/// Footprints of a survey whose ground lies in the folder `ground`, from the south, with ids `<village>-B<number>`.
/// Buildings that touch are one. None where the cloud has no points of the building class.
///
/// # Errors
/// Rasters that cannot be read.
pub fn footprints_of_ground(
    ground: &Path,
    village: &str,
    options: &DeriveOptions,
) -> Result<Vec<Footprint>, BlocksError> {
    let buildings = ground.join(BUILDINGS_FILE);
    if !buildings.is_file() {
        return Ok(Vec::new());
    }
    let marks = HeightRaster::open(&buildings)?;
    let terrain = HeightRaster::open(&ground.join(TERRAIN_FILE))?;
    let surface = HeightRaster::open(&ground.join(SURFACE_FILE))?;
    let (columns, rows) = (marks.columns() as usize, marks.rows() as usize);
    let mut mask = Mask::new(columns, rows);
    for row in 0..rows {
        for column in 0..columns {
            if marks.pixel(column as u32, row as u32).is_some_and(|mark| mark > 0.5) {
                // Rasters count from the north, masks from the south.
                mask.set(column, rows - 1 - row);
            }
        }
    }
    let cell_m = marks.cell_m();
    let bridge = (options.bridge_m / cell_m).round().max(0.0) as usize;
    let least = (options.least_m2 / (cell_m * cell_m)).ceil() as usize;
    let mask = mask.grown(bridge).shrunk(bridge).tidied(least);
    let rings = mask.rings().into_iter().map(|ring| simplified(&ring, options.simplify_m / cell_m));
    let rings: Vec<Vec<DVec2>> = rings.filter(|ring| ring.len() >= 3).collect();
    let mut found = Vec::new();
    for polygon in polygons(rings) {
        let Some((base_m, height_m)) = heights(&polygon, rows, &terrain, &surface) else { continue };
        if height_m < options.least_height_m {
            continue;
        }
        let degrees = |corner: &DVec2| marks.degrees(corner.x, rows as f64 - corner.y);
        found.push(Footprint {
            id: format!("{village}-B{}", found.len() + 1),
            rings: polygon.iter().map(|ring| ring.iter().map(degrees).collect()).collect(),
            base_m,
            height_m,
        });
    }
    Ok(found)
}

/// Lowest ground, and the height of the roof over it that half of the cells reach.
fn heights(
    polygon: &[Vec<DVec2>],
    rows: usize,
    terrain: &HeightRaster,
    surface: &HeightRaster,
) -> Option<(f64, f64)> {
    let outer = polygon.first()?;
    let low = outer.iter().copied().fold(DVec2::INFINITY, DVec2::min).floor().max(DVec2::ZERO);
    let high = outer.iter().copied().fold(DVec2::NEG_INFINITY, DVec2::max).ceil();
    let mut roofs = Vec::new();
    let mut base = f64::INFINITY;
    for row in low.y as usize..(high.y as usize).min(rows) {
        for column in low.x as usize..high.x as usize {
            let place = DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
            let is_inside =
                polygon.iter().filter(|ring| crate::outline::ring_contains(ring, place)).count() % 2 == 1;
            if !is_inside {
                continue;
            }
            let from_north = (rows - 1 - row) as u32;
            roofs.extend(surface.pixel(column as u32, from_north).map(f64::from));
            if let Some(ground) = terrain.pixel(column as u32, from_north) {
                base = base.min(ground.into());
            }
        }
    }
    let middle = roofs.len() / 2;
    if roofs.is_empty() || !base.is_finite() {
        return None;
    }
    let (_, roof, _) = roofs.select_nth_unstable_by(middle, f64::total_cmp);
    Some((base, *roof - base))
}

/// Footprints as GeoJSON, with `building_id`, `height_m` and `base_m` (above the ellipsoid).
pub fn footprints_geojson(footprints: &[Footprint]) -> String {
    let features: Vec<_> = footprints
        .iter()
        .map(|footprint| {
            let rounded = |number: f64| (number * 100.0).round() / 100.0;
            let rings: Vec<Vec<[f64; 2]>> = footprint
                .rings
                .iter()
                .map(|ring| ring.iter().chain(ring.first()).copied().collect())
                .collect();
            json!({
                "type": "Feature",
                "properties": {
                    "building_id": footprint.id,
                    "height_m": rounded(footprint.height_m),
                    "base_m": rounded(footprint.base_m),
                },
                "geometry": { "type": "Polygon", "coordinates": rings },
            })
        })
        .collect();
    format!("{}\n", json!({ "type": "FeatureCollection", "features": features }))
}
