//! The texture of a piece: the view from above, and below it the charts of everything else.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};

use super::{
    Mesh, Picture, Piece,
    charts::{Chart, View, charts},
    picture::bytes,
};
use crate::county_sample::paint::Painter;

/// Texels around a chart, so that filtering finds no foreign colour.
const PADDING: usize = 2;
/// Sides of textures are multiples of this.
const MULTIPLE: usize = 8;

/// A chart with its place in the atlas.
struct Placed {
    chart: Chart,
    /// Texels, with padding.
    size: [usize; 2],
    at: [usize; 2],
    /// Texels a metre; fewer than wanted where a chart is wider than the atlas.
    density: f32,
}

/// A textured piece; `above` is the view from above, whose south-western corner is `south_west`.
pub(super) fn piece(
    painter: &Painter<'_>,
    mesh: &Mesh,
    south_west: Vec2,
    above: Picture,
    texel_m: f32,
) -> Piece {
    let (seen, rest) = charts(painter, mesh);
    let width = above.width.next_multiple_of(MULTIPLE);
    let (placed, height) = pack(rest, width, above.height, texel_m);
    let mut texture = Picture::new(width, height.next_multiple_of(MULTIPLE));
    texture.put(&above, 0, 0);
    let mut piece = Piece {
        positions: Vec::new(),
        uvs: Vec::new(),
        indices: Vec::with_capacity(mesh.indices.len()),
        texture: Picture::new(0, 0),
    };
    let scale = Vec2::new(1.0 / texture.width as f32, 1.0 / texture.height as f32);
    let rows = above.height as f32;
    let mut moved = BTreeMap::new();
    piece.push(mesh, &seen, &mut moved, |p| {
        let at = (p.truncate() - south_west) / texel_m;
        Vec2::new(at.x, rows - at.y) * scale
    });
    for placed in &placed {
        moved.clear();
        let corner = Vec2::new(placed.at[0] as f32, placed.at[1] as f32) + PADDING as f32;
        piece.push(mesh, &placed.chart.triangles, &mut moved, |p| {
            (corner + placed.chart.place(p) * placed.density) * scale
        });
        texture.put(&paint(painter, mesh, placed, texel_m), placed.at[0], placed.at[1]);
    }
    piece.texture = texture;
    piece
}

impl Piece {
    fn push(
        &mut self,
        mesh: &Mesh,
        triangles: &[usize],
        moved: &mut BTreeMap<u32, u32>,
        uv: impl Fn(Vec3) -> Vec2,
    ) {
        for triangle in triangles {
            for vertex in &mesh.indices[triangle * 3..triangle * 3 + 3] {
                let new = *moved.entry(*vertex).or_insert_with(|| {
                    let p = mesh.positions[*vertex as usize];
                    self.positions.push(p);
                    self.uvs.push(uv(p).clamp(Vec2::ZERO, Vec2::ONE));
                    (self.positions.len() - 1) as u32
                });
                self.indices.push(new);
            }
        }
    }
}

/// Puts charts in rows below `top`, the tallest first; returns them with the height of the atlas.
fn pack(charts: Vec<Chart>, width: usize, top: usize, texel_m: f32) -> (Vec<Placed>, usize) {
    let mut placed: Vec<Placed> = charts
        .into_iter()
        .map(|chart| {
            let extent = chart.high - chart.low;
            let room = (width - 2 * PADDING - 1) as f32;
            let density = (1.0 / texel_m).min(room / extent.x.max(1e-3));
            let size = [extent.x, extent.y].map(|m| (m * density).ceil() as usize + 1 + 2 * PADDING);
            Placed { chart, size, at: [0, 0], density }
        })
        .collect();
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(placed[*i].size[1]), *i));
    let (mut x, mut y, mut shelf) = (0, top, 0);
    for index in order {
        let [w, h] = placed[index].size;
        if x + w > width {
            (x, y, shelf) = (0, y + shelf, 0);
        }
        placed[index].at = [x, y];
        x += w;
        shelf = shelf.max(h);
    }
    (placed, y + shelf)
}

/// The picture of a chart, padding included.
fn paint(painter: &Painter<'_>, mesh: &Mesh, placed: &Placed, texel_m: f32) -> Picture {
    let [w, h] = placed.size;
    let chart = &placed.chart;
    let mut picture = Picture::new(w, h);
    let mut is_set = vec![false; w * h];
    let color = |p: Vec3| {
        bytes(match chart.view {
            View::Wall(..) | View::Leaves(_) => painter.seen_from_aside(p, chart.out, texel_m),
            View::Below => painter.underside(p),
            View::Covered | View::Above => painter.under_eaves(p, texel_m),
        })
    };
    for triangle in &chart.triangles {
        let corners = [0, 1, 2].map(|i| mesh.positions[mesh.indices[triangle * 3 + i] as usize]);
        let flat = corners.map(|p| chart.place(p) * placed.density + PADDING as f32);
        let area = (flat[1] - flat[0]).perp_dot(flat[2] - flat[0]);
        if area.abs() < 1e-9 {
            continue;
        }
        let low = flat[0].min(flat[1]).min(flat[2]) - 0.5;
        let high = flat[0].max(flat[1]).max(flat[2]) + 0.5;
        let range = |low: f32, high: f32, most: usize| {
            low.floor().max(0.0) as usize..(high.ceil().max(0.0) as usize).min(most)
        };
        for y in range(low.y, high.y, h) {
            for x in range(low.x, high.x, w) {
                let at = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
                let b = (at - flat[0]).perp_dot(flat[2] - flat[0]) / area;
                let c = (flat[1] - flat[0]).perp_dot(at - flat[0]) / area;
                let i = y * w + x;
                if b >= 0.0 && c >= 0.0 && b + c <= 1.0 && !is_set[i] {
                    let p = corners[0] + (corners[1] - corners[0]) * b + (corners[2] - corners[0]) * c;
                    picture.rgb[i] = color(p);
                    is_set[i] = true;
                }
            }
        }
    }
    if !is_set.contains(&true) {
        let corners = chart.triangles.first().map_or([Vec3::ZERO; 3], |triangle| {
            [0, 1, 2].map(|i| mesh.positions[mesh.indices[triangle * 3 + i] as usize])
        });
        picture.rgb.fill(color((corners[0] + corners[1] + corners[2]) / 3.0));
        return picture;
    }
    spread(&mut picture, &mut is_set);
    picture
}

/// Fills texels that no triangle covers from those beside them, row by row and then column by column.
fn spread(picture: &mut Picture, is_set: &mut [bool]) {
    let (w, h) = (picture.width, picture.height);
    let mut sweep = |count: usize, length: usize, index: &dyn Fn(usize, usize) -> usize| {
        for line in 0..count {
            for forward in [true, false] {
                let mut last: Option<[u8; 3]> = None;
                for step in 0..length {
                    let i = index(line, if forward { step } else { length - 1 - step });
                    if is_set[i] {
                        last = Some(picture.rgb[i]);
                    } else if let Some(color) = last {
                        picture.rgb[i] = color;
                        is_set[i] = true;
                    }
                }
            }
        }
    };
    sweep(h, w, &|line, step| line * w + step);
    sweep(w, h, &|line, step| step * w + line);
}
