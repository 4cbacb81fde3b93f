//! The address table: what is taken, what is refused, and why.

use address_index::{
    division::Divisions,
    model::{
        AddressTable, Date, IssueReason, PlaceNameKind, RawAddress, RawPlace, RawPoint, RawRename, Status,
        TableOptions,
    },
};

use crate::made::{address, build, county, places};

#[test]
fn rows_become_addresses_in_a_tree() {
    let full =
        RawAddress {
            line: 3, full: "福建省宁德市柘荣县富溪镇前宅村下坪自然村8号", ..RawAddress::default()
        };
    let room = RawAddress {
        line: 4,
        id: "X1",
        full: "雙城鎮溪坪社區陽光小區3幢2單元501室",
        status: "注销",
        valid_from: "2001-02-03",
        valid_to: "2020年1月1日",
        ..RawAddress::default()
    };
    let rows = vec![
        address(1, "双城镇", "溪坪社区", "溪坪街", "12号之1"),
        address(2, "双城镇", "溪坪居委会", "溪坪街", "十二号附二"),
        full,
        room,
    ];
    let (table, issues) = build(rows);
    assert_eq!(issues, []);
    let text = |at: usize| table.text(&table.addresses()[at]);
    assert_eq!(text(0), "福建省宁德市柘荣县双城镇溪坪社区溪坪街12号之1");
    assert_eq!(text(1), "福建省宁德市柘荣县双城镇溪坪社区溪坪街12号附2");
    assert_eq!(table.addresses()[0].place, table.addresses()[1].place, "one community in two forms");
    assert_eq!(text(2), full.full, "made from elements");
    assert_eq!(table.addresses()[2].text, None);
    assert_eq!(text(3), room.full, "kept as delivered");
    let numbers = table.addresses()[3].numbers;
    assert_eq!((numbers.building.main(), numbers.unit.main(), numbers.room.main()), (3, 2, 501));
    let village =
        |at: usize| table.village_of(table.addresses()[at].place.unwrap()).unwrap().code.unwrap().to_string();
    assert_eq!([village(0), village(2), village(3)], ["350926100003", "350926101200", "350926100003"]);
    assert_eq!(table.addresses()[3].status, Status::Retired);
    assert_eq!(table.addresses()[3].valid_to, Date::new(2020, 1, 1));
    let ids: Vec<_> = table.addresses().iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["350926100003-A1", "350926100003-A2", "350926101200-A1", "X1"]);
}

#[test]
fn what_is_wrong_is_said() {
    let good = address(1, "双城镇", "溪坪社区", "溪坪街", "1");
    let nowhere = RawPoint { east_m: f64::NAN, ..RawPoint::default() };
    let rows = vec![
        RawAddress { id: "A", ..good },
        RawAddress { line: 2, id: "A", ..good },
        RawAddress { line: 3, ..RawAddress::default() },
        RawAddress { line: 4, code: "350902001001", ..good },
        RawAddress { line: 5, code: "35092", ..good },
        RawAddress { line: 6, valid_from: "2020-01-02", valid_to: "2020-01-01", ..good },
        RawAddress { line: 7, status: "?", valid_from: "gestern", point: Some(nowhere), ..good },
    ];
    let (table, issues) = build(rows);
    assert_eq!(table.addresses().len(), 3);
    let said: Vec<_> = issues.iter().map(|issue| (issue.line, issue.column, issue.refused)).collect();
    assert_eq!(
        said,
        [
            (2, "id", true),
            (3, "full", true),
            (4, "code", true),
            (5, "code", false),
            (6, "valid_to", true),
            (7, "status", false),
            (7, "valid_from", false),
            (7, "point", false),
        ]
    );
    assert_eq!(issues[0].reason, IssueReason::DuplicateId { first_line: 1 });
    assert_eq!(issues[0].reason.to_string(), "the id is that of line 1 already");
    assert_eq!(table.addresses()[2].point, None);
}

#[test]
fn old_names_answer_with_new_ones_and_circles_are_refused() {
    let divisions = Divisions::national();
    let options = TableOptions { home: Some(county()), divisions: &divisions, extent: None };
    let rename = |line, old, new| RawRename { line, old, new, since: "1999-05-01" };
    let renames = [
        rename(1, "城关镇", "红旗镇"),
        rename(2, "红旗镇", "双城镇"),
        rename(3, "甲村", "乙村"),
        rename(4, "乙村", "甲村"),
        rename(5, "丙村", "丁村"),
        rename(6, "戊村", "戊村"),
    ];
    let (table, issues) = AddressTable::build(&options, &places(), &renames, []);
    let town = table.places().iter().find(|place| place.name == "双城镇").unwrap();
    let old: Vec<_> = town.other_names.iter().map(|name| (name.text.as_str(), name.kind)).collect();
    assert_eq!(old, [("城关镇", PlaceNameKind::Old), ("红旗镇", PlaceNameKind::Old)]);
    assert!(town.other_names[0].is_valid_on(Date::new(1990, 1, 1).unwrap()));
    assert!(!town.other_names[0].is_valid_on(Date::new(2000, 1, 1).unwrap()));
    let lines: Vec<_> = issues.iter().map(|issue| issue.line).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
    assert!(matches!(issues[0].reason, IssueReason::Cycle(_)));
    assert!(matches!(issues[2].reason, IssueReason::UnknownName(_)));
}

#[test]
fn places_are_checked() {
    let divisions = Divisions::national();
    let options = TableOptions { home: Some(county()), divisions: &divisions, extent: None };
    let place = |line, code, name| RawPlace { line, code, name, ..RawPlace::default() };
    let wrong = [
        place(1, "350926100", "双城镇"),
        place(2, "350926100", "双城镇"),
        place(3, "350902100", "漳湾镇"),
        place(4, "35092610", "富溪镇"),
        place(5, "350926101", " "),
    ];
    let (table, issues) = AddressTable::build(&options, &wrong, &[], []);
    assert_eq!(issues.iter().map(|i| i.line).collect::<Vec<_>>(), [4, 2, 3, 5]);
    let names: Vec<_> = table.places().iter().map(|place| place.name.as_str()).collect();
    assert_eq!(names, ["福建省", "宁德市", "柘荣县", "双城镇"]);
}
