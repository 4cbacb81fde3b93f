//! Roofs seen from above.

use glam::{Vec2, Vec3};

use super::Painter;
use crate::county_sample::{
    building::{Building, Roof, RoofLook, RoofPoint},
    math::{mix, ramp, smooth, unit_of},
};

impl Painter<'_> {
    /// Colour of a roof in even light.
    pub(super) fn roof(&self, building: &Building, roof: &RoofPoint, at: Vec2, texel_m: f32) -> Vec3 {
        let Some(part) = building.parts.get(roof.part) else { return Vec3::splat(0.5) };
        let q = building.to_local(at) - part.center;
        let fine = self.fine.at(at.x * 9.0, at.y * 9.0);
        let patches = self.coarse.at(at.x * 5.0 + 11.0, at.y * 5.0);
        let hue = unit_of(mix(building.seed ^ 0xA1));
        if roof.is_parapet || part.roof == Roof::Block {
            let capped = Vec3::new(0.70, 0.68, 0.64) * (0.95 + 0.08 * fine);
            return match part.roof {
                // Tanks shine, fire walls are capped with dark tiles.
                Roof::Block if building.kind == crate::county_sample::building::Kind::Hall => {
                    Vec3::new(0.30, 0.30, 0.31)
                }
                Roof::Block if part.low_m > 4.0 && part.half.max_element() < 0.9 => {
                    Vec3::new(0.80, 0.83, 0.86)
                }
                _ => capped,
            };
        }
        // Down the slope and across it.
        let down = roof.normal.truncate();
        let (v, u) = if down.length() > 0.02 {
            let way = down.normalize_or(Vec2::Y);
            (q.dot(way), q.dot(way.perp()))
        } else {
            (q.y, q.x)
        };
        let wave = |x: f32, period: f32| {
            let t = (x / period).rem_euclid(1.0);
            (1.0 - (t - 0.5).abs() * 2.0) * 2.0 - 1.0
        };
        let rows = wave(u, 0.26) * Self::shows(0.26, texel_m);
        let courses = ((v / 0.34).rem_euclid(1.0) - 0.5) * Self::shows(0.34, texel_m);
        // Tiles of a later repair, in squares of about a metre.
        let cell = (Vec2::new(u, v) / Vec2::new(1.1, 0.9)).floor();
        let odd = unit_of(mix(building.seed ^ (cell.x as i64 as u64) << 16 ^ cell.y as i64 as u64));
        let ridge = part.pitched(Vec2::ZERO).map_or(0.0, |_| {
            let to_ridge = match part.roof {
                Roof::Gable { along_a: true, .. } => q.y.abs(),
                Roof::Gable { along_a: false, .. } => q.x.abs(),
                Roof::Hip { .. } => {
                    let room = part.half - q.abs();
                    let hip = (room.x - room.y).abs() * 0.7;
                    let end = (part.half.x - part.half.y).max(0.0);
                    if q.x.abs() < end { q.y.abs().min(hip) } else { hip }
                }
                _ => f32::MAX,
            };
            1.0 - smooth(0.12, 0.24, to_ridge)
        });
        match part.cover {
            RoofLook::GreyTile => {
                let base = Vec3::new(0.31, 0.31, 0.32).lerp(Vec3::new(0.40, 0.37, 0.34), hue);
                let moss = smooth(0.25, 0.8, patches + 0.3 * fine)
                    * ramp(0.3, 0.9, unit_of(mix(building.seed ^ 0xA2)));
                let tone =
                    0.94 + 0.22 * rows + 0.10 * courses + 0.13 * fine + if odd > 0.93 { 0.22 } else { 0.0 };
                let tiles = base.lerp(Vec3::new(0.34, 0.36, 0.23), 0.55 * moss) * tone;
                tiles.lerp(Vec3::new(0.62, 0.60, 0.57), ridge * 0.85)
            }
            RoofLook::RedTile => {
                let base = Vec3::new(0.60, 0.30, 0.20).lerp(Vec3::new(0.52, 0.26, 0.20), hue);
                let tone =
                    0.95 + 0.16 * rows + 0.10 * courses + 0.12 * fine + if odd > 0.95 { 0.15 } else { 0.0 };
                let dust = 0.25 * smooth(0.1, 0.8, patches);
                (base * tone).lerp(Vec3::new(0.42, 0.32, 0.27), dust).lerp(base * 0.75, ridge * 0.6)
            }
            RoofLook::OrangeGlaze => {
                let base = Vec3::new(0.74, 0.39, 0.17).lerp(Vec3::new(0.66, 0.28, 0.15), hue);
                base * (0.96 + 0.16 * rows + 0.08 * courses + 0.06 * fine) * (1.0 + 0.18 * ridge)
            }
            RoofLook::BlueSteel => {
                let base = Vec3::new(0.24, 0.42, 0.62).lerp(Vec3::new(0.36, 0.50, 0.58), hue);
                let rust = smooth(0.5, 0.9, patches + 0.3 * fine);
                let ribs = wave(u, 0.75) * Self::shows(0.75, texel_m);
                (base * (0.97 + 0.08 * ribs + 0.03 * fine)).lerp(Vec3::new(0.48, 0.36, 0.28), 0.45 * rust)
            }
            RoofLook::Concrete | RoofLook::Pavers => {
                let edge = (part.half - q.abs()).min_element();
                let puddle = smooth(0.15, 0.7, patches) * 0.22;
                let damp = 0.16 * (1.0 - ramp(0.3, 1.2, edge));
                let base = if part.cover == RoofLook::Pavers {
                    let joint = |x: f32| {
                        1.0 - smooth(
                            0.0,
                            0.12,
                            (x / 0.5).rem_euclid(1.0).min(1.0 - (x / 0.5).rem_euclid(1.0)),
                        )
                    };
                    let joints = joint(u).max(joint(v)) * Self::shows(0.5, texel_m);
                    Vec3::new(0.66, 0.46, 0.36).lerp(Vec3::new(0.58, 0.55, 0.50), 0.7 * hue)
                        * (1.0 - 0.14 * joints)
                } else {
                    Vec3::new(0.62, 0.61, 0.58).lerp(Vec3::new(0.70, 0.66, 0.60), hue)
                };
                base * (1.0 + 0.07 * fine - puddle - damp)
            }
        }
    }
}
