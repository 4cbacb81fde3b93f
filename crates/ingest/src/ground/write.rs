//! The terrain tileset: an implicit quadtree of glTF meshes with pictures.

use std::io;

use geodesy::Obb;
use glam::{DVec2, DVec3};
use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};
use rayon::prelude::*;
use scene::{
    tileset::{Refine, implicit::SubdivisionScheme},
    write::{
        GlbBuilder, GlbOptions, ImplicitTile, ImplicitTilesetInput, MaterialInput, MeshInput, WriteError,
        implicit_uri, write_implicit_tileset,
    },
};
use terrain::{CutOut, TerrainMesh, TerrainTiles, TileId, tiles::skirt_depths};

use super::{
    LocalPlan,
    picture::{Ortho, Picture, halved, relief},
};
use crate::raster::RasterError;

const CONTENT_URI: &str = "{level}/{x}-{y}.glb";
const SUBTREE_URI: &str = "subtrees/{level}-{x}-{y}.subtree";
const SUBTREE_LEVELS: u32 = 5;
/// At 16 px of error a texel is then a pixel.
const ERROR_TEXELS: f64 = 16.0;
/// Levels of the subtrees that are made at once, four next to each other on the caller's pool.
const AT_ONCE_LEVELS: u32 = 3;

/// How a terrain tileset is made.
#[derive(Clone, Debug)]
pub struct TerrainOptions {
    /// How far the finest meshes may be from their samples, metres; twice as far at each level above.
    pub max_error_m: f64,
    /// Texels along the side of a tile, a power of two.
    pub picture_side: u32,
    /// Quality of the JPEG pictures, 1 to 100.
    pub picture_quality: u8,
    /// Compress meshes (`KHR_mesh_quantization`, `EXT_meshopt_compression`).
    pub compress: bool,
    /// `asset.copyright` of the tiles.
    pub copyright: Option<String>,
    /// `asset.tilesetVersion`.
    pub tileset_version: Option<String>,
}

impl Default for TerrainOptions {
    fn default() -> Self {
        Self {
            max_error_m: 0.5,
            picture_side: 256,
            picture_quality: 85,
            compress: true,
            copyright: None,
            tileset_version: None,
        }
    }
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TerrainReport {
    /// Tiles with ground.
    pub tiles: u64,
    /// Their triangles, skirts included.
    pub triangles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Per level: geometric error, greatest deviation from all samples, and depth of the skirts, metres.
    pub levels: Vec<[f64; 3]>,
}

/// Why there is no tileset.
#[derive(Debug, thiserror::Error)]
pub enum TerrainError {
    /// Options that make no sense.
    #[error("{0}")]
    Options(String),
    /// The orthophoto cannot be read.
    #[error("the orthophoto")]
    Ortho(#[from] RasterError),
    /// A picture cannot be written.
    #[error("a picture")]
    Picture(#[from] EncodingError),
    /// The tileset cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Makes a tileset of terrain under `tileset.json` and hands its files to `store`, tiles first. Ground within `cut_outs`
/// is left out at all levels.
///
/// # Errors
/// An orthophoto that cannot be read, options that make no sense, and whatever `store` answers.
pub fn write_terrain(
    tiles: &TerrainTiles,
    plan: &LocalPlan,
    ortho: Option<&dyn Ortho>,
    cut_outs: &[CutOut],
    options: &TerrainOptions,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<TerrainReport, TerrainError> {
    check(options)?;
    let grid = tiles.grid();
    let last = grid.levels() - 1;
    let max_error_m = |level: u32| options.max_error_m * 2f64.powi((last - level) as i32);
    // What the meshes of each level are off, before any is written: skirts and errors depend on it.
    let measured: Vec<(f64, f64)> = (0..=last)
        .map(|level| {
            let ids: Vec<TileId> = grid.tiles(level).collect();
            let of = |id: &TileId| {
                tiles.tile(*id, max_error_m(level)).map(|t| (t.deviation_m, t.edge_deviation_m))
            };
            let each: Vec<(f64, f64)> = ids.par_iter().filter_map(of).collect();
            each.into_iter().fold((0.0, 0.0), |(a, b), (c, d)| (f64::max(a, c), f64::max(b, d)))
        })
        .collect();
    let edges: Vec<f64> = measured.iter().map(|(_, edge)| *edge).collect();
    // A little more, because corners are rounded when they are stored.
    let skirts: Vec<f64> = skirt_depths(&edges)
        .into_iter()
        .zip(0..)
        .map(|(depth, level)| depth + grid.tile_m(level) / 16_384.0 + 0.1)
        .collect();
    let texel_m = |level: u32| grid.tile_m(level) / f64::from(options.picture_side);
    let needed = |level: u32| {
        f64::max(measured.get(level as usize).map_or(0.0, |m| m.0), ERROR_TEXELS * texel_m(level))
    };
    let root_error = (0..=last).map(|level| needed(level) * 2f64.powi(level as i32)).fold(0.0, f64::max);
    let errors = |level: u32| root_error / 2f64.powi(level as i32);

    let maker = Maker {
        tiles,
        enu_from_ecef: plan.frame().inverse(),
        plan,
        ortho,
        cut_outs,
        options,
        skirts: &skirts,
        range: tiles.height_range(),
        max_error_m: (0..=last).map(max_error_m).collect(),
    };
    let mut report = TerrainReport::default();
    let mut entries = Vec::new();
    let mut take = |made: Made| -> Result<(), TerrainError> {
        if let Some(bytes) = &made.bytes {
            let path = implicit_uri(CONTENT_URI, made.tile.level, made.tile.at);
            store(&path, bytes).map_err(|source| WriteError::Sink { path, source })?;
            report.tiles += 1;
            report.bytes += bytes.len() as u64;
            report.triangles += made.triangles;
        }
        entries.push(made.tile);
        Ok(())
    };
    maker.subtree(TileId::ROOT, last, &mut take)?;
    report.levels = (0..=last)
        .zip(measured.iter().zip(&skirts))
        .map(|(level, ((deviation, _), skirt))| [errors(level), *deviation, *skirt])
        .collect();
    let bounds = entries.iter().find(|tile| tile.level == 0).and_then(|tile| tile.bounds);
    let Some(bounds) = bounds else {
        return Err(TerrainError::Options("all of the terrain is cut away".into()));
    };
    let tileset = ImplicitTilesetInput {
        scheme: SubdivisionScheme::Quadtree,
        subtree_levels: SUBTREE_LEVELS,
        bounds,
        geometric_error: root_error,
        refine: Refine::Replace,
        transform: Some(plan.frame()),
        content_uri: CONTENT_URI.into(),
        subtree_uri: SUBTREE_URI.into(),
        tiles: entries,
        tileset_version: options.tileset_version.clone(),
        extras: None,
    };
    write_implicit_tileset(&tileset, "tileset.json", store)?;
    Ok(report)
}

fn check(options: &TerrainOptions) -> Result<(), TerrainError> {
    let side = options.picture_side;
    if !side.is_power_of_two() || !(16..=4096).contains(&side) {
        return Err(TerrainError::Options(format!(
            "pictures of {side} texels: a power of two from 16 to 4096"
        )));
    }
    if !(options.max_error_m.is_finite() && options.max_error_m >= 0.0) {
        return Err(TerrainError::Options(format!("an error of {} m", options.max_error_m)));
    }
    if !(1..=100).contains(&options.picture_quality) {
        return Err(TerrainError::Options(format!("a quality of {}", options.picture_quality)));
    }
    Ok(())
}

/// A tile and its file; without ground there is none.
struct Made {
    tile: ImplicitTile,
    bytes: Option<Vec<u8>>,
    triangles: u64,
}

struct Maker<'a> {
    tiles: &'a TerrainTiles,
    plan: &'a LocalPlan,
    enu_from_ecef: glam::DMat4,
    ortho: Option<&'a dyn Ortho>,
    cut_outs: &'a [CutOut],
    options: &'a TerrainOptions,
    skirts: &'a [f64],
    range: (f32, f32),
    max_error_m: Vec<f64>,
}

/// What a subtree hands to the tile above: its picture, and the box of all in it.
struct Top {
    picture: Picture,
    low: DVec3,
    high: DVec3,
}

impl Maker<'_> {
    /// Makes a tile and all below it, children first.
    fn subtree(
        &self,
        id: TileId,
        last: u32,
        take: &mut dyn FnMut(Made) -> Result<(), TerrainError>,
    ) -> Result<Option<Top>, TerrainError> {
        if !self.tiles.has_ground(id) {
            return Ok(None);
        }
        if last - id.level <= AT_ONCE_LEVELS {
            let (made, top) = self.whole(id, last)?;
            made.into_iter().try_for_each(take)?;
            return Ok(top);
        }
        let children = id.children();
        let tops: [Option<Top>; 4] = if last - id.level == AT_ONCE_LEVELS + 1 {
            let results: Vec<_> = children.par_iter().map(|child| self.whole(*child, last)).collect();
            let mut tops = [const { None }; 4];
            for (slot, result) in tops.iter_mut().zip(results) {
                let (made, top) = result?;
                made.into_iter().try_for_each(&mut *take)?;
                *slot = top;
            }
            tops
        } else {
            let mut tops = [const { None }; 4];
            for (slot, child) in tops.iter_mut().zip(children) {
                *slot = self.subtree(child, last, take)?;
            }
            tops
        };
        let (made, top) = self.tile(id, Some(tops))?;
        take(made)?;
        Ok(top)
    }

    /// Makes a subtree in one go.
    fn whole(&self, id: TileId, last: u32) -> Result<(Vec<Made>, Option<Top>), TerrainError> {
        let mut made = Vec::new();
        if !self.tiles.has_ground(id) {
            return Ok((made, None));
        }
        let mut tops = None;
        if id.level < last {
            let mut children = [const { None }; 4];
            for (slot, child) in children.iter_mut().zip(id.children()) {
                let (below, top) = self.whole(child, last)?;
                made.extend(below);
                *slot = top;
            }
            tops = Some(children);
        }
        let (own, top) = self.tile(id, tops)?;
        made.push(own);
        Ok((made, top))
    }

    fn tile(
        &self,
        id: TileId,
        children: Option<[Option<Top>; 4]>,
    ) -> Result<(Made, Option<Top>), TerrainError> {
        let side = self.options.picture_side;
        let area = self.tiles.grid().area(id);
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        let picture = match children {
            None => self.finest_picture(id)?,
            Some(tops) => {
                for top in tops.iter().flatten() {
                    (low, high) = (low.min(top.low), high.max(top.high));
                }
                let mut picture = halved(tops.map(|top| top.map(|top| top.picture)), side);
                // Coarse tiles reach a little beyond what is known at the finest level.
                self.fill(&mut picture, id);
                picture
            }
        };
        let level = id.level as usize;
        let max_error_m = self.max_error_m.get(level).copied().unwrap_or(0.0);
        let mut mesh = self.tiles.tile(id, max_error_m).map(|tile| tile.mesh).unwrap_or_default();
        if !self.cut_outs.is_empty() {
            mesh = mesh.cut_away(self.cut_outs);
        }
        mesh.hang_skirt_from_border(self.skirts.get(level).copied().unwrap_or(0.0));
        let positions: Vec<DVec3> = mesh
            .positions
            .iter()
            .map(|position| self.enu_from_ecef.transform_point3(self.plan.ecef_from_plan(*position)))
            .collect();
        for position in &positions {
            (low, high) = (low.min(*position), high.max(*position));
        }
        let bytes = if mesh.indices.is_empty() {
            None
        } else {
            Some(self.glb(&mesh, &positions, area.low, area.size(), &picture)?)
        };
        if low.cmpgt(high).any() {
            // All cut away, here and below: a volume is needed all the same.
            for corner in [area.low, area.high] {
                let place = self.plan.ecef_from_plan(corner.extend(self.range.0.into()));
                let place = self.enu_from_ecef.transform_point3(place);
                (low, high) = (low.min(place), high.max(place));
            }
        }
        // Wider than a rounding of stored corners.
        let margin = DVec3::splat(area.size().x / 30_000.0 + 0.01);
        let (low, high) = (low - margin, high + margin);
        let half = (high - low) * 0.5;
        let bounds =
            Obb { center: low + half, half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z] };
        let tile = ImplicitTile {
            level: id.level,
            at: [id.x, id.y, 0],
            has_content: bytes.is_some(),
            bounds: Some(bounds),
        };
        let made = Made { tile, bytes, triangles: mesh.triangle_count() as u64 };
        Ok((made, Some(Top { picture, low, high })))
    }

    fn finest_picture(&self, id: TileId) -> Result<Picture, TerrainError> {
        let side = self.options.picture_side;
        let area = self.tiles.grid().area(id);
        let mut picture = match self.ortho {
            Some(ortho) => ortho.colors(area, side)?,
            None => vec![[0; 4]; (side * side) as usize],
        };
        self.fill(&mut picture, id);
        Ok(picture)
    }
    /// Relief where there is no colour.
    fn fill(&self, picture: &mut Picture, id: TileId) {
        if picture.iter().all(|texel| texel[3] > 0) {
            return;
        }
        let relief = relief(self.tiles, self.tiles.grid().area(id), self.options.picture_side, self.range);
        for (texel, shaded) in picture.iter_mut().zip(relief) {
            if texel[3] == 0 {
                *texel = shaded;
            }
        }
    }

    fn glb(
        &self,
        mesh: &TerrainMesh,
        positions: &[DVec3],
        corner: DVec2,
        size: DVec2,
        picture: &Picture,
    ) -> Result<Vec<u8>, TerrainError> {
        let uvs: Vec<[f32; 2]> = mesh
            .positions
            .iter()
            .map(|position| (position.truncate() - corner) / size)
            .map(|at| [at.x.clamp(0.0, 1.0) as f32, (1.0 - at.y).clamp(0.0, 1.0) as f32])
            .collect();
        let pixels: Vec<u8> = picture.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, self.options.picture_quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        let side = self.options.picture_side as u16;
        encoder.encode(&pixels, side, side, ColorType::Rgb)?;
        let mut glb = GlbBuilder::new(GlbOptions {
            quantize: self.options.compress,
            meshopt: self.options.compress,
            copyright: self.options.copyright.clone(),
            generator: Some("Hamlet".into()),
            ..GlbOptions::default()
        });
        let material = glb.add_material(&MaterialInput { image: Some(&jpeg), ..MaterialInput::default() })?;
        glb.add_mesh(&MeshInput {
            positions,
            uvs: Some(&uvs),
            indices: Some(&mesh.indices),
            material,
            ..MeshInput::default()
        })?;
        Ok(glb.finish()?)
    }
}
