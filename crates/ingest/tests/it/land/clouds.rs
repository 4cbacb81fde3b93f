use std::{fs, path::Path};

use ingest::{
    cloud::{CloudError, CloudOptions, CloudRequest, plan},
    county::CountyError,
    land::HeightRaster,
    mesh::{FindingKind, MeshOptions, Silent},
    osgb::write::Format,
    place::{PlaceError, PlaceRequest},
};

use super::{CRS, MIDDLE, VILLAGE, county, degrees, key, place, slope};
use crate::{
    mesh::{inspect, made, request},
    points::data,
};

/// A square of 100 m with a point every half metre: a slope with a house of 12 × 10 m on it, 6 m high.
pub(crate) fn cloud(path: &Path, is_compressed: bool) {
    let mut builder = ::las::Builder::from((1, 2));
    builder.point_format = ::las::point::Format::new(3).unwrap();
    builder.point_format.is_compressed = is_compressed;
    let transform = |offset| ::las::Transform { scale: 0.001, offset };
    builder.transforms =
        ::las::Vector { x: transform(MIDDLE[0]), y: transform(MIDDLE[1]), z: transform(0.0) };
    let mut writer = ::las::Writer::from_path(path, builder.into_header().unwrap()).unwrap();
    for k in 0..200 * 200 {
        let (x, y) = (f64::from(k % 200) * 0.5 + 0.25 - 50.0, f64::from(k / 200) * 0.5 + 0.25 - 50.0);
        let is_house = x.abs() < 6.0 && y.abs() < 5.0;
        let z = if is_house { slope(MIDDLE[0]) + 6.0 } else { slope(MIDDLE[0] + x) };
        let class = if is_house { 6 } else { 2 };
        writer
            .write_point(::las::Point {
                x: MIDDLE[0] + x,
                y: MIDDLE[1] + y,
                z,
                classification: ::las::point::Classification::new(class).unwrap(),
                color: Some(::las::Color::new(40_000, 30_000, 20_000)),
                gps_time: Some(0.0),
                ..::las::Point::default()
            })
            .unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn points_land_beside_the_mesh_with_the_ground_found_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path());
    let path = folder.path().join("点云.las");
    cloud(&path, false);
    // What heights are measured from is asked for, not guessed.
    let asked = |place: PlaceRequest| plan(&CloudRequest { paths: vec![path.clone()], place, cell_m: None });
    let no_heights = PlaceRequest { crs: Some(CRS.into()), ..PlaceRequest::default() };
    assert!(matches!(asked(no_heights), Err(CloudError::Place(PlaceError::NoHeightDatum { .. }))));
    assert!(matches!(asked(PlaceRequest::default()), Err(CloudError::Place(PlaceError::NoCrs { .. }))));
    let planned = asked(place()).unwrap();
    let summary = planned.summary();
    assert_eq!((summary.points, summary.files, summary.has_colors), (Some(40_000), 1, true));
    let [lon, lat] = degrees(MIDDLE);
    let [w, s, e, n, low, high] = summary.region_deg_m;
    assert!(w < lon && lon < e && s < lat && lat < n, "{summary:?}");
    assert!((low - 605.0).abs() < 1.0 && (high - 616.0).abs() < 1.0, "{low} {high}");

    let survey = key("2026-05-01");
    let report = county.import_points(&planned, &survey, &CloudOptions::default(), &Silent).unwrap();
    assert_eq!((report.points, report.left_out, report.findings.len()), (40_000, 0, 0), "{report}");
    let ground = report.ground.clone().unwrap();
    assert!(ground.classes_used && ground.ground_points == 40_000 - 480, "{ground:?}");
    assert!((ground.building_m2 - 120.0).abs() < 15.0, "{ground:?}");
    let folder_of = county.survey_folder(&survey);
    inspect(&folder_of.join("points"));
    // Heights can be asked for, above the ellipsoid: the offset of 10 m is in them.
    let terrain = HeightRaster::open(&folder_of.join("ground/dtm.tif")).unwrap();
    let surface = HeightRaster::open(&folder_of.join("ground/dsm.tif")).unwrap();
    for (east, north) in [(-30.0, 20.0), (0.0, 0.0), (41.0, -33.0)] {
        let place = [MIDDLE[0] + east, MIDDLE[1] + north];
        let [lon, lat] = degrees(place);
        let ground = terrain.height_m(lon, lat).unwrap();
        assert!((ground - slope(place[0]) - 10.0).abs() < 0.05, "{east}: {ground}");
        let above = surface.height_m(lon, lat).unwrap() - ground;
        assert!((above - if east == 0.0 { 6.0 } else { 0.0 }).abs() < 0.1, "{east}: {above}");
    }
    // Nothing else of the village is shown, so they are; the ground they hold is the county's.
    assert_eq!(county.current_survey(VILLAGE).unwrap().as_deref(), Some("2026-05-01"));
    assert!(county.current_land().unwrap().is_some());
    inspect(county.folder());

    // The same again changes nothing; something else is refused unless it may replace.
    let again = county.import_points(&planned, &survey, &CloudOptions::default(), &Silent).unwrap();
    assert_eq!(again, report);
    let other = CloudOptions { own_classes: true, ..CloudOptions::default() };
    let refused = county.import_points(&planned, &survey, &other, &Silent);
    assert!(matches!(refused, Err(CountyError::Cloud(CloudError::Occupied { .. }))));
    let replaced =
        county.import_points(&planned, &survey, &CloudOptions { replace: true, ..other }, &Silent).unwrap();
    let found = replaced.ground.unwrap();
    assert!(!found.classes_used && found.ground_points.abs_diff(39_520) < 400, "{found:?}");

    // A mesh is what is looked at, from then on.
    let delivery = folder.path().join("mesh");
    made::delivery(&delivery, 1, 1, &Format::V80);
    made::metadata(&delivery, CRS, "489000,3013000,600");
    let mesh = ingest::mesh::plan(&request(&delivery)).unwrap();
    county.import_mesh(&mesh, &key("2026-04-01"), &MeshOptions::default(), &Silent).unwrap();
    assert_eq!(county.current_survey(VILLAGE).unwrap().as_deref(), Some("2026-04-01"));
    assert!(!county.would_show_points(&key("2026-06-01")).unwrap());
    county.use_survey(&survey, &Silent).unwrap();
    let root = fs::read_to_string(county.folder().join("tileset.json")).unwrap();
    assert!(root.contains("2026-05-01/points/tileset.json"), "{root}");
    inspect(county.folder());
}

#[test]
fn a_file_that_breaks_off_is_named_and_the_rest_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path());
    let delivery = folder.path().join("d");
    fs::create_dir(&delivery).unwrap();
    cloud(&delivery.join("a.laz"), true);
    // More points than are read at once, then a line that is none.
    let line = |k: u32| {
        format!("{} {} 605\n", MIDDLE[0] + f64::from(k % 300) * 0.1, MIDDLE[1] + f64::from(k / 300) * 0.1)
    };
    let text: String = (0..70_000).map(line).collect();
    fs::write(delivery.join("b.xyz"), text + "no point\n").unwrap();
    fs::write(delivery.join("c.las"), b"LASF and nothing more").unwrap();
    let planned =
        plan(&CloudRequest { paths: vec![delivery.clone()], place: place(), cell_m: Some(1.0) }).unwrap();
    assert_eq!(planned.findings.len(), 1, "{:?}", planned.findings);
    let report =
        county.import_points(&planned, &key("2026-05-01"), &CloudOptions::default(), &Silent).unwrap();
    assert_eq!(report.points, 40_000 + 65_536, "{report}");
    assert_eq!(report.count(FindingKind::FailedFile), 2, "{report}");
    assert!(report.findings.iter().any(|finding| finding.file == "c.las"));
    assert_eq!(report.ground.unwrap().cell_m, 1.0);
    inspect(county.folder());
    // Nothing that can be read is no import.
    fs::remove_file(delivery.join("a.laz")).unwrap();
    fs::remove_file(delivery.join("b.xyz")).unwrap();
    let nothing = plan(&CloudRequest { paths: vec![delivery], place: place(), cell_m: None });
    assert!(matches!(nothing, Err(CloudError::Nothing { .. })), "{nothing:?}");
}

#[test]
fn a_real_survey_becomes_points_ground_and_blocks() {
    let Some(source) = data("points/delft/example_data/ahn3") else { return };
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path());
    let request = CloudRequest {
        paths: vec![source],
        place: PlaceRequest { crs: Some("EPSG:28992".into()), ..place() },
        cell_m: None,
    };
    let planned = plan(&request).unwrap();
    assert_eq!(planned.points, Some(848_942));
    let survey = key("2014-01-01");
    let report = county.import_points(&planned, &survey, &CloudOptions::default(), &Silent).unwrap();
    assert_eq!((report.points, report.left_out), (848_942, 0));
    println!("{report}");
    // Positions, strength of the echo and class.
    assert!(report.bytes < report.points * 9, "{} bytes", report.bytes);
    inspect(county.folder());
    let ground = county.survey_folder(&survey).join("ground");
    let footprints =
        ingest::blocks::footprints_of_ground(&ground, VILLAGE, &ingest::blocks::DeriveOptions::default())
            .unwrap();
    let blocks = county.make_blocks(VILLAGE, &footprints, &Default::default()).unwrap();
    println!("{blocks:?}");
    // Houses that touch are one.
    assert!((25..120).contains(&blocks.blocks), "{blocks:?}");
    inspect(county.folder());
}
