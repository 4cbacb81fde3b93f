//! Provinces, cities and counties by name and code.

use super::{DivisionCode, DivisionLevel};

const TEXT: &str = include_str!("../../data/divisions.txt");

/// One division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    /// Its code: 2, 4 or 6 digits.
    pub code: DivisionCode,
    /// Its name with its kind, as 柘荣县.
    pub name: &'static str,
    /// Its name as people say it: 柘荣, 内蒙古, 延边; the same as `name` where nothing can be left off.
    pub short: &'static str,
}

/// The shipped list, in the order of codes.
#[derive(Clone, Debug)]
pub struct Divisions {
    all: Vec<Division>,
}

/// Endings that people leave off, longest first.
const ENDINGS: &[&str] = &[
    "特别行政区",
    "土家族苗族自治县",
    "自治区",
    "自治州",
    "自治县",
    "自治旗",
    "地区",
    "林区",
    "矿区",
    "新区",
    "省",
    "市",
    "县",
    "区",
    "盟",
    "旗",
];
/// Peoples in the names of autonomous divisions.
const PEOPLES: &[&str] = &[
    "维吾尔",
    "壮族",
    "回族",
    "藏族",
    "彝族",
    "苗族",
    "侗族",
    "瑶族",
    "白族",
    "傣族",
    "黎族",
    "羌族",
    "畲族",
    "满族",
    "水族",
    "土族",
    "佤族",
    "土家族",
    "哈尼族",
    "傈僳族",
    "拉祜族",
    "纳西族",
    "景颇族",
    "布依族",
    "朝鲜族",
    "蒙古族",
    "哈萨克族",
    "哈萨克",
    "柯尔克孜",
    "锡伯",
    "塔吉克",
    "蒙古",
    "裕固族",
    "保安族",
    "东乡族",
    "撒拉族",
    "仡佬族",
    "仫佬族",
    "毛南族",
    "布朗族",
    "普米族",
    "怒族",
    "独龙族",
    "达斡尔族",
    "鄂伦春",
    "鄂温克族",
    "各族",
    "毛南族",
];

impl Divisions {
    /// Reads the shipped list.
    pub fn national() -> Self {
        let division = |line: &'static str| {
            let (code, name) = line.split_once(' ')?;
            Some(Division { code: DivisionCode::parse(code).ok()?, name, short: short_of(name) })
        };
        let mut all: Vec<Division> = TEXT.lines().filter_map(division).collect();
        all.sort_by_key(|division| (division.code.level(), division.code.value()));
        Self { all }
    }
    /// All of them: provinces, then cities, then counties, each in the order of codes.
    pub fn iter(&self) -> impl Iterator<Item = &Division> {
        self.all.iter()
    }
    /// The division with a code.
    pub fn find(&self, code: DivisionCode) -> Option<&Division> {
        let key = (code.level(), code.value());
        let at = self.all.binary_search_by_key(&key, |d| (d.code.level(), d.code.value())).ok()?;
        self.all.get(at)
    }
    /// Province, city and county that a code lies in, as far as the list knows them.
    pub fn chain(&self, code: DivisionCode) -> impl Iterator<Item = &Division> {
        let levels = [DivisionLevel::Province, DivisionLevel::City, DivisionLevel::County];
        levels.into_iter().filter_map(move |level| self.find(code.at(level)?))
    }
}

fn short_of(name: &'static str) -> &'static str {
    let Some(ending) = ENDINGS.iter().find(|ending| name.ends_with(**ending)) else { return name };
    let mut short = name.strip_suffix(ending).unwrap_or(name);
    if ending.starts_with("自治") || *ending == "土家族苗族自治县" {
        while let Some(rest) = PEOPLES.iter().find_map(|people| short.strip_suffix(people)) {
            if rest.chars().count() < 2 {
                break;
            }
            short = rest;
        }
    }
    if short.chars().count() < 2 { name } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        let national = Divisions::national();
        let count = |level| national.iter().filter(|d| d.code.level() == level).count();
        assert_eq!(count(DivisionLevel::Province), 34);
        assert!(count(DivisionLevel::City) > 320 && count(DivisionLevel::County) > 2_900);
        let short = |code| national.find(DivisionCode::parse(code).unwrap()).map(|d| d.short);
        let cases = [
            ("350926", "柘荣"),
            ("15", "内蒙古"),
            ("65", "新疆"),
            ("45", "广西"),
            ("2224", "延边"),
            ("4331", "湘西"),
            ("5223", "黔西南"),
            ("11", "北京"),
            ("130133", "赵县"),
            ("81", "香港"),
        ];
        for (code, expected) in cases {
            assert_eq!(short(code), Some(expected), "{code}");
        }
        let chain: Vec<_> =
            national.chain(DivisionCode::parse("350926100003").unwrap()).map(|d| d.name).collect();
        assert_eq!(chain, ["福建省", "宁德市", "柘荣县"]);
    }
}
