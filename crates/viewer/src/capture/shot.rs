//! One picture of a settled view.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use scene::streamer::{Placement, Stats, StreamerSettings};
use store::OpenOptions;

use super::headless::Headless;
use crate::{Error, precise::CameraFrame};

/// What to draw.
#[derive(Clone, Debug)]
pub struct ShotOptions {
    /// Tileset, folder, package or address.
    pub what: String,
    /// How it is opened: disk cache, other servers.
    pub open: OpenOptions,
    /// Where the PNG goes.
    pub out: PathBuf,
    /// Width and height, pixels.
    pub size_px: [u32; 2],
    /// Camera text; without: the whole tileset from the south.
    pub camera: Option<String>,
    /// Full horizontal field of view, degrees.
    pub fov_deg: f64,
    /// Memory ceiling, bytes.
    pub memory_bytes: u64,
    /// Screen-space error, pixels.
    pub max_screen_space_error_px: f64,
    /// Longest wait for a settled view.
    pub timeout: Duration,
}

impl Default for ShotOptions {
    fn default() -> Self {
        Self {
            what: String::new(),
            open: OpenOptions::default(),
            out: PathBuf::from("shot.png"),
            size_px: [1280, 720],
            camera: None,
            fov_deg: 60.0,
            memory_bytes: 1 << 30,
            max_screen_space_error_px: 16.0,
            timeout: Duration::from_secs(120),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct ShotOutcome {
    /// Everything that the view wants is drawn.
    pub settled: bool,
    /// What did not settle, in words; empty if it did.
    pub unsettled: Vec<String>,
    /// The camera text of the picture.
    pub camera: String,
    /// Share of the pixels on which something was drawn.
    pub covered: f64,
    /// Problems of the data that did not prevent drawing.
    pub problems: u64,
    /// Files that could not be reached: how many, and one of them with the reason.
    pub outage: Option<(usize, String)>,
    /// Areas and contents that are left out because the memory ceiling is too low.
    pub beyond_memory: u64,
    /// Figures of the last frame.
    pub stats: Stats,
    /// Draw calls and triangles of the last frame.
    pub drawn: crate::gpu::frame::FrameStats,
}

/// Frames that are drawn at least: the first ones of an engine are not to be trusted.
const MIN_FRAMES: u32 = 5;

/// Draws one picture without a display and writes it. The picture is written even if the view did not settle in time.
///
/// # Errors
/// No driver, nothing readable at `what`, a camera text that is none, a file that cannot be written.
pub fn shot(options: &ShotOptions) -> Result<ShotOutcome, Error> {
    let mut headless = Headless::new(options.size_px)?;
    let settings = StreamerSettings {
        memory_ceiling_bytes: options.memory_bytes,
        // A picture of the settled view shows no fade; without them it is there sooner.
        fade_secs: 0.0,
        ..StreamerSettings::default()
    };
    headless.open(&options.what, &options.open, Placement::Upright, settings)?;
    headless.wait_for_root(&options.what, options.timeout)?;
    let fov_rad = options.fov_deg.to_radians();
    let (pose, frame) = headless.pose(options.camera.as_deref(), fov_rad)?;
    headless.view_mut().max_screen_space_error_px = options.max_screen_space_error_px;
    headless.look(CameraFrame::new(&pose, frame, options.size_px, fov_rad));
    let start = Instant::now();
    let mut frames = 0;
    let mut settled = false;
    while !(settled && frames >= MIN_FRAMES) && start.elapsed() < options.timeout {
        headless.frame()?;
        frames += 1;
        settled = headless.tiles().is_some_and(|tiles| tiles.stats().settled);
        if !settled {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let rgba = headless.picture()?;
    write_png(&options.out, options.size_px, &rgba)?;
    let stats = headless.tiles().map_or_else(Stats::default, |tiles| *tiles.stats());
    Ok(ShotOutcome {
        settled,
        unsettled: if settled { Vec::new() } else { unsettled(&stats) },
        camera: pose.to_text(frame),
        covered: covered(&rgba),
        problems: headless.tiles().map_or(0, |tiles| tiles.problem_count()),
        outage: headless.tiles().and_then(|tiles| tiles.failures().outage()),
        beyond_memory: headless.tiles().map_or(0, |tiles| tiles.beyond_memory_count()),
        stats,
        drawn: headless.drawn(),
    })
}

/// Share of the pixels with alpha.
pub fn covered(rgba: &[u8]) -> f64 {
    let drawn = rgba.chunks_exact(4).filter(|p| p.last() != Some(&0)).count();
    drawn as f64 / (rgba.len() / 4).max(1) as f64
}

/// What keeps a view from being settled.
pub fn unsettled(stats: &Stats) -> Vec<String> {
    [
        (stats.wanted, "contents wanted"),
        (stats.fetching + stats.fetch_queue, "fetching"),
        (stats.decoding + stats.decode_queue, "decoding"),
        (stats.upload_queue, "uploading"),
        (stats.retrying, "waiting to be retried"),
        (stats.fading, "fading"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect()
}

/// Writes an opaque PNG of RGBA pixels.
///
/// # Errors
/// The file cannot be written.
pub fn write_png(path: &Path, [width, height]: [u32; 2], rgba: &[u8]) -> Result<(), Error> {
    let failed = |reason: String| Error::Write { path: path.to_owned(), reason };
    let file = File::create(path).map_err(|e| failed(e.to_string()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let rgb: Vec<u8> = rgba.chunks_exact(4).flat_map(|p| p.iter().take(3).copied()).collect();
    let mut writer = encoder.write_header().map_err(|e| failed(e.to_string()))?;
    writer.write_image_data(&rgb).map_err(|e| failed(e.to_string()))?;
    writer.finish().map_err(|e| failed(e.to_string()))
}
