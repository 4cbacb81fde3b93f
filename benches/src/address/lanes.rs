//! Lanes and numbers laid over the buildings of the spatial instance, and address points that lie off.
//!
//! Rows of houses are found again from the outlines: the next house is the nearest one ahead, in the direction that the
//! outlines of the neighbourhood are turned to. Two rows side by side are a lane: odd numbers on one, even on the other.

use std::collections::BTreeMap;

use address_index::{Footprint, matching::AddressToMatch, text::NumberValue};

use super::Rng;

/// An address and the building it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct LaneAddress {
    /// Its building.
    pub building: usize,
    /// Its lane.
    pub lane: u32,
    /// Its number; 0 for none.
    pub number: u32,
}

/// Share of buildings without address, of addresses without number, and of numbers out of order.
const SHEDS: f64 = 0.3;
const UNNUMBERED: f64 = 0.2;
const OUT_OF_ORDER: f64 = 0.1;
/// Fewest houses of a lane.
const SHORTEST: usize = 8;

/// Lays lanes and numbers over buildings.
pub fn lay(footprints: &[Footprint], seed: u64) -> Vec<LaneAddress> {
    let rows = rows(footprints);
    let mut rng = Rng::new(seed);
    let mut addresses = Vec::new();
    for (lane, sides) in rows.iter().enumerate() {
        let first = addresses.len();
        for (side, row) in sides.iter().enumerate() {
            let mut number = 1 + side as u32;
            for &building in row {
                if rng.chance(SHEDS) {
                    continue;
                }
                addresses.push(LaneAddress { building, lane: lane as u32, number });
                number += 2;
            }
        }
        let of_lane = &mut addresses[first..];
        for address in of_lane.iter_mut() {
            if rng.chance(UNNUMBERED) {
                address.number = 0;
            }
        }
        let mut numbered: Vec<usize> = (0..of_lane.len()).filter(|&k| of_lane[k].number > 0).collect();
        // Two at a time change places: a tenth of them are out of order after it.
        let swaps = (numbered.len() as f64 * OUT_OF_ORDER / 2.0).round() as usize;
        for _ in 0..swaps {
            if numbered.len() < 2 {
                break;
            }
            let a = numbered.swap_remove(rng.below(numbered.len()));
            let b = numbered.swap_remove(rng.below(numbered.len()));
            (of_lane[a].number, of_lane[b].number) = (of_lane[b].number, of_lane[a].number);
        }
    }
    addresses
}

/// Points of addresses: anywhere on their buildings, off by `sigma_m` per axis.
pub fn points(footprints: &[Footprint], addresses: &[LaneAddress], sigma_m: f64, seed: u64) -> Vec<[f64; 2]> {
    let mut rng = Rng::new(seed);
    let mut point = |building: usize| {
        let footprint = &footprints[building];
        let (low, high) = footprint.extent();
        let on = loop {
            let tried = [0, 1].map(|k| low[k] + (high[k] - low[k]) * rng.unit());
            if footprint.contains(tried) {
                break tried;
            }
        };
        [on[0] + sigma_m * rng.normal(), on[1] + sigma_m * rng.normal()]
    };
    addresses.iter().map(|address| point(address.building)).collect()
}

/// As the matcher takes them.
pub fn to_match(addresses: &[LaneAddress], points: &[[f64; 2]]) -> Vec<AddressToMatch<'static>> {
    let zipped = addresses.iter().zip(points);
    zipped
        .map(|(address, &point)| AddressToMatch {
            position_m: Some(point),
            lane: Some(address.lane),
            door: if address.number == 0 {
                NumberValue::NONE
            } else {
                NumberValue::new(address.number).unwrap_or_default()
            },
            name: None,
        })
        .collect()
}

/// The rows of each lane: one or two.
fn rows(footprints: &[Footprint]) -> Vec<Vec<Vec<usize>>> {
    let middle: Vec<[f64; 2]> = footprints
        .iter()
        .map(|f| {
            let (a, z) = f.extent();
            [(a[0] + z[0]) * 0.5, (a[1] + z[1]) * 0.5]
        })
        .collect();
    let near = Neighbours::new(&middle);
    // Direction of the neighbourhood: outlines are turned alike up to half a turn.
    let turned: Vec<f64> = footprints
        .iter()
        .map(|f| {
            let ring = f.rings().next().unwrap_or_default();
            match ring {
                [a, b, ..] => (b[1] - a[1]).atan2(b[0] - a[0]),
                _ => 0.0,
            }
        })
        .collect();
    let direction: Vec<[f64; 2]> = (0..footprints.len())
        .map(|k| {
            let (mut sin, mut cos) = (0.0, 0.0);
            near.within(middle[k], 48.0, |other| {
                sin += (2.0 * turned[other]).sin();
                cos += (2.0 * turned[other]).cos();
            });
            let angle = 0.5 * f64::atan2(sin, cos);
            [angle.cos(), angle.sin()]
        })
        .collect();
    let seen_from = |k: usize, other: usize| {
        let [dx, dy] = [middle[other][0] - middle[k][0], middle[other][1] - middle[k][1]];
        let [c, s] = direction[k];
        [dx * c + dy * s, dy * c - dx * s]
    };
    let next = |k: usize, sign: f64| {
        let mut best: Option<(f64, usize)> = None;
        near.within(middle[k], 52.0, |other| {
            let [ahead, aside] = seen_from(k, other);
            let ahead = ahead * sign;
            if other != k
                && (12.0..50.0).contains(&ahead)
                && aside.abs() < 7.5
                && best.is_none_or(|(d, _)| ahead < d)
            {
                best = Some((ahead, other));
            }
        });
        best.map(|(_, other)| other)
    };
    let forward: Vec<Option<usize>> = (0..footprints.len()).map(|k| next(k, 1.0)).collect();
    let backward: Vec<Option<usize>> = (0..footprints.len()).map(|k| next(k, -1.0)).collect();
    let linked = |k: usize| forward[k].filter(|&other| backward[other] == Some(k));
    let starts =
        (0..footprints.len()).filter(|&k| backward[k].is_none_or(|before| forward[before] != Some(k)));
    let mut chain_of = vec![usize::MAX; footprints.len()];
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for start in starts {
        let mut chain = vec![start];
        while let Some(after) = chain.last().and_then(|&last| linked(last)) {
            chain.push(after);
        }
        if chain.len() >= SHORTEST {
            chain.iter().for_each(|&k| chain_of[k] = chains.len());
            chains.push(chain);
        }
    }
    let mut used = vec![false; chains.len()];
    let mut lanes = Vec::new();
    for (at, chain) in chains.iter().enumerate() {
        if used[at] {
            continue;
        }
        used[at] = true;
        let mut beside: BTreeMap<usize, usize> = BTreeMap::new();
        for &k in chain {
            near.within(middle[k], 32.0, |other| {
                let [ahead, aside] = seen_from(k, other);
                if ahead.abs() < 13.0 && (13.0..31.0).contains(&aside) && chain_of[other] != usize::MAX {
                    *beside.entry(chain_of[other]).or_insert(0) += 1;
                }
            });
        }
        let best = beside
            .into_iter()
            .filter(|&(other, count)| !used[other] && count * 5 >= chain.len() * 2)
            .max_by_key(|&(_, count)| count);
        let mut sides = vec![chain.clone()];
        if let Some((other, _)) = best {
            used[other] = true;
            let mut row = chains[other].clone();
            row.sort_by(|&a, &b| seen_from(chain[0], a)[0].total_cmp(&seen_from(chain[0], b)[0]));
            sides.push(row);
        }
        lanes.push(sides);
    }
    lanes
}

/// Points by cells of 64 m.
struct Neighbours<'a> {
    points: &'a [[f64; 2]],
    cells: BTreeMap<(i64, i64), Vec<usize>>,
}

impl<'a> Neighbours<'a> {
    fn new(points: &'a [[f64; 2]]) -> Self {
        let mut cells: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
        for (at, point) in points.iter().enumerate() {
            cells.entry(Self::cell(*point)).or_default().push(at);
        }
        Self { points, cells }
    }
    fn cell(point: [f64; 2]) -> (i64, i64) {
        ((point[0] / 64.0).floor() as i64, (point[1] / 64.0).floor() as i64)
    }
    fn within(&self, point: [f64; 2], radius: f64, mut visit: impl FnMut(usize)) {
        let (column, row) = Self::cell(point);
        for (i, j) in (-1..=1).flat_map(|i| (-1..=1).map(move |j| (column + i, row + j))) {
            for &at in self.cells.get(&(i, j)).into_iter().flatten() {
                let [x, y] = self.points[at];
                if (x - point[0]).hypot(y - point[1]) <= radius {
                    visit(at);
                }
            }
        }
    }
}
