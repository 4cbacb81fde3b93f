//! Which building stands at a place, and which is nearest.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::Footprint;

/// Buildings by place: an R-tree over the boxes of their outlines, exact behind the boxes.
#[derive(Debug)]
pub struct BuildingIndex {
    tree: RTree<Entry>,
}

/// A building near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearBuilding<'a> {
    /// The building.
    pub footprint: &'a Footprint,
    /// Distance from the point to the building in plan, metres; 0 inside.
    pub distance_m: f64,
}

/// Two outlines have the same building id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("building {building_id} is given twice")]
pub struct DuplicateBuilding {
    /// The id.
    pub building_id: String,
}

#[derive(Debug)]
struct Entry {
    footprint: Footprint,
    /// Place in the list that the index was made from.
    order: usize,
}

impl BuildingIndex {
    /// Builds the index; ids must be unique.
    pub fn new(footprints: Vec<Footprint>) -> Result<Self, DuplicateBuilding> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = footprints.iter().find(|footprint| !seen.insert(footprint.building_id())) {
            return Err(DuplicateBuilding { building_id: twice.building_id().to_owned() });
        }
        let entries = footprints.into_iter().enumerate();
        let entries = entries.map(|(order, footprint)| Entry { footprint, order }).collect();
        Ok(Self { tree: RTree::bulk_load(entries) })
    }
    /// Number of buildings.
    pub fn len(&self) -> usize {
        self.tree.size()
    }
    /// Whether there are no buildings.
    pub fn is_empty(&self) -> bool {
        self.tree.size() == 0
    }
    /// The building that a point lies in or on. Of several the one with the smallest area (a shed drawn over a yard's
    /// outline), then the first given.
    pub fn building_at(&self, point: [f64; 2]) -> Option<&Footprint> {
        self.entry_at(point).map(|entry| &entry.footprint)
    }
    /// The nearest building within `radius_m` (inclusive) of a point. Inside buildings the one of
    /// [`BuildingIndex::building_at`]; of several equally near the first given.
    pub fn nearest_within(&self, point: [f64; 2], radius_m: f64) -> Option<NearBuilding<'_>> {
        if !point.iter().all(|coordinate| coordinate.is_finite()) || radius_m.is_nan() || radius_m < 0.0 {
            return None;
        }
        if let Some(entry) = self.entry_at(point) {
            return Some(NearBuilding { footprint: &entry.footprint, distance_m: 0.0 });
        }
        let mut by_distance = self.tree.nearest_neighbor_iter_with_distance_2(&point);
        let (first, distance_squared) = by_distance.next()?;
        let distance_m = distance_squared.sqrt();
        if distance_m > radius_m {
            return None;
        }
        let tied = by_distance.take_while(|(_, next)| *next == distance_squared).map(|(entry, _)| entry);
        let nearest = tied.fold(first, |best, entry| if entry.order < best.order { entry } else { best });
        Some(NearBuilding { footprint: &nearest.footprint, distance_m })
    }

    fn entry_at(&self, point: [f64; 2]) -> Option<&Entry> {
        if !point.iter().all(|coordinate| coordinate.is_finite()) {
            return None;
        }
        self.tree.locate_all_at_point(&point).min_by(|a, b| Entry::by_area(a, b))
    }
}

impl Entry {
    fn by_area(a: &Self, b: &Self) -> Ordering {
        a.footprint.area_m2().total_cmp(&b.footprint.area_m2()).then(a.order.cmp(&b.order))
    }
}

impl RTreeObject for Entry {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let (low, high) = self.footprint.extent();
        AABB::from_corners(low, high)
    }
}

impl PointDistance for Entry {
    fn distance_2(&self, point: &[f64; 2]) -> f64 {
        self.footprint.distance_squared(*point)
    }
    fn contains_point(&self, point: &[f64; 2]) -> bool {
        self.footprint.contains(*point)
    }
}
