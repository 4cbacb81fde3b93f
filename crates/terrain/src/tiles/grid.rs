//! A quadtree of tiles over a square lattice of samples.

use glam::DVec2;

use crate::PlanRect;

/// Most samples along a side.
pub const MAX_SIDE_SAMPLES: u32 = (1 << 14) + 1;

/// A tile of the quadtree: level 0 is the root, x counts eastward and y northward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Level.
    pub level: u32,
    /// Column, west to east.
    pub x: u32,
    /// Row, south to north.
    pub y: u32,
}

/// The lattice of samples and the quadtree of tiles over it. All tiles have the same number of cells along a side; the
/// cells of the finest level are those of the lattice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TileGrid {
    origin: DVec2,
    cell_m: f64,
    tile_cells: u32,
    levels: u32,
}

/// Why there is no such grid.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TileGridError {
    /// The cells of a tile are no power of two from 2 to 1,024.
    #[error("a tile has 2^k cells along a side, k from 1 to 10; got {0}")]
    TileCells(u32),
    /// The area or the cell size make no sense.
    #[error("no lattice of {cell_m} m over {area:?}")]
    Area {
        /// The area asked for.
        area: PlanRect,
        /// The cell size asked for.
        cell_m: f64,
    },
    /// More than [`MAX_SIDE_SAMPLES`] samples along a side.
    #[error(
        "{samples} samples of {cell_m} m along a side are more than {MAX_SIDE_SAMPLES}: take larger cells"
    )]
    TooLarge {
        /// Samples along a side.
        samples: f64,
        /// Cell size, metres.
        cell_m: f64,
    },
}

impl TileId {
    /// The root.
    pub const ROOT: Self = Self { level: 0, x: 0, y: 0 };

    /// South-west, south-east, north-west and north-east child.
    pub fn children(self) -> [Self; 4] {
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| Self {
            level: self.level + 1,
            x: self.x * 2 + dx,
            y: self.y * 2 + dy,
        })
    }
}

impl TileGrid {
    /// The smallest square lattice with its centre at the centre of an area that covers it; samples lie on multiples of
    /// the cell size.
    ///
    /// # Errors
    /// An area that is none, tiles of an odd size, or more than [`MAX_SIDE_SAMPLES`] samples along a side.
    pub fn covering(area: PlanRect, cell_m: f64, tile_cells: u32) -> Result<Self, TileGridError> {
        if !tile_cells.is_power_of_two() || !(2..=1024).contains(&tile_cells) {
            return Err(TileGridError::TileCells(tile_cells));
        }
        let size = area.size();
        // One more cell, because the lattice is moved by up to a cell to lie on multiples.
        let cells = (size.max_element() / cell_m).ceil() + 1.0;
        let usable = area.low.is_finite()
            && size.is_finite()
            && size.min_element() >= 0.0
            && cell_m.is_finite()
            && cell_m > 0.0
            && (area.low.abs().max_element() / cell_m) < 2f64.powi(50);
        if !usable {
            return Err(TileGridError::Area { area, cell_m });
        }
        let levels = (0..24).find(|&level| f64::from(tile_cells) * f64::from(1u32 << level) >= cells);
        let side = |level: u32| f64::from(tile_cells) * f64::from(1u32 << level);
        let Some(level) = levels.filter(|&level| side(level) < f64::from(MAX_SIDE_SAMPLES)) else {
            return Err(TileGridError::TooLarge { samples: cells + 1.0, cell_m });
        };
        let center = (area.low + area.high) * 0.5;
        let origin = (center / cell_m - side(level) * 0.5).floor() * cell_m;
        Ok(Self { origin, cell_m, tile_cells, levels: level + 1 })
    }
    /// Number of levels.
    pub fn levels(&self) -> u32 {
        self.levels
    }
    /// Cells along the side of a tile.
    pub fn tile_cells(&self) -> u32 {
        self.tile_cells
    }
    /// Spacing of the samples, metres.
    pub fn cell_m(&self) -> f64 {
        self.cell_m
    }
    /// Samples along a side of the lattice.
    pub fn samples(&self) -> u32 {
        (self.tile_cells << (self.levels - 1)) + 1
    }
    /// Plan position of a sample, metres.
    pub fn position(&self, column: u32, row: u32) -> DVec2 {
        self.origin + DVec2::new(column.into(), row.into()) * self.cell_m
    }
    /// Whether there is such a tile.
    pub fn holds(&self, id: TileId) -> bool {
        id.level < self.levels && id.x < 1 << id.level && id.y < 1 << id.level
    }
    /// Tiles of a level, row by row from the south.
    pub fn tiles(&self, level: u32) -> impl Iterator<Item = TileId> {
        let side = if level < self.levels { 1u32 << level } else { 0 };
        (0..side).flat_map(move |y| (0..side).map(move |x| TileId { level, x, y }))
    }
    /// Side of the tiles of a level, metres.
    pub fn tile_m(&self, level: u32) -> f64 {
        f64::from(self.samples() - 1) * self.cell_m / 2f64.powi(level as i32)
    }
    /// What a tile covers.
    pub fn area(&self, id: TileId) -> PlanRect {
        let side = self.tile_m(id.level);
        let low = self.origin + DVec2::new(id.x.into(), id.y.into()) * side;
        PlanRect { low, high: low + side }
    }

    /// Samples of the lattice from one of a level to the next.
    pub(super) fn step(&self, level: u32) -> u32 {
        1 << (self.levels - 1 - level)
    }
}
