//! Ground: fields, gardens, yards, streets, water.

use glam::{Vec2, Vec3};

use super::Painter;
use crate::county_sample::{
    building::Kind,
    math::{mix, ramp, smooth, unit_at, unit_of},
    site::{Lane, StreetKind, terrace},
};

const SOIL: Vec3 = Vec3::new(0.47, 0.37, 0.27);
const GRASS: Vec3 = Vec3::new(0.37, 0.45, 0.20);
const DRY_GRASS: Vec3 = Vec3::new(0.56, 0.53, 0.32);

impl Painter<'_> {
    /// Colour of the ground in even light.
    ///
    /// `steep` is the rise of the ground over its run.
    pub(super) fn ground(
        &self,
        at: Vec2,
        lanes: &[f32; Lane::COUNT],
        [height_m, steep]: [f32; 2],
        texel_m: f32,
    ) -> Vec3 {
        let lane = |lane: Lane| lanes[lane as usize];
        let fine = self.fine.at(at.x * 8.0, at.y * 8.0);
        let coarse = self.coarse.at(at.x * 3.0, at.y * 3.0);
        let blades = self.leaf.at(at.x * 11.0, at.y * 11.0);
        let mut color = GRASS.lerp(DRY_GRASS, (0.42 + 0.5 * coarse + 0.2 * fine).clamp(0.0, 1.0));
        color = color.lerp(SOIL, smooth(0.45, 0.8, coarse - 0.4 * fine) * 0.6) * (1.0 + 0.13 * blades);
        let edge = 0.12 * fine + 0.10 * coarse;
        let wild = lane(Lane::Wood).max(lane(Lane::Bamboo));
        if wild > 0.05 {
            color = color.lerp(Vec3::new(0.26, 0.24, 0.15), 0.8 * wild);
        }
        if lane(Lane::Tea) > 0.05 {
            let ground = Vec3::new(0.50, 0.40, 0.28) * (1.0 + 0.15 * fine);
            color = color.lerp(ground, smooth(0.35, 0.6, lane(Lane::Tea) + edge));
        }
        if lane(Lane::Terrace).max(lane(Lane::Paddy)) > 0.05 {
            let field = self.field(at, lanes, texel_m, fine, blades);
            let share = smooth(0.35, 0.55, lane(Lane::Terrace).max(lane(Lane::Paddy)) + 0.6 * edge);
            color = color.lerp(field, share);
        }
        if lane(Lane::Garden) > 0.05 {
            let garden = self.garden(at, texel_m, fine);
            color = color.lerp(garden, smooth(0.4, 0.55, lane(Lane::Garden) + 0.5 * edge));
        }
        if lane(Lane::Yard) > 0.05 {
            color =
                color.lerp(self.yard(at, lanes, fine, coarse), smooth(0.3, 0.55, lane(Lane::Yard) + edge));
        }
        let settled = lane(Lane::Yard).max(1.0 - lane(Lane::Street).max(0.0) * 0.5);
        if steep > 0.6 && settled > 0.2 && lane(Lane::Street) > -0.2 {
            // Banks between yards are walled with fieldstone, or overgrown.
            let joint = self.leaf.in_space(at.extend(height_m) * 3.2);
            let stone = Vec3::new(0.58, 0.55, 0.49) * (0.94 + 0.16 * joint + 0.06 * fine);
            let wall = stone.lerp(Vec3::new(0.32, 0.39, 0.17), smooth(-0.1, 0.4, coarse + 0.3 * fine));
            color = color.lerp(wall, smooth(0.6, 0.9, steep) * smooth(0.2, 0.5, settled));
        }
        if lane(Lane::Street) < 1.6 {
            color = self.street(at, color, fine, coarse);
        }
        if lane(Lane::Bank) < 5.0 {
            color = self.river(at, lanes, color, height_m, fine);
        }
        color
    }

    fn field(&self, at: Vec2, lanes: &[f32; Lane::COUNT], texel_m: f32, fine: f32, blades: f32) -> Vec3 {
        let lane = |lane: Lane| lanes[lane as usize];
        let field = terrace(lanes, self.seed);
        let is_floor = lane(Lane::Paddy) >= lane(Lane::Terrace);
        let crop = unit_of(field.plot);
        let tint = unit_of(mix(field.plot ^ 1)) - 0.5;
        // Rows of seedlings run along the field.
        let row = (field.fraction * if is_floor { 60.0 } else { 16.0 } + 0.3 * lane(Lane::Along)).fract();
        let rows = (1.0 - (row - 0.5).abs() * 2.0) * Self::shows(0.35, texel_m);
        let wet = if is_floor { 0.42 } else { 0.22 };
        let mut color = if crop < wet {
            // Flooded: the sky in the water, seedlings in rows.
            let sky = Vec3::new(0.56, 0.63, 0.66).lerp(Vec3::new(0.44, 0.46, 0.40), 0.5 + 0.4 * fine);
            let green = Vec3::new(0.40, 0.54, 0.22);
            sky.lerp(
                green,
                (0.18 + 0.5 * tint + 0.55 * smooth(0.45, 0.8, rows + 0.35 * blades)).clamp(0.0, 0.85),
            )
        } else if crop < 0.80 {
            let young = Vec3::new(0.43, 0.58, 0.20);
            let deep = Vec3::new(0.31, 0.47, 0.17);
            young.lerp(deep, (0.5 + tint + 0.25 * fine).clamp(0.0, 1.0))
                * (0.92 + 0.16 * rows + 0.10 * blades)
        } else if crop < 0.91 {
            // Rape in flower, or ripening rice.
            Vec3::new(0.76, 0.68, 0.22)
                .lerp(Vec3::new(0.50, 0.56, 0.21), (0.35 + 0.5 * fine + tint).clamp(0.0, 1.0))
                * (0.95 + 0.12 * blades)
        } else {
            // Ploughed.
            let furrow = Vec3::new(0.50, 0.40, 0.30) * (0.85 + 0.22 * rows);
            furrow * (1.0 + 0.14 * blades + 0.5 * 0.2 * tint)
        };
        let bund = (field.bund_m / 0.24).min(1.0);
        let grassy =
            Vec3::new(0.40, 0.47, 0.20).lerp(Vec3::new(0.56, 0.49, 0.33), (0.4 + 0.6 * fine).clamp(0.0, 1.0));
        color = color.lerp(grassy, bund * 0.9);
        if field.riser > 0.02 {
            // Banks of grass, some of stone.
            let stone = unit_of(mix(field.plot >> 9)) < if is_floor { 0.1 } else { 0.25 };
            let bank = if stone {
                let joints = self.fine.at(at.x * 15.0, (at.y + 2.0 * field.fraction) * 15.0);
                Vec3::new(0.53, 0.51, 0.46) * (0.85 + 0.35 * joints)
            } else {
                Vec3::new(0.33, 0.40, 0.17).lerp(DRY_GRASS, 0.35 + 0.4 * fine) * (0.95 + 0.2 * blades)
            };
            color = color.lerp(bank, smooth(0.02, 0.3, field.riser));
        }
        color
    }

    fn garden(&self, at: Vec2, texel_m: f32, fine: f32) -> Vec3 {
        // Beds of about 5 by 7 m, each with its own crop and direction.
        let cell = Vec2::new((at.x + 1.2 * self.coarse.at(at.y, at.x)) / 5.2, at.y / 7.1);
        let (x, y) = (cell.x.floor() as i64, cell.y.floor() as i64);
        let bits = mix(self.seed ^ (x as u64) << 20 ^ y as u64);
        let roll = unit_of(bits);
        let across = if bits & 1 == 0 { at.x } else { at.y };
        let row = (across / 0.9).fract().abs();
        let ridge = smooth(0.15, 0.4, row) * smooth(1.0, 0.75, row) * Self::shows(0.9, texel_m);
        let leaf = match (roll * 6.0) as u32 {
            0 => Vec3::new(0.30, 0.50, 0.16),
            1 => Vec3::new(0.42, 0.58, 0.24),
            2 => Vec3::new(0.24, 0.40, 0.22),
            3 => Vec3::new(0.50, 0.54, 0.22),
            4 => Vec3::new(0.36, 0.46, 0.30),
            _ => Vec3::new(0.44, 0.34, 0.24),
        };
        let border = (cell - cell.floor()).min(Vec2::ONE - (cell - cell.floor())).min_element();
        let bed = SOIL.lerp(leaf, (0.25 + 0.65 * ridge + 0.3 * fine).clamp(0.0, 1.0));
        bed.lerp(Vec3::new(0.55, 0.47, 0.35), 1.0 - smooth(0.03, 0.08, border))
    }

    fn yard(&self, at: Vec2, lanes: &[f32; Lane::COUNT], fine: f32, coarse: f32) -> Vec3 {
        let earth = Vec3::new(0.63, 0.53, 0.40).lerp(Vec3::new(0.52, 0.50, 0.33), smooth(0.1, 0.7, coarse))
            * (1.0 + 0.13 * fine);
        let concrete = self.paving(at);
        let paved = smooth(-0.2, 0.1, lanes[Lane::Broad as usize] * 0.7 + 0.25 * coarse + 0.06);
        let mut color = earth.lerp(concrete, paved);
        // Grain drying on mats in front of houses.
        for index in self.site.buildings_near(at) {
            let building = &self.site.buildings[*index as usize];
            let local = building.to_local(at);
            if building.kind == Kind::School {
                color = self.court(local).unwrap_or(color);
            }
            let roll = unit_of(mix(building.seed ^ 0xD1));
            if roll < 0.4 && building.door.is_some() {
                let place = Vec2::new(
                    (unit_of(mix(building.seed ^ 0xD2)) - 0.5) * building.half.x,
                    -building.half.y - 0.8,
                );
                let off = (local - place).abs();
                if off.x < 1.6 && off.y < 1.1 {
                    let grain = match (roll * 10.0) as u32 {
                        0 => Vec3::new(0.86, 0.66, 0.22),
                        1 => Vec3::new(0.66, 0.20, 0.12),
                        2 => Vec3::new(0.80, 0.72, 0.48),
                        _ => Vec3::new(0.88, 0.74, 0.34),
                    };
                    color = grain * (1.0 + 0.12 * fine);
                }
            }
        }
        color
    }

    /// The school's ball court, in the frame of the school.
    fn court(&self, local: Vec2) -> Option<Vec3> {
        let half = Vec2::new(8.4, 4.6);
        let q = local - Vec2::new(0.0, -12.2);
        let room = half - q.abs();
        if room.min_element() < 0.0 {
            return None;
        }
        let line = |off: f32| off.abs() < 0.07;
        let is_line = line(room.min_element() - 0.3)
            || line(q.x)
            || line(q.length() - 1.5)
            || line((Vec2::new(q.x.abs() - half.x + 0.3, q.y)).length() - 3.4);
        let inner = (q.x.abs() - half.x + 0.3).abs() < 3.0 && q.y.abs() < 1.7;
        Some(if is_line {
            Vec3::splat(0.88)
        } else if inner {
            Vec3::new(0.62, 0.30, 0.22)
        } else {
            Vec3::new(0.30, 0.48, 0.34)
        })
    }

    /// Concrete slabs, stained.
    pub(super) fn paving(&self, at: Vec2) -> Vec3 {
        let fine = self.fine.at(at.x * 9.0, at.y * 9.0);
        let stain = self.coarse.at(at.x * 4.0, at.y * 4.0);
        Vec3::new(0.72, 0.70, 0.65) * (0.97 + 0.05 * fine - 0.12 * smooth(0.2, 0.9, stain))
    }

    fn street(&self, at: Vec2, beside: Vec3, fine: f32, coarse: f32) -> Vec3 {
        let Some(near) = self.site.street_near(at) else { return beside };
        let Some(street) = self.site.streets.get(near.street) else { return beside };
        let edge = near.off_m - street.half_width_m + 0.12 * fine;
        let share = 1.0 - smooth(-0.1, 0.12, edge);
        let color = match street.kind {
            StreetKind::Road => {
                let worn = Vec3::new(0.40, 0.40, 0.41) * (0.96 + 0.05 * fine + 0.05 * coarse);
                let line = 1.0 - smooth(0.06, 0.11, (near.off_m - street.half_width_m + 0.35).abs());
                let dash = (near.along_m / 6.0).fract() < 0.5;
                let middle = if dash { 1.0 - smooth(0.06, 0.12, near.off_m) } else { 0.0 };
                worn.lerp(Vec3::splat(0.82), line * 0.75).lerp(Vec3::new(0.85, 0.68, 0.22), middle * 0.85)
            }
            StreetKind::Lane => {
                let slab = (near.along_m / 4.6).fract();
                let joint = 1.0 - smooth(0.004, 0.016, slab.min(1.0 - slab));
                let number = (near.along_m / 4.6) as i64;
                let tone = 0.95 + 0.09 * unit_at(self.seed, number, near.street as i64);
                self.paving(at) * tone * (1.0 - 0.25 * joint)
            }
            StreetKind::Track => {
                let rut = 1.0 - smooth(0.15, 0.4, (near.off_m - 0.7).abs());
                beside.lerp(Vec3::new(0.60, 0.50, 0.37) * (1.0 + 0.1 * fine), 0.35 + 0.6 * rut)
            }
        };
        // A strip of trodden earth beside it.
        let verge = beside.lerp(Vec3::new(0.55, 0.48, 0.36), 0.55 * (1.0 - ramp(0.1, 1.1, edge)));
        verge.lerp(color, share)
    }

    fn river(&self, at: Vec2, lanes: &[f32; Lane::COUNT], beside: Vec3, height_m: f32, fine: f32) -> Vec3 {
        let bank = lanes[Lane::Bank as usize];
        let water_m = lanes[Lane::Water as usize] - 0.15;
        let pebble = self.leaf.at(at.x * 9.0, at.y * 9.0);
        let gravel = Vec3::new(0.62, 0.59, 0.53) * (0.92 + 0.22 * pebble + 0.06 * fine);
        let stony = smooth(3.6, 1.2, bank + 0.8 * fine + 1.2 * lanes[Lane::Broad as usize]);
        let mut color = beside.lerp(gravel, stony);
        let above = height_m - water_m;
        let depth = smooth(0.2, -3.0, bank);
        let along = lanes[Lane::Along as usize];
        if bank < 0.6 {
            let deep = Vec3::new(0.21, 0.33, 0.30);
            let shallow = Vec3::new(0.45, 0.50, 0.40) * (0.95 + 0.14 * pebble);
            let mut water = shallow.lerp(deep, depth * (0.75 + 0.25 * fine));
            // Rapids: streaks of foam across the stream.
            let rapid = smooth(0.25, 0.6, self.coarse.at(along * 2.2, 7.0))
                * smooth(0.05, 0.7, self.fine.at(at.x * 6.0, at.y * 6.0) + 0.25 * pebble);
            water = water.lerp(Vec3::new(0.86, 0.90, 0.90), 0.75 * rapid * smooth(-0.2, -2.0, bank));
            let wet = smooth(0.16, 0.05, above);
            color = (gravel * 1.04).lerp(water, wet);
        }
        color
    }
}
