//! What the readers make of good files.

use ingest::vector::{
    Feature, Geometry, OsmWanted, Plane, ReadOptions, VectorData, VectorError, area_deg2, read, read_bytes,
};

use super::made;
use crate::fuzzing::data;

fn bytes(extension: &str, bytes: &[u8]) -> VectorData {
    read_bytes(extension, bytes, &ReadOptions::default()).unwrap()
}

fn text<'f>(feature: &'f Feature, name: &str) -> &'f serde_json::Value {
    &feature.properties.iter().find(|(own, _)| own == name).unwrap().1
}

fn area_m2(feature: &Feature) -> f64 {
    let geometry = feature.geometry.as_ref().unwrap();
    let plane = Plane::around(geometry.middle().unwrap());
    area_deg2(&plane.polygons(geometry.polygons()))
}

#[test]
fn shapefiles_in_a_zone_lie_where_the_truth_says() {
    let folder = tempfile::tempdir().unwrap();
    let files = made::county(1);
    made::put(folder.path(), &files);
    let shp = files.keys().find(|path| path.ends_with(".shp")).unwrap();
    let found = read(&folder.path().join(shp), &ReadOptions::default()).unwrap();
    assert!(found.issues.is_empty(), "{:?}", found.issues);
    let truth = files.iter().find(|(path, _)| path.starts_with("truth") && path.ends_with("buildings.json"));
    let truth: serde_json::Value = serde_json::from_slice(truth.unwrap().1).unwrap();
    let truth = truth["buildings"].as_array().unwrap();
    assert_eq!(found.features.len(), truth.len());
    let crs = geodesy::crs::Crs::parse("EPSG:4549").unwrap();
    let projector = crs.projector().unwrap();
    for (feature, truth) in found.features.iter().zip(truth) {
        assert_eq!(text(feature, "BH"), &truth["number"]);
        let corner = &truth["footprint"][0][0];
        let exact =
            projector.lon_lat_rad([corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap()]).unwrap();
        let plane = Plane::around(exact.map(f64::to_degrees));
        let nearest = feature.geometry.as_ref().unwrap().positions().map(|p| {
            let [x, y] = plane.metres(*p);
            x.hypot(y)
        });
        assert!(nearest.fold(f64::INFINITY, f64::min) < 0.002, "{truth}");
    }
}

#[test]
fn tables_beside_shapefiles_are_read_in_their_encoding() {
    let (gbk, utf8) = (b"\xb4\xe5\xcd\xb7".as_slice(), "村头".as_bytes());
    for (bytes, language, expected) in
        [(gbk, 0x4d, "村头"), (gbk, 0, "村头"), (utf8, 0, "村头"), (b"plain", 0, "plain")]
    {
        let found = self::bytes("dbf", &made::dbf(b"NAME", &[bytes], language));
        assert_eq!(text(&found.features[0], "NAME"), expected, "language {language:#x}");
    }
    // Names of columns too.
    let found = self::bytes("dbf", &made::dbf(b"\xc3\xfb\xb3\xc6", &[gbk], 0x4d));
    assert_eq!(text(&found.features[0], "名称"), "村头");
}

#[test]
fn flat_geobuf_reads_as_its_own_library_wrote() {
    for (multi, index) in [(false, false), (false, true), (true, true)] {
        for count in [0, 1, 16, 17, 300] {
            let found = bytes("fgb", &made::flat_geobuf(count, multi, index));
            assert_eq!(found.features.len(), count, "{:?}", found.issues);
            let mut floors: Vec<i64> = Vec::new();
            for feature in &found.features {
                assert!((area_m2(feature) - 110.0).abs() < 1.0);
                let number = text(feature, "floors").as_i64().unwrap();
                assert_eq!(text(feature, "name"), &format!("房{number}"));
                assert_eq!(text(feature, "height"), 3.5);
                let lon = feature.geometry.as_ref().unwrap().bounds().unwrap()[0][0];
                assert!((lon - 119.9 - number as f64 * 0.001).abs() < 1e-9);
                floors.push(number);
            }
            floors.sort_unstable();
            assert_eq!(floors, (0..count as i64).collect::<Vec<_>>());
        }
    }
}

#[test]
fn geo_packages_are_read_by_their_own_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("房屋.gpkg");
    made::geo_package(&path, 3);
    let found = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((found.features.len(), found.issues.len()), (3, 0));
    assert!(found.crs.contains("120"), "{}", found.crs);
    for (index, feature) in found.features.iter().enumerate() {
        assert_eq!(text(feature, "名称"), &format!("房{index}"));
        assert!((area_m2(feature) - 80.0).abs() < 0.2, "{}", area_m2(feature));
        let [lon, lat] = feature.geometry.as_ref().unwrap().middle().unwrap();
        assert!((119.8..120.0).contains(&lon) && (27.1..27.3).contains(&lat), "{lon} {lat}");
    }
    let wrong = ReadOptions { layer: Some("roads".into()), ..ReadOptions::default() };
    assert!(read(&path, &wrong).unwrap_err().to_string().contains("房屋"));
}

#[test]
fn street_map_data_give_roads_buildings_and_places() {
    let bytes = made::osm();
    let read = |osm| read_bytes("pbf", &bytes, &ReadOptions { osm, ..ReadOptions::default() }).unwrap();
    let all = read(OsmWanted::Everything);
    let ids: Vec<&str> = all.features.iter().filter_map(|f| f.id.as_deref()).collect();
    assert_eq!(ids, ["node/12", "way/100", "way/101", "relation/300"]);
    assert_eq!(all.issues.len(), 1);
    assert!(all.issues[0].reason.contains("1 of its 2 nodes"), "{:?}", all.issues);
    let yard = all.features[3].geometry.as_ref().unwrap();
    assert_eq!((yard.polygons().len(), yard.polygons()[0].len()), (1, 2));
    assert!(!yard.contains([119.911, 27.201]) && yard.contains([119.9102, 27.2002]));
    assert_eq!(text(&all.features[1], "name"), "溪坪街");
    assert_eq!(read(OsmWanted::Roads).features.len(), 1);
    assert_eq!(read(OsmWanted::Buildings).features.len(), 2);
    assert_eq!(read(OsmWanted::Places).features.len(), 1);
}

#[test]
fn geo_json_is_read_up_to_a_fault() {
    let point = |lon: f64| {
        format!(
            r#"{{"type":"Feature","id":7,"properties":{{"名称":"a"}},"geometry":{{"type":"Point","coordinates":[{lon},27.2,5]}}}}"#
        )
    };
    let whole = format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, point(119.9), point(119.91));
    let found = bytes("geojson", whole.as_bytes());
    assert_eq!((found.features.len(), found.issues.len()), (2, 0));
    assert_eq!((found.features[0].id.as_deref(), found.features[0].z), (Some("7"), Some([5.0, 5.0])));
    let cut = &whole.as_bytes()[..whole.len() - 20];
    let found = bytes("geojson", cut);
    assert_eq!(found.features.len(), 1);
    assert!(found.issues[0].refused && found.issues[0].reason.contains("nothing from there on"));
    // Longitude and latitude exchanged, which in China cannot be mistaken.
    let swapped = whole.replace("[119.9,27.2", "[27.2,119.9").replace("[119.91,27.2", "[27.2,119.91");
    let found = bytes("geojson", swapped.as_bytes());
    assert_eq!(found.features[0].geometry, Some(Geometry::Points(vec![[119.9, 27.2]])));
    assert!(found.notes.iter().any(|note| note.contains("exchanged")));
    let single = point(119.9);
    assert_eq!(bytes("geojson", single.as_bytes()).features.len(), 1);
    assert!(read_bytes("geojson", b"{\"type\":\"Topology\"}", &ReadOptions::default()).is_err());
}

#[test]
fn systems_are_said_guessed_or_asked_for_but_never_made_up() {
    let at = |x: f64, y: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{}},"geometry":{{"type":"Point","coordinates":[{x},{y}]}}}}"#
        )
    };
    let metres = at(40_490_000.0, 3_010_000.0);
    let error = read_bytes("geojson", metres.as_bytes(), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, VectorError::NoCrs { .. }) && error.to_string().contains("--crs"), "{error}");
    let place = |crs: &str, json: &str| {
        let options = ReadOptions { crs: Some(crs.into()), ..ReadOptions::default() };
        let found = read_bytes("geojson", json.as_bytes(), &options).unwrap();
        (found.features[0].geometry.as_ref().unwrap().middle().unwrap(), found.notes)
    };
    let (exact, _) = place("EPSG:4528", &metres);
    // The number of the zone in the easting of a system without: taken off, with a word.
    let (mended, notes) = place("EPSG:4549", &metres);
    assert!((0..2).all(|i| (exact[i] - mended[i]).abs() < 1e-9), "{exact:?} {mended:?}");
    assert!(notes.iter().any(|note| note.contains("zone number 40")), "{notes:?}");
    let gcj = geodesy::gcj02::gcj02_from_wgs84([119.9, 27.2]);
    let (back, notes) = place("gcj02", &at(gcj[0], gcj[1]));
    assert!((back[0] - 119.9).abs() < 1e-8 && notes[0].contains("GCJ-02"));
}

#[test]
fn the_footprints_of_delft_are_read() {
    let Some(folder) = data("points/delft/example_data/bgt") else {
        println!("skipped: the data of Delft are not there");
        return;
    };
    let found = read(&folder.join("bgt_pand.sqlite"), &ReadOptions::default()).unwrap();
    assert_eq!((found.features.len(), found.read), (160, 160), "{:?}", found.issues);
    let numbered = found.features.iter().filter(|f| text(f, "tekst").is_string()).count();
    assert_eq!(numbered, 123);
    for feature in &found.features {
        let [lon, lat] = feature.geometry.as_ref().unwrap().middle().unwrap();
        assert!((4.3..4.4).contains(&lon) && (51.95..52.05).contains(&lat), "{lon} {lat}");
        assert!((1.0..20_000.0).contains(&area_m2(feature)));
    }
    let roads = read(&folder.join("bgt_wegdeel.sqlite"), &ReadOptions::default()).unwrap();
    assert!(roads.features.len() > 100, "{} {:?}", roads.features.len(), roads.issues);
}

#[test]
fn the_street_map_of_helsinki_is_read() {
    let Some(folder) = data("vector/helsinki") else {
        println!("skipped: the data of Helsinki are not there");
        return;
    };
    let read =
        |osm| read(&folder.join("Helsinki.osm.pbf"), &ReadOptions { osm, ..ReadOptions::default() }).unwrap();
    let buildings = read(OsmWanted::Buildings);
    let ways = buildings.features.iter().filter(|f| f.id.as_ref().unwrap().starts_with("way")).count();
    assert_eq!(
        buildings.read,
        buildings.features.len() + buildings.issues.iter().filter(|i| i.refused).count()
    );
    assert!(ways > 350 && buildings.features.len() >= 433, "{ways} {}", buildings.features.len());
    let areas = buildings.features.iter().filter(|f| !f.geometry.as_ref().unwrap().polygons().is_empty());
    assert!(areas.clone().all(|f| area_m2(f) > 1.0) && areas.count() > 400);
    let roads = read(OsmWanted::Roads);
    assert!(roads.features.len() > 500, "{}", roads.features.len());
    assert!(roads.features.iter().all(|f| matches!(f.geometry, Some(Geometry::Lines(_)))));
}
