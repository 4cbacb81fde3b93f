//! Numbers with their units: 12号之1, 9-3-204, 3栋, 2单元, 五组, 50米; in Chinese or, where asked for, typed as pinyin.

use super::{Atom, Glyph};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberUnit {
    /// Nothing said.
    Bare,
    /// 号: a door plate (门牌号).
    Door,
    /// 栋, 幢, 座, 号楼.
    Building,
    /// 单元.
    Unit,
    /// 层, 楼.
    Floor,
    /// 室, 房.
    Room,
    /// 组, 队.
    Group,
    /// 巷, 弄: part of a lane's name.
    Lane,
    /// 期: part of an estate's name.
    Phase,
    /// #: a door or a building.
    Hash,
    /// 米.
    Metres,
    /// 公里.
    Kilometres,
}

/// One number as it stands on a plate: a main number, a letter, and the number after 之 or a dash. Ordered as along a
/// street: 12 < 12A < 12之1 < 13.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberValue(u32);

/// A number with its unit, as found in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberToken {
    /// Its unit.
    pub unit: NumberUnit,
    parts: [NumberValue; 4],
    len: u8,
    /// Whether the parts are joined by ~ or 至: a range, never a suffix.
    pub is_range: bool,
    /// First atom.
    pub first: usize,
    /// Atom after the last.
    pub end: usize,
}

/// Letters of plates: A to Z are 1 to 26, then these.
const STEMS: [char; 5] = ['甲', '乙', '丙', '丁', '临'];
const FIRST_STEM: u8 = 27;
const SUB_BITS: u32 = 9;
const LETTER_BITS: u32 = 5;

impl NumberValue {
    /// Greatest main number that a plate can carry here.
    pub const MAX_MAIN: u32 = (1 << (32 - SUB_BITS - LETTER_BITS)) - 1;
    /// Greatest number after 之.
    pub const MAX_SUB: u32 = (1 << SUB_BITS) - 1;
    /// No number.
    pub const NONE: Self = Self(0);

    /// A number without letter or suffix; `None` above [`Self::MAX_MAIN`].
    pub fn new(main: u32) -> Option<Self> {
        (main <= Self::MAX_MAIN).then_some(Self(main << (SUB_BITS + LETTER_BITS)))
    }
    /// With a letter: 1 to 26 are A to Z, 27 to 31 are 甲乙丙丁临.
    pub fn with_letter(self, letter: u8) -> Self {
        Self(self.0 & !(31 << SUB_BITS) | u32::from(letter & 31) << SUB_BITS)
    }
    /// With the number after 之; `None` above [`Self::MAX_SUB`].
    pub fn with_sub(self, sub: u32) -> Option<Self> {
        (sub <= Self::MAX_SUB).then_some(Self(self.0 & !Self::MAX_SUB | sub))
    }
    /// From its packed form.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
    /// Packed; the order of the packed numbers is that of the values.
    pub fn bits(self) -> u32 {
        self.0
    }
    /// Main number; 0 if there is a letter only.
    pub fn main(self) -> u32 {
        self.0 >> (SUB_BITS + LETTER_BITS)
    }
    /// Letter, 0 if none.
    pub fn letter(self) -> u8 {
        (self.0 >> SUB_BITS) as u8 & 31
    }
    /// The number after 之, 0 if none.
    pub fn sub(self) -> u32 {
        self.0 & Self::MAX_SUB
    }
    /// Whether there is no number at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
    /// The plate's number without its unit and suffix: 12, 12A, 甲12, B.
    pub fn plain(self) -> String {
        let main = if self.main() == 0 { String::new() } else { self.main().to_string() };
        match self.letter() {
            0 => self.main().to_string(),
            letter @ 1..=26 => format!("{main}{}", char::from(b'A' + letter - 1)),
            letter => {
                let stem = STEMS.get(usize::from(letter - FIRST_STEM)).copied().unwrap_or('临');
                format!("{stem}{main}")
            }
        }
    }
}

impl NumberToken {
    /// The parts: [12] of 12号, [9, 3, 204] of 9-3-204; 12号之1 is one part with a suffix.
    pub fn parts(&self) -> &[NumberValue] {
        self.parts.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The number that begins at an atom, if one does. `latin`: whether units may be typed as pinyin or its initials
/// (12hao, 12h, 3dy).
pub fn number_at(atoms: &[Atom], first: usize, latin: bool) -> Option<NumberToken> {
    let mut scan = Scan { atoms, at: first, latin };
    let mut stem = 0;
    match scan.han(0) {
        Some('第') => scan.at += 1,
        Some('门') if scan.han(1) == Some('牌') => {
            scan.at += if scan.han(2) == Some('号') { 3 } else { 2 }
        }
        Some('临' | '甲' | '乙' | '丙' | '丁') if scan.number(1).is_some() => {
            stem = scan.stem(0)?;
            scan.at += 1;
        }
        _ if scan.glyph(0) == Some(Glyph::Sign(b'#')) => scan.at += 1,
        _ => {}
    }
    let hashed = scan.at > first && scan.glyph_at(first) == Some(Glyph::Sign(b'#'));
    let mut token = NumberToken {
        unit: if hashed { NumberUnit::Hash } else { NumberUnit::Bare },
        parts: [NumberValue::NONE; 4],
        len: 0,
        is_range: false,
        first,
        end: first,
    };
    let value = scan.value()?;
    token.push(if stem > 0 { value.with_letter(stem) } else { value });
    let mut door = false;
    loop {
        let mut ahead = scan.clone();
        // 12号之1 and 12号-1: the unit stands inside.
        let typed = if latin { ahead.latin_joint() } else { 0 };
        let unit_inside = ahead.han(0) == Some('号') || typed > 0;
        ahead.at += if typed > 0 { typed - 1 } else { usize::from(unit_inside) };
        let joint = match ahead.glyph(0) {
            _ if typed > 0 => Joint::Suffix,
            Some(Glyph::Sign(b'-' | b'.')) => Joint::Dash,
            Some(Glyph::Sign(b'~')) | Some(Glyph::Han('至')) => Joint::Range,
            Some(Glyph::Han('之' | '附')) => Joint::Suffix,
            _ => break,
        };
        ahead.at += 1;
        let Some(value) = ahead.value() else { break };
        match (joint, token.parts.get_mut(usize::from(token.len) - 1)) {
            (Joint::Suffix, Some(last)) => {
                // A second suffix (12号之1之2) does not fit a plate; it stays in the text.
                let Some(joined) = last.with_sub(value.main()).filter(|_| last.sub() == 0) else { break };
                *last = joined;
                door |= unit_inside;
            }
            (_, Some(last)) if unit_inside && token.len == 1 => {
                let Some(joined) = last.with_sub(value.main()).filter(|_| last.sub() == 0) else { break };
                *last = joined;
                door = true;
            }
            _ => {
                if unit_inside || usize::from(token.len) == token.parts.len() {
                    break;
                }
                token.push(value);
            }
        }
        token.is_range |= matches!(joint, Joint::Range);
        scan.at = ahead.at;
    }
    match scan.unit() {
        // 12号之2楼下: the unit was said already, what follows is something else.
        Some((unit, _)) if door && unit != NumberUnit::Door => token.unit = NumberUnit::Door,
        Some((unit, len)) => {
            token.unit = unit;
            scan.at += len;
        }
        None if door => token.unit = NumberUnit::Door,
        None => {}
    }
    token.end = scan.at;
    Some(token)
}

#[derive(Clone, Copy)]
enum Joint {
    Dash,
    Suffix,
    Range,
}

impl NumberToken {
    fn push(&mut self, value: NumberValue) {
        if let Some(slot) = self.parts.get_mut(usize::from(self.len)) {
            *slot = value;
            self.len += 1;
        }
    }
}

#[derive(Clone)]
struct Scan<'a> {
    atoms: &'a [Atom],
    at: usize,
    latin: bool,
}

impl Scan<'_> {
    fn glyph_at(&self, at: usize) -> Option<Glyph> {
        self.atoms.get(at).map(|atom| atom.glyph)
    }
    fn glyph(&self, ahead: usize) -> Option<Glyph> {
        self.glyph_at(self.at + ahead)
    }
    fn han(&self, ahead: usize) -> Option<char> {
        self.atoms.get(self.at + ahead).and_then(Atom::han)
    }
    fn number(&self, ahead: usize) -> Option<u32> {
        self.atoms.get(self.at + ahead).and_then(Atom::number)
    }
    fn letter(&self, ahead: usize) -> Option<u8> {
        self.atoms.get(self.at + ahead).and_then(Atom::letter)
    }
    fn stem(&self, ahead: usize) -> Option<u8> {
        let c = self.han(ahead)?;
        STEMS.iter().position(|&stem| stem == c).map(|at| FIRST_STEM + at as u8)
    }
    /// Whether the letter ahead stands alone: no letter before or behind it.
    fn lone_letter(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        let letter = self.atoms.get(at)?.letter()?;
        let is_letter = |at: usize| self.atoms.get(at).is_some_and(|atom| atom.letter().is_some());
        let behind = is_letter(at + 1) && !self.atoms.get(at + 1).is_some_and(|atom| atom.gap);
        let before = at > 0 && is_letter(at - 1) && !self.atoms.get(at).is_some_and(|atom| atom.gap);
        (!before && !behind).then_some(letter)
    }
    /// A number with its letter (12, 12A, A12, 12甲), or a letter before a unit of buildings (A座).
    fn value(&mut self) -> Option<NumberValue> {
        let code = |letter: u8| letter - b'a' + 1;
        if let Some(main) = self.number(0) {
            let value = NumberValue::new(main)?;
            self.at += 1;
            if self.atoms.get(self.at).is_some_and(|atom| atom.gap) {
                return Some(value);
            }
            if let Some(stem) = self.stem(0).filter(|&stem| stem < FIRST_STEM + 4) {
                self.at += 1;
                return Some(value.with_letter(stem));
            }
            let typed_unit = self.latin && self.latin_unit().is_some();
            if let Some(letter) = self.lone_letter(0).filter(|_| !typed_unit && self.number(1).is_none())
                && (letter != b'm' || self.han(1).is_some())
            {
                self.at += 1;
                return Some(value.with_letter(code(letter)));
            }
            return Some(value);
        }
        let letter = self.lone_letter(0)?;
        if let Some(main) =
            self.number(1).filter(|_| !self.atoms.get(self.at + 1).is_some_and(|atom| atom.gap))
        {
            // Typed initials before a number (xpj12) are part of a name, and so is their last letter.
            let value = NumberValue::new(main)?;
            self.at += 2;
            return Some(value.with_letter(code(letter)));
        }
        let building = matches!(self.han(1), Some('座' | '栋' | '幢' | '楼' | '单'));
        if building && !(self.han(1) == Some('单') && self.han(2) != Some('元')) {
            self.at += 1;
            return Some(NumberValue::NONE.with_letter(code(letter)));
        }
        None
    }
    /// The unit ahead and its length in atoms.
    fn unit(&self) -> Option<(NumberUnit, usize)> {
        let (first, second) = (self.han(0), self.han(1));
        let Some(first) = first else {
            return match self.glyph(0) {
                Some(Glyph::Sign(b'#')) => match second {
                    Some('楼') => Some((NumberUnit::Building, 2)),
                    _ => Some((NumberUnit::Hash, 1)),
                },
                Some(Glyph::Letter(b'm')) if self.lone_letter(0).is_some() => Some((NumberUnit::Metres, 1)),
                Some(Glyph::Letter(b'k')) if self.letter(1) == Some(b'm') && self.letter(2).is_none() => {
                    Some((NumberUnit::Kilometres, 2))
                }
                Some(Glyph::Letter(_)) if self.latin => self.latin_unit(),
                _ => None,
            };
        };
        Some(match (first, second) {
            ('号', Some('楼')) if !matches!(self.han(2), Some('上' | '下' | '顶')) => {
                (NumberUnit::Building, 2)
            }
            ('号', Some('栋' | '幢' | '座')) => (NumberUnit::Building, 2),
            ('号', Some('单')) if self.han(2) == Some('元') => (NumberUnit::Unit, 3),
            ('号', Some('室' | '房')) => (NumberUnit::Room, 2),
            ('号', Some('院')) => (NumberUnit::Door, 2),
            ('号', Some('门')) if self.han(2) == Some('牌') => (NumberUnit::Door, 3),
            ('号', _) => (NumberUnit::Door, 1),
            ('栋' | '幢' | '座', Some('楼')) => (NumberUnit::Building, 2),
            ('栋' | '幢' | '座', _) => (NumberUnit::Building, 1),
            ('单', Some('元')) => (NumberUnit::Unit, 2),
            ('层', _) => (NumberUnit::Floor, 1),
            ('楼', Some('层')) => (NumberUnit::Floor, 2),
            ('楼', _) => (NumberUnit::Floor, 1),
            ('室', _) => (NumberUnit::Room, 1),
            ('房', Some('间')) => (NumberUnit::Room, 2),
            ('房', _) => (NumberUnit::Room, 1),
            ('组' | '队' | '社', _) if !(first == '社' && second == Some('区')) => {
                (NumberUnit::Group, 1)
            }
            ('小', Some('组' | '队')) => (NumberUnit::Group, 2),
            ('村', Some('民')) if self.han(2) == Some('小') && self.han(3) == Some('组') => {
                (NumberUnit::Group, 4)
            }
            ('村', Some('民')) if self.han(2) == Some('组') => (NumberUnit::Group, 3),
            ('生', Some('产')) if self.han(2) == Some('队') => (NumberUnit::Group, 3),
            ('生', Some('产')) if self.han(2) == Some('小') && self.han(3) == Some('队') => {
                (NumberUnit::Group, 4)
            }
            ('巷' | '弄', _) => (NumberUnit::Lane, 1),
            ('期', _) => (NumberUnit::Phase, 1),
            ('米', _) => (NumberUnit::Metres, 1),
            ('公', Some('尺')) => (NumberUnit::Metres, 2),
            ('公', Some('里')) => (NumberUnit::Kilometres, 2),
            ('千', Some('米')) => (NumberUnit::Kilometres, 2),
            _ => return None,
        })
    }
    /// 号之 or 号附 typed as pinyin (12haofu1) or initials (12hf1): its length, 0 if there is none before a number.
    fn latin_joint(&self) -> usize {
        for word in ["haofu", "haozhi", "hf", "hz", "fu", "zhi"] {
            let letters = word.bytes().enumerate().all(|(k, letter)| self.letter(k) == Some(letter));
            if letters && self.number(word.len()).is_some() {
                return word.len();
            }
        }
        0
    }
    /// A unit typed as pinyin or as its initials, all the letters up to the next number, gap or ideograph.
    fn latin_unit(&self) -> Option<(NumberUnit, usize)> {
        let mut letters = [0u8; 8];
        let mut len = 0;
        while let Some(letter) = self.letter(len) {
            if len > 0 && self.atoms.get(self.at + len).is_some_and(|atom| atom.gap) {
                break;
            }
            *letters.get_mut(len)? = letter;
            len += 1;
        }
        let unit = match letters.get(..len)? {
            b"hao" | b"h" => NumberUnit::Door,
            b"haolou" | b"hl" | b"dong" | b"zhuang" | b"zuo" => NumberUnit::Building,
            b"danyuan" | b"dy" => NumberUnit::Unit,
            b"ceng" | b"c" | b"lou" | b"l" => NumberUnit::Floor,
            b"shi" | b"s" | b"fang" => NumberUnit::Room,
            b"zu" | b"dui" | b"xiaozu" | b"z" => NumberUnit::Group,
            b"xiang" | b"nong" => NumberUnit::Lane,
            b"mi" => NumberUnit::Metres,
            b"gongli" => NumberUnit::Kilometres,
            _ => return None,
        };
        Some((unit, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Normalized;

    /// Unit, parts (main, letter, suffix), and atoms left over.
    type Read = (NumberUnit, Vec<(u32, u8, u32)>, usize);

    fn number(text: &str) -> Option<Read> {
        let normalized = Normalized::new(text);
        let token = number_at(&normalized.atoms, 0, true)?;
        let parts = token.parts().iter().map(|part| (part.main(), part.letter(), part.sub())).collect();
        Some((token.unit, parts, normalized.atoms.len() - token.end))
    }

    #[test]
    fn one_plate_in_many_hands() {
        for text in [
            "12-1号",
            "12号之1",
            "12之1号",
            "12号附1",
            "12号附1号",
            "十二号之一",
            "12号-1",
            "１２號之一",
            "十二之一号",
        ] {
            let (unit, parts, left) = number(text).unwrap();
            let is_plate = unit == NumberUnit::Door && left == 0;
            let value = match parts.as_slice() {
                [(12, 0, 1)] => true,
                // The reader of a door number joins a dash.
                [(12, 0, 0), (1, 0, 0)] => text.contains('-'),
                _ => false,
            };
            assert!(is_plate && value, "{text}: {unit:?} {parts:?} {left}");
        }
        assert_eq!(number("121号"), Some((NumberUnit::Door, vec![(121, 0, 0)], 0)));
    }

    #[test]
    fn units() {
        use NumberUnit as U;
        let cases = [
            ("9号楼", U::Building, vec![(9, 0, 0)], 0),
            ("12号楼上", U::Door, vec![(12, 0, 0)], 2),
            ("9-3-204", U::Bare, vec![(9, 0, 0), (3, 0, 0), (204, 0, 0)], 0),
            ("A座", U::Building, vec![(0, 1, 0)], 0),
            ("B12栋", U::Building, vec![(12, 2, 0)], 0),
            ("12A号", U::Door, vec![(12, 1, 0)], 0),
            ("12甲号", U::Door, vec![(12, 27, 0)], 0),
            ("临12号", U::Door, vec![(12, 31, 0)], 0),
            ("第三村民小组", U::Group, vec![(3, 0, 0)], 0),
            ("3队", U::Group, vec![(3, 0, 0)], 0),
            ("12haofu1", U::Door, vec![(12, 0, 1)], 0),
            ("12hz1", U::Door, vec![(12, 0, 1)], 0),
            ("12号之2楼下", U::Door, vec![(12, 0, 2)], 2),
            ("12hao", U::Door, vec![(12, 0, 0)], 0),
            ("12h", U::Door, vec![(12, 0, 0)], 0),
            ("2dy", U::Unit, vec![(2, 0, 0)], 0),
            ("50米", U::Metres, vec![(50, 0, 0)], 0),
            ("50m", U::Metres, vec![(50, 0, 0)], 0),
            ("1-3号", U::Door, vec![(1, 0, 0), (3, 0, 0)], 0),
            ("门牌12号", U::Door, vec![(12, 0, 0)], 0),
            ("#12", U::Hash, vec![(12, 0, 0)], 0),
            ("3#楼", U::Building, vec![(3, 0, 0)], 0),
            ("501", U::Bare, vec![(501, 0, 0)], 0),
        ];
        for (text, unit, parts, left) in cases {
            assert_eq!(number(text), Some((unit, parts, left)), "{text}");
        }
        for text in ["", "溪坪", "号", "之1", "abc"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn plates_stand_in_order() {
        let value = |main: u32| NumberValue::new(main).unwrap();
        let order = [value(12), value(12).with_sub(1).unwrap(), value(12).with_letter(1), value(13)];
        assert!(order.is_sorted());
        assert_eq!(value(12).with_letter(1).plain(), "12A");
        assert_eq!(value(12).with_letter(27).plain(), "甲12");
        assert_eq!(NumberValue::NONE.with_letter(2).plain(), "B");
        assert_eq!(NumberValue::new(NumberValue::MAX_MAIN + 1), None);
        assert_eq!(value(1).with_sub(512), None);
    }
}
