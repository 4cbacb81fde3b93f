//! A static index over building outlines: a sparse grid of cells over boxes of 16-bit coordinates.
//!
//! Coordinates are whole steps of about half a metre from a corner, so that a box is eight bytes and a cell is a shift.
//! Steps round down on both sides of a comparison: a point in an outline is always in its box. Cells with nothing in them
//! are bits of a map; the others are ranked by counting bits. Buildings lie in memory in the order of their cells.
//! Whatever lies outside of where almost all buildings are counts as lying at the edge: that shortens distances, so
//! nothing near is missed.

use super::outlines::Outlines;
use crate::Footprint;

/// Buildings that never change.
#[derive(Clone, Debug, Default)]
pub struct PackedBuildings {
    outlines: Outlines,
    grid: Grid,
}

#[derive(Clone, Debug, Default)]
struct Grid {
    origin: [f64; 2],
    /// Metres of a step, and steps of a metre.
    step_m: f64,
    per_m: f64,
    /// Steps of a cell as a power of two.
    shift: u32,
    columns: u32,
    rows: u32,
    /// Which cells hold something, row by row.
    occupied: Vec<u64>,
    /// Occupied cells before each word.
    before: Vec<u32>,
    /// First entry of each occupied cell.
    entries_at: Vec<u32>,
    /// Buildings, by their places in memory.
    entries: Vec<u32>,
    /// West, south, east, north in steps.
    boxes: Vec<[u16; 4]>,
    /// Place in the list that was given, of each place in memory.
    order: Vec<u32>,
}

/// A building near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Place in the list that the index was made from.
    pub building: u32,
    /// Squared distance in plan, m²; 0 inside.
    pub distance_squared: f64,
}

impl PackedBuildings {
    /// Packs outlines; answers name them by their place in the list.
    pub fn new(footprints: &[Footprint]) -> Self {
        let boxes: Vec<[f64; 4]> = footprints
            .iter()
            .map(|footprint| {
                let (low, high) = footprint.extent();
                [low[0], low[1], high[0], high[1]]
            })
            .collect();
        let grid = Grid::new(&boxes);
        let vertices =
            footprints.iter().map(|footprint| footprint.rings().map(<[_]>::len).sum::<usize>()).sum();
        let mut outlines = Outlines::with_capacity(footprints.len(), vertices);
        for &at in &grid.order {
            if let Some(footprint) = footprints.get(at as usize) {
                outlines.push(footprint.rings());
            }
        }
        Self { outlines, grid }
    }
    /// Number of buildings.
    pub fn len(&self) -> usize {
        self.grid.order.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.grid.order.is_empty()
    }
    /// Bytes of the index, without the outlines.
    pub fn index_bytes(&self) -> usize {
        let grid = &self.grid;
        grid.occupied.len() * 8
            + (grid.before.len() + grid.entries_at.len() + grid.entries.len() + grid.order.len()) * 4
            + grid.boxes.len() * 8
    }
    /// Calls `found` with each building that a point lies in or on, in no particular order.
    #[inline]
    pub fn containing(&self, point: [f64; 2], mut found: impl FnMut(u32)) {
        let Some(steps) = self.grid.steps(point) else { return };
        for &at in self.grid.cell_entries(self.grid.cell(steps)) {
            if self.grid.box_holds(at, steps) && self.outlines.contains(at, point) {
                found(self.grid.order.get(at as usize).copied().unwrap_or(0));
            }
        }
    }
    /// The nearest building within `radius_m` (inclusive); 0 away inside. Of several equally near the first given.
    pub fn nearest_within(&self, point: [f64; 2], radius_m: f64) -> Option<Near> {
        self.nearest_where(point, radius_m, |_| true)
    }
    /// The nearest building that is wanted, as [`Self::nearest_within`].
    pub fn nearest_where(
        &self,
        point: [f64; 2],
        radius_m: f64,
        wanted: impl Fn(u32) -> bool,
    ) -> Option<Near> {
        let grid = &self.grid;
        let steps = grid.steps(point).filter(|_| radius_m >= 0.0)?;
        let mut best: Option<Near> = None;
        let mut limit = radius_m * radius_m;
        let centre = grid.cell(steps);
        let cell_steps = 1u32 << grid.shift;
        for ring in 0..=grid.columns.max(grid.rows) {
            // From a point inside the middle cell to the cells of this ring.
            let nearest_steps = if ring == 0 { 0 } else { grid.ring_distance(steps, centre, ring) };
            if grid.squared_m(nearest_steps, 0) > limit {
                break;
            }
            grid.ring_cells(centre, ring, |cell| {
                if grid.squared_m(
                    gap(steps[0], cell[0] << grid.shift, (cell[0] << grid.shift) + cell_steps - 1),
                    gap(steps[1], cell[1] << grid.shift, (cell[1] << grid.shift) + cell_steps - 1),
                ) > limit
                {
                    return;
                }
                for &at in grid.cell_entries(cell) {
                    let Some(&[west, south, east, north]) = grid.boxes.get(at as usize) else { continue };
                    let lower = grid.squared_m(
                        gap(steps[0], west.into(), east.into()),
                        gap(steps[1], south.into(), north.into()),
                    );
                    if lower > limit || best.is_some_and(|best| lower > best.distance_squared) {
                        continue;
                    }
                    let building = grid.order.get(at as usize).copied().unwrap_or(0);
                    if !wanted(building) {
                        continue;
                    }
                    let inside = grid.box_holds(at, steps) && self.outlines.contains(at, point);
                    let distance_squared =
                        if inside { 0.0 } else { self.outlines.wall_distance_squared(at, point) };
                    let better = best.is_none_or(|best| {
                        (distance_squared, building) < (best.distance_squared, best.building)
                    });
                    if distance_squared <= limit && better {
                        best = Some(Near { building, distance_squared });
                        limit = distance_squared;
                    }
                }
            });
        }
        best
    }
    /// Calls `found` with each building whose box is within a radius, some more than once, none that is nearer left out.
    pub fn boxes_near(&self, point: [f64; 2], radius_m: f64, mut found: impl FnMut(u32)) {
        let grid = &self.grid;
        let Some(steps) = grid.steps(point).filter(|_| radius_m >= 0.0) else { return };
        let reach = (radius_m * grid.per_m).min(65_535.0) as u32 + 1;
        let low = grid.cell([steps[0].saturating_sub(reach), steps[1].saturating_sub(reach)]);
        let high = grid.cell([steps[0] + reach, steps[1] + reach]);
        for row in low[1]..=high[1].min(grid.rows.saturating_sub(1)) {
            for column in low[0]..=high[0].min(grid.columns.saturating_sub(1)) {
                for &at in grid.cell_entries([column, row]) {
                    let Some(&[west, south, east, north]) = grid.boxes.get(at as usize) else { continue };
                    let away =
                        [gap(steps[0], west.into(), east.into()), gap(steps[1], south.into(), north.into())];
                    if grid.squared_m(away[0], away[1]) <= radius_m * radius_m {
                        found(grid.order.get(at as usize).copied().unwrap_or(0));
                    }
                }
            }
        }
    }
    /// All pairs of a point and a building that it lies in or on: `found(point, building)` with their places in the two
    /// lists. Points are taken cell by cell, so that what is read is near what was read.
    pub fn join_containing(&self, points: &[[f64; 2]], mut found: impl FnMut(u32, u32)) {
        for at in self.by_cell(points, 0.0) {
            let Some(&point) = points.get(at as usize) else { continue };
            self.containing(point, |building| found(at, building));
        }
    }
    /// The nearest building within `radius_m` of each of many points: `found(point, near)`.
    pub fn join_nearest(&self, points: &[[f64; 2]], radius_m: f64, mut found: impl FnMut(u32, Near)) {
        for at in self.by_cell(points, radius_m) {
            let Some(&point) = points.get(at as usize) else { continue };
            if let Some(near) = self.nearest_within(point, radius_m) {
                found(at, near);
            }
        }
    }
    /// Places of those points that may have a building within a radius, by cell; sorted by counting.
    fn by_cell(&self, points: &[[f64; 2]], radius_m: f64) -> Vec<u32> {
        let grid = &self.grid;
        // Rows of cells a few at a time are near enough.
        const BUCKETS: usize = 1 << 12;
        let words = grid.occupied.len().max(1);
        let mut keyed: Vec<(u16, u32)> = Vec::with_capacity(points.len());
        let mut counts = vec![0u32; BUCKETS + 1];
        for (&point, at) in points.iter().zip(0u32..) {
            let Some(steps) = grid.steps(point) else { continue };
            let cell = grid.cell(steps);
            if radius_m == 0.0 && !grid.is_occupied(cell) {
                continue;
            }
            let bucket = (grid.cell_number(cell) / 64 * BUCKETS / words).min(BUCKETS - 1);
            counts[bucket + 1] += 1;
            keyed.push((bucket as u16, at));
        }
        for k in 0..BUCKETS {
            counts[k + 1] += counts[k];
        }
        let mut sorted = vec![0u32; keyed.len()];
        for (bucket, at) in keyed {
            let place = &mut counts[usize::from(bucket)];
            if let Some(slot) = sorted.get_mut(*place as usize) {
                *slot = at;
            }
            *place += 1;
        }
        sorted
    }
}

impl Grid {
    fn new(boxes: &[[f64; 4]]) -> Self {
        if boxes.is_empty() {
            return Self::default();
        }
        let (low, high) = most_of(boxes);
        let widest = (high[0] - low[0]).max(high[1] - low[1]);
        let step_m = (widest / 65_535.0).max(0.02);
        let mut grid = Self { origin: low, step_m, per_m: 1.0 / step_m, ..Self::default() };
        let mean = boxes.iter().map(|b| (b[2] - b[0]).max(b[3] - b[1])).sum::<f64>() / boxes.len() as f64;
        // A cell about one and a half times as wide as a building, and no more cells than memory allows.
        let wanted_steps = (mean * 1.6 / step_m).max(1.0);
        let fewest = (65_536.0 / (64.0 * boxes.len() as f64).sqrt().max(1.0)).max(1.0);
        grid.shift = (wanted_steps.max(fewest).log2().round() as u32).clamp(1, 15);
        let cells = |steps: f64| (steps as u32 >> grid.shift) + 1;
        let last = grid.clamped([high[0], high[1]]);
        grid.columns = cells(f64::from(last[0]));
        let rows = cells(f64::from(last[1]));
        grid.rows = rows;
        // Points beyond the last cell are at the edge too.
        let count = grid.columns as usize * rows as usize;
        let stepped: Vec<[u16; 4]> = boxes
            .iter()
            .map(|b| {
                let (a, z) = (grid.clamped([b[0], b[1]]), grid.clamped([b[2], b[3]]));
                let top = [(grid.columns << grid.shift) - 1, (rows << grid.shift) - 1];
                [
                    a[0].min(top[0]) as u16,
                    a[1].min(top[1]) as u16,
                    z[0].min(top[0]) as u16,
                    z[1].min(top[1]) as u16,
                ]
            })
            .collect();
        // Buildings in the order of the cells of their south-west corners.
        let corner =
            |b: &[u16; 4]| (u32::from(b[1]) >> grid.shift) * grid.columns + (u32::from(b[0]) >> grid.shift);
        let mut keys: Vec<u64> =
            stepped.iter().zip(0u64..).map(|(b, at)| u64::from(corner(b)) << 32 | at).collect();
        keys.sort_unstable();
        grid.order = keys.iter().map(|key| *key as u32).collect();
        grid.boxes = grid.order.iter().map(|&at| stepped[at as usize]).collect();

        grid.occupied = vec![0; count.div_ceil(64)];
        let columns = grid.columns;
        let shift = grid.shift;
        let each_cell = move |b: &[u16; 4]| {
            let [west, south, east, north] = b.map(|v| u32::from(v) >> shift);
            (south..=north)
                .flat_map(move |row| (west..=east).map(move |column| (row * columns + column) as usize))
        };
        for b in &grid.boxes {
            for cell in each_cell(b) {
                grid.occupied[cell / 64] |= 1 << (cell % 64);
            }
        }
        let mut total = 0;
        for word in &grid.occupied {
            grid.before.push(total);
            total += word.count_ones();
        }
        let mut counts = vec![0u32; total as usize + 1];
        for b in &grid.boxes {
            for cell in each_cell(b) {
                counts[grid.rank(cell) + 1] += 1;
            }
        }
        for k in 0..total as usize {
            counts[k + 1] += counts[k];
        }
        let mut next = counts.clone();
        grid.entries = vec![0; counts.last().copied().unwrap_or(0) as usize];
        for (b, at) in grid.boxes.iter().zip(0u32..) {
            for cell in each_cell(b) {
                let slot = &mut next[grid.rank(cell)];
                grid.entries[*slot as usize] = at;
                *slot += 1;
            }
        }
        grid.entries_at = counts;
        grid
    }
    fn rank(&self, cell: usize) -> usize {
        let below = self.occupied[cell / 64] & ((1 << (cell % 64)) - 1);
        (self.before[cell / 64] + below.count_ones()) as usize
    }
    fn clamped(&self, point: [f64; 2]) -> [u32; 2] {
        // A cast saturates: what is west of the origin is at 0.
        [0, 1].map(|k| (((point[k] - self.origin[k]) * self.per_m) as u32).min(65_535))
    }
    /// A point in steps; `None` if it is no point or there are no buildings.
    #[inline]
    fn steps(&self, point: [f64; 2]) -> Option<[u32; 2]> {
        if !(point[0].is_finite() && point[1].is_finite()) || self.columns == 0 {
            return None;
        }
        let steps = self.clamped(point);
        Some([steps[0].min((self.columns << self.shift) - 1), steps[1].min((self.rows << self.shift) - 1)])
    }
    #[inline]
    fn cell(&self, steps: [u32; 2]) -> [u32; 2] {
        [steps[0] >> self.shift, steps[1] >> self.shift]
    }
    #[inline]
    fn cell_number(&self, cell: [u32; 2]) -> usize {
        (cell[1] * self.columns + cell[0]) as usize
    }
    #[inline]
    fn is_occupied(&self, cell: [u32; 2]) -> bool {
        let number = self.cell_number(cell);
        self.occupied.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
    }
    #[inline]
    fn cell_entries(&self, cell: [u32; 2]) -> &[u32] {
        let number = self.cell_number(cell);
        let Some(&word) = self.occupied.get(number / 64) else { return &[] };
        if word >> (number % 64) & 1 == 0 {
            return &[];
        }
        let below = word & ((1 << (number % 64)) - 1);
        let rank = self.before.get(number / 64).copied().unwrap_or(0) as usize + below.count_ones() as usize;
        match (self.entries_at.get(rank), self.entries_at.get(rank + 1)) {
            (Some(&from), Some(&to)) => self.entries.get(from as usize..to as usize).unwrap_or_default(),
            _ => &[],
        }
    }
    #[inline]
    fn box_holds(&self, at: u32, steps: [u32; 2]) -> bool {
        self.boxes.get(at as usize).is_some_and(|&[west, south, east, north]| {
            u32::from(west) <= steps[0]
                && steps[0] <= east.into()
                && u32::from(south) <= steps[1]
                && steps[1] <= north.into()
        })
    }
    /// At least the squared distance over so many whole steps, m².
    #[inline]
    fn squared_m(&self, east: u32, north: u32) -> f64 {
        // Both ends were rounded down: up to one step less.
        let metres = |steps: u32| f64::from(steps.saturating_sub(1)) * self.step_m;
        let (e, n) = (metres(east), metres(north));
        e * e + n * n
    }
    /// Steps from a point in the middle cell to the nearest cell of a ring around it.
    fn ring_distance(&self, steps: [u32; 2], centre: [u32; 2], ring: u32) -> u32 {
        let size = 1u32 << self.shift;
        let axis = |k: usize| {
            let inside = steps[k] - (centre[k] << self.shift);
            inside.min(size - 1 - inside)
        };
        (ring - 1) * size + axis(0).min(axis(1)) + 1
    }
    /// The cells of a square ring that lie in the grid.
    fn ring_cells(&self, centre: [u32; 2], ring: u32, mut visit: impl FnMut([u32; 2])) {
        if ring == 0 {
            visit(centre);
            return;
        }
        let range = |k: usize, limit: u32| {
            let low = i64::from(centre[k]) - i64::from(ring);
            let high = i64::from(centre[k]) + i64::from(ring);
            (low, high, low.max(0), high.min(i64::from(limit) - 1))
        };
        let (west, east, from_west, to_east) = range(0, self.columns);
        let (south, north, from_south, to_north) = range(1, self.rows);
        for row in from_south..=to_north {
            if row == south || row == north {
                (from_west..=to_east).for_each(|column| visit([column as u32, row as u32]));
                continue;
            }
            for column in [west, east] {
                if (from_west..=to_east).contains(&column) {
                    visit([column as u32, row as u32]);
                }
            }
        }
    }
}

/// How far a coordinate is from a range, steps.
#[inline]
fn gap(at: u32, low: u32, high: u32) -> u32 {
    low.saturating_sub(at).max(at.saturating_sub(high))
}

/// A box around all but outliers, with room around it.
fn most_of(boxes: &[[f64; 4]]) -> ([f64; 2], [f64; 2]) {
    let stride = (boxes.len() / 4096).max(1);
    let (mut low, mut high) = ([0.0; 2], [0.0; 2]);
    for k in 0..2 {
        let mut middles: Vec<f64> = boxes.iter().step_by(stride).map(|b| (b[k] + b[k + 2]) * 0.5).collect();
        middles.sort_by(f64::total_cmp);
        let at = |share: f64| middles[((middles.len() - 1) as f64 * share) as usize];
        let room = (at(0.98) - at(0.02)).max(50.0) * 0.25 + 50.0;
        let all =
            boxes.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, z), b| (a.min(b[k]), z.max(b[k + 2])));
        low[k] = all.0.max(at(0.02) - room);
        high[k] = all.1.min(at(0.98) + room);
        high[k] = high[k].max(low[k] + 1.0);
    }
    (low, high)
}
