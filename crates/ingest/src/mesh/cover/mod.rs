//! The coarse cover over the roots of a survey.

use geodesy::Obb;
use scene::write::{GlbOptions, TileInput};
use std::path::Path;

use super::{MeshError, MeshPlan, report::CoverReport, run::Progress};

/// How the cover is made.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverOptions {
    /// Side of the texture of a tile, texels.
    pub texture_px: u32,
    /// Texels are not made smaller than this, metres: closer up, the authored meshes show façades better.
    pub min_texel_m: f64,
}

impl Default for CoverOptions {
    fn default() -> Self {
        Self { texture_px: 512, min_texel_m: 0.4 }
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

pub(super) fn build(
    plan: &MeshPlan,
    roots: &[Root],
    _glb: &GlbOptions,
    _options: &CoverOptions,
    _tiles_folder: &Path,
    _progress: &dyn Progress,
) -> Result<(TileInput, CoverReport), MeshError> {
    let children = roots.iter().map(Root::placeholder).collect();
    let root = super::tile::group(&plan.axes, children)
        .ok_or_else(|| MeshError::Empty { path: plan.delivery.path.clone() })?;
    Ok((root, CoverReport::default()))
}
