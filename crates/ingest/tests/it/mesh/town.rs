//! A real delivery.

use std::collections::BTreeSet;

use ingest::{
    mesh::{FindingKind, MeshOptions},
    osgb::{Container, Limits, raw::ImageData},
};

use super::{Tile, contents, inspect, run};
use crate::fuzzing::{data, files};

#[test]
fn the_real_town_is_imported_whole() {
    let Some(town) = data("osgb/town") else {
        println!("skipped: no real OSGB delivery beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let survey = folder.path().join("survey");
    let report = run(&town, &survey, &MeshOptions::default()).unwrap();
    println!("{report}");
    assert_eq!((report.figures.source_files, report.figures.source_bytes), (22, 19_005_432));
    assert_eq!((report.figures.triangles, report.figures.vertices), (200_760, 285_670));
    assert_eq!((report.figures.textures_passed, report.figures.textures_encoded), (80, 0));
    assert_eq!(report.count(FindingKind::MissingChild), 59);
    assert_eq!(report.count(FindingKind::FailedFile) + report.count(FindingKind::LeftOut), 0);
    assert!(report.place.notes.iter().any(|note| note.contains("EPSG:4547") && note.contains("64821 m")));
    assert!(report.place.max_residual_m < 1e-4 && report.figures.placed_by_proj == 0);
    let [w, s, e, n, ..] = report.place.region_deg_m.unwrap();
    assert!(w > 113.379 && e < 113.384 && s > 22.48 && n < 22.51, "{:?}", report.place.region_deg_m);
    let inspected = inspect(&survey.join("tiles"));
    let cover = report.cover.unwrap();
    assert_eq!(inspected.summary.total().triangles, 200_760 + cover.triangles);

    // Every source texture is in some content, byte for byte.
    let made = contents(&survey.join("tiles"));
    let limits = Limits::default();
    for path in files(&town, &["osgb"]) {
        let bytes = std::fs::read(&path).unwrap();
        let container = Container::open("", &bytes, &limits).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        for image in container.read(&limits).unwrap().images {
            let ImageData::File(jpeg) = image.data else { panic!("not embedded") };
            let head = &jpeg[..64.min(jpeg.len())];
            let found = made.iter().filter(|(name, _)| name.contains(stem)).any(|(_, glb)| {
                let mut starts = glb.windows(head.len()).enumerate().filter(|(_, w)| *w == head);
                starts.any(|(at, _)| glb[at..].starts_with(jpeg))
            });
            assert!(found, "a texture of {stem} is in no content");
        }
    }
    // 2^(20 − L): one exact value per level, but for one tile.
    let root = Tile::read(&survey.join("tiles/tileset.json"));
    let errors: BTreeSet<i64> = root
        .all()
        .iter()
        .filter(|tile| tile.content().is_some_and(|path| !path.to_string_lossy().contains("cover")))
        .map(|tile| (tile.error().log2() * 100.0).round() as i64)
        .collect();
    for level in 1..=6 {
        assert!(errors.contains(&(level * 100)), "{errors:?}");
    }
}
