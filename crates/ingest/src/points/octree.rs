//! The levels of a cloud: each node of an octree shows a thin choice of the points below it, and its children the rest
//! (refinement by adding).

use super::spill::Record;

/// Cells along the side of a node, of which each shows one point.
const CELLS_LOG2: u32 = 7;
/// Nodes with no more points than this are not divided.
pub(super) const LEAF_POINTS: usize = 20_000;
/// Bits per axis in a key.
const KEY_BITS: u32 = 21;
/// Bits sorted at once.
const DIGIT_BITS: u32 = 11;
/// Levels below a subtree's top that may be divided; cells that choose are up to [`CELLS_LOG2`] levels deeper.
const DEPTH: u32 = 4;

/// The cube that the octree divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cube {
    /// Lowest corner, mm.
    pub(super) low_mm: [i64; 3],
    /// Side, as a power of two in mm.
    pub(super) side_log2: u32,
}

/// A node by level and position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId {
    pub(super) level: u32,
    pub(super) at: [u32; 3],
}

/// Box of points, mm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: [i32; 3],
    pub(super) high: [i32; 3],
}

/// A node with the points that it shows, which its ancestors have not taken yet.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    /// In Morton order.
    pub(super) points: Vec<Record>,
    /// Of its points and all below it.
    pub(super) bounds: Bounds,
    pub(super) has_children: bool,
}

impl NodeId {
    /// Which of its parent's children it is: bits of x, y, z.
    pub(super) fn octant(self) -> u32 {
        self.at[0] & 1 | (self.at[1] & 1) << 1 | (self.at[2] & 1) << 2
    }
    pub(super) fn parent(self) -> Self {
        Self { level: self.level - 1, at: self.at.map(|c| c / 2) }
    }
}

impl Bounds {
    const NOTHING: Self = Self { low: [i32::MAX; 3], high: [i32::MIN; 3] };

    fn of(points: &[Record]) -> Self {
        points
            .iter()
            .fold(Self::NOTHING, |sum, point| sum.joined(Self { low: point.at_mm, high: point.at_mm }))
    }
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            low: std::array::from_fn(|axis| self.low[axis].min(other.low[axis])),
            high: std::array::from_fn(|axis| self.high[axis].max(other.high[axis])),
        }
    }
}

impl Cube {
    /// Bits of a key, 3 per level, from the root down.
    fn key(&self, point: &Record) -> u64 {
        let shift = self.side_log2.saturating_sub(KEY_BITS);
        let grow = KEY_BITS.saturating_sub(self.side_log2);
        let within = |axis: usize| {
            let offset = i64::from(point.at_mm[axis]) - self.low_mm[axis];
            spread(((offset.max(0) as u64) >> shift << grow).min((1 << KEY_BITS) - 1))
        };
        within(0) | within(1) << 1 | within(2) << 2
    }
    /// Levels that keys can tell apart.
    pub(super) fn max_level(&self) -> u32 {
        KEY_BITS.min(self.side_log2)
    }
    /// Side of the nodes of a level, m.
    pub(super) fn side_m(&self, level: u32) -> f64 {
        2f64.powi(self.side_log2 as i32 - level as i32) / 1000.0
    }
    fn node(key: u64, level: u32) -> NodeId {
        let prefix = key >> (3 * (KEY_BITS - level));
        NodeId { level, at: [gather(prefix), gather(prefix >> 1), gather(prefix >> 2)] }
    }
}

/// Makes the subtrees of the nodes of a level that hold some points; hands on every node but those topmost ones, which
/// are returned, in order, because their parents have yet to take from them.
pub(super) fn build(cube: Cube, level: u32, points: Vec<Record>, done: &mut dyn FnMut(Node)) -> Vec<Node> {
    let sorted = sort(cube, level, points);
    let mut tops = Vec::new();
    let shift = 3 * (KEY_BITS - level);
    for run in sorted.chunk_by(|a, b| a.0 >> shift == b.0 >> shift) {
        tops.push(divide(cube, level, (level + DEPTH + CELLS_LOG2).min(cube.max_level()), run, done));
    }
    tops
}

/// A parent of nodes: takes its points from them, and hands them on.
pub(super) fn join(cube: Cube, children: Vec<Node>, done: &mut dyn FnMut(Node)) -> Option<Node> {
    let id = children.first()?.id.parent();
    let mut parent = Node { id, points: Vec::new(), bounds: Bounds::NOTHING, has_children: false };
    let shift = 3 * KEY_BITS.saturating_sub(id.level + CELLS_LOG2);
    for mut child in children {
        parent.bounds = parent.bounds.joined(child.bounds);
        let keys: Vec<u64> = child.points.iter().map(|point| cube.key(point) >> shift).collect();
        let mut rest = Vec::with_capacity(child.points.len());
        let mut start = 0;
        while start < keys.len() {
            let run = keys[start..].iter().take_while(|key| **key == keys[start]).count();
            let chosen = start + choose(&child.points[start..start + run]);
            parent.points.push(child.points[chosen]);
            rest.extend_from_slice(&child.points[start..chosen]);
            rest.extend_from_slice(&child.points[chosen + 1..start + run]);
            start += run;
        }
        child.points = rest;
        // A leaf that gave all it had is not needed.
        if !child.points.is_empty() || child.has_children {
            parent.has_children = true;
            done(child);
        }
    }
    Some(parent)
}

/// Sorted points with keys, in one node.
fn divide(
    cube: Cube,
    level: u32,
    deepest: u32,
    sorted: &[(u64, Record)],
    done: &mut dyn FnMut(Node),
) -> Node {
    let id = Cube::node(sorted.first().map_or(0, |(key, _)| *key), level);
    if sorted.len() <= LEAF_POINTS || level >= deepest {
        let points: Vec<Record> = sorted.iter().map(|(_, record)| *record).collect();
        return Node { id, bounds: Bounds::of(&points), points, has_children: false };
    }
    let shift = 3 * (KEY_BITS - level - 1);
    let children = sorted
        .chunk_by(|a, b| a.0 >> shift == b.0 >> shift)
        .map(|run| divide(cube, level + 1, deepest, run, done))
        .collect();
    let whole = join(cube, children, done);
    whole.unwrap_or(Node { id, points: Vec::new(), bounds: Bounds::NOTHING, has_children: false })
}

/// Which of some points in a cell is shown: any, but not always the one at the same corner, or the choice would be a grid.
fn choose(points: &[Record]) -> usize {
    let scattered = |point: &Record| {
        let [x, y, z] = point.at_mm.map(|c| c as u32);
        let mixed = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b) ^ z.wrapping_mul(0xc2b2_ae35);
        (mixed ^ mixed >> 15).wrapping_mul(0x2c1b_3c6d)
    };
    let all = points.iter().enumerate();
    all.min_by_key(|(_, point)| scattered(point)).map_or(0, |(index, _)| index)
}

/// Sorts points of one node of `level` (or of several) by their keys; equal ones stay in their order.
fn sort(cube: Cube, level: u32, points: Vec<Record>) -> Vec<(u64, Record)> {
    let mut keyed: Vec<(u64, u32)> =
        points.iter().zip(0..).map(|(point, index)| (cube.key(point), index)).collect();
    // What is finer than any cell that is asked for need not be in order. Bits above `level` tell nodes apart that lie in
    // one column.
    let finest = (level + DEPTH + CELLS_LOG2).min(KEY_BITS);
    let lowest = 3 * (KEY_BITS - finest);
    let differing =
        keyed.first().map_or(0, |first| keyed.iter().fold(0, |bits, (key, _)| bits | (key ^ first.0)));
    let highest = u64::BITS - differing.leading_zeros();
    let mut spare = vec![(0, 0); keyed.len()];
    let mut shift = lowest;
    while shift < highest {
        let digit = |key: u64| (key >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        let mut starts = vec![0u32; 1 << DIGIT_BITS];
        keyed.iter().for_each(|(key, _)| starts[digit(*key)] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for &entry in &keyed {
            let start = &mut starts[digit(entry.0)];
            spare[*start as usize] = entry;
            *start += 1;
        }
        std::mem::swap(&mut keyed, &mut spare);
        shift += DIGIT_BITS;
    }
    keyed.into_iter().filter_map(|(key, index)| Some((key, *points.get(index as usize)?))).collect()
}

/// Spreads the low 21 bits so that two zeros follow each.
fn spread(value: u64) -> u64 {
    let mut v = value & 0x1f_ffff;
    v = (v | v << 32) & 0x1f_0000_0000_ffff;
    v = (v | v << 16) & 0x1f_0000_ff00_00ff;
    v = (v | v << 8) & 0x100f_00f0_0f00_f00f;
    v = (v | v << 4) & 0x10c3_0c30_c30c_30c3;
    (v | v << 2) & 0x1249_2492_4924_9249
}

/// The other way round.
fn gather(value: u64) -> u32 {
    let mut v = value & 0x1249_2492_4924_9249;
    v = (v | v >> 2) & 0x10c3_0c30_c30c_30c3;
    v = (v | v >> 4) & 0x100f_00f0_0f00_f00f;
    v = (v | v >> 8) & 0x1f_0000_ff00_00ff;
    v = (v | v >> 16) & 0x1f_0000_0000_ffff;
    (v | v >> 32) as u32 & 0x1f_ffff
}
