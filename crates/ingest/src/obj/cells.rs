//! A model cut into cells.

use std::collections::{BTreeMap, HashMap};

use super::{
    materials::Material,
    model::{Face, Model},
};
use crate::osgb::write::{File, Geometry, Node, PagedLod, Primitive, Texture, TextureImage};

/// Triangles of a cell: about half a megabyte of vertices.
const MAX_TRIANGLES: usize = 20_000;
/// Cuts at most: a triangle has to go somewhere.
const MAX_CUTS: u32 = 24;

/// Triangles of one material, by the index of their group.
type Part = Vec<(usize, Face)>;

/// The scene of a model: a group of cells, shifted so that single precision suffices.
pub(super) fn file_of(model: &Model, materials: &BTreeMap<String, Material>) -> File {
    let mut textures = Vec::new();
    let mut looks = Vec::with_capacity(model.groups.len());
    for group in &model.groups {
        let material = group.material.as_ref().and_then(|name| materials.get(name));
        let texture = material.and_then(|material| material.image.as_ref()).map(|name| {
            let known = textures.iter().position(|t: &Texture| t.name == *name);
            known.unwrap_or_else(|| {
                textures.push(Texture { name: name.clone(), image: TextureImage::External });
                textures.len() - 1
            })
        });
        let color = material.map(|material| material.color.map(|c| (c * 255.0).round() as u8));
        looks.push((texture, color.map(|[r, g, b]| [r, g, b, 255])));
    }
    let origin = origin_of(model);
    let all: Part = model
        .groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| group.faces.iter().map(move |face| (index, *face)))
        .collect();
    let mut cells = Vec::new();
    cut(model, all, 0, &mut cells);
    let nodes: Vec<Node> = cells.iter().map(|cell| node_of(model, cell, &looks, origin)).collect();
    let [x, y, z] = origin;
    let matrix = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., x, y, z, 1.];
    File { textures, root: (!nodes.is_empty()).then_some(Node::Transform(matrix, nodes)) }
}

/// Whole metres near the middle.
fn origin_of(model: &Model) -> [f64; 3] {
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for position in &model.positions {
        for axis in 0..3 {
            low[axis] = low[axis].min(position[axis]);
            high[axis] = high[axis].max(position[axis]);
        }
    }
    std::array::from_fn(|axis| {
        let middle = (low[axis] + high[axis]) / 2.0;
        if middle.is_finite() { middle.round() } else { 0.0 }
    })
}

fn middle(model: &Model, face: &Face, axis: usize) -> f64 {
    face.positions.iter().map(|i| model.positions.get(*i as usize).map_or(0.0, |p| p[axis])).sum::<f64>()
        / 3.0
}

/// Halves along the longer of x and y until cells are small.
fn cut(model: &Model, mut part: Part, cuts: u32, cells: &mut Vec<Part>) {
    if part.len() <= MAX_TRIANGLES || cuts >= MAX_CUTS {
        if !part.is_empty() {
            cells.push(part);
        }
        return;
    }
    let span = |axis: usize| {
        let middles = part.iter().map(|(_, face)| middle(model, face, axis));
        let (low, high) =
            middles.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), m| (low.min(m), high.max(m)));
        high - low
    };
    let axis = usize::from(span(1) > span(0));
    let half = part.len() / 2;
    // Equal middles keep their order in the file, so the result does not depend on anything else.
    part.sort_by(|(_, a), (_, b)| middle(model, a, axis).total_cmp(&middle(model, b, axis)));
    let rest = part.split_off(half);
    cut(model, part, cuts + 1, cells);
    cut(model, rest, cuts + 1, cells);
}

/// Texture and colour of a group.
type Look = (Option<usize>, Option<[u8; 4]>);

fn node_of(model: &Model, cell: &Part, looks: &[Look], origin: [f64; 3]) -> Node {
    let mut geometries: BTreeMap<usize, Building> = BTreeMap::new();
    for (group, face) in cell {
        geometries.entry(*group).or_default().add(model, face, origin);
    }
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    let coarse: Vec<Geometry> = geometries
        .into_iter()
        .map(|(group, building)| {
            for position in &building.positions {
                for axis in 0..3 {
                    low[axis] = low[axis].min(f64::from(position[axis]));
                    high[axis] = high[axis].max(f64::from(position[axis]));
                }
            }
            let (texture, color) = looks.get(group).copied().unwrap_or((None, None));
            let texture = texture.filter(|_| building.has_uvs);
            Geometry {
                positions: building.positions,
                uvs: if texture.is_some() { building.uvs } else { Vec::new() },
                color: color.filter(|_| texture.is_none()),
                primitives: vec![Primitive::triangles(building.indices)],
                texture,
            }
        })
        .collect();
    let center: [f64; 3] = std::array::from_fn(|axis| (low[axis] + high[axis]) / 2.0);
    let radius = (0..3).map(|axis| ((high[axis] - low[axis]) / 2.0).powi(2)).sum::<f64>().sqrt();
    Node::PagedLod(PagedLod {
        sphere: [center[0], center[1], center[2], radius.max(1e-3)],
        switch_px: 0.0,
        coarse,
        finer: None,
    })
}

/// A geometry being built: pairs of position and texture coordinate become vertices.
#[derive(Default)]
struct Building {
    positions: Vec<[f32; 3]>,
    uvs: Vec<[f32; 2]>,
    indices: Vec<u32>,
    by_pair: HashMap<(u32, u32), u32>,
    has_uvs: bool,
}

impl Building {
    fn add(&mut self, model: &Model, face: &Face, origin: [f64; 3]) {
        for (position, uv) in face.positions.iter().zip(face.uvs) {
            let index = *self.by_pair.entry((*position, uv)).or_insert_with(|| {
                let at = model.positions.get(*position as usize).copied().unwrap_or_default();
                self.positions.push(std::array::from_fn(|axis| (at[axis] - origin[axis]) as f32));
                self.uvs.push(model.uvs.get(uv as usize).copied().unwrap_or_default());
                self.has_uvs |= uv != Face::NO_UV;
                self.positions.len() as u32 - 1
            });
            self.indices.push(index);
        }
    }
}
