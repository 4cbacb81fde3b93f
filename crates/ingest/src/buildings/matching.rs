//! Which footprint of a new survey is which of the one before.

use std::collections::{BTreeMap, BTreeSet};

use i_overlay::{
    core::{fill_rule::FillRule, overlay_rule::OverlayRule},
    float::single::SingleFloatOverlay,
};

use crate::vector::{Geometry, Polygon, Position, area_deg2};

/// Two footprints have to do with each other if so much of the smaller lies in the other,
const LINK_OF_SMALLER: f64 = 0.5;
/// and that is so much of the larger: a shed that a house swallows is gone, no part of a merger.
const LINK_OF_LARGER: f64 = 0.1;
/// One to one they are the same building if so much of what either covers is covered by both.
const SAME: f64 = 0.4;
/// With so much in common they are, whatever else lies there.
const SURE: f64 = 0.9;
/// A common shift of the whole survey smaller than this is left alone, metres.
const LEAST_SHIFT_M: f64 = 0.3;
/// The nearest like footprint is looked for so far away to find the shift, metres.
const SHIFT_REACH_M: f64 = 12.0;
/// Side of the cells in which neighbours are looked for, metres.
const CELL_M: f64 = 40.0;
/// A footprint that covers more cells than this along a side is looked for in them all the same, but no further.
const MAX_CELLS: i64 = 200;

/// What became of the footprints of two surveys. Numbers are indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Old and new footprints that are one building, with the share of both that is common, after the shift.
    pub kept: Vec<(usize, usize, f64)>,
    /// What a person has to decide.
    pub questions: Vec<Group>,
    /// New footprints where nothing was.
    pub new: Vec<usize>,
    /// Old ones where nothing is.
    pub gone: Vec<usize>,
    /// East and north by which the new survey lies off the old one as a whole, metres.
    pub shift_m: Position,
}

/// Footprints that became others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How.
    pub kind: GroupKind,
    /// Old ones.
    pub old: Vec<usize>,
    /// New ones.
    pub new: Vec<usize>,
}

/// How footprints became others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// One became several.
    Split,
    /// Several became one.
    Merge,
    /// Several became several others, or one a very different one.
    Rebuilt,
}

/// Matches footprints by overlap. Coordinates are metres in one plane.
pub fn matched(old: &[Vec<Polygon>], new: &[Vec<Polygon>]) -> Matching {
    let shift_m = shift(old, new);
    let moved: Vec<Vec<Polygon>>;
    let new = if shift_m == [0.0; 2] {
        new
    } else {
        moved = new.iter().map(|polygons| shifted(polygons, shift_m)).collect();
        &moved
    };
    let areas = |list: &[Vec<Polygon>]| list.iter().map(|polygons| area_deg2(polygons)).collect::<Vec<f64>>();
    let (old_areas, new_areas) = (areas(old), areas(new));
    let mut links: Vec<(usize, usize, f64)> = Vec::new();
    for (o, n, area) in overlaps(old, new) {
        let (Some(a), Some(b)) = (old_areas.get(o), new_areas.get(n)) else { continue };
        if area >= LINK_OF_SMALLER * a.min(*b) && area >= LINK_OF_LARGER * a.max(*b) {
            links.push((o, n, area / (a + b - area)));
        }
    }
    let mut matching = Matching { shift_m, ..Matching::default() };
    let mut seen: [BTreeSet<usize>; 2] = Default::default();
    for (o, n, share) in links.iter().copied().filter(|(.., share)| *share >= SURE) {
        if !seen[0].contains(&o) && !seen[1].contains(&n) {
            seen[0].insert(o);
            seen[1].insert(n);
            matching.kept.push((o, n, share));
        }
    }
    links.retain(|(o, n, _)| !seen[0].contains(o) && !seen[1].contains(n));
    for group in groups(&links) {
        let (olds, news): (Vec<usize>, Vec<usize>) = group;
        seen[0].extend(&olds);
        seen[1].extend(&news);
        let share = links.iter().find(|(o, n, _)| olds == [*o] && news == [*n]).map(|(.., share)| *share);
        match (olds.as_slice(), news.as_slice(), share) {
            ([o], [n], Some(share)) if share >= SAME => matching.kept.push((*o, *n, share)),
            _ => {
                let kind = match (olds.len(), news.len()) {
                    (1, 2..) => GroupKind::Split,
                    (2.., 1) => GroupKind::Merge,
                    _ => GroupKind::Rebuilt,
                };
                matching.questions.push(Group { kind, old: olds, new: news });
            }
        }
    }
    matching.kept.sort_by_key(|(o, n, _)| (*o, *n));
    matching.gone = (0..old.len()).filter(|index| !seen[0].contains(index)).collect();
    matching.new = (0..new.len()).filter(|index| !seen[1].contains(index)).collect();
    matching
}

/// All pairs that overlap, with the common area in square metres, by index.
pub fn overlaps(old: &[Vec<Polygon>], new: &[Vec<Polygon>]) -> Vec<(usize, usize, f64)> {
    let mut cells: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    let bounds = |polygons: &[Polygon]| Geometry::Polygons(polygons.to_vec()).bounds();
    let old_bounds: Vec<Option<[Position; 2]>> = old.iter().map(|polygons| bounds(polygons)).collect();
    for (index, bounds) in old_bounds.iter().enumerate() {
        for cell in bounds.iter().flat_map(cells_of) {
            cells.entry(cell).or_default().push(index);
        }
    }
    let mut found = Vec::new();
    for (n, polygons) in new.iter().enumerate() {
        let Some(own) = bounds(polygons) else { continue };
        let near: BTreeSet<usize> =
            cells_of(&own).flat_map(|cell| cells.get(&cell).into_iter().flatten().copied()).collect();
        for o in near {
            let (Some(Some(other)), Some(others)) = (old_bounds.get(o), old.get(o)) else { continue };
            if (0..2).any(|i| other[0][i] > own[1][i] || own[0][i] > other[1][i]) {
                continue;
            }
            let area = common_area(others, polygons);
            if area > 0.0 {
                found.push((o, n, area));
            }
        }
    }
    found.sort_by_key(|(o, n, _)| (*o, *n));
    found
}

fn cells_of([low, high]: &[Position; 2]) -> impl Iterator<Item = (i64, i64)> + use<> {
    let cell = |value: f64| (value / CELL_M).floor() as i64;
    let range = |from: i64, to: i64| from..=to.min(from.saturating_add(MAX_CELLS));
    let (xs, ys) = (range(cell(low[0]), cell(high[0])), range(cell(low[1]), cell(high[1])));
    xs.flat_map(move |x| ys.clone().map(move |y| (x, y)))
}

/// Area that two footprints have in common, square metres.
pub fn common_area(a: &[Polygon], b: &[Polygon]) -> f64 {
    let open = |polygons: &[Polygon]| -> Vec<Vec<Vec<Position>>> {
        let ring = |ring: &Vec<Position>| ring.iter().copied().take(ring.len().saturating_sub(1)).collect();
        polygons.iter().map(|polygon| polygon.iter().map(ring).collect()).collect()
    };
    let common = open(a).overlay(&open(b), OverlayRule::Intersect, FillRule::EvenOdd);
    area_deg2(&common)
}

fn shifted(polygons: &[Polygon], by: Position) -> Vec<Polygon> {
    let ring = |ring: &Vec<Position>| ring.iter().map(|p| [p[0] - by[0], p[1] - by[1]]).collect();
    polygons.iter().map(|polygon| polygon.iter().map(ring).collect()).collect()
}

/// Connected groups of linked footprints, by their first old one.
fn groups(links: &[(usize, usize, f64)]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut by_old: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut by_new: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (o, n, _) in links {
        by_old.entry(*o).or_default().push(*n);
        by_new.entry(*n).or_default().push(*o);
    }
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut groups = Vec::new();
    for first in by_old.keys() {
        if done.contains(first) {
            continue;
        }
        let (mut olds, mut news) = (BTreeSet::new(), BTreeSet::new());
        let mut next = vec![*first];
        while let Some(o) = next.pop() {
            if !olds.insert(o) {
                continue;
            }
            for n in by_old.get(&o).into_iter().flatten() {
                if news.insert(*n) {
                    next.extend(by_new.get(n).into_iter().flatten());
                }
            }
        }
        done.extend(&olds);
        groups.push((olds.into_iter().collect(), news.into_iter().collect()));
    }
    groups
}

/// The shift of the new survey as a whole: the median way between footprints that are nearest and of like area, if it makes
/// more of them overlap.
fn shift(old: &[Vec<Polygon>], new: &[Vec<Polygon>]) -> Position {
    let middle = |polygons: &[Polygon]| Geometry::Polygons(polygons.to_vec()).middle();
    let mut cells: BTreeMap<(i64, i64), Vec<(Position, f64)>> = BTreeMap::new();
    for polygons in old {
        let Some(at) = middle(polygons) else { continue };
        for cell in cells_of(&[at, at]) {
            cells.entry(cell).or_default().push((at, area_deg2(polygons)));
        }
    }
    let mut ways: [Vec<f64>; 2] = Default::default();
    for polygons in new {
        let (Some(at), area) = (middle(polygons), area_deg2(polygons)) else { continue };
        let reach = [0, 1].map(|i| [at[i] - SHIFT_REACH_M, at[i] + SHIFT_REACH_M]);
        let near = cells_of(&[[reach[0][0], reach[1][0]], [reach[0][1], reach[1][1]]])
            .flat_map(|cell| cells.get(&cell).into_iter().flatten())
            .filter(|(_, other)| (0.9..1.1).contains(&(other / area)))
            .map(|(other, _)| [at[0] - other[0], at[1] - other[1]])
            .filter(|way| way[0].hypot(way[1]) < SHIFT_REACH_M)
            .min_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1])));
        if let Some(way) = near {
            ways[0].push(way[0]);
            ways[1].push(way[1]);
        }
    }
    // A handful of houses say nothing about a survey.
    if ways[0].len() < 8 || ways[0].len() * 4 < new.len() {
        return [0.0; 2];
    }
    let found = ways.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    });
    if found[0].hypot(found[1]) < LEAST_SHIFT_M {
        return [0.0; 2];
    }
    let total = |new: &[Vec<Polygon>]| overlaps(old, new).iter().map(|(.., area)| area).sum::<f64>();
    let moved: Vec<Vec<Polygon>> = new.iter().map(|polygons| shifted(polygons, found)).collect();
    if total(&moved) > total(new) * 1.02 { found } else { [0.0; 2] }
}
