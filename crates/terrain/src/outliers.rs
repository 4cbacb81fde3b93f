//! Points that are not part of anything: birds, multipath echoes, mismatches of photographs.

use std::collections::HashMap;

use glam::{DVec3, IVec3};

/// Voxels along the side of a block.
const SIDE: i32 = 16;
const BLOCK: usize = (SIDE * SIDE * SIDE) as usize;
/// Coordinates beyond this many voxels from the origin are outliers by themselves.
const FARTHEST: f64 = 1e9;

/// When a point is isolated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IsolationOptions {
    /// Side of a voxel, metres: several times the spacing of the points.
    pub voxel_m: f64,
    /// A point is isolated with fewer than this many points, itself included, in its voxel and the 26 around it.
    pub min_points: u8,
    /// Budget: bytes for voxels.
    pub max_bytes: usize,
}

impl Default for IsolationOptions {
    /// Five companions within 4 to 8 m, and 256 MiB (3 to 10 km² of hilly country).
    fn default() -> Self {
        Self { voxel_m: 4.0, min_points: 6, max_bytes: 256 << 20 }
    }
}

/// Why isolation could not be measured.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum IsolationError {
    /// The options make no sense.
    #[error("{0:?}: the voxel must have a size, and the budget must hold a block of {BLOCK} voxels")]
    Options(IsolationOptions),
    /// The points are spread over too many voxels.
    #[error("the points are spread over more than {max_bytes} bytes of voxels of {voxel_m} m")]
    Budget {
        /// Side of a voxel, metres.
        voxel_m: f64,
        /// The budget.
        max_bytes: usize,
    },
}

/// First pass: how many points are in each voxel. The result does not depend on the order of the points.
#[derive(Debug)]
pub struct VoxelCounts {
    options: IsolationOptions,
    /// Where in `blocks` a block is.
    place: HashMap<IVec3, usize>,
    /// Counts, up to 255 each.
    blocks: Vec<Box<[u8; BLOCK]>>,
    latest: (IVec3, usize),
}

/// Second pass: which points are isolated.
#[derive(Debug)]
pub struct Isolation {
    voxel_m: f64,
    place: HashMap<IVec3, usize>,
    /// Per voxel: 1 if its points are isolated.
    blocks: Vec<Box<[u8; BLOCK]>>,
}

impl VoxelCounts {
    /// No points yet.
    ///
    /// # Errors
    /// Options that make no sense.
    pub fn new(options: IsolationOptions) -> Result<Self, IsolationError> {
        let usable = options.voxel_m.is_finite() && options.voxel_m > 0.0 && options.max_bytes >= BLOCK;
        if !usable {
            return Err(IsolationError::Options(options));
        }
        Ok(Self { options, place: HashMap::new(), blocks: Vec::new(), latest: (IVec3::MAX, usize::MAX) })
    }
    /// Counts a point; one that is not finite, or absurdly far away, is left out.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn add(&mut self, point: DVec3) -> Result<(), IsolationError> {
        let Some((block, index)) = voxel_of(point, self.options.voxel_m) else { return Ok(()) };
        if self.latest.0 != block || self.latest.1 == usize::MAX {
            self.latest = (block, self.block_at(block)?);
        }
        if let Some(count) = self.blocks.get_mut(self.latest.1).and_then(|b| b.get_mut(index)) {
            *count = count.saturating_add(1);
        }
        Ok(())
    }
    /// Adds the counts of another, taken with the same options.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn merge(&mut self, other: &Self) -> Result<(), IsolationError> {
        let mut blocks: Vec<(IVec3, usize)> = other.place.iter().map(|(at, index)| (*at, *index)).collect();
        blocks.sort_by_key(|(_, index)| *index);
        for (at, index) in blocks {
            let mine = self.block_at(at)?;
            if let (Some(mine), Some(theirs)) = (self.blocks.get_mut(mine), other.blocks.get(index)) {
                mine.iter_mut()
                    .zip(theirs.iter())
                    .for_each(|(mine, more)| *mine = mine.saturating_add(*more));
            }
        }
        Ok(())
    }
    /// Looks at the neighbourhood of every voxel.
    pub fn finish(self) -> Isolation {
        let Self { options, place, blocks, .. } = self;
        let mut at = vec![IVec3::ZERO; blocks.len()];
        for (block, index) in &place {
            at[*index] = *block;
        }
        let count = |block: IVec3, voxel: IVec3| {
            let block = block + voxel.div_euclid(IVec3::splat(SIDE));
            let index = index_in_block(voxel.rem_euclid(IVec3::splat(SIDE)));
            place
                .get(&block)
                .and_then(|found| blocks.get(*found))
                .map_or(0, |counts| u32::from(counts[index]))
        };
        let flags = blocks.iter().zip(&at).map(|(counts, &block)| {
            let mut flags = Box::new([0; BLOCK]);
            for (index, own) in counts.iter().enumerate().filter(|(_, c)| (1..options.min_points).contains(c))
            {
                let voxel = voxel_in_block(index);
                let around: u32 = neighbours().map(|offset| count(block, voxel + offset)).sum();
                flags[index] = u8::from(u32::from(*own) + around < u32::from(options.min_points));
            }
            flags
        });
        let flags = flags.collect();
        Isolation { voxel_m: options.voxel_m, blocks: flags, place }
    }

    fn block_at(&mut self, block: IVec3) -> Result<usize, IsolationError> {
        if let Some(index) = self.place.get(&block) {
            return Ok(*index);
        }
        let IsolationOptions { voxel_m, max_bytes, .. } = self.options;
        if (self.blocks.len() + 1) * BLOCK > max_bytes {
            return Err(IsolationError::Budget { voxel_m, max_bytes });
        }
        self.blocks.push(Box::new([0; BLOCK]));
        self.place.insert(block, self.blocks.len() - 1);
        Ok(self.blocks.len() - 1)
    }
}

impl Isolation {
    /// Whether a point is isolated; so are points that were never counted.
    pub fn is_isolated(&self, point: DVec3) -> bool {
        let Some((block, index)) = voxel_of(point, self.voxel_m) else { return true };
        self.place.get(&block).and_then(|found| self.blocks.get(*found)).is_none_or(|flags| flags[index] != 0)
    }
}

/// Block and index within it of the voxel that holds a point.
fn voxel_of(point: DVec3, voxel_m: f64) -> Option<(IVec3, usize)> {
    let voxel = (point / voxel_m).floor();
    if !voxel.is_finite() || voxel.abs().max_element() > FARTHEST {
        return None;
    }
    let voxel = voxel.as_ivec3();
    // SIDE is a power of two, so shifts and masks do what division and remainder towards −∞ do.
    Some((voxel >> SIDE.ilog2() as i32, index_in_block(voxel & (SIDE - 1))))
}

fn index_in_block(voxel: IVec3) -> usize {
    ((voxel.z * SIDE + voxel.y) * SIDE + voxel.x) as usize
}

fn voxel_in_block(index: usize) -> IVec3 {
    let index = index as i32;
    IVec3::new(index % SIDE, index / SIDE % SIDE, index / (SIDE * SIDE))
}

/// The 26 steps to the voxels around one.
fn neighbours() -> impl Iterator<Item = IVec3> {
    (0..27).filter(|k| *k != 13).map(|k| IVec3::new(k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1))
}

/// The statistical filter (Rusu and others 2008): a point is an outlier if the mean distance to its `neighbours`
/// nearest is greater than the mean of that over all points by more than `deviations` standard deviations. One flag per
/// point; points that are not finite are outliers. For noise close to surfaces, as in clouds from photographs; takes
/// some microseconds a point where [`VoxelCounts`] takes some nanoseconds.
pub fn statistical_outliers(points: &[DVec3], neighbours: usize, deviations: f64) -> Vec<bool> {
    let finite: Vec<u32> =
        (0..points.len() as u32).filter(|&index| points[index as usize].is_finite()).collect();
    let mut flags = vec![true; points.len()];
    if neighbours == 0 || finite.len() <= neighbours {
        finite.iter().for_each(|&index| flags[index as usize] = false);
        return flags;
    }
    let buckets = Buckets::new(points, &finite, neighbours);
    let distances: Vec<f64> = finite
        .iter()
        .map(|&index| buckets.mean_distance(points, points[index as usize], neighbours))
        .collect();
    let count = distances.len() as f64;
    let mean = distances.iter().sum::<f64>() / count;
    let variance = distances.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / count;
    let limit = mean + deviations * variance.sqrt();
    for (&index, distance) in finite.iter().zip(distances) {
        flags[index as usize] = distance > limit;
    }
    flags
}

/// Points sorted into cubes.
struct Buckets {
    side_m: f64,
    low: DVec3,
    counts: IVec3,
    /// Where each cube's points begin in `order`, and the end.
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Buckets {
    /// Cubes that hold a few points each on surfaces.
    fn new(points: &[DVec3], finite: &[u32], neighbours: usize) -> Self {
        let at = |index: &u32| points[*index as usize];
        // Where nearly all points are: one far away would make all cubes huge. Those outside go to the outermost cubes,
        // which keeps distances between cubes lower bounds of those between points.
        let (low, high) = common_extent(points, finite);
        let extent = (high - low).max(DVec3::splat(1e-9));
        // As many points as are asked for in a cube of a level sheet; at most a few cubes per point, whatever the spread.
        let sheet_m = (extent.x * extent.y * neighbours as f64 / finite.len() as f64).sqrt();
        let room_m = (extent.x * extent.y * extent.z / (4.0 * finite.len() as f64)).cbrt();
        let side_m = sheet_m.max(room_m).max(extent.max_element() / 1024.0);
        let counts = (extent / side_m).floor().as_ivec3() + 1;
        let mut buckets = Self { side_m, low, counts, starts: Vec::new(), order: vec![0; finite.len()] };
        let cubes: Vec<usize> = finite.iter().map(|index| buckets.index(buckets.cube(at(index)))).collect();
        let total = counts.x as usize * counts.y as usize * counts.z as usize;
        let mut starts = vec![0u32; total + 1];
        cubes.iter().for_each(|&cube| starts[cube + 1] += 1);
        for cube in 0..total {
            starts[cube + 1] += starts[cube];
        }
        let mut next = starts.clone();
        for (&index, &cube) in finite.iter().zip(&cubes) {
            buckets.order[next[cube] as usize] = index;
            next[cube] += 1;
        }
        buckets.starts = starts;
        buckets
    }
    fn cube(&self, point: DVec3) -> IVec3 {
        ((point - self.low) / self.side_m).floor().as_ivec3().clamp(IVec3::ZERO, self.counts - 1)
    }
    fn index(&self, cube: IVec3) -> usize {
        (cube.z as usize * self.counts.y as usize + cube.y as usize) * self.counts.x as usize
            + cube.x as usize
    }
    /// Mean distance to the nearest points, the point itself left out.
    fn mean_distance(&self, points: &[DVec3], point: DVec3, neighbours: usize) -> f64 {
        let center = self.cube(point);
        // Squares of the nearest distances, rising; one more for the point itself.
        let mut nearest: Vec<f64> = Vec::with_capacity(neighbours + 2);
        for ring in 0..=self.counts.max_element() {
            // Whatever is in this ring of cubes is at least so far away.
            let at_least = (f64::from(ring) - 1.0).max(0.0) * self.side_m;
            if nearest.len() > neighbours && nearest[neighbours] <= at_least * at_least {
                break;
            }
            self.visit_ring(center, ring, |index| {
                let distance = points[index as usize].distance_squared(point);
                if nearest.len() <= neighbours || distance < nearest[neighbours] {
                    let place = nearest.partition_point(|other| *other <= distance);
                    nearest.insert(place, distance);
                    nearest.truncate(neighbours + 1);
                }
            });
        }
        nearest.iter().skip(1).map(|square| square.sqrt()).sum::<f64>() / neighbours as f64
    }
    /// Visits the points of the cubes whose greatest distance along an axis is `ring` cubes.
    fn visit_ring(&self, center: IVec3, ring: i32, mut visit: impl FnMut(u32)) {
        let low = (center - ring).max(IVec3::ZERO);
        let high = (center + ring).min(self.counts - 1);
        for z in low.z..=high.z {
            for y in low.y..=high.y {
                let on_shell = (z - center.z).abs() == ring || (y - center.y).abs() == ring;
                let step = if on_shell || ring == 0 { 1 } else { 2 * ring };
                let first = if on_shell { low.x } else { center.x - ring };
                let mut x = first;
                while x <= high.x {
                    if x >= 0 {
                        let cube = self.index(IVec3::new(x, y, z));
                        let range = self.starts[cube] as usize..self.starts[cube + 1] as usize;
                        self.order[range].iter().for_each(|&index| visit(index));
                    }
                    x += step;
                }
            }
        }
    }
}

/// A box that one point in two hundred at most lies outside of on each side.
fn common_extent(points: &[DVec3], finite: &[u32]) -> (DVec3, DVec3) {
    let (mut low, mut high) = (DVec3::ZERO, DVec3::ZERO);
    let mut values: Vec<f64> = Vec::with_capacity(finite.len());
    let rare = finite.len() / 200;
    for axis in 0..3 {
        values.clear();
        values.extend(finite.iter().map(|&index| points[index as usize][axis]));
        let last = values.len() - 1;
        low[axis] = *values.select_nth_unstable_by(rare, f64::total_cmp).1;
        high[axis] = *values.select_nth_unstable_by(last - rare, f64::total_cmp).1;
    }
    (low, high)
}
