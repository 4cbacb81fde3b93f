//! The sample village as its users meet it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod county;
mod county_sample;
mod delivery;
mod fuzzing;
mod ground;
mod heights;
mod land;
mod layers;
mod mesh;
mod osgb;
mod points;
mod raster;
mod vector;

use std::collections::BTreeMap;

use bytes::Bytes;
use scene::{
    content::{DecodeContext, TextureSupport, UpAxis, decode},
    metadata::Value,
};

fn made(seed: u64) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    ingest::sample::write(seed, &mut |path, bytes| {
        files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    })
    .unwrap();
    files
}

fn context(uri: &str) -> DecodeContext {
    DecodeContext {
        uri: uri.to_owned(),
        resources: Default::default(),
        gltf_up_axis: UpAxis::Y,
        texture_support: TextureSupport::default(),
        budget_bytes: 64 << 20,
    }
}

#[test]
fn the_sample_has_four_levels_and_every_tile_decodes_without_a_warning() {
    let files = made(7);
    let tiles: Vec<_> = files.keys().filter(|path| path.ends_with(".glb")).collect();
    assert_eq!(tiles.len(), 1 + 4 + 16 + 64);
    let mut addresses = Vec::new();
    for path in tiles {
        let (content, warnings) = decode(&Bytes::from(files[path].clone()), &context(path)).unwrap();
        assert!(warnings.is_empty(), "{path}: {warnings:?}");
        assert!(content.copyrights.iter().any(|c| c.contains("generated")), "{path} names no source");
        for table in content.features.tables.iter().filter(|_| path.contains("tiles/3-")) {
            for row in 0..table.count {
                let row = table
                    .properties
                    .iter()
                    .position(|p| p.id == "address")
                    .map(|_| content.features.row(0, row as u32));
                addresses.extend(
                    row.into_iter().flatten().filter(|(id, _)| id == "address").map(|(_, value)| value),
                );
            }
        }
    }
    assert!(addresses.len() > 30, "only {} houses", addresses.len());
    let mut texts: Vec<String> = addresses
        .into_iter()
        .map(|value| match value {
            Value::Text(text) => text,
            other => panic!("an address is text, not {other:?}"),
        })
        .collect();
    let houses = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), houses, "two houses share an address");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_village() {
    let first = made(7);
    assert_eq!(first, made(7));
    assert_ne!(first["tiles/0-0-0.glb"], made(8)["tiles/0-0-0.glb"]);
}
