//! The addresses of a lane and the houses of its rows, judged together.
//!
//! Each row is walked with its numbers ([`super::lattice`]). Who bears a number is not certain: mostly the address that says
//! so, else one whose number is out of order; and numbers that no address says are those of addresses without. Each address
//! bears one number and each number has one bearer. What the rows say of bearers and what addresses say of numbers is
//! passed to and fro (belief propagation over the assignment, as in Huang and Jebara 2009) until it rests.

use std::collections::BTreeMap;

use super::{
    Work,
    lane::Line,
    lattice::{Slot, Walk, walk},
};

/// Probability that a building of a row has an address.
const HOUSE: f64 = 0.7;
/// Probability that a number is out of order.
const OUT_OF_ORDER: f64 = 0.1;
/// How far houses of a row stand off its line, metres, besides the error of the line.
const ROW_M: f64 = 4.5;
/// Most numbers missing one after another that are looked for.
const LONGEST_GAP: u32 = 12;
/// How often what rows and addresses say of each other is passed on.
const ROUNDS: usize = 8;
/// Candidates of less than this share are left out.
const LEAST: f64 = 1e-7;
/// Share from which it is thought on that an address bears a number that it does not say.
const UNLIKELY: f64 = 1e-5;

/// A side of a lane: its numbered addresses and the line of its row.
pub(super) struct Side<'a> {
    pub(super) members: &'a [usize],
    pub(super) line: Line,
}

/// A building that the lane's addresses may stand at.
struct House {
    building: usize,
    /// Side and place in its row.
    row: Option<(usize, usize)>,
}

/// Addresses that share a plate, or one without a number.
struct Plate {
    members: Vec<usize>,
    /// Houses with the likelihood of the points there, summing to one.
    houses: Vec<(usize, f64)>,
    /// By side: places in its row with the likelihood.
    places: Vec<Vec<(usize, f64)>>,
    /// Side and slot of its number.
    slot: Option<(usize, usize)>,
    /// Weight of bearing no number of the rows.
    elsewhere: f64,
    /// Weight of everything.
    total: f64,
    /// Probabilities over `houses`: bearing its own number, and in all.
    found: Vec<(f64, f64)>,
}

/// That a plate bears a number.
struct Choice {
    plate: usize,
    side: usize,
    slot: usize,
    weight: f64,
    /// Odds of it by all else that is known of the plate.
    said: f64,
    /// Odds of it by the row and the other plates.
    heard: f64,
}

/// What a lane's addresses are if its rows are where they are thought.
pub(super) struct Judged {
    /// Logarithm of how well that explains all points (the Bethe approximation of the sum over all assignments).
    pub(super) log_worth: f64,
    plates: Vec<Plate>,
    houses: Vec<House>,
}

/// Sets the probabilities of a lane's addresses: of what each thought of its rows says, by how well it explains the points.
pub(super) fn tell(work: &mut Work<'_>, members: &[usize], judged: &[Judged]) {
    for &member in members {
        for candidate in work.candidates.get_mut(member).into_iter().flatten() {
            (candidate.ordered, candidate.probability) = (0.0, 0.0);
        }
        if let Some(slot) = work.out_of_order.get_mut(member) {
            *slot = 0.0;
        }
    }
    let top = judged.iter().map(|j| j.log_worth).fold(f64::MIN, f64::max);
    let total: f64 = judged.iter().map(|j| (j.log_worth - top).exp()).sum();
    for of in judged {
        let weight = (of.log_worth - top).exp() / total;
        if weight > 1e-4 {
            of.plates.iter().for_each(|plate| plate.tell(work, &of.houses, weight));
        }
    }
}

/// Judges a lane whose rows are where `sides` says. `None` where it cannot.
pub(super) fn judge(work: &Work<'_>, members: &[usize], sides: &[Side<'_>]) -> Option<Judged> {
    let mut plates = plates(work, members, sides);
    let (houses, rows) = houses(work, &plates, sides);
    let place_of: BTreeMap<usize, usize> = houses.iter().enumerate().map(|(k, h)| (h.building, k)).collect();
    for plate in &mut plates {
        plate.weigh(work, &place_of, &houses, sides.len());
    }
    let numbers: Vec<Vec<Option<usize>>> =
        (0..sides.len()).map(|side| slots(work, &mut plates, side)).collect();
    let (mut choices, skips) = choices(&mut plates, &numbers, OUT_OF_ORDER);
    let mut log_worth = 0.0;
    let mut walks: Vec<Walk> = Vec::new();
    for round in 0..ROUNDS {
        walks = walks_of(&plates, &choices, &rows, &skips)?;
        for plate in &mut plates {
            plate.total = plate.elsewhere;
        }
        for choice in &mut choices {
            let Some(plate) = plates.get_mut(choice.plate) else { continue };
            let worth = choice.weight * worth(plate, choice, &walks);
            choice.heard = (worth / (1.0 - choice.said * worth).max(1e-9)).min(1e9);
            plate.total += choice.heard;
        }
        log_worth = walks.iter().map(|walk| walk.log_sum).sum::<f64>()
            + plates.iter().map(|plate| plate.total.ln()).sum::<f64>()
            - choices.iter().map(|choice| (choice.said * choice.heard).ln_1p()).sum::<f64>();
        if round == 1 {
            // Most bear no number but their own.
            choices.retain(|c| {
                plates
                    .get(c.plate)
                    .is_some_and(|p| p.slot == Some((c.side, c.slot)) || c.heard > UNLIKELY * p.total)
            });
        }
        for choice in &mut choices {
            let total = plates.get(choice.plate).map_or(0.0, |plate| plate.total);
            let now = 1.0 / (total - choice.heard).max(1e-9);
            // Part of the old one, so that it does not swing.
            choice.said = (choice.said * now).sqrt();
        }
    }
    conclude(&mut plates, &choices, &houses, &walks);
    log_worth.is_finite().then_some(Judged { log_worth, plates, houses })
}

/// Walks each row as the choices stand.
fn walks_of(
    plates: &[Plate],
    choices: &[Choice],
    rows: &[Vec<(usize, f64)>],
    skips: &[Vec<f64>],
) -> Option<Vec<Walk>> {
    let mut slots: Vec<Vec<Slot>> = skips
        .iter()
        .zip(rows)
        .map(|(of, row)| of.iter().map(|&skipped| Slot { worth: vec![0.0; row.len()], skipped }).collect())
        .collect();
    for choice in choices {
        let slot = slots.get_mut(choice.side).and_then(|side| side.get_mut(choice.slot));
        let places = plates.get(choice.plate).and_then(|plate| plate.places.get(choice.side));
        let (Some(slot), Some(places)) = (slot, places) else { continue };
        for &(place, likelihood) in places {
            if let Some(worth) = slot.worth.get_mut(place) {
                *worth += choice.weight * choice.said * likelihood;
            }
        }
    }
    let walk_one = |(row, slots): (&Vec<(usize, f64)>, &Vec<Slot>)| {
        let belongs: Vec<f64> = row.iter().map(|(_, belongs)| *belongs).collect();
        walk(&belongs, slots)
    };
    rows.iter().zip(&slots).map(walk_one).collect()
}

/// What a row gives a plate that bears a number of it.
fn worth(plate: &Plate, choice: &Choice, walks: &[Walk]) -> f64 {
    let ways = walks.get(choice.side).and_then(|walk| walk.ways.get(choice.slot));
    let (Some(ways), Some(places)) = (ways, plate.places.get(choice.side)) else { return 0.0 };
    places.iter().map(|&(place, likelihood)| likelihood * ways.get(place).copied().unwrap_or(0.0)).sum()
}

/// Who may bear which number, and of each number the weight of its not being in the row.
fn choices(plates: &mut [Plate], numbers: &[Vec<Option<usize>>], error: f64) -> (Vec<Choice>, Vec<Vec<f64>>) {
    let last: Vec<usize> =
        numbers.iter().map(|row| row.iter().rposition(Option::is_some).unwrap_or(0)).collect();
    let unnumbered = plates.iter().filter(|p| p.slot.is_none()).count() as f64;
    let count = |behind: bool| -> f64 {
        let of = |(row, last): (&Vec<Option<usize>>, &usize)| {
            row.iter().enumerate().filter(|(at, slot)| slot.is_none() && (at > last) == behind).count()
        };
        numbers.iter().zip(&last).map(of).sum::<usize>() as f64
    };
    let (missing, behind) = (count(false), count(true));
    let numbered = (plates.len() as f64 - unnumbered).max(1.0);
    // The numbers that are missing are those of the addresses without; more of these may follow the last number, or have
    // been given none.
    let filled = (unnumbered / missing.max(1.0)).clamp(0.03, 0.97);
    let follow = ((unnumbered - missing) / behind.max(1.0)).clamp(0.02, 0.9);
    let uncounted = (0.5 * (unnumbered - missing - behind) / numbered).clamp(0.003, 0.5);
    // Two that changed places: of so many, each two have this chance.
    let changed = (error / numbered).sqrt();
    for plate in plates.iter_mut() {
        plate.elsewhere = if plate.slot.is_some() { 0.02 * error } else { uncounted };
    }
    let mut all = Vec::new();
    let mut skips = Vec::with_capacity(numbers.len());
    for (side, (row, &last)) in numbers.iter().zip(&last).enumerate() {
        skips.push(
            row.iter()
                .enumerate()
                .map(|(slot, bearer)| match bearer {
                    Some(_) => 0.05 * error,
                    None if slot > last => 1.0 - follow,
                    None => 1.0 - filled,
                })
                .collect(),
        );
        for (slot, bearer) in row.iter().enumerate() {
            for (plate, of) in plates.iter().enumerate() {
                let (weight, said) = match (bearer, of.slot) {
                    (Some(own), _) if *own == plate => (1.0, 20.0),
                    (Some(_), Some(_)) => (changed, 1.0),
                    // A number too many or too few.
                    (Some(_), None) | (None, Some(_)) => (0.3 * changed, 0.5),
                    (None, None) => (if slot > last { follow } else { filled }, 10.0 / unnumbered),
                };
                all.push(Choice { plate, side, slot, weight, said, heard: 0.0 });
            }
        }
    }
    (all, skips)
}

/// Probabilities of houses.
fn conclude(plates: &mut [Plate], choices: &[Choice], houses: &[House], walks: &[Walk]) {
    let mut by_plate: Vec<Vec<&Choice>> = plates.iter().map(|_| Vec::new()).collect();
    for choice in choices {
        if let Some(of) = by_plate.get_mut(choice.plate) {
            of.push(choice);
        }
    }
    // Of each row's buildings: probability that any number is borne there.
    let mut borne: Vec<f64> = vec![0.0; houses.len()];
    for (plate, of) in plates.iter_mut().zip(&by_plate) {
        plate.found = vec![(0.0, 0.0); plate.houses.len()];
        for choice in of {
            let worth = worth(plate, choice, walks);
            if worth <= 0.0 {
                continue;
            }
            let share = choice.heard / plate.total / worth;
            let own = plate.slot == Some((choice.side, choice.slot));
            let ways = walks.get(choice.side).and_then(|walk| walk.ways.get(choice.slot));
            for (&(house, likelihood), found) in plate.houses.iter().zip(&mut plate.found) {
                let Some((side, place)) = houses.get(house).and_then(|h| h.row) else { continue };
                if side != choice.side {
                    continue;
                }
                let probability =
                    share * likelihood * ways.and_then(|ways| ways.get(place)).copied().unwrap_or(0.0);
                found.1 += probability;
                found.0 += if own { probability } else { 0.0 };
            }
        }
        for (&(house, _), found) in plate.houses.iter().zip(&plate.found) {
            if let Some(borne) = borne.get_mut(house) {
                *borne += found.1;
            }
        }
    }
    for plate in plates.iter_mut() {
        let rest = plate.elsewhere / plate.total;
        let open = |house: usize| (1.0 - borne.get(house).copied().unwrap_or(0.0)).clamp(0.02, 1.0);
        let total: f64 = plate.houses.iter().map(|&(house, likelihood)| likelihood * open(house)).sum();
        for (&(house, likelihood), found) in plate.houses.iter().zip(&mut plate.found) {
            found.1 += rest * likelihood * open(house) / total.max(1e-300);
        }
    }
}

/// Addresses of one number of one side are one plate, those without number one each.
fn plates(work: &Work<'_>, members: &[usize], sides: &[Side<'_>]) -> Vec<Plate> {
    let main = |m: usize| work.addresses.get(m).map_or(0, |a| a.door.main());
    let mut plates: Vec<Plate> = Vec::new();
    let mut taken: std::collections::BTreeSet<usize> = std::collections::BTreeSet::new();
    for (side, of) in sides.iter().enumerate() {
        let mut numbered: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for &member in of.members {
            numbered.entry(main(member)).or_default().push(member);
            taken.insert(member);
        }
        // The slot is set when all numbers are known.
        plates.extend(numbered.into_values().map(|members| Plate::new(members, Some((side, 0)))));
    }
    let rest = members.iter().copied().filter(|member| !taken.contains(member));
    plates.extend(rest.map(|member| Plate::new(vec![member], None)));
    plates
}

/// The buildings near any address of the lane, and of each row those on it, in the direction in which numbers grow, with the
/// probability that each is a house of the row.
fn houses(work: &Work<'_>, plates: &[Plate], sides: &[Side<'_>]) -> (Vec<House>, Vec<Vec<(usize, f64)>>) {
    let members = plates.iter().flat_map(|plate| &plate.members);
    let mut buildings: Vec<usize> =
        members.flat_map(|&m| work.candidates.get(m).into_iter().flatten().map(|c| c.building)).collect();
    buildings.sort_unstable();
    buildings.dedup();
    let mut houses: Vec<House> = Vec::with_capacity(buildings.len());
    let mut rows: Vec<Vec<(f64, usize, f64)>> = sides.iter().map(|_| Vec::new()).collect();
    for building in buildings {
        let middle = work.middles.get(building).copied().unwrap_or_default();
        let free_of_others = (1.0 - work.claimed.get(building).copied().unwrap_or(0.0)).clamp(0.02, 1.0);
        let at = |side: &Side<'_>| side.line.along(middle);
        let nearest = sides.iter().enumerate().min_by(|a, b| at(a.1)[1].abs().total_cmp(&at(b.1)[1].abs()));
        let row = nearest.map(|(side, of)| (side, at(of), of.line.error_m()));
        let index = houses.len();
        match row.filter(|(_, [_, across], _)| across.abs() < 11.0) {
            Some((side, [along, across], error_m)) => {
                let on = (-0.5 * across * across / (ROW_M.powi(2) + error_m * error_m)).exp();
                if let Some(row) = rows.get_mut(side) {
                    row.push((along, index, HOUSE * on * free_of_others));
                }
                houses.push(House { building, row: Some((side, 0)) });
            }
            None => houses.push(House { building, row: None }),
        }
    }
    for (side, row) in rows.iter_mut().enumerate() {
        row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if sides.get(side).is_some_and(|side| grows_backwards(work, side)) {
            row.reverse();
        }
        for (place, (_, house, _)) in row.iter().enumerate() {
            if let Some(house) = houses.get_mut(*house) {
                house.row = Some((side, place));
            }
        }
    }
    let rows =
        rows.into_iter().map(|row| row.into_iter().map(|(_, house, p)| (house, p)).collect()).collect();
    (houses, rows)
}

/// Whether numbers grow against the direction of the line: by the sign of the covariance of ranks and places.
fn grows_backwards(work: &Work<'_>, side: &Side<'_>) -> bool {
    let mut order: Vec<usize> = side.members.to_vec();
    order.sort_by_key(|&m| (work.addresses.get(m).map(|a| a.door), m));
    let along: Vec<f64> =
        order.iter().filter_map(|&m| work.point(m)).map(|p| side.line.along(p)[0]).collect();
    let mean = along.iter().sum::<f64>() / along.len().max(1) as f64;
    let middle = (along.len() as f64 - 1.0) / 2.0;
    along.iter().enumerate().map(|(rank, t)| (rank as f64 - middle) * (t - mean)).sum::<f64>() < 0.0
}

/// The numbers of a side in order, those that are missing among them; sets the plates' slots.
fn slots(work: &Work<'_>, plates: &mut [Plate], side: usize) -> Vec<Option<usize>> {
    let main = |plate: &Plate| {
        plate.members.first().and_then(|&m| work.addresses.get(m)).map_or(0, |a| a.door.main())
    };
    let mut numbers: Vec<(u32, usize)> = plates
        .iter()
        .enumerate()
        .filter(|(_, plate)| plate.slot.is_some_and(|(of, _)| of == side))
        .map(|(at, plate)| (main(plate), at))
        .collect();
    numbers.sort_unstable();
    let unnumbered = plates.iter().filter(|plate| plate.slot.is_none()).count() as u32;
    let (Some(first), odd) = (numbers.first().map(|n| n.0), numbers.iter().filter(|n| n.0 % 2 == 1).count())
    else {
        return Vec::new();
    };
    // Odd and even numbers stand apart, so that most rows have one of the two.
    let rare = odd.min(numbers.len() - odd);
    let step = if rare * 5 <= numbers.len() { 2 } else { 1 };
    let before = (first.saturating_sub(1) / step).min(if unnumbered > 0 { 4 } else { 0 });
    let mut slots: Vec<Option<usize>> = vec![None; before as usize];
    let mut last = first;
    for (number, plate) in numbers {
        let apart = (number - last) / step;
        slots.extend((1..apart.min(LONGEST_GAP)).map(|_| None));
        if let Some(plate) = plates.get_mut(plate) {
            plate.slot = Some((side, slots.len()));
        }
        slots.push(Some(plate));
        last = number;
    }
    slots.extend((0..unnumbered.min(3)).map(|_| None));
    slots
}

impl Plate {
    fn new(members: Vec<usize>, slot: Option<(usize, usize)>) -> Self {
        let (houses, places, found) = (Vec::new(), Vec::new(), Vec::new());
        Self { members, houses, places, slot, elsewhere: 0.0, total: 0.0, found }
    }
    /// Takes the likelihoods of houses from the members' candidates.
    fn weigh(&mut self, work: &Work<'_>, place_of: &BTreeMap<usize, usize>, houses: &[House], sides: usize) {
        let mut all: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
        for &member in &self.members {
            let candidates = work.candidates.get(member).map(Vec::as_slice).unwrap_or_default();
            let total: f64 = candidates.iter().map(|c| c.density).sum();
            for candidate in candidates.iter().filter(|c| c.density > LEAST * total) {
                if let Some(&house) = place_of.get(&candidate.building) {
                    let of = all.entry(house).or_insert((0, 0.0));
                    *of = (of.0 + 1, of.1 + (candidate.density / total).ln());
                }
            }
        }
        // Where only some members may be, the others are as far off as can be.
        let log_least = LEAST.ln();
        let logs: Vec<(usize, f64)> = all
            .into_iter()
            .map(|(house, (count, log))| {
                (house, log + (self.members.len() - count.min(self.members.len())) as f64 * log_least)
            })
            .collect();
        let top = logs.iter().map(|(_, log)| *log).fold(f64::MIN, f64::max);
        self.houses = logs.into_iter().map(|(house, log)| (house, (log - top).exp())).collect();
        let total: f64 = self.houses.iter().map(|(_, likelihood)| likelihood).sum();
        self.houses.iter_mut().for_each(|(_, likelihood)| *likelihood /= total);
        self.places = vec![Vec::new(); sides];
        for &(house, likelihood) in &self.houses {
            let row = houses.get(house).and_then(|house| house.row);
            if let Some((of, place)) = row.and_then(|(side, place)| Some((self.places.get_mut(side)?, place)))
            {
                of.push((place, likelihood));
            }
        }
    }
    /// Adds to the probabilities of the members' candidates.
    fn tell(&self, work: &mut Work<'_>, houses: &[House], weight: f64) {
        let in_order: f64 = self.found.iter().map(|found| found.0).sum::<f64>().min(1.0);
        let of =
            |(&(house, _), found): (&(usize, f64), &(f64, f64))| Some((houses.get(house)?.building, *found));
        let each: BTreeMap<usize, (f64, f64)> = self.houses.iter().zip(&self.found).filter_map(of).collect();
        for &member in &self.members {
            if let Some(slot) = work.out_of_order.get_mut(member).filter(|_| self.slot.is_some()) {
                *slot += weight * (1.0 - in_order);
            }
            for candidate in work.candidates.get_mut(member).into_iter().flatten() {
                let (ordered, probability) = each.get(&candidate.building).copied().unwrap_or_default();
                candidate.ordered += weight * ordered;
                candidate.probability += weight * probability;
            }
        }
    }
}
