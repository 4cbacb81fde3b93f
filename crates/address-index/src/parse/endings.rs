//! How names of places end in Chinese, and what kind of place each ending tells of.

use crate::{model::ElementKind, text::Atom};

/// What ends at an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub kind: ElementKind,
    /// Atoms behind this one that belong to the name too: 办事处 of 街道办事处.
    pub tail: usize,
    /// Whether the name surely ends here. A weak ending counts only before a number, a gap or the end.
    pub strong: bool,
}

/// What has been read of an address so far, as far as endings depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub county: bool,
    pub town: bool,
    pub community: bool,
    pub street: bool,
}

/// Forms in which people write the committees of a village or community; the name of the place is before them.
pub(crate) const COMMITTEES: &[&str] =
    &["居民委员会", "村民委员会", "居委会", "村委会", "委会", "居委", "村委"];

/// The ending whose last character of the name proper is at `at`, where the name began at `first`.
pub(crate) fn ending_at(atoms: &[Atom], first: usize, at: usize, seen: Seen) -> Option<Ending> {
    let c = atoms.get(at)?.han()?;
    if !may_end(c) || at == first {
        return None;
    }
    let text = Around { atoms, at };
    let before = text.before(1);
    let (next, after_next) = (text.after(1), text.after(2));
    let length = at + 1 - first;
    let strong = |kind, tail| Some(Ending { kind, tail, strong: true });
    let weak = |kind| Some(Ending { kind, tail: 0, strong: false });
    use ElementKind as K;
    match c {
        '省' if !seen.county && !matches!(next, '道') => strong(K::Province, 0),
        '市' if !seen.county && !matches!(next, '场' | '政' | '民' | '区' | '路' | '街' | '镇' | '乡') => {
            strong(K::City, 0)
        }
        '县' if !seen.county && !seen.town && !matches!(next, '城' | '道') => strong(K::County, 0),
        '区' => match before {
            '社' => strong(K::Community, committee_tail(atoms, at + 1)),
            '小' => strong(K::Estate, 0),
            '园' | '发' | '业' | '景' | '校' | '厂' | '库' | '新' | '技' | '保' => {
                strong(K::Compound, 0)
            }
            '地' if !seen.county => strong(K::City, 0),
            _ if !seen.county
                && !seen.town
                && !seen.street
                && (3..=6).contains(&length)
                && text.all_han(first) =>
            {
                strong(K::County, 0)
            }
            _ => weak(K::Estate),
        },
        '镇' if !seen.town && !matches!(next, '路' | '街' | '道' | '巷' | '中' | '小' | '政') => {
            strong(K::Town, 0)
        }
        '乡' if !seen.town && !matches!(next, '村' | '路' | '街' | '道' | '政' | '下' | '里') => {
            strong(K::Township, 0)
        }
        '街' if next == '道' && !seen.town && !seen.street => {
            let office = match (after_next, text.after(3), text.after(4)) {
                ('办', '事', '处') => 4,
                ('办', _, _) => 2,
                _ => 1,
            };
            strong(K::Subdistrict, office)
        }
        '街' | '路' | '巷' | '弄' => match next {
            '道' if c == '街' => None,
            '巷' | '弄' | '街' | '路' if c != next && !text.is_name(2) => None,
            _ => strong(K::Street, 0),
        },
        '同' if before == '胡' => strong(K::Street, 0),
        '道' if matches!(before, '大' | '国' | '省' | '县' | '乡' | '辅' | '步') => {
            strong(K::Street, 0)
        }
        '道' | '里' | '条' | '线' | '坊' if text.number_after() => weak(K::Street),
        '村' => match (next, after_next) {
            // 前村路 and 新村小学 have other endings; 村中心 stands in a village.
            ('路' | '街' | '道' | '巷' | '小', _) => None,
            ('中', after) if after != '心' => None,
            ('民', '小' | '组') => strong(village(seen), 0),
            ('村', '委' | '民') => strong(K::VillageCommittee, 1 + committee_tail(atoms, at + 2).max(2)),
            _ if before == '然' && text.before(2) == '自' => strong(K::NaturalVillage, 0),
            _ if before == '新' && length > 2 && (seen.community || seen.street) => strong(K::Estate, 0),
            _ => strong(village(seen), committee_tail(atoms, at + 1)),
        },
        '会' if matches!(text.before(2), '居' | '村') || text.ends_with("委员会") => {
            if text.ends_with("村委会") || text.ends_with("村民委员会") {
                strong(K::VillageCommittee, 0)
            } else {
                strong(K::ResidentsCommittee, 0)
            }
        }
        '屯' | '庄' | '寨' | '堡' | '坞' | '厝' | '湾' | '岗' | '洋' | '坑' if text.number_after() => {
            weak(K::NaturalVillage)
        }
        '苑' | '墅' | '寓' | '庭' | '邸' | '郡' | '舍' => strong(K::Estate, 0),
        '园' if matches!(before, '花' | '家' | '嘉' | '佳' | '名') => strong(K::Estate, 0),
        '园' => weak(K::Compound),
        '庄' if before == '山' => strong(K::Estate, 0),
        '城' if matches!(before, '名' | '新') => weak(K::Estate),
        '厦' => strong(K::Building, 0),
        '场' if before == '广' => strong(K::Building, 0),
        '楼' | '心' | '城' | '馆' | '店' => weak(K::Building),
        '厂' | '校' | '院' | '司' | '场' | '站' | '府' | '局' | '所' | '学' | '行' | '部' | '庙' | '宫'
        | '祠' | '桥' => weak(K::Compound),
        _ => None,
    }
}

/// What ends a name whose place a committee governs: its length in atoms from `at`, 0 if none.
pub(crate) fn committee_tail(atoms: &[Atom], at: usize) -> usize {
    let matches =
        |word: &str| word.chars().enumerate().all(|(k, c)| atoms.get(at + k).and_then(Atom::han) == Some(c));
    COMMITTEES.iter().find(|word| matches(word)).map_or(0, |word| word.chars().count())
}

fn village(seen: Seen) -> ElementKind {
    if seen.community { ElementKind::NaturalVillage } else { ElementKind::VillageCommittee }
}

#[inline]
fn may_end(c: char) -> bool {
    matches!(
        c,
        '省' | '市'
            | '县'
            | '区'
            | '镇'
            | '乡'
            | '街'
            | '路'
            | '巷'
            | '弄'
            | '同'
            | '道'
            | '里'
            | '条'
            | '线'
            | '坊'
            | '村'
            | '会'
            | '屯'
            | '庄'
            | '寨'
            | '堡'
            | '坞'
            | '厝'
            | '湾'
            | '岗'
            | '洋'
            | '坑'
            | '苑'
            | '墅'
            | '寓'
            | '庭'
            | '邸'
            | '郡'
            | '舍'
            | '园'
            | '城'
            | '厦'
            | '场'
            | '楼'
            | '心'
            | '馆'
            | '店'
            | '厂'
            | '校'
            | '院'
            | '司'
            | '站'
            | '府'
            | '局'
            | '所'
            | '学'
            | '行'
            | '部'
            | '庙'
            | '宫'
            | '祠'
            | '桥'
    )
}

struct Around<'a> {
    atoms: &'a [Atom],
    at: usize,
}

impl Around<'_> {
    /// The ideograph so many atoms on, a space if there is none or a gap before it.
    fn after(&self, ahead: usize) -> char {
        let atom = self.atoms.get(self.at + ahead);
        atom.filter(|atom| !atom.gap).and_then(Atom::han).unwrap_or(' ')
    }
    fn before(&self, back: usize) -> char {
        let at = self.at.checked_sub(back);
        at.and_then(|at| self.atoms.get(at)).and_then(Atom::han).unwrap_or(' ')
    }
    fn all_han(&self, first: usize) -> bool {
        self.atoms.get(first..=self.at).is_some_and(|atoms| atoms.iter().all(|atom| atom.han().is_some()))
    }
    fn number_after(&self) -> bool {
        self.atoms.get(self.at + 1).is_some_and(|atom| atom.number().is_some())
    }
    /// Whether an ideograph stands so many atoms on, not a number or the end.
    fn is_name(&self, ahead: usize) -> bool {
        self.after(ahead) != ' '
    }
    fn ends_with(&self, word: &str) -> bool {
        word.chars().rev().enumerate().all(|(back, c)| {
            let at = self.at.checked_sub(back);
            at.and_then(|at| self.atoms.get(at)).and_then(Atom::han) == Some(c)
        })
    }
}
