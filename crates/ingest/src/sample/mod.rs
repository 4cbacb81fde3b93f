//! The sample village: a made-up hillside with houses, lanes, woods and a stream, as a 3D Tiles 1.1 tileset of four
//! levels, so that everything can be tried without data of one's own. The same seed gives the same bytes.

mod mesh;
mod noise;
mod paint;
mod site;

use std::io;

use bytes::Bytes;
use geodesy::{Geodetic, Obb, ecef_from_enu, ecef_from_geodetic};
use glam::{DMat3, DVec2, DVec3, Vec2};
use scene::{
    tileset::Refine,
    write::{
        Column, ColumnValues, ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput,
        PropertyTableInput, TileInput, TilesetInput, WriteError, write_tileset,
    },
};
use terrain::HeightField;

use mesh::Part;
use site::{CELLS, SIZE_M, Site};

/// Where the sample lies: a mountain county on the coast of Fujian; degrees, metres above the ellipsoid.
const PLACE: (f64, f64, f64) = (119.90, 27.23, 610.0);
/// Levels of the tree: 1, 4, 16 and 64 tiles.
const LEVELS: u32 = 4;
/// Geometric error by level, metres.
const GEOMETRIC_ERROR_M: [f64; LEVELS as usize] = [24.0, 12.0, 6.0, 0.0];
/// Deviation of the ground mesh by level, metres.
const MESH_ERROR_M: [f64; LEVELS as usize] = [3.0, 1.5, 0.7, 0.25];
/// Side of the ground texture by level, texels.
const TEXTURE_PX: [u16; LEVELS as usize] = [256, 256, 256, 512];
const ATTRIBUTION: &str = "Hamlet sample village (generated)";

/// Why the sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The ground could not be made.
    #[error("the ground of the sample: {0}")]
    Ground(#[from] terrain::HeightFieldError),
    /// The mesh could not be made.
    #[error("the mesh of the sample: {0}")]
    Mesh(#[from] terrain::RtinError),
    /// A tile reaches beyond the grid.
    #[error("a tile of the sample reaches beyond its grid")]
    Grid,
    /// A texture could not be written.
    #[error("a texture of the sample: {0}")]
    Texture(#[from] jpeg_encoder::EncodingError),
    /// The tileset could not be written.
    #[error("the sample could not be written: {0}")]
    Write(#[from] WriteError),
}

/// A tile of the quadtree over the site.
#[derive(Clone, Copy, Debug)]
struct Square {
    level: u32,
    x: u32,
    y: u32,
}

impl Square {
    fn side_cells(self) -> u32 {
        CELLS as u32 >> self.level
    }

    fn corner_cells(self) -> (u32, u32) {
        (self.x * self.side_cells(), self.y * self.side_cells())
    }

    fn side_m(self) -> f32 {
        SIZE_M / (1 << self.level) as f32
    }

    fn south_west(self) -> Vec2 {
        Vec2::new(self.x as f32, self.y as f32) * self.side_m()
    }

    fn name(self) -> String {
        format!("tiles/{}-{}-{}.glb", self.level, self.x, self.y)
    }
}

/// Makes the sample and hands each file to `store`: the tiles, then `tileset.json`.
///
/// # Errors
/// Whatever `store` answers.
pub fn write(seed: u64, store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>) -> Result<(), SampleError> {
    let valley = terrain::synthetic::hillside(seed, CELLS as u32, 1.0)?;
    let side = CELLS as u32 + 1;
    let mut heights_m: Vec<f32> =
        (0..side * side).map(|i| valley.ground.sample(i % side, i / side).unwrap_or(0.0)).collect();
    let lowest = heights_m.iter().copied().fold(f32::INFINITY, f32::min);
    heights_m.iter_mut().for_each(|h| *h -= lowest);
    let to_corner = Vec2::splat(SIZE_M / 2.0);
    let stream = valley.stream.iter().map(|p| p.truncate().as_vec2() + to_corner).collect();
    let site = Site::lay_out(heights_m, stream, seed);
    let surface =
        HeightField::from_fn(side, side, DVec2::ZERO, 1.0, |p| f64::from(site.surface_m(p.as_vec2())))?;

    let (lon, lat, height_m) = PLACE;
    let origin =
        ecef_from_geodetic(Geodetic { lon_rad: lon.to_radians(), lat_rad: lat.to_radians(), height_m });
    let atlases = [paint::atlas(&site.noise, 128).jpeg()?, paint::atlas(&site.noise, 512).jpeg()?];
    let made = Made { site, surface, atlases };
    let mut root = tile(&made, Square { level: 0, x: 0, y: 0 })?;
    root.refine = Some(Refine::Replace);
    root.transform = Some(ecef_from_enu(origin));
    let tileset = TilesetInput { root, tileset_version: Some(format!("seed {seed}")), extras: None };
    Ok(write_tileset(&tileset, "tileset.json", store)?)
}

/// What every tile is cut from.
struct Made {
    site: Site,
    surface: HeightField,
    /// House textures, small and large, as JPEG.
    atlases: [Vec<u8>; 2],
}

fn tile(made: &Made, square: Square) -> Result<TileInput, SampleError> {
    let level = square.level as usize;
    let ground = mesh::ground(&made.surface, square, MESH_ERROR_M[level])?;
    let houses = mesh::houses(&made.site, square, level >= 2);
    let mut low = DVec3::INFINITY;
    let mut high = DVec3::NEG_INFINITY;
    for position in ground.positions.iter().chain(&houses.positions) {
        (low, high) = (low.min(*position), high.max(*position));
    }
    let bytes = glb(made, square, &ground, &houses)?;
    let mut children = Vec::new();
    if square.level + 1 < LEVELS {
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let child =
                tile(made, Square { level: square.level + 1, x: square.x * 2 + dx, y: square.y * 2 + dy })?;
            if let Some(bounds) = child.bounds {
                let reach = bounds.half_axes.iter().fold(DVec3::ZERO, |sum, axis| sum + axis.abs());
                (low, high) = (low.min(bounds.center - reach), high.max(bounds.center + reach));
            }
            children.push(child);
        }
    }
    let half = (high - low) / 2.0;
    let axes = DMat3::from_diagonal(half);
    Ok(TileInput {
        bounds: Some(Obb { center: (low + high) / 2.0, half_axes: [axes.x_axis, axes.y_axis, axes.z_axis] }),
        geometric_error: GEOMETRIC_ERROR_M[level],
        content: Some(ContentInput { uri: square.name(), bytes: Some(Bytes::from(bytes)) }),
        children,
        ..TileInput::default()
    })
}

fn glb(made: &Made, square: Square, ground: &Part, houses: &Part) -> Result<Vec<u8>, SampleError> {
    let site = &made.site;
    let level = square.level as usize;
    let mut glb = GlbBuilder::new(GlbOptions {
        copyright: Some(ATTRIBUTION.to_owned()),
        generator: Some("Hamlet".to_owned()),
        ..GlbOptions::default()
    });
    // Only the houses of this tile have rows, so that a tile carries no more than it shows.
    let mut shown: Vec<u32> = houses.feature_ids.clone();
    shown.dedup();
    if !shown.is_empty() {
        glb.set_features(house_table(site, &shown))?;
    }
    let picture = paint::ground(site, square.south_west(), square.side_m(), TEXTURE_PX[level]).jpeg()?;
    let material = glb.add_material(&MaterialInput { image: Some(&picture), ..MaterialInput::default() })?;
    glb.add_mesh(&MeshInput {
        positions: &ground.positions,
        uvs: Some(&ground.uvs),
        indices: Some(&ground.indices),
        material,
        ..MeshInput::default()
    })?;
    if !houses.positions.is_empty() {
        let ids: Vec<u32> = houses
            .feature_ids
            .iter()
            .map(|id| shown.iter().position(|s| s == id).unwrap_or_default() as u32)
            .collect();
        let [small, large] = &made.atlases;
        let atlas = if level < 2 { small } else { large };
        let material = glb.add_material(&MaterialInput { image: Some(atlas), ..MaterialInput::default() })?;
        glb.add_mesh(&MeshInput {
            positions: &houses.positions,
            uvs: Some(&houses.uvs),
            indices: Some(&houses.indices),
            feature_ids: Some(&ids),
            material,
            ..MeshInput::default()
        })?;
    }
    Ok(glb.finish()?)
}

fn house_table(site: &Site, shown: &[u32]) -> PropertyTableInput {
    let houses: Vec<_> = shown.iter().filter_map(|&i| Some((i, site.houses.get(i as usize)?))).collect();
    let column = |id: &str, name: &str, values: ColumnValues| Column {
        id: id.into(),
        name: Some(name.into()),
        values,
    };
    PropertyTableInput {
        class: "house".into(),
        columns: vec![
            column(
                "building_id",
                "建筑编号",
                ColumnValues::Text(houses.iter().map(|(i, _)| format!("sample-B{i}")).collect()),
            ),
            column(
                "address",
                "标准地址",
                ColumnValues::Text(houses.iter().map(|(_, h)| h.address()).collect()),
            ),
            column("storeys", "层数", ColumnValues::UInt32(houses.iter().map(|(_, h)| h.storeys).collect())),
        ],
    }
}
