//! Buildings along the streets, with their numbers, and sheds behind them.

use glam::Vec2;

use super::{
    raster::Raster,
    streets::{Street, StreetKind},
};
use crate::county_sample::{
    building::{Building, Kind, Lot, depth_m, half_breadth_m, plan},
    math::{Chance, to_segment},
};

/// Room between buildings, metres.
const GAP_M: f32 = 1.2;
/// Room between a building and the streets it does not face, metres.
const STREET_GAP_M: f32 = 1.0;

/// What stands where so far.
pub(super) struct Layout<'s> {
    pub(super) side_m: f32,
    pub(super) streets: &'s [Street],
    /// Distance to the river's bank.
    pub(super) bank: &'s Raster<f32>,
    /// Ground with the streets in it.
    pub(super) ground: &'s Raster<f32>,
    pub(super) buildings: Vec<Building>,
}

impl Layout<'_> {
    /// Fills the streets.
    pub(super) fn fill(&mut self, chance: &mut Chance) {
        self.public(chance);
        for street in 0..self.streets.len() {
            if self.streets[street].has_houses {
                self.line(street, chance);
            }
        }
        self.number();
        self.sheds(chance);
    }

    /// Public buildings first: they need the room.
    fn public(&mut self, chance: &mut Chance) {
        let lanes: Vec<usize> = (0..self.streets.len())
            .filter(|i| self.streets[*i].has_houses && self.streets[*i].kind == StreetKind::Lane)
            .collect();
        let by_length = |a: &&usize, b: &&usize| {
            self.streets[**a].length_m().total_cmp(&self.streets[**b].length_m()).then(b.cmp(a))
        };
        let back = lanes.iter().filter(|i| !self.streets[**i].is_beyond).max_by(by_length).copied();
        let beyond = lanes.iter().copied().find(|i| self.streets[*i].is_beyond);
        let spots = [
            (Kind::Committee, Some(0), 0.46, 7.0),
            (Kind::School, Some(0), 0.72, 11.0),
            (Kind::Hall, back, 0.42, 9.0),
            (Kind::Temple, beyond.or(back), 0.06, 4.0),
        ];
        for (kind, street, share, setback) in spots {
            let Some(street) = street else { continue };
            let length = self.streets[street].length_m();
            let building = plan(kind, chance.bits());
            // The wanted place first, then further and further off.
            let found = (0..60).find_map(|i| {
                let shift = (i / 2) as f32 * 5.0 * if i % 2 == 0 { 1.0 } else { -1.0 };
                let along = (length * share + shift).clamp(6.0, (length - 6.0).max(6.0));
                [1.0, -1.0].into_iter().find_map(|side| self.fits(&building, street, along, side, setback))
            });
            if let Some(placed) = found {
                self.buildings.push(placed);
            }
        }
    }

    /// The building on its lot beside a street, if nothing stands in the way.
    fn fits(
        &self,
        building: &Building,
        street: usize,
        along_m: f32,
        side: f32,
        setback_m: f32,
    ) -> Option<Building> {
        let way = self.streets.get(street)?;
        let (point, direction, level_m) = way.at(along_m)?;
        let mut building = building.clone();
        let (front, _) = depth_m(&building);
        let back_m = way.half_width_m + setback_m + front;
        let left = direction.perp() * side;
        // The front looks at the street: `b` points away from it.
        Lot { center: point + left * back_m, along: direction * side }.place(&mut building);
        let extent = building.half + GAP_M / 2.0;
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(a, b)| building.to_site(extent * Vec2::new(a, b)));
        let inside = corners.iter().all(|c| c.min_element() > 3.0 && c.max_element() < self.side_m - 3.0);
        let dry = corners.iter().all(|c| self.bank.at(*c) > 4.5);
        if !inside || !dry {
            return None;
        }
        let ground = corners.map(|c| self.ground.at(c));
        let (low, high) = ground.iter().fold((f32::MAX, f32::MIN), |(l, h), z| (l.min(*z), h.max(*z)));
        let middle = (low + high) / 2.0;
        building.base_m = middle.clamp(level_m - 1.6, level_m + 2.4);
        if high - low > 6.0 || (middle - level_m).abs() > 5.0 {
            return None;
        }
        if self.buildings.iter().any(|other| overlap(&building, other)) {
            return None;
        }
        let crosses = self.streets.iter().enumerate().any(|(i, other)| {
            let room = other.half_width_m + STREET_GAP_M - if i == street { 0.4 } else { 0.0 };
            other.line.windows(2).any(|pair| segment_hits(&building, pair[0], pair[1], room))
        });
        (!crosses).then(|| {
            building.door = Some((street, if side > 0.0 { 1 } else { 2 }));
            building
        })
    }

    /// Houses along both sides of a street.
    fn line(&mut self, street: usize, chance: &mut Chance) {
        let way = &self.streets[street];
        let (kind, length, beyond) = (way.kind, way.length_m(), way.is_beyond);
        for side in [1.0_f32, -1.0] {
            let mut along = 7.0 + chance.between(0.0, 4.0);
            while along < length - 5.0 {
                let house = plan(house_kind(kind, beyond, along / length, chance), chance.bits());
                let breadth = half_breadth_m(&house);
                let setback = match house.kind {
                    Kind::Flat => chance.between(1.2, 3.0),
                    Kind::Earth | Kind::Courtyard => chance.between(2.0, 5.0),
                    _ => chance.between(1.6, 4.5),
                };
                if chance.happens(0.06) {
                    along += chance.between(8.0, 16.0);
                }
                match self.fits(&house, street, along + breadth, side, setback) {
                    Some(placed) => {
                        self.buildings.push(placed);
                        let gap = if kind == StreetKind::Road { 0.2 } else { 1.0 };
                        along += 2.0 * breadth + gap + chance.between(0.0, 1.4);
                    }
                    None => along += 2.5,
                }
            }
        }
    }

    /// Numbers along each street: odd on the left, even on the right, with gaps where lots are empty.
    fn number(&mut self) {
        for street in 0..self.streets.len() {
            for first in [1_u32, 2] {
                let mut row: Vec<(f32, usize)> = self
                    .buildings
                    .iter()
                    .enumerate()
                    .filter(|(_, b)| b.door == Some((street, first)))
                    .map(|(i, b)| (self.streets[street].near(b.center).1, i))
                    .collect();
                row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let mut number = first;
                let mut last = 0.0;
                for (along, index) in row {
                    // An empty lot of a house's breadth keeps its number.
                    number += 2 * ((along - last - 24.0) / 16.0).clamp(0.0, 4.0) as u32;
                    self.buildings[index].door = Some((street, number));
                    number += 2;
                    last = along;
                }
            }
        }
    }

    /// Sheds behind and beside houses; they have no address.
    fn sheds(&mut self, chance: &mut Chance) {
        let houses = self.buildings.len();
        for owner in 0..houses {
            let wants = match self.buildings[owner].kind {
                Kind::Earth | Kind::Courtyard => 0.7,
                Kind::Gable => 0.5,
                Kind::Flat | Kind::Villa => 0.28,
                _ => 0.0,
            };
            if !chance.happens(wants) {
                continue;
            }
            for _ in 0..10 {
                let mut shed = plan(Kind::Shed, chance.bits());
                let house = &self.buildings[owner];
                let spread = house.half + shed.half + 1.2;
                let offset = match chance.below(3) {
                    0 => Vec2::new(spread.x, chance.between(-0.5, 1.0) * house.half.y),
                    1 => Vec2::new(-spread.x, chance.between(-0.5, 1.0) * house.half.y),
                    _ => Vec2::new(chance.between(-1.0, 1.0) * house.half.x, spread.y),
                };
                let center = house.to_site(offset);
                Lot { center, along: house.along }.place(&mut shed);
                shed.base_m = house.base_m + chance.between(-0.2, 0.2);
                shed.owner = Some(owner);
                let inside = center.min_element() > 8.0 && center.max_element() < self.side_m - 8.0;
                let level = (self.ground.at(center) - shed.base_m).abs() < 2.2;
                let free = !self.buildings.iter().any(|other| overlap(&shed, other))
                    && !self.streets.iter().any(|street| {
                        let room = street.half_width_m + 0.8;
                        street.line.windows(2).any(|pair| segment_hits(&shed, pair[0], pair[1], room))
                    });
                if inside && level && free && self.bank.at(center) > 5.0 {
                    self.buildings.push(shed);
                    break;
                }
            }
        }
    }
}

fn house_kind(street: StreetKind, beyond: bool, share: f32, chance: &mut Chance) -> Kind {
    let roll = chance.unit();
    let shares: [(Kind, f32); 5] = match street {
        StreetKind::Road => [
            (Kind::Flat, 0.62),
            (Kind::Gable, 0.24),
            (Kind::Villa, 0.1),
            (Kind::Earth, 0.02),
            (Kind::Courtyard, 0.02),
        ],
        _ if beyond => [
            (Kind::Flat, 0.06),
            (Kind::Gable, 0.28),
            (Kind::Villa, 0.06),
            (Kind::Earth, 0.5),
            (Kind::Courtyard, 0.1),
        ],
        // Newer below, older above.
        _ => [
            (Kind::Flat, 0.34 - 0.2 * share),
            (Kind::Gable, 0.34),
            (Kind::Villa, 0.12),
            (Kind::Earth, 0.12 + 0.2 * share),
            (Kind::Courtyard, 0.08),
        ],
    };
    let mut sum = 0.0;
    for (kind, probability) in shares {
        sum += probability;
        if roll < sum {
            return kind;
        }
    }
    Kind::Gable
}

/// Whether two buildings with their eaves come closer than [`GAP_M`] (separating axes of their rectangles).
fn overlap(a: &Building, b: &Building) -> bool {
    let between = b.center - a.center;
    if between.length() > a.reach_m() + b.reach_m() + GAP_M {
        return false;
    }
    [a, b].into_iter().flat_map(|x| [x.along, x.along.perp()]).all(|axis| {
        let reach =
            |x: &Building| x.half.x * x.along.dot(axis).abs() + x.half.y * x.along.perp().dot(axis).abs();
        between.dot(axis).abs() < reach(a) + reach(b) - 1.0 + GAP_M
    })
}

/// Whether a strip around a segment reaches a building's walls.
fn segment_hits(building: &Building, a: Vec2, b: Vec2, room_m: f32) -> bool {
    let (off, _) = to_segment(building.center, a, b);
    if off > building.reach_m() + room_m {
        return false;
    }
    let steps = (a.distance(b) / 1.5).ceil().max(1.0) as usize;
    (0..=steps).any(|i| {
        let p = a.lerp(b, i as f32 / steps as f32);
        building.parts.iter().any(|part| {
            let q = (building.to_local(p) - part.center).abs() - part.half;
            q.max(Vec2::ZERO).length() < room_m
        })
    })
}
