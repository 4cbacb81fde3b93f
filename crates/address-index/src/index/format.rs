//! The container of an index: a header, a table of sections, and sections aligned to eight bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 0–7 | `HAMLETAI` |
//! | 8–11 | version, little-endian like everything |
//! | 12–15 | number of sections |
//! | 16–23 | length of the whole |
//! | 24–27 | CRC-32 of the table of sections |
//! | 28–31 | 0 |
//! | 32– | per section: tag u32, CRC-32 u32, offset u64, length u64 |

/// First bytes of an index.
pub const MAGIC: [u8; 8] = *b"HAMLETAI";
/// Version that this crate writes and reads.
pub const VERSION: u32 = 1;
/// Longest index that is opened, bytes.
pub const LONGEST: u64 = 1 << 32;

const HEADER: usize = 32;
const ENTRY: usize = 24;

/// Why bytes are no index.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// Another kind of file.
    #[error("this is no address index: it does not begin with HAMLETAI")]
    Foreign,
    /// Another version of the format.
    #[error("the index has version {found}; this program reads version {VERSION}: build it again")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Shorter or longer than it says.
    #[error("the index should have {expected} bytes and has {found}")]
    Length {
        /// What the header says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// Longer than any index.
    #[error("{0} bytes are too long for an index")]
    TooLong(u64),
    /// A checksum does not match.
    #[error("the index is damaged in section {0}")]
    Damaged(Tag),
    /// Numbers that contradict each other.
    #[error("section {0} of the index contradicts the others")]
    Inconsistent(Tag),
    /// The buffer does not begin at a multiple of eight bytes.
    #[error("the buffer of the index is not aligned to eight bytes")]
    Unaligned,
    /// A big-endian machine.
    #[error("the index is little-endian, this machine is not")]
    Endian,
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What a section holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Tag { $($(#[$doc])* $name = $number,)* }
        impl Tag {
            /// Every section, in the order of the file.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

tags! {
    /// The table of sections itself.
    Table = 0,
    /// Counts, origin, home.
    Meta = 1,
    /// Where names begin in `NameText`.
    NameTextAt = 2,
    /// Names as written, UTF-8.
    NameText = 3,
    /// Where names begin in `NameForm`.
    NameFormAt = 4,
    /// Names as normalised: a character, or a number with the top bit set.
    NameForm = 5,
    /// Length of a name without its ending, in units of `NameForm`.
    NameCore = 6,
    /// What family of endings a name takes.
    NameFamily = 7,
    /// Where keys begin in `KeySymbols`.
    KeyAt = 8,
    /// Symbols of keys; keys are sorted.
    KeySymbols = 9,
    /// The name of a key.
    KeyName = 10,
    /// First key of each symbol below 1024.
    KeyFirst = 11,
    /// Distinct pairs of symbols, sorted.
    PairKey = 12,
    /// Where pairs begin in `PairName`.
    PairAt = 13,
    /// Names that have a pair.
    PairName = 14,
    /// Where names begin in `NameTarget`.
    NameTargetAt = 15,
    /// What a name names.
    NameTarget = 16,
    /// Today's name, an alias or an old name.
    NameTargetKind = 17,
    /// Parent of a node; nodes are in the order of a walk from the root.
    NodeParent = 18,
    /// Node after the last inside.
    NodeEnd = 19,
    /// Name of a node.
    NodeName = 20,
    /// Kind of a node.
    NodeKind = 21,
    /// First leaf of a node; its own come before those of its children.
    NodeLeaf = 22,
    /// Division code of a node.
    NodeCode = 23,
    /// East and north of a node, centimetres from the origin.
    NodePosition = 24,
    /// How far a node reaches, metres.
    NodeReach = 25,
    /// Door plates of leaves.
    LeafDoor = 26,
    /// Buildings.
    LeafBuilding = 27,
    /// Units.
    LeafUnit = 28,
    /// Floors.
    LeafFloor = 29,
    /// Rooms.
    LeafRoom = 30,
    /// How numbers are written, two bits each for door, building and room.
    LeafPlate = 31,
    /// State of use.
    LeafStatus = 32,
    /// East and north, centimetres from the origin.
    LeafPosition = 33,
    /// Accuracy, half metres; 255 is unknown.
    LeafAccuracy = 34,
    /// Where ids begin in `LeafId`.
    LeafIdAt = 35,
    /// Ids, UTF-8.
    LeafId = 36,
    /// Leaves with a text of their own, sorted.
    TextLeaf = 37,
    /// Where those texts begin in `Text`.
    TextAt = 38,
    /// Texts, UTF-8.
    Text = 39,
    /// Leaves with a name, sorted.
    NamedLeaf = 40,
    /// Their names.
    NamedLeafName = 41,
    /// Leaves sorted by door, then by leaf.
    ByDoor = 42,
    /// Leaves sorted by building.
    ByBuilding = 43,
    /// Leaves sorted by room.
    ByRoom = 44,
    /// Leaves sorted by id.
    ById = 45,
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Bytes that begin at a multiple of eight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlignedBytes {
    words: Vec<u64>,
    len: usize,
}

impl AlignedBytes {
    /// So many zero bytes, to be read into.
    pub fn zeroed(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(8)], len }
    }
    /// A copy of bytes.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeroed(bytes.len());
        aligned.as_mut_slice().copy_from_slice(bytes);
        aligned
    }
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words).get(..self.len).unwrap_or_default()
    }
    /// The bytes, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.words).get_mut(..self.len).unwrap_or_default()
    }
}

/// Where the sections of a checked buffer lie.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    /// Offset and length by tag.
    at: Vec<(usize, usize)>,
}

impl Sections {
    /// Checks header, table and checksums.
    pub(crate) fn check(bytes: &[u8]) -> Result<Self, FormatError> {
        if cfg!(target_endian = "big") {
            return Err(FormatError::Endian);
        }
        if bytes.get(..8) != Some(&MAGIC) {
            return Err(FormatError::Foreign);
        }
        let found = bytes.len() as u64;
        let too_short = FormatError::Length { expected: (HEADER + ENTRY * Tag::ALL.len()) as u64, found };
        let version = u32_at(bytes, 8).ok_or(too_short.clone())?;
        if version != VERSION {
            return Err(FormatError::Version { found: version });
        }
        let expected = u64_at(bytes, 16).ok_or(too_short.clone())?;
        if expected > LONGEST {
            return Err(FormatError::TooLong(expected));
        }
        if expected != found {
            return Err(FormatError::Length { expected, found });
        }
        if u32_at(bytes, 12) != Some(Tag::ALL.len() as u32) {
            return Err(FormatError::Damaged(Tag::Table));
        }
        let table = bytes.get(HEADER..HEADER + ENTRY * Tag::ALL.len()).ok_or(too_short)?;
        if u32_at(bytes, 24) != Some(crc32fast::hash(table)) {
            return Err(FormatError::Damaged(Tag::Table));
        }
        let mut at = Vec::with_capacity(Tag::ALL.len());
        for (&tag, entry) in Tag::ALL.iter().zip(table.chunks_exact(ENTRY)) {
            let damaged = FormatError::Damaged(tag);
            let read = |k| u64_at(entry, k).and_then(|value| usize::try_from(value).ok());
            let (Some(offset), Some(len)) = (read(8), read(16)) else { return Err(damaged) };
            if u32_at(entry, 0) != Some(tag as u32) || offset % 8 != 0 {
                return Err(damaged);
            }
            let Some(section) = offset.checked_add(len).and_then(|end| bytes.get(offset..end)) else {
                return Err(damaged);
            };
            if u32_at(entry, 4) != Some(crc32fast::hash(section)) {
                return Err(damaged);
            }
            at.push((offset, len));
        }
        Ok(Self { at })
    }
    /// A section as an array.
    pub(crate) fn get<'a, T: bytemuck::Pod>(
        &self,
        bytes: &'a [u8],
        tag: Tag,
    ) -> Result<&'a [T], FormatError> {
        let place = Tag::ALL.iter().position(|&t| t == tag).and_then(|at| self.at.get(at));
        let &(offset, len) = place.ok_or(FormatError::Damaged(tag))?;
        let section = bytes.get(offset..offset + len).ok_or(FormatError::Damaged(tag))?;
        bytemuck::try_cast_slice(section).map_err(|error| match error {
            bytemuck::PodCastError::TargetAlignmentGreaterAndInputNotAligned => FormatError::Unaligned,
            _ => FormatError::Damaged(tag),
        })
    }
}

/// Puts sections together; those that are not given are empty.
pub(crate) fn assemble(mut sections: Vec<(Tag, Vec<u8>)>) -> AlignedBytes {
    sections.sort_by_key(|(tag, _)| *tag);
    let mut given = sections.into_iter().peekable();
    let mut all: Vec<(Tag, Vec<u8>)> = Vec::with_capacity(Tag::ALL.len());
    for &tag in Tag::ALL {
        let bytes = given.next_if(|(of, _)| *of == tag).map(|(_, bytes)| bytes).unwrap_or_default();
        all.push((tag, bytes));
    }
    let mut table = Vec::with_capacity(ENTRY * all.len());
    let mut offset = (HEADER + ENTRY * all.len()).next_multiple_of(8);
    for (tag, bytes) in &all {
        table.extend((*tag as u32).to_le_bytes());
        table.extend(crc32fast::hash(bytes).to_le_bytes());
        table.extend((offset as u64).to_le_bytes());
        table.extend((bytes.len() as u64).to_le_bytes());
        offset = (offset + bytes.len()).next_multiple_of(8);
    }
    let mut out = AlignedBytes::zeroed(offset);
    let to = out.as_mut_slice();
    let mut at = 0;
    let mut put = |to: &mut [u8], bytes: &[u8]| {
        to[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(to, &MAGIC);
    put(to, &VERSION.to_le_bytes());
    put(to, &(all.len() as u32).to_le_bytes());
    put(to, &(offset as u64).to_le_bytes());
    put(to, &crc32fast::hash(&table).to_le_bytes());
    put(to, &[0; 4]);
    put(to, &table);
    for (_, bytes) in &all {
        let padding = bytes.len().next_multiple_of(8) - bytes.len();
        put(to, bytes);
        put(to, &[0; 8][..padding]);
    }
    out
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let low = u32_at(bytes, at)?;
    let high = u32_at(bytes, at + 4)?;
    Some(u64::from(high) << 32 | u64::from(low))
}
