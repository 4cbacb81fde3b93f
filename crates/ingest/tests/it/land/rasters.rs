use std::fs;

use geodesy::glam::DVec2;
use ingest::{
    county::ChildKey,
    land::{CountyHeights, LandError, LandRequest, OUTLINE_FILE, plan},
    mesh::{MeshOptions, Silent},
    osgb::write::Format,
    place::{PlaceError, PlaceRequest},
};

use super::{CRS, MIDDLE, VILLAGE, county, degrees, dem, import, key, photo, place, slope};
use crate::mesh::{inspect, made, request};

#[test]
fn elevation_models_and_photos_become_terrain_that_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path());
    let (coarse, fine, picture) =
        (folder.path().join("coarse.tif"), folder.path().join("fine.tif"), folder.path().join("photo.tif"));
    dem(&coarse, 80, 20.0, 0.0);
    dem(&fine, 64, 5.0, 3.0);
    photo(&picture, 64, 5.0, [200, 40, 40]);

    let asked = |place: PlaceRequest| plan(&LandRequest { paths: vec![(coarse.clone(), None)], place });
    assert!(matches!(
        asked(PlaceRequest::default()),
        Err(LandError::Place(PlaceError::NoHeightDatum { .. }))
    ));
    let planned = asked(place()).unwrap();
    assert!((planned.rasters[0].pixel_m - 20.0).abs() < 0.1, "{planned}");

    // Photos alone are kept for later.
    assert!(import(&mut county, std::slice::from_ref(&picture)).is_none());
    assert_eq!(county.current_land().unwrap(), None);
    let report = import(&mut county, &[coarse.clone(), fine.clone()]).unwrap();
    println!("{report}");
    assert_eq!((report.dems.len(), report.orthos.len(), report.findings.len()), (2, 1, 0));
    assert_eq!(report.dems[0].delivered, "fine.tif", "the finer one counts");
    assert!(report.tiles > 10 && (4.9..5.2).contains(&report.cell_m), "{report}");
    inspect(county.folder());
    assert_eq!(county.config().layers["basemap"], "layers/basemap.pmtiles");
    let check = ingest::check::check(county.folder()).unwrap();
    assert!(check.problems.is_empty() && check.figures.layers == 1, "{check}");
    let version = county.current_land().unwrap().unwrap();
    let heights = CountyHeights::open(&county.land_folder(&version)).unwrap();
    // 10 m are the datum's; 3 m the finer model's.
    for (east, more) in [(0.0, 13.0), (-100.0, 13.0), (400.0, 10.0), (-700.0, 10.0)] {
        let place = [MIDDLE[0] + east, MIDDLE[1] + 20.0];
        let [lon, lat] = degrees(place);
        let found = heights.height_m(lon, lat).unwrap();
        assert!((found - slope(place[0]) - more).abs() < 0.05, "{east}: {found}");
    }
    let at = heights.plan.plan_from_degrees(degrees(MIDDLE)[0], degrees(MIDDLE)[1]);
    assert!(heights.pyramid.field().height_at(at + DVec2::new(5000.0, 0.0)).is_none());

    // The same once more takes nothing in twice; versions that nobody looks at go.
    for _ in 0..2 {
        import(&mut county, std::slice::from_ref(&coarse)).unwrap();
    }
    let sources: Vec<_> = fs::read_dir(county.folder().join("terrain/sources")).unwrap().collect();
    assert_eq!(sources.len(), 6);
    assert!(!county.land_folder(&version).exists());
    assert!(county.land_folder("2").exists() && county.land_folder("3").exists());
    assert_eq!(county.current_land().unwrap().as_deref(), Some("3"));
}

#[test]
fn ground_makes_room_for_a_mesh_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path());
    let path = folder.path().join("dem.tif");
    dem(&path, 64, 20.0, 0.0);
    let whole = import(&mut county, &[path]).unwrap();
    assert!(whole.cut_m2.is_empty());
    let mesh = |name: &str, columns: u32| {
        let delivery = folder.path().join(name);
        made::delivery(&delivery, columns, 2, &Format::V80);
        made::metadata(&delivery, CRS, "489000,3013000,600");
        ingest::mesh::plan(&request(&delivery)).unwrap()
    };
    let (first, second) = (key("2025-01-01"), key("2026-01-01"));
    county.import_mesh(&mesh("a", 2), &first, &MeshOptions::default(), &Silent).unwrap();
    let cut = |county: &ingest::county::County| {
        let version = county.current_land().unwrap().unwrap();
        ingest::land::LandReport::read(&county.land_folder(&version)).unwrap().cut_m2
    };
    let once = cut(&county);
    // 200 × 200 m less a rim of a metre.
    assert_eq!((once.len(), once[0].0.as_str(), once[0].1.as_str()), (1, VILLAGE, "2025-01-01"));
    assert!((36_000.0..40_500.0).contains(&once[0].2), "{once:?}");
    inspect(county.folder());
    assert!(county.survey_folder(&first).join(OUTLINE_FILE).is_file());

    county.import_mesh(&mesh("b", 3), &second, &MeshOptions::default(), &Silent).unwrap();
    assert!((54_000.0..60_500.0).contains(&cut(&county)[0].2), "{:?}", cut(&county));
    county.use_survey(&first, &Silent).unwrap();
    assert_eq!(cut(&county), once);
    // What is shown already is not made again.
    let version = county.current_land().unwrap();
    county.use_survey(&first, &Silent).unwrap();
    assert_eq!(county.current_land().unwrap(), version);
    county.set_child(&ChildKey::Village(VILLAGE.into()), None).unwrap();
    county.remake_land(&Default::default(), &Silent).unwrap();
    assert!(cut(&county).is_empty());
    inspect(county.folder());
}

#[test]
fn a_raster_that_breaks_off_is_named_and_the_rest_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut county = county(folder.path());
    let delivery = folder.path().join("d");
    fs::create_dir(&delivery).unwrap();
    dem(&delivery.join("fine.tif"), 64, 10.0, 0.0);
    fs::write(delivery.join("junk.tif"), b"II*\0 and nothing more").unwrap();
    photo(&delivery.join("photo.tif"), 64, 5.0, [10, 200, 10]);
    let planned = plan(&LandRequest { paths: vec![(delivery, None)], place: place() }).unwrap();
    assert_eq!((planned.rasters.len(), planned.findings.len()), (2, 1));
    let report = county.import_land(&planned, &Default::default(), &Silent).unwrap().unwrap();
    assert_eq!(report.findings.len(), 0, "{report}");
    // The kept photo breaks later: the terrain is made without what cannot be read.
    let kept = county.folder().join("terrain/sources/ortho-0002.tif");
    let bytes = fs::read(&kept).unwrap();
    fs::write(&kept, &bytes[..bytes.len() / 2]).unwrap();
    let report = county.remake_land(&Default::default(), &Silent).unwrap().unwrap();
    assert_eq!(report.findings.len(), 1, "{report}");
    inspect(county.folder());
}
