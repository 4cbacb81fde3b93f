//! Reading the levels of a source tile that the cover is made from: shape from its root, colours from a finer level.

use std::path::Path;

use glam::{DMat3, DVec3};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::{
    raster::{Corner, Drawing, Picture},
    shape::Shape,
};
use crate::{
    delivery::SourceTile,
    mesh::{
        MeshPlan, load,
        lods::{self, Draft, ErrorOf},
        picture,
        placement::Placer,
        plan::MAX_FILE_BYTES,
        source,
    },
    osgb::{
        Container,
        raw::ImageHandle,
        scene::{Mesh, Scene},
    },
};

/// What is done with the tiles of a file.
type Look<'l, B> = &'l mut dyn FnMut(&mut B, &[Draft<'_, '_>], &Scene<'_>, &Path);

/// Files below the root that colours are looked for in.
const MAX_FILES_DEEP: u32 = 6;
/// Texels of one picture.
const MAX_TEXELS: usize = 1 << 27;

/// Reads a source tile.
pub(super) struct Baker<'p> {
    pub(super) plan: &'p MeshPlan,
    pub(super) delivery: &'p Path,
    /// Axes of the raster's plane from the survey's frame.
    pub(super) plane_from_survey: DMat3,
    pub(super) placer: Placer<'p>,
}

impl Baker<'_> {
    /// The shape of what a source tile shows at its coarsest, in the survey's frame.
    pub(super) fn shape(&mut self, tile: &SourceTile) -> Shape {
        let mut shape = Shape::default();
        self.with_file(&tile.root, &mut |baker, drafts, _, path| {
            for draft in drafts {
                baker.coarse_shape(draft, path, &mut shape, 2);
            }
        });
        shape
    }

    fn coarse_shape(&mut self, draft: &Draft<'_, '_>, path: &Path, shape: &mut Shape, files_deep: u32) {
        for mesh in &draft.meshes {
            if let Some(positions) = self.positions(mesh) {
                shape.append(&Shape { positions, corners: mesh.corners.clone() });
            }
        }
        if !draft.meshes.is_empty() {
            return;
        }
        draft.children.iter().for_each(|child| self.coarse_shape(child, path, shape, files_deep));
        for name in draft.files.iter().filter(|_| files_deep > 0) {
            let Some(child) = self.child(path, name) else { continue };
            self.with_file(&child, &mut |baker, drafts, _, path| {
                drafts.iter().for_each(|draft| baker.coarse_shape(draft, path, shape, files_deep - 1));
            });
        }
    }

    /// Draws a source tile from above, at the coarsest level whose error is at most `error_m`.
    pub(super) fn draw(&mut self, tile: &SourceTile, error_m: f64, drawing: &mut Drawing) {
        self.with_file(&tile.root, &mut |baker, drafts, scene, path| {
            for draft in drafts {
                baker.draw_draft(draft, scene, path, error_m, drawing, MAX_FILES_DEEP);
            }
        });
    }

    fn draw_draft(
        &mut self,
        draft: &Draft<'_, '_>,
        scene: &Scene<'_>,
        path: &Path,
        error_m: f64,
        drawing: &mut Drawing,
        files_deep: u32,
    ) {
        let is_fine = matches!(draft.geometric_error, ErrorOf::Metres(metres) if metres <= error_m);
        let finer: Vec<_> = draft.files.iter().filter_map(|name| self.child(path, name)).collect();
        // What was not delivered whole is drawn as it is here.
        let is_whole = finer.len() == draft.files.len() && (!finer.is_empty() || !draft.children.is_empty());
        if is_fine || files_deep == 0 || !is_whole {
            self.draw_meshes(&draft.meshes, scene, path, drawing);
            if draft.meshes.is_empty() {
                draft
                    .children
                    .iter()
                    .for_each(|child| self.draw_draft(child, scene, path, error_m, drawing, files_deep));
            }
            return;
        }
        for child in &draft.children {
            self.draw_draft(child, scene, path, error_m, drawing, files_deep);
        }
        for child in finer {
            let read = self.with_file(&child, &mut |baker, drafts, scene, path| {
                for draft in drafts {
                    baker.draw_draft(draft, scene, path, error_m, drawing, files_deep - 1);
                }
            });
            if !read {
                self.draw_meshes(&draft.meshes, scene, path, drawing);
            }
        }
    }

    fn draw_meshes(&mut self, meshes: &[&Mesh<'_>], scene: &Scene<'_>, path: &Path, drawing: &mut Drawing) {
        let mut pictures: Vec<(ImageHandle, Option<Picture>)> = Vec::new();
        for mesh in meshes {
            let Some(positions) = self.positions(mesh) else { continue };
            let uvs = mesh.uvs.map(|uvs| uvs.to_uvs_v_down());
            if let Some(image) = mesh.image
                && pictures.iter().all(|(known, _)| *known != image)
            {
                pictures.push((image, self.picture(scene, image, path)));
            }
            let picture = pictures
                .iter()
                .find(|(image, _)| Some(*image) == mesh.image)
                .and_then(|(_, picture)| picture.as_ref());
            let color = [0, 1, 2].map(|i| (mesh.color[i] * 255.0) as u8);
            let corner = |index: u32| {
                let position = positions.get(index as usize).copied().unwrap_or_default();
                let uv = uvs.as_ref().and_then(|uvs| uvs.get(index as usize)).copied().unwrap_or_default();
                Corner { position: self.plane_from_survey * position, uv }
            };
            for triangle in mesh.corners.as_chunks::<3>().0 {
                drawing.triangle(triangle.map(corner), picture, color);
            }
        }
    }

    fn positions(&mut self, mesh: &Mesh<'_>) -> Option<Vec<DVec3>> {
        let mut positions = mesh.positions.to_dvec3s();
        if let Some(matrix) = &mesh.scene_from_mesh {
            positions.iter_mut().for_each(|p| *p = matrix.transform_point3(*p));
        }
        self.placer.place(positions).ok()
    }

    fn child(&self, path: &Path, name: &str) -> Option<std::path::PathBuf> {
        let folder = path.parent().unwrap_or(Path::new("."));
        source::existing(&source::resolve(self.delivery, folder, name).ok()?)
    }

    /// Hands the tiles of a file to `look`; `false` if it cannot be read (the report says so already).
    fn with_file(&mut self, path: &Path, look: Look<'_, Self>) -> bool {
        let limits = &self.plan.limits;
        let Ok(loaded) = load::load(path, self.delivery, MAX_FILE_BYTES) else { return false };
        let Ok(container) = Container::open("", &loaded.osgb, limits) else { return false };
        let Ok(scene) = container.read(limits).and_then(|raw| Scene::of("", raw, limits)) else {
            return false;
        };
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let outline = lods::outline(&scene.root, &stem);
        look(self, &outline.drafts, &scene, path);
        true
    }

    fn picture(&self, scene: &Scene<'_>, image: ImageHandle, path: &Path) -> Option<Picture> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let made = picture::picture(scene.image(image)?, &mut |name| {
            let path = source::resolve(self.delivery, folder, name)?;
            let path = source::existing(&path).ok_or_else(|| "not delivered".to_owned())?;
            source::read(&path, MAX_FILE_BYTES)
        });
        decode(made.ok()?.bytes())
    }
}

/// Pixels of a JPEG or PNG.
pub(super) fn decode(bytes: &[u8]) -> Option<Picture> {
    if bytes.starts_with(&[0x89, b'P', b'N', b'G']) {
        return decode_png(bytes);
    }
    let options = DecoderOptions::new_fast()
        .set_max_width(1 << 15)
        .set_max_height(1 << 15)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let info = decoder.info()?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if width.checked_mul(height)? > MAX_TEXELS || width == 0 || height == 0 {
        return None;
    }
    let rgb = decoder.decode().ok()?;
    (rgb.len() == width * height * 3).then_some(Picture { width, height, rgb })
}

fn decode_png(bytes: &[u8]) -> Option<Picture> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let size = reader.output_buffer_size().filter(|size| *size <= MAX_TEXELS * 4)?;
    let mut buffer = vec![0; size];
    let info = reader.next_frame(&mut buffer).ok()?;
    let (width, height) = (info.width as usize, info.height as usize);
    let channels = info.color_type.samples();
    let texels = buffer.chunks_exact(channels).take(width * height);
    let rgb: Vec<u8> = texels
        .flat_map(|texel| match texel {
            [r, g, b, ..] => [*r, *g, *b],
            [l, ..] => [*l; 3],
            [] => [0; 3],
        })
        .collect();
    (rgb.len() == width * height * 3).then_some(Picture { width, height, rgb })
}
