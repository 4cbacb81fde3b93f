//! The exact solids of a building, for those who check what others conclude.

use glam::{Vec2, Vec3};

use super::{Building, EAVES_M, FOUNDATION_M, PARAPET_M, Part, ROOF_M, Roof};

/// A closed convex solid: corners in the site's frame, faces as corner indices counter-clockwise from outside.
#[derive(Clone, Debug)]
pub(in crate::county_sample) struct Solid {
    /// `walls`, `roof`, `parapet` or `block`.
    pub(in crate::county_sample) role: &'static str,
    pub(in crate::county_sample) corners: Vec<Vec3>,
    pub(in crate::county_sample) faces: Vec<Vec<u32>>,
}

/// All solids whose union is the building.
pub(in crate::county_sample) fn solids(building: &Building) -> Vec<Solid> {
    building.parts.iter().flat_map(|part| of_part(building, part)).collect()
}

fn of_part(building: &Building, part: &Part) -> Vec<Solid> {
    let bottom = if part.low_m <= 0.0 { -FOUNDATION_M } else { part.low_m };
    let flat = |z: f32| move |_: Vec2| z;
    let column = |role, center: Vec2, half: Vec2, low: &dyn Fn(Vec2) -> f32, high: &dyn Fn(Vec2) -> f32| {
        column(building, role, [center - half, center + half], low, high)
    };
    match part.roof {
        Roof::Block => vec![column("block", part.center, part.half, &flat(bottom), &flat(part.eaves_m))],
        Roof::Flat { parapet_m } => {
            let lip = part.eaves_m - ROOF_M;
            let mut solids = vec![
                column("walls", part.center, part.half, &flat(bottom), &flat(part.eaves_m)),
                column("roof", part.center, part.half + EAVES_M, &flat(lip), &flat(part.eaves_m)),
            ];
            if parapet_m > 0.0 {
                let t = PARAPET_M / 2.0;
                for (offset, half) in [
                    (Vec2::new(0.0, part.half.y - t), Vec2::new(part.half.x, t)),
                    (Vec2::new(0.0, t - part.half.y), Vec2::new(part.half.x, t)),
                    (Vec2::new(part.half.x - t, 0.0), Vec2::new(t, part.half.y)),
                    (Vec2::new(t - part.half.x, 0.0), Vec2::new(t, part.half.y)),
                ] {
                    let top = flat(part.eaves_m + parapet_m);
                    solids.push(column("parapet", part.center + offset, half, &flat(lip), &top));
                }
            }
            solids
        }
        Roof::Gable { .. } | Roof::Hip { .. } | Roof::Mono { .. } => {
            let under = |p: Vec2| part.pitched(p - part.center).map_or(part.eaves_m, |(z, _)| z);
            let over = |p: Vec2| under(p) + ROOF_M;
            let mut solids = vec![pitched(building, part, "walls", part.half, &flat(bottom), &under)];
            solids.extend(
                planes(part).into_iter().map(|outline| prism(building, "roof", &outline, &under, &over)),
            );
            solids
        }
    }
}

/// Each plane of a pitched roof with its eaves, as a convex outline in the building's frame.
fn planes(part: &Part) -> Vec<Vec<Vec2>> {
    let r = part.half + EAVES_M;
    let c = part.center;
    let at = |x: f32, y: f32| c + Vec2::new(x, y);
    match part.roof {
        Roof::Gable { along_a: true, .. } => vec![
            vec![at(-r.x, -r.y), at(r.x, -r.y), at(r.x, 0.0), at(-r.x, 0.0)],
            vec![at(-r.x, 0.0), at(r.x, 0.0), at(r.x, r.y), at(-r.x, r.y)],
        ],
        Roof::Gable { along_a: false, .. } => vec![
            vec![at(-r.x, -r.y), at(0.0, -r.y), at(0.0, r.y), at(-r.x, r.y)],
            vec![at(0.0, -r.y), at(r.x, -r.y), at(r.x, r.y), at(0.0, r.y)],
        ],
        Roof::Hip { .. } => {
            let [low, high] = hip_ridge(part);
            let (low, high) = (c + low, c + high);
            let corners = [at(-r.x, -r.y), at(r.x, -r.y), at(r.x, r.y), at(-r.x, r.y)];
            // The ridge ends that each side of the outline, from the south counter-clockwise, leads up to.
            let ends = if part.half.x >= part.half.y {
                [[high, low], [high, high], [low, high], [low, low]]
            } else {
                [[low, low], [high, low], [high, high], [low, high]]
            };
            (0..4)
                .map(|i| {
                    let mut outline = vec![corners[i], corners[(i + 1) % 4], ends[i][0]];
                    if ends[i][0].distance(ends[i][1]) > 1e-3 {
                        outline.push(ends[i][1]);
                    }
                    outline
                })
                .collect()
        }
        _ => vec![vec![at(-r.x, -r.y), at(r.x, -r.y), at(r.x, r.y), at(-r.x, r.y)]],
    }
}

/// Ends of the ridge of a hipped roof, relative to the part's middle: the lower coordinate first.
fn hip_ridge(part: &Part) -> [Vec2; 2] {
    let h = part.half;
    let end = if h.x >= h.y { Vec2::new(h.x - h.y, 0.0) } else { Vec2::new(0.0, h.y - h.x) };
    [-end, end]
}

/// Walls up to a pitched roof: the outline is cut along ridges and hips so that the top is one plane per piece, then
/// joined to one solid with all of them as faces.
fn pitched(
    building: &Building,
    part: &Part,
    role: &'static str,
    half: Vec2,
    low: &dyn Fn(Vec2) -> f32,
    high: &dyn Fn(Vec2) -> f32,
) -> Solid {
    let c = part.center;
    let at = |x: f32, y: f32| c + Vec2::new(x * half.x, y * half.y);
    let mut ring = vec![at(-1.0, -1.0), at(1.0, -1.0), at(1.0, 1.0), at(-1.0, 1.0)];
    let mut inner: Vec<Vec2> = Vec::new();
    let faces_above: Vec<Vec<u32>> = match part.roof {
        Roof::Gable { along_a: true, .. } => {
            ring =
                vec![at(-1.0, -1.0), at(1.0, -1.0), at(1.0, 0.0), at(1.0, 1.0), at(-1.0, 1.0), at(-1.0, 0.0)];
            vec![vec![0, 1, 2, 5], vec![5, 2, 3, 4]]
        }
        Roof::Gable { along_a: false, .. } => {
            ring =
                vec![at(-1.0, -1.0), at(0.0, -1.0), at(1.0, -1.0), at(1.0, 1.0), at(0.0, 1.0), at(-1.0, 1.0)];
            vec![vec![0, 1, 4, 5], vec![1, 2, 3, 4]]
        }
        Roof::Hip { .. } => {
            let [a, b] = hip_ridge(part);
            inner = vec![c + a, c + b];
            if half.x >= half.y {
                vec![vec![0, 1, 5, 4], vec![1, 2, 5], vec![2, 3, 4, 5], vec![3, 0, 4]]
            } else {
                vec![vec![0, 1, 4], vec![1, 2, 5, 4], vec![2, 3, 5], vec![3, 0, 4, 5]]
            }
        }
        _ => vec![vec![0, 1, 2, 3]],
    };
    let n = ring.len() as u32;
    let m = inner.len() as u32;
    let lift = |p: &Vec2, z: f32| building.to_site(*p).extend(building.base_m + z);
    let mut corners: Vec<Vec3> = ring.iter().chain(&inner).map(|p| lift(p, high(*p))).collect();
    corners.extend(ring.iter().map(|p| lift(p, low(*p))));
    let mut faces = faces_above;
    faces.push((0..n).rev().map(|i| n + m + i).collect());
    for i in 0..n {
        let j = (i + 1) % n;
        faces.push(vec![n + m + i, n + m + j, j, i]);
    }
    Solid { role, corners, faces }
}

/// A solid over a rectangle of the building's frame.
fn column(
    building: &Building,
    role: &'static str,
    [low_corner, high_corner]: [Vec2; 2],
    low: &dyn Fn(Vec2) -> f32,
    high: &dyn Fn(Vec2) -> f32,
) -> Solid {
    let outline = [
        low_corner,
        Vec2::new(high_corner.x, low_corner.y),
        high_corner,
        Vec2::new(low_corner.x, high_corner.y),
    ];
    prism(building, role, &outline, low, high)
}

/// A solid over a convex counter-clockwise outline of the building's frame.
fn prism(
    building: &Building,
    role: &'static str,
    outline: &[Vec2],
    low: &dyn Fn(Vec2) -> f32,
    high: &dyn Fn(Vec2) -> f32,
) -> Solid {
    let n = outline.len() as u32;
    let lift = |p: &Vec2, z: f32| building.to_site(*p).extend(building.base_m + z);
    let mut corners: Vec<Vec3> = outline.iter().map(|p| lift(p, high(*p))).collect();
    corners.extend(outline.iter().map(|p| lift(p, low(*p))));
    let mut faces = vec![(0..n).collect(), (0..n).rev().map(|i| n + i).collect()];
    for i in 0..n {
        let j = (i + 1) % n;
        faces.push(vec![n + i, n + j, j, i]);
    }
    Solid { role, corners, faces }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::county_sample::building::{Kind, plan};

    #[test]
    fn solids_are_closed_and_turn_outwards() {
        for kind in [Kind::Flat, Kind::Gable, Kind::Villa, Kind::Earth, Kind::Hall, Kind::Shed, Kind::School]
        {
            for seed in 0..10 {
                for solid in solids(&plan(kind, seed)) {
                    let mut edges: BTreeMap<(u32, u32), i32> = BTreeMap::new();
                    let mut volume = 0.0;
                    let origin = solid.corners[0];
                    for face in &solid.faces {
                        for (i, &a) in face.iter().enumerate() {
                            let b = face[(i + 1) % face.len()];
                            *edges.entry((a.min(b), a.max(b))).or_default() += if a < b { 1 } else { -1 };
                        }
                        for i in 1..face.len() - 1 {
                            let [a, b, c] = [face[0], face[i], face[i + 1]]
                                .map(|corner| solid.corners[corner as usize] - origin);
                            volume += a.dot(b.cross(c)) / 6.0;
                        }
                    }
                    assert!(edges.values().all(|sum| *sum == 0), "{kind:?} {}: open", solid.role);
                    assert!(volume > 0.01, "{kind:?} {}: {volume} m³", solid.role);
                }
            }
        }
    }
}
