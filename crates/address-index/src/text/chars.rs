//! Tables over the block of unified ideographs (U+4E00 to U+9FFF), made by `build.rs`.

/// Code of the first character that has tables.
const FIRST: u32 = 0x4E00;
const SIMPLIFIED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/simplified.bin"));
const READING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reading.bin"));
const MORE_READINGS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/more_readings.bin"));
/// Set in a primary reading when the character has others.
const MORE: u16 = 0x8000;

/// The simplified form of a character; itself where it has none.
#[inline]
pub fn simplified(c: char) -> char {
    let code = c as u32;
    if code < FIRST {
        return c;
    }
    match entry(SIMPLIFIED, code - FIRST) {
        Some(to) => char::from_u32(u32::from(to)).unwrap_or(c),
        None => c,
    }
}

/// A traditional form of a simplified character, the first in code order; `None` where there is none. For tests and
/// for made-up queries: the table is searched from end to end.
pub fn traditional(c: char) -> Option<char> {
    let code = u16::try_from(c as u32).ok()?;
    let at = SIMPLIFIED.chunks_exact(2).enumerate().position(|(at, pair)| {
        u16::from_le_bytes([pair[0], pair[1]]) == code && FIRST + at as u32 != u32::from(code)
    })?;
    char::from_u32(FIRST + at as u32)
}

/// Index of the usual reading of a character in [`super::pinyin::syllable`], and whether there are others.
#[inline]
pub(crate) fn reading(c: char) -> Option<(u16, bool)> {
    let value = entry(READING, (c as u32).checked_sub(FIRST)?)?;
    (value != u16::MAX).then_some((value & !MORE, value & MORE != 0))
}

/// The less usual readings of a character, usual ones first.
pub(crate) fn more_readings(c: char) -> impl Iterator<Item = u16> {
    let pairs = MORE_READINGS.len() / 4;
    let code = u16::try_from(c as u32).unwrap_or(0);
    let pair = |at: usize| -> Option<(u16, u16)> {
        let bytes = MORE_READINGS.get(at * 4..at * 4 + 4)?;
        Some((u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]])))
    };
    let (mut low, mut high) = (0, pairs);
    while low < high {
        let middle = low.midpoint(high);
        if pair(middle).is_some_and(|(of, _)| of < code) { low = middle + 1 } else { high = middle }
    }
    (low..pairs).map_while(pair).take_while(move |(of, _)| *of == code).map(|(_, syllable)| syllable)
}

#[inline]
fn entry(table: &[u8], at: u32) -> Option<u16> {
    let at = at as usize * 2;
    let bytes = table.get(at..at + 2)?;
    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_readings() {
        for (from, to) in "號號樓棟單雙鎮榮乾邨峯A号".chars().zip("号号楼栋单双镇荣干村峰A号".chars())
        {
            assert_eq!(simplified(from), to);
        }
        assert_eq!(traditional('镇'), Some('鎮'));
        assert_eq!(traditional('口'), None);
        let syllable = crate::text::pinyin::syllable;
        assert_eq!(reading('坪').map(|(id, _)| syllable(id)), Some("ping"));
        let all: Vec<_> = more_readings('行').map(syllable).collect();
        assert!(all.contains(&"hang") && reading('行').is_some_and(|(_, more)| more), "{all:?}");
        assert_eq!(reading('a'), None);
        assert_eq!(more_readings('坪').count(), 0);
    }
}
