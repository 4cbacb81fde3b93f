//! Turns one level of every tile of an OSGB delivery into a flat 3D Tiles tileset, to look at it without importing:
//! `osgb_preview MESH_FOLDER OUT_FOLDER [level]` (0 the roots, 1 what they name, …; the finest unless told).

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use geodesy::Obb;
use glam::DVec3;
use ingest::osgb::{
    Container, Limits,
    raw::ImageData,
    scene::{Level, Mesh, Scene, StepContent},
};
use scene::{
    tileset::Refine,
    write::{
        ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput, TileInput, TilesetInput,
        write_tileset,
    },
};

struct Preview {
    wanted: usize,
    tiles: Vec<TileInput>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: osgb_preview MESH_FOLDER OUT_FOLDER [level]";
    let (mesh, out) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    let wanted = arguments.next().map_or(Ok(usize::MAX), |text| text.parse())?;
    let mut preview = Preview { wanted, tiles: Vec::new() };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(Path::new(&mesh).join("Data"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    folders.sort();
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        preview.file(&folder.join(format!("{name}.osgb")), 0)?;
    }
    let reach = DVec3::splat(2000.0);
    let root = TileInput {
        bounds: Some(Obb {
            center: DVec3::ZERO,
            half_axes: [DVec3::X * reach.x, DVec3::Y * reach.y, DVec3::Z * reach.z],
        }),
        geometric_error: 1e4,
        refine: Some(Refine::Add),
        children: preview.tiles,
        ..TileInput::default()
    };
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    write_tileset(&TilesetInput { root, ..TilesetInput::default() }, "tileset.json", &mut |path, bytes| {
        std::fs::write(out.join(path), bytes)
    })?;
    Ok(())
}

impl Preview {
    fn file(&mut self, path: &Path, level: usize) -> Result<(), Box<dyn Error>> {
        let bytes = std::fs::read(path)?;
        let name = path.display().to_string();
        let limits = Limits::default();
        let container = Container::open(&name, &bytes, &limits)?;
        let scene = Scene::of(&name, container.read(&limits)?, &limits)?;
        for lod in &scene.root.lods {
            let finer = lod.steps.iter().find_map(|step| match &step.content {
                StepContent::File(file) => Some(file),
                StepContent::Inline(_) => None,
            });
            if let Some(finer) = finer.filter(|_| level < self.wanted) {
                // A quarter may be named by several: each file once.
                self.file(&path.with_file_name(finer), level + 1)?;
                continue;
            }
            for step in &lod.steps {
                if let StepContent::Inline(inline) = &step.content {
                    self.level(&scene, inline)?;
                }
            }
        }
        Ok(())
    }

    fn level(&mut self, scene: &Scene<'_>, level: &Level<'_>) -> Result<(), Box<dyn Error>> {
        for mesh in &level.meshes {
            self.mesh(scene, mesh)?;
        }
        Ok(())
    }

    fn mesh(&mut self, scene: &Scene<'_>, mesh: &Mesh<'_>) -> Result<(), Box<dyn Error>> {
        let positions = mesh.positions.to_dvec3s();
        let uvs = mesh.uvs.as_ref().map(|uvs| uvs.to_uvs_v_down());
        let image = mesh.image.and_then(|handle| scene.image(handle)).and_then(|image| match image.data {
            ImageData::File(bytes) => Some(bytes),
            _ => None,
        });
        let mut glb = GlbBuilder::new(GlbOptions::default());
        let material = glb.add_material(&MaterialInput { image, ..MaterialInput::default() })?;
        glb.add_mesh(&MeshInput {
            positions: &positions,
            uvs: uvs.as_deref(),
            indices: Some(&mesh.corners),
            material,
            ..MeshInput::default()
        })?;
        let (low, high) = positions
            .iter()
            .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(*p), high.max(*p)));
        let half = (high - low) / 2.0;
        let uri = format!("{}.glb", self.tiles.len());
        self.tiles.push(TileInput {
            bounds: Some(Obb {
                center: (low + high) / 2.0,
                half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z],
            }),
            content: Some(ContentInput { uri, bytes: Some(glb.finish()?.into()) }),
            ..TileInput::default()
        });
        Ok(())
    }
}
