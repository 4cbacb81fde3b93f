//! Whether the ground is covered, by brute force over points.

use std::collections::BTreeSet;

use geodesy::{
    Frustum,
    glam::{DVec3, Vec4Swizzles},
};
use scene::streamer::{DrawTile, Plan, Streamer, TilesetId, View};

use super::{caller::Caller, trees::HALF_M, world::Rng};

/// Points along each side of the ground.
const POINTS: usize = 18;

/// A camera over the ground.
pub(super) fn camera(eye: DVec3, heading: f64, pitch: f64) -> View {
    let forward = DVec3::new(heading.sin() * pitch.cos(), heading.cos() * pitch.cos(), pitch.sin());
    View {
        eye_in_world: eye,
        forward_in_world: forward,
        frustum_in_world: Frustum::perspective(eye, forward, DVec3::Z, 1.0, 0.7, 0.1),
        viewport_height_px: 600.0,
        vertical_fov_rad: 0.7,
        max_screen_space_error_px: 16.0,
        weight: 1.0,
    }
}

/// Anywhere over the ground, looking down more or less.
pub(super) fn random_camera(rng: &mut Rng) -> View {
    let height = 30.0 * 60.0_f64.powf(rng.unit());
    let eye = DVec3::new(rng.range(-HALF_M, HALF_M), rng.range(-HALF_M, HALF_M), height);
    camera(eye, rng.range(0.0, std::f64::consts::TAU), rng.range(-1.5, -0.2))
}

fn inside(frustum: &Frustum, point: DVec3) -> bool {
    frustum.planes.iter().all(|p| p.xyz().dot(point) + p.w >= 0.0)
}

/// Remembers what was covered in the frame before.
#[derive(Default)]
pub(super) struct Oracle {
    covered: BTreeSet<(usize, usize)>,
}

impl Oracle {
    /// Panics if there is a hole, as the design defines it.
    pub(super) fn check(&mut self, caller: &Caller, plan: &Plan, views: &[View], may_vanish: bool) {
        let mut covered = BTreeSet::new();
        for (v, view) in views.iter().enumerate() {
            let drawn: Vec<&DrawTile> = plan.draw.iter().filter(|d| d.views & 1 << v != 0).collect();
            for p in 0..POINTS * POINTS {
                let point = point(p);
                if !inside(&view.frustum_in_world, point) {
                    continue;
                }
                if is_covered(&caller.streamer, &drawn, point) {
                    covered.insert((v, p));
                    continue;
                }
                if plan.stats.over_budget > 0 || may_vanish {
                    continue;
                }
                assert!(
                    !self.covered.contains(&(v, p)),
                    "frame {}: view {v}: {point} was covered in the frame before and is not any more\n{:?}",
                    caller.frame,
                    plan.stats
                );
                let resident = caller.resident.keys().find(|id| {
                    caller.streamer.content(**id).is_some_and(|(tile, _)| {
                        holds(&caller.streamer, tile.index, point) && is_current(&caller.streamer, tile.index)
                    })
                });
                // Contents that were uploaded after the plan was made cannot be in it.
                assert!(
                    resident.is_none_or(|id| plan.upload.contains(id)),
                    "frame {}: view {v}: {point} is not covered although {:?} is resident\n{:?}",
                    caller.frame,
                    resident.and_then(|id| caller.streamer.content(*id)),
                    plan.stats
                );
            }
        }
        self.covered = covered;
    }
}

/// Points off the edges of tiles.
fn point(n: usize) -> DVec3 {
    let step = 2.0 * HALF_M / POINTS as f64;
    let at = |i: usize| -HALF_M + (i as f64 + 0.37) * step;
    DVec3::new(at(n % POINTS), at(n / POINTS), 0.5)
}

/// Whether a tile belongs to what is shown, not to a replacement that still loads.
fn is_current(streamer: &Streamer, mut tile: u32) -> bool {
    while let Some(above) = streamer.tree().tile(tile).and_then(|t| t.parent()) {
        tile = above;
    }
    // While a single tile is replaced its old contents may be resident below what took its place.
    streamer.root_tile(TilesetId(1)).is_some_and(|root| root.index == tile)
}

fn holds(streamer: &Streamer, tile: u32, point: DVec3) -> bool {
    streamer.tree().tile(tile).is_some_and(|t| t.volume().contains(point))
}

/// Whether what is drawn at a point leaves no value of the dither pattern out.
fn is_covered(streamer: &Streamer, drawn: &[&DrawTile], point: DVec3) -> bool {
    let (mut below, mut above) = (0.0f32, 1.0f32);
    for draw in drawn {
        let Some(tile) = streamer.tree().get(draw.tile) else { continue };
        if !tile.volume().contains(point) {
            continue;
        }
        let clipped = !draw.only_inside.is_empty()
            && !draw.only_inside.iter().any(|b| geodesy::BoundingVolume::Box(*b).contains(point));
        if clipped {
            continue;
        }
        if draw.fading_out {
            above = above.min(draw.fade);
        } else {
            below = below.max(draw.fade);
        }
    }
    below >= above
}
