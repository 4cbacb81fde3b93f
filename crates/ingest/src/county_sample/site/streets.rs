//! Streets, lanes and paths of a village.

use glam::Vec2;

use super::{Spec, raster::Raster};
use crate::county_sample::{
    land::{Land, Spot, to_site},
    math::{Chance, to_segment},
};

/// What a street is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::county_sample) enum StreetKind {
    /// The road through the valley.
    Road,
    /// A lane among houses.
    Lane,
    /// An unpaved track.
    Track,
}

/// A street.
#[derive(Clone, Debug)]
pub(in crate::county_sample) struct Street {
    pub(in crate::county_sample) name: String,
    pub(in crate::county_sample) kind: StreetKind,
    /// Centre line in the site's frame.
    pub(in crate::county_sample) line: Vec<Vec2>,
    /// Level of the surface at each point of the line.
    pub(in crate::county_sample) levels_m: Vec<f32>,
    /// Distance along the street of each point of the line.
    pub(in crate::county_sample) along_m: Vec<f32>,
    pub(in crate::county_sample) half_width_m: f32,
    /// Whether houses with numbers stand along it.
    pub(in crate::county_sample) has_houses: bool,
    /// Whether it lies beyond the river.
    pub(in crate::county_sample) is_beyond: bool,
}

/// A bridge: a deck from bank to bank.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Bridge {
    pub(in crate::county_sample) ends: [Vec2; 2],
    pub(in crate::county_sample) level_m: f32,
    pub(in crate::county_sample) half_width_m: f32,
}

impl Bridge {
    /// Whether its deck lies over a point.
    pub(in crate::county_sample) fn holds(&self, at: Vec2) -> bool {
        let [a, b] = self.ends;
        let way = (b - a).normalize_or(Vec2::X);
        let (along, off) = ((at - a).dot(way), (at - a).perp_dot(way).abs());
        off < self.half_width_m && (0.0..=a.distance(b)).contains(&along)
    }
}

/// The nearest street to a point.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Near {
    pub(in crate::county_sample) street: usize,
    /// Distance from the centre line.
    pub(in crate::county_sample) off_m: f32,
    /// Distance along the street.
    pub(in crate::county_sample) along_m: f32,
}

impl Street {
    fn new(kind: StreetKind, half_width_m: f32, has_houses: bool) -> Self {
        Self {
            name: String::new(),
            kind,
            line: Vec::new(),
            levels_m: Vec::new(),
            along_m: Vec::new(),
            half_width_m,
            has_houses,
            is_beyond: false,
        }
    }

    /// Its length, metres.
    pub(in crate::county_sample) fn length_m(&self) -> f32 {
        self.line.windows(2).map(|pair| pair[0].distance(pair[1])).sum()
    }

    /// The point at a distance along it, the way it runs there, and its level.
    pub(in crate::county_sample) fn at(&self, along_m: f32) -> Option<(Vec2, Vec2, f32)> {
        let mut left = along_m;
        for (i, pair) in self.line.windows(2).enumerate() {
            let length = pair[0].distance(pair[1]);
            if left <= length {
                let t = left / length.max(1e-6);
                let level = self.levels_m[i] + (self.levels_m[i + 1] - self.levels_m[i]) * t;
                return Some((pair[0].lerp(pair[1], t), (pair[1] - pair[0]).normalize_or(Vec2::X), level));
            }
            left -= length;
        }
        None
    }

    /// Distance from its centre line, and along it.
    pub(in crate::county_sample) fn near(&self, at: Vec2) -> (f32, f32) {
        (0..self.line.len().saturating_sub(1))
            .map(|segment| self.near_segment(at, segment))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f32::INFINITY, 0.0))
    }

    /// Distance from one of its segments, and along the street.
    pub(in crate::county_sample) fn near_segment(&self, at: Vec2, segment: usize) -> (f32, f32) {
        let (off, t) = to_segment(at, self.line[segment], self.line[segment + 1]);
        (off, self.along_m[segment] + (self.along_m[segment + 1] - self.along_m[segment]) * t)
    }
}

/// All streets of a site, roads first, and its bridges; levels follow the natural ground.
pub(super) fn lay_out(
    land: &Land,
    spot: &Spot,
    spec: &Spec,
    natural: &Raster<f32>,
    south_west: glam::DVec2,
    chance: &mut Chance,
) -> (Vec<Street>, Vec<Bridge>) {
    let valley = &land.valleys[spot.valley];
    let side_m = spec.side_m();
    let middle = spot.along_m as f32;
    let at = |along: f32, across: f32| to_site(valley.at(middle + along, across), south_west);
    let inside = |p: Vec2, room: f32| p.min_element() > room && p.max_element() < side_m - room;
    let road_at = |along: f32| valley.road_across_m(middle + along);

    let mut road = Street::new(StreetKind::Road, 3.2, true);
    let mut along = -side_m;
    while along <= side_m {
        let p = at(along, road_at(along));
        if inside(p, -super::MARGIN_M) {
            road.line.push(p);
        }
        along += 8.0;
    }
    let mut streets = vec![road];

    // Lanes climb from the road; one of them meets the bridge.
    let reach = (side_m * 0.5 - 62.0).clamp(40.0, 186.0);
    let mut lanes = Vec::new();
    let mut at_along = -reach + chance.between(0.0, 10.0);
    while at_along < reach {
        lanes.push(at_along);
        at_along += chance.between(50.0, 60.0);
    }
    let top = (side_m * 0.33).clamp(50.0, 168.0);
    for start in &lanes {
        let mut lane = Street::new(StreetKind::Lane, 1.9, true);
        let length = top * chance.between(0.8, 1.0);
        let lean = chance.between(-0.16, 0.16);
        let mut out = 0.0;
        while out <= length {
            let p = at(start + lean * out + 3.0 * chance.between(-0.4, 0.4), road_at(*start) + out);
            if inside(p, 14.0) {
                lane.line.push(p);
            }
            out += 10.0;
        }
        streets.push(lane);
    }
    // Back streets along the slope, crossing the lanes.
    for (depth, share) in [(62.0, 1.0), (124.0, 0.72)] {
        if depth > top - 12.0 {
            continue;
        }
        let mut street = Street::new(StreetKind::Lane, 1.9, true);
        let sway = chance.bits();
        let (from, to) = (-reach * share - 18.0, reach * share + 18.0);
        let mut along = from;
        while along <= to {
            let wave =
                crate::county_sample::math::value_noise(sway, glam::DVec2::new(f64::from(along) / 48.0, 0.5));
            let p = at(along, road_at(along) + depth + 12.0 * (wave - 0.5));
            if inside(p, 14.0) {
                street.line.push(p);
            }
            along += 8.0;
        }
        streets.push(street);
    }
    // Over the bridge: a lane down to the river, and one along the other bank.
    let mut bridges = Vec::new();
    let cross = lanes.get(lanes.len() / 2).copied().unwrap_or(0.0) + chance.between(-8.0, 8.0);
    let river = valley.river_across_m(middle + cross);
    let half = valley.river_half_m(middle + cross);
    let mut down = Street::new(StreetKind::Lane, 2.1, false);
    let other_bank = river - half - 30.0;
    let mut across = road_at(cross);
    while across >= other_bank {
        down.line.push(at(cross, across));
        across -= 6.0;
    }
    streets.push(down);
    bridges.push(Bridge {
        ends: [at(cross, river + half + 3.0), at(cross, river - half - 3.0)],
        level_m: valley.place(valley.at(middle + cross, river)).water_m + 2.6,
        half_width_m: 2.3,
    });
    let mut beyond = Street::new(StreetKind::Lane, 1.8, true);
    beyond.is_beyond = true;
    let (low, high) = (-chance.between(60.0, 90.0), chance.between(60.0, 90.0));
    let mut along = low;
    while along <= high {
        let p = at(cross + along, other_bank - 2.0 + 5.0 * (along / 30.0).abs().min(1.0));
        if inside(p, 14.0) {
            beyond.line.push(p);
        }
        along += 8.0;
    }
    streets.push(beyond);
    // A track from the last lane into the hills, and one along the foot of the terraces.
    for (begin, sign) in [(lanes.first(), -1.0_f32), (lanes.last(), 1.0)] {
        let mut track = Street::new(StreetKind::Track, 1.3, false);
        let Some(start) = begin else { continue };
        let mut out = 0.0;
        while out < 260.0 {
            let climb = top * 0.9 + out * 0.42;
            let p = at(start + sign * out, road_at(*start) + climb);
            if !inside(p, -super::MARGIN_M) {
                break;
            }
            track.line.push(p);
            out += 9.0;
        }
        streets.push(track);
    }
    streets.retain(|street| street.line.len() >= 3);
    for street in &mut streets {
        level(street, natural);
        for bridge in &bridges {
            raise_to(street, bridge);
        }
    }
    (streets, bridges)
}

/// Levels along a street: those of the ground, smoothed, no steeper than a car climbs.
fn level(street: &mut Street, natural: &Raster<f32>) {
    let mut levels: Vec<f32> = street.line.iter().map(|p| natural.at(*p)).collect();
    for _ in 0..6 {
        let old = levels.clone();
        for i in 1..old.len().saturating_sub(1) {
            levels[i] = (old[i - 1] + 2.0 * old[i] + old[i + 1]) / 4.0;
        }
    }
    street.levels_m = levels;
    let mut along = 0.0;
    street.along_m = vec![along];
    for pair in street.line.windows(2) {
        along += pair[0].distance(pair[1]);
        street.along_m.push(along);
    }
}

/// A street that crosses a bridge runs at least at its level over the water, and climbs to it on both sides.
fn raise_to(street: &mut Street, bridge: &Bridge) {
    let [a, b] = bridge.ends;
    if street.near((a + b) / 2.0).0 > 3.0 {
        return;
    }
    for (p, level) in street.line.iter().zip(&mut street.levels_m) {
        let (off, _) = to_segment(*p, a, b);
        *level = level.max(bridge.level_m - 0.11 * (off - 1.0).max(0.0));
    }
}
