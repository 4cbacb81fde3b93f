//! Footprints of surveys: ids that last, and what became of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use ingest::{
    buildings::{self, BuildingsOptions, BuildingsReport, matching::GroupKind},
    county::{County, SurveyKey},
    layers::LayerKind,
    vector::{ReadOptions, VectorData, read},
};

use super::{county, data, import, rows};
use crate::{fuzzing, vector::made};

const VILLAGE: &str = "350926001001";

fn add(county: &County, village: &str, date: &str, input: VectorData) -> BuildingsReport {
    let key = SurveyKey::new(village, date).unwrap();
    let plan = buildings::plan(county, &key, &[input], &BuildingsOptions::default()).unwrap();
    plan.write(county).unwrap();
    plan.report
}

fn ids(county: &County, village: &str, date: &str) -> BTreeMap<u64, String> {
    let key = SurveyKey::new(village, date).unwrap();
    buildings::buildings_of(county, &key).unwrap().into_iter().map(|b| (b.source_feature, b.id)).collect()
}

/// Boxes (east, north, width in units of a hundred thousandth of a degree) as a delivery.
fn boxes(folder: &Path, name: &str, list: &[(f64, f64, f64)]) -> VectorData {
    let d = 1e-5;
    let features: Vec<String> = list
        .iter()
        .map(|(x, y, w)| {
            let (x, y, w, h) = (119.9 + x * d, 27.2 + y * d, w * d, 10.0 * d);
            format!(
                r#"{{"type":"Feature","properties":{{"层数":2}},"geometry":{{"type":"Polygon","coordinates":[[[{x},{y}],[{},{y}],[{},{}],[{x},{}],[{x},{y}]]]}}}}"#,
                x + w, x + w, y + h, y + h
            )
        })
        .collect();
    let path = folder.join(name);
    fs::write(&path, format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",")))
        .unwrap();
    data(&path)
}

#[test]
fn the_footprints_of_the_sample_get_the_ids_and_heights_of_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let files = made::county(1);
    made::put(folder.path(), &files);
    let about: serde_json::Value = serde_json::from_slice(&files["truth/county.json"]).unwrap();
    let village = about["villages"][0]["code"].as_str().unwrap();
    let mut county = county(folder.path(), about["code"].as_str().unwrap());
    import(&mut county, LayerKind::Villages, &[&folder.path().join("layers/villages.geojson")]);
    let shp = folder.path().join(files.keys().find(|path| path.ends_with(".shp")).unwrap());
    let delivered = data(&shp);
    assert_eq!(ingest::layers::guess(&delivered).unwrap().0, ingest::subject::Subject::Buildings);
    let report = add(&county, village, "2026-04-10", delivered);
    let truth = files.iter().find(|(path, _)| path.starts_with("truth") && path.ends_with("buildings.json"));
    let truth: serde_json::Value = serde_json::from_slice(truth.unwrap().1).unwrap();
    let truth = truth["buildings"].as_array().unwrap();
    assert_eq!((report.buildings, report.refused, report.heights[0]), (truth.len(), 0, truth.len()));
    let key = SurveyKey::new(village, "2026-04-10").unwrap();
    let found = buildings::buildings_of(&county, &key).unwrap();
    for truth in truth {
        let number = truth["number"].as_u64().unwrap();
        let building = found.iter().find(|b| b.source_feature == number).unwrap();
        assert_eq!(truth["building_id"], building.id.as_str());
        let height = truth["top_m"].as_f64().unwrap() - truth["base_m"].as_f64().unwrap();
        assert!((building.fields["height_m"].as_f64().unwrap() - height).abs() < 0.011, "{truth}");
        assert_eq!(building.fields["floors"].as_f64(), truth["storeys"].as_f64());
    }
    // The same again is the same.
    let again = add(&county, village, "2026-04-10", data(&shp));
    assert_eq!((again.unchanged, again.new.len(), again.questions.len()), (truth.len(), 0, 0));
    // For another village, or one that is not in the list, nothing is taken.
    let other = SurveyKey::new("350926999999", "2026-04-10").unwrap();
    let error = buildings::plan(&county, &other, &[data(&shp)], &BuildingsOptions::default()).unwrap_err();
    assert!(error.to_string().contains("not in the county's list"), "{error}");
}

#[test]
fn a_new_survey_keeps_ids_and_asks_about_splits_and_mergers() {
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path(), "350926");
    let first = boxes(
        folder.path(),
        "a.geojson",
        &[
            (0.0, 0.0, 10.0),
            (50.0, 0.0, 20.0),
            (100.0, 0.0, 10.0),
            (110.0, 0.0, 10.0),
            (150.0, 0.0, 10.0),
            (150.01, 0.0, 10.0),
        ],
    );
    let report = add(&county, VILLAGE, "2025-05-01", first);
    // The sixth is the fifth again.
    assert_eq!((report.buildings, report.refused, report.new.len()), (5, 1, 5));
    assert_eq!(report.heights, [0, 5, 0, 0]);
    let id = |number: u32| format!("{VILLAGE}-B{number:04}");
    let second = boxes(
        folder.path(),
        "b.geojson",
        &[(0.5, 0.0, 10.0), (50.0, 0.0, 10.0), (60.0, 0.0, 10.0), (100.0, 0.0, 20.0), (200.0, 0.0, 10.0)],
    );
    let report = add(&county, VILLAGE, "2026-05-01", second.clone());
    assert_eq!(report.against.as_deref(), Some("2025-05-01"));
    assert_eq!(report.moved.iter().map(|m| m.building_id.clone()).collect::<Vec<_>>(), [id(1)]);
    assert_eq!((report.gone.as_slice(), report.new.as_slice()), (&[id(5)][..], &[id(9)][..]));
    let asked: Vec<_> = report.questions.iter().map(|q| (q.kind, q.old.clone(), q.new.clone())).collect();
    assert_eq!(
        asked,
        [
            (GroupKind::Split, vec![id(2)], vec![id(6), id(7)]),
            (GroupKind::Merge, vec![id(3), id(4)], vec![id(8)])
        ]
    );
    // Imported again, nothing is asked twice, and no number is wasted.
    let again = add(&county, VILLAGE, "2026-05-01", second);
    assert_eq!((again.unchanged, again.questions.len(), again.new.len()), (5, 0, 0));
    assert_eq!(buildings::lineage_of(&county, VILLAGE).unwrap().open().len(), 2);
    // Answers.
    assert!(buildings::answer(&county, VILLAGE, 1, &[(id(3), id(6))]).is_err());
    buildings::answer(&county, VILLAGE, 1, &[(id(2), id(7))]).unwrap();
    buildings::answer(&county, VILLAGE, 2, &[]).unwrap();
    assert!(buildings::answer(&county, VILLAGE, 2, &[]).unwrap_err().to_string().contains("not open"));
    let now = ids(&county, VILLAGE, "2026-05-01");
    assert_eq!([&now[&2], &now[&3], &now[&4]], [&id(6), &id(2), &id(8)]);
    // A survey that was removed does not give its ids back.
    county.remove_survey(&SurveyKey::new(VILLAGE, "2026-05-01").unwrap()).unwrap();
    let third = boxes(folder.path(), "c.geojson", &[(0.0, 0.0, 10.0), (300.0, 0.0, 10.0)]);
    let report = add(&county, VILLAGE, "2026-06-01", third);
    assert_eq!((report.unchanged, report.new.as_slice()), (1, &[id(10)][..]));
}

#[test]
fn footprints_elsewhere_are_refused_with_distance_and_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path(), "350926");
    let border = folder.path().join("villages.geojson");
    fs::write(&border, format!(r#"{{"type":"Feature","properties":{{"code":"{VILLAGE}","name":"溪坪"}},"geometry":{{"type":"Polygon","coordinates":[[[119.89,27.19],[119.91,27.19],[119.91,27.21],[119.89,27.21],[119.89,27.19]]]}}}}"#)).unwrap();
    import(&mut county, LayerKind::Villages, &[&border]);
    let key = SurveyKey::new(VILLAGE, "2026-05-01").unwrap();
    let mostly =
        boxes(folder.path(), "a.geojson", &[(0.0, 0.0, 10.0), (40.0, 0.0, 10.0), (5_000.0, 0.0, 10.0)]);
    let plan = buildings::plan(&county, &key, &[mostly], &BuildingsOptions::default()).unwrap();
    plan.write(&county).unwrap();
    assert_eq!((plan.report.buildings, plan.report.refused), (2, 1));
    let rejected = rows(&county.survey_folder(&key).join("buildings-rejected.csv"));
    assert!(rejected[0]["reason"].contains("km outside village 350926001001 溪坪"), "{rejected:?}");
    let all = boxes(folder.path(), "b.geojson", &[(300_000.0, 0.0, 10.0)]);
    let error = buildings::plan(&county, &key, &[all], &BuildingsOptions::default()).unwrap_err().to_string();
    assert!(error.contains("1 of 1 footprints") && error.contains("-3 degrees"), "{error}");
}

#[test]
fn real_footprints_get_ids_and_heights_of_a_raster() {
    let Some(delft) = fuzzing::data("points/delft/example_data/bgt/bgt_pand.sqlite") else {
        println!("skipped: the data of Delft are not there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path(), "000000");
    let key = SurveyKey::new("000000000001", "2014-01-01").unwrap();
    let query = |lon: f64, _: f64| Some((1.0, if lon > 4.0 { 9.5 } else { 0.0 }));
    let options = BuildingsOptions { heights: Some(&query), ..BuildingsOptions::default() };
    let delivered = read(&delft, &ReadOptions::default()).unwrap();
    let plan = buildings::plan(&county, &key, std::slice::from_ref(&delivered), &options).unwrap();
    plan.write(&county).unwrap();
    println!("{} of {} footprints, {} refused", plan.report.buildings, delivered.read, plan.report.refused);
    assert_eq!(plan.report.buildings + plan.report.refused, 160);
    assert_eq!(plan.report.heights[2], plan.report.buildings);
    assert!(plan.buildings.iter().all(|b| b.fields["height_m"] == 8.5 && b.fields["ground_m"] == 1.0));
    let numbered = plan.buildings.iter().filter(|b| !b.text("house_number").is_empty()).count();
    assert!(numbered >= 120, "{numbered}");
    let distinct: BTreeSet<String> = ids(&county, &key.village, &key.date).into_values().collect();
    assert_eq!(distinct.len(), plan.report.buildings);
    // The next survey lies 2 m beside it as a whole: all are found again.
    let mut beside = delivered;
    for feature in &mut beside.features {
        feature.geometry.iter_mut().flat_map(|g| g.positions_mut()).for_each(|p| p[0] += 2.0 / 68_500.0);
    }
    let report = add(&county, &key.village, "2016-01-01", beside);
    assert_eq!((report.unchanged, report.questions.len(), report.new.len()), (plan.report.buildings, 0, 0));
    assert!((report.shift_m[0] - 2.0).abs() < 0.02, "{:?}", report.shift_m);
}
