use std::collections::BTreeMap;

use bytes::Bytes;
use ingest::{
    blocks::{BlocksError, BlocksOptions, DeriveOptions, Footprint, footprints_of_ground, write_blocks},
    cloud::CloudRequest,
    mesh::Silent,
};
use scene::{content, metadata::Value};

use super::{MIDDLE, VILLAGE, county, degrees, key, place};
use crate::mesh::inspect;

/// A rectangle in the projected system, by its middle and sides.
fn rectangle([x, y]: [f64; 2], [a, b]: [f64; 2]) -> Vec<[f64; 2]> {
    [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
        .map(|(u, v)| degrees([MIDDLE[0] + x + u * a, MIDDLE[1] + y + v * b]))
        .to_vec()
}

fn footprint(id: &str, rings: Vec<Vec<[f64; 2]>>, height_m: f64) -> Footprint {
    Footprint { id: id.into(), rings, base_m: 600.0, height_m }
}

#[test]
fn blocks_carry_the_ids_of_their_buildings() {
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path());
    let mut court = rectangle([30.0, 0.0], [20.0, 20.0]);
    court.push(court[0]);
    let footprints = vec![
        footprint("350926001001-B1", vec![rectangle([0.0, 0.0], [10.0, 8.0])], 6.0),
        footprint("350926001001-B2", vec![court, rectangle([30.0, 0.0], [8.0, 8.0])], 9.5),
        footprint("350926001001-B3", vec![rectangle([900.0, 0.0], [10.0, 8.0])], 3.0),
        footprint("flat", vec![rectangle([0.0, 50.0], [10.0, 8.0])], 0.0),
        footprint("nowhere", vec![vec![[f64::NAN, 1.0]; 4]], 5.0),
        footprint("line", vec![rectangle([0.0, 50.0], [10.0, 0.0])], 5.0),
    ];
    let report = county.make_blocks(VILLAGE, &footprints, &BlocksOptions::default()).unwrap();
    assert_eq!((report.blocks, report.tiles), (3, 2), "{report:?}");
    assert_eq!(report.left_out, ["flat", "nowhere", "line"]);
    inspect(county.folder());
    let mut ids = BTreeMap::new();
    for number in 0..2 {
        let path = county.folder().join(format!("villages/{VILLAGE}/blocks/{number}.glb"));
        let bytes = Bytes::from(std::fs::read(path).unwrap());
        let (decoded, warnings) = content::decode(&bytes, &crate::context("b.glb")).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        for row in 0..decoded.features.tables[0].count as u32 {
            let properties: BTreeMap<String, Value> = decoded.features.row(0, row).into_iter().collect();
            ids.insert(format!("{:?}", properties["building_id"]), format!("{:?}", properties["height_m"]));
        }
    }
    assert_eq!(ids.len(), 3, "{ids:?}");
    let none = write_blocks(&footprints[3..], &BlocksOptions::default(), &mut |_, _| Ok(()));
    assert!(matches!(none, Err(BlocksError::Empty(3))));
}

#[test]
fn footprints_come_of_the_building_class() {
    let folder = tempfile::tempdir().unwrap();
    let county = county(folder.path());
    let path = folder.path().join("a.las");
    super::clouds::cloud(&path, false);
    let planned =
        ingest::cloud::plan(&CloudRequest { paths: vec![path], place: place(), cell_m: None }).unwrap();
    county.import_points(&planned, &key("2026-05-01"), &Default::default(), &Silent).unwrap();
    let ground = county.survey_folder(&key("2026-05-01")).join("ground");
    let found = footprints_of_ground(&ground, VILLAGE, &DeriveOptions::default()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let house = &found[0];
    assert_eq!((house.id.as_str(), house.rings.len()), ("350926001001-B1", 1));
    // The roof is 6 m above the ground in the house's middle; the slope falls away by 0.6 m to its western wall.
    assert!((house.height_m - 6.6).abs() < 0.2 && (house.base_m - 609.4).abs() < 0.2, "{house:?}");
    let [lon, lat] = degrees(MIDDLE);
    for [x, y] in &house.rings[0] {
        let (east, north) = ((x - lon) * 99_000.0, (y - lat) * 110_800.0);
        assert!((5.0..7.2).contains(&east.abs()) && (4.0..6.2).contains(&north.abs()), "{east} {north}");
    }
    assert!(footprints_of_ground(folder.path(), VILLAGE, &DeriveOptions::default()).unwrap().is_empty());
}
