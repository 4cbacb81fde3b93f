//! One frame of streaming, without bevy: what arrived goes in, a plan comes out, orders are carried out.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use cpu_time::ThreadTime;
use geodesy::{BoundingVolume, WorldFrame};
use scene::{
    pick::{PickMesh, Picker, Resident},
    streamer::{
        ContentId, DrawTile, FailureKind, FetchFailure, FetchId, Input, Placement, Stats, Streamer,
        StreamerSettings, TileId, TilesetId, View,
    },
};
use store::{FetchError, FetchEvent, FetchOrder, Fetcher, Source};

use super::{
    decode::{DecodePool, DecodeResult, Decoded},
    failures::Failures,
};
use crate::gpu::{
    Gpu,
    frame::TileDraw,
    pipelines::Pipelines,
    tile::GpuTile,
    upload::{UploadBudget, UploadJob},
};

/// No write is begun this long after the first of a frame, besides the bound in bytes.
const UPLOAD_TIME: Duration = Duration::from_micros(900);

/// Streams one source.
pub struct TileRuntime {
    gpu: Gpu,
    pipelines: Arc<Pipelines>,
    streamer: Streamer,
    tileset: TilesetId,
    source: Source,
    fetcher: Fetcher,
    /// Uris of what is being fetched.
    fetching: BTreeMap<u64, Arc<str>>,
    decoder: DecodePool,
    waiting: BTreeMap<ContentId, Waiting>,
    resident: BTreeMap<ContentId, Arc<GpuTile>>,
    picker: Picker,
    draw: Vec<DrawTile>,
    stats: Stats,
    upload: UploadFigures,
    copyrights: BTreeMap<String, usize>,
    copyright_of: BTreeMap<ContentId, Vec<String>>,
    problems: u64,
    failures: Failures,
    /// How many of the streamer's warnings stand in `failures`.
    warnings_seen: usize,
}

impl std::fmt::Debug for TileRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TileRuntime").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// What uploading took in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UploadFigures {
    /// CPU time of the thread that streams.
    pub time: Duration,
    /// Bytes handed over.
    pub bytes: u64,
    /// Tiles that became whole.
    pub finished: usize,
}

/// Decoded and not yet whole on the GPU.
#[derive(Debug)]
struct Waiting {
    tile: TileId,
    mesh: Arc<PickMesh>,
    state: WaitingState,
}

#[derive(Debug)]
enum WaitingState {
    Decoded(Box<Decoded>),
    Uploading(Box<UploadJob>),
}

impl TileRuntime {
    /// Starts to stream a source, placed as told. `waker` is called from other threads when something arrived.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn open(
        gpu: Gpu,
        pipelines: Arc<Pipelines>,
        source: Source,
        placement: Placement,
        settings: StreamerSettings,
        waker: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let settings = StreamerSettings { texture_support: gpu.texture_support, ..settings };
        let root_uri = source.root_uri().to_owned();
        let wake = waker.clone();
        let fetcher = Fetcher::start(source.clone(), settings.max_fetches, move || wake())?;
        let decoder = DecodePool::start(settings.max_decodes, gpu.texture_support, waker)?;
        let mut streamer = Streamer::new(settings);
        let tileset = streamer.add_tileset_placed(&root_uri, placement);
        Ok(Self {
            gpu,
            pipelines,
            streamer,
            tileset,
            source,
            fetcher,
            fetching: BTreeMap::new(),
            decoder,
            waiting: BTreeMap::new(),
            resident: BTreeMap::new(),
            picker: Picker::default(),
            draw: Vec::new(),
            stats: Stats::default(),
            upload: UploadFigures::default(),
            copyrights: BTreeMap::new(),
            copyright_of: BTreeMap::new(),
            problems: 0,
            failures: Failures::default(),
            warnings_seen: 0,
        })
    }

    /// Takes in what arrived, decides, carries out. `now` is any clock that does not run backwards.
    pub fn step(&mut self, views: &[View], now: Duration) {
        while let Some(event) = self.fetcher.try_next() {
            self.note_fetch(&event);
            self.streamer.accept(input_of(event));
        }
        while let Some(result) = self.decoder.try_next() {
            self.take_decoded(result);
        }
        let plan = self.streamer.update(views, now);
        self.stats = plan.stats;
        self.draw.clone_from(&plan.draw);
        for id in &plan.cancel_fetch {
            self.fetcher.cancel(id.0);
            self.fetching.remove(&id.0);
        }
        self.fetching.extend(plan.fetch.iter().map(|order| (order.id.0, order.uri.clone())));
        let not_begun: Vec<ContentId> =
            plan.cancel_decode.iter().copied().filter(|id| self.decoder.cancel(*id)).collect();
        for id in &plan.drop {
            self.waiting.remove(id);
            self.resident.remove(id);
            self.picker.remove(*id);
            for name in self.copyright_of.remove(id).unwrap_or_default() {
                if let Some(count) = self.copyrights.get_mut(&name) {
                    *count -= 1;
                }
            }
        }
        self.copyrights.retain(|_, count| *count > 0);
        self.fetcher.submit(plan.fetch.iter().enumerate().map(|(rank, order)| FetchOrder {
            id: order.id.0,
            uri: order.uri.clone(),
            max_bytes: order.max_bytes,
            priority: rank as f64,
        }));
        self.decoder.submit(plan.decode.iter().cloned());
        let wanted: Vec<ContentId> = plan.upload.clone();
        for id in not_begun {
            self.streamer.accept(Input::DecodeCancelled(id));
        }
        self.upload(&wanted);
        self.note_warnings();
    }

    /// Remembers which files cannot be reached.
    fn note_fetch(&mut self, event: &FetchEvent) {
        let FetchEvent::Done(id, result) = event else { return };
        let Some(uri) = self.fetching.remove(id) else { return };
        match result {
            Err(error) if error.is_transient() => {
                self.failures.unreachable(&self.source.name_of(&uri), &error.reason());
            }
            _ if self.failures.has_outage() => self.failures.reached(&self.source.name_of(&uri)),
            _ => {}
        }
    }

    /// Takes over what the streamer noticed since the last frame.
    fn note_warnings(&mut self) {
        let warnings = self.streamer.warnings();
        for warning in warnings.get(self.warnings_seen..).unwrap_or_default() {
            self.failures.note(&self.source.name_of(&warning.file), &warning.place, &warning.reason);
        }
        self.warnings_seen = warnings.len();
    }

    fn take_decoded(&mut self, DecodeResult { id, tile, result }: DecodeResult) {
        match result {
            None => self.streamer.accept(Input::DecodeCancelled(id)),
            Some(Ok(decoded)) => {
                for warning in &decoded.warnings {
                    self.failures.note(&self.source.name_of(&warning.file), &warning.place, &warning.reason);
                }
                self.problems += decoded.warnings.len() as u64;
                self.streamer.accept(Input::Decoded(id, Ok(decoded.cost)));
                let mesh = decoded.mesh.clone();
                self.waiting.insert(id, Waiting { tile, mesh, state: WaitingState::Decoded(decoded) });
            }
            Some(Err(reason)) => {
                // The streamer counts it and writes it down.
                self.streamer.accept(Input::Decoded(id, Err(reason)));
            }
        }
    }

    fn upload(&mut self, wanted: &[ContentId]) {
        self.upload = UploadFigures::default();
        if wanted.is_empty() {
            return;
        }
        let (start, cpu_start) = (Instant::now(), ThreadTime::now());
        let limit = self.streamer.settings().upload_bytes_per_frame;
        let mut budget = UploadBudget::new(limit, Some(start + UPLOAD_TIME));
        for &id in wanted {
            let Some(waiting) = self.waiting.remove(&id) else { continue };
            let Waiting { tile, mesh, state } = waiting;
            let mut job = match state {
                WaitingState::Uploading(job) => job,
                WaitingState::Decoded(mut decoded) => {
                    self.note_copyrights(id, &mut decoded);
                    Box::new(UploadJob::new(&self.gpu, &self.pipelines, decoded.content))
                }
            };
            if !job.advance(&self.gpu, &mut budget) {
                self.waiting.insert(id, Waiting { tile, mesh, state: WaitingState::Uploading(job) });
                break;
            }
            let (gpu_tile, problems) = job.finish();
            for problem in problems {
                self.problems += 1;
                let uri = self.streamer.content(id).map_or_else(String::new, |(_, uri)| uri.to_string());
                self.failures.note(&self.source.name_of(&uri), "", &problem);
            }
            if let Some(place) = self.streamer.tree().get(tile) {
                let world_from_content = *place.world_from_tile();
                self.picker.insert(id, Resident { tile, mesh, world_from_content, depth: place.depth() });
            }
            self.resident.insert(id, Arc::new(gpu_tile));
            self.streamer.accept(Input::Uploaded(id));
            self.upload.finished += 1;
        }
        self.upload.bytes = limit - budget.bytes;
        self.upload.time = cpu_start.elapsed();
    }

    fn note_copyrights(&mut self, id: ContentId, decoded: &mut Decoded) {
        let names = std::mem::take(&mut decoded.content.copyrights);
        for name in &names {
            *self.copyrights.entry(name.clone()).or_default() += 1;
        }
        if !names.is_empty() {
            self.copyright_of.insert(id, names);
        }
    }

    /// What the last plan draws in a view (bit number), ready for the GPU. With `tint_levels` each level of the tree
    /// gets its own colour.
    pub fn draws(&self, view: u32, tint_levels: bool) -> Vec<TileDraw> {
        self.draw
            .iter()
            .filter(|draw| draw.views.checked_shr(view).is_some_and(|bits| bits & 1 == 1))
            .filter_map(|draw| {
                Some(TileDraw {
                    tile: self.resident.get(&draw.content)?.clone(),
                    world_from_content: draw.world_from_content,
                    fade: draw.fade,
                    fading_out: draw.fading_out,
                    only_inside: draw.only_inside.clone(),
                    tint: if tint_levels { level_tint(draw.depth) } else { [1.0; 3] },
                })
            })
            .collect()
    }

    /// What the last plan draws.
    pub fn drawn(&self) -> &[DrawTile] {
        &self.draw
    }

    /// Figures of the last plan.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What uploading took in the last frame.
    pub fn upload_figures(&self) -> UploadFigures {
        self.upload
    }

    /// Rays against what is resident.
    pub fn picker(&self) -> &Picker {
        &self.picker
    }

    /// The streamer, for its tree, settings and warnings.
    pub fn streamer(&self) -> &Streamer {
        &self.streamer
    }

    /// The streamer, to change settings or to try failed contents again.
    pub fn streamer_mut(&mut self) -> &mut Streamer {
        &mut self.streamer
    }

    /// The volume of the whole tileset in world, once its `tileset.json` is here.
    pub fn bounding_volume(&self) -> Option<&BoundingVolume> {
        self.streamer.bounding_volume(self.tileset)
    }

    /// What world is, once known.
    pub fn frame(&self) -> Option<WorldFrame> {
        self.bounding_volume().map(|volume| WorldFrame::of_center(volume.center()))
    }

    /// Copyrights of what is resident.
    pub fn copyrights(&self) -> impl Iterator<Item = &str> {
        self.copyrights.keys().map(String::as_str)
    }

    /// Problems in the data seen so far that did not end the session. What could not be reached, or does not fit the
    /// memory ceiling, is none.
    pub fn problem_count(&self) -> u64 {
        let others = self.streamer.unreachable_count() + self.streamer.beyond_ceiling_count();
        self.problems + self.streamer.warning_count() - others
    }

    /// Areas and contents that cannot be shown because the memory ceiling is too low.
    pub fn beyond_memory_count(&self) -> u64 {
        self.stats.over_budget as u64 + self.streamer.beyond_ceiling_count()
    }

    /// What went wrong, in words.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Why the `tileset.json` itself cannot be had.
    pub fn root_failure(&self) -> Option<String> {
        let warning = self.streamer.warnings().last()?;
        Some(format!("{}: {}", self.source.name_of(&warning.file), warning.reason))
    }

    /// Nothing can come of it: the `tileset.json` itself failed for good.
    pub fn is_dead(&self) -> bool {
        self.bounding_volume().is_none() && self.stats.failed > 0
    }
}

fn input_of(event: FetchEvent) -> Input {
    match event {
        FetchEvent::Length(id, bytes) => Input::FetchLength(FetchId(id), bytes),
        FetchEvent::Done(id, Ok(payload)) => Input::Fetched(FetchId(id), Ok(payload.bytes)),
        FetchEvent::Done(id, Err(error)) => {
            let kind = match &error {
                FetchError::TooLarge { needed, .. } => FailureKind::TooLong(*needed),
                error if error.is_transient() => FailureKind::Transient,
                _ => FailureKind::Final,
            };
            let failure = FetchFailure { kind, retry_after: error.retry_after(), message: error.reason() };
            Input::Fetched(FetchId(id), Err(failure))
        }
    }
}

/// Colours of levels in debug views, linear.
pub fn level_tint(depth: u16) -> [f32; 3] {
    const COLORS: [[f32; 3]; 8] = [
        [1.0, 0.35, 0.35],
        [1.0, 0.65, 0.25],
        [0.95, 0.95, 0.3],
        [0.45, 1.0, 0.4],
        [0.35, 0.95, 0.95],
        [0.4, 0.6, 1.0],
        [0.75, 0.45, 1.0],
        [1.0, 0.5, 0.85],
    ];
    COLORS.get(usize::from(depth) % COLORS.len()).copied().unwrap_or([1.0; 3])
}
