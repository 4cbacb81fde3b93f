//! Plans: which parts a building of each kind is made of.

use glam::Vec2;

use super::{Building, EAVES_M, Kind, Part, Roof, RoofLook, WallLook};
use crate::county_sample::math::Chance;

/// Ground for a building.
#[derive(Clone, Copy, Debug)]
pub(in crate::county_sample) struct Lot {
    /// Middle of the building in the site's frame.
    pub(in crate::county_sample) center: Vec2,
    /// Unit vector along the street; the street lies to its right.
    pub(in crate::county_sample) along: Vec2,
}

/// Plans a building around the origin of a lot that is moved back by half its depth: see [`depth_m`].
pub(in crate::county_sample) fn plan(kind: Kind, seed: u64) -> Building {
    let chance = &mut Chance::new(seed);
    let mut building = Building {
        kind,
        center: Vec2::ZERO,
        along: Vec2::X,
        base_m: 0.0,
        parts: Vec::new(),
        storeys: 1,
        storey_m: 3.2,
        half: Vec2::ZERO,
        height_m: 0.0,
        door: None,
        name: None,
        owner: None,
        seed,
    };
    match kind {
        Kind::Flat => flat(&mut building, chance),
        Kind::Gable => gable(&mut building, chance),
        Kind::Villa => villa(&mut building, chance),
        Kind::Earth => earth(&mut building, chance),
        Kind::Courtyard => courtyard(&mut building, chance),
        Kind::Shed => shed(&mut building, chance),
        Kind::Hall => hall(&mut building),
        Kind::Committee => committee(&mut building),
        Kind::School => school(&mut building),
        Kind::Temple => temple(&mut building),
    }
    building.measure();
    building
}

impl Lot {
    /// Puts a building on the lot.
    pub(in crate::county_sample) fn place(&self, building: &mut Building) {
        building.center = self.center;
        building.along = self.along;
    }
}

fn part(center: [f32; 2], half: [f32; 2], eaves_m: f32, roof: Roof, looks: (RoofLook, WallLook)) -> Part {
    let (cover, walls) = looks;
    Part { center: center.into(), half: half.into(), low_m: 0.0, eaves_m, roof, cover, walls }
}

fn block(center: [f32; 2], half: [f32; 2], from_m: f32, to_m: f32, looks: (RoofLook, WallLook)) -> Part {
    Part { low_m: from_m, ..part(center, half, to_m, Roof::Block, looks) }
}

/// A concrete house of today: flat roof with parapet and stair head, balconies in front.
fn flat(building: &mut Building, chance: &mut Chance) {
    let (w, d) = (chance.between(4.6, 6.1), chance.between(5.0, 6.4));
    building.storeys = 3 + chance.below(3) as u32 - u32::from(chance.happens(0.3));
    let top = building.storeys as f32 * building.storey_m + 0.3;
    let walls = *chance
        .pick(&[WallLook::Tiles, WallLook::Tiles, WallLook::Plaster, WallLook::Concrete, WallLook::Brick])
        .unwrap_or(&WallLook::Tiles);
    let cover = if chance.happens(0.35) { RoofLook::Pavers } else { RoofLook::Concrete };
    let looks = (cover, walls);
    building.parts.push(part([0.0, 0.0], [w, d], top, Roof::Flat { parapet_m: 1.0 }, looks));
    // The stair comes out at the back, on one side.
    let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
    let stair = [side * (w - 2.2), d - 2.8];
    let mut head = part(stair, [1.7, 2.3], top + 2.5, Roof::Flat { parapet_m: 0.0 }, looks);
    head.low_m = top - 0.2;
    building.parts.push(head);
    let breadth = if chance.happens(0.6) { 1.0 } else { 0.55 };
    for storey in 1..building.storeys {
        let floor = storey as f32 * building.storey_m + 0.1;
        let center = [-side * w * (1.0 - breadth), -d - 0.55];
        building.parts.push(block(center, [w * breadth - 0.1, 0.6], floor - 0.15, floor + 1.0, looks));
    }
    if chance.happens(0.3) {
        // A steel roof over part of the terrace.
        let cover = if chance.happens(0.6) { RoofLook::BlueSteel } else { RoofLook::RedTile };
        let mut shelter = part(
            [-side * 1.2, -d * 0.35],
            [w * 0.62, d * 0.45],
            top + 2.3,
            Roof::Gable { pitch: 0.22, along_a: true },
            (cover, WallLook::Steel),
        );
        shelter.low_m = top - 0.2;
        building.parts.push(shelter);
    }
    if chance.happens(0.55) {
        // A water tank or a solar heater.
        let at = [-side * (w - 1.6), d - 1.7];
        building.parts.push(block(at, [0.7, 0.6], top - 0.2, top + 1.5, (cover, WallLook::Steel)));
    }
}

fn gable(building: &mut Building, chance: &mut Chance) {
    let (w, d) = (chance.between(4.6, 6.4), chance.between(4.0, 5.0));
    building.storeys = 2 + u32::from(chance.happens(0.35));
    building.storey_m = 3.1;
    let top = building.storeys as f32 * building.storey_m;
    let cover = *chance
        .pick(&[
            RoofLook::GreyTile,
            RoofLook::GreyTile,
            RoofLook::RedTile,
            RoofLook::RedTile,
            RoofLook::OrangeGlaze,
        ])
        .unwrap_or(&RoofLook::GreyTile);
    let walls = *chance
        .pick(&[WallLook::Plaster, WallLook::Plaster, WallLook::Brick, WallLook::Tiles, WallLook::Concrete])
        .unwrap_or(&WallLook::Plaster);
    let looks = (cover, walls);
    let pitch = chance.between(0.46, 0.58);
    building.parts.push(part([0.0, 0.0], [w, d], top, Roof::Gable { pitch, along_a: true }, looks));
    if chance.happens(0.45) {
        // A wing at the back or at the side, one storey lower.
        let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
        let low = (top - building.storey_m).max(3.0);
        let half = [chance.between(1.8, 2.4), chance.between(2.0, 2.8)];
        let roof = Roof::Gable { pitch: 0.45, along_a: false };
        building.parts.push(part([side * (w - half[0]), d + half[1]], half, low - 0.4, roof, looks));
    }
    if chance.happens(0.3) {
        let floor = building.storey_m + 0.1;
        building.parts.push(block([0.0, -d - 0.55], [w * 0.6, 0.6], floor - 0.15, floor + 1.0, looks));
    }
    if chance.happens(0.4) {
        let ridge = top + pitch * d;
        let at = [w * 0.5, 1.2];
        building.parts.push(block(at, [0.35, 0.35], ridge - 1.5, ridge + 0.7, (cover, WallLook::Brick)));
    }
}

fn villa(building: &mut Building, chance: &mut Chance) {
    let (w, d) = (chance.between(5.4, 6.6), chance.between(4.9, 5.8));
    building.storeys = 2 + u32::from(chance.happens(0.55));
    building.storey_m = 3.3;
    let top = building.storeys as f32 * building.storey_m;
    let cover = *chance
        .pick(&[RoofLook::OrangeGlaze, RoofLook::RedTile, RoofLook::GreyTile, RoofLook::RedTile])
        .unwrap_or(&RoofLook::RedTile);
    let walls = if chance.happens(0.5) { WallLook::Tiles } else { WallLook::Plaster };
    let looks = (cover, walls);
    building.parts.push(part(
        [0.0, 0.0],
        [w, d],
        top,
        Roof::Hip { pitch: chance.between(0.42, 0.55) },
        looks,
    ));
    // A porch with a terrace above, and a bay in front of all storeys.
    let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
    let porch = part(
        [-side * w * 0.45, -d - 1.4],
        [2.2, 1.4],
        3.4,
        Roof::Flat { parapet_m: 0.9 },
        (RoofLook::Pavers, walls),
    );
    building.parts.push(porch);
    let bay = [side * (w - 2.1), -d - 0.9];
    building.parts.push(part(bay, [1.9, 1.3], top - 0.3, Roof::Hip { pitch: 0.5 }, looks));
}

/// A farmhouse of rammed earth: two low storeys under a wide roof.
fn earth(building: &mut Building, chance: &mut Chance) {
    let (w, d) = (chance.between(5.6, 8.6), chance.between(3.9, 4.9));
    building.storeys = 2;
    building.storey_m = 2.7;
    let top = 5.3;
    let looks = (RoofLook::GreyTile, if chance.happens(0.8) { WallLook::Earth } else { WallLook::Timber });
    building.parts.push(part([0.0, 0.0], [w, d], top, Roof::Gable { pitch: 0.5, along_a: true }, looks));
    if chance.happens(0.6) {
        let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
        let half = [2.1, chance.between(2.4, 3.4)];
        let roof = Roof::Gable { pitch: 0.48, along_a: false };
        building.parts.push(part([side * (w - 2.1), -d - half[1]], half, 3.1, roof, looks));
    }
    if chance.happens(0.35) {
        let roof = Roof::Mono { pitch: -0.3 };
        building.parts.push(part([0.0, d + 1.3], [w * 0.5, 1.3], 3.4, roof, looks));
    }
}

/// An old house around a yard: main wing, two side wings, a wall with a gate in front.
fn courtyard(building: &mut Building, chance: &mut Chance) {
    let w = chance.between(7.2, 8.4);
    building.storeys = 2;
    building.storey_m = 2.9;
    let walls = if chance.happens(0.6) { WallLook::Plaster } else { WallLook::Earth };
    let looks = (RoofLook::GreyTile, walls);
    building.parts.push(part([0.0, 4.2], [w, 4.2], 5.6, Roof::Gable { pitch: 0.52, along_a: true }, looks));
    for side in [-1.0, 1.0] {
        let roof = Roof::Gable { pitch: 0.5, along_a: false };
        building.parts.push(part([side * (w - 2.1), -3.4], [2.1, 3.4], 4.0, roof, looks));
    }
    building.parts.push(block([0.0, -6.6], [w - 4.2, 0.2], 0.0, 2.6, looks));
}

fn shed(building: &mut Building, chance: &mut Chance) {
    let half = [chance.between(1.7, 3.2), chance.between(1.3, 2.0)];
    building.storey_m = 2.6;
    let looks = *chance
        .pick(&[
            (RoofLook::GreyTile, WallLook::Brick),
            (RoofLook::BlueSteel, WallLook::Steel),
            (RoofLook::GreyTile, WallLook::Earth),
            (RoofLook::GreyTile, WallLook::Timber),
            (RoofLook::RedTile, WallLook::Concrete),
        ])
        .unwrap_or(&(RoofLook::GreyTile, WallLook::Brick));
    let roof = if chance.happens(0.6) {
        Roof::Mono { pitch: 0.22 }
    } else {
        Roof::Gable { pitch: 0.42, along_a: true }
    };
    building.parts.push(part([0.0, 0.0], half, chance.between(2.2, 2.7), roof, looks));
}

/// The clan's hall: gate hall, yard with galleries, main hall, stepped fire walls at the gables.
fn hall(building: &mut Building) {
    building.storey_m = 5.0;
    building.name = Some("宗祠".to_owned());
    let looks = (RoofLook::GreyTile, WallLook::Plaster);
    let ridge = Roof::Gable { pitch: 0.5, along_a: true };
    building.parts.push(part([0.0, -9.5], [8.4, 3.6], 4.4, ridge, looks));
    building.parts.push(part([0.0, 8.0], [8.4, 4.6], 5.4, ridge, looks));
    for side in [-1.0, 1.0] {
        let gallery = Roof::Gable { pitch: 0.45, along_a: false };
        building.parts.push(part([side * 6.6, -1.25], [1.8, 4.65], 3.6, gallery, looks));
        // Steps of the fire walls, lower outwards.
        for (center, half, top) in [
            (-9.5, 1.5, 7.2),
            (-9.5, 2.9, 6.3),
            (-9.5, 4.2, 5.3),
            (8.0, 1.8, 8.7),
            (8.0, 3.5, 7.7),
            (8.0, 5.2, 6.5),
        ] {
            building.parts.push(block([side * 8.6, center], [0.25, half], 0.0, top, looks));
        }
    }
}

fn committee(building: &mut Building) {
    building.storeys = 3;
    building.storey_m = 3.5;
    building.name = Some("村民委员会".to_owned());
    let looks = (RoofLook::Concrete, WallLook::Tiles);
    let top = 10.8;
    building.parts.push(part([0.0, 0.0], [11.5, 5.0], top, Roof::Flat { parapet_m: 1.0 }, looks));
    let porch = part([0.0, -6.4], [3.6, 1.4], 4.2, Roof::Flat { parapet_m: 0.6 }, looks);
    building.parts.push(porch);
    let mut head = part([8.0, 1.6], [2.2, 2.6], top + 2.6, Roof::Flat { parapet_m: 0.0 }, looks);
    head.low_m = top - 0.2;
    building.parts.push(head);
    // The flagpole's base and a board on the roof.
    building.parts.push(block([0.0, -4.7], [5.5, 0.2], top - 0.2, top + 2.2, looks));
}

fn school(building: &mut Building) {
    building.storeys = 3;
    building.storey_m = 3.6;
    building.name = Some("小学".to_owned());
    let looks = (RoofLook::Concrete, WallLook::Plaster);
    let top = 11.1;
    building.parts.push(part([0.0, 6.0], [17.0, 4.4], top, Roof::Flat { parapet_m: 1.0 }, looks));
    for storey in 1..3 {
        let floor = storey as f32 * 3.6 + 0.1;
        building.parts.push(block([0.0, 0.7], [16.0, 0.9], floor - 0.2, floor + 1.0, looks));
    }
    let tower =
        part([14.0, 0.0], [3.0, 1.8], top + 2.0, Roof::Hip { pitch: 0.6 }, (RoofLook::RedTile, looks.1));
    building.parts.push(tower);
    let hall = part(
        [-13.0, -2.4],
        [4.0, 4.0],
        4.6,
        Roof::Gable { pitch: 0.4, along_a: false },
        (RoofLook::RedTile, looks.1),
    );
    building.parts.push(hall);
}

fn temple(building: &mut Building) {
    building.storey_m = 4.0;
    building.name = Some("土地庙".to_owned());
    let looks = (RoofLook::OrangeGlaze, WallLook::Ochre);
    building.parts.push(part([0.0, 0.0], [4.2, 3.2], 3.8, Roof::Hip { pitch: 0.62 }, looks));
    building.parts.push(part([0.0, -4.4], [2.4, 1.3], 3.2, Roof::Gable { pitch: 0.5, along_a: true }, looks));
}

/// How far the front of a building lies before its origin, and how deep it is behind it, metres (walls, not eaves).
pub(in crate::county_sample) fn depth_m(building: &Building) -> (f32, f32) {
    let (mut front, mut back) = (0.0_f32, 0.0_f32);
    for part in building.parts.iter().filter(|part| part.low_m <= 0.0 || part.roof == Roof::Block) {
        front = front.max(part.half.y - part.center.y);
        back = back.max(part.half.y + part.center.y);
    }
    (front, back)
}

/// Half its breadth along the street with the eaves, metres.
pub(in crate::county_sample) fn half_breadth_m(building: &Building) -> f32 {
    building.parts.iter().map(|part| part.center.x.abs() + part.half.x).fold(0.0, f32::max) + EAVES_M
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county_sample::building::footprint;

    const ALL: [Kind; 10] = [
        Kind::Flat,
        Kind::Gable,
        Kind::Villa,
        Kind::Earth,
        Kind::Courtyard,
        Kind::Shed,
        Kind::Hall,
        Kind::Committee,
        Kind::School,
        Kind::Temple,
    ];

    #[test]
    fn every_plan_stands_on_one_footprint_and_reaches_up() {
        for kind in ALL {
            for seed in 0..40 {
                let building = plan(kind, seed);
                let outlines = footprint(&building);
                assert_eq!(outlines.len(), 1, "{kind:?} {seed}: one piece");
                assert!(building.height_m > 2.0 && building.height_m < 25.0, "{kind:?} {seed}");
                assert!(outlines[0][0].len() >= 4);
                let (front, back) = depth_m(&building);
                assert!(front > 1.0 && back > 1.0 && half_breadth_m(&building) > 1.0);
            }
        }
    }
}
