//! GeoKeys: the reference system of a GeoTIFF or LAS file (OGC 19-008r4, §7.1).

use std::collections::BTreeMap;

/// Most keys that a directory may have; real ones have a few dozen.
pub const MAX_KEYS: usize = 1024;

/// The three tags (or LAS records) that hold GeoKeys, as they lie in the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawGeoKeys<'a> {
    /// Tag 34735.
    pub directory: &'a [u16],
    /// Tag 34736.
    pub doubles: &'a [f64],
    /// Tag 34737.
    pub ascii: &'a [u8],
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum GeoValue {
    /// A code, or several.
    Short(Vec<u16>),
    /// Numbers.
    Double(Vec<f64>),
    /// Text.
    Text(String),
}

/// Keys by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeoKeys {
    values: BTreeMap<u16, GeoValue>,
}

/// Why a directory of keys was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GeoKeyError {
    /// No header, or one of another version.
    #[error("the GeoKey directory has {0} numbers and begins with none of version 1")]
    Header(usize),
    /// More keys than there is room for.
    #[error(
        "the GeoKey directory announces {announced} keys and has room for {room} (at most {MAX_KEYS} are read)"
    )]
    Count {
        /// Keys announced.
        announced: u16,
        /// Keys there is room for.
        room: usize,
    },
    /// A value beyond its tag.
    #[error("GeoKey {key} has {count} values at {offset} of tag {tag}, which has {len}")]
    Value {
        /// Id of the key.
        key: u16,
        /// Tag that holds the values.
        tag: u16,
        /// Values.
        count: u16,
        /// Index of the first.
        offset: u16,
        /// Values in the tag.
        len: usize,
    },
}

/// What kind of system the file is in (key 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelType {
    /// Metres (or other lengths) of a map.
    Projected,
    /// Longitude and latitude.
    Geographic,
    /// Earth-centred.
    Geocentric,
}

/// What a sample of a raster stands for (key 1025).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelIs {
    /// The area of the pixel: its position is that of its outer corner.
    Area,
    /// A point: its position is that of the sample.
    Point,
}

const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const CITATION: u16 = 1026;
const GEODETIC_CRS: u16 = 2048;
const GEODETIC_CITATION: u16 = 2049;
const PROJECTED_CRS: u16 = 3072;
const PROJECTED_CITATION: u16 = 3073;
const LINEAR_UNIT: u16 = 3076;
const LINEAR_UNIT_SIZE: u16 = 3077;
const VERTICAL_CRS: u16 = 4096;
const VERTICAL_CITATION: u16 = 4097;
const VERTICAL_UNIT: u16 = 4099;
/// "User-defined": described by other keys.
const USER_DEFINED: u16 = 32_767;

impl GeoKeys {
    /// Reads a directory. A key that is there twice counts as first given.
    ///
    /// # Errors
    /// A directory or a value beyond its tag.
    pub fn parse(raw: RawGeoKeys<'_>) -> Result<Self, GeoKeyError> {
        let RawGeoKeys { directory, doubles, ascii } = raw;
        let (Some(&[version, _, _, announced]), Some(entries)) =
            (directory.first_chunk(), directory.get(4..))
        else {
            return Err(GeoKeyError::Header(directory.len()));
        };
        if version != 1 {
            return Err(GeoKeyError::Header(directory.len()));
        }
        let room = entries.len() / 4;
        if usize::from(announced) > room.min(MAX_KEYS) {
            return Err(GeoKeyError::Count { announced, room });
        }
        let mut values = BTreeMap::new();
        for entry in entries.chunks_exact(4).take(announced.into()) {
            let &[key, tag, count, offset] = entry else { continue };
            let range = usize::from(offset)..usize::from(offset) + usize::from(count);
            let beyond = |len| GeoKeyError::Value { key, tag, count, offset, len };
            let value = match tag {
                0 => GeoValue::Short(vec![offset]),
                34_735 => {
                    let found = directory.get(range).ok_or_else(|| beyond(directory.len()))?;
                    GeoValue::Short(found.to_vec())
                }
                34_736 => GeoValue::Double(doubles.get(range).ok_or_else(|| beyond(doubles.len()))?.to_vec()),
                34_737 => {
                    // Writers disagree on whether the end of the text is counted.
                    let end = range.end.min(ascii.len());
                    let found = ascii.get(range.start..end).ok_or_else(|| beyond(ascii.len()))?;
                    let text = String::from_utf8_lossy(found);
                    GeoValue::Text(text.trim_end_matches(['|', '\0', ' ']).to_owned())
                }
                // A tag of the producer's own.
                _ => continue,
            };
            values.entry(key).or_insert(value);
        }
        Ok(Self { values })
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// All keys, by id.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &GeoValue)> {
        self.values.iter().map(|(key, value)| (*key, value))
    }
    /// The code of a key; `None` where absent, of another kind, or "user-defined".
    pub fn code(&self, key: u16) -> Option<u16> {
        match self.values.get(&key)? {
            GeoValue::Short(codes) => {
                codes.first().copied().filter(|code| !matches!(code, 0 | &USER_DEFINED))
            }
            _ => None,
        }
    }
    /// The first number of a key.
    pub fn number(&self, key: u16) -> Option<f64> {
        match self.values.get(&key)? {
            GeoValue::Double(numbers) => numbers.first().copied().filter(|n| n.is_finite()),
            _ => None,
        }
    }
    /// The text of a key.
    pub fn text(&self, key: u16) -> Option<&str> {
        match self.values.get(&key)? {
            GeoValue::Text(text) => Some(text),
            _ => None,
        }
    }
    /// What kind of system this is.
    pub fn model_type(&self) -> Option<ModelType> {
        match self.code(MODEL_TYPE)? {
            1 => Some(ModelType::Projected),
            2 => Some(ModelType::Geographic),
            3 => Some(ModelType::Geocentric),
            _ => None,
        }
    }
    /// What a sample stands for; area where it is not said.
    pub fn pixel_is(&self) -> PixelIs {
        if self.code(RASTER_TYPE) == Some(2) { PixelIs::Point } else { PixelIs::Area }
    }
    /// EPSG code of the horizontal system, if it is one of EPSG's: the projected one of a map, else the geodetic one.
    pub fn horizontal_epsg(&self) -> Option<u16> {
        match self.model_type() {
            Some(ModelType::Projected) => self.code(PROJECTED_CRS),
            Some(ModelType::Geographic | ModelType::Geocentric) => self.code(GEODETIC_CRS),
            None => self.code(PROJECTED_CRS).or_else(|| self.code(GEODETIC_CRS)),
        }
    }
    /// EPSG code of the height system.
    pub fn vertical_epsg(&self) -> Option<u16> {
        self.code(VERTICAL_CRS)
    }
    /// What the file calls its system, in its own words.
    pub fn citation(&self) -> Option<&str> {
        [PROJECTED_CITATION, CITATION, GEODETIC_CITATION]
            .into_iter()
            .find_map(|key| self.text(key).filter(|text| !text.is_empty()))
    }
    /// What the file calls its height system.
    pub fn vertical_citation(&self) -> Option<&str> {
        self.text(VERTICAL_CITATION).filter(|text| !text.is_empty())
    }
    /// Length of the horizontal unit of a map, metres, if the file names one that is known.
    pub fn linear_unit_m(&self) -> Option<f64> {
        match self.code(LINEAR_UNIT) {
            Some(unit) => unit_m(unit),
            None => self.number(LINEAR_UNIT_SIZE).filter(|size| *size > 0.0),
        }
    }
    /// Length of the unit of heights, metres, if the file names one that is known.
    pub fn vertical_unit_m(&self) -> Option<f64> {
        self.code(VERTICAL_UNIT).and_then(unit_m)
    }
}

/// Length of an EPSG unit, metres.
fn unit_m(code: u16) -> Option<f64> {
    match code {
        9001 => Some(1.0),
        9002 => Some(0.3048),
        9003 => Some(1200.0 / 3937.0),
        9036 => Some(1000.0),
        _ => None,
    }
}
