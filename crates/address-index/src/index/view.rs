//! An index where it lies: every array borrowed, every read checked.

use super::{
    format::{FormatError, Sections, Tag},
    names::Family,
    pool::slice_of,
};
use crate::{
    division::DivisionCode,
    model::{ElementKind, Numbers, Plate, Status},
    text::NumberValue,
};

/// What is found: a place or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A named place, by its number in the index.
    Place(u32),
    /// An address, by its number in the index.
    Address(u32),
}

/// The arrays of an index.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    pub(crate) meta: &'a [u64],
    pub(crate) name_text_at: &'a [u32],
    pub(crate) name_text: &'a [u8],
    pub(crate) name_form_at: &'a [u32],
    pub(crate) name_form: &'a [u32],
    pub(crate) name_core: &'a [u8],
    pub(crate) name_family: &'a [u8],
    pub(crate) key_at: &'a [u32],
    pub(crate) key_symbols: &'a [u16],
    pub(crate) key_name: &'a [u32],
    pub(crate) key_first: &'a [u32],
    pub(crate) pair_key: &'a [u32],
    pub(crate) pair_at: &'a [u32],
    pub(crate) pair_name: &'a [u32],
    pub(crate) name_target_at: &'a [u32],
    pub(crate) name_target: &'a [u32],
    pub(crate) name_target_kind: &'a [u8],
    pub(crate) node_parent: &'a [u32],
    pub(crate) node_end: &'a [u32],
    pub(crate) node_name: &'a [u32],
    pub(crate) node_kind: &'a [u8],
    pub(crate) node_leaf: &'a [u32],
    pub(crate) node_code: &'a [u64],
    pub(crate) node_position: &'a [i32],
    pub(crate) node_reach: &'a [u16],
    pub(crate) leaf_door: &'a [u32],
    pub(crate) leaf_building: &'a [u32],
    pub(crate) leaf_unit: &'a [u32],
    pub(crate) leaf_floor: &'a [u32],
    pub(crate) leaf_room: &'a [u32],
    pub(crate) leaf_plate: &'a [u8],
    pub(crate) leaf_status: &'a [u8],
    pub(crate) leaf_position: &'a [i32],
    pub(crate) leaf_accuracy: &'a [u8],
    pub(crate) leaf_id_at: &'a [u32],
    pub(crate) leaf_id: &'a [u8],
    pub(crate) text_leaf: &'a [u32],
    pub(crate) text_at: &'a [u32],
    pub(crate) text: &'a [u8],
    pub(crate) named_leaf: &'a [u32],
    pub(crate) named_leaf_name: &'a [u32],
    pub(crate) by_door: &'a [u32],
    pub(crate) by_building: &'a [u32],
    pub(crate) by_room: &'a [u32],
    pub(crate) by_id: &'a [u32],
}

/// Set in a name's target that is an address.
pub(crate) const LEAF: u32 = 1 << 31;
/// A node without position.
pub(crate) const NOWHERE: i32 = i32::MIN;
/// Words of `Meta`: home code, its digits, east and north of the origin as bits of f64.
pub(crate) const META_WORDS: usize = 4;

impl<'a> View<'a> {
    pub(crate) fn new(bytes: &'a [u8], sections: &Sections) -> Result<Self, FormatError> {
        macro_rules! view {
            ($($field:ident: $tag:ident,)*) => {
                Self { $($field: sections.get(bytes, Tag::$tag)?,)* }
            };
        }
        Ok(view! {
            meta: Meta, name_text_at: NameTextAt, name_text: NameText, name_form_at: NameFormAt, name_form: NameForm,
            name_core: NameCore, name_family: NameFamily, key_at: KeyAt, key_symbols: KeySymbols, key_name: KeyName,
            key_first: KeyFirst, pair_key: PairKey, pair_at: PairAt, pair_name: PairName,
            name_target_at: NameTargetAt, name_target: NameTarget, name_target_kind: NameTargetKind,
            node_parent: NodeParent, node_end: NodeEnd, node_name: NodeName, node_kind: NodeKind, node_leaf: NodeLeaf,
            node_code: NodeCode, node_position: NodePosition, node_reach: NodeReach, leaf_door: LeafDoor,
            leaf_building: LeafBuilding, leaf_unit: LeafUnit, leaf_floor: LeafFloor, leaf_room: LeafRoom,
            leaf_plate: LeafPlate, leaf_status: LeafStatus, leaf_position: LeafPosition, leaf_accuracy: LeafAccuracy,
            leaf_id_at: LeafIdAt, leaf_id: LeafId, text_leaf: TextLeaf, text_at: TextAt, text: Text,
            named_leaf: NamedLeaf, named_leaf_name: NamedLeafName, by_door: ByDoor, by_building: ByBuilding,
            by_room: ByRoom, by_id: ById,
        })
    }
    /// Checks what later reads lean on: lengths that belong together, offsets that rise, numbers that are in range.
    pub(crate) fn check(&self) -> Result<(), FormatError> {
        let names = self.name_core.len();
        let nodes = self.node_parent.len();
        let leaves = self.leaf_status.len();
        let keys = self.key_name.len();
        let wrong = FormatError::Inconsistent;
        let long = |len: usize, expected: usize, tag| if len == expected { Ok(()) } else { Err(wrong(tag)) };
        let column = |len: usize, tag| if len == 0 || len == leaves { Ok(()) } else { Err(wrong(tag)) };
        let rising = |at: &[u32], entries: usize, items: usize, tag| {
            let ends = at.first() == Some(&0) && at.last() == u32::try_from(items).ok().as_ref();
            if at.len() == entries + 1 && ends && at.is_sorted() { Ok(()) } else { Err(wrong(tag)) }
        };
        let below = |items: &[u32], limit: usize, tag| {
            if items.iter().all(|&item| (item as usize) < limit) { Ok(()) } else { Err(wrong(tag)) }
        };
        long(self.meta.len(), META_WORDS, Tag::Meta)?;
        rising(self.name_text_at, names, self.name_text.len(), Tag::NameTextAt)?;
        rising(self.name_form_at, names, self.name_form.len(), Tag::NameFormAt)?;
        long(self.name_family.len(), names, Tag::NameFamily)?;
        rising(self.key_at, keys, self.key_symbols.len(), Tag::KeyAt)?;
        below(self.key_name, names, Tag::KeyName)?;
        long(self.key_first.len(), 1025, Tag::KeyFirst)?;
        below(self.key_first, keys + 1, Tag::KeyFirst)?;
        rising(self.pair_at, self.pair_key.len(), self.pair_name.len(), Tag::PairAt)?;
        below(self.pair_name, names, Tag::PairName)?;
        rising(self.name_target_at, names, self.name_target.len(), Tag::NameTargetAt)?;
        long(self.name_target_kind.len(), self.name_target.len(), Tag::NameTargetKind)?;
        let targets = |&target: &u32| match target & LEAF {
            0 => (target as usize) < nodes,
            _ => ((target & !LEAF) as usize) < leaves,
        };
        if !self.name_target.iter().all(targets) {
            return Err(wrong(Tag::NameTarget));
        }
        if nodes == 0 {
            return Err(wrong(Tag::NodeParent));
        }
        // Parents come before their children: walks upwards end.
        let parents = self.node_parent.iter().enumerate().all(|(at, &parent)| (parent as usize) < at.max(1));
        if !parents {
            return Err(wrong(Tag::NodeParent));
        }
        let ends = |(at, &end): (usize, &u32)| at < end as usize && end as usize <= nodes;
        if self.node_end.len() != nodes || !self.node_end.iter().enumerate().all(ends) {
            return Err(wrong(Tag::NodeEnd));
        }
        long(self.node_name.len(), nodes, Tag::NodeName)?;
        below(self.node_name, names, Tag::NodeName)?;
        long(self.node_kind.len(), nodes, Tag::NodeKind)?;
        rising(self.node_leaf, nodes, leaves, Tag::NodeLeaf)?;
        long(self.node_code.len(), nodes, Tag::NodeCode)?;
        long(self.node_position.len(), nodes * 2, Tag::NodePosition)?;
        long(self.node_reach.len(), nodes, Tag::NodeReach)?;
        column(self.leaf_door.len(), Tag::LeafDoor)?;
        column(self.leaf_building.len(), Tag::LeafBuilding)?;
        column(self.leaf_unit.len(), Tag::LeafUnit)?;
        column(self.leaf_floor.len(), Tag::LeafFloor)?;
        column(self.leaf_room.len(), Tag::LeafRoom)?;
        long(self.leaf_plate.len(), leaves, Tag::LeafPlate)?;
        long(self.leaf_position.len(), leaves * 2, Tag::LeafPosition)?;
        long(self.leaf_accuracy.len(), leaves, Tag::LeafAccuracy)?;
        rising(self.leaf_id_at, leaves, self.leaf_id.len(), Tag::LeafIdAt)?;
        rising(self.text_at, self.text_leaf.len(), self.text.len(), Tag::TextAt)?;
        below(self.text_leaf, leaves, Tag::TextLeaf)?;
        long(self.named_leaf_name.len(), self.named_leaf.len(), Tag::NamedLeafName)?;
        below(self.named_leaf, leaves, Tag::NamedLeaf)?;
        below(self.named_leaf_name, names, Tag::NamedLeafName)?;
        below(self.by_door, leaves, Tag::ByDoor)?;
        below(self.by_building, leaves, Tag::ByBuilding)?;
        below(self.by_room, leaves, Tag::ByRoom)?;
        long(self.by_id.len(), leaves, Tag::ById)?;
        below(self.by_id, leaves, Tag::ById)
    }

    /// Number of named places, the nameless root included.
    pub fn place_count(&self) -> usize {
        self.node_parent.len()
    }
    /// Number of addresses.
    pub fn address_count(&self) -> usize {
        self.leaf_status.len()
    }
    /// The county.
    pub fn home(&self) -> Option<DivisionCode> {
        let digits = u8::try_from(*self.meta.get(1)?).ok()?;
        DivisionCode::new(*self.meta.first()?, digits).ok()
    }
    /// The name of a place.
    pub fn place_name(&self, place: u32) -> &'a str {
        self.node_name.get(place as usize).map_or("", |&name| self.name(name))
    }
    /// The kind of a place; `None` for the root.
    pub fn place_kind(&self, place: u32) -> Option<ElementKind> {
        self.node_kind.get(place as usize).and_then(|&kind| ElementKind::from_number(kind))
    }
    /// The division code of a place.
    pub fn place_code(&self, place: u32) -> Option<DivisionCode> {
        let packed = *self.node_code.get(place as usize)?;
        DivisionCode::new(packed >> 8, packed as u8).ok()
    }
    /// The place around a place; `None` for the root and what is right below it.
    pub fn place_parent(&self, place: u32) -> Option<u32> {
        self.node_parent.get(place as usize).copied().filter(|&parent| parent != 0 && place != 0)
    }
    /// How far the addresses of a place lie from its position, metres.
    pub fn place_reach_m(&self, place: u32) -> f64 {
        self.node_reach.get(place as usize).map_or(0.0, |&reach| f64::from(reach))
    }
    /// The addresses in a place and in the places inside it.
    pub fn addresses_in(&self, place: u32) -> std::ops::Range<u32> {
        let end = self.node_end.get(place as usize).copied().unwrap_or(place);
        let at = |node: u32| self.node_leaf.get(node as usize).copied().unwrap_or(0);
        at(place)..at(end)
    }
    /// The addresses that a place has directly.
    pub fn addresses_of(&self, place: u32) -> std::ops::Range<u32> {
        let at = |node: u32| self.node_leaf.get(node as usize).copied().unwrap_or(0);
        at(place)..at(place.saturating_add(1))
    }
    /// The smallest place around an address.
    pub fn place_of(&self, address: u32) -> u32 {
        // The last node whose first leaf is not behind this one and that has leaves of its own.
        let after = self.node_leaf.partition_point(|&first| first <= address);
        (after.saturating_sub(1)).min(self.node_parent.len().saturating_sub(1)) as u32
    }
    /// The id of an address.
    pub fn address_id(&self, address: u32) -> &'a str {
        let bytes = slice_of(self.leaf_id_at, self.leaf_id, address as usize);
        std::str::from_utf8(bytes).unwrap_or_default()
    }
    /// The address with an id.
    pub fn find_id(&self, id: &str) -> Option<u32> {
        let at = self.by_id.partition_point(|&leaf| self.address_id(leaf) < id);
        self.by_id.get(at).copied().filter(|&leaf| self.address_id(leaf) == id)
    }
    /// The numbers of an address.
    pub fn numbers(&self, address: u32) -> Numbers {
        let value =
            |column: &[u32]| NumberValue::from_bits(column.get(address as usize).copied().unwrap_or(0));
        let plates = self.leaf_plate.get(address as usize).copied().unwrap_or(0);
        Numbers {
            door: value(self.leaf_door),
            building: value(self.leaf_building),
            unit: value(self.leaf_unit),
            floor: value(self.leaf_floor),
            room: value(self.leaf_room),
            door_plate: plate(plates),
            building_plate: plate(plates >> 2),
            room_plate: plate(plates >> 4),
        }
    }
    /// State of use of an address.
    pub fn status(&self, address: u32) -> Status {
        Status::from_code(self.leaf_status.get(address as usize).copied().unwrap_or(0))
    }
    /// The name of an address's building or of what is in it.
    pub fn address_name(&self, address: u32) -> Option<&'a str> {
        let at = self.named_leaf.binary_search(&address).ok()?;
        self.named_leaf_name.get(at).map(|&name| self.name(name))
    }
    /// Where something is, plan metres; a place without a position of its own lies in the middle of its addresses.
    pub fn position_m(&self, target: Target) -> Option<[f64; 2]> {
        let (column, at) = match target {
            Target::Place(place) => (self.node_position, place as usize),
            Target::Address(address) => (self.leaf_position, address as usize),
        };
        let (&east, &north) = (column.get(at * 2)?, column.get(at * 2 + 1)?);
        if east == NOWHERE {
            return None;
        }
        let origin = |k: usize| self.meta.get(k).copied().map_or(0.0, f64::from_bits);
        Some([origin(2) + f64::from(east) * 0.01, origin(3) + f64::from(north) * 0.01])
    }
    /// Standard deviation per axis of an address's position, metres, to half a metre.
    pub fn accuracy_m(&self, address: u32) -> Option<f64> {
        self.leaf_accuracy
            .get(address as usize)
            .filter(|&&half| half != u8::MAX)
            .map(|&half| f64::from(half) * 0.5)
    }
    /// The full text of a place or an address, from the province.
    pub fn text_of(&self, target: Target) -> String {
        if let Target::Address(address) = target {
            if let Ok(at) = self.text_leaf.binary_search(&address) {
                let bytes = slice_of(self.text_at, self.text, at);
                return std::str::from_utf8(bytes).unwrap_or_default().to_owned();
            }
        }
        let place = match target {
            Target::Place(place) => place,
            Target::Address(address) => self.place_of(address),
        };
        let mut names = Vec::with_capacity(8);
        let mut at = Some(place);
        while let Some(here) = at {
            names.push(self.place_name(here));
            at = self.place_parent(here);
        }
        names.reverse();
        let mut text = names.concat();
        if let Target::Address(address) = target {
            text.push_str(&self.numbers(address).text());
        }
        text
    }
    /// Whether a place lies in another or is it.
    pub fn is_within(&self, place: u32, other: u32) -> bool {
        other <= place && self.node_end.get(other as usize).is_some_and(|&end| place < end)
    }

    pub(crate) fn name(&self, name: u32) -> &'a str {
        std::str::from_utf8(slice_of(self.name_text_at, self.name_text, name as usize)).unwrap_or_default()
    }
    pub(crate) fn form(&self, name: u32) -> &'a [u32] {
        slice_of(self.name_form_at, self.name_form, name as usize)
    }
    pub(crate) fn core(&self, name: u32) -> usize {
        self.name_core.get(name as usize).map_or(0, |&core| usize::from(core))
    }
    pub(crate) fn family(&self, name: u32) -> Family {
        Family::from_number(self.name_family.get(name as usize).copied().unwrap_or(0))
    }
    pub(crate) fn targets(&self, name: u32) -> &'a [u32] {
        slice_of(self.name_target_at, self.name_target, name as usize)
    }
}

fn plate(bits: u8) -> Plate {
    match bits & 3 {
        0 => Plate::Usual,
        1 => Plate::Second,
        2 => Plate::Third,
        _ => Plate::Fourth,
    }
}
