//! What can be drawn of a file: meshes of validated triangles on a tree of levels of detail.
//!
//! A part that is broken (an index out of range, a texture without an image) is left out and listed in
//! [`Scene::issues`]; the rest stays.

mod gather;
mod triangles;
mod vectors;

use glam::{DMat4, DVec3};

use super::{
    OsgbError,
    raw::{Image, ImageHandle, RawScene},
};

pub use vectors::Vectors;

/// A file.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What the root shows.
    pub root: Level<'a>,
    /// Images; several meshes may share one.
    pub images: Vec<Image<'a>>,
    /// What was left out, and why.
    pub issues: Vec<OsgbError>,
    /// What the file holds.
    pub counts: Counts,
}

/// Figures of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Geometries, those that were left out included.
    pub geometries: u64,
    /// Vertices of the meshes.
    pub vertices: u64,
    /// Triangles of the meshes.
    pub triangles: u64,
    /// Points, lines and the like, which are not drawn: primitive sets.
    pub not_triangles: u64,
    /// Paged levels of detail.
    pub paged_lods: u64,
    /// Objects of unknown classes that were skipped.
    pub skipped_objects: u64,
}

/// What is shown together.
#[derive(Debug, Default)]
pub struct Level<'a> {
    /// Meshes that are always there.
    pub meshes: Vec<Mesh<'a>>,
    /// Parts that choose between levels of detail.
    pub lods: Vec<Lod<'a>>,
    /// Files whose whole content belongs here (`ProxyNode`).
    pub files: Vec<String>,
}

impl Level<'_> {
    /// Whether nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.meshes.is_empty() && self.lods.is_empty() && self.files.is_empty()
    }
}

/// A choice between levels of detail.
#[derive(Debug)]
pub struct Lod<'a> {
    /// Centre of the sphere whose size on screen decides, if the file gives it.
    pub center: Option<DVec3>,
    /// Radius of that sphere, metres.
    pub radius_m: Option<f64>,
    /// What the ranges count.
    pub ranges: RangeMode,
    /// Levels in the order of the file.
    pub steps: Vec<Step<'a>>,
    /// Byte offset of the object.
    pub offset: u64,
}

/// What the ranges of a [`Lod`] count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeMode {
    /// Distance from the eye, metres.
    Distance,
    /// Diameter of the sphere on screen, pixels.
    PixelSize,
}

/// A level of detail.
#[derive(Debug)]
pub struct Step<'a> {
    /// Least value at which it is shown, and the value from which on it is not; `None` if the file gives none.
    pub range: Option<[f64; 2]>,
    /// What is shown.
    pub content: StepContent<'a>,
}

/// What a level of detail shows.
#[derive(Debug)]
pub enum StepContent<'a> {
    /// What lies in this file.
    Inline(Level<'a>),
    /// The root of another file, named relative to the folder of this one.
    File(String),
}

/// A triangle mesh.
#[derive(Debug)]
pub struct Mesh<'a> {
    /// Positions; every one finite.
    pub positions: Vectors<'a>,
    /// Texture coordinates (v up), one per position.
    pub uvs: Option<Vectors<'a>>,
    /// Corners of triangles; every one a position.
    pub corners: Vec<u32>,
    /// The image of its texture.
    pub image: Option<ImageHandle>,
    /// Colour, where there is no texture; linear factors as the file has them.
    pub color: [f32; 4],
    /// Where it stands, if not where its positions say.
    pub scene_from_mesh: Option<DMat4>,
}

impl Mesh<'_> {
    /// Triangles.
    pub fn triangle_count(&self) -> usize {
        self.corners.len() / 3
    }
}

impl<'a> Scene<'a> {
    /// Gathers what can be drawn of a file. `file` names it in errors.
    ///
    /// # Errors
    /// A root that is no node, levels nested deeper or more often than the limits allow.
    pub fn of(file: &str, raw: RawScene<'a>, limits: &super::Limits) -> Result<Self, OsgbError> {
        gather::gather(file, raw, limits)
    }

    /// An image.
    pub fn image(&self, handle: ImageHandle) -> Option<&Image<'a>> {
        self.images.get(handle.index())
    }
}
