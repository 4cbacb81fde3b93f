//! The numbers of a query, looked up inside a place.

use super::{
    NumberFound,
    query::{Query, mask},
};
use crate::{
    index::View,
    text::{NumberToken, NumberUnit, NumberValue},
};

/// Most addresses given back for one place.
const MOST_FOUND: usize = 6;
/// Addresses that are looked through one by one where no sorted list helps.
const MOST_SCANNED: u32 = 8_192;

/// What an address must have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Wanted {
    door: Option<NumberValue>,
    building: Option<NumberValue>,
    unit: Option<NumberValue>,
    floor: Option<NumberValue>,
    room: Option<NumberValue>,
    /// How unlikely this reading of the numbers is.
    doubt: f32,
}

/// What was found in a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub leaves: Vec<u32>,
    pub how: Option<NumberFound>,
    pub credit: f32,
    /// Atoms explained.
    pub explained: u64,
}

/// Looks the numbers that `taken` does not cover up in a place.
pub(crate) fn find(view: &View<'_>, query: &Query, taken: u64, node: u32, unfinished: bool) -> Found {
    let mut free: Vec<&NumberToken> = Vec::new();
    for token in &query.numbers {
        if mask(token.first, token.end) & taken == 0 {
            free.push(token);
        }
    }
    // 是110吗，我在河洋路40号: a bare number before all names is no door if another number follows.
    let is_stray = |token: &NumberToken| {
        token.unit == NumberUnit::Bare && taken != 0 && token.end <= taken.trailing_zeros() as usize
    };
    if free.len() > 1 && free.iter().any(|token| !is_stray(token)) {
        free.retain(|token| !is_stray(token));
    }
    if free.is_empty() {
        return Found { how: Some(NumberFound::NotAsked), ..Found::default() };
    }
    let asked = free.iter().fold(0, |all, token| all | mask(token.first, token.end));
    let readings = readings(&free);
    let mut best = Found::default();
    for wanted in &readings {
        let found = look_up(view, node, wanted);
        if better(&found, &best) {
            best = found;
        }
        if best.how == Some(NumberFound::Exact) && wanted.doubt == 0.0 {
            break;
        }
    }
    if unfinished && best.how != Some(NumberFound::Exact) {
        if let Some(found) = begun(view, query, &free, node) {
            best = found;
        }
    }
    match best.how {
        None => Found { how: Some(NumberFound::Missing), credit: -0.6, ..Found::default() },
        Some(_) => Found { explained: asked, ..best },
    }
}

fn better(found: &Found, than: &Found) -> bool {
    match (found.how, than.how) {
        (None, _) => false,
        (_, None) => true,
        (Some(a), Some(b)) => a.cmp(&b).is_lt() || (a == b && found.credit > than.credit),
    }
}

/// What the numbers may mean, likeliest first.
fn readings(tokens: &[&NumberToken]) -> Vec<Wanted> {
    let mut all = vec![Wanted::default()];
    for token in tokens {
        let mut next = Vec::with_capacity(all.len() * 2);
        for wanted in &all {
            extend(*wanted, token, &mut next);
        }
        if !next.is_empty() {
            all = next;
        }
        all.truncate(24);
    }
    all.sort_by(|a, b| a.doubt.total_cmp(&b.doubt));
    all
}

fn extend(wanted: Wanted, token: &NumberToken, out: &mut Vec<Wanted>) {
    let joined = crate::model::element::joined(token.parts());
    let indoors = wanted.building.is_some() || wanted.unit.is_some();
    let mut put = |doubt: f32, change: &dyn Fn(&mut Wanted)| {
        let mut next = wanted;
        change(&mut next);
        next.doubt += doubt;
        out.push(next);
    };
    match (token.unit, token.parts()) {
        (NumberUnit::Group | NumberUnit::Lane | NumberUnit::Phase, _) => put(0.0, &|_| {}),
        (NumberUnit::Building, &[a]) => {
            put(0.0, &|w| w.building = Some(a));
            if wanted.door.is_none() {
                put(0.2, &|w| w.door = Some(a));
            }
        }
        (NumberUnit::Unit, &[a]) => put(0.0, &|w| w.unit = Some(a)),
        (NumberUnit::Unit, &[a, b]) => put(0.0, &|w| (w.building, w.unit) = (Some(a), Some(b))),
        (NumberUnit::Floor, &[a]) => {
            put(0.0, &|w| w.floor = Some(a));
            if wanted.building.is_none() {
                put(0.2, &|w| w.building = Some(a));
            }
            // Most tables have no floors: 3楼 then says nothing more.
            put(0.3, &|_| {});
        }
        (NumberUnit::Room, &[a]) => put(0.0, &|w| w.room = Some(a)),
        (NumberUnit::Door, &[a]) if !indoors && wanted.door.is_none() => {
            put(0.0, &|w| w.door = Some(a));
            put(0.2, &|w| w.building = Some(a));
            put(0.35, &|w| w.room = Some(a));
        }
        (NumberUnit::Door, &[a]) => {
            put(0.0, &|w| w.room = Some(a));
            put(0.1, &|w| w.building = Some(a));
        }
        (_, &[a]) => {
            if indoors {
                put(0.0, &|w| w.room = Some(a));
                put(0.1, &|w| w.unit = Some(a));
            } else if wanted.door.is_some() {
                put(0.0, &|w| w.room = Some(a));
                put(0.05, &|w| w.building = Some(a));
            } else {
                put(0.0, &|w| w.door = Some(a));
                put(0.05, &|w| w.building = Some(a));
                put(0.1, &|w| w.room = Some(a));
            }
        }
        (unit, &[a, b]) => {
            if let Some(value) =
                joined.filter(|_| unit != NumberUnit::Room && !indoors && wanted.door.is_none())
            {
                put(0.0, &|w| w.door = Some(value));
            }
            if wanted.building.is_some() {
                put(0.0, &|w| (w.unit, w.room) = (Some(a), Some(b)));
            }
            put(0.05, &|w| (w.building, w.room) = (Some(a), Some(b)));
            put(0.08, &|w| (w.building, w.unit) = (Some(a), Some(b)));
            if wanted.door.is_none() {
                put(0.1, &|w| (w.door, w.room) = (Some(a), Some(b)));
                // 1-3号 may be a range: either end will do.
                if b.main() > a.main() {
                    put(0.3, &|w| w.door = Some(a));
                }
            }
        }
        (_, &[a, b, c]) => {
            put(0.0, &|w| (w.building, w.unit, w.room) = (Some(a), Some(b), Some(c)));
            put(0.1, &|w| (w.door, w.building, w.room) = (Some(a), Some(b), Some(c)));
            if let Some(door) = a.with_sub(b.main()) {
                put(0.15, &|w| (w.door, w.room) = (Some(door), Some(c)));
            }
        }
        (_, &[a, b, c, d]) => {
            put(0.0, &|w| (w.door, w.building, w.unit, w.room) = (Some(a), Some(b), Some(c), Some(d)))
        }
        _ => {}
    }
}

impl Wanted {
    fn count(&self) -> usize {
        [self.door, self.building, self.unit, self.floor, self.room].iter().flatten().count()
    }
}

fn value(column: &[u32], leaf: u32) -> u32 {
    column.get(leaf as usize).copied().unwrap_or(0)
}

fn agrees(view: &View<'_>, leaf: u32, wanted: &Wanted) -> bool {
    let is =
        |wanted: Option<NumberValue>, column: &[u32]| wanted.is_none_or(|v| value(column, leaf) == v.bits());
    is(wanted.door, view.leaf_door)
        && is(wanted.building, view.leaf_building)
        && is(wanted.unit, view.leaf_unit)
        && is(wanted.room, view.leaf_room)
        && is(wanted.floor, view.leaf_floor)
}

/// Whether a leaf has no number besides those wanted: the address itself, not one of the rooms in it.
fn is_whole(view: &View<'_>, leaf: u32, wanted: &Wanted) -> bool {
    let none = |wanted: Option<NumberValue>, column: &[u32]| wanted.is_some() || value(column, leaf) == 0;
    none(wanted.door, view.leaf_door)
        && none(wanted.building, view.leaf_building)
        && none(wanted.unit, view.leaf_unit)
        && none(wanted.room, view.leaf_room)
        && none(wanted.floor, view.leaf_floor)
}

fn look_up(view: &View<'_>, node: u32, wanted: &Wanted) -> Found {
    let credit = 1.1 * wanted.count() as f32 - wanted.doubt;
    if wanted.count() == 0 {
        return Found::default();
    }
    let own = view.addresses_of(node);
    let all = view.addresses_in(node);
    for (range, malus) in [(own.clone(), 0.0), (all.clone(), 0.1)] {
        if range.is_empty() || (malus > 0.0 && all == own) {
            continue;
        }
        let mut leaves = leaves(view, &range, wanted, malus == 0.0);
        if !leaves.is_empty() {
            leaves.sort_by_key(|&leaf| (!is_whole(view, leaf, wanted), leaf));
            let part = if is_whole(view, leaves[0], wanted) { 0.0 } else { 0.05 };
            leaves.truncate(MOST_FOUND);
            return Found {
                leaves,
                how: Some(NumberFound::Exact),
                credit: credit - malus - part,
                explained: 0,
            };
        }
    }
    near(view, node, wanted).unwrap_or_default()
}

/// Leaves of a range that agree. `own`: the range is that of one place, sorted by its numbers.
fn leaves(view: &View<'_>, range: &std::ops::Range<u32>, wanted: &Wanted, own: bool) -> Vec<u32> {
    let slice = |column: &'_ [u32]| -> Option<(usize, usize)> {
        column.get(range.start as usize..range.end as usize)?;
        Some((range.start as usize, range.end as usize))
    };
    if own {
        // Sorted by door, then building: without a door, those with none come first.
        let door = wanted.door.map_or(0, NumberValue::bits);
        let (mut from, mut to) = (range.start as usize, range.end as usize);
        if let Some((a, b)) = slice(view.leaf_door) {
            let doors = &view.leaf_door[a..b];
            from = a + doors.partition_point(|&v| v < door);
            to = a + doors.partition_point(|&v| v <= door);
        } else if wanted.door.is_some() {
            return Vec::new();
        }
        if let (Some(building), Some(_)) = (wanted.building, slice(view.leaf_building)) {
            let buildings = &view.leaf_building[from..to];
            let (low, high) = (
                buildings.partition_point(|&v| v < building.bits()),
                buildings.partition_point(|&v| v <= building.bits()),
            );
            (from, to) = (from + low, from + high);
        }
        let found: Vec<u32> =
            (from as u32..to as u32).filter(|&leaf| agrees(view, leaf, wanted)).take(64).collect();
        if !found.is_empty() || wanted.door.is_some() {
            return found;
        }
    }
    let listed = match wanted {
        Wanted { door: Some(door), .. } => Some((view.by_door, view.leaf_door, door)),
        Wanted { room: Some(room), .. } => Some((view.by_room, view.leaf_room, room)),
        Wanted { building: Some(building), .. } => Some((view.by_building, view.leaf_building, building)),
        _ => None,
    };
    if let Some((list, column, wanted_value)) = listed {
        let key = |leaf: u32| (value(column, leaf), leaf);
        let at = list.partition_point(|&leaf| key(leaf) < (wanted_value.bits(), range.start));
        let run = list.get(at..).unwrap_or_default().iter().copied();
        let inside = run.take_while(|&leaf| key(leaf) < (wanted_value.bits(), range.end));
        return inside.take(4_096).filter(|&leaf| agrees(view, leaf, wanted)).take(64).collect();
    }
    let scanned = range.start..range.end.min(range.start.saturating_add(MOST_SCANNED));
    scanned.filter(|&leaf| agrees(view, leaf, wanted)).take(64).collect()
}

/// The address without its suffix or its room, or the neighbours of a number that is not there.
fn near(view: &View<'_>, node: u32, wanted: &Wanted) -> Option<Found> {
    let own = view.addresses_of(node);
    let all = view.addresses_in(node);
    let range = if own.is_empty() { all } else { own };
    let range = range.start..range.end.min(range.start.saturating_add(MOST_SCANNED));
    let asked = wanted.door.map(|v| (v, view.leaf_door)).or(wanted.building.map(|v| (v, view.leaf_building)));
    let (asked, column) = asked.or(wanted.room.map(|v| (v, view.leaf_room)))?;
    let mut best: Vec<(u32, u32, u32)> = Vec::new();
    let (mut main_found, mut farthest) = (false, u32::MAX);
    for leaf in range {
        let bits = value(column, leaf);
        let main = NumberValue::from_bits(bits).main();
        if bits == 0 {
            continue;
        }
        let apart = main.abs_diff(asked.main());
        main_found |= apart == 0;
        if apart > farthest {
            continue;
        }
        // The same side of the street comes first.
        let other_side = u32::from((main ^ asked.main()) & 1 == 1);
        if best.last().is_some_and(|last| last.0 == apart && value(column, last.2) == bits) {
            continue;
        }
        best.push((apart, other_side, leaf));
        if best.len() > 64 {
            best.sort_unstable();
            best.truncate(MOST_FOUND);
            farthest = best.last().map_or(u32::MAX, |last| last.0);
        }
    }
    best.sort_unstable();
    if main_found {
        best.retain(|found| found.0 == 0);
    } else {
        // One plate of each neighbour: 12号 stands for 12号之1 too.
        let main = |leaf: u32| NumberValue::from_bits(value(column, leaf)).main();
        let mut seen = Vec::new();
        best.retain(|&(_, _, leaf)| {
            !seen.contains(&main(leaf)) && {
                seen.push(main(leaf));
                true
            }
        });
    }
    best.truncate(MOST_FOUND);
    if best.is_empty() {
        return None;
    }
    let (how, credit) = if main_found { (NumberFound::Near, 0.6) } else { (NumberFound::Neighbour, 0.1) };
    let leaves = best.into_iter().map(|(_, _, leaf)| leaf).collect();
    Some(Found { leaves, how: Some(how), credit: credit - wanted.doubt, explained: 0 })
}

/// The last number is still being typed: 1 may become 12.
fn begun(view: &View<'_>, query: &Query, tokens: &[&NumberToken], node: u32) -> Option<Found> {
    let last = tokens.last().filter(|token| token.end == query.len() && token.unit == NumberUnit::Bare)?;
    let [value_begun] = last.parts() else { return None };
    let digits = value_begun.plain();
    if value_begun.letter() != 0 || value_begun.sub() != 0 || tokens.len() > 1 {
        return None;
    }
    let range = view.addresses_of(node);
    let range = range.start..range.end.min(range.start.saturating_add(MOST_SCANNED));
    let leaves: Vec<u32> = range
        .filter(|&leaf| {
            let bits = value(view.leaf_door, leaf);
            bits != 0 && NumberValue::from_bits(bits).main().to_string().starts_with(&digits)
        })
        .take(MOST_FOUND)
        .collect();
    (!leaves.is_empty()).then_some(Found { leaves, how: Some(NumberFound::Near), credit: 0.6, explained: 0 })
}
