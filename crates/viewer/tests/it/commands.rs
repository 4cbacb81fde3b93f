use std::{path::PathBuf, time::Duration};

use viewer::{Error, FlyOptions, ShotOptions, fly, shot};

use crate::stage::stage;

/// A folder of the shared data, or `None`, said loudly.
fn data(path: &str) -> Option<String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    if folder.exists() {
        return Some(folder.display().to_string());
    }
    eprintln!("skipped: ../shared/data is absent");
    None
}

fn decode_png(path: &std::path::Path) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());
    (info.width, info.height, pixels)
}

#[test]
fn a_shot_of_photogrammetry_settles_and_is_repeatable() {
    let (Some(what), Some(_)) = (data("tiles/guangdong/Tile_+000_+000"), stage()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let take = |name: &str, camera: Option<String>| {
        let out = folder.path().join(name);
        let options = ShotOptions {
            what: what.clone(),
            out: out.clone(),
            size_px: [320, 180],
            camera,
            timeout: Duration::from_secs(60),
            ..ShotOptions::default()
        };
        (shot(&options).expect("a picture"), decode_png(&out))
    };
    let (first, (width, height, pixels)) = take("a.png", None);
    assert!(first.settled, "{:?}", first.unsettled);
    assert_eq!((width, height), (320, 180));
    // The box of the root is loose: the mesh itself covers 23 % of the picture that shows the whole box.
    assert!(first.covered > 0.2, "covers {}", first.covered);
    assert_eq!(first.stats.failed + first.stats.missing, 0);
    // Photographs have many colours; a white or single-coloured model has few.
    let mut colors: Vec<&[u8]> = pixels.chunks(3).collect();
    colors.sort_unstable();
    colors.dedup();
    assert!(colors.len() > 5_000, "only {} colours", colors.len());
    // The camera text says all there is to say about the view. It is rounded, so a few edge pixels may differ.
    let (second, (.., again)) = take("b.png", Some(first.camera.clone()));
    assert_eq!(second.camera, first.camera);
    let different = pixels.chunks(3).zip(again.chunks(3)).filter(|(a, b)| a != b).count();
    assert!(different < 320 * 180 / 50, "{different} pixels differ");
}

#[test]
fn a_low_ceiling_never_stalls() {
    let (Some(what), Some(_)) = (data("tiles/guangdong/Tile_+000_+000"), stage()) else { return };
    let folder = tempfile::tempdir().unwrap();
    // These ceilings once left a coarse tile standing with finer ones half loaded, for good.
    for mebibytes in [6, 14, 18, 20] {
        let options = ShotOptions {
            what: what.clone(),
            out: folder.path().join("x.png"),
            size_px: [800, 500],
            camera: Some("at:113.05986,22.6433,70,45,-20,15".to_owned()),
            memory_bytes: mebibytes << 20,
            timeout: Duration::from_secs(60),
            ..ShotOptions::default()
        };
        let outcome = shot(&options).expect("a picture");
        assert!(outcome.settled, "{mebibytes} MiB: {:?}", outcome.unsettled);
        assert!(outcome.stats.peak_bytes <= mebibytes << 20, "{mebibytes} MiB: {}", outcome.stats.peak_bytes);
    }
}

#[test]
fn a_flight_keeps_to_the_protocol_and_to_its_memory() {
    let (Some(what), Some(_)) = (data("tiles/dingo-gap/example/public/data/tileset.json"), stage()) else {
        return;
    };
    let options = FlyOptions {
        what,
        poses: 12,
        size_px: [320, 180],
        memory_bytes: 64 << 20,
        timeout: Duration::from_secs(60),
        ..FlyOptions::default()
    };
    let report = fly(&options).expect("a report");
    for settled in [&report.far, &report.near] {
        assert!(settled.unsettled.is_empty(), "{:?}", settled.unsettled);
        assert!(settled.tiles > 0 && settled.triangles > 0 && settled.ms > 0.0, "{settled:?}");
    }
    let first = report.far.first_picture_ms.expect("a first picture");
    assert!(first > 0.0 && first <= report.far.ms);
    assert_eq!(report.first_path.all.len(), 12);
    assert_eq!(report.second_path.all.len(), 12);
    assert_eq!(report.still.all.len(), 60);
    assert!(report.memory_peak_mib <= 64.0, "own memory peaked at {} MiB", report.memory_peak_mib);
    assert!(report.fetched > 0 && report.fetched_bytes > 0);
    let json = serde_json::to_value(&report).unwrap();
    for key in ["far", "near", "firstPath", "secondPath", "still", "emptyFrameMs", "peakPssMiB", "memoryMiB"]
    {
        assert!(json.get(key).is_some(), "the report lacks {key}: {json}");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let Some(_) = stage() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.png");
    let with = |what: String| {
        shot(&ShotOptions {
            what,
            out: out.clone(),
            size_px: [64, 36],
            timeout: Duration::from_secs(5),
            ..Default::default()
        })
    };
    let absent = folder.path().join("absent").display().to_string();
    assert!(matches!(with(absent), Err(Error::Open(_))));
    let broken = folder.path().join("tileset.json");
    std::fs::write(&broken, "{").unwrap();
    let error = with(broken.display().to_string()).expect_err("no tileset");
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_wrong_camera_is_said() {
    let (Some(what), Some(_)) = (data("tiles/dingo-gap/example/public/data/tileset.json"), stage()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let options = ShotOptions {
        what,
        out: folder.path().join("x.png"),
        size_px: [64, 36],
        camera: Some("north".to_owned()),
        ..ShotOptions::default()
    };
    assert!(matches!(shot(&options), Err(Error::Camera(_))));
}
