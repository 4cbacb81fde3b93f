//! OpenStreetMap PBF: roads, buildings and named places.
//!
//! Three passes, because what refers stands behind what it refers to: relations, then ways, then nodes.

mod block;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::{
    Geometry, Issue, Raw, RawFeature, Shape, VectorError,
    cursor::Budget,
    geometry::{Position, polygons_of_rings},
};
use block::{Element, Next, Tags, elements, tag};
use wire::{Packed, summed};

/// What is taken of OpenStreetMap data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OsmWanted {
    /// Roads, buildings and places.
    #[default]
    Everything,
    /// Ways with the tag `highway`.
    Roads,
    /// Areas with the tag `building`.
    Buildings,
    /// What has a name and is a place, an amenity, a shop, an office or the like.
    Places,
}

impl OsmWanted {
    fn road(self, tags: &Tags<'_>) -> bool {
        matches!(self, Self::Everything | Self::Roads)
            && tag(tags, "highway").is_some()
            && tag(tags, "area") != Some(b"yes")
    }

    fn building(self, tags: &Tags<'_>) -> bool {
        matches!(self, Self::Everything | Self::Buildings)
            && tag(tags, "building").is_some_and(|value| value != b"no")
    }

    fn place(self, tags: &Tags<'_>) -> bool {
        const KINDS: [&str; 11] = [
            "place",
            "amenity",
            "shop",
            "office",
            "healthcare",
            "tourism",
            "leisure",
            "historic",
            "emergency",
            "railway",
            "government",
        ];
        matches!(self, Self::Everything | Self::Places)
            && tag(tags, "name").is_some()
            && KINDS.iter().any(|kind| tag(tags, kind).is_some())
    }

    fn area(self, tags: &Tags<'_>) -> bool {
        self.building(tags) || self.place(tags)
    }
}

/// Reads a file.
pub(super) fn read(path: &Path, wanted: OsmWanted) -> Result<Raw, VectorError> {
    let file = File::open(path).map_err(|source| VectorError::Io { path: path.to_owned(), source })?;
    read_from(&mut BufReader::with_capacity(1 << 20, file), wanted)
}

type OwnTags = Vec<(String, serde_json::Value)>;

/// A way or a relation whose ways are joined.
struct Found {
    tags: Option<OwnTags>,
    refs: Vec<i64>,
    is_area: bool,
}

struct Relation {
    tags: OwnTags,
    ways: Vec<i64>,
}

#[derive(Default)]
struct Nodes {
    ids: Vec<i64>,
    places: Vec<Position>,
}

impl Nodes {
    fn place(&self, id: i64) -> Option<Position> {
        let at = self.places.get(self.ids.binary_search(&id).ok()?)?;
        (!at[0].is_nan()).then_some(*at)
    }
}

/// Reads a file that is open.
pub(super) fn read_from<F: Read + Seek>(file: &mut F, wanted: OsmWanted) -> Result<Raw, VectorError> {
    let mut raw = Raw { is_degrees: true, ..Raw::default() };
    let mut budget = Budget::new();
    let mut relations: BTreeMap<i64, Relation> = BTreeMap::new();
    let mut members: BTreeSet<i64> = BTreeSet::new();
    let is_whole = walk(file, &mut budget, &mut |element| {
        let Element::Relation { id, members: [ids, kinds], tags } = element else { return 0 };
        if tag(&tags, "type") != Some(b"multipolygon") || !wanted.area(&tags) {
            return 0;
        }
        const WAY: u64 = 1;
        let ways: Vec<i64> =
            summed(ids).zip(Packed(kinds)).filter(|(_, kind)| *kind == WAY).map(|(id, _)| id).collect();
        members.extend(&ways);
        let bytes = 128 + ways.len() * 80;
        relations.insert(id, Relation { tags: own(&tags), ways });
        bytes
    })?;
    if let Some(reason) = is_whole {
        raw.issues.push(Issue { number: 0, line: None, reason, refused: true });
    }
    let mut ways: BTreeMap<i64, Found> = BTreeMap::new();
    walk(file, &mut budget, &mut |element| {
        let Element::Way { id, refs, tags } = element else { return 0 };
        let (is_road, is_area) = (wanted.road(&tags), wanted.area(&tags));
        if !is_road && !is_area && !members.contains(&id) {
            return 0;
        }
        let refs: Vec<i64> = summed(refs).collect();
        let bytes = 256 + refs.len() * 32 + tags.len() * 128;
        let is_area = is_area && !is_road && refs.len() > 3 && refs.first() == refs.last();
        let tags = (is_road || wanted.area(&tags)).then(|| own(&tags));
        ways.insert(id, Found { tags, refs, is_area });
        bytes
    })?;
    let mut nodes =
        Nodes { ids: ways.values().flat_map(|way| way.refs.iter().copied()).collect(), places: Vec::new() };
    nodes.ids.sort_unstable();
    nodes.ids.dedup();
    nodes.places = vec![[f64::NAN; 2]; nodes.ids.len()];
    let mut points: BTreeMap<i64, (Position, OwnTags)> = BTreeMap::new();
    walk(file, &mut budget, &mut |element| {
        let Element::Node { id, lon_lat, tags } = element else { return 0 };
        if let Ok(index) = nodes.ids.binary_search(&id)
            && let Some(place) = nodes.places.get_mut(index)
        {
            *place = lon_lat;
        }
        if tags.is_empty() || !wanted.place(&tags) {
            return 0;
        }
        points.insert(id, (lon_lat, own(&tags)));
        256 + tags.len() * 128
    })?;
    for (id, (at, tags)) in points {
        add(&mut raw, format!("node/{id}"), Ok(Geometry::Points(vec![at])), tags);
    }
    for (id, way) in ways.iter() {
        if let Some(tags) = &way.tags {
            add(&mut raw, format!("way/{id}"), way_geometry(way, &nodes), tags.clone());
        }
    }
    for (id, relation) in relations {
        let rings = rings(&relation, &ways, &nodes);
        let geometry = rings.map(|rings| Geometry::Polygons(polygons_of_rings(rings)));
        add(&mut raw, format!("relation/{id}"), geometry, relation.tags);
    }
    Ok(raw)
}

/// Goes through all elements; `each` says how many bytes it keeps. What is broken, if something is.
fn walk<F: Read + Seek>(
    file: &mut F,
    budget: &mut Budget,
    each: &mut dyn FnMut(Element<'_>) -> usize,
) -> Result<Option<String>, VectorError> {
    file.seek(SeekFrom::Start(0)).map_err(|error| block::corrupt(error.to_string()))?;
    let mut count = 0_usize;
    loop {
        let block = match block::next(file) {
            Ok(Next::Data(block)) => block,
            Ok(Next::Other) => continue,
            Ok(Next::End) => return Ok(None),
            // What came before is kept.
            Err(VectorError::Corrupt { reason, .. }) if count > 0 => {
                return Ok(Some(format!("{reason}, after {count} blocks: nothing from there on was read")));
            }
            Err(error) => return Err(error),
        };
        count += 1;
        let mut bytes = 0;
        if !elements(&block, &mut |element| bytes += each(element)) {
            return Ok(Some(format!("block {count} is broken: nothing behind it was read")));
        }
        budget.take(bytes)?;
    }
}

fn own(tags: &Tags<'_>) -> OwnTags {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    tags.iter().map(|(name, value)| (text(name), text(value).into())).collect()
}

fn add(raw: &mut Raw, id: String, geometry: Result<Geometry, String>, properties: OwnTags) {
    let number = raw.features.len() as u64 + 1;
    let shape = Some(geometry.map(|geometry| Shape { geometry, z: None }));
    raw.features.push(RawFeature { number, line: None, id: Some(id), shape, properties });
}

fn way_geometry(way: &Found, nodes: &Nodes) -> Result<Geometry, String> {
    let line = line(&way.refs, nodes)?;
    Ok(if way.is_area { Geometry::Polygons(vec![vec![line]]) } else { Geometry::Lines(vec![line]) })
}

fn line(refs: &[i64], nodes: &Nodes) -> Result<Vec<Position>, String> {
    let missing = refs.iter().filter(|id| nodes.place(**id).is_none()).count();
    if missing > 0 {
        return Err(format!("{missing} of its {} nodes are not in the file", refs.len()));
    }
    Ok(refs.iter().filter_map(|id| nodes.place(*id)).collect())
}

/// Closed rings out of the ways of a relation.
fn rings(
    relation: &Relation,
    ways: &BTreeMap<i64, Found>,
    nodes: &Nodes,
) -> Result<Vec<Vec<Position>>, String> {
    let mut open: Vec<Vec<i64>> = Vec::new();
    for id in &relation.ways {
        let way = ways.get(id).ok_or_else(|| format!("its way {id} is not in the file"))?;
        if !way.refs.is_empty() {
            open.push(way.refs.clone());
        }
    }
    let mut rings = Vec::new();
    while let Some(mut ring) = open.pop() {
        while ring.first() != ring.last() {
            let end = ring.last().copied();
            let next = open.iter().position(|way| way.first().copied() == end || way.last().copied() == end);
            let Some(next) = next else { return Err("its ways do not close to rings".to_owned()) };
            let mut way = open.swap_remove(next);
            if way.first().copied() != end {
                way.reverse();
            }
            ring.extend(way.into_iter().skip(1));
        }
        rings.push(line(&ring, nodes)?);
    }
    if rings.is_empty() { Err("it has no ways".to_owned()) } else { Ok(rings) }
}
