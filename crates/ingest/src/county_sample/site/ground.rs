//! The ground of a site: streets graded, yards levelled, fields terraced; and what it is used for.

use glam::{DVec2, Vec2};

use super::{Raster, streets::Street};
use crate::county_sample::{
    building::{Building, Kind},
    land::{Land, Place, Spot},
    math::{fractal, lerp, mix, ramp, smooth, unit_of},
};

/// What lies around a point, as lanes of one raster so that painting looks it up at once.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(in crate::county_sample) enum Lane {
    /// Ground before terraces, metres.
    Smooth,
    /// Distance along the valley, metres.
    Along,
    /// Distance from the river's bank, metres.
    Bank,
    /// Distance from the edge of the nearest street, metres.
    Street,
    /// Distance from the nearest wall, metres.
    Wall,
    /// Wet fields of the valley floor, 0 to 1.
    Paddy,
    /// Terraces on slopes, 0 to 1.
    Terrace,
    /// Woods, 0 to 1.
    Wood,
    /// Tea gardens, 0 to 1.
    Tea,
    /// Bamboo, 0 to 1.
    Bamboo,
    /// Paved yards, 0 to 1.
    Yard,
    /// Kitchen gardens, 0 to 1.
    Garden,
    /// Slow variation, −1 to 1.
    Broad,
    /// 1 on the side of the houses, −1 beyond the river.
    Side,
    /// Level of the river, metres.
    Water,
}

impl Lane {
    /// One more than there are, so that lanes fill whole registers.
    pub(in crate::county_sample) const COUNT: usize = 16;
}

/// What covers the ground, for those who need one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::county_sample) enum Cover {
    Water,
    Gravel,
    Street,
    Yard,
    Garden,
    Paddy,
    Terrace,
    Tea,
    Bamboo,
    Wood,
    Grass,
}

impl Cover {
    pub(in crate::county_sample) const ALL: [Self; 11] = [
        Self::Water,
        Self::Gravel,
        Self::Street,
        Self::Yard,
        Self::Garden,
        Self::Paddy,
        Self::Terrace,
        Self::Tea,
        Self::Bamboo,
        Self::Wood,
        Self::Grass,
    ];

    /// The word in files.
    pub(in crate::county_sample) fn word(self) -> &'static str {
        match self {
            Self::Water => "water",
            Self::Gravel => "gravel",
            Self::Street => "street",
            Self::Yard => "yard",
            Self::Garden => "garden",
            Self::Paddy => "paddy",
            Self::Terrace => "terrace",
            Self::Tea => "tea",
            Self::Bamboo => "bamboo",
            Self::Wood => "wood",
            Self::Grass => "grass",
        }
    }

    /// Of a point's lanes.
    pub(in crate::county_sample) fn of(lanes: &[f32; Lane::COUNT]) -> Self {
        let lane = |lane: Lane| lanes[lane as usize];
        if lane(Lane::Bank) < 0.0 {
            return Self::Water;
        }
        if lane(Lane::Street) < 0.0 {
            return Self::Street;
        }
        if lane(Lane::Bank) < 1.6 {
            return Self::Gravel;
        }
        [
            (Lane::Yard, Self::Yard),
            (Lane::Garden, Self::Garden),
            (Lane::Paddy, Self::Paddy),
            (Lane::Terrace, Self::Terrace),
            (Lane::Tea, Self::Tea),
            (Lane::Bamboo, Self::Bamboo),
            (Lane::Wood, Self::Wood),
        ]
        .into_iter()
        .find(|(lane, _)| lanes[*lane as usize] > 0.5)
        .map_or(Self::Grass, |(_, cover)| cover)
    }
}

/// Where a point lies on its field.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Field {
    /// Level of the field.
    pub(in crate::county_sample) level_m: f32,
    /// Share of the way from the field's outer edge (0) to the next one above (1).
    pub(in crate::county_sample) fraction: f32,
    /// 0 on the level, 1 on top of the bank that leads up to the next.
    pub(in crate::county_sample) riser: f32,
    /// Height of the bund here.
    pub(in crate::county_sample) bund_m: f32,
    /// Random bits of the plot.
    pub(in crate::county_sample) plot: u64,
}

/// Step between wet fields of the floor and between terraces, metres.
const FLOOR_STEP_M: f32 = 0.55;
const TERRACE_STEP_M: f32 = 1.7;

/// The field at a point.
pub(in crate::county_sample) fn terrace(lanes: &[f32; Lane::COUNT], seed: u64) -> Field {
    let is_floor = lanes[Lane::Paddy as usize] >= lanes[Lane::Terrace as usize];
    let step = if is_floor { FLOOR_STEP_M } else { TERRACE_STEP_M };
    let warp = lanes[Lane::Broad as usize] * if is_floor { 0.35 } else { 0.9 };
    let t = (lanes[Lane::Smooth as usize] + warp) / step;
    let level = t.floor();
    let fraction = t - level;
    let riser_from = if is_floor { 0.86 } else { 0.72 };
    let riser = smooth(riser_from, 1.0, fraction);
    // Plots along the level: longer ones on the floor.
    let length = if is_floor { 31.0 } else { 24.0 };
    let row = mix(seed ^ (level as i64 as u64) ^ if is_floor { 0x5A5A } else { 0 });
    let along = lanes[Lane::Along as usize] / length + unit_of(row);
    let cell = along.floor();
    let to_end = (along - cell).min(cell + 1.0 - along) * length;
    let edge = if is_floor { 0.05 } else { 0.09 };
    let rim = 1.0 - smooth(edge * 0.6, edge, fraction);
    let cross = if is_floor { 1.0 - smooth(0.15, 0.4, to_end) } else { 0.0 };
    Field {
        level_m: level * step - warp,
        fraction,
        riser,
        bund_m: 0.24 * rim.max(cross) * (1.0 - riser),
        plot: mix(row ^ cell as i64 as u64),
    }
}

/// Heights on their way from nature to fields.
pub(super) struct Shape {
    wood: Raster<f32>,
    side_m: f32,
    south_west: DVec2,
    /// Heights, metres.
    pub(super) heights: Raster<f32>,
    /// Distance from the river's bank, metres.
    pub(super) bank: Raster<f32>,
    along: Raster<f32>,
    side: Raster<f32>,
    water: Raster<f32>,
    /// Distance from the edge of the nearest street.
    street: Raster<f32>,
}

/// Beyond this distances are not told apart, metres.
const FAR_M: f32 = 40.0;

impl Shape {
    pub(super) fn natural(land: &Land, spot: &Spot, side_m: f32, south_west: DVec2) -> Self {
        let valley = &land.valleys[spot.valley];
        let middle = spot.along_m as f32;
        let places = Raster::over(side_m, 1.0, |at| {
            let p = south_west + at.as_dvec2();
            let place = valley.place(p);
            (place, valley.height_at(p, &place), land.wood(p))
        });
        let lane = |pick: fn(&(Place, f32, f32)) -> f32| Raster {
            values: places.values.iter().map(pick).collect(),
            side: places.side,
            cell_m: places.cell_m,
        };
        let mut along = lane(|(place, ..)| place.along_m);
        // Small numbers, so that interpolation keeps its precision.
        along.values.iter_mut().for_each(|along| *along -= middle);
        Self {
            wood: lane(|(.., wood)| *wood),
            side_m,
            south_west,
            heights: lane(|(_, height, _)| *height),
            bank: lane(|(place, ..)| place.bank_m),
            along,
            side: lane(|(place, ..)| place.side),
            water: lane(|(place, ..)| place.water_m),
            street: Raster::over(side_m, 1.0, |_| FAR_M),
        }
    }

    /// Cuts and fills along the streets.
    pub(super) fn grade_streets(&mut self, streets: &[Street]) {
        let natural = self.heights.clone();
        let mut level = Raster::over(self.side_m, 1.0, |_| 0.0);
        for street in streets {
            let reach = street.half_width_m + FAR_M;
            for (i, pair) in street.line.windows(2).enumerate() {
                let (low, high) = (pair[0].min(pair[1]) - reach, pair[0].max(pair[1]) + reach);
                let mut levels = std::mem::take(&mut level.values);
                let side = self.street.side;
                let cell = self.street.cell_m;
                self.street.each_within(low, high, |p, edge| {
                    let (off, t) = crate::county_sample::math::to_segment(p, pair[0], pair[1]);
                    if off - street.half_width_m < *edge {
                        *edge = off - street.half_width_m;
                        let at = (p + super::MARGIN_M) / cell;
                        levels[at.y as usize * side + at.x as usize] =
                            lerp(street.levels_m[i], street.levels_m[i + 1], t);
                    }
                });
                level.values = levels;
            }
        }
        for (i, height) in self.heights.values.iter_mut().enumerate() {
            let dry = smooth(0.3, 3.0, self.bank.values[i]);
            let weight = (1.0 - smooth(0.4, 4.2, self.street.values[i])) * dry;
            *height = lerp(natural.values[i], level.values[i], weight);
        }
    }

    /// Levels the ground around buildings.
    pub(super) fn level_yards(&mut self, buildings: &[Building]) {
        let before = self.heights.clone();
        let mut weights = Raster::over(self.side_m, 1.0, |_| (0.0_f32, 0.0_f32, 0.0_f32));
        for building in buildings {
            let reach = building.reach_m() + 7.0;
            let apron = if building.kind == Kind::Shed { 0.8 } else { 1.6 };
            weights.each_within(building.center - reach, building.center + reach, |p, sum| {
                let distance = building.plan_distance_m(p);
                let weight = 1.0 - smooth(apron, apron + 3.4, distance);
                if weight > 0.0 {
                    // Where yards meet, the nearer one counts most.
                    let share = weight * weight / (0.3 + distance.max(0.0));
                    *sum = (sum.0 + share, sum.1 + share * building.base_m, sum.2.max(weight));
                }
            });
        }
        for (i, (share, levels, weight)) in weights.values.iter().enumerate() {
            if *share > 0.0 {
                // Streets stay as they are.
                let kept = smooth(-0.2, 1.6, self.street.values[i]);
                self.heights.values[i] = lerp(before.values[i], levels / share, weight * kept);
            }
        }
    }

    /// Everything that is asked for when ground is shaped, planted and painted.
    pub(super) fn land_use(self, buildings: &[Building], seed: u64) -> Raster<[f32; Lane::COUNT]> {
        let mut wall = Raster::over(self.side_m, 1.0, |_| FAR_M);
        let mut home = Raster::over(self.side_m, 1.0, |_| FAR_M);
        for building in buildings {
            let reach = building.reach_m() + FAR_M;
            let is_home = building.kind != Kind::Shed;
            wall.each_within(building.center - reach, building.center + reach, |p, distance| {
                *distance = distance.min(building.plan_distance_m(p));
            });
            if is_home {
                home.each_within(building.center - reach, building.center + reach, |p, distance| {
                    *distance = distance.min(building.plan_distance_m(p));
                });
            }
        }
        let mut lanes = Raster::over(self.side_m, 1.0, |_| [0.0; Lane::COUNT]);
        lanes.change_all(|i, at, lane| {
            let world = self.south_west + at.as_dvec2();
            let noise = |k: u64, scale: f64, octaves: u32| fractal(seed ^ k, world / scale, octaves);
            let (bank, street, home) = (self.bank.values[i], self.street.values[i], home.values[i]);
            let slope = self.heights.slope(at, 3.0).length();
            let is_near = self.side.values[i] > 0.0;
            let (coarse, fine) = (noise(1, 65.0, 3), noise(2, 17.0, 2));

            // How settled a place is: near houses, and near streets between them.
            let settled = (1.0 - ramp(6.0, 17.0, home))
                .max(0.75 * (1.0 - ramp(2.0, 8.0, street)) * (1.0 - ramp(14.0, 30.0, home)));
            let yard = smooth(0.3, 0.7, settled + 0.25 * fine - ramp(3.0, 9.0, home) * 0.5)
                * (1.0 - ramp(5.0, 10.0, home));
            let free = smooth(1.0, 2.6, street) * smooth(3.0, 5.5, home) * smooth(1.4, 3.4, bank);
            let garden = free
                * (1.0 - yard)
                * (1.0 - ramp(8.0, 21.0, home + 5.0 * coarse))
                * smooth(-0.1, 0.1, fine + 0.25)
                * (1.0 - ramp(0.28, 0.42, slope));
            let open = free * (1.0 - smooth(0.35, 0.6, garden)) * smooth(5.0, 9.0, home + 3.0 * fine);
            let paddy = open * (1.0 - ramp(0.09, 0.15, slope + 0.03 * coarse)) * smooth(2.0, 4.0, bank);
            let worked = if is_near { smooth(-0.32, -0.22, coarse) } else { smooth(-0.45, -0.3, coarse) };
            let terrace = open
                * (1.0 - paddy)
                * worked
                * (1.0 - smooth(0.42, 0.54, slope))
                * (1.0 - smooth(120.0, 165.0, bank - if is_near { 95.0 } else { 0.0 } + 25.0 * coarse));
            let tea = open
                * (1.0 - paddy)
                * (1.0 - smooth(0.4, 0.6, terrace))
                * smooth(0.05, 0.15, noise(3, 90.0, 2) + 0.12)
                * (1.0 - smooth(0.55, 0.7, slope));
            let rest = open * (1.0 - paddy) * (1.0 - terrace.max(tea));
            let bamboo = rest
                * smooth(0.02, 0.16, noise(4, 55.0, 2) - 0.004 * (home - 25.0).max(0.0))
                * smooth(10.0, 16.0, home);
            let wood = rest
                * (1.0 - bamboo)
                * smooth(0.2, 0.5, self.wood.values[i] + slope * 0.9)
                * smooth(9.0, 15.0, home);
            let mut set = |which: Lane, value: f32| lane[which as usize] = value;
            set(Lane::Smooth, self.heights.values[i]);
            set(Lane::Along, self.along.values[i]);
            set(Lane::Bank, bank);
            set(Lane::Street, street);
            set(Lane::Wall, wall.values[i]);
            set(Lane::Paddy, paddy);
            set(Lane::Terrace, terrace);
            set(Lane::Wood, wood);
            set(Lane::Tea, tea);
            set(Lane::Bamboo, bamboo);
            set(Lane::Yard, yard);
            set(Lane::Garden, garden);
            set(Lane::Broad, coarse);
            set(Lane::Side, self.side.values[i]);
            set(Lane::Water, self.water.values[i]);
        });
        lanes
    }
}

/// The ground with its terraces, stones and furrows; every half metre.
pub(super) fn finish(lanes: &Raster<[f32; Lane::COUNT]>, side_m: f32, seed: u64) -> Raster<f32> {
    Raster::over(side_m, 0.5, |at| height_m(lanes, at, seed))
}

/// Height of the ground at a point.
fn height_m(lanes: &Raster<[f32; Lane::COUNT]>, at: Vec2, seed: u64) -> f32 {
    let here = lanes.lanes(at);
    let lane = |lane: Lane| here[lane as usize];
    let mut height = lane(Lane::Smooth);
    let fields = lane(Lane::Paddy).max(lane(Lane::Terrace));
    if fields > 0.02 {
        let field = terrace(&here, seed);
        let is_floor = lane(Lane::Paddy) >= lane(Lane::Terrace);
        let step = if is_floor { FLOOR_STEP_M } else { TERRACE_STEP_M };
        let worked = field.level_m + field.riser * step + field.bund_m;
        height = lerp(height, worked, smooth(0.35, 0.6, fields));
    }
    let bank = lane(Lane::Bank);
    if bank < 4.0 {
        // The water is level across; stones stand out of it and line the banks.
        let water = lane(Lane::Water) - 0.15;
        let stones =
            stone(at, seed) * smooth(4.0, 0.5, bank) * smooth(-5.0, -1.0, bank + 2.0 * lane(Lane::Broad));
        height = height.max(water) + stones;
    }
    height
}

/// Height of boulders at a point of a stony place, metres.
fn stone(at: Vec2, seed: u64) -> f32 {
    let cell = (at / 1.9).floor();
    let mut height = 0.0_f32;
    for dy in -1..=1 {
        for dx in -1..=1 {
            let (x, y) = (cell.x as i64 + dx, cell.y as i64 + dy);
            let roll = |k: u64| crate::county_sample::math::unit_at(seed ^ k, x, y);
            let size = roll(0x51) - 0.35;
            if size > 0.0 {
                let center = (Vec2::new(x as f32, y as f32) + Vec2::new(roll(0x52), roll(0x53))) * 1.9;
                let radius = 0.45 + size;
                let off = center.distance(at) / radius;
                if off < 1.0 {
                    height = height.max((1.0 - off * off).max(0.0).sqrt() * radius * 0.75);
                }
            }
        }
    }
    height
}
