//! One walk over the atoms of a text, from the province to the room.
//!
//! Names of the lexicon are believed before endings, the county at home before the rest of the nation (双城镇 is here,
//! not in Harbin), and a short name only where no street could be meant (山西路 is no province).

use std::ops::Range;

use super::{
    Lexicon,
    endings::{Seen, ending_at},
    lexicon::{Entry, Target},
};
use crate::{
    division::{DivisionCode, DivisionLevel, Divisions},
    model::{ElementKind, PlaceId},
    text::{Atom, Normalized, NumberToken, NumberUnit, NumberValue, number::number_at},
};

/// A parser with the names it knows and the county it is at home in.
#[derive(Clone, Debug)]
pub struct Parser {
    lexicon: Lexicon,
    home: Option<DivisionCode>,
}

/// One element of a parsed text.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedElement {
    /// What it is.
    pub kind: ElementKind,
    /// Its atoms.
    pub atoms: Range<usize>,
    /// Its bytes in the source.
    pub span: Range<usize>,
    /// Its number, for plates, buildings, units, floors and rooms; for groups too.
    pub number: Option<NumberValue>,
    /// The place of the county that it names, if the lexicon knows one.
    pub place: Option<PlaceId>,
    /// How many places it may name; 0 if the lexicon knows none.
    pub candidates: usize,
    /// The nation's division that it names.
    pub division: Option<DivisionCode>,
}

/// What was read of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The elements, in the order of the text.
    pub elements: Vec<ParsedElement>,
    /// Atoms that belong to no element.
    pub rest: Vec<Range<usize>>,
    /// The division that the text or the county at home tells, down to the county.
    pub division: Option<DivisionCode>,
}

impl Parsed {
    /// The first element of a kind.
    pub fn first(&self, kind: ElementKind) -> Option<&ParsedElement> {
        self.elements.iter().find(|element| element.kind == kind)
    }
}

impl Parser {
    /// A parser; `home` is the code of the county.
    pub fn new(lexicon: Lexicon, home: Option<DivisionCode>) -> Self {
        Self { lexicon, home }
    }
    /// A parser that knows the nation's divisions only.
    pub fn national() -> Self {
        Self::new(Lexicon::new(&Divisions::national(), &[]), None)
    }
    /// The county at home.
    pub fn home(&self) -> Option<DivisionCode> {
        self.home
    }
    /// Parses text.
    pub fn parse(&self, source: &str) -> Parsed {
        let mut parsed = Parsed::default();
        self.parse_into(&Normalized::new(source), &mut parsed);
        parsed
    }
    /// Parses normalised text in place of what was there: keeps the memory.
    pub fn parse_into(&self, normalized: &Normalized, parsed: &mut Parsed) {
        parsed.elements.clear();
        parsed.rest.clear();
        parsed.division = None;
        let atoms = normalized.atoms.as_slice();
        let mut walk =
            Walk { parser: self, atoms, at: 0, pending: 0, seen: Seen::default(), place: None, out: parsed };
        walk.run();
        if parsed.division.is_none() && walk_found_home(parsed) {
            parsed.division = self.home;
        }
        if parsed.division.is_none() && !parsed.elements.iter().any(|e| e.kind.rank() <= 2) {
            parsed.division = self.home;
        }
    }
}

fn walk_found_home(parsed: &Parsed) -> bool {
    parsed.elements.iter().any(|element| element.place.is_some())
}

struct Walk<'a> {
    parser: &'a Parser,
    atoms: &'a [Atom],
    at: usize,
    /// Where the name that is being read began.
    pending: usize,
    seen: Seen,
    /// The smallest place of the county found so far.
    place: Option<PlaceId>,
    out: &'a mut Parsed,
}

impl Walk<'_> {
    fn run(&mut self) {
        while let Some(atom) = self.atoms.get(self.at) {
            if atom.gap {
                self.close_pending();
            }
            if self.known_name() || self.number() || self.ending() {
                continue;
            }
            self.at += 1;
        }
        self.close_pending();
    }

    fn known_name(&mut self) -> bool {
        let at = self.at;
        let started = self.pending < at;
        let mut best: Option<(usize, &[u32])> = None;
        self.parser.lexicon.trie().words_at(self.atoms, at, |end, ids| {
            if self.believed(ids, end, started).is_some() {
                best = Some((end, ids));
            }
        });
        let Some((end, ids)) = best else { return false };
        let Some((entry, candidates)) = self.believed(ids, end, started) else { return false };
        self.close_pending();
        let (place, division) = match entry.target {
            Target::Place(place) => (Some(place), None),
            Target::Division(code) => (None, Some(code)),
        };
        if let Some(code) = division {
            self.out.division = Some(match self.out.division {
                Some(known) if known.is_within(code) => known,
                _ => code,
            });
        }
        if place.is_some() {
            self.place = if candidates == 1 { place } else { self.place };
        }
        let tail = if entry.kind.rank() == 4 { super::endings::committee_tail(self.atoms, end) } else { 0 };
        self.push(entry.kind, at..end + tail, None);
        if let Some(element) = self.out.elements.last_mut() {
            element.place = place.filter(|_| candidates == 1);
            element.candidates = candidates;
            element.division = division;
        }
        true
    }
    /// The entry to believe of those of a word that ends at `end`, and how many are as good.
    fn believed(&self, ids: &[u32], end: usize, started: bool) -> Option<(Entry, usize)> {
        let han = |ahead: usize| self.atoms.get(end + ahead).filter(|atom| !atom.gap).and_then(Atom::han);
        let street_follows = matches!(
            han(0),
            Some('路' | '街' | '道' | '巷' | '弄' | '桥' | '大' | '村' | '镇' | '乡' | '社')
        ) || matches!(
            (han(0), han(1)),
            (
                Some('东' | '西' | '南' | '北' | '中' | '一' | '二' | '三' | '新'),
                Some('路' | '街' | '大' | '道' | '巷' | '村')
            )
        );
        let mut best: Option<(Entry, usize, u8)> = None;
        for entry in ids.iter().filter_map(|&id| self.parser.lexicon.entry(id)) {
            let Some(rank) = self.plausible(entry, end, started, street_follows) else { continue };
            match &mut best {
                Some((_, _, known)) if *known > rank => {}
                Some((_, count, known)) if *known == rank => *count += 1,
                _ => best = Some((*entry, 1, rank)),
            }
        }
        best.map(|(entry, count, _)| (entry, count))
    }
    /// How plausible an entry is here; `None` if not at all.
    fn plausible(&self, entry: &Entry, end: usize, started: bool, street_follows: bool) -> Option<u8> {
        let known = self.out.division;
        match entry.target {
            Target::Place(place) => {
                let elsewhere = known.is_some_and(|code| {
                    self.parser.home.is_some_and(|home| !home.is_within(code) && !code.is_within(home))
                });
                if elsewhere
                    || (entry.short && (started || street_follows || entry.kind == ElementKind::Street))
                {
                    return None;
                }
                let is_admin = entry.kind.rank() <= 4;
                if entry.short
                    && !is_admin
                    && !self.atoms.get(end).is_none_or(|a| a.number().is_some() || a.gap)
                {
                    return None;
                }
                if (entry.kind.rank() == 3 && self.seen.town)
                    || (entry.kind.rank() == 4 && self.seen.community && entry.short)
                {
                    // Said twice, or the natural village of the same name.
                    let same = self.place.is_some_and(|known| self.parser.lexicon.is_within(known, place));
                    return same.then_some(1);
                }
                let inside = self.place.is_some_and(|known| self.parser.lexicon.is_within(place, known));
                let base = if self.place.is_none() || inside { 4 } else { 2 };
                Some(base + u8::from(!entry.short))
            }
            Target::Division(code) => {
                let level = code.level();
                if self.seen.town || self.seen.community || self.seen.street {
                    return None;
                }
                let consistent = known.is_none_or(|known| code.is_within(known) || known.is_within(code));
                if level != DivisionLevel::Province && !consistent {
                    // A district of the same name elsewhere; a second province is a contradiction and not believed.
                    return None;
                }
                if level == DivisionLevel::Province && known.is_some_and(|known| !known.is_within(code)) {
                    return None;
                }
                let repeated = known.is_some_and(|known| known.is_within(code) && known != code);
                if entry.short {
                    if started || street_follows {
                        return None;
                    }
                    if level == DivisionLevel::County
                        && known.is_none_or(|known| known.level() == DivisionLevel::Province)
                    {
                        let home = self.parser.home == Some(code);
                        return home.then_some(3);
                    }
                    return Some(if repeated { 1 } else { 2 });
                }
                let at_home = self.parser.home.is_some_and(|home| home.is_within(code));
                Some(
                    2 + u8::from(at_home) + u8::from(known.is_some_and(|k| k.level() == DivisionLevel::City)),
                )
            }
        }
    }

    fn number(&mut self) -> bool {
        let atom = self.atoms[self.at];
        let may_begin = match atom.glyph {
            crate::text::Glyph::Number { .. } | crate::text::Glyph::Sign(b'#') => true,
            crate::text::Glyph::Letter(_) => true,
            crate::text::Glyph::Han(c) => matches!(c, '第' | '门' | '临' | '甲' | '乙' | '丙' | '丁'),
            crate::text::Glyph::Sign(_) => false,
        };
        if !may_begin {
            return false;
        }
        let Some(token) = number_at(self.atoms, self.at, false) else { return false };
        if token.end <= self.at || self.begins_a_name(&token) {
            return false;
        }
        match token.unit {
            NumberUnit::Lane | NumberUnit::Phase => return self.lane(&token),
            NumberUnit::Metres | NumberUnit::Kilometres => {
                self.close_pending();
                self.at = token.end;
                self.pending = token.end;
                self.out.rest.push(token.first..token.end);
                return true;
            }
            _ => {}
        }
        self.close_pending();
        self.numbered(&token);
        self.at = self.at.max(token.end);
        self.pending = self.at;
        true
    }
    /// Numbers that are the first part of a name: 104国道, 1号桥, 3号码头.
    fn begins_a_name(&self, token: &NumberToken) -> bool {
        let han = |ahead: usize| self.atoms.get(token.end + ahead).filter(|a| !a.gap).and_then(Atom::han);
        match token.unit {
            NumberUnit::Bare => {
                matches!(
                    (han(0), han(1)),
                    (Some('国' | '省' | '县' | '乡'), Some('道')) | (Some('线' | '路' | '街'), _)
                )
            }
            NumberUnit::Door => matches!(
                (han(0), han(1)),
                (Some('桥' | '井' | '线' | '路' | '街' | '库'), _)
                    | (Some('码'), Some('头'))
                    | (Some('仓'), Some('库'))
                    | (Some('地'), Some('块' | '铁'))
                    | (Some('公'), Some('馆' | '路'))
            ),
            _ => false,
        }
    }
    /// 溪坪街3巷: the lane belongs to the street's name; 阳光花园2期 to the estate's.
    fn lane(&mut self, token: &NumberToken) -> bool {
        let wanted = if token.unit == NumberUnit::Lane { ElementKind::Street } else { ElementKind::Estate };
        if self.pending == self.at {
            let end = token.end;
            let span_end = self.atoms.get(end.wrapping_sub(1)).map_or(0, |atom| atom.end as usize);
            let joined = self
                .out
                .elements
                .last_mut()
                .filter(|last| last.kind == wanted && last.atoms.end == token.first);
            if let Some(last) = joined {
                last.atoms.end = end;
                last.span.end = span_end;
                last.place = None;
                last.candidates = 0;
                self.at = end;
                self.pending = end;
                return true;
            }
        }
        let from = self.pending;
        self.at = token.end;
        self.push(wanted, from..token.end, None);
        true
    }
    fn numbered(&mut self, token: &NumberToken) {
        use ElementKind as K;
        let all = token.first..token.end;
        let last = self.out.elements.last().map(|element| element.kind);
        let in_building =
            self.out.elements.iter().any(|e| matches!(e.kind, K::Building | K::Unit | K::Floor));
        let has_door = self.out.elements.iter().any(|e| e.kind == K::Door);
        let parts = token.parts();
        let one = |kind| -> (K, Option<NumberValue>) { (kind, crate::model::element::joined(parts)) };
        match token.unit {
            NumberUnit::Group => {
                let (kind, value) = one(K::Group);
                self.push(kind, all, value);
            }
            NumberUnit::Building => self.list(all, parts, &[K::Building]),
            NumberUnit::Unit => self.list(all, parts, &[K::Building, K::Unit]),
            // E5楼 is a building, 5楼 a floor.
            NumberUnit::Floor if parts.len() == 1 && parts.iter().any(|part| part.letter() > 0) => {
                self.list(all, parts, &[K::Building]);
            }
            NumberUnit::Floor => self.list(all, parts, &[K::Building, K::Floor]),
            // 2002-2003室 are two rooms; the first stands for both.
            NumberUnit::Room | NumberUnit::Bare
                if parts.len() == 2 && parts.iter().all(|part| part.main() >= 100) =>
            {
                self.push(K::Room, all, parts.first().copied());
            }
            // 11F.
            NumberUnit::Bare
                if parts.len() == 1 && (in_building || has_door) && parts.iter().all(|p| p.letter() == 6) =>
            {
                let floor = parts.first().and_then(|part| NumberValue::new(part.main()));
                self.push(K::Floor, all, floor);
            }
            NumberUnit::Room => match parts.len() {
                1 => self.list(all, parts, &[K::Room]),
                2 if last == Some(K::Building) => self.list(all, parts, &[K::Unit, K::Room]),
                2 => self.list(all, parts, &[K::Building, K::Room]),
                _ => self.list(all, parts, &[K::Building, K::Unit, K::Room]),
            },
            NumberUnit::Door if in_building => self.list(all, parts, &[K::Building, K::Unit, K::Room]),
            NumberUnit::Door if parts.len() <= 2 => {
                let (kind, value) = one(if has_door { K::Building } else { K::Door });
                self.push(kind, all, value);
            }
            NumberUnit::Hash | NumberUnit::Bare | NumberUnit::Door => {
                let estate = matches!(last, Some(K::Estate | K::Compound));
                match parts.len() {
                    3.. => self.list(all, parts, &[K::Building, K::Unit, K::Room]),
                    2 if last == Some(K::Building) => self.list(all, parts, &[K::Unit, K::Room]),
                    2 if in_building || estate || has_door => self.list(all, parts, &[K::Building, K::Room]),
                    1 if in_building || has_door => self.list(all, parts, &[K::Room]),
                    1 if estate => self.list(all, parts, &[K::Building]),
                    _ if self.out.elements.is_empty() && token.unit == NumberUnit::Bare => {
                        self.out.rest.push(all);
                    }
                    _ => {
                        let (kind, value) = one(K::Door);
                        self.push(kind, all, value);
                    }
                }
            }
            NumberUnit::Lane | NumberUnit::Phase | NumberUnit::Metres | NumberUnit::Kilometres => {}
        }
    }
    /// Parts of a list, the last of `kinds` for the last part.
    fn list(&mut self, all: Range<usize>, parts: &[NumberValue], kinds: &[ElementKind]) {
        let skip = kinds.len().saturating_sub(parts.len());
        let mut at = all.start;
        for (k, (&value, &kind)) in parts.iter().zip(kinds.iter().skip(skip)).enumerate() {
            // The atoms of one part: up to and without the joint.
            let is_last = k + 1 == parts.len();
            let joint = |atom: &Atom| matches!(atom.glyph, crate::text::Glyph::Sign(_));
            let rest = self.atoms.get(at..all.end).unwrap_or_default();
            let end = if is_last { all.end } else { rest.iter().position(joint).map_or(all.end, |p| at + p) };
            self.push(kind, at..end, Some(value));
            at = (end + 1).min(all.end);
        }
    }

    fn ending(&mut self) -> bool {
        let Some(ending) = ending_at(self.atoms, self.pending, self.at, self.seen) else { return false };
        let next = self.atoms.get(self.at + 1);
        let open = next.is_some_and(|atom| {
            !atom.gap && atom.han().is_some_and(|c| !matches!(c, '第' | '门' | '临' | '附'))
        });
        if !ending.strong && open {
            return false;
        }
        let end = (self.at + 1 + ending.tail).min(self.atoms.len());
        self.push(ending.kind, self.pending..end, None);
        true
    }
    /// What is pending has no ending: a landmark if it is long enough, else rest.
    fn close_pending(&mut self) {
        let range = self.pending..self.at;
        self.pending = self.at;
        if range.is_empty() {
            return;
        }
        let inside = self.atoms.get(range.clone()).unwrap_or_default();
        let named =
            inside.len() >= 2 && inside.iter().all(|atom| atom.han().is_some() || atom.letter().is_some());
        let after_place = self.out.elements.iter().any(|element| element.kind.rank() >= 3);
        let is_noise = inside.first().and_then(Atom::han).is_some_and(|c| {
            matches!(
                c,
                '我' | '在' | '对' | '旁' | '附' | '往' | '向' | '靠' | '位' | '地' | '与' | '和' | '交'
            )
        });
        if named && after_place && !is_noise {
            let start = range.start;
            self.pending = start;
            self.push(ElementKind::Landmark, range, None);
        } else {
            self.out.rest.push(range);
        }
    }
    fn push(&mut self, kind: ElementKind, atoms: Range<usize>, number: Option<NumberValue>) {
        let inside = self.atoms.get(atoms.clone()).unwrap_or_default();
        let start = inside.first().map_or(0, |atom| atom.start as usize);
        let end = inside.last().map_or(start, |atom| atom.end as usize);
        match kind.rank() {
            2 => self.seen.county = true,
            3 => (self.seen.county, self.seen.town) = (true, true),
            4 => (self.seen.county, self.seen.town, self.seen.community) = (true, true, true),
            5 if kind == ElementKind::Street => (self.seen.county, self.seen.street) = (true, true),
            _ => {}
        }
        self.at = atoms.end;
        self.pending = atoms.end;
        self.out.elements.push(ParsedElement {
            kind,
            atoms,
            span: start..end,
            number,
            place: None,
            candidates: 0,
            division: None,
        });
    }
}
