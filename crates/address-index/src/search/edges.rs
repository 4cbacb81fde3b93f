//! Names that fit a part of the query without a mistake: one walk through the sorted keys for characters, pinyin,
//! initials and any mixture.

use super::{
    MatchKind,
    query::{Query, mask},
};
use crate::{
    index::View,
    text::{
        Glyph,
        pinyin::{self, Symbol},
    },
};

/// A name over a part of the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub name: u32,
    pub first: u8,
    pub end: u8,
    /// How much of the query it explains, and how well.
    pub weight: f32,
    pub how: MatchKind,
}

impl Edge {
    pub(crate) fn mask(&self) -> u64 {
        mask(usize::from(self.first), usize::from(self.end))
    }
}

/// Steps of one query; beyond them the walk gives what it has. Real queries need some hundred.
const MOST_STEPS: usize = 20_000;
/// Names taken for an unfinished last word.
const MOST_UNFINISHED: usize = 96;

/// All edges of a query.
pub(crate) fn collect(view: &View<'_>, query: &Query, unfinished: bool, edges: &mut Vec<Edge>) {
    let mut walk =
        Walk { view, query, unfinished, edges, steps: 0, ends: [0; 48], ways: [Way::Char; 48], first: 0 };
    for first in 0..query.len() {
        // A letter inside a word begins a name only if what is before may end there; syllables decide that later.
        walk.first = first;
        walk.root();
    }
    edges.sort_by(|a, b| {
        (a.name, a.first, a.end).cmp(&(b.name, b.first, b.end)).then(b.weight.total_cmp(&a.weight))
    });
    edges.dedup_by_key(|edge| (edge.name, edge.first, edge.end));
}

/// How one symbol was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Char,
    /// A character by a less usual reading.
    OtherReading,
    Full,
    Initial,
    Begun,
}

struct Walk<'a> {
    view: &'a View<'a>,
    query: &'a Query,
    unfinished: bool,
    edges: &'a mut Vec<Edge>,
    steps: usize,
    /// Atom behind each symbol walked so far.
    ends: [u8; 48],
    ways: [Way; 48],
    first: usize,
}

impl Walk<'_> {
    fn root(&mut self) {
        let all = (0, self.view.key_name.len() as u32);
        self.step(all, 0, self.first);
    }
    fn symbol_at(&self, key: u32, depth: usize) -> Symbol {
        let at = self.view.key_at.get(key as usize).copied().unwrap_or(0) as usize;
        self.view.key_symbols.get(at + depth).copied().unwrap_or(0)
    }
    fn key_len(&self, key: u32) -> usize {
        let at = |k: u32| self.view.key_at.get(k as usize).copied().unwrap_or(0);
        at(key + 1).saturating_sub(at(key)) as usize
    }
    /// Keys of a range whose symbol at a depth is one of `low..high`.
    fn narrow(&self, (from, to): (u32, u32), depth: usize, low: Symbol, high: Symbol) -> (u32, u32) {
        let first = |symbol: Symbol| self.view.key_first.get(usize::from(symbol)).copied();
        if depth == 0 && high <= 1024 {
            return (first(low).unwrap_or(to), first(high).unwrap_or(to));
        }
        let below = |limit: Symbol, mut a: u32, mut b: u32| {
            while a < b {
                let middle = a.midpoint(b);
                if self.symbol_at(middle, depth) < limit { a = middle + 1 } else { b = middle }
            }
            a
        };
        let start = below(low, from, to);
        if start == to || self.symbol_at(start, depth) >= high {
            return (start, start);
        }
        (start, below(high, start, to))
    }
    fn step(&mut self, (mut from, to): (u32, u32), depth: usize, at: usize) {
        self.steps += 1;
        if self.steps > MOST_STEPS || depth >= self.ends.len() {
            return;
        }
        while depth > 0 && from < to && self.key_len(from) == depth {
            self.found(from, depth, at);
            from += 1;
        }
        if from >= to {
            return;
        }
        let Some(glyph) = self.query.glyph(at) else {
            if self.unfinished && depth > 0 {
                self.begun((from, to), depth, at);
            }
            return;
        };
        match glyph {
            Glyph::Number { value, .. } => {
                let symbol = pinyin::symbol_of_number(value);
                let range = self.narrow((from, to), depth, symbol, symbol.saturating_add(1));
                self.go(range, depth, at + 1, Way::Char);
            }
            // 溪坪街第二巷 is 溪坪街二巷.
            Glyph::Han('第') if matches!(self.query.glyph(at + 1), Some(Glyph::Number { .. })) => {
                self.step((from, to), depth, at + 1);
            }
            Glyph::Han(_) => {
                let readings = self.query.readings.get(at).copied().unwrap_or_default();
                for (k, symbol) in readings.into_iter().enumerate().filter(|&(_, symbol)| symbol != 0) {
                    let range = self.narrow((from, to), depth, symbol, symbol + 1);
                    self.go(range, depth, at + 1, if k == 0 { Way::Char } else { Way::OtherReading });
                }
            }
            Glyph::Letter(letter) => self.letters((from, to), depth, at, letter),
            Glyph::Sign(_) => {}
        }
    }
    fn go(&mut self, range: (u32, u32), depth: usize, at: usize, way: Way) {
        if range.0 < range.1
            && let (Some(end), Some(slot)) = (self.ends.get_mut(depth), self.ways.get_mut(depth))
        {
            (*end, *slot) = (at as u8, way);
            self.step(range, depth + 1, at);
        }
    }
    /// Each different symbol of a range of keys.
    fn each(&mut self, range: (u32, u32), depth: usize, at: usize, way: Way) {
        let mut from = range.0;
        while from < range.1 && self.steps <= MOST_STEPS {
            let symbol = self.symbol_at(from, depth);
            let group = self.narrow((from, range.1), depth, symbol, symbol.saturating_add(1));
            self.go(group, depth, at, way);
            from = group.1.max(from + 1);
        }
    }
    fn letters(&mut self, keys: (u32, u32), depth: usize, at: usize, letter: u8) {
        let literal = pinyin::symbol_of_letter(letter);
        let range = self.narrow(keys, depth, literal, literal + 1);
        self.go(range, depth, at + 1, Way::Char);
        let mut typed = [0u8; 7];
        let mut len = 0;
        while len < 6 {
            let Some(letter) = self.query.letter(at + len) else { break };
            if len > 0 && self.query.atoms.get(at + len).is_some_and(|atom| atom.gap) {
                break;
            }
            typed[len] = letter;
            len += 1;
            let symbols = pinyin::symbols_with_prefix(&typed[..len]);
            if symbols.is_empty() {
                break;
            }
            let is_syllable = pinyin::letters_of_symbol(symbols.start).len() == len;
            if is_syllable {
                let range = self.narrow(keys, depth, symbols.start, symbols.start + 1);
                self.go(range, depth, at + len, Way::Full);
            }
            let is_initial = len == 1 || (len == 2 && matches!(&typed[..2], b"zh" | b"ch" | b"sh"));
            if is_initial {
                let range = self.narrow(keys, depth, symbols.start, symbols.end);
                self.each(range, depth, at + len, Way::Initial);
            } else if self.unfinished && at + len == self.query.len() {
                let low = symbols.start + Symbol::from(is_syllable);
                let range = self.narrow(keys, depth, low, symbols.end);
                self.each(range, depth, at + len, Way::Begun);
            }
        }
    }

    /// A key ends at an atom: an edge, with the name's ending where it follows.
    fn found(&mut self, key: u32, depth: usize, at: usize) {
        let Some(&name) = self.view.key_name.get(key as usize) else { return };
        let (mut weight, mut how) = self.quality(name, key, depth);
        if depth == 1 && how == MatchKind::Initials {
            return;
        }
        let family = self.view.family(name);
        let form = self.view.form(name);
        let own = form.get(self.view.core(name)..).unwrap_or_default();
        let mut ending = None;
        if !own.is_empty() {
            ending = self.ending(at, own.len(), |k| own.get(k).copied());
        }
        let own_end = ending.map_or(at, |(end, _)| end);
        // The longest ending of the family that stands here: 溪坪居委会 for 溪坪社区.
        for word in family.endings() {
            let units: [u32; 8] = {
                let mut units = [0; 8];
                for (slot, c) in units.iter_mut().zip(word.chars()) {
                    *slot = c as u32;
                }
                units
            };
            let len = word.chars().count();
            let Some((end, credit)) = self.ending(at, len, |k| units.get(k).copied()) else { continue };
            if end > own_end {
                let credit = if ending.is_some() { credit } else { credit * 0.5 };
                ending = Some((end, credit));
                break;
            }
        }
        // 3 is no group and 溪坪街1 no lane.
        let numbered = form
            .get(self.view.core(name).wrapping_sub(1))
            .is_some_and(|unit| unit & crate::index::NUMBER != 0);
        if (family == crate::index::Family::Group || numbered && !own.is_empty()) && ending.is_none() {
            return;
        }
        if how == MatchKind::Exact && ending.is_none() && !own.is_empty() {
            weight -= 0.05;
        }
        if depth == 1 && ending.is_none() && family != crate::index::Family::Own {
            return;
        }
        let latin_ending = ending.is_some() && self.query.letter(at).is_some();
        if let Some((end, credit)) = ending {
            if how == MatchKind::Pinyin && latin_ending && end - at == 1 {
                how = MatchKind::Initials;
            }
            self.push(name, end, weight + credit, how);
        }
        if ending.is_none() || latin_ending {
            self.push(name, at, weight, how);
        }
    }
    fn push(&mut self, name: u32, end: usize, weight: f32, how: MatchKind) {
        self.edges.push(Edge { name, first: self.first as u8, end: end as u8, weight, how });
    }
    /// Weight and kind of a walk of `depth` symbols for a name.
    fn quality(&self, name: u32, key: u32, depth: usize) -> (f32, MatchKind) {
        let form = self.view.form(name);
        let (mut weight, mut how) = (0.0, MatchKind::Exact);
        let mut at = self.first;
        for k in 0..depth {
            let (credit, kind) = match self.ways[k] {
                way @ (Way::Char | Way::OtherReading) => match self.query.glyph(at) {
                    Some(Glyph::Han(c)) if form.get(k) != Some(&(c as u32)) => {
                        (if way == Way::Char { 0.72 } else { 0.66 }, MatchKind::Homophone)
                    }
                    _ => (1.0, MatchKind::Exact),
                },
                Way::Full => (0.9, MatchKind::Pinyin),
                Way::Initial => (0.5, MatchKind::Initials),
                Way::Begun => (0.7, MatchKind::Prefix),
            };
            // A less usual reading of the name (透 as shu) is a little less likely.
            let usual =
                form.get(k).is_none_or(|&unit| crate::index::symbol_of_unit(unit) == self.symbol_at(key, k));
            weight += if usual || kind == MatchKind::Exact { credit } else { credit - 0.05 };
            how = how.max(kind);
            at = usize::from(self.ends[k]);
        }
        (weight, how)
    }
    /// Whether an ending stands at an atom: its end and what it is worth.
    fn ending(&self, at: usize, len: usize, unit: impl Fn(usize) -> Option<u32>) -> Option<(usize, f32)> {
        let mut here = at;
        let mut credit = 0.0;
        let mut k = 0;
        while k < len {
            let unit = unit(k)?;
            match self.query.glyph(here)? {
                Glyph::Letter(letter) => {
                    let symbol = crate::index::symbol_of_unit(unit);
                    let letters = pinyin::letters_of_symbol(symbol).as_bytes();
                    let full = !letters.is_empty()
                        && letters.iter().enumerate().all(|(i, &l)| self.query.letter(here + i) == Some(l));
                    if full {
                        here += letters.len();
                        credit += 0.5;
                    } else if letters.first() == Some(&letter) {
                        here += 1;
                        credit += 0.3;
                    } else {
                        return None;
                    }
                }
                Glyph::Han(c) if c as u32 == unit => {
                    here += 1;
                    credit += 0.6;
                }
                Glyph::Number { value, .. } if unit == crate::index::NUMBER | value => {
                    here += 1;
                    credit += 0.6;
                }
                _ => return None,
            }
            k += 1;
        }
        Some((here, credit))
    }
    /// The query ends inside these keys' names.
    fn begun(&mut self, range: (u32, u32), depth: usize, at: usize) {
        let mut last = u32::MAX;
        for key in range.0..range.1.min(range.0 + MOST_UNFINISHED as u32) {
            let Some(&name) = self.view.key_name.get(key as usize) else { continue };
            if name == last || self.view.family(name) == crate::index::Family::Group {
                continue;
            }
            last = name;
            let (weight, _) = self.quality(name, key, depth);
            // Of two names that begin alike the shorter is the likelier.
            let left = self.key_len(key).saturating_sub(depth) as f32;
            self.push(name, at, weight - 0.1 - 0.02 * left, MatchKind::Prefix);
        }
    }
}
