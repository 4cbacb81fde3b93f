//! Trees, bamboo, tea and hedges, and how high they stand above the ground.

use glam::Vec2;

use super::{Lane, Site};
use crate::county_sample::math::{Chance, fractal, smooth, unit_at};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::county_sample) enum PlantKind {
    Broadleaf,
    Conifer,
    Bamboo,
    Fruit,
    /// The old camphor at the village's entrance.
    Camphor,
}

impl PlantKind {
    /// The word in files.
    pub(in crate::county_sample) fn word(self) -> &'static str {
        match self {
            Self::Broadleaf => "broadleaf",
            Self::Conifer => "conifer",
            Self::Bamboo => "bamboo",
            Self::Fruit => "fruit_tree",
            Self::Camphor => "old_camphor",
        }
    }
}

/// A tree or a clump of bamboo.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Plant {
    pub(in crate::county_sample) at: Vec2,
    pub(in crate::county_sample) kind: PlantKind,
    /// Radius of the crown.
    pub(in crate::county_sample) radius_m: f32,
    pub(in crate::county_sample) height_m: f32,
    /// [0, 1), for its colour.
    pub(in crate::county_sample) hue: f32,
}

impl Plant {
    /// Height of the crown's surface above the ground, at a share (0 to 1) of its radius.
    fn profile(&self, share: f32) -> f32 {
        // Steep at the rim, but not upright: what cameras above cannot see melts into a slope.
        let inner = (1.0 - share * share).max(0.0);
        let round = 0.45 * inner + 0.55 * inner.sqrt();
        let dome = 0.2 * inner + 0.8 * inner.sqrt();
        self.height_m
            * match self.kind {
                PlantKind::Conifer => 0.12 + 0.88 * (0.35 * round + 0.65 * (1.0 - share)),
                PlantKind::Bamboo => 0.25 + 0.75 * round * (1.0 - 0.2 * share),
                PlantKind::Fruit => 0.06 + 0.94 * round,
                PlantKind::Broadleaf | PlantKind::Camphor => 0.08 + 0.92 * dome,
            }
    }
}

/// Plants everything.
pub(super) fn grow(site: &mut Site, seed: u64) {
    let mut chance = Chance::new(seed);
    let side_m = site.spec.side_m();
    let mut plants = Vec::new();
    // Candidates on a jittered grid, dense enough for a closed wood.
    const GRID_M: f32 = 3.1;
    let cells = ((side_m + 2.0 * super::MARGIN_M) / GRID_M) as i64;
    for y in 0..cells {
        for x in 0..cells {
            let roll = |k: u64| unit_at(seed ^ k, x, y);
            let at = (Vec2::new(x as f32, y as f32) + Vec2::new(roll(1), roll(2))) * GRID_M - super::MARGIN_M;
            let lanes = site.lanes.lanes(at);
            let lane = |lane: Lane| lanes[lane as usize];
            let room = lane(Lane::Wall).min(lane(Lane::Street) + 0.6);
            if room < 1.6 || lane(Lane::Bank) < 1.2 {
                continue;
            }
            let age = roll(3);
            let mut plant = if lane(Lane::Wood) > 0.3 + 0.5 * roll(4) {
                let world = site.south_west + at.as_dvec2();
                if fractal(seed ^ 9, world / 70.0, 2) + 0.5 * roll(5) > 0.28 {
                    Plant {
                        at,
                        kind: PlantKind::Conifer,
                        radius_m: 1.9 + 1.1 * age,
                        height_m: 7.0 + 5.0 * age,
                        hue: roll(6),
                    }
                } else if roll(5) < 0.62 {
                    Plant {
                        at,
                        kind: PlantKind::Broadleaf,
                        radius_m: 2.2 + 1.9 * age,
                        height_m: 5.0 + 4.5 * age,
                        hue: roll(6),
                    }
                } else {
                    continue;
                }
            } else if lane(Lane::Bamboo) > 0.3 + 0.4 * roll(4) {
                Plant {
                    at,
                    kind: PlantKind::Bamboo,
                    radius_m: 1.9 + 1.1 * age,
                    height_m: 6.5 + 3.0 * age,
                    hue: roll(6),
                }
            } else {
                // Scattered ones: in yards and gardens, along the river, on bunds.
                let share = if lane(Lane::Garden) > 0.4 {
                    0.10
                } else if lane(Lane::Bank) < 5.0 {
                    0.16
                } else if lane(Lane::Yard) > 0.5 {
                    0.045
                } else if lane(Lane::Paddy) > 0.3 {
                    0.0012
                } else if lane(Lane::Terrace) > 0.3 || lane(Lane::Tea) > 0.3 {
                    0.008
                } else {
                    0.1
                };
                if roll(4) > share || lane(Lane::Street) < 1.0 {
                    continue;
                }
                let kind = if roll(5) < 0.55 { PlantKind::Fruit } else { PlantKind::Broadleaf };
                let (radius_m, height_m) = match kind {
                    PlantKind::Fruit => (1.2 + 0.8 * age, 2.4 + 1.6 * age),
                    _ => (2.1 + 1.9 * age, 3.7 + 3.3 * age),
                };
                Plant { at, kind, radius_m, height_m, hue: roll(6) }
            };
            // Crowns keep clear of roofs, as people see to it.
            let clear = (lane(Lane::Wall) - 0.4).max(0.6);
            if plant.radius_m > clear {
                plant.height_m *= (clear / plant.radius_m).max(0.5);
                plant.radius_m = clear;
            }
            plants.push(plant);
        }
    }
    if let Some(at) = camphor_place(site, &mut chance) {
        plants.push(Plant { at, kind: PlantKind::Camphor, radius_m: 8.5, height_m: 13.0, hue: 0.5 });
    }
    for (index, plant) in plants.iter().enumerate() {
        let reach = plant.radius_m * 1.1;
        let base = site.ground.at(plant.at);
        let (ground, canopy, plant_at) = (&site.ground, &mut site.canopy, &mut site.plant_at);
        let mut heights = Vec::new();
        canopy.each_within(plant.at - reach, plant.at + reach, |p, _| heights.push(p));
        let mut values = heights.iter().map(|p| {
            // Crowns are not round.
            let lobe = 1.0 + 0.26 * fractal(seed ^ 0xC0, (*p / 2.1).as_dvec2(), 2);
            let share = p.distance(plant.at) / (plant.radius_m * lobe);
            (share < 1.0).then(|| plant.profile(share) + base - ground.at(*p))
        });
        let mut wins = Vec::with_capacity(heights.len());
        canopy.each_within(plant.at - reach, plant.at + reach, |_, height| {
            let found = values.next().flatten();
            let is_higher = found.is_some_and(|value| value > *height);
            if let Some(value) = found.filter(|_| is_higher) {
                *height = value;
            }
            wins.push(is_higher);
        });
        let mut wins = wins.into_iter();
        plant_at.each_within(plant.at - reach, plant.at + reach, |_, slot| {
            if wins.next() == Some(true) {
                *slot = index as u32 + 1;
            }
        });
    }
    site.plants = plants;
    low_growth(site, seed);
    close_woods(site, seed);
}

/// Photogrammetry sees woods as one lumpy blanket: gaps between crowns fill up, crowns break into lumps.
fn close_woods(site: &mut Site, seed: u64) {
    let blanket = site.canopy.blurred(4);
    let surroundings = &site.lanes;
    site.canopy.change_all(|i, at, canopy| {
        let lanes = surroundings.lanes(at);
        let lane = |lane: Lane| lanes[lane as usize];
        let closed = smooth(0.2, 0.5, lane(Lane::Wood).max(lane(Lane::Bamboo)));
        *canopy = canopy.max(closed * 0.84 * blanket.values[i]);
        if *canopy > 0.8 {
            let lumps = 0.55 * fractal(seed ^ 0x10, (at / 2.3).as_dvec2(), 1)
                + 0.45 * fractal(seed ^ 0x11, (at / 1.15).as_dvec2(), 1);
            *canopy = (*canopy + lumps * 0.30 * canopy.min(3.6)).max(0.3);
        }
    });
}

/// An open place by the road at the village's lower end.
fn camphor_place(site: &Site, chance: &mut Chance) -> Option<Vec2> {
    let road = site.streets.first()?;
    let length = road.length_m();
    (0..200).find_map(|_| {
        let (point, way, _) = road.at(length * chance.between(0.2, 0.8))?;
        let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
        let at = point + way.perp() * side * (road.half_width_m + 9.0);
        let lanes = site.lanes.lanes(at);
        let is_free = lanes[Lane::Wall as usize] > 11.0
            && lanes[Lane::Bank as usize] > 9.0
            && lanes[Lane::Street as usize] > 6.0
            && at.min_element() > 20.0
            && at.max_element() < site.spec.side_m() - 20.0;
        is_free.then_some(at)
    })
}

/// Tea in rows, crops on terraces and in gardens, scrub: rows and tufts without a name of their own.
fn low_growth(site: &mut Site, seed: u64) {
    let surroundings = &site.lanes;
    site.canopy.change_all(|_, at, canopy| {
        let lanes = surroundings.lanes(at);
        let lane = |lane: Lane| lanes[lane as usize];
        let mut height = 0.0_f32;
        if lane(Lane::Tea) > 0.45 {
            // Rounded hedges along the slope.
            let t = (lane(Lane::Smooth) + 0.4 * lane(Lane::Broad)) / 0.85;
            let across = ((t - t.floor()) - 0.5).abs() * 2.0;
            height = 0.75 * smooth(0.85, 0.35, across) * smooth(0.45, 0.6, lane(Lane::Tea));
        } else if lane(Lane::Garden) > 0.45 {
            height = 0.35 * smooth(-0.2, 0.5, fractal(seed ^ 0x6A, (at / 1.3).as_dvec2(), 2));
        } else if lane(Lane::Wood) > 0.3 || lane(Lane::Bamboo) > 0.3 {
            // Undergrowth, so that woods are closed.
            let tuft = fractal(seed ^ 0x6B, (at / 2.1).as_dvec2(), 2);
            height = (1.6 + 1.6 * tuft) * lane(Lane::Wood).max(lane(Lane::Bamboo));
        } else if lane(Lane::Paddy).max(lane(Lane::Terrace)) < 0.3
            && lane(Lane::Yard) < 0.3
            && lane(Lane::Street) > 1.0
            && lane(Lane::Bank) > 1.5
        {
            height = 0.7 * smooth(0.1, 0.7, fractal(seed ^ 0x6C, (at / 2.6).as_dvec2(), 2));
        }
        *canopy = canopy.max(height * smooth(0.6, 1.6, lane(Lane::Wall)));
    });
}
