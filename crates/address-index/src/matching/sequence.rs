//! Numbers in a row of houses: forward and backward over the addresses in the order of their numbers.
//!
//! Between two numbers of one side there are as many houses as numbers, and sheds without any. So the difference of two
//! numbers says how many buildings lie between, up to the sheds. Some numbers stand out of order: each address may be
//! one, at a price, and the order then goes past it.

use super::{Work, lane::Line};

/// Probability that a building of a row has an address.
const HOUSE: f64 = 0.7;
/// Probability that a number is out of order.
const OUTLIER: f64 = 0.1;
/// Most addresses out of order one after another.
const MOST_SKIPPED: usize = 3;
/// Largest gap that is counted, buildings.
const WIDEST: usize = 40;
/// Candidates of less than this share are left out.
const LEAST: f64 = 1e-4;

/// Probabilities of the addresses of one side, put into their candidates. `step`: how much numbers grow from house to
/// house.
pub(super) fn judge(work: &mut Work<'_>, side: &[usize], line: &Line, step: u32) {
    let number = |work: &Work<'_>, m: usize| work.addresses.get(m).map_or(Default::default(), |a| a.door);
    let mut order: Vec<usize> = side.to_vec();
    order.sort_by_key(|&m| (number(work, m), m));
    // The row: every building that any of them may be, along the line in the direction of growing numbers.
    let mut row: Vec<(f64, usize)> = Vec::new();
    for &member in side {
        for candidate in work.candidates.get(member).into_iter().flatten() {
            let middle = work.middles.get(candidate.building).copied().unwrap_or_default();
            let [along, across] = line.along(middle);
            if across.abs() < 11.0 {
                row.push((along, candidate.building));
            }
        }
    }
    row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    row.dedup_by_key(|(_, building)| *building);
    if grows_backwards(work, &order, line) {
        row.reverse();
    }
    let place: std::collections::BTreeMap<usize, usize> =
        row.iter().enumerate().map(|(at, (_, building))| (*building, at)).collect();
    // Of each address: its places in the row with their likelihoods, and that of being anywhere.
    let mut states: Vec<Vec<(usize, f64)>> = Vec::with_capacity(order.len());
    let mut anywhere: Vec<f64> = Vec::with_capacity(order.len());
    for &member in &order {
        let candidates = work.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
        let total: f64 = candidates.iter().map(|candidate| candidate.density).sum();
        let own: Vec<(usize, f64)> = candidates
            .iter()
            .filter(|candidate| candidate.density > LEAST * total)
            .filter_map(|candidate| Some((*place.get(&candidate.building)?, candidate.density / total)))
            .collect();
        // Out of order it may be any of them; that it is one of some eight is what the order would have said.
        anywhere.push(1.0 / own.len().max(1) as f64);
        states.push(own);
    }
    let numbers: Vec<u32> = order.iter().map(|&m| number(work, m).main()).collect();
    let table = Gaps::new();
    let forward = pass(&states, &anywhere, &numbers, step, &table, false);
    let backward = pass(&states, &anywhere, &numbers, step, &table, true);
    // The likelihood of everything: by the last address that is in order, all after it being out of it.
    let mut whole = Vec::new();
    let mut skipped = 1.0f64;
    for at in (0..order.len()).rev().take(MOST_SKIPPED + 1) {
        whole.push((forward.scales[at], skipped * forward.values[at].iter().sum::<f64>()));
        skipped *= OUTLIER * anywhere[at];
    }
    let top = whole.iter().filter(|(_, v)| *v > 0.0).map(|(scale, _)| *scale).fold(f64::MIN, f64::max);
    let sum: f64 = whole.iter().map(|(scale, value)| (scale - top).exp() * value).sum();
    if !(top.is_finite() && sum > 0.0) {
        return;
    }
    let log_whole = top + sum.ln();
    for (at, &member) in order.iter().enumerate() {
        let scale = (forward.scales[at] + backward.scales[at] - log_whole).min(700.0).exp();
        let joint: Vec<f64> =
            (0..states[at].len()).map(|k| forward.values[at][k] * backward.values[at][k] * scale).collect();
        let in_order: f64 = joint.iter().sum::<f64>();
        let out = (1.0 - in_order).max(0.0);
        let total = in_order + out;
        if !(total > 0.0 && total.is_finite()) {
            continue;
        }
        if let Some(slot) = work.out_of_order.get_mut(member) {
            *slot = out / total;
        }
        let Some(candidates) = work.candidates.get_mut(member) else { continue };
        let densities: f64 = candidates.iter().map(|candidate| candidate.density).sum();
        for candidate in candidates.iter_mut() {
            let at_place = place.get(&candidate.building);
            let ordered = at_place
                .and_then(|place| states[at].iter().position(|(p, _)| p == place))
                .map_or(0.0, |k| joint[k] / total);
            candidate.ordered = ordered;
            candidate.probability = ordered + out / total * candidate.density / densities;
        }
    }
}

/// Whether numbers grow against the direction of the line: by the sign of the covariance of ranks and places.
fn grows_backwards(work: &Work<'_>, order: &[usize], line: &Line) -> bool {
    let along: Vec<f64> = order.iter().filter_map(|&m| work.point(m)).map(|p| line.along(p)[0]).collect();
    let mean = along.iter().sum::<f64>() / along.len().max(1) as f64;
    let middle = (along.len() as f64 - 1.0) / 2.0;
    along.iter().enumerate().map(|(rank, t)| (rank as f64 - middle) * (t - mean)).sum::<f64>() < 0.0
}

/// One direction of the pass, scaled at each address so that nothing underflows.
struct Pass {
    /// Of each address and place: likelihood of all before it and itself (forward), or of all after it (backward).
    values: Vec<Vec<f64>>,
    /// Logarithm of what was divided out.
    scales: Vec<f64>,
}

/// How likely so many buildings lie between two numbers that are so many houses apart.
struct Gaps {
    /// By houses, then by buildings.
    table: Vec<f64>,
}

impl Gaps {
    fn new() -> Self {
        let mut table = vec![0.0; (WIDEST + 1) * (WIDEST + 1)];
        // Probability of exactly h houses among g buildings, the next being a house: negative binomial.
        let exact = |h: usize, g: usize| -> f64 {
            if h > g {
                return 0.0;
            }
            let choose: f64 = (0..h).map(|k| (g - k) as f64 / (h - k) as f64).product();
            choose * HOUSE.powi(h as i32 + 1) * (1.0 - HOUSE).powi((g - h) as i32)
        };
        for houses in 0..=WIDEST {
            for between in 0..=WIDEST {
                // Numbers are skipped or given twice now and then.
                let fewer = if houses > 0 { exact(houses - 1, between) } else { 0.0 };
                let value = 0.93 * exact(houses, between) + 0.04 * fewer + 0.03 * exact(houses + 1, between);
                table[houses * (WIDEST + 1) + between] = value + 1e-9;
            }
        }
        Self { table }
    }
    fn get(&self, numbers: (u32, u32), step: u32, places: (usize, usize)) -> f64 {
        // Behind the other, or on the same building: 12号 and 12号之1 may share one.
        let apart = numbers.1.saturating_sub(numbers.0);
        if places.1 <= places.0 {
            return if places.1 == places.0 && apart == 0 { 0.3 } else { 0.0 };
        }
        let houses = (apart / step).saturating_sub(1) as usize;
        let between = places.1 - places.0 - 1;
        if houses > WIDEST || between > WIDEST {
            return 1e-9;
        }
        self.table[houses * (WIDEST + 1) + between]
    }
}

fn pass(
    states: &[Vec<(usize, f64)>],
    anywhere: &[f64],
    numbers: &[u32],
    step: u32,
    gaps: &Gaps,
    backwards: bool,
) -> Pass {
    let n = states.len();
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); n];
    let mut scales = vec![0.0f64; n];
    let sequence: Vec<usize> = if backwards { (0..n).rev().collect() } else { (0..n).collect() };
    for (rank, &at) in sequence.iter().enumerate() {
        let mut values = vec![0.0; states[at].len()];
        let reference = rank.checked_sub(1).map_or(0.0, |before| scales[sequence[before]]);
        // From each of the last few addresses, those in between being out of order.
        let mut skipped = 1.0;
        for back in 1..=MOST_SKIPPED + 1 {
            let Some(before) = rank.checked_sub(back).map(|r| sequence[r]) else {
                // The first in order may be anywhere in the row; behind the last nothing is asked.
                let first = if backwards { 1.0 } else { 0.05 };
                values.iter_mut().for_each(|value| *value += skipped * first * (-reference).exp());
                break;
            };
            let carried = skipped * (scales[before] - reference).exp();
            for (value, &(place, _)) in values.iter_mut().zip(&states[at]) {
                for (&held, &(other, likelihood)) in all[before].iter().zip(&states[before]) {
                    let weight = if backwards {
                        held * likelihood * gaps.get((numbers[at], numbers[before]), step, (place, other))
                    } else {
                        held * gaps.get((numbers[before], numbers[at]), step, (other, place))
                    };
                    *value += carried * weight * (1.0 - OUTLIER);
                }
            }
            skipped *= OUTLIER * anywhere[before];
        }
        if !backwards {
            for (value, (_, likelihood)) in values.iter_mut().zip(&states[at]) {
                *value *= likelihood;
            }
        }
        let largest = values.iter().copied().fold(0.0, f64::max);
        scales[at] = reference;
        if largest > 0.0 {
            values.iter_mut().for_each(|value| *value /= largest);
            scales[at] += largest.ln();
        }
        all[at] = values;
    }
    Pass { values: all, scales }
}
