//! A camera path, drawn without a display and measured.
//!
//! The protocol is that of the peers: settle at the first pose, jump to the middle one and settle, the path twice with
//! a settle in between, then still frames at the middle pose. Every frame ends with a one-pixel read-back, so that it
//! includes the drawing.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use geodesy::{CameraPose, WorldFrame};
use scene::streamer::{Placement, Stats, StreamerSettings};
use serde::Serialize;
use store::OpenOptions;

use super::{
    headless::Headless,
    memory::{self, PeakPss},
    orbit,
    shot::{covered, unsettled, write_png},
};
use crate::{
    Error,
    gpu::frame::{FrameDraws, TileDraw},
    precise::CameraFrame,
};

/// Which way to fly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlightPath {
    /// Around the bounding sphere, as the peers do.
    Orbit,
    /// Camera texts, one a line; empty lines and lines that start with `#` do not count.
    File(PathBuf),
}

/// What to fly over, and how.
#[derive(Clone, Debug)]
pub struct FlyOptions {
    /// Tileset, folder, package or address.
    pub what: String,
    /// How it is opened: disk cache, other servers.
    pub open: OpenOptions,
    /// Path.
    pub path: FlightPath,
    /// Poses of an orbit.
    pub poses: usize,
    /// Width and height, pixels.
    pub size_px: [u32; 2],
    /// Full horizontal field of view, degrees.
    pub fov_deg: f64,
    /// Memory ceiling, bytes.
    pub memory_bytes: u64,
    /// Screen-space error, pixels.
    pub max_screen_space_error_px: f64,
    /// Longest wait for each settled view.
    pub timeout: Duration,
    /// Writes the last picture (the still pose) here.
    pub picture: Option<PathBuf>,
    /// Writes a settled picture of every pose into this folder, after everything is measured.
    pub pictures: Option<PathBuf>,
}

impl Default for FlyOptions {
    fn default() -> Self {
        Self {
            what: String::new(),
            open: OpenOptions::default(),
            path: FlightPath::Orbit,
            poses: 120,
            size_px: [1280, 720],
            fov_deg: 60.0,
            memory_bytes: 1 << 30,
            max_screen_space_error_px: 16.0,
            timeout: Duration::from_secs(120),
            picture: None,
            pictures: None,
        }
    }
}

/// Frame times, milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameTimes {
    /// Half are shorter.
    pub p50: f64,
    /// 95 % are shorter.
    pub p95: f64,
    /// 99 % are shorter.
    pub p99: f64,
    /// Longest.
    pub max: f64,
    /// All, in order.
    pub all: Vec<f64>,
}

impl FrameTimes {
    fn of(all: Vec<f64>) -> Self {
        let mut sorted = all.clone();
        sorted.sort_by(f64::total_cmp);
        Self {
            p50: percentile(&sorted, 50.0),
            p95: percentile(&sorted, 95.0),
            p99: percentile(&sorted, 99.0),
            max: sorted.last().copied().unwrap_or(0.0),
            all,
        }
    }
}

/// The smallest value that `percent` of the sorted values do not exceed.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

/// How a view settled.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// From the hand-over of the address (first pose) or the jump until the settled picture was finished.
    pub ms: f64,
    /// Until the first picture that covers 99 % of the pixels of the settled one; only for the first pose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_picture_ms: Option<f64>,
    /// Frames drawn meanwhile.
    pub frames: u32,
    /// Contents drawn.
    pub tiles: usize,
    /// Triangles drawn.
    pub triangles: u64,
    /// Why it did not settle in time; empty if it did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
}

/// What was measured. All times in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlyReport {
    /// `hamlet`.
    pub engine: String,
    /// Adapter.
    pub adapter: String,
    /// What was flown over.
    pub what: String,
    /// Width and height, pixels.
    pub size_px: [u32; 2],
    /// Opening device and pipelines; not part of any other figure.
    pub program_start_ms: f64,
    /// First pose.
    pub far: Settled,
    /// After the jump to the middle pose.
    pub near: Settled,
    /// Frames of the path, first time.
    pub first_path: FrameTimes,
    /// Frames of the path, second time.
    pub second_path: FrameTimes,
    /// Frames at rest at the middle pose.
    pub still: FrameTimes,
    /// Frames with nothing open: median of 120, before anything was loaded.
    pub empty_frame_ms: f64,
    /// Median still frame in empty frames.
    pub still_in_empty_frames: f64,
    /// CPU time of the upload system per frame.
    pub upload: FrameTimes,
    /// Most bytes handed to the GPU in a frame.
    pub upload_max_bytes: u64,
    /// Contents fetched, with JSON and subtrees.
    pub fetched: u64,
    /// Their bytes.
    pub fetched_bytes: u64,
    /// Own tile memory at the end, by the streamer's account, MiB.
    #[serde(rename = "memoryMiB")]
    pub memory_mib: f64,
    /// Its highest so far, MiB.
    #[serde(rename = "memoryPeakMiB")]
    pub memory_peak_mib: f64,
    /// Of the present memory on the GPU, MiB.
    #[serde(rename = "memoryGpuMiB")]
    pub memory_gpu_mib: f64,
    /// Largest sampled PSS of the process, MiB; samples are taken between frames.
    #[serde(rename = "peakPssMiB")]
    pub peak_pss_mib: f64,
    /// Largest sampled PSS before anything was opened, MiB.
    #[serde(rename = "emptyPssMiB")]
    pub empty_pss_mib: f64,
    /// Largest resident set of the process as the system counts it, MiB.
    #[serde(rename = "peakRssMiB")]
    pub peak_rss_mib: f64,
    /// Problems of the data that did not prevent drawing.
    pub problems: u64,
    /// Files that could not be reached: how many, and one of them with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<(usize, String)>,
    /// Areas and contents that are left out because the memory ceiling is too low.
    pub beyond_memory: u64,
}

const MIB: f64 = 1_048_576.0;
const EMPTY_FRAMES: usize = 120;
const STILL_FRAMES: usize = 60;
/// Share of the settled pixels that make a first picture.
const FIRST_PICTURE: f64 = 0.99;

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

struct Flight {
    headless: Headless,
    options: FlyOptions,
    pss: PeakPss,
    upload: Vec<f64>,
    upload_max_bytes: u64,
}

/// The tiles of a frame, kept until it is known how much of the picture they cover.
struct DrawnList {
    at: Duration,
    tiles: Vec<TileDraw>,
}

/// Flies and measures.
///
/// # Errors
/// No driver, nothing readable at `what`, a path that cannot be read.
pub fn fly(options: &FlyOptions) -> Result<FlyReport, Error> {
    let start = Instant::now();
    let headless = Headless::new(options.size_px)?;
    let program_start_ms = ms(start.elapsed());
    let mut flight = Flight {
        headless,
        options: options.clone(),
        pss: PeakPss::default(),
        upload: Vec::new(),
        upload_max_bytes: 0,
    };
    let empty_frame_ms = flight.empty_frames()?;
    let empty_pss = flight.pss.bytes;

    let handed_over = Instant::now();
    let settings = StreamerSettings {
        memory_ceiling_bytes: options.memory_bytes,
        fade_secs: 0.0,
        ..StreamerSettings::default()
    };
    flight.headless.view_mut().max_screen_space_error_px = options.max_screen_space_error_px;
    // The peers' orbit is about the tileset as it is.
    let placement = match options.path {
        FlightPath::Orbit => Placement::AsIs,
        FlightPath::File(_) => Placement::Upright,
    };
    flight.headless.open(&options.what, &options.open, placement, settings)?;
    let frame = flight.headless.wait_for_root(&options.what, options.timeout)?;
    let path = flight.path(frame)?;
    let middle = *path.get(path.len() / 2).ok_or(Error::NothingOpen)?;
    let first = *path.first().ok_or(Error::NothingOpen)?;

    let mut lists = Vec::new();
    let mut far = flight.settle(first, handed_over, Some(&mut lists))?;
    far.first_picture_ms = flight.first_picture(first, lists)?.map(ms);
    let near = flight.settle(middle, Instant::now(), None)?;
    let first_path = flight.along(&path)?;
    let last = path.last().copied().unwrap_or(first);
    flight.settle(last, Instant::now(), None)?;
    let second_path = flight.along(&path)?;
    flight.settle(middle, Instant::now(), None)?;
    let mut still = Vec::with_capacity(STILL_FRAMES);
    for _ in 0..STILL_FRAMES {
        still.push(flight.frame()?);
    }
    flight.pss.sample();
    if let Some(file) = &options.picture {
        write_png(file, options.size_px, &flight.headless.picture()?)?;
    }

    let tiles = flight.headless.tiles().ok_or(Error::NothingOpen)?;
    let stats: Stats = *tiles.stats();
    let problems = tiles.problem_count();
    let outage = tiles.failures().outage();
    let beyond_memory = tiles.beyond_memory_count();
    if let Some(folder) = &options.pictures {
        flight.write_pictures(&path, folder)?;
    }
    let still = FrameTimes::of(still);
    Ok(FlyReport {
        engine: "hamlet".to_owned(),
        adapter: flight.headless.context().gpu.adapter_name.clone(),
        what: options.what.clone(),
        size_px: options.size_px,
        program_start_ms,
        far,
        near,
        first_path,
        second_path,
        still_in_empty_frames: still.p50 / empty_frame_ms,
        still,
        empty_frame_ms,
        upload: FrameTimes::of(flight.upload),
        upload_max_bytes: flight.upload_max_bytes,
        fetched: stats.fetched_total,
        fetched_bytes: stats.fetched_bytes_total,
        memory_mib: stats.used_bytes as f64 / MIB,
        memory_peak_mib: stats.peak_bytes as f64 / MIB,
        memory_gpu_mib: stats.gpu_bytes as f64 / MIB,
        peak_pss_mib: flight.pss.bytes as f64 / MIB,
        empty_pss_mib: empty_pss as f64 / MIB,
        peak_rss_mib: memory::peak_rss_bytes().unwrap_or(0) as f64 / MIB,
        problems,
        outage,
        beyond_memory,
    })
}

impl Flight {
    /// Median frame with nothing open.
    fn empty_frames(&mut self) -> Result<f64, Error> {
        let pose = CameraPose { eye_in_world: geodesy::glam::DVec3::ZERO, heading_rad: 0.0, pitch_rad: 0.0 };
        let camera = CameraFrame::new(
            &pose,
            WorldFrame::Local,
            self.options.size_px,
            self.options.fov_deg.to_radians(),
        );
        self.headless.look(camera);
        for _ in 0..5 {
            self.headless.frame()?;
        }
        let mut times = Vec::with_capacity(EMPTY_FRAMES);
        for _ in 0..EMPTY_FRAMES {
            let start = Instant::now();
            self.headless.frame()?;
            times.push(ms(start.elapsed()));
        }
        self.pss.sample();
        times.sort_by(f64::total_cmp);
        Ok(percentile(&times, 50.0))
    }

    fn path(&self, frame: WorldFrame) -> Result<Vec<CameraFrame>, Error> {
        let fov_rad = self.options.fov_deg.to_radians();
        let size_px = self.options.size_px;
        match &self.options.path {
            FlightPath::Orbit => {
                let tiles = self.headless.tiles().ok_or(Error::NothingOpen)?;
                let sphere = tiles.bounding_volume().ok_or(Error::NothingOpen)?.bounding_sphere();
                Ok(orbit::path(sphere.center, sphere.radius, size_px, fov_rad, self.options.poses.max(2)))
            }
            FlightPath::File(file) => {
                let unreadable = |reason: String| Error::Read { path: file.clone(), reason };
                let text = std::fs::read_to_string(file).map_err(|e| unreadable(e.to_string()))?;
                let text = text.trim_start_matches('\u{feff}');
                let lines = text.lines().map(str::trim).zip(1..);
                let path: Vec<CameraFrame> = lines
                    .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
                    .map(|(line, number)| {
                        let pose = CameraPose::parse(line, frame)
                            .map_err(|error| unreadable(format!("line {number}: {error}")))?;
                        Ok(CameraFrame::new(&pose, frame, size_px, fov_rad))
                    })
                    .collect::<Result<_, Error>>()?;
                if path.is_empty() { Err(unreadable("holds no camera".to_owned())) } else { Ok(path) }
            }
        }
    }

    /// Draws one frame; its time.
    fn frame(&mut self) -> Result<f64, Error> {
        let start = Instant::now();
        self.headless.frame()?;
        let time = ms(start.elapsed());
        if let Some(tiles) = self.headless.tiles() {
            let figures = tiles.upload_figures();
            self.upload.push(ms(figures.time));
            self.upload_max_bytes = self.upload_max_bytes.max(figures.bytes);
        }
        Ok(time)
    }

    fn settle(
        &mut self,
        camera: CameraFrame,
        since: Instant,
        mut lists: Option<&mut Vec<DrawnList>>,
    ) -> Result<Settled, Error> {
        self.headless.look(camera);
        let started = Instant::now();
        let mut settled = Settled::default();
        let mut drawn_before = Vec::new();
        loop {
            self.frame()?;
            settled.frames += 1;
            let tiles = self.headless.tiles().ok_or(Error::NothingOpen)?;
            let stats = tiles.stats();
            if let Some(lists) = lists.as_deref_mut() {
                let drawn: Vec<_> = tiles.drawn().iter().map(|d| d.content).collect();
                if drawn != drawn_before {
                    lists.push(DrawnList { at: since.elapsed(), tiles: tiles.draws(0, false) });
                    drawn_before = drawn;
                }
            }
            if stats.settled || started.elapsed() > self.options.timeout {
                settled.ms = ms(since.elapsed());
                settled.tiles = stats.drawn;
                settled.triangles = self.headless.drawn().primitives;
                settled.unsettled = if stats.settled { Vec::new() } else { unsettled(stats) };
                self.pss.sample();
                return Ok(settled);
            }
        }
    }

    /// Redraws what was drawn while settling and finds the first picture that covers enough. Done afterwards, so that
    /// counting pixels disturbs no time.
    fn first_picture(
        &mut self,
        camera: CameraFrame,
        lists: Vec<DrawnList>,
    ) -> Result<Option<Duration>, Error> {
        let mut coverages = Vec::with_capacity(lists.len());
        for list in lists {
            let frame = FrameDraws { camera, background: [0.0; 3], tiles: list.tiles, lines: Vec::new() };
            coverages.push((list.at, covered(&self.headless.redraw(&frame)?)));
        }
        let whole = coverages.last().map_or(0.0, |(_, covered)| *covered);
        Ok(coverages.into_iter().find(|(_, c)| whole > 0.0 && *c >= FIRST_PICTURE * whole).map(|(at, _)| at))
    }

    fn write_pictures(&mut self, path: &[CameraFrame], folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::Write { path: folder.to_owned(), reason: e.to_string() })?;
        for (number, camera) in path.iter().enumerate() {
            self.settle(*camera, Instant::now(), None)?;
            let file = folder.join(format!("{number:03}.png"));
            write_png(&file, self.options.size_px, &self.headless.picture()?)?;
        }
        Ok(())
    }

    fn along(&mut self, path: &[CameraFrame]) -> Result<FrameTimes, Error> {
        let mut times = Vec::with_capacity(path.len());
        for (number, camera) in path.iter().enumerate() {
            self.headless.look(*camera);
            times.push(self.frame()?);
            if number % 20 == 19 {
                self.pss.sample();
            }
        }
        Ok(FrameTimes::of(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<f64> = (1..=120).map(f64::from).collect();
        assert_eq!([50.0, 95.0, 99.0, 100.0].map(|p| percentile(&sorted, p)), [60.0, 114.0, 119.0, 120.0]);
        assert_eq!(percentile(&[7.0], 50.0), 7.0);
        assert_eq!(percentile(&[], 99.0), 0.0);
    }
}
