//! Fuzz target of the OSGB reader. A short run with every `make test`; ten minutes with
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p ingest --test it fuzz`.
//! A crash leaves its bytes in the folder that `HAMLET_FUZZ_CRASHES` names; kept in `tests/crashes/osgb/`, they are
//! replayed for ever.

use ingest::osgb::{
    Container, Limits,
    scene::Scene,
    write::{Compression, Format, write},
};

use super::village;
use crate::fuzzing::{fuzz, real};

fn take(bytes: &[u8]) {
    let limits = Limits { max_body_bytes: 1 << 20, max_depth: 64, max_visits: 10_000, max_corners: 1 << 16 };
    let Ok(container) = Container::open("fuzzed", bytes, &limits) else { return };
    let Ok(raw) = container.read(&limits) else { return };
    let Ok(scene) = Scene::of("fuzzed", raw, &limits) else { return };
    let mut all = Vec::new();
    super::meshes(&scene.root, &mut all);
    for mesh in all {
        let positions = mesh.positions.to_dvec3s();
        assert!(mesh.corners.iter().all(|&c| (c as usize) < positions.len()));
        assert!(positions.iter().all(|p| p.is_finite()));
        if let Some(uvs) = mesh.uvs {
            assert_eq!(uvs.to_uvs_v_down().len(), positions.len());
        }
    }
}

#[test]
fn osgb() {
    let plain = Format { compression: Compression::None, ..Format::V161 };
    let formats = [
        Format::V80,
        Format::V91,
        plain,
        Format { version: 76, ..Format::V80 },
        Format { version: 112, blocks: true, big_endian: true, ..Format::V80 },
    ];
    let mut seeds: Vec<Vec<u8>> = formats.iter().map(|format| write(&village(), format).unwrap()).collect();
    seeds.extend(real("osgb/town", &["osgb"], 220_000));
    fuzz("osgb", seeds, take);
}
