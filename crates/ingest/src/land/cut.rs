//! What a mesh covers, seen from above: where the ground of the county is cut away.
//!
//! Triangles of a moderately coarse level are drawn into a mask; its outline, a little smaller than the mesh, is kept
//! beside the survey as `outline.geojson`, so that it is worked out once.

use std::{collections::HashMap, fs, io, path::Path};

use bytes::Bytes;
use geodesy::{geodetic_from_ecef, glam::DMat4};
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use scene::{
    content::{self, DecodeContext, Indices, TextureSupport, Topology, UpAxis},
    streamer::TileId,
    tileset::{ContentKind, RawTileset, Subtree, TileKind, Tree, TreeLimits},
};
use serde_json::{Value, json};
use store::{OpenOptions, Source, write::write_atomic};
use terrain::PlanRect;

use crate::{
    ground::LocalPlan,
    outline::{Mask, polygons, simplified},
};

/// Name of the file in a survey.
pub const OUTLINE_FILE: &str = "outline.geojson";
/// Rings of longitude and latitude in degrees; what lies within an odd number of them is covered.
pub type Rings = Vec<Vec<[f64; 2]>>;

/// Levels with no more error than this show the border well enough, metres.
const ENOUGH_ERROR_M: f64 = 20.0;
/// Contents that are looked at, at most: beyond, coarser ones stand for theirs.
const MAX_CONTENTS: usize = 4000;
/// Contents that are decoded at once.
const WAVE: usize = 64;
const MAX_FILE_BYTES: u64 = 256 << 20;
const DECODE_BYTES: u64 = 1 << 30;
/// Side of the cells of the mask, metres, and cells along a side at most.
const CELL_M: f64 = 1.0;
const MAX_SIDE: f64 = 4096.0;
/// Areas and holes of fewer cells are no part of a village's border.
const LEAST_CELLS: usize = 64;
/// The ground reaches so far under the mesh's border, cells.
const RIM_CELLS: usize = 1;
const SIMPLIFY_CELLS: f64 = 0.75;

/// Why an outline cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutlineError {
    /// The tileset cannot be opened.
    #[error("the tileset cannot be opened")]
    Open(#[from] store::OpenError),
    /// Its root cannot be read.
    #[error("the root of the tileset: {0}")]
    Root(String),
    /// The outline cannot be kept.
    #[error("the outline cannot be kept")]
    Store(#[from] io::Error),
}

/// The outline of what the tileset in a folder covers; read if it is known, else made and kept in `keep`. Empty if it
/// covers nothing, or has no place on Earth.
///
/// # Errors
/// A tileset that cannot be opened, and what the disk answers. Contents that cannot be read cover nothing.
pub fn outline_of(tiles: &Path, keep: &Path) -> Result<Rings, OutlineError> {
    let source = Source::open_path(tiles, &OpenOptions::default())?;
    let root = source
        .read(source.root_uri(), MAX_FILE_BYTES)
        .map_err(|error| OutlineError::Root(error.to_string()))?;
    let of = blake3::hash(&root).to_hex().to_string();
    if let Some(rings) = read(keep, &of) {
        return Ok(rings);
    }
    let rings = cover(&source, &root)?;
    write_atomic(keep, geojson(&rings, &of).as_bytes())?;
    Ok(rings)
}

fn read(path: &Path, of: &str) -> Option<Rings> {
    let value: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let properties = value["features"][0]["properties"].as_object()?;
    if properties.get("of")?.as_str()? != of {
        return None;
    }
    let rings = value["features"][0]["geometry"]["coordinates"].as_array()?;
    let mut found = Vec::new();
    for ring in rings.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_array) {
        let mut places: Vec<[f64; 2]> =
            ring.iter().map(|p| Some([p[0].as_f64()?, p[1].as_f64()?])).collect::<Option<_>>()?;
        places.pop();
        found.push(places);
    }
    Some(found)
}

/// One feature; every outer ring is a polygon with the holes in it.
fn geojson(rings: &Rings, of: &str) -> String {
    let places = rings.iter().map(|ring| ring.iter().map(|p| DVec2::from_array(*p)).collect()).collect();
    let closed = |ring: &Vec<DVec2>| -> Vec<[f64; 2]> {
        ring.iter().chain(ring.first()).map(|place| place.to_array()).collect()
    };
    let polygons: Vec<Vec<_>> =
        polygons(places).iter().map(|polygon| polygon.iter().map(closed).collect()).collect();
    let document = json!({ "type": "FeatureCollection", "features": [{
        "type": "Feature",
        "properties": { "what": "covered by the mesh", "of": of },
        "geometry": { "type": "MultiPolygon", "coordinates": polygons },
    }]});
    format!("{document}\n")
}

/// A content to be drawn.
struct Job {
    uri: String,
    world_from_tile: DMat4,
    up_axis: UpAxis,
}

fn cover(source: &Source, root: &Bytes) -> Result<Rings, OutlineError> {
    let Some((jobs, corners)) = contents(source, root)? else { return Ok(Rings::new()) };
    let middle = corners.iter().copied().sum::<DVec3>() / corners.len().max(1) as f64;
    if middle.length() < 1e6 {
        return Ok(Rings::new());
    }
    let place = geodetic_from_ecef(middle);
    let plan = LocalPlan::at(place.lon_rad.to_degrees(), place.lat_rad.to_degrees());
    let Some(plan) = plan else { return Ok(Rings::new()) };
    let in_plan = |ecef: DVec3| {
        let place = geodetic_from_ecef(ecef);
        plan.plan_from_degrees(place.lon_rad.to_degrees(), place.lat_rad.to_degrees())
    };
    let places: Vec<DVec2> = corners.iter().map(|corner| in_plan(*corner)).collect();
    let fold = |pick: fn(DVec2, DVec2) -> DVec2, from: DVec2| places.iter().copied().fold(from, pick);
    let area =
        PlanRect { low: fold(DVec2::min, DVec2::INFINITY), high: fold(DVec2::max, DVec2::NEG_INFINITY) };
    let size = area.size();
    if !size.is_finite() || size.min_element() <= 0.0 || size.max_element() > 200_000.0 {
        return Ok(Rings::new());
    }
    let cell_m = (size.max_element() / MAX_SIDE).max(CELL_M);
    let cells = (size / cell_m).ceil() + 2.0;
    let low = area.low - cell_m;
    let mut mask = Mask::new(cells.x as usize, cells.y as usize);
    for wave in jobs.chunks(WAVE) {
        let drawn: Vec<Vec<[DVec2; 3]>> = wave
            .par_iter()
            .map(|job| triangles(source, job, &|ecef| (in_plan(ecef) - low) / cell_m).unwrap_or_default())
            .collect();
        drawn.into_iter().flatten().for_each(|triangle| mask.draw(triangle));
    }
    let mask = mask.tidied(LEAST_CELLS).shrunk(RIM_CELLS);
    let rings = mask.rings().into_iter().map(|ring| simplified(&ring, SIMPLIFY_CELLS));
    Ok(rings
        .filter(|ring| ring.len() >= 3)
        .map(|ring| ring.into_iter().map(|p| plan.degrees_from_plan(low + p * cell_m)).collect())
        .collect())
}

/// Contents, and the corners of the box around all.
type Found = (Vec<Job>, Vec<DVec3>);

/// The contents that show what is covered, and the corners of the root's box; `None`: the root has no volume.
fn contents(source: &Source, root: &Bytes) -> Result<Option<Found>, OutlineError> {
    let bad = |error: &dyn std::fmt::Display| OutlineError::Root(error.to_string());
    let (raw, _) = RawTileset::parse(root, source.root_uri()).map_err(|error| bad(&error))?;
    let mut tree = Tree::new(TreeLimits::default());
    let (first, _) = tree.add_root(&raw, source.root_uri(), &DMat4::IDENTITY).map_err(|error| bad(&error))?;
    let corners = tree.get(first).map(|tile| tile.volume().bounding_box().corners().to_vec());
    let Some(corners) = corners else { return Ok(None) };
    let mut jobs = Vec::new();
    // Breadth first, so that what is beyond the limit is left coarse everywhere.
    let mut front = vec![first];
    while !front.is_empty() {
        let mut next = Vec::new();
        for id in front {
            graft(source, &mut tree, id);
            let Some(tile) = tree.get(id) else { continue };
            let own: Vec<Job> = tile
                .contents()
                .iter()
                .filter(|content| content.kind == ContentKind::Model)
                .map(|content| Job {
                    uri: content.uri.to_string(),
                    world_from_tile: *tile.world_from_tile(),
                    up_axis: tile.gltf_up_axis(),
                })
                .collect();
            let children: Vec<TileId> = tile.children().filter_map(|child| tree.id_at(child)).collect();
            let is_enough = tile.geometric_error() <= ENOUGH_ERROR_M && !own.is_empty();
            let is_full = jobs.len() + next.len() + children.len() > MAX_CONTENTS && !own.is_empty();
            if children.is_empty() || is_enough || is_full {
                jobs.extend(own);
            } else {
                next.extend(children);
            }
        }
        front = next;
    }
    Ok(Some((jobs, corners)))
}

/// Hangs what a tile leads to below it: external tilesets and subtrees. What cannot be read stays away.
fn graft(source: &Source, tree: &mut Tree, id: TileId) {
    let Some(tile) = tree.get(id) else { return };
    if matches!(tile.kind(), TileKind::ImplicitRoot | TileKind::ImplicitPlaceholder) {
        let (Some(uri), Some(shape)) = (tile.subtree_uri().cloned(), tree.subtree_shape(id)) else { return };
        let Ok(bytes) = source.read(&uri, MAX_FILE_BYTES) else { return };
        let mut resources = HashMap::new();
        for reference in Subtree::references(&bytes, &uri).unwrap_or_default() {
            if let Ok(bytes) = source.read(&reference, MAX_FILE_BYTES) {
                resources.insert(reference, bytes);
            }
        }
        if let Ok((subtree, _)) = Subtree::parse(&bytes, &uri, &shape, &resources) {
            let _ = tree.graft_subtree(id, &subtree);
        }
        return;
    }
    let external: Vec<(usize, String)> = tile
        .contents()
        .iter()
        .enumerate()
        .filter(|(_, content)| content.kind == ContentKind::Tileset)
        .map(|(k, content)| (k, content.uri.to_string()))
        .collect();
    for (k, uri) in external {
        let Ok(bytes) = source.read(&uri, MAX_FILE_BYTES) else { continue };
        if let Ok((raw, _)) = RawTileset::parse(&bytes, &uri) {
            let _ = tree.graft_external(id, k, &raw, &uri);
        }
    }
}

/// Triangles of a content, in the plan.
fn triangles(source: &Source, job: &Job, in_plan: &dyn Fn(DVec3) -> DVec2) -> Option<Vec<[DVec2; 3]>> {
    let bytes = source.read(&job.uri, MAX_FILE_BYTES).ok()?;
    // Textures are what takes time, and are not looked at.
    let bytes = without_textures(&bytes).unwrap_or(bytes);
    let mut resources = HashMap::new();
    for reference in content::references(&bytes, &job.uri).ok()? {
        if let Ok(bytes) = source.read(&reference, MAX_FILE_BYTES) {
            resources.insert(reference, bytes);
        }
    }
    let context = DecodeContext {
        uri: job.uri.clone(),
        resources,
        gltf_up_axis: job.up_axis,
        texture_support: TextureSupport::default(),
        budget_bytes: DECODE_BYTES,
    };
    let (content, _) = content::decode(&bytes, &context).ok()?;
    let mut found = Vec::new();
    for primitive in content.primitives.iter().filter(|p| p.topology == Topology::Triangles) {
        let once = [DMat4::IDENTITY];
        let instances = if primitive.instances.is_empty() { &once[..] } else { &primitive.instances };
        for instance in instances {
            let matrix = job.world_from_tile * primitive.content_from_primitive * *instance;
            let places: Vec<DVec2> = primitive
                .positions
                .iter()
                .map(|p| in_plan(matrix.transform_point3(DVec3::from_array(p.map(f64::from)))))
                .collect();
            let corner = |index: usize| places.get(index).copied().unwrap_or(DVec2::NAN);
            let mut push = |a: usize, b: usize, c: usize| found.push([corner(a), corner(b), corner(c)]);
            match &primitive.indices {
                Some(Indices::U16(list)) => {
                    list.chunks_exact(3).for_each(|t| push(t[0].into(), t[1].into(), t[2].into()));
                }
                Some(Indices::U32(list)) => {
                    list.chunks_exact(3).for_each(|t| push(t[0] as usize, t[1] as usize, t[2] as usize));
                }
                None => (0..places.len() / 3).for_each(|t| push(t * 3, t * 3 + 1, t * 3 + 2)),
            }
        }
    }
    Some(found)
}

/// A GLB without materials and images; `None` if it is none.
fn without_textures(bytes: &Bytes) -> Option<Bytes> {
    let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if bytes.get(..4)? != b"glTF" || word(4)? != 2 {
        return None;
    }
    let json_bytes = word(12)? as usize;
    let mut document: Value = serde_json::from_slice(bytes.get(20..20 + json_bytes)?).ok()?;
    for name in ["materials", "textures", "images", "samplers"] {
        document.as_object_mut()?.remove(name);
    }
    for mesh in document["meshes"].as_array_mut()? {
        for primitive in mesh["primitives"].as_array_mut()? {
            primitive.as_object_mut()?.remove("material");
        }
    }
    let mut json = serde_json::to_vec(&document).ok()?;
    json.resize(json.len().next_multiple_of(4), b' ');
    let rest = bytes.get(20 + json_bytes..)?;
    let mut out = Vec::with_capacity(20 + json.len() + rest.len());
    out.extend(b"glTF");
    for number in [2, u32::try_from(20 + json.len() + rest.len()).ok()?, u32::try_from(json.len()).ok()?] {
        out.extend(number.to_le_bytes());
    }
    out.extend(b"JSON");
    out.extend(json);
    out.extend(rest);
    Some(Bytes::from(out))
}
