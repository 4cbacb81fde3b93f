//! What everything looks like, with sun and shadow in it: colours of points on the surface of a site.

mod covers;
mod foliage;
mod light;
mod roofs;
mod walls;

use glam::{Vec2, Vec3};

use super::{
    building::RoofPoint,
    math::{Grain, seed_for, smooth},
    site::{Cover, Lane, Site},
};

pub(super) use light::Light;

/// Paints a site.
#[derive(Debug)]
pub(super) struct Painter<'s> {
    pub(super) site: &'s Site,
    pub(super) light: Light,
    /// Noise from 16 cells down to one, and from 64 down to four.
    fine: Grain,
    coarse: Grain,
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
    /// Of the plant with this index; `None`: low growth.
    Plant(Option<u32>),
    Roof(u32, RoofPoint),
    Bridge,
}

impl<'s> Painter<'s> {
    pub(super) fn new(site: &'s Site) -> Self {
        Self {
            site,
            light: Light::over(site),
            fine: Grain::new(seed_for(site.seed, 11), 16, 5),
            coarse: Grain::new(seed_for(site.seed, 12), 64, 5),
            seed: seed_for(site.seed, 2),
        }
    }

    /// What is seen from above at a point.
    pub(super) fn top(&self, at: Vec2) -> Top {
        let site = self.site;
        let ground_m = site.ground.at(at);
        let canopy_m = site.canopy.at(at);
        let mut top = Top {
            height_m: ground_m + canopy_m,
            ground_m,
            what: if canopy_m > 0.25 {
                What::Plant(site.plant_at.nearest(at).checked_sub(1))
            } else {
                What::Ground
            },
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
        let top = self.top(at);
        let p = at.extend(top.height_m);
        let color = match top.what {
            What::Roof(index, roof) => {
                let building = &self.site.buildings[index as usize];
                let normal = building.normal_to_site(roof.normal);
                let sun = self.light.sun_at(p);
                self.roof(building, &roof, at, texel_m) * self.light.on(p, normal, sun)
            }
            What::Bridge => {
                self.paving(at)
                    * Vec3::new(0.98, 0.96, 0.92)
                    * self.light.on(p, Vec3::Z, self.light.sun_at(p))
            }
            What::Plant(plant) => self.plant(p, plant, top.ground_m),
            What::Ground => {
                let lanes = self.site.lanes.lanes(at);
                let normal = self.ground_normal(at, &lanes);
                let color = self.ground(at, &lanes, top.ground_m, texel_m);
                color * self.light.on(p, normal, self.light.sun_at(p))
            }
        };
        (self.exposed(color, at), top)
    }

    /// The colour of a point on a steep face: a wall, a bank, the edge of a crown.
    pub(super) fn seen_from_aside(&self, p: Vec3, normal: Vec3, texel_m: f32) -> Vec3 {
        let at = p.truncate();
        // Lit from a little in front of the wall, so that it is not in the shadow of its own eaves.
        let outward = normal.truncate().normalize_or_zero();
        let before = (at + outward * 0.9).extend(p.z);
        if let Some((index, part)) = self.wall_at(p) {
            let building = &self.site.buildings[index];
            let part = &building.parts[part];
            let wall = self.wall(building, part, p, normal, texel_m);
            let facing = building.snapped(normal);
            let sun = self.light.sun_at(before) * wall.sun;
            let light = self.light.on(before, facing, sun);
            return self.exposed(wall.color * light, at + Vec2::splat(p.z));
        }
        let ground_m = self.site.ground.at(at);
        let color = if p.z > ground_m + 0.5 && self.site.canopy.at(at) > 0.4 {
            self.plant(p, self.site.plant_at.nearest(at).checked_sub(1), ground_m)
        } else {
            let lanes = self.site.lanes.lanes(at);
            self.ground(at, &lanes, p.z, texel_m) * self.light.on(before, normal, self.light.sun_at(before))
        };
        self.exposed(color, at + Vec2::splat(p.z))
    }

    /// Ground that eaves hide from above.
    pub(super) fn under_eaves(&self, p: Vec3, texel_m: f32) -> Vec3 {
        let at = p.truncate();
        let lanes = self.site.lanes.lanes(at);
        let color = self.ground(at, &lanes, p.z, texel_m);
        self.exposed(color * self.light.on(p, Vec3::Z, 0.55 * self.light.sun_at(p)), at)
    }

    /// The underside of eaves and bridges.
    pub(super) fn underside(&self, p: Vec3) -> Vec3 {
        let at = p.truncate();
        let color = Vec3::new(0.44, 0.39, 0.34) * (1.0 + 0.1 * self.fine.at(at.x * 9.0, at.y * 9.0));
        self.exposed(color * self.light.on(p, Vec3::NEG_Z, 0.0) * 1.3, at)
    }

    fn ground_normal(&self, at: Vec2, lanes: &[f32; Lane::COUNT]) -> Vec3 {
        if lanes[Lane::Bank as usize] < -0.3 && Cover::of(lanes) == Cover::Water {
            let wave =
                Vec2::new(self.fine.at(at.x * 2.3, at.y * 2.3), self.fine.at(at.y * 2.3, at.x * 2.1 + 40.0));
            return (wave * 0.12).extend(1.0).normalize_or(Vec3::Z);
        }
        let slope = self.site.ground.slope(at, 0.4);
        Vec3::new(-slope.x, -slope.y, 1.0).normalize_or(Vec3::Z)
    }

    /// A camera's curve and its noise.
    fn exposed(&self, color: Vec3, at: Vec2) -> Vec3 {
        let grain = self.fine.at(at.x * 37.0, at.y * 37.0) * 0.018;
        let curve = |x: f32| {
            // Shadows lifted a little, lights rolled off.
            let x = x.max(0.0);
            (x * (1.0 + 0.22 * x) / (1.0 + 0.30 * x * x)).min(1.0)
        };
        Vec3::new(curve(color.x), curve(color.y), curve(color.z)) + grain
    }

    /// Share of a pattern of some period that texels of a size can show.
    fn shows(period_m: f32, texel_m: f32) -> f32 {
        1.0 - smooth(0.35, 0.7, texel_m / period_m)
    }
}
