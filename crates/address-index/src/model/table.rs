//! The table of a county's addresses, checked: every row is in it or has a reason.

use std::collections::HashMap;

use super::{
    AddressPoint, Date, ElementKind, Numbers, Place, PlaceId, PlaceName, RawAddress, RawPlace, RawRename,
};
use crate::division::{CodeError, DivisionCode, Divisions};

mod build;

/// Standard addresses in a tree of places.
#[derive(Clone, Debug, Default)]
pub struct AddressTable {
    pub(super) places: Vec<Place>,
    pub(super) addresses: Vec<Address>,
    pub(super) home: Option<DivisionCode>,
}

/// One standard address.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Permanent id.
    pub id: String,
    /// The smallest named place around it.
    pub place: Option<PlaceId>,
    /// Its numbers.
    pub numbers: Numbers,
    /// Name of its building or of what is in it.
    pub name: Option<String>,
    /// Further and former names.
    pub other_names: Vec<PlaceName>,
    /// Its text where that is not what place and numbers make.
    pub text: Option<String>,
    /// Division code as delivered.
    pub code: Option<DivisionCode>,
    /// In use or not.
    pub status: Status,
    /// First day of validity.
    pub valid_from: Option<Date>,
    /// Last day of validity.
    pub valid_to: Option<Date>,
    /// Where it is.
    pub point: Option<AddressPoint>,
}

/// State of use, GA/T 2000.40-2014.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// 10 使用中.
    #[default]
    InUse = 10,
    /// 20 停用.
    Suspended = 20,
    /// 30 未启用.
    NotYet = 30,
    /// 40 维修.
    UnderRepair = 40,
    /// 50 报废.
    Retired = 50,
    /// 90 其他.
    Other = 90,
}

/// What the table is checked against.
#[derive(Clone, Debug)]
pub struct TableOptions<'a> {
    /// The county; rows with a code elsewhere are refused.
    pub home: Option<DivisionCode>,
    /// The nation's divisions.
    pub divisions: &'a Divisions,
    /// South-west and north-east corner of what positions must lie in, plan metres.
    pub extent: Option<([f64; 2], [f64; 2])>,
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Line or row in the source.
    pub line: usize,
    /// The field, as named in [`RawAddress`].
    pub column: &'static str,
    /// What is wrong.
    pub reason: IssueReason,
    /// Whether the row was refused; else it is in the table without this field.
    pub refused: bool,
}

/// What is wrong.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum IssueReason {
    /// Nothing in it says where.
    #[error("the row names no place")]
    Empty,
    /// The id was given before.
    #[error("the id is that of line {first_line} already")]
    DuplicateId {
        /// Where it stood first.
        first_line: usize,
    },
    /// Not a division code.
    #[error("{0}")]
    Code(#[from] CodeError),
    /// A code of another county.
    #[error("the code lies outside the county {home}")]
    Elsewhere {
        /// The county.
        home: DivisionCode,
    },
    /// Not a day.
    #[error("not a date: {0:?}")]
    Date(String),
    /// Ends before it begins.
    #[error("valid until {to}, before it begins on {from}")]
    Reversed {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// Not a state of use.
    #[error("not a state of use (10, 20, 30, 40, 50, 90 or its word): {0:?}")]
    Status(String),
    /// A position that is no number or outside of the county.
    #[error("the position is outside the county or no number: {east_m}, {north_m}")]
    Position {
        /// First coordinate.
        east_m: f64,
        /// Second coordinate.
        north_m: f64,
    },
    /// Names that replace each other in a circle.
    #[error("the renaming leads back to itself: {0:?}")]
    Cycle(String),
    /// A renaming of something unknown.
    #[error("no place has the new name {0:?}")]
    UnknownName(String),
    /// Too long to be an address.
    #[error("{bytes} bytes are too long for an address")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

impl Status {
    /// Reads a code or a word; an empty text is in use.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "" | "10" | "使用中" | "在用" | "正常" | "启用" | "有效" => Self::InUse,
            "20" | "停用" => Self::Suspended,
            "30" | "未启用" => Self::NotYet,
            "40" | "维修" => Self::UnderRepair,
            "50" | "报废" | "注销" | "撤销" | "废止" => Self::Retired,
            "90" | "其他" => Self::Other,
            _ => return None,
        })
    }
    /// The state with a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            10 => Self::InUse,
            20 => Self::Suspended,
            30 => Self::NotYet,
            40 => Self::UnderRepair,
            50 => Self::Retired,
            _ => Self::Other,
        }
    }
}

impl AddressTable {
    /// Checks rows. Places with codes come first, then renamings, then addresses; whatever is refused has an issue, and
    /// so has every field that was left out of a row that is in the table.
    pub fn build<'r>(
        options: &TableOptions<'_>,
        places: &[RawPlace<'_>],
        renames: &[RawRename<'_>],
        rows: impl IntoIterator<Item = RawAddress<'r>>,
    ) -> (Self, Vec<Issue>) {
        build::build(options, places, renames, rows)
    }
    /// All places, parents before their children.
    pub fn places(&self) -> &[Place] {
        &self.places
    }
    /// All addresses, in the order of the source.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }
    /// The county.
    pub fn home(&self) -> Option<DivisionCode> {
        self.home
    }
    /// A place.
    pub fn place(&self, id: PlaceId) -> Option<&Place> {
        self.places.get(id.0 as usize)
    }
    /// A place and those around it, from the smallest.
    pub fn path(&self, id: PlaceId) -> impl Iterator<Item = &Place> {
        let mut at = Some(id);
        std::iter::from_fn(move || {
            let place = self.place(at?)?;
            at = place.parent;
            Some(place)
        })
    }
    /// The full text of a place, from the province.
    pub fn place_text(&self, id: PlaceId) -> String {
        let mut names: Vec<&str> = self.path(id).map(|place| place.name.as_str()).collect();
        names.reverse();
        names.concat()
    }
    /// The full text of an address.
    pub fn text(&self, address: &Address) -> String {
        if let Some(text) = &address.text {
            return text.clone();
        }
        let place = address.place.map(|id| self.place_text(id)).unwrap_or_default();
        place + &address.numbers.text()
    }
    /// How many addresses each place has directly.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.places.len()];
        for place in self.addresses.iter().filter_map(|address| address.place) {
            if let Some(count) = counts.get_mut(place.0 as usize) {
                *count += 1;
            }
        }
        counts
    }
    /// The places by their codes.
    pub fn by_code(&self) -> HashMap<DivisionCode, PlaceId> {
        let coded = self.places.iter().zip(0..).filter_map(|(place, id)| Some((place.code?, PlaceId(id))));
        coded.collect()
    }
    /// The town that a place lies in.
    pub fn town_of(&self, id: PlaceId) -> Option<&Place> {
        self.path(id).find(|place| place.kind.rank() == 3)
    }
    /// The village or community that a place lies in.
    pub fn village_of(&self, id: PlaceId) -> Option<&Place> {
        self.path(id).find(|place| {
            matches!(
                place.kind,
                ElementKind::Community | ElementKind::ResidentsCommittee | ElementKind::VillageCommittee
            )
        })
    }
}
