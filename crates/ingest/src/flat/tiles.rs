//! Map tiles (web Mercator, 256 texels) of orthophotos: the finest from the photos, coarser ones from those below.

use std::{
    io::{Seek, Write},
    sync::Mutex,
};

use jpeg_encoder::{ColorType, Encoder};
use rayon::prelude::*;
use serde::Serialize;
use terrain::PlanRect;

use super::{PmTilesError, PmTilesWriter};
use crate::ground::{LocalPlan, Ortho};

const SIDE: u32 = 256;
const JPEG: u8 = 3;
const QUALITY: u8 = 85;
/// Web Mercator ends here, degrees.
const MAX_LAT_DEG: f64 = 85.0;
/// Length of a texel of zoom 0 at the equator, metres.
const ZOOM_0_TEXEL_M: f64 = 156_543.033_928;
/// Deepest zoom that is made: texels of some 7 cm.
const MAX_ZOOM: u8 = 21;
/// Subtrees of so many zooms are made at once.
const AT_ONCE_ZOOMS: u8 = 3;
/// What is not on a photo.
const PAPER: [u8; 3] = [236, 236, 230];

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FlatMapReport {
    /// Tiles.
    pub tiles: u64,
    /// Bytes of the tiles.
    pub bytes: u64,
    /// Least and greatest zoom.
    pub zooms: [u8; 2],
}

type Picture = Vec<[u8; 4]>;

/// Makes a flat map of the photos over `region_deg` (west, south, east, north) whose texels are about as fine as
/// `pixel_m`. Runs on the caller's rayon pool.
///
/// # Errors
/// Photos that cannot be read, a region without photos, and what the disk answers.
pub fn write_flat_map<W: Write + Seek>(
    photos: &dyn Ortho,
    plan: &LocalPlan,
    region_deg: [f64; 4],
    pixel_m: f64,
    name: &str,
    file: W,
) -> Result<(W, FlatMapReport), PmTilesError> {
    let [west, south, east, north] = region_deg;
    let is_area = region_deg.iter().all(|n| n.is_finite())
        && west < east
        && south < north
        && south > -MAX_LAT_DEG
        && north < MAX_LAT_DEG
        && pixel_m > 0.0;
    if !is_area {
        return Err(PmTilesError::Invalid(format!("no flat map of {region_deg:?}")));
    }
    let texel_m = ZOOM_0_TEXEL_M * ((south + north) * 0.5).to_radians().cos();
    let deepest = (texel_m / pixel_m).log2().round().clamp(0.0, f64::from(MAX_ZOOM)) as u8;
    let maker = Maker { photos, plan, region_deg, deepest };
    // The first zoom at which the region is more than a tile.
    let first = (0..=deepest).rev().find(|zoom| maker.count(*zoom) <= 1).unwrap_or(0);
    let writer = Mutex::new((PmTilesWriter::new(file)?, 0u64, 0u64));
    for (x, y) in maker.tiles(first) {
        maker.node(first, x, y, &writer)?;
    }
    let (writer, tiles, bytes) = writer.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let metadata = serde_json::json!({ "name": name, "type": "baselayer", "format": "jpg" }).to_string();
    let (file, header) = writer.finish(JPEG, region_deg, &metadata)?;
    Ok((file, FlatMapReport { tiles, bytes, zooms: header.zooms }))
}

struct Maker<'a> {
    photos: &'a dyn Ortho,
    plan: &'a LocalPlan,
    region_deg: [f64; 4],
    deepest: u8,
}

type Shared<W> = Mutex<(PmTilesWriter<W>, u64, u64)>;

/// A tile, to be stored.
type Made = (u8, u32, u32, Vec<u8>);

fn column(zoom: u8, lon_deg: f64) -> u32 {
    let side = f64::from(1u32 << zoom);
    ((lon_deg + 180.0) / 360.0 * side).floor().clamp(0.0, side - 1.0) as u32
}

fn row(zoom: u8, lat_deg: f64) -> u32 {
    let side = f64::from(1u32 << zoom);
    let lat = lat_deg.to_radians();
    ((1.0 - lat.tan().asinh() / std::f64::consts::PI) / 2.0 * side).floor().clamp(0.0, side - 1.0) as u32
}

/// Longitude and latitude in degrees of the north-west corner of a tile.
fn corner(zoom: u8, x: u32, y: u32) -> [f64; 2] {
    let side = f64::from(1u32 << zoom);
    let lat = (std::f64::consts::PI * (1.0 - 2.0 * f64::from(y) / side)).sinh().atan();
    [f64::from(x) / side * 360.0 - 180.0, lat.to_degrees()]
}

impl Maker<'_> {
    fn range(&self, zoom: u8) -> ([u32; 2], [u32; 2]) {
        let [west, south, east, north] = self.region_deg;
        ([column(zoom, west), row(zoom, north)], [column(zoom, east), row(zoom, south)])
    }
    fn count(&self, zoom: u8) -> u64 {
        let (low, high) = self.range(zoom);
        (0..2).map(|axis| u64::from(high[axis] - low[axis] + 1)).product()
    }
    fn tiles(&self, zoom: u8) -> Vec<(u32, u32)> {
        let (low, high) = self.range(zoom);
        (low[1]..=high[1]).flat_map(|y| (low[0]..=high[0]).map(move |x| (x, y))).collect()
    }
    fn is_in(&self, zoom: u8, x: u32, y: u32) -> bool {
        let (low, high) = self.range(zoom);
        (low[0]..=high[0]).contains(&x) && (low[1]..=high[1]).contains(&y)
    }

    /// Makes a tile and all below; stores are in a fixed order.
    fn node<W: Write + Seek>(
        &self,
        zoom: u8,
        x: u32,
        y: u32,
        writer: &Shared<W>,
    ) -> Result<Option<Picture>, PmTilesError> {
        if !self.is_in(zoom, x, y) {
            return Ok(None);
        }
        if self.deepest - zoom < AT_ONCE_ZOOMS {
            let mut made = Vec::new();
            let top = self.whole(zoom, x, y, &mut made)?;
            store(made, writer)?;
            return Ok(top);
        }
        let below = zoom + 1;
        let quarters = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| (x * 2 + dx, y * 2 + dy));
        let tops: Vec<Option<Picture>> = if self.deepest - below < AT_ONCE_ZOOMS {
            let results: Vec<Result<_, PmTilesError>> = quarters
                .par_iter()
                .map(|(x, y)| {
                    let mut made = Vec::new();
                    self.whole(below, *x, *y, &mut made).map(|top| (made, top))
                })
                .collect();
            let mut tops = Vec::new();
            for result in results {
                let (made, top) = result?;
                store(made, writer)?;
                tops.push(top);
            }
            tops
        } else {
            quarters.iter().map(|(x, y)| self.node(below, *x, *y, writer)).collect::<Result<_, _>>()?
        };
        let Some(picture) = halved(&tops) else { return Ok(None) };
        store(vec![(zoom, x, y, jpeg(&picture)?)], writer)?;
        Ok(Some(picture))
    }

    fn whole(&self, zoom: u8, x: u32, y: u32, made: &mut Vec<Made>) -> Result<Option<Picture>, PmTilesError> {
        if !self.is_in(zoom, x, y) {
            return Ok(None);
        }
        let picture = if zoom >= self.deepest {
            Some(self.finest(zoom, x, y)?).filter(|picture| picture.iter().any(|texel| texel[3] > 0))
        } else {
            let quarters = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let tops: Vec<Option<Picture>> = quarters
                .iter()
                .map(|(dx, dy)| self.whole(zoom + 1, x * 2 + dx, y * 2 + dy, made))
                .collect::<Result<_, _>>()?;
            halved(&tops)
        };
        let Some(picture) = picture else { return Ok(None) };
        made.push((zoom, x, y, jpeg(&picture)?));
        Ok(Some(picture))
    }

    /// Within a tile of a photo's scale Mercator and the plan differ by much less than a texel.
    fn finest(&self, zoom: u8, x: u32, y: u32) -> Result<Picture, PmTilesError> {
        let ([west, north], [east, south]) = (corner(zoom, x, y), corner(zoom, x + 1, y + 1));
        let area: PlanRect = self.plan.area_of_degrees([west, south, east, north]);
        self.photos.colors(area, SIDE).map_err(|error| PmTilesError::Invalid(error.to_string()))
    }
}

fn store<W: Write + Seek>(made: Vec<Made>, writer: &Shared<W>) -> Result<(), PmTilesError> {
    let mut writer = writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (zoom, x, y, bytes) in made {
        writer.0.add(zoom, x, y, &bytes)?;
        writer.1 += 1;
        writer.2 += bytes.len() as u64;
    }
    Ok(())
}

/// The tile over four: north-west, north-east, south-west, south-east; nothing over nothing.
fn halved(tops: &[Option<Picture>]) -> Option<Picture> {
    if tops.iter().all(Option::is_none) {
        return None;
    }
    let side = SIDE as usize;
    let half = side / 2;
    let mut out = vec![[0u8; 4]; side * side];
    for (quarter, top) in tops.iter().enumerate() {
        let Some(top) = top else { continue };
        let (left, above) = (quarter % 2 * half, quarter / 2 * half);
        for y in 0..half {
            for x in 0..half {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(dx, dy)| top.get((y * 2 + dy) * side + x * 2 + dx).copied().unwrap_or([0; 4]));
                let known: Vec<[u8; 4]> = four.into_iter().filter(|texel| texel[3] > 0).collect();
                // At least half of it is on a photo.
                if known.len() < 2 {
                    continue;
                }
                let mean = |channel: usize| {
                    let sum: usize = known.iter().map(|texel| usize::from(texel[channel])).sum();
                    ((sum + known.len() / 2) / known.len()) as u8
                };
                if let Some(texel) = out.get_mut((above + y) * side + left + x) {
                    *texel = [mean(0), mean(1), mean(2), 255];
                }
            }
        }
    }
    Some(out)
}

fn jpeg(picture: &Picture) -> Result<Vec<u8>, PmTilesError> {
    let pixels: Vec<u8> = picture
        .iter()
        .flat_map(|texel| if texel[3] > 0 { [texel[0], texel[1], texel[2]] } else { PAPER })
        .collect();
    let mut out = Vec::new();
    let encoder = Encoder::new(&mut out, QUALITY);
    encoder
        .encode(&pixels, SIDE as u16, SIDE as u16, ColorType::Rgb)
        .map_err(|error| PmTilesError::Invalid(error.to_string()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use glam::DVec2;

    use super::*;
    use crate::{
        flat::{pmtiles::read_tiles, tile_id, tile_of},
        raster::RasterError,
    };

    #[test]
    fn ids_are_those_of_the_specification() {
        // From the specification's own table.
        for ((zoom, x, y), id) in
            [((0, 0, 0), 0), ((1, 0, 0), 1), ((1, 0, 1), 2), ((1, 1, 1), 3), ((1, 1, 0), 4), ((2, 0, 0), 5)]
        {
            assert_eq!(tile_id(zoom, x, y), id);
        }
        assert_eq!(tile_id(12, 3423, 1763), 19_078_479);
        for id in (0..20_000).chain([19_078_479, (1 << 40) + 12_345]) {
            let (zoom, x, y) = tile_of(id);
            assert_eq!(tile_id(zoom, x, y), id);
        }
    }

    struct Checkers;

    impl Ortho for Checkers {
        fn colors(&self, area: PlanRect, side: u32) -> Result<Vec<[u8; 4]>, RasterError> {
            let size = area.size();
            let at = |k: u32| DVec2::new(f64::from(k % side) + 0.5, f64::from(k / side) + 0.5);
            let place = |k: u32| {
                let part = at(k) / f64::from(side);
                DVec2::new(area.low.x + part.x * size.x, area.high.y - part.y * size.y)
            };
            Ok((0..side * side)
                .map(place)
                .map(|p| {
                    if p.length() < 500.0 { [if p.x < 0.0 { 200 } else { 20 }, 90, 60, 255] } else { [0; 4] }
                })
                .collect())
        }
    }

    #[test]
    fn photos_become_a_package_of_tiles() {
        let plan = LocalPlan::at(119.9, 27.2).unwrap();
        let [east, north] = plan.degrees_from_plan(DVec2::splat(500.0));
        let [west, south] = plan.degrees_from_plan(DVec2::splat(-500.0));
        let region = [west, south, east, north];
        let make = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                write_flat_map(&Checkers, &plan, region, 0.5, "照片", Cursor::new(Vec::new())).unwrap()
            })
        };
        let (file, report) = make(2);
        let bytes = file.into_inner();
        assert_eq!(bytes, make(1).0.into_inner(), "threads change nothing");
        assert_eq!(report.zooms[1], 18, "{report:?}");
        let tiles = read_tiles(&mut Cursor::new(&bytes)).unwrap();
        assert_eq!(tiles.len() as u64, report.tiles);
        let finest: Vec<_> = tiles.iter().filter(|tile| tile.0 == 18).collect();
        // A disc of a kilometre in tiles of 136 m.
        assert!((45..80).contains(&finest.len()), "{}", finest.len());
        for (zoom, x, y, at, length) in tiles {
            let tile = &bytes[at as usize..at as usize + length as usize];
            let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(tile));
            let pixels = decoder.decode().unwrap();
            assert_eq!(pixels.len(), 256 * 256 * 3);
            // West is red, east is not.
            let ([west, north], [east, south]) = (corner(zoom, x, y), corner(zoom, x + 1, y + 1));
            let middle = plan.plan_from_degrees((west + east) * 0.5, (south + north) * 0.5);
            if zoom == 18 && middle.length() < 450.0 && middle.x.abs() > 5.0 {
                let texel = &pixels[(128 * 256 + 128) * 3..][..3];
                assert_eq!(texel[0] > 100, middle.x < 0.0, "{zoom}/{x}/{y}: {texel:?}");
            }
        }
        assert!(write_flat_map(&Checkers, &plan, [1.0; 4], 0.5, "", Cursor::new(Vec::new())).is_err());
        assert!(read_tiles(&mut Cursor::new(&bytes[..100])).is_err());
    }
}
