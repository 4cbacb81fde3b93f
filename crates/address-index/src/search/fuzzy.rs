//! Names with mistakes: candidates share pairs of sounds with the query, alignment decides.

use super::{
    MatchKind,
    edges::Edge,
    query::{Query, mask},
};
use crate::{
    index::{NUMBER, View, pair, symbol_of_unit},
    text::{
        Glyph,
        pinyin::{self, Symbol},
    },
};

/// Pairs looked up for one query.
const MOST_PAIRS: usize = 600;
/// Longer lists of names say too little.
const LONGEST_LIST: usize = 1_200;
/// Names aligned for one query.
const MOST_ALIGNED: usize = 72;
/// Longest name or part of a query that is aligned.
const LONGEST: usize = 48;

/// Edges with mistakes around the atoms that want an explanation.
pub(crate) fn collect(view: &View<'_>, query: &Query, unexplained: u64, edges: &mut Vec<Edge>) {
    let around = unexplained | unexplained << 1 | unexplained << 2 | unexplained >> 1 | unexplained >> 2;
    let region = around & mask(0, query.len());
    let mut votes: Vec<(u32, u8)> = Vec::new();
    ideographs(view, query, region, &mut votes);
    let candidates = most_voted(view, &mut votes);
    for &(name, near) in &candidates {
        align(view, query, name, near, edges);
    }
    let letters =
        (0..query.len()).filter(|&at| unexplained & 1 << at != 0 && query.letter(at).is_some()).count();
    if letters >= 3 {
        votes.clear();
        syllables(view, query, region, &mut votes);
        for &(name, near) in &most_voted(view, &mut votes) {
            align_letters(view, query, name, near, edges);
        }
    }
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

/// Names by how much of them was heard, and where.
fn most_voted(view: &View<'_>, votes: &mut [(u32, u8)]) -> Vec<(u32, usize)> {
    votes.sort_unstable();
    let mut counted: Vec<(i32, u32, usize)> = Vec::new();
    for group in votes.chunk_by(|a, b| a.0 == b.0) {
        let (name, near) = group[0];
        let len = view.form(name).len().max(2) as i32;
        // Of all the pairs a name has, how many were heard; in thousandths.
        let share = group.len() as i32 * 1000 / (2 * len - 3);
        if len <= 4 || group.len() >= 2 {
            counted.push((-share, name, usize::from(near)));
        }
    }
    counted.sort_unstable();
    counted.truncate(MOST_ALIGNED);
    counted.into_iter().map(|(_, name, near)| (name, near)).collect()
}

/// How many mistakes a name of so many characters may have.
fn allowed(core: usize) -> f32 {
    match core {
        0 | 1 => 0.0,
        2 => 1.0,
        3 | 4 => 1.3,
        _ => 2.1,
    }
}

fn align(view: &View<'_>, query: &Query, name: u32, near: usize, edges: &mut Vec<Edge>) {
    let form = view.form(name);
    let core = view.core(name);
    let from = near.saturating_sub(form.len());
    let to = (near + form.len() + 3).min(query.len()).min(from + LONGEST);
    if form.is_empty() || form.len() > LONGEST || core < 2 || to <= from {
        return;
    }
    let same = |unit: u32, at: usize| -> f32 {
        match query.glyph(at) {
            Some(Glyph::Han(c)) if c as u32 == unit => 0.0,
            Some(Glyph::Han(_)) => {
                let heard = pinyin::careless(symbol_of_unit(unit));
                let readings = query.readings.get(at).copied().unwrap_or_default();
                if readings.iter().any(|&r| r != 0 && pinyin::careless(r) == heard) { 0.25 } else { 1.0 }
            }
            Some(Glyph::Number { value, .. }) => {
                if unit == NUMBER | value {
                    0.0
                } else {
                    2.0
                }
            }
            Some(Glyph::Letter(letter)) => {
                if unit == u32::from(letter) {
                    0.0
                } else {
                    2.0
                }
            }
            _ => 2.0,
        }
    };
    let leave_out = |k: usize| if k < core { 1.0 } else { 0.3 };
    let Some(found) = aligned(form.len(), to - from, &|k, j| same(form[k], from + j), &leave_out, 0.9) else {
        return;
    };
    let (cost, first, end) = (found.cost, from + found.first, from + found.end);
    let last_heard = form.last().is_some_and(|&unit| end > first && same(unit, end - 1) == 0.0);
    let ending_heard = form.len() > core && last_heard;
    let limit = allowed(core) - if core == 2 && !ending_heard { 0.7 } else { 0.0 };
    if cost > limit || cost == 0.0 || end <= first {
        return;
    }
    // Two characters with one mistake need the other to be right, not only to sound right.
    let exact = (first..end).filter(|&at| form.iter().any(|&unit| same(unit, at) == 0.0)).count();
    if exact == 0 || (core == 2 && exact < 2 && cost >= 1.0) {
        return;
    }
    let matched = (end - first).min(form.len()) as f32;
    let weight = matched - 1.1 * cost - 0.25;
    if weight > 0.4 {
        edges.push(Edge { name, first: first as u8, end: end as u8, weight, how: MatchKind::Fuzzy });
    }
}

fn align_letters(view: &View<'_>, query: &Query, name: u32, near: usize, edges: &mut Vec<Edge>) {
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
    let from = near.saturating_sub(len);
    let to = (near + len + 3).min(query.len()).min(from + LONGEST);
    if core < 2 || len < 5 || to <= from {
        return;
    }
    let same = |k: usize, j: usize| match query.letter(from + j) {
        Some(letter) if letters.get(k) == Some(&letter) => 0.0,
        Some(_) => 1.0,
        None => 3.0,
    };
    let Some(found) = aligned(len, to - from, &same, &|_| 1.0, 1.0) else { return };
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
}

/// The cheapest alignment of a name of `m` units with a part of `n` atoms: wrong, missing, added and swapped units
/// (optimal string alignment with free ends).
fn aligned(
    m: usize,
    n: usize,
    wrong: &dyn Fn(usize, usize) -> f32,
    missing: &dyn Fn(usize) -> f32,
    added: f32,
) -> Option<Aligned> {
    const WIDTH: usize = LONGEST + 1;
    if m == 0 || m > LONGEST || n == 0 || n > LONGEST {
        return None;
    }
    // Three rows: swapping looks two back. Each cell: cost and where the part begins.
    let mut rows = [[(0.0f32, 0u8); WIDTH]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate().take(n + 1) {
        *cell = (0.0, j as u8);
    }
    for i in 1..=m {
        let (now, before, before_that) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        let left_out = missing(i - 1);
        rows[now][0] = (rows[before][0].0 + left_out, 0);
        for j in 1..=n {
            let differ = wrong(i - 1, j - 1);
            let mut best = (rows[before][j - 1].0 + differ, rows[before][j - 1].1);
            let out = (rows[before][j].0 + left_out, rows[before][j].1);
            if out.0 < best.0 {
                best = out;
            }
            if i < m {
                let extra = (rows[now][j - 1].0 + added, rows[now][j - 1].1);
                if extra.0 < best.0 {
                    best = extra;
                }
            }
            if i >= 2 && j >= 2 && best.0 > 0.0 {
                let crossed = wrong(i - 1, j - 2) + wrong(i - 2, j - 1);
                let swapped = (rows[before_that][j - 2].0 + 0.7 + crossed, rows[before_that][j - 2].1);
                if crossed < 0.6 && swapped.0 < best.0 {
                    best = swapped;
                }
            }
            rows[now][j] = best;
        }
    }
    let last = &rows[m % 3];
    let (end, &(cost, first)) = last.iter().enumerate().take(n + 1).min_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    Some(Aligned { cost, first: usize::from(first), end })
}
