//! The window under hands: keys, mouse, clipboard, panels.

use std::path::Path;

use geodesy::{Obb, glam::DVec3};
use scene::write::{
    ContentInput, GlbBuilder, GlbOptions, MaterialInput, MeshInput, TileInput, TilesetInput, write_tileset,
};

use crate::desk::{Desk, SCREEN};

/// Half the side of the hill, metres.
const HALF_M: f64 = 100.0;

/// A noisy picture, so that every movement shows.
fn picture() -> Vec<u8> {
    let side = 128_u32;
    let mut state = 7_u32;
    let mut pixels = Vec::new();
    for _ in 0..side * side {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        pixels.extend([(state >> 24) as u8, (state >> 16) as u8 / 2 + 100, (state >> 8) as u8 / 2]);
    }
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    png
}

/// A hill of one tile in a local frame, 40 m high in the middle.
pub(crate) fn hill(folder: &Path) {
    let steps = 32_u32;
    let along = |i: u32| (f64::from(i) / f64::from(steps) * 2.0 - 1.0) * HALF_M;
    let (mut positions, mut uvs, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for y in 0..=steps {
        for x in 0..=steps {
            let (east, north) = (along(x), along(y));
            let height = 40.0 * (-(east * east + north * north) / 3000.0).exp();
            positions.push(DVec3::new(east, north, height));
            uvs.push([x as f32 / steps as f32, 1.0 - y as f32 / steps as f32]);
            if x < steps && y < steps {
                let corner = y * (steps + 1) + x;
                let above = corner + steps + 1;
                indices.extend([corner, corner + 1, above, above, corner + 1, above + 1]);
            }
        }
    }
    let mut glb = GlbBuilder::new(GlbOptions { copyright: Some("Hamlet".into()), ..GlbOptions::default() });
    let image = picture();
    let material =
        glb.add_material(&MaterialInput { image: Some(&image), ..MaterialInput::default() }).unwrap();
    let mesh = MeshInput {
        positions: &positions,
        uvs: Some(&uvs),
        indices: Some(&indices),
        material,
        ..MeshInput::default()
    };
    glb.add_mesh(&mesh).unwrap();
    let bounds =
        Obb { center: DVec3::Z * 20.0, half_axes: [DVec3::X * HALF_M, DVec3::Y * HALF_M, DVec3::Z * 20.0] };
    let root = TileInput {
        bounds: Some(bounds),
        content: Some(ContentInput { uri: "hill.glb".into(), bytes: Some(glb.finish().unwrap().into()) }),
        ..TileInput::default()
    };
    write_tileset(&TilesetInput { root, ..TilesetInput::default() }, "tileset.json", &mut |path, bytes| {
        std::fs::write(folder.join(path), bytes)
    })
    .unwrap();
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_window_answers_to_hands() {
    let Some(mut desk) = Desk::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    hill(folder.path());
    desk.view(folder.path(), &["--lang", "zh-CN"]);
    let width = SCREEN[0];
    let (panel_left, panel_right) = ([0, 0, 250, 250], [width - 300, 0, 300, 160]);
    let home = desk.camera();
    // From the south, 35 degrees down, at the whole.
    assert!(home[1] < -HALF_M && home[3].abs() < 1e-6 && (home[4] + 35.0).abs() < 1e-6, "{home:?}");

    // A click says what is there; Esc closes it.
    let plain = desk.rest();
    desk.hands(&["mousemove", "400", "300", "click", "1"]);
    desk.until("the panel of a point", |d| d.changed(&plain, panel_right) > 0.5);
    desk.hands(&["key", "Escape"]);
    desk.until("its end", |d| d.changed(&plain, panel_right) == 0.0);

    // P shows the figures, and again hides them.
    desk.hands(&["key", "p"]);
    desk.until("the figures", |d| d.changed(&plain, panel_left) > 0.5);
    desk.hands(&["key", "p"]);
    desk.until("their end", |d| d.changed(&plain, panel_left) == 0.0);

    // The wheel goes towards what is under the cursor.
    desk.hands(&["mousemove", "400", "300", "click", "4", "click", "4"]);
    desk.rest();
    let nearer = desk.camera();
    assert!(distance(&nearer, &[0.0, 0.0, 40.0]) < 0.8 * distance(&home, &[0.0, 0.0, 40.0]), "{nearer:?}");

    // A bookmark, then a double click flies to the point: nearer by 0.6 of the way.
    desk.hands(&["key", "ctrl+1"]);
    desk.hands(&["click", "--repeat", "2", "--delay", "60", "1"]);
    desk.rest();
    let there = desk.camera();
    let (before, after) = (distance(&nearer, &[0.0, 0.0, 40.0]), distance(&there, &[0.0, 0.0, 40.0]));
    assert!(after < 0.6 * before, "{before} m, then {after} m: {there:?}");
    desk.hands(&["key", "Escape"]);

    // Orbit with the middle button: the heading turns, the distance to what was grabbed stays.
    desk.drag("2", [400, 300], [500, 300]);
    desk.rest();
    let turned = desk.camera();
    let swing = (turned[3] - there[3] + 540.0).rem_euclid(360.0) - 180.0;
    assert!(swing.abs() > 5.0, "{there:?} {turned:?}");

    // N looks north again, 1 goes to the bookmark, Home to the whole.
    desk.hands(&["key", "n"]);
    desk.rest();
    let north = desk.camera();
    assert!(north[3].min(360.0 - north[3]) < 0.01, "{north:?}");
    desk.hands(&["key", "1"]);
    desk.rest();
    let kept = desk.camera();
    assert!(distance(&kept, &nearer) < 0.01, "{kept:?} {nearer:?}");
    desk.hands(&["key", "Home"]);
    desk.rest();
    let whole = desk.camera();
    assert!(distance(&whole, &home) < 0.01, "{whole:?} {home:?}");

    // A pan keeps the point under the cursor: the eye moves against the drag and does not turn.
    desk.drag("1", [400, 300], [460, 300]);
    desk.rest();
    let panned = desk.camera();
    assert!(panned[0] < whole[0] - 1.0 && (panned[4] - whole[4]).abs() < 1e-6, "{whole:?} {panned:?}");

    // F1 lists the keys in the middle.
    let before = desk.rest();
    desk.hands(&["key", "F1"]);
    desk.until("the list of keys", |d| d.changed(&before, [300, 200, 200, 200]) > 0.5);
}
