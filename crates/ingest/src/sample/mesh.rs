//! Meshes of the sample: a tile of ground with skirts, and the houses that stand on it.

use glam::{DVec3, Vec2, Vec3};
use terrain::HeightField;

use super::{
    SampleError, Square,
    paint::ATLAS_CELLS,
    site::{House, SIZE_M, Site},
};

/// Triangles with texture coordinates (v down) in the site's frame: x east, y north, z up, metres, origin at its centre.
#[derive(Default)]
pub(super) struct Part {
    pub(super) positions: Vec<DVec3>,
    pub(super) uvs: Vec<[f32; 2]>,
    pub(super) indices: Vec<u32>,
    /// House index per vertex; empty for ground.
    pub(super) feature_ids: Vec<u32>,
}

impl Part {
    fn vertex(&mut self, position: Vec3, uv: Vec2) -> u32 {
        self.positions.push((position - Vec3::new(SIZE_M / 2.0, SIZE_M / 2.0, 0.0)).as_dvec3());
        self.uvs.push(uv.to_array());
        (self.positions.len() - 1) as u32
    }

    fn face(&mut self, corners: &[(Vec3, Vec2)], feature: u32) {
        let first = self.positions.len() as u32;
        for (position, uv) in corners {
            self.vertex(*position, *uv);
            self.feature_ids.push(feature);
        }
        for i in 1..corners.len() as u32 - 1 {
            self.indices.extend([first, first + i, first + i + 1]);
        }
    }
}

/// The ground of a tile, as coarse as `max_error_m` allows, with skirts that hide the steps between levels.
pub(super) fn ground(surface: &HeightField, tile: Square, max_error_m: f64) -> Result<Part, SampleError> {
    let cells = tile.side_cells();
    let (column, row) = tile.corner_cells();
    // Every grid corner is a metre: coarse tiles take every other, so that meshing stays cheap.
    let step = (cells / 64).max(1);
    let samples = cells / step + 1;
    let window = surface.window(column, row, samples, samples, step).ok_or(SampleError::Grid)?;
    let mesh = terrain::Rtin::new(&window)?.mesh(max_error_m, max_error_m * 1.5 + 1.0);
    let south_west = tile.south_west();
    let mut part = Part { indices: mesh.indices, ..Part::default() };
    for position in &mesh.positions {
        let uv = (position.truncate().as_vec2() - south_west) / tile.side_m();
        part.vertex(position.as_vec3(), Vec2::new(uv.x, 1.0 - uv.y).clamp(Vec2::ZERO, Vec2::ONE));
    }
    Ok(part)
}

/// Houses whose centre lies in a tile, as one part textured from the atlas. Coarse levels leave the eaves out.
pub(super) fn houses(site: &Site, tile: Square, eaves: bool) -> Part {
    let (south_west, side_m) = (tile.south_west(), tile.side_m());
    let mut part = Part::default();
    for (i, house) in site.houses.iter().enumerate() {
        let d = house.center - south_west;
        if d.min_element() >= 0.0 && d.max_element() < side_m {
            build(&mut part, house, i as u32, if eaves { 0.5 } else { 0.0 });
        }
    }
    part
}

/// Corners of an atlas cell, inset by half a texel of the smallest atlas: (u0, v0, u1, v1).
fn cell(column: u32, row: u32) -> [f32; 4] {
    let side = 1.0 / ATLAS_CELLS as f32;
    let inset = side * 0.03;
    let (u, v) = (column as f32 * side, row as f32 * side);
    [u + inset, v + inset, u + side - inset, v + side - inset]
}

fn build(part: &mut Part, house: &House, feature: u32, eaves_m: f32) {
    let (along, across) = (house.along, house.along.perp());
    let eaves_z = house.base_m + 3.1 * house.storeys as f32 + 0.3;
    let ridge_z = eaves_z + house.half.y * 0.52;
    let floor_z = house.base_m - 1.5;
    let corner = |u: f32, v: f32, z: f32| {
        (house.center + along * house.half.x * u + across * house.half.y * v).extend(z)
    };
    let lit = |normal: Vec2| normal.dot(Vec2::new(-0.45, -0.46)) > 0.0;

    for (u0, v0, u1, v1) in
        [(-1.0, -1.0, 1.0, -1.0), (1.0, -1.0, 1.0, 1.0), (1.0, 1.0, -1.0, 1.0), (-1.0, 1.0, -1.0, -1.0)]
    {
        let (a, b) = (corner(u0, v0, 0.0), corner(u1, v1, 0.0));
        let outward = -(b - a).truncate().perp();
        let [left, top, right, bottom] = cell(house.style, if lit(outward) { 2 } else { 3 });
        for storey in 0..house.storeys {
            let low = if storey == 0 { floor_z } else { house.base_m + 3.1 * storey as f32 };
            let high =
                if storey + 1 == house.storeys { eaves_z } else { house.base_m + 3.1 * (storey + 1) as f32 };
            part.face(
                &[
                    (a.with_z(low), Vec2::new(left, bottom)),
                    (b.with_z(low), Vec2::new(right, bottom)),
                    (b.with_z(high), Vec2::new(right, top)),
                    (a.with_z(high), Vec2::new(left, top)),
                ],
                feature,
            );
        }
        if u0 == u1 {
            let apex = corner(u0, 0.0, ridge_z);
            let top_wall = [
                (a.with_z(eaves_z), Vec2::new(left, top + 0.01)),
                (b.with_z(eaves_z), Vec2::new(right, top + 0.01)),
                (apex, Vec2::new((left + right) / 2.0, top)),
            ];
            part.face(&top_wall, feature);
        }
    }
    let reach = 1.0 + eaves_m / house.half.y;
    let over = 1.0 + eaves_m / house.half.x;
    let drop = (ridge_z - eaves_z) * (reach - 1.0);
    for side in [1.0_f32, -1.0] {
        let [left, top, right, bottom] = cell(house.style, if lit(across * side) { 0 } else { 1 });
        let roof = [
            (corner(-over * side, side * reach, eaves_z - drop + 0.15), Vec2::new(right, bottom)),
            (corner(-over * side, 0.0, ridge_z + 0.15), Vec2::new(right, top)),
            (corner(over * side, 0.0, ridge_z + 0.15), Vec2::new(left, top)),
            (corner(over * side, side * reach, eaves_z - drop + 0.15), Vec2::new(left, bottom)),
        ];
        part.face(&roof, feature);
        // The underside of the eaves, seen from the lane.
        part.face(&[roof[3], roof[2], roof[1], roof[0]], feature);
    }
}
