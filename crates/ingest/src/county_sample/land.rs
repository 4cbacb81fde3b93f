//! The lie of the county: valleys with a river each, villages along them, ridges in between.
//!
//! Positions are metres east and north of the county's south-western corner in the map plane.

use glam::{DVec2, Vec2};

use super::math::{fractal, heading, lerp, ramp, seed_for, smooth, unit_at, value_noise};

/// Territory of a village along and across its valley, metres.
pub(super) const TERRITORY_M: DVec2 = DVec2::new(2000.0, 2600.0);
/// Distance between samples of a valley's axis, metres.
const STEP_M: f64 = 20.0;
/// Fall of a river, metres per metre.
const FALL: f64 = 0.016;
/// How far the road lies from the valley's axis, on the side of the villages, metres.
pub(super) const ROAD_OFFSET_M: f32 = 46.0;
/// How far the middle of a site lies from the valley's axis, metres.
const SITE_OFFSET_M: f64 = 62.0;
/// So near its axis a valley follows it exactly, and beyond the second distance only on the whole, metres.
const NEAR_AXIS_M: [f32; 2] = [260.0, 480.0];
/// The axis is straight this far up and down the valley from a village, metres.
const STRAIGHT_M: f64 = 310.0;

/// The ground of the county.
#[derive(Clone, Debug)]
pub(super) struct Land {
    pub(super) valleys: Vec<Valley>,
    /// Cells of territory: columns and rows.
    pub(super) cells: [usize; 2],
    seed: u64,
}

/// Where a village lies.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// Cell of territory: column and row.
    pub(super) cell: [usize; 2],
    /// Index of its valley.
    pub(super) valley: usize,
    /// Middle of the site.
    pub(super) center: DVec2,
    /// Distance along the axis of its valley, metres.
    pub(super) along_m: f64,
}

/// A valley.
#[derive(Clone, Debug)]
pub(super) struct Valley {
    /// Its axis, downstream, every [`STEP_M`] or so.
    pub(super) axis: Vec<DVec2>,
    /// Distance along the axis of each point, metres.
    along_m: Vec<f64>,
    /// Where villages lie along the axis, metres.
    villages_m: Vec<f64>,
    /// Height of the river where the axis begins, metres.
    source_m: f64,
    /// Side of the villages, seen downstream: 1 left, −1 right.
    pub(super) side: f32,
    seed: u64,
}

/// A position in terms of its valley.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Distance along the axis, metres.
    pub(super) along_m: f32,
    /// Distance from the river's bank, negative in the water, metres.
    pub(super) bank_m: f32,
    /// 1 near a village, 0 far from all.
    pub(super) village: f32,
    /// 1 on the side of the villages, −1 on the other, seen from the river.
    pub(super) side: f32,
    /// Level of the water, metres.
    pub(super) water_m: f32,
    /// Distance from the middle of the valley's road, metres.
    pub(super) road_m: f32,
}

impl Land {
    /// Lays out a county of some villages (at least one).
    pub(super) fn new(villages: u32, seed: u64) -> (Self, Vec<Spot>) {
        let villages = villages.max(1) as usize;
        let rows = (1..=64).take_while(|rows| rows * rows * 10 <= villages * 6).last().unwrap_or(1);
        let columns = villages.div_ceil(rows);
        let rows = villages.div_ceil(columns);
        let mut valleys = Vec::new();
        let mut spots = Vec::new();
        for row in 0..rows {
            let in_row = columns.min(villages - row * columns);
            let (valley, found) = Valley::new(row, in_row, columns, seed_for(seed, 100 + row as u64));
            spots.extend(found);
            valleys.push(valley);
        }
        (Self { valleys, cells: [columns, rows], seed: seed_for(seed, 1) }, spots)
    }

    /// Extent of the county's territory, metres.
    pub(super) fn extent_m(&self) -> DVec2 {
        TERRITORY_M * DVec2::new(self.cells[0] as f64, self.cells[1] as f64)
    }

    /// A corner of territory, `column` and `row` counted from the south-west.
    pub(super) fn corner(&self, column: usize, row: usize) -> DVec2 {
        let jitter = |k: i64| f64::from(unit_at(self.seed ^ 0xB0, column as i64 * 2 + k, row as i64)) - 0.5;
        TERRITORY_M * DVec2::new(column as f64, row as f64) + DVec2::new(jitter(0), jitter(1)) * 300.0
    }

    /// Height of the natural ground, metres.
    pub(super) fn height_m(&self, p: DVec2) -> f32 {
        self.valleys.iter().map(|valley| valley.height_m(p)).fold(f32::INFINITY, f32::min)
    }

    /// A position in terms of the valley whose river is nearest.
    pub(super) fn nearest(&self, p: DVec2) -> Place {
        let places = self.valleys.iter().map(|valley| valley.place(p));
        let nearest = places.min_by(|a, b| a.bank_m.total_cmp(&b.bank_m));
        // There is at least one valley.
        nearest.unwrap_or(Place {
            along_m: 0.0,
            bank_m: 0.0,
            village: 0.0,
            side: 1.0,
            water_m: 0.0,
            road_m: 0.0,
        })
    }

    /// How dense the wood is on natural ground far from villages, 0 to 1.
    pub(super) fn wood(&self, p: DVec2) -> f32 {
        smooth(-0.25, 0.05, fractal(self.seed ^ 0x77, p / 420.0, 4))
    }
}

impl Valley {
    fn new(row: usize, in_row: usize, columns: usize, seed: u64) -> (Self, Vec<Spot>) {
        let unit = |purpose: i64, k: usize| f64::from(unit_at(seed, purpose, k as i64)) - 0.5;
        let centers: Vec<(DVec2, DVec2)> = (0..in_row)
            .map(|column| {
                let middle = TERRITORY_M * DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
                let center = middle + DVec2::new(unit(1, column) * 300.0, unit(2, column) * 500.0);
                (center, heading(unit(3, column) * 0.16))
            })
            .collect();
        // Control points: straight through each village, curves in between, on into the neighbouring counties.
        let mut axis: Vec<DVec2> = Vec::new();
        let mut push = |from: DVec2, from_way: DVec2, to: DVec2, to_way: DVec2| {
            let reach = from.distance(to) * 0.4;
            let (b, c) = (from + from_way * reach, to - to_way * reach);
            let count = (from.distance(to) / STEP_M).ceil().max(1.0) as usize;
            for i in 0..count {
                let t = i as f64 / count as f64;
                let u = 1.0 - t;
                axis.push(
                    from * (u * u * u) + b * (3.0 * u * u * t) + c * (3.0 * u * t * t) + to * (t * t * t),
                );
            }
        };
        let level = (row as f64 + 0.5) * TERRITORY_M.y;
        let (mut at, mut way) = (DVec2::new(-900.0, level + unit(4, 0) * 300.0), DVec2::X);
        for (center, direction) in &centers {
            let (start, end) = (*center - *direction * STRAIGHT_M, *center + *direction * STRAIGHT_M);
            push(at, way, start, *direction);
            push(start, *direction, end, *direction);
            (at, way) = (end, *direction);
        }
        let east = DVec2::new(TERRITORY_M.x * columns as f64 + 900.0, level + unit(4, 1) * 300.0);
        push(at, way, east, DVec2::X);
        axis.push(east);
        if unit(5, 0) > 0.0 {
            axis.reverse();
        }
        let along_m: Vec<f64> = axis
            .iter()
            .scan((0.0, None::<DVec2>), |(sum, last), p| {
                *sum += last.map_or(0.0, |last| last.distance(*p));
                *last = Some(*p);
                Some(*sum)
            })
            .collect();
        let length_m = along_m.last().copied().unwrap_or_default();
        let mut valley = Self {
            axis,
            along_m,
            villages_m: Vec::new(),
            source_m: 230.0 + f64::from(unit_at(seed, 6, 0)) * 60.0 + length_m * FALL,
            side: if unit(7, 0) > 0.0 { 1.0 } else { -1.0 },
            seed,
        };
        let mut spots = Vec::new();
        for (column, (center, _)) in centers.iter().enumerate() {
            let (along_m, _) = valley.project(*center);
            valley.villages_m.push(along_m);
            let (on_axis, left) = valley.frame_at(along_m);
            spots.push(Spot {
                cell: [column, row],
                valley: row,
                center: on_axis + left * (f64::from(valley.side) * SITE_OFFSET_M),
                along_m,
            });
        }
        (valley, spots)
    }

    /// Length of the axis, metres.
    pub(super) fn length_m(&self) -> f64 {
        self.along_m.last().copied().unwrap_or_default()
    }

    /// Distance along the axis that changes without a jump where a point has two nearest ones: a mean over the axis, of
    /// what is little farther than the nearest.
    fn project_softly(&self, p: DVec2, off_m: f64) -> f64 {
        let spread = 60.0 * 60.0 + 0.3 * off_m * off_m;
        let (mut sum, mut weights) = (0.0, 0.0);
        for (point, along_m) in self.axis.iter().zip(&self.along_m).step_by(4) {
            let farther = (p.distance_squared(*point) - off_m * off_m).max(0.0);
            let near = 1.0 / (1.0 + farther / spread);
            let weight = near * near * near * near;
            (sum, weights) = (sum + weight * along_m, weights + weight);
        }
        sum / weights.max(1e-12)
    }

    /// Distance along the axis and, positive to its left, from it, metres.
    fn project(&self, p: DVec2) -> (f64, f64) {
        const COARSE: usize = 8;
        let nearest = (0..self.axis.len())
            .step_by(COARSE)
            .map(|i| (self.axis[i].distance_squared(p), i))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(0, |(_, i)| i);
        let range = nearest.saturating_sub(COARSE)..(nearest + COARSE).min(self.axis.len().saturating_sub(1));
        let mut best = (f64::INFINITY, 0.0, 0.0);
        for i in range {
            let (a, b) = (self.axis[i], self.axis[i + 1]);
            let ab = b - a;
            let t = ((p - a).dot(ab) / ab.length_squared().max(1e-9)).clamp(0.0, 1.0);
            let off = p - (a + ab * t);
            let squared = off.length_squared();
            if squared < best.0 {
                let left = if ab.perp().dot(off) < 0.0 { -1.0 } else { 1.0 };
                best = (squared, self.along_m[i] + ab.length() * t, left * squared.sqrt());
            }
        }
        (best.1, best.2)
    }

    /// The point of the axis at a distance along it, and the unit vector to its left.
    fn frame_at(&self, along_m: f64) -> (DVec2, DVec2) {
        let last = self.axis.len().saturating_sub(2);
        let i = self.along_m.partition_point(|s| *s <= along_m).saturating_sub(1).min(last);
        let (a, b) = (self.axis[i], self.axis[(i + 1).min(self.axis.len() - 1)]);
        let way = (b - a).normalize_or(DVec2::X);
        (a + way * (along_m - self.along_m[i]), way.perp())
    }

    /// The position that is so far along the axis and (positive on the villages' side) across from it.
    pub(super) fn at(&self, along_m: f32, across_m: f32) -> DVec2 {
        let (on_axis, left) = self.frame_at(f64::from(along_m));
        on_axis + left * f64::from(across_m * self.side)
    }

    /// How far the middle of the river lies from the axis, positive on the villages' side, metres.
    pub(super) fn river_across_m(&self, along_m: f32) -> f32 {
        let noise = |scale: f64, k: u64| {
            value_noise(seed_for(self.seed, k), DVec2::new(f64::from(along_m) / scale, 0.5)) * 2.0 - 1.0
        };
        14.0 * noise(120.0, 21) + 3.0 * noise(38.0, 22) - 4.0
    }

    /// Half the river's width, metres.
    pub(super) fn river_half_m(&self, along_m: f32) -> f32 {
        5.2 + 2.6 * value_noise(seed_for(self.seed, 23), DVec2::new(f64::from(along_m) / 60.0, 0.5))
    }

    /// How far the road lies from the axis, metres.
    pub(super) fn road_across_m(&self, along_m: f32) -> f32 {
        let sway = value_noise(seed_for(self.seed, 24), DVec2::new(f64::from(along_m) / 170.0, 0.5));
        ROAD_OFFSET_M + 12.0 * (sway - 0.5)
    }

    /// A position in the valley's terms.
    pub(super) fn place(&self, p: DVec2) -> Place {
        let (along, left) = self.project(p);
        let (along_m, across_m) = (along as f32, left as f32 * self.side);
        // On ridges inside of bends the nearest point of the axis jumps; the ground must not.
        let far = smooth(NEAR_AXIS_M[0], NEAR_AXIS_M[1], across_m.abs());
        let along = if far > 0.0 {
            along + (self.project_softly(p, left.abs()) - along) * f64::from(far)
        } else {
            along
        };
        let road_m = (across_m - self.road_across_m(along_m)).abs();
        let from_river = across_m - self.river_across_m(along_m) * (1.0 - far);
        let nearest =
            self.villages_m.iter().map(|village| (along - village).abs()).fold(f64::INFINITY, f64::min);
        Place {
            along_m,
            bank_m: from_river.abs() - lerp(self.river_half_m(along_m), 6.5, far),
            village: 1.0 - smooth(270.0, 560.0, nearest as f32),
            side: if from_river < 0.0 { -1.0 } else { 1.0 },
            water_m: (self.source_m - FALL * along) as f32,
            road_m,
        }
    }

    /// Height of the natural ground, as if the valley were the only one, metres.
    pub(super) fn height_m(&self, p: DVec2) -> f32 {
        self.height_at(p, &self.place(p))
    }

    /// The same where the place is known.
    pub(super) fn height_at(&self, p: DVec2, place: &Place) -> f32 {
        let noise = |k: u64, scale: f64, octaves: u32| fractal(seed_for(self.seed, k), p / scale, octaves);
        let is_near = place.side > 0.0;
        let breadth = 1.0 + 0.3 * noise(31, 150.0, 2);
        let floor_m = lerp(15.0, if is_near { 40.0 } else { 46.0 }, place.village) * breadth;
        let bench_m = if is_near { 175.0 * place.village } else { 12.0 };
        let away = place.bank_m.max(0.0);
        let bank = 1.5 * smooth(-0.6, 2.6, place.bank_m);
        let floor = 0.024 * away.min(floor_m);
        let on_bench = (away - floor_m).clamp(0.0, bench_m);
        let bench = 0.105 * on_bench * on_bench / (on_bench + 10.0);
        let up = (away - floor_m - bench_m).max(0.0);
        let hill = 0.60 * up * up / (up + 38.0) / (1.0 + up / 560.0);
        // Spurs and gullies, growing with the hill; gentle swells on the bench.
        let rough =
            noise(32, 330.0, 5) * (0.42 * hill).min(95.0) + noise(33, 70.0, 3) * (0.02 * away).min(2.4);
        let swell = noise(34, 55.0, 2) * 1.3 * ramp(0.0, 40.0, on_bench);
        let bed = -0.9 * smooth(0.4, -3.0, place.bank_m);
        place.water_m + bed + bank + floor + bench + hill + rough + swell
    }
}

/// A position of the county relative to the south-western corner of a site.
pub(super) fn to_site(p: DVec2, south_west: DVec2) -> Vec2 {
    (p - south_west).as_vec2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nowhere is the ground much steeper than a hillside.
    fn no_cliffs(land: &Land) {
        let extent = land.extent_m().min(DVec2::new(6000.0, 5200.0));
        let steps = (extent / 16.0).as_uvec2();
        for i in 0..steps.x * steps.y {
            let p = DVec2::new(f64::from(i % steps.x), f64::from(i / steps.x)) * 16.0;
            let rise = (land.height_m(p + DVec2::X * 2.0) - land.height_m(p)).abs();
            assert!(rise < 4.2, "{rise} m over 2 m at {p}");
        }
    }

    #[test]
    fn villages_lie_in_their_cells_and_rivers_run_downhill() {
        for villages in [1, 3, 12, 117] {
            let (land, spots) = Land::new(villages, 5);
            assert_eq!(spots.len(), villages as usize);
            no_cliffs(&land);
            for spot in &spots {
                let middle = TERRITORY_M * DVec2::new(spot.cell[0] as f64 + 0.5, spot.cell[1] as f64 + 0.5);
                assert!((spot.center - middle).abs().max_element() < 420.0, "{spot:?}");
                let valley = &land.valleys[spot.valley];
                let along = spot.along_m as f32;
                let up = valley.place(valley.at(along - 200.0, 0.0));
                let down = valley.place(valley.at(along + 200.0, 0.0));
                assert!((up.along_m - along + 200.0).abs() < 1.0, "{up:?}");
                assert!(up.water_m > down.water_m + 5.0);
            }
        }
    }
}
