//! The factor that memory puts on every view's error.
//!
//! It rises while what the settled view needs exceeds most of the ceiling, and falls again, step by step, while there
//! is room. A factor that proved too small is not tried again until the camera has moved, so with a still camera it
//! comes to rest. When even the coarsest cover is too large, everything beyond a *cut* distance is given up.

use std::time::Duration;

use super::selection::MAX_FACTOR;

/// Of the bytes for contents: above this the factor rises ...
const RAISE_ABOVE: f64 = 0.85;
/// ... towards this, ...
const AIM: f64 = 0.8;
/// ... and below this it falls.
const LOWER_BELOW: f64 = 0.7;
/// A floor found by a moving camera is forgotten after this long.
const FLOOR_LIFE: Duration = Duration::from_millis(500);
/// Raises for lack of progress that do not count as proof against the factor.
const FREE_STALLS: u32 = 8;

/// State of the control.
#[derive(Clone, Debug)]
pub(super) struct Pressure {
    pub(super) factor: f64,
    /// Finer tiles give way to a ready coarser one.
    pub(super) tight: bool,
    /// Tiles farther than this are given up, metres.
    pub(super) cut_m: f64,
    /// Share of the contents' bytes that the cut aims at.
    cut_share: f64,
    /// Factors up to this one are known not to fit.
    floor: f64,
    floor_at: Duration,
    /// The factor before the last lowering.
    fitting: f64,
    stalls: u32,
}

/// What the control looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) now: Duration,
    /// What the settled view needs, bytes.
    pub(super) wanted_bytes: u64,
    /// What contents may take in all, bytes.
    pub(super) content_bytes: u64,
    /// Something wanted waits for memory and nothing is under way that would free any.
    pub(super) stalled: bool,
    /// Views or settings differ from the frame before.
    pub(super) moved: bool,
    /// Nothing is wanted any more.
    pub(super) idle: bool,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            factor: 1.0,
            tight: false,
            cut_m: f64::INFINITY,
            cut_share: AIM,
            floor: 0.0,
            floor_at: Duration::ZERO,
            fitting: 0.0,
            stalls: 0,
        }
    }
}

impl Pressure {
    /// One step. `by_distance` holds distance (m) and cost (KiB) of what the coarsest cover needs, if that is what is
    /// selected. Returns whether anything changed.
    pub(super) fn step(&mut self, load: &Load, by_distance: &mut [(f64, u32)]) -> bool {
        let before = (self.factor, self.tight, self.cut_m);
        if load.moved {
            self.stalls = 0;
            self.cut_share = AIM;
            if load.now.saturating_sub(self.floor_at) > FLOOR_LIFE {
                self.floor = 0.0;
                self.fitting = 0.0;
            }
        }
        if load.idle {
            self.tight = false;
        }
        let share = load.wanted_bytes as f64 / (load.content_bytes.max(1)) as f64;
        if share > RAISE_ABOVE && self.factor < MAX_FACTOR {
            self.refuse(load.now);
            self.factor = if self.fitting > self.factor {
                self.fitting
            } else {
                (self.factor * (share / AIM).sqrt().clamp(1.02, 1.25)).min(MAX_FACTOR)
            };
        } else if load.stalled {
            self.stalls += 1;
            self.tight = true;
            if self.stalls > FREE_STALLS {
                self.refuse(load.now);
            }
            if self.factor >= MAX_FACTOR {
                self.cut_share *= 0.8;
            }
            self.factor = (self.factor * 1.1).min(MAX_FACTOR);
        } else if self.factor > 1.0 && share < LOWER_BELOW && !self.tight {
            let step = if share < 0.3 {
                1.25
            } else if share < 0.5 {
                1.1
            } else {
                1.03
            };
            let lower = (self.factor / step).max(1.0);
            if lower > self.floor * 1.02 {
                self.fitting = self.factor;
                self.factor = lower;
            }
        }
        self.cut_m = if self.factor < MAX_FACTOR || by_distance.is_empty() {
            f64::INFINITY
        } else if load.idle && !load.moved && self.keeps(by_distance, load.content_bytes) {
            // What is left for contents changes a little with what is loaded in advance; the picture need not.
            self.cut_m
        } else {
            cut(by_distance, load.content_bytes as f64 * self.cut_share)
        };
        before != (self.factor, self.tight, self.cut_m)
    }

    /// Nothing more can be given up: what still waits for memory is over budget.
    pub(super) fn is_exhausted(&self) -> bool {
        self.factor >= MAX_FACTOR && self.stalls > 48
    }

    /// Whether what lies within the cut still fits.
    fn keeps(&self, by_distance: &[(f64, u32)], content_bytes: u64) -> bool {
        let within = by_distance.iter().filter(|(distance, _)| *distance <= self.cut_m);
        let bytes: f64 = within.map(|(_, kib)| f64::from(*kib) * 1024.0).sum();
        self.cut_m.is_finite() && bytes <= RAISE_ABOVE * content_bytes as f64
    }

    fn refuse(&mut self, now: Duration) {
        self.floor = self.floor.max(self.factor);
        self.floor_at = now;
    }
}

/// The distance within which the costs add up to no more than `bytes`.
fn cut(by_distance: &mut [(f64, u32)], bytes: f64) -> f64 {
    by_distance.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut sum = 0.0;
    let mut within = 0.0;
    for &(distance, kib) in by_distance.iter() {
        sum += f64::from(kib) * 1024.0;
        if sum > bytes {
            // Several tiles may lie equally far: all of them are given up, except around the eye itself.
            return if distance > within || within <= 0.0 { within } else { within.next_down() };
        }
        within = distance;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view whose need falls with the square of the factor, in steps as a tree has them.
    fn need(factor: f64, at_one: f64) -> u64 {
        (at_one / (factor.log2() / 0.7).floor().exp2().powi(2)) as u64
    }

    fn load(now_ms: u64, wanted_bytes: u64, moved: bool) -> Load {
        Load {
            now: Duration::from_millis(now_ms),
            wanted_bytes,
            content_bytes: 1_000_000,
            stalled: false,
            moved,
            idle: true,
        }
    }

    #[test]
    fn comes_to_rest_where_it_fits_and_returns_to_one() {
        for at_one in [1.1e6, 3e6, 2e7, 5e8] {
            let mut pressure = Pressure::default();
            let (mut still, mut now_ms) = (0, 0);
            for _ in 0..600 {
                now_ms += 16;
                let before = pressure.factor;
                let changed = pressure
                    .step(&load(now_ms, need(pressure.factor, at_one), now_ms == 16), &mut Vec::new());
                assert!(pressure.factor <= before * 1.2501 && pressure.factor >= before / 1.2501, "no jumps");
                still = if changed { 0 } else { still + 1 };
            }
            assert!(still > 200, "{at_one}: rested for only {still} steps");
            assert!(need(pressure.factor, at_one) as f64 <= 1e6 * RAISE_ABOVE);
            for _ in 0..400 {
                now_ms += 16;
                pressure.step(&load(now_ms, 1000, true), &mut Vec::new());
            }
            assert_eq!(pressure.factor, 1.0);
        }
    }

    #[test]
    fn a_still_picture_keeps_its_cut() {
        let tiles: Vec<(f64, u32)> = (0..100).map(|n| (f64::from(n), 100)).collect();
        let mut pressure = Pressure { factor: MAX_FACTOR, ..Pressure::default() };
        let load = |content_bytes, moved| Load {
            content_bytes,
            ..Load { wanted_bytes: 100 * 100 * 1024, ..load(16, 0, moved) }
        };
        pressure.step(&load(2_000_000, true), &mut tiles.clone());
        let cut = pressure.cut_m;
        assert_eq!(cut, 14.0, "15 tiles of 100 KiB within 80 %");
        for content_bytes in [2_100_000, 2_300_000, 1_850_000] {
            assert!(!pressure.step(&load(content_bytes, false), &mut tiles.clone()));
        }
        assert!(pressure.step(&load(1_500_000, false), &mut tiles.clone()), "it must still fit");
        assert!(pressure.cut_m < cut);
        assert!(pressure.step(&load(2_300_000, true), &mut tiles.clone()) && pressure.cut_m > cut);
    }

    #[test]
    fn the_cut_keeps_the_nearest() {
        let mut tiles: Vec<(f64, u32)> = (0..100).map(|n| (f64::from((n * 37) % 100), 10)).collect();
        let at = cut(&mut tiles, 255.0 * 1024.0);
        assert_eq!(at, 24.0, "25 tiles of 10 KiB fit");
        assert_eq!(cut(&mut tiles, 1e9), f64::INFINITY);
        let mut alike = vec![(0.0, 10), (5.0, 10), (5.0, 10), (5.0, 10)];
        assert!(cut(&mut alike, 30.0 * 1024.0) < 5.0, "tiles equally far go together");
    }
}
