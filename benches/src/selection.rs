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
