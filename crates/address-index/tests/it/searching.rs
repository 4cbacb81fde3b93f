//! Search over a handful of addresses.

use address_index::{
    index::{AddressIndex, LiveIndex, Target},
    model::{AddressTable, RawAddress},
    search::{NumberFound, SearchOptions, Searcher},
};

use crate::made::{address, build};

fn table() -> AddressTable {
    let mut rows = vec![
        address(1, "双城镇", "溪坪社区", "溪坪街", "12号"),
        address(2, "双城镇", "溪坪社区", "溪坪街", "12号之1"),
        address(3, "双城镇", "溪坪社区", "溪坪街", "16号"),
        address(4, "双城镇", "溪坪社区", "溪坪街", "121号"),
        address(5, "双城镇", "溪坪社区", "柳城东路", "12号"),
        address(6, "双城镇", "溪坪社区", "溪坪街一巷", "3号"),
    ];
    let village = |line, full| RawAddress { line, full, ..RawAddress::default() };
    rows.push(village(7, "富溪镇前宅村下坪自然村8号"));
    rows.push(village(8, "富溪镇前宅村3组8号"));
    rows.push(village(9, "城郊乡前宅村5组8号"));
    rows.push(village(10, "双城镇溪坪社区阳光小区9栋3单元204室"));
    rows.push(village(11, "双城镇溪坪社区阳光小区9栋3单元205室"));
    rows.push(RawAddress {
        line: 12,
        full: "双城镇溪坪社区柳城东路88号",
        name: "城关派出所",
        ..RawAddress::default()
    });
    let (table, issues) = build(rows);
    assert_eq!(issues, []);
    table
}

fn first(searcher: &mut Searcher<'_>, query: &str) -> (String, NumberFound) {
    let hits = searcher.search(query, &SearchOptions { unfinished: false, ..SearchOptions::default() });
    let view = searcher.index().view();
    hits.first().map_or((String::new(), NumberFound::Missing), |hit| {
        let text = view.text_of(hit.target);
        (text.trim_start_matches("福建省宁德市柘荣县").to_owned(), hit.number)
    })
}

#[test]
fn as_people_type() {
    let index = AddressIndex::build(&table()).unwrap();
    let mut searcher = Searcher::new(&index);
    let street = "双城镇溪坪社区溪坪街12号";
    let cases = [
        ("福建省宁德市柘荣县双城镇溪坪社区溪坪街12号", street),
        ("溪坪街12号", street),
        ("溪坪街12", street),
        ("溪坪街十二号", street),
        ("溪坪街１２號", street),
        ("雙城鎮溪坪街12號", street),
        ("12号溪坪街", street),
        ("希平街12号", street),
        ("溪平接12号", street),
        ("溪街12号", street),
        ("坪溪街12号", street),
        ("溪X坪街12号", street),
        ("xipingjie12hao", street),
        ("xi ping jie 12 hao", street),
        ("xpj12h", street),
        ("xpj12", street),
        ("xp街12h", street),
        ("溪坪j12", street),
        ("xipngjie12", street),
        ("我在溪坪街12号对面", street),
        ("溪坪街12号之一", "双城镇溪坪社区溪坪街12号之1"),
        ("溪坪街12-1号", "双城镇溪坪社区溪坪街12号之1"),
        ("溪坪街12号附1", "双城镇溪坪社区溪坪街12号之1"),
        ("溪坪街121号", "双城镇溪坪社区溪坪街121号"),
        ("溪坪街一巷3号", "双城镇溪坪社区溪坪街一巷3号"),
        ("xipingjieyixiang3hao", "双城镇溪坪社区溪坪街一巷3号"),
        ("下坪8号", "富溪镇前宅村下坪自然村8号"),
        ("前宅村委会下坪村8号", "富溪镇前宅村下坪自然村8号"),
        ("前宅村三队8号", "富溪镇前宅村3组8号"),
        ("前宅第五村民小组8号", "城郊乡前宅村5组8号"),
        ("阳光小区9-3-204", "双城镇溪坪社区阳光小区9栋3单元204室"),
        ("阳光小区9号楼205", "双城镇溪坪社区阳光小区9栋3单元205室"),
        ("yangguang9-3-204", "双城镇溪坪社区阳光小区9栋3单元204室"),
        ("城关派出所", "双城镇溪坪社区柳城东路88号"),
        ("cgpcs", "双城镇溪坪社区柳城东路88号"),
        ("双城镇", "双城镇"),
        ("sc镇", "双城镇"),
        ("县医院", "双城镇柘荣县医院"),
    ];
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let (found, _) = first(&mut searcher, query);
        if found != expected {
            wrong.push(format!("{query}: {found} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_number_that_is_not_there_leads_to_its_neighbours() {
    let index = AddressIndex::build(&table()).unwrap();
    let mut searcher = Searcher::new(&index);
    let hits = searcher.search("溪坪街14号", &SearchOptions::default());
    let view = index.view();
    let texts: Vec<_> = hits.iter().take(2).map(|hit| (view.text_of(hit.target), hit.number)).collect();
    let text = |door: &str| (format!("福建省宁德市柘荣县双城镇溪坪社区溪坪街{door}"), NumberFound::Neighbour);
    assert!(texts.contains(&text("12号")) && texts.contains(&text("16号")), "{texts:?}");
    assert!(hits[0].confidence < 0.5);
    assert_eq!(first(&mut searcher, "溪坪街12号之3").1, NumberFound::Near);
    assert_eq!(searcher.find("溪坪街14号"), None);
    assert!(searcher.find("溪坪街12号").is_some());
    assert_eq!(searcher.find("前宅村8号"), None, "two villages, two houses");
}

#[test]
fn every_keystroke_finds_something_sensible() {
    let index = AddressIndex::build(&table()).unwrap();
    let mut searcher = Searcher::new(&index);
    let options = SearchOptions::default();
    for typed in [
        "xi",
        "xip",
        "xipi",
        "xipin",
        "xiping",
        "xipingj",
        "xipingji",
        "xipingjie",
        "xipingjie1",
        "溪坪",
        "溪",
        "溪坪街1",
    ] {
        let hits = searcher.search(typed, &options);
        assert!(!hits.is_empty(), "{typed}");
        let view = index.view();
        assert!(hits.iter().take(3).any(|hit| view.text_of(hit.target).contains("溪坪")), "{typed}");
        for span in hits.iter().flat_map(|hit| &hit.spans) {
            assert!(typed.get(span.span.clone()).is_some());
        }
    }
    for text in ["", " ", "。", "\u{202E}", "🏠", "号", "12", "之", "a", "zzzzzzzzzzzzzzzz", "村村村村村村"]
    {
        searcher.search(text, &options);
    }
    searcher.search(&"溪坪街12号".repeat(1000), &options);
    assert!(searcher.search("溪坪街", &SearchOptions { limit: 0, ..options }).is_empty());
}

#[test]
fn what_matched_is_shown() {
    let index = AddressIndex::build(&table()).unwrap();
    let mut searcher = Searcher::new(&index);
    let query = "雙城鎮xp街十二號";
    let hit = searcher.search(query, &SearchOptions::default()).remove(0);
    let view = index.view();
    let shown: Vec<_> = hit.spans.iter().map(|s| (&query[s.span.clone()], view.text_of(s.target))).collect();
    assert_eq!(shown[0], ("雙城鎮", "福建省宁德市柘荣县双城镇".to_owned()));
    assert_eq!(shown[1].0, "xp街");
    assert_eq!(shown[2].0, "十二號");
}

#[test]
fn edits_are_found_without_building_anew() {
    let mut live = LiveIndex::new(AddressIndex::build(&table()).unwrap());
    let removed = live.base().view().address_id(0).to_owned();
    let mut moved = address(1, "双城镇", "溪坪社区", "溪坪街", "12号");
    let id = {
        let view = live.base().view();
        let at = (0..view.address_count() as u32)
            .find(|&a| view.text_of(Target::Address(a)).ends_with("溪坪街12号"))
            .unwrap();
        view.address_id(at).to_owned()
    };
    moved.id = &id;
    moved.door = "14号";
    let (edits, _) = build(vec![moved]);
    live.set_edits(&edits, std::slice::from_ref(&removed)).unwrap();
    let hits = live.search("溪坪街14号", &SearchOptions::default());
    assert!(hits[0].is_edit && hits[0].hit.number == NumberFound::Exact);
    let old = live.search("溪坪街12号", &SearchOptions::default());
    let base = live.base().view();
    let is_moved = |target: Target| matches!(target, Target::Address(a) if base.address_id(a) == id);
    assert!(old.iter().all(|hit| hit.is_edit || !is_moved(hit.hit.target)));
    live.set_edits(&AddressTable::default(), &[]).unwrap();
    assert!(live.delta().is_none());
    assert!(!live.search("溪坪街12号", &SearchOptions::default())[0].is_edit);
}
