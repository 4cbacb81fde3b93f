//! Deliveries made with the writer.

use std::{fs, path::Path};

use ingest::osgb::write::{File, Format, Geometry, Node, PagedLod, Primitive, Texture, TextureImage, write};

/// A JPEG of one colour with some texture.
pub(crate) fn jpeg(seed: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..32u32 * 32).flat_map(|i| [seed, 90, (i / 32 * 4) as u8]).collect();
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, 95).encode(&pixels, 32, 32, jpeg_encoder::ColorType::Rgb).unwrap();
    file
}

/// A bumpy square of `cells` × `cells` with its lower corner at (x, y).
pub(crate) fn ground(x: f32, y: f32, side_m: f32, cells: u32, texture: Option<usize>) -> Geometry {
    let columns = cells + 1;
    let place = |i: u32| {
        let (u, v) = ((i % columns) as f32 / cells as f32, (i / columns) as f32 / cells as f32);
        let (px, py) = (x + u * side_m, y + v * side_m);
        ([px, py, 20.0 + (px * 0.07).sin() * 4.0 + (py * 0.05).cos() * 3.0], [u, v])
    };
    let (positions, uvs): (Vec<_>, Vec<_>) = (0..columns * columns).map(place).unzip();
    let indices = (0..cells * cells).flat_map(|cell| {
        let a = cell / cells * columns + cell % cells;
        [a, a + 1, a + columns, a + 1, a + columns + 1, a + columns]
    });
    Geometry {
        positions,
        uvs: if texture.is_some() { uvs } else { Vec::new() },
        color: None,
        primitives: vec![Primitive::triangles(indices.collect())],
        texture,
    }
}

pub(crate) fn texture(seed: u8) -> Texture {
    Texture { name: format!("{seed}.jpg"), image: TextureImage::File(jpeg(seed)) }
}

fn lod(coarse: Geometry, center: [f64; 2], radius: f64, switch_px: f32, finer: &str) -> Node {
    Node::PagedLod(PagedLod {
        sphere: [center[0], center[1], 20.0, radius],
        switch_px,
        coarse: vec![coarse],
        finer: Some(finer.to_owned()),
    })
}

/// Writes `columns` × `rows` tiles of 100 m with three levels each: the root, one finer file, and four quarters that name
/// files which are not delivered; the quarters of every second tile share one texture.
pub(crate) fn delivery(folder: &Path, columns: u32, rows: u32, format: &Format) {
    for x in 0..columns {
        for y in 0..rows {
            tile(folder, x, y, format);
        }
    }
    metadata(folder, "EPSG:4547", "501027.5,2488718.8,0");
}

pub(crate) fn metadata(folder: &Path, srs: &str, origin: &str) {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ModelMetadata version=\"1\"><SRS>{srs}</SRS><SRSOrigin>{origin}\
         </SRSOrigin></ModelMetadata>"
    );
    fs::write(folder.join("metadata.xml"), xml).unwrap();
}

pub(crate) fn tile(folder: &Path, x: u32, y: u32, format: &Format) {
    let name = format!("Tile_+{x:03}_+{y:03}");
    let data = folder.join("Data").join(&name);
    fs::create_dir_all(&data).unwrap();
    let (left, low) = (x as f32 * 100.0, y as f32 * 100.0);
    let seed = ((x * 31 + y * 7) % 240) as u8;
    let center = [f64::from(left) + 50.0, f64::from(low) + 50.0];
    let put = |stem: &str, file: &File| {
        fs::write(data.join(format!("{stem}.osgb")), write(file, format).unwrap()).unwrap();
    };
    let fine = format!("{name}_L15_0");
    put(
        &name,
        &File {
            textures: vec![texture(seed)],
            root: Some(Node::Group(vec![lod(
                ground(left, low, 100.0, 6, Some(0)),
                center,
                72.0,
                36.0,
                &format!("{fine}.osgb"),
            )])),
        },
    );
    let finest = format!("{name}_L16_00");
    put(
        &fine,
        &File {
            textures: vec![texture(seed + 1)],
            root: Some(lod(
                ground(left, low, 100.0, 14, Some(0)),
                center,
                72.0,
                72.0,
                &format!("{finest}.osgb"),
            )),
        },
    );
    let shared = x % 2 == 1;
    let textures = (0..if shared { 1 } else { 4 }).map(|i| texture(seed + 2 + i)).collect();
    let quarters =
        [(0.0, 0.0), (50.0, 0.0), (0.0, 50.0), (50.0, 50.0)].iter().enumerate().map(|(i, (dx, dy))| {
            let geometry = ground(left + dx, low + dy, 50.0, 16, Some(if shared { 0 } else { i }));
            let center = [f64::from(left + dx) + 25.0, f64::from(low + dy) + 25.0];
            lod(geometry, center, 36.0, 144.0, &format!("{name}_L17_00{i}.osgb"))
        });
    put(&finest, &File { textures, root: Some(Node::Group(quarters.collect())) });
}
