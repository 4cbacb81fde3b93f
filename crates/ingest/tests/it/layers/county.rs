//! The layers of the made-up county, imported as a user would.

use std::{fs, path::Path};

use ingest::{
    layers::{self, LayerKind, LayerOptions, guess},
    subject::{GridKind, Subject},
    vector::{Geometry, OsmWanted, ReadOptions, read, read_bytes},
};

use super::{county, data, import, options, rows};
use crate::{fuzzing, vector::made};

fn sample(folder: &Path, villages: u32) -> serde_json::Value {
    made::put(folder, &made::county(villages));
    serde_json::from_slice(&fs::read(folder.join("truth/county.json")).unwrap()).unwrap()
}

const ALL: [(LayerKind, &str); 7] = [
    (LayerKind::Villages, "villages"),
    (LayerKind::Grids(GridKind::Police), "grids_police"),
    (LayerKind::Grids(GridKind::Governance), "grids_governance"),
    (LayerKind::Grids(GridKind::Epidemic), "grids_epidemic"),
    (LayerKind::Roads, "roads"),
    (LayerKind::Cameras, "cameras"),
    (LayerKind::Places, "places"),
];

#[test]
fn a_county_gets_its_layers_and_keeps_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let truth = sample(folder.path(), 2);
    let code = truth["code"].as_str().unwrap();
    let mut county = county(folder.path(), code);
    for (kind, stem) in ALL {
        let path = folder.path().join(format!("layers/{stem}.geojson"));
        let delivered = data(&path);
        let (subject, why) = guess(&delivered).unwrap_or_else(|| panic!("{stem} is not recognised"));
        assert_eq!(LayerKind::of(subject), Some(kind), "{stem}: {why}");
        let report = import(&mut county, kind, &[&path]);
        assert_eq!(
            (report.features, report.refused, report.mended),
            (delivered.features.len(), 0, 0),
            "{stem}"
        );
        assert_eq!(report.new.len(), report.features);
        let name = kind.name();
        assert_eq!(county.config().layers[name], format!("layers/{name}.geojson"));
        // Again, and from a file of another name: nothing is new.
        let before = fs::read(county.folder().join(&county.config().layers[name])).unwrap();
        let report = import(&mut county, kind, &[&path]);
        assert_eq!(
            (report.unchanged, report.new.len(), report.changed.len()),
            (report.features, 0, 0),
            "{stem}"
        );
        assert_eq!(before, fs::read(county.folder().join(&county.config().layers[name])).unwrap());
        for feature in &county.layer(kind).unwrap().features {
            assert!(kind.fields().iter().all(|field| feature.fields.contains_key(field.name)));
            assert!(feature.source_feature > 0 && feature.source_file == format!("{stem}.geojson"));
        }
    }
    let villages = county.layer(LayerKind::Villages).unwrap();
    let mut codes: Vec<&str> =
        truth["villages"].as_array().unwrap().iter().map(|v| v["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(villages.features.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), codes);
    // Cameras say where they look, and in which village they are.
    let cameras = county.layer(LayerKind::Cameras).unwrap();
    let borders = county.borders().unwrap();
    for camera in &cameras.features {
        let heading = camera.fields["heading_deg"].as_f64().unwrap();
        assert!((0.0..360.0).contains(&heading) && camera.fields["range_m"] == 80.0);
        let at = camera.geometry.as_ref().unwrap().middle().unwrap();
        assert_eq!(borders.village_at(at), Some(camera.text("village_code")));
        assert!(camera.text("stream").starts_with("rtsp://"));
    }
}

#[test]
fn what_changes_is_told_and_numbers_are_never_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path(), "350926");
    let file = folder.path().join("places.csv");
    let mut put = |text: &str| {
        fs::write(&file, format!("名称,类型,经度,纬度\n{text}")).unwrap();
        import(&mut county, LayerKind::Places, &[&file])
    };
    let report = put("卫生所,诊所,119.9,27.2\n小学,学校,119.91,27.2\n桥,桥梁,119.92,27.2\n");
    assert_eq!(report.new, ["350926-P00001", "350926-P00002", "350926-P00003"]);
    // One was moved, one renamed where it stands, one is gone, one is new.
    let report = put("卫生所,诊所,119.9001,27.2\n中心小学,学校,119.91,27.2\n超市,商店,119.93,27.2\n");
    assert_eq!(report.changed, ["350926-P00001", "350926-P00002"]);
    assert_eq!(
        (report.gone.as_slice(), report.new.as_slice()),
        (&["350926-P00003".to_owned()][..], &["350926-P00004".to_owned()][..])
    );
    // The bridge comes back: it is a new one.
    let report = put("桥,桥梁,119.92,27.2\n");
    assert_eq!(report.new, ["350926-P00005"]);
    let kept = options(&county);
    let adding = LayerOptions { add: true, ..kept };
    fs::write(&file, "名称,类型,经度,纬度\n码头,渡口,119.95,27.2\n").unwrap();
    let before = county.layer(LayerKind::Places).unwrap();
    let plan = layers::plan(LayerKind::Places, &[data(&file)], &before, &county.borders().unwrap(), &adding)
        .unwrap();
    assert_eq!((plan.report.features, plan.report.gone.len(), plan.report.new.len()), (2, 0, 1));
}

#[test]
fn what_lies_elsewhere_or_belongs_to_nobody_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path(), "350926");
    let villages = folder.path().join("村界.geojson");
    let ring =
        |x: f64| format!("[[[{x},27.2],[{},27.2],[{},27.22],[{x},27.22],[{x},27.2]]]", x + 0.02, x + 0.02);
    let village = |code: &str, x: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{"区划代码":"{code}","村名":"村{x}"}},"geometry":{{"type":"Polygon","coordinates":{}}}}}"#,
            ring(x)
        )
    };
    let list = [
        ("350926001001", 119.9),
        ("350926001002", 119.92),
        ("360926001003", 119.94),
        ("350926001001", 119.96),
        ("35092600100", 119.98),
    ];
    let list: Vec<String> = list.iter().map(|(code, x)| village(code, *x)).collect();
    fs::write(&villages, format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, list.join(",")))
        .unwrap();
    let report = import(&mut county, LayerKind::Villages, &[&villages]);
    assert_eq!((report.features, report.refused), (2, 3));
    let reasons: Vec<String> = rows(&county.folder().join("layers/villages-rejected.csv"))
        .into_iter()
        .map(|mut row| row.remove("reason").unwrap())
        .collect();
    for word in ["does not begin with the county's", "that of feature 1 of", "12 digits"] {
        assert!(reasons.iter().any(|reason| reason.contains(word)), "{word}: {reasons:?}");
    }
    let cameras = folder.path().join("cameras.csv");
    fs::write(
        &cameras,
        "名称,村代码,经度,纬度,方位角\n甲,350926001001,119.905,27.21,-90\n乙,350926001009,119.905,27.21,0\n丙,,116.905,27.21,x\n丁,,119.925,27.21,西\n",
    )
    .unwrap();
    let report = import(&mut county, LayerKind::Cameras, &[&cameras]);
    assert_eq!((report.features, report.refused, report.mended), (2, 2, 1));
    let rejected = rows(&county.folder().join("layers/cameras-rejected.csv"));
    let of = |line: &str| rejected.iter().find(|row| row["line"] == line).unwrap()["reason"].clone();
    assert!(of("3").contains("350926001009 is not in the county's list"));
    assert!(of("4").contains("+3 degrees") && of("4").contains("km outside the county"), "{}", of("4"));
    assert!(of("5").contains("heading_deg left out"));
    let cameras = county.layer(LayerKind::Cameras).unwrap();
    assert_eq!(cameras.features[0].fields["heading_deg"], 270.0);
    assert_eq!(cameras.features[1].text("village_code"), "350926001002");
    // Surveys are judged by the same borders.
    let error = county.check_place("350926001002", Some([119.905, 27.21])).unwrap_err().to_string();
    assert!(error.contains("350926001001") && error.contains("village is likely wrong"), "{error}");
    assert!(
        county
            .check_place("350926001009", None)
            .unwrap_err()
            .to_string()
            .contains("not in the county's list")
    );
    assert_eq!(county.check_place("350926001002", Some([119.93, 27.21])).unwrap(), Vec::<String>::new());
}

#[test]
fn a_list_of_codes_and_their_borders_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path(), "350926");
    let list = folder.path().join("villages.csv");
    fs::write(&list, "代码,名称,乡镇\n350926001001,溪坪,双城镇\n350926001002,上城,双城镇\n").unwrap();
    assert_eq!(guess(&data(&list)).unwrap().0, Subject::Villages);
    assert_eq!(import(&mut county, LayerKind::Villages, &[&list]).features, 2);
    assert!(county.borders().unwrap().has_list() && county.borders().unwrap().is_empty());
    let border = folder.path().join("border.geojson");
    fs::write(&border, r#"{"type":"Feature","properties":{"code":"350926001001"},"geometry":{"type":"Polygon","coordinates":[[[119.9,27.2],[119.91,27.2],[119.91,27.21],[119.9,27.2]]]}}"#).unwrap();
    let report = import(&mut county, LayerKind::Villages, &[&list, &border]);
    assert_eq!((report.features, report.changed.as_slice()), (2, &["350926001001".to_owned()][..]));
    let villages = county.layer(LayerKind::Villages).unwrap();
    assert_eq!(villages.features[0].text("town"), "双城镇");
    assert!(matches!(villages.features[0].geometry, Some(Geometry::Polygons(_))));
    // The list alone, again, does not take the border away.
    assert_eq!(import(&mut county, LayerKind::Villages, &[&list]).unchanged, 2);
}

#[test]
fn street_map_roads_get_a_class_and_their_own_ids() {
    let found =
        read_bytes("pbf", &made::osm(), &ReadOptions { osm: OsmWanted::Roads, ..ReadOptions::default() })
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path(), "350926");
    let plan =
        layers::plan(LayerKind::Roads, &[found], &Default::default(), &Default::default(), &options(&county))
            .unwrap();
    let road = &plan.document.features[0];
    assert_eq!(
        (road.id.as_str(), road.text("class"), road.text("name")),
        ("way/100", "residential", "溪坪街")
    );
    assert!(plan.rejected[0].refused && plan.rejected[0].reason.contains("not in the file"));
}

#[test]
fn real_roads_and_places_become_layers() {
    let Some(helsinki) = fuzzing::data("vector/helsinki") else {
        println!("skipped: the data of Helsinki are not there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path(), "000000");
    for (kind, osm) in [(LayerKind::Roads, OsmWanted::Roads), (LayerKind::Places, OsmWanted::Places)] {
        let options = ReadOptions { osm, ..ReadOptions::default() };
        let found = read(&helsinki.join("Helsinki.osm.pbf"), &options).unwrap();
        let count = found.features.len();
        let plan =
            layers::plan(kind, &[found], &Default::default(), &Default::default(), &super::options(&county))
                .unwrap();
        let refused = plan.rejected.iter().filter(|r| r.refused).count();
        println!("{}: {count} features, {refused} refused", kind.name());
        assert!(plan.report.features > 100 && plan.report.features <= count);
        let classed = plan
            .document
            .features
            .iter()
            .filter(|f| !f.text("class").is_empty() || !f.text("kind").is_empty());
        assert_eq!(classed.count(), plan.report.features);
    }
}
