//! Layers of the county as GeoJSON: villages, grids, roads, cameras, key places.

use glam::{DVec2, Vec2};
use serde_json::{Value, json};

use super::frame::{Frame, to_county};
use crate::county_sample::{
    CountySampleError,
    building::Kind,
    divisions::{Division, GridCell, Town},
    land::Land,
    math::{Chance, seed_for},
    site::{PlantKind, Site, StreetKind},
};

/// A layer on its way: features as text.
#[derive(Debug, Default)]
pub(in crate::county_sample) struct Layer {
    features: Vec<String>,
}

impl Layer {
    /// Adds a feature; `geometry` is the text of its coordinates.
    pub(super) fn add(&mut self, kind: &str, coordinates: &str, properties: &Value) {
        self.features.push(format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}"#
        ));
    }

    /// The file.
    pub(in crate::county_sample) fn file(&self) -> Vec<u8> {
        let mut text = String::from("{\"type\":\"FeatureCollection\",\"features\":[\n");
        text.push_str(&self.features.join(",\n"));
        text.push_str("\n]}\n");
        text.into_bytes()
    }
}

/// Villages with their codes and borders.
pub(super) fn villages(
    towns: &[Town],
    divisions: &[Division],
    frame: &Frame,
) -> Result<Layer, CountySampleError> {
    let mut layer = Layer::default();
    for division in divisions {
        let town = &towns[division.town];
        layer.add(
            "Polygon",
            &format!("[{}]", frame.json_line(&division.border, true)?),
            &json!({
                "code": division.code,
                "name": division.name,
                "legal_name": division.legal_name,
                "town_code": town.code,
                "town": town.name,
            }),
        );
    }
    Ok(layer)
}

/// The cells of a kind of grid.
pub(super) fn grid(
    cells: &[GridCell],
    divisions: &[Division],
    frame: &Frame,
) -> Result<Layer, CountySampleError> {
    let mut layer = Layer::default();
    for cell in cells {
        layer.add(
            "Polygon",
            &format!("[{}]", frame.json_line(&cell.border, true)?),
            &json!({
                "code": cell.code,
                "name": cell.name,
                "village_code": divisions[cell.division].code,
            }),
        );
    }
    Ok(layer)
}

/// Roads between villages: the road of each valley outside the sites, and links between valleys.
pub(super) fn county_roads(
    land: &Land,
    sites: &[(DVec2, f64)],
    frame: &Frame,
    layer: &mut Layer,
) -> Result<(), CountySampleError> {
    let is_in_site = |p: DVec2| {
        sites
            .iter()
            .any(|(corner, side)| (p - *corner).min_element() > 0.0 && (p - *corner).max_element() < *side)
    };
    let extent = land.extent_m();
    let mut ends: Vec<[DVec2; 2]> = Vec::new();
    for (number, valley) in land.valleys.iter().enumerate() {
        let name = format!("县道X{}", 101 + number);
        let mut line: Vec<DVec2> = Vec::new();
        let mut whole: Vec<DVec2> = Vec::new();
        for step in 0..(extent.x * 1.6 / 15.0) as usize {
            let along = step as f32 * 15.0;
            if f64::from(along) > valley.length_m() {
                break;
            }
            let p = valley.at(along, valley.road_across_m(along));
            whole.push(p);
            line.push(p);
            if is_in_site(p) {
                // The last point lies in the site, so that roads join.
                push_road(layer, frame, &line, &name, "county_road", None, 6.4)?;
                line.clear();
                line.push(p);
            }
        }
        push_road(layer, frame, &line, &name, "county_road", None, 6.4)?;
        if let (Some(first), Some(last)) = (whole.first(), whole.last()) {
            ends.push(if first.x < last.x { [*first, *last] } else { [*last, *first] });
        }
    }
    for pair in ends.windows(2) {
        // Around both ends of the ridge between two valleys.
        for ((a, b), out) in pair[0].into_iter().zip(pair[1]).zip([-500.0, 500.0]) {
            let line: Vec<DVec2> = (0..=40)
                .map(|i| {
                    let t = f64::from(i) / 40.0;
                    a.lerp(b, t) + DVec2::new(out * 4.0 * t * (1.0 - t), 0.0)
                })
                .collect();
            push_road(layer, frame, &line, "环县公路", "county_road", None, 7.0)?;
        }
    }
    Ok(())
}

fn push_road(
    layer: &mut Layer,
    frame: &Frame,
    line: &[DVec2],
    name: &str,
    kind: &str,
    village: Option<&str>,
    width_m: f64,
) -> Result<(), CountySampleError> {
    if line.len() > 1 {
        let id = format!("R{:05}", layer.features.len() + 1);
        let properties =
            json!({ "id": id, "name": name, "kind": kind, "village_code": village, "width_m": width_m });
        layer.add("LineString", &frame.json_line(line, false)?, &properties);
    }
    Ok(())
}

/// Streets of a village.
pub(super) fn streets(
    site: &Site,
    division: &Division,
    frame: &Frame,
    layer: &mut Layer,
) -> Result<(), CountySampleError> {
    for street in &site.streets {
        let kind = match street.kind {
            StreetKind::Road => "village_road",
            StreetKind::Lane => "lane",
            StreetKind::Track => "track",
        };
        let line: Vec<DVec2> = street.line.iter().map(|p| to_county(site.south_west, *p)).collect();
        let width = f64::from((street.half_width_m * 20.0).round()) / 10.0;
        push_road(layer, frame, &line, &street.name, kind, Some(&division.code), width)?;
    }
    Ok(())
}

/// Cameras of a village: along the road and at the bridge.
pub(super) fn cameras(
    site: &Site,
    division: &Division,
    frame: &Frame,
    layer: &mut Layer,
    seed: u64,
) -> Result<(), CountySampleError> {
    let mut chance = Chance::new(seed_for(seed, 41));
    let mut spots: Vec<(Vec2, Vec2, String)> = Vec::new();
    if let Some(road) = site.streets.first() {
        let mut along = 40.0;
        while let Some((point, way, _)) = road.at(along) {
            let side = if chance.happens(0.5) { 1.0 } else { -1.0 };
            let facing = if chance.happens(0.5) { way } else { -way };
            spots.push((
                point + way.perp() * side * (road.half_width_m + 0.8),
                facing,
                format!("{}监控", road.name),
            ));
            along += 95.0;
        }
    }
    for bridge in &site.bridges {
        let way = (bridge.ends[1] - bridge.ends[0]).normalize_or(Vec2::X);
        spots.push((bridge.ends[0] - way * 2.0 + way.perp() * 3.4, way, "溪桥监控".to_owned()));
    }
    let side_m = site.spec.side_m();
    for (number, (at, facing, name)) in
        (1..).zip(spots.into_iter().filter(|(at, ..)| at.min_element() > 0.0 && at.max_element() < side_m))
    {
        let height_m = 6.0;
        let ground_m = site.ground.at(at);
        layer.add(
            "Point",
            &frame.json_point(to_county(site.south_west, at))?,
            &json!({
                "id": format!("{}-C{number:03}", division.code),
                "name": name,
                "village_code": division.code,
                "height_m": height_m,
                "ellipsoidal_height_m": tenths(f64::from(ground_m) + height_m),
                "heading_deg": tenths(compass_deg(facing)),
                "pitch_deg": -14.0,
                "horizontal_fov_deg": 72.0,
                "range_m": 80.0,
                "stream": format!("rtsp://cameras.example/{}/{number:03}", division.code),
            }),
        );
    }
    Ok(())
}

/// Degrees clockwise from north, of the map plane, by a polynomial good to 0.01°.
fn compass_deg(way: Vec2) -> f64 {
    let (x, y) = (f64::from(way.x), f64::from(way.y));
    let (low, high) = (x.abs().min(y.abs()), x.abs().max(y.abs()).max(1e-9));
    let t = low / high;
    let t2 = t * t;
    let small =
        t * (0.999_866 + t2 * (-0.330_299_5 + t2 * (0.180_141 + t2 * (-0.085_133 + t2 * 0.020_835_1))));
    let from_axis = small * 180.0 / std::f64::consts::PI;
    let acute = if x.abs() < y.abs() { from_axis } else { 90.0 - from_axis };
    match (x >= 0.0, y >= 0.0) {
        (true, true) => acute,
        (true, false) => 180.0 - acute,
        (false, false) => 180.0 + acute,
        (false, true) => 360.0 - acute,
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Key places of a village.
pub(super) fn places(
    site: &Site,
    division: &Division,
    frame: &Frame,
    layer: &mut Layer,
    seed: u64,
) -> Result<(), CountySampleError> {
    let mut chance = Chance::new(seed_for(seed, 42));
    let mut places: Vec<(Vec2, &str, String, Option<usize>)> = Vec::new();
    for (index, building) in site.buildings.iter().enumerate() {
        let kind = match building.kind {
            Kind::Committee => "village_committee",
            Kind::School => "school",
            Kind::Hall => "ancestral_hall",
            Kind::Temple => "temple",
            _ => continue,
        };
        let name = building.name.clone().unwrap_or_default();
        places.push((building.center, kind, format!("{}{name}", division.stem), Some(index)));
        if building.kind == Kind::Committee {
            let desk = building.to_site(Vec2::new(6.0, 0.0));
            places.push((desk, "police_room", format!("{}警务室", division.stem), Some(index)));
        }
    }
    let houses: Vec<usize> = (0..site.buildings.len())
        .filter(|i| {
            matches!(site.buildings[*i].kind, Kind::Flat)
                && site.buildings[*i].door.is_some_and(|(street, _)| street == 0)
        })
        .collect();
    for (kind, name) in [("clinic", "卫生所"), ("shop", "便民超市"), ("kindergarten", "幼儿园")] {
        if let Some(index) = chance.pick(&houses) {
            places.push((
                site.buildings[*index].center,
                kind,
                format!("{}{name}", division.stem),
                Some(*index),
            ));
        }
    }
    for bridge in &site.bridges {
        places.push((
            (bridge.ends[0] + bridge.ends[1]) / 2.0,
            "bridge",
            format!("{}溪桥", division.stem),
            None,
        ));
    }
    for plant in site.plants.iter().filter(|plant| plant.kind == PlantKind::Camphor) {
        places.push((plant.at, "old_tree", format!("{}古樟", division.stem), None));
    }
    for (number, (at, kind, name, building)) in (1..).zip(places) {
        layer.add(
            "Point",
            &frame.json_point(to_county(site.south_west, at))?,
            &json!({
                "id": format!("{}-P{number:03}", division.code),
                "name": name,
                "kind": kind,
                "village_code": division.code,
                "building_number": building.map(|index| index + 1),
            }),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compass_directions_are_those_of_the_arctangent() {
        for i in 0..72 {
            let way = crate::county_sample::math::heading(f64::from(i) / 72.0 + 0.003).as_vec2();
            let exact = f64::from(way.x).atan2(f64::from(way.y)).to_degrees().rem_euclid(360.0);
            assert!((compass_deg(way) - exact).abs() < 0.02, "{way}: {} {exact}", compass_deg(way));
        }
    }
}
