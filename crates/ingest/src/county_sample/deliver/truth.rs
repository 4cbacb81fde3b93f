//! What is true, for those who check what others conclude. No import reads it.

use glam::{Vec2, Vec3};
use serde_json::json;

use super::{
    addresses::{Address, Flaw},
    frame::{Frame, map, to_county},
    layers::Layer,
};
use crate::county_sample::{
    CountySampleError,
    building::{Building, footprint, outlines, solids},
    divisions::{Division, GridCell, Town},
    math::{Chance, heading, seed_for},
    names,
    site::{Cover, Raster, Site},
};

/// The permanent id of a building.
pub(super) fn building_id(division: &Division, index: usize) -> String {
    format!("{}-B{:04}", division.code, index + 1)
}

/// Exact solids of a village's buildings; map plane and heights, metres.
pub(super) fn buildings(site: &Site, division: &Division) -> Vec<u8> {
    let mut text = format!(
        "{{\"village_code\":\"{}\",\"crs\":\"EPSG:{}\",\"heights\":\"ellipsoidal\",\"buildings\":[\n",
        division.code,
        super::frame::EPSG
    );
    let place = |p: Vec3| {
        let at = map(to_county(site.south_west, p.truncate()));
        format!("[{:.3},{:.3},{:.3}]", at.x, at.y, p.z)
    };
    for (index, building) in site.buildings.iter().enumerate() {
        if index > 0 {
            text.push_str(",\n");
        }
        let owner = building.owner.map(|owner| building_id(division, owner));
        let head = json!({
            "building_id": building_id(division, index),
            "number": index + 1,
            "kind": building.kind.word(),
            "name": building.name,
            "storeys": building.storeys,
            "belongs_to": owner,
        });
        let rings: Vec<String> =
            footprint(building).into_iter().flatten().map(|ring| ring_text(site, &ring)).collect();
        let parts: Vec<String> = solids(building)
            .iter()
            .map(|solid| {
                let corners: Vec<String> = solid.corners.iter().map(|p| place(*p)).collect();
                format!(
                    "{{\"role\":\"{}\",\"corners\":[{}],\"faces\":{}}}",
                    solid.role,
                    corners.join(","),
                    json!(solid.faces)
                )
            })
            .collect();
        let head = head.to_string();
        text.push_str(head.trim_end_matches('}'));
        text.push_str(&format!(
            ",\"base_m\":{:.3},\"top_m\":{:.3},\"footprint\":[{}],\"solids\":[{}]}}",
            building.base_m,
            building.base_m + building.height_m,
            rings.join(","),
            parts.join(",")
        ));
    }
    text.push_str("\n]}\n");
    text.into_bytes()
}

fn ring_text(site: &Site, ring: &[Vec2]) -> String {
    let points: Vec<String> = ring
        .iter()
        .chain(ring.first())
        .map(|p| {
            let at = map(to_county(site.south_west, *p));
            format!("[{:.3},{:.3}]", at.x, at.y)
        })
        .collect();
    format!("[{}]", points.join(","))
}

/// Which address belongs to which building, with its clean text and its door.
pub(super) fn addresses(
    list: &[Address],
    (towns, divisions): (&[Town], &[Division]),
    frame: &Frame,
    text: &mut String,
) -> Result<(), CountySampleError> {
    if text.is_empty() {
        text.push_str("address_id,building_id,village_code,address,lon,lat\n");
    }
    for address in list {
        let division = &divisions[address.division];
        let door = frame.lon_lat(address.door)?;
        text.push_str(&format!(
            "{},{},{},{},{:.8},{:.8}\n",
            address.id,
            building_id(division, address.building),
            division.code,
            address.text(towns, divisions),
            door.x,
            door.y
        ));
    }
    Ok(())
}

/// What is wrong on purpose.
pub(super) fn flaws(list: &[Flaw]) -> String {
    let mut text = String::from("file,row,address_id,flaw,note\n");
    for flaw in list {
        text.push_str(&format!("{},{},{},{},{}\n", flaw.file, flaw.row, flaw.address, flaw.kind, flaw.note));
    }
    text
}

/// Crowns of trees as polygons; map plane.
pub(super) fn trees(site: &Site) -> Vec<u8> {
    let mut layer = Layer::default();
    let side_m = site.spec.side_m();
    let inside = |at: Vec2| at.min_element() >= 0.0 && at.max_element() <= side_m;
    for (number, plant) in (1..).zip(site.plants.iter().filter(|plant| inside(plant.at))) {
        let ring: Vec<Vec2> =
            (0..8).map(|i| plant.at + heading(f64::from(i) / 8.0).as_vec2() * plant.radius_m).collect();
        let ground = site.ground.at(plant.at);
        layer.add(
            "Polygon",
            &format!("[{}]", ring_text(site, &ring)),
            &json!({
                "number": number,
                "kind": plant.kind.word(),
                "height_m": f64::from((plant.height_m * 100.0).round()) / 100.0,
                "ground_m": f64::from((ground * 100.0).round()) / 100.0,
            }),
        );
    }
    layer.file()
}

/// What covers the ground, as polygons that follow a grid; map plane.
pub(super) fn ground(site: &Site, cell_m: f32) -> Vec<u8> {
    let side_m = site.spec.side_m();
    let side = (side_m / cell_m) as usize;
    let covers: Vec<Cover> = (0..side * side)
        .map(|i| {
            let at = (Vec2::new((i % side) as f32, (i / side) as f32) + 0.5) * cell_m;
            Cover::of(&Raster::lanes(&site.lanes, at))
        })
        .collect();
    let mut layer = Layer::default();
    for cover in Cover::ALL {
        let mask: Vec<bool> = covers.iter().map(|c| *c == cover).collect();
        for polygon in outlines(&mask, side, side) {
            let rings: Vec<String> = polygon
                .iter()
                .map(|ring| {
                    let ring: Vec<Vec2> =
                        ring.iter().map(|[x, y]| Vec2::new(*x as f32, *y as f32) * cell_m).collect();
                    ring_text(site, &ring)
                })
                .collect();
            layer.add("Polygon", &format!("[{}]", rings.join(",")), &json!({ "cover": cover.word() }));
        }
    }
    layer.file()
}

/// Rosters: officers, units, shifts of a month. Names are made up.
pub(super) fn rosters(towns: &[Town], divisions: &[Division], grids: &[GridCell], seed: u64) -> [String; 3] {
    let mut chance = Chance::new(seed_for(seed, 51));
    let mut officers =
        String::from("officer_id,name,role,police_number,phone,town_code,village_code,grid_codes\n");
    let mut units =
        String::from("unit_id,call_sign,kind,town_code,village_code,officer_ids,reporting_interval_s\n");
    let mut shifts = String::from("date,unit_id,officer_id,post_village_code,start,end,stand_in_for\n");
    let mut members: Vec<(String, String, String)> = Vec::new();
    let mut number = 0;
    let mut officer = |chance: &mut Chance, role: &str, town: &str, village: &str, cells: &str| {
        number += 1;
        let id = format!("O{number:05}");
        let phone = format!("139{:08}", chance.bits() % 100_000_000);
        let name = names::person(chance);
        officers.push_str(&format!(
            "{id},{name},{role},{:06},{phone},{town},{village},{cells}\n",
            350_000 + number
        ));
        id
    };
    for (index, town) in towns.iter().enumerate() {
        let crew = [(); 4].map(|()| officer(&mut chance, "town_police", &town.code, "", ""));
        units.push_str(&format!(
            "U-{}-CAR,巡逻车{:02},car,{},,{} {},10\n",
            town.code,
            index + 1,
            town.code,
            crew[0],
            crew[1]
        ));
        units.push_str(&format!(
            "U-{}-POST,派出所{:02},post,{},,{} {},60\n",
            town.code,
            index + 1,
            town.code,
            crew[2],
            crew[3]
        ));
        for (unit, pair) in [("CAR", &crew[..2]), ("POST", &crew[2..])] {
            for id in pair {
                members.push((format!("U-{}-{unit}", town.code), id.clone(), String::new()));
            }
        }
    }
    for (index, division) in divisions.iter().enumerate() {
        let town = &towns[division.town].code;
        let cells: Vec<&str> =
            grids.iter().filter(|c| c.division == index).map(|c| c.code.as_str()).collect();
        let id = officer(&mut chance, "village_police", town, &division.code, &cells.join(" "));
        let helper = officer(&mut chance, "auxiliary", town, &division.code, &cells.join(" "));
        let unit = format!("U-{}", division.code);
        units.push_str(&format!(
            "{unit},{}警{:03},foot,{town},{},{id} {helper},15\n",
            division.stem,
            index + 1,
            division.code
        ));
        members.push((unit.clone(), id, division.code.clone()));
        members.push((unit, helper, division.code.clone()));
    }
    for day in 1..=30 {
        for pair in members.chunks_exact(2) {
            // One of the two is on duty by day, the other by night; now and then one stands in for the other.
            let first = (day + pair[0].1.len()) % 2;
            for (turn, (start, end)) in [("08:00", "20:00"), ("20:00", "08:00")].into_iter().enumerate() {
                if turn == 1 && !pair[0].0.ends_with("POST") && !pair[0].0.ends_with("CAR") {
                    continue;
                }
                let planned = &pair[(first + turn) % 2];
                let other = &pair[(first + turn + 1) % 2];
                let (on_duty, instead) =
                    if chance.happens(0.05) { (other, planned.1.as_str()) } else { (planned, "") };
                shifts.push_str(&format!(
                    "2026-04-{day:02},{},{},{},{start},{end},{instead}\n",
                    on_duty.0, on_duty.1, on_duty.2
                ));
            }
        }
    }
    [officers, units, shifts]
}

/// How many buildings of each kind there are.
pub(super) fn counts(buildings: &[Building]) -> std::collections::BTreeMap<&'static str, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for building in buildings {
        *counts.entry(building.kind.word()).or_default() += 1;
    }
    counts
}
