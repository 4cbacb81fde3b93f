//! Carrying a plan out: source tiles in parallel, each whole or not there; then the cover, then the root.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::prelude::*;
use scene::write::{ContentInput, GlbOptions, TileInput, TilesetInput, write_tileset};
use store::{
    encoded_path,
    write::{AtomicFolder, write_atomic},
};

use crate::delivery::DeliveryKind;

use super::{
    MeshError, MeshPlan,
    cover::{self, CoverOptions},
    journal::{self, Journal},
    plan::MAX_FILE_BYTES,
    report::{Figures, MeshReport},
    tile::{self, TileDone, TileJob},
};

/// How an import is carried out.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// `EXT_meshopt_compression` and `KHR_mesh_quantization`: smaller, and needs readers that know them (Hamlet,
    /// CesiumJS).
    pub compress: bool,
    /// `asset.copyright` of every content.
    pub copyright: Option<String>,
    /// A coarse cover over the roots, where there are several.
    pub cover: Option<CoverOptions>,
    /// Replace a finished survey made from something else.
    pub replace: bool,
}

impl Default for MeshOptions {
    fn default() -> Self {
        Self { compress: false, copyright: None, cover: Some(CoverOptions::default()), replace: false }
    }
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Source tiles become tiles; counted in bytes of the source.
    Convert,
    /// The coarse cover is made; counted in source tiles.
    Cover,
    /// The root is written.
    Finish,
    /// Points are read; counted in points.
    Points,
    /// Point tiles are written; counted in bytes, about.
    Tiles,
    /// Ground is looked for; counted in points.
    Ground,
    /// Delivered rasters are taken in; counted in bytes.
    Keep,
    /// Terrain is made; counted in tiles.
    Terrain,
    /// A flat map is made; not counted.
    FlatMap,
}

/// Told what an import is doing, from any thread.
pub trait Progress: Sync {
    /// A stage begins; `total` is its whole work.
    fn begin(&self, stage: Stage, total: u64);
    /// So much more is done.
    fn advance(&self, amount: u64);
    /// Whether to stop at the next source tile.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: Stage, _total: u64) {}
    fn advance(&self, _amount: u64) {}
}

/// Name of the folder of tiles in a survey.
pub const TILES_FOLDER: &str = "tiles";
/// Name of the report in a survey.
pub const REPORT_FILE: &str = "report.json";
const GENERATOR: &str = "Hamlet";
const REPORT_FORMAT: u32 = 1;

/// Imports what `plan` says into the folder `survey`: `tiles/tileset.json` and `report.json`. Runs on the caller's rayon
/// pool; the result does not depend on its size. An import that was interrupted anywhere goes on where it stood; one that
/// is finished already changes nothing.
///
/// # Errors
/// What cannot be stored, a survey that is there already, and being cancelled.
pub fn import(
    plan: &MeshPlan,
    survey: &Path,
    options: &MeshOptions,
    progress: &dyn Progress,
) -> Result<MeshReport, MeshError> {
    let fingerprint = fingerprint(plan, options);
    let tileset = survey.join(TILES_FOLDER).join("tileset.json");
    let report_path = survey.join(REPORT_FILE);
    let is_finished = tileset.is_file() && !journal::is_open(survey);
    if is_finished {
        // Made of the same already: it is not touched, somebody may be looking at it.
        if let Some(report) = report_of(&report_path, &fingerprint) {
            journal::tidy(survey).map_err(MeshError::store(survey))?;
            return Ok(report);
        }
        if !options.replace {
            return Err(MeshError::Occupied { path: survey.to_owned() });
        }
    }
    fs::create_dir_all(survey).map_err(MeshError::store(survey))?;
    let journal = Journal::open(survey, &fingerprint)?;
    let glb = GlbOptions {
        unlit: true,
        quantize: options.compress,
        meshopt: options.compress,
        copyright: options.copyright.clone(),
        generator: Some(GENERATOR.to_owned()),
    };
    let done = convert_all(plan, survey, &journal, &glb, progress)?;
    let mut figures = Figures::default();
    let mut findings = Vec::new();
    let mut tiles = 1;
    let mut roots = Vec::new();
    for (number, (source, done)) in plan.delivery.tiles.iter().zip(done).enumerate() {
        figures.add(&done.figures);
        tiles += done.tiles;
        findings.extend(done.findings);
        if let Some(root) = done.root {
            roots.push(cover::Root {
                number,
                bounds: root.bounds,
                geometric_error: root.geometric_error,
                uri: encoded_path(&format!("{}/tileset.json", source.name)),
            });
        }
    }
    if roots.is_empty() {
        return Err(MeshError::Empty { path: plan.delivery.path.clone() });
    }
    let covered = match &options.cover {
        // A model of one level needs something coarse over it even if it is one.
        Some(cover) if roots.len() > 1 || plan.delivery.kind == DeliveryKind::Obj => {
            progress.begin(Stage::Cover, roots.len() as u64);
            let tiles_folder = survey.join(TILES_FOLDER);
            Some(cover::build(plan, &roots, &glb, cover, &tiles_folder, progress)?)
        }
        _ => None,
    };
    progress.begin(Stage::Finish, 1);
    let (mut root, cover) = match covered {
        Some((root, report)) => (root, Some(report)),
        None => (uncovered(plan, &roots)?, None),
    };
    root.transform = Some(plan.placement.world_from_survey);
    tiles += cover.map_or(0, |cover| cover.tiles.saturating_sub(1));
    figures.contents += cover.map_or(0, |cover| cover.tiles);
    figures.written_bytes += cover.map_or(0, |cover| cover.bytes);
    write_tileset(&TilesetInput { root, ..TilesetInput::default() }, "tileset.json", &mut |_, bytes| {
        write_atomic(&tileset, bytes)
    })?;
    let report = MeshReport {
        format: REPORT_FORMAT,
        delivery: plan
            .delivery
            .path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        kind: plan.delivery.kind,
        fingerprint,
        source_tiles: plan.delivery.tiles.len() as u64,
        tiles,
        place: plan.place.clone(),
        figures,
        cover,
        findings,
    };
    let json = serde_json::to_vec_pretty(&report).map_err(std::io::Error::other);
    let json = json.map_err(MeshError::store(&report_path))?;
    write_atomic(&report_path, &json).map_err(MeshError::store(&report_path))?;
    journal.close()?;
    progress.advance(1);
    Ok(report)
}

/// The report of a finished import with this fingerprint.
fn report_of(path: &Path, fingerprint: &str) -> Option<MeshReport> {
    let report: MeshReport = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (report.fingerprint == fingerprint).then_some(report)
}

/// What an import is made of: the source, its place, and what is asked for.
fn fingerprint(plan: &MeshPlan, options: &MeshOptions) -> String {
    let mut text = format!(
        "{REPORT_FORMAT} {GENERATOR} {} compress={} cover={:?} copyright={:?}\n{:?} {:?} {:?} {:?}\n",
        env!("CARGO_PKG_VERSION"),
        options.compress,
        options.cover,
        options.copyright,
        plan.place.definition,
        plan.place.origin.map(f64::to_bits),
        plan.place.heights,
        plan.placement.world_from_survey.to_cols_array().map(f64::to_bits),
    );
    for tile in &plan.delivery.tiles {
        text.push_str(&format!("{} {}\n", tile.name, tile.fingerprint));
    }
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn convert_all(
    plan: &MeshPlan,
    survey: &Path,
    journal: &Journal,
    glb: &GlbOptions,
    progress: &dyn Progress,
) -> Result<Vec<TileDone>, MeshError> {
    progress.begin(Stage::Convert, plan.source_bytes);
    let delivery = plan.delivery.folder();
    let failed = AtomicBool::new(false);
    let numbered: Vec<(usize, &crate::delivery::SourceTile)> =
        plan.delivery.tiles.iter().enumerate().collect();
    let results: Vec<Result<TileDone, MeshError>> = numbered
        .par_iter()
        .with_max_len(1)
        .map(|&(number, tile)| {
            if progress.is_cancelled() || failed.load(Ordering::Relaxed) {
                return Err(MeshError::Cancelled);
            }
            let target = survey.join(TILES_FOLDER).join(&tile.name);
            let finished =
                journal.done(number, &tile.name).filter(|done| done.root.is_none() || target.is_dir());
            let result = match finished {
                Some(done) => Ok(done),
                None => {
                    let job = TileJob {
                        tile,
                        delivery: &delivery,
                        placement: &plan.placement,
                        map: plan.maps.get(number).and_then(Option::as_ref),
                        axes: &plan.axes,
                        glb,
                        limits: &plan.limits,
                        max_file_bytes: MAX_FILE_BYTES,
                    };
                    convert_one(&job, &target, journal, number)
                }
            };
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            progress.advance(tile.bytes);
            result
        })
        .collect();
    let mut done = Vec::with_capacity(results.len());
    let mut stopped = None;
    for result in results {
        match result {
            Ok(one) => done.push(one),
            // The reason itself, not that others stopped because of it.
            Err(error) if !matches!(error, MeshError::Cancelled) => return Err(error),
            Err(error) => stopped = Some(error),
        }
    }
    stopped.map_or(Ok(done), Err)
}

fn convert_one(
    job: &TileJob<'_>,
    target: &Path,
    journal: &Journal,
    number: usize,
) -> Result<TileDone, MeshError> {
    let mut folder = AtomicFolder::create(target).map_err(MeshError::store(target))?;
    let done = tile::convert(job, &mut |name, bytes| folder.write(name, bytes))?;
    if done.root.is_some() {
        folder.commit().map_err(MeshError::store(target))?;
    }
    journal.record(number, &job.tile.name, &done)?;
    Ok(done)
}

/// The root over source tiles without a cover.
fn uncovered(plan: &MeshPlan, roots: &[cover::Root]) -> Result<TileInput, MeshError> {
    let children = roots.iter().map(cover::Root::placeholder).collect();
    tile::group(&plan.axes, children).ok_or_else(|| MeshError::Empty { path: plan.delivery.path.clone() })
}

impl cover::Root {
    /// The tile that leads to the tileset of a source tile.
    pub(super) fn placeholder(&self) -> TileInput {
        TileInput {
            bounds: Some(self.bounds),
            geometric_error: self.geometric_error,
            content: Some(ContentInput { uri: self.uri.clone(), bytes: None }),
            ..TileInput::default()
        }
    }
}
