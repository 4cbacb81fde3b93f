//! Charts: connected triangles that are seen from one side.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};

use super::Mesh;
use crate::county_sample::paint::Painter;

/// From where triangles are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    /// From above, as part of the picture of the whole piece.
    Above,
    /// A wall of a building: its index, and which of four sides.
    Wall(u32, u8),
    /// Steep sides of crowns: which of four sides.
    Leaves(u8),
    /// Ground below the eaves, hidden from above.
    Covered,
    /// From below.
    Below,
}

/// Connected triangles of one view.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) view: View,
    /// Indices of triangles.
    pub(super) triangles: Vec<usize>,
    /// Unit vectors to the right and down of the picture.
    pub(super) axes: [Vec3; 2],
    /// Out of the surface.
    pub(super) out: Vec3,
    /// Corner of the picture along the axes, metres.
    pub(super) low: Vec2,
    pub(super) high: Vec2,
}

/// Triangles seen from above, and all other charts.
pub(super) fn charts(painter: &Painter<'_>, mesh: &Mesh) -> (Vec<usize>, Vec<Chart>) {
    let mut above = Vec::new();
    let mut others: Vec<(View, usize)> = Vec::new();
    for (index, triangle) in mesh.indices.chunks_exact(3).enumerate() {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|i| mesh.positions[i as usize]);
        let normal = (b - a).cross(c - a).normalize_or(Vec3::Z);
        match view(painter, [a, b, c], normal) {
            View::Above => above.push(index),
            other => others.push((other, index)),
        }
    }
    let charts = connected(mesh, &others)
        .into_iter()
        .map(|(view, triangles)| Chart::new(painter, mesh, view, triangles))
        .collect();
    (above, charts)
}

fn view(painter: &Painter<'_>, corners: [Vec3; 3], normal: Vec3) -> View {
    let middle = (corners[0] + corners[1] + corners[2]) / 3.0;
    if normal.z < -0.25 {
        // Only buildings and bridges hang over; elsewhere it is a sliver of ground that simplification turned over.
        return if hangs_over(painter, middle) { View::Below } else { View::Above };
    }
    if normal.z < 0.6
        && let Some((index, _)) = painter.wall_at(middle)
    {
        let local = painter.site.buildings[index].normal_to_local(normal);
        return View::Wall(index as u32, side_of(local));
    }
    if normal.z < 0.5 && painter.is_plant(middle) {
        return View::Leaves(side_of(normal));
    }
    // Near a roof's edge some of a triangle may be hidden.
    let is_hidden = |p: Vec3| {
        let at = p.truncate();
        !painter.site.buildings_near(at).is_empty() && painter.roof_m(at).is_some_and(|roof| roof > p.z + 0.9)
    };
    let halfway = |a: Vec3, b: Vec3| (a + b) / 2.0;
    let [a, b, c] = corners;
    if [middle, a, b, c, halfway(a, b), halfway(b, c), halfway(c, a)].into_iter().any(is_hidden) {
        return View::Covered;
    }
    View::Above
}

/// Whether a building or a bridge is near enough to a point to have an underside there.
fn hangs_over(painter: &Painter<'_>, p: Vec3) -> bool {
    let site = painter.site;
    let at = p.truncate();
    site.buildings_near(at).iter().any(|i| site.buildings[*i as usize].distance_m(p) < 0.5)
        || site.bridges.iter().any(|bridge| bridge.holds(at))
}

/// The side that a normal points to: 0 along x, 1 along y, 2 and 3 against them.
fn side_of(normal: Vec3) -> u8 {
    match (normal.x.abs() > normal.y.abs(), normal.x > 0.0, normal.y > 0.0) {
        (true, true, _) => 0,
        (false, _, true) => 1,
        (true, false, _) => 2,
        (false, _, false) => 3,
    }
}

const SIDES: [Vec3; 4] = [Vec3::X, Vec3::Y, Vec3::NEG_X, Vec3::NEG_Y];

/// Triangles of one view that hang together by vertices, in the order of their first triangles.
fn connected(mesh: &Mesh, list: &[(View, usize)]) -> Vec<(View, Vec<usize>)> {
    let mut parent: Vec<usize> = (0..list.len()).collect();
    fn root(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    let mut first: BTreeMap<(View, u32), usize> = BTreeMap::new();
    for (slot, (view, triangle)) in list.iter().enumerate() {
        for vertex in &mesh.indices[triangle * 3..triangle * 3 + 3] {
            let other = *first.entry((*view, *vertex)).or_insert(slot);
            let (a, b) = (root(&mut parent, slot), root(&mut parent, other));
            // The smaller one leads, so that the order is that of the triangles.
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (slot, (_, triangle)) in list.iter().enumerate() {
        groups.entry(root(&mut parent, slot)).or_default().push(*triangle);
    }
    groups.into_iter().map(|(leader, triangles)| (list[leader].0, triangles)).collect()
}

impl Chart {
    fn new(painter: &Painter<'_>, mesh: &Mesh, view: View, triangles: Vec<usize>) -> Self {
        let (axes, out) = match view {
            View::Wall(index, side) => {
                let building = &painter.site.buildings[index as usize];
                let out = building.normal_to_site(SIDES[usize::from(side % 4)]);
                ([Vec3::new(-out.y, out.x, 0.0), Vec3::NEG_Z], out)
            }
            View::Leaves(side) => {
                let out = SIDES[usize::from(side % 4)];
                ([Vec3::new(-out.y, out.x, 0.0), Vec3::NEG_Z], out)
            }
            View::Below => ([Vec3::X, Vec3::NEG_Y], Vec3::NEG_Z),
            View::Above | View::Covered => ([Vec3::X, Vec3::NEG_Y], Vec3::Z),
        };
        let (mut low, mut high) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
        for triangle in &triangles {
            for vertex in &mesh.indices[triangle * 3..triangle * 3 + 3] {
                let p = mesh.positions[*vertex as usize];
                let at = Vec2::new(p.dot(axes[0]), p.dot(axes[1]));
                (low, high) = (low.min(at), high.max(at));
            }
        }
        Self { view, triangles, axes, out, low, high }
    }

    /// Where a point lies in the picture, metres from its corner.
    pub(super) fn place(&self, p: Vec3) -> Vec2 {
        Vec2::new(p.dot(self.axes[0]), p.dot(self.axes[1])) - self.low
    }
}
