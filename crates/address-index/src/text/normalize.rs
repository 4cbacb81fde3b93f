//! One pass from text to atoms, each of which knows the bytes it was made from.
//!
//! Full and half width, upper and lower case, tone marks, traditional forms and numerals of door numbers become one;
//! punctuation becomes a gap. Nothing is thrown away that could not be shown again: the span of an atom is where it
//! stood, so whatever is found in atoms can be underlined in what was typed.

use super::{
    chars::simplified,
    numerals::{self, Numeral, numeral, value_of},
};

/// Atoms kept of one text; what follows is not looked at. No address is as long.
pub const MAX_ATOMS: usize = 1024;
/// Bytes of one text that are looked at.
pub const MAX_BYTES: usize = 16 * 1024;

/// What an atom is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// A simplified ideograph, or a letter of another script than Latin.
    Han(char),
    /// A Latin letter, lower case.
    Letter(u8),
    /// A number; values above `u32::MAX` are `u32::MAX`. `digits` counts leading zeros too and ends at 255.
    Number {
        /// Its value.
        value: u32,
        /// How many digits were written; 0 if it was written in Chinese characters.
        digits: u8,
    },
    /// `-`, `~` (a range), `#` or `.` beside a number.
    Sign(u8),
}

/// The smallest thing that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atom {
    /// What it is.
    pub glyph: Glyph,
    /// Where it begins in the source, bytes.
    pub start: u32,
    /// Where it ends in the source, bytes.
    pub end: u32,
    /// Whether a space or punctuation stood before it.
    pub gap: bool,
}

/// Text as atoms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalized {
    /// The atoms, in the order of the source.
    pub atoms: Vec<Atom>,
    /// Whether the source was longer than what is looked at.
    pub truncated: bool,
}

impl Atom {
    /// The ideograph, if it is one.
    #[inline]
    pub fn han(&self) -> Option<char> {
        match self.glyph {
            Glyph::Han(c) => Some(c),
            _ => None,
        }
    }
    /// The value, if it is a number.
    #[inline]
    pub fn number(&self) -> Option<u32> {
        match self.glyph {
            Glyph::Number { value, .. } => Some(value),
            _ => None,
        }
    }
    /// The letter, if it is one.
    #[inline]
    pub fn letter(&self) -> Option<u8> {
        match self.glyph {
            Glyph::Letter(letter) => Some(letter),
            _ => None,
        }
    }
}

impl Normalized {
    /// Normalises `source`.
    pub fn new(source: &str) -> Self {
        let mut normalized = Self::default();
        normalized.fill(source);
        normalized
    }
    /// Normalises `source` in place of what was there: keeps the memory.
    pub fn fill(&mut self, source: &str) {
        self.atoms.clear();
        self.truncated = source.len() > MAX_BYTES;
        let mut pass = Pass { source, at: 0, gap: false, atoms: &mut self.atoms };
        while pass.at < source.len().min(MAX_BYTES) {
            if pass.atoms.len() >= MAX_ATOMS {
                self.truncated = true;
                break;
            }
            pass.step();
        }
    }
    /// The normalised text: gaps as single spaces.
    pub fn text(&self) -> String {
        text_of(&self.atoms)
    }
    /// The bytes of the source that a range of atoms came from; empty at the end of the source's last atom if the range is.
    pub fn source_span(&self, atoms: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let inside = self.atoms.get(atoms).unwrap_or_default();
        let start = inside.first().map_or(0, |atom| atom.start as usize);
        start..inside.last().map_or(start, |atom| atom.end as usize)
    }
}

/// Atoms as text: gaps as single spaces.
pub(crate) fn text_of(atoms: &[Atom]) -> String {
    let mut text = String::with_capacity(atoms.len() * 3);
    for (at, atom) in atoms.iter().enumerate() {
        if atom.gap && at > 0 {
            text.push(' ');
        }
        match atom.glyph {
            Glyph::Han(c) => text.push(c),
            Glyph::Letter(letter) | Glyph::Sign(letter) => text.push(char::from(letter)),
            Glyph::Number { value, digits } => {
                text.push_str(&format!("{value:0width$}", width = usize::from(digits.min(10))));
            }
        }
    }
    text
}

struct Pass<'a> {
    source: &'a str,
    at: usize,
    gap: bool,
    atoms: &'a mut Vec<Atom>,
}

impl Pass<'_> {
    fn step(&mut self) {
        let Some(c) = self.source.get(self.at..).and_then(|rest| rest.chars().next()) else {
            self.at = self.source.len();
            return;
        };
        let next = self.at + c.len_utf8();
        if ('\u{4E00}'..='\u{9FFF}').contains(&c) {
            let c = simplified(c);
            match numeral(c) {
                Some(first) => self.numerals(c, first),
                None => self.push(Glyph::Han(c), next),
            }
            return;
        }
        match half_width(c) {
            b @ (b'0'..=b'9') => self.digits(b),
            b @ (b'a'..=b'z') => self.push(Glyph::Letter(b), next),
            b @ (b'A'..=b'Z') => self.push(Glyph::Letter(b.to_ascii_lowercase()), next),
            b @ (b'-' | b'~' | b'.' | b'#') => self.sign(b, next),
            0 => self.rare(c, next),
            _ => self.skip(next),
        }
    }
    fn push(&mut self, glyph: Glyph, next: usize) {
        // Offsets fit: no more than MAX_BYTES are looked at.
        self.atoms.push(Atom { glyph, start: self.at as u32, end: next as u32, gap: self.gap });
        self.gap = false;
        self.at = next;
    }
    fn skip(&mut self, next: usize) {
        self.gap = true;
        self.at = next;
    }
    fn digits(&mut self, first: u8) {
        let (mut value, mut digits) = (u32::from(first - b'0'), 1u8);
        let mut next = self.at + self.source[self.at..].chars().next().map_or(1, char::len_utf8);
        while let Some(c) = self.source.get(next..).and_then(|rest| rest.chars().next()) {
            let b = half_width(c);
            if !b.is_ascii_digit() {
                break;
            }
            value = value.saturating_mul(10).saturating_add(u32::from(b - b'0'));
            digits = digits.saturating_add(1);
            next += c.len_utf8();
        }
        self.push(Glyph::Number { value, digits }, next);
    }
    /// A sign means something only between or before numbers; elsewhere it is punctuation.
    fn sign(&mut self, sign: u8, next: usize) {
        let before = self.atoms.last().filter(|_| !self.gap).map(|atom| atom.glyph);
        let after = self.source.get(next..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let number_after = half_width(after).is_ascii_digit() || numeral(simplified(after)).is_some();
        let number_before = matches!(before, Some(Glyph::Number { .. } | Glyph::Letter(_)));
        let unit_before = matches!(before, Some(Glyph::Han('号' | '栋' | '幢' | '座' | '元' | '层' | '楼')));
        let letter_after = half_width(after).is_ascii_alphabetic();
        let keep = match sign {
            b'#' => number_before || number_after,
            b'.' => number_before && number_after,
            _ => (number_before || unit_before) && (number_after || letter_after),
        };
        if keep { self.push(Glyph::Sign(sign), next) } else { self.skip(next) }
    }
    /// Numerals are a number only where a number can stand: before a unit such as 号, after 之, or as 五〇一 after 单元.
    /// 三洋村 and 八一路 keep their characters.
    fn numerals(&mut self, c: char, first: Numeral) {
        let mut run = [first; numerals::LONGEST + 1];
        let (mut len, mut next) = (1, self.at + c.len_utf8());
        let mut rest = self.source[next..].chars();
        let mut after = rest.clone();
        while let Some(n) = rest.next().and_then(|c| numeral(simplified(c))) {
            let Some(slot) = run.get_mut(len) else { break };
            *slot = n;
            len += 1;
            next = self.source.len() - rest.as_str().len();
            after = rest.clone();
        }
        let value = value_of(&run[..len]).filter(|_| self.is_number_here(&run[..len], after));
        match value {
            Some(value) => self.push(Glyph::Number { value, digits: 0 }, next),
            // The characters of the run one by one: their next is a step of its own, but must not start a shorter number.
            None => {
                let stop = next;
                while self.at < stop {
                    let Some(c) = self.source.get(self.at..).and_then(|rest| rest.chars().next()) else {
                        break;
                    };
                    self.push(Glyph::Han(simplified(c)), self.at + c.len_utf8());
                }
            }
        }
    }
    fn is_number_here(&self, run: &[Numeral], mut after: std::str::Chars<'_>) -> bool {
        let mut following = || after.next().map_or(' ', simplified);
        let (first, second) = (following(), following());
        let number_follows = half_width(second).is_ascii_digit() || numeral(second).is_some();
        let unit_follows = match first {
            '号' | '栋' | '幢' | '座' | '层' | '楼' | '室' | '组' | '队' | '巷' | '弄' | '米' | '期'
            | '排' => true,
            '单' => second == '元',
            '公' => second == '里',
            '小' => matches!(second, '组' | '队'),
            '村' => second == '民',
            '生' => second == '产',
            '之' | '附' | '-' | '－' | '#' => number_follows,
            _ => false,
        };
        if unit_follows {
            return true;
        }
        let previous = |back: usize| self.atoms.len().checked_sub(back).and_then(|at| self.atoms.get(at));
        let last = previous(1).filter(|_| !self.gap).map(|atom| atom.glyph);
        let before_last = previous(2).map(|atom| atom.glyph);
        let numbered = matches!(before_last, Some(Glyph::Number { .. } | Glyph::Han('号')));
        match last {
            Some(Glyph::Sign(_)) => true,
            Some(Glyph::Han('之' | '附')) => numbered,
            Some(Glyph::Han('元' | '栋' | '幢' | '座' | '号' | '层' | '楼')) => {
                run.len() >= 2 || !is_ideograph(first)
            }
            _ => false,
        }
    }
    /// Whatever is neither an ideograph of the main block nor ASCII in any width.
    fn rare(&mut self, c: char, next: usize) {
        match c {
            '〇' | '○' => self.numerals(c, Numeral::Digit(0)),
            '①'..='⑳' => self.push(Glyph::Number { value: c as u32 - '①' as u32 + 1, digits: 0 }, next),
            'Ⅰ'..='Ⅻ' => self.push(Glyph::Number { value: c as u32 - 'Ⅰ' as u32 + 1, digits: 0 }, next),
            'ⅰ'..='ⅻ' => self.push(Glyph::Number { value: c as u32 - 'ⅰ' as u32 + 1, digits: 0 }, next),
            // Zero-width characters and marks stand inside words: they are no gap.
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' => {
                self.at = next
            }
            '\u{0300}'..='\u{036F}' | '\u{FE00}'..='\u{FE0F}' => self.at = next,
            _ => match plain_letter(c) {
                Some(letter) => self.push(Glyph::Letter(letter), next),
                None if c.is_alphabetic() => self.push(Glyph::Han(c), next),
                None => self.skip(next),
            },
        }
    }
}

fn is_ideograph(c: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&c)
}

/// The ASCII byte of a character of half or full width, dashes and tildes as one each; 0 for anything else.
#[inline]
fn half_width(c: char) -> u8 {
    match c {
        '\0'..='\x7F' => {
            let b = c as u8;
            if b < b' ' || b == b'_' { b' ' } else { b }
        }
        '\u{FF01}'..='\u{FF5E}' if c != '～' => (c as u32 - 0xFF01) as u8 + b'!',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹣' | '﹘' | 'ー' => b'-',
        '～' | '〜' | '∼' | '˜' => b'~',
        '\u{3000}' => b' ',
        _ => 0,
    }
}

/// Letters with tone marks, as pinyin is written in books; ü is v.
fn plain_letter(c: char) -> Option<u8> {
    Some(match c {
        'ā' | 'á' | 'ǎ' | 'à' | 'Ā' | 'Á' | 'Ǎ' | 'À' => b'a',
        'ē' | 'é' | 'ě' | 'è' | 'ê' | 'Ē' | 'É' | 'Ě' | 'È' => b'e',
        'ī' | 'í' | 'ǐ' | 'ì' => b'i',
        'ō' | 'ó' | 'ǒ' | 'ò' | 'Ō' | 'Ó' | 'Ǒ' | 'Ò' => b'o',
        'ū' | 'ú' | 'ǔ' | 'ù' => b'u',
        'ǖ' | 'ǘ' | 'ǚ' | 'ǜ' | 'ü' | 'Ü' => b'v',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_one() {
        let cases = [
            ("雙城鎮溪坪街１２號", "双城镇溪坪街12号"),
            ("双城镇溪坪街十二号", "双城镇溪坪街12号"),
            ("溪坪街一百零三號之一", "溪坪街103号之1"),
            ("溪坪街廿三号", "溪坪街23号"),
            ("三洋村八一路五号", "三洋村八一路5号"),
            ("溪坪街12号—1", "溪坪街12号-1"),
            ("溪坪街12－1号", "溪坪街12-1号"),
            ("3栋二单元五〇一", "3栋2单元501"),
            ("第三村民小组", "第3村民小组"),
            ("  双城镇，溪坪街(12号)  ", " 双城镇 溪坪街 12号"),
            ("XīPíng Jiē 12hào", "xiping jie 12hao"),
            ("溪\u{200B}坪街", "溪坪街"),
            ("１２＃", "12#"),
            ("③栋", "3栋"),
            ("0901室", "0901室"),
            ("溪坪街-西段", "溪坪街 西段"),
        ];
        for (source, expected) in cases {
            assert_eq!(Normalized::new(source).text().trim_start(), expected.trim_start(), "{source}");
        }
    }

    #[test]
    fn spans_lead_back() {
        let source = "雙城鎮 溪坪街一百零三號";
        let normalized = Normalized::new(source);
        let at = normalized.atoms.iter().position(|atom| atom.number() == Some(103)).unwrap();
        assert_eq!(&source[normalized.source_span(at..at + 2)], "一百零三號");
        assert_eq!(&source[normalized.source_span(0..4)], "雙城鎮 溪");
        assert_eq!(normalized.source_span(99..100), 0..0);
    }

    #[test]
    fn long_and_strange_text_is_cut_and_never_panics() {
        let long = "街".repeat(1_000_000);
        let normalized = Normalized::new(&long);
        assert!(normalized.truncated && normalized.atoms.len() <= MAX_ATOMS);
        for text in
            ["", "\u{202E}שלום", "🏠🏠", "\0\u{1}", "۱۲", "----", "#", "之之之", "9".repeat(400).as_str()]
        {
            let normalized = Normalized::new(text);
            for atom in &normalized.atoms {
                assert!(text.get(atom.start as usize..atom.end as usize).is_some(), "{text}");
            }
        }
    }
}
