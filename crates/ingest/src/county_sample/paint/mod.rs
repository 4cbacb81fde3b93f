//! What everything looks like, with sun and shadow in it: colours of points on the surface of a site.

mod covers;
mod foliage;
mod light;
mod roofs;
mod walls;

use glam::{DVec2, Vec2, Vec3};

use super::{
    building::RoofPoint,
    land::Land,
    math::{Grain, fractal, seed_for, smooth, unit_at},
    site::{Lane, Site},
};

pub(super) use light::{Around, Light};

/// Paints a site.
#[derive(Debug)]
pub(super) struct Painter<'s> {
    pub(super) site: &'s Site,
    pub(super) light: Light,
    /// Noise from 16 cells down to one, from 64 down to four, and of a few cells.
    fine: Grain,
    coarse: Grain,
    leaf: Grain,
    seed: u64,
}

/// What is seen from above at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Top {
    pub(super) height_m: f32,
    /// Level of the ground below.
    pub(super) ground_m: f32,
    pub(super) what: What,
}

/// What the top of something is.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Ground,
    Plant,
    Roof(u32, RoofPoint),
    Bridge,
}

impl<'s> Painter<'s> {
    pub(super) fn new(site: &'s Site) -> Self {
        Self {
            site,
            light: Light::over(site),
            fine: Grain::new(seed_for(site.seed, 11), 16, 5, 0.65),
            coarse: Grain::new(seed_for(site.seed, 12), 64, 5, 0.55),
            leaf: Grain::new(seed_for(site.seed, 13), 4, 3, 0.9),
            seed: seed_for(site.seed, 2),
        }
    }

    /// What is seen from above at a point.
    pub(super) fn top(&self, at: Vec2) -> Top {
        self.top_of(at, &self.light.around(at))
    }

    fn top_of(&self, at: Vec2, around: &Around) -> Top {
        let site = self.site;
        let mut top = Top {
            height_m: around.ground_m + around.canopy_m,
            ground_m: around.ground_m,
            what: if around.canopy_m > 0.15 { What::Plant } else { What::Ground },
        };
        for bridge in &site.bridges {
            if bridge.holds(at) && bridge.level_m > top.height_m {
                top = Top { height_m: bridge.level_m, what: What::Bridge, ..top };
            }
        }
        for index in site.buildings_near(at) {
            let building = &site.buildings[*index as usize];
            if let Some(roof) = building.roof_over(building.to_local(at))
                && building.base_m + roof.height_m > top.height_m
            {
                top.height_m = building.base_m + roof.height_m;
                top.what = What::Roof(*index, roof);
            }
        }
        top
    }

    /// The colour of a point seen from above, and what it is.
    pub(super) fn seen_from_above(&self, at: Vec2, texel_m: f32) -> (Vec3, Top) {
        let around = self.light.around(at);
        let top = self.top_of(at, &around);
        let z = top.height_m;
        let color = match top.what {
            What::Roof(index, roof) => {
                let building = &self.site.buildings[index as usize];
                let normal = building.normal_to_site(roof.normal);
                self.roof(building, &roof, at, texel_m) * around.light(z, normal, around.sun_at(z))
            }
            What::Bridge => self.paving(at) * around.light(z, Vec3::Z, around.sun_at(z)),
            What::Plant => self.plant(at.extend(z), &around),
            What::Ground => {
                let lanes = self.site.lanes.lanes(at);
                let normal = self.ground_normal(at, &lanes, &around);
                self.ground(at, &lanes, [z, around.slope.length()], texel_m)
                    * around.light(z, normal, around.sun_on_surface())
            }
        };
        (self.exposed(color, at), top)
    }

    /// The colour of a point on a steep face: a wall, a bank, the edge of a crown.
    pub(super) fn seen_from_aside(&self, p: Vec3, normal: Vec3, texel_m: f32) -> Vec3 {
        let at = p.truncate();
        // Lit from a little in front of the wall, so that it is not in the shadow of its own eaves.
        let outward = normal.truncate().normalize_or_zero();
        let around = self.light.around(at + outward * 0.9);
        let color = if let Some((index, part)) = self.wall_at(p) {
            let building = &self.site.buildings[index];
            let wall = self.wall(building, &building.parts[part], p, normal, texel_m);
            let facing = building.snapped(normal);
            wall.color * around.light(p.z, facing, around.sun_at(p.z) * wall.sun)
        } else if self.is_plant(p) {
            self.plant(p, &self.light.around(at))
        } else {
            let lanes = self.site.lanes.lanes(at);
            self.ground(at, &lanes, [p.z, 1.0], texel_m) * around.light(p.z, normal, around.sun_at(p.z))
        };
        self.exposed(color, at + Vec2::splat(p.z))
    }

    /// Whether a point of the surface, not of a building, lies on a plant.
    pub(super) fn is_plant(&self, p: Vec3) -> bool {
        let around = self.light.around(p.truncate());
        around.canopy_m > 0.25 && p.z > around.ground_m + 0.12
    }

    /// The plant that stands highest at a point; crowns have ragged edges.
    fn plant_over(&self, at: Vec2) -> Option<u32> {
        let ragged =
            Vec2::new(self.leaf.at(at.x * 5.0, at.y * 5.0), self.leaf.at(at.y * 5.0, at.x * 5.0 + 99.0));
        self.site.plant_at.nearest(at + 0.45 * ragged).checked_sub(1)
    }

    /// The highest roof over a point of the plan.
    pub(super) fn roof_m(&self, at: Vec2) -> Option<f32> {
        let over = |index: &u32| {
            let building = &self.site.buildings[*index as usize];
            building.roof_over(building.to_local(at)).map(|roof| building.base_m + roof.height_m)
        };
        self.site.buildings_near(at).iter().filter_map(over).reduce(f32::max)
    }

    /// Ground that eaves may hide from above.
    pub(super) fn under_eaves(&self, p: Vec3, texel_m: f32) -> Vec3 {
        let at = p.truncate();
        if self.roof_m(at).is_none_or(|roof| roof < p.z + 0.9) {
            return self.seen_from_above(at, texel_m).0;
        }
        let (around, lanes) = (self.light.around(at), self.site.lanes.lanes(at));
        let color = self.ground(at, &lanes, [p.z, 0.0], texel_m);
        self.exposed(color * around.light(p.z, Vec3::Z, 0.55 * around.sun_at(p.z)), at)
    }

    /// The underside of eaves and bridges.
    pub(super) fn underside(&self, p: Vec3) -> Vec3 {
        let at = p.truncate();
        let color = Vec3::new(0.56, 0.50, 0.44) * (1.0 + 0.1 * self.fine.at(at.x * 9.0, at.y * 9.0));
        self.exposed(color * self.light.around(at).light(p.z, Vec3::NEG_Z, 0.0), at)
    }

    fn ground_normal(&self, at: Vec2, lanes: &[f32; Lane::COUNT], around: &Around) -> Vec3 {
        if lanes[Lane::Bank as usize] < -0.3 {
            let wave =
                Vec2::new(self.fine.at(at.x * 2.3, at.y * 2.3), self.fine.at(at.y * 2.3, at.x * 2.1 + 40.0));
            return (wave * 0.12).extend(1.0).normalize_or(Vec3::Z);
        }
        Vec3::new(-around.slope.x, -around.slope.y, 1.0).normalize_or(Vec3::Z)
    }

    /// A camera's curve and its noise.
    fn exposed(&self, color: Vec3, at: Vec2) -> Vec3 {
        let grain = self.fine.at(at.x * 37.0, at.y * 37.0) * 0.018;
        let curve = |x: f32| {
            // Shadows lifted a little, lights rolled off.
            let x = x.max(0.0);
            (x * (1.0 + 0.22 * x) / (1.0 + 0.30 * x * x)).min(1.0)
        };
        let seen = Vec3::new(curve(color.x), curve(color.y), curve(color.z));
        let grey = seen.dot(Vec3::new(0.30, 0.59, 0.11));
        Vec3::splat(grey).lerp(seen, 0.86) * Vec3::new(1.01, 1.0, 0.985) + grain
    }

    /// Share of a pattern of some period that texels of a size can show.
    fn shows(period_m: f32, texel_m: f32) -> f32 {
        1.0 - smooth(0.35, 0.7, texel_m / period_m)
    }
}

/// The colour of natural ground far from villages, in bytes; `slope` is its rise eastwards and northwards.
pub(super) fn from_afar(land: &Land, p: DVec2, slope: Vec2) -> [u8; 3] {
    let steep = slope.length();
    let near = land.nearest(p);
    let patch = fractal(0x0F1E, p / 90.0, 3);
    // Crowns, and tufts of grass.
    let crowns = fractal(0x0F1F, p / 9.0, 2);
    let meadow = Vec3::new(0.33, 0.42, 0.17).lerp(Vec3::new(0.46, 0.48, 0.25), 0.5 + 0.7 * patch)
        * (1.0 + 0.10 * crowns);
    let forest = Vec3::new(0.19, 0.29, 0.12).lerp(Vec3::new(0.31, 0.39, 0.15), 0.5 + 0.7 * patch)
        * (1.0 + 0.34 * crowns);
    // Plots of some 25 by 12 m.
    let plot = unit_at(0x0F20, ((p.x + 0.3 * p.y) / 25.0).floor() as i64, (p.y / 12.0).floor() as i64);
    let field = match (plot * 10.0) as u32 {
        0..=4 => Vec3::new(0.37, 0.52, 0.19),
        5 | 6 => Vec3::new(0.45, 0.58, 0.23),
        7 => Vec3::new(0.66, 0.62, 0.26),
        8 => Vec3::new(0.52, 0.58, 0.54),
        _ => Vec3::new(0.48, 0.40, 0.29),
    };
    let wood = land.wood(p) * 0.8 + steep * 0.5 + 0.12 * crowns;
    let mut color = meadow.lerp(forest, smooth(0.12, 0.5, wood));
    let level = smooth(0.16, 0.07, steep) * smooth(140.0, 60.0, near.bank_m);
    let terraced = near.village * smooth(330.0, 210.0, near.bank_m + 60.0 * patch) * smooth(0.75, 0.5, steep);
    color = color.lerp(field, level.max(0.8 * terraced));
    color = color.lerp(Vec3::new(0.50, 0.49, 0.47), smooth(4.5, 2.0, near.road_m));
    color = color.lerp(Vec3::new(0.55, 0.53, 0.47), smooth(6.0, 1.5, near.bank_m));
    color = color.lerp(Vec3::new(0.25, 0.37, 0.34), smooth(1.5, -1.5, near.bank_m));
    let normal = Vec3::new(-slope.x, -slope.y, 1.0).normalize_or(Vec3::Z);
    let light = 0.45 + 0.75 * normal.dot(light::SUN).max(0.0);
    let color = (color * light).clamp(Vec3::ZERO, Vec3::ONE);
    (color * 255.0).to_array().map(|c| c as u8)
}
