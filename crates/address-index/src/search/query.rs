//! A query made ready: atoms, what must be explained, and the numbers in it.

use crate::text::{
    Atom, Glyph, Normalized, NumberToken, NumberUnit, WordTrie, chars,
    number::number_at,
    pinyin::{self, Symbol},
};

/// Atoms of a query that are looked at; one bit each.
pub(crate) const MOST_ATOMS: usize = 64;

/// A prepared query.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub atoms: Vec<Atom>,
    /// Symbols of each ideograph: its readings, usual one first, 0 for none.
    pub readings: Vec<[Symbol; 4]>,
    /// Atoms that want an explanation: ideographs and letters that are no noise.
    pub wanted: u64,
    pub noise: u64,
    pub numbers: Vec<NumberToken>,
}

impl Query {
    pub(crate) fn new(text: &str, noise: &WordTrie) -> Self {
        let mut atoms = Normalized::new(text).atoms;
        atoms.truncate(MOST_ATOMS);
        let readings = atoms.iter().map(readings_of).collect();
        let mut query = Self { readings, wanted: 0, noise: 0, numbers: numbers(&atoms), atoms };
        let mut at = 0;
        while at < query.atoms.len() {
            match noise.longest_at(&query.atoms, at) {
                Some((end, _)) => {
                    query.noise |= mask(at, end);
                    at = end;
                }
                None => at += 1,
            }
        }
        for (at, atom) in query.atoms.iter().enumerate() {
            if matches!(atom.glyph, Glyph::Han(_) | Glyph::Letter(_)) {
                query.wanted |= 1 << at;
            }
        }
        query.wanted &= !query.noise;
        for number in &query.numbers {
            // The number of a lane is part of its name.
            match number.unit {
                NumberUnit::Lane | NumberUnit::Phase => query.wanted |= mask(number.first, number.end),
                _ => query.wanted &= !mask(number.first, number.end),
            }
        }
        query.numbers.retain(|number| !matches!(number.unit, NumberUnit::Lane | NumberUnit::Phase));
        query
    }
    pub(crate) fn len(&self) -> usize {
        self.atoms.len()
    }
    pub(crate) fn glyph(&self, at: usize) -> Option<Glyph> {
        self.atoms.get(at).map(|atom| atom.glyph)
    }
    pub(crate) fn letter(&self, at: usize) -> Option<u8> {
        self.atoms.get(at).and_then(Atom::letter)
    }
    /// What it costs to leave an atom unexplained.
    pub(crate) fn cost(&self, at: usize) -> f32 {
        match self.glyph(at) {
            Some(Glyph::Han(_)) => 1.0,
            Some(Glyph::Letter(_)) => 0.4,
            Some(Glyph::Number { .. }) => 0.8,
            _ => 0.0,
        }
    }
    pub(crate) fn cost_of(&self, mut atoms: u64) -> f32 {
        let mut cost = 0.0;
        while atoms != 0 {
            cost += self.cost(atoms.trailing_zeros() as usize);
            atoms &= atoms - 1;
        }
        cost
    }
}

/// Bits of the atoms `first..end`.
#[inline]
pub(crate) fn mask(first: usize, end: usize) -> u64 {
    let below = |at: usize| if at >= 64 { u64::MAX } else { (1u64 << at) - 1 };
    below(end) & !below(first)
}

fn readings_of(atom: &Atom) -> [Symbol; 4] {
    let mut readings = [0; 4];
    let Some(c) = atom.han() else { return readings };
    readings[0] = pinyin::symbol_of_char(c);
    if chars::reading(c).is_some_and(|(_, more)| more) {
        for (slot, symbol) in readings.iter_mut().skip(1).zip(pinyin::more_symbols_of_char(c)) {
            *slot = symbol;
        }
    }
    readings
}

fn numbers(atoms: &[Atom]) -> Vec<NumberToken> {
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(atom) = atoms.get(at) {
        let before = at.checked_sub(1).and_then(|before| atoms.get(before));
        let may_begin = match atom.glyph {
            Glyph::Number { .. } => true,
            Glyph::Sign(b'#') => true,
            Glyph::Letter(_) => !before.is_some_and(|before| before.letter().is_some() && !atom.gap),
            Glyph::Han(c) => matches!(c, '第' | '门' | '临' | '甲' | '乙' | '丙' | '丁'),
            Glyph::Sign(_) => false,
        };
        let token = if may_begin { number_at(atoms, at, true).filter(|token| token.end > at) } else { None };
        // A letter before a number is part of a name (xpj12), but for buildings (B3栋).
        let is_letter = atom.letter().is_some();
        match token.filter(|token| !is_letter || token.unit == NumberUnit::Building) {
            Some(token) => {
                at = token.end;
                if !matches!(token.unit, NumberUnit::Metres | NumberUnit::Kilometres) {
                    numbers.push(token);
                }
            }
            None => at += 1,
        }
    }
    numbers
}
