//! The names a parser knows: the nation's divisions, and the places of the county at home.

use crate::{
    division::{DivisionCode, DivisionLevel, Divisions},
    model::{ElementKind, Place, PlaceId, PlaceNameKind},
    parse::endings::COMMITTEES,
    text::{Normalized, WordTrie},
};

/// What a word names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub kind: ElementKind,
    pub target: Target,
    /// Whether the word leaves its ending off (双城 for 双城区): believed only where the text before supports it.
    pub short: bool,
}

/// A division of the nation or a place of the county at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Division(DivisionCode),
    Place(PlaceId),
}

/// Words and what they name.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    trie: WordTrie,
    entries: Vec<Entry>,
    /// Parent of each place of the county.
    parents: Vec<Option<PlaceId>>,
}

impl Lexicon {
    /// The nation's divisions and the named places of a county (none is fine). Landmarks and numbered groups are left to
    /// the search.
    pub fn new(divisions: &Divisions, places: &[Place]) -> Self {
        let mut lexicon = Self { trie: WordTrie::new(), ..Self::default() };
        for division in divisions.iter() {
            let kind = match division.code.level() {
                DivisionLevel::Province => ElementKind::Province,
                DivisionLevel::City => ElementKind::City,
                _ => ElementKind::County,
            };
            let target = Target::Division(division.code);
            lexicon.add(division.name, Entry { kind, target, short: false });
            if division.short != division.name {
                lexicon.add(division.short, Entry { kind, target, short: true });
            }
        }
        for (place, id) in places.iter().zip(0..) {
            lexicon.parents.push(place.parent);
            let named = place.kind.rank() >= 3
                && place.kind != ElementKind::Group
                && place.kind != ElementKind::Landmark
                && place.kind.rank() <= 5;
            if !named {
                continue;
            }
            let target = Target::Place(PlaceId(id));
            let entry = Entry { kind: place.kind, target, short: false };
            lexicon.add(&place.name, entry);
            place.other_names.iter().for_each(|name| lexicon.add(&name.text, entry));
            let core = core_of(&place.name);
            let official =
                place.other_names.iter().any(|name| name.kind == PlaceNameKind::Alias && name.text == core);
            if core.chars().count() >= 2 && core.len() < place.name.len() && !official {
                lexicon.add(core, Entry { short: true, ..entry });
            }
        }
        lexicon
    }
    /// Number of words, with those that name several places counted once for each.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn trie(&self) -> &WordTrie {
        &self.trie
    }
    pub(crate) fn entry(&self, id: u32) -> Option<&Entry> {
        self.entries.get(id as usize)
    }
    /// Whether a place lies in another or is it.
    pub(crate) fn is_within(&self, place: PlaceId, other: PlaceId) -> bool {
        let mut at = Some(place);
        // Parents come from a checked table, but a cycle must not hang.
        for _ in 0..32 {
            match at {
                Some(here) if here == other => return true,
                Some(here) => at = self.parents.get(here.0 as usize).copied().flatten(),
                None => return false,
            }
        }
        false
    }

    fn add(&mut self, word: &str, entry: Entry) {
        let normalized = Normalized::new(word);
        if normalized.atoms.len() < 2 || !normalized.atoms.iter().all(|atom| atom.han().is_some()) {
            return;
        }
        let id = self.entries.len() as u32;
        self.entries.push(entry);
        self.trie.insert(normalized.atoms.iter().filter_map(|atom| atom.han()), id);
    }
}

/// A name without the ending that tells its kind: 溪坪社区居委会 and 溪坪街 become 溪坪. What would be left with a single
/// character is kept whole.
pub fn core_of(name: &str) -> &str {
    const ENDINGS: &[&str] = &[
        "街道办事处",
        "街道办",
        "街道",
        "自然村",
        "社区",
        "大街",
        "大道",
        "小区",
        "新村",
        "镇",
        "乡",
        "村",
        "街",
        "路",
        "巷",
        "弄",
    ];
    let mut core = name;
    if let Some(rest) = COMMITTEES.iter().find_map(|word| core.strip_suffix(word))
        && rest.chars().count() >= 2
    {
        core = rest;
    }
    for ending in ENDINGS {
        if let Some(rest) = core.strip_suffix(ending) {
            return if rest.chars().count() >= 2 { rest } else { core };
        }
    }
    core
}

/// The form of a village-level name that is written in addresses: 前宅村村委会 and 前宅村委会 are 前宅村.
pub fn written_of(name: &str) -> String {
    let Some((word, rest)) = COMMITTEES.iter().find_map(|word| Some((*word, name.strip_suffix(word)?)))
    else {
        return name.to_owned();
    };
    if rest.is_empty() {
        return name.to_owned();
    }
    let is_village = word.starts_with('村') || word == "委会" && !rest.ends_with("居");
    if rest.ends_with("社区") || rest.ends_with('村') || !is_village {
        rest.to_owned()
    } else {
        format!("{rest}村")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_their_endings() {
        let cases = [
            ("溪坪社区居委会", "溪坪", "溪坪社区"),
            ("前宅村村委会", "前宅", "前宅村"),
            ("前宅村委会", "前宅", "前宅村"),
            ("东城社区居民委员会", "东城", "东城社区"),
            ("上村", "上村", "上村"),
            ("溪坪街", "溪坪", "溪坪街"),
            ("下坪自然村", "下坪", "下坪自然村"),
            ("新街", "新街", "新街"),
        ];
        for (name, core, written) in cases {
            assert_eq!(core_of(name), core, "{name}");
            assert_eq!(written_of(name), written, "{name}");
        }
    }
}
