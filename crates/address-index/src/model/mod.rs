//! What an address is made of, and the table of a county's addresses.

pub mod date;
pub mod element;
pub mod place;
pub mod point;
pub mod table;

mod raw;

pub use date::Date;
pub use element::{ElementKind, Numbers, Plate};
pub use place::{Place, PlaceId, PlaceName, PlaceNameKind};
pub use point::{AddressPoint, CoordinateFault, CoordinateReading, Datum};
pub use raw::{RawAddress, RawPlace, RawPoint, RawRename};
pub use table::{Address, AddressTable, Issue, IssueReason, Status, TableOptions};
