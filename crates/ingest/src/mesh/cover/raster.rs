//! Pictures seen from straight above.

use glam::{DVec2, DVec3};

/// A raster over a rectangle of the survey's plane; row 0 is the north edge.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    /// North-west corner, metres.
    pub(super) corner: DVec2,
    /// Size of a texel, metres.
    pub(super) texel_m: f64,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Red, green, blue, and how much of the texel is seen (0 to 255).
    pub(super) pixels: Vec<[u8; 4]>,
}

/// A picture that triangles are coloured with.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// A raster being drawn: with the height of what each texel shows.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) raster: Raster,
    heights: Vec<f32>,
}

/// A corner of a triangle: place in the plane and height, and place in the picture (0..1, v down).
#[derive(Clone, Copy, Debug)]
pub(super) struct Corner {
    pub(super) position: DVec3,
    pub(super) uv: [f32; 2],
}

impl Raster {
    /// An empty raster over `low..high` of at most `max_px` texels a side, none smaller than `min_texel_m`.
    pub(super) fn over(low: DVec2, high: DVec2, max_px: u32, min_texel_m: f64) -> Self {
        let side_m = (high - low).max_element().max(min_texel_m);
        let texel_m = (side_m / f64::from(max_px.max(1))).max(min_texel_m);
        let texels = |length_m: f64| ((length_m / texel_m).ceil() as usize).clamp(1, max_px as usize);
        let (width, height) = (texels(high.x - low.x), texels(high.y - low.y));
        Self {
            corner: DVec2::new(low.x, high.y),
            texel_m,
            width,
            height,
            pixels: vec![[0; 4]; width * height],
        }
    }

    /// South-west and north-east corner.
    pub(super) fn span(&self) -> (DVec2, DVec2) {
        let size = DVec2::new(self.width as f64, self.height as f64) * self.texel_m;
        (DVec2::new(self.corner.x, self.corner.y - size.y), DVec2::new(self.corner.x + size.x, self.corner.y))
    }

    /// Texture coordinates of a place in the plane.
    pub(super) fn uv(&self, place: DVec2) -> [f32; 2] {
        let u = (place.x - self.corner.x) / (self.texel_m * self.width as f64);
        let v = (self.corner.y - place.y) / (self.texel_m * self.height as f64);
        [u.clamp(0.0, 1.0) as f32, v.clamp(0.0, 1.0) as f32]
    }

    /// Adds a finer raster, each of whose texels counts for the texel that holds its middle.
    pub(super) fn add_finer(sums: &mut [[u32; 5]], coarse: &Self, finer: &Self) {
        let ratio = finer.texel_m / coarse.texel_m;
        let column_of: Vec<Option<usize>> = (0..finer.width)
            .map(|column| {
                let x = (finer.corner.x - coarse.corner.x) / coarse.texel_m + (column as f64 + 0.5) * ratio;
                (x >= 0.0 && x < coarse.width as f64).then_some(x as usize)
            })
            .collect();
        for row in 0..finer.height {
            let y = (coarse.corner.y - finer.corner.y) / coarse.texel_m + (row as f64 + 0.5) * ratio;
            if y < 0.0 || y >= coarse.height as f64 {
                continue;
            }
            let line = y as usize * coarse.width;
            let pixels = finer.pixels.iter().skip(row * finer.width).take(finer.width);
            for (pixel, column) in pixels.zip(&column_of) {
                let (Some(column), [r, g, b, a]) = (column, *pixel) else { continue };
                if let Some(sum) = sums.get_mut(line + column) {
                    let weight = u32::from(a);
                    for (slot, channel) in sum.iter_mut().zip([r, g, b]) {
                        *slot += u32::from(channel) * weight;
                    }
                    sum[3] += weight;
                    sum[4] += 1;
                }
            }
        }
    }

    /// Takes the means of [`Raster::add_finer`].
    pub(super) fn set_means(&mut self, sums: &[[u32; 5]]) {
        for (pixel, [r, g, b, weight, count]) in self.pixels.iter_mut().zip(sums) {
            if *weight > 0 {
                *pixel = [
                    (r / weight) as u8,
                    (g / weight) as u8,
                    (b / weight) as u8,
                    (weight / count.max(&1)) as u8,
                ];
            }
        }
    }

    /// RGB rows, with what was not seen filled from what is around, so that no edge is dark.
    pub(super) fn filled_rgb(&self) -> Vec<u8> {
        let mut levels = vec![Level { width: self.width, height: self.height, sums: self.weighted() }];
        while let Some(last) = levels.last().filter(|l| l.width > 1 || l.height > 1) {
            let half = last.half();
            levels.push(half);
        }
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        for y in 0..self.height {
            for x in 0..self.width {
                let mean = levels.iter().enumerate().find_map(|(level, l)| l.mean(x >> level, y >> level));
                rgb.extend_from_slice(&mean.unwrap_or([128; 3]));
            }
        }
        rgb
    }

    fn weighted(&self) -> Vec<[u32; 4]> {
        self.pixels
            .iter()
            .map(|[r, g, b, a]| {
                let seen = u32::from(*a > 0);
                [u32::from(*r) * seen, u32::from(*g) * seen, u32::from(*b) * seen, seen]
            })
            .collect()
    }
}

/// A level of a pyramid of sums.
struct Level {
    width: usize,
    height: usize,
    sums: Vec<[u32; 4]>,
}

impl Level {
    fn half(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut sums = vec![[0u32; 4]; width * height];
        for (index, sum) in self.sums.iter().enumerate() {
            let (x, y) = (index % self.width / 2, index / self.width / 2);
            if let Some(slot) = sums.get_mut(y * width + x) {
                for (a, b) in slot.iter_mut().zip(sum) {
                    *a += b;
                }
            }
        }
        Self { width, height, sums }
    }

    fn mean(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let [r, g, b, n] = *self.sums.get(y * self.width + x)?;
        (n > 0).then(|| [(r / n) as u8, (g / n) as u8, (b / n) as u8])
    }
}

impl Drawing {
    pub(super) fn new(raster: Raster) -> Self {
        let heights = vec![f32::NEG_INFINITY; raster.pixels.len()];
        Self { raster, heights }
    }

    /// Draws a triangle where it is higher than what is there. `color` without a picture.
    pub(super) fn triangle(&mut self, corners: [Corner; 3], picture: Option<&Picture>, color: [u8; 3]) {
        let raster = &self.raster;
        let place = corners.map(|c| {
            DVec2::new(
                (c.position.x - raster.corner.x) / raster.texel_m,
                (raster.corner.y - c.position.y) / raster.texel_m,
            )
        });
        let (low, high) = (place[0].min(place[1]).min(place[2]), place[0].max(place[1]).max(place[2]));
        let area = (place[1] - place[0]).perp_dot(place[2] - place[0]);
        // What stands upright is not seen from above.
        if !low.is_finite() || !high.is_finite() || area.abs() < 1e-9 {
            return;
        }
        // Texels whose middles may lie inside.
        let range = |low: f64, high: f64, count: usize| {
            let first = (low - 0.5).ceil().clamp(0.0, count as f64) as usize;
            let end = ((high - 0.5).floor() + 1.0).clamp(0.0, count as f64) as usize;
            first..end
        };
        let (columns, rows) = (range(low.x, high.x, raster.width), range(low.y, high.y, raster.height));
        let inverse = 1.0 / area;
        let edge = |a: DVec2, b: DVec2, p: DVec2| (b - a).perp_dot(p - a) * inverse;
        let width = raster.width;
        for row in rows {
            for column in columns.clone() {
                let p = DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
                let weights =
                    [edge(place[1], place[2], p), edge(place[2], place[0], p), edge(place[0], place[1], p)];
                if weights.iter().any(|w| *w < -1e-9) {
                    continue;
                }
                let mixed = |pick: fn(&Corner) -> f64| {
                    corners.iter().zip(weights).map(|(c, w)| pick(c) * w).sum::<f64>()
                };
                let height = mixed(|c| c.position.z) as f32;
                let index = row * width + column;
                let Some(top) = self.heights.get_mut(index).filter(|top| height > **top) else { continue };
                *top = height;
                let [r, g, b] = match picture {
                    Some(picture) => picture.at(mixed(|c| f64::from(c.uv[0])), mixed(|c| f64::from(c.uv[1]))),
                    None => color,
                };
                if let Some(pixel) = self.raster.pixels.get_mut(index) {
                    *pixel = [r, g, b, 255];
                }
            }
        }
    }
}

impl Picture {
    /// Between the four nearest texels; the edge goes on outside.
    fn at(&self, u: f64, v: f64) -> [u8; 3] {
        let (x, y) = (u * self.width as f64 - 0.5, v * self.height as f64 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = ((x - left) as f32, (y - top) as f32);
        let texel = |dx: f64, dy: f64| -> [f32; 3] {
            let column = (left + dx).clamp(0.0, self.width as f64 - 1.0) as usize;
            let row = (top + dy).clamp(0.0, self.height as f64 - 1.0) as usize;
            let at = (row * self.width + column) * 3;
            match self.rgb.get(at..at + 3) {
                Some([r, g, b]) => [f32::from(*r), f32::from(*g), f32::from(*b)],
                _ => [128.0; 3],
            }
        };
        let (a, b, c, d) = (texel(0.0, 0.0), texel(1.0, 0.0), texel(0.0, 1.0), texel(1.0, 1.0));
        std::array::from_fn(|i| {
            let above = a[i] + (b[i] - a[i]) * fx;
            let below = c[i] + (d[i] - c[i]) * fx;
            (above + (below - above) * fy + 0.5) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner(x: f64, y: f64, z: f64) -> Corner {
        Corner { position: DVec3::new(x, y, z), uv: [(x / 10.0) as f32, (1.0 - y / 10.0) as f32] }
    }

    fn square(drawing: &mut Drawing, z: f64, picture: Option<&Picture>, color: [u8; 3]) {
        let [a, b, c, d] = [corner(0., 0., z), corner(10., 0., z), corner(10., 10., z), corner(0., 10., z)];
        drawing.triangle([a, b, c], picture, color);
        drawing.triangle([a, c, d], picture, color);
    }

    #[test]
    fn the_highest_is_seen_and_north_is_up() {
        let mut drawing = Drawing::new(Raster::over(DVec2::ZERO, DVec2::splat(20.0), 20, 0.1));
        square(&mut drawing, 5.0, None, [1, 2, 3]);
        square(&mut drawing, 4.0, None, [9, 9, 9]);
        let raster = &drawing.raster;
        assert_eq!((raster.width, raster.height, raster.texel_m), (20, 20, 1.0));
        let seen = raster.pixels.iter().filter(|p| p[3] == 255).count();
        assert_eq!(seen, 100);
        // South-west: lower left of the picture.
        assert_eq!(raster.pixels[19 * 20], [1, 2, 3, 255]);
        assert_eq!(raster.pixels[0], [0; 4]);
        assert_eq!(raster.uv(DVec2::new(0.0, 20.0)), [0.0, 0.0]);
        assert_eq!(raster.uv(DVec2::new(10.0, 0.0)), [0.5, 1.0]);
        let filled = raster.filled_rgb();
        assert!(filled.chunks(3).all(|p| p == [1, 2, 3]));
    }

    #[test]
    fn pictures_are_laid_on_as_their_coordinates_say() {
        // Left half black, right half white.
        let rgb = (0..16).flat_map(|i| [if i % 4 < 2 { 0 } else { 255 }; 3]).collect();
        let picture = Picture { width: 4, height: 4, rgb };
        let mut drawing = Drawing::new(Raster::over(DVec2::ZERO, DVec2::splat(10.0), 10, 0.1));
        square(&mut drawing, 0.0, Some(&picture), [0; 3]);
        let row = &drawing.raster.pixels[50..60];
        assert!(row[0][0] < 10 && row[9][0] > 245, "{row:?}");
        let mut coarse = Raster::over(DVec2::ZERO, DVec2::splat(10.0), 1, 0.1);
        let mut sums = vec![[0; 5]; 1];
        Raster::add_finer(&mut sums, &coarse, &drawing.raster);
        coarse.set_means(&sums);
        assert!((120..135).contains(&coarse.pixels[0][0]), "{:?}", coarse.pixels);
    }

    #[test]
    fn upright_and_absurd_triangles_draw_nothing() {
        let mut drawing = Drawing::new(Raster::over(DVec2::ZERO, DVec2::splat(4.0), 4, 0.1));
        drawing.triangle([corner(1., 1., 0.), corner(1., 1., 5.), corner(3., 3., 2.)], None, [255; 3]);
        drawing.triangle([corner(f64::NAN, 1., 0.), corner(1., 2., 5.), corner(3., 3., 2.)], None, [255; 3]);
        drawing.triangle(
            [corner(1e300, 1., 0.), corner(1., 1e300, 5.), corner(-1e300, 3., 2.)],
            None,
            [255; 3],
        );
        assert!(drawing.raster.pixels.iter().all(|p| p[3] == 0));
    }
}
