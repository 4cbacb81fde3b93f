//! A small county, made by hand.

use address_index::{
    division::{DivisionCode, Divisions},
    model::{AddressTable, Issue, RawAddress, RawPlace, RawPoint, TableOptions},
};

pub(crate) fn county() -> DivisionCode {
    DivisionCode::parse("350926").unwrap()
}

pub(crate) fn places() -> Vec<RawPlace<'static>> {
    let place = |line, code, name| RawPlace { line, code, name, ..RawPlace::default() };
    vec![
        place(1, "350926", "柘荣县"),
        place(2, "350926100", "双城镇"),
        place(3, "350926101", "富溪镇"),
        place(4, "350926200", "城郊乡"),
        place(5, "350926100003", "溪坪社区居委会"),
        place(6, "350926101200", "前宅村委会"),
        place(7, "350926200201", "前山村村委会"),
        place(8, "350926200202", "前宅村委会"),
        RawPlace {
            is_landmark: true, aliases: "县医院#医院", ..place(9, "350926100", "柘荣县医院")
        },
    ]
}

/// An address with its columns; a point 10 m further east for each number.
pub(crate) fn address<'a>(
    line: usize,
    town: &'a str,
    community: &'a str,
    street: &'a str,
    door: &'a str,
) -> RawAddress<'a> {
    let point = RawPoint { east_m: 10.0 * line as f64, north_m: 5.0, ..RawPoint::default() };
    RawAddress { line, town, community, street, door, point: Some(point), ..RawAddress::default() }
}

pub(crate) fn build(rows: Vec<RawAddress<'_>>) -> (AddressTable, Vec<Issue>) {
    let divisions = Divisions::national();
    let options = TableOptions { home: Some(county()), divisions: &divisions, extent: None };
    AddressTable::build(&options, &places(), &[], rows)
}
