//! Named places: from the province to a natural village or a landmark, each inside another.

use super::{Date, ElementKind};
use crate::division::DivisionCode;

/// A place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub u32);

/// A named place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The place around it.
    pub parent: Option<PlaceId>,
    /// What it is.
    pub kind: ElementKind,
    /// Its name, as written today.
    pub name: String,
    /// Its division code.
    pub code: Option<DivisionCode>,
    /// Further names.
    pub other_names: Vec<PlaceName>,
    /// Where it is, plan metres.
    pub position_m: Option<[f64; 2]>,
}

/// A further name of a place or of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceName {
    /// The name.
    pub text: String,
    /// What kind of name.
    pub kind: PlaceNameKind,
    /// First day of validity.
    pub valid_from: Option<Date>,
    /// Last day of validity.
    pub valid_to: Option<Date>,
}

/// Kind of a further name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceNameKind {
    /// People say it so.
    Alias,
    /// It was called so: answers with the name of today.
    Old,
}

impl PlaceName {
    /// Whether the name was in use on a day.
    pub fn is_valid_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }
}
