//! Fuzz targets: normaliser, parser, search, index reader. A short run with every `make test`; longer with
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p address-index --test it fuzz`.

use address_index::{
    division::Divisions,
    index::{AddressIndex, AlignedBytes, Target},
    parse::{Lexicon, Parser, caller::CallerPhrase},
    search::{SearchOptions, Searcher},
    text::Normalized,
};

use crate::made::{address, build, county};

/// Characters that mean something here, so that random bytes make addresses.
const CHARS: &str = "福建省宁德市柘荣县双城镇溪坪社区街路巷号栋单元室之附-一二十百零廿12３４9#~.0第组队村委会xpjzhAB 旁边往北米\u{202E}🏠號樓的";

fn text_of(bytes: &[u8]) -> String {
    let chars: Vec<char> = CHARS.chars().collect();
    bytes.iter().map(|&b| chars[usize::from(b) % chars.len()]).collect()
}

#[test]
fn text() {
    let (table, _) = build(vec![
        address(1, "双城镇", "溪坪社区", "溪坪街一巷", "12号之1"),
        address(2, "双城镇", "溪坪社区", "溪坪街", "3号"),
    ]);
    let parser = Parser::new(Lexicon::new(&Divisions::national(), table.places()), Some(county()));
    let index = AddressIndex::build(&table).unwrap();
    bolero::check!().with_iterations(3_000).for_each(|bytes: &[u8]| {
        let mut searcher = Searcher::new(&index);
        for source in [text_of(bytes), String::from_utf8_lossy(bytes).into_owned()] {
            let normalized = Normalized::new(&source);
            let mut before = 0;
            for atom in &normalized.atoms {
                assert!(atom.start as usize >= before && atom.start < atom.end, "{source:?}");
                assert!(source.get(atom.start as usize..atom.end as usize).is_some(), "{source:?}");
                before = atom.start as usize;
            }
            for element in parser.parse(&source).elements {
                assert!(source.get(element.span).is_some(), "{source:?}");
            }
            let phrase = CallerPhrase::read(&source);
            assert!(source.get(phrase.anchor).is_some(), "{source:?}");
            for unfinished in [false, true] {
                for hit in searcher.search(&source, &SearchOptions { unfinished, ..SearchOptions::default() })
                {
                    assert!(hit.score.is_finite() && (0.0..=1.0).contains(&hit.confidence), "{source:?}");
                    for span in hit.spans {
                        assert!(source.get(span.span).is_some(), "{source:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn index_reader() {
    let rows: Vec<_> = (1..40).map(|n| (n, format!("{n}号"))).collect();
    let table =
        build(rows.iter().map(|(n, door)| address(*n, "双城镇", "溪坪社区", "溪坪街", door)).collect()).0;
    let good = AddressIndex::build(&table).unwrap().as_bytes().to_vec();
    bolero::check!().with_iterations(3_000).for_each(|bytes: &[u8]| {
        let _ = AddressIndex::open(AlignedBytes::copy_of(bytes));
        // Past the checksums: edits of a good file with its sums made right again.
        let mut edited = good.clone();
        for edit in bytes.chunks_exact(4).take(6) {
            let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) * 3 % edited.len();
            let value = [edit[2], 0, 0xFF, edit[2].wrapping_add(1)][usize::from(edit[3]) % 4];
            if at >= 32 {
                edited[at] = value;
            }
        }
        mend(&mut edited);
        if let Ok(index) = AddressIndex::open(AlignedBytes::copy_of(&edited)) {
            let view = index.view();
            for at in 0..view.address_count().min(50) as u32 {
                view.text_of(Target::Address(at));
                view.find_id(view.address_id(at));
                view.position_m(Target::Address(at));
            }
            let mut searcher = Searcher::new(&index);
            for query in ["溪坪街12号", "xpj3", "溪街14", "双城镇"] {
                searcher.search(query, &SearchOptions::default());
            }
        }
    });
}

/// Writes the checksums that the bytes have.
fn mend(bytes: &mut [u8]) {
    let count = 46;
    let table = 32..32 + 24 * count;
    if bytes.len() < table.end {
        return;
    }
    for entry in 0..count {
        let at = 32 + 24 * entry;
        let read = |k: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + k + i])) as usize;
        let (offset, len) = (read(8), read(16));
        let sum = offset.checked_add(len).and_then(|end| bytes.get(offset..end)).map(crc32fast::hash);
        if let Some(sum) = sum {
            bytes[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = crc32fast::hash(&bytes[table]);
    bytes[24..28].copy_from_slice(&sum.to_le_bytes());
}
