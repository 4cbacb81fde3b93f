//! The county folder and its surveys.

use std::fs;

use ingest::{
    adopt::{AdoptError, AdoptOptions},
    county::{ChildKey, County, CountyConfig, CountyError, SurveyKey},
    delivery::DeliveryKind,
    mesh::{MeshOptions, Silent, plan},
    osgb::write::Format,
};

use crate::{
    fuzzing::data,
    mesh::{Tile, contents, inspect, made, request},
};

fn key(village: &str, date: &str) -> SurveyKey {
    SurveyKey::new(village, date).unwrap()
}

#[test]
fn a_county_grows_by_villages_and_switches_surveys_by_one_rename() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("柘荣县");
    let mut county = County::create(&path, &CountyConfig::new("柘荣县", "350926")).unwrap();
    inspect(&path);
    assert!(county.surveys().unwrap().is_empty());
    let delivery = |name: &str, columns: u32, origin: &str| {
        let delivery = folder.path().join(name);
        made::delivery(&delivery, columns, 1, &Format::V80);
        made::metadata(&delivery, "EPSG:4549", origin);
        plan(&request(&delivery)).unwrap()
    };
    let options = MeshOptions::default();
    let (first, second) = (key("350926001001", "2025-03-01"), key("350926001001", "2026-05-01"));
    let planned = delivery("a", 2, "489000,3013000,600");
    let notes = county.place_notes(&planned, &first).unwrap();
    assert!(notes.iter().any(|note| note.contains("nothing to compare")), "{notes:?}");
    county.import_mesh(&planned, &first, &options, &Silent).unwrap();
    county
        .import_mesh(
            &delivery("b", 1, "491000,3015000,600"),
            &key("350926100202", "2025-03-02"),
            &options,
            &Silent,
        )
        .unwrap();
    inspect(&path);
    let before = contents(&path.join("villages/350926001001/surveys/2025-03-01"));

    county.import_mesh(&delivery("a2", 3, "489000,3013000,600"), &second, &options, &Silent).unwrap();
    assert_eq!(county.current_survey("350926001001").unwrap().as_deref(), Some("2026-05-01"));
    assert_eq!(contents(&county.survey_folder(&first)), before, "the old survey stays");
    let children = || {
        inspect(&path);
        Tile::read(&path.join("tileset.json")).children.len()
    };
    assert_eq!(children(), 2);
    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("tileset.json")).unwrap()).unwrap();
    assert_eq!(root["root"]["children"][0]["extras"]["survey"], "2026-05-01");
    assert_eq!(root["extras"]["county"], "350926");
    county.use_survey(&first, &Silent).unwrap();
    let surveys: Vec<(String, bool)> =
        county.surveys().unwrap().into_iter().map(|s| (s.key.date, s.is_current)).collect();
    assert_eq!(
        surveys,
        [("2025-03-01".into(), true), ("2026-05-01".into(), false), ("2025-03-02".into(), true)]
    );
    assert!(matches!(county.remove_survey(&first), Err(CountyError::InUse { .. })));
    county.remove_survey(&second).unwrap();
    assert!(matches!(county.use_survey(&second, &Silent), Err(CountyError::NoSurvey { .. })));

    // Other children are kept, in a fixed order.
    let tileset = county.survey_folder(&first).join("tiles/tileset.json");
    let extras = serde_json::json!({ "terrain": "2026-05-01" });
    let uri = "villages/350926001001/surveys/2025-03-01/tiles/tileset.json";
    county.set_child(&ChildKey::Terrain, Some((&tileset, uri, extras))).unwrap();
    county.use_survey(&first, &Silent).unwrap();
    assert_eq!(children(), 3);
    county.set_child(&ChildKey::Terrain, None).unwrap();
    assert_eq!(children(), 2);

    let mut config = county.config().clone();
    config.crs = Some("EPSG:4549".into());
    county.set_config(config).unwrap();
    assert_eq!(County::open(&path).unwrap().config().crs.as_deref(), Some("EPSG:4549"));
}

#[test]
fn a_survey_in_the_wrong_place_is_refused_with_the_distance() {
    let folder = tempfile::tempdir().unwrap();
    let county = County::create(&folder.path().join("c"), &CountyConfig::new("x", "350926")).unwrap();
    let delivery = folder.path().join("d");
    made::delivery(&delivery, 1, 1, &Format::V80);
    made::metadata(&delivery, "EPSG:4549", "489000,3013000,600");
    let options = MeshOptions::default();
    county
        .import_mesh(
            &plan(&request(&delivery)).unwrap(),
            &key("350926001001", "2026-05-01"),
            &options,
            &Silent,
        )
        .unwrap();
    // The neighbouring 3° zone, twice over.
    made::metadata(&delivery, "EPSG:4547", "489000,3013000,600");
    let wrong = plan(&request(&delivery)).unwrap();
    let error =
        county.import_mesh(&wrong, &key("350926001002", "2026-05-01"), &options, &Silent).unwrap_err();
    assert!(
        matches!(error, CountyError::Elsewhere { distance_km } if (550.0..620.0).contains(&distance_km)),
        "{error}"
    );
    assert!(!county.survey_folder(&key("350926001002", "2026-05-01")).exists());
    made::metadata(&delivery, "EPSG:4548", "489000,3013000,600");
    let notes =
        county.place_notes(&plan(&request(&delivery)).unwrap(), &key("999926001002", "2026-05-01")).unwrap();
    assert!(
        notes.iter().any(|n| n.contains("km away")) && notes.iter().any(|n| n.contains("350926")),
        "{notes:?}"
    );
}

#[test]
fn what_is_no_county_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(County::open(folder.path()), Err(CountyError::Io { .. })));
    let path = folder.path().join("c");
    for code in ["", "35092", "3509261", "35092x"] {
        assert!(matches!(
            County::create(&path, &CountyConfig::new("x", code)),
            Err(CountyError::BadKey { .. })
        ));
    }
    County::create(&path, &CountyConfig::new("x", "350926")).unwrap();
    assert!(matches!(
        County::create(&path, &CountyConfig::new("x", "350926")),
        Err(CountyError::NotEmpty { .. })
    ));
    fs::write(path.join("county.toml"), "format = 2\nname = \"x\"\nother = 1\n").unwrap();
    assert!(matches!(County::open(&path), Err(CountyError::TooNew { found: 2, .. })));
    fs::write(path.join("county.toml"), "format = ").unwrap();
    assert!(matches!(County::open(&path), Err(CountyError::Corrupt { .. })));
    for (village, date) in
        [("35092600100", "2026-05-01"), ("350926001001", "2026-5-1"), ("../../x", "2026-05-01")]
    {
        assert!(matches!(SurveyKey::new(village, date), Err(CountyError::BadKey { .. })));
    }
}

#[test]
fn existing_tilesets_are_adopted_by_copy_or_link() {
    let folder = tempfile::tempdir().unwrap();
    let county = County::create(&folder.path().join("c"), &CountyConfig::new("x", "350926")).unwrap();
    let delivery = folder.path().join("d");
    made::delivery(&delivery, 2, 1, &Format::V80);
    ingest::mesh::import(
        &plan(&request(&delivery)).unwrap(),
        &folder.path().join("made"),
        &MeshOptions::default(),
        &Silent,
    )
    .unwrap();
    let source = folder.path().join("made/tiles");
    let files = contents(&source).len() as u64;
    assert_eq!(ingest::delivery::recognise(&source).unwrap().kind, DeliveryKind::Tiles3d);
    let survey = key("350926001001", "2026-05-01");
    for (link, replace) in [(false, false), (true, true)] {
        let options = AdoptOptions { link, replace, ..AdoptOptions::default() };
        let report = county.adopt_tileset(&source, &survey, &options, &Silent).unwrap();
        assert_eq!((report.files, report.linked), (files, if link { files } else { 0 }));
        assert_eq!(contents(&county.survey_folder(&survey).join("tiles")), contents(&source));
    }
    inspect(county.folder());
    let occupied = county.adopt_tileset(&source, &survey, &AdoptOptions::default(), &Silent);
    assert!(matches!(occupied, Err(CountyError::Adopt(AdoptError::Occupied { .. }))));

    // Not in place: the county has a link to the same bytes.
    let victim = source.join("cover/0-0-0.glb");
    let bytes = fs::read(&victim).unwrap();
    fs::remove_file(&victim).unwrap();
    fs::write(&victim, &bytes[..200]).unwrap();
    let other = key("350926001002", "2026-05-01");
    let broken = county.adopt_tileset(&source, &other, &AdoptOptions::default(), &Silent);
    assert!(matches!(broken, Err(CountyError::Adopt(AdoptError::Invalid { .. }))), "{broken:?}");
    assert!(!county.survey_folder(&other).join("tiles").exists());
}

#[test]
fn a_real_tileset_is_adopted() {
    let Some(source) = data("tiles/guangdong/Tile_+000_+000") else {
        println!("skipped: no real tileset beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let county = County::create(&folder.path().join("c"), &CountyConfig::new("x", "440303")).unwrap();
    let options = AdoptOptions { despite_errors: true, ..AdoptOptions::default() };
    let report =
        county.adopt_tileset(&source, &key("440303001001", "2026-05-01"), &options, &Silent).unwrap();
    assert!(report.files >= 37, "{}", report.files);
    assert_eq!(county.current_survey("440303001001").unwrap().as_deref(), Some("2026-05-01"));
}
