//! Buildings as exact solids: parts with roofs, in a frame of their own.
//!
//! Frame of a building: origin at the middle of its lot on the level of its yard; `a` runs along the street, `b` away
//! from it (the front is at negative `b`), `c` up; metres.

mod footprint;
mod plans;
mod solid;

use glam::{Vec2, Vec3, Vec3Swizzles};

use super::math::to_rectangle;

pub(super) use footprint::{footprint, outlines};
pub(super) use plans::{Lot, depth_m, half_breadth_m, plan};
pub(super) use solid::solids;

/// Thickness of pitched roofs, measured upright, metres.
pub(super) const ROOF_M: f32 = 0.3;
/// How far eaves reach beyond the walls, metres.
pub(super) const EAVES_M: f32 = 0.5;
/// Thickness of parapets, metres.
const PARAPET_M: f32 = 0.42;
/// How far foundations reach into the ground, metres.
const FOUNDATION_M: f32 = 3.0;

/// What a building is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Flat,
    Gable,
    Villa,
    Earth,
    Courtyard,
    Shed,
    Hall,
    Committee,
    School,
    Temple,
}

impl Kind {
    /// The word in tables.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Flat => "flat_roof",
            Self::Gable => "gable",
            Self::Villa => "hip_roof",
            Self::Earth => "earth_house",
            Self::Courtyard => "courtyard",
            Self::Shed => "shed",
            Self::Hall => "ancestral_hall",
            Self::Committee => "village_committee",
            Self::School => "school",
            Self::Temple => "temple",
        }
    }
}

/// What walls are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WallLook {
    Plaster,
    Tiles,
    Earth,
    Brick,
    Concrete,
    Timber,
    Ochre,
    Steel,
}

/// What roofs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoofLook {
    GreyTile,
    RedTile,
    OrangeGlaze,
    BlueSteel,
    Concrete,
    Pavers,
}

/// The shape of a roof.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Roof {
    /// Two planes; the ridge runs along `a`, or along `b`.
    Gable {
        /// Rise over run.
        pitch: f32,
        /// Whether the ridge runs along `a`.
        along_a: bool,
    },
    /// Four planes of one pitch.
    Hip {
        /// Rise over run.
        pitch: f32,
    },
    /// One plane that rises with `b`.
    Mono {
        /// Rise over run.
        pitch: f32,
    },
    /// Flat behind a parapet.
    Flat {
        /// Height of the parapet; 0 for none.
        parapet_m: f32,
    },
    /// No roof of its own: a block.
    Block,
}

/// A part of a building.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// Middle, in the building's frame.
    pub(super) center: Vec2,
    /// Half its extent along `a` and `b`.
    pub(super) half: Vec2,
    /// Where it begins; 0 stands on the ground.
    pub(super) low_m: f32,
    /// Where its walls end (of a single plane: the lower ones).
    pub(super) eaves_m: f32,
    pub(super) roof: Roof,
    pub(super) cover: RoofLook,
    pub(super) walls: WallLook,
}

/// A building on its lot.
#[derive(Clone, Debug)]
pub(super) struct Building {
    pub(super) kind: Kind,
    /// Origin of its frame in the site's.
    pub(super) center: Vec2,
    /// Unit vector of `a` in the site's frame.
    pub(super) along: Vec2,
    /// Level of its yard.
    pub(super) base_m: f32,
    pub(super) parts: Vec<Part>,
    pub(super) storeys: u32,
    pub(super) storey_m: f32,
    /// Half extent of all parts with their eaves, around the origin.
    pub(super) half: Vec2,
    /// Highest point above the yard.
    pub(super) height_m: f32,
    /// Street it faces, and its number there.
    pub(super) door: Option<(usize, u32)>,
    /// What it is called, of public ones.
    pub(super) name: Option<String>,
    /// Of a shed: the building it belongs to.
    pub(super) owner: Option<usize>,
    /// For colours and the like.
    pub(super) seed: u64,
}

/// Where a roof is seen from above.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoofPoint {
    /// Above the yard.
    pub(super) height_m: f32,
    pub(super) part: usize,
    /// Unit normal in the building's frame.
    pub(super) normal: Vec3,
    /// Whether it is the top of a parapet.
    pub(super) is_parapet: bool,
}

impl Building {
    /// From the site's frame to the building's.
    pub(super) fn to_local(&self, at: Vec2) -> Vec2 {
        let d = at - self.center;
        Vec2::new(d.dot(self.along), d.dot(self.along.perp()))
    }

    /// From the building's frame to the site's.
    pub(super) fn to_site(&self, local: Vec2) -> Vec2 {
        self.center + self.along * local.x + self.along.perp() * local.y
    }

    /// A direction of the building's frame in the site's.
    pub(super) fn normal_to_site(&self, normal: Vec3) -> Vec3 {
        (self.along * normal.x + self.along.perp() * normal.y).extend(normal.z)
    }

    /// A direction of the site's frame in the building's.
    pub(super) fn normal_to_local(&self, normal: Vec3) -> Vec3 {
        let flat = normal.truncate();
        Vec3::new(flat.dot(self.along), flat.dot(self.along.perp()), normal.z)
    }

    /// The direction straight out of the wall that a rough normal belongs to.
    pub(super) fn snapped(&self, normal: Vec3) -> Vec3 {
        let local = self.normal_to_local(normal);
        let out = if local.x.abs() > local.y.abs() {
            Vec3::X * local.x.signum()
        } else {
            Vec3::Y * local.y.signum()
        };
        self.normal_to_site(out)
    }

    /// Radius of a circle around its centre that holds all of it.
    pub(super) fn reach_m(&self) -> f32 {
        self.half.length()
    }

    /// Signed distance, roughly, from a point in the site's frame; negative inside.
    pub(super) fn distance_m(&self, at: Vec3) -> f32 {
        let local = self.to_local(at.xy()).extend(at.z - self.base_m);
        self.parts.iter().map(|part| part.distance_m(local)).fold(f32::INFINITY, f32::min)
    }

    /// Distance in the plan to its walls, negative inside.
    pub(super) fn plan_distance_m(&self, at: Vec2) -> f32 {
        let local = self.to_local(at);
        self.parts
            .iter()
            .filter(|part| part.low_m <= 0.0)
            .map(|part| to_rectangle(local - part.center, part.half))
            .fold(f32::INFINITY, f32::min)
    }

    /// The highest roof over a point of the building's frame.
    pub(super) fn roof_over(&self, local: Vec2) -> Option<RoofPoint> {
        let mut best: Option<RoofPoint> = None;
        for (index, part) in self.parts.iter().enumerate() {
            if let Some((height_m, normal, is_parapet)) = part.roof_over(local)
                && best.is_none_or(|found| found.height_m < height_m)
            {
                best = Some(RoofPoint { height_m, part: index, normal, is_parapet });
            }
        }
        best
    }

    /// Sets extent and height from the parts.
    fn measure(&mut self) {
        self.half = Vec2::ZERO;
        for part in &self.parts {
            let reach = part.center.abs() + part.half + part.overhang();
            self.half = self.half.max(reach);
            self.height_m = self.height_m.max(part.top_m());
        }
    }
}

impl Part {
    /// How far its roof reaches beyond its walls.
    pub(super) fn overhang(&self) -> Vec2 {
        Vec2::splat(if self.roof == Roof::Block { 0.0 } else { EAVES_M })
    }

    /// Its highest point above the yard.
    pub(super) fn top_m(&self) -> f32 {
        match self.roof {
            Roof::Gable { pitch, along_a } => {
                self.eaves_m + pitch * (if along_a { self.half.y } else { self.half.x }) + ROOF_M
            }
            Roof::Hip { pitch } => self.eaves_m + pitch * self.half.min_element() + ROOF_M,
            Roof::Mono { pitch } => {
                let run = if pitch > 0.0 { 2.0 * self.half.y + EAVES_M } else { EAVES_M };
                self.eaves_m + pitch.abs() * run + ROOF_M
            }
            Roof::Flat { parapet_m } => self.eaves_m + parapet_m,
            Roof::Block => self.eaves_m,
        }
    }

    /// Underside of a pitched roof at a point relative to the part's middle, with the upward normal.
    pub(super) fn pitched(&self, q: Vec2) -> Option<(f32, Vec3)> {
        let upright = |slope: Vec2| Vec3::new(-slope.x, -slope.y, 1.0).normalize_or(Vec3::Z);
        Some(match self.roof {
            Roof::Gable { pitch, along_a: true } => (
                self.eaves_m + pitch * (self.half.y - q.y.abs()),
                upright(Vec2::new(0.0, -pitch * q.y.signum())),
            ),
            Roof::Gable { pitch, along_a: false } => (
                self.eaves_m + pitch * (self.half.x - q.x.abs()),
                upright(Vec2::new(-pitch * q.x.signum(), 0.0)),
            ),
            Roof::Hip { pitch } => {
                let room = self.half - q.abs();
                let slope = if room.x < room.y {
                    Vec2::new(-pitch * q.x.signum(), 0.0)
                } else {
                    Vec2::new(0.0, -pitch * q.y.signum())
                };
                (self.eaves_m + pitch * room.min_element(), upright(slope))
            }
            Roof::Mono { pitch } => {
                (self.eaves_m + pitch * (q.y + self.half.y), upright(Vec2::new(0.0, pitch)))
            }
            Roof::Flat { .. } | Roof::Block => return None,
        })
    }

    fn roof_over(&self, local: Vec2) -> Option<(f32, Vec3, bool)> {
        let q = local - self.center;
        let beyond = (q.abs() - self.half - self.overhang()).max_element();
        if beyond > 0.0 {
            return None;
        }
        if let Some((under_m, normal)) = self.pitched(q) {
            return Some((under_m + ROOF_M, normal, false));
        }
        match self.roof {
            Roof::Flat { parapet_m } if parapet_m > 0.0 => {
                let inside = (self.half - q.abs()).min_element();
                let is_parapet = (0.0..PARAPET_M).contains(&inside);
                Some((self.eaves_m + if is_parapet { parapet_m } else { 0.0 }, Vec3::Z, is_parapet))
            }
            _ => Some((self.eaves_m, Vec3::Z, false)),
        }
    }

    fn distance_m(&self, p: Vec3) -> f32 {
        let q = p.xy() - self.center;
        let bottom = if self.low_m <= 0.0 { -FOUNDATION_M } else { self.low_m };
        let walls = to_rectangle(q, self.half);
        match self.roof {
            Roof::Block => intersect(walls, (p.z - self.eaves_m).max(bottom - p.z)),
            Roof::Flat { parapet_m } => {
                let body = intersect(walls, (p.z - self.eaves_m).max(bottom - p.z));
                let lip = intersect(
                    to_rectangle(q, self.half + EAVES_M),
                    (p.z - self.eaves_m).max(self.eaves_m - ROOF_M - p.z),
                );
                let parapet = intersect(
                    (walls + PARAPET_M * 0.5).abs() - PARAPET_M * 0.5,
                    (p.z - self.eaves_m - parapet_m).max(self.eaves_m - ROOF_M - p.z),
                );
                body.min(lip).min(parapet)
            }
            _ => {
                let (under_m, normal) = self.pitched(q).unwrap_or((self.eaves_m, Vec3::Z));
                let above = (p.z - under_m) * normal.z;
                let body = intersect(walls, above.max(bottom - p.z));
                let reach = to_rectangle(q, self.half + EAVES_M);
                let slab = intersect(reach, (above - ROOF_M * normal.z).max(-above));
                body.min(slab)
            }
        }
    }
}

/// Distance to where two solids overlap, exact at convex edges that meet squarely.
fn intersect(a: f32, b: f32) -> f32 {
    Vec2::new(a, b).max(Vec2::ZERO).length() + a.max(b).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(roof: Roof) -> Part {
        Part {
            center: Vec2::new(1.0, -2.0),
            half: Vec2::new(5.0, 4.0),
            low_m: 0.0,
            eaves_m: 6.0,
            roof,
            cover: RoofLook::GreyTile,
            walls: WallLook::Plaster,
        }
    }

    #[test]
    fn the_surface_of_a_roof_seen_from_above_lies_at_distance_0() {
        let roofs = [
            Roof::Gable { pitch: 0.5, along_a: true },
            Roof::Gable { pitch: 0.5, along_a: false },
            Roof::Hip { pitch: 0.6 },
            Roof::Mono { pitch: 0.2 },
            Roof::Flat { parapet_m: 1.0 },
            Roof::Block,
        ];
        for roof in roofs {
            let part = part(roof);
            for i in 0..400 {
                let local = part.center
                    + (Vec2::new((i % 20) as f32 / 19.0, (i / 20) as f32 / 19.0) * 2.0 - 1.0)
                        * (part.half + part.overhang() - 0.01);
                let (height_m, ..) = part.roof_over(local).unwrap();
                let distance = part.distance_m(local.extend(height_m));
                assert!(distance.abs() < 0.02, "{roof:?} at {local}: {distance}");
                assert!(part.distance_m(local.extend(height_m + 1.0)) > 0.0, "{roof:?}");
            }
            assert!(part.distance_m(part.center.extend(2.0)) < -2.0);
            assert!(part.roof_over(part.center + part.half + 0.6).is_none());
        }
    }
}
