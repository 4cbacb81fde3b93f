//! From a table to the bytes of its index.

use std::collections::HashMap;

use super::{
    format::{AlignedBytes, FormatError, Tag, assemble},
    names::Form,
    pool::Pool,
    view::{LEAF, NOWHERE},
};
use crate::{
    model::{Address, AddressTable, ElementKind, PlaceId, PlaceNameKind},
    text::pinyin::Symbol,
};

/// Why a table has no index.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// More of something than the format can number.
    #[error("the table has too many {0} for an index")]
    TooMany(&'static str),
    /// What was built cannot be opened: a fault of the builder.
    #[error(transparent)]
    Format(#[from] FormatError),
}

pub(super) fn build(table: &AddressTable) -> Result<AlignedBytes, BuildError> {
    let limit = (LEAF - 1) as usize;
    if table.places().len() >= limit || table.addresses().len() >= limit {
        return Err(BuildError::TooMany("places or addresses"));
    }
    let order = Order::of(table);
    let mut sections = Vec::new();
    let mut names = Names::default();
    let nodes = nodes(table, &order, &mut names, &mut sections);
    leaves(table, &order, &mut names, &mut sections)?;
    positions(table, &order, &nodes, &mut sections);
    names.write(&mut sections)?;
    Ok(assemble(sections))
}

fn section<T: bytemuck::Pod>(sections: &mut Vec<(Tag, Vec<u8>)>, tag: Tag, items: &[T]) {
    sections.push((tag, bytemuck::cast_slice(items).to_vec()));
}

/// Places in the order of a walk from the root, and addresses in that order and by their numbers.
struct Order {
    /// Place of each node; node 0 is the nameless root.
    places: Vec<Option<PlaceId>>,
    /// Node of each place.
    node_of: Vec<u32>,
    ends: Vec<u32>,
    /// Addresses in order, with their nodes.
    addresses: Vec<(u32, u32)>,
}

impl Order {
    fn of(table: &AddressTable) -> Self {
        let places = table.places();
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); places.len() + 1];
        for (at, place) in places.iter().enumerate() {
            let above = place.parent.map_or(0, |parent| parent.0 as usize + 1);
            if let Some(list) = children.get_mut(above) {
                list.push(at as u32);
            }
        }
        for list in &mut children {
            list.sort_by(|&a, &b| {
                let (a_place, b_place) = (&places[a as usize], &places[b as usize]);
                let key = |place: &crate::model::Place| (place.kind, place.code);
                key(a_place).cmp(&key(b_place)).then_with(|| a_place.name.cmp(&b_place.name)).then(a.cmp(&b))
            });
        }
        let mut order =
            Self { places: vec![None], node_of: vec![0; places.len()], ends: vec![0], addresses: Vec::new() };
        // Depth first, with a stack of its own: a deep tree must not end the program.
        let mut stack: Vec<(u32, usize)> = vec![(0, 0)];
        while let Some(top) = stack.last_mut() {
            let (node, next) = *top;
            let list = match order.places[node as usize] {
                None => &children[0],
                Some(place) => &children[place.0 as usize + 1],
            };
            match list.get(next) {
                Some(&child) => {
                    top.1 += 1;
                    let child_node = order.places.len() as u32;
                    order.places.push(Some(PlaceId(child)));
                    order.ends.push(0);
                    order.node_of[child as usize] = child_node;
                    stack.push((child_node, 0));
                }
                None => {
                    order.ends[node as usize] = order.places.len() as u32;
                    stack.pop();
                }
            }
        }
        let node = |address: &Address| {
            address.place.and_then(|place| order.node_of.get(place.0 as usize)).copied().unwrap_or(0)
        };
        order.addresses =
            table.addresses().iter().zip(0..).map(|(address, at)| (node(address), at)).collect();
        let addresses = table.addresses();
        order.addresses.sort_by(|a, b| {
            let (left, right) = (&addresses[a.1 as usize], &addresses[b.1 as usize]);
            (a.0, left.numbers).cmp(&(b.0, right.numbers)).then_with(|| left.id.cmp(&right.id))
        });
        order
    }
}

/// Names with what they name.
#[derive(Default)]
struct Names {
    ids: HashMap<(String, u8), u32>,
    texts: Vec<(String, ElementKind)>,
    targets: Vec<(u32, u32, u8)>,
}

impl Names {
    /// The id of a name; names of one text but other endings to expect are two.
    fn id(&mut self, text: &str, kind: ElementKind) -> u32 {
        let family = super::names::Family::of(kind) as u8;
        if let Some(&id) = self.ids.get(&(text.to_owned(), family)) {
            return id;
        }
        let id = self.texts.len() as u32;
        self.texts.push((text.to_owned(), kind));
        self.ids.insert((text.to_owned(), family), id);
        id
    }
    fn target(&mut self, name: u32, target: u32, kind: u8) {
        self.targets.push((name, target, kind));
    }
    fn write(mut self, sections: &mut Vec<(Tag, Vec<u8>)>) -> Result<(), BuildError> {
        let (mut texts, mut forms) = (Pool::new(), Pool::new());
        let (mut cores, mut families) = (Vec::new(), Vec::new());
        let mut keys: Vec<(Vec<Symbol>, u32)> = Vec::new();
        let mut pairs: Vec<u64> = Vec::new();
        for ((text, kind), id) in self.texts.iter().zip(0u32..) {
            let form = Form::of(text, *kind);
            texts.push(text.as_bytes());
            forms.push(&form.units);
            cores.push(form.core as u8);
            families.push(form.family as u8);
            keys.extend(form.keys(text).into_iter().map(|key| (key, id)));
            pairs.extend(form.pairs().map(|pair| u64::from(pair) << 32 | u64::from(id)));
        }
        if !texts.fits() || !forms.fits() {
            return Err(BuildError::TooMany("names"));
        }
        section(sections, Tag::NameTextAt, &texts.at);
        section(sections, Tag::NameText, &texts.items);
        section(sections, Tag::NameFormAt, &forms.at);
        section(sections, Tag::NameForm, &forms.items);
        section(sections, Tag::NameCore, &cores);
        section(sections, Tag::NameFamily, &families);

        keys.sort_unstable();
        keys.dedup();
        let mut symbols = Pool::new();
        keys.iter().for_each(|(key, _)| symbols.push(key.as_slice()));
        let names: Vec<u32> = keys.iter().map(|(_, name)| *name).collect();
        let first_symbol = |key: &[Symbol]| key.first().copied().unwrap_or(0);
        let first: Vec<u32> =
            (0..=1024).map(|s| keys.partition_point(|(key, _)| first_symbol(key) < s) as u32).collect();
        section(sections, Tag::KeyAt, &symbols.at);
        section(sections, Tag::KeySymbols, &symbols.items);
        section(sections, Tag::KeyName, &names);
        section(sections, Tag::KeyFirst, &first);

        pairs.sort_unstable();
        pairs.dedup();
        let (mut pair_key, mut pair_at) = (Vec::new(), Vec::new());
        for (at, &pair) in pairs.iter().enumerate() {
            if pair_key.last() != Some(&((pair >> 32) as u32)) {
                pair_key.push((pair >> 32) as u32);
                pair_at.push(at as u32);
            }
        }
        pair_at.push(pairs.len() as u32);
        let pair_name: Vec<u32> = pairs.iter().map(|&pair| pair as u32).collect();
        section(sections, Tag::PairKey, &pair_key);
        section(sections, Tag::PairAt, &pair_at);
        section(sections, Tag::PairName, &pair_name);

        self.targets.sort_unstable();
        self.targets.dedup_by_key(|target| (target.0, target.1));
        let mut at = vec![0u32];
        for name in 0..self.texts.len() as u32 {
            at.push(self.targets.partition_point(|target| target.0 <= name) as u32);
        }
        let targets: Vec<u32> = self.targets.iter().map(|target| target.1).collect();
        let kinds: Vec<u8> = self.targets.iter().map(|target| target.2).collect();
        section(sections, Tag::NameTargetAt, &at);
        section(sections, Tag::NameTarget, &targets);
        section(sections, Tag::NameTargetKind, &kinds);
        Ok(())
    }
}

/// First leaf of each node.
fn nodes(
    table: &AddressTable,
    order: &Order,
    names: &mut Names,
    sections: &mut Vec<(Tag, Vec<u8>)>,
) -> Vec<u32> {
    let count = order.places.len();
    let (mut parents, mut name_ids) = (vec![0u32; count], vec![0u32; count]);
    let (mut kinds, mut codes) = (vec![0u8; count], vec![0u64; count]);
    name_ids[0] = names.id("", ElementKind::Landmark);
    for (node, place) in order.places.iter().enumerate().skip(1) {
        let Some(place) = place.and_then(|id| table.place(id)) else { continue };
        parents[node] = place.parent.and_then(|p| order.node_of.get(p.0 as usize)).copied().unwrap_or(0);
        kinds[node] = place.kind as u8;
        codes[node] = place.code.map_or(0, |code| code.value() << 8 | u64::from(code.digits()));
        name_ids[node] = names.id(&place.name, place.kind);
        names.target(name_ids[node], node as u32, 0);
        for other in &place.other_names {
            let id = names.id(&other.text, place.kind);
            names.target(id, node as u32, if other.kind == PlaceNameKind::Old { 2 } else { 1 });
        }
    }
    let mut leaf = Vec::with_capacity(count + 1);
    let mut at = 0;
    for node in 0..=count as u32 {
        while order.addresses.get(at).is_some_and(|&(of, _)| of < node) {
            at += 1;
        }
        leaf.push(at as u32);
    }
    let home = table.home();
    let origin = origin(table);
    let meta = [
        home.map_or(0, |code| code.value()),
        home.map_or(0, |code| u64::from(code.digits())),
        origin[0].to_bits(),
        origin[1].to_bits(),
    ];
    section(sections, Tag::Meta, &meta);
    section(sections, Tag::NodeParent, &parents);
    section(sections, Tag::NodeEnd, &order.ends);
    section(sections, Tag::NodeName, &name_ids);
    section(sections, Tag::NodeKind, &kinds);
    section(sections, Tag::NodeLeaf, &leaf);
    section(sections, Tag::NodeCode, &codes);
    leaf
}

fn leaves(
    table: &AddressTable,
    order: &Order,
    names: &mut Names,
    sections: &mut Vec<(Tag, Vec<u8>)>,
) -> Result<(), BuildError> {
    let all: Vec<&Address> =
        order.addresses.iter().filter_map(|&(_, at)| table.addresses().get(at as usize)).collect();
    let mut column = |tag: Tag, value: fn(&Address) -> u32| -> Vec<u32> {
        let values: Vec<u32> = all.iter().map(|address| value(address)).collect();
        if values.iter().any(|&v| v != 0) {
            section(sections, tag, &values);
        }
        values
    };
    let doors = column(Tag::LeafDoor, |a| a.numbers.door.bits());
    let buildings = column(Tag::LeafBuilding, |a| a.numbers.building.bits());
    column(Tag::LeafUnit, |a| a.numbers.unit.bits());
    column(Tag::LeafFloor, |a| a.numbers.floor.bits());
    let rooms = column(Tag::LeafRoom, |a| a.numbers.room.bits());
    let mut sorted = |tag: Tag, values: &[u32]| {
        let mut leaves: Vec<u64> = values
            .iter()
            .zip(0u64..)
            .filter(|(v, _)| **v != 0)
            .map(|(&v, leaf)| u64::from(v) << 32 | leaf)
            .collect();
        leaves.sort_unstable();
        let leaves: Vec<u32> = leaves.into_iter().map(|packed| packed as u32).collect();
        section(sections, tag, &leaves);
    };
    sorted(Tag::ByDoor, &doors);
    sorted(Tag::ByBuilding, &buildings);
    sorted(Tag::ByRoom, &rooms);
    let plate = |a: &&Address| {
        let n = &a.numbers;
        n.door_plate as u8 | (n.building_plate as u8) << 2 | (n.room_plate as u8) << 4
    };
    section(sections, Tag::LeafPlate, &all.iter().map(plate).collect::<Vec<u8>>());
    section(sections, Tag::LeafStatus, &all.iter().map(|a| a.status as u8).collect::<Vec<u8>>());
    let accuracy = |a: &&Address| {
        let metres = a.point.and_then(|point| point.accuracy_m);
        metres.map_or(u8::MAX, |m| (m * 2.0).round().clamp(0.0, 254.0) as u8)
    };
    section(sections, Tag::LeafAccuracy, &all.iter().map(accuracy).collect::<Vec<u8>>());

    let (mut ids, mut texts) = (Pool::new(), Pool::new());
    let (mut text_leaf, mut named_leaf, mut named_leaf_name) = (Vec::new(), Vec::new(), Vec::new());
    for (address, leaf) in all.iter().zip(0u32..) {
        ids.push(address.id.as_bytes());
        if let Some(text) = &address.text {
            text_leaf.push(leaf);
            texts.push(text.as_bytes());
        }
        if let Some(name) = &address.name {
            let id = names.id(name, ElementKind::Landmark);
            named_leaf.push(leaf);
            named_leaf_name.push(id);
            names.target(id, LEAF | leaf, 0);
        }
        for other in &address.other_names {
            let id = names.id(&other.text, ElementKind::Landmark);
            names.target(id, LEAF | leaf, if other.kind == PlaceNameKind::Old { 2 } else { 1 });
        }
    }
    if !ids.fits() || !texts.fits() {
        return Err(BuildError::TooMany("bytes of ids or texts"));
    }
    let mut by_id: Vec<u32> = (0..all.len() as u32).collect();
    by_id.sort_by_key(|&leaf| all.get(leaf as usize).map(|address| address.id.as_str()));
    section(sections, Tag::LeafIdAt, &ids.at);
    section(sections, Tag::LeafId, &ids.items);
    section(sections, Tag::TextLeaf, &text_leaf);
    section(sections, Tag::TextAt, &texts.at);
    section(sections, Tag::Text, &texts.items);
    section(sections, Tag::NamedLeaf, &named_leaf);
    section(sections, Tag::NamedLeafName, &named_leaf_name);
    section(sections, Tag::ById, &by_id);
    Ok(())
}

/// Whole kilometres, so that the origin does not move with every edit.
fn origin(table: &AddressTable) -> [f64; 2] {
    let first = table.addresses().iter().find_map(|address| address.point);
    first.map_or([0.0; 2], |point| point.position_m.map(|v| (v / 1000.0).round() * 1000.0))
}

fn positions(table: &AddressTable, order: &Order, node_leaf: &[u32], sections: &mut Vec<(Tag, Vec<u8>)>) {
    let origin = origin(table);
    let centimetres = |position: [f64; 2]| {
        // Out of range saturates: footprints and points are checked to lie within 100,000 km.
        [0, 1].map(|k| {
            ((position[k] - origin[k]) * 100.0).round().clamp(f64::from(NOWHERE + 1), f64::from(i32::MAX))
                as i32
        })
    };
    let leaf_positions: Vec<Option<[f64; 2]>> = order
        .addresses
        .iter()
        .map(|&(_, at)| table.addresses().get(at as usize).and_then(|a| a.point).map(|p| p.position_m))
        .collect();
    let leaves: Vec<i32> =
        leaf_positions.iter().flat_map(|position| position.map_or([NOWHERE, NOWHERE], centimetres)).collect();
    // Sums over the leaves before each: the mean of a node is a difference.
    let mut sums = vec![[0.0f64; 3]];
    for position in &leaf_positions {
        let last = *sums.last().unwrap_or(&[0.0; 3]);
        sums.push(
            position
                .map_or(last, |p| [last[0] + p[0] - origin[0], last[1] + p[1] - origin[1], last[2] + 1.0]),
        );
    }
    let (mut nodes, mut reach) = (Vec::new(), Vec::new());
    for (node, place) in order.places.iter().enumerate() {
        let own = place.and_then(|id| table.place(id)).and_then(|place| place.position_m);
        let leaf_at = |node: u32| node_leaf.get(node as usize).copied().unwrap_or(0) as usize;
        let (from, to) = (leaf_at(node as u32), leaf_at(order.ends.get(node).copied().unwrap_or(0)));
        let (a, b) = (sums.get(from).copied().unwrap_or_default(), sums.get(to).copied().unwrap_or_default());
        let count = b[2] - a[2];
        let mean =
            (count > 0.0).then(|| [origin[0] + (b[0] - a[0]) / count, origin[1] + (b[1] - a[1]) / count]);
        let position = own.or(mean);
        nodes.extend(position.map_or([NOWHERE, NOWHERE], centimetres));
        let inside = leaf_positions.get(from..to).unwrap_or_default();
        let farthest = position.map_or(0.0, |centre| {
            // A large place's reach is that of a sample: it is only a radius to look in.
            let step = (inside.len() / 512).max(1);
            let distances = inside.iter().step_by(step).flatten();
            distances.map(|p| (p[0] - centre[0]).hypot(p[1] - centre[1])).fold(0.0, f64::max)
        });
        reach.push(farthest.ceil().clamp(0.0, 65_535.0) as u16);
    }
    section(sections, Tag::LeafPosition, &leaves);
    section(sections, Tag::NodePosition, &nodes);
    section(sections, Tag::NodeReach, &reach);
}
