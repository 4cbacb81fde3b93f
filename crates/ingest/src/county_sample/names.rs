//! Invented names.

use super::math::Chance;

/// The made-up county: no such code is in use.
pub(super) const PROVINCE: &str = "福建省";
pub(super) const CITY: &str = "枫州市";
pub(super) const COUNTY: &str = "枫岚县";
pub(super) const COUNTY_CODE: &str = "359921";

const FIRST: [&str; 48] = [
    "溪", "石", "竹", "枫", "云", "龙", "茶", "桐", "梅", "松", "白", "青", "上", "下", "东", "西", "南",
    "北", "前", "后", "大", "小", "金", "银", "长", "高", "樟", "柳", "桃", "杏", "荷", "稻", "霞", "月",
    "泉", "岩", "鹤", "鹿", "雁", "桑", "榕", "荔", "禾", "麦", "古", "新", "清", "碧",
];
const LAST: [&str; 24] = [
    "坑", "岭", "洋", "坪", "垟", "溪", "湾", "头", "源", "口", "厝", "墩", "坂", "岩", "埔", "岙", "峰",
    "桥", "埕", "垅", "潭", "林", "塘", "墘",
];
const TOWNS: [&str; 16] = [
    "枫溪",
    "云坂",
    "茶洋",
    "鹤岭",
    "石潭",
    "桐源",
    "碧湾",
    "梅垟",
    "松岙",
    "荷塘",
    "霞浦坪",
    "泉头",
    "雁峰",
    "竹墩",
    "榕桥",
    "禾口",
];
const LANES: [&str; 24] = [
    "祠堂弄",
    "井头弄",
    "樟树巷",
    "上厝巷",
    "下厝巷",
    "学堂路",
    "水碓弄",
    "石板巷",
    "桥头巷",
    "新厝路",
    "竹林巷",
    "茶亭路",
    "晒谷坪巷",
    "文昌弄",
    "后门山路",
    "古井巷",
    "染坊弄",
    "油坊巷",
    "书院路",
    "榕树巷",
    "打铁弄",
    "豆腐巷",
    "凤尾路",
    "银杏巷",
];
const SURNAMES: [&str; 24] = [
    "林", "陈", "黄", "郑", "吴", "张", "李", "王", "刘", "苏", "叶", "杨", "游", "袁", "章", "魏", "彭",
    "雷", "蓝", "钟", "谢", "许", "何", "温",
];
const GIVEN: [&str; 32] = [
    "志强", "海燕", "建国", "晓明", "文彬", "丽华", "国栋", "秀英", "伟东", "春梅", "立新", "玉兰", "永福",
    "小芳", "家盛", "雪琴", "德清", "美云", "振华", "桂香", "明辉", "慧敏", "长庚", "素贞", "光宇", "爱莲",
    "景山", "月娥", "开泰", "银花", "承志", "宝珠",
];

/// Names of villages without their suffix, each used once; as many as there are combinations.
pub(super) fn villages(seed: u64, count: usize) -> Vec<String> {
    let mut all: Vec<String> = FIRST
        .iter()
        .flat_map(|first| {
            LAST.iter().filter(move |last| first != *last).map(move |last| format!("{first}{last}"))
        })
        .filter(|name| !TOWNS.contains(&name.as_str()))
        .collect();
    shuffle(&mut all, seed);
    (0..count)
        .map(|i| {
            let name = all[i % all.len()].clone();
            // More villages than names: 上坪二, as such places are called.
            if i < all.len() { name } else { format!("{name}{}", i / all.len() + 1) }
        })
        .collect()
}

/// Names of towns without their suffix.
pub(super) fn towns(seed: u64, count: usize) -> Vec<String> {
    let mut all: Vec<String> = TOWNS.iter().map(|name| (*name).to_owned()).collect();
    shuffle(&mut all, seed);
    (0..count)
        .map(|i| {
            if i < all.len() {
                all[i].clone()
            } else {
                format!("{}{}", all[i % all.len()], i / all.len() + 1)
            }
        })
        .collect()
}

/// Names of lanes of one village, each used once.
pub(super) fn lanes(seed: u64, count: usize) -> Vec<String> {
    let mut all: Vec<String> = LANES.iter().map(|name| (*name).to_owned()).collect();
    shuffle(&mut all, seed);
    (0..count)
        .map(|i| {
            if i < all.len() {
                all[i].clone()
            } else {
                format!("{}{}", all[i % all.len()], i / all.len() + 1)
            }
        })
        .collect()
}

/// The name of a hamlet beyond the river.
pub(super) fn hamlet(chance: &mut Chance) -> String {
    let first = chance.pick(&FIRST).copied().unwrap_or("溪");
    let last = chance.pick(&["尾", "墘", "兜", "边", "坵", "下"]).copied().unwrap_or("尾");
    format!("{first}{last}")
}

/// The name of a made-up officer.
pub(super) fn person(chance: &mut Chance) -> String {
    let surname = chance.pick(&SURNAMES).copied().unwrap_or("林");
    let given = chance.pick(&GIVEN).copied().unwrap_or("志强");
    format!("{surname}{given}")
}

fn shuffle(list: &mut [String], seed: u64) {
    let mut chance = Chance::new(seed);
    for i in (1..list.len()).rev() {
        list.swap(i, chance.below(i + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_given_once() {
        for list in [villages(3, 1500), towns(3, 20), lanes(3, 30)] {
            let unique: BTreeSet<&String> = list.iter().collect();
            assert_eq!(unique.len(), list.len());
        }
    }
}
