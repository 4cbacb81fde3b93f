//! Rows of points that are all off by the same vector: found, and shifted back.

use std::collections::BTreeMap;

use super::Work;
use crate::spatial::PackedBuildings;

/// Farthest shift that is looked for, metres.
const FARTHEST_M: f64 = 36.0;
/// Fewest points that can tell of a shift.
const FEWEST: usize = 12;

/// The shift, east and north in metres, that a list of points has against buildings; `None` if there is none that explains
/// clearly more. Points that lie in buildings after it are counted, near ones in part.
pub fn find_shift(points: &[[f64; 2]], packed: &PackedBuildings) -> Option<[f64; 2]> {
    if points.len() < FEWEST {
        return None;
    }
    // Only exact surveys can be told apart from scattered points: those that would lie inside nearly all.
    let sample: Vec<[f64; 2]> = points.iter().step_by((points.len() / 160).max(1)).copied().collect();
    let inside = |shift: [f64; 2], least: f64| -> f64 {
        let (mut hits, mut misses) = (0usize, 0usize);
        // Most shifts are given up after a few points.
        let most_misses = ((1.0 - least) * sample.len() as f64) as usize;
        for point in &sample {
            let moved = [point[0] - shift[0], point[1] - shift[1]];
            let mut any = false;
            packed.containing(moved, |_| any = true);
            if any {
                hits += 1;
            } else {
                misses += 1;
                if misses > most_misses {
                    return 0.0;
                }
            }
        }
        hits as f64 / sample.len() as f64
    };
    let unshifted = inside([0.0; 2], 0.0);
    if unshifted > 0.55 {
        return None;
    }
    let mut best = ([0.0; 2], unshifted);
    let grid = |centre: [f64; 2], step: f64, count: i32| {
        (-count..=count).flat_map(move |i| {
            (-count..=count).map(move |j| [centre[0] + f64::from(i) * step, centre[1] + f64::from(j) * step])
        })
    };
    for (step, count) in [(4.0, 9), (1.0, 4)] {
        let centre = best.0;
        for shift in grid(centre, step, count) {
            if shift[0].hypot(shift[1]) > FARTHEST_M {
                continue;
            }
            let share = inside(shift, 0.5);
            // Of two as good the smaller shift.
            let worth = share - 0.0015 * shift[0].hypot(shift[1]);
            if worth > best.1 - 0.0015 * best.0[0].hypot(best.0[1]) + 1e-9 {
                best = (shift, share);
            }
        }
    }
    if best.1 <= 0.85 || best.1 <= unshifted + 0.3 {
        return None;
    }
    // Any shift within a house is as good: take the middle of those around the best.
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for shift in grid(best.0, 1.5, 7) {
        if inside(shift, 0.5) >= best.1 - 0.03 {
            sum = [sum[0] + shift[0], sum[1] + shift[1]];
            count += 1.0;
        }
    }
    Some(if count > 0.0 { sum.map(|s| s / count) } else { best.0 })
}

/// Takes shifts of whole lanes off.
pub(super) fn take_off(work: &mut Work<'_>, packed: &PackedBuildings, lanes: &BTreeMap<u32, Vec<usize>>) {
    for members in lanes.values().filter(|members| members.len() >= FEWEST) {
        let points: Vec<[f64; 2]> =
            members.iter().filter_map(|&m| work.addresses.get(m)?.position_m).collect();
        // A look at the plain containment first: most lanes are not shifted.
        if let Some(shift) = find_shift(&points, packed) {
            for &member in members {
                if let Some(slot) = work.shifts.get_mut(member) {
                    *slot = shift;
                }
            }
        }
    }
}
