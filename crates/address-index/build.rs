//! Makes the character tables from crates whose licences allow it, so that no copy of their data lies in the project:
//! simplified forms (`simplet2s`, MIT) and readings without tones (`pinyin`, MIT, from Unihan).

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::Path,
};

use pinyin::{ToPinyin, ToPinyinMulti};

/// The block of unified ideographs that has tables; rarer characters are kept as they are and have no reading.
const FIRST: u32 = 0x4E00;
const LAST: u32 = 0x9FFF;
const NONE: u16 = u16::MAX;
/// Set in a primary reading when the character has others.
const MORE: u16 = 0x8000;

/// Traditional and variant forms common on door plates that the source leaves alone because they are ambiguous in prose.
const EXTRA_SIMPLIFIED: &[(char, char)] = &[
    ('乾', '干'),
    ('著', '着'),
    ('邨', '村'),
    ('峯', '峰'),
    ('菴', '庵'),
    ('磘', '窑'),
    ('衖', '弄'),
    ('臺', '台'),
    ('後', '后'),
    ('裏', '里'),
    ('裡', '里'),
    ('傢', '家'),
    ('壹', '一'),
    ('弍', '二'),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").unwrap_or_default();
    let out = Path::new(&out);

    let simplified: Vec<char> = (FIRST..=LAST).map(simplified).collect();
    write_u16(&out.join("simplified.bin"), simplified.iter().map(|&c| u16::try_from(c as u32).unwrap_or(0)));

    let readings: Vec<Vec<String>> = (FIRST..=LAST).map(readings).collect();
    let syllables: BTreeSet<&str> = readings.iter().flatten().map(String::as_str).collect();
    let id: BTreeMap<&str, u16> = syllables.iter().copied().zip(0..).collect();
    let primary = readings.iter().map(|all| match all.as_slice() {
        [] => NONE,
        [only] => id[only.as_str()],
        [first, ..] => id[first.as_str()] | MORE,
    });
    write_u16(&out.join("reading.bin"), primary);
    let others = readings.iter().zip(FIRST..).flat_map(|(all, code)| {
        let id = &id;
        all.iter().skip(1).flat_map(move |reading| [code as u16, id[reading.as_str()]])
    });
    write_u16(&out.join("more_readings.bin"), others);

    let classes: BTreeSet<String> = syllables.iter().map(|s| careless(s)).collect();
    let class: BTreeMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
    let mut code = String::from("pub(crate) const SYLLABLES: &[&str] = &[");
    syllables.iter().for_each(|s| write!(code, "\"{s}\", ").unwrap_or(()));
    code.push_str("];\npub(crate) const CARELESS_CLASS: &[u16] = &[");
    syllables.iter().for_each(|s| write!(code, "{}, ", class[careless(s).as_str()]).unwrap_or(()));
    code.push_str("];\n");
    fs::write(out.join("syllables.rs"), code).expect("OUT_DIR is writable");
}

fn simplified(code: u32) -> char {
    let Some(c) = char::from_u32(code) else { return '\0' };
    if let Some(&(_, to)) = EXTRA_SIMPLIFIED.iter().find(|(from, _)| *from == c) {
        return to;
    }
    let converted = simplet2s::convert(&c.to_string());
    match converted.chars().next() {
        Some(to) if (FIRST..=LAST).contains(&(to as u32)) => to,
        _ => c,
    }
}

/// Readings without tones, the usual one first; ü is written v.
fn readings(code: u32) -> Vec<String> {
    let Some(c) = char::from_u32(code) else { return Vec::new() };
    let plain = |p: pinyin::Pinyin| p.plain().replace('ü', "v").replace('ê', "e");
    let mut all: Vec<String> = c.to_pinyin().map(plain).into_iter().collect();
    for other in c.to_pinyin_multi().into_iter().flatten().map(plain) {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    // Interjections such as "m" and "hng" are no readings of names.
    all.retain(|s| s.is_ascii() && s.contains(['a', 'e', 'i', 'o', 'u', 'v']));
    all.truncate(4);
    all
}

/// How a southern ear may write a syllable: z/zh, c/ch, s/sh, n/l, h/f and in/ing, en/eng, an/ang are one.
fn careless(syllable: &str) -> String {
    let (initial, rest) = match syllable.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => (&syllable[..1], &syllable[2..]),
        [b'n', _, ..] => ("l", &syllable[1..]),
        [b'f', ..] => ("h", &syllable[1..]),
        [b'a' | b'e' | b'o', ..] => ("", syllable),
        _ => (&syllable[..1], &syllable[1..]),
    };
    let rest = rest.strip_suffix('g').filter(|r| r.ends_with('n')).unwrap_or(rest);
    format!("{initial}{rest}")
}

fn write_u16(path: &Path, values: impl Iterator<Item = u16>) {
    let bytes: Vec<u8> = values.flat_map(u16::to_le_bytes).collect();
    fs::write(path, bytes).expect("OUT_DIR is writable");
}
