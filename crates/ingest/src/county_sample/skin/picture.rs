//! Pictures of colours.

use glam::{Vec2, Vec3};
use jpeg_encoder::{ColorType, Encoder, EncodingError};

use crate::county_sample::paint::Painter;

/// Rows of RGB texels, the top one first.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::county_sample) struct Picture {
    pub(in crate::county_sample) width: usize,
    pub(in crate::county_sample) height: usize,
    pub(in crate::county_sample) rgb: Vec<[u8; 3]>,
}

impl Picture {
    pub(in crate::county_sample) fn new(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![[0; 3]; width * height] }
    }

    /// A square of the site from above; `south_west` is its corner.
    pub(in crate::county_sample) fn from_above(
        painter: &Painter<'_>,
        south_west: Vec2,
        side_m: f32,
        texel_m: f32,
    ) -> Self {
        let side = (side_m / texel_m).round() as usize;
        let mut picture = Self::new(side, side);
        for (i, texel) in picture.rgb.iter_mut().enumerate() {
            let (column, row) = (i % side, side - 1 - i / side);
            let at = south_west + (Vec2::new(column as f32, row as f32) + 0.5) * texel_m;
            *texel = bytes(painter.seen_from_above(at, texel_m).0);
        }
        picture
    }

    /// Half as large; each texel the mean of four.
    pub(in crate::county_sample) fn halved(&self) -> Self {
        let mut half = Self::new(self.width / 2, self.height / 2);
        for (i, texel) in half.rgb.iter_mut().enumerate() {
            let at = (i / half.width) * 2 * self.width + (i % half.width) * 2;
            let four = [at, at + 1, at + self.width, at + self.width + 1].map(|i| self.rgb[i]);
            *texel = std::array::from_fn(|c| (four.iter().map(|t| u32::from(t[c])).sum::<u32>() / 4) as u8);
        }
        half
    }

    /// A square of this picture: `column` and `row_from_south` of its south-western texel, and its side.
    pub(in crate::county_sample) fn window(&self, column: usize, row_from_south: usize, side: usize) -> Self {
        let side = side.min(self.width - column).min(self.height - row_from_south);
        let top = self.height - row_from_south - side;
        let mut cut = Self::new(side, side);
        for y in 0..side {
            let from = (top + y) * self.width + column;
            cut.rgb[y * side..(y + 1) * side].copy_from_slice(&self.rgb[from..from + side]);
        }
        cut
    }

    /// Puts a picture into this one.
    pub(in crate::county_sample) fn put(&mut self, picture: &Self, column: usize, row: usize) {
        for y in 0..picture.height {
            let from = y * picture.width;
            let to = (row + y) * self.width + column;
            self.rgb[to..to + picture.width].copy_from_slice(&picture.rgb[from..from + picture.width]);
        }
    }

    /// As a JPEG file.
    pub(in crate::county_sample) fn jpeg(&self, quality: u8) -> Result<Vec<u8>, EncodingError> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, quality);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        let side = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        encoder.encode(self.rgb.as_flattened(), side(self.width), side(self.height), ColorType::Rgb)?;
        Ok(file)
    }
}

/// A colour in bytes.
pub(in crate::county_sample) fn bytes(color: Vec3) -> [u8; 3] {
    (color.clamp(Vec3::ZERO, Vec3::ONE) * 255.0 + 0.5).to_array().map(|c| c as u8)
}
