//! Random files and random damage.

use glam::DVec3;
use ingest::osgb::{
    scene::StepContent,
    write::{
        Compression, Corners, File, Format, Geometry, Node, PagedLod, Primitive, Texture, TextureImage, write,
    },
};
use proptest::prelude::*;

use super::{meshes, read, village};

fn any_format() -> impl Strategy<Value = Format> {
    let compression = prop_oneof![
        Just(Compression::None),
        Just(Compression::Gzip),
        Just(Compression::Zlib),
        Just(Compression::Null)
    ];
    (60u32..=202, any::<bool>(), compression, any::<bool>(), any::<bool>()).prop_map(
        |(version, blocks, compression, big_endian, schema)| Format {
            version,
            blocks: blocks && version >= 98,
            compression,
            big_endian,
            schema,
        },
    )
}

fn any_geometry() -> impl Strategy<Value = Geometry> {
    (3usize..40).prop_flat_map(|count| {
        let positions = prop::collection::vec(prop::array::uniform3(-1e4f32..1e4), count);
        let uvs = prop::collection::vec(prop::array::uniform2(0f32..1.0), count);
        let corners = prop::collection::vec(0..count as u32, 3..60);
        (positions, uvs, corners, any::<bool>()).prop_map(|(positions, uvs, mut corners, textured)| {
            corners.truncate(corners.len() / 3 * 3);
            Geometry {
                positions,
                uvs,
                color: None,
                primitives: vec![Primitive { mode: 4, corners: Corners::U32(corners) }],
                texture: textured.then_some(0),
            }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read(
        format in any_format(),
        geometries in prop::collection::vec(any_geometry(), 1..5),
        image in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let lods = geometries.iter().enumerate().map(|(i, geometry)| Node::PagedLod(PagedLod {
            sphere: [1.0, 2.0, 3.0, 4.0 + i as f64],
            switch_px: 100.0,
            coarse: vec![geometry.clone()],
            finer: Some(format!("child {i}")),
        }));
        let file = File {
            textures: vec![Texture { name: "t.jpg".into(), image: TextureImage::File(image.clone()) }],
            root: Some(Node::Group(lods.collect())),
        };
        let bytes = write(&file, &format).unwrap();
        read(&bytes, |scene| {
            assert!(scene.issues.is_empty(), "{:?}", scene.issues);
            let mut all = Vec::new();
            meshes(&scene.root, &mut all);
            assert_eq!(all.len(), geometries.len());
            for (mesh, written) in all.into_iter().zip(&geometries) {
                let positions: Vec<DVec3> =
                    written.positions.iter().map(|p| glam::Vec3::from(*p).as_dvec3()).collect();
                assert_eq!(mesh.positions.to_dvec3s(), positions);
                let Corners::U32(corners) = &written.primitives[0].corners else { unreachable!() };
                assert_eq!(&mesh.corners, corners);
                assert_eq!(mesh.image.is_some(), written.texture.is_some());
                if let Some(uvs) = mesh.uvs {
                    let flipped: Vec<[f32; 2]> = written.uvs.iter().map(|[u, v]| [*u, 1.0 - v]).collect();
                    assert_eq!(uvs.to_uvs_v_down(), flipped);
                }
            }
            for (i, lod) in scene.root.lods.iter().enumerate() {
                assert_eq!(lod.radius_m, Some(4.0 + i as f64));
                assert!(matches!(&lod.steps[1].content, StepContent::File(f) if *f == format!("child {i}")));
            }
        }).unwrap();
    }

    #[test]
    fn a_truncated_file_is_an_error_and_names_a_place(format in any_format(), part in 0.0f64..1.0) {
        let bytes = write(&village(), &format).unwrap();
        let cut = (bytes.len() as f64 * part) as usize;
        let result = read(&bytes[..cut], |scene| scene.issues.len());
        // A stored deflate stream may end early without losing anything but its checksum.
        if let Err(error) = result {
            prop_assert!(error.offset <= 1 << 20 && !error.field.is_empty() && !error.class.is_empty());
        } else {
            prop_assert!(false, "{cut} of {} bytes were read without an error", bytes.len());
        }
    }
}
