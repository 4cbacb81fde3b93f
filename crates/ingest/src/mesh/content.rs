//! GLB contents of one source file.

use std::{collections::BTreeMap, path::Path};

use glam::DVec3;
use scene::write::{GlbBuilder, GlbOptions, MaterialInput, MeshInput, WriteError};
use store::encoded_path;

use super::{
    MeshError,
    bounds::{Axes, Extent},
    lods::{Draft, ErrorOf, Part},
    picture::{self, Picture},
    placement::{Placer, bounds_of},
    report::Figures,
    source,
    tile::Sink,
};
use crate::osgb::{
    raw::ImageHandle,
    scene::{Mesh, Scene},
};

/// What the contents of a file are written with.
pub(super) struct ContentJob<'c, 'p, 's, 'a> {
    pub(super) scene: &'s Scene<'a>,
    pub(super) stem: &'c str,
    pub(super) folder: &'c Path,
    pub(super) delivery: &'c Path,
    pub(super) max_file_bytes: u64,
    pub(super) glb: &'c GlbOptions,
    pub(super) axes: &'c Axes,
    pub(super) placer: &'c mut Placer<'p>,
    pub(super) figures: &'c mut Figures,
    pub(super) problems: Vec<String>,
    pub(super) sink: Sink<'c>,
}

/// Vertices that fit 16-bit indices.
const MAX_MERGED: usize = 65_535;
/// Error of a level of unknown error, as a part of its size: what ContextCapture's levels have.
const UNKNOWN_ERROR_PART: f64 = 0.25;

/// Writes the contents of all drafts, in order.
pub(super) fn write_all<'s, 'a>(
    job: &mut ContentJob<'_, '_, 's, 'a>,
    drafts: Vec<Draft<'s, 'a>>,
) -> Result<Vec<Part>, MeshError> {
    let mut uses = BTreeMap::new();
    drafts.iter().for_each(|draft| count_uses(draft, &mut uses));
    let mut pictures = Pictures { by_image: BTreeMap::new(), uses };
    let mut number = 0;
    drafts.into_iter().map(|draft| write_one(job, draft, &mut pictures, &mut number)).collect()
}

/// Textures of a file.
struct Pictures<'a> {
    by_image: BTreeMap<ImageHandle, Option<Texture<'a>>>,
    /// How many contents use an image.
    uses: BTreeMap<ImageHandle, usize>,
}

#[derive(Clone)]
enum Texture<'a> {
    Embedded(Picture<'a>),
    /// In a file of its own, because several contents share it; its address.
    Shared(String),
}

fn count_uses(draft: &Draft<'_, '_>, uses: &mut BTreeMap<ImageHandle, usize>) {
    let mut images: Vec<ImageHandle> = draft.meshes.iter().filter_map(|mesh| mesh.image).collect();
    images.sort_unstable();
    images.dedup();
    images.into_iter().for_each(|image| *uses.entry(image).or_default() += 1);
    draft.children.iter().for_each(|child| count_uses(child, uses));
}

fn write_one<'s, 'a>(
    job: &mut ContentJob<'_, '_, 's, 'a>,
    draft: Draft<'s, 'a>,
    pictures: &mut Pictures<'a>,
    number: &mut u32,
) -> Result<Part, MeshError> {
    let mut extent = Extent::EMPTY;
    let content = glb(job, &draft.meshes, pictures, *number, &mut extent)?;
    *number += u32::from(content.is_some());
    let size_m = job.axes.smallest_box(&extent).map_or(0.0, |b| 2.0 * b.bounding_sphere().radius);
    let geometric_error = match draft.geometric_error {
        ErrorOf::Metres(metres) => metres,
        ErrorOf::PerRadius(factor) => factor * size_m / 2.0,
        ErrorOf::Unknown => {
            let metres = size_m * UNKNOWN_ERROR_PART;
            job.problems
                .push(format!("neither ranges nor names tell the error of a level: {metres:.1} m assumed"));
            metres
        }
    };
    let mut children = Vec::with_capacity(draft.children.len());
    for child in draft.children {
        children.push(write_one(job, child, pictures, number)?);
    }
    Ok(Part {
        extent,
        content,
        geometric_error,
        is_additive: draft.is_additive,
        children,
        files: draft.files,
    })
}

/// Meshes of one material, as one.
struct Merged {
    positions: Vec<DVec3>,
    uvs: Option<Vec<[f32; 2]>>,
    corners: Vec<u32>,
    image: Option<ImageHandle>,
    color: [f32; 4],
}

/// Writes the content of some meshes and returns its address; `None` if nothing is left of them.
fn glb<'s, 'a>(
    job: &mut ContentJob<'_, '_, 's, 'a>,
    meshes: &[&'s Mesh<'a>],
    pictures: &mut Pictures<'a>,
    number: u32,
    extent: &mut Extent,
) -> Result<Option<String>, MeshError> {
    let mut merged: Vec<Merged> = Vec::new();
    for mesh in meshes {
        if let Some(placed) = place(job, mesh) {
            append(&mut merged, placed);
        }
    }
    if merged.is_empty() {
        return Ok(None);
    }
    let mut builder = GlbBuilder::new(job.glb.clone());
    let mut materials: Vec<(Option<ImageHandle>, [u32; 4], usize)> = Vec::new();
    let mut written = 0;
    for mesh in &mut merged {
        let texture = match mesh.image {
            Some(image) => texture(job, image, pictures)?,
            None => None,
        };
        if texture.is_none() {
            mesh.uvs = None;
        }
        let key = (mesh.image.filter(|_| texture.is_some()), mesh.color.map(f32::to_bits));
        let known = materials.iter().find(|(image, color, _)| (*image, *color) == key).map(|m| m.2);
        let material = match known {
            Some(material) => material,
            None => {
                // Materials of textured photogrammetry are whatever the tool left there: the texture alone counts.
                let input = match &texture {
                    Some(Texture::Embedded(picture)) => {
                        MaterialInput { image: Some(picture.bytes()), ..MaterialInput::default() }
                    }
                    Some(Texture::Shared(uri)) => {
                        MaterialInput { image_uri: Some(uri), ..MaterialInput::default() }
                    }
                    None => MaterialInput { base_color: mesh.color, ..MaterialInput::default() },
                };
                let material = builder.add_material(&input)?;
                materials.push((key.0, key.1, material));
                material
            }
        };
        let input = MeshInput {
            positions: &mesh.positions,
            uvs: mesh.uvs.as_deref(),
            indices: Some(&mesh.corners),
            material,
            ..MeshInput::default()
        };
        match builder.add_mesh(&input) {
            Ok(()) => {
                job.axes.extend(extent, mesh.positions.iter().copied());
                job.figures.vertices += mesh.positions.len() as u64;
                job.figures.triangles += mesh.corners.len() as u64 / 3;
                written += 1;
            }
            Err(error @ WriteError::Invalid { .. }) => job.problems.push(format!("a mesh: {error}")),
            Err(other) => return Err(other.into()),
        }
    }
    if written == 0 {
        return Ok(None);
    }
    let name = format!("{}-{number}.glb", job.stem);
    let bytes = builder.finish()?;
    store(job, &name, &bytes)?;
    job.figures.contents += 1;
    Ok(Some(encoded_path(&name)))
}

fn store(job: &mut ContentJob<'_, '_, '_, '_>, name: &str, bytes: &[u8]) -> Result<(), MeshError> {
    job.figures.written_bytes += bytes.len() as u64;
    (job.sink)(name, bytes).map_err(MeshError::store(name))
}

/// A mesh in the frame of the survey; `None` if PROJ cannot follow.
fn place(job: &mut ContentJob<'_, '_, '_, '_>, mesh: &Mesh<'_>) -> Option<Merged> {
    let mut positions = mesh.positions.to_dvec3s();
    if let Some(matrix) = &mesh.scene_from_mesh {
        positions.iter_mut().for_each(|p| *p = matrix.transform_point3(*p));
    }
    let sane = bounds_of(&positions).is_some_and(|(low, high)| low.is_finite() && high.is_finite());
    if !sane {
        job.problems.push("a mesh with positions that are no numbers".to_owned());
        return None;
    }
    match job.placer.place(positions) {
        Ok(positions) => Some(Merged {
            positions,
            uvs: mesh.uvs.map(|uvs| uvs.to_uvs_v_down()),
            corners: mesh.corners.clone(),
            image: mesh.image,
            color: mesh.color,
        }),
        Err(error) => {
            job.problems.push(format!("a mesh: {error}"));
            None
        }
    }
}

fn append(merged: &mut Vec<Merged>, mut mesh: Merged) {
    let same = merged.iter_mut().rev().find(|other| {
        other.image == mesh.image
            && other.color == mesh.color
            && other.uvs.is_some() == mesh.uvs.is_some()
            && other.positions.len() + mesh.positions.len() < MAX_MERGED
    });
    let Some(other) = same else {
        merged.push(mesh);
        return;
    };
    let first = other.positions.len() as u32;
    other.positions.append(&mut mesh.positions);
    if let (Some(uvs), Some(more)) = (&mut other.uvs, &mut mesh.uvs) {
        uvs.append(more);
    }
    other.corners.extend(mesh.corners.iter().map(|corner| first + corner));
}

fn texture<'a>(
    job: &mut ContentJob<'_, '_, '_, 'a>,
    image: ImageHandle,
    pictures: &mut Pictures<'a>,
) -> Result<Option<Texture<'a>>, MeshError> {
    if let Some(known) = pictures.by_image.get(&image) {
        return Ok(known.clone());
    }
    let Some(source_image) = job.scene.image(image) else { return Ok(None) };
    let (delivery, folder, max_bytes) = (job.delivery, job.folder, job.max_file_bytes);
    let made = picture::picture(source_image, &mut |name| {
        let path = source::resolve(delivery, folder, name)?;
        let path = source::existing(&path).ok_or_else(|| "not delivered".to_owned())?;
        source::read(&path, max_bytes)
    });
    let texture = match made {
        Err(reason) => {
            job.problems.push(reason);
            None
        }
        Ok(picture) => {
            let passed = !matches!(source_image.data, crate::osgb::raw::ImageData::Pixels(_));
            job.figures.textures_passed += u64::from(passed);
            job.figures.textures_encoded += u64::from(!passed);
            if pictures.uses.get(&image).copied().unwrap_or(0) > 1 {
                let name = format!("{}-image{}.{}", job.stem, image.index(), picture.extension());
                store(job, &name, picture.bytes())?;
                Some(Texture::Shared(encoded_path(&name)))
            } else {
                Some(Texture::Embedded(picture))
            }
        }
    };
    pictures.by_image.insert(image, texture.clone());
    Ok(texture)
}
