//! A lane: the row of houses that each side of its numbers stands in, and what the order of numbers says.

use super::{Work, sequence};

/// Fewest numbers from which a row is fitted.
const FEWEST: usize = 4;
/// How far houses of a row stand off its line, metres, besides the error of the line.
const ROW_M: f64 = 4.5;

/// A straight line through points, with a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    through: [f64; 2],
    direction: [f64; 2],
    /// Standard deviation of the points across it, metres.
    spread_m: f64,
    /// How well the line itself is known, metres.
    error_m: f64,
}

impl Line {
    /// Along and across, metres.
    pub(super) fn along(&self, point: [f64; 2]) -> [f64; 2] {
        let [dx, dy] = [point[0] - self.through[0], point[1] - self.through[1]];
        [dx * self.direction[0] + dy * self.direction[1], dy * self.direction[0] - dx * self.direction[1]]
    }
    /// The principal axis of points.
    fn fit(points: &[[f64; 2]]) -> Option<Self> {
        let n = points.len() as f64;
        if points.len() < 3 {
            return None;
        }
        let through = [0, 1].map(|k| points.iter().map(|p| p[k]).sum::<f64>() / n);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for p in points {
            let [dx, dy] = [p[0] - through[0], p[1] - through[1]];
            (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
        }
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let direction = [angle.cos(), angle.sin()];
        let across: f64 =
            xx * direction[1].powi(2) - 2.0 * xy * direction[0] * direction[1] + yy * direction[0].powi(2);
        let spread_m = (across.max(0.0) / n).sqrt();
        Some(Self { through, direction, spread_m, error_m: spread_m * (2.0 / n).sqrt() })
    }
}

/// Judges the addresses of a lane together.
pub(super) fn judge(work: &mut Work<'_>, members: &[usize]) {
    let numbered: Vec<usize> = members
        .iter()
        .copied()
        .filter(|&m| work.addresses.get(m).is_some_and(|a| a.door.main() > 0))
        .collect();
    let sides = sides(work, &numbered);
    let mut rows = Vec::new();
    for side in &sides {
        if let Some(line) = row(work, side) {
            restrict(work, side, &[line]);
            sequence::judge(work, side, &line, if sides.len() == 2 { 2 } else { 1 });
            rows.push(line);
        }
    }
    let rest: Vec<usize> =
        members.iter().copied().filter(|m| !sides.iter().flatten().any(|n| n == m)).collect();
    if rows.len() == sides.len() && !rows.is_empty() {
        restrict(work, &rest, &rows);
    }
    leave_to_others(work, members, &rest);
}

/// The numbers of each side: odd and even where they stand in two rows, else all.
fn sides(work: &Work<'_>, numbered: &[usize]) -> Vec<Vec<usize>> {
    let main = |m: usize| work.addresses.get(m).map_or(0, |a| a.door.main());
    let (odd, even): (Vec<usize>, Vec<usize>) = numbered.iter().partition(|&&m| main(m) % 2 == 1);
    if odd.len() < FEWEST || even.len() < FEWEST {
        // Nearly all of one parity is one side that counts in twos; its few others are mistakes.
        return if odd.is_empty() || even.is_empty() {
            vec![numbered.to_vec()]
        } else if odd.len().max(even.len()) >= 4 * odd.len().min(even.len()) {
            vec![odd, even].into_iter().filter(|s| s.len() >= FEWEST).collect()
        } else {
            vec![numbered.to_vec()]
        };
    }
    let points = |side: &[usize]| -> Vec<[f64; 2]> { side.iter().filter_map(|&m| work.point(m)).collect() };
    let Some(line) = Line::fit(&points(numbered)) else { return vec![numbered.to_vec()] };
    let across = |side: &[usize]| {
        let all = points(side);
        all.iter().map(|&p| line.along(p)[1]).sum::<f64>() / all.len().max(1) as f64
    };
    let apart = (across(&odd) - across(&even)).abs();
    let error = line.spread_m * (1.0 / odd.len() as f64 + 1.0 / even.len() as f64).sqrt();
    if apart > 6.0 && apart > 2.0 * error { vec![odd, even] } else { vec![numbered.to_vec()] }
}

/// The line of a side's row: through its points, then through the buildings that they most probably are.
fn row(work: &Work<'_>, side: &[usize]) -> Option<Line> {
    if side.len() < FEWEST {
        return None;
    }
    let points: Vec<[f64; 2]> = side.iter().filter_map(|&m| work.point(m)).collect();
    let mut line = Line::fit(&points)?;
    let length =
        points.iter().map(|&p| line.along(p)[0]).fold((f64::MAX, f64::MIN), |(a, z), t| (a.min(t), z.max(t)));
    // A cloud is no row: lanes of hamlets wind.
    let straight =
        line.spread_m < 1.7 * work.variance.sqrt() + 4.0 && length.1 - length.0 > 3.0 * line.spread_m;
    if !straight {
        return None;
    }
    // Houses that stand in a row are seen together: of the lines next to this one the one that most of them lie on.
    let mut seen: Vec<f64> = Vec::new();
    for &member in side {
        for candidate in work.candidates.get(member).into_iter().flatten() {
            let middle = work.middles.get(candidate.building).copied().unwrap_or_default();
            seen.push(line.along(middle)[1]);
        }
    }
    let score =
        |offset: f64| -> f64 { seen.iter().map(|v| (-0.5 * ((v - offset) / 2.5).powi(2)).exp()).sum() };
    let tolerance = (2.0 * line.error_m + 2.0).min(9.0);
    let steps = 24;
    let prior = |offset: f64| -0.5 * (offset / (line.error_m + 0.5)).powi(2);
    let best = (0..=steps)
        .map(|k| tolerance * (2.0 * f64::from(k) / f64::from(steps) - 1.0))
        .max_by(|&a, &b| (score(a).ln() * 4.0 + prior(a)).total_cmp(&(score(b).ln() * 4.0 + prior(b))))?;
    if best.is_finite() {
        line.through[0] -= best * line.direction[1];
        line.through[1] += best * line.direction[0];
        line.error_m = line.error_m.min(2.0);
    }
    Some(line)
}

/// Weighs candidates by how far they stand off the nearest of the rows.
fn restrict(work: &mut Work<'_>, members: &[usize], rows: &[Line]) {
    for &member in members {
        let Some(candidates) = work.candidates.get_mut(member) else { continue };
        for candidate in candidates.iter_mut() {
            let middle = work.middles.get(candidate.building).copied().unwrap_or_default();
            let off = rows
                .iter()
                .map(|line| (line.along(middle)[1].powi(2) / (ROW_M.powi(2) + line.error_m.powi(2)), line))
                .map(|(squared, _)| squared)
                .fold(f64::MAX, f64::min);
            // A house may stand back from its lane.
            candidate.density *= (-0.5 * off).exp() + 0.004;
        }
        let total: f64 = candidates.iter().map(|candidate| candidate.density).sum();
        if total > 0.0 {
            candidates.iter_mut().for_each(|candidate| candidate.probability = candidate.density / total);
        }
    }
}

/// Addresses without an order take what the others leave.
fn leave_to_others(work: &mut Work<'_>, members: &[usize], rest: &[usize]) {
    let mut taken: std::collections::BTreeMap<usize, f64> = std::collections::BTreeMap::new();
    let claim =
        |taken: &mut std::collections::BTreeMap<usize, f64>, work: &Work<'_>, member: usize, sign: f64| {
            for candidate in work.candidates.get(member).into_iter().flatten() {
                *taken.entry(candidate.building).or_insert(0.0) += sign * candidate.probability;
            }
        };
    for &member in members {
        claim(&mut taken, work, member, 1.0);
    }
    for _ in 0..6 {
        for &member in rest {
            claim(&mut taken, work, member, -1.0);
            if let Some(candidates) = work.candidates.get_mut(member) {
                let mut total = 0.0;
                for candidate in candidates.iter_mut() {
                    let free = 1.0 - taken.get(&candidate.building).copied().unwrap_or(0.0);
                    candidate.probability = candidate.density * free.clamp(0.01, 1.0);
                    total += candidate.probability;
                }
                if total > 0.0 {
                    candidates.iter_mut().for_each(|candidate| candidate.probability /= total);
                }
            }
            claim(&mut taken, work, member, 1.0);
        }
    }
}
