//! What the writer writes, the reader reads, in every version and encoding.

use glam::DVec3;
use ingest::osgb::{
    Container, Limits, OsgbErrorKind,
    raw::ImageData,
    scene::{RangeMode, StepContent},
    write::{Compression, File, Format, Level, Node, Texture, TextureImage, write},
};

use super::{format, meshes, read, strip_of_squares, village};

fn formats() -> Vec<Format> {
    let mut formats = Vec::new();
    for version in (60..=161).chain([199, 200, 201, 202]) {
        for blocks in [false, true] {
            if blocks && version < 98 {
                continue;
            }
            formats.push(Format { version, blocks, ..Format::V80 });
        }
    }
    for version in [80, 91, 112, 148, 149, 161] {
        for compression in [Compression::Gzip, Compression::Zlib, Compression::Null] {
            for (big_endian, schema) in [(false, false), (true, false), (false, true), (true, true)] {
                let blocks = version >= 112;
                formats.push(Format { version, blocks, compression, big_endian, schema });
            }
        }
    }
    formats
}

#[test]
fn every_version_and_encoding_gives_the_same_scene() {
    let file = village();
    for format in formats() {
        let bytes = write(&file, &format).unwrap();
        read(&bytes, |scene| {
            assert!(scene.issues.is_empty(), "{format:?}: {:?}", scene.issues);
            let root = &scene.root;
            assert_eq!((root.meshes.len(), root.lods.len()), (2, 2), "{format:?}");
            assert_eq!(scene.images.len(), 1, "the texture is shared: {format:?}");
            assert!(matches!(scene.images[0].data, ImageData::File([0xff, 0xd8, ..])));
            for (lod, name) in root.lods.iter().zip(["Tile_+000_+000_L15_0.osgb", "瓦片_L15_1.osgb"]) {
                assert_eq!(lod.center, Some(DVec3::new(10.0, 20.0, 30.0)), "{format:?}");
                assert_eq!((lod.radius_m, lod.ranges), (Some(64.0), RangeMode::PixelSize));
                assert_eq!(lod.steps[0].range, Some([0.0, 32.0]));
                assert!(
                    matches!(&lod.steps[0].content, StepContent::Inline(level) if level.meshes.len() == 1)
                );
                assert!(matches!(&lod.steps[1].content, StepContent::File(file) if file == name));
            }
            let mut all = Vec::new();
            meshes(root, &mut all);
            let triangles: Vec<usize> = all.iter().map(|mesh| mesh.triangle_count()).collect();
            // Strip 2, quad 2, pentagon 3, two fans of one: the plain geometry. The square that stands elsewhere.
            assert_eq!(triangles, [9, 2, 6, 10], "{format:?}");
            assert_eq!(scene.counts.not_triangles, 1);
            assert_eq!(all[0].color, [1.0, 0.0, 0.2, 1.0]);
            let moved = all[1].scene_from_mesh.unwrap();
            assert_eq!(moved.transform_point3(DVec3::ZERO), DVec3::new(100.0, 200.0, 300.0));
            let positions = all[2].positions.to_dvec3s();
            assert_eq!(positions[3], DVec3::new(1.0, 1.0, 0.75));
            assert_eq!(all[2].uvs.unwrap().to_uvs_v_down()[2], [1.0 / 3.0, 1.0]);
        })
        .unwrap_or_else(|error| panic!("{format:?}: {error}"));
    }
}

#[test]
fn nothing_is_left_over() {
    let bytes = write(&village(), &Format::V91).unwrap();
    let limits = Limits::default();
    let container = Container::open("made", &bytes, &limits).unwrap();
    assert_eq!(container.read(&limits).unwrap().trailing_bytes, 0);
    let longer = [bytes.as_slice(), &[0; 5]].concat();
    let issues = read(&longer, |scene| scene.issues.clone()).unwrap();
    assert!(issues[0].to_string().contains("5 bytes after the root object"), "{issues:?}");
}

#[test]
fn empty_roots_are_fine() {
    for root in [None, Some(Node::Empty), Some(Node::Group(Vec::new())), Some(Node::Geode(Vec::new()))] {
        let bytes = write(&File { textures: Vec::new(), root }, &format(80)).unwrap();
        assert!(read(&bytes, |scene| scene.root.is_empty() && scene.issues.is_empty()).unwrap());
    }
    // The worked example of the format: the smallest scene has 62 bytes.
    let smallest = File { textures: Vec::new(), root: Some(Node::Empty) };
    assert_eq!(write(&smallest, &format(80)).unwrap().len(), 62);
}

#[test]
fn unknown_classes_are_skipped_where_the_file_says_how_long_they_are() {
    let foreign = Node::Foreign("osgSim::LightPointNode".into(), vec![7; 40]);
    let file = File {
        textures: Vec::new(),
        root: Some(Node::Group(vec![foreign, Node::Geode(vec![strip_of_squares(2, None)])])),
    };
    let blocks = Format { compression: Compression::None, ..Format::V161 };
    read(&write(&file, &blocks).unwrap(), |scene| {
        assert_eq!(scene.counts.triangles, 4);
        assert_eq!(scene.counts.skipped_objects, 1);
        assert!(scene.issues[0].to_string().contains("osgSim::LightPointNode"), "{:?}", scene.issues);
    })
    .unwrap();
    let error = read(&write(&file, &Format::V91).unwrap(), |_| ()).unwrap_err();
    assert_eq!(error.kind, OsgbErrorKind::UnknownClass("osgSim::LightPointNode".into()));
    assert!(error.offset > 62 && error.class == "osg::Group" && error.field == "children", "{error}");
}

#[test]
fn distance_ranges_and_inline_levels_are_kept() {
    let level = |near: f32, far: f32, squares| Level {
        range: [near, far],
        node: Node::Geode(vec![strip_of_squares(squares, None)]),
    };
    let lod =
        Node::Lod { by_pixels: false, sphere: None, levels: vec![level(0.0, 50.0, 8), level(50.0, 1e10, 1)] };
    let bytes = write(&File { textures: Vec::new(), root: Some(lod) }, &Format::V161).unwrap();
    read(&bytes, |scene| {
        let lod = &scene.root.lods[0];
        assert_eq!((lod.ranges, lod.center, lod.radius_m), (RangeMode::Distance, None, None));
        let triangles = lod.steps.iter().map(|step| match &step.content {
            StepContent::Inline(level) => level.meshes[0].triangle_count(),
            StepContent::File(_) => 0,
        });
        assert_eq!(triangles.collect::<Vec<_>>(), [16, 2]);
    })
    .unwrap();
}

#[test]
fn images_come_as_files_pixels_or_names() {
    let images = [
        TextureImage::File(vec![0x89, b'P', b'N', b'G']),
        TextureImage::Pixels { size: [2, 2], format: 0x1907, top_first: true, bytes: vec![9; 12] },
        TextureImage::External,
    ];
    for version in [80, 91, 95, 161] {
        for image in &images {
            let file = File {
                textures: vec![Texture { name: "a.png".into(), image: image.clone() }],
                root: Some(Node::Geode(vec![strip_of_squares(1, Some(0))])),
            };
            read(&write(&file, &format(version)).unwrap(), |scene| match (&scene.images[0].data, image) {
                (ImageData::File(read), TextureImage::File(written)) => assert_eq!(read, written),
                (ImageData::Pixels(read), TextureImage::Pixels { size, bytes, .. }) => {
                    assert_eq!(read.size, [size[0] as i32, size[1] as i32, 1]);
                    assert_eq!((read.bytes, read.origin), (bytes.as_slice(), 1));
                }
                (ImageData::External, TextureImage::External) => {
                    assert_eq!(scene.images[0].file_name, b"a.png");
                }
                (read, written) => panic!("{read:?} for {written:?}"),
            })
            .unwrap();
        }
    }
}

#[test]
fn what_is_no_osgb_is_named() {
    for (bytes, word) in [
        (b"#Ascii Scene\n#Version 80".as_slice(), "text form"),
        (b"<?xml version=\"1.0\"?>", "XML"),
        (b"glTF\x02\0\0\0", "begins with"),
    ] {
        let error = read(bytes, |_| ()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(read(b"", |_| ()).unwrap_err().to_string().starts_with("made.osgb: byte 0, header, magic"));
}

#[test]
fn budgets_hold() {
    let bytes = write(&village(), &Format::V161).unwrap();
    let limits = Limits { max_body_bytes: 1000, ..Limits::default() };
    let error = Container::open("bomb", &bytes, &limits).unwrap_err();
    assert!(matches!(error.kind, OsgbErrorKind::OverBudget(_)), "{error}");

    let mut deep = Node::Empty;
    for _ in 0..200 {
        deep = Node::Group(vec![deep]);
    }
    let bytes = write(&File { textures: Vec::new(), root: Some(deep) }, &Format::V80).unwrap();
    let error = read(&bytes, |_| ()).unwrap_err();
    assert!(error.to_string().contains("nested more than 96 deep"), "{error}");
}
