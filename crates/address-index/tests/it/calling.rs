//! What callers say, and where that is; from a point back to an address.

use address_index::{
    BuildingIndex, Footprint,
    index::{AddressIndex, Target},
    locate::locate,
    parse::caller::{CallerPhrase, Relation},
    reverse::{BuildingHeight, ReverseIndex, floor_at},
    search::Searcher,
};

use crate::made::{address, build};

#[test]
fn phrases() {
    use Relation as R;
    let cases = [
        ("溪坪街12号对面", "溪坪街12号", R::Opposite, None, None),
        ("我在溪坪街12号斜对面", "溪坪街12号", R::DiagonallyOpposite, None, None),
        ("前宅村村口往北50米", "前宅村", R::Entrance, Some(0.0), Some(50.0)),
        ("老村部后面", "老村部", R::Behind, None, None),
        ("3栋2单元501", "3栋2单元501", R::At, None, None),
        ("溪坪街12号楼上", "溪坪街12号", R::Upstairs, None, None),
        ("县医院往东南方向走一百来米", "县医院", R::At, Some(135.0), Some(100.0)),
        ("前宅大桥以西两里地", "前宅大桥", R::At, Some(270.0), Some(1000.0)),
        ("水库附近", "水库", R::Near, None, None),
        ("加油站北侧200米", "加油站", R::At, Some(0.0), Some(200.0)),
        ("东狮山向北1.5公里", "东狮山", R::At, Some(0.0), Some(1500.0)),
        ("溪坪街与柳城东路交叉口", "溪坪街", R::Crossing, None, None),
        ("柳城东路108号", "柳城东路108号", R::At, None, None),
        ("喂，你好，我这里是溪坪街12号的隔壁", "溪坪街12号", R::NextDoor, None, None),
    ];
    for (text, anchor, relation, bearing, distance) in cases {
        let phrase = CallerPhrase::read(text);
        assert_eq!(&text[phrase.anchor.clone()], anchor, "{text}");
        assert_eq!(
            (phrase.relation, phrase.bearing_deg, phrase.distance_m),
            (relation, bearing, distance),
            "{text}"
        );
    }
    let crossing = CallerPhrase::read("溪坪街与柳城东路交叉口");
    assert_eq!(&"溪坪街与柳城东路交叉口"[crossing.other_anchor.unwrap()], "柳城东路");
    for text in ["", "对面", "往北", "50米", "🏠对面", "在在在在"] {
        CallerPhrase::read(text);
    }
}

#[test]
fn an_area_and_not_a_point() {
    let rows = vec![
        address(1, "双城镇", "溪坪社区", "溪坪街", "12号"),
        address(9, "双城镇", "溪坪社区", "溪坪街", "16号"),
        address(30, "双城镇", "溪坪社区", "柳城东路", "2号"),
        address(11, "双城镇", "溪坪社区", "柳城东路", "4号"),
    ];
    let index = AddressIndex::build(&build(rows).0).unwrap();
    let mut searcher = Searcher::new(&index);
    let at = |searcher: &mut Searcher<'_>, text: &str| locate(searcher, text).places.remove(0).area;
    let plain = at(&mut searcher, "溪坪街12号");
    let opposite = at(&mut searcher, "溪坪街12号对面");
    let away = at(&mut searcher, "溪坪街12号往北50米");
    assert_eq!(plain.centre_m, [10.0, 5.0]);
    assert!(plain.radius_m < 25.0 && opposite.radius_m > plain.radius_m + 20.0);
    assert!((away.centre_m[1] - 55.0).abs() < 1e-6 && (away.centre_m[0] - 10.0).abs() < 1e-6);
    assert!(away.radius_m > plain.radius_m);
    let missing = at(&mut searcher, "溪坪街13号");
    assert!(missing.radius_m > 60.0, "a neighbour is no certainty");
    let crossing = at(&mut searcher, "溪坪街与柳城东路交叉口");
    assert_eq!(crossing.centre_m, [100.0, 5.0]);
    assert!(locate(&mut searcher, "").places.is_empty());
}

#[test]
fn from_a_point_to_an_address() {
    let index =
        AddressIndex::build(&build(vec![address(1, "双城镇", "溪坪社区", "溪坪街", "12号")]).0).unwrap();
    let view = index.view();
    let square = |id: &str, west: f64| {
        Footprint::new(id, vec![[west, 0.0], [west + 10.0, 0.0], [west + 10.0, 10.0], [west, 10.0]], vec![])
            .unwrap()
    };
    let buildings =
        BuildingIndex::new(vec![square("350926100003-B1", 5.0), square("350926100003-B2", 40.0)]).unwrap();
    let reverse = ReverseIndex::new(&view, |_| Some("350926100003-B1"));
    let height = BuildingHeight { height_m: Some(9.6), storeys: Some(3) };
    let on = reverse.at(&buildings, [8.0, 4.0], Some(4.0), height, 100.0);
    assert_eq!(on.building_id.as_deref(), Some("350926100003-B1"));
    assert_eq!(on.addresses, [0]);
    assert_eq!(on.floor.map(|floor| floor.likeliest), Some(2));
    assert_eq!(on.nearest, None);
    let shed = reverse.at(&buildings, [45.0, 5.0], None, height, 100.0);
    assert!(shed.building_id.is_some() && shed.addresses.is_empty() && shed.floor.is_none());
    assert_eq!(shed.nearest.unwrap().address, 0);
    let field = reverse.at(&buildings, [10.0, 55.0], Some(1.0), height, 100.0);
    assert_eq!((field.building_id, field.floor), (None, None));
    let nearest = field.nearest.unwrap();
    assert!((nearest.distance_m - 50.0).abs() < 0.01 && nearest.bearing_deg.abs() < 0.1, "{nearest:?}");
    assert_eq!(reverse.at(&buildings, [f64::NAN, 0.0], None, height, 10.0).nearest, None);
    assert_eq!(view.text_of(Target::Address(0)), "福建省宁德市柘荣县双城镇溪坪社区溪坪街12号");
    let floors = |above, height_m, storeys| {
        floor_at(above, BuildingHeight { height_m, storeys }).map(|f| (f.lowest, f.likeliest, f.highest))
    };
    assert_eq!(floors(0.5, Some(9.0), Some(3)), Some((1, 1, 1)));
    assert_eq!(floors(3.1, Some(9.0), Some(3)), Some((1, 2, 2)));
    assert_eq!(floors(50.0, Some(9.0), Some(3)), Some((3, 3, 3)));
    assert_eq!(floors(-2.0, None, None), Some((1, 1, 1)));
    assert_eq!(floors(f64::NAN, None, None), None);
}
