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
    }

    /// Buildings whose roofs may reach a point or its surroundings of 2 m, in order.
    pub(super) fn buildings_near(&self, at: Vec2) -> &[u32] {
        &self.buckets[self.bucket(at)]
    }

    /// Signed distance in the plan to the nearest wall within 2 m or so; infinite beyond.
    pub(super) fn wall_distance_m(&self, at: Vec2) -> f32 {
        self.buildings_near(at)
            .iter()
            .map(|i| self.buildings[*i as usize].plan_distance_m(at))
            .fold(f32::INFINITY, f32::min)
    }

    /// Height of ground and plants.
    pub(super) fn surface_m(&self, at: Vec2) -> f32 {
        self.ground.at(at) + self.canopy.at(at)
    }

    /// The nearest street whose surface may reach a point: exact, for painting.
    pub(super) fn street_near(&self, at: Vec2) -> Option<Near> {
        self.streets
            .iter()
            .enumerate()
            .map(|(street, way)| {
                let (off_m, along_m, level_m) = way.near(at);
                Near { street, off_m, along_m, level_m }
            })
            .min_by(|a, b| {
                let edge = |near: &Near| near.off_m - self.streets[near.street].half_width_m;
                edge(a).total_cmp(&edge(b))
            })
    }
}
