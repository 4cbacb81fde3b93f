//! The assignment of least cost (Kuhn 1955, with the potentials of Jonker and Volgenant 1987).

/// For each row its column, so that the sum of costs is least; rows must not outnumber columns. Costs by row.
pub(super) fn assign(costs: &[Vec<f64>]) -> Vec<usize> {
    let rows = costs.len();
    let columns = costs.first().map_or(0, Vec::len);
    if rows == 0 || rows > columns {
        return Vec::new();
    }
    // One-based, as the algorithm is written; column 0 stands for the row that is being placed.
    let (mut row_potential, mut column_potential) = (vec![0.0; rows + 1], vec![0.0; columns + 1]);
    let mut row_of = vec![0usize; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut previous = vec![0usize; columns + 1];
        let mut used = vec![false; columns + 1];
        loop {
            used[column] = true;
            let here = row_of[column];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for j in 1..=columns {
                if used[j] {
                    continue;
                }
                let reduced = costs[here - 1][j - 1] - row_potential[here] - column_potential[j];
                if reduced < least[j] {
                    least[j] = reduced;
                    previous[j] = column;
                }
                if least[j] < step {
                    step = least[j];
                    next = j;
                }
            }
            for j in 0..=columns {
                if used[j] {
                    row_potential[row_of[j]] += step;
                    column_potential[j] -= step;
                } else {
                    least[j] -= step;
                }
            }
            column = next;
            if row_of[column] == 0 {
                break;
            }
        }
        while column != 0 {
            let before = previous[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let mut assigned = vec![0; rows];
    for (column, &row) in row_of.iter().enumerate().skip(1) {
        if row > 0 {
            assigned[row - 1] = column - 1;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn least(costs: &[Vec<f64>], row: usize, used: &mut Vec<bool>) -> f64 {
        if row == costs.len() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for column in 0..costs[row].len() {
            if !used[column] {
                used[column] = true;
                best = best.min(costs[row][column] + least(costs, row + 1, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_assignment_costs_less(costs in (1usize..5, 0usize..3).prop_flat_map(|(rows, more)| prop::collection::vec(prop::collection::vec(0.0..10.0f64, rows + more), rows))) {
            let assigned = assign(&costs);
            let mut seen = assigned.clone();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), costs.len());
            let sum: f64 = assigned.iter().enumerate().map(|(row, &column)| costs[row][column]).sum();
            let mut used = vec![false; costs[0].len()];
            prop_assert!((sum - least(&costs, 0, &mut used)).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_to_assign() {
        assert!(assign(&[]).is_empty());
        assert!(assign(&[vec![1.0], vec![1.0]]).is_empty());
    }
}
