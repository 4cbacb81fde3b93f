//! What goes into the streamer and what comes out.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use geodesy::{
    Frustum, Obb,
    glam::{DMat4, DVec3},
};

use crate::content::{ContentCost, TextureSupport, UpAxis};

/// A tileset in the streamer (the root of a stream, or a subtree being replaced).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilesetId(pub u32);

/// A tile; stays valid until the tile's tree is unloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Slot.
    pub index: u32,
    /// Generation of the slot.
    pub generation: u32,
}

/// One content of a tile (a tile may have several).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub u64);

/// One request for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FetchId(pub u64);

/// A camera as the streamer sees it. Several views may share one streamer, each with its own error and weight.
#[derive(Clone, Debug)]
pub struct View {
    /// Eye in world.
    pub eye_in_world: DVec3,
    /// Unit view direction in world.
    pub forward_in_world: DVec3,
    /// Frustum in world.
    pub frustum_in_world: Frustum,
    /// Height of the picture in physical pixels.
    pub viewport_height_px: f64,
    /// Full vertical field of view, radians.
    pub vertical_fov_rad: f64,
    /// Largest screen-space error this view accepts, pixels (16 unless told).
    pub max_screen_space_error_px: f64,
    /// Share of the loading capacity relative to other views (1 unless told).
    pub weight: f64,
}

/// Settings; may be changed between frames.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamerSettings {
    /// Hard ceiling over CPU and GPU bytes: tree, payloads in flight, decoded contents, GPU copies.
    pub memory_ceiling_bytes: u64,
    /// Requests in flight at once.
    pub max_fetches: usize,
    /// Decodes in flight at once.
    pub max_decodes: usize,
    /// Bytes handed to the GPU per frame; larger uploads are cut into slices by the caller.
    pub upload_bytes_per_frame: u64,
    /// Duration of the cross-fade between levels, seconds; 0 switches fades off.
    pub fade_secs: f32,
    /// First retry after this long; doubles each time, with deterministic jitter.
    pub retry_first: Duration,
    /// Longest wait between retries.
    pub retry_max: Duration,
    /// After so many failures a content counts as failed for good (until [`Streamer::retry_failed`]); its parent stays drawn for its area.
    pub max_attempts: u32,
    /// Load ancestors of what is shown once it is there, as far as memory is free: for zooming out.
    pub preload_ancestors: bool,
    /// Load tiles just outside the view once it is settled, as far as memory is free: for turning.
    pub preload_siblings: bool,
    /// What the GPU samples: decides what compressed textures cost.
    pub texture_support: TextureSupport,
}

impl Default for StreamerSettings {
    fn default() -> Self {
        Self {
            memory_ceiling_bytes: 1 << 30,
            max_fetches: 16,
            max_decodes: 2,
            upload_bytes_per_frame: 8 << 20,
            fade_secs: 0.3,
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            max_attempts: 5,
            preload_ancestors: true,
            preload_siblings: true,
            texture_support: TextureSupport::default(),
        }
    }
}

/// What a failure to fetch means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Asking again is useless: 404, refused paths and the like.
    Final,
    /// Asking again may help: network, 5xx, 429.
    Transient,
    /// It takes more than [`FetchOrder::max_bytes`]: so many bytes, where the source could tell. It is ordered again
    /// with more room, once there is room; this counts as no failure.
    TooLong(Option<u64>),
}

/// How a fetch ended without bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchFailure {
    /// Whether and how it is tried again.
    pub kind: FailureKind,
    /// The server asked to wait.
    pub retry_after: Option<Duration>,
    /// For people.
    pub message: String,
}

/// Finished (or progressed) work.
#[derive(Clone, Debug)]
pub enum Input {
    /// A running fetch will take no more than so many bytes: what was reserved beyond is free again.
    FetchLength(FetchId, u64),
    /// A fetch ended.
    Fetched(FetchId, Result<Bytes, FetchFailure>),
    /// A decode ended: its real cost, or why it failed (never retried: bytes do not change). For a cancelled one that
    /// ended with a result all the same this is its answer; if nobody wants the result any more, the next plan drops it.
    Decoded(ContentId, Result<ContentCost, String>),
    /// A cancelled decode ended without a result: it holds no memory any more.
    DecodeCancelled(ContentId),
    /// All bytes of a content are on the GPU and its transient memory is freed.
    Uploaded(ContentId),
}

/// Start a fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchOrder {
    /// Its id.
    pub id: FetchId,
    /// What to fetch, as resolved by [`crate::uri`].
    pub uri: Arc<str>,
    /// What is reserved for it, bytes: the fetch must end with [`FailureKind::TooLong`] rather than take more, the
    /// stored and the inflated form together where both exist at once.
    pub max_bytes: u64,
}

/// Start a decode on the caller's pool.
#[derive(Clone, Debug)]
pub struct DecodeOrder {
    /// Its id.
    pub id: ContentId,
    /// Tile it belongs to.
    pub tile: TileId,
    /// Bytes of the content.
    pub bytes: Bytes,
    /// Uri it came from.
    pub uri: Arc<str>,
    /// Referenced files by resolved uri.
    pub resources: HashMap<String, Bytes>,
    /// Up axis of its tileset.
    pub gltf_up_axis: UpAxis,
    /// Memory reserved for it, bytes: decoding must refuse to take more.
    pub budget_bytes: u64,
}

/// One content to draw this frame.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawTile {
    /// The content. It may occur several times, with different `fade` or `only_inside`, for disjoint sets of views.
    pub content: ContentId,
    /// Its tile.
    pub tile: TileId,
    /// Places content space in world.
    pub world_from_content: DMat4,
    /// 1 = fully there. Below 1 it is fading in (dither pattern kept where pattern < fade) ...
    pub fade: f32,
    /// ... or, when true, fading out (the complementary pattern).
    pub fading_out: bool,
    /// Bit n: drawn in view n.
    pub views: u32,
    /// Level in the tree, root 0 (for debug views).
    pub depth: u16,
    /// Not empty: draw only what lies inside one of these boxes (world): the areas of descendants that failed for good.
    pub only_inside: Vec<Obb>,
}

/// What to do now. Lists are in order of importance.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Fetches to start.
    pub fetch: Vec<FetchOrder>,
    /// Fetches to abort; no answer is expected any more.
    pub cancel_fetch: Vec<FetchId>,
    /// Decodes to start.
    pub decode: Vec<DecodeOrder>,
    /// Decodes to abandon. What is reserved for them stays reserved until they are answered, with
    /// [`Input::DecodeCancelled`] or [`Input::Decoded`]: every order of [`Plan::decode`] is answered exactly once.
    pub cancel_decode: Vec<ContentId>,
    /// Decoded contents waiting for upload, most important first: the caller uploads up to
    /// [`StreamerSettings::upload_bytes_per_frame`] from the front, in slices, and re-reads the order every frame.
    pub upload: Vec<ContentId>,
    /// Contents to draw.
    pub draw: Vec<DrawTile>,
    /// Contents whose CPU and GPU memory must be freed now.
    pub drop: Vec<ContentId>,
    /// Figures of this frame.
    pub stats: Stats,
}

/// Figures for the loading indicator and the debug view.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Tiles visited by selection.
    pub visited: usize,
    /// Tiles culled.
    pub culled: usize,
    /// Contents drawn.
    pub drawn: usize,
    /// Contents wanted for the settled view but not resident yet (what is loaded in advance does not count).
    pub wanted: usize,
    /// Contents being loaded in advance.
    pub preloading: usize,
    /// Requests in flight.
    pub fetching: usize,
    /// Waiting for a free request slot.
    pub fetch_queue: usize,
    /// Decodes in flight, those that were cancelled and still run included.
    pub decoding: usize,
    /// Waiting for a worker.
    pub decode_queue: usize,
    /// Waiting for the GPU.
    pub upload_queue: usize,
    /// Failed for good and wanted by a view now.
    pub failed: usize,
    /// Wanted, but waiting to be retried.
    pub retrying: usize,
    /// In view, but none of the ancestors could be loaded: areas reported missing.
    pub missing: usize,
    /// In view, but the coarsest cover exceeds the ceiling.
    pub over_budget: usize,
    /// Contents cross-fading.
    pub fading: usize,
    /// Bytes counted against the ceiling, all kinds.
    pub used_bytes: u64,
    /// Of these on the GPU.
    pub gpu_bytes: u64,
    /// Highest `used_bytes` so far.
    pub peak_bytes: u64,
    /// Bytes above the ceiling, after it was lowered, that cannot be given back yet: what workers still hold, and the
    /// tree itself. Everything else was given back in the same update.
    pub over_ceiling_bytes: u64,
    /// Factor (≥ 1) on every view's error that memory forces.
    pub memory_error_factor: f64,
    /// The picture is final: nothing wanted is missing, loading or queued, no retry due, fades over. What is loaded in advance (ancestors, neighbours) does not count.
    pub settled: bool,
    /// Contents fetched so far, and their bytes.
    pub fetched_total: u64,
    /// Bytes fetched so far.
    pub fetched_bytes_total: u64,
}
