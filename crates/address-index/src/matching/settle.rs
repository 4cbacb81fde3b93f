//! From probabilities to matches: one plate a house, what is written, what people decided.

use std::collections::BTreeMap;

use super::{
    BuildingFacts, Candidate, Correction, Evidence, Match, MatchOptions, MatchReport, Method, NoMatch,
    Unmatched, Work, assign,
};
use crate::text::Normalized;

/// Largest knot of conflicting addresses that is untied exactly.
const LARGEST_KNOT: usize = 64;
/// Least confidence of an accepted match, and how far confidences are thought to be too high.
const LEAST_ACCEPTED: f64 = 0.9;
const RESERVE: f64 = 0.002;

/// Names and numbers on buildings: the building of an address's name, wherever near; the number, among its candidates.
pub(super) fn written(work: &mut Work<'_>, facts: &[BuildingFacts<'_>]) {
    let plain = |text: &str| Normalized::new(text).text();
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (building, fact) in facts.iter().enumerate() {
        if let Some(name) = fact.name.filter(|name| !name.trim().is_empty()) {
            named.entry(plain(name)).or_default().push(building);
        }
    }
    for address in 0..work.addresses.len() {
        let of = work.addresses[address];
        if let Some(buildings) = of.name.and_then(|name| named.get(&plain(name))) {
            let near = |building: &&usize| {
                let point = work.point(address);
                let middle = work.middles.get(**building);
                match (point, middle) {
                    (Some(p), Some(m)) => (p[0] - m[0]).hypot(p[1] - m[1]) < 6.0 * work.radius_m,
                    _ => buildings.len() <= 4,
                }
            };
            let close: Vec<usize> = buildings.iter().filter(near).copied().collect();
            if !close.is_empty() {
                let share = 0.98 / close.len() as f64;
                work.candidates[address] = close
                    .iter()
                    .map(|&building| Candidate { building, density: 1.0, probability: share, ordered: -1.0 })
                    .collect();
                continue;
            }
        }
        if of.door.is_none() {
            continue;
        }
        let agrees =
            |building: usize| facts.get(building).map(|fact| fact.door).filter(|door| !door.is_none());
        let candidates = &mut work.candidates[address];
        if candidates.iter().any(|candidate| agrees(candidate.building) == Some(of.door)) {
            for candidate in candidates.iter_mut() {
                let odds = match agrees(candidate.building) {
                    Some(door) if door == of.door => {
                        candidate.ordered = -1.0;
                        50.0
                    }
                    Some(_) => 0.02,
                    None => 1.0,
                };
                candidate.probability *= odds;
            }
            let total: f64 = candidates.iter().map(|candidate| candidate.probability).sum();
            candidates.iter_mut().for_each(|candidate| candidate.probability /= total.max(1e-300));
        }
    }
}

pub(super) fn settle(work: &Work<'_>, corrections: &[Correction], options: &MatchOptions) -> MatchReport {
    let corrected: BTreeMap<usize, &Correction> = corrections.iter().map(|c| (c.address, c)).collect();
    let chosen = choose(work, &corrected);
    let mut claims: BTreeMap<usize, f64> = BTreeMap::new();
    for (address, candidates) in work.candidates.iter().enumerate() {
        if !corrected.contains_key(&address) {
            for candidate in candidates {
                *claims.entry(candidate.building).or_insert(0.0) += candidate.probability;
            }
        }
    }
    let mut report = MatchReport { spread_m: work.variance.sqrt(), ..MatchReport::default() };
    for (address, &building) in chosen.iter().enumerate() {
        if let Some(correction) = corrected.get(&address) {
            correct(work, correction, &mut report);
            continue;
        }
        let candidates = &work.candidates[address];
        let best = building.and_then(|building| candidates.iter().find(|c| c.building == building));
        match best {
            Some(best) => {
                let found = matched(work, address, best, &claims);
                report.matches.push(found);
            }
            None => {
                let reason = match (work.addresses[address].position_m, candidates.is_empty()) {
                    (None, _) => NoMatch::NoPosition,
                    (_, true) => NoMatch::NothingNear,
                    _ => NoMatch::Taken,
                };
                let mut likely: Vec<(usize, f64)> =
                    candidates.iter().map(|c| (c.building, c.probability)).collect();
                likely.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                likely.truncate(5);
                report.unmatched.push(Unmatched { address, reason, candidates: likely });
            }
        }
    }
    report.accepted_from =
        accepted_from(report.matches.iter().map(|m| m.confidence).collect(), options.accepted);
    let doubtful = |at: &usize| report.matches.get(*at).is_some_and(|m| m.confidence < report.accepted_from);
    report.review = (0..report.matches.len()).filter(doubtful).collect();
    let confidence = |at: &usize| report.matches.get(*at).map_or(0.0, |m| m.confidence);
    report.review.sort_by(|a, b| confidence(a).total_cmp(&confidence(b)).then(a.cmp(b)));
    report
}

/// The confidence from which matches are accepted: the lowest at which those above it are right in the share wanted, on the
/// whole. None is accepted that is itself rather doubtful.
fn accepted_from(mut confidences: Vec<f64>, wanted: f64) -> f64 {
    confidences.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut from) = (0.0, wanted);
    for (before, &confidence) in confidences.iter().enumerate() {
        sum += confidence;
        if confidence < LEAST_ACCEPTED.min(wanted) || sum < (wanted + RESERVE).min(1.0) * (before + 1) as f64
        {
            break;
        }
        from = from.min(confidence);
    }
    from
}

/// The building of each address, one plate a building: the likeliest, and where two want the same the assignment that is
/// likeliest as a whole. Plates of one number share a building.
fn choose(work: &Work<'_>, corrected: &BTreeMap<usize, &Correction>) -> Vec<Option<usize>> {
    let mut chosen: Vec<Option<usize>> = Vec::with_capacity(work.candidates.len());
    for (address, candidates) in work.candidates.iter().enumerate() {
        let best = candidates
            .iter()
            .max_by(|a, b| a.probability.total_cmp(&b.probability).then(b.building.cmp(&a.building)));
        chosen.push(best.filter(|_| !corrected.contains_key(&address)).map(|best| best.building));
    }
    // Who wants what; addresses of one plate are one.
    let plate = |address: usize| {
        let of = work.addresses[address];
        (!of.door.is_none()).then_some((of.lane, of.door.main()))
    };
    for _ in 0..4 {
        let mut wants: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (address, building) in chosen.iter().enumerate() {
            if let Some(building) = building {
                wants.entry(*building).or_default().push(address);
            }
        }
        let conflict = |addresses: &&Vec<usize>| {
            let first = plate(addresses[0]);
            // Plates of different lanes on one building: a corner house has two.
            let lane = |a: usize| work.addresses[a].lane;
            addresses.len() > 1
                && addresses
                    .iter()
                    .any(|&a| (plate(a).is_none() || plate(a) != first) && lane(a) == lane(addresses[0]))
        };
        let mut knots: Vec<Vec<usize>> = wants.values().filter(conflict).cloned().collect();
        if knots.is_empty() {
            break;
        }
        let mut done = std::collections::BTreeSet::new();
        for knot in &mut knots {
            grow(work, &chosen, &wants, knot);
            if knot.iter().any(|address| done.contains(address)) {
                continue;
            }
            done.extend(knot.iter().copied());
            untie(work, knot, &mut chosen);
        }
    }
    chosen
}

/// Adds those who hold what the knot could move to.
fn grow(
    work: &Work<'_>,
    chosen: &[Option<usize>],
    wants: &BTreeMap<usize, Vec<usize>>,
    knot: &mut Vec<usize>,
) {
    let mut at = 0;
    while at < knot.len() && knot.len() < LARGEST_KNOT {
        for candidate in work.candidates[knot[at]].iter().filter(|c| c.probability > 0.02) {
            for holder in wants.get(&candidate.building).into_iter().flatten() {
                if !knot.contains(holder) && chosen[*holder].is_some() && knot.len() < LARGEST_KNOT {
                    knot.push(*holder);
                }
            }
        }
        at += 1;
    }
}

fn untie(work: &Work<'_>, knot: &[usize], chosen: &mut [Option<usize>]) {
    let mut buildings: Vec<usize> =
        knot.iter().flat_map(|&address| work.candidates[address].iter().map(|c| c.building)).collect();
    buildings.sort_unstable();
    buildings.dedup();
    // A column of its own for each address: to have no building.
    let nothing = 9.0;
    let mut costs = Vec::with_capacity(knot.len());
    for (row, &address) in knot.iter().enumerate() {
        let mut cost = vec![60.0; buildings.len() + knot.len()];
        for candidate in &work.candidates[address] {
            if let Ok(column) = buildings.binary_search(&candidate.building) {
                cost[column] = -candidate.probability.max(1e-20).ln();
            }
        }
        cost[buildings.len() + row] = nothing;
        costs.push(cost);
    }
    for (&address, column) in knot.iter().zip(assign::assign(&costs)) {
        chosen[address] = buildings.get(column).copied();
    }
}

fn matched(work: &Work<'_>, address: usize, best: &Candidate, claims: &BTreeMap<usize, f64>) -> Match {
    let footprint = work.footprints.get(best.building);
    let original = work.addresses[address].position_m;
    let distance_m = original.and_then(|point| Some(footprint?.distance_squared(point).sqrt()));
    let inside = distance_m == Some(0.0);
    let out_of_order = work.out_of_order.get(address).copied().unwrap_or(0.0);
    let mut evidence = Vec::new();
    if inside {
        evidence.push(Evidence::Inside);
    } else if let Some(distance) = distance_m {
        evidence.push(Evidence::Distance(distance));
    }
    if best.ordered > 0.05 {
        evidence.push(Evidence::Order(best.ordered));
    }
    if out_of_order > 0.2 {
        evidence.push(Evidence::OutOfOrder(out_of_order));
    }
    let is_written = best.ordered < 0.0;
    if is_written {
        evidence.push(Evidence::Written);
    }
    let shift = work.shifts.get(address).copied().unwrap_or_default();
    if shift != [0.0; 2] {
        evidence.push(Evidence::Shifted(shift));
    }
    let others = claims.get(&best.building).copied().unwrap_or(0.0) - best.probability;
    if others > 0.1 {
        evidence.push(Evidence::Contested(others));
    }
    // What others claim is not this address's: the odds of the two together.
    let confidence = if is_written {
        best.probability.min(0.99)
    } else {
        best.probability * (1.0 - 0.5 * others.clamp(0.0, 1.0))
    };
    let method = if is_written {
        Method::Name
    } else if best.ordered > 0.5 * best.probability {
        Method::Order
    } else if inside {
        Method::Containment
    } else {
        Method::Nearest
    };
    let mut buildings = vec![best.building];
    if is_written {
        // A school has several buildings of its name.
        let same = work.candidates[address].iter().filter(|c| c.ordered < 0.0 && c.building != best.building);
        buildings.extend(same.map(|c| c.building));
    }
    let confidence = if is_written && buildings.len() > 1 { 0.9 } else { confidence };
    Match { address, buildings, method, distance_m, confidence, evidence }
}

fn correct(work: &Work<'_>, correction: &Correction, report: &mut MatchReport) {
    let address = correction.address;
    let buildings: Vec<usize> =
        correction.buildings.iter().copied().filter(|&building| building < work.footprints.len()).collect();
    let Some(&first) = buildings.first() else {
        report.unmatched.push(Unmatched { address, reason: NoMatch::Corrected, candidates: Vec::new() });
        return;
    };
    let point = work.addresses[address].position_m;
    let distance_m = point.and_then(|point| Some(work.footprints.get(first)?.distance_squared(point).sqrt()));
    report.matches.push(Match {
        address,
        buildings,
        method: Method::Correction,
        distance_m,
        confidence: 1.0,
        evidence: Vec::new(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn accepted_ones_are_as_right_as_wanted(confidences in prop::collection::vec(0.0..=1.0f64, 0..60), wanted in 0.5..1.0f64) {
            let from = accepted_from(confidences.clone(), wanted);
            let accepted: Vec<f64> = confidences.into_iter().filter(|&c| c >= from).collect();
            prop_assert!(accepted.iter().all(|&c| c >= LEAST_ACCEPTED.min(wanted)));
            prop_assert!(accepted.iter().sum::<f64>() >= wanted * accepted.len() as f64 - 1e-9);
        }
    }
}
