//! The coarse cover over the roots of a survey.
//!
//! Deliveries have hundreds of roots, each with an atlas of which its triangles use a few per cent. The cover stands
//! over them as a quadtree: the shape of a tile is that of the roots below, welded and simplified; its texture is what is
//! seen from straight above, drawn from a finer level of the source. So a village of 200 roots shows whole after two
//! requests, and sharpens with a few more.

mod bake;
mod raster;
mod shape;

use std::{collections::BTreeMap, path::Path, sync::Mutex};

use geodesy::Obb;
use glam::{DMat3, DVec2};
use rayon::prelude::*;
use scene::write::{ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput, TileInput};
use store::write::AtomicFolder;

use super::{MeshError, MeshPlan, bounds::Extent, placement::Placer, report::CoverReport, run::Progress};
use bake::Baker;
use raster::{Drawing, Raster};
use shape::Shape;

/// How the cover is made.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverOptions {
    /// Side of the texture of a tile, texels.
    pub texture_px: u32,
    /// Texels are not made smaller than this, metres: closer up, the authored meshes show façades better.
    pub min_texel_m: f64,
    /// Triangles of a tile, skirts not counted.
    pub triangles: usize,
}

impl Default for CoverOptions {
    fn default() -> Self {
        Self { texture_px: 512, min_texel_m: 0.4, triangles: 4000 }
    }
}

/// A source tile to be covered.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Number of the source tile.
    pub(super) number: usize,
    pub(super) bounds: Obb,
    pub(super) geometric_error: f64,
    /// Address of its tileset.
    pub(super) uri: String,
}

/// Sides of the roots that the finest cover tiles are wide.
const ROOTS_A_SIDE: f64 = 2.0;
/// A level of this error per texel has texels about as large (measured: 19 to 25 on real deliveries; here up to twice as
/// large is fine).
const ERROR_PER_TEXEL: f64 = 45.0;
/// A cover tile has at least this much error per texel, as authored levels have.
const LEAST_ERROR_PER_TEXEL: f64 = 20.0;
/// Each level of the cover has this much more error than what is below.
const ERROR_STEP: f64 = 2.0;
const JPEG_QUALITY: u8 = 85;
/// Name of the folder.
const FOLDER: &str = "cover";
/// Levels at most: 2^20 cells a side.
const MAX_LEVELS: u32 = 20;

/// Makes the cover in `tiles_folder/cover` and returns the tile over everything.
pub(super) fn build(
    plan: &MeshPlan,
    roots: &[Root],
    glb: &GlbOptions,
    options: &CoverOptions,
    tiles_folder: &Path,
    progress: &dyn Progress,
) -> Result<(TileInput, CoverReport), MeshError> {
    let target = tiles_folder.join(FOLDER);
    let folder = AtomicFolder::create(&target).map_err(MeshError::store(&target))?;
    let survey_from_plane = plan.axes.local_from_axes();
    let cover = Cover {
        plan,
        roots,
        glb,
        options,
        progress,
        plane_from_survey: survey_from_plane.transpose(),
        folder: Mutex::new(folder),
    };
    let cells = cover.cells();
    let top_level =
        cells.iter().map(|((x, y), _)| x.max(y)).max().map_or(0, |side| 32 - side.leading_zeros());
    let node = cover.node(top_level.min(MAX_LEVELS), (0, 0), &cells)?;
    let folder = cover.folder.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    folder.commit().map_err(MeshError::store(&target))?;
    let Some(node) = node else { return Err(MeshError::Empty { path: plan.delivery.path.clone() }) };
    Ok((node.tile, node.report))
}

struct Cover<'c> {
    plan: &'c MeshPlan,
    roots: &'c [Root],
    glb: &'c GlbOptions,
    options: &'c CoverOptions,
    progress: &'c dyn Progress,
    plane_from_survey: DMat3,
    folder: Mutex<AtomicFolder>,
}

/// A finished tile, with what its parent is made from.
struct Made {
    tile: TileInput,
    shape: Shape,
    raster: Raster,
    report: CoverReport,
}

type Cells<'r> = BTreeMap<(u32, u32), Vec<&'r Root>>;

impl<'c> Cover<'c> {
    fn texture_px(&self) -> u32 {
        self.options.texture_px.clamp(16, 4096)
    }

    /// Roots by the cell that holds their middle.
    fn cells(&self) -> Cells<'c> {
        let side_m = (self.plan.root_size_m * ROOTS_A_SIDE).max(1.0);
        let middle = |root: &Root| (self.plane_from_survey * root.bounds.center).truncate();
        let low = self.roots.iter().map(middle).fold(DVec2::INFINITY, DVec2::min);
        let mut cells: Cells<'c> = BTreeMap::new();
        for root in self.roots {
            let cell = ((middle(root) - low + DVec2::splat(self.plan.root_size_m / 2.0)) / side_m).floor();
            let index = |c: f64| (c as u32).min((1 << MAX_LEVELS) - 1);
            cells.entry((index(cell.x), index(cell.y))).or_default().push(root);
        }
        cells
    }

    /// The tile of `level` (0: one cell) at (x, y); `None` where nothing is.
    fn node(&self, level: u32, (x, y): (u32, u32), cells: &Cells<'c>) -> Result<Option<Made>, MeshError> {
        if level == 0 {
            return match cells.get(&(x, y)) {
                Some(roots) => self.leaf((x, y), roots).map(Some),
                None => Ok(None),
            };
        }
        let shift = level - 1;
        let quarters: Vec<(u32, u32)> = [(0, 0), (1, 0), (0, 1), (1, 1)]
            .iter()
            .map(|(dx, dy)| (x * 2 + dx, y * 2 + dy))
            .filter(|(qx, qy)| cells.keys().any(|(cx, cy)| (cx >> shift, cy >> shift) == (*qx, *qy)))
            .collect();
        let made: Vec<Made> = quarters
            .par_iter()
            .map(|quarter| self.node(level - 1, *quarter, cells))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect();
        // One quarter alone needs no tile above it.
        if made.len() < 2 {
            return Ok(made.into_iter().next());
        }
        let mut shape = Shape::default();
        let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        let mut report = CoverReport::default();
        let mut finest_texel_m = f64::INFINITY;
        for part in &made {
            shape.append(&part.shape);
            let (part_low, part_high) = part.raster.span();
            (low, high) = (low.min(part_low), high.max(part_high));
            finest_texel_m = finest_texel_m.min(part.raster.texel_m);
            report.add(&part.report);
        }
        let mut raster = Raster::over(low, high, self.texture_px(), finest_texel_m);
        let mut sums = vec![[0; 5]; raster.pixels.len()];
        made.iter().for_each(|part| Raster::add_finer(&mut sums, &raster, &part.raster));
        raster.set_means(&sums);
        let children: Vec<TileInput> = made.into_iter().map(|part| part.tile).collect();
        self.finish(&format!("{level}-{x}-{y}.glb"), shape, raster, children, report).map(Some)
    }

    fn leaf(&self, (x, y): (u32, u32), roots: &[&Root]) -> Result<Made, MeshError> {
        if self.progress.is_cancelled() {
            return Err(MeshError::Cancelled);
        }
        let axes = [self.plane_from_survey.row(0), self.plane_from_survey.row(1)];
        let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        for root in roots {
            let [x, y] = axes.map(|axis| root.bounds.extent_along(axis));
            low = low.min(DVec2::new(x.0, y.0));
            high = high.max(DVec2::new(x.1, y.1));
        }
        let raster = Raster::over(low, high, self.texture_px(), self.options.min_texel_m);
        let error_m = raster.texel_m * ERROR_PER_TEXEL;
        let mut drawing = Drawing::new(raster);
        let mut shape = Shape::default();
        let delivery = self.plan.delivery.folder();
        for root in roots {
            let Some(tile) = self.plan.delivery.tiles.get(root.number) else { continue };
            let map = self.plan.maps.get(root.number).and_then(Option::as_ref);
            let mut baker = Baker {
                plan: self.plan,
                delivery: &delivery,
                plane_from_survey: self.plane_from_survey,
                placer: Placer::new(&self.plan.placement, map),
            };
            shape.append(&baker.shape(tile));
            baker.draw(tile, error_m, &mut drawing);
            self.progress.advance(1);
        }
        let children = roots.iter().map(|root| root.placeholder()).collect();
        let report = CoverReport { texel_m: drawing.raster.texel_m, ..CoverReport::default() };
        self.finish(&format!("0-{x}-{y}.glb"), shape, drawing.raster, children, report)
    }

    /// Simplifies, textures, writes.
    fn finish(
        &self,
        name: &str,
        shape: Shape,
        raster: Raster,
        children: Vec<TileInput>,
        below: CoverReport,
    ) -> Result<Made, MeshError> {
        let (shape, strayed_m) = shape.welded().simplified(self.options.triangles);
        let up = self.plane_from_survey.row(2);
        let skirted = shape.with_skirts((strayed_m * 2.0).max(raster.texel_m * 2.0), up);
        let uvs: Vec<[f32; 2]> =
            skirted.positions.iter().map(|p| raster.uv((self.plane_from_survey * *p).truncate())).collect();
        let mut extent = Extent::EMPTY;
        self.plan.axes.extend(&mut extent, skirted.positions.iter().copied());
        for bounds in children.iter().filter_map(|child| child.bounds) {
            self.plan.axes.extend(&mut extent, bounds.corners());
        }
        let finest = children.iter().map(|child| child.geometric_error).fold(0.0, f64::max);
        let mut tile = TileInput {
            bounds: self.plan.axes.smallest_box(&extent),
            geometric_error: (finest * ERROR_STEP).max(raster.texel_m * LEAST_ERROR_PER_TEXEL),
            children,
            ..TileInput::default()
        };
        let mut report = CoverReport { tiles: below.tiles + 1, levels: below.levels + 1, ..below };
        if !skirted.corners.is_empty() {
            let picture = jpeg(&raster).map_err(|reason| {
                MeshError::store(name)(std::io::Error::other(format!("the texture: {reason}")))
            })?;
            let mut builder = GlbBuilder::new(self.glb.clone());
            let material =
                builder.add_material(&MaterialInput { image: Some(&picture), ..MaterialInput::default() })?;
            builder.add_mesh(&MeshInput {
                positions: &skirted.positions,
                uvs: Some(&uvs),
                indices: Some(&skirted.corners),
                material,
                ..MeshInput::default()
            })?;
            let bytes = builder.finish()?;
            let mut folder = self.folder.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            folder.write(name, &bytes).map_err(MeshError::store(name))?;
            drop(folder);
            report.triangles += skirted.corners.len() as u64 / 3;
            report.bytes += bytes.len() as u64;
            tile.content = Some(ContentInput { uri: format!("{FOLDER}/{name}"), bytes: None });
        }
        Ok(Made { tile, shape, raster, report })
    }
}

impl CoverReport {
    /// Adds what is beside; levels are those of the deepest.
    fn add(&mut self, other: &Self) {
        self.tiles += other.tiles;
        self.levels = self.levels.max(other.levels);
        self.triangles += other.triangles;
        self.bytes += other.bytes;
        self.texel_m = if self.texel_m == 0.0 { other.texel_m } else { self.texel_m.min(other.texel_m) };
    }
}

fn jpeg(raster: &Raster) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, JPEG_QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    let (width, height) = (raster.width as u16, raster.height as u16);
    encoder
        .encode(&raster.filled_rgb(), width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|error| error.to_string())?;
    Ok(file)
}
