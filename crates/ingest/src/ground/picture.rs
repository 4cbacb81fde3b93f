//! Pictures of tiles: an orthophoto where there is one, shaded relief elsewhere.

use std::{
    io::{Read, Seek},
    sync::{Mutex, PoisonError},
};

use glam::DVec2;
use terrain::{PlanRect, TerrainTiles};

use super::{LocalPlan, dem::ToRaster};
use crate::raster::{GeoTiff, RasterError, Window};

/// Texels along the side of what is read at once.
const BLOCK: u32 = 64;
/// Nodes along the side of a tile at which places are taken to the raster; linear in between.
const NODES: usize = 17;
/// Most pixels along the side of a texel that are averaged.
const MAX_AVERAGED: u32 = 8;

/// Colours of a tile, row by row from the north; alpha 0 where there is none.
pub(super) type Picture = Vec<[u8; 4]>;

/// Orthophotos, the best first.
pub trait Ortho: Sync {
    /// The colours of a square of the plan, `side` × `side` texels row by row from the north; alpha is 0 where the photo
    /// has none. Called from several threads.
    ///
    /// # Errors
    /// A photo that cannot be read.
    fn colors(&self, area: PlanRect, side: u32) -> Result<Vec<[u8; 4]>, RasterError>;
}

/// An orthophoto in a GeoTIFF, opened as often as there are threads that read it.
pub struct OrthoTiff<'a, R: Read + Seek + Send> {
    open: &'a (dyn Fn() -> Result<GeoTiff<R>, RasterError> + Sync),
    idle: Mutex<Vec<GeoTiff<R>>>,
    plan: LocalPlan,
    to_raster: Mutex<&'a mut ToRaster<'a>>,
}

impl<R: Read + Seek + Send> std::fmt::Debug for OrthoTiff<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrthoTiff").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<'a, R: Read + Seek + Send> OrthoTiff<'a, R> {
    /// A photo; `open` opens it anew each time, placed.
    pub fn new(
        open: &'a (dyn Fn() -> Result<GeoTiff<R>, RasterError> + Sync),
        plan: LocalPlan,
        to_raster: &'a mut ToRaster<'a>,
    ) -> Self {
        Self { open, idle: Mutex::new(Vec::new()), plan, to_raster: Mutex::new(to_raster) }
    }

    /// Places of the raster, in pixels from its outer corner, of a lattice over an area; rows from the north.
    fn nodes(&self, raster: &GeoTiff<R>, area: PlanRect) -> Result<Vec<DVec2>, RasterError> {
        let transform = raster.info().transform.ok_or_else(|| {
            RasterError::Unsupported("an orthophoto without a place (give a world file)".into())
        })?;
        let step = area.size() / (NODES - 1) as f64;
        let mut places: Vec<[f64; 3]> = (0..NODES * NODES)
            .map(|k| DVec2::new((k % NODES) as f64, (k / NODES) as f64))
            .map(|k| DVec2::new(area.low.x + k.x * step.x, area.high.y - k.y * step.y))
            .map(|place| self.plan.degrees_from_plan(place))
            .map(|[lon, lat]| [lon, lat, 0.0])
            .collect();
        let mut to_raster = self.to_raster.lock().unwrap_or_else(PoisonError::into_inner);
        (*to_raster)(&mut places);
        Ok(places.into_iter().map(|[x, y, _]| DVec2::from_array(transform.pixel_at([x, y]))).collect())
    }

    fn read(&self, raster: &mut GeoTiff<R>, area: PlanRect, side: u32) -> Result<Picture, RasterError> {
        let mut picture = vec![[0; 4]; (side * side) as usize];
        let nodes = self.nodes(raster, area)?;
        let at = |texel: DVec2| {
            let place = texel / f64::from(side) * (NODES - 1) as f64;
            let low = place.floor().clamp(DVec2::ZERO, DVec2::splat((NODES - 2) as f64));
            let part = place - low;
            let first = low.y as usize * NODES + low.x as usize;
            let node = |k: usize| nodes.get(first + k).copied().unwrap_or(DVec2::NAN);
            node(0).lerp(node(1), part.x).lerp(node(NODES).lerp(node(NODES + 1), part.x), part.y)
        };
        for top in (0..side).step_by(BLOCK as usize) {
            for left in (0..side).step_by(BLOCK as usize) {
                let (right, bottom) = ((left + BLOCK).min(side), (top + BLOCK).min(side));
                read_block(raster, &at, (left, right), (top, bottom), side, &mut picture)?;
            }
        }
        Ok(picture)
    }
}

impl<R: Read + Seek + Send> Ortho for OrthoTiff<'_, R> {
    fn colors(&self, area: PlanRect, side: u32) -> Result<Vec<[u8; 4]>, RasterError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut raster = match idle {
            Some(raster) => raster,
            None => (self.open)()?,
        };
        let picture = self.read(&mut raster, area, side);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(raster);
        picture
    }
}

/// The texels of a block, each the mean of the pixels that it covers.
fn read_block<R: Read + Seek>(
    raster: &mut GeoTiff<R>,
    at: &dyn Fn(DVec2) -> DVec2,
    (left, right): (u32, u32),
    (top, bottom): (u32, u32),
    side: u32,
    picture: &mut Picture,
) -> Result<(), RasterError> {
    let corner = |x: u32, y: u32| at(DVec2::new(x.into(), y.into()));
    let corners = [corner(left, top), corner(right, top), corner(left, bottom), corner(right, bottom)];
    let extent = DVec2::new(raster.info().width.into(), raster.info().height.into());
    let low = corners.into_iter().fold(DVec2::INFINITY, DVec2::min).floor() - 1.0;
    let high = corners.into_iter().fold(DVec2::NEG_INFINITY, DVec2::max).ceil() + 1.0;
    let (low, high) = (low.max(DVec2::ZERO), high.min(extent));
    // False for NaN.
    if !low.cmplt(high).all() {
        return Ok(());
    }
    let window = Window {
        x: low.x as u32,
        y: low.y as u32,
        width: (high.x - low.x) as u32,
        height: (high.y - low.y) as u32,
    };
    let pixels = raster.read_colors(window)?;
    let step = (corners[1] - corners[0]).length() / f64::from(right - left);
    let averaged = (step.ceil() as u32).clamp(1, MAX_AVERAGED);
    for y in top..bottom {
        for x in left..right {
            let mut sums = [0u32; 4];
            for k in 0..averaged * averaged {
                let within = DVec2::new((k % averaged).into(), (k / averaged).into()) + 0.5;
                let place = at(DVec2::new(x.into(), y.into()) + within / f64::from(averaged));
                let pixel = (place - low).floor();
                if !(pixel.cmpge(DVec2::ZERO).all() && place.cmplt(high).all()) {
                    continue;
                }
                let index = pixel.y as usize * window.width as usize + pixel.x as usize;
                if let Some(&[r, g, b, a]) = pixels.get(index).filter(|pixel| pixel[3] >= 128) {
                    let _ = a;
                    sums =
                        [sums[0] + u32::from(r), sums[1] + u32::from(g), sums[2] + u32::from(b), sums[3] + 1];
                }
            }
            // At least half of the texel is on the photo.
            if sums[3] * 2 >= averaged * averaged
                && let Some(texel) = picture.get_mut((y * side + x) as usize)
            {
                let mean = |sum: u32| ((sum + sums[3] / 2) / sums[3]) as u8;
                *texel = [mean(sums[0]), mean(sums[1]), mean(sums[2]), 255];
            }
        }
    }
    Ok(())
}

/// Shaded relief of a square of the plan: light from the north-west, colours by height within the whole terrain and by
/// steepness.
pub(super) fn relief(tiles: &TerrainTiles, area: PlanRect, side: u32, range: (f32, f32)) -> Picture {
    let texel_m = area.size() / f64::from(side);
    // A slope is seen over a sample of the lattice, however small the texels.
    let reach = tiles.grid().cell_m().max(texel_m.x);
    let span = f64::from(range.1 - range.0).max(1.0);
    (0..side * side)
        .map(|k| {
            let x = area.low.x + (f64::from(k % side) + 0.5) * texel_m.x;
            let y = area.high.y - (f64::from(k / side) + 0.5) * texel_m.y;
            let at = |dx: f64, dy: f64| tiles.height_at(DVec2::new(x + dx * reach, y + dy * reach));
            let rise = DVec2::new(at(1.0, 0.0) - at(-1.0, 0.0), at(0.0, 1.0) - at(0.0, -1.0)) / (2.0 * reach);
            let normal = rise.extend(-1.0).normalize() * -1.0;
            let light = normal.dot(glam::DVec3::new(-0.45, 0.45, 0.77)).max(0.0);
            let height = ((at(0.0, 0.0) - f64::from(range.0)) / span).clamp(0.0, 1.0);
            let color = tint(height, rise.length());
            let [r, g, b] = color.map(|c| (c * (0.25 + 0.95 * light)).clamp(0.0, 255.0) as u8);
            [r, g, b, 255]
        })
        .collect()
}

/// Valleys green, slopes brown, tops pale; rock where it is steep.
fn tint(height: f64, steepness: f64) -> [f64; 3] {
    const RAMP: [(f64, [f64; 3]); 5] = [
        (0.0, [104.0, 138.0, 88.0]),
        (0.25, [136.0, 156.0, 98.0]),
        (0.55, [172.0, 158.0, 116.0]),
        (0.8, [186.0, 172.0, 152.0]),
        (1.0, [232.0, 230.0, 226.0]),
    ];
    let above = RAMP.iter().position(|(at, _)| *at >= height).unwrap_or(RAMP.len() - 1).max(1);
    let ((low, a), (high, b)) = (RAMP[above - 1], RAMP[above]);
    let part = ((height - low) / (high - low)).clamp(0.0, 1.0);
    let rock = ((steepness - 0.6) / 0.8).clamp(0.0, 1.0) * 0.7;
    let stone = [134.0, 126.0, 118.0];
    std::array::from_fn(|c| {
        let plain = a[c] + (b[c] - a[c]) * part;
        plain + (stone[c] - plain) * rock
    })
}

/// The picture of a tile from those of its children (south-west, south-east, north-west, north-east), each half as large.
pub(super) fn halved(children: [Option<Picture>; 4], side: u32) -> Picture {
    let half = side / 2;
    let mut picture = vec![[0; 4]; (side * side) as usize];
    for (quadrant, child) in (0u32..).zip(children) {
        let Some(child) = child else { continue };
        // The northern ones are above.
        let (left, top) = ((quadrant % 2) * half, if quadrant < 2 { half } else { 0 });
        for y in 0..half {
            for x in 0..half {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| {
                    child.get(((y * 2 + dy) * side + x * 2 + dx) as usize).copied().unwrap_or([0; 4])
                });
                let count = four.iter().filter(|pixel| pixel[3] > 0).count() as u32;
                let sum = |c: usize| {
                    four.iter().filter(|pixel| pixel[3] > 0).map(|pixel| u32::from(pixel[c])).sum::<u32>()
                };
                if let Some(slot) = picture.get_mut(((top + y) * side + left + x) as usize)
                    && count > 0
                {
                    *slot = [
                        ((sum(0) + count / 2) / count) as u8,
                        ((sum(1) + count / 2) / count) as u8,
                        ((sum(2) + count / 2) / count) as u8,
                        255,
                    ];
                }
            }
        }
    }
    picture
}
