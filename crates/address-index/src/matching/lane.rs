//! A lane: the row of houses that each side of its numbers stands in, and what the order of numbers says.

use super::{Work, joint};

/// Fewest numbers from which a row is fitted.
const FEWEST: usize = 4;
/// Most rows that a side is thought to be on, and how much less likely than another by its points alone.
const MOST_THOUGHTS: usize = 3;
const UNLIKELY: f64 = 6.0;

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
    /// How well the line itself is known, metres.
    pub(super) fn error_m(&self) -> f64 {
        self.error_m
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
    let lines: Vec<Vec<Line>> = sides.iter().map(|side| rows(work, side, &sides)).collect();
    let mut judged = Vec::new();
    for thought in thoughts(&lines) {
        let rows: Vec<joint::Side<'_>> =
            sides.iter().zip(thought).map(|(members, line)| joint::Side { members, line }).collect();
        judged.extend(joint::judge(work, members, &rows));
    }
    if !judged.is_empty() {
        joint::tell(work, members, &judged);
        return;
    }
    leave_to_others(work, members);
}

/// Every choice of a line for each side, but those with two on one row.
fn thoughts(lines: &[Vec<Line>]) -> Vec<Vec<Line>> {
    match lines {
        [one] => one.iter().map(|line| vec![*line]).collect(),
        [odd, even] => {
            let apart =
                |a: &Line, b: &Line| a.along(b.through)[1].abs().max(b.along(a.through)[1].abs()) > 5.0;
            let both = odd.iter().flat_map(|a| even.iter().map(move |b| (a, b)));
            both.filter(|(a, b)| apart(a, b)).map(|(a, b)| vec![*a, *b]).collect()
        }
        _ => Vec::new(),
    }
}

/// The numbers of each side: odd and even where they stand in two rows, else all.
fn sides(work: &Work<'_>, numbered: &[usize]) -> Vec<Vec<usize>> {
    let main = |m: usize| work.addresses.get(m).map_or(0, |a| a.door.main());
    let (odd, even): (Vec<usize>, Vec<usize>) = numbered.iter().partition(|&&m| main(m) % 2 == 1);
    if numbered.len() < FEWEST || odd.is_empty() || even.is_empty() {
        return vec![numbered.to_vec()];
    }
    let points = |side: &[usize]| -> Vec<[f64; 2]> { side.iter().filter_map(|&m| work.point(m)).collect() };
    let Some(line) = Line::fit(&points(numbered)) else { return vec![numbered.to_vec()] };
    let across = |side: &[usize]| {
        let all = points(side);
        all.iter().map(|&p| line.along(p)[1]).sum::<f64>() / all.len().max(1) as f64
    };
    let apart = (across(&odd) - across(&even)).abs();
    let error = line.spread_m * (1.0 / odd.len() as f64 + 1.0 / even.len() as f64).sqrt();
    if apart > 6.0 && apart > 1.3 * error { vec![odd, even] } else { vec![numbered.to_vec()] }
}

/// The lines that a side's row may be on, the likeliest first: through its points, turned like the whole lane, then drawn to
/// the rows of buildings there. None for what is no row.
fn rows(work: &Work<'_>, side: &[usize], lane: &[Vec<usize>]) -> Vec<Line> {
    let points: Vec<[f64; 2]> = side.iter().filter_map(|&m| work.point(m)).collect();
    if points.is_empty() || lane.iter().map(Vec::len).sum::<usize>() < FEWEST {
        return Vec::new();
    }
    // Both sides run alike: each is centred by itself, and the direction is that of all.
    let centred = lane.iter().flat_map(|side| {
        let all: Vec<[f64; 2]> = side.iter().filter_map(|&m| work.point(m)).collect();
        let n = all.len().max(1) as f64;
        let mean = [0, 1].map(|k| all.iter().map(|p| p[k]).sum::<f64>() / n);
        all.into_iter().map(move |p| [p[0] - mean[0], p[1] - mean[1]])
    });
    let centred: Vec<[f64; 2]> = centred.collect();
    let Some(mut line) = Line::fit(&centred) else { return Vec::new() };
    let along: Vec<f64> = centred.iter().map(|&p| line.along(p)[0]).collect();
    let length = along.iter().fold((f64::MAX, f64::MIN), |(a, z), &t| (a.min(t), z.max(t)));
    line.through = [0, 1].map(|k| points.iter().map(|p| p[k]).sum::<f64>() / points.len() as f64);
    // A cloud is no row: lanes of hamlets wind.
    let straight =
        line.spread_m < 1.8 * work.variance.sqrt() + 4.0 && length.1 - length.0 > 2.5 * line.spread_m;
    if !straight {
        return Vec::new();
    }
    // What the side's addresses may be, each building once.
    let mut seen: std::collections::BTreeMap<usize, f64> = std::collections::BTreeMap::new();
    for &member in side {
        let candidates = work.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
        let total: f64 = candidates.iter().map(|c| c.density).sum();
        for candidate in candidates.iter().filter(|_| total > 0.0) {
            *seen.entry(candidate.building).or_insert(0.0) += candidate.density / total;
        }
    }
    let buildings: Vec<([f64; 2], f64)> = seen
        .iter()
        .filter_map(|(&building, &weight)| Some((*work.middles.get(building)?, weight.min(1.0).sqrt())))
        .collect();
    // Start from a few lines beside each other and turned a little; each is drawn to the buildings on it.
    let error = (line.spread_m / (points.len() as f64).sqrt() + 1.0).min(8.0);
    let half = 0.5 * (length.1 - length.0).max(1.0);
    let mut found: Vec<(f64, f64, Line)> = Vec::new();
    for offset in [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5] {
        for turn in [-1.0, 0.0, 1.0] {
            let angle = turn * (error / half).min(0.15);
            let mut tried = line;
            tried.through[0] -= offset * 1.6 * error * line.direction[1];
            tried.through[1] += offset * 1.6 * error * line.direction[0];
            let [c, s] = line.direction;
            tried.direction = [c * angle.cos() - s * angle.sin(), s * angle.cos() + c * angle.sin()];
            for width in [7.0, 4.5, 3.0] {
                tried = drawn(&tried, &buildings, width);
            }
            let on: f64 =
                buildings.iter().map(|(p, w)| w * (-0.5 * (tried.along(*p)[1] / 3.0).powi(2)).exp()).sum();
            // The points themselves must agree.
            let mean = points.iter().map(|&p| tried.along(p)[1]).sum::<f64>() / points.len() as f64;
            let slope: f64 = points.iter().map(|&p| tried.along(p)).map(|[t, v]| t * v).sum::<f64>()
                / points.iter().map(|&p| tried.along(p)[0].powi(2)).sum::<f64>().max(1.0);
            let penalty = 0.5 * (mean / error).powi(2) + 0.5 * (slope * half / (1.7 * error)).powi(2);
            let worth = on.max(1e-3).ln() * 6.0 - penalty;
            found.push((worth, penalty, Line { error_m: 1.5, spread_m: line.spread_m, ..tried }));
        }
    }
    // Of those on one row the best; of rows those that the points do not speak much against.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let least = found.iter().map(|(_, penalty, _)| *penalty).fold(f64::MAX, f64::min);
    let mut apart: Vec<Line> = Vec::new();
    for (_, penalty, line) in found {
        let other = |kept: &Line| kept.along(line.through)[1].abs() > 6.0;
        if penalty < least + UNLIKELY && apart.len() < MOST_THOUGHTS && apart.iter().all(other) {
            apart.push(line);
        }
    }
    apart
}

/// A line drawn to the points near it: total least squares with weights that fall off across it.
fn drawn(line: &Line, points: &[([f64; 2], f64)], width: f64) -> Line {
    let (mut total, mut sum, mut moments) = (0.0, [0.0; 2], [0.0; 3]);
    for (point, weight) in points {
        let [t, v] = line.along(*point);
        let w = weight * (-0.5 * (v / width).powi(2)).exp();
        total += w;
        sum = [sum[0] + w * t, sum[1] + w * v];
        moments = [moments[0] + w * t * t, moments[1] + w * t * v, moments[2] + w * v * v];
    }
    if total < 1.5 {
        return *line;
    }
    let mean = sum.map(|s| s / total);
    let tt = moments[0] / total - mean[0] * mean[0];
    let tv = moments[1] / total - mean[0] * mean[1];
    let angle = if tt > 25.0 { (tv / tt).clamp(-0.2, 0.2).atan() } else { 0.0 };
    let [c, s] = line.direction;
    let direction = [c * angle.cos() - s * angle.sin(), s * angle.cos() + c * angle.sin()];
    let through = [line.through[0] + mean[0] * c - mean[1] * s, line.through[1] + mean[0] * s + mean[1] * c];
    Line { through, direction, ..*line }
}

/// One plate a house: each address takes of a building what the others leave. Addresses of one number are one plate.
fn leave_to_others(work: &mut Work<'_>, members: &[usize]) {
    let number = |work: &Work<'_>, member: usize| work.addresses.get(member).map_or(0, |a| a.door.main());
    let mut plates: std::collections::BTreeMap<(u32, usize), Vec<usize>> = std::collections::BTreeMap::new();
    for &member in members {
        let main = number(work, member);
        plates.entry((main, if main == 0 { member } else { 0 })).or_default().push(member);
    }
    let plates: Vec<Vec<usize>> = plates.into_values().collect();
    let claim = |work: &Work<'_>, plate: &[usize], building: usize| -> f64 {
        let of = |&member: &usize| {
            let candidates = work.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
            candidates.iter().find(|c| c.building == building).map_or(0.0, |c| c.probability)
        };
        plate.iter().map(of).sum::<f64>() / plate.len().max(1) as f64
    };
    let mut taken: std::collections::BTreeMap<usize, f64> = std::collections::BTreeMap::new();
    let mut bases: Vec<Vec<Vec<f64>>> = Vec::with_capacity(plates.len());
    for plate in &plates {
        let mut of_plate = Vec::new();
        for &member in plate {
            let candidates = work.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
            of_plate.push(candidates.iter().map(|candidate| candidate.probability).collect());
            for candidate in candidates {
                *taken.entry(candidate.building).or_insert(0.0) += candidate.probability / plate.len() as f64;
            }
        }
        bases.push(of_plate);
    }
    for _ in 0..5 {
        for (plate, base) in plates.iter().zip(&bases) {
            let mut buildings: Vec<usize> = plate
                .iter()
                .flat_map(|&m| work.candidates.get(m).into_iter().flatten().map(|c| c.building))
                .collect();
            buildings.sort_unstable();
            buildings.dedup();
            let before: Vec<f64> = buildings.iter().map(|&building| claim(work, plate, building)).collect();
            for (&member, base) in plate.iter().zip(base) {
                let Some(candidates) = work.candidates.get_mut(member) else { continue };
                let mut total = 0.0;
                for (candidate, base) in candidates.iter_mut().zip(base) {
                    let own = buildings.binary_search(&candidate.building).map_or(0.0, |at| before[at]);
                    let others = taken.get(&candidate.building).copied().unwrap_or(0.0) - own;
                    candidate.probability = base * (1.0 - others).clamp(0.02, 1.0);
                    total += candidate.probability;
                }
                if total > 0.0 {
                    candidates.iter_mut().for_each(|candidate| candidate.probability /= total);
                }
            }
            for (&building, before) in buildings.iter().zip(&before) {
                let now = claim(work, plate, building);
                *taken.entry(building).or_insert(0.0) += now - before;
            }
        }
    }
}
