//! Metadata of implicit tiles that overrides what the tiling implies (3D Metadata Semantic Reference, "Tile" and
//! "Content").

use geodesy::{BoundingVolume, Sphere, glam::DVec3, s2::S2Volume};
use serde_json::Value;

use crate::tileset::{
    lenient::{obb_of, region_of},
    log::WarningLog,
    subtree::{Availability, Subtree, SubtreeTables},
};

/// Columns with a meaning, of the tiles and of each content.
#[derive(Debug, Default)]
pub(crate) struct Semantics {
    tile: Table,
    contents: Vec<Table>,
}

/// A table has one row per available tile; `rows_before` says which row is whose.
#[derive(Debug, Default)]
struct Table {
    columns: Vec<Column>,
    /// Available tiles before every [`RANK_BITS`]th bit.
    rows_before: Vec<u64>,
}

const RANK_BITS: u64 = 512;

impl Table {
    fn new(columns: Vec<Column>, available: &Availability) -> Self {
        let mut rows_before = Vec::new();
        if !columns.is_empty() {
            let mut rows = 0;
            for start in (0..available.len()).step_by(RANK_BITS as usize) {
                rows_before.push(rows);
                rows += available.count_in(start, start + RANK_BITS);
            }
        }
        Self { columns, rows_before }
    }

    fn overrides(&self, available: &Availability, bit: u64) -> Overrides {
        let block = bit / RANK_BITS;
        match self.rows_before.get(block as usize) {
            Some(rows) => overrides(&self.columns, rows + available.count_in(block * RANK_BITS, bit)),
            None => Overrides::default(),
        }
    }
}

/// What metadata says about one tile.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    /// In the space of the implicit root.
    pub(crate) volume: Option<BoundingVolume>,
    pub(crate) geometric_error: Option<f64>,
    pub(crate) replace: Option<bool>,
    min_height_m: Option<f64>,
    max_height_m: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Box,
    Region,
    Sphere,
    MinimumHeight,
    MaximumHeight,
    GeometricError,
    Refine,
}

impl Meaning {
    fn of(semantic: &str, prefix: &str) -> Option<Self> {
        match semantic.strip_prefix(prefix)? {
            "BOUNDING_BOX" => Some(Self::Box),
            "BOUNDING_REGION" => Some(Self::Region),
            "BOUNDING_SPHERE" => Some(Self::Sphere),
            "MINIMUM_HEIGHT" => Some(Self::MinimumHeight),
            "MAXIMUM_HEIGHT" => Some(Self::MaximumHeight),
            "GEOMETRIC_ERROR" => Some(Self::GeometricError),
            "REFINE" => Some(Self::Refine),
            _ => None,
        }
    }

    fn numbers(self) -> usize {
        match self {
            Self::Box => 12,
            Self::Region => 6,
            Self::Sphere => 4,
            _ => 1,
        }
    }
}

/// Rows of a fixed number of floats or bytes, as they lie in the file.
#[derive(Debug)]
struct Column {
    meaning: Meaning,
    format: Format,
    bytes: bytes::Bytes,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    F32,
    F64,
    U8,
}

impl Semantics {
    /// Columns that cannot be read are left out with a warning.
    pub(crate) fn read(subtree: &Subtree, schema: Option<&Value>, log: &mut WarningLog) -> Self {
        let Some(tables) = &subtree.tables else { return Self::default() };
        let mut read = |table: Option<usize>, prefix: &str, available: &Availability| match table {
            Some(table) => {
                Table::new(columns(tables, table, prefix, available.count(), schema, log), available)
            }
            None => Table::default(),
        };
        let tile = read(tables.tile_table, "TILE_", &subtree.tiles);
        let contents = subtree.contents.iter().enumerate().map(|(i, available)| {
            read(tables.content_tables.get(i).copied().flatten(), "CONTENT_", available)
        });
        let contents = contents.collect();
        Self { tile, contents }
    }

    pub(crate) fn tile(&self, subtree: &Subtree, bit: u64) -> Overrides {
        self.tile.overrides(&subtree.tiles, bit)
    }

    /// What its metadata says of a content that has `implied` as its volume, which is the tile's.
    pub(crate) fn content_volume(
        &self,
        subtree: &Subtree,
        content: usize,
        bit: u64,
        implied: Option<&BoundingVolume>,
    ) -> Option<BoundingVolume> {
        let found = self.contents.get(content)?.overrides(subtree.contents.get(content)?, bit);
        let with_heights = found.volume.as_ref().or(implied).and_then(|v| found.with_heights(v));
        with_heights.or(found.volume)
    }
}

impl Overrides {
    /// `volume` (a region or S2 cell) with the heights that metadata gives, if it gives any.
    pub(crate) fn with_heights(&self, volume: &BoundingVolume) -> Option<BoundingVolume> {
        if self.min_height_m.is_none() && self.max_height_m.is_none() {
            return None;
        }
        let heights = |low: f64, high: f64| {
            let (low, high) = (self.min_height_m.unwrap_or(low), self.max_height_m.unwrap_or(high));
            (low.min(high), low.max(high))
        };
        match volume {
            BoundingVolume::Region(region) => {
                let mut region = region.0;
                (region.min_height_m, region.max_height_m) =
                    heights(region.min_height_m, region.max_height_m);
                Some(BoundingVolume::from_region(region))
            }
            BoundingVolume::S2(cell) => {
                let (low, high) = heights(cell.min_height_m, cell.max_height_m);
                S2Volume::new(cell.cell_id, low, high).map(|v| BoundingVolume::S2(Box::new(v)))
            }
            BoundingVolume::Box(_) | BoundingVolume::Sphere(_) => None,
        }
    }
}

fn columns(
    tables: &SubtreeTables,
    table: usize,
    prefix: &str,
    rows: u64,
    schema: Option<&Value>,
    log: &mut WarningLog,
) -> Vec<Column> {
    let place = || format!("/propertyTables/{table}");
    let Some(found) = tables.tables.get(table) else {
        log.push(place, "no such property table");
        return Vec::new();
    };
    let class = found.get("class").and_then(Value::as_str).unwrap_or_default();
    let Some(class) = schema.and_then(|s| s.get("classes")?.get(class)?.get("properties")?.as_object())
    else {
        log.push(
            place,
            format!("class {class:?} is not in the schema at hand; its values do not override anything"),
        );
        return Vec::new();
    };
    let mut columns = Vec::new();
    for (id, definition) in class {
        let meaning = definition.get("semantic").and_then(Value::as_str).and_then(|s| Meaning::of(s, prefix));
        let view = found.get("properties").and_then(|p| p.get(id)?.get("values")?.as_u64());
        let (Some(meaning), Some(view)) = (meaning, view) else { continue };
        let bytes = usize::try_from(view).ok().and_then(|v| tables.buffer_views.get(v)).cloned().flatten();
        let text = |name: &str| definition.get(name).and_then(Value::as_str);
        let format = match (text("componentType"), text("type")) {
            (Some("FLOAT32"), _) => Some(Format::F32),
            (Some("FLOAT64"), _) => Some(Format::F64),
            (Some("UINT8"), _) => Some(Format::U8),
            _ => None,
        };
        let column = format.zip(bytes).map(|(format, bytes)| Column { meaning, format, bytes });
        match column.filter(|c| c.has_rows(rows)) {
            Some(column) => columns.push(column),
            None => log.push(
                || format!("{}/properties/{id}", place()),
                "not numbers, or too few; it overrides nothing",
            ),
        }
    }
    columns
}

fn overrides(columns: &[Column], row: u64) -> Overrides {
    let mut found = Overrides::default();
    for column in columns {
        let Some(numbers) = column.row(row) else { continue };
        match column.meaning {
            Meaning::Box => found.volume = take(&numbers).map(|n| BoundingVolume::Box(obb_of(&n))),
            Meaning::Region => {
                found.volume = take(&numbers).map(|n| BoundingVolume::from_region(region_of(&n).0))
            }
            Meaning::Sphere => {
                found.volume = take(&numbers).map(|[x, y, z, radius]: [f64; 4]| {
                    BoundingVolume::Sphere(Sphere { center: DVec3::new(x, y, z), radius: radius.abs() })
                });
            }
            Meaning::MinimumHeight => found.min_height_m = numbers.first().copied(),
            Meaning::MaximumHeight => found.max_height_m = numbers.first().copied(),
            Meaning::GeometricError => found.geometric_error = numbers.first().map(|e| e.max(0.0)),
            Meaning::Refine => found.replace = numbers.first().map(|n| *n == 1.0),
        }
    }
    found
}

fn take<const N: usize>(numbers: &[f64]) -> Option<[f64; N]> {
    numbers.try_into().ok()
}

impl Column {
    fn bytes_per_row(&self) -> u64 {
        let size = match self.format {
            Format::F32 => 4,
            Format::F64 => 8,
            Format::U8 => 1,
        };
        size * self.meaning.numbers() as u64
    }

    fn has_rows(&self, rows: u64) -> bool {
        rows.checked_mul(self.bytes_per_row()).is_some_and(|wanted| wanted <= self.bytes.len() as u64)
    }

    /// `None` unless all are finite and of sane size.
    fn row(&self, row: u64) -> Option<Vec<f64>> {
        let start = usize::try_from(row.checked_mul(self.bytes_per_row())?).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(self.bytes_per_row() as usize)?)?;
        let numbers: Vec<f64> = match self.format {
            Format::F32 => bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            Format::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Format::U8 => bytes.iter().map(|b| f64::from(*b)).collect(),
        };
        numbers.iter().all(|n| n.abs() <= crate::tileset::lenient::LARGEST_NUMBER).then_some(numbers)
    }
}
