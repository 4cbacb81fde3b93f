//! The index as bytes: the same for the same table, refused when damaged.

use address_index::{
    index::{AddressIndex, AlignedBytes, FormatError, Target},
    model::AddressTable,
};

use crate::made::{address, build};

fn table() -> AddressTable {
    let towns = ["双城镇", "富溪镇"];
    let rows = (1..200).map(|n| {
        let (town, street) = (towns[n % 2], ["溪坪街", "柳城路", "南门巷"][n % 3]);
        (n, town, street, format!("{}号", n / 6 + 1))
    });
    let rows: Vec<_> = rows.collect();
    build(rows.iter().map(|(n, town, street, door)| address(*n, town, "", street, door)).collect()).0
}

#[test]
fn the_same_table_gives_the_same_bytes() {
    let (a, b) = (AddressIndex::build(&table()).unwrap(), AddressIndex::build(&table()).unwrap());
    assert_eq!(a.as_bytes(), b.as_bytes());
    let again = AddressIndex::open(AlignedBytes::copy_of(a.as_bytes())).unwrap();
    let view = again.view();
    assert_eq!(view.address_count(), table().addresses().len());
    assert_eq!(view.home().unwrap().to_string(), "350926");
    for (at, address) in table().addresses().iter().enumerate() {
        let found = view.find_id(&address.id).unwrap_or_else(|| panic!("{at}"));
        assert_eq!(view.text_of(Target::Address(found)), table().text(address));
        assert_eq!(view.numbers(found), address.numbers);
        let position = view.position_m(Target::Address(found)).unwrap();
        let expected = address.point.unwrap().position_m;
        assert!((0..2).all(|k| (position[k] - expected[k]).abs() < 0.006), "{position:?} {expected:?}");
    }
    assert_eq!(view.find_id("nobody"), None);
}

#[test]
fn an_empty_table_has_an_index() {
    let index = AddressIndex::build(&AddressTable::default()).unwrap();
    assert_eq!((index.view().place_count(), index.view().address_count()), (1, 0));
    assert_eq!(index.view().text_of(Target::Address(5)), "");
}

#[test]
fn damaged_bytes_are_refused() {
    let good = AddressIndex::build(&table()).unwrap();
    let open = |bytes: &[u8]| AddressIndex::open(AlignedBytes::copy_of(bytes)).err();
    let bytes = good.as_bytes();
    assert_eq!(open(b""), Some(FormatError::Foreign));
    assert_eq!(open(b"SQLite format 3\0 and so on"), Some(FormatError::Foreign));
    assert!(matches!(open(&bytes[..bytes.len() / 2]), Some(FormatError::Length { .. })));
    assert!(matches!(open(&bytes[..20]), Some(FormatError::Length { .. })));
    let mut newer = bytes.to_vec();
    newer[8] = 9;
    assert_eq!(open(&newer), Some(FormatError::Version { found: 9 }));
    assert_eq!(
        FormatError::Version { found: 9 }.to_string(),
        "the index has version 9; this program reads version 1: build it again"
    );
    // Every single flipped byte that is not padding is noticed.
    let (mut noticed, mut padding) = (0, 0);
    for at in (0..bytes.len()).step_by(211) {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x10;
        match open(&flipped) {
            Some(_) => noticed += 1,
            None => {
                assert_eq!(bytes[at], 0, "only padding may go unnoticed");
                padding += 1;
            }
        }
    }
    assert!(noticed > 60 && padding < 20, "{noticed} {padding}");
}
