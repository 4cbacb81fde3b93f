//! From a point in the scene to its address: the building it is on, that building's addresses, the floor; in a field the
//! nearest street and number.

use std::collections::BTreeMap;

use rstar::{RTree, primitives::GeomWithData};

use crate::{
    BuildingIndex,
    index::{Target, View},
};

/// Addresses by place and by building.
#[derive(Debug)]
pub struct ReverseIndex {
    points: RTree<GeomWithData<[f64; 2], u32>>,
    /// Addresses of each building, in the order of the index.
    by_building: BTreeMap<String, Vec<u32>>,
}

/// What is known of a building's height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BuildingHeight {
    /// From the ground to the roof, metres.
    pub height_m: Option<f64>,
    /// Number of storeys.
    pub storeys: Option<u32>,
}

/// Floors that a point may be on; the ground floor is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloorGuess {
    /// The likeliest.
    pub likeliest: u32,
    /// The lowest that is possible.
    pub lowest: u32,
    /// The highest that is possible.
    pub highest: u32,
}

/// The nearest address to a point outside of all buildings with addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearestAddress {
    /// The address, by its number in the index.
    pub address: u32,
    /// From the point, metres.
    pub distance_m: f64,
    /// From the address to the point, clockwise from north, degrees.
    pub bearing_deg: f64,
}

/// What is at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct ReverseAnswer {
    /// The building the point is on.
    pub building_id: Option<String>,
    /// Its addresses.
    pub addresses: Vec<u32>,
    /// The floor, where the height above ground is known and the point is on a building.
    pub floor: Option<FloorGuess>,
    /// The nearest address, where there is no building or it has no address.
    pub nearest: Option<NearestAddress>,
}

/// Height of a storey where nothing tells, metres: village houses in Fujian are built with 3.0 to 3.6.
const STOREY_M: f64 = 3.2;
/// How far a point on a facade may be off in height, metres.
const HEIGHT_ERROR_M: f64 = 0.8;

impl ReverseIndex {
    /// From an index and the building of each of its addresses (`None` where it has none).
    pub fn new<'b>(view: &View<'_>, building_of: impl Fn(u32) -> Option<&'b str>) -> Self {
        let mut points = Vec::new();
        let mut by_building: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for address in 0..view.address_count() as u32 {
            if let Some(position) = view.position_m(Target::Address(address)) {
                points.push(GeomWithData::new(position, address));
            }
            if let Some(building) = building_of(address) {
                by_building.entry(building.to_owned()).or_default().push(address);
            }
        }
        Self { points: RTree::bulk_load(points), by_building }
    }
    /// Addresses of a building.
    pub fn addresses_of(&self, building_id: &str) -> &[u32] {
        self.by_building.get(building_id).map(Vec::as_slice).unwrap_or_default()
    }
    /// What is at a point. `above_ground_m`: its height above the ground, where known; `radius_m`: how far the nearest
    /// address may be.
    pub fn at(
        &self,
        buildings: &BuildingIndex,
        point: [f64; 2],
        above_ground_m: Option<f64>,
        height: BuildingHeight,
        radius_m: f64,
    ) -> ReverseAnswer {
        let building = buildings.building_at(point);
        let building_id = building.map(|footprint| footprint.building_id().to_owned());
        let addresses = building_id.as_deref().map(|id| self.addresses_of(id).to_vec()).unwrap_or_default();
        let floor = building.and(above_ground_m).and_then(|above| floor_at(above, height));
        let nearest = if addresses.is_empty() { self.nearest(point, radius_m) } else { None };
        ReverseAnswer { building_id, addresses, floor, nearest }
    }
    /// The nearest address to a point.
    pub fn nearest(&self, point: [f64; 2], radius_m: f64) -> Option<NearestAddress> {
        if !(point[0].is_finite() && point[1].is_finite()) {
            return None;
        }
        let mut by_distance = self.points.nearest_neighbor_iter_with_distance_2(&point);
        let (first, squared) = by_distance.next()?;
        let tied = by_distance.take_while(|(_, other)| *other == squared).map(|(found, _)| found);
        let found = tied.fold(first, |best, found| if found.data < best.data { found } else { best });
        let distance_m = squared.sqrt();
        if distance_m > radius_m {
            return None;
        }
        let [east, north] = [point[0] - found.geom()[0], point[1] - found.geom()[1]];
        let bearing_deg = east.atan2(north).to_degrees().rem_euclid(360.0);
        Some(NearestAddress { address: found.data, distance_m, bearing_deg })
    }
}

/// The floor at a height above ground; `None` if that is no number.
pub fn floor_at(above_ground_m: f64, height: BuildingHeight) -> Option<FloorGuess> {
    if !above_ground_m.is_finite() {
        return None;
    }
    let storeys = height.storeys.filter(|storeys| *storeys > 0);
    let total = height.height_m.filter(|h| h.is_finite() && *h > 1.5);
    // A storey is what the building's height makes it, within what is ever built.
    let storey_m = match (total, storeys) {
        (Some(total), Some(storeys)) => (total / f64::from(storeys)).clamp(2.2, 6.0),
        _ => STOREY_M,
    };
    let top = storeys.or(total.map(|total| ((total / storey_m).round() as u32).max(1))).unwrap_or(u32::MAX);
    let floor = |metres: f64| ((metres / storey_m).floor().clamp(0.0, 1e6) as u32 + 1).min(top);
    let doubt = HEIGHT_ERROR_M
        + if storeys.is_some() && total.is_some() { 0.0 } else { 0.08 * above_ground_m.max(0.0) };
    Some(FloorGuess {
        likeliest: floor(above_ground_m),
        lowest: floor(above_ground_m - doubt),
        highest: floor(above_ground_m + doubt),
    })
}
