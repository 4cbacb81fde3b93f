//! Walls: plaster, tiles, earth, brick; windows, doors, stains.

use glam::{Vec2, Vec3};

use super::Painter;
use crate::county_sample::{
    building::{Building, EAVES_M, Kind, Part, Roof, WallLook},
    math::{mix, ramp, smooth, to_rectangle, unit_of},
};

/// A wall's colour in even light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    pub(super) color: Vec3,
    /// Share of the sun that the eaves above leave, 0 to 1.
    pub(super) sun: f32,
}

impl Painter<'_> {
    /// The building, and the part of it, whose wall a point lies on, by their indices.
    pub(in crate::county_sample) fn wall_at(&self, p: Vec3) -> Option<(usize, usize)> {
        let at = p.truncate();
        let mut best: Option<(f32, usize, usize)> = None;
        for index in self.site.buildings_near(at) {
            let building = &self.site.buildings[*index as usize];
            let local = building.to_local(at);
            let above = p.z - building.base_m;
            for (number, part) in building.parts.iter().enumerate() {
                let reach = to_rectangle(local - part.center, part.half);
                let beyond = (above - part.top_m()).max(part.low_m - 2.5 - above).max(0.0);
                let off = reach.abs() + 2.0 * beyond;
                if reach < EAVES_M + 0.45 && off < 0.95 && best.is_none_or(|(found, ..)| off < found) {
                    best = Some((off, *index as usize, number));
                }
            }
        }
        best.map(|(_, building, part)| (building, part))
    }

    /// How a wall looks at a point.
    pub(super) fn wall(&self, building: &Building, part: &Part, p: Vec3, normal: Vec3, texel_m: f32) -> Wall {
        let local = building.to_local(p.truncate());
        let q = local - part.center;
        let n = building.normal_to_local(normal).truncate();
        // Which side: 0 front, 1 back, 2 and 3 the ends.
        let is_end = n.x.abs() > n.y.abs();
        let (side, u, half) = if is_end {
            (if n.x > 0.0 { 2 } else { 3 }, q.y, part.half.y)
        } else {
            (if n.y > 0.0 { 1 } else { 0 }, q.x, part.half.x)
        };
        let above = p.z - building.base_m;
        let top = part.pitched(q).map_or(part.eaves_m, |(under, _)| under);
        let to_top = top - above;
        let fine = self.fine.at(p.x * 9.0 + p.z * 3.0, p.y * 9.0 - p.z * 7.0);
        let streak = self.fine.at((p.x + p.y) * 11.0, p.z * 0.9);
        let blotch = self.coarse.at((p.x - p.y) * 6.0, p.z * 6.0);
        if part.roof == Roof::Block && part.low_m > 0.0 {
            return Wall { color: self.attachment(building, part, u, above, fine), sun: 1.0 };
        }
        if to_top < -0.05 {
            // The edge of the roof itself, or a parapet.
            let color = match part.roof {
                Roof::Flat { .. } => self.bare(building, part.walls, u, above, fine, texel_m) * 0.98,
                _ => Vec3::new(0.36, 0.33, 0.30) * (1.0 + 0.1 * fine),
            };
            return Wall { color, sun: 1.0 };
        }
        let mut color = self.bare(building, part.walls, u, above, fine, texel_m);
        // Rain below the eaves, splashes above the ground.
        let weather = match part.walls {
            WallLook::Tiles | WallLook::Steel => 0.35,
            _ => 1.0,
        };
        color *= 1.0
            - weather * (0.16 * smooth(0.1, 0.8, streak) * smooth(3.0, 0.0, to_top) + 0.07 * blotch.max(0.0));
        color =
            color.lerp(Vec3::new(0.45, 0.42, 0.35), weather * 0.45 * smooth(0.75, 0.1, above + 0.3 * fine));
        if matches!(building.kind, Kind::Earth | Kind::Courtyard | Kind::Hall) && above < 0.7 {
            color = Vec3::new(0.50, 0.49, 0.45) * (0.88 + 0.25 * fine);
        }
        if part.walls != WallLook::Steel
            && let Some(opening) = self.opening(building, side, u, half, above, to_top)
        {
            color = opening * (1.0 + 0.06 * fine);
        }
        // Shade of the eaves on the wall below.
        let sun = smooth(0.25, 0.85, to_top / EAVES_M * 0.55);
        let under = 1.0 - 0.22 * smooth(0.7, 0.0, to_top);
        Wall { color: color * under, sun }
    }

    /// A wall without openings.
    fn bare(&self, building: &Building, look: WallLook, u: f32, above: f32, fine: f32, texel_m: f32) -> Vec3 {
        let roll = |k: u64| unit_of(mix(building.seed ^ k));
        let hue = roll(0xB1);
        let grain = 0.97 + 0.06 * fine;
        match look {
            WallLook::Plaster => {
                let white = Vec3::new(0.86, 0.84, 0.79);
                let cream = Vec3::new(0.84, 0.76, 0.62);
                white.lerp(cream, smooth(0.55, 0.9, hue)) * grain
            }
            WallLook::Tiles => {
                let field = match (hue * 5.0) as u32 {
                    0 => Vec3::new(0.88, 0.87, 0.84),
                    1 => Vec3::new(0.85, 0.80, 0.72),
                    2 => Vec3::new(0.80, 0.72, 0.66),
                    3 => Vec3::new(0.76, 0.80, 0.80),
                    _ => Vec3::new(0.84, 0.78, 0.64),
                };
                let band = match (roll(0xB2) * 4.0) as u32 {
                    0 => Vec3::new(0.58, 0.27, 0.20),
                    1 => Vec3::new(0.34, 0.44, 0.56),
                    2 => Vec3::new(0.60, 0.52, 0.42),
                    _ => field,
                };
                let storey = (above / building.storey_m).rem_euclid(1.0);
                let is_band = !(0.02..=0.93).contains(&storey);
                let joint = ((u / 0.6).rem_euclid(1.0) - 0.5).abs() * Self::shows(0.6, texel_m);
                (if is_band { band } else { field }) * (0.98 + 0.04 * joint) * (0.985 + 0.03 * fine)
            }
            WallLook::Earth => {
                let base = Vec3::new(0.72, 0.55, 0.36).lerp(Vec3::new(0.66, 0.47, 0.30), hue);
                let course = (above / 0.42).rem_euclid(1.0);
                let seam = 1.0 - smooth(0.0, 0.16, course.min(1.0 - course));
                base * (0.97 + 0.13 * fine - 0.10 * seam)
            }
            WallLook::Brick => {
                let row = (above / 0.16).floor();
                let shift = if row as i64 & 1 == 0 { 0.0 } else { 0.5 };
                let brick = (u / 0.32 + shift).floor();
                let tone = unit_of(mix((row as i64 as u64) << 20 ^ brick as i64 as u64)) - 0.5;
                let shows = Self::shows(0.3, texel_m);
                Vec3::new(0.60, 0.36, 0.27).lerp(Vec3::new(0.52, 0.30, 0.24), hue)
                    * (0.98 + 0.2 * tone * shows + 0.07 * fine)
            }
            WallLook::Concrete => Vec3::new(0.62, 0.60, 0.57) * (0.95 + 0.1 * fine),
            WallLook::Timber => {
                let board = (u / 0.24).floor() as i64 as u64;
                Vec3::new(0.42, 0.29, 0.19) * (0.85 + 0.3 * unit_of(mix(board)) + 0.1 * fine)
            }
            WallLook::Ochre => Vec3::new(0.80, 0.58, 0.24) * grain,
            WallLook::Steel => {
                let rib = ((u / 0.3).rem_euclid(1.0) - 0.5).abs() * Self::shows(0.3, texel_m);
                Vec3::new(0.60, 0.65, 0.68) * (0.9 + 0.2 * rib)
            }
        }
    }

    /// Balconies, chimneys, tanks, boards.
    fn attachment(&self, building: &Building, part: &Part, u: f32, above: f32, fine: f32) -> Vec3 {
        let is_balcony = part.center.y < 0.0 && part.half.y < 1.0 && part.half.x > 1.2;
        if !is_balcony {
            return match part.walls {
                WallLook::Brick => Vec3::new(0.56, 0.34, 0.26) * (1.0 + 0.1 * fine),
                _ if building.kind == Kind::Committee => Vec3::new(0.70, 0.20, 0.16),
                WallLook::Steel => Vec3::new(0.74, 0.77, 0.79),
                _ => Vec3::new(0.66, 0.64, 0.60) * (1.0 + 0.06 * fine),
            };
        }
        // Balusters between slab and rail.
        let rise = (above - part.low_m) / (part.eaves_m - part.low_m);
        let gap = ((u / 0.28).rem_euclid(1.0) - 0.5).abs() < 0.24;
        if (0.3..0.85).contains(&rise) && gap {
            Vec3::new(0.45, 0.44, 0.43)
        } else {
            Vec3::new(0.85, 0.84, 0.80) * (0.98 + 0.04 * fine)
        }
    }

    /// What fills an opening at a point of a wall, if there is one.
    fn opening(
        &self,
        building: &Building,
        side: u32,
        u: f32,
        half: f32,
        above: f32,
        to_top: f32,
    ) -> Option<Vec3> {
        let old = matches!(building.kind, Kind::Earth | Kind::Courtyard | Kind::Hall | Kind::Temple);
        let is_front = side == 0;
        if to_top < 0.35 || above < 0.0 || (building.kind == Kind::Shed && !is_front) {
            return None;
        }
        // Ends of pitched roofs have few windows.
        let bays = (2.0 * half / if side >= 2 { 4.2 } else { 3.3 }).round().max(1.0);
        let width = 2.0 * half / bays;
        let bay = ((u + half) / width).floor();
        let x = u + half - (bay + 0.5) * width;
        let storey = (above / building.storey_m).floor().min(building.storeys as f32);
        let y = above - storey * building.storey_m;
        let roll = unit_of(mix(building.seed
            ^ (u64::from(side) << 40)
            ^ ((bay as i64 as u64) << 20)
            ^ storey as u64));
        let public = matches!(building.kind, Kind::School | Kind::Committee);
        if storey < 0.5 && is_front {
            let middle = (bay + 0.5) * 2.0 - bays;
            let is_door = middle.abs() < 1.1 || (building.kind == Kind::Flat && roll < 0.75);
            if is_door {
                let (w, h) = if old {
                    (0.75, 2.2)
                } else if building.kind == Kind::Flat {
                    (1.3, 2.7)
                } else {
                    (0.8, 2.3)
                };
                if x.abs() < w && y < h {
                    return Some(match building.kind {
                        Kind::Earth | Kind::Courtyard => Vec3::new(0.33, 0.22, 0.14),
                        Kind::Hall | Kind::Temple => Vec3::new(0.50, 0.16, 0.11),
                        // Rolling shutters of shops and garages.
                        Kind::Flat => {
                            let slat = 0.93 + 0.1 * (y / 0.16).rem_euclid(1.0);
                            match (roll * 8.0) as u32 {
                                0 | 3 => Vec3::new(0.55, 0.60, 0.64) * slat,
                                1 => Vec3::new(0.30, 0.42, 0.56) * slat,
                                2 => Vec3::new(0.20, 0.18, 0.17),
                                _ => Vec3::new(0.62, 0.62, 0.60) * slat,
                            }
                        }
                        _ => Vec3::new(0.45, 0.25, 0.16),
                    });
                }
                if !old && x.abs() < w + 0.12 && y < h + 0.12 {
                    return Some(Vec3::new(0.66, 0.64, 0.60));
                }
                return None;
            }
        }
        if roll > if old { 0.8 } else { 0.92 } || (side >= 2 && roll > 0.62) {
            return None;
        }
        let (w, low, high) = if old {
            (0.5, 1.0, 1.95)
        } else if public {
            (1.15, 0.9, 2.6)
        } else {
            (0.85, 0.95, 2.4)
        };
        let frame = 0.1;
        let off = Vec2::new(x.abs() - w, (y - (low + high) / 2.0).abs() - (high - low) / 2.0);
        if off.max_element() > frame {
            // A sill, and the stain under it.
            let under = low - frame - y;
            return (x.abs() < w + 0.2 && (0.0..0.12).contains(&under) && !old)
                .then_some(Vec3::new(0.78, 0.77, 0.73));
        }
        if off.max_element() > 0.0 || (!old && x.abs() < 0.04) {
            return Some(if old { Vec3::new(0.36, 0.25, 0.17) } else { Vec3::new(0.83, 0.83, 0.81) });
        }
        // Glass: dark, a little of the sky in the upper part; some curtains.
        let sky = ramp(low, high, y);
        let glass = Vec3::new(0.17, 0.20, 0.22).lerp(Vec3::new(0.40, 0.47, 0.52), 0.5 * sky);
        let curtain = Vec3::new(0.55, 0.47, 0.42).lerp(Vec3::new(0.40, 0.45, 0.50), roll);
        Some(if old {
            Vec3::new(0.16, 0.13, 0.10)
        } else if roll < 0.2 {
            curtain
        } else {
            glass
        })
    }
}
