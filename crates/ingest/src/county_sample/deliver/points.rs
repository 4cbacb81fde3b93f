//! The point cloud of a village: LAS 1.4 with classes and colours.

use std::io::Cursor;

use glam::{DVec3, Vec2, Vec3};
use las::{Builder, PointDataBuilder, Transform, Vector, Writer, point::Format};

use super::frame::map;
use crate::county_sample::{
    CountySampleError,
    building::Roof,
    math::{Chance, seed_for},
    paint::{Painter, What},
    site::{Lane, Site},
    skin::Picture,
};

/// ASPRS classes.
const GROUND: u8 = 2;
const LOW_PLANT: u8 = 3;
const PLANT: u8 = 4;
const HIGH_PLANT: u8 = 5;
const BUILDING: u8 = 6;
const NOISE: u8 = 7;
const WATER: u8 = 9;
const BRIDGE: u8 = 17;
/// Bytes of a record of point format 7.
const RECORD: usize = 36;
/// Millimetres.
const SCALE_M: f64 = 0.001;
/// Where the day of the year stands in the header; the year follows.
const DAY_AT: usize = 90;

struct Cloud<'s> {
    site: &'s Site,
    ortho: &'s Picture,
    offset: DVec3,
    origin: DVec3,
    records: Vec<u8>,
    time_s: f64,
    chance: Chance,
}

/// The cloud as a file; `ortho` covers the site from above.
pub(super) fn las(painter: &Painter<'_>, ortho: &Picture, wkt: &str) -> Result<Vec<u8>, CountySampleError> {
    let site = painter.site;
    let side_m = site.spec.side_m();
    let origin = map(site.south_west).extend(0.0);
    let mut cloud = Cloud {
        site,
        ortho,
        offset: DVec3::new(origin.x.floor(), origin.y.floor(), 0.0),
        origin,
        records: Vec::with_capacity(site.spec.points * RECORD * 11 / 10),
        time_s: 445_000_000.0,
        chance: Chance::new(seed_for(site.seed, 21)),
    };
    // A tenth of the points lie on walls, the others are spread evenly.
    let wanted = site.spec.points * 9 / 10;
    let along = (wanted as f32).sqrt().ceil() as usize;
    let cell = side_m / along as f32;
    for row in 0..along {
        for column in 0..along {
            let jitter = Vec2::new(cloud.chance.unit(), cloud.chance.unit());
            let at = (Vec2::new(column as f32, row as f32) + jitter) * cell;
            cloud.seen_from_above(painter, at);
        }
    }
    cloud.walls(site.spec.points / 10);
    let Cloud { records, offset, .. } = cloud;

    let mut builder = Builder::from((1, 4));
    builder.point_format = Format::new(7)?;
    builder.generating_software = "Hamlet sample".to_owned();
    builder.system_identifier = "made up".to_owned();
    let transform = |offset: f64| Transform { scale: SCALE_M, offset };
    builder.transforms = Vector { x: transform(offset.x), y: transform(offset.y), z: transform(offset.z) };
    let mut header = builder.into_header()?;
    header.set_wkt_crs(wkt.as_bytes().to_vec())?;
    let points = PointDataBuilder::new().for_header(&header).build_from_bytes(records)?;
    let mut writer = Writer::new(Cursor::new(Vec::new()), header)?;
    writer.write_points(&points)?;
    drop(points);
    let mut bytes = writer.into_inner()?.into_inner();
    // The day is the sample's, not that of the clock.
    if let Some(date) = bytes.get_mut(DAY_AT..DAY_AT + 4) {
        date.copy_from_slice(&[100, 0, 0xEA, 0x07]);
    }
    Ok(bytes)
}

impl Cloud<'_> {
    fn seen_from_above(&mut self, painter: &Painter<'_>, at: Vec2) {
        let top = painter.top(at);
        let lanes = self.site.lanes.lanes(at);
        let above = top.height_m - top.ground_m;
        let class = match top.what {
            What::Roof(..) => BUILDING,
            What::Bridge => BRIDGE,
            What::Plant if above < 0.5 => LOW_PLANT,
            What::Plant if above < 2.0 => PLANT,
            What::Plant => HIGH_PLANT,
            What::Ground if lanes[Lane::Bank as usize] < -0.3 => WATER,
            What::Ground => GROUND,
        };
        // Some pulses reach the ground between leaves.
        let reaches_ground = above > 0.5 && matches!(top.what, What::Plant) && self.chance.happens(0.38);
        let returns = 1 + u8::from(reaches_ground);
        let color = self.color(at);
        let depth =
            if matches!(top.what, What::Plant) { 0.12 * above.min(3.0) * self.chance.unit() } else { 0.0 };
        self.point(at.extend(top.height_m - depth), class, [1, returns], color);
        if reaches_ground {
            let dark = color.map(|c| c / 2);
            self.point(at.extend(top.ground_m), GROUND, [2, 2], dark);
        }
        if self.chance.happens(0.0002) {
            let off = if self.chance.happens(0.5) {
                25.0 + 60.0 * self.chance.unit()
            } else {
                -4.0 - 9.0 * self.chance.unit()
            };
            self.point(at.extend(top.height_m + off), NOISE, [1, 1], color);
        }
    }

    /// Points on walls, as many on each as its share of all wall.
    fn walls(&mut self, count: usize) {
        let mut walls: Vec<(Vec2, Vec2, f32, f32)> = Vec::new();
        for building in &self.site.buildings {
            for part in building.parts.iter().filter(|part| part.low_m <= 0.0 && part.roof != Roof::Block) {
                let h = part.half;
                let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
                    .map(|(x, y)| building.to_site(part.center + h * Vec2::new(x, y)));
                for i in 0..4 {
                    walls.push((
                        corners[i],
                        corners[(i + 1) % 4],
                        building.base_m,
                        building.base_m + part.eaves_m,
                    ));
                }
            }
        }
        let area = |wall: &(Vec2, Vec2, f32, f32)| wall.0.distance(wall.1) * (wall.3 - wall.2);
        let total: f32 = walls.iter().map(area).sum();
        for wall in walls {
            let share = count as f32 * area(&wall) / total.max(1.0);
            let points = share as usize + usize::from(self.chance.happens(share.fract()));
            for _ in 0..points {
                let at = wall.0.lerp(wall.1, self.chance.unit());
                let z = wall.2 + (wall.3 - wall.2) * self.chance.unit();
                if z > self.site.ground.at(at) {
                    let grey = 110 + (self.chance.unit() * 70.0) as u8;
                    self.point(at.extend(z), BUILDING, [1, 1], [grey, grey, grey.saturating_sub(12)]);
                }
            }
        }
    }

    fn color(&self, at: Vec2) -> [u8; 3] {
        let texel_m = self.site.spec.side_m() / self.ortho.width as f32;
        let pick = |x: f32, most: usize| ((x / texel_m).max(0.0) as usize).min(most.saturating_sub(1));
        let (column, row) = (pick(at.x, self.ortho.width), pick(at.y, self.ortho.height));
        self.ortho.rgb[(self.ortho.height - 1 - row) * self.ortho.width + column]
    }

    fn point(&mut self, p: Vec3, class: u8, [number, of]: [u8; 2], color: [u8; 3]) {
        let mut noise = |sigma: f32| f64::from((self.chance.unit() + self.chance.unit() - 1.0) * sigma * 2.4);
        let p = p.as_dvec3() + DVec3::new(noise(0.02), noise(0.02), noise(0.025)) + self.origin - self.offset;
        let steps = (p / SCALE_M).round();
        for value in [steps.x, steps.y, steps.z] {
            self.records.extend((value as i32).to_le_bytes());
        }
        let grey = color.iter().map(|c| u16::from(*c)).sum::<u16>() / 3;
        self.records.extend((grey * 180).to_le_bytes());
        // Return number and count; no flags; class; user data; scan angle; source.
        self.records.extend([number | of << 4, 0, class, 0]);
        let angle = ((self.chance.unit() - 0.5) * 6000.0) as i16;
        self.records.extend(angle.to_le_bytes());
        self.records.extend(1_u16.to_le_bytes());
        if number == 1 {
            self.time_s += 2.0e-6;
        }
        self.records.extend(self.time_s.to_le_bytes());
        for channel in color {
            self.records.extend((u16::from(channel) * 257).to_le_bytes());
        }
    }
}
