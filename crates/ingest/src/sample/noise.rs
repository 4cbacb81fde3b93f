//! Noise that is the same on every machine.

use glam::Vec2;

/// A seeded field of noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    seed: u64,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A number in [0, 1) for a pair of integers (SplitMix64 finaliser, Steele et al. 2014).
    pub(super) fn unit(&self, a: u32, b: u32) -> f32 {
        let mut z = self.seed ^ (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Sum of octaves of smooth noise, in [0, 1].
    pub(super) fn fractal(&self, at: Vec2, octaves: u32) -> f32 {
        (terrain::synthetic::fractal_noise(self.seed, at.as_dvec2(), octaves) * 0.5 + 0.5) as f32
    }

    /// Round bumps, one per cell, as tree crowns seen from above: 1 at a trunk, 0 between crowns.
    pub(super) fn crowns(&self, at: Vec2) -> f32 {
        let cell = at.floor();
        let mut best: f32 = 0.0;
        for dy in -1..=1 {
            for dx in -1..=1 {
                let (cx, cy) = ((cell.x as i32 + dx) as u32, (cell.y as i32 + dy) as u32);
                let trunk = cell
                    + Vec2::new(dx as f32, dy as f32)
                    + Vec2::new(0.25 + 0.5 * self.unit(cx, cy), 0.25 + 0.5 * self.unit(cx ^ 0x5bd1, cy));
                let radius = 0.55 + 0.4 * self.unit(cx, cy ^ 0x9e37);
                let height = 0.6 + 0.4 * self.unit(cx ^ 0x77, cy ^ 0x31);
                let q = 1.0 - at.distance_squared(trunk) / (radius * radius);
                best = best.max(q.max(0.0).sqrt() * height);
            }
        }
        best
    }
}
