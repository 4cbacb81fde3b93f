//! The elements of an address by the codes of GA/T 2000.32-2014.

use crate::text::{Normalized, NumberToken, NumberUnit, NumberValue, number};

/// Kind of an element. The order is the order in which an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ElementKind {
    /// 11 省.
    Province = 11,
    /// 12 市.
    City = 12,
    /// 13 县(区).
    County = 13,
    /// 21 建制乡.
    Township = 21,
    /// 22 建制镇.
    Town = 22,
    /// 23 街道办事处.
    Subdistrict = 23,
    /// 31 社区.
    Community = 31,
    /// 32 居委会.
    ResidentsCommittee = 32,
    /// 33 村委会.
    VillageCommittee = 33,
    /// 34 组.
    Group = 34,
    /// 41 街路巷.
    Street = 41,
    /// 42 小区.
    Estate = 42,
    /// 43 单位(住宅)院.
    Compound = 43,
    /// 44 自然村.
    NaturalVillage = 44,
    /// Door plate (门牌号). The standard has no code for it; ours.
    Door = 49,
    /// 50 建筑物.
    Building = 50,
    /// 61 单元(门).
    Unit = 61,
    /// Floor (楼层). The standard has no code for it; ours.
    Floor = 69,
    /// 62 室(号).
    Room = 62,
    /// A place people know by name: a school, a bridge, a shop. Ours.
    Landmark = 90,
}

/// How a plate writes what comes after its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Plate {
    /// 12号之1; 3栋; 204室.
    #[default]
    Usual = 0,
    /// 12号附1; 3幢; 204房.
    Second = 1,
    /// 12-1号; 3座; 204号.
    Third = 2,
    /// 12号-1; 3号楼; 204.
    Fourth = 3,
}

/// The numbered elements of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbers {
    /// Door plate.
    pub door: NumberValue,
    /// Building.
    pub building: NumberValue,
    /// Unit.
    pub unit: NumberValue,
    /// Floor.
    pub floor: NumberValue,
    /// Room.
    pub room: NumberValue,
    /// How the door plate is written.
    pub door_plate: Plate,
    /// How the building's number is written.
    pub building_plate: Plate,
    /// How the room's number is written.
    pub room_plate: Plate,
}

impl ElementKind {
    /// Every kind, as ordered.
    pub const ALL: [Self; 20] = [
        Self::Province,
        Self::City,
        Self::County,
        Self::Township,
        Self::Town,
        Self::Subdistrict,
        Self::Community,
        Self::ResidentsCommittee,
        Self::VillageCommittee,
        Self::Group,
        Self::Street,
        Self::Estate,
        Self::Compound,
        Self::NaturalVillage,
        Self::Door,
        Self::Building,
        Self::Unit,
        Self::Floor,
        Self::Room,
        Self::Landmark,
    ];

    /// The kind with a number of this crate.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
    /// Code of GA/T 2000.32; `None` for our extensions.
    pub fn code(self) -> Option<u8> {
        match self {
            Self::Door | Self::Floor | Self::Landmark => None,
            coded => Some(coded as u8),
        }
    }
    /// Rank from the province (0) to what has a name inside a village (5) and below.
    pub fn rank(self) -> u8 {
        match self {
            Self::Province => 0,
            Self::City => 1,
            Self::County => 2,
            Self::Township | Self::Town | Self::Subdistrict => 3,
            Self::Community | Self::ResidentsCommittee | Self::VillageCommittee => 4,
            Self::Group | Self::Street | Self::Estate | Self::Compound | Self::NaturalVillage => 5,
            Self::Door | Self::Building | Self::Landmark => 6,
            Self::Unit => 7,
            Self::Floor => 8,
            Self::Room => 9,
        }
    }
    /// The kind of a town-level name by its ending.
    pub fn of_town(name: &str) -> Self {
        if name.ends_with('乡') {
            Self::Township
        } else if name.ends_with("街道") || name.ends_with("办事处") {
            Self::Subdistrict
        } else {
            Self::Town
        }
    }
    /// The kind of a village-level name by its ending.
    pub fn of_community(name: &str) -> Self {
        if name.ends_with("居委会") || name.ends_with("居民委员会") {
            Self::ResidentsCommittee
        } else if name.ends_with("社区") {
            Self::Community
        } else {
            Self::VillageCommittee
        }
    }
}

impl Numbers {
    /// Whether nothing is numbered.
    pub fn is_empty(&self) -> bool {
        [self.door, self.building, self.unit, self.floor, self.room].iter().all(|n| n.is_none())
    }
    /// The door's plate from text such as 12, 12号之1, 12-1号. `None` if it is no number.
    pub fn door_of(text: &str) -> Option<(NumberValue, Plate)> {
        let normalized = Normalized::new(text);
        let token = whole_number(&normalized, &[NumberUnit::Bare, NumberUnit::Door, NumberUnit::Hash])?;
        let plate = match token.parts() {
            [_, _] => Plate::Third,
            _ if text.contains('附') => Plate::Second,
            [one] if one.sub() > 0 && !text.contains('之') => Plate::Fourth,
            _ => Plate::Usual,
        };
        joined(token.parts()).map(|value| (value, plate))
    }
    /// The building's number from text such as 3, 3栋, A座, 3号楼.
    pub fn building_of(text: &str) -> Option<(NumberValue, Plate)> {
        let normalized = Normalized::new(text);
        let units =
            [NumberUnit::Bare, NumberUnit::Door, NumberUnit::Building, NumberUnit::Hash, NumberUnit::Floor];
        let letter = |normalized: &Normalized| match normalized.atoms.as_slice() {
            [only] => only.letter().map(|letter| NumberValue::NONE.with_letter(letter - b'a' + 1)),
            _ => None,
        };
        let value = match whole_number(&normalized, &units) {
            Some(token) => joined(token.parts())?,
            None => letter(&normalized)?,
        };
        let plate = if text.contains('幢') {
            Plate::Second
        } else if text.contains('座') {
            Plate::Third
        } else if text.contains("号楼") || text.contains("號樓") || text.contains('楼') {
            Plate::Fourth
        } else {
            Plate::Usual
        };
        Some((value, plate))
    }
    /// The unit's number from text such as 2 or 2单元.
    pub fn unit_of(text: &str) -> Option<NumberValue> {
        let units = [NumberUnit::Bare, NumberUnit::Unit, NumberUnit::Door];
        joined(whole_number(&Normalized::new(text), &units)?.parts())
    }
    /// The floor's number from text such as 3, 3层, 3楼.
    pub fn floor_of(text: &str) -> Option<NumberValue> {
        let units = [NumberUnit::Bare, NumberUnit::Floor];
        joined(whole_number(&Normalized::new(text), &units)?.parts())
    }
    /// The room's number from text such as 204, 204室, 204房.
    pub fn room_of(text: &str) -> Option<(NumberValue, Plate)> {
        let units = [NumberUnit::Bare, NumberUnit::Room, NumberUnit::Door];
        let value = joined(whole_number(&Normalized::new(text), &units)?.parts())?;
        let plate = if text.contains('室') {
            Plate::Usual
        } else if text.contains('房') {
            Plate::Second
        } else if text.contains(['号', '號']) {
            Plate::Third
        } else {
            Plate::Fourth
        };
        Some((value, plate))
    }
    /// As written: 12号之1, 3栋2单元5层501室.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.door.is_none() {
            let (plain, sub) = (self.door.plain(), self.door.sub());
            text.push_str(&match (sub, self.door_plate) {
                (0, _) => format!("{plain}号"),
                (_, Plate::Usual) => format!("{plain}号之{sub}"),
                (_, Plate::Second) => format!("{plain}号附{sub}"),
                (_, Plate::Third) => format!("{plain}-{sub}号"),
                (_, Plate::Fourth) => format!("{plain}号-{sub}"),
            });
        }
        if !self.building.is_none() {
            text.push_str(&with_sub(self.building));
            text.push_str(match self.building_plate {
                Plate::Usual => "栋",
                Plate::Second => "幢",
                Plate::Third => "座",
                Plate::Fourth => "号楼",
            });
        }
        if !self.unit.is_none() {
            text.push_str(&with_sub(self.unit));
            text.push_str("单元");
        }
        if !self.floor.is_none() {
            text.push_str(&with_sub(self.floor));
            text.push('层');
        }
        if !self.room.is_none() {
            text.push_str(&with_sub(self.room));
            text.push_str(match self.room_plate {
                Plate::Usual => "室",
                Plate::Second => "房",
                Plate::Third => "号",
                Plate::Fourth => "",
            });
        }
        text
    }
}

/// The only number of a text, if nothing else stands in it and its unit is one of `units`.
fn whole_number(normalized: &Normalized, units: &[NumberUnit]) -> Option<NumberToken> {
    let token = number::number_at(&normalized.atoms, 0, false)?;
    (token.end == normalized.atoms.len() && units.contains(&token.unit) && !token.is_range).then_some(token)
}

/// One value of one or two parts: 12-1 is 12之1.
pub(crate) fn joined(parts: &[NumberValue]) -> Option<NumberValue> {
    match parts {
        [only] => Some(*only),
        [main, sub] if main.sub() == 0 && sub.letter() == 0 => main.with_sub(sub.main()),
        _ => None,
    }
}

fn with_sub(value: NumberValue) -> String {
    match value.sub() {
        0 => value.plain(),
        sub => format!("{}-{sub}", value.plain()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        assert_eq!(ElementKind::NaturalVillage.code(), Some(44));
        assert_eq!(ElementKind::Floor.code(), None);
        for kind in ElementKind::ALL {
            assert_eq!(ElementKind::from_number(kind as u8), Some(kind));
        }
        assert_eq!(ElementKind::from_number(0), None);
        assert_eq!(ElementKind::of_town("城关街道"), ElementKind::Subdistrict);
        assert_eq!(ElementKind::of_community("溪坪社区居委会"), ElementKind::ResidentsCommittee);
    }

    #[test]
    fn plates_come_out_as_they_went_in() {
        for text in ["12号", "12号之1", "12号附1", "12-1号", "12A号", "甲12号"] {
            let (door, door_plate) = Numbers::door_of(text).unwrap();
            assert_eq!(Numbers { door, door_plate, ..Numbers::default() }.text(), text);
        }
        for text in ["3栋", "3幢", "A座", "3号楼", "B3栋"] {
            let (building, building_plate) = Numbers::building_of(text).unwrap();
            let text = if text == "B3栋" { "3B栋" } else { text };
            assert_eq!(Numbers { building, building_plate, ..Numbers::default() }.text(), text);
        }
        for text in ["204室", "204房", "204号", "204"] {
            let (room, room_plate) = Numbers::room_of(text).unwrap();
            assert_eq!(Numbers { room, room_plate, ..Numbers::default() }.text(), text);
        }
        assert_eq!(Numbers::door_of("十二号之一"), Numbers::door_of("12号之1"));
        assert_eq!(Numbers::door_of("东侧"), None);
        assert_eq!(Numbers::door_of("12号对面"), None);
        assert_eq!(Numbers::unit_of("二单元"), NumberValue::new(2));
        assert_eq!(Numbers::floor_of("3楼"), NumberValue::new(3));
        assert!(Numbers::default().is_empty() && Numbers::default().text().is_empty());
    }
}
