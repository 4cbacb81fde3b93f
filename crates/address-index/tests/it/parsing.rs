//! The parser, against addresses read by eye.

use address_index::{
    division::Divisions,
    model::ElementKind,
    parse::{Lexicon, Parser},
};

use crate::made::{address, build, county};

fn at_home() -> Parser {
    let (table, _) = build(vec![address(1, "双城镇", "溪坪社区", "溪坪街", "1")]);
    Parser::new(Lexicon::new(&Divisions::national(), table.places()), Some(county()))
}

/// Elements as `text:kind`, in short.
fn read(parser: &Parser, source: &str) -> String {
    let parsed = parser.parse(source);
    let shown = |element: &address_index::parse::ParsedElement| {
        let kind = match element.kind {
            ElementKind::Province => "省",
            ElementKind::City => "市",
            ElementKind::County => "县",
            ElementKind::Township | ElementKind::Town | ElementKind::Subdistrict => "镇",
            ElementKind::Community | ElementKind::ResidentsCommittee | ElementKind::VillageCommittee => "村",
            ElementKind::Group => "组",
            ElementKind::Street => "路",
            ElementKind::Estate => "区",
            ElementKind::Compound => "院",
            ElementKind::NaturalVillage => "庄",
            ElementKind::Door => "号",
            ElementKind::Building => "栋",
            ElementKind::Unit => "元",
            ElementKind::Floor => "层",
            ElementKind::Room => "室",
            ElementKind::Landmark => "名",
        };
        format!("{}:{kind}", &source[element.span.clone()])
    };
    parsed.elements.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_county_at_home_comes_first() {
    let parser = at_home();
    let cases = [
        ("双城镇溪坪街12号", "双城镇:镇 溪坪街:路 12号:号"),
        (
            "福建省宁德市柘荣县双城镇溪坪社区溪坪街12号之1",
            "福建省:省 宁德市:市 柘荣县:县 双城镇:镇 溪坪社区:村 溪坪街:路 12号之1:号",
        ),
        ("柘荣县富溪镇前宅村下坪自然村8号", "柘荣县:县 富溪镇:镇 前宅村:村 下坪自然村:庄 8号:号"),
        ("前宅村三组8号", "前宅村:村 三组:组 8号:号"),
        ("溪坪社区居委会溪坪街一巷12-1号", "溪坪社区居委会:村 溪坪街一巷:路 12-1号:号"),
        ("阳光小区3栋2单元501", "阳光小区:区 3栋:栋 2单元:元 501:室"),
        ("阳光小区9-3-204", "阳光小区:区 9:栋 3:元 204:室"),
        ("雙城鎮溪坪街十二號三樓", "雙城鎮:镇 溪坪街:路 十二號:号 三樓:层"),
    ];
    for (source, expected) in cases {
        assert_eq!(read(&parser, source), expected);
    }
    let parsed = parser.parse("双城镇溪坪街12号");
    assert_eq!(parsed.division, Some(county()));
    assert!(parsed.elements[0].place.is_some());
    let harbin = parser.parse("黑龙江省哈尔滨市双城区解放路5号");
    assert_eq!(harbin.division.unwrap().to_string(), "230113");
    assert!(harbin.elements.iter().all(|element| element.place.is_none()));
}

#[test]
fn two_villages_of_one_name_are_not_chosen_silently() {
    let parser = at_home();
    let alone = parser.parse("前宅村8号");
    assert_eq!((alone.elements[0].place, alone.elements[0].candidates), (None, 2));
    let inside = parser.parse("富溪镇前宅村8号");
    assert_eq!(inside.elements[1].candidates, 1);
    assert!(inside.elements[1].place.is_some());
}

#[test]
fn the_nation() {
    let parser = Parser::national();
    let cases = [
        (
            "北京市海淀区北西环西路66号中国技术交易大厦B座1728",
            "北京市:省 海淀区:县 北西环西路:路 66号:号 中国技术交易大厦:栋 B座:栋 1728:室",
        ),
        (
            "深圳市南山区东滨路86号B栋第一商务中心2楼",
            "深圳市:市 南山区:县 东滨路:路 86号:号 B栋:栋 第一商务中心:栋 2楼:层",
        ),
        ("上海徐汇区天钥桥路408号北楼703", "上海:省 徐汇区:县 天钥桥路:路 408号:号 北楼:栋 703:室"),
        ("太原市山西路5号", "太原市:市 山西路:路 5号:号"),
        ("广西壮族自治区北海市重庆路8号", "广西壮族自治区:省 北海市:市 重庆路:路 8号:号"),
        ("浙江省杭州市余杭区文一西路969号", "浙江省:省 杭州市:市 余杭区:县 文一西路:路 969号:号"),
        (
            "广东省东莞市长安镇乌沙社区步步高大道126号",
            "广东省:省 东莞市:市 长安镇:镇 乌沙社区:村 步步高大道:路 126号:号",
        ),
        ("104国道12号", "104国道:路 12号:号"),
    ];
    for (source, expected) in cases {
        assert_eq!(read(&parser, source), expected);
    }
    assert_eq!(parser.parse("").elements, []);
    assert_eq!(parser.parse("朝阳区建国路88号").elements[0].candidates, 2);
}

#[test]
fn nothing_panics() {
    let parser = at_home();
    for text in [
        "",
        "号",
        "路",
        "12",
        "---",
        "双城",
        "村村村村村",
        "A",
        "\u{202E}路12号",
        "🏠溪坪街🏠12号",
        "街".repeat(5000).as_str(),
    ] {
        let parsed = parser.parse(text);
        for element in parsed.elements {
            assert!(text.get(element.span).is_some());
        }
    }
}
