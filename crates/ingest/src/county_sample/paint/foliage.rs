//! Leaves.

use glam::Vec3;

use super::{Around, Painter};
use crate::county_sample::{
    math::{ramp, smooth},
    site::{Lane, PlantKind},
};

impl Painter<'_> {
    /// The lit colour of a point on a plant.
    pub(super) fn plant(&self, p: Vec3, around: &Around) -> Vec3 {
        let at = p.truncate();
        let plant = self.plant_over(at);
        let ground_m = around.ground_m;
        let above = p.z - ground_m;
        // Sprays of leaves, clumps of them, and boughs.
        let leaves = self.leaf.in_space(p * 9.0);
        let clumps = self.fine.in_space(p * 2.6 + 31.0);
        let boughs = self.coarse.in_space(p * 13.0 + 57.0);
        let plant = plant
            .and_then(|index| self.site.plants.get(index as usize))
            .filter(|p| above > 0.06 * p.height_m);
        let (base, full) = match plant {
            Some(plant) => {
                let hue = plant.hue;
                let base = match plant.kind {
                    // A few maples and ginkgos in their colours.
                    PlantKind::Broadleaf if hue > 0.968 => Vec3::new(0.56, 0.28, 0.13),
                    PlantKind::Broadleaf if hue > 0.94 => Vec3::new(0.62, 0.51, 0.18),
                    PlantKind::Broadleaf => {
                        Vec3::new(0.22, 0.34, 0.12).lerp(Vec3::new(0.39, 0.47, 0.17), hue)
                    }
                    PlantKind::Conifer => Vec3::new(0.15, 0.27, 0.14).lerp(Vec3::new(0.24, 0.34, 0.15), hue),
                    PlantKind::Bamboo => Vec3::new(0.37, 0.47, 0.18).lerp(Vec3::new(0.47, 0.53, 0.23), hue),
                    PlantKind::Fruit => Vec3::new(0.25, 0.39, 0.13).lerp(Vec3::new(0.33, 0.45, 0.16), hue),
                    PlantKind::Camphor => Vec3::new(0.27, 0.39, 0.13),
                };
                // The foot of a crown, where cameras above see little: dim undergrowth.
                let foot = smooth(0.34, 0.10, above / plant.height_m);
                (base.lerp(Vec3::new(0.19, 0.22, 0.11), 0.75 * foot), plant.height_m)
            }
            None => {
                let lanes = self.site.lanes.lanes(at);
                let lane = |lane: Lane| lanes[lane as usize];
                if lane(Lane::Tea) > 0.4 {
                    (Vec3::new(0.25, 0.43, 0.14).lerp(Vec3::new(0.36, 0.52, 0.18), 0.5 + 0.5 * clumps), 0.7)
                } else if lane(Lane::Garden) > 0.4 {
                    (self.ground(at, &lanes, [ground_m, 0.0], 0.1), 0.3)
                } else if lane(Lane::Wood).max(lane(Lane::Bamboo)) > 0.3 {
                    (Vec3::new(0.20, 0.28, 0.11), 2.6)
                } else if around.canopy_m > 0.9 {
                    (Vec3::new(0.23, 0.29, 0.13), 1.6)
                } else {
                    (Vec3::new(0.31, 0.41, 0.16).lerp(Vec3::new(0.46, 0.49, 0.24), 0.5 + 0.5 * clumps), 0.7)
                }
            }
        };
        // Dark in the gaps, light at the tips.
        let height = ramp(0.2, 1.0, above / full);
        let tone = 0.76 + 0.34 * height + 0.34 * leaves + 0.34 * clumps + 0.20 * boughs;
        let normal = Vec3::new(-around.slope.x * 0.7, -around.slope.y * 0.7, 1.0).normalize_or(Vec3::Z);
        // Leaves let light through: shadows are soft.
        let sun = 0.16 + 0.84 * around.sun_at(p.z + 0.5 + 0.5 * leaves);
        base * tone.max(0.15)
            * around.light(p.z, normal, sun)
            * (1.0 - 0.42 * smooth(0.45, 0.0, above / full))
    }
}
