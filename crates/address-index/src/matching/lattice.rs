//! A row of houses walked from end to end: which building bears which number, summed over every way to lay the numbers in
//! order over the buildings.
//!
//! A way goes through a grid of buildings and numbers. At each building it either passes (a shed, or a house of another
//! lane), or the building bears the next number. A number may also be left out. Forward and backward sums give what each
//! step is worth.

/// A number of the row, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// By building of the row: likelihood that the number is borne there. Missing ones are nothing.
    pub(super) worth: Vec<f64>,
    /// Weight of the number not being in the row.
    pub(super) skipped: f64,
}

/// What the walk over all ways tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Walk {
    /// Of each slot, by building: what its bearing the number there is worth, its own `worth` left out. Times that it is the
    /// probability.
    pub(super) ways: Vec<Vec<f64>>,
    /// Logarithm of the sum over all ways.
    pub(super) log_sum: f64,
}

/// Most cells of a grid.
const MOST_CELLS: usize = 2_000_000;

/// Walks a row of buildings, each with the probability of being a house of it. `None` where the grid is too large or no way
/// leads through it.
pub(super) fn walk(houses: &[f64], slots: &[Slot]) -> Option<Walk> {
    let (rows, columns) = (houses.len(), slots.len() + 1);
    if rows.checked_add(1)?.checked_mul(columns)? > MOST_CELLS {
        return None;
    }
    let step = |row: usize, slot: usize| -> f64 {
        let worth = slots.get(slot).and_then(|of| of.worth.get(row)).copied().unwrap_or(0.0);
        worth * houses.get(row).copied().unwrap_or(0.0)
    };
    // Before the first number and behind the last a building is of no row: passing it says nothing.
    let pass = |house: f64, at: usize| if at == 0 || at + 1 == columns { 1.0 } else { 1.0 - house };
    let mut forward = vec![0.0f64; (rows + 1) * columns];
    let mut forward_log = vec![0.0f64; rows + 1];
    forward[0] = 1.0;
    for at in 0..=rows {
        let (before, here) = forward.split_at_mut(at * columns);
        let here = &mut here[..columns];
        if at > 0 {
            let before = &before[(at - 1) * columns..];
            here[0] = before[0];
            for column in 1..columns {
                here[column] = before[column] * pass(houses[at - 1], column)
                    + before[column - 1] * step(at - 1, column - 1);
            }
        }
        for (slot, of) in slots.iter().enumerate() {
            here[slot + 1] += here[slot] * of.skipped;
        }
        forward_log[at] = at.checked_sub(1).map_or(0.0, |before| forward_log[before]) + rescale(here)?;
    }
    let mut backward = vec![0.0f64; (rows + 1) * columns];
    let mut backward_log = vec![0.0f64; rows + 1];
    backward[rows * columns + columns - 1] = 1.0;
    for at in (0..=rows).rev() {
        let (here, after) = backward.split_at_mut((at + 1) * columns);
        let here = &mut here[at * columns..];
        if at < rows {
            let after = &after[..columns];
            for column in 0..columns {
                here[column] = after[column] * pass(houses[at], column);
                if column < slots.len() {
                    here[column] += after[column + 1] * step(at, column);
                }
            }
        }
        for (slot, of) in slots.iter().enumerate().rev() {
            here[slot] += here[slot + 1] * of.skipped;
        }
        backward_log[at] = backward_log.get(at + 1).copied().unwrap_or(0.0) + rescale(here)?;
    }
    let sum = forward[rows * columns + columns - 1];
    let log_sum = sum.ln() + forward_log[rows];
    if !log_sum.is_finite() {
        return None;
    }
    let scale: Vec<f64> = (0..rows)
        .map(|at| houses[at] * (forward_log[at] + backward_log[at + 1] - log_sum).min(700.0).exp())
        .collect();
    let ways = (0..slots.len()).map(|slot| {
        let of =
            |at: usize| forward[at * columns + slot] * backward[(at + 1) * columns + slot + 1] * scale[at];
        (0..rows).map(of).collect()
    });
    let ways = ways.collect();
    Some(Walk { ways, log_sum })
}

/// Divides by the largest value and gives its logarithm; `None` where all are nothing.
fn rescale(values: &mut [f64]) -> Option<f64> {
    let largest = values.iter().copied().fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return None;
    }
    values.iter_mut().for_each(|value| *value /= largest);
    Some(largest.ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every way, one by one: the sum, and what part of it each step has.
    fn all_ways(
        houses: &[f64],
        slots: &[Slot],
        at: (usize, usize),
        weight: f64,
        steps: &mut Vec<(usize, usize)>,
        sums: &mut (f64, std::collections::BTreeMap<(usize, usize), f64>),
    ) {
        let (row, slot) = at;
        if let Some(of) = slots.get(slot) {
            all_ways(houses, slots, (row, slot + 1), weight * of.skipped, steps, sums);
        }
        let Some(house) = houses.get(row) else {
            if slot == slots.len() {
                sums.0 += weight;
                for step in steps.iter() {
                    *sums.1.entry(*step).or_insert(0.0) += weight;
                }
            }
            return;
        };
        let passed = if slot == 0 || slot == slots.len() { 1.0 } else { 1.0 - house };
        all_ways(houses, slots, (row + 1, slot), weight * passed, steps, sums);
        if let Some(worth) = slots.get(slot).and_then(|of| of.worth.get(row)) {
            steps.push((slot, row));
            all_ways(houses, slots, (row + 1, slot + 1), weight * house * worth, steps, sums);
            steps.pop();
        }
    }

    fn slot(places: usize) -> impl Strategy<Value = Slot> {
        let worth = prop::collection::vec(0.0..5.0f64, 0..=places);
        (worth, 0.01..0.5f64).prop_map(|(worth, skipped)| Slot { worth, skipped })
    }

    proptest! {
        #[test]
        fn sums_are_those_over_every_way((houses, slots) in (1usize..6).prop_flat_map(|n| (prop::collection::vec(0.05..0.95f64, n), prop::collection::vec(slot(n), 0..4)))) {
            let mut sums = (0.0, std::collections::BTreeMap::new());
            all_ways(&houses, &slots, (0, 0), 1.0, &mut Vec::new(), &mut sums);
            let walk = walk(&houses, &slots).unwrap();
            prop_assert!((walk.log_sum - sums.0.ln()).abs() < 1e-9);
            for (at, (of, ways)) in slots.iter().zip(&walk.ways).enumerate() {
                for (row, ways) in ways.iter().enumerate() {
                    let wanted = sums.1.get(&(at, row)).copied().unwrap_or(0.0) / sums.0;
                    let found = ways * of.worth.get(row).copied().unwrap_or(0.0);
                    prop_assert!((found - wanted).abs() < 1e-9, "slot {at} at {row}: {found}, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn no_way_is_no_answer() {
        assert_eq!(walk(&[0.7], &[Slot::default()]), None);
        assert_eq!(walk(&[], &[]).map(|walk| walk.ways.len()), Some(0));
        assert_eq!(walk(&vec![0.5; 5_000], &vec![Slot::default(); 5_000]), None);
    }
}
