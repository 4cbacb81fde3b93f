use super::*;
#[test]
fn look_top() {
    let Ok(out) = std::env::var("LOOK") else { return };
    let seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let n: usize = std::env::var("N").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let texel: f32 = std::env::var("TEXEL").ok().and_then(|s| s.parse().ok()).unwrap_or(0.4);
    let win: Vec<f32> = std::env::var("WIN")
        .ok()
        .map(|s| s.split(',').map(|x| x.parse().unwrap()).collect())
        .unwrap_or(vec![0.0, 0.0, 512.0]);
    let t = std::time::Instant::now();
    let (land, spots) = land::Land::new(3, seed);
    let site =
        site::Site::new(&land, &spots[n], site::Spec::of(Detail::Full), math::seed_for(seed, 50 + n as u64));
    eprintln!("site {:?}, {} buildings {} plants", t.elapsed(), site.buildings.len(), site.plants.len());
    let mut kinds = std::collections::BTreeMap::new();
    for b in &site.buildings {
        *kinds.entry(b.kind).or_insert(0) += 1;
    }
    eprintln!("{kinds:?}");
    let t = std::time::Instant::now();
    let painter = paint::Painter::new(&site);
    eprintln!("light {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let side = (win[2] / texel) as usize;
    let mut px = Vec::new();
    for row in 0..side {
        for col in 0..side {
            let at = glam::Vec2::new(
                win[0] + (col as f32 + 0.5) * texel,
                win[1] + (side as f32 - row as f32 - 0.5) * texel,
            );
            let (c, _) = painter.seen_from_above(at, texel);
            px.extend([c.x, c.y, c.z].map(|c| (c.clamp(0.0, 1.0) * 255.0) as u8));
        }
    }
    eprintln!("paint {:?} = {:.0} ns/px", t.elapsed(), t.elapsed().as_nanos() as f64 / (side * side) as f64);
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 90)
        .encode(&px, side as u16, side as u16, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    std::fs::write(out, bytes).unwrap();
}

#[test]
fn look_tiles() {
    let Ok(out) = std::env::var("TILES") else { return };
    let seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let n: usize = std::env::var("N").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let pick: Option<Vec<usize>> =
        std::env::var("PICK").ok().map(|s| s.split(',').map(|x| x.parse().unwrap()).collect());
    let level: Option<usize> = std::env::var("LEVEL").ok().and_then(|s| s.parse().ok());
    let (land, spots) = land::Land::new(3, seed);
    let site =
        site::Site::new(&land, &spots[n], site::Spec::of(Detail::Full), math::seed_for(seed, 50 + n as u64));
    let painter = paint::Painter::new(&site);
    use scene::write::*;
    let base = site.ground.values.iter().copied().fold(f32::MAX, f32::min);
    eprintln!("base {base}");
    let mut children = Vec::new();
    let (mut tris, mut texels, mut bytes) = (0, 0, 0);
    for row in 0..site.spec.tiles {
        for column in 0..site.spec.tiles {
            if let Some(p) = &pick {
                if column < p[0] || column > p[2] || row < p[1] || row > p[3] {
                    continue;
                }
            }
            let tile = skin::tile(&painter, column, row);
            let l = level.unwrap_or(tile.levels.len() - 1);
            for (k, piece) in tile.levels[l].pieces.iter().enumerate() {
                let jpeg = piece.texture.jpeg(82).unwrap();
                tris += piece.indices.len() / 3;
                texels += piece.texture.rgb.len();
                bytes += jpeg.len();
                let mut glb = GlbBuilder::new(GlbOptions::default());
                let m =
                    glb.add_material(&MaterialInput { image: Some(&jpeg), ..Default::default() }).unwrap();
                let pos: Vec<glam::DVec3> = piece
                    .positions
                    .iter()
                    .map(|p| (*p - glam::Vec3::new(256.0, 256.0, base)).as_dvec3())
                    .collect();
                let uvs: Vec<[f32; 2]> = piece.uvs.iter().map(|u| u.to_array()).collect();
                glb.add_mesh(&MeshInput {
                    positions: &pos,
                    uvs: Some(&uvs),
                    indices: Some(&piece.indices),
                    material: m,
                    ..Default::default()
                })
                .unwrap();
                let (lo, hi) =
                    pos.iter().fold((glam::DVec3::INFINITY, glam::DVec3::NEG_INFINITY), |(l, h), p| {
                        (l.min(*p), h.max(*p))
                    });
                let half = (hi - lo) / 2.0;
                let obb = geodesy::Obb {
                    center: (lo + hi) / 2.0,
                    half_axes: [glam::DVec3::X * half.x, glam::DVec3::Y * half.y, glam::DVec3::Z * half.z],
                };
                children.push(TileInput {
                    bounds: Some(obb),
                    geometric_error: 0.0,
                    content: Some(ContentInput {
                        uri: format!("t{column}_{row}_{k}.glb"),
                        bytes: Some(glb.finish().unwrap().into()),
                    }),
                    ..Default::default()
                });
            }
        }
    }
    eprintln!("{tris} triangles {texels} texels {bytes} jpeg bytes {} pieces", children.len());
    let big = geodesy::Obb {
        center: glam::DVec3::new(0.0, 0.0, 60.0),
        half_axes: [glam::DVec3::X * 270.0, glam::DVec3::Y * 270.0, glam::DVec3::Z * 200.0],
    };
    let root = TileInput {
        bounds: Some(big),
        geometric_error: 1000.0,
        refine: Some(scene::tileset::Refine::Add),
        children,
        ..Default::default()
    };
    let dir = std::path::PathBuf::from(out);
    std::fs::create_dir_all(&dir).unwrap();
    write_tileset(&TilesetInput { root, ..Default::default() }, "tileset.json", &mut |path, bytes| {
        std::fs::write(dir.join(path), bytes)
    })
    .unwrap();
}
