//! A bounding-volume hierarchy without pointers: full leaves, nodes in depth-first order.
//!
//! A node over `k` leaves is followed by its left half (`⌈k/2⌉` leaves, `2⌈k/2⌉ − 1` nodes) and then its right half,
//! so that nothing but boxes is stored. With eight triangles to a leaf that is 6 bytes per triangle, plus 2 or 4 for
//! the order of the triangles.

/// Lower and upper corner.
pub(super) type Aabb = [[f32; 3]; 2];

const EMPTY: Aabb = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];

/// The hierarchy over items `0..count`.
#[derive(Clone, Debug, Default)]
pub(super) struct Bvh {
    boxes: Box<[Aabb]>,
    order: Order,
    per_leaf: usize,
}

/// The items leaf by leaf, as narrow as their number allows.
#[derive(Clone, Debug)]
enum Order {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

impl Default for Order {
    fn default() -> Self {
        Self::Narrow(Box::default())
    }
}

impl Order {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(items) => items.len(),
            Self::Wide(items) => items.len(),
        }
    }

    fn get(&self, place: usize) -> Option<u32> {
        match self {
            Self::Narrow(items) => items.get(place).map(|item| u32::from(*item)),
            Self::Wide(items) => items.get(place).copied(),
        }
    }
}

/// A node with the leaves it covers.
#[derive(Clone, Copy)]
struct Node {
    index: usize,
    first_leaf: usize,
    leaves: usize,
}

impl Node {
    fn children(self) -> [Self; 2] {
        let left = self.leaves.div_ceil(2);
        [
            Self { index: self.index + 1, first_leaf: self.first_leaf, leaves: left },
            Self {
                index: self.index + 2 * left,
                first_leaf: self.first_leaf + left,
                leaves: self.leaves - left,
            },
        ]
    }
}

impl Bvh {
    /// Bytes of a hierarchy over so many items.
    pub(super) fn bytes_for(items: usize, per_leaf: usize) -> u64 {
        let leaves = items.div_ceil(per_leaf.max(1)) as u64;
        let order = if items <= usize::from(u16::MAX) + 1 { 2 } else { 4 };
        let nodes = leaves.saturating_mul(2).saturating_sub(1);
        nodes.saturating_mul(size_of::<Aabb>() as u64).saturating_add((items as u64).saturating_mul(order))
    }

    /// Builds it by splitting at the median of the longest axis of the centres; equal centres keep the order of the
    /// file, so that the same input gives the same tree.
    pub(super) fn build(items: &[Aabb], per_leaf: usize) -> Self {
        let per_leaf = per_leaf.max(1);
        if items.is_empty() || u32::try_from(items.len()).is_err() {
            return Self::default();
        }
        let leaves = items.len().div_ceil(per_leaf);
        let mut order: Vec<u32> = (0..items.len() as u32).collect();
        let mut boxes = vec![EMPTY; 2 * leaves - 1];
        let root = Node { index: 0, first_leaf: 0, leaves };
        let mut stack = vec![root];
        while let Some(node) = stack.pop() {
            let first = node.first_leaf * per_leaf;
            let last = ((node.first_leaf + node.leaves) * per_leaf).min(items.len());
            let Some(range) = order.get_mut(first..last) else { continue };
            let mut bounds = EMPTY;
            let mut centers = EMPTY;
            for item in range.iter().filter_map(|item| items.get(*item as usize)) {
                grow(&mut bounds, item);
                let center = center_of(item);
                grow(&mut centers, &[center, center]);
            }
            if let Some(slot) = boxes.get_mut(node.index) {
                *slot = bounds;
            }
            if node.leaves > 1 {
                let axis = longest_axis(&centers);
                let key =
                    |item: &u32| items.get(*item as usize).map_or(0.0, |item| item[0][axis] + item[1][axis]);
                let [left, right] = node.children();
                range.select_nth_unstable_by(left.leaves * per_leaf, |a, b| {
                    key(a).total_cmp(&key(b)).then(a.cmp(b))
                });
                stack.push(right);
                stack.push(left);
            }
        }
        let order = if items.len() <= usize::from(u16::MAX) + 1 {
            Order::Narrow(order.into_iter().map(|item| item as u16).collect())
        } else {
            Order::Wide(order.into_boxed_slice())
        };
        Self { boxes: boxes.into_boxed_slice(), order, per_leaf }
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        let order = match &self.order {
            Order::Narrow(items) => size_of_val(&**items),
            Order::Wide(items) => size_of_val(&**items),
        };
        (size_of_val(&*self.boxes) + order) as u64
    }

    /// The box around everything.
    pub(super) fn bounds(&self) -> Option<&Aabb> {
        self.boxes.first()
    }

    /// Visits items, nearest boxes first. `entry` tells how far away a box begins (`None`: missed), `item` handles
    /// one item and returns the distance beyond which nothing is wanted any more.
    pub(super) fn search(&self, entry: impl Fn(&Aabb) -> Option<f64>, mut item: impl FnMut(u32) -> f64) {
        let count = self.order.len();
        let reach = |node: &Node| self.boxes.get(node.index).and_then(&entry);
        let mut limit = f64::INFINITY;
        let leaves = count.div_ceil(self.per_leaf.max(1));
        let root = Node { index: 0, first_leaf: 0, leaves };
        let mut stack = Vec::with_capacity(64);
        if let Some(distance) = reach(&root).filter(|_| leaves > 0) {
            stack.push((root, distance));
        }
        while let Some((node, distance)) = stack.pop() {
            if distance > limit {
                continue;
            }
            if node.leaves == 1 {
                let first = node.first_leaf * self.per_leaf;
                for place in first..(first + self.per_leaf).min(count) {
                    if let Some(number) = self.order.get(place) {
                        limit = item(number);
                    }
                }
                continue;
            }
            let [left, right] = node.children();
            match (reach(&left), reach(&right)) {
                (Some(a), Some(b)) if a <= b => stack.extend([(right, b), (left, a)]),
                (Some(a), Some(b)) => stack.extend([(left, a), (right, b)]),
                (Some(a), None) => stack.push((left, a)),
                (None, Some(b)) => stack.push((right, b)),
                (None, None) => {}
            }
        }
    }
}

fn grow(bounds: &mut Aabb, by: &Aabb) {
    for axis in 0..3 {
        bounds[0][axis] = bounds[0][axis].min(by[0][axis]);
        bounds[1][axis] = bounds[1][axis].max(by[1][axis]);
    }
}

/// The box of some points; an infinite empty one if there are none or none is a number.
pub(super) fn bounds_of(points: &[[f32; 3]]) -> Aabb {
    points.iter().fold(EMPTY, |mut bounds, point| {
        grow(&mut bounds, &[*point, *point]);
        bounds
    })
}

fn center_of(item: &Aabb) -> [f32; 3] {
    std::array::from_fn(|axis| (item[0][axis] + item[1][axis]) * 0.5)
}

fn longest_axis(bounds: &Aabb) -> usize {
    let length = |axis: usize| bounds[1][axis] - bounds[0][axis];
    (1..3).fold(0, |longest, axis| if length(axis) > length(longest) { axis } else { longest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_exactly_one_leaf_and_inside_its_boxes() {
        for count in [1_usize, 7, 8, 9, 63, 64, 65, 1000] {
            let items: Vec<Aabb> = (0..count)
                .map(|i| {
                    let p = [(i * 37 % 101) as f32, (i * 53 % 97) as f32, (i * 11 % 13) as f32];
                    [p, p.map(|c| c + 0.5)]
                })
                .collect();
            let tree = Bvh::build(&items, 8);
            assert_eq!(tree.bytes(), Bvh::bytes_for(count, 8));
            let mut seen = vec![0; count];
            tree.search(
                |_| Some(0.0),
                |item| {
                    seen[item as usize] += 1;
                    f64::INFINITY
                },
            );
            assert!(seen.iter().all(|times| *times == 1), "{count}: {seen:?}");
            // A search for one item's own box must reach it.
            for (wanted, item) in items.iter().enumerate() {
                let inside = |b: &Aabb| (0..3).all(|k| b[0][k] <= item[0][k] && item[1][k] <= b[1][k]);
                let mut found = false;
                tree.search(
                    |b| inside(b).then_some(0.0),
                    |item| {
                        found |= item as usize == wanted;
                        f64::INFINITY
                    },
                );
                assert!(found, "{wanted} of {count}");
            }
        }
    }

    #[test]
    fn the_size_stays_near_eight_bytes_per_triangle() {
        assert!(Bvh::bytes_for(60_000, 8) <= 60_000 * 8);
        assert!(Bvh::bytes_for(1_000_000, 8) <= 1_000_000 * 10);
    }
}
