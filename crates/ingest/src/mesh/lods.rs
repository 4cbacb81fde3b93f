//! From levels of detail to tiles: which meshes make one content, what replaces it, and from which error on.

use crate::{
    delivery::level_in_name,
    osgb::scene::{Level, Lod, Mesh, RangeMode, Step, StepContent},
};

use super::bounds::Extent;

/// A tile whose content is not written yet.
#[derive(Debug)]
pub(super) struct Draft<'s, 'a> {
    /// What it shows itself; may be empty.
    pub(super) meshes: Vec<&'s Mesh<'a>>,
    pub(super) geometric_error: ErrorOf,
    pub(super) is_additive: bool,
    pub(super) children: Vec<Draft<'s, 'a>>,
    /// Files whose roots are further children.
    pub(super) files: Vec<String>,
}

/// How the error of a tile is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ErrorOf {
    /// In metres.
    Metres(f64),
    /// `32 R / r` (or its like) once the sphere of the content is known: metres per metre of radius.
    PerRadius(f64),
    /// Not at all: from the size of the content.
    Unknown,
}

/// A tile whose content is written.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) extent: Extent,
    pub(super) content: Option<String>,
    pub(super) geometric_error: f64,
    pub(super) is_additive: bool,
    pub(super) children: Vec<Part>,
    pub(super) files: Vec<String>,
}

/// Tiles of a file, and what was decided on the way.
#[derive(Debug, Default)]
pub(super) struct Outline<'s, 'a> {
    pub(super) drafts: Vec<Draft<'s, 'a>>,
    pub(super) notes: Vec<String>,
}

/// Screen-space error that the world refines at, pixels (3D Tiles readers' default).
const SCREEN_SPACE_ERROR_PX: f64 = 16.0;
/// Focal length for ranges that are distances: 1080 rows, 60° from top to bottom.
const FOCAL_LENGTH_PX: f64 = 935.3;
/// Ranges that end here or beyond have no end.
const FAR: f64 = 1e20;

/// The tiles of a file, in the order of the file. `stem` is its name without extension.
pub(super) fn outline<'s, 'a>(root: &'s Level<'a>, stem: &str) -> Outline<'s, 'a> {
    let mut outline = Outline::default();
    let drafts = level(root, stem, &mut outline.notes);
    outline.drafts = drafts;
    outline
}

fn level<'s, 'a>(level: &'s Level<'a>, stem: &str, notes: &mut Vec<String>) -> Vec<Draft<'s, 'a>> {
    let mut drafts = Vec::new();
    if !level.meshes.is_empty() {
        drafts.push(leaf(level.meshes.iter().collect()));
    }
    for lod in &level.lods {
        drafts.extend(lod_drafts(lod, stem, notes));
    }
    if !level.files.is_empty() {
        drafts.push(Draft { files: level.files.clone(), ..leaf(Vec::new()) });
    }
    drafts
}

fn leaf<'s, 'a>(meshes: Vec<&'s Mesh<'a>>) -> Draft<'s, 'a> {
    Draft {
        meshes,
        geometric_error: ErrorOf::Metres(0.0),
        is_additive: false,
        children: Vec::new(),
        files: Vec::new(),
    }
}

fn lod_drafts<'s, 'a>(lod: &'s Lod<'a>, stem: &str, notes: &mut Vec<String>) -> Vec<Draft<'s, 'a>> {
    let steps = coarse_to_fine(lod);
    let mut below: Vec<Draft<'s, 'a>> = Vec::new();
    let mut files: Vec<String> = Vec::new();
    for (at, step) in steps.iter().enumerate().rev() {
        let finer = steps.get(at + 1);
        match &step.content {
            StepContent::File(name) => {
                if below.is_empty() && files.is_empty() {
                    files.push(name.clone());
                } else {
                    notes.push(format!("{name:?} is a coarser level in a file of its own: left out"));
                }
            }
            StepContent::Inline(inner) if inner.is_empty() => {}
            StepContent::Inline(inner) => {
                let nested = !inner.lods.is_empty() || !inner.files.is_empty();
                if nested && below.is_empty() && files.is_empty() {
                    below = level(inner, stem, notes);
                    continue;
                }
                let mut meshes: Vec<&Mesh<'a>> = inner.meshes.iter().collect();
                if nested {
                    notes.push(
                        "levels of detail inside a level that is replaced: their coarsest is kept".into(),
                    );
                    coarsest(inner, &mut meshes);
                }
                let geometric_error = match finer {
                    None => ErrorOf::Metres(0.0),
                    Some(finer) => switch_error(lod, step, finer, stem),
                };
                let is_additive = finer.is_some_and(|finer| overlaps(lod.ranges, step, finer));
                let draft = Draft {
                    meshes,
                    geometric_error,
                    is_additive,
                    children: std::mem::take(&mut below),
                    files: std::mem::take(&mut files),
                };
                below.push(draft);
            }
        }
    }
    if !files.is_empty() {
        // Nothing coarser than the file: its roots stand here.
        below.push(Draft { files, ..leaf(Vec::new()) });
    }
    below
}

/// Meshes of the coarsest level of everything inside.
fn coarsest<'s, 'a>(level: &'s Level<'a>, meshes: &mut Vec<&'s Mesh<'a>>) {
    for lod in &level.lods {
        let step = coarse_to_fine(lod).into_iter().find_map(|step| match &step.content {
            StepContent::Inline(inner) if !inner.is_empty() => Some(inner),
            _ => None,
        });
        if let Some(inner) = step {
            meshes.extend(&inner.meshes);
            coarsest(inner, meshes);
        }
    }
}

fn coarse_to_fine<'s, 'a>(lod: &'s Lod<'a>) -> Vec<&'s Step<'a>> {
    let mut steps: Vec<&Step<'a>> = lod.steps.iter().collect();
    // Stable: levels without ranges keep the order of the file, which is coarse to fine.
    let key = |step: &Step<'_>| match (lod.ranges, step.range) {
        (_, None) => 0.0,
        (RangeMode::PixelSize, Some([low, _])) => low,
        (RangeMode::Distance, Some([_, high])) => -high,
    };
    if steps.iter().all(|step| step.range.is_some()) {
        steps.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
    steps
}

/// The error at which `step` gives way to `finer`.
///
/// In pixels: OSG compares the diameter of the sphere on screen, `2 R K / d`, with the range `r`; 3D Tiles compares
/// `error K / d` with 16 pixels. Equal at `error = 32 R / r`. In metres: the error that makes 16 pixels at the distance.
fn switch_error(lod: &Lod<'_>, step: &Step<'_>, finer: &Step<'_>, stem: &str) -> ErrorOf {
    match lod.ranges {
        RangeMode::PixelSize => {
            let high = step.range.map(|[_, high]| high).filter(|high| *high < FAR);
            let low = finer.range.map(|[low, _]| low);
            match high.or(low).filter(|r| *r > 0.0) {
                Some(switch_px) => match lod.radius_m {
                    Some(radius_m) => ErrorOf::Metres(2.0 * SCREEN_SPACE_ERROR_PX * radius_m / switch_px),
                    None => ErrorOf::PerRadius(2.0 * SCREEN_SPACE_ERROR_PX / switch_px),
                },
                None => by_name(stem, finer),
            }
        }
        RangeMode::Distance => {
            let low = step.range.map(|[low, _]| low);
            let high = finer.range.map(|[_, high]| high).filter(|high| *high < FAR);
            match low.or(high).filter(|distance| *distance > 0.0) {
                Some(distance_m) => ErrorOf::Metres(SCREEN_SPACE_ERROR_PX * distance_m / FOCAL_LENGTH_PX),
                None => by_name(stem, finer),
            }
        }
    }
}

/// `2^(20 − L)` metres, L being the level in the name; a root is one level above the file that it names.
fn by_name(stem: &str, finer: &Step<'_>) -> ErrorOf {
    let level = level_in_name(stem).or_else(|| match &finer.content {
        StepContent::File(name) => {
            let stem =
                name.rsplit(['/', '\\']).next()?.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            level_in_name(stem).map(|level| level.saturating_sub(1))
        }
        StepContent::Inline(_) => None,
    });
    level.map_or(ErrorOf::Unknown, |level| ErrorOf::Metres(2f64.powi(20 - level as i32)))
}

/// Whether the coarse level stays while the finer is shown.
fn overlaps(mode: RangeMode, step: &Step<'_>, finer: &Step<'_>) -> bool {
    match (mode, step.range, finer.range) {
        (RangeMode::PixelSize, Some([_, high]), Some([low, finer_high])) => high > low && high >= finer_high,
        (RangeMode::Distance, Some([low, _]), Some([finer_low, high])) => low < high && low <= finer_low,
        _ => false,
    }
}
