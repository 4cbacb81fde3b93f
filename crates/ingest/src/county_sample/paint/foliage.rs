//! Leaves.

use glam::Vec3;

use super::Painter;
use crate::county_sample::{
    math::{ramp, smooth},
    site::{Lane, PlantKind},
};

impl Painter<'_> {
    /// The lit colour of a point on a plant; `None` for low growth.
    pub(super) fn plant(&self, p: Vec3, plant: Option<u32>, ground_m: f32) -> Vec3 {
        let at = p.truncate();
        let above = p.z - ground_m;
        let leaves = self.fine.in_space(p * 11.0);
        let clumps = self.fine.in_space(p * 3.1 + 31.0);
        let plant = plant
            .and_then(|index| self.site.plants.get(index as usize))
            .filter(|p| above > 0.25 * p.height_m);
        let (base, full) = match plant {
            Some(plant) => {
                let hue = plant.hue;
                let base = match plant.kind {
                    // A few maples and ginkgos in their colours.
                    PlantKind::Broadleaf if hue > 0.955 => Vec3::new(0.62, 0.27, 0.12),
                    PlantKind::Broadleaf if hue > 0.92 => Vec3::new(0.66, 0.52, 0.16),
                    PlantKind::Broadleaf => {
                        Vec3::new(0.22, 0.34, 0.12).lerp(Vec3::new(0.39, 0.47, 0.17), hue)
                    }
                    PlantKind::Conifer => Vec3::new(0.15, 0.27, 0.14).lerp(Vec3::new(0.24, 0.34, 0.15), hue),
                    PlantKind::Bamboo => Vec3::new(0.42, 0.53, 0.19).lerp(Vec3::new(0.53, 0.58, 0.25), hue),
                    PlantKind::Fruit => Vec3::new(0.25, 0.39, 0.13).lerp(Vec3::new(0.33, 0.45, 0.16), hue),
                    PlantKind::Camphor => Vec3::new(0.27, 0.39, 0.13),
                };
                (base, plant.height_m)
            }
            None => {
                let lanes = self.site.lanes.lanes(at);
                let lane = |lane: Lane| lanes[lane as usize];
                if lane(Lane::Tea) > 0.4 {
                    (Vec3::new(0.25, 0.43, 0.14).lerp(Vec3::new(0.36, 0.52, 0.18), 0.5 + 0.5 * clumps), 0.7)
                } else if lane(Lane::Garden) > 0.4 {
                    (self.ground(at, &lanes, ground_m, 0.1), 0.3)
                } else if lane(Lane::Wood).max(lane(Lane::Bamboo)) > 0.3 {
                    (Vec3::new(0.20, 0.28, 0.11), 2.6)
                } else {
                    (Vec3::new(0.31, 0.41, 0.16).lerp(Vec3::new(0.46, 0.49, 0.24), 0.5 + 0.5 * clumps), 0.7)
                }
            }
        };
        // Dark in the gaps, light at the tips.
        let height = ramp(0.2, 1.0, above / full);
        let tone = 0.70 + 0.36 * height + 0.30 * leaves + 0.16 * clumps;
        let slope = {
            let d = 0.5;
            let reach = |dx: f32, dy: f32| self.site.surface_m(at + glam::Vec2::new(dx, dy));
            glam::Vec2::new(reach(d, 0.0) - reach(-d, 0.0), reach(0.0, d) - reach(0.0, -d)) / (2.0 * d)
        };
        let normal = Vec3::new(-slope.x * 0.7, -slope.y * 0.7, 1.0).normalize_or(Vec3::Z);
        // Leaves let light through: shadows are soft.
        let sun = 0.16 + 0.84 * self.light.sun_at(p + Vec3::Z * (0.5 + 0.5 * leaves));
        base * tone.max(0.15) * self.light.on(p, normal, sun) * (1.0 - 0.25 * smooth(0.5, 0.0, height))
    }
}
