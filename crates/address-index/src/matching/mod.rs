//! Addresses to buildings, by evidence and not by distance alone.
//!
//! Each address has, for each building near it, a probability made of: where its point lies and how far points of this
//! source usually lie off; the row of houses that its lane's numbers stand in; the order of numbers along that row, which
//! tells how many houses stand between two of them, and which numbers are left for addresses without; that a house has
//! one plate; and names written on buildings. Addresses of one lane are judged together over every way to lay its numbers
//! over its rows, and for each place that the rows may be; conflicts are settled by a minimum-cost assignment, and what a
//! person decided stands above all.

mod assign;
mod joint;
mod lane;
mod lattice;
mod settle;
mod shape;
mod shift;

use std::collections::BTreeMap;

use crate::{Footprint, spatial::PackedBuildings, text::NumberValue};

pub use shift::find_shift;

/// An address to be matched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AddressToMatch<'a> {
    /// Where it is said to be, plan metres.
    pub position_m: Option<[f64; 2]>,
    /// The lane, street or natural village whose numbers it belongs to: any number that tells them apart.
    pub lane: Option<u32>,
    /// Its door plate.
    pub door: NumberValue,
    /// Its name, if its building has one (a school, a shop).
    pub name: Option<&'a str>,
}

/// What is known of a building besides its outline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BuildingFacts<'a> {
    /// Name written on it or on the map.
    pub name: Option<&'a str>,
    /// Door number written on it or on the map.
    pub door: NumberValue,
}

/// A person's decision; it outranks everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Place of the address in the list.
    pub address: usize,
    /// Places of its buildings in the list; none: it has no building.
    pub buildings: Vec<usize>,
}

/// How to match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchOptions {
    /// Farthest that a point may lie from its building, metres.
    pub radius_m: f64,
    /// Smallest building that has an address, m².
    pub least_area_m2: f64,
    /// Share of the accepted matches that are to be right, by their confidence; the others go to review.
    pub accepted: f64,
}

/// What a match rests on most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A person decided.
    Correction,
    /// The name or number on the building.
    Name,
    /// The order of numbers along the lane.
    Order,
    /// The point lies in the building.
    Containment,
    /// The nearest building that is free.
    Nearest,
}

/// One piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// The point lies in the building.
    Inside,
    /// Distance of the point from the building, metres.
    Distance(f64),
    /// Probability by the order of numbers that it is this house.
    Order(f64),
    /// The number contradicts the order of its neighbours with this probability.
    OutOfOrder(f64),
    /// Name or number on the building are the address's.
    Written,
    /// The points of the lane were all shifted by so much, east and north, metres.
    Shifted([f64; 2]),
    /// Another address claims the building with this probability.
    Contested(f64),
}

/// An address with its building.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Place of the address in the list.
    pub address: usize,
    /// Places of its buildings in the list, the likeliest first.
    pub buildings: Vec<usize>,
    /// What it rests on most.
    pub method: Method,
    /// From the point to the building, metres; `None` without a point.
    pub distance_m: Option<f64>,
    /// Probability that it is right.
    pub confidence: f64,
    /// What speaks for it and against it.
    pub evidence: Vec<Evidence>,
}

/// Why an address has no building.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoMatch {
    /// It has no position, and nothing written leads to a building.
    NoPosition,
    /// No building lies within the radius.
    NothingNear,
    /// The buildings near it belong to other addresses.
    Taken,
    /// A person said that it has none.
    Corrected,
}

/// An address without a building.
#[derive(Clone, Debug, PartialEq)]
pub struct Unmatched {
    /// Place of the address in the list.
    pub address: usize,
    /// Why.
    pub reason: NoMatch,
    /// Likeliest buildings with their probabilities.
    pub candidates: Vec<(usize, f64)>,
}

/// What became of all addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatchReport {
    /// Matches, in the order of addresses.
    pub matches: Vec<Match>,
    /// Addresses without a building, in the order of addresses.
    pub unmatched: Vec<Unmatched>,
    /// Places in `matches` of those below the accepted confidence, the most doubtful first.
    pub review: Vec<usize>,
    /// Confidence from which matches are accepted.
    pub accepted_from: f64,
    /// Standard deviation per axis of the points, as estimated, metres.
    pub spread_m: f64,
}

impl Default for MatchOptions {
    fn default() -> Self {
        Self { radius_m: 45.0, least_area_m2: 12.0, accepted: 0.99 }
    }
}

/// A building that an address may belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    building: usize,
    /// Likelihood of the point.
    density: f64,
    /// Probability so far.
    probability: f64,
    /// Part of it that rests on the order of numbers.
    ordered: f64,
}

/// State of the matching that its steps share.
pub(crate) struct Work<'a> {
    addresses: &'a [AddressToMatch<'a>],
    footprints: &'a [Footprint],
    shapes: Vec<shape::Shape>,
    /// Middle of each building's box.
    middles: Vec<[f64; 2]>,
    /// Candidates of each address, likeliest last sorted where it matters.
    candidates: Vec<Vec<Candidate>>,
    /// Shift that was taken off each address's point.
    shifts: Vec<[f64; 2]>,
    /// Probability that an address's number contradicts the order.
    out_of_order: Vec<f64>,
    variance: f64,
    /// Of each building: probability that an address of a lane other than that in hand stands there.
    claimed: Vec<f64>,
    /// What each address claims of it.
    claims: Vec<Vec<(usize, f64)>>,
    radius_m: f64,
}

/// Matches addresses to buildings. Lists refer to each other by places; `facts` may be shorter than `footprints`.
pub fn match_buildings(
    addresses: &[AddressToMatch<'_>],
    footprints: &[Footprint],
    facts: &[BuildingFacts<'_>],
    corrections: &[Correction],
    options: &MatchOptions,
) -> MatchReport {
    let packed = PackedBuildings::new(footprints);
    match_packed(addresses, footprints, &packed, facts, corrections, options)
}

/// As [`match_buildings`], with the index of the same footprints at hand.
pub fn match_packed(
    addresses: &[AddressToMatch<'_>],
    footprints: &[Footprint],
    packed: &PackedBuildings,
    facts: &[BuildingFacts<'_>],
    corrections: &[Correction],
    options: &MatchOptions,
) -> MatchReport {
    let middles = footprints
        .iter()
        .map(|f| {
            let (a, z) = f.extent();
            [(a[0] + z[0]) * 0.5, (a[1] + z[1]) * 0.5]
        })
        .collect();
    let mut work = Work {
        addresses,
        footprints,
        shapes: footprints.iter().map(shape::Shape::of).collect(),
        middles,
        candidates: Vec::new(),
        shifts: vec![[0.0; 2]; addresses.len()],
        out_of_order: vec![0.0; addresses.len()],
        variance: 64.0,
        claimed: vec![0.0; footprints.len()],
        claims: vec![Vec::new(); addresses.len()],
        radius_m: options.radius_m,
    };
    let lanes = lanes(addresses);
    shift::take_off(&mut work, packed, &lanes);
    // The spread of the points is estimated from what they are matched to, and the other way round.
    for round in 0..3 {
        work.find_candidates(packed, options);
        for members in lanes.values() {
            // What the lane itself claims is no obstacle to it.
            work.release(members);
            lane::judge(&mut work, members);
            work.claim(members);
        }
        if round < 2 {
            work.estimate_variance();
        }
    }
    settle::written(&mut work, facts);
    settle::settle(&work, corrections, options)
}

/// Addresses by lane.
fn lanes(addresses: &[AddressToMatch<'_>]) -> BTreeMap<u32, Vec<usize>> {
    let mut lanes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, address) in addresses.iter().enumerate() {
        if let (Some(lane), Some(_)) = (address.lane, address.position_m) {
            lanes.entry(lane).or_default().push(at);
        }
    }
    lanes
}

impl Work<'_> {
    /// The point of an address, its lane's shift taken off.
    fn point(&self, address: usize) -> Option<[f64; 2]> {
        let position = self.addresses.get(address)?.position_m?;
        let shift = self.shifts.get(address).copied().unwrap_or_default();
        Some([position[0] - shift[0], position[1] - shift[1]])
    }
    /// Likelihood of a point if it is a building's.
    fn density(&self, point: [f64; 2], building: usize) -> f64 {
        self.shapes.get(building).map_or(0.0, |shape| shape.density(point, self.variance))
    }
    /// Gives back what addresses claimed.
    fn release(&mut self, members: &[usize]) {
        for &member in members {
            for (building, share) in self.claims.get_mut(member).map(std::mem::take).unwrap_or_default() {
                if let Some(claimed) = self.claimed.get_mut(building) {
                    *claimed = (*claimed - share).max(0.0);
                }
            }
        }
    }
    /// Claims buildings by the probabilities of addresses.
    fn claim(&mut self, members: &[usize]) {
        for &member in members {
            let candidates = self.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
            let claims: Vec<(usize, f64)> = candidates
                .iter()
                .filter(|c| c.probability > 0.01)
                .map(|c| (c.building, c.probability))
                .collect();
            for &(building, share) in &claims {
                if let Some(claimed) = self.claimed.get_mut(building) {
                    *claimed += share;
                }
            }
            if let Some(held) = self.claims.get_mut(member) {
                *held = claims;
            }
        }
    }
    fn find_candidates(&mut self, packed: &PackedBuildings, options: &MatchOptions) {
        let radius = options.radius_m.min(4.0 * self.variance.sqrt() + 12.0);
        let mut all = Vec::with_capacity(self.addresses.len());
        for address in 0..self.addresses.len() {
            let mut found = Vec::new();
            if let Some(point) = self.point(address) {
                packed.boxes_near(point, radius, |building| {
                    let building = building as usize;
                    let large =
                        self.footprints.get(building).is_some_and(|f| f.area_m2() >= options.least_area_m2);
                    let density = if large { self.density(point, building) } else { 0.0 };
                    if density > 0.0 {
                        found.push(Candidate { building, density, probability: 0.0, ordered: 0.0 });
                    }
                });
                found.sort_by_key(|candidate| candidate.building);
                found.dedup_by_key(|candidate| candidate.building);
                let total: f64 = found.iter().map(|candidate| candidate.density).sum();
                for candidate in &mut found {
                    candidate.probability = candidate.density / total;
                }
            }
            all.push(found);
        }
        self.candidates = all;
    }
    /// Mean squared distance of points from the buildings that the order of numbers gives them, per axis.
    fn estimate_variance(&mut self) {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (address, candidates) in self.candidates.iter().enumerate() {
            let Some(point) = self.point(address) else { continue };
            for candidate in candidates.iter().filter(|candidate| candidate.ordered > 0.001) {
                let Some(shape) = self.shapes.get(candidate.building) else { continue };
                let squared = (point[0] - shape.centre_m[0]).powi(2) + (point[1] - shape.centre_m[1]).powi(2);
                sum += candidate.ordered * 0.5 * (squared - shape.spread_m2[0] - shape.spread_m2[1]);
                weight += candidate.ordered;
            }
        }
        if weight > 20.0 {
            self.variance = (sum / weight).clamp(0.25, 900.0);
        }
    }
}
