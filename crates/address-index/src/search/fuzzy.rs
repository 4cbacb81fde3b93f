//! Names with mistakes: candidates share pairs of sounds with the query, alignment decides.

use super::{
    MatchKind,
    edges::Edge,
    query::{Query, mask},
};
use crate::{
    index::{NUMBER, View, pair, symbol_of_unit},
    text::{
        Glyph, numerals,
        pinyin::{self, Symbol},
    },
};

/// Pairs looked up for one query.
const MOST_PAIRS: usize = 600;
/// Longer lists of names say too little.
const LONGEST_LIST: usize = 1_200;
/// Places whose names are tried because the rest of the query leads into them.
const MOST_INSIDE: usize = 400;
/// Names aligned for one query.
const MOST_ALIGNED: usize = 72;
/// Longest name or part of a query that is aligned.
const LONGEST: usize = 40;

/// Edges with mistakes around the atoms that want an explanation. `places`: where the explained part of the query seems to
/// lie; the names in there are tried however little was heard of them.
pub(crate) fn collect(
    view: &View<'_>,
    query: &Query,
    unexplained: u64,
    places: &[u32],
    edges: &mut Vec<Edge>,
) {
    let around = unexplained | unexplained << 1 | unexplained << 2 | unexplained >> 1 | unexplained >> 2;
    let region = around & mask(0, query.len());
    let mut votes: Vec<(u32, u8)> = Vec::new();
    ideographs(view, query, region, &mut votes);
    let mut names: Vec<u32> = most_voted(view, &mut votes);
    let inside = inside(view, query, places);
    names.extend(&inside);
    names.sort_unstable();
    names.dedup();
    for run in runs(unexplained) {
        for &name in &names {
            align(view, query, name, &run, edges);
        }
    }
    // What was explained may have been explained wrongly: 金墩 elsewhere for 金墩楮 in this village.
    if unexplained != query.wanted {
        for run in runs(query.wanted) {
            for &name in &inside {
                align(view, query, name, &run, edges);
            }
        }
    }
    let letters =
        (0..query.len()).filter(|&at| unexplained & 1 << at != 0 && query.letter(at).is_some()).count();
    if letters >= 3 {
        votes.clear();
        syllables(view, query, region, &mut votes);
        for run in runs(unexplained) {
            for &name in &most_voted(view, &mut votes) {
                align_letters(view, query, name, &run, edges);
            }
        }
    }
}

/// Runs of bits, those at most two apart joined.
fn runs(mut bits: u64) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    while bits != 0 {
        let at = bits.trailing_zeros() as usize;
        match runs.last_mut().filter(|run| at <= run.end + 2) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
        bits &= bits - 1;
    }
    runs
}

/// Names of what lies in some places, if they share sounds with the query: all but one of a short name's.
fn inside(view: &View<'_>, query: &Query, places: &[u32]) -> Vec<u32> {
    let mut names = Vec::new();
    let mut heard = [0u64; 8];
    for at in (0..query.len()).filter(|&at| query.wanted & 1 << at != 0) {
        if let (Some(Glyph::Han(_)), Some(readings)) = (query.glyph(at), query.readings.get(at)) {
            let class = usize::from(pinyin::careless(readings[0]));
            if let Some(word) = heard.get_mut(class / 64) {
                *word |= 1 << (class % 64);
            }
        }
    }
    let mut left = MOST_INSIDE;
    for &place in places {
        let end = view.node_end.get(place as usize).copied().unwrap_or(place);
        for node in (place + 1..end).take(left) {
            left -= 1;
            let Some(&name) = view.node_name.get(node as usize) else { continue };
            let core = view.form(name).iter().take(view.core(name));
            let core_len = view.core(name);
            let is_heard =
                |class: &usize| heard.get(class / 64).is_some_and(|word| word & 1 << (class % 64) != 0);
            let shared = core
                .map(|&unit| usize::from(pinyin::careless(symbol_of_unit(unit))))
                .filter(is_heard)
                .count();
            if shared > 0 && shared + 2 > core_len {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn ideographs(view: &View<'_>, query: &Query, region: u64, votes: &mut Vec<(u32, u8)>) {
    let heard = |at: usize| match query.glyph(at) {
        Some(Glyph::Han(_)) => query.readings.get(at).map(|r| pinyin::careless(r[0])),
        Some(Glyph::Number { value, .. }) => Some(pinyin::symbol_of_number(value)),
        _ => None,
    };
    for first in 0..query.len() {
        for apart in 1..=2 {
            let second = first + apart;
            if region & 1 << first == 0 || second >= query.len() || region & 1 << second == 0 {
                continue;
            }
            let (Some(a), Some(b)) = (heard(first), heard(second)) else { continue };
            vote(view, pair(a, b), first, votes);
            if apart == 1 {
                vote(view, pair(b, a), first, votes);
            }
        }
    }
}

/// Syllables that may stand somewhere in a run of letters, in pairs up to one wrong syllable apart.
fn syllables(view: &View<'_>, query: &Query, region: u64, votes: &mut Vec<(u32, u8)>) {
    let mut found: Vec<(usize, usize, Symbol)> = Vec::new();
    for at in 0..query.len() {
        if region & 1 << at == 0 {
            continue;
        }
        let mut typed = [0u8; 6];
        for len in 1..=6 {
            let Some(letter) = query.letter(at + len - 1) else { break };
            typed[len - 1] = letter;
            let symbols = pinyin::symbols_with_prefix(&typed[..len]);
            if symbols.is_empty() {
                break;
            }
            if len >= 2 && pinyin::letters_of_symbol(symbols.start).len() == len {
                found.push((at, at + len, pinyin::careless(symbols.start)));
            }
        }
    }
    let mut looked_up = 0;
    for &(first, end, a) in &found {
        for &(start, _, b) in found.iter().filter(|(start, _, _)| (end..end + 7).contains(start)) {
            looked_up += 1;
            if looked_up > MOST_PAIRS {
                return;
            }
            vote(view, pair(a, b), first, votes);
            if start == end {
                vote(view, pair(b, a), first, votes);
            }
        }
    }
}

fn vote(view: &View<'_>, pair: u32, at: usize, votes: &mut Vec<(u32, u8)>) {
    let Ok(found) = view.pair_key.binary_search(&pair) else { return };
    let names = match (view.pair_at.get(found), view.pair_at.get(found + 1)) {
        (Some(&from), Some(&to)) => view.pair_name.get(from as usize..to as usize).unwrap_or_default(),
        _ => return,
    };
    if names.len() <= LONGEST_LIST {
        votes.extend(names.iter().map(|&name| (name, at as u8)));
    }
}

/// Names by how much of them was heard.
fn most_voted(view: &View<'_>, votes: &mut [(u32, u8)]) -> Vec<u32> {
    votes.sort_unstable();
    let mut counted: Vec<(i32, u32)> = Vec::new();
    for group in votes.chunk_by(|a, b| a.0 == b.0) {
        let name = group[0].0;
        let len = view.form(name).len().max(2) as i32;
        // Of all the pairs a name has, how many were heard; in thousandths.
        let share = group.len() as i32 * 1000 / (2 * len - 3);
        if len <= 4 || group.len() >= 2 {
            counted.push((-share, name));
        }
    }
    counted.sort_unstable();
    counted.truncate(MOST_ALIGNED);
    counted.into_iter().map(|(_, name)| name).collect()
}

/// How many mistakes a name of so many characters may have.
fn allowed(core: usize) -> f32 {
    match core {
        0 | 1 => 0.0,
        2 => 1.0,
        3 | 4 => 1.45,
        _ => 2.1,
    }
}

fn align(view: &View<'_>, query: &Query, name: u32, run: &std::ops::Range<usize>, edges: &mut Vec<Edge>) {
    let form = view.form(name);
    let core = view.core(name);
    // Two atoms of what is explained already may belong to the name: a swap over its border, an ending.
    let from = run.start.saturating_sub(2);
    let to = (run.end + 3).min(query.len()).min(from + LONGEST);
    if form.is_empty() || form.len() > LONGEST || core < 2 || to <= from {
        return;
    }
    let same = |unit: u32, at: usize| -> f32 {
        match query.glyph(at) {
            Some(Glyph::Han(c)) if c as u32 == unit => 0.0,
            Some(Glyph::Han(c)) if unit & NUMBER != 0 => match numerals::numeral(c) {
                Some(numerals::Numeral::Digit(digit)) if unit == NUMBER | digit => 0.0,
                _ => 1.5,
            },
            Some(Glyph::Han(_)) => {
                let heard = pinyin::careless(symbol_of_unit(unit));
                let readings = query.readings.get(at).copied().unwrap_or_default();
                if readings.iter().any(|&r| r != 0 && pinyin::careless(r) == heard) { 0.25 } else { 1.0 }
            }
            Some(Glyph::Number { value, .. }) if unit == NUMBER | value => 0.0,
            Some(Glyph::Letter(letter)) if unit == u32::from(letter) => 0.0,
            _ => 2.0,
        }
    };
    // People leave endings off: all of it costs no more than a small mistake.
    let ending_unit = 0.4 / (form.len() - core).max(1) as f32;
    let leave_out = |k: usize| if k < core { 1.0 } else { ending_unit.min(0.3) };
    // A wrong character among what is explained already is rather a missing one.
    // Each pair is compared once; the alignments look it up.
    let mut costs = [[0.0f32; LONGEST]; LONGEST];
    let mut heard = 0;
    for (k, (row, &unit)) in costs.iter_mut().zip(form).enumerate() {
        let mut least = f32::MAX;
        for (j, slot) in row.iter_mut().enumerate().take(to - from) {
            let cost = same(unit, from + j);
            least = least.min(cost);
            *slot = if cost >= 1.0 && !run.contains(&(from + j)) { cost + 0.2 } else { cost };
        }
        heard += usize::from(k < core && least < 0.5);
    }
    // More mistakes than a name may have, however it is aligned.
    if heard + (allowed(core) as usize) < core {
        return;
    }
    let wrong = |k: usize, j: usize| costs[k][j];
    let one = aligned(form.len(), to - from, &wrong, &leave_out, 0.9, false);
    let other = aligned(form.len(), to - from, &wrong, &leave_out, 0.9, true);
    let other =
        other.filter(|other| one.as_ref().is_none_or(|one| (one.first, one.end) != (other.first, other.end)));
    for found in [one, other].into_iter().flatten() {
        push_aligned(view, name, from, &found, &same, edges);
    }
}

/// An edge for an alignment, if there are not too many mistakes in it.
fn push_aligned(
    view: &View<'_>,
    name: u32,
    from: usize,
    found: &Aligned,
    same: &dyn Fn(u32, usize) -> f32,
    edges: &mut Vec<Edge>,
) {
    let (form, core) = (view.form(name), view.core(name));
    let (cost, first, end) = (found.cost, from + found.first, from + found.end);
    // In the last place or, after a swap, the one before.
    let last_heard =
        form.last().is_some_and(|&unit| (first..end).rev().take(2).any(|at| same(unit, at) == 0.0));
    let ending_heard = form.len() > core && last_heard;
    let limit = allowed(core) - if core == 2 && !ending_heard { 0.25 } else { 0.0 };
    if cost > limit || cost == 0.0 || end <= first {
        return;
    }
    // Two characters with one mistake need the other to be right, not only to sound right.
    let exact = (first..end).filter(|&at| form.iter().any(|&unit| same(unit, at) == 0.0)).count();
    if exact == 0 || (core == 2 && exact < 2 && cost >= 0.6) {
        return;
    }
    let weight = found.right as f32 - cost - 0.25;
    if weight > 0.3 {
        edges.push(Edge { name, first: first as u8, end: end as u8, weight, how: MatchKind::Fuzzy });
    }
}

fn align_letters(
    view: &View<'_>,
    query: &Query,
    name: u32,
    run: &std::ops::Range<usize>,
    edges: &mut Vec<Edge>,
) {
    let form = view.form(name);
    let core = view.core(name).min(form.len());
    let mut letters = [0u8; LONGEST];
    let mut len = 0;
    for &unit in &form[..core] {
        for &letter in pinyin::letters_of_symbol(symbol_of_unit(unit)).as_bytes() {
            let Some(slot) = letters.get_mut(len) else { return };
            *slot = letter;
            len += 1;
        }
    }
    let from = run.start.saturating_sub(len);
    let to = (run.end + len).min(query.len()).min(from + LONGEST);
    if core < 2 || len < 5 || to <= from {
        return;
    }
    let same = |k: usize, j: usize| match query.letter(from + j) {
        Some(letter) if letters.get(k) == Some(&letter) => 0.0,
        Some(_) => 1.0,
        None => 3.0,
    };
    let Some(found) = aligned(len, to - from, &same, &|_| 1.0, 1.0, true) else { return };
    let limit = if len >= 9 { 2.0 } else { 1.0 };
    if found.cost == 0.0 || found.cost > limit || found.end <= found.first {
        return;
    }
    let (first, mut end) = (from + found.first, from + found.end);
    let mut weight = 0.9 * core as f32 - 0.8 * found.cost - 0.2;
    // The ending behind it, if it is spelt well.
    let ending =
        form[core..].iter().flat_map(|&unit| pinyin::letters_of_symbol(symbol_of_unit(unit)).bytes());
    let ending: Vec<u8> = ending.collect();
    let follows = ending.iter().enumerate().all(|(k, &letter)| query.letter(end + k) == Some(letter));
    if !ending.is_empty() && follows {
        end += ending.len();
        weight += 0.5;
    }
    edges.push(Edge { name, first: first as u8, end: end as u8, weight, how: MatchKind::Fuzzy });
}

struct Aligned {
    cost: f32,
    first: usize,
    end: usize,
    /// Units that are right, or sound right.
    right: usize,
}

#[derive(Clone, Copy)]
struct Cell {
    /// Units that are right less what the mistakes cost.
    value: f32,
    cost: f32,
    first: u8,
    right: u8,
}

impl Cell {
    fn with(self, right: u8, cost: f32) -> Self {
        let value = self.value + f32::from(right) - cost;
        Self { value, cost: self.cost + cost, right: self.right + right, ..self }
    }
}

/// The best alignment of a name of `m` units with a part of `n` atoms: wrong, missing, added and swapped units (optimal
/// string alignment with free ends). `prefer_wrong`: of a wrong and a missing unit that are as good, take the wrong one.
fn aligned(
    m: usize,
    n: usize,
    wrong: &dyn Fn(usize, usize) -> f32,
    missing: &dyn Fn(usize) -> f32,
    added: f32,
    prefer_wrong: bool,
) -> Option<Aligned> {
    const WIDTH: usize = LONGEST + 1;
    if m == 0 || m > LONGEST || n == 0 || n > LONGEST {
        return None;
    }
    // Three rows: swapping looks two back.
    let mut rows = [[Cell { value: 0.0, cost: 0.0, first: 0, right: 0 }; WIDTH]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate().take(n + 1) {
        cell.first = j as u8;
    }
    for i in 1..=m {
        let (now, before, before_that) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        let left_out = missing(i - 1);
        rows[now][0] = rows[before][0].with(0, left_out);
        for j in 1..=n {
            let differ = wrong(i - 1, j - 1);
            let mut best = rows[before][j - 1].with(u8::from(differ < 0.5), differ);
            let out = rows[before][j].with(0, left_out);
            if out.value > best.value || (out.value == best.value && !prefer_wrong) {
                best = out;
            }
            if i < m {
                let extra = rows[now][j - 1].with(0, added);
                if extra.value > best.value {
                    best = extra;
                }
            }
            if i >= 2 && j >= 2 {
                let crossed = wrong(i - 1, j - 2) + wrong(i - 2, j - 1);
                let swapped = rows[before_that][j - 2].with(2, 0.7 + crossed);
                if crossed < 0.6 && swapped.value > best.value {
                    best = swapped;
                }
            }
            rows[now][j] = best;
        }
    }
    let ends = rows[m % 3].iter().enumerate().take(n + 1);
    let (end, cell) = ends.max_by(|a, b| a.1.value.total_cmp(&b.1.value).then(b.0.cmp(&a.0)))?;
    Some(Aligned { cost: cell.cost, first: usize::from(cell.first), end, right: usize::from(cell.right) })
}
