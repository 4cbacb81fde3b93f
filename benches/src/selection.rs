//! A quadtree over 4 × 4 km of which a view across it visits about 400 tiles once it is settled.

use std::time::Duration;

use bytes::Bytes;
use geodesy::{Frustum, glam::DVec3};
use scene::{
    content::{ContentCost, DecodeContext},
    streamer::{ContentReader, Input, Streamer, StreamerSettings, View},
};

const HALF_M: f64 = 2048.0;
const LEVELS: u32 = 8;

struct Blank;

impl ContentReader for Blank {
    fn references(&self, _bytes: &Bytes, _uri: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn measure(&self, _bytes: &Bytes, _context: &DecodeContext) -> Result<ContentCost, String> {
        Ok(COST)
    }
}

const COST: ContentCost = ContentCost { cpu_bytes: 40_000, gpu_bytes: 300_000, transient_bytes: 0 };

fn tile(level: u32, x: f64, y: f64, half: f64, name: &str) -> String {
    let children = if level + 1 == LEVELS {
        String::new()
    } else {
        let h = half / 2.0;
        let list: Vec<String> = [(-h, -h), (h, -h), (-h, h), (h, h)]
            .iter()
            .enumerate()
            .map(|(n, (dx, dy))| tile(level + 1, x + dx, y + dy, h, &format!("{name}{n}")))
            .collect();
        format!(r#","children":[{}]"#, list.join(","))
    };
    let error = if level + 1 == LEVELS { 0.0 } else { 128.0 / f64::from(1u32 << level) };
    format!(
        r#"{{"boundingVolume":{{"box":[{x},{y},30,{half},0,0,0,{half},0,0,0,30]}},"geometricError":{error},"refine":"REPLACE","content":{{"uri":"{name}.b3dm"}}{children}}}"#
    )
}

/// A view 2160 px high from `eye`, heading clockwise from north, pitch up, radians.
pub fn view(eye: DVec3, heading: f64, pitch: f64) -> View {
    let forward = DVec3::new(heading.sin() * pitch.cos(), heading.cos() * pitch.cos(), pitch.sin());
    View {
        eye_in_world: eye,
        forward_in_world: forward,
        frustum_in_world: Frustum::perspective(
            eye,
            forward,
            DVec3::Z,
            80f64.to_radians(),
            50f64.to_radians(),
            0.1,
        ),
        viewport_height_px: 2160.0,
        vertical_fov_rad: 50f64.to_radians(),
        max_screen_space_error_px: 16.0,
        weight: 1.0,
    }
}

/// Answers every order at once until the views are settled.
pub fn settle(streamer: &mut Streamer, root: &Bytes, views: &[View], now: &mut Duration) {
    for _ in 0..100_000 {
        *now += Duration::from_millis(16);
        let plan = streamer.update(views, *now).clone();
        if plan.stats.settled && plan.fetch.is_empty() && plan.decode.is_empty() && plan.upload.is_empty() {
            return;
        }
        for order in &plan.fetch {
            let bytes =
                if order.uri.ends_with(".json") { root.clone() } else { Bytes::from_static(&[0; 64]) };
            streamer.accept(Input::Fetched(order.id, Ok(bytes)));
        }
        for order in &plan.decode {
            streamer.accept(Input::Decoded(order.id, Ok(COST)));
        }
        for &id in &plan.upload {
            streamer.accept(Input::Uploaded(id));
        }
    }
}

/// A streamer over the quadtree, its root document, and the views: one, or five around the middle.
pub fn scene() -> (Streamer, Bytes, Vec<View>, Vec<View>) {
    let root = Bytes::from(format!(
        r#"{{"asset":{{"version":"1.0"}},"geometricError":500,"root":{}}}"#,
        tile(0, 0.0, 0.0, HALF_M, "t")
    ));
    let settings = StreamerSettings {
        memory_ceiling_bytes: 8 << 30,
        max_fetches: 64,
        max_decodes: 64,
        ..StreamerSettings::default()
    };
    let mut streamer = Streamer::with_reader(settings, Box::new(Blank));
    streamer.add_tileset("tileset.json");
    let one = vec![view(DVec3::new(0.0, -1200.0, 250.0), 0.2, -0.35)];
    let five = (0..5)
        .map(|n| {
            let around = f64::from(n) * 1.2566;
            let eye = DVec3::new(-1200.0 * around.sin(), -1200.0 * around.cos(), 250.0);
            view(eye, around + 0.2, -0.35)
        })
        .collect();
    (streamer, root, one, five)
}
