//! Blocks: walls and a flat roof over each footprint, some shades by where a face looks, ids as metadata.

use std::{collections::BTreeMap, io};

use geodesy::Obb;
use glam::{DMat4, DVec2, DVec3};
use scene::write::{
    Column, ColumnValues, ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput, PropertyTableInput,
    TileInput, TilesetInput, write_tileset,
};
use serde::Serialize;
use terrain::polygon::triangulated;

use super::{BlocksError, Footprint};
use crate::{ground::LocalPlan, outline::ring_area};

/// Side of the squares whose buildings are a tile, metres.
const TILE_M: f64 = 400.0;
/// Tiles at most: beyond, squares grow.
const MAX_TILES: usize = 4096;
/// Walls reach so far below the lowest corner: ground is not level.
const FOOT_M: f64 = 2.0;
/// A tile of blocks is worth loading as soon as it is this large an error to leave it out, metres.
const TILE_ERROR_M: f64 = 20.0;
/// Linear base colours: roofs, and walls by how much light of the south-west they get, the darkest first.
const SHADES: [[f32; 4]; 5] = [
    [0.46, 0.42, 0.38, 1.0],
    [0.09, 0.09, 0.10, 1.0],
    [0.15, 0.145, 0.145, 1.0],
    [0.23, 0.22, 0.21, 1.0],
    [0.32, 0.30, 0.28, 1.0],
];

/// How blocks are made.
#[derive(Clone, Debug, Default)]
pub struct BlocksOptions {
    /// `asset.copyright` of the tiles.
    pub copyright: Option<String>,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlocksReport {
    /// Blocks.
    pub blocks: u64,
    /// Ids of footprints that cannot be drawn: without area, height or place.
    pub left_out: Vec<String>,
    /// Tiles.
    pub tiles: u64,
    /// Triangles.
    pub triangles: u64,
    /// Bytes of the tiles.
    pub bytes: u64,
}

/// Makes a tileset under `tileset.json` and hands its files to `store`, tiles first.
///
/// # Errors
/// No footprint that can be drawn, and whatever `store` answers.
pub fn write_blocks(
    footprints: &[Footprint],
    options: &BlocksOptions,
    store: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<BlocksReport, BlocksError> {
    let first =
        footprints.iter().filter(|footprint| is_fine(footprint)).find_map(|f| f.rings.first()?.first());
    let plan = first.and_then(|[lon, lat]| LocalPlan::at(*lon, *lat));
    let Some(plan) = plan else { return Err(BlocksError::Empty(footprints.len())) };
    let mut report = BlocksReport::default();
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for footprint in footprints {
        match Block::of(footprint, &plan) {
            Some(block) => blocks.push(block),
            None => report.left_out.push(footprint.id.clone()),
        }
    }
    let mut side_m = TILE_M;
    let tiles = loop {
        let mut tiles: BTreeMap<[i64; 2], Vec<&Block<'_>>> = BTreeMap::new();
        for block in &blocks {
            let square = (block.middle / side_m).floor();
            tiles.entry([square.x as i64, square.y as i64]).or_default().push(block);
        }
        if tiles.len() <= MAX_TILES {
            break tiles;
        }
        side_m *= 2.0;
    };
    let frame = plan.frame();
    let enu_from_ecef = frame.inverse();
    let mut children = Vec::new();
    for (number, members) in tiles.values().enumerate() {
        let made = tile(members, &plan, &enu_from_ecef, options)?;
        report.blocks += members.len() as u64;
        report.tiles += 1;
        report.triangles += made.triangles;
        report.bytes += made.glb.len() as u64;
        children.push(TileInput {
            bounds: Some(aligned(made.low, made.high)),
            geometric_error: 0.0,
            content: Some(ContentInput { uri: format!("{number}.glb"), bytes: Some(made.glb.into()) }),
            ..TileInput::default()
        });
    }
    if children.is_empty() {
        return Err(BlocksError::Empty(footprints.len()));
    }
    let corners = children.iter().filter_map(|child| child.bounds).flat_map(|bounds| bounds.corners());
    let (low, high) =
        corners.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), c| (low.min(c), high.max(c)));
    let root = TileInput {
        bounds: Some(aligned(low - 0.01, high + 0.01)),
        geometric_error: TILE_ERROR_M,
        transform: Some(frame),
        children,
        ..TileInput::default()
    };
    write_tileset(&TilesetInput { root, ..TilesetInput::default() }, "tileset.json", store)?;
    Ok(report)
}

fn is_fine(footprint: &Footprint) -> bool {
    let places = footprint.rings.iter().flatten().flatten();
    footprint.base_m.is_finite()
        && footprint.height_m.is_finite()
        && footprint.height_m > 0.0
        && footprint.height_m < 1000.0
        && places.clone().all(|number| number.is_finite() && number.abs() <= 360.0)
}

fn aligned(low: DVec3, high: DVec3) -> Obb {
    let half = (high - low) * 0.5;
    Obb { center: low + half, half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z] }
}

struct Block<'f> {
    footprint: &'f Footprint,
    /// Outer ring counter-clockwise, holes clockwise.
    rings: Vec<Vec<DVec2>>,
    roof: Vec<[DVec2; 3]>,
    middle: DVec2,
}

impl<'f> Block<'f> {
    fn of(footprint: &'f Footprint, plan: &LocalPlan) -> Option<Self> {
        if !is_fine(footprint) {
            return None;
        }
        let mut rings: Vec<Vec<DVec2>> = footprint
            .rings
            .iter()
            .map(|ring| {
                let mut ring: Vec<DVec2> =
                    ring.iter().map(|[lon, lat]| plan.plan_from_degrees(*lon, *lat)).collect();
                ring.dedup();
                // Closed rings repeat their first corner.
                if ring.len() > 1 && ring.first() == ring.last() {
                    ring.pop();
                }
                ring
            })
            .filter(|ring| ring.len() >= 3)
            .collect();
        for (index, ring) in rings.iter_mut().enumerate() {
            if (ring_area(ring) > 0.0) != (index == 0) {
                ring.reverse();
            }
        }
        let roof = triangulated(&rings);
        let outer = rings.first()?;
        let middle = outer.iter().copied().sum::<DVec2>() / outer.len() as f64;
        (!roof.is_empty()).then_some(Self { footprint, rings, roof, middle })
    }
}

struct MadeTile {
    glb: Vec<u8>,
    low: DVec3,
    high: DVec3,
    triangles: u64,
}

/// Faces of one shade.
#[derive(Default)]
struct Faces {
    positions: Vec<DVec3>,
    features: Vec<u32>,
}

fn tile(
    blocks: &[&Block<'_>],
    plan: &LocalPlan,
    enu_from_ecef: &DMat4,
    options: &BlocksOptions,
) -> Result<MadeTile, BlocksError> {
    let place =
        |at: DVec2, height_m: f64| enu_from_ecef.transform_point3(plan.ecef_from_plan(at.extend(height_m)));
    let mut shades: [Faces; SHADES.len()] = Default::default();
    for (feature, block) in (0u32..).zip(blocks) {
        let (foot, top) =
            (block.footprint.base_m - FOOT_M, block.footprint.base_m + block.footprint.height_m);
        for triangle in &block.roof {
            if let Some(roofs) = shades.first_mut() {
                roofs.positions.extend(triangle.map(|corner| place(corner, top)));
                roofs.features.extend([feature; 3]);
            }
        }
        for ring in &block.rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let along = (*b - *a).normalize_or_zero();
                // Out of the block is on the right of its sides.
                let light = DVec2::new(along.y, -along.x).dot(DVec2::new(-0.6, -0.8));
                let shade = 1 + (((light + 1.0) * 2.0) as usize).min(SHADES.len() - 2);
                if let Some(faces) = shades.get_mut(shade) {
                    let (a0, b0, a1, b1) = (place(*a, foot), place(*b, foot), place(*a, top), place(*b, top));
                    faces.positions.extend([a0, b0, b1, a0, b1, a1]);
                    faces.features.extend([feature; 6]);
                }
            }
        }
    }
    let mut glb = GlbBuilder::new(GlbOptions {
        copyright: options.copyright.clone(),
        generator: Some("Hamlet".into()),
        ..GlbOptions::default()
    });
    glb.set_features(PropertyTableInput {
        class: "building".into(),
        columns: vec![
            Column {
                id: "building_id".into(),
                name: Some("building".into()),
                values: ColumnValues::Text(blocks.iter().map(|block| block.footprint.id.clone()).collect()),
            },
            Column {
                id: "height_m".into(),
                name: Some("height, m".into()),
                values: ColumnValues::Float32(
                    blocks.iter().map(|block| block.footprint.height_m as f32).collect(),
                ),
            },
        ],
    })?;
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    let mut triangles = 0;
    for (faces, base_color) in shades.iter().zip(SHADES) {
        if faces.positions.is_empty() {
            continue;
        }
        for position in &faces.positions {
            (low, high) = (low.min(*position), high.max(*position));
        }
        triangles += faces.positions.len() as u64 / 3;
        let material = glb.add_material(&MaterialInput { base_color, ..MaterialInput::default() })?;
        glb.add_mesh(&MeshInput {
            positions: &faces.positions,
            feature_ids: Some(&faces.features),
            material,
            ..MeshInput::default()
        })?;
    }
    Ok(MadeTile { glb: glb.finish()?, low: low - 0.01, high: high + 0.01, triangles })
}
