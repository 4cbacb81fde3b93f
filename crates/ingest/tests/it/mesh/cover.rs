//! The coarse cover.

use std::fs;

use ingest::{
    mesh::{CoverOptions, MeshOptions},
    osgb::write::Format,
};
use scene::content::{DecodeContext, TextureSupport, UpAxis, decode};

use super::{Tile, inspect, made, run};

#[test]
fn a_village_of_two_hundred_roots_shows_whole_after_ten_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (delivery, survey) = (folder.path().join("in"), folder.path().join("out"));
    // An outline that is no rectangle, with a hole.
    let mut roots = 0;
    for x in 0..16u32 {
        for y in 0..16u32 {
            let (dx, dy) = (f64::from(x) - 7.5, f64::from(y) - 7.5);
            if dx.hypot(dy) < 8.3 && !(6..8).contains(&x) {
                made::tile(&delivery, x, y, &Format::V80);
                roots += 1;
            }
        }
    }
    made::metadata(&delivery, "EPSG:4547", "501027.5,2488718.8,0");
    assert!((170..=210).contains(&roots), "{roots}");
    let report = run(&delivery, &survey, &MeshOptions::default()).unwrap();
    let cover = report.cover.unwrap();
    assert!(cover.levels == 4 && (50..80).contains(&cover.tiles), "{cover:?}");
    inspect(&survey.join("tiles"));

    // Breadth first, as a viewer that wants to see it whole: the root document, then contents.
    let root = Tile::read(&survey.join("tiles/tileset.json"));
    let mut front = vec![&root];
    let (mut requests, mut gpu_bytes, mut file_bytes) = (1, 0, 0);
    while requests < 10 && !front.is_empty() {
        let tile = front.remove(0);
        let path = tile.content().unwrap();
        assert!(path.to_string_lossy().contains("cover"), "{} lies outside the cover", path.display());
        let bytes = fs::read(&path).unwrap();
        file_bytes += bytes.len();
        let context = DecodeContext {
            uri: String::new(),
            resources: Default::default(),
            gltf_up_axis: UpAxis::Y,
            texture_support: TextureSupport::default(),
            budget_bytes: 64 << 20,
        };
        let (content, warnings) = decode(&bytes.into(), &context).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        gpu_bytes += content.cost().gpu_bytes;
        requests += 1;
        front.extend(&tile.children);
    }
    println!("{requests} requests, {file_bytes} bytes, {gpu_bytes} bytes on the GPU, {cover:?}");
    assert!(gpu_bytes <= 16 << 20 && file_bytes <= 3 << 20, "{gpu_bytes} {file_bytes}");
    // Every root is below some cover tile, and errors grow upwards.
    let leaves = root.all().iter().filter(|tile| tile.error() == 64.0).count();
    assert_eq!(leaves, roots);
    for tile in root.all() {
        assert!(tile.children.iter().all(|child| child.error() <= tile.error()));
    }
    if let Some(keep) = std::env::var_os("HAMLET_KEEP_COVER") {
        for (name, bytes) in super::contents(&survey.join("tiles/cover")) {
            fs::write(std::path::Path::new(&keep).join(name), bytes).unwrap();
        }
    }
}

#[test]
fn colours_of_the_cover_are_those_of_the_textures_below() {
    let folder = tempfile::tempdir().unwrap();
    let (delivery, survey) = (folder.path().join("in"), folder.path().join("out"));
    made::delivery(&delivery, 2, 2, &Format::V80);
    let options = MeshOptions {
        cover: Some(CoverOptions { texture_px: 128, ..CoverOptions::default() }),
        ..MeshOptions::default()
    };
    let report = run(&delivery, &survey, &options).unwrap();
    assert_eq!(report.cover.map(|cover| (cover.tiles, cover.levels)), Some((1, 1)));
    let bytes = fs::read(survey.join("tiles/cover/0-0-0.glb")).unwrap();
    let context = DecodeContext {
        uri: String::new(),
        resources: Default::default(),
        gltf_up_axis: UpAxis::Y,
        texture_support: TextureSupport::default(),
        budget_bytes: 64 << 20,
    };
    let (content, _) = decode(&bytes.into(), &context).unwrap();
    let texture = &content.textures[0];
    let (width, height) = (texture.width as usize, texture.height as usize);
    // Red is the tile's seed: 0 in the south-west, 31 in the south-east, 7 in the north-west; finer levels add 1 to 5.
    let red = |u: f64, v: f64| {
        let (x, y) = ((u * width as f64) as usize, (v * height as f64) as usize);
        texture.mips[0][(y * width + x) * 4]
    };
    let near = |value: u8, expected: u8| value.abs_diff(expected) <= 14;
    let corners = [red(0.25, 0.75), red(0.75, 0.75), red(0.25, 0.25), red(0.75, 0.25)];
    assert!(
        near(corners[0], 3) && near(corners[1], 34) && near(corners[2], 10) && near(corners[3], 41),
        "{corners:?}"
    );
}
