//! Carries plans out with random delays, and checks that they make sense.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use scene::{
    content::ContentCost,
    streamer::{
        ContentId, FailureKind, FetchFailure, FetchId, Input, Plan, Streamer, StreamerSettings, View,
    },
};

use super::world::{FakeFormat, Fault, Rng, World, cost_of};

/// How slow and unreliable the world is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Frames a fetch takes at most.
    pub(super) fetch_frames: u64,
    pub(super) decode_frames: u64,
    /// Uploads per frame at most.
    pub(super) uploads: u64,
    /// Share of fetches that tell their length first, and of those cut off, of how much they need.
    pub(super) tell_length: f64,
    /// Frames that a worker goes on with a decode that was cancelled, at most.
    pub(super) cancel_frames: u64,
    /// Share of cancelled decodes that come to a result all the same.
    pub(super) late_results: f64,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            fetch_frames: 6,
            decode_frames: 3,
            uploads: 3,
            tell_length: 0.5,
            cancel_frames: 4,
            late_results: 0.3,
        }
    }
}

/// A request on its way.
struct Fetch {
    uri: String,
    /// Frame in which it ends.
    at: u64,
    /// Frame in which it tells its length, if it does.
    tell_at: Option<u64>,
    max_bytes: u64,
    /// What it was told to take at most.
    told: Option<u64>,
}

impl Fetch {
    /// Nobody knows how much of it is here: as much as it may take.
    fn held(&self) -> u64 {
        self.told.unwrap_or(self.max_bytes)
    }
}

/// A decode that a worker has.
struct Decode {
    cost: ContentCost,
    payload_bytes: u64,
    at: u64,
    corrupt: bool,
    cancelled: bool,
}

impl Decode {
    fn held(&self) -> u64 {
        self.payload_bytes + self.cost.cpu_bytes + self.cost.gpu_bytes + self.cost.transient_bytes
    }
}

pub(super) struct Caller {
    pub(super) streamer: Streamer,
    pub(super) world: World,
    pub(super) now: Duration,
    pub(super) frame: u64,
    manners: Manners,
    rng: Rng,
    fetching: BTreeMap<FetchId, Fetch>,
    decoding: BTreeMap<ContentId, Decode>,
    decoded: BTreeMap<ContentId, ContentCost>,
    pub(super) resident: BTreeMap<ContentId, ContentCost>,
    answered: BTreeSet<FetchId>,
    attempts: BTreeMap<String, u32>,
    pub(super) fetches_of: BTreeMap<String, u32>,
    /// Requests that were cut off because they took more than was reserved.
    pub(super) cut_off: u32,
    /// Decodes that were cancelled.
    pub(super) cancelled: u32,
    pub(super) plan_hash: u64,
}

pub(super) const FRAME: Duration = Duration::from_millis(16);

impl Caller {
    pub(super) fn new(world: World, settings: StreamerSettings, manners: Manners, seed: u64) -> Self {
        Self {
            streamer: Streamer::with_reader(settings, Box::new(FakeFormat)),
            world,
            now: Duration::ZERO,
            frame: 0,
            manners,
            rng: Rng(seed),
            fetching: BTreeMap::new(),
            decoding: BTreeMap::new(),
            decoded: BTreeMap::new(),
            resident: BTreeMap::new(),
            answered: BTreeSet::new(),
            attempts: BTreeMap::new(),
            fetches_of: BTreeMap::new(),
            cut_off: 0,
            cancelled: 0,
            plan_hash: 0,
        }
    }

    pub(super) fn set_manners(&mut self, manners: Manners) {
        self.manners = manners;
    }

    /// One frame: hands finished work in, updates, checks the plan, carries it out.
    pub(super) fn step(&mut self, views: &[View]) -> Plan {
        self.frame += 1;
        self.now += FRAME;
        self.deliver();
        let plan = self.streamer.update(views, self.now).clone();
        self.check_ceiling(&plan);
        self.carry_out(&plan);
        self.plan_hash = hash(self.plan_hash, &plan);
        plan
    }

    /// Frames until settled; panics if that takes more than `limit`.
    pub(super) fn settle(&mut self, views: &[View], limit: usize) -> Plan {
        for _ in 0..limit {
            let plan = self.step(views);
            if plan.stats.settled {
                return plan;
            }
        }
        let stats = self.streamer.plan().stats;
        panic!("not settled after {limit} frames: {stats:?}");
    }

    /// Nothing above the ceiling, except what the streamer cannot take back.
    fn check_ceiling(&self, plan: &Plan) {
        let ceiling = self.streamer.settings().memory_ceiling_bytes;
        let (used, frame) = (self.streamer.used_bytes(), self.frame);
        assert_eq!(plan.stats.used_bytes, used);
        assert_eq!(plan.stats.over_ceiling_bytes, used.saturating_sub(ceiling));
        if used > ceiling {
            let left = self.resident.len() + self.decoded.len() - plan.drop.len();
            let fetching = plan.stats.fetching + plan.fetch.len() + plan.decode.len();
            assert!(
                left == 0 && fetching == 0 && plan.draw.is_empty(),
                "frame {frame}: {used} bytes used, the ceiling is {ceiling}, though there is something to give back: \
                 {left} contents, {fetching} requests\n{:?}",
                plan.stats
            );
        }
    }

    /// Taking something in never uses more than the ceiling, or than was used before.
    fn accept(&mut self, input: Input) {
        let most = self.streamer.used_bytes().max(self.streamer.settings().memory_ceiling_bytes);
        self.streamer.accept(input);
        assert!(self.streamer.used_bytes() <= most);
        self.check_held();
    }

    /// What is resident, but for what the next plan drops because its stream was taken off.
    fn held_resident(&self) -> u64 {
        let known = self.resident.iter().filter(|(id, _)| self.streamer.content(**id).is_some());
        known.map(|(_, c)| c.cpu_bytes + c.gpu_bytes).sum()
    }

    fn deliver(&mut self) {
        self.tell_lengths();
        let due: Vec<FetchId> =
            self.fetching.iter().filter(|(_, f)| f.at <= self.frame).map(|(id, _)| *id).collect();
        for id in due {
            let Some(Fetch { uri, max_bytes, .. }) = self.fetching.remove(&id) else { continue };
            assert!(self.answered.insert(id), "{id:?} is answered twice");
            let fault = self.world.faults.get(&uri).copied();
            let attempt = self.attempts.entry(uri.clone()).or_insert(0);
            let failure = |kind| FetchFailure { kind, retry_after: None, message: format!("{uri} failed") };
            let result = match (fault, self.world.get(&uri)) {
                (Some(Fault::Gone), _) | (_, None) => Err(failure(FailureKind::Final)),
                (Some(Fault::Flaky(n)), _) if *attempt < n => {
                    *attempt += 1;
                    Err(failure(FailureKind::Transient))
                }
                (_, Some(bytes)) if bytes.len() as u64 > max_bytes => {
                    self.cut_off += 1;
                    let tell = self.rng.chance(self.manners.tell_length);
                    Err(failure(FailureKind::TooLong(tell.then_some(bytes.len() as u64))))
                }
                (_, Some(bytes)) => Ok(bytes),
            };
            self.accept(Input::Fetched(id, result));
        }
        let due: Vec<ContentId> =
            self.decoding.iter().filter(|(_, d)| d.at <= self.frame).map(|(id, _)| *id).collect();
        for id in due {
            let Some(decode) = self.decoding.remove(&id) else { continue };
            if decode.cancelled && !self.rng.chance(self.manners.late_results) {
                self.accept(Input::DecodeCancelled(id));
            } else if decode.corrupt {
                self.accept(Input::Decoded(id, Err("corrupt".into())));
            } else {
                self.decoded.insert(id, decode.cost);
                self.accept(Input::Decoded(id, Ok(decode.cost)));
            }
        }
    }

    fn tell_lengths(&mut self) {
        let due: Vec<FetchId> = self
            .fetching
            .iter()
            .filter(|(_, f)| f.tell_at.is_some_and(|at| at <= self.frame))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(fetch) = self.fetching.get_mut(&id) else { continue };
            fetch.tell_at = None;
            let Some(bytes) = self.world.get(&fetch.uri) else { continue };
            let length = bytes.len() as u64;
            if length <= fetch.max_bytes {
                fetch.told = Some(length);
                self.accept(Input::FetchLength(id, length));
            }
        }
    }

    fn carry_out(&mut self, plan: &Plan) {
        for id in &plan.cancel_fetch {
            assert!(
                self.fetching.remove(id).is_some() || self.answered.contains(id),
                "{id:?} is cancelled but was never ordered, or twice"
            );
            assert!(self.answered.insert(*id) || !self.fetching.contains_key(id));
        }
        for id in &plan.cancel_decode {
            let delay = self.rng.below(self.manners.cancel_frames);
            let decode = self.decoding.get_mut(id).expect("only what is being decoded is cancelled");
            assert!(!decode.cancelled, "{id:?} is cancelled twice");
            decode.cancelled = true;
            decode.at = decode.at.min(self.frame + 1) + delay;
            self.cancelled += 1;
        }
        for id in &plan.drop {
            let had = self.decoded.remove(id).is_some() || self.resident.remove(id).is_some();
            assert!(had, "{id:?} is dropped but not here");
        }
        for order in &plan.fetch {
            let delay = self.rng.below(self.manners.fetch_frames);
            let tell_at =
                self.rng.chance(self.manners.tell_length).then(|| self.frame + 1 + self.rng.below(delay + 1));
            *self.fetches_of.entry(order.uri.to_string()).or_insert(0) += 1;
            let (uri, at) = (order.uri.to_string(), self.frame + 1 + delay);
            let fetch = Fetch { uri, at, tell_at, max_bytes: order.max_bytes, told: None };
            assert!(self.fetching.insert(order.id, fetch).is_none());
        }
        for order in &plan.decode {
            let cost = cost_of(&order.bytes).expect("only what was measured is decoded");
            assert!(cost.cpu_bytes + cost.gpu_bytes + cost.transient_bytes <= order.budget_bytes);
            let at = self.frame + 1 + self.rng.below(self.manners.decode_frames);
            let corrupt = self.world.faults.get(&*order.uri) == Some(&Fault::Corrupt);
            let payload_bytes = order.bytes.len() as u64
                + order.resources.values().map(|bytes| bytes.len() as u64).sum::<u64>();
            let decode = Decode { cost, payload_bytes, at, corrupt, cancelled: false };
            assert!(self.decoding.insert(order.id, decode).is_none());
        }
        assert_eq!(plan.upload.len(), self.decoded.len(), "everything decoded waits for upload");
        let mut left = 1 + self.rng.below(self.manners.uploads);
        for id in &plan.upload {
            let cost = *self.decoded.get(id).expect("only decoded contents are uploaded");
            if left > 0 {
                left -= 1;
                self.decoded.remove(id);
                self.resident.insert(*id, cost);
                self.accept(Input::Uploaded(*id));
            }
        }
        let settings = self.streamer.settings();
        assert!(self.fetching.len() <= settings.max_fetches);
        assert!(self.decoding.len() <= settings.max_decodes);
        let mut seen = BTreeMap::new();
        for draw in &plan.draw {
            assert!(
                self.resident.contains_key(&draw.content),
                "{:?} is drawn but not uploaded",
                draw.content
            );
            let views = seen.entry(draw.content).or_insert(0u32);
            assert_eq!(*views & draw.views, 0, "{:?} is drawn twice in a view", draw.content);
            *views |= draw.views;
        }
        assert!(self.resident.keys().all(|id| self.streamer.content(*id).is_some()));
        self.check_held();
    }

    /// What this side really holds, and the tree, must be within what the streamer counts.
    fn check_held(&self) {
        let held: u64 = self.held_resident()
            + self.decoded.values().map(|c| c.cpu_bytes + c.gpu_bytes + c.transient_bytes).sum::<u64>()
            + self.decoding.values().map(Decode::held).sum::<u64>()
            + self.fetching.values().map(Fetch::held).sum::<u64>()
            + self.streamer.tree().bytes();
        assert!(
            held <= self.streamer.used_bytes(),
            "{held} bytes held, {} counted",
            self.streamer.used_bytes()
        );
    }
}

/// A fingerprint of everything a plan says.
fn hash(before: u64, plan: &Plan) -> u64 {
    let mut text =
        format!("{:?}{:?}{:?}{:?}", plan.fetch, plan.cancel_fetch, plan.cancel_decode, plan.upload);
    for order in &plan.decode {
        text += &format!("{:?}{:?}{}", order.id, order.tile, order.budget_bytes);
    }
    text += &format!("{:?}{:?}{:?}", plan.draw, plan.drop, plan.stats);
    text.bytes().fold(before, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}
