//! Standard addresses and the buildings they belong to.
//!
//! - [`text`] makes what people write comparable and keeps the way back to its bytes; [`division`] knows codes and names
//!   of China's divisions; [`model`] is the checked table of a county's addresses.
//! - [`parse`] reads an address down to the room, and what a caller says around it; [`locate`] makes an area of that.
//! - [`index`] is the table as one immutable buffer; [`search`] finds in it what is typed, in Chinese, pinyin, initials,
//!   with mistakes.
//! - [`buildings`] and [`spatial`] say which building stands where; [`matching`] gives addresses their buildings by
//!   evidence; [`reverse`] leads from a point of the scene back to an address.
//!
//! Nothing here reads files, clocks or threads. All positions are `[east, north]` in metres of one projected plan.

pub mod buildings;
pub mod division;
pub mod footprint;
pub mod index;
pub mod locate;
pub mod matching;
pub mod model;
pub mod parse;
pub mod reverse;
pub mod search;
pub mod spatial;
pub mod text;

pub use buildings::{BuildingIndex, DuplicateBuilding, NearBuilding};
pub use footprint::{Footprint, FootprintError};
