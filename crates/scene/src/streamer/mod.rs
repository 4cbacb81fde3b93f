//! Which tiles to fetch, decode, upload, draw and drop: a deterministic machine without IO.
//!
//! Every frame the caller hands finished work in with [`Streamer::accept`], then calls [`Streamer::update`] with its
//! views and the time, and carries out the [`Plan`]. The same inputs give the same plans.
//!
//! One frame goes like this: files that arrived are looked at and hung into the tree (`arrive`); every view walks the
//! tree and picks what to draw now and what it wants (`selection`); changes of level become fades (`fade`);
//! what is drawn or wanted is pinned, the wants of all views are put into one order (`queues`); what nobody wants any
//! more is cancelled, workers and request slots are filled in that order, and room is made for them by taking away
//! what was not looked at for longest (`residency`); finally the error factor follows the memory (`pressure`).

mod abandoned;
pub mod api;
mod arrive;
mod choice;
mod draw;
mod fade;
mod fetching;
mod graft;
mod pressure;
mod queues;
mod reader;
mod replace;
mod residency;
mod retry;
mod selection;
mod shed;
mod side;
mod slots;
mod swap;
mod views;

pub use api::*;
pub use reader::{ContentReader, TileFormats};
pub use replace::{Placement, ReplaceTarget};

use std::{sync::Arc, time::Duration};

use geodesy::BoundingVolume;

use crate::{
    content::Warning,
    metadata::MetadataLevel,
    tileset::{Tree, TreeLimits},
};
use choice::Choice;
use pressure::{Load, Pressure};
use queues::{Blocked, Estimates};
use selection::{Class, Pass, Rules};
use side::Side;
use slots::{Phase, Role, Slots};
use views::ViewState;

/// Warnings kept; the others are only counted.
const MAX_WARNINGS: usize = 1000;
/// Views that one streamer serves: as many as [`DrawTile::views`] has bits.
const MAX_VIEWS: usize = 32;

/// Streams any number of tilesets for any number of views within one memory ceiling.
pub struct Streamer {
    settings: StreamerSettings,
    reader: Box<dyn ContentReader>,
    tree: Tree,
    sides: Vec<Side>,
    slots: Slots,
    places: Vec<replace::Place>,
    choices: Vec<Choice>,
    views: Vec<ViewState>,
    fetches: residency::Fetches,
    /// Slots under way; may hold some that no longer are.
    active: Vec<u32>,
    ranked: Vec<(Class, u32, u32)>,
    evictable: Vec<residency::Evictable>,
    evictable_frame: u32,
    entries: Vec<draw::Entry>,
    by_distance: Vec<(f64, u32)>,
    decoding: usize,
    cancelling: usize,
    decoded: usize,
    abandoned: abandoned::Abandoned,
    next_fetch: u64,
    next_tileset: u32,
    frame: u32,
    now: Duration,
    last_views: Vec<View>,
    last_settings: StreamerSettings,
    /// What selection reads changed since it ran.
    dirty: bool,
    /// A tileset is here that there is no room to parse.
    graft_waits: bool,
    pressure: Pressure,
    estimates: Estimates,
    warnings: Vec<Warning>,
    warning_count: u64,
    unreachable_count: u64,
    beyond_ceiling_count: u64,
    outbox: Outbox,
    plan: Plan,
}

/// What is to be told with the next plan.
#[derive(Debug, Default)]
struct Outbox {
    cancel_fetch: Vec<FetchId>,
    cancel_decode: Vec<ContentId>,
    drop: Vec<ContentId>,
}

impl std::fmt::Debug for Streamer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamer")
            .field("frame", &self.frame)
            .field("stats", &self.plan.stats)
            .finish_non_exhaustive()
    }
}

impl Streamer {
    /// A streamer without tilesets, for the formats of [`crate::content`].
    pub fn new(settings: StreamerSettings) -> Self {
        Self::with_reader(settings, Box::new(TileFormats))
    }

    /// A streamer for other contents than those of [`crate::content`].
    pub fn with_reader(settings: StreamerSettings, reader: Box<dyn ContentReader>) -> Self {
        Self {
            last_settings: settings.clone(),
            settings,
            reader,
            tree: Tree::new(TreeLimits::default()),
            sides: Vec::new(),
            slots: Slots::default(),
            places: Vec::new(),
            choices: Vec::new(),
            views: Vec::new(),
            fetches: residency::Fetches::new(),
            active: Vec::new(),
            ranked: Vec::new(),
            evictable: Vec::new(),
            evictable_frame: 0,
            entries: Vec::new(),
            by_distance: Vec::new(),
            decoding: 0,
            cancelling: 0,
            abandoned: abandoned::Abandoned::default(),
            decoded: 0,
            next_fetch: 1,
            next_tileset: 0,
            frame: 1,
            now: Duration::ZERO,
            last_views: Vec::new(),
            dirty: false,
            graft_waits: false,
            pressure: Pressure::default(),
            estimates: Estimates::default(),
            warnings: Vec::new(),
            warning_count: 0,
            unreachable_count: 0,
            beyond_ceiling_count: 0,
            outbox: Outbox::default(),
            plan: Plan::default(),
        }
    }

    /// The settings; what is changed takes effect with the next update.
    pub fn settings_mut(&mut self) -> &mut StreamerSettings {
        &mut self.settings
    }

    /// The settings.
    pub fn settings(&self) -> &StreamerSettings {
        &self.settings
    }

    /// Decides what to do now. `now` is any clock that does not run backwards; at most 32 views are served. The plan
    /// must be carried out whole before the next call.
    pub fn update(&mut self, views: &[View], now: Duration) -> &Plan {
        let views = views.get(..MAX_VIEWS).unwrap_or(views);
        self.now = self.now.max(now);
        self.plan.fetch.clear();
        self.plan.decode.clear();
        self.plan.upload.clear();
        self.evictable_frame = 0;
        self.outbox.drop.extend(self.abandoned.take_delivered());
        self.prepare_arrived();

        self.frame += 1;
        let moved = self.note_views(views);
        self.grow();
        self.collect_choices();
        self.dirty = false;
        let mut wanted_bytes = self.select(views);
        let mut lost = 0;
        if self.used_bytes() > self.settings.memory_ceiling_bytes {
            let shed = self.shed();
            lost += shed.covers;
            if shed.used {
                wanted_bytes = self.select_again(views);
            }
        }
        self.update_swaps();
        self.complete_replacements();
        self.update_fades();
        self.collect_draws();
        self.rank();
        self.cancel_stale();
        lost += self.relieve();
        debug_assert!(self.is_over_only_by_force());
        let mut blocked = Blocked::default();
        self.start_decodes(&mut blocked);
        self.start_fetches(&mut blocked);
        blocked.by_memory |= self.graft_waits;
        self.order_uploads();
        let mut figures = self.count();
        figures.over_budget += lost;
        let stalled = blocked.by_memory
            && self.fetches.is_empty()
            && self.busy_workers() == 0
            && self.decoded == 0
            && figures.fading == 0;
        let load = Load {
            now: self.now,
            wanted_bytes,
            content_bytes: self.settings.memory_ceiling_bytes.saturating_sub(self.base_bytes()),
            stalled,
            moved,
            idle: figures.wanted == 0,
        };
        let mut by_distance = std::mem::take(&mut self.by_distance);
        let pressure_changed = self.pressure.step(&load, &mut by_distance);
        self.by_distance = by_distance;
        self.finish(figures, &blocked, pressure_changed);
        &self.plan
    }

    /// The plan of the last update.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Tries everything that failed for good again.
    pub fn retry_failed(&mut self) {
        let failed: Vec<u32> =
            self.slots.iter().filter(|(_, s)| s.phase == Phase::Failed).map(|(i, _)| i).collect();
        for index in failed {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.attempts = 0;
            }
            self.set_phase(index, Phase::Absent);
        }
    }

    /// The tree, to ask tiles for bounds, errors, metadata.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Bounding volume of a stream in world, once its `tileset.json` is here.
    pub fn bounding_volume(&self, id: TilesetId) -> Option<&BoundingVolume> {
        Some(self.tree.get(self.root_tile(id)?)?.volume())
    }

    /// The tile and uri of a content.
    pub fn content(&self, id: ContentId) -> Option<(TileId, Arc<str>)> {
        let slot = self.slots.get(self.slots.by_id(id)?)?;
        Some((slot.tile, slot.uri.clone()))
    }

    /// The metadata of everything a content belongs to, from the outermost tileset to the content itself: what a panel
    /// shows besides the properties of a picked feature. See [`Tree::metadata_of`].
    pub fn metadata_of(&self, id: ContentId) -> Vec<MetadataLevel> {
        let Some(slot) = self.slots.by_id(id).and_then(|index| self.slots.get(index)) else {
            return Vec::new();
        };
        let content = match slot.role {
            Role::Model(n) | Role::Tileset(n) => Some(usize::from(n)),
            Role::Subtree | Role::Root(_) => None,
        };
        self.tree.metadata_of(slot.tile, content)
    }

    /// What was mended, skipped or failed: the first 1000, in order.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How many warnings there were in all.
    pub fn warning_count(&self) -> u64 {
        self.warning_count
    }

    /// How many of them say that a file could not be reached, whatever is in it: failures to fetch that were
    /// [`FailureKind::Transient`] to the last.
    pub fn unreachable_count(&self) -> u64 {
        self.unreachable_count
    }

    /// How many of them say that a content alone takes more than the ceiling.
    pub fn beyond_ceiling_count(&self) -> u64 {
        self.beyond_ceiling_count
    }

    /// Whether views or settings differ from the frame before; remembers them.
    fn note_views(&mut self, views: &[View]) -> bool {
        let same = views.len() == self.last_views.len()
            && views.iter().zip(&self.last_views).all(|(a, b)| same_view(a, b))
            && self.settings == self.last_settings;
        if !same {
            self.last_views.clear();
            self.last_views.extend_from_slice(views);
            self.last_settings = self.settings.clone();
        }
        self.views.resize_with(views.len(), ViewState::default);
        for (state, view) in self.views.iter_mut().zip(views) {
            state.weight = view.weight;
        }
        !same
    }

    /// Makes the arrays beside the tree as long as the tree.
    fn grow(&mut self) {
        let slots = self.tree.slot_count();
        if self.sides.len() < slots {
            self.sides.reserve_exact(slots - self.sides.len());
            self.sides.resize(slots, Side::default());
        }
        for view in &mut self.views {
            if view.drawn_in.len() < slots {
                view.drawn_in.reserve_exact(slots - view.drawn_in.len());
                view.drawn_in.resize(slots, 0);
            }
        }
    }

    /// One pass per view. Returns what the settled views need, bytes.
    fn select(&mut self, views: &[View]) -> u64 {
        let ceiling = self.settings.memory_ceiling_bytes;
        let rules = Rules {
            frame: self.frame,
            factor: self.pressure.factor,
            cut_m: self.pressure.cut_m,
            tight: self.pressure.tight,
            pressed: self.used_bytes() as f64 > 0.8 * ceiling as f64,
            unknown_cost_kib: self.estimates.cost_bytes(ceiling).div_ceil(1024).min(u64::from(u32::MAX))
                as u32,
            preload_ancestors: self.settings.preload_ancestors,
            preload_siblings: self.settings.preload_siblings,
            fades: !self.fade_length().is_zero(),
        };
        let mut wanted_kib = 0;
        self.by_distance.clear();
        for (view, out) in views.iter().zip(&mut self.views) {
            let pixels_per_metre_at_1_m =
                view.viewport_height_px / (2.0 * (view.vertical_fov_rad * 0.5).tan());
            Pass {
                tree: &self.tree,
                sides: &mut self.sides,
                choices: &self.choices,
                rules,
                view,
                out,
                wanted_kib: &mut wanted_kib,
                wanted_by_distance: &mut self.by_distance,
                pixels_per_metre_at_1_m,
                limit_px: view.max_screen_space_error_px * rules.factor,
                quiet: 0,
                before_quiet: (0, 0, 0),
            }
            .run();
        }
        wanted_kib * 1024
    }

    fn update_fades(&mut self) {
        let length = self.fade_length();
        let (tree, places) = (&self.tree, &self.places);
        let parent_of = |tile: u32| residency::parent_of(tree, places, tile);
        for view in &mut self.views {
            fade::update(view, tree, &self.sides, &parent_of, self.frame, self.now, length);
            view.remember(self.frame);
        }
    }

    /// Figures that the queues' state gives.
    fn count(&self) -> Stats {
        let mut stats = Stats::default();
        for &(class, _, index) in &self.ranked {
            let Some(slot) = self.slots.get(index) else { continue };
            let open = !matches!(slot.phase, Phase::Resident | Phase::Grafted | Phase::Failed);
            if class >= Class::Ancestor {
                stats.preloading += usize::from(slot.is_under_way());
            } else if open {
                stats.wanted += 1;
                stats.retrying += usize::from(slot.phase == Phase::Retry);
            }
        }
        for view in &self.views {
            stats.visited += view.visited;
            stats.culled += view.culled;
            stats.missing += view.missing;
            stats.over_budget += view.over_budget;
            stats.failed += view.failed;
            stats.fading += view.fades.now().len() + view.leaving.len();
        }
        for place in self.places.iter().filter(|p| p.live) {
            let lost = place
                .current
                .is_some_and(|a| self.slots.get(a.slot).is_some_and(|s| s.phase == Phase::Failed));
            stats.missing += usize::from(lost);
            stats.failed += usize::from(lost);
        }
        stats
    }

    /// Wanted contents whose time to be tried again has not come.
    fn waiting_for_retry(&self) -> usize {
        self.ranked
            .iter()
            .filter(|(class, ..)| *class < Class::Ancestor)
            .filter_map(|&(.., index)| self.slots.get(index))
            .filter(|s| s.phase == Phase::Retry && s.due > self.now)
            .count()
    }

    fn finish(&mut self, mut stats: Stats, blocked: &Blocked, pressure_changed: bool) {
        self.plan.cancel_fetch.clear();
        self.plan.cancel_decode.clear();
        self.plan.drop.clear();
        self.plan.cancel_fetch.append(&mut self.outbox.cancel_fetch);
        self.plan.cancel_decode.append(&mut self.outbox.cancel_decode);
        self.plan.drop.append(&mut self.outbox.drop);
        let waiting = self.waiting_for_retry();
        let exhausted = self.pressure.is_exhausted() && blocked.by_memory;
        if exhausted {
            stats.over_budget += stats.wanted - waiting;
        }
        let before = self.plan.stats;
        let used = self.used_bytes();
        self.plan.stats = Stats {
            drawn: self.plan.draw.len(),
            fetching: self.fetches.len(),
            fetch_queue: blocked.fetch_queue,
            decoding: self.busy_workers(),
            decode_queue: blocked.decode_queue,
            upload_queue: self.decoded,
            used_bytes: used,
            gpu_bytes: self.slots.gpu,
            peak_bytes: before.peak_bytes.max(used),
            over_ceiling_bytes: used.saturating_sub(self.settings.memory_ceiling_bytes),
            memory_error_factor: self.pressure.factor,
            settled: (stats.wanted == 0 || exhausted && waiting == 0)
                && stats.fading == 0
                && !pressure_changed
                && !self.dirty,
            fetched_total: before.fetched_total,
            fetched_bytes_total: before.fetched_bytes_total,
            ..stats
        };
    }
}

fn same_view(a: &View, b: &View) -> bool {
    a.eye_in_world == b.eye_in_world
        && a.forward_in_world == b.forward_in_world
        && a.frustum_in_world == b.frustum_in_world
        && a.viewport_height_px == b.viewport_height_px
        && a.vertical_fov_rad == b.vertical_fov_rad
        && a.max_screen_space_error_px == b.max_screen_space_error_px
        && a.weight == b.weight
}
