//! What the cameras of a survey would have seen: colours of the ground and the houses, light baked in.

use glam::{Vec2, Vec3};

use super::{noise::Noise, site::Site};

/// Direction to the sun (x east, y north, z up): from the south-west, 50° high.
fn sun() -> Vec3 {
    Vec3::new(-0.45, -0.46, 0.766)
}

/// An RGB picture, rows from the top.
pub(super) struct Picture {
    pub(super) size_px: u16,
    pub(super) rgb: Vec<u8>,
}

impl Picture {
    fn paint(size_px: u16, mut color: impl FnMut(usize, usize) -> Vec3) -> Self {
        let n = usize::from(size_px);
        let mut rgb = Vec::with_capacity(n * n * 3);
        for row in 0..n {
            for column in 0..n {
                let c = color(column, row).clamp(Vec3::ZERO, Vec3::ONE) * 255.0;
                rgb.extend([c.x as u8, c.y as u8, c.z as u8]);
            }
        }
        Self { size_px, rgb }
    }

    /// JPEG at the quality of survey deliveries.
    pub(super) fn jpeg(&self) -> Result<Vec<u8>, jpeg_encoder::EncodingError> {
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, 82).encode(
            &self.rgb,
            self.size_px,
            self.size_px,
            jpeg_encoder::ColorType::Rgb,
        )?;
        Ok(bytes)
    }
}

/// The ground of a square tile seen from above, north up.
pub(super) fn ground(site: &Site, south_west: Vec2, side_m: f32, size_px: u16) -> Picture {
    let step = side_m / f32::from(size_px);
    Picture::paint(size_px, |column, row| {
        let at = south_west + Vec2::new((column as f32 + 0.5) * step, side_m - (row as f32 + 0.5) * step);
        ground_color(site, at, step)
    })
}

fn ground_color(site: &Site, at: Vec2, texel_m: f32) -> Vec3 {
    let noise = &site.noise;
    let slope = site.slope(at);
    let around = site.around(at);
    let height = site.ground_m(at);
    let grain = noise.fractal(at * 1.7, 2) - 0.5;
    let broad = around.broad;

    // Terraced fields: each step of the contour is a strip of its own crop.
    let strip = (height / 2.6).floor();
    let crop = noise.unit(strip as i32 as u32, (at.x / 47.0) as u32 * 31 + (at.y / 61.0) as u32);
    let paddy = Vec3::new(0.46, 0.52, 0.22).lerp(Vec3::new(0.66, 0.58, 0.27), crop);
    let rows = ((height * 9.0).sin() * 0.5 + 0.5) * 0.06;
    let edge = ((height / 2.6).fract() - 0.5).abs() * 2.0;
    let bank = ((edge - 0.86) / 0.14).clamp(0.0, 1.0);
    let field = (paddy + Vec3::splat(rows - 0.03)).lerp(Vec3::new(0.30, 0.34, 0.16), bank);

    let scrub = Vec3::new(0.33, 0.39, 0.18).lerp(Vec3::new(0.50, 0.44, 0.28), broad);
    let steep = ((slope.length() - 0.35) * 4.0).clamp(0.0, 1.0);
    let mut color = field.lerp(scrub, steep);

    if around.wood > 0.0 {
        let crown = noise.crowns(at / 5.5);
        let leaves = crown * (0.6 + 0.8 * broad);
        color =
            color.lerp(Vec3::new(0.09, 0.17, 0.07).lerp(Vec3::new(0.24, 0.36, 0.14), leaves), around.wood);
    }

    let house = around.house_m;
    let yard = (1.0 - (house - 2.0) / 1.2).clamp(0.0, 1.0);
    color = color.lerp(Vec3::new(0.62, 0.60, 0.56), yard);
    let lane = around.lane_m;
    let paved = (1.0 - (lane - 1.9) / texel_m.max(0.25)).clamp(0.0, 1.0);
    color = color.lerp(Vec3::new(0.71, 0.70, 0.67), paved);

    let stream = around.stream_m;
    let ripple = if stream < 8.0 { noise.fractal(at / 2.2, 2) * 0.10 } else { 0.0 };
    let gravel = Vec3::new(0.55, 0.53, 0.47)
        .lerp(Vec3::new(0.26 + ripple, 0.35 + ripple, 0.34 + ripple), ((4.2 - stream) / 1.2).clamp(0.0, 1.0));
    color = color.lerp(gravel, ((7.5 - stream) / 1.5).clamp(0.0, 1.0));

    let d = 1.0;
    let dx = site.surface_m(at + Vec2::X * d) - site.surface_m(at - Vec2::X * d);
    let dy = site.surface_m(at + Vec2::Y * d) - site.surface_m(at - Vec2::Y * d);
    let normal = Vec3::new(-dx / (2.0 * d), -dy / (2.0 * d), 1.0).normalize_or(Vec3::Z);
    let contact = 1.0 - 0.35 * (1.0 - house / 2.5).clamp(0.0, 1.0);
    (color + Vec3::splat(grain * 0.10)) * shade(normal) * contact
}

/// Sky and sun on a surface.
pub(super) fn shade(normal: Vec3) -> f32 {
    0.42 + 0.22 * normal.z.max(0.0) + 0.52 * normal.dot(sun()).max(0.0)
}

/// Cells of the atlas along a side: walls in the lower two rows, roofs in the upper two.
pub(super) const ATLAS_CELLS: u32 = 4;

/// The house atlas: row 0 (top) roofs lit, row 1 roofs in shade, row 2 walls lit, row 3 walls in shade; a column per style.
pub(super) fn atlas(noise: &Noise, size_px: u16) -> Picture {
    let cell = f32::from(size_px) / ATLAS_CELLS as f32;
    Picture::paint(size_px, |column, row| {
        let (style, kind) = ((column as f32 / cell) as u32, (row as f32 / cell) as u32);
        let uv = Vec2::new((column as f32 / cell).fract(), (row as f32 / cell).fract());
        let grain = noise.fractal(Vec2::new(column as f32, row as f32) / 3.0, 3) - 0.5;
        let base = if kind < 2 { roof(style, uv) } else { wall(style, uv) };
        let light = if kind % 2 == 0 { 1.05 } else { 0.66 };
        (base + Vec3::splat(grain * 0.12)) * light
    })
}

fn roof(style: u32, uv: Vec2) -> Vec3 {
    let tile = match style {
        0 | 1 => Vec3::new(0.29, 0.29, 0.31),
        2 => Vec3::new(0.52, 0.27, 0.20),
        _ => Vec3::new(0.24, 0.36, 0.52),
    };
    let course = (uv.y * 14.0).fract();
    let pan = ((uv.x * 22.0).fract() - 0.5).abs();
    tile * (0.78 + 0.22 * course) * (0.85 + 0.5 * pan)
}

fn wall(style: u32, uv: Vec2) -> Vec3 {
    let plaster = match style {
        0 => Vec3::new(0.86, 0.85, 0.81),
        1 => Vec3::new(0.66, 0.52, 0.36),
        2 => Vec3::new(0.80, 0.72, 0.62),
        _ => Vec3::new(0.90, 0.89, 0.87),
    };
    let bay = Vec2::new((uv.x * 3.0).fract(), uv.y);
    let window = (bay.x - 0.5).abs() < 0.17 && (bay.y - 0.42).abs() < 0.2;
    let frame = (bay.x - 0.5).abs() < 0.20 && (bay.y - 0.42).abs() < 0.24;
    let plinth = uv.y > 0.92;
    if window {
        Vec3::new(0.16, 0.20, 0.24)
    } else if frame {
        Vec3::new(0.45, 0.33, 0.25)
    } else if plinth {
        plaster * 0.6
    } else {
        plaster
    }
}
