//! The settled picture against a naive recursive selection.

use std::collections::BTreeSet;

use geodesy::{BoundingVolume, PlaneMask, Visibility};
use scene::{
    streamer::{StreamerSettings, View},
    tileset::{Refine, TileKind, Tree},
};

use super::{
    caller::{Caller, Manners},
    oracle::random_camera,
    trees::{SHAPES, build},
    world::{Rng, World},
};

/// Uris of what a settled view shows, straight from the specification.
pub(super) fn expected(tree: &Tree, tile: u32, view: &View, out: &mut BTreeSet<String>) {
    let t = tree.tile(tile).expect("a tile");
    let is_outside =
        |v: &BoundingVolume| v.classify(&view.frustum_in_world, PlaneMask::ALL).0 == Visibility::Outside;
    if is_outside(t.volume()) || !t.may_be_viewed_from(view.eye_in_world) {
        return;
    }
    let distance = t.distance_squared(view.eye_in_world).sqrt().max(1e-7);
    let error = t.geometric_error() * view.viewport_height_px
        / (2.0 * distance * (view.vertical_fov_rad / 2.0).tan());
    let content = t.kind() == TileKind::Contents;
    let refine = !t.is_leaf() && (!content || error >= view.max_screen_space_error_px);
    if content && (!refine || t.refine() == Refine::Add) {
        let unseen = t.contents().iter().all(|c| c.volume.as_deref().is_some_and(is_outside));
        out.extend(t.contents().iter().filter(|_| !unseen).map(|c| c.uri.to_string()));
    }
    if refine {
        for child in t.children() {
            expected(tree, child, view, out);
        }
    }
}

#[test]
fn settled_views_show_what_a_naive_selection_shows() {
    for (n, &shape) in SHAPES.iter().enumerate() {
        let mut world = World::default();
        let uri = build(&mut world, "a", shape, 5, n as u64);
        let mut caller = Caller::new(world, StreamerSettings::default(), Manners::default(), 5);
        let id = caller.streamer.add_tileset(&uri);
        let mut rng = Rng(n as u64 + 9);
        for _ in 0..12 {
            let view = random_camera(&mut rng);
            let plan = caller.settle(std::slice::from_ref(&view), 2000);
            let mut shown: BTreeSet<String> = plan
                .draw
                .iter()
                .map(|d| caller.streamer.content(d.content).expect("a content").1.to_string())
                .collect();
            assert!(plan.draw.iter().all(|d| d.fade == 1.0 && d.only_inside.is_empty()));
            let mut wanted = BTreeSet::new();
            let root = caller.streamer.root_tile(id).expect("the root is here");
            expected(caller.streamer.tree(), root.index, &view, &mut wanted);
            let extra: Vec<_> = shown.difference(&wanted).cloned().collect();
            shown.extend(wanted.iter().cloned());
            assert!(extra.is_empty() && shown == wanted, "{shape:?}: too much: {extra:?}");
            assert_eq!(plan.draw.len(), wanted.len(), "{shape:?}");
        }
    }
}
