use std::fs;

use ingest::{
    check::check,
    cloud::CloudRequest,
    county::{County, CountyError},
    mesh::{MeshOptions, Silent},
    osgb::write::Format,
};

use super::{CRS, VILLAGE, county, dem, import, key, place};
use crate::mesh::{made, request};

fn problems(county: &County) -> Vec<String> {
    let report = check(county.folder()).unwrap();
    report.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.reason)).collect()
}

#[test]
fn damaged_counties_are_told_from_whole_ones() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(check(folder.path()), Err(CountyError::Io { .. })));
    let mut county = county(folder.path());
    assert_eq!(problems(&county), Vec::<String>::new());
    let delivery = folder.path().join("mesh");
    made::delivery(&delivery, 2, 1, &Format::V80);
    made::metadata(&delivery, CRS, "489000,3013000,600");
    let mesh = ingest::mesh::plan(&request(&delivery)).unwrap();
    for date in ["2025-01-01", "2026-01-01"] {
        county.import_mesh(&mesh, &key(date), &MeshOptions::default(), &Silent).unwrap();
    }
    let path = folder.path().join("dem.tif");
    dem(&path, 64, 20.0, 0.0);
    import(&mut county, &[path]).unwrap();
    let cloud = folder.path().join("a.las");
    super::clouds::cloud(&cloud, false);
    let planned =
        ingest::cloud::plan(&CloudRequest { paths: vec![cloud], place: place(), cell_m: None }).unwrap();
    county.import_points(&planned, &key("2026-01-01"), &Default::default(), &Silent).unwrap();
    let layer = county.folder().join("layers/cameras.geojson");
    let point =
        r#"{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[119.9,27.2]}}"#;
    fs::write(&layer, format!(r#"{{"type":"FeatureCollection","features":[{point}]}}"#)).unwrap();
    let mut config = county.config().clone();
    config.layers.insert("cameras".into(), "layers/cameras.geojson".into());
    county.set_config(config).unwrap();
    let report = check(county.folder()).unwrap();
    assert!(report.problems.is_empty(), "{report}");
    let figures = &report.figures;
    assert_eq!((figures.villages, figures.surveys, figures.layers, figures.features), (1, 2, 1, 1));
    assert!(figures.tilesets == 3 && figures.rasters >= 5 && figures.tiles > 20, "{figures:?}");

    // Each kind of damage is named where it is, and mended again.
    let survey = format!("villages/{VILLAGE}/surveys");
    let damages: &[(&str, &[u8], &str)] = &[
        ("tileset.json", b"{", "tileset.json"),
        (&format!("{survey}/2025-01-01/tiles/tileset.json"), b"{}", "2025-01-01/tiles"),
        (&format!("{survey}/2026-01-01/tiles/cover/0-0-0.glb"), b"glTF", "cover/0-0-0.glb"),
        (&format!("{survey}/2026-01-01/points/report.json"), b"", "points/report.json"),
        (&format!("{survey}/2026-01-01/ground/dtm.tif"), b"II+\0", "ground/dtm.tif"),
        ("terrain/1/report.json", b"no", "terrain/1/report.json"),
        ("terrain/1/heights.tif", b"II+\0", "terrain/1/heights.tif"),
        ("terrain/sources/dem-0001.json", b"{}", "dem-0001.json"),
        ("terrain/sources/dem-0001.tif", b"", "dem-0001.tif"),
        ("layers/cameras.geojson", br#"{"type":"FeatureCollection","features":[{}]}"#, "feature 0"),
        ("addresses.hai", b"nothing of the kind", "addresses.hai"),
        ("addresses.csv", b"a,b\n1,2\n3\n", "addresses.csv"),
    ];
    for (file, bytes, word) in damages {
        let path = county.folder().join(file);
        let before = fs::read(&path).ok();
        fs::write(&path, bytes).unwrap();
        let found = problems(&county);
        assert!(found.iter().any(|problem| problem.contains(word)), "{file}: {found:?}");
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    assert_eq!(problems(&county), Vec::<String>::new());

    let gone = county.folder().join(&survey).join("2026-01-01/tiles");
    fs::rename(&gone, folder.path().join("away")).unwrap();
    assert!(!problems(&county).is_empty());
    fs::rename(folder.path().join("away"), &gone).unwrap();
    fs::remove_file(&layer).unwrap();
    assert!(problems(&county).iter().any(|problem| problem.contains("is not there")));
    let mut config = county.config().clone();
    config.layers.insert("cameras".into(), "../elsewhere.geojson".into());
    county.set_config(config).unwrap();
    assert!(problems(&county).iter().any(|problem| problem.contains("no path in the county")));
    // An import that was interrupted is no damage.
    fs::create_dir_all(county.folder().join(&survey).join("2026-02-01/.import")).unwrap();
    let report = check(county.folder()).unwrap();
    assert_eq!(report.figures.unfinished, 1);
    assert!(report.notes.iter().any(|note| note.reason.contains("run it again")), "{report}");
    let mut text = fs::read_to_string(county.folder().join("county.toml")).unwrap();
    text = text.replace("format = 1", "format = 9");
    fs::write(county.folder().join("county.toml"), text).unwrap();
    assert!(matches!(check(county.folder()), Err(CountyError::TooNew { found: 9, .. })));
}
