//! The mesh of a village as OSGB files in the layout of ContextCapture.

use glam::Vec3;

use super::{
    File,
    frame::{EPSG, map},
};
use crate::{
    county_sample::{
        CountySampleError,
        site::Site,
        skin::{Level, Piece, Tile},
    },
    osgb::write::{self, Format, Geometry, Node, PagedLod, Primitive, Texture, TextureImage},
};

/// Quality of textures.
const QUALITY: u8 = 80;
/// ContextCapture's number of the level whose geometric error is 1 m.
const LEVEL_OF_ONE_METRE: u32 = 20;

/// Height that all heights of a mesh are relative to, metres.
fn base_m(site: &Site) -> f64 {
    f64::from(site.ground.values.iter().copied().fold(f32::INFINITY, f32::min)).floor()
}

/// `metadata.xml` of a village's mesh.
pub(super) fn metadata(site: &Site) -> String {
    let origin = map(site.south_west);
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<ModelMetadata version="1">
	<!--Spatial Reference System-->
	<SRS>EPSG:{EPSG}</SRS>
	<!--Origin in Spatial Reference System-->
	<SRSOrigin>{},{},{}</SRSOrigin>
	<Texture>
		<ColorSource>Visible</ColorSource>
	</Texture>
</ModelMetadata>
"#,
        origin.x,
        origin.y,
        base_m(site)
    )
}

/// The files of a tile, relative to the folder of the mesh, the finest level first.
pub(super) fn files(site: &Site, tile: &Tile) -> Result<Vec<File>, CountySampleError> {
    let name = format!("Tile_{:+04}_{:+04}", tile.column, tile.row);
    let base = base_m(site) as f32;
    // A file of a piece that another file names: its path of quarters after the level.
    let file_name = |level: usize, path: &str| match level {
        0 => format!("{name}.osgb"),
        _ => format!("{name}_L{}_{path}.osgb", level_number(&tile.levels[level])),
    };
    let mut files = Vec::new();
    for (level, pieces) in tile.levels.iter().enumerate().rev() {
        // Levels that are split come as one file for each quarter of the level above, which is one piece or four.
        let groups: Vec<(String, Vec<(usize, &Piece)>)> = if level < 3 {
            vec![("0".to_owned(), pieces.pieces.iter().enumerate().collect())]
        } else {
            pieces.pieces.iter().enumerate().map(|(i, piece)| (format!("0{i}"), vec![(i, piece)])).collect()
        };
        for (path, group) in groups {
            let mut textures = Vec::new();
            let mut nodes = Vec::new();
            for (quarter, piece) in &group {
                let Some(sphere) = sphere(piece, base) else { continue };
                let finer = tile.levels.get(level + 1).map(|_| {
                    let path = if level + 1 < 3 { "0".to_owned() } else { format!("0{quarter}") };
                    file_name(level + 1, &path)
                });
                let stem = file_name(level, &path).replace(".osgb", "");
                textures.push(Texture {
                    name: format!("{stem}_{}.jpg", textures.len()),
                    image: TextureImage::File(piece.texture.jpeg(QUALITY)?),
                });
                nodes.push(Node::PagedLod(PagedLod {
                    sphere,
                    switch_px: (32.0 * sphere[3] / f64::from(pieces.geometric_error_m)) as f32,
                    coarse: vec![geometry(piece, base, textures.len() - 1)],
                    finer,
                }));
            }
            let root = if nodes.len() == 1 { nodes.pop() } else { Some(Node::Group(nodes)) };
            let path = format!("Data/{name}/{}", file_name(level, &path));
            let bytes = write::write(&write::File { textures, root }, &Format::V91)
                .map_err(|source| CountySampleError::Sink { path: path.clone(), source })?;
            files.push(File { path, bytes });
        }
    }
    Ok(files)
}

/// ContextCapture's number of a level, as file names carry it.
fn level_number(level: &Level) -> u32 {
    let mut number = LEVEL_OF_ONE_METRE;
    let mut error_m = level.geometric_error_m;
    while error_m > 1.0 && number > 0 {
        (error_m, number) = (error_m / 2.0, number - 1);
    }
    number
}

/// Centre and radius; `None` of what has no triangles.
fn sphere(piece: &Piece, base_m: f32) -> Option<[f64; 4]> {
    let (low, high) = piece
        .positions
        .iter()
        .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), p| (low.min(*p), high.max(*p)));
    if piece.indices.is_empty() {
        return None;
    }
    let center = (low + high) / 2.0 - Vec3::Z * base_m;
    let radius = (high - low).length() / 2.0;
    Some([center.x, center.y, center.z, radius].map(f64::from))
}

fn geometry(piece: &Piece, base_m: f32, texture: usize) -> Geometry {
    Geometry {
        positions: piece.positions.iter().map(|p| [p.x, p.y, p.z - base_m]).collect(),
        uvs: piece.uvs.iter().map(|uv| [uv.x, 1.0 - uv.y]).collect(),
        color: None,
        primitives: vec![Primitive::triangles(piece.indices.clone())],
        texture: Some(texture),
    }
}
