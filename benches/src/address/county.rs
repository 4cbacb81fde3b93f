//! The county: towns, villages, natural villages, groups, streets, estates, landmarks, and every door and room.

use std::{collections::BTreeSet, path::Path};

use address_index::{
    division::{DivisionCode, Divisions},
    model::{AddressTable, Issue, RawAddress, RawPlace, RawPoint, TableOptions},
};

use super::Rng;

/// The county's rows, owned; borrowed as raw rows by [`County::table`].
#[derive(Clone, Debug, Default)]
pub struct County {
    places: Vec<PlaceRow>,
    rows: Vec<Row>,
    /// Whether the villages are the real ones.
    pub real_villages: bool,
}

#[derive(Clone, Debug)]
struct PlaceRow {
    code: String,
    name: String,
    aliases: &'static str,
    is_landmark: bool,
}

#[derive(Clone, Debug, Default)]
struct Row {
    code: String,
    town: String,
    community: String,
    group: String,
    street: String,
    estate: String,
    natural_village: String,
    door: String,
    building: String,
    unit: String,
    room: String,
    point: [f64; 2],
}

const TOWNS: [(&str, &str); 9] = [
    ("350926100", "双城镇"),
    ("350926101", "富溪镇"),
    ("350926200", "城郊乡"),
    ("350926201", "乍洋乡"),
    ("350926202", "东源乡"),
    ("350926203", "黄柏乡"),
    ("350926204", "宅中乡"),
    ("350926205", "楮坪乡"),
    ("350926206", "英山乡"),
];
/// Villages known to the spoken questions: always there, whatever the list of villages says.
const KNOWN_VILLAGES: [(&str, &str); 12] = [
    ("350926100", "溪坪社区"),
    ("350926100", "上城社区"),
    ("350926100", "城南社区"),
    ("350926101", "前宅村"),
    ("350926101", "富溪社区"),
    ("350926200", "前山村"),
    ("350926201", "乍洋村"),
    ("350926202", "东源村"),
    ("350926203", "黄柏村"),
    ("350926204", "宅中村"),
    ("350926205", "楮坪村"),
    ("350926206", "英山村"),
];
/// Street, community it lies in, and its last number.
const KNOWN_STREETS: [(&str, &str, usize); 20] = [
    ("溪坪街", "溪坪社区", 180),
    ("溪坪街一巷", "溪坪社区", 40),
    ("溪坪街二巷", "溪坪社区", 40),
    ("柳城东路", "溪坪社区", 220),
    ("柳城西路", "上城社区", 160),
    ("上桥路", "上城社区", 120),
    ("河洋路", "城南社区", 140),
    ("太子参路", "城南社区", 90),
    ("南门巷", "上城社区", 60),
    ("观音亭巷", "上城社区", 48),
    ("文化路", "城南社区", 76),
    ("富溪大街", "富溪社区", 150),
    ("富溪老街", "富溪社区", 88),
    ("乍洋街", "乍洋村", 96),
    ("东源大道", "东源村", 130),
    ("黄柏路", "黄柏村", 84),
    ("宅中街", "宅中村", 72),
    ("楮坪街", "楮坪村", 64),
    ("英山路", "英山村", 58),
    ("仙屿路", "城南社区", 110),
];
const KNOWN_ESTATES: [(&str, &str, usize); 6] = [
    ("阳光小区", "溪坪社区", 12),
    ("御景花园", "城南社区", 10),
    ("翠屏新村", "上城社区", 14),
    ("滨江公寓", "溪坪社区", 6),
    ("锦绣家园", "城南社区", 9),
    ("富溪安置房小区", "富溪社区", 5),
];
const KNOWN_HAMLETS: [(&str, &str); 12] = [
    ("下坪", "前宅村"),
    ("岭头", "前宅村"),
    ("水磨坑", "前宅村"),
    ("石壁下", "前山村"),
    ("洋中", "前山村"),
    ("大厝里", "乍洋村"),
    ("溪口", "东源村"),
    ("桥头", "黄柏村"),
    ("后门山", "宅中村"),
    ("上楼", "楮坪村"),
    ("半岭亭", "英山村"),
    ("铁场", "英山村"),
];
const KNOWN_LANDMARKS: [(&str, &str, &str); 24] = [
    ("柘荣县医院", "350926100", "县医院#人民医院#县人民医院"),
    ("柘荣县第一中学", "350926100", "柘荣一中#一中"),
    ("柘荣县实验小学", "350926100", "实验小学"),
    ("柘荣汽车站", "350926100", "汽车站#长途汽车站"),
    ("柘荣县人民政府", "350926100", "县政府"),
    ("柘荣县公安局", "350926100", "县公安局#公安局"),
    ("中医院", "350926100", "县中医院"),
    ("东狮山景区", "350926200", "东狮山"),
    ("九龙井景区", "350926201", "九龙井"),
    ("富溪中心小学", "350926101", ""),
    ("富溪卫生院", "350926101", ""),
    ("乍洋派出所", "350926201", ""),
    ("东源中学", "350926202", ""),
    ("黄柏加油站", "350926203", ""),
    ("宅中老人院", "350926204", "宅中敬老院"),
    ("楮坪水库", "350926205", ""),
    ("英山茶场", "350926206", ""),
    ("永安宫", "350926100", ""),
    ("前宅老村部", "350926101", "老村部"),
    ("前宅大桥", "350926101", ""),
    ("城关菜市场", "350926100", "菜市场"),
    ("太子参市场", "350926100", ""),
    ("体育公园", "350926100", ""),
    ("高速柘荣出口", "350926200", "高速出口#柘荣高速口"),
];

const FIRST: [&str; 36] = [
    "上", "下", "前", "后", "东", "西", "大", "小", "新", "老", "石", "竹", "松", "梅", "龙", "凤", "溪",
    "岭", "洋", "坑", "黄", "林", "陈", "吴", "郑", "水", "青", "白", "金", "银", "高", "长", "半", "双",
    "仙", "茶",
];
const SECOND: [&str; 40] = [
    "坪", "洋", "坑", "厝", "墩", "岭", "宅", "湖", "溪", "源", "湾", "山", "峰", "岗", "头", "尾", "里",
    "边", "垅", "坂", "桥", "亭", "楼", "田", "园", "林", "潭", "井", "埕", "兜", "斗", "仔", "柏", "楮",
    "杉", "桂", "峡", "门", "口", "台",
];
const STREET_NAMES: [&str; 44] = [
    "解放", "人民", "建设", "新华", "中山", "和平", "团结", "胜利", "幸福", "朝阳", "向阳", "文明", "育才",
    "学府", "商业", "工业", "环城", "滨河", "沿江", "迎宾", "站前", "东门", "西门", "北门", "龙山", "凤山",
    "狮山", "溪滨", "洪坪", "金井", "福源", "安康", "兴业", "振兴", "富民", "桥东", "桥西", "塔山", "玉泉",
    "清风", "翠竹", "青松", "百花", "长寿",
];
const STREET_ENDS: [&str; 6] = ["路", "街", "东路", "西路", "巷", "大道"];
const ESTATE_NAMES: [&str; 24] = [
    "金色", "世纪", "东方", "华庭", "水岸", "绿洲", "丽景", "康乐", "祥和", "鸿运", "福星", "龙腾", "天鹅",
    "书香", "学苑", "御龙", "碧水", "云顶", "紫荆", "玫瑰", "桂花", "海棠", "银河", "瑞景",
];
const ESTATE_ENDS: [&str; 5] = ["小区", "花园", "家园", "公寓", "名苑"];

impl County {
    /// The county of the benchmarks: about 133,000 addresses. The villages are the real ones where the list is beside the
    /// checkout, else made up.
    pub fn of_benchmarks() -> Self {
        let real = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../shared/data/address/zherong_350926_villages.csv"),
        );
        Self::make(real.as_deref().unwrap_or(""), 132_901)
    }
    /// The same with made-up villages whatever is beside the checkout: what the spoken questions are asked of.
    pub fn invented() -> Self {
        Self::make("", 132_901)
    }
    /// A county of about so many addresses.
    pub fn make(villages_csv: &str, size: usize) -> Self {
        let mut make = Make { county: Self::default(), rng: Rng::new(20_262), names: BTreeSet::new() };
        make.places(villages_csv);
        make.fill(size);
        make.county
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// The checked table.
    pub fn table(&self) -> (AddressTable, Vec<Issue>) {
        let divisions = Divisions::national();
        let home = DivisionCode::parse("350926").ok();
        let options = TableOptions { home, divisions: &divisions, extent: None };
        let places: Vec<RawPlace<'_>> = self
            .places
            .iter()
            .zip(1..)
            .map(|(place, line)| RawPlace {
                line,
                code: &place.code,
                name: &place.name,
                aliases: place.aliases,
                is_landmark: place.is_landmark,
                point: None,
            })
            .collect();
        let rows = self.rows.iter().zip(1..).map(|(row, line)| RawAddress {
            line,
            code: &row.code,
            town: &row.town,
            community: &row.community,
            group: &row.group,
            street: &row.street,
            estate: &row.estate,
            natural_village: &row.natural_village,
            door: &row.door,
            building: &row.building,
            unit: &row.unit,
            room: &row.room,
            point: Some(RawPoint { east_m: row.point[0], north_m: row.point[1], ..RawPoint::default() }),
            ..RawAddress::default()
        });
        AddressTable::build(&options, &places, &[], rows)
    }
}

struct Make {
    county: County,
    rng: Rng,
    names: BTreeSet<String>,
}

#[derive(Clone)]
struct Village {
    town: String,
    code: String,
    name: String,
    centre: [f64; 2],
}

impl Make {
    fn place(&mut self, code: String, name: String) {
        self.county.places.push(PlaceRow { code, name, aliases: "", is_landmark: false });
    }
    fn places(&mut self, villages_csv: &str) {
        self.place("350926".to_owned(), "柘荣县".to_owned());
        for (code, name) in TOWNS {
            self.place(code.to_owned(), name.to_owned());
        }
        let mut count = [0usize; 9];
        let mut seen = BTreeSet::new();
        let mut real = 0;
        for line in villages_csv.lines() {
            let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
            let (Some(code), Some(name)) = (fields.next(), fields.next()) else { continue };
            let Some(town) = TOWNS.iter().position(|(town, _)| code.len() == 12 && code.starts_with(town))
            else {
                continue;
            };
            seen.insert((town, core(name).to_owned()));
            count[town] += 1;
            real += 1;
            self.place(code.to_owned(), name.to_owned());
        }
        self.county.real_villages = real > 0;
        for (town_code, name) in KNOWN_VILLAGES {
            let town = TOWNS.iter().position(|(code, _)| *code == town_code).unwrap_or(0);
            if seen.insert((town, core(name).to_owned())) {
                count[town] += 1;
                self.place(format!("{town_code}{:03}", 300 + count[town]), official(name));
            }
        }
        if real == 0 {
            for town in (0..9).cycle() {
                if count.iter().sum::<usize>() >= 119 {
                    break;
                }
                let name = self.two(&FIRST, &SECOND);
                if seen.insert((town, name.clone())) {
                    count[town] += 1;
                    let code = format!("{}{:03}", TOWNS[town].0, 300 + count[town]);
                    self.place(code, format!("{name}村委会"));
                }
            }
        }
        for (name, code, aliases) in KNOWN_LANDMARKS {
            let place = PlaceRow { code: code.to_owned(), name: name.to_owned(), aliases, is_landmark: true };
            self.county.places.push(place);
        }
    }
    fn two(&mut self, first: &[&str], second: &[&str]) -> String {
        format!("{}{}", self.rng.pick(first), self.rng.pick(second))
    }
    fn fill(&mut self, size: usize) {
        let villages: Vec<Village> = self
            .county
            .places
            .clone()
            .into_iter()
            .filter(|place| place.code.len() == 12)
            .map(|place| Village {
                town: TOWNS
                    .iter()
                    .find(|(code, _)| place.code.starts_with(code))
                    .map_or("", |(_, name)| name)
                    .to_owned(),
                name: written(&place.name),
                code: place.code,
                centre: [self.rng.unit() * 26_000.0, self.rng.unit() * 22_000.0],
            })
            .collect();
        let find = |name: &str| villages.iter().find(|village| core(&village.name) == core(name)).cloned();
        for (street, village, last) in KNOWN_STREETS {
            if let Some(village) = find(village) {
                self.street(&village, street, last);
            }
        }
        for (estate, village, buildings) in KNOWN_ESTATES {
            if let Some(village) = find(village) {
                self.estate(&village, estate, buildings);
            }
        }
        for (hamlet, village) in KNOWN_HAMLETS {
            if let Some(village) = find(village) {
                self.hamlet(&village, hamlet, 60);
            }
        }
        // Streets and estates lie in towns' seats: every village gets a little of each, communities much.
        while self.county.rows.len() < size {
            let village = self.rng.pick(&villages).clone();
            let urban = village.name.ends_with("社区") || self.rng.chance(0.06);
            match (urban, self.rng.below(10)) {
                (true, 0..=5) => {
                    let name = self.two(&STREET_NAMES, &STREET_ENDS);
                    let last = 30 + self.rng.below(150);
                    self.street(&village, &name, last);
                    if self.rng.chance(0.3) {
                        for lane in ["一", "二", "三"].iter().take(1 + self.rng.below(3)) {
                            let last = 10 + self.rng.below(30);
                            self.street(&village, &format!("{name}{lane}巷"), last);
                        }
                    }
                }
                (true, _) => {
                    let name = self.two(&ESTATE_NAMES, &ESTATE_ENDS);
                    let buildings = 3 + self.rng.below(12);
                    self.estate(&village, &name, buildings);
                }
                (false, 0..=6) => {
                    let name = match self.rng.below(3) {
                        0 => format!("{}{}", self.two(&FIRST, &SECOND), self.rng.pick(&SECOND)),
                        _ => self.two(&FIRST, &SECOND),
                    };
                    let last = 12 + self.rng.below(70);
                    self.hamlet(&village, &name, last);
                }
                (false, _) => {
                    let group = 1 + self.rng.below(12);
                    let last = 20 + self.rng.below(60);
                    self.group(&village, group, last);
                }
            }
        }
        self.county.rows.truncate(size);
    }
    /// Whether a name is new in its village.
    fn is_new(&mut self, village: &Village, name: &str) -> bool {
        self.names.insert(format!("{}{name}", village.code))
    }
    fn row(&mut self, village: &Village) -> Row {
        let around = [0, 1].map(|k| village.centre[k] + self.rng.normal() * 300.0);
        Row {
            code: village.code.clone(),
            town: village.town.clone(),
            community: village.name.clone(),
            point: around,
            ..Row::default()
        }
    }
    fn doors(&mut self, village: &Village, last: usize, change: &dyn Fn(&mut Row)) {
        for door in 1..=last {
            if self.rng.chance(0.04) {
                continue;
            }
            let subs = if self.rng.chance(0.06) { 1 + self.rng.below(3) } else { 0 };
            for sub in 0..=subs {
                let mut row = self.row(village);
                row.door = match (sub, door % 3) {
                    (0, _) => format!("{door}号"),
                    (sub, 0) => format!("{door}-{sub}号"),
                    (sub, 1) => format!("{door}号附{sub}"),
                    (sub, _) => format!("{door}号之{sub}"),
                };
                change(&mut row);
                self.county.rows.push(row);
            }
        }
    }
    fn street(&mut self, village: &Village, name: &str, last: usize) {
        if self.is_new(village, name) {
            self.doors(village, last, &|row| row.street = name.to_owned());
        }
    }
    fn hamlet(&mut self, village: &Village, name: &str, last: usize) {
        if self.is_new(village, name) {
            self.doors(village, last, &|row| row.natural_village = format!("{name}自然村"));
        }
    }
    fn group(&mut self, village: &Village, group: usize, last: usize) {
        if self.is_new(village, &format!("{group}组")) {
            self.doors(village, last, &|row| row.group = format!("{group}组"));
        }
    }
    fn estate(&mut self, village: &Village, name: &str, buildings: usize) {
        if !self.is_new(village, name) {
            return;
        }
        let (units, floors, rooms) = (1 + self.rng.below(3), 5 + self.rng.below(7), 2 + self.rng.below(2));
        for building in 1..=buildings {
            for (unit, floor, room) in
                (1..=units).flat_map(|u| (1..=floors).flat_map(move |f| (1..=rooms).map(move |r| (u, f, r))))
            {
                let mut row = self.row(village);
                row.estate = name.to_owned();
                row.building = format!("{building}栋");
                row.unit = format!("{unit}单元");
                row.room = format!("{floor}{room:02}室");
                self.county.rows.push(row);
            }
        }
    }
}

fn core(name: &str) -> &str {
    address_index::parse::lexicon::core_of(name)
}

fn written(name: &str) -> String {
    address_index::parse::lexicon::written_of(name)
}

fn official(name: &str) -> String {
    if name.ends_with("社区") { format!("{name}居委会") } else { format!("{name}委会") }
}
