//! What an import of made deliveries gives.

use std::fs;

use geodesy::{
    crs::{Crs, HeightDatum},
    glam::DVec3,
};
use ingest::{
    mesh::{FindingKind, MeshError, MeshOptions, MeshRequest, plan},
    osgb::write::{File, Format, Node, Texture, TextureImage, write},
};
use scene::content::{DecodeContext, TextureSupport, UpAxis, decode};

use super::{Tile, contents, inspect, made, request, run};

fn plain() -> MeshOptions {
    MeshOptions { cover: None, ..MeshOptions::default() }
}

#[test]
fn every_paged_level_is_a_tile_with_its_authors_error() {
    for format in [Format::V80, Format::V91, Format::V161] {
        let folder = tempfile::tempdir().unwrap();
        let (delivery, survey) = (folder.path().join("航测"), folder.path().join("成果/2026-05-01"));
        made::delivery(&delivery, 2, 1, &format);
        let report = run(&delivery, &survey, &plain()).unwrap();
        assert_eq!((report.source_tiles, report.figures.source_files, report.figures.contents), (2, 6, 12));
        assert_eq!(report.figures.triangles, 2 * (72 + 392 + 4 * 512));
        assert_eq!(report.count(FindingKind::MissingChild), 8, "{report}");
        assert_eq!(report.count(FindingKind::FailedFile) + report.count(FindingKind::LeftOut), 0, "{report}");
        assert_eq!(report.figures.placed_by_proj, 0);
        assert!(report.place.max_residual_m < 1e-6, "{}", report.place.max_residual_m);
        let inspected = inspect(&survey.join("tiles"));
        assert_eq!(inspected.summary.total().triangles, report.figures.triangles);
        assert_eq!(report.tiles, 1 + 2 * 6);

        let root = Tile::read(&survey.join("tiles/tileset.json"));
        let errors: Vec<f64> = root.all().iter().map(|tile| tile.error()).collect();
        // 32 R / r: 72 m at 36 px, 72 m at 72 px, 36 m at 144 px.
        let one = [64.0, 32.0, 8.0, 8.0, 8.0, 8.0];
        assert_eq!(errors, [[64.0].as_slice(), &one, &one].concat());
    }
}

#[test]
fn textures_are_the_bytes_of_the_source_and_shared_ones_are_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let (delivery, survey) = (folder.path().join("in"), folder.path().join("out"));
    made::delivery(&delivery, 2, 1, &Format::V91);
    let report = run(&delivery, &survey, &plain()).unwrap();
    assert_eq!((report.figures.textures_passed, report.figures.textures_encoded), (6 + 3, 0));
    let files = contents(&survey.join("tiles"));
    let holds = |glb: &[u8], jpeg: &[u8]| glb.windows(jpeg.len()).any(|window| window == jpeg);
    assert!(holds(&files["Tile_+000_+000/Tile_+000_+000-0.glb"], &made::jpeg(0)));
    assert!(holds(&files["Tile_+000_+000/Tile_+000_+000_L16_00-3.glb"], &made::jpeg(5)));
    // The quarters of the second tile share one.
    assert_eq!(files["Tile_+001_+000/Tile_+001_+000_L16_00-image0.jpg"], made::jpeg(33));
    assert!((0..4).all(|i| {
        let glb = &files[&format!("Tile_+001_+000/Tile_+001_+000_L16_00-{i}.glb")];
        !holds(glb, &made::jpeg(33)) && holds(glb, b"Tile_+001_+000_L16_00-image0.jpg")
    }));
}

#[test]
fn compressed_results_are_smaller_and_valid() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 2, 1, &Format::V80);
    let plain_report = run(&delivery, &folder.path().join("plain"), &plain()).unwrap();
    let options = MeshOptions { compress: true, ..plain() };
    let report = run(&delivery, &folder.path().join("small"), &options).unwrap();
    assert_eq!(report.figures.triangles, plain_report.figures.triangles);
    assert!(report.figures.written_bytes * 4 < plain_report.figures.written_bytes * 3);
    let inspected = inspect(&folder.path().join("small/tiles"));
    assert!(inspected.summary.extensions_used.contains("EXT_meshopt_compression"));
}

/// Positions of all contents, in the frame of the world.
fn world_positions(root: &Tile) -> Vec<DVec3> {
    let transform: Vec<f64> = root.json["transform"]
        .as_array()
        .map_or(Vec::new(), |numbers| numbers.iter().map(|n| n.as_f64().unwrap()).collect());
    let world_from_survey = match transform.as_slice().try_into() {
        Ok(columns) => geodesy::glam::DMat4::from_cols_array(columns),
        Err(_) => geodesy::glam::DMat4::IDENTITY,
    };
    let mut positions = Vec::new();
    for path in root.all().iter().filter_map(|tile| tile.content()) {
        let context = DecodeContext {
            uri: String::new(),
            resources: Default::default(),
            gltf_up_axis: UpAxis::Y,
            texture_support: TextureSupport::default(),
            budget_bytes: 64 << 20,
        };
        let (content, _) = decode(&fs::read(path).unwrap().into(), &context).unwrap();
        for primitive in &content.primitives {
            positions.extend(primitive.positions.iter().map(|p| {
                let in_tile = primitive
                    .content_from_primitive
                    .transform_point3(geodesy::glam::Vec3::from(*p).as_dvec3());
                world_from_survey.transform_point3(in_tile)
            }));
        }
    }
    positions
}

#[test]
fn vertices_lie_where_proj_puts_them_to_a_millimetre() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 1, 1, &Format::V80);
    // Far from the meridian: convergence and scale matter.
    made::metadata(&delivery, "EPSG:4547", "640000,3320000,100");
    let survey = folder.path().join("out");
    let offset = MeshRequest { heights: Some(HeightDatum::Offset(-4.5)), ..request(&delivery) };
    ingest::mesh::import(&plan(&offset).unwrap(), &survey, &plain(), &ingest::mesh::Silent).unwrap();
    let root = Tile::read(&survey.join("tiles/tileset.json"));
    let found = world_positions(&root);
    let projector = Crs::parse("EPSG:4547").unwrap().projector().unwrap();
    let mut expected: Vec<DVec3> = Vec::new();
    let quarters = [(0.0, 0.0), (50.0, 0.0), (0.0, 50.0), (50.0, 50.0)];
    for geometry in [made::ground(0.0, 0.0, 100.0, 6, None), made::ground(0.0, 0.0, 100.0, 14, None)]
        .into_iter()
        .chain(quarters.map(|(x, y)| made::ground(x, y, 50.0, 16, None)))
    {
        expected.extend(geometry.positions.iter().map(|p| {
            let position =
                DVec3::new(640_000.0, 3_320_000.0, 100.0) + geodesy::glam::Vec3::from(*p).as_dvec3();
            projector.ecef(position, &HeightDatum::Offset(-4.5)).unwrap()
        }));
    }
    assert_eq!(found.len(), expected.len());
    for position in &found {
        let nearest = expected.iter().map(|e| e.distance(*position)).fold(f64::INFINITY, f64::min);
        assert!(nearest < 1e-3, "{nearest} m");
    }
}

#[test]
fn a_model_without_place_or_height_is_refused_with_what_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 1, 1, &Format::V80);
    let no_heights = MeshRequest { heights: None, ..request(&delivery) };
    assert!(matches!(plan(&no_heights), Err(MeshError::NoHeightDatum { .. })));
    fs::remove_file(delivery.join("metadata.xml")).unwrap();
    let error = plan(&request(&delivery)).unwrap_err();
    assert!(matches!(&error, MeshError::NoCrs { .. }) && error.to_string().contains("ENU"), "{error}");
    let local = MeshRequest { crs: Some("local".into()), ..request(&delivery) };
    let planned = plan(&local).unwrap();
    assert!(planned.middle().is_none());
    let summary = planned.summary();
    assert!(summary.to_string().contains("none on Earth") && summary.empty_tiles.is_empty(), "{summary}");
    ingest::mesh::import(&planned, &folder.path().join("out"), &plain(), &ingest::mesh::Silent).unwrap();
    inspect(&folder.path().join("out/tiles"));
    made::metadata(&delivery, "EPSG:4326", "0,0,0");
    assert!(matches!(plan(&request(&delivery)), Err(MeshError::NullIsland { .. })));
    made::metadata(&delivery, "EPSG:4547", "39501027,2488718,0");
    let error = plan(&request(&delivery)).unwrap_err();
    assert!(error.to_string().contains("zone number 39"), "{error}");
}

#[test]
fn metres_under_a_geographic_label_stand_in_the_tangent_plane() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    made::delivery(&delivery, 1, 1, &Format::V80);
    made::metadata(&delivery, "EPSG:4326", "119.9,27.23,600");
    let planned = plan(&request(&delivery)).unwrap();
    let [w, s, e, n, low, high] = planned.place.region_deg_m.unwrap();
    assert!((119.899..119.903).contains(&w) && (27.229..27.233).contains(&s) && e < 119.903 && n < 27.233);
    assert!(low > 600.0 && high < 640.0, "{low} {high}");
    assert!(
        planned.place.notes.iter().any(|note| note.contains("tangent plane")),
        "{:?}",
        planned.place.notes
    );
}

#[test]
fn broken_files_become_leaves_of_their_parents() {
    let folder = tempfile::tempdir().unwrap();
    let (delivery, survey) = (folder.path().join("in"), folder.path().join("out"));
    made::delivery(&delivery, 2, 2, &Format::V80);
    let data = delivery.join("Data");
    let cut = |path: &str, keep: usize| {
        let path = data.join(path);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..keep]).unwrap();
    };
    cut("Tile_+000_+000/Tile_+000_+000_L15_0.osgb", 700);
    cut("Tile_+000_+001/Tile_+000_+001.osgb", 10);
    fs::write(data.join("Tile_+001_+000/Tile_+001_+000_L16_00.osgb"), b"").unwrap();
    // A file that names its own parent.
    let cycle = File {
        textures: Vec::new(),
        root: Some(Node::PagedLod(ingest::osgb::write::PagedLod {
            sphere: [150.0, 150.0, 20.0, 70.0],
            switch_px: 70.0,
            coarse: vec![made::ground(100.0, 100.0, 100.0, 3, None)],
            finer: Some("Tile_+001_+001.osgb".into()),
        })),
    };
    fs::write(data.join("Tile_+001_+001/Tile_+001_+001_L15_0.osgb"), write(&cycle, &Format::V80).unwrap())
        .unwrap();
    let report = run(&delivery, &survey, &plain()).unwrap();
    let failed: Vec<String> = report
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::FailedFile)
        .map(ToString::to_string)
        .collect();
    assert_eq!(failed.len(), 4, "{failed:#?}");
    assert!(
        failed[0].contains("Data/Tile_+000_+000/Tile_+000_+000_L15_0.osgb, byte")
            && failed[0].contains("osg::")
    );
    assert!(failed.iter().any(|f| f.contains("named more than once")), "{failed:#?}");
    inspect(&survey.join("tiles"));
    let root = Tile::read(&survey.join("tiles/tileset.json"));
    assert_eq!(root.children.len(), 3);
    assert!(root.children[0].children.is_empty());
}

#[test]
fn other_images_are_encoded_and_missing_ones_reported() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("in");
    fs::create_dir_all(&delivery).unwrap();
    let pixels =
        TextureImage::Pixels { size: [2, 2], format: 0x1907, top_first: false, bytes: vec![200; 12] };
    let images =
        [pixels, TextureImage::External, TextureImage::External, TextureImage::File(b"DDS rest".to_vec())];
    let names = ["a", "beside.jpg", "../secret.jpg", "d.dds"];
    let textures =
        names.iter().zip(images).map(|(name, image)| Texture { name: (*name).into(), image }).collect();
    let parts = (0..4).map(|i| made::ground(i as f32 * 30.0, 0.0, 30.0, 2, Some(i))).collect();
    let file = File { textures, root: Some(Node::Geode(parts)) };
    fs::write(delivery.join("one.osgb"), write(&file, &Format::V80).unwrap()).unwrap();
    fs::write(delivery.join("beside.jpg"), made::jpeg(77)).unwrap();
    fs::write(folder.path().join("secret.jpg"), made::jpeg(78)).unwrap();
    made::metadata(&delivery, "ENU:27.2,119.9", "0,0,0");
    let survey = folder.path().join("out");
    let report = run(&delivery.join("one.osgb"), &survey, &plain()).unwrap();
    assert_eq!((report.figures.textures_passed, report.figures.textures_encoded), (1, 1), "{report}");
    let left_out: Vec<&str> = report.findings.iter().map(|f| f.reason.as_str()).collect();
    assert!(
        left_out.iter().any(|r| r.contains("leads out")) && left_out.iter().any(|r| r.contains("DDS")),
        "{left_out:?}"
    );
    inspect(&survey.join("tiles"));
}
