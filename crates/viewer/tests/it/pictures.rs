use geodesy::{
    Obb,
    glam::{DMat4, DVec3},
};
use scene::content::{AlphaMode, Material, TileContent, Topology};
use viewer::gpu::{
    frame::TileDraw,
    upload::{UploadBudget, UploadJob},
};

use crate::stage::{EDGE_SHARE, content, draw_of, frame, looking_north, stage, texture, textured_wall, wall};

/// A camera 4 m south of the wall: half the picture's width is 4·tan 30° = 2.309 m.
const EYE: DVec3 = DVec3::new(0.0, -4.0, 0.0);
const HALF_WIDTH_M: f64 = 2.309_401;

/// Share of the picture that the 2 × 2 m wall covers from [`EYE`]: it is higher than wide, 2 m of 4.62 m × 2.6 m.
fn wall_share() -> f64 {
    let half_height = HALF_WIDTH_M * 9.0 / 16.0;
    (1.0 / HALF_WIDTH_M) * (1.0 / half_height)
}

fn assert_share(found: f64, expected: f64) {
    assert!((found - expected).abs() <= EDGE_SHARE, "covers {found}, expected {expected}");
}

#[test]
fn a_textured_wall_covers_its_share_in_its_color() {
    let Some(stage) = stage() else { return };
    let tile = stage.upload(textured_wall([200, 40, 90]));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    picture.keep("wall.png");
    assert_share(picture.covered(), wall_share());
    assert_share(picture.share_of([200, 40, 90]), wall_share());
    assert_eq!(picture.px(0, 0)[3], 0);
}

#[test]
fn textures_are_the_right_way_round() {
    let Some(stage) = stage() else { return };
    let material = Material { base_color_texture: Some(0), unlit: true, ..Default::default() };
    // North-west red, north-east green, south-west blue, south-east white, as an image file has them.
    let quarters = texture(8, |x, y| match (x < 4, y < 4) {
        (true, true) => [255, 0, 0, 255],
        (false, true) => [0, 255, 0, 255],
        (true, false) => [0, 0, 255, 255],
        (false, false) => [255, 255, 255, 255],
    });
    let tile = stage.upload(content(wall(2.0, 2.0), material, vec![quarters]));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    picture.keep("quarters.png");
    assert_eq!(picture.px(140, 70), [255, 0, 0, 255]);
    assert_eq!(picture.px(180, 70), [0, 255, 0, 255]);
    assert_eq!(picture.px(140, 110), [0, 0, 255, 255]);
    assert_eq!(picture.px(180, 110), [255, 255, 255, 255]);
}

#[test]
fn back_faces_are_culled_unless_double_sided() {
    let Some(stage) = stage() else { return };
    let from_behind = DMat4::from_rotation_z(std::f64::consts::PI);
    for (double_sided, share) in [(false, 0.0), (true, wall_share())] {
        let mut c = textured_wall([9, 9, 9]);
        c.materials[0].double_sided = double_sided;
        let mut draw = draw_of(&stage.upload(c));
        draw.world_from_content = from_behind;
        assert_share(stage.draw(&frame(looking_north(EYE), vec![draw])).covered(), share);
    }
}

#[test]
fn the_nearer_wall_hides_the_farther_whatever_the_order() {
    let Some(stage) = stage() else { return };
    let near = draw_of(&stage.upload(textured_wall([250, 0, 0])));
    let mut far = draw_of(&stage.upload(textured_wall([0, 250, 0])));
    far.world_from_content = DMat4::from_translation(DVec3::Y * 0.05);
    for tiles in [vec![near.clone(), far.clone()], vec![far, near]] {
        let picture = stage.draw(&frame(looking_north(EYE), tiles));
        assert_share(picture.share_of([250, 0, 0]), wall_share());
    }
}

#[test]
fn a_fade_keeps_its_share_and_a_pair_covers_all() {
    let Some(stage) = stage() else { return };
    let coming = stage.upload(textured_wall([250, 0, 0]));
    let leaving = stage.upload(textured_wall([0, 250, 0]));
    let fade = |tile, fade, fading_out| TileDraw { fade, fading_out, ..draw_of(tile) };
    let half = stage.draw(&frame(looking_north(EYE), vec![fade(&coming, 0.5, false)]));
    half.keep("half.png");
    assert_share(half.covered(), wall_share() / 2.0);
    for part in [0.1f32, 0.5, 0.77] {
        let pair = [fade(&coming, part, false), fade(&leaving, part, true)];
        let picture = stage.draw(&frame(looking_north(EYE), pair.to_vec()));
        assert_share(picture.covered(), wall_share());
        assert_share(picture.share_of([250, 0, 0]), wall_share() * f64::from(part));
    }
}

#[test]
fn clip_boxes_keep_only_their_inside() {
    let Some(stage) = stage() else { return };
    let tile = stage.upload(textured_wall([0, 0, 250]));
    let quarter = |x: f64, z: f64| Obb {
        center: DVec3::new(x, 0.0, z),
        half_axes: [DVec3::X * 0.5, DVec3::Y, DVec3::Z * 0.5],
    };
    let one = TileDraw { only_inside: vec![quarter(-0.5, 0.5)], ..draw_of(&tile) };
    let picture = stage.draw(&frame(looking_north(EYE), vec![one]));
    picture.keep("clipped.png");
    assert_share(picture.covered(), wall_share() / 4.0);
    assert_ne!(picture.px(140, 70)[3], 0);
    assert_eq!(picture.px(180, 110)[3], 0);
    let two = TileDraw { only_inside: vec![quarter(-0.5, 0.5), quarter(0.5, -0.5)], ..draw_of(&tile) };
    assert_share(stage.draw(&frame(looking_north(EYE), vec![two])).covered(), wall_share() / 2.0);
}

#[test]
fn vertex_colors_and_factors_multiply_in_linear_light() {
    let Some(stage) = stage() else { return };
    let mut primitive = wall(2.0, 2.0);
    primitive.uvs = None;
    primitive.colors = Some(vec![[188, 188, 255, 255]; 4]);
    let material = Material { base_color: [1.0, 0.5, 0.0, 1.0], unlit: true, ..Default::default() };
    let tile = stage.upload(content(primitive, material, Vec::new()));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    // 188 is half of the light; half of that is 137.
    assert_share(picture.share_of([188, 137, 0]), wall_share());
}

#[test]
fn lit_walls_follow_their_normals() {
    let Some(stage) = stage() else { return };
    let brightness = |normal: [i8; 4]| {
        let mut primitive = wall(2.0, 2.0);
        primitive.normals = Some(vec![normal; 4]);
        let material = Material { base_color: [0.5, 0.5, 0.5, 1.0], ..Default::default() };
        let tile = stage.upload(content(primitive, material, Vec::new()));
        stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)])).px(160, 90)[0]
    };
    let (up, down, north) =
        (brightness([0, 0, 127, 0]), brightness([0, 0, -127, 0]), brightness([0, 127, 0, 0]));
    assert!((187..=189).contains(&up), "level ground keeps its colour: {up}");
    assert!(up > north && north > down, "up {up}, north {north}, down {down}");
}

#[test]
fn masks_cut_and_blends_mix() {
    let Some(stage) = stage() else { return };
    let half_clear = || texture(8, |x, _| [255, 255, 255, if x < 4 { 0 } else { 128 }]);
    let with = |alpha| Material { base_color_texture: Some(0), unlit: true, alpha, ..Default::default() };
    let masked = stage.upload(content(wall(2.0, 2.0), with(AlphaMode::Mask(0.4)), vec![half_clear()]));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&masked)]));
    assert_share(picture.covered(), wall_share() / 2.0);
    let blended = stage.upload(content(wall(2.0, 2.0), with(AlphaMode::Blend), vec![half_clear()]));
    let mut behind = draw_of(&stage.upload(textured_wall([0, 0, 0])));
    behind.world_from_content = DMat4::from_translation(DVec3::Y * 0.01);
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&blended), behind]));
    // Half of the light of white over black.
    assert_share(picture.share_of([188, 188, 188]), wall_share() / 2.0);
}

#[test]
fn points_have_their_size_and_instances_their_place() {
    let Some(stage) = stage() else { return };
    let mut points = wall(1.0, 1.0);
    points.topology = Topology::Points;
    points.uvs = None;
    points.indices = None;
    points.point_size_px = Some(8.0);
    let white = Material { unlit: true, ..Default::default() };
    let tile = stage.upload(content(points, white.clone(), Vec::new()));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    picture.keep("points.png");
    let pixels = picture.covered() * 320.0 * 180.0;
    assert!((pixels - 4.0 * 64.0).abs() < 1.0, "{pixels} pixels");

    let mut walls = wall(0.5, 0.5);
    walls.uvs = None;
    walls.instances = [-1.0, 0.0, 1.0].map(|x| DMat4::from_translation(DVec3::new(x, 0.0, 0.0))).to_vec();
    let tile = stage.upload(content(walls, white, Vec::new()));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    picture.keep("instances.png");
    assert_share(picture.covered(), 3.0 * wall_share() / 16.0);
}

#[test]
fn lines_are_drawn() {
    let Some(stage) = stage() else { return };
    let mut lines = wall(2.0, 2.0);
    lines.topology = Topology::Lines;
    lines.uvs = None;
    lines.indices = Some(scene::content::Indices::U32(vec![0, 1, 2, 3]));
    let tile = stage.upload(content(lines, Material { unlit: true, ..Default::default() }, Vec::new()));
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&tile)]));
    let pixels = picture.covered() * 320.0 * 180.0;
    assert!((pixels - 2.0 * 139.0).abs() < 6.0, "{pixels} pixels");
}

/// A wall 30 m from the camera at Earth-sized coordinates stays where it is to a hundredth of a pixel when camera and
/// wall move together, and follows the camera's 1 mm steps steadily when only the camera moves.
#[test]
fn nothing_jitters_at_earth_sized_coordinates() {
    let Some(stage) = stage() else { return };
    let place = DVec3::new(-2_308_123.456_7, 5_418_765.432_1, 2_440_654.321_9);
    let tile = stage.upload(textured_wall([250, 250, 250]));
    let picture = |camera: DVec3, wall: DVec3| {
        let mut draw = draw_of(&tile);
        draw.world_from_content = DMat4::from_translation(wall);
        stage.draw(&frame(looking_north(camera), vec![draw]))
    };
    let south = DVec3::new(0.0, -4.0, 0.0);
    let reference = picture(place + south, place);
    for step in 0..5 {
        let shift = DVec3::new(0.001, 0.0007, -0.001) * f64::from(step);
        assert_eq!(
            picture(place + south + shift, place + shift).rgba,
            reference.rgba,
            "moved by {step} mm together"
        );
    }
    // The western edge, as the number of covered pixels of a row: moves by less than a pixel over 1 mm steps, never back.
    let mut last = f64::MAX;
    for step in 0..40 {
        let shift = DVec3::X * 0.001 * f64::from(step);
        let p = picture(place + south + shift, place);
        let first = (0..320).find(|x| p.px(*x, 90)[3] != 0).map_or(f64::NAN, f64::from);
        let exact = 160.0 * (1.0 - (1.0 + shift.x) / HALF_WIDTH_M);
        assert!((first - exact).abs() <= 1.0, "step {step}: edge at {first}, exactly {exact}");
        assert!(first <= last, "step {step}: the edge went back from {last} to {first}");
        last = first;
    }
}

#[test]
fn uploads_stay_within_their_slices() {
    let Some(stage) = stage() else { return };
    let material = Material { base_color_texture: Some(0), unlit: true, ..Default::default() };
    let big = texture(2048, |x, y| [(x / 8) as u8, (y / 8) as u8, 77, 255]);
    let whole: u64 = big.mips.iter().map(|m| m.len() as u64).sum();
    let one = |texture| content(wall(2.0, 2.0), material.clone(), vec![texture]);
    let mut job = UploadJob::new(&stage.gpu, &stage.pipelines, one(big.clone()));
    let (mut frames, mut written) = (0, 0);
    loop {
        let mut budget = UploadBudget::new(1 << 20, None);
        let done = job.advance(&stage.gpu, &mut budget);
        written += (1 << 20) - budget.bytes;
        frames += 1;
        stage.gpu.queue.submit([]);
        if done {
            break;
        }
    }
    assert!(frames >= whole >> 20, "{frames} frames for {whole} bytes");
    assert!(written >= whole);
    let (tile, problems) = job.finish();
    assert!(problems.is_empty(), "{problems:?}");
    let sliced = stage.draw(&frame(looking_north(EYE), vec![draw_of(&std::sync::Arc::new(tile))]));
    let at_once = stage.draw(&frame(looking_north(EYE), vec![draw_of(&stage.upload(one(big)))]));
    assert_eq!(sliced.rgba, at_once.rgba);
}

#[test]
fn unusable_textures_are_reported_and_drawn_white() {
    let Some(stage) = stage() else { return };
    let mut c: TileContent = textured_wall([1, 2, 3]);
    c.textures[0].mips[0].truncate(7);
    let mut job = UploadJob::new(&stage.gpu, &stage.pipelines, c);
    assert!(job.advance(&stage.gpu, &mut UploadBudget::new(u64::MAX, None)));
    let (tile, problems) = job.finish();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let picture = stage.draw(&frame(looking_north(EYE), vec![draw_of(&std::sync::Arc::new(tile))]));
    assert_share(picture.share_of([255, 255, 255]), wall_share());
}
