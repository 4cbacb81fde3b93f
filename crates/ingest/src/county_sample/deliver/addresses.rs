//! Standard addresses: what is true, and the tables in which it is delivered, flaws and all.

use glam::DVec2;

use super::frame::Frame;
use crate::county_sample::{
    CountySampleError,
    building::Kind,
    divisions::{Division, Town},
    math::{Chance, seed_for},
    names,
    site::Site,
};

/// A standard address as it is.
#[derive(Clone, Debug)]
pub(in crate::county_sample) struct Address {
    /// The source's own id: twenty digits.
    pub(in crate::county_sample) id: String,
    /// Index of its village.
    pub(in crate::county_sample) division: usize,
    /// Index of its building in the village.
    pub(in crate::county_sample) building: usize,
    /// Street, or hamlet where houses are numbered without streets.
    street: String,
    is_hamlet: bool,
    number: u32,
    /// `之1`, `附1` and the like.
    suffix: String,
    room: Option<u32>,
    name: Option<String>,
    /// Its door; county's frame.
    pub(in crate::county_sample) door: DVec2,
}

/// Something wrong on purpose.
#[derive(Clone, Debug)]
pub(in crate::county_sample) struct Flaw {
    pub(in crate::county_sample) file: &'static str,
    /// Row of the table, the header being row 1.
    pub(in crate::county_sample) row: usize,
    pub(in crate::county_sample) address: String,
    pub(in crate::county_sample) kind: &'static str,
    pub(in crate::county_sample) note: String,
}

/// Headers of the tables.
pub(in crate::county_sample) const HEADERS: [&str; 16] = [
    "地址编码",
    "标准地址",
    "省",
    "市",
    "县",
    "乡镇街道",
    "社区村委",
    "街路巷",
    "自然村",
    "门牌号",
    "室号",
    "建筑物名称",
    "经度",
    "纬度",
    "使用状态",
    "采集日期",
];
/// Columns of longitude and latitude.
pub(super) const LON_COLUMN: usize = 12;
pub(super) const LAT_COLUMN: usize = 13;

/// A row as it is delivered.
pub(in crate::county_sample) type Row = [String; HEADERS.len()];

/// All addresses of a village, in the order of its buildings.
pub(in crate::county_sample) fn of_village(
    site: &Site,
    division: &Division,
    index: usize,
    seed: u64,
) -> Vec<Address> {
    let mut chance = Chance::new(seed_for(seed, 31));
    let mut addresses: Vec<Address> = Vec::new();
    for (building, house) in site.buildings.iter().enumerate() {
        let Some((street, number)) = house.door else { continue };
        let way = &site.streets[street];
        let front = house.to_site(glam::Vec2::new(0.0, -house.half.y));
        let mut add = |suffix: String, room: Option<u32>| {
            let id = format!("{}{:08}", division.code, addresses.len() + 1);
            addresses.push(Address {
                id,
                division: index,
                building,
                street: way.name.clone(),
                is_hamlet: way.is_beyond,
                number,
                suffix,
                room,
                name: house.name.as_ref().map(|name| format!("{}{name}", division.name)),
                door: super::frame::to_county(site.south_west, front),
            });
        };
        add(String::new(), None);
        match house.kind {
            Kind::Courtyard if chance.happens(0.7) => add("之1".to_owned(), None),
            Kind::Earth | Kind::Gable if chance.happens(0.12) => add("附1".to_owned(), None),
            Kind::Flat if chance.happens(0.14) => {
                for floor in 2..=house.storeys {
                    add(String::new(), Some(floor * 100 + 1));
                    if chance.happens(0.5) {
                        add(String::new(), Some(floor * 100 + 2));
                    }
                }
            }
            _ => {}
        }
    }
    addresses
}

impl Address {
    /// 12号, 12号之1, 附1 before the number's 号.
    fn plate(&self, number: &str, hao: &str) -> String {
        match self.suffix.strip_prefix('附') {
            Some(attached) => format!("{number}{hao}附{attached}{hao}"),
            None => format!("{number}{hao}{}", self.suffix),
        }
    }

    /// The address as it should be written.
    pub(in crate::county_sample) fn text(&self, towns: &[Town], divisions: &[Division]) -> String {
        let row = self.row(towns, divisions, Writing::default());
        row[1].clone()
    }

    fn row(&self, towns: &[Town], divisions: &[Division], writing: Writing) -> Row {
        let division = &divisions[self.division];
        let town = &towns[division.town];
        let hao = if writing.is_traditional { "號" } else { "号" };
        let number = match writing.digits {
            Digits::Plain => self.number.to_string(),
            Digits::FullWidth => full_width(&self.number.to_string()),
            Digits::Chinese => chinese(self.number),
        };
        let plate = if writing.has_number { self.plate(&number, hao) } else { String::new() };
        let room = self.room.map(|room| room.to_string()).unwrap_or_default();
        let room_text =
            if room.is_empty() || !writing.has_number { String::new() } else { format!("{room}室") };
        let full = format!(
            "{}{}{}{}{}{}{plate}{room_text}",
            names::PROVINCE,
            names::CITY,
            names::COUNTY,
            town.name,
            division.name,
            self.street
        );
        let (street, hamlet) = if self.is_hamlet {
            (String::new(), self.street.clone())
        } else {
            (self.street.clone(), String::new())
        };
        [
            self.id.clone(),
            full,
            names::PROVINCE.to_owned(),
            names::CITY.to_owned(),
            names::COUNTY.to_owned(),
            town.name.clone(),
            division.name.clone(),
            street,
            hamlet,
            plate,
            room,
            self.name.clone().unwrap_or_default(),
            String::new(),
            String::new(),
            "使用中".to_owned(),
            String::new(),
        ]
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Digits {
    #[default]
    Plain,
    FullWidth,
    Chinese,
}

#[derive(Clone, Copy, Debug)]
struct Writing {
    has_number: bool,
    is_traditional: bool,
    digits: Digits,
}

impl Default for Writing {
    fn default() -> Self {
        Self { has_number: true, is_traditional: false, digits: Digits::Plain }
    }
}

/// Spread of the points of a table around the doors, metres.
const SPREAD_M: f32 = 3.0;

/// Where rows go, and what is noted about them.
#[derive(Debug, Default)]
pub(in crate::county_sample) struct Table {
    /// Name of the file.
    pub(in crate::county_sample) file: &'static str,
    pub(in crate::county_sample) rows: Vec<Row>,
}

/// Adds the addresses of a village to a table as they are delivered, and says what is wrong with them.
///
/// One street's points are in the datum of consumer maps, another's are shifted as a whole; single rows lack their
/// number, write it differently, lack a point, have its coordinates swapped, or come twice.
pub(in crate::county_sample) fn deliver(
    addresses: &[Address],
    (towns, divisions): (&[Town], &[Division]),
    frame: &Frame,
    table: &mut Table,
    seed: u64,
) -> Result<Vec<Flaw>, CountySampleError> {
    let mut chance = Chance::new(seed_for(seed, 32));
    let mut flaws = Vec::new();
    let mut streets: Vec<&str> = addresses.iter().map(|address| address.street.as_str()).collect();
    streets.dedup();
    let mut unique: Vec<&str> = Vec::new();
    for street in streets {
        if !unique.contains(&street) {
            unique.push(street);
        }
    }
    // The first street is the road; its points are good.
    let lanes = unique.get(1..).unwrap_or_default();
    let consumer = chance.pick(lanes).copied();
    let shifted = chance.pick(lanes).copied().filter(|street| Some(*street) != consumer);
    let turn = f64::from(chance.unit());
    let shift = crate::county_sample::math::heading(turn) * f64::from(chance.between(11.0, 17.0));
    for address in addresses {
        let mut kinds: Vec<(&'static str, String)> = Vec::new();
        let mut writing = Writing::default();
        let roll = chance.unit();
        if roll < 0.03 {
            writing.has_number = false;
            kinds.push(("missing_number", address.plate(&address.number.to_string(), "号")));
        } else if roll < 0.07 {
            writing.is_traditional = true;
            kinds.push(("traditional_character", "號".to_owned()));
        } else if roll < 0.09 {
            writing.digits = Digits::FullWidth;
            kinds.push(("full_width_digits", address.number.to_string()));
        } else if roll < 0.11 {
            writing.digits = Digits::Chinese;
            kinds.push(("chinese_numerals", address.number.to_string()));
        }
        let mut row = address.row(towns, divisions, writing);
        let noise = DVec2::new(f64::from(chance.normal()), f64::from(chance.normal())) * f64::from(SPREAD_M);
        let mut point = address.door + noise;
        let street = Some(address.street.as_str());
        if street == shifted {
            point += shift;
            kinds.push(("shifted_point", format!("{:.2} {:.2}", shift.x, shift.y)));
        }
        let mut degrees = if street == consumer {
            kinds.push(("gcj02", "undeclared".to_owned()));
            frame.gcj02(point)?
        } else {
            frame.lon_lat(point)?
        };
        let roll = chance.unit();
        if roll < 0.008 {
            degrees = DVec2::new(degrees.y, degrees.x);
            kinds.push(("swapped_coordinates", String::new()));
        }
        if roll > 0.98 {
            kinds.push(("missing_point", String::new()));
        } else {
            row[LON_COLUMN] = format!("{:.7}", degrees.x);
            row[LAT_COLUMN] = format!("{:.7}", degrees.y);
        }
        row[HEADERS.len() - 1] = format!("2026-0{}-{:02}", 1 + chance.below(3), 1 + chance.below(28));
        let is_repeated = chance.happens(0.01);
        table.rows.push(row.clone());
        let at = table.rows.len() + 1;
        flaws.extend(kinds.into_iter().map(|(kind, note)| Flaw {
            file: table.file,
            row: at,
            address: address.id.clone(),
            kind,
            note,
        }));
        if is_repeated {
            table.rows.push(row);
            flaws.push(Flaw {
                file: table.file,
                row: at + 1,
                address: address.id.clone(),
                kind: "repeated_row",
                note: format!("of row {at}"),
            });
        }
    }
    Ok(flaws)
}

/// As CSV in GB 18030, as many offices export it.
pub(in crate::county_sample) fn csv(table: &Table) -> Vec<u8> {
    let mut text = HEADERS.join(",");
    text.push_str("\r\n");
    for row in &table.rows {
        text.push_str(&row.join(","));
        text.push_str("\r\n");
    }
    encoding_rs::GB18030.encode(&text).0.into_owned()
}

/// As a workbook.
pub(in crate::county_sample) fn xlsx(table: &Table) -> Result<Vec<u8>, CountySampleError> {
    use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};
    let mut book = Workbook::new();
    // The day is the sample's, not that of the clock.
    let day = ExcelDateTime::from_ymd(2026, 4, 10)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&day));
    let sheet = book.add_worksheet();
    sheet.set_name("标准地址")?;
    for (column, header) in (0_u16..).zip(HEADERS) {
        sheet.write_string(0, column, header)?;
    }
    for (number, row) in (1_u32..).zip(&table.rows) {
        for (column, value) in row.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            let is_degrees = column == LON_COLUMN || column == LAT_COLUMN;
            match value.parse::<f64>() {
                Ok(degrees) if is_degrees => sheet.write_number(number, column as u16, degrees)?,
                _ => sheet.write_string(number, column as u16, value)?,
            };
        }
    }
    Ok(book.save_to_buffer()?)
}

fn full_width(digits: &str) -> String {
    digits.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap_or(c)).collect()
}

/// Up to 999 in Chinese numerals: 十二, 二十, 一百零三.
fn chinese(number: u32) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |n: u32| DIGITS[(n % 10) as usize];
    let mut text = String::new();
    if number >= 100 {
        text = format!("{}百", digit(number / 100));
        if number.is_multiple_of(100) {
            return text;
        }
        if number % 100 < 10 {
            return format!("{text}零{}", digit(number));
        }
    }
    let tens = number / 10 % 10;
    if tens > 0 {
        text += &if tens == 1 && number < 100 { "十".to_owned() } else { format!("{}十", digit(tens)) };
    }
    if !number.is_multiple_of(10) || text.is_empty() {
        text += digit(number);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_are_written_as_people_do() {
        for (number, text) in [
            (1, "一"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (35, "三十五"),
            (100, "一百"),
            (103, "一百零三"),
            (110, "一百一十"),
            (215, "二百一十五"),
        ] {
            assert_eq!(chinese(number), text);
        }
        assert_eq!(full_width("12"), "１２");
    }
}
