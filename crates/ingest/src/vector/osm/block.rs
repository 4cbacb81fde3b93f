//! Blocks of a file: unpacked, and walked through.

use std::io::{self, Read};

use super::{
    super::VectorError,
    wire::{Fields, Packed, Wire, summed, zigzag},
};

/// As the format allows.
const MAX_HEADER_BYTES: u32 = 64 << 10;
const MAX_BLOCK_BYTES: u64 = 32 << 20;

/// A block of data, unpacked.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
}

/// What the next block is.
#[derive(Debug)]
pub(super) enum Next {
    /// A block of data.
    Data(Block),
    /// Something to be stepped over.
    Other,
    /// The end.
    End,
}

pub(super) fn corrupt(reason: impl Into<String>) -> VectorError {
    VectorError::Corrupt { format: "OpenStreetMap PBF", reason: reason.into() }
}

/// Reads the next block.
pub(super) fn next(file: &mut dyn Read) -> Result<Next, VectorError> {
    let mut length = [0; 4];
    match file.read(&mut length[..1]) {
        Ok(0) => return Ok(Next::End),
        Ok(_) => {}
        Err(error) => return Err(corrupt(error.to_string())),
    }
    let cut = |error: io::Error| corrupt(format!("it is cut short ({error})"));
    file.read_exact(&mut length[1..]).map_err(cut)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(corrupt(format!("the header of a block claims {length} bytes")));
    }
    let header = exactly(file, u64::from(length))?;
    let (mut kind, mut size) = (Vec::new(), 0);
    for (number, wire) in Fields::of(&header) {
        match number {
            1 => kind = wire.bytes().to_vec(),
            3 => size = wire.number(),
            _ => {}
        }
    }
    if size > MAX_BLOCK_BYTES {
        return Err(corrupt(format!("a block claims {size} bytes")));
    }
    let blob = exactly(file, size)?;
    match kind.as_slice() {
        b"OSMData" => Ok(Next::Data(Block { bytes: unpacked(&blob)? })),
        b"OSMHeader" => {
            let header = unpacked(&blob)?;
            let needed = Fields::of(&header).filter(|(number, _)| *number == 4).map(|(_, wire)| wire.bytes());
            for feature in needed {
                if ![b"OsmSchema-V0.6".as_slice(), b"DenseNodes"].contains(&feature) {
                    let feature = String::from_utf8_lossy(feature);
                    return Err(corrupt(format!("it needs {feature:?}, which is not read")));
                }
            }
            Ok(Next::Other)
        }
        _ => Ok(Next::Other),
    }
}

fn exactly(file: &mut dyn Read, count: u64) -> Result<Vec<u8>, VectorError> {
    let mut bytes = Vec::new();
    // Grows with what is there, not with what is claimed.
    file.take(count).read_to_end(&mut bytes).map_err(|error| corrupt(error.to_string()))?;
    if bytes.len() as u64 == count { Ok(bytes) } else { Err(corrupt("it is cut short")) }
}

fn unpacked(blob: &[u8]) -> Result<Vec<u8>, VectorError> {
    let mut fields = Fields::of(blob);
    let found = fields.find(|(number, _)| matches!(number, 1 | 3..=7));
    match found {
        Some((1, raw)) => Ok(raw.bytes().to_vec()),
        Some((3, packed)) => {
            let mut bytes = Vec::new();
            flate2::read::ZlibDecoder::new(packed.bytes())
                .take(MAX_BLOCK_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| corrupt(format!("a block cannot be unpacked ({error})")))?;
            if bytes.len() as u64 > MAX_BLOCK_BYTES {
                return Err(corrupt("a block unpacks to more than is allowed"));
            }
            Ok(bytes)
        }
        Some(_) => Err(corrupt("a block is packed with LZMA, LZ4 or Zstandard, which are not read")),
        None => Err(corrupt("a block holds nothing")),
    }
}

/// Something in a block.
#[derive(Debug)]
pub(super) enum Element<'b> {
    Node {
        id: i64,
        lon_lat: [f64; 2],
        tags: Tags<'b>,
    },
    Way {
        id: i64,
        refs: &'b [u8],
        tags: Tags<'b>,
    },
    /// `members` are ids, their kinds and roles, packed.
    Relation {
        id: i64,
        members: [&'b [u8]; 2],
        tags: Tags<'b>,
    },
}

/// Names and values.
pub(super) type Tags<'b> = Vec<(&'b [u8], &'b [u8])>;

/// Value of a tag.
pub(super) fn tag<'b>(tags: &Tags<'b>, name: &str) -> Option<&'b [u8]> {
    tags.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
}

/// Calls for every element of a block; whether it was whole.
pub(super) fn elements<'b>(block: &'b Block, each: &mut dyn FnMut(Element<'b>)) -> bool {
    let mut strings: Vec<&[u8]> = Vec::new();
    let (mut granularity, mut offsets) = (100_i64, [0_i64; 2]);
    let mut groups = Vec::new();
    let mut fields = Fields::of(&block.bytes);
    for (number, wire) in fields.by_ref() {
        match (number, wire) {
            (1, Wire::Bytes(table)) => {
                strings.extend(Fields::of(table).filter(|(number, _)| *number == 1).map(|(_, w)| w.bytes()));
            }
            (2, Wire::Bytes(group)) => groups.push(group),
            (17, Wire::Number(value)) => granularity = value as i64,
            (19, Wire::Number(value)) => offsets[1] = value as i64,
            (20, Wire::Number(value)) => offsets[0] = value as i64,
            _ => {}
        }
    }
    let mut is_whole = !fields.is_broken;
    let frame = Frame { strings: &strings, granularity, offsets };
    for group in groups {
        let mut fields = Fields::of(group);
        for (number, wire) in fields.by_ref() {
            match number {
                1 => frame.node(wire.bytes(), each),
                2 => frame.dense(wire.bytes(), each),
                3 | 4 => frame.way_or_relation(wire.bytes(), number == 3, each),
                _ => {}
            }
        }
        is_whole &= !fields.is_broken;
    }
    is_whole
}

struct Frame<'s, 'b> {
    strings: &'s [&'b [u8]],
    granularity: i64,
    /// Of longitude and latitude, billionths of a degree.
    offsets: [i64; 2],
}

impl<'b> Frame<'_, 'b> {
    fn text(&self, index: u64) -> &'b [u8] {
        usize::try_from(index).ok().and_then(|index| self.strings.get(index)).copied().unwrap_or_default()
    }

    fn degrees(&self, lon: i64, lat: i64) -> [f64; 2] {
        [(lon, self.offsets[0]), (lat, self.offsets[1])]
            .map(|(value, offset)| (offset as f64 + self.granularity as f64 * value as f64) * 1e-9)
    }

    fn tags(&self, keys: &'b [u8], values: &'b [u8]) -> Tags<'b> {
        Packed(keys).zip(Packed(values)).map(|(k, v)| (self.text(k), self.text(v))).collect()
    }

    fn node(&self, message: &'b [u8], each: &mut dyn FnMut(Element<'b>)) {
        let (mut id, mut lon, mut lat) = (0, 0, 0);
        let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
        for (number, wire) in Fields::of(message) {
            match number {
                1 => id = zigzag(wire.number()),
                2 => keys = wire.bytes(),
                3 => values = wire.bytes(),
                8 => lat = zigzag(wire.number()),
                9 => lon = zigzag(wire.number()),
                _ => {}
            }
        }
        each(Element::Node { id, lon_lat: self.degrees(lon, lat), tags: self.tags(keys, values) });
    }

    fn dense(&self, message: &'b [u8], each: &mut dyn FnMut(Element<'b>)) {
        let [mut ids, mut lats, mut lons, mut tags]: [&[u8]; 4] = [&[]; 4];
        for (number, wire) in Fields::of(message) {
            match number {
                1 => ids = wire.bytes(),
                8 => lats = wire.bytes(),
                9 => lons = wire.bytes(),
                10 => tags = wire.bytes(),
                _ => {}
            }
        }
        let mut tags = Packed(tags);
        for ((id, lat), lon) in summed(ids).zip(summed(lats)).zip(summed(lons)) {
            let mut own = Vec::new();
            // Pairs of names and values, a nought after each node.
            while let Some(key) = tags.next().filter(|key| *key != 0) {
                let Some(value) = tags.next() else { break };
                own.push((self.text(key), self.text(value)));
            }
            each(Element::Node { id, lon_lat: self.degrees(lon, lat), tags: own });
        }
    }

    fn way_or_relation(&self, message: &'b [u8], is_way: bool, each: &mut dyn FnMut(Element<'b>)) {
        let mut id = 0;
        let [mut keys, mut values, mut eight, mut nine, mut ten]: [&[u8]; 5] = [&[]; 5];
        for (number, wire) in Fields::of(message) {
            match number {
                1 => id = wire.number() as i64,
                2 => keys = wire.bytes(),
                3 => values = wire.bytes(),
                8 => eight = wire.bytes(),
                9 => nine = wire.bytes(),
                10 => ten = wire.bytes(),
                _ => {}
            }
        }
        let tags = self.tags(keys, values);
        each(if is_way {
            Element::Way { id, refs: eight, tags }
        } else {
            Element::Relation { id, members: [nine, ten], tags }
        });
    }
}
