//! Syllables without tones, and the symbols that names are looked up by.

use super::chars;

include!(concat!(env!("OUT_DIR"), "/syllables.rs"));

/// What a name is looked up by, one per character: a reading, a letter, or a number.
pub type Symbol = u16;

/// Symbols below are syllables, in alphabetical order from 1.
pub(crate) const FIRST_LETTER: Symbol = 512;
/// Characters without a reading share these 400 symbols by their code.
pub(crate) const FIRST_UNREAD: Symbol = 600;
/// Numbers from here on; those of 64,511 and more share the last.
pub(crate) const FIRST_NUMBER: Symbol = 1024;

/// The letters of a syllable; ü is written v.
pub fn syllable(id: u16) -> &'static str {
    SYLLABLES.get(usize::from(id)).copied().unwrap_or_default()
}

/// The symbol of a syllable.
pub(crate) fn symbol_of_syllable(id: u16) -> Symbol {
    id + 1
}

/// Symbol of a character by its usual reading.
pub(crate) fn symbol_of_char(c: char) -> Symbol {
    match chars::reading(c) {
        Some((id, _)) => symbol_of_syllable(id),
        None => FIRST_UNREAD + (c as u32 % 400) as Symbol,
    }
}

/// Symbols of a character by its less usual readings.
pub(crate) fn more_symbols_of_char(c: char) -> impl Iterator<Item = Symbol> {
    let has_more = chars::reading(c).is_some_and(|(_, more)| more);
    has_more.then(|| chars::more_readings(c).map(symbol_of_syllable)).into_iter().flatten()
}

/// Symbol of a lower-case letter.
pub(crate) fn symbol_of_letter(letter: u8) -> Symbol {
    FIRST_LETTER + Symbol::from(letter.wrapping_sub(b'a') % 32)
}

/// Symbol of a number.
pub(crate) fn symbol_of_number(value: u32) -> Symbol {
    FIRST_NUMBER.saturating_add(value.min(64_511) as Symbol)
}

/// The letters that a symbol may be typed with: a syllable's, or one letter; numbers and unread characters have none.
pub(crate) fn letters_of_symbol(symbol: Symbol) -> &'static str {
    const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";
    match symbol {
        1..FIRST_LETTER => syllable(symbol - 1),
        FIRST_LETTER..FIRST_UNREAD => {
            let at = usize::from(symbol - FIRST_LETTER);
            ALPHABET.get(at..at + 1).unwrap_or_default()
        }
        _ => "",
    }
}

/// What a careless ear makes of a symbol: z and zh, n and l, in and ing and their like are one. Symbols other than
/// syllables are their own class.
pub(crate) fn careless(symbol: Symbol) -> Symbol {
    match symbol.checked_sub(1).and_then(|id| CARELESS_CLASS.get(usize::from(id))) {
        Some(&class) => class + 1,
        None => symbol,
    }
}

/// Syllables whose letters begin with the given ones, as a range of symbols.
pub(crate) fn symbols_with_prefix(letters: &[u8]) -> std::ops::Range<Symbol> {
    let low = SYLLABLES.partition_point(|s| s.as_bytes() < letters);
    let rest = &SYLLABLES[low..];
    let high = low + rest.partition_point(|s| s.as_bytes().starts_with(letters));
    symbol_of_syllable(low as u16)..symbol_of_syllable(high as u16)
}

/// The reading of text without tones, syllables joined: 溪坪街 becomes `xipingjie`. Characters without a reading and
/// anything else are kept, letters in lower case.
pub fn romanized(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars().map(chars::simplified) {
        match chars::reading(c) {
            Some((id, _)) => out.push_str(syllable(id)),
            None => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// The first letters of the readings of text: 溪坪街 becomes `xpj`.
pub fn initials(text: &str) -> String {
    let initial = |c: char| match chars::reading(c) {
        Some((id, _)) => syllable(id).chars().next().unwrap_or(c),
        None => c.to_ascii_lowercase(),
    };
    text.chars().map(chars::simplified).map(initial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_ordered_like_letters() {
        assert!(SYLLABLES.is_sorted() && SYLLABLES.len() < usize::from(FIRST_LETTER) - 1);
        assert_eq!(romanized("溪坪街12號A"), "xipingjie12haoa");
        assert_eq!(initials("溪坪街12号"), "xpj12h");
        assert_eq!(letters_of_symbol(symbol_of_char('坪')), "ping");
        assert_eq!(letters_of_symbol(symbol_of_letter(b'k')), "k");
        let range = symbols_with_prefix(b"zhu");
        assert!(range.contains(&symbol_of_char('庄')) && !range.contains(&symbol_of_char('周')));
        assert_eq!(range.map(letters_of_symbol).next(), Some("zhu"));
        assert!(symbols_with_prefix(b"vv").is_empty());
    }

    #[test]
    fn a_southern_ear_hears_one_sound() {
        let same = |a: char, b: char| careless(symbol_of_char(a)) == careless(symbol_of_char(b));
        assert!(same('站', '赞') && same('宁', '林') && same('福', '湖') && same('城', '岑'));
        assert!(!same('溪', '坪') && !same('一', '二'));
    }
}
