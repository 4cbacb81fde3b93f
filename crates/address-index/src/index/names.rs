//! Names as they are looked up: form, core, family of endings, keys and pairs of symbols.

use crate::{
    model::ElementKind,
    parse::lexicon::core_of,
    text::{
        Glyph, Normalized, chars, numerals,
        pinyin::{self, Symbol},
    },
};

/// Set in a unit of a form that is a number.
pub(crate) const NUMBER: u32 = 1 << 31;
/// Most keys of one name.
const MOST_KEYS: usize = 8;
/// Longest form that is looked up, units.
pub(crate) const LONGEST_FORM: usize = 40;

/// Endings of estates that people leave off.
const ESTATE_ENDINGS: &[&str] = &[
    "住宅小区",
    "小区",
    "花园",
    "家园",
    "嘉园",
    "公寓",
    "新村",
    "名苑",
    "花苑",
    "雅苑",
    "华庭",
    "山庄",
    "公馆",
    "名城",
    "新城",
    "别墅",
    "苑",
];

/// What endings stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Family {
    /// Only its own ending.
    Own = 0,
    /// 省, 市, 县, 区.
    Admin = 1,
    /// 镇, 乡, 街道.
    Town = 2,
    /// 村, 社区, 居委会, 村委会.
    Village = 3,
    /// 自然村, 村, 庄.
    Hamlet = 4,
    /// 街, 路, 巷.
    Street = 5,
    /// 小区, 花园.
    Estate = 6,
    /// 组, 队; never without an ending.
    Group = 7,
}

impl Family {
    pub(crate) fn of(kind: ElementKind) -> Self {
        match kind {
            ElementKind::Province | ElementKind::City | ElementKind::County => Self::Admin,
            ElementKind::Township | ElementKind::Town | ElementKind::Subdistrict => Self::Town,
            ElementKind::Community | ElementKind::ResidentsCommittee | ElementKind::VillageCommittee => {
                Self::Village
            }
            ElementKind::NaturalVillage => Self::Hamlet,
            ElementKind::Street => Self::Street,
            ElementKind::Estate => Self::Estate,
            ElementKind::Group => Self::Group,
            _ => Self::Own,
        }
    }
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Admin,
            2 => Self::Town,
            3 => Self::Village,
            4 => Self::Hamlet,
            5 => Self::Street,
            6 => Self::Estate,
            7 => Self::Group,
            _ => Self::Own,
        }
    }
    /// Endings that may stand for each other, longest first.
    pub(crate) fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Own => &[],
            Self::Admin => &["省", "市", "县", "区"],
            Self::Town => &["街道办事处", "街道办", "街道", "镇", "乡"],
            Self::Village => &[
                "社区居民委员会",
                "社区居委会",
                "村民委员会",
                "居民委员会",
                "村村委会",
                "村委会",
                "居委会",
                "社区",
                "大队",
                "村委",
                "居委",
                "村",
            ],
            Self::Hamlet => &["自然村", "自然庄", "村", "庄"],
            Self::Street => &["大街", "大道", "街", "路", "巷", "弄", "道"],
            Self::Estate => &["住宅小区", "小区"],

            Self::Group => &["村民小组", "生产队", "小组", "小队", "组", "队"],
        }
    }
}

/// A name, ready to be indexed.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub units: Vec<u32>,
    pub core: usize,
    pub family: Family,
}

impl Form {
    pub(crate) fn of(name: &str, kind: ElementKind) -> Self {
        let mut units = units_of(name);
        units.truncate(LONGEST_FORM);
        let family = Family::of(kind);
        let core = match family {
            Family::Group => 1,
            Family::Own => units.len(),
            Family::Admin => {
                let ends = units.last().is_some_and(|&u| is_one_of(u, "省市县区"));
                units.len() - usize::from(ends && units.len() > 2)
            }
            Family::Estate => {
                let ending = ESTATE_ENDINGS.iter().find(|ending| name.ends_with(**ending));
                let ending = ending.map_or(0, |ending| ending.chars().count());
                units.len() - if units.len() >= ending + 2 { ending } else { 0 }
            }
            _ => units_of(core_of(name)).len(),
        };
        let core = core.min(units.len()).max(units.len().min(1));
        Self { units, core, family }
    }
    /// Symbol sequences under which the core is found: usual readings, then others one at a time, then numerals read aloud.
    pub(crate) fn keys(&self, name: &str) -> Vec<Vec<Symbol>> {
        let core = self.units.get(..self.core).unwrap_or_default();
        let usual: Vec<Symbol> = core.iter().map(|&unit| symbol_of_unit(unit)).collect();
        if usual.is_empty() {
            return Vec::new();
        }
        let mut keys = vec![usual.clone()];
        for (at, &unit) in core.iter().enumerate() {
            let others = char::from_u32(unit).into_iter().flat_map(pinyin::more_symbols_of_char);
            for other in others {
                let mut key = usual.clone();
                key[at] = other;
                keys.push(key);
            }
        }
        // 一巷 is kept as 1巷, and typed as yixiang.
        if core.iter().any(|unit| unit & NUMBER != 0) {
            let spoken: Vec<char> = name.chars().map(chars::simplified).collect();
            if spoken.iter().any(|&c| numerals::numeral(c).is_some()) {
                let ending = self.units.len() - self.core;
                let letters = spoken.iter().take(spoken.len().saturating_sub(ending));
                keys.push(letters.map(|&c| pinyin::symbol_of_char(c)).collect());
            }
        }
        keys.truncate(MOST_KEYS);
        keys
    }
    /// Pairs of symbols, as a careless ear hears them, one or two apart: what a misspelt name still has in common.
    /// Pairs inside the ending say nothing.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = u32> + '_ {
        let heard = |unit: u32| pinyin::careless(symbol_of_unit(unit));
        (1..=2).flat_map(move |apart| {
            let firsts = self.units.iter().take(self.core.max(1));
            let seconds = self.units.iter().skip(apart);
            firsts.zip(seconds).map(move |(&a, &b)| pair(heard(a), heard(b)))
        })
    }
}

/// A name as units: characters, letters and numbers.
pub(crate) fn units_of(name: &str) -> Vec<u32> {
    Normalized::new(name).atoms.iter().filter_map(|atom| unit_of(atom.glyph)).collect()
}

pub(crate) fn unit_of(glyph: Glyph) -> Option<u32> {
    match glyph {
        Glyph::Han(c) => Some(c as u32),
        Glyph::Letter(letter) => Some(u32::from(letter)),
        Glyph::Number { value, .. } => Some(NUMBER | value.min(NUMBER - 1)),
        Glyph::Sign(_) => None,
    }
}

pub(crate) fn symbol_of_unit(unit: u32) -> Symbol {
    if unit & NUMBER != 0 {
        return pinyin::symbol_of_number(unit & !NUMBER);
    }
    match char::from_u32(unit) {
        Some(c) if c.is_ascii_lowercase() => pinyin::symbol_of_letter(c as u8),
        Some(c) => pinyin::symbol_of_char(c),
        None => pinyin::FIRST_UNREAD,
    }
}

pub(crate) fn pair(first: Symbol, second: Symbol) -> u32 {
    u32::from(first) << 16 | u32::from(second)
}

fn is_one_of(unit: u32, chars: &str) -> bool {
    chars.chars().any(|c| c as u32 == unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let form = Form::of("溪坪社区居委会", ElementKind::ResidentsCommittee);
        assert_eq!((form.units.len(), form.core, form.family), (7, 2, Family::Village));
        let lane = Form::of("溪坪街一巷", ElementKind::Street);
        assert_eq!((lane.units.len(), lane.core), (5, 4));
        let keys = lane.keys("溪坪街一巷");
        let read = |key: &Vec<Symbol>| {
            key.iter().map(|&s| pinyin::letters_of_symbol(s)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read(&keys[0]), "xi ping jie ");
        assert!(keys.iter().any(|key| read(key) == "xi ping jie yi"), "{keys:?}");
        let group = Form::of("第三组", ElementKind::Group);
        assert_eq!(group.core, 1);
        assert_eq!(Form::of("", ElementKind::Street).keys("").len(), 0);
        assert!(Form::of("厦门", ElementKind::City).keys("厦门").len() > 1);
        assert_eq!(form.pairs().count(), 2 + 2);
    }
}
