//! Settled pictures beside those that cesium-native's own tests expect for its test tilesets and cameras
//! (`TestTilesetSelectionAlgorithm.cpp`; the numbers are facts about these files, the tests are ours).
//!
//! Two things are counted differently and are not differences: cesium-native counts a tile for the `tileset.json` itself
//! and one for each external tileset, and it counts tiles that failed, which it draws as empty holes.

use std::collections::BTreeSet;

use geodesy::{BoundingVolume, Frustum, Geodetic, Region, ecef_from_geodetic, glam::DVec3};
use scene::{
    streamer::{StreamerSettings, View},
    tileset::RawTileset,
};

use super::{
    caller::{Caller, Manners},
    real::world_of,
    world::{Fault, World},
};

const FOLDER: &str = "cesium-native/Cesium3DTilesSelection/test/data";

/// The camera of those tests: at the north-western upper corner of a region, looking at its middle on the ellipsoid.
fn zoom_to(region: &Region) -> View {
    let corner = Geodetic { lon_rad: region.west, lat_rad: region.north, height_m: region.max_height_m };
    let middle = Geodetic { height_m: 0.0, ..region.center() };
    let eye = ecef_from_geodetic(corner);
    view(eye, (ecef_from_geodetic(middle) - eye).normalize(), 60.0)
}

/// 500 × 500 pixels, up along the Earth's axis.
fn view(eye: DVec3, forward: DVec3, fov_deg: f64) -> View {
    let fov_rad = fov_deg.to_radians();
    View {
        eye_in_world: eye,
        forward_in_world: forward,
        frustum_in_world: Frustum::perspective(eye, forward, DVec3::Z, fov_rad, fov_rad, 0.1),
        viewport_height_px: 500.0,
        vertical_fov_rad: fov_rad,
        max_screen_space_error_px: 16.0,
        weight: 1.0,
    }
}

/// The same view from a place moved along its direction, and sideways.
fn moved(from: &View, ahead_m: f64, aside: DVec3, fov_deg: f64) -> View {
    view(from.eye_in_world + aside + from.forward_in_world * ahead_m, from.forward_in_world, fov_deg)
}

struct Case {
    caller: Caller,
    folder: &'static str,
    root: Region,
    first_child: Option<Region>,
}

impl Case {
    fn open(folder: &'static str, faults: &[(&str, Fault)]) -> Option<Self> {
        let mut world: World = world_of(FOLDER)?;
        for (uri, fault) in faults {
            world.faults.insert(format!("{folder}/{uri}"), *fault);
        }
        let uri = format!("{folder}/tileset.json");
        let text = world.files.get(&uri).expect("the tileset").clone();
        let (raw, _) = RawTileset::parse(&text, &uri).expect("a tileset");
        let region = |tile: usize| match raw.tiles.get(tile)?.volume.as_ref()? {
            BoundingVolume::Region(region) => Some(region.0),
            _ => None,
        };
        let root = region(0).expect("a region");
        let first_child = region(raw.tiles[0].children.start as usize);
        let settings = StreamerSettings { fade_secs: 0.0, ..StreamerSettings::default() };
        let mut caller = Caller::new(world, settings, Manners::default(), 1);
        caller.streamer.add_tileset(&uri);
        Some(Self { caller, folder, root, first_child })
    }

    /// Names of what a settled picture shows, and of what of it is drawn in places only.
    fn settled(&mut self, views: &[View]) -> (Vec<String>, Vec<String>) {
        let plan = self.caller.settle(views, 2000);
        let name = |d: &scene::streamer::DrawTile| {
            let uri = self.caller.streamer.content(d.content).expect("a content").1;
            uri.trim_start_matches(self.folder).trim_start_matches('/').trim_end_matches(".b3dm").to_owned()
        };
        let all: Vec<String> = plan.draw.iter().map(name).collect();
        let unique: BTreeSet<String> = all.iter().cloned().collect();
        let clipped = plan.draw.iter().filter(|d| !d.only_inside.is_empty()).map(name).collect();
        // Several tiles may share a content file.
        (if unique.len() == 1 { all } else { unique.into_iter().collect() }, clipped)
    }
}

#[test]
fn replacement_refines_as_in_cesium_native() {
    let Some(mut case) = Case::open("ReplaceTileset", &[]) else { return };
    let near = zoom_to(&case.root);
    // "No refinement happen when tile meet SSE": 1 tile.
    assert_eq!(case.settled(&[moved(&near, -2500.0, DVec3::ZERO, 60.0)]).0, ["parent"]);
    // "Child should be chosen when parent doesn't meet SSE": 4 tiles.
    assert_eq!(case.settled(&[near]).0, ["ll", "lr", "ul", "ur"]);
}

#[test]
fn failed_children_leave_their_parent_where_cesium_native_leaves_holes() {
    let gone: Vec<(&str, Fault)> =
        ["ll.b3dm", "lr.b3dm", "ul.b3dm", "ur.b3dm"].map(|uri| (uri, Fault::Gone)).to_vec();
    let Some(mut case) = Case::open("ReplaceTileset", &gone) else { return };
    // "Children cannot be rendered ...": 4 tiles, all of them failed and empty. A deliberate difference: a failed tile
    // leaves its parent in place for its area.
    let near = zoom_to(&case.root);
    let (shown, clipped) = case.settled(&[near]);
    assert_eq!((shown, clipped), (vec!["parent".to_owned()], vec!["parent".to_owned()]));
}

#[test]
fn a_failed_tile_between_is_passed_over_as_in_cesium_native() {
    let Some(mut case) = Case::open("ReplaceTileset", &[("ll.b3dm", Fault::Gone)]) else { return };
    let near = zoom_to(&case.root);
    // "Parent meets sse but not renderable": 4 tiles, the grandchild in the place of the failed child.
    assert_eq!(case.settled(&[moved(&near, 200.0, DVec3::ZERO, 60.0)]).0, ["ll_ll", "lr", "ul", "ur"]);
    // Farther away they show 4 tiles of which the failed one is a hole; here the parent fills it.
    let (shown, clipped) = case.settled(&[moved(&near, -100.0, DVec3::ZERO, 60.0)]);
    assert_eq!(shown, ["lr", "parent", "ul", "ur"]);
    assert_eq!(clipped, ["parent"]);
}

#[test]
fn addition_refines_through_external_tilesets_as_in_cesium_native() {
    let Some(mut case) = Case::open("AddTileset", &[]) else { return };
    // "Load external tilesets": 8 tiles, three of which stand for documents.
    let near = zoom_to(&case.root);
    assert_eq!(case.settled(&[near]).0, ["lr", "parent", "tileset3/ll", "ul", "ur"]);
}

#[test]
fn a_failed_additive_child_holds_nobody_back_as_in_cesium_native() {
    let Some(mut case) = Case::open("ErrorChildrenAddTileset", &[("error_lr.b3dm", Fault::Corrupt)]) else {
        return;
    };
    // "Render any tiles even when one of children can't be rendered": 5 tiles, one for the document, one failed.
    let near = zoom_to(&case.root);
    assert_eq!(case.settled(&[near]).0, ["parent", "ul", "ur"]);
}

#[test]
fn additive_levels_go_one_by_one_as_in_cesium_native() {
    let Some(mut case) = Case::open("AdditiveThreeLevels", &[]) else { return };
    // "Additive-refined tiles ...": 4 tiles with that of the document, and 2 from 100 km higher.
    let near = zoom_to(&case.root);
    assert_eq!(case.settled(std::slice::from_ref(&near)).0.len(), 3);
    let up = case.root.center().up_in_ecef();
    let eye = near.eye_in_world + up * 100_000.0;
    assert_eq!(case.settled(&[view(eye, -up, 60.0)]).0.len(), 1);
    // Their camera keeps its direction and does not see the tileset any more; they draw tiles under the camera all the
    // same (`renderTilesUnderCamera`). A deliberate difference: what is outside the view is not drawn.
    assert_eq!(case.settled(&[view(eye, near.forward_in_world, 60.0)]).0.len(), 0);
}

#[test]
fn several_views_refine_each_for_itself_where_cesium_native_refines_for_all() {
    let Some(mut case) = Case::open("ReplaceTileset", &[]) else { return };
    let near = zoom_to(&case.root);
    let far = moved(&near, -2500.0, DVec3::ZERO, 60.0);
    // "The frustum with the highest SSE should be used": 4 tiles for both views. A deliberate difference: every view
    // has its own error, so the far one shows the parent. What is loaded is the same.
    let plan = case.caller.settle(&[near, far], 2000);
    let of = |bit: u32| plan.draw.iter().filter(|d| d.views & bit != 0).count();
    assert_eq!((of(1), of(2)), (4, 1));
}

#[test]
fn tiles_outside_all_views_are_culled_as_in_cesium_native() {
    let Some(mut case) = Case::open("ReplaceTileset", &[]) else { return };
    // "Tiles should be culled if all the cameras agree": 2 tiles, the grandchild and the second child.
    let to_child = zoom_to(&case.first_child.expect("a region"));
    let one = moved(&to_child, 250.0, DVec3::ZERO, 30.0);
    let two = moved(&to_child, 243.0, DVec3::new(15.0, 0.0, 0.0), 30.0);
    assert_eq!(case.settled(&[one, two]).0, ["ll_ll", "lr"]);
}
