//! Wavefront OBJ with MTL, as photogrammetry exports it: one level, many textures, coordinates that may be large.
//!
//! A model is read, cut into cells of bounded size and handed on as an OSGB scene, so that placing, texturing and
//! covering are the same for both.

mod cells;
mod materials;
mod model;

use std::path::Path;

pub use materials::{Material, parse_materials};
pub use model::{Face, Group, Model, ObjError, parse_model};

use crate::osgb::write::{File, Format, write};

/// What a model may take before it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjLimits {
    /// Triangles, after polygons are resolved.
    pub max_triangles: usize,
}

impl Default for ObjLimits {
    fn default() -> Self {
        Self { max_triangles: 100_000_000 }
    }
}

/// The OSGB form of an OBJ file. `read` gives the bytes of a file that the model names (material libraries).
///
/// # Errors
/// A model that makes no sense, with its line.
pub fn osgb_of(
    bytes: &[u8],
    limits: &ObjLimits,
    read: &mut dyn FnMut(&Path) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, ObjError> {
    let model = parse_model(bytes, limits)?;
    let mut materials = std::collections::BTreeMap::new();
    for library in &model.libraries {
        if let Some(text) = read(Path::new(library)) {
            materials.extend(parse_materials(&text));
        }
    }
    let file: File = cells::file_of(&model, &materials);
    write(&file, &Format::V91).map_err(|error| ObjError { line: 0, reason: error.to_string() })
}
