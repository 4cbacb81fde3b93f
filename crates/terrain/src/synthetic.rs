//! Made-up ground for samples, tests and benchmarks: a mountain valley with a stream, terraced fields and a level
//! place for a village.
//!
//! Only the four operations and square roots are used, so that every machine makes the same ground bit for bit.

use glam::{DVec2, DVec3};

use crate::{HeightField, HeightFieldError};

/// Height of the stream half-way along the valley, metres.
const STREAM_HEIGHT_M: f64 = 420.0;
/// Fall of the stream southwards, metres per metre.
const STREAM_FALL: f64 = 0.045;
/// Half width of the level valley floor, metres.
const FLOOR_HALF_WIDTH_M: f64 = 16.0;
/// Steepness that the sides approach, metres per metre.
const SIDE_RISE: f64 = 0.5;
/// Height of a terrace's step, metres.
const TERRACE_M: f64 = 2.2;
/// How far east of the stream the village lies, metres.
const VILLAGE_EAST_M: f64 = 72.0;

/// A made-up valley that falls southwards, centred on the origin of the plan.
#[derive(Clone, Debug)]
pub struct Hillside {
    /// The ground.
    pub ground: HeightField,
    /// Middle of the village's bench, on the ground.
    pub village_center: DVec3,
    /// Half extent of the bench across and along the valley, metres; inside this ellipse the ground is fit to build
    /// on (slope below 12°).
    pub village_half_extent_m: DVec2,
    /// The stream from north to south, on its bed, every 5 m.
    pub stream: Vec<DVec3>,
}

/// A hillside of `size_cells × size_cells` cells of `cell_m`. The same seed gives the same ground at any size and
/// resolution. Refuses what [`HeightField::new`] refuses.
pub fn hillside(seed: u64, size_cells: u32, cell_m: f64) -> Result<Hillside, HeightFieldError> {
    let samples = size_cells.saturating_add(1);
    let half_m = f64::from(size_cells) * cell_m * 0.5;
    let valley = Valley::new(seed);
    let ground = HeightField::from_fn(samples, samples, DVec2::splat(-half_m), cell_m, |p| valley.height(p))?;
    let steps = (half_m * 2.0 / 5.0) as u32;
    let stream = (0..=steps)
        .map(|step| half_m - 5.0 * f64::from(step))
        .map(|y| DVec3::new(valley.stream_x(y), y, valley.stream_bed(y)))
        .filter(|point| point.x.abs() <= half_m)
        .collect();
    Ok(Hillside {
        ground,
        village_center: valley.village.extend(valley.height(valley.village)),
        village_half_extent_m: Valley::VILLAGE_HALF_EXTENT_M,
        stream,
    })
}

/// Smooth noise in [−1, 1] at a point, one lattice cell per unit: value noise with quintic blending.
pub fn value_noise(seed: u64, point: DVec2) -> f64 {
    let cell = point.floor();
    let blend = |t: f64| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (blend(point.x - cell.x), blend(point.y - cell.y));
    let corner = |x: f64, y: f64| lattice(seed, (cell.x + x) as i64, (cell.y + y) as i64);
    let south = corner(0.0, 0.0) * (1.0 - u) + corner(1.0, 0.0) * u;
    let north = corner(0.0, 1.0) * (1.0 - u) + corner(1.0, 1.0) * u;
    south * (1.0 - v) + north * v
}

/// Value noise summed over octaves, each twice as fine and half as strong; in [−1, 1].
pub fn fractal_noise(seed: u64, point: DVec2, octaves: u32) -> f64 {
    let (mut sum, mut reach, mut strength, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        // Shifted, so that the lattices of the octaves do not line up.
        let shift = DVec2::new(17.31, 9.73) * f64::from(octave);
        sum += strength * value_noise(seed ^ u64::from(octave) << 32, point * scale + shift);
        reach += strength;
        (strength, scale) = (strength * 0.5, scale * 2.0);
    }
    if reach > 0.0 { sum / reach } else { 0.0 }
}

struct Valley {
    seed: u64,
    village: DVec2,
    village_height: f64,
}

impl Valley {
    const VILLAGE_HALF_EXTENT_M: DVec2 = DVec2::new(30.0, 75.0);

    fn new(seed: u64) -> Self {
        let mut valley = Self { seed, village: DVec2::ZERO, village_height: 0.0 };
        valley.village = DVec2::new(valley.stream_x(0.0) + VILLAGE_EAST_M, 0.0);
        // A bench just above the reach of floods, not on the slope's noise.
        valley.village_height = valley.stream_height(0.0) + 9.0;
        valley
    }
    fn stream_x(&self, y: f64) -> f64 {
        let bends = value_noise(self.seed ^ 0xA5, DVec2::new(y / 190.0, 0.5));
        let wiggles = value_noise(self.seed ^ 0x5A, DVec2::new(y / 55.0, 0.5));
        38.0 * bends + 7.0 * wiggles - 30.0
    }
    fn stream_height(&self, y: f64) -> f64 {
        STREAM_HEIGHT_M + STREAM_FALL * y
    }
    fn stream_bed(&self, y: f64) -> f64 {
        self.height(DVec2::new(self.stream_x(y), y))
    }
    fn height(&self, p: DVec2) -> f64 {
        let from_stream = (p.x - self.stream_x(p.y)).abs();
        let up_side = (from_stream - FLOOR_HALF_WIDTH_M).max(0.0);
        let side = SIDE_RISE * up_side * up_side / (up_side + 55.0);
        let roughness = 26.0 * smoothstep(0.0, 260.0, up_side) + 0.35 * smoothstep(0.0, 12.0, up_side);
        let natural = self.stream_height(p.y) + side + roughness * fractal_noise(self.seed, p / 170.0, 6);
        let terraced = self.terraced(p, up_side, natural);
        let benched = self.benched(p, terraced);
        let bank = from_stream / 3.2;
        benched - 1.5 / ((1.0 + bank * bank) * (1.0 + bank * bank))
    }
    /// Fields cut into the lower slopes, in patches.
    fn terraced(&self, p: DVec2, up_side: f64, natural: f64) -> f64 {
        let patch = smoothstep(-0.06, 0.06, fractal_noise(self.seed ^ 0xC3, p / 150.0, 5));
        let worked = patch * smoothstep(10.0, 24.0, up_side) * (1.0 - smoothstep(150.0, 230.0, up_side));
        let steps = natural / TERRACE_M;
        let level = steps.floor();
        let cut = (level + smoothstep(0.7, 1.0, steps - level)) * TERRACE_M;
        natural + (cut - natural) * worked
    }
    /// The village's bench, gently inclined with the valley and towards the stream.
    fn benched(&self, p: DVec2, before: f64) -> f64 {
        let away = p - self.village;
        let off_center = (away / Self::VILLAGE_HALF_EXTENT_M).length();
        let bench = self.village_height + STREAM_FALL * away.y + 0.08 * away.x;
        let built = 1.0 - smoothstep(1.05, 1.75, off_center);
        before + (bench - before) * built
    }
}

/// 0 below `low`, 1 above `high`, smooth in between.
fn smoothstep(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A fixed random value in [−1, 1] for a lattice point (the finaliser of SplitMix64).
fn lattice(seed: u64, x: i64, y: i64) -> f64 {
    let mut bits = seed
        ^ (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(29);
    for _ in 0..2 {
        bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
    }
    (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
