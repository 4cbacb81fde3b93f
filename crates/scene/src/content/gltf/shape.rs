//! How many vertices and indices a primitive has, from accessor counts alone; topology and its expansion to lists.

use gltf::json::mesh::{Mode, Primitive, Semantic};
use gltf::json::validation::Checked;

use super::document::Document;
use super::draco;
use crate::content::{ContentError, Topology};

/// Counts of a primitive before anything is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) mode: Mode,
    /// Elements of the POSITION accessor; at most so many in a Draco stream.
    pub(super) vertices: u64,
    /// Elements of the index accessor, if there is one.
    pub(super) indices: Option<u64>,
}

/// Index of the accessor of an attribute by its glTF name.
pub(super) fn attribute(primitive: &Primitive, semantic: &str) -> Option<usize> {
    let key = match semantic {
        "POSITION" => Semantic::Positions,
        "NORMAL" => Semantic::Normals,
        _ => match (
            semantic.strip_prefix("TEXCOORD_"),
            semantic.strip_prefix("COLOR_"),
            semantic.strip_prefix('_'),
        ) {
            (Some(set), _, _) => Semantic::TexCoords(set.parse().ok()?),
            (_, Some(set), _) => Semantic::Colors(set.parse().ok()?),
            (_, _, Some(name)) => Semantic::Extras(name.into()),
            _ => return None,
        },
    };
    primitive.attributes.get(&Checked::Valid(key)).map(|index| index.value())
}

/// Counts of a primitive; `Ok(None)` if it has no positions or an unknown mode and is left out.
pub(super) fn of(document: &Document, primitive: &Primitive) -> Result<Option<Shape>, ContentError> {
    let (Checked::Valid(mode), Some(positions)) = (&primitive.mode, attribute(primitive, "POSITION")) else {
        return Ok(None);
    };
    let mut shape = Shape { mode: *mode, vertices: document.accessor_count(positions)?, indices: None };
    if let Some(accessor) = primitive.indices {
        shape.indices = Some(document.accessor_count(accessor.value())?);
    }
    if draco::is_compressed(primitive) && shape.topology() == Topology::Triangles {
        // A Draco stream holds whole triangles; without an index accessor to say how many, no more than a surface has.
        shape.mode = Mode::Triangles;
        shape.indices = shape.indices.or(Some(shape.vertices.saturating_mul(6)));
        // Draco splits vertices at seams that the accessor count does not know of.
        shape.vertices = shape.vertices.saturating_add(shape.vertices / 8).saturating_add(16);
    }
    Ok(Some(shape))
}

impl Shape {
    pub(super) fn topology(&self) -> Topology {
        match self.mode {
            Mode::Points => Topology::Points,
            Mode::Lines | Mode::LineLoop | Mode::LineStrip => Topology::Lines,
            Mode::Triangles | Mode::TriangleStrip | Mode::TriangleFan => Topology::Triangles,
        }
    }

    /// Indices of the list that the primitive becomes; `None` draws its vertices in order.
    pub(super) fn list_indices(&self) -> Option<u64> {
        let n = self.indices.unwrap_or(self.vertices);
        let is_list = matches!(self.mode, Mode::Points | Mode::Lines | Mode::Triangles);
        (self.indices.is_some() || !is_list).then(|| list_len(self.mode, n))
    }

    /// Most vertices that remain: those that no index uses are left out where that saves memory.
    pub(super) fn kept_vertices(&self) -> u64 {
        self.list_indices().map_or(self.vertices, |indices| indices.min(self.vertices))
    }
}

fn list_len(mode: Mode, n: u64) -> u64 {
    match mode {
        Mode::Points => n,
        Mode::Lines => n - n % 2,
        Mode::LineLoop if n >= 2 => n.saturating_mul(2),
        Mode::LineStrip => n.saturating_sub(1).saturating_mul(2),
        Mode::Triangles => n - n % 3,
        Mode::TriangleStrip | Mode::TriangleFan => n.saturating_sub(2).saturating_mul(3),
        Mode::LineLoop => 0,
    }
}

/// As [`expand`], where `restart` ends a strip, fan or loop and begins the next (`EXT_mesh_primitive_restart`).
pub(super) fn expand_with_restarts(mode: Mode, source: Vec<u32>, restart: u32) -> Vec<u32> {
    let is_list = matches!(mode, Mode::Points | Mode::Lines | Mode::Triangles);
    if is_list || !source.contains(&restart) {
        return expand(mode, source);
    }
    source.split(|&i| i == restart).flat_map(|part| expand(mode, part.to_vec())).collect()
}

/// Expands the indices of a strip, fan or loop to a list; drops what does not make a whole shape.
pub(super) fn expand(mode: Mode, mut source: Vec<u32>) -> Vec<u32> {
    match mode {
        Mode::Points => source,
        Mode::Lines | Mode::Triangles => {
            source.truncate(list_len(mode, source.len() as u64) as usize);
            source
        }
        Mode::LineStrip => source.iter().zip(source.iter().skip(1)).flat_map(|(&a, &b)| [a, b]).collect(),
        Mode::LineLoop if source.len() < 2 => Vec::new(),
        Mode::LineLoop => {
            source.iter().zip(source.iter().cycle().skip(1)).flat_map(|(&a, &b)| [a, b]).collect()
        }
        Mode::TriangleStrip => source
            .array_windows::<3>()
            .enumerate()
            .flat_map(|(i, &[a, b, c])| if i % 2 == 0 { [a, b, c] } else { [b, a, c] })
            .collect(),
        Mode::TriangleFan => match source.split_first() {
            Some((&hub, rim)) => rim.array_windows::<2>().flat_map(|&[a, b]| [hub, a, b]).collect(),
            None => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_length_that_was_measured() {
        let modes = [
            Mode::Points,
            Mode::Lines,
            Mode::LineLoop,
            Mode::LineStrip,
            Mode::Triangles,
            Mode::TriangleStrip,
            Mode::TriangleFan,
        ];
        for mode in modes {
            for n in 0..9u32 {
                let list = expand(mode, (0..n).collect());
                assert_eq!(list.len() as u64, list_len(mode, u64::from(n)), "{mode:?} of {n}");
            }
        }
    }

    #[test]
    fn strips_keep_their_winding() {
        assert_eq!(expand(Mode::TriangleStrip, vec![0, 1, 2, 3]), [0, 1, 2, 2, 1, 3]);
        assert_eq!(expand(Mode::TriangleFan, vec![0, 1, 2, 3]), [0, 1, 2, 0, 2, 3]);
        assert_eq!(expand(Mode::LineLoop, vec![0, 1, 2]), [0, 1, 1, 2, 2, 0]);
    }

    #[test]
    fn a_restart_separates_strips() {
        let source = vec![0, 1, 2, 255, 3, 4, 255, 255, 5];
        assert_eq!(expand_with_restarts(Mode::LineStrip, source, 255), [0, 1, 1, 2, 3, 4]);
        assert_eq!(expand_with_restarts(Mode::Lines, vec![0, 255], 255), [0, 255]);
    }
}
