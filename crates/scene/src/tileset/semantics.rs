//! Metadata of implicit tiles that overrides what the tiling implies (3D Metadata Semantic Reference, "Tile" and
//! "Content").

use std::sync::Arc;

use geodesy::{
    BoundingVolume, Sphere,
    glam::{DMat4, DVec3},
    s2::S2Volume,
};
use serde_json::Value as Json;

use crate::{
    metadata::{PropertyTable, Value, binary_table::PropertyTableReader, schema::Schema},
    tileset::{
        lenient::{LARGEST_NUMBER, obb_of, region_of},
        log::WarningLog,
        subtree::{Availability, Subtree},
        tree::NONE,
    },
};

/// Property tables of a subtree, with the meaning of their columns.
#[derive(Debug, Default)]
pub(crate) struct Semantics {
    tile: Table,
    contents: Vec<Table>,
}

/// A table has one row per available tile; `rows_before` says which row is whose.
#[derive(Debug, Default)]
struct Table {
    rows: Arc<PropertyTable>,
    columns: Vec<(Meaning, usize)>,
    /// Available tiles before every [`RANK_BITS`]th bit.
    rows_before: Vec<u64>,
}

const RANK_BITS: u64 = 512;
/// What semantics of tiles and of contents begin with.
const TILE: &str = "TILE_";
const CONTENT: &str = "CONTENT_";

/// What metadata says about one tile or content.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    /// In tile space.
    volume: Option<BoundingVolume>,
    s2_cell: Option<u64>,
    min_height_m: Option<f64>,
    max_height_m: Option<f64>,
    pub(crate) geometric_error: Option<f64>,
    pub(crate) replace: Option<bool>,
    /// `parent_from_tile`.
    pub(crate) transform: Option<DMat4>,
    /// Of a content, not resolved.
    pub(crate) uri: Option<String>,
    /// Of a content: index into the groups of its tileset.
    pub(crate) group: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Box,
    Region,
    Sphere,
    S2Cell,
    MinimumHeight,
    MaximumHeight,
    GeometricError,
    Refine,
    Transform,
    Uri,
    GroupId,
}

impl Meaning {
    fn of(semantic: &str, prefix: &str) -> Option<Self> {
        match semantic.strip_prefix(prefix)? {
            "BOUNDING_BOX" => Some(Self::Box),
            "BOUNDING_REGION" => Some(Self::Region),
            "BOUNDING_SPHERE" => Some(Self::Sphere),
            "BOUNDING_S2_CELL" => Some(Self::S2Cell),
            "MINIMUM_HEIGHT" => Some(Self::MinimumHeight),
            "MAXIMUM_HEIGHT" => Some(Self::MaximumHeight),
            "GEOMETRIC_ERROR" => Some(Self::GeometricError),
            "REFINE" => Some(Self::Refine),
            "TRANSFORM" if prefix == TILE => Some(Self::Transform),
            "URI" if prefix == CONTENT => Some(Self::Uri),
            "GROUP_ID" if prefix == CONTENT => Some(Self::GroupId),
            _ => None,
        }
    }
}

impl Table {
    fn new(rows: PropertyTable, columns: Vec<(Meaning, usize)>, available: &Availability) -> Self {
        let mut rows_before = Vec::new();
        let mut before = 0;
        for start in (0..available.len()).step_by(RANK_BITS as usize) {
            rows_before.push(before);
            before += available.count_in(start, start + RANK_BITS);
        }
        Self { rows: Arc::new(rows), columns, rows_before }
    }

    fn row_of(&self, available: &Availability, bit: u64) -> Option<usize> {
        let block = bit / RANK_BITS;
        let before = self.rows_before.get(block as usize)?;
        usize::try_from(before + available.count_in(block * RANK_BITS, bit)).ok()
    }

    fn overrides(&self, available: &Availability, bit: u64) -> Overrides {
        let mut found = Overrides::default();
        if self.columns.is_empty() {
            return found;
        }
        let Some(row) = self.row_of(available, bit) else { return found };
        for (meaning, column) in &self.columns {
            let Some(property) = self.rows.properties.get(*column) else { continue };
            let value = property.values.value(row);
            match meaning {
                Meaning::Uri => found.uri = value.as_str().filter(|uri| !uri.is_empty()).map(str::to_owned),
                Meaning::GroupId => found.group = value.as_u64().and_then(|id| u32::try_from(id).ok()),
                Meaning::S2Cell => found.s2_cell = value.as_u64(),
                _ => {
                    if let Some(numbers) = numbers(&value) {
                        found.set(*meaning, &numbers);
                    }
                }
            }
        }
        found
    }
}

impl Semantics {
    /// Tables and columns that cannot be read are left out with a warning.
    pub(crate) fn read(
        subtree: &Subtree,
        schema: Option<&Json>,
        budget_bytes: u64,
        log: &mut WarningLog,
    ) -> Self {
        let Some(tables) = &subtree.tables else { return Self::default() };
        let Some(schema_json) = schema else {
            log.push(|| "/propertyTables".into(), "there is no schema at hand; metadata is ignored");
            return Self::default();
        };
        let mut report = |place: String, reason: String| log.push(|| place, reason);
        let schema = match Schema::parse(schema_json, &mut report) {
            Ok(schema) => schema,
            Err(reason) => {
                report("/propertyTables".into(), format!("schema: {reason}; metadata is ignored"));
                return Self::default();
            }
        };
        let buffer_view = |index: usize| {
            let view = tables.buffer_views.get(index).cloned().flatten();
            view.ok_or_else(|| format!("buffer view {index} is not there or not within its buffer"))
        };
        let mut reader = PropertyTableReader { schema: &schema, buffer_view: &buffer_view, budget_bytes };
        let mut read = |table: Option<usize>, prefix: &str, available: &Availability| {
            let Some(index) = table else { return Table::default() };
            let place = format!("/propertyTables/{index}");
            let Some(json) = tables.tables.get(index) else {
                report(place, "no such property table".into());
                return Table::default();
            };
            let rows = reader.read(json, &mut |at, reason| report(format!("{place}{at}"), reason));
            if (rows.count as u64) < available.count() {
                report(
                    place,
                    format!("{} rows where {} are available; ignored", rows.count, available.count()),
                );
                return Table::default();
            }
            let class = json.get("class").and_then(Json::as_str).unwrap_or_default();
            let definitions = schema_json.get("classes").and_then(|c| c.get(class)?.get("properties"));
            let meaning = |id: &str| Meaning::of(definitions?.get(id)?.get("semantic")?.as_str()?, prefix);
            let columns =
                rows.properties.iter().enumerate().filter_map(|(i, p)| Some((meaning(&p.id)?, i))).collect();
            Table::new(rows, columns, available)
        };
        let tile = read(tables.tile_table, TILE, &subtree.tiles);
        let contents = subtree.contents.iter().enumerate();
        let contents = contents
            .map(|(i, available)| read(tables.content_tables.get(i).copied().flatten(), CONTENT, available))
            .collect();
        Self { tile, contents }
    }

    /// Bytes the tables take.
    pub(crate) fn bytes(&self) -> u64 {
        self.tile.rows.bytes() + self.contents.iter().map(|t| t.rows.bytes()).sum::<u64>()
    }

    /// The table of the tiles, to be kept for questions; `None` if there is none.
    pub(crate) fn tile_rows(&self) -> Option<Arc<PropertyTable>> {
        (!self.tile.rows_before.is_empty()).then(|| self.tile.rows.clone())
    }

    /// The tables of the contents.
    pub(crate) fn content_rows(&self) -> Vec<Arc<PropertyTable>> {
        self.contents.iter().map(|t| t.rows.clone()).collect()
    }

    /// Row of a tile in its table, [`NONE`] without one.
    pub(crate) fn tile_row(&self, subtree: &Subtree, bit: u64) -> u32 {
        row_or_none(self.tile.row_of(&subtree.tiles, bit))
    }

    /// `(content, row)` in the table of a content, [`NONE`] without one.
    pub(crate) fn content_row(&self, subtree: &Subtree, content: usize, bit: u64) -> u32 {
        let table = self.contents.get(content).zip(subtree.contents.get(content));
        row_or_none(table.and_then(|(table, available)| table.row_of(available, bit)))
    }

    pub(crate) fn tile(&self, subtree: &Subtree, bit: u64) -> Overrides {
        self.tile.overrides(&subtree.tiles, bit)
    }

    pub(crate) fn content(&self, subtree: &Subtree, content: usize, bit: u64) -> Overrides {
        let table = self.contents.get(content).zip(subtree.contents.get(content));
        table.map_or_else(Overrides::default, |(table, available)| table.overrides(available, bit))
    }
}

impl Overrides {
    fn set(&mut self, meaning: Meaning, numbers: &[f64]) {
        match meaning {
            Meaning::Box => self.volume = take(numbers).map(|n| BoundingVolume::Box(obb_of(&n))),
            Meaning::Region => {
                self.volume = take(numbers).map(|n| BoundingVolume::from_region(region_of(&n).0))
            }
            Meaning::Sphere => {
                self.volume = take(numbers).map(|[x, y, z, radius]: [f64; 4]| {
                    BoundingVolume::Sphere(Sphere { center: DVec3::new(x, y, z), radius: radius.abs() })
                });
            }
            Meaning::MinimumHeight => self.min_height_m = numbers.first().copied(),
            Meaning::MaximumHeight => self.max_height_m = numbers.first().copied(),
            Meaning::GeometricError => self.geometric_error = numbers.first().map(|e| e.max(0.0)),
            Meaning::Refine => self.replace = numbers.first().map(|n| *n == 1.0),
            Meaning::Transform => {
                // What leads out of three dimensions is no transform.
                self.transform = take(numbers)
                    .map(|n: [f64; 16]| DMat4::from_cols_array(&n))
                    .filter(|m| m.row(3).to_array() == [0.0, 0.0, 0.0, 1.0]);
            }
            // Not made of numbers.
            Meaning::S2Cell | Meaning::Uri | Meaning::GroupId => {}
        }
    }

    /// The volume that metadata gives, in tile space, where `implied` is what the tiling gives; `None` if it says
    /// nothing of it.
    pub(crate) fn volume(&self, implied: Option<&BoundingVolume>) -> Option<BoundingVolume> {
        let (low, high) = match implied {
            Some(BoundingVolume::Region(region)) => (region.0.min_height_m, region.0.max_height_m),
            Some(BoundingVolume::S2(cell)) => (cell.min_height_m, cell.max_height_m),
            _ => (0.0, 0.0),
        };
        let heights = {
            let (low, high) = (self.min_height_m.unwrap_or(low), self.max_height_m.unwrap_or(high));
            (low.min(high), low.max(high))
        };
        let cell = self.s2_cell.and_then(|cell| S2Volume::new(cell, heights.0, heights.1));
        if let Some(cell) = cell {
            return Some(BoundingVolume::S2(Box::new(cell)));
        }
        if self.min_height_m.is_none() && self.max_height_m.is_none() {
            return self.volume.clone();
        }
        let with_heights = match self.volume.as_ref().or(implied) {
            Some(BoundingVolume::Region(region)) => {
                let mut region = region.0;
                let (low, high) = (region.min_height_m, region.max_height_m);
                let (low, high) = (self.min_height_m.unwrap_or(low), self.max_height_m.unwrap_or(high));
                (region.min_height_m, region.max_height_m) = (low.min(high), low.max(high));
                Some(BoundingVolume::from_region(region))
            }
            Some(BoundingVolume::S2(cell)) => {
                S2Volume::new(cell.cell_id, heights.0, heights.1).map(|v| BoundingVolume::S2(Box::new(v)))
            }
            _ => None,
        };
        with_heights.or_else(|| self.volume.clone())
    }
}

fn row_or_none(row: Option<usize>) -> u32 {
    row.and_then(|r| u32::try_from(r).ok()).unwrap_or(NONE)
}

/// `None` unless all are finite and of sane size.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    let one = |v: &Value| v.as_f64().filter(|n| n.abs() <= LARGEST_NUMBER);
    match value.as_array() {
        Some(items) => items.iter().map(one).collect(),
        None => one(value).map(|n| vec![n]),
    }
}

fn take<const N: usize>(numbers: &[f64]) -> Option<[f64; N]> {
    numbers.try_into().ok()
}
