//! Which building stands at a place, and which is nearest; with edits.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::{Footprint, spatial::PackedBuildings};

/// Buildings by place: a packed base for those given at first, an R-tree for those added since, exact behind the boxes.
#[derive(Debug)]
pub struct BuildingIndex {
    base: PackedBuildings,
    /// Of the base, `None` where removed.
    footprints: Vec<Option<Footprint>>,
    added: RTree<Entry>,
    /// Place of each building: in the base, or among the added.
    places: BTreeMap<String, Place>,
    next: usize,
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

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Base(usize),
    Added(Box<Footprint>, usize),
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    footprint: Footprint,
    /// Place in the order of arrival.
    order: usize,
}

impl BuildingIndex {
    /// Builds the index; ids must be unique.
    pub fn new(footprints: Vec<Footprint>) -> Result<Self, DuplicateBuilding> {
        let mut places = BTreeMap::new();
        for (at, footprint) in footprints.iter().enumerate() {
            if places.insert(footprint.building_id().to_owned(), Place::Base(at)).is_some() {
                return Err(DuplicateBuilding { building_id: footprint.building_id().to_owned() });
            }
        }
        let base = PackedBuildings::new(&footprints);
        let next = footprints.len();
        Ok(Self {
            base,
            footprints: footprints.into_iter().map(Some).collect(),
            added: RTree::new(),
            places,
            next,
        })
    }
    /// Number of buildings.
    pub fn len(&self) -> usize {
        self.places.len()
    }
    /// Whether there are no buildings.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
    /// The packed base, whose answers are places in the list that the index was made from; it knows nothing of edits.
    pub fn base(&self) -> &PackedBuildings {
        &self.base
    }
    /// Adds a building.
    pub fn insert(&mut self, footprint: Footprint) -> Result<(), DuplicateBuilding> {
        let building_id = footprint.building_id().to_owned();
        if self.places.contains_key(&building_id) {
            return Err(DuplicateBuilding { building_id });
        }
        let entry = Entry { footprint, order: self.next };
        self.next += 1;
        self.places.insert(building_id, Place::Added(Box::new(entry.footprint.clone()), entry.order));
        self.added.insert(entry);
        Ok(())
    }
    /// Takes a building away; gives it back if it was there.
    pub fn remove(&mut self, building_id: &str) -> Option<Footprint> {
        match self.places.remove(building_id)? {
            Place::Base(at) => self.footprints.get_mut(at).and_then(Option::take),
            Place::Added(footprint, order) => {
                self.added.remove(&Entry { footprint: (*footprint).clone(), order });
                Some(*footprint)
            }
        }
    }
    /// A building by its id.
    pub fn get(&self, building_id: &str) -> Option<&Footprint> {
        match self.places.get(building_id)? {
            Place::Base(at) => self.footprints.get(*at).and_then(Option::as_ref),
            Place::Added(footprint, _) => Some(footprint),
        }
    }
    /// The building that a point lies in or on. Of several the one with the smallest area (a shed drawn over a yard's
    /// outline), then the first given.
    pub fn building_at(&self, point: [f64; 2]) -> Option<&Footprint> {
        self.found_at(point).map(|(footprint, _)| footprint)
    }
    /// The nearest building within `radius_m` (inclusive) of a point. Inside buildings the one of
    /// [`BuildingIndex::building_at`]; of several equally near the first given.
    pub fn nearest_within(&self, point: [f64; 2], radius_m: f64) -> Option<NearBuilding<'_>> {
        if !point.iter().all(|coordinate| coordinate.is_finite()) || radius_m.is_nan() || radius_m < 0.0 {
            return None;
        }
        if let Some((footprint, _)) = self.found_at(point) {
            return Some(NearBuilding { footprint, distance_m: 0.0 });
        }
        let is_there = |at: u32| self.footprints.get(at as usize).is_some_and(Option::is_some);
        let base = self.base.nearest_where(point, radius_m, is_there).and_then(|near| {
            let footprint = self.footprints.get(near.building as usize)?.as_ref()?;
            Some(NearBuilding { footprint, distance_m: near.distance_squared.sqrt() })
        });
        let added = self.nearest_added(point, radius_m);
        match (base, added) {
            // Those of the base came first.
            (Some(base), Some(added)) => Some(if added.distance_m < base.distance_m { added } else { base }),
            (base, added) => base.or(added),
        }
    }

    fn nearest_added(&self, point: [f64; 2], radius_m: f64) -> Option<NearBuilding<'_>> {
        let mut by_distance = self.added.nearest_neighbor_iter_with_distance_2(&point);
        let (first, distance_squared) = by_distance.next()?;
        let distance_m = distance_squared.sqrt();
        if distance_m > radius_m {
            return None;
        }
        let tied = by_distance.take_while(|(_, next)| *next == distance_squared).map(|(entry, _)| entry);
        let nearest = tied.fold(first, |best, entry| if entry.order < best.order { entry } else { best });
        Some(NearBuilding { footprint: &nearest.footprint, distance_m })
    }
    fn found_at(&self, point: [f64; 2]) -> Option<(&Footprint, usize)> {
        if !point.iter().all(|coordinate| coordinate.is_finite()) {
            return None;
        }
        let mut best: Option<(&Footprint, usize)> = None;
        self.base.containing(point, |at| {
            let footprint = self.footprints.get(at as usize).and_then(Option::as_ref);
            best = smaller(best, footprint.map(|footprint| (footprint, at as usize)));
        });
        for entry in self.added.locate_all_at_point(&point) {
            best = smaller(best, Some((&entry.footprint, entry.order)));
        }
        best
    }
}

/// Of two buildings the one with the smaller area, then the one given first.
fn smaller<'a>(
    a: Option<(&'a Footprint, usize)>,
    b: Option<(&'a Footprint, usize)>,
) -> Option<(&'a Footprint, usize)> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let order = a.0.area_m2().total_cmp(&b.0.area_m2()).then(a.1.cmp(&b.1));
            Some(if order == Ordering::Greater { b } else { a })
        }
        (a, b) => a.or(b),
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
