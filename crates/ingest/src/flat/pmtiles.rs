//! PMTiles, version 3: a header, directories of tiles along a Hilbert curve, and the tiles.
//!
//! Tiles are written as they come; directories are made at the end, and the header last.

use std::{
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom, Write},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};

/// Length of the header.
const HEADER_BYTES: u64 = 127;
/// The header and the root directory lie in this many bytes.
const ROOT_BYTES: usize = 16_384;
/// Entries of a leaf directory.
const LEAF_ENTRIES: usize = 4096;
/// Deepest zoom whose ids fit.
const MAX_ZOOM: u8 = 26;
/// Budget for a directory that is read.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

/// Why a package of tiles cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PmTilesError {
    /// The disk.
    #[error("the package of tiles cannot be read or written")]
    Io(#[from] io::Error),
    /// It makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// What a package says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct PmTilesHeader {
    /// 1: vector, 2: PNG, 3: JPEG, 4: WebP.
    pub tile_type: u8,
    /// Least and greatest zoom.
    pub zooms: [u8; 2],
    /// West, south, east, north, degrees.
    pub region_deg: [f64; 4],
    /// Tiles that can be addressed.
    pub tiles: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: u64,
    offset: u64,
    length: u32,
    run: u32,
}

/// The id of a tile: all tiles of coarser zooms, and its place along the Hilbert curve of its own.
pub fn tile_id(zoom: u8, x: u32, y: u32) -> u64 {
    let before = ((1u64 << (2 * u32::from(zoom))) - 1) / 3;
    let (mut x, mut y, mut along) = (u64::from(x), u64::from(y), 0u64);
    for level in (0..zoom).rev() {
        let side = 1u64 << level;
        let (right, low) = (u64::from(x & side > 0), u64::from(y & side > 0));
        along += side * side * ((3 * right) ^ low);
        if low == 0 {
            if right == 1 {
                (x, y) = (side.wrapping_sub(1).wrapping_sub(x), side.wrapping_sub(1).wrapping_sub(y));
            }
            std::mem::swap(&mut x, &mut y);
        }
    }
    before + along
}

/// The tile of an id: zoom, x and y.
pub fn tile_of(id: u64) -> (u8, u32, u32) {
    let (mut zoom, mut before) = (0u8, 0u64);
    while zoom < MAX_ZOOM && before + (1u64 << (2 * u32::from(zoom))) <= id {
        before += 1u64 << (2 * u32::from(zoom));
        zoom += 1;
    }
    let mut along = id - before;
    let (mut x, mut y) = (0u64, 0u64);
    for level in 0..zoom {
        let side = 1u64 << level;
        let right = 1 & (along / 2);
        let low = 1 & (along ^ right);
        if low == 0 {
            if right == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            std::mem::swap(&mut x, &mut y);
        }
        x += side * right;
        y += side * low;
        along /= 4;
    }
    (zoom, x as u32, y as u32)
}

/// Writes a package.
#[derive(Debug)]
pub struct PmTilesWriter<W: Write + Seek> {
    file: W,
    entries: Vec<Entry>,
    /// Where tiles of a hash lie: tiles that are alike are stored once.
    known: HashMap<[u8; 32], (u64, u32)>,
    bytes: u64,
}

impl<W: Write + Seek> PmTilesWriter<W> {
    /// Begins a package.
    ///
    /// # Errors
    /// What the disk answers.
    pub fn new(mut file: W) -> io::Result<Self> {
        // Header and root directory have their place; the tiles come after it, the other directories after them.
        file.write_all(&vec![0; ROOT_BYTES])?;
        Ok(Self { file, entries: Vec::new(), known: HashMap::new(), bytes: 0 })
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// A tile of no zoom that there is, and what the disk answers.
    pub fn add(&mut self, zoom: u8, x: u32, y: u32, tile: &[u8]) -> Result<(), PmTilesError> {
        let side = 1u64 << zoom.min(MAX_ZOOM);
        let length = u32::try_from(tile.len()).ok().filter(|length| *length > 0);
        let Some(length) = length.filter(|_| zoom <= MAX_ZOOM && u64::from(x.max(y)) < side) else {
            return Err(PmTilesError::Invalid(format!("no tile {zoom}/{x}/{y} of {} bytes", tile.len())));
        };
        let hash = *blake3::hash(tile).as_bytes();
        let (offset, length) = match self.known.get(&hash) {
            Some(known) => *known,
            None => {
                self.file.write_all(tile)?;
                let place = (self.bytes, length);
                self.bytes += u64::from(length);
                self.known.insert(hash, place);
                place
            }
        };
        self.entries.push(Entry { id: tile_id(zoom, x, y), offset, length, run: 1 });
        Ok(())
    }

    /// Writes directories and header.
    ///
    /// # Errors
    /// A package without tiles, a tile that is there twice, and what the disk answers.
    pub fn finish(
        mut self,
        tile_type: u8,
        region_deg: [f64; 4],
        metadata: &str,
    ) -> Result<(W, PmTilesHeader), PmTilesError> {
        self.entries.sort_by_key(|entry| entry.id);
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Err(PmTilesError::Invalid("no tiles".into()));
        };
        if let Some(pair) = self.entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let (zoom, x, y) = tile_of(pair[0].id);
            return Err(PmTilesError::Invalid(format!("tile {zoom}/{x}/{y} is there twice")));
        }
        let zooms = [tile_of(first.id).0, tile_of(last.id).0];
        let addressed = self.entries.len() as u64;
        let mut entries: Vec<Entry> = Vec::new();
        for entry in &self.entries {
            match entries.last_mut() {
                Some(run) if run.offset == entry.offset && run.id + u64::from(run.run) == entry.id => {
                    run.run += 1;
                }
                _ => entries.push(*entry),
            }
        }
        let (root, leaves) = directories(&entries)?;
        let metadata = packed(metadata.as_bytes())?;
        let tiles_at = ROOT_BYTES as u64;
        let metadata_at = tiles_at + self.bytes;
        let leaves_at = metadata_at + metadata.len() as u64;
        self.file.write_all(&metadata)?;
        self.file.write_all(&leaves)?;
        let mut header = b"PMTiles\x03".to_vec();
        let contents = self.known.len() as u64;
        for number in [
            HEADER_BYTES,
            root.len() as u64,
            metadata_at,
            metadata.len() as u64,
            leaves_at,
            leaves.len() as u64,
            tiles_at,
            self.bytes,
            addressed,
            entries.len() as u64,
            contents,
        ] {
            header.extend(number.to_le_bytes());
        }
        // Not clustered: tiles lie as they were made. Directories are gzip, tiles as they are.
        header.extend([0, 2, 1, tile_type, zooms[0], zooms[1]]);
        let [west, south, east, north] = region_deg;
        let degrees = |number: f64| ((number * 1e7).round() as i32).to_le_bytes();
        for number in [west, south, east, north] {
            header.extend(degrees(number));
        }
        header.push(zooms[1]);
        header.extend(degrees((west + east) * 0.5));
        header.extend(degrees((south + north) * 0.5));
        header.extend(root);
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()?;
        let header = PmTilesHeader { tile_type, zooms, region_deg, tiles: addressed };
        Ok((self.file, header))
    }
}

/// The root directory, and the leaves where it would be too long.
fn directories(entries: &[Entry]) -> Result<(Vec<u8>, Vec<u8>), PmTilesError> {
    let room = ROOT_BYTES - HEADER_BYTES as usize;
    let root = packed(&serialised(entries))?;
    if root.len() <= room {
        return Ok((root, Vec::new()));
    }
    let mut size = LEAF_ENTRIES;
    loop {
        let (mut leaves, mut index) = (Vec::new(), Vec::new());
        for part in entries.chunks(size) {
            let leaf = packed(&serialised(part))?;
            let id = part.first().map_or(0, |entry| entry.id);
            let length = u32::try_from(leaf.len()).unwrap_or(u32::MAX);
            // A run of none leads to a leaf.
            index.push(Entry { id, offset: leaves.len() as u64, length, run: 0 });
            leaves.extend(leaf);
        }
        let root = packed(&serialised(&index))?;
        if root.len() <= room {
            return Ok((root, leaves));
        }
        size *= 2;
    }
}

fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn serialised(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = |mut value: u64| {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    };
    number(entries.len() as u64);
    let mut before = 0;
    for entry in entries {
        number(entry.id - before);
        before = entry.id;
    }
    entries.iter().for_each(|entry| number(entry.run.into()));
    entries.iter().for_each(|entry| number(entry.length.into()));
    let mut end = None;
    for entry in entries {
        // 0: right after the one before.
        number(if end == Some(entry.offset) { 0 } else { entry.offset + 1 });
        end = Some(entry.offset + u64::from(entry.length));
    }
    out
}

/// A tile of a package: zoom, x, y, where in the file it lies, and its length.
pub type PlacedTile = (u8, u32, u32, u64, u32);

/// All tiles of a package. For checks and tests; packages of millions of
/// tiles are refused.
///
/// # Errors
/// A package that cannot be read or contradicts itself.
pub fn read_tiles<R: Read + Seek>(file: &mut R) -> Result<Vec<PlacedTile>, PmTilesError> {
    let invalid = |reason: &str| PmTilesError::Invalid(reason.to_owned());
    let mut head = [0u8; HEADER_BYTES as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    if head.get(..8) != Some(b"PMTiles\x03") {
        return Err(invalid("no PMTiles of version 3"));
    }
    let number = |at: usize| {
        head.get(8 + at * 8..16 + at * 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    let tiles_at = number(6);
    let mut open = vec![(number(0), number(1))];
    let mut found = Vec::new();
    while let Some((at, length)) = open.pop() {
        for entry in directory(file, at, length)? {
            if entry.run == 0 {
                open.push((number(4).saturating_add(entry.offset), entry.length.into()));
            }
            for k in 0..u64::from(entry.run) {
                let (zoom, x, y) = tile_of(entry.id + k);
                found.push((zoom, x, y, tiles_at.saturating_add(entry.offset), entry.length));
            }
            if found.len() + open.len() > 4_000_000 {
                return Err(invalid("more than four million tiles"));
            }
        }
    }
    Ok(found)
}

fn directory<R: Read + Seek>(file: &mut R, at: u64, length: u64) -> Result<Vec<Entry>, PmTilesError> {
    let invalid = || PmTilesError::Invalid("a directory that makes no sense".to_owned());
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file.take(length)).take(MAX_DIRECTORY_BYTES).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut number = || -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let (first, more) = rest.split_first()?;
            rest = more;
            value |= u64::from(first & 0x7f).checked_shl(shift)?;
            if first & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    };
    let count = number().filter(|count| *count as usize <= bytes.len()).ok_or_else(invalid)?;
    let mut entries = vec![Entry { id: 0, offset: 0, length: 0, run: 0 }; count as usize];
    let mut id = 0u64;
    for entry in &mut entries {
        id = id.checked_add(number().ok_or_else(invalid)?).ok_or_else(invalid)?;
        entry.id = id;
    }
    for entry in &mut entries {
        entry.run = number().and_then(|n| u32::try_from(n).ok()).ok_or_else(invalid)?;
    }
    for entry in &mut entries {
        entry.length = number().and_then(|n| u32::try_from(n).ok()).ok_or_else(invalid)?;
    }
    let mut end = 0u64;
    for entry in &mut entries {
        entry.offset = match number().ok_or_else(invalid)? {
            0 => end,
            offset => offset - 1,
        };
        end = entry.offset.checked_add(entry.length.into()).ok_or_else(invalid)?;
    }
    Ok(entries)
}
