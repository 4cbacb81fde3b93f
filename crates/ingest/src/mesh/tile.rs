//! One source tile: its tree of files becomes a tree of tiles.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use geodesy::{Obb, crs::LocalMap};
use scene::{
    tileset::Refine,
    write::{ContentInput, GlbOptions, TileInput},
};

use super::{
    MeshError,
    bounds::{Axes, Extent},
    content::{self, ContentJob},
    load,
    lods::{self, Part},
    placement::{Placement, Placer},
    report::{Figures, Finding, FindingKind},
    source, tree,
};
use crate::{
    delivery::SourceTile,
    osgb::{Container, Limits, OsgbError, scene::Scene},
};

/// What a source tile is converted with.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileJob<'j> {
    pub(super) tile: &'j SourceTile,
    /// Folder that files may not leave.
    pub(super) delivery: &'j Path,
    pub(super) placement: &'j Placement,
    pub(super) map: Option<&'j LocalMap>,
    pub(super) axes: &'j Axes,
    pub(super) glb: &'j GlbOptions,
    pub(super) limits: &'j Limits,
    pub(super) max_file_bytes: u64,
}

/// What came of a source tile.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TileDone {
    /// Its root, if it holds anything.
    pub(super) root: Option<TileRoot>,
    pub(super) tiles: u64,
    pub(super) figures: Figures,
    pub(super) findings: Vec<Finding>,
}

/// The root of a source tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TileRoot {
    pub(super) bounds: Obb,
    pub(super) geometric_error: f64,
}

/// How long chains of files may be.
const MAX_CHAIN: usize = 64;

/// Receives the files of a result.
pub(super) type Sink<'s> = &'s mut dyn FnMut(&str, &[u8]) -> std::io::Result<()>;

/// Converts a source tile; files go to `sink` under names relative to the tile's folder.
///
/// # Errors
/// Only what stops the whole import: a sink that fails.
pub(super) fn convert(job: &TileJob<'_>, sink: Sink<'_>) -> Result<TileDone, MeshError> {
    let mut converter = Converter {
        job,
        sink,
        placer: Placer::new(job.placement, job.map),
        figures: Figures::default(),
        findings: Vec::new(),
        seen: BTreeSet::new(),
    };
    let parts = converter.file(&job.tile.root, 0)?.unwrap_or_default();
    let mut roots = Vec::new();
    for part in parts {
        roots.extend(converter.finish(part, &job.tile.root, 0)?);
    }
    let root = match roots.len() {
        0 | 1 => roots.pop(),
        _ => group(job.axes, roots),
    };
    let mut tiles = 0;
    let mut done_root = None;
    if let Some(root) = root {
        done_root = root.bounds.map(|bounds| TileRoot { bounds, geometric_error: root.geometric_error });
        let Converter { sink, figures, .. } = &mut converter;
        tiles = tree::write_nested(root, &mut |name, bytes| {
            figures.written_bytes += bytes.len() as u64;
            sink(name, bytes)
        })?;
    }
    converter.figures.placed_by_proj = converter.placer.placed_by_proj;
    Ok(TileDone { root: done_root, tiles, figures: converter.figures, findings: converter.findings })
}

/// A tile without content around others: it refines always.
pub(super) fn group(axes: &Axes, children: Vec<TileInput>) -> Option<TileInput> {
    let mut extent = Extent::EMPTY;
    for bounds in children.iter().filter_map(|child| child.bounds) {
        axes.extend(&mut extent, bounds.corners());
    }
    let geometric_error = children.iter().map(|child| child.geometric_error).fold(0.0, f64::max);
    Some(TileInput {
        bounds: Some(axes.smallest_box(&extent)?),
        geometric_error,
        children,
        ..TileInput::default()
    })
}

struct Converter<'c, 'j> {
    job: &'c TileJob<'j>,
    sink: Sink<'c>,
    placer: Placer<'j>,
    figures: Figures,
    findings: Vec<Finding>,
    seen: BTreeSet<PathBuf>,
}

impl Converter<'_, '_> {
    fn finding(&mut self, kind: FindingKind, path: &Path, reason: impl Into<String>) {
        self.findings.push(Finding {
            kind,
            file: source::label(self.job.delivery, path),
            offset: None,
            class: None,
            field: None,
            reason: reason.into(),
        });
    }

    fn osgb_finding(&mut self, kind: FindingKind, error: OsgbError) {
        let reason = if error.in_body {
            format!("{} (offset in the decompressed body)", error.kind)
        } else {
            error.kind.to_string()
        };
        self.findings.push(Finding {
            kind,
            file: error.file,
            offset: Some(error.offset),
            class: Some(error.class),
            field: Some(error.field),
            reason,
        });
    }

    /// Reads a file, writes the contents that lie in it, and returns its parts; `None` if it failed.
    fn file(&mut self, path: &Path, chain: usize) -> Result<Option<Vec<Part>>, MeshError> {
        if chain > MAX_CHAIN {
            self.finding(FindingKind::FailedFile, path, format!("a chain of more than {MAX_CHAIN} files"));
            return Ok(None);
        }
        if !self.seen.insert(path.to_owned()) {
            self.finding(FindingKind::FailedFile, path, "named more than once; only the first is followed");
            return Ok(None);
        }
        let loaded = match load::load(path, self.job.delivery, self.job.max_file_bytes) {
            Ok(loaded) => loaded,
            Err(reason) => {
                self.finding(FindingKind::FailedFile, path, reason);
                return Ok(None);
            }
        };
        self.figures.source_files += 1;
        self.figures.source_bytes += loaded.source_bytes;
        let label = source::label(self.job.delivery, path);
        let read = Container::open(&label, &loaded.osgb, self.job.limits);
        let container = match read {
            Ok(container) => container,
            Err(error) => {
                self.osgb_finding(FindingKind::FailedFile, error);
                return Ok(None);
            }
        };
        let scene = container.read(self.job.limits).and_then(|raw| Scene::of(&label, raw, self.job.limits));
        let scene = match scene {
            Ok(scene) => scene,
            Err(error) => {
                self.osgb_finding(FindingKind::FailedFile, error);
                return Ok(None);
            }
        };
        for issue in scene.issues.iter().cloned() {
            self.osgb_finding(FindingKind::LeftOut, issue);
        }
        self.figures.not_triangles += scene.counts.not_triangles;
        if scene.counts.not_triangles > 0 {
            let reason = format!("{} sets of points or lines", scene.counts.not_triangles);
            self.finding(FindingKind::LeftOut, path, reason);
        }
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let outline = lods::outline(&scene.root, &stem);
        for note in outline.notes {
            self.finding(FindingKind::Note, path, note);
        }
        let mut content = ContentJob {
            scene: &scene,
            stem: &stem,
            folder: path.parent().unwrap_or(Path::new(".")),
            delivery: self.job.delivery,
            max_file_bytes: self.job.max_file_bytes,
            glb: self.job.glb,
            axes: self.job.axes,
            placer: &mut self.placer,
            figures: &mut self.figures,
            problems: Vec::new(),
            sink: &mut *self.sink,
        };
        let parts = content::write_all(&mut content, outline.drafts)?;
        for reason in content.problems {
            self.finding(FindingKind::LeftOut, path, reason);
        }
        Ok(Some(parts))
    }

    /// Follows the files that a part names and closes it, bottom up.
    fn finish(&mut self, part: Part, path: &Path, chain: usize) -> Result<Option<TileInput>, MeshError> {
        let mut children = Vec::new();
        for child in part.children {
            children.extend(self.finish(child, path, chain)?);
        }
        for name in &part.files {
            let folder = path.parent().unwrap_or(Path::new("."));
            let child = match source::resolve(self.job.delivery, folder, name) {
                Ok(child) => child,
                Err(reason) => {
                    self.finding(FindingKind::LeftOut, path, format!("{name:?}: {reason}"));
                    continue;
                }
            };
            let Some(child) = source::existing(&child) else {
                let named_by = source::label(self.job.delivery, path);
                self.finding(FindingKind::MissingChild, &child, format!("named by {named_by}"));
                continue;
            };
            for part in self.file(&child, chain + 1)?.unwrap_or_default() {
                children.extend(self.finish(part, &child, chain + 1)?);
            }
        }
        if part.content.is_none() && children.is_empty() {
            return Ok(None);
        }
        let mut extent = part.extent;
        for bounds in children.iter().filter_map(|child| child.bounds) {
            self.job.axes.extend(&mut extent, bounds.corners());
        }
        // A coarse level whose author claims less error than a finer one has at least that of the finer one.
        let below = children.iter().map(|child| child.geometric_error).fold(0.0, f64::max);
        if below > part.geometric_error * (1.0 + 1e-6) && part.content.is_some() {
            let reason = format!(
                "its finer levels claim {below} m of error, it claims {}: raised to theirs",
                part.geometric_error
            );
            self.finding(FindingKind::Note, path, reason);
        }
        Ok(Some(TileInput {
            bounds: self.job.axes.smallest_box(&extent),
            geometric_error: part.geometric_error.max(below),
            refine: part.is_additive.then_some(Refine::Add).or(Some(Refine::Replace)),
            content: part.content.map(|uri| ContentInput { uri, bytes: None }),
            children,
            ..TileInput::default()
        }))
    }
}
