//! The county's order: towns, villages with their codes and borders, grids of three kinds.

use glam::DVec2;

use super::{
    land::{Land, Spot},
    math::{Chance, fractal, seed_for},
    names,
};

/// Villages of a town, at most.
const TOWN_SIZE: usize = 13;
/// Points along each side of a village's border.
const BORDER_STEPS: usize = 24;

/// A town.
#[derive(Clone, Debug)]
pub(super) struct Town {
    /// Nine digits.
    pub(super) code: String,
    /// With its suffix.
    pub(super) name: String,
}

/// A village in the county's order.
#[derive(Clone, Debug)]
pub(super) struct Division {
    /// Twelve digits.
    pub(super) code: String,
    /// Without its suffix.
    pub(super) stem: String,
    /// With its legal suffix: 村民委员会 or 社区居民委员会.
    pub(super) legal_name: String,
    /// With the suffix that addresses carry: 村 or 社区.
    pub(super) name: String,
    /// Index of its town.
    pub(super) town: usize,
    /// Index of its spot.
    pub(super) spot: usize,
    /// Its border, counter-clockwise, not closed; county's frame, metres.
    pub(super) border: Vec<DVec2>,
}

/// What a grid is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GridKind {
    Police,
    Governance,
    Epidemic,
}

impl GridKind {
    pub(super) const ALL: [Self; 3] = [Self::Police, Self::Governance, Self::Epidemic];

    /// The word in file names.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Police => "police",
            Self::Governance => "governance",
            Self::Epidemic => "epidemic",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Self::Police => "警务网格",
            Self::Governance => "综治网格",
            Self::Epidemic => "防疫网格",
        }
    }
}

/// A cell of a grid.
#[derive(Clone, Debug)]
pub(super) struct GridCell {
    pub(super) code: String,
    pub(super) name: String,
    /// Index of its village.
    pub(super) division: usize,
    pub(super) border: Vec<DVec2>,
}

/// Towns and villages, in the order of their codes.
pub(super) fn divide(land: &Land, spots: &[Spot], seed: u64) -> (Vec<Town>, Vec<Division>) {
    let town_count = spots.len().div_ceil(TOWN_SIZE);
    let town_names = names::towns(seed_for(seed, 1), town_count);
    // Half of them towns (1xx), half townships (2xx).
    let towns: Vec<Town> = town_names
        .iter()
        .enumerate()
        .map(|(i, stem)| {
            let is_town = i < town_count.div_ceil(2);
            let number = if is_town { 100 + i } else { 200 + i - town_count.div_ceil(2) };
            Town {
                code: format!("{}{number:03}", names::COUNTY_CODE),
                name: format!("{stem}{}", if is_town { "镇" } else { "乡" }),
            }
        })
        .collect();
    let stems = names::villages(seed_for(seed, 2), spots.len());
    let mut order: Vec<usize> = (0..spots.len()).collect();
    // Along the valleys, to and fro, so that towns hang together.
    order.sort_by_key(|i| {
        let [column, row] = spots[*i].cell;
        (row, if row % 2 == 0 { column as i64 } else { -(column as i64) })
    });
    let divisions = order
        .into_iter()
        .enumerate()
        .map(|(i, spot)| {
            let town = i / TOWN_SIZE;
            let within = i % TOWN_SIZE;
            // The seat of each real town is a community.
            let is_community = within == 0 && towns[town].code[6..].starts_with('1') && spots.len() > 1;
            let number = if is_community { 1 } else { 201 + within };
            let stem = stems[i].clone();
            let suffix = if is_community { "社区" } else { "村" };
            Division {
                code: format!("{}{number:03}", towns[town].code),
                legal_name: format!("{stem}{}", if is_community { "社区居民委员会" } else { "村民委员会" }),
                name: format!("{stem}{suffix}"),
                stem,
                town,
                spot,
                border: border(land, spots[spot].cell),
            }
        })
        .collect();
    (towns, divisions)
}

/// The border of a cell of territory; neighbours share every point of it.
fn border(land: &Land, [column, row]: [usize; 2]) -> Vec<DVec2> {
    let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
    let mut border = Vec::with_capacity(4 * BORDER_STEPS);
    for side in 0..4 {
        let (from, to) = (corners[side], corners[(side + 1) % 4]);
        border.extend(edge(land, from, to).into_iter().take(BORDER_STEPS));
    }
    border
}

/// The line between two corners of territory, both included, the same whichever comes first.
fn edge(land: &Land, from: (usize, usize), to: (usize, usize)) -> Vec<DVec2> {
    let is_reversed = from > to;
    let (a, b) = if is_reversed { (to, from) } else { (from, to) };
    let (start, end) = (land.corner(a.0, a.1), land.corner(b.0, b.1));
    let across = (end - start).perp() / (end - start).length().max(1.0);
    let mut line: Vec<DVec2> = (0..=BORDER_STEPS)
        .map(|i| {
            let t = i as f64 / BORDER_STEPS as f64;
            let p = start.lerp(end, t);
            let sway = f64::from(fractal(0xB0DE, p / 330.0, 3)) * 150.0;
            p + across * (sway * 4.0 * t * (1.0 - t))
        })
        .collect();
    if is_reversed {
        line.reverse();
    }
    line
}

/// The cells of a kind of grid. Governance and epidemic grids share their borders in most villages.
pub(super) fn grids(divisions: &[Division], kind: GridKind, seed: u64) -> Vec<GridCell> {
    let mut cells = Vec::new();
    for (index, division) in divisions.iter().enumerate() {
        let mut chance = Chance::new(seed_for(seed, 700 + index as u64));
        let three_in_one = chance.happens(0.6);
        let [columns, rows] = match kind {
            GridKind::Police => [1 + usize::from(chance.happens(0.5)), 1],
            GridKind::Governance => [2, 2],
            GridKind::Epidemic if three_in_one => [2, 2],
            GridKind::Epidemic => [3, 1],
        };
        for row in 0..rows {
            for column in 0..columns {
                let number = row * columns + column + 1;
                cells.push(GridCell {
                    code: format!("{}{}{number:02}", division.code, &kind.word()[..1].to_uppercase()),
                    name: format!("{}第{number}{}", division.name, kind.chinese()),
                    division: index,
                    border: patch(&division.border, [column, row], [columns, rows]),
                });
            }
        }
    }
    cells
}

/// One of `count` patches of the area that a border of four sides spans (a Coons patch).
fn patch(border: &[DVec2], [column, row]: [usize; 2], [columns, rows]: [usize; 2]) -> Vec<DVec2> {
    let n = BORDER_STEPS;
    let on = |side: usize, t: f64| {
        let x = (t * n as f64).clamp(0.0, n as f64);
        let i = (x.floor() as usize).min(n - 1);
        let at = |k: usize| border[(side * n + k) % border.len().max(1)];
        at(i).lerp(at(i + 1), x - i as f64)
    };
    // South and north run east; west and east run north.
    let (south, east) = (|t: f64| on(0, t), |t: f64| on(1, t));
    let (north, west) = (|t: f64| on(2, 1.0 - t), |t: f64| on(3, 1.0 - t));
    let inside = |u: f64, v: f64| {
        let across = south(u) * (1.0 - v) + north(u) * v;
        let along = west(v) * (1.0 - u) + east(v) * u;
        let corners = (south(0.0) * (1.0 - u) + south(1.0) * u) * (1.0 - v)
            + (north(0.0) * (1.0 - u) + north(1.0) * u) * v;
        across + along - corners
    };
    let (u0, u1) = (column as f64 / columns as f64, (column + 1) as f64 / columns as f64);
    let (v0, v1) = (row as f64 / rows as f64, (row + 1) as f64 / rows as f64);
    // Steps that all neighbours have, whatever their size: twelfths of the village's side.
    let steps = |from: f64, to: f64| -> Vec<f64> {
        let count = ((to - from).abs() * n as f64).round().max(1.0) as usize;
        (0..count).map(|i| from + (to - from) * i as f64 / count as f64).collect()
    };
    let mut line = Vec::new();
    line.extend(steps(u0, u1).into_iter().map(|u| inside(u, v0)));
    line.extend(steps(v0, v1).into_iter().map(|v| inside(u1, v)));
    line.extend(steps(u1, u0).into_iter().map(|u| inside(u, v1)));
    line.extend(steps(v1, v0).into_iter().map(|v| inside(u0, v)));
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn area(ring: &[DVec2]) -> f64 {
        (0..ring.len()).map(|i| ring[i].perp_dot(ring[(i + 1) % ring.len()])).sum::<f64>() / 2.0
    }

    #[test]
    fn codes_have_their_shape_and_grids_fill_their_villages() {
        let (land, spots) = Land::new(117, 4);
        let (towns, divisions) = divide(&land, &spots, 4);
        assert_eq!((towns.len(), divisions.len()), (9, 117));
        let codes: BTreeSet<&String> = divisions.iter().map(|d| &d.code).collect();
        assert_eq!(codes.len(), 117);
        for division in &divisions {
            assert!(division.code.len() == 12 && division.code.starts_with(names::COUNTY_CODE));
            assert!(division.code.starts_with(&towns[division.town].code));
            let center = spots[division.spot].center;
            let is_inside = (0..division.border.len()).fold(false, |inside, i| {
                let (a, b) = (division.border[i], division.border[(i + 1) % division.border.len()]);
                let crosses = (a.y > center.y) != (b.y > center.y)
                    && center.x < a.x + (b.x - a.x) * (center.y - a.y) / (b.y - a.y);
                inside != crosses
            });
            assert!(is_inside, "{} lies outside its border", division.name);
        }
        for kind in GridKind::ALL {
            let cells = grids(&divisions, kind, 4);
            for (index, division) in divisions.iter().enumerate() {
                let sum: f64 = cells.iter().filter(|c| c.division == index).map(|c| area(&c.border)).sum();
                let whole = area(&division.border);
                assert!(whole > 2e6 && (sum - whole).abs() < 1e-6 * whole, "{sum} {whole}");
            }
        }
    }
}
