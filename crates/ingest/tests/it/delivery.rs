//! Layouts of deliveries.

use std::{fs, path::Path};

use geodesy::crs::HeightDatum;
use ingest::{
    delivery::{DeliveryError, DeliveryKind, MetadataForm, recognise},
    mesh::{FindingKind, MeshError, MeshOptions, MeshRequest, Silent, import, plan},
    osgb::write::Format,
};

use crate::{
    fuzzing::{data, fuzz},
    mesh::{inspect, made, request},
};

fn touch(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"").unwrap();
}

fn names(path: &Path) -> Vec<String> {
    recognise(path).unwrap().tiles.into_iter().map(|tile| tile.name).collect()
}

#[test]
fn tiles_are_found_however_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("倾斜 摄影");
    for file in [
        "Data/Tile_+000_-012/Tile_+000_-012.osgb",
        "Data/Tile_+000_-012/Tile_+000_-012_L15_0.osgb",
        // A root that is not named like its folder.
        "Data/Tile_+001_+030/Tile_+001_+030(1).osgb",
        "Data/Tile_+001_+030/Tile_+001_+030(1)_L16_0.osgb",
        // DJI Terra.
        "Data/BlockAB/BlockAB.osgb",
        "Data/BlockAB/BlockAB_L17_0.osgb",
        // No file without a level.
        "Data/Odd/Odd_L17_0.osgb",
        "Data/Odd/Odd_L18_0.osgb",
        "Data/.hidden/x.osgb",
    ] {
        touch(&root.join(file));
    }
    assert_eq!(names(&root), ["BlockAB", "Odd_L17_0", "Tile_+000_-012", "Tile_+001_+030(1)"]);
    let delivery = recognise(&root).unwrap();
    assert_eq!(delivery.kind, DeliveryKind::OsgbTiles);
    assert!(delivery.notes.iter().any(|n| n.contains("not named like its folder")));
    assert!(delivery.notes.iter().any(|n| n.contains("coarsest ones")));
    assert!(delivery.notes.iter().any(|n| n.contains("no metadata")));

    let flat = folder.path().join("flat");
    for file in ["a.osgb", "a_L15_0.osgb", "b.osgb"] {
        touch(&flat.join(file));
    }
    assert_eq!(names(&flat), ["a", "b"]);
    assert_eq!(recognise(&flat).unwrap().kind, DeliveryKind::OsgbFolder);
    assert_eq!(names(&flat.join("a.osgb")), ["a"]);
    // Names that differ in case only, or are no names of folders.
    let same = folder.path().join("same");
    for file in ["x/Tile.osgb", "x/Tile_L15_0.osgb", "y/tile.osgb", "z/cover.osgb"] {
        touch(&same.join(file));
    }
    assert_eq!(names(&same), ["Tile", "tile~2", "tile_cover"]);
}

#[test]
fn metadata_is_found_above_beside_and_below() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("d");
    touch(&root.join("Data/Tile_+000_+000/Tile_+000_+000.osgb"));
    made::metadata(&root, "EPSG:4547", "1,2,3");
    for path in ["", "Data", "Data/Tile_+000_+000", "Data/Tile_+000_+000/Tile_+000_+000.osgb"] {
        let found = recognise(&root.join(path)).unwrap().metadata.unwrap();
        assert_eq!((found.form, found.origin), (MetadataForm::ModelMetadata, [1.0, 2.0, 3.0]), "{path}");
    }
    // A folder of deliveries is asked about; one alone is clear.
    let one = recognise(folder.path()).unwrap();
    assert_eq!(one.metadata.unwrap().origin, [1.0, 2.0, 3.0]);
    touch(&folder.path().join("e/Data/T/T.osgb"));
    made::metadata(&folder.path().join("e"), "EPSG:4547", "4,5,6");
    let several = recognise(folder.path());
    assert!(
        matches!(&several, Err(DeliveryError::Several { names, .. }) if names == &["d", "e"]),
        "{several:?}"
    );

    let nothing = tempfile::tempdir().unwrap();
    assert!(matches!(recognise(nothing.path()), Err(DeliveryError::Nothing { .. })));
    assert!(matches!(recognise(&nothing.path().join("no")), Err(DeliveryError::Unreadable { .. })));
    fs::write(nothing.path().join("metadata.xml"), "<broken").unwrap();
    touch(&nothing.path().join("a.osgb"));
    let broken = recognise(nothing.path()).unwrap();
    assert!(
        broken.metadata.is_none() && broken.notes.iter().any(|n| n.contains("metadata.xml")),
        "{broken:?}"
    );
}

#[test]
fn the_real_town_is_recognised() {
    let Some(town) = data("osgb/town") else {
        println!("skipped: no real OSGB delivery beside the checkout");
        return;
    };
    let delivery = recognise(&town).unwrap();
    assert_eq!(delivery.kind, DeliveryKind::OsgbTiles);
    let tiles: Vec<(&str, u64)> = delivery.tiles.iter().map(|t| (t.name.as_str(), t.bytes)).collect();
    assert_eq!(tiles.iter().map(|t| t.0).collect::<Vec<_>>(), ["Tile_+000_+012", "Tile_+000_+013"]);
    assert_eq!(tiles.iter().map(|t| t.1).sum::<u64>(), 19_005_432);
    let metadata = delivery.metadata.unwrap();
    assert_eq!(metadata.origin, [501_027.524, 2_488_718.808, 0.0]);
    assert!(metadata.srs.unwrap().starts_with("PROJCS[\"LOCAL0"));
}

const OBJ: &str = "mtllib 模型.mtl\n\
    v 640000.25 3320000.5 20.125\nv 640010.25 3320000.5 20.125\nv 640010.25 3320010.5 25.125\nv 640000.25 3320010.5 25.125\n\
    vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl 屋顶\nf 1/1 2/2 3/3 4/4\nusemtl plain\nf 1 3 4\n";

#[test]
fn an_obj_model_is_imported_with_its_large_coordinates() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("模型");
    fs::create_dir_all(&delivery).unwrap();
    fs::write(delivery.join("model.obj"), OBJ).unwrap();
    fs::write(delivery.join("模型.mtl"), "newmtl 屋顶\nmap_Kd 纹理 0.jpg\nnewmtl plain\nKd 1 0 0\n").unwrap();
    fs::write(delivery.join("纹理 0.jpg"), made::jpeg(9)).unwrap();
    fs::write(delivery.join("model.prj"), wkt()).unwrap();
    let planned = plan(&request(&delivery)).unwrap();
    assert_eq!(planned.delivery.kind, DeliveryKind::Obj);
    assert_eq!(planned.delivery.metadata.as_ref().unwrap().form, MetadataForm::Prj);
    let survey = folder.path().join("out");
    let report = import(&planned, &survey, &MeshOptions::default(), &Silent).unwrap();
    assert_eq!((report.figures.triangles, report.figures.textures_passed), (3, 1));
    assert_eq!(report.count(FindingKind::LeftOut) + report.count(FindingKind::FailedFile), 0, "{report}");
    assert!(report.cover.is_some());
    inspect(&survey.join("tiles"));
    let [w, s, ..] = report.place.region_deg_m.unwrap();
    assert!((w - 115.4514).abs() < 0.01 && (s - 29.99).abs() < 0.01, "{w} {s}");

    fs::write(delivery.join("model.obj"), "v 1 2 3\nf 1 2 3\n").unwrap();
    assert!(matches!(plan(&request(&delivery)), Err(MeshError::Empty { .. })));
}

fn wkt() -> String {
    // As .prj files write it: no label, names of another house.
    "PROJCS[\"CGCS2000_3_Degree_GK_CM_114E\",GEOGCS[\"GCS_China_Geodetic_Coordinate_System_2000\",\
     DATUM[\"D_China_2000\",SPHEROID[\"CGCS2000\",6378137.0,298.257222101]],PRIMEM[\"Greenwich\",0.0],\
     UNIT[\"Degree\",0.0174532925199433]],PROJECTION[\"Gauss_Kruger\"],PARAMETER[\"False_Easting\",500000.0],\
     PARAMETER[\"False_Northing\",0.0],PARAMETER[\"Central_Meridian\",114.0],PARAMETER[\"Scale_Factor\",1.0],\
     PARAMETER[\"Latitude_Of_Origin\",0.0],UNIT[\"Meter\",1.0]]"
        .to_owned()
}

#[test]
fn a_large_model_is_cut_into_cells_that_share_their_texture() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("mtllib a.mtl\nusemtl a\n");
    let n = 180;
    for i in 0..=n {
        for j in 0..=n {
            text.push_str(&format!(
                "v {} {} {}\nvt {} {}\n",
                i,
                j,
                (i * j) % 7,
                i as f32 / 180.0,
                j as f32 / 180.0
            ));
        }
    }
    for i in 0..n {
        for j in 0..n {
            let a = i * (n + 1) + j + 1;
            text.push_str(&format!("f {0}/{0} {1}/{1} {2}/{2} {3}/{3}\n", a, a + n + 1, a + n + 2, a + 1));
        }
    }
    fs::write(folder.path().join("big.obj"), text).unwrap();
    fs::write(folder.path().join("a.mtl"), "newmtl a\nmap_Kd a.jpg").unwrap();
    fs::write(folder.path().join("a.jpg"), made::jpeg(3)).unwrap();
    let request = MeshRequest {
        path: folder.path().join("big.obj"),
        crs: Some("ENU:27.2,119.9".into()),
        heights: Some(HeightDatum::Ellipsoidal),
        ..MeshRequest::default()
    };
    let survey = folder.path().join("out");
    let report = import(&plan(&request).unwrap(), &survey, &MeshOptions::default(), &Silent).unwrap();
    assert_eq!(report.figures.triangles, 2 * 180 * 180);
    // Four cells, one cover tile; one picture for all cells.
    assert_eq!(report.figures.contents, 4 + 1);
    assert!(survey.join("tiles/big/big-image0.jpg").is_file());
    inspect(&survey.join("tiles"));
}

#[test]
fn metadata_never_panics() {
    let seeds = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><ModelMetadata version=\"1\"><SRS>EPSG:4547</SRS><SRSOrigin>1,2,3</SRSOrigin></ModelMetadata>",
        "<P><Center longitude=\"119.9\" latitude='27.2'/><![CDATA[x]]>&quot;&#x41;</P>",
        "<?xml encoding='GB2312'?><a><b><c x='1'/></b></a>",
    ];
    let seeds = seeds.iter().map(|s| s.as_bytes().to_vec()).collect();
    fuzz("metadata", seeds, |bytes| {
        let _ = ingest::delivery::parse_metadata(Path::new("fuzzed"), bytes);
    });
}

#[test]
fn obj_never_panics() {
    let limits = ingest::obj::ObjLimits { max_triangles: 10_000 };
    fuzz("obj", vec![OBJ.as_bytes().to_vec()], move |bytes| {
        let _ = ingest::obj::osgb_of(bytes, &limits, &mut |_| Some(bytes.to_vec()));
    });
}

#[test]
fn v161_deliveries_are_read_like_others() {
    let folder = tempfile::tempdir().unwrap();
    made::delivery(folder.path(), 1, 1, &Format::V161);
    let report = import(
        &plan(&request(folder.path())).unwrap(),
        &folder.path().join("out"),
        &MeshOptions::default(),
        &Silent,
    );
    assert_eq!(report.unwrap().figures.source_files, 3);
}
