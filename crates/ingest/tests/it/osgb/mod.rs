//! The OSGB reader against files of its own writer, a real delivery, and damage.

mod fuzz;
mod properties;
mod round_trip;
mod town;

use ingest::osgb::{
    Container, Limits, OsgbError,
    scene::{Level, Scene, StepContent},
    write::{Corners, File, Format, Geometry, Node, PagedLod, Primitive, Texture, TextureImage},
};

/// Reads a file to the end and hands its scene to `look`.
fn read<T>(bytes: &[u8], look: impl FnOnce(&Scene<'_>) -> T) -> Result<T, OsgbError> {
    let limits = Limits::default();
    let container = Container::open("made.osgb", bytes, &limits)?;
    let raw = container.read(&limits)?;
    let scene = Scene::of("made.osgb", raw, &limits)?;
    Ok(look(&scene))
}

/// A geometry of `quads` squares in a row.
fn strip_of_squares(quads: u32, texture: Option<usize>) -> Geometry {
    let columns = quads + 1;
    let positions = (0..columns * 2).map(|i| [(i / 2) as f32, (i % 2) as f32, 0.25 * i as f32]).collect();
    let uvs = (0..columns * 2).map(|i| [(i / 2) as f32 / quads as f32, (i % 2) as f32]).collect();
    let indices = (0..quads).flat_map(|q| {
        let a = q * 2;
        [a, a + 2, a + 1, a + 1, a + 2, a + 3]
    });
    Geometry {
        positions,
        uvs: if texture.is_some() { uvs } else { Vec::new() },
        color: None,
        primitives: vec![Primitive::triangles(indices.collect())],
        texture,
    }
}

/// Two paged levels that share a texture, one of their own kind of primitive, and an untextured geometry.
fn village() -> File {
    let lod = |geometry: Geometry, name: &str| {
        Node::PagedLod(PagedLod {
            sphere: [10.0, 20.0, 30.0, 64.0],
            switch_px: 32.0,
            coarse: vec![geometry],
            finer: Some(name.to_owned()),
        })
    };
    let mut plain = strip_of_squares(2, None);
    plain.color = Some([255, 0, 51, 255]);
    plain.primitives = vec![
        Primitive { mode: 5, corners: Corners::U8(vec![0, 1, 2, 3]) },
        Primitive { mode: 7, corners: Corners::U16(vec![0, 2, 3, 1]) },
        Primitive { mode: 9, corners: Corners::Range(0, 5) },
        Primitive { mode: 6, corners: Corners::Lengths(0, vec![3, 3]) },
        Primitive { mode: 0, corners: Corners::Range(0, 6) },
    ];
    File {
        textures: vec![Texture {
            name: "Tile_+000_+000_0.jpg".into(),
            image: TextureImage::File(vec![0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]),
        }],
        root: Some(Node::Group(vec![
            lod(strip_of_squares(3, Some(0)), "Tile_+000_+000_L15_0.osgb"),
            lod(strip_of_squares(5, Some(0)), "瓦片_L15_1.osgb"),
            Node::Geode(vec![plain]),
            Node::Transform(
                [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 100., 200., 300., 1.],
                vec![Node::Geode(vec![strip_of_squares(1, None)])],
            ),
            Node::Switch(vec![(true, Node::Empty), (false, Node::Geode(vec![strip_of_squares(9, None)]))]),
            Node::WithUserData("某村".into(), vec![Node::Empty]),
        ])),
    }
}

/// All meshes of a level, those of its inline levels of detail included.
fn meshes<'s, 'a>(level: &'s Level<'a>, found: &mut Vec<&'s ingest::osgb::scene::Mesh<'a>>) {
    found.extend(&level.meshes);
    for step in level.lods.iter().flat_map(|lod| &lod.steps) {
        if let StepContent::Inline(inner) = &step.content {
            meshes(inner, found);
        }
    }
}

fn format(version: u32) -> Format {
    Format { version, ..Format::V80 }
}
