//! Chance, noise and curves that every machine computes alike: only the four operations and square roots are used.

use glam::{DVec2, Vec2, Vec3};

/// The finaliser of SplitMix64.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// A seed for one purpose, from the seed of a larger one.
pub(super) fn seed_for(seed: u64, purpose: u64) -> u64 {
    mix(seed ^ mix(purpose))
}

/// [0, 1) from bits.
pub(super) fn unit_of(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u64 << 24) as f32
}

/// [0, 1) for a cell of a lattice.
pub(super) fn unit_at(seed: u64, x: i64, y: i64) -> f32 {
    unit_of(mix(seed
        ^ (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(29)))
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// [0, 1).
    pub(super) fn unit(&mut self) -> f32 {
        unit_of(self.bits())
    }

    /// Between two numbers.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with a probability.
    pub(super) fn happens(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A whole number below `count`, which is not 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.bits() % count.max(1) as u64) as usize
    }

    /// One of a list; `None` of an empty one.
    pub(super) fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }

    /// Roughly normal, mean 0, standard deviation 1 (twelve uniform numbers).
    pub(super) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

/// 0 below `low`, 1 above `high`, smooth in between.
pub(super) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// 0 below `low`, 1 above `high`, straight in between.
pub(super) fn ramp(low: f32, high: f32, x: f32) -> f32 {
    ((x - low) / (high - low)).clamp(0.0, 1.0)
}

/// The whole number below, of moderate numbers: without a call into the system's library.
pub(super) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

pub(super) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// The unit vector at an angle, in turns counter-clockwise from east. Exact to 1e-6.
pub(super) fn heading(turns: f64) -> DVec2 {
    let turns = turns - turns.floor();
    let quarter = (turns * 4.0 + 0.5).floor();
    let x = (turns - quarter * 0.25) * std::f64::consts::TAU;
    let x2 = x * x;
    let sin = x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0 * (1.0 - x2 / 42.0 * (1.0 - x2 / 72.0))));
    let cos = 1.0 - x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0 * (1.0 - x2 / 56.0 * (1.0 - x2 / 90.0))));
    match quarter as i64 % 4 {
        0 => DVec2::new(cos, sin),
        1 => DVec2::new(-sin, cos),
        2 => DVec2::new(-cos, -sin),
        _ => DVec2::new(sin, -cos),
    }
}

/// Smooth noise in [0, 1], one cell of the lattice per unit.
pub(super) fn value_noise(seed: u64, point: DVec2) -> f32 {
    let cell = point.floor();
    let (x, y) = (cell.x as i64, cell.y as i64);
    let blend = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (blend((point.x - cell.x) as f32), blend((point.y - cell.y) as f32));
    let south = lerp(unit_at(seed, x, y), unit_at(seed, x + 1, y), u);
    let north = lerp(unit_at(seed, x, y + 1), unit_at(seed, x + 1, y + 1), u);
    lerp(south, north, v)
}

/// Value noise summed over octaves, each twice as fine and half as strong; in [−1, 1].
pub(super) fn fractal(seed: u64, point: DVec2, octaves: u32) -> f32 {
    let (mut sum, mut reach, mut strength, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        // Shifted, so that the lattices of the octaves do not line up.
        let shift = DVec2::new(17.31, 9.73) * f64::from(octave);
        sum += strength * (value_noise(seed_for(seed, u64::from(octave)), point * scale + shift) * 2.0 - 1.0);
        reach += strength;
        (strength, scale) = (strength * 0.5, scale * 2.0);
    }
    if reach > 0.0 { sum / reach } else { 0.0 }
}

/// Noise that repeats, made once and looked up: for texels.
#[derive(Clone, Debug)]
pub(super) struct Grain {
    values: Vec<f32>,
}

impl Grain {
    /// Cells along a side, one per unit.
    const SIDE: usize = 256;

    /// Fractal noise of a few octaves from `coarsest` cells on, each `persistence` times as strong as the one before.
    pub(super) fn new(seed: u64, coarsest: usize, octaves: u32, persistence: f32) -> Self {
        let mut values = vec![0.0_f32; Self::SIDE * Self::SIDE];
        let (mut reach, mut strength) = (0.0, 1.0);
        for octave in 0..octaves {
            let step = (coarsest >> octave).max(1);
            let cells = (Self::SIDE / step).max(1);
            let octave_seed = seed_for(seed, u64::from(octave));
            let blend = |t: f32| t * t * (3.0 - 2.0 * t);
            for (i, value) in values.iter_mut().enumerate() {
                let (x, y) = (i % Self::SIDE, i / Self::SIDE);
                let (cx, cy) = (x / step, y / step);
                let at =
                    |cx: usize, cy: usize| unit_at(octave_seed, (cx % cells) as i64, (cy % cells) as i64);
                let (u, v) = (blend((x % step) as f32 / step as f32), blend((y % step) as f32 / step as f32));
                let south = lerp(at(cx, cy), at(cx + 1, cy), u);
                let north = lerp(at(cx, cy + 1), at(cx + 1, cy + 1), u);
                *value += strength * (lerp(south, north, v) * 2.0 - 1.0);
            }
            reach += strength;
            strength *= persistence;
        }
        // Octaves rarely peak together: stretched, so that the range is used.
        values.iter_mut().for_each(|value| *value = (*value / reach * 1.7).clamp(-1.0, 1.0));
        Self { values }
    }

    /// In [−1, 1]; repeats every 256 units.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (floor(x), floor(y));
        let (u, v) = (x - fx as f32, y - fy as f32);
        let (x0, y0) = (fx as usize % Self::SIDE, fy as usize % Self::SIDE);
        let (x1, y1) = ((x0 + 1) % Self::SIDE, (y0 + 1) % Self::SIDE);
        let value = |x: usize, y: usize| self.values[y * Self::SIDE + x];
        let south = value(x0, y0) + (value(x1, y0) - value(x0, y0)) * u;
        let north = value(x0, y1) + (value(x1, y1) - value(x0, y1)) * u;
        south + (north - south) * v
    }

    /// At a point in space: slices of the plane, sheared by height, so that steep faces show no streaks.
    pub(super) fn in_space(&self, p: Vec3) -> f32 {
        self.at(p.x + p.z * 0.83, p.y - p.z * 0.61)
    }
}

/// Distance to a segment, and how far along it (0 to 1) the nearest point lies.
pub(super) fn to_segment(at: Vec2, a: Vec2, b: Vec2) -> (f32, f32) {
    let ab = b - a;
    let t = ((at - a).dot(ab) / ab.length_squared().max(1e-6)).clamp(0.0, 1.0);
    (at.distance(a + ab * t), t)
}

/// Signed distance to a rectangle around the origin, negative inside.
pub(super) fn to_rectangle(at: Vec2, half: Vec2) -> f32 {
    let q = at.abs() - half;
    q.max(Vec2::ZERO).length() + q.max_element().min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_unit_vectors_that_turn_counter_clockwise() {
        for i in -20..20 {
            let turns = f64::from(i) * 0.0731;
            let exact =
                DVec2::new((turns * std::f64::consts::TAU).cos(), (turns * std::f64::consts::TAU).sin());
            assert!(heading(turns).distance(exact) < 1e-6, "{turns}: {} {exact}", heading(turns));
        }
    }

    #[test]
    fn grain_repeats_and_uses_its_range() {
        let grain = Grain::new(3, 32, 5, 0.5);
        assert_eq!(grain.at(-3.25, 7.5), grain.at(252.75, 263.5));
        let (mut low, mut high) = (1.0_f32, -1.0_f32);
        for i in 0..5000 {
            let value = grain.at(i as f32 * 1.37, i as f32 * 0.71);
            (low, high) = (low.min(value), high.max(value));
        }
        assert!(low < -0.6 && high > 0.6, "{low} {high}");
    }
}
