//! One village: what lies and stands on its site. Positions are metres east and north of the site's south-western
//! corner, heights metres above the datum.

mod ground;
mod lots;
mod plants;
mod raster;
mod streets;

use glam::{DVec2, Vec2};

pub(super) use ground::{Cover, Lane, terrace};
pub(super) use plants::{Plant, PlantKind};
pub(super) use raster::{MARGIN_M, Raster};
pub(super) use streets::{Bridge, Near, Street, StreetKind};

use super::{
    Detail,
    building::Building,
    land::{Land, Spot},
    math::{Chance, seed_for},
};

/// Side of a root tile, metres.
pub(super) const TILE_M: f32 = 64.0;

/// How much of everything a level of detail has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spec {
    /// Root tiles along a side of the site.
    pub(super) tiles: usize,
    /// Levels of the mesh: a tile is halved in each direction from the third on.
    pub(super) levels: usize,
    /// Cells of the skin where buildings stand and elsewhere, metres.
    pub(super) skin_cell_m: [f32; 2],
    /// Points of the cloud.
    pub(super) points: usize,
    /// Cells of the elevation model and of the orthophoto, metres.
    pub(super) raster_cell_m: [f32; 2],
}

impl Spec {
    pub(super) fn of(detail: Detail) -> Self {
        match detail {
            Detail::Full => Self {
                tiles: 8,
                levels: 4,
                skin_cell_m: [0.25, 0.5],
                points: 1_100_000,
                raster_cell_m: [0.5, 0.2],
            },
            Detail::Scale => Self {
                tiles: 8,
                levels: 3,
                skin_cell_m: [0.5, 1.0],
                points: 60_000,
                raster_cell_m: [2.0, 0.8],
            },
            Detail::Tiny => Self {
                tiles: 4,
                levels: 3,
                skin_cell_m: [0.5, 1.0],
                points: 20_000,
                raster_cell_m: [2.0, 0.8],
            },
        }
    }

    /// Side of the site, metres.
    pub(super) fn side_m(&self) -> f32 {
        self.tiles as f32 * TILE_M
    }
}

/// A village.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) spec: Spec,
    pub(super) seed: u64,
    /// South-western corner in the county's frame.
    pub(super) south_west: DVec2,
    pub(super) streets: Vec<Street>,
    pub(super) bridges: Vec<Bridge>,
    pub(super) buildings: Vec<Building>,
    pub(super) plants: Vec<Plant>,
    /// What lies around each point, by lane; every metre.
    pub(super) lanes: Raster<[f32; Lane::COUNT]>,
    /// The ground, terraces and all; every half metre.
    pub(super) ground: Raster<f32>,
    /// Height of plants above the ground; every half metre.
    pub(super) canopy: Raster<f32>,
    /// Which plant stands highest, as its index + 1; 0 for none.
    pub(super) plant_at: Raster<u32>,
    /// Buildings near a point: lists for squares of [`Site::BUCKET_M`].
    buckets: Vec<Vec<u32>>,
    /// Segments of streets near a point, likewise: street and segment.
    street_buckets: Vec<Vec<[u32; 2]>>,
}

impl Site {
    const BUCKET_M: f32 = 16.0;

    pub(super) fn new(land: &Land, spot: &Spot, spec: Spec, seed: u64) -> Self {
        let side_m = spec.side_m();
        // On whole metres, so that rasters of all deliveries line up.
        let south_west = (spot.center - f64::from(side_m) / 2.0).round();
        let mut chance = Chance::new(seed_for(seed, 1));
        let mut shape = ground::Shape::natural(land, spot, side_m, south_west);
        let (streets, bridges) = streets::lay_out(land, spot, &spec, &shape.heights, south_west, &mut chance);
        shape.grade_streets(&streets);
        let mut layout = lots::Layout {
            side_m,
            streets: &streets,
            bank: &shape.bank,
            ground: &shape.heights,
            buildings: Vec::new(),
        };
        layout.fill(&mut chance);
        let buildings = layout.buildings;
        shape.level_yards(&buildings);
        let lanes = shape.land_use(&buildings, seed_for(seed, 2));
        let ground = ground::finish(&lanes, side_m, seed_for(seed, 2));
        let mut site = Self {
            spec,
            seed,
            south_west,
            streets,
            bridges,
            buildings,
            plants: Vec::new(),
            lanes,
            ground,
            canopy: Raster::over(side_m, 0.5, |_| 0.0),
            plant_at: Raster::over(side_m, 0.5, |_| 0),
            buckets: Vec::new(),
            street_buckets: Vec::new(),
        };
        site.fill_buckets();
        plants::grow(&mut site, seed_for(seed, 3));
        site
    }

    fn bucket(&self, at: Vec2) -> usize {
        let side = self.buckets_along();
        let cell = ((at + MARGIN_M) / Self::BUCKET_M).clamp(Vec2::ZERO, Vec2::splat(side as f32 - 0.5));
        cell.y as usize * side + cell.x as usize
    }

    fn buckets_along(&self) -> usize {
        ((self.spec.side_m() + 2.0 * MARGIN_M) / Self::BUCKET_M) as usize + 1
    }

    fn fill_buckets(&mut self) {
        let side = self.buckets_along();
        let mut buckets = vec![Vec::new(); side * side];
        for (index, building) in self.buildings.iter().enumerate() {
            let reach = building.reach_m() + 2.0;
            let steps = (reach * 2.0 / Self::BUCKET_M).ceil() as i32;
            let mut last = usize::MAX;
            for dy in 0..=steps {
                for dx in 0..=steps {
                    let corner = Vec2::new(dx as f32, dy as f32) * (reach * 2.0 / steps as f32) - reach;
                    let bucket = self.bucket(building.center + corner);
                    if bucket != last && !buckets[bucket].contains(&(index as u32)) {
                        buckets[bucket].push(index as u32);
                    }
                    last = bucket;
                }
            }
        }
        self.buckets = buckets;
        let mut buckets = vec![Vec::new(); side * side];
        for (street, way) in self.streets.iter().enumerate() {
            for segment in 0..way.line.len().saturating_sub(1) {
                for (index, bucket) in buckets.iter_mut().enumerate() {
                    let corner = Vec2::new((index % side) as f32, (index / side) as f32);
                    let middle = (corner + 0.5) * Self::BUCKET_M - MARGIN_M;
                    let (off, _) = way.near_segment(middle, segment);
                    if off < Self::BUCKET_M * 0.71 + way.half_width_m + 8.0 {
                        bucket.push([street as u32, segment as u32]);
                    }
                }
            }
        }
        self.street_buckets = buckets;
    }

    /// Buildings whose roofs may reach a point or its surroundings of 2 m, in order.
    pub(super) fn buildings_near(&self, at: Vec2) -> &[u32] {
        &self.buckets[self.bucket(at)]
    }

    /// Height of ground and plants.
    pub(super) fn surface_m(&self, at: Vec2) -> f32 {
        self.ground.at(at) + self.canopy.at(at)
    }

    /// The street whose edge is nearest to a point within 8 m or so: exact, for painting.
    pub(super) fn street_near(&self, at: Vec2) -> Option<Near> {
        self.street_buckets[self.bucket(at)]
            .iter()
            .map(|[street, segment]| {
                let (off_m, along_m) = self.streets[*street as usize].near_segment(at, *segment as usize);
                Near { street: *street as usize, off_m, along_m }
            })
            .min_by(|a, b| {
                let edge = |near: &Near| near.off_m - self.streets[near.street].half_width_m;
                edge(a).total_cmp(&edge(b))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county_sample::building::Kind;

    fn check(seed: u64) {
        let (land, spots) = Land::new(3, seed);
        for (index, spot) in spots.iter().enumerate() {
            let site = Site::new(&land, spot, Spec::of(Detail::Full), seed_for(seed, index as u64));
            let houses = site.buildings.iter().filter(|b| b.door.is_some()).count();
            assert!(houses >= 120, "seed {seed}, village {index}: {houses} houses");
            for kind in
                [Kind::Flat, Kind::Gable, Kind::Villa, Kind::Earth, Kind::Courtyard, Kind::Shed, Kind::Hall]
            {
                assert!(
                    site.buildings.iter().any(|b| b.kind == kind),
                    "seed {seed}, village {index}: no {kind:?}"
                );
            }
            for (i, a) in site.buildings.iter().enumerate() {
                assert!(
                    site.lanes.lanes(a.center)[Lane::Bank as usize] > 2.0,
                    "seed {seed}: a building in the river"
                );
                for b in &site.buildings[i + 1..] {
                    assert!(a.plan_distance_m(b.center) > 0.0, "seed {seed}: two buildings in one place");
                    assert!(a.door.is_none() || a.door != b.door, "seed {seed}: {:?} twice", a.door);
                }
            }
            assert!(site.plants.len() > 800, "seed {seed}: {} plants", site.plants.len());
        }
    }

    #[test]
    fn a_village_has_its_houses() {
        check(1);
    }

    #[test]
    fn long_every_village_has_its_houses() {
        // Minutes of work: only where the long tests are asked for by name.
        if std::env::args().any(|argument| argument == "--exact") {
            (2..40).for_each(check);
        }
    }
}
